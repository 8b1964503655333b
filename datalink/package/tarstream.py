# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams a tar archive whose size is known beforehand: no temporary copy, no file in memory.

Format: POSIX.1-2001 (pax), which is plain ustar as long as names are ASCII and at most 100 characters.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import tarfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = tarfile.BLOCKSIZE
# An archive is filled up to a multiple of this with zeros, as tar programs do.
RECORD = tarfile.RECORDSIZE
_USTAR_NAME = 100
_USTAR_SIZE = 8**11
_LONGEST_COMPONENT = 200
# what most names are, and what nothing has to be changed in
_PLAIN = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.+-]{0,150}[A-Za-z0-9_])?")


class PackageError(ValueError):
    """A package that cannot be made, or not to its end; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive: bytes at hand, or a file of this size; `label` names it in error messages."""

    name: str
    size: int
    mtime: int
    source: bytes | Path
    label: str = ""

    @property
    def n_header_bytes(self) -> int:
        """How long its header is; only unusual members need more than one block."""
        if len(self.name) <= _USTAR_NAME and self.name.isascii() and self.size < _USTAR_SIZE:
            return BLOCK
        return len(self.header())

    def header(self) -> bytes:
        """Return its header: a regular file that belongs to nobody in particular and that all may read."""
        info = tarfile.TarInfo(self.name)
        info.size, info.mtime, info.mode = self.size, self.mtime, 0o644
        return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def archive_size(members: Sequence[Member]) -> int:
    """Return the size in bytes of the archive of some members."""
    size = sum(member.n_header_bytes + -(-member.size // BLOCK) * BLOCK for member in members)
    return -(-(size + 2 * BLOCK) // RECORD) * RECORD


def archive_chunks(members: Sequence[Member], chunk_size: int) -> Iterator[bytes]:
    """Yield an archive in pieces.

    What is in memory at the beginning comes at once; later pieces have at least `chunk_size` bytes, and less than
    twice as many.

    Raises
    ------
    PackageError
        When a file has not the announced size any more: the archive is cut off there, so that nobody takes it for
        whole.
    """
    waiting: list[bytes] = []
    n_waiting = n_sent = 0
    n_ready = next((number for number, member in enumerate(members) if isinstance(member.source, Path)), len(members))
    for number, member in enumerate(members):
        for piece in _pieces(member, chunk_size):
            waiting.append(piece)
            n_waiting += len(piece)
            if n_waiting >= chunk_size:
                yield b"".join(waiting)
                n_sent, n_waiting = n_sent + n_waiting, 0
                waiting.clear()
        if number == n_ready - 1 and n_waiting:
            yield b"".join(waiting)
            n_sent, n_waiting = n_sent + n_waiting, 0
            waiting.clear()
    n_sent += n_waiting
    waiting.append(bytes(-(-(n_sent + 2 * BLOCK) // RECORD) * RECORD - n_sent))
    yield b"".join(waiting)


def _pieces(member: Member, chunk_size: int) -> Iterator[bytes]:
    yield member.header()
    if isinstance(member.source, bytes):
        yield member.source
    else:
        yield from _file_pieces(member, member.source, chunk_size)
    if member.size % BLOCK:
        yield bytes(BLOCK - member.size % BLOCK)


def _file_pieces(member: Member, path: Path, chunk_size: int) -> Iterator[bytes]:
    changed = f"{member.label or member.name} was changed while it was being packaged; ask for the package again."
    try:
        with path.open("rb", buffering=0) as file:
            left = member.size
            if file.seek(0, 2) != left:
                raise PackageError(changed)
            file.seek(0)
            while left:
                piece = file.read(min(left, chunk_size))
                if not piece:
                    raise PackageError(changed)
                left -= len(piece)
                yield piece
    except OSError as exc:
        raise PackageError(f"{member.label or member.name} cannot be read any more ({exc.strerror}).") from exc


class Names:
    """Gives out member names, each once: what is taken gets a number.

    Names that differ only in case or in Unicode normalisation count as the same, since some file systems take them
    for the same; a file's name is never a folder of another one.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def claim(self, name: str) -> str:
        """Return a name that is safe and not given out yet, the wanted one if possible."""
        *folders, base = safe_name(name).split("/")
        folder = ""
        for part in folders:
            folder = posixpath.join(folder, part)
            while _folded(folder) in self._files:
                folder += "-files"
        stem, dot, suffix = base.partition(".") if not base.startswith(".") else (base, "", "")
        number, candidate = 1, posixpath.join(folder, base)
        while _folded(candidate) in self._files or _folded(candidate) in self._folders:
            number += 1
            candidate = posixpath.join(folder, f"{stem}-{number}{dot}{suffix}")
        self._files.add(_folded(candidate))
        self._folders.update(_folded(parent) for parent in _parents(candidate))
        return candidate


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _parents(name: str) -> Iterator[str]:
    while name := posixpath.dirname(name):
        yield name


def safe_name(name: str, *, ascii_only: bool = False) -> str:
    """Return a relative path without anything a tar program, a shell or a file system could trip over.

    Parameters
    ----------
    name
        Any text; parts between slashes are the folders.
    ascii_only
        Whether FITS must be able to hold it (GADF index files name their files in ASCII, without trailing blanks).
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(_safe_component(part, ascii_only) for part in parts) or "unnamed"


def _safe_component(part: str, ascii_only: bool) -> str:
    if _PLAIN.fullmatch(part):
        return part
    if part == "..":
        return _escaped("..")
    safe = "".join(_escaped(letter) if _is_unsafe(letter, ascii_only) else letter for letter in part)
    safe = re.sub("^[ ~-]|[ .]$", lambda match: _escaped(match[0]), safe)
    if len(safe.encode("utf-8")) <= _LONGEST_COMPONENT:
        return safe
    mark = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    suffix = "".join(re.findall(r"\.[A-Za-z0-9]{1,8}", safe)[-2:])
    kept = safe.encode("utf-8")[: _LONGEST_COMPONENT - len(mark) - len(suffix) - 1].decode("utf-8", "ignore")
    return f"{kept}~{mark}{suffix}"


def _is_unsafe(letter: str, ascii_only: bool) -> bool:
    # Not printable are control and format characters (such as turn the direction of text), lone surrogates, and all
    # blanks but the usual one.
    return letter == "\\" or not letter.isprintable() or (ascii_only and not letter.isascii())


def _escaped(text: str) -> str:
    """Return text as access references write what is unsafe in URLs: ``_xHH_`` a byte."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "surrogatepass")
    return "".join(f"_x{byte:02X}_" for byte in raw)
