"""Brings ``cta.event`` up to date with the event lists of a collection that everybody may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.events import copybinary, tables
from ingest.events.reader import read_events
from ingest.events.rows import Block, EventFile, Finished
from ingest.store import Cursor, copy_tuples

# Raise this when the reader changes what it writes: the next import then loads all events again.
EVENT_VERSION = 1
# When more than this part of a collection is new, building its table anew is quicker than changing it.
REBUILD_FRACTION = 0.5
READ_BYTES = 2**18
# The rule of the archive (datalink.access): data with an owner are the owner's until the day the embargo ends.
PUBLIC = "(d.owner IS NULL OR d.embargo IS NULL OR d.embargo <= CURRENT_DATE)"


@dataclass(slots=True)
class Loaded:
    """What became of the events of a collection."""

    n_files: int = 0
    n_events: int = 0
    n_removed: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Access reference of a file whose events could not be loaded, and why."""


@dataclass(frozen=True, slots=True)
class Source:
    """An event list that belongs into the table."""

    publisher_did: str
    accref: str
    obs_id: str
    obs_collection: str
    fingerprint: str
    file: EventFile


def load_events(cursor: Cursor, name: str, prefix: str, inputs_dir: Path, processes: int | None = None) -> Loaded:
    """Load the events of a collection's public event lists that are new or have changed; remove all others.

    Everything happens in the caller's transaction, so that events and datasets change together for readers.

    Parameters
    ----------
    cursor
        Of an open transaction.
    name
        The collection.
    prefix
        What the access references of its files begin with.
    inputs_dir
        Folder that the paths in ``dc.products`` are relative to.
    processes
        Number of processes that read; the number of cores by default.
    """
    old = _partition_of(cursor, name)
    present = {} if old is None else _present(cursor, old)
    wanted = {source.publisher_did: source for source in _wanted(cursor, prefix, inputs_dir)}
    fingerprints = {did: source.fingerprint for did, source in wanted.items()}
    current = {did for did, (_, fingerprint) in present.items() if fingerprints.get(did) == fingerprint}
    loaded = Loaded(n_removed=len(present.keys() - wanted.keys()))
    new = [source for did, source in wanted.items() if did not in current]
    if not new and current == present.keys():
        return loaded
    if old is not None and len(new) <= REBUILD_FRACTION * len(wanted) and current:
        _delete(cursor, old, [source_id for did, (source_id, _) in present.items() if did not in current])
        _copy(cursor, old, new, loaded, processes)
    else:
        _rebuild(cursor, name, old, list(wanted.values()), loaded, processes)
    return loaded


def forget_events(cursor: Cursor, name: str) -> None:
    """Remove all events of a collection."""
    partition_id = _partition_of(cursor, name) if tables.exist(cursor) else None
    if partition_id is not None:
        _drop(cursor, partition_id)


def _rebuild(
    cursor: Cursor, name: str, old: int | None, sources: list[Source], loaded: Loaded, processes: int | None
) -> None:
    """Put all events of a collection into a new partition, which takes the place of the old one at the very end."""
    cursor.execute("DELETE FROM cta.event_source WHERE partition_id = %(old)s", {"old": old})
    if sources:
        new = tables.create_partition(cursor, name)
        _copy(cursor, new, sources, loaded, processes)
        tables.index_partition(cursor, new)
        tables.attach_partition(cursor, new)
    if old is not None:
        _drop(cursor, old)


def _drop(cursor: Cursor, partition_id: int) -> None:
    cursor.execute("DELETE FROM cta.event_source WHERE partition_id = %(number)s", {"number": partition_id})
    tables.drop_partition(cursor, partition_id)


def _partition_of(cursor: Cursor, name: str) -> int | None:
    cursor.execute("SELECT partition_id FROM cta.event_partition WHERE collection = %(name)s", {"name": name})
    rows = cursor.fetchall()
    return int(rows[0][0]) if rows else None


def _present(cursor: Cursor, partition_id: int) -> dict[str, tuple[int, str]]:
    """Return number and fingerprint of the sources that are loaded, by identifier."""
    cursor.execute(
        "SELECT obs_publisher_did, source_id, fingerprint FROM cta.event_source WHERE partition_id = %(number)s",
        {"number": partition_id},
    )
    return {str(did): (int(source_id), str(fingerprint)) for did, source_id, fingerprint in cursor.fetchall()}


def _wanted(cursor: Cursor, prefix: str, inputs_dir: Path) -> Iterator[Source]:
    """Yield the public event lists of a collection."""
    cursor.execute("SELECT coalesce(max(source_id), 0) FROM cta.event_source")
    last = int(cursor.fetchall()[0][0])
    cursor.execute(
        "SELECT d.obs_publisher_did, d.accref, d.obs_id, d.obs_collection, d.fingerprint, p.accesspath,"
        " d.mjdrefi, d.mjdreff, d.timesys FROM cta.dataset AS d JOIN dc.products AS p ON p.accref = d.accref"
        f" WHERE starts_with(d.accref, %(prefix)s) AND d.dataproduct_type = 'event' AND {PUBLIC} ORDER BY d.accref",
        {"prefix": prefix},
    )
    rows = cursor.fetchall()
    for source_id, (did, accref, obs_id, obs_collection, fingerprint, path, mjdrefi, mjdreff, timesys) in enumerate(
        rows, last + 1
    ):
        file = EventFile(source_id, inputs_dir / path, mjdrefi, mjdreff, timesys)
        yield Source(did, accref, obs_id, obs_collection, f"{EVENT_VERSION}/{fingerprint}", file)


def _delete(cursor: Cursor, partition_id: int, source_ids: list[int]) -> None:
    parameters: Mapping[str, Any] = {"gone": source_ids}
    cursor.execute(f"DELETE FROM {tables.partition_name(partition_id)} WHERE source_id = ANY(%(gone)s)", parameters)
    cursor.execute("DELETE FROM cta.event_source WHERE source_id = ANY(%(gone)s)", parameters)


def _copy(cursor: Cursor, partition_id: int, sources: list[Source], loaded: Loaded, processes: int | None) -> None:
    """Copy the events of files into a partition; what a broken file gave before it broke is removed again."""
    by_id = {source.file.source_id: source for source in sources}
    stream = RowStream(read_events([source.file for source in sources], partition_id, processes))
    if sources:
        names = ", ".join(copybinary.COLUMNS)
        cursor.copy_expert(
            f"COPY {tables.partition_name(partition_id)} ({names}) FROM STDIN (FORMAT binary)", stream, READ_BYTES
        )
    broken = [source_id for source_id in stream.sentences if stream.counts.get(source_id)]
    if broken:
        _delete(cursor, partition_id, broken)
    loaded.problems += [(by_id[number].accref, sentence) for number, sentence in stream.sentences.items()]
    taken = [(number, source) for number, source in by_id.items() if number not in stream.sentences]
    copy_tuples(
        cursor,
        "cta.event_source",
        ("source_id", "partition_id", "obs_publisher_did", "obs_id", "obs_collection", "fingerprint", "n_events"),
        (
            (
                number,
                partition_id,
                source.publisher_did,
                source.obs_id,
                source.obs_collection,
                source.fingerprint,
                stream.counts.get(number, 0),
            )
            for number, source in taken
        ),
    )
    loaded.n_files = len(taken)
    loaded.n_events = sum(stream.counts.get(number, 0) for number, _ in taken)


class RowStream:
    """A file in PostgreSQL's binary COPY format, made as it is read.

    Attributes
    ----------
    counts
        Rows by number of the source.
    sentences
        What was wrong with a source, by its number.
    """

    def __init__(self, answers: Iterator[Block | Finished]) -> None:
        self.counts: dict[int, int] = {}
        self.sentences: dict[int, str] = {}
        self._parts = self._all_parts(answers)
        self._part, self._position = memoryview(b""), 0

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""
        while self._position >= len(self._part):
            part = next(self._parts, None)
            if part is None:
                return b""
            self._part, self._position = memoryview(part), 0
        begin = self._position
        self._position = begin + size
        return bytes(self._part[begin : self._position])

    def _all_parts(self, answers: Iterator[Block | Finished]) -> Iterator[bytes]:
        yield copybinary.HEADER
        for answer in answers:
            if isinstance(answer, Finished):
                if answer.sentence is not None:
                    self.sentences[answer.source_id] = answer.sentence
            else:
                self.counts[answer.source_id] = self.counts.get(answer.source_id, 0) + answer.n_rows
                yield answer.payload
        yield copybinary.TRAILER
