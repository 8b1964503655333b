# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut-outs by the rules of soda.md, section 5.2: rows, responses, headers, empty results; times are tested apart."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

from datalink.soda.cutout import cut_event_list
from datalink.soda.errors import NoOverlap, SodaError
from datalink.soda.overlap import DatasetBounds
from datalink.soda.selection import parse_selection
from tests.unit.cutout_files import (
    DID,
    cut,
    cut_with,
    made_columns,
    made_events,
    opened,
    raw_hdus,
    request,
    shared_responses,
    written,
)
from tests.unit.fits_files import HEADER, bundle, gti, pointing, response, table, to_bytes

RESPONSES = ("AEFF", "EDISP", "PSF", "BKG")
CIRCLE = "228.6 -58.8 1"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a file with 500 events and everything else."""
    return written(tmp_path / "run.fits", made_events(), gti(), *bundle()[2:], pointing([228.6, 228.7], [-58.8, -58.8]))


def events_of(content: bytes) -> fits.FITS_rec:
    return opened(content)["EVENTS"].data


def rows_of(content: bytes, name: str = "EVENTS") -> np.ndarray:
    """Return the rows of a table as bytes."""
    hdu = opened(content)[name]
    _, data = raw_hdus(content)[name]
    size = hdu.header["NAXIS1"] * hdu.header["NAXIS2"]
    return np.frombuffer(data[:size], np.dtype((np.void, hdu.header["NAXIS1"])))


# -- rule 1: rows


@pytest.mark.parametrize("compressed", [False, True])
def test_rows_are_filtered_and_nothing_else(run: Path, compressed: bool) -> None:
    whole = run.read_bytes()
    if compressed:
        run.write_bytes(gzip.compress(whole))
    content, result = cut(run, CIRCLE=CIRCLE, ENERGY="0.5 10")
    events = fits.getdata(io.BytesIO(whole), "EVENTS")
    distance = SkyCoord(228.6, -58.8, unit="deg").separation(SkyCoord(events["RA"], events["DEC"], unit="deg")).deg
    mask = (distance <= 1) & (events["ENERGY"] >= 0.5) & (events["ENERGY"] <= 10)
    assert 0 < mask.sum() < 500
    np.testing.assert_array_equal(rows_of(content), rows_of(whole)[mask])
    assert (result.n_events_in, result.n_events_out, result.n_gti) == (500, mask.sum(), 1)
    assert result.file_name == "20136_cutout.fits"
    assert result.media_type == "application/fits"
    assert result.notes == ()


@pytest.mark.parametrize(
    ("parameters", "kept"),
    [
        ({"POS": "RANGE 228 229 -59 -58"}, lambda e: (abs(e["RA"] - 228.5) <= 0.5) & (abs(e["DEC"] + 58.5) <= 0.5)),
        ({"ENERGY": "1 Inf"}, lambda e: e["ENERGY"] >= 1),
        ({"ENERGY": "-Inf 1"}, lambda e: e["ENERGY"] <= 1),
        ({"BAND": "-Inf 1.239841984332e-18"}, lambda e: e["ENERGY"] >= 1),
        ({"BAND": "2.479683968664e-19 1.239841984332e-18", "ENERGY": "2 Inf"}, lambda e: abs(e["ENERGY"] - 3.5) <= 1.5),
        ({"POS": "CIRCLE 228.6 -58.8 180", "ENERGY": "1 2"}, lambda e: abs(e["ENERGY"] - 1.5) <= 0.5),
        ({"RESPONSES": "omit"}, lambda e: e["ENERGY"] > 0),
    ],
)
def test_filters(run: Path, parameters: dict[str, str], kept: object) -> None:
    events = fits.getdata(run, "EVENTS")
    content, _ = cut(run, **parameters)
    np.testing.assert_array_equal(events_of(content)["EVENT_ID"], events["EVENT_ID"][kept(events)])  # type: ignore


def test_all_regions_must_be_passed(run: Path) -> None:
    circle, polygon = "228.6 -58.8 1", "228 -59.5 228 -58 230 -58 230 -59.5"
    both = events_of(cut(run, CIRCLE=circle, POLYGON=polygon, POS="RANGE 0 360 -59 -58.5")[0])
    ids = [set(events_of(cut(run, **one)[0])["EVENT_ID"]) for one in ({"CIRCLE": circle}, {"POLYGON": polygon})]
    ids.append(set(events_of(cut(run, POS="RANGE 0 360 -59 -58.5")[0])["EVENT_ID"]))
    assert set(both["EVENT_ID"]) == ids[0] & ids[1] & ids[2]
    assert 0 < len(both) < min(map(len, ids))


def test_band_and_energy_select_the_same_rows(run: Path) -> None:
    energy, _ = cut(run, ENERGY="0.7 7")
    band, _ = cut(run, BAND=f"{1.239841984332e-18 / 7!r} {1.239841984332e-18 / 0.7!r}")
    np.testing.assert_array_equal(rows_of(energy), rows_of(band))


@pytest.mark.parametrize(
    ("unit", "factor"), [("GeV", 1e3), ("MeV", 1e6), ("erg", 1.602176634), (None, 1.0), ("TEV", 1.0)]
)
def test_energies_in_other_units(tmp_path: Path, unit: str | None, factor: float) -> None:
    columns = made_columns(300)
    columns[4] = fits.Column("ENERGY", "D", unit, array=columns[4].array.astype(float) * factor)
    path = written(tmp_path / "a.fits", table("EVENTS", columns, HEADER), gti())
    content, _ = cut(path, ENERGY="0.75 5.5")
    expected = (made_columns(300)[4].array >= 0.75) & (made_columns(300)[4].array <= 5.5)
    assert len(events_of(content)) == expected.sum()
    assert opened(content)["EVENTS"].header["DSVAL1"] == "0.75:5.5"


def test_angles_in_radian(tmp_path: Path) -> None:
    columns = made_columns(300)
    for index in (2, 3):
        columns[index] = fits.Column(
            columns[index].name, "D", "rad", array=np.radians(columns[index].array, dtype=float)
        )
    path = written(tmp_path / "a.fits", table("EVENTS", columns, HEADER), gti())
    same = written(tmp_path / "b.fits", made_events(300), gti())
    assert cut(path, CIRCLE=CIRCLE)[1].n_events_out == cut(same, CIRCLE=CIRCLE)[1].n_events_out > 0


def test_columns_of_any_type_keep_their_bytes(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    n = 200
    ids = fits.Column("MC_ID", "J", bzero=2**31, array=random.integers(0, 2**32, n, np.uint32))
    more = [
        ids,
        fits.Column("WEIGHTS", "6E", dim="(2,3)", array=random.normal(size=(n, 3, 2))),
        fits.Column("NAME", "5A", array=np.array([f"e{i}" for i in range(n)])),
        fits.Column("FLAG", "L", array=random.integers(0, 2, n).astype(bool)),
        fits.Column("EVENT_TYPE", "32X", array=random.integers(0, 2, (n, 32)).astype(bool)),
        fits.Column("SCALED", "I", array=random.integers(0, 100, n)),
        fits.Column("PAIR", "C", array=random.normal(size=n) + 1j),
        fits.Column("NOTHING", "E", array=np.full(n, np.nan)),
    ]
    events = made_events(n, more=more)
    events.header["TSCAL11"], events.header["TZERO11"] = 0.5, 3.0
    path = written(tmp_path / "a.fits", events, gti())
    content, _ = cut(path, CIRCLE=CIRCLE)
    assert opened(content)["EVENTS"].header["TSCAL11"] == 0.5
    before = fits.getdata(path, "EVENTS")
    kept = np.isin(before["EVENT_ID"], events_of(content)["EVENT_ID"])
    np.testing.assert_array_equal(rows_of(content), rows_of(path.read_bytes())[kept])
    for name in ("MC_ID", "WEIGHTS", "NAME", "FLAG", "SCALED"):
        np.testing.assert_array_equal(events_of(content)[name], before[name][kept])
    assert repr(opened(content)["EVENTS"].columns) == repr(fits.open(path)["EVENTS"].columns)


def test_scaled_columns_are_compared_by_value(tmp_path: Path) -> None:
    columns = made_columns(300)
    columns[4] = fits.Column("ENERGY", "I", "TeV", array=np.arange(300))
    columns[2] = fits.Column("RA", "J", "deg", array=((columns[2].array - 200.0) * 1e6).astype(int))
    scales = {"TSCAL5": 0.05, "TZERO5": 1.0, "TSCAL3": 1e-6, "TZERO3": 200.0}
    path = written(tmp_path / "a.fits", table("EVENTS", columns, {**HEADER, **scales}), gti())
    content, _ = cut(path, CIRCLE=CIRCLE, ENERGY="2.005 3.995")
    before = fits.getdata(path, "EVENTS")
    distance = SkyCoord(228.6, -58.8, unit="deg").separation(SkyCoord(before["RA"], before["DEC"], unit="deg")).deg
    kept = (before["ENERGY"] >= 2.005) & (before["ENERGY"] <= 3.995) & (distance <= 1)
    assert kept.sum() > 0
    np.testing.assert_array_equal(events_of(content)["EVENT_ID"], before["EVENT_ID"][kept])


def test_variable_length_arrays_keep_their_heap(tmp_path: Path) -> None:
    arrays = np.empty(100, dtype=object)
    arrays[:] = [np.arange(i % 7, dtype=np.float32) + i for i in range(100)]
    columns = [*made_columns(100), fits.Column("PIXELS", "PE()", array=arrays)]
    path = written(tmp_path / "a.fits", table("EVENTS", columns, HEADER), gti())
    content, _ = cut(path, CIRCLE="228.6 -58.8 1.2")
    events = opened(content)["EVENTS"]
    assert events.header["PCOUNT"] == fits.getheader(path, "EVENTS")["PCOUNT"] > 0
    assert 0 < len(events.data) < 100
    for row in events.data:
        np.testing.assert_array_equal(row["PIXELS"], arrays[row["EVENT_ID"] - 2**40])


def test_a_gap_before_the_heap_stays(tmp_path: Path) -> None:
    arrays = np.empty(50, dtype=object)
    arrays[:] = [np.arange(3, dtype=np.float32) + i for i in range(50)]
    whole = to_bytes(table("EVENTS", [*made_columns(50), fits.Column("PIXELS", "PE()", array=arrays)], HEADER))
    header, data = raw_hdus(whole)["EVENTS"]
    cards = fits.Header.fromstring(header.decode())
    main, heap = cards["NAXIS1"] * 50, cards["PCOUNT"]
    cards["PCOUNT"], cards["THEAP"] = heap + 40, main + 40
    data = data[:main] + b"\7" * 40 + data[main : main + heap]
    data += b"\0" * (-len(data) % 2880)
    path = tmp_path / "a.fits"
    path.write_bytes(raw_hdus(whole)["PRIMARY"][0] + cards.tostring().encode() + data)
    content, _ = cut(path, CIRCLE="228.6 -58.8 1.2")
    events = opened(content)["EVENTS"]
    assert events.header["THEAP"] == events.header["NAXIS1"] * len(events.data) + 40
    for row in events.data:
        np.testing.assert_array_equal(row["PIXELS"], arrays[row["EVENT_ID"] - 2**40])


def test_what_is_no_number_passes_no_filter(tmp_path: Path) -> None:
    columns = made_columns(10)
    columns[4].array[3] = np.nan
    columns[2].array[5] = np.nan
    columns[1].array[7] = np.nan
    path = written(tmp_path / "a.fits", table("EVENTS", columns, HEADER), gti())
    assert cut(path, ENERGY="0 Inf")[1].n_events_out == 9
    assert cut(path, CIRCLE="228.6 -58.8 10")[1].n_events_out == 9
    assert cut(path, TIME="53090 Inf")[1].n_events_out == 9
    assert cut(path, RESPONSES="omit")[1].n_events_out == 10


def test_columns_in_another_case_and_twice(tmp_path: Path) -> None:
    """HAWC has ra and RA, in radian and in degrees: the one in capitals counts."""
    random = np.random.default_rng(3)
    columns = [fits.Column("ra", "D", array=random.uniform(0, 1, 50)), *made_columns(50)]
    columns[5] = fits.Column("energy", "E", "TeV", array=columns[5].array)
    hdu = fits.BinTableHDU.from_columns(columns[:1] + columns[2:])
    hdu.columns[3].name = "DEC"
    plain = written(tmp_path / "b.fits", made_events(50), gti())
    first = written(tmp_path / "a.fits", table("EVENTS", [*columns[1:]], HEADER), gti())
    assert (
        cut(first, ENERGY="1 5", CIRCLE=CIRCLE)[1].n_events_out
        == cut(plain, ENERGY="1 5", CIRCLE=CIRCLE)[1].n_events_out
    )


# -- EVENT_TYPE


def typed(tmp_path: Path, column: fits.Column) -> Path:
    return written(tmp_path / "a.fits", made_events(64, more=[column]), gti())


def test_event_types_as_bits(tmp_path: Path) -> None:
    """Bit 0 is the least significant one, the last of the 32 (as in Fermi's FT1 files)."""
    bits = np.zeros((64, 32), dtype=bool)
    for row in range(64):
        bits[row, 31 - row % 5] = True
    path = typed(tmp_path, fits.Column("EVENT_TYPE", "32X", array=bits))
    content, _ = cut(path, EVENT_TYPE="0")
    assert (events_of(content)["EVENT_ID"] - 2**40).tolist() == list(range(0, 64, 5))
    content, _ = cut(path, EVENT_TYPE=["3", "1"])
    assert (events_of(content)["EVENT_ID"] - 2**40).tolist() == [row for row in range(64) if row % 5 in (1, 3)]
    header = opened(content)["EVENTS"].header
    assert (header["DSTYP1"], header["DSUNI1"], header["DSVAL1"]) == ("BIT_MASK(EVENT_TYPE,10)", "DIMENSIONLESS", "1:1")
    assert "EVENT_TYPE=3" in str(header["HISTORY"])
    for wrong in ("32", "gold", "-1", "1.0"):
        with pytest.raises(
            SodaError, match=r"UsageError: EVENT_TYPE of this dataset is the number of a bit, 0 to 31\."
        ):
            cut(path, EVENT_TYPE=wrong)


def test_event_types_as_numbers_and_texts(tmp_path: Path) -> None:
    path = typed(tmp_path, fits.Column("EVENT_TYPE", "J", array=np.arange(64) % 4))
    assert cut(path, EVENT_TYPE=["2", "3"])[1].n_events_out == 32
    with pytest.raises(SodaError, match=r"is a whole number"):
        cut(path, EVENT_TYPE="gold")
    path = typed(tmp_path, fits.Column("EVENT_TYPE", "6A", array=np.array(["gold", "silver", "iron", "gold"] * 16)))
    content, result = cut(path, EVENT_TYPE=["Gold", "iron"])
    assert result.n_events_out == 48
    assert opened(content)["EVENTS"].header["DSVAL1"] == "Gold,iron"
    assert cut(path, EVENT_TYPE="lead")[1].n_events_out == 0


def test_event_types_as_the_label_of_the_dataset(run: Path, tmp_path: Path) -> None:
    gold = DatasetBounds(event_type="Gold")
    content, result = cut(run, gold, EVENT_TYPE=["gold", "other"])
    assert result.n_events_out == 500
    assert "DSTYP1" not in opened(content)["EVENTS"].header
    with pytest.raises(NoOverlap):
        cut(run, gold, EVENT_TYPE="silver")
    with pytest.raises(NoOverlap):
        cut(run, EVENT_TYPE="silver")
    path = typed(tmp_path, fits.Column("EVENT_TYPE", "J", array=np.arange(64) % 4))
    assert cut(path, DatasetBounds(event_type="8"), EVENT_TYPE=["1", "2"])[1].n_events_out == 32
    assert cut(path, DatasetBounds(event_type="2"), EVENT_TYPE=["1", "2"])[1].n_events_out == 64


# -- rules 4, 5, 6: what else is in the file


def test_everything_else_is_copied_byte_for_byte(run: Path) -> None:
    before = raw_hdus(run.read_bytes())
    after = raw_hdus(cut(run, CIRCLE=CIRCLE, ENERGY="1 10")[0])
    assert list(after) == list(before)
    for name in before:
        assert (after[name] == before[name]) == (name != "EVENTS"), name


def test_responses_can_be_left_out(run: Path) -> None:
    content, _ = cut(run, CIRCLE=CIRCLE, RESPONSES="omit")
    assert [hdu.name for hdu in opened(content)] == ["PRIMARY", "EVENTS", "GTI", "POINTING"]


def test_a_cut_in_space_or_energy_changes_no_time(run: Path) -> None:
    header = opened(cut(run, CIRCLE=CIRCLE, ENERGY="1 10")[0])["EVENTS"].header
    before = fits.getheader(run, "EVENTS")
    changed = {"NAXIS2", "CHECKSUM", "DATASUM", "HISTORY", "NDSKEYS"}
    for key, value in before.items():
        assert key in changed or header[key] == value
    assert header.comments["CHECKSUM"] == "HDU checksum"
    added = set(header) - set(before) - changed
    assert added - {""} == {f"DS{what}{number}" for what in ("TYP", "UNI", "VAL") for number in (1, 2)}


def test_the_header_keeps_its_bytes_and_order(run: Path) -> None:
    before, _ = raw_hdus(run.read_bytes())["EVENTS"]
    after, _ = raw_hdus(cut(run, CIRCLE=CIRCLE)[0])["EVENTS"]
    old = [before[start : start + 80] for start in range(0, len(before), 80)]
    new = [after[start : start + 80] for start in range(0, len(after), 80)]
    n_old = old.index(b"END".ljust(80))
    kept = [card for card in old[:n_old] if not card.startswith((b"NAXIS2", b"CHECKSUM", b"DATASUM"))]
    assert [card for card in new if card in set(kept)] == kept


def test_shared_responses_are_appended(tmp_path: Path) -> None:
    path = written(tmp_path / "run.fits", made_events(), gti())
    irf = written(tmp_path / "irf.fits", *bundle()[2:])
    edisp = tmp_path / "edisp.fits.gz"
    edisp.write_bytes(gzip.compress(to_bytes(response("edisp", "ENERGY DISPERSION"))))
    shared = (*shared_responses(irf, "aeff", "PSF"), *shared_responses(edisp, "Energy Dispersion"))
    content, result = cut_with(path, request(shared_responses=shared), CIRCLE=CIRCLE)
    assert [hdu.name for hdu in opened(content)] == ["PRIMARY", "EVENTS", "GTI", "AEFF", "PSF", "ENERGY DISPERSION"]
    after = raw_hdus(content)
    assert after["AEFF"] == raw_hdus(irf.read_bytes())["AEFF"]
    assert after["PSF"] == raw_hdus(irf.read_bytes())["PSF"]
    assert after["ENERGY DISPERSION"] == raw_hdus(gzip.decompress(edisp.read_bytes()))["ENERGY DISPERSION"]
    assert result.notes == ()
    content, _ = cut_with(path, request(shared_responses=shared), CIRCLE=CIRCLE, RESPONSES="omit")
    assert [hdu.name for hdu in opened(content)] == ["PRIMARY", "EVENTS", "GTI"]


def test_maps_come_with_their_bands_and_primary_maps_stay_away(tmp_path: Path) -> None:
    path = written(tmp_path / "run.fits", made_events(), gti())
    image = fits.ImageHDU(np.ones((3, 4, 5), np.float32), name="EDISP")
    image.header["BANDSHDU"] = "EDISP_BANDS"
    bands = table("EDISP_BANDS", [fits.Column("CHANNEL", "I", array=[0, 1, 2])], {})
    maps = written(tmp_path / "edisp.fits", image, bands, table("OTHER", [fits.Column("X", "I", array=[0])], {}))
    first = fits.PrimaryHDU(np.ones((3, 4), np.float32))
    first.header["EXTNAME"] = "BKG"
    (tmp_path / "bkg.fits").write_bytes(b"")
    fits.HDUList([first]).writeto(tmp_path / "bkg.fits", overwrite=True)
    shared = (*shared_responses(maps, "EDISP"), *shared_responses(tmp_path / "bkg.fits", "BKG"))
    content, result = cut_with(path, request(shared_responses=shared), CIRCLE=CIRCLE)
    hdus = opened(content)
    assert [hdu.name for hdu in hdus] == ["PRIMARY", "EVENTS", "GTI", "EDISP", "EDISP_BANDS"]
    assert result.notes == ("Not included, since primary HDUs cannot be appended: BKG.",)
    assert result.notes[0] in str(hdus["EVENTS"].header["HISTORY"])


def test_a_shared_response_that_cannot_be_read(tmp_path: Path) -> None:
    path = written(tmp_path / "run.fits", made_events(), gti())
    irf = written(tmp_path / "irf.fits", *bundle()[2:])
    (tmp_path / "broken.fits").write_bytes(irf.read_bytes()[:7000])
    for shared in (
        shared_responses(irf, "NONE"),
        shared_responses(tmp_path / "absent.fits", "AEFF"),
        shared_responses(tmp_path / "broken.fits", "EDISP"),
    ):
        with pytest.raises(SodaError, match=r"^Error: A response .* ask with RESPONSES=omit") as caught:
            cut_with(path, request(shared_responses=shared), CIRCLE=CIRCLE)
        assert caught.value.status == 500
        assert str(tmp_path) not in caught.value.body


@pytest.mark.parametrize(("radius", "warned"), [(0.05, True), (0.1, False), (1.0, False)])
@pytest.mark.parametrize("kind", ["table", "keyword"])
def test_a_circle_smaller_than_rad_max_is_remarked(tmp_path: Path, kind: str, radius: float, warned: bool) -> None:
    point_like = (
        [response("aeff", hduclas3="POINT-LIKE"), response("rad_max")]
        if kind == "table"
        else [response("aeff", hduclas3="POINT-LIKE", rad_max=0.1)]
    )
    path = written(tmp_path / "a.fits", made_events(5000), gti(), *point_like)
    content, result = cut(path, CIRCLE=f"228.6 -58.8 {radius}")
    assert bool(result.notes) is warned
    assert ("smaller than RAD_MAX (0.1 deg)" in str(opened(content)["EVENTS"].header["HISTORY"])) is warned
    assert raw_hdus(content)["AEFF"] == raw_hdus(path.read_bytes())["AEFF"]
    assert not cut(path, ENERGY="1 2")[1].notes


def test_more_remarks_than_the_header_has_room_for(tmp_path: Path) -> None:
    responses = [response("aeff", f"AEFF{n}", hduclas3="POINT-LIKE", rad_max=0.2 + 0.1 * n) for n in range(9)]
    path = written(tmp_path / "a.fits", made_events(5000), gti(), *responses)
    content, result = cut(path, CIRCLE="228.6 -58.8 0.1")
    assert len(result.notes) == 9
    assert "RAD_MAX (0.2 deg)" in " ".join(opened(content)["EVENTS"].header["HISTORY"])


# -- rule 7: what a cut-out says about itself


def test_history(run: Path) -> None:
    content, _ = cut(run, CIRCLE=CIRCLE, TIME="53090.13 53090.14", ENERGY="1 Inf")
    header = opened(content)["EVENTS"].header
    lines = list(header["HISTORY"])
    assert lines[0] == f"Cut-out (SODA) of {DID}"
    joined = " ".join(line.strip() for line in lines)
    assert "Made by archive 1.0, service https://test/soda, on 2026-01-15T12:30:00Z" in joined
    for parameter in ("CIRCLE=228.6 -58.8 1", "TIME=53090.13 53090.14", "ENERGY=1 Inf"):
        assert parameter in lines
    assert "LIVETIME is DEADC times ONTIME" in joined
    assert max(map(len, lines)) <= 70
    assert header["CREATOR"] == "tests"
    assert header["OBS_ID"] == 20136


def test_texts_in_history_are_split_and_ascii(run: Path) -> None:
    long = "ivo://test/~?" + "a" * 200 + "/\u00e9\n.fits"
    content = io.BytesIO()
    asked = request()
    object.__setattr__(asked, "publisher_did", long)
    cut_event_list(run, parse_selection({"CIRCLE": [CIRCLE]}), content, asked)
    lines = list(opened(content.getvalue())["EVENTS"].header["HISTORY"])
    assert max(map(len, lines)) <= 70
    assert "".join(line.strip() for line in lines).startswith(
        "Cut-out (SODA) of ivo://test/~?" + "a" * 200 + "/??.fits"
    )


SUBSPACE = {
    **{"dstyp1": "TIME", "dsuni1": "s", "dsval1": "TABLE", "dsref1": ":GTI"},
    **{"dstyp2": "ENERGY", "dsuni2": "GeV", "dsval2": "300:20000"},
    **{"dstyp3": "POS(RA,DEC)", "dsuni3": "deg", "dsval3": "CIRCLE(228.6,-58.8,2)", "ndskeys": 3},
}


@pytest.mark.parametrize(
    ("parameters", "changed", "n_keys"),
    [
        ({"TIME": "53090.13 53090.14"}, {}, 3),
        ({"ENERGY": "1 10"}, {"DSVAL2": "1000:10000"}, 3),
        ({"ENERGY": "0.1 10"}, {"DSVAL2": "300:10000"}, 3),
        ({"ENERGY": "1 Inf"}, {"DSVAL2": "1000:20000"}, 3),
        ({"BAND": "1.239841984332e-19 Inf"}, {"DSVAL2": "300:10000"}, 3),
        ({"CIRCLE": "228.6 -58.3 1"}, {"DSVAL3": "CIRCLE(228.6,-58.3,1)"}, 3),
        ({"CIRCLE": "228.6 -58.8 5"}, {}, 3),
        ({"CIRCLE": "230.6 -58.8 1.5"}, {"DSTYP4": "POS(RA,DEC)", "DSVAL4": "CIRCLE(230.6,-58.8,1.5)"}, 4),
        ({"POS": "RANGE 228 229 -60 -58"}, {"DSVAL4": "RANGE(228,229,-60,-58)", "DSUNI4": "deg"}, 4),
        (
            {"POLYGON": "228 -60 228 -58 230 -58", "CIRCLE": "228.6 -58.3 1"},
            {"DSVAL3": "CIRCLE(228.6,-58.3,1)", "DSVAL4": "POLYGON(228,-60,228,-58,230,-58)"},
            4,
        ),
    ],
)
def test_the_data_subspace_is_narrowed(
    tmp_path: Path, parameters: dict[str, str], changed: dict[str, str], n_keys: int
) -> None:
    path = written(tmp_path / "a.fits", made_events(**SUBSPACE), gti())
    header = opened(cut(path, **parameters)[0])["EVENTS"].header
    expected = {key.upper(): value for key, value in SUBSPACE.items()} | {"NDSKEYS": n_keys} | changed
    assert {key: header[key] for key in expected} == expected
    assert f"DSTYP{n_keys + 1}" not in header


def test_the_data_subspace_is_begun(run: Path) -> None:
    parameters = {"TIME": "53090.13 Inf", "ENERGY": "0.5 Inf", "POS": "circle 228.6 -58.8 1"}
    header = opened(cut(run, **parameters)[0])["EVENTS"].header
    entries = [[header.get(f"DS{what}{n}") for what in ("TYP", "UNI", "VAL", "REF")] for n in (1, 2, 3)]
    assert entries == [
        ["TIME", "s", "TABLE", ":GTI"],
        ["ENERGY", "TeV", "0.5:1000000", None],
        ["POS(RA,DEC)", "deg", "CIRCLE(228.6,-58.8,1)", None],
    ]
    assert header["NDSKEYS"] == 3


def test_a_long_polygon_is_recorded(run: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    vertices = np.column_stack((228.6 + 2 * np.sin(angle), -58.8 + np.cos(angle))).round(6).ravel().tolist()
    value = " ".join(map(repr, vertices))
    content, result = cut(run, POLYGON=value)
    header = opened(content)["EVENTS"].header
    assert header["DSVAL1"] == "POLYGON(" + value.replace(" ", ",") + ")"
    assert "POLYGON=" + value.split()[0] in str(header["HISTORY"])
    assert result.n_events_out > 0


def test_cutting_a_cut_out(run: Path, tmp_path: Path) -> None:
    once, _ = cut(run, CIRCLE="228.6 -58.8 1.5", TIME="53090.125 53090.14")
    (tmp_path / "once.fits").write_bytes(once)
    twice, _ = cut(tmp_path / "once.fits", CIRCLE="228.8 -58.9 1", ENERGY="0.3 30", TIME="53090.13 53090.15")
    direct, _ = cut(run, CIRCLE="228.8 -58.9 1", ENERGY="0.3 30", TIME="53090.13 53090.14")
    np.testing.assert_array_equal(rows_of(twice), rows_of(direct))
    np.testing.assert_array_equal(rows_of(twice, "GTI"), rows_of(direct, "GTI"))
    headers = [opened(content)["EVENTS"].header for content in (twice, direct)]
    for key in ("TSTART", "TSTOP", "ONTIME", "LIVETIME", "NDSKEYS"):
        assert headers[0][key] == headers[1][key]
    assert {headers[0][f"DSVAL{n}"] for n in (1, 2, 3)} == {headers[1][f"DSVAL{n}"] for n in (1, 2, 3)}
    assert str(opened(twice)["EVENTS"].header["HISTORY"]).count("Cut-out (SODA)") == 2
    again, _ = cut(tmp_path / "once.fits", CIRCLE="228.6 -58.8 1.5", TIME="53090.125 53090.14")
    np.testing.assert_array_equal(rows_of(again), rows_of(once))
    assert raw_hdus(again)["GTI"][1] == raw_hdus(once)["GTI"][1]


# -- rule 9: empty results

FIELD = DatasetBounds(228.6, -58.8, 2.5, 0.2, 60.0, 53090.1227, 53090.1422)


@pytest.mark.parametrize(
    "parameters",
    [
        {"CIRCLE": "100 20 1"},
        {"POLYGON": "100 20 100 21 101 20"},
        {"POS": "RANGE 0 360 0 90"},
        {"ENERGY": "100 200"},
        {"BAND": "1 2"},
        {"TIME": "50000 50001"},
        {"TIME": "53090.2 Inf"},
        {"TIME": "-Inf 1"},
        {"ENERGY": "1 2", "BAND": "1.3e-18 2e-18"},
    ],
)
def test_a_filter_that_misses_the_dataset(run: Path, parameters: dict[str, str]) -> None:
    with pytest.raises(NoOverlap):
        cut(run, FIELD, **parameters)


@pytest.mark.parametrize("parameters", [{"CIRCLE": "228.6 -58.8 1e-7"}, {"ENERGY": "55 59"}])
def test_a_filter_that_selects_nothing_gives_a_table_without_rows(run: Path, parameters: dict[str, str]) -> None:
    content, result = cut(run, FIELD, **parameters)
    assert result.n_events_out == 0
    hdus = opened(content)
    assert hdus["EVENTS"].header["NAXIS2"] == 0
    assert len(hdus["GTI"].data) == 1
    assert [hdu.name for hdu in hdus][3:7] == list(RESPONSES)


def test_events_outside_of_the_promised_field_are_given(run: Path) -> None:
    """Real files have events below the energy threshold and beyond the field of view of the responses."""
    narrow = DatasetBounds(228.6, -58.8, 0.5, 5.0, 6.0)
    assert cut(run, narrow, ENERGY="0.2 1")[1].n_events_out > 0
    assert cut(run, narrow, CIRCLE="228.6 -57.3 0.4")[1].n_events_out > 0


def test_empty_event_lists(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", made_events(0), gti(), response("aeff"))
    content, result = cut(path, FIELD, CIRCLE=CIRCLE, TIME="53090.13 53090.14", ENERGY="1 2")
    assert (result.n_events_in, result.n_events_out, result.n_gti) == (0, 0, 1)
    assert len(opened(content)["EVENTS"].data) == 0


# -- shapes of files


def test_several_event_tables(tmp_path: Path) -> None:
    second = made_events(100, seed=2, obs_id=7)
    second.header["EXTNAME"] = "EVENTS2"
    path = written(tmp_path / "a.fits", made_events(100), gti(), second, gti([(101962700.0, 101962800.0)], name="GTI2"))
    content, result = cut(path, TIME="53090.124 53090.125")
    hdus = opened(content)
    assert result.n_events_in == 200
    assert result.n_events_out == len(hdus["EVENTS"].data) + len(hdus["EVENTS2"].data) > 0
    assert hdus["EVENTS2"].header["ONTIME"] < 100 * 0.9
    assert hdus["EVENTS"].header["ONTIME"] == pytest.approx(86.4, abs=1e-5)


def test_the_file_name_is_safe(tmp_path: Path) -> None:
    for obs_id, name in (("chunks 103 - 133", "chunks_103_-_133"), ("../../etc", "etc"), ("'; x", "x"), (0, "r_n")):
        path = written(tmp_path / "r n.fits.gz", made_events(obs_id=obs_id), gti())
        assert cut(path, ENERGY="1 2")[1].file_name == f"{name}_cutout.fits"


def test_the_result_may_begin_anywhere(run: Path) -> None:
    out = io.BytesIO(b"before")
    out.seek(6)
    result = cut_event_list(run, parse_selection({"CIRCLE": [CIRCLE]}), out, request())
    assert out.getvalue() == b"before" + cut(run, CIRCLE=CIRCLE)[0]
    assert result.n_bytes == len(out.getvalue()) - 6


@pytest.mark.parametrize("chunk", [1, 100, 28 * 7, 28 * 500, 10**6])
def test_the_size_of_chunks_does_not_matter(run: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    expected, _ = cut(run, CIRCLE=CIRCLE, ENERGY="0.5 10")
    monkeypatch.setattr("datalink.soda.rowfilter.CHUNK_BYTES", chunk)
    monkeypatch.setattr("datalink.soda.fitsstream.PIECE_BYTES", max(chunk // 3, 1))
    assert cut(run, CIRCLE=CIRCLE, ENERGY="0.5 10")[0] == expected


def test_a_full_disk(run: Path) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    for response_format in ("fits", "votable"):
        selection = parse_selection({"CIRCLE": [CIRCLE], "RESPONSEFORMAT": [response_format]})
        with pytest.raises(SodaError, match=r"Error: .* could not be read or written \(No space left on device\)\.$"):
            cut_event_list(run, selection, Full(), request())
