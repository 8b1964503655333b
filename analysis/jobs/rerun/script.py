"""Does again what was done for a product, from its recorded recipe, and compares the results."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from astropy.table import Table

from analysis.gammapy_tools.writing import write_table, write_tar
from analysis.worker.job import Job, JobError

JOB_TYPES = Path(__file__).resolve().parent.parent
RECIPE, COMPARISON, RESULTS = "recipe.json", "comparison.ecsv", "results.tar"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def run(job: Job) -> None:
    """Follow the recipe.

    Raises
    ------
    JobError
        When it cannot be followed, or what it says fails.
    """
    recipe = _recipe(job.inputs / RECIPE)
    job_type = recipe["job_type"]
    script = JOB_TYPES / job_type / "script.py"
    if job_type == Path(__file__).resolve().parent.name or not script.is_file():
        raise JobError(f"the recipe is of the job type {job_type}, which is not here to be run again.")
    software = _changed_software(recipe["software"])
    print(f"running {job_type} again{'; ' + software if software else ''}.")
    again = Job(
        job_id=job.job_id,
        job_type=job_type,
        parameters=recipe["parameters"],
        inputs=job.inputs,
        results=job.results,
        work=job.work,
        uploads={**_uploads(job, recipe["uploads"]), **job.uploads},
    )
    _load(script).run(again)
    made = {path.name: _sha256(path) for path in sorted(job.results.iterdir()) if path.is_file()}
    write_tar(job.results / RESULTS, [(name, job.results / name) for name in made])
    _compare(job, recipe["results"], made, software)


def _recipe(path: Path) -> dict[str, Any]:
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise JobError("no recipe was recorded for this product, so it cannot be made again.") from None
    except ValueError as exc:
        raise JobError(f"the recipe of this product cannot be read ({exc}).") from None
    if not isinstance(recipe, dict) or not _NAME.fullmatch(str(recipe.get("job_type", ""))):
        raise JobError("the recipe of this product does not say which job made it.")
    for part in ("parameters", "results", "software", "uploads"):
        value = recipe.setdefault(part, {})
        if not isinstance(value, dict):
            raise JobError(f"the recipe of this product has no usable {part}.")
    return recipe


def _uploads(job: Job, recorded: dict[str, Any]) -> dict[str, Path]:
    """Return the recorded uploads, which are files below the inputs."""
    found = {}
    for name, relative in recorded.items():
        path = (job.inputs / str(relative)).resolve()
        if not path.is_relative_to(job.inputs.resolve()) or not path.is_file():
            raise JobError(f"the upload {name} of the recorded job is not there any more.")
        found[name] = path
    return found


def _load(script: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"analysis_job_{script.parent.name}", script)
    if spec is None or spec.loader is None:
        raise JobError(f"the script of {script.parent.name} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look for their module there
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _changed_software(recorded: dict[str, Any]) -> str:
    """Return which software has another version now."""
    changes = []
    for name, then in sorted(recorded.items()):
        try:
            now = platform.python_version() if name.lower() == "python" else version(name)
        except PackageNotFoundError:
            continue
        if now != str(then):
            changes.append(f"{name} was {then} and is {now}")
    return ", ".join(changes)


def _compare(job: Job, recorded: dict[str, Any], made: dict[str, str], software: str) -> None:
    rows = []
    for name in sorted(recorded.keys() | made.keys()):
        then, now = str(recorded.get(name) or ""), made.get(name, "")
        known = bool(_SHA256.fullmatch(then))
        if known and then == now:
            note = "identical"
        elif not now:
            note = "not made this time"
        elif not known:
            note = "not recorded"
        else:
            note = f"differs; {software}" if software else "differs"
        rows.append((name, then, now, known and then == now, note))
    table = Table(rows=rows, names=("file", "recorded_sha256", "new_sha256", "same", "note"))
    n_same = int(sum(table["same"])) if rows else 0
    table.meta |= {"n_files": len(rows), "n_same": n_same, "software": software}
    write_table(job.results / COMPARISON, table)
    print(f"{n_same} of {len(rows)} files are identical.")


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
