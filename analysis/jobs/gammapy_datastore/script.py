"""The data of a selection as one archive that gammapy opens, and the proof that it does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from astropy.table import Table
from gammapy.data import DataStore

from analysis.gammapy_tools.selection import READ_ERRORS
from analysis.gammapy_tools.writing import write_table, write_tar
from analysis.worker.job import Job, JobError

_RESPONSES = ("aeff", "edisp", "psf", "bkg", "rad_max")
_README = "README.txt"


def run(job: Job) -> None:
    """Make the archive: files, index files and documents (terms of use among them) as they are in the inputs.

    Raises
    ------
    JobError
        When there is nothing to pack.
    """
    folders = job.data_folders
    if not folders:
        raise JobError("no event list is among the inputs; give at least one in obs_ids.")
    rows = [row for folder in folders for row in _checked(job, folder)]
    table = Table(rows=rows, names=("folder", "obs_id", "n_events", "responses", "opens", "message"))
    table.meta |= {"n_observations": len(rows), "n_open": int(sum(table["opens"]))}
    write_table(job.results / "check.ecsv", table)
    files = [(path.relative_to(job.inputs).as_posix(), path) for path in _files(job)]
    write_tar(job.results / "datastore.tar", files)
    print(f"{len(files)} files with {len(rows)} observations, of which gammapy opens {table.meta['n_open']}.")


def _files(job: Job) -> Iterator[Path]:
    """Yield what belongs to the collections; other inputs are those of the service."""
    uploads = set(job.uploads.values())
    if (job.inputs / _README).is_file():
        yield job.inputs / _README
    collections = {job.inputs / folder.relative_to(job.inputs).parts[0] for folder in job.data_folders}
    for collection in sorted(collections):
        yield from (path for path in sorted(collection.rglob("*")) if path.is_file() and path not in uploads)


def _checked(job: Job, folder: Path) -> list[tuple[Any, ...]]:
    """Return for each observation what gammapy found when it opened it."""
    name = folder.relative_to(job.inputs).as_posix()
    try:
        store = DataStore.from_dir(folder)
        obs_ids = [int(obs_id) for obs_id in store.obs_table["OBS_ID"]]
    except READ_ERRORS as exc:
        raise JobError(f"the index files of {name} cannot be read ({type(exc).__name__}: {exc}).") from exc
    rows = []
    for obs_id in obs_ids:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows.append((name, obs_id, *_opened(store, obs_id)))
        if rows[-1][-1]:
            print(f"note: run {obs_id} of {name}: {rows[-1][-1]}.")
    return rows


def _opened(store: DataStore, obs_id: int) -> tuple[int, str, bool, str]:
    """Return number of events, responses, whether all could be read, and what could not."""
    found: list[str] = []
    n_events, part = -1, "the observation"
    try:
        observation = store.obs(obs_id, required_irf=[])
        part = "events"
        n_events = len(observation.events.table)
        part = "good time intervals"
        len(observation.gti.table)
        for part in _RESPONSES:
            # of point-like responses rad_max may be in a header
            if part in observation.available_irfs and getattr(observation, part) is not None:
                found.append(part)
    except READ_ERRORS as exc:
        return n_events, " ".join(found), False, f"{part} cannot be read ({type(exc).__name__}: {exc})"
    return n_events, " ".join(found), True, ""
