"""The private PostgreSQL cluster of an instance: on a socket of its own, reachable by its user only."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

from ops import console
from ops.errors import OperatorError
from ops.instance import DATABASE, SOCKET_NAME, SOCKET_PORT, SUPERUSER, Instance
from ops.processes import is_alive, last_meaningful_line, living, run_logged

VERSIONS = Path("/usr/lib/postgresql")
EXTENSIONS = ("pg_sphere", "q3c", "pg_trgm", "btree_gist")
OPERATOR_SETTINGS = "operator.conf"


def find_bin(versions: Path = VERSIONS, share: Path = Path("/usr/share/postgresql")) -> Path:
    """Return the program folder of the newest PostgreSQL that has the sphere extension."""
    found = [
        (int(folder.name), folder / "bin")
        for folder in versions.glob("*")
        if folder.name.isdigit()
        and (folder / "bin" / "initdb").exists()
        and (share / folder.name / "extension" / "pg_sphere.control").exists()
    ]
    if not found:
        raise OperatorError("no PostgreSQL with the extension pg_sphere is installed. Run `ops/install.sh server`.")
    return max(found)[1]


def programs(instance: Instance) -> Path:
    """Return the program folder that fits the data of this instance."""
    version_file = instance.pg / "PG_VERSION"
    if not version_file.exists():
        return find_bin()
    version = version_file.read_text().strip()
    folder = VERSIONS / version / "bin"
    if not (folder / "pg_ctl").exists():
        raise OperatorError(
            f"the data in {instance.pg} are of PostgreSQL {version}, which is not installed any more. "
            f"Install postgresql-{version} and its packages -pgsphere and -q3c, or move the data with pg_upgrade."
        )
    return folder


def settings(instance: Instance, memory_kb: int) -> str:
    """Return the configuration of the cluster for a machine with this much memory."""
    shared = 128 if instance.memory.fast else min(max(memory_kb // 1024 // 8, 128), 2048)
    lines = [
        f"# Written by the operator commands at each start; put your own settings into {OPERATOR_SETTINGS}.",
        "listen_addresses = ''",
        f"port = {SOCKET_PORT}",
        f"unix_socket_directories = '{_quoted(instance.socket_dir)}'",
        "unix_socket_permissions = 0700",
        f"shared_buffers = {shared}MB",
        f"effective_cache_size = {max(memory_kb // 1024 // 2, 256)}MB",
        "work_mem = 32MB",
        f"maintenance_work_mem = {min(max(memory_kb // 1024 // 16, 64), 512)}MB",
        "max_wal_size = 4GB",
        "random_page_cost = 1.5",
        "jit = off",  # compiling the obscore view costs more than running most queries
        "timezone = 'UTC'",
        "log_timezone = 'UTC'",
        "log_line_prefix = '%m [%p] %u '",
    ]
    if instance.memory.fast:
        lines += ["fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = 1GB"]
    return "\n".join(lines) + "\n"


def is_running(instance: Instance) -> bool:
    """Say whether the cluster's postmaster is alive."""
    return postmaster(instance) is not None


def postmaster(instance: Instance) -> int | None:
    """Return the process id of the postmaster, or None."""
    try:
        pid = int((instance.pg / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if is_alive(pid) and _works_in(pid, instance.pg) else None


def ensure(instance: Instance) -> None:
    """Create the cluster if there is none, start it if it is stopped, create the database if it is missing."""
    fresh = not (instance.pg / "PG_VERSION").exists()
    if fresh:
        _create(instance)
    start(instance)
    if fresh or not instance.memory.postgres:
        _create_database(instance)
        instance.memory.postgres = (instance.pg / "PG_VERSION").read_text().strip()
        instance.save()


def start(instance: Instance) -> bool:
    """Start the cluster; return False if it ran already."""
    if is_running(instance):
        if (instance.socket_dir / SOCKET_NAME).exists():
            return False
        stop(instance)  # the state folder was moved, or somebody has tidied up the folder of the socket
    console.step("starting the database")
    _clear_stale_lock(instance)
    (instance.pg / "cta.conf").write_text(settings(instance, _machine_memory_kb()))
    log, begin = _log(instance), log_size(instance)
    command: list[str | Path] = [programs(instance) / "pg_ctl", "start", "-w", "-t", "300", "-s"]
    environment = instance.child_environment()
    try:
        run_logged(
            "starting the database",
            [*command, "-D", instance.pg, "-l", log],
            instance.log / "setup.log",
            environment,
        )
    except OperatorError as error:
        with open(log, "rb") as stream:
            stream.seek(begin)
            reason = last_meaningful_line(stream.read().decode(errors="replace")).rpartition("]")[2].strip()
        raise OperatorError(f"the database does not start: {reason} PostgreSQL's log is {log}.") from error
    return True


def stop(instance: Instance) -> bool:
    """Stop the cluster; return False if it did not run."""
    if not is_running(instance):
        return False
    run_logged(
        "stopping the database",
        [programs(instance) / "pg_ctl", "stop", "-w", "-t", "300", "-m", "fast", "-D", instance.pg, "-s"],
        instance.log / "setup.log",
        instance.child_environment(),
        advice="Its processes may hang in disk input or output; wait and run `make stop` again.",
    )
    return True


def log_size(instance: Instance) -> int:
    """Return the size of PostgreSQL's log, to tell later what has been added."""
    log = _log(instance)
    return log.stat().st_size if log.exists() else 0


def ran_out_of_disk(instance: Instance, since: int) -> bool:
    """Say whether PostgreSQL has met a full disk since its log had this size.

    It then ends all connections and often itself, so that those who use it cannot tell why.
    """
    with open(_log(instance), "rb") as stream:
        stream.seek(since)
        return b"No space left on device" in stream.read()


def query(instance: Instance, sql: str, database: str = DATABASE) -> str:
    """Run one SQL statement as the superuser and return what psql prints, unaligned."""
    command = [str(programs(instance) / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run(
        [*command, "-U", SUPERUSER, "-d", database, "-c", sql],
        env=instance.child_environment(),
        cwd="/",
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise OperatorError(f"the database refused a command of the set-up: {done.stderr.strip()}")
    return done.stdout.strip()


def _create(instance: Instance) -> None:
    console.step("creating the database cluster")
    new = instance.state / "pg.new"
    shutil.rmtree(new, ignore_errors=True)  # what an interrupted call left
    command: list[str | Path] = [find_bin() / "initdb", "-D", new, "--username", SUPERUSER]
    command += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--auth", "trust", "--no-instructions"]
    if instance.memory.fast:
        command.append("--no-sync")
    run_logged(
        "creating the database cluster",
        command,
        instance.log / "setup.log",
        instance.child_environment(),
        advice="See that the disk has room, then run the same command again.",
    )
    # No TCP and a private socket folder: whoever reaches the socket is the instance's own user.
    (new / "pg_hba.conf").write_text("local all all trust\n")
    (new / OPERATOR_SETTINGS).write_text("# Your own settings of this cluster; they win over cta.conf.\n")
    with open(new / "postgresql.conf", "a") as stream:
        stream.write(f"\ninclude 'cta.conf'\ninclude_if_exists '{OPERATOR_SETTINGS}'\n")
    new.rename(instance.pg)


def _create_database(instance: Instance) -> None:
    if query(instance, f"SELECT 1 FROM pg_database WHERE datname='{DATABASE}'", "postgres") != "1":
        query(instance, f"CREATE DATABASE {DATABASE} ENCODING 'UTF8' TEMPLATE template0", "postgres")
    for name in EXTENSIONS:
        query(instance, f"CREATE EXTENSION IF NOT EXISTS {name}")


def _clear_stale_lock(instance: Instance) -> None:
    """Remove the lock of a cluster that was killed, once none of its processes is left.

    PostgreSQL would take a dead process that nobody has collected yet, or another one of the same number, for its own.
    """
    lock = instance.pg / "postmaster.pid"
    waiting = console.Waiting("waiting for the processes of the former database to end")
    while lock.exists() and any(_works_in(pid, instance.pg) for pid in living()):
        if waiting.elapsed > 60:
            return  # PostgreSQL will say what is the matter
        waiting.tick()
        time.sleep(0.1)
    for leftover in (lock, instance.socket_dir / f"{SOCKET_NAME}.lock", instance.socket_dir / SOCKET_NAME):
        leftover.unlink(missing_ok=True)


def _log(instance: Instance) -> Path:
    return instance.log / "postgres.log"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _machine_memory_kb() -> int:
    match = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(match.group(1)) if match else 4 * 1024 * 1024


def _works_in(pid: int, folder: Path) -> bool:
    """Guard against a process id that was given to another program since."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        return False
