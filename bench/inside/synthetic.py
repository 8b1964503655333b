"""Synthetic observations: rows made from one that was really harvested, with position, time, target and id varied."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ingest.collection import load_collection
from ingest.coverage import HC_EV_M, circle_region
from ingest.folder import Folder
from ingest.footprint import galactic_from_icrs
from ingest.harvest import Harvest, harvest
from ingest.plan import Naming, make_plan
from ingest.rows import DatasetRow, HduRow, ProductRow

SEED = 20261120
PREFIX = "cta/data/synthetic/"
N_TARGETS = 3000
N_PROPOSALS = 800
FIRST_MJD, LAST_MJD = 52900.0, 61000.0
# Name, class, position, and share of all observations of the targets the examples ask for; the others are random.
KNOWN = (
    ("Crab Nebula", "SNR", 83.633, 22.014, 0.03),
    ("PKS 2155-304", "BLL", 329.717, -30.226, 0.03),
    ("Mrk 421", "BLL", 166.114, 38.209, 0.02),
    ("MSH 15-52", "PWN", 228.529, -59.158, 0.01),
)
CLASSES = ("BLL", "Bla", "QSO", "SNR", "PWN", "HXB", "Psr", "GlC", "G", None)
CLASS_WEIGHTS = (4, 1, 1, 12, 15, 5, 10, 5, 20, 27)
RESPONSES = ("aeff", "edisp", "psf", "bkgrate", "response-function")

Target = tuple[str, str | None, float, float]
Triple = tuple[DatasetRow, list[HduRow], ProductRow]


def template(folder: Path, collection_file: Path, authority: str) -> Harvest:
    """Harvest one real file of a folder."""
    collection = load_collection(collection_file, "synthetic")
    plan = make_plan(collection, Folder(folder, collection.outside), Naming(authority, PREFIX), {})
    for task in plan.tasks:
        found = harvest(task, collection)
        if found.row is not None and found.row.s_region is not None and found.row.ev_xel:
            return found
    raise LookupError(f"no file of {folder} gives a complete row")


class Generator:
    """Makes observations; the same every time."""

    def __init__(self, model: Harvest, authority: str) -> None:
        assert model.row is not None
        self.row, self.hdus = model.row, model.hdus
        self.authority = authority
        self.random = random.Random(SEED)
        self.targets: list[Target] = [(name, kind, ra, dec) for name, kind, ra, dec, _ in KNOWN]
        weights = [share for *_, share in KNOWN]
        for number in range(N_TARGETS):
            self.targets.append(self._target(number))
            weights.append((1 - sum(share for *_, share in KNOWN)) / N_TARGETS)
        self.weights = weights

    def batches(self, count: int, size: int) -> Iterator[list[Triple]]:
        """Yield `count` observations in lists of up to `size`."""
        for begin in range(0, count, size):
            numbers = range(begin, min(begin + size, count))
            targets = self.random.choices(self.targets, self.weights, k=len(numbers))
            yield [self._observation(number, target) for number, target in zip(numbers, targets, strict=True)]

    def _target(self, number: int) -> Target:
        ra, dec = self.random.uniform(0, 360), math.degrees(math.asin(self.random.uniform(-1, 1)))
        kind = self.random.choices(CLASSES, CLASS_WEIGHTS)[0]
        return f"Source {number:04d}", kind, ra, dec

    def _observation(self, number: int, target: Target) -> Triple:
        draw = self.random
        row = copy.copy(self.row)
        name, kind, ra, dec = target
        angle = draw.uniform(0, 2 * math.pi)
        row.accref = f"{PREFIX}night{number // 25:05d}/run{number:07d}.fits.gz"
        row.obs_publisher_did = f"ivo://{self.authority}/~?{row.accref}"
        row.fingerprint = f"{number:016x}"
        row.obs_id = str(100000 + number)
        row.obs_title = f"H.E.S.S. event list of {name}, observation {row.obs_id}"
        row.target_name = row.object = name
        row.target_class = kind
        row.s_dec = max(-89.5, min(89.5, dec + 0.7 * math.sin(angle)))
        row.s_ra = (ra + 0.7 * math.cos(angle) / math.cos(math.radians(row.s_dec))) % 360
        row.ra_pnt, row.dec_pnt, row.ra_obj, row.dec_obj, row.offset_obj = row.s_ra, row.s_dec, ra, dec, 0.7
        longitude, latitude = galactic_from_icrs(row.s_ra, row.s_dec)
        row.glon_pnt, row.glat_pnt = float(longitude), float(latitude)
        row.s_region = circle_region(row)
        row.proposal_id = f"SIM-2024-KSP-{draw.randrange(N_PROPOSALS):03d}"
        row.pointing_mode = "divergent" if draw.random() < 0.01 else "parallel"
        self._times(row, draw)
        row.energy_min, row.energy_max = 10 ** draw.uniform(10.3, 12), 10 ** draw.uniform(13, 14)
        row.em_min, row.em_max = HC_EV_M / row.energy_max, HC_EV_M / row.energy_min
        row.ev_xel = draw.randrange(500, 50000)
        row.s_resolution = draw.uniform(200, 1200)
        if draw.random() < 0.005:
            row.dataproduct_type, row.dataproduct_subtype = None, draw.choice(RESPONSES)
        if draw.random() < 0.05:
            row.owner, row.embargo = "proprietary", date(2027, 1, 1).isoformat()
        return row, [self._hdu(hdu, row) for hdu in self.hdus], self._product(row)

    def _times(self, row: DatasetRow, draw: random.Random) -> None:
        row.t_min = draw.uniform(FIRST_MJD, LAST_MJD)
        row.t_exptime = row.livetime = draw.choice((900.0, 1500.0, 1580.0)) * draw.uniform(0.8, 1.0)
        row.ontime = row.t_exptime / 0.95
        row.t_max = row.t_min + row.ontime / 86400
        row.tstart_tt, row.tstop_tt = row.t_min + 0.0008, row.t_max + 0.0008
        row.date_obs, row.time_obs = (f"{52900 + int(row.t_min) % 9000}", "22:15:30.125")

    def _hdu(self, hdu: HduRow, row: DatasetRow) -> HduRow:
        made = copy.copy(hdu)
        made.obs_publisher_did = made.file_publisher_did = row.obs_publisher_did
        made.obs_id, made.file_accref = row.obs_id, row.accref
        return made

    def _product(self, row: DatasetRow) -> ProductRow:
        return ProductRow(
            accref=row.accref,
            owner=row.owner,
            embargo=row.embargo,
            mime=row.mime,
            accessPath=row.accref,
            sourceTable="cta.dataset",
        )
