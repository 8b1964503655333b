"""Command line of the benchmarks: `python -m bench [part]`."""

from __future__ import annotations

import argparse
import fcntl
import signal
import sys
from pathlib import Path

from bench import events, harvest, jobs, provenance, queries, rows, services
from bench.instance import CHECKOUT, Bench, BenchError
from bench.report import Report
from bench.timing import Patience

PARTS = ("harvest", "rows", "queries", "services", "events", "provenance", "jobs", "all")
OUT = CHECKOUT / "bench" / "out"


def main() -> int:
    """Measure, print the table, write the JSON files; exit status 1 if a requirement is missed (0 with --quick)."""
    options = parse()
    OUT.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open(OUT / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("error: another benchmark is running in this checkout; run this one after it.", file=sys.stderr)
            return 2
        try:
            report = measure(options)
        except BenchError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    print(report.text())
    if options.quick:
        print("\nThese sizes are too small to judge speed by: a quick run tells that everything works.")
    report.write()
    print(f"\nall measurements: {OUT}/*.json")
    return int(report.failed and not options.quick)


def measure(options: argparse.Namespace) -> Report:
    """Run the chosen parts on an instance of their own."""
    report = Report(OUT)
    bench = Bench(options.state)
    patience = Patience(1, 1, 0) if options.quick else Patience(options.repeat, 3 * options.repeat, options.patience)
    bench.create()
    try:
        if options.part in ("harvest", "all"):
            harvest.run(bench, report, options.files, patience, extras=not options.quick)
        if options.part in ("rows", "all"):
            rows.run(bench, report, options.rows, patience)
        if options.part == "queries":
            rows.fill(bench, options.rows)
        if options.part in ("queries", "all"):
            queries.run(bench, report, patience)
        if options.part in ("services", "all"):
            services.run(bench, report, quick=options.quick)
        if options.part in ("events", "all"):
            events.run(bench, report, options.events, options.repeat)
        if options.part in ("provenance", "jobs", "all"):
            provenance.run(bench, report, options.activities, patience)
        if options.part in ("jobs", "all"):
            jobs.run(bench, report, quick=options.quick)
    finally:
        if not options.keep:
            bench.remove()
    return report


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="bench", description="measure the archive; see docs/performance.md")
    parser.add_argument("part", nargs="?", default="all", choices=PARTS)
    parser.add_argument("--files", type=int, help="files to import (default 600)")
    parser.add_argument("--rows", type=int, help="synthetic observations (default 100000)")
    parser.add_argument("--events", type=int, help="photon events (default 10000000)")
    parser.add_argument("--activities", type=int, help="activities in the provenance (default 1000000)")
    parser.add_argument("--repeat", type=int, default=3, help="quiet measurements of each thing (default 3)")
    parser.add_argument("--patience", type=float, default=300, help="seconds to wait, all in all, for a quiet machine")
    parser.add_argument("--quick", action="store_true", help="small sizes, once: does it work, not how fast is it")
    parser.add_argument("--state", type=Path, default=CHECKOUT / "var-bench", help="folder of the instance")
    parser.add_argument("--keep", action="store_true", help="leave the instance there, running")
    options = parser.parse_args()
    options.files = max(options.files or (90 if options.quick else 600), harvest.SMALL + 1)
    options.rows = max(options.rows or (5000 if options.quick else 100_000), 1000)
    options.events = options.events or (1_200_000 if options.quick else 10_000_000)
    options.activities = max(options.activities or (1200 if options.quick else 1_000_000), provenance.DEPTH)
    return options


if __name__ == "__main__":
    sys.exit(main())
