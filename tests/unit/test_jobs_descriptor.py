"""Event lists advertise the jobs that can work on them, in a way that pyvo can follow."""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from astropy.io.votable import parse
from pyvo.dal.adhoc import DatalinkQuery, DatalinkResults

from analysis.description.descriptor import Offer, offers
from analysis.description.reader import parse_description
from datalink import jobs
from datalink.access import Protection, Viewer
from datalink.addresses import Addresses
from datalink.datasets import Dataset, Response, StoredFile
from datalink.document import Link, links_document
from datalink.links import links_of
from tests.unit.job_types import USED, job_type, votable

SERVER = "http://archive.example"
TODAY = datetime.date(2026, 11, 20)


def offered(**values: str) -> tuple[Offer, ...]:
    name = values.get("name", "count")
    return offers([parse_description(votable(**values).encode(), Path("/types") / name)], SERVER)


def dataset(name: str = "run", responses: Sequence[str] = ("aeff", "edisp", "psf"), embargo: bool = False) -> Dataset:
    protection = Protection("pi", datetime.date(2030, 1, 1)) if embargo else Protection(None, None)
    file = StoredFile(
        accref=f"cta/{name}.fits",
        publisher_did=f"ivo://org.cta/~?cta/{name}.fits",
        path=Path("/nowhere"),
        mime="application/fits",
        size=1,
        protection=protection,
    )
    return Dataset(
        file=file,
        collection="cta",
        obs_collection="CTA",
        obs_id="1",
        title="A run",
        product_type="event",
        subtype="event-list",
        responses=[Response(hdu_type=kind, hdu_class=None, hdu_name=kind, file=file) for kind in responses],
    )


def jobs_of(run: Dataset, found: tuple[Offer, ...]) -> list[Link]:
    links, services = links_of(run, 0, Addresses(SERVER), Viewer(), TODAY, found)
    assert not any(service.id.startswith("job_") for service in services)
    return [link for link in links if link.semantics == "#proc"]


class TestLinks:
    def test_a_fitting_job_type(self) -> None:
        (link,) = jobs_of(dataset(), offered())
        assert link.service_def == "job_count"
        assert link.description == "Counts photons: run as a job"
        assert (link.content_type, link.local_semantics) == ("text/plain", "count")
        assert (link.link_auth, link.link_authorized) == ("false", True)

    def test_a_proprietary_run(self) -> None:
        (link,) = jobs_of(dataset(embargo=True), offered())
        assert (link.link_auth, link.link_authorized) == ("true", False)

    def test_responses_that_it_needs(self) -> None:
        assert jobs_of(dataset(responses=("aeff",)), offered()) == []

    def test_another_kind_of_product(self) -> None:
        assert jobs_of(dataset(), offered(used=USED.replace('value="event"', 'value="image"'))) == []

    @pytest.mark.parametrize(
        "used",
        [
            "",
            USED.replace("1..*", "2..*"),
            USED + '<GROUP name="positions"><PARAM name="kind" value="upload"/></GROUP>',
            '<GROUP name="product"><PARAM name="kind" value="recipe"/></GROUP>',
        ],
    )
    def test_one_dataset_is_not_enough(self, used: str) -> None:
        assert offered(used=used) == ()

    def test_a_file_that_may_be_left_out(self) -> None:
        upload = (
            '<GROUP name="more"><PARAM name="kind" value="upload"/><PARAM name="multiplicity" value="0..1"/></GROUP>'
        )
        assert len(offered(used=USED + upload)) == 1


class TestPyvo:
    def test_a_client_starts_a_job_on_each_dataset(self) -> None:
        found = offered()
        links = [link for name in ("a", "b") for link in jobs_of(dataset(name), found)]
        document = links_document(links, [offer.service for offer in found])
        assert document.count(b'ID="job_count"') == 1, "the descriptor is the same for all datasets"
        results = DatalinkResults(parse(io.BytesIO(document)))
        for row, name in zip(results, ("a", "b"), strict=True):
            service = results.get_adhocservice_by_id(row.service_def)
            query = DatalinkQuery.from_resource(row, service, emin=0.5, band=(1, 10))
            assert query.baseurl == f"{SERVER}/jobs/count/sync"
            asked = {key: str(value) for key, value in query.items()}
            assert asked == {
                "OBS_IDS": f"ivo://org.cta/~?cta/{name}.fits",
                "NXPIX": "200",
                "MODEL": "pl",
                "EMIN": "0.5",
                "BAND": "1 10",
            }

    def test_limits_and_units_are_told(self) -> None:
        document = links_document([], [offer.service for offer in offered()])
        resource = parse(io.BytesIO(document)).resources[1]
        parameters = {item.name: item for item in resource.groups[0].entries}
        assert str(parameters["ra"].unit) == "deg"
        assert (parameters["nxpix"].values.min, parameters["nxpix"].values.max) == (1, 2000)
        assert [value for _, value in parameters["model"].values.options] == ["pl", "ecpl"]


class TestSite:
    def test_without_settings_nothing_is_advertised(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CTA_JOBS", "/nonexistent/jobs.toml")
        jobs._catalogue.cache_clear()
        assert jobs.job_offers(SERVER) == ()
        jobs._catalogue.cache_clear()

    def test_accepted_definitions_are(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        job_type(tmp_path / "definitions" / "accepted", "my_count", text=votable("my_count"))
        settings = tmp_path / "jobs.toml"
        settings.write_text(f'folder = "{tmp_path}"\npython = "python"\n')
        monkeypatch.setenv("CTA_JOBS", str(settings))
        jobs._catalogue.cache_clear()
        assert "my_count" in [offer.description.name for offer in jobs.job_offers(SERVER)]
        assert jobs.job_offers(SERVER) is jobs.job_offers(SERVER)
        jobs._catalogue.cache_clear()
