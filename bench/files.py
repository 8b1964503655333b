"""Copies of real files to import: H.E.S.S.'s public release where it is at hand, else simulated files of that size."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bench.instance import CHECKOUT, PYTHON, Bench, BenchError

REAL_FILES = CHECKOUT.parent / "shared" / "data" / "dl3" / "hess-dl3-dr1"
VARIABLE = "CTA_BENCH_DATA"
# Gives simulated files of about half a megabyte, the size of the real ones.
SAMPLE_RUNS, SAMPLE_EVENTS = 30, 13000


def originals(bench: Bench) -> tuple[str, list[Path]]:
    """Return what the files are and their paths."""
    folder = Path(os.environ.get(VARIABLE) or REAL_FILES)
    found = data_files(folder)
    if found:
        return f"{len(found)} files of {folder.name}", found
    if os.environ.get(VARIABLE):
        raise BenchError(f"{folder} ({VARIABLE}) holds no *.fits.gz.")
    folder = bench.instance.state / "bench-sample"
    command: list[str | Path] = [PYTHON, "-m", "sample", folder, "--runs", str(SAMPLE_RUNS)]
    bench.run([*command, "--events", str(SAMPLE_EVENTS)])
    found = data_files(folder)
    return f"{len(found)} simulated files", found


def data_files(folder: Path) -> list[Path]:
    """Return the compressed data files below a folder, index files left out."""
    return sorted(path for path in folder.rglob("*.fits.gz") if "index" not in path.name)


def copy_files(originals: list[Path], count: int, folder: Path) -> int:
    """Write `count` real copies (no links: each has blocks of its own) and return their bytes."""
    folder.mkdir(parents=True)
    for number in range(count):
        shutil.copyfile(originals[number % len(originals)], folder / f"run{number:06d}.fits.gz")
    return sum(path.stat().st_size for path in folder.iterdir())
