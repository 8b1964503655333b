"""Job types of users: submitted on the web, tried by their authors, let live or turned down by an operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from lxml import html

from tests.live.archive import Archive, make_readable, open_folder, wait_for
from tests.live.jobs.definitions import NOTHING, TEXT, with_settings, write_definition
from tests.live.jobs.test_bad_input import refused
from tests.live.jobs.test_uws import ends
from tests.live.soda_helpers import Job, Login, People, people_of

HOME = "/jobs/definitions"
PAGE = {"Accept": "text/html,application/xhtml+xml"}
NEW = 'def run(job):\n    (job.results / "out.txt").write_text("new\\n")\n'


@pytest.fixture(scope="module")
def place(workshop: Archive) -> Iterator[Archive]:
    """An instance whose users may try their job types, with one operator."""
    people = people_of(workshop)
    own = f'user_definitions = "trial"\noperators = ["{people.pi[0]}"]\n'
    with with_settings(workshop, lambda before: own + before):
        yield workshop


@pytest.fixture(scope="module")
def people(place: Archive) -> People:
    """The operator (`pi`), an author (`stranger`), and everybody else."""
    return people_of(place)


@pytest.fixture(autouse=True)
def nothing_waits(place: Archive, people: People) -> Iterator[None]:
    """Take away what a test has submitted."""
    yield
    for name in re.findall(r"/jobs/definitions/(\w+)/script", show(place, people.stranger)):
        post(place, people.stranger, name, ACTION="withdraw")


def files(folder: Path, name: str, script: str = NOTHING, parameters: str = "") -> dict[str, tuple[str, bytes]]:
    """Return the files of a job type as they are sent."""
    write_definition(folder / name, script, parameters)
    return {
        "description": ("description.vot", (folder / name / "description.vot").read_bytes()),
        "script": ("script.py", script.encode()),
    }


def submit(place: Archive, login: Login, sent: dict[str, tuple[str, bytes]]) -> requests.Response:
    """Submit a job type."""
    return place.session.post(f"{place.url}{HOME}", files=sent, auth=login, allow_redirects=False, timeout=60)


def post(place: Archive, login: Login, name: str, **data: str) -> requests.Response:
    """Decide on a job type."""
    url = f"{place.url}{HOME}/{name}"
    return place.session.post(url, data=data, auth=login, allow_redirects=False, timeout=60)


def show(place: Archive, login: Login) -> str:
    """Return the page as somebody sees it."""
    answer = place.get(HOME, auth=login, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


def is_live(place: Archive, login: Login, name: str) -> bool:
    """Wait a moment for a job type to be there: the server looks once a second."""
    return wait_for(lambda: place.get(f"/jobs/{name}/form", auth=login).status_code == 200, 5)


def run(place: Archive, login: Login, name: str) -> requests.Response:
    """Start a job of a type."""
    url = f"{place.url}/jobs/{name}"
    return place.session.post(url, data={"PHASE": "RUN"}, auth=login, allow_redirects=False, timeout=60)


def output(place: Archive, login: Login, name: str) -> str:
    """Run a job to its end and return its result."""
    assert is_live(place, login, name)
    answer = run(place, login, name)
    assert answer.status_code == 303, answer.text
    job = Job(place, answer.headers["Location"], login)
    assert ends(job) == "COMPLETED", job.get("/error").text
    text = job.get("/results/out").text
    job.delete()
    return text


def test_from_submission_to_everybody(place: Archive, people: People, tmp_path: Path) -> None:
    author, operator = people.stranger, people.pi
    answer = submit(place, author, files(tmp_path, "user_count"))
    assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (303, HOME)
    assert "pending" in show(place, author)
    assert "user_count" not in show(place, None)
    # its author can try it, and for nobody else is it there
    assert output(place, author, "user_count") == "done\n"
    for other in (operator, None):
        assert run(place, other, "user_count").status_code == 404
        assert place.get("/jobs/user_count/form", auth=other).status_code == 404
        assert "user_count" not in place.get("/jobs", auth=other).text
    # the operator reads both files, by the links of the page, and lets it live
    links = html.fromstring(show(place, operator)).xpath("//a/@href")
    for name, words in (("description.vot", "ActivityDescription"), ("script.py", "def run(job)")):
        assert f"{HOME}/user_count/{name}" in links
        read = place.get(f"{HOME}/user_count/{name}", auth=operator)
        assert words in read.text and read.headers["Content-Type"].startswith("text/plain")
        assert place.get(f"{HOME}/user_count/{name}", auth=author).text == read.text
        assert place.get(f"{HOME}/user_count/{name}").status_code == 404
    assert post(place, operator, "user_count", ACTION="accept").status_code == 303
    assert output(place, operator, "user_count") == "done\n"
    assert output(place, None, "user_count") == "done\n"
    assert "accepted" in show(place, author)
    # taken back, no new jobs of it can be made
    assert post(place, author, "user_count", ACTION="withdraw").status_code == 303
    assert wait_for(lambda: run(place, author, "user_count").status_code == 404, 5)


def test_turned_down_with_a_reason(place: Archive, people: People, tmp_path: Path) -> None:
    submit(place, people.stranger, files(tmp_path, "user_slow"))
    refused(post(place, people.pi, "user_slow", ACTION="reject"), 400, "say why")
    assert post(place, people.pi, "user_slow", ACTION="reject", REASON="It is <b>slow</b>.").status_code == 303
    shown = show(place, people.stranger)
    assert "rejected" in shown and "It is &lt;b&gt;slow" in shown
    assert "user_slow" not in show(place, people.pi)
    assert wait_for(lambda: run(place, people.stranger, "user_slow").status_code == 404, 5), "there is nothing to try"


def test_what_was_replaced_after_a_look_is_not_accepted(place: Archive, people: People, tmp_path: Path) -> None:
    submit(place, people.stranger, files(tmp_path, "user_swap"))
    form = html.fromstring(show(place, people.pi)).xpath("//form[@action='/jobs/definitions/user_swap']")[0]
    submit(place, people.stranger, files(tmp_path, "user_swap", NEW))
    seen = form.fields["SUBMITTED"]
    refused(post(place, people.pi, "user_swap", ACTION="accept", SUBMITTED=seen), 400, "submitted anew")
    assert "new" in place.get(f"{HOME}/user_swap/script.py", auth=people.pi).text
    form = html.fromstring(show(place, people.pi)).xpath("//form[@action='/jobs/definitions/user_swap']")[0]
    seen = form.fields["SUBMITTED"]
    assert post(place, people.pi, "user_swap", ACTION="accept", SUBMITTED=seen).status_code == 303
    assert output(place, people.pi, "user_swap") == "new\n"


def test_a_new_version_waits_beside_the_accepted_one(place: Archive, people: People, tmp_path: Path) -> None:
    submit(place, people.stranger, files(tmp_path, "user_next"))
    post(place, people.pi, "user_next", ACTION="accept")
    submit(place, people.stranger, files(tmp_path, "user_next", NEW))
    assert output(place, people.pi, "user_next") == "done\n"
    assert str(place.real) not in place.get("/jobs", auth=people.stranger).text
    post(place, people.pi, "user_next", ACTION="accept")
    assert output(place, people.pi, "user_next") == "new\n"


def test_a_job_that_runs_when_its_type_is_taken_back_ends_as_it_would(
    place: Archive, people: People, tmp_path: Path
) -> None:
    script = "import time\n\n\ndef run(job):\n    (job.results / 'out.txt').write_text('kept')\n    time.sleep(3)\n"
    submit(place, people.stranger, files(tmp_path, "user_gone", script))
    assert is_live(place, people.stranger, "user_gone")
    job = Job(place, run(place, people.stranger, "user_gone").headers["Location"], people.stranger)
    written = place.real / "jobs" / "jobs" / job.url.rpartition("/")[2] / "results" / "out.txt"
    assert wait_for(written.exists, 20)
    assert post(place, people.stranger, "user_gone", ACTION="withdraw").status_code == 303
    assert ends(job) == "COMPLETED", job.get("/error").text
    assert job.get("/results/out.txt").text == "kept"
    job.delete()


class TestRefusals:
    """Who may do what, and what is no job type."""

    def test_people(self, place: Archive, people: People, tmp_path: Path) -> None:
        sent = files(tmp_path, "user_theirs")
        refused(submit(place, None, sent), 401, "log in")
        assert submit(place, people.stranger, sent).status_code == 303
        refused(submit(place, people.pi, sent), 400, "somebody else")
        refused(post(place, None, "user_theirs", ACTION="accept"), 401)
        refused(post(place, people.stranger, "user_theirs", ACTION="accept"), 403, "only operators")
        refused(post(place, people.stranger, "user_theirs", ACTION="reject", REASON="x"), 403)
        refused(post(place, people.pi, "user_theirs", ACTION="withdraw"), 400, "of yours")
        refused(post(place, people.pi, "user_none", ACTION="accept"), 400, "user_theirs")
        refused(post(place, people.pi, "user_theirs", ACTION="explode"), 400, "ACTION")

    def test_all_that_is_wrong_is_told(self, place: Archive, people: People, tmp_path: Path) -> None:
        parameter = TEXT.format("Bad-Name", "x")
        answer = submit(place, people.stranger, files(tmp_path, "user_bad", "run = 1", parameter))
        refused(answer, 400, "Bad-Name", "no function run(job)")
        assert "user_bad" not in show(place, people.stranger)

    def test_half_of_it(self, place: Archive, people: People, tmp_path: Path) -> None:
        sent = files(tmp_path, "user_half")
        refused(submit(place, people.stranger, {"description": sent["description"]}), 400, "script")
        refused(submit(place, people.stranger, {"script": sent["script"]}), 400, "description")

    @pytest.mark.parametrize(
        "name", ["..", "../../../etc", "a b", "$(id)", "gammapy_maps", "definitions", "sync", "A" * 99]
    )
    def test_names(self, place: Archive, people: People, tmp_path: Path, name: str) -> None:
        sent = files(tmp_path, "user_name")
        content = sent["description"][1].replace(b'"user_name"', f'"{name}"'.encode())
        refused(submit(place, people.stranger, {**sent, "description": ("x.vot", content)}), 400)
        for login in (people.stranger, people.pi):
            for file in ("script.py", "submission.json", "..%2f..%2fscript.py"):
                quoted = requests.utils.quote(name, safe="")
                assert place.get(f"{HOME}/{quoted}/{file}", auth=login).status_code == 404

    def test_it_does_nothing_outside_of_its_sandbox(self, place: Archive, people: People, tmp_path: Path) -> None:
        script = (
            "from pathlib import Path\n\n\ndef run(job):\n"
            f"    seen = Path({str(place.real)!r}, 'instance.json').exists()\n"
            '    (job.results / "out.txt").write_text(str(seen))\n'
        )
        submit(place, people.stranger, files(tmp_path, "user_spy", script))
        assert output(place, people.stranger, "user_spy") == "False"


class TestCommands:
    """What the operator types."""

    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """A folder that the archive's user can read."""
        with open_folder() as made:
            yield made

    def test_check(self, place: Archive, folder: Path) -> None:
        write_definition(folder / "good", NOTHING, TEXT.format("text", "x"))
        make_readable(folder)
        done = place.ops("job-check", "--job", folder / "good", "text=$(id)").check()
        assert "completed" in done.output and "out.txt: 5 bytes" in done.output

    def test_check_of_a_broken_one(self, place: Archive, folder: Path) -> None:
        write_definition(folder / "broken", "import nothing_like_it\n\n\ndef run(job):\n    pass\n")
        write_definition(folder / "silent", "def run(job):\n    print('here')\n")
        write_definition(folder / "absent", None)
        make_readable(folder)
        for name, words in (
            ("broken", "imports nothing_like_it"),
            ("silent", "the output out (out.txt) was not written"),
            ("absent", "script.py is missing"),
        ):
            done = place.ops("job-check", "--job", folder / name)
            assert done.status == 1 and words in done.output, done.output
            assert "Traceback" not in done.output

    def test_list_and_accept(self, place: Archive, people: People, tmp_path: Path) -> None:
        submit(place, people.stranger, files(tmp_path, "user_typed"))
        assert f"user_typed  by {people.stranger[0]}" in place.ops("job-list").check().output
        folder = re.search(r"user_typed  by .*: (/.*)", place.ops("job-list").output)[1]
        assert "completed" in place.ops("job-check", "--job", folder).check().output
        place.ops("job-accept", "--name", "user_typed").check()
        assert output(place, people.pi, "user_typed") == "done\n"
        assert "user_typed" not in place.ops("job-list").check().output
        assert "waiting are" in place.ops("job-accept", "--name", "user_typed").output

    def test_publish_of_no_job(self, place: Archive) -> None:
        done = place.ops("job-publish", "--job", "0" * 32, "--collection", "mine")
        assert done.status == 1 and "Traceback" not in done.output, done.output
