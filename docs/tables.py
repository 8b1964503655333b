"""Writes the reference of the tables, `docs/tables.md`, from the RDs (`make docs`; adaptor: imports DaCHS)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gavo import api

PROVENANCE = (
    "last_step progenitors entity activity agent used was_generated_by was_associated_with was_attributed_to"
    " was_derived_from was_informed_by had_member activity_description entity_description usage_description"
    " generation_description parameter parameter_description config_file config_file_description was_configured_by"
).split()
TABLES = (
    "//obscore#ObsCore",
    "rd/obscore_hea#obscore_hea",
    "cta/q#dataset",
    "cta/q#obs_index",
    "cta/q#hdu_index",
    "cta/q#part",
    "cta/q#source",
    "cta/q#derivation",
    "cta/event#event",
    "cta/event#event_source",
    "cta/q#collection",
    "cta/q#document",
    "cta/q#import_problem",
    "cta/model#observation_summary",
    "cta/model#instrumental_response",
    "cta/obsplan#obsplan",
    *(f"cta/prov#{name}" for name in PROVENANCE),
)


def main(target: Path) -> None:
    """Write the reference to a file."""
    lines = ["# Tables", "", "Generated from the RDs by `make docs`; do not edit.", ""]
    for reference in TABLES:
        lines += _table(api.getReferencedElement(reference, api.TableDef))
    target.write_text("\n".join(lines), encoding="utf-8")


def _table(table: Any) -> Iterator[str]:
    yield f"## {table.getQName().lower()}"
    yield ""
    yield " ".join(str(table.getMeta("description")).split())
    yield ""
    yield "| column | type | unit | UCD | description |"
    yield "|---|---|---|---|---|"
    for column in table:
        cells = (column.name, column.type, column.unit or "", column.ucd or "", column.description)
        yield "| " + " | ".join(" ".join(str(cell).split()).replace("|", "\\|") for cell in cells) + " |"
    yield ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
