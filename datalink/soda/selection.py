# SPDX-License-Identifier: GPL-3.0-or-later
"""What a SODA request on an event list asks for: parameters in, selections out (``standards/soda.md``, sections 2, 5).

Rules where the standards leave a choice:

- names are case-insensitive, unknown ones and blank values are ignored; numbers are plain decimals;
- CIRCLE, POLYGON and POS given together are several filters: events must pass all of them;
- intervals that are open at both ends and regions that are the whole sky are no filters;
- several values make several selections (async) or are refused (sync); those of EVENT_TYPE are one filter;
- RESPONSES and RESPONSEFORMAT take one value in both cases.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datalink.soda.dali import Interval, NumberError, parse_interval, parse_numbers, shown
from datalink.soda.errors import MULTIPLE, SodaError, usage_error
from datalink.soda.regions import MAX_VERTICES, Circle, Polygon, Range, Region, RegionError
from ingest.coverage import EV_PER_TEV, HC_EV_M

FITS_TYPE = "application/fits"
VOTABLE_TYPE = "application/x-votable+xml"
FORMATS = {
    "fits": FITS_TYPE,
    "application/fits": FITS_TYPE,
    "votable": VOTABLE_TYPE,
    "application/x-votable+xml": VOTABLE_TYPE,
}
"""What RESPONSEFORMAT may say, in lower case and without media type parameters."""

PARAMETERS = ("CIRCLE", "POLYGON", "POS", "TIME", "BAND", "ENERGY", "EVENT_TYPE", "RESPONSES", "RESPONSEFORMAT")
"""Names this module knows; ID is not among them."""

MAX_CHARACTERS = 40_000
"""Longest value of POS and POLYGON; others are a few numbers or a word."""

MAX_WORD_CHARACTERS = 200
MAX_EVENT_TYPES = 64
MAX_COMBINATIONS = 1000

HC_TEV_M = HC_EV_M / EV_PER_TEV
_EVENT_TYPE = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?")
_SHAPES = ("CIRCLE", "RANGE", "POLYGON")


@dataclass(frozen=True, slots=True)
class Selection:
    """One filter on an event list, and what to answer with.

    Attributes
    ----------
    circle, polygon, pos
        Regions from the parameters of these names.
    time_mjd_utc
        From TIME.
    band_m, energy_tev
        From BAND and ENERGY, as they were given; `energies_tev` is both as one.
    event_types
        Labels or numbers, any of which an event may have; empty for all.
    with_responses
        Whether the responses are wanted, too.
    media_type
        `FITS_TYPE` or `VOTABLE_TYPE`.
    """

    circle: Circle | None = None
    polygon: Polygon | None = None
    pos: Region | None = None
    time_mjd_utc: Interval | None = None
    band_m: Interval | None = None
    energy_tev: Interval | None = None
    event_types: tuple[str, ...] = ()
    with_responses: bool = True
    media_type: str = FITS_TYPE

    @property
    def regions(self) -> tuple[Region, ...]:
        """All regions; an event must be in every one."""
        return tuple(region for region in (self.circle, self.polygon, self.pos) if region is not None)

    @property
    def energies_tev(self) -> Interval | None:
        """The energies that pass both BAND and ENERGY, perhaps none (`Interval.is_empty`)."""
        if self.band_m is None:
            return self.energy_tev
        band = Interval(*(_energy_tev(length) for length in (self.band_m.high, self.band_m.low)))
        return band if self.energy_tev is None else band.intersection(self.energy_tev)

    @property
    def is_filter(self) -> bool:
        """Whether events can be left out."""
        return bool(self.regions or self.time_mjd_utc or self.energies_tev or self.event_types)

    @property
    def is_trivial(self) -> bool:
        """Whether the answer is the dataset as it is, byte for byte."""
        return not self.is_filter and self.with_responses and self.media_type == FITS_TYPE

    def parameters(self) -> list[tuple[str, str]]:
        """Return the request as pairs of SODA parameter and value, in the order of `PARAMETERS`."""
        pairs: list[tuple[str, str]] = []
        if self.circle is not None:
            pairs.append(("CIRCLE", self.circle.values))
        if self.polygon is not None:
            pairs.append(("POLYGON", self.polygon.values))
        others = {"POS": self.pos, "TIME": self.time_mjd_utc, "BAND": self.band_m, "ENERGY": self.energy_tev}
        pairs += [(name, str(value)) for name, value in others.items() if value is not None]
        pairs += [("EVENT_TYPE", value) for value in self.event_types]
        if not self.with_responses:
            pairs.append(("RESPONSES", "omit"))
        if self.media_type != FITS_TYPE:
            pairs.append(("RESPONSEFORMAT", self.media_type))
        return pairs


def parse_selection(parameters: Mapping[str, Sequence[str]]) -> Selection:
    """Read the parameters of a synchronous request.

    Parameters
    ----------
    parameters
        Values by name in any case; ID and unknown names are ignored.

    Raises
    ------
    SodaError
        UsageError with a sentence; MultiValuedParamNotSupported for several values of anything but EVENT_TYPE.
    """
    values = _known(parameters)
    for name, given in values.items():
        if len(given) > 1 and name != "EVENT_TYPE":
            raise SodaError(MULTIPLE, f"{name} takes one value in a synchronous request; send several to async.")
    return _combinations(values)[0]


def parse_selections(parameters: Mapping[str, Sequence[str]]) -> list[Selection]:
    """Read the parameters of an asynchronous request: one selection for each combination of values.

    Raises
    ------
    SodaError
        UsageError with a sentence; MultiValuedParamNotSupported for several RESPONSES or RESPONSEFORMATs.
    """
    values = _known(parameters)
    for name in ("RESPONSES", "RESPONSEFORMAT"):
        if len(values.get(name, ())) > 1:
            raise SodaError(MULTIPLE, f"{name} takes one value, which holds for all results.")
    n_combinations = math.prod(len(given) for name, given in values.items() if name != "EVENT_TYPE")
    if n_combinations > MAX_COMBINATIONS:
        raise usage_error(
            f"The values make {n_combinations} combinations; at most {MAX_COMBINATIONS} are made in one job."
        )
    return _combinations(values)


def _known(parameters: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the non-blank values of known parameters by upper-case name, none of them too long."""
    values: dict[str, list[str]] = {}
    for name, given in parameters.items():
        key = name.upper()
        if key not in PARAMETERS:
            continue
        longest = MAX_CHARACTERS if key in ("POS", "POLYGON") else MAX_WORD_CHARACTERS
        for value in [given] if isinstance(given, str) else given:
            if len(value) > longest:
                raise usage_error(f"A value of {key} has {len(value)} characters; at most {longest} are read.")
            if value.strip():
                values.setdefault(key, []).append(value.strip())
    return values


def _combinations(values: Mapping[str, Sequence[str]]) -> list[Selection]:
    fields: list[list[tuple[str, Any]]] = [[("event_types", _event_types(values.get("EVENT_TYPE", ())))]]
    for name, (field, parse) in _PARSERS.items():
        if name in values:
            fields.append([(field, _parsed(name, value, parse)) for value in values[name]])
    return [Selection(**dict(combination)) for combination in itertools.product(*fields)]


def _parsed(name: str, value: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(value)
    except (NumberError, RegionError) as exc:
        raise usage_error(f"{name} cannot be used: {exc}") from None


def _circle(value: str) -> Circle | None:
    numbers = parse_numbers(value)
    if len(numbers) != 3:
        raise NumberError(f"a circle is ra, dec and radius in degrees, not {len(numbers)} numbers.")
    circle = Circle(*numbers)
    return None if circle.is_everything else circle


def _range(value: str) -> Range | None:
    numbers = parse_numbers(value, infinite=True)
    if len(numbers) != 4:
        raise NumberError(f"a range is ra_min ra_max dec_min dec_max in degrees, not {len(numbers)} numbers.")
    limits = Range(*numbers)
    return None if limits.is_everything else limits


def _polygon(value: str) -> Polygon:
    numbers = parse_numbers(value)
    if len(numbers) % 2 or len(numbers) < 6:
        raise NumberError(f"a polygon is at least three pairs of ra and dec in degrees, not {len(numbers)} numbers.")
    if len(numbers) > 2 * MAX_VERTICES + 2:
        raise NumberError(f"a polygon has at most {MAX_VERTICES} vertices, not {len(numbers) // 2}.")
    return Polygon(list(zip(numbers[::2], numbers[1::2], strict=True)))


def _pos(value: str) -> Region | None:
    shape, _, numbers = value.replace("\t", " ").partition(" ")
    if shape.upper() == "CIRCLE":
        return _circle(numbers)
    if shape.upper() == "RANGE":
        return _range(numbers)
    if shape.upper() == "POLYGON":
        return _polygon(numbers)
    raise NumberError(f"it begins with {', '.join(_SHAPES[:-1])} or {_SHAPES[-1]}, not {shown(shape)}.")


def _interval(value: str) -> Interval | None:
    interval = parse_interval(value)
    return None if interval.is_everything else interval


def _event_types(values: Sequence[str]) -> tuple[str, ...]:
    if len(values) > MAX_EVENT_TYPES:
        raise usage_error(f"EVENT_TYPE was given {len(values)} times; at most {MAX_EVENT_TYPES} values are read.")
    for value in values:
        if not _EVENT_TYPE.fullmatch(value):
            raise usage_error(f"EVENT_TYPE {shown(value)} is no label: use up to 64 printable ASCII characters.")
    return tuple(dict.fromkeys(values))


def _responses(value: str) -> bool:
    if value.lower() not in ("include", "omit"):
        raise NumberError(f"it is include or omit, not {shown(value)}.")
    return value.lower() == "include"


def _format(value: str) -> str:
    media_type = FORMATS.get(value.partition(";")[0].strip().lower())
    if media_type is None:
        raise NumberError(f"it is {FITS_TYPE} or {VOTABLE_TYPE}, not {shown(value)}.")
    return media_type


def _energy_tev(wavelength_m: float) -> float:
    return math.inf if wavelength_m <= 0 else HC_TEV_M / wavelength_m


_PARSERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "CIRCLE": ("circle", _circle),
    "POLYGON": ("polygon", _polygon),
    "POS": ("pos", _pos),
    "TIME": ("time_mjd_utc", _interval),
    "BAND": ("band_m", _interval),
    "ENERGY": ("energy_tev", _interval),
    "RESPONSES": ("with_responses", _responses),
    "RESPONSEFORMAT": ("media_type", _format),
}
