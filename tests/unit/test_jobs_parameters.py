"""Parameters become values of the right type, or a sentence; a path is never taken for an identifier."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.description.model import Multiplicity, ParameterDescription, UsageDescription
from analysis.description.reader import parse_description
from analysis.errors import RefusedError
from analysis.parameters import Selection, check_identifiers, check_parameters, check_value, given_for
from tests.unit.job_types import votable

COUNT = parse_description(votable().encode(), Path("/types/count"))
MANY = UsageDescription(name="obs_ids", role="events", multiplicity=Multiplicity(1, None))
ONE = UsageDescription(name="product", role="product")
HOSTILE = [
    "$(reboot)",
    "`reboot`",
    "1;reboot",
    "1|reboot",
    "1&reboot",
    "--option",
    "../../etc/passwd",
    "/etc/passwd",
    "1\n2",
    "1\0",
    "1' OR '1'='1",
    "<script>",
]


def checked(**given_values: str) -> dict[str, Any]:
    return check_parameters(COUNT, list({"emin": "1", **given_values}.items()))


class TestValues:
    def test_defaults(self) -> None:
        assert checked() == {
            "ra": None,
            "nxpix": 200,
            "emin": 1.0,
            "model": "pl",
            "wide": False,
            "band": None,
            "comment": None,
        }

    def test_names_in_any_case(self) -> None:
        found = check_parameters(COUNT, [("EMIN", " 0.5 "), ("Nxpix", "10"), ("OBS_IDS", "23523")])
        assert (found["emin"], found["nxpix"]) == (0.5, 10)
        assert "obs_ids" not in found
        assert given_for([("OBS_IDS", "1"), ("obs_ids", "2"), ("ra", "3")], "obs_ids") == ["1", "2"]

    def test_empty_fields_of_a_form_are_not_given(self) -> None:
        assert checked(nxpix="", ra=" ") == checked()

    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("ra", "83.63", 83.63),
            ("ra", "360", 360.0),
            ("emin", "-1.5e-3", -0.0015),
            ("emin", ".5", 0.5),
            ("nxpix", "+7", 7),
            ("nxpix", "40.0", 40),
            ("wide", "TRUE", True),
            ("wide", "0", False),
            ("band", "1 10", [1.0, 10.0]),
            ("band", "1,10", [1.0, 10.0]),
            ("model", "ECPL", "ecpl"),
            ("comment", "häßlich $(reboot) -- and `more`", "häßlich $(reboot) -- and `more`"),
        ],
    )
    def test_types(self, name: str, text: str, value: Any) -> None:
        found = checked(**{name: text})[name]
        assert found == value and type(found) is type(value)

    def test_an_array_may_be_repeated(self) -> None:
        assert check_parameters(COUNT, [("emin", "1"), ("band", "1"), ("band", "2")])["band"] == [1.0, 2.0]


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("ra", "NaN", "not finite"),
            ("ra", "-inf", "not finite"),
            ("ra", "1e999", "from 0 to 360 deg"),
            ("ra", "361", "a number from 0 to 360 deg, not '361'"),
            ("ra", "١٢", "a number"),
            ("ra", "1_000", "a number"),
            ("nxpix", "-5", "from 1 to 2000"),
            ("nxpix", "1000000000", "from 1 to 2000"),
            ("nxpix", "99999999999999", "too large"),
            ("nxpix", "1e3", "digits only, such as 100; not '1e3'"),
            ("nxpix", "100.5", "digits only"),
            ("nxpix", "100.", "digits only"),
            ("model", "logparabola", "one of pl, ecpl"),
            ("wide", "maybe", "true or false"),
            ("band", "1", "2 numbers in TeV, separated by blanks; 1 were given"),
            ("band", "1 2 3", "3 were given"),
            ("band", "2 1", "above the upper limit"),
            ("band", "1 NaN", "not finite"),
            ("comment", "a\nb", "line break"),
            ("comment", "a\0b", r"U\+0000"),
            ("comment", "a\x1b[31m", "control character"),
            ("comment", "\ud800", "control character"),
            ("comment", "x" * 10_001, "longer than 10000"),
            ("emin", "", "emin is missing: give a number in TeV"),
            ("nypix", "3", "no parameter 'nypix'; it has: obs_ids, ra, nxpix"),
        ],
    )
    def test_with_a_sentence(self, name: str, text: str, words: str) -> None:
        with pytest.raises(RefusedError, match=words) as caught:
            checked(**{name: text})
        assert caught.value.status == 400

    def test_repeated(self) -> None:
        with pytest.raises(RefusedError, match="given 2 times"):
            check_parameters(COUNT, [("emin", "1"), ("EMIN", "2")])

    @pytest.mark.parametrize("text", HOSTILE)
    @pytest.mark.parametrize("name", ["ra", "nxpix", "model", "wide", "band"])
    def test_what_is_meant_for_others(self, name: str, text: str) -> None:
        with pytest.raises(RefusedError):
            checked(**{name: text})

    def test_sentences_print(self) -> None:
        with pytest.raises(RefusedError) as caught:
            check_parameters(COUNT, [("x\x1b\n" * 50, "1")])
        assert str(caught.value).isprintable() and len(str(caught.value)) < 300


parameters = st.builds(
    ParameterDescription,
    name=st.just("value"),
    datatype=st.sampled_from(["double", "int", "long", "boolean", "char"]),
    arraysize=st.sampled_from([None, "2", "3*", "*"]),
    low=st.none() | st.floats(-100, 0),
    high=st.none() | st.floats(1, 100),
    required=st.booleans(),
)


@given(parameters, st.lists(st.text(max_size=12), max_size=3))
@settings(deadline=None)
def test_any_text_is_a_value_in_range_or_refused(parameter: ParameterDescription, texts: list[str]) -> None:
    try:
        found = check_value(parameter, texts)
    except RefusedError as exc:
        assert exc.status == 400 and str(exc).isprintable()
        return
    for value in found if isinstance(found, list) else [] if found is None else [found]:
        assert (
            type(value) is {"double": float, "int": int, "long": int, "boolean": bool, "char": str}[parameter.datatype]
        )
        if type(value) in (int, float):
            assert math.isfinite(value)
            assert parameter.low is None or value >= parameter.low
            assert parameter.high is None or value <= parameter.high


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_value(number: float) -> None:
    assert check_value(ParameterDescription(name="value", datatype="double"), [repr(number)]) == number


class TestIdentifiers:
    def test_lists(self) -> None:
        did = "ivo://org.cta/~?hess/run_a(1).fits.gz"
        asked = [f"23523, 23526\r\n{did}", "hess-dl3-dr1:23559 23523"]
        assert check_identifiers(MANY, asked) == Selection(("23523", "23526", did, "hess-dl3-dr1:23559"))

    @pytest.mark.parametrize("query", ["SELECT obs_id FROM ivoa.obscore", "  select\n*\nFROM x"])
    def test_a_query(self, query: str) -> None:
        assert check_identifiers(MANY, [query, ""]) == Selection(query=query.strip())

    @pytest.mark.parametrize("text", [*HOSTILE[:8], HOSTILE[-1], "..", "a/b", "a..b", "x" * 81, "file:///etc/passwd"])
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(RefusedError, match="no identifier|control character"):
            check_identifiers(MANY, [text])

    @pytest.mark.parametrize(
        "did", ["ivo://x/~?../../etc/passwd", "ivo://x/~?$(reboot)", "ivo://x/~?a`b`", "ivo://", "ivo://x/~?<a>"]
    )
    def test_what_only_begins_like_one(self, did: str) -> None:
        with pytest.raises(RefusedError, match="no identifier"):
            check_identifiers(MANY, [did])

    def test_numbers_of_them(self) -> None:
        with pytest.raises(RefusedError, match="obs_ids is missing"):
            check_identifiers(MANY, [" , "])
        with pytest.raises(RefusedError, match="at most 10; 11 were given"):
            check_identifiers(MANY, [" ".join(map(str, range(11)))], max_datasets=10)
        with pytest.raises(RefusedError, match="at most 1; 2"):
            check_identifiers(ONE, ["1 2"])
        with pytest.raises(RefusedError, match="no query"):
            check_identifiers(ONE, ["SELECT 1"])
        with pytest.raises(RefusedError, match="not both"):
            check_identifiers(MANY, ["SELECT 1", "23523"])
        few = UsageDescription(name="obs_ids", role="events", multiplicity=Multiplicity(0, None))
        assert check_identifiers(few, []) == Selection()

    @given(st.lists(st.text(max_size=30), max_size=4))
    def test_any_text_is_plain_words_or_refused(self, texts: list[str]) -> None:
        try:
            found = check_identifiers(MANY, texts)
        except RefusedError as exc:
            assert str(exc).isprintable()
            return
        for word in found.identifiers:
            assert not set(word) & set('$`;|<>\\"\0\n ') and not word.startswith("-") and ".." not in word
