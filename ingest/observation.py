"""One DL3 event file becomes one row of ``cta.dataset``: the mapping of ``standards/obscore.md``, section 6.

Which of several possible sources of a value was used is said in ``harvest_note``.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ingest import gadf
from ingest.collection import Collection
from ingest.contents import Contents
from ingest.coverage import EV_PER_TEV, EnergyRange, circle_region, energy_range_tev, field_of_view_deg, set_energies
from ingest.errors import IngestError
from ingest.footprint import FootprintError, galactic_from_icrs, mean_direction_deg, separation_deg
from ingest.header import Header, Value, integer, number, text
from ingest.index import IndexFacts
from ingest.response_table import TEV, ResponseError
from ingest.responses import psf_fwhm_arcsec, resolution_range_arcsec, resolving_power
from ingest.rows import DatasetRow
from ingest.targets import target_class
from ingest.timescale import TimeReference, iso_from_mjd
from ingest.tmoc import tmoc_ascii

_TIME_KEYS = ("MJDREFI", "MJDREFF", "MJDREF", "TIMESYS", "TIMEUNIT")
_ZERO_POINT = {"MJDREFI", "MJDREF"}
_TIME_UNITS = {"", "s", "sec", "second", "seconds"}
# FK5 at J2000 is within 0.03 arcsec of ICRS, far below any angle that matters here (obscore.md, section 6).
_ICRS_LIKE = ("ICRS", "FK5", "ICRF")
_ANGLE_UNITS = {"", "deg", "degree", "degrees"}
# Times outside of these MJD were mistyped or never set: 1989-01-01 (first Crab detection) to 2100-01-01.
_PLAUSIBLE_MJD = (47527.0, 88069.0)


class Facts:
    """Keyword values of an observation: the event header's, and where that is silent the obs-index's."""

    def __init__(self, header: Header, index_values: Mapping[str, Value]) -> None:
        self._sources = (header, index_values)

    def number(self, *keys: str) -> float | None:
        """Return the first finite number."""
        return next((value for source in self._sources if (value := number(source, *keys)) is not None), None)

    def integer(self, *keys: str) -> int | None:
        """Return the first whole number."""
        return next((value for source in self._sources if (value := integer(source, *keys)) is not None), None)

    def text(self, *keys: str) -> str | None:
        """Return the first text that is not a place-holder."""
        return next((value for source in self._sources if (value := gadf.set_text(source, *keys)) is not None), None)

    def direction(self, lon_key: str, lat_key: str, *, zero_is_unset: bool = False) -> tuple[float, float] | None:
        """Return the first pair of angles in degrees."""
        pairs = (gadf.direction(source, lon_key, lat_key, zero_is_unset=zero_is_unset) for source in self._sources)
        return next((pair for pair in pairs if pair is not None), None)


class Observation:
    """Fills the row of one event file, step by step; `doubts` collects sentences on what was not as it should be."""

    def __init__(self, contents: Contents, collection: Collection, facts: IndexFacts, row: DatasetRow) -> None:
        self.contents = contents
        self.events = contents.of_type(gadf.EVENTS)[0]
        self.collection = collection
        self.index = facts
        self.facts = Facts(self.events.header, facts.values)
        self.row = row
        self.doubts = list(contents.doubts)
        self.notes: list[str] = []

    def fill(self) -> DatasetRow:
        """Fill and return the row.

        Raises
        ------
        IngestError
            When the file cannot be published: no usable event table, no times.
        TimeError
            When its times cannot be interpreted.
        """
        self._check_columns()
        self._describe()
        self._set_times()
        self._set_pointing()
        energies = self._energies()
        self._set_resolutions(energies)
        self._set_modes()
        self._copy_keywords()
        self.row.harvest_note = "; ".join(self.notes) or None
        return self.row

    def _check_columns(self) -> None:
        columns = self.events.columns()
        missing = [name for name in ("TIME", "RA", "DEC", "ENERGY") if name not in columns]
        if missing:
            raise IngestError(f"the EVENTS table lacks the column(s) {', '.join(missing)}.")
        expected = {"TIME": _TIME_UNITS, "RA": _ANGLE_UNITS, "DEC": _ANGLE_UNITS, "ENERGY": {"", *TEV}}
        for name, units in expected.items():
            unit = columns[name].unit.lower()
            if unit not in units:
                wanted = {"TIME": "s", "ENERGY": "TeV"}.get(name, "deg")
                written = columns[name].unit
                raise IngestError(f"the column {name} of the EVENTS table is in '{written}', not in {wanted}.")

    def _describe(self) -> None:
        row, collection, facts = self.row, self.collection, self.facts
        row.dataproduct_type = "event"
        types = self.contents.response_types
        point_like = any(table.header.get("HDUCLAS3") == "POINT-LIKE" for table in self.contents.responses.values())
        bundled = {gadf.AEFF, gadf.EDISP} <= types and (point_like or gadf.PSF in types)
        row.dataproduct_subtype = "event-bundle" if bundled else "event-list"
        row.ev_xel = self.events.n_rows
        row.messenger_name, row.messenger_pdgid = "photon", "+22"
        row.object = facts.text("OBJECT")
        row.target_name = row.object or collection.defaults.target_name
        target = facts.direction("RA_OBJ", "DEC_OBJ", zero_is_unset=True)
        if target is not None:
            row.ra_obj, row.dec_obj = target
        row.target_class = target_class(row.target_name, target)
        row.telescop, row.instrume = facts.text("TELESCOP"), facts.text("INSTRUME")
        row.facility_name = collection.facility_name or row.telescop
        row.instrument_name = collection.instrument_name or row.instrume or row.telescop
        row.obs_creator_name = collection.creator or facts.text("ORIGIN")
        row.obs_creator_did = text(self.events.header, "CTA PRODUCT ID", "CTAO.product.id")
        primary = self.contents.hdus[0].header
        row.obs_creation_date = timestamp(
            text(self.events.header, "CREATED", "DATE") or text(primary, "CREATED", "DATE")
        )
        row.proposal_id = row.proposal_id or facts.text("PROP_ID", "PROPOSID", "PROPOSAL")
        row.event_type = row.event_type or self.index.event_type
        of_target = f" of {row.target_name}" if row.target_name else ""
        row.obs_title = f"{row.instrument_name or collection.name} event list{of_target}, observation {row.obs_id}"

    def _set_times(self) -> None:
        """Set all times from the good time intervals (DATE-OBS is never trusted: GADF leaves its scale to TIMESYS)."""
        row = self.row
        headers, gti_headers = [self.events.header], [gti.header for gti in self.contents.of_type(gadf.GTI)]
        reference, of_gtis = self._time_reference(headers + gti_headers), self._time_reference(gti_headers + headers)
        tstart, tstop = (
            None if value is None else value * reference.unit_s for value in map(self.facts.number, ("TSTART", "TSTOP"))
        )
        start, stop = self._intervals(of_gtis.unit_s)
        reference, of_gtis = replace(reference, unit_s=1.0), replace(of_gtis, unit_s=1.0)
        if start.size == 0:
            if tstart is None or tstop is None:
                raise IngestError("there is neither a good time interval (GTI) nor TSTART and TSTOP.")
            self.doubts.append("there is no good time interval; the times are TSTART and TSTOP.")
            extremes = np.array([tstart, tstop])
        else:
            if reference.scale != of_gtis.scale or abs(_zero_point_difference_d(reference, of_gtis)) > 1e-9:
                self.doubts.append("the time references of EVENTS and GTI differ; the times are those of the GTI.")
                reference, tstart, tstop = of_gtis, None, None
            extremes = np.array([start.min(), stop.max()])
        if extremes[1] < extremes[0]:
            raise IngestError("the observation ends before it starts (TSTOP or the GTI).")
        utc = reference.to_mjd(extremes, "utc")
        if not _PLAUSIBLE_MJD[0] <= utc[0] <= utc[1] <= _PLAUSIBLE_MJD[1]:
            self.doubts.append(f"the observation lies at MJD {utc[0]:.1f} to {utc[1]:.1f}, which is hardly meant.")
        row.t_min, row.t_max = float(utc[0]), float(utc[1])
        row.tstart = float(extremes[0]) if tstart is None else tstart
        row.tstop = float(extremes[1]) if tstop is None else tstop
        exact = reference.to_mjd(extremes, "tt")
        row.tstart_tt, row.tstop_tt = float(exact[0]), float(exact[1])
        row.mjdrefi, row.mjdreff = int(reference.mjdref_int), reference.mjdref_frac
        row.timesys = reference.scale.upper()
        written = reference.to_mjd(np.array([row.tstart, row.tstop]), reference.scale)
        row.date_obs, row.time_obs = iso_from_mjd(float(written[0])).split("T")
        row.date_end, row.time_end = iso_from_mjd(float(written[1])).split("T")
        row.ngti = int(start.size)
        if start.size:
            row.t_intervals = tmoc_ascii(reference.to_mjd(start, "tcb"), reference.to_mjd(stop, "tcb"))
        self._set_exposure(float((stop - start).sum()) if start.size else float(extremes[1] - extremes[0]))
        row.t_resolution = self.collection.defaults.t_resolution_s

    def _time_reference(self, headers: Sequence[Header]) -> TimeReference:
        """Return the time reference of the first header, what it lacks from the others."""
        merged: dict[str, Value] = {}
        for header in headers:
            given = {key: header[key] for key in _TIME_KEYS if header.get(key) not in (None, "")}
            if merged.keys() & _ZERO_POINT or not given.keys() & _ZERO_POINT:
                given = {key: value for key, value in given.items() if not key.startswith("MJDREF")}
            merged = given | merged
        return TimeReference.from_header(merged, self.collection.defaults.timesys)

    def _intervals(self, unit_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return START and STOP of all good time intervals in seconds of the file's own time, those that make sense.

        Parameters
        ----------
        unit_s
            The unit of columns that state none, as some writers leave it off.
        """
        starts, stops = [np.empty(0)], [np.empty(0)]
        for gti in self.contents.of_type(gadf.GTI):
            columns = gti.columns()
            if "START" not in columns or "STOP" not in columns:
                self.doubts.append("a GTI table without START and STOP was left out.")
                continue
            for name, times in (("START", starts), ("STOP", stops)):
                if columns[name].unit.lower() not in _TIME_UNITS:
                    raise IngestError(f"the column {name} of the GTI table is in '{columns[name].unit}', not in s.")
                times.append(gti.read(columns[name]).ravel() * (1.0 if columns[name].unit else unit_s))
        start, stop = np.concatenate(starts), np.concatenate(stops)
        good = np.isfinite(start) & np.isfinite(stop) & (stop > start)
        if not good.all():
            self.doubts.append(f"{int((~good).sum())} good time interval(s) without length or number were left out.")
        return start[good], stop[good]

    def _set_exposure(self, good_time_s: float) -> None:
        row, facts = self.row, self.facts
        ontime = facts.number("ONTIME")
        row.ontime = ontime if ontime is not None and ontime > 0 else good_time_s
        row.livetime, row.deadc = facts.number("LIVETIME"), facts.number("DEADC")
        if row.livetime is not None and row.livetime >= 0:
            row.t_exptime, branch = row.livetime, "LIVETIME"
            if row.livetime == 0 < good_time_s:
                self.doubts.append("LIVETIME is 0, so the exposure is, although there is good time.")
        elif row.deadc is not None and row.deadc > 0:
            row.t_exptime, branch = row.deadc * row.ontime, "DEADC*ONTIME"
        else:
            row.t_exptime, branch = good_time_s, "GTI"
        self.notes.append(f"exposure from {branch}")

    def _set_pointing(self) -> None:
        row, facts = self.row, self.facts
        mode = facts.text("OBS_MODE") or self.collection.defaults.obs_mode
        row.obs_mode = mode.upper() if mode else None
        pointing = self._pointing()
        if pointing is None:
            if row.obs_mode != "DRIFT":
                self.doubts.append(self._no_pointing())
        else:
            frame = (facts.text("RADECSYS", "RADESYS") or "ICRS").upper()
            if frame not in _ICRS_LIKE:
                self.doubts.append(f"the pointing is in the frame {frame}; it was taken for ICRS.")
            row.s_ra, row.s_dec = row.ra_pnt, row.dec_pnt = pointing
            longitude, latitude = galactic_from_icrs(row.s_ra, row.s_dec)
            row.glon_pnt, row.glat_pnt = float(longitude), float(latitude)
        row.alt_pnt, row.az_pnt = facts.number("ALT_PNT"), facts.number("AZ_PNT")
        zenith = facts.number("ZEN_PNT")
        row.zen_pnt = zenith if zenith is not None or row.alt_pnt is None else 90.0 - row.alt_pnt
        if pointing is not None and row.ra_obj is not None and row.dec_obj is not None:
            row.offset_obj = float(separation_deg(*pointing, row.ra_obj, row.dec_obj))

    def _no_pointing(self) -> str:
        values = [self.events.header.get(key) for key in ("RA_PNT", "DEC_PNT")]
        if values == [None, None]:
            return "there is no pointing (RA_PNT, DEC_PNT), so the dataset has no position."
        written = f"RA_PNT {values[0]}, DEC_PNT {values[1]}"
        return f"the pointing ({written}) is no direction, so the dataset has no position."

    def _pointing(self) -> tuple[float, float] | None:
        """Return the pointing in the header's frame; RA_OBJ never stands in for it (obscore.md, section 6)."""
        pointing = self.facts.direction("RA_PNT", "DEC_PNT")
        if pointing is not None and self.row.obs_mode != "DRIFT":
            return pointing
        for table in self.contents.of_type(gadf.POINTING):
            columns = table.columns()
            if table.n_rows and {"RA_PNT", "DEC_PNT"} <= columns.keys():
                try:
                    mean = mean_direction_deg(table.read(columns["RA_PNT"]), table.read(columns["DEC_PNT"]))
                except FootprintError as exc:
                    self.doubts.append(f"the POINTING table is not usable: {exc}")
                    continue
                self.notes.append("position from POINTING")
                return mean
        defaults = self.collection.defaults
        if defaults.ra_pnt_deg is not None and defaults.dec_pnt_deg is not None:
            self.notes.append("position from the collection file")
            return defaults.ra_pnt_deg, defaults.dec_pnt_deg
        return None

    def _energies(self) -> EnergyRange | None:
        try:
            energies = energy_range_tev(self.contents, self.collection.defaults)
        except ResponseError as exc:
            self.doubts.append(f"the responses tell no energy range: {exc}")
            return None
        if energies is None:
            self.doubts.append("neither responses nor events tell an energy range.")
            return None
        set_energies(self.row, energies)
        self.notes.append(f"energies from {energies.source}")
        return energies

    def _set_resolutions(self, energies: EnergyRange | None) -> None:
        row, defaults = self.row, self.collection.defaults
        reference_tev, offset_deg = defaults.reference_energy_tev, defaults.reference_offset_deg
        if energies is not None and not energies.low_tev <= reference_tev <= energies.high_tev:
            reference_tev = math.sqrt(energies.low_tev * energies.high_tev)
        row.s_ref_energy = row.em_ref_energy = reference_tev * EV_PER_TEV
        row.s_ref_oaa = row.em_ref_oaa = offset_deg
        responses = self.contents.responses
        try:
            fov = field_of_view_deg(self.contents, defaults, reference_tev)
            if fov is not None:
                row.s_fov = fov.diameter_deg
                self.notes.append(f"field of view from {fov.source}")
            row.s_region = circle_region(row)
            if gadf.PSF in responses:
                fwhm = float(psf_fwhm_arcsec(responses[gadf.PSF], reference_tev, offset_deg))
                row.s_resolution = fwhm if math.isfinite(fwhm) else None
                if gadf.AEFF in responses:
                    limits = resolution_range_arcsec(responses[gadf.PSF], responses[gadf.AEFF], offset_deg)
                    row.s_resolution_min, row.s_resolution_max = limits or (None, None)
            if gadf.EDISP in responses:
                row.em_res_power = resolving_power(responses[gadf.EDISP], reference_tev, offset_deg)
        except ResponseError as exc:
            self.doubts.append(f"a response is not usable: {exc}")

    def _set_modes(self) -> None:
        row, facts = self.row, self.facts
        row.conv_dep = facts.number("CONV_DEP")
        row.tracking_mode = gadf.tracking_mode(row.obs_mode)
        row.scan_mode = gadf.scan_mode(row.obs_mode, row.offset_obj)
        row.pointing_mode = gadf.pointing_mode(row.conv_dep)
        row.ev_class, row.ana_ver = facts.text("EV_CLASS"), facts.text("ANA_VER")
        row.analysis_mode = "-".join(filter(None, (row.ev_class, row.ana_ver))) or None

    def _copy_keywords(self) -> None:
        row, facts = self.row, self.facts
        telescopes = facts.integer("N_TELS")
        row.n_tels = telescopes if telescopes else None
        row.tellist = facts.text("TELLIST")
        row.quality = facts.integer("QUALITY")
        row.muoneff, row.nsblevel = facts.number("MUONEFF"), facts.number("NSBLEVEL")
        row.trgrate = facts.number("TRGRATE")
        row.creator = facts.text("CREATOR")
        row.dst_ver, row.cal_ver = facts.text("DST_VER"), facts.text("CAL_VER")


def _zero_point_difference_d(one: TimeReference, other: TimeReference) -> float:
    return (one.mjdref_int - other.mjdref_int) + (one.mjdref_frac - other.mjdref_frac)


def timestamp(written: str | None) -> str | None:
    """Return an ISO 8601 time as UTC without zone, None when it is absent or written otherwise."""
    if written is None:
        return None
    try:
        moment = datetime.datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat(timespec="seconds")
