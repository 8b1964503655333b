"""Records of one file become one entity, however they name it; versions of a file stay apart."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from prov_tables.closure import Edge, extend
from prov_tables.errors import CycleError
from prov_tables.harvest import Harvest, Identity, parse_time
from prov_tables.joiner import Joined, Joiner, Known
from prov_tables.model import Activity, Entity, Graph, Used, WasDerivedFrom, WasGeneratedBy
from prov_tables.privacy import clean
from prov_tables.readers.formats import reader_of

SHARED = Path(__file__).resolve().parents[3] / "shared"
DATA = SHARED / "data" / "provenance"


def step(
    name: str,
    used: dict[str, Identity],
    made: dict[str, Identity],
    start: str = "2026-01-01T00:00:00",
    end: str = "2026-01-01T01:00:00",
) -> Harvest:
    harvest = Harvest()
    graph = harvest.graph
    graph.add(Activity(id=name, name=name, start_time=parse_time(start), end_time=parse_time(end)))
    for key, identity in used.items():
        graph.add(Entity(id=key, name=key))
        graph.add(Used(activity_id=name, entity_id=key))
        harvest.identities[key] = identity
    for key, identity in made.items():
        graph.add(Entity(id=key, name=key))
        graph.add(WasGeneratedBy(entity_id=key, activity_id=name))
        harvest.identities[key] = identity
    return harvest


def join(*harvests: Harvest, known: list[Known] | None = None, published: dict[str, str] | None = None) -> Joined:
    joiner = Joiner(known or [], published)
    for harvest in harvests:
        joiner.add(harvest)
    return joiner.finish()


def edges_of(graph: Graph) -> set[tuple[str, str, str]]:
    return {
        (made.entity_id, used.entity_id, made.activity_id)
        for made in graph.of(WasGeneratedBy)
        for used in graph.of(Used)
        if used.activity_id == made.activity_id
    }


def test_a_product_id_joins_what_has_other_places() -> None:
    one = step("a1", {"raw": Identity()}, {"product:p": Identity("p", files=("file:1",))})
    two = step("a2", {"product:p": Identity("p", files=("file:2",))}, {"out": Identity()})
    assert edges_of(join(one, two).graph) == {("product:p", "raw", "a1"), ("out", "product:p", "a2")}


def test_a_place_joins_what_has_no_product_id() -> None:
    one = step("a1", {}, {"file:1": Identity(files=("file:1",))})
    two = step("a2", {"product:p": Identity("p", files=("file:1",))}, {"out": Identity()})
    joined = join(one, two)
    assert edges_of(joined.graph) == {("out", "file:1", "a2")}
    assert ("product:p", "file:1") in joined.identities


def test_a_published_file_goes_by_its_published_identifier() -> None:
    did = "ivo://x/~?a.fits"
    one = step("a1", {}, {"product:p": Identity("p", files=("file:1",))})
    header = step("a1", {}, {did: Identity("p", did)})
    for order in itertools.permutations([one, header]):
        joined = join(*order)
        assert [row.entity_id for row in joined.graph.of(WasGeneratedBy)] == [did]
        assert {key for key, entity in joined.identities if entity == did} == {"product:p", f"did:{did}", "file:1"}


def test_stored_entities_are_renamed_when_they_are_published() -> None:
    did = "ivo://x/~?a.fits"
    stored = Known(id="product:p", product_id="p", generator="a1", keys={"product:p"})
    joined = join(step("a1", {}, {did: Identity("p", did)}), known=[stored])
    assert joined.renamed == {"product:p": did}


def test_two_stored_entities_that_turn_out_to_be_one_are_merged() -> None:
    did = "ivo://x/~?a.fits"
    known = [
        Known(id="product:p", product_id="p", generator="a1", keys={"product:p"}),
        Known(id=did, publisher_did=did, keys={f"did:{did}"}),
    ]
    joined = join(step("a2", {"x": Identity("p", did)}, {"out": Identity()}), known=known)
    assert joined.renamed == {"product:p": did}
    assert edges_of(joined.graph) == {("out", did, "a2")}


def test_a_file_of_the_collection_is_told_by_its_name() -> None:
    harvest = step("a1", {"raw": Identity()}, {"file:1": Identity(files=("file:1",), file_name="a.fits")})
    joined = join(harvest, published={"a.fits": "ivo://x/~?a.fits"})
    assert edges_of(joined.graph) == {("ivo://x/~?a.fits", "raw", "a1")}


def test_a_file_written_anew_is_another_entity() -> None:
    place = Identity(files=("file:1",))
    first = step("a1", {}, {"file:1": place}, "2026-01-01T00:00", "2026-01-01T01:00")
    reader_of_first = step("a2", {"file:1": place}, {"old": Identity()}, "2026-01-01T02:00", "2026-01-01T03:00")
    second = step("a3", {}, {"file:1": place}, "2026-01-01T04:00", "2026-01-01T05:00")
    reader_of_second = step("a4", {"file:1": place}, {"new": Identity()}, "2026-01-01T06:00", "2026-01-01T07:00")
    joined = join(first, reader_of_first, second, reader_of_second)
    made = {row.activity_id: row.entity_id for row in joined.graph.of(WasGeneratedBy)}
    assert made["a1"] != made["a3"]
    used = {row.activity_id: row.entity_id for row in joined.graph.of(Used)}
    assert used == {"a2": made["a1"], "a4": made["a3"]}


def test_a_file_changed_in_place_is_used_and_made_without_a_cycle() -> None:
    place = Identity(files=("file:1",))
    first = step("a1", {"raw": Identity()}, {"file:1": place}, "2026-01-01T00:00", "2026-01-01T01:00")
    change = step("a2", {"file:1": place}, {"file:1": place}, "2026-01-01T02:00", "2026-01-01T03:00")
    edges = edges_of(join(first, change).graph)
    assert ("file:1", "raw", "a1") in edges
    ((child, parent, _),) = [edge for edge in edges if edge[2] == "a2"]
    assert parent == "file:1" and child != "file:1"
    extend([Edge(*edge) for edge in edges], {}, {})


def test_the_same_file_again_changes_nothing() -> None:
    harvest = step("a1", {"raw": Identity()}, {"file:1": Identity(files=("file:1",))})
    stored = [Known(id="file:1", generator="a1", keys={"file:1"}), Known(id="raw")]
    joined = join(harvest, known=stored)
    assert edges_of(joined.graph) == {("file:1", "raw", "a1")}
    assert not joined.identities and not joined.renamed


def test_a_second_generating_activity_is_a_remark() -> None:
    joined = join(step("a1", {}, {"x": Identity("p")}), step("a2", {}, {"x": Identity("p")}))
    assert [row.activity_id for row in joined.graph.of(WasGeneratedBy)] == ["a1"]
    assert "two generating activities" in joined.remarks[0][1]


def test_a_record_replaces_what_a_header_made_up() -> None:
    did = "ivo://x/~?a.fits"
    stored = Known(id=did, publisher_did=did, generator="header:1", keys={f"did:{did}"})
    joined = join(step("a1", {"raw": Identity()}, {did: Identity(None, did)}), known=[stored])
    assert joined.replaced == {"header:1"}
    assert edges_of(joined.graph) == {(did, "raw", "a1")}


def test_a_header_gives_way_to_a_record() -> None:
    did = "ivo://x/~?a.fits"
    stored = Known(id=did, publisher_did=did, generator="a1", keys={f"did:{did}"})
    header = step("header:1", {}, {did: Identity(None, did)})
    header.fallback = True
    joined = join(header, known=[stored])
    assert not joined.graph.of(WasGeneratedBy) and not joined.graph.of(Activity) and not joined.remarks


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no provenance examples: {DATA} is absent")
def test_the_generated_chain_is_one_graph_in_any_order() -> None:
    paths = sorted((DATA / "ctapipe-0.28-generated").glob("0[1235]*"))
    harvests = [clean(harvest) for path in paths for harvest in reader_of(path)(path)]
    expected = {
        ("run_a.dl2.h5", "run_a.dl1.h5"),
        ("run_a.dl1.h5", "gamma_prod6_tel_event_header_v4.simtel.zst"),
        ("run_b.dl1.h5", "history_meta_75.simtel.zst"),
        ("merged_one.dl1.h5", "run_a.dl1.h5"),
    }
    for order in itertools.permutations(harvests):
        graph = join(*order).graph
        names = {row.id: row.name for row in graph.of(Entity)}
        assert {(names[child], names[parent]) for child, parent, _ in edges_of(graph)} == expected


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no provenance examples: {DATA} is absent")
def test_an_on_site_log_that_rewrites_its_collection_has_no_cycle() -> None:
    path = DATA / "lstosa-run01807" / "calibration_to_dl2_01807_prov.log"
    graph = join(*(clean(harvest) for harvest in reader_of(path)(path))).graph
    pairs = extend([Edge(*edge) for edge in edges_of(graph)], {}, {})
    names = {row.id: row.name for row in graph.of(Entity)}
    ancestors = {names[ancestor] for (entity, ancestor) in pairs if names[entity] == "dl2_LST-1.Run01807.h5"}
    assert {"drs4_pedestal.Run01804.0000.h5", "LST-1.1.Run01804.fits.fz", "tailcut84", "reg_energy.sav"} <= ancestors


def test_a_real_cycle_is_refused_with_a_sentence() -> None:
    one = step("a1", {"x": Identity("x")}, {"y": Identity("y")})
    two = step("a2", {"y": Identity("y")}, {"x": Identity("x")})
    with pytest.raises(CycleError, match="its own ancestor"):
        extend([Edge(*edge) for edge in edges_of(join(one, two).graph)], {}, {})


def test_derivations_between_names_of_one_entity_vanish() -> None:
    harvest = step("a1", {}, {"x": Identity("p")})
    harvest.graph.add(Entity(id="y"))
    harvest.identities["y"] = Identity("p")
    harvest.graph.add(WasDerivedFrom(generated_entity_id="x", used_entity_id="y"))
    assert not join(harvest).graph.of(WasDerivedFrom)
