"""Reading ahead, limits of what is taken, and what an import does with the files of a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prov_tables.ahead import PORTION, PORTIONS, read_ahead
from prov_tables.closure import Edge
from prov_tables.errors import ProvenanceError
from prov_tables.harvest import Harvest
from prov_tables.importer import MAX_ID, MAX_NAME, Importer, check_sizes, files_below, import_files
from prov_tables.joiner import Joined, Known
from prov_tables.model import Activity, Entity, Graph, Used, WasGeneratedBy
from prov_tables.store import Touched, touched_by
from tests.unit.test_prov_readers import record, write


class Memory:
    """The tables in memory, as far as an importer sees them."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.closure: dict[tuple[str, str], tuple[int, str | None]] = {}
        self.sources: dict[str, str] = {}
        self.refuse: str | None = None

    def known(self, keys: Any, ids: Any) -> list[Known]:
        made = {row.entity_id: row.activity_id for row in self.graph.of(WasGeneratedBy)}
        return [Known(id=row.id, generator=made.get(row.id), keys={row.id}) for row in self.graph.of(Entity)]

    def fingerprint(self, path: str) -> str | None:
        return self.sources.get(path)

    def remember_source(self, path: str, fingerprint: str) -> None:
        self.sources[path] = fingerprint

    def write(self, joined: Joined) -> Touched:
        if self.refuse and any(row.name == self.refuse for row in joined.graph.of(Activity)):
            error = ValueError("value too long")
            error.pgcode = "22001"  # type: ignore[attr-defined]
            raise error
        self.graph.update(joined.graph)
        return touched_by(joined)

    def edges(self, touched: Touched) -> list[Edge]:
        used: dict[str, list[str]] = {}
        for row in self.graph.of(Used):
            used.setdefault(row.activity_id, []).append(row.entity_id)
        return [
            Edge(row.entity_id, parent, row.activity_id)
            for row in self.graph.of(WasGeneratedBy)
            for parent in used.get(row.activity_id, ())
        ]

    def ancestors(self, entities: Any) -> dict[str, dict[str, tuple[int, str | None]]]:
        found: dict[str, dict[str, tuple[int, str | None]]] = {}
        for (entity, ancestor), reach in self.closure.items():
            found.setdefault(entity, {})[ancestor] = reach
        return found

    def descendants(self, entities: Any) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for (entity, ancestor), (depth, _) in self.closure.items():
            found.setdefault(ancestor, {})[entity] = depth
        return found

    def extend_closure(self, pairs: Any) -> None:
        self.closure |= pairs

    def derive(self, touched: Touched) -> None:
        pass

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        before = Graph()
        before.update(self.graph)
        try:
            yield
        except Exception:
            self.graph = before
            raise


def importer(memory: Memory) -> Importer:
    return Importer(memory, memory.savepoint)  # type: ignore[arg-type]


def step(number: int, used: str, made: str, name: str = "tool") -> dict[str, object]:
    def file(key: str) -> dict[str, object]:
        return {"url": f"/d/{key}", "role": None, "reference_meta": {"CTA PRODUCT ID": key}}

    return record(activity_name=name, activity_uuid=f"u{number}", input=[file(used)], output=[file(made)])


def log(folder: Path, *steps: dict[str, object], name: str = "x.provenance.log") -> Path:
    import json

    return write(folder, "\n".join(map(json.dumps, steps)), name)


def test_a_file_is_imported_once(tmp_path: Path) -> None:
    memory, path = Memory(), log(tmp_path, step(1, "a", "b"))
    first = import_files(importer(memory), [path])
    assert (first.files, first.unchanged, first.activities, first.exit_status) == (1, 0, 1, 0)
    again = import_files(importer(memory), [path])
    assert (again.unchanged, again.activities) == (1, 0)
    log(tmp_path, step(1, "a", "b"), step(2, "b", "c"))
    grown = import_files(importer(memory), [path])
    assert grown.unchanged == 0 and memory.closure["product:c", "product:a"] == (2, "ctapipe:u1")


def test_a_cycle_is_refused_and_the_rest_is_taken(tmp_path: Path) -> None:
    memory = Memory()
    path = log(tmp_path, step(1, "a", "b"), step(2, "b", "a"), step(3, "x", "y"))
    summary = import_files(importer(memory), [path])
    assert summary.exit_status == 1
    (problem,) = summary.problems
    assert "would be its own ancestor" in problem.sentence and problem.path == path.name
    assert set(memory.closure) == {("product:b", "product:a"), ("product:y", "product:x")}
    assert memory.sources == {}  # it is read again, once it is mended


def test_what_the_database_cannot_hold_is_refused_alone(tmp_path: Path) -> None:
    memory = Memory()
    memory.refuse = "bad"
    path = log(tmp_path, step(1, "a", "b"), step(2, "c", "d", name="bad"), step(3, "x", "y"))
    summary = import_files(importer(memory), [path])
    assert [problem.sentence for problem in summary.problems] == ["the database cannot hold it (value too long)."]
    assert {row.id for row in memory.graph.of(Activity)} == {"ctapipe:u1", "ctapipe:u3"}


def test_a_damaged_end_loses_nothing_before_it(tmp_path: Path) -> None:
    memory, path = Memory(), log(tmp_path, *(step(number, f"a{number}", f"b{number}") for number in range(250)))
    path.write_text(path.read_text() + "\n{broken")
    summary = import_files(importer(memory), [path])
    assert summary.activities == 250 and "no JSON after character" in summary.problems[0].sentence


def test_a_folder_s_files_are_gone_through_and_others_left_out(tmp_path: Path) -> None:
    log(tmp_path, step(1, "a", "b"))
    write(tmp_path, "text", "README.md")
    write(tmp_path, "text", "other.txt")
    write(tmp_path, "text", ".hidden")
    summary = import_files(importer(Memory()), files_below(tmp_path), tmp_path)
    told = {problem.path: problem.severity for problem in summary.problems}
    assert told == {"README.md": "info", "other.txt": "error"}


def test_sentences_name_no_folders(tmp_path: Path) -> None:
    path = log(tmp_path, {"activity_name": "x", "activity_uuid": "1", "input": [{"url": None}]})
    summary = import_files(importer(Memory()), [path])
    assert all(str(tmp_path) not in problem.sentence for problem in summary.problems)


@pytest.mark.parametrize("key", ["x" * (MAX_ID + 1), "a\0b", "\ud800"])
def test_unusable_identifiers_are_refused(key: str) -> None:
    harvest = Harvest()
    harvest.graph.add(Entity(id=key))
    with pytest.raises(ProvenanceError, match="no usable identifier"):
        check_sizes(harvest)


def test_long_names_are_cut() -> None:
    harvest = Harvest()
    harvest.graph.add(Entity(id="a", name="n" * 10_000, comment="c" * 10_000))
    check_sizes(harvest)
    (row,) = harvest.graph.of(Entity)
    assert len(row.name) == MAX_NAME + 1 and len(row.comment) == 10_000


@given(st.integers(0, 5 * PORTION))
def test_reading_ahead_changes_nothing(count: int) -> None:
    assert list(read_ahead(range(count))) == list(range(count))


@given(st.integers(0, 3 * PORTION))
def test_an_exception_comes_where_it_would(count: int) -> None:
    def items() -> Iterator[int]:
        yield from range(count)
        raise ProvenanceError("here")

    taken = []
    with pytest.raises(ProvenanceError, match="here"):
        for item in read_ahead(items()):
            taken.append(item)
    assert taken == list(range(count))


def test_who_stops_early_leaves_no_thread() -> None:
    before = threading.active_count()
    iterator = read_ahead(range(PORTION * PORTIONS * 10))
    assert next(iterator) == 0
    iterator.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
