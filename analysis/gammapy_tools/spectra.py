"""Spectra of one position: on counts, off counts from reflected regions, responses, and a joint fit."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.makers import (
    ReflectedRegionsBackgroundMaker,
    ReflectedRegionsFinder,
    SafeMaskMaker,
    SpectrumDatasetMaker,
    WobbleRegionsFinder,
)
from gammapy.maps import Map, MapAxis, RegionGeom, WcsGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import (
    ExpCutoffPowerLawSpectralModel,
    LogParabolaSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
)
from regions import CircleSkyRegion, PointSkyRegion

from analysis.gammapy_tools.selection import Run, energy_range, number, using
from analysis.worker.job import Job, JobError

SOURCE = "source"
MODELS = {"pl": "power law", "ecpl": "power law with exponential cut-off", "lp": "log parabola"}
TRUE_BINS_PER_DECADE = 20
RECO_BINS_PER_DECADE = 10
# gammapy's own choice for the MAGIC runs with an on region that depends on energy
_N_WOBBLE_REGIONS = 3
_SAME_RADIUS = 0.02


@dataclass(frozen=True, slots=True)
class Extraction:
    """How spectra are extracted; energies and angles as quantities."""

    centre: SkyCoord
    on_radius: u.Quantity
    energy: Any
    energy_true: Any
    exclusion: Any
    aeff_percent: float

    def region(self, run: Run) -> Any:
        """Return the on region; a point where its size is a response that depends on energy."""
        if _size_depends_on_energy(run):
            return PointSkyRegion(self.centre)
        return CircleSkyRegion(self.centre, self.on_radius)


def extraction(job: Job, centre: SkyCoord, n_bins: int) -> Extraction:
    """Return how spectra are extracted.

    Parameters
    ----------
    job
        With ``emin``, ``emax``, ``on_radius``, ``aeff_percent`` and, if a further position is to be kept out of the
        off regions, ``exclusion_ra``, ``exclusion_dec`` and ``exclusion_radius``.
    centre
        Centre of the on region.
    n_bins
        Bins that results have between ``emin`` and ``emax``; counts are in finer ones with the same edges.
    """
    low, high = energy_range(job)
    decades = math.log10(high / low)
    finer = max(1, math.ceil(RECO_BINS_PER_DECADE * decades / n_bins))
    edges = np.geomspace(low.value, high.value, n_bins * finer + 1) * u.TeV
    true_low, true_high = 0.3 * low, 3.0 * high
    n_true = math.ceil(TRUE_BINS_PER_DECADE * math.log10(true_high / true_low))
    return Extraction(
        centre=centre,
        on_radius=job.parameters["on_radius"] * u.deg,
        energy=MapAxis.from_energy_edges(edges),
        energy_true=MapAxis.from_energy_bounds(true_low, true_high, n_true, name="energy_true"),
        exclusion=_exclusion(job),
        aeff_percent=job.parameters.get("aeff_percent", 10.0),
    )


def result_edges(job: Job, n_bins: int) -> u.Quantity:
    """Return the edges of the bins that results have."""
    low, high = energy_range(job)
    return np.geomspace(low.value, high.value, n_bins + 1) * u.TeV


def _exclusion(job: Job) -> Any:
    ra, dec, radius = (number(job, f"exclusion_{name}") for name in ("ra", "dec", "radius"))
    if ra is None and dec is None:
        return None
    if ra is None or dec is None or radius is None or radius <= 0.0:
        raise JobError("an exclusion needs exclusion_ra, exclusion_dec and a positive exclusion_radius.")
    centre = SkyCoord(ra, dec, unit="deg", frame="icrs")
    geom = WcsGeom.create(skydir=centre, binsz=min(0.02, radius / 5.0), width=2.5 * radius, proj="TAN", frame="icrs")
    return geom.region_mask([CircleSkyRegion(centre, radius * u.deg)], inside=False)


def extract(runs: Sequence[Run], how: Extraction) -> list[Any | None]:
    """Return the on-off spectrum of each run, None where there is none: `Run.notes` say why.

    Parameters
    ----------
    runs
        The runs; each gets a note when it is left out.
    how
        How.
    """
    return [_extract(run, how) for run in runs]


def leave_out_message(runs: Sequence[Run]) -> str:
    """Return which runs were left out, and why."""
    return "; ".join(f"{run.name}: {run.notes[-1]}" for run in runs[:10] if run.notes)


def _extract(run: Run, how: Extraction) -> Any | None:
    with using(run):
        return _extracted(run, how)


def _extracted(run: Run, how: Extraction) -> Any | None:
    problem = _problem(run, how)
    if problem is not None:
        _left_out(run, problem)
        return None
    observation = run.observation
    empty = SpectrumDataset.create(
        geom=RegionGeom.create(region=how.region(run), axes=[how.energy]),
        energy_axis_true=how.energy_true,
        name=run.name,
    )
    corrected = not observation.aeff.is_pointlike and observation.psf is not None
    if not corrected and not observation.aeff.is_pointlike:
        run.notes.append("there is no PSF, so the flux is that within the on region")
    maker = SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"], containment_correction=corrected)
    finder = WobbleRegionsFinder(_N_WOBBLE_REGIONS) if _size_depends_on_energy(run) else ReflectedRegionsFinder()
    background = ReflectedRegionsBackgroundMaker(region_finder=finder, exclusion_mask=how.exclusion)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        dataset = background.run(maker.run(empty, observation), observation)
        if dataset.counts_off is None:
            _left_out(run, "there is no room for an off region beside the on region and the exclusion")
            return None
        dataset = _masked(dataset, observation, how)
    if not dataset.mask_safe.data.any():
        _left_out(run, "its effective area is too small in this energy range")
        return None
    return dataset


def _masked(dataset: Any, observation: Any, how: Extraction) -> Any:
    """Return the dataset without energies at which the effective area is small.

    gammapy looks for the rise of the effective area in the energies that the dataset has. Where it rises below them all
    would be masked; then the response itself is asked.
    """
    before = dataset.mask_safe.copy()  # gammapy narrows it in place
    for irfs in ("DL4", "DL3"):
        dataset.mask_safe = before.copy()
        safe = SafeMaskMaker(methods=["aeff-max"], aeff_percent=how.aeff_percent, irfs=irfs)
        dataset = safe.run(dataset, observation)
        if dataset.mask_safe.data.any():
            break
    return dataset


def _problem(run: Run, how: Extraction) -> str | None:
    """Return why a run has no spectrum of this position, if that can be told beforehand."""
    if isinstance(run.observation.aeff, Map):
        return "its effective area is a map of the sky, which has no reflected regions"
    offset, radius = run.offset_deg(how.centre), float(how.on_radius.to_value("deg"))
    offsets = run.observation.aeff.axes["offset"].edges.to_value("deg")
    # point-like responses of one offset are given for any
    farthest = float(offsets.max()) if offsets.max() > offsets.min() else math.inf
    size = run.observation.rad_max
    if offset > farthest:
        return f"the position is {offset:.2f} deg from its pointing, outside of its field of view ({farthest:g} deg)"
    if offset <= radius:
        return f"the on region reaches its pointing position ({offset:.2f} deg away), so nothing can be reflected"
    if size is not None and not _size_depends_on_energy(run):
        expected = float(np.ravel(size.quantity.to_value("deg"))[0])
        if abs(expected / radius - 1.0) > _SAME_RADIUS:
            return f"its point-like responses are for an on_radius of {expected:.4g} deg, not {radius:g} deg"
    return None


def _size_depends_on_energy(run: Run) -> bool:
    size = run.observation.rad_max
    return size is not None and not size.is_fixed_rad_max


def _left_out(run: Run, why: str) -> None:
    run.notes.append(why)
    print(f"note: run {run.name} is left out: {why}.")


def kept(datasets: Sequence[Any | None], runs: Sequence[Run]) -> Datasets:
    """Return the spectra that there are.

    Raises
    ------
    JobError
        When there is none.
    """
    found = [dataset for dataset in datasets if dataset is not None]
    if not found:
        raise JobError(f"no run can be used for a spectrum. {leave_out_message(runs)}.")
    return Datasets(found)


def counts_of(dataset: Any | None) -> dict[str, Any]:
    """Return what a run contributes, for the table of runs."""
    if dataset is None:
        return {"used": False, "n_on": 0, "n_off": 0, "alpha": np.nan, "excess": np.nan, "sqrt_ts": np.nan}
    info = dataset.info_dict()
    return {
        "used": True,
        "n_on": int(info["counts"]),
        "n_off": int(info["counts_off"]),
        "alpha": float(info["alpha"]),
        "excess": float(info["excess"]),
        "sqrt_ts": float(info["sqrt_ts"]),
    }


def spectral_model(name: str) -> SkyModel:
    """Return a source with one of `MODELS`, its parameters where a fit may begin."""
    amplitude, reference = 1e-12 * u.Unit("cm-2 s-1 TeV-1"), 1 * u.TeV
    if name == "pl":
        model = PowerLawSpectralModel(amplitude=amplitude, index=2.3, reference=reference)
    elif name == "ecpl":
        model = ExpCutoffPowerLawSpectralModel(amplitude=amplitude, index=2.0, lambda_=0.1 / u.TeV, reference=reference)
    else:
        model = LogParabolaSpectralModel(amplitude=amplitude, alpha=2.3, beta=0.1, reference=reference)
    return SkyModel(spectral_model=model, name=SOURCE)


def fit(datasets: Datasets, name: str) -> Any | None:
    """Fit a model to all spectra together, and set it on them.

    Returns
    -------
    FitResult or None
        None when there is too little to fit: no excess, or fewer counts than free parameters.
    """
    stacked = [counts_of(dataset) for dataset in datasets]
    model = spectral_model(name)
    n_on, excess = sum(row["n_on"] for row in stacked), sum(row["excess"] for row in stacked)
    if n_on <= len(model.parameters.free_parameters) or not excess > 0.0:
        print(f"note: {n_on} counts, of which {excess:.1f} are excess, are too few for a fit.")
        return None
    datasets.models = [model]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        result = Fit().run(datasets)
    if not result.success:
        print("note: the fit has not converged; take its numbers with care.")
    return result
