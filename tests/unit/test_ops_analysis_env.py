"""The environment of the jobs: made once for all, complete or not there, and done without when it cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import accounts, analysis_env
from ops.errors import OperatorError
from ops.instance import Instance, Memory

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """Return an instance whose environment belongs below a folder of the test's."""
    monkeypatch.delenv(analysis_env.OVERRIDE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(accounts, "HOME", tmp_path / "var")
    return new_instance(tmp_path, "state")


def new_instance(folder: Path, name: str) -> Instance:
    code = folder / "code"
    (code / "requirements").mkdir(parents=True, exist_ok=True)
    (code / analysis_env.REQUIREMENTS).write_text("gammapy==2.1\n")
    (folder / name).mkdir()
    made = Instance(folder / name, code, Memory())
    made.prepare_folders()
    return made


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Replace the installation; return the folders that were filled."""
    filled: list[Path] = []

    def install(instance: Instance, folder: Path) -> None:
        filled.append(folder)
        (folder / "bin").mkdir(parents=True)
        (folder / analysis_env.PROGRAM).symlink_to("/usr/bin/python3")

    monkeypatch.setattr(analysis_env, "_install", install)
    return filled


def test_made_once_for_all_instances_of_a_user(instance: Instance, installed: list[Path], tmp_path: Path) -> None:
    found = analysis_env.ensure(instance)
    assert found == analysis_env.program(instance)
    assert found is not None and found.exists() and found.is_relative_to(tmp_path / "data" / "cta-vo")
    assert analysis_env.ensure(new_instance(tmp_path, "another")) == found
    assert len(installed) == 1


def test_another_one_for_other_requirements(instance: Instance, installed: list[Path]) -> None:
    before = analysis_env.ensure(instance)
    (instance.code / analysis_env.REQUIREMENTS).write_text("gammapy==3\n")
    after = analysis_env.ensure(instance)
    assert len(installed) == 2 and before != after
    assert before is not None and before.exists()  # jobs of another instance may run in it


def test_what_was_interrupted_is_made_anew(instance: Instance, installed: list[Path]) -> None:
    folder = analysis_env.place(instance)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    assert analysis_env.ensure(instance)
    assert not (folder / "bin" / "python").exists()


@pytest.mark.parametrize("error", [OperatorError("no network."), PermissionError(13, "no room")])
def test_goes_on_without_and_tries_again(
    instance: Instance,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    attempts: list[Path] = []

    def fail(instance: Instance, folder: Path) -> None:
        attempts.append(folder)
        raise error

    monkeypatch.setattr(analysis_env, "_install", fail)
    assert analysis_env.ensure(instance) is None
    assert "analysis jobs are not available" in capsys.readouterr().err
    assert not analysis_env.program(instance).exists()
    assert "no " in (instance.jobs / analysis_env.FAILED).read_text()
    assert analysis_env.ensure(instance) is None
    assert len(attempts) == 2


def test_success_takes_the_excuse_away(instance: Instance, installed: list[Path]) -> None:
    (instance.jobs / analysis_env.FAILED).write_text("no network.\n")
    assert analysis_env.ensure(instance)
    assert not (instance.jobs / analysis_env.FAILED).exists()


def test_an_environment_of_the_operators(
    instance: Instance, installed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(analysis_env.OVERRIDE, "/usr/bin/python3")
    assert analysis_env.ensure(instance) == Path("/usr/bin/python3")
    monkeypatch.setenv(analysis_env.OVERRIDE, "/nonexistent/python")
    assert analysis_env.ensure(instance) is None
    assert analysis_env.OVERRIDE in (instance.jobs / analysis_env.FAILED).read_text()
    assert not installed


def test_what_root_has_prepared_is_preferred(instance: Instance, tmp_path: Path) -> None:
    prepared = accounts.shared_folder(accounts.current().name)
    prepared.mkdir(parents=True)
    assert analysis_env.shared_folder() == prepared


def test_a_relative_data_folder_is_ignored(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert analysis_env.shared_folder() == Path("/home/somebody/.local/share/cta-vo")


@pytest.mark.parametrize("name", ["analysis.txt", "server.txt"])
def test_what_is_installed_without_dependencies_is_pinned(name: str) -> None:
    lines = (CHECKOUT / "requirements" / name).read_text().splitlines()
    wanted = [line.partition(";")[0].strip() for line in lines if line and not line.startswith("#")]
    assert wanted and all(line.count("==") == 1 and "*" not in line for line in wanted)


def test_jobs_and_tests_have_the_same_gammapy() -> None:
    lists = [(CHECKOUT / "requirements" / name).read_text().split() for name in ("analysis.txt", "test.txt")]
    for package in ("gammapy", "regions"):
        pins = [{word for word in words if word.startswith(f"{package}==")} for words in lists]
        assert pins[0] == pins[1] and len(pins[0]) == 1
