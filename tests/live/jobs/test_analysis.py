"""The analyses on real data agree with plain gammapy on the same files; results, provenance and recipes come along."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import requests
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from lxml import etree

from tests.live.archive import SHARED, Archive, wait_for
from tests.live.jobs.test_bad_input import error_of
from tests.live.soda_helpers import UWS, Job, People, did_of, document

HESS = SHARED / "data" / "dl3" / "hess-dl3-dr1"
pytestmark = pytest.mark.skipif(not HESS.is_dir(), reason=f"no real data: {SHARED} is absent")
CRAB = SkyCoord(83.633, 22.014, unit="deg")
PKS = SkyCoord(329.7169, -30.2256, unit="deg")


def completed(jobs: Archive, people: People, name: str, files: Any = None, **parameters: Any) -> Job:
    """Run a job to its end."""
    answer = jobs.session.post(
        f"{jobs.url}/jobs/{name}",
        data={"PHASE": "RUN", **parameters},
        files=files,
        auth=people.pi,
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303, answer.text
    job = Job(jobs, answer.headers["Location"], people.pi)
    root = etree.fromstring(job.get("?WAIT=50").content)
    while root.findtext(f"{UWS}phase") in ("QUEUED", "EXECUTING"):
        root = etree.fromstring(job.get("?WAIT=50").content)
    assert root.findtext(f"{UWS}phase") == "COMPLETED", job.get("/error").text + job.get("/results/log").text
    return job


def hdus_of(job: Job, name: str) -> fits.HDUList:
    """Return a result as FITS."""
    return fits.open(io.BytesIO(job.get(f"/results/{name}").content))


@pytest.fixture(scope="module")
def maps(jobs: Archive, people: People) -> Iterator[Job]:
    """Maps of two Crab runs."""
    job = completed(
        jobs,
        people,
        "gammapy_maps",
        obs_ids="hess-dl3-dr1:23559 hess-dl3-dr1:23592",
        ra=str(CRAB.ra.deg),
        dec=str(CRAB.dec.deg),
        nxpix="100",
        nypix="80",
        binsz="0.03",
        emin="1",
        emax="20",
    )
    yield job
    job.delete()


class TestMaps:
    """Counts are what anybody counts."""

    def test_counts(self, maps: Job) -> None:
        from gammapy.data import DataStore
        from gammapy.maps import Map, MapAxis, WcsGeom

        (counts,) = [hdu.data for hdu in hdus_of(maps, "counts") if hdu.data is not None and hdu.data.ndim >= 2][:1]
        axis = MapAxis.from_energy_bounds("1 TeV", "20 TeV", 1)
        geom = WcsGeom.create(skydir=CRAB, binsz=0.03, npix=(100, 80), axes=[axis], frame="icrs", proj="TAN")
        expected = Map.from_geom(geom)
        for observation in DataStore.from_dir(HESS).get_observations([23559, 23592]):
            expected.fill_events(observation.events)
        assert np.squeeze(counts).shape == (80, 100)
        assert counts.sum() == expected.data.sum() > 100
        assert np.array_equal(np.squeeze(counts), expected.data[0])

    def test_results(self, maps: Job) -> None:
        kinds = {name: maps.get(f"/results/{name}") for name in maps.results}
        assert {answer.status_code for answer in kinds.values()} == {200}
        assert {"counts", "excess", "significance", "log"} <= set(kinds)
        assert any(answer.headers["Content-Type"] == "image/png" for answer in kinds.values())
        for url in maps.results.values():
            assert requests.get(url, timeout=60).status_code == 404, "results of a user are not for everybody"

    def test_provenance(self, jobs: Archive, maps: Job) -> None:
        documents = {name: maps.get(f"/results/{name}") for name in maps.results if name.startswith("provenance")}
        assert len(documents) == 5
        text = {name: answer.text for name, answer in documents.items()}
        did = did_of(jobs.url, "hess-dl3-dr1", "23559")
        for name, content in text.items():
            assert maps.url.rpartition("/")[2] not in content, f"{name} gives the id of the job away"
            assert maps.login[0] not in content
            if name != "provenance-svg":
                assert did in content or "23559" in content, name
        assert "binsz" in text["provenance-json"]
        json.loads(text["provenance-json"])
        etree.fromstring(documents["provenance-svg"].content)

    def test_provenance_by_tap(self, jobs: Archive, maps: Job) -> None:
        number = maps.url.rpartition("/")[2]
        activity = jobs.sql(f"SELECT activity FROM cta.job WHERE job_id='{number}'")[0][0]
        rows = jobs.query(
            "SELECT a.name, a.status, u.entity_id FROM provenance.activity AS a"
            f" JOIN provenance.used AS u ON u.activity_id=a.id WHERE a.id='job:{activity}'"
        )
        assert {row["entity_id"] for row in rows} == {
            did_of(jobs.url, "hess-dl3-dr1", run) for run in ("23559", "23592")
        }
        agents = jobs.query(f"SELECT agent_id FROM provenance.was_associated_with WHERE activity_id='job:{activity}'")
        assert not [row for row in agents if maps.login[0] in row["agent_id"]]
        assert any("gammapy" in row["agent_id"] for row in agents)

    def test_again(self, jobs: Archive, people: People, maps: Job) -> None:
        number = maps.url.rpartition("/")[2]
        activity = jobs.sql(f"SELECT activity FROM cta.job WHERE job_id='{number}'")[0][0]
        job = completed(jobs, people, "rerun", product=f"job:{activity}")
        name = next(name for name in job.results if "comparison" in name)
        comparison = Table.read(job.get(f"/results/{name}").text, format="ascii.ecsv")
        assert len(comparison) >= 4
        assert all(comparison["same"]), comparison


class TestSpectra:
    """The Crab, from two H.E.S.S. runs."""

    def test_flux_points(self, jobs: Archive, people: People, tmp_path: Path) -> None:
        from gammapy.estimators import FluxPoints

        from tests.plain_gammapy import crab_flux_points

        job = completed(
            jobs,
            people,
            "gammapy_spectra",
            obs_ids="hess-dl3-dr1:23559,hess-dl3-dr1:23592",
            ra=str(CRAB.ra.deg),
            dec=str(CRAB.dec.deg),
            emin="0.6",
            emax="30",
            nbins="6",
        )
        path = tmp_path / "flux_points.fits"
        path.write_bytes(job.get("/results/flux_points").content)
        found = FluxPoints.read(path, sed_type="dnde").to_table(sed_type="dnde")
        expected = crab_flux_points(HESS).to_table(sed_type="dnde")
        assert len(found) == 6
        for name in ("e_ref", "dnde", "dnde_err", "dnde_ul", "sqrt_ts"):
            assert np.allclose(found[name], expected[name], rtol=1e-9, equal_nan=True), name
        job.delete()

    def test_position_outside(self, jobs: Archive, people: People) -> None:
        data = {"obs_ids": "hess-dl3-dr1:23559", "ra": "10", "dec": "10", "PHASE": "RUN"}
        answer = jobs.session.post(
            f"{jobs.url}/jobs/gammapy_spectra", data=data, auth=people.pi, allow_redirects=False, timeout=60
        )
        assert "field" in error_of(jobs, answer, people.pi)


class TestOthers:
    """Light curves, packages, cut-outs of a table."""

    def test_light_curve(self, jobs: Archive, people: People) -> None:
        runs = ["33787", "33788", "33791"]
        job = completed(
            jobs,
            people,
            "gammapy_lightcurve",
            obs_ids=" ".join(f"hess-dl3-dr1:{run}" for run in runs),
            ra=str(PKS.ra.deg),
            dec=str(PKS.dec.deg),
        )
        name = next(name for name in job.results if "ecsv" in name)
        curve = Table.read(job.get(f"/results/{name}").text, format="ascii.ecsv")
        assert len(curve) == len(runs)
        assert np.all(np.asarray(curve["flux"]) > 0)
        job.delete()

    def test_data_store(self, jobs: Archive, people: People, tmp_path: Path) -> None:
        from gammapy.data import DataStore

        query = (
            "SELECT TOP 2 obs_publisher_did FROM ivoa.obscore WHERE dataproduct_type='event'"
            " AND target_name='Crab Nebula' AND obs_publisher_did LIKE '%hess-dl3-dr1%'"
        )
        job = completed(jobs, people, "gammapy_datastore", obs_ids=query)
        name = next(name for name in job.results if "tar" in name or "package" in name or "datastore" in name)
        with tarfile.open(fileobj=io.BytesIO(job.get(f"/results/{name}").content)) as package:
            package.extractall(tmp_path)
        (index,) = tmp_path.rglob("obs-index.fits.gz")
        assert len(DataStore.from_dir(index.parent).get_observations()) == 2
        job.delete()

    def test_cutouts_of_a_table(self, jobs: Archive, people: People) -> None:
        positions = Table({"name": ["Crab", "nowhere"], "ra": [83.633, 10.0] * u.deg, "dec": [22.014, 10.0] * u.deg})
        out = io.StringIO()
        positions.write(out, format="ascii.ecsv")
        job = completed(
            jobs,
            people,
            "event_cutouts",
            files={"positions": ("mine.ecsv", out.getvalue())},
            obs_ids="hess-dl3-dr1:23559",
            radius="0.2",
        )
        name = next(name for name in job.results if not name.startswith("provenance") and name != "log")
        with tarfile.open(fileobj=io.BytesIO(job.get(f"/results/{name}").content)) as package:
            cuts = [member for member in package.getnames() if ".fits" in member]
            assert len(cuts) == 1
            with fits.open(io.BytesIO(package.extractfile(cuts[0]).read())) as hdus:  # type: ignore[union-attr]
                events = hdus["EVENTS"].data
        places = SkyCoord(events["RA"], events["DEC"], unit="deg")
        assert len(events) and np.all(places.separation(CRAB) <= 0.2 * u.deg)
        job.delete()

    def test_inputs_in_other_ways(self, jobs: Archive, people: People) -> None:
        listed = did_of(jobs.url, "hess-dl3-dr1", "23559") + "\n# a comment\n" + "hess-dl3-dr1:23592\n"
        job = completed(jobs, people, "gammapy_datastore", files={"obs_ids": ("mine.txt", listed)})
        number = job.url.rpartition("/")[2]
        assert len(json.loads(jobs.sql(f"SELECT datasets FROM cta.job WHERE job_id='{number}'")[0][0])) == 2
        job.delete()


class TestAccess:
    """The decision on access is taken again when results are fetched."""

    def test_a_run_that_becomes_proprietary(self, jobs: Archive, people: People) -> None:
        did = did_of(jobs.url, "hess-dl3-dr1", "20136")
        made = Job.create(jobs, {"obs_ids": did, "PHASE": "RUN"}, None, "/jobs/gammapy_datastore")
        assert wait_for(lambda: made.phase == "COMPLETED", 60)
        assert made.get("/results/datastore").status_code == 200
        accref = did.partition("?")[2]
        try:
            jobs.sql(f"UPDATE cta.dataset SET owner='demo-pi', embargo='2999-01-01' WHERE accref='{accref}'")
            assert made.get("/results/datastore").status_code == 401
            assert made.get("/phase").text == "COMPLETED"
        finally:
            jobs.sql(f"UPDATE cta.dataset SET owner=NULL, embargo=NULL WHERE accref='{accref}'")
        made.delete()


class TestDataLink:
    """A dataset's links lead to the jobs that can work on it."""

    def test_event_list(self, jobs: Archive) -> None:
        did = did_of(jobs.url, "hess-dl3-dr1", "23559")
        found = document(jobs, did)
        rows = [row for row in found.of("#proc") if "/jobs/" in found.services[row["service_def"]].url]
        services = {found.services[row["service_def"]].url: found.services[row["service_def"]] for row in rows}
        maps_service = services[f"{jobs.url}/jobs/gammapy_maps/sync"]
        assert maps_service.inputs["obs_ids"].get("value") == did
        given = {"obs_ids": did, "nxpix": "20", "nypix": "20", "binsz": "0.1"}
        answer = jobs.session.get(maps_service.url, params=given, timeout=90)
        assert answer.status_code == 200, answer.text
        with fits.open(io.BytesIO(answer.content)) as hdus:
            assert any(hdu.data is not None for hdu in hdus)
