"""Which time zone the machine is in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kaizen_schedule.edges import machine
from kaizen_schedule.edges.machine import machine_timezone


@pytest.mark.parametrize(
    ("told", "target", "expected"),
    [
        ("Europe/Berlin", None, "Europe/Berlin"),
        (":Europe/Berlin", None, "Europe/Berlin"),
        ("/usr/share/zoneinfo/Europe/Berlin", None, "Europe/Berlin"),
        (":/usr/share/zoneinfo/posix/Europe/Berlin", None, "Europe/Berlin"),
        ("Etc/UTC", None, "UTC"),
        ("Zulu", "Europe/Berlin", "UTC"),
        ("", "Europe/Berlin", "UTC"),
        (None, "Europe/Berlin", "Europe/Berlin"),
        (None, "posix/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        (None, "right/Asia/Kolkata", "Asia/Kolkata"),
        (None, "Etc/UTC", "UTC"),
        (None, "Factory", "UTC"),
        (None, "localtime", "UTC"),
        (None, "../../../etc/passwd", "UTC"),
        (None, None, "UTC"),
        ("CET-1CEST", "Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", None, "UTC"),
        ("../Berlin\n\x1b[31m", None, "UTC"),
    ],
)
def test_the_zone_is_a_name_of_the_iana_list(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: str | None,
    target: str | None,
    expected: str,
) -> None:
    if told is None:
        monkeypatch.delenv("TZ", raising=False)
    else:
        monkeypatch.setenv("TZ", told)
    localtime = tmp_path / "localtime"
    if target is not None:
        localtime.symlink_to(tmp_path / "zoneinfo" / target)
    monkeypatch.setattr(machine, "_LOCALTIME", str(localtime))
    assert machine_timezone() == expected


def test_a_copied_zone_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    (tmp_path / "localtime").write_bytes(b"TZif2")
    monkeypatch.setattr(machine, "_LOCALTIME", os.fspath(tmp_path / "localtime"))
    assert machine_timezone() == "UTC"
