"""Packages from PyPI, for analysis jobs and faster imports: a folder on the path of all processes of the instance."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from ops import console
from ops.errors import OperatorError
from ops.instance import Instance
from ops.processes import run_logged

PYTHON = "/usr/bin/python3"
REQUIREMENTS = Path("requirements/server.txt")
MODULES = ("isal", "vo_models")
STAMP = ".made-from"
FAILED = "lib.failed"
RETRY_SECONDS = 86400
PIP_OPTIONS = ("--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input", "--disable-pip-version-check")
PATIENCE = ("--progress-bar", "off", "--retries", "1", "--timeout", "15")


def ensure(instance: Instance, *, again: bool = False) -> bool:
    """Fill the folder of packages when it is missing or its requirements have changed; return whether it is there.

    What cannot be fetched is told in one line and tried again a day later, with `again` at once: only analysis jobs
    and the speed of imports depend on it.
    """
    requirements = instance.code / REQUIREMENTS
    wanted = requirements.read_text() if requirements.exists() else ""
    stamp = instance.lib / STAMP
    if not wanted or (stamp.exists() and stamp.read_text() == wanted):
        return bool(wanted)
    failed = instance.state / FAILED
    recent = failed.exists() and time.time() - failed.stat().st_mtime < RETRY_SECONDS
    if recent and not again or has_modules():
        return False
    console.step("fetching packages for analysis jobs and faster imports")
    try:
        fill(instance, requirements, wanted)
    except (OperatorError, OSError) as error:
        failed.write_text(f"{error}\n")
        console.note(f"not available (see {failed}): no analysis jobs, imports will be slower, all else is the same")
        return False
    failed.unlink(missing_ok=True)
    return True


def has_modules() -> bool:
    """Say whether the system's Python has the packages by itself, as on Debian 13."""
    probe = f"import {', '.join(MODULES)}"
    return subprocess.run([PYTHON, "-I", "-c", probe], cwd="/", stderr=subprocess.DEVNULL).returncode == 0


def fill(instance: Instance, requirements: Path, wanted: str) -> None:
    """Install the packages into a new folder and put it into its place."""
    log = instance.log / "setup.log"
    environment = instance.child_environment()
    environment.pop("PYTHONPATH")
    with tempfile.TemporaryDirectory(prefix="lib-", dir=instance.state) as temporary:
        pip = [PYTHON, "-m", "pip"]
        if subprocess.run([*pip, "--version"], cwd="/", env=environment, capture_output=True).returncode:
            maker = Path(temporary) / "venv"
            run_logged("making an environment with pip", [PYTHON, "-m", "venv", maker], log, environment)
            pip = [str(maker / "bin" / "python"), "-m", "pip"]
        new = Path(temporary) / "lib"
        command: list[str | Path] = [*pip, "install", *PIP_OPTIONS, *PATIENCE, "--target", new, "-r", requirements]
        run_logged("fetching packages", command, log, environment)
        (new / STAMP).write_text(wanted)
        shutil.rmtree(instance.lib, ignore_errors=True)
        instance.lib.parent.mkdir(parents=True, exist_ok=True)
        new.rename(instance.lib)
