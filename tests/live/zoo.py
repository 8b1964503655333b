"""A folder of everything that can be wrong with a file, made from one good run."""

from __future__ import annotations

import gzip
import io
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits

from tests.live.archive import make_readable

Change = Callable[[fits.HDUList], None]


@dataclass
class Zoo:
    """What was put into the folder, by path."""

    root: Path
    good: set[str] = field(default_factory=set)
    """Files to be published, perhaps with a warning."""
    bad: set[str] = field(default_factory=set)
    """Files to be refused."""
    left_out: set[str] = field(default_factory=set)
    """Entries to be mentioned, but not as an error."""
    documents: set[str] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)
    """Files to be published with a doubt."""
    either: set[str] = field(default_factory=set)
    """Files of which a reasonable archive may publish what is there, or refuse."""

    @property
    def all(self) -> set[str]:
        """Every path of the zoo."""
        return self.good | self.bad | self.left_out | self.documents | self.warned | self.either


def header_change(**cards: object) -> Change:
    """Return a change that sets keywords of EVENTS; None removes one."""

    def change(hdus: fits.HDUList) -> None:
        for name, value in cards.items():
            keyword = name.replace("__", "-")
            if value is None:
                hdus["EVENTS"].header.remove(keyword, ignore_missing=True)
            else:
                hdus["EVENTS"].header[keyword] = value

    return change


def without(*names: str) -> Change:
    """Return a change that removes HDUs."""

    def change(hdus: fits.HDUList) -> None:
        for name in names:
            del hdus[name]

    return change


def unit_change(hdu: str, column: str, unit: str) -> Change:
    """Return a change that gives a column another unit."""

    def change(hdus: fits.HDUList) -> None:
        hdus[hdu].columns[column].unit = unit

    return change


def no_rows(hdu: str) -> Change:
    """Return a change that empties a table."""

    def change(hdus: fits.HDUList) -> None:
        hdus[hdu].data = hdus[hdu].data[:0]

    return change


def nan_column(hdu: str, column: str) -> Change:
    """Return a change that makes a column NaN."""

    def change(hdus: fits.HDUList) -> None:
        hdus[hdu].data[column][:] = np.nan

    return change


def changed(good: bytes, change: Change) -> bytes:
    """Return the bytes of a changed run."""
    with fits.open(io.BytesIO(good), lazy_load_hdus=False) as hdus:
        for hdu in hdus:
            _ = hdu.data
        change(hdus)
        target = io.BytesIO()
        hdus.writeto(target, output_verify="silentfix")
    return target.getvalue()


CHANGED_WARNED: dict[str, Change] = {
    "no-pointing.fits": header_change(RA_PNT=None, DEC_PNT=None),
    "nan-pointing.fits": header_change(RA_PNT="NaN", DEC_PNT="nan"),
    "text-pointing.fits": header_change(RA_PNT="5h34m", DEC_PNT="22d"),
    "pointing-off-the-sky.fits": header_change(DEC_PNT=-120.0),
    "no-obs-id.fits": header_change(OBS_ID=None),
    "no-gti.fits": without("GTI"),
    "empty-gti.fits": no_rows("GTI"),
    "nan-gti.fits": nan_column("GTI", "START"),
}
CHANGED_BAD: dict[str, Change] = {
    "gti-in-parsec.fits": unit_change("GTI", "START", "pc"),
    "energy-in-furlongs.fits": unit_change("EVENTS", "ENERGY", "furlong"),
    "no-events-hdu.fits": without(
        "EVENTS", "EFFECTIVE AREA", "ENERGY DISPERSION", "POINT SPREAD FUNCTION", "BACKGROUND"
    ),
    "no-time-reference.fits": lambda hdus: [
        hdus[name].header.remove(key, ignore_missing=True)
        for name in ("EVENTS", "GTI")
        for key in ("MJDREFI", "MJDREFF", "TSTART", "TSTOP")
    ],
    "unknown-time-scale.fits": lambda hdus: [
        hdus[name].header.set("TIMESYS", "LOCAL-SIDEREAL") for name in ("EVENTS", "GTI")
    ],
}
CHANGED_EITHER: dict[str, Change] = {
    "aeff-in-kelvin.fits": unit_change("EFFECTIVE AREA", "EFFAREA", "K"),
    "nan-aeff.fits": nan_column("EFFECTIVE AREA", "EFFAREA"),
    "text-livetime.fits": header_change(LIVETIME="long", ONTIME="longer"),
    "backwards.fits": header_change(TSTART=2e8, TSTOP=1e8),
    "no-responses.fits": without("EFFECTIVE AREA", "ENERGY DISPERSION", "POINT SPREAD FUNCTION", "BACKGROUND"),
    "responses-only.fits": without("EVENTS", "GTI"),
}
CHANGED_GOOD: dict[str, Change] = {
    "no-events-in-it.fits": no_rows("EVENTS"),
    "text-obs-id.fits": header_change(OBS_ID="run-17/b"),
    "huge-obs-id.fits": header_change(OBS_ID=20131103103999),
    "quoted-object.fits": header_change(OBJECT="Bobby'); DROP TABLE cta.dataset;--"),
    "tabs-and-backslashes.fits": header_change(OBJECT="a\\tb\\N\\.", CREATOR="\\."),
}
GOOD_NAMES = (
    "with blank.fits.gz",
    "brackets[1](2){3}.fits.gz",
    "plus+and&amp;%41.fits.gz",
    "ümläut-дом.fits.gz",
    "quote'and\"double.fits.gz",
    "question?hash#.fits.gz",
    "back\\slash.fits.gz",
    "tab\tand\nnewline.fits.gz",
    "UPPER.FITS.GZ",
    "folder.fits/inner.fits.gz",
    "deep/er/and/deeper/run.fits.gz",
    "-dash.fits.gz",
)


def build(good_file: Path, root: Path) -> Zoo:
    """Fill a folder.

    Parameters
    ----------
    good_file
        A gzipped run that is all right.
    root
        The folder.
    """
    zoo = Zoo(root)
    packed = good_file.read_bytes()
    plain = gzip.decompress(packed)

    def put(kind: set[str], name: str, content: bytes) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        kind.add(name)

    for name in GOOD_NAMES:
        put(zoo.good, name, packed)
    put(zoo.good, "plain-named-gz.fits.gz", plain)
    put(zoo.good, "gz-named-plain.fits", packed)
    for changes, kind in (
        (CHANGED_BAD, zoo.bad),
        (CHANGED_GOOD, zoo.good),
        (CHANGED_WARNED, zoo.warned),
        (CHANGED_EITHER, zoo.either),
    ):
        for name, change in changes.items():
            put(kind, name, changed(plain, change))
    put(zoo.bad, "garbage.fits", os.urandom(20_000))
    put(zoo.bad, "garbage.fits.gz", os.urandom(20_000))
    put(zoo.bad, "empty.fits", b"")
    put(zoo.bad, "empty.fits.gz", b"")
    put(zoo.bad, "text.fits", b"this is no FITS file\n" * 200)
    put(zoo.bad, "zeros.fits", bytes(28_800))
    put(zoo.bad, "truncated.fits.gz", packed[: len(packed) // 2])
    put(zoo.bad, "truncated-in-events.fits", plain[: 2880 * 12])
    put(zoo.bad, "truncated-in-header.fits", plain[:1000])
    put(zoo.bad, "bad-crc.fits.gz", packed[:-8] + bytes(8))
    put(zoo.bad, "image-only.fits", _image())
    put(zoo.bad, "claims-a-petabyte.fits", _claims(plain))
    put(zoo.bad, "negative-size.fits", _negative(plain))
    put(zoo.bad, "endless-header.fits", b"SIMPLE  =                    T".ljust(80) + b"COMMENT x".ljust(80) * 36_000)
    put(zoo.bad, "data.bin", b"\x00\x01\x02" * 100)
    put(zoo.bad, "data.h5", b"\x89HDF\r\n\x1a\n" + bytes(100))
    put(zoo.bad, "noextension", b"what is this")
    put(zoo.documents, "README.md", b"# A zoo\n")
    put(zoo.documents, "LICENSE", b"none\n")
    put(zoo.documents, "notes.txt", b"\xff\xfe not UTF-8")
    put(zoo.left_out, ".hidden.fits.gz", packed)
    make_readable(root)
    _odd_entries(zoo, packed)
    return zoo


def _odd_entries(zoo: Zoo, packed: bytes) -> None:
    """Add what is not a readable regular file."""
    root = zoo.root
    for name, target in (
        ("broken-link.fits", "nowhere.fits"),
        ("leads-out.fits", "/etc/hostname"),
        ("loop.fits", "loop.fits"),
    ):
        (root / name).symlink_to(target)
        zoo.bad.add(name)
    (root / "around").symlink_to(".")
    zoo.left_out.add("around")
    os.mkfifo(root / "pipe.fits", 0o644)
    zoo.bad.add("pipe.fits")
    (root / "secret.fits.gz").write_bytes(packed)
    (root / "secret.fits.gz").chmod(0)
    zoo.bad.add("secret.fits.gz")
    closed = root / "closed"
    closed.mkdir()
    shutil.copy(root / "LICENSE", closed)
    closed.chmod(0)
    zoo.bad.add("closed/")
    raw = os.fsencode(root) + b"/not-utf8-\xff.fits.gz"
    with open(raw, "wb") as stream:
        stream.write(packed)
    zoo.bad.add("not-utf8-\\udcff.fits.gz")


def _image() -> bytes:
    target = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(np.zeros((10, 10))), fits.ImageHDU(np.zeros((5, 5)))]).writeto(target)
    return target.getvalue()


def _events_card(plain: bytes, keyword: bytes, value: bytes) -> bytes:
    """Replace a card of the EVENTS header."""
    start = plain.index(b"EXTNAME = 'EVENTS")
    begin = plain.rindex(b"XTENSION=", 0, start)
    card = plain.index(keyword.ljust(8) + b"=", begin)
    return plain[:card] + (keyword.ljust(8) + b"= " + value.rjust(20)).ljust(80) + plain[card + 80 :]


def _claims(plain: bytes) -> bytes:
    return _events_card(plain, b"NAXIS2", b"100000000000000")


def _negative(plain: bytes) -> bytes:
    return _events_card(plain, b"NAXIS2", b"-5")
