"""What a job sees: a root of its own with system, environment and code read-only, and its folder at ``/job``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from analysis.folder import INPUTS, ORDER, RESULTS, WORK, JobOrder
from analysis.sandbox import kernel
from analysis.sandbox.kernel import SandboxError
from analysis.settings import CODE

JOB = Path("/job")
MAX_FILES = 20_000
"""Files and folders a job may have in results and work together, and as many in /tmp."""
SCRATCH = ("/tmp", "/dev/shm")
"""Folders of the sandbox that are in memory."""
_SYSTEM = ("lib", "lib32", "lib64", "libx32", "bin", "sbin")
_ETC = ("ld.so.cache", "alternatives", "fonts")
_NOT_FOR_JOBS = {"tests", "bench", "ops", "sample"}
_DEVICES = ("null", "zero", "full", "random", "urandom")
_IDENTITIES = (
    kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the script finds its folders: below /job in the sandbox."""

    inputs: Path
    results: Path
    work: Path

    @classmethod
    def below(cls, folder: Path) -> Places:
        """Return the places of a job folder."""
        return cls(folder / INPUTS, folder / RESULTS, folder / WORK)


def code_folders() -> list[str]:
    """Return what Python needs: the environment it runs in, and the packages of this checkout (not its other files)."""
    packages = [str(path.parent) for path in CODE.glob("*/__init__.py") if path.parent.name not in _NOT_FOR_JOBS]
    prefixes = [sys.prefix, sys.base_prefix, os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)]
    return packages + prefixes


def place_inputs(folder: Path, order: JobOrder, *, links: bool) -> None:
    """Make the names below ``inputs`` at which the mounted files will appear.

    Parameters
    ----------
    folder
        The job's.
    order
        Says what to mount.
    links
        Make symbolic links to the files instead: for a job that is not shut in.

    Raises
    ------
    SandboxError
        When a target leaves ``inputs``, or a source is not there.
    """
    for item in order.mounts:
        target = PurePosixPath(item.target)
        if target.is_absolute() or not target.parts or {"..", "."} & set(item.target.split("/")):
            raise SandboxError(f"the input {item.target!r} would be outside of the job's inputs.")
        if not (Path(item.source).is_absolute() and Path(item.source).is_file()):
            raise SandboxError(f"the input {item.target} is not there: {item.source}.")
        path = folder / INPUTS / target
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.is_symlink() or (links and path.exists()):
            path.unlink()
        if links:
            path.symlink_to(item.source)
        else:
            path.touch(mode=0o600)


def new_user_namespace() -> None:
    """Get rights over namespaces, as the user one is; the next child is the first of a new process namespace.

    Raises
    ------
    SandboxError
        When the system does not let this user.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID, "user namespaces are not allowed on this machine")
    except SandboxError as exc:
        raise SandboxError(f"{exc} Allow them (sysctl user.max_user_namespaces), or set sandbox = false.") from None
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(text, encoding="ascii")


def enter(folder: Path, order: JobOrder) -> None:
    """Move this process, the first of its process namespace, to a root where only the job's things are.

    Raises
    ------
    SandboxError
        When a step fails; the process must end then.
    """
    kernel.unshare(_IDENTITIES, "new namespaces")
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    parts = {name: os.open(folder / name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW) for name in (RESULTS, WORK)}
    inputs = os.open(folder / INPUTS, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    order_file = os.open(folder / ORDER, os.O_PATH | os.O_NOFOLLOW)
    # The new root needs a place for the time being; the job's own work folder hides nothing that is needed.
    root = str(folder / WORK)
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID, "size=1m,mode=755")
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    size = min(order.limits.disk_bytes, order.limits.memory_bytes // 2)
    # Before what is shown: code and scripts may themselves be below /tmp.
    for place in SCRATCH:
        Path(root + place).mkdir(parents=True)
        kernel.mount("tmpfs", root + place, "tmpfs", flags, f"size={size},nr_inodes={MAX_FILES},mode=1777")
    _show_system(root)
    _show(root, [*code_folders(), *order.read_only])
    for place in ("proc", "job/results", "job/work", "job/inputs"):
        Path(f"{root}/{place}").mkdir(parents=True)
    _bind(f"/proc/self/fd/{inputs}", f"{root}{JOB}/{INPUTS}")
    for item in order.mounts:
        _bind(item.source, f"{root}{JOB}/{INPUTS}/{item.target}")
    Path(f"{root}{JOB}/{ORDER}").touch()
    _bind(f"/proc/self/fd/{order_file}", f"{root}{JOB}/{ORDER}")
    for name in _DEVICES:
        Path(f"{root}/dev/{name}").touch()
    kernel.make_read_only(root)
    for name in _DEVICES:
        kernel.mount(f"/dev/{name}", f"{root}/dev/{name}", None, kernel.MS_BIND)
    for name, descriptor in parts.items():
        kernel.mount(f"/proc/self/fd/{descriptor}", f"{root}{JOB}/{name}", None, kernel.MS_BIND)
    for place in SCRATCH:
        kernel.make_writable(root + place)
    _limit_namespaces()
    # Read-only: a job of root's would own the switches in /proc/sys and /proc/sysrq-trigger.
    kernel.mount("proc", f"{root}/proc", "proc", flags | kernel.MS_NOEXEC | kernel.MS_RDONLY)
    for descriptor in (*parts.values(), inputs, order_file):
        os.close(descriptor)
    kernel.pivot_root(root)
    os.chdir(JOB / WORK)


def _show_system(root: str) -> None:
    for name in _SYSTEM:
        place = Path("/", name)
        if place.is_symlink():
            Path(root, name).symlink_to(place.readlink())
    _show(root, ["/usr", *(f"/{name}" for name in _SYSTEM if not Path("/", name).is_symlink())])
    etc = Path(root, "etc")
    etc.mkdir()
    user, group = os.geteuid(), os.getegid()
    (etc / "passwd").write_text(f"job:x:{user}:{group}::{JOB / WORK}:/usr/sbin/nologin\n", encoding="ascii")
    (etc / "group").write_text(f"job:x:{group}:\n", encoding="ascii")
    (etc / "hosts").write_text("127.0.0.1 localhost\n", encoding="ascii")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n", encoding="ascii")
    _show(root, [f"/etc/{name}" for name in _ETC])


def _show(root: str, places: Iterable[str]) -> None:
    """Bind files and folders at their own place, those that are there and not seen already."""
    for place in sorted({os.path.normpath(item) for item in places}, key=len):
        if place == "/" or not place.startswith("/"):
            raise SandboxError(f"the job cannot be shown {place!r}: it is no folder of its own.")
        source, target = Path(place), Path(root + place)
        # What has been bound before may hold it; nothing may be made below a bind, it would be made outside.
        if not source.exists() or target.exists():
            continue
        if source.is_dir():
            target.mkdir(parents=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        _bind(place, str(target))


def _bind(source: str, target: str) -> None:
    # Recursive: mounts below may not be left out in a namespace of a user's.
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)


def _limit_namespaces() -> None:
    """Let the job make no namespaces of users, and keep no memory in System V objects, which no process shows."""
    for name in ("user/max_user_namespaces", "kernel/shmall", "kernel/msgmni"):
        try:
            Path("/proc/sys", name).write_text("0", encoding="ascii")
        except OSError:
            continue  # older kernels keep some of these for root; what is lost is a second line of defence only
