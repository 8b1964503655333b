# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts an event list: one pass over its file, in pieces, whatever its size (``standards/soda.md``, section 5.2).

EVENTS loses rows and nothing else: rows that stay keep their bytes, and a heap
of variable-length arrays is copied whole.  GTI is clipped when TIME is given.
All other HDUs are copied byte for byte, responses of other files are appended
the same way.  Headers are completed when all HDUs have been seen, since what
the header of EVENTS says about time follows from the GTI behind it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from datalink.soda.clock import Clock
from datalink.soda.errors import NoOverlap, failure
from datalink.soda.fitsstream import FitsStream, StreamedHdu, open_fits
from datalink.soda.fitswriter import Cards, ascii_text, split_history
from datalink.soda.overlap import DatasetBounds, cannot_overlap, misses_bounds
from datalink.soda.record import Origin, Subspace, gti_history_lines, history_lines
from datalink.soda.responses import SharedResponse, append_shared, copy_response
from datalink.soda.rowfilter import RowFilter, kept_rows, table_size
from datalink.soda.selection import FITS_TYPE, Selection
from datalink.soda.sinks import FitsSink, Sink, TableTarget
from datalink.soda.timecut import (
    GoodTime,
    clip_observation,
    clip_table,
    has_times,
    joined,
    limits_s,
    update_times,
)
from datalink.soda.votable import VOTableSink
from ingest import gadf
from ingest.fitsfile import HDU, FitsError
from ingest.header import Header, Value, integer, number
from ingest.timescale import TimeError

MAX_GTI_BYTES = 64 * 2**20
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True, slots=True)
class CutRequest:
    """What a cut-out needs to know beside the selection.

    Attributes
    ----------
    publisher_did, service, version, utc_now
        The dataset, name or address of the service, name and version of the software, and the time if it is to be
        told, for HISTORY.
    bounds
        What the dataset's row says about its extent, for answers that are empty (204).
    shared_responses
        Responses of the dataset that are in other files; with an EVENT_TYPE cut, only those of that type.
    default_timesys
        The collection's time scale for files without TIMESYS.
    product, infos
        Where the cut-out's own provenance is told; more about the origin, for VOTables.
    """

    publisher_did: str
    service: str
    version: str
    utc_now: datetime.datetime | None
    bounds: DatasetBounds = field(default_factory=DatasetBounds)
    shared_responses: Sequence[SharedResponse] = ()
    default_timesys: str | None = None
    product: str | None = None
    infos: tuple[tuple[str, str], ...] = ()

    @property
    def origin(self) -> Origin:
        """What HISTORY says about the making."""
        return Origin(self.publisher_did, self.service, self.version, self.utc_now, self.product, self.infos)


@dataclass(frozen=True, slots=True)
class CutResult:
    """What a cut-out has become.

    Attributes
    ----------
    n_events_in, n_events_out
        Rows of the event table(s) before and after.
    n_gti
        Good time intervals in the result; of a table that was copied, all of its rows.
    n_bytes
        Size of the result.
    file_name
        ``<obs_id>_cutout.fits`` or ``.vot``.
    media_type
        As the selection asked for.
    notes
        Sentences for the user, which are in HISTORY, too.
    """

    n_events_in: int
    n_events_out: int
    n_gti: int
    n_bytes: int
    file_name: str
    media_type: str
    notes: tuple[str, ...]


def cut_event_list(source: Path, selection: Selection, out: BinaryIO, request: CutRequest) -> CutResult:
    """Write the cut-out of an event list.

    Parameters
    ----------
    source
        The dataset's file, plain or gzipped FITS.
    selection
        What to keep. One that `is_trivial` is better answered with the file itself.
    out
        A file to write to, which can seek; the cut-out begins at its position.  Its content is of no use after an
        exception.
    request
        What else is needed.

    Raises
    ------
    NoOverlap
        When the answer is 204: TIME leaves no good time; no event passes and the filter misses the footprint or the
        energies of the dataset; the dataset has no events of the types asked for.
    SodaError
        When a parameter does not fit the dataset (400), or a file is damaged or cannot be read or written (500).
    """
    if cannot_overlap(selection, request.bounds):
        raise NoOverlap
    start = out.tell()
    is_fits = selection.media_type == FITS_TYPE
    try:
        sink: Sink = FitsSink(out) if is_fits else VOTableSink(out, selection, request.origin)
        cut = _Cut(source, selection, sink, request)
        with open_fits(source) as stream, np.errstate(all="ignore"):
            cut.run(stream)
    except (FitsError, TimeError) as exc:
        raise failure(f"The file of this dataset cannot be cut: {ascii_text(str(exc))}") from exc
    except OSError as exc:
        raise failure(f"The cut-out could not be read or written ({exc.strerror or 'input/output error'}).") from exc
    except (ValueError, ArithmeticError, LookupError, MemoryError) as exc:
        raise failure("The file of this dataset is damaged in a way that prevents cutting it.") from exc
    suffix = "fits" if is_fits else "vot"
    return CutResult(
        n_events_in=cut.n_events_in,
        n_events_out=cut.n_events_out,
        n_gti=cut.n_gti,
        n_bytes=out.tell() - start,
        file_name=f"{file_stem(cut.obs_id, source)}_cutout.{suffix}",
        media_type=selection.media_type,
        notes=tuple(cut.notes),
    )


def file_stem(obs_id: str | None, source: Path) -> str:
    """Return what the name of a cut-out begins with: OBS_ID, or the name of the file, as far as it is safe."""
    stem = obs_id or source.name.removesuffix(".gz").removesuffix(".fits")
    return _UNSAFE_IN_NAME.sub("_", stem)[:64].strip("._") or "events"


@dataclass(slots=True)
class _Table:
    """A table whose header is completed at the end."""

    header: Header
    cards: Cards
    target: TableTarget
    good: GoodTime | None = None


class _Cut:
    """One pass over a file."""

    def __init__(self, source: Path, selection: Selection, sink: Sink, request: CutRequest) -> None:
        self._source = source
        self._selection = selection
        self._sink = sink
        self._request = request
        self._primary: _Table | None = None
        self._events: list[_Table] = []
        self._gtis: list[_Table] = []
        self._headers: list[Header] | None = None
        self.n_events_in = 0
        self.n_events_out = 0
        self.n_gti = 0
        self.obs_id: str | None = None
        self.notes: list[str] = []

    def run(self, stream: FitsStream) -> None:
        """Pass on all HDUs and complete the result."""
        for streamed in stream:
            self._take(stream, streamed)
        if not self._events:
            raise FitsError("it has no event table.")
        if self.n_events_out == 0 and misses_bounds(self._selection, self._request.bounds):
            raise NoOverlap
        if self._selection.time_mjd_utc is not None:
            self._update_times()
        if self._selection.with_responses and self._sink.wants_others:
            self.notes += append_shared(self._sink, self._request.shared_responses, self._selection.regions)
        self.notes = list(dict.fromkeys(self.notes))
        for table in self._events:
            _remark(table.cards, self.notes)
        for table in filter(None, (self._primary, *self._events, *self._gtis)):
            table.target.finish(table.cards.values())
        self._sink.finish()

    def _take(self, stream: FitsStream, streamed: StreamedHdu) -> None:
        role = gadf.role_of(streamed.hdu)
        kind = role.hdu_type if role is not None else None
        timed = self._selection.time_mjd_utc is not None
        if kind == gadf.EVENTS:
            self._cut_events(stream, streamed)
        elif kind == gadf.GTI:
            self._cut_gti(stream, streamed)
        elif not self._sink.wants_others:
            return
        elif kind in gadf.RESPONSES:
            if self._selection.with_responses:
                self.notes += copy_response(self._sink, stream, streamed, self._selection.regions)
        elif timed and streamed.hdu.number == 0 and has_times(streamed.hdu.header):
            cards = Cards(streamed.header_bytes)
            self._primary = _Table(streamed.hdu.header, cards, self._sink.table(streamed.hdu, cards, None))
            self._pass_on(stream, self._primary.target)
        else:
            self._sink.copy(streamed, stream.pieces_with_padding())

    def _cut_events(self, stream: FitsStream, streamed: StreamedHdu) -> None:
        header, selection = streamed.hdu.header, self._selection
        row_bytes, n_rows = table_size(streamed)
        limits, clock = None, None
        if selection.time_mjd_utc is not None:
            clock = self._clock(header)
            limits = self._time_limits(streamed.hdu, clock)
        rows = RowFilter(streamed.hdu, selection, limits, self._request.bounds.event_type)
        cards = Cards(streamed.header_bytes)
        self._record(cards, rows)
        target = self._sink.table(streamed.hdu, cards, clock or self._clock_if_any(header))
        n_kept = 0
        for n_passed, kept in kept_rows(stream, streamed.hdu, rows, row_bytes, n_rows):
            target.write(kept)
            n_kept += n_passed
        self._end_table(stream, target, cards, header, n_kept)
        self._events.append(_Table(header, cards, target))
        self.n_events_in += n_rows
        self.n_events_out += n_kept
        self.obs_id = self.obs_id or gadf.obs_id_of(header)

    def _cut_gti(self, stream: FitsStream, streamed: StreamedHdu) -> None:
        header, interval = streamed.hdu.header, self._selection.time_mjd_utc
        if interval is None and self._sink.wants_others:
            self._sink.copy(streamed, stream.pieces_with_padding())
            self.n_gti += streamed.hdu.n_rows
            return
        row_bytes, n_rows = table_size(streamed)
        if row_bytes * n_rows > MAX_GTI_BYTES:
            raise FitsError("the table of good time intervals is too large.")
        data = stream.read(row_bytes * n_rows)
        cards = Cards(streamed.header_bytes)
        good, clock = None, self._clock_if_any(header)
        if interval is not None:
            clock = self._clock(header)
            clipped = clip_table(HDU(streamed.hdu.number, header, data), clock, interval)
            data, n_rows = clipped.rows, clipped.n_rows
            # a table that never had a row says nothing about the time
            good = clipped.good if streamed.hdu.n_rows else None
            cards.add_history(gti_history_lines(self._request.origin, interval))
        target = self._sink.table(streamed.hdu, cards, clock)
        target.write(data)
        self._end_table(stream, target, cards, header, n_rows)
        self._gtis.append(_Table(header, cards, target, good))
        self.n_gti += n_rows

    def _record(self, cards: Cards, rows: RowFilter) -> None:
        """Write into a header what is selected; HISTORY goes last."""
        selection, subspace = self._selection, Subspace(cards)
        if selection.time_mjd_utc is not None:
            subspace.limit_time()
        energies = selection.energies_tev
        if energies is not None:
            subspace.limit_energies(energies)
        for region in selection.regions:
            subspace.limit_region(region)
        if rows.types is not None:
            subspace.limit_types(*rows.types.subspace)
        cards.add_history(history_lines(selection, self._request.origin))

    def _end_table(self, stream: FitsStream, target: TableTarget, cards: Cards, header: Header, n_kept: int) -> None:
        """Pass on what is behind the rows (gap and heap, FITS 4.0, section 7.3.3.2) and set the sizes."""
        if self._sink.wants_heap:
            self._pass_on(stream, target)
        else:
            target.end_data()
        row_bytes, n_rows = integer(header, "NAXIS1") or 0, integer(header, "NAXIS2") or 0
        cards.set("NAXIS2", n_kept)
        heap = integer(header, "THEAP")
        if heap is not None:
            cards.set("THEAP", heap - row_bytes * (n_rows - n_kept))

    def _pass_on(self, stream: FitsStream, target: TableTarget) -> None:
        for piece in stream.pieces():
            target.write(piece)
        target.end_data()

    def _update_times(self) -> None:
        """Set the times of all headers; nothing is left to select from when no good time is."""
        interval = self._selection.time_mjd_utc
        if interval is None:
            return
        goods = [table.good for table in self._gtis if table.good is not None]
        if not goods:
            goods = [clip_observation(table.header, self._clock(table.header), interval) for table in self._events]
        if not any(good.n_intervals for good in goods):
            raise NoOverlap
        of_events = goods if len(goods) == len(self._events) else [joined(goods)] * len(self._events)
        for table, good in zip(self._events, of_events, strict=True):
            update_times(table.cards, self._clock(table.header), good)
        for table in self._gtis:
            if table.good is not None:
                update_times(table.cards, table.good.clock, table.good)
        if self._primary is not None:
            headers = [self._primary.header, self._events[0].header]
            update_times(self._primary.cards, Clock.from_headers(headers, self._request.default_timesys), of_events[0])

    def _time_limits(self, events: HDU, clock: Clock) -> tuple[float, float]:
        """Return the limits of the column TIME in its unit."""
        interval, header = self._selection.time_mjd_utc, events.header
        column = events.columns().get("TIME")
        if interval is None or column is None:
            raise FitsError("the event table has no column TIME.")
        ends = [
            None if end is None else end * clock.unit_s for end in (number(header, "TSTART"), number(header, "TSTOP"))
        ]
        low, high = limits_s(interval, clock, *ends)
        unit_s = clock.column_unit_s(column.unit)
        return low / unit_s, high / unit_s

    def _clock(self, header: Header) -> Clock:
        """Return the time reference of an HDU; where it has none, that of its file's other tables holds."""
        try:
            return Clock.from_headers([header])
        except TimeError:
            if self._headers is None:
                self._headers = list(_headers_of_tables(self._source))
            return Clock.from_headers([header, *self._headers], self._request.default_timesys)

    def _clock_if_any(self, header: Header) -> Clock | None:
        """Return the time reference for results that name one, None for FITS files, which have the keywords."""
        if self._sink.wants_others:
            return None
        try:
            return self._clock(header)
        except TimeError:
            return None


def _remark(cards: Cards, notes: Sequence[str]) -> None:
    """Add what turned up last to HISTORY, as far as there is room: the size of the header is fixed by now."""
    for note in notes:
        if cards.n_free < 0 or len(split_history(note)) <= cards.n_free:
            cards.add_history([note])


def _headers_of_tables(source: Path) -> Iterator[Mapping[str, Value]]:
    with open_fits(source) as stream:
        for streamed in stream:
            role = gadf.role_of(streamed.hdu)
            if role is not None and role.hdu_type in (gadf.GTI, gadf.EVENTS):
                yield streamed.hdu.header
