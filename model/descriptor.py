"""Writes the tables of the model as a stream of an RD."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

from model.reader import Model
from model.tables import Column, Table

_HEAD = """\
<?xml version="1.0" encoding="utf-8"?>
<!-- Generated from model/cta.vo-dml.xml by `make model`; do not edit. -->
<resource schema="cta" resdir=".">
  <meta name="creationDate">2026-11-20T06:00:00Z</meta>
  <meta name="title">{title}</meta>
  <meta name="description">{description}</meta>
  <meta name="subject">gamma-ray-astronomy</meta>

  <STREAM id="tables">
    <doc>The tables of the data model, those that others refer to first.</doc>
"""
_TAIL = """\
  </STREAM>

  <STREAM id="makes">
    <doc>One make for each table of the data model, in the same order, for a data element.</doc>
{makes}
  </STREAM>
</resource>
"""
_NULLS = {"integer": "-2147483648", "smallint": "-32768"}


def descriptor(model: Model, tables: Iterable[Table]) -> str:
    """Return the RD with the streams ``tables`` and ``makes``."""
    tables = list(tables)
    lines = [_HEAD.format(title=model.title, description=model.description)]
    for rank, table in enumerate(tables):
        lines += [line + "\n" for line in _table(table, 100 + rank)]
    makes = "\n".join(f'    <make table="{table.name}"/>' for table in tables)
    return "".join(lines) + _TAIL.format(makes=makes)


def _table(table: Table, rank: int) -> Iterator[str]:
    yield ""
    yield f'    <table id="{table.name}" onDisk="True" adql="True" primary="{",".join(table.primary)}">'
    yield f'      <meta name="title">{_title(table)}</meta>'
    yield f'      <meta name="table-rank">{rank}</meta>'
    text = f'<meta name="description">{table.description}.</meta>'
    yield from textwrap.wrap(text, 110, initial_indent=" " * 6, subsequent_indent=" " * 8, break_on_hyphens=False)
    if not table.is_association:
        yield f'      <meta name="utype">{table.columns[0].utype}</meta>'
    for column in table.columns:
        if column.datatype == "MJD":
            yield f'      <FEED source="rd/timesys#utc-mjd" column="{column.name}"/>'
    for key in table.foreign_keys:
        yield f'      <foreignKey source="{key.column}" inTable="{key.table}" dest="{key.dest}"/>'
    for index in table.indexes:
        yield f"      {_index(table, index)}"
    for column in table.columns:
        yield from _column(column)
    yield "    </table>"


def _title(table: Table) -> str:
    return table.name.replace("_", " ").capitalize()


def _index(table: Table, index: str) -> str:
    match = re.fullmatch(r"(?P<call>\w+)\((?P<columns>[^)]*)\)", index)
    if match is None:
        return f'<index columns="{index}"/>'
    columns = match["columns"].replace(" ", "")
    if match["call"] == "q3c":
        return f'<index name="q3c_{table.name}" kind="q3c"><columns>{columns}</columns>q3c_ang2ipix({columns})</index>'
    return f'<index name="{match["call"]}_{table.name}_{columns}" columns="{columns}">{index}</index>'


def _column(column: Column) -> Iterator[str]:
    attributes = {"name": column.name, "type": column.sql_type}
    optional = {"unit": column.unit, "ucd": column.ucd, "utype": column.utype}
    attributes.update({name: value for name, value in optional.items() if value})
    if column.required:
        attributes["required"] = "True"
    written = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    level = "1" if column.required else "10"
    yield f"      <column {written}"
    yield f'        tablehead="{column.name.replace("_", " ").capitalize()}" verbLevel="{level}"'
    end = "/>"
    values = []
    if column.sql_type in _NULLS and not column.required:
        values.append(f'<values nullLiteral="{_NULLS[column.sql_type]}"/>')
    if column.options:
        values.append("<values>" + "".join(f"<option>{option}</option>" for option in column.options) + "</values>")
    if values:
        end = f">{''.join(values)}</column>"
    yield f"        description={quoteattr(column.description)}{end}"
