"""Pages of the jobs work without JavaScript, say what is allowed, and hold what users wrote as text only."""

from __future__ import annotations

import datetime
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from analysis.description.catalogue import Catalogue
from analysis.description.reader import parse_description
from analysis.pages.calls import curl_call, python_call
from analysis.pages.definitions import definitions_page
from analysis.pages.html import element, link, page
from analysis.pages.jobs import job_list_page, job_page
from analysis.pages.site import SitePages, error_page
from analysis.pages.types import doc_page, form_page, list_page
from analysis.parameters import check_parameters
from analysis.uws.job import Job, JobParameter, JobResult, Phase
from tests.unit.job_types import USED, job_type, votable

SERVER = "http://archive.example"
COUNT = parse_description(votable().encode(), Path("/types/count"))
HOSTILE = "</title><script>alert(1)</script>\" onload='x' &lt; \x00\x1b"
UTC = datetime.timezone.utc
START = datetime.datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
JOB = Job(
    job_id="0123456789abcdef0123456789abcdef",
    job_type="count",
    owner="ada",
    phase=Phase.COMPLETED,
    creation_time=START,
    start_time=START,
    end_time=START + datetime.timedelta(seconds=3),
    execution_duration=600,
    destruction=START + datetime.timedelta(days=30),
    activity="a",
    run_id="Crab",
    parameters=(JobParameter(name="obs_ids", value="23523 23526"), JobParameter(name="emin", value="0.5")),
    results=(
        JobResult(name="sky", content_type="image/png", file_name="sky.png", size=40_312),
        JobResult(name="answer", content_type="text/plain", file_name="answer.txt", size=2),
        JobResult(name="log", content_type="text/plain"),
    ),
)
URL = f"{SERVER}/jobs/count/{JOB.job_id}"


def read(content: bytes) -> Any:
    assert content.startswith(b"<!DOCTYPE html>")
    return html.document_fromstring(content)


def text_of(content: bytes) -> str:
    return " ".join(read(content).text_content().split())


def submitted(form: Any) -> list[tuple[str, str]]:
    """What a browser sends when nobody has changed anything."""
    return [(name, value) for name, value in form.form_values() if value is not None]


class TestForm:
    def test_what_it_sends_is_a_job(self) -> None:
        (form,) = read(form_page(COUNT, "ada", [("emin", "0.5"), ("OBS_IDS", "1")], SERVER)).forms
        assert (form.method, form.action, form.get("enctype")) == ("POST", "/jobs/count", "multipart/form-data")
        assert [(b.get("name"), b.get("value")) for b in form.iter("button")] == [("PHASE", "RUN"), (None, None)]
        given_values = [pair for pair in submitted(form) if pair[0] != "RUNID"]
        assert ("obs_ids", "1") in given_values
        found = check_parameters(COUNT, given_values)
        assert found["emin"] == 0.5 and found["nxpix"] == 200 and found["ra"] is None and found["wide"] is False

    def test_every_field_has_a_label_and_a_hint(self) -> None:
        root = read(form_page(COUNT, None, [], SERVER))
        labels = {label.get("for") for label in root.iter("label")}
        ids = [item.get("id") for item in root.iter() if item.get("id")]
        assert len(ids) == len(set(ids))
        for field in root.xpath("//input|//select|//textarea"):
            assert field.get("id") in labels or field.get("aria-label")
            assert field.get("aria-describedby") in (None, *ids)

    def test_units_and_limits(self) -> None:
        content = form_page(COUNT, None, [], SERVER)
        (nxpix,) = read(content).xpath("//input[@name='nxpix']")
        assert (nxpix.get("type"), nxpix.get("min"), nxpix.get("max"), nxpix.get("value")) == (
            "number",
            "1",
            "2000",
            "200",
        )
        assert "A number from 0 to 360 deg." in text_of(content)
        assert read(content).xpath("//select[@name='model']/option/@value") == ["pl", "ecpl"]
        assert read(content).xpath("//input[@name='emin']/@required")

    def test_files(self) -> None:
        upload = '<GROUP name="positions"><PARAM name="kind" value="upload"/></GROUP>'
        description = parse_description(votable(used=USED + upload).encode(), Path("/types/count"))
        root = read(form_page(description, None, [], SERVER))
        assert root.xpath("//input[@type='file']/@name") == ["obs_ids", "positions"]
        assert root.xpath("//input[@name='positions']/@required")

    def test_who_is_not_signed_in_is_warned(self) -> None:
        assert "You are not signed in" in text_of(form_page(COUNT, None, [], SERVER))
        assert "You are not signed in" not in text_of(form_page(COUNT, "ada", [], SERVER))


class TestJob:
    def test_results(self) -> None:
        root = read(job_page(COUNT, JOB, URL, "ada"))
        assert root.xpath("//img/@src") == [f"{URL}/results/sky"]
        assert root.xpath("//img/@alt")
        assert {f"{URL}/results/{name}" for name in ("sky", "answer", "log")} <= set(root.xpath("//a/@href"))
        text = " ".join(root.text_content().split())
        assert "COMPLETED" in text and "3 s" in text and "40.3 kB" in text and "2026-12-20" in text

    @pytest.mark.parametrize("phase", list(Phase))
    def test_each_phase(self, phase: Phase) -> None:
        content = job_page(COUNT, replace(JOB, phase=phase), URL, "ada")
        buttons = [button.text for button in read(content).iter("button")]
        is_active = phase in (Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED, Phase.UNKNOWN)
        assert ("Run" in buttons) == (phase in (Phase.PENDING, Phase.HELD))
        assert ("Abort" in buttons) == (is_active or phase in (Phase.PENDING, Phase.HELD))
        assert "Delete" in buttons
        assert bool(read(content).xpath("//noscript/meta[@http-equiv='refresh']")) == is_active
        assert bool(read(content).xpath("//*[@data-job]")) == is_active

    def test_why_it_failed(self) -> None:
        job = replace(JOB, phase=Phase.ERROR, error_message="no events are left")
        assert "no events are left" in text_of(job_page(COUNT, job, URL, "ada"))

    def test_a_job_whose_type_is_gone(self) -> None:
        assert "count" in text_of(job_page(None, JOB, URL, "ada"))

    def test_the_same_again(self) -> None:
        root = read(job_page(COUNT, JOB, URL, "ada"))
        assert "/jobs/count/form?obs_ids=23523%2023526&emin=0.5" in root.xpath("//a/@href")

    def test_lists(self) -> None:
        root = read(job_list_page(COUNT, [JOB, replace(JOB, run_id=None)], "ada"))
        assert [item.text for item in root.xpath("//td/a")] == ["Crab", "01234567"]
        assert "not listed" in text_of(job_list_page(COUNT, [], None))
        assert "no jobs" in text_of(job_list_page(COUNT, [], "ada"))


VALUES = (
    JobParameter(name="obs_ids", value="23523 $(reboot) `reboot`"),
    JobParameter(name="comment", value="@/etc/passwd"),
    JobParameter(name="comment", value='it\'s <\n"odd" \\'),
    JobParameter(name="positions", value="my file;.vot", upload=True),
)


class TestCalls:
    def test_curl_gives_values_as_they_are(self, tmp_path: Path) -> None:
        """The shell is given a curl that writes down its arguments."""
        curl = tmp_path / "curl"
        curl.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > "$0.args"\n')
        curl.chmod(0o755)
        command = curl_call(f"{SERVER}/jobs/count", VALUES)
        subprocess.run(["/bin/sh", "-c", command], check=True, env={"PATH": f"{tmp_path}:/bin"}, cwd=tmp_path)
        words = (tmp_path / "curl.args").read_text().split("\0")
        assert "obs_ids=23523 $(reboot) `reboot`" in words
        assert words[words.index("comment=@/etc/passwd") - 1] == "--form-string"
        assert 'comment=it\'s <\n"odd" \\' in words
        assert words[-2:] == [f"{SERVER}/jobs/count", ""] and "PHASE=RUN" in words

    def test_python_is_python(self) -> None:
        code = python_call(f"{SERVER}/jobs/count", VALUES)
        compile(code, "call", "exec")
        values = code[code.index("values = ") : code.index("files = ")]
        space: dict[str, Any] = {}
        exec(values, space)
        assert space["values"] == [*[(item.name, item.value) for item in VALUES if not item.upload], ("PHASE", "RUN")]

    def test_they_are_on_the_page_of_a_job(self) -> None:
        text = read(job_page(COUNT, JOB, URL, "ada")).text_content()
        assert curl_call(f"{SERVER}/jobs/count", JOB.parameters) in text


class TestHostile:
    def check(self, content: bytes) -> None:
        root = read(content)
        assert [item.get("src") for item in root.iter("script")] == ["/static/cta/jobs.js"]
        assert not root.xpath("//@onload") and not root.xpath("//a[starts-with(@href, 'javascript')]")
        assert "alert(1)" in root.text_content() or b"alert(1)" in content

    def test_everything_is_escaped(self) -> None:
        described = votable(description="Title X. More X")
        description = replace(
            parse_description(described.encode(), Path("/types/count")),
            title=HOSTILE,
            description=f"{HOSTILE}. {HOSTILE}",
            docurl="javascript:alert(1)",
            contact_name=HOSTILE,
            parameters=tuple(replace(item, description=HOSTILE) for item in COUNT.parameters),
        )
        job = replace(
            JOB,
            phase=Phase.ERROR,
            run_id=HOSTILE,
            error_message=HOSTILE,
            message=HOSTILE,
            parameters=(JobParameter(name=HOSTILE, value=HOSTILE),),
            results=(JobResult(name=HOSTILE, content_type=HOSTILE, file_name=HOSTILE, size=1),),
        )
        for content in (
            list_page([description], {HOSTILE: HOSTILE}, HOSTILE),
            form_page(description, HOSTILE, [("emin", HOSTILE), ("obs_ids", HOSTILE)], SERVER),
            doc_page(description, SERVER, None),
            job_page(description, job, URL, HOSTILE),
            job_list_page(description, [job], HOSTILE),
            error_page(404, HOSTILE, HOSTILE, f"/jobs/{HOSTILE}"),
        ):
            self.check(content)

    @pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", " javascript:x"])
    def test_links_that_are_none(self, url: str) -> None:
        assert link(url, "text").tag == "span"

    @pytest.mark.parametrize("url", ["https://example.org", "/jobs", "?a=b", "form"])
    def test_links(self, url: str) -> None:
        assert link(url, "text").get("href") == url

    @given(st.text())
    @settings(deadline=None)
    def test_any_text(self, text: str) -> None:
        root = read(page(text, element("p", text, title=text), viewer=text))
        assert len(list(root.iter("p"))) == 1 and not root.xpath("//p/*")


class TestSite:
    def test_all_pages(self, tmp_path: Path) -> None:
        job_type(tmp_path)
        job_type(tmp_path, "bad", text="<VOTABLE>")
        pages = SitePages(Catalogue([tmp_path]), SERVER)
        text = text_of(pages.services(None))
        assert "Counts photons" in text and "bad" in text and "Sign in" in text
        for content in (
            pages.form(COUNT, None, []),
            pages.doc(COUNT, None),
            pages.jobs(COUNT, [JOB], "ada"),
            pages.job(COUNT, JOB, URL, "ada"),
            pages.error(404, "there is no such job.", None, "/jobs/count"),
        ):
            assert read(content).xpath("//h1")
        assert "It does so quickly" in text_of(pages.doc(COUNT, None))

    def test_they_need_neither_gammapy_nor_gavo(self) -> None:
        code = "import sys, analysis.pages.site; sys.exit(any(name in sys.modules for name in ('gammapy', 'gavo')))"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


class _Submission:
    name, author, submitted, status, reason = "my_maps", "ada", "2026-11-20T10:00:00Z", "pending", None


def test_job_types_of_users() -> None:
    mine = [_Submission()]
    (submit, withdraw) = read(definitions_page(mine, mine, "ada", is_operator=False, trial=False)).forms
    assert (submit.action, submit.get("enctype")) == ("/jobs/definitions", "multipart/form-data")
    assert [item.get("name") for item in submit.iter("input")] == ["description", "script"]
    assert withdraw.action == "/jobs/definitions/my_maps"
    operator = read(definitions_page([], mine, "op", is_operator=True, trial=False)).forms
    assert [button.get("value") for form in operator[1:] for button in form.iter("button")] == ["accept", "reject"]
    assert read(definitions_page([], mine, None, is_operator=False, trial=False)).forms == []
