"""Writes the reference of the data model in Markdown: classes, their tables, keys and the layout of metadata files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from model.binding import Binding
from model.reader import Model
from model.tables import Column, Table


def reference(model: Model, binding: Binding, tables: Iterable[Table]) -> str:
    """Return the reference as Markdown."""
    lines = [
        f"# {model.title}",
        "",
        f"Version {model.version}. Generated from `model/cta.vo-dml.xml` by `make model`; do not edit.",
        "",
        f"{model.description}.",
        "",
        "![Class diagram](cta-model.svg)",
        "",
        "Subclasses share the key of their parent: `cta.science_run` joins `cta.run` by `run_id`. A reference to "
        "many is a table of its own. Times are MJD in UTC.",
        "",
        *_existing(model, binding),
    ]
    for table in tables:
        lines += _table(table)
    return "\n".join(lines)


def _existing(model: Model, binding: Binding) -> Iterator[str]:
    yield "## Classes whose tables are not made from the model"
    yield ""
    yield "| class | table | key | what |"
    yield "|---|---|---|---|"
    for name, entry in binding.existing.items():
        yield f"| {name} | `{entry.table}` | `{entry.key}` | {model.classes[name].description} |"
    yield ""


def _table(table: Table) -> Iterator[str]:
    yield f"## cta.{table.name}"
    yield ""
    what = "Links." if table.is_association else f"Class {table.class_name}."
    yield f"{table.description}. {what}"
    yield ""
    yield "| column | type | unit | UCD | description |"
    yield "|---|---|---|---|---|"
    keys = {key.column: key for key in table.foreign_keys}
    for column in table.columns:
        name = f"**{column.name}**" if column.name in table.primary else column.name
        text = _described(column)
        if column.name in keys:
            text += f" → [cta.{keys[column.name].table}](#cta{keys[column.name].table})"
        yield f"| {name} | {column.sql_type} | {column.unit} | {column.ucd} | {text} |"
    yield ""


def _described(column: Column) -> str:
    text = column.description.replace("|", "\\|")
    return f"{text}: {', '.join(column.options)}" if column.options else text
