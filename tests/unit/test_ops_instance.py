"""Paths, memory and locks of an instance."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ops.errors import OperatorError
from ops.instance import SOCKET_PATH_LIMIT, Instance, Memory, fits_socket, open_log, valid_port


def test_memory_survives_a_round_trip(tmp_path: Path) -> None:
    """What is saved is what is loaded, and nobody else can read it."""
    instance = Instance(tmp_path, tmp_path / "code", Memory(port=18123, imported={"cta/q": "x"}))
    instance.save()
    again = Instance.load(tmp_path, tmp_path / "code")
    assert again.memory == instance.memory
    assert again.exists
    assert (tmp_path / "instance.json").stat().st_mode & 0o077 == 0


def test_memory_of_another_version_is_read(tmp_path: Path) -> None:
    """Unknown keys are ignored, missing ones get their defaults."""
    (tmp_path / "instance.json").write_text(json.dumps({"port": 9000, "invented": 1}))
    memory = Instance.load(tmp_path, tmp_path).memory
    assert memory.port == 9000
    assert memory.imported == {}


@pytest.mark.parametrize("content", ["", "{", "[1]", '"x"'])
def test_broken_memory_is_a_sentence(tmp_path: Path, content: str) -> None:
    """A damaged file is named."""
    (tmp_path / "instance.json").write_text(content)
    with pytest.raises(OperatorError, match="instance.json"):
        Instance.load(tmp_path, tmp_path)


def test_absent_instance(tmp_path: Path) -> None:
    """A folder without instance.json has none, and commands that need one say how to get it."""
    instance = Instance.load(tmp_path, tmp_path)
    assert not instance.exists
    with pytest.raises(OperatorError, match="make demo"):
        instance.require()


def test_socket_path_limit() -> None:
    """The limit counts bytes of the whole socket path."""
    room = SOCKET_PATH_LIMIT - len("/.s.PGSQL.5432")
    assert fits_socket(Path("/" + "a" * (room - 1)))
    assert not fits_socket(Path("/" + "a" * room))
    assert not fits_socket(Path("/" + "é" * (room // 2 + 1)))


def test_deep_state_folder_gets_a_short_private_socket_folder(tmp_path: Path) -> None:
    """The socket moves out of a deep state folder, and stays where it is on the next call."""
    instance = Instance(tmp_path / ("deep" * 20) / ("deeper" * 20), tmp_path, Memory())
    instance.state.mkdir(parents=True)
    instance.prepare_folders()
    try:
        first = instance.socket_dir
        assert fits_socket(first)
        assert first.stat().st_mode & 0o077 == 0
        instance.prepare_folders()
        assert instance.socket_dir == first
    finally:
        instance.socket_dir.rmdir()


def test_moved_instance_gets_its_socket_in_its_new_place(tmp_path: Path) -> None:
    """A socket folder inside the old state folder is not created again."""
    instance = Instance(tmp_path / "new", tmp_path, Memory(socket_dir=str(tmp_path / "old" / "run")))
    instance.state.mkdir()
    instance.prepare_folders()
    assert instance.socket_dir == tmp_path / "new" / "run"
    assert not (tmp_path / "old").exists()


def test_environment_names_the_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Children see this instance and nothing of another one."""
    monkeypatch.setenv("GAVO_INPUTSDIR", "/elsewhere")
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    instance = Instance(tmp_path, tmp_path / "code", Memory())
    found = instance.child_environment()
    assert found["GAVOSETTINGS"] == str(tmp_path / "dachs/etc/gavorc")
    assert found["GAVO_INPUTSDIR"] == str(tmp_path / "dachs/inputs")
    assert found["PYTHONPATH"].split(":") == [str(tmp_path / "code"), str(instance.lib)]
    assert found["HOME"] == str(tmp_path)
    assert found["CTA_JOBS"] == str(tmp_path / "dachs/etc/jobs.toml")
    assert "PGSERVICE" not in found
    assert "127.0.0.1" in found["no_proxy"]


@pytest.mark.parametrize(("text", "port"), [("8080", 8080), ("0", 0), ("65535", 65535)])
def test_valid_port(text: str, port: int) -> None:
    """Numbers of ports are taken."""
    assert valid_port(text) == port


@pytest.mark.parametrize("text", ["-1", "65536", "http", "80 80", "٣"])
def test_invalid_port(text: str) -> None:
    """Anything else is a sentence."""
    with pytest.raises(OperatorError, match="PORT="):
        valid_port(text)


def test_busy_lock_is_a_sentence(tmp_path: Path) -> None:
    """Two imports do not collide."""
    instance = Instance(tmp_path, tmp_path, Memory())
    with (
        instance.locked("import", "busy"),
        pytest.raises(OperatorError, match="busy"),
        instance.locked("import", "busy"),
    ):
        pass
    with instance.locked("import", "busy"):
        pass


def test_logs_are_not_written_through_links(tmp_path: Path) -> None:
    """A link in place of a log is refused."""
    (tmp_path / "a.log").symlink_to(tmp_path / "target")
    with pytest.raises(OSError):
        open_log(tmp_path / "a.log")
    os.close(open_log(tmp_path / "new" / "b.log"))
    assert (tmp_path / "new" / "b.log").exists()
