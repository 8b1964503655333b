"""What the warm parent has ready before the first job: the modules job scripts import, and what those load late."""

from __future__ import annotations

import ast
import gc
import importlib
import io
import sys
from collections.abc import Iterable
from pathlib import Path

from analysis.settings import DEFINITIONS
from analysis.worker.pages import collapse

_ALWAYS = (
    "astropy.coordinates",
    "astropy.io.fits",
    "astropy.table",
    "astropy.time",
    "gammapy.data",
    "gammapy.datasets",
    "gammapy.estimators",
    "gammapy.makers",
    "gammapy.maps",
    "gammapy.modeling.models",
    "matplotlib.pyplot",
    "regions",
    "scipy.optimize",
    "scipy.stats",
)


def scripts() -> list[Path]:
    """Return the scripts of the job types of this checkout."""
    return sorted(DEFINITIONS.glob("*/script.py"))


def imported_by(paths: Iterable[Path]) -> list[str]:
    """Return the modules that scripts import at their top level, in a fixed order; what cannot be read has none."""
    found: set[str] = set()
    for path in paths:
        try:
            body = ast.parse(path.read_bytes()).body
        except (OSError, SyntaxError, ValueError) as exc:
            print(f"{path}: {exc}", file=sys.stderr)
            continue
        for node in body:
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                found.add(node.module)
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return sorted(found)


def settle() -> None:
    """Set what every job needs: nothing is downloaded for times and coordinates, the bundled tables are used."""
    from astropy.utils import iers

    iers.conf.auto_download = False
    iers.conf.auto_max_age = None


def lend_fonts(folder: Path) -> None:
    """Let matplotlib find the list of fonts that was made with the environment: making one takes 0.2 s.

    Parameters
    ----------
    folder
        Where it will look (``MPLCONFIGDIR``); it wants to be able to write there.
    """
    for path in Path(sys.prefix, "cache", "matplotlib").glob("fontlist-*.json"):
        folder.mkdir(exist_ok=True)
        (folder / path.name).symlink_to(path)


def warm_up() -> None:
    """Import all, use what loads late once, and put it where the collector of garbage will not touch it."""
    for name in (*_ALWAYS, *imported_by(scripts())):
        _import(name)
    settle()
    _use()
    gc.collect()
    # Pages of frozen objects stay shared between the parent and the jobs.
    gc.freeze()
    collapse()


def _import(name: str) -> None:
    """Import a module; `name` may also be of something in a module, which is imported with it."""
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name != name:
            print(f"importing {name}: {exc}", file=sys.stderr)
    except Exception as exc:
        # The script that imports it will say so to its user; other job types are not to suffer.
        print(f"importing {name}: {type(exc).__name__}: {exc}", file=sys.stderr)


def _use() -> None:
    """Do small things that load data, parsers and fonts."""
    import numpy as np
    from astropy import units as u
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord
    from astropy.io import fits
    from astropy.table import Table
    from astropy.time import Time
    from matplotlib import pyplot

    time = Time("2020-01-01T00:00:00", scale="utc")
    place = EarthLocation(lat=-23 * u.deg, lon=16 * u.deg, height=1800 * u.m)
    SkyCoord(83.63, 22.01, unit="deg").transform_to(AltAz(obstime=time, location=place))
    u.Unit("TeV-1 cm-2 s-1").to_string("fits")
    fits.HDUList([fits.PrimaryHDU(np.zeros((2, 2)))]).writeto(io.BytesIO())
    for kind in ("ascii.ecsv", "votable"):
        Table({"energy": [1.0] * u.TeV}).write(io.BytesIO() if kind == "votable" else io.StringIO(), format=kind)
    figure, axes = pyplot.subplots()
    axes.plot([1, 10], [1, 10])
    axes.set_xscale("log")
    axes.set_title("$E^2$")
    figure.savefig(io.BytesIO(), format="png")
    pyplot.close(figure)
