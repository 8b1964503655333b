"""Measures analysis jobs as users see them: from POST to COMPLETED, through the server, beside a plain script."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import secrets
import shutil
import statistics
import subprocess
import time
import tomllib
import urllib.parse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from bench.files import REAL_FILES
from bench.harvest import INSIDE
from bench.instance import PYTHON, Bench, BenchError
from bench.report import Report
from bench.timing import tell

COLLECTION = "hess-dl3-dr1"
RUNS = (f"{COLLECTION}:23559", f"{COLLECTION}:23592")
MAPS = {"ra": "83.633", "dec": "22.014", "nxpix": "100", "nypix": "100", "binsz": "0.02", "emin": "1", "emax": "10"}
NOTHING = "bench_nothing"
N_AT_ONCE = 50
MAX_RATIO = 0.6
MAX_FIXED_S = 0.1
MAX_AT_ONCE_S = 3.0
ENDED = ("COMPLETED", "ERROR", "ABORTED", "ARCHIVED")
# Longest a single job may take before the benchmark gives up.
PATIENCE_S = 120.0
DESCRIPTION = f"""<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.4">
  <RESOURCE ID="{NOTHING}" name="{NOTHING}" type="meta" utype="voprov:ActivityDescription">
    <DESCRIPTION>Does nothing. Only benchmarks have it.</DESCRIPTION>
    <PARAM name="version" datatype="char" arraysize="*" value="1" utype="voprov:ActivityDescription.version"/>
    <PARAM name="executionDuration" datatype="int" value="60" utype="uws:Job.executionDuration"/>
    <PARAM name="script" datatype="char" arraysize="*" value="script.py"/>
    <GROUP name="InputParams"/>
    <GROUP name="Used"/>
    <GROUP name="Generated">
      <GROUP name="done" utype="voprov:GenerationDescription">
        <PARAM name="role" datatype="char" arraysize="*" value="done" utype="voprov:GenerationDescription.role"/>
        <PARAM name="default" datatype="char" arraysize="*" value="done.txt" utype="voprov:Entity.id"/>
        <PARAM name="content_type" datatype="char" arraysize="*" value="text/plain"
          utype="voprov:DatasetDescription.contentType"/>
      </GROUP>
    </GROUP>
  </RESOURCE>
</VOTABLE>
"""
SCRIPT = 'def run(job):\n    (job.results / "done.txt").write_text("done")\n'


def run(bench: Bench, report: Report, *, quick: bool) -> None:
    """Start an archive with H.E.S.S. runs, and have jobs done."""
    turns, repetitions = (2, 1) if quick else (9, 20)
    _add_nothing(bench)
    if REAL_FILES.is_dir():
        bench.operate("import", "--data", str(REAL_FILES), "--collection", COLLECTION)
    bench.operate("start")
    if not _has_environment(bench):
        raise BenchError("the jobs have no Python environment here; `make start` tells why.")
    measured: dict[str, object] = {}
    report.section("jobs", "analysis jobs over HTTP, on one machine with their client", measured)
    client = _Client(bench.instance.url, *_account(bench))
    client.done(NOTHING, {})  # the runner is up and warm from here on
    measured["nothing_s"] = _nothing(client, report, turns)
    measured["at_once_s"] = _at_once(client, report, repetitions)
    if REAL_FILES.is_dir():
        measured["maps_s"], measured["script_s"] = _maps(bench, client, report, turns)
    else:
        report.line("maps of two H.E.S.S. runs", float("nan"), "", f"not measured: {REAL_FILES} is absent")


def _maps(bench: Bench, client: _Client, report: Report, turns: int) -> tuple[list[float], list[float]]:
    """Make the same maps as a job and by a script started for it, in turns."""
    parameters = [("obs_ids", number) for number in RUNS] + list(MAPS.items())
    jobs, scripts = [], []
    direct = _Direct(bench)
    warm = client.done("gammapy_maps", parameters)
    direct.prepare(warm)
    for turn in range(turns + 1):
        started = time.perf_counter()
        job = client.done("gammapy_maps", parameters)
        taken = time.perf_counter() - started
        alone = direct.run()
        tell(f"maps, turn {turn}: job {taken:.3f} s, script {alone:.3f} s")
        if turn:  # the first one warms up
            jobs.append(taken)
            scripts.append(alone)
        else:
            direct.compare(job)
        client.delete(job)
    client.delete(warm)
    ratio = statistics.median(job / script for job, script in zip(jobs, scripts, strict=True))
    report.line("maps of two H.E.S.S. runs, job", statistics.median(jobs), "s", "from POST to COMPLETED")
    report.line("the same, a script", statistics.median(scripts), "s", "a new process; files and bytecode cached")
    report.require("0.6 times the script / the job", MAX_RATIO / ratio, 1.0, f"{ratio:.2f} times as long")
    return jobs, scripts


def _nothing(client: _Client, report: Report, turns: int) -> list[float]:
    """Have jobs done that do nothing, one after the other."""
    times = []
    for _ in range(3 * turns):
        started = time.perf_counter()
        job = client.done(NOTHING, {})
        times.append(time.perf_counter() - started)
        client.delete(job)
    fixed = statistics.median(times)
    spread = f"{1e3 * min(times):.0f} to {1e3 * max(times):.0f} ms"
    report.line("a job that does nothing", 1e3 * fixed, "ms", f"from POST to COMPLETED; {spread}")
    report.require("0.1 s / a job that does nothing", MAX_FIXED_S / fixed, 1.0)
    return times


def _at_once(client: _Client, report: Report, repetitions: int) -> list[float]:
    """Send many jobs at once, again and again; none may be left behind."""
    times = []
    for repetition in range(repetitions):
        with ThreadPoolExecutor(N_AT_ONCE) as pool:
            started = time.perf_counter()
            jobs = list(pool.map(lambda _: client.create(NOTHING, {}), range(N_AT_ONCE)))
        sent = time.perf_counter() - started
        client.wait_for_all(NOTHING, started + PATIENCE_S)
        times.append(time.perf_counter() - started)
        phases = [client.phase(job) for job in jobs]
        if left := [phase for phase in phases if phase != "COMPLETED"]:
            raise BenchError(f"of {N_AT_ONCE} jobs sent at once, {len(left)} are {', '.join(sorted(set(left)))}.")
        tell(f"{N_AT_ONCE} at once, {repetition + 1}: {times[-1]:.2f} s (sent in {sent:.2f} s)")
        for job in jobs:
            client.delete(job)
    report.line(f"{N_AT_ONCE} jobs at once", statistics.median(times), "s", f"at most {max(times):.2f} s; none is left")
    report.require("3 s / the slowest of them", MAX_AT_ONCE_S / max(times), 1.0, f"{repetitions} repetitions")
    return times


def _add_nothing(bench: Bench) -> None:
    """Add a job type that does nothing, as an operator would."""
    accepted = bench.instance.jobs / "definitions" / "accepted"
    folder = accepted / NOTHING
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "description.vot").write_text(DESCRIPTION)
    (folder / "script.py").write_text(SCRIPT)
    bench.give(accepted.parent)


def _has_environment(bench: Bench) -> bool:
    return os.access(_python(bench), os.X_OK)


def _python(bench: Bench) -> Path:
    settings = tomllib.loads(Path(bench.instance.environment()["CTA_JOBS"]).read_text())
    return Path(settings["python"])


def _account(bench: Bench) -> tuple[str, str]:
    """Make an account."""
    name, password = "bench-user", secrets.token_urlsafe(12)
    done = subprocess.run(
        [PYTHON, "-m", "datalink.accounts"],
        input=f"{name}:{password}\n",
        text=True,
        capture_output=True,
        env=bench.instance.child_environment(),
        cwd="/",
        **_user(bench),
    )
    if done.returncode:
        raise BenchError(f"the account could not be made: {done.stderr[-500:]}")
    return name, password


def _user(bench: Bench) -> dict[str, Any]:
    """Return the options of `subprocess.run` that make a process the server's user's."""
    if os.geteuid() != 0:
        return {}
    found = bench.instance.state.stat()
    return {"user": found.st_uid, "group": found.st_gid, "extra_groups": []}


class _Direct:
    """A script that does what a job did, in the same environment, started by the same user."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._place = bench.instance.state / "bench-jobs"
        self._words: list[str] = []

    def prepare(self, job: str) -> None:
        """Lay out the inputs of a job for the script: the files of the archive as links."""
        shutil.rmtree(self._place, ignore_errors=True)
        folder = self._bench.instance.jobs / "jobs" / job.rpartition("/")[2]
        inputs, order = self._place / "inputs", self._place / "order"
        shutil.copytree(folder / "inputs", inputs)
        order.mkdir()
        shutil.copy(folder / "job.json", order)
        for mount in json.loads((folder / "job.json").read_text())["mounts"]:
            target = inputs / mount["target"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(mount["source"])
        code = self._bench.put(INSIDE, self._place / "code")
        self._words = [str(_python(self._bench)), str(code / "job_direct.py"), str(order), str(inputs)]
        self._bench.give(self._place)

    def run(self) -> float:
        """Run the script in a new process and return the seconds it took."""
        out = self._place / "out"
        shutil.rmtree(out, ignore_errors=True)
        environment = {**self._bench.instance.child_environment(), "MPLBACKEND": "Agg"}
        environment["PYTHONPATH"] = str(self._bench.instance.code)
        started = time.perf_counter()
        done = subprocess.run(
            [*self._words, str(out)], env=environment, cwd="/", capture_output=True, text=True, **_user(self._bench)
        )
        taken = time.perf_counter() - started
        if done.returncode:
            raise BenchError(f"the script failed: {done.stderr[-2000:]}")
        return taken

    def compare(self, job: str) -> None:
        """Refuse to go on unless script and job have made the same files, FITS images with the same values."""
        results = self._bench.instance.jobs / "jobs" / job.rpartition("/")[2] / "results"
        own = self._place / "out" / "results"
        names = [sorted(path.name for path in folder.iterdir()) for folder in (results, own)]
        if names[0] != names[1] or not names[0]:
            raise BenchError(f"the job made {names[0]}, the script {names[1]}.")
        for name in names[0]:
            if ".fits" in name and not _same_image(results / name, own / name):
                raise BenchError(f"{name} of the job is not that of the script.")


def _same_image(one: Path, other: Path) -> bool:
    with fits.open(one) as ours, fits.open(other) as theirs:
        pairs = zip(ours, theirs, strict=True)
        return all(
            np.array_equal(a.data, b.data, equal_nan=True) for a, b in pairs if a.is_image and a.data is not None
        )


@dataclass(frozen=True)
class _Answer:
    status: int
    location: str
    body: str


class _Client:
    """A plain UWS client with an account; a connection a request."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self._host = urllib.parse.urlsplit(url).netloc
        self._login = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    def done(self, job_type: str, parameters: Sequence[tuple[str, str]] | dict[str, str]) -> str:
        """Create a job, wait until it is COMPLETED, and return its path."""
        job = self.create(job_type, parameters)
        deadline = time.perf_counter() + PATIENCE_S
        phase = ""
        while phase not in ENDED:
            if time.perf_counter() > deadline:
                raise BenchError(f"a job of {job_type} is {phase} after {PATIENCE_S:.0f} s.")
            document = self._request("GET", f"{job}?WAIT=20").body
            phase = _phase_in(document)
        if phase != "COMPLETED":
            raise BenchError(f"a job of {job_type} is {phase}: {document[-1500:]}")
        return job

    def create(self, job_type: str, parameters: Sequence[tuple[str, str]] | dict[str, str]) -> str:
        """Create a job that runs at once; return its path."""
        given = parameters.items() if isinstance(parameters, dict) else parameters
        body = urllib.parse.urlencode([*given, ("PHASE", "RUN")])
        answer = self._request("POST", f"/jobs/{job_type}", body)
        if answer.status != 303:
            raise BenchError(f"/jobs/{job_type} answers {answer.status}: {answer.body[:500]}")
        return urllib.parse.urlsplit(answer.location).path

    def phase(self, job: str) -> str:
        """Return the phase of a job."""
        return self._request("GET", f"{job}/phase").body.strip()

    def wait_for_all(self, job_type: str, deadline: float) -> None:
        """Wait until no job of a type is waiting or runs."""
        unfinished = f"/jobs/{job_type}?" + "&".join(f"PHASE={phase}" for phase in ("PENDING", "QUEUED", "EXECUTING"))
        while "jobref" in self._request("GET", unfinished).body:
            if time.perf_counter() > deadline:
                return  # the phases tell what is left
            time.sleep(0.05)

    def delete(self, job: str) -> None:
        """Delete a job."""
        self._request("DELETE", job)

    def _request(self, method: str, path: str, body: str | None = None) -> _Answer:
        connection = http.client.HTTPConnection(self._host, timeout=PATIENCE_S)
        headers = {"Authorization": self._login}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        if answer.status >= 400:
            raise BenchError(f"{method} {path.partition('?')[0]} answers {answer.status}: {text[:500]}")
        return _Answer(answer.status, answer.headers.get("Location", ""), text)


def _phase_in(document: str) -> str:
    found = re.search(r"<(?:\w+:)?phase>\s*(\w+)\s*<", document)
    if not found:
        raise BenchError(f"no job document: {document[:500]}")
    return found.group(1)
