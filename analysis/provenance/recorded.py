"""What is recorded of the job that made a product: enough to run it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from analysis.errors import JobsError
from prov_tables.harvest import ENVIRONMENT, parameter_value
from prov_tables.readers.job import ACTIVITY, TYPES, file_facts
from prov_tables.recipe import CUTOUT
from prov_tables.sap.selection import SCHEMA, Database
from prov_tables.store import IDENTITY


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedJob:
    """A job as it is in the provenance.

    `parameters` are typed, in the units of the description; `inputs` are publisher DIDs by the name of the input, and
    `datasets` all of them; `results` are SHA-256 sums by file name, `software` versions by name.
    """

    activity: str
    job_type: str
    version: str | None
    parameters: dict[str, Any]
    inputs: dict[str, tuple[str, ...]]
    results: dict[str, str]
    software: dict[str, str] = field(default_factory=dict)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Publisher DIDs of all inputs."""
        return tuple(dict.fromkeys(did for dids in self.inputs.values() for did in dids))


def recorded_job(database: Database, identifier: str) -> RecordedJob:
    """Return the job that made a product.

    Parameters
    ----------
    database
        Answers queries on the tables, such as `ConnectionRows`.
    identifier
        Id of an entity (``product:…``), publisher DID of a published result, or id of the activity (``job:…``).

    Raises
    ------
    JobsError
        When it is unknown, was not made by a job of this archive, or from files that are not kept.
    """
    activity, job_type, version, described = _activity(database, identifier)
    return RecordedJob(
        activity=activity,
        job_type=job_type,
        version=version,
        parameters=_parameters(database, activity),
        inputs=_inputs(database, activity, described, identifier),
        results=_results(database, activity),
        software=_software(database, activity),
    )


_MAKER = f"""
SELECT a.id, a.name, d.version, d.id FROM {SCHEMA}.activity AS a
LEFT JOIN {SCHEMA}.activity_description AS d ON d.id = a.description_id
WHERE a.id = ANY(%(ids)s)
UNION
SELECT a.id, a.name, d.version, d.id FROM {SCHEMA}.was_generated_by AS g
JOIN {SCHEMA}.activity AS a ON a.id = g.activity_id
LEFT JOIN {SCHEMA}.activity_description AS d ON d.id = a.description_id
WHERE g.entity_id = ANY(%(ids)s)
  OR g.entity_id IN (SELECT entity_id FROM {IDENTITY}
    WHERE known_by = ANY(%(ids)s) AND starts_with(known_by, 'product:'))
"""


def _activity(database: Database, identifier: str) -> tuple[str, str, str | None, str]:
    shown = identifier[:200]
    if "\0" in identifier or not identifier.strip():
        raise JobsError("give the identifier of a product: its publisher DID, or its id in the provenance.")
    rows = database.rows(_MAKER, {"ids": sorted({identifier, unquote(identifier)})})
    if not rows:
        known = database.rows(f"SELECT id FROM {SCHEMA}.entity WHERE id = %(id)s", {"id": identifier})
        if known:
            raise JobsError(f"nothing is recorded of how '{shown}' was made, so it cannot be made again here.")
        raise JobsError(f"the provenance of this archive has no '{shown}': give the identifier of a product of a job.")
    activity, name, version, described = rows[0]
    if name == CUTOUT:
        raise JobsError(
            f"'{shown}' is a cut-out, not the product of a job: its recipe (a link of the dataset it was cut from, or"
            " /cta/prov/recipe/dlget?ID=…) has the request that makes it again."
        )
    if not str(activity).startswith(ACTIVITY) or not str(described).startswith(TYPES):
        raise JobsError(
            f"'{shown}' was made by '{name or activity}', which is no job of this archive; its recipe, if one is"
            " recorded, is among its links."
        )
    return str(activity), str(name), version, str(described)


def _parameters(database: Database, activity: str) -> dict[str, Any]:
    rows = database.rows(
        f"SELECT p.name, p.param_value, d.value_type FROM {SCHEMA}.was_configured_by AS c"
        f" JOIN {SCHEMA}.parameter AS p ON p.id = c.parameter_id"
        f" LEFT JOIN {SCHEMA}.parameter_description AS d ON d.id = p.description_id"
        " WHERE c.activity_id = %(activity)s AND p.entity_id IS NULL ORDER BY p.name",
        {"activity": activity},
    )
    return {str(name): parameter_value(text, value_type) for name, text, value_type in rows}


def _inputs(database: Database, activity: str, described: str, identifier: str) -> dict[str, tuple[str, ...]]:
    rows = database.rows(
        f"SELECT entity_id, description_id FROM {SCHEMA}.used WHERE activity_id = %(activity)s ORDER BY entity_id",
        {"activity": activity},
    )
    found: dict[str, tuple[str, ...]] = {}
    for entity, usage in rows:
        if not str(entity).startswith("ivo://"):
            raise JobsError(
                f"'{identifier[:200]}' was made from a file that a user had uploaded; the archive keeps only its"
                " checksum, so the job cannot be run again here."
            )
        name = str(usage or "").removeprefix(f"{described}/used/")
        found[name] = (*found.get(name, ()), str(entity))
    return found


def _results(database: Database, activity: str) -> dict[str, str]:
    rows = database.rows(
        f"SELECT e.comment FROM {SCHEMA}.was_generated_by AS g JOIN {SCHEMA}.entity AS e ON e.id = g.entity_id"
        " WHERE g.activity_id = %(activity)s ORDER BY e.comment",
        {"activity": activity},
    )
    return dict(facts for (comment,) in rows if (facts := file_facts(comment)) is not None)


def _software(database: Database, activity: str) -> dict[str, str]:
    parameters: Mapping[str, Any] = {"activity": activity, "name": ENVIRONMENT}
    rows = database.rows(
        f"SELECT v.name, v.entity_value FROM {SCHEMA}.was_configured_by AS c"
        f" JOIN {SCHEMA}.parameter AS p ON p.id = c.parameter_id"
        f" JOIN {SCHEMA}.had_member AS m ON m.collection_id = p.entity_id"
        f" JOIN {SCHEMA}.entity AS v ON v.id = m.entity_id"
        " WHERE c.activity_id = %(activity)s AND p.name = %(name)s ORDER BY v.name",
        parameters,
    )
    return {str(name): str(version) for name, version in rows}
