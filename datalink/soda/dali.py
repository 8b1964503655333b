# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and intervals as DALI parameters write them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_SHOWN = 20


class NumberError(ValueError):
    """A text that is not the number it should be; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval; infinite ends are open."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{number_text(self.low)} {number_text(self.high)}"

    @property
    def is_everything(self) -> bool:
        """Whether both ends are open."""
        return self.low == -math.inf and self.high == math.inf

    @property
    def is_empty(self) -> bool:
        """Whether no number lies in it."""
        return not self.low <= self.high

    def intersection(self, other: Interval) -> Interval:
        """Return what both have in common; it may be empty."""
        return Interval(max(self.low, other.low), min(self.high, other.high))


def number_text(value: float) -> str:
    """Return a number as DALI writes it: ``Inf``, ``-Inf``, else the shortest text that reads back the same."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def shown(text: str) -> str:
    """Return a user's text for a sentence: short, on one line, ASCII."""
    short = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return "'" + "".join(char if " " <= char <= "~" else "?" for char in short) + "'"


def parse_numbers(text: str, *, infinite: bool = False) -> list[float]:
    """Read numbers separated by blanks.

    Parameters
    ----------
    text
        Decimal numbers, with exponent if need be; nothing else that Python would take (``1_000``, ``0x10``).
    infinite
        Whether ``Inf``, ``+Inf`` and ``-Inf`` are numbers, too.

    Raises
    ------
    NumberError
        With a sentence that shows the text that is wrong.
    """
    return [_parsed(word, infinite) for word in text.split()]


def _parsed(word: str, infinite: bool) -> float:
    if _DECIMAL.fullmatch(word):
        value = float(word)
        if math.isfinite(value):
            return value
        raise NumberError(f"{shown(word)} is too large a number; write Inf for an open end.")
    if _INFINITE.fullmatch(word):
        if infinite:
            return float(word)
        raise NumberError(f"{shown(word)} is not possible here; a finite number is needed.")
    if word.lower().lstrip("+-") == "nan":
        raise NumberError("NaN is not a number that can be compared; write -Inf or Inf for an open end.")
    raise NumberError(f"{shown(word)} is not a decimal number; separate numbers by blanks, as in 83.6 22.0 0.5.")


def parse_interval(text: str) -> Interval:
    """Read an interval of two numbers; equal ones are a single value.

    Raises
    ------
    NumberError
        When it is no interval, holds NaN or is reversed.
    """
    values = parse_numbers(text, infinite=True)
    if len(values) != 2:
        raise NumberError(f"an interval is two numbers separated by a blank, not {len(values)}.")
    low, high = values
    if low > high:
        raise NumberError(
            f"the interval is reversed ({number_text(low)} > {number_text(high)}); the smaller comes first."
        )
    if low == math.inf or high == -math.inf:
        raise NumberError("an interval that begins at Inf or ends at -Inf holds no number.")
    return Interval(low, high)
