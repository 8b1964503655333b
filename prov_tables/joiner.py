"""Recognises what several records tell of: by product id, by published identifier, by place or content of the file.

A file that was written anew is another entity: its versions share place and name, and are told apart by the activity
that made them. What used such a file used the last version that was there by then.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prov_tables.harvest import Harvest, Identity
from prov_tables.model import (
    ENTITY_COLUMNS,
    Activity,
    Entity,
    Graph,
    Time,
    Used,
    WasAssociatedWith,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
)

FALLBACK = "header:"
_NEVER = datetime.datetime.min
_NOTHING = Identity()


@dataclass(slots=True, eq=False)
class Known:
    """An entity that is stored, or about to be."""

    id: str
    product_id: str | None = None
    publisher_did: str | None = None
    generator: str | None = None
    generated_at: Time | None = None
    keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Joined:
    """What a batch of harvests has become.

    Attributes
    ----------
    graph
        The rows, with the ids to store them under.
    identities
        New pairs of key and entity.
    renamed
        Ids that stored entities had before, and have from now on: two were found to be one, or one was published.
    replaced
        Activities made up from headers whose products now have real ones.
    remarks
        Severity and sentence.
    """

    graph: Graph = field(default_factory=Graph)
    identities: set[tuple[str, str]] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    remarks: list[tuple[str, str]] = field(default_factory=list)


def keys_of(identity: Identity) -> list[str]:
    """Return the keys under which an entity is recognised, the strongest first."""
    keys = []
    if identity.product_id:
        keys.append(f"product:{identity.product_id}")
    if identity.publisher_did:
        keys.append(f"did:{identity.publisher_did}")
    return [*keys, *identity.files]


class Joiner:
    """Gives the entities of harvests the ids under which they are, or will be, stored."""

    def __init__(self, known: Iterable[Known] = (), published: Mapping[str, str] | None = None) -> None:
        """Begin with stored entities.

        Parameters
        ----------
        known
            Stored entities that share a key or an id with the harvests to come.
        published
            Identifiers of published files by file name, where names are unambiguous.
        """
        self.joined = Joined()
        self._published = published or {}
        self._by_id: dict[str, Known] = {}
        self._by_key: dict[str, list[Known]] = {}
        self._stored: set[str] = set()
        self._aliases: dict[str, str] = {}
        for entity in known:
            self._by_id[entity.id] = entity
            self._stored.add(entity.id)
            for key in entity.keys:
                self._by_key.setdefault(key, []).append(entity)

    def add(self, harvest: Harvest) -> None:
        """Take a harvest into the batch."""
        graph = harvest.graph
        times = {row.id: row.start_time or row.end_time for row in graph.of(Activity)}
        ends = {row.id: row.end_time or row.start_time for row in graph.of(Activity)}
        made: dict[str, list[WasGeneratedBy]] = {}
        used: dict[str, list[Used]] = {}
        for row in graph.of(WasGeneratedBy):
            made.setdefault(row.activity_id, []).append(row)
        for use in graph.of(Used):
            used.setdefault(use.activity_id, []).append(use)
        last: dict[str, Known] = {}
        order = sorted({*made, *used}, key=lambda key: times.get(key) or ends.get(key) or _NEVER)
        # outputs of one activity may be inputs of one that began while it ran: all are made first, and used then
        generations = [row for key in order for row in made.get(key, ())]
        for row in generations:
            self._made(harvest, row, ends.get(row.activity_id), last)
        for key in order:
            for use in used.get(key, ()):
                known = self._find(harvest, use.entity_id, key, use.use_time or times.get(key), ends.get(key))
                last.setdefault(use.entity_id, known)
                self._copy_entity(graph, use.entity_id, known)
                self.joined.graph.add(dataclasses.replace(use, entity_id=known.id))
        self._add_rest(harvest, last)
        self.joined.remarks += harvest.remarks

    # --- rows ----------------------------------------------------------------------------------------------------

    def _made(self, harvest: Harvest, row: WasGeneratedBy, end: Time | None, last: dict[str, Known]) -> None:
        graph = harvest.graph
        entity: Entity | None = graph.get(Entity, row.entity_id)
        made_at = (entity.generated_at_time if entity else None) or end
        known = self._find_made(harvest, row.entity_id, row.activity_id)
        if known.generator not in (None, row.activity_id):
            if known.generator and known.generator.startswith(FALLBACK) and not harvest.fallback:
                self.joined.replaced.add(known.generator)
            else:
                if not harvest.fallback:
                    name = (entity.name if entity else None) or row.entity_id
                    self.joined.remarks.append(
                        ("warning", f"'{name}' has two generating activities; {row.activity_id} was not taken for one.")
                    )
                self._drop_activity(graph, row.activity_id, only=harvest.fallback)
                last[row.entity_id] = known
                self._copy_entity(graph, row.entity_id, known)
                return
        known.generator = row.activity_id
        known.generated_at = known.generated_at or made_at
        last[row.entity_id] = known
        self._copy_entity(graph, row.entity_id, known)
        self.joined.graph.add(dataclasses.replace(row, entity_id=known.id))

    def _drop_activity(self, graph: Graph, activity_id: str, *, only: bool) -> None:
        """Forget what a header tells of the making of a product, of which a real record is known."""
        if only:
            graph.rows[Activity].pop(activity_id, None)
            for row_class in (WasAssociatedWith, WasConfiguredBy, Used):
                place = graph.rows[row_class]
                for key in [key for key, row in place.items() if row.activity_id == activity_id]:
                    del place[key]

    def _copy_entity(self, graph: Graph, local: str, known: Known) -> None:
        row: Entity | None = graph.get(Entity, local)
        copied = dataclasses.replace(row, id=known.id) if row is not None else Entity(id=known.id)
        self.joined.graph.add(copied)

    def _add_rest(self, harvest: Harvest, last: dict[str, Known]) -> None:
        """Add all other rows, with their entities' ids."""
        graph = harvest.graph
        for local in graph.rows[Entity]:
            if local not in last:
                last[local] = self._find(harvest, local, None, None, None)
                self._copy_entity(graph, local, last[local])
        for row_class, place in graph.rows.items():
            if row_class in (Entity, Used, WasGeneratedBy):
                continue
            names = ENTITY_COLUMNS.get(row_class, ())
            for row in place.values():
                changed = {}
                for name in names:
                    local = getattr(row, name)
                    key = self._id_of(last, harvest, local)
                    if key != local:
                        changed[name] = key
                self.joined.graph.add(dataclasses.replace(row, **changed) if changed else row)

    def _id_of(self, last: dict[str, Known], harvest: Harvest, local: str | None) -> str | None:
        if local is None:
            return None
        if local not in last:
            last[local] = self._find(harvest, local, None, None, None)
            self._copy_entity(harvest.graph, local, last[local])
        return last[local].id

    # --- recognition ---------------------------------------------------------------------------------------------

    def _identity(self, harvest: Harvest, local: str) -> Identity:
        identity = harvest.identities.get(local, _NOTHING)
        did = self._published.get(identity.file_name or "")
        if identity.publisher_did is None and did is not None:
            identity = dataclasses.replace(identity, publisher_did=did)
        return identity

    def _find_made(self, harvest: Harvest, local: str, activity: str) -> Known:
        """Return the entity that an activity has made."""
        identity = self._identity(harvest, local)
        known = self._strong(identity)
        if known is None and keys_of(identity):
            fitting = [one for one in self._weak(identity) if one.generator in (None, activity)]
            known = next((one for one in fitting if one.generator == activity), fitting[0] if fitting else None)
        elif known is None:
            known = self._by_id.get(local)
        return self._learn(known or self._new(local, identity, activity), identity)

    def _find(self, harvest: Harvest, local: str, activity: str | None, time: Time | None, end: Time | None) -> Known:
        """Return the entity that an activity has used, or that is mentioned."""
        identity = self._identity(harvest, local)
        known = self._strong(identity)
        if known is None and keys_of(identity):
            fitting = [one for one in self._weak(identity) if activity is None or one.generator != activity]
            known = _last_before(fitting, time) or _last_before(fitting, end) or (fitting[0] if fitting else None)
        elif known is None:
            known = self._by_id.get(local)
        return self._learn(known or self._new(local, identity, None), identity)

    def _strong(self, identity: Identity) -> Known | None:
        found: list[Known] = []
        for key in keys_of(identity)[: bool(identity.product_id) + bool(identity.publisher_did)]:
            found += [known for known in self._by_key.get(key, ()) if known not in found]
        if identity.publisher_did and (known_did := self._by_id.get(identity.publisher_did)) and known_did not in found:
            found.append(known_did)
        if not found:
            return None
        found.sort(key=lambda known: known.publisher_did is None)
        for other in found[1:]:
            self._merge(found[0], other)
        return found[0]

    def _weak(self, identity: Identity) -> list[Known]:
        """Return the versions of a file, without those that are told to be something else."""
        found: list[Known] = []
        for key in identity.files:
            for known in self._by_key.get(key, ()):
                other_product = identity.product_id and known.product_id and identity.product_id != known.product_id
                other_did = (
                    identity.publisher_did and known.publisher_did and identity.publisher_did != known.publisher_did
                )
                if known not in found and not other_product and not other_did:
                    found.append(known)
        return found

    def _new(self, local: str, identity: Identity, activity: str | None) -> Known:
        if identity.publisher_did:
            key = identity.publisher_did
        elif identity.product_id and identity.product_id != local:
            key = f"product:{identity.product_id}"
        else:
            key = local
        if key in self._by_id:
            key = f"{key};{activity or len(self._by_id)}"
        known = self._by_id[key] = Known(id=key)
        return known

    def _learn(self, known: Known, identity: Identity) -> Known:
        """Remember under which keys an entity goes; a published one takes its published identifier for its id."""
        known.product_id = known.product_id or identity.product_id
        if identity.publisher_did and known.publisher_did is None:
            known.publisher_did = identity.publisher_did
        for key in keys_of(identity):
            if key not in known.keys:
                known.keys.add(key)
                self._by_key.setdefault(key, []).append(known)
                self.joined.identities.add((key, known.id))
        if known.publisher_did and known.id != known.publisher_did:
            self._rename(known, known.publisher_did)
        return known

    def _rename(self, known: Known, new: str) -> None:
        old = known.id
        self._by_id.pop(old, None)
        known.id = new
        self._by_id[new] = known
        self._record(old, new)

    def _merge(self, known: Known, other: Known) -> None:
        """Take two entities for one."""
        self._by_id.pop(other.id, None)
        self._record(other.id, known.id)
        for key in other.keys:
            places = self._by_key[key]
            places.remove(other)
            if key not in known.keys:
                known.keys.add(key)
                places.append(known)
        known.product_id = known.product_id or other.product_id
        known.publisher_did = known.publisher_did or other.publisher_did
        known.generator = known.generator or other.generator
        known.generated_at = known.generated_at or other.generated_at

    def _record(self, old: str, new: str) -> None:
        """Let an entity go by a new id; rows are changed at the end, all at once."""
        for before, after in self._aliases.items():
            if after == old:
                self._aliases[before] = new
        self._aliases[old] = new
        self._aliases.pop(new, None)

    def finish(self) -> Joined:
        """Return the batch."""
        joined, aliases = self.joined, self._aliases
        if aliases:
            joined.renamed = {old: new for old, new in aliases.items() if old in self._stored}
            joined.identities = {(key, aliases.get(entity, entity)) for key, entity in joined.identities}
            joined.graph = rename(joined.graph, aliases)
        derived = joined.graph.rows[WasDerivedFrom]
        for key in [key for key in derived if key[0] == key[1]]:
            del derived[key]  # two versions of a file that turned out to be one
        return joined


def rename(graph: Graph, names: Mapping[str, str]) -> Graph:
    """Return a graph in which entities go by other ids."""
    renamed = Graph()
    for row_class, place in graph.rows.items():
        columns = ENTITY_COLUMNS.get(row_class, ())
        for row in place.values():
            changed: dict[str, Any] = {
                name: names[getattr(row, name)] for name in columns if getattr(row, name) in names
            }
            renamed.add(dataclasses.replace(row, **changed) if changed else row)
    return renamed


def _last_before(versions: list[Known], time: Time | None) -> Known | None:
    """Return the version of a file that was there at a time; one of unknown age is older than all others."""
    if time is None:
        return None
    there = [known for known in versions if known.generated_at is None or known.generated_at <= time]
    return max(there, key=lambda known: known.generated_at or _NEVER, default=None)
