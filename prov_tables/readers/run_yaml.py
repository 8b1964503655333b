"""Run records of analyses in YAML: sections ``env``, ``software`` and ``data`` (open-gamma-ray-astro/joint-crab)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import (
    Harvest,
    Identity,
    add_description,
    add_environment,
    add_software,
    digest,
)
from prov_tables.model import DATASET, Activity, Entity, Used
from prov_tables.privacy import file_name, secrets_of

MAX_BYTES = 2**25
_ANALYSIS = ("gammapy", "ctools", "sherpa", "3ml")


def read(path: Path) -> Iterator[Harvest]:
    """Yield one harvest, the run.

    Raises
    ------
    ProvenanceError
        When the file is no such record.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ProvenanceError("a record in YAML of more than 32 MiB is not read.")
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise ProvenanceError("it is no YAML document.") from exc
    if not isinstance(record, dict) or not isinstance(record.get("software"), dict):
        raise ProvenanceError("a record in YAML needs a section 'software' with the versions that were used.")
    yield read_run(record)


def read_run(record: Mapping[str, Any]) -> Harvest:
    """Return the rows of a run: its software and the files it worked with."""
    harvest = Harvest()
    graph = harvest.graph
    environment = record.get("env")
    env: Mapping[str, Any] = environment if isinstance(environment, Mapping) else {}
    harvest.secrets |= secrets_of({"USER": env.get("user")}, env.get("node"))
    software = {str(name): str(version) for name, version in record["software"].items()}
    python = software.pop("python_version", None)
    software.pop("python_executable", None)
    main = next((name for name in _ANALYSIS if name in software), "analysis")
    listed = record.get("data")
    files = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    key = f"run:{digest(str(sorted(software.items())), *(str(item.get('md5')) for item in files))}"
    described = add_description(graph, str(record.get("name") or f"{main} analysis"), software.get(main), "Analysis")
    graph.add(Activity(id=key, name=str(record.get("name") or f"{main} analysis"), description_id=described))
    add_software(graph, key, main, software.get(main))
    machine = " ".join(str(env[name]) for name in ("system", "machine") if env.get(name))
    add_environment(graph, key, described, software, python, machine or None)
    for item in files:
        path, md5 = str(item.get("file") or ""), item.get("md5")
        entity = f"md5:{md5}" if md5 else f"file:{digest(path)}"
        harvest.identities[entity] = Identity(files=(entity,), file_name=file_name(path))
        graph.add(Entity(id=entity, name=file_name(path), location=path, entity_class=DATASET))
        graph.add(Used(activity_id=key, entity_id=entity))
    return harvest
