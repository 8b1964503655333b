# SPDX-License-Identifier: GPL-3.0-or-later
"""A collection file is either understood or refused with a sentence that names the file, the key and the remedy."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.collection import Collection, Defaults, PathRule, load_collection, write_collection
from ingest.errors import CollectionError
from tests.unit.fits_files import SHARED

CHECKOUT = Path(__file__).resolve().parents[2]
SENTENCE = re.compile(r"\S.*\.", re.DOTALL)


def load(tmp_path: Path, content: str | bytes, name: str = "mine") -> Collection:
    path = tmp_path / f"{name}.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_collection(path, name)


def test_only_a_title_is_needed(tmp_path: Path) -> None:
    collection = load(tmp_path, 'title = "T"')
    assert (collection.name, collection.title, collection.obs_collection) == ("mine", "T", "mine")
    assert collection.defaults == Defaults()
    assert collection.rule_for("any.fits") == PathRule("*")


COMPLETE = """
title = "T"
description = "D"
creator = "C"
terms = "CC BY 4.0"
terms_uri = "https://example.org/terms"
acknowledgement = "thanks"
reference_url = "https://example.org"
bib_reference = "2018arXiv181004516H"
obs_collection = "DR1"
facility_name = "CTAO"
instrument_name = "CTAO-N"
simulated = true
release_date = 2026-01-01
owner = "pi"
embargo = 2030-01-01
outside = ["/data/shared"]

[defaults]
timesys = "TT"
ra_pnt_deg = 83.6
dec_pnt_deg = -22
s_fov_deg = 5
energy_min_tev = 0.03
energy_max_tev = 160
reference_energy_tev = 0.1
reference_offset_deg = 0
t_resolution_s = 1e-6
obs_mode = "POINTING"
target_name = "Crab Nebula"

[[paths]]
match = "public/*"
owner = ""

[[paths]]
match = "*.fits"
owner = "others"
embargo = 2031-02-03
proposal_id = "P1"
event_type = "type-1"
"""


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    collection = load(tmp_path, COMPLETE)
    assert collection.obs_collection == "DR1"
    assert collection.release_date == datetime.date(2026, 1, 1)
    assert collection.outside == ("/data/shared",)
    assert collection.defaults.dec_pnt_deg == -22.0
    assert isinstance(collection.defaults.s_fov_deg, float)
    unset = [key for key in Collection.__slots__ if getattr(collection, key) in (None, "", ())]
    assert unset == []


def test_the_first_rule_that_matches_a_path_counts(tmp_path: Path) -> None:
    collection = load(tmp_path, COMPLETE)
    assert collection.rule_for("public/a.fits") == PathRule("public/*", "", datetime.date(2030, 1, 1))
    other = collection.rule_for("a/b/c.fits")
    assert (other.owner, other.embargo, other.proposal_id) == ("others", datetime.date(2031, 2, 3), "P1")
    assert collection.rule_for("a.FITS") == PathRule("*", "pi", datetime.date(2030, 1, 1))


def test_a_time_of_day_is_taken_as_its_date(tmp_path: Path) -> None:
    assert load(tmp_path, 'title = "T"\nrelease_date = 2026-01-01T12:00:00Z').release_date == datetime.date(2026, 1, 1)


def test_any_change_changes_the_digest(tmp_path: Path) -> None:
    one, two = load(tmp_path, 'title = "T"'), load(tmp_path, 'title = "T" # comment')
    assert one.digest != two.digest
    assert one.digest == load(tmp_path, 'title = "T"').digest


T = 'title = "T"\n'


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "'title'"),
        ('description = "D"', "'title'"),
        ("title = 5", "'title'"),
        ("title = true", "'title'"),
        ('title = ["T"]', "'title'"),
        (T + 'titel = "x"', "'titel'"),
        (T + 'name = "x"', "'name'"),
        (T + 'digest = "x"', "'digest'"),
        (T + "simulated = 1", "'simulated'"),
        (T + 'simulated = "yes"', "'simulated'"),
        (T + 'release_date = "2026-01-01"', "'release_date'"),
        (T + "release_date = 2026", "'release_date'"),
        (T + "release_date = 12:00:00", "'release_date'"),
        (T + 'outside = "/data"', "'outside'"),
        (T + "outside = [1]", "'outside'"),
        (T + "outside = {a = 1}", "'outside'"),
        (T + "defaults = 5", "[defaults]"),
        (T + "[[defaults]]\ns_fov_deg = 5", "[defaults]"),
        (T + "[defaults]\nfov = 5", "'fov'"),
        (T + '[defaults]\ns_fov_deg = "5"', "'s_fov_deg'"),
        (T + "[defaults]\ns_fov_deg = true", "'s_fov_deg'"),
        (T + "[defaults]\ns_fov_deg = nan", "'s_fov_deg'"),
        (T + "[defaults]\ns_fov_deg = inf", "'s_fov_deg'"),
        (T + "[defaults]\ns_fov_deg = -5", "'s_fov_deg'"),
        (T + f"[defaults]\ns_fov_deg = 1{'0' * 400}", "'s_fov_deg'"),
        (T + "[defaults]\ndec_pnt_deg = 90.5", "'dec_pnt_deg'"),
        (T + "[defaults]\nra_pnt_deg = 400", "'ra_pnt_deg'"),
        (T + "[defaults]\nreference_energy_tev = 0", "'reference_energy_tev'"),
        (T + "[defaults]\nenergy_min_tev = 5\nenergy_max_tev = 1", "'energy_min_tev'"),
        (T + '[defaults]\ntimesys = "CET"', "'timesys'"),
        (T + "[paths]\nmatch = '*'", "'paths'"),
        (T + "paths = 5", "'paths'"),
        (T + "paths = [5]", "[[paths]]"),
        (T + "[[paths]]\nowner = 'x'", "'match'"),
        (T + "[[paths]]\nmatch = 5", "'match'"),
        (T + "[[paths]]\nmatch = '*'\npath = 'x'", "'path'"),
        (T + "owner = 'pi'", "embargo"),
        (T + "embargo = 2030-01-01", "owner"),
        (T + "[[paths]]\nmatch = 'a/*'\nowner = 'pi'", "'a/*'"),
        (T + "[[paths]]\nmatch = 'a/*'\nembargo = 2030-01-01", "'a/*'"),
        (T + "[[paths]]\nmatch = 'a/*'\nowner = ''\nembargo = 2030-01-01", "'a/*'"),
        ("title = T", "TOML"),
        ("title", "TOML"),
        (T + T, "TOML"),
        (T + "x = " + "9" * 5000, "TOML"),
        (T + "x = " + "[" * 5000, "TOML"),
        (b'title = "\xe9"', "TOML"),
        (b"\xff\xfe\x00", "TOML"),
        (b"\x00", "TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str | bytes, named: str) -> None:
    with pytest.raises(CollectionError) as caught:
        load(tmp_path, content)
    assert str(tmp_path / "mine.toml") in str(caught.value)
    assert named in str(caught.value)
    assert SENTENCE.fullmatch(str(caught.value))


def test_an_owner_of_the_collection_serves_the_embargo_of_a_path(tmp_path: Path) -> None:
    content = T + "owner = 'pi'\nembargo = 2030-01-01\n[[paths]]\nmatch = 'a/*'\nembargo = 2040-01-01"
    assert load(tmp_path, content).rule_for("a/x").embargo == datetime.date(2040, 1, 1)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | st.text("title=\"[]{}.#\n 'x5", max_size=60).map(str.encode)
)
def test_any_bytes_are_a_collection_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    try:
        load(tmp_path, content)
    except CollectionError as exc:
        assert SENTENCE.fullmatch(str(exc))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(CollectionError, match=re.escape(str(path))):
            load_collection(path, "mine")


BAD_NAMES = ["", ".", "..", ".hidden", "-x", "a b", "a/b", "../x", "a\n", "é", "a'b", "x" * 10 + "\0"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_of_collections_are_checked(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.toml").write_text(T)
    with pytest.raises(CollectionError, match="not a collection name"):
        load_collection(tmp_path / "a.toml", name)
    with pytest.raises(CollectionError, match="not a collection name"):
        write_collection(tmp_path / "b.toml", name, {})
    assert not (tmp_path / "b.toml").exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    st.dictionaries(
        st.sampled_from(["facility_name", "instrument_name", "creator"]),
        st.none() | st.text(st.characters(max_codepoint=255), max_size=40),
    ),
)
def test_what_is_written_from_headers_can_be_loaded(tmp_path: Path, name: str, facts: dict[str, str | None]) -> None:
    path = tmp_path / "collections" / "new.toml"
    path.unlink(missing_ok=True)
    write_collection(path, name, facts)
    collection = load_collection(path, name)
    assert collection.obs_collection == name
    assert collection.title.endswith(name)
    for key, value in facts.items():
        assert getattr(collection, key) == (value or None)


def test_a_written_file_can_be_completed_by_removing_the_comment_signs(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    write_collection(path, "new", {"facility_name": "CTAO"})
    lines = path.read_text().splitlines()
    uncommented = "\n".join(line.removeprefix("# ") if "=" in line or "[" in line else line for line in lines)
    collection = load(tmp_path, uncommented, "new")
    assert (collection.owner, collection.embargo) == ("group", datetime.date(2030, 1, 1))
    assert collection.defaults == Defaults(timesys="tt", s_fov_deg=5.0)


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    path.write_text("mine")
    with pytest.raises(CollectionError, match=re.escape(str(path))):
        write_collection(path, "new", {})
    assert path.read_text() == "mine"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CollectionError, match="cannot be written"):
        write_collection(tmp_path / "file" / "new.toml", "new", {})


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / "inputs/cta/collections").glob("*.toml")), ids=lambda path: path.stem
)
def test_the_collection_files_of_the_archive(path: Path) -> None:
    collection = load_collection(path, path.stem)
    assert collection.description and collection.creator and collection.terms
    assert collection.simulated is not None


def test_every_collection_at_hand_is_described() -> None:
    if not SHARED.exists():
        pytest.skip(f"needs {SHARED}")
    described = {path.stem for path in (CHECKOUT / "inputs/cta/collections").glob("*.toml")}
    folders = {path.name for path in (SHARED / "data/dl3").iterdir() if path.is_dir()}
    assert folders - described <= {"cta-1dc-full-index", "hess-dl3-dr1-padc-vo"}  # no data files in these
