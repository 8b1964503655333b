"""Which phase may follow which (UWS 1.1, section 2.1.3), and what users are told when one may not."""

from __future__ import annotations

from analysis.errors import RefusedError
from analysis.uws.job import Phase

TERMINAL = frozenset({Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.ARCHIVED})
ACTIVE = frozenset({Phase.EXECUTING, Phase.SUSPENDED, Phase.UNKNOWN})
"""Phases in which a job may have processes."""
BLOCKING = frozenset({Phase.PENDING, Phase.QUEUED, Phase.EXECUTING})
"""Phases in which a request with WAIT is held (UWS 1.1, section 2.2.1.1)."""
RUNNABLE = frozenset({Phase.PENDING, Phase.HELD})
"""Phases in which a user may ask to run a job."""
WITHDRAWABLE = frozenset({Phase.PENDING, Phase.HELD, Phase.QUEUED})
"""Phases in which a job ends at once when its user aborts it: it has no processes."""

FOLLOWERS: dict[Phase, frozenset[Phase]] = {
    Phase.PENDING: frozenset({Phase.QUEUED, Phase.HELD, Phase.ABORTED, Phase.ERROR, Phase.ARCHIVED}),
    Phase.HELD: frozenset({Phase.QUEUED, Phase.HELD, Phase.ABORTED, Phase.ERROR, Phase.ARCHIVED}),
    Phase.QUEUED: frozenset({Phase.EXECUTING, Phase.HELD, Phase.ABORTED, Phase.ERROR}),
    # A job whose machine went down begins anew, and one whose executor is silent is unknown.
    Phase.EXECUTING: frozenset(
        {Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.SUSPENDED, Phase.UNKNOWN, Phase.QUEUED}
    ),
    Phase.SUSPENDED: frozenset({Phase.EXECUTING, Phase.ABORTED, Phase.ERROR, Phase.UNKNOWN, Phase.QUEUED}),
    Phase.UNKNOWN: frozenset(Phase) - {Phase.UNKNOWN},
    Phase.COMPLETED: frozenset({Phase.ARCHIVED}),
    Phase.ERROR: frozenset({Phase.ARCHIVED}),
    Phase.ABORTED: frozenset({Phase.ARCHIVED}),
    Phase.ARCHIVED: frozenset(),
}

_STATES = {
    Phase.PENDING: "has not been started",
    Phase.QUEUED: "waits for its turn",
    Phase.EXECUTING: "is running",
    Phase.COMPLETED: "is completed",
    Phase.ERROR: "has ended with an error",
    Phase.ABORTED: "was aborted",
    Phase.UNKNOWN: "is in an unknown state",
    Phase.HELD: "is held",
    Phase.SUSPENDED: "is suspended",
    Phase.ARCHIVED: "is archived",
}


def may_follow(before: Phase, after: Phase) -> bool:
    """Say whether a job may go from one phase to the other."""
    return after in FOLLOWERS[before]


def sources(after: Phase) -> frozenset[Phase]:
    """Return the phases from which a job may come to this one."""
    return frozenset(before for before, followers in FOLLOWERS.items() if after in followers)


def refusal(phase: Phase, wish: str) -> RefusedError:
    """Return the error for a request the phase does not allow.

    Parameters
    ----------
    phase
        Where the job is.
    wish
        What was asked for, such as "be started".
    """
    way_out = "Create a new job." if phase in TERMINAL or wish.startswith("get") else "Wait for its end, or abort it."
    return RefusedError(403, f"This job {_STATES[phase]} (phase {phase}) and cannot {wish}. {way_out}")
