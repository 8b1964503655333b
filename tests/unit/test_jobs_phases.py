"""Which phase may follow which."""

from __future__ import annotations

import pytest

from analysis.uws.job import Phase
from analysis.uws.phases import ACTIVE, FOLLOWERS, RUNNABLE, TERMINAL, WITHDRAWABLE, may_follow, refusal, sources


def test_every_phase_is_in_the_table() -> None:
    assert set(FOLLOWERS) == set(Phase)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("PENDING", "QUEUED"),
        ("PENDING", "HELD"),
        ("PENDING", "ABORTED"),
        ("PENDING", "ERROR"),
        ("HELD", "QUEUED"),
        ("HELD", "ABORTED"),
        ("QUEUED", "EXECUTING"),
        ("QUEUED", "ABORTED"),
        ("QUEUED", "ERROR"),
        ("EXECUTING", "COMPLETED"),
        ("EXECUTING", "ERROR"),
        ("EXECUTING", "ABORTED"),
        ("EXECUTING", "SUSPENDED"),
        ("SUSPENDED", "EXECUTING"),
        ("UNKNOWN", "COMPLETED"),
        ("COMPLETED", "ARCHIVED"),
        ("ERROR", "ARCHIVED"),
        ("ABORTED", "ARCHIVED"),
    ],
)
def test_transitions_of_the_standard_are_allowed(before: str, after: str) -> None:
    assert may_follow(Phase(before), Phase(after))


def test_what_has_ended_stays_ended() -> None:
    for phase in TERMINAL:
        assert FOLLOWERS[phase] <= {Phase.ARCHIVED}


def test_a_job_runs_only_when_it_was_queued_or_paused() -> None:
    assert sources(Phase.EXECUTING) == {Phase.QUEUED, Phase.SUSPENDED, Phase.UNKNOWN}
    assert sources(Phase.QUEUED) >= RUNNABLE


def test_a_job_either_has_processes_or_ends_at_once_or_has_ended() -> None:
    assert set(Phase) == ACTIVE | WITHDRAWABLE | TERMINAL
    assert not ACTIVE & WITHDRAWABLE and not ACTIVE & TERMINAL


def test_a_refusal_names_the_phase_and_the_way_out() -> None:
    error = refusal(Phase.COMPLETED, "be started again")
    assert error.status == 403
    assert str(error) == "This job is completed (phase COMPLETED) and cannot be started again. Create a new job."
