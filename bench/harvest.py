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
class Net:
    """What one more file costs, in seconds; the fixed cost of a run is taken out."""

    elapsed: float
    cpu: float
    fixed: float


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
    shutil.copyfile(COLLECTION_FILE, room / "collections" / f"{name}.toml")
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
    seconds = float(printed)
    return Sample(seconds, sample.cpu, sample.foreign * seconds / sample.elapsed)


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


def net(results: dict[str, Samples], name: str, n_files: int) -> Net:
    """Return the cost of one more file."""
    small, large = results[f"{name}, small"], results[f"{name}, large"]
    elapsed = (large.elapsed - small.elapsed) / (n_files - SMALL)
    return Net(elapsed, (large.cpu - small.cpu) / (n_files - SMALL), small.elapsed - SMALL * elapsed)


def tell_results(report: Report, results: dict[str, Samples], n_files: int) -> None:
    """Put the figures into the table and judge them."""
    ways = {name: samples.elapsed / n_files for name, samples in results.items() if name.startswith("gunzip")}
    for name, seconds in ways.items():
        report.line(f"{name}, one core", 1 / seconds, "files/s", f"{seconds * 1e3:.2f} ms a file")
    costs = {}
    for name in (ONE_CORE, ALL_CORES, WITHOUT_ISAL, STOCK, STOCK_BARE):
        if f"{name}, large" not in results:
            continue
        cost = costs[name] = net(results, name, n_files)
        remark = f"{cost.elapsed * 1e3:.2f} ms a file (processor {cost.cpu * 1e3:.2f}), fixed {cost.fixed:.2f} s"
        report.line(f"{name}, net", 1 / cost.elapsed, "files/s", remark)
        gross = results[f"{name}, large"].elapsed
        report.line(f"{name}, gross", n_files / gross, "files/s", f"{gross:.2f} s, start of dachs included")
    if UNCHANGED in results:
        report.line(UNCHANGED, results[UNCHANGED].elapsed, "s", f"{n_files} files looked at")
    judge(report, results, ways, costs)


def judge(report: Report, results: dict[str, Samples], ways: dict[str, float], costs: dict[str, Net]) -> None:
    """Compare the net costs, and those asked for with what they have to reach."""
    shaky = tuple(name for name, samples in results.items() if samples.disturbed)

    def disturbed(*used: str) -> bool:
        return any(name.startswith(used) for name in shaky)

    one = costs[ONE_CORE].elapsed
    way, yardstick = min((seconds, name) for name, seconds in ways.items() if FASTER_WAY not in name)[::-1]
    remark = f"quickest: {way}"
    report.require("import / gunzip", yardstick / one, MIN_OF_GUNZIP, remark, disturbed=disturbed("gunzip", ONE_CORE))
    if WITHOUT_ISAL in costs:
        report.line("  the same without isal", yardstick / costs[WITHOUT_ISAL].elapsed, "", "for information")
    n_cores, ratio = len(os.sched_getaffinity(0)), one / costs[ALL_CORES].elapsed
    if n_cores == 2:
        shaken = disturbed(ONE_CORE, ALL_CORES)
        report.require("import, two cores / one core", ratio, MIN_OF_ONE_CORE, disturbed=shaken)
    else:
        report.line(f"import, {n_cores} cores / one core", ratio, "", f"with two: {MIN_OF_ONE_CORE} needed")
    ratio = costs[STOCK].elapsed / one
    report.require("import / stock RD", ratio, 1.0, disturbed=disturbed(ONE_CORE, f"{STOCK},"))
    if STOCK_BARE in costs:
        remark = "for information: that one reads only the beginning of each file"
        report.line("import / stock RD without footprint", costs[STOCK_BARE].elapsed / one, "", remark)
