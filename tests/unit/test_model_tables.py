"""From the model to tables, RD, diagram and reference: the mapping's rules, and that one edit changes everything."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest

from model import Table, load_model, make_tables
from model.__main__ import products
from model.binding import BINDING_FILE, load_binding
from model.reader import MODEL_FILE, ModelError

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    return {table.name: table for table in make_tables(load_model(), load_binding())}


def keys(table: Table) -> set[tuple[str, str, str]]:
    return {(key.column, key.table, key.dest) for key in table.foreign_keys}


def test_a_class_is_a_table(tables: dict[str, Table]) -> None:
    camera = tables["camera"]
    assert camera.primary == ("camera_id",)
    assert camera.column_names[:3] == ("camera_id", "collection", "name")
    (pixels,) = [column for column in camera.columns if column.name == "n_pixels"]
    assert (pixels.sql_type, pixels.ucd, pixels.utype) == ("integer", "meta.number;instr.pixel", "cta:Camera.n_pixels")


def test_a_subclass_shares_the_key_of_its_parent(tables: dict[str, Table]) -> None:
    run, science = tables["run"], tables["science_run"]
    assert run.primary == science.primary == ("run_id",)
    assert ("run_id", "run", "run_id") in keys(science)
    assert "start_time" in run.column_names and "start_time" not in science.column_names


def test_a_part_refers_to_its_owner(tables: dict[str, Table]) -> None:
    telescope = tables["telescope"]
    assert ("site_array_id", "site_array", "site_array_id") in keys(telescope)
    (column,) = [column for column in telescope.columns if column.name == "site_array_id"]
    assert column.required


def test_a_reference_is_a_column(tables: dict[str, Table]) -> None:
    assert ("configuration_id", "observing_configuration", "observing_configuration_id") in keys(tables["observation"])
    (column,) = [column for column in tables["observation"].columns if column.name == "configuration_id"]
    assert not column.required


def test_a_reference_to_many_is_a_table(tables: dict[str, Table]) -> None:
    link = tables["sub_array_telescope"]
    assert link.primary == ("sub_array_id", "telescope_id")
    assert keys(link) == {
        ("sub_array_id", "sub_array", "sub_array_id"),
        ("telescope_id", "telescope", "telescope_id"),
    }


def test_links_to_tables_made_elsewhere(tables: dict[str, Table]) -> None:
    """Imports delete and insert rows of cta.dataset: no foreign key leads there."""
    link = tables["dataset_run"]
    assert link.primary == ("obs_publisher_did", "run_id")
    assert keys(link) == {("run_id", "run", "run_id")}
    assert "dataset" not in tables and "event" not in tables


def test_structured_attributes_are_flat(tables: dict[str, Table]) -> None:
    assert {"position_x", "position_y"} <= set(tables["telescope"].column_names)
    assert not [column for column in tables["telescope"].columns if column.name == "position_x"][0].required


def test_foreign_keys_lead_to_earlier_tables_and_are_indexed(tables: dict[str, Table]) -> None:
    seen: set[str] = set()
    for table in tables.values():
        for column, target, dest in keys(table):
            assert target in seen and tables[target].primary == (dest,)
            assert column in table.column_names
            assert column in table.indexes or column == table.primary[0]
        seen.add(table.name)


def test_every_class_has_its_place(tables: dict[str, Table]) -> None:
    binding = load_binding()
    for name in load_model().classes:
        assert name in binding.existing or any(table.class_name == name for table in tables.values())


def edited(tmp_path: Path, old: str, new: str) -> Path:
    text = MODEL_FILE.read_text()
    assert text.count(old) == 1, old
    path = tmp_path / "copy.vo-dml.xml"
    path.write_text(text.replace(old, new))
    return path


def test_one_edit_changes_everything(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        "<vodml-id>Camera.pixel_size</vodml-id><name>pixel_size</name>\n      <description>[mm;",
        "<vodml-id>Camera.pixel_width</vodml-id><name>pixel_width</name>\n      <description>[cm;",
    )
    before, after = products(), products(path)
    for name in before:
        assert "pixel_size" in before[name] and "pixel_width" not in before[name]
        assert "pixel_width" in after[name] and "pixel_size" not in after[name]
        assert before[name] != after[name]
    column = ET.fromstring(after["rd/cta_model.rd"]).find(".//column[@name='pixel_width']")
    assert column is not None and column.get("unit") == "cm" and column.get("utype") == "cta:Camera.pixel_width"
    assert "pixel_width [cm]" in after["docs/cta-model.svg"]


def test_the_command_tells_what_is_old(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "model", "--out", str(tmp_path), *words]
        return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)

    assert run("--check").returncode == 1
    assert run().returncode == 0
    assert run("--check").returncode == 0
    (tmp_path / "rd" / "cta_model.rd").write_text("edited by hand")
    done = run("--check")
    assert done.returncode == 1 and "rd/cta_model.rd" in done.stdout
    bad = run("--model", str(tmp_path / "none.xml"))
    assert bad.returncode == 1 and bad.stderr.startswith("error: ") and "Traceback" not in bad.stderr


def test_circles_are_refused(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        "<vodml-id>Camera.trigger_unit</vodml-id><name>trigger_unit</name>\n"
        "      <description>Units of its trigger</description>\n"
        "      <datatype><vodml-ref>cta:TriggerUnit</vodml-ref></datatype>\n"
        "      <multiplicity><minOccurs>0</minOccurs><maxOccurs>-1</maxOccurs></multiplicity>\n"
        "    </composition>",
        "<vodml-id>Camera.trigger_unit</vodml-id><name>trigger_unit</name>\n"
        "      <datatype><vodml-ref>cta:TriggerUnit</vodml-ref></datatype>\n"
        "      <multiplicity><minOccurs>0</minOccurs><maxOccurs>-1</maxOccurs></multiplicity>\n"
        "    </composition><reference><vodml-id>Camera.owner</vodml-id><name>owner</name>"
        "<datatype><vodml-ref>cta:Telescope</vodml-ref></datatype>"
        "<multiplicity><minOccurs>0</minOccurs><maxOccurs>1</maxOccurs></multiplicity></reference>",
    )
    with pytest.raises(ModelError, match="circle"):
        make_tables(load_model(path), load_binding())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"SiteArray"]', '"Nothing"]'),
        ("[existing.Event]", "[existing.Nothing]"),
        ("\nrun = [", "\nnothing = ["),
        ("[index]", "[[["),
        ("[diagram]", "[other]"),
    ],
)
def test_broken_bindings_are_refused(tmp_path: Path, old: str, new: str) -> None:
    text = BINDING_FILE.read_text()
    assert old in text
    path = tmp_path / "binding.toml"
    path.write_text(
        text.replace(old, new).replace("existing.Event.", "existing.Nothing.")
        if "Event" in old
        else text.replace(old, new, 1)
    )
    with pytest.raises(ModelError):
        make_tables(load_model(), load_binding(path))


class TestDescriptor:
    """The RD that is generated."""

    def test_it_says_what_the_tables_say(self, tables: dict[str, Table]) -> None:
        root = ET.fromstring(products()["rd/cta_model.rd"])
        (stream,) = root.findall("STREAM[@id='tables']")
        found = {table.get("id"): table for table in stream.findall("table")}
        assert list(found) == list(tables)
        for name, table in tables.items():
            element = found[name]
            assert tuple(column.get("name") for column in element.findall("column")) == table.column_names
            assert {
                (key.get("source"), key.get("inTable"), key.get("dest")) for key in element.findall("foreignKey")
            } == keys(table)
            assert all(column.get("description") and column.get("ucd") for column in element.findall("column"))
        makes = root.findall("STREAM[@id='makes']/make")
        assert [make.get("table") for make in makes] == list(tables)


class TestDiagram:
    """The drawing."""

    def test_every_class_and_attribute_is_there(self) -> None:
        svg = products()["docs/cta-model.svg"]
        root = ET.fromstring(svg)
        names = {group.get("id") for group in root.iter("{http://www.w3.org/2000/svg}g")}
        model = load_model()
        assert names == set(model.classes)
        for item in model.classes.values():
            for attribute in item.attributes:
                assert f">{attribute.name}" in svg
            for role in (*item.compositions, *item.references):
                assert f"{item.name} {role.name} " in svg

    def test_boxes_do_not_overlap_and_stay_inside(self) -> None:
        root = ET.fromstring(products()["docs/cta-model.svg"])
        width, height = float(root.get("width", "0")), float(root.get("height", "0"))
        boxes = [
            [float(box.get(name, "0")) for name in ("x", "y", "width", "height")]
            for box in root.iter("{http://www.w3.org/2000/svg}rect")
            if box.get("class") == "box"
        ]
        assert len(boxes) == len(load_model().classes)
        for x, y, w, h in boxes:
            assert x >= 0 and x + w <= width and y >= 0 and y + h <= height
        for (x1, y1, w1, h1), (x2, y2, w2, h2) in combinations(boxes, 2):
            assert x1 + w1 < x2 or x2 + w2 < x1 or y1 + h1 < y2 or y2 + h2 < y1

    def test_lines_cross_no_box(self) -> None:
        """Lines run in the gaps: no corner of one, nor the middle of a piece, lies within a box."""
        root = ET.fromstring(products()["docs/cta-model.svg"])
        boxes = [
            [float(box.get(name, "0")) for name in ("x", "y", "width", "height")]
            for box in root.iter("{http://www.w3.org/2000/svg}rect")
            if box.get("class") == "box"
        ]
        for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
            points = [tuple(map(float, point.split(","))) for point in (line.get("points") or "").split()]
            for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False):
                for part in range(1, 20):
                    x, y = x1 + (x2 - x1) * part / 20, y1 + (y2 - y1) * part / 20
                    inside = [box for box in boxes if box[0] < x < box[0] + box[2] and box[1] < y < box[1] + box[3]]
                    assert not inside, (line.find("{http://www.w3.org/2000/svg}title").text, x, y)  # type: ignore[union-attr]
