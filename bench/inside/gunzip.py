"""Gunzips the files of a folder in one way: the yardstick of the import.

It prints the seconds that took, by the clock and of the processor. Usage, under the system's Python and on one core:
``gunzip.py WAY FOLDER``.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path


def with_gzip_module(paths: list[Path]) -> None:
    """Inflate with Python's module gzip."""
    for path in paths:
        with gzip.open(path) as stream:
            stream.read()


def with_zlib_module(paths: list[Path]) -> None:
    """Inflate each file in one go with Python's module zlib."""
    for path in paths:
        zlib.decompress(path.read_bytes(), 31)


def with_gzip_program(paths: list[Path]) -> None:
    """Inflate all files with one call of the program gzip."""
    subprocess.run(["gzip", "-dc", *paths], stdout=subprocess.DEVNULL, check=True)


def with_isal(paths: list[Path]) -> None:
    """Inflate each file in one go with the package isal, which the import uses where it is installed."""
    from isal import isal_zlib

    for path in paths:
        isal_zlib.decompress(path.read_bytes(), 31)


WAYS: dict[str, Callable[[list[Path]], None]] = {
    "zlib-module": with_zlib_module,
    "gzip-module": with_gzip_module,
    "gzip-program": with_gzip_program,
    "isal": with_isal,
}


def main() -> None:
    """Time one way, once a few files have warmed it up."""
    way, paths = WAYS[sys.argv[1]], sorted(Path(sys.argv[2]).iterdir())
    way(paths[:5])
    started, used = time.perf_counter(), sum(os.times()[:4])
    way(paths)
    print(time.perf_counter() - started, sum(os.times()[:4]) - used)


if __name__ == "__main__":
    main()
