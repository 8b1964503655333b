"""Run inside the instance's Python: loads events from files and from memory, and times cones on them (JSON out)."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg2

from ingest.events import copybinary, tables
from ingest.events.load import READ_BYTES, RowStream
from ingest.events.reader import read_events
from ingest.events.rows import Block, EventFile, Finished
from ingest.fitsfile import HDU, read_hdus

CONES = {
    "cone_10_tev": "q3c_join(83.633, 22.014, ra, dec, 0.2) AND energy > 10",
    "cone_1_tev": "q3c_join(83.633, 22.014, ra, dec, 0.2) AND energy > 1",
    "cone_300_gev": "q3c_join(83.633, 22.014, ra, dec, 0.2) AND energy > 0.3",
}
SELECTED = "obs_publisher_did, obs_id, event_id, event_time, ra, dec, energy"
REPEAT = 9


def copy(cursor: Any, table: str, answers: Iterable[Block | Finished]) -> tuple[float, int]:
    """Copy blocks of rows into a new table; return seconds and number of rows."""
    stream = RowStream(iter(answers))
    names = ", ".join(copybinary.COLUMNS)
    started = time.perf_counter()
    cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)", stream, READ_BYTES)
    return time.perf_counter() - started, sum(stream.counts.values())


def turns(connection: Any, files: list[EventFile], repeat: int) -> Iterator[dict[str, float]]:
    """Yield the seconds of loading from files and from memory, one after the other."""
    with connection.cursor() as cursor:
        blocks = list(read_events(files, 1))
        for _ in range(repeat):
            seconds: dict[str, float] = {}
            for name in ("files", "memory"):
                cursor.execute("CREATE TABLE cta.bench_events (LIKE cta.event_row)")
                answers = read_events(files, 1) if name == "files" else blocks
                seconds[name], seconds["rows"] = copy(cursor, "cta.bench_events", answers)
                connection.rollback()
            yield seconds


def publish(connection: Any, files: list[EventFile], name: str) -> float:
    """Put the events of files where the view finds them, and nothing else; return the seconds of indexing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT partition_id FROM cta.event_partition")
        for (partition_id,) in cursor.fetchall():
            cursor.execute("DELETE FROM cta.event_source")
            tables.drop_partition(cursor, partition_id)
        new = tables.create_partition(cursor, name)
        copy(cursor, tables.partition_name(new), read_events(files, new))
        started = time.perf_counter()
        tables.index_partition(cursor, new)
        seconds = time.perf_counter() - started
        tables.attach_partition(cursor, new)
        for file in files:
            cursor.execute(
                "INSERT INTO cta.event_source (source_id, partition_id, obs_publisher_did, obs_id, obs_collection,"
                " fingerprint, n_events) VALUES (%s, %s, %s, %s, 'bench', '', 0)",
                (file.source_id, new, f"ivo://cta.example/~?cta/data/bench/{file.path.name}", str(file.source_id)),
            )
    connection.commit()
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in (f"VACUUM ANALYZE {tables.partition_name(new)}", "VACUUM ANALYZE cta.event_source"):
            cursor.execute(statement)
        cursor.execute("CHECKPOINT")
    connection.autocommit = False
    return seconds


def ask(connection: Any) -> dict[str, dict[str, float]]:
    """Return milliseconds and rows of the cones, as the database answers TAP; the first time does not count."""
    found: dict[str, dict[str, float]] = {}
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan=off; SET cursor_tuple_fraction=1")  # what DaCHS does for q3c
        for name, where in CONES.items():
            times = []
            for _ in range(1 + REPEAT):
                started = time.perf_counter()
                cursor.execute(f"SELECT {SELECTED} FROM cta.event WHERE {where}")
                rows = cursor.fetchall()
                times.append(time.perf_counter() - started)
            found[name] = {"ms": statistics.median(times[1:]) * 1e3, "rows": len(rows)}
    connection.rollback()
    return found


def chosen(files: list[EventFile], n_small: int) -> dict[str, list[EventFile]]:
    """Return the files of three tables.

    Those of the small one see the Crab; the large one has them and all other sources, so that cones at the Crab give
    the same events from more; the dense one has all there is, so that they give more events.
    """
    at_crab = [file for file in files if any("crab" in text_of(hdu).lower() for hdu in read_hdus(file.path, never))]
    small = at_crab[:n_small]
    more = {file.source_id for file in at_crab[n_small:]}
    return {"small": small, "large": [file for file in files if file.source_id not in more], "dense": files}


def never(_: HDU) -> bool:
    """Want no table."""
    return False


def text_of(hdu: HDU) -> str:
    """Return the name of the observed source."""
    return str(hdu.header.get("OBJECT") or "")


def main() -> None:
    """Measure; the arguments are the folder of the files, the runs of the small table, and the repetitions."""
    folder, n_small, repeat = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    paths = sorted(path for path in folder.rglob("*.fits.gz") if "index" not in path.name)
    files = [EventFile(number, path) for number, path in enumerate(paths, 1)]
    connection = psycopg2.connect("")
    result: dict[str, Any] = {"turns": list(turns(connection, files, repeat))}
    for name, some in chosen(files, n_small).items():
        result[name] = {"indexing": publish(connection, some, "bench"), "cones": ask(connection)}
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM cta.event_row")
            result[name]["rows"] = cursor.fetchone()[0]
            cursor.execute(
                "SELECT sum(pg_table_size(inhrelid)), sum(pg_indexes_size(inhrelid)) FROM pg_inherits"
                " WHERE inhparent = 'cta.event_row'::regclass"
            )
            result[name]["bytes"] = [int(size) for size in cursor.fetchone()]
        connection.rollback()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
