"""Packages of npm: fetched by npm itself, compared with a pinned digest, never run on the way."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from pathlib import Path

PATIENCE = 300.0
"""Seconds that npm may take."""

_QUIET = (
    "--loglevel=error",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--ignore-scripts",
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)


class Unavailable(Exception):
    """The package cannot be had here: npm is missing, or does not reach it."""


class Tampered(Exception):
    """What was fetched is not what was pinned."""


def run_npm(command: str, what: str, *options: str, cwd: Path, npm: str | None = None) -> None:
    """Run npm in a folder of its own.

    Args:
        command: Npm's command.
        what: The package, or a file.
        options: More of its options.
        cwd: The folder; what stands there and above decides nothing.
        npm: The npm program; the one on PATH if None.

    Raises:
        Unavailable: Npm is missing, or fails.
    """
    program = npm or shutil.which("npm")
    if program is None:
        raise Unavailable("npm is not on PATH: install it, it comes with Node.js")
    # No file of this repository, and none above it, decides where npm installs to.
    (cwd / "package.json").write_text('{"private": true}')
    try:
        done = subprocess.run(  # noqa: S603 - npm itself, with words that stand in this repository
            [program, command, what, *options, *_QUIET],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"npm {command} {what} failed: {type(error).__name__}") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        detail = f": {said[0]}" if said else ""
        raise Unavailable(f"npm {command} {what} ended with {done.returncode}{detail}")


def fetch_archive(
    name: str, version: str, integrity: str, folder: Path, *, npm: str | None = None
) -> Path:
    """Fetch a package's archive, and compare it with what is pinned.

    Args:
        name: The package's name.
        version: Its exact version.
        integrity: ``sha512-`` and the digest of its archive in base64.
        folder: An empty folder to put it into.
        npm: The npm program; the one on PATH if None.

    Raises:
        Unavailable: Npm is missing, or fails.
        Tampered: The archive is another one.
    """
    run_npm("pack", f"{name}@{version}", cwd=folder, npm=npm)
    archives = sorted(folder.glob("*.tgz"))
    if not archives:
        raise Unavailable(f"npm pack {name}@{version} gave no archive")
    digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if f"sha512-{digest}" != integrity:
        raise Tampered(f"{name}@{version} has the digest sha512-{digest}, pinned is {integrity}")
    return archives[0]
