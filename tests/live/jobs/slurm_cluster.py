"""A Slurm cluster of one node on this machine, started by hand: munged, slurmctld and slurmd, no systemd.

Everything is private: configuration, key, sockets, ports and folders. All of it runs as one ordinary user (as root,
the archive's system user), and only that user can have jobs in it. ``python -m tests.live.jobs.slurm_cluster`` runs
one in the foreground, for trying things out.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ops.accounts import DEFAULT_USER, Account
from ops.processes import free_port, living

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
CONFIGURATION = """
ClusterName=cta
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
ReturnToService=2
MessageTimeout=5
SlurmctldTimeout=30
SlurmdTimeout=60
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=65536 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


class NoClusterError(AssertionError):
    """Slurm is installed but does not start, or is not installed; the text says which, and what its logs say."""


def cluster_account() -> Account:
    """Return who runs the cluster: this user, or as root the archive's system user."""
    name = os.environ.get("SERVER_USER") or DEFAULT_USER
    known = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam(name)
    return Account(known.pw_name, known.pw_uid, known.pw_gid)


@dataclass
class SlurmCluster:
    """The daemons and what one must know to talk to them. `cpus` is how many jobs it runs at one time."""

    folder: Path
    cpus: int = 4
    account: Account = field(default_factory=cluster_account)
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead Slurm's commands here."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    # --- starting and stopping ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until the node takes jobs."""
        missing = [name for name in PROGRAMS if not _program(name)]
        if missing:
            raise NoClusterError(f"{', '.join(missing)} not installed; run `ops/install.sh tools`.")
        self._write()
        self.start_daemon("munged")
        wait_for(lambda: (self.folder / "munge.socket").exists(), self._why("munged does not start"))
        self.start_daemon("slurmctld")
        self.start_daemon("slurmd")
        wait_for(self.is_up, self._why("the node takes no jobs"), 60)

    def stop(self) -> None:
        """Cancel what runs and end the daemons; for that a controller that was killed is started once more."""
        if self._lives("slurmd") and not self._lives("slurmctld"):
            self.start_daemon("slurmctld")
        if self._lives("slurmd"):
            with contextlib.suppress(subprocess.SubprocessError, NoClusterError):
                self.run("scancel", "--signal=KILL", "--full", f"--user={self.account.name}")
                self.run("scancel", f"--user={self.account.name}")
                wait_for(lambda: not self.queue(), "jobs are left in the cluster", 15)
        for name in reversed(list(self.daemons)):
            self.stop_daemon(name)
        for pid in self._leftovers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _leftovers(self) -> list[int]:
        """Return what was started with our configuration: a slurmstepd tells a controller that is gone of its job."""
        mark = f"SLURM_CONF={self.folder}/slurm.conf".encode()
        found = []
        for pid in living():
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    found.append(pid)
        return [pid for pid in found if pid != os.getpid()]

    @contextlib.contextmanager
    def without_controller(self) -> Iterator[None]:
        """Kill slurmctld for a while, not before it has written down what it knows of its jobs."""
        state = self.folder / "state" / "job_state"
        for number in self.queue():
            begin = time.time()
            self.run("scontrol", "update", f"JobId={number}", "TimeLimit=60")
            wait_for(lambda begin=begin: state.exists() and state.stat().st_mtime > begin, "slurmctld writes nothing")
        self.stop_daemon("slurmctld", signal.SIGKILL)
        try:
            yield
        finally:
            self.start_daemon("slurmctld")
            wait_for(self.is_up, self._why("slurmctld does not come back"), 60)

    def is_up(self) -> bool:
        """Say whether the node takes jobs; one that is out of service is taken back."""
        state = self.run("sinfo", "-h", "-o", "%T").strip()
        if state.rstrip("*") in ("idle", "mixed", "allocated"):
            return True
        if state.startswith(("down", "drain")):
            self.run("scontrol", "update", f"NodeName={self.node}", "State=RESUME")
        return False

    @property
    def node(self) -> str:
        """The name of the node."""
        return socket.gethostname().split(".")[0]

    def _lives(self, name: str) -> bool:
        return name in self.daemons and self.daemons[name].poll() is None

    def start_daemon(self, name: str) -> None:
        """Start one of the daemons; they stay in the foreground of a session of their own."""
        words = {
            "munged": [
                "--foreground",
                f"--socket={self.folder}/munge.socket",
                f"--key-file={self.folder}/munge.key",
                f"--pid-file={self.folder}/munged.pid",
                f"--log-file={self.folder}/munged.log",
                f"--seed-file={self.folder}/munged.seed",
                "--num-threads=2",
                "--group-update-time=-1",
            ],
            "slurmctld": ["-D", "-f", f"{self.folder}/slurm.conf"],
            "slurmd": ["-D", "-f", f"{self.folder}/slurm.conf"],
        }[name]
        with open(self.folder / f"{name}.out", "ab") as output:
            if not os.getuid():
                os.fchown(output.fileno(), self.account.uid, self.account.gid)
            self.daemons[name] = subprocess.Popen(
                [str(_program(name)), *words],
                env={**self._clean(), **self.environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **self._identity(),
            )

    def stop_daemon(self, name: str, number: int = signal.SIGTERM) -> None:
        """End one of the daemons, by force when it does not go."""
        child = self.daemons.pop(name)
        child.send_signal(number)  # nothing happens if it is gone
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    # --- talking to it --------------------------------------------------------------------------------------------

    def run(self, program: str, *words: str) -> str:
        """Run one of Slurm's commands and return what it printed; empty when it failed."""
        done = subprocess.run(
            [str(_program(program)), *words],
            env={**self._clean(), **self.environment},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            **self._identity(),
        )
        return done.stdout

    def queue(self) -> list[str]:
        """Return the numbers of the jobs that wait, run or are being ended."""
        return self.run("squeue", "-h", "-o", "%i").split()

    def _identity(self) -> dict[str, object]:
        """Return how a child becomes the account; nothing is needed if this process is it already."""
        if os.getuid():
            return {}
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}

    @staticmethod
    def _clean() -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        values = {
            "host": self.node,
            "controller_port": free_port(),
            "node_port": free_port(),
            "user": self.account.name,
            "folder": self.folder,
            "cpus": self.cpus,
        }
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**values))
        # Later versions of slurmd want systemd's control group unless told otherwise; earlier ones know no such word.
        told = "CgroupPlugin=disabled\n" if self._version() >= (23, 11) else ""
        (self.folder / "cgroup.conf").write_text(told)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        for name in ("state", "spool"):
            (self.folder / name).mkdir(exist_ok=True, mode=0o755)
        if not os.getuid():
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, self.account.uid, self.account.gid)

    def _version(self) -> tuple[int, ...]:
        printed = self.run("slurmd", "-V")
        found = re.search(r"(\d+)\.(\d+)", printed)
        if not found:
            raise NoClusterError(f"slurmd does not tell its version; it says {printed!r}.")
        return int(found[1]), int(found[2])

    def _why(self, sentence: str) -> Callable[[], str]:
        """Return a function that makes a sentence with the last lines of what the daemons wrote."""

        def told() -> str:
            parts = [f"Slurm is installed, but {sentence}."]
            for path in sorted(self.folder.glob("*.out")) + sorted(self.folder.glob("*.log")):
                tail = path.read_text(errors="replace").splitlines()[-8:]
                parts += [f"--- {path.name}", *tail]
            return "\n".join(parts)

        return told


@contextlib.contextmanager
def running_slurm(folder: Path | None = None, cpus: int = 4) -> Iterator[SlurmCluster]:
    """Start a cluster, in a folder of its own if none is given, and end it (the folder stays if one was given)."""
    # The name is short: the path of munged's socket may have 107 letters.
    place = folder or Path(tempfile.mkdtemp(prefix="cta-slurm-", dir="/tmp"))
    cluster = SlurmCluster(place, cpus)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def wait_for(condition: Callable[[], bool], why: Callable[[], str] | str, seconds: float = 30) -> None:
    """Wait until something holds.

    Raises
    ------
    NoClusterError
        When it does not in time; `why` is or makes the sentence.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NoClusterError(why if isinstance(why, str) else why())
        time.sleep(0.1)


def _program(name: str) -> str | None:
    """Return the path of a program; daemons are not on every user's path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def main(words: list[str] | None = None) -> None:
    """Run a cluster in the foreground until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Run a Slurm cluster of one node until Ctrl-C.")
    parser.add_argument(
        "--folder", type=Path, help="where its files go; default: a temporary folder, removed at the end"
    )
    parser.add_argument("--cpus", type=int, default=4, help="how many jobs it runs at one time")
    chosen = parser.parse_args(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with running_slurm(chosen.folder and chosen.folder.absolute(), chosen.cpus) as cluster:
        for name, value in cluster.environment.items():
            print(f"export {name}={value}", flush=True)
        print(f"# jobs are {cluster.account.name}'s; Ctrl-C ends the cluster", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
