"""Style, types, and the XML of the RDs."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path

from ops import testbed

PACKAGES = ("ops", "ingest", "model", "sample", "datalink", "prov_tables", "analysis")
RULES = "E,F,W,I,N,UP,B,D"


def run(checkout: Path) -> int:
    """Run every check and return 1 if one of them complains."""
    testbed.python_environment(checkout)
    failed = False
    for name, check in CHECKS.items():
        complaint = check(checkout)
        print(f"{name:8} {'ok' if not complaint else 'complains'}", file=sys.stderr)
        if complaint:
            print(complaint)
            failed = True
    return int(failed)


def style(checkout: Path) -> str:
    """Return what ruff has to say."""
    ruff = str(testbed.bin_of(checkout) / "ruff")
    options = [] if _has_settings(checkout, "[tool.ruff") else ["--line-length", "120"]
    rules = [] if not options else ["--select", RULES, "--config", 'lint.pydocstyle.convention="numpy"']
    return _output([ruff, "check", "--quiet", "--output-format", "concise", *options, *rules, "."], checkout)


def layout(checkout: Path) -> str:
    """Return the files whose layout ruff would change."""
    ruff = str(testbed.bin_of(checkout) / "ruff")
    options = [] if _has_settings(checkout, "[tool.ruff") else ["--line-length", "120"]
    return _output([ruff, "format", "--check", "--output-format", "concise", *options, "."], checkout)


def types(checkout: Path) -> str:
    """Return what mypy has to say about the packages there are."""
    present = [name for name in PACKAGES if (checkout / name / "__init__.py").exists()]
    mypy = str(testbed.bin_of(checkout) / "mypy")
    return _output([mypy, "--strict", "--no-error-summary", "--python-version", "3.11", *present], checkout)


def markup(checkout: Path) -> str:
    """Return the RDs that are not well-formed XML."""
    complaints = []
    for folder in ("inputs", "rd", "config"):
        for path in sorted((checkout / folder).rglob("*.rd")):
            try:
                xml.etree.ElementTree.parse(path)
            except xml.etree.ElementTree.ParseError as error:
                complaints.append(f"{path.relative_to(checkout)}: {error}")
    return "\n".join(complaints)


def scripts(checkout: Path) -> str:
    """Return the shell scripts that do not parse."""
    found = sorted(str(path) for path in (checkout / "ops").glob("*.sh"))
    return "\n".join(filter(None, (_output(["/bin/sh", "-n", path], checkout) for path in found)))


def generated(checkout: Path) -> str:
    """Return the files that do not follow from the data model any more."""
    return _output([sys.executable, "-m", "model", "--check"], checkout)


CHECKS: dict[str, Callable[[Path], str]] = {
    "style": style,
    "layout": layout,
    "types": types,
    "markup": markup,
    "scripts": scripts,
    "model": generated,
}


def _has_settings(checkout: Path, section: str) -> bool:
    settings = checkout / "pyproject.toml"
    return settings.exists() and section in settings.read_text()


def _output(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"{command[0]} failed"
