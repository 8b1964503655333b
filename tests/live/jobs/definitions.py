"""Job types made for tests: an operator adds a folder with a description and a script, and that is all."""

from __future__ import annotations

import contextlib
import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from tests.live.archive import Archive

NOTHING = 'def run(job):\n    (job.results / "out.txt").write_text("done\\n")\n'
SLEEPER = """
import subprocess
import sys
import time


def run(job):
    (job.results / "out.txt").write_text("begun\\n")
    print("sleeping", flush=True)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", job.job_id])
    time.sleep(job.parameters["seconds"])
    child.kill()
"""
CURIOUS = """
import json
import os
import socket
from pathlib import Path


def attempt(what):
    try:
        return repr(what())
    except OSError as exc:
        return f"refused: {exc.strerror}"


def run(job):
    everything = {
        "environment": dict(os.environ),
        "jobs": attempt(lambda: sorted(str(path) for path in Path(job.parameters["place"]).iterdir())),
        "code": attempt(lambda: sorted(os.listdir(job.parameters["code"]))),
        "root": attempt(lambda: sorted(os.listdir("/"))),
        "database": attempt(lambda: socket.socket(socket.AF_UNIX).connect(job.parameters["database"])),
        "server": attempt(lambda: socket.create_connection(("127.0.0.1", job.parameters["port"]), 2)),
        "write": attempt(lambda: Path("/usr/planted").write_text("x")),
        "processes": [entry for entry in os.listdir("/proc") if entry.isdigit()],
    }
    (job.results / "out.txt").write_text(json.dumps(everything))
"""
HOSTILE = """
import os
import time


def run(job):
    what = job.parameters["what"]
    if what == "fork":
        while True:
            try:
                os.fork()
            except OSError:
                time.sleep(0.01)
    if what == "disk":
        with open(job.work / "big", "wb") as out:
            while True:
                out.write(b"x" * 2**20)
    if what == "files":
        for number in range(10**9):
            (job.work / str(number)).touch()
    if what == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(os.urandom(2**20) * 16))
    if what == "link":
        (job.results / "out.txt").symlink_to("/etc/passwd")
    if what == "raise":
        raise ValueError("of no value")
    if what == "nothing":
        return
    if what == "exit":
        os._exit(7)
"""


def write_definition(
    folder: Path, script: str | None, parameters: str = "", *, seconds: int = 60, limits: str = "", title: str = ""
) -> None:
    """Write the folder of a job type; `parameters` are PARAM elements."""
    folder.mkdir(parents=True, exist_ok=True)
    name = quoteattr(folder.name)
    (folder / "description.vot").write_text(
        textwrap.dedent(f"""\
        <?xml version="1.0" encoding="UTF-8"?>
        <VOTABLE xmlns="http://www.ivoa.net/xml/VOTable/v1.3" version="1.4">
          <RESOURCE ID={name} name={name} type="meta" utype="voprov:ActivityDescription">
            <DESCRIPTION>{title or "For tests"}. It is not for people.</DESCRIPTION>
            <PARAM name="version" datatype="char" arraysize="*" value="1" utype="voprov:ActivityDescription.version"/>
            <PARAM name="executionDuration" datatype="int" value="{seconds}" utype="uws:Job.executionDuration"/>
            {limits}
            <PARAM name="script" datatype="char" arraysize="*" value="script.py"/>
            <GROUP name="InputParams">{parameters}</GROUP>
            <GROUP name="Used"/>
            <GROUP name="Generated">
              <GROUP name="out" utype="voprov:GenerationDescription">
                <PARAM name="role" datatype="char" arraysize="*" value="out" utype="voprov:GenerationDescription.role"/>
                <PARAM name="multiplicity" datatype="char" arraysize="*" value="1"
                  utype="voprov:GenerationDescription.multiplicity"/>
                <PARAM name="default" datatype="char" arraysize="*" value="out.txt" utype="voprov:Entity.id"/>
                <PARAM name="content_type" datatype="char" arraysize="*" value="text/plain"
                  utype="voprov:DatasetDescription.contentType"/>
              </GROUP>
            </GROUP>
          </RESOURCE>
        </VOTABLE>
        """),
        encoding="utf-8",
    )
    if script is not None:
        (folder / "script.py").write_text(script, encoding="utf-8")


def accept(archive: Archive, name: str, script: str | None, parameters: str = "", **more: object) -> None:
    """Put a job type where the operator's accepted ones are."""
    parent = archive.real / "jobs" / "definitions" / "accepted"
    folder = parent / name
    write_definition(folder, script, parameters, **more)  # type: ignore[arg-type]
    for path in (parent.parent, parent, folder, *folder.iterdir()):
        shutil.chown(path, archive.user)


TEXT = '<PARAM name="{0}" datatype="char" arraysize="*" value="{1}"/>'
NUMBER = (
    '<PARAM name="{0}" datatype="double" unit="s" value="{1}">'
    '<VALUES><MIN value="0"/><MAX value="1000"/></VALUES></PARAM>'
)
PORT = '<PARAM name="port" datatype="int" value="{0}"/>'


def accept_all(archive: Archive) -> None:
    """Add the job types of the tests."""
    port = archive.memory["port"]
    accept(archive, "test_nothing", NOTHING, TEXT.format("text", "nothing"))
    accept(archive, "test_sleeper", SLEEPER, NUMBER.format("seconds", "30"))
    curious = (
        TEXT.format("place", "/tmp")
        + TEXT.format("code", archive.memory["code"])
        + TEXT.format("database", "/tmp/none")
        + PORT.format(port)
    )
    accept(archive, "test_curious", CURIOUS, curious)
    limits = (
        '<PARAM name="memory_bytes" datatype="long" value="500000000"/>'
        '<PARAM name="disk_bytes" datatype="long" value="50000000"/>'
    )
    accept(archive, "test_hostile", HOSTILE, TEXT.format("what", "nothing"), limits=limits, seconds=20)
    accept(archive, "test_broken", None)


def settings_of(place: Archive) -> Path:
    """Return the operator's settings of the jobs."""
    return place.real / "dachs" / "etc" / "jobs.toml"


@contextlib.contextmanager
def with_settings(place: Archive, change: Callable[[str], str]) -> Iterator[None]:
    """Let an instance run with changed settings of the jobs for a while; the next `up` finds those from before."""
    path = settings_of(place)
    before = path.read_text()
    path.write_text(change(before))
    try:
        place.up().check()
        yield
    finally:
        path.write_text(before)
