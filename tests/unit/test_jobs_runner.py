"""Which jobs start, and what has become of those that ended."""

from __future__ import annotations

import datetime
import secrets
import uuid
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.description.model import GenerationDescription, JobDescription, Multiplicity
from analysis.executors.base import Report
from analysis.folder import LOG, RESULTS, JobStatus
from analysis.runner.outcome import PROVENANCE_RESULTS, outcome_of, outcome_of_lost
from analysis.runner.schedule import next_jobs
from analysis.settings import Settings
from analysis.uws.job import Job, Phase

OWNERS = st.sampled_from(["ada", "bob", None])


def a_job(owner: str | None = "ada", **more: object) -> Job:
    values: dict[str, object] = {
        "job_id": secrets.token_hex(16),
        "job_type": "maps",
        "owner": owner,
        "phase": Phase.EXECUTING,
        "creation_time": datetime.datetime.now(datetime.UTC),
        "execution_duration": 60,
        "destruction": None,
        "activity": str(uuid.uuid4()),
    }
    return Job(**(values | more))  # type: ignore[arg-type]


def settings(**values: int) -> Settings:
    return Settings(folder=Path("/nowhere"), python="python3", **values)  # type: ignore[arg-type]


class TestSchedule:
    """Order and quotas."""

    @given(st.lists(OWNERS, max_size=30), st.lists(OWNERS, max_size=8), st.integers(0, 10), st.integers(1, 4))
    def test_quotas_hold_and_nobody_waits_without_need(
        self, waiting: list[str | None], running: list[str | None], n_free: int, quota: int
    ) -> None:
        queue = [a_job(owner) for owner in waiting]
        limits = settings(max_running_per_user=quota, max_running_anonymous=quota + 1)
        chosen = next_jobs(queue, [a_job(owner) for owner in running], n_free, limits)
        assert len(chosen) <= n_free
        assert chosen == [job for job in queue if job in chosen], "the order is that of the queue"
        counts = Counter(running)
        counts.update(job.owner for job in chosen)
        for owner, number in counts.items():
            allowed = quota + 1 if owner is None else quota
            assert number <= max(allowed, Counter(running)[owner])
            left = [job for job in queue if job.owner == owner and job not in chosen]
            assert not left or number >= allowed or len(chosen) == n_free

    def test_one_user_does_not_keep_others_waiting(self) -> None:
        queue = [a_job("ada") for _ in range(20)] + [a_job("bob")]
        chosen = next_jobs(queue, [], 5, settings(max_running_per_user=4))
        assert [job.owner for job in chosen] == ["ada"] * 4 + ["bob"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / RESULTS).mkdir()
    (tmp_path / LOG).write_text("it went well\n")
    return tmp_path


def described(folder: Path, *names: str, optional: str = "") -> JobDescription:
    outputs = [
        GenerationDescription(
            name=name, role=name, file_name=f"{name}.txt", content_type="text/plain", multiplicity=Multiplicity(low, 1)
        )
        for name, low in [*((name, 1) for name in names), *([(optional, 0)] if optional else [])]
    ]
    return JobDescription(
        name="maps", title="Maps", description="", script=folder, folder=folder, generated=tuple(outputs)
    )


class TestOutcome:
    """Phases, results and sentences."""

    def test_completed(self, folder: Path) -> None:
        (folder / RESULTS / "map.txt").write_text("123")
        found = outcome_of(a_job(), described(folder, "map", optional="more"), JobStatus(reason="completed"), folder)
        assert found.phase is Phase.COMPLETED
        assert [(item.name, item.size) for item in found.results[:2]] == [("map", 3), ("log", 13)]
        assert {item.name for item in found.results[2:]} == set(PROVENANCE_RESULTS)

    def test_what_had_to_be_written(self, folder: Path) -> None:
        found = outcome_of(a_job(), described(folder, "map"), JobStatus(reason="completed"), folder)
        assert found.phase is Phase.ERROR
        assert "map.txt" in (found.error_message or "")

    def test_each_file_of_a_pattern_is_a_result(self, folder: Path) -> None:
        parts = GenerationDescription(
            name="parts",
            role="parts",
            file_name="part*.txt",
            content_type="text/plain",
            multiplicity=Multiplicity(1, None),
        )
        described_ = replace(described(folder, "map"), generated=(*described(folder, "map").generated, parts))
        (folder / RESULTS / "map.txt").write_text("1")
        found = outcome_of(a_job(), described_, JobStatus(reason="completed"), folder)
        assert (found.phase, "part*.txt" in (found.error_message or "")) == (Phase.ERROR, True)
        for name in ("part1.txt", "part2.txt", "other.txt", "part\n3.txt"):
            (folder / RESULTS / name).write_text("22")
        (folder / RESULTS / "part4.txt").symlink_to("/etc/passwd")
        found = outcome_of(a_job(), described_, JobStatus(reason="completed"), folder)
        assert found.phase is Phase.COMPLETED
        assert [(item.name, item.file_name) for item in found.results[:-6]] == [
            ("map", "map.txt"),
            ("part1.txt", "part1.txt"),
            ("part2.txt", "part2.txt"),
        ]

    def test_nothing_is_lost_when_the_job_type_is_gone(self, folder: Path) -> None:
        for name in ("map.txt", "log", ".hidden"):
            (folder / RESULTS / name).write_text("123")
        found = outcome_of(a_job(), None, JobStatus(reason="completed"), folder)
        assert found.phase is Phase.COMPLETED
        assert [item.name for item in found.results[:2]] == ["map.txt", "log"]
        assert found.results[1].file_name is None, "the log is that of the service"

    def test_links_are_no_results(self, folder: Path) -> None:
        (folder / RESULTS / "map.txt").symlink_to("/etc/passwd")
        found = outcome_of(a_job(), described(folder, "map"), JobStatus(reason="completed"), folder)
        assert found.phase is Phase.ERROR
        assert "map" not in {item.name for item in found.results}

    @pytest.mark.parametrize(
        ("reason", "phase"),
        [
            ("duration", Phase.ABORTED),  # UWS 1.1, section 2.2.1.1
            ("memory", Phase.ERROR),
            ("disk", Phase.ERROR),
            ("processes", Phase.ERROR),
            ("error", Phase.ERROR),
            ("killed", Phase.ERROR),
            ("sandbox", Phase.ERROR),
        ],
    )
    def test_other_ends(self, folder: Path, reason: str, phase: Phase) -> None:
        status = JobStatus(reason=reason, message="this is why.")
        found = outcome_of(a_job(), described(folder, "map"), status, folder)
        assert (found.phase, found.error_message) == (phase, "this is why.")

    def test_aborted_by_its_user(self, folder: Path) -> None:
        job = a_job(stop_requested=True)
        assert outcome_of(job, None, JobStatus(reason="killed"), folder).phase is Phase.ABORTED
        assert outcome_of_lost(job, Report("lost"), folder).phase is Phase.ABORTED

    def test_lost(self, folder: Path) -> None:
        found = outcome_of_lost(a_job(), Report("lost"), folder)
        assert found.phase is Phase.ERROR
        assert len((found.error_message or "").split()) > 5
        assert "log" in {item.name for item in found.results}
