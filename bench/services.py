"""Measures what users wait for: cut-outs, packages, links, each against the plainest thing that does the same."""

from __future__ import annotations

import gzip
import http.client
import io
import shutil
import statistics
import time
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from astropy.io import fits

import sample
from bench.instance import Bench, BenchError
from bench.report import Report

COLLECTION = "services"
# A file of the package: 2 million events, 60 MB; all of them are 1 GB.
LARGE_EVENTS = 2_000_000
N_LARGE = 17
N_IDS = 50
RADIUS_DEG = 0.5
CHUNK = 2**18


def run(bench: Bench, report: Report, *, quick: bool) -> None:
    """Import two kinds of runs and measure the services on them."""
    repeat = 3 if quick else 9
    folder = _files(bench, quick=quick)
    bench.operate("import", "--data", str(folder), "--collection", COLLECTION)
    bench.operate("start")
    rows = bench.sql(
        f"SELECT obs_publisher_did FROM cta.dataset WHERE accref LIKE 'cta/data/{COLLECTION}/%' ORDER BY 1"
    )
    dids = rows.split()
    small = [did for did in dids if "/large/" not in did]
    large = [did for did in dids if "/large/" in did]
    report.section("services", "cut-outs, packages and links over HTTP, on one machine with their client", {})
    client = _Client(bench.instance.url)
    _cut(client, folder, small[0], report, repeat)
    _package(client, large, report, repeat)
    _links(client, small, report, repeat)


def _files(bench: Bench, *, quick: bool) -> Path:
    """Make runs of 10^5 events, and large plain files, each a copy of one run under its own name."""
    made = bench.state.resolve() / "bench-services"
    shutil.rmtree(made, ignore_errors=True)
    sample.generate(made / "small", runs=N_IDS + 8, events_per_run=2000, seed=7)
    sample.generate(made / "run", runs=1, events_per_run=100_000, seed=8)
    sample.generate(made / "huge", runs=1, events_per_run=LARGE_EVENTS // (20 if quick else 1), seed=9)
    folder = made / "data"
    (folder / "large").mkdir(parents=True)
    shutil.move(next((made / "run" / "public").glob("*.fits.gz")), folder / "a-run.fits.gz")
    for file in (made / "small").glob("*/*.fits.gz"):
        shutil.move(file, folder / file.name)
    with gzip.open(next((made / "huge" / "public").glob("*.fits.gz"))) as packed:
        first = folder / "large" / "run-00.fits"
        with first.open("wb") as plain:
            shutil.copyfileobj(packed, plain, CHUNK)
    for number in range(1, N_LARGE):
        shutil.copyfile(first, folder / "large" / f"run-{number:02d}.fits")
    bench.give(made)
    return folder


def _cut(client: _Client, folder: Path, did: str, report: Report, repeat: int) -> None:
    path = folder / "a-run.fits.gz"
    ra, dec = (fits.getval(path, key, ext=1) for key in ("RA_PNT", "DEC_PNT"))
    query = {"ID": did, "CIRCLE": f"{ra} {dec} {RADIUS_DEG}"}
    kept = len(fits.open(io.BytesIO(client.get("/cta/dl/soda/dlget", query)))["EVENTS"].data)
    by_hand = _astropy_cut(path, ra, dec)
    expected = len(fits.open(io.BytesIO(by_hand))["EVENTS"].data)
    if kept != expected:
        raise BenchError(f"the cut-out has {kept} events, astropy's {expected}.")
    ours, theirs = _in_turns(
        lambda: client.get("/cta/dl/soda/dlget", query), lambda: _astropy_cut(path, ra, dec), repeat
    )
    n_events = fits.getval(path, "NAXIS2", ext=1)
    report.line("cut-out over HTTP", 1e3 * ours, "ms", f"{kept} of {n_events} events")
    report.line("astropy in memory", 1e3 * theirs, "ms", "read, mask, write with checksums: the same file, same events")
    report.require("astropy's time over the cut-out's", theirs / ours, 1 / 1.5, "at most 1.5 times as long")


def _astropy_cut(path: Path, ra_deg: float, dec_deg: float) -> bytes:
    """Return what a script makes of the same file: events within a circle, and everything else."""
    with fits.open(path, memmap=False) as hdus:
        events = hdus["EVENTS"].data
        lon, lat = np.radians(events["RA"].astype(float)), np.radians(events["DEC"].astype(float))
        cos = np.sin(lat) * np.sin(np.radians(dec_deg))
        cos += np.cos(lat) * np.cos(np.radians(dec_deg)) * np.cos(lon - np.radians(ra_deg))
        hdus["EVENTS"].data = events[cos >= np.cos(np.radians(RADIUS_DEG))]
        out = io.BytesIO()
        hdus.writeto(out, checksum=True)
    return out.getvalue()


def _package(client: _Client, dids: list[str], report: Report, repeat: int) -> None:
    query = [("ID", did) for did in dids]
    file_path = f"/getproduct/{urllib.parse.quote(dids[0].partition('?')[2])}"
    rates: dict[str, list[float]] = {"package": [], "file": []}
    firsts: list[float] = []
    client.stream("/cta/dl/package/dlget", query[:1])
    for _ in range(max(repeat // 3, 1)):
        first, size, seconds = client.stream("/cta/dl/package/dlget", query)
        firsts.append(first)
        rates["package"].append(size / seconds)
        sizes, started = 0, time.perf_counter()
        for _ in dids:
            sizes += client.stream(file_path, [])[1]
        rates["file"].append(sizes / (time.perf_counter() - started))
    package, file = (statistics.median(rates[name]) for name in ("package", "file"))
    report.line("file download", file / 1e6, "MB/s", f"{len(dids)} files of the same bytes, one after the other")
    report.line("first byte of a package", 1e3 * statistics.median(firsts), "ms", f"{size / 1e9:.2f} GB")
    report.require("package over file download", package / file, 0.7, f"{package / 1e6:.0f} MB/s")
    report.require("0.5 s over the first byte's time", 0.5 / statistics.median(firsts), 1.0)


def _links(client: _Client, dids: list[str], report: Report, repeat: int) -> None:
    many = [("ID", did) for did in dids[:N_IDS]]
    fifty, one = _in_turns(
        lambda: client.get("/cta/dl/links/dlmeta", many), lambda: client.get("/cta/dl/links/dlmeta", many[:1]), repeat
    )
    report.line("links of one dataset", 1e3 * one, "ms")
    report.require("3 times that over links of 50", 3 * one / fifty, 1.0, f"{1e3 * fifty:.1f} ms for 50")


def _in_turns(first: Callable[[], object], second: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Return the median times of two actions done in turns, after one warm-up each."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeat + 1):
        for action, taken in zip((first, second), times, strict=True):
            started = time.perf_counter()
            action()
            if turn:
                taken.append(time.perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


class _Client:
    """A plain HTTP client on one kept connection a request, which takes what comes uncompressed."""

    def __init__(self, url: str) -> None:
        self._host = urllib.parse.urlsplit(url).netloc

    def get(self, path: str, query: Mapping[str, str] | list[tuple[str, str]]) -> bytes:
        """Return the body of an answer."""
        connection = http.client.HTTPConnection(self._host, timeout=300)
        connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise BenchError(f"{path} answers {answer.status}: {body[:200]!r}")
        return body

    def stream(self, path: str, query: list[tuple[str, str]]) -> tuple[float, int, float]:
        """Return the time to the first byte, the number of bytes, and the time to the last byte."""
        connection = http.client.HTTPConnection(self._host, timeout=300)
        started = time.perf_counter()
        connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)
        answer = connection.getresponse()
        size = len(answer.read(1))
        first = time.perf_counter() - started
        buffer = bytearray(CHUNK)
        while n_read := answer.readinto(buffer):
            size += n_read
        connection.close()
        return first, size, time.perf_counter() - started
