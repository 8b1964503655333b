"""The sample's log: a history of three steps for each event list, the same at each call."""

from __future__ import annotations

from pathlib import Path

from prov_tables.harvest import Harvest
from prov_tables.model import Activity, Entity, Parameter, Used, WasGeneratedBy
from prov_tables.privacy import clean
from prov_tables.readers.formats import reader_of
from sample.provenance import LOG_NAME, VERSIONS, cuts_of, provenance_log
from sample.schedule import Run, plan

RUNS = [plan(number, 1) for number in range(24)]
PRODUCTS = {"crab_map.fits": RUNS[:2], "crab_pha.fits": RUNS[:1]}


def harvests(folder: Path, products: dict[str, list[Run]] | None = None) -> list[Harvest]:
    path = folder / LOG_NAME
    path.write_text(provenance_log(RUNS, products or {}), encoding="utf-8")
    return [clean(harvest) for harvest in reader_of(path)(path)]


def test_each_event_list_has_three_steps(tmp_path: Path) -> None:
    made: dict[str, str] = {}
    used: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for harvest in harvests(tmp_path):
        made |= {row.entity_id: row.activity_id for row in harvest.graph.of(WasGeneratedBy)}
        for row in harvest.graph.of(Used):
            used.setdefault(row.activity_id, set()).add(row.entity_id)
        names |= {row.name: row.id for row in harvest.graph.of(Entity)}
    for run in RUNS:
        front, steps = {names[run.file_name]}, 0
        while activities := {made[entity] for entity in front if entity in made}:
            front, steps = set().union(*(used[activity] for activity in activities)), steps + 1
        assert steps == 3 and names[f"ctao_sim_{run.obs_id}.dl0.fits.fz"] in front


def test_products_come_from_their_event_lists(tmp_path: Path) -> None:
    made, used, names = {}, {}, {}
    for harvest in harvests(tmp_path, PRODUCTS):
        made |= {row.entity_id: row.activity_id for row in harvest.graph.of(WasGeneratedBy)}
        for row in harvest.graph.of(Used):
            used.setdefault(row.activity_id, set()).add(row.entity_id)
        names |= {row.id: row.name for row in harvest.graph.of(Entity)}
    for name, runs in PRODUCTS.items():
        (product,) = [entity for entity in made if names[entity] == name]
        assert {names[entity] for entity in used[made[product]]} == {run.file_name for run in runs}


def test_there_is_something_to_look_for(tmp_path: Path) -> None:
    values = {(row.name, row.param_value) for harvest in harvests(tmp_path) for row in harvest.graph.of(Parameter)}
    assert {("DL3Tool.EventSelection.cuts", "loose"), ("DL3Tool.EventSelection.cuts", "standard")} <= values
    programs = {row.description_id for harvest in harvests(tmp_path) for row in harvest.graph.of(Activity)}
    assert {f"ctapipe-process/{version}" for version in VERSIONS} <= programs
    assert {cuts_of(run) for run in RUNS} == {"loose", "standard"}


def test_it_is_the_same_at_each_call() -> None:
    def log(runs: list[Run]) -> str:
        return provenance_log(runs, {"crab_map.fits": runs[:2]})

    assert log(RUNS) == log([plan(number, 1) for number in range(24)])
