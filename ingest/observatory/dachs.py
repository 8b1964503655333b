"""Connects the data model to DaCHS: the grammars of RDs ``cta/model`` and ``cta/obsplan`` (adaptor: imports DaCHS).

``dachs imp cta/model`` makes its tables anew and fills them from all linked collections; imports keep them up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gavo import base

from ingest.collection import load_collection
from ingest.dachs import database_sentence, site_from_configuration
from ingest.errors import CollectionError
from ingest.folder import Folder, FoundFile
from ingest.importer import Site
from ingest.observatory import fill, obsplan
from ingest.store import Cursor, Store


class _Loader:
    """What DaCHS calls with the data it is making; see `ingest.dachs`."""

    def __init__(self, grammar: Any, source_token: str, sourceRow: Mapping[str, Any] | None = None) -> None:  # noqa: N803
        """Take what DaCHS passes to any row iterator."""


class ModelLoader(_Loader):
    """Fills the tables of the data model for all collections when called."""

    def __call__(self, data: Any) -> None:
        """Fill the tables of `data`; the transaction is DaCHS's."""
        _for_each_collection(data.tables["model_source"].connection, _fill_model)


class PlanLoader(_Loader):
    """Fills ``ivoa.obsplan`` for all collections when called."""

    def __call__(self, data: Any) -> None:
        """Fill the table of `data`; the transaction is DaCHS's."""
        _for_each_collection(data.tables["obsplan"].connection, lambda _, cursor, name: obsplan.fill(cursor, name))


def _for_each_collection(connection: Any, work: Callable[[Site, Cursor, str], object]) -> None:
    site = site_from_configuration()
    try:
        with connection.cursor() as cursor:
            for name in Store(cursor).collection_names():
                work(site, cursor, name)
    except base.DBError as exc:
        raise base.ReportableError(database_sentence(exc)) from exc


def _fill_model(site: Site, cursor: Cursor, name: str) -> None:
    files: list[FoundFile] | None
    try:
        collection = load_collection(site.collection_file(name), name)
        found = Folder(site.folder(name), collection.outside).find()
        files = [file for file in found.files.values() if file.kind == "metadata"]
    except CollectionError as exc:
        base.ui.notifyWarning(f"collection {name}: {exc} Its metadata are taken as they were at the last import.")
        files = None
    outcome = fill.update(cursor, name, site.naming(name).prefix, files, datasets_changed=True)
    fill.forget_state(cursor, name)
    for path, severity, sentence in outcome.problems:
        if severity == "error":
            base.ui.notifyWarning(f"collection {name}: {path}: {sentence}")
