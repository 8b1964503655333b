"""Images and spectra by the protocols made for them: SIAP2 and SSAP, as pyvo sees them; sources by cone search."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import numpy as np
import pytest
import pyvo
from astropy.io import fits, votable
from astropy.table import Table
from astropy.wcs import WCS

from tests.live.archive import CHECKOUT, SAMPLE, Archive

CRAB = (83.63308, 22.0145)
STILTS = CHECKOUT / ".venv" / "bin" / "stilts"


@pytest.fixture(scope="module")
def siap(archive: Archive) -> pyvo.dal.SIA2Service:
    return pyvo.dal.SIA2Service(f"{archive.url}/__system__/siap2/sitewide", session=archive.session)


@pytest.fixture(scope="module")
def ssap(archive: Archive) -> pyvo.dal.SSAService:
    return pyvo.dal.SSAService(f"{archive.url}/cta/access/ssa/ssap.xml", session=archive.session)


class TestSiap:
    """SIA 2.0 over the whole archive."""

    def test_images_and_cubes_at_a_position(self, siap: pyvo.dal.SIA2Service) -> None:
        found = {record["obs_title"]: record for record in siap.search(pos=(*CRAB, 0.1), collection=SAMPLE)}
        assert {record["dataproduct_type"] for record in found.values()} == {"image", "cube"}
        image = next(record for record in found.values() if record["dataproduct_type"] == "image")
        assert (image["s_xel1"], image["s_xel2"], image["em_xel"]) == (100, 100, 1)
        assert image["s_pixel_scale"] == pytest.approx(144.0) and image["target_name"] == "Crab Nebula"
        assert (image["o_ucd"], image["t_exptime"]) == ("phot.count;em.gamma", pytest.approx(2967.36, abs=0.1))

    def test_nothing_elsewhere(self, siap: pyvo.dal.SIA2Service) -> None:
        assert len(siap.search(pos=(200.0, -80.0, 0.1))) == 0

    def test_band_is_in_metres(self, siap: pyvo.dal.SIA2Service) -> None:
        tev = 1.239841984332e-18
        assert len(siap.search(pos=(*CRAB, 0.1), collection=SAMPLE, band=(tev / 2.0, tev / 1.0))) == 2
        assert len(siap.search(pos=(*CRAB, 0.1), collection=SAMPLE, band=(1e-7, 2e-7))) == 0

    def test_types_formats_and_counts(self, siap: pyvo.dal.SIA2Service) -> None:
        assert len(siap.search(collection=SAMPLE, data_type="cube")) == 1
        assert len(siap.search(collection=SAMPLE, data_type="image", maxrec=0)) == 0

    def test_an_image_opens_in_astropy(self, siap: pyvo.dal.SIA2Service, archive: Archive) -> None:
        (record,) = siap.search(collection=SAMPLE, data_type="image")
        links = record.getdatalink()
        (this,) = links.bysemantics("#this", include_narrower=False)
        with fits.open(io.BytesIO(archive.session.get(this["access_url"], timeout=60).content)) as file:
            assert file[0].data.shape == (100, 100)
            x, y = WCS(file[0].header).world_to_pixel_values(record["s_ra"], record["s_dec"])
            assert (float(x), float(y)) == pytest.approx((49.5, 49.5), abs=1e-6)


class TestSsap:
    """SSA 1.1 on flux points and counts spectra."""

    def test_each_spectrum_in_each_format(self, ssap: pyvo.dal.SSAService) -> None:
        rows = ssap.search(pos=CRAB, diameter=0.5).to_table()
        rows = rows[rows["ssa_collection"] == SAMPLE]
        assert len(rows) == 4 and len(set(rows["ssa_pubDID"])) == 2
        assert set(rows["mime"]) == {"application/fits", "application/x-votable+xml"}
        points = rows[rows["ssa_length"] == 8][0]
        assert points["ssa_specstart"] == pytest.approx(1.239841984332e-18 / 25.1189, rel=1e-4)
        assert points["ssa_specend"] == pytest.approx(1.239841984332e-18 / 0.1, rel=1e-6)
        assert points["ssa_fluxunit"] == "cm**-2.s**-1.TeV**-1" and points["ssa_spectralunit"] == "TeV"
        assert points["ssa_fluxucd"] == "phot.flux.density;em.gamma" and points["ssa_targname"] == "Crab Nebula"
        assert points["ssa_dateObs"] == pytest.approx(60275.095, abs=0.1)

    def test_formats_and_bands_select(self, ssap: pyvo.dal.SSAService) -> None:
        votables = ssap.search(pos=CRAB, diameter=0.5, format="votable")
        assert len(votables) and {record["mime"] for record in votables} == {"application/x-votable+xml"}
        assert len(ssap.search(pos=CRAB, diameter=0.5, band=(1e-7, 2e-7))) == 0
        assert len(ssap.search(pos=(200.0, -80.0), diameter=0.5)) == 0

    def test_the_service_describes_itself(self, archive: Archive) -> None:
        answer = archive.get("/cta/access/ssa/ssap.xml?REQUEST=queryData&FORMAT=METADATA")
        assert answer.ok
        table = votable.parse(io.BytesIO(answer.content)).get_first_table()
        utypes = {str(field.utype).lower() for field in table.fields}
        assert {"ssa:access.reference", "ssa:dataset.datamodel", "ssa:char.fluxaxis.ucd"} <= utypes

    def test_a_wrong_request_is_an_error_in_the_protocols_way(self, archive: Archive) -> None:
        text = archive.get("/cta/access/ssa/ssap.xml?REQUEST=queryData&POS=here").text
        assert 'value="ERROR"' in text

    def test_flux_points_come_as_a_table_that_plots(self, ssap: pyvo.dal.SSAService, archive: Archive) -> None:
        record = next(
            record
            for record in ssap.search(pos=CRAB, diameter=0.5, format="votable")
            if record["ssa_collection"] == SAMPLE and record["ssa_length"] == 8
        )
        answer = archive.session.get(record.getdataurl(), timeout=60)
        assert answer.headers["Content-Type"] == "application/x-votable+xml"
        rows = Table.read(io.BytesIO(answer.content), format="votable")
        assert len(rows) == 8 and rows["dnde"].unit == "cm-2 s-1 TeV-1"
        model = 3.45e-11 * np.asarray(rows["e_ref"]) ** -2.63
        assert np.abs(np.asarray(rows["dnde"])[2:] / model[2:] - 1).max() < 1.5

    @pytest.mark.slow
    def test_stilts_reads_table_and_answers(self, archive: Archive, ssap: pyvo.dal.SSAService, tmp_path: Path) -> None:
        record = next(iter(ssap.search(pos=CRAB, diameter=0.5, format="votable")))
        for name, address in (
            ("points", record.getdataurl()),
            ("ssap", f"{archive.url}/cta/access/ssa/ssap.xml?REQUEST=queryData&POS={CRAB[0]},{CRAB[1]}&SIZE=1"),
            ("siap", f"{archive.url}/__system__/siap2/sitewide/siap2.xml?POS=CIRCLE+{CRAB[0]}+{CRAB[1]}+1"),
        ):
            path = tmp_path / f"{name}.vot"
            path.write_bytes(archive.session.get(address, timeout=60).content)
            done = subprocess.run([STILTS, "votlint", str(path)], capture_output=True, text=True, timeout=120)
            errors = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
            assert done.returncode == 0 and errors == [], (name, done.stdout[:2000], done.stderr)


class TestSources:
    """Cone search on the sources of catalogues."""

    def test_cone(self, archive: Archive) -> None:
        service = pyvo.dal.SCSService(f"{archive.url}/cta/access/sources/scs.xml", session=archive.session)
        found = service.search(pos=CRAB, radius=0.5)
        names = [(record["name"], record["catalogue"]) for record in found]
        assert ("Crab Nebula", "sources") in names
        crab = found[names.index(("Crab Nebula", "sources"))]
        assert (crab["dnde"], crab["e_ref"], crab["spectral_index"]) == pytest.approx((3.45e-11, 1.0, 2.63))
        assert len(service.search(pos=(200.0, -80.0), radius=0.5)) == 0

    def test_adql(self, archive: Archive) -> None:
        rows = archive.query(
            f"SELECT s.name, d.dataproduct_type FROM cta.source AS s JOIN ivoa.obscore AS d USING (obs_publisher_did)"
            f" WHERE s.obs_collection='{SAMPLE}' AND 1=CONTAINS(POINT(s.ra, s.dec), CIRCLE({CRAB[0]}, {CRAB[1]}, 1))"
        )
        assert [row["name"] for row in rows] == ["Crab Nebula"] and rows[0]["dataproduct_type"] == "measurements"


@pytest.mark.parametrize("standard", ["SIA#query-2.0", "SSA", "ConeSearch"])
def test_services_are_registered(archive: Archive, standard: str) -> None:
    records = archive.get("/oai.xml?verb=ListRecords&metadataPrefix=ivo_vor").text
    assert f'standardID="ivo://ivoa.net/std/{standard}' in records
    for path in ("/__system__/siap2/sitewide", "/cta/access/ssa", "/cta/access/sources"):
        assert archive.get(f"{path}/capabilities").ok and archive.get(f"{path}/availability").ok
