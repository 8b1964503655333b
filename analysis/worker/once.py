"""Run one job from the shell: ``python -m analysis.worker.once FOLDER``, as the cluster and `make job-check` do."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.sandbox.supervisor import Terms, supervise


def main(arguments: list[str] | None = None) -> int:
    """Run the job in a folder to its end; 0 when it completed, 1 when not, 2 when another process runs it."""
    parser = argparse.ArgumentParser(prog="python -m analysis.worker.once", description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of the job, with job.json")
    parser.add_argument("--no-sandbox", action="store_true", help="limits and a watch only, no namespaces")
    parser.add_argument("--notify", metavar="SOCKET", help="datagram socket that gets the job's id at the end")
    given = parser.parse_args(arguments)
    if not given.folder.is_dir():
        parser.error(f"there is no folder {given.folder}.")
    status = supervise(given.folder.resolve(), Terms(sandboxed=not given.no_sandbox, notify=given.notify))
    if status is None:
        print(f"{given.folder}: this job runs already.", file=sys.stderr)
        return 2
    if status.message:
        print(status.message, file=sys.stderr)
    return 0 if status.reason == "completed" else 1


if __name__ == "__main__":
    sys.exit(main())
