"""What the machine says of itself."""

from __future__ import annotations

import os

from .packaged import zones

_LOCALTIME = "/etc/localtime"
_SAME_AS_UTC = ("Etc/UTC", "UCT", "Etc/UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal")


def short_name() -> str:
    """The machine's name without its domain.

    Example:
        >>> "." in short_name()
        False
    """
    return os.uname().nodename.partition(".")[0]


def machine_timezone() -> str:
    """The machine's time zone as an IANA name; UTC where it has none.

    Example:
        >>> machine_timezone() in zones().names
        True
    """
    told = os.environ.get("TZ")
    if told == "":  # by POSIX this says UTC
        return "UTC"
    # Both may be a path into the system's zone files.
    for candidate in ((told or "").removeprefix(":"), os.path.realpath(_LOCALTIME)):
        name = candidate.rpartition("zoneinfo/")[2].removeprefix("posix/").removeprefix("right/")
        if name in zones().names:
            return "UTC" if name in _SAME_AS_UTC else name
    return "UTC"
