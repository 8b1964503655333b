"""Files that a job has left, read without trust: links and pipes may have been planted among them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_plain(path: Path | str, folder: int | None = None) -> BufferedReader:
    """Open a regular file for reading.

    Parameters
    ----------
    path
        Of the file; relative to `folder` if that is given.
    folder
        Descriptor of an open folder.

    Raises
    ------
    OSError
        When there is none: links and pipes that a job has planted are none.
    """
    # Without O_NONBLOCK a pipe would hold who opens it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return os.fdopen(descriptor, "rb")


def plain_size(path: Path) -> int | None:
    """Return the size of a regular file, bytes; None when there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def digest_of(path: Path) -> str | None:
    """Return the SHA-256 of a regular file, in hex; None when there is none."""
    try:
        with open_plain(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None


def plain_files(folder: Path) -> list[Path]:
    """Return the regular files in a folder by name, without those whose name begins with a dot."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
    return [folder / name for name in sorted(names) if not name.startswith(".")]


def digests_in(folder: Path) -> dict[str, str]:
    """Return the SHA-256, in hex, of the regular files in a folder by name."""
    found = {path.name: digest_of(path) for path in plain_files(folder)}
    return {name: digest for name, digest in found.items() if digest is not None}
