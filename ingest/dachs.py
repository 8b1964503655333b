"""Connects the import to DaCHS: the grammar of RD ``cta/q``.

DaCHS passes the tables being made to a grammar's row iterator when that is a callable without parameters (it does so
for its own boosters); the rows then go in by COPY, within DaCHS's transaction.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gavo import base

from ingest.errors import CollectionError
from ingest.events.tables import ensure_tables
from ingest.importer import Site, Summary, forget_collection, import_collection, load_public_events
from ingest.store import Cursor, Store

# Names the one collection to import; without it all linked ones are.
COLLECTION_VARIABLE = "CTA_COLLECTION"
# Where to write the summary of that import (JSON), for the operator commands.
SUMMARY_VARIABLE = "CTA_IMPORT_SUMMARY"
PROCESSES_VARIABLE = "CTA_IMPORT_PROCESSES"
# Any number will do; two imports into one database must not run at once.
_LOCK = 20261120


class CollectionLoader:
    """Imports the linked collections when called with the data DaCHS is making."""

    def __init__(self, grammar: Any, source_token: str, sourceRow: Mapping[str, Any] | None = None) -> None:  # noqa: N803
        """Take what DaCHS passes to any row iterator; there is one source, all collections."""

    def __call__(self, data: Any) -> None:
        """Import into the tables of `data`; the transaction is DaCHS's.

        Raises
        ------
        gavo.base.ReportableError
            With a sentence, when the named collection cannot be imported, or the database refuses.
        """
        connection = data.tables["dataset"].connection
        site = site_from_configuration()
        try:
            with connection.cursor() as cursor:
                _take_lock(cursor)
                named = os.environ.get(COLLECTION_VARIABLE)
                if named:
                    _import_one(site, named, Store(cursor))
                else:
                    _import_all(site, connection, Store(cursor))
        except base.DBError as exc:
            raise base.ReportableError(database_sentence(exc)) from exc


class EventLoader:
    """Loads, when called, the events of data that have become public since their collections were imported."""

    def __init__(self, grammar: Any, source_token: str, sourceRow: Mapping[str, Any] | None = None) -> None:  # noqa: N803
        """Take what DaCHS passes to any row iterator."""

    def __call__(self, data: Any) -> None:
        """Load into the tables behind the view ``cta.event``; the transaction is DaCHS's.

        Raises
        ------
        gavo.base.ReportableError
            With a sentence, when the database refuses.
        """
        site = site_from_configuration()
        try:
            with data.tables["event"].connection.cursor() as cursor:
                _take_lock(cursor)
                store = Store(cursor)
                for name in store.collection_names():
                    _load_public(site, name, store)
        except base.DBError as exc:
            raise base.ReportableError(database_sentence(exc)) from exc


def _load_public(site: Site, name: str, store: Store) -> None:
    try:
        loaded = load_public_events(site, name, store)
    except CollectionError as exc:
        base.ui.notifyError(f"the events of collection {name} were left as they were: {exc}")
        return
    if loaded.n_files or loaded.n_removed:
        base.ui.notifyInfo(f"collection {name}: {loaded.n_events} events of {loaded.n_files} files loaded")
    for accref, sentence in loaded.problems:
        base.ui.notifyWarning(f"{accref}: {sentence}")


def ensure_event_tables(table: Any) -> None:
    """Create what is behind the view ``cta.event``.

    Parameters
    ----------
    table
        The view, a ``gavo.rsc`` database table.
    """
    with table.connection.cursor() as cursor:
        ensure_tables(cursor)


def add_missing_columns(table: Any) -> None:
    """Add to a table of the database the columns its definition has gained; rows read anew fill them.

    Parameters
    ----------
    table
        A ``gavo.rsc`` database table.
    """
    schema, name = table.tableDef.getQName().lower().split(".")
    present = {
        row[0]
        for row in table.connection.query(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = %(schema)s AND table_name = %(name)s",
            {"schema": schema, "name": name},
        )
    }
    for column in table.tableDef:
        if column.name.lower() not in present:
            table.connection.execute(f"ALTER TABLE {schema}.{name} ADD COLUMN {column.name} {column.type}")
            base.ui.notifyInfo(f"added the column {column.name} to {schema}.{name}")


def site_from_configuration() -> Site:
    """Return the site that DaCHS's configuration describes."""
    processes = os.environ.get(PROCESSES_VARIABLE, "")
    return Site(
        authority=base.getConfig("ivoa", "authority"),
        resource_dir=Path(base.getConfig("inputsDir")) / "cta",
        processes=int(processes) if processes.isdigit() else None,
    )


def database_sentence(exc: Exception) -> str:
    """Return a sentence for an operator about an error of the database."""
    reason = " ".join(str(exc).split())
    if "No space left" in reason or getattr(exc, "pgcode", None) == "53100":
        return "the disk of the database is full; make room and import again. Nothing was changed."
    return f"the database refused the import ({reason}). Nothing was changed."


def _take_lock(cursor: Cursor) -> None:
    cursor.execute(f"SELECT pg_try_advisory_xact_lock({_LOCK})")
    if not cursor.fetchall()[0][0]:
        raise base.ReportableError("another import is going on; wait for it to end and import again.")


def _import_one(site: Site, name: str, store: Store) -> None:
    """Import a collection, or remove what is stored of one that is no longer linked."""
    try:
        if name not in site.names() and name in store.collection_names():
            summary = forget_collection(site, name, store)
        else:
            summary = import_collection(site, name, store)
    except CollectionError as exc:
        raise base.ReportableError(str(exc)) from exc
    _report(summary)
    target = os.environ.get(SUMMARY_VARIABLE)
    if target:
        summary.write(Path(target))


def _import_all(site: Site, connection: Any, store: Store) -> None:
    """Import every linked collection, each on its own: an unusable one keeps what it had."""
    for name in site.names():
        try:
            with connection.savepoint():
                _report(import_collection(site, name, store))
        except CollectionError as exc:
            base.ui.notifyError(f"collection {name} was left as it was: {exc}")
    for name in store.collection_names():
        if name not in site.names():
            forget_collection(site, name, store)
            base.ui.notifyWarning(f"collection {name} is no longer linked; its rows were removed.")


def _report(summary: Summary) -> None:
    problems = ", ".join(f"{count} {severity}s" for severity, count in summary.problems.items() if count)
    base.ui.notifyInfo(
        f"collection {summary.collection}: {summary.published} published"
        f" ({summary.new_or_changed} new or changed, {summary.removed} removed); {problems or 'no problems'}"
    )
    for sentence in summary.sentences:
        base.ui.notifyInfo(sentence)
