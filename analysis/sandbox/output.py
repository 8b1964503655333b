"""What comes out of a job's pipes: its log, and the report of how it went."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

MAX_LOG_BYTES = 10 * 2**20
_MAX_REPORT_BYTES = 2**17
_BLOCK = 2**16


class Log:
    """``log.txt`` of a job: what it prints, up to `MAX_LOG_BYTES`; the rest is dropped while the job goes on."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._left = MAX_LOG_BYTES

    def read_from(self, pipe: int) -> bool:
        """Take a block from the pipe; False at its end."""
        block = os.read(pipe, _BLOCK)
        if self._left > 0:
            os.write(self._file, block[: self._left])
            self._left -= len(block)
            if self._left <= 0:
                self.add(f"[The rest is dropped: a log has at most {MAX_LOG_BYTES // 2**20} MB.]")
        return bool(block)

    def add(self, line: str) -> None:
        """Add a line of the supervisor's."""
        os.write(self._file, f"\n{line}\n".encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Outcome:
    """What the job's processes have said of themselves. Scripts can write there too: nothing in it is trusted."""

    def __init__(self) -> None:
        self._data = b""
        self.inside = False
        self.reason: str | None = None
        self.message = ""
        self.exit_code: int | None = None
        self.software: dict[str, str] = {}

    def read_from(self, pipe: int) -> bool:
        """Take what is in the pipe; False at its end."""
        block = os.read(pipe, _BLOCK)
        self._data += block
        if len(self._data) > _MAX_REPORT_BYTES:
            self._data = b""
        *lines, self._data = self._data.split(b"\n")
        for line in lines:
            self._take(line)
        return bool(block)

    def _take(self, line: bytes) -> None:
        try:
            values: Any = json.loads(line)
        except ValueError:
            return
        if not isinstance(values, dict):
            return
        self.inside = self.inside or values.get("inside") is True
        if values.get("reason") in ("completed", "error", "memory", "disk", "sandbox"):
            self.reason = values["reason"]
            self.message = str(values.get("message", ""))
        if isinstance(values.get("exit_code"), int):
            self.exit_code = values["exit_code"]
        if isinstance(values.get("software"), dict):
            self.software = {str(name): str(version) for name, version in values["software"].items()}
