"""What cut-outs hold, and the resources beside the service."""

from __future__ import annotations

import io
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from lxml import etree

from tests.live import soda_helpers as helpers
from tests.live.archive import Archive
from tests.live.schemas import violations
from tests.live.soda_helpers import events_of, opened, soda

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
# Run 100001 looks at 83.63, 22.51 for 25 minutes from MJD 60275.0785 on.
CONE = "83.633 22.014 0.5"


class TestAnswers:
    """What comes back, and in which form."""

    def test_a_trivial_request_is_the_file(self, archive: Archive, run: str, sample: Path) -> None:
        content = (sample / "public" / "ctao_sim_100001.fits.gz").read_bytes()
        for more in ({}, {"RESPONSES": "include"}, {"TIME": "-Inf Inf"}, {"POS": "RANGE 0 360 -90 90"}, {"X": "y"}):
            answer = soda(archive, run, **more)
            assert answer.status_code == 200
            assert answer.content == content
            assert int(answer.headers["Content-Length"]) == len(content)
            assert answer.headers["Content-Type"] == "application/fits"
            assert answer.headers["Content-Disposition"] == 'attachment; filename="ctao_sim_100001.fits.gz"'

    def test_headers(self, archive: Archive, run: str) -> None:
        answer = soda(archive, run, CIRCLE=CONE)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/fits"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="100001_cutout.fits"'
        assert "Content-Encoding" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.content)

    def test_head(self, archive: Archive, run: str) -> None:
        url, given = f"{archive.url}{helpers.SODA}", {"ID": run, "CIRCLE": CONE}
        answer = archive.session.head(url, params=given, timeout=20)
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) % 2880 == 0
        for more, status in (({"CIRCLE": "x"}, 400), ({"CIRCLE": "10 10 1"}, 204)):
            assert archive.session.head(url, params={**given, **more}, timeout=20).status_code == status

    def test_no_half_of_what_is_made_anew(self, archive: Archive, run: str) -> None:
        whole = soda(archive, run, CIRCLE=CONE)
        answer = archive.get(helpers.SODA, params={"ID": run, "CIRCLE": CONE}, headers={"Range": "bytes=2880-5759"})
        assert answer.status_code == 200
        assert len(answer.content) == len(whole.content)

    def test_names_in_any_case_by_get_and_post(self, archive: Archive, run: str) -> None:
        wanted = tables_of(soda(archive, run, CIRCLE=CONE, ENERGY="1 10").content)
        lower = archive.get(helpers.SODA, params={"id": run, "circle": CONE, "Energy": "1 10"})
        posted = archive.session.post(
            f"{archive.url}{helpers.SODA}", data={"ID": run, "CIRCLE": CONE, "eNERGY": "1 10"}, timeout=60
        )
        multipart = archive.session.post(
            f"{archive.url}{helpers.SODA}",
            files={"ID": (None, run), "CIRCLE": (None, CONE), "ENERGY": (None, "1 10")},
            timeout=60,
        )
        for answer in (lower, posted, multipart):
            assert answer.status_code == 200, answer.text
            assert tables_of(answer.content) == wanted

    @pytest.mark.parametrize(
        "parameters",
        [
            {"CIRCLE": "200 -20 1"},
            {"POLYGON": "200 -20 201 -19 201 -20"},
            {"POS": "RANGE 200 201 -20 -19"},
            {"TIME": "50000 50001"},
            {"TIME": "-Inf 60275"},
            {"ENERGY": "1000 Inf"},
            {"BAND": "1 2"},
            {"ENERGY": "1 2", "BAND": "1e-17 2e-17"},
            {"CIRCLE": CONE, "TIME": "70000 Inf"},
        ],
    )
    def test_no_overlap(self, archive: Archive, run: str, parameters: dict[str, str]) -> None:
        answer = soda(archive, run, **parameters)
        assert (answer.status_code, answer.content) == (204, b"")

    def test_an_empty_selection_is_a_file(self, archive: Archive, run: str) -> None:
        """Non-detections matter: a filter that overlaps the data but selects nothing gives an event list of no rows."""
        hdus = opened(soda(archive, run, CIRCLE="83.633 22.014 0.000001").content)
        assert len(events_of(hdus).data) == 0
        assert len(hdus["GTI"].data) > 0

    def test_responses_are_the_same_bytes(self, archive: Archive, run: str, sample: Path) -> None:
        cut = opened(soda(archive, run, CIRCLE=CONE).content)
        full = fits.open(sample / "public" / "ctao_sim_100001.fits.gz")
        names = [hdu.name for hdu in full if hdu.header.get("HDUCLAS1") == "RESPONSE"]
        assert len(names) == 4
        for name in names:
            assert cut[name].data.tobytes() == full[name].data.tobytes()
            assert str(cut[name].header) == str(full[name].header)
        none = opened(soda(archive, run, CIRCLE=CONE, RESPONSES="omit").content)
        assert not [hdu.name for hdu in none if hdu.header.get("HDUCLAS1") == "RESPONSE"]

    def test_what_was_done_is_written(self, archive: Archive, run: str) -> None:
        header = events_of(opened(soda(archive, run, CIRCLE=CONE, ENERGY="1 10").content)).header
        history = "".join(str(line) for line in header["HISTORY"])
        assert run in history.replace(" ", "") or run in history
        assert archive.url in history.replace(" ", "")
        subspace = {header[f"DSTYP{n}"]: header[f"DSVAL{n}"] for n in range(1, header["NDSKEYS"] + 1)}
        assert subspace["ENERGY"] == "1:10"
        assert subspace["POS(RA,DEC)"].upper() == "CIRCLE(83.633,22.014,0.5)"

    def test_votable(self, archive: Archive, run: str) -> None:
        answer = soda(archive, run, CIRCLE=CONE, RESPONSEFORMAT="votable")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/x-votable+xml"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="100001_cutout.vot"'
        assert violations(etree.fromstring(answer.content), "ivoa") == []
        votable = parse(io.BytesIO(answer.content))
        table = next(iter(votable.iter_tables()))
        fits_table = events_of(opened(soda(archive, run, CIRCLE=CONE).content)).data
        assert len(table.array) == len(fits_table) > 10
        time = table.get_field_by_id_or_name("TIME")
        (system,) = [item for item in votable.iter_timesys() if time.ref == item.ID]
        header = events_of(opened(soda(archive, run, CIRCLE=CONE).content)).header
        assert system.timescale.lower() == header["TIMESYS"].lower()
        assert float(system.timeorigin) == 2400000.5 + header["MJDREFI"] + header["MJDREFF"]
        first = float(system.timeorigin) - 2400000.5 + u.Quantity(table.array["TIME"], time.unit).to_value("d")
        assert np.all((first > 60275.0785) & (first < 60275.0975))
        np.testing.assert_array_equal(np.asarray(table.array["RA"]), fits_table["RA"])

    def test_a_client_that_hangs_up(self, archive: Archive, run: str) -> None:
        """Nothing stays behind, whether it goes before or while the answer comes."""
        place = urlsplit(archive.url)
        request = f"GET {helpers.SODA}?{urlencode({'ID': run, 'CIRCLE': CONE})} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        package = f"GET {helpers.PACKAGE}?{urlencode({'ID': run})} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        with helpers.nothing_left(archive):
            for sent, received in [(request, 0), (request, 2000), (package, 0), (package, 2000)] * 3:
                with socket.create_connection((place.hostname, place.port), timeout=20) as client:
                    client.sendall(sent)
                    if received:
                        client.recv(received)
            assert soda(archive, run, CIRCLE=CONE).status_code == 200

    def test_many_at_once(self, archive: Archive, run: str) -> None:
        with helpers.nothing_left(archive):
            answers: list[Any] = []

            def ask() -> None:
                answers.append(soda(Archive(archive.state), run, CIRCLE=CONE))

            threads = [threading.Thread(target=ask) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert [answer.status_code for answer in answers] == [200] * 12
            assert len({str(tables_of(answer.content)) for answer in answers}) == 1


def tables_of(content: bytes) -> dict[str, bytes]:
    """Return the data of the HDUs by name."""
    return {hdu.name: b"" if hdu.data is None else hdu.data.tobytes() for hdu in opened(content)}


class TestSiblings:
    """VOSI resources beside the service (soda.md §1)."""

    @pytest.mark.parametrize(
        "service",
        [
            pytest.param(
                "soda",
                marks=pytest.mark.xfail(
                    strict=True, reason="DaCHS 2.11 does not declare the namespace vs, and leaves async out"
                ),
            ),
            "links",
        ],
    )
    def test_capabilities(self, archive: Archive, service: str) -> None:
        root = etree.fromstring(archive.get(f"/cta/dl/{service}/capabilities").content)
        assert violations(root, "ivoa") == []
        found = {item.get("standardID", "").lower(): item for item in root.iter("capability")}
        assert "ivo://ivoa.net/std/vosi#capabilities" in found
        assert "ivo://ivoa.net/std/vosi#availability" in found
        if service == "soda":
            assert found["ivo://ivoa.net/std/soda#sync-1.0"].findtext(".//accessURL") == archive.url + helpers.SODA
            assert found["ivo://ivoa.net/std/soda#async-1.0"].findtext(".//accessURL") == archive.url + helpers.JOBS
        for item in root.iter("capability"):
            for url in item.iter("accessURL"):
                assert url.text.startswith(archive.url)

    def test_availability(self, archive: Archive) -> None:
        root = etree.fromstring(archive.get("/cta/dl/soda/availability").content)
        assert violations(root, "ivoa") == []
        assert root.findtext("{*}available") == "true"
