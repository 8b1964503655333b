"""What the tests of links, cut-outs, packages and access share: requests, documents, accounts, gammapy as oracle."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import tarfile
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import requests
from astropy.io import fits
from lxml import etree

from tests.live.archive import CHECKOUT, SHARED, Archive, wait_for

LINKS = "/cta/dl/links/dlmeta"
SODA = "/cta/dl/soda/dlget"
JOBS = "/cta/dl/soda/async"
PACKAGE = "/cta/dl/package/dlget"
DATALINK = "application/x-votable+xml;content=datalink"
STILTS = CHECKOUT / ".venv" / "bin" / "stilts"
UNKNOWN = "ivo://cta.example/~?cta/data/ctao-sample/public/none.fits.gz"
VOTABLE = "{http://www.ivoa.net/xml/VOTable/v1.3}"
UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
XLINK = "{http://www.w3.org/1999/xlink}"
GAMMAPY_NOISE = "gammapy|astropy|regions|pyvo"

# Everything a DataLink document leads to is data, unless it is one of these: documents, and links of other datasets.
OPEN_SEMANTICS = {"#documentation", "#coderived", "#progenitor", "#derivation"}

Parameters = dict[str, Any] | Sequence[tuple[str, Any]]
Login = tuple[str, str] | None


@cache
def did_of(archive_url: str, collection: str, obs_id: str, event_type: str | None = None) -> str:
    """Return the identifier of an event list."""
    answer = requests.Session()
    answer.trust_env = False
    condition = f" AND event_type='{event_type}'" if event_type else ""
    adql = (
        "SELECT obs_publisher_did FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE dataproduct_type='event'"
        f" AND obs_collection='{collection}' AND obs_id='{obs_id}'{condition}"
    )
    told = answer.post(f"{archive_url}/tap/sync", data={"LANG": "ADQL", "FORMAT": "csv", "QUERY": adql}, timeout=60)
    lines = told.text.split()
    assert len(lines) == 2 and lines[0] == "obs_publisher_did", told.text
    return lines[1]


def soda(archive: Archive, did: str | None = None, *, login: Login = None, **parameters: Any) -> requests.Response:
    """Ask the synchronous service by GET; a list makes a repeated parameter."""
    given = {**({} if did is None else {"ID": did}), **parameters}
    return archive.get(SODA, params=given, auth=login, timeout=120)


def token(answer: requests.Response) -> str:
    """Return the first word of an error document, after a look at its form."""
    assert answer.headers["Content-Type"].startswith("text/plain"), (answer.status_code, answer.headers)
    assert "Traceback" not in answer.text and "/tmp/" not in answer.text and "dachs" not in answer.text.lower()
    assert len(answer.text) < 1000
    word, _, sentence = answer.text.partition(": ")
    assert len(sentence.split()) > 3, answer.text
    return word


def opened(content: bytes) -> fits.HDUList:
    """Return the HDUs of a FITS file whose checksums are right, all of them read."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(Checksum|Datasum) verification failed.*")
        warnings.filterwarnings("ignore", message=".*VerifyWarning.*|.*unit.*")
        hdus = fits.open(io.BytesIO(content), checksum=True, memmap=False)
        for hdu in hdus:
            hdu.data  # noqa: B018 # read now, with warnings as errors
    return hdus


def events_of(hdus: fits.HDUList) -> fits.BinTableHDU:
    """Return the one HDU of events, whatever its name."""
    (found,) = [
        hdu
        for hdu in hdus
        if hdu.header.get("HDUCLAS1") == "EVENTS" or str(hdu.header.get("EXTNAME")).startswith("EVENTS")
    ]
    return found


# --- DataLink -------------------------------------------------------------------------------------------------------


@dataclass
class Descriptor:
    """A service descriptor: its PARAMs, and its input parameters as elements."""

    id: str
    params: dict[str, str]
    inputs: dict[str, etree._Element]

    @property
    def url(self) -> str:
        """Where the service is."""
        return self.params["accessURL"]

    def limits(self, name: str) -> tuple[str | None, str | None]:
        """Return MIN and MAX of a parameter."""
        found = [self.inputs[name].find(f"{VOTABLE}VALUES/{VOTABLE}{tag}") for tag in ("MIN", "MAX")]
        low, high = (None if element is None else element.get("value") for element in found)
        return low, high

    def options(self, name: str) -> list[str]:
        """Return the OPTIONs of a parameter."""
        return [element.get("value") for element in self.inputs[name].iter(f"{VOTABLE}OPTION")]


@dataclass
class Document:
    """A DataLink document, read without the help of a VO library."""

    answer: requests.Response
    rows: list[dict[str, str]] = field(default_factory=list)
    services: dict[str, Descriptor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        root = etree.fromstring(self.answer.content)
        (results,) = root.findall(f"{VOTABLE}RESOURCE[@type='results']")
        names = [element.get("name") for element in results.iter(f"{VOTABLE}FIELD")]
        for row in results.iter(f"{VOTABLE}TR"):
            self.rows.append(dict(zip(names, [cell.text or "" for cell in row], strict=True)))
        for resource in root.findall(f"{VOTABLE}RESOURCE[@type='meta']"):
            params = {param.get("name"): param.get("value") for param in resource.findall(f"{VOTABLE}PARAM")}
            inputs = {param.get("name"): param for param in resource.findall(f"{VOTABLE}GROUP/{VOTABLE}PARAM")}
            self.services[resource.get("ID")] = Descriptor(resource.get("ID"), params, inputs)
        self.info = {element.get("name"): element.get("value") for element in results.iter(f"{VOTABLE}INFO")}

    def of(self, semantics: str) -> list[dict[str, str]]:
        """Return the rows of a term."""
        return [row for row in self.rows if row["semantics"] == semantics]

    def cutout(self, standard: str = "sync") -> Descriptor:
        """Return the descriptor of the cut-out service of the (first) dataset."""
        ids = [row["service_def"] for row in self.of("#cutout")]
        return next(
            self.services[name] for name in ids if f"SODA#{standard}" in self.services[name].params["standardID"]
        )


def document(archive: Archive, *dids: str, login: Login = None) -> Document:
    """Fetch the links of some datasets."""
    answer = archive.session.post(f"{archive.url}{LINKS}", data=[("ID", did) for did in dids], auth=login, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == DATALINK
    return Document(answer)


def datalinklint(content: bytes) -> str:
    """Return what STILTS has to say on a DataLink document of version 1.1."""
    with tempfile.NamedTemporaryFile(suffix=".vot") as file:
        file.write(content)
        file.flush()
        done = subprocess.run(
            [STILTS, "datalinklint", "version=1.1", f"votable={file.name}"], capture_output=True, text=True, timeout=120
        )
    report = done.stdout + done.stderr
    assert "Totals: " in report, report
    return report


def lint_errors(report: str) -> list[str]:
    """Return errors, failures and warnings of a report."""
    return re.findall(r"^[EFW]-.*", report, re.M)


# --- jobs -----------------------------------------------------------------------------------------------------------


@dataclass
class Job:
    """A job of a UWS: an asynchronous cut-out, or an analysis."""

    archive: Archive
    url: str
    login: Login = None

    @classmethod
    def create(cls, archive: Archive, parameters: Parameters, login: Login = None, service: str = JOBS) -> Job:
        """Make a job; it does not run yet, unless a parameter says so."""
        answer = archive.session.post(
            f"{archive.url}{service}", data=parameters, auth=login, allow_redirects=False, timeout=60
        )
        assert answer.status_code == 303, answer.text
        return cls(archive, answer.headers["Location"], login)

    def get(self, path: str = "", login: Login | str = "own") -> requests.Response:
        """Fetch something of the job, as its owner if not told otherwise."""
        auth = self.login if login == "own" else login
        return self.archive.session.get(f"{self.url}{path}", auth=auth, timeout=60)

    def post(self, path: str, **data: str) -> requests.Response:
        """Change something of the job as its owner."""
        return self.archive.session.post(
            f"{self.url}{path}", data=data, auth=self.login, allow_redirects=False, timeout=60
        )

    @property
    def phase(self) -> str:
        """What the job is doing."""
        return self.get("/phase").text

    def run(self, seconds: float = 60) -> Job:
        """Let it run to its end."""
        assert self.post("/phase", PHASE="RUN").status_code == 303
        assert wait_for(lambda: self.phase not in ("PENDING", "QUEUED", "EXECUTING"), seconds, 0.2), self.phase
        return self

    @property
    def results(self) -> dict[str, str]:
        """Addresses of the results by name."""
        root = etree.fromstring(self.get().content)
        return {item.get("id"): item.get(f"{XLINK}href") for item in root.iter(f"{UWS}result")}

    def fetched(self) -> dict[str, requests.Response]:
        """Fetch all results."""
        found = {name: self.archive.session.get(url, auth=self.login, timeout=60) for name, url in self.results.items()}
        assert all(answer.status_code == 200 for answer in found.values())
        return found

    def delete(self) -> requests.Response:
        """Delete it."""
        return self.archive.session.delete(self.url, auth=self.login, allow_redirects=False, timeout=60)


# --- accounts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class People:
    """Who asks."""

    pi: tuple[str, str]
    stranger: tuple[str, str]
    anonymous: None = None

    @property
    def wrong_password(self) -> tuple[str, str]:
        """Somebody who pretends to be the PI."""
        return (self.pi[0], "guess")

    @property
    def not_the_pi(self) -> dict[str, Login]:
        """Everybody who must not get the data."""
        return {
            "anonymous": None,
            "wrong password": self.wrong_password,
            "no password": (self.pi[0], ""),
            "unknown": ("nobody-at-all", "secret"),
            "stranger": self.stranger,
        }


@cache
def _accounts(state: Path) -> People:
    archive = Archive(state)
    people = People(("soda-pi", "first-Secret:1"), ("soda-stranger", "second-Secret"))
    for name, password in (people.pi, people.stranger):
        if archive.dachs("admin", "adduser", name, password).status:
            archive.dachs("admin", "changeuser", name, password).check()
    archive.dachs("admin", "addtogroup", people.pi[0], "demo-pi").check()
    return people


def people_of(archive: Archive) -> People:
    """Return accounts made as the operator makes them: a member of the group that owns the sample's proprietary runs,
    and somebody else. They stay as long as the instance.
    """
    return _accounts(archive.state)


# --- temporary files ------------------------------------------------------------------------------------------------


def leftovers(archive: Archive) -> set[str]:
    """Return the names of temporary files of cut-outs and packages."""
    return {path.name for path in (archive.real / "dachs" / "tmp").iterdir() if "sample" not in path.name}


@contextlib.contextmanager
def nothing_left(archive: Archive, seconds: float = 10) -> Iterator[None]:
    """Fail when what happens here leaves temporary files behind."""
    before = leftovers(archive)
    yield
    assert wait_for(lambda: leftovers(archive) <= before, seconds), leftovers(archive) - before


# --- packages -------------------------------------------------------------------------------------------------------


def unpacked(content: bytes, folder: Path) -> list[str]:
    """Unpack a tar and return the names in it."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as package:
        names = package.getnames()
        package.extractall(folder)
    return names


# --- gammapy --------------------------------------------------------------------------------------------------------


def real_file(collection: str, path: str) -> Path:
    """Return a file of the real data."""
    return SHARED / "data" / "dl3" / collection / path


def now() -> float:
    """Return a time to measure with."""
    return time.monotonic()
