"""Checks a job type before anybody depends on it: description, script, and a trial run in the sandbox."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.description.check import problems
from analysis.description.model import DATASET, RECIPE, UPLOAD, JobDescription
from analysis.description.reader import FILE_NAME, read_description
from analysis.errors import DescriptionError, RefusedError
from analysis.folder import INPUTS, LOG, RESULTS, UPLOADS, JobOrder, Mount, read_status, write_order
from analysis.parameters import check_parameters
from analysis.provenance.record import generated_by
from analysis.settings import CODE, Settings

LOG_LINES = 30
# What finds modules without running them, in the environment of the jobs.
_FINDER = """
import importlib.util, json, sys
missing = []
for name in json.load(sys.stdin):
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        missing.append(name)
print(json.dumps(missing))
"""


@dataclass(slots=True)
class CheckReport:
    """What was found: `faults` must be mended, `notes` are worth reading."""

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the report, a line each."""
        yield from (f"  {note}" for note in self.notes)
        yield from (f"  fault: {fault}" for fault in self.faults)
        yield "it can be used." if not self.faults else f"{len(self.faults)} to be mended."


def check_folder(
    folder: Path, settings: Settings, given: Sequence[tuple[str, str]] = (), inputs: Path | None = None
) -> CheckReport:
    """Check the job type in a folder.

    Parameters
    ----------
    folder
        With ``description.vot`` and the script.
    settings
        Limits, to which those of the job type are cut, and the program of the environment that has gammapy.
    given
        Parameters of the trial run as in a request; of an upload the path of a file.
    inputs
        A GADF data store, the datasets of the trial run. Without one, a job type that needs datasets is not run.
    """
    report = CheckReport()
    try:
        description = read_description(folder / FILE_NAME)
    except DescriptionError as exc:
        report.faults.append(str(exc))
        return report
    report.notes.append(f"{description.name} {description.version}: {description.title}")
    report.faults += problems(description)
    if description.name != folder.resolve().name:
        report.faults.append(f"its folder must have its name: {description.name}, not {folder.resolve().name}.")
    if description.script.is_file():
        report.faults += _imports(description, settings)
    if not report.faults:
        _try(description, settings, given, inputs, report)
    return report


def imported_modules(source: bytes) -> set[str]:
    """Return the modules that a script imports, wherever in it.

    Raises
    ------
    SyntaxError, ValueError
        When it is no Python.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _imports(description: JobDescription, settings: Settings) -> list[str]:
    try:
        wanted = sorted(imported_modules(description.script.read_bytes()))
        done = subprocess.run(
            [settings.python, "-c", _FINDER],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=120,
            env=_environment(),
            cwd="/",
        )
        missing = json.loads(done.stdout)
    except (SyntaxError, ValueError) as exc:
        return [f"what its script imports could not be looked up: {exc}."]
    except (OSError, subprocess.TimeoutExpired) as exc:
        return [f"the environment of the jobs, {settings.python}, does not run: {exc}."]
    return [f"its script imports {name}, which the environment of the jobs does not have." for name in missing]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PYTHONPATH": str(CODE), "PYTHONDONTWRITEBYTECODE": "1"}


# --- the trial -------------------------------------------------------------------------------------------------------


def _try(
    description: JobDescription,
    settings: Settings,
    given: Sequence[tuple[str, str]],
    inputs: Path | None,
    report: CheckReport,
) -> None:
    needed = [item.name for item in description.used if item.kind == DATASET and item.multiplicity.low > 0]
    if needed and inputs is None:
        report.notes.append(f"it was not run: it needs datasets ({', '.join(needed)}); give a data store by --inputs.")
        return
    if any(item.kind == RECIPE for item in description.used):
        report.notes.append("it was not run: recipes are followed by the service only.")
        return
    with tempfile.TemporaryDirectory(prefix="cta-job-check-") as scratch:
        folder = Path(scratch) / "job"
        try:
            order = _order(description, settings, given, inputs, folder)
        except (RefusedError, OSError) as exc:
            report.faults.append(f"it cannot be run with these parameters: {exc}")
            return
        write_order(folder, order)
        _run(folder, order, settings)
        _tell(folder, description, report)


def _order(
    description: JobDescription,
    settings: Settings,
    given: Sequence[tuple[str, str]],
    inputs: Path | None,
    folder: Path,
) -> JobOrder:
    usages = {usage.name: usage for usage in description.used}
    uploads = {}
    for name, value in given:
        if name in usages and usages[name].kind == UPLOAD:
            target = folder / INPUTS / UPLOADS / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(value, target)
            uploads[name] = f"{UPLOADS}/{name}"
    return JobOrder(
        job_id=uuid.uuid4().hex,
        job_type=description.name,
        script=str(description.script.resolve()),
        parameters=check_parameters(description, [pair for pair in given if pair[0] not in usages]),
        limits=settings.limits(description),
        mounts=tuple(_mounts(inputs)) if inputs else (),
        uploads=uploads,
        read_only=(str(description.folder.resolve()),),
    )


def _mounts(inputs: Path) -> Iterator[Mount]:
    root = inputs.resolve()
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            yield Mount(source=str(path.resolve()), target=f"{root.name}/{relative}")


def _run(folder: Path, order: JobOrder, settings: Settings) -> None:
    """Run the job to its end; the supervisor keeps to the limits."""
    command = [settings.python, "-m", "analysis.worker.once", str(folder)]
    if not settings.sandbox:
        command.append("--no-sandbox")
    with (folder / "trial.log").open("wb") as log:
        subprocess.run(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=_environment(), cwd="/")


def _tell(folder: Path, description: JobDescription, report: CheckReport) -> None:
    status = read_status(folder)
    if status is None:
        words = (folder / "trial.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-LOG_LINES:]
        report.faults.append("the trial run could not be started:\n" + "\n".join(words))
        return
    report.notes.append(f"trial run: {status.reason} in {max(status.end - status.start, 0):.1f} s")
    if status.reason != "completed":
        report.faults.append(f"the trial run failed: {status.message or status.reason}")
        report.notes += _log(folder)
    made = sorted(path.name for path in (folder / RESULTS).iterdir())
    for name in made:
        output = generated_by(description, name)
        size = (folder / RESULTS / name).lstat().st_size
        report.notes.append(f"{name}: {size} bytes, {output.name if output else 'not described: users do not get it'}")
    if status.reason == "completed":
        for output in description.generated:
            if output.multiplicity.low > 0 and not any(generated_by(description, name) is output for name in made):
                report.faults.append(f"the output {output.name} ({output.file_name}) was not written.")


def _log(folder: Path) -> list[str]:
    try:
        return (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
    except OSError:
        return []
