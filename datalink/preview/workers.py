# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws previews on all cores, in worker processes that die with their parent and share nothing with it.

As in `ingest.workers`, workers are separate interpreters fed through pipes: a forked copy of the importer would hold
its database connection. A file that cannot be drawn, or that kills its worker, yields a sentence.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from datalink.preview.previews import Hints, PreviewError, Previews, render_previews

# Below this many files starting processes costs more than it saves.
SERIAL_FILES = 8
_TASKS_AHEAD = 32
_CODE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class PreviewTask:
    """A file to draw, where to, under which name, and what the archive knows of it."""

    path: Path
    out_dir: Path
    name: str
    hints: Hints = Hints()


@dataclass(frozen=True, slots=True)
class PreviewOutcome:
    """What came of a task: previews, or a sentence that says why there are none."""

    task: PreviewTask
    previews: Previews | None
    problem: str | None = None


def render_many(tasks: Iterable[PreviewTask], processes: int | None = None) -> Iterator[PreviewOutcome]:
    """Draw the previews of many files.

    Parameters
    ----------
    tasks
        The files; a long iterator is consumed as the work goes on.
    processes
        Number of worker processes; the number of usable cores by default.

    Yields
    ------
    PreviewOutcome
        One a task, in the order of the tasks.
    """
    source = iter(tasks)
    first = list(islice(source, SERIAL_FILES + 1))
    if len(first) <= SERIAL_FILES:
        yield from map(_render, first)
        return
    count = processes or len(os.sched_getaffinity(0))
    workers = [_Worker() for _ in range(count)]
    idle: SimpleQueue[_Worker] = SimpleQueue()
    try:
        for worker in workers:
            idle.put(worker)
        with ThreadPoolExecutor(count) as threads:
            yield from _in_order(threads, idle, chain(first, source), count * _TASKS_AHEAD)
    finally:
        for worker in workers:
            worker.stop()


def _in_order(
    threads: ThreadPoolExecutor, idle: SimpleQueue[_Worker], tasks: Iterator[PreviewTask], ahead: int
) -> Iterator[PreviewOutcome]:
    under_way: deque[Future[PreviewOutcome]] = deque()
    try:
        for task in tasks:
            under_way.append(threads.submit(_on_idle_worker, idle, task))
            if len(under_way) >= ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


def _on_idle_worker(idle: SimpleQueue[_Worker], task: PreviewTask) -> PreviewOutcome:
    worker = idle.get()
    try:
        return worker.render(task)
    finally:
        idle.put(worker)


def _render(task: PreviewTask) -> PreviewOutcome:
    """Draw a file in this process."""
    try:
        return PreviewOutcome(task, render_previews(task.path, task.out_dir, task.name, task.hints))
    except PreviewError as exc:
        return PreviewOutcome(task, None, str(exc))
    except OSError as exc:
        return PreviewOutcome(task, None, f"the preview cannot be written ({exc.strerror or exc}).")
    except MemoryError:
        return PreviewOutcome(task, None, "there is not enough memory to draw this file.")


class _Worker:
    """A worker process; started again when a file kills it."""

    def __init__(self) -> None:
        self._process = self._start()

    def render(self, task: PreviewTask) -> PreviewOutcome:
        """Draw one file."""
        try:
            answer = self._exchange(_packed(task))
        except (OSError, EOFError):
            self.stop()
            self._process = self._start()
            return PreviewOutcome(task, None, "the worker was killed while drawing this file (out of memory?).")
        if answer["problem"] is not None:
            return PreviewOutcome(task, None, answer["problem"])
        sky, plot, thumbnail = (None if name is None else task.out_dir / name for name in answer["names"])
        assert thumbnail is not None
        return PreviewOutcome(task, Previews(sky, plot, thumbnail))

    def _exchange(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise EOFError
        answer: dict[str, Any] = json.loads(line)
        return answer

    @staticmethod
    def _start() -> subprocess.Popen[str]:
        paths = [str(_CODE), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.Popen(
            [sys.executable, "-m", "datalink.preview.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )

    def stop(self) -> None:
        """End the process: its input ends, and so does it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()


def _packed(task: PreviewTask) -> dict[str, Any]:
    return {
        "path": str(task.path.absolute()),
        "out_dir": str(task.out_dir.absolute()),
        "name": task.name,
        "hints": asdict(task.hints),
    }


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    task = PreviewTask(Path(question["path"]), Path(question["out_dir"]), question["name"], Hints(**question["hints"]))
    outcome = _render(task)
    made = outcome.previews
    files = (made.sky, made.plot, made.thumbnail) if made is not None else ()
    return {"problem": outcome.problem, "names": [file and file.name for file in files]}


def main() -> None:
    """Run a worker: a task a line, an answer a line, until the input ends."""
    # Whatever else is printed must not get between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
