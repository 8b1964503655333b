"""Mistakes and attacks: refused with a sentence before anything runs, or contained."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from lxml import etree

from tests.live.archive import SAMPLE, TRACEBACK, Archive
from tests.live.jobs.conftest import Submit
from tests.live.jobs.test_uws import ends
from tests.live.soda_helpers import UWS, Login, People

MAPS = {"ra": "83.63", "dec": "22.01", "nxpix": "50", "nypix": "50", "binsz": "0.05", "emin": "1", "emax": "10"}


def ask(jobs: Archive, login: Login, name: str = "gammapy_maps", **parameters: Any) -> requests.Response:
    """Ask for a map to be made at once."""
    given = {**MAPS, "PHASE": "RUN", **parameters}
    return jobs.session.post(f"{jobs.url}/jobs/{name}", data=given, auth=login, allow_redirects=False, timeout=60)


def refused(answer: requests.Response, status: int, *words: str) -> str:
    """Check that a request was refused with a sentence."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert not TRACEBACK.search(answer.text) and "/tmp/" not in answer.text and len(answer.text) < 1000
    assert len(answer.text.split()) > 4
    for word in words:
        assert word in answer.text, answer.text
    return answer.text


def error_of(jobs: Archive, answer: requests.Response, login: Login) -> str:
    """Return the message of a job that has failed."""
    assert answer.status_code == 303, answer.text
    shown = jobs.session.get(answer.headers["Location"], params={"WAIT": "60"}, auth=login, timeout=90)
    root = etree.fromstring(shown.content)
    while root.findtext(f"{UWS}phase") in ("QUEUED", "EXECUTING"):
        shown = jobs.session.get(answer.headers["Location"], params={"WAIT": "60"}, auth=login, timeout=90)
        root = etree.fromstring(shown.content)
    assert root.findtext(f"{UWS}phase") == "ERROR", shown.text
    return str(root.findtext(f"{UWS}errorSummary/{UWS}message"))


class TestParameters:
    """Values that make no sense."""

    @pytest.mark.parametrize(
        ("parameters", "word"),
        [
            ({"ra": "nan"}, "ra"),
            ({"dec": "inf"}, "dec"),
            ({"dec": "-91"}, "dec"),
            ({"nxpix": "-5"}, "nxpix"),
            ({"nxpix": "1000000000"}, "nxpix"),
            ({"nypix": "1e9"}, "nypix"),
            ({"binsz": "-0.1"}, "binsz"),
            ({"emin": "much"}, "emin"),
            ({"colour": "red"}, "colour"),
            ({"ra": ["1", "2"]}, "ra"),
        ],
    )
    def test_values(self, jobs: Archive, people: People, run: str, parameters: dict[str, Any], word: str) -> None:
        refused(ask(jobs, people.pi, obs_ids=run, **parameters), 400, word)

    def test_missing_input(self, jobs: Archive, people: People) -> None:
        refused(ask(jobs, people.pi), 400, "obs_ids")

    @pytest.mark.parametrize(
        "value",
        [
            "$(touch /tmp/planted)",
            "`touch /tmp/planted`",
            "100001; touch /tmp/planted",
            "--option",
            "-rf",
            "/etc/passwd",
            "../../etc/passwd",
            "file:///etc/passwd",
            "cta/data/ctao-sample/public",
            "100001|cat",
            "100001 && true",
            "'; DROP TABLE cta.job; --",
            "<script>alert(1)</script>",
        ],
    )
    def test_no_identifiers(self, jobs: Archive, people: People, value: str) -> None:
        refused(ask(jobs, people.pi, obs_ids=value), 400, "obs_ids")

    @pytest.mark.parametrize("value", ["$(id)", "`id`", "--option", "'; DROP TABLE cta.job; --", "%41+&", "\u00e9"])
    def test_texts_are_texts(self, submit: Submit, value: str) -> None:
        job = submit("test_nothing", text=value)
        assert job.get("/parameters/text").text == value
        job.run()
        assert job.phase == "COMPLETED"
        assert job.get("/results/out").text == "done\n"

    @pytest.mark.parametrize("value", ["a\nb", "a\rb", "\x00", "\x1b[2J", "x" * 100_000])
    def test_texts_that_are_none(self, jobs: Archive, people: People, value: str) -> None:
        data = {"text": value, "PHASE": "RUN"}
        answer = jobs.session.post(f"{jobs.url}/jobs/test_nothing", data=data, auth=people.pi, timeout=60)
        refused(answer, 400, "text")


class TestDatasets:
    """Runs that are not there, or not for everybody."""

    def test_unknown(self, jobs: Archive, people: People) -> None:
        refused(ask(jobs, people.pi, obs_ids="424242424242"), 404, "424242424242")
        refused(ask(jobs, people.pi, obs_ids="ivo://cta.example/~?cta/data/none.fits"), 404, "none.fits")

    def test_proprietary(self, jobs: Archive, people: People, held: str) -> None:
        refused(ask(jobs, people.stranger, obs_ids=held), 403, "proprietary")
        refused(ask(jobs, None, obs_ids=held), 401, "proprietary")
        answer = ask(jobs, people.pi, obs_ids=held)
        assert answer.status_code == 303
        jobs.session.delete(answer.headers["Location"], auth=people.pi, timeout=60)

    def test_proprietary_behind_a_query(self, jobs: Archive, people: People) -> None:
        query = (
            f"SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection='{SAMPLE}' AND dataproduct_type='event'"
        )
        refused(ask(jobs, people.stranger, obs_ids=query), 403, "proprietary")

    def test_query_that_is_none(self, jobs: Archive, people: People) -> None:
        refused(ask(jobs, people.pi, obs_ids="SELECT everything FROM nowhere"), 400, "query")
        refused(ask(jobs, people.pi, obs_ids="SELECT 1 AS x FROM ivoa.obscore"), 400, "obs_publisher_did")

    def test_no_data_in_the_region(self, jobs: Archive, people: People, run: str) -> None:
        message = error_of(jobs, ask(jobs, people.pi, obs_ids=run, ra="200", dec="-60"), people.pi)
        assert len(message.split()) > 5 and "Traceback" not in message


class TestContained:
    """Scripts that do harm do it to themselves."""

    @pytest.mark.parametrize(
        ("what", "word"), [("disk", "wrote more"), ("files", "files"), ("memory", "memory"), ("fork", "20 s")]
    )
    def test_hogs(self, submit: Submit, what: str, word: str) -> None:
        job = submit("test_hostile", what=what, PHASE="RUN")
        assert ends(job, 60) in ("ERROR", "ABORTED")
        message = job.get("/error").text
        assert word in message.lower() or "20 s" in message, message

    @pytest.mark.parametrize(("what", "word"), [("raise", "of no value"), ("nothing", "out.txt"), ("exit", "")])
    def test_failures(self, submit: Submit, what: str, word: str) -> None:
        job = submit("test_hostile", what=what, PHASE="RUN")
        assert ends(job) == "ERROR"
        message = job.get("/error").text
        assert word in message and len(message.split()) > 4
        assert "log" in job.results

    def test_planted_link(self, submit: Submit) -> None:
        job = submit("test_hostile", what="link", PHASE="RUN")
        assert ends(job) == "ERROR"
        assert job.get("/results/out").status_code == 404
        for url in job.results.values():
            assert "root:" not in requests.get(url, auth=job.login, timeout=60).text

    def test_what_a_job_sees(self, jobs: Archive, submit: Submit) -> None:
        job = submit(
            "test_curious",
            place=str(jobs.real / "jobs" / "jobs"),
            database=f"{jobs.memory['socket_dir']}/.s.PGSQL.5432",
            PHASE="RUN",
        )
        assert ends(job) == "COMPLETED", job.get("/error").text
        seen = json.loads(job.get("/results/out").text)
        assert not [name for name in seen["environment"] if name.startswith(("GAVO", "PG", "CTA", "SSH", "PIP"))]
        assert jobs.memory["admin_password"] not in json.dumps(seen)
        assert seen["jobs"].startswith("refused"), seen["jobs"]
        assert "'analysis'" in seen["code"]
        for name in ("config", "inputs", "ops", "tests", ".git"):
            assert f"'{name}" not in seen["code"], "a job sees more of the checkout than the packages it may import"
        assert seen["database"].startswith("refused")
        assert seen["server"].startswith("refused")
        assert seen["write"].startswith("refused")
        assert len(seen["processes"]) < 5

    def test_description_without_a_script(self, jobs: Archive, people: People) -> None:
        answer = jobs.session.post(f"{jobs.url}/jobs/test_broken", data={}, auth=people.pi, timeout=60)
        assert answer.status_code == 404
        assert jobs.get("/jobs").status_code == 200
