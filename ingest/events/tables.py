"""The tables behind ``cta.event``, in SQL: DaCHS declares the view, PostgreSQL partitions what is below it.

A row of photons holds two numbers instead of the identifier and the collection's name, which would be longer than all
the rest of it; the view joins them on. Rows are partitioned by collection: each is loaded, indexed and removed alone.
"""

from __future__ import annotations

from ingest.events.copybinary import COLUMNS
from ingest.store import Cursor

# From this energy on an index of its own serves cones: few photons are that energetic, and they are asked for most.
BRIGHT_TEV = 1.0


def exist(cursor: Cursor) -> bool:
    """Return whether this archive has tables of events: one that was not set up anew since an update has none."""
    cursor.execute("SELECT to_regclass('cta.event_source') IS NOT NULL AND to_regclass('cta.event_row') IS NOT NULL")
    return bool(cursor.fetchall()[0][0])


def ensure_tables(cursor: Cursor) -> None:
    """Create the tables that RD ``cta/event`` does not declare, if they are not there."""
    columns = ", ".join(f"{name} {sql_type}" for name, sql_type in COLUMNS.items())
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS cta.event_partition (partition_id integer PRIMARY KEY, collection text NOT NULL);"
        f"CREATE TABLE IF NOT EXISTS cta.event_row ({columns}) PARTITION BY LIST (partition_id)"
    )


def partition_name(partition_id: int) -> str:
    """Return the name of the table with the rows of a partition."""
    return f"cta.event_row_{partition_id}"


def create_partition(cursor: Cursor, collection: str) -> int:
    """Create a table for the rows of a collection, without indexes and not yet seen by anybody; return its number."""
    cursor.execute(
        "INSERT INTO cta.event_partition SELECT coalesce(max(partition_id), 0) + 1, %(name)s FROM cta.event_partition"
        " RETURNING partition_id",
        {"name": collection},
    )
    partition_id = int(cursor.fetchall()[0][0])
    cursor.execute(
        f"CREATE TABLE {partition_name(partition_id)} (LIKE cta.event_row,"
        f" CHECK (partition_id IS NOT NULL AND partition_id = {partition_id}))"
    )
    return partition_id


def index_partition(cursor: Cursor, partition_id: int) -> None:
    """Create the indexes of a partition.

    Cones become ranges of q3c pixels, with the energy in the same index; sources and times lie together on disk, so
    that block ranges (BRIN) find them at next to no cost; energies alone do not, and cost as little.
    """
    name = partition_name(partition_id)
    plain = name.partition(".")[2]
    for index, definition in {
        "sky": "(q3c_ang2ipix(ra, dec), energy)",
        "bright": f"(q3c_ang2ipix(ra, dec), energy) WHERE energy > {BRIGHT_TEV:g}",
        "healpix": "(healpix)",
        "source": "USING brin (source_id) WITH (pages_per_range = 16)",
        "time": "USING brin (event_time) WITH (pages_per_range = 16)",
        "energy": "USING brin (energy) WITH (pages_per_range = 16)",
    }.items():
        cursor.execute(f"CREATE INDEX {plain}_{index} ON {name} {definition}")
    cursor.execute(f"ANALYZE {name}")


def attach_partition(cursor: Cursor, partition_id: int) -> None:
    """Let readers see the rows of a partition from the end of the transaction on."""
    cursor.execute(
        f"ALTER TABLE cta.event_row ATTACH PARTITION {partition_name(partition_id)} FOR VALUES IN ({partition_id})"
    )


def drop_partition(cursor: Cursor, partition_id: int) -> None:
    """Remove a partition with all its rows; from here to the end of the transaction readers of events wait."""
    cursor.execute(f"DROP TABLE {partition_name(partition_id)}")
    cursor.execute(f"DELETE FROM cta.event_partition WHERE partition_id = {partition_id}")
