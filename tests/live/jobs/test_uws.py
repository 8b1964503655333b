"""UWS 1.1 as its clients see it: documents, phases, filters, waiting, owners."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from lxml import etree

from tests.live.archive import Archive, wait_for
from tests.live.jobs.conftest import Submit
from tests.live.soda_helpers import UWS, XLINK, Job, People

TERMINAL = ("COMPLETED", "ERROR", "ABORTED")


def text_of(job: Job, tag: str) -> str | None:
    """Return the text of an element of the job's document."""
    return etree.fromstring(job.get().content).findtext(f"{UWS}{tag}")


def ends(job: Job, seconds: float = 30) -> str:
    """Wait for the end of a job and return its phase."""
    assert wait_for(lambda: job.phase in TERMINAL, seconds), job.get().text
    return job.phase


def listed(jobs: Archive, people: People, name: str, **query: object) -> list[etree._Element]:
    """Return the references in a job list."""
    answer = jobs.get(f"/jobs/{name}", params=query, auth=people.pi)
    assert answer.status_code == 200, answer.text
    return list(etree.fromstring(answer.content).iter(f"{UWS}jobref"))


class TestDocuments:
    """What the schema says holds in every phase."""

    def valid(self, schema: etree.XMLSchema, job: Job) -> etree._Element:
        root = etree.fromstring(job.get().content)
        schema.assertValid(root)
        assert root.get("version") == "1.1"
        assert root.findtext(f"{UWS}creationTime").endswith("Z")
        for part in ("/parameters", "/results"):
            schema.assertValid(etree.fromstring(job.get(part).content))
        return root

    def test_pending_executing_completed(self, submit: Submit, uws_schema: etree.XMLSchema) -> None:
        job = submit("test_sleeper", seconds="1", RUNID="my run & co")
        root = self.valid(uws_schema, job)
        assert (root.findtext(f"{UWS}phase"), root.findtext(f"{UWS}runId")) == ("PENDING", "my run & co")
        assert job.post("/phase", PHASE="RUN").status_code == 303
        assert wait_for(lambda: job.phase == "EXECUTING", 10)
        assert self.valid(uws_schema, job).findtext(f"{UWS}startTime")
        assert ends(job) == "COMPLETED"
        root = self.valid(uws_schema, job)
        assert root.findtext(f"{UWS}endTime") >= root.findtext(f"{UWS}startTime")
        assert {"out", "log"} <= set(job.results)

    def test_error(self, submit: Submit, uws_schema: etree.XMLSchema) -> None:
        job = submit("test_hostile", what="raise", PHASE="RUN")
        assert ends(job) == "ERROR"
        root = self.valid(uws_schema, job)
        assert "of no value" in root.findtext(f"{UWS}errorSummary/{UWS}message")
        assert "of no value" in job.get("/error").text
        assert "of no value" in job.get("/results/log").text

    def test_aborted(self, submit: Submit, uws_schema: etree.XMLSchema) -> None:
        job = submit("test_sleeper", PHASE="RUN")
        job.post("/phase", PHASE="ABORT")
        assert ends(job) == "ABORTED"
        self.valid(uws_schema, job)

    def test_queued(self, submit: Submit, uws_schema: etree.XMLSchema) -> None:
        some = [submit("test_sleeper", PHASE="RUN", seconds="2") for _ in range(6)]
        assert some[-1].phase == "QUEUED"
        self.valid(uws_schema, some[-1])

    def test_list(self, jobs: Archive, people: People, submit: Submit, uws_schema: etree.XMLSchema) -> None:
        made = [submit("test_nothing", RUNID=f"list {number}") for number in range(3)]
        answer = jobs.get("/jobs/test_nothing", auth=people.pi)
        root = etree.fromstring(answer.content)
        uws_schema.assertValid(root)
        assert root.get("version") == "1.1"
        links = {ref.get(f"{XLINK}href") for ref in root}
        assert {job.url for job in made} <= links
        for link in links:
            assert requests.get(link, auth=people.pi, timeout=60).status_code == 200

    def test_every_resource_of_a_job(self, submit: Submit) -> None:
        job = submit("test_nothing", text="something")
        kinds = {path: job.get(path) for path in ("", "/phase", "/executionduration", "/destruction", "/error")}
        kinds |= {path: job.get(path) for path in ("/quote", "/results", "/parameters", "/parameters/text", "/owner")}
        assert {answer.status_code for answer in kinds.values()} == {200}
        assert kinds["/phase"].text == "PENDING"
        assert kinds["/executionduration"].text == "60"
        assert kinds["/owner"].text == job.login[0]
        assert datetime.fromisoformat(kinds["/destruction"].text) > datetime.now(UTC) + timedelta(days=1)
        assert kinds["/parameters/text"].text == "something"
        assert job.get("/nonsense").status_code == 404
        assert job.get("/results/nonsense").status_code == 404


@pytest.fixture(scope="module")
def five(jobs: Archive, people: People) -> list[Job]:
    """Five jobs, of which the second and the fourth are done."""
    made = []
    for number in range(5):
        made.append(Job.create(jobs, {"text": str(number)}, people.pi, "/jobs/test_nothing"))
        time.sleep(0.01)
    made[1].run()
    made[3].run()
    return made


class TestFilters:
    """PHASE, AFTER and LAST, alone and together."""

    def test_last(self, jobs: Archive, people: People, five: list[Job]) -> None:
        found = [ref.get(f"{XLINK}href") for ref in listed(jobs, people, "test_nothing", LAST=2)]
        assert found == [five[4].url, five[3].url]

    def test_last_with_phase(self, jobs: Archive, people: People, five: list[Job]) -> None:
        found = [ref.get(f"{XLINK}href") for ref in listed(jobs, people, "test_nothing", LAST=2, PHASE="COMPLETED")]
        assert found == [five[3].url, five[1].url]
        query = [("PHASE", "PENDING"), ("PHASE", "COMPLETED"), ("LAST", "4")]
        answer = jobs.session.get(f"{jobs.url}/jobs/test_nothing", params=query, auth=people.pi, timeout=60)
        hrefs = [ref.get(f"{XLINK}href") for ref in etree.fromstring(answer.content)]
        assert hrefs == [job.url for job in reversed(five)][:4]

    def test_after(self, jobs: Archive, people: People, five: list[Job]) -> None:
        moment = text_of(five[2], "creationTime")
        found = {ref.get(f"{XLINK}href") for ref in listed(jobs, people, "test_nothing", AFTER=moment)}
        assert found == {five[3].url, five[4].url}

    @pytest.mark.parametrize("query", [{"LAST": "abc"}, {"LAST": "-1"}, {"AFTER": "yesterday"}, {"PHASE": "DONE"}])
    def test_nonsense(self, jobs: Archive, people: People, query: dict[str, str]) -> None:
        answer = jobs.get("/jobs/test_nothing", params=query, auth=people.pi)
        assert answer.status_code == 400
        assert next(iter(query.values())) in answer.text


class TestTransitions:
    """What may follow on what."""

    def test_parameters_until_it_runs(self, submit: Submit) -> None:
        job = submit("test_nothing", text="one")
        assert job.post("/parameters", text="two & more+").status_code == 303
        assert job.get("/parameters/text").text == "two & more+"
        job.run()
        assert job.phase == "COMPLETED"
        assert job.post("/parameters", text="three").status_code == 403

    def test_times_can_be_changed(self, submit: Submit) -> None:
        job = submit("test_nothing")
        assert job.post("/executionduration", EXECUTIONDURATION="17").status_code == 303
        assert job.get("/executionduration").text == "17"
        assert job.post("/executionduration", EXECUTIONDURATION="999999").status_code == 303
        assert job.get("/executionduration").text == "3600"
        wanted = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert job.post("/destruction", DESTRUCTION=wanted).status_code == 303
        assert abs(datetime.fromisoformat(job.get("/destruction").text) - datetime.fromisoformat(wanted)).seconds < 2
        for path, value in (("/executionduration", "soon"), ("/executionduration", "-1"), ("/destruction", "soon")):
            assert job.post(path, **{path[1:].upper(): value}).status_code == 400

    def test_a_job_that_has_ended_does_not_run_again(self, submit: Submit) -> None:
        job = submit("test_nothing").run()
        for phase in ("RUN", "ABORT"):
            assert job.post("/phase", PHASE=phase).status_code == 403
        assert job.post("/phase", PHASE="SLEEP").status_code == 400
        assert job.phase == "COMPLETED"

    @pytest.mark.parametrize("phase", ["PENDING", "QUEUED", "EXECUTING"])
    def test_abort(self, jobs: Archive, submit: Submit, phase: str) -> None:
        many = [submit("test_sleeper") for _ in range(6 if phase == "QUEUED" else 1)]
        job = many[-1]
        if phase != "PENDING":
            for each in many:
                assert each.post("/phase", PHASE="RUN").status_code == 303
        assert wait_for(lambda: job.phase == phase, 10)
        assert job.post("/phase", PHASE="ABORT").status_code == 303
        assert ends(job, 10) == "ABORTED"
        for each in many[:-1]:
            each.post("/phase", PHASE="ABORT")
            assert ends(each, 10) == "ABORTED"
        assert wait_for(lambda: not sleepers(*many), 5), "processes of an aborted job are left"

    def test_execution_duration_ends_the_job(self, submit: Submit) -> None:
        job = submit("test_sleeper")
        job.post("/executionduration", EXECUTIONDURATION="1")
        job.post("/phase", PHASE="RUN")
        assert ends(job, 15) == "ABORTED"
        assert "1 s" in text_of(job, f"errorSummary/{UWS}message")
        assert wait_for(lambda: not sleepers(job), 5)

    def test_delete(self, jobs: Archive, submit: Submit) -> None:
        job = submit("test_sleeper", PHASE="RUN")
        assert wait_for(lambda: job.phase == "EXECUTING", 10)
        folder = jobs.real / "jobs" / "jobs" / job.url.rpartition("/")[2]
        assert folder.is_dir()
        answer = job.delete()
        assert (answer.status_code, answer.headers["Location"]) == (303, job.url.rpartition("/")[0])
        assert job.get().status_code == 404
        assert wait_for(lambda: not folder.exists(), 15)
        assert not sleepers(job)

    def test_delete_by_action(self, submit: Submit) -> None:
        job = submit("test_nothing").run()
        assert job.post("", ACTION="DELETE").status_code == 303
        assert job.get().status_code == 404
        assert job.get("/results/out").status_code == 404

    def test_destruction(self, jobs: Archive, people: People, submit: Submit) -> None:
        job = submit("test_nothing").run()
        moment = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert job.post("/destruction", DESTRUCTION=moment).status_code == 303
        assert wait_for(lambda: job.phase == "ARCHIVED", 20)
        assert not (jobs.real / "jobs" / "jobs" / job.url.rpartition("/")[2]).exists()
        assert job.get("/results/out").status_code == 404
        shown = {ref.get(f"{XLINK}href") for ref in listed(jobs, people, "test_nothing")}
        assert job.url not in shown
        archived = {ref.get(f"{XLINK}href") for ref in listed(jobs, people, "test_nothing", PHASE="ARCHIVED")}
        assert job.url in archived


def sleepers(*jobs: Job) -> list[str]:
    """Return the processes that the scripts of sleeping jobs have started; the id of the job is their last argument."""
    ids = {job.url.rpartition("/")[2].encode() for job in jobs}
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if ids & set(place.read_bytes().split(b"\0")):
                found.append(place.parent.name)
        except OSError:
            continue
    return found


class TestWaiting:
    """WAIT holds the answer until something happens, and nothing else."""

    def test_until_the_end(self, submit: Submit) -> None:
        job = submit("test_sleeper", seconds="1", PHASE="RUN")
        assert wait_for(lambda: job.phase == "EXECUTING", 10)
        root = etree.fromstring(job.get("?WAIT=30").content)
        assert root.findtext(f"{UWS}phase") == "COMPLETED"

    def test_time_over(self, submit: Submit) -> None:
        job = submit("test_sleeper", PHASE="RUN")
        assert wait_for(lambda: job.phase == "EXECUTING", 10)
        begun = time.monotonic()
        assert etree.fromstring(job.get("?WAIT=1").content).findtext(f"{UWS}phase") == "EXECUTING"
        assert time.monotonic() - begun > 0.9

    def test_pending_waits_and_hears_of_the_start(self, submit: Submit) -> None:
        job = submit("test_sleeper")
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(job.get, "?WAIT=20&PHASE=PENDING")
            time.sleep(0.5)
            assert not waiting.done()
            job.post("/phase", PHASE="RUN")
            phase = etree.fromstring(waiting.result(10).content).findtext(f"{UWS}phase")
        assert phase in ("QUEUED", "EXECUTING")

    def test_another_phase_does_not_wait(self, submit: Submit) -> None:
        job = submit("test_nothing").run()
        begun = time.monotonic()
        assert job.get("?WAIT=20").status_code == 200
        pending = submit("test_nothing")
        assert pending.get("?WAIT=20&PHASE=EXECUTING").status_code == 200
        assert time.monotonic() - begun < 10
        assert pending.get("?WAIT=soon").status_code == 400

    def test_the_server_answers_meanwhile(self, jobs: Archive, submit: Submit) -> None:
        some = [submit("test_sleeper", seconds="4", PHASE="RUN") for _ in range(2)]
        with ThreadPoolExecutor(40) as pool:
            waiting = [pool.submit(some[number % 2].get, "?WAIT=30") for number in range(40)]
            assert jobs.get("/jobs", timeout=5).status_code == 200
            assert {answer.result().status_code for answer in waiting} == {200}


class TestOwners:
    """A job of one user does not exist for another."""

    @pytest.mark.parametrize("phase", ["PENDING", "COMPLETED"])
    def test_isolation(self, jobs: Archive, people: People, submit: Submit, phase: str) -> None:
        job = submit("test_nothing")
        if phase == "COMPLETED":
            job.run()
        for login in (people.stranger, None):
            for path in ("", "/phase", "/results", "/results/out", "/results/log", "/parameters", "/owner", "/error"):
                assert job.get(path, login).status_code == 404, path
            other = Job(jobs, job.url, login)
            for path, data in (
                ("/phase", {"PHASE": "ABORT"}),
                ("/parameters", {"text": "x"}),
                ("", {"ACTION": "DELETE"}),
            ):
                assert other.post(path, **data).status_code == 404
            assert other.delete().status_code == 404
        assert job.phase == phase
        for login in (people.stranger, None):
            shown = jobs.get("/jobs/test_nothing", auth=login).text
            assert job.url.rpartition("/")[2] not in shown

    def test_wrong_password(self, jobs: Archive, people: People) -> None:
        answer = jobs.session.post(f"{jobs.url}/jobs/test_nothing", data={}, auth=people.wrong_password, timeout=60)
        assert answer.status_code == 401
        assert "Basic" in answer.headers["WWW-Authenticate"]

    def test_anonymous_jobs_are_for_those_who_know_them(self, jobs: Archive, submit: Submit) -> None:
        job = submit("test_nothing", None).run()
        assert job.get("/results/out").text == "done\n"
        assert len(job.url.rpartition("/")[2]) >= 22
        assert not list(etree.fromstring(jobs.get("/jobs/test_nothing").content))
        assert (
            etree.fromstring(job.get().content)
            .find(f"{UWS}ownerId")
            .get("{http://www.w3.org/2001/XMLSchema-instance}nil")
        )

    def test_not_under_another_type(self, jobs: Archive, people: People, submit: Submit) -> None:
        job = submit("test_nothing")
        elsewhere = job.url.replace("test_nothing", "test_sleeper")
        assert jobs.session.get(elsewhere, auth=people.pi, timeout=60).status_code == 404


class TestManyAtOnce:
    """Fifty jobs at once all end, in the order of their submission, within the quota."""

    def test_fifty(self, jobs: Archive, people: People) -> None:
        def create(number: int) -> Job:
            return Job.create(jobs, {"text": str(number), "PHASE": "RUN"}, people.pi, "/jobs/test_nothing")

        with ThreadPoolExecutor(10) as pool:
            made = list(pool.map(create, range(50)))
        for job in made:
            assert ends(job, 60) == "COMPLETED"
        ids = ",".join(f"'{job.url.rpartition('/')[2]}'" for job in made)
        rows = jobs.sql(f"SELECT start_time FROM cta.job WHERE job_id IN ({ids}) ORDER BY queue_number")
        starts = [row[0] for row in rows]
        assert len(starts) == 50 and starts == sorted(starts)
        for job in made:
            job.delete()


class TestOtherPages:
    """Requests from pages elsewhere, and the synchronous façade."""

    def test_cross_origin(self, jobs: Archive) -> None:
        origin = {"Origin": "http://client.example", "Access-Control-Request-Method": "POST"}
        answer = jobs.session.options(f"{jobs.url}/jobs/test_nothing", headers=origin, timeout=60)
        assert answer.status_code in (200, 204)
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", "http://client.example")
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]

    def test_a_page_elsewhere_cannot_act_for_a_user(self, jobs: Archive, people: People, submit: Submit) -> None:
        job = submit("test_nothing")
        foreign = {"Origin": "http://evil.example"}
        answer = jobs.session.post(
            f"{job.url}/phase",
            data={"PHASE": "RUN"},
            headers=foreign,
            auth=people.pi,
            allow_redirects=False,
            timeout=60,
        )
        assert answer.status_code == 403
        assert job.phase == "PENDING"

    def test_a_picture_elsewhere_starts_nothing_for_a_user(self, jobs: Archive, people: People) -> None:
        planted = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}
        answer = jobs.get("/jobs/test_nothing/sync", headers=planted, auth=people.pi)
        assert answer.status_code == 403

    def test_sync(self, jobs: Archive) -> None:
        answer = jobs.get("/jobs/test_nothing/sync", params={"text": "now"})
        assert (answer.status_code, answer.text) == (200, "done\n")

    def test_sync_failure(self, jobs: Archive) -> None:
        answer = jobs.get("/jobs/test_hostile/sync", params={"what": "raise"})
        assert answer.status_code >= 400
        assert "of no value" in answer.text
