"""Running other programs: with a log, with a time that is told, in process groups that can be ended."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.console import Waiting
from ops.errors import OperatorError
from ops.instance import open_log


def start_in_background(command: Sequence[str | Path], log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output going to the end of the log."""
    descriptor = open_log(log)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=env,
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


def run_logged(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    env: Mapping[str, str],
    *,
    advice: str = "",
    cwd: Path | None = None,
) -> str:
    """Run a command to its end, its output going to the log; return that output.

    Raises
    ------
    OperatorError
        If the command fails; the sentence has the last lines of its output.
    """
    words = [str(word) for word in command]
    descriptor = open_log(log)
    try:
        os.write(descriptor, f"\n$ {' '.join(words)}\n".encode())
        begin = os.fstat(descriptor).st_size
        try:
            child = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, env=dict(env), cwd=cwd or "/"
            )
        except FileNotFoundError as error:
            raise OperatorError(f"{what}: {words[0]} is not installed. Run `ops/install.sh server`.") from error
        wait_telling(child, what)
    finally:
        os.close(descriptor)
    with open(log, "rb") as stream:
        stream.seek(begin)
        output = stream.read().decode(errors="replace")
    if child.returncode:
        raise OperatorError(failure_sentence(what, output, log, advice))
    return output


def wait_telling(child: subprocess.Popen[bytes], what: str) -> None:
    """Wait for a child and tell now and then that it still works; an interrupt ends the child as well."""
    waiting = Waiting(what)
    try:
        while True:
            try:
                child.wait(timeout=0.5)
                return
            except subprocess.TimeoutExpired:
                waiting.tick()
    except BaseException:
        child.terminate()
        child.wait()
        raise


def failure_sentence(what: str, output: str, log: Path, advice: str = "") -> str:
    """Compose what the operator is told when a program failed."""
    reason = last_meaningful_line(output)
    return f"{what} failed: {reason or 'it gave no reason'} The whole output is in {log}." + (
        f" {advice}" if advice else ""
    )


def last_meaningful_line(output: str) -> str:
    """Return the line of a program's output that says best why it failed, as a sentence."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    marked = [index for index, line in enumerate(lines) if line.startswith("*** Error:")]
    if marked:
        paragraph = [lines[marked[-1]].removeprefix("*** Error:")]
        for line in lines[marked[-1] + 1 : marked[-1] + 12]:
            if line.startswith(("***", "Hint:")) or re.match(r"[A-Z][\w ]+:$", line):
                break
            paragraph.append(line)
        chosen = " ".join(part.strip() for part in paragraph)
        chosen = re.sub(r"(?<=\w)- (?=\w)", "-", chosen)  # DaCHS breaks lines behind hyphens
    else:
        telling = [
            line for line in lines if re.search(r"\b(error|fatal|panic|exception|failed)\b", line, re.IGNORECASE)
        ]
        chosen = (telling or lines or [""])[-1]
    chosen = chosen.strip()
    return chosen if not chosen or chosen[-1] in ".!?" else chosen + "."


def is_alive(pid: int) -> bool:
    """Say whether a process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def living() -> list[int]:
    """Return the numbers of all processes that are not zombies."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and is_alive(int(entry.name))]


def command_line(pid: int) -> list[str]:
    """Return the words with which a process was started; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def end_group(pid: int, patience: float = 15.0) -> None:
    """End the process group of `pid`: politely, and after `patience` seconds by force."""
    waiting = Waiting("waiting for the server to end")
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, signal_number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while is_alive(pid):
            if time.monotonic() > deadline:
                break
            waiting.tick()
            time.sleep(0.05)
        else:
            return


def port_is_free(port: int) -> bool:
    """Say whether nothing listens on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise OperatorError(
                f"an ordinary user may not use port {port}. Choose one above 1023: PORT=8080."
            ) from None
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port nothing listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
