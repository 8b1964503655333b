"""A job type's description says the same to everybody; what is wrong with one is told in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from analysis.description.check import problems
from analysis.description.model import (
    DATASET,
    RECIPE,
    UPLOAD,
    GenerationDescription,
    JobDescription,
    Multiplicity,
    ParameterDescription,
    UsageDescription,
)
from analysis.description.reader import parse_description, read_description, title_of, write_description
from analysis.errors import DescriptionError
from analysis.settings import DEFINITIONS, Settings
from tests.unit.job_types import PARAMETERS, USED, job_type, votable

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "standards" / "fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"no fixtures of the standards: {FIXTURES} is absent")


def parsed(text: str, folder: Path = Path("/job types/count")) -> JobDescription:
    return parse_description(text.encode(), folder)


class TestReading:
    def test_everything_is_read(self, tmp_path: Path) -> None:
        description = read_description(job_type(tmp_path))
        assert (description.name, description.title) == ("count", "Counts photons")
        assert description.script == tmp_path / "count" / "script.py"
        assert description.execution_duration_s == 120
        assert description.parameter("RA") == ParameterDescription(
            name="ra",
            datatype="double",
            unit="deg",
            ucd="pos.eq.ra",
            low=0.0,
            high=360.0,
            description="Right ascension, ICRS",
        )
        nxpix, emin, model = (description.parameter(name) for name in ("nxpix", "emin", "model"))
        assert nxpix and nxpix.default == "200" and not nxpix.required
        assert emin and emin.default is None and emin.required
        assert model and model.options == ("pl", "ecpl")
        assert description.used == (
            UsageDescription(
                name="obs_ids",
                role="events",
                kind=DATASET,
                multiplicity=Multiplicity(1, None),
                dataproduct_type="event",
                needs=("aeff", "edisp"),
                description="Observations to use",
            ),
        )
        assert description.generated[0].file_name == "answer.txt"
        assert problems(description) == []

    @needs_fixtures
    def test_names_of_the_standard(self) -> None:
        description = read_description(FIXTURES / "own" / "jdl_example.vot")
        assert description.name == "event_select"
        assert description.docurl == "https://example.org/doc/event_select"
        circle = description.parameter("circle")
        assert circle and circle.required and circle.arraysize == "3" and circle.xtype == "circle"
        assert description.used[0].kind == DATASET
        assert description.used[0].url == "https://example.org/get?ID=$ID"
        assert description.generated[0].multiplicity == Multiplicity(0, 1)
        assert description.generated[0].content_type == "application/fits"

    @needs_fixtures
    def test_older_names_of_opus(self) -> None:
        description = read_description(FIXTURES / "opus" / "test_activity_2_vot.xml")
        assert (description.type, description.version, description.quote_s) == ("test", "1", 10)
        assert description.contact_email == "admin@opus"
        assert [(item.name, item.kind, item.role) for item in description.used] == [("input", UPLOAD, "input")]
        assert [item.file_name for item in description.generated] == ["output.txt"]
        assert any("template for a shell" in sentence for sentence in problems(description))

    @pytest.mark.parametrize(
        ("text", "title"),
        [
            ("Makes maps. And more.", "Makes maps"),
            ("Makes maps of v1.2 data, or not", "Makes maps of v1.2 data, or not"),
            ("Is it? Yes.", "Is it"),
            ("", ""),
        ],
    )
    def test_the_first_sentence_is_the_title(self, text: str, title: str) -> None:
        assert title_of(text) == title


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("", "cannot be read"),
            ("no XML", "cannot be read"),
            ("<VOTABLE/>", "exactly one RESOURCE"),
            (votable() * 2, "cannot be read"),
            (votable().replace("</VOTABLE>", "<!-- " + "x" * 300_000 + "--></VOTABLE>"), "256 kB"),
            (votable(more='<PARAM name="executionDuration" value="soon"/>'), "executionDuration"),
            (votable(more='<PARAM name="memory_bytes" value="-1"/>'), "memory_bytes"),
            (votable(more='<PARAM name="script" value="../../bin/evil.py"/>'), "beside the description"),
            (votable(more='<PARAM name="script" value="/bin/sh"/>'), "beside the description"),
            (votable(used=USED.replace("1..*", "many")), "multiplicity of obs_ids"),
            (votable(used=USED.replace("1..*", "3..2")), "allows nothing"),
            (votable(parameters=PARAMETERS.replace('MAX value="2000"', 'MAX value="NaN"')), "limit of nxpix"),
        ],
    )
    def test_with_a_sentence(self, text: str, word: str) -> None:
        with pytest.raises(DescriptionError, match=word):
            parsed(text)

    def test_entities_are_not_followed(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("password")
        text = votable(description="&e;").replace(
            '<?xml version="1.0"?>', f'<?xml version="1.0"?><!DOCTYPE V [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
        )
        with pytest.raises(DescriptionError, match="document type"):
            parsed(text)

    def test_an_absent_file(self, tmp_path: Path) -> None:
        with pytest.raises(DescriptionError, match="cannot be read"):
            read_description(tmp_path / "description.vot")


class TestProblems:
    def told(self, tmp_path: Path, **values: str) -> str:
        name = values.get("name", "count")
        return " ".join(problems(read_description(job_type(tmp_path, name, text=votable(**values)))))

    @pytest.mark.parametrize("name", ["sync", "form", "doc", "description", "definitions"])
    def test_addresses_of_the_service(self, tmp_path: Path, name: str) -> None:
        assert "address of the service" in self.told(tmp_path, name=name)

    @pytest.mark.parametrize(
        ("parameter", "word"),
        [
            ('<PARAM name="RA" datatype="double" value="1"/>', "lower-case"),
            ('<PARAM name="phase" datatype="char" value="1"/>', "word of UWS"),
            ('<PARAM name="a" datatype="complex" value="1"/>', "datatype"),
            ('<PARAM name="a" datatype="double" unit="furlong" value="1"/>', "VOUnits"),
            ('<PARAM name="a" datatype="double" ucd="colour.of.sky" value="1"/>', "UCD1"),
            ('<PARAM name="a" datatype="double" arraysize="2x2" value="1"/>', "arraysize"),
            ('<PARAM name="a" datatype="int" value="9"><VALUES><MAX value="5"/></VALUES></PARAM>', "default of a"),
            ('<PARAM name="a" datatype="int" value="1e3"/>', "default of a"),
            ('<PARAM name="a" datatype="char" value="x"><VALUES><OPTION value="y"/></VALUES></PARAM>', "default of a"),
            ('<PARAM name="a" datatype="int" value=""><VALUES><OPTION value="y"/></VALUES></PARAM>', "OPTION"),
            (
                '<PARAM name="a" datatype="int" value="1"><VALUES><MIN value="2"/><MAX value="0"/></VALUES></PARAM>',
                "MIN above",
            ),
            ('<PARAM name="a" datatype="char" value="1"><VALUES><MIN value="2"/></VALUES></PARAM>', "no number"),
            ('<PARAM name="a" datatype="int" value="1"/><PARAM name="a" datatype="int" value="1"/>', "its own name"),
            ('<PARAM name="obs_ids" datatype="int" value="1"/>', "its own name"),
        ],
    )
    def test_of_parameters(self, tmp_path: Path, parameter: str, word: str) -> None:
        assert word in self.told(tmp_path, parameters=parameter)

    @pytest.mark.parametrize("file_name", ["../answer.txt", "/etc/passwd", "a/b", "", "..", ".hidden", "*.fits", "-rf"])
    def test_of_output_files(self, tmp_path: Path, file_name: str) -> None:
        generated = f'<GROUP name="answer"><PARAM name="default" value="{file_name}"/></GROUP>'
        assert "file name" in self.told(tmp_path, generated=generated)

    def test_several_files_of_one_output(self, tmp_path: Path) -> None:
        several = (
            '<GROUP name="maps"><PARAM name="default" value="map-*.fits"/>'
            '<PARAM name="multiplicity" value="0..*"/></GROUP>'
        )
        assert self.told(tmp_path, generated=several) == ""

    def test_no_outputs(self, tmp_path: Path) -> None:
        assert "no outputs" in self.told(tmp_path, generated="")

    @pytest.mark.parametrize(
        ("script", "word"),
        [
            (None, "missing"),
            ("def go(job): pass", "no function run"),
            ("def run(): pass", "no function run"),
            ("def run(job, more): pass", "no function run"),
            ("def run(job:", "no Python"),
            ("\0", "no Python"),
        ],
    )
    def test_of_scripts(self, tmp_path: Path, script: str | None, word: str) -> None:
        assert word in " ".join(problems(read_description(job_type(tmp_path, script=script))))

    def test_limits_of_the_service(self, tmp_path: Path) -> None:
        text = votable(more='<PARAM name="executionDuration" value="7200"/><PARAM name="memory_bytes" value="10"/>')
        description = read_description(job_type(tmp_path, text=text))
        limits = Settings(folder=tmp_path, python="python", max_duration=3600, memory_bytes=5)
        assert problems(description) == []
        assert len(problems(description, limits)) == 2


words = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=8).map(lambda text: f"a{text}")
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=20)
limits = st.none() | st.floats(-1e6, 1e6)
multiplicities = st.builds(Multiplicity, st.integers(0, 3), st.none() | st.integers(3, 9))


@st.composite
def parameters(draw: st.DrawFn) -> ParameterDescription:
    default = draw(st.none() | texts.filter(bool))
    return ParameterDescription(
        name=draw(words),
        datatype=draw(st.sampled_from(["double", "int", "long", "boolean", "char"])),
        arraysize=draw(st.sampled_from([None, "2", "*", "3*"])),
        unit=draw(st.sampled_from(["", "deg", "TeV"])),
        ucd=draw(st.sampled_from(["", "pos.eq.ra"])),
        xtype=draw(st.sampled_from([None, "interval"])),
        default=default,
        required=default is None and draw(st.booleans()),
        low=draw(limits),
        high=draw(limits),
        options=tuple(draw(st.lists(texts, max_size=3))),
        description=draw(texts),
    )


usages = st.builds(
    UsageDescription,
    name=words,
    role=words,
    kind=st.sampled_from([DATASET, UPLOAD, RECIPE]),
    multiplicity=multiplicities,
    content_type=st.sampled_from(["", "application/fits"]),
    url=st.sampled_from(["", "https://example.org/$ID?a=1&b=2"]),
    dataproduct_type=st.sampled_from([None, "event"]),
    needs=st.sampled_from([(), ("aeff", "edisp")]),
    description=texts,
)
generations = st.builds(
    GenerationDescription,
    name=words,
    role=words,
    file_name=words,
    content_type=st.just("image/png"),
    multiplicity=multiplicities,
    dataproduct_subtype=st.sampled_from([None, "counts-map"]),
    description=texts,
)


@st.composite
def descriptions(draw: st.DrawFn) -> JobDescription:
    name, text = draw(words), draw(texts)
    return JobDescription(
        name=name,
        title=title_of(text) or name,
        description=text,
        folder=Path("/types") / name,
        script=Path("/types") / name / "script.py",
        docurl=draw(st.sampled_from(["", "https://example.org"])),
        version=draw(texts),
        contact_name=draw(texts),
        execution_duration_s=draw(st.integers(1, 10**6)),
        quote_s=draw(st.none() | st.integers(0, 100)),
        memory_bytes=draw(st.none() | st.integers(0, 2**40)),
        disk_bytes=draw(st.none() | st.integers(0, 2**40)),
        parameters=tuple(draw(st.lists(parameters(), max_size=4))),
        used=tuple(draw(st.lists(usages, max_size=2))),
        generated=tuple(draw(st.lists(generations, max_size=2))),
    )


@given(descriptions())
@settings(deadline=None)
def test_what_is_written_is_read_back(description: JobDescription) -> None:
    assert parse_description(write_description(description), description.folder) == description


def test_what_is_written_is_a_votable() -> None:
    written = etree.fromstring(write_description(parsed(votable())))
    assert written.tag == "{http://www.ivoa.net/xml/VOTable/v1.3}VOTABLE"
    assert [item.get("type") for item in written.iter("{*}PARAM") if item.get("name") == "ra"] == ["no_query"]


def test_the_example_of_the_guide_is_complete(tmp_path: Path) -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "job-types.md").read_text()
    text, script = (guide.split(f"```{language}\n")[1].split("```")[0] for language in ("xml", "python"))
    description = read_description(job_type(tmp_path, "bright_events", script, text))
    assert problems(description) == []
    assert description.title == "Most energetic events of each run"


FOLDERS = sorted(DEFINITIONS.glob("*/description.vot"))


@pytest.mark.parametrize("path", FOLDERS, ids=[path.parent.name for path in FOLDERS])
def test_the_job_types_of_the_archive(path: Path) -> None:
    description = read_description(path)
    assert problems(description) == [] and description.name == path.parent.name
    assert parse_description(write_description(description), path.parent) == description
