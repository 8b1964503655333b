"""From rows to a DataStore as gammapy after 2.1 makes it (``make_data_store_from_query_result``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import astropy.units as u
import numpy as np
import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from gammapy.data import DataStore, HDUIndexTable, ObservationTable
from gammapy.datasets import MapDataset, SpectrumDataset
from gammapy.makers import MapDatasetMaker, ReflectedRegionsBackgroundMaker, SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom, WcsGeom
from regions import CircleSkyRegion

from tests.live.archive import SAMPLE, Archive
from tests.live.conftest import REAL

pytestmark = pytest.mark.filterwarnings("ignore")
JOIN = "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
QUALIFIERS = {"aeff": "aeff", "edisp": "edisp", "psf": "psf", "bkgrate": "bkg"}
CLASSES = {"EFF_AREA": "aeff_2d", "EDISP": "edisp_2d", "PSF": "psf_table", "RPSF": "psf_table", "BKG": "bkg_3d"}
REQUIRED = ("obs_id", "obs_mode", "ra_pnt", "dec_pnt", "alt_pnt", "az_pnt", "tstart", "tstop")
OPTIONAL = {"deadc": "DEADC", "ontime": "ONTIME", "livetime": "LIVETIME", "zen_pnt": "ZEN_PNT", "target_name": "OBJECT"}


def files_of(session: Any, row: pyvo.dal.Record, folder: Path) -> dict[str, Path]:
    """Download what a row leads to: each address once; return the files by type of HDU."""
    wanted: dict[str, str] = {}
    for link in row.getdatalink():
        qualifier = link["content_qualifier"]
        if link["semantics"] == "#this" and qualifier == "event-list":
            wanted["events"] = link["access_url"]
        elif link["semantics"] == "#calibration" and qualifier in QUALIFIERS:
            wanted[QUALIFIERS[qualifier]] = link["access_url"]
    saved: dict[str, Path] = {}
    for number, url in enumerate(dict.fromkeys(wanted.values())):
        suffix = "".join(Path(urlsplit(url).path).suffixes)
        suffix = suffix[suffix.index(".fits") :]
        place = folder / f"{row['obs_id']}-{number}{suffix}"
        place.write_bytes(session.get(url, timeout=60).content)
        saved[url] = place
    return {hdu_type: saved[url] for hdu_type, url in wanted.items()}


def hdu_rows(obs_id: int, files: dict[str, Path]) -> Iterator[dict[str, Any]]:
    """Yield index rows for the HDUs in the files: by EXTNAME and HDUCLAS2."""
    for place in sorted(set(files.values())):
        with fits.open(place) as hdus:
            for hdu in hdus[1:]:
                name, role = hdu.name, hdu.header.get("HDUCLAS2")
                if name in ("EVENTS", "GTI"):
                    kind = (name.lower(), name.lower())
                elif role in CLASSES:
                    hdu_class = str(hdu.header.get("HDUCLAS4", CLASSES[role])).lower()
                    kind = (hdu_class.split("_")[0], hdu_class)
                else:
                    continue
                yield {
                    "OBS_ID": obs_id,
                    "HDU_TYPE": kind[0],
                    "HDU_CLASS": kind[1],
                    "FILE_DIR": "",
                    "FILE_NAME": place.name,
                    "HDU_NAME": name,
                }


def make_data_store(session: Any, rows: pyvo.dal.TAPResults, folder: Path) -> DataStore:
    """Make a DataStore of query results."""
    observations, hdus = [], []
    for row in rows:
        assert all(name in row for name in REQUIRED), sorted(set(REQUIRED) - set(row.keys()))
        obs_id = int(row["obs_id"])
        observations.append(
            {
                "OBS_ID": obs_id,
                "OBS_MODE": row["obs_mode"],
                "RA_PNT": float(row["ra_pnt"]),
                "DEC_PNT": float(row["dec_pnt"]),
                "ALT_PNT": float(row["alt_pnt"]),
                "AZ_PNT": float(row["az_pnt"]),
                "TSTART": float(row["tstart"]),
                "TSTOP": float(row["tstop"]),
                **{key: row[name] for name, key in OPTIONAL.items() if name in row},
            }
        )
        files = files_of(session, row, folder)
        assert set(files) == {"events", *QUALIFIERS.values()}, f"links of {obs_id}: {sorted(files)}"
        hdus += hdu_rows(obs_id, files)
    obs_table = Table(observations)
    for name in ("RA_PNT", "DEC_PNT", "ALT_PNT", "AZ_PNT"):
        obs_table[name].unit = "deg"
    for name in ("TSTART", "TSTOP"):
        obs_table[name].unit = "s"
    hdu_table = HDUIndexTable(Table(hdus))
    hdu_table.meta["BASE_DIR"] = str(folder)
    return DataStore(hdu_table=hdu_table, obs_table=ObservationTable(obs_table))


# collection, condition, source
CASES = [
    (SAMPLE, "target_name='Crab Nebula' AND data_rights='public'", (83.633, 22.014)),
    pytest.param("hess-dl3-dr1", "target_name='Crab Nebula'", (83.633, 22.014), marks=REAL),
    pytest.param("hess-dl3-dr1", "1=1", None, marks=REAL),
]


@pytest.mark.parametrize(("collection", "condition", "source"), CASES)
def test_from_rows_to_spectra_and_maps(
    archive: Archive, tap: pyvo.dal.TAPService, folder: Path, collection: str, condition: str, source: Any
) -> None:
    """Every observation of a query's answer loads; where there is a source, it is found."""
    rows = tap.search(
        f"SELECT * FROM {JOIN} WHERE dataproduct_type='event' AND obs_collection='{collection}' AND {condition}"
    )
    assert len(rows) >= 2
    store = make_data_store(archive.session, rows, folder)
    observations = store.get_observations(required_irf="full-enclosure")
    assert len(observations) == len(rows)
    by_id = {int(row["obs_id"]): row for row in rows}
    for observation in observations:
        row = by_id[int(observation.obs_id)]
        assert len(observation.events.table) == row["ev_xel"]
        assert len(observation.gti.table) >= 1
        for irf in ("aeff", "edisp", "psf", "bkg"):
            assert getattr(observation, irf) is not None
        assert observation.gti.time_sum.to_value("s") == pytest.approx(row["ontime"], rel=1e-3)
        pointing = observation.get_pointing_icrs(observation.tmid)
        assert pointing.separation(SkyCoord(row["ra_pnt"], row["dec_pnt"], unit="deg")) < 0.02 * u.deg
    if source is not None:
        check_spectrum(observations, SkyCoord(*source, unit="deg"))
        check_map(observations, SkyCoord(*source, unit="deg"))


def check_spectrum(observations: Any, source: SkyCoord) -> None:
    """Make ON/OFF spectra around a source: it is there, and the acceptances fit the background."""
    energies = MapAxis.from_energy_bounds("0.3 TeV", "20 TeV", nbin=6)
    true = MapAxis.from_energy_bounds("0.1 TeV", "50 TeV", nbin=12, name="energy_true")
    empty = SpectrumDataset.create(
        RegionGeom(CircleSkyRegion(source, 0.11 * u.deg), axes=[energies]), energy_axis_true=true
    )
    maker = SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"], containment_correction=True)
    background = ReflectedRegionsBackgroundMaker()
    stacked = None
    for observation in observations:
        made = background.run(maker.run(empty.copy(name=str(observation.obs_id)), observation), observation)
        assert made.counts_off is not None
        if stacked is None:
            stacked = made
        else:
            stacked.stack(made)
    info = stacked.info_dict()
    assert info["counts"] > 20
    assert info["excess"] > 0
    assert info["sqrt_ts"] > 5
    assert np.nanmax(stacked.exposure.quantity.to_value("m2 s")) > 1e7


def check_map(observations: Any, source: SkyCoord) -> None:
    """Make a map of counts, background and exposure."""
    energies = MapAxis.from_energy_bounds("0.3 TeV", "20 TeV", nbin=3)
    true = MapAxis.from_energy_bounds("0.1 TeV", "50 TeV", nbin=6, name="energy_true")
    geom = WcsGeom.create(skydir=source, width=(3, 3), binsz=0.05, axes=[energies])
    empty = MapDataset.create(geom, energy_axis_true=true)
    maker = MapDatasetMaker(selection=["counts", "background", "exposure"])
    made = maker.run(empty.copy(), observations[0])
    expected = np.sum(
        geom.contains({"skycoord": observations[0].events.radec, "energy": observations[0].events.energy})
    )
    assert made.counts.data.sum() == expected > 100
    assert made.npred_background().data.sum() > 10
    assert made.exposure.data.max() > 0
