"""Writes rows of a collection into the archive's tables, all within the caller's transaction.

Rows go in by COPY: the row-by-row path of the publishing software takes longer than reading the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Protocol

from ingest.rows import (
    CollectionRow,
    DatasetRow,
    DerivationRow,
    DocumentRow,
    HduRow,
    PartRow,
    ProblemRow,
    ProductRow,
    SourceRow,
    columns,
)

Row = CollectionRow | DatasetRow | DerivationRow | DocumentRow | HduRow | PartRow | ProblemRow | ProductRow | SourceRow
TABLES: dict[type[Row], str] = {
    CollectionRow: "cta.collection",
    DatasetRow: "cta.dataset",
    DerivationRow: "cta.derivation",
    DocumentRow: "cta.document",
    HduRow: "cta.hdu_index",
    PartRow: "cta.part",
    ProblemRow: "cta.import_problem",
    ProductRow: "dc.products",
    SourceRow: "cta.source_all",
}
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})
_NEEDS_ESCAPE = re.compile(r"[\\\t\n\r\0]")


class Cursor(Protocol):
    """What is used of a psycopg2 cursor."""

    def execute(self, query: str, parameters: Any = ...) -> None:
        """Run a statement."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all result rows."""
        ...

    def copy_expert(self, sql: str, file: Any, size: int = ...) -> None:
        """Run a COPY statement."""
        ...


@dataclass(slots=True)
class Store:
    """The archive's tables, seen through one open transaction."""

    cursor: Cursor

    def known_datasets(self, prefix: str) -> dict[str, str]:
        """Return the fingerprint of every dataset, and of every part of one, stored below an accref prefix."""
        self.cursor.execute(
            "SELECT accref, fingerprint FROM cta.dataset WHERE starts_with(accref, %(prefix)s)"
            " UNION ALL SELECT accref, fingerprint FROM cta.part WHERE starts_with(accref, %(prefix)s)",
            {"prefix": prefix},
        )
        return {str(accref): str(fingerprint) for accref, fingerprint in self.cursor.fetchall()}

    def known_problems(self, name: str) -> list[ProblemRow]:
        """Return the problems noted for a collection."""
        names = columns(ProblemRow)
        self.cursor.execute(
            f"SELECT {', '.join(names)} FROM cta.import_problem WHERE collection = %(name)s",
            {"name": name},
        )
        return [ProblemRow(**dict(zip(names, map(str, row), strict=True))) for row in self.cursor.fetchall()]

    def delete_datasets(self, accrefs: Sequence[str]) -> None:
        """Delete datasets, their HDUs and sources, and parts; DaCHS's rules on the tables delete their products."""
        if not accrefs:
            return
        parameters = {"accrefs": list(accrefs)}
        for table in ("cta.hdu_index", "cta.source_all"):
            self.cursor.execute(
                f"DELETE FROM {table} WHERE obs_publisher_did IN"
                " (SELECT obs_publisher_did FROM cta.dataset WHERE accref = ANY(%(accrefs)s))",
                parameters,
            )
        for table in ("cta.dataset", "cta.part"):
            self.cursor.execute(f"DELETE FROM {table} WHERE accref = ANY(%(accrefs)s)", parameters)

    def set_access(
        self, accref: str, owner: str | None, embargo: str | None, released: str | None, product_embargo: str | None
    ) -> None:
        """Change who may fetch a dataset that is there already; dates as in the rows."""
        values = {"accref": accref, "owner": owner, "embargo": embargo, "released": released, "last": product_embargo}
        self.cursor.execute(
            "UPDATE cta.dataset SET owner = %(owner)s, embargo = %(embargo)s, obs_release_date = %(released)s"
            " WHERE accref = %(accref)s",
            values,
        )
        self.cursor.execute(
            "UPDATE cta.source_all SET owner = %(owner)s, embargo = %(embargo)s WHERE obs_publisher_did IN"
            " (SELECT obs_publisher_did FROM cta.dataset WHERE accref = %(accref)s)",
            values,
        )
        self.cursor.execute(
            "UPDATE cta.part SET owner = %(owner)s, embargo = %(embargo)s WHERE accref = %(accref)s", values
        )
        self.cursor.execute(
            "UPDATE dc.products SET owner = %(owner)s, embargo = %(last)s WHERE accref = %(accref)s", values
        )

    def replace_problems(self, name: str, problems: Iterable[ProblemRow]) -> None:
        """Replace everything noted for a collection."""
        self.cursor.execute("DELETE FROM cta.import_problem WHERE collection = %(name)s", {"name": name})
        self.add(ProblemRow, problems)

    def replace_documents(self, name: str, documents: Iterable[DocumentRow]) -> None:
        """Replace the documents of a collection; DaCHS's rule on the table deletes their products."""
        self.cursor.execute("DELETE FROM cta.document WHERE collection = %(name)s", {"name": name})
        self.add(DocumentRow, documents)

    def replace_derivations(self, name: str, derivations: Iterable[DerivationRow]) -> None:
        """Replace what the listings of a collection say."""
        self.cursor.execute("DELETE FROM cta.derivation WHERE collection = %(name)s", {"name": name})
        self.add(DerivationRow, derivations)

    def incomplete_datasets(self, prefix: str, kinds: Sequence[str]) -> list[tuple[str, str]]:
        """Return datasets below an accref prefix, each with a part it names that is not published (accrefs)."""
        self.cursor.execute(
            "SELECT d.accref, h.file_accref FROM cta.hdu_index AS h JOIN cta.dataset AS d USING (obs_publisher_did)"
            " WHERE h.hdu_type = ANY(%(kinds)s) AND starts_with(d.accref, %(prefix)s)"
            " AND NOT EXISTS (SELECT 1 FROM cta.part AS p WHERE p.accref = h.file_accref)",
            {"prefix": prefix, "kinds": list(kinds)},
        )
        return [(str(accref), str(part)) for accref, part in self.cursor.fetchall()]

    def count_parts(self, prefix: str) -> int:
        """Return the number of parts below an accref prefix."""
        self.cursor.execute("SELECT count(*) FROM cta.part WHERE starts_with(accref, %(prefix)s)", {"prefix": prefix})
        return int(self.cursor.fetchall()[0][0])

    def unused_parts(self, prefix: str) -> list[tuple[str, str]]:
        """Return accref and kind of parts below an accref prefix that no dataset names."""
        self.cursor.execute(
            "SELECT accref, kind FROM cta.part AS p WHERE starts_with(accref, %(prefix)s) AND NOT EXISTS"
            " (SELECT 1 FROM cta.hdu_index AS h WHERE h.file_accref = p.accref AND h.hdu_type = p.kind)",
            {"prefix": prefix},
        )
        return [(str(accref), str(kind)) for accref, kind in self.cursor.fetchall()]

    def summarise(self, prefix: str) -> tuple[Any, ...]:
        """Return what the datasets below an accref prefix cover.

        Returns
        -------
        tuple
            Number of datasets, number of events, smallest ``t_min`` and largest ``t_max`` (MJD UTC), smallest and
            largest energy (eV).
        """
        self.cursor.execute(
            "SELECT count(*), coalesce(sum(ev_xel), 0), min(t_min), max(t_max), min(energy_min), max(energy_max)"
            " FROM cta.dataset WHERE starts_with(accref, %(prefix)s)",
            {"prefix": prefix},
        )
        return self.cursor.fetchall()[0]

    def sky_coverage(self, prefix: str) -> str | None:
        """Return the union of the fields of view below an accref prefix as a MOC of order 6 in ASCII."""
        self.cursor.execute(
            # not smoc_disc, which takes latitude and longitude for each other
            "SELECT sum(smoc(6, scircle(spoint(radians(s_ra), radians(s_dec)), radians(s_fov / 2))))::text FROM"
            " (SELECT DISTINCT s_ra, s_dec, s_fov FROM cta.dataset"
            "  WHERE starts_with(accref, %(prefix)s) AND s_region IS NOT NULL) AS fields",
            {"prefix": prefix},
        )
        moc = self.cursor.fetchall()[0][0]
        return None if moc is None else str(moc)

    def doubled_observations(self, prefix: str) -> list[tuple[str, str]]:
        """Return id and accref of event lists whose observation and event type another one of the collection shares."""
        self.cursor.execute(
            "SELECT obs_id, accref FROM (SELECT obs_id, accref,"
            " row_number() OVER (PARTITION BY obs_id, event_type ORDER BY accref) AS occurrence"
            " FROM cta.dataset WHERE starts_with(accref, %(prefix)s) AND dataproduct_type = 'event') AS numbered"
            " WHERE occurrence > 1",
            {"prefix": prefix},
        )
        return [(str(obs_id), str(accref)) for obs_id, accref in self.cursor.fetchall()]

    def collection_names(self) -> list[str]:
        """Return the names of all stored collections."""
        self.cursor.execute("SELECT name FROM cta.collection ORDER BY name")
        return [str(row[0]) for row in self.cursor.fetchall()]

    def delete_collection(self, name: str) -> None:
        """Delete a collection's own row."""
        self.cursor.execute("DELETE FROM cta.collection WHERE name = %(name)s", {"name": name})

    def replace_collection(self, row: CollectionRow) -> None:
        """Write the collection's own row."""
        self.delete_collection(row.name)
        self.add(CollectionRow, [row])

    def add(self, row_class: type[Row], rows: Iterable[Row]) -> None:
        """Append rows to the table of their class."""
        names = columns(row_class)
        # DaCHS's trigger on dc.products looks each row up. Its plan is made once, when the table may still be small:
        # it must not be a scan of all products, whose cost would grow with the square of their number.
        self.cursor.execute("SET LOCAL enable_seqscan = off")
        copy_rows(self.cursor, TABLES[row_class], names, rows)
        self.cursor.execute("SET LOCAL enable_seqscan = on")


def copy_rows(cursor: Cursor, table: str, names: Sequence[str], rows: Iterable[object]) -> None:
    """Append rows, given as objects with the attributes `names`, to a table."""
    cursor.copy_expert(f"COPY {table} ({', '.join(names)}) FROM STDIN", _CopySource(copy_lines(rows, names)))


def copy_tuples(cursor: Cursor, table: str, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Append rows, given as values in the order of `names`, to a table."""
    lines = ("\t".join([_cell(value) for value in row]) + "\n" for row in rows)
    cursor.copy_expert(f"COPY {table} ({', '.join(names)}) FROM STDIN", _CopySource(lines))


def copy_lines(rows: Iterable[object], names: Sequence[str]) -> Iterator[str]:
    """Yield one line of PostgreSQL's COPY text format a row."""
    values_of = attrgetter(*names)
    for row in rows:
        yield "\t".join([_cell(value) for value in values_of(row)]) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES) if _NEEDS_ESCAPE.search(value) else value
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)  # not repr, which numpy's numbers write with their type


class _CopySource:
    """A file of COPY lines that are made as they are read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""
        parts, length = [self._rest], len(self._rest)
        while length < size:
            line = next(self._lines, None)
            if line is None:
                break
            parts.append(line.encode("utf-8", "replace"))
            length += len(parts[-1])
        joined = b"".join(parts)
        self._rest = joined[size:]
        return joined[:size]
