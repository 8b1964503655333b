"""An operator adds a job type by adding a folder; a broken one harms no other."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from analysis.description import catalogue as module
from analysis.description.catalogue import Catalogue, catalogue_of
from analysis.settings import Settings
from tests.unit.job_types import job_type, votable


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the folders each time."""
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.0)


def test_each_folder_with_a_description_is_one(tmp_path: Path) -> None:
    job_type(tmp_path, "maps")
    job_type(tmp_path, "count")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "README").touch()
    catalogue = Catalogue([tmp_path, tmp_path / "absent"])
    assert catalogue.names() == ["count", "maps"]
    assert [item.name for item in catalogue.descriptions()] == ["count", "maps"]
    found = catalogue.get("maps")
    assert found and found.folder == tmp_path / "maps"
    assert catalogue.get("../maps") is None
    assert catalogue.broken() == {}


def test_changes_are_noticed(tmp_path: Path) -> None:
    catalogue = Catalogue([tmp_path])
    assert catalogue.names() == []
    path = job_type(tmp_path)
    first = catalogue.get("count")
    assert first and first.version == ""
    assert catalogue.get("count") is first, "what has not changed is not read again"
    path.write_text(votable(more='<PARAM name="version" value="2"/>'))
    changed = catalogue.get("count")
    assert changed and changed.version == "2"
    (path.parent / "script.py").unlink()
    assert catalogue.names() == [] and "script.py is missing" in catalogue.broken()["count"]
    shutil.rmtree(path.parent)
    assert catalogue.broken() == {}


def test_a_broken_one_harms_no_other(tmp_path: Path) -> None:
    job_type(tmp_path, "count")
    job_type(tmp_path, "bad", text="<VOTABLE>")
    job_type(tmp_path, "other", text=votable("elsewhere"))
    unreadable = job_type(tmp_path, "unreadable")
    unreadable.unlink()
    unreadable.symlink_to(tmp_path / "nowhere")
    catalogue = Catalogue([tmp_path])
    assert catalogue.names() == ["count"]
    assert set(catalogue.broken()) == {"bad", "other", "unreadable"}
    assert "must be the same" in catalogue.broken()["other"]


def test_of_two_with_one_name_the_first_counts(tmp_path: Path) -> None:
    own, users = tmp_path / "own", tmp_path / "users"
    job_type(own), job_type(users)
    catalogue = Catalogue([own, users])
    found = catalogue.get("count")
    assert found and found.folder == own / "count"
    assert "there is another" in catalogue.broken()["count"]
    assert str(tmp_path) not in str(catalogue.broken()), "users see this"


def test_what_asks_for_more_than_the_service_gives_is_offered(tmp_path: Path) -> None:
    job_type(tmp_path / "definitions" / "accepted")
    settings = Settings(folder=tmp_path, python="python", max_duration=60)
    description = catalogue_of(settings).get("count")
    assert description is not None and description.execution_duration_s > 60
    assert settings.limits(description).duration_s == 60, "what asks for more gets what there is"


def test_it_looks_once_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY_S", 3600.0)
    catalogue = Catalogue([tmp_path])
    assert catalogue.names() == []
    job_type(tmp_path)
    assert catalogue.names() == []


def test_from_several_threads_while_folders_come_and_go(tmp_path: Path) -> None:
    job_type(tmp_path, "count")
    catalogue = Catalogue([tmp_path])
    seen: list[bool] = []

    def ask() -> None:
        for _ in range(50):
            seen.append("count" in catalogue.names())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(10):
        path = job_type(tmp_path, f"more{number}")
        os.utime(path, (number, number))
        shutil.rmtree(path.parent)
    for thread in threads:
        thread.join()
    assert all(seen) and len(seen) == 200
