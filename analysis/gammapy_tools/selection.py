"""The runs of a job and the numbers that say what to do with them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore

from analysis.worker.job import Job, JobError

# Runs are on one target when their target positions differ by less.
_SAME_TARGET_DEG = 0.2
_LONGEST_REASON = 200
READ_ERRORS = (OSError, KeyError, ValueError, TypeError, IndexError, AttributeError, NotImplementedError)
"""What gammapy and astropy raise for files that they cannot use."""


@dataclass(slots=True)
class Run:
    """An event list of the job, opened.

    `name` is unique in the job, also where several collections have a run of the same number. `pointing` is ICRS;
    `target` what the index says was looked at, None if nothing. `notes` are sentences for the user.
    """

    observation: Any
    name: str
    obs_id: int
    telescope: str
    publisher_did: str
    folder: Path
    pointing: SkyCoord
    target: SkyCoord | None
    target_name: str
    notes: list[str] = field(default_factory=list)

    def offset_deg(self, position: SkyCoord) -> float:
        """Return the distance of a position from the pointing."""
        return float(self.pointing.separation(position).deg)


def open_runs(job: Job, responses: Sequence[str] = ()) -> list[Run]:
    """Open all runs of a job, in the order of their times.

    Parameters
    ----------
    job
        The job; each of its data folders has GADF index files.
    responses
        GADF HDU types that each run must have, such as ``aeff``.

    Raises
    ------
    JobError
        When there is none, a response is missing, or a file cannot be read.
    """
    runs: list[Run] = []
    for folder in job.data_folders:
        runs += _runs_of(folder, responses)
    if not runs:
        raise JobError("no event list is among the inputs; give at least one in obs_ids.")
    runs.sort(key=lambda run: (float(run.observation.tstart.utc.mjd), run.telescope, run.obs_id, str(run.folder)))
    runs = _without_copies(runs)
    _name(runs)
    return runs


def _runs_of(folder: Path, responses: Sequence[str]) -> list[Run]:
    runs = []
    try:
        store = DataStore.from_dir(folder)
        rows = list(store.obs_table)
    except READ_ERRORS as exc:
        raise JobError(f"the index files of {folder.name} cannot be read ({type(exc).__name__}: {exc}).") from exc
    for row in rows:
        obs_id = int(row["OBS_ID"])
        listed = store.hdu_table["HDU_TYPE"][store.hdu_table["OBS_ID"] == obs_id]
        missing = sorted(set(responses) - {str(kind).strip().lower() for kind in listed})
        if missing:
            raise JobError(
                f"run {obs_id} of {folder.name} has no {' and no '.join(missing)} response, which this job needs; leave"
                " the run out."
            )
        try:
            runs.append(_run(store.obs(obs_id, required_irf=list(responses)), row, folder))
        except READ_ERRORS as exc:
            raise JobError(
                f"run {obs_id} of {folder.name} cannot be opened ({type(exc).__name__}: {exc}); leave it out."
            ) from exc
    return runs


@contextmanager
def using(run: Run) -> Iterator[None]:
    """Tell in a sentence which run it is whose data cannot be used.

    Raises
    ------
    JobError
        When gammapy or astropy cannot make anything of its files.
    """
    try:
        yield
    except READ_ERRORS as exc:
        words = " ".join(str(exc).split())[:_LONGEST_REASON]
        raise JobError(
            f"the data of run {run.name} cannot be used ({type(exc).__name__}: {words}); leave it out."
        ) from exc


def _run(observation: Any, row: Any, folder: Path) -> Run:
    pointing = observation.get_pointing_icrs(observation.tmid)
    return Run(
        observation=observation,
        name=str(observation.obs_id),
        obs_id=int(observation.obs_id),
        telescope=_text(row, "TELESCOP"),
        publisher_did=_text(row, "OBS_PUBLISHER_DID"),
        folder=folder,
        pointing=SkyCoord(pointing.ra.deg, pointing.dec.deg, unit="deg", frame="icrs"),
        target=_target(row),
        target_name=_text(row, "OBJECT"),
    )


def _text(row: Any, column: str) -> str:
    return str(row[column]).strip() if column in row.colnames and not np.ma.is_masked(row[column]) else ""


def _target(row: Any) -> SkyCoord | None:
    if not {"RA_OBJ", "DEC_OBJ"} <= set(row.colnames):
        return None
    ra, dec = (float(np.ma.filled(row[column], np.nan)) for column in ("RA_OBJ", "DEC_OBJ"))
    # real index files have 0, 0 for a target that was not noted
    if not (math.isfinite(ra) and math.isfinite(dec) and abs(dec) <= 90.0) or (ra == 0.0 and dec == 0.0):
        return None
    return SkyCoord(ra, dec, unit="deg", frame="icrs")


def _without_copies(runs: list[Run]) -> list[Run]:
    """Return each run once: one that two collections have would count its events twice."""
    kept: list[Run] = []
    for run in runs:
        same = [other for other in kept if (other.obs_id, other.telescope) == (run.obs_id, run.telescope)]
        copy = next((other for other in same if _same_events(other, run)), None)
        if copy is None:
            kept.append(run)
        else:
            note = f"run {run.obs_id} is in {copy.folder.name} and in {run.folder.name}; it is used once"
            copy.notes.append(note)
            print(f"note: {note}.")
    return kept


def _same_events(one: Run, other: Run) -> bool:
    tables = [run.observation.events.table for run in (one, other)]
    return len(tables[0]) == len(tables[1]) and all(
        np.array_equal(np.asarray(tables[0][column]), np.asarray(tables[1][column])) for column in ("TIME", "ENERGY")
    )


def _name(runs: list[Run]) -> None:
    seen: dict[int, int] = {}
    for run in runs:
        seen[run.obs_id] = seen.get(run.obs_id, 0) + 1
        if seen[run.obs_id] > 1:
            run.name = f"{run.obs_id}-{seen[run.obs_id]}"


def position(job: Job, runs: Sequence[Run], *, or_pointing: bool = False) -> SkyCoord:
    """Return where to look: ``ra`` and ``dec`` of the job, or else the common target of its runs.

    Parameters
    ----------
    job
        The job.
    runs
        Its runs.
    or_pointing
        Whether the mean pointing will do where there is no common target.

    Raises
    ------
    JobError
        When nothing says where.
    """
    ra, dec = number(job, "ra"), number(job, "dec")
    if ra is not None and dec is not None:
        return SkyCoord(ra, dec, unit="deg", frame="icrs")
    if ra is not None or dec is not None:
        raise JobError(f"ra and dec belong together; {'dec' if dec is None else 'ra'} is missing.")
    targets = [run.target for run in runs if run.target is not None]
    if len(targets) == len(runs) and all(one.separation(targets[0]).deg < _SAME_TARGET_DEG for one in targets):
        return targets[0]
    if or_pointing:
        directions = SkyCoord([run.pointing for run in runs]).cartesian.mean()
        centre = SkyCoord(directions, representation_type="cartesian", frame="icrs")
        return SkyCoord(centre.spherical.lon, centre.spherical.lat, frame="icrs")
    raise JobError("the runs have no common target; say with ra and dec where to look.")


def target_name(runs: Sequence[Run], centre: SkyCoord) -> str:
    """Return what the position is called: the target of the runs if it is there, else its coordinates."""
    names = {run.target_name for run in runs}
    near = all(run.target is not None and run.target.separation(centre).deg < _SAME_TARGET_DEG for run in runs)
    if near and len(names) == 1 and "" not in names:
        return names.pop()
    return f"{centre.ra.deg:.3f}° {centre.dec.deg:+.3f}°"


def energy_range(job: Job) -> tuple[u.Quantity, u.Quantity]:
    """Return ``emin`` and ``emax``.

    Raises
    ------
    JobError
        When they are no range.
    """
    low, high = job.parameters["emin"], job.parameters["emax"]
    if not (math.isfinite(low) and math.isfinite(high) and 0.0 < low < high):
        raise JobError(f"emin ({low:g} TeV) must be positive and below emax ({high:g} TeV).")
    return low * u.TeV, high * u.TeV


def number(job: Job, name: str) -> float | None:
    """Return a number that a job may lack.

    Raises
    ------
    JobError
        When it is not finite.
    """
    value = job.parameters.get(name)
    if value is None:
        return None
    if not math.isfinite(value):
        raise JobError(f"{name} must be a finite number.")
    return float(value)
