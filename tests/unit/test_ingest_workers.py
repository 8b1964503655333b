# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files are read in parallel with the same result, and neither a file nor a kill leaves anything hanging."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import pipe
from ingest.errors import CollectionError
from ingest.harvest import Harvest, Task, harvest
from ingest.index import IndexFacts
from ingest.workers import SERIAL_FILES, harvest_all
from tests.unit.fits_files import COLLECTION, bundle, events, gti, response, task, to_bytes, write

CHECKOUT = Path(__file__).resolve().parents[2]
MANY = SERIAL_FILES + 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of event lists, responses and files that are no FITS."""
    folder = tmp_path_factory.mktemp("files")
    for number in range(MANY):
        name = f"run{number:02}.fits"
        if number % 4 == 3:
            (folder / name).write_bytes(b"no FITS")
        elif number % 4 == 2:
            write(folder / name, response("psf"))
        else:
            write(folder / name, *bundle(OBS_ID=number + 1))
    return folder


def tasks_in(folder: Path) -> list[Task]:
    return [task(path) for path in sorted(folder.iterdir())]


def children(pid: int) -> list[int]:
    """Return the processes that a process started, dead ones included."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(status.parent.name))
    return found


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("processes", [1, 2])
def test_the_results_are_those_of_one_process_and_in_order(folder: Path, processes: int) -> None:
    tasks = tasks_in(folder)
    assert list(harvest_all(tasks, COLLECTION, processes)) == [harvest(one, COLLECTION) for one in tasks]


def test_more_files_than_fit_into_the_pipes(folder: Path) -> None:
    tasks = tasks_in(folder) * 40
    results = list(harvest_all(tasks, COLLECTION, 2))
    assert [result.relpath for result in results] == [one.file.relpath for one in tasks]


@pytest.mark.parametrize("count", [0, 1, SERIAL_FILES])
def test_few_files_start_no_process(folder: Path, count: int) -> None:
    before = children(os.getpid())
    results = []
    for result in harvest_all(tasks_in(folder)[:count], COLLECTION):
        assert children(os.getpid()) == before
        results.append(result.relpath)
    assert len(results) == count


class Deadly:
    """Kills the process that unpickles it, as the system does when the memory is exhausted."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return signal.raise_signal, (int(signal.SIGKILL),)


def deadly(one: Task) -> Task:
    return Task(one.file, one.accref, one.publisher_did, one.fingerprint, IndexFacts(values={"X": Deadly()}))  # type: ignore[dict-item]


@pytest.mark.parametrize(("positions", "processes"), [((0, MANY - 1), 1), ((4, 5, 6), 2)])
def test_a_file_that_kills_its_reader_costs_that_file_only(
    folder: Path, positions: tuple[int, ...], processes: int
) -> None:
    tasks = [deadly(one) if number in positions else one for number, one in enumerate(tasks_in(folder))]
    results = list(harvest_all(tasks, COLLECTION, processes))
    for number, (one, result) in enumerate(zip(tasks, results, strict=True)):
        if number in positions:
            assert result == Harvest(one.file.relpath, problems=result.problems)
            ((severity, sentence),) = result.problems
            assert severity == "error" and "killed" in sentence and sentence.endswith(".")
        else:
            assert result == harvest(one, COLLECTION)
    assert_no_children()


def test_in_a_chunk_of_files_the_one_at_fault_is_found(folder: Path) -> None:
    tasks = tasks_in(folder) * 4
    tasks[10] = deadly(tasks[10])
    results = list(harvest_all(tasks, COLLECTION, 1))
    killed = [
        number for number, result in enumerate(results) if any("killed" in sentence for _, sentence in result.problems)
    ]
    assert killed == [10]
    assert [result.relpath for result in results] == [one.file.relpath for one in tasks]


def assert_no_children() -> None:
    until = time.monotonic() + 10
    while left := [pid for pid in children(os.getpid()) if runs(pid)]:
        assert time.monotonic() < until, left
        time.sleep(0.02)


def test_workers_end_with_the_import(folder: Path) -> None:
    list(harvest_all(tasks_in(folder), COLLECTION, 2))
    assert_no_children()


def test_workers_end_when_the_import_gives_up(folder: Path) -> None:
    results = harvest_all(tasks_in(folder), COLLECTION, 2)
    assert next(results).relpath == "run00.fits"
    assert len(children(os.getpid())) >= 2
    results.close()
    assert_no_children()


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(before)


@pytest.mark.usefixtures("nowhere")
def test_workers_start_from_any_folder(folder: Path) -> None:
    assert [result.row is None for result in harvest_all(tasks_in(folder), COLLECTION, 1)][:4] == [
        False,
        False,
        False,
        True,
    ]


def test_workers_that_do_not_start_are_not_blamed_on_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CollectionError, match=r"do not start.*\.$"):
        list(harvest_all(tasks_in(folder), COLLECTION, 2))
    assert_no_children()


IMPORTER = """
import sys, time
from pathlib import Path
from ingest.workers import harvest_all
from tests.unit.fits_files import COLLECTION, task
one = task(Path(sys.argv[1]))
for number, result in enumerate(harvest_all([one] * 100_000, COLLECTION, 2)):
    if number == 50:
        print("under way", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_when_the_import_is_killed(folder: Path, tmp_path: Path, how: signal.Signals) -> None:
    with (tmp_path / "errors").open("wb") as errors:
        importer = subprocess.Popen(
            [sys.executable, "-c", IMPORTER, str(folder / "run00.fits")],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        assert importer.stdout is not None
        assert importer.stdout.readline() == b"under way\n"
        readers = children(importer.pid)
        assert len(readers) == 2
        if how == signal.SIGINT:
            os.killpg(importer.pid, how)  # as Ctrl-C does
        else:
            importer.send_signal(how)
        importer.wait(timeout=20)
        importer.stdout.close()
    until = time.monotonic() + 10
    while any(map(runs, readers)):
        assert time.monotonic() < until
        time.sleep(0.02)
    said = (tmp_path / "errors").read_text()
    assert "BrokenPipe" not in said
    assert "_run_module_as_main" not in said  # nothing from the readers; Ctrl-C shows the script's own traceback
    assert how == signal.SIGINT or not said


def test_a_large_file_is_read_while_others_go_on(tmp_path: Path) -> None:
    """Chunks come back in order though the first one takes longest."""
    (tmp_path / "a00.fits").write_bytes(to_bytes(events(range(1, 400_000)), gti()))
    for number in range(1, MANY):
        write(tmp_path / f"a{number:02}.fits", events(), gti())
    results = list(harvest_all(tasks_in(tmp_path), COLLECTION, 2))
    assert [result.relpath for result in results] == [f"a{number:02}.fits" for number in range(MANY)]
    assert results[0].row is not None and results[0].row.ev_xel == 399_999


def test_the_smallest_answer_is_not_taken_for_a_cut_one() -> None:
    """A worker that dies within an answer has died, whatever it has written."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as out:
        pipe.send(out, ["answer"])
    with os.fdopen(reading, "rb") as whole:
        assert pipe.receive(whole) == ["answer"]
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as out:
        answer = pickle.dumps("answer" * 100)
        out.write(pipe._LENGTH.pack(len(answer)) + answer[:300])
    with os.fdopen(reading, "rb") as cut, pytest.raises(EOFError):
        pipe.receive(cut)
