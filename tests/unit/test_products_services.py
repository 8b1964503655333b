# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of products: VOTables, pictures, cut-outs of maps."""

from __future__ import annotations

import datetime
import io
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable
from astropy.wcs import WCS
from PIL import Image

from datalink.preview.previews import Hints, PreviewError, render_previews
from datalink.soda.cutout import CutRequest
from datalink.soda.errors import NoOverlap, SodaError
from datalink.soda.mapcut import cut_map
from datalink.soda.overlap import DatasetBounds
from datalink.soda.selection import parse_selection
from datalink.votables.products import Facts, product_votable
from ingest.errors import IngestError
from tests.unit.fits_files import SHARED
from tests.unit.product_files import image, sed, spectrum, table_hdu, write_fits

DL4 = SHARED / "data/dl4"
FACTS = Facts(
    publisher="Tests & <more>",
    publisher_did="ivo://x.y/~?cta/data/tests/a.fits",
    title='Flux points of "Crab" <1>',
    collection="tests",
    target_name="Crab Nebula",
    ra_deg=83.63,
    dec_deg=22.01,
    fov_deg=0.22,
    t_min=53343.0,
    t_max=53344.0,
)
SPEC = "{http://www.ivoa.net/xml/VOTable/v1.3}"


def read(content: bytes) -> votable.tree.TableElement:
    return votable.parse(io.BytesIO(content), verify="exception").get_first_table()


# -- VOTables


def test_flux_points_as_spectrum(tmp_path: Path) -> None:
    path = write_fits(tmp_path / "a.fits", table_hdu(sed(), SED_TYPE="dnde", UL_CONF=0.95))
    content = product_votable(path, "points", FACTS)
    table = read(content)
    fields = {field.name: field for field in table.fields}
    assert fields["e_ref"].utype == "spec:Spectrum.Data.SpectralAxis.Value"
    assert fields["dnde"].utype == "spec:Spectrum.Data.FluxAxis.Value"
    assert fields["dnde"].unit == "cm-2 s-1 TeV-1" and fields["dnde"].ucd == "phot.flux.density;em.gamma"
    rows = table.to_table()
    assert np.allclose(rows["e_ref"], [1, 2, 4, 8]) and rows["is_ul"].tolist() == [False, False, False, True]
    assert np.isnan(np.ma.filled(rows["dnde"], np.nan)[3]) and rows["dnde_ul"][3] == 8e-14
    params = {element.get("utype"): element.get("value") for element in ET.fromstring(content).iter(f"{SPEC}PARAM")}
    assert params["spec:Spectrum.Target.Name"] == "Crab Nebula"
    assert params["spec:Spectrum.Curation.Publisher"] == "Tests & <more>"
    assert params["spec:Spectrum.DataModel"] == "Spectrum-1.2"
    assert params["spec:Spectrum.Char.TimeAxis.Coverage.Location.Value"] == "53343.5"


def test_ucds_and_units_are_legal(tmp_path: Path) -> None:
    from astropy import units
    from astropy.io.votable.ucd import check_ucd

    path = write_fits(tmp_path / "a.fits", table_hdu(sed()))
    pha = write_fits(tmp_path / "p.fits", *spectrum())
    for file, kind in ((path, "points"), (path, "e2dnde"), (pha, "points")):
        content = product_votable(file, kind, FACTS)
        for element in ET.fromstring(content).iter():
            if element.tag in (f"{SPEC}FIELD", f"{SPEC}PARAM"):
                assert not element.get("ucd") or check_ucd(element.get("ucd"), check_controlled_vocabulary=True)
                assert not element.get("unit") or units.Unit(element.get("unit"), format="vounit")


def test_energy_flux_is_energy_squared_times_flux(tmp_path: Path) -> None:
    path = write_fits(tmp_path / "a.fits", table_hdu(sed()))
    rows = read(product_votable(path, "e2dnde", FACTS)).to_table()
    # 1 TeV^2 x 1e-11 /TeV = 1e-11 TeV = 1.602e-11 erg
    assert rows["e2dnde"][0] == pytest.approx(1.602176634e-11)
    assert rows["e2dnde"][1] == pytest.approx(4 * 2e-12 * 1.602176634)


def test_integral_fluxes_have_no_energy_flux(tmp_path: Path) -> None:
    columns = {"e_min": ([1.0], "TeV"), "e_max": ([2.0], "TeV"), "flux": ([1e-11], "cm-2 s-1")}
    path = write_fits(tmp_path / "a.fits", table_hdu(columns))
    assert len(read(product_votable(path, "points", FACTS)).array) == 1
    with pytest.raises(IngestError, match="integral fluxes"):
        product_votable(path, "e2dnde", FACTS)


def test_a_light_curve_has_times_in_utc(tmp_path: Path) -> None:
    columns = {
        "time_min": ([53945.0, 53945.1], None),
        "time_max": ([53945.1, 53945.2], None),
        "flux": (np.array([[1e-11, 2e-12], [3e-11, 4e-12]]), "cm-2 s-1"),
        "e_min": (np.array([[1.0, 2.0], [1.0, 2.0]]), "TeV"),
        "e_max": (np.array([[2.0, 9.0], [2.0, 9.0]]), "TeV"),
    }
    path = write_fits(tmp_path / "a.fits", table_hdu(columns, TIMESYS="tt", MJDREFI=0, MJDREFF=0.0, TIMEUNIT="d"))
    table = read(product_votable(path, "points", FACTS))
    rows = table.to_table()
    assert len(rows) == 4 and rows["flux"].tolist() == [1e-11, 2e-12, 3e-11, 4e-12]
    assert (rows["time_min"][0] - 53945.0) * 86400 == pytest.approx(-65.184, abs=1e-3)
    assert rows["e_min"].tolist() == [1.0, 2.0, 1.0, 2.0]
    assert b'timescale="UTC"' in product_votable(path, "points", FACTS)


def test_counts_as_spectrum(tmp_path: Path) -> None:
    path = write_fits(tmp_path / "a.fits", *spectrum())
    rows = read(product_votable(path, "points", FACTS)).to_table()
    assert rows["counts"].tolist() == [9, 7, 3, 0] and rows["counts_err"][0] == 3
    assert rows["good"].tolist() == [False, True, True, True] and rows["e_min"][1] == pytest.approx(1.0)


def test_a_map_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="is not made into a VOTable"):
        product_votable(write_fits(tmp_path / "a.fits", image()), "points", FACTS)


# -- pictures


def drawn(path: Path, out: Path, **hints: object) -> dict[str, Image.Image]:
    made = render_previews(path, out, "x", Hints(**hints))  # type: ignore[arg-type]
    files = {"sky": made.sky, "plot": made.plot, "thumbnail": made.thumbnail}
    return {kind: Image.open(file).convert("RGB") for kind, file in files.items() if file is not None}


def test_a_map_is_drawn_north_up_and_east_left(tmp_path: Path) -> None:
    """One bright pixel in the north-east, in maps with either sense of right ascension."""
    for sign in (-1, 1):
        data = np.zeros((40, 40), np.float32)
        data[35, 5 if sign < 0 else 34] = 100.0
        hdu = image(data, CDELT1=sign * 0.05, CRPIX1=20.5, CRPIX2=20.5)
        pictures = drawn(write_fits(tmp_path / "a.fits", hdu), tmp_path)
        assert set(pictures) == {"sky", "thumbnail"}
        small = np.asarray(pictures["thumbnail"], dtype=float).sum(axis=2)[2:-2, 2:-2]
        row, column = np.unravel_index(small.argmax(), small.shape)
        assert row < 40 and column < 40


def test_products_are_drawn(tmp_path: Path) -> None:
    points = drawn(write_fits(tmp_path / "a.fits", table_hdu(sed())), tmp_path, title="Crab")
    assert set(points) == {"plot", "thumbnail"} and points["plot"].size == (800, 500)
    counts = drawn(write_fits(tmp_path / "b.fits", *spectrum()), tmp_path)
    assert set(counts) == {"plot", "thumbnail"}
    sources = {"name": (["a", "b"], None), "ra": ([10.0, 200.0], "deg"), "dec": ([1.0, -60.0], "deg")}
    assert set(drawn(write_fits(tmp_path / "c.fits", table_hdu(sources)), tmp_path)) == {"sky", "thumbnail"}
    for picture in (points["plot"], counts["plot"]):
        colours = picture.getcolors(1 << 20)
        assert colours is not None and len(colours) > 10


@pytest.mark.parametrize(
    "columns",
    [
        sed(dnde=([np.nan] * 4, "cm-2 s-1 TeV-1"), dnde_ul=([np.nan] * 4, "cm-2 s-1 TeV-1")),
        {"e_ref": ([1.0, 2.0], "TeV"), "dnde": ([-1.0, 0.0], "cm-2 s-1 TeV-1")},
    ],
)
def test_points_without_anything_to_draw(tmp_path: Path, columns: dict) -> None:
    with pytest.raises(PreviewError, match="value to draw"):
        drawn(write_fits(tmp_path / "a.fits", table_hdu(columns)), tmp_path)


def test_a_map_without_values(tmp_path: Path) -> None:
    with pytest.raises(PreviewError, match="no pixel of the map has a value"):
        drawn(write_fits(tmp_path / "a.fits", image(np.full((20, 40), np.nan, np.float32))), tmp_path)


# -- cut-outs of maps


def cut(path: Path, bounds: DatasetBounds | None = None, **parameters: str) -> fits.HDUList:
    moment = datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc)
    request = CutRequest("ivo://x.y/~?a", "service", "tests", moment, bounds=bounds or DatasetBounds())
    out = io.BytesIO()
    cut_map(path, parse_selection({key: [value] for key, value in parameters.items()}), out, request)
    return fits.open(io.BytesIO(out.getvalue()))


def numbered(**cards: object) -> fits.PrimaryHDU:
    return image(np.arange(20 * 40, dtype=np.float32).reshape(20, 40), **cards)


def test_a_cut_keeps_each_pixel_where_it_was(tmp_path: Path) -> None:
    path = write_fits(tmp_path / "a.fits", numbered(WCSSHAPE="(40,20)"))
    whole, part = fits.open(path)[0], cut(path, CIRCLE="83.8 22.1 0.12")[0]
    assert part.data.shape < whole.data.shape
    height, width = part.data.shape
    assert part.header["WCSSHAPE"] == f"({width},{height})"
    there = WCS(part.header).pixel_to_world(*np.meshgrid(range(width), range(height)))
    x, y = WCS(whole.header).world_to_pixel(there)
    assert np.array_equal(whole.data[np.rint(y).astype(int), np.rint(x).astype(int)], part.data)
    # every pixel of the circle is in it
    y_all, x_all = np.mgrid[0:20, 0:40]
    directions = WCS(whole.header).pixel_to_world(x_all, y_all)
    inside = directions.separation(SkyCoord(83.8, 22.1, unit="deg")).deg <= 0.12
    assert set(whole.data[inside]) <= set(part.data.ravel())
    assert any("CIRCLE=83.8 22.1 0.12" in line for line in part.header["HISTORY"])


def test_a_region_smaller_than_a_pixel(tmp_path: Path) -> None:
    path = write_fits(tmp_path / "a.fits", numbered())
    assert cut(path, CIRCLE="83.655 22.035 0.001")[0].data.size <= 16


@pytest.mark.parametrize("region", ["183.6 22.0 0.5", "83.63 25.0 0.1"])
def test_a_region_elsewhere(tmp_path: Path, region: str) -> None:
    with pytest.raises(NoOverlap):
        cut(write_fits(tmp_path / "a.fits", numbered()), CIRCLE=region)


def test_energies_select_planes_and_bands(tmp_path: Path) -> None:
    bands = table_hdu(
        {
            "CHANNEL": (np.arange(3), None),
            "E_MIN": (np.array([0.1, 1.0, 10.0]), "TeV"),
            "E_MAX": (np.array([1.0, 10.0, 100.0]), "TeV"),
        },
        "BANDS",
    )
    cube = np.stack([np.full((20, 40), float(plane)) for plane in range(3)]).astype(np.float32)
    path = write_fits(tmp_path / "a.fits", image(cube, BANDSHDU="BANDS"), bands)
    made = cut(path, ENERGY="2 5", CIRCLE="83.63 22.01 0.2")
    assert made[0].data.shape[0] == 1 and set(made[0].data.ravel()) == {1.0}
    assert made["BANDS"].data["E_MIN"].tolist() == [1.0]
    with pytest.raises(NoOverlap):
        cut(path, ENERGY="200 500")


def test_what_is_not_cut_is_said(tmp_path: Path) -> None:
    path = write_fits(tmp_path / "a.fits", numbered())
    with pytest.raises(SodaError, match="application/fits only"):
        cut(path, CIRCLE="83.63 22.01 0.2", RESPONSEFORMAT="votable")
    if DL4.exists():
        for name, what in (("hpx_ccube_explicit", "HEALPix"), ("wcs_ccube_sparse", "sparse")):
            with pytest.raises(SodaError, match=what):
                cut(DL4 / f"gadf-examples/{name}.fits", CIRCLE="260 58 1")
