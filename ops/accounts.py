"""Who runs an instance and from which code.

An ordinary user runs everything. Root prepares the folders, then this process becomes the server's system user and
goes on as that one. Where that user cannot reach the state folder or the checkout (a clone in root's home, say), the
state is kept below `HOME` with a link at the place asked for, and the code is copied there and refreshed by each
command.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops import console
from ops.errors import OperatorError
from ops.instance import MARKER

HOME = Path("/var/lib/cta-vo")
DEFAULT_USER = "ctavo"
ROOMS = (
    "inputs",
    "rd",
    "ingest",
    "model",
    "datalink",
    "prov_tables",
    "analysis",
    "ui",
    "sample",
    "config",
    "ops",
    "requirements",
)
NOT_COPIED = ("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
FINGERPRINT = ".fingerprint"


@dataclass(frozen=True)
class Account:
    """A system user."""

    name: str
    uid: int
    gid: int

    def can_read_all(self, paths: list[Path]) -> bool:
        """Say whether this user can read every file below these paths."""
        done = subprocess.run(
            ["/usr/bin/find", "-L", *paths, "!", "-readable", "-print", "-quit"],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
        )
        return done.returncode == 0 and not done.stdout

    def can_enter(self, folder: Path) -> bool:
        """Say whether this user can reach this folder."""
        command = ["/usr/bin/test", "-x", str(folder)]
        return subprocess.run(command, user=self.uid, group=self.gid, extra_groups=[], cwd="/").returncode == 0

    def become(self) -> None:
        """Give up root's rights for good: from here on this process is the account's."""
        os.initgroups(self.name, self.gid)
        os.setgid(self.gid)
        os.setuid(self.uid)
        os.environ.update(USER=self.name, LOGNAME=self.name)


def current() -> Account:
    """Return the account of this process."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        raise OperatorError(
            f"user id {uid} has no name on this machine, and PostgreSQL wants one: add it to /etc/passwd."
        ) from None
    return Account(name, uid, gid)


def group_name() -> str:
    """Return the name of this process's group; DaCHS wants one."""
    try:
        return grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        raise OperatorError(
            f"group id {os.getegid()} has no name on this machine, and DaCHS wants one: add it to /etc/group."
        ) from None


def settle(requested: Path, checkout: Path) -> tuple[Path, Path]:
    """Prepare the state folder, become its user, and return the real state folder and the code folder."""
    requested = absolute(requested)
    if os.geteuid() != 0:
        refuse_foreign(requested)
        return requested.resolve(), checkout
    account = _owner(requested) or _server_user()
    state = _state_for(account, requested)
    _make_shared_folder(account)
    code = _code_for(account, state, checkout)
    account.become()
    os.chdir("/")
    return state, code


def absolute(path: Path | str) -> Path:
    """Return a path from the root without `..`, its links not followed."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow the link to the real state folder


def shared_folder(user: str) -> Path:
    """Return the folder of what the instances of a system user share; only root's commands make it."""
    return HOME / "shared" / user


def make_folder(state: Path) -> None:
    """Create the state folder of an ordinary user."""
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(
            f"the folder {state} cannot be created ({error.strerror}). Choose another one: STATE=…"
        ) from error
    if not os.access(state, os.W_OK | os.X_OK):
        raise OperatorError(f"you may not write in the folder {state}. Choose another one: STATE=…")


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder with content that is not an instance's."""
    try:
        if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
            raise OperatorError(f"the folder {folder} is not empty and holds no instance. Choose another one: STATE=…")
    except NotADirectoryError:
        raise OperatorError(f"{folder} is a file, not a folder. Choose a folder: STATE=…") from None
    except PermissionError:
        raise OperatorError(f"you may not look into the folder {folder}. Choose another one: STATE=…") from None


def slug(path: Path) -> str:
    """Return a file name that stands for a path: readable, and different for different paths."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", str(path)).strip("-")[-32:].strip("-") or "root"
    return f"{readable}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def code_files(checkout: Path) -> Iterator[Path]:
    """Yield the files of the code rooms, relative to the checkout, in a fixed order."""
    for room in ROOMS:
        for folder, folders, files in os.walk(checkout / room, followlinks=True):
            folders[:] = sorted(name for name in folders if name not in NOT_COPIED)
            for name in sorted(files):
                yield (Path(folder) / name).relative_to(checkout)


def code_fingerprint(checkout: Path) -> str:
    """Return a digest over names, sizes and times of the code files."""
    digest = hashlib.sha256()
    for path in code_files(checkout):
        try:
            found = (checkout / path).stat()
        except FileNotFoundError:  # an editor's passing file
            continue
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def refresh_copy(checkout: Path, copy: Path) -> bool:
    """Bring a copy of the code up to date, in one move; return whether anything had changed."""
    fingerprint = code_fingerprint(checkout)
    marker = copy / FINGERPRINT
    if marker.exists() and marker.read_text() == fingerprint:
        return False
    console.step(f"copying the code to {copy}, where the server's user can read it")
    new, old = copy.with_name(copy.name + ".new"), copy.with_name(copy.name + ".old")
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir(parents=True, mode=0o755)
    for path in code_files(checkout):
        target = new / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / path, target)
        target.chmod(0o755 if os.access(checkout / path, os.X_OK) and target.suffix == ".sh" else 0o644)
    for folder, _, _ in os.walk(new):
        Path(folder).chmod(0o755)
    (new / FINGERPRINT).write_text(fingerprint)
    if copy.exists():
        copy.rename(old)
    new.rename(copy)
    shutil.rmtree(old, ignore_errors=True)
    return True


def _owner(requested: Path) -> Account | None:
    """Return the account an existing instance belongs to."""
    try:
        uid = (requested / MARKER).stat().st_uid
    except OSError:
        return None
    if uid == 0:
        raise OperatorError(f"{requested / MARKER} belongs to root; give it back to the server's user with chown.")
    known = pwd.getpwuid(uid)
    return Account(known.pw_name, uid, known.pw_gid)


def _server_user() -> Account:
    name = os.environ.get("SERVER_USER") or DEFAULT_USER
    try:
        known = pwd.getpwnam(name)
    except KeyError:
        raise OperatorError(
            f"there is no user {name} on this machine: run `ops/install.sh server` as root, which creates it."
        ) from None
    if known.pw_uid == 0:
        raise OperatorError("PostgreSQL does not run as root: set SERVER_USER to an unprivileged user.")
    return Account(name, known.pw_uid, known.pw_gid)


def _state_for(account: Account, requested: Path) -> Path:
    """Return a state folder which the account owns and can reach."""
    refuse_foreign(requested)
    if requested.is_symlink():
        return requested.resolve()
    if (requested / MARKER).exists():
        return requested
    requested.parent.mkdir(parents=True, exist_ok=True)
    if account.can_enter(requested.parent):
        requested.mkdir(exist_ok=True)
        os.chown(requested, account.uid, account.gid)
        return requested
    real = HOME / slug(requested) / "state"
    real.parent.mkdir(parents=True, exist_ok=True)
    refuse_foreign(real)
    real.mkdir(exist_ok=True)
    os.chown(real, account.uid, account.gid)
    if requested.exists():
        requested.rmdir()  # empty, as checked above
    requested.symlink_to(real)
    console.note(f"{account.name} cannot reach {requested.parent}: the instance lives in {real}, linked from there")
    return real


def _make_shared_folder(account: Account) -> None:
    folder = shared_folder(account.name)
    if not folder.exists():
        folder.mkdir(parents=True)
        os.chown(folder, account.uid, account.gid)


def _code_for(account: Account, state: Path, checkout: Path) -> Path:
    """Return a folder with the code which the account can read."""
    if account.can_read_all([checkout / room for room in ROOMS if (checkout / room).exists()]):
        return checkout
    copy = (state.parent if state.parent.parent == HOME else HOME / slug(state)) / "code"
    refresh_copy(checkout, copy)
    return copy
