"""Writes results so that the same input gives the same bytes: no time of writing in any of them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from astropy.io import fits
from astropy.table import Table

from datalink.package.tarstream import Member, archive_chunks

_TIMES_OF_WRITING = ("DATE", "CREATED")
_CHUNK_BYTES = 2**20


def write_fits(path: Path, hdus: fits.HDUList, cards: Mapping[str, Any] | None = None) -> None:
    """Write FITS.

    Parameters
    ----------
    path
        The file.
    hdus
        What is in it; cards with the time of writing are taken out.
    cards
        What else its first HDU says.
    """
    for hdu in hdus:
        for keyword in _TIMES_OF_WRITING:
            hdu.header.remove(keyword, ignore_missing=True, remove_all=True)
    hdus[0].header.update(dict(cards or {}))
    hdus.writeto(path, overwrite=True, output_verify="silentfix")


def write_map(path: Path, image: Any, cards: Mapping[str, Any]) -> None:
    """Write a map of gammapy's as an image of two axes, its energies summed."""
    hdus = image.to_hdulist()
    hdus[0].header.remove("META", ignore_missing=True)
    write_fits(path, hdus, cards)


def write_table(path: Path, table: Table) -> None:
    """Write a table in the format that the end of its name says: ecsv, fits or vot."""
    if path.suffix == ".ecsv":
        table.write(path, format="ascii.ecsv", overwrite=True)
    elif path.suffix == ".vot":
        plain = table.copy()
        plain.meta = {}
        plain.write(path, format="votable", table_id="result", overwrite=True)
    else:
        write_fits(path, fits.HDUList([fits.PrimaryHDU(), fits.table_to_hdu(table)]))


def write_tar(path: Path, files: Iterable[tuple[str, bytes | Path]]) -> None:
    """Write a tar of files and bytes by their names; all members have the time 0."""
    members = [
        Member(name, len(source) if isinstance(source, bytes) else source.stat().st_size, 0, source)
        for name, source in files
    ]
    with path.open("wb") as out:
        for chunk in archive_chunks(members, _CHUNK_BYTES):
            out.write(chunk)


def fits_bytes(path: Path) -> bytes:
    """Return a FITS file that gammapy wrote, without the time of writing."""
    out = io.BytesIO()
    with fits.open(path, memmap=False) as hdus:
        for hdu in hdus:
            for keyword in _TIMES_OF_WRITING:
                hdu.header.remove(keyword, ignore_missing=True, remove_all=True)
        hdus.writeto(out)
    return out.getvalue()


def model_text(models: Any) -> str:
    """Return models of gammapy's as YAML, without the time of writing."""
    return str(re.sub(r"(?m)^    date: .*\n", "", models.to_yaml()))
