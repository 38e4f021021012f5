"""One JSON text, or the reason why it is none."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.reading.strict_json import parse_json


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"), (b" ", "line 1, column 2"), (b"{", "line 1, column 2"),
        (b"[1,\n]", "line 2, column 1"), (b"1 2", "extra data, line 1, column 3"),
        (b"\xff", "byte 1 is not UTF-8"), (b'"\xed\xa0\x80"', "byte 2 is not UTF-8"),
        (b"NaN", "NaN"), (b"[-Infinity]", "-Infinity"), (b"1e999", "1e999"),
        (b'{"a": 1, "a": 1}', 'twice in one object: "a"'), (b'[{"a": {"b": 1, "b": 2}}]', '"b"'),
        (b"[" * 100_000, "nested too deeply"), (b"1" * 5_000, "digits"),
        (b"'a'", "line 1"), (b"{a: 1}", "line 1"), (b"[1,]", "line 1"), (b"// a\n1", "line 1"),
        (b'"a\nb"', "control character"),
    ],
    ids=lambda value: repr(value[:12]),
)  # fmt: skip
def test_what_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        parse_json(data)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 200


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(JSON)
def test_what_the_standard_library_writes_is_read(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = parse_json(data)
    except ValueError:
        return
    assert json.loads(data) == value
