# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts the simulation starts from: sites, targets, special runs, names written into headers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

VERSION = "1.0.0"
"""Version of the generator; part of ``CREATOR`` and of the stamp, raise it when the written bytes change."""

CREATOR = f"cta-archive sample {VERSION}"
CREATED = "2026-01-15T00:00:00"
"""Creation date written to every header, UTC; fixed, so that the files are reproducible."""

ORIGIN = "Simulated CTAO sample"
TELESCOP = "CTAO"

FIRST_OBS_ID = 100001
RUNS_PER_TARGET_VISIT = 2
"""A visit is one wobble pair."""

WOBBLE_OFFSET_DEG = 0.5


@dataclass(frozen=True)
class Site:
    """An array of telescopes.

    Attributes
    ----------
    key : str
        Name used in ``INSTRUME``: ``CTAO-N`` or ``CTAO-S``.
    letter : str
        ``N`` or ``S``.
    longitude_deg, latitude_deg, altitude_m : float
        Geodetic position (WGS84; east positive) and height of the array centre.
    n_telescopes : int
        Telescopes of the Alpha configuration (N: 4 LST + 9 MST, S: 14 MST + 37 SST), numbered from 1.
    """

    key: str
    letter: str
    longitude_deg: float
    latitude_deg: float
    altitude_m: float
    n_telescopes: int

    @property
    def telescope_list(self) -> str:
        """Comma separated telescope ids, as in ``TELLIST``."""
        return ",".join(str(number) for number in range(1, self.n_telescopes + 1))


SITES = MappingProxyType(
    {
        "CTAO-N": Site("CTAO-N", "N", -17.890701, 28.761795, 2158.0, 13),
        "CTAO-S": Site("CTAO-S", "S", -70.316345, -24.683429, 2150.0, 51),
    }
)


@dataclass(frozen=True)
class Target:
    """A point source with a power law spectrum dN/dE = norm (E / 1 TeV)^-index.

    Attributes
    ----------
    name : str
        Name a name resolver knows; written to ``OBJECT``.
    ra_deg, dec_deg : float
        Position, ICRS.
    norm_per_cm2_s_tev : float
        Differential photon flux at 1 TeV in cm-2 s-1 TeV-1.
    index : float
        Photon index (positive).
    source : str
        Where position and spectrum come from.
    """

    name: str
    ra_deg: float
    dec_deg: float
    norm_per_cm2_s_tev: float
    index: float
    source: str

    @property
    def site(self) -> Site:
        """Site where the target culminates higher: latitude nearer to the declination."""
        return min(SITES.values(), key=lambda site: abs(site.latitude_deg - self.dec_deg))


# In the order in which the sources are opposite to the Sun, from November on.
TARGETS = (
    Target("Crab Nebula", 83.63308, 22.01450, 3.45e-11, 2.63, "pulsar position; Aharonian et al. 2006, A&A 457, 899"),
    Target("Mrk 421", 166.11381, 38.20883, 1.0e-11, 2.8, "SIMBAD; round values for a high state, no cut-off"),
    Target("MSH 15-52", 228.5290, -59.1575, 5.7e-12, 2.27, "SIMBAD; Aharonian et al. 2005, A&A 435, L17 (as a point)"),
    Target("Galactic Centre", 266.41684, -29.00781, 2.5e-12, 2.21, "Sgr A*; Aharonian et al. 2004, A&A 425, L13"),
    Target("PKS 2155-304", 329.71694, -30.22559, 2.0e-12, 3.3, "SIMBAD; Aharonian et al. 2005, A&A 430, 865"),
    Target("Cas A", 350.8500, 58.8150, 1.26e-12, 2.61, "SIMBAD; Acciari et al. 2010, ApJ 714, 163"),
)


class Special(Enum):
    """What is unusual about a run."""

    NONE = "ordinary"
    THREE_GTI = "three good time intervals (clouds); QUALITY 1"
    DIVERGENT = "divergent pointing: CONV_DEP < 0"
    EMPTY = "no event: EVENTS has 0 rows, LIVETIME 0 (camera shutters closed); QUALITY 2"
    PROPRIETARY = "proprietary: guest observer proposal, in proprietary/"


SPECIAL_RUNS = MappingProxyType(
    {
        2: (Special.THREE_GTI, None),
        3: (Special.DIVERGENT, None),
        5: (Special.EMPTY, None),
        6: (Special.PROPRIETARY, "SIM-2024-GO-001"),
        9: (Special.PROPRIETARY, "SIM-2024-GO-002"),
    }
)
"""Run number (0 is the first) to kind of run and, for proprietary runs, their proposal."""


def proposal_of(run_number: int) -> str:
    """Proposal a run belongs to, written to ``PROP_ID``.

    Parameters
    ----------
    run_number : int
        Number of the run, 0 is the first.

    Returns
    -------
    str
        Guest observer proposal of a proprietary run, else the key science project of the target.
    """
    _, proposal = SPECIAL_RUNS.get(run_number, (Special.NONE, None))
    if proposal is not None:
        return proposal
    target_number = run_number // RUNS_PER_TARGET_VISIT % len(TARGETS)
    return f"SIM-2024-KSP-{target_number + 1:03d}"
