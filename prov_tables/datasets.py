"""Provenance of published datasets: what their headers tell, and the table of last steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.store import Cursor
from prov_tables.harvest import Harvest, Identity
from prov_tables.importer import Importer
from prov_tables.joiner import Joined
from prov_tables.model import DATASET, Entity, Graph
from prov_tables.readers.fits_cards import first_headers
from prov_tables.readers.headers import read_headers
from prov_tables.store import SCHEMA, STEPS, ProvenanceStore, Touched

LIKELY_FITS = "application/fits"


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A dataset whose headers are to be read."""

    publisher_did: str
    accref: str
    title: str | None
    path: Path
    fingerprint: str


def changed_files(cursor: Cursor, collection: str, inputs: Path) -> list[PublishedFile]:
    """Return the datasets of a collection that are new, or have changed, since their headers were last read."""
    cursor.execute(
        "SELECT d.obs_publisher_did, d.accref, d.obs_title, p.accesspath, d.fingerprint FROM cta.dataset AS d"
        " JOIN dc.products AS p ON p.accref = d.accref"
        f" LEFT JOIN {SCHEMA}.imported_record AS s ON s.path = 'dataset:' || d.obs_publisher_did"
        " WHERE starts_with(d.accref, %(prefix)s) AND s.fingerprint IS DISTINCT FROM d.fingerprint ORDER BY d.accref",
        {"prefix": prefix_of(collection)},
    )
    return [
        PublishedFile(did, accref, title, inputs / path, fingerprint)
        for did, accref, title, path, fingerprint in cursor.fetchall()
    ]


def prefix_of(collection: str) -> str:
    """Return what the access references of a collection's files begin with."""
    return f"cta/data/{collection}/"


def names_in(cursor: Cursor, collection: str) -> dict[str, str]:
    """Return the identifiers of a collection's datasets by file name, where only one has it."""
    cursor.execute(
        "SELECT accref, obs_publisher_did FROM cta.dataset WHERE starts_with(accref, %(prefix)s)",
        {"prefix": prefix_of(collection)},
    )
    names: dict[str, str | None] = {}
    for accref, did in cursor.fetchall():
        name = str(accref).rpartition("/")[2]
        names[name] = None if name in names else str(did)
    return {name: did for name, did in names.items() if did is not None}


def header_harvests(files: Iterable[PublishedFile]) -> Iterator[Harvest]:
    """Yield what the headers of files tell; at least that the dataset exists."""
    for file in files:
        name = file.accref.rpartition("/")[2]
        harvest = read_headers(first_headers(file.path), file.publisher_did, title=file.title, name=name)
        yield harvest or _bare(file, name)


def _bare(file: PublishedFile, name: str) -> Harvest:
    graph = Graph()
    graph.add(
        Entity(
            id=file.publisher_did,
            name=file.title or name,
            entity_class=DATASET,
            obs_publisher_did=file.publisher_did,
        )
    )
    identity = Identity(publisher_did=file.publisher_did, file_name=name)
    return Harvest(graph=graph, identities={file.publisher_did: identity}, fallback=True)


def harvest_collection(store: ProvenanceStore, importer: Importer, collection: str, inputs: Path) -> int:
    """Bring the provenance of a collection's datasets up to date with their headers; return how many were read."""
    forget_unpublished(store.cursor, collection)
    files = changed_files(store.cursor, collection, inputs)
    for file, harvest in zip(files, header_harvests(files), strict=True):
        importer.add(file.accref, harvest)
    importer.flush()
    store.remember_datasets([(f"dataset:{file.publisher_did}", file.fingerprint) for file in files])
    return len(files)


def forget_unpublished(cursor: Cursor, collection: str) -> None:
    """Take datasets that are no longer published out of the last steps; what was made of them stays known."""
    parameters = {"prefix": f"%/~?{prefix_of(collection)}%".replace("_", r"\_")}
    gone = (
        "obs_publisher_did LIKE %(prefix)s AND NOT EXISTS"
        " (SELECT 1 FROM cta.dataset AS d WHERE d.obs_publisher_did = t.obs_publisher_did)"
    )
    cursor.execute(f"DELETE FROM {STEPS} AS t WHERE {gone}", parameters)
    cursor.execute(f"UPDATE {SCHEMA}.entity AS t SET obs_publisher_did = NULL WHERE {gone}", parameters)
    cursor.execute(
        f"DELETE FROM {SCHEMA}.imported_record AS t WHERE starts_with(t.path, 'dataset:') AND t.path LIKE %(prefix)s"
        " AND NOT EXISTS (SELECT 1 FROM cta.dataset AS d WHERE 'dataset:' || d.obs_publisher_did = t.path)",
        parameters,
    )


def renew_steps(cursor: Cursor, joined: Joined, touched: Touched) -> None:
    """Write the last steps of the datasets that a batch touches."""
    ids = [key for key in joined.graph.rows[Entity] if str(key).startswith("ivo://")]
    ids += [key for key in joined.renamed.values() if key not in ids]
    cursor.execute(
        f"UPDATE {SCHEMA}.entity AS e SET obs_publisher_did = e.id WHERE e.id = ANY(%(ids)s)"
        " AND e.obs_publisher_did IS NULL"
        " AND EXISTS (SELECT 1 FROM cta.dataset AS d WHERE d.obs_publisher_did = e.id)",
        {"ids": ids},
    )
    cursor.execute(
        f"SELECT DISTINCT e.obs_publisher_did FROM {SCHEMA}.entity AS e WHERE e.obs_publisher_did IS NOT NULL"
        " AND e.id IN (SELECT unnest(%(ids)s::text[])"
        f" UNION SELECT g.entity_id FROM {SCHEMA}.was_generated_by AS g WHERE g.activity_id = ANY(%(activities)s)"
        f" UNION SELECT d.generated_entity_id FROM {SCHEMA}.was_derived_from AS d"
        " WHERE d.used_entity_id = ANY(%(ids)s))",
        {"ids": ids, "activities": touched.activities},
    )
    write_steps(cursor, [str(row[0]) for row in cursor.fetchall()])


def write_steps(cursor: Cursor, publisher_dids: Sequence[str]) -> None:
    """Write the rows of the last steps of some datasets anew."""
    if not publisher_dids:
        return
    parameters = {"dids": list(publisher_dids)}
    cursor.execute(f"DELETE FROM {STEPS} WHERE obs_publisher_did = ANY(%(dids)s)", parameters)
    cursor.execute(_STEPS_SQL, parameters)


_STEPS_SQL = f"""
INSERT INTO {STEPS} (obs_publisher_did, activity_id, activity_name, activity_type, activity_version, software_name,
  software_version, start_time, stop_time, parameters, config_file_url, progenitor_dids, agent_name, agent_role,
  doc_url)
SELECT e.obs_publisher_did, a.id, a.name, d.type, d.version, software.name, d.version, a.start_time, a.end_time,
  configuration.parameters, configuration.file, progenitors.dids, creator.name, creator.role, d.docurl
FROM {SCHEMA}.entity AS e
LEFT JOIN {SCHEMA}.was_generated_by AS g ON g.entity_id = e.id
LEFT JOIN {SCHEMA}.activity AS a ON a.id = g.activity_id
LEFT JOIN {SCHEMA}.activity_description AS d ON d.id = a.description_id
LEFT JOIN LATERAL (
  SELECT min(s.name) AS name FROM {SCHEMA}.was_associated_with AS w JOIN {SCHEMA}.agent AS s ON s.id = w.agent_id
  WHERE w.activity_id = a.id AND s.type = 'SoftwareAgent') AS software ON true
LEFT JOIN LATERAL (
  SELECT json_object_agg(p.name, p.param_value ORDER BY p.name) FILTER (WHERE p.id IS NOT NULL)::text AS parameters,
    min(coalesce(f.location, f.name)) AS file
  FROM {SCHEMA}.was_configured_by AS c LEFT JOIN {SCHEMA}.parameter AS p ON p.id = c.parameter_id
  LEFT JOIN {SCHEMA}.config_file AS f ON f.id = c.config_file_id WHERE c.activity_id = a.id) AS configuration ON true
LEFT JOIN LATERAL (
  SELECT string_agg(replace(o.obs_publisher_did, '#', '%%23'), '#' ORDER BY o.obs_publisher_did) AS dids
  FROM {SCHEMA}.was_derived_from AS w JOIN {SCHEMA}.entity AS o ON o.id = w.used_entity_id
  WHERE w.generated_entity_id = e.id AND o.obs_publisher_did IS NOT NULL) AS progenitors ON true
LEFT JOIN LATERAL (
  SELECT n.name, t.role FROM (
    SELECT agent_id, role FROM {SCHEMA}.was_attributed_to WHERE entity_id = e.id
    UNION ALL SELECT agent_id, role FROM {SCHEMA}.was_associated_with WHERE activity_id = a.id) AS t
  JOIN {SCHEMA}.agent AS n ON n.id = t.agent_id WHERE n.type <> 'SoftwareAgent'
  ORDER BY t.role <> 'Creator', n.name LIMIT 1) AS creator ON true
WHERE e.obs_publisher_did = ANY(%(dids)s)
"""
