# SPDX-License-Identifier: GPL-3.0-or-later
"""The log that the simulated pipeline would have left: from raw data to event lists, in the form of ctapipe's logs.

Nothing of that has run.  It is there so that provenance can be tried out: every event list has a history of three
steps, with two versions of the programs, two sets of cuts, and calibration files that the runs of a night share.  Only
the last step did run: the one that made the products.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sample.schedule import Run
from sample.targets import CREATED, CREATOR

LOG_NAME = "ctao_sim.provenance.log"
RUNS_A_CALIBRATION = 4
OLD_RUNS = 8
"""The first runs were processed with the older version."""
VERSIONS = ("0.27.0", "0.28.0")
PACKAGES = (
    {"ctapipe": "0.27.0", "numpy": "2.1.3", "scipy": "1.14.1", "astropy": "6.1.7", "traitlets": "5.14.3"},
    {"ctapipe": "0.28.0", "numpy": "2.4.6", "scipy": "1.17.1", "astropy": "7.2.3", "traitlets": "5.14.3"},
)
_NAMESPACE = uuid.UUID("6f1f6c52-0d3c-5f0e-9c1e-1d8a52a8b001")
_MINUTE = timedelta(minutes=1)


def provenance_log(runs: Sequence[Run], products: Mapping[str, Sequence[Run]]) -> str:
    """Return the log of all runs, and of the products made of some, a JSON object a line.

    Parameters
    ----------
    runs : sequence of Run
        All runs of the archive.
    products : mapping
        File names of the products, each with the runs it was made of.
    """
    records = [record for run in runs for record in _steps(run)]
    records += [_analysis(name, of) for name, of in products.items()]
    return "".join(json.dumps(record) + "\n" for record in records)


def identifier(kind: str, run: Run) -> str:
    """Return the identifier of a product or activity of a run."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind} {run.obs_id}"))


def cuts_of(run: Run) -> str:
    """Return the name of the cuts that a run's events have passed."""
    return "loose" if run.number % 6 == 4 else "standard"


def _steps(run: Run) -> Iterator[dict[str, Any]]:
    night = run.number // RUNS_A_CALIBRATION
    raw = _file(f"/dl0/ctao_sim_{run.obs_id}.dl0.fits.fz", "DL0/Event")
    calibration = _file(f"/calibration/ctao_sim_{night:04}.h5", "Calibration")
    images = _product(
        "dl1", run, "DL1_IMAGES,DL1_PARAMETERS", "hdf5", f"/dl1/ctao_sim_{run.obs_id}.dl1.h5", "DL1/Event"
    )
    showers = _product("dl2", run, "DL2", "hdf5", f"/dl2/ctao_sim_{run.obs_id}.dl2.h5", "DL2/Event")
    events = _product("dl3", run, "DL3", "fits", f"/dl3/{run.file_name}", "DL3/Event")
    reconstructor = "ImPACTReconstructor" if run.number % 5 == 3 else "HillasReconstructor"
    yield _step(
        run,
        "ctapipe-process",
        "dl1",
        0,
        [raw, calibration],
        images,
        {"ProcessorTool": {"ImageProcessor": {"image_cleaner_type": "TailcutsImageCleaner"}, "write_images": True}},
        ["ctapipe-process", "--input", raw["url"], "--output", images["url"], "--write-images"],
    )
    yield _step(
        run,
        "ctapipe-process",
        "dl2",
        1,
        [images],
        showers,
        {"ProcessorTool": {"ShowerProcessor": {"reconstructor_types": [reconstructor]}, "write_showers": True}},
        ["ctapipe-process", "--input", images["url"], "--output", showers["url"], "--write-showers"],
    )
    yield _step(
        run,
        "ctapipe-create-dl3",
        "dl3",
        2,
        [showers],
        events,
        {"DL3Tool": {"EventSelection": {"cuts": cuts_of(run), "gammaness": 0.6 if cuts_of(run) == "loose" else 0.8}}},
        ["ctapipe-create-dl3", "--input", showers["url"], "--output", events["url"]],
    )


def _analysis(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """Return the step that made a product."""
    record = _step(
        runs[-1],
        "sample-products",
        f"dl4 {name}",
        3,
        [_file(f"/dl3/{run.file_name}", "DL3/Event") for run in runs],
        _file(f"/products/{name}", "DL4"),
        {"SampleProducts": {"target": runs[0].target.name, "observations": [run.obs_id for run in runs]}},
        ["python3", "-m", "sample", "OUT"],
    )
    record["system"].pop("ctapipe_version")
    record["system"]["software"] = dict(zip(("name", "version"), CREATOR.rsplit(" ", 1), strict=True))
    return record


def _step(
    run: Run,
    name: str,
    kind: str,
    level: int,
    inputs: list[dict[str, Any]],
    output: dict[str, Any],
    config: dict[str, Any],
    arguments: list[str],
) -> dict[str, Any]:
    old = run.number < OLD_RUNS
    start = datetime.fromisoformat(CREATED) - timedelta(days=3 - level) + run.number * _MINUTE
    packages = PACKAGES[0 if old else 1]
    return {
        "activity_name": name,
        "activity_uuid": identifier(f"activity {kind}", run),
        "status": "completed",
        "exit_code": 0,
        "start": {"time_utc": start.isoformat(timespec="milliseconds")},
        "stop": {"time_utc": (start + 5 * _MINUTE).isoformat(timespec="milliseconds")},
        "system": {
            "ctapipe_version": VERSIONS[0 if old else 1],
            "arguments": arguments,
            "platform": {"system": "Linux", "machine": "x86_64"},
            "python": {
                "version": ["3", "11", "7"] if old else ["3", "12", "4"],
                "packages": [{"name": package, "version": version} for package, version in packages.items()],
            },
        },
        "input": inputs,
        "output": [output],
        "config": config,
    }


def _file(url: str, role: str) -> dict[str, Any]:
    return {"url": url, "role": role, "reference_meta": None}


def _product(kind: str, run: Run, levels: str, form: str, url: str, role: str) -> dict[str, Any]:
    meta = {
        "CTA PRODUCT ID": identifier(f"product {kind}", run),
        "CTA PRODUCT DATA LEVELS": levels,
        "CTA PRODUCT FORMAT": form,
        "CTA CONTACT ORGANIZATION": "Simulated CTAO sample",
    }
    return {"url": url, "role": role, "reference_meta": meta}
