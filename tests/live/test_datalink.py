"""From a row to the file and its responses: access_url, links, downloads, and who may download."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import pyvo
import requests

from tests.live.archive import SAMPLE, Archive
from tests.live.conftest import REAL

RESPONSES = ["aeff", "bkgrate", "edisp", "psf"]
DATALINK = "application/x-votable+xml;content=datalink"


def record_of(tap: pyvo.dal.TAPService, collection: str, obs_id: str) -> pyvo.dal.Record:
    """Return the obscore row of an event list."""
    rows = tap.search(
        f"SELECT * FROM ivoa.obscore WHERE obs_collection='{collection}' AND obs_id='{obs_id}'"
        " AND dataproduct_type='event'"
    )
    assert len(rows) == 1
    return rows[0]


def links_of(tap: pyvo.dal.TAPService, collection: str, obs_id: str) -> list[pyvo.dal.Record]:
    """Return the links of an event list, through the service descriptor in the TAP answer, as gammapy gets them."""
    return list(record_of(tap, collection, obs_id).getdatalink())


def this_of(links: list[pyvo.dal.Record]) -> pyvo.dal.Record:
    """Return the one link to the file itself."""
    (this,) = [link for link in links if link["semantics"] == "#this"]
    return this


def suffixes(url: str) -> str:
    """Return the suffix that gammapy derives from a URL."""
    name = urlsplit(url).path.rpartition("/")[2]
    return name[name.index(".fits") :]


class TestLinks:
    """Each event list leads to its file, its responses, and the documents of its collection."""

    @pytest.mark.parametrize(
        ("collection", "obs_id", "responses"),
        [
            pytest.param("hess-dl3-dr1", "20136", RESPONSES, marks=REAL),
            pytest.param("cta-1dc", "110380", RESPONSES, marks=REAL),
            pytest.param("fact-joint-crab", "20131103103", ["aeff", "edisp"], marks=REAL),
            pytest.param("magic-rad-max", "5029748", ["", "aeff", "edisp"], marks=REAL),
            (SAMPLE, "100001", RESPONSES),
            (SAMPLE, "100003", RESPONSES),
        ],
    )
    def test_qualifiers(self, tap: pyvo.dal.TAPService, collection: str, obs_id: str, responses: list[str]) -> None:
        links = links_of(tap, collection, obs_id)
        assert not [link["error_message"] for link in links if link["error_message"]]
        assert this_of(links)["content_qualifier"] == "event-list"
        found = sorted(link["content_qualifier"] or "" for link in links if link["semantics"] == "#calibration")
        assert found == responses
        assert [link for link in links if link["semantics"] == "#documentation"]

    @REAL
    def test_a_bundle_has_one_url(self, tap: pyvo.dal.TAPService) -> None:
        links = links_of(tap, "hess-dl3-dr1", "20136")
        urls = {link["access_url"] for link in links if link["semantics"] in ("#this", "#calibration")}
        assert len(urls) == 1
        assert suffixes(urls.pop()) == ".fits.gz"

    @REAL
    @pytest.mark.parametrize(
        ("collection", "obs_id", "responses"),
        [
            ("cta-1dc", "110380", "caldb/data/cta/1dc/bcf/South_z20_50h/irf_file.fits"),
            ("fact-joint-crab", "20131103103", "fact_irf.fits"),
        ],
    )
    def test_shared_responses(
        self, archive: Archive, tap: pyvo.dal.TAPService, dl3: Path, collection: str, obs_id: str, responses: str
    ) -> None:
        links = links_of(tap, collection, obs_id)
        (url,) = {link["access_url"] for link in links if link["semantics"] == "#calibration"}
        assert url.endswith(f"/{responses}")
        assert url != this_of(links)["access_url"]
        answer = archive.session.get(url, timeout=60)
        assert answer.content == (dl3 / collection / responses).read_bytes()

    def test_access_url_is_the_same_document(self, archive: Archive, tap: pyvo.dal.TAPService) -> None:
        record = record_of(tap, SAMPLE, "100001")
        assert record["access_format"] == DATALINK
        answer = archive.session.get(record["access_url"], timeout=60)
        assert answer.headers["Content-Type"].replace(" ", "") == DATALINK
        direct = pyvo.dal.adhoc.DatalinkResults.from_result_url(record["access_url"], session=archive.session)
        assert [dict(link.items()) for link in direct] == [dict(link.items()) for link in record.getdatalink()]

    def test_many_at_once(self, tap: pyvo.dal.TAPService) -> None:
        """Fifty identifiers go into one request of pyvo; each has to come back with all its links."""
        rows = tap.search(f"SELECT * FROM ivoa.obscore WHERE obs_collection='{SAMPLE}' AND dataproduct_type='event'")
        documents = list(rows.iter_datalinks())
        assert len(documents) == len(rows) == 24
        for document in documents:
            assert len([link for link in document if link["semantics"] == "#this"]) == 1
            assert len([link for link in document if link["semantics"] == "#calibration"]) == 4

    def test_post_with_several_identifiers(self, archive: Archive, tap: pyvo.dal.TAPService) -> None:
        dids = [record_of(tap, SAMPLE, obs_id)["obs_publisher_did"] for obs_id in ("100001", "100002")]
        address = f"{archive.url}/cta/dl/links/dlmeta"
        answer = archive.session.post(address, data=[("ID", did) for did in [*dids, "ivo://no.where/~?x"]], timeout=60)
        assert answer.status_code == 200
        assert all(did in answer.text for did in dids)
        assert "NotFoundFault" in answer.text

    @REAL
    def test_a_response_file_is_a_dataset_with_links(self, tap: pyvo.dal.TAPService) -> None:
        rows = tap.search("SELECT * FROM ivoa.obscore WHERE obs_collection='cta-1dc' AND dataproduct_type IS NULL")
        assert len(rows) == 1
        assert rows[0]["dataproduct_subtype"] == "response-function"
        assert this_of(list(rows[0].getdatalink()))["access_url"].endswith("/irf_file.fits")

    @pytest.mark.parametrize("name", ["README.md", "TERMS.txt"])
    def test_documents_come_as_they_are(
        self, archive: Archive, tap: pyvo.dal.TAPService, sample: Path, name: str
    ) -> None:
        links = [link for link in links_of(tap, SAMPLE, "100001") if link["semantics"] == "#documentation"]
        (link,) = [link for link in links if link["access_url"].endswith(f"/{name}")]
        assert archive.session.get(link["access_url"], timeout=60).content == (sample / name).read_bytes()


class TestFiles:
    """The bytes are those of the files, under addresses that end like them."""

    @pytest.mark.parametrize(
        ("collection", "obs_id", "path"),
        [
            pytest.param("hess-dl3-dr1", "20136", "data/hess_dl3_dr1_obs_id_020136.fits.gz", marks=REAL),
            pytest.param("cta-1dc", "110380", "data/baseline/gps/gps_baseline_110380.fits", marks=REAL),
            pytest.param("fact-joint-crab", "20131105240", "20131105_240_dl3.fits", marks=REAL),
            pytest.param(
                "magic-rad-max", "5029748", "data/20131004_05029748_DL3_CrabNebula-W0.40+215.fits", marks=REAL
            ),
        ],
    )
    def test_real_files(
        self, archive: Archive, tap: pyvo.dal.TAPService, dl3: Path, collection: str, obs_id: str, path: str
    ) -> None:
        self.compare(archive, tap, collection, obs_id, dl3 / collection / path)

    def test_sample_files(self, archive: Archive, tap: pyvo.dal.TAPService, sample: Path) -> None:
        self.compare(archive, tap, SAMPLE, "100001", sample / "public" / "ctao_sim_100001.fits.gz")

    @staticmethod
    def compare(archive: Archive, tap: pyvo.dal.TAPService, collection: str, obs_id: str, file: Path) -> None:
        this = this_of(links_of(tap, collection, obs_id))
        url = this["access_url"]
        assert suffixes(url) == suffixes(f"http://x/{quote(file.name)}")
        answer = archive.session.get(url, timeout=60)
        assert answer.status_code == 200
        assert answer.headers.get("Content-Encoding") is None  # or clients would unpack what they save as .gz
        assert answer.content == file.read_bytes()
        assert this["content_length"] == file.stat().st_size
        assert int(answer.headers["Content-Length"]) == file.stat().st_size
        assert answer.headers["Content-Type"] == this["content_type"] == "application/fits"

    def test_range(self, archive: Archive, tap: pyvo.dal.TAPService, sample: Path) -> None:
        url = this_of(links_of(tap, SAMPLE, "100001"))["access_url"]
        content = (sample / "public" / "ctao_sim_100001.fits.gz").read_bytes()
        part = archive.session.get(url, headers={"Range": "bytes=100-199"}, timeout=60)
        assert part.status_code == 206
        assert part.content == content[100:200]

    @pytest.mark.parametrize(
        "path",
        [
            "/getproduct/cta/data/ctao-sample/../../q.rd",
            "/getproduct/cta/data/ctao-sample/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/gavorc",
            "/getproduct/cta/q.rd",
            "/getproduct/etc/passwd",
            "/getproduct//etc/passwd",
            "/cta/q/cone/static/data/ctao-sample/public/ctao_sim_100001.fits.gz",
            "/cta/q/cone/static/../../../etc/gavorc",
            "/cta/data/ctao-sample/public/ctao_sim_100001.fits.gz",
        ],
    )
    def test_nothing_else_is_served(self, archive: Archive, path: str) -> None:
        request = requests.Request("GET", archive.url).prepare()
        request.url = f"{archive.url}{path}"  # as it is: requests would tidy up the dots
        answer = archive.session.send(request, timeout=60)
        assert answer.status_code in (403, 404), (answer.status_code, answer.text[:200])
        assert "adminpasswd" not in answer.text


class TestProprietaryFiles:
    """Everybody sees that they exist; nobody gets them without a password."""

    PATH = f"/getproduct/cta/data/{SAMPLE}/proprietary/ctao_sim_100007.fits.gz"

    def test_metadata_are_visible(self, tap: pyvo.dal.TAPService) -> None:
        record = record_of(tap, SAMPLE, "100007")
        assert record["target_name"]
        assert record["s_ra"] > 0
        links = list(record.getdatalink())
        assert this_of(links)["content_qualifier"] == "event-list"
        assert len([link for link in links if link["semantics"] == "#calibration"]) == 4

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
    @pytest.mark.parametrize(
        "header", [{}, {"Range": "bytes=0-99"}, {"Range": "bytes=-10"}], ids=["all", "range", "end"]
    )
    def test_refused(self, archive: Archive, method: str, header: dict[str, str]) -> None:
        answer = archive.session.request(method, archive.url + self.PATH, headers=header, timeout=60)
        assert answer.status_code == 401, (answer.status_code, answer.content[:100])
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert b"SIMPLE" not in answer.content and not answer.content.startswith(b"\x1f\x8b")

    @pytest.mark.parametrize(
        "path",
        [
            PATH + "?preview=True",
            PATH + "?scale=2",
            PATH.replace("/getproduct/", "/__system__/products/p/get?key="),
            PATH.replace("/getproduct/", "/get/"),
            PATH.replace("getproduct", "getproduct/."),
            PATH.replace("ctao_sim", "%63tao_sim"),
            "/cta/q/cone/static/data/ctao-sample/proprietary/ctao_sim_100007.fits.gz",
            "/cta/dl/links/dlget?ID="
            + quote(f"ivo://cta.example/~?cta/data/{SAMPLE}/proprietary/ctao_sim_100007.fits.gz"),
        ],
    )
    def test_no_way_around(self, archive: Archive, path: str) -> None:
        answer = archive.get(path)
        assert not answer.content.startswith((b"\x1f\x8b", b"SIMPLE")), path
        assert answer.status_code >= 400 or answer.headers["Content-Type"].startswith(
            ("text/", "application/x-votable")
        )

    def test_a_wrong_password_is_refused(self, archive: Archive) -> None:
        assert archive.get(self.PATH, auth=("demo-pi", "guess")).status_code == 401

    def test_the_owner_gets_it(self, archive: Archive, sample: Path) -> None:
        """The owner of the collection file is a DaCHS group: its members may fetch."""
        archive.dachs("admin", "adduser", "live-pi", "secret-word").check()
        try:
            archive.dachs("admin", "addtogroup", "live-pi", "demo-pi").check()
            archive.dachs("admin", "adduser", "live-stranger", "secret-word").check()
            answer = archive.get(self.PATH, auth=("live-pi", "secret-word"))
            assert answer.status_code == 200
            assert answer.content == (sample / "proprietary" / "ctao_sim_100007.fits.gz").read_bytes()
            assert archive.get(self.PATH, auth=("live-stranger", "secret-word")).status_code in (401, 403)
        finally:
            archive.dachs("admin", "deluser", "live-pi")
            archive.dachs("admin", "deluser", "live-stranger")
        assert archive.get(self.PATH, auth=("live-pi", "secret-word")).status_code == 401
