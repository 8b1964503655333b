# SPDX-License-Identifier: GPL-3.0-or-later
"""Products of the Crab Nebula, computed from the events of the first two runs, and a listing of DL0 to DL2."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from sample.counting import EDGES_TEV, Observed, observe, origin_cards_of
from sample.files import Hdu, table_hdu
from sample.headers import Card
from sample.schedule import Run
from sample.spectra import area, channel_bounds, counts_spectrum, flux_points, gti, light_curve, matrix
from sample.targets import CREATED, CREATOR, TARGETS, TELESCOP

# Raise this when the products change; runs have a version of their own.
PRODUCTS_VERSION = 2
FOLDER = "products"
LISTING_NAME = "lower-levels.listing.ecsv"
# The wobble pair on the Crab Nebula.
RUNS = (0, 1)
OF_BOTH_RUNS = ("crab_counts_map", "crab_counts_cube", "crab_flux_points", "crab_light_curve")
MAP_PIXELS = 100
MAP_STEP_DEG = 0.04
CUBE_EDGES_TEV = (0.1, 0.5, 2.0, 10.0)


def write_products(folder: Path, events_per_run: float, seed: int) -> dict[str, list[Run]]:
    """Write the products of an archive with at least two runs, and the listing.

    Parameters
    ----------
    folder : pathlib.Path
        The archive.
    events_per_run : float
        Wanted mean number of events of a run.
    seed : int
        Seed of the archive.

    Returns
    -------
    dict
        Names of the files that were made of events, each with the runs these are of.
    """
    observed = [observe(number, events_per_run, seed) for number in RUNS]
    place = folder / FOLDER
    place.mkdir()
    first = observed[0]
    files: dict[str, Sequence[Hdu]] = {
        "crab_counts_map.fits": [_counts_map(observed)],
        "crab_counts_cube.fits": _counts_cube(observed),
        "crab_flux_points.fits": [fits.PrimaryHDU(), flux_points(observed), gti(observed)],
        "crab_light_curve.fits": [fits.PrimaryHDU(), light_curve(observed)],
        "crab_pha.fits": [fits.PrimaryHDU(), counts_spectrum(first, on=True), channel_bounds(), gti([first])],
        "crab_bkg.fits": [fits.PrimaryHDU(), counts_spectrum(first, on=False), channel_bounds()],
        "crab_arf.fits": [fits.PrimaryHDU(), area(first)],
        "crab_rmf.fits": [fits.PrimaryHDU(), matrix(first), channel_bounds()],
        "sources.fits": [fits.PrimaryHDU(), _catalogue()],
    }
    for name, hdus in files.items():
        buffer = io.BytesIO()
        fits.HDUList(list(hdus)).writeto(buffer)
        (place / name).write_bytes(buffer.getvalue())
    runs = [item.run for item in observed]
    made = {f"{name}.fits": runs for name in OF_BOTH_RUNS} | {"crab_pha.fits": runs[:1]}
    (folder / LISTING_NAME).write_text(_listing(runs, made), encoding="utf-8")
    return made


# -- maps


def _wcs_cards(run: Run) -> list[Card]:
    centre = (MAP_PIXELS + 1) / 2
    return [
        ("CTYPE1", "RA---TAN", ""),
        ("CTYPE2", "DEC--TAN", ""),
        ("CRPIX1", centre, ""),
        ("CRPIX2", centre, ""),
        ("CRVAL1", run.target.ra_deg, "[deg]"),
        ("CRVAL2", run.target.dec_deg, "[deg]"),
        ("CDELT1", -MAP_STEP_DEG, "[deg]"),
        ("CDELT2", MAP_STEP_DEG, "[deg]"),
        ("CUNIT1", "deg", ""),
        ("CUNIT2", "deg", ""),
        ("RADESYS", "ICRS", ""),
    ]


def _image(observed: Sequence[Observed], low_tev: float, high_tev: float) -> npt.NDArray[np.float32]:
    """Count events in the pixels of a gnomonic projection around the target."""
    counts = np.zeros((MAP_PIXELS, MAP_PIXELS))
    edges = (np.arange(MAP_PIXELS + 1) - MAP_PIXELS / 2) * MAP_STEP_DEG
    for item in observed:
        events, target = item.events, item.run.target
        kept = (events.energy_tev >= low_tev) & (events.energy_tev < high_tev)
        lon, lat = np.radians(events.ra_deg[kept] - target.ra_deg), np.radians(events.dec_deg[kept])
        lat_0 = np.radians(target.dec_deg)
        along = np.sin(lat_0) * np.sin(lat) + np.cos(lat_0) * np.cos(lat) * np.cos(lon)
        x = -np.degrees(np.cos(lat) * np.sin(lon) / along)
        y = np.degrees((np.cos(lat_0) * np.sin(lat) - np.sin(lat_0) * np.cos(lat) * np.cos(lon)) / along)
        counts += np.histogram2d(y, x, bins=(edges, edges))[0]
    return counts.astype(np.float32)


def _counts_map(observed: Sequence[Observed]) -> Hdu:
    low, high = float(EDGES_TEV[0]), float(EDGES_TEV[-1])
    hdu = fits.PrimaryHDU(_image(observed, low, high))
    live_s = sum(item.run.livetime_s for item in observed)
    hdu.header.extend(
        [
            *_wcs_cards(observed[0].run),
            ("BUNIT", "count", ""),
            ("HDUCLAS2", "COUNTS", "events in pixels"),
            ("E_MIN", low, "[TeV] lowest energy"),
            ("E_MAX", high, "[TeV] highest energy"),
            ("EUNIT", "TeV", "unit of E_MIN and E_MAX"),
            ("EXPOSURE", live_s, "[s] live time"),
            *origin_cards_of(observed[0].run),
        ]
    )
    hdu.add_checksum(when=CREATED)
    return hdu


def _counts_cube(observed: Sequence[Observed]) -> list[Hdu]:
    pairs = list(zip(CUBE_EDGES_TEV[:-1], CUBE_EDGES_TEV[1:], strict=True))
    hdu = fits.PrimaryHDU(np.stack([_image(observed, low, high) for low, high in pairs]))
    hdu.header.extend(
        [
            ("WCSAXES", 2, ""),
            *_wcs_cards(observed[0].run),
            ("BUNIT", "count", ""),
            ("BANDSHDU", "BANDS", "energies"),
            ("HDUCLAS2", "COUNTS", "events in pixels"),
            *origin_cards_of(observed[0].run),
        ]
    )
    hdu.add_checksum(when=CREATED)
    bands = [
        ("CHANNEL", "K", None, np.arange(len(pairs))),
        ("E_MIN", "D", "TeV", np.array([low for low, _ in pairs])),
        ("E_MAX", "D", "TeV", np.array([high for _, high in pairs])),
    ]
    return [hdu, table_hdu(bands, "BANDS", [("AXCOLS1", "E_MIN,E_MAX", "energy axis")])]


# -- catalogue and listing


def _catalogue() -> Hdu:
    columns = [
        ("Source_Name", "20A", None, np.array([target.name for target in TARGETS])),
        ("RAJ2000", "D", "deg", np.array([target.ra_deg for target in TARGETS])),
        ("DEJ2000", "D", "deg", np.array([target.dec_deg for target in TARGETS])),
        ("Size", "D", "deg", np.zeros(len(TARGETS))),
        ("dnde", "D", "cm-2 s-1 TeV-1", np.array([target.norm_per_cm2_s_tev for target in TARGETS])),
        ("e_ref", "D", "TeV", np.ones(len(TARGETS))),
        ("index", "D", None, np.array([target.index for target in TARGETS])),
    ]
    cards: list[Card] = [("TELESCOP", TELESCOP, "simulated"), ("CREATOR", CREATOR, ""), ("CREATED", CREATED, "")]
    return table_hdu(columns, "SOURCES", cards)


_LISTING = """\
# %ECSV 1.0
# ---
# datatype:
# - {name: path, datatype: string, description: Path in the collection}
# - {name: level, datatype: string, description: Data level}
# - {name: product_id, datatype: string, description: Identifier of the producer}
# - {name: size, datatype: int64, unit: byte, description: Size}
# - {name: obs_id, datatype: string, description: Observation}
# - {name: derived_from, datatype: string, description: What it was made from}
# - {name: target_name, datatype: string, description: Target}
# - {name: s_ra, datatype: float64, unit: deg, description: 'Pointing, ICRS'}
# - {name: s_dec, datatype: float64, unit: deg, description: 'Pointing, ICRS'}
# - {name: instrument, datatype: string, description: Array}
# delimiter: ','
# meta: {comments: 'Files of lower levels, simulated as names only: listed, not served'}
path,level,product_id,size,obs_id,derived_from,target_name,s_ra,s_dec,instrument
"""


def _listing(runs: Sequence[Run], products: Mapping[str, Sequence[Run]]) -> str:
    """Return the listing: raw data, images and reconstructed events of the runs, and what was made from these."""
    lines = []
    event_lists = [f"{run.file_dir}/{run.file_name}" for run in runs]
    for run, event_list in zip(runs, event_lists, strict=True):
        stem = f"ctao_sim_{run.obs_id:06d}"
        facts = f"{run.target.name},{run.ra_pnt_deg:.5f},{run.dec_pnt_deg:.5f},{run.site.key}"
        parent = ""
        for level, name, size in (
            ("DL0", f"dl0/{stem}.dl0.fits.fz", 48_000_000_000),
            ("DL1", f"dl1/{stem}.dl1.h5", 3_000_000_000),
            ("DL2", f"dl2/{stem}.dl2.h5", 90_000_000),
        ):
            lines.append(f"{name},{level},SIM-{level}-{run.obs_id},{size},{run.obs_id},{parent},{facts}")
            parent = name
        lines.append(f"{event_list},DL3,,,{run.obs_id},{parent},{facts}")
    for name, of in products.items():
        lines.append(f"{FOLDER}/{name},DL4,,,,{'|'.join(f'{run.file_dir}/{run.file_name}' for run in of)},,,,")
    return _LISTING + "\n".join(lines) + "\n"
