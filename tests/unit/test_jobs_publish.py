"""Results of jobs on proprietary data are not published before the data are."""

from __future__ import annotations

import datetime

import pytest

from analysis.errors import JobsError
from analysis.publish import InputFile, check_embargo
from ingest.collection import Collection, PathRule

DAY = datetime.timedelta(days=1)
TODAY = datetime.datetime.now(datetime.UTC).date()
LATER = TODAY + 10 * DAY
OPEN = InputFile("a", None, None)
CLOSED = InputFile("a", "gps", LATER)


def collection(owner: str | None = "gps", embargo: datetime.date | None = LATER, *paths: PathRule) -> Collection:
    return Collection(name="c", title="C", owner=owner, embargo=embargo, paths=paths)


@pytest.mark.parametrize(
    "used", [[], [OPEN], [InputFile("a", "gps", TODAY)], [InputFile("a", "gps", TODAY - DAY), OPEN]]
)
def test_of_public_data_they_are_free(used: list[InputFile]) -> None:
    check_embargo(used, None, "c")
    check_embargo(used, collection(), "c")


@pytest.mark.parametrize("into", [collection(), collection("gps", LATER + DAY)])
def test_as_closed_as_their_data_they_can_be(into: Collection) -> None:
    check_embargo([OPEN, CLOSED], into, "c")


@pytest.mark.parametrize(
    ("used", "into", "words"),
    [
        ([CLOSED], None, f"embargo = {LATER}"),
        ([CLOSED], collection(None, None), 'owner = "gps"'),
        ([CLOSED], collection("others"), 'owner = "gps"'),
        ([CLOSED], collection("gps", LATER - DAY), f"embargo = {LATER}"),
        ([CLOSED, InputFile("b", "gps", LATER + DAY)], collection(), f"embargo = {LATER + DAY}"),
        ([CLOSED, InputFile("b", "others", LATER)], collection(), "several groups"),
        ([CLOSED], collection("gps", LATER, PathRule("*.fits", owner="")), "single files"),
    ],
)
def test_else_they_are_refused(used: list[InputFile], into: Collection | None, words: str) -> None:
    with pytest.raises(JobsError, match=words):
        check_embargo(used, into, "c")


def test_the_sentence_names_the_file() -> None:
    with pytest.raises(JobsError, match=r"collections/c\.toml"):
        check_embargo([CLOSED], None, "c")
