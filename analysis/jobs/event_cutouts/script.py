"""Cut-outs of event lists around the positions of a table, as one archive with a manifest."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore

from analysis.gammapy_tools.position_table import Position, read_positions
from analysis.gammapy_tools.selection import READ_ERRORS
from analysis.gammapy_tools.writing import write_tar
from analysis.worker.job import Job, JobError
from datalink.package.tarstream import Names, safe_name
from datalink.soda.cutout import CutRequest, cut_event_list, file_stem
from datalink.soda.dali import Interval
from datalink.soda.errors import NoOverlap, SodaError
from datalink.soda.regions import Circle
from datalink.soda.responses import SharedResponse
from datalink.soda.selection import Selection

MAX_CUTOUTS = 2000
_RESPONSES = ("aeff", "edisp", "psf", "bkg", "rad_max")
_MANIFEST = "manifest.csv"
_INDEX_FILES = ("obs-index.fits.gz", "hdu-index.fits.gz")


@dataclass(frozen=True, slots=True)
class EventFile:
    """An event list with its responses in other files; the events are within `radius_deg` of the pointing."""

    path: Path
    obs_id: int
    publisher_did: str
    pointing: SkyCoord | None
    radius_deg: float
    responses: tuple[SharedResponse, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the manifest."""

    position: int
    name: str
    ra: float
    dec: float
    radius: float
    obs_id: int | None = None
    publisher_did: str = ""
    file: str = ""
    n_events: int | None = None
    message: str = ""


def run(job: Job) -> None:
    """Make the cut-outs.

    Raises
    ------
    JobError
        When the table or the data do not allow it.
    """
    upload = job.uploads.get("positions")
    if upload is None:
        raise JobError("no table was uploaded; send one as positions, with the columns ra and dec.")
    positions = read_positions(upload)
    files = [file for folder in job.data_folders for file in _event_files(folder)]
    if not files:
        raise JobError("no event list is among the inputs; give at least one in obs_ids.")
    wanted = [(position, _near(job, position, files)) for position in positions]
    n_cuts = sum(len(near) for _, near in wanted)
    if n_cuts > MAX_CUTOUTS:
        raise JobError(f"this makes {n_cuts} cut-outs; at most {MAX_CUTOUTS} are made in one job. Split the table.")
    cuts = _Cuts(job)
    for position, near in wanted:
        cuts.cut(position, near)
    manifest = _csv(cuts.lines)
    (job.results / _MANIFEST).write_bytes(manifest)
    write_tar(job.results / "cutouts.tar", [(_MANIFEST, manifest), *_documents(job), *cuts.members])
    print(f"{len(cuts.members)} cut-outs of {len(positions)} positions from {len(files)} runs.")


def _event_files(folder: Path) -> list[EventFile]:
    try:
        store = DataStore.from_dir(folder)
        return [_event_file(store, row) for row in store.obs_table]
    except READ_ERRORS as exc:
        raise JobError(f"the data in {folder.name} cannot be read ({type(exc).__name__}: {exc}).") from exc


def _event_file(store: DataStore, row: Any) -> EventFile:
    obs_id = int(row["OBS_ID"])
    location = store.hdu_table.hdu_location(obs_id=obs_id, hdu_type="events")
    if location is None:
        raise KeyError(f"run {obs_id} has no events")
    path = location.path()
    others = [store.hdu_table.hdu_location(obs_id=obs_id, hdu_type=kind, warn_missing=False) for kind in _RESPONSES]
    elsewhere = [other for other in others if other is not None and other.path() != path]
    pointing = None
    if {"RA_PNT", "DEC_PNT"} <= set(row.colnames) and math.isfinite(row["RA_PNT"] + row["DEC_PNT"]):
        pointing = SkyCoord(float(row["RA_PNT"]), float(row["DEC_PNT"]), unit="deg", frame="icrs")
    events = location.load()
    radius = 180.0
    if pointing is not None:
        radius = float(np.max(events.radec.separation(pointing).deg, initial=0.0))
    did = row["OBS_PUBLISHER_DID"] if "OBS_PUBLISHER_DID" in row.colnames else ""
    return EventFile(
        path=path,
        obs_id=obs_id,
        publisher_did=str(did).strip(),
        pointing=pointing,
        radius_deg=radius,
        responses=tuple(SharedResponse(other.path(), str(other.hdu_name)) for other in elsewhere),
    )


def _near(job: Job, position: Position, files: Sequence[EventFile]) -> list[EventFile]:
    """Return the runs that have events as near as the radius reaches."""
    centre = SkyCoord(position.ra, position.dec, unit="deg", frame="icrs")
    reach = position.radius or job.parameters["radius"]
    return [
        file
        for file in files
        if file.pointing is None or float(file.pointing.separation(centre).deg) <= file.radius_deg + reach
    ]


class _Cuts:
    """Makes cut-outs in the working folder, and notes each in `lines` and `members`."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._names = Names()
        self.lines: list[Line] = []
        self.members: list[tuple[str, Path]] = []

    def cut(self, position: Position, files: Sequence[EventFile]) -> None:
        """Cut all runs around a position."""
        radius = position.radius or self._job.parameters["radius"]
        about = (position.number, position.name, position.ra, position.dec, radius)
        if not files:
            self.lines.append(Line(*about, message="outside of the field of view of all runs"))
        for file in files:
            n_events, name, message = self._cut_one(position, radius, file)
            self.lines.append(Line(*about, file.obs_id, file.publisher_did, name, n_events, message))

    def _cut_one(self, position: Position, radius: float, file: EventFile) -> tuple[int | None, str, str]:
        """Return number of events, name in the archive, and a message; no name when there is no cut-out."""
        request = CutRequest(
            publisher_did=file.publisher_did or str(file.obs_id),
            service="event_cutouts",
            version="cta-vo-archive",
            utc_now=None,
            shared_responses=file.responses,
        )
        target = self._job.work / f"cutout-{len(self.members)}.fits"
        try:
            with target.open("wb") as out:
                result = cut_event_list(file.path, _selection(self._job, position, radius), out, request)
        except NoOverlap:
            target.unlink()
            return 0, "", "the run has no good time or no energies in these limits"
        except SodaError as exc:
            target.unlink()
            print(f"note: run {file.obs_id}, position {position.number}: {exc.sentence}")
            return None, "", exc.sentence
        folder = safe_name(f"{position.number:04d}-{position.name.replace('/', '_')}".rstrip("-"), ascii_only=True)
        name = self._names.claim(f"{folder}/{file_stem(str(file.obs_id), file.path)}_cutout.fits")
        self.members.append((name, target))
        return result.n_events_out, name, " ".join(result.notes)


def _selection(job: Job, position: Position, radius: float) -> Selection:
    return Selection(
        circle=Circle(position.ra % 360.0, position.dec, radius),
        energy_tev=_interval(position.emin, position.emax),
        time_mjd_utc=_interval(position.tmin, position.tmax),
        with_responses=job.parameters.get("responses", True),
    )


def _interval(low: float | None, high: float | None) -> Interval | None:
    if low is None and high is None:
        return None
    return Interval(-math.inf if low is None else low, math.inf if high is None else high)


def _csv(lines: Sequence[Line]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(Line)])
    writer.writerows(["" if value is None else value for value in astuple(line)] for line in lines)
    return out.getvalue().encode("utf-8")


def _documents(job: Job) -> list[tuple[str, Path]]:
    """Return the documents of the collections, terms of use among them, which go with every copy."""
    indexed = set()
    for index in job.data_folders:
        table = DataStore.from_dir(index).hdu_table
        indexed |= {table.location_info(row).path().resolve() for row in range(len(table))}
    found = {}
    for folder in job.data_folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name not in _INDEX_FILES and path.resolve() not in indexed:
                found[path.relative_to(job.inputs).as_posix()] = path
    return sorted(found.items())
