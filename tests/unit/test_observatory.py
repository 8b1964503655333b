"""Observation metadata files: what is taken, what is refused with which sentence, and what must not become known."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.observatory.checks import Checked, check
from ingest.observatory.document import Document, DocumentError, digest, parse, read_text
from ingest.observatory.fill import schema
from ingest.observatory.objects import Reader

GOOD: dict[str, Any] = {
    "observatory": [
        {
            "name": "CTAO",
            "site_array": [
                {
                    "name": "CTAO-N",
                    "site": "North",
                    "latitude": 28.76,
                    "telescope": [
                        {"name": "LST-1", "telescope_class": "LST", "position": {"x": 1.5, "y": -2}},
                        {"name": "MST-1", "tel_id": "5", "telescope_class": "MST", "camera": "NectarCAM"},
                    ],
                    "sub_array": [
                        {"name": "all", "telescope": ["CTAO-N/LST-1", "CTAO-N/MST-1"]},
                        {"name": "one", "telescope": ["CTAO-N/LST-1"]},
                        {"name": "other", "telescope": ["CTAO-N/MST-1"]},
                    ],
                }
            ],
        }
    ],
    "camera": [{"name": "NectarCAM", "n_pixels": 1855}],
    "target": [{"name": "Crab", "ra": 83.63, "dec": 22.01, "frame": "ICRS"}, {"name": "Hush", "ra": 1.0, "dec": 2.0}],
    "observing_proposal": [
        {"identifier": "P-1", "pi_name": "A. Example"},
        {"identifier": "P-2", "title": "On Hush"},
    ],
    "observing_configuration": [{"name": "wobble", "pointing_mode": "parallel", "tracking_mode": "sidereal"}],
    "convergence_configuration": [{"name": "div", "pointing_mode": "divergent", "depth": -10000}],
    "observation": [
        {
            "identifier": "SB-1",
            "execution_status": "Performed",
            "start_time": "2026-11-20T20:00:00Z",
            "end_time": "2026-11-20T21:00:00Z",
            "planning_time": 61000.5,
            "planned_exposure": 3000,
            "target": "Crab",
            "configuration": "div",
            "proposal": "P-1",
            "sub_array": ["CTAO-N/all"],
            "ownership_end": "2027-11-20",
        },
        {"identifier": "SB-2", "execution_status": "Planned", "planning_time": 61000.5, "target": "Crab"},
    ],
    "science_run": [
        {
            "identifier": "1",
            "observation": "SB-1",
            "start_time": "2026-11-20T20:00:00Z",
            "end_time": "2026-11-20T20:28:00Z",
        },
        {
            "identifier": "2",
            "observation": "SB-1",
            "start_time": "2026-11-20T20:30:00Z",
            "end_time": "2026-11-20T20:58:00Z",
        },
    ],
    "calibration_run": [{"identifier": "9", "calibration_type": "pedestal"}],
}
SECRET = {
    "identifier": "SB-3",
    "confidential": True,
    "execution_status": "Scheduled",
    "start_time": 61100.0,
    "end_time": 61100.1,
    "planned_exposure": 3600,
    "planning_time": 61000.5,
    "target": "Hush",
    "proposal": "P-2",
    "configuration": "wobble",
    "sub_array": ["CTAO-N/all"],
    "description": "Hush, hush",
}


def read(*contents: dict[str, Any]) -> tuple[Checked, list[str]]:
    """Return what is taken of files with these contents, and all sentences."""
    reader = Reader(schema().model, schema().binding)
    entries, sentences = [], []
    for number, content in enumerate(contents):
        found, said = reader.read(Document(f"file-{number}.obsmeta.json", content))
        entries += found
        sentences += said
    checked = check(schema().model, schema().tables, entries)
    return checked, sentences + [sentence for _, _, sentence in checked.problems]


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = copy.deepcopy(GOOD)
    change(content)
    return content


def taken(checked: Checked) -> dict[str, list[str]]:
    return {name: [entry.key for entry in entries] for name, entries in checked.entries.items() if entries}


def count(checked: Checked) -> int:
    return sum(len(entries) for entries in checked.entries.values())


class TestGood:
    """A file as it should be."""

    def test_all_is_taken(self) -> None:
        checked, sentences = read(GOOD)
        assert sentences == []
        assert taken(checked) == {
            "Observatory": ["CTAO"],
            "SiteArray": ["CTAO-N"],
            "Telescope": ["CTAO-N/LST-1", "CTAO-N/MST-1"],
            "SubArray": ["CTAO-N/all", "CTAO-N/one", "CTAO-N/other"],
            "Camera": ["NectarCAM"],
            "Target": ["Crab", "Hush"],
            "ObservingProposal": ["P-1", "P-2"],
            "ObservingConfiguration": ["wobble"],
            "ConvergenceConfiguration": ["div"],
            "Observation": ["SB-1", "SB-2"],
            "ScienceRun": ["1", "2"],
            "CalibrationRun": ["9"],
        }

    def test_values(self) -> None:
        checked, _ = read(GOOD)
        first = checked.entries["Observation"][0].values
        assert first["start_time"] == pytest.approx(Time("2026-11-20T20:00:00", scale="utc").mjd, abs=1e-9)
        assert first["ownership_end"] == "2027-11-20"
        assert checked.entries["Telescope"][0].values["position_y"] == -2.0
        assert isinstance(checked.entries["Telescope"][0].values["position_y"], float)

    def test_order_and_division_into_files_do_not_matter(self) -> None:
        whole, _ = read(GOOD)
        for names in (list(GOOD), list(reversed(GOOD))):
            parts, sentences = read(*({name: GOOD[name]} for name in names))
            assert sentences == []
            assert {name: sorted(keys) for name, keys in taken(parts).items()} == {
                name: sorted(keys) for name, keys in taken(whole).items()
            }


BAD: dict[str, tuple[Callable[[dict[str, Any]], object], str, int]] = {
    "unknown target": (
        lambda c: c["observation"][1].update(target="Nowhere"),
        r"observation 'SB-2' is left out: there is no target 'Nowhere'\.",
        1,
    ),
    "unknown telescope": (
        lambda c: c["observatory"][0]["site_array"][0]["sub_array"][1].update(telescope=["CTAO-N/LST-7"]),
        r"sub array 'CTAO-N/one' is left out: there is no telescope 'CTAO-N/LST-7'\.",
        1,
    ),
    "unknown sub-array": (
        lambda c: c["observation"][1].update(sub_array=["CTAO-N/none"]),
        r"observation 'SB-2' is left out: there is no sub array 'CTAO-N/none'\.",
        1,
    ),
    "reversed times": (
        lambda c: c["observation"][0].update(end_time="2026-11-20T19:00:00Z"),
        r"observation 'SB-1' is left out: its end is not after its start \(2 that refer to it go with it\)\.",
        3,
    ),
    "overlapping runs": (
        lambda c: c["science_run"][1].update(start_time="2026-11-20T20:20:00Z"),
        r"science run '2' is left out: it overlaps run '1', which has the same telescopes\.",
        1,
    ),
    "no slot": (
        lambda c: c["observation"][1].update(execution_status="Scheduled"),
        r"observation 'SB-2' is left out: it is Scheduled, but has no start_time or no end_time\.",
        1,
    ),
    "no exposure": (
        lambda c: c["observation"][0].pop("planned_exposure"),
        r"observation 'SB-1' is left out: it is Performed, but has no planned_exposure",
        3,
    ),
    "no planning time": (
        lambda c: c["observation"][1].pop("planning_time"),
        r"it has an execution_status, but no planning_time",
        1,
    ),
    "unknown status": (
        lambda c: c["observation"][1].update(execution_status="planned"),
        r"its execution_status must be one of Planned, Scheduled, Unscheduled, Performed, Aborted, not 'planned'",
        1,
    ),
    "unknown key": (
        lambda c: c["target"][1].update(declination=3),
        r"target 'Hush' is left out: it has no 'declination'; known are name, description, ra, dec",
        1,
    ),
    "number as text": (lambda c: c["target"][1].update(ra="1.0"), r"its ra must be a number, not '1.0'", 1),
    "out of range": (lambda c: c["target"][1].update(dec=-91), r"its dec must be between -90 and 90, not -91", 1),
    "true as number": (lambda c: c["camera"][0].update(n_pixels=True), r"its n_pixels must be a whole number", 7),
    "local time": (
        lambda c: c["observation"][1].update(start_time="2026-11-20T20:00:00"),
        r"its start_time must be a time as 2026-11-20T21:30:00Z",
        1,
    ),
    "no such day": (
        lambda c: c["observation"][1].update(ownership_end="2026-02-30"),
        r"its ownership_end must be a day such as",
        1,
    ),
    "script as address": (
        lambda c: c["observatory"][0].update(reference_url="javascript:alert(1)"),
        r"its reference_url must be an address that begins with https://",
        10,
    ),
    "twice": (lambda c: c["target"].append({"name": "Crab"}), r"target 'Crab' is left out: it is there twice", 0),
    "no name": (
        lambda c: c["target"].append({"ra": 1}),
        r"target\[2\] is left out: it must be an object whose name",
        0,
    ),
    "not an object": (lambda c: c["target"].append(5), r"target\[2\] is left out", 0),
    "no list": (lambda c: c.update(target={"name": "Crab"}), r"the section 'target' must be a list", 6),
    "unknown section": (lambda c: c.update(planets=[]), r"there is no section 'planets'; known are observatory, ", 0),
    "a part in the wrong place": (
        lambda c: c.update(telescope=[{"name": "X"}]),
        r"there is no section 'telescope'",
        0,
    ),
    "structured value": (
        lambda c: c["observatory"][0]["site_array"][0]["telescope"][0].update(position=[1, 2]),
        r"its position must be an object of x, y, not \[1, 2\]",
        6,
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_objects_are_left_out_with_a_sentence(what: str) -> None:
    """And what refers to them; all the rest is taken."""
    change, pattern, fewer = BAD[what]
    whole, _ = read(GOOD)
    checked, sentences = read(changed(change))
    matching = pytest.importorskip("re").compile(pattern)
    assert [sentence for sentence in sentences if matching.search(sentence)], sentences
    assert all(sentence.endswith(".") for sentence in sentences)
    assert count(whole) - count(checked) == fewer


def test_runs_at_the_same_time_on_other_telescopes_do_not_overlap() -> None:
    def change(content: dict[str, Any]) -> None:
        for run, name in zip(content["science_run"], ("one", "other"), strict=True):
            run.update(sub_array=f"CTAO-N/{name}", start_time=61000.0, end_time=61000.1)

    checked, sentences = read(changed(change))
    assert sentences == [] and len(checked.entries["ScienceRun"]) == 2


def test_a_list_that_contradicts_its_number_is_told() -> None:
    content = changed(lambda c: c["observatory"][0]["site_array"][0]["sub_array"][0].update(n_tels=5))
    checked, sentences = read(content)
    assert sentences == ["sub array 'CTAO-N/all' says n_tels 5, but lists 2 telescopes; the list counts."]
    assert len(checked.entries["SubArray"]) == 3


class TestConfidential:
    """Nothing of what is confidential is stored, and no sentence tells it."""

    def everything(self, checked: Checked, sentences: list[str]) -> str:
        entries = [entry for found in checked.entries.values() for entry in found]
        return repr([(entry.key, entry.values, entry.references) for entry in entries]) + repr(sentences)

    def test_only_the_slot_stays(self) -> None:
        checked, sentences = read(changed(lambda c: c["observation"].append(SECRET)))
        assert sentences == []
        (entry,) = [entry for entry in checked.entries["Observation"] if entry.key == "SB-3"]
        assert entry.values["confidential"] == 1 and entry.values["start_time"] == 61100.0
        assert entry.references == {"observatory": []}
        assert "Hush" not in self.everything(checked, sentences) and "P-2" not in taken(checked)["ObservingProposal"]

    def test_what_is_public_elsewhere_stays(self) -> None:
        def change(content: dict[str, Any]) -> None:
            content["observation"] += [SECRET, {"identifier": "SB-4", "target": "Hush"}]

        checked, _ = read(changed(change))
        assert "Hush" in taken(checked)["Target"] and "P-2" not in taken(checked)["ObservingProposal"]

    @pytest.mark.parametrize(
        "mistake",
        [
            {"confidental": True, "confidential": False},
            {"confidential": "yes"},
            {"confidential": None},
            {"sub_array": ["CTAO-N/Hush"]},
            {"atmosphere": "Hush"},
            {"target": ["Hush"]},
            {"proposal": {"identifier": "P-2"}, "target": "Hush"},
            {"end_time": 1.0},
            {"end_time": 61099.0},
            {"sub_array": "Hush"},
            {"owner": 5, "description": ["Hush"]},
        ],
    )
    def test_mistakes_do_not_give_it_away(self, mistake: dict[str, Any]) -> None:
        checked, sentences = read(changed(lambda c: c["observation"].append({**SECRET, **mistake})))
        assert "Hush" not in self.everything(checked, sentences)

    def test_mistakes_in_the_target_do_not_give_it_away(self) -> None:
        def change(content: dict[str, Any]) -> None:
            content["observation"].append(SECRET)
            content["target"][1]["ra"] = "Hush is at 1.0"

        checked, sentences = read(changed(change))
        assert "Hush" not in self.everything(checked, sentences)

    def test_its_runs_are_not_stored(self) -> None:
        def change(content: dict[str, Any]) -> None:
            content["observation"].append(SECRET)
            content["science_run"].append({"identifier": "77", "observation": "SB-3", "ra_pnt": 1.0, "dec_pnt": 2.0})

        checked, sentences = read(changed(change))
        assert "77" not in taken(checked)["ScienceRun"] and sentences == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PLACES = [
    ("target", 0, "ra"),
    ("target", 0, "name"),
    ("target", 0, "frame"),
    ("observation", 0, "target"),
    ("observation", 0, "sub_array"),
    ("observation", 0, "start_time"),
    ("observation", 0, "confidential"),
    ("observation", 0, "ownership_end"),
    ("observation", 0, "identifier"),
    ("science_run", 0, "observation"),
    ("observatory", 0, "site_array"),
    ("observatory", 0, "reference_url"),
]


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON)
def test_nothing_makes_it_fail(place: tuple[str, int, str], value: object) -> None:
    """Whatever stands in a place, the rest is taken, and all that is said is sentences."""
    section, number, name = place
    content = copy.deepcopy(GOOD)
    content[section][number][name] = value
    checked, sentences = read(content)
    assert taken(checked)["Camera"] == ["NectarCAM"]
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in sentences)


@settings(max_examples=100, deadline=None)
@given(content=st.dictionaries(st.sampled_from(list(GOOD)) | st.text(max_size=8), JSON, max_size=4))
def test_any_content_is_survived(content: dict[str, Any]) -> None:
    read(content)


class TestDocument:
    """The file itself."""

    @pytest.mark.parametrize(
        ("text", "pattern"),
        [
            ("", r"not JSON \(line 1"),
            ("{", r"not JSON"),
            ("[]", r"must be an object"),
            ("{}", r'must say "format": "obsmeta 1.0"; it says None'),
            ('{"format": "obsmeta 2.0"}', r"it says 'obsmeta 2.0'"),
            ('{"format": "obsmeta 1.0", "target": [], "target": []}', r"the key 'target' twice"),
            ('{"format": "obsmeta 1.0", "x": NaN}', r"NaN is no number"),
            ('{"format": "obsmeta 1.0", "x": -Infinity}', r"-Infinity is no number"),
            ('{"format": "obsmeta 1.0", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", r"nested too deeply"),
            ('{"format": "obsmeta 1.0", "x": ' + "9" * 10_000 + "}", r"not usable"),
        ],
    )
    def test_unusable(self, text: str, pattern: str) -> None:
        with pytest.raises(DocumentError, match=pattern) as caught:
            parse("a.obsmeta.json", text)
        assert str(caught.value).endswith(".")

    @pytest.mark.parametrize(
        ("content", "pattern"), [(b"\xff\xfe{}", "not UTF-8"), (b'{"a": "\0"}', "NUL"), (b"\x1f\x8b\x08", "not UTF-8")]
    )
    def test_bytes(self, tmp_path: Path, content: bytes, pattern: str) -> None:
        path = tmp_path / "x.obsmeta.json"
        path.write_bytes(content)
        with pytest.raises(DocumentError, match=pattern):
            read_text(path)

    def test_size(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "x.obsmeta.json"
        path.write_bytes(b" " * 101)
        monkeypatch.setattr("ingest.observatory.document.MAX_BYTES", 100)
        with pytest.raises(DocumentError, match="divide it"):
            read_text(path)

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentError, match="cannot be read"):
            read_text(tmp_path / "none")

    def test_good(self, tmp_path: Path) -> None:
        path = tmp_path / "x.obsmeta.json"
        path.write_text("\ufeff" + json.dumps({"format": "obsmeta 1.0", **GOOD}), encoding="utf-8")
        assert parse("x", read_text(path)).content == GOOD

    def test_digest_tells_files_apart(self) -> None:
        assert (
            len({digest([("a", "b")]), digest([("a", "c")]), digest([("b", "b")]), digest([("a", "b"), ("c", "")])})
            == 4
        )
