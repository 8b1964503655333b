# SPDX-License-Identifier: GPL-3.0-or-later
"""Observation metadata that go with the archive: arrays, proposals, and the schedule (``*.obsmeta.json``).

The layout is that of docs/operator-guide.md. Sites are real, telescopes have round values from public descriptions and
invented places, everything else is invented.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from sample.indexes import Written
from sample.schedule import Run
from sample.sky import MJD_REFERENCE_DAYS, TAI_MINUS_UTC_S
from sample.targets import SITES, TARGETS, TELESCOP, WOBBLE_OFFSET_DEG, Site, Special

METADATA_VERSION = "1.0.0"
"""Version of these files; part of the stamp."""

FOLDER = "observatory"
PARALLEL = "wobble"
DIVERGENT = "divergent"
CONFIDENTIAL_TARGET = "GRB 270105A (simulated)"
CONFIDENTIAL_PROPOSAL = "SIM-2026-TOO-001"
# Observations that are not done: identifier, target, proposal, site, sub-array, status, start (MJD), exposure in s.
PLANNED = (
    ("SB-900001", "Crab Nebula", "SIM-2024-KSP-001", "CTAO-N", "N-LST", "Planned", None, 7200.0),
    ("SB-900002", "PKS 2155-304", "SIM-2024-KSP-005", "CTAO-S", "S-Alpha", "Scheduled", 61400.125, 3600.0),
    ("SB-900003", "Mrk 421", "SIM-2024-KSP-002", "CTAO-N", "N-Alpha", "Aborted", 61005.0625, 1800.0),
    ("SB-900004", "Cas A", "SIM-2024-KSP-006", "CTAO-N", "N-MST", "Unscheduled", 61390.9375, 5400.0),
    ("SB-900005", CONFIDENTIAL_TARGET, CONFIDENTIAL_PROPOSAL, "CTAO-N", "N-LST", "Scheduled", 61410.0, 3600.0),
)
_PLANNED_ON = 61000.5
_FIRST_CALIBRATION_ID = 990001
_DAY_S = 86400.0

# Class: mirror area (m2), field of view (deg), f number, focal length (m), camera.
_TELESCOPES = {
    "LST": (386.9, 4.3, 1.2, 28.0, "LSTCam"),
    "MST": (88.0, 7.7, 1.4, 16.0, None),
    "SST": (7.0, 8.8, 0.5, 2.15, "SSTCAM"),
}
_MST_CAMERA = {"CTAO-N": "NectarCAM", "CTAO-S": "FlashCam"}
# Classes in the order of the telescopes' numbers (Alpha configuration).
_CLASSES = {"CTAO-N": (("LST", 4), ("MST", 9)), "CTAO-S": (("MST", 14), ("SST", 37))}
_CAMERAS = (
    ("LSTCam", 1855, 50.0, 4.3, 0.1, 265, 60.0),
    ("NectarCAM", 1855, 50.0, 7.7, 0.17, 265, 35.0),
    ("FlashCam", 1764, 50.0, 7.5, 0.18, 588, 30.0),
    ("SSTCAM", 2048, 6.0, 8.8, 0.16, 512, 15.0),
)
# Range of energies (TeV) and field of view (deg) of the sub-arrays of a class, and of the whole array.
_USED_FOR = {
    "LST": (0.02, 5.0, 4.3),
    "MST": (0.08, 80.0, 7.7),
    "SST": (1.0, 300.0, 8.8),
    "CTAO-N": (0.02, 80.0, 10.0),
    "CTAO-S": (0.08, 300.0, 10.0),
}
_INVESTIGATORS = ("A. Example", "B. Muster", "C. Ejemplo", "D. Exemple", "E. Esempio", "F. Przykład")


def metadata_files(rows: Iterable[Written]) -> dict[str, str]:
    """Return the metadata files of an archive.

    Parameters
    ----------
    rows : iterable of Written
        What was written of each run.

    Returns
    -------
    dict of str to str
        Text by path in the archive.
    """
    runs = [row.run for row in rows]
    contents = {
        "arrays": {
            "observatory": [_observatory()],
            "camera": [_camera(*values) for values in _CAMERAS],
            "observing_configuration": [_parallel()],
            "convergence_configuration": [_divergent()],
        },
        "proposals": {
            "scientific_project": _projects(),
            "observing_proposal": _proposals(runs),
            "target": _targets(),
        },
        "schedule": _schedule(runs),
    }
    return {
        f"{FOLDER}/{name}.obsmeta.json": json.dumps({"format": "obsmeta 1.0", **content}, indent=1, ensure_ascii=False)
        + "\n"
        for name, content in contents.items()
    }


def _observatory() -> dict[str, Any]:
    return {
        "name": TELESCOP,
        "description": "Cherenkov Telescope Array Observatory; all its data here are simulated",
        "reference_url": "https://www.ctao.org/",
        "site_array": [_site_array(site) for site in SITES.values()],
    }


def _site_array(site: Site) -> dict[str, Any]:
    telescopes = _telescopes(site)
    names = {
        kind: [tel["name"] for tel in telescopes if tel["telescope_class"] == kind] for kind, _ in _CLASSES[site.key]
    }
    everything = [name for listed in names.values() for name in listed]
    groups = {"Alpha": (site.key, everything), **{kind: (kind, listed) for kind, listed in names.items()}}
    return {
        "name": site.key,
        "site": {"N": "North", "S": "South"}[site.letter],
        "latitude": site.latitude_deg,
        "longitude": site.longitude_deg,
        "altitude": site.altitude_m,
        "telescope": telescopes,
        "array_configuration": [
            {
                "name": "Alpha",
                "version": "1.0",
                "description": "First phase of construction",
                "valid_from": "2019-01-01",
                "telescope": [f"{site.key}/{name}" for name in everything],
            }
        ],
        "sub_array": [
            {
                "name": f"{site.letter}-{group}",
                "array_configuration": f"{site.key}/Alpha",
                "energy_min": _USED_FOR[use][0],
                "energy_max": _USED_FOR[use][1],
                "field_of_view": _USED_FOR[use][2],
                "telescope": [f"{site.key}/{name}" for name in listed],
            }
            for group, (use, listed) in groups.items()
        ],
        "auxiliary_instrument": [
            {"name": "LIDAR", "instrument_type": "Raman LIDAR", "description": "Aerosols above the site"},
            {"name": "Weather station", "instrument_type": "weather station", "description": "Air and wind at ground"},
        ],
        "atmosphere": [{"name": "clear", "profile": f"invented-{site.letter}", "aerosol_optical_depth": 0.05}],
    }


def _telescopes(site: Site) -> list[dict[str, Any]]:
    """Return the telescopes in rings around the centre, each ring for a class."""
    found: list[dict[str, Any]] = []
    for ring, (kind, count) in enumerate(_CLASSES[site.key], start=1):
        area_m2, fov_deg, f_number, focal_length_m, camera = _TELESCOPES[kind]
        for place in range(count):
            angle, radius_m = 2 * math.pi * place / count, 90.0 * ring + 25.0 * (place % 3) * ring
            found.append(
                {
                    "name": f"{kind}-{place + 1}",
                    "tel_id": str(len(found) + 1),
                    "telescope_class": kind,
                    "position": {"x": round(radius_m * math.cos(angle), 1), "y": round(radius_m * math.sin(angle), 1)},
                    "mirror_area": area_m2,
                    "field_of_view": fov_deg,
                    "f_number": f_number,
                    "focal_length": focal_length_m,
                    "camera": camera or _MST_CAMERA[site.key],
                }
            )
    return found


def _camera(
    name: str, n_pixels: int, size_mm: float, fov_deg: float, pixel_deg: float, sectors: int, threshold: float
) -> dict[str, Any]:
    return {
        "name": name,
        "n_pixels": n_pixels,
        "pixel_size": size_mm,
        "field_of_view": fov_deg,
        "resolution": pixel_deg,
        "trigger_unit": [{"name": "camera trigger", "n_sectors": sectors, "threshold": threshold}],
    }


def _parallel() -> dict[str, Any]:
    return {
        "name": PARALLEL,
        "description": "All telescopes in parallel, target beside the axis",
        "obs_mode": "POINTING",
        "tracking_mode": "sidereal",
        "pointing_mode": "parallel",
        "pointing_offset": WOBBLE_OFFSET_DEG,
    }


def _divergent() -> dict[str, Any]:
    return {**_parallel(), "name": DIVERGENT, "description": "Telescopes point apart", "pointing_mode": "divergent"} | {
        "depth": -10000.0
    }


def _projects() -> list[dict[str, Any]]:
    return [
        {
            "name": "SIM-KSP",
            "title": "Key science projects (simulated)",
            "description": "What the observatory does itself",
        },
        {"name": "SIM-GO", "title": "Guest observer programme (simulated)", "description": "What others propose"},
    ]


def _proposals(runs: Iterable[Run]) -> list[dict[str, Any]]:
    found = [
        {
            "identifier": f"SIM-2024-KSP-{number:03d}",
            "title": f"Deep exposure of {target.name} (simulated)",
            "pi_name": _INVESTIGATORS[number - 1],
            "abstract": f"An invented proposal for {target.name}, to show what a proposal looks like in the archive.",
            "category": "key science project",
            "scientific_project": "SIM-KSP",
        }
        for number, target in enumerate(TARGETS, start=1)
    ]
    guests = sorted({run.proposal_id for run in runs if run.special is Special.PROPRIETARY})
    found += [
        {
            "identifier": proposal,
            "title": f"Guest observation {proposal[-3:]} (simulated)",
            "pi_name": "G. Örnek",
            "abstract": "An invented proposal of a guest observer; its data are proprietary.",
            "category": "guest observer",
            "scientific_project": "SIM-GO",
        }
        for proposal in guests
    ]
    found.append(
        {
            "identifier": CONFIDENTIAL_PROPOSAL,
            "title": f"Afterglow of {CONFIDENTIAL_TARGET}",
            "pi_name": "H. Secret",
            "category": "target of opportunity",
            "scientific_project": "SIM-GO",
        }
    )
    return found


def _targets() -> list[dict[str, Any]]:
    found = [
        {
            "name": target.name,
            "description": f"Simulated as a point source; {target.source}",
            "ra": target.ra_deg,
            "dec": target.dec_deg,
            "epoch": 2000.0,
            "frame": "ICRS",
            "target_class": target_class,
        }
        for target, target_class in zip(TARGETS, ("SNR", "BLL", "SNR", "gam", "BLL", "SNR"), strict=True)
    ]
    found.append({"name": CONFIDENTIAL_TARGET, "ra": 201.5, "dec": 12.25, "frame": "ICRS", "target_class": "gB"})
    return found


def _schedule(runs: list[Run]) -> dict[str, Any]:
    blocks: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        key = (run.number // 2, run.proposal_id, run.convergence_m)
        blocks.setdefault(key, []).append(run)
    observations = [_performed(block) for block in blocks.values()] + [_planned(*entry) for entry in PLANNED]
    science = [
        {"identifier": str(run.obs_id), "observation": _block_id(block)} for block in blocks.values() for run in block
    ]
    return {"observation": observations, "science_run": science, "calibration_run": _calibration(runs)}


def _block_id(block: list[Run]) -> str:
    return f"SB-{block[0].obs_id}"


def _performed(block: list[Run]) -> dict[str, Any]:
    first = block[0]
    start, end = _mjd_utc(first.tstart_s), _mjd_utc(block[-1].tstop_s)
    return {
        "identifier": _block_id(block),
        "execution_status": "Performed",
        "start_time": start,
        "end_time": end,
        "planning_time": round(end + 0.5, 5),
        "planned_exposure": 1800.0 * len(block),
        "plan_category": "Window",
        "priority": 1 if first.is_public else 2,
        "observatory": TELESCOP,
        "target": first.target.name,
        "proposal": first.proposal_id,
        "configuration": DIVERGENT if first.convergence_m else PARALLEL,
        "sub_array": [f"{first.site.key}/{first.site.letter}-Alpha"],
        "atmosphere": f"{first.site.key}/clear",
        **({} if first.is_public else {"owner": "demo-pi", "ownership_end": "2035-01-01"}),
    }


def _planned(
    identifier: str,
    target: str,
    proposal: str,
    site: str,
    sub_array: str,
    status: str,
    start_mjd: float | None,
    exposure_s: float,
) -> dict[str, Any]:
    slot = {} if start_mjd is None else {"start_time": start_mjd, "end_time": start_mjd + (exposure_s + 600.0) / _DAY_S}
    return {
        "identifier": identifier,
        "execution_status": status,
        **slot,
        "planning_time": _PLANNED_ON,
        "planned_exposure": exposure_s,
        "plan_category": "Fixed" if target == CONFIDENTIAL_TARGET else "Other",
        "priority": 2 if target == CONFIDENTIAL_TARGET else 0,
        "confidential": target == CONFIDENTIAL_TARGET,
        "observatory": TELESCOP,
        "target": target,
        "proposal": proposal,
        "configuration": PARALLEL,
        "sub_array": [f"{site}/{sub_array}"],
    }


def _calibration(runs: list[Run]) -> list[dict[str, Any]]:
    """Return two calibration runs before the first run of the archive; nothing of them is published."""
    first = min(runs, key=lambda run: run.tstart_s)
    return [
        {
            "identifier": str(_FIRST_CALIBRATION_ID + number),
            "calibration_type": kind,
            "start_time": _mjd_utc(first.tstart_s - 1800.0 + 600.0 * number),
            "end_time": _mjd_utc(first.tstart_s - 1800.0 + 600.0 * number + 300.0),
            "sub_array": f"{first.site.key}/{first.site.letter}-Alpha",
        }
        for number, kind in enumerate(("flat field", "pedestal"))
    ]


def _mjd_utc(time_tai_s: float) -> float:
    """MJD in UTC of TAI seconds since MJD 58119.0 TAI."""
    return MJD_REFERENCE_DAYS + (time_tai_s - TAI_MINUS_UTC_S) / _DAY_S
