"""The steps of cut-outs: written down by the service that cuts, imported a little later.

The service only appends a line to a file, the spool; whoever imports takes the whole file.
"""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from prov_tables.recipe import CUTOUT
from prov_tables.recorder import RecordedStep, append_record

# A flood of requests must not fill the disk.
MAX_SPOOL_BYTES = 64 * 2**20
SPOOL = "cutouts.jsonl"


def new_product() -> str:
    """Return the product id of a cut-out that is about to be made."""
    return f"{CUTOUT}-{uuid.uuid4()}"


def entity_of(product: str) -> str:
    """Return the id under which the cut-out is found in the provenance."""
    return f"product:{product}"


def cutout_record(
    publisher_did: str,
    product: str,
    parameters: Iterable[tuple[str, str]],
    *,
    software: tuple[str, str],
    file_name: str,
    media_type: str,
    utc_start: datetime.datetime,
    responses: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the record of a cut-out that was made just now; who asked for it is not in it.

    Parameters
    ----------
    publisher_did
        Of the dataset that was cut.
    product
        From `new_product`.
    parameters
        Of the request, one of each name.
    software
        Name and version of what cut.
    file_name, media_type
        Of the result.
    utc_start
        When it was begun.
    responses
        Publisher DIDs of files whose responses came along.
    """
    step = RecordedStep(
        CUTOUT, software=software, config=_numbered(parameters), arguments=[], packages=False, activity_type="Selection"
    )
    step.used(publisher_did, role="Main")
    for response in responses:
        step.used(response, role="Calibration")
    step.end()
    record = step.record()
    record["start"] = {"time_utc": utc_start.replace(tzinfo=None).isoformat(timespec="milliseconds")}
    record["output"] = [{"product_id": product, "name": file_name, "role": "Main", "content_type": media_type}]
    record["system"].pop("python", None)
    return record


def _numbered(parameters: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return parameters by name; one that comes again gets a number after a blank."""
    named: dict[str, str] = {}
    for name, value in parameters:
        key, number = name, 1
        while key in named:
            number += 1
            key = f"{name} {number}"
        named[key] = value
    return named


def write_down(folder: Path, record: dict[str, Any]) -> bool:
    """Add a record to the spool; return whether that was done: a full spool takes no more."""
    folder.mkdir(parents=True, exist_ok=True)
    spool = folder / SPOOL
    try:
        if spool.stat().st_size > MAX_SPOOL_BYTES:
            return False
    except FileNotFoundError:
        pass
    append_record(spool, record)
    return True


def take_spool(folder: Path) -> Iterator[Path]:
    """Yield what has been written down, in files that nobody writes to any more."""
    spool = folder / SPOOL
    if spool.exists():
        spool.replace(folder / f"taken-{time.time_ns()}.provenance.log")
    yield from sorted(folder.glob("taken-*.provenance.log"))
