# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample archive's products: what they are, that they agree with the simulation, and that gammapy opens them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import sample
from ingest.folder import Folder
from ingest.harvest import Harvest, harvest
from ingest.plan import Naming, Plan, make_plan
from tests.unit.fits_files import COLLECTION

KINDS = {
    "crab_counts_map.fits": ("image", "counts-map", "DL4"),
    "crab_counts_cube.fits": ("cube", "counts-cube", "DL4"),
    "crab_flux_points.fits": ("sed", "flux-points", "DL5"),
    "crab_light_curve.fits": ("timeseries", "light-curve", "DL5"),
    "crab_pha.fits": ("spectrum", "pha", "DL4"),
    "sources.fits": ("measurements", "source-list", "DL5"),
}


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.generate(tmp_path_factory.mktemp("sample") / "sample", runs=2).out / "products"


@pytest.fixture(scope="module")
def plan(products: Path) -> Plan:
    return make_plan(COLLECTION, Folder(products.parent), Naming("x.y", "cta/data/tests/"), {})


@pytest.fixture(scope="module")
def results(plan: Plan) -> dict[str, Harvest]:
    return {task.file.relpath: harvest(task, COLLECTION) for task in plan.tasks}


def test_products_are_what_they_are(results: dict[str, Harvest]) -> None:
    assert all(result.problems == [] for result in results.values())
    for name, expected in KINDS.items():
        row = results[f"products/{name}"].row
        assert row is not None
        assert (row.dataproduct_type, row.dataproduct_subtype, row.product_level) == expected
        if name != "sources.fits":
            assert row.target_name == "Crab Nebula" and row.target_class is not None
            assert row.s_ra == pytest.approx(83.63308, abs=1e-4)
    assert [name for name, result in results.items() if result.part is not None] == [
        f"products/crab_{kind}.fits" for kind in ("arf", "bkg", "rmf")
    ]
    assert len(results["products/sources.fits"].sources) == 6


def test_the_listing_leads_from_raw_data_to_products(plan: Plan, results: dict[str, Harvest]) -> None:
    assert {(path, severity) for path, severity, _ in plan.problems} == {
        (".sample.json", "info"),
        ("ctao_sim.provenance.log", "info"),
    }
    listed = [result.row for result in results.values() if result.is_listed]
    assert sorted(row.product_level for row in listed if row is not None) == ["DL0", "DL0", "DL1", "DL1", "DL2", "DL2"]
    parents = {row.obs_publisher_did: row.progenitor_did for row in plan.derivations}
    at, levels = "ivo://x.y/~?cta/data/tests/products/crab_pha.fits", []
    while at in parents:
        at = parents[at]
        levels.append(at.rpartition("/")[0].rpartition("/")[2])
    assert levels == ["public", "dl2", "dl1", "dl0"]


def test_a_single_run_has_no_products(tmp_path: Path) -> None:
    assert not (sample.generate(tmp_path / "one", runs=1).out / "products").exists()


def test_norms_agree_with_what_was_simulated(products: Path) -> None:
    data = fits.getdata(products / "crab_flux_points.fits", "FLUXPOINTS")
    pulls = (data["norm"] - 1.0) / data["norm_err"]
    # energy migration, which is neglected, lifts the lowest bins
    assert np.abs(pulls[2:]).max() < 4.0 and np.abs(data["norm"][:2] - 1.0).max() < 0.15
    assert (data["norm_ul"] > data["norm"]).all() and (data["ts"] > 25).all()
    # the profile is highest at the norm next to the best one
    nearest = data["norm_scan"][np.arange(8), data["dloglike_scan"].argmax(axis=1)]
    assert np.abs(nearest - data["norm"]).max() <= 0.2


def test_maps_and_cubes_count_events(products: Path) -> None:
    counts = fits.getdata(products / "crab_counts_map.fits")
    n_events = sum(len(fits.getdata(path, "EVENTS")) for path in (products.parent / "public").iterdir())
    assert 0.3 * n_events < counts.sum() < n_events
    assert np.unravel_index(counts.argmax(), counts.shape) in {(row, col) for row in (49, 50) for col in (49, 50)}
    assert fits.getdata(products / "crab_counts_cube.fits").sum() <= counts.sum()


def test_gammapy_opens_them(products: Path) -> None:
    estimators = pytest.importorskip("gammapy.estimators")
    from gammapy.datasets import SpectrumDatasetOnOff
    from gammapy.maps import Map

    points = estimators.FluxPoints.read(products / "crab_flux_points.fits")
    assert points.to_table(sed_type="dnde")["dnde"].shape == (8,)
    curve = estimators.FluxPoints.read(products / "crab_light_curve.fits", format="lightcurve")
    assert curve.flux.data.shape[0] == 6
    spectrum = SpectrumDatasetOnOff.read(products / "crab_pha.fits")
    excess = spectrum.excess.data[spectrum.mask_safe.data].sum()
    assert excess > 1000 and spectrum.counts_off.data.sum() > 0
    assert Map.read(products / "crab_counts_cube.fits").geom.axes.names == ["energy"]
