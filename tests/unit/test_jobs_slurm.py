"""What is read of Slurm's answers, and what is shown of a job in a cluster; the cluster itself: tests/live/jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.errors import UnavailableError
from analysis.executors.slurm import SCRIPT, SlurmExecutor, mark_of
from analysis.executors.slurm_queue import entries_of
from analysis.folder import JobOrder, write_order
from analysis.settings import Settings, SlurmSettings


def test_lists_of_jobs_are_read() -> None:
    """States, exit codes in both notations, and nodes; lines of jobs that are not ours do no harm."""
    told = (
        "7|FAILED|NonZeroExitCode|768|node[1-2]|cta-jobs:ab|\n"
        "8|PENDING|Resources|0||cta-jobs:cd|\n"
        "9|FAILED|NonZeroExitCode|81:0|n1|cta-jobs:ef|\n"
        "10|RUNNING|None|0|n1|some|body's|\n"
        "slurm_load_jobs warning\n"
    )
    read = entries_of(told)
    assert sorted(read) == [7, 8, 9, 10]
    assert (read[7].exit_code, read[7].nodes, read[7].is_over) == (3, "node[1-2]", True)
    assert (read[8].state, read[8].reason, read[8].is_over) == ("PENDING", "Resources", False)
    assert read[9].exit_code == 81
    assert read[10].mark == "some"


def test_unknown_states_are_ends() -> None:
    """A state of a later Slurm's does not break the runner; the folder says how the job ended."""
    assert entries_of("1|NEW_FASHION|None|0||x|")[1].is_over


def test_marks_do_not_give_away_the_job(tmp_path: Path) -> None:
    """The same folder has the same mark, another one another, and the job's id is not in it."""
    job_id = "0123456789abcdef0123456789abcdef"
    assert mark_of(tmp_path / job_id) == mark_of(tmp_path / job_id) != mark_of(tmp_path / "other")
    assert job_id not in mark_of(tmp_path / job_id)


def test_batch_script_is_the_same_for_all() -> None:
    """Nothing is pasted into it: what differs comes by variables."""
    assert "{" not in SCRIPT
    assert SCRIPT.count('"$CTA_JOB_FOLDER"') == 1


def test_without_slurm_jobs_wait(tmp_path: Path) -> None:
    """A machine without Slurm's commands is told of in a sentence, and no job is lost by it."""
    slurm = SlurmSettings(environment={"PATH": str(tmp_path)})
    executor = SlurmExecutor(Settings(folder=tmp_path, python="python3", executor="slurm", slurm=slurm), tmp_path)
    write_order(tmp_path / "a", JobOrder(job_id="a", job_type="echo", script="run.py", parameters={}))
    with pytest.raises(UnavailableError, match=r"squeue.*\.$"):
        executor.start(tmp_path / "a")
    with pytest.raises(UnavailableError, match="squeue"):
        executor.poll({'{"job": 1, "mark": "x"}': tmp_path / "a"})
    with pytest.raises(UnavailableError, match="squeue"):
        executor.free(0)
    executor.close()
