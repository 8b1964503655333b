# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that travel with the archive."""

from __future__ import annotations

from sample.sky import MJD_REFERENCE_DAYS
from sample.targets import CREATOR, FIRST_OBS_ID, SITES, SPECIAL_RUNS, TARGETS, proposal_of

TERMS = """\
Terms of use of the simulated CTAO sample archive
=================================================

All files in this folder are SIMULATED. They are not data of the Cherenkov Telescope Array Observatory (CTAO): nothing
in them was observed, and CTAO has neither made nor endorsed them. The instrument responses are smooth functions that
only resemble the public CTAO performance. Do not draw scientific conclusions from these files.

You may use, change and pass on the files under either of these licences, as you choose:

- Creative Commons Attribution 4.0 International (CC BY 4.0), https://creativecommons.org/licenses/by/4.0/
- Creative Commons CC0 1.0 Universal (CC0 1.0), https://creativecommons.org/publicdomain/zero/1.0/

Under CC BY 4.0 this line is enough: "Simulated CTAO sample archive".

The folder "proprietary" only plays the part of proprietary data, to try out access control; its files are under the
same terms.

The files come as they are, without warranty of any kind.
"""

_README = """\
# Simulated CTAO sample archive

**Simulated, not real CTAO data, not for science.** Terms of use: `TERMS.txt` (CC BY 4.0 or CC0 1.0).

{runs} runs, {events} events on average wanted per run, seed {seed}; written by `{creator}`. The same parameters always
give the same bytes; a run's content depends on the seed and the wanted number of events, not on the number of runs.

## Layout

| path | content |
|---|---|
| `public/ctao_sim_<OBS_ID>.fits.gz` | one run: events, good time intervals, four instrument responses (GADF 0.3 DL3) |
| `proprietary/ctao_sim_<OBS_ID>.fits.gz` | runs that play the part of proprietary data |
| `obs-index.fits.gz`, `hdu-index.fits.gz` | GADF index files over both folders |
| `observatory/*.obsmeta.json` | observation metadata: arrays, proposals, schedule, as the archive reads them |
| `products/` | of the Crab Nebula, from runs 100001 and 100002: counts map and cube, flux points with likelihood \
profiles, light curve, counts spectrum (OGIP: PHA, background, ARF, RMF); a catalogue of the sources |
| `lower-levels.listing.ecsv` | files of levels DL0 to DL2 as an archive lists them without serving them; names only |
| `TERMS.txt` | terms of use |

`gammapy.data.DataStore.from_dir(".")` opens the folder (`from_events_files` guesses PSF_3GAUSS for every file, which is
wrong for CTAO-S; `Observation.read` does not guess). Times are seconds since MJD {mjdref}.0, time scale TAI; so are
the `DATE` keywords. HDUs: EVENTS, GTI, EFFECTIVE AREA (AEFF_2D), ENERGY DISPERSION (EDISP_2D), POINT SPREAD FUNCTION
(PSF_3GAUSS at CTAO-N, PSF_TABLE at CTAO-S), BACKGROUND (BKG_3D). Field of view coordinates (`DETX`, `DETY`, background)
are aligned with right ascension and declination (`FOVALIGN = RADEC`): `DETX` grows to the west, `DETY` to the north.

CTAO keeps proposals outside DL3. Here the EVENTS header (and the observation index) has a keyword `PROP_ID`, which is
not part of GADF.

## Special runs

| OBS_ID | PROP_ID | what |
|---|---|---|
{special}

## What was simulated

Point sources with dN/dE = norm (E / 1 TeV)^-index, seen {offset} off axis in wobble pairs, plus background drawn from
the BKG_3D table. Gamma rays go with the live time, background with the observation time. Reconstructed energies are
limited to 0.04-158 TeV. The number of background events is chosen so that runs have the wanted mean number of events.
The responses do not depend on zenith angle; the divergent run has the ordinary response.

| target | site | RA, Dec (ICRS, deg) | norm (cm-2 s-1 TeV-1) | index | source |
|---|---|---|---|---|---|
{targets}

| site | longitude, latitude (deg), height (m) | telescopes |
|---|---|---|
{sites}
"""


def readme(runs: int, events_per_run: float, seed: int) -> str:
    """Describe an archive.

    Parameters
    ----------
    runs : int
        Number of runs.
    events_per_run : float
        Wanted mean number of events of a run.
    seed : int
        Seed of the archive.

    Returns
    -------
    str
        Text of ``README.md``.
    """
    special = [
        f"| {FIRST_OBS_ID + number} | {proposal_of(number)} | {kind.value} |"
        for number, (kind, _) in SPECIAL_RUNS.items()
        if number < runs
    ]
    targets = [
        f"| {target.name} | {target.site.key} | {target.ra_deg}, {target.dec_deg} | {target.norm_per_cm2_s_tev:g} "
        f"| {target.index} | {target.source} |"
        for target in TARGETS
    ]
    sites = [
        f"| {site.key} | {site.longitude_deg}, {site.latitude_deg}, {site.altitude_m:g} | {site.n_telescopes} |"
        for site in SITES.values()
    ]
    return _README.format(
        runs=runs,
        events=f"{events_per_run:g}",
        seed=seed,
        creator=CREATOR,
        mjdref=MJD_REFERENCE_DAYS,
        offset="0.5 deg",
        special="\n".join(special or ["| - | - | none among so few runs |"]),
        targets="\n".join(targets),
        sites="\n".join(sites),
    )
