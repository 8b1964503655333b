"""Reads ECSV (enhanced character-separated values, APE 6) without trusting it.

Only what tables of products use is understood: columns of numbers, truth values and texts. astropy's own reader builds
arbitrary astropy objects from what the header says; this one builds arrays.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IngestError
from ingest.products import safe_yaml
from ingest.products.tables import Column, ProductTable

# Published tables take kilobytes; a listing of half a million files takes 100 MB, longer ones are split.
MAX_BYTES = 128 * 2**20
_INTEGERS = {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
_FLOATS = {"float16", "float32", "float64", "float128"}
_MISSING = {"", "--", "nan", "none", "null"}


def read_ecsv(path: Path) -> ProductTable:
    """Read a table.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    ProductTable
        Numbers are in double precision, missing ones NaN; missing texts are empty. Keywords come from ``meta``.

    Raises
    ------
    IngestError
        When this is no sound ECSV.
    OSError
        When the file cannot be read.
    """
    if path.stat().st_size > MAX_BYTES:
        raise IngestError(f"the table is larger than {MAX_BYTES // 2**20} MiB.")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as exc:
        raise IngestError("the table is not in UTF-8.") from exc
    return parse_ecsv(text)


def parse_ecsv(text: str) -> ProductTable:
    """Return the table a text holds; see `read_ecsv`."""
    lines = text.splitlines()
    header_lines = []
    for line in lines:
        if not line.startswith("#"):
            break
        header_lines.append(line[2:] if line.startswith("# ") else line[1:])
    if not header_lines or not header_lines[0].strip().startswith("%ECSV"):
        raise IngestError("the table does not begin with '# %ECSV'.")
    header = safe_yaml.load("\n".join(header_lines[1:]))
    if not isinstance(header, dict) or not isinstance(header.get("datatype"), list):
        raise IngestError("the header of the table lists no columns (datatype).")
    definitions = [_definition(item) for item in header["datatype"]]
    delimiter = header.get("delimiter", " ")
    if delimiter not in (" ", ","):
        raise IngestError("the columns of an ECSV table are separated by blanks or commas.")
    rows = _rows(lines[len(header_lines) :], delimiter, [name for name, _, _, _ in definitions])
    columns: dict[str, Column] = {}
    for number, (name, kind, unit, description) in enumerate(definitions):
        cells = [row[number] for row in rows]
        columns[name.lower()] = Column(name.lower(), _values(cells, kind, name), unit, description)
    meta = {key.upper(): value for key, value in safe_yaml.as_mapping(header.get("meta")).items()}
    return ProductTable(columns, meta, len(rows))


def _definition(item: Any) -> tuple[str, str, str, str]:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise IngestError("the header of the table has a column without name.")
    return (
        item["name"],
        str(item.get("datatype", "string")),
        str(item.get("unit") or ""),
        " ".join(str(item.get("description") or "").split()),
    )


def _rows(lines: list[str], delimiter: str, names: list[str]) -> list[list[str]]:
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True, doublequote=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            # a trailing blank makes an empty cell at the end of the line
            cells = row[:-1] if delimiter == " " and row and row[-1] == "" and len(row) == len(names) + 1 else row
            if not cells or (len(cells) == 1 and not cells[0].strip() and len(names) > 1):
                continue
            if cells[0].startswith("#"):
                continue
            rows.append(cells)
    except csv.Error as exc:
        raise IngestError(f"the table cannot be split into columns ({exc}).") from exc
    if not rows or [cell.strip() for cell in rows[0]] != names:
        raise IngestError("the line of column names does not agree with the header of the table.")
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(names):
            raise IngestError(f"row {number} of the table has {len(row)} cells instead of {len(names)}.")
    return rows[1:]


def _values(cells: list[str], kind: str, name: str) -> NDArray[Any]:
    if kind == "bool":
        return np.array([cell.strip().lower() in ("true", "1") for cell in cells], dtype=np.bool_)
    if kind in _INTEGERS or kind in _FLOATS:
        try:
            return np.array(
                [np.nan if cell.strip().lower() in _MISSING else float(cell) for cell in cells], dtype=np.float64
            )
        except ValueError as exc:
            raise IngestError(f"the column {name} holds something that is no number ({exc}).") from exc
    return np.array([cell.strip() for cell in cells], dtype=np.str_)
