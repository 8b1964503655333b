"""Finds the files of a collection, without leaving it, and says what each is by its name."""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingest.errors import CollectionError

# Observation metadata; `ingest.observatory` reads them. They are no documents: there may be confidential plans in them.
METADATA_SUFFIX = ".obsmeta.json"
FITS_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz", ".fits.fz")
TABLE_SUFFIX = ".ecsv"
LISTING_SUFFIX = ".listing.ecsv"
# DaCHS puts access references into URLs and identifiers unquoted: anything else is written as _xHH_.
_UNSAFE = re.compile(r"[^A-Za-z0-9._/~-]")
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
    ".cff": "application/yaml",
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
        """Its kind judged by the name: `index`, `fits`, `table`, `listing`, `metadata`, `document` or `other`."""
        name = self.path.name.lower()
        if name.endswith(METADATA_SUFFIX):
            return "metadata"
        if name.endswith(TABLE_SUFFIX):
            return "listing" if name.endswith(LISTING_SUFFIX) else "table"
        if name.endswith(FITS_SUFFIXES):
            return "index" if "index" in name else "fits"
        if document_mime(self.path) is not None:
            return "document"
        return "other"


@dataclass(slots=True)
class Found:
    """All files of a collection, by `relpath`, and what could not be looked at: (path, severity, sentence).

    ``real`` has the `relpath` of every file and folder by its path without links.
    """

    files: dict[str, FoundFile] = field(default_factory=dict)
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    real: dict[Path, str] = field(default_factory=dict)

    def add(self, file: FoundFile, real: Path) -> None:
        """Add a file; `real` is its path without links."""
        self.files[file.relpath] = file
        self.real[real] = file.relpath


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
        if not is_folder(root):
            raise CollectionError(f"the folder {root} does not exist; link or mount it and import again.")
        if not os.access(root, os.R_OK | os.X_OK):
            raise CollectionError(f"the folder {root} cannot be read by the server's user; mend its permissions.")
        self.root = _real(root)
        for folder in outside:
            if not is_folder(self.root / folder):
                raise CollectionError(f"the folder {folder} that the collection file allows ('outside') is not there.")
        self.outside = tuple(_real(self.root / folder) for folder in outside)

    def find(self) -> Found:
        """Walk the folder; links are followed only to places inside it or below an allowed folder.

        Links come last: a file is called by its own path rather than by that of a link to it, and taken once however
        many links lead to it.
        """
        found = Found(real={self.root: "."})
        folders, links = deque([(self.root, self.root, "")]), deque[tuple[Path, str]]()
        while folders or links:
            if folders:
                folder, real, prefix = folders.popleft()
                for entry in self._entries(folder, prefix, found):
                    path, relpath = Path(entry.path), f"{prefix}{entry.name}"
                    if entry.is_symlink():
                        links.append((path, relpath))
                    elif self._take(path, real / entry.name, relpath, found):
                        folders.append((path, real / entry.name, f"{relpath}/"))
            else:
                path, relpath = links.popleft()
                if self._take(path, _real(path), relpath, found):
                    folders.append((path, _real(path), f"{relpath}/"))
        return found

    def locate(self, index_path: str) -> FoundFile | None:
        """Return the file that a path of an index table means, None when it is not there or lies where it must not.

        Parameters
        ----------
        index_path
            Relative to the collection's folder; may lead out of it.
        """
        real = _real(self.root / os.path.normpath(index_path))
        relpath = self._relpath(real)
        if relpath is None:
            return None
        try:
            status = real.stat()
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return FoundFile(relpath, real, status.st_size, status.st_mtime_ns)

    def contains(self, index_path: str) -> bool:
        """Return whether a path of an index table stays inside the collection or an allowed folder."""
        return self._relpath(_real(self.root / os.path.normpath(index_path))) is not None

    def _relpath(self, real: Path) -> str | None:
        if real.is_relative_to(self.root):
            return real.relative_to(self.root).as_posix()
        for number, folder in enumerate(self.outside):
            if real.is_relative_to(folder):
                return f"outside/{number}/{real.relative_to(folder).as_posix()}"
        return None

    def _entries(self, folder: Path, prefix: str, found: Found) -> Iterator[os.DirEntry[str]]:
        """Yield what a folder holds and may be published, in the order of the names."""
        try:
            with os.scandir(folder) as entries:
                present = sorted(entries, key=lambda entry: entry.name)
        except OSError as exc:
            found.problems.append((prefix or ".", "error", f"the folder cannot be read ({exc.strerror})."))
            return
        for entry in present:
            if entry.name.startswith("."):
                found.problems.append((f"{prefix}{entry.name}", "info", "hidden files are left out."))
            elif not is_utf8(entry.name):
                found.problems.append((f"{prefix}{entry.name}", "error", "its name is not UTF-8; rename it."))
            else:
                yield entry

    def _take(self, path: Path, real: Path, relpath: str, found: Found) -> bool:
        """Add a file to what was found, or say why it is not; return whether it is a folder to walk."""
        try:
            status = path.stat()
        except OSError as exc:
            found.problems.append((relpath, "error", f"the file cannot be looked at ({exc.strerror})."))
            return False
        is_folder = stat.S_ISDIR(status.st_mode)
        if self._relpath(real) is None:
            sentence = "this link leads out of the collection; allow its folder with 'outside'."
            found.problems.append((relpath, "error", sentence))
        elif real in found.real:
            kind = "folder" if is_folder else "file"
            found.problems.append(
                (relpath, "info", f"this is the same {kind} as {found.real[real]}; it is taken once.")
            )
        elif is_folder:
            found.real[real] = relpath
            return True
        elif not stat.S_ISREG(status.st_mode):
            found.problems.append((relpath, "error", "this is not a regular file."))
        elif not os.access(path, os.R_OK):
            found.problems.append((relpath, "error", "the server's user may not read this file."))
        else:
            found.add(FoundFile(relpath, path, status.st_size, status.st_mtime_ns), real)
        return False


def is_folder(path: Path) -> bool:
    """Return whether there is a folder; one that may not be looked at is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _real(path: Path) -> Path:
    """Return a path without links; unlike `Path.resolve` it does not mind loops of links."""
    return Path(os.path.realpath(path))


def escaped(relpath: str) -> str:
    """Return a path with characters that are unsafe in URLs written as ``_xHH_``, as access references have them."""
    return _UNSAFE.sub(lambda match: _hex_bytes(match[0]), relpath)


def _hex_bytes(character: str) -> str:
    return "".join(f"_x{byte:02X}_" for byte in character.encode("utf-8", "surrogateescape"))


def is_utf8(name: str) -> bool:
    """Return whether a file name is text; other names cannot be stored in the database."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def begins_like_fits(path: Path) -> bool:
    """Return whether a file of unknown kind begins as a plain FITS file does; one that cannot be read does not."""
    try:
        with path.open("rb") as raw:
            return raw.read(9) == b"SIMPLE  ="
    except OSError:
        return False
