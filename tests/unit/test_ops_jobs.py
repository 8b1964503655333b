"""Commands about job types and results of jobs: what is asked for is looked at before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import jobs
from ops.errors import OperatorError

JOB_ID = "0123456789abcdef" * 2


@pytest.mark.parametrize("text", [JOB_ID, f"http://127.0.0.1:8080/jobs/gammapy_maps/{JOB_ID}", f"/jobs/x/{JOB_ID}/"])
def test_a_job_is_named_by_id_or_address(text: str) -> None:
    assert jobs.valid_job(text) == JOB_ID


@pytest.mark.parametrize("text", ["", "gammapy_maps", JOB_ID[:-1], JOB_ID.upper(), f"{JOB_ID}x", f"--help {JOB_ID}"])
def test_what_is_no_job(text: str) -> None:
    with pytest.raises(OperatorError, match="make job-publish JOB="):
        jobs.valid_job(text)


@pytest.mark.parametrize("text", ["", "../etc", "-x", "a b", "a" * 65, "$(id)"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(OperatorError, match="make job-accept NAME="):
        jobs.valid_name(text)


def test_folder_of_a_job_type(tmp_path: Path) -> None:
    assert jobs.existing_folder(str(tmp_path)) == tmp_path.resolve()
    for text in ("", str(tmp_path / "none")):
        with pytest.raises(OperatorError, match="JOB=folder"):
            jobs.existing_folder(text)
