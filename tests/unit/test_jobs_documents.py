"""UWS documents: valid in every phase, whatever texts users send; links are absolute and lead somewhere."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

pytest.importorskip("vo_models", reason="vo-models is not installed: requirements/test.txt has it")

from analysis.uws import documents
from analysis.uws.job import Job, JobParameter, JobResult, Phase

SCHEMA = Path(__file__).resolve().parents[3] / "shared" / "standards" / "fixtures" / "ivoa" / "UWS-v1.1.xsd"
XLINK = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://www.w3.org/1999/xlink">
  <xs:attribute name="type" type="xs:string"/><xs:attribute name="href" type="xs:anyURI"/></xs:schema>"""
NAMES = {"u": "http://www.ivoa.net/xml/UWS/v1.0"}
XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
HREF = "{http://www.w3.org/1999/xlink}href"
URL = "https://archive.example/jobs/maps/0123"
NOW = datetime.datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=datetime.UTC)


class _Xlink(etree.Resolver):  # type: ignore[misc]
    def resolve(self, url: str, _: str, context: Any) -> Any:
        """Give the schema of XLink without the network."""
        return self.resolve_string(XLINK, context) if "link" in url.lower() else None


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """The schema of UWS 1.1."""
    if not SCHEMA.exists():
        pytest.skip(f"no schema of UWS: {SCHEMA} is absent")
    parser = etree.XMLParser()
    parser.resolvers.add(_Xlink())
    return etree.XMLSchema(etree.parse(SCHEMA, parser))


def a_job(**values: Any) -> Job:
    """Return a job."""
    defaults: dict[str, Any] = {
        "job_id": "0123",
        "job_type": "maps",
        "owner": None,
        "phase": Phase.PENDING,
        "creation_time": NOW,
        "execution_duration": 60,
        "destruction": NOW,
        "activity": "a",
    }
    return Job(**(defaults | values))


def full_job(phase: Phase, text: str) -> Job:
    """Return a job that has everything, with this text wherever users or scripts put theirs."""
    return a_job(
        phase=phase,
        owner=text,
        run_id=text,
        quote=NOW,
        start_time=NOW,
        end_time=NOW,
        parameters=(JobParameter(name=text, value=text), JobParameter(name="table", value=text, upload=True)),
        results=(JobResult(name=text, content_type=text, file_name="a.fits", size=2**40),),
        error_type="transient",
        error_message=text,
        message=text,
    )


@pytest.mark.parametrize("phase", list(Phase))
def test_documents_are_valid_in_every_phase(schema: etree.XMLSchema, phase: Phase) -> None:
    for job in (a_job(phase=phase, destruction=None), full_job(phase, "a & b <c> \0\r\n")):
        made = [
            documents.job_document(job, URL),
            documents.jobs_document([job, job], "https://archive.example/jobs/maps"),
            documents.results_document(job.results, URL),
            documents.parameters_document(job.parameters, URL),
        ]
        for document in made:
            schema.assertValid(etree.fromstring(document))
        assert etree.fromstring(made[0]).get("version") == "1.1" == etree.fromstring(made[1]).get("version")


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_categories=())))
def test_any_text_gives_a_valid_document(schema: etree.XMLSchema, text: str) -> None:
    tree = etree.fromstring(documents.job_document(full_job(Phase.ERROR, text), URL))
    schema.assertValid(tree)
    assert (tree.findtext("u:runId", namespaces=NAMES) or "") == documents.clean(text)
    assert (tree.find("u:parameters/u:parameter", NAMES).text or "") == documents.clean(text)


def test_what_is_not_known_is_nil_and_what_was_not_given_is_absent() -> None:
    tree = etree.fromstring(documents.job_document(a_job(), URL))
    for name in ("ownerId", "quote", "startTime", "endTime"):
        assert tree.find(f"u:{name}", NAMES).get(XSI_NIL) == "true"
    for name in ("runId", "errorSummary", "jobInfo"):
        assert tree.find(f"u:{name}", NAMES) is None


def test_times_are_utc_with_z() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    tree = etree.fromstring(documents.job_document(a_job(creation_time=NOW.astimezone(zone)), URL))
    assert tree.findtext("u:creationTime", namespaces=NAMES) == "2026-11-20T12:00:00.123Z"
    assert documents.timestamp(NOW.replace(microsecond=0)) == "2026-11-20T12:00:00.000Z"
    assert documents.timestamp(None) == ""


def test_links_are_absolute() -> None:
    job = full_job(Phase.COMPLETED, "a b/ü")
    tree = etree.fromstring(documents.job_document(job, URL))
    assert tree.find("u:results/u:result", NAMES).get(HREF) == f"{URL}/results/a%20b%2F%C3%BC"
    reference = etree.fromstring(documents.jobs_document([job], URL.rpartition("/")[0]))[0]
    assert reference.get(HREF) == URL and reference.get("id") == "0123"


def test_an_uploaded_file_is_given_by_its_address() -> None:
    tree = etree.fromstring(documents.job_document(full_job(Phase.PENDING, "x"), URL))
    plain, upload = tree.findall("u:parameters/u:parameter", NAMES)
    assert (plain.get("byReference"), plain.text) == ("false", "x")
    assert (upload.get("byReference"), upload.text) == ("true", f"{URL}/parameters/table")


def test_a_failed_job_says_why_and_a_waiting_one_what_for() -> None:
    tree = etree.fromstring(documents.job_document(a_job(phase=Phase.ERROR, error_message="No events."), URL))
    summary = tree.find("u:errorSummary", NAMES)
    assert (summary.get("type"), summary.get("hasDetail"), summary[0].text) == ("fatal", "true", "No events.")
    tree = etree.fromstring(documents.job_document(a_job(phase=Phase.HELD, message="Too many."), URL))
    assert "".join(tree.find("u:jobInfo", NAMES).itertext()) == "Too many."


def test_pyvo_reads_what_we_write(tmp_path: Path) -> None:
    uws = pytest.importorskip("pyvo.io.uws")
    path = tmp_path / "job.xml"
    path.write_bytes(documents.job_document(full_job(Phase.COMPLETED, "x"), URL))
    read = uws.parse_job(str(path))
    assert (read.jobid, read.phase, read.ownerid, read.executionduration.sec) == ("0123", "COMPLETED", "x", 60)
    assert read.results[0].href == f"{URL}/results/x"
