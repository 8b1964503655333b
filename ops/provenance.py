"""Importing provenance: records that an operator names, and what the files of a collection tell."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops import accounts, console, imports, resources
from ops.errors import OperatorError
from ops.instance import Instance

RD = "cta/prov"
DATA_ID = "import"


def existing_record(text: str) -> Path:
    """Return the absolute path of the record, or folder of records, to import."""
    if not text:
        raise OperatorError("which record? Say `make prov-import FILE=file` (or a folder of records).")
    path = accounts.absolute(text)
    if not path.exists():
        raise OperatorError(f"{path} does not exist. Give a provenance record, or a folder of them: FILE=file.")
    return path.resolve()


def readable_record(path: Path) -> Path:
    """Return the path if this process, the server's user, can read it."""
    if path.is_dir():
        return imports.readable_folder(path)
    if not os.access(path, os.R_OK):
        user = accounts.current().name
        raise OperatorError(
            f"user {user}, as whom the archive runs, cannot read {path}. Put it where everybody can read it."
        )
    return path


def run(instance: Instance, record: Path, collection: str | None) -> int:
    """Import records and return the exit status: 0 when everything was taken."""
    readable_record(record)
    with imports.at_work(instance, f"another import into {instance.state} is going on; run this one after it."):
        summary = _import(instance, {"CTA_PROVENANCE_FILE": str(record), "CTA_COLLECTION": collection or ""})
        if summary.get("activities") or summary.get("entities"):
            _renew(instance)
    print(describe(summary))
    return int(summary.get("exit_status", 0))


def harvest(instance: Instance, collection: str) -> None:
    """Take what the headers of a collection's datasets, and records among its files, tell of their making."""
    summary = _import(instance, {"CTA_COLLECTION": collection})
    if summary.get("files") or summary.get("activities"):
        console.note(
            f"{summary.get('activities', 0)} activities, {summary.get('files', 0)} records"
            f" ({summary.get('unchanged', 0)} unchanged)"
        )
    for problem in summary.get("problems") or []:
        if problem.get("severity") == "error":
            console.note(f"{problem.get('path')}: {problem.get('sentence')}")


def _import(instance: Instance, variables: Mapping[str, str]) -> dict[str, Any]:
    summary_path = instance.log / "provenance.json"
    summary_path.unlink(missing_ok=True)
    environment = {**instance.child_environment(), **{key: value for key, value in variables.items() if value}}
    environment["CTA_IMPORT_SUMMARY"] = str(summary_path)
    resources.dachs(instance, "importing provenance", "imp", RD, DATA_ID, environment=environment)
    return imports.read_summary(summary_path) or {}


def _renew(instance: Instance) -> None:
    """Publish anew: the record of the tables says when they changed."""
    resources.publish(instance, always=[RD])


def describe(summary: Mapping[str, Any]) -> str:
    """Return the summary of an import in readable lines."""
    counts = (
        ("records", "files"),
        ("unchanged", "unchanged"),
        ("activities", "activities"),
        ("entities", "entities"),
    )
    lines = ["provenance", *(f"  {word:12} {summary.get(name, 0):>8}" for word, name in counts)]
    problems = summary.get("problems") or []
    if problems:
        lines += ["  what was noticed:"]
        lines += [f"  - {problem['severity']}: {problem['path']}: {problem['sentence']}" for problem in problems[:20]]
    if len(problems) > 20:
        lines.append(f"  and {len(problems) - 20} remarks more")
    return "\n".join(lines)
