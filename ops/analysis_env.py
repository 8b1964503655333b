"""The Python environment in which analysis jobs run: gammapy, pinned, shared by all instances of a user."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops import accounts, console
from ops.errors import OperatorError
from ops.instance import Instance
from ops.processes import run_logged

PYTHON = "/usr/bin/python3"
REQUIREMENTS = Path("requirements/analysis.txt")
OVERRIDE = "CTA_ANALYSIS_PYTHON"
PREFIX = "analysis-"
# Made last: where it is, the environment is complete.
PROGRAM = Path("bin/cta-python")
FAILED = "unavailable"
PIP_OPTIONS = ("--no-deps", "--only-binary", ":all:", "--no-compile", "--no-cache-dir", "--no-input")
PATIENCE = ("--disable-pip-version-check", "--progress-bar", "off", "--retries", "1", "--timeout", "15")
# Jobs have no network: the tables that came with astropy have to do.
ASTROPY_SETTINGS = "[utils.iers.iers]\nauto_download = False\niers_degraded_accuracy = warn\n"
WARM_UP = "import matplotlib.pyplot, matplotlib.font_manager, gammapy.analysis, gammapy.maps, gammapy.estimators"


def program(instance: Instance) -> Path:
    """Return the program of the environment, which is there as soon as the environment is complete.

    The environment variable ``CTA_ANALYSIS_PYTHON`` names one that somebody else looks after.
    """
    named = os.environ.get(OVERRIDE)
    return accounts.absolute(named) if named else place(instance) / PROGRAM


def place(instance: Instance) -> Path:
    """Return the folder of the environment that fits the requirements and the version of Python."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}\n"
    requirements = instance.code / REQUIREMENTS
    content = requirements.read_bytes() if requirements.exists() else b""
    return shared_folder() / f"{PREFIX}{hashlib.sha256(version.encode() + content).hexdigest()[:16]}"


def shared_folder() -> Path:
    """Return where this user's instances keep what they share."""
    prepared = accounts.shared_folder(accounts.current().name)
    if prepared.is_dir() and prepared.stat().st_uid == os.geteuid():
        return prepared
    data = os.environ.get("XDG_DATA_HOME", "")
    # A folder that is not absolute is to be ignored, says the XDG specification.
    return (Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "cta-vo"


def ensure(instance: Instance) -> Path | None:
    """Make the environment unless it is there; return its program, None when there is none.

    What fails is told in one line and kept in ``unavailable`` in the folder of the jobs; all else works without.
    """
    found = program(instance)
    failed = instance.jobs / FAILED
    try:
        if OVERRIDE in os.environ and os.environ[OVERRIDE]:
            if not os.access(found, os.X_OK):
                raise OperatorError(f"{OVERRIDE} names {found}, which is no program.")
        elif not found.exists():
            if not (instance.code / REQUIREMENTS).exists():
                return None
            _make(instance, found.parent.parent)
    except (OperatorError, OSError) as error:
        failed.write_text(f"{error}\n")
        console.note(f"analysis jobs are not available (see {failed}); all else works. `make start` tries again")
        return None
    failed.unlink(missing_ok=True)
    return found


def _make(instance: Instance, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        if (folder / PROGRAM).exists():
            return
        console.step("making the Python environment of the analysis jobs (a minute or two, once for all instances)")
        started = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was interrupted
        _install(instance, folder)
        size = sum(path.lstat().st_size for path in folder.rglob("*"))
        console.note(f"{time.monotonic() - started:.0f} s, {size / 1e6:.0f} MB in {folder}")


def _install(instance: Instance, folder: Path) -> None:
    """Fill the folder in its place, since programs of an environment have its path in their first line."""
    what, log = "making the environment of the analysis jobs", instance.log / "setup.log"
    variables = instance.child_environment()
    for name in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE"):
        variables.pop(name, None)
    python = folder / "bin" / "python"
    run_logged(what, [PYTHON, "-m", "venv", folder], log, variables, advice="Run `ops/install.sh server`.")
    command: list[str | Path] = [python, "-m", "pip", "install", *PIP_OPTIONS, *PATIENCE]
    advice = "See that the machine reaches a package registry (pip's own settings apply) and has room."
    run_logged(what, [*command, "-r", instance.code / REQUIREMENTS], log, variables, advice=advice)
    run_logged(what, [python, "-m", "pip", "check", "--disable-pip-version-check"], log, variables)
    packages = next(folder.glob("lib/python3*/site-packages"))
    # Once for all: a job must not write here. Some packages ship files for other versions, which do not compile.
    run_logged(
        what,
        [python, "-c", f"import compileall; compileall.compile_dir({str(packages)!r}, quiet=2, workers=0)"],
        log,
        variables,
    )
    _fill_caches(what, folder, python, log, variables)
    (folder / PROGRAM).symlink_to("python")


def _fill_caches(what: str, folder: Path, python: Path, log: Path, variables: dict[str, str]) -> None:
    """Make matplotlib's list of fonts and astropy's settings, for processes without a home and without network."""
    settings = folder / "etc" / "astropy"
    for path in (folder / "cache" / "matplotlib", folder / "cache" / "astropy", settings):
        path.mkdir(parents=True)
    (settings / "astropy.cfg").write_text(ASTROPY_SETTINGS)
    own = {
        "MPLCONFIGDIR": str(folder / "cache" / "matplotlib"),
        "MPLBACKEND": "Agg",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "etc"),
    }
    run_logged(what, [python, "-c", WARM_UP], log, {**variables, **own})


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of an environment: instances that want the same one wait for each other."""
    with open(folder.with_name(f".{folder.name}.lock"), "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.note("waiting for another command that makes the environment of the analysis jobs")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
