"""What the VO's validators and DaCHS's own say. docs/validators.md tells why each allowed warning is allowed."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.live.archive import CHECKOUT, Archive

STILTS = CHECKOUT / ".venv" / "bin" / "stilts"
DOCUMENT = CHECKOUT / "docs" / "validators.md"
REPORT = re.compile(r"^([EWF])-([A-Z0-9]{3})-([A-Z0-9]{4})-\w+ (.*)$", re.M)

# Warnings of taplint that DaCHS itself causes: code, and what the whole message has to look like.
TAPLINT_ALLOWED = {
    "W-CAP-CPUL": r"AccessURL for ivo://ivoa\.net/std/VOSI#(capabilities|tables) is not at fixed location",
    "W-MDQ-DRXT": r"Declared/result XType mismatch for column (t_min|t_max) in table ivoa\.obscore \(null != mjd\)"
    r"|Declared/result XType mismatch for column (release_date|embargo) in table cta\.\w+ \(null != timestamp\)",
    "W-MDQ-CCAS": r"Declared/result column capitalization mismatch in table tap_schema\.\w+ sourcerd != sourceRD",
    "W-UPL-YAR1": r".*arraysize=\"1\" deprecated since VOTable 1\.3 Erratum #3",
    # DaCHS declares the function with the type INTEGER[], which the parser of STILTS does not know.
    "W-EXA-EXVL": r"Validation symbol error for example Alightcurveofevents: 1 unsupported .*\"IVO_HISTOGRAM\(.*",
    "W-EXA-YXDL": r".*Non-DALI 1\.1 xtype value \"mjd\" \(FIELD (t_min|t_max)\)",
}
FAILURES_ALLOWED: set[str] = set()
# Sections of docs/validators.md say why `dachs val` may warn of these.
VAL_ALLOWED = (
    r"UCD \S*instr\.detection\S* not accepted by astropy \(Unknown word 'instr\.detection'\)",
    r"Cannot publish product types served in obscore",
)
RDS = sorted(
    str(path.relative_to(CHECKOUT / "inputs")).removesuffix(".rd") for path in (CHECKOUT / "inputs").glob("cta/*.rd")
) + sorted(f"rd/{path.stem}" for path in (CHECKOUT / "rd").glob("*.rd"))
WITH_TESTS = [
    rd for rd in RDS if "<regSuite" in (CHECKOUT / ("inputs" if rd.startswith("cta/") else "") / f"{rd}.rd").read_text()
]


@pytest.fixture(scope="module")
def taplint(archive: Archive) -> str:
    """The report of STILTS taplint on the TAP service."""
    done = subprocess.run(
        [STILTS, "taplint", f"tapurl={archive.tap_url}", "maxrepeat=1000"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "Totals: " in done.stdout, done.stdout[-2000:]
    return done.stdout


@pytest.mark.slow
class TestTaplint:
    """STILTS taplint, all stages."""

    def test_no_errors(self, taplint: str) -> None:
        assert re.search(r"Totals: Errors: 0;", taplint), [match[0] for match in REPORT.finditer(taplint)]
        assert not [match[0] for match in REPORT.finditer(taplint) if match[1] == "E"]

    def test_failures(self, taplint: str) -> None:
        found = {"-".join(match.groups()[:3]) for match in REPORT.finditer(taplint) if match[1] == "F"}
        assert found <= FAILURES_ALLOWED

    def test_warnings(self, taplint: str) -> None:
        unexpected = [
            match[0]
            for match in REPORT.finditer(taplint)
            if match[1] == "W" and not re.match(TAPLINT_ALLOWED.get("-".join(match.groups()[:3]), "(?!)"), match[4])
        ]
        assert unexpected == []

    @pytest.mark.parametrize("stage", "TMV TME TMS TMC CPV CAP AVV QGE QPO QAS UWS MDQ OBS LOC UPL EXA".split())
    def test_all_stages_ran(self, taplint: str, stage: str) -> None:
        assert re.search(rf"^\w-{stage}-|^Section {stage}:", taplint, re.M), stage

    def test_examples_were_found(self, taplint: str) -> None:
        match = re.search(r"S-EXA-XNUM-\w+ Found (\d+) examples", taplint)
        assert match and int(match[1]) >= 10


def test_the_allowed_warnings_are_documented() -> None:
    written = DOCUMENT.read_text()
    for code in [*TAPLINT_ALLOWED, *FAILURES_ALLOWED]:
        assert f"`{code}`" in written, code
    assert "instr.detection" in written


@pytest.mark.parametrize("rd", RDS)
def test_dachs_val(archive: Archive, rd: str) -> None:
    done = archive.dachs("val", rd)
    assert done.status == 0, done.output
    assert re.search(r"\bOK\b", done.output), done.output
    lines = re.findall(r"\[(WARNING|ERROR)\] (.*)", done.output)
    assert [text for _, text in lines if not any(re.search(pattern, text) for pattern in VAL_ALLOWED)] == []


@pytest.mark.parametrize("rd", WITH_TESTS)
def test_dachs_regression_tests(archive: Archive, rd: str) -> None:
    done = archive.dachs("test", "-v", rd)
    match = re.search(r"(\d+) of (\d+) bad", done.output)
    assert match, done.output
    assert match[1] == "0", done.output
    assert int(match[2]) > 0
    assert done.status == 0, done.output


def test_the_published_rds_have_tests() -> None:
    assert {"cta/q", "cta/dl", "rd/obscore_hea"} <= set(WITH_TESTS)
