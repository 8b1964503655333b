"""Job definitions of users: submitted, tried, accepted.

``submissions`` keeps them, ``check`` tells whether one works; ``python3 -m analysis.definitions`` is for operators and
authors of job types.
"""

from __future__ import annotations

from analysis.definitions.submissions import (
    Submission,
    accept,
    pending,
    pending_for,
    reject,
    submissions_of,
    submit,
    withdraw,
)

__all__ = ["Submission", "accept", "pending", "pending_for", "reject", "submissions_of", "submit", "withdraw"]

HOME = "definitions"
"""Where they are, below ``/jobs``: no job type has this name."""
