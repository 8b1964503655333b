"""The script of a job: found, given its `Job`, and told of in sentences when it fails."""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from analysis.folder import JobOrder
from analysis.sandbox.root import Places
from analysis.worker.job import Job, JobError
from analysis.worker.warm import lend_fonts, settle

_SOFTWARE = ("numpy", "astropy", "scipy", "regions", "gammapy")
_NO_ROOM = {errno.EFBIG, errno.ENOSPC, errno.EDQUOT}


def software() -> dict[str, str]:
    """Return the versions of Python and of what was imported of the scientific packages."""
    found = {name: getattr(sys.modules.get(name), "__version__", "") for name in _SOFTWARE}
    return {"python": platform.python_version()} | {name: str(version) for name, version in found.items() if version}


def perform(order: JobOrder, places: Places, report: Callable[[dict[str, Any]], None]) -> None:
    """Run the script of a job, and report how it ended (`reason` and `message` of a `JobStatus`).

    Whatever the script raises ends here: a sentence goes to the report, the traceback to the log.
    """
    try:
        _run(order, places, report)
    except JobError as exc:
        report({"reason": "error", "message": str(exc) or "the script gave up without a word."})
    except MemoryError:
        traceback.print_exc()
        report({"reason": "memory"})
    except SystemExit as exc:
        if exc.code in (None, 0):
            report({"reason": "completed"})
        else:
            report({"reason": "error", "message": f"the script ended itself: {exc.code}; see the log."})
    except (Exception, KeyboardInterrupt) as exc:
        traceback.print_exc()
        if isinstance(exc, OSError) and exc.errno in _NO_ROOM:
            report({"reason": "disk"})
        else:
            text = f"{type(exc).__name__}: {exc}".rstrip(": ")
            report({"reason": "error", "message": f"the script failed: {text}; see the log."})
    else:
        report({"reason": "completed"})


def _run(order: JobOrder, places: Places, report: Callable[[dict[str, Any]], None]) -> None:
    if "numpy" in sys.modules:
        # Children of one parent would all draw the same numbers.
        sys.modules["numpy"].random.seed()
    if "matplotlib" not in sys.modules:
        lend_fonts(Path(os.environ["MPLCONFIGDIR"]))
    job = Job(
        job_id=order.job_id,
        job_type=order.job_type,
        parameters=order.parameters,
        inputs=places.inputs,
        results=places.results,
        work=places.work,
        uploads={name: places.inputs / target for name, target in order.uploads.items()},
    )
    try:
        module = _load(order.script)
        if "astropy" in sys.modules:
            settle()
        # Told before and after: it may be ended at a limit, and it may import more.
        report({"software": software()})
        module.run(job)
    finally:
        report({"software": software()})


def _load(path: str) -> ModuleType:
    if not Path(path).is_file():
        raise JobError(
            "the script of this job type is not there any more: the type was accepted, changed or taken back before"
            " this job began. Create the job again."
        )
    spec = importlib.util.spec_from_file_location("job_script", path)
    if spec is None or spec.loader is None:
        raise JobError(f"the script of this job type is no Python file: {Path(path).name}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["job_script"] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, "run", None)):
        raise JobError(f"the script of this job type has no function run(job): {path}.")
    return module
