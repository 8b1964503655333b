"""Measures the import of files, and compares it with merely gunzipping them and with DaCHS's stock grammar."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.files import copy_files, originals
from bench.instance import CHECKOUT, PYTHON, Bench
from bench.report import Report
from bench.timing import Patience, Sample, Samples, in_turns, measure, quietest_core

INSIDE = Path(__file__).resolve().parent / "inside"
STOCK_FOLDER = Path(__file__).resolve().parent / "stock"
# The import of this few files is taken for the fixed cost of an import.
SMALL = 30
GUNZIP_WAYS = ("zlib-module", "gzip-module", "gzip-program")
FASTER_WAY = "isal"
ONE_CORE, ALL_CORES = "import, one core", "import, all cores"
WITHOUT_ISAL = "import without isal, one core"
STOCK, STOCK_BARE = "stock RD, one core", "stock RD without footprint, one core"
UNCHANGED = "import, nothing new"
COLLECTION_FILE = CHECKOUT / "inputs" / "cta" / "collections" / "hess-dl3-dr1.toml"
IMPORT = ("imp", "cta/q", "import")
MIN_OF_GUNZIP = 0.6
MIN_OF_ONE_CORE = 1.7


@dataclass(frozen=True, slots=True)
class Cost:
    """What one file costs, in seconds of the clock and of processors; `fixed` is what an import costs besides."""

    elapsed: float
    cpu: float
    fixed: float = 0.0
    disturbed: bool = False

    def describe(self) -> str:
        """Return the cost in words."""
        return f"{self.elapsed * 1e3:.2f} ms a file (processor {self.cpu * 1e3:.2f})"


def run(bench: Bench, report: Report, n_files: int, patience: Patience, *, extras: bool) -> None:
    """Measure everything in turns and report it; `extras` are measured for information only."""
    what, found = originals(bench)
    room = bench.instance.state / "bench-files"
    folders = {size: room / size for size in ("small", "large")}
    n_bytes = 0
    for size, count in (("small", SMALL), ("large", n_files)):
        n_bytes = copy_files(found, count, folders[size])
        offer(bench, folders[size], size)
    bench.give(room)
    offer_to_stock(bench, folders)
    results = in_turns(cases(bench, folders["large"], extras=extras), patience)
    bench.dachs(["drop", "--all", "stock/q"])
    bench.empty()
    report.section(
        "harvest",
        f"{n_files} files made of {what}, {n_bytes / n_files / 1e6:.2f} MB each; net of an import of {SMALL}",
        {name: samples.as_json() for name, samples in results.items()},
    )
    tell_results(report, results, n_files)


def cases(bench: Bench, folder: Path, *, extras: bool) -> dict[str, Callable[[], Sample]]:
    """Return the things to measure, by name."""
    ways = list(GUNZIP_WAYS)
    kinds: dict[str, Callable[[str], Sample]] = {
        ONE_CORE: functools.partial(imported, bench, one_core=True),
        ALL_CORES: functools.partial(imported, bench, one_core=False),
        STOCK: functools.partial(stock_imported, bench, "main"),
    }
    if extras:
        kinds[STOCK_BARE] = functools.partial(stock_imported, bench, "bare")
    if extras and (bench.instance.lib / FASTER_WAY).exists():
        ways.append(FASTER_WAY)
        kinds[WITHOUT_ISAL] = functools.partial(imported_without_isal, bench)
    found: dict[str, Callable[[], Sample]] = {
        f"gunzip, {way}": functools.partial(gunzip, bench, way, folder) for way in ways
    }
    for kind, action in kinds.items():
        for size in ("small", "large"):
            found[f"{kind}, {size}"] = functools.partial(action, size)
    if extras:
        found[UNCHANGED] = functools.partial(unchanged, bench, "large")
    return found


def offer(bench: Bench, folder: Path, name: str) -> None:
    """Link a folder as a collection, described like the real one."""
    room = bench.instance.resource_dir
    (room / "data" / name).symlink_to(folder)
    # files are measured here, not their events (bench.events does that)
    described = COLLECTION_FILE.read_text().replace("events = true", "events = false")
    (room / "collections" / f"{name}.toml").write_text(described)
    bench.give(room / "collections" / f"{name}.toml")


def offer_to_stock(bench: Bench, folders: dict[str, Path]) -> None:
    """Put the stock RD and copies of the files below the instance's inputs."""
    place = bench.put(STOCK_FOLDER, bench.instance.inputs / "stock")
    for name, folder in folders.items():
        shutil.copytree(folder, place / "data" / name)
    bench.give(place)


def gunzip(bench: Bench, way: str, folder: Path) -> Sample:
    """Gunzip the files one after the other on one core."""
    core, printed = quietest_core(), ""

    def work() -> None:
        nonlocal printed
        printed = bench.run([PYTHON, "-c", (INSIDE / "gunzip.py").read_text(), way, folder], core=core)

    sample = measure(work, [core], lambda: 0.0)
    elapsed, cpu = map(float, printed.split())
    return Sample(elapsed, cpu, sample.foreign * elapsed / sample.elapsed)


def imported(bench: Bench, size: str, *, one_core: bool) -> Sample:
    """Import a collection into empty tables."""
    bench.empty()
    core = quietest_core() if one_core else None
    extra = {"CTA_IMPORT_PROCESSES": "1"} if one_core else {}
    return bench.timed_dachs(IMPORT, {"CTA_COLLECTION": size, **extra}, core)


def imported_without_isal(bench: Bench, size: str) -> Sample:
    """Import as on a site where the faster gunzip could not be installed."""
    lib = bench.instance.lib
    hidden = lib.with_name(lib.name + ".hidden")
    lib.rename(hidden)
    try:
        return imported(bench, size, one_core=True)
    finally:
        hidden.rename(lib)


def unchanged(bench: Bench, size: str) -> Sample:
    """Import a collection again in which nothing has changed."""
    bench.dachs(IMPORT, {"CTA_COLLECTION": size})
    return bench.timed_dachs(IMPORT, {"CTA_COLLECTION": size})


def stock_imported(bench: Bench, variant: str, size: str) -> Sample:
    """Import the same files with the stock RD on one core."""
    bench.empty()
    return bench.timed_dachs(["imp", "stock/q", f"{variant}-{size}"], core=quietest_core())


def net(results: dict[str, Samples], name: str, n_files: int) -> Cost:
    """Return the cost of one more file: the fixed cost of an import is taken out."""
    small, large = results[f"{name}, small"], results[f"{name}, large"]
    elapsed = (large.elapsed - small.elapsed) / (n_files - SMALL)
    cpu = (large.cpu - small.cpu) / (n_files - SMALL)
    return Cost(elapsed, cpu, small.elapsed - SMALL * elapsed, small.disturbed or large.disturbed)


def tell_results(report: Report, results: dict[str, Samples], n_files: int) -> None:
    """Put the figures into the table and judge them."""
    ways = {
        name: Cost(samples.elapsed / n_files, samples.cpu / n_files, disturbed=samples.disturbed)
        for name, samples in results.items()
        if name.startswith("gunzip")
    }
    for name, cost in ways.items():
        report.line(f"{name}, one core", 1 / cost.elapsed, "files/s", cost.describe())
    costs = {}
    for name in (ONE_CORE, ALL_CORES, WITHOUT_ISAL, STOCK, STOCK_BARE):
        if f"{name}, large" not in results:
            continue
        cost = costs[name] = net(results, name, n_files)
        report.line(f"{name}, net", 1 / cost.elapsed, "files/s", f"{cost.describe()}, fixed {cost.fixed:.2f} s")
        gross = results[f"{name}, large"].elapsed
        report.line(f"{name}, gross", n_files / gross, "files/s", f"{gross:.2f} s, start of dachs included")
    if UNCHANGED in results:
        report.line(UNCHANGED, results[UNCHANGED].elapsed, "s", f"{n_files} files looked at")
    judge(report, ways, costs)


def judge(report: Report, ways: dict[str, Cost], costs: dict[str, Cost]) -> None:
    """Compare the costs of one more file, and judge what has to reach a limit."""
    one, all_cores = costs[ONE_CORE], costs[ALL_CORES]
    yardsticks = {name: cost for name, cost in ways.items() if FASTER_WAY not in name}
    way = min(yardsticks, key=lambda name: yardsticks[name].elapsed)
    compare(report, "import / gunzip", yardsticks[way], one, MIN_OF_GUNZIP, f"quickest: {way}")
    if WITHOUT_ISAL in costs:
        compare(report, "import without isal / gunzip", yardsticks[way], costs[WITHOUT_ISAL])
    n_cores = len(os.sched_getaffinity(0))
    ratio, disturbed = one.elapsed / all_cores.elapsed, one.disturbed or all_cores.disturbed
    if n_cores == 2:
        report.require("import, two cores / one core", ratio, MIN_OF_ONE_CORE, disturbed=disturbed)
    else:
        report.line(f"import, {n_cores} cores / one core", ratio, "", f"with two: {MIN_OF_ONE_CORE} needed")
    compare(report, "import / stock RD", costs[STOCK], one, 1.0)
    if STOCK_BARE in costs:
        compare(report, "import / stock RD without footprint", costs[STOCK_BARE], one)


def compare(report: Report, name: str, other: Cost, ours: Cost, needed: float | None = None, remark: str = "") -> None:
    """Report how many times our rate on one core is the other's; by processor time where the clock is no guide."""
    disturbed = other.disturbed or ours.disturbed
    by_clock, by_processor = other.elapsed / ours.elapsed, other.cpu / ours.cpu
    told = f"by the clock {by_clock:.2f}, by processor time {by_processor:.2f}"
    remark = f"{told}; {remark}" if remark else told
    if needed is None:
        report.line(name, by_processor if disturbed else by_clock, "", f"{remark}; for information")
    else:
        report.require(name, by_processor if disturbed else by_clock, needed, remark, disturbed=disturbed)
