"""ProvSAP without a server: requests, selection is live; every notation is taken by an independent reader."""

from __future__ import annotations

import datetime
import importlib.util
import io
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from prov_tables.model import (
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
    UsageDescription,
    Used,
    WasAssociatedWith,
    WasAttributedTo,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
    WasInformedBy,
)
from prov_tables.readers import prov_n
from prov_tables.readers.prov_json import read_document
from prov_tables.sap.answer import write_graph
from prov_tables.sap.names import identifier_of, local_name, qualified
from prov_tables.sap.picture import dot_source
from prov_tables.sap.request import ALL, FORMATS, GraphRequest, RequestError, parse_request

prov = pytest.importorskip("prov.model", reason="the package prov is not installed (requirements/test.txt)")
SERVER = "https://archive.example.org"
NASTY = "ivo://x/~?a b#c/é \"quoted\" <tag> & [1] (2) \\ 'it's' 100% ∞ _x41_ --> {z};=,:"
TIME = datetime.datetime(2026, 1, 1, 12, 0, 0, 500000)


def make_graph(name: str = NASTY) -> Graph:
    """A graph with every class in it."""
    graph = Graph()
    rows = [
        Entity(id=name, name=name, generated_at_time=TIME, entity_class="DatasetEntity", obs_publisher_did=name),
        Entity(id="in", name="in", location="https://e.org/x?y", comment="line one\nline two", description_id="kind"),
        Entity(id="set", name="set", entity_class="Collection"),
        Entity(id="env", name="environment", entity_class="ValueEntity", entity_value='3 "x"'),
        Activity(id="run", name="tool", start_time=TIME, end_time=TIME, description_id="tool/1", exit_code=1),
        Activity(id="before", name=None),
        Agent(id="who", name="Ann Other", type="Person", email="a@example.org"),
        Used(activity_id="run", entity_id="in", role="DL0/Event", use_time=TIME, description_id="tool/1/used/in"),
        Used(activity_id="run", entity_id="set"),
        WasGeneratedBy(entity_id=name, activity_id="run", role="out"),
        WasAssociatedWith(activity_id="run", agent_id="who", role="Operator"),
        WasAttributedTo(entity_id=name, agent_id="who", role="Creator"),
        WasDerivedFrom(generated_entity_id=name, used_entity_id="in"),
        WasInformedBy(informed_id="run", informant_id="before"),
        HadMember(collection_id="set", entity_id="in"),
        ActivityDescription(id="tool/1", name="tool", version="1", type="Reduction"),
        EntityDescription(id="kind", name="DL0", content_type="application/x-hdf5"),
        UsageDescription("tool/1/used/in", activity_description_id="tool/1", entity_description_id="kind", role="in"),
        ParameterDescription("tool/1#cut", activity_description_id="tool/1", name="cut", value_type="double"),
        Parameter(id="p", name="cut", param_value="0.5", entity_id="env", description_id="tool/1#cut"),
        ConfigFile(id="c", name="conf.yaml", location="conf.yaml"),
        WasConfiguredBy(activity_id="run", artefact_type="Parameter", parameter_id="p"),
        WasConfiguredBy(activity_id="run", artefact_type="ConfigFile", config_file_id="c"),
    ]
    for row in rows:
        graph.add(row)
    return graph


def write(name: str, *, w3c: bool = True, graph: Graph | None = None, **more: object) -> bytes:
    request = GraphRequest(ids=("x",), response_format=name, w3c=w3c, **more)  # type: ignore[arg-type]
    return write_graph(graph or make_graph(), request, SERVER)


def load(content: bytes, kind: str = "json") -> prov.ProvDocument:
    return prov.ProvDocument.deserialize(content=content.decode(), format=kind)


# --- requests --------------------------------------------------------------------------------------------------------


def asked(**parameters: str | list[str]) -> GraphRequest:
    given = {name: value if isinstance(value, list) else [value] for name, value in parameters.items()}
    return parse_request({"ID": ["x"], **given})


def test_defaults() -> None:
    request = asked()
    assert (request.back, request.forward, request.response_format, request.w3c) == (ALL, 0, "PROV-JSON", False)
    assert (request.agents, request.members, request.configuration, request.descriptions) == (True, False, True, 0)


CHOICES = [
    ({"DEPTH": "2"}, (2, 0)),
    ({"DEPTH": "0"}, (0, 0)),
    ({"DEPTH": "all"}, (ALL, 0)),
    ({"DIRECTION": "FORWARD", "DEPTH": "3"}, (0, 3)),
    ({"DIRECTION": "forth"}, (0, ALL)),
    ({"DIRECTION": "BOTH", "DEPTH": "1"}, (1, 1)),
    ({"STEP": "LAST"}, (2, 0)),
    ({"BACKWARD": "1", "FORWARD": "ALL"}, (1, ALL)),
    ({"FORWARD": "2"}, (ALL, 2)),
]


@pytest.mark.parametrize(("parameters", "depths"), CHOICES)
def test_depths_and_directions(parameters: dict[str, str], depths: tuple[int, int]) -> None:
    request = asked(**parameters)
    assert (request.back, request.forward) == depths


SPELLINGS = [(name, mime) for name, mime in FORMATS.items()] + [(mime, mime) for mime in FORMATS.values()]
SPELLINGS += [("prov-svg", "image/svg+xml"), ("application/json;charset=utf-8", "application/json")]


@pytest.mark.parametrize(("name", "mime"), SPELLINGS)
def test_formats_by_name_and_media_type(name: str, mime: str) -> None:
    assert asked(RESPONSEFORMAT=name).media_type == asked(FORMAT=name).media_type == mime


BAD = [
    {"DEPTH": "-1"},
    {"DEPTH": "x"},
    {"DEPTH": "1.5"},
    {"DEPTH": "²"},
    {"DEPTH": "9" * 30},
    {"DEPTH": ["1", "2"]},
    {"DIRECTION": "UP"},
    {"MODEL": "OWL"},
    {"AGENTS": "maybe"},
    {"DESCRIPTIONS": "7"},
    {"RESPONSEFORMAT": "turtle"},
    {"STEP": "FIRST"},
    {"ID": []},
    {"ID": ["a\0b"]},
    {"ID": [str(number) for number in range(101)]},
]


@pytest.mark.parametrize("parameters", BAD, ids=str)
def test_bad_values_get_a_sentence(parameters: dict[str, str | list[str]]) -> None:
    with pytest.raises(RequestError) as caught:
        asked(**parameters)
    assert caught.value.status == 400 and str(caught.value).endswith(".")


def test_parameters_nobody_knows_are_ignored() -> None:
    assert asked(BOGUS="1", STEPS="TRUE") == asked()


# --- names -----------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_identifier_survives_as_a_name(identifier: str) -> None:
    name = local_name(identifier)
    assert identifier_of(name) == identifier
    assert name.isascii() and (name[0].isalpha() or name[0] == "_") and not name.endswith(".")


@given(st.text())
def test_what_is_no_name_comes_back_somehow(text: str) -> None:
    identifier_of(text)


# --- notations -------------------------------------------------------------------------------------------------------


def test_prov_json_of_the_w3c_loads_and_comes_back_equal() -> None:
    document = load(write("PROV-JSON"))
    assert load(document.serialize(format="json").encode()) == document
    ids = {value for record in document.get_records(prov.ProvEntity) for value in record.get_attribute("voprov:id")}
    assert NASTY in ids
    # what is the value of a parameter is an entity as well, and so are descriptions and configuration
    assert {"in", "set", "env", "p", "c", "tool/1", "kind"} <= ids


def test_prov_json_has_all_relations_of_the_graph() -> None:
    document = load(write("PROV-JSON"))
    kinds = {prov.ProvUsage: 2, prov.ProvGeneration: 1, prov.ProvMembership: 1, prov.ProvDerivation: 1}
    kinds |= {prov.ProvCommunication: 1, prov.ProvAssociation: 1, prov.ProvAttribution: 1}
    assert {kind: len(list(document.get_records(kind))) for kind in kinds} == kinds
    (activity,) = [record for record in document.get_records(prov.ProvActivity) if record.get_startTime()]
    assert activity.get_startTime().replace(tzinfo=None) == TIME


def test_prov_xml_loads_and_is_the_same_document() -> None:
    from_json, from_xml = load(write("PROV-JSON")), load(write("PROV-XML"), "xml")
    told = []
    for document in (from_json, from_xml):
        ids = {str(record.identifier) for record in document.get_records(prov.ProvElement)}
        relations = document.get_records(prov.ProvRelation)
        ends = sorted((record.get_type().localpart, *map(str, record.args[:2])) for record in relations)
        told.append((ids, ends))
    assert told[0] == told[1]


@pytest.mark.parametrize("w3c", [True, False])
def test_prov_xml_is_valid(w3c: bool) -> None:
    found = importlib.util.find_spec("prov")
    assert found is not None and found.origin is not None
    schema = Path(found.origin).parent / "tests" / "schemas" / "prov-core.xsd"
    if not schema.exists():
        pytest.skip("the installed package prov brings no schema")
    validator = etree.XMLSchema(etree.parse(str(schema)))
    document = etree.fromstring(write("PROV-XML", w3c=w3c))
    assert validator.validate(document), validator.error_log


@pytest.mark.parametrize("w3c", [True, False])
def test_prov_n_says_what_prov_json_says(w3c: bool) -> None:
    document = prov_n.parse(write("PROV-N", w3c=w3c).decode())
    reference = json.loads(write("PROV-JSON", w3c=w3c))
    for block in ("entity", "activity", "agent"):
        assert set(document[block]) == set(reference[block]), block
    for block in ("used", "wasGeneratedBy", "wasDerivedFrom", "hadMember", "wasInformedBy"):
        assert len(document[block]) == len(reference[block]), block
    ends = {(one["prov:entity"], one["prov:activity"]) for one in document["used"].values()}
    prefix = "prov" if w3c else "voprov"
    assert ends == {(one[f"{prefix}:entity"], one[f"{prefix}:activity"]) for one in reference["used"].values()}
    ids = {attributes["voprov:id"] for attributes in document["entity"].values()}
    assert {NASTY, "in", "set"} <= ids


def test_the_ivoa_flavour_reads_back_as_the_same_rows() -> None:
    graph = make_graph()
    again = read_document(json.loads(write("PROV-JSON", w3c=False, graph=graph, descriptions=2))).graph
    relations = (Used, WasGeneratedBy, WasAssociatedWith, WasAttributedTo, WasDerivedFrom, WasInformedBy, HadMember)
    for row_class in (*relations, Entity, Activity, Agent, Parameter, ActivityDescription, UsageDescription):
        assert set(again.rows[row_class]) == set(graph.rows[row_class]), row_class
    entity = again.get(Entity, "in")
    assert (entity.comment, entity.description_id, entity.location) == (
        "line one\nline two",
        "kind",
        "https://e.org/x?y",
    )


def test_the_ivoa_flavour_has_its_own_blocks() -> None:
    document = json.loads(write("PROV-JSON", w3c=False))
    own = {"activityDescription", "usageDescription", "parameter", "configFile", "wasConfiguredBy", "isDescribedBy"}
    assert own <= set(document)
    del document["prefix"]
    names = {name for block in document.values() for node in block.values() for name in node}
    assert not any(name.startswith("prov:") for name in names)


def test_votable_has_a_table_a_class() -> None:
    votable = pytest.importorskip("astropy.io.votable")
    tables = {table.name: table for table in votable.parse(io.BytesIO(write("PROV-VOTABLE"))).iter_tables()}
    assert tables["entity"].utype == "voprov:Entity"
    assert str(tables["entity"].array["id"][0]) == NASTY
    assert tables["used"].nrows == 2
    fields = {field.name: field for field in tables["activity"].fields}
    assert fields["start_time"].xtype == "timestamp" and fields["id"].ucd == "meta.id;meta.main"


def test_without_attributes_nodes_have_their_names_only() -> None:
    document = json.loads(write("PROV-JSON", w3c=False, attributes=False))
    assert set(document["entity"][qualified("in")]) == {"voprov:id", "voprov:name"}


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_texts_break_no_format(name: str) -> None:
    if name in ("PROV-SVG", "PROV-PNG") and not shutil.which("dot"):
        pytest.skip("needs Graphviz")
    hostile = 'x"]; evil [URL="javascript:alert(1)"] \\" <script>alert(1)</script> ]]> \x01 \ud800 %s {} \n end'
    graph = Graph()
    graph.add(Entity(id=hostile.replace("\ud800", ""), name=hostile))
    content = write(name, graph=graph)
    assert content
    if name in ("PROV-XML", "PROV-VOTABLE", "PROV-SVG"):
        root = etree.fromstring(content)
        assert not root.xpath("//*[local-name()='script']")
        assert not root.xpath("//@*[starts-with(., 'javascript:')]")
    if name == "PROV-JSON":
        json.loads(content)


# --- pictures --------------------------------------------------------------------------------------------------------


def big_graph(n_steps: int) -> Graph:
    graph = Graph()
    for number in range(n_steps):
        key = f"e{number}"
        graph.add(Entity(id=key, name=f"file_number_{number}_of_a_long_chain.fits", obs_publisher_did=key))
        graph.add(Activity(id=f"a{number}", name="ctapipe-process", start_time=TIME))
        graph.add(WasGeneratedBy(entity_id=f"e{number}", activity_id=f"a{number}", role="DL1/Event"))
        if number:
            graph.add(Used(activity_id=f"a{number}", entity_id=f"e{number - 1}", role="DL1/Event"))
    return graph


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
def test_a_picture_of_fifty_nodes_can_be_read_and_leads_to_the_data() -> None:
    root = etree.fromstring(write("PROV-SVG", graph=big_graph(25)))
    names = {"s": "http://www.w3.org/2000/svg", "x": "http://www.w3.org/1999/xlink"}
    nodes = root.xpath("//s:g[@class='node']", namespaces=names)
    assert len(nodes) == 50
    links = root.xpath("//s:a/@x:href", namespaces=names)
    assert f"{SERVER}/cta/dl/links/dlmeta?ID=e7" in links
    sizes = {float(size) for size in root.xpath("//s:g[@class='node']//s:text/@font-size", namespaces=names)}
    assert min(sizes) >= 9
    # no two nodes on top of each other: their texts have places of their own
    places = [(text.get("x"), text.get("y")) for text in root.xpath("//s:g[@class='node']//s:text", namespaces=names)]
    assert len(places) == len(set(places))
    labels = [" ".join(node.xpath(".//s:text/text()", namespaces=names)) for node in nodes]
    assert all(max(len(line) for line in node.xpath(".//s:text/text()", namespaces=names)) <= 30 for node in nodes)
    assert any("ctapipe-process" in label for label in labels)


def test_too_large_a_picture_is_refused_with_a_way_out() -> None:
    with pytest.raises(RequestError, match="smaller DEPTH"):
        dot_source(big_graph(300), SERVER, lambda _: None, left_right=True)


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
def test_png_is_a_picture() -> None:
    image = pytest.importorskip("PIL.Image")
    with image.open(io.BytesIO(write("PROV-PNG", graph=make_graph()))) as picture:
        assert picture.format == "PNG" and picture.width > 100
