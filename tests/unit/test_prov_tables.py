"""What the RD declares is what the rows have, in the names of the standard."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from prov_tables.model import CLASSES, COLUMNS, KEYS
from prov_tables.store import PAIRS

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = CHECKOUT.parent / "shared"
MODEL = SHARED / "standards" / "fixtures" / "ivoa" / "Provenance.vo-dml.xml"
TYPES = {"text": "str", "timestamp": "Time", "integer": "int"}


@pytest.fixture(scope="module")
def rd() -> Any:
    return etree.parse(str(CHECKOUT / "inputs" / "cta" / "prov.rd")).getroot()


def columns(rd: Any, table: str) -> list[Any]:
    (element,) = rd.xpath(f"table[@id='{table}']")
    return list(element.findall("column"))


@pytest.mark.parametrize("row_class", CLASSES, ids=lambda row_class: row_class.TABLE)
def test_rows_have_the_columns_and_types_of_their_table(rd: Any, row_class: type[Any]) -> None:
    declared = columns(rd, row_class.TABLE)
    assert tuple(column.get("name") for column in declared) == COLUMNS[row_class]
    fields = dataclasses.fields(row_class)
    annotations = {field.name: str(field.type).removesuffix(" | None") for field in fields}
    assert {column.get("name"): TYPES[column.get("type")] for column in declared} == annotations


@pytest.mark.parametrize("row_class", CLASSES, ids=lambda row_class: row_class.TABLE)
def test_what_tells_rows_apart_is_unique_in_the_database(rd: Any, row_class: type[Any]) -> None:
    (element,) = rd.xpath(f"table[@id='{row_class.TABLE}']")
    primary = element.get("primary")
    if primary is None:
        unique = " ".join(element.xpath("script/text()"))
        assert all(name in unique for name in KEYS[row_class]) and "UNIQUE" in unique
    elif row_class.TABLE == "was_generated_by":  # stricter than the rows: one generating activity
        assert primary == "entity_id"
    else:
        assert tuple(primary.split(",")) == KEYS[row_class]


def test_every_column_is_described(rd: Any) -> None:
    for column in rd.xpath("table[@adql='True']/column"):
        name = f"{column.getparent().get('id')}.{column.get('name')}"
        assert column.get("ucd") and column.get("description") and column.get("tablehead"), name
        assert len(column.get("description")) > 3, name


def test_ucds_are_of_the_vocabulary(rd: Any) -> None:
    ucd = pytest.importorskip("astropy.io.votable.ucd")
    for column in rd.xpath("table/column[@ucd]"):
        assert ucd.check_ucd(column.get("ucd"), check_controlled_vocabulary=True), column.get("ucd")


@pytest.mark.skipif(not MODEL.exists(), reason=f"the model is absent: {MODEL}")
def test_utypes_are_of_the_model(rd: Any) -> None:
    model = etree.parse(str(MODEL)).getroot()
    ids = set(model.xpath("//vodml-id/text()"))
    names = {one.rpartition("ActivityConfiguration.")[2] for one in ids} | ids
    for utype in rd.xpath("table/meta[@name='utype']/text()") + rd.xpath("table/column/@utype"):
        local = utype.removeprefix("voprov:").removeprefix("ActivityConfiguration.")
        assert any(one.endswith(local) for one in names), utype


def test_foreign_keys_lead_to_primary_keys(rd: Any) -> None:
    keys = rd.xpath("table/foreignKey")
    assert len(keys) > 30
    for key in keys:
        (target,) = rd.xpath(f"table[@id='{key.get('inTable')}']")
        assert target.get("primary") == key.get("dest") == "id"
        table = key.getparent()
        copied = " ".join(loop.get("listItems") for loop in table.findall("LOOP")).split()
        assert key.get("source") in {*copied, *(column.get("name") for column in table.findall("column"))}


def test_every_stored_table_is_made_and_upgraded(rd: Any) -> None:
    stored = {table.get("id") for table in rd.xpath("table[not(viewStatement)]")}
    for data in ("import", "upgrade"):
        (loop,) = rd.xpath(f"data[@id='{data}']/LOOP")
        assert set(loop.get("listItems").split()) == stored, data


def test_staging_pairs_name_columns_of_their_tables(rd: Any) -> None:
    assert set(PAIRS["stage_identity"]) <= {column.get("name") for column in columns(rd, "entity_key")}
    assert set(PAIRS["stage_source"]) <= {column.get("name") for column in columns(rd, "imported_record")}


def test_no_column_has_a_reserved_name(rd: Any) -> None:
    reserved = {"value", "default", "time", "min", "max", "position", "size", "order", "group", "key"}
    published = rd.xpath("table[@adql='True']/column/@name")
    assert not reserved & set(published)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in published)
