"""The closure is right, whatever the graph and in whatever order its edges come."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prov_tables.closure import Edge, Reach, extend
from prov_tables.errors import CycleError

Closure = dict[str, dict[str, Reach]]


def add(closure: Closure, edges: list[Edge]) -> Closure:
    """Extend a closure as the import does, with what it would have fetched from the database."""
    ends = {end for edge in edges for end in (edge.child, edge.parent)}
    children = {edge.child for edge in edges}
    ancestors = {end: closure[end] for end in ends if end in closure}
    descendants: dict[str, dict[str, int]] = {}
    for entity, reached in closure.items():
        for ancestor, (depth, _) in reached.items():
            if ancestor in children:
                descendants.setdefault(ancestor, {})[entity] = depth
    extended = {entity: dict(reached) for entity, reached in closure.items()}
    for (entity, ancestor), (depth, activity) in extend(edges, ancestors, descendants).items():
        there = extended.setdefault(entity, {}).get(ancestor)
        # the table takes a row when it is shorter, or as short and first by the name of its activity
        if there is None or (depth, activity or "~") < (there[0], there[1] or "~"):
            extended[entity][ancestor] = (depth, activity)
    return extended


def brute_force(edges: list[Edge]) -> dict[tuple[str, str], int]:
    """Return the lengths of all shortest ways."""
    names = sorted({end for edge in edges for end in (edge.child, edge.parent)})
    distance = dict.fromkeys(itertools.product(names, names), 10**6)
    for edge in edges:
        distance[edge.child, edge.parent] = 1
    for via, a, b in itertools.product(names, names, names):
        distance[a, b] = min(distance[a, b], distance[a, via] + distance[via, b])
    return {pair: length for pair, length in distance.items() if length < 10**6}


def depths(closure: Closure) -> dict[tuple[str, str], int]:
    return {(a, b): depth for a, reached in closure.items() for b, (depth, _) in reached.items()}


@st.composite
def graphs(draw: st.DrawFn) -> list[Edge]:
    """Edges of an acyclic graph, in any order: children have the greater number."""
    size = draw(st.integers(2, 9))
    pairs = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda pair: pair[0] > pair[1])
    chosen = draw(st.lists(pairs, unique=True, max_size=20))
    return [Edge(f"e{child}", f"e{parent}", f"a{child}") for child, parent in chosen]


@given(graphs(), st.data())
@settings(max_examples=300, deadline=None)
def test_any_order_in_any_portions_gives_the_closure(edges: list[Edge], data: st.DataObject) -> None:
    closure: Closure = {}
    rest = edges
    while rest:
        portion = data.draw(st.integers(1, len(rest)))
        closure = add(closure, rest[:portion])
        rest = rest[portion:]
    assert depths(closure) == brute_force(edges)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_adding_what_is_there_changes_nothing(edges: list[Edge]) -> None:
    closure = add({}, edges)
    assert add(closure, edges) == closure


@given(graphs(), st.data())
@settings(max_examples=100, deadline=None)
def test_an_edge_that_closes_a_cycle_is_refused(edges: list[Edge], data: st.DataObject) -> None:
    closure = add({}, edges)
    pairs = sorted(depths(closure))
    if pairs:
        descendant, ancestor = data.draw(st.sampled_from(pairs))
        with pytest.raises(CycleError) as caught:
            add(closure, [Edge(ancestor, descendant, "x")])
        assert "its own ancestor" in str(caught.value)


def test_a_diamond_has_each_ancestor_once_by_the_shortest_way() -> None:
    edges = [Edge("d", "b", "x"), Edge("d", "c", "x"), Edge("b", "a", "y"), Edge("c", "a", "z"), Edge("d", "a", "x")]
    assert add({}, edges)["d"] == {"a": (1, "x"), "b": (1, "x"), "c": (1, "x")}
    assert add({}, edges[:4])["d"]["a"] == (2, "y")


def test_two_outputs_and_a_file_used_twice() -> None:
    edges = [Edge("out1", "in", "x"), Edge("out2", "in", "x"), Edge("late", "out1", "y"), Edge("other", "in", "z")]
    closure = add({}, edges)
    assert {name for name, reached in closure.items() if "in" in reached} == {"out1", "out2", "late", "other"}
    assert closure["late"]["in"] == (2, "x")


def test_an_edge_in_the_middle_reaches_all_that_hangs_below() -> None:
    closure = add({}, [Edge("c", "b", "x"), Edge("d", "c", "y")])
    closure = add(closure, [Edge("b", "a", "w")])
    assert closure["d"] == {"c": (1, "y"), "b": (2, "x"), "a": (3, "w")}


def test_something_made_from_itself_is_refused() -> None:
    with pytest.raises(CycleError):
        extend([Edge("a", "a", "x")], {}, {})


def test_a_cycle_within_a_portion_is_refused() -> None:
    with pytest.raises(CycleError, match="'a' would be its own ancestor|'b' would be|'c' would be"):
        extend([Edge("a", "b"), Edge("b", "c"), Edge("c", "a")], {}, {})


def test_a_long_chain_needs_no_recursion_and_little_time() -> None:
    edges = [Edge(f"e{number + 1}", f"e{number}", None) for number in range(600)]
    assert len(extend(edges, {}, {})) == 600 * 601 // 2


def test_ten_thousand_outputs_of_one_input() -> None:
    assert len(extend([Edge(f"out{number}", "in", "x") for number in range(10_000)], {}, {})) == 10_000
