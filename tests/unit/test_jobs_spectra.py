"""gammapy_spectra: the flux points are those of a plain gammapy script, and mistakes are told."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gammapy")

import numpy as np
from astropy.io.votable import parse_single_table
from astropy.table import Table
from gammapy.datasets import SpectrumDatasetOnOff
from gammapy.estimators import FluxPoints
from gammapy.modeling.models import Models
from PIL import Image

from analysis.worker.job import JobError
from ingest.products.load import load_product
from ingest.products.recognise import Kind
from tests.plain_gammapy import crab_flux_points
from tests.unit.job_inputs import CRAB, check_results, digests, make_job, run

ASKED: dict[str, Any] = {"ra": 83.633, "dec": 22.014, "emin": 0.6, "emax": 30.0, "nbins": 6}


@pytest.fixture(scope="module")
def crab(tmp_path_factory: pytest.TempPathFactory) -> Any:
    job = make_job(tmp_path_factory.mktemp("spectra") / "job", "gammapy_spectra", CRAB, ASKED)
    run(job)
    return job


def test_flux_points_of_the_crab_are_those_of_a_plain_script(crab: Any) -> None:
    check_results(crab)
    expected = crab_flux_points(crab.data_folders[0]).to_table(sed_type="dnde")
    found = FluxPoints.read(crab.results / "flux_points.fits", sed_type="dnde").to_table(sed_type="dnde")
    assert len(found) == 6
    for name in ("e_ref", "e_min", "e_max", "dnde", "dnde_err", "dnde_errn", "dnde_errp", "dnde_ul", "sqrt_ts"):
        assert np.allclose(found[name], expected[name], rtol=1e-9, equal_nan=True), name


def test_the_three_forms_of_the_flux_points_agree(crab: Any) -> None:
    tables = [
        Table.read(crab.results / "flux_points.fits", hdu=1),
        Table.read(crab.results / "flux_points.ecsv"),
        parse_single_table(crab.results / "flux_points.vot").to_table(),
    ]
    for table in tables:
        assert np.array_equal(table["dnde"], tables[0]["dnde"])
        assert np.asarray(table["stat_scan"]).shape == (6, 31)
    for path in (crab.results / "flux_points.fits", crab.results / "flux_points.ecsv"):
        assert load_product(path).kind is Kind.FLUX_POINTS


def test_the_fitted_model_is_told_as_a_table_and_as_gammapy_reads_it(crab: Any) -> None:
    table = Table.read(crab.results / "fit_result.ecsv")
    assert table.meta["converged"]
    (model,) = Models.read(crab.results / "model.yaml")
    for row in table:
        parameter = model.spectral_model.parameters[row["name"]]
        assert parameter.value == pytest.approx(row["value"], rel=1e-12)
        assert parameter.error == pytest.approx(row["error"], rel=1e-12)
    index = model.spectral_model.index
    assert abs(index.value - 2.63) < 4 * index.error


def test_the_spectra_of_the_runs_can_be_read_again(crab: Any, tmp_path: Path) -> None:
    with tarfile.open(crab.results / "ogip.tar") as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            (tmp_path / member.name).write_bytes(content.read())
    counts = sum(
        SpectrumDatasetOnOff.read(tmp_path / f"pha_obs{obs_id}.fits").counts.data.sum() for obs_id in (23559, 23592)
    )
    runs = Table.read(crab.results / "runs.ecsv")
    # runs are counted in the safe range alone
    assert counts >= runs["n_on"].sum() == runs.meta["n_on"] > 100
    assert Table.read(crab.results / "counts.ecsv")["n_on"].sum() >= runs.meta["n_on"]
    with Image.open(io.BytesIO((crab.results / "sed.png").read_bytes())) as picture:
        assert picture.format == "PNG" and not picture.info.get("Software")


def test_the_same_job_gives_the_same_bytes(crab: Any, tmp_path: Path) -> None:
    again = make_job(tmp_path / "again", "gammapy_spectra", CRAB, ASKED)
    run(again)
    assert digests(again.results) == digests(crab.results)


@pytest.mark.parametrize("model", ["ecpl", "lp"])
def test_other_models_fit_the_crab(model: str, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_spectra", CRAB, {**ASKED, "model": model, "nbins": 2})
    run(job)
    assert Table.read(job.results / "fit_result.ecsv").meta["model"] == model


def test_a_run_that_two_collections_have_counts_once(crab: Any, tmp_path: Path) -> None:
    job = make_job(
        tmp_path / "job",
        "gammapy_spectra",
        {"hess-dl3-dr1": [23592], "hess-joint-crab": [23559, 23592]},
        {**ASKED, "nbins": 1},
    )
    run(job)
    table = Table.read(job.results / "runs.ecsv")
    assert len(table) in (2, 3)
    assert len(set(table["obs_id"].tolist())) == 2


def test_different_runs_of_the_same_number_are_both_used(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_spectra", CRAB, {**ASKED, "nbins": 1})
    other = make_job(tmp_path / "other", "gammapy_spectra", {"hess-dl3-dr1": [23592]})
    copied = job.inputs / "other"
    shutil.copytree(other.data_folders[0], copied)
    for name in ("obs-index.fits.gz", "hdu-index.fits.gz"):
        table = Table.read(copied / name, hdu=1)
        table["OBS_ID"] = 23559
        table.write(copied / name, overwrite=True)
    run(job)
    table = Table.read(job.results / "runs.ecsv")
    assert sorted(table["obs_id"].tolist()) == [23559, 23559, 23592]
    assert table["used"].all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ra": 10.0}, "outside of its field of view"),
        ({"ra": 85.253334, "dec": 22.014444}, "pointing position"),
        ({"on_radius": 1.9}, "pointing position"),
        ({"emin": 40.0}, "below emax"),
        ({"exclusion_ra": 83.6}, "exclusion_dec"),
        ({"exclusion_ra": 85.25, "exclusion_dec": 22.01, "exclusion_radius": 4.0}, "no room for an off region"),
        ({"emin": 1e-4, "emax": 2e-4}, "too small in this energy range"),
    ],
)
def test_mistakes_are_told(change: dict[str, float], words: str, tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "gammapy_spectra", {"hess-dl3-dr1": [23559]}, {**ASKED, **change})
    with pytest.raises(JobError, match=words):
        run(job)


def test_an_empty_region_gives_counts_without_a_fit(tmp_path: Path) -> None:
    elsewhere = {**ASKED, "ra": 84.4, "dec": 23.0, "emin": 14.0, "emax": 19.0}
    job = make_job(tmp_path / "job", "gammapy_spectra", {"hess-dl3-dr1": [23559]}, elsewhere)
    run(job)
    check_results(job)
    assert not len(Table.read(job.results / "fit_result.ecsv"))
    assert "too few" in Table.read(job.results / "fit_result.ecsv").meta["note"]
    assert not (job.results / "flux_points.fits").exists()


@pytest.mark.parametrize(
    ("name", "obs_id", "on_radius"),
    [
        ("magic-joint-crab", 5029748, 0.141421),
        ("magic-rad-max", 5029748, 0.1),
        ("fact-joint-crab", 20131103103, 0.1732),
    ],
)
def test_point_like_responses(name: str, obs_id: int, on_radius: float, tmp_path: Path) -> None:
    asked = {**ASKED, "emin": 0.3, "emax": 10.0, "nbins": 2, "on_radius": on_radius}
    job = make_job(tmp_path / "job", "gammapy_spectra", {name: [obs_id]}, asked)
    run(job)
    (row,) = Table.read(job.results / "runs.ecsv")
    assert row["used"] and row["n_on"] > 0, row
