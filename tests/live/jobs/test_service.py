"""A walk through the job service as clients take it, on a real database; the test plays the runner."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

pytest.importorskip("vo_models", reason="vo-models is not installed: requirements/test.txt has it")

from analysis.description.model import GenerationDescription, JobDescription, ParameterDescription, UsageDescription
from analysis.errors import RefusedError
from analysis.settings import Settings
from analysis.uws.job import Job, JobParameter, JobResult, Phase
from analysis.uws.phases import RUNNABLE
from analysis.uws.service import UploadedFile, UwsAnswer, UwsRequest, UwsService
from analysis.uws.store import JobStore
from tests.live.jobs.conftest import a_job

BASE = "https://archive.example/jobs"
NAMES = {"u": "http://www.ivoa.net/xml/UWS/v1.0"}
HREF = "{http://www.w3.org/1999/xlink}href"
BROWSER = "text/html,application/xhtml+xml"


@dataclasses.dataclass
class Hooks:
    """What the archive would do, as far as it matters here."""

    folder: Path

    def check(
        self,
        description: JobDescription,
        parameters: Sequence[JobParameter],
        files: Mapping[str, UploadedFile],
        complete: bool,
    ) -> None:
        names = {item.name for item in parameters}
        for name in sorted(names - {"ra", "obs_ids", "table"}):
            raise RefusedError(400, f"There is no parameter {name}.")
        if complete and "ra" not in names:
            raise RefusedError(400, "ra is missing.")

    def prepare(self, job: Job, description: JobDescription) -> tuple[str, ...]:
        if any(item.value == "secret" for item in job.parameters):
            raise RefusedError(403, "The run is proprietary.")
        (self.folder / "jobs" / job.job_id / "results").mkdir(parents=True, exist_ok=True)
        return ("ivo://x/~?a",)

    def authorize(self, job: Job) -> None:
        if (self.folder / "locked").exists():
            raise RefusedError(403, "The run has become proprietary.")

    def discard(self, job: Job) -> None:
        shutil.rmtree(self.folder / "jobs" / job.job_id, ignore_errors=True)

    def provenance(self, job: Job, result_name: str) -> tuple[bytes, str]:
        return b"{}", "application/json"

    def log(self, job: Job) -> Path:
        return self.folder / "jobs" / job.job_id / "log.txt"


class Pages:
    """Pages that can be told apart."""

    def __getattr__(self, name: str) -> Callable[..., bytes]:
        return lambda *arguments: f"<p>{name} {arguments[:2] if name == 'error' else ''}</p>".encode()


class Types(dict[str, JobDescription]):
    """A catalogue."""

    def names(self) -> list[str]:
        return list(self)


class Client:
    """Sends requests, and holds them as the web server does."""

    def __init__(self, service: UwsService, store: JobStore, owner: str | None) -> None:
        self.service, self.store, self.owner = service, store, owner

    def ask(self, method: str, path: str, *, held: bool = True, **parts: Any) -> UwsAnswer:
        """Return the answer; unless `held`, a waiting one as it is."""
        parts.setdefault("owner", self.owner)
        path, _, query = path.partition("?")
        parts["query"] = [tuple(item.split("=", 1)) for item in query.split("&") if item]
        request = UwsRequest(method=method, path=tuple(path.split("/")), address="192.0.2.1", **parts)
        answer = self.service.handle(request)
        while held and answer.wait is not None:
            time.sleep(0.02)
            answer = self.service.handle(request, answer.wait)
        return answer

    def get(self, path: str, **parts: Any) -> UwsAnswer:
        return self.ask("GET", path, **parts)

    def post(self, path: str, *form: tuple[str, str], **parts: Any) -> UwsAnswer:
        return self.ask("POST", path, form=form, **parts)

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status == 200, answer.body
        return content(answer).decode()

    def create(self, *form: tuple[str, str], **parts: Any) -> str:
        """Create a job; return its path."""
        answer = self.post("maps", *form, **parts)
        assert answer.status == 303, answer.body
        return answer.headers["Location"].removeprefix(f"{BASE}/")

    def ids(self, path: str) -> list[str]:
        """Return the ids of a job list."""
        return [item.get("id") for item in etree.fromstring(content(self.get(path)))]


def content(answer: UwsAnswer) -> bytes:
    """Return the bytes of an answer."""
    if isinstance(answer.body, bytes):
        return answer.body
    with answer.body as stream:
        return stream.read()


def job_id(path: str) -> str:
    """Return the id in a job's path."""
    return path.rpartition("/")[2]


@dataclasses.dataclass
class World:
    """A service, clients of it, and the runner's view."""

    store: JobStore
    settings: Settings
    make: Callable[..., Client]

    def new_job(self, client: Client) -> str:
        """Return the path of a job a client may see, made now."""
        job = a_job(owner=client.owner)
        self.store.insert(job)
        return f"maps/{job.job_id}"

    def start(self, path: str) -> None:
        """Do as the runner when it starts a job."""
        now = datetime.datetime.now(datetime.UTC)
        assert self.store.move(job_id(path), Phase.EXECUTING, {Phase.QUEUED}, start_time=now, handle="1")

    def end(self, path: str, phase: Phase = Phase.COMPLETED, **columns: Any) -> None:
        """Do as the runner when a job has ended."""
        assert self.store.move(job_id(path), phase, {Phase.EXECUTING}, **columns)


@pytest.fixture
def world(tmp_path: Path, new_store: Callable[[], JobStore]) -> World:
    """A service on an empty table."""
    folder = tmp_path / "types" / "maps"
    folder.mkdir(parents=True)
    (folder / "description.vot").write_text("<VOTABLE/>")
    maps = JobDescription(
        name="maps",
        title="Maps",
        description="Maps.",
        script=folder / "script.py",
        folder=folder,
        quote_s=10,
        parameters=(ParameterDescription(name="ra"),),
        used=(UsageDescription(name="obs_ids", role="events"), UsageDescription(name="table", role="l", kind="upload")),
        generated=(
            GenerationDescription(name="counts", role="counts", file_name="counts.fits", content_type="image/fits"),
        ),
    )
    types = Types(maps=maps, spectra=dataclasses.replace(maps, name="spectra"))
    limits = Settings(folder=tmp_path, python="", max_waiting_per_user=3, sync_seconds=2, anonymous_per_minute=5)
    lock, shared = threading.Lock(), new_store()

    @contextmanager
    def stores() -> Iterator[JobStore]:
        with lock:
            yield shared

    service = UwsService(stores, types, limits, BASE + "/", Hooks(tmp_path), Pages())
    store = new_store()
    return World(store, limits, lambda owner="ada": Client(service, store, owner))


def test_from_creation_to_results(world: World) -> None:
    ada = world.make()
    path = ada.create(("RA", "83.6"), ("RUNID", "crab"))
    assert ada.text(f"{path}/phase") == "PENDING"
    assert ada.text(f"{path}/owner") == "ada"
    assert ada.text(f"{path}/quote") == ""
    assert ada.post(f"{path}/phase", ("phase", "run")).headers["Location"] == f"{BASE}/{path}"
    assert ada.text(f"{path}/phase") == "QUEUED"
    assert ada.text(f"{path}/quote").endswith("Z")
    world.start(path)
    assert ada.text(f"{path}/phase") == "EXECUTING"
    results = world.settings.jobs_folder / job_id(path) / "results"
    (results / "counts.fits").write_bytes(b"FITS")
    (results / "evil").symlink_to("/etc/passwd")
    (results.parent / "log.txt").write_text("said")
    made = [("counts", "image/fits", "counts.fits"), ("evil", "text/plain", "evil"), ("prov", "a/b", None)]
    made.append(("log", "text/plain", None))
    found = tuple(JobResult(name=name, content_type=kind, file_name=file) for name, kind, file in made)
    world.end(path, results=found)
    tree = etree.fromstring(content(ada.get(path)))
    assert tree.findtext("u:runId", namespaces=NAMES) == "crab"
    assert tree.findtext("u:parameters/u:parameter", namespaces=NAMES) == "83.6"
    assert tree.findtext("u:endTime", namespaces=NAMES).endswith("Z")
    links = [item.get(HREF).removeprefix(f"{BASE}/") for item in tree.find("u:results", NAMES)]
    assert [ada.get(link).status for link in links] == [200, 404, 200, 200]
    assert content(ada.get(links[0])) == b"FITS" and content(ada.get(links[3])) == b"said"
    assert ada.get(f"{path}/results/counts.fits").status == 404
    assert ada.text(f"{path}/error") == ""
    head = ada.ask("HEAD", links[0])
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "4")


def test_a_failed_job_says_why(world: World) -> None:
    ada = world.make()
    path = ada.create(("ra", "1"), ("PHASE", "RUN"))
    world.start(path)
    (world.settings.jobs_folder / job_id(path) / "log.txt").write_text("x" * 10000 + "last line\n")
    world.end(path, Phase.ERROR, error_message="There are no events.", error_type="fatal")
    assert ada.get(path).status == 200
    text = ada.text(f"{path}/error")
    assert text.startswith("There are no events.") and text.endswith("xlast line") and len(text) < 9000


def test_what_may_be_changed_when(world: World) -> None:
    ada = world.make()
    path = ada.create()
    assert ada.post(f"{path}/executionduration", ("EXECUTIONDURATION", "999999")).status == 303
    assert ada.text(f"{path}/executionduration") == "3600"
    assert ada.post(f"{path}/destruction", ("DESTRUCTION", "2000-01-01T00:00:00Z")).status == 303
    assert ada.text(f"{path}/destruction") == "2000-01-01T00:00:00.000Z"
    assert ada.post(f"{path}/executionduration", ("EXECUTIONDURATION", "-5")).status == 400
    assert ada.post(f"{path}/phase", ("PHASE", "RUN")).status == 400  # ra is missing
    assert ada.text(f"{path}/phase") == "PENDING"
    assert ada.post(f"{path}/parameters", ("ra", "1"), ("OBS_IDS", "4"), ("obs_ids", "5")).status == 303
    assert ada.post(f"{path}/parameters", ("other", "1")).status == 400
    assert ada.post(f"{path}/parameters", ("PHASE", "RUN")).status == 400
    assert ada.text(f"{path}/parameters/OBS_IDS") == "4\n5"
    assert ada.ask("PUT", f"{path}/parameters/obs_ids", form=[("", "7 & 8")]).status == 303
    assert ada.text(f"{path}/parameters/obs_ids") == "7 & 8"
    assert ada.post(f"{path}/phase", ("PHASE", "RUN")).status == 303
    for child, value in [("parameters", ("ra", "2")), ("executionduration", ("EXECUTIONDURATION", "5"))]:
        assert ada.post(f"{path}/{child}", value).status == 403
    assert ada.post(f"{path}/phase", ("PHASE", "RUN")).status == 403
    assert ada.post(path, ("ra", "1")).status == 400
    answer = ada.ask("DELETE", "maps")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")


def test_uploads_are_kept_and_given_by_reference(world: World) -> None:
    ada = world.make()
    path = ada.create(("table", "param:part"), files={"part": UploadedFile("my.csv", b"1,2")})
    parameter = etree.fromstring(content(ada.get(f"{path}/parameters")))[0]
    assert (parameter.get("byReference"), parameter.text) == ("true", f"{BASE}/{path}/parameters/table")
    answer = ada.get(f"{path}/parameters/table")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my.csv"'
    assert content(answer) == b"1,2"
    assert ada.post("maps", files={"other": UploadedFile("x", b"")}).status == 400


def test_a_refused_creation_leaves_nothing(world: World) -> None:
    ada = world.make()
    upload = {"table": UploadedFile("x", b"1")}
    assert ada.post("maps", ("ra", "secret"), ("PHASE", "RUN"), files=upload).status == 403
    assert ada.post("maps", ("ra", "1"), ("PHASE", "ABORT")).status == 400
    assert ada.ids("maps") == []
    assert list(world.settings.jobs_folder.iterdir()) == []


def test_another_users_job_does_not_exist(world: World) -> None:
    ada, bob, nobody = world.make(), world.make("bob"), world.make(None)
    path = ada.create()
    absent = f"maps/{'0' * 32}"
    for client in (bob, nobody):
        for child in ("", "/phase", "/results", "/parameters", "/results/x", "/owner", "/error"):
            theirs, none = client.get(path + child), client.get(absent + child)
            assert theirs == none and theirs.status == 404
        assert client.post(f"{path}/phase", ("PHASE", "ABORT")).status == 404
        assert client.ask("DELETE", path).status == 404
        assert client.ids("maps") == []
    assert ada.get(path.replace("maps", "spectra")).status == 404
    assert ada.get(f"{path}/phase").status == 200
    secret = nobody.create()
    assert bob.get(secret).status == 200 and nobody.get(secret).status == 200
    assert ada.get("unknown").status == 404 and b"maps, spectra" in content(ada.get("unknown"))


def test_lists_and_filters(world: World) -> None:
    ada = world.make()
    paths = [ada.create(("ra", "1")) for _ in range(4)]
    ids = [job_id(path) for path in paths]
    for path in paths[1:3]:
        ada.post(f"{path}/phase", ("PHASE", "ABORT"))
    assert sorted(ada.ids("maps")) == sorted(ids)
    assert ada.ids("maps?LAST=2") == ids[:1:-1]
    assert ada.ids("maps?phase=ABORTED&last=1") == [ids[2]]
    assert ada.ids("maps?LAST=1&PHASE=ABORTED") == [ids[2]]
    assert sorted(ada.ids("maps?PHASE=ABORTED&PHASE=PENDING")) == sorted(ids)
    assert ada.ids("maps?AFTER=2999-01-01") == []
    assert ada.get("maps?LAST=abc").status == 400
    tree = etree.fromstring(content(ada.get("maps")))
    assert all(ada.get(item.get(HREF).removeprefix(f"{BASE}/")).status == 200 for item in tree)


def test_abort_in_each_phase(world: World) -> None:
    ada = world.make()
    for at_once in ((), (("PHASE", "RUN"),)):
        path = ada.create(("ra", "1"), *at_once)
        assert ada.post(f"{path}/phase", ("PHASE", "ABORT")).status == 303
        assert ada.text(f"{path}/phase") == "ABORTED"
        assert "aborted by its user" in ada.text(path)
    path = ada.create(("ra", "1"), ("PHASE", "RUN"))
    world.start(path)
    waiting = ada.post(f"{path}/phase", ("PHASE", "ABORT"), held=False)
    assert waiting.wait is not None and waiting.wait.job_id == job_id(path)
    assert ada.text(f"{path}/phase") == "EXECUTING"  # until its processes are gone
    job = world.store.get(job_id(path))
    assert job is not None and job.stop_requested

    threading.Timer(0.1, world.end, (path, Phase.ABORTED)).start()
    assert ada.post(f"{path}/phase", ("PHASE", "ABORT")).status == 303
    assert ada.text(f"{path}/phase") == "ABORTED"
    path = ada.create(("ra", "1"), ("PHASE", "RUN"))
    world.start(path)
    world.end(path)
    assert ada.post(f"{path}/phase", ("PHASE", "ABORT")).status == 403


def test_delete_in_each_phase(world: World) -> None:
    ada = world.make()
    for delete in (lambda path: ada.ask("DELETE", path), lambda path: ada.post(path, ("action", "delete"))):
        path = ada.create(("ra", "1"), ("PHASE", "RUN"))
        assert delete(path).headers["Location"] == f"{BASE}/maps"
        assert ada.get(path).status == 404
        assert not (world.settings.jobs_folder / job_id(path)).exists()
        path = ada.create(("ra", "1"), ("PHASE", "RUN"))
        world.start(path)
        threading.Timer(0.1, world.end, (path, Phase.ABORTED)).start()
        assert delete(path).status == 303
        assert world.store.get(job_id(path)) is None
        assert not (world.settings.jobs_folder / job_id(path)).exists()


def test_a_deleted_job_that_still_runs_is_hidden_and_left_to_the_runner(world: World) -> None:
    ada = world.make()
    path = ada.create(("ra", "1"), ("PHASE", "RUN"))
    world.start(path)
    assert ada.ask("DELETE", path, held=False).wait is not None
    assert ada.get(path).status == 404 and ada.ids("maps") == []
    assert [job.record for job in world.store.active()] == [{"delete": True}]


def test_waiting_ends_with_the_phase(world: World) -> None:
    ada = world.make()
    path = ada.create(("ra", "1"), ("PHASE", "RUN"))
    assert ada.get(f"{path}?WAIT=60", held=False).wait is not None
    assert ada.get(f"{path}?WAIT=60&PHASE=EXECUTING", held=False).wait is None
    assert ada.get(f"{path}?WAIT=abc").status == 400
    assert ada.get(f"{path}?WAIT=0").status == 200
    threading.Timer(0.1, world.start, (path,)).start()
    answer = ada.get(f"{path}?WAIT=60&PHASE=QUEUED")
    assert b">EXECUTING<" in content(answer)
    world.end(path)
    assert ada.get(f"{path}?WAIT=-1", held=False).wait is None


def test_too_many_waiting_jobs_are_held(world: World) -> None:
    ada = world.make()
    paths = [ada.create(("ra", "1"), ("PHASE", "RUN")) for _ in range(4)]
    assert [ada.text(f"{path}/phase") for path in paths] == ["QUEUED"] * 3 + ["HELD"]
    assert "3 jobs of yours are waiting" in ada.text(paths[3])
    world.start(paths[0])
    assert ada.post(f"{paths[3]}/phase", ("PHASE", "RUN")).status == 303
    assert ada.text(f"{paths[3]}/phase") == "QUEUED"
    assert [job.job_id for job in world.store.waiting()] == [job_id(path) for path in paths[1:]]
    assert ada.post("maps/sync", ("ra", "1")).status == 503


def test_anonymous_jobs_are_limited_by_address(world: World) -> None:
    nobody = world.make(None)
    for _ in range(5):
        nobody.create()
    answer = nobody.post("maps")
    assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0
    assert world.make().post("maps").status == 303


def test_sync(world: World) -> None:
    ada = world.make()

    def play(phase: Phase, **columns: Any) -> None:
        while not world.store.waiting():
            time.sleep(0.01)
        path = f"maps/{world.store.waiting()[0].job_id}"
        world.start(path)
        time.sleep(0.1)
        world.end(path, phase, **columns)

    def sync(phase: Phase, **columns: Any) -> UwsAnswer:
        thread = threading.Thread(target=play, args=(phase,), kwargs=columns)
        thread.start()
        answer = ada.get("maps/sync?ra=1")
        thread.join()
        return answer

    results = tuple(JobResult(name=name, content_type="image/fits", file_name=name) for name in ("a", "counts"))
    answer = sync(Phase.COMPLETED, results=results)
    assert answer.status == 303 and answer.headers["Location"].endswith("/results/counts")
    answer = sync(Phase.ERROR, error_message="There are no events.", error_type="fatal")
    assert (answer.status, content(answer)) == (400, b"There are no events.")
    assert sync(Phase.ABORTED, message="It took too long.").status == 503
    answer = ada.get("maps/sync?ra=1")  # nobody runs it
    assert answer.status == 303 and ada.text(answer.headers["Location"].removeprefix(f"{BASE}/") + "/phase") == "QUEUED"
    assert ada.get("maps/sync?ra=secret").status == 403
    assert ada.ask("HEAD", "maps/sync?ra=1").status == 405


def test_browsers_get_pages_and_programs_documents(world: World) -> None:
    ada = world.make()
    path = ada.create(("ra", "1"))
    for what, begin in [("", "services"), ("maps", "jobs"), (path, "job"), ("maps/form", "form"), ("maps/doc", "doc")]:
        answer = ada.get(what, accept=BROWSER)
        assert answer.headers["Content-Type"].startswith("text/html")
        assert content(answer).startswith(f"<p>{begin} ".encode())
    assert content(ada.get("maps/none", accept=BROWSER)).startswith(b"<p>error (404")
    assert ada.get(path, accept="text/html, image/gif, *; q=.2").headers["Content-Type"].startswith("text/xml")
    assert content(ada.get("maps/description")) == b"<VOTABLE/>"


PIECES = st.sampled_from(
    ["", "maps", "none", "sync", "form", "doc", "description", "0" * 32, "phase", "error", "quote", "owner", "results"]
    + ["parameters", "ra", "table", "destruction", "executionduration", "..", "a/b", "\0", "é\ud800", "PHASE", "counts"]
)
NAMED = st.sampled_from(
    ["PHASE", "WAIT", "LAST", "AFTER", "ra", "", "table", "RUNID", "ACTION", "DESTRUCTION", "upload"]
)
VALUES = st.one_of(
    st.sampled_from(
        ["RUN", "ABORT", "DELETE", "0", "-1", "1", "param:table", "table,param:x", "2026-01-01", "\0\ud800"]
    ),
    st.text(max_size=5),
)
PAIRS = st.lists(st.tuples(NAMED, VALUES), max_size=3)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_asked_is_answered(world: World, data: st.DataObject) -> None:
    ada = world.make(data.draw(st.sampled_from(["ada", None, "\0"])))
    begin = data.draw(st.sampled_from(["none", "list", "job", "job"]))
    path = {"none": [], "list": ["maps"], "job": world.new_job(ada).split("/")}[begin]
    path += data.draw(st.lists(PIECES, max_size=2))
    request = UwsRequest(
        method=data.draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"])),
        path=tuple(path),
        query=data.draw(PAIRS),
        form=data.draw(PAIRS),
        files=data.draw(st.sampled_from([{}, {"table": UploadedFile('\r\n"', b"1")}])),
        owner=ada.owner,
        address=str(data.draw(st.integers())),
        accept=data.draw(st.sampled_from(["", BROWSER])),
    )
    answer = ada.service.handle(request)
    if answer.wait is not None:
        answer = ada.service.handle(request, dataclasses.replace(answer.wait, deadline=0.0))
    assert answer.wait is None and (answer.status < 500 or answer.status == 503)
    assert all(value.isascii() and value.isprintable() for value in answer.headers.values())
    assert len(content(answer)) == int(answer.headers["Content-Length"]) or request.method == "HEAD"


def test_two_runs_at_once_start_a_job_once(world: World) -> None:
    ada = world.make()
    path = ada.create(("ra", "1"))
    statuses: list[int] = []
    run = lambda: statuses.append(ada.post(f"{path}/phase", ("PHASE", "RUN")).status)  # noqa: E731
    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [303, 403, 403, 403, 403]
    assert not world.store.move(job_id(path), Phase.QUEUED, RUNNABLE)
