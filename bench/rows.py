"""Measures synthetic observations going into the tables, without and with indexes, and through DaCHS's own feeder."""

from __future__ import annotations

import dataclasses
import functools
import json
import os

from bench.files import copy_files, originals
from bench.harvest import INSIDE
from bench.instance import Bench
from bench.report import Report
from bench.timing import Patience, Sample, in_turns, measure

MIN_ROWS_PER_SECOND = 4000
# DaCHS's feeder is compared on a part of the rows.
FED_SHARE = 10
TABLES = ("cta.dataset", "cta.hdu_index", "dc.products")


class Rows:
    """Synthetic observations and the ways they can get into the tables."""

    def __init__(self, bench: Bench, count: int) -> None:
        self.bench = bench
        self.count = count
        self.source, found = originals(bench)
        self.folder = bench.instance.state / "bench-template"
        copy_files(found[:8], min(8, len(found)), self.folder)
        bench.give(self.folder)
        bench.put(INSIDE, bench.instance.inputs / "bench")
        self.variables = bench.put_package()
        self.indexes = secondary_indexes(bench)

    def load(self, data_id: str, count: int) -> Sample:
        """Import synthetic observations through DaCHS; the time is that of storing them, without their making."""
        result = self.bench.instance.state / "bench-result.json"
        extra = {"CTA_BENCH_ROWS": str(count), "CTA_BENCH_FILES": str(self.folder), "CTA_BENCH_RESULT": str(result)}
        sample = self.bench.timed_dachs(["imp", "bench/q", data_id], {**self.variables, **extra})
        storing = json.loads(result.read_text())["storing"]
        return Sample(storing, sample.cpu, sample.foreign * storing / sample.elapsed, sample.cores)

    def feed(self, count: int) -> Sample:
        """Send rows through DaCHS's feeder."""
        self.bench.empty()
        return self.load("fed-rows", count)

    def copy_bare(self) -> Sample:
        """Import into empty tables that have their primary keys only."""
        self.bench.empty()
        self.bench.sql("; ".join(f"DROP INDEX IF EXISTS {name}" for name, _ in self.indexes))
        return self.load("copied", self.count)

    def build(self) -> Sample:
        """Build all secondary indexes."""
        statements = "; ".join(["SET maintenance_work_mem='512MB'", *(statement for _, statement in self.indexes)])
        return measure(lambda: self.bench.sql(statements), os.sched_getaffinity(0), self.bench.database_cpu)

    def copy_indexed(self) -> Sample:
        """Import into empty tables with all indexes, as when observations are added to an archive in use."""
        self.bench.empty()
        return self.load("copied", self.count)


def run(bench: Bench, report: Report, n_rows: int, patience: Patience) -> None:
    """Measure and report; the rows are in the tables afterwards, with all indexes."""
    rows = Rows(bench, n_rows)
    n_fed = n_rows // FED_SHARE
    results = in_turns({"feeder": functools.partial(rows.feed, n_fed), "bare": rows.copy_bare}, patience)
    results |= in_turns({"building": rows.build}, dataclasses.replace(patience, limit=1))
    results |= in_turns({"indexed": rows.copy_indexed}, dataclasses.replace(patience, wanted=1, limit=2))
    bench.sql("VACUUM ANALYZE")
    report.section(
        "rows",
        f"{n_rows} observations, each a row of cta.dataset, its HDU rows and a product; varied from {rows.source}",
        {name: samples.as_json() for name, samples in results.items()},
    )
    bare, building, indexed = (results[name].elapsed for name in ("bare", "building", "indexed"))
    fed = results["feeder"].elapsed / n_fed
    report.line("observations into bare tables", n_rows / bare, "rows/s", f"{bare:.1f} s; primary keys only")
    report.line("  and all indexes built after", n_rows / (bare + building), "rows/s", f"indexes {building:.1f} s")
    report.line("observations into indexed tables", n_rows / indexed, "rows/s", f"{indexed:.1f} s")
    report.line("DaCHS's feeder, cta.dataset alone", 1 / fed, "rows/s", f"{n_fed} rows; primary key only")
    report.line("import / DaCHS's feeder", fed * n_rows / bare, "", "both into bare tables")
    disturbed = results["bare"].disturbed
    name, remark = "observations into the tables", "primary keys only"
    report.require(name, n_rows / bare, MIN_ROWS_PER_SECOND, remark, "rows/s", disturbed=disturbed)


def fill(bench: Bench, n_rows: int) -> None:
    """Put the rows into the tables, with all indexes, without measuring."""
    rows = Rows(bench, n_rows)
    rows.copy_bare()
    rows.build()
    bench.sql("VACUUM ANALYZE")


def secondary_indexes(bench: Bench) -> list[tuple[str, str]]:
    """Return names and definitions of the indexes that are no primary keys."""
    tables = ", ".join(f"'{table}'::regclass" for table in TABLES)
    found = bench.sql(
        "SELECT indexrelid::regclass || '|' || pg_get_indexdef(indexrelid) FROM pg_index"
        f" WHERE indrelid IN ({tables}) AND NOT indisprimary ORDER BY 1"
    )
    return [(name, statement) for name, _, statement in (line.partition("|") for line in found.splitlines())]
