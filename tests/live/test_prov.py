"""Provenance on a real server: imported, joined, asked by ADQL and by ProvSAP, linked, and nobody named."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pyvo
from lxml import etree

from tests.live.archive import CHECKOUT, SAMPLE, SHARED, Archive, open_folder, wait_for
from tests.live.schemas import violations
from tests.live.test_datalink import links_of

DATA = SHARED / "data" / "provenance"
EXAMPLES = pytest.mark.skipif(not DATA.is_dir(), reason=f"no provenance examples: {DATA} is absent")
DL2 = "product:6e6ef15b-b525-41de-8b98-48612ba0ff39"
FORMATS = {
    "PROV-JSON": "application/json",
    "PROV-N": "text/provenance-notation",
    "PROV-XML": "application/provenance+xml",
    "PROV-VOTABLE": "application/x-votable+xml",
    "PROV-SVG": "image/svg+xml",
    "PROV-PNG": "image/png",
}
# Accounts, machines, homes and values of environment variables in the examples.
SECRETS = re.compile(
    r"(?<![A-Za-z0-9])(kosack|jer|bourgeat|cosimo|observer|sapmcw8|vm|corvus|zsh|osa-dev)(?![A-Za-z0-9])|Joses-MacBook"
    r"|/home/|/Users/|/opt/|/root/|/usr/|miniconda|anaconda/"
)


@pytest.fixture(scope="module")
def examples(archive: Archive) -> Archive:
    """The archive with all example records."""
    if not DATA.is_dir():
        pytest.skip(f"no provenance examples: {DATA} is absent")
    with open_folder() as folder:
        shutil.copytree(DATA, folder / "provenance")
        archive.ops("prov-import", "--file", folder / "provenance").check()
    return archive


@pytest.fixture(scope="module")
def hostile(archive: Archive) -> Iterator[str]:
    """The identifier of an entity that has everything identifiers should not have."""
    identifier = 'x y?a#b/é ∞ "q" <t> & [1] %20 _x41_'
    document = {
        "prefix": {"voprov": "http://www.ivoa.net/documents/ProvenanceDM/index.html#"},
        "entity": {"nasty:1": {"voprov:id": identifier, "voprov:name": identifier}, "nasty:2": {"voprov:name": "in"}},
        "activity": {"nasty:run": {"voprov:name": "run"}},
        "used": {"_:1": {"voprov:activity": "nasty:run", "voprov:entity": "nasty:2"}},
        "wasGeneratedBy": {"_:2": {"voprov:activity": "nasty:run", "voprov:entity": "nasty:1"}},
    }
    with open_folder() as folder:
        (folder / "nasty.prov.json").write_text(json.dumps(document))
        archive.ops("prov-import", "--file", folder / "nasty.prov.json").check()
    yield identifier


def sap(archive: Archive, identifier: str, status: int = 200, **parameters: str) -> Any:
    """Ask ProvSAP."""
    answer = archive.get("/provsap", params={"ID": identifier, **parameters})
    assert answer.status_code == status, answer.text[:500]
    return answer


def graph(archive: Archive, identifier: str, **parameters: str) -> dict[str, Any]:
    """Ask ProvSAP for PROV-JSON."""
    document: dict[str, Any] = sap(archive, identifier, **parameters).json()
    return document


def ids(document: dict[str, Any], block: str) -> set[str]:
    return {node["voprov:id"] for node in document.get(block, {}).values()}


def did_of(archive: Archive, obs_id: str) -> str:
    (row,) = archive.query(
        f"SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_id='{obs_id}' AND dataproduct_type='event'"
    )
    return row["obs_publisher_did"]


def step(number: int, used: str, made: str, **known: str) -> str:
    """A log line of a step; `known` is what else is known of its input."""
    return json.dumps(
        {
            "activity_name": "live-test",
            "activity_uuid": f"live-{number}",
            "status": "completed",
            "start": {"time_utc": f"2026-02-01T00:{number:02}:00"},
            "stop": {"time_utc": f"2026-02-01T00:{number:02}:30"},
            "system": {"ctapipe_version": "1"},
            "input": [{"url": f"/d/{used}", "product_id": used, **known}],
            "output": [{"url": f"/d/{made}", "product_id": made}],
        }
    )


def take(archive: Archive, *portions: list[str]) -> None:
    """Import portions of log lines, one after the other."""
    with open_folder() as folder:
        for number, lines in enumerate(portions):
            (folder / f"{number}.provenance.log").write_text("\n".join(lines))
            archive.ops("prov-import", "--file", folder / f"{number}.provenance.log").check()


def ancestors(archive: Archive, entity: str) -> dict[str, int]:
    """Return the ancestors of an entity and how far away they are."""
    rows = archive.sql(f"SELECT ancestor_id, depth FROM provenance.progenitors WHERE entity_id='{entity}'")
    return {ancestor: int(depth) for ancestor, depth in rows}


class TestImport:
    """Records go in once, become one graph, and name nobody."""

    def test_every_example_is_taken(self, examples: Archive) -> None:
        with open_folder() as folder:
            shutil.copytree(DATA, folder / "again")
            before = [examples.count(f"provenance.{table}") for table in ("entity", "activity", "used", "progenitors")]
            output = examples.ops("prov-import", "--file", folder / "again").check().output
            after = [examples.count(f"provenance.{table}") for table in ("entity", "activity", "used", "progenitors")]
        assert "error" not in output and re.search(r"records\s+16\b", output)
        assert before == after

    def test_nobody_is_named_in_the_database(self, examples: Archive) -> None:
        found = []
        for (table,) in examples.sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema='provenance'"
        ):
            for (row,) in examples.sql(f'SELECT t::text FROM provenance."{table}" AS t'):
                if SECRETS.search(row):
                    found.append((table, row))
        assert found == []

    def test_nobody_is_named_in_an_answer(self, examples: Archive) -> None:
        keys = examples.sql(
            "SELECT id FROM provenance.entity AS e WHERE NOT EXISTS"
            " (SELECT 1 FROM provenance.progenitors WHERE ancestor_id=e.id) AND id NOT LIKE 'package:%'"
            " AND obs_publisher_did IS NULL AND id NOT LIKE 'http%' ORDER BY id LIMIT 25"
        )
        for (key,) in keys:
            assert not SECRETS.search(sap(examples, key, DESCRIPTIONS="2").text), key

    def test_the_sample_is_one_graph_from_raw_data_to_event_lists(self, archive: Archive) -> None:
        did = did_of(archive, "100001")
        rows = archive.query(
            "SELECT a.name, p.depth FROM provenance.progenitors AS p JOIN provenance.entity AS a ON a.id=p.ancestor_id"
            f" WHERE p.entity_id='{did}' ORDER BY p.depth, a.name"
        )
        names = [(row["name"], row["depth"]) for row in rows]
        assert names == [
            ("ctao_sim_100001.dl2.h5", "1"),
            ("ctao_sim_100001.dl1.h5", "2"),
            ("ctao_sim_0000.h5", "3"),
            ("ctao_sim_100001.dl0.fits.fz", "3"),
        ]

    def test_a_record_in_a_collection_is_not_published(self, archive: Archive) -> None:
        assert "ctao_sim.provenance.log" not in archive.documents(SAMPLE)
        assert [severity for severity, _ in archive.problems(SAMPLE)["ctao_sim.provenance.log"]] == ["info"]

    def test_a_step_in_the_middle_extends_what_hangs_below(self, archive: Archive) -> None:
        take(archive, [step(2, "m", "n"), step(3, "n", "o")], [step(1, "l", "m")])
        assert ancestors(archive, "product:o") == {"product:n": 1, "product:m": 2, "product:l": 3}
        made_by = archive.sql(
            "SELECT activity_id FROM provenance.progenitors WHERE entity_id='product:o' ORDER BY depth"
        )
        assert made_by == [["ctapipe:live-3"], ["ctapipe:live-2"], ["ctapipe:live-1"]]

    def test_what_is_published_later_takes_its_identifier_everywhere(self, archive: Archive) -> None:
        did = "ivo://live.test/~?b.fits"
        take(archive, [step(21, "pa", "pb"), step(22, "pb", "pc")], [step(23, "pb", "pd", did=did)])
        assert archive.count("provenance.entity", "id='product:pb'") == 0
        assert ancestors(archive, did) == {"product:pa": 1}
        assert ancestors(archive, "product:pc") == ancestors(archive, "product:pd") == {did: 1, "product:pa": 2}
        assert archive.count("provenance.used", f"entity_id='{did}'") == 2
        assert archive.count("provenance.entity_key", f"entity_id='{did}'") == 3

    def test_two_entities_that_turn_out_to_be_one_are_merged(self, archive: Archive) -> None:
        did = "ivo://live.test/~?m.fits"
        by_name = json.loads(step(32, did, "qo"))
        by_name["input"] = [{"url": did}]
        take(archive, [step(31, "qx", "qa"), json.dumps(by_name)], [step(33, "qa", "qp", did=did)])
        assert ancestors(archive, "product:qo") == ancestors(archive, "product:qp") == {did: 1, "product:qx": 2}
        assert archive.count("provenance.entity", "id='product:qa'") == 0
        assert archive.count("provenance.was_derived_from", f"used_entity_id='{did}'") == 2

    def test_members_of_a_collection_are_ancestors_of_what_it_was_used_for(self, archive: Archive) -> None:
        relations = {
            "hadMember": {"_:1": {"collection": "col", "entity": "m1"}, "_:2": {"collection": "col", "entity": "m2"}},
            "used": {"_:3": {"activity": "run", "entity": "col"}},
            "wasGeneratedBy": {"_:4": {"entity": "out", "activity": "run"}},
        }
        later = {"hadMember": {"_:1": {"collection": "m1", "entity": "part"}}, "entity": {"part": {"name": "part"}}}
        with open_folder() as folder:
            for name, document in (("1", {"activity": {"run": {"name": "run"}}, **relations}), ("2", later)):
                (folder / f"{name}.prov.json").write_text(json.dumps(document))
                archive.ops("prov-import", "--file", folder / f"{name}.prov.json").check()
        assert ancestors(archive, "out") == {"col": 1, "m1": 2, "m2": 2, "part": 3}
        assert (
            archive.sql("SELECT entity_class FROM provenance.entity WHERE id IN ('col', 'm1')") == [["Collection"]] * 2
        )

    def test_a_cycle_is_refused_and_the_rest_is_taken(self, archive: Archive) -> None:
        with open_folder() as folder:
            lines = [step(11, "cy1", "cy2"), step(12, "cy2", "cy1"), step(13, "ok1", "ok2")]
            (folder / "cycle.provenance.log").write_text("\n".join(lines))
            done = archive.ops("prov-import", "--file", folder / "cycle.provenance.log")
        assert done.status == 1 and "would be its own ancestor" in done.output
        assert archive.count("provenance.progenitors", "entity_id='product:ok2'") == 1
        assert archive.count("provenance.progenitors", "entity_id=ancestor_id") == 0

    @pytest.mark.parametrize(
        ("content", "said"), [("nothing", "no provenance record known"), ('{"a": 1}', "neither a ctapipe log")]
    )
    def test_what_is_no_record_is_told_so(self, archive: Archive, content: str, said: str) -> None:
        with open_folder() as folder:
            (folder / "x.txt").write_text(content)
            done = archive.ops("prov-import", "--file", folder / "x.txt")
        assert done.status == 1 and said in done.output and "Traceback" not in done.output

    def test_an_absent_file_is_refused(self, archive: Archive) -> None:
        assert "does not exist" in archive.ops("prov-import", "--file", "/nowhere/x.log").refused()


class TestProvTap:
    """The tables, as a TAP client sees them."""

    def test_tables_and_keys_are_declared(self, archive: Archive) -> None:
        tables = {
            row["table_name"]
            for row in archive.query("SELECT table_name FROM TAP_SCHEMA.tables WHERE schema_name='provenance'")
        }
        assert len(tables) == 21 and {"provenance.entity", "provenance.progenitors", "provenance.last_step"} <= tables
        assert not {"provenance.entity_key", "provenance.imported_record", "provenance.dataset_step"} & tables
        keys = archive.query(
            "SELECT from_table, target_table FROM TAP_SCHEMA.keys WHERE from_table LIKE 'provenance.%'"
        )
        assert len(keys) > 30 and all(key["target_table"].startswith("provenance.") for key in keys)
        columns = archive.query("SELECT utype FROM TAP_SCHEMA.columns WHERE table_name='provenance.activity'")
        assert "voprov:activity.starttime" in {column["utype"].lower() for column in columns}

    def test_hidden_tables_stay_hidden(self, archive: Archive) -> None:
        for table in ("entity_key", "imported_record"):
            answer = archive.session.post(
                f"{archive.tap_url}/sync",
                data={"LANG": "ADQL", "QUERY": f"SELECT * FROM provenance.{table}"},
                timeout=60,
            )
            assert answer.status_code >= 400 or 'value="ERROR"' in answer.text

    def test_one_row_a_dataset(self, archive: Archive) -> None:
        rows = archive.query(
            "SELECT o.obs_publisher_did, s.software_name, s.software_version, s.parameters, s.provenance_url"
            " FROM ivoa.obscore AS o JOIN provenance.last_step AS s ON s.obs_publisher_did=o.obs_publisher_did"
            f" WHERE o.obs_collection='{SAMPLE}' AND o.dataproduct_type='event'"
        )
        assert len(rows) == archive.count("cta.dataset", f"obs_collection='{SAMPLE}' AND dataproduct_type='event'")
        assert {(row["software_name"], row["software_version"]) for row in rows} == {
            ("ctapipe", "0.27.0"),
            ("ctapipe", "0.28.0"),
        }
        parameters = json.loads(rows[0]["parameters"])
        assert parameters["DL3Tool.EventSelection.cuts"] in ("standard", "loose")
        assert archive.session.get(rows[0]["provenance_url"], timeout=60).ok

    def test_products_were_made_by_another_program(self, archive: Archive) -> None:
        rows = archive.query(
            "SELECT s.software_name, s.progenitor_dids FROM provenance.last_step AS s"
            " WHERE s.obs_publisher_did LIKE '%ctao-sample/products/crab_flux_points.fits'"
        )
        assert [row["software_name"] for row in rows] == ["cta-archive sample"]
        assert all(did_of(archive, obs_id) in rows[0]["progenitor_dids"] for obs_id in ("100001", "100002"))

    @EXAMPLES
    def test_raw_data_behind_a_product_by_one_query_and_by_provsap(self, examples: Archive) -> None:
        rows = examples.query(
            "SELECT DISTINCT p.ancestor_id FROM provenance.progenitors AS p JOIN provenance.used AS u"
            f" ON u.entity_id=p.ancestor_id WHERE p.entity_id='{DL2}' AND u.role LIKE 'DL0%'"
        )
        document = graph(examples, DL2, CONFIGURATION="0")
        used = {node["voprov:entity"] for node in document["used"].values() if node["voprov:role"].startswith("DL0")}
        by_sap = {document["entity"][key]["voprov:id"] for key in used}
        assert {row["ancestor_id"] for row in rows} == by_sap
        assert {document["entity"][key]["voprov:name"] for key in used} == {
            "gamma_prod6_tel_event_header_v4.simtel.zst"
        }

    @EXAMPLES
    def test_all_ancestors_by_adql_and_by_provsap(self, examples: Archive) -> None:
        for (key,) in examples.sql("SELECT DISTINCT entity_id FROM provenance.progenitors ORDER BY 1 LIMIT 60"):
            rows = examples.sql(f"SELECT ancestor_id FROM provenance.progenitors WHERE entity_id='{key}'")
            assert ids(graph(examples, key, CONFIGURATION="0", MEMBERS="1"), "entity") == {
                key,
                *(row[0] for row in rows),
            }, key


class TestProvSap:
    """The graph service."""

    @pytest.mark.parametrize("model", ["IVOA", "W3C"])
    @pytest.mark.parametrize("name", FORMATS)
    def test_formats(self, archive: Archive, name: str, model: str) -> None:
        answer = sap(archive, did_of(archive, "100001"), RESPONSEFORMAT=name, MODEL=model, DESCRIPTIONS="2")
        assert answer.headers["content-type"].partition(";")[0] == FORMATS[name]
        if name == "PROV-VOTABLE":
            assert violations(etree.fromstring(answer.content), "dachs") == []
        elif name == "PROV-PNG":
            assert answer.content.startswith(b"\x89PNG")
        elif name in ("PROV-XML", "PROV-SVG"):
            etree.fromstring(answer.content)

    def test_w3c_answers_load_and_come_back_equal(self, archive: Archive) -> None:
        prov = pytest.importorskip("prov.model")
        did = did_of(archive, "100001")
        documents = [
            prov.ProvDocument.deserialize(
                content=sap(archive, did, MODEL="W3C", DESCRIPTIONS="2", RESPONSEFORMAT=name).text, format=kind
            )
            for name, kind in (("PROV-JSON", "json"), ("PROV-XML", "xml"))
        ]
        for document in documents:
            again = prov.ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
            assert again == document
        sets = [{str(record.identifier) for record in document.get_records(prov.ProvElement)} for document in documents]
        assert sets[0] == sets[1]

    def test_depth_counts_relations(self, archive: Archive) -> None:
        did = did_of(archive, "100001")
        sizes = {}
        for depth in ("0", "1", "2", "3", "4", "ALL"):
            document = graph(archive, did, DEPTH=depth, CONFIGURATION="0")
            sizes[depth] = (len(document.get("entity", {})), len(document.get("activity", {})))
        assert sizes == {"0": (1, 0), "1": (1, 1), "2": (2, 1), "3": (2, 2), "4": (3, 2), "ALL": (5, 3)}

    def test_directions(self, archive: Archive) -> None:
        (raw,) = archive.query("SELECT id FROM provenance.entity WHERE name='ctao_sim_100001.dl0.fits.fz'")
        did = did_of(archive, "100001")
        assert did in ids(graph(archive, raw["id"], DIRECTION="FORWARD"), "entity")
        assert ids(graph(archive, raw["id"], CONFIGURATION="0"), "entity") == {raw["id"]}
        assert did in ids(graph(archive, raw["id"], DIRECTION="BOTH", CONFIGURATION="0"), "entity")
        (activity,) = ids(graph(archive, did, DEPTH="1"), "activity")
        assert did not in ids(graph(archive, activity), "entity")
        assert did in ids(graph(archive, activity, DIRECTION="FORWARD"), "entity")

    def test_switches(self, archive: Archive) -> None:
        did = did_of(archive, "100001")
        assert "agent" in graph(archive, did) and "agent" not in graph(archive, did, AGENTS="0")
        assert "parameter" in graph(archive, did) and "parameter" not in graph(archive, did, CONFIGURATION="0")
        assert "activityDescription" not in graph(archive, did)
        assert "activityDescription" in graph(archive, did, DESCRIPTIONS="1")
        assert "usageDescription" in graph(archive, did, DESCRIPTIONS="2")

    @pytest.mark.parametrize(
        ("parameters", "status"),
        [
            ({"ID": "ivo://nobody/knows"}, 404),
            ({"ID": "x", "DEPTH": "-1"}, 400),
            ({"ID": "x", "DEPTH": "many"}, 400),
            ({"ID": "x", "RESPONSEFORMAT": "turtle"}, 400),
            ({"ID": "x", "DIRECTION": "UP"}, 400),
            ({}, 400),
        ],
    )
    def test_errors(self, archive: Archive, parameters: dict[str, str], status: int) -> None:
        answer = archive.get("/provsap", params=parameters)
        assert answer.status_code == status
        (info,) = etree.fromstring(answer.content).findall(".//{*}INFO[@name='QUERY_STATUS']")
        assert info.get("value") == "ERROR" and len(info.text.split()) > 4 and "Field" not in info.text

    def test_parameters_nobody_knows_are_ignored(self, archive: Archive) -> None:
        did = did_of(archive, "100001")
        assert graph(archive, did, BOGUS="1").keys() == graph(archive, did).keys()

    def test_posted_requests(self, archive: Archive) -> None:
        answer = archive.session.post(f"{archive.url}/provsap", data={"ID": did_of(archive, "100001")}, timeout=60)
        assert answer.ok and "entity" in answer.json()

    @pytest.mark.parametrize("name", FORMATS)
    def test_identifiers_survive(self, archive: Archive, hostile: str, name: str) -> None:
        answer = sap(archive, hostile, RESPONSEFORMAT=name, MODEL="W3C")
        if name == "PROV-JSON":
            assert hostile in ids(answer.json(), "entity")
            # the names in the document lead to the same entity
            (local,) = [key for key, node in answer.json()["entity"].items() if node["voprov:id"] == hostile]
            assert hostile in ids(graph(archive, local.removeprefix("cta:")), "entity")
        elif name == "PROV-VOTABLE":
            votable = pytest.importorskip("astropy.io.votable")
            tables = {table.name: table for table in votable.parse(io.BytesIO(answer.content)).iter_tables()}
            assert hostile in set(map(str, tables["entity"].array["id"]))
        elif name in ("PROV-XML", "PROV-SVG"):
            texts = "".join(etree.fromstring(answer.content).itertext())
            assert ("∞" in texts) and (name == "PROV-SVG" or hostile in texts)
        elif name == "PROV-N":
            assert hostile.replace('"', '\\"') in answer.text

    def test_vosi(self, archive: Archive) -> None:
        for endpoint in ("capabilities", "availability"):
            answer = archive.get(f"/provsap/{endpoint}")
            assert answer.ok
            assert violations(etree.fromstring(answer.content), "dachs") == [], endpoint
        assert f"{archive.url}/provsap" in archive.get("/provsap/capabilities").text

    @pytest.mark.parametrize(("record", "has"), [("sap", "/provsap"), ("tables", "provenance.progenitors")])
    def test_registered(self, archive: Archive, record: str, has: str) -> None:
        wanted = {
            "verb": "GetRecord",
            "metadataPrefix": "ivo_vor",
            "identifier": f"ivo://cta.example/cta/prov/{record}",
        }
        answer = archive.get("/oai.xml", params=wanted)
        assert answer.ok and has in answer.text

    def test_proprietary_data_show_how_they_were_made_and_nothing_else(self, archive: Archive) -> None:
        protected = "owner IS NOT NULL AND embargo > now() ORDER BY accref LIMIT 1"
        (row,) = archive.sql(f"SELECT obs_publisher_did, accref FROM cta.dataset WHERE {protected}")
        did, accref = row
        document = graph(archive, did)
        assert ids(document, "activity")
        assert archive.get(f"/getproduct/{quote(accref)}").status_code in (401, 403)
        for name in FORMATS:
            answer = sap(archive, did, RESPONSEFORMAT=name)
            assert b"getproduct" not in answer.content and b"SIMPLE  =" not in answer.content
        before = sorted((archive.real / "dachs" / "state" / "provenance").glob("*"))
        archive.get("/cta/dl/soda/dlget", params={"ID": did, "CIRCLE": "83.6 22 0.5"})
        assert sorted((archive.real / "dachs" / "state" / "provenance").glob("*")) == before


def recorded_product(content: bytes) -> str:
    """Return the identifier that a cut-out's HISTORY says it has in the provenance."""
    cards = [content[start : start + 80].decode("latin-1") for start in range(0, len(content), 80)]
    history = "".join(card[8:].strip() for card in cards if card.startswith("HISTORY"))
    found = re.search(r"product:cutout-[0-9a-f-]{36}", history)
    assert found is not None
    return found.group()


class TestLinks:
    """From a dataset to its provenance, and back."""

    def test_provenance_progenitors_and_recipe(self, archive: Archive, tap: pyvo.dal.TAPService) -> None:
        links = links_of(tap, SAMPLE, "100001")
        named = {link["local_semantics"]: link["access_url"] for link in links if link["semantics"] == "#documentation"}
        assert archive.session.get(named["recipe"], timeout=60).text.startswith("#!/bin/sh")
        kinds = {link["content_type"] for link in links if link["local_semantics"] == "provenance"}
        assert kinds == {"image/svg+xml", "application/json"}
        (progenitor,) = [link for link in links if link["semantics"] == "#progenitor"]
        assert "ctao_sim_100001.dl2.h5" in progenitor["access_url"]
        assert archive.session.get(progenitor["access_url"], timeout=60).ok

    def test_a_product_of_a_dataset_is_linked_from_it(self, archive: Archive, tap: pyvo.dal.TAPService) -> None:
        one, two = did_of(archive, "100011"), did_of(archive, "100012")
        document = {
            "entity": {"a": {"voprov:id": one}, "b": {"voprov:id": two}},
            "wasDerivedFrom": {"_:1": {"voprov:generatedEntity": "b", "voprov:usedEntity": "a"}},
        }
        with open_folder() as folder:
            (folder / "d.prov.json").write_text(json.dumps(document))
            archive.ops("prov-import", "--file", folder / "d.prov.json").check()
        links = [link for link in links_of(tap, SAMPLE, "100011") if link["semantics"] == "#derivation"]
        assert [quote(two, safe="") in link["access_url"] for link in links] == [True]
        assert any(
            link["semantics"] == "#progenitor" and quote(one, safe="") in link["access_url"]
            for link in links_of(tap, SAMPLE, "100012")
        )

    def test_a_recipe_has_the_configuration(self, archive: Archive) -> None:
        text = archive.get("/cta/prov/recipe/dlget", params={"ID": did_of(archive, "100001")}).text
        assert "ctapipe-create-dl3 --input ctao_sim_100001.dl2.h5" in text
        config = json.loads(text.partition("<<'END_OF_CONFIGURATION'\n")[2].partition("END_OF_CONFIGURATION")[0])
        assert config["DL3Tool"]["EventSelection"]["cuts"] == "standard"

    def test_recipes_of_nothing(self, archive: Archive) -> None:
        assert archive.get("/cta/prov/recipe/dlget", params={"ID": "nope"}).status_code == 404
        assert archive.get("/cta/prov/recipe/dlget").status_code == 400

    def test_a_cut_out_records_its_own_step(self, archive: Archive) -> None:
        did = did_of(archive, "100001")
        answer = archive.get("/cta/dl/soda/dlget", params={"ID": did, "CIRCLE": "83.6 22.0 0.7"})
        assert answer.ok
        product = recorded_product(answer.content)
        archive.dachs("imp", "cta/prov", "import")
        document = graph(archive, product)
        assert did in ids(document, "entity")
        values = {node["voprov:name"]: node["voprov:value"] for node in document["parameter"].values()}
        assert values["CIRCLE"] == "83.6 22 0.7"
        recipe = archive.get("/cta/prov/recipe/dlget", params={"ID": product}).text
        again = re.search(r"'(http[^']+)'", recipe.splitlines()[-1])
        assert again is not None and archive.session.get(again.group(1), timeout=60).ok

    def test_the_server_imports_cut_outs_by_itself(self, archive: Archive) -> None:
        answer = archive.get("/cta/dl/soda/dlget", params={"ID": did_of(archive, "100002"), "CIRCLE": "83.6 21.5 0.6"})
        where = f"id='{recorded_product(answer.content)}'"
        assert wait_for(lambda: archive.count("provenance.entity", where) == 1, 90, every=1)

    def test_answers_tell_their_origin(self, archive: Archive) -> None:
        did = did_of(archive, "100001")
        wanted = {"publisher", "server_software", "request_date", "contact"}
        answers = {
            "links": archive.get("/cta/dl/links/dlmeta", params={"ID": did}).content,
            "soda": archive.get(
                "/cta/dl/soda/dlget", params={"ID": did, "ENERGY": "1 5", "RESPONSEFORMAT": "application/x-votable+xml"}
            ).content,
            "tap": archive.query_votable("SELECT TOP 1 * FROM provenance.last_step").encode(),
        }
        for name, content in answers.items():
            infos = {info.get("name") for info in etree.fromstring(content).iter("{*}INFO")}
            assert wanted <= infos, name
            assert "rights" in infos, name
            if name != "tap":
                assert {"service_protocol", "service_ivoid", "request", "creator"} <= infos


def test_a_pipeline_of_ones_own(archive: Archive) -> None:
    """The recorder, copied beside a script, needs nothing; what it writes is imported."""
    name = f"spectrum-{uuid.uuid4()}.fits"
    with open_folder() as folder:
        shutil.copy(CHECKOUT / "prov_tables" / "recorder.py", folder / "recorder.py")
        script = (
            "from recorder import recorded_step\n"
            "with recorded_step('my-spectrum', log='run.provenance.log', software=('gammapy', '2.1'),"
            " config={'e_min': 0.5}) as step:\n"
            f"    step.used({did_of(archive, '100001')!r}, role='DL3/Event')\n"
            f"    open('{name}', 'w').write('x')\n"
            f"    step.made('{name}', role='DL5/Spectrum')\n"
        )
        subprocess.run(
            ["/usr/bin/python3", "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.')\n{script}"],
            cwd=folder,
            check=True,
        )
        archive.ops("prov-import", "--file", Path(folder) / "run.provenance.log").check()
    (row,) = archive.query(f"SELECT id FROM provenance.entity WHERE name='{name}'")
    assert did_of(archive, "100001") in ids(graph(archive, row["id"]), "entity")
