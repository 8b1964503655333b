"""The operator's commands about job types and results of jobs; ``analysis`` does the work."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ops import accounts, analysis_env, cluster, site
from ops.errors import OperatorError
from ops.instance import Instance

PYTHON = "/usr/bin/python3"
DEFINITIONS = "analysis.definitions"
PUBLISH = "analysis.publish"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
JOB_ID = re.compile(r"[0-9a-f]{32}")


def existing_folder(text: str) -> Path:
    """Return the absolute path of the folder of a job type."""
    if not text:
        raise OperatorError("which job type? Say `make job-check JOB=folder`.")
    path = accounts.absolute(text).resolve()
    if not path.is_dir():
        raise OperatorError(f"{path} is no folder. Give the one with description.vot and script.py: JOB=folder.")
    return path


def valid_name(text: str) -> str:
    """Return the name of a job type if it is one."""
    if not NAME.fullmatch(text):
        raise OperatorError("which job type? Say `make job-accept NAME=name`; `make job-list` has the names.")
    return text


def valid_job(text: str) -> str:
    """Return the id of a job, also from its address, if it is one."""
    job_id = text.rstrip("/").rpartition("/")[2]
    if not JOB_ID.fullmatch(job_id):
        raise OperatorError(
            "which job? Say `make job-publish JOB=id COLLECTION=name`; the id is the 32 hex digits in its address."
        )
    return job_id


def check(instance: Instance, folder: Path, arguments: Sequence[str] = ()) -> int:
    """Check a job type and return the exit status."""
    site.render(instance)
    if analysis_env.ensure(instance) is None:
        raise OperatorError("without the Python environment of the jobs a job type cannot be checked.")
    if not os.access(folder, os.R_OK | os.X_OK):
        user = accounts.current().name
        raise OperatorError(
            f"user {user}, as whom the archive runs, cannot read {folder}. Put it where everybody can read it."
        )
    return _run(instance, DEFINITIONS, "check", str(folder), *arguments)


def pending(instance: Instance) -> int:
    """List the definitions that wait, and return the exit status."""
    return _run(instance, DEFINITIONS, "pending")


def accept(instance: Instance, name: str) -> int:
    """Accept a definition and return the exit status."""
    return _run(instance, DEFINITIONS, "accept", name)


def publish(instance: Instance, job_id: str, collection: str) -> int:
    """Publish the results of a job and return the exit status; the database runs meanwhile."""
    cluster_ran = cluster.is_running(instance)
    try:
        site.ensure(instance)
        return _run(instance, PUBLISH, job_id, collection)
    finally:
        if not cluster_ran:
            cluster.stop(instance)


def _run(instance: Instance, module: str, *words: str) -> int:
    """Run a module of the code for this instance, its output going where ours goes."""
    return subprocess.run([PYTHON, "-m", module, *words], cwd="/", env=instance.child_environment()).returncode
