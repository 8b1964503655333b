# SPDX-License-Identifier: GPL-3.0-or-later
"""What previews show of an event list: counted on the sky, in energy and in time, chunk by chunk.

Small files are read in one pass, events included; large event tables are streamed a second time, so that their size
does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datalink.preview.counts import EventCounts, Floats, Projection, Sky, Spectrum, Times
from datalink.soda.fitsstream import open_fits
from ingest import gadf
from ingest.collection import Defaults
from ingest.contents import Contents, response_table
from ingest.coverage import field_of_view_deg
from ingest.fitsfile import HDU, FitsError, read_hdus
from ingest.folder import FoundFile
from ingest.footprint import mean_direction_deg
from ingest.header import Value, integer, number, text
from ingest.response_table import TEV, ResponseError, ResponseTable
from ingest.tablestream import iter_column
from ingest.timescale import TimeError, TimeReference

# Event tables up to this size are read together with the headers.
WHOLE_TABLE_BYTES = 32 * 2**20
CHUNK_ROWS = 2**16
_LONGEST_TEXT = 200
PART_BYTES = 16 * 2**20
_LARGEST_RADIUS_DEG = 85.0
_SMALLEST_RADIUS_DEG = 0.1
_USUAL_RADIUS_DEG = 2.5
# Widths of time bins in s from which one is chosen.
_BIN_WIDTHS_S = (
    *(
        0.001,
        0.002,
        0.005,
        0.01,
        0.02,
        0.05,
        0.1,
        0.2,
        0.5,
        1,
        2,
        5,
        10,
        15,
        20,
        30,
        60,
        120,
        300,
        600,
        900,
        1200,
        1800,
    ),
    *(86400.0 * days for days in (1 / 24, 1 / 12, 1 / 8, 1 / 4, 1 / 2, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)),
)
# Times beyond this were never meant (300 million years), and sums of them would overflow.
_LATEST_S = 1e16
_MOST_TIME_BINS = 80
_FEWEST_TIME_BINS = 12
_EVENTS_PER_TIME_BIN = 25


class PreviewError(ValueError):
    """A file of which no preview can be made; the text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the archive knows of a file better than its header; anything may be left out. ICRS."""

    title: str | None = None
    obs_id: str | None = None
    instrument: str | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    fov_deg: float | None = None
    """Diameter of the field of view."""
    timesys: str | None = None


@dataclass(slots=True)
class OpenFile:
    """A file's HDUs, with the tables a preview needs; `events` has data only if the table is small."""

    path: Path
    hdus: list[HDU]
    events: HDU | None
    aeff: ResponseTable | None

    def of_type(self, hdu_type: str) -> list[HDU]:
        """Return the HDUs of a GADF HDU_TYPE."""
        return [hdu for hdu in self.hdus if (role := gadf.role_of(hdu)) is not None and role.hdu_type == hdu_type]


def open_file(path: Path) -> OpenFile:
    """Read what previews need of a file.

    Raises
    ------
    FitsError
        When the file is not sound FITS.
    OSError
        When it cannot be read.
    """
    hdus = read_hdus(path, _is_wanted)
    file = OpenFile(path, hdus, None, None)
    file.events = next(iter(file.of_type(gadf.EVENTS)), None)
    for hdu in file.of_type(gadf.AEFF):
        role = gadf.role_of(hdu)
        if role is not None and role.hdu_class != "map" and file.aeff is None:
            try:
                file.aeff = response_table(hdu, role)
            except FitsError:
                # Events can be shown without it.
                if file.events is None:
                    raise
    return file


def _is_wanted(hdu: HDU) -> bool:
    role = gadf.role_of(hdu)
    if role is None:
        return False
    if role.hdu_type == gadf.EVENTS:
        return 0 <= hdu.n_rows * (integer(hdu.header, "NAXIS1") or 0) <= WHOLE_TABLE_BYTES
    return role.hdu_type in (gadf.GTI, gadf.POINTING, gadf.AEFF)


def count_events(file: OpenFile, hints: Hints) -> EventCounts:
    """Count the events of a file.

    Raises
    ------
    PreviewError
        When the event table cannot be understood.
    FitsError
        When it is damaged.
    """
    events = file.events
    if events is None:
        raise PreviewError("the file has no event table.")
    _check_columns(events)
    chunks = _chunks(file.path, events)
    first = next(chunks, (np.zeros(0),) * 4)
    obs_id = hints.obs_id or gadf.obs_id_of(events.header)
    counts = EventCounts(
        title=_short(
            hints.title or gadf.set_text(events.header, "OBJECT") or f"Observation {obs_id or file.path.name}"
        ),
        obs_id=obs_id and _short(obs_id),
        instrument=_short(hints.instrument or gadf.set_text(events.header, "INSTRUME", "TELESCOP") or "") or None,
        n_events=events.n_rows,
        sky=_sky(file, events, hints, first[0], first[1]),
        spectrum=Spectrum(),
        times=_times(file, events, hints),
    )
    while first[0].size:
        counts.sky.add(first[0], first[1])
        counts.spectrum.add(first[2])
        counts.times.add(first[3])
        first = next(chunks, (np.zeros(0),) * 4)
    return counts


def _short(text_of_anyone: str) -> str:
    return " ".join(text_of_anyone[:_LONGEST_TEXT].split())


def _check_columns(events: HDU) -> None:
    columns = events.columns()
    missing = [name for name in ("RA", "DEC", "ENERGY", "TIME") if name not in columns]
    if missing:
        raise PreviewError(f"the event table has no column {', '.join(missing)}.")
    if any(columns[name].shape != () for name in ("RA", "DEC", "ENERGY", "TIME")):
        raise PreviewError("the columns RA, DEC, ENERGY and TIME of the event table must hold one number each.")
    unit = columns["ENERGY"].unit.lower()
    if unit and unit not in TEV:
        raise PreviewError(f"the energies of the events are in '{columns['ENERGY'].unit}', which is not understood.")


def _chunks(path: Path, events: HDU) -> Iterator[tuple[Floats, Floats, Floats, Floats]]:
    """Yield RA and Dec in degrees, energies in TeV and times, a chunk of events at a time."""
    columns = events.columns()
    factor = TEV[columns["ENERGY"].unit.lower() or "tev"]
    for part in _parts(path, events):
        ra, dec, energy, time = (part.read(columns[name]) for name in ("RA", "DEC", "ENERGY", "TIME"))
        yield ra, dec, energy * factor, time


def _parts(path: Path, events: HDU) -> Iterator[HDU]:
    """Yield a table in parts of some rows, from memory or from the file."""
    row_bytes = integer(events.header, "NAXIS1") or 0
    rows_a_part = max(1, min(CHUNK_ROWS, PART_BYTES // max(row_bytes, 1)))
    starts = range(0, events.n_rows, rows_a_part)
    if events.data is not None:
        for first in starts:
            stop = min(first + rows_a_part, events.n_rows)
            yield _part(events, stop - first, events.data[first * row_bytes : stop * row_bytes])
        return
    with open_fits(path) as stream:
        for streamed in stream:
            if streamed.hdu.number == events.number:
                for first in starts:
                    n_rows = min(rows_a_part, events.n_rows - first)
                    yield _part(events, n_rows, stream.read(n_rows * row_bytes))
                return


def _part(table: HDU, n_rows: int, data: bytes) -> HDU:
    return HDU(table.number, dict(table.header, NAXIS2=n_rows), data)


def _sky(file: OpenFile, events: HDU, hints: Hints, ra_deg: Floats, dec_deg: Floats) -> Sky:
    """Choose what part of the sky to show: the field of view, or where the (first) events are."""
    usable = np.isfinite(ra_deg) & np.isfinite(dec_deg)
    ra_deg, dec_deg = ra_deg[usable], dec_deg[usable]
    pointing = _pointing(file, events, hints)
    target = gadf.direction(events.header, "RA_OBJ", "DEC_OBJ", zero_is_unset=True)
    centre = pointing or target or (0.0, 0.0)
    if pointing is None and ra_deg.size:
        centre = _mean(ra_deg, dec_deg) or centre
    projection = Projection(*centre)
    fov_radius = _fov_radius_deg(file, events, hints)
    radius = (fov_radius or _USUAL_RADIUS_DEG) * 1.1
    if ra_deg.size:
        reached = float(np.percentile(np.maximum(*np.abs(projection.forward(ra_deg, dec_deg))), 97.0)) * 1.15
        radius = min(radius, reached * 1.5) if fov_radius else reached
    radius = min(max(radius, _SMALLEST_RADIUS_DEG), _LARGEST_RADIUS_DEG)
    return Sky(projection, radius, pointing, fov_radius, target)


def _mean(ra_deg: Floats, dec_deg: Floats) -> tuple[float, float] | None:
    ra, dec = mean_direction_deg(ra_deg, dec_deg)
    return (float(ra), float(dec)) if math.isfinite(ra) and math.isfinite(dec) else None


def _pointing(file: OpenFile, events: HDU, hints: Hints) -> tuple[float, float] | None:
    """Return the pointing of the telescopes; a drift scan has none unless the archive knows its field."""
    if hints.ra_deg is not None and hints.dec_deg is not None:
        return hints.ra_deg % 360.0, hints.dec_deg
    written = gadf.direction(events.header, "RA_PNT", "DEC_PNT")
    if written is not None and text(events.header, "OBS_MODE") != "DRIFT":
        return written
    for table in file.of_type(gadf.POINTING):
        columns = table.columns()
        if table.n_rows and {"RA_PNT", "DEC_PNT"} <= columns.keys():
            return _mean(table.read(columns["RA_PNT"]), table.read(columns["DEC_PNT"]))
    return None


def _fov_radius_deg(file: OpenFile, events: HDU, hints: Hints) -> float | None:
    if hints.fov_deg:
        return hints.fov_deg / 2.0
    found = FoundFile(file.path.name, file.path, 0, 0)
    responses = {gadf.AEFF: file.aeff} if file.aeff is not None else {}
    roles = {events.number: gadf.Role(gadf.EVENTS, gadf.EVENTS)}
    try:
        view = field_of_view_deg(Contents(found, file.hdus, roles, dict(responses)), Defaults(), energy_tev=1.0)
    except ResponseError:
        return None
    return None if view is None else view.diameter_deg / 2.0


def _times(file: OpenFile, events: HDU, hints: Hints) -> Times:
    good = _good_intervals(file)
    if len(good):
        start, stop = float(good[0, 0]), float(good[-1, 1])
    else:
        start, stop = _time_limits(file, events)
    width = _bin_width_s(stop - start, events.n_rows)
    headers = [*(gti.header for gti in file.of_type(gadf.GTI)), events.header]
    times = Times(start, stop, width, good, _utc_mjd(start, headers, hints.timesys))
    times.counts = np.zeros(max(1, math.ceil((stop - start) / width - 1e-9)))
    return times


def _good_intervals(file: OpenFile) -> Floats:
    """Return the good time intervals, shape (n, 2), in order; those that overlap or touch are one."""
    found = [np.zeros((0, 2))]
    for gti in file.of_type(gadf.GTI):
        columns = gti.columns()
        if "START" in columns and "STOP" in columns:
            found.append(np.column_stack([gti.read(columns[name]).ravel() for name in ("START", "STOP")]))
    intervals = np.concatenate(found)
    intervals = intervals[(np.abs(intervals) < _LATEST_S).all(axis=1) & (intervals[:, 1] > intervals[:, 0])]
    intervals = intervals[np.argsort(intervals[:, 0], kind="stable")]
    if not len(intervals):
        return intervals
    reached = np.maximum.accumulate(intervals[:, 1])
    begins = np.append(True, intervals[1:, 0] > reached[:-1])
    return np.column_stack([intervals[begins, 0], reached[np.append(begins[1:], True)]])


def _time_limits(file: OpenFile, events: HDU) -> tuple[float, float]:
    """Return TSTART and TSTOP, or where the events begin and end."""
    start, stop = number(events.header, "TSTART"), number(events.header, "TSTOP")
    if start is not None and stop is not None and -_LATEST_S < start < stop < _LATEST_S:
        return start, stop
    low, high = math.inf, -math.inf
    for times in iter_column(file.path, events.number, "TIME"):
        finite = times[np.abs(times) < _LATEST_S]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, math.nextafter(high, math.inf)) if high > low else (0.0, 1.0)


def _bin_width_s(span_s: float, n_events: int) -> float:
    most = min(_MOST_TIME_BINS, max(_FEWEST_TIME_BINS, n_events // _EVENTS_PER_TIME_BIN))
    return next((width for width in _BIN_WIDTHS_S if span_s / width <= most), span_s / most)


def _utc_mjd(time_s: float, headers: list[Mapping[str, Value]], timesys: str | None) -> float | None:
    keys = ("MJDREFI", "MJDREFF", "MJDREF", "TIMESYS", "TIMEUNIT")
    merged = {key: header[key] for header in headers for key in keys if header.get(key) not in (None, "")}
    try:
        return float(TimeReference.from_header(merged, timesys).to_mjd(np.array([time_s]), "utc")[0])
    except TimeError:
        return None
