"""The model file: valid VO-DML, with units and UCDs, and everything generated from it is current."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import astropy.units as u
import pytest
from astropy.io.votable.ucd import parse_ucd
from lxml import etree

from model.__main__ import products
from model.binding import load_binding
from model.reader import MODEL_FILE, ModelError, load_model
from model.tables import make_tables, snake_case

CHECKOUT = Path(__file__).resolve().parents[2]
FIXTURES = CHECKOUT.parent / "shared" / "standards" / "fixtures"
DACHS_SCHEMA = Path("/usr/lib/python3/dist-packages/gavo/resources/schemata/vo-dml.xsd")
SCHEMAS = {
    "dachs": DACHS_SCHEMA,
    "1.0": FIXTURES / "ivoa" / "vo-dml-v1.0.xsd",
    "1.1": FIXTURES / "ivoa" / "vo-dml-v1.1-WD.xsd",
}
CLASSES = (
    "Observatory SiteArray SubArray Telescope Camera TriggerUnit AuxiliaryInstrument ArrayConfiguration "
    "Atmosphere Target ScientificProject ObservingProposal ObservingConfiguration "
    "ConvergenceConfiguration Observation Run ScienceRun CalibrationRun Event Reconstruction Analysis "
    "InstrumentalResponse Dataset"
).split()


@pytest.mark.parametrize("version", SCHEMAS)
def test_valid(version: str) -> None:
    path = SCHEMAS[version]
    if not path.exists():
        pytest.skip(f"{path} is not here")
    schema = etree.XMLSchema(etree.parse(str(path)))
    assert schema.validate(etree.parse(str(MODEL_FILE))), schema.error_log


def test_rules_beyond_the_schema() -> None:
    path = FIXTURES / "own" / "check_vodml.py"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    findings = _module(path).check(MODEL_FILE)
    assert [text for severity, text in findings if severity == "error"] == []
    assert [text for severity, text in findings if "association table" not in text] == []


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_has_the_classes_of_the_requirements() -> None:
    model = load_model()
    assert sorted(model.classes) == sorted(CLASSES)
    assert model.lineage("ScienceRun")[0].name == model.lineage("CalibrationRun")[0].name == "Run"
    assert model.classes["ConvergenceConfiguration"].extends == "ObservingConfiguration"
    assert model.classes["Run"].abstract
    assert model.enumerations["DataLevel"] == ("DL0", "DL1", "DL2", "DL3", "DL4", "DL5")
    assert model.enumerations["TelescopeClass"] == ("LST", "MST", "SST")


def attributes() -> list[tuple[str, str, str, str]]:
    model = load_model()
    owners = [(item.name, item.attributes) for item in model.classes.values()] + list(model.data_types.items())
    return [
        (f"{owner}.{attribute.name}", attribute.unit, attribute.ucd, attribute.datatype)
        for owner, found in owners
        for attribute in found
        if attribute.datatype not in model.data_types
    ]


@pytest.mark.parametrize(("name", "unit", "ucd", "datatype"), attributes(), ids=[row[0] for row in attributes()])
def test_attributes_have_units_and_ucds(name: str, unit: str, ucd: str, datatype: str) -> None:
    parse_ucd(ucd, check_controlled_vocabulary=True)
    assert ucd
    u.Unit(unit, format="vounit")
    if datatype == "MJD":
        assert unit == "d"


def test_real_attributes_without_unit_are_pure_numbers() -> None:
    pure = {name for name, unit, _, datatype in attributes() if datatype == "ivoa:real" and not unit}
    assert pure == {
        "Atmosphere.aerosol_optical_depth",
        "ScienceRun.muon_efficiency",
        "ScienceRun.nsb_level",
        "Telescope.f_number",
        "TriggerUnit.threshold",
    }


def test_what_is_generated_is_current() -> None:
    old = [path for path, text in products().items() if (CHECKOUT / path).read_text(encoding="utf-8") != text]
    assert old == [], "run `make model`"


def test_names_are_no_words_of_adql() -> None:
    """Users must not need quotes."""
    reserved = set(
        "ABS ALL AND AS ASC AVG BETWEEN BY CAST CHECK COLUMN CONSTRAINT COUNT CURRENT DATE DAY DESC DISTINCT "
        "DISTANCE END EXISTS FROM FULL GROUP HAVING HOUR IN INDEX INNER INTERVAL IS JOIN KEY LANGUAGE LEFT "
        "LEVEL LIKE MAX MIN MINUTE MOD MODULE MONTH NAMES NATURAL NOT NULL ON OR ORDER PI POINT POSITION "
        "POWER PRIMARY RAND REGION ROUND ROWS SECOND SECTION SELECT SESSION SIZE SUM TABLE TIME TIMESTAMP TOP "
        "UNION UNIQUE UNKNOWN USER USING VALUE VALUES VIEW WHERE WORK YEAR ZONE".split()
    )
    tables = make_tables(load_model(), load_binding())
    names = {name.upper() for table in tables for name in (table.name, *table.column_names)}
    assert names & reserved == set()
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]{0,62}", name) for name in names)


def test_snake_case() -> None:
    assert [snake_case(name) for name in ("SiteArray", "Run", "ObservingConfiguration")] == [
        "site_array",
        "run",
        "observing_configuration",
    ]


BROKEN = {
    "no XML": ("<vo-dml:model", "<"),
    "no VO-DML": ("http://www.ivoa.net/xml/VODML/v1", "http://example.org"),
    "an unknown type": ("<vodml-ref>cta:Site</vodml-ref>", "<vodml-ref>cta:Nothing</vodml-ref>"),
    "a role that leads nowhere": ("<vodml-ref>cta:Camera</vodml-ref>", "<vodml-ref>cta:Nothing</vodml-ref>"),
    "an unknown parent": (
        "<extends><vodml-ref>cta:Run</vodml-ref>",
        "<extends><vodml-ref>cta:Nothing</vodml-ref>",
    ),
    "no name of the model": ("<name>cta</name>", ""),
    "several values": (
        "<vodml-id>Camera.n_pixels</vodml-id><name>n_pixels</name>",
        "<vodml-id>Camera.n_pixels</vodml-id><name>n_pixels</name>"
        "<multiplicity><minOccurs>0</minOccurs><maxOccurs>3</maxOccurs></multiplicity>",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_models_are_refused(tmp_path: Path, what: str) -> None:
    text = MODEL_FILE.read_text()
    old, new = BROKEN[what]
    assert old in text
    path = tmp_path / "model.xml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ModelError, match=r"\w"):
        load_model(path)
