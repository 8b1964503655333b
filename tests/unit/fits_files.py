# SPDX-License-Identifier: GPL-3.0-or-later
"""Small DL3 files for tests, written with astropy: sound by default, and wrong in any one way a test asks for."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ingest.collection import Collection, Defaults
from ingest.contents import Located
from ingest.folder import FoundFile
from ingest.harvest import Harvest, Task, harvest
from ingest.index import HduEntry, IndexFacts

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
COLLECTION = Collection(name="tests", title="Tests", obs_collection="tests")

TIME = {"MJDREFI": 51910, "MJDREFF": 0.000742870370370241, "TIMEUNIT": "s", "TIMESYS": "TT", "TIMEREF": "LOCAL"}
GTI = ((101962602.0, 101964284.0),)
HEADER: Mapping[str, Any] = {
    "HDUCLASS": "GADF",
    "HDUCLAS1": "EVENTS",
    "OBS_ID": 20136,
    **TIME,
    "TSTART": GTI[0][0],
    "TSTOP": GTI[0][1],
    "ONTIME": 1682.0,
    "LIVETIME": 1521.02685546875,
    "DEADC": 0.9043,
    "OBS_MODE": "WOBBLE",
    "RA_PNT": 228.6125,
    "DEC_PNT": -58.771666666667,
    "ALT_PNT": 51.49,
    "AZ_PNT": 195.73,
    "RADECSYS": "FK5",
    "OBJECT": "MSH15-52",
    "RA_OBJ": 228.6125,
    "DEC_OBJ": -59.271666666667,
    "TELESCOP": "HESS",
    "INSTRUME": "H.E.S.S. Phase I",
    "CREATOR": "tests",
}
ENERGIES = np.array([0.5, 1.0, 20.0])


def metres(value: float, rel: float = 1e-6) -> Any:
    """Return a wavelength to compare with: pytest's own tolerance of 1e-12 is larger than those of gamma rays."""
    return pytest.approx(value, rel=rel, abs=0.0)


def table(name: str | None, columns: Iterable[fits.Column], cards: Mapping[str, Any]) -> fits.BinTableHDU:
    """Return a binary table; cards of value None are left out."""
    hdu = fits.BinTableHDU.from_columns(list(columns))
    if name is not None:
        hdu.header["EXTNAME"] = name
    for key, value in cards.items():
        if value is not None:
            hdu.header[key] = value
    return hdu


def events(
    energies: Sequence[float] | np.ndarray = ENERGIES,
    units: Mapping[str, str | None] | None = None,
    without: Sequence[str] = (),
    name: str = "EVENTS",
    **cards: Any,
) -> fits.BinTableHDU:
    """Return an event table of these energies; cards override HEADER, None leaves one out."""
    n = len(energies)
    unit: dict[str, str | None] = {"TIME": "s", "RA": "deg", "DEC": "deg", "ENERGY": "TeV", **(units or {})}
    columns = [
        fits.Column("EVENT_ID", "K", array=np.arange(n)),
        fits.Column("TIME", "D", unit["TIME"], array=np.linspace(*GTI[0], n)),
        fits.Column("RA", "E", unit["RA"], array=np.full(n, 228.6)),
        fits.Column("DEC", "E", unit["DEC"], array=np.full(n, -59.0)),
        fits.Column("ENERGY", "E", unit["ENERGY"], array=np.asarray(energies)),
    ]
    wanted = [column for column in columns if column.name not in without]
    return table(name, wanted, {**HEADER, **_keys(cards)})


def gti(
    intervals: Sequence[Sequence[float]] = GTI, unit: str | None = "s", name: str = "GTI", **cards: Any
) -> fits.BinTableHDU:
    """Return a table of good time intervals."""
    limits = np.asarray(intervals, dtype=np.float64).reshape(-1, 2)
    columns = [fits.Column("START", "D", unit, array=limits[:, 0]), fits.Column("STOP", "D", unit, array=limits[:, 1])]
    return table(name, columns, {"HDUCLASS": "GADF", "HDUCLAS1": "GTI", **TIME, **_keys(cards)})


def pointing(ra: Sequence[float], dec: Sequence[float]) -> fits.BinTableHDU:
    """Return a POINTING table."""
    columns = [
        fits.Column("TIME", "D", "s", array=np.arange(len(ra))),
        fits.Column("RA_PNT", "D", "deg", array=ra),
        fits.Column("DEC_PNT", "D", "deg", array=dec),
    ]
    return table("POINTING", columns, {"HDUCLAS1": "POINTING", **TIME})


def response(kind: str, name: str | None = None, **cards: Any) -> fits.BinTableHDU:
    """Return a small response: aeff, edisp, psf, bkg or rad_max, on energies 0.1 to 100 TeV and offsets to 2.5 deg."""
    energy, theta = np.array([0.1, 1.0, 10.0, 100.0]), np.array([0.0, 1.0, 2.5])
    names = {"aeff": "AEFF", "edisp": "EDISP", "psf": "PSF", "bkg": "BKG", "rad_max": "RAD_MAX"}
    classes = {
        "aeff": ("EFF_AREA", "AEFF_2D"),
        "edisp": ("EDISP", "EDISP_2D"),
        "psf": ("RPSF", "PSF_3GAUSS"),
        "bkg": ("BKG", "BKG_2D"),
        "rad_max": ("RAD_MAX", "RAD_MAX_2D"),
    }
    migra = np.linspace(0.0, 3.0, 31)
    middle = 0.5 * (migra[1:] + migra[:-1])
    matrix = np.broadcast_to(np.exp(-0.5 * ((middle - 1.0) / 0.15) ** 2)[None, :, None], (2, 30, 3))
    flat = np.ones((2, 3))
    data: dict[str, list[tuple[str, str | None, np.ndarray]]] = {
        "aeff": [("EFFAREA", "m2", 1e5 * flat)],
        "edisp": [("MATRIX", None, matrix)],
        "psf": [
            ("SCALE", "sr-1", flat),
            ("SIGMA_1", "deg", 0.05 * flat),
            ("AMPL_2", None, 0 * flat),
            ("SIGMA_2", "deg", 0 * flat),
            ("AMPL_3", None, 0 * flat),
            ("SIGMA_3", "deg", 0 * flat),
        ],
        "bkg": [("BKG", "s-1 MeV-1 sr-1", 1e-3 * flat)],
        "rad_max": [("RAD_MAX", "deg", 0.1 * flat)],
    }
    axes = [("ENERG", energy, "TeV"), *([("MIGRA", migra, None)] if kind == "edisp" else []), ("THETA", theta, "deg")]
    columns = []
    for axis, edges, unit in axes:
        form = f"{len(edges) - 1}E"
        columns.append(fits.Column(f"{axis}_LO", form, unit, array=[edges[:-1]]))
        columns.append(fits.Column(f"{axis}_HI", form, unit, array=[edges[1:]]))
    for column, unit, cells in data[kind]:
        dim = "(" + ",".join(str(size) for size in reversed(cells.shape)) + ")"
        columns.append(fits.Column(column, f"{cells.size}E", unit, dim=dim, array=cells[None]))
    class2, class4 = classes[kind]
    head = {"HDUCLAS1": "RESPONSE", "HDUCLAS2": class2, "HDUCLAS3": "FULL-ENCLOSURE", "HDUCLAS4": class4}
    return table(name or names[kind], columns, {"HDUCLASS": "GADF", **head, **_keys(cards)})


def bundle(**cards: Any) -> list[fits.hdu.base.ExtensionHDU]:
    """Return events, a good time interval and all four responses."""
    return [events(**cards), gti(), *(response(kind) for kind in ("aeff", "edisp", "psf", "bkg"))]


def obs_index(rows: Sequence[Mapping[str, Any]], name: str = "OBS_INDEX", **cards: Any) -> fits.BinTableHDU:
    """Return an obs-index with the columns of the first row."""
    columns = [_column(key, [row[key] for row in rows]) for key in rows[0]]
    return table(name, columns, {"HDUCLAS1": "INDEX", "HDUCLAS2": "OBS", **_keys(cards)})


def hdu_index(
    rows: Sequence[tuple[Any, str, str, str]],
    name: str = "HDU_INDEX",
    extra: Mapping[str, Any] | None = None,
    **cards: Any,
) -> fits.BinTableHDU:
    """Return an hdu-index of rows (OBS_ID, HDU_TYPE, path, HDU_NAME); `extra` are further columns."""
    folders, names = zip(*(row[2].rpartition("/")[::2] for row in rows), strict=True)
    columns = {
        "OBS_ID": [row[0] for row in rows],
        "HDU_TYPE": [row[1] for row in rows],
        "HDU_CLASS": [row[1] for row in rows],
        "FILE_DIR": list(folders),
        "FILE_NAME": list(names),
        "HDU_NAME": [row[3] for row in rows],
        **(extra or {}),
    }
    made = [_column(key, values) for key, values in columns.items()]
    return table(name, made, {"HDUCLAS1": "INDEX", "HDUCLAS2": "HDU", **_keys(cards)})


def _column(name: str, values: Sequence[Any]) -> fits.Column:
    if isinstance(values[0], str):
        return fits.Column(name, f"{max(map(len, values)) or 1}A", array=np.array(values))
    if isinstance(values[0], int):
        return fits.Column(name, "K", array=np.array(values))
    return fits.Column(name, "D", array=np.array(values))


def _keys(cards: Mapping[str, Any]) -> dict[str, Any]:
    """Return cards by keyword: DATE_ as Python writes it stays, trailing underscores go."""
    return {key.rstrip("_").upper(): value for key, value in cards.items()}


def to_bytes(*hdus: fits.hdu.base.ExtensionHDU, primary: Mapping[str, Any] | None = None) -> bytes:
    """Return a FITS file with these extensions."""
    first = fits.PrimaryHDU()
    first.header.update(primary or {})
    out = io.BytesIO()
    fits.HDUList([first, *hdus]).writeto(out)
    return out.getvalue()


def write(path: Path, *hdus: fits.hdu.base.ExtensionHDU, primary: Mapping[str, Any] | None = None) -> Path:
    """Write a FITS file with these extensions, gzipped if its name ends so, and return its path."""
    content = to_bytes(*hdus, primary=primary)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    return path


def found(path: Path, root: Path | None = None) -> FoundFile:
    """Return a file as the walk over its collection's folder does."""
    status = path.stat()
    relpath = path.relative_to(root).as_posix() if root is not None else path.name
    return FoundFile(relpath, path, status.st_size, status.st_mtime_ns)


def task(
    path: Path, facts: IndexFacts | None = None, elsewhere: Sequence[Located] = (), root: Path | None = None
) -> Task:
    """Return the task of harvesting a file."""
    file = found(path, root)
    accref = f"cta/data/tests/{file.relpath}"
    shared = tuple(
        (item, f"cta/data/tests/{item.file.relpath}", f"ivo://test/~?cta/data/tests/{item.file.relpath}")
        for item in elsewhere
    )
    return Task(file, accref, f"ivo://test/~?{accref}", "0", facts or IndexFacts(), shared)


def located(path: Path, hdu_type: str, hdu_name: str) -> Located:
    """Return a response in another file as an index names it."""
    return Located(HduEntry("20136", hdu_type, hdu_type, hdu_name, path.name), found(path))


def harvested(
    path: Path,
    *hdus: fits.hdu.base.ExtensionHDU,
    defaults: Mapping[str, Any] | None = None,
    facts: IndexFacts | None = None,
    elsewhere: Sequence[Located] = (),
    **collection: Any,
) -> Harvest:
    """Write a file of these extensions, harvest it, and return what came of it."""
    described = Collection(
        **{
            "name": "tests",
            "title": "Tests",
            "obs_collection": "tests",
            "defaults": Defaults(**(defaults or {})),
            **collection,
        }
    )
    return harvest(task(write(path, *hdus), facts, elsewhere), described)
