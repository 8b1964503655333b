"""What can go wrong with a job, told in sentences that name the thing and the way out."""

from __future__ import annotations


class JobsError(Exception):
    """Base of the errors of this package; the text is for users."""


class DescriptionError(JobsError):
    """A job description that cannot be used."""


class RefusedError(JobsError):
    """A request that is answered with an HTTP error.

    Parameters
    ----------
    status
        HTTP status: 400 bad value, 403 forbidden or illegal transition, 404 no such job, 429 too many.
    sentence
        What is wrong, and the way out.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class UnavailableError(JobsError):
    """An executor that cannot take or tell of jobs now; the job waits."""


def shown(value: str) -> str:
    """Return a value of the user's as a sentence can quote it: short, without characters that do not print."""
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in value[:60])
    return f"'{text}{'…' if len(value) > 60 else ''}'"
