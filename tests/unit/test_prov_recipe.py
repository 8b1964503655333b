"""A recipe has the command and the configuration, and nothing a record could smuggle in."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prov_tables.harvest import COMMAND_LINE, add_description, add_parameter
from prov_tables.model import COLUMNS, Activity, Entity, Graph, Used, WasGeneratedBy
from prov_tables.readers.ctapipe import flatten
from prov_tables.recipe import configuration, recipe_of, recorded_parameters
from prov_tables.sap.request import RequestError


class Rows:
    """Answers the queries of a selection from a graph, as far as recipes need them."""

    def __init__(self, graph: Graph) -> None:
        self._tables = {f"provenance.{row_class.TABLE}": (row_class, graph.of(row_class)) for row_class in graph.rows}

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        if "was_derived_from AS d" in sql:
            return []
        words = sql.split()
        row_class, rows = self._tables[words[words.index("FROM") + 1]]
        names = [word.strip(",") for word in words[1 : words.index("FROM")]]
        found = []
        for row in rows:
            keep = True
            for part in sql.partition(" WHERE ")[2].partition(" LIMIT ")[0].split(" AND "):
                column, given = re.fullmatch(r"(\w+) = ANY\(%\((\w+)\)s\)", part).groups()
                keep = keep and getattr(row, column) in parameters[given]
            if keep:
                found.append(tuple(getattr(row, name) for name in names))
        assert set(names) <= set(COLUMNS[row_class])
        return found


def product(config: Mapping[str, Any], command: str | None = "tool --input a.h5", name: str = "tool") -> Graph:
    graph = Graph()
    described = add_description(graph, name, "1.0")
    graph.add(Activity(id="run", name=name, description_id=described))
    graph.add(Entity(id="out", name="b.h5"))
    graph.add(Entity(id="in", name="a.h5"))
    graph.add(WasGeneratedBy(entity_id="out", activity_id="run"))
    graph.add(Used(activity_id="run", entity_id="in"))
    if command:
        add_parameter(graph, "run", described, COMMAND_LINE, command)
    for key, value, unit in flatten(config):
        add_parameter(graph, "run", described, key, value, unit=unit)
    return graph


NUMBERS = st.integers(-1000, 1000) | st.floats(-10, 10)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.lists(st.integers(0, 9), max_size=2)
NAMES = st.from_regex(r"[A-Za-z]\w{0,5}", fullmatch=True).filter(lambda name: name not in ("value", "unit"))
INNER = st.dictionaries(NAMES, LEAVES, max_size=2)
TREES = st.dictionaries(NAMES, st.dictionaries(NAMES, LEAVES | INNER, min_size=1, max_size=3), max_size=2)


@given(TREES)
def test_a_configuration_comes_back_as_it_was(config: dict[str, Any]) -> None:
    assert configuration(recorded_parameters(product(config), "run")) == config


def test_a_recipe_can_be_run() -> None:
    config = {"Tool": {"Cleaner": {"cut": 0.5, "name": "it's"}, "energy": {"value": 1.0, "unit": "TeV"}}}
    text = recipe_of(Rows(product(config, "echo 'made from' a.h5")), "out", "https://a.example")
    assert "# Input: a.h5: in" in text and "# Software" in text
    script = f"cd $(mktemp -d)\n{text}\ncat config.json"
    done = subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, check=True)
    first, _, rest = done.stdout.partition("\n")
    assert first == "made from a.h5 --config config.json"
    assert json.loads(rest) == config


def test_nothing_in_a_record_becomes_a_command() -> None:
    evil = {"Tool": {"name": "$(touch /tmp/evil)\nEND_OF_CONFIGURATION\ntouch /tmp/evil"}}
    graph = product(evil, "tool; touch /tmp/evil `x` $(y)", name="x\ntouch /tmp/evil")
    graph.get(Entity, "in").name = "a\ntouch /tmp/evil"
    text = recipe_of(Rows(graph), "out", "https://a.example")
    lines = text.splitlines()
    begin, end = lines.index("cat > config.json <<'END_OF_CONFIGURATION'"), lines.index("END_OF_CONFIGURATION")
    commands = [line for line in lines[:begin] + lines[end + 1 :] if line and not line.startswith("#")]
    (command,) = commands
    assert shlex.split(command) == ["tool;", "touch", "/tmp/evil", "`x`", "$(y)", "--config", "config.json"]
    assert "'tool;'" in command


def test_a_cut_out_is_made_again_by_the_service() -> None:
    graph = product({}, None, name="cutout")
    add_parameter(graph, "run", "cutout/1.0", "CIRCLE", "83.6 22.0 0.5")
    text = recipe_of(Rows(graph), "out", "https://a.example")
    assert "curl -o cutout.fits 'https://a.example/cta/dl/soda/dlget?ID=in&CIRCLE=83.6%2022.0%200.5'" in text


def test_without_a_record_there_is_no_recipe() -> None:
    graph = Graph()
    graph.add(Entity(id="out"))
    with pytest.raises(RequestError) as caught:
        recipe_of(Rows(graph), "out", "https://a.example")
    assert caught.value.status == 404
    with pytest.raises(RequestError):
        recipe_of(Rows(product({}, None)), "out", "https://a.example")
