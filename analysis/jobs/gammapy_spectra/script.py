"""Spectrum of a position: reflected regions, joint fit, flux points with likelihood profiles (gammapy)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from gammapy.datasets import Datasets
from gammapy.estimators import FluxPointsEstimator

from analysis.gammapy_tools.flux_files import write_flux_points
from analysis.gammapy_tools.plots import draw_counts_spectrum, draw_sed
from analysis.gammapy_tools.run_table import write_runs
from analysis.gammapy_tools.selection import Run, open_runs, position, target_name
from analysis.gammapy_tools.spectra import (
    MODELS,
    SOURCE,
    counts_of,
    extract,
    extraction,
    fit,
    kept,
    result_edges,
)
from analysis.gammapy_tools.writing import fits_bytes, model_text, write_table, write_tar
from analysis.worker.job import Job

# Profiles of the likelihood: norms relative to the fitted model.
_SCAN = {"scan_min": 0.1, "scan_max": 10.0, "scan_n_values": 31, "interp": "log"}


def run(job: Job) -> None:
    """Make the spectrum.

    Raises
    ------
    JobError
        When the parameters or the data do not allow it.
    """
    runs = open_runs(job, ("aeff", "edisp"))
    centre = position(job, runs)
    extracted = extract(runs, extraction(job, centre, job.parameters["nbins"]))
    datasets = kept(extracted, runs)
    _write_counts(job, runs, centre, extracted, datasets)
    result = fit(datasets, job.parameters["model"])
    _write_fit(job, datasets, result)
    if result is None:
        return
    estimator = FluxPointsEstimator(
        energy_edges=result_edges(job, job.parameters["nbins"]),
        source=SOURCE,
        selection_optional=["errn-errp", "ul", "scan"],
        norm=_SCAN,
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        points = estimator.run(datasets)
    write_flux_points(job.results, points)
    name = target_name(runs, centre)
    words = f"{MODELS[job.parameters['model']]} · {len(datasets)} {'run' if len(datasets) == 1 else 'runs'}"
    draw_sed(job.results / "sed.png", points, datasets.models[SOURCE].spectral_model, name, words)


def _write_counts(
    job: Job, runs: Sequence[Run], centre: SkyCoord, extracted: Sequence[Any | None], datasets: Datasets
) -> None:
    """Write the runs, the summed spectrum, and the spectra of the runs as OGIP files."""
    stacked = datasets.stack_reduce(name="stacked")
    total = counts_of(stacked)
    totals = {key: total[key] for key in ("n_on", "n_off", "excess", "sqrt_ts")}
    totals |= {"ra_deg": float(centre.ra.deg), "dec_deg": float(centre.dec.deg), "n_runs_used": len(datasets)}
    write_runs(job.results, runs, centre, [counts_of(dataset) for dataset in extracted], totals)
    energy = stacked.counts.geom.axes["energy"]
    table = Table()
    table["e_min"], table["e_max"] = energy.edges_min.to("TeV"), energy.edges_max.to("TeV")
    table["n_on"] = stacked.counts.data.ravel().astype(int)
    table["n_off"] = stacked.counts_off.data.ravel().astype(int)
    table["background"] = stacked.background.data.ravel()
    table["excess"] = stacked.excess.data.ravel()
    table["safe"] = stacked.mask_safe.data.ravel()
    table.meta.update(totals)
    write_table(job.results / "counts.ecsv", table)
    draw_counts_spectrum(job.results / "counts.png", table, target_name(runs, centre))
    _write_ogip(job, datasets)
    print(f"{total['n_on']} on counts, excess {total['excess']:.1f}, {total['sqrt_ts']:.1f} sigma.")


def _write_ogip(job: Job, datasets: Datasets) -> None:
    folder = job.work / "ogip"
    folder.mkdir(exist_ok=True)
    for dataset in datasets:
        dataset.write(folder / f"pha_obs{dataset.name}.fits", format="ogip", overwrite=True)
    write_tar(job.results / "ogip.tar", [(path.name, fits_bytes(path)) for path in sorted(folder.iterdir())])


def _write_fit(job: Job, datasets: Datasets, result: Any | None) -> None:
    table = Table(names=("name", "value", "error", "unit", "frozen"), dtype=("U16", float, float, "U32", bool))
    if result is None:
        table.meta["note"] = "too few counts or no excess: nothing was fitted"
        write_table(job.results / "fit_result.ecsv", table)
        return
    model = datasets.models[SOURCE]
    for parameter in model.spectral_model.parameters:
        unit = parameter.unit.to_string()
        table.add_row((parameter.name, parameter.value, parameter.error, unit, parameter.frozen))
    table.meta |= {"model": job.parameters["model"], "converged": bool(result.success)}
    table.meta |= {"total_stat": float(result.total_stat), "statistic": "wstat", "n_datasets": len(datasets)}
    write_table(job.results / "fit_result.ecsv", table)
    (job.results / "model.yaml").write_text(model_text(datasets.models), encoding="utf-8")
