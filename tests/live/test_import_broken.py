"""Imports that are killed, meet each other, or find the disk full: readers go on seeing the old content."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.live import zoo
from tests.live.archive import Archive, make_readable, open_folder, processes_of, running_archive, session, wait_for

NAME = "growing"
OLD, NEW = 4, 2500
SMALL_DISK = "700m"


class Reader(threading.Thread):
    """Asks again and again how much is published, by TAP as a client does."""

    def __init__(self, archive: Archive) -> None:
        super().__init__(daemon=True)
        self.url = f"{archive.tap_url}/sync"
        self.seen: list[str] = []
        self.failures: list[str] = []
        self.enough = threading.Event()

    def run(self) -> None:
        query = f"SELECT COUNT(*) AS n FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE obs_collection='{NAME}'"
        asking = session()
        while not self.enough.is_set():
            try:
                answer = asking.post(self.url, data={"LANG": "ADQL", "FORMAT": "csv", "QUERY": query}, timeout=30)
            except requests.RequestException as error:
                self.failures.append(str(error))
                continue
            if answer.ok:
                self.seen.append(answer.text.split()[-1])
            else:
                self.failures.append(answer.text)
            time.sleep(0.05)

    def stop(self) -> None:
        """End the asking."""
        self.enough.set()
        self.join(60)


@contextlib.contextmanager
def reading(archive: Archive) -> Iterator[Reader]:
    """Have a reader at work."""
    reader = Reader(archive)
    reader.start()
    try:
        yield reader
    finally:
        reader.stop()


def importers(archive: Archive) -> dict[int, str]:
    """Return the processes of an import: dachs and its workers."""
    return {
        pid: command
        for pid, command in processes_of(archive.real).items()
        if " imp cta/q" in command or "ingest.workers" in command
    }


def main_importer(archive: Archive) -> int | None:
    """Return the process id of `dachs imp`, once it has workers."""
    found = importers(archive)
    if not any("ingest.workers" in command for command in found.values()):
        return None
    return next((pid for pid, command in found.items() if " imp cta/q" in command), None)


def writing(archive: Archive) -> int | None:
    """Return the process id of the database backend that has uncommitted rows of the import."""
    rows = archive.sql(
        "SELECT pid FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
        " AND xact_start < clock_timestamp() - interval '0.3 s'"
    )
    return int(rows[0][0]) if rows else None


def old_and_many(folder: Path, good: Path) -> None:
    """Put a few runs into a folder, and beside it the many files that are to join them.

    Those are responses without events, so that no pictures are drawn of them when an import comes to its end.
    """
    for number in range(OLD):
        shutil.copy2(good, folder / f"old{number}.fits.gz")
    responses = zoo.changed(gzip.decompress(good.read_bytes()), zoo.without("EVENTS", "GTI"))
    (folder / "new00000.fits.gz").write_bytes(gzip.compress(responses, 1))
    for number in range(1, NEW - OLD):
        os.link(folder / "new00000.fits.gz", folder / f"new{number:05}.fits.gz")
    make_readable(folder)


@contextlib.contextmanager
def few(folder: Path) -> Iterator[None]:
    """Have only the old files in a folder for a while."""
    with open_folder(parent=folder.parent) as aside:
        for path in folder.glob("new*"):
            path.rename(aside / path.name)
        try:
            yield
        finally:
            for path in aside.iterdir():
                path.rename(folder / path.name)


@pytest.fixture(scope="module")
def growing(workshop: Archive, sample: Path) -> Iterator[Path]:
    """A collection of four files that is about to have many more."""
    with open_folder() as folder:
        old_and_many(folder, sample / "public" / "ctao_sim_100001.fits.gz")
        with few(folder):
            workshop.import_folder(folder, NAME).check()
        yield folder
    workshop.withdraw(NAME)


@contextlib.contextmanager
def half_way(workshop: Archive, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start an import and wait until it is in the middle of its work; give the command and dachs's process id."""
    command = workshop.start_ops("import", "--data", folder, "--collection", NAME)
    try:
        assert wait_for(lambda: main_importer(workshop) is not None, 60, every=0.02), "the import did not begin"
        found = main_importer(workshop)
        assert found is not None
        time.sleep(0.4)
        assert command.poll() is None, "the import was over before it could be disturbed; NEW is too small"
        yield command, found
    finally:
        if command.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)
            command.wait(30)


def check_old_content(workshop: Archive, reader: Reader) -> None:
    """Check that readers saw the old content only, and that nothing of the import is left."""
    assert set(reader.seen) == {str(OLD)}, set(reader.seen)
    assert len(reader.seen) > 3
    assert wait_for(lambda: not importers(workshop), 15), importers(workshop)
    assert wait_for(lambda: writing(workshop) is None, 15)
    assert len(workshop.published(NAME)) == OLD


@pytest.mark.slow
class TestKilled:
    """Killed half-way in every manner; the next import repairs."""

    def test_the_importing_process(self, workshop: Archive, growing: Path) -> None:
        with reading(workshop) as reader:
            with half_way(workshop, growing) as (command, dachs):
                os.kill(dachs, signal.SIGKILL)
                output, _ = command.communicate(timeout=60)
            assert command.returncode == 1
            assert "error: " in output and "Traceback" not in output
            time.sleep(0.5)
        check_old_content(workshop, reader)
        assert not reader.failures

    def test_everything_at_once(self, workshop: Archive, growing: Path) -> None:
        """The operator's command, dachs and the workers, as a closed terminal or a kill of the group does."""
        with reading(workshop) as reader:
            with half_way(workshop, growing) as (command, _):
                os.killpg(command.pid, signal.SIGKILL)
                command.wait(30)
            time.sleep(0.5)
        check_old_content(workshop, reader)
        assert not reader.failures

    def test_the_command_alone(self, workshop: Archive, growing: Path) -> None:
        """What it started may go on, but must end, and must end as a whole: all of the new, or none."""
        with half_way(workshop, growing) as (command, _):
            os.kill(command.pid, signal.SIGKILL)
            command.wait(30)
            assert wait_for(lambda: not importers(workshop), 120)
        assert len(workshop.published(NAME)) in (OLD, NEW)
        if len(workshop.published(NAME)) == NEW:
            self.go_back(workshop, growing)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_interrupted(self, workshop: Archive, growing: Path, number: int) -> None:
        """Ctrl-C goes to the whole group, a service manager's signal to the command."""
        with reading(workshop) as reader:
            with half_way(workshop, growing) as (command, _):
                if number == signal.SIGINT:
                    os.killpg(command.pid, number)
                else:
                    os.kill(command.pid, number)
                output, _ = command.communicate(timeout=60)
            assert command.returncode in (130, 143), output
            assert "Traceback" not in output
        check_old_content(workshop, reader)

    def test_a_worker(self, workshop: Archive, growing: Path) -> None:
        """The files it had in hand are listed, or the import fails; it does not hang and loses nothing silently."""
        with half_way(workshop, growing) as (command, _):
            worker = next(pid for pid, name in importers(workshop).items() if "ingest.workers" in name)
            os.kill(worker, signal.SIGKILL)
            output, _ = command.communicate(timeout=120)
        assert "Traceback" not in output
        published, problems = workshop.published(NAME), workshop.problems(NAME)
        assert len(published) in (OLD, *range(NEW - 200, NEW + 1)), output
        if len(published) > OLD:
            refused = {path for path, noted in problems.items() if "error" in [severity for severity, _ in noted]}
            assert set(published) | refused == {path.name for path in growing.iterdir()}
            assert command.returncode == (1 if refused else 0)
            self.go_back(workshop, growing)

    @staticmethod
    def go_back(workshop: Archive, growing: Path) -> None:
        """Make the collection small again, for the next test."""
        with few(growing):
            workshop.import_folder(growing, NAME).check()
        assert len(workshop.published(NAME)) == OLD

    def test_the_database_process(self, workshop: Archive, growing: Path) -> None:
        """PostgreSQL then restarts all of its processes: queries may fail for a moment, but see nothing half."""
        with reading(workshop) as reader:
            with half_way(workshop, growing) as (command, _):
                assert wait_for(lambda: writing(workshop) is not None, 30, every=0.02)
                backend = writing(workshop)
                assert backend is not None
                os.kill(backend, signal.SIGKILL)
                output, _ = command.communicate(timeout=120)
            assert command.returncode == 1
            assert "error: " in output and "Traceback" not in output
            asked = len(reader.seen)
            assert wait_for(lambda: len(reader.seen) > asked + 3, 60), reader.failures[-3:]
        check_old_content(workshop, reader)
        failing = workshop.query("SELECT COUNT(*) AS n FROM ivoa.obscore")
        assert int(failing[0]["n"]) >= OLD  # the server has recovered, too

    def test_two_at_once_and_repair(self, workshop: Archive, growing: Path) -> None:
        """A second import is refused or waits; the first one, undisturbed, brings what all the killed ones did not."""
        with reading(workshop) as reader:
            with half_way(workshop, growing) as (command, dachs):
                os.kill(dachs, signal.SIGSTOP)  # so that it is not over too soon
                try:
                    plain = workshop.start_dachs("imp", "cta/q", "import", env={"CTA_COLLECTION": NAME})
                    assert "another import" in workshop.import_folder(growing, NAME).refused()
                    time.sleep(2)
                    asked = len(reader.seen)
                    assert wait_for(lambda: len(reader.seen) > asked + 3, 10)  # readers do not wait
                finally:
                    os.kill(dachs, signal.SIGCONT)
                output, _ = command.communicate(timeout=180)
                said, _ = plain.communicate(timeout=180)
            # plain dachs waits for the other one to end, or refuses
            assert plain.returncode == 0 or "another import is going on" in " ".join(said.split()), said
            assert "Traceback" not in said
            assert command.returncode == 0, output
            wait_for(lambda: reader.seen[-1] == str(NEW), 10)
        assert set(reader.seen) == {str(OLD), str(NEW)}
        assert reader.seen == sorted(reader.seen, key=int)
        assert not reader.failures
        assert len(workshop.published(NAME)) == NEW
        assert workshop.count("cta.hdu_index", f"obs_publisher_did LIKE '%/{NAME}/%'") == 6 * OLD + 4 * (NEW - OLD)
        assert workshop.count("dc.products", f"starts_with(accref, 'cta/data/{NAME}/')") == NEW

    def test_the_next_import_has_nothing_to_do(self, workshop: Archive, growing: Path) -> None:
        workshop.import_folder(growing, NAME).check()
        summary = workshop.summary(NAME)
        assert (summary["unchanged"], summary["new_or_changed"]) == (NEW, 0)


class TestPorts:
    """A port that is taken, and one that changes."""

    def test_in_use(self, workshop: Archive) -> None:
        url = workshop.url
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            sentence = workshop.ops("up", "--port", port).refused()
            assert str(port) in sentence
            assert "PORT=" in sentence
        assert workshop.url == url
        assert workshop.get("/tap/availability").status_code == 200

    def test_no_port(self, workshop: Archive) -> None:
        for word in ("http", "70000", "-1"):
            assert "PORT" in workshop.ops("up", f"--port={word}").refused()

    @pytest.mark.slow
    def test_a_new_port_is_in_all_addresses(self, workshop: Archive, sample: Path) -> None:
        """The database holds addresses; they follow the server."""
        with open_folder() as folder:
            shutil.copy2(sample / "public" / "ctao_sim_100001.fits.gz", folder)
            workshop.import_folder(make_readable(folder), "ported").check()
            try:
                before = workshop.memory["port"]
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", 0))
                    port = probe.getsockname()[1]
                workshop.up(port).check()
                assert workshop.memory["port"] == port != before
                (row,) = workshop.query("SELECT access_url FROM ivoa.obscore WHERE obs_collection='ported'")
                assert row["access_url"].startswith(f"http://127.0.0.1:{port}/")
                assert "#this" in workshop.session.get(row["access_url"], timeout=60).text
                records = workshop.get("/oai.xml?verb=ListRecords&metadataPrefix=ivo_vor").text
                assert f":{port}/" in records
                assert f":{before}/" not in records
            finally:
                workshop.withdraw("ported")


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Give a folder on a file system of its own that is easily filled."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=755", "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)


@contextlib.contextmanager
def filled(disk: Path, leave: int) -> Iterator[None]:
    """Fill a disk but for some bytes."""
    free = shutil.disk_usage(disk).free
    with open(disk / "filler", "wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(free - leave, 1))
    try:
        yield
    finally:
        (disk / "filler").unlink()


@pytest.mark.slow
class TestFullDisk:
    """The disk fills up while importing: a sentence; with room again, all is well again."""

    @pytest.fixture(scope="class")
    @staticmethod
    def disk() -> Iterator[Path]:
        """A small disk."""
        with open_folder("cta-disk-") as folder, small_disk(folder) as mounted:
            yield mounted

    @pytest.fixture(scope="class")
    @staticmethod
    def cramped(disk: Path) -> Iterator[Archive]:
        """An instance on it."""
        with running_archive(disk / "state") as running:
            yield running

    @pytest.mark.parametrize("leave", [3_000_000, 0], ids=["a-little-room", "no-room"])
    def test_import(self, cramped: Archive, disk: Path, sample: Path, leave: int) -> None:
        name = f"full{leave}"
        with open_folder() as folder:
            old_and_many(folder, sample / "public" / "ctao_sim_100001.fits.gz")
            with few(folder):
                cramped.import_folder(folder, name).check()
            with filled(disk, leave):
                sentence = cramped.import_folder(folder, name).refused()
                assert "disk" in sentence.lower() or "no space left" in sentence.lower(), sentence
                assert "room" in sentence, sentence
            # with room again, the operator's commands cope with whatever state database and server are in
            with few(folder):
                cramped.import_folder(folder, name).check()
                assert (cramped.summary(name)["unchanged"], cramped.summary(name)["new_or_changed"]) == (OLD, 0)
            assert cramped.query(f"SELECT COUNT(*) AS n FROM ivoa.obscore WHERE obs_collection='{name}'") == [
                {"n": str(OLD)}
            ]
            for path in list(folder.glob("new*"))[10:]:
                path.unlink()
            cramped.import_folder(folder, name).check()
            assert len(cramped.published(name)) == OLD + 10

    def test_start_on_a_full_disk(self, cramped: Archive, disk: Path) -> None:
        cramped.stop()
        with filled(disk, 0):
            done = cramped.ops("up", "--port", "0")
            assert done.status in (0, 1)
            if done.status:
                assert "disk" in done.refused().lower() or "space" in done.refused().lower()
        cramped.up().check()
        assert cramped.get("/tap/availability").status_code == 200
