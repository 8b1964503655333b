"""Measures provenance: records coming in, one step more in a full table, ancestors by ADQL and by ProvSAP."""

from __future__ import annotations

import json
import random
import shutil
import statistics
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

from bench.instance import Bench
from bench.queries import explain, translate
from bench.report import Report
from bench.timing import Patience, Sample, Samples

DEPTH = 6
CHAINS_A_FILE = 10_000
# Chains that share a calibration, as runs of a night do.
SHARED_BY = 50
MIN_ACTIVITIES_PER_SECOND = 2000
MAX_ADQL_MS = 50
MAX_PROVSAP_MS = 150
STEPS = ("acquire", "calibrate", "parametrise", "reconstruct", "select", "analyse")
_random = random.Random(20261120)


def run(bench: Bench, report: Report, n_activities: int, patience: Patience) -> None:
    """Fill the tables with chains of six steps, then ask for their ancestors."""
    # the tables must be there before an import: that of the set-up makes them
    singles = [single_step(bench, patience)]
    n_chains = max(n_activities // DEPTH, 1)
    started, products, portions = 0, [], Samples()
    while started < n_chains:
        count = min(CHAINS_A_FILE, n_chains - started)
        records, last = chains(started, count)
        products.append(last)
        portions.taken.append(load(bench, records))
        started += count
    bench.sql("VACUUM ANALYZE")
    singles.append(single_step(bench, patience))
    stored = int(bench.sql("SELECT count(*) FROM provenance.activity"))
    pairs = int(bench.sql("SELECT count(*) FROM provenance.progenitors"))
    wanted = [_random.choice(products) for _ in range(5)]
    adql = [ancestors_ms(bench, product) for product in wanted]
    bench.operate("start")
    provsap = [provsap_ms(bench, product) for product in wanted]
    report.section(
        "provenance",
        f"{stored} activities in chains of {DEPTH}, {pairs} pairs of entity and ancestor",
        {"portions": portions.as_json(), "single_step_s": singles, "adql_ms": adql, "provsap_ms": provsap},
    )
    size = min(CHAINS_A_FILE, n_chains) * DEPTH
    rate = size / portions.elapsed
    best = size / min(sample.elapsed for sample in portions.taken)
    report.line("activities/s, best portion", best, "/s", f"of {size} activities")
    report.line("activities a processor second", size / portions.cpu, "/s", "start of dachs imp included")
    report.line("one step more, empty tables", singles[0] * 1e3, "ms", "in the import's transaction")
    report.line("one step more, full tables", singles[-1] * 1e3, "ms", f"with {stored} stored")
    report.require("activities imported", rate, MIN_ACTIVITIES_PER_SECOND, "median", "/s", disturbed=portions.disturbed)
    most_adql, most_provsap = statistics.median(adql), statistics.median(provsap)
    report.line("ancestors of a product by ADQL", most_adql, "ms", f"in the database, at most {MAX_ADQL_MS}")
    report.line("ProvSAP JSON of a product", most_provsap, "ms", f"whole request, at most {MAX_PROVSAP_MS}")
    report.require("times within their limits", (most_adql <= MAX_ADQL_MS) + (most_provsap <= MAX_PROVSAP_MS), 2)


def chains(first: int, count: int) -> tuple[Iterator[dict[str, Any]], str]:
    """Return the records of chains, and the product id at the end of one of them."""
    return (record for number in range(first, first + count) for record in chain(number)), product_id(first, DEPTH - 1)


def product_id(chain_number: int, level: int) -> str:
    """Return the id of what a step of a chain makes."""
    return str(uuid.UUID(int=(chain_number << 8 | level) + (1 << 120)))


def chain(number: int) -> Iterator[dict[str, Any]]:
    """Yield the records of one chain of steps."""
    before: dict[str, Any] = {"url": f"/raw/run_{number}.zfits", "role": "DL0/Event"}
    for level, name in enumerate(STEPS):
        made = product_id(number, level)
        inputs = [before]
        if level == 1:
            night = number // SHARED_BY
            shared = {"CTA PRODUCT ID": str(uuid.UUID(int=night + (2 << 120)))}
            inputs.append({"url": f"/calib/{night}.h5", "role": "Calibration", "reference_meta": shared})
        before = {
            "url": f"/data/run_{number}.dl{level}.h5",
            "role": f"DL{level}/Event",
            "reference_meta": {
                "CTA PRODUCT ID": made,
                "CTA PRODUCT FORMAT": "hdf5",
                "CTA PRODUCT DATA LEVELS": f"DL{level}",
            },
        }
        yield {
            "activity_name": name,
            "activity_uuid": str(uuid.UUID(int=(number << 8 | level) + (3 << 120))),
            "status": "completed",
            "exit_code": 0,
            "start": {"time_utc": f"2026-01-01T{level:02}:00:00.000"},
            "stop": {"time_utc": f"2026-01-01T{level:02}:30:00.000"},
            "system": {
                "ctapipe_version": "0.28.0",
                "arguments": ["/opt/bin/tool", "--level", str(level)],
                "environment": {"USER": "pipeline", "HOME": "/home/pipeline"},
            },
            "input": inputs,
            "output": [before],
            "config": {"Tool": {"cut": 0.5 + level, "method": "hillas"}},
        }


def load(bench: Bench, records: Iterator[dict[str, Any]]) -> Sample:
    """Import records through DaCHS; the time is that of reading and storing them."""
    folder = bench.instance.state / "bench-provenance"
    folder.mkdir(exist_ok=True)
    path, summary = folder / f"{uuid.uuid4()}.provenance.log", bench.instance.state / "bench-provenance.json"
    with path.open("w", encoding="utf-8") as stream:
        for record in records:
            stream.write(json.dumps(record) + "\n")
    bench.give(folder)
    variables = {"CTA_PROVENANCE_FILE": str(path), "CTA_IMPORT_SUMMARY": str(summary)}
    sample = bench.timed_dachs(["imp", "cta/prov", "import"], variables)
    told = json.loads(summary.read_text())
    assert told["exit_status"] == 0, told
    shutil.rmtree(folder)
    seconds = max(float(told["seconds"]), 1e-3)
    return Sample(seconds, sample.cpu, sample.foreign * seconds / sample.elapsed, sample.cores)


def single_step(bench: Bench, patience: Patience) -> float:
    """Return the seconds that one step more takes, the median of several."""
    times = []
    patience.wait()
    for _ in range(5):
        number = _random.randrange(1 << 40, 1 << 41)
        times.append(load(bench, iter([next(chain(number))])).elapsed)
    return statistics.median(times)


def ancestors_ms(bench: Bench, product: str) -> float:
    """Return the milliseconds the database takes for all ancestors of a product, asked in ADQL."""
    query = (
        "SELECT p.ancestor_id, e.name, p.depth FROM provenance.progenitors AS p"
        f" JOIN provenance.entity AS e ON e.id=p.ancestor_id WHERE p.entity_id='product:{product}'"
    )
    plan = explain(bench, translate(bench, [query])[0])
    assert plan["Plan"]["Actual Rows"] >= DEPTH, plan
    return float(plan["Planning Time"] + plan["Execution Time"])


def provsap_ms(bench: Bench, product: str) -> float:
    """Return the milliseconds of a request for the graph of a product, after one that warms up."""
    query = urllib.parse.urlencode({"ID": f"product:{product}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    times = []
    for _ in range(6):
        started = time.perf_counter()
        with opener.open(f"{bench.instance.url}/provsap?{query}", timeout=60) as answer:
            document = json.loads(answer.read())
        times.append(time.perf_counter() - started)
    assert len(document["activity"]) >= DEPTH, document.keys()
    return statistics.median(times[1:]) * 1e3
