# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut-outs as VOTable, read back with astropy, and against the same cut-out as FITS."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.io.votable.tree import VOTableFile

from datalink.soda.errors import NoOverlap
from datalink.soda.overlap import DatasetBounds
from tests.unit.cutout_files import DID, START, cut, made_columns, made_events, opened, written
from tests.unit.fits_files import HEADER, bundle, gti, table

CUTS = {"CIRCLE": "228.6 -58.8 1", "TIME": "53090.13 53090.14", "ENERGY": "0.5 10"}


def read(content: bytes) -> VOTableFile:
    return parse(io.BytesIO(content), verify="exception")


def test_it_holds_the_events_of_the_fits_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", made_events(2000), gti(), *bundle()[2:])
    content, result = cut(path, **CUTS, RESPONSEFORMAT="votable")
    other, expected = cut(path, **CUTS)
    assert result.file_name == "20136_cutout.vot"
    assert result.media_type == "application/x-votable+xml"
    assert (result.n_events_in, result.n_events_out, result.n_gti) == (2000, expected.n_events_out, 1)
    document = read(content)
    assert document.version == "1.4"
    events, intervals = document.iter_tables()
    assert (events.name, intervals.name) == ("EVENTS", "GTI")
    columns = opened(other)["EVENTS"].data
    for name in columns.names:
        np.testing.assert_array_equal(events.array[name].data, columns[name])
        assert not np.ma.getmaskarray(events.array[name]).any()
    assert intervals.array["START"].tolist() == opened(other)["GTI"].data["START"].tolist()


def test_what_it_says_about_itself(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", made_events(2000, object="<&\"'>"), gti())
    content, _ = cut(path, **CUTS, RESPONSEFORMAT="application/x-votable+xml")
    document = read(content)
    resource = document.resources[0]
    assert resource.type == "results"
    infos = [(info.name, info.value) for info in resource.infos]
    assert ("QUERY_STATUS", "OK") in infos
    assert ("ID", DID) in infos
    history = [value for name, value in infos if name == "HISTORY"]
    assert "CIRCLE=228.6 -58.8 1" in history
    assert any("LIVETIME is DEADC times ONTIME" in line for line in history)
    (sky,), (time,) = resource.coordinate_systems, resource.time_systems
    assert (sky.system, sky.equinox) == ("eq_FK5", "J2000")
    assert (time.timescale, time.refposition) == ("TT", "TOPOCENTER")
    assert float(time.timeorigin) == pytest.approx(2451910.500742870370)
    fields = {field.name: field for field in resource.tables[0].fields}
    assert fields["RA"].ref == fields["DEC"].ref == sky.ID
    assert fields["TIME"].ref == time.ID
    assert {name: str(field.unit) for name, field in fields.items() if field.unit} == {
        **{"TIME": "s", "RA": "deg", "DEC": "deg", "ENERGY": "TeV"}
    }
    assert fields["RA"].ucd == "pos.eq.ra;meta.main"
    params = {param.name: param.value for param in document.resources[1].params}
    header = opened(cut(path, **CUTS)[0])["EVENTS"].header
    for name in ("TSTART", "TSTOP", "ONTIME", "LIVETIME", "RA_PNT"):
        assert params[name] == header[name]
    assert params["OBJECT"] == "<&\"'>"


@pytest.mark.parametrize(
    ("cards", "scale", "origin"),
    [
        ({"timesys": "TAI", "mjdrefi": 58119, "mjdreff": 0.0}, "TAI", "2458119.5"),
        ({"timesys": "UTC", "mjdrefi": 52706, "mjdreff": 0.0}, "TAI", "2452706.50037037037037"),
        ({"timesys": "TT", "mjdrefi": 51544, "mjdreff": 0.5}, "TT", "2451545"),
        ({"timesys": None}, None, None),
    ],
)
def test_time_systems(tmp_path: Path, cards: dict[str, object], scale: str | None, origin: str | None) -> None:
    path = written(tmp_path / "a.fits", made_events(20, **cards))
    resource = read(cut(path, ENERGY="-Inf 100", RESPONSEFORMAT="votable")[0]).resources[0]
    assert [system.timescale for system in resource.time_systems] == ([scale] if scale else [])
    if origin:
        assert resource.time_systems[0].timeorigin == pytest.approx(float(origin), abs=1e-9)


def test_columns_of_any_type(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    n = 50
    arrays = np.empty(n, dtype=object)
    arrays[:] = [np.zeros(i % 3) for i in range(n)]
    more = [
        fits.Column("MC_ID", "J", bzero=2**31, array=random.integers(0, 2**32, n, np.uint32)),
        fits.Column("BIG", "K", array=random.integers(-(2**63), 2**63 - 1, n)),
        fits.Column("WEIGHTS", "6E", dim="(2,3)", array=random.normal(size=(n, 3, 2))),
        fits.Column("NAME", "5A", array=np.array([f"e{i}" for i in range(n)])),
        fits.Column("FLAG", "L", array=random.integers(0, 2, n).astype(bool)),
        fits.Column("EVENT_TYPE", "12X", array=random.integers(0, 2, (n, 12)).astype(bool)),
        fits.Column("COUNT", "I", null=-1, array=np.arange(n) % 5 - 1),
        fits.Column("SMALL", "B", array=np.arange(n)),
        fits.Column("SCALED", "I", array=np.arange(n)),
        fits.Column("PAIR", "C", array=random.normal(size=n) + 1j),
        fits.Column("NOTHING", "0E"),
        fits.Column("TREE", "PD()", array=arrays),
    ]
    events = made_events(n, more=more)
    events.header["TSCAL14"], events.header["TZERO14"] = 0.5, 3.0
    path = written(tmp_path / "a.fits", events)
    (made,) = read(cut(path, ENERGY="-Inf 1000", RESPONSEFORMAT="votable")[0]).iter_tables()
    before = fits.getdata(path, "EVENTS")
    assert "TREE" not in made.array.dtype.names
    assert "NOTHING" not in made.array.dtype.names
    for name in ("MC_ID", "BIG", "WEIGHTS", "SMALL", "SCALED", "PAIR", "EVENT_ID"):
        np.testing.assert_array_equal(made.array[name].data.reshape(before[name].shape), before[name])
    assert made.array["MC_ID"].dtype == np.int64
    assert made.array["NAME"].tolist() == before["NAME"].tolist()
    assert made.array["FLAG"].tolist() == before["FLAG"].tolist()
    np.testing.assert_array_equal(made.array["EVENT_TYPE"].data.reshape(n, 12), before["EVENT_TYPE"])
    np.testing.assert_array_equal(np.ma.getmaskarray(made.array["COUNT"]), np.arange(n) % 5 == 0)
    datatypes = {field.name: field.datatype for field in made.fields}
    assert datatypes["SCALED"] == "double"
    assert datatypes["COUNT"] == "short"
    assert datatypes["EVENT_TYPE"] == "bit"


def test_unsigned_numbers_that_fit_no_long_are_doubles(tmp_path: Path) -> None:
    ids = np.array([0, 2**63 + 5, 2**64 - 1], np.uint64)
    path = written(tmp_path / "a.fits", made_events(3, more=[fits.Column("U", "K", bzero=2**63, array=ids)]))
    (made,) = read(cut(path, ENERGY="-Inf 1000", RESPONSEFORMAT="votable")[0]).iter_tables()
    np.testing.assert_array_equal(made.array["U"].data, ids.astype(float))


@pytest.mark.parametrize("n", [0, 1, 5000])
@pytest.mark.parametrize("chunk", [40, 10**4, 2**22])
def test_rows_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int, chunk: int) -> None:
    monkeypatch.setattr("datalink.soda.rowfilter.CHUNK_BYTES", chunk if n < 100 else max(chunk, 2000))
    path = written(tmp_path / "a.fits", made_events(n), gti())
    content, _ = cut(path, ENERGY="0.3 30", RESPONSEFORMAT="votable")
    events = next(iter(read(content).iter_tables()))
    expected = [event for event in fits.getdata(path, "EVENTS") if 0.3 <= event["ENERGY"] <= 30]
    assert events.array["EVENT_ID"].tolist() == [event["EVENT_ID"] for event in expected]


def test_gti_behind_the_events_whatever_the_order(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", gti([(START, START + 10), (START + 20, START + 30)]), made_events(100))
    document = read(cut(path, ENERGY="0.3 30", RESPONSEFORMAT="votable")[0])
    assert [made.name for made in document.iter_tables()] == ["EVENTS", "GTI"]
    assert document.get_first_table().name == "EVENTS"
    assert list(document.iter_tables())[1].array["STOP"].tolist() == [START + 10, START + 30]


def test_empty_answers_are_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", made_events(100), gti())
    with pytest.raises(NoOverlap):
        cut(path, DatasetBounds(228.6, -58.8, 2.5), CIRCLE="0 0 1", RESPONSEFORMAT="votable")
    with pytest.raises(NoOverlap):
        cut(path, TIME="1 2", RESPONSEFORMAT="votable")


def test_events_alone(tmp_path: Path) -> None:
    """RESPONSEFORMAT alone is no filter, but no trivial request either."""
    path = written(tmp_path / "a.fits", table("EVENTS", made_columns(30), HEADER))
    content, result = cut(path, RESPONSEFORMAT="votable")
    assert result.n_events_out == len(read(content).get_first_table().array) == 30
