"""What the machine says of itself."""

from __future__ import annotations

import os

from .packaged import zones


def machine_timezone() -> str:
    """The machine's time zone as an IANA name; UTC where it has none.

    Example:
        >>> machine_timezone() in zones().names
        True
    """
    candidates = [os.environ.get("TZ", "").removeprefix(":")]
    try:
        target = os.path.realpath("/etc/localtime")
    except OSError:
        target = ""
    if "zoneinfo/" in target:
        candidates.append(target.split("zoneinfo/", 1)[1].removeprefix("posix/"))
    for name in candidates:
        if name in zones().names:
            return "UTC" if name in ("Etc/UTC", "UCT", "Etc/UCT", "Zulu", "Etc/Zulu") else name
    return "UTC"
