"""FITS headers as text."""

from __future__ import annotations

import warnings
from pathlib import Path

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning


def header_text(path: Path) -> str:
    """Return all headers of a FITS file, one card a line, an empty line after each HDU.

    A damaged file gives the headers before the damage, and a last line that says so.
    """
    texts: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            with fits.open(path, memmap=True, lazy_load_hdus=True) as hdus:
                for number in range(len(hdus)):
                    texts.append(hdus[number].header.tostring(sep="\n", endcard=True, padding=False))
        except (OSError, ValueError, TypeError, KeyError, IndexError) as exc:
            texts.append(f"COMMENT the file is damaged from here on ({type(exc).__name__})")
    return "\n\n".join(texts)
