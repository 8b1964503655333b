"""Jobs as their scripts see them: inputs packed from real collections as the service packs them."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.worker.job import Job
from tests.unit.test_datalink_packages import SHARED, Published, shared, unpack

__all__ = ["SHARED"]

ROOT = Path(__file__).resolve().parents[2]
JOB_TYPES = ROOT / "analysis" / "jobs"
CRAB = {"hess-dl3-dr1": [23559, 23592]}
_VOTABLE = "{http://www.ivoa.net/xml/VOTable/v1.3}"
_TYPES: dict[str, Any] = {"double": float, "int": int, "boolean": lambda text: text == "true", "char": str}


def script(job_type: str) -> Any:
    """Load the script of a job type as the worker does."""
    spec = importlib.util.spec_from_file_location(f"job_{job_type}", JOB_TYPES / job_type / "script.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def described(job_type: str, group: str) -> dict[str, dict[str, str]]:
    """Return what a description says of parameters or of inputs or outputs, by name."""
    tree = ElementTree.parse(JOB_TYPES / job_type / "description.vot")
    (found,) = [item for item in tree.iter(f"{_VOTABLE}GROUP") if item.get("name") == group]
    if group == "InputParams":
        return {str(item.get("name")): dict(item.attrib) for item in found.findall(f"{_VOTABLE}PARAM")}
    return {
        str(item.get("name")): {
            str(param.get("name")): str(param.get("value")) for param in item.findall(f"{_VOTABLE}PARAM")
        }
        for item in found.findall(f"{_VOTABLE}GROUP")
    }


def parameters(job_type: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked parameters: what is given, and the defaults of the description."""
    known = described(job_type, "InputParams")
    assert given.keys() <= known.keys()
    defaults = {name: _TYPES[item["datatype"]](item["value"]) for name, item in known.items() if item["value"]}
    return {**defaults, **given}


@functools.cache
def collection(name: str) -> Published:
    return shared(name)


def make_job(
    folder: Path,
    job_type: str,
    selection: Mapping[str, Sequence[int]],
    given: Mapping[str, Any] | None = None,
    uploads: Mapping[str, Path] | None = None,
) -> Job:
    """Make the folder of a job with the runs of some collections."""
    found = [collection(name) for name in selection]
    wanted = [
        file
        for name, published in zip(selection, found, strict=True)
        for file in published.observations
        if file.observation is not None and int(file.observation["obs_id"]) in selection[name]
    ]
    for name in ("inputs", "results", "work"):
        (folder / name).mkdir(parents=True)
    if found:
        unpack(sum(found, Published()).plan(wanted), folder / "inputs")
    return Job(
        job_id="0" * 32,
        job_type=job_type,
        parameters=parameters(job_type, given or {}),
        inputs=folder / "inputs",
        results=folder / "results",
        work=folder / "work",
        uploads=dict(uploads or {}),
    )


def run(job: Job) -> None:
    script(job.job_type).run(job)


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of all files of a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def check_results(job: Job) -> None:
    """Check that the results are what the description announces."""
    announced = described(job.job_type, "Generated")
    files = {path.name for path in job.results.iterdir()}
    assert files <= {item["default"] for item in announced.values()}
    assert {item["default"] for item in announced.values() if not item["multiplicity"].startswith("0")} <= files
