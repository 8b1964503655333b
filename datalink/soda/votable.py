# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the selected events as a VOTable 1.4, as they come.

A row of a FITS binary table is a row of VOTable's BINARY2 but for the flags of
missing values in front: both are big-endian numbers, one after the other.  So
rows are copied, and only scaled columns are calculated; nothing is held in
memory, and there is no limit to the number of events.  Columns of
variable-length arrays are left out.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from datalink.soda.clock import Clock
from datalink.soda.fitsstream import StreamedHdu
from datalink.soda.fitswriter import Cards
from datalink.soda.record import Origin, history_lines
from datalink.soda.selection import Selection
from datalink.soda.sinks import TableTarget
from ingest import gadf
from ingest.fitsfile import HDU, Column, FitsError
from ingest.header import Header, Value, integer, number, text

_TYPES = {
    "L": ("boolean", 1),
    "X": ("bit", 0),
    "B": ("unsignedByte", 1),
    "I": ("short", 2),
    "J": ("int", 4),
    "K": ("long", 8),
    "E": ("float", 4),
    "D": ("double", 8),
    "A": ("char", 1),
    "C": ("floatComplex", 8),
    "M": ("doubleComplex", 16),
}
_UCDS = {
    "EVENT_ID": "meta.id;meta.main",
    "TIME": "time.epoch;meta.main",
    "RA": "pos.eq.ra;meta.main",
    "DEC": "pos.eq.dec;meta.main",
    "ENERGY": "phys.energy;meta.main",
    "EVENT_TYPE": "meta.code.qual",
    "MULTIP": "meta.number",
    "GLON": "pos.galactic.lon",
    "GLAT": "pos.galactic.lat",
    "ALT": "pos.az.alt",
    "AZ": "pos.az.azi",
    "START": "time.start",
    "STOP": "time.end",
}
_COORDINATES = {"RA": "sky", "DEC": "sky", "TIME": "time", "START": "time", "STOP": "time"}
_TEXT_PARAMS = ("OBS_ID", "TELESCOP", "INSTRUME", "OBJECT", "OBS_MODE", "CREATOR")
_NUMBER_PARAMS = (
    ("RA_PNT", "deg"),
    ("DEC_PNT", "deg"),
    ("TSTART", "s"),
    ("TSTOP", "s"),
    ("ONTIME", "s"),
    ("LIVETIME", "s"),
    ("DEADC", ""),
)
_SCALES = {"utc": "UTC", "tai": "TAI", "tt": "TT", "tdb": "TDB", "tcb": "TCB"}
_TIME_UNITS = {1.0: "s", 60.0: "min", 3600.0: "h", 86400.0: "d"}
# A multiple of three, so that pieces of base64 can follow each other.
_LINE_BYTES = 3 * 2**14


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the VOTable and how its cells come from those of the FITS table."""

    column: Column
    datatype: str
    arraysize: str
    width: int
    is_scaled: bool


def fields_of(hdu: HDU) -> list[Field]:
    """Return the fields of a FITS table."""
    fields = []
    for column in hdu.columns().values():
        if column.code not in _TYPES or column.repeat == 0:
            continue
        datatype, width = _TYPES[column.code]
        is_scaled = column.code in "BIJKED" and (column.scale != 1.0 or column.zero != 0.0)
        if is_scaled:
            exact = column.is_integer and column.zero < 2**62
            datatype, width = ("long", 8) if exact else ("double", 8)
        n_bytes = -(-column.repeat // 8) if column.code == "X" else width * column.repeat
        shape = column.shape if column.code != "X" else (column.repeat,)
        arraysize = "x".join(str(size) for size in reversed(shape))
        fields.append(Field(column, datatype, arraysize, n_bytes, is_scaled))
    return fields


class RowEncoder:
    """Turns rows of a FITS table into rows of BINARY2."""

    def __init__(self, hdu: HDU, fields: list[Field]) -> None:
        self._hdu = hdu
        self._fields = fields
        self._flag_bytes = -(-len(fields) // 8)
        self._row_bytes = integer(hdu.header, "NAXIS1") or 0

    def encode(self, rows: bytes) -> bytes:
        """Return the encoded rows."""
        n_rows = len(rows) // self._row_bytes if self._row_bytes else 0
        if n_rows == 0:
            return b""
        chunk = HDU(self._hdu.number, dict(self._hdu.header, NAXIS2=n_rows), rows)
        out = np.zeros((n_rows, self._flag_bytes + sum(field.width for field in self._fields)), np.uint8)
        place = self._flag_bytes
        for index, field in enumerate(self._fields):
            out[:, place : place + field.width] = self._cells(chunk, field)
            place += field.width
            if field.column.null is not None and field.column.repeat == 1:
                missing = np.isnan(chunk.read(field.column)).reshape(n_rows)
                out[missing, index // 8] |= 0x80 >> (index % 8)
        return out.tobytes()

    def _cells(self, chunk: HDU, field: Field) -> NDArray[np.uint8]:
        if not field.is_scaled:
            return chunk.cell_bytes(field.column, field.width)
        values = chunk.read(field.column).reshape(chunk.n_rows, -1)
        if field.datatype == "long":
            # exact, unlike `values`, where 64-bit numbers do not fit into a double
            raw = chunk.cell_bytes(field.column, field.width // 8 * _TYPES[field.column.code][1])
            kind = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8"}[field.column.code]
            whole = np.ascontiguousarray(raw).view(kind).astype(np.int64) + int(field.column.zero)
            return whole.astype(">i8").view(np.uint8)
        return np.ascontiguousarray(values.astype(">f8")).view(np.uint8)


class VOTableSink:
    """Writes EVENTS, then GTI and the values of the observation; other HDUs are left out."""

    wants_heap = False
    wants_others = False

    def __init__(self, out: BinaryIO, selection: Selection, origin: Origin) -> None:
        self._out = out
        self._infos = [("QUERY_STATUS", "OK"), ("ID", origin.publisher_did)]
        self._infos += origin.infos
        self._infos += [("HISTORY", line) for line in history_lines(selection, origin)]
        self._held: list[_GtiTable] = []
        self._header: Header = {}
        self._n_tables = 0
        self._write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        )

    def table(self, hdu: HDU, cards: Cards, clock: Clock | None) -> TableTarget:
        """Begin a table; good time intervals are kept until the end, so that events come first."""
        self._n_tables += 1
        writer = _TableWriter(self._out, hdu, clock, str(self._n_tables))
        role = gadf.role_of(hdu)
        if role is not None and role.hdu_type == gadf.GTI:
            held = _GtiTable(writer)
            self._held.append(held)
            return held
        self._write(f"<RESOURCE{' type=' + quoteattr('results') if not self._header else ''}>\n")
        self._write("".join(_info(*info) for info in self._infos))
        writer.begin()
        return _EventTable(writer, self)

    def copy(self, streamed: StreamedHdu, data: Iterable[bytes]) -> None:
        """Leave an HDU out."""

    def close_resource(self) -> None:
        """End the resource of an event table."""
        self._write("</RESOURCE>\n")

    def note_header(self, header: Header) -> None:
        """Take the header of an event table, for the values of the observation."""
        self._header = self._header or header

    def finish(self) -> None:
        """Write what was kept, and the end."""
        self._write('<RESOURCE name="observation">\n' + "".join(_params(self._header)) + "</RESOURCE>\n")
        for held in self._held:
            self._write("<RESOURCE>\n")
            held.write_all()
            self._write("</RESOURCE>\n")
        self._write("</VOTABLE>\n")

    def _write(self, text: str) -> None:
        self._out.write(text.encode("utf-8"))


class _TableWriter:
    """Writes a TABLE with its coordinate systems and rows."""

    def __init__(self, out: BinaryIO, hdu: HDU, clock: Clock | None, suffix: str) -> None:
        self._out = out
        self._hdu = hdu
        self._clock = clock
        self._suffix = suffix
        self._fields = fields_of(hdu)
        if not self._fields:
            raise FitsError(f"the table {hdu.name} has no column that a VOTable could hold.")
        self._encoder = RowEncoder(hdu, self._fields)
        self._rest = b""

    def begin(self) -> None:
        """Write everything before the rows."""
        header = self._hdu.header
        lines = []
        frame = (text(header, "RADESYS", "RADECSYS") or "ICRS").upper()
        frame = frame if frame in ("ICRS", "FK5") else "ICRS"
        equinox = ' equinox="J2000"' if frame == "FK5" else ""
        lines.append(f'<COOSYS ID="sky{self._suffix}" system="{"eq_" + frame if equinox else frame}"{equinox}/>\n')
        if self._clock is not None:
            lines.append(_timesys(self._clock, f"time{self._suffix}"))
        lines.append(f"<TABLE name={quoteattr(self._hdu.name or 'EVENTS')}>\n")
        lines += [self._field(field) for field in self._fields]
        lines.append('<DATA><BINARY2>\n<STREAM encoding="base64">\n')
        self._out.write("".join(lines).encode("utf-8"))

    def rows(self, rows: bytes) -> None:
        """Write rows."""
        data = self._rest + self._encoder.encode(rows)
        whole = len(data) // _LINE_BYTES * _LINE_BYTES
        for start in range(0, whole, _LINE_BYTES):
            self._out.write(binascii.b2a_base64(data[start : start + _LINE_BYTES]))
        self._rest = data[whole:]

    def end(self) -> None:
        """Write everything after the rows."""
        self._out.write(binascii.b2a_base64(self._rest) + b"</STREAM>\n</BINARY2></DATA>\n</TABLE>\n")
        self._rest = b""

    def _field(self, field: Field) -> str:
        name = field.column.name
        unit = field.column.unit
        system = _COORDINATES.get(name)
        if system == "time" and not unit:
            unit = _TIME_UNITS.get(self._clock.unit_s if self._clock else 1.0, "")
        attributes = {
            "name": name,
            "datatype": field.datatype,
            "arraysize": field.arraysize,
            "unit": unit,
            "ucd": _UCDS.get(name, ""),
            "ref": f"{system}{self._suffix}" if system and (system == "sky" or self._clock) else "",
        }
        return f"<FIELD {_attributes(attributes)}/>\n"


class _EventTable:
    def __init__(self, writer: _TableWriter, sink: VOTableSink) -> None:
        self._writer = writer
        self._sink = sink
        self.write = writer.rows

    def end_data(self) -> None:
        self._writer.end()
        self._sink.close_resource()

    def finish(self, header: dict[str, Value]) -> None:
        self._sink.note_header(header)


class _GtiTable:
    def __init__(self, writer: _TableWriter) -> None:
        self._writer = writer
        self._rows: list[bytes] = []
        self.write = self._rows.append

    def end_data(self) -> None:
        pass

    def finish(self, header: dict[str, Value]) -> None:
        pass

    def write_all(self) -> None:
        self._writer.begin()
        for rows in self._rows:
            self._writer.rows(rows)
        self._writer.end()


def _timesys(clock: Clock, identifier: str) -> str:
    """Return the TIMESYS element; its origin is a Julian date in its own scale (VOTable 1.4, section 3.5)."""
    reference = clock.reference
    origin = Decimal(reference.mjdref_int) + Decimal(reference.mjdref_frac) + Decimal("2400000.5")
    attributes = {
        "ID": identifier,
        "timeorigin": f"{origin:.15f}".rstrip("0").rstrip("."),
        "timescale": _SCALES[reference.scale],
        "refposition": "TOPOCENTER",
    }
    return f"<TIMESYS {_attributes(attributes)}/>\n"


def _params(header: Header) -> Iterator[str]:
    for key in _TEXT_PARAMS:
        value = text(header, key)
        if value is not None:
            yield f"<PARAM {_attributes({'name': key, 'datatype': 'char', 'arraysize': '*', 'value': value})}/>\n"
    for key, unit in _NUMBER_PARAMS:
        measured = number(header, key)
        if measured is not None:
            attributes = {"name": key, "datatype": "double", "unit": unit, "value": repr(measured)}
            yield f"<PARAM {_attributes(attributes)}/>\n"


def _info(name: str, value: str) -> str:
    return f"<INFO {_attributes({'name': name, 'value': value})}/>\n"


def _attributes(values: Mapping[str, str]) -> str:
    return " ".join(
        f"{name}={quoteattr(_xml_text(value))}" for name, value in values.items() if value or name == "value"
    )


def _xml_text(value: str) -> str:
    return "".join(char if char >= " " and char not in "\x7f￾￿" else "?" for char in value)
