"""Sessions with the clients that people have: curl, pyvo, and what starts a job from a DataLink document."""

from __future__ import annotations

import datetime
import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pyvo
import requests
from astropy.io import fits
from lxml import etree, html
from pyvo.dal.adhoc import DatalinkQuery, DatalinkResults
from pyvo.dal.exceptions import DALServiceError
from pyvo.dal.tap import AsyncTAPJob
from pyvo.io import uws

from tests.live.archive import SAMPLE, Archive, session, wait_for
from tests.live.conftest import REAL
from tests.live.jobs.conftest import Submit
from tests.live.jobs.test_uws import ends
from tests.live.soda_helpers import LINKS, UWS, Job, People, datalinklint, did_of, document, lint_errors


@dataclass
class Curl:
    """What somebody types."""

    base: str
    login: tuple[str, str] | None = None

    def __call__(self, *words: str) -> str:
        """Run curl and return what it prints; an address may begin with ``/jobs``."""
        options = ["curl", "-sS", "--noproxy", "*", "--max-time", "60"]
        if self.login:
            options += ["-u", ":".join(self.login)]
        addressed = [f"{self.base}{word}" if word.startswith("/jobs") else word for word in words]
        done = subprocess.run([*options, *addressed], capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def changed(self, *words: str) -> str:
        """Send something, and return where the answer leads."""
        code, _, url = self("-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", *words).partition(" ")
        assert code == "303", (code, words)
        return url

    def status(self, *words: str) -> int:
        """Return the status of an answer."""
        return int(self("-o", "/dev/null", "-w", "%{http_code}", *words))


@pytest.fixture
def curl(jobs: Archive, people: People) -> Curl:
    """Curl, signed in."""
    return Curl(jobs.url, people.pi)


def text_of(document_: str, tag: str) -> str | None:
    """Return the text of an element of a job document."""
    return etree.fromstring(document_.encode()).findtext(f"{UWS}{tag}")


class TestCurl:
    """A session in a shell."""

    def test_from_creation_to_deletion(self, curl: Curl) -> None:
        job = curl.changed("/jobs/test_sleeper", "-d", "seconds=30")
        assert job.startswith(f"{curl.base}/jobs/test_sleeper/")
        assert curl(f"{job}/phase") == "PENDING"
        assert curl.changed(f"{job}/parameters", "-d", "seconds=1") == job
        assert curl(f"{job}/parameters/seconds") == "1"
        assert curl.changed(f"{job}/executionduration", "-d", "EXECUTIONDURATION=25") == job
        assert curl(f"{job}/executionduration") == "25"
        day = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        curl.changed(f"{job}/destruction", "-d", f"DESTRUCTION={day}")
        assert curl(f"{job}/destruction")[:19] == day[:19]
        assert curl(f"{job}/owner") == curl.login[0]  # type: ignore[index]
        assert curl.changed(f"{job}/phase", "-d", "PHASE=RUN") == job
        shown = curl(f"{job}?WAIT=30")
        while text_of(shown, "phase") in ("QUEUED", "EXECUTING"):
            shown = curl(f"{job}?WAIT=30")
        assert text_of(shown, "phase") == "COMPLETED"
        assert 'id="out"' in curl(f"{job}/results")
        assert curl(f"{job}/results/out") == "begun\n"
        assert "sleeping" in curl(f"{job}/results/log")
        assert curl(f"{job}/error") == ""
        assert job.rpartition("/")[2] in curl("/jobs/test_sleeper?PHASE=COMPLETED&LAST=1")
        assert curl.changed("-X", "DELETE", job) == f"{curl.base}/jobs/test_sleeper"
        assert curl.status(job) == 404

    def test_abort(self, curl: Curl) -> None:
        job = curl.changed("/jobs/test_sleeper", "-d", "seconds=500", "-d", "PHASE=RUN")
        assert wait_for(lambda: curl(f"{job}/phase") == "EXECUTING", 10)
        curl.changed(f"{job}/phase", "-d", "PHASE=ABORT")
        assert curl(f"{job}/phase") == "ABORTED"
        curl.changed(job, "-d", "ACTION=DELETE")

    def test_the_redirection_is_followed(self, curl: Curl) -> None:
        shown = curl("-L", "/jobs/test_nothing", "-d", "text=a b&c", "-d", "PHASE=RUN")
        assert text_of(shown, "phase") in ("QUEUED", "EXECUTING", "COMPLETED")
        curl.changed("-X", "DELETE", f"/jobs/test_nothing/{text_of(shown, 'jobId')}")

    def test_a_form_with_files(self, curl: Curl, tmp_path: Path) -> None:
        table = tmp_path / "my positions.csv"
        table.write_text("ra,dec,radius,name\n83.63,22.01,0.2,Crab\n")
        words = ("-F", f"positions=@{table};type=text/csv", "-F", f"obs_ids={did_of(curl.base, SAMPLE, '100001')}")
        job = curl.changed("/jobs/event_cutouts", *words, "-F", "RUNID=from a shell")
        assert curl(f"{job}/parameters/positions") == table.read_text()
        shown = curl(job)
        assert text_of(shown, "runId") == "from a shell"
        values = {item.get("id"): item for item in etree.fromstring(shown.encode()).iter(f"{UWS}parameter")}
        assert values["positions"].get("byReference") == "true"
        assert curl(values["positions"].text) == table.read_text()
        curl.changed("-X", "DELETE", job)
        assert curl.status(f"{job}/parameters/positions") == 404

    def test_refusals_are_sentences(self, curl: Curl) -> None:
        answer = curl("/jobs/gammapy_maps", "-d", "nxpix=many")
        assert "nxpix" in answer and "<" not in answer
        assert curl.status("/jobs/nothing_like_it") == 404
        assert curl.status("-X", "PATCH", "/jobs/test_sleeper") == 405

    def test_without_an_account(self, curl: Curl) -> None:
        anonymous = Curl(curl.base)
        job = anonymous.changed("/jobs/test_nothing", "-d", "PHASE=RUN")
        assert not text_of(anonymous(f"{job}?WAIT=20"), "ownerId")
        assert job.rpartition("/")[2] not in anonymous("/jobs/test_nothing")
        anonymous.changed("-X", "DELETE", job)


class TestPyvoDocuments:
    """Pyvo reads what the service writes."""

    def parsed(self, answer: requests.Response) -> uws.JobFile:
        return uws.parse_job(io.BytesIO(answer.content))

    def test_each_phase(self, submit: Submit, people: People) -> None:
        job = submit("test_sleeper", seconds="1", RUNID="a name")
        found = self.parsed(job.get())
        assert (found.phase, found.runid, found.ownerid, found.version) == ("PENDING", "a name", people.pi[0], "1.1")
        assert {item.id_: item.content for item in found.parameters}["seconds"] == "1"
        job.post("/phase", PHASE="RUN")
        assert wait_for(lambda: job.phase == "EXECUTING", 10)
        assert self.parsed(job.get()).starttime is not None
        assert ends(job) == "COMPLETED"
        found = self.parsed(job.get())
        assert found.endtime >= found.starttime
        assert {item.id_: item.href for item in found.results}["out"] == f"{job.url}/results/out"
        failed = submit("test_hostile", what="raise", PHASE="RUN")
        assert ends(failed) == "ERROR"
        assert "of no value" in self.parsed(failed.get()).errorsummary.message.content
        aborted = submit("test_sleeper", PHASE="RUN")
        aborted.post("/phase", PHASE="ABORT")
        assert ends(aborted) == "ABORTED"
        assert self.parsed(aborted.get()).phase == "ABORTED"

    def test_list(self, jobs: Archive, people: People, submit: Submit) -> None:
        made = [submit("test_sleeper") for _ in range(3)]
        made[-1].post("/phase", PHASE="ABORT")
        answer = jobs.get("/jobs/test_sleeper", params={"LAST": "3"}, auth=people.pi)
        found = uws.parse_job_list(io.BytesIO(answer.content))
        assert [item.jobid for item in found] == [job.url.rpartition("/")[2] for job in reversed(made)]
        assert [item.phase for item in found] == ["ABORTED", "PENDING", "PENDING"]


class TestPyvoJobs:
    """Pyvo's class for jobs of TAP works on those of this service."""

    @pytest.fixture
    def web(self, people: People) -> requests.Session:
        """A session that is signed in."""
        made = session()
        made.auth = people.pi
        return made

    def started(self, jobs: Archive, web: requests.Session, name: str, **parameters: str) -> AsyncTAPJob:
        answer = web.post(f"{jobs.url}/jobs/{name}", data=parameters, timeout=60)
        answer.raise_for_status()
        return AsyncTAPJob(answer.url, session=web)

    def test_run_wait_results(self, jobs: Archive, web: requests.Session, people: People) -> None:
        with self.started(jobs, web, "test_sleeper", seconds="1") as job:
            assert (job.phase, job.owner, job.uws_version) == ("PENDING", people.pi[0], "1.1")
            job.execution_duration = 30
            assert job.execution_duration.to_value("s") == 30
            day = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=3)
            job.destruction = day
            assert job.destruction.datetime.replace(tzinfo=datetime.UTC) == day
            job.run().wait()
            job.raise_if_error()
            assert job.phase == "COMPLETED"
            (out,) = [result for result in job.results if result.id_ == "out"]
            assert web.get(out.href, timeout=60).text == "begun\n"
            url = job.url
        assert web.get(url, timeout=60).status_code == 404, "leaving the context deletes the job"

    def test_abort_and_delete(self, jobs: Archive, web: requests.Session) -> None:
        job = self.started(jobs, web, "test_sleeper", seconds="500", PHASE="RUN")
        assert wait_for(lambda: job.phase == "EXECUTING", 10)
        assert job.abort().phase == "ABORTED"
        with pytest.raises(DALServiceError):
            job.wait()
        job.delete()
        with pytest.raises(DALServiceError):
            AsyncTAPJob(job.url, session=web)

    def test_an_error_is_raised_with_its_sentence(self, jobs: Archive, web: requests.Session) -> None:
        with self.started(jobs, web, "test_hostile", what="raise", PHASE="RUN") as job:
            job.wait()
            with pytest.raises(pyvo.dal.DALQueryError, match="of no value"):
                job.raise_if_error()


class TestFromDataLink:
    """A job is started from the links of a dataset."""

    @pytest.fixture
    def links(self, jobs: Archive) -> Iterator[DatalinkResults]:
        """Links of an event list of the sample."""
        did = did_of(jobs.url, SAMPLE, "100001")
        yield DatalinkResults.from_result_url(f"{jobs.url}{LINKS}?ID={requests.utils.quote(did, safe='')}")

    def test_pyvo_starts_maps(self, links: DatalinkResults) -> None:
        rows = {row["local_semantics"]: row for row in links.bysemantics("#proc", include_narrower=False)}
        row = rows["gammapy_maps"]
        resource = links.get_adhocservice_by_id(row.service_def)
        query = DatalinkQuery.from_resource(row, resource, session=session(), nxpix=40, nypix=30, binsz=0.1)
        with fits.open(io.BytesIO(query.execute_stream().read())) as hdus:
            shapes = [hdu.data.shape[-2:] for hdu in hdus if hdu.data is not None and hdu.data.ndim >= 2]
        assert shapes[0] == (30, 40)

    def test_what_is_wrong_is_told(self, links: DatalinkResults) -> None:
        row = next(
            row
            for row in links.bysemantics("#proc", include_narrower=False)
            if row["local_semantics"] == "gammapy_maps"
        )
        resource = links.get_adhocservice_by_id(row.service_def)
        query = DatalinkQuery.from_resource(row, resource, session=session(), nxpix=10**9)
        query.execute_stream()
        with pytest.raises(DALServiceError, match="nxpix must be a whole number from 1 to 2000"):
            query.raise_if_error()

    def test_the_documents_are_valid(self, jobs: Archive) -> None:
        dids = [did_of(jobs.url, SAMPLE, number) for number in ("100001", "100002")]
        for wanted in (dids[:1], dids):
            found = document(jobs, *wanted)
            assert any(row["service_def"] == "job_gammapy_maps" for row in found.rows)
            assert lint_errors(datalinklint(found.answer.content)) == []

    @REAL
    def test_of_real_data(self, jobs: Archive) -> None:
        found = document(jobs, did_of(jobs.url, "hess-dl3-dr1", "23559"))
        names = {row["local_semantics"] for row in found.of("#proc")}
        assert {"gammapy_maps", "gammapy_spectra", "gammapy_lightcurve", "gammapy_datastore"} <= names
        assert lint_errors(datalinklint(found.answer.content)) == []


class TestBrowser:
    """What a browser sends, and what it is shown."""

    def test_a_form_leads_to_pictures(self, jobs: Archive, people: People) -> None:
        web = session()
        web.auth, web.headers["Accept"] = people.pi, "text/html,application/xhtml+xml,*/*;q=0.8"
        (form,) = html.fromstring(web.get(f"{jobs.url}/jobs/gammapy_maps/form", timeout=60).text).forms
        assert (form.method, form.get("enctype")) == ("POST", "multipart/form-data")
        given = {**dict(form.form_values()), "obs_ids": "100001", "nxpix": "50", "nypix": "50", "PHASE": "RUN"}
        no_file = [("obs_ids", ("", b"", "application/octet-stream"))]  # as browsers send a field left empty
        page = web.post(f"{jobs.url}{form.action}", data=given, files=no_file, timeout=60)
        assert page.status_code == 200 and people.pi[0] in page.text, page.text
        job = Job(jobs, page.url, people.pi)
        assert ends(job) == "COMPLETED", job.get("/error").text
        shown = html.fromstring(web.get(job.url, timeout=60).text)
        assert "COMPLETED" in shown.text_content()
        pictures = [web.get(url, timeout=60) for url in shown.xpath("//img/@src")]
        assert {answer.headers["Content-Type"] for answer in pictures} == {"image/png"}
        assert len(pictures) >= 3 and all(answer.content.startswith(b"\x89PNG") for answer in pictures)
        (delete,) = [form for form in shown.forms if "Delete" in form.text_content()]
        after = web.post(delete.action, data={"ACTION": "DELETE"}, timeout=60)
        assert after.url == f"{jobs.url}/jobs/gammapy_maps" and job.url not in after.text

    def test_a_mistake_is_told_on_a_page(self, jobs: Archive, people: People) -> None:
        web = session()
        web.headers["Accept"] = "application/xhtml+xml"
        answer = web.post(f"{jobs.url}/jobs/gammapy_maps", data={"nxpix": "<b>"}, timeout=60)
        assert answer.status_code == 400 and "nxpix" in answer.text and "<b>" not in answer.text

    def test_signing_in_leads_back(self, jobs: Archive, people: People) -> None:
        shown = html.fromstring(jobs.get("/jobs/gammapy_maps/form", headers={"Accept": "application/xhtml+xml"}).text)
        (url,) = shown.xpath("//a[text()='Sign in']/@href")
        assert jobs.get(url).status_code == 401
        back = jobs.get(url, auth=people.pi, headers={"Accept": "application/xhtml+xml"})
        assert (
            "/jobs/gammapy_maps/form" in back.url
            and f"Signed in as {people.pi[0]}" in html.fromstring(back.text).text_content()
        )

    def test_the_root_page_leads_there(self, jobs: Archive) -> None:
        assert "/jobs" in html.fromstring(jobs.get("/").text).xpath("//a/@href")
