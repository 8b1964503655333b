"""What the operator sees on the terminal: steps, waiting, small tables. All progress goes to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence


def step(text: str) -> None:
    """Announce a step that may take a while."""
    print(f"== {text}", file=sys.stderr, flush=True)


def note(text: str) -> None:
    """Print one line of progress or a remark below the current step."""
    print(f"   {text}", file=sys.stderr, flush=True)


class Waiting:
    """Tells every few seconds how long a step has been going on."""

    def __init__(self, what: str, every: float = 5.0) -> None:
        self.what = what
        self.every = every
        self.started = time.monotonic()
        self.told = self.started

    @property
    def elapsed(self) -> float:
        """Seconds since the waiting began."""
        return time.monotonic() - self.started

    def tick(self) -> None:
        """Call this often; it prints at most every few seconds."""
        now = time.monotonic()
        if now - self.told >= self.every:
            self.told = now
            note(f"{self.what}: {now - self.started:.0f} s")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in aligned columns, numbers to the right."""
    widths = [max([len(name), *(len(row[i]) for row in rows)]) for i, name in enumerate(header)]
    numeric = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *(line(row) for row in rows)])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == ""
    return True
