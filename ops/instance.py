"""An instance is a state folder: where everything of it is, and what is remembered between two commands."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from ops import console
from ops.errors import OperatorError

DEFAULT_PORT = 8080
MARKER = "instance.json"
SOCKET_PORT = 5432  # only names the socket file: the cluster does not listen on TCP
SOCKET_NAME = f".s.PGSQL.{SOCKET_PORT}"
SOCKET_PATH_LIMIT = 107  # bytes the kernel allows in the path of a unix socket
SHORT_PREFIX = "cta-vo-"
JOBS_SETTINGS = "jobs.toml"
DATABASE = "gavo"
SUPERUSER = "postgres"


@dataclass
class Memory:
    """What `instance.json` remembers."""

    port: int = DEFAULT_PORT
    socket_dir: str = ""
    fast: bool = False
    admin_password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    postgres: str = ""
    code: str = ""
    dachs_ready: bool = False
    imported: dict[str, str] = field(default_factory=dict)
    published: str = ""
    served: str = ""
    runner: str = ""
    rendered: dict[str, str] = field(default_factory=dict)


@dataclass
class Instance:
    """Paths below a state folder, and its memory."""

    state: Path
    code: Path
    memory: Memory

    @classmethod
    def load(cls, state: Path, code: Path) -> Instance:
        """Return the instance in `state`; a folder without one gives an instance that does not exist yet."""
        marker = state / MARKER
        if not marker.exists():
            return cls(state, code, Memory())
        try:
            stored = json.loads(marker.read_text())
            known = {item.name for item in fields(Memory)}
            memory = Memory(**{key: value for key, value in stored.items() if key in known})
        except (ValueError, TypeError, AttributeError) as error:
            raise OperatorError(
                f"{marker} cannot be read ({error}). Restore it, or remove the folder {state} and begin anew."
            ) from error
        except PermissionError as error:
            raise OperatorError(
                f"the instance {state} belongs to another user. Run this as that user or as root, "
                "or choose another folder: STATE=…"
            ) from error
        return cls(state, code, memory)

    @property
    def exists(self) -> bool:
        """Say whether the state folder holds an instance."""
        return (self.state / MARKER).is_file()

    @property
    def pg(self) -> Path:
        """Return the data folder of the PostgreSQL cluster."""
        return self.state / "pg"

    @property
    def log(self) -> Path:
        """Return the folder of the logs."""
        return self.state / "log"

    @property
    def run(self) -> Path:
        """Return the folder of pid and lock files, and of the database socket if the path is short enough."""
        return self.state / "run"

    @property
    def bin(self) -> Path:
        """Return the folder of the wrappers `dachs` and `psql`."""
        return self.state / "bin"

    @property
    def lib(self) -> Path:
        """Return the folder of packages that only this version of Python can load."""
        return self.state / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def jobs(self) -> Path:
        """Return the folder of the analysis jobs."""
        return self.state / "jobs"

    @property
    def dachs(self) -> Path:
        """Return DaCHS's root folder."""
        return self.state / "dachs"

    @property
    def etc(self) -> Path:
        """Return DaCHS's configuration folder."""
        return self.dachs / "etc"

    @property
    def inputs(self) -> Path:
        """Return DaCHS's inputsDir."""
        return self.dachs / "inputs"

    @property
    def resource_dir(self) -> Path:
        """Return the resource directory of the archive, `cta`."""
        return self.inputs / "cta"

    @property
    def socket_dir(self) -> Path:
        """Return the folder of the database socket."""
        return Path(self.memory.socket_dir) if self.memory.socket_dir else self.run

    @property
    def url(self) -> str:
        """Return the address of the server on this machine."""
        return f"http://127.0.0.1:{self.memory.port}"

    def save(self) -> None:
        """Write `instance.json` in one piece, readable by its user only."""
        path = self.state / MARKER
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(asdict(self.memory), stream, indent=1)
            stream.write("\n")
        new.replace(path)

    def prepare_folders(self) -> None:
        """Create the folders that belong to every instance."""
        for folder in (self.log, self.bin, self.dachs, self.etc, self.inputs):
            folder.mkdir(parents=True, exist_ok=True)
        for private in (self.run, self.jobs):
            private.mkdir(mode=0o700, exist_ok=True)
        self._prepare_socket_dir()

    def _prepare_socket_dir(self) -> None:
        wanted = self.run
        if not fits_socket(wanted):
            before = Path(self.memory.socket_dir or self.run)
            fits = before.name.startswith(SHORT_PREFIX) and fits_socket(before)
            wanted = before if fits else Path(tempfile.mkdtemp(prefix=SHORT_PREFIX, dir=short_temporary_folder()))
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = wanted.stat()
        if found.st_uid != os.geteuid():
            raise OperatorError(
                f"the folder {wanted} of the database socket belongs to somebody else. "
                f"Remove it, or the line 'socket_dir' in {self.state / MARKER}."
            )
        if found.st_mode & 0o077:
            wanted.chmod(0o700)
        self.memory.socket_dir = str(wanted)

    def require(self) -> None:
        """Refuse to go on without an instance."""
        if not self.exists:
            raise OperatorError(f"there is no instance in {self.state}. Create one with `make demo` or `make start`.")

    def environment(self) -> dict[str, str]:
        """Return the variables under which DaCHS and psql work on this instance."""
        return {
            "GAVOSETTINGS": str(self.etc / "gavorc"),
            "GAVOCUSTOM": str(self.etc / "site.rc"),
            "GAVO_INPUTSDIR": str(self.inputs),
            "PYTHONPATH": f"{self.code}{os.pathsep}{self.lib}",
            "PGHOST": str(self.socket_dir),
            "PGPORT": str(SOCKET_PORT),
            "PGDATABASE": DATABASE,
            "PGUSER": SUPERUSER,
            "CTA_JOBS": str(self.etc / JOBS_SETTINGS),
            # DaCHS ends embargoes by the machine's date, the database by its own: both are UTC.
            "TZ": "UTC",
        }

    def child_environment(self) -> dict[str, str]:
        """Return the whole environment of processes that work for this instance."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GAVO", "PG", "PYTHON"))}
        kept.update(self.environment())
        kept["HOME"] = str(self.state)
        kept.setdefault("LANG", "C.UTF-8")
        for name in ("no_proxy", "NO_PROXY"):  # DaCHS tells the running server of changes through HTTP
            kept[name] = ",".join(filter(None, [kept.get(name, ""), "localhost", "127.0.0.1"]))
        return kept

    @contextmanager
    def locked(self, name: str, busy: str = "") -> Iterator[None]:
        """Hold the lock `name`; wait for it, or with `busy` raise that sentence when it is taken."""
        self.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.run / f"{name}.lock", "a") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if busy:
                    raise OperatorError(busy) from None
                console.note(f"waiting for another command on {self.state}")
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def fits_socket(folder: Path) -> bool:
    """Say whether a database socket in this folder has a path the kernel accepts."""
    return len(os.fsencode(folder / SOCKET_NAME)) <= SOCKET_PATH_LIMIT


def short_temporary_folder() -> str:
    """Return a folder with a short path where this user may make a private one."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return runtime if runtime and len(runtime) < 60 and os.access(runtime, os.W_OK) else "/tmp"


def valid_port(text: str) -> int:
    """Return the port number in `text`; 0 asks for a free one."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise OperatorError(f"PORT={text} is not a port: give a number from 1024 to 65535, or 0 for any free one.")
    return int(text)


def open_log(path: Path) -> int:
    """Open a log for appending and return its descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o644)
