"""Headers of FITS files: cards to plain values, and values asked for as numbers or texts (FITS 4.0, section 4)."""

from __future__ import annotations

import math
from collections.abc import Mapping

Value = str | int | float | bool | None
Header = Mapping[str, Value]

CARD = 80


def number(header: Header, *keys: str) -> float | None:
    """Return the first finite number among some keywords; text holding a number counts, booleans do not."""
    for key in keys:
        value = header.get(key)
        if value is None or isinstance(value, bool):
            continue
        try:
            parsed = float(value)
        except (ValueError, OverflowError):
            continue
        if math.isfinite(parsed):
            return parsed
    return None


def integer(header: Header, *keys: str) -> int | None:
    """Return the first whole number among some keywords."""
    for key in keys:
        value = header.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        parsed = number(header, key)
        if parsed is not None and parsed == int(parsed):
            return int(parsed)
    return None


def text(header: Header, *keys: str) -> str | None:
    """Return the first non-empty text among some keywords, stripped; numbers are written out."""
    for key in keys:
        value = header.get(key)
        if value is None or isinstance(value, bool):
            continue
        stripped = " ".join(str(value).split())
        if stripped:
            return stripped
    return None


def parse_cards(block: str, header: dict[str, Value]) -> bool:
    """Add the cards of one header block to `header`; return whether END was met (FITS 4.0, section 4.1).

    The first of duplicate keywords counts; CONTINUE (4.2.1.2) and HIERARCH are understood; COMMENT and HISTORY are
    left out.
    """
    # The entry "" keeps the keyword that a CONTINUE would continue; END removes it.
    for start in range(0, len(block), CARD):
        key = block[start : start + 8].rstrip()
        if block[start + 8 : start + 10] == "= ":
            header[""] = key if key not in header else ""
            header.setdefault(key, _card_value(block[start + 10 : start + CARD]))
        elif key == "END":
            header.pop("", None)
            return True
        elif key == "CONTINUE":
            last = str(header.get("") or "")
            value = header.get(last)
            if last and isinstance(value, str) and value.endswith("&"):
                header[last] = value[:-1] + str(_card_value(block[start + 8 : start + CARD]) or "")
        elif key == "HIERARCH":
            name, equals, field = block[start + 9 : start + CARD].partition("=")
            if equals:
                header[""] = name.strip() if name.strip() not in header else ""
                header.setdefault(name.strip(), _card_value(field))
    return False


def _card_value(field: str) -> Value:
    field = field.lstrip()
    if field.startswith("'"):
        end = 1
        while True:
            end = field.find("'", end)
            if end < 0:
                return field[1:].rstrip()
            if field[end + 1 : end + 2] != "'":
                return field[1:end].replace("''", "'").rstrip()
            end += 2
    token = field.partition("/")[0].strip()
    if token in ("T", "F"):
        return token == "T"
    if "_" in token:  # Python takes 1_000 for a number, FITS does not
        return token
    try:
        return int(token)
    except ValueError:
        pass
    try:
        return float(token.replace("D", "E"))
    except ValueError:
        return token or None
