# SPDX-License-Identifier: GPL-3.0-or-later
"""Command ``python3 -m sample OUT``: write the sample archive."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from sample.archive import DEFAULT_EVENTS, DEFAULT_RUNS, DEFAULT_SEED, Archive, SampleError, generate


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : list of str, optional
        Command line without the program's name; by default that of the process.

    Returns
    -------
    int
        Exit status: 0 if the archive is there, 1 if not.
    """
    options = _parser().parse_args(arguments)
    start_s = time.monotonic()
    try:
        archive = generate(options.out, options.runs, options.events, options.seed, options.jobs)
    except (SampleError, OSError) as error:
        print(f"sample: {error}", file=sys.stderr)
        return 1
    print(_sentence(archive, time.monotonic() - start_s))
    return 0


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m sample",
        description="Write a deterministic archive of simulated CTA-like observations (GADF DL3).",
        epilog="Does nothing if OUT already holds the archive with the same parameters.",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write")
    parser.add_argument("--runs", type=int, default=DEFAULT_RUNS, help="number of runs (default %(default)s)")
    parser.add_argument(
        "--events", type=float, default=DEFAULT_EVENTS, help="mean number of events per run (default %(default)g)"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="seed (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=None, help="processes (default: one per processor)")
    return parser


def _sentence(archive: Archive, elapsed_s: float) -> str:
    """Summary in one line."""
    content = (
        f"{archive.runs} runs ({archive.proprietary_runs} proprietary), {archive.events} events, "
        f"{archive.size_bytes / 1e6:.1f} MB"
    )
    if archive.created:
        return f"Sample archive written to {archive.out}: {content}, {elapsed_s:.1f} s"
    return f"Sample archive in {archive.out} is up to date: {content}; nothing to do"


if __name__ == "__main__":
    sys.exit(main())
