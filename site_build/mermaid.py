"""The script that draws diagrams: from its npm package at build time, checked, never committed.

The package is fetched once into a cache outside ``docs/`` and compared with a pinned digest. What
is unpacked from it has digests of its own, so that a changed cache is seen as well.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

from .npm import Tampered, fetch_archive

VERSION = "11.17.2"
PACKAGE = f"mermaid@{VERSION}"
PACKAGE_SHA512 = (
    "sha512-V6K3C8EBdEsPFZXSKMJe6ppQOENxuHARr9GvHX4hh47lAbhMRD9qf4oE"
    "K7LoaRQxULMa80/qt5gHO73aCleBBg=="
)
FILES = {
    "mermaid.min.js": (
        "package/dist/mermaid.min.js",
        "581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8",
    ),
    "mermaid.LICENSE.txt": (
        "package/LICENSE",
        "ec9fb67dcb25eccc416ed56e1aab819222c805a2a4bfe4cb19e7556bf2ffde80",
    ),
}
"""Name on the site: member of the package, SHA-256 of its content."""


def cached(cache: Path, *, npm: str | None = None) -> dict[str, Path]:
    """The files of the package, from the cache or fetched into it.

    Args:
        cache: A folder that is kept between builds; made where it is missing.
        npm: The npm program; the one on PATH if None.

    Returns:
        Name on the site to path.

    Raises:
        Unavailable: Nothing is cached, and npm is missing or fails.
        Tampered: The package is not the pinned one.
    """
    folder = cache / f"mermaid-{VERSION}"
    paths = {name: folder / name for name in FILES}
    if not all(_holds(path, FILES[name][1]) for name, path in paths.items()):
        _fetch(folder, npm)
    return paths


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _fetch(folder: Path, npm: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        package = fetch_archive("mermaid", VERSION, PACKAGE_SHA512, Path(scratch), npm=npm)
        with tarfile.open(package) as archive:
            for name, (member, digest) in FILES.items():
                source = archive.extractfile(member)
                content = source.read() if source is not None else b""
                if hashlib.sha256(content).hexdigest() != digest:
                    raise Tampered(f"{member} of {PACKAGE} is not the pinned one")
                written = Path(scratch, name)
                written.write_bytes(content)
                os.replace(written, folder / name)  # builds at the same time see all or nothing
