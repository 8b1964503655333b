"""The data model in a running archive: tables as the model says, keys that agree, rows from headers and metadata."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from model import Table, load_model, make_tables
from model.binding import load_binding
from model.descriptor import descriptor
from model.diagram import diagram
from model.reader import MODEL_FILE
from tests.live.archive import SAMPLE, Archive, make_readable, make_sample, open_folder

KINDS = {"text": "char", "integer": "int", "smallint": "short", "double precision": "double", "timestamp": "char"}


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return {table.name: table for table in make_tables(load_model(), load_binding())}


class TestTables:
    """Round trip: model file, RD, database, TAP_SCHEMA."""

    def test_columns(self, archive: Archive, tables: dict[str, Table]) -> None:
        found: dict[str, dict[str, dict[str, str]]] = {}
        for row in archive.query("SELECT * FROM tap_schema.columns WHERE table_name LIKE 'cta.%'", MAXREC="10000"):
            found.setdefault(row["table_name"].removeprefix("cta."), {})[row["column_name"]] = row
        for name, table in tables.items():
            assert set(found[name]) == set(table.column_names)
            for column in table.columns:
                row = found[name][column.name]
                assert (row["unit"], row["ucd"], row["utype"]) == (column.unit, column.ucd, column.utype)
                assert row["datatype"].replace("unicodeChar", "char") == KINDS[column.sql_type]
                assert " ".join(row["description"].split()) == column.description

    def test_the_database_has_them(self, archive: Archive, tables: dict[str, Table]) -> None:
        rows = archive.sql(
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema='cta'"
        )
        found = {(table, column): (kind, nullable) for table, column, kind, nullable in rows}
        for name, table in tables.items():
            for column in table.columns:
                kind, nullable = found[name, column.name]
                assert kind.removesuffix(" without time zone") == column.sql_type
                assert (nullable == "NO") == column.required

    def test_foreign_keys_agree(self, archive: Archive, tables: dict[str, Table]) -> None:
        """Those of the model, of the database, of TAP_SCHEMA and of /tap/tables are the same."""
        wanted = {
            (f"cta.{name}", key.column, f"cta.{key.table}", key.dest)
            for name, table in tables.items()
            for key in table.foreign_keys
        }
        in_database = {
            tuple(row)
            for row in archive.sql(
                "SELECT c.conrelid::regclass, a.attname, c.confrelid::regclass, b.attname FROM pg_constraint AS c"
                " JOIN pg_attribute AS a ON a.attrelid=c.conrelid AND a.attnum=c.conkey[1]"
                " JOIN pg_attribute AS b ON b.attrelid=c.confrelid AND b.attnum=c.confkey[1]"
                " WHERE contype='f' AND connamespace='cta'::regnamespace"
            )
        }
        in_schema = {
            (row["from_table"], row["from_column"], row["target_table"], row["target_column"])
            for row in archive.query(
                "SELECT from_table, from_column, target_table, target_column FROM tap_schema.keys"
                " NATURAL JOIN tap_schema.key_columns WHERE from_table LIKE 'cta.%'"
            )
        }
        document = etree.fromstring(archive.get("/tap/tables").content)
        in_document = {
            (table.findtext("name"), key.findtext("fkColumn/fromColumn"), key.findtext("targetTable"), target)
            for table in document.iter("table")
            for key in table.findall("foreignKey")
            for target in [key.findtext("fkColumn/targetColumn")]
            if (table.findtext("name") or "").startswith("cta.")
        }
        assert wanted <= in_database
        assert in_database == in_schema == in_document

    def test_tables_made_elsewhere_have_the_attributes(self, archive: Archive) -> None:
        model = load_model()
        present = {
            (table, column)
            for table, column in archive.sql(
                "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns"
            )
        }
        tables = {table for table, _ in present}
        # Parts of the archive that a site may do without.
        for name, entry in load_binding().existing.items():
            if entry.table not in tables:
                assert entry.table == "cta.event", entry.table
                continue
            known = {attribute.name for attribute in model.classes[name].attributes}
            assert set(entry.columns) <= known
            assert set(entry.columns) == known, f"{name}: the binding has other attributes than the model"
            for column in (entry.key, *entry.columns.values()):
                assert (entry.table, column) in present, (entry.table, column)

    def test_an_edit_shows_in_tap_schema_and_diagram(self, workshop: Archive, tmp_path: Path) -> None:
        text = MODEL_FILE.read_text()
        old = "<vodml-id>Camera.pixel_size</vodml-id><name>pixel_size</name>\n      <description>[mm;"
        assert text.count(old) == 1
        copy = tmp_path / "copy.vo-dml.xml"
        copy.write_text(text.replace(old, old.replace("pixel_size", "pixel_pitch").replace("[mm;", "[cm;")))
        model, binding = load_model(copy), load_binding()
        place = workshop.real / "dachs" / "inputs" / "edited"
        place.mkdir(exist_ok=True)
        stream = descriptor(model, make_tables(model, binding))
        (place / "tables.rd").write_text(stream.replace('schema="cta"', 'schema="edited"'))
        (place / "q.rd").write_text(
            '<resource schema="edited"><meta name="title">Edited</meta><meta name="description">A copy</meta>'
            '<meta name="creationDate">2026-11-20T00:00:00Z</meta><meta name="subject">x</meta>'
            '<FEED source="edited/tables#tables"/>'
            '<data id="import"><sources item="none"/><nullGrammar/><FEED source="edited/tables#makes"/></data>'
            "</resource>"
        )
        make_readable(place)
        try:
            done = workshop.dachs("imp", "edited/q")
            assert done.status == 0, done.output
            rows = workshop.query("SELECT column_name, unit FROM tap_schema.columns WHERE table_name='edited.camera'")
            units = {row["column_name"]: row["unit"] for row in rows}
            assert units["pixel_pitch"] == "cm" and "pixel_size" not in units
            assert "pixel_pitch [cm]" in diagram(model, binding) and "pixel_size" not in diagram(model, binding)
        finally:
            workshop.dachs("drop", "edited/q")
            shutil.rmtree(place)
        assert not workshop.query("SELECT table_name FROM tap_schema.tables WHERE schema_name='edited'")


class TestSample:
    """The sample archive, with everything filled."""

    def rows(self, archive: Archive, where: str = "1=1", columns: str = "*") -> list[dict[str, str]]:
        return archive.query(
            f"SELECT {columns} FROM cta.observation_summary"
            f" WHERE collection='{SAMPLE}' AND dataproduct_type='event' AND {where}"
        )

    def test_one_row_a_run(self, archive: Archive) -> None:
        found = self.rows(archive)
        assert len(found) == 24 == len({row["obs_publisher_did"] for row in found})

    def test_every_table_has_rows(self, archive: Archive, tables: dict[str, Table]) -> None:
        empty = {name for name in tables if not archive.count(f"cta.{name}", f"collection='{SAMPLE}'")}
        assert empty <= {"analysis", "dataset_analysis"}

    def test_large_sized_telescopes(self, archive: Archive) -> None:
        found = self.rows(archive, "n_lst > 0")
        assert {row["site_array"] for row in found} == {"CTAO-N"}
        assert {(row["sub_array"], row["n_lst"], row["n_mst"], row["n_sst"], row["n_tels"]) for row in found} == {
            ("N-Alpha", "4", "9", "0", "13")
        }
        assert len(found) == 12

    def test_divergent(self, archive: Archive) -> None:
        (found,) = self.rows(archive, "pointing_mode='divergent'")
        assert (found["obs_id"], found["convergence_depth"]) == ("100004", "-10000.0")
        others = self.rows(archive, "target_name='Mrk 421' AND pointing_mode<>'divergent'")
        assert {row["obs_id"] for row in others} == {"100003", "100015", "100016"}

    def test_proposals(self, archive: Archive) -> None:
        found = self.rows(archive, "pi_name='G. Örnek'")
        assert {row["obs_id"]: row["proposal_id"] for row in found} == {
            "100007": "SIM-2024-GO-001",
            "100010": "SIM-2024-GO-002",
        }
        assert {(row["project"], row["owner"], row["ownership_end"][:10]) for row in found} == {
            ("SIM-GO", "demo-pi", "2035-01-01")
        }

    def test_it_joins_obscore(self, archive: Archive) -> None:
        found = archive.query(
            "SELECT s.obs_id AS mine, o.obs_id AS theirs, s.start_time, o.t_min, s.target_name, o.target_name AS name"
            " FROM cta.observation_summary AS s JOIN ivoa.obscore AS o ON o.obs_publisher_did=s.obs_publisher_did"
            " WHERE o.dataproduct_type='event'"
        )
        assert len(found) > 100
        for row in found:
            assert row["mine"] == row["theirs"]
            assert row["start_time"] == row["t_min"]
            assert row["target_name"] == row["name"]

    def test_products_belong_to_the_runs_they_were_made_from(self, archive: Archive) -> None:
        found = archive.query(
            "SELECT s.obs_id, s.target_name FROM cta.observation_summary AS s JOIN cta.dataset AS d"
            " ON d.obs_publisher_did=s.obs_publisher_did"
            f" WHERE s.collection='{SAMPLE}' AND d.obs_id='crab_counts_cube'"
        )
        assert {(row["obs_id"], row["target_name"]) for row in found} == {
            ("100001", "Crab Nebula"),
            ("100002", "Crab Nebula"),
        }

    def test_calibration_runs(self, archive: Archive) -> None:
        found = archive.query("SELECT identifier, calibration_type FROM cta.run NATURAL JOIN cta.calibration_run")
        assert {(row["identifier"], row["calibration_type"]) for row in found} == {
            ("990001", "flat field"),
            ("990002", "pedestal"),
        }

    def test_the_metadata_files_are_no_documents(self, archive: Archive) -> None:
        noted = archive.problems(SAMPLE)
        for name in ("arrays", "proposals", "schedule"):
            ((severity, sentence),) = noted[f"observatory/{name}.obsmeta.json"]
            assert severity == "info" and "read as observation metadata" in sentence
        assert archive.get(f"/getproduct/cta/data/{SAMPLE}/observatory/schedule.obsmeta.json").status_code == 404
        assert archive.summary(SAMPLE)["metadata_files"] == 3


class TestHeadersOnly:
    """Collections without metadata files have what their headers say."""

    def test_every_event_list_has_its_run(self, archive: Archive) -> None:
        assert archive.count("cta.obs_index") == archive.count(
            "cta.dataset_run", "obs_publisher_did IN (SELECT obs_publisher_did FROM cta.obs_index)"
        )

    def test_times_and_telescopes(self, archive: Archive) -> None:
        if not archive.count("cta.collection", "name='hess-dl3-dr1'"):
            pytest.skip("no real data")
        (row,) = archive.query(
            "SELECT * FROM cta.observation_summary WHERE collection='hess-dl3-dr1' AND obs_id='20136'"
        )
        assert (row["n_tels"], row["tellist"], row["n_lst"]) == ("4", "1,2,3,4", "")
        assert row["execution_status"] == "" and row["observation"] == "20136"
        assert archive.count("cta.telescope", "collection='hess-dl3-dr1'") == 4
        joined = "cta.run AS r JOIN cta.dataset AS d ON d.obs_id=r.identifier AND d.obs_collection=r.collection"
        n_runs = archive.count("cta.obs_index", "obs_collection='hess-dl3-dr1'")
        assert archive.count(joined, "r.collection='hess-dl3-dr1'") == n_runs > 0
        assert archive.count(joined, "r.collection='hess-dl3-dr1' AND r.live_time IS DISTINCT FROM d.livetime") == 0


@pytest.fixture(scope="module")
def small(workshop: Archive) -> Iterator[Path]:
    """A sample archive of four runs, imported into the workshop as `small`."""
    with open_folder("cta-model-") as folder:
        made = make_sample(folder / "sample", "--runs", "4")
        workshop.import_folder(made, "small").check()
        yield made
    workshop.withdraw("small")


def edit(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def versions(archive: Archive, collection: str) -> dict[str, str]:
    """Return which transaction wrote the rows of each table last."""
    names = [table.name for table in make_tables(load_model(), load_binding())]
    statements = [
        f"SELECT '{name}', max(xmin::text::bigint) FROM cta.{name} WHERE collection='{collection}'" for name in names
    ]
    return {row[0]: row[1] for row in archive.sql(" UNION ALL ".join(statements))}


class TestChanges:
    """Imports follow what changes, and nothing else."""

    def test_nothing_changed(self, workshop: Archive, small: Path) -> None:
        before, noted = versions(workshop, "small"), workshop.problems("small")
        workshop.import_folder(small, "small").check()
        assert versions(workshop, "small") == before
        assert workshop.problems("small") == noted

    def test_other_collections_are_not_touched(self, workshop: Archive, small: Path, folder: Path) -> None:
        before = versions(workshop, "small")
        other = make_sample(folder / "other", "--runs", "1")
        workshop.import_folder(other, "other").check()
        try:
            assert versions(workshop, "small") == before
            assert workshop.count("cta.run", "identifier='100001'") == 2
        finally:
            workshop.withdraw("other")
        assert (
            workshop.count("cta.run", "collection='other'") == workshop.count("ivoa.obsplan", "collection='other'") == 0
        )
        assert versions(workshop, "small") == before

    def test_a_change_writes_only_what_differs(self, workshop: Archive, small: Path) -> None:
        path = small / "observatory" / "proposals.obsmeta.json"
        before, text = versions(workshop, "small"), path.read_text()
        edit(path, lambda content: content["observing_proposal"][0].update(pi_name="Z. New"))
        try:
            workshop.import_folder(small, "small").check()
            after = versions(workshop, "small")
            assert {name for name in after if after[name] != before[name]} == {"observing_proposal"}
            assert workshop.count("cta.observation_summary", "pi_name='Z. New' AND dataproduct_type='event'") == 2
        finally:
            path.write_text(text)
            workshop.import_folder(small, "small").check()

    def test_bad_input(self, workshop: Archive, small: Path) -> None:
        """Unknown names, overlapping runs and reversed times: a sentence each, the rest is imported."""
        path = small / "observatory" / "schedule.obsmeta.json"
        text = path.read_text()

        def change(content: dict[str, Any]) -> None:
            plan = {entry["identifier"]: entry for entry in content["observation"]}
            plan["SB-900001"]["target"] = "Nowhere"
            plan["SB-900002"]["sub_array"] = ["CTAO-S/S-Nothing"]
            plan["SB-900003"].update(start_time=61005.5, end_time=61005.25)
            content["calibration_run"][1]["start_time"] = content["calibration_run"][0]["start_time"]

        edit(path, change)
        arrays = small / "observatory" / "arrays.obsmeta.json"
        arrays_text = arrays.read_text()
        edit(
            arrays,
            lambda content: content["observatory"][0]["site_array"][0]["sub_array"][1].update(
                telescope=["CTAO-N/LST-9"]
            ),
        )
        try:
            done = workshop.import_folder(small, "small")
            assert done.status == 1 and "Traceback" not in done.output
            said = " ".join(sentence for rows in workshop.problems("small").values() for _, sentence in rows)
            for pattern in (
                r"observation 'SB-900001' is left out: there is no target 'Nowhere'\.",
                r"observation 'SB-900002' is left out: there is no sub array 'CTAO-S/S-Nothing'\.",
                r"observation 'SB-900003' is left out: its end is not after its start\.",
                r"calibration run '990002' is left out: it overlaps run '990001'",
                r"sub array 'CTAO-N/N-LST' is left out: there is no telescope 'CTAO-N/LST-9'",
            ):
                assert re.search(pattern, said), (pattern, said)
            assert workshop.count("cta.observation_summary", "collection='small' AND dataproduct_type='event'") == 4
            assert {row[0] for row in workshop.sql("SELECT obs_id FROM ivoa.obsplan WHERE obs_id LIKE 'SB-9%'")} == {
                "SB-900004",
                "SB-900005",
            }
        finally:
            path.write_text(text)
            arrays.write_text(arrays_text)
            workshop.import_folder(small, "small").check()

    def test_an_unreadable_file_takes_nothing_away(self, workshop: Archive, small: Path) -> None:
        path = small / "observatory" / "arrays.obsmeta.json"
        text = path.read_text()
        before = workshop.sql("SELECT * FROM cta.telescope ORDER BY telescope_id")
        path.write_text(text[:-20])
        try:
            done = workshop.import_folder(small, "small")
            assert done.status == 1
            (told,) = workshop.problems("small")["observatory/arrays.obsmeta.json"][:1]
            assert told[0] == "error" and "not JSON" in told[1] and "still holds" in told[1]
            assert workshop.sql("SELECT * FROM cta.telescope ORDER BY telescope_id") == before
        finally:
            path.write_text(text)
            workshop.import_folder(small, "small").check()

    def test_without_its_files_headers_remain(self, workshop: Archive, small: Path, folder: Path) -> None:
        kept = folder / "kept"
        shutil.move(small / "observatory", kept)
        try:
            workshop.import_folder(small, "small").check()
            assert workshop.count("cta.observation_summary", "collection='small' AND observation<>obs_id") == 0
            assert workshop.count("ivoa.obsplan", "collection='small'") == 0
        finally:
            shutil.move(kept, small / "observatory")
            make_readable(small)
            workshop.import_folder(small, "small").check()
        assert workshop.count("ivoa.obsplan", "collection='small'") > 4

    def test_a_folder_of_plans_alone(self, workshop: Archive, small: Path, folder: Path) -> None:
        shutil.copytree(small / "observatory", folder / "plans")
        make_readable(folder)
        workshop.import_folder(folder / "plans", "plans").check()
        try:
            assert workshop.count("ivoa.obsplan", "collection='plans'") == workshop.count(
                "ivoa.obsplan", "collection='small'"
            )
            assert workshop.count("ivoa.obsplan", "collection='plans' AND n_datasets IS NOT NULL") == 0
            assert workshop.get("/oai.xml?verb=ListRecords&metadataPrefix=ivo_vor").status_code == 200
        finally:
            workshop.withdraw("plans")

    def test_an_older_instance_gets_the_tables(self, workshop: Archive, small: Path) -> None:
        """One that has data, but not these tables: the next command makes and fills them."""
        before = workshop.sql("SELECT * FROM cta.observation_summary ORDER BY obs_publisher_did, run_id")
        plans = workshop.sql("SELECT * FROM ivoa.obsplan ORDER BY observation_id")
        for rd in ("cta/obsplan", "cta/model"):
            assert workshop.dachs("drop", rd).status == 0
        assert workshop.sql("SELECT to_regclass('cta.run'), to_regclass('ivoa.obsplan')") == [["", ""]]
        memory = workshop.memory
        for rd in ("cta/obsplan", "cta/model"):
            memory["imported"].pop(rd)
        (workshop.real / "instance.json").write_text(json.dumps(memory))
        workshop.up().check()
        assert workshop.sql("SELECT * FROM cta.observation_summary ORDER BY obs_publisher_did, run_id") == before
        assert workshop.sql("SELECT * FROM ivoa.obsplan ORDER BY observation_id") == plans
        noted = workshop.problems("small")
        workshop.import_folder(small, "small").check()
        assert workshop.problems("small") == noted

    def test_making_the_tables_anew_changes_nothing(self, workshop: Archive, small: Path) -> None:
        queries = (
            "SELECT * FROM cta.observation_summary ORDER BY obs_publisher_did, run_id",
            "SELECT * FROM ivoa.obsplan ORDER BY observation_id",
            "SELECT * FROM cta.sub_array_telescope ORDER BY 1, 3",
        )
        before = [workshop.sql(query) for query in queries]
        for rd in ("cta/model", "cta/obsplan"):
            done = workshop.dachs("imp", rd)
            assert done.status == 0, done.output
        assert [workshop.sql(query) for query in queries] == before
