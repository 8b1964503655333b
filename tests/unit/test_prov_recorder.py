"""The recorder writes, from any pipeline, what the archive reads."""

from __future__ import annotations

import ast
import datetime
import json
import subprocess
import sys
from multiprocessing import Process
from pathlib import Path

import pytest

from prov_tables import recorder
from prov_tables.cutouts import MAX_SPOOL_BYTES, SPOOL, cutout_record, new_product, take_spool, write_down
from prov_tables.harvest import COMMAND_LINE
from prov_tables.model import (
    Activity,
    ActivityDescription,
    Agent,
    Entity,
    Parameter,
    Used,
    WasAssociatedWith,
    WasGeneratedBy,
)
from prov_tables.privacy import clean
from prov_tables.readers.ctapipe import read_activity
from prov_tables.readers.formats import reader_of
from prov_tables.recorder import recorded_step


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_step_is_read_back(tmp_path: Path) -> None:
    log, events, spectrum = tmp_path / "run.provenance.log", tmp_path / "events.fits", tmp_path / "spectrum.fits"
    events.write_text("events")
    config = {"e_min": 0.5, "model": {"index": 2.0}}
    with recorded_step("make-spectrum", log, software=("gammapy", "2.1"), config=config, arguments=["x", "-v"]) as step:
        step.used(events, role="DL3/Event")
        step.used("ivo://x/~?irf.fits", role="IRF")
        spectrum.write_text("spectrum")
        step.made(spectrum, role="DL5/Spectrum", product_id="p1")
        step.done_by("Ann Other", affiliation="CTAO")
    (harvest,) = [clean(one) for one in reader_of(log)(log)]
    graph = harvest.graph
    (activity,) = graph.of(Activity)
    assert (activity.name, activity.status, activity.exit_code) == ("make-spectrum", "completed", 0)
    assert graph.get(ActivityDescription, activity.description_id).version == "2.1"
    assert {row.role for row in graph.of(Used)} == {"DL3/Event", "IRF"}
    (made,) = graph.of(WasGeneratedBy)
    assert made.entity_id == "product:p1" and graph.get(Entity, "product:p1").name == "spectrum.fits"
    values = {row.name: row.param_value for row in graph.of(Parameter)}
    assert (values["e_min"], values["model.index"], values[COMMAND_LINE]) == ("0.5", "2.0", "x -v")
    people = [row.name for row in graph.of(Agent) if row.type == "Person"]
    assert people == ["Ann Other"]
    assert "Operator" in {row.role for row in graph.of(WasAssociatedWith)}


def test_what_one_step_made_another_used_by_its_content(tmp_path: Path) -> None:
    log, file = tmp_path / "run.log", tmp_path / "a.fits"
    with recorded_step("one", log, packages=False) as step:
        file.write_text("content")
        step.made(file)
    moved = file.rename(tmp_path / "b.fits")
    with recorded_step("two", log, packages=False) as step:
        step.used(moved)
    keys = [set(next(iter(read_activity(record).identities.values())).files) for record in read(log)]
    assert any(key.startswith("sha256:") for key in keys[0] & keys[1])


def test_failures_are_recorded_and_raised(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    for error in (ValueError("x"), SystemExit(3), KeyboardInterrupt(), SystemExit(0)):
        with pytest.raises(type(error)), recorded_step("tool", log, packages=False):
            raise error
    told = [(record["status"], record["exit_code"]) for record in read(log)]
    assert told == [("error", 1), ("error", 3), ("interrupted", 1), ("completed", 0)]


def test_a_log_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    with (
        pytest.warns(UserWarning, match="could not be written"),
        recorded_step("tool", tmp_path / "absent" / "log", packages=False) as step,
    ):
        step.made("x")


def _write_many(log: Path) -> None:
    for _ in range(50):
        with recorded_step("tool", log, packages=False, config={"text": "x" * 500}):
            pass


def test_many_processes_share_a_log(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    processes = [Process(target=_write_many, args=(log,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(read(log)) == 200


def test_nothing_of_the_environment_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("USER", "someuser")
    log = tmp_path / "run.log"
    with recorded_step("tool", log, packages=False, arguments=[]):
        pass
    import socket

    text = log.read_text()
    assert "hunter2" not in text and "someuser" not in text
    assert len(socket.gethostname()) < 3 or socket.gethostname() not in text


def test_it_needs_the_standard_library_alone(tmp_path: Path) -> None:
    source = Path(recorder.__file__).read_text()
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= set(sys.stdlib_module_names)
    (tmp_path / "recorder.py").write_text(source)
    script = (
        "import sys; sys.path.insert(0, '.')\nfrom recorder import recorded_step\nwith recorded_step('x', 'l'): pass"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", script], cwd=tmp_path, check=True)
    assert read(tmp_path / "l")[0]["activity_name"] == "x"


CUT = {
    "software": ("CTA VO archive", "0.1.0"),
    "file_name": "1_cutout.fits",
    "media_type": "application/fits",
    "utc_start": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
}


def test_a_cut_out_s_record() -> None:
    product = new_product()
    pairs = [("CIRCLE", "1 2 3"), ("EVENT_TYPE", "a"), ("EVENT_TYPE", "b")]
    record = cutout_record("ivo://x/~?a.fits", product, pairs, responses=["ivo://x/~?irf.fits"], **CUT)
    graph = clean(read_activity(json.loads(json.dumps(record)))).graph
    assert {row.name: row.param_value for row in graph.of(Parameter)} == {
        "CIRCLE": "1 2 3",
        "EVENT_TYPE": "a",
        "EVENT_TYPE 2": "b",
    }
    assert [row.entity_id for row in graph.of(WasGeneratedBy)] == [f"product:{product}"]
    assert {row.entity_id: row.role for row in graph.of(Used)} == {
        "ivo://x/~?a.fits": "Main",
        "ivo://x/~?irf.fits": "Calibration",
    }
    (activity,) = graph.of(Activity)
    assert activity.start_time == datetime.datetime(2026, 1, 1)


def test_the_spool_is_taken_as_a_whole(tmp_path: Path) -> None:
    assert write_down(tmp_path / "new", {"a": 1}) and write_down(tmp_path / "new", {"a": 2})
    (taken,) = take_spool(tmp_path / "new")
    assert len(read(taken)) == 2 and not (tmp_path / "new" / SPOOL).exists()
    assert list(take_spool(tmp_path / "new")) == [taken]  # until it has been committed
    taken.unlink()
    assert list(take_spool(tmp_path / "new")) == []


def test_a_full_spool_takes_no_more(tmp_path: Path) -> None:
    with (tmp_path / SPOOL).open("wb") as stream:
        stream.truncate(MAX_SPOOL_BYTES + 1)
    assert not write_down(tmp_path, {"a": 1})
