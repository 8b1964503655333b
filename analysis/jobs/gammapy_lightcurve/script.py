"""Light curve of a position: integral flux in runs or in bins of time (gammapy)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.time import Time
from gammapy.datasets import Datasets
from gammapy.estimators import LightCurveEstimator

from analysis.gammapy_tools.flux_files import write_light_curve
from analysis.gammapy_tools.plots import draw_light_curve
from analysis.gammapy_tools.run_table import write_runs
from analysis.gammapy_tools.selection import Run, energy_range, number, open_runs, position, target_name
from analysis.gammapy_tools.spectra import SOURCE, Extraction, counts_of, extract, extraction, fit, kept, spectral_model
from analysis.worker.job import Job, JobError

MAX_BINS = 1000
_MINUTE_D = 1.0 / 1440.0


def run(job: Job) -> None:
    """Make the light curve.

    Raises
    ------
    JobError
        When the parameters or the data do not allow it.
    """
    runs = open_runs(job, ("aeff", "edisp"))
    centre = position(job, runs)
    how = extraction(job, centre, 1)
    extracted = extract(runs, how)
    datasets = kept(extracted, runs)
    totals = {"ra_deg": float(centre.ra.deg), "dec_deg": float(centre.dec.deg), "n_runs_used": len(datasets)}
    totals |= _set_model(job, datasets)
    write_runs(job.results, runs, centre, [counts_of(dataset) for dataset in extracted], totals)
    used = [run for run, dataset in zip(runs, extracted, strict=True) if dataset is not None]
    minutes = number(job, "bin_minutes")
    intervals = None
    if minutes is not None:
        intervals = _intervals(used, minutes)
        datasets = _split(used, how, intervals, datasets)
    curve = _estimate(job, datasets, intervals)
    table = write_light_curve(job.results, curve)
    low, high = energy_range(job)
    binning = "per run" if minutes is None else f"bins of {minutes:g} min"
    draw_light_curve(
        job.results / "light_curve.png",
        table,
        target_name(runs, centre),
        f"{low.value:g}–{high.value:g} TeV · {binning} · power law of index {totals['index']:.2f}",
        "Flux (cm⁻² s⁻¹)",
    )
    print(f"{len(table)} bins in time from {len(used)} of {len(runs)} runs.")


def _set_model(job: Job, datasets: Datasets) -> dict[str, Any]:
    """Set a power law on the spectra, of the index asked for, else of that which fits them together."""
    index = number(job, "index")
    fitted = fit(datasets, "pl") if index is None else None
    if fitted is None:
        model = spectral_model("pl")
        model.spectral_model.index.value = 2.5 if index is None else index
        datasets.models = [model]
    model = datasets.models[SOURCE].spectral_model
    for parameter in model.parameters:
        parameter.frozen = parameter.name != "amplitude"
    origin = "fitted" if fitted is not None else "assumed" if index is None else "given"
    print(f"power law of index {model.index.value:.3f} ({origin}).")
    return {"index": float(model.index.value), "index_is": origin}


def _intervals(runs: Sequence[Run], minutes: float) -> list[Time]:
    """Return the bins with any good time, counted from the start of the first run.

    Raises
    ------
    JobError
        When they are too many.
    """
    width = minutes * _MINUTE_D
    starts = np.concatenate([np.atleast_1d(run.observation.gti.time_start.tt.mjd) for run in runs])
    stops = np.concatenate([np.atleast_1d(run.observation.gti.time_stop.tt.mjd) for run in runs])
    first = float(starts.min())
    numbers: set[int] = set()
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        # a bin of which less than a thousandth is good time is not worth one
        low, high = (start - first) / width, (stop - first) / width
        numbers.update(range(math.floor(low + 1e-3), math.ceil(high - 1e-3)))
        if len(numbers) > MAX_BINS:
            raise JobError(f"bin_minutes = {minutes:g} makes more than {MAX_BINS} bins; use longer ones.")
    edges = [(first + n * width, first + (n + 1) * width) for n in sorted(numbers)]
    return [Time(edge, format="mjd", scale="tt") for edge in edges]


def _split(runs: Sequence[Run], how: Extraction, intervals: Sequence[Time], whole: Datasets) -> Datasets:
    """Return the spectra of all bins of all runs."""
    pieces = []
    for run in runs:
        for n_bin, interval in enumerate(intervals):
            observation = run.observation.select_time(interval)
            if observation.gti.table is None or not len(observation.gti.table):
                continue
            piece = Run(
                observation=observation,
                name=f"{run.name}-bin{n_bin}",
                obs_id=run.obs_id,
                telescope=run.telescope,
                publisher_did=run.publisher_did,
                folder=run.folder,
                pointing=run.pointing,
                target=run.target,
                target_name=run.target_name,
            )
            pieces.append(piece)
    datasets = kept(extract(pieces, how), pieces)
    datasets.models = whole.models
    return datasets


def _estimate(job: Job, datasets: Datasets, intervals: Sequence[Time] | None) -> Any:
    low, high = energy_range(job)
    if intervals is None:
        intervals = [Time([dataset.gti.time_start[0].tt, dataset.gti.time_stop[-1].tt]) for dataset in datasets]
        intervals = _merged(sorted(intervals, key=lambda interval: float(interval[0].mjd)))
    estimator = LightCurveEstimator(
        energy_edges=u.Quantity([low, high]),
        time_intervals=list(intervals),
        source=SOURCE,
        reoptimize=False,
        selection_optional=["ul"],
        atol=1e-3 * u.s,
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return estimator.run(datasets)


def _merged(intervals: Sequence[Time]) -> list[Time]:
    """Join intervals that overlap, as those of several telescopes or event types of one run do."""
    merged: list[Time] = []
    for interval in intervals:
        if merged and interval[0] < merged[-1][1]:
            merged[-1] = Time([merged[-1][0], max(merged[-1][1], interval[1])])
        else:
            merged.append(interval)
    return merged
