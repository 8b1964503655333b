"""Packages for jobs and faster imports: fetched once, done without when they cannot be fetched."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ops import pythonpath
from ops.errors import OperatorError
from ops.instance import Instance, Memory


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """Return an instance whose code asks for a package that the system does not have."""
    code = tmp_path / "code"
    (code / "requirements").mkdir(parents=True)
    (code / pythonpath.REQUIREMENTS).write_text("isal>=1.7\n")
    (tmp_path / "state").mkdir()
    monkeypatch.setattr(pythonpath, "has_modules", lambda: False)
    return Instance(tmp_path / "state", code, Memory())


def calls_of_fill(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> list[str]:
    """Replace the installation; return the list of what it is asked for."""
    calls: list[str] = []

    def fill(instance: Instance, requirements: Path, wanted: str) -> None:
        calls.append(wanted)
        if error:
            raise error
        instance.lib.mkdir(parents=True, exist_ok=True)
        (instance.lib / pythonpath.STAMP).write_text(wanted)

    monkeypatch.setattr(pythonpath, "fill", fill)
    return calls


def test_fetches_once_and_again_when_the_requirements_change(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of_fill(monkeypatch)
    assert pythonpath.ensure(instance) and pythonpath.ensure(instance)
    (instance.code / pythonpath.REQUIREMENTS).write_text("isal>=2\n")
    assert pythonpath.ensure(instance)
    assert calls == ["isal>=1.7\n", "isal>=2\n"]


@pytest.mark.parametrize("error", [OperatorError("no network"), PermissionError("no room")])
def test_goes_on_without_and_tries_again_a_day_later(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    calls = calls_of_fill(monkeypatch, error)
    assert not pythonpath.ensure(instance)
    assert "imports will be slower" in capsys.readouterr().err
    assert not pythonpath.ensure(instance)
    assert len(calls) == 1
    assert not pythonpath.ensure(instance, again=True)  # `make start`
    assert len(calls) == 2
    yesterday = time.time() - pythonpath.RETRY_SECONDS - 1
    os.utime(instance.state / pythonpath.FAILED, (yesterday, yesterday))
    calls_of_fill(monkeypatch)
    assert pythonpath.ensure(instance)
    assert not (instance.state / pythonpath.FAILED).exists()


def test_takes_what_the_system_has(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = calls_of_fill(monkeypatch)
    monkeypatch.setattr(pythonpath, "has_modules", lambda: True)
    assert not pythonpath.ensure(instance)
    assert not calls


def test_nothing_is_asked_for(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = calls_of_fill(monkeypatch)
    (instance.code / pythonpath.REQUIREMENTS).unlink()
    assert not pythonpath.ensure(instance)
    assert not calls


def test_every_process_sees_the_folder(instance: Instance) -> None:
    assert instance.environment()["PYTHONPATH"].split(os.pathsep) == [str(instance.code), str(instance.lib)]
