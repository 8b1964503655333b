"""The one exception an operator sees."""

from __future__ import annotations


class OperatorError(Exception):
    """Something the operator can mend; its text names the thing and the way out."""
