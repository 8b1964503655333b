"""DataLink 1.1: what belongs to a dataset, for pyvo, STILTS and anybody who reads the document."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import pyvo
import requests
from astropy.config import set_temp_cache
from astropy.io import fits
from astropy.io.votable import parse
from astropy.utils.data import import_file_to_cache
from lxml import etree
from pyvo.dal.adhoc import DatalinkResults

from analysis.description.catalogue import Catalogue
from analysis.description.descriptor import offers
from analysis.settings import DEFINITIONS
from tests.live import soda_helpers as helpers
from tests.live.archive import CHECKOUT, RUNS, SAMPLE, Archive
from tests.live.conftest import REAL
from tests.live.schemas import violations
from tests.live.soda_helpers import DATALINK, LINKS, UNKNOWN, Descriptor, People, datalinklint, document, lint_errors

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
RESPONSES = ("aeff", "edisp", "psf", "bkg")
JOIN = "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
NO_DESCRIPTOR = pytest.mark.xfail(strict=True, reason="the extension's RD is any site's and names no service of ours")


@pytest.fixture(scope="module", autouse=True)
def tidy(archive: Archive) -> Iterator[None]:
    """No test of this module leaves a temporary file."""
    with helpers.nothing_left(archive):
        yield


@pytest.fixture(scope="module", autouse=True)
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give pyvo the vocabulary it would fetch from the IVOA: terms and their narrower ones."""
    folder = tmp_path_factory.mktemp("vocabulary")
    shutil.copyfile(CHECKOUT / "config" / "vocabularies" / "datalink" / "core.json", folder / "core")
    with set_temp_cache(folder):
        import_file_to_cache("http://www.ivoa.net/rdf/datalink/core", folder / "core")
        yield


def n_jobs() -> int:
    """Return how many job types are offered on an event list with responses."""
    return sum(offer.fits("event", RESPONSES) for offer in offers(Catalogue([DEFINITIONS]).descriptions(), ""))


class TestPyvo:
    """What pyvo makes of answers and documents."""

    @pytest.mark.parametrize(
        "adql",
        [
            f"SELECT * FROM ivoa.obscore WHERE {RUNS} AND obs_id='100001'",
            f"SELECT obs_publisher_did FROM ivoa.obscore WHERE {RUNS} AND obs_id='100001'",
            f"SELECT * FROM {JOIN} WHERE {RUNS} AND obs_id='100001'",
            f"SELECT obs_id, obs_publisher_did, energy_min FROM {JOIN} WHERE {RUNS} AND obs_id='100001'",
            "SELECT obs_publisher_did FROM cta.dataset WHERE obs_id='100001' AND dataproduct_type='event'",
            "SELECT obs_publisher_did FROM cta.obs_index WHERE obs_id='100001'",
            "SELECT TOP 1 obs_publisher_did FROM cta.hdu_index WHERE obs_publisher_did LIKE '%ctao_sim_100001%'",
            pytest.param(
                "SELECT obs_publisher_did FROM ivoa.obscore_hea WHERE obs_publisher_did LIKE '%ctao_sim_100001%'",
                marks=NO_DESCRIPTOR,
            ),
            f"SELECT TOP 1 t_min, obs_publisher_did FROM ivoa.obscore WHERE obs_id='100001' AND {RUNS} ORDER BY t_min",
        ],
    )
    def test_getdatalink(self, tap: pyvo.dal.TAPService, run: str, adql: str) -> None:
        """The answer to any query that selects the identifier brings the descriptor of the links service."""
        row = tap.search(adql)[0]
        assert row["obs_publisher_did"] == run
        links = row.getdatalink()
        assert {link["ID"] for link in links} == {run}
        assert len(list(links.bysemantics("#this"))) == 1

    @pytest.mark.parametrize(
        "adql",
        [
            f"SELECT obs_id FROM ivoa.obscore WHERE obs_collection='{SAMPLE}'",
            f"SELECT COUNT(*) AS n FROM ivoa.obscore WHERE obs_collection='{SAMPLE}'",
        ],
    )
    def test_no_identifier_no_links(self, tap: pyvo.dal.TAPService, adql: str) -> None:
        result = tap.search(adql)
        assert list(result.iter_adhocservices()) == []
        with pytest.raises((pyvo.dal.DALServiceError, AttributeError, KeyError)):
            result[0].getdatalink()

    @pytest.mark.parametrize("format_", ["votable", "votable/td", "votable/b2"])
    def test_descriptor_of_an_answer(self, archive: Archive, format_: str) -> None:
        adql = f"SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection='{SAMPLE}'"
        given = {"LANG": "ADQL", "QUERY": adql, "FORMAT": format_}
        root = etree.fromstring(archive.session.post(f"{archive.tap_url}/sync", data=given, timeout=60).content)
        (service,) = root.findall(f"{helpers.VOTABLE}RESOURCE[@utype='adhoc:service']")
        params = {item.get("name"): item for item in service.iter(f"{helpers.VOTABLE}PARAM")}
        assert params["accessURL"].get("value") == archive.url + LINKS
        assert params["standardID"].get("value").lower().startswith("ivo://ivoa.net/std/datalink#links-1.")
        (field,) = root.iter(f"{helpers.VOTABLE}FIELD")
        assert params["ID"].get("ref") == field.get("ID")

    def test_more_than_a_batch(self, archive: Archive, tap: pyvo.dal.TAPService) -> None:
        """pyvo sends what it has in one request, or in parts; every row gets its own document."""
        rows = tap.search("SELECT obs_publisher_did, dataproduct_type FROM ivoa.obscore")
        if len(rows) <= 50:
            pytest.skip("too few datasets without real data")
        found = {}
        for links in rows.iter_datalinks():
            ids = {link["ID"] for link in links}
            assert len(ids) == 1
            (did,) = ids
            assert links.original_row["obs_publisher_did"] == did
            assert len(list(links.bysemantics("#this"))) == 1
            found[did] = len(links)
        assert set(found) == set(rows["obs_publisher_did"])
        assert min(found.values()) >= 3

    def test_by_semantics(self, tap: pyvo.dal.TAPService, run: str) -> None:
        links = tap.search(f"SELECT * FROM ivoa.obscore WHERE obs_publisher_did='{run}'")[0].getdatalink()
        expected = {
            "#this": 1,
            "#calibration": 4,
            "#package": 1,
            "#preview-image": 1,
            "#preview-plot": 1,
            "#thumbnail": 1,
            "#cutout": 2,
            "#progenitor": 1,
            "#derivation": 5,
            "#documentation": 6,  # terms, home, document; provenance twice, recipe
            "#detached-header": 1,
        }
        jobs = n_jobs()
        expected |= {"#proc": jobs} if jobs else {}
        assert Counter(link["semantics"] for link in links) == expected
        for term, number in expected.items():
            assert len(list(links.bysemantics(term, include_narrower=False))) == number, term
        wider = {"#preview": 3, "#proc": 2 + jobs, "#documentation": 7, "#calibration": 4, "#package": 1}
        for term, number in wider.items():
            assert len(list(links.bysemantics(term))) == number, term

    def test_first_proc_cuts(self, tap: pyvo.dal.TAPService, run: str) -> None:
        links = tap.search(f"SELECT * FROM ivoa.obscore WHERE obs_publisher_did='{run}'")[0].getdatalink()
        proc = links.get_first_proc()
        content = proc.process(circle=(83.633, 22.014, 0.3)).read()
        table = fits.open(io.BytesIO(content))["EVENTS"].data
        assert 0 < len(table) < 7000
        distance = np.hypot((table["RA"] - 83.633) * np.cos(np.radians(22.0)), table["DEC"] - 22.014)
        assert distance.max() < 0.301

    def test_processed(self, tap: pyvo.dal.TAPService, run: str) -> None:
        """Energy limits as pyvo gives them, by the parameter's own unit."""
        links = tap.search(f"SELECT * FROM ivoa.obscore WHERE obs_publisher_did='{run}'")[0].getdatalink()
        proc = links.get_first_proc()
        assert {"CIRCLE", "POLYGON", "POS", "TIME", "BAND", "ENERGY"} <= {par.name for par in proc.input_params}
        content = proc.process(**{"ENERGY": (1.0, 10.0), "RESPONSES": "omit"}).read()
        energies = fits.open(io.BytesIO(content))["EVENTS"].data["ENERGY"]
        assert 1 <= energies.min() <= energies.max() <= 10

    def test_iter_procs(self, tap: pyvo.dal.TAPService, run: str) -> None:
        links = tap.search(f"SELECT * FROM ivoa.obscore WHERE obs_publisher_did='{run}'")[0].getdatalink()
        assert len(list(links.iter_procs())) == 2 + n_jobs()


class TestDocument:
    """The document itself (DataLink 1.1, datalink.md §1–3)."""

    def test_media_type_and_info(self, archive: Archive, run: str) -> None:
        for answer in (
            archive.get(LINKS, params={"ID": run}),
            archive.get(LINKS, params={"id": run}),
            archive.session.post(archive.url + LINKS, data={"ID": run}, timeout=60),
        ):
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == DATALINK
            found = helpers.Document(answer)
            assert found.info["standardID"] == "ivo://ivoa.net/std/DataLink#links-1.1"
            assert {row["ID"] for row in found.rows} == {run}

    def test_schema(self, archive: Archive, run: str, held: str) -> None:
        for content in (
            document(archive, run, held, UNKNOWN, "nonsense").answer.content,
            archive.get(LINKS).content,
        ):
            assert violations(etree.fromstring(content), "ivoa") == []
            table = parse(io.BytesIO(content), verify="warn").get_first_table()
            assert table.fields[0].name == "ID"

    def test_without_id_the_service_describes_itself(self, archive: Archive) -> None:
        for given in ({}, {"ID": ""}, {"MAXREC": "0"}):
            found = helpers.Document(archive.get(LINKS, params=given))
            assert found.rows == []
            (service,) = found.services.values()
            assert service.url == archive.url + LINKS
            assert service.params["standardID"] == "ivo://ivoa.net/std/DataLink#links-1.1"
            assert list(service.inputs) == ["ID"]

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_fifty(self, archive: Archive, method: str) -> None:
        rows = archive.query("SELECT TOP 50 obs_publisher_did FROM ivoa.obscore ORDER BY obs_publisher_did DESC")
        dids = [row["obs_publisher_did"] for row in rows]
        pairs = [("ID", did) for did in [*dids[:25], UNKNOWN, *dids[25:], dids[0]]]
        url = archive.url + LINKS
        if method == "get":
            answer = archive.session.get(url, params=pairs, timeout=60)
        else:
            answer = archive.session.post(url, data=pairs, timeout=60)
        assert answer.status_code == 200, answer.text[:200]
        found = [row["ID"] for row in helpers.Document(answer).rows]
        in_order = [did for before, did in zip(["", *found], found, strict=False) if did != before]
        assert in_order == [*dids[:25], UNKNOWN, *dids[25:]]  # consecutive, in the order asked for, each once

    def test_every_row(self, archive: Archive, run: str, held: str) -> None:
        """Exactly one of access_url, service_def, error_message; service_def exists; the rest as the table of §2."""
        found = document(archive, run, held, UNKNOWN)
        for row in found.rows:
            assert sum(bool(row[name]) for name in ("access_url", "service_def", "error_message")) == 1
            assert row["semantics"].startswith("#")
            if row["service_def"]:
                assert row["service_def"] in found.services
            if not row["error_message"]:
                assert row["description"] and row["content_type"]
                assert row["link_auth"] in ("true", "false", "optional")
                assert row["link_authorized"] in ("T", "F")

    @pytest.mark.parametrize(
        ("did", "kind"),
        [
            (UNKNOWN, "NotFoundFault"),
            ("ivo://no.where/~?x", "NotFoundFault"),
            ("ivo://cta.example/~?cta/data/ctao-sample/../../../etc/passwd", "NotFoundFault"),
            ("ivo://cta.example/~?cta/data/ctao-sample/README.md", "NotFoundFault"),
            ("' OR 1=1; DROP TABLE cta.dataset; --", "UsageFault"),
            ("ivo://x' UNION SELECT passwd FROM dc.users --", "NotFoundFault"),
            ("100001", "UsageFault"),
            ("  ", "UsageFault"),
            ("ivo://x y/~? z", "NotFoundFault"),
            ("ivo://☃/~?ü", "NotFoundFault"),
            ("<script>alert(1)</script>", "UsageFault"),
            ("ivo://%00", "NotFoundFault"),
            ("ivo://\0", "NotFoundFault"),
            ("ivo://\x01\x1f\ufffe", "NotFoundFault"),
            ("ivo://" + "x" * 100_000, "NotFoundFault"),
        ],
    )
    def test_faults(self, archive: Archive, run: str, did: str, kind: str) -> None:
        """A bad identifier is a row among the others, not an error."""
        found = document(archive, run, did)
        bad = [row for row in found.rows if row["error_message"]]
        assert len(bad) == 1
        assert bad[0]["semantics"] == "#this"
        assert bad[0]["error_message"].startswith(f"{kind}: ")
        if did.isprintable() and did.strip() == did:
            assert bad[0]["ID"] == did
        assert {row["ID"] for row in found.rows if not row["error_message"]} == {run}

    def test_an_id_too_long_for_an_address(self, archive: Archive, run: str) -> None:
        """The web server may hang up on it; others are served on."""
        with contextlib.suppress(requests.ConnectionError):
            assert archive.get(LINKS, params={"ID": "ivo://" + "x" * 100_000}).status_code >= 400
        assert document(archive, run).rows

    def test_undecodable_id(self, archive: Archive) -> None:
        answer = archive.session.get(f"{archive.url}{LINKS}?ID=ivo://%ff%fe", timeout=60)
        assert answer.status_code == 200
        assert "Fault: " in helpers.Document(answer).rows[0]["error_message"]

    @pytest.mark.parametrize(
        "format_",
        ["votable", "VOTable", "application/x-votable+xml", DATALINK, "application/x-votable+xml; content=datalink"],
    )
    def test_responseformat(self, archive: Archive, run: str, format_: str) -> None:
        answer = archive.get(LINKS, params={"ID": run, "RESPONSEFORMAT": format_})
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == DATALINK

    @pytest.mark.parametrize("format_", ["text/csv", "json", "image/png", "nonsense"])
    def test_other_formats_are_refused(self, archive: Archive, run: str, format_: str) -> None:
        answer = archive.get(LINKS, params={"ID": run, "RESPONSEFORMAT": format_})
        assert (answer.status_code, helpers.token(answer)) == (400, "UsageError")

    def test_browsers_get_a_page(self, archive: Archive, run: str) -> None:
        answer = archive.get(LINKS, params={"ID": run}, headers={"User-Agent": "Mozilla/5.0"})
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "ctao_sim_100001.fits.gz" in answer.text


class TestLint:
    """STILTS datalinklint, version 1.1: nothing to say."""

    @pytest.mark.parametrize(
        ("collection", "obs_id"),
        [
            (SAMPLE, "100001"),
            pytest.param("hess-dl3-dr1", "20136", marks=REAL),
            pytest.param("fact-joint-crab", "20131105240", marks=REAL),
            pytest.param("cta-1dc", "110380", marks=REAL),
            pytest.param("magic-rad-max", "5029748", marks=REAL),
        ],
    )
    def test_event_lists(self, archive: Archive, collection: str, obs_id: str) -> None:
        found = document(archive, helpers.did_of(archive.url, collection, obs_id))
        assert lint_errors(datalinklint(found.answer.content)) == []

    @REAL
    def test_response_file(self, archive: Archive) -> None:
        rows = archive.query("SELECT obs_publisher_did FROM ivoa.obscore WHERE dataproduct_subtype='response-function'")
        found = document(archive, *(row["obs_publisher_did"] for row in rows))
        assert not found.of("#cutout") and not found.of("#preview-image")
        assert lint_errors(datalinklint(found.answer.content)) == []

    @pytest.mark.parametrize("who", ["anonymous", "stranger", "pi"])
    def test_proprietary(self, archive: Archive, people: People, held: str, who: str) -> None:
        found = document(archive, held, login=getattr(people, who))
        assert lint_errors(datalinklint(found.answer.content)) == []

    def test_faults(self, archive: Archive) -> None:
        found = document(archive, UNKNOWN, "nonsense", "<&>'\"")
        assert len(found.rows) == 3
        assert lint_errors(datalinklint(found.answer.content)) == []

    def test_self_description(self, archive: Archive) -> None:
        assert lint_errors(datalinklint(archive.get(LINKS).content)) == []

    def test_the_linter_would_see_it(self, archive: Archive, run: str) -> None:
        content = document(archive, run).answer.content
        for old, new in ((b"#links-1.1", b"#links-9.1"), (b"soda_sync_0</TD>", b"soda_x</TD>"), (b"#this<", b"#thys<")):
            assert old in content
            assert lint_errors(datalinklint(content.replace(old, new, 1))), old


class TestWhoMayFollow:
    """link_auth says whether data are held, link_authorized whether the caller may have them all the same."""

    def test_public(self, archive: Archive, people: People, run: str) -> None:
        for login in (None, people.stranger, people.pi, people.wrong_password):
            rows = document(archive, run, login=login).rows
            assert {(row["link_auth"], row["link_authorized"]) for row in rows} == {("false", "T")}

    @pytest.mark.parametrize("who", ["anonymous", "stranger", "wrong_password", "pi"])
    def test_proprietary(self, archive: Archive, people: People, held: str, who: str) -> None:
        rows = document(archive, held, login=getattr(people, who)).rows
        may = "T" if who == "pi" else "F"
        for row in rows:
            expected = ("false", "T") if row["semantics"] in helpers.OPEN_SEMANTICS else ("true", may)
            assert (row["link_auth"], row["link_authorized"]) == expected, row["semantics"]
        assert len({row["semantics"] for row in rows}) >= 9
        assert not [row for row in rows if row["error_message"]]

    def test_everybody_sees_the_same_links(self, archive: Archive, people: People, held: str) -> None:
        def without_permission(login: helpers.Login) -> list[dict[str, str]]:
            rows = document(archive, held, login=login).rows
            return [{key: value for key, value in row.items() if key != "link_authorized"} for row in rows]

        assert without_permission(None) == without_permission(people.pi) == without_permission(people.stranger)


class TestDescriptors:
    """The descriptors of the cut-out services describe this very dataset, and what they describe works."""

    @pytest.mark.parametrize(
        ("collection", "obs_id"),
        [
            (SAMPLE, "100001"),
            (SAMPLE, "100017"),
            pytest.param("hess-dl3-dr1", "20136", marks=REAL),
            pytest.param("cta-1dc", "110380", marks=REAL),
            pytest.param("fact-joint-crab", "20131105240", marks=REAL),
        ],
    )
    def test_ranges_are_those_of_the_row(
        self, archive: Archive, tap: pyvo.dal.TAPService, collection: str, obs_id: str
    ) -> None:
        did = helpers.did_of(archive.url, collection, obs_id)
        row = tap.search(f"SELECT * FROM {JOIN} WHERE obs_publisher_did='{did}'")[0]
        found = document(archive, did)
        sync, as_job = found.cutout("sync"), found.cutout("async")
        assert sync.url == archive.url + helpers.SODA
        assert as_job.url == archive.url + helpers.JOBS
        assert sync.params["standardID"] == "ivo://ivoa.net/std/SODA#sync-1.0"
        assert as_job.params["standardID"] == "ivo://ivoa.net/std/SODA#async-1.0"
        for service in (sync, as_job):
            assert service.inputs["ID"].get("value") == did
            assert numbers(service, "TIME") == pytest.approx([row["t_min"], row["t_max"]], rel=1e-15)
            assert numbers(service, "BAND") == pytest.approx([row["em_min"], row["em_max"]], rel=1e-6)
            energies = [row["energy_min"] / 1e12, row["energy_max"] / 1e12]
            assert numbers(service, "ENERGY") == pytest.approx(energies, rel=1e-6)
            circle = [row["s_ra"], row["s_dec"], row["s_fov"] / 2]
            assert numbers(service, "CIRCLE") == pytest.approx(circle, rel=1e-6)
            polygon = [float(word) for word in str(row["s_region"]).split() if word[0].isdigit() or word[0] == "-"]
            assert numbers(service, "POLYGON") == pytest.approx(polygon, abs=1e-4)
            assert service.options("RESPONSES") == ["include", "omit"]
            assert service.options("RESPONSEFORMAT") == ["application/fits", "application/x-votable+xml"]

    # name: UCD, unit, datatype, arraysize, xtype (soda.md §2, §5.1)
    TRIPLES = {
        "CIRCLE": ("pos.outline;obs", "deg", "double", "3", "circle"),
        "POLYGON": ("pos.outline;obs", "deg", "double", "*", "polygon"),
        "POS": ("pos.outline;obs", None, "char", "*", None),
        "BAND": ("em.wl;stat.interval", "m", "double", "2", "interval"),
        "TIME": ("time.interval;obs.exposure", "d", "double", "2", "interval"),
        "ENERGY": ("em.energy;stat.interval", "TeV", "double", "2", "interval"),
        "EVENT_TYPE": ("meta.code.qual;instr.detection;phys.particle", None, "char", "*", None),
        "RESPONSES": ("meta.code", None, "char", "*", None),
        "RESPONSEFORMAT": ("meta.code.mime", None, "char", "*", None),
    }

    def test_parameters(self, archive: Archive, run: str) -> None:
        service = document(archive, run).cutout()
        assert set(service.inputs) == {"ID", *self.TRIPLES}
        for name, expected in self.TRIPLES.items():
            param = service.inputs[name]
            found = tuple(param.get(key) for key in ("ucd", "unit", "datatype", "arraysize", "xtype"))
            assert found == expected, name
            assert param.get("value") == ""

    def test_the_limits_can_be_asked_for(self, archive: Archive, run: str) -> None:
        """Each parameter with the limits it names gives data, and all of what there is in time."""
        service = document(archive, run).cutout()
        whole = len(helpers.events_of(helpers.opened(helpers.soda(archive, run, RESPONSES="omit").content)).data)
        for name in ("CIRCLE", "POLYGON", "TIME", "BAND", "ENERGY"):
            value = " ".join(repr(number) for number in numbers(service, name))
            answer = archive.session.get(service.url, params={"ID": run, name: value}, timeout=60)
            assert answer.status_code == 200, (name, answer.text)
            # events outside of acceptance and energy threshold are real, too
            n_events = len(helpers.events_of(helpers.opened(answer.content)).data)
            assert n_events == whole if name == "TIME" else 0.7 * whole < n_events <= whole, name


def numbers(service: Descriptor, name: str) -> list[float]:
    """Return the numbers in MIN and MAX of a parameter."""
    return [float(word) for limit in service.limits(name) if limit for word in limit.split()]


class TestLinksWork:
    """What links say of their targets is so."""

    @pytest.mark.parametrize(
        ("collection", "obs_id"),
        [
            (SAMPLE, "100001"),
            pytest.param("hess-dl3-dr1", "20136", marks=REAL),
            pytest.param("fact-joint-crab", "20131105240", marks=REAL),
        ],
    )
    def test_type_and_length(self, archive: Archive, collection: str, obs_id: str) -> None:
        found = document(archive, helpers.did_of(archive.url, collection, obs_id))
        seen: dict[str, requests.Response] = {}
        own = [row for row in found.rows if row["access_url"].startswith(archive.url)]
        assert len(own) >= 9
        for row in own:
            url = row["access_url"]
            answer = seen.setdefault(url, archive.session.get(url, timeout=60))
            assert answer.status_code == 200, url
            assert answer.headers["Content-Type"].partition(";")[0] == row["content_type"].partition(";")[0]
            if row["content_length"]:
                assert int(row["content_length"]) == len(answer.content), url
            if row["content_type"] == "image/png":
                assert answer.content.startswith(b"\x89PNG")
            if row["content_type"] in ("application/fits", "image/png", "application/x-tar"):
                assert int(answer.headers["Content-Length"]) == len(answer.content)
        lengths = {row["semantics"] for row in own if row["content_length"]}
        assert {"#this", "#calibration"} <= lengths

    def test_previews_in_obscore(self, archive: Archive, run: str) -> None:
        """The address in ObsCore is that of the preview link."""
        (row,) = archive.query(f"SELECT preview FROM ivoa.obscore WHERE obs_publisher_did='{run}'")
        (link,) = document(archive, run).of("#preview-image")
        assert dict(parse_qsl(urlsplit(row["preview"]).query)) == dict(parse_qsl(urlsplit(link["access_url"]).query))
        assert archive.session.get(row["preview"], timeout=60).content.startswith(b"\x89PNG")

    def test_detached_header(self, archive: Archive, run: str) -> None:
        (link,) = document(archive, run).of("#detached-header")
        text = archive.session.get(link["access_url"], timeout=60).text
        assert text.count("XTENSION= 'BINTABLE'") == 6
        assert "OBS_ID  =               100001" in text

    def test_terms_are_documented(self, archive: Archive, run: str) -> None:
        texts: list[Any] = [
            row for row in document(archive, run).of("#documentation") if row["local_semantics"] == "terms"
        ]
        assert any("creativecommons" in row["access_url"] for row in texts)
        assert any(row["access_url"].endswith("/TERMS.txt") for row in texts)

    @pytest.mark.parametrize(
        ("kind", "status"), [("sky", 200), ("PLOT", 200), ("thumbnail", 200), ("map", 400), ("../../q.rd", 400)]
    )
    def test_kinds_of_previews(self, archive: Archive, run: str, kind: str, status: int) -> None:
        answer = archive.get("/cta/dl/preview/dlget", params={"ID": run, "KIND": kind})
        assert answer.status_code == status
        if status == 400:
            assert helpers.token(answer) == "UsageError"

    def test_preview_still_there(self, archive: Archive, run: str) -> None:
        """A browser that has the picture is told so; it used to wait for ever."""
        (link,) = document(archive, run).of("#thumbnail")
        first = archive.session.get(link["access_url"], timeout=60)
        since = {"If-Modified-Since": first.headers["Last-Modified"]}
        again = archive.session.get(link["access_url"], headers=since, timeout=20)
        assert (again.status_code, again.content) == (304, b"")
        assert archive.session.head(link["access_url"], timeout=20).status_code == 200
        part = archive.session.get(link["access_url"], headers={"Range": "bytes=1-3"}, timeout=20)
        assert (part.status_code, part.content) == (206, b"PNG")
        beyond = archive.session.get(link["access_url"], headers={"Range": "bytes=99999999-"}, timeout=20)
        assert beyond.status_code == 416


def test_pyvo_reads_documents_by_address(archive: Archive, run: str) -> None:
    links = DatalinkResults.from_result_url(
        f"{archive.url}{LINKS}?ID={requests.utils.quote(run)}", session=archive.session
    )
    assert links.status == ("OK", None) or links.status[0] == "OK"
    assert len(links) > 10
