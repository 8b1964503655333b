"""The warm parent: ``python -m analysis.worker --socket FD``, started by the local executor.

It imports what jobs need, says ``{"ready": true}``, and then answers each line ``{"folder": …}`` with
``{"pid": …, "start": …, "boot": …}`` of the supervisor that runs the job in that folder. It ends when the other side
closes; jobs that run go on.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from analysis.sandbox.process import Process
from analysis.sandbox.supervisor import Terms, supervise
from analysis.worker.warm import warm_up


def main() -> int:
    """Serve until the other side closes."""
    parser = argparse.ArgumentParser(prog="python -m analysis.worker", description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="descriptor of a connected stream socket")
    parser.add_argument("--no-sandbox", action="store_true")
    parser.add_argument("--notify", metavar="SOCKET", help="datagram socket that is told of ends")
    given = parser.parse_args()
    channel = socket.socket(fileno=given.socket)
    terms = Terms(sandboxed=not given.no_sandbox, notify=given.notify)
    warm_up()
    n_threads = len(list(Path("/proc/self/task").iterdir()))
    if n_threads != 1:
        print(f"the warm parent has {n_threads} threads: jobs forked from it may hang", file=sys.stderr, flush=True)
    # Supervisors are collected by the kernel; they themselves need to wait for their children again.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    channel.sendall(b'{"ready": true}\n')
    with channel.makefile("rb") as lines:
        for line in lines:
            channel.sendall(_start(Path(json.loads(line)["folder"]), terms).encode() + b"\n")
    return 0


def _start(folder: Path, terms: Terms) -> str:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        pid = os.fork()
    except OSError as exc:
        return json.dumps({"error": f"no process can be started: {exc}"})
    if pid == 0:
        _supervise(folder, terms)
    process = Process.of(pid)
    if process is None:
        return json.dumps({"error": f"process {pid} ended at once; its log says why"})
    return process.text


def _supervise(folder: Path, terms: Terms) -> NoReturn:
    code = 1
    try:
        # A session of its own: signals to the service and its terminal do not reach the job.
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.closerange(3, 2**20)
        supervise(folder, terms)
        code = 0
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
