"""The closure of the derivation graph: who descends from whom, kept up to date edge by edge.

A row says that `ancestor` was, `depth` steps before `entity`, something it was made from; `depth` is the length of the
shortest way, `activity` the one that used the ancestor on it (of several, the first by name). Adding edges costs what
hangs on the ends of the new edges, whatever else is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prov_tables.errors import CycleError

Reach = tuple[int, str | None]
"""Depth, and the activity that used the ancestor."""
Ancestors = Mapping[str, Mapping[str, Reach]]
Descendants = Mapping[str, Mapping[str, int]]
Pairs = dict[tuple[str, str], Reach]


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` was made from `parent` by an activity, or without a known one; a collection is made from its members."""

    child: str
    parent: str
    activity: str | None = None


def extend(edges: Iterable[Edge], ancestors: Ancestors, descendants: Descendants) -> Pairs:
    """Return the rows by which new edges extend a closure; rows in it that they shorten are among them.

    Parameters
    ----------
    edges
        The new ones; such that are known already do no harm.
    ancestors
        All stored ancestors of both ends of the edges; who has none may be missing.
    descendants
        All stored descendants of the children of the edges, with their depths.

    Raises
    ------
    CycleError
        When something would become its own ancestor.
    """
    return _Extension(edges, ancestors, descendants).run()


class _Extension:
    """One extension: ends of new edges in an order in which parents come first, then what hangs below them."""

    def __init__(self, edges: Iterable[Edge], ancestors: Ancestors, descendants: Descendants) -> None:
        self._parents: dict[str, dict[str, str | None]] = {}
        for edge in edges:
            if edge.child == edge.parent:
                raise CycleError([edge.child, edge.parent])
            known = self._parents.setdefault(edge.child, {})
            if edge.parent not in known or _before(edge.activity, known[edge.parent]):
                known[edge.parent] = edge.activity
        self._stored = ancestors
        self._descendants = descendants
        self._full: dict[str, dict[str, Reach]] = {}
        self._changed: dict[str, dict[str, Reach]] = {}

    def run(self) -> Pairs:
        for child in list(self._parents):
            if child not in self._full:
                self._visit(child)
        pairs: Pairs = {
            (child, ancestor): reach for child, changed in self._changed.items() for ancestor, reach in changed.items()
        }
        for child, changed in self._changed.items():
            for below, distance in self._descendants.get(child, {}).items():
                if below in self._parents:
                    continue  # has been visited itself
                for ancestor, (depth, activity) in changed.items():
                    reach = (distance + depth, activity)
                    there = pairs.get((below, ancestor))
                    if there is None or _shorter(reach, there):
                        pairs[below, ancestor] = reach
        return pairs

    def _visit(self, start: str) -> None:
        """Complete the ancestors of an entity and of all it needs, depth first, without recursion."""
        path = [start]
        open_ = {start}
        waiting = [iter(self._needs(start))]
        while path:
            above = next(waiting[-1], None)
            if above is None:
                self._complete(path[-1])
                waiting.pop()
                open_.discard(path.pop())
            elif above in open_:
                raise CycleError([*path[path.index(above) :], above])
            elif above not in self._full:
                path.append(above)
                open_.add(above)
                waiting.append(iter(self._needs(above)))

    def _needs(self, entity: str) -> list[str]:
        """Return the entities above whose ancestors may change, or are asked for first."""
        stored = self._stored.get(entity, {})
        if len(stored) <= len(self._parents):
            old = [ancestor for ancestor in stored if ancestor in self._parents]
        else:
            old = [child for child in self._parents if child in stored]
        return [*self._parents.get(entity, ()), *old]

    def _complete(self, entity: str) -> None:
        stored = self._stored.get(entity, {})
        full = dict(stored)
        changed: dict[str, Reach] = {}

        def relax(ancestor: str, reach: Reach) -> None:
            there = full.get(ancestor)
            if there is None or _shorter(reach, there):
                full[ancestor] = changed[ancestor] = reach

        for parent, activity in self._parents.get(entity, {}).items():
            relax(parent, (1, activity))
            for ancestor, (depth, used_by) in self._full.get(parent, {}).items():
                relax(ancestor, (depth + 1, used_by))
        for above, (distance, _) in stored.items():
            for ancestor, (depth, used_by) in self._changed.get(above, {}).items():
                relax(ancestor, (distance + depth, used_by))
        self._full[entity] = full
        if changed:
            self._changed[entity] = changed


def _shorter(reach: Reach, there: Reach) -> bool:
    return reach[0] < there[0] or (reach[0] == there[0] and _before(reach[1], there[1]))


def _before(activity: str | None, other: str | None) -> bool:
    """Say which of two activities a row names: the first by name, any rather than none."""
    return activity is not None and (other is None or activity < other)
