"""Names, folders and summaries of imports; sentences about failed programs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ops import console, imports, processes
from ops.errors import OperatorError
from ops.instance import Instance, Memory


@pytest.mark.parametrize("name", ["hess-dl3-dr1", "A", "3.1_x"])
def test_valid_names(name: str) -> None:
    """Letters, digits and three signs."""
    assert imports.valid_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a/b", "a b", "ä", "a" * 65, "a\n"])
def test_invalid_names(name: str) -> None:
    """Anything else is a sentence that says what to type."""
    with pytest.raises(OperatorError, match="COLLECTION=name"):
        imports.valid_name(name)


def test_folders_to_import(tmp_path: Path) -> None:
    """Absent folders and files are told apart."""
    (tmp_path / "file.fits").touch()
    assert imports.existing_folder(str(tmp_path)) == tmp_path.resolve()
    for text, sentence in (
        ("", "DATA=dir"),
        (str(tmp_path / "x"), "does not exist"),
        (f"{tmp_path}/file.fits", "a file"),
    ):
        with pytest.raises(OperatorError, match=sentence):
            imports.existing_folder(text)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable_folder(tmp_path: Path) -> None:
    """The user who cannot read is named."""
    tmp_path.chmod(0)
    try:
        with pytest.raises(OperatorError, match="cannot read"):
            imports.readable_folder(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_data_links(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A collection may move, which is said; a real folder of that name is not touched."""
    instance = Instance(tmp_path, tmp_path, Memory())
    place = instance.resource_dir / "data" / "c"
    imports.link_data(instance, tmp_path / "one", "c")
    imports.link_data(instance, tmp_path / "one", "c")
    assert capsys.readouterr().err == ""
    imports.link_data(instance, tmp_path / "two", "c")
    assert place.readlink() == tmp_path / "two"
    assert "one" in capsys.readouterr().err
    place.unlink()
    place.mkdir()
    with pytest.raises(OperatorError, match="real folder"):
        imports.link_data(instance, tmp_path / "two", "c")


def test_summary(tmp_path: Path) -> None:
    """The counts, the first problems and the way to the rest are in the summary."""
    path = tmp_path / "summary.json"
    assert imports.read_summary(path) is None
    path.write_text("{")
    assert imports.read_summary(path) is None
    content = {
        "collection": "c",
        "published": 30,
        "problems": {"error": 1, "warning": 75, "info": 0},
        "seconds": 1.25,
        "sentences": ["one.", "two."],
        "collection_file": "/x/c.toml",
        "collection_file_written": True,
        "exit_status": 1,
    }
    path.write_text(json.dumps(content))
    text = imports.describe(imports.read_summary(path) or {}, tmp_path / "log")
    for part in ("30", "75", "one.", "cta.import_problem", "/x/c.toml", "1.2"):
        assert part in text


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("Making data\n*** Error: No such table: x\n\nHint: look\n", "No such table: x."),
        ("*** Error: first half\nsecond half.\n", "first half second half."),
        ("starting\nFATAL:  could not write: No space left on device\nexiting", "No space left on device."),
        ("one\ntwo", "two."),
        ("", ""),
    ],
)
def test_last_meaningful_line(output: str, sentence: str) -> None:
    """The line that says why is found."""
    assert processes.last_meaningful_line(output).endswith(sentence)


def test_failing_programs_are_sentences(tmp_path: Path) -> None:
    """The reason and the log are named; an absent program says how to get it."""
    log = tmp_path / "log"
    with pytest.raises(OperatorError, match=r"step failed: Error: why\. The whole output is in .*log\. Do this\."):
        processes.run_logged("step", ["/bin/sh", "-c", "echo Error: why; exit 2"], log, {}, advice="Do this.")
    with pytest.raises(OperatorError, match="install.sh"):
        processes.run_logged("step", [tmp_path / "absent"], log, {})
    assert processes.run_logged("step", ["/bin/echo", "fine"], log, {}) == "fine\n"


def test_life_of_a_process_group() -> None:
    """A group is ended with its children; the dead are known to be dead."""
    script = "import time; print(flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", script], start_new_session=True, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline()  # by now it is the script, not yet a copy of this one
    assert processes.is_alive(child.pid)
    assert processes.command_line(child.pid)[-1] == script
    processes.end_group(child.pid, patience=5)
    child.wait()
    assert not processes.is_alive(child.pid)
    assert processes.command_line(child.pid) == []
    processes.end_group(child.pid)


def test_ports() -> None:
    """A port somebody listens on is not free."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert not processes.port_is_free(listener.getsockname()[1])
    assert processes.port_is_free(processes.free_port())


def test_table() -> None:
    """Numbers are aligned to the right, text to the left."""
    assert console.table(["name", "n"], [["a", "1"], ["bc", "10.5"]]).splitlines() == [
        "name     n",
        "----  ----",
        "a        1",
        "bc    10.5",
    ]
    assert console.table(["a"], []).splitlines() == ["a", "-"]
