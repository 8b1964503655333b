"""Rows of ivoa.obsplan: what the standard asks for, from what the data model has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from astropy import constants
from astropy import units as u
from astropy.coordinates import FK5, SkyCoord

from ingest.observatory.obsplan import COLUMNS, TEV_WAVELENGTH_M, TRACKING_TYPES, exposure_s, plan_rows, region_of

ROW: dict[str, Any] = {
    "observation_id": "c/SB-1",
    "collection": "c",
    "t_planning": 61000.5,
    "target_name": "Crab",
    "obs_id": "SB-1",
    "obs_collection": "c",
    "ra": 83.63,
    "dec": 22.01,
    "frame": "ICRS",
    "field_of_view": 8.0,
    "pointing_offset": 0.5,
    "t_min": 61001.0,
    "t_max": 61001.1,
    "on_time": None,
    "live_time": None,
    "t_plan_exptime": 3600.0,
    "energy_min": 0.02,
    "energy_max": 200.0,
    "facility_name": "CTAO",
    "instrument_name": "CTAO-N",
    "category": "Other",
    "priority": 0,
    "execution_status": "Scheduled",
    "tracking_mode": "sidereal",
    "proposal_id": "P",
    "pointing_mode": "parallel",
    "sub_array": "all",
    "n_tels": 13,
    "n_datasets": None,
}


def made(**changes: Any) -> dict[str, Any]:
    (row,) = plan_rows([{**ROW, **changes}])
    return row


def test_all_columns() -> None:
    assert tuple(made()) == COLUMNS


def test_wavelengths() -> None:
    """The highest energy is the shortest wavelength (oracle: astropy)."""
    assert pytest.approx((constants.h * constants.c / (1 * u.TeV)).to_value(u.m), rel=1e-9) == TEV_WAVELENGTH_M
    row = made()
    assert row["em_min"] == pytest.approx((200 * u.TeV).to_value(u.m, equivalencies=u.spectral()), rel=1e-9)
    assert row["em_max"] == pytest.approx((0.02 * u.TeV).to_value(u.m, equivalencies=u.spectral()), rel=1e-9)
    assert row["em_min"] < row["em_max"]


def test_the_field_covers_the_offset() -> None:
    row = made()
    assert row["s_fov"] == pytest.approx(9.0)
    region = region_of(row["s_ra"], row["s_dec"], row["s_fov"])
    assert region is not None
    vertices = [part.strip("{}() d").replace("d", "").split(",") for part in region.split("),(")]
    points = SkyCoord(np.array(vertices, dtype=float) * u.deg)
    distances = points.separation(SkyCoord(83.63, 22.01, unit="deg")).deg
    assert len(distances) == 8 and (distances > 4.5).all()
    assert math.degrees(math.atan(math.tan(math.radians(4.5)) / math.cos(math.pi / 8))) == pytest.approx(distances[0])


def test_fk5_becomes_icrs() -> None:
    row = made(frame="FK5", ra=10.0, dec=-45.0)
    right = SkyCoord(10.0, -45.0, unit="deg", frame=FK5).icrs
    assert SkyCoord(row["s_ra"], row["s_dec"], unit="deg").separation(right).mas < 0.1
    assert row["s_ra"] != 10.0


@pytest.mark.parametrize(
    ("status", "live_time", "on_time", "planned", "expected"),
    [
        ("Planned", None, None, 3600.0, None),
        ("Scheduled", None, None, 3600.0, 3600.0),
        ("Scheduled", None, 1200.0, None, 1200.0),
        ("Unscheduled", None, None, 3600.0, None),
        ("Performed", 1700.0, 1800.0, 3600.0, 1700.0),
        ("Performed", 0.0, 1800.0, 3600.0, 0.0),
        ("Performed", None, 1800.0, 3600.0, 1800.0),
        ("Performed", None, None, 3600.0, 3600.0),
        ("Aborted", 300.0, 310.0, 3600.0, 300.0),
        ("Aborted", None, None, 3600.0, None),
    ],
)
def test_exposure(
    status: str, live_time: float | None, on_time: float | None, planned: float | None, expected: float | None
) -> None:
    row = {"execution_status": status, "live_time": live_time, "on_time": on_time, "t_plan_exptime": planned}
    assert exposure_s(row) == expected


@pytest.mark.parametrize("mode", [*TRACKING_TYPES, "of another kind"])
def test_tracking_is_always_in_the_standards_words(mode: str | None) -> None:
    allowed = {"Sidereal", "Solar-system-object-tracking", "Fixed-az-el-transit"}
    assert made(tracking_mode=mode)["tracking_type"] in allowed


@pytest.mark.parametrize("field", [(None, 1.0, 5.0), (1.0, None, 5.0), (1.0, 1.0, None), (None, None, None)])
def test_no_region_without_position_and_size(field: tuple[float | None, float | None, float | None]) -> None:
    assert region_of(*field) is None


def test_a_field_of_more_than_half_the_sky_has_no_polygon() -> None:
    assert region_of(1.0, 1.0, 200.0) is None
    assert region_of(1.0, 1.0, 0.0) is None


def test_without_sub_array_no_energies() -> None:
    row = made(energy_min=None, energy_max=None)
    assert (row["em_min"], row["em_max"]) == (None, None)
