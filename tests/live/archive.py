"""A private instance of the archive, run by the operator's own commands, and what the tests ask of it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = CHECKOUT.parent / "shared"
SYSTEM_PYTHON = "/usr/bin/python3"
HEADERS_CSV = SHARED / "data" / "dl3" / "HEADERS.csv"
SAMPLE = "ctao-sample"
# The sample's event lists; it has products as well.
RUNS = f"obs_collection='{SAMPLE}' AND dataproduct_type='event'"
TRACEBACK = re.compile(r"Traceback \(most recent call last\)|^\s+File \".*\", line \d+|Unhandled exception|Oops", re.M)


def clean_environment() -> dict[str, str]:
    """Return the variables for operator commands: nothing of the tests' own Python or of another instance."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GAVO", "PG", "PYTHON", "MAKE"))}
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    kept["NO_PROXY"] = kept["no_proxy"] = "127.0.0.1,localhost"
    return kept


def session() -> requests.Session:
    """Return an HTTP session that no proxy setting of the machine disturbs."""
    made = requests.Session()
    made.trust_env = False
    return made


@dataclass(frozen=True)
class Outcome:
    """What an operator command said."""

    status: int
    output: str

    def check(self) -> Outcome:
        """Fail unless the command succeeded."""
        assert self.status == 0, self.output
        return self

    @property
    def sentence(self) -> str:
        """The error told to the operator, without its prefix; empty when there is none."""
        found = [line for line in self.output.splitlines() if line.startswith("error: ")]
        return found[-1].removeprefix("error: ") if found else ""

    def refused(self) -> str:
        """Fail unless the command failed with a sentence, and return that sentence."""
        assert self.status == 1, f"status {self.status}\n{self.output}"
        assert not TRACEBACK.search(self.output), self.output
        sentence = self.sentence
        assert len(sentence.split()) > 4, self.output
        assert sentence.rstrip()[-1] in ".!?…" or sentence.endswith(".log"), sentence
        return sentence


@dataclass
class Archive:
    """An instance in a state folder."""

    state: Path
    session: requests.Session = field(default_factory=session)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    # --- operator commands -------------------------------------------------------------------------------------

    def command(self, *words: str | Path, fast: bool = True) -> list[str]:
        """Return the command line of an operator command on this instance."""
        line = [SYSTEM_PYTHON, "-m", "ops", *map(str, words), "--state", str(self.state)]
        return [*line, "--fast"] if fast else line

    def ops(self, *words: str | Path, timeout: float = 180, env: Mapping[str, str] | None = None) -> Outcome:
        """Run an operator command to its end; its two outputs are returned together."""
        done = subprocess.run(
            self.command(*words),
            cwd=CHECKOUT,
            env={**clean_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        return Outcome(done.returncode, done.stdout)

    def start_ops(self, *words: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start an operator command in a process group of its own and return at once."""
        child = subprocess.Popen(
            self.command(*words),
            cwd=CHECKOUT,
            env={**clean_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(child)
        return child

    def start_dachs(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start plain dachs in a process group of its own and return at once."""
        child = subprocess.Popen(
            ["dachs", *words],
            env={**self.environment, **(env or {})},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(child)
        return child

    def up(self, port: int = 0) -> Outcome:
        """Create the instance, or refresh it, and start its server."""
        return self.ops("up", "--port", str(port))

    def import_folder(self, data: Path, collection: str, timeout: float = 180) -> Outcome:
        """Import a folder as a collection."""
        return self.ops("import", "--data", data, "--collection", collection, timeout=timeout)

    def summary(self, collection: str) -> dict[str, Any]:
        """Return what the last import of a collection wrote about itself."""
        loaded: dict[str, Any] = json.loads((self.real / "log" / f"import-{collection}.json").read_text())
        return loaded

    def withdraw(self, *collections: str) -> None:
        """Take collections out of the tables, quickly: remove their links, import all the rest; the registry stays."""
        for name in collections:
            (self.resource_dir / "data" / name).unlink(missing_ok=True)
            toml = self.resource_dir / "collections" / f"{name}.toml"
            if not toml.is_symlink():
                toml.unlink(missing_ok=True)
        done = self.dachs("imp", "cta/q", "import")
        assert done.status == 0, done.output

    # --- what is known of the instance -------------------------------------------------------------------------

    @property
    def real(self) -> Path:
        """The state folder itself; the one asked for is a link where the server's user cannot reach it."""
        return self.state.resolve()

    @property
    def memory(self) -> dict[str, Any]:
        """What the instance remembers."""
        loaded: dict[str, Any] = json.loads((self.real / "instance.json").read_text())
        return loaded

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.memory['port']}"

    @property
    def tap_url(self) -> str:
        """The address of its TAP service."""
        return f"{self.url}/tap"

    @property
    def resource_dir(self) -> Path:
        """DaCHS's resource directory `cta`."""
        return self.real / "dachs" / "inputs" / "cta"

    @property
    def user(self) -> str:
        """The system user that server and database run as."""
        return pwd.getpwuid((self.real / "instance.json").stat().st_uid).pw_name

    @property
    def environment(self) -> dict[str, str]:
        """The variables that `make env` prints."""
        done = subprocess.run(
            self.command("env", fast=False),
            cwd=CHECKOUT,
            env=clean_environment(),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        lines = (line.removeprefix("export ") for line in done.stdout.splitlines())
        pairs = dict(line.split("=", 1) for line in lines)
        made = {key: shlex.split(value)[0] for key, value in pairs.items() if key != "PATH"}
        made["PATH"] = f"{self.real / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}"
        return {**clean_environment(), **made}

    # --- plain dachs and psql, as `make env` gives them --------------------------------------------------------

    def dachs(self, *words: str, timeout: float = 180, env: Mapping[str, str] | None = None) -> Outcome:
        """Run plain dachs on the instance, as an operator would after `make env`."""
        done = subprocess.run(
            ["dachs", *words],
            env={**self.environment, **(env or {})},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        return Outcome(done.returncode, done.stdout)

    def sql(self, statement: str, timeout: float = 120) -> list[list[str]]:
        """Run SQL by psql and return the rows as texts."""
        if not hasattr(self, "_environment"):
            self._environment = self.environment
        done = subprocess.run(
            ["psql", "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1"],
            env=self._environment,
            cwd="/",
            input=statement,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, done.stderr
        return list(csv.reader(io.StringIO(done.stdout)))

    def count(self, table: str, where: str = "true") -> int:
        """Return the number of rows of a table."""
        return int(self.sql(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])

    def published(self, collection: str) -> dict[str, str]:
        """Return, by path in the collection, the fingerprint of every published file."""
        prefix = f"cta/data/{collection}/"
        rows = self.sql(
            "SELECT p.accesspath, d.fingerprint FROM cta.dataset AS d JOIN dc.products AS p USING (accref)"
            f" WHERE starts_with(d.accref, '{prefix}')"
        )
        return {path.removeprefix(prefix): fingerprint for path, fingerprint in rows}

    def problems(self, collection: str) -> dict[str, list[tuple[str, str]]]:
        """Return, by path, severity and sentence of everything noted for a collection."""
        found: dict[str, list[tuple[str, str]]] = {}
        for path, severity, sentence in self.sql(
            f"SELECT path, severity, sentence FROM cta.import_problem WHERE collection='{collection}'"
        ):
            found.setdefault(path, []).append((severity, sentence))
        return found

    def documents(self, collection: str) -> dict[str, str]:
        """Return, by path, the kind of every document of a collection."""
        return dict(self.sql(f"SELECT title, kind FROM cta.document WHERE collection='{collection}'"))

    # --- HTTP --------------------------------------------------------------------------------------------------

    def get(self, path: str, **options: Any) -> requests.Response:
        """Fetch a path of the server."""
        return self.session.get(f"{self.url}{path}", timeout=options.pop("timeout", 60), **options)

    def query(self, adql: str, **parameters: str) -> list[dict[str, str]]:
        """Run a synchronous query and return its rows as texts."""
        given = {"LANG": "ADQL", "QUERY": adql, "FORMAT": "csv", **parameters}
        answer = self.session.post(f"{self.tap_url}/sync", data=given, timeout=120)
        assert answer.ok, answer.text
        return list(csv.DictReader(io.StringIO(answer.text)))

    def query_votable(self, adql: str) -> str:
        """Run a synchronous query and return its VOTable as text."""
        given = {"LANG": "ADQL", "QUERY": adql, "FORMAT": "votable/td"}
        answer = self.session.post(f"{self.tap_url}/sync", data=given, timeout=120)
        assert answer.ok, answer.text
        return answer.text

    # --- the end -----------------------------------------------------------------------------------------------

    def remove(self) -> None:
        """Stop and remove the instance."""
        for child in self.started:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, 9)
                child.wait(30)
        if self.state.exists() or self.state.is_symlink():
            self.ops("clean").check()

    def stop(self) -> None:
        """Stop the instance and leave its folder for those who want to know why a test failed."""
        if (self.real / "instance.json").exists():
            self.ops("stop").check()


def processes_of(state: Path) -> dict[int, str]:
    """Return the command lines of living processes that work for the instance in a (real) state folder."""
    found = {}
    marks = (os.fsencode(state / "dachs"), os.fsencode(state / "pg"))
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            command = (entry / "cmdline").read_bytes()
            everything = (entry / "environ").read_bytes() + b"\0" + command
            everything += b"\0" + os.fsencode((entry / "cwd").readlink())
        except OSError:
            continue
        if any(mark in everything for mark in marks):
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


@contextlib.contextmanager
def running_archive(state: Path, keep: Callable[[], bool] = lambda: False) -> Iterator[Archive]:
    """Give a fresh instance with a running server; afterwards stop it, and remove it unless `keep` says otherwise."""
    archive = Archive(state)
    if os.environ.get("CTA_TEST_REUSE"):  # for work on the tests themselves
        archive.up().check()
        yield archive
        return
    archive.remove()  # what an earlier run may have left
    try:
        archive.up().check()
        yield archive
    finally:
        real = archive.real
        if keep():
            archive.stop()
        else:
            archive.remove()
        left = wait_for(lambda: not processes_of(real), 10) or processes_of(real)
        assert left is True, f"still running after the end of the tests: {left}"


def wait_for(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Wait until a condition holds; return whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


@contextlib.contextmanager
def open_folder(prefix: str = "cta-live-", parent: Path | None = None) -> Iterator[Path]:
    """Give a temporary folder that every user of the machine can read; pytest's own ones are private."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_readable(folder: Path) -> Path:
    """Let every user read what is below a folder, and return it."""
    for place, _, names in os.walk(folder):
        Path(place).chmod(0o755)
        for name in names:
            Path(place, name).chmod(0o644)
    return folder


def everybody_reaches(path: Path) -> bool:
    """Say whether any user of the machine can enter a folder and those above it."""
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.parents])


def make_sample(folder: Path, *arguments: str) -> Path:
    """Write a sample archive into a folder."""
    subprocess.run(
        [sys.executable, "-m", "sample", str(folder), *arguments],
        cwd=CHECKOUT,
        env={**clean_environment(), "PYTHONPATH": str(CHECKOUT)},
        check=True,
        timeout=120,
        capture_output=True,
    )
    return make_readable(folder)


def headers(collection: str) -> dict[str, dict[str, str]]:
    """Return the rows of HEADERS.csv for the event files of a collection, by file name."""
    with HEADERS_CSV.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["file"].startswith(f"{collection}/")]
    return {row["file"].removeprefix(f"{collection}/"): row for row in rows}


def files_below(folder: Path) -> set[str]:
    """Return the relative paths of all files below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


def column(rows: Sequence[Mapping[str, str]], name: str) -> list[str]:
    """Return one column of query results."""
    return [row[name] for row in rows]
