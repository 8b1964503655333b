# SPDX-License-Identifier: GPL-3.0-or-later
"""How a cut-out can fail, in the words of SODA and DALI (``standards/soda.md``, section 3)."""

from __future__ import annotations

ERROR = "Error"
USAGE_ERROR = "UsageError"
MULTIPLE = "MultiValuedParamNotSupported"
AUTHENTICATION_ERROR = "AuthenticationError"
AUTHORIZATION_ERROR = "AuthorizationError"
UNAVAILABLE = "ServiceUnavailable"

STATUS = {
    ERROR: 500,
    USAGE_ERROR: 400,
    MULTIPLE: 400,
    AUTHENTICATION_ERROR: 401,
    AUTHORIZATION_ERROR: 403,
    UNAVAILABLE: 503,
}
"""HTTP status of each token."""


class SodaError(Exception):
    """A request that cannot be answered.

    Parameters
    ----------
    token
        The first word of the answer; one of the keys of `STATUS`.
    sentence
        What is wrong and what to do, for the user; never a path.
    status
        HTTP status, where it is not the usual one of the token (404 for an unknown ID is a UsageError).
    """

    def __init__(self, token: str, sentence: str, status: int | None = None) -> None:
        super().__init__(f"{token}: {sentence}")
        self.token = token
        self.sentence = sentence
        self.status = STATUS[token] if status is None else status

    @property
    def body(self) -> str:
        """The text/plain body of the answer."""
        return f"{self.token}: {self.sentence}\n"


class NoOverlap(Exception):  # noqa: N818 # no error: the answer 204, No Content
    """The filter does not overlap the dataset: the answer is 204 with an empty body."""

    status = 204


def usage_error(sentence: str) -> SodaError:
    """Return the error for a parameter that is wrong."""
    return SodaError(USAGE_ERROR, sentence)


def failure(sentence: str) -> SodaError:
    """Return the error for what the user cannot mend: a damaged file, a full disk."""
    return SodaError(ERROR, sentence)
