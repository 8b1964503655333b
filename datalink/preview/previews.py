# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews of published files: sky image, plot and thumbnail as PNG files.

An event list gets an image of its counts on the sky, a plot of spectrum and event rate, and a thumbnail of the image.
A response file gets a plot of its effective area and a thumbnail of that, a product a map or a plot, and a thumbnail.
The same file gives the same bytes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from datalink.preview.data import Hints, OpenFile, PreviewError, count_events, open_file
from datalink.preview.pictures import sky_image, thumbnail
from datalink.preview.plots import plot, response_plot, response_thumbnail
from datalink.preview.plotting import Canvas
from ingest import gadf
from ingest.fitsfile import FitsError
from ingest.folder import TABLE_SUFFIX
from ingest.products.recognise import recognise
from ingest.response_table import ResponseError

__all__ = ["Hints", "PreviewError", "Previews", "render_previews"]

SKY, PLOT, THUMBNAIL = "sky", "plot", "thumb"


@dataclass(frozen=True, slots=True)
class Previews:
    """The files made; a response file has no sky image, a map no plot."""

    sky: Path | None
    plot: Path | None
    thumbnail: Path


def render_previews(path: Path, out_dir: Path, name: str, hints: Hints | None = None) -> Previews:
    """Draw the previews of a DL3 event file, a response file or a product.

    Parameters
    ----------
    path
        The FITS or ECSV file.
    out_dir
        Where to write; made if it does not exist. Existing previews are replaced, each at once.
    name
        Files are called ``<name>-sky.png``, ``<name>-plot.png`` and ``<name>-thumb.png``.
    hints
        What the archive knows better than the file.

    Raises
    ------
    PreviewError
        When the file cannot be drawn; the text is a sentence that says why.
    OSError
        When a preview cannot be written.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise PreviewError(f"'{name}' cannot be part of a file name.")
    pictures = _pictures(path, hints or Hints())
    out_dir.mkdir(parents=True, exist_ok=True)
    made = {kind: _write(canvas, texts, out_dir / f"{name}-{kind}.png") for kind, (canvas, texts) in pictures.items()}
    return Previews(made.get(SKY), made.get(PLOT), made[THUMBNAIL])


def _pictures(path: Path, hints: Hints) -> dict[str, tuple[Canvas, dict[str, str]]]:
    try:
        if path.name.lower().endswith(TABLE_SUFFIX):
            return _product_pictures(path, hints)
        file = open_file(path)
        if file.events is not None:
            counts = count_events(file, hints)
            return {SKY: sky_image(counts), PLOT: plot(counts), THUMBNAIL: thumbnail(counts)}
        if file.aeff is None and recognise(file.hdus, path.name) is not None:
            return _product_pictures(path, hints)
        return _response_pictures(file, hints)
    except PreviewError:
        raise
    except (FitsError, ResponseError) as exc:
        raise PreviewError(str(exc)) from exc
    except OSError as exc:
        raise PreviewError(f"the file cannot be read ({exc.strerror or exc}).") from exc
    except (ValueError, ArithmeticError, LookupError, TypeError) as exc:
        # A file can be wrong in ways nobody foresaw.
        raise PreviewError(f"the file is not understood ({type(exc).__name__}: {exc}).") from exc


def _product_pictures(path: Path, hints: Hints) -> dict[str, tuple[Canvas, dict[str, str]]]:
    # astropy, which projects maps, takes longer to load than event lists to draw
    from datalink.preview.products import product_pictures

    return product_pictures(path, hints, SKY, PLOT, THUMBNAIL)


def _response_pictures(file: OpenFile, hints: Hints) -> dict[str, tuple[Canvas, dict[str, str]]]:
    if file.aeff is None:
        raise PreviewError("the file has neither events nor an effective area, so there is nothing to draw.")
    header = file.hdus[0].header if len(file.hdus) < 2 else {**file.hdus[0].header, **file.hdus[1].header}
    instrument = hints.instrument or gadf.set_text(header, "INSTRUME", "TELESCOP")
    types = sorted({role.hdu_type for hdu in file.hdus if (role := gadf.role_of(hdu)) is not None})
    title = hints.title or " ".join(filter(None, (instrument, "instrument responses")))
    drawn = response_plot(file.aeff, title, f"{file.path.name} · {', '.join(types)}")
    return {PLOT: drawn, THUMBNAIL: (response_thumbnail(file.aeff), {"Title": title})}


def _write(canvas: Canvas, texts: Mapping[str, str], path: Path) -> Path:
    """Write a picture under a temporary name, then give it its own."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        canvas.save(unfinished, texts)
        unfinished.replace(path)
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()
    return path
