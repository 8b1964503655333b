"""rerun: what was done is done again, and compared file by file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gammapy")

from astropy.table import Table

from analysis.worker.job import Job, JobError
from tests.unit.job_inputs import CRAB, digests, make_job, run

SMALL = {"nxpix": 60, "nypix": 60, "binsz": 0.04, "emin": 0.6, "emax": 20.0}


def rerun_of(job: Job, results: Path, recipe: Mapping[str, Any]) -> Job:
    (job.inputs / "recipe.json").write_text(json.dumps(recipe))
    (results / "results").mkdir(parents=True)
    (results / "work").mkdir()
    return replace(job, job_type="rerun", parameters={}, results=results / "results", work=results / "work", uploads={})


def compared(job: Job) -> dict[str, tuple[bool, str]]:
    table = Table.read(job.results / "comparison.ecsv")
    return {row["file"]: (bool(row["same"]), row["note"]) for row in table}


def test_a_rerun_gives_identical_files(tmp_path: Path) -> None:
    job = make_job(tmp_path / "first", "gammapy_maps", CRAB, SMALL)
    run(job)
    recorded = digests(job.results)
    recipe = {"job_type": "gammapy_maps", "parameters": dict(job.parameters), "results": recorded, "software": {}}
    again = rerun_of(job, tmp_path / "again", recipe)
    run(again)
    assert compared(again) == dict.fromkeys(recorded, (True, "identical"))
    assert digests(again.results).items() >= recorded.items()
    assert (again.results / "results.tar").stat().st_size > 0


def test_what_differs_is_told_with_the_software(tmp_path: Path) -> None:
    job = make_job(tmp_path / "first", "gammapy_datastore", CRAB)
    run(job)
    recorded = {**digests(job.results), "check.ecsv": "0" * 64, "gone.fits": "1" * 64}
    software = {"gammapy": "0.1", "python": "2.7", "no-such-package": "1"}
    recipe = {"job_type": "gammapy_datastore", "parameters": {}, "results": recorded, "software": software}
    again = rerun_of(job, tmp_path / "again", recipe)
    run(again)
    found = compared(again)
    assert found["datastore.tar"] == (True, "identical")
    assert found["gone.fits"] == (False, "not made this time")
    assert found["check.ecsv"][0] is False
    assert "gammapy was 0.1 and is" in found["check.ecsv"][1] and "python was 2.7" in found["check.ecsv"][1]


def test_a_recorded_upload_is_used_again(tmp_path: Path) -> None:
    job = make_job(tmp_path / "first", "event_cutouts", CRAB)
    (job.inputs / "uploads").mkdir()
    upload = job.inputs / "uploads" / "table"
    upload.write_text("ra,dec\n83.633,22.014\n")
    job = replace(job, uploads={"positions": upload})
    run(job)
    recipe = {"job_type": "event_cutouts", "parameters": dict(job.parameters), "results": digests(job.results)}
    again = rerun_of(job, tmp_path / "again", {**recipe, "uploads": {"positions": "uploads/table"}})
    run(again)
    assert all(same for same, _ in compared(again).values())


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({"job_type": "no_such_job"}, "not here"),
        ({"job_type": "rerun"}, "not here"),
        ({"job_type": "../rerun"}, "does not say which job"),
        ({"job_type": "gammapy_maps/../rerun"}, "does not say which job"),
        ({}, "does not say which job"),
        ([], "does not say which job"),
        ({"job_type": "gammapy_maps", "parameters": 5}, "no usable parameters"),
        ({"job_type": "event_cutouts", "uploads": {"positions": "../../etc/passwd"}}, "not there any more"),
    ],
)
def test_recipes_that_cannot_be_followed_are_told(recipe: Any, words: str, tmp_path: Path) -> None:
    job = rerun_of(make_job(tmp_path / "first", "gammapy_maps", {}), tmp_path / "again", recipe)
    with pytest.raises(JobError, match=words):
        run(job)


def test_no_recipe_is_told(tmp_path: Path) -> None:
    job = rerun_of(make_job(tmp_path / "first", "gammapy_maps", {}), tmp_path / "again", {})
    (job.inputs / "recipe.json").unlink()
    with pytest.raises(JobError, match="no recipe was recorded"):
        run(job)
    (job.inputs / "recipe.json").write_text("{no json")
    with pytest.raises(JobError, match="cannot be read"):
        run(job)
