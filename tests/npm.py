"""Packages of npm that documents are held against: named by hash, fetched once, kept with .venv."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .support import ROOT

CACHE = ROOT / ".venv" / "npm"

# What npm says where the machine is offline. Anything else is a failure, not a reason to skip.
_OFFLINE = re.compile(
    r"code (?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)"
)
_QUIET = (
    "--loglevel=error",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)


def npm_package(name: str, version: str, integrity: str) -> Path:
    """The folder of a package as published, without what it depends on.

    Args:
        name: The package's name.
        version: Its exact version.
        integrity: ``sha512-`` and the digest of its archive; another archive fails the test.
    """

    def fill(folder: Path) -> None:
        with tarfile.open(_archive(folder, name, version, integrity)) as archive:
            archive.extractall(folder, filter="data")

    return _kept(name, version, integrity, fill=fill) / "package"


def npm_tree(name: str, version: str, integrity: str, *, before: str) -> Path:
    """The folder of a package, installed with all that it depends on; no script of theirs is run.

    Args:
        name: The package's name.
        version: Its exact version.
        integrity: ``sha512-`` and the digest of its archive; another archive fails the test.
        before: What it depends on is as it was on this day, such as ``2026-11-01``.
    """

    def fill(folder: Path) -> None:
        archive = _archive(folder, name, version, integrity)
        options = ("--no-save", "--no-package-lock", "--ignore-scripts", f"--before={before}")
        _npm("install", f"./{archive.name}", *options, cwd=folder)

    return _kept(name, version, integrity, before, fill=fill) / "node_modules" / name


def node(*words: str | Path, stdin: str = "", timeout: float = 120) -> str:
    """Run node; return what it printed."""
    done = subprocess.run(
        [_program("node"), *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _kept(*key: str, fill: Callable[[Path], None]) -> Path:
    """A folder of the cache, filled where it is not there yet; workers wait for each other."""
    digest = hashlib.sha256("\n".join(key).encode()).hexdigest()[:16]
    target = CACHE / f"{re.sub('[^a-z0-9]+', '-', key[0]).strip('-')}-{key[1]}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / f"{target.name}.lock"):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as work:
                folder = Path(work) / "new"
                folder.mkdir()
                fill(folder)
                folder.rename(target)  # whole, or not at all
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _archive(folder: Path, name: str, version: str, integrity: str) -> Path:
    """The package's archive, once its digest is what it has to be."""
    _npm("pack", f"{name}@{version}", cwd=folder)
    (archive,) = folder.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != integrity:
        pytest.fail(f"the archive of {name} {version} has sha512-{digest}, not {integrity}")
    return archive


def _npm(command: str, what: str, *options: str, cwd: Path) -> None:
    # No file of this repository, and none above it, decides where npm installs to.
    (cwd / "package.json").write_text('{"private": true}')
    done = subprocess.run(
        [_program("npm"), command, what, *options, *_QUIET],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode and _OFFLINE.search(done.stderr):
        pytest.skip(f"npm cannot reach its registry, and has not kept {what}")
    assert done.returncode == 0, done.stderr


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path
