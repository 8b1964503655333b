"""Reads event files in processes of their own, as many at once as there are cores, into rows ready for COPY."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from queue import Queue

from ingest.errors import CollectionError
from ingest.events.rows import Block, EventFile, Finished
from ingest.pipe import end, receive, send, start

# Blocks that may wait for the database: a slow one must not fill the memory.
WAITING_BLOCKS = 8


def read_events(
    files: Sequence[EventFile], partition_id: int, processes: int | None = None
) -> Iterator[Block | Finished]:
    """Read event files in parallel.

    Parameters
    ----------
    files
        The files.
    partition_id
        Number of their collection, part of every row.
    processes
        Number of processes; the number of usable cores by default.

    Yields
    ------
    Block or Finished
        The blocks of several files come mixed; after the last block of each there is one `Finished`.

    Raises
    ------
    CollectionError
        When the processes do not start.
    """
    count = min(processes or len(os.sched_getaffinity(0)), len(files))
    answers: Queue[Block | Finished | BaseException | None] = Queue(WAITING_BLOCKS)
    left, lock, stop = iter(files), threading.Lock(), threading.Event()

    def next_file() -> EventFile | None:
        with lock:
            return None if stop.is_set() else next(left, None)

    def pump() -> None:
        try:
            with _Reader(partition_id) as reader:
                while (file := next_file()) is not None:
                    for answer in reader.read(file):
                        answers.put(answer)
                        if stop.is_set():
                            return
        except BaseException as exc:  # whatever it is, it belongs to who asked for the files
            answers.put(exc)
        finally:
            answers.put(None)

    threads = [threading.Thread(target=pump, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    running = count
    try:
        while running:
            answer = answers.get()
            if answer is None:
                running -= 1
            elif isinstance(answer, BaseException):
                raise answer
            else:
                yield answer
    finally:
        stop.set()
        while running:  # let the threads get rid of what they hold
            running -= answers.get() is None


class _Reader:
    """A process that reads files; started again when a file kills it."""

    def __init__(self, partition_id: int) -> None:
        self._partition_id = partition_id
        self._process = self._start()

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        process = start("ingest.events.worker")
        assert process.stdin is not None and process.stdout is not None
        try:
            send(process.stdin, self._partition_id)
            receive(process.stdout)
        except (OSError, EOFError):
            end(process)
            raise CollectionError("the processes that read the events do not start; see the messages above.") from None
        return process

    def read(self, file: EventFile) -> Iterator[Block | Finished]:
        """Yield what a file holds; a file that kills the process is reported and left."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            send(self._process.stdin, file)
            while True:
                answer = receive(self._process.stdout)
                yield answer
                if isinstance(answer, Finished):
                    return
        except (OSError, EOFError):
            end(self._process)
            self._process = self._start()
            yield Finished(file.source_id, "the reader was killed by this file (out of memory?).")
