"""Pictures of maps, drawn as the archive draws those of its own maps: matplotlib would take ten times as long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from datalink.mapdata import MapImage
from datalink.preview.map_pictures import map_picture


def write_map_picture(path: Path, image: Any, title: str, words: str) -> None:
    """Write a PNG of a map of two axes, if any of its pixels has a value.

    Parameters
    ----------
    path
        The file.
    image
        A WcsNDMap of two axes.
    title, words
        Its first and second line.
    """
    values = np.asarray(image.data, dtype=np.float64)
    if not np.isfinite(values).any():
        print(f"note: no pixel of {path.stem} has a value, so there is no picture of it.")
        return
    centre = image.geom.center_skydir.icrs
    width = float(image.geom.width.to_value("deg").max())
    found = MapImage(values=values, wcs=image.geom.wcs, header={}, name=path.stem, unit="")
    canvas, _, texts = map_picture(found, (centre.ra.deg, centre.dec.deg), width, title, words)
    canvas.save(path, texts)
