"""The table that says of each run what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from astropy.coordinates import SkyCoord
from astropy.table import Table

from analysis.gammapy_tools.selection import Run
from analysis.gammapy_tools.writing import write_table

FILE_NAME = "runs.ecsv"


def write_runs(
    folder: Path, runs: Sequence[Run], centre: SkyCoord, numbers: Sequence[Mapping[str, Any]], meta: Mapping[str, Any]
) -> None:
    """Write ``runs.ecsv``.

    Parameters
    ----------
    folder
        Where to.
    runs
        All runs of the job.
    centre
        The position that the offsets are from.
    numbers
        For each run ``used`` and further columns.
    meta
        Totals and notes.
    """
    table = Table()
    table["obs_id"] = [run.obs_id for run in runs]
    table["publisher_did"] = [run.publisher_did for run in runs]
    table["telescope"] = [run.telescope for run in runs]
    table["tstart_mjd_utc"] = [float(run.observation.tstart.utc.mjd) for run in runs]
    table["livetime"] = [float(run.observation.observation_live_time_duration.to_value("s")) for run in runs]
    table["offset"] = [run.offset_deg(centre) for run in runs]
    table["livetime"].unit, table["offset"].unit = "s", "deg"
    for column in numbers[0]:
        table[column] = [row[column] for row in numbers]
    table["note"] = ["; ".join(run.notes) for run in runs]
    table.meta.update(meta)
    write_table(folder / FILE_NAME, table)
