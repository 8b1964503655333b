"""Feeds synthetic observations as dictionaries through DaCHS's rowmaker and feeder, made beforehand."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator
from typing import Any

from gavo.grammars.customgrammar import CustomRowIterator
from gavo.rsc.common import FLUSH
from gavo.utils import pgsphere

from bench.inside.settings import generator, write_result


class RowIterator(CustomRowIterator):  # type: ignore[misc]
    """Yields one dictionary an observation; the time it measures ends when DaCHS has stored all of them."""

    notify = False

    def _iterRows(self) -> Iterator[Any]:  # noqa: N802
        source, count = generator()
        rows = [dataclasses.asdict(row) for batch in source.batches(count, count) for row, _, _ in batch]
        for row in rows:
            row["s_region"] = polygon(row["s_region"])
        started = time.perf_counter()
        yield from rows
        yield FLUSH
        write_result(storing=time.perf_counter() - started)


def polygon(text: str | None) -> Any:
    """Return a polygon in pgsphere's text as the object that DaCHS's own RDs would make."""
    if text is None:
        return None
    return pgsphere.SPoly.fromDALI([float(angle.rstrip("d")) for angle in re.split(r"[{}(),\s]+", text) if angle])
