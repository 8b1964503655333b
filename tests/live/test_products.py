"""DL4 and DL5 products end to end: imported, described, linked, shown, cut and refused as users are promised."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
import pyvo
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from tests.live.archive import SAMPLE, SHARED, Archive, make_readable, open_folder
from tests.unit.product_files import area, image, matrix, sed, spectrum, table_hdu, write_fits

DL4 = SHARED / "data" / "dl4"
REAL = pytest.mark.skipif(not DL4.is_dir(), reason=f"no real data: {DL4} is absent")
# Folder of the real files -> files published, parts, files refused.
COLLECTIONS = {
    "joint-crab": (16, 30, 7),
    "gammapy-estimators": (3, 0, 0),
    "veritas-vtscat": (12, 0, 0),
    "gadf-examples": (15, 0, 0),
}


def did(archive: Archive, path: str, collection: str = SAMPLE) -> str:
    (row,) = archive.query(
        f"SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_publisher_did LIKE '%/{collection}/{path}'"
    )
    return row["obs_publisher_did"]


def links(archive: Archive, identifier: str) -> Any:
    address = f"{archive.url}/cta/dl/links/dlmeta?ID={quote(identifier)}"
    return pyvo.dal.adhoc.DatalinkResults.from_result_url(address, session=archive.session)


def fetch(archive: Archive, link: Any) -> bytes:
    answer = archive.session.get(link["access_url"], timeout=60)
    assert answer.ok, answer.text
    return answer.content


class TestSample:
    """The products of the sample archive."""

    def test_rows(self, archive: Archive) -> None:
        rows = archive.query(
            "SELECT dataproduct_type, dataproduct_subtype, calib_level, em_xel, t_xel, s_xel1, o_ucd, o_unit"
            f" FROM ivoa.obscore WHERE obs_collection='{SAMPLE}' AND calib_level>2"
        )
        found = {row["dataproduct_subtype"]: row for row in rows}
        assert set(found) == {"counts-map", "counts-cube", "flux-points", "light-curve", "pha", "source-list"}
        assert found["counts-cube"]["em_xel"] == "3" and found["light-curve"]["t_xel"] == "6"
        assert (found["flux-points"]["o_unit"], found["flux-points"]["calib_level"]) == ("cm**-2.s**-1.TeV**-1", "4")
        assert (found["pha"]["dataproduct_type"], found["pha"]["calib_level"]) == ("spectrum", "3")

    def test_event_lists_are_as_they_were(self, archive: Archive) -> None:
        rows = archive.query(
            "SELECT s_xel1, s_xel2, t_xel, em_xel, s_pixel_scale, o_ucd, o_unit FROM ivoa.obscore"
            f" WHERE obs_collection='{SAMPLE}' AND dataproduct_type='event'"
        )
        assert len(rows) == 24 and {tuple(row.values()) for row in rows} == {("-1", "-1", "-1", "-1", "", "", "")}

    def test_a_counts_spectrum_brings_its_parts(self, archive: Archive) -> None:
        found = links(archive, did(archive, "products/crab_pha.fits"))
        (background,) = found.bysemantics("#auxiliary", include_narrower=False)
        responses = {
            link["content_qualifier"]: link for link in found.bysemantics("#calibration", include_narrower=False)
        }
        assert set(responses) == {"arf", "rmf"}
        with fits.open(io.BytesIO(fetch(archive, background))) as file:
            assert file["SPECTRUM"].header["HDUCLAS2"] == "BKG"
        with fits.open(io.BytesIO(fetch(archive, responses["arf"]))) as file:
            assert "SPECRESP" in file["SPECRESP"].columns.names
        (package,) = found.bysemantics("#package", include_narrower=False)
        with tarfile.open(fileobj=io.BytesIO(fetch(archive, package))) as tar:
            names = {Path(name).name for name in tar.getnames()}
        assert {"crab_pha.fits", "crab_bkg.fits", "crab_arf.fits", "crab_rmf.fits"} <= names

    def test_parts_are_no_datasets_of_their_own(self, archive: Archive) -> None:
        rows = archive.query("SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_publisher_did LIKE '%crab_arf%'")
        assert rows == []
        (part,) = archive.query(f"SELECT kind, title FROM cta.part WHERE obs_collection='{SAMPLE}' AND kind='arf'")
        assert part["title"] == "Effective area (crab_arf.fits)"

    def test_flux_points_have_tables_for_vo_tools(self, archive: Archive) -> None:
        found = links(archive, did(archive, "products/crab_flux_points.fits"))
        tables = {link["local_semantics"]: link for link in found if "votable" in str(link["local_semantics"])}
        assert set(tables) == {"votable-points", "votable-e2dnde"}
        points, energy = (
            Table.read(io.BytesIO(fetch(archive, tables[name])), format="votable") for name in sorted(tables)[::-1]
        )
        assert np.allclose(energy["e2dnde"], points["dnde"] * points["e_ref"] ** 2 * 1.602176634)

    @pytest.mark.parametrize(
        ("name", "kind", "size"),
        [
            ("crab_counts_map", "#preview-image", (600, 600)),
            ("crab_counts_cube", "#preview-image", (600, 600)),
            ("crab_flux_points", "#preview-plot", (800, 500)),
            ("crab_light_curve", "#preview-plot", (800, 500)),
            ("crab_pha", "#preview-plot", (800, 500)),
            ("sources", "#preview-image", (800, 440)),
        ],
    )
    def test_previews(self, archive: Archive, name: str, kind: str, size: tuple[int, int]) -> None:
        found = links(archive, did(archive, f"products/{name}.fits"))
        (large,), (small,) = (
            found.bysemantics(kind, include_narrower=False),
            found.bysemantics("#thumbnail", include_narrower=False),
        )
        assert Image.open(io.BytesIO(fetch(archive, large))).size == size
        assert Image.open(io.BytesIO(fetch(archive, small))).size == (128, 128)

    def test_every_link_leads_somewhere(self, archive: Archive) -> None:
        rows = archive.query(
            f"SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection='{SAMPLE}' AND calib_level>2"
        )
        for row in rows:
            for link in links(archive, row["obs_publisher_did"]):
                if str(link["access_url"]).startswith(archive.url):
                    assert archive.session.get(link["access_url"], timeout=60).ok, link["access_url"]

    def test_maps_are_cut(self, archive: Archive) -> None:
        found = links(archive, did(archive, "products/crab_counts_cube.fits"))
        assert {
            str(link["service_def"]).rpartition("_")[0] for link in found.bysemantics("#cutout", include_narrower=False)
        } == {
            "soda_sync",
            "soda_async",
        }
        identifier = quote(did(archive, "products/crab_counts_cube.fits"))
        cut = archive.get(f"/cta/dl/soda/dlget?ID={identifier}&CIRCLE=83.63+22.01+0.2&ENERGY=1+5")
        with fits.open(io.BytesIO(cut.content)) as file:
            assert file[0].data.shape[0] == 2 and file[0].data.shape[1] <= 13
            assert len(file["BANDS"].data) == 2
        assert archive.get(f"/cta/dl/soda/dlget?ID={identifier}&CIRCLE=183+22+0.2").status_code == 204
        points = quote(did(archive, "products/crab_flux_points.fits"))
        refused = archive.get(f"/cta/dl/soda/dlget?ID={points}&CIRCLE=83+22+1")
        assert refused.status_code == 400 and refused.text.startswith("UsageError: ")

    def test_lower_levels_are_listed_and_not_served(self, archive: Archive) -> None:
        identifier = did(archive, "dl0/ctao_sim_100001.dl0.fits.fz")
        (row,) = archive.query(
            "SELECT calib_level, dataproduct_type, dataproduct_subtype, access_estsize FROM ivoa.obscore"
            f" WHERE obs_publisher_did='{identifier}'"
        )
        assert tuple(row.values()) == ("0", "", "dl0", "48000000")
        found = {str(link["semantics"]): link for link in links(archive, identifier)}
        assert "listed here and not served" in found["#this"]["error_message"]
        assert not found["#this"]["access_url"]
        assert archive.session.get(found["#derivation"]["access_url"], timeout=60).ok
        path = identifier.partition("?")[2]
        assert archive.get(f"/getproduct/{path}").status_code == 404
        for service in ("header", "preview", "table", "soda", "package"):
            answer = archive.get(f"/cta/dl/{service}/dlget?ID={quote(identifier)}")
            assert answer.status_code in (400, 404) and "not served" in answer.text, (service, answer.text)

    def test_lineage_leads_from_products_to_raw_data(self, archive: Archive) -> None:
        at, seen = did(archive, "products/crab_pha.fits"), []
        for _ in range(4):
            progenitors = links(archive, at).bysemantics("#progenitor", include_narrower=False)
            # others, such as calibration files, are only known to provenance
            (parent,) = [link for link in progenitors if "content=datalink" in str(link["content_type"])]
            linked = pyvo.dal.adhoc.DatalinkResults.from_result_url(parent["access_url"], session=archive.session)
            at = str(linked[0]["ID"])
            seen.append(at.rpartition("/")[0].rpartition("/")[2])
        assert seen == ["public", "dl2", "dl1", "dl0"]
        derived = links(archive, did(archive, "public/ctao_sim_100001.fits.gz")).bysemantics(
            "#derivation", include_narrower=False
        )
        assert len(list(derived)) == 5

    def test_cones_find_event_lists_only(self, archive: Archive) -> None:
        service = pyvo.dal.SCSService(f"{archive.url}/cta/q/cone/scs.xml", session=archive.session)
        found = service.search(pos=(83.63, 22.01), radius=2, verbosity=3)
        assert len(found) and {record["dataproduct_type"] for record in found} == {"event"}


@pytest.fixture(scope="module")
def real(workshop: Archive) -> Iterator[Archive]:
    """The second instance with real collections."""
    if not DL4.is_dir():
        pytest.skip(f"no real data: {DL4} is absent")
    with open_folder("cta-dl4-") as place:
        for name in COLLECTIONS:
            shutil.copytree(DL4 / name, place / name)
        make_readable(place)
        for name, (_, _, refused) in COLLECTIONS.items():
            assert workshop.import_folder(place / name, name).status == int(refused > 0)
        yield workshop
        workshop.withdraw(*COLLECTIONS)


@REAL
class TestRealProducts:
    """Published products of H.E.S.S., MAGIC, VERITAS, Fermi-LAT and FACT."""

    @pytest.mark.parametrize("name", COLLECTIONS)
    def test_everything_is_taken_or_has_its_reason(self, real: Archive, name: str) -> None:
        published, parts, refused = COLLECTIONS[name]
        assert real.count("cta.dataset", f"obs_collection='{name}'") == published
        assert real.count("cta.part", f"obs_collection='{name}'") == parts
        problems = real.problems(name)
        errors = [sentence for found in problems.values() for severity, sentence in found if severity == "error"]
        assert len(errors) == refused and all(sentence.endswith(".") for sentence in errors)

    def test_vectors(self, real: Archive) -> None:
        (crab,) = real.query(
            "SELECT em_min, em_max, em_xel, s_ra FROM ivoa.obscore WHERE obs_publisher_did LIKE '%crab_hess_fp.fits'"
        )
        assert float(crab["em_min"]) == pytest.approx(5.77189e-20, rel=1e-4)
        assert float(crab["em_max"]) == pytest.approx(3.17827e-18, rel=1e-4)
        assert crab["em_xel"] == "5" and float(crab["s_ra"]) == pytest.approx(83.633, abs=0.01)
        (curve,) = real.query(
            "SELECT t_min, t_max, t_xel FROM ivoa.obscore WHERE obs_publisher_did LIKE '%pks2155_hess_lc.fits'"
        )
        assert float(curve["t_min"]) == pytest.approx(53945.854166667, abs=1e-8) and curve["t_xel"] == "34"

    def test_an_import_that_changes_nothing_reads_nothing(self, real: Archive) -> None:
        before = real.sql("SELECT accref, fingerprint FROM cta.part ORDER BY accref")
        link = real.resource_dir / "data" / "joint-crab"
        assert real.import_folder(link.resolve(), "joint-crab").status == 1
        summary = real.summary("joint-crab")
        # files that are refused are looked at again, and nothing else is
        assert (summary["new_or_changed"], summary["unchanged"]) == (0, 46)
        assert real.sql("SELECT accref, fingerprint FROM cta.part ORDER BY accref") == before

    def test_maps_open_in_gammapy(self, real: Archive, tmp_path: Path) -> None:
        maps = pytest.importorskip("gammapy.maps")
        path = tmp_path / "map.fits.gz"
        path.write_bytes(real.get("/getproduct/cta/data/joint-crab/maps/hess.fits.gz").content)
        opened = maps.Map.read(path)
        assert opened.data.shape == (160, 160) and opened.geom.center_skydir.ra.deg == pytest.approx(83.633083)


class TestBadInput:
    """What is wrong has a sentence; the rest is imported."""

    def test_wrong_products_among_good_ones(self, workshop: Archive, folder: Path) -> None:
        write_fits(folder / "good.fits", table_hdu(sed()))
        write_fits(folder / "unit.fits", table_hdu(sed(dnde=([1.0] * 4, "flurbs"))))
        fits.PrimaryHDU(np.zeros((4, 4))).writeto(folder / "nowhere.fits")
        write_fits(folder / "pha.fits", *spectrum(ANCRFILE="missing.fits"))
        write_fits(folder / "up.fits", *spectrum(ANCRFILE="../secret.fits"))
        (folder / "bomb.ecsv").write_text("# %ECSV 1.0\n# ---\n# a: &a [x]\n# b: [*a, *a]\n# datatype: []\n")
        make_readable(folder)
        assert workshop.import_folder(folder, "bad-products").status == 1
        try:
            assert set(workshop.published("bad-products")) == {"good.fits"}
            problems = {path: found[0] for path, found in workshop.problems("bad-products").items()}
            for path, words in (
                ("unit.fits", "'flurbs', is not known"),
                ("nowhere.fits", "no world coordinate system on the sky"),
                ("pha.fits", "names missing.fits (effective area)"),
                ("up.fits", "is not the bare name of a file"),
                ("bomb.ecsv", "aliases"),
            ):
                severity, sentence = problems[path]
                assert severity == "error" and words in sentence, (path, sentence)
        finally:
            workshop.withdraw("bad-products")

    def test_a_spectrum_goes_when_a_part_goes_and_comes_back_with_it(self, workshop: Archive, folder: Path) -> None:
        write_fits(folder / "pha.fits", *spectrum(ANCRFILE="arf.fits", RESPFILE="rmf.fits"))
        write_fits(folder / "arf.fits", area())
        write_fits(folder / "rmf.fits", matrix())
        write_fits(folder / "lone.fits", area())
        make_readable(folder)
        workshop.import_folder(folder, "set").check()
        try:
            assert "pha.fits" in workshop.published("set")
            assert "no spectrum of the collection names this file" in workshop.problems("set")["lone.fits"][0][1]
            (folder / "rmf.fits").rename(folder / "rmf.away")
            assert workshop.import_folder(folder, "set").status == 1
            assert "pha.fits" not in workshop.published("set")
            assert "is not published (rmf.fits)" in workshop.problems("set")["pha.fits"][0][1]
            (folder / "rmf.away").rename(folder / "rmf.fits")
            workshop.import_folder(folder, "set").check()
            assert "pha.fits" in workshop.published("set")
        finally:
            workshop.withdraw("set")

    def test_proprietary_products_stay_so(self, workshop: Archive, folder: Path) -> None:
        """Points, parts, table, picture, cut-out, package, headers: no way leads to data."""
        write_fits(folder / "points.fits", table_hdu(sed()))
        write_fits(folder / "map.fits", image())
        write_fits(folder / "pha.fits", *spectrum(ANCRFILE="arf.fits"))
        write_fits(folder / "arf.fits", area())
        sources = {"name": (["Secret"], None), "ra": ([10.0], "deg"), "dec": ([1.0], "deg")}
        write_fits(folder / "sources.fits", table_hdu(sources))
        make_readable(folder)
        toml = workshop.resource_dir / "collections" / "held.toml"
        toml.write_text('title = "Held"\nowner = "nobody"\nembargo = 2090-01-01\n')
        workshop.import_folder(folder, "held").check()
        try:
            assert workshop.get("/getproduct/cta/data/held/arf.fits").status_code in (401, 403)
            assert workshop.count("cta.source_all", "name='Secret'") == 1
            assert workshop.query("SELECT name FROM cta.source WHERE name='Secret'") == []
            for name in ("points", "map", "pha", "sources"):
                identifier = did(workshop, f"{name}.fits", "held")
                for link in links(workshop, identifier):
                    url = str(link["access_url"] or "")
                    if url.startswith(workshop.url) and link["semantics"] not in ("#documentation",):
                        assert workshop.session.get(url, timeout=60).status_code in (401, 403), url
                cut = workshop.get(f"/cta/dl/soda/dlget?ID={quote(identifier)}&CIRCLE=83.6+22+0.2")
                assert cut.status_code in (400, 401, 403)
        finally:
            workshop.withdraw("held")
