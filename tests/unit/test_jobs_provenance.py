"""The record of a job says how its results were made, to anybody, and who it was to nobody."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.description.reader import read_description
from analysis.errors import JobsError
from analysis.folder import ORDER, RESULTS, JobStatus
from analysis.parameters import check_value
from analysis.provenance import NOTATIONS, job_record, pseudonym_of
from analysis.provenance.record import SECRET, parameter_text
from analysis.settings import DEFINITIONS
from analysis.uws.job import JobParameter, Phase
from prov_tables.harvest import parameter_value
from prov_tables.importer import check_sizes
from prov_tables.model import (
    Activity,
    ActivityDescription,
    Agent,
    Entity,
    GenerationDescription,
    Graph,
    Parameter,
    ParameterDescription,
    UsageDescription,
    Used,
    WasAssociatedWith,
    WasGeneratedBy,
)
from prov_tables.privacy import clean
from prov_tables.readers.ctapipe import read_activity
from prov_tables.readers.formats import reader_of
from prov_tables.readers.job import file_comment, file_facts
from prov_tables.recipe import recipe_of
from prov_tables.recorder import append_record
from prov_tables.sap.answer import write_graph
from prov_tables.sap.request import FORMATS, GraphRequest
from tests.unit.ended_jobs import DIDS, PARAMETERS, PSEUDONYM, SOFTWARE, START, ended, rerun
from tests.unit.test_prov_recipe import Rows


def graph_of(record: dict[str, Any]) -> Graph:
    """Return the rows that an import takes from a record."""
    harvest = clean(read_activity(record))
    check_sizes(harvest)
    return harvest.graph


def recorded(tmp_path: Path, pseudonym: str | None = PSEUDONYM, **values: Any) -> dict[str, Any]:
    """Return the record of a job, as it comes out of a file."""
    job, description, status, folder = ended(tmp_path, **values)
    made: dict[str, Any] = json.loads(json.dumps(job_record(job, description, status, folder, pseudonym=pseudonym)))
    return made


class TestRecord:
    """Everything of the issue is in the rows."""

    def test_activity(self, tmp_path: Path) -> None:
        record = recorded(tmp_path)
        (activity,) = graph_of(record).of(Activity)
        assert activity.id == f"job:{record['activity_uuid']}"
        assert (activity.name, activity.status, activity.exit_code) == ("test_maps", "completed", 0)
        assert activity.start_time == START.replace(tzinfo=None)
        assert activity.end_time == START.replace(tzinfo=None) + datetime.timedelta(seconds=2.5)

    def test_descriptions_are_those_of_the_type_and_version(self, tmp_path: Path) -> None:
        graph = graph_of(recorded(tmp_path))
        (described,) = graph.of(ActivityDescription)
        assert (described.id, described.version, described.type) == ("jobs/test_maps/1.0", "1.0", "Analysis")
        ra = graph.get(ParameterDescription, "jobs/test_maps/1.0#ra")
        assert (ra.value_type, ra.unit, ra.ucd, ra.min_value, ra.max_value) == (
            "double",
            "deg",
            "pos.eq.ra",
            "0",
            "360",
        )
        assert graph.get(ParameterDescription, "jobs/test_maps/1.0#unset") is not None
        assert graph.get(UsageDescription, "jobs/test_maps/1.0/used/obs_ids").multiplicity == "1..*"
        assert graph.get(GenerationDescription, "jobs/test_maps/1.0/generated/counts").type == "counts-map"
        again = graph_of(recorded(tmp_path))
        assert set(again.rows[ParameterDescription]) == set(graph.rows[ParameterDescription])

    def test_parameters_keep_their_types(self, tmp_path: Path) -> None:
        graph = graph_of(recorded(tmp_path))
        found = {
            row.name: parameter_value(row.param_value, graph.get(ParameterDescription, row.description_id).value_type)
            for row in graph.of(Parameter)
            if row.entity_id is None
        }
        assert found == PARAMETERS

    def test_inputs(self, tmp_path: Path) -> None:
        graph = graph_of(recorded(tmp_path, upload=b"ra,dec\n1,2\n"))
        roles = {row.entity_id: row.role for row in graph.of(Used)}
        digest = hashlib.sha256(b"ra,dec\n1,2\n").hexdigest()
        assert roles == {**dict.fromkeys(DIDS, "DL3/Event"), f"sha256:{digest}": "Positions"}

    def test_results(self, tmp_path: Path) -> None:
        results = {"counts.fits": b"counts", "plot-1.png": b"one", "plot-2.png": b"two", "scratch.txt": b"no"}
        graph = graph_of(recorded(tmp_path, results=results))
        made = {graph.get(Entity, row.entity_id).name: row for row in graph.of(WasGeneratedBy)}
        assert set(made) == {"counts.fits", "plot-1.png", "plot-2.png"}
        assert made["plot-1.png"].description_id == "jobs/test_maps/1.0/generated/plots"
        counts = graph.get(Entity, made["counts.fits"].entity_id)
        assert file_facts(counts.comment) == ("counts.fits", hashlib.sha256(b"counts").hexdigest())

    def test_software_and_user(self, tmp_path: Path) -> None:
        graph = graph_of(recorded(tmp_path))
        assert {row.name: row.entity_value for row in graph.of(Entity) if row.id.startswith("package:")} == SOFTWARE
        (summary,) = [row.param_value for row in graph.of(Parameter) if row.entity_id]
        assert "gammapy 2.1" in summary
        people = {row.id: row for row in graph.of(Agent)}
        assert people[f"agent:{PSEUDONYM}"].type == "Person"
        assert graph.get(WasAssociatedWith, (f"job:{_uuid(graph)}", f"agent:{PSEUDONYM}", "Operator")) is not None

    def test_an_anonymous_job_has_no_person(self, tmp_path: Path) -> None:
        graph = graph_of(recorded(tmp_path, pseudonym=None, owner=None))
        assert [row.type for row in graph.of(Agent)] == ["SoftwareAgent"]

    @pytest.mark.parametrize(
        ("phase", "reason", "status"),
        [
            (Phase.COMPLETED, "completed", "completed"),
            (Phase.ERROR, "error", "error"),
            (Phase.ERROR, "memory", "error"),
            (Phase.ABORTED, "duration", "interrupted"),
            (Phase.ABORTED, "killed", "interrupted"),
        ],
    )
    def test_how_it_ended(self, tmp_path: Path, phase: Phase, reason: str, status: str) -> None:
        job, description, ending, folder = ended(tmp_path, phase=phase, results={})
        ending = dataclasses.replace(ending, reason=reason, exit_code=None)
        record = job_record(job, description, ending, folder, pseudonym=None)
        assert (record["status"], record["output"]) == (status, [])

    def test_a_job_without_a_folder_is_recorded_as_well(self, tmp_path: Path) -> None:
        job, description, _, folder = ended(tmp_path)
        (folder / ORDER).unlink()
        record = job_record(job, description, JobStatus(reason="killed"), folder, pseudonym=None)
        assert record["config"] == {"ra": "83.63"}
        assert read_activity(record).graph.of(Activity)[0].start_time == START.replace(tzinfo=None)

    def test_the_product_whose_recipe_was_followed_is_a_parameter(self, tmp_path: Path) -> None:
        given = (JobParameter(name="Product", value="product:abc"),)
        job, description, status, folder = ended(tmp_path, rerun(), {}, {})
        job = dataclasses.replace(job, parameters=given)
        record = job_record(job, description, status, folder, pseudonym=None)
        assert record["config"] == {"product": "product:abc"}
        graph = graph_of(record)
        assert {row.description_id for row in graph.of(Used)} == {"jobs/rerun/used/product"}

    def test_recorded_twice_it_has_the_same_results(self, tmp_path: Path) -> None:
        job, description, status, folder = ended(tmp_path)
        first, second = (job_record(job, description, status, folder, pseudonym=None) for _ in range(2))
        assert first == second

    def test_a_log_of_records_is_read_by_the_import(self, tmp_path: Path) -> None:
        log = tmp_path / "x.provenance.log"
        for _ in range(2):
            append_record(log, recorded(tmp_path))
        assert len(list(reader_of(log)(log))) == 2


class TestPrivacy:
    """Nobody learns whose job it was, or how to get at it."""

    def test_account_and_job_id_are_not_in_it(self, tmp_path: Path) -> None:
        job, description, status, folder = ended(tmp_path)
        (folder / ORDER).write_text(
            (folder / ORDER).read_text().replace("for the paper", f"{job.job_id} of {job.owner} in /home/ada/x.txt")
        )
        (folder / RESULTS / f"plot-{job.job_id}.png").write_bytes(b"x")
        record = job_record(job, description, status, folder, pseudonym=PSEUDONYM)
        text = json.dumps(record)
        assert job.job_id not in text and str(job.owner) not in text and str(folder) not in text
        rows = repr(graph_of(record).rows)
        assert "/home" not in rows and "script.py" not in rows and "/srv" not in rows
        assert PSEUDONYM in rows

    def test_names_of_uploaded_files_are_not_in_it(self, tmp_path: Path) -> None:
        given = (JobParameter(name="positions", value="my secret sources.csv", upload=True),)
        job, description, status, folder = ended(tmp_path, upload=b"1")
        job = dataclasses.replace(job, parameters=given)
        assert "secret" not in json.dumps(job_record(job, description, status, folder, pseudonym=None))

    def test_large_results_are_not_read_again(self, tmp_path: Path) -> None:
        """The digest of who watched over the job is taken; a file without one is read."""
        results = {"counts.fits": b"counts", "plot-1.png": b"plot"}
        job, description, status, folder = ended(tmp_path, results=results)
        status = dataclasses.replace(status, digests={"counts.fits": "a" * 64})
        output = job_record(job, description, status, folder, pseudonym=None)["output"]
        assert [item["sha256"] for item in output] == ["a" * 64, hashlib.sha256(b"plot").hexdigest()]
        assert [item["size"] for item in output] == [6, 4]

    def test_planted_links_are_not_followed(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("secret")
        job, description, status, folder = ended(tmp_path, results={})
        (folder / RESULTS / "counts.fits").symlink_to(secret)
        os.mkfifo(folder / RESULTS / "plot-1.png")
        assert job_record(job, description, status, folder, pseudonym=None)["output"] == []

    def test_pseudonyms(self, tmp_path: Path) -> None:
        ada, bob = pseudonym_of(tmp_path, "ada"), pseudonym_of(tmp_path, "bob")
        assert ada == pseudonym_of(tmp_path, "ada") != bob
        assert ada is not None and len(ada) == 17 and ada.startswith("user ")
        assert pseudonym_of(tmp_path, None) is None
        assert stat.S_IMODE((tmp_path / SECRET).stat().st_mode) == 0o600
        other = tmp_path / "other archive"
        other.mkdir()
        assert pseudonym_of(other, "ada") != ada

    def test_without_its_key_there_are_no_pseudonyms(self, tmp_path: Path) -> None:
        with pytest.raises(JobsError, match="cannot be read"):
            pseudonym_of(tmp_path / "absent", "ada")
        (tmp_path / SECRET).write_bytes(b"")
        with pytest.raises(JobsError, match="damaged"):
            pseudonym_of(tmp_path, "ada")


class TestTexts:
    """Whatever a parameter's value, the record can be stored, and read back."""

    @given(st.text(max_size=300))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
    def test_any_text_is_taken(self, tmp_path: Path, text: str) -> None:
        graph = graph_of(recorded(tmp_path, parameters={"note": text}, results={}))
        (value,) = [row.param_value for row in graph.of(Parameter) if row.name == "note"]
        assert "\0" not in value
        value.encode()

    @pytest.mark.parametrize(
        ("value", "kind", "text"),
        [
            (0.1, "double", "0.1"),
            (7, "int", "7"),
            (False, "boolean", "false"),
            ([1.5, 2.0], "double(*)", "1.5 2.0"),
            ([1, 2, 3], "long(3)", "1 2 3"),
            ("5", "char(*)", "5"),
        ],
    )
    def test_values_are_as_in_a_request(self, value: object, kind: str, text: str) -> None:
        assert parameter_text(value) == text
        assert parameter_value(text, kind) == value

    @given(st.text(min_size=1).filter(lambda name: "\0" not in name), st.integers(0, 2**60))
    def test_facts_of_files(self, name: str, size: int) -> None:
        assert file_facts(file_comment(name, size, "0" * 64)) == (name, "0" * 64)

    @pytest.mark.parametrize("comment", [None, "", "a note", "a: 5 bytes, sha256 x"])
    def test_other_comments_have_none(self, comment: str | None) -> None:
        assert file_facts(comment) is None


class TestRecipe:
    """The recipe of a result is a request that makes it again."""

    def test_parameters_and_address(self, tmp_path: Path) -> None:
        record = recorded(tmp_path)
        text = recipe_of(Rows(graph_of(record)), f"product:{record['output'][0]['product_id']}", "https://a.example")
        last = text.splitlines()[-1]
        assert last.endswith("https://a.example/jobs/test_maps")
        for word in ("ra=83.63", "'energies=0.5 1.0 10.0'", "'note=for the paper'", f"'obs_ids={DIDS[1]}'"):
            assert f"--form-string {word}" in last
        assert "gammapy 2.1" in text

    def test_nothing_in_a_parameter_becomes_a_command(self, tmp_path: Path) -> None:
        evil = "$(touch x)\n`touch x`; touch x '"
        record = recorded(tmp_path, parameters={"note": evil})
        text = recipe_of(Rows(graph_of(record)), f"product:{record['output'][0]['product_id']}", "https://a.example")
        commands = "\n".join(line for line in text.splitlines() if not line.startswith("#")).strip()
        assert commands.startswith("curl ") and commands.endswith("/jobs/test_maps")
        assert f"note={evil}" in shlex.split(commands)

    def test_of_an_upload_it_says_so(self, tmp_path: Path) -> None:
        record = recorded(tmp_path, upload=b"1")
        text = recipe_of(Rows(graph_of(record)), f"product:{record['output'][0]['product_id']}", "https://a.example")
        assert "positions was a file of the user's" in text


@pytest.mark.parametrize("notation", sorted(NOTATIONS))
def test_documents_have_it_all(tmp_path: Path, notation: str) -> None:
    graph = graph_of(recorded(tmp_path))
    request = GraphRequest(ids=("x",), response_format=NOTATIONS[notation], descriptions=2)
    assert NOTATIONS[notation] in FORMATS
    text = write_graph(graph, request, "https://a.example").decode()
    assert "test_maps" in text and "counts.fits" in text and "run1.fits.gz" in text and PSEUDONYM in text


def _uuid(graph: Graph) -> str:
    (activity,) = graph.of(Activity)
    return str(activity.id).removeprefix("job:")


@pytest.mark.parametrize("folder", sorted(path.parent for path in DEFINITIONS.glob("*/description.vot")), ids=str)
def test_job_types_that_come_with_the_archive(tmp_path: Path, folder: Path) -> None:
    description = read_description(folder / "description.vot")
    given = {item.name: check_value(item, [item.default]) for item in description.parameters if item.default}
    named = [item.file_name.replace("*", "1") for item in description.generated]
    record = recorded(tmp_path, description=description, parameters=given, results=dict.fromkeys(named, b"1"))
    graph = graph_of(record)
    typed = {row.id: row.value_type for row in graph.of(ParameterDescription)}
    found = {
        row.name: parameter_value(row.param_value, typed[row.description_id])
        for row in graph.of(Parameter)
        if row.entity_id is None
    }
    assert found == given
    made = {graph.get(Entity, row.entity_id).name: row for row in graph.of(WasGeneratedBy)}
    assert set(made) == set(named) and all(row.description_id for row in made.values())
