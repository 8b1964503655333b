"""Who may have the data of a file: one decision for file, cut-out, preview, package, and whatever comes later.

Metadata are public always; data of a file with an owner are for the owner's group until the embargo ends.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to answer to somebody who wants data."""

    ALLOWED = "allowed"
    LOGIN_NEEDED = "login needed"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: a name, None when nobody has logged in, and the groups that person belongs to."""

    name: str | None = None
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Protection:
    """Who owns a file and from which day on it is public. Without both it is public."""

    owner: str | None = None
    embargo: datetime.date | None = None

    def holds(self, today: datetime.date) -> bool:
        """Return whether the data are proprietary on a day; they are public on the day the embargo ends."""
        return self.owner is not None and self.embargo is not None and today < self.embargo

    def verdict(self, viewer: Viewer, today: datetime.date) -> Verdict:
        """Return whether somebody may have the data on a day (UTC)."""
        if not self.holds(today) or self.owner in viewer.groups:
            return Verdict.ALLOWED
        return Verdict.LOGIN_NEEDED if viewer.name is None else Verdict.FORBIDDEN


def strictest(verdicts: Collection[Verdict]) -> Verdict:
    """Return the verdict on several files that are only given together."""
    for verdict in (Verdict.LOGIN_NEEDED, Verdict.FORBIDDEN):
        if verdict in verdicts:
            return verdict
    return Verdict.ALLOWED
