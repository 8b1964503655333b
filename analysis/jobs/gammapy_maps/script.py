"""Counts, background, excess and significance on the sky (gammapy)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.datasets import MapDataset
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import FoVBackgroundMaker, MapDatasetMaker, RingBackgroundMaker
from gammapy.maps import Map, MapAxis, WcsGeom
from regions import CircleSkyRegion

from analysis.gammapy_tools.map_pictures import write_map_picture
from analysis.gammapy_tools.run_table import write_runs
from analysis.gammapy_tools.selection import Run, energy_range, number, open_runs, position, target_name
from analysis.gammapy_tools.writing import write_map
from analysis.worker.job import Job, JobError

# The background is integrated over energy in steps, since it is no single power law.
_BINS_PER_DECADE = 6
_MOST_BACKGROUND_PIXELS = 250_000
_WIDEST_DEG = 90.0


def run(job: Job) -> None:
    """Make the maps.

    Raises
    ------
    JobError
        When the parameters or the data do not allow it.
    """
    runs = open_runs(job, ("bkg",))
    centre = position(job, runs, or_pointing=True)
    geom = _geometry(job, centre)
    stacked, numbers = _stack(job, runs, geom)
    if not any(row["used"] for row in numbers):
        raise JobError(
            "no run has events in the map in this energy range; the nearest run points"
            f" {min(run.offset_deg(centre) for run in runs):.2f} deg from its centre. Check ra, dec, emin and emax."
        )
    maps = {"counts": stacked.counts, "background": stacked.background}
    found = _significance(job, stacked, centre, maps)
    maps |= {"excess": maps["counts"] - maps["background"], "significance": found["sqrt_ts"]}
    # single pixels have a count or none, so pictures show what is within the correlation radius
    shown = {**maps, "counts": found["counts"], "excess": found["npred_excess"]}
    _write(job, runs, centre, maps, numbers)
    _draw(job, target_name(runs, centre), shown, sum(row["used"] for row in numbers))


def _geometry(job: Job, centre: SkyCoord) -> Any:
    """Return the geometry of the map, with all energies in one bin."""
    low, high = energy_range(job)
    binsz, shape = job.parameters["binsz"], (job.parameters["nxpix"], job.parameters["nypix"])
    if binsz * max(shape) > _WIDEST_DEG:
        raise JobError(
            f"the map would be {binsz * max(shape):g} deg wide; at most {_WIDEST_DEG:g} deg are made. Reduce binsz,"
            " nxpix or nypix."
        )
    energy = MapAxis.from_energy_edges([low, high])
    return WcsGeom.create(skydir=centre, binsz=binsz, npix=shape, axes=[energy], frame="icrs", proj="TAN")


def _stack(job: Job, runs: Sequence[Run], geom: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Return the sum of all runs, and for each run what it contributes."""
    offset_max = number(job, "offset_max")
    stacked, numbers = _dataset(geom, "stacked", np.zeros(geom.data_shape, dtype=bool)), []
    for run in runs:
        inside = np.ones(geom.data_shape, dtype=bool)
        if offset_max is not None:
            inside &= geom.separation(run.pointing).to_value("deg") <= offset_max
        dataset = _dataset(geom, run.name, inside)
        dataset.counts.fill_events(run.observation.events)
        dataset.background = _background(run, geom)
        if job.parameters["background"] == "fov":
            dataset = _fov_background(job, run, dataset, geom)
        counts = int(dataset.counts.data[inside].sum())
        background = float(np.nansum(dataset.background.data[inside]))
        used = counts > 0 or background > 0.0
        if used:
            stacked.stack(dataset)
        else:
            run.notes.append("nothing of this run is in the map")
            print(f"note: nothing of run {run.name} is in the map.")
        numbers.append({"used": used, "counts": counts, "background_model": background})
    return stacked, numbers


def _dataset(geom: Any, name: str, inside: Any) -> Any:
    empty = {"counts": Map.from_geom(geom), "background": Map.from_geom(geom)}
    return MapDataset(**empty, mask_safe=Map.from_geom(geom, data=inside), name=name)


def _background(run: Run, geom: Any) -> Any:
    """Return the background of a run by its model, evaluated in fine bins of energy.

    Maps of very many pixels get it from a coarser grid: the model is smooth, and memory is not endless.
    """
    low, high = geom.axes["energy"].edges
    n_bins = max(1, math.ceil(_BINS_PER_DECADE * math.log10(high / low)))
    cube = geom.to_image().to_cube([MapAxis.from_energy_bounds(low, high, n_bins)])
    n_pixels = math.prod(geom.to_image().data_shape)
    coarser = math.ceil(math.sqrt(n_pixels / _MOST_BACKGROUND_PIXELS))
    if coarser > 1:
        height, width = geom.to_image().data_shape
        cube = WcsGeom.create(
            skydir=geom.center_skydir,
            binsz=float(geom.pixel_scales[0].to_value("deg")) * coarser,
            # a margin, so that no pixel of the map is at its edge
            npix=(width // coarser + 3, height // coarser + 3),
            axes=list(cube.axes),
            frame="icrs",
            proj="TAN",
        )
    # of a model that ends within the map, gammapy takes logarithms of 0
    with np.errstate(all="ignore"):
        model = MapDatasetMaker(selection=["background"]).make_background(cube, run.observation)
    summed = model.sum_over_axes(["energy"], keepdims=True)
    if coarser > 1:
        summed = summed.interp_to_geom(geom, preserve_counts=True)
    return Map.from_geom(geom, data=np.nan_to_num(summed.data))


def _fov_background(job: Job, run: Run, dataset: Any, geom: Any) -> Any:
    exclusion = _exclusion(job, geom.to_image(), geom.center_skydir)
    inside = dataset.mask_safe.data.copy()
    fitted = FoVBackgroundMaker(method="scale", exclusion_mask=exclusion).run(dataset)
    if not fitted.mask_safe.data.any():
        run.notes.append("the background could not be scaled to the field; the model is used as it is")
        print(f"note: run {run.name}: {run.notes[-1]}.")
        fitted.mask_safe.data[...] = inside
        fitted.models = None
        return fitted
    fitted.background = fitted.npred_background()
    fitted.models = None
    return fitted


def _exclusion(job: Job, geom: Any, centre: SkyCoord) -> Any:
    radius = job.parameters["exclusion_radius"]
    if radius <= 0.0:
        return Map.from_geom(geom, data=np.ones(geom.data_shape, dtype=bool))
    return geom.region_mask([CircleSkyRegion(centre, radius * u.deg)], inside=False)


def _significance(job: Job, image: Any, centre: SkyCoord, maps: dict[str, Any]) -> Any:
    """Return what the estimator finds; with a ring, its background becomes that of `maps`.

    The significance is that of Li & Ma (1983) with a ring, and of Cash with a known background.
    """
    if job.parameters["background"] == "ring":
        inner, width = job.parameters["ring_radius"], job.parameters["ring_width"]
        exclusion = _exclusion(job, image.counts.geom, centre)
        image = RingBackgroundMaker(inner * u.deg, width * u.deg, exclusion_mask=exclusion).run(image)
        maps["background"] = image.background
    estimator = ExcessMapEstimator(job.parameters["correlation_radius"] * u.deg, correlate_off=False)
    return estimator.run(image)


def _write(
    job: Job, runs: Sequence[Run], centre: SkyCoord, maps: dict[str, Any], numbers: Sequence[dict[str, Any]]
) -> None:
    low, high = energy_range(job)
    used = sum(row["used"] for row in numbers)
    cards = {
        "OBJECT": target_name(runs, centre).encode("ascii", "replace").decode(),
        "E_MIN": (low.value, "[TeV]"),
        "E_MAX": (high.value, "[TeV]"),
        "BKGMETH": (job.parameters["background"], "Background method"),
        "CORRAD": (job.parameters["correlation_radius"], "[deg] Correlation radius of significance"),
    }
    for kind, item in maps.items():
        write_map(job.results / f"{kind}.fits", item.sum_over_axes(keepdims=False), cards | {"EXTNAME": kind.upper()})
    significance = maps["significance"].data
    peak = float(np.nanmax(significance)) if np.isfinite(significance).any() else None
    totals = {
        "counts": int(maps["counts"].data.sum()),
        "background": float(np.nansum(maps["background"].data)),
        "excess": float(np.nansum(maps["excess"].data)),
        "highest_significance": peak,
        "ra_deg": float(centre.ra.deg),
        "dec_deg": float(centre.dec.deg),
        "n_runs_used": used,
    }
    write_runs(job.results, runs, centre, numbers, totals)
    found = "no significance" if peak is None else f"highest significance {peak:.1f} sigma"
    print(f"{totals['counts']} events in {used} of {len(runs)} runs; {found}.")


def _draw(job: Job, name: str, maps: dict[str, Any], n_runs: int) -> None:
    low, high = energy_range(job)
    words = f"{low.value:g}–{high.value:g} TeV · {n_runs} {'run' if n_runs == 1 else 'runs'}"
    radius = f"{job.parameters['correlation_radius']:g}°"
    titles = {
        "counts": f"Counts within {radius}",
        "excess": f"Excess counts within {radius}",
        "significance": f"Significance (σ) within {radius}",
    }
    for kind, title in titles.items():
        image = maps[kind].sum_over_axes(keepdims=False)
        write_map_picture(job.results / f"{kind}.png", image, f"{title}: {name}", words)
