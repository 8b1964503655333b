# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole archive: written in parallel into a sibling folder, then renamed into place."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sample.events import simulate
from sample.files import dl3_file
from sample.indexes import Written, hdu_index, obs_index, summarise
from sample.observatory import METADATA_VERSION, metadata_files
from sample.products import PRODUCTS_VERSION, RUNS, write_products
from sample.provenance import LOG_NAME, provenance_log
from sample.response import response_of
from sample.schedule import MAX_RUNS, plan
from sample.targets import VERSION
from sample.texts import TERMS, readme

DEFAULT_RUNS = 24
DEFAULT_EVENTS = 4000.0
DEFAULT_SEED = 1

STAMP_NAME = ".sample.json"
FOLDERS = ("public", "proprietary")

_RUNS_PER_JOB = 8
_FEWEST_RUNS_FOR_POOL = 16


class SampleError(Exception):
    """The archive cannot be written; the text says why and what to do."""


@dataclass(frozen=True)
class Archive:
    """An archive on disk.

    Attributes
    ----------
    out : pathlib.Path
        Its folder.
    files : tuple of pathlib.Path
        Event files in order of ``OBS_ID``.
    runs, proprietary_runs : int
        Number of runs, and of those in ``proprietary/``.
    events : int
        Number of events in all runs.
    size_bytes : int
        Size of the event files.
    created : bool
        False if the archive was already there.
    """

    out: Path
    files: tuple[Path, ...]
    runs: int
    proprietary_runs: int
    events: int
    size_bytes: int
    created: bool


def generate(
    out: Path,
    runs: int = DEFAULT_RUNS,
    events_per_run: float = DEFAULT_EVENTS,
    seed: int = DEFAULT_SEED,
    jobs: int | None = None,
) -> Archive:
    """Write the archive, unless it is already there.

    An archive with other parameters is replaced; a folder that holds anything else is left alone.

    Parameters
    ----------
    out : pathlib.Path
        Folder to write; its parents are created.
    runs : int
        Number of runs.
    events_per_run : float
        Wanted mean number of events of a run.
    seed : int
        Seed; not negative.
    jobs : int, optional
        Number of processes; by default as many as there are processors for this process.

    Returns
    -------
    Archive
        What is on disk now.

    Raises
    ------
    SampleError
        If a parameter is out of range, or ``out`` holds something that is not a sample archive.
    """
    out = Path(out).resolve()
    parameters = _checked_parameters(runs, events_per_run, seed)
    stamp = _read_stamp(out)
    if stamp is not None and stamp.get("parameters") == parameters and (out / LOG_NAME).exists():
        return _archive(out, stamp["summary"], created=False)
    if stamp is None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SampleError(f"{out} exists and is not a sample archive; name another folder or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with _new_folder(out) as folder:
        rows = _write_runs(folder, runs, events_per_run, seed, jobs or len(os.sched_getaffinity(0)))
        summary = _summary(rows)
        (folder / "obs-index.fits.gz").write_bytes(obs_index(rows))
        (folder / "hdu-index.fits.gz").write_bytes(hdu_index(rows))
        products = write_products(folder, events_per_run, seed) if runs >= len(RUNS) else {}
        (folder / LOG_NAME).write_text(provenance_log([row.run for row in rows], products), encoding="utf-8")
        (folder / "README.md").write_text(readme(runs, events_per_run, seed), encoding="utf-8")
        (folder / "TERMS.txt").write_text(TERMS, encoding="utf-8")
        for path, text in metadata_files(rows).items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        content = json.dumps({"parameters": parameters, "summary": summary}, indent=1)
        (folder / STAMP_NAME).write_text(content + "\n", encoding="utf-8")
    return _archive(out, summary, created=True)


def _checked_parameters(runs: int, events_per_run: float, seed: int) -> dict[str, Any]:
    """Parameters as written into the stamp."""
    if not 1 <= runs <= MAX_RUNS:
        raise SampleError(f"number of runs must be 1 to {MAX_RUNS}, not {runs}")
    if not 1 <= events_per_run <= 1e8:
        raise SampleError(f"number of events per run must be 1 to 1e8, not {events_per_run:g}")
    if seed < 0:
        raise SampleError(f"seed must not be negative: {seed}")
    return {
        "version": f"{VERSION} {METADATA_VERSION}",
        "products": PRODUCTS_VERSION,
        "runs": runs,
        "events_per_run": float(events_per_run),
        "seed": seed,
    }


def _read_stamp(out: Path) -> dict[str, Any] | None:
    """Content of the stamp, or None if there is no readable one."""
    try:
        stamp = json.loads((out / STAMP_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) and {"parameters", "summary"} <= stamp.keys() else None


def _archive(out: Path, summary: dict[str, Any], created: bool) -> Archive:
    """Describe an archive from the summary in its stamp."""
    files = (path for name in FOLDERS for path in (out / name).glob("*.fits.gz"))
    return Archive(
        out=out,
        files=tuple(sorted(files, key=lambda path: path.name)),
        runs=summary["runs"],
        proprietary_runs=summary["proprietary_runs"],
        events=summary["events"],
        size_bytes=summary["size_bytes"],
        created=created,
    )


def _summary(rows: list[Written]) -> dict[str, int]:
    """Totals over all runs."""
    return {
        "runs": len(rows),
        "proprietary_runs": sum(not row.run.is_public for row in rows),
        "events": sum(row.event_count for row in rows),
        "size_bytes": sum(row.size_bytes for row in rows),
    }


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Folder next to ``out`` that takes its place when the block ends well and vanishes when it does not."""
    _remove_abandoned(out)
    partial_folder = out.with_name(f".{out.name}.partial-{os.getpid()}")
    old_folder = out.with_name(f".{out.name}.old-{os.getpid()}")
    partial_folder.mkdir()
    try:
        yield partial_folder
        if out.exists():
            out.rename(old_folder)
        partial_folder.rename(out)
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
        shutil.rmtree(old_folder, ignore_errors=True)


def _remove_abandoned(out: Path) -> None:
    """Remove what killed runs left next to ``out``."""
    for kind in ("partial", "old"):
        for path in out.parent.glob(f".{out.name}.{kind}-*"):
            number = path.name.rpartition("-")[2]
            if number.isdigit() and not Path("/proc", number).exists():
                shutil.rmtree(path, ignore_errors=True)


def _write_runs(folder: Path, runs: int, events_per_run: float, seed: int, jobs: int) -> list[Written]:
    """Write all event files."""
    for name in FOLDERS:
        (folder / name).mkdir()
    work = partial(_write_run, folder, events_per_run, seed)
    if jobs < 2 or runs < _FEWEST_RUNS_FOR_POOL:
        return [work(number) for number in range(runs)]
    with ProcessPoolExecutor(max_workers=jobs, initializer=_end_with_parent) as pool:
        return list(pool.map(work, range(runs), chunksize=_RUNS_PER_JOB))


def _end_with_parent() -> None:
    """End this worker when the process that started it is killed; by itself it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _write_run(folder: Path, events_per_run: float, seed: int, number: int) -> Written:
    """Plan, simulate and write one run."""
    run = plan(number, seed)
    response = response_of(run.site.key, events_per_run)
    events = simulate(run, response, seed)
    content = dl3_file(run, events, response)
    (folder / run.file_dir / run.file_name).write_bytes(content)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return summarise(run, events, len(content), md5)
