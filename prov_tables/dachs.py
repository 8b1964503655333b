"""Connects the import of provenance to DaCHS: the grammar of RD ``cta/prov`` (adaptor: imports DaCHS)."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gavo import base

from ingest.dachs import database_sentence, site_from_configuration
from ingest.records import is_provenance_record
from prov_tables.cutouts import take_spool
from prov_tables.datasets import harvest_collection, names_in, renew_steps
from prov_tables.importer import Importer, Problem, ProvenanceSummary, files_below, import_files, source_key
from prov_tables.spool import spool_folder
from prov_tables.store import LOCK, ProvenanceStore

# A file or folder of records to import; without it the linked collections are gone through.
FILE_VARIABLE = "CTA_PROVENANCE_FILE"
# The collection whose files the records tell of, or the one to go through.
COLLECTION_VARIABLE = "CTA_COLLECTION"
SUMMARY_VARIABLE = "CTA_IMPORT_SUMMARY"


class ProvenanceLoader:
    """Imports provenance when called with the data DaCHS is making."""

    def __init__(self, grammar: Any, source_token: str, sourceRow: Mapping[str, Any] | None = None) -> None:  # noqa: N803
        """Take what DaCHS passes to any row iterator; there is one source."""

    def __call__(self, data: Any) -> None:
        """Import into the tables of `data`; the transaction is DaCHS's.

        Raises
        ------
        gavo.base.ReportableError
            With a sentence, when there is nothing to import, or the database refuses.
        """
        table = data.tables["entity"]
        if table.newlyCreated:
            base.ui.notifyInfo("the tables of provenance are new; import again to fill them.")
            return
        file = os.environ.get(FILE_VARIABLE)
        collection = os.environ.get(COLLECTION_VARIABLE)
        # rows have no cycles; looking for some takes a quarter of an import's time
        gc.disable()
        try:
            with table.connection.cursor() as cursor:
                _take_lock(cursor)
                store = ProvenanceStore(cursor)
                store.prepare()
                _import_spool(table.connection, store)
                if file:
                    summary = _import_place(table.connection, store, Path(file), collection)
                else:
                    names = [collection] if collection else site_from_configuration().names()
                    summary = _import_collections(table.connection, store, names)
        except base.DBError as exc:
            raise base.ReportableError(database_sentence(exc)) from exc
        finally:
            gc.enable()
        _report(summary)


def _importer(connection: Any, store: ProvenanceStore, published: Mapping[str, str] | None) -> Importer:
    return Importer(
        store,
        connection.savepoint,
        published,
        after=lambda joined, touched: renew_steps(store.cursor, joined, touched),
    )


def _import_spool(connection: Any, store: ProvenanceStore) -> None:
    """Take what the service of cut-outs has written down since; files go when their import has been committed."""
    for path in take_spool(spool_folder()):
        summary = import_files(_importer(connection, store, None), [path])
        if summary.unchanged:
            store.forget_source(source_key(path, path.name))
            path.unlink(missing_ok=True)
        for problem in summary.problems:
            base.ui.notifyWarning(f"cut-outs: {problem.sentence}")
        if summary.exit_status:
            path.replace(path.with_suffix(".refused"))


def import_spool() -> None:
    """Import the records of cut-outs; the server calls this now and then."""
    if not any(spool_folder().glob("*.*")):
        return
    try:
        with base.getWritableAdminConn() as connection, connection.cursor() as cursor:
            _take_lock(cursor)
            store = ProvenanceStore(cursor)
            store.prepare()
            _import_spool(connection, store)
    except (base.ReportableError, base.DBError) as exc:
        base.ui.notifyWarning(f"the provenance of cut-outs was not imported: {exc}")


def _import_place(connection: Any, store: ProvenanceStore, place: Path, collection: str | None) -> ProvenanceSummary:
    if not place.exists():
        raise base.ReportableError(f"{place} does not exist; give a provenance record, or a folder of them.")
    published = names_in(store.cursor, collection) if collection else None
    root = place if place.is_dir() else place.parent
    return import_files(_importer(connection, store, published), files_below(place), root)


def _import_collections(connection: Any, store: ProvenanceStore, names: list[str]) -> ProvenanceSummary:
    """Take the headers of the collections' new datasets, and the records that lie among their files."""
    site = site_from_configuration()
    total = ProvenanceSummary()
    for name in names:
        importer = _importer(connection, store, names_in(store.cursor, name))
        harvest_collection(store, importer, name, Path(base.getConfig("inputsDir")))
        folder = site.folder(name)
        records = (path for path in files_below(folder) if is_provenance_record(path)) if folder.is_dir() else ()
        summary = import_files(importer, records, folder)
        _note_problems(store, name, summary.problems)
        total.files += summary.files
        total.unchanged += summary.unchanged
        total.activities += summary.activities
        total.entities += summary.entities
        total.problems += summary.problems
        total.seconds += summary.seconds
    return total


def _note_problems(store: ProvenanceStore, collection: str, problems: list[Problem]) -> None:
    """List the problems with those of the collection's import."""
    for problem in problems:
        if problem.severity == "info":
            continue
        store.cursor.execute(
            "INSERT INTO cta.import_problem (collection, path, severity, sentence, noticed) SELECT %(collection)s,"
            " %(path)s, %(severity)s, %(sentence)s, now() AT TIME ZONE 'UTC' WHERE NOT EXISTS (SELECT 1 FROM"
            " cta.import_problem WHERE collection = %(collection)s AND path = %(path)s AND sentence = %(sentence)s)",
            {"collection": collection, **dataclasses.asdict(problem)},
        )


def _take_lock(cursor: Any) -> None:
    cursor.execute(f"SELECT pg_try_advisory_xact_lock({LOCK})")
    if not cursor.fetchall()[0][0]:
        raise base.ReportableError("another import of provenance is going on; wait for it to end and import again.")


def _report(summary: ProvenanceSummary) -> None:
    base.ui.notifyInfo(
        f"provenance: {summary.files} records ({summary.unchanged} unchanged), {summary.activities} activities,"
        f" {summary.entities} entities read"
    )
    for problem in summary.problems:
        base.ui.notifyInfo(f"{problem.severity}: {problem.path}: {problem.sentence}")
    target = os.environ.get(SUMMARY_VARIABLE)
    if target:
        text = json.dumps({**dataclasses.asdict(summary), "exit_status": summary.exit_status}, ensure_ascii=False)
        Path(target).write_text(text, encoding="utf-8")
