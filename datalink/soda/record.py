# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cut-out says about itself: data sub-space keywords and HISTORY (``standards/soda.md``, section 5.2, rule 7).

Entries of the data sub-space are conditions that all hold.  One that exists is
narrowed where the result is one of its kind; where it is not (two circles that
overlap), the new one is added.  Open ends of energies without a limit so far
are written as 0 and 1e6 TeV, since readers expect two numbers.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from datalink.soda.dali import Interval
from datalink.soda.fitswriter import Cards
from datalink.soda.regions import Circle, Region, RegionError
from datalink.soda.selection import Selection
from ingest.header import text
from ingest.response_table import TEV

_MAX_ENTRIES = 99
_HIGHEST_TEV = 1e6
_NUMBER = r"\s*([-+0-9.eE]+)\s*"
_ENERGIES = re.compile(f"{_NUMBER}:{_NUMBER}")
_CIRCLE = re.compile(rf"CIRCLE\({_NUMBER},{_NUMBER},{_NUMBER}\)", re.IGNORECASE)
_KIND_COMMENT = "Data sub-space type"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a cut-out comes from: the dataset, the service and software that made it, and when.

    Without the time the same cut gives the same bytes.
    `product` is where the cut-out's own provenance is told, `infos` more about the origin (DataOrigin), for VOTables.
    """

    publisher_did: str
    service: str
    version: str
    utc_now: datetime.datetime | None
    product: str | None = None
    infos: tuple[tuple[str, str], ...] = ()


class Subspace:
    """The data sub-space keywords of a header (DSTYPn, DSUNIn, DSVALn, DSREFn, NDSKEYS)."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards
        header = cards.values()
        self._entries = {
            number: (kind.upper(), text(header, f"DSUNI{number}") or "", text(header, f"DSVAL{number}") or "")
            for number in range(1, _MAX_ENTRIES + 1)
            if (kind := text(header, f"DSTYP{number}"))
        }

    def limit_time(self) -> None:
        """Refer to the good time intervals."""
        if not any(kind == "TIME" for kind, _, _ in self._entries.values()):
            self._add("TIME", "s", "TABLE", ":GTI")

    def limit_energies(self, energies_tev: Interval) -> None:
        """Narrow the range of energies."""
        for number, (kind, unit, value) in self._entries.items():
            factor = TEV.get(unit.lower() or "tev")
            known = _numbers(_ENERGIES, value) if kind == "ENERGY" and factor else None
            if not known or not factor:
                continue
            low, high = max(known[0], energies_tev.low / factor), min(known[1], energies_tev.high / factor)
            if low <= high:
                self._change(number, f"{low:.12g}:{high:.12g}")
                return
        low, high = max(energies_tev.low, 0.0), min(energies_tev.high, _HIGHEST_TEV)
        self._add("ENERGY", "TeV", f"{low:.12g}:{high:.12g}")

    def limit_region(self, region: Region) -> None:
        """Narrow the region."""
        if isinstance(region, Circle):
            for number, known in self._circles():
                if known.is_within(region):
                    return
                if region.is_within(known):
                    self._change(number, _function(region))
                    return
        self._add("POS(RA,DEC)", "deg", _function(region))

    def limit_types(self, kind: str, unit: str, value: str) -> None:
        """Add the event types that were kept."""
        self._add(kind, unit, value)

    def _circles(self) -> Iterator[tuple[int, Circle]]:
        for number, (kind, _, value) in self._entries.items():
            values = _numbers(_CIRCLE, value) if kind.startswith("POS") else None
            if values:
                try:
                    yield number, Circle(*values)
                except RegionError:
                    continue

    def _change(self, number: int, value: str) -> None:
        kind, unit, _ = self._entries[number]
        self._entries[number] = (kind, unit, value)
        self._cards.set(f"DSVAL{number}", value)

    def _add(self, kind: str, unit: str, value: str, reference: str = "") -> None:
        number = max(self._entries, default=0) + 1
        if number > _MAX_ENTRIES:
            return
        self._entries[number] = (kind, unit, value)
        self._cards.set(f"DSTYP{number}", kind, _KIND_COMMENT)
        self._cards.set(f"DSUNI{number}", unit, "Data sub-space unit")
        self._cards.set(f"DSVAL{number}", value, "Data sub-space value")
        if reference:
            self._cards.set(f"DSREF{number}", reference, "Data sub-space reference")
        self._cards.set("NDSKEYS", number, "Number of data sub-space keys")


def _numbers(pattern: re.Pattern[str], value: str) -> list[float] | None:
    match = pattern.fullmatch(value.strip())
    try:
        numbers = [float(group) for group in match.groups()] if match else []
    except ValueError:
        return None
    return numbers if numbers and all(map(math.isfinite, numbers)) else None


def _function(region: Region) -> str:
    """Return a region as ctools and Fermi's tools write one: ``CIRCLE(ra,dec,radius)``."""
    shape, *numbers = str(region).split()
    return f"{shape}({','.join(numbers)})"


def history_lines(selection: Selection, origin: Origin) -> list[str]:
    """Return what was done, a sentence or a parameter a line; HISTORY of the event table."""
    moment = origin.utc_now
    if moment is not None and moment.tzinfo:
        moment = moment.astimezone(datetime.timezone.utc)
    when = "" if moment is None else f", on {moment:%Y-%m-%dT%H:%M:%SZ}"
    lines = [
        f"Cut-out (SODA) of {origin.publisher_did}",
        f"Made by {origin.version}, service {origin.service}{when}",
        *(f"{name}={value}" for name, value in selection.parameters()),
    ]
    if origin.product:
        lines.append(f"Provenance: {origin.product}")
    if selection.regions:
        lines.append("Events outside the region were left out: an exposure there has no meaning.")
    if selection.time_mjd_utc is not None:
        lines.append(
            "GTI, TSTART, TSTOP, ONTIME, TELAPSE and DATE keywords follow the cut in TIME. LIVETIME is DEADC times"
            " ONTIME, DEADC being that of the whole observation; other averages (ALT_PNT, TRGRATE, ...) are unchanged."
        )
    return lines


def gti_history_lines(origin: Origin, interval: Interval) -> list[str]:
    """Return HISTORY of the good time intervals."""
    return [f"Cut to TIME={interval} (MJD UTC) out of {origin.publisher_did}"]
