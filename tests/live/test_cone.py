"""The cone search as clients use it."""

from __future__ import annotations

import io

import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.io import votable
from lxml import etree

from tests.live.archive import RUNS, Archive
from tests.live.conftest import REAL
from tests.live.schemas import violations

CRAB = (83.633, 22.014)


@pytest.fixture(scope="module")
def cone(archive: Archive) -> pyvo.dal.SCSService:
    """The service as pyvo sees it."""
    return pyvo.dal.SCSService(f"{archive.url}/cta/q/cone/scs.xml?", session=archive.session)


def test_the_crab(archive: Archive, cone: pyvo.dal.SCSService) -> None:
    rows = cone.search(pos=SkyCoord(*CRAB, unit="deg"), radius=1.0, verbosity=3).to_table()
    centre = SkyCoord(*CRAB, unit="deg")
    assert {"100001", "100002", "100013", "100014"} <= set(rows["obs_id"])
    for row in rows:
        assert centre.separation(SkyCoord(row["s_ra"], row["s_dec"], unit="deg")).deg <= 1.0
    expected = archive.query(
        f"SELECT obs_id FROM ivoa.obscore WHERE 1=CONTAINS(POINT(s_ra, s_dec), CIRCLE({CRAB[0]}, {CRAB[1]}, 1.0))"
        " AND dataproduct_type='event'"
    )
    assert sorted(rows["obs_id"]) == sorted(row["obs_id"] for row in expected)


@REAL
def test_hess_is_found_in_a_wider_cone(cone: pyvo.dal.SCSService) -> None:
    rows = cone.search(pos=CRAB, radius=2.0).to_table()
    hess = [row["obs_id"] for row in rows if row["obs_collection"] == "hess-dl3-dr1"]
    assert sorted(hess) == ["23559", "23592"]


@pytest.mark.parametrize(("position", "radius"), [((200.0, 60.0), 1.0), (CRAB, 0.01), ((0.0, -90.0), 5.0)])
def test_none_elsewhere(cone: pyvo.dal.SCSService, position: tuple[float, float], radius: float) -> None:
    assert len(cone.search(pos=position, radius=radius)) == 0


def test_radius_zero_is_metadata(archive: Archive) -> None:
    """SR=0 asks what the columns are."""
    answer = archive.get("/cta/q/cone/scs.xml", params={"RA": CRAB[0], "DEC": CRAB[1], "SR": 0})
    table = votable.parse_single_table(io.BytesIO(answer.content))
    assert len(table.array) == 0
    assert "obs_id" in [field.name for field in table.fields]


@pytest.mark.parametrize(
    "parameters",
    [
        {"RA": "83.6"},
        {"RA": "83.6", "DEC": "x", "SR": "1"},
        {"RA": "83.6", "DEC": "22", "SR": "one"},
        {"DEC": "22", "SR": "1"},
        {"RA": "83.6", "DEC": "22", "SR": "1", "VERB": "many"},
    ],
)
def test_bad_input_is_an_error_document(archive: Archive, parameters: dict[str, str]) -> None:
    answer = archive.get("/cta/q/cone/scs.xml", params=parameters)
    assert answer.headers["Content-Type"].startswith(("text/xml", "application/x-votable+xml"))
    document = etree.fromstring(answer.content)
    errors = document.xpath("//*[(local-name()='INFO' or local-name()='PARAM') and @name='Error']")
    assert len(errors) == 1
    assert len(errors[0].get("value")) > 5
    assert "Traceback" not in answer.text


def test_pyvo_raises(archive: Archive) -> None:
    with pytest.raises(pyvo.dal.DALQueryError, match="RA"):
        pyvo.dal.SCSQuery(f"{archive.url}/cta/q/cone/scs.xml?DEC=1&SR=1&", session=archive.session).execute()


class TestHardPlaces:
    """The poles and the line where right ascension jumps, with rows put there for the purpose."""

    PLACES = {"north": (123.0, 89.9), "south": (321.0, -89.8), "west": (359.9, 10.0), "east": (0.2, 10.0)}

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def places(archive: Archive) -> None:
        """Put copies of a row at the places for a while."""
        (row,) = archive.sql(
            "SELECT string_agg(column_name, ',') FROM information_schema.columns WHERE table_schema='cta'"
            " AND table_name='dataset' AND column_name NOT IN ('accref','obs_publisher_did','obs_id','s_ra','s_dec')"
        )
        for name, (ra, dec) in TestHardPlaces.PLACES.items():
            archive.sql(
                f"INSERT INTO cta.dataset (accref, obs_publisher_did, obs_id, s_ra, s_dec, {row[0]}) SELECT 'cta/data/"
                f"places/{name}', 'ivo://cta.example/~?cta/data/places/{name}', '{name}', {ra}, {dec}, {row[0]}"
                f" FROM cta.dataset WHERE {RUNS} AND obs_id='100001'"
            )
        yield
        archive.sql("DELETE FROM cta.dataset WHERE accref LIKE 'cta/data/places/%'")

    @pytest.mark.parametrize(
        ("position", "radius", "expected"),
        [
            ((0.0, 90.0), 0.15, {"north"}),
            ((303.0, 89.9), 0.25, {"north"}),  # across the pole
            ((303.0, 89.9), 0.15, set()),
            ((0.0, -90.0), 0.3, {"south"}),
            ((0.0, 10.0), 0.3, {"west", "east"}),
            ((359.95, 10.0), 0.1, {"west"}),
            ((0.1, 10.0), 0.15, {"east"}),
            ((360.0, 10.0), 0.3, {"west", "east"}),
        ],
    )
    def test_cones(
        self,
        archive: Archive,
        cone: pyvo.dal.SCSService,
        position: tuple[float, float],
        radius: float,
        expected: set[str],
    ) -> None:
        assert set(cone.search(pos=position, radius=radius).to_table()["obs_id"]) == expected
        adql = archive.query(
            f"SELECT obs_id FROM ivoa.obscore WHERE DISTANCE(POINT(s_ra, s_dec), POINT({position[0]}, {position[1]}))"
            f" < {radius} AND access_estsize > 0"
        )
        assert {row["obs_id"] for row in adql} == expected


@pytest.mark.parametrize("source", ["dachs"])
def test_the_answer_is_a_valid_votable(archive: Archive, source: str) -> None:
    answer = archive.get("/cta/q/cone/scs.xml", params={"RA": CRAB[0], "DEC": CRAB[1], "SR": 2, "VERB": 3})
    assert violations(etree.fromstring(answer.content), source) == []
    table = votable.parse_single_table(io.BytesIO(answer.content))
    ucds = [field.ucd for field in table.fields]
    for wanted in ("ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"):  # as Simple Cone Search 1.03 wants them
        assert ucds.count(wanted) == 1
    assert len(table.array) > 0
