"""gammapy_maps: the maps are those of plain gammapy, and mistakes are told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("gammapy")

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from gammapy.data import DataStore
from gammapy.datasets import MapDataset
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import MapDatasetMaker, RingBackgroundMaker
from gammapy.maps import Map, MapAxis, WcsGeom
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from regions import CircleSkyRegion

from analysis.worker.job import JobError
from tests.unit.job_inputs import CRAB, check_results, digests, make_job, run

SMALL = {"ra": 83.633, "dec": 22.014, "nxpix": 120, "nypix": 80, "binsz": 0.025, "emin": 0.6, "emax": 20.0}


def test_maps_of_the_crab_are_those_of_plain_gammapy(tmp_path: Path) -> None:
    job = make_job(tmp_path, "gammapy_maps", CRAB, SMALL)
    run(job)
    check_results(job)

    observations = DataStore.from_dir(job.data_folders[0]).get_observations([23559, 23592])
    centre = SkyCoord(83.633, 22.014, unit="deg")
    axis = MapAxis.from_energy_bounds(0.6 * u.TeV, 20 * u.TeV, 10)
    geom = WcsGeom.create(skydir=centre, binsz=0.025, npix=(120, 80), axes=[axis], proj="TAN")
    counts = Map.from_geom(geom)
    stacked = MapDataset.create(geom)
    for observation in observations:
        counts.fill_events(observation.events)
        maker = MapDatasetMaker(selection=["counts", "background"])
        stacked.stack(maker.run(MapDataset.create(geom), observation))
    image = stacked.to_image()
    assert np.array_equal(Map.read(job.results / "counts.fits").data, counts.data.sum(axis=0))
    assert counts.data.sum() > 1000

    mask = image.counts.geom.region_mask([CircleSkyRegion(centre, 0.3 * u.deg)], inside=False)
    ring = RingBackgroundMaker(0.5 * u.deg, 0.3 * u.deg, exclusion_mask=mask).run(image)
    found = ExcessMapEstimator(0.1 * u.deg, correlate_off=False).run(ring)
    significance = Map.read(job.results / "significance.fits")
    assert np.allclose(significance.data, found["sqrt_ts"].data[0], equal_nan=True, rtol=1e-4, atol=1e-4)
    assert significance.get_by_coord(centre)[0] > 20
    totals = Table.read(job.results / "runs.ecsv")
    assert totals.meta["counts"] == counts.data.sum() == totals["counts"].sum()


def test_excess_is_counts_minus_background(tmp_path: Path) -> None:
    for background in ("ring", "fov", "irf"):
        job = make_job(tmp_path / background, "gammapy_maps", CRAB, {**SMALL, "background": background})
        run(job)
        counts, expected, excess = (
            fits.getdata(job.results / f"{kind}.fits") for kind in ("counts", "background", "excess")
        )
        assert np.allclose(excess, counts - expected, equal_nan=True)
        assert Map.read(job.results / "significance.fits").data.max() > 15
        assert fits.getheader(job.results / "counts.fits")["BKGMETH"] == background


def test_the_same_job_gives_the_same_bytes(tmp_path: Path) -> None:
    jobs = [make_job(tmp_path / name, "gammapy_maps", CRAB, SMALL) for name in ("a", "b")]
    for job in jobs:
        run(job)
    assert digests(jobs[0].results) == digests(jobs[1].results)


def test_without_position_the_target_of_the_runs_is_the_centre(tmp_path: Path) -> None:
    small = {key: value for key, value in SMALL.items() if key not in ("ra", "dec")}
    job = make_job(tmp_path, "gammapy_maps", CRAB, small)
    run(job)
    header = fits.getheader(job.results / "counts.fits")
    assert header["CRVAL1"] == pytest.approx(83.633, abs=0.01)
    assert header["OBJECT"] == "Crab Nebula"
    with Image.open(job.results / "significance.png") as picture:
        assert picture.size == (600, 600)


def test_events_beyond_the_largest_offset_are_left_out(tmp_path: Path) -> None:
    job = make_job(tmp_path, "gammapy_maps", CRAB, {**SMALL, "offset_max": 1.6})
    run(job)
    counts = Map.read(job.results / "counts.fits")
    offsets = [
        counts.geom.separation(observation.get_pointing_icrs(observation.tmid)).deg
        for observation in DataStore.from_dir(job.data_folders[0]).get_observations()
    ]
    assert counts.data[np.min(offsets, axis=0) > 1.6].sum() == 0 < counts.data.sum()


def test_large_maps_take_their_background_from_a_coarser_grid(tmp_path: Path) -> None:
    fine, usual = (
        make_job(
            tmp_path / str(size),
            "gammapy_maps",
            CRAB,
            {**SMALL, "binsz": 2.4 / size, "nxpix": size, "nypix": size, "background": "irf"},
        )
        for size in (720, 240)
    )
    totals = []
    for job in (fine, usual):
        run(job)
        totals.append(Table.read(job.results / "runs.ecsv").meta["background"])
    assert totals[0] == pytest.approx(totals[1], rel=2e-3)


def test_a_run_that_two_collections_have_counts_once(tmp_path: Path) -> None:
    one, both = (make_job(tmp_path / name, "gammapy_maps", CRAB, SMALL) for name in ("one", "both"))
    shutil.copytree(both.data_folders[0], both.inputs / "other")
    run(one)
    run(both)
    totals = [Table.read(job.results / "runs.ecsv") for job in (one, both)]
    assert totals[0].meta["counts"] == totals[1].meta["counts"]
    assert all("used once" in note for note in totals[1]["note"])


def test_a_run_far_away_is_told_and_not_used(tmp_path: Path) -> None:
    job = make_job(tmp_path, "gammapy_maps", {"hess-dl3-dr1": [23559, 33787]}, SMALL)
    run(job)
    table = Table.read(job.results / "runs.ecsv")
    assert dict(zip(table["obs_id"].tolist(), table["used"].tolist(), strict=True)) == {23559: True, 33787: False}
    assert "nothing of this run is in the map" in table["note"][list(table["obs_id"]).index(33787)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ra": 10.0, "dec": -80.0}, "no run has events in the map"),
        ({"emin": 5.0, "emax": 2.0}, "below emax"),
        ({"emin": 2.0, "emax": 2.0}, "below emax"),
        ({"emin": float("nan")}, "below emax"),
        ({"ra": float("nan")}, "finite"),
        ({"nxpix": 2000, "binsz": 5.0}, "at most 90 deg"),
    ],
)
def test_mistakes_are_told(change: dict[str, float], words: str, tmp_path: Path) -> None:
    job = make_job(tmp_path, "gammapy_maps", CRAB, {**SMALL, **change})
    with pytest.raises(JobError, match=words):
        run(job)


def test_a_position_of_half_a_pair_is_told(tmp_path: Path) -> None:
    job = make_job(tmp_path, "gammapy_maps", CRAB, {"ra": 83.6})
    with pytest.raises(JobError, match="dec is missing"):
        run(job)


def test_runs_without_background_are_told(tmp_path: Path) -> None:
    job = make_job(tmp_path, "gammapy_maps", {"magic-joint-crab": [5029748]}, SMALL)
    with pytest.raises(JobError, match="no bkg response"):
        run(job)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nxpix=st.integers(1, 40),
    nypix=st.integers(1, 40),
    binsz=st.floats(0.01, 1.0),
    dec=st.floats(-90.0, 90.0),
    ra=st.floats(0.0, 360.0),
    emin=st.floats(1e-3, 1e3),
    factor=st.floats(1.0 + 1e-9, 1e5),
    background=st.sampled_from(["ring", "fov", "irf"]),
)
def test_any_allowed_values_give_maps_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory,
    nxpix: int,
    nypix: int,
    binsz: float,
    dec: float,
    ra: float,
    emin: float,
    factor: float,
    background: str,
) -> None:
    values = {"nxpix": nxpix, "nypix": nypix, "binsz": binsz, "ra": ra, "dec": dec}
    values |= {"emin": emin, "emax": emin * factor}
    for position in ({}, {"ra": 83.6, "dec": 22.0}):
        asked = {**values, **position, "background": background}
        job = make_job(tmp_path_factory.mktemp("job") / "j", "gammapy_maps", {"hess-dl3-dr1": [23559]}, asked)
        try:
            run(job)
        except JobError as exc:
            assert str(exc).endswith(".")
        else:
            assert Map.read(job.results / "counts.fits").data.shape == (nypix, nxpix)
