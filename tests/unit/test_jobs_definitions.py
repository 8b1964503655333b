"""Users' job definitions: taken, tried by their authors, live when an operator says so; checked before that."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from analysis.definitions import accept, pending, pending_for, reject, submissions_of, submit, withdraw
from analysis.definitions.__main__ import main
from analysis.definitions.check import check_folder, imported_modules
from analysis.definitions.submissions import MAX_PENDING
from analysis.description.catalogue import Catalogue, catalogue_of
from analysis.errors import JobsError
from analysis.settings import VARIABLE, Settings
from tests.unit.job_types import SCRIPT, job_type, votable


@pytest.fixture
def service(tmp_path: Path) -> Settings:
    return Settings(folder=tmp_path / "jobs", python=sys.executable, user_definitions="trial")


def given(name: str = "count", script: str = SCRIPT, **parts: str) -> tuple[bytes, bytes]:
    return votable(name, **parts).encode(), script.encode()


def names(settings: Settings) -> list[str]:
    return catalogue_of(settings).names()


class TestSubmitting:
    def test_it_waits(self, service: Settings) -> None:
        assert submit(service, "ada", *given()) == "count"
        ((submission, folder),) = pending(service)
        assert (submission.name, submission.author, submission.status) == ("count", "ada", "pending")
        assert sorted(path.name for path in folder.iterdir()) == ["description.vot", "script.py", "submission.json"]
        assert "count" not in names(service)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert "ada" not in str(folder.relative_to(service.folder))

    def test_the_same_author_replaces_it(self, service: Settings) -> None:
        submit(service, "ada", *given())
        submit(service, "ada", *given(script="def run(job):\n    'new'\n"))
        ((_, folder),) = pending(service)
        assert "new" in (folder / "script.py").read_text()
        assert [path.name for path in folder.parent.iterdir()] == ["count"]

    def test_all_faults_are_told(self, service: Settings) -> None:
        with pytest.raises(JobsError) as caught:
            submit(service, "ada", *given("Bad Name", script="run = 1", more=""))
        assert "name" in str(caught.value) and "no function run(job)" in str(caught.value)
        assert pending(service) == []

    @pytest.mark.parametrize(
        ("description", "script", "words"),
        [
            (b"x" * 300_000, b"", "256 kB"),
            (votable().encode(), b"#" * 2_000_000, "1024 kB"),
            (b"no XML", b"", "cannot be read"),
            (votable("../../evil").encode(), SCRIPT.encode(), "lower-case letters"),
            (
                votable(more='<PARAM name="script" datatype="char" arraysize="*" value="../../evil.py"/>').encode(),
                SCRIPT.encode(),
                "script",
            ),
        ],
    )
    def test_what_is_refused(self, service: Settings, description: bytes, script: bytes, words: str) -> None:
        with pytest.raises(JobsError, match=words):
            submit(service, "ada", description, script)
        assert not list(service.folder.parent.rglob("evil*"))
        assert not list(service.definitions_folder.glob(".new-*"))

    def test_names_in_use_are_refused(self, service: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        submit(service, "ada", *given())
        with pytest.raises(JobsError, match="somebody else"):
            submit(service, "bob", *given())
        accept(service, "count", "op")
        with pytest.raises(JobsError, match="somebody else"):
            submit(service, "bob", *given())
        official = tmp_path / "official"
        job_type(official, "shipped")
        monkeypatch.setattr("analysis.definitions.submissions.DEFINITIONS", official)
        with pytest.raises(JobsError, match="there is a job type shipped"):
            submit(service, "ada", *given("shipped"))

    def test_an_author_has_room_for_some(self, service: Settings) -> None:
        for number in range(MAX_PENDING):
            submit(service, "ada", *given(f"count{number}"))
        with pytest.raises(JobsError, match="wait already"):
            submit(service, "ada", *given("another"))
        submit(service, "ada", *given("count0"))
        submit(service, "bob", *given("another"))

    def test_without_account_or_permission_none_is_taken(self, tmp_path: Path, service: Settings) -> None:
        with pytest.raises(JobsError, match="log in"):
            submit(service, "", *given())
        closed = Settings(folder=tmp_path, python=sys.executable, user_definitions="off")
        with pytest.raises(JobsError, match="takes no job definitions"):
            submit(closed, "ada", *given())


class TestDeciding:
    def test_accepted_it_is_live(self, service: Settings) -> None:
        submit(service, "ada", *given())
        assert accept(service, "count", "op").operator == "op"
        assert "count" in names(service)
        assert pending(service) == []
        ((submission, _),) = submissions_of(service, "ada")
        assert submission.status == "accepted"

    def test_a_new_version_waits_beside_the_accepted_one(self, service: Settings) -> None:
        submit(service, "ada", *given())
        accept(service, "count", "op")
        submit(service, "ada", *given(script="def run(job):\n    'new'\n"))
        live = catalogue_of(service).get("count")
        assert live is not None and live.script.read_text() == SCRIPT
        accept(service, "count", "op")
        assert "new" in live.script.read_text()

    def test_turned_down_its_author_reads_why(self, service: Settings) -> None:
        submit(service, "ada", *given())
        with pytest.raises(JobsError, match="say why"):
            reject(service, "count", " ")
        reject(service, "count", "It does nothing.")
        ((submission, _),) = submissions_of(service, "ada")
        assert (submission.status, submission.reason) == ("rejected", "It does nothing.")
        assert submissions_of(service, "bob") == []
        submit(service, "ada", *given())
        assert [item.status for item, _ in submissions_of(service, "ada")] == ["pending"]

    def test_what_does_not_do_any_more_is_not_accepted(self, service: Settings) -> None:
        submit(service, "ada", *given())
        ((_, folder),) = pending(service)
        (folder / "script.py").unlink()
        with pytest.raises(JobsError, match="missing"):
            accept(service, "count", "op")
        assert "count" not in names(service)

    def test_withdrawing(self, service: Settings) -> None:
        for name in ("one", "two"):
            submit(service, "ada", *given(name))
        accept(service, "one", "op")
        with pytest.raises(JobsError, match="of yours"):
            withdraw(service, "one", "bob")
        withdraw(service, "one", "ada")
        withdraw(service, "two")
        assert submissions_of(service, "ada") == [] and "one" not in names(service)

    def test_one_that_does_not_wait(self, service: Settings) -> None:
        submit(service, "ada", *given())
        for decide in (lambda: accept(service, "other", "op"), lambda: reject(service, "../count", "no")):
            with pytest.raises(JobsError, match="waiting are: count"):
                decide()


class TestTrial:
    def test_the_author_may_run_it_and_nobody_else(self, service: Settings) -> None:
        submit(service, "ada", *given())
        own, others = pending_for(service, "ada"), pending_for(service, "bob")
        assert own is not None and Catalogue([own]).names() == ["count"]
        assert others is not None and Catalogue([others]).names() == []
        assert pending_for(service, None) is None

    @pytest.mark.parametrize("how", ["review", "off"])
    def test_only_if_the_operator_allows(self, tmp_path: Path, how: str) -> None:
        settings = Settings(folder=tmp_path, python=sys.executable, user_definitions=how)
        assert pending_for(settings, "ada") is None


class TestCheck:
    def test_a_good_one_is_run(self, tmp_path: Path, service: Settings) -> None:
        folder = job_type(tmp_path / "types", text=votable(used="")).parent
        report = check_folder(folder, service, [("emin", "1.0"), ("ra", "83.6")])
        assert report.faults == [], report.notes
        assert any("answer.txt: 2 bytes" in note for note in report.notes)

    def test_its_inputs_are_there(self, tmp_path: Path, service: Settings) -> None:
        script = """
def run(job):
    (folder,) = job.data_folders
    text = (folder / "obs-index.fits.gz").read_text() + job.uploads["list"].read_text()
    (job.results / "answer.txt").write_text(text)
    (job.results / "spare.txt").write_text("")
"""
        upload = """<GROUP name="list" utype="voprov:UsageDescription">
          <PARAM name="role" datatype="char" arraysize="*" value="list"/>
          <PARAM name="kind" datatype="char" arraysize="*" value="upload"/></GROUP>"""
        folder = job_type(tmp_path / "types", script=script, text=votable(parameters="", used=upload)).parent
        data = tmp_path / "store"
        data.mkdir()
        (data / "obs-index.fits.gz").write_text("12345")
        (tmp_path / "a.csv").write_text("678")
        report = check_folder(folder, service, [("list", str(tmp_path / "a.csv"))], data)
        assert report.faults == [], report.notes
        assert any("answer.txt: 8 bytes" in note for note in report.notes)
        assert any("spare.txt" in note and "not described" in note for note in report.notes)

    def test_without_inputs_it_is_not_run(self, tmp_path: Path, service: Settings) -> None:
        report = check_folder(job_type(tmp_path / "types").parent, service)
        assert report.faults == []
        assert any("--inputs" in note for note in report.notes)

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            ("import absent_module\n\ndef run(job):\n    pass\n", "imports absent_module"),
            ("def run(job):\n    from analysis.absent import thing\n", "imports analysis.absent"),
            ("def run(job)\n", "no Python"),
            ("def walk(job):\n    pass\n", "no function run"),
            ("def run(job):\n    pass\n", "was not written"),
            ("def run(job):\n    raise ValueError('seven')\n", "seven"),
        ],
    )
    def test_what_is_to_be_mended(self, tmp_path: Path, service: Settings, script: str, words: str) -> None:
        folder = job_type(tmp_path / "types", script=script, text=votable(used="", parameters="")).parent
        report = check_folder(folder, service)
        assert any(words in fault for fault in report.faults), (report.faults, report.notes)

    def test_parameters_that_do_not_do(self, tmp_path: Path, service: Settings) -> None:
        folder = job_type(tmp_path / "types", text=votable(used="")).parent
        assert any("emin" in fault for fault in check_folder(folder, service).faults)

    def test_a_folder_without_description(self, tmp_path: Path, service: Settings) -> None:
        (fault,) = check_folder(tmp_path, service).faults
        assert "description.vot" in fault

    def test_imports_are_found_wherever_they_are(self) -> None:
        source = b"import a.b, c\nfrom d import e\ndef run(job):\n    import f\n    from . import g\n"
        assert imported_modules(source) == {"a.b", "c", "d", "f"}


class TestCommand:
    def test_check(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = job_type(tmp_path / "types", text=votable(used="", parameters="")).parent
        assert main(["check", str(folder), "--python", sys.executable]) == 0
        assert "it can be used." in capsys.readouterr().out
        (folder / "description.vot").write_text(votable(used=""))
        assert main(["check", str(folder), "--python", sys.executable, "emin=1", "ra=3"]) == 0
        with pytest.raises(SystemExit):
            main(["check", str(folder), "--pyton", sys.executable])
        (folder / "script.py").write_text("")
        assert main(["check", str(folder), "--python", sys.executable]) == 1
        assert "fault: " in capsys.readouterr().out

    def test_mistakes_get_a_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)
        for words in (["check", str(tmp_path)], ["pending"], ["check", str(tmp_path), "emin"]):
            assert main(words) == 1
            assert capsys.readouterr().err.startswith("error: ")

    def test_operators_decide(
        self, service: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        toml = tmp_path / "jobs.toml"
        toml.write_text(f"folder = {json.dumps(str(service.folder))}\npython = {json.dumps(sys.executable)}\n")
        monkeypatch.setenv(VARIABLE, str(toml))
        submit(service, "ada", *given("one"))
        submit(service, "ada", *given("two"))
        assert main(["pending"]) == 0
        assert "one  by ada" in capsys.readouterr().out
        assert main(["accept", "one"]) == 0 and main(["reject", "two", "not", "this"]) == 0
        assert {item.name: item.reason for item, _ in submissions_of(service, "ada")} == {
            "one": None,
            "two": "not this",
        }
        assert main(["withdraw", "one"]) == 0
        assert main(["accept", "two"]) == 1
