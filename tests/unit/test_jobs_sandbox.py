"""A job sees its own things only, takes no more than it may, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from analysis.folder import JobOrder, JobStatus, Limits, Mount, read_status, write_order
from analysis.sandbox.process import Process

CODE = Path(__file__).resolve().parents[2]
MIB = 2**20
SMALL = Limits(duration_s=30, memory_bytes=300 * MIB, disk_bytes=20 * MIB, processes=20)


def account(name: str | None) -> dict[str, object]:
    """Arguments of Popen for another account."""
    return {} if name is None else {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


class Place:
    """Folders of jobs that one account owns."""

    def __init__(self, user: str | None) -> None:
        self.user = user
        self.base = Path(tempfile.mkdtemp(prefix="cta-jobs-", dir="/tmp"))
        self.base.chmod(0o755)

    def folder(self, script: str, limits: Limits = SMALL, mounts: tuple[Mount, ...] = ()) -> Path:
        folder = self.base / "jobs" / secrets.token_hex(16)
        scripts = self.base / "scripts"
        for path in (folder, scripts):
            path.mkdir(parents=True, exist_ok=True)
        path = scripts / f"{folder.name}.py"
        path.write_text(textwrap.dedent(script))
        order = JobOrder(
            job_id=folder.name,
            job_type="test",
            script=str(path),
            parameters={"n": 3},
            limits=limits,
            mounts=mounts,
            read_only=(str(scripts),),
        )
        write_order(folder, order)
        self.own()
        return folder

    def own(self) -> None:
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            for path in (self.base, *self.base.rglob("*")):
                os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)

    def start(self, folder: Path, *options: str, **more: object) -> subprocess.Popen[str]:
        environment = {"PATH": "/usr/bin:/bin", "PGPASSWORD": "of-the-database", "HOME": "/nonexistent"}
        return subprocess.Popen(
            [sys.executable, "-m", "analysis.worker.once", *options, str(folder)],
            cwd=CODE,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            **account(self.user),
            **more,  # type: ignore[call-overload]
        )

    def run(self, script: str, limits: Limits = SMALL, mounts: tuple[Mount, ...] = (), *options: str) -> Ended:
        folder = self.folder(script, limits, mounts)
        process = self.start(folder, *options)
        errors = process.communicate(timeout=120)[1]
        status = read_status(folder)
        assert status is not None, errors
        return Ended(folder, status)


class Ended:
    """A job that has ended."""

    def __init__(self, folder: Path, status: JobStatus) -> None:
        self.folder, self.status = folder, status
        log = folder / "log.txt"
        self.log = log.read_text() if log.exists() else ""


@pytest.fixture(params=["own", "ctavo"])
def place(request: pytest.FixtureRequest):
    user = None if request.param == "own" else request.param
    if user is not None:
        if os.geteuid() != 0:
            pytest.skip("only root can start processes of another account")
        try:
            pwd.getpwnam(user)
        except KeyError:
            pytest.skip(f"there is no account {user}")
    made = Place(user)
    yield made
    shutil.rmtree(made.base)


def marked(marker: str) -> list[str]:
    """Processes of which the command line or a mount tells of the marker."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            text = (path / "cmdline").read_text() + (path / "mountinfo").read_text()
        except OSError:
            continue
        if marker in text and int(path.name) != os.getpid():
            found.append(path.name)
    return found


def wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} has not come")


def test_parameters_come_in_and_results_and_prints_come_out(place):
    ended = place.run(
        """
        import os, sys
        def run(job):
            print("printed", job.parameters["n"])
            sys.stderr.write("complained\\n")
            os.system("echo by a program")
            (job.results / "a.txt").write_text(job.job_id)
        """
    )
    assert ended.status.reason == "completed", ended.log
    assert (ended.folder / "results/a.txt").read_text() == ended.folder.name
    assert "printed 3" in ended.log and "complained" in ended.log and "by a program" in ended.log
    assert ended.status.software["python"] == sys.version.split()[0]
    assert ended.status.end >= ended.status.start > 0
    assert ended.status.digests == {"a.txt": hashlib.sha256(ended.folder.name.encode()).hexdigest()}
    assert not (ended.folder / "error.json").exists()


def test_a_job_sees_its_own_things_only(place):
    other = place.folder("def run(job): pass")
    ended = place.run(
        f"""
        import json, os
        def run(job):
            seen = dict(
                environment=dict(os.environ), root=sorted(os.listdir("/")), job=sorted(os.listdir("/job")),
                other=os.path.exists({str(other)!r}), passwords=open("/etc/passwd").read(),
                sockets=[p for p in ("/run/postgresql", "/var/run/postgresql", "/run", "/var") if os.path.exists(p)],
                processes=[p for p in os.listdir("/proc") if p.isdigit()],
                descriptors=[os.readlink(p) for n in os.listdir("/proc/self/fd")
                             if os.path.lexists(p := "/proc/self/fd/" + n)],
                checkout=os.listdir({str(CODE)!r}), tmp=os.listdir("/tmp"),
            )
            (job.results / "seen.json").write_text(json.dumps(seen))
        """
    )
    assert ended.status.reason == "completed", ended.log
    seen = json.loads((ended.folder / "results/seen.json").read_text())
    assert "of-the-database" not in str(seen["environment"])
    assert seen["environment"]["HOME"] == "/job/work"
    assert seen["job"] == ["inputs", "job.json", "results", "work"]
    assert not seen["other"] and not seen["sockets"]
    assert "root" not in seen["passwords"]
    assert len(seen["processes"]) == 2
    assert not {"home", "root", "var", "srv"} & set(seen["root"])
    assert not {".git", "config", "Makefile"} & set(seen["checkout"])
    assert not any(link.startswith("/") and link != "/dev/null" and "proc" not in link for link in seen["descriptors"])


def test_a_job_has_no_network_and_no_rights(place):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = place.run(
            f"""
            import socket, subprocess
            def run(job):
                for address in (("127.0.0.1", {listener.getsockname()[1]}), ("192.0.2.1", 80)):
                    try:
                        socket.create_connection(address, timeout=5)
                    except OSError as exc:
                        print("refused:", exc)
                    else:
                        print("CONNECTED")
                status = open("/proc/self/status").read()
                print([line for line in status.splitlines() if line.startswith(("Cap", "NoNew"))])
                print("nested", subprocess.run(["unshare", "-U", "true"]).returncode != 0)
            """
        )
    assert ended.log.count("refused:") == 2 and "CONNECTED" not in ended.log
    assert "CapEff:\\t0000000000000000" in ended.log and "CapBnd:\\t0000000000000000" in ended.log
    assert "NoNewPrivs:\\t1" in ended.log
    assert "nested True" in ended.log


def test_inputs_can_be_read_and_nothing_but_its_folders_written(place):
    source = place.base / "archive" / "run.fits"
    source.parent.mkdir()
    source.write_text("photons")
    ended = place.run(
        f"""
        import os
        def run(job):
            file = job.inputs / "hess/run 1.fits"
            print("read:", file.read_text())
            for path in (file, job.inputs / "new", "/job/job.json", "/job/new", "/new", "/usr/new", "/etc/passwd",
                         "/proc/sys/kernel/core_pattern", {str(CODE / "analysis" / "new")!r}, __file__):
                try:
                    open(path, "a")
                except OSError as exc:
                    print("refused:", exc)
                else:
                    print("WRITTEN", path)
            for change in (lambda: os.remove(file), lambda: os.chmod(file, 0o777), lambda: os.rename(file, "/tmp/x")):
                try:
                    change()
                except OSError as exc:
                    print("refused:", exc)
        """,
        SMALL,
        (Mount(source=str(source), target="hess/run 1.fits"),),
    )
    assert "read: photons" in ended.log
    assert "WRITTEN" not in ended.log and ended.log.count("refused:") == 13, ended.log
    assert source.read_text() == "photons"


@pytest.mark.parametrize("target", ["../x", "/etc/x", "a/../../x", "", ".", "a/./../x"])
def test_an_input_cannot_leave_its_folder(target, tmp_path):
    source = tmp_path / "file"
    source.touch()
    ended = Place(None).run("def run(job): pass", SMALL, (Mount(source=str(source), target=target),))
    shutil.rmtree(ended.folder.parents[1])
    assert ended.status.reason == "sandbox"
    assert "outside of the job's inputs" in ended.status.message


# The kernel limits the processes of every account but root, so that for root the bomb has an end of its own.
FORK_BOMB = """
import os, time
def run(job):
    most = 7 if os.getuid() == 0 else 10**9
    for n in range(10**9):
        if n >= most:
            time.sleep(100)
        try:
            os.fork()
        except OSError:
            pass
"""
ORPHANS = """
import os, time
def run(job):
    for _ in range(200):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(100)
            os._exit(0)
    time.sleep(100)
"""
HOG = """
def run(job):
    kept = []
    while True:
        kept.append(b"x" * 2**22)
"""
MANY_HOGS = """
import os, time
def run(job):
    for _ in range(6):
        if os.fork() == 0:
            kept = b"x" * (100 * 2**20)
            time.sleep(100)
    time.sleep(100)
"""
IN_MEMORY_FILES = """
import os, time
def run(job):
    kept = [os.memfd_create("m") for _ in range(20)]
    for file in kept:
        for _ in range(4):
            os.write(file, b"x" * 2**22)
    kept += [open(f"/dev/shm/{n}", "wb") for n in range(2)]
    time.sleep(100)
"""
BIG_FILE = """
def run(job):
    with open(job.work / "big", "wb") as file:
        while True:
            file.write(b"x" * 2**20)
"""
FILES_OF_SOME_SIZE = """
import time
def run(job):
    for n in range(30):
        (job.results / str(n)).write_bytes(b"x" * 2**20)
    time.sleep(100)
"""
UNNAMED_FILES = """
import os, time
def run(job):
    kept = []
    for n in range(30):
        kept.append(open(job.work / "f", "wb"))
        os.unlink(job.work / "f")
        kept[-1].write(b"x" * 2**20)
        kept[-1].flush()
    time.sleep(100)
"""
MANY_FILES = """
import time
def run(job):
    for n in range(25000):
        (job.results / str(n)).touch()
    time.sleep(100)
"""
DEEP = """
import os, time
def run(job):
    for n in range(300):
        os.mkdir("d")
        os.chdir("d")
    time.sleep(100)
"""
SLEEPER = """
import subprocess, time
def run(job):
    subprocess.Popen(["sleep", "100"], start_new_session=True)
    time.sleep(100)
"""


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (FORK_BOMB, "processes"),
        (ORPHANS, "processes"),
        (HOG, "memory"),
        (MANY_HOGS, "memory"),
        (IN_MEMORY_FILES, "memory"),
        (BIG_FILE, "disk"),
        (FILES_OF_SOME_SIZE, "disk"),
        (UNNAMED_FILES, "disk"),
        (MANY_FILES, "disk"),
        (DEEP, "disk"),
        (SLEEPER, "duration"),
    ],
    ids=["forks", "orphans", "hog", "hogs", "memfd", "big", "files", "unnamed", "number", "deep", "duration"],
)
def test_what_takes_too_much_is_ended_and_gone(place, script, reason):
    limits = Limits(duration_s=2, memory_bytes=300 * MIB, disk_bytes=20 * MIB, processes=20)
    if reason != "duration":
        limits = SMALL
    if script is ORPHANS and place.user is not None:
        # The kernel refuses first, for accounts other than root: the script fails.
        reason = "error"
    if script is FORK_BOMB and place.user is not None:
        # Refused by the kernel at the limit; the bomb goes on without growing until its time is over.
        limits, reason = Limits(duration_s=2, processes=20), "duration"
    ended = place.run(script, limits)
    assert ended.status.reason == reason, (ended.status, ended.log)
    assert ended.status.message and json.loads((ended.folder / "error.json").read_text())["message"]
    assert not marked(ended.folder.name)


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        ("raise JobError('Too few photons; choose more runs.')", "error", "Too few photons; choose more runs."),
        ("1 / 0", "error", "the script failed: ZeroDivisionError: division by zero; see the log."),
        ("raise SystemExit(3)", "error", "the script ended itself: 3"),
        ("raise SystemExit", "completed", ""),
        ("raise MemoryError", "memory", "300 MB"),
        ("os._exit(4)", "error", "exit code 4"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "error", "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed", "killed"),
        ("raise ValueError('x' * 100000)", "error", "ValueError"),
    ],
)
def test_the_end_of_a_script_is_told_in_a_sentence(body, reason, words):
    place = Place(None)
    ended = place.run(f"import os, signal\nfrom analysis.worker.job import JobError\ndef run(job):\n    {body}\n")
    assert (ended.status.reason, words in ended.status.message) == (reason, True), ended.status
    assert len(ended.status.message) < 3000
    if "ZeroDivision" in words:
        assert "Traceback" in ended.log and "Traceback" not in ended.status.message
    shutil.rmtree(place.base)


@pytest.mark.parametrize("script", ["def run(:", "x = 1", "import no_such_module\ndef run(job): pass"])
def test_a_script_that_cannot_run_is_an_error(script):
    place = Place(None)
    ended = place.run(script)
    assert ended.status.reason == "error" and ended.status.message
    shutil.rmtree(place.base)


def test_a_log_without_end_is_cut_and_the_job_goes_on(place):
    ended = place.run("def run(job):\n    for _ in range(300):\n        print('x' * 100000)\n")
    assert ended.status.reason == "completed"
    assert 10 * MIB <= (ended.folder / "log.txt").stat().st_size < 11 * MIB
    assert "The rest is dropped" in ended.log[-200:]


def test_what_a_script_plants_does_no_harm(place):
    ended = place.run(
        """
        import os, socket
        def run(job):
            os.symlink("/etc/shadow", job.results / "link")
            os.symlink("/", job.results / "root")
            os.mkfifo(job.results / "pipe")
            socket.socket(socket.AF_UNIX).bind(str(job.results / "socket"))
            (job.work / "closed" / "below").mkdir(parents=True)
            (job.work / "closed" / "below" / "file").touch(mode=0)
            os.chmod(job.work / "closed" / "below", 0)
            os.chmod(job.work / "closed", 0)
            (job.results / "good").write_text("x")
            os.chmod(job.results / "good", 0)
        """
    )
    assert ended.status.reason == "completed", ended.log
    assert [path.name for path in (ended.folder / "results").iterdir()] == ["good"]
    # Whoever owns the service can read and remove everything.
    subprocess.run(["rm", "-r", str(ended.folder / "work")], check=True, **account(place.user))
    subprocess.run(["cat", str(ended.folder / "results/good")], check=True, **account(place.user))


def test_the_end_of_the_supervisor_is_the_end_of_all(place):
    folder = place.folder(SLEEPER.replace("time.sleep", "(job.results / 'begun').touch(); time.sleep"))
    process = place.start(folder)
    wait_for(folder / "results/begun")
    noted = [Process.parse(text) for text in json.loads((folder / "process.json").read_text())]
    process.kill()
    process.communicate()
    for _ in range(200):
        if not noted[1].alive:
            break
        time.sleep(0.05)
    assert not marked(folder.name)
    assert read_status(folder) is None


def test_a_terminated_supervisor_ends_the_job_in_order(place):
    folder = place.folder(SLEEPER.replace("time.sleep", "(job.results / 'begun').touch(); time.sleep"))
    process = place.start(folder)
    wait_for(folder / "results/begun")
    process.terminate()
    process.communicate(timeout=60)
    status = read_status(folder)
    assert status is not None and status.reason == "killed"
    assert not marked(folder.name)


def test_one_folder_is_run_by_one_process(place):
    folder = place.folder(SLEEPER.replace("time.sleep", "(job.results / 'begun').touch(); time.sleep"))
    process = place.start(folder)
    wait_for(folder / "results/begun")
    second = place.start(folder)
    assert "runs already" in second.communicate(timeout=60)[1]
    assert second.returncode == 2 and process.poll() is None
    process.terminate()
    process.communicate(timeout=60)


def test_a_second_attempt_starts_with_empty_folders(place):
    script = "def run(job):\n    assert not list(job.results.iterdir())\n    (job.results / 'a').touch()\n"
    ended = place.run(script)
    process = place.start(ended.folder)
    process.communicate(timeout=60)
    again = read_status(ended.folder)
    assert again is not None and again.reason == "completed" and again.start > ended.status.start


def test_without_the_sandbox_limits_hold_and_nothing_is_left(place):
    source = place.base / "run.fits"
    source.write_text("photons")
    mounts = (Mount(source=str(source), target="run.fits"),)
    ended = place.run(
        "def run(job):\n    print((job.inputs / 'run.fits').read_text())\n", SMALL, mounts, "--no-sandbox"
    )
    assert ended.status.reason == "completed" and "photons" in ended.log, ended.log
    ended = place.run(MANY_HOGS, SMALL, (), "--no-sandbox")
    assert ended.status.reason == "memory"
    marker = f"{1e9 + secrets.randbelow(10**8):.0f}"
    ended = place.run(SLEEPER.replace('"100"', f'"{marker}"'), Limits(duration_s=2, processes=20), (), "--no-sandbox")
    assert ended.status.reason == "duration"
    assert not marked(marker)
