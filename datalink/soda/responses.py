# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes responses on byte for byte, from the dataset's own file or from files that several datasets share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from datalink.soda.errors import failure
from datalink.soda.fitsstream import FitsStream, StreamedHdu, open_fits
from datalink.soda.regions import Circle, Region
from datalink.soda.sinks import Sink
from ingest import gadf
from ingest.fitsfile import HDU, FitsError
from ingest.header import number, text
from ingest.response_table import DEG

_SMALL_BYTES = 2**20


class SharedResponse(NamedTuple):
    """A response in another file, as an hdu-index names it."""

    path: Path
    hdu_name: str


def copy_response(sink: Sink, stream: FitsStream, streamed: StreamedHdu, regions: Sequence[Region]) -> list[str]:
    """Copy a response and return what the user should know about it and the regions asked for."""
    radius_deg = None
    if regions and streamed.n_data_bytes <= _SMALL_BYTES:
        data = stream.read(streamed.n_data_bytes)
        radius_deg = _point_like_radius_deg(HDU(streamed.hdu.number, streamed.hdu.header, data))
        sink.copy(streamed, [data, *stream.pieces_with_padding()])
    else:
        sink.copy(streamed, stream.pieces_with_padding())
    smallest = min((region.radius_deg for region in regions if isinstance(region, Circle)), default=None)
    if radius_deg is None or smallest is None or smallest >= radius_deg * (1 - 1e-6):
        return []
    return [
        f"The circle is smaller than RAD_MAX ({radius_deg:.3g} deg) of the point-like responses, which hold for events"
        " within RAD_MAX of the source."
    ]


def append_shared(sink: Sink, responses: Sequence[SharedResponse], regions: Sequence[Region]) -> list[str]:
    """Append responses of other files and return what the user should know.

    Raises
    ------
    SodaError
        When a file cannot be read, or a response is not in it.
    """
    notes: list[str] = []
    left_out: list[str] = []
    for path in dict.fromkeys(response.path for response in responses):
        wanted = {response.hdu_name.strip().upper() for response in responses if response.path == path}
        try:
            with open_fits(path) as stream:
                found, primary, more = _append_from(sink, stream, wanted, regions)
        except OSError as exc:
            # what cannot be opened has a name, a full disk has none
            raise (_unavailable() if exc.filename else exc) from exc
        except (ValueError, ArithmeticError, LookupError) as exc:
            raise _unavailable() from exc
        if wanted - found - primary:
            raise _unavailable()
        notes += more
        left_out += sorted(primary)
    if left_out:
        notes.append(f"Not included, since primary HDUs cannot be appended: {', '.join(left_out)}.")
    return notes


def _append_from(
    sink: Sink, stream: FitsStream, wanted: set[str], regions: Sequence[Region]
) -> tuple[set[str], set[str], list[str]]:
    """Append the HDUs of these names and the tables of bands that go with maps; return which there were."""
    found: set[str] = set()
    primary: set[str] = set()
    bands: set[str] = set()
    notes: list[str] = []
    for streamed in stream:
        name = streamed.hdu.name
        if name not in wanted | bands:
            continue
        if streamed.hdu.number == 0:
            primary.add(name)
            continue
        notes += copy_response(sink, stream, streamed, regions)
        found.add(name)
        bands.add((text(streamed.hdu.header, "BANDSHDU") or name).upper())
    return found, primary, notes


def _unavailable() -> Exception:
    return failure("A response of this dataset cannot be read; ask with RESPONSES=omit for the events alone.")


def _point_like_radius_deg(hdu: HDU) -> float | None:
    """Return the largest radius of the directional cut that a point-like response goes with."""
    role = gadf.role_of(hdu)
    try:
        column = hdu.columns().get("RAD_MAX")
        if role is not None and role.hdu_type == gadf.RAD_MAX and column is not None:
            return float(hdu.read(column).max()) * DEG.get(column.unit.lower() or "deg", 1.0)
    except (FitsError, ValueError):
        return None
    if str(hdu.header.get("HDUCLAS3") or "").strip().upper() == "POINT-LIKE":
        return number(hdu.header, "RAD_MAX")
    return None
