"""Notes: written so that none can be forged, read whatever they hold, cut from the oldest on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kaizen_schedule.orienting.memory import (
    NOTE_LIMIT,
    MemoryBrief,
    brief,
    memory_path,
    parse_notes,
    render_note,
)
from kaizen_schedule.reading.errors import UsageError

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
texts = st.text(st.characters(codec="utf-8"))


def read(text: str | bytes, *, truncated: bool = False, limit: int = 10_000) -> MemoryBrief:
    data = text.encode() if isinstance(text, str) else text
    return brief(data, truncated=truncated, path="memory.md", limit=limit)


def note(day: int, text: str) -> str:
    return f"## 2026-11-{day:02}T09:00:00Z\n\n{text}\n\n"


def test_a_note_stands_in_the_agents_own_folder() -> None:
    assert memory_path("coach") == ".kaizen/agents/coach/memory.md"


class TestRenderNote:
    def test_the_instant_is_utc_whatever_the_zone(self) -> None:
        berlin = NOW.astimezone(timezone(timedelta(hours=1)))
        assert render_note(" Ask first.\n\n", now=berlin).text == note(30, "Ask first.")

    def test_a_time_without_a_zone_is_a_bug_of_the_caller(self) -> None:
        with pytest.raises(ValueError, match="zone"):
            render_note("Ask first.", now=datetime(2026, 11, 30, 9))

    @pytest.mark.parametrize("text", ["", " \n\t\r\n"])
    def test_nothing_to_say_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match="the note is empty") as caught:
            render_note(text, now=NOW)
        assert caught.value.fix

    def test_the_limit_counts_bytes_of_what_is_left_after_stripping(self) -> None:
        assert render_note("é" * (NOTE_LIMIT // 2) + "\n" * 99, now=NOW).text
        with pytest.raises(UsageError, match="holds 16,386 bytes, more than 16,384") as caught:
            render_note("é" * (NOTE_LIMIT // 2 + 1), now=NOW)
        assert caught.value.exit_code == 2

    def test_line_ends_become_lf(self) -> None:
        assert render_note("a\r\nb\rc\nd", now=NOW).text == note(30, "a\nb\nc\nd")

    def test_control_and_invisible_characters_become_visible(self) -> None:
        text = render_note("a\x1b[31mb\u202ec\u200bd", now=NOW).text
        assert not {"\x1b", "\u202e", "\u200b"} & set(text)

    def test_a_secret_is_replaced_and_said(self) -> None:
        rendered = render_note(f"It needs\ntoken {TOKEN}", now=NOW)
        assert TOKEN not in rendered.text
        assert "[redacted:" in rendered.text
        assert [redaction.line for redaction in rendered.redactions] == [2]

    def test_a_text_without_secrets_has_none(self) -> None:
        assert render_note("Ask first.", now=NOW).redactions == ()

    @pytest.mark.parametrize(
        "forged",
        [
            "## 2026-12-01T09:00:00Z",
            "## 2026-12-01T09:00:00+01:00  ",
            "   ## 2026-12-01T09:00:00Z",
            "##  2026-12-01 and more",
            "##\t2026-12-01T09:00:00Z",
        ],
    )
    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    def test_no_line_can_pass_for_the_heading_of_a_note(self, forged: str, line_end: str) -> None:
        text = render_note(f"First.{line_end}{forged}{line_end}Last.", now=NOW).text
        assert len(parse_notes(text)) == 1
        assert "\\##" in text

    def test_other_headings_stay_as_they_are(self) -> None:
        assert render_note("## Findings\n\n### 2026-12-01", now=NOW).text == note(
            30, "## Findings\n\n### 2026-12-01"
        )

    @given(texts.filter(str.strip))
    @example("## 2026-12-01T09:00:00Z")
    @example("\x00")
    @example("\u2028a\u2028## 2026-12-01T09:00:00Z")
    def test_what_is_written_reads_as_one_note(self, text: str) -> None:
        rendered = render_note(text, now=NOW).text
        (found,) = parse_notes(rendered)
        assert found.at == NOW
        assert found.text == rendered.split("\n", 2)[2].strip()

    @given(st.lists(texts.filter(str.strip), max_size=5))
    def test_appending_adds_one_note_each(self, notes: list[str]) -> None:
        file = "".join(
            render_note(text, now=NOW + timedelta(hours=hour)).text
            for hour, text in enumerate(notes)
        )
        assert [found.at for found in parse_notes(file)] == [
            NOW + timedelta(hours=hour) for hour in range(len(notes))
        ]

    def test_a_lone_surrogate_does_not_break_it(self) -> None:
        render_note("a\udcffb", now=NOW).text.encode()


class TestParseNotes:
    def test_an_empty_file_has_none(self) -> None:
        assert parse_notes("") == parse_notes("\n \n") == ()

    def test_text_before_the_first_heading_is_a_note_without_a_date(self) -> None:
        first, second = parse_notes("# Memory\n\n" + note(30, "Ask first."))
        assert (first.at, first.text) == (None, "# Memory")
        assert (second.at, second.text) == (NOW, "Ask first.")

    def test_offsets_are_read_and_crlf_is_fine(self) -> None:
        (found,) = parse_notes("## 2026-11-30T10:00:00+01:00\r\n\r\nAsk\r\nfirst.\r\n")
        assert (found.at, found.text) == (NOW, "Ask\nfirst.")

    @pytest.mark.parametrize(
        "heading",
        [
            "## 2026-13-45T09:00:00Z",
            "## 0001-01-01T00:00:00+23:00",
            "## 2026-11-30",
            "## 2026-11-30T09:00:00",
            "### 2026-11-30T09:00:00Z",
            " ## 2026-11-30T09:00:00Z",
            "## 2026-11-30T09:00:00Z and more",
            "## ２０２６-11-30T09:00:00Z",
        ],
    )
    def test_what_is_no_heading_is_text(self, heading: str) -> None:
        (found,) = parse_notes(note(29, f"Before.\n{heading}\nAfter."))
        assert found.text == f"Before.\n{heading}\nAfter."

    def test_a_heading_without_text_is_an_empty_note(self) -> None:
        assert [found.text for found in parse_notes("## 2026-11-30T09:00:00Z")] == [""]

    @given(st.text())
    def test_nothing_makes_it_fail(self, text: str) -> None:
        parse_notes(text)


class TestBrief:
    def test_what_fits_is_given_as_it_stands(self) -> None:
        file = "# Memory\n\n" + note(1, "One.") + note(2, "Two.")
        found = read(file)
        assert found.text == file.rstrip()
        assert [n.text for n in found.notes] == ["# Memory", "One.", "Two."]
        assert (found.dropped, found.total, found.truncated) == (0, 3, False)
        assert found.diagnostics == ()

    def test_an_empty_file_is_fine(self) -> None:
        found = read("")
        assert (found.notes, found.text, found.dropped, found.total) == ((), "", 0, 0)

    def test_the_oldest_give_way(self) -> None:
        file = note(1, "One.") + note(2, "Two.") + note(3, "Three.")
        both = len((note(2, "Two.") + note(3, "Three.")).rstrip())
        found = read(file, limit=both)
        assert [n.text for n in found.notes] == ["Two.", "Three."]
        assert (found.dropped, found.total, found.truncated) == (1, 3, True)
        assert read(file, limit=both - 1).dropped == 2

    def test_older_notes_do_not_slip_in_past_a_long_one(self) -> None:
        found = read(note(1, "One.") + note(2, "x" * 500) + note(3, "Three."), limit=100)
        assert [n.text for n in found.notes] == ["Three."]

    def test_shuffled_notes_are_put_in_order(self) -> None:
        found = read(note(3, "Three.") + note(1, "One.") + note(2, "Two.").rstrip())
        assert [n.text for n in found.notes] == ["One.", "Two.", "Three."]
        assert parse_notes(found.text) == found.notes

    def test_a_newest_note_that_is_too_long_keeps_its_end_and_is_marked(self) -> None:
        found = read(note(1, "One.") + note(2, "a" * 500 + "the end"), limit=200)
        (kept,) = found.notes
        assert len(found.text) <= 200
        assert found.text.startswith("## 2026-11-02T09:00:00Z\n\n[truncated: the first ")
        assert kept.text.endswith("the end")
        assert kept.at == datetime(2026, 11, 2, 9, tzinfo=UTC)
        assert (found.dropped, found.total, found.truncated) == (1, 2, True)

    def test_a_long_file_without_headings_is_cut_alike(self) -> None:
        found = read("a" * 500 + "the end", limit=200)
        assert found.text.startswith("[truncated: the first ")
        assert found.text.endswith("the end")
        assert (found.dropped, found.total, found.truncated) == (0, 1, True)

    def test_a_cut_keeps_the_limit(self) -> None:
        for limit in range(300):
            text = read(note(2, "a" * 500), limit=limit).text
            assert 0 <= limit - len(text) < 3 or (not text and limit < 100)

    @pytest.mark.parametrize("limit", [-1, 0, 60])
    def test_where_not_even_the_mark_fits_nothing_is_given(self, limit: int) -> None:
        found = read(note(2, "a" * 500), limit=limit)
        assert (found.notes, found.text, found.dropped, found.truncated) == ((), "", 1, True)

    @pytest.mark.parametrize("limit", range(110, 170))
    def test_no_cut_goes_through_a_secret(self, limit: int) -> None:
        found = read(note(2, "a " * 200 + f"{TOKEN} z"), limit=limit)
        assert TOKEN in found.text or TOKEN[-6:] not in found.text
        assert found.text.endswith(" z")

    def test_bytes_that_are_no_utf8_are_said_and_replaced(self) -> None:
        found = read(b"fine\nbad \xff here")
        assert found.text == "fine\nbad \ufffd here"
        (diagnostic,) = found.diagnostics
        assert (diagnostic.code, diagnostic.line) == ("KS604", 2)
        assert diagnostic.message == "byte 0xff in line 2 of memory.md is not UTF-8"

    def test_a_byte_order_mark_is_no_text(self) -> None:
        assert read(b"\xef\xbb\xbf" + note(1, "One.").encode()).notes[0].at is not None

    def test_of_a_truncated_file_the_partial_note_is_left_out(self) -> None:
        found = read("al line\nof a note\n\n" + note(2, "Two."), truncated=True)
        assert [n.text for n in found.notes] == ["Two."]
        assert (found.total, found.dropped, found.truncated) == (1, 0, True)
        assert [d.code for d in found.diagnostics] == ["KS605"]

    def test_a_cut_heading_is_not_taken_for_a_whole_one(self) -> None:
        found = read("## 2026-11-01T09:00:00Z\n\nOne.\n\n" + note(2, "Two."), truncated=True)
        assert [n.text for n in found.notes] == ["Two."]

    def test_of_a_truncated_file_without_headings_the_partial_line_is_left_out(self) -> None:
        found = read("al line\nwhole line\n", truncated=True)
        assert found.text == "whole line"

    def test_a_truncated_file_of_one_line_leaves_nothing(self) -> None:
        found = read(b"\x80\x80 only a part", truncated=True)
        assert (found.notes, [d.code for d in found.diagnostics]) == ((), ["KS605"])

    def test_lines_are_counted_in_what_was_read(self) -> None:
        found = read(b"partial\n\xff", truncated=True)
        assert [(d.code, d.line) for d in found.diagnostics] == [("KS605", 1), ("KS604", 2)]

    def test_a_path_cannot_forge_a_message(self) -> None:
        found = brief(b"", truncated=True, path="a\nb.md", limit=10)
        assert "\n" not in found.diagnostics[0].message + found.diagnostics[0].path

    @given(st.binary(), st.booleans(), st.integers(-5, 300))
    def test_any_bytes_give_at_most_what_was_asked_for(
        self, data: bytes, truncated: bool, limit: int
    ) -> None:
        found = read(data, truncated=truncated, limit=limit)
        assert len(found.text) <= max(limit, 0)
        assert found.dropped + len(found.notes) == found.total

    @given(
        st.lists(st.tuples(st.integers(1, 28), texts.filter(str.strip)), max_size=8),
        st.integers(0, 400),
    )
    def test_the_newest_stay_in_order_and_a_file_fits_its_own_length(
        self, notes: list[tuple[int, str]], limit: int
    ) -> None:
        days = [NOW.replace(day=day) for day, _ in notes]
        file = "".join(
            render_note(text, now=day).text for day, (_, text) in zip(days, notes, strict=True)
        ).rstrip()
        whole = read(file, limit=len(file))
        assert [n.at for n in whole.notes] == sorted(days)
        assert whole.dropped == 0
        part = read(file, limit=limit)
        assert [n.at for n in part.notes] == sorted(days)[part.dropped :]
