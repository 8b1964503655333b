"""Imports provenance records: files in, rows in the caller's transaction and a summary out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prov_tables.ahead import read_ahead
from prov_tables.closure import extend
from prov_tables.errors import CycleError, ProvenanceError
from prov_tables.harvest import Harvest
from prov_tables.joiner import Joined, Joiner, Known, keys_of
from prov_tables.model import COLUMNS, Activity, Entity
from prov_tables.privacy import clean, public_text
from prov_tables.readers.formats import OTHERS, reader_of
from prov_tables.store import ProvenanceStore, Touched

BATCH = 2000
# Rows, not harvests, are what a batch's memory is made of.
BATCH_ROWS = 200_000
# Raise this when a reader has learnt something: files are then read again.
READER_VERSION = 1
# What btree indexes take, whatever the characters.
MAX_ID, MAX_NAME = 600, 400


@dataclass(slots=True)
class Problem:
    """What was wrong with a file."""

    path: str
    severity: str
    sentence: str


@dataclass(slots=True)
class ProvenanceSummary:
    """What an import did. `exit_status` is 0 when every record found was taken."""

    files: int = 0
    unchanged: int = 0
    activities: int = 0
    entities: int = 0
    problems: list[Problem] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_status(self) -> int:
        """0 when nothing was refused."""
        return int(any(problem.severity == "error" for problem in self.problems))


class Savepoint(Protocol):
    """Makes a part of a transaction that can fail on its own."""

    def __call__(self) -> Any:
        """Return a context manager: what happens in it is undone when an exception leaves it."""
        ...


class Importer:
    """Takes records into the tables, batch by batch."""

    def __init__(
        self,
        store: ProvenanceStore,
        savepoint: Savepoint,
        published: Mapping[str, str] | None = None,
        after: Callable[[Joined, Touched], None] | None = None,
    ) -> None:
        """Begin an import.

        Parameters
        ----------
        store
            The tables, in an open transaction.
        savepoint
            Of that transaction.
        published
            Identifiers of published files by file name, for records that lie with them.
        after
            Called after each batch that was written.
        """
        self._store = store
        self._savepoint = savepoint
        self._published = published or {}
        self._after = after
        self._waiting: list[tuple[str, Harvest]] = []
        self._rows = 0
        self.summary = ProvenanceSummary()

    def add_files(self, paths: Iterable[Path], root: Path | None = None) -> None:
        """Import files; those that were imported as they are now are passed over.

        Parameters
        ----------
        paths
            Of the files.
        root
            Folder below which their names are told.
        """
        for path in paths:
            name = str(path.relative_to(root)) if root else path.name
            if OTHERS.fullmatch(path.name):
                self._note(name, "info", "this is no provenance record; it was left out.")
                continue
            try:
                mark = fingerprint(path)
                key = source_key(path, name)
                self.summary.files += 1
                if self._store.fingerprint(key) == mark:
                    self.summary.unchanged += 1
                    continue
                if self._add_file(path, name):
                    self.flush()
                    self._store.remember_source(key, mark)
            except OSError as exc:
                self._note(name, "error", f"it cannot be read ({exc.strerror or 'input/output error'}).")
        self.flush()

    def _add_file(self, path: Path, name: str) -> bool:
        """Take the records of a file; return whether all of it was."""
        before = sum(problem.severity == "error" for problem in self.summary.problems)
        try:
            for harvest in read_ahead(map(_checked, reader_of(path)(path))):
                self._take(name, harvest)
        except ProvenanceError as exc:
            self._note(name, "error", str(exc))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            self._note(name, "error", f"a record in it is not of the form it should have ({type(exc).__name__}).")
        self.flush()
        return before == sum(problem.severity == "error" for problem in self.summary.problems)

    def add(self, name: str, harvest: Harvest) -> None:
        """Take one record, cleaned by the privacy filter.

        Raises
        ------
        ProvenanceError
            When the tables could not hold it.
        """
        self._take(name, _checked(harvest))

    def _take(self, name: str, harvest: Harvest) -> None:
        self._waiting.append((name, harvest))
        self._rows += len(harvest.graph)
        if len(self._waiting) >= BATCH or self._rows >= BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting; when a cycle, or something unfit, is among it, everything but that."""
        waiting, self._waiting, self._rows = self._waiting, [], 0
        if not waiting:
            return
        try:
            self._write(waiting)
            return
        except CycleError as exc:
            refused: Exception = exc
        except Exception as exc:
            if not is_data_error(exc):
                raise
            refused = exc
        if len(waiting) == 1:
            self._note(waiting[0][0], "error", _reason(refused))
            return
        for one in waiting:
            self._waiting = [one]
            self.flush()

    def _write(self, waiting: list[tuple[str, Harvest]]) -> None:
        with self._savepoint():
            joiner = Joiner(self._known(harvest for _, harvest in waiting), self._published)
            remarks: list[Problem] = []
            for name, harvest in waiting:
                before = len(joiner.joined.remarks)
                joiner.add(harvest)
                remarks += [Problem(name, *remark) for remark in joiner.joined.remarks[before:]]
            joined = joiner.finish()
            touched = self._store.write(joined)
            edges = self._store.edges(touched)
            children = {edge.child for edge in edges}
            ancestors = self._store.ancestors(children | {edge.parent for edge in edges})
            self._store.extend_closure(extend(edges, ancestors, self._store.descendants(children)))
            self._store.derive(touched)
            if self._after is not None:
                self._after(joined, touched)
        self.summary.problems += remarks
        self.summary.activities += len(joined.graph.rows[Activity])
        self.summary.entities += len(joined.graph.rows[Entity])

    def _known(self, harvests: Iterable[Harvest]) -> list[Known]:
        keys: set[str] = set()
        ids: set[str] = set()
        for harvest in harvests:
            ids.update(harvest.graph.rows[Entity])
            for identity in harvest.identities.values():
                keys.update(keys_of(identity))
                did = identity.publisher_did or self._published.get(identity.file_name or "")
                if did:
                    keys.add(f"did:{did}")
                    ids.add(did)
        return self._store.known(keys, ids)

    def _note(self, name: str, severity: str, sentence: str) -> None:
        self.summary.problems.append(Problem(name, severity, public_text(sentence)))


def _checked(harvest: Harvest) -> Harvest:
    """Return a harvest as it may be stored."""
    cleaned = clean(harvest)
    check_sizes(cleaned)
    return cleaned


def check_sizes(harvest: Harvest) -> None:
    """Cut off names that indexes could not hold.

    Raises
    ------
    ProvenanceError
        When an identifier is too long, or is no text that a database can hold.
    """
    for row_class, place in harvest.graph.rows.items():
        for row in place.values():
            for column in COLUMNS[row_class]:
                value = getattr(row, column)
                if not isinstance(value, str) or (value.isascii() and len(value) < MAX_NAME and "\0" not in value):
                    continue
                if column == "id" or column.endswith("_id"):
                    if len(value) > MAX_ID or "\0" in value or not _is_text(value):
                        raise ProvenanceError(f"'{value[:60]!a}' is no usable identifier: too long, or no plain text.")
                elif column in ("name", "role", "status", "version") and len(value) > MAX_NAME:
                    setattr(row, column, value[:MAX_NAME] + "…")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_data_error(exc: Exception) -> bool:
    """Say whether the database refused the data of a record, rather than to work at all (SQLSTATE class 22, 23, 54)."""
    return str(getattr(exc, "pgcode", None) or "")[:2] in ("22", "23", "54")


def _reason(exc: Exception) -> str:
    return str(exc) if isinstance(exc, CycleError) else f"the database cannot hold it ({str(exc).splitlines()[0]})."


def import_files(importer: Importer, paths: Iterable[Path], root: Path | None = None) -> ProvenanceSummary:
    """Import files and return what was done; nothing is committed here."""
    started = time.monotonic()
    importer.add_files(paths, root)
    importer.summary.seconds = round(time.monotonic() - started, 3)
    return importer.summary


def source_key(path: Path, name: str) -> str:
    """Return under which name a file's import is remembered."""
    return f"{name}@{hashlib.sha256(str(path).encode('utf-8', 'replace')).hexdigest()[:16]}"


def fingerprint(path: Path) -> str:
    """Return a digest of a file's content."""
    summed = hashlib.sha256(str(READER_VERSION).encode())
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            summed.update(chunk)
    return summed.hexdigest()


def files_below(place: Path) -> Iterator[Path]:
    """Yield the files of a folder, sorted, or the file itself; hidden ones are left out."""
    if place.is_dir():
        for path in sorted(place.rglob("*")):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(place).parts):
                yield path
    else:
        yield place
