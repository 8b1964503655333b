# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets are known by any of their names, or by where they are; unknown ones have no class."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import targets
from ingest.footprint import separation_deg
from ingest.targets import MATCH_RADIUS_DEG, SAME_PLACE_DEG, target_class

CATALOGUE = list(csv.DictReader(Path(targets.__file__).with_name("targets.csv").open(encoding="utf-8")))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Crab Nebula", "SNR"),
        ("CrabNebula", "SNR"),
        ("crab", "SNR"),
        (" CRAB  nebula ", "SNR"),
        ("M 1", "SNR"),
        ("MSH15-52", "SNR"),
        ("MSH 15-52", "SNR"),
        ("PKS 2155-304", "BLL"),
        ("PKS2155-304", "BLL"),
        ("Mrk 421", "BLL"),
        ("Somewhere else", None),
        ("custom", None),
        ("", None),
        (None, None),
    ],
)
def test_names(name: str | None, expected: str | None) -> None:
    assert target_class(name, None) == expected


def test_directions() -> None:
    assert target_class("Run 5", (83.633, 22.014)) == "SNR"
    assert target_class(None, (83.633, 22.014 + 0.9 * MATCH_RADIUS_DEG)) == "SNR"
    assert target_class(None, (83.633, 22.014 + 1.5 * MATCH_RADIUS_DEG)) is None
    assert target_class(None, (83.633 + 360.0, 22.014)) == "SNR"


def test_a_name_counts_more_than_a_direction() -> None:
    assert target_class("Mrk 421", (83.633, 22.014)) == target_class("Mrk 421", None) != "SNR"


@given(st.text(max_size=30), st.none() | st.tuples(st.floats(0, 360), st.floats(-90, 90)))
def test_anything_may_be_asked(name: str, direction: tuple[float, float] | None) -> None:
    found = target_class(name, direction)
    assert found is None or found


def test_the_catalogue_is_consistent() -> None:
    names = Counter()
    for row in CATALOGUE:
        assert row["name"] and row["otype"]
        assert 0 <= float(row["ra_deg"]) < 360 and -90 <= float(row["dec_deg"]) <= 90
        names.update(
            {re.sub(r"[^a-z0-9+]", "", alias.lower()) for alias in (row["name"], *row["aliases"].split("|")) if alias}
        )
    assert [name for name, count in names.items() if count > 1] == []


def test_of_sources_at_one_place_the_first_is_meant() -> None:
    """The pulsar in the Crab Nebula is a second of arc from where the catalogue has the nebula."""
    for row in CATALOGUE:
        at_the_place = [other for other in CATALOGUE if distance_deg(row, other) <= SAME_PLACE_DEG]
        assert target_class("custom", (float(row["ra_deg"]), float(row["dec_deg"]))) == at_the_place[0]["otype"]
        assert target_class(row["name"], None) == row["otype"]


def distance_deg(one: dict[str, str], other: dict[str, str]) -> float:
    return float(separation_deg(*(float(row[key]) for row in (one, other) for key in ("ra_deg", "dec_deg"))))
