"""A small VOTable: parameters and columns with numbers, written as TABLEDATA (VOTable 1.4)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

MEDIA_TYPE = "application/x-votable+xml"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column: double numbers, or truth values."""

    name: str
    values: NDArray[np.float64] | NDArray[np.bool_]
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    description: str = ""
    ref: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether no row has a value."""
        return self.values.dtype.kind == "f" and not bool(np.isfinite(self.values).any())


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """A parameter with a text, a number or some numbers; None is left out."""

    name: str
    value: str | float | tuple[float, ...] | None
    unit: str = ""
    ucd: str = ""
    utype: str = ""
    ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Parameters under a utype."""

    utype: str
    params: Sequence[Param]


def votable(
    *,
    name: str,
    utype: str,
    description: str,
    groups: Sequence[Group],
    params: Sequence[Param],
    fields: Sequence[Field],
) -> bytes:
    """Return a VOTable of one table; positions refer to ``icrs``, times (MJD UTC) to ``utc``.

    Parameters
    ----------
    name, utype, description
        Of the table.
    groups, params
        What holds for all of it.
    fields
        Its columns; those without any value are left out.
    """
    return "\n".join(_lines(name, utype, description, groups, params, fields)).encode("utf-8")


def _lines(
    name: str,
    utype: str,
    description: str,
    groups: Sequence[Group],
    params: Sequence[Param],
    fields: Sequence[Field],
) -> Iterator[str]:
    of_type = f" utype={_quoted(utype)}" if utype else ""
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
    yield f'<RESOURCE type="results"{of_type}>'
    yield '<INFO name="QUERY_STATUS" value="OK"/>'
    yield '<COOSYS ID="icrs" system="ICRS"/>'
    yield '<TIMESYS ID="utc" timescale="UTC" refposition="TOPOCENTER" timeorigin="MJD-origin"/>'
    yield f"<TABLE name={_quoted(name)}{of_type}>"
    yield f"<DESCRIPTION>{escape(_clean(description))}</DESCRIPTION>"
    for group in groups:
        present = [param for param in group.params if _is_present(param)]
        if present:
            yield f"<GROUP utype={_quoted(group.utype)}>"
            yield from map(_param, present)
            yield "</GROUP>"
    yield from (_param(param) for param in params if _is_present(param))
    shown = [field for field in fields if not field.is_empty]
    for field in shown:
        datatype = "boolean" if field.values.dtype.kind == "b" else "double"
        attributes = {"unit": field.unit, "ucd": field.ucd, "utype": field.utype, "ref": field.ref}
        written = _attributes(attributes)
        inside = f"<DESCRIPTION>{escape(field.description)}</DESCRIPTION>" if field.description else ""
        yield f'<FIELD name={_quoted(field.name)} datatype="{datatype}"{written}>{inside}</FIELD>'
    yield "<DATA><TABLEDATA>"
    columns = [[_cell(value) for value in field.values.tolist()] for field in shown]
    for row in zip(*columns, strict=True):
        yield "<TR>" + "".join(f"<TD>{cell}</TD>" for cell in row) + "</TR>"
    yield "</TABLEDATA></DATA>"
    yield "</TABLE>"
    yield "</RESOURCE>"
    yield "</VOTABLE>"
    yield ""


def _is_present(param: Param) -> bool:
    if isinstance(param.value, float):
        return math.isfinite(param.value)
    return param.value is not None


def _param(param: Param) -> str:
    if isinstance(param.value, str):
        kind, value = 'datatype="char" arraysize="*"', param.value
    elif isinstance(param.value, tuple):
        kind, value = f'datatype="double" arraysize="{len(param.value)}"', " ".join(map(repr, param.value))
    else:
        whole = isinstance(param.value, int)
        kind, value = f'datatype="{"int" if whole else "double"}"', repr(param.value)
    attributes = {"unit": param.unit, "ucd": param.ucd, "utype": param.utype, "ref": param.ref}
    return f"<PARAM name={_quoted(param.name)} {kind}{_attributes(attributes)} value={_quoted(value)}/>"


def _attributes(attributes: dict[str, str]) -> str:
    return "".join(f" {key}={_quoted(value)}" for key, value in attributes.items() if value)


def _quoted(value: str) -> str:
    return quoteattr(_clean(value))


def _clean(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)


def _cell(value: float | bool) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)
