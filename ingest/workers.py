"""Harvests files on all cores, in worker processes that die with their parent and share nothing with it.

Workers are separate interpreters fed through their own pipes: a forked copy of the importer would hold its database
connection, and an importer that is killed would leave its transaction open in the children.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from ingest.collection import Collection
from ingest.errors import CollectionError
from ingest.harvest import Harvest, Task, harvest
from ingest.pipe import end, receive, send, start

# Below this many files starting processes costs more than it saves.
SERIAL_FILES = 8
CHUNK_FILES = 16
# Enough chunks under way for each worker to last while a batch of rows is written.
AHEAD_CHUNKS = 16
# A worker that has finished waits for its next files while this process makes rows: at most so long (Python: 5 ms).
SWITCH_SECONDS = 0.0005
_CODE = Path(__file__).resolve().parents[1]


def harvest_all(tasks: Sequence[Task], collection: Collection, processes: int | None = None) -> Iterator[Harvest]:
    """Harvest files in parallel.

    Parameters
    ----------
    tasks
        The files.
    collection
        The collection they belong to.
    processes
        Number of worker processes; the number of usable cores by default.

    Yields
    ------
    Harvest
        One a task, in the order of the tasks. A file that kills its reader yields an error, not an exception.
    """
    count = processes or len(os.sched_getaffinity(0))
    if len(tasks) <= SERIAL_FILES:
        for task in tasks:
            yield harvest(task, collection)
        return
    chunk = max(1, min(CHUNK_FILES, len(tasks) // (4 * count)))
    idle: SimpleQueue[_Worker] = SimpleQueue()
    workers: list[_Worker] = []
    switch_seconds = sys.getswitchinterval()
    try:
        sys.setswitchinterval(SWITCH_SECONDS)
        for _ in range(count):
            workers.append(_Worker(collection))
            idle.put(workers[-1])
        with ThreadPoolExecutor(count) as threads:
            yield from _in_order(threads, idle, _chunks(tasks, chunk), ahead=AHEAD_CHUNKS * count)
    finally:
        sys.setswitchinterval(switch_seconds)
        for worker in workers:
            worker.stop()


def _chunks(tasks: Iterable[Task], size: int) -> Iterator[list[Task]]:
    source = iter(tasks)
    while chunk := list(islice(source, size)):
        yield chunk


def _in_order(
    threads: ThreadPoolExecutor, idle: SimpleQueue[_Worker], chunks: Iterator[list[Task]], ahead: int
) -> Iterator[Harvest]:
    """Keep a bounded number of chunks under way, so that a slow database does not fill the memory."""
    under_way: deque[Future[list[Harvest]]] = deque()
    for chunk in chunks:
        under_way.append(threads.submit(_on_idle_worker, idle, chunk))
        if len(under_way) >= ahead:
            yield from under_way.popleft().result()
    while under_way:
        yield from under_way.popleft().result()


def _on_idle_worker(idle: SimpleQueue[_Worker], chunk: list[Task]) -> list[Harvest]:
    worker = idle.get()
    try:
        return worker.harvest(chunk)
    finally:
        idle.put(worker)


class _Worker:
    """A worker process; started again when a file kills it."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._runs = False
        self._process = self._start()

    def harvest(self, chunk: list[Task]) -> list[Harvest]:
        """Harvest some files; after a crash each is tried alone, and the one at fault is reported."""
        try:
            return self._exchange(chunk)
        except (OSError, EOFError):
            self._restart()
        if len(chunk) > 1:
            return [result for task in chunk for result in self.harvest([task])]
        sentence = "the reader was killed by this file (out of memory?); it was left out."
        return [Harvest(task.file.relpath, problems=[("error", sentence)]) for task in chunk]

    def _exchange(self, chunk: list[Task]) -> list[Harvest]:
        assert self._process.stdin is not None and self._process.stdout is not None
        if not self._runs:
            self._await_greeting(self._process.stdout)
        send(self._process.stdin, chunk)
        results = receive(self._process.stdout)
        assert isinstance(results, list)
        return results

    def _await_greeting(self, stream: IO[bytes]) -> None:
        """Wait until the worker runs, so that one that does not is not blamed on a file."""
        try:
            receive(stream)
        except EOFError:
            raise CollectionError("the processes that read the files do not start; see the messages above.") from None
        self._runs = True

    def _start(self) -> subprocess.Popen[bytes]:
        process = start("ingest.workers")
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended at once; the first exchange will tell
            send(process.stdin, self._collection)
        return process

    def _restart(self) -> None:
        self.stop()
        self._runs = False
        self._process = self._start()

    def stop(self) -> None:
        """End the process: its input ends, and so does it."""
        end(self._process)


def main() -> None:
    """Run a worker: a collection comes first, then lists of tasks, until the input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        collection = receive(requests)
        assert isinstance(collection, Collection)
        send(answers, "ready")
        while True:
            tasks = receive(requests)
            assert isinstance(tasks, list)
            send(answers, [harvest(task, collection) for task in tasks])
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        # The import ended or was killed. Leave at once: flushing what nobody reads would be an error.
        os._exit(0)


if __name__ == "__main__":
    main()
