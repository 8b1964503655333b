"""The page on which users submit job types, and operators accept them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, Protocol

from analysis.pages.html import Content, element, link, page, table, when

HOME = "/jobs/definitions"


class Submitted(Protocol):
    """A job type that a user has submitted."""

    @property
    def name(self) -> str:
        """Name of the job type."""

    @property
    def author(self) -> str:
        """Account of who has submitted it."""

    @property
    def submitted(self) -> str:
        """When, ISO 8601."""

    @property
    def status(self) -> str:
        """It is pending, rejected or accepted."""

    @property
    def reason(self) -> str | None:
        """Why it was rejected."""


def definitions_page(
    own: Sequence[Submitted], waiting: Sequence[Submitted], viewer: str | None, *, is_operator: bool, trial: bool
) -> bytes:
    """Return the page on users' job types.

    Forms post to ``/jobs/definitions`` (files ``description`` and ``script``) and to ``/jobs/definitions/<name>``
    (``ACTION`` accept, reject with ``REASON``, or withdraw; ``AUTHOR`` names whose it is).

    Parameters
    ----------
    own
        What the viewer has submitted.
    waiting
        What waits for an operator, whoever submitted it.
    viewer
        Account of who looks at it.
    is_operator
        Whether that account accepts job types.
    trial
        Whether authors may run their job types before these are accepted.
    """
    return page(
        "Job types of users",
        element(
            "p",
            "You can add an analysis of your own: a description and a script in Python. An operator looks at it; then"
            " everybody can run it.",
            " Until then you can run it yourself." if trial else "",
            class_="lead",
        ),
        _form() if viewer else element("p", "Sign in to submit a job type.", class_="note"),
        _own(own, trial) if own else None,
        _waiting(waiting) if is_operator else None,
        viewer=viewer,
        here=HOME,
    )


def _form() -> Any:
    def field(name: str, label: str, hint: str, accept: str) -> Any:
        described = f"{name}-hint"
        entry = element(
            "input", type="file", id=name, name=name, required=True, accept=accept, aria_describedby=described
        )
        return element(
            "div",
            element("label", label, for_=name),
            element("div", entry, class_="entry"),
            element("small", hint, id=described),
            class_="field",
        )

    return element(
        "form",
        field("description", "Description", "VOTable with the parameters, inputs and results.", ".vot,.xml"),
        field("script", "Script", "Python file with a function run(job).", ".py"),
        element("p", element("button", "Submit", type="submit"), class_="buttons"),
        method="post",
        action=HOME,
        enctype="multipart/form-data",
        class_="job",
    )


def _own(own: Sequence[Submitted], trial: bool) -> Content:
    rows: list[list[Content]] = [
        [
            link(f"/jobs/{item.name}/form", item.name) if _can_run(item, trial) else item.name,
            item.status,
            _moment(item.submitted),
            _files(item),
            item.reason or "",
            _action(item, "Withdraw", "withdraw") if item.status == "pending" else "",
        ]
        for item in own
    ]
    return [element("h2", "Yours"), table(["Name", "Status", "Submitted", "Files", "Reason", ""], rows)]


def _can_run(item: Submitted, trial: bool) -> bool:
    return item.status == "accepted" or (trial and item.status == "pending")


def _files(item: Submitted) -> Content:
    """Return links to the two files of a definition."""
    place = f"{HOME}/{item.name}"
    return [link(f"{place}/description.vot", "description"), ", ", link(f"{place}/script.py", "script")]


def _moment(iso: str) -> str:
    """Return a time as people read it."""
    try:
        return when(datetime.datetime.fromisoformat(iso))
    except ValueError:
        return iso


def _waiting(waiting: Sequence[Submitted]) -> Content:
    rows: list[list[Content]] = [
        [
            item.name,
            item.author,
            _moment(item.submitted),
            _files(item),
            element(
                "div",
                _action(item, "Accept", "accept"),
                _action(item, "Reject", "reject", with_reason=True),
                class_="buttons",
            ),
        ]
        for item in waiting
    ]
    content = (
        table(["Name", "Author", "Submitted", "Read before you accept", ""], rows)
        if rows
        else element("p", "Nothing waits.")
    )
    return [element("h2", "Waiting for an operator"), content]


def _action(item: Submitted, label: str, action: str, *, with_reason: bool = False) -> Any:
    reason = element("input", type="text", name="REASON", placeholder="Reason", aria_label="Reason", required=True)
    return element(
        "form",
        element("input", type="hidden", name="AUTHOR", value=item.author),
        element("input", type="hidden", name="SUBMITTED", value=item.submitted),
        reason if with_reason else None,
        element("button", label, type="submit", name="ACTION", value=action, class_="second"),
        method="post",
        action=f"{HOME}/{item.name}",
    )
