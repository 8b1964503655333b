"""Runs the TAP examples on the synthetic observations: which index each uses, and how long it takes."""

from __future__ import annotations

import json
import re
import statistics
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harvest import INSIDE
from bench.instance import CHECKOUT, PYTHON, Bench, BenchError
from bench.report import Report
from bench.timing import Patience

EXAMPLES = CHECKOUT / "config" / "userconfig.rd"
BIG_TABLE = "dataset"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found out about one example."""

    title: str
    rows: int
    plan_ms: float
    http_ms: float
    indexes: tuple[str, ...]
    scanned: tuple[str, ...]


def run(bench: Bench, report: Report, patience: Patience) -> None:
    """Measure every example, directly in the database and through TAP."""
    queries = examples(EXAMPLES)
    bench.operate("start")
    floor = latency(bench, "SELECT TOP 1 name FROM cta.collection", patience)
    measured = []
    for (title, query), sql in zip(queries, translate(bench, [query for _, query in queries]), strict=True):
        plan = explain(bench, sql)
        nodes = list(all_nodes(plan["Plan"]))
        indexes = sorted({node["Index Name"] for node in nodes if "Index Name" in node})
        scanned = sorted({node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"})
        http = latency(bench, query, patience)
        rows, spent = plan["Plan"]["Actual Rows"], plan["Planning Time"] + plan["Execution Time"]
        measured.append(Measured(title, rows, spent, http, tuple(indexes), tuple(scanned)))
    report.section(
        "queries",
        "the TAP examples on those rows; latency through sync TAP",
        {"examples": [vars_of(one) for one in measured]},
    )
    report.line("any TAP query", floor, "ms", "one row of a small table: the floor")
    for one in measured:
        scans = f"; reads all of {', '.join(one.scanned)}" if one.scanned else ""
        remark = f"database {one.plan_ms:.1f} ms, {one.rows} rows, {', '.join(one.indexes) or 'no index'}{scans}"
        report.line(one.title, one.http_ms, "ms", remark)
    good = sum(BIG_TABLE not in one.scanned for one in measured)
    bad = ", ".join(one.title for one in measured if BIG_TABLE in one.scanned)
    report.require("examples that do not read all of cta.dataset", good, len(measured), bad and f"these do: {bad}")


def vars_of(one: Measured) -> dict[str, object]:
    """Return what was measured for the JSON file."""
    return {name: getattr(one, name) for name in Measured.__slots__}


def examples(path: Path) -> list[tuple[str, str]]:
    """Return titles and ADQL of the site's TAP examples."""
    found = []
    for element in xml.etree.ElementTree.parse(path).iter("meta"):
        if element.get("name") != "_example":
            continue
        for query in re.findall(r"\.\. tapquery::\n(.*?)(?=\n\s*\.\. |\Z)", element.text or "", re.DOTALL):
            found.append((element.get("title", "?"), " ".join(query.split())))
    if not found:
        raise BenchError(f"{path} holds no TAP examples.")
    return found


def translate(bench: Bench, queries: list[str]) -> list[str]:
    """Return the SQL that the TAP service makes of ADQL."""
    script = INSIDE / "plans.py"
    source = bench.instance.state / "bench-queries.json"
    source.write_text(json.dumps(queries))
    bench.give(source)
    return list(json.loads(bench.run([PYTHON, "-c", script.read_text(), source])))


def explain(bench: Bench, sql: str) -> dict[str, Any]:
    """Return the plan of a query that was run once before, under the settings TAP uses."""
    # DaCHS turns sequential scans off for what contains q3c (its setting q3cPlannerHack).
    settings = "SET cursor_tuple_fraction=1;" + ("SET enable_seqscan=off;" if "q3c_" in sql else "")
    bench.sql(f"{settings}{sql}")
    plan = json.loads(bench.sql(f"{settings}EXPLAIN (ANALYZE, FORMAT JSON) {sql}"))[0]
    assert isinstance(plan, dict)
    return plan


def all_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a node of a plan and all below it."""
    yield node
    for child in node.get("Plans", ()):
        yield from all_nodes(child)


def latency(bench: Bench, query: str, patience: Patience) -> float:
    """Return the median milliseconds of whole requests, after one that warms up."""
    parameters = urllib.parse.urlencode({"LANG": "ADQL", "REQUEST": "doQuery", "QUERY": query}).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    times = []
    patience.wait()
    for _ in range(2 + 2 * patience.wanted):
        started = time.perf_counter()
        with opener.open(f"{bench.instance.url}/tap/sync", parameters, timeout=120) as answer:
            answer.read()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:]) * 1e3
