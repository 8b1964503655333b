"""``cta.event``: every event of every public event list, its values, and how it follows imports and embargoes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvo
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

from tests.live.archive import SAMPLE, Archive, make_readable, open_folder
from tests.live.conftest import REAL, STOCK

NAME = "photons"
CRAB = (83.633, 22.014)


def path_of(sample: Path, obs_id: int) -> Path:
    """Return the file of a public sample run."""
    return sample / "public" / f"ctao_sim_{obs_id}.fits.gz"


def events_in(path: Path) -> fits.FITS_rec:
    """Return the events of a file."""
    with fits.open(path, memmap=False) as hdus:
        return hdus["EVENTS"].data


class TestContent:
    """What is in the table is what is in the files."""

    @pytest.mark.parametrize("collection", [SAMPLE, *(pytest.param(name, marks=[REAL]) for name in STOCK)])
    def test_every_event_of_public_data(self, archive: Archive, collection: str) -> None:
        (stored,) = archive.query(f"SELECT COUNT(*) AS n FROM cta.event WHERE obs_collection='{collection}'")
        (listed,) = archive.query(
            f"SELECT SUM(n_events) AS n FROM cta.event_source WHERE obs_collection='{collection}'"
        )
        (files,) = archive.query(
            "SELECT SUM(ev_xel) AS n FROM ivoa.obscore_hea NATURAL JOIN ivoa.obscore"
            f" WHERE obs_collection='{collection}' AND dataproduct_type='event' AND data_rights='public'"
        )
        assert int(stored["n"]) == float(listed["n"]) == float(files["n"]) > 0

    def test_values(self, archive: Archive, tap: pyvo.dal.TAPService, sample: Path) -> None:
        found = tap.run_async("SELECT * FROM cta.event WHERE obs_id='100001' ORDER BY event_id").to_table()
        path = path_of(sample, 100001)
        header, events = fits.getheader(path, "EVENTS"), np.sort(events_in(path), order="EVENT_ID")
        zero = Time(header["MJDREFI"], header["MJDREFF"], format="mjd", scale=header["TIMESYS"].lower())
        assert np.array_equal(found["event_id"], events["EVENT_ID"])
        assert np.allclose(found["event_time"], (zero + events["TIME"] * u.s).utc.mjd, rtol=0, atol=2e-11)
        assert np.array_equal(found["ra"], events["RA"].astype(float))
        assert np.array_equal(found["dec"], events["DEC"].astype(float))
        assert np.array_equal(found["energy"], events["ENERGY"])
        assert np.array_equal(found["multiplicity"], events["MULTIP"])

    def test_proprietary_runs_have_none(self, archive: Archive) -> None:
        held = archive.query("SELECT obs_publisher_did FROM ivoa.obscore WHERE data_rights='proprietary'")
        assert len(held) >= 2
        for row in held:
            did = row["obs_publisher_did"]
            assert archive.query(f"SELECT TOP 1 event_id FROM cta.event WHERE obs_publisher_did='{did}'") == []

    @pytest.mark.parametrize("table", ["cta.event_row", "cta.event_row_1", "cta.event_partition"])
    def test_nobody_looks_behind(self, tap: pyvo.dal.TAPService, table: str) -> None:
        with pytest.raises(pyvo.dal.DALQueryError):
            tap.search(f"SELECT TOP 1 * FROM {table}")


class TestQueries:
    """What astronomers ask of photons."""

    def test_a_cone(self, tap: pyvo.dal.TAPService, sample: Path) -> None:
        query = (
            "SELECT obs_id, event_id FROM cta.event"
            f" WHERE 1=CONTAINS(POINT(ra, dec), CIRCLE({CRAB[0]}, {CRAB[1]}, 0.1))"
            f" AND energy>10 AND obs_collection='{SAMPLE}'"
        )
        found = {(row["obs_id"], int(row["event_id"])) for row in tap.search(query)}
        expected = set()
        for path in sample.glob("public/*.fits.gz"):
            events, obs_id = events_in(path), str(fits.getval(path, "OBS_ID", "EVENTS"))
            places = SkyCoord(events["RA"], events["DEC"], unit="deg")
            inside = places.separation(SkyCoord(*CRAB, unit="deg")) < 0.1 * u.deg
            expected |= {(obs_id, int(number)) for number in events["EVENT_ID"][inside & (events["ENERGY"] > 10)]}
        assert found == expected != set()

    def test_an_uploaded_catalogue(self, tap: pyvo.dal.TAPService) -> None:
        mine = Table({"name": ["Crab", "nowhere"], "ra": [CRAB[0], 10.0], "dec": [CRAB[1], -80.0]})
        counted = tap.run_sync(
            "SELECT t.name, COUNT(*) AS n FROM TAP_UPLOAD.mine AS t JOIN cta.event AS e"
            " ON 1=CONTAINS(POINT(e.ra, e.dec), CIRCLE(t.ra, t.dec, 0.1)) WHERE e.energy > 1 GROUP BY t.name",
            uploads={"mine": mine},
        ).to_table()
        direct = tap.search(
            f"SELECT COUNT(*) AS n FROM cta.event WHERE DISTANCE(POINT(ra, dec), POINT({CRAB[0]}, {CRAB[1]})) < 0.1"
            " AND energy > 1"
        )
        assert list(counted["name"]) == ["Crab"]
        assert counted["n"][0] == direct["n"][0] > 100

    def test_a_histogram_counts_all(self, tap: pyvo.dal.TAPService) -> None:
        where = f"WHERE obs_id='100001' AND obs_collection='{SAMPLE}'"
        (row,) = tap.search(
            f"SELECT IVO_HISTOGRAM(event_time, 60275.0, 60276.0, 24) AS h, COUNT(*) AS n FROM cta.event {where}"
        )
        assert len(row["h"]) == 26
        assert sum(row["h"]) == row["n"] > 0

    def test_indexes_serve(self, archive: Archive) -> None:
        """Cones go by the index, those above 1 TeV by the small one; single event lists by ranges of blocks."""
        plans = {
            "bright": "q3c_join(83.633, 22.014, ra, dec, 0.1) AND energy > 10",
            "sky": "q3c_join(83.633, 22.014, ra, dec, 0.1)",
            "source": "source_id = (SELECT min(source_id) FROM cta.event_source)",
            "healpix": "healpix = 6176220",
        }
        ((partition,),) = archive.sql(f"SELECT partition_id FROM cta.event_partition WHERE collection='{SAMPLE}'")
        for index, where in plans.items():
            plan = archive.sql(
                f"SET enable_seqscan=off;EXPLAIN SELECT * FROM cta.event_row WHERE {where} AND partition_id={partition}"
            )
            assert re.search(rf"event_row_{partition}_{index}\b", str(plan)), (index, plan)


@pytest.fixture(scope="module")
def folder_of_runs(workshop: Archive, sample: Path) -> Iterator[Path]:
    """A collection of four runs, all but one proprietary."""
    with open_folder() as folder:
        for obs_id in (100001, 100002, 100003, 100004):
            shutil.copy2(path_of(sample, obs_id), folder)
        make_readable(folder)
        describe(workshop)
        workshop.import_folder(folder, NAME).check()
        yield folder
    workshop.withdraw(NAME)
    assert workshop.sql(f"SELECT * FROM cta.event_partition WHERE collection='{NAME}'") == []
    assert workshop.count("cta.event", f"obs_collection='{NAME}'") == 0


def describe(archive: Archive, *, events: bool = True) -> None:
    """Write the collection file."""
    path = archive.resource_dir / "collections" / f"{NAME}.toml"
    path.write_text(
        f'title = "Photons"\nevents = {str(events).lower()}\n'
        '[[paths]]\nmatch = "*100001*"\n[[paths]]\nmatch = "*"\nowner = "somebody"\nembargo = 2090-01-01\n'
    )
    path.chmod(0o644)


def sources(archive: Archive) -> dict[str, str]:
    """Return the number of each event list in the database by its observation."""
    rows = archive.query(f"SELECT obs_id, source_id FROM cta.event_source WHERE obs_collection='{NAME}'")
    return {row["obs_id"]: row["source_id"] for row in rows}


class TestLife:
    """Events follow their files, the collection file, and the calendar."""

    def test_only_what_is_public(self, workshop: Archive, folder_of_runs: Path) -> None:
        assert set(sources(workshop)) == {"100001"}

    def test_an_embargo_that_ends(self, workshop: Archive, folder_of_runs: Path) -> None:
        before = sources(workshop)
        for embargo, expected in (("CURRENT_DATE + 1", set()), ("CURRENT_DATE", {"100002", "100003", "100004"})):
            workshop.sql(
                f"UPDATE cta.dataset SET embargo={embargo} WHERE obs_collection='{NAME}' AND owner IS NOT NULL"
            )
            assert workshop.dachs("imp", "cta/event", "refresh").status == 0
            after = sources(workshop)
            assert set(after) - set(before) == expected
        workshop.sql(f"UPDATE cta.dataset SET embargo='2090-01-01' WHERE obs_collection='{NAME}' AND owner IS NOT NULL")
        assert workshop.dachs("imp", "cta/event", "refresh").status == 0
        assert set(sources(workshop)) == {"100001"}
        assert {
            row["obs_id"]
            for row in workshop.query(f"SELECT DISTINCT obs_id FROM cta.event WHERE obs_collection='{NAME}'")
        } == {"100001"}

    def test_changes(self, workshop: Archive, folder_of_runs: Path, sample: Path) -> None:
        """Unchanged lists stay as they are; a changed one is loaded again; a broken one is named; a gone one goes."""
        (workshop.resource_dir / "collections" / f"{NAME}.toml").write_text('title = "Photons"\nevents = true\n')
        workshop.import_folder(folder_of_runs, NAME).check()
        before = sources(workshop)
        assert set(before) == {"100001", "100002", "100003", "100004"}
        workshop.import_folder(folder_of_runs, NAME).check()
        assert sources(workshop) == before
        (folder_of_runs / "ctao_sim_100003.fits.gz").unlink()
        with fits.open(path_of(sample, 100002)) as hdus:
            hdus["EVENTS"].data = hdus["EVENTS"].data[:50]
            hdus.writeto(folder_of_runs / "ctao_sim_100002.fits.gz", overwrite=True)
        with fits.open(path_of(sample, 100005)) as hdus:
            columns = [column for column in hdus["EVENTS"].columns if column.name != "RA"]
            pairs = np.stack([hdus["EVENTS"].data["RA"]] * 2, axis=1)
            hdus["EVENTS"] = fits.BinTableHDU.from_columns(
                [*columns, fits.Column("RA", "2E", "deg", array=pairs)], header=hdus["EVENTS"].header
            )
            hdus.writeto(folder_of_runs / "ctao_sim_100005.fits.gz")
        make_readable(folder_of_runs)
        for _ in range(2):
            done = workshop.import_folder(folder_of_runs, NAME)
            assert done.status == 0
            assert "its events are not in cta.event" in done.output
            after = sources(workshop)
            assert set(after) == {"100001", "100002", "100004"}
            assert after["100001"] == before["100001"]
            assert workshop.count("cta.event", f"obs_collection='{NAME}' AND obs_id='100002'") == 50
            problems = workshop.query(
                f"SELECT path FROM cta.import_problem WHERE collection='{NAME}' AND sentence LIKE '%cta.event%'"
            )
            assert [row["path"] for row in problems] == ["ctao_sim_100005.fits.gz"]

    def test_events_no_longer_wanted(self, workshop: Archive, folder_of_runs: Path) -> None:
        describe(workshop, events=False)
        workshop.import_folder(folder_of_runs, NAME)
        assert sources(workshop) == {}
        assert workshop.sql(f"SELECT * FROM cta.event_partition WHERE collection='{NAME}'") == []
