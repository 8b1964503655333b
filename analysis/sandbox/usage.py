"""How much a job takes: processes, memory, and room on disk."""

from __future__ import annotations

import os
import resource
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.sandbox.root import MAX_FILES, SCRATCH

MAX_DEPTH = 50
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_PAGE = resource.getpagesize()


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes and number of files."""

    n_bytes: int = 0
    n_files: int = 0

    def __add__(self, other: Space) -> Space:
        return Space(self.n_bytes + other.n_bytes, self.n_files + other.n_files)


def threads(pids: Iterable[int]) -> int:
    """Return how many threads processes have together; a process has at least one."""
    number = 0
    for pid in pids:
        try:
            # A folder has two links and one more for each folder in it.
            number += Path(f"/proc/{pid}/task").stat().st_nlink - 2
        except (FileNotFoundError, ProcessLookupError):
            continue
    return number


def memory(pids: Iterable[int], limit: int) -> int:
    """Return the memory of processes, bytes; exact (pages they share divided) only where it may be above the limit."""
    pids = list(pids)
    resident = sum(_resident(pid) for pid in pids)
    return resident if resident <= limit else sum(_proportional(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * _PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as stream:
            return next((int(line.split()[1]) * 1024 for line in stream if line.startswith("Pss:")), 0)
    except PermissionError:
        return _resident(pid)  # a process may forbid that it is read; then it counts in full
    except (FileNotFoundError, ProcessLookupError):
        return 0


def scratch(init: int) -> Space:
    """Return what a sandbox has in its folders in memory; `init` is its first process."""
    total = Space()
    for place in SCRATCH:
        try:
            values = os.statvfs(f"/proc/{init}/root{place}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        total += Space((values.f_blocks - values.f_bfree) * values.f_frsize, values.f_files - values.f_ffree)
    return total


def removed(pids: Iterable[int], device: int) -> tuple[int, int]:
    """Return bytes of files that have no name any more but are held open: on the device, and in memory."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in pids:
        try:
            for path in Path(f"/proc/{pid}/fd").iterdir():
                values = path.stat()
                if stat.S_ISREG(values.st_mode) and values.st_nlink == 0:
                    sizes[values.st_dev, values.st_ino] = values.st_blocks * 512
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    on_device = sum(size for (where, _), size in sizes.items() if where == device)
    return on_device, sum(sizes.values()) - on_device


def space(folder: Path, max_bytes: int) -> Space:
    """Return what is in a folder; it stops counting where a limit has been passed.

    No link is followed; folders nested more than `MAX_DEPTH` deep count as too many files.
    """
    total = Space()
    for descriptor, entry, depth in _walk(folder):
        total += Space(_size(descriptor, entry.name), 1)
        if depth > MAX_DEPTH:
            return Space(total.n_bytes, MAX_FILES + 1)
        if total.n_bytes > max_bytes or total.n_files > MAX_FILES:
            break
    return total


def tidy(folder: Path) -> None:
    """Leave files and folders only, which their owner can read and remove.

    Links and pipes a script has planted could lead a reader elsewhere or block it. Nothing may run in it any more.
    """
    for descriptor, entry, depth in _walk(folder):
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
            needed = 0o700 if stat.S_ISDIR(mode) else 0o600
            if stat.S_ISDIR(mode) and depth > MAX_DEPTH:
                _remove(descriptor, entry.name)
            elif not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                os.unlink(entry.name, dir_fd=descriptor)
            elif mode & needed != needed:
                os.chmod(entry.name, stat.S_IMODE(mode) | needed, dir_fd=descriptor)
        except FileNotFoundError:
            continue


def _remove(parent: int, name: str) -> None:
    """Remove a folder however deep it is: what is in it is moved up beside it, so that no path gets long."""
    waiting = [name]
    while waiting:
        name = waiting.pop()
        folder = _open_below(parent, name)
        if folder is None:
            continue
        try:
            for entry in list(os.scandir(folder)):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(secrets.token_hex(16))
                    os.rename(entry.name, waiting[-1], src_dir_fd=folder, dst_dir_fd=parent)
                else:
                    os.unlink(entry.name, dir_fd=folder)
        finally:
            os.close(folder)
        os.rmdir(name, dir_fd=parent)


def _size(descriptor: int, name: str) -> int:
    try:
        values = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return 0
    return max(values.st_size, values.st_blocks * 512)


def _walk(folder: Path) -> Iterator[tuple[int, os.DirEntry[str], int]]:
    """Yield (descriptor of its folder, entry, depth) for everything below; what vanishes meanwhile is left out."""
    try:
        descriptor = os.open(folder, _FOLDER)
    except FileNotFoundError:
        return
    yield from _walk_open(descriptor, 1)


def _walk_open(descriptor: int, depth: int) -> Iterator[tuple[int, os.DirEntry[str], int]]:
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                yield descriptor, entry, depth
                if depth <= MAX_DEPTH and entry.is_dir(follow_symlinks=False):
                    below = _open_below(descriptor, entry.name)
                    if below is not None:
                        yield from _walk_open(below, depth + 1)
    finally:
        os.close(descriptor)


def _open_below(descriptor: int, name: str) -> int | None:
    try:
        return os.open(name, _FOLDER, dir_fd=descriptor)
    except PermissionError:
        pass
    except OSError:  # gone, or no folder any more
        return None
    # A script has taken the right to read it away. It is given back by descriptor: the name may be a link now.
    try:
        held = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
        try:
            Path(f"/proc/self/fd/{held}").chmod(0o700)
        finally:
            os.close(held)
        return os.open(name, _FOLDER, dir_fd=descriptor)
    except OSError:
        return None
