"""Looks datasets up in the database (adaptor: imports DaCHS). A handful of queries serve any number of datasets."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gavo import base
from gavo.protocols import creds

from datalink.access import Protection, Viewer
from datalink.datasets import CollectionTerms, Dataset, Document, Part, Relative, Response, StoredFile
from datalink.lineage import LINEAGE_QUERY
from ingest.collection import load_collection
from ingest.dachs import site_from_configuration
from ingest.errors import CollectionError

# What a `Dataset` has under the names of the columns.
_COPIED = (
    "obs_collection obs_id s_ra s_dec s_fov t_min t_max energy_min energy_max em_min em_max ev_xel event_type"
    " target_name instrument_name bib_reference o_ucd"
).split()
_OTHERS = "obs_title dataproduct_type dataproduct_subtype product_level obs_creator_did".split()


def datasets(publisher_dids: Sequence[str]) -> dict[str, Dataset]:
    """Return the datasets that exist among some identifiers, with responses, documents and relatives.

    Parameters
    ----------
    publisher_dids
        Publisher DIDs, in any number and order.
    """
    # PostgreSQL's texts have no NUL; nor has any identifier
    wanted = {"dids": [did for did in dict.fromkeys(publisher_dids) if "\0" not in did]}
    with base.getTableConn() as connection:
        found = {row["obs_publisher_did"]: _dataset(row) for row in _rows(connection, _DATASET_QUERY, wanted)}
        if not found:
            return found
        # most responses are in the files of the datasets themselves
        files = {did: dataset.file for did, dataset in found.items()}
        for row in _rows(connection, _RESPONSE_QUERY, wanted):
            file = files.get(row["obs_publisher_did"]) or files.setdefault(row["obs_publisher_did"], _file(row))
            found[row["owner_did"]].responses.append(_response(row, file))
        for row in _rows(connection, _PART_QUERY, wanted):
            part = Part(kind=row["kind"], title=row["title"], file=_file(row))
            found[row["owner_did"]].parts.append(part)
        for row in _rows(connection, _RELATIVE_QUERY, wanted):
            found[row["owner_did"]].relatives.append(_relative(row))
        for row in _rows(connection, _PROGENITOR_QUERY, wanted):
            found[row["owner_did"]].progenitors.append(_relative(row))
        for row in _rows(connection, _DERIVATION_QUERY, wanted):
            found[row["owner_did"]].derivations.append(_relative(row))
        for row in _rows(connection, LINEAGE_QUERY, {"dids": list(found)}):
            found[row["owner_did"]].lineage.add(row)
        _add_surroundings(connection, found.values())
    return found


def protections(publisher_dids: Sequence[str]) -> set[Protection]:
    """Return who may have the files of some datasets; those that are not there (any more) are passed over."""
    sql = "SELECT DISTINCT owner, embargo FROM cta.dataset WHERE obs_publisher_did = ANY(%(dids)s)"
    with base.getTableConn() as connection:
        return {
            Protection(row["owner"], row["embargo"]) for row in _rows(connection, sql, {"dids": list(publisher_dids)})
        }


def viewer(query_meta: Any) -> Viewer:
    """Return who asks; with a wrong password that is nobody, as it is elsewhere in DaCHS.

    Parameters
    ----------
    query_meta
        A ``gavo.svcs.QueryMeta`` made from a request.
    """
    return viewer_by_name(query_meta.getAuthUser() if query_meta["user_pretend"] else None)


def viewer_by_name(user: str | None) -> Viewer:
    """Return the owner of a job, who has logged in when making it."""
    return Viewer(user, frozenset(creds.getGroupsForAuthUser(user))) if user else Viewer()


_DATASET_QUERY = (
    f"SELECT d.obs_publisher_did, {', '.join(f'd.{name}' for name in (*_COPIED, *_OTHERS))},"
    " d.accref, d.accsize, d.mime, d.owner, d.embargo, p.accesspath"
    " FROM cta.dataset AS d LEFT JOIN dc.products AS p ON p.accref = d.accref"
    " WHERE d.obs_publisher_did = ANY(%(dids)s)"
)
_PART_QUERY = (
    "SELECT h.obs_publisher_did AS owner_did, t.kind, t.title, t.part_publisher_did AS obs_publisher_did, t.accref,"
    " t.accsize, t.mime, t.owner, t.embargo, p.accesspath"
    " FROM cta.hdu_index AS h JOIN cta.part AS t ON t.accref = h.file_accref"
    " JOIN dc.products AS p ON p.accref = t.accref"
    " WHERE h.obs_publisher_did = ANY(%(dids)s) AND h.hdu_type = t.kind ORDER BY h.obs_publisher_did, t.kind DESC"
)
_LINEAGE = (
    "SELECT v.{own} AS owner_did, o.obs_publisher_did, o.obs_title, o.obs_id, o.dataproduct_subtype, o.event_type"
    " FROM cta.derivation AS v JOIN cta.dataset AS o ON o.obs_publisher_did = v.{other}"
    " WHERE v.{own} = ANY(%(dids)s) ORDER BY o.obs_publisher_did"
)
_PROGENITOR_QUERY = _LINEAGE.format(own="obs_publisher_did", other="progenitor_did")
_DERIVATION_QUERY = _LINEAGE.format(own="progenitor_did", other="obs_publisher_did")
_RESPONSE_QUERY = (
    "SELECT h.obs_publisher_did AS owner_did, h.hdu_type, h.hdu_class, h.hdu_name, h.file_publisher_did AS"
    " obs_publisher_did, d.accref, d.accsize, d.mime, d.owner, d.embargo, p.accesspath"
    " FROM cta.hdu_index AS h JOIN cta.dataset AS d ON d.obs_publisher_did = h.file_publisher_did"
    " JOIN dc.products AS p ON p.accref = d.accref"
    " WHERE h.obs_publisher_did = ANY(%(dids)s)"
    " AND h.hdu_type IN ('aeff', 'edisp', 'psf', 'bkg', 'rad_max')"
    " ORDER BY h.obs_publisher_did, h.hdu_type"
)
_RELATIVE_QUERY = (
    "SELECT d.obs_publisher_did AS owner_did, o.obs_publisher_did, o.obs_title, o.obs_id, o.dataproduct_subtype,"
    " o.event_type FROM cta.dataset AS d JOIN cta.dataset AS o ON o.obs_id = d.obs_id"
    " AND o.obs_collection = d.obs_collection AND o.obs_publisher_did <> d.obs_publisher_did"
    " WHERE d.obs_publisher_did = ANY(%(dids)s) AND o.dataproduct_type = 'event' AND d.dataproduct_type = 'event'"
    " ORDER BY o.obs_publisher_did"
)


def _rows(connection: Any, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.queryToDicts(sql, parameters)]


def _relative(row: Mapping[str, Any]) -> Relative:
    return Relative(
        publisher_did=row["obs_publisher_did"],
        title=row["obs_title"] or row["obs_id"],
        subtype=row["dataproduct_subtype"],
        event_type=row["event_type"],
    )


def _dataset(row: Mapping[str, Any]) -> Dataset:
    return Dataset(
        file=_file(row),
        collection=row["accref"].split("/")[2],
        title=row["obs_title"] or row["obs_id"],
        product_type=row["dataproduct_type"],
        subtype=row["dataproduct_subtype"],
        level=row["product_level"] or "DL3",
        creator_did=row["obs_creator_did"],
        **{name: row[name] for name in _COPIED},
    )


def _file(row: Mapping[str, Any]) -> StoredFile:
    return StoredFile(
        accref=row["accref"],
        publisher_did=row["obs_publisher_did"],
        # nothing is there of a file that is only listed
        path=_path(row["accesspath"] or row["accref"]),
        mime=row["mime"],
        size=row["accsize"] or 0,
        protection=Protection(row["owner"], row["embargo"]),
    )


def _path(access_path: str) -> Path:
    return _inputs() / access_path


@functools.cache
def _inputs() -> Path:
    return Path(base.getConfig("inputsDir"))


def _response(row: Mapping[str, Any], file: StoredFile) -> Response:
    return Response(hdu_type=row["hdu_type"], hdu_class=row["hdu_class"], hdu_name=row["hdu_name"], file=file)


def _add_surroundings(connection: Any, found: Iterable[Dataset]) -> None:
    """Add the documents and terms of the collections."""
    by_collection: dict[str, list[Dataset]] = {}
    for dataset in found:
        by_collection.setdefault(dataset.collection, []).append(dataset)
    names = {"names": list(by_collection)}
    documents = (
        "SELECT o.collection, o.accref, o.kind, o.title, o.mime, o.accsize, p.accesspath FROM cta.document AS o"
        " JOIN dc.products AS p ON p.accref = o.accref"
        " WHERE o.kind NOT IN ('index', 'listing') AND o.collection = ANY(%(names)s)"
        " ORDER BY o.kind <> 'terms', o.title"
    )
    for row in _rows(connection, documents, names):
        document = Document(
            accref=row["accref"],
            kind=row["kind"],
            title=row["title"],
            mime=row["mime"],
            size=row["accsize"],
            path=_path(row["accesspath"]),
        )
        for dataset in by_collection[row["collection"]]:
            dataset.documents.append(document)
    terms = (
        "SELECT name, title, terms, terms_uri, acknowledgement, reference_url, creator FROM cta.collection"
        " WHERE name = ANY(%(names)s)"
    )
    for row in _rows(connection, terms, names):
        for dataset in by_collection[row["name"]]:
            dataset.terms = CollectionTerms(**row)


def default_timesys(collection: str) -> str | None:
    """Return the time scale that a collection's file states for headers without TIMESYS."""
    path = site_from_configuration().collection_file(collection)
    try:
        return load_collection(path, collection).defaults.timesys
    except CollectionError:
        return None


def today() -> datetime.date:
    """Return today's date in UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date()


def drawable(collection: str) -> list[Dataset]:
    """Return the event lists and products of a collection, without their surroundings."""
    sql = _DATASET_QUERY.replace(
        "d.obs_publisher_did = ANY(%(dids)s)",
        "d.dataproduct_type IS NOT NULL AND p.accref IS NOT NULL"
        " AND starts_with(d.accref, %(prefix)s) ORDER BY d.accref",
    )
    with base.getTableConn() as connection:
        return [_dataset(row) for row in _rows(connection, sql, {"prefix": f"cta/data/{collection}/"})]


def observations(publisher_dids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of ``cta.obs_index`` of some datasets, with their event type, by identifier."""
    sql = (
        "SELECT o.*, d.event_type FROM cta.obs_index AS o JOIN cta.dataset AS d USING (obs_publisher_did)"
        " WHERE o.obs_publisher_did = ANY(%(dids)s)"
    )
    with base.getTableConn() as connection:
        return {row["obs_publisher_did"]: row for row in _rows(connection, sql, {"dids": list(publisher_dids)})}


def hdu_rows(publisher_dids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of ``cta.hdu_index`` of some datasets."""
    sql = "SELECT * FROM cta.hdu_index WHERE obs_publisher_did = ANY(%(dids)s) ORDER BY obs_publisher_did, hdu_type"
    with base.getTableConn() as connection:
        return _rows(connection, sql, {"dids": list(publisher_dids)})


def collections(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows of ``cta.collection`` of some collections."""
    sql = "SELECT * FROM cta.collection WHERE name = ANY(%(names)s) ORDER BY name"
    with base.getTableConn() as connection:
        return _rows(connection, sql, {"names": list(names)})
