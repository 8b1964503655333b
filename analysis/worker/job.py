"""The job as its script sees it: ``run(job)`` reads parameters and inputs and writes results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class JobError(Exception):
    """Raised by a script to give up; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a script is given.

    `parameters` by name, in the units of the description. `inputs` is a folder which gammapy opens as a DataStore when
    the job has datasets: it has ``obs-index.fits.gz`` and ``hdu-index.fits.gz`` of exactly those (several such folders
    when they cannot share an index: `data_folders`). `uploads` are files of the user's. Results are the files the
    script writes to `results` under the names of the description; `work` is for anything else.
    """

    job_id: str
    job_type: str
    parameters: Mapping[str, Any]
    inputs: Path
    results: Path
    work: Path
    uploads: Mapping[str, Path] = field(default_factory=dict)

    @property
    def data_folders(self) -> list[Path]:
        """Folders below `inputs` that have GADF index files, in a fixed order."""
        return sorted(path.parent for path in self.inputs.rglob("obs-index.fits.gz"))
