"""gammapy_lightcurve: fluxes in time, against plain gammapy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gammapy")

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from gammapy.data import DataStore
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import FluxPoints, LightCurveEstimator
from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion

from analysis.worker.job import JobError
from ingest.products.load import load_product
from ingest.products.recognise import Kind
from tests.unit.job_inputs import check_results, digests, make_job, run

PKS = {"hess-dl3-dr1": [33787, 33788]}
ASKED: dict[str, Any] = {"ra": 329.7167, "dec": -30.2256, "emin": 0.7, "emax": 20.0, "index": 3.4}


@pytest.fixture(scope="module")
def per_run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    job = make_job(tmp_path_factory.mktemp("curve") / "job", "gammapy_lightcurve", PKS, ASKED)
    run(job)
    return job


def plain_script(folder: Path) -> Table:
    edges = np.geomspace(0.7, 20.0, 16) * u.TeV
    centre = SkyCoord(329.7167, -30.2256, unit="deg")
    geom = RegionGeom.create(CircleSkyRegion(centre, 0.11 * u.deg), axes=[MapAxis.from_energy_edges(edges)])
    true = MapAxis.from_energy_bounds(0.21 * u.TeV, 60 * u.TeV, 50, name="energy_true")
    maker = SpectrumDatasetMaker(containment_correction=True, selection=["counts", "exposure", "edisp"])
    datasets = Datasets()
    for observation in DataStore.from_dir(folder).get_observations(PKS["hess-dl3-dr1"], required_irf="point-like"):
        empty = SpectrumDataset.create(geom=geom, energy_axis_true=true, name=str(observation.obs_id))
        dataset = ReflectedRegionsBackgroundMaker().run(maker.run(empty, observation), observation)
        datasets.append(SafeMaskMaker(methods=["aeff-max"], aeff_percent=10).run(dataset, observation))
    model = PowerLawSpectralModel(amplitude="1e-12 cm-2 s-1 TeV-1", index=3.4, reference="1 TeV")
    model.index.frozen = True
    datasets.models = [SkyModel(spectral_model=model, name="pks")]
    estimator = LightCurveEstimator(energy_edges=[0.7, 20.0] * u.TeV, source="pks", selection_optional=["ul"])
    return estimator.run(datasets).to_table(sed_type="flux", format="lightcurve")


def test_fluxes_of_the_flare_of_pks_2155_are_those_of_plain_gammapy(per_run: Any) -> None:
    check_results(per_run)
    expected = plain_script(per_run.data_folders[0])
    found = Table.read(per_run.results / "light_curve.ecsv")
    for name in ("flux", "flux_err", "flux_ul"):
        assert np.allclose(found[name], expected[name][:, 0], rtol=1e-6), name
    # the flare grew between the two runs
    assert found["flux"][1] > found["flux"][0] + 3 * (found["flux_err"][0] + found["flux_err"][1])


def test_times_are_those_of_the_runs_in_utc(per_run: Any) -> None:
    found = Table.read(per_run.results / "light_curve.vot")
    for row, obs_id in zip(found, PKS["hess-dl3-dr1"], strict=True):
        gti = DataStore.from_dir(per_run.data_folders[0]).obs(obs_id, required_irf=[]).gti
        assert row["time_min"] == pytest.approx(gti.time_start[0].utc.mjd, abs=1e-8)
        assert row["time_max"] == pytest.approx(gti.time_stop[-1].utc.mjd, abs=1e-8)
    curve = FluxPoints.read(per_run.results / "light_curve.fits", format="lightcurve")
    assert curve.geom.axes["time"].time_min[0].utc.mjd == pytest.approx(found["time_min"][0], abs=1e-8)
    assert load_product(per_run.results / "light_curve.fits").kind is Kind.LIGHT_CURVE


def test_bins_of_time_cut_the_runs(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_lightcurve", PKS, {**ASKED, "bin_minutes": 14.0})
    run(job)
    found = Table.read(job.results / "light_curve.ecsv")
    assert len(found) >= 4
    assert np.all(found["time_max"] - found["time_min"] <= 14.001 / 1440)
    assert np.all(np.diff(found["time_min"]) > 0)
    assert found["n_on"].sum() == Table.read(job.results / "runs.ecsv")["n_on"].sum()


def test_the_same_job_gives_the_same_bytes(per_run: Any, tmp_path: Path) -> None:
    again = make_job(tmp_path / "again", "gammapy_lightcurve", PKS, ASKED)
    run(again)
    assert digests(again.results) == digests(per_run.results)


def test_a_run_whose_effective_area_rises_below_the_range_is_used(tmp_path: Path) -> None:
    asked = {**ASKED, "emin": 1.0, "emax": 50.0}
    job = make_job(tmp_path / "job", "gammapy_lightcurve", {"hess-dl3-dr1": [33788, 33791]}, asked)
    run(job)
    assert list(Table.read(job.results / "runs.ecsv")["used"]) == [True, True]


def test_without_an_index_the_spectrum_is_fitted(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_lightcurve", PKS, {**ASKED, "index": None})
    run(job)
    meta = Table.read(job.results / "runs.ecsv").meta
    assert meta["index_is"] == "fitted" and 3.0 < meta["index"] < 4.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bin_minutes": 0.01}, "more than 1000 bins"),
        ({"ra": 20.0}, "outside of its field of view"),
        ({"emin": 30.0}, "below emax"),
    ],
)
def test_mistakes_are_told(change: dict[str, float], words: str, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_lightcurve", PKS, {**ASKED, **change})
    with pytest.raises(JobError, match=words):
        run(job)
