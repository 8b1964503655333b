"""Records a step of a pipeline in a form this archive imports; needs nothing but Python's standard library.

This file can be copied into any pipeline::

    with recorded_step("make-spectrum", log="run.provenance.log", software=("gammapy", "2.1"), config=settings) as step:
        step.used("events.fits", role="DL3/Event")
        make_spectrum("events.fits", "spectrum.fits", **settings)
        step.made("spectrum.fits", role="DL5/Spectrum")

Each step is a line of JSON at the end of the log, also when the block ends in an exception; any number of processes may
write into one log. Accounts, hosts and environment variables are not recorded.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
import uuid
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FORM = "cta-vo-archive step 1"


class RecordedStep:
    """One step while it runs: tell it what is used and what is made."""

    def __init__(
        self,
        name: str,
        *,
        software: tuple[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        arguments: list[str] | None = None,
        packages: bool = True,
        activity_type: str | None = None,
    ) -> None:
        """Begin a step.

        Parameters
        ----------
        name
            What is done, the same for all runs of the program.
        software
            Name and version of the program.
        config
            Settings that make a difference to the result; may be nested.
        arguments
            The command line, default that of this process; an empty list for none.
        packages
            Whether to record the versions of all installed Python packages.
        activity_type
            One of Observation, Simulation, Reduction, Calibration, Reconstruction, Selection, Analysis.
        """
        self.uuid = str(uuid.uuid4())
        self.config = dict(config or {})
        self.status, self.exit_code = "running", 0
        self._name, self._type = name, activity_type
        self._start = _now()
        self._system: dict[str, Any] = {
            "arguments": sys.argv if arguments is None else arguments,
            "platform": {"system": platform.system(), "machine": platform.machine()},
            "python": {"version": list(platform.python_version_tuple()), "packages": _packages() if packages else []},
        }
        if software:
            self._system["software"] = {"name": software[0], "version": software[1]}
        self._inputs: list[dict[str, Any]] = []
        self._outputs: list[dict[str, Any]] = []
        self._agents: list[dict[str, str]] = []

    def used(self, what: str | Path, role: str | None = None, **more: str) -> None:
        """Tell of an input.

        Parameters
        ----------
        what
            Path of a file, or identifier of a dataset (``ivo://…``).
        role
            What it is for; for data products best their level and kind, such as ``DL3/Event``.
        more
            What else is known: product_id, did, name, content_type.
        """
        self._inputs.append(_item(what, role, more))

    def made(self, what: str | Path, role: str | None = None, **more: str) -> None:
        """Tell of an output, when it is written; parameters as for `used`."""
        self._outputs.append(_item(what, role, more))

    def done_by(self, name: str, role: str = "Operator", **more: str) -> None:
        """Name a person or organisation that answers for the step: affiliation, email, url, type.

        Names are published.
        """
        self._agents.append({"name": name, "role": role, **more})

    def end(self, status: str = "completed", exit_code: int = 0) -> None:
        """End the step."""
        self.status, self.exit_code = status, exit_code

    def record(self) -> dict[str, Any]:
        """Return the step as it is written."""
        record: dict[str, Any] = {
            "form": FORM,
            "activity_name": self._name,
            "activity_uuid": self.uuid,
            "status": self.status,
            "exit_code": self.exit_code,
            "start": {"time_utc": self._start},
            "stop": {"time_utc": _now()},
            "system": self._system,
            "input": self._inputs,
            "output": self._outputs,
            "config": self.config,
        }
        if self._type:
            record["activity_type"] = self._type
        if self._agents:
            record["agents"] = self._agents
        return record


@contextlib.contextmanager
def recorded_step(name: str, log: str | Path, **more: Any) -> Iterator[RecordedStep]:
    """Record what happens in a block; parameters as for `RecordedStep`.

    A log that cannot be written is a warning: the step's results are worth more than its record.
    """
    step = RecordedStep(name, **more)
    try:
        yield step
    except BaseException as exc:
        code = exc.code if isinstance(exc, SystemExit) and isinstance(exc.code, int) else 1
        interrupted = isinstance(exc, KeyboardInterrupt)
        completed = isinstance(exc, SystemExit) and code == 0
        step.end("completed" if completed else "interrupted" if interrupted else "error", code)
        raise
    else:
        if step.status == "running":
            step.end()
    finally:
        try:
            append_record(Path(log), step.record())
        except OSError as exc:
            warnings.warn(f"the provenance of {name} could not be written to {log}: {exc}", stacklevel=3)


def append_record(log: Path, record: Mapping[str, Any]) -> None:
    """Add a record to a log, as one line and at once."""
    line = json.dumps(record, default=str, ensure_ascii=True).encode("ascii") + b"\n"
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _item(what: str | Path, role: str | None, more: Mapping[str, str]) -> dict[str, Any]:
    text = str(what)
    item: dict[str, Any] = {"role": role, **more}
    if text.startswith("ivo://"):
        return {"url": text, "did": text, **item}
    path = Path(text)
    item["url"] = text if "://" in text else str(path.absolute())
    if path.is_file():
        with path.open("rb") as stream:
            item["sha256"] = hashlib.file_digest(stream, "sha256").hexdigest()
    return item


def _packages() -> list[dict[str, str]]:
    found = {str(one.metadata["Name"]): str(one.version) for one in importlib.metadata.distributions()}
    return [{"name": name, "version": version} for name, version in sorted(found.items()) if name != "None"]


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat(timespec="milliseconds")
