"""Packages: what is selected comes as one tar that gammapy opens, as announced, with the terms of use."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
import tarfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from gammapy.data import DataStore

from tests.live import soda_helpers as helpers
from tests.live.archive import CHECKOUT, RUNS, SAMPLE, Archive, clean_environment
from tests.live.conftest import REAL
from tests.live.soda_helpers import PACKAGE, People, token

pytestmark = pytest.mark.filterwarnings("ignore")
SCRIPT = CHECKOUT / "docs" / "data_store.py"
OPEN = f"{RUNS} AND data_rights='public'"


@pytest.fixture(scope="module", autouse=True)
def tidy(archive: Archive) -> Iterator[None]:
    """No test of this module leaves a temporary file."""
    with helpers.nothing_left(archive):
        yield


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """docs/data_store.py."""
    spec = importlib.util.spec_from_file_location("data_store", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(archive: Archive, **parameters: Any) -> Any:
    """Ask for a package by POST."""
    login = parameters.pop("login", None)
    return archive.session.post(archive.url + PACKAGE, data=parameters, auth=login, timeout=120)


def opened(folder: Path) -> DataStore:
    """Open a folder in gammapy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DataStore.from_dir(folder)


class TestContents:
    """What is in a package."""

    def test_by_identifiers(self, archive: Archive, folder: Path, sample: Path) -> None:
        dids = [helpers.did_of(archive.url, SAMPLE, obs_id) for obs_id in ("100001", "100002")]
        for answer in (archive.get(PACKAGE, params={"ID": dids}), ask(archive, ID=[*dids, dids[0]])):
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == "application/x-tar"
            assert answer.headers["Content-Disposition"].startswith('attachment; filename="cta-package-')
            assert answer.headers["Content-Disposition"].endswith('.tar"')
            assert int(answer.headers["Content-Length"]) == len(answer.content)
            names = helpers.unpacked(answer.content, folder)
            assert sorted(names) == sorted(
                [
                    "README.txt",
                    *(
                        f"{SAMPLE}/{name}"
                        for name in (
                            "README.md",
                            "TERMS.txt",
                            "hdu-index.fits.gz",
                            "obs-index.fits.gz",
                            "public/ctao_sim_100001.fits.gz",
                            "public/ctao_sim_100002.fits.gz",
                        )
                    ),
                ]
            )
            for name in ("public/ctao_sim_100001.fits.gz", "TERMS.txt"):
                assert (folder / SAMPLE / name).read_bytes() == (sample / name).read_bytes()

    def test_length_is_true_whatever_is_accepted(self, archive: Archive) -> None:
        """No compression on the way, which would make a tar of gzipped files slower and its length unknown."""
        did = helpers.did_of(archive.url, SAMPLE, "100001")
        for encoding in ("gzip", "identity", "gzip, deflate, br", "*"):
            answer = archive.get(PACKAGE, params={"ID": did}, headers={"Accept-Encoding": encoding}, stream=True)
            raw = answer.raw.read(decode_content=False)
            assert "Content-Encoding" not in answer.headers
            assert int(answer.headers["Content-Length"]) == len(raw)
            with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as package:
                assert "README.txt" in package.getnames()
        head = archive.session.head(archive.url + PACKAGE, params={"ID": did}, timeout=20)
        assert head.status_code == 200
        assert int(head.headers["Content-Length"]) == len(raw)

    def test_readme(self, archive: Archive) -> None:
        adql = f"SELECT obs_publisher_did FROM ivoa.obscore WHERE {OPEN} AND obs_id='100001'"
        answer = ask(archive, QUERY=adql)
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as package:
            member = package.extractfile("README.txt")
            assert member
            text = " ".join(member.read().decode().split())
        assert "CC0" in text
        assert adql in text
        assert archive.url in text
        assert helpers.did_of(archive.url, SAMPLE, "100001") in text
        assert "ctao_sim_100001.fits.gz" in text

    @REAL
    def test_terms_travel_with_every_copy(self, archive: Archive, folder: Path, dl3: Path) -> None:
        """H.E.S.S. asks for it."""
        dids = [helpers.did_of(archive.url, "hess-dl3-dr1", "20136"), helpers.did_of(archive.url, SAMPLE, "100001")]
        helpers.unpacked(ask(archive, ID=dids).content, folder)
        text = " ".join((folder / "README.txt").read_text().split())
        assert "No scientific publications may be derived from the data" in text
        assert "H.E.S.S. DL3 public test data release 1" in text
        assert "CC0" in text
        name = "README.txt"
        assert (folder / "hess-dl3-dr1" / name).read_bytes() == (dl3 / "hess-dl3-dr1" / name).read_bytes()
        assert (folder / SAMPLE / "TERMS.txt").is_file()

    @REAL
    def test_a_response_file(self, archive: Archive, folder: Path) -> None:
        rows = archive.query(
            "SELECT obs_publisher_did, access_estsize FROM ivoa.obscore"
            " WHERE dataproduct_subtype='response-function' AND obs_collection='cta-1dc'"
        )
        names = helpers.unpacked(ask(archive, ID=rows[0]["obs_publisher_did"]).content, folder)
        assert [name for name in names if name.endswith("irf_file.fits")]
        assert not [name for name in names if "gps_baseline" in name]


# collection, condition, number of observations, gammapy's names of required responses
STORES = [
    (SAMPLE, "data_rights='public'", 22, "full-enclosure"),
    pytest.param("hess-dl3-dr1", "1=1", 30, "full-enclosure", marks=REAL),
    pytest.param("fact-joint-crab", "1=1", 82, ["aeff", "edisp"], marks=REAL),
    pytest.param("cta-1dc", "1=1", 2, "full-enclosure", marks=REAL),
    pytest.param("magic-rad-max", "1=1", 1, "point-like", marks=REAL),
]


class TestGammapy:
    """gammapy opens what was unpacked: every observation, with its responses."""

    @pytest.mark.parametrize(("collection", "condition", "number", "required"), STORES)
    def test_every_observation(
        self, archive: Archive, folder: Path, collection: str, condition: str, number: int, required: Any
    ) -> None:
        adql = (
            "SELECT obs_publisher_did FROM ivoa.obscore WHERE dataproduct_type='event'"
            f" AND obs_collection='{collection}' AND {condition}"
        )
        answer = ask(archive, QUERY=adql)
        assert answer.status_code == 200, answer.text
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        helpers.unpacked(answer.content, folder)
        store = opened(folder / collection)
        observations = store.get_observations(required_irf=required)
        assert len(observations) == number == len(store.obs_table)
        irfs = ["aeff", "edisp"] if required != "full-enclosure" else ["aeff", "edisp", "psf", "bkg"]
        counts = {}
        for observation in observations:
            counts[str(observation.obs_id)] = len(observation.events.table)
            assert len(observation.gti.table) > 0
            for irf in irfs:
                assert getattr(observation, irf) is not None, irf
        expected = archive.query(
            f"SELECT obs_id, ev_xel FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE {adql.partition('WHERE ')[2]}"
        )
        assert counts == {row["obs_id"]: int(row["ev_xel"]) for row in expected}

    @REAL
    def test_shared_responses_come_once(self, archive: Archive, folder: Path) -> None:
        condition = "dataproduct_type='event' AND obs_collection='fact-joint-crab'"
        adql = f"SELECT obs_publisher_did FROM ivoa.obscore WHERE {condition}"
        names = helpers.unpacked(ask(archive, QUERY=adql).content, folder)
        assert [name for name in names if "irf" in name.lower()] == ["fact-joint-crab/fact_irf.fits"]
        assert len(names) == len(set(names))


class TestScript:
    """docs/data_store.py, the example for users."""

    def test_as_a_program(self, archive: Archive, folder: Path) -> None:
        adql = f"SELECT obs_publisher_did FROM ivoa.obscore WHERE {OPEN} AND target_name LIKE 'Crab%'"
        done = subprocess.run(
            [sys.executable, SCRIPT, archive.url, folder / "crab", adql],
            env={**clean_environment(), "HOME": os.environ.get("HOME", "/tmp")},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        rows = archive.query(
            "SELECT COUNT(*) AS runs, SUM(ev_xel) AS events FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
            f" WHERE {OPEN} AND target_name LIKE 'Crab%'"
        )
        assert done.stdout.strip() == f"{SAMPLE}: {rows[0]['runs']} observations, {rows[0]['events']} events"

    def test_for_the_owner(self, archive: Archive, folder: Path, people: People, script: ModuleType) -> None:
        adql = f"SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection='{SAMPLE}' AND obs_id='100007'"
        with pytest.raises(RuntimeError, match="AuthenticationError: these data are proprietary"):
            script.data_stores(archive.url, adql, folder / "nobody", session=Archive(archive.state).session)
        session = Archive(archive.state).session
        session.auth = people.pi
        (store,) = script.data_stores(archive.url, adql, folder / "pi", session=session).values()
        assert list(store.obs_table["OBS_ID"]) == [100007]
        assert len(store.obs(100007).events.table) > 1000

    @REAL
    def test_several_collections(self, archive: Archive, folder: Path, script: ModuleType) -> None:
        """As in the documentation: the Crab, wherever it was observed."""
        adql = (
            "SELECT obs_publisher_did FROM ivoa.obscore WHERE 1=CONTAINS(POINT(83.633, 22.014), s_region)"
            " AND dataproduct_type='event' AND data_rights='public' AND obs_collection<>'fact-joint-crab'"
        )
        stores = script.data_stores(archive.url, adql, folder / "crab", session=archive.session)
        assert {SAMPLE, "magic-rad-max"} <= set(stores)
        for store in stores.values():
            assert len(store.obs_table) >= 1


class TestErrors:
    """Sentences, with the status that fits."""

    @pytest.mark.parametrize(
        "adql",
        [
            "SELECT",
            "SELECT nothing FROM nowhere",
            "SELECT obs_id FROM ivoa.obscore",
            "SELECT COUNT(*) AS n FROM ivoa.obscore",
            "SELECT nothing_like_it FROM ivoa.obscore",
            "SELECT obs_publisher_did FROM no.such_table",
            "SELECT username AS obs_publisher_did FROM dc.users",
            "SELECT 1/0 AS obs_publisher_did FROM ivoa.obscore",
            "INSERT INTO cta.dataset (obs_id) VALUES ('x')",
            "DELETE FROM cta.dataset",
            "DROP TABLE cta.dataset",
            "SELECT obs_publisher_did INTO stolen FROM ivoa.obscore",
            "SELECT obs_publisher_did FROM ivoa.obscore; DROP TABLE cta.dataset",
            "SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_id='\0'",
            "SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_id IN ('"
            + "','".join("x" * 9 for _ in range(99_999))
            + "')",
            "SELECT " + "(" * 5000,
            "SELECT obs_publisher_did FROM ivoa.obscore WHERE " + "(" * 1000 + "1=1" + ")" * 1000,
            "SELECT 1," * 100_000,
        ],
        ids=lambda adql: adql[:40],
    )
    def test_bad_queries(self, archive: Archive, adql: str) -> None:
        before = archive.count("cta.dataset")
        began = helpers.now()
        answer = ask(archive, QUERY=adql)
        assert (answer.status_code, token(answer)) == (400, "UsageError")
        assert helpers.now() - began < 10
        assert archive.count("cta.dataset") == before

    @pytest.mark.parametrize(
        "parameters",
        [
            {},
            {"ID": ""},
            {"QUERY": ""},
            {"ID": helpers.UNKNOWN, "QUERY": "SELECT 1"},
            {"QUERY": ["SELECT 1", "SELECT 2"]},
        ],
    )
    def test_bad_parameters(self, archive: Archive, parameters: dict[str, Any]) -> None:
        answer = ask(archive, **parameters)
        assert token(answer) == "UsageError"
        assert answer.status_code in (400, 404)

    @pytest.mark.parametrize(
        "parameters",
        [
            {"ID": helpers.UNKNOWN},
            {"ID": "' OR 1=1 --"},
            {"QUERY": "SELECT obs_publisher_did FROM ivoa.obscore WHERE 1=0"},
            {"QUERY": "SELECT 'nothing' AS obs_publisher_did FROM ivoa.obscore"},
        ],
    )
    def test_nothing_there(self, archive: Archive, parameters: dict[str, Any]) -> None:
        answer = ask(archive, **parameters)
        assert (answer.status_code, token(answer)) == (404, "UsageError")

    def test_too_many(self, archive: Archive) -> None:
        """More datasets than a package may hold: without end, by a cross join."""
        one = helpers.did_of(archive.url, SAMPLE, "100001")
        answer = ask(archive, ID=[f"{one}{number}" for number in range(10_001)])
        assert token(answer) == "UsageError"
        adql = "SELECT a.obs_publisher_did || b.obs_id || c.obs_id || d.obs_id AS obs_publisher_did FROM" + ",".join(
            f" ivoa.obscore AS {name}" for name in "abcd"
        )
        answer = ask(archive, QUERY=adql)
        assert (answer.status_code, token(answer)) in ((400, "UsageError"), (404, "UsageError"))

    def test_a_selection_with_proprietary_runs(self, archive: Archive, people: People) -> None:
        """Nothing is left out silently: what one may not have is said, and how to leave it out."""
        adql = f"SELECT obs_publisher_did FROM ivoa.obscore WHERE {RUNS}"
        answer = ask(archive, QUERY=adql)
        assert (answer.status_code, token(answer)) == (401, "AuthenticationError")
        assert "2 of the 24" in answer.text and "data_rights='public'" in answer.text
        answer = ask(archive, QUERY=adql, login=people.stranger)
        assert (answer.status_code, token(answer)) == (403, "AuthorizationError")
        answer = ask(archive, QUERY=adql, login=people.pi)
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) == len(answer.content)
