"""Finds the files of a collection, without leaving it, and says what each is by its name."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ingest.errors import CollectionError

FITS_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz", ".fits.fz")
_DOCUMENT_SUFFIXES = {
    ".md": "text/markdown",
    ".rst": "text/x-rst",
    ".txt": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".pdf": "application/pdf",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".csv": "text/csv",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
}
_DOCUMENT_NAMES = {"README", "LICENSE", "LICENCE", "COPYING", "TERMS", "AUTHORS", "CHANGELOG", "SHA256SUMS", "MD5SUMS"}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a collection; `relpath` is its path in the collection (``outside/…`` for allowed folders outside)."""

    relpath: str
    path: Path
    size: int
    mtime_ns: int

    @property
    def kind(self) -> str:
        """``index``, ``fits``, ``document`` or ``other``, judged by the name alone."""
        name = self.path.name.lower()
        if name.endswith(FITS_SUFFIXES):
            return "index" if "index" in name else "fits"
        if document_mime(self.path) is not None:
            return "document"
        return "other"


@dataclass(slots=True)
class Found:
    """All files of a collection, by `relpath`, and what could not be looked at: (path, severity, sentence)."""

    files: dict[str, FoundFile] = field(default_factory=dict)
    problems: list[tuple[str, str, str]] = field(default_factory=list)


def document_mime(path: Path) -> str | None:
    """Return the media type of a file that documents a collection, None when its name does not say it is one."""
    stem, suffix = path.name.split(".")[0].upper(), path.suffix.lower()
    if suffix in _DOCUMENT_SUFFIXES:
        return _DOCUMENT_SUFFIXES[suffix]
    return "text/plain" if stem in _DOCUMENT_NAMES else None


def document_kind(path: Path) -> str:
    """Return ``terms``, ``readme`` or ``documentation`` for a document, by its name."""
    name = path.name.upper()
    if any(word in name for word in ("LICENSE", "LICENCE", "COPYING", "TERMS")):
        return "terms"
    return "readme" if name.startswith("README") else "documentation"


class Folder:
    """The folder of a collection and the folders outside of it that the collection file allows.

    Parameters
    ----------
    root
        The collection's folder.
    outside
        Folders that links and index tables may lead to.

    Raises
    ------
    CollectionError
        When the folder, or an allowed one, is not there or cannot be read.
    """

    def __init__(self, root: Path, outside: tuple[str, ...] = ()) -> None:
        if not root.is_dir():
            raise CollectionError(f"the folder {root} does not exist; link or mount it and import again.")
        if not os.access(root, os.R_OK | os.X_OK):
            raise CollectionError(f"the folder {root} cannot be read by the server's user; mend its permissions.")
        self.root = root.resolve()
        self.outside = tuple(Path(folder).resolve() for folder in outside)
        for folder in self.outside:
            if not folder.is_dir():
                raise CollectionError(f"the folder {folder} that the collection file allows ('outside') is not there.")

    def find(self) -> Found:
        """Walk the folder; links are followed only to places inside it or below an allowed folder."""
        found = Found()
        self._walk(self.root, "", found, {self.root})
        return found

    def locate(self, index_path: str) -> FoundFile | None:
        """Return the file that a path of an index table means, None when it is not there or lies where it must not.

        Parameters
        ----------
        index_path
            Relative to the collection's folder; may lead out of it.
        """
        path = Path(os.path.normpath(self.root / index_path))
        relpath = self._relpath(path.resolve())
        if relpath is None or not path.is_file():
            return None
        status = path.stat()
        return FoundFile(relpath, path.resolve(), status.st_size, status.st_mtime_ns)

    def contains(self, index_path: str) -> bool:
        """Return whether a path of an index table stays inside the collection or an allowed folder."""
        return self._relpath(Path(os.path.normpath(self.root / index_path)).resolve()) is not None

    def _relpath(self, real: Path) -> str | None:
        if real.is_relative_to(self.root):
            return real.relative_to(self.root).as_posix()
        for number, folder in enumerate(self.outside):
            if real.is_relative_to(folder):
                return f"outside/{number}/{real.relative_to(folder).as_posix()}"
        return None

    def _walk(self, folder: Path, prefix: str, found: Found, seen: set[Path]) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as exc:
            found.problems.append((prefix or ".", "error", f"the folder cannot be read ({exc.strerror})."))
            return
        for entry in entries:
            self._visit(entry, f"{prefix}{entry.name}", found, seen)

    def _visit(self, entry: os.DirEntry[str], relpath: str, found: Found, seen: set[Path]) -> None:
        try:
            status = entry.stat()
        except OSError as exc:
            found.problems.append((relpath, "error", f"the file cannot be looked at ({exc.strerror})."))
            return
        path = Path(entry.path)
        if entry.name.startswith("."):
            found.problems.append((relpath, "info", "hidden files are left out."))
        elif entry.is_symlink() and self._relpath(path.resolve()) is None:
            found.problems.append(
                (relpath, "error", "this link leads out of the collection; allow its folder with 'outside'.")
            )
        elif stat.S_ISDIR(status.st_mode):
            real = path.resolve()
            if real in seen:
                found.problems.append((relpath, "info", "this link leads to a folder of the collection itself."))
                return
            seen.add(real)
            self._walk(path, f"{relpath}/", found, seen)
        elif not stat.S_ISREG(status.st_mode):
            found.problems.append((relpath, "error", "this is not a regular file."))
        elif not os.access(path, os.R_OK):
            found.problems.append((relpath, "error", "the server's user may not read this file."))
        else:
            found.files[relpath] = FoundFile(relpath, path, status.st_size, status.st_mtime_ns)


def begins_like_fits(path: Path) -> bool:
    """Return whether a file of unknown kind begins as a plain FITS file does."""
    with path.open("rb") as raw:
        return raw.read(9) == b"SIMPLE  ="
