"""Analyses as gammapy's documentation does them, to compare those of the job types with."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.data import DataStore
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import FluxPoints, FluxPointsEstimator
from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion


def crab_flux_points(folder: Path) -> FluxPoints:
    """Return six flux points of the Crab from 0.6 to 30 TeV, from two H.E.S.S. runs of a DataStore."""
    observations = DataStore.from_dir(folder).get_observations([23559, 23592], required_irf="point-like")
    edges = np.geomspace(0.6, 30.0, 6 * 3 + 1) * u.TeV
    geom = RegionGeom.create(
        CircleSkyRegion(SkyCoord(83.633, 22.014, unit="deg"), 0.11 * u.deg), axes=[MapAxis.from_energy_edges(edges)]
    )
    true = MapAxis.from_energy_bounds(0.18 * u.TeV, 90 * u.TeV, 54, name="energy_true")
    maker = SpectrumDatasetMaker(containment_correction=True, selection=["counts", "exposure", "edisp"])
    datasets = Datasets()
    for observation in observations:
        empty = SpectrumDataset.create(geom=geom, energy_axis_true=true, name=str(observation.obs_id))
        dataset = ReflectedRegionsBackgroundMaker().run(maker.run(empty, observation), observation)
        datasets.append(SafeMaskMaker(methods=["aeff-max"], aeff_percent=10).run(dataset, observation))
    model = PowerLawSpectralModel(amplitude="1e-12 cm-2 s-1 TeV-1", index=2.3, reference="1 TeV")
    datasets.models = [SkyModel(spectral_model=model, name="crab")]
    Fit().run(datasets)
    return FluxPointsEstimator(
        energy_edges=np.geomspace(0.6, 30.0, 7) * u.TeV, source="crab", selection_optional=["errn-errp", "ul"]
    ).run(datasets)
