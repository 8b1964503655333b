# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut-outs of real and simulated files against gammapy's own selections on the full file.

gammapy tests circles in a plane tangent to their centre, where 1 deg is 1e-4
too long; so circles here are small enough for no event to lie in between, and
a test with larger ones compares spherical distances.
"""

from __future__ import annotations

import gzip
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time

import sample
from datalink.soda.overlap import DatasetBounds
from datalink.soda.responses import SharedResponse
from tests.unit.cutout_files import DL3, cut, cut_with, opened, raw_hdus, request

pytest.importorskip("regions")
pytest.importorskip("gammapy")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from gammapy.data import GTI, EventList, Observation
    from gammapy.maps import WcsGeom
    from regions import CircleSkyRegion, PolygonSkyRegion

RADIUS = 0.35
ENERGIES = (0.73, 4.1)
FACT_IRF = DL3 / "fact-joint-crab/fact_irf.fits"
CTA_IRF = DL3 / "cta-1dc/caldb/data/cta/1dc/bcf/South_z20_50h/irf_file.fits"
FULL = ("EFFECTIVE AREA", "ENERGY DISPERSION", "POINT SPREAD FUNCTION", "BACKGROUND")
REAL = {
    "hess": (DL3 / "hess-dl3-dr1/data/hess_dl3_dr1_obs_id_020136.fits.gz", None, ()),
    "hess-crab": (DL3 / "hess-joint-crab/data/hess_dl3_dr1_obs_id_023592.fits.gz", None, ()),
    "magic": (DL3 / "magic-joint-crab/run_05029748_DL3.fits", None, ()),
    "magic-rad-max": (DL3 / "magic-rad-max/data/20131004_05029748_DL3_CrabNebula-W0.40+215.fits", None, ()),
    "fact": (DL3 / "fact-joint-crab/20131103_103_dl3.fits", FACT_IRF, FULL[:2]),
    "cta-1dc": (DL3 / "cta-1dc/data/baseline/gps/gps_baseline_110380.fits", CTA_IRF, FULL),
    "ctools": (DL3 / "cta-ctools-iactdata/events/events_5.fits.gz", None, ()),
}
SAMPLE = ("sample-0", "sample-7", "sample-13")


@dataclass
class Run:
    """A file with what gammapy reads from it, and selections on it in SODA's and in gammapy's words."""

    path: Path
    irf: Path | None
    irf_names: tuple[str, ...]
    events: EventList = field(init=False)
    gti: GTI = field(init=False)

    def __post_init__(self) -> None:
        self.events, self.gti = EventList.read(self.path), GTI.read(self.path)
        header = fits.getheader(self.path, "EVENTS")
        pointing = SkyCoord(header["RA_PNT"], header["DEC_PNT"], unit="deg")
        self.centre = pointing.directional_offset_by(30 * u.deg, 0.2 * u.deg)
        self.vertices = [
            self.centre.directional_offset_by(angle * u.deg, size * u.deg)
            for angle, size in ((10, 0.9), (80, 1.1), (170, 0.5), (250, 0.8))
        ]
        self.circle = CircleSkyRegion(self.centre, RADIUS * u.deg)
        self.polygon = PolygonSkyRegion(SkyCoord([v.ra for v in self.vertices], [v.dec for v in self.vertices]))
        self.wcs = WcsGeom.create(skydir=self.centre, proj="TAN", binsz=0.02, width=5).wcs
        self.start, self.stop = float(self.gti.time_start[0].utc.mjd), float(self.gti.time_stop[-1].utc.mjd)
        limits = self.start + np.array([0.213, 0.678]) * (self.stop - self.start)
        self.times = Time(limits, format="mjd", scale="utc")
        self.asked = request(shared_responses=[SharedResponse(self.irf, name) for name in self.irf_names if self.irf])

    @property
    def parameters(self) -> dict[str, str]:
        """Return all filters by SODA parameter."""
        return {
            "CIRCLE": f"{direction(self.centre)} {RADIUS}",
            "POLYGON": " ".join(map(direction, self.vertices)),
            "TIME": " ".join(repr(float(limit)) for limit in self.times.mjd),
            "ENERGY": " ".join(map(str, ENERGIES)),
        }

    def selected(self, *names: str) -> EventList:
        """Return gammapy's selection."""
        events = self.events
        for name in names:
            if name == "CIRCLE":
                events = events.select_region(self.circle)
            elif name == "POLYGON":
                events = events.select_region(self.polygon, wcs=self.wcs)
            elif name == "TIME":
                events = events.select_time(self.times)
            else:
                events = events.select_energy(ENERGIES * u.TeV)
        return events

    def cut(self, *names: str) -> bytes:
        """Return the cut-out."""
        return cut_with(self.path, self.asked, **{name: self.parameters[name] for name in names})[0]


def direction(where: SkyCoord) -> str:
    return f"{float(where.ra.deg)!r} {float(where.dec.deg)!r}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> sample.Archive:
    return sample.generate(tmp_path_factory.mktemp("sample") / "default", jobs=1)


@pytest.fixture(scope="module", params=[*REAL, *SAMPLE])
def run(request: pytest.FixtureRequest, archive: sample.Archive) -> Run:
    if request.param in SAMPLE:
        return Run(archive.files[int(request.param.partition("-")[2])], None, ())
    path, irf, names = REAL[request.param]
    if not path.exists():
        pytest.skip(f"the shared data are not there ({path.name})")
    return Run(path, irf, names)


def ids(content: bytes) -> list[int]:
    return opened(content)["EVENTS"].data["EVENT_ID"].tolist()


@pytest.mark.parametrize(
    "names", [("CIRCLE",), ("POLYGON",), ("TIME",), ("ENERGY",), ("CIRCLE", "POLYGON", "TIME", "ENERGY")]
)
def test_the_events_are_those_gammapy_selects(run: Run, names: tuple[str, ...]) -> None:
    assert ids(run.cut(*names)) == run.selected(*names).table["EVENT_ID"].tolist()


def test_something_is_selected(run: Run) -> None:
    """The comparison above would also hold for selections of nothing."""
    for name in run.parameters:
        assert 0 < len(run.selected(name).table) < len(run.events.table)


@pytest.mark.parametrize("radius", [0.05, 0.8, 1.5, 5.0])
def test_circles_by_spherical_distance(run: Run, radius: float) -> None:
    table = run.events.table
    inside = run.centre.separation(run.events.radec).deg <= radius
    made = cut_with(run.path, run.asked, CIRCLE=f"{direction(run.centre)} {radius}")[0]
    assert ids(made) == table["EVENT_ID"][inside].tolist()


def test_band_is_energy(run: Run) -> None:
    band = " ".join(repr(1.239841984332e-18 / energy) for energy in reversed(ENERGIES))
    assert ids(cut(run.path, BAND=band)[0]) == ids(cut(run.path, ENERGY=run.parameters["ENERGY"])[0])


def test_good_time_is_what_gammapy_says(run: Run) -> None:
    hdus = opened(run.cut("TIME"))
    expected = run.gti.select_time(run.times)
    header = hdus["EVENTS"].header
    assert header["ONTIME"] == pytest.approx(expected.time_sum.to_value("s"), abs=1e-4)
    assert len(hdus["GTI"].data) == len(expected.table)
    before = fits.getheader(run.path, "EVENTS")
    if "LIVETIME" in before:
        assert header["LIVETIME"] == pytest.approx(before["DEADC"] * header["ONTIME"], rel=1e-9)
    unit = 1.0
    assert header["TSTART"] == pytest.approx(hdus["GTI"].data["START"].min() * unit, abs=1e-6)
    assert header["TSTOP"] == pytest.approx(hdus["GTI"].data["STOP"].max() * unit, abs=1e-6)


def test_disjoint_cuts_add_up(run: Run) -> None:
    limits = run.start + np.array([0.3, 0.55, 0.8]) * (run.stop - run.start)
    ends = ["-Inf", *(repr(float(limit)) for limit in limits), "Inf"]
    parts = [opened(cut(run.path, TIME=f"{low} {high}")[0]) for low, high in zip(ends[:-1], ends[1:], strict=True)]
    found = np.concatenate([part["EVENTS"].data["EVENT_ID"] for part in parts])
    assert sorted(found) == sorted(run.events.table["EVENT_ID"])
    assert sum(part["EVENTS"].header["ONTIME"] for part in parts) == pytest.approx(
        run.gti.time_sum.to_value("s"), abs=1e-4
    )


def test_gammapy_opens_it(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "cut.fits"
    path.write_bytes(run.cut("CIRCLE", "POLYGON", "TIME", "ENERGY"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        observation = Observation.read(path)
        whole = Observation.read(run.path, run.irf)
    assert len(observation.events.table) == len(run.selected(*run.parameters).table)
    assert observation.gti.time_sum.to_value("s") == pytest.approx(
        run.gti.select_time(run.times).time_sum.to_value("s"), abs=1e-4
    )
    assert set(observation.available_irfs) == set(whole.available_irfs)
    assert observation.obs_id == whole.obs_id
    assert EventList.read(path, checksum=True).table.meta["EXTNAME"] == "EVENTS"
    if observation.available_irfs and "aeff" in observation.available_irfs:
        np.testing.assert_array_equal(observation.aeff.data, whole.aeff.data)


def test_responses_keep_their_bytes(run: Run) -> None:
    made = raw_hdus(run.cut("CIRCLE", "TIME", "ENERGY"))
    content = run.path.read_bytes()
    before = raw_hdus(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    responses = [name for name in before if name not in ("PRIMARY", "EVENTS", "GTI")]
    for name in ("PRIMARY", *responses):
        assert made[name] == before[name]
    if run.irf is not None:
        shared = raw_hdus(run.irf.read_bytes())
        for name in run.irf_names:
            assert made[name] == shared[name]
    assert set(made) == {"PRIMARY", "EVENTS", "GTI", *responses, *run.irf_names}


def test_cutting_a_cut_out(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "cut.fits"
    path.write_bytes(run.cut("TIME", "POLYGON"))
    again, _ = cut(path, CIRCLE=run.parameters["CIRCLE"], ENERGY=run.parameters["ENERGY"], TIME=run.parameters["TIME"])
    assert ids(again) == run.selected(*run.parameters).table["EVENT_ID"].tolist()
    first, second = opened(path.read_bytes()), opened(again)
    assert raw_hdus(again)["GTI"][1] == raw_hdus(path.read_bytes())["GTI"][1]
    for key in ("TSTART", "TSTOP", "ONTIME"):
        assert first["EVENTS"].header[key] == second["EVENTS"].header[key]


def test_the_dates_follow_the_cut(run: Run) -> None:
    """Where a header has dates, they move as TSTART and TSTOP do."""
    before, after = fits.getheader(run.path, "EVENTS"), opened(run.cut("TIME"))["EVENTS"].header
    for date_key, time_key, limit in (
        ("DATE-OBS", "TIME-OBS", "TSTART"),
        ("DATE_OBS", "TIME_OBS", "TSTART"),
        ("DATE-END", "TIME-END", "TSTOP"),
    ):
        if date_key not in before:
            continue
        moments = []
        for header in (before, after):
            text = header[date_key] if "T" in header[date_key] else f"{header[date_key]}T{header[time_key]}"
            moments.append(Time(text, scale="tai"))
        # MAGIC's dates are off by 3.8 s from its TSTART and are mended by the way
        moved = (moments[1] - moments[0]).sec
        assert moved == pytest.approx(after[limit] - before[limit], abs=9.0)


def test_a_drift_instrument_with_many_intervals() -> None:
    """HAWC: TAI, 39 250 good time intervals, columns twice, text as OBS_ID."""
    path = DL3 / "hawc-crab-pass4/events/EventList_Crab_fHitbin8GP.fits.gz"
    if not path.exists():
        pytest.skip("the shared data are not there")
    events, gti = EventList.read(path), GTI.read(path)
    low, high = (float(limit) for limit in (gti.time_start[10000].utc.mjd + 1e-4, gti.time_start[20000].utc.mjd + 1e-4))
    times = Time([low, high], format="mjd", scale="utc")
    content, result = cut(path, DatasetBounds(event_type="8"), TIME=f"{low!r} {high!r}", EVENT_TYPE="8")
    assert result.n_events_out == len(events.select_time(times).table) > 0
    assert result.n_gti == len(gti.select_time(times).table)
    assert opened(content)["EVENTS"].header["ONTIME"] == pytest.approx(
        gti.select_time(times).time_sum.to_value("s"), rel=1e-9
    )
    assert result.file_name == "chunks_103_-_133_cutout.fits"


def test_utc_limits_about_the_start(run: Run) -> None:
    """One second before and one after TSTART, in UTC: a wrong scale would give nothing, or events of another minute."""
    second = 1 / 86400
    times = Time([run.start - second, run.start + 20 * second], format="mjd", scale="utc")
    expected = run.events.select_time(times).table["EVENT_ID"].tolist()
    content, _ = cut(run.path, TIME=f"{run.start - second!r} {run.start + 20 * second!r}")
    assert ids(content) == expected
    assert opened(content)["EVENTS"].header["ONTIME"] == pytest.approx(20, abs=1e-4)
