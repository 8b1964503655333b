"""Fills ``ivoa.obsplan`` (ObsLocTAP 1.0): a row for each observation of a collection that has been planned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingest.footprint import FootprintError, circle_polygon_deg, fk5_to_icrs, to_pgsphere
from ingest.observatory.checks import Problem
from ingest.store import Cursor, copy_tuples

# h c / 1 TeV in m (CODATA 2018; the wavelength of a photon of 1 TeV)
TEV_WAVELENGTH_M = 1.239841984332e-18
# The standard's spelling of tracking modes; where none is known, telescopes follow the sky.
TRACKING_TYPES = {
    "sidereal": "Sidereal",
    "solar-system-object-tracking": "Solar-system-object-tracking",
    "fixed-az-el-transit": "Fixed-az-el-transit",
    "none": "Fixed-az-el-transit",
    None: "Sidereal",
}
COLUMNS = (
    "observation_id",
    "collection",
    "t_planning",
    "target_name",
    "obs_id",
    "obs_collection",
    "s_ra",
    "s_dec",
    "s_fov",
    "s_region",
    "t_min",
    "t_max",
    "t_exptime",
    "em_min",
    "em_max",
    "facility_name",
    "instrument_name",
    "t_plan_exptime",
    "category",
    "priority",
    "execution_status",
    "tracking_type",
    "proposal_id",
    "pointing_mode",
    "sub_array",
    "n_tels",
    "n_datasets",
)
# What a row is made of; of a confidential observation the model's tables hold no more than may be known.
PLANNED = """
SELECT o.observation_id, o.collection, o.planning_time AS t_planning, t.name AS target_name, o.identifier AS obs_id,
  c.obs_collection, t.ra, t.dec, t.frame, s.field_of_view, k.pointing_offset,
  o.start_time AS t_min, o.end_time AS t_max, o.on_time, o.live_time, o.planned_exposure AS t_plan_exptime,
  s.energy_min, s.energy_max,
  coalesce(b.name, c.facility_name,
    (SELECT min(name) FROM cta.observatory WHERE collection = %(name)s)) AS facility_name,
  coalesce(s.instrument_name, c.instrument_name) AS instrument_name, coalesce(o.plan_category, 'Other') AS category,
  coalesce(o.priority, 0) AS priority, o.execution_status, k.tracking_mode, k.pointing_mode,
  p.identifier AS proposal_id, s.sub_array, s.n_tels, d.n_datasets
FROM cta.observation AS o
LEFT JOIN cta.collection AS c ON c.name = o.collection
LEFT JOIN cta.observatory AS b USING (observatory_id)
LEFT JOIN cta.target AS t USING (target_id)
LEFT JOIN cta.observing_configuration AS k ON k.observing_configuration_id = o.configuration_id
LEFT JOIN cta.observing_proposal AS p ON p.observing_proposal_id = o.observing_proposal_id
LEFT JOIN (
  SELECT observation_id, string_agg(DISTINCT a.name, ', ') AS instrument_name, string_agg(s.name, ', ' ORDER BY s.name)
    AS sub_array, max(s.field_of_view) AS field_of_view, min(s.energy_min) AS energy_min,
    max(s.energy_max) AS energy_max, sum(s.n_tels) AS n_tels
  FROM cta.observation_sub_array JOIN cta.sub_array AS s USING (sub_array_id)
  JOIN cta.site_array AS a USING (site_array_id)
  GROUP BY observation_id) AS s USING (observation_id)
LEFT JOIN (
  SELECT observation_id, count(*) AS n_datasets FROM cta.run JOIN cta.dataset_run USING (run_id)
  WHERE run.collection = %(name)s GROUP BY observation_id) AS d USING (observation_id)
WHERE o.collection = %(name)s AND o.execution_status IS NOT NULL AND o.planning_time IS NOT NULL
ORDER BY o.observation_id
"""


def fill(cursor: Cursor, name: str) -> list[Problem]:
    """Write the rows of a collection that have changed.

    Returns
    -------
    list
        Sentences about observations that the standard does not let in.
    """
    if not is_there(cursor):
        return []
    cursor.execute(
        "DROP TABLE IF EXISTS pg_temp.new_obsplan, pg_temp.new_region, pg_temp.planned;"
        "CREATE TEMP TABLE new_obsplan (LIKE ivoa.obsplan) ON COMMIT DROP;"
        f"CREATE TEMP TABLE planned ON COMMIT DROP AS {PLANNED}",
        {"name": name},
    )
    cursor.execute("SELECT row_to_json(planned) FROM planned")
    rows = [row for (row,) in cursor.fetchall()]
    nameless = [row["obs_id"] for row in rows if row["facility_name"] is None]
    # Regions follow from other columns; they are made for new rows only.
    names = [column for column in COLUMNS if column != "s_region"]
    plans = (plan for plan in plan_rows(rows) if plan["facility_name"] is not None)
    copy_tuples(cursor, "new_obsplan", names, ([plan[column] for column in names] for plan in plans))
    old, new = (", ".join(f"{row}.{column}" for column in names) for row in ("old", "new"))
    cursor.execute(
        "DELETE FROM ivoa.obsplan AS old WHERE collection = %(name)s AND NOT EXISTS (SELECT FROM new_obsplan AS new"
        f" WHERE new.observation_id = old.observation_id AND ROW({old}) IS NOT DISTINCT FROM ROW({new}));"
        "DELETE FROM new_obsplan AS new"
        " WHERE EXISTS (SELECT FROM ivoa.obsplan AS old WHERE old.observation_id = new.observation_id);"
        "CREATE TEMP TABLE new_region (s_ra double precision, s_dec double precision, s_fov double precision,"
        " s_region spoly) ON COMMIT DROP",
        {"name": name},
    )
    cursor.execute("SELECT DISTINCT s_ra, s_dec, s_fov FROM new_obsplan")
    fields = [(*field, region_of(*field)) for field in cursor.fetchall()]
    known = [field for field in fields if field[-1] is not None]
    copy_tuples(cursor, "new_region", ("s_ra", "s_dec", "s_fov", "s_region"), known)
    cursor.execute(
        f"INSERT INTO ivoa.obsplan ({', '.join(names)}, s_region)"
        f" SELECT {new}, region.s_region FROM new_obsplan AS new"
        " LEFT JOIN new_region AS region USING (s_ra, s_dec, s_fov)"
    )
    if not nameless:
        return []
    sentence = (
        f"{len(nameless)} planned observations are not in ivoa.obsplan, since their observatory is not known; give them"
        " an observatory or sub-arrays, or the collection a facility_name."
    )
    return [(".", "warning", sentence)]


def forget(cursor: Cursor, name: str) -> None:
    """Remove the rows of a collection."""
    if is_there(cursor):
        cursor.execute("DELETE FROM ivoa.obsplan WHERE collection = %(name)s", {"name": name})


def is_there(cursor: Cursor) -> bool:
    """Say whether the table has been made."""
    cursor.execute("SELECT to_regclass('ivoa.obsplan') IS NOT NULL")
    return bool(cursor.fetchall()[0][0])


def plan_rows(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows of ``ivoa.obsplan``, by column, from those of `PLANNED`; without the region."""
    for row in rows:
        yield {**dict.fromkeys(COLUMNS), **{name: row[name] for name in COLUMNS if name in row}, **_computed(row)}


def _computed(row: Mapping[str, Any]) -> dict[str, Any]:
    ra, dec = _icrs(row)
    fov = field_of_view_deg(row["field_of_view"], row["pointing_offset"])
    highest, lowest = row["energy_max"], row["energy_min"]
    return {
        "s_ra": ra,
        "s_dec": dec,
        "s_fov": fov,
        "t_exptime": exposure_s(row),
        "em_min": TEV_WAVELENGTH_M / highest if highest else None,
        "em_max": TEV_WAVELENGTH_M / lowest if lowest else None,
        "tracking_type": TRACKING_TYPES.get(row["tracking_mode"], "Sidereal"),
    }


def exposure_s(row: Mapping[str, Any]) -> float | None:
    """Return the exposure in seconds: live-time of what was observed, the planned one of what is scheduled."""
    status = row["execution_status"]
    planned = row["t_plan_exptime"]
    if status in ("Performed", "Aborted"):
        measured = row["live_time"] if row["live_time"] is not None else row["on_time"]
        found = planned if measured is None and status == "Performed" else measured
    elif status == "Scheduled":
        found = next((value for value in (planned, row["on_time"], row["live_time"]) if value is not None), None)
    else:
        found = None
    return None if found is None else float(found)


def field_of_view_deg(acceptance: float | None, offset: float | None) -> float | None:
    """Return the diameter around the target that is covered, wobble offset included, in degrees."""
    return None if acceptance is None else acceptance + 2 * (offset or 0.0)


def _icrs(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    if row["ra"] is None or row["dec"] is None:
        return None, None
    if row["frame"] == "FK5":
        ra, dec = fk5_to_icrs(row["ra"], row["dec"])
        return float(ra), float(dec)
    return row["ra"], row["dec"]


def region_of(ra: float | None, dec: float | None, fov: float | None) -> str | None:
    """Return a polygon around a field as a pgsphere literal; None for one that has no place, size or polygon.

    Parameters
    ----------
    ra, dec
        Centre in degrees, ICRS.
    fov
        Diameter in degrees.
    """
    if ra is None or dec is None or fov is None:
        return None
    try:
        return to_pgsphere(circle_polygon_deg(ra, dec, fov / 2))
    except FootprintError:
        return None
