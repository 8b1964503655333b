"""What SODA refuses, with which status and first token (soda.md §3)."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import soda_helpers as helpers
from tests.live.archive import SAMPLE, Archive
from tests.live.soda_helpers import People, document, soda, token

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
# Run 100001 looks at 83.63, 22.51 for 25 minutes from MJD 60275.0785 on.
CONE = "83.633 22.014 0.5"


@contextlib.contextmanager
def replaced(archive: Archive, sample: Path, obs_id: str) -> Iterator[tuple[str, Path]]:
    """Take the file of a run away for a while; what is put in its place goes afterwards."""
    did = helpers.did_of(archive.url, SAMPLE, obs_id)
    place = archive.resource_dir / "data" / SAMPLE / "public" / f"ctao_sim_{obs_id}.fits.gz"
    assert place.resolve().is_relative_to(sample.resolve())
    aside = place.with_name("aside")
    place.rename(aside)
    try:
        yield did, place
    finally:
        place.unlink(missing_ok=True)
        aside.rename(place)


class TestErrors:
    """Every row of the table in soda.md §3, and what users and machines send by mistake or on purpose."""

    @pytest.mark.parametrize(
        ("parameters", "word"),
        [
            ({"CIRCLE": "83 22"}, "UsageError"),
            ({"CIRCLE": "83 22 1 4"}, "UsageError"),
            ({"CIRCLE": "83 22 -1"}, "UsageError"),
            ({"CIRCLE": "83 91 1"}, "UsageError"),
            ({"CIRCLE": "83 22 x"}, "UsageError"),
            ({"CIRCLE": "NaN 22 1"}, "UsageError"),
            ({"CIRCLE": "83 22 Inf"}, "UsageError"),
            ({"CIRCLE": "83,22,1"}, "UsageError"),
            ({"CIRCLE": "1_0 22 1"}, "UsageError"),
            ({"POLYGON": "83 22 84 22"}, "UsageError"),
            ({"POLYGON": "83 22 84 22 84"}, "UsageError"),
            ({"POLYGON": "83 22 84 NaN 84 23"}, "UsageError"),
            # clockwise (with east left): strictly this is all of the sky but the triangle
            ({"POLYGON": "82 21 84 21 83 23"}, "UsageError"),
            ({"POS": "ELLIPSE 83 22 1"}, "UsageError"),
            ({"POS": "83 22 1"}, "UsageError"),
            ({"POS": "RANGE 84 83 21 22"}, "UsageError"),
            ({"POS": "RANGE 83 84 22 21"}, "UsageError"),
            ({"POS": "RANGE 83 84 NaN 22"}, "UsageError"),
            ({"TIME": "60275.09 60275.08"}, "UsageError"),
            ({"TIME": "NaN 60275.08"}, "UsageError"),
            ({"TIME": "60275.08"}, "UsageError"),
            ({"TIME": "2023-11-27T02:00:00 2023-11-27T03:00:00"}, "UsageError"),
            ({"TIME": "Inf Inf"}, "UsageError"),
            ({"BAND": "1e-18 1e-19"}, "UsageError"),
            ({"ENERGY": "10 1"}, "UsageError"),
            ({"ENERGY": "1 NaN"}, "UsageError"),
            ({"ENERGY": "1e999 2"}, "UsageError"),
            ({"EVENT_TYPE": "ü"}, "UsageError"),
            ({"RESPONSES": "perhaps"}, "UsageError"),
            ({"RESPONSEFORMAT": "text/html"}, "UsageError"),
            ({"RESPONSEFORMAT": "image/x-nothing"}, "UsageError"),
            ({"CIRCLE": [CONE, CONE]}, "MultiValuedParamNotSupported"),
            ({"POLYGON": ["82 21 83 23 84 21"] * 2}, "MultiValuedParamNotSupported"),
            ({"POS": [f"CIRCLE {CONE}", "RANGE 82 84 20 22"]}, "MultiValuedParamNotSupported"),
            ({"TIME": ["60275.08 60275.09", "60275.09 60275.1"]}, "MultiValuedParamNotSupported"),
            ({"BAND": ["1e-19 1e-18", "1e-18 1e-17"]}, "MultiValuedParamNotSupported"),
            ({"ENERGY": ["1 2", "3 4"], "energy": "5 6"}, "MultiValuedParamNotSupported"),
            ({"RESPONSEFORMAT": ["application/fits", "application/x-votable+xml"]}, "MultiValuedParamNotSupported"),
        ],
    )
    def test_bad_values(self, archive: Archive, run: str, parameters: dict[str, Any], word: str) -> None:
        answer = soda(archive, run, **parameters)
        assert (answer.status_code, token(answer)) == (400, word)
        assert "content-disposition" not in answer.headers

    def test_no_id(self, archive: Archive) -> None:
        answer = soda(archive, CIRCLE=CONE)
        assert (answer.status_code, token(answer)) == (400, "UsageError")

    def test_two_ids(self, archive: Archive, run: str) -> None:
        answer = soda(archive, [run, helpers.did_of(archive.url, SAMPLE, "100002")])  # type: ignore[arg-type]
        assert (answer.status_code, token(answer)) == (400, "MultiValuedParamNotSupported")

    @pytest.mark.parametrize(
        "did",
        [
            helpers.UNKNOWN,
            "100001",
            "' OR 1=1; DROP TABLE cta.dataset; --",
            "%' OR obs_publisher_did LIKE '%",
            "{run}'; SELECT pg_sleep(30); --",
            "../../../../etc/passwd",
            "{run}\0",
            "ivo://☃/~?ü",
            "ivo://" + "x" * 5000,
        ],
    )
    def test_unknown_ids(self, archive: Archive, run: str, did: str) -> None:
        before = archive.count("cta.dataset")
        answer = soda(archive, did.replace("{run}", run), CIRCLE=CONE)
        assert (answer.status_code, token(answer)) == (404, "UsageError")
        assert archive.count("cta.dataset") == before

    def test_undecodable_id(self, archive: Archive) -> None:
        answer = archive.session.get(f"{archive.url}{helpers.SODA}?ID=ivo://%ff%fe", timeout=60)
        assert answer.status_code == 404

    def test_a_response_file_cannot_be_cut(self, archive: Archive) -> None:
        rows = archive.query("SELECT obs_publisher_did FROM ivoa.obscore WHERE dataproduct_subtype='response-function'")
        if not rows:
            pytest.skip("no response file without real data")
        answer = soda(archive, rows[0]["obs_publisher_did"], CIRCLE=CONE)
        assert (answer.status_code, token(answer)) == (400, "UsageError")

    def test_login_missing_and_not_allowed(self, archive: Archive, people: People, held: str) -> None:
        answer = soda(archive, held, CIRCLE="266.4 -28.5 1")
        assert (answer.status_code, token(answer)) == (401, "AuthenticationError")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        answer = soda(archive, held, CIRCLE="266.4 -28.5 1", login=people.stranger)
        assert (answer.status_code, token(answer)) == (403, "AuthorizationError")
        assert "WWW-Authenticate" not in answer.headers
        assert soda(archive, held, CIRCLE="266.4 -28.5 1", login=people.pi).status_code == 200

    def test_refused_before_anything_is_told(self, archive: Archive, held: str) -> None:
        """Whether events are in a region is for the owner: 204 and 200 must not differ for others."""
        assert soda(archive, held, CIRCLE="10 10 0.1").status_code == 401

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("POS", "POLYGON " + "83.1 22.1 " * 100_000),
            ("POLYGON", "83.1 22.1 " * 100_000),
            ("CIRCLE", "1" * 1_000_000),
            ("TIME", " " * 999_990 + "1 2"),
            ("ID", "ivo://" + "x" * 1_000_000),
        ],
    )
    def test_a_million_characters(self, archive: Archive, run: str, name: str, values: str) -> None:
        given = {"ID": run, name: values}
        began = helpers.now()
        answer = archive.session.post(f"{archive.url}{helpers.SODA}", data=given, timeout=60)
        assert (answer.status_code, token(answer)) == (404 if name == "ID" else 400, "UsageError")
        assert helpers.now() - began < 10

    def test_a_damaged_file(self, archive: Archive, sample: Path) -> None:
        """The user cannot mend it: 500, and a sentence without a path."""
        with replaced(archive, sample, "100024") as (did, place):
            place.write_bytes(b"SIMPLE  =                    T" + b" " * 50 + b"garbage" * 1000)
            answer = soda(archive, did, CIRCLE="350 58 1")
            assert (answer.status_code, token(answer)) == (500, "Error")
            assert place.name not in answer.text
        assert soda(archive, did, CIRCLE="349.9 58.8 1").status_code == 200

    @pytest.mark.slow
    def test_overloaded(self, archive: Archive, sample: Path, run: str) -> None:
        """Eight cut-outs that do not get on (their file is a pipe nobody writes to), eight more that wait: the next is
        told at once to come again, those that wait are told later, and all the rest of the archive answers.
        """
        answers: list[Any] = []

        def ask(did: str) -> None:
            answers.append(soda(Archive(archive.state), did, CIRCLE="350 58 1", RESPONSES="omit"))

        def ask_when_full() -> None:
            while not answers:  # one of the others may have been the one too many
                if (answer := soda(Archive(archive.state), run, CIRCLE="350 58 1")).status_code != 204:
                    answers.append(answer)

        with replaced(archive, sample, "100024") as (did, place):
            os.mkfifo(place)
            place.chmod(0o644)
            threads = [threading.Thread(target=ask, args=(did,)) for _ in range(16)]
            for thread in threads:
                thread.start()
            one_more = threading.Thread(target=ask_when_full)
            one_more.start()
            try:
                for _ in range(3):
                    assert archive.query("SELECT TOP 1 obs_id FROM ivoa.obscore")
                    assert document(archive, run).rows
                one_more.join(20)
                assert [(answer.status_code, token(answer)) for answer in answers] == [(503, "ServiceUnavailable")]
            finally:
                while any(thread.is_alive() for thread in threads):
                    with contextlib.suppress(OSError), os.fdopen(os.open(place, os.O_WRONLY | os.O_NONBLOCK)):
                        pass
                    threads[0].join(0.05)
        assert {answer.status_code for answer in answers} == {500, 503}
        assert soda(archive, run, CIRCLE=CONE).status_code == 200
