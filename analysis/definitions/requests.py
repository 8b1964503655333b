"""Requests below ``/jobs/definitions``: users submit job types, operators accept or reject them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from analysis.definitions import HOME, submissions
from analysis.description.reader import FILE_NAME, read_description
from analysis.errors import DescriptionError, JobsError, RefusedError, shown
from analysis.settings import Settings
from analysis.uws import answers, requests
from analysis.uws.requests import UwsAnswer, UwsRequest

SCRIPT = "script.py"
"""Where the script of a definition is read, whatever name its description gives it."""
_LOGIN = "log in to submit job types, and to see yours."


class DefinitionPages(Protocol):
    """Web pages on definitions."""

    def definitions(
        self,
        own: list[submissions.Submission],
        waiting: list[submissions.Submission],
        viewer: str | None,
        *,
        is_operator: bool,
        trial: bool,
    ) -> bytes:
        """Return the page on a user's definitions, and on those that wait for an operator."""


class DefinitionService:
    """Takes definitions and decisions.

    Parameters
    ----------
    settings
        With the folder of the definitions, and the accounts of the operators.
    base_url
        Address of ``/jobs``, without a slash at the end.
    pages
        Web pages.
    """

    def __init__(self, settings: Settings, base_url: str, pages: DefinitionPages) -> None:
        self._settings = settings
        self._home = f"{base_url}/{HOME}"
        self._pages = pages

    def handle(self, request: UwsRequest) -> UwsAnswer:
        """Answer a request whose path begins with `HOME`.

        Raises
        ------
        RefusedError
            When it is not for whoever asks, or something is wrong with what was submitted.
        """
        rest = request.path[1:]
        if request.method in ("GET", "HEAD"):
            return self._show(request, rest)
        if request.method != "POST":
            raise RefusedError(405, f"{request.method[:20]} does nothing here; use GET or POST.")
        if request.owner is None:
            raise RefusedError(401, _LOGIN)
        if not rest:
            return self._submit(request, request.owner)
        if len(rest) == 1:
            return self._decide(request, rest[0], request.owner)
        raise RefusedError(404, f"there is nothing of this name; see {self._home}.")

    def _show(self, request: UwsRequest, rest: tuple[str, ...]) -> UwsAnswer:
        is_operator = request.owner in self._settings.operators
        if len(rest) == 2 and request.owner is not None and rest[1] in (FILE_NAME, SCRIPT):
            return answers.data(self._file(rest[0], request.owner, is_operator, rest[1]), answers.TEXT)
        if rest:
            raise RefusedError(404, f"there is nothing of this name; see {self._home}.")
        own = [item for item, _ in submissions.submissions_of(self._settings, request.owner or "")]
        waiting = [item for item, _ in submissions.pending(self._settings)] if is_operator else []
        trial = self._settings.user_definitions == "trial"
        content = self._pages.definitions(own, waiting, request.owner, is_operator=is_operator, trial=trial)
        return answers.page(content)

    def _file(self, name: str, viewer: str, is_operator: bool, file_name: str) -> bytes:
        """Return a file of a definition, for its author and for operators, who see what they would accept."""
        waiting = submissions.pending(self._settings) if is_operator else []
        found = [*waiting, *submissions.submissions_of(self._settings, viewer)]
        folder: Path | None = next((place for item, place in found if item.name == name), None)
        try:
            if folder is not None:
                is_script = file_name == SCRIPT
                return (read_description(folder / FILE_NAME).script if is_script else folder / file_name).read_bytes()
        except (DescriptionError, FileNotFoundError):
            pass  # replaced or withdrawn just now
        raise RefusedError(404, f"there is no definition {shown(name)} of yours.")

    def _submit(self, request: UwsRequest, author: str) -> UwsAnswer:
        missing = [name for name in ("description", "script") if name not in request.files]
        if missing:
            raise RefusedError(
                400, f"send the files description and script (multipart/form-data); without: {missing[0]}."
            )
        files = request.files
        self._try(
            lambda: submissions.submit(self._settings, author, files["description"].content, files["script"].content)
        )
        return answers.see_other(self._home)

    def _decide(self, request: UwsRequest, name: str, user: str) -> UwsAnswer:
        action = (requests.value_of(request.sent, "ACTION") or "").lower()
        if action == "withdraw":
            self._try(lambda: submissions.withdraw(self._settings, name, user))
            return answers.see_other(self._home)
        if user not in self._settings.operators:
            raise RefusedError(403, "only operators accept and reject job types; you can withdraw your own.")
        if action == "accept":
            seen = requests.value_of(request.sent, "SUBMITTED")
            self._try(lambda: submissions.accept(self._settings, name, user, seen))
        elif action == "reject":
            reason = requests.value_of(request.sent, "REASON") or ""
            self._try(lambda: submissions.reject(self._settings, name, reason, user))
        else:
            raise RefusedError(400, "ACTION is accept, reject (with REASON) or withdraw.")
        return answers.see_other(self._home)

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except RefusedError:
            raise
        except JobsError as exc:
            raise RefusedError(400, str(exc)) from exc
