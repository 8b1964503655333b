"""Links from an instance into the code: they follow the code and never touch what the operator has put there."""

from __future__ import annotations

import shutil
from pathlib import Path

from ops.accounts import NOT_COPIED


def link(place: Path, target: Path) -> bool:
    """Make `place` a link to `target` if that exists; return False where a real file has precedence."""
    if place.is_symlink():
        if target.exists() and place.readlink() == target:
            return True
        place.unlink()
    elif place.exists():
        return False
    if not target.exists():
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    return True


def mirror(folder: Path, source: Path, *, copies: bool, leave: tuple[str, ...] = ()) -> None:
    """Show every entry of `source` in `folder`, as links or copies; links whose entry is gone are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    skipped = {*leave, *NOT_COPIED}
    wanted = {} if not source.is_dir() else {path.name: path for path in source.iterdir() if path.name not in skipped}
    for place in folder.iterdir():
        if place.is_symlink() and place.name not in wanted and not place.exists():
            place.unlink()
    for name, path in wanted.items():
        if not copies:
            link(folder / name, path)
        elif path.is_dir():
            mirror(folder / name, path, copies=True)
        elif not same_file(folder / name, path):
            shutil.copy2(path, folder / name)


def same_file(one: Path, other: Path) -> bool:
    """Say whether a copy has the size and time of its source."""
    if not one.is_file():
        return False
    a, b = one.stat(), other.stat()
    return (a.st_size, int(a.st_mtime)) == (b.st_size, int(b.st_mtime))
