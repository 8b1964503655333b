# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows reach PostgreSQL unchanged, and the columns that Python writes are those that the RDs declare and describe."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ingest.rows import (
    SINGLE_PRECISION,
    CollectionRow,
    DatasetRow,
    DerivationRow,
    DocumentRow,
    HduRow,
    PartRow,
    ProblemRow,
    ProductRow,
    SourceRow,
    columns,
)
from ingest.store import TABLES, _CopySource, copy_lines

# -- COPY text, read back by the rules of PostgreSQL's manual ("Text Format" of COPY)

ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def read_copy(text: str) -> list[list[str | None]]:
    """Return the cells of COPY text, None for NULL."""
    assert text == "" or text.endswith("\n")
    lines = text.split("\n")[:-1]
    assert "\\." not in lines  # would end the data
    return [[None if cell == "\\N" else unescaped(cell) for cell in line.split("\t")] for line in lines]


def unescaped(cell: str) -> str:
    characters = iter(cell)
    out = []
    for character in characters:
        assert character not in "\t\n\r\0"
        if character == "\\":
            following = next(characters)
            assert following in ESCAPES  # nothing else is ever written
            out.append(ESCAPES[following])
        else:
            out.append(character)
    return "".join(out)


def problem(**values: Any) -> ProblemRow:
    return ProblemRow(
        **{"collection": "c", "path": "p", "severity": "error", "sentence": "s", "noticed": "n", **values}
    )


NAMES, TWO = columns(ProblemRow), ("path", "severity")
ANY_TEXT = st.text(st.characters(blacklist_categories=("Cs",)) | st.sampled_from("\\\t\n\r\0\b\fN."), max_size=40)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(ANY_TEXT, min_size=len(NAMES), max_size=len(NAMES)), max_size=4))
def test_texts_come_back_without_their_nul_characters(rows: list[list[str]]) -> None:
    written = "".join(copy_lines([ProblemRow(**dict(zip(NAMES, row, strict=True))) for row in rows], NAMES))
    assert read_copy(written) == [[cell.replace("\0", "") for cell in row] for row in rows]


@pytest.mark.parametrize("text", ["\\N", "\\.", "\\", "a\\tb", "N", "", "\\\\N", "\tx\n"])
def test_texts_that_look_like_something_else(text: str) -> None:
    assert read_copy("".join(copy_lines([problem(path=text)], TWO))) == [[text, "error"]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, "t"),
        (False, "f"),
        (0, "0"),
        (-(2**63), "-9223372036854775808"),
        (1e-20, "1e-20"),
        (53090.122708333, "53090.122708333"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (np.float64(0.1), "0.1"),
        (np.int64(7), "7"),
    ],
)
def test_values(value: object, expected: str | None) -> None:
    assert read_copy("".join(copy_lines([problem(path=value)], TWO))) == [[expected, "error"]]


@given(st.floats(allow_nan=False))
def test_numbers_stay_exact(value: float) -> None:
    ((cell, _),) = read_copy("".join(copy_lines([problem(path=value)], TWO)))
    assert cell is not None and float(cell) == value


@settings(max_examples=60, deadline=None)
@given(st.lists(ANY_TEXT, max_size=30), st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_copy_reads_any_number_of_bytes_at_a_time(texts: list[str], sizes: list[int]) -> None:
    rows = [problem(sentence=text) for text in texts]
    source = _CopySource(copy_lines(rows, NAMES))
    pieces = []
    for size in itertools.cycle(sizes):
        piece = source.read(size)
        assert len(piece) <= size
        if not piece:
            break
        pieces.append(piece)
    assert source.read(1) == b""
    assert b"".join(pieces).decode() == "".join(copy_lines(rows, NAMES))


def test_what_no_database_takes_is_replaced() -> None:
    source = _CopySource(copy_lines([problem(path="caf\udce9")], TWO))
    assert source.read(100) == b"caf?\terror\n"


# -- the RDs

CHECKOUT = Path(__file__).resolve().parents[2]
DACHS = Path("/usr/lib/python3/dist-packages/gavo/resources/inputs/__system__")
# What the mixin //products#table adds (a test below asks DaCHS itself where it is installed).
PRODUCT_COLUMNS = ("accref", "owner", "embargo", "mime", "accsize")


@dataclass(frozen=True)
class DeclaredColumn:
    """A column as an RD writes it; one copied from elsewhere has no attributes but those that are changed."""

    name: str
    attributes: dict[str, str]

    @property
    def is_copy(self) -> bool:
        return "original" in self.attributes


class Rds:
    """The RDs of tables, read without DaCHS: streams, loops and copied columns are followed."""

    def __init__(self) -> None:
        paths = {
            "cta/q": CHECKOUT / "inputs/cta/q.rd",
            "rd/obscore_hea": CHECKOUT / "rd/obscore_hea.rd",
            "rd/product_tables": CHECKOUT / "rd/product_tables.rd",
        }
        self.roots = {name: etree.parse(str(path)).getroot() for name, path in paths.items()}

    def table(self, rd: str, table: str) -> list[DeclaredColumn]:
        """Return the columns of a table, without those of mixins."""
        fed = self.roots["rd/product_tables"] if rd == "cta/q" else self.roots[rd]
        (element,) = self.roots[rd].xpath(f"table[@id='{table}']") or fed.xpath(f"STREAM/table[@id='{table}']")
        return list(self._columns(rd, element))

    def stream(self, rd: str, stream: str) -> list[DeclaredColumn]:
        (element,) = self.roots[rd].xpath(f"STREAM[@id='{stream}']")
        return list(self._columns(rd, element))

    def tables(self, rd: str) -> list[str]:
        return [str(name) for name in self.roots[rd].xpath("table[@adql='True']/@id")]

    def _columns(self, rd: str, element: Any) -> Iterator[DeclaredColumn]:
        for child in element:
            if child.tag == "column":
                yield self._column(child, {})
            elif child.tag == "LOOP":
                for bindings in self._bindings(child):
                    for column in child.findall("events/column"):
                        yield self._column(column, bindings)
            elif child.tag == "FEED" and not str(child.get("source")).startswith(("//", "rd/timesys")):
                of, _, stream = child.get("source").rpartition("#")
                pruned = {prune.get("name") for prune in child.findall("PRUNE")}
                yield from (column for column in self.stream(of or rd, stream) if column.name not in pruned)

    @staticmethod
    def _bindings(loop: Any) -> Iterator[dict[str, str]]:
        if loop.get("listItems"):
            yield from ({"item": item} for item in loop.get("listItems").split())
        for items in loop.findall("csvItems"):
            names, *rows = [line.strip().split(",") for line in items.text.strip().splitlines()]
            yield from (dict(zip(names, row, strict=True)) for row in rows)

    @staticmethod
    def _column(element: Any, bindings: dict[str, str]) -> DeclaredColumn:
        attributes = {
            key: re.sub(r"\\(\w+)", lambda match: bindings.get(match[1], match[0]), str(value))
            for key, value in element.attrib.items()
        }
        name = attributes.get("name") or attributes["original"].rpartition(".")[2]
        return DeclaredColumn(name, attributes)


@pytest.fixture(scope="module")
def rds() -> Rds:
    return Rds()


ROWS = {
    "dataset": (DatasetRow, PRODUCT_COLUMNS),
    "hdu_index": (HduRow, ()),
    "part": (PartRow, PRODUCT_COLUMNS),
    "source_all": (SourceRow, ()),
    "derivation": (DerivationRow, ()),
    "collection": (CollectionRow, ()),
    "document": (DocumentRow, PRODUCT_COLUMNS),
    "import_problem": (ProblemRow, ()),
}


@pytest.mark.parametrize("table", ROWS)
def test_rows_have_the_columns_of_their_table(rds: Rds, table: str) -> None:
    row_class, of_mixins = ROWS[table]
    declared = [column.name for column in rds.table("cta/q", table)]
    assert len(declared) == len(set(declared))
    written = set(columns(row_class))
    # Documents have no owner: the products table takes its own, and the column stays NULL.
    optional = {"owner", "embargo"} if row_class is DocumentRow else set()
    assert written <= {*declared, *of_mixins}
    assert {*declared, *of_mixins} - written <= optional
    assert TABLES[row_class] == f"cta.{table}"


def test_single_precision_is_what_the_table_declares(rds: Rds) -> None:
    real = {column.name for column in rds.table("cta/q", "dataset") if column.attributes.get("type") == "real"}
    assert real == SINGLE_PRECISION


TYPES = {"text": str, "date": str, "timestamp": str, "double precision": float, "real": float, "integer": int}


@pytest.mark.parametrize("table", ROWS)
def test_rows_have_the_types_of_their_table(rds: Rds, table: str) -> None:
    row_class, _ = ROWS[table]
    types = {field.name: str(field.type).removesuffix(" | None") for field in row_class.__dataclass_fields__.values()}
    wanted = {**TYPES, "smallint": int, "bigint": int}
    for column in rds.table("cta/q", table):
        declared = column.attributes.get("type")
        if declared is not None and column.name in types:
            assert types[column.name] == wanted[declared].__name__, column.name


def test_products_have_the_columns_of_dachs() -> None:
    if not DACHS.exists():
        pytest.skip("needs DaCHS")
    products = (DACHS / "products.rd").read_text(encoding="utf-8")
    declared = set(re.findall(r'<column name="(\w+)"', products))
    assert set(columns(ProductRow)) <= declared
    assert set(PRODUCT_COLUMNS) <= declared


STREAMS = [("rd/obscore_hea", "hea-columns"), ("rd/obscore_hea", "gadf-columns"), ("cta/q", "dl3-columns")]
# Numbers with a dimension of one; of the night sky GADF says no unit, of the depth of convergence neither.
WITHOUT_UNIT = {"deadc", "muoneff", "nsblevel", "conv_dep"}


def all_columns(rds: Rds) -> list[tuple[str, DeclaredColumn]]:
    tables = [(rd, table) for rd in rds.roots for table in rds.tables(rd)]
    found = [(f"{table}.{column.name}", column) for rd, table in tables for column in rds.table(rd, table)]
    return found + [(f"{stream}.{column.name}", column) for rd, stream in STREAMS for column in rds.stream(rd, stream)]


@pytest.mark.parametrize("attribute", ["description", "tablehead", "ucd", "type"])
def test_every_column_says_what_it_is(rds: Rds, attribute: str) -> None:
    everything = all_columns(rds)
    assert len(everything) > 150
    assert [name for name, column in everything if not column.is_copy and not column.attributes.get(attribute)] == []


def test_every_physical_number_has_a_unit(rds: Rds) -> None:
    numbers = [
        (name, column)
        for name, column in all_columns(rds)
        if column.attributes.get("type") in ("double precision", "real") and not column.is_copy
    ]
    assert {column.name for _, column in numbers if not column.attributes.get("unit")} <= WITHOUT_UNIT


def test_descriptions_are_sentences_for_people(rds: Rds) -> None:
    for name, column in all_columns(rds):
        description = column.attributes.get("description")
        if description is not None:
            assert description == description.strip() and "\\" not in description, name
            assert description[0].isupper() or description.startswith("error ("), name


def test_the_extension_is_complete(rds: Rds) -> None:
    """The columns of the note on ObsCore for high energies, 2026-08-03."""
    assert [column.name for column in rds.stream("rd/obscore_hea", "hea-columns")] == [
        *(
            "ev_xel",
            "s_ref_energy",
            "em_ref_energy",
            "s_ref_oaa",
            "em_ref_oaa",
            "t_intervals",
            "energy_min",
            "energy_max",
        ),
        *("obs_mode", "tracking_mode", "scan_mode", "pointing_mode", "analysis_mode", "event_type"),
        *("messenger_name", "messenger_pdgid"),
    ]


def test_gammapy_finds_its_columns_in_the_extension(rds: Rds) -> None:
    wanted = {"obs_mode", "ra_pnt", "dec_pnt", "alt_pnt", "az_pnt", "tstart", "tstop"}
    assert wanted <= {column.name for column in rds.table("rd/obscore_hea", "obscore_hea")}


def test_every_value_of_the_extension_is_mapped(rds: Rds) -> None:
    """The table of datasets feeds each column of the extension, by an expression over its own columns."""
    (mixin,) = [
        element
        for element in rds.roots["cta/q"].xpath("table[@id='dataset']/mixin")
        if element.text.strip() == "rd/obscore_hea#publish"
    ]
    declared = {column.name for column in rds.table("rd/obscore_hea", "obscore_hea")}
    assert set(mixin.attrib) == declared
    own = {column.name for column in rds.table("cta/q", "dataset")}
    assert set(mixin.attrib.values()) <= own
