"""What the loaders are told through the environment, and where they write what they measured."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gavo import base

from bench.inside.synthetic import Generator, template

COUNT = "CTA_BENCH_ROWS"
FILES = "CTA_BENCH_FILES"
RESULT = "CTA_BENCH_RESULT"


def generator() -> tuple[Generator, int]:
    """Return the source of the rows and how many are wanted."""
    authority = base.getConfig("ivoa", "authority")
    collection_file = Path(base.getConfig("inputsDir")) / "cta" / "collections" / "hess-dl3-dr1.toml"
    return Generator(template(Path(os.environ[FILES]), collection_file, authority), authority), int(os.environ[COUNT])


def write_result(**seconds: float) -> None:
    """Hand the measured seconds to the benchmark."""
    Path(os.environ[RESULT]).write_text(json.dumps(seconds))
