"""Every format's records become the rows of the model; damaged ones a sentence."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import is_provenance_record
from prov_tables.errors import ProvenanceError
from prov_tables.harvest import COMMAND_LINE, Harvest, add_parameter, parameter_text, parameter_value, parse_time
from prov_tables.model import (
    COLUMNS,
    Activity,
    ActivityDescription,
    Agent,
    ConfigFile,
    Entity,
    EntityDescription,
    Graph,
    HadMember,
    Parameter,
    ParameterDescription,
    Used,
    WasAttributedTo,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
    WasInformedBy,
)
from prov_tables.privacy import clean
from prov_tables.readers import ctapipe, headers, prov_json, prov_n
from prov_tables.readers.fits_cards import first_headers
from prov_tables.readers.formats import OTHERS, reader_of

SHARED = Path(__file__).resolve().parents[3] / "shared"
DATA = SHARED / "data" / "provenance"
FIXTURES = SHARED / "standards" / "fixtures"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no provenance examples: {DATA} is absent")
RECORDS = (
    [path for path in sorted(DATA.rglob("*")) if path.is_file() and not OTHERS.fullmatch(path.name)]
    + sorted((FIXTURES / "prov_rave").iterdir())
    + sorted((FIXTURES / "opus").iterdir())
    + [
        FIXTURES / "own" / name
        for name in ("prov_w3c_example.json", "ctapipe_provenance_example.json", "uws_job_example.xml")
    ]
    if DATA.is_dir()
    else []
)
# Accounts, machines, homes and folders that the examples name (grep of the files themselves).
SECRETS = re.compile(
    r"\b(kosack|jer|bourgeat|cosimo|observer|alice|sapmcw8|vm|secret-node|corvus|zsh|osa-dev)\b|Joses"
    r"|/home|/Users|/opt/|/root|/store/|miniconda|anaconda/"
)


def read(path: Path) -> list[Harvest]:
    return [clean(harvest) for harvest in reader_of(path)(path)]


def joined(harvests: list[Harvest]) -> Graph:
    graph = Graph()
    for harvest in harvests:
        graph.update(harvest.graph)
    return graph


def texts(graph: Graph) -> list[str]:
    return [
        str(value)
        for row_class, place in graph.rows.items()
        for row in place.values()
        for name in COLUMNS[row_class]
        if isinstance(value := getattr(row, name), str)
    ]


def write(folder: Path, content: str, name: str = "x.provenance.log") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def record(**changes: object) -> dict[str, object]:
    made: dict[str, object] = {
        "activity_name": "ctapipe-process",
        "activity_uuid": "00000000-0000-4000-8000-000000000001",
        "status": "completed",
        "start": {"time_utc": "2026-01-01T00:00:00.000"},
        "stop": {"time_utc": "2026-01-01T00:10:00.000"},
        "system": {"ctapipe_version": "0.28.0"},
        "input": [],
        "output": [],
    }
    return {**made, **changes}


@needs_data
@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_every_example_is_read_and_names_nobody(path: Path) -> None:
    graph = joined(read(path))
    assert len(graph) > 0
    assert [text for text in texts(graph) if SECRETS.search(text)] == []


@needs_data
@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_every_relation_has_both_its_ends(path: Path) -> None:
    graph = joined(read(path))
    for row in [*graph.of(Used), *graph.of(WasGeneratedBy)]:
        assert graph.get(Entity, row.entity_id) is not None
        assert graph.get(Activity, row.activity_id) is not None
    for row in graph.of(HadMember):
        assert graph.get(Entity, row.collection_id).entity_class == "Collection"


@needs_data
def test_a_ctapipe_log_in_full() -> None:
    (harvest,) = read(DATA / "ctapipe-0.28-generated" / "03_ctapipe-process_dl1_to_dl2_a.provenance.log")
    graph = harvest.graph
    activity = graph.get(Activity, "ctapipe:e273b248-0a36-4e53-b3e8-465cf9663600")
    assert activity.start_time == datetime.datetime(2026, 11, 20, 4, 25, 25, 83000)
    assert (activity.status, activity.exit_code, activity.description_id) == ("completed", 0, "ctapipe-process/0.28.0")
    (used,) = graph.of(Used)
    assert (used.entity_id, used.role) == ("product:eee662c4-e393-4dca-b676-0fac8d613b2d", "Event")
    made = {row.activity_id: row.entity_id for row in graph.of(WasGeneratedBy)}
    # the input's own metadata name the activity that made it
    assert made == {
        activity.id: "product:6e6ef15b-b525-41de-8b98-48612ba0ff39",
        "ctapipe:25523fd2-6da0-424b-b09b-a78ab55e6158": "product:eee662c4-e393-4dca-b676-0fac8d613b2d",
    }
    kind = graph.get(EntityDescription, graph.get(Entity, made[activity.id]).description_id)
    assert (kind.name, kind.content_type) == ("DL1_PARAMETERS,DL2", "application/x-hdf5")
    values = {row.name: row.param_value for row in graph.of(Parameter)}
    assert values["ProcessorTool.ShowerProcessor.reconstructor_types"] == '["HillasReconstructor"]'
    assert values[COMMAND_LINE].startswith("ctapipe-process --input run_a.dl1.h5 --output run_a.dl2.h5 ")
    packages = {row.name: row.entity_value for row in graph.of(Entity) if row.id.startswith("package:")}
    assert (packages["numpy"], packages["Python"], len(packages)) == ("2.4.6", "3.11.7", 67)


@needs_data
def test_nested_activities_are_informed_by_the_one_that_called_them() -> None:
    graph = joined(read(DATA / "ctapipe-notebook" / "provenance_nested_2018-05-17.json"))
    names = {row.id: row.name for row in graph.of(Activity)}
    called = {(names[row.informed_id], names[row.informant_id]) for row in graph.of(WasInformedBy)}
    assert called == {("sub", "python"), ("sub2", "python")}
    assert {row.status for row in graph.of(Activity)} == {"completed"}


@needs_data
def test_an_on_site_log_and_its_own_export_tell_of_the_same_activities() -> None:
    folder = DATA / "lstosa-run01807"
    graphs = [joined(read(path)) for path in sorted(folder.iterdir())]
    activities = [{(row.id, row.name, row.start_time, row.end_time) for row in graph.of(Activity)} for graph in graphs]
    assert len(activities[0]) == 6
    assert activities[0] == activities[1]
    uses = [{(row.activity_id, row.entity_id, row.role) for row in graph.of(Used)} for graph in graphs]
    assert uses[0] == uses[1]
    values = [
        {(row.name, row.param_value) for row in graph.of(Parameter) if row.name == "PedestalCleaning"}
        for graph in graphs
    ]
    assert values[0] == values[1] == {("PedestalCleaning", "True")}


@needs_data
def test_flavours_of_prov_json_tell_the_same() -> None:
    graphs = [joined(read(FIXTURES / "prov_rave" / f"parameters-{flavour}.json")) for flavour in ("ivoa", "w3c")]
    for row_class in (Entity, Used, WasGeneratedBy, HadMember):
        assert set(graphs[0].rows[row_class]) == set(graphs[1].rows[row_class]), row_class
    for graph in graphs:
        (parameter,) = graph.of(Parameter)
        assert (parameter.name, parameter.param_value) in {
            ("exposure_time", "2.999910E+02"),
            ("Exposure time", "2.999910E+02"),
        }
        (configured,) = graph.of(WasConfiguredBy)
        assert configured.activity_id.endswith("act_observation_UK-SCHM_20121220_143027")


@needs_data
def test_prov_json_of_the_rave_survey() -> None:
    graph = joined(read(DATA / "ivoa-rave-prov-json" / "example-ivoa.json"))
    agents = {row.name: row.type for row in graph.of(Agent)}
    assert agents["RAVE organization"] == "Organization"
    assert agents["Alessandro Siviero"] == "Person"
    assert len(graph.of(Used)) == 50 and len(graph.of(WasGeneratedBy)) == 22 and len(graph.of(WasDerivedFrom)) == 7
    flow = graph.get(Activity, "http://www.rave-survey.org/prov/act_observations")
    assert flow.start_time == datetime.datetime(2003, 4, 11, 14, 42, 16)


@needs_data
def test_prov_n_tells_what_prov_json_does() -> None:
    folder = DATA / "voprov-tutorial"
    notation, document = (joined(read(folder / f"voprov_tutorial.{suffix}")) for suffix in ("provn", "prov.json"))
    assert set(notation.rows[WasAttributedTo]) == set(document.rows[WasAttributedTo])
    assert {row.id for row in notation.of(Agent)} == {row.id for row in document.of(Agent)}


@needs_data
def test_descriptions_in_bundles_are_found() -> None:
    graph = joined(read(DATA / "voprov-tutorial" / "voprov_tutorial.prov.json"))
    (description,) = graph.of(ActivityDescription)
    assert description.description.startswith("remove the readout noise")
    assert {row.description_id for row in graph.of(Activity)} == {description.id}


@needs_data
def test_job_definitions_and_jobs() -> None:
    graph = joined(read(FIXTURES / "opus" / "test_activity_2_vot.xml"))
    (parameter,) = graph.of(ParameterDescription)
    assert (parameter.name, parameter.value_type, parameter.default_value) == ("text", "char(*)", "!")
    graph = joined(read(FIXTURES / "own" / "uws_job_example.xml"))
    (activity,) = graph.of(Activity)
    assert (activity.id, activity.status) == ("job:j1", "completed")
    (used,) = graph.of(Used)
    assert used.entity_id == "ivo://org.example.cta/~?dl3/2001"
    assert {row.name: row.param_value for row in graph.of(Parameter)}["CIRCLE"] == "83.63 22.01 0.5"


def test_appended_arrays_and_lines_are_all_read(tmp_path: Path) -> None:
    one, two, three = (json.dumps(record(activity_uuid=f"u{number}")) for number in range(3))
    path = write(tmp_path, f"[{one}][{two},\n{three}]\n")
    assert [harvest.graph.of(Activity)[0].id for harvest in read(path)] == ["ctapipe:u0", "ctapipe:u1", "ctapipe:u2"]
    path = write(tmp_path, f"{one}\n{two}\n")
    assert len(read(path)) == 2


def test_what_comes_before_a_damage_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, f"[{json.dumps(record())}, {{ 'broken")
    taken = []
    with pytest.raises(ProvenanceError, match="no JSON after character"):
        for harvest in ctapipe.read(path):
            taken.append(harvest)
    assert len(taken) == 1


def test_older_and_newer_forms_of_inputs(tmp_path: Path) -> None:
    nested = {
        "product": {"id_": "p-1", "data": {"levels": ["DL2"]}, "format": "hdf5"},
        "contact": {"name": "Ann Other"},
    }
    made = read(
        write(
            tmp_path,
            json.dumps(
                [record(input=["/data/a.h5"], output=[{"url": "/d/b.h5", "role": None, "reference_meta": nested}])]
            ),
        )
    )
    graph = made[0].graph
    assert graph.get(Entity, "product:p-1").name == "b.h5"
    assert [row.name for row in graph.of(Agent) if row.type == "Person"] == ["Ann Other"]
    (used,) = graph.of(Used)
    assert used.entity_id.startswith("file:")


def test_failed_and_unfinished_activities_are_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        json.dumps([record(status="error", exit_code=1), record(activity_uuid="u2", status="running", stop=None)]),
    )
    failed, unfinished = (harvest.graph.of(Activity)[0] for harvest in read(path))
    assert (failed.status, failed.exit_code) == ("error", 1)
    assert (unfinished.status, unfinished.end_time) == ("running", None)


def test_quantities_and_types_of_parameters_come_back(tmp_path: Path) -> None:
    config = {
        "Tool": {"cut": {"value": 0.5, "unit": "TeV"}, "name": "5", "n": 5, "on": True, "none": None, "l": [1, "a"]}
    }
    (harvest,) = read(write(tmp_path, json.dumps([record(config=config)])))
    graph = harvest.graph
    units = {row.name: row.unit for row in graph.of(ParameterDescription)}
    assert units["Tool.cut"] == "TeV"
    types = {row.id: row.value_type for row in graph.of(ParameterDescription)}
    values = {row.name: parameter_value(row.param_value, types[row.description_id]) for row in graph.of(Parameter)}
    expected = {"Tool.cut": 0.5, "Tool.name": "5", "Tool.n": 5, "Tool.on": True, "Tool.none": None, "Tool.l": [1, "a"]}
    assert {name: values[name] for name in expected} == expected


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3)))
def test_any_value_of_a_parameter_survives_as_text(value: object) -> None:
    assert parameter_value(*parameter_text(value)) == value


def test_equal_parameters_of_two_activities_are_one_row() -> None:
    graph = Graph()
    for activity in ("a", "b"):
        add_parameter(graph, activity, "tool/1", "Tool.cut", 0.5)
    assert len(graph.of(Parameter)) == 1 and len(graph.of(WasConfiguredBy)) == 2


def test_configuration_files_are_named(tmp_path: Path) -> None:
    system = {"ctapipe_version": "0.28.0", "arguments": ["/opt/bin/ctapipe-process", "--config", "/home/jane/dl1.yaml"]}
    (harvest,) = read(write(tmp_path, json.dumps([record(system=system)])))
    (file,) = harvest.graph.of(ConfigFile)
    assert (file.name, file.location) == ("dl1.yaml", "dl1.yaml")


def test_times_without_zone_are_utc_and_others_are_converted() -> None:
    assert (
        parse_time("2026-01-01T12:00:00")
        == parse_time("2026-01-01T13:00:00+01:00")
        == parse_time("2026-01-01T12:00:00Z")
    )
    assert parse_time("2026-01-01 12:00:00.123456789") == datetime.datetime(2026, 1, 1, 12, 0, 0, 123456)
    assert parse_time("yesterday") is None and parse_time(None) is None and parse_time(5) is None


def test_headers_tell_the_last_step() -> None:
    cards = {"CREATOR": "Gammapy 2.1", "DATE": "2026-01-01T00:00:00", "EV_CLASS": "std", "ORIGIN": "CTAO"}
    harvest = headers.read_headers([cards], "ivo://x/~?a.fits", name="a.fits")
    assert harvest is not None and harvest.fallback
    (activity,) = harvest.graph.of(Activity)
    assert activity.description_id == "Gammapy/2.1"
    assert {row.name: row.param_value for row in harvest.graph.of(Parameter)} == {"EV_CLASS": "std"}
    assert [row.agent_id for row in harvest.graph.of(WasAttributedTo)]


def test_headers_with_an_activity_lead_to_its_log() -> None:
    cards = {
        "CTA ACTIVITY ID": "u1",
        "CTA PRODUCT ID": "p1",
        "CTA ACTIVITY NAME": "ctapipe-create-dl3",
        "CTA ACTIVITY SOFTWARE NAME": "ctapipe",
    }
    harvest = headers.read_headers([cards], "ivo://x/~?a.fits")
    assert harvest is not None and not harvest.fallback
    assert [row.id for row in harvest.graph.of(Activity)] == ["ctapipe:u1"]
    assert harvest.identities["ivo://x/~?a.fits"].product_id == "p1"


def test_headers_that_tell_nothing() -> None:
    assert headers.read_headers([{"SIMPLE": "T"}], "ivo://x/~?a.fits") is None


PROGRAMS = [
    ("Gammapy v1.2", ("Gammapy", "1.2")),
    ("ctapipe 0.28.0", ("ctapipe", "0.28.0")),
    ("SASH FITS::EventListWriter", ("SASH FITS::EventListWriter", None)),
    ("cta-archive sample 1.0.0", ("cta-archive sample", "1.0.0")),
    ("pyirf/0.10.1", ("pyirf", "0.10.1")),
]


@pytest.mark.parametrize(("creator", "parts"), PROGRAMS)
def test_programs_and_their_versions(creator: str, parts: tuple[str, str | None]) -> None:
    assert headers.software_of({"CREATOR": creator}) == parts


def test_long_keywords_of_fits_headers_are_read(tmp_path: Path) -> None:
    fits = pytest.importorskip("astropy.io.fits")
    primary, table = fits.PrimaryHDU(), fits.BinTableHDU(name="EVENTS")
    table.header["HIERARCH CTA PRODUCT ID"] = "p1"
    table.header["CREATOR"] = "it's / 1.0"
    for name in ("x.fits", "x.fits.gz"):
        fits.HDUList([primary, table]).writeto(tmp_path / name)
        _, cards = first_headers(tmp_path / name)
        assert (cards["CTA PRODUCT ID"], cards["CREATOR"]) == ("p1", "it's / 1.0")
    assert first_headers(write(tmp_path, "no FITS")) == []


HOSTILE = [
    ("", "empty"),
    ("[]", "neither"),
    ("[1, 2]", "JSON object"),
    ("{}", "neither"),
    ('{"entity": 5}', "neither"),
    ("[" * 100_000, "nothing|no JSON|nested|neither"),
    ('{"a":' * 50_000, "nested|no JSON"),
    ("<a><b></a>", "no XML"),
    ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "neither"),
    ("just words", "no provenance record"),
    ("{'session_id': 1}\n", "no line of it"),
    ("document\nnothing", "endDocument"),
]


@pytest.mark.parametrize(("content", "said"), HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_record_gets_a_sentence(tmp_path: Path, content: str, said: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ProvenanceError, match=said):
        list(reader_of(path)(path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("status", "start", "stop", "system", "input", "output", "config", "exit_code", "agents", "activity_name")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
@settings(max_examples=200, deadline=None)
def test_records_of_any_content_are_read_or_refused(changes: dict[str, object]) -> None:
    try:
        clean(ctapipe.read_activity(record(**changes)))
    except ProvenanceError as exc:
        assert str(exc).endswith(".")


BLOCKS = ("entity", "activity", "agent", "used", "wasGeneratedBy", "hadMember", "wasDerivedFrom", "parameter", "prefix")


@given(st.dictionaries(st.sampled_from(BLOCKS), st.dictionaries(st.text(max_size=6), JSON, max_size=3)))
@settings(max_examples=200, deadline=None)
def test_documents_of_any_content_are_read(document: dict[str, object]) -> None:
    clean(prov_json.read_document(document))


def test_statements_of_prov_n() -> None:
    text = """document
      prefix ex <http://e.org/>
      entity(ex:a, [prov:label="a, (b) \\"c\\"", ex:n=5])
      activity(ex:r, 2026-01-01T00:00:00, -)
      used(u1; ex:r, ex:a, -, [prov:role="in"])
      wasGeneratedBy(ex:b, ex:r, -)
    endDocument"""
    document = prov_n.parse(text)
    assert document["entity"]["ex:a"]["prov:label"] == 'a, (b) "c"'
    assert document["used"]["u1"] == {"prov:role": "in", "prov:activity": "ex:r", "prov:entity": "ex:a"}
    graph = prov_json.read_document(document).graph
    assert graph.get(Activity, "http://e.org/r").start_time == datetime.datetime(2026, 1, 1)


RECORD_NAMES = [
    "run.provenance.log",
    "x_prov.json",
    "provenance.yaml",
    "a.prov.json",
    "provenance_nested.json",
    "prov.log",
]
OTHER_NAMES = ["events.fits", "index.json", "improved.json", "approval.txt", "provence.json", "provenance.fits"]


def test_records_among_data_are_told_by_their_names() -> None:
    assert all(is_provenance_record(Path(name)) for name in RECORD_NAMES)
    assert not any(is_provenance_record(Path(name)) for name in OTHER_NAMES)
