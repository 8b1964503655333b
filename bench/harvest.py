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
STOCK = Path(__file__).resolve().parent / "stock"
# The import of this few files is taken for the fixed cost of an import.
SMALL = 30
GUNZIP_WAYS = ("zlib-module", "gzip-module", "gzip-program")
FASTER_WAY = "isal"
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


def run(bench: Bench, report: Report, n_files: int, patience: Patience) -> None:
    """Measure everything in turns and report it."""
    what, found = originals(bench)
    folders = {
        "small": bench.instance.state / "bench-files" / "small",
        "large": bench.instance.state / "bench-files" / "large",
    }
    n_bytes = 0
    for name, count in (("small", SMALL), ("large", n_files)):
        n_bytes = copy_files(found, count, folders[name])
        offer(bench, folders[name], name)
    bench.give(folders["small"].parent)
    offer_to_stock(bench, folders)
    has_isal = (bench.instance.lib / FASTER_WAY).exists()
    results = in_turns(cases(bench, folders, has_isal), patience)
    bench.dachs(["drop", "--all", "stock/q"])
    bench.empty()
    report.section(
        "harvest",
        f"{n_files} files made of {what}, {n_bytes / n_files / 1e6:.2f} MB each; net of an import of {SMALL}",
        {name: samples.as_json() for name, samples in results.items()},
    )
    tell_results(report, results, n_files)


def cases(bench: Bench, folders: dict[str, Path], has_isal: bool) -> dict[str, Callable[[], Sample]]:
    """Return the things to measure, by name."""
    ways = (*GUNZIP_WAYS, FASTER_WAY) if has_isal else GUNZIP_WAYS
    found: dict[str, Callable[[], Sample]] = {
        f"gunzip {way}": functools.partial(gunzip, bench, way, folders["large"]) for way in ways
    }
    kinds: dict[str, Callable[[str], Sample]] = {
        "one core": functools.partial(imported, bench, one_core=True),
        "all cores": functools.partial(imported, bench, one_core=False),
        "stock RD": functools.partial(stock_imported, bench, "main"),
        "stock RD without footprint": functools.partial(stock_imported, bench, "bare"),
    }
    if has_isal:
        kinds["one core without isal"] = functools.partial(imported_without_isal, bench)
    for kind, action in kinds.items():
        for size in folders:
            found[f"{kind}, {size}"] = functools.partial(action, size)
    found["nothing new"] = functools.partial(unchanged, bench, "large")
    return found


def offer(bench: Bench, folder: Path, name: str) -> None:
    """Link a folder as a collection, described like the real one."""
    room = bench.instance.resource_dir
    (room / "data" / name).symlink_to(folder)
    shutil.copyfile(COLLECTION_FILE, room / "collections" / f"{name}.toml")
    bench.give(room / "collections" / f"{name}.toml")


def offer_to_stock(bench: Bench, folders: dict[str, Path]) -> None:
    """Put the stock RD and copies of the files below the instance's inputs."""
    place = bench.put(STOCK, bench.instance.inputs / "stock")
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
    ways = {way: results[f"gunzip {way}"].elapsed / n_files for way in GUNZIP_WAYS}
    way, yardstick = min(ways.items(), key=lambda item: item[1])
    for name, seconds in ways.items():
        report.line(f"gunzip, {name}, one core", 1 / seconds, "files/s", f"{seconds * 1e3:.2f} ms a file")
    if f"gunzip {FASTER_WAY}" in results:
        seconds = results[f"gunzip {FASTER_WAY}"].elapsed / n_files
        report.line("gunzip, isal (no yardstick)", 1 / seconds, "files/s", f"{seconds * 1e3:.2f} ms a file")
    costs = {}
    for name in ("one core", "all cores", "one core without isal", "stock RD", "stock RD without footprint"):
        if f"{name}, large" not in results:
            continue
        cost = costs[name] = net(results, name, n_files)
        remark = f"{cost.elapsed * 1e3:.2f} ms a file (processor {cost.cpu * 1e3:.2f}), fixed {cost.fixed:.2f} s"
        label = f"{name}, one core" if "stock" in name else f"import, {name}"
        report.line(f"{label}, net", 1 / cost.elapsed, "files/s", remark)
        gross = results[f"{name}, large"].elapsed
        report.line(f"{label}, gross", n_files / gross, "files/s", f"{gross:.2f} s, start of dachs included")
    report.line("import, nothing new", results["nothing new"].elapsed, "s", f"{n_files} files looked at")
    one, both = costs["one core"].elapsed, costs["all cores"].elapsed
    shaky = {name for name, samples in results.items() if samples.disturbed}

    def require(name: str, value: float, needed: float, remark: str, *used: str) -> None:
        report.require(name, value, needed, remark, disturbed=any(one.startswith(used) for one in shaky))

    name = "import, one core / gunzip"
    require(name, yardstick / one, MIN_OF_GUNZIP, f"net; yardstick: {way}", "gunzip", "one core,")
    if "one core without isal" in costs:
        without = costs["one core without isal"].elapsed
        report.line("  the same without isal", yardstick / without, "", "for information")
    n_cores = len(os.sched_getaffinity(0))
    if n_cores == 2:
        require("import, two cores / one core", one / both, MIN_OF_ONE_CORE, "net", "one core,", "all cores")
    else:
        report.line(f"import, {n_cores} cores / one core", one / both, "", f"with two: {MIN_OF_ONE_CORE} needed")
    require("import / stock RD, one core", costs["stock RD"].elapsed / one, 1.0, "net", "one core,", "stock RD,")
    bare = costs["stock RD without footprint"].elapsed
    report.line("import / stock RD without footprint", bare / one, "", "for information: it reads the beginnings only")
