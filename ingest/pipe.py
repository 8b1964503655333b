"""Messages between the import and the processes that read files for it.

These are separate interpreters on pipes: a forked copy of the importer would hold its database connection, and an
importer that is killed would leave its transaction open in the children.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

_LENGTH = struct.Struct(">Q")
_CODE = Path(__file__).resolve().parents[1]


def start(module: str) -> subprocess.Popen[bytes]:
    """Start a module of this program in a process of its own that is spoken to through pipes."""
    path = os.pathsep.join(filter(None, (str(_CODE), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Close a process's pipes, whereupon it ends, and wait for that."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()


def send(stream: IO[bytes], message: object) -> None:
    """Write a message.

    Raises
    ------
    OSError
        When nobody reads any more.
    """
    payload = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read a message.

    Raises
    ------
    EOFError
        When the other end has closed.
    """
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        raise EOFError
    length = _LENGTH.unpack(prefix)[0]
    payload = stream.read(length)
    if len(payload) < length:
        raise EOFError
    # Both ends of the pipe are this program: nothing foreign is ever unpickled here.
    return pickle.loads(payload)
