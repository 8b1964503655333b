"""Measures photon events going into the database, against a bare COPY of the same rows, and cones on 10^7 of them."""

from __future__ import annotations

import json
import shutil
import statistics

import sample
from bench.harvest import INSIDE
from bench.instance import PYTHON, Bench
from bench.report import Report

EVENTS_A_RUN = 100_000
# Runs of the small table: 10^6 events.
SMALL_RUNS = 10
MIN_COPY_RATIO = 0.5
MAX_CONE_MS = 50.0
MAX_GROWTH = 2.0


def run(bench: Bench, report: Report, n_events: int, repeat: int) -> None:
    """Make the files, load them, ask."""
    folder = bench.state.resolve() / "bench-events"
    shutil.rmtree(folder, ignore_errors=True)
    sample.generate(folder, runs=max(12, n_events // EVENTS_A_RUN), events_per_run=EVENTS_A_RUN, seed=11)
    bench.give(folder)
    script = INSIDE / "events_load.py"
    measured = json.loads(bench.run([PYTHON, "-c", script.read_text(), folder, str(SMALL_RUNS), str(repeat)]))
    rows = measured["turns"][0]["rows"]
    small, large, dense = (measured[name] for name in ("small", "large", "dense"))
    report.section("events", f"{rows} events of gzipped files; cones on {small['rows']} and {large['rows']}", measured)
    ratios = [turn["memory"] / turn["files"] for turn in measured["turns"]]
    for name, what in (("files", "from gzipped files"), ("memory", "bare COPY from memory")):
        seconds = statistics.median(turn[name] for turn in measured["turns"])
        report.line(f"events, {what}", rows / seconds, "rows/s", "indexes are built after")
    report.line("indexes of events", large["rows"] / large["indexing"], "rows/s", "six a partition")
    table, indexes = (size / large["rows"] for size in large["bytes"])
    report.line("bytes an event", table, "B", f"and {indexes:.0f} B of indexes")
    for name in large["cones"]:
        few, many, more = (table["cones"][name] for table in (small, large, dense))
        remark = f"{many['rows']} rows; {few['ms']:.2f} ms in the small table, {few['rows']} rows"
        report.line(f"{name.replace('_', ' ')}, 0.2 deg", many["ms"], "ms", remark)
        report.line("  and with more runs at this place", more["ms"], "ms", f"{more['rows']} rows")
    report.require("events loaded / bare COPY", statistics.median(ratios), MIN_COPY_RATIO)
    cone, cone_small = large["cones"]["cone_10_tev"]["ms"], small["cones"]["cone_10_tev"]["ms"]
    report.require("50 ms / cone above 10 TeV", MAX_CONE_MS / cone, 1.0, f"{cone:.2f} ms")
    report.require("twice the small table's cone / that cone", MAX_GROWTH * cone_small / cone, 1.0)
