"""Proprietary runs: no published path to their data is open to others; the owner has all of them; it ends by itself.

The paths are not listed here: they are read from what the archive publishes on a run, so that a new kind of link is
tested as soon as it is there, and refused until somebody has decided otherwise (`soda_helpers.OPEN_SEMANTICS`).
"""

from __future__ import annotations

import datetime
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
import requests

from tests.live import soda_helpers as helpers
from tests.live.archive import SAMPLE, Archive
from tests.live.soda_helpers import Document, Job, Login, People, document

HELD = ("100007", "100010")
PUBLIC = "100001"
FILE_STARTS = (b"\x1f\x8b", b"SIMPLE", b"\x89PNG")
FITS_WORDS = (b"TTYPE1", b"XTENSION", b"BINTABLE", b"<BINARY", b"\x1f\x8b\x08")


@dataclass(frozen=True)
class Way:
    """A request that leads to data of a run."""

    what: str
    url: str
    method: str = "GET"
    data: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def refusals(self) -> tuple[int, ...]:
        """With what status others are refused; three ways into DaCHS's product service give nothing to anybody."""
        if "preview=True" in self.url:  # no picture can be made of event lists
            return (401, 403, 404, 500)
        if (
            "/getproduct" in self.url and "/getproduct/" not in self.url
        ):  # one file: not found, several: a tar without data
            return (200, 401, 403, 404)
        return (401, 403)

    def go(self, login: Login) -> requests.Response:
        """Send it with a connection of its own, as somebody."""
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                self.method,
                self.url,
                data=list(self.data) or None,
                headers=dict(self.headers),
                auth=login,
                timeout=60,
                allow_redirects=True,
            )


@dataclass
class Ways:
    """All ways to a run that the archive publishes."""

    archive: Archive
    did: str
    closed: list[Way] = field(default_factory=list)
    open: list[Way] = field(default_factory=list)
    terms: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        found = document(self.archive, self.did)
        for row in found.rows:
            assert not row["error_message"], row
            self._add_row(found, row)
        obscore = self._table("ivoa.obscore")
        self.open.append(Way("obscore access_url", obscore["access_url"]))
        self.closed.append(Way("obscore preview", obscore["preview"]))
        dataset = self._table("cta.dataset")
        for url in {value for row in (obscore, dataset) for value in row.values() if str(value).startswith("http")}:
            if url not in {way.url for way in (*self.open, *self.closed)}:
                self.closed.append(Way("a column with an address", url))
        accref = self.did.partition("?")[2]
        server = self.archive.url
        self.closed += [
            Way("product by parameter", f"{server}/getproduct?{urlencode({'accref': accref})}"),
            Way("products as tar", f"{server}/getproduct?{urlencode([('accref', accref)] * 2)}"),
            Way("scaled product", f"{server}/getproduct/{quote(accref)}?scale=2"),
            Way("cut product", f"{server}/getproduct/{quote(accref)}?ra=1&dec=1&sra=1&sdec=1"),
        ]
        package = f"{server}{helpers.PACKAGE}"
        adql = f"SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_publisher_did='{self.did}'"
        public = helpers.did_of(server, SAMPLE, PUBLIC)
        self.closed += [
            Way("package by query", f"{package}?{urlencode({'QUERY': adql})}"),
            Way("package by query, POST", package, "POST", (("QUERY", adql),)),
            Way("package with a public run", package, "POST", (("ID", public), ("ID", self.did))),
            Way("package by id in lower case", f"{package}?{urlencode({'id': self.did})}"),
        ]
        self.closed += [way for closed in list(self.closed) for way in variants(closed)]

    def _table(self, name: str) -> dict[str, str]:
        (row,) = self.archive.query(f"SELECT * FROM {name} WHERE obs_publisher_did='{self.did}'")
        return row

    def _add_row(self, found: Document, row: dict[str, str]) -> None:
        term = row["semantics"]
        self.terms.add(term)
        if row["service_def"]:
            service = found.services[row["service_def"]]
            standard = service.params.get("standardID", "")
            if "/jobs/" not in service.url and "async" not in standard:  # jobs are tested by themselves
                self.closed += [Way(f"{term} {what}", url) for what, url in calls(service.url, self.did)]
            return
        url = row["access_url"]
        if not url.startswith(self.archive.url):
            assert term in helpers.OPEN_SEMANTICS, f"{term} leads elsewhere: {url}"
            return
        (self.open if term in helpers.OPEN_SEMANTICS else self.closed).append(Way(term, url))


def calls(url: str, did: str) -> Iterator[tuple[str, str]]:
    """Yield what a service may be asked on a dataset."""
    for more in (
        {},
        {"CIRCLE": "266.4 -28.5 1"},
        {"CIRCLE": "10 10 0.1"},
        {"TIME": "50000 50001"},
        {"RESPONSES": "omit"},
        {"RESPONSEFORMAT": "votable"},
        {"ENERGY": "-Inf Inf"},
    ):
        yield str(more), f"{url}?{urlencode({'ID': did, **more})}"


def variants(way: Way) -> list[Way]:
    """Return other ways to ask the same."""
    if way.method != "GET":
        return []
    others = [
        Way(f"{way.what}, HEAD", way.url, "HEAD"),
        Way(f"{way.what}, first bytes", way.url, headers=(("Range", "bytes=0-99"),)),
        Way(f"{way.what}, last bytes", way.url, headers=(("Range", "bytes=-100"),)),
    ]
    address, _, query = way.url.partition("?")
    if "/getproduct/" in way.url:
        others.append(Way(f"{way.what}, preview", f"{way.url}{'&' if query else '?'}preview=True"))
        others.append(Way(f"{way.what}, escaped", way.url.replace("ctao_sim", "%63tao_sim")))
    elif query:
        others.append(Way(f"{way.what}, POST", address, "POST", tuple(parse_qsl(query, keep_blank_values=True))))
    return others


@pytest.fixture(scope="module")
def ways(archive: Archive) -> dict[str, Ways]:
    return {obs_id: Ways(archive, helpers.did_of(archive.url, SAMPLE, obs_id)) for obs_id in HELD}


class TestPaths:
    """Every way to a proprietary run."""

    def test_there_are_ways(self, ways: dict[str, Ways]) -> None:
        """What the others test is something."""
        for found in ways.values():
            assert len(found.closed) > 60
            assert {
                "#this",
                "#calibration",
                "#package",
                "#preview-image",
                "#preview-plot",
                "#thumbnail",
                "#cutout",
                "#detached-header",
            } <= {way.what.partition(" ")[0].partition(",")[0] for way in found.closed}
            assert len(found.open) >= 2

    @pytest.mark.parametrize("who", ["anonymous", "wrong password", "no password", "unknown", "stranger"])
    @pytest.mark.parametrize("obs_id", HELD)
    def test_refused(self, ways: dict[str, Ways], people: People, obs_id: str, who: str) -> None:
        login = people.not_the_pi[who]
        for way in ways[obs_id].closed:
            answer = way.go(login)
            assert answer.status_code in way.refusals, (way, answer.status_code, answer.content[:100])
            assert len(answer.content) <= 10_240, way
            assert not answer.content.startswith(FILE_STARTS), way
            assert not any(word in answer.content for word in FITS_WORDS), way
            if answer.status_code == 200 and answer.content:  # a tar of notes that there is nothing
                with tarfile.open(fileobj=io.BytesIO(answer.content)) as notes:
                    assert all(member.size < 100 for member in notes), way

    @pytest.mark.parametrize("obs_id", HELD)
    def test_the_owner_has_them(self, ways: dict[str, Ways], people: People, obs_id: str) -> None:
        """A test of the others, too: these ways do lead somewhere."""
        for way in ways[obs_id].closed:
            if way.method == "HEAD" and "/getproduct" in way.url:
                continue  # DaCHS 2.11 does not end its answer when it may give the file
            answer = way.go(people.pi)
            wanted = (200, 204, 206, *(404, 500) * (set(way.refusals) != {401, 403}))
            assert answer.status_code in wanted, (way, answer.status_code, answer.content[:300])
        this = next(way for way in ways[obs_id].closed if way.what == "#this")
        assert this.go(people.pi).content.startswith(b"\x1f\x8b")

    @pytest.mark.parametrize("obs_id", HELD)
    def test_documents_are_for_everybody(self, ways: dict[str, Ways], people: People, obs_id: str) -> None:
        for login in (*people.not_the_pi.values(), people.pi):
            for way in ways[obs_id].open:
                assert way.go(login).status_code == 200, way

    def test_a_link_says_what_happens(self, archive: Archive, people: People) -> None:
        """link_authorized, and whether one gets it."""
        for obs_id in (*HELD, PUBLIC):
            for login in (None, people.stranger, people.pi):
                for row in document(archive, helpers.did_of(archive.url, SAMPLE, obs_id), login=login).rows:
                    if row["access_url"].startswith(archive.url):
                        answer = Way("", row["access_url"]).go(login)
                        assert (answer.status_code == 200) == (row["link_authorized"] == "T"), row

    def test_public_runs_are_for_everybody(self, archive: Archive, people: People) -> None:
        found = Ways(archive, helpers.did_of(archive.url, SAMPLE, PUBLIC))
        for login in (*people.not_the_pi.values(), people.pi):
            for way in found.closed:
                if "product" in way.what or "preview" in way.what or ", " in way.what:
                    continue
                assert way.go(login).status_code in (200, 204), way

    def test_all_held_runs_are_tested(self, archive: Archive) -> None:
        rows = archive.query("SELECT obs_id FROM ivoa.obscore WHERE data_rights='proprietary'")
        assert sorted(row["obs_id"] for row in rows) == sorted(HELD)

    def test_previews_on_disk_are_not_served(self, archive: Archive) -> None:
        """The folder of the pictures is no part of the web."""
        for path in (
            "/cta/q/cone/static/previews/ctao-sample/proprietary/ctao_sim_100007.fits.gz-sky.png",
            "/cta/dl/preview/static/previews/ctao-sample/proprietary/ctao_sim_100007.fits.gz-sky.png",
            "/cta/previews/ctao-sample/proprietary/ctao_sim_100007.fits.gz-sky.png",
            "/getproduct/cta/previews/ctao-sample/proprietary/ctao_sim_100007.fits.gz-sky.png",
            "/static/previews/ctao-sample/proprietary/ctao_sim_100007.fits.gz-sky.png",
        ):
            answer = archive.get(path)
            assert answer.status_code in (401, 403, 404), path
            assert b"\x89PNG" not in answer.content

    def test_no_table_tells_what_is_in_the_data(self, archive: Archive) -> None:
        """Accounts, passwords, jobs and paths on disk are not in TAP."""
        for table in ("dc.users", "dc.groups", "dc.products", "uws.userjobs"):
            given = {"LANG": "ADQL", "QUERY": f"SELECT * FROM {table}", "FORMAT": "csv"}
            answer = archive.session.post(f"{archive.tap_url}/sync", data=given, timeout=60)
            assert answer.status_code >= 400, table
            assert "Could not locate table" in answer.text or "permission denied" in answer.text, table


class TestEmbargo:
    """It ends by itself, on its date, everywhere at once."""

    @pytest.mark.parametrize(("days", "public"), [(-1, True), (0, True), (1, False), (400, False)])
    def test_all_agree(self, archive: Archive, people: People, days: int, public: bool) -> None:
        did = helpers.did_of(archive.url, SAMPLE, HELD[0])
        today = datetime.datetime.now(datetime.timezone.utc).date()
        with embargo(archive, did, today + datetime.timedelta(days=days)):
            self.check(archive, people, did, public)
        self.check(archive, people, did, False)

    @staticmethod
    def check(archive: Archive, people: People, did: str, public: bool) -> None:
        rights = archive.query(f"SELECT data_rights FROM ivoa.obscore WHERE obs_publisher_did='{did}'")
        assert rights == [{"data_rights": "public" if public else "proprietary"}]
        found = document(archive, did)
        for row in found.rows:
            if row["semantics"] in helpers.OPEN_SEMANTICS:
                continue
            assert (row["link_auth"], row["link_authorized"]) == (("false", "T") if public else ("true", "F")), row
            url = row["access_url"] or f"{found.cutout().url}?{urlencode({'ID': did})}"
            for login, status in ((None, 401), (people.stranger, None)):
                answer = Way(row["semantics"], url).go(login)
                if public:
                    assert answer.status_code == 200, row
                else:
                    assert answer.status_code in ((status,) if status else (401, 403)), row
            assert Way(row["semantics"], url).go(people.pi).status_code == 200
        job = Job.create(archive, {"ID": did, "CIRCLE": "266.4 -28.5 2"}).run()
        (answer,) = job.fetched().values()
        assert answer.headers["Content-Type"].startswith("application/fits" if public else "text/plain")
        job.delete()


@contextmanager
def embargo(archive: Archive, did: str, until: datetime.date) -> Iterator[None]:
    """Let the embargo of a run end on another day. The products table of DaCHS holds the last proprietary day."""
    accref = did.partition("?")[2]
    last = until - datetime.timedelta(days=1)
    before = archive.sql(
        "SELECT d.embargo, p.embargo FROM cta.dataset AS d JOIN dc.products AS p USING (accref)"
        f" WHERE accref='{accref}'"
    )
    ((of_dataset, of_product),) = before
    set_embargo(archive, accref, str(until), str(last))
    try:
        yield
    finally:
        set_embargo(archive, accref, of_dataset, of_product)


def set_embargo(archive: Archive, accref: str, of_dataset: str, of_product: str) -> None:
    """Write the dates into both tables."""
    archive.sql(
        f"UPDATE cta.dataset SET embargo='{of_dataset}' WHERE accref='{accref}';"
        f"UPDATE dc.products SET embargo='{of_product}' WHERE accref='{accref}';"
    )


def test_the_groups_of_the_pi_count(archive: Archive, people: People) -> None:
    """Who leaves the group has no access any more; who joins has it at once."""
    url = document(archive, helpers.did_of(archive.url, SAMPLE, HELD[0])).of("#this")[0]["access_url"]
    thumbnail = document(archive, helpers.did_of(archive.url, SAMPLE, HELD[0])).of("#thumbnail")[0]["access_url"]
    name = people.stranger[0]
    try:
        archive.dachs("admin", "addtogroup", name, "demo-pi").check()
        assert [Way("", address).go(people.stranger).status_code for address in (url, thumbnail)] == [200, 200]
    finally:
        archive.dachs("admin", "delfromgroup", name, "demo-pi")
    for address in (url, thumbnail):
        assert Way("", address).go(people.stranger).status_code in (401, 403)


def test_an_account_needs_its_own_password(archive: Archive, people: People) -> None:
    answers: list[Any] = [
        Way("", f"{archive.url}{helpers.SODA}?{urlencode({'ID': helpers.did_of(archive.url, SAMPLE, HELD[0])})}").go(
            login
        )
        for login in ((people.pi[0], people.stranger[1]), (people.pi[0] + " ", people.pi[1]), ("", ""), people.pi)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 200]
