"""Writes batches of provenance into the tables of RD ``cta/prov``, within the caller's transaction.

Rows go in by COPY into staging tables and from there, set by set, into the tables; what is there already is completed,
not doubled. Each statement touches what the batch touches, so a batch costs the same however much is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.store import Cursor, copy_rows, copy_tuples
from prov_tables.closure import Edge, Pairs
from prov_tables.harvest import ENVIRONMENT
from prov_tables.joiner import FALLBACK, Joined, Known
from prov_tables.model import CLASSES, COLUMNS, ENTITY_COLUMNS, KEYS, Activity, Entity, Graph

SCHEMA = "provenance"
IDENTITY, SOURCE, CLOSURE = f"{SCHEMA}.entity_key", f"{SCHEMA}.imported_record", f"{SCHEMA}.progenitors"
STEPS = f"{SCHEMA}.dataset_step"
# Advisory lock of who writes; another number than that of the import of data.
LOCK = 20261121
MAX_STAGE_BYTES = 2**20
# Staging tables of pairs.
PAIRS = {
    "stage_names": ("before", "after"),
    "stage_identity": ("known_by", "entity_id"),
    "stage_source": ("path", "fingerprint"),
}


@dataclass(slots=True)
class Touched:
    """Entities and activities whose relations a batch may have changed."""

    entities: list[str]
    activities: list[str]


@dataclass(slots=True)
class ProvenanceStore:
    """The tables, seen through one open transaction.

    With `lasting` staging tables stay as long as the connection: a small transaction then costs a third.
    """

    cursor: Cursor
    lasting: bool = False
    _used: set[str] = field(default_factory=set)

    # --- what is there ---------------------------------------------------------------------------------------------

    def known(self, keys: Iterable[str], ids: Iterable[str]) -> list[Known]:
        """Return stored entities by the keys they are recognised by, or by their ids."""
        self.cursor.execute(
            f"WITH wanted AS (SELECT entity_id FROM {IDENTITY} WHERE known_by = ANY(%(keys)s)"
            f" UNION SELECT id FROM {SCHEMA}.entity WHERE id = ANY(%(ids)s))"
            f" SELECT e.id, e.generated_at_time, g.activity_id,"
            f" (SELECT array_agg(i.known_by) FROM {IDENTITY} AS i WHERE i.entity_id = e.id)"
            f" FROM wanted AS w JOIN {SCHEMA}.entity AS e ON e.id = w.entity_id"
            f" LEFT JOIN {SCHEMA}.was_generated_by AS g ON g.entity_id = e.id ORDER BY e.id",
            {"keys": list(keys), "ids": list(ids)},
        )
        return [
            Known(
                id=key,
                product_id=_after("product:", keys),
                publisher_did=_after("did:", keys),
                generator=generator,
                generated_at=generated_at,
                keys=set(keys or ()),
            )
            for key, generated_at, generator, keys in self.cursor.fetchall()
        ]

    def fingerprint(self, path: str) -> str | None:
        """Return what a source looked like when it was last imported."""
        self.cursor.execute(f"SELECT fingerprint FROM {SOURCE} WHERE path = %(path)s", {"path": path})
        rows = self.cursor.fetchall()
        return str(rows[0][0]) if rows else None

    def remember_source(self, path: str, fingerprint: str) -> None:
        """Note that a source has been imported."""
        self.cursor.execute(
            f"INSERT INTO {SOURCE} (path, fingerprint, imported) VALUES (%(path)s, %(fingerprint)s,"
            " now() AT TIME ZONE 'UTC') ON CONFLICT (path) DO UPDATE"
            " SET fingerprint = excluded.fingerprint, imported = excluded.imported",
            {"path": path, "fingerprint": fingerprint},
        )

    def forget_source(self, path: str) -> None:
        """Forget that a source has been imported: it will not come again."""
        self.cursor.execute(f"DELETE FROM {SOURCE} WHERE path = %(path)s", {"path": path})

    def remember_datasets(self, fingerprints: Iterable[tuple[str, str]]) -> None:
        """Note of which datasets the headers have been read."""
        self._stage_pairs("stage_source", fingerprints)
        self.cursor.execute(
            f"INSERT INTO {SOURCE} (path, fingerprint, imported) SELECT path, fingerprint,"
            " now() AT TIME ZONE 'UTC' FROM stage_source ON CONFLICT (path) DO UPDATE"
            " SET fingerprint = excluded.fingerprint, imported = excluded.imported"
        )

    # --- writing ---------------------------------------------------------------------------------------------------

    def rename(self, names: Mapping[str, str]) -> None:
        """Let stored entities go by other ids; two that turn out to be one are merged."""
        if not names:
            return
        self._stage_pairs("stage_names", names.items())
        for row_class, columns in ENTITY_COLUMNS.items():
            if row_class is Entity:
                continue
            for column in columns:
                self._rename_column(f"{SCHEMA}.{row_class.TABLE}", COLUMNS[row_class], column, "DO NOTHING")
        shorter = "(entity_id, ancestor_id) DO UPDATE SET depth = least(t.depth, excluded.depth)"
        for column in ("entity_id", "ancestor_id"):
            self._rename_column(CLOSURE, ("entity_id", "ancestor_id", "depth", "activity_id"), column, shorter)
        self.cursor.execute(
            f"DELETE FROM {CLOSURE} WHERE entity_id = ancestor_id AND entity_id IN (SELECT after FROM stage_names)"
        )
        self._rename_column(IDENTITY, ("known_by", "entity_id"), "entity_id", "DO NOTHING")
        columns = COLUMNS[Entity]
        completed = ", ".join(f"{name} = coalesce(t.{name}, excluded.{name})" for name in columns if name != "id")
        self._rename_column(f"{SCHEMA}.entity", columns, "id", f"(id) DO UPDATE SET {completed}")

    def _rename_column(self, table: str, columns: Sequence[str], column: str, conflict: str) -> None:
        selected = ", ".join("n.after" if name == column else f"o.{name}" for name in columns)
        self.cursor.execute(
            f"INSERT INTO {table} AS t ({', '.join(columns)})"
            f" SELECT DISTINCT ON ({', '.join(_distinct(table, columns, column))}) {selected}"
            f" FROM {table} AS o JOIN stage_names AS n ON n.before = o.{column}"
            f" ON CONFLICT {conflict}"
        )
        self.cursor.execute(f"DELETE FROM {table} WHERE {column} IN (SELECT before FROM stage_names)")

    def forget_activities(self, activities: Iterable[str]) -> None:
        """Remove activities that were made up from headers, with their relations."""
        listed = {"ids": [key for key in activities if key.startswith(FALLBACK)]}
        if not listed["ids"]:
            return
        for table, column in (
            ("was_generated_by", "activity_id"),
            ("used", "activity_id"),
            ("was_associated_with", "activity_id"),
            ("was_configured_by", "activity_id"),
            ("was_informed_by", "informed_id"),
            ("was_informed_by", "informant_id"),
            ("activity", "id"),
        ):
            self.cursor.execute(f"DELETE FROM {SCHEMA}.{table} WHERE {column} = ANY(%(ids)s)", listed)

    def write(self, joined: Joined) -> Touched:
        """Write the rows of a batch; return what it touches."""
        self.rename(joined.renamed)
        self.forget_activities(joined.replaced)
        for row_class in CLASSES:
            self._add(row_class, joined.graph.of(row_class))
        self._stage_pairs("stage_identity", joined.identities)
        self.cursor.execute(
            f"INSERT INTO {IDENTITY} (known_by, entity_id) SELECT DISTINCT known_by, entity_id FROM stage_identity"
            " ON CONFLICT DO NOTHING"
        )
        return touched_by(joined)

    def _add(self, row_class: type[Any], rows: Sequence[Any]) -> None:
        if not rows:
            return
        names, table = COLUMNS[row_class], f"{SCHEMA}.{row_class.TABLE}"
        stage = f"stage_{row_class.TABLE}"
        listed = ", ".join(names)
        self._empty(stage)
        copy_rows(self.cursor, stage, names, rows)
        key = KEYS[row_class]
        rest = [name for name in names if name not in key]
        if key == ("id",):
            conflict = f"(id) {_completion(row_class, rest)}"
        elif row_class.TABLE == "was_generated_by":
            completion = _completion(row_class, ["role", "description_id"])
            conflict = f"(entity_id) {completion} AND t.activity_id = excluded.activity_id"
        else:
            conflict = "DO NOTHING"
        self.cursor.execute(f"INSERT INTO {table} AS t ({listed}) SELECT {listed} FROM {stage} ON CONFLICT {conflict}")

    def prepare(self) -> None:
        """Make the staging tables; they live as long as the transaction, or lasting ones as the connection."""
        if self.lasting and not self._to_be_made():
            return
        tables = {f"stage_{row_class.TABLE}": f"LIKE {SCHEMA}.{row_class.TABLE}" for row_class in CLASSES}
        tables |= {
            "stage_closure": f"LIKE {CLOSURE}",
            **{name: ", ".join(f"{column} text" for column in columns) for name, columns in PAIRS.items()},
        }
        end = "PRESERVE ROWS" if self.lasting else "DROP"
        for name, definition in tables.items():
            self.cursor.execute(f"CREATE TEMP TABLE {name} ({definition}) ON COMMIT {end}")

    def _to_be_made(self) -> bool:
        """Say whether there are no lasting tables; ones full of deleted rows, which nobody else clears, are dropped."""
        self.cursor.execute("SELECT pg_relation_size(to_regclass('pg_temp.stage_entity'))")
        size = self.cursor.fetchall()[0][0]
        if size is not None and size > MAX_STAGE_BYTES:
            self.cursor.execute("DISCARD TEMP")
        return size is None or size > MAX_STAGE_BYTES

    def _stage_pairs(self, name: str, pairs: Iterable[tuple[str, str]]) -> None:
        self._empty(name)
        copy_tuples(self.cursor, name, PAIRS[name], pairs)

    def _empty(self, table: str) -> None:
        """Take out of a staging table what an earlier batch has put there."""
        if self.lasting:
            self.cursor.execute(f"DELETE FROM {table}")  # quicker than TRUNCATE for few rows
        elif table in self._used:
            self.cursor.execute(f"TRUNCATE {table}")
        self._used.add(table)

    # --- what follows from it --------------------------------------------------------------------------------------

    def edges(self, touched: Touched) -> list[Edge]:
        """Return the derivations that touched activities, derivations and collections stand for."""
        self.cursor.execute(
            f"SELECT g.entity_id, u.entity_id, g.activity_id FROM {SCHEMA}.was_generated_by AS g"
            f" JOIN {SCHEMA}.used AS u ON u.activity_id = g.activity_id WHERE g.activity_id = ANY(%(activities)s)"
            f" UNION ALL SELECT d.generated_entity_id, d.used_entity_id, NULL FROM {SCHEMA}.was_derived_from AS d"
            " WHERE d.generated_entity_id = ANY(%(entities)s) OR d.used_entity_id = ANY(%(entities)s)"
            f" UNION ALL SELECT m.collection_id, m.entity_id, NULL FROM {SCHEMA}.had_member AS m"
            " WHERE (m.collection_id = ANY(%(entities)s) OR m.entity_id = ANY(%(entities)s))"
            f" AND NOT starts_with(m.collection_id, '{ENVIRONMENT}:')",
            {"activities": touched.activities, "entities": touched.entities},
        )
        return [Edge(*row) for row in self.cursor.fetchall()]

    def ancestors(self, entities: Iterable[str]) -> dict[str, dict[str, tuple[int, str | None]]]:
        """Return the stored ancestors of some entities."""
        self.cursor.execute(
            f"SELECT entity_id, ancestor_id, depth, activity_id FROM {CLOSURE} WHERE entity_id = ANY(%(ids)s)",
            {"ids": list(entities)},
        )
        found: dict[str, dict[str, tuple[int, str | None]]] = {}
        for entity, ancestor, depth, activity in self.cursor.fetchall():
            found.setdefault(entity, {})[ancestor] = (depth, activity)
        return found

    def descendants(self, entities: Iterable[str]) -> dict[str, dict[str, int]]:
        """Return the stored descendants of some entities, with their depths."""
        self.cursor.execute(
            f"SELECT ancestor_id, entity_id, depth FROM {CLOSURE} WHERE ancestor_id = ANY(%(ids)s)",
            {"ids": list(entities)},
        )
        found: dict[str, dict[str, int]] = {}
        for ancestor, entity, depth in self.cursor.fetchall():
            found.setdefault(ancestor, {})[entity] = depth
        return found

    def extend_closure(self, pairs: Pairs) -> None:
        """Add rows to the closure, and shorten those there are."""
        if not pairs:
            return
        columns = ("entity_id", "ancestor_id", "depth", "activity_id")
        self._empty("stage_closure")
        copy_tuples(self.cursor, "stage_closure", columns, ((*pair, *reach) for pair, reach in pairs.items()))
        self.cursor.execute(
            f"INSERT INTO {CLOSURE} AS t ({', '.join(columns)}) SELECT {', '.join(columns)} FROM stage_closure"
            " ON CONFLICT (entity_id, ancestor_id) DO UPDATE"
            " SET depth = excluded.depth, activity_id = excluded.activity_id"
            " WHERE excluded.depth < t.depth OR (excluded.depth = t.depth AND excluded.activity_id IS NOT NULL"
            " AND (t.activity_id IS NULL OR excluded.activity_id < t.activity_id))"
        )

    def derive(self, touched: Touched) -> None:
        """Add what follows from inputs and outputs: wasDerivedFrom, wasInformedBy, times of generation."""
        listed = {"activities": touched.activities, "entities": touched.entities}
        self.cursor.execute(
            f"INSERT INTO {SCHEMA}.was_derived_from (generated_entity_id, used_entity_id)"
            f" SELECT DISTINCT g.entity_id, u.entity_id FROM {SCHEMA}.was_generated_by AS g"
            f" JOIN {SCHEMA}.used AS u ON u.activity_id = g.activity_id WHERE g.activity_id = ANY(%(activities)s)"
            " ON CONFLICT DO NOTHING",
            listed,
        )
        self.cursor.execute(
            f"INSERT INTO {SCHEMA}.was_informed_by (informed_id, informant_id)"
            f" SELECT u.activity_id, g.activity_id FROM {SCHEMA}.used AS u"
            f" JOIN {SCHEMA}.was_generated_by AS g ON g.entity_id = u.entity_id"
            " WHERE u.activity_id = ANY(%(activities)s) AND u.activity_id <> g.activity_id"
            f" UNION SELECT u.activity_id, g.activity_id FROM {SCHEMA}.was_generated_by AS g"
            f" JOIN {SCHEMA}.used AS u ON u.entity_id = g.entity_id"
            " WHERE g.activity_id = ANY(%(activities)s) AND u.activity_id <> g.activity_id"
            " ON CONFLICT DO NOTHING",
            listed,
        )
        self.cursor.execute(
            f"UPDATE {SCHEMA}.entity AS e SET generated_at_time = a.end_time FROM {SCHEMA}.was_generated_by AS g"
            f" JOIN {SCHEMA}.activity AS a ON a.id = g.activity_id WHERE g.activity_id = ANY(%(activities)s)"
            " AND e.id = g.entity_id AND e.generated_at_time IS NULL AND a.end_time IS NOT NULL",
            listed,
        )


def touched_by(joined: Joined) -> Touched:
    """Return what a batch touches; entities renamed bring their relations along."""
    graph: Graph = joined.graph
    related: set[str] = set(joined.renamed.values())
    for row_class, columns in ENTITY_COLUMNS.items():
        if row_class.TABLE in ("was_derived_from", "had_member"):
            for row in graph.of(row_class):
                related.update(getattr(row, column) for column in columns)
    activities = {row.id for row in graph.of(Activity)}
    for table in ("used", "was_generated_by"):
        row_class = next(one for one in CLASSES if table == one.TABLE)
        activities.update(row.activity_id for row in graph.of(row_class))
    return Touched(sorted(related), sorted(activities))


def _after(prefix: str, keys: Iterable[str] | None) -> str | None:
    return next((key.removeprefix(prefix) for key in sorted(keys or ()) if key.startswith(prefix)), None)


def _completion(row_class: type[Any], names: Sequence[str]) -> str:
    """Return the SQL that completes a row: what is new and not empty wins, but for titles of published datasets."""
    values = {name: f"coalesce(excluded.{name}, t.{name})" for name in names}
    if row_class is Entity:
        values["entity_class"] = (
            "CASE WHEN excluded.entity_class = 'Entity' THEN t.entity_class ELSE excluded.entity_class END"
        )
        values["name"] = (
            "CASE WHEN t.obs_publisher_did IS NULL OR excluded.obs_publisher_did IS NOT NULL"
            " THEN coalesce(excluded.name, t.name) ELSE coalesce(t.name, excluded.name) END"
        )
    sets = ", ".join(f"{name} = {value}" for name, value in values.items())
    changed = f"({', '.join(f't.{name}' for name in values)}) IS DISTINCT FROM ({', '.join(values.values())})"
    return f"DO UPDATE SET {sets} WHERE {changed}"


def _distinct(table: str, columns: Sequence[str], column: str) -> list[str]:
    """Return the key of a table in terms of a renaming query, so that merged rows do not meet in one statement."""
    row_class = next((one for one in CLASSES if f"{SCHEMA}.{one.TABLE}" == table), None)
    key: Sequence[str]
    if table == CLOSURE:
        key = ("entity_id", "ancestor_id")
    elif table == IDENTITY or row_class is None:
        key = columns
    elif row_class.TABLE == "was_generated_by":
        key = ("entity_id",)
    else:
        key = KEYS[row_class]
    return ["n.after" if name == column else f"o.{name}" for name in key]
