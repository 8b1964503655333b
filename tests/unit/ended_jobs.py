"""Jobs that have ended, with their folders, for tests of what is recorded of them."""

from __future__ import annotations

import datetime
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.description.model import (
    RECIPE,
    UPLOAD,
    GenerationDescription,
    JobDescription,
    Multiplicity,
    ParameterDescription,
    UsageDescription,
)
from analysis.folder import INPUTS, RESULTS, JobOrder, JobStatus, write_order, write_status
from analysis.uws.job import Job, JobParameter, Phase

START = datetime.datetime(2026, 11, 20, 10, 0, tzinfo=datetime.UTC)
DIDS = ("ivo://cta.example/~?cta/data/x/run1.fits.gz", "ivo://cta.example/~?cta/data/x/run2.fits.gz")
PSEUDONYM = "user 0123456789ab"
SOFTWARE = {"python": "3.11.2", "gammapy": "2.1", "numpy": "2.3.4", "astropy": "7.1"}
PARAMETERS: dict[str, Any] = {
    "ra": 83.63,
    "nxpix": 100,
    "deep": True,
    "energies": [0.5, 1.0, 10.0],
    "frame": "icrs",
    "note": "for the paper",
}


def maps(name: str = "test_maps", version: str = "1.0") -> JobDescription:
    """Return a job type with parameters of all types, a dataset, an upload, one output and any number of others."""
    return JobDescription(
        name=name,
        title="Makes maps",
        description="Makes maps. Of the sky.",
        script=Path("script.py"),
        folder=Path("/nonexistent"),
        version=version,
        docurl="https://archive.example.org/doc",
        parameters=(
            ParameterDescription(name="ra", datatype="double", unit="deg", ucd="pos.eq.ra", low=0, high=360),
            ParameterDescription(name="nxpix", datatype="int", default="200"),
            ParameterDescription(name="deep", datatype="boolean"),
            ParameterDescription(name="energies", datatype="double", arraysize="*", unit="TeV"),
            ParameterDescription(name="frame", arraysize="*", options=("icrs", "galactic")),
            ParameterDescription(name="note", arraysize="*"),
            ParameterDescription(name="unset", arraysize="*"),
        ),
        used=(
            UsageDescription(name="obs_ids", role="DL3/Event", multiplicity=Multiplicity(1, None)),
            UsageDescription(name="positions", role="Positions", kind=UPLOAD, multiplicity=Multiplicity(0, 1)),
        ),
        generated=(
            GenerationDescription(
                name="counts",
                role="DL4/Map",
                file_name="counts.fits",
                content_type="application/fits",
                dataproduct_subtype="counts-map",
            ),
            GenerationDescription(
                name="plots",
                role="Picture",
                file_name="plot-*.png",
                content_type="image/png",
                multiplicity=Multiplicity(0, None),
            ),
        ),
    )


def rerun() -> JobDescription:
    """Return a job type that follows a recipe."""
    return JobDescription(
        name="rerun",
        title="Again",
        description="Again.",
        script=Path("script.py"),
        folder=Path("/nonexistent"),
        used=(UsageDescription(name="product", role="Recipe", kind=RECIPE),),
    )


def ended(
    jobs: Path,
    description: JobDescription | None = None,
    parameters: Mapping[str, Any] | None = None,
    results: Mapping[str, bytes] | None = None,
    upload: bytes | None = None,
    **values: Any,
) -> tuple[Job, JobDescription, JobStatus, Path]:
    """Make the folder of a job that has ended below `jobs`; return what the runner knows of it."""
    description = description or maps()
    defaults: dict[str, Any] = {
        "job_id": secrets.token_hex(16),
        "job_type": description.name,
        "owner": "ada.lovelace",
        "phase": Phase.COMPLETED,
        "creation_time": START,
        "execution_duration": 60,
        "destruction": START + datetime.timedelta(days=3),
        "activity": str(uuid.uuid4()),
        "datasets": DIDS,
        "parameters": (JobParameter(name="ra", value="83.63"),),
    }
    job = Job(**{**defaults, **values})
    folder = jobs / job.job_id
    folder.mkdir(parents=True)
    uploads = {} if upload is None else {"positions": "uploads/positions"}
    order = JobOrder(
        job_id=job.job_id,
        job_type=job.job_type,
        script="/srv/archive/analysis/script.py",
        parameters=dict(PARAMETERS if parameters is None else parameters),
        uploads=uploads,
    )
    write_order(folder, order)
    if upload is not None:
        (folder / INPUTS / "uploads").mkdir()
        (folder / INPUTS / "uploads" / "positions").write_bytes(upload)
    for name, content in (results if results is not None else {"counts.fits": b"counts"}).items():
        (folder / RESULTS / name).write_bytes(content)
    start = START.timestamp()
    status = JobStatus(reason="completed", exit_code=0, start=start, end=start + 2.5, software=SOFTWARE)
    write_status(folder, status)
    return job, description, status, folder
