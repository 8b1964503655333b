"""Photons of event files: units, times, lacking values, pixels, and their rows in PostgreSQL's binary format."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from mocpy import MOC

from ingest.events.copybinary import COLUMNS, HEADER, TRAILER, encode
from ingest.events.load import RowStream
from ingest.events.photons import iter_photons, mjd_utc
from ingest.events.reader import read_events
from ingest.events.rows import HEALPIX_ORDER, Block, EventFile, Finished, Photons
from ingest.events.worker import read_file
from ingest.fitsfile import FitsError
from ingest.timescale import TimeReference
from tests.unit.fits_files import SHARED, TIME

_UNPACK = {"bigint": ">q", "double precision": ">d", "real": ">f", "integer": ">i", "smallint": ">h"}


def write(path: Path, columns: dict[str, fits.Column | tuple[str, str, Any]], **cards: Any) -> EventFile:
    """Write an event file; columns are format, unit and values."""
    made = [
        value if isinstance(value, fits.Column) else fits.Column(name, value[0], value[1], array=value[2])
        for name, value in columns.items()
    ]
    hdu = fits.BinTableHDU.from_columns(made, name="EVENTS")
    hdu.header.update({"HDUCLAS1": "EVENTS", **TIME, **cards})
    hdus = fits.HDUList([fits.PrimaryHDU(), hdu])
    if path.suffix == ".gz":
        with gzip.open(path, "wb") as out:
            hdus.writeto(out)
    else:
        hdus.writeto(path)
    return EventFile(7, path)


def plain(n: int = 5, **changes: Any) -> dict[str, Any]:
    """Return sound columns for `n` events."""
    columns: dict[str, Any] = {
        "EVENT_ID": ("K", None, np.arange(n) + 2**33),
        "TIME": ("D", "s", 101962602.0 + np.arange(n)),
        "RA": ("E", "deg", np.linspace(83, 84, n)),
        "DEC": ("E", "deg", np.linspace(21, 22, n)),
        "ENERGY": ("E", "TeV", np.geomspace(0.1, 50, n)),
    } | changes
    return {name: column for name, column in columns.items() if column is not None}


def photons_of(file: EventFile) -> Photons:
    """Return the photons of a file of one block."""
    (photons,) = iter_photons(file)
    return photons


def decode(payload: bytes) -> Iterator[dict[str, Any]]:
    """Read rows of the binary format, as its documentation says, one field after the other."""
    position = 0
    while position < len(payload):
        (n_fields,) = struct.unpack_from(">h", payload, position)
        position += 2
        assert n_fields == len(COLUMNS)
        row: dict[str, Any] = {}
        for name, sql_type in COLUMNS.items():
            (length,) = struct.unpack_from(">i", payload, position)
            position += 4
            if length == -1:
                row[name] = None
                continue
            assert length == struct.calcsize(_UNPACK[sql_type])
            (row[name],) = struct.unpack_from(_UNPACK[sql_type], payload, position)
            position += length
        yield row


class TestValues:
    """What comes out is what astropy reads from the same file, in our units."""

    def test_plain(self, tmp_path: Path) -> None:
        photons = photons_of(write(tmp_path / "e.fits", plain()))
        order = np.argsort(photons.event_id if photons.event_id is not None else [])
        expected = Time(TIME["MJDREFI"], TIME["MJDREFF"], format="mjd", scale="tt") + (101962602.0 + np.arange(5)) * u.s
        assert photons.time_mjd[order] == pytest.approx(expected.utc.mjd, abs=2e-11)
        assert photons.ra_deg[order] == pytest.approx(np.linspace(83, 84, 5), rel=1e-6)
        assert photons.energy_tev[order] == pytest.approx(np.geomspace(0.1, 50, 5), rel=1e-6)
        assert photons.event_type is None and photons.multiplicity is None

    @pytest.mark.parametrize(("unit", "factor"), [("MeV", 1e-6), ("GeV", 1e-3), ("keV", 1e-9), ("", 1.0)])
    def test_units_of_energy(self, tmp_path: Path, unit: str, factor: float) -> None:
        file = write(tmp_path / "e.fits", plain(2, ENERGY=("D", unit or None, [2.0, 3.0])))
        assert sorted(photons_of(file).energy_tev) == pytest.approx([2 * factor, 3 * factor])

    def test_angles_in_radians_and_beyond_the_circle(self, tmp_path: Path) -> None:
        file = write(tmp_path / "e.fits", plain(2, RA=("D", "rad", [-0.1, 0.2]), DEC=("D", "rad", [0.1, -0.2])))
        assert sorted(photons_of(file).ra_deg) == pytest.approx([np.degrees(0.2), 360 - np.degrees(0.1)])

    def test_times_of_single_precision(self, tmp_path: Path) -> None:
        seconds = np.array([1000.25, 2000.5], dtype=np.float32)
        file = write(tmp_path / "e.fits", plain(2, TIME=("E", "s", seconds)))
        expected = Time(TIME["MJDREFI"], TIME["MJDREFF"], format="mjd", scale="tt") + seconds.astype(float) * u.s
        assert sorted(photons_of(file).time_mjd) == pytest.approx(expected.utc.mjd, abs=2e-11)

    def test_times_in_days_by_the_header(self, tmp_path: Path) -> None:
        file = write(tmp_path / "e.fits", plain(1, TIME=("D", None, [1.5])), TIMEUNIT="d")
        expected = Time(TIME["MJDREFI"], TIME["MJDREFF"], format="mjd", scale="tt") + 1.5 * u.d
        assert photons_of(file).time_mjd == pytest.approx([expected.utc.mjd], abs=2e-11)

    def test_reference_of_the_archive(self, tmp_path: Path) -> None:
        path = write(tmp_path / "e.fits", plain(1, TIME=("D", "s", [86400.0]))).path
        with fits.open(path, mode="update") as hdus:
            for key in ("MJDREFI", "MJDREFF", "TIMESYS"):
                del hdus["EVENTS"].header[key]
        (photons,) = iter_photons(EventFile(1, path, mjdrefi=55000, mjdreff=0.25, timesys="UTC"))
        assert photons.time_mjd == pytest.approx([55001.25], abs=1e-10)

    def test_bit_fields(self, tmp_path: Path) -> None:
        bits = np.zeros((2, 32), dtype=bool)
        bits[0, 31], bits[1, 29] = True, True
        file = write(tmp_path / "e.fits", plain(2, EVENT_TYPE=("32X", None, bits)))
        photons = photons_of(file)
        assert photons.event_type is not None
        assert sorted(photons.event_type) == [1, 4]

    def test_numbers(self, tmp_path: Path) -> None:
        file = write(
            tmp_path / "e.fits",
            plain(3, MULTIP=("I", None, [2, -1, 4]), EVENT_TYPE=("J", None, [1, 2, 3]), EVENT_ID=None),
        )
        photons = photons_of(file)
        assert photons.event_id is None and photons.multiplicity is not None
        assert sorted(photons.multiplicity) == [-1, 2, 4]

    def test_no_event(self, tmp_path: Path) -> None:
        assert list(iter_photons(write(tmp_path / "e.fits", plain(0)))) == []

    def test_senseless_values(self, tmp_path: Path) -> None:
        nan = float("nan")
        file = write(
            tmp_path / "e.fits",
            plain(
                4,
                RA=("D", "deg", [nan, 10, 20, 30]),
                DEC=("D", "deg", [0, 91, 5, 6]),
                ENERGY=("D", "TeV", [1, 1, float("inf"), nan]),
                TIME=("D", "s", [0, 1, 2, 1e300]),
            ),
        )
        photons = photons_of(file)
        assert np.isnan(photons.ra_deg).sum() == np.isnan(photons.dec_deg).sum() == 2
        assert (photons.healpix == -1).sum() == 2
        assert np.isnan(photons.energy_tev).sum() == 2
        assert np.isnan(photons.time_mjd).sum() == 1

    @pytest.mark.parametrize("name", ["TIME", "RA", "DEC", "ENERGY"])
    def test_a_column_that_lacks(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(FitsError, match=name):
            list(iter_photons(write(tmp_path / "e.fits", plain(2, **{name: None}))))

    def test_a_strange_unit(self, tmp_path: Path) -> None:
        with pytest.raises(FitsError, match="'furlong'"):
            list(iter_photons(write(tmp_path / "e.fits", plain(2, ENERGY=("D", "furlong", [1.0, 2.0])))))


@given(
    st.lists(st.tuples(st.floats(0, 360, exclude_max=True), st.floats(-90, 90)), min_size=1, max_size=20),
)
def test_pixels_are_those_of_another_library(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[float, float]]
) -> None:
    ra, dec = np.array(places).T
    path = tmp_path_factory.mktemp("healpix") / "e.fits"
    photons = photons_of(write(path, plain(len(ra), RA=("D", "deg", ra), DEC=("D", "deg", dec))))
    for longitude, latitude, pixel in zip(photons.ra_deg, photons.dec_deg, photons.healpix, strict=True):
        # on an edge between pixels either library may take either of them
        around = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]) * 1e-9 + (longitude, latitude)
        latitudes = np.clip(around[:, 1], -90, 90)
        moc = MOC.from_lonlat(around[:, 0] % 360 * u.deg, latitudes * u.deg, max_norder=HEALPIX_ORDER)
        assert pixel in moc.flatten().tolist()


@pytest.mark.parametrize("start", [57753.9, 57754.0 - 600 / 86400, 58000.0])
@pytest.mark.parametrize("scale", ["tt", "tai", "utc", "tdb"])
def test_times_across_a_leap_second(start: float, scale: str) -> None:
    """The straight line is only taken where there is none: 2016-12-31 ended with a leap second."""
    reference = TimeReference(51910.0, 0.00074287037, scale)
    begin = (Time(start, format="mjd", scale="utc") - Time(51910.0, 0.00074287037, format="mjd", scale=scale)).to_value(
        "s"
    )
    seconds = begin + np.linspace(0, 20000, 41)
    assert mjd_utc(seconds, reference) == pytest.approx(reference.to_mjd(seconds, "utc"), abs=1e-10)


class TestRows:
    """The bytes that PostgreSQL gets."""

    @given(
        st.lists(
            st.tuples(
                st.one_of(st.just(float("nan")), st.floats(40000, 70000)),
                st.one_of(st.just(float("nan")), st.floats(0, 360)),
                st.one_of(st.just(float("nan")), st.floats(0.125, 1024, width=32)),
                st.integers(-1, 2**62),
                st.integers(-1, 30),
            ),
            max_size=30,
        )
    )
    def test_every_value_comes_back(self, drawn: list[tuple[float, float, float, int, int]]) -> None:
        rows = np.array([row[:3] for row in drawn]).reshape(len(drawn), 3).T
        photons = Photons(
            time_mjd=rows[0],
            ra_deg=rows[1],
            dec_deg=rows[1] / 4,
            energy_tev=rows[2],
            healpix=np.array([row[4] for row in drawn], dtype=np.int64),
            event_id=np.array([row[3] for row in drawn], dtype=np.int64),
        )
        decoded = list(decode(encode(photons, 3, 4)))

        def known(value: float) -> Any:
            return None if value != value or value == -1 else value

        expected = [
            (known(time), known(ra), known(energy), known(event_id), known(pixel))
            for time, ra, energy, event_id, pixel in drawn
        ]
        found = [(row["event_time"], row["ra"], row["energy"], row["event_id"], row["healpix"]) for row in decoded]
        assert sorted(found, key=repr) == sorted(expected, key=repr)
        assert all((row["source_id"], row["partition_id"]) == (3, 4) for row in decoded)
        assert all(row["event_type"] is None and row["multiplicity"] is None for row in decoded)

    def test_an_energy_beyond_single_precision(self) -> None:
        one = np.ones(2)
        photons = Photons(one, one, one, np.array([1e300, 2.0]), one.astype(np.int64))
        assert sorted([row["energy"] for row in decode(encode(photons, 1, 1))], key=repr) == [2.0, None]

    @given(st.integers(1, 50), st.lists(st.binary(max_size=40), max_size=5))
    def test_the_stream_is_complete_in_any_pieces(self, size: int, payloads: list[bytes]) -> None:
        answers: list[Block | Finished] = [Block(1, 2, payload) for payload in payloads]
        stream = RowStream(iter([*answers, Finished(1), Finished(2, "broken.")]))
        read = b""
        while piece := stream.read(size):
            assert len(piece) <= size
            read += piece
        assert read == HEADER + b"".join(payloads) + TRAILER
        assert stream.counts.get(1, 0) == 2 * len(payloads)
        assert stream.sentences == {2: "broken."}


class TestReading:
    """Files are read in processes; what is wrong with one is a sentence."""

    def test_several_files(self, tmp_path: Path) -> None:
        files = []
        for number in range(5):
            path = write(tmp_path / f"e{number}.fits.gz", plain(10 + number)).path
            files.append(EventFile(number, path))
        whole = files[0].path.read_bytes()
        (tmp_path / "cut.fits").write_bytes(whole[: len(whole) // 2])
        files += [EventFile(5, tmp_path / "cut.fits"), EventFile(6, tmp_path / "absent.fits")]
        counts: dict[int, int] = {}
        ends: dict[int, str | None] = {}
        for answer in read_events(files, 1, processes=2):
            if isinstance(answer, Block):
                counts[answer.source_id] = counts.get(answer.source_id, 0) + answer.n_rows
                assert len(list(decode(answer.payload))) == answer.n_rows
            else:
                assert answer.source_id not in ends
                ends[answer.source_id] = answer.sentence
        assert counts == {number: 10 + number for number in range(5)}
        assert {number for number, sentence in ends.items() if sentence} == {5, 6}
        assert set(ends) == set(range(7))

    def test_a_reader_that_is_left_early(self, tmp_path: Path) -> None:
        files = [EventFile(number, write(tmp_path / f"e{number}.fits", plain(3)).path) for number in range(40)]
        answers = read_events(files, 1, processes=2)
        next(answers)
        answers.close()  # type: ignore[attr-defined]

    def test_no_file(self) -> None:
        assert list(read_events([], 1)) == []

    def test_many_blocks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ingest.tablestream.PIECE_BYTES", 32 * 3)  # rows are 28 bytes: three at a time
        blocks = list(read_file(write(tmp_path / "e.fits", plain(10)), 1))
        assert [block.n_rows for block in blocks if isinstance(block, Block)] == [3, 3, 3, 1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real data")
def test_every_shared_collection() -> None:
    """All events of all files come out, and where a file is broken it says so."""
    seen = 0
    for path in sorted((SHARED / "data" / "dl3").rglob("*.fits*")):
        try:
            with fits.open(path, memmap=False) as hdus:
                events = [
                    hdu for hdu in hdus if hdu.header.get("HDUCLAS1") == "EVENTS" or hdu.name.startswith("EVENTS")
                ]
                expected = [len(hdu.data) for hdu in events][:1]
        except OSError:
            continue
        answers = list(read_file(EventFile(1, path, timesys="tt"), 1))
        if not expected:
            continue
        assert answers[-1] == Finished(1), path
        assert sum(answer.n_rows for answer in answers if isinstance(answer, Block)) == expected[0], path
        seen += 1
    assert seen > 40
