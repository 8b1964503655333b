"""The privacy filter takes out what names accounts, machines and places, and leaves the rest."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prov_tables.harvest import Harvest, Identity
from prov_tables.model import Activity, ConfigFile, Entity, Parameter
from prov_tables.privacy import clean, public_arguments, public_location, public_text, secrets_of

TEXTS = [
    ("/home/jane/run/events.fits", "events.fits"),
    ("wrote /home/jane/run/events.fits in 3 s", "wrote events.fits in 3 s"),
    ("['/home/jane/a b', '/data/x.h5']", "['a b', 'x.h5']"),
    ("file:///Users/jane/out.h5", "out.h5"),
    ("root://server.example.org//eos/user/j/jane/x.root", "x.root"),
    ("cluster7.example.org:/store/01/x.fits", "x.fits"),
    ("jane@node7:/store/x.fits", "x.fits"),
    ("C:\\Users\\jane\\x.fits", "x.fits"),
    ("~/secret/x.fits and ~jane/y.fits", "x.fits and y.fits"),
    ("$HOME/conf.yaml", "conf.yaml"),
    ("mail jane@example.org", "mail …"),
    ("see https://example.org/doc/page.html?x=1", "see https://example.org/doc/page.html"),
    ("see http://user:password@example.org/doc", "see http://example.org/doc"),
    ("counts/s above 50 TeV", "counts/s above 50 TeV"),
    ("DL1/Event", "DL1/Event"),
    ("parameters.hillas.intensity > 50", "parameters.hillas.intensity > 50"),
    ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S"),
    ("logs/run.log", "logs/run.log"),
    ("a/b and 1 / 2", "a/b and 1 / 2"),
]


@pytest.mark.parametrize(("text", "public"), TEXTS)
def test_texts(text: str, public: str) -> None:
    assert public_text(text) == public


LOCATIONS = [
    ("https://example.org/get/2001.fits", "https://example.org/get/2001.fits"),
    ("https://jane:pw@example.org/get/x.fits?token=1", "https://example.org/get/x.fits"),
    ("https://example.org/~jane/x.fits", "https://example.org/~/x.fits"),
    ("http://localhost:8080/x.fits", "x.fits"),
    ("http://10.0.0.3/data/x.fits", "x.fits"),
    ("http://node7.local/x.fits", "x.fits"),
    ("ivo://org.example/~?a/b.fits", "ivo://org.example/~?a/b.fits"),
    ("doi:10.5281/zenodo.1", "doi:10.5281/zenodo.1"),
    ("/home/jane/x.fits", "x.fits"),
    ("corvus.example.de:/store/01/Data", "Data"),
    ("file:///data/x.fits", "x.fits"),
    ("", None),
]


@pytest.mark.parametrize(("location", "public"), LOCATIONS)
def test_locations(location: str, public: str | None) -> None:
    assert public_location(location) == public


def test_arguments_keep_their_options() -> None:
    given = ["/opt/env/bin/tool", "--input=/home/jane/a.h5", "-o", "/data/b.h5", "--level", "3"]
    assert public_arguments(given) == ["tool", "--input=a.h5", "-o", "b.h5", "--level", "3"]


def test_names_of_account_and_machine_go_wherever_the_record_repeats_them() -> None:
    harvest = Harvest(secrets=secrets_of({"USER": "jane", "HOME": "/home/jdoe/run"}, "node7.example.org"))
    harvest.graph.add(Entity(id="file:1", name="jane_test.fits", location="/home/jdoe/run/jane_test.fits"))
    harvest.graph.add(Activity(id="a:1", name="tool", comment="ran on node7 for jdoe, not for janet"))
    harvest.graph.add(Parameter(id="p:1", name="contact", param_value="jane"))
    harvest.identities["file:1"] = Identity(files=("file:1",), file_name="jane_test.fits")
    graph = clean(harvest).graph
    (entity,), (activity,), (parameter,) = graph.of(Entity), graph.of(Activity), graph.of(Parameter)
    assert entity.name == entity.location == "…_test.fits"
    assert activity.comment == "ran on … for …, not for janet"
    assert parameter.param_value == "…"


def test_home_folders_give_names_away_even_without_an_environment() -> None:
    harvest = Harvest()
    harvest.graph.add(ConfigFile(id="c", name="kosack.yaml", location="/Users/kosack/kosack.yaml"))
    (row,) = clean(harvest).graph.of(ConfigFile)
    assert "kosack" not in f"{row.name}{row.location}"


@given(
    st.text("abcdefghijkl", min_size=3, max_size=8),
    st.lists(st.text("mnopqrstuvwxyz0123456789_.-", min_size=1, max_size=8), min_size=1, max_size=4),
)
def test_no_home_path_survives_in_any_text(user: str, parts: list[str]) -> None:
    path = f"/home/{user}/" + "/".join(parts)
    for text in (path, f"read {path}", f'["{path}", "x"]', f"--input={path}", f"file://{path}", f"host:{path}"):
        public = public_text(text)
        assert "/home" not in public and f"/{user}/" not in public, (text, public)


@given(st.text())
def test_any_text_comes_through(text: str) -> None:
    public_text(text)
    public_location(text)


@pytest.mark.parametrize(
    "piece", ["a.", "a-", "/a", "a@", "a:", "~", "http://", "a+b://", "x:/", "../", "$H", "[/", "C:\\\\"]
)
def test_long_texts_take_little_time(piece: str) -> None:
    started = time.perf_counter()
    public_text(f"/{piece * 100_000} ~")
    public_location(piece * 100_000)
    assert time.perf_counter() - started < 5


@given(st.text(alphabet=st.characters(exclude_characters="/\\@~$"), max_size=60))
def test_texts_without_paths_stay_as_they_are(text: str) -> None:
    assert public_text(text) == text
