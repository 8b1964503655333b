"""Requests to the job service and its answers, free of any web server; and the reading of what UWS itself defines."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from analysis.errors import RefusedError, shown
from analysis.settings import Settings
from analysis.uws.job import Phase

CONTROL = frozenset({"phase", "runid", "action", "wait"})
"""Names that are for UWS itself and never parameters of a job, in lower case."""
MAX_RUN_ID = 1000
RUN, ABORT = "RUN", "ABORT"
_PAGE = "application/xhtml+xml"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a multipart form."""

    file_name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UwsRequest:
    """A request.

    `path` are the parts of the path below ``/jobs``, decoded. `query` and `form` keep repetitions and order; the plain
    body of a PUT is the form's only value, of name "". `owner` is who has logged in, `address` where it comes from.
    """

    method: str
    path: tuple[str, ...]
    query: Sequence[tuple[str, str]] = ()
    form: Sequence[tuple[str, str]] = ()
    files: Mapping[str, UploadedFile] = field(default_factory=dict)
    owner: str | None = None
    address: str = ""
    accept: str = ""

    @property
    def wants_page(self) -> bool:
        """Whether a browser asks. Java says that it would take text/html, too, so this is not enough."""
        return _PAGE in self.accept.lower()

    @property
    def sent(self) -> list[tuple[str, str]]:
        """All that was sent, in the address or in the body."""
        return [*self.query, *self.form]


@dataclass(frozen=True, slots=True)
class Wait:
    """An answer that is held while a job is in one of these phases, at the latest until `deadline` (monotonic)."""

    job_id: str
    while_in: frozenset[Phase]
    deadline: float

    @property
    def seconds(self) -> float:
        """How long it may still last."""
        return max(0.0, self.deadline - time.monotonic())

    def holds(self, phase: Phase) -> bool:
        """Say whether to go on waiting."""
        return phase in self.while_in and self.seconds > 0


@dataclass(frozen=True, slots=True)
class UwsAnswer:
    """An answer; a `body` that is a file is to be sent and closed by who gets it.

    With `wait`, there is no answer yet: hold the connection, and hand the request in again with it.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | BinaryIO = b""
    wait: Wait | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which jobs of a list are wanted."""

    phases: tuple[Phase, ...] = ()
    after: datetime.datetime | None = None
    last: int | None = None


def values_of(pairs: Sequence[tuple[str, str]], name: str) -> list[str]:
    """Return the values given for a name, in whatever case."""
    return [value for word, value in pairs if word.lower() == name.lower()]


def value_of(pairs: Sequence[tuple[str, str]], name: str) -> str | None:
    """Return the one value given for a name, None without; several that differ are refused with 400."""
    values = values_of(pairs, name)
    if len(set(values)) > 1:
        raise RefusedError(400, f"{name.upper()} was given {len(values)} times; give it once.")
    return values[0] if values else None


def read_filters(query: Sequence[tuple[str, str]]) -> Filters:
    """Return the filters PHASE, AFTER and LAST of a job list; RefusedError 400 when one is no such thing."""
    last = value_of(query, "LAST")
    after = value_of(query, "AFTER")
    return Filters(
        phases=tuple(dict.fromkeys(read_phase(value) for value in values_of(query, "PHASE"))),
        after=None if after is None else read_time("AFTER", after),
        last=None if last is None else _whole("LAST", last, 1),
    )


def read_phase(value: str) -> Phase:
    """Return the phase of this name."""
    try:
        return Phase(value.strip().upper())
    except ValueError:
        raise RefusedError(400, f"PHASE {shown(value)} is no phase of UWS: {', '.join(Phase)}.") from None


def read_wait(
    query: Sequence[tuple[str, str]], settings: Settings, clock: Callable[[], float] = time.monotonic
) -> tuple[float, Phase | None] | None:
    """Return until when a request may be held and, if given, in which phase only; None when it does not ask for it."""
    value = value_of(query, "WAIT")
    if value is None:
        return None
    seconds = _whole("WAIT", value, -1)
    phase = value_of(query, "PHASE")
    longest = settings.wait_seconds
    return clock() + (longest if seconds < 0 else min(seconds, longest)), None if phase is None else read_phase(phase)


def read_duration(value: str, settings: Settings) -> int:
    """Return a duration in s; what is longer than the settings allow, and 0, which is no limit, become their limit."""
    seconds = _whole("EXECUTIONDURATION", value, 0)
    return min(seconds, settings.max_duration) if seconds else settings.max_duration


def read_destruction(value: str, settings: Settings, now: datetime.datetime) -> datetime.datetime:
    """Return when a job is to be destroyed, at the latest what the settings allow."""
    return min(read_time("DESTRUCTION", value), now + datetime.timedelta(days=settings.max_lifetime_days))


def read_time(name: str, value: str) -> datetime.datetime:
    """Return a time of ISO 8601, in UTC unless it says otherwise."""
    try:
        time_ = datetime.datetime.fromisoformat(value.strip())
        return (time_ if time_.tzinfo else time_.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise RefusedError(
            400, f"{name} {shown(value)} is no time; write it as 2026-11-20T12:00:00Z (ISO 8601, UTC)."
        ) from None


def read_run_id(pairs: Sequence[tuple[str, str]]) -> str | None:
    """Return the name a user gives to a job, None without."""
    value = value_of(pairs, "RUNID")
    if value is not None and len(value) > MAX_RUN_ID:
        raise RefusedError(400, f"RUNID is longer than {MAX_RUN_ID} characters.")
    return value


def read_command(pairs: Sequence[tuple[str, str]], at_creation: bool = False) -> str | None:
    """Return what PHASE asks for, RUN or ABORT; None without PHASE."""
    value = value_of(pairs, "PHASE")
    if value is None:
        return None
    command = value.strip().upper()
    if command not in ((RUN,) if at_creation else (RUN, ABORT)):
        allowed = "RUN" if at_creation else "RUN or ABORT"
        raise RefusedError(400, f"PHASE can be set to {allowed}, not to {shown(value)}.")
    return command


def parameters_of(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what is for the job and not for UWS."""
    return [(name, value) for name, value in pairs if name.lower() not in CONTROL]


def _whole(name: str, value: str, low: int) -> int:
    text = value.strip()
    digits = text[1:] if text[:1] in ("-", "+") else text
    if digits.isascii() and digits.isdigit() and len(digits) < 10 and int(text) >= low:
        return int(text)
    raise RefusedError(400, f"{name} must be a whole number, at least {low}, and not {shown(value)}.")
