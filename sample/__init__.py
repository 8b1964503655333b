# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample archive: simulated observations of a CTA-like observatory in GADF DL3 files.

The package writes a small, complete and deterministic archive: event lists with good time intervals and the four
instrument responses in every file, the two GADF index files, a description and the terms of use.  Nothing in it was
observed; the numbers are smooth models "loosely like" the public CTAO performance, good for demonstrations, tests and
benchmarks of an archive, not for science.

========================  =============================================================================================
module                    does
========================  =============================================================================================
``sample.targets``        sites, targets with their spectra, special runs
``sample.schedule``       which run points where and when, run conditions
``sample.sky``            spherical geometry, horizontal coordinates
``sample.response``       analytic response of one site: effective area, PSF, energy dispersion, background
``sample.tables``         the same response tabulated on the axes written to the files
``sample.events``         simulation of the events of one run
``sample.headers``        header cards
``sample.files``          GADF HDUs, reproducible gzip
``sample.indexes``        ``obs-index.fits.gz`` and ``hdu-index.fits.gz``
``sample.products``       DL4 and DL5 products of the first runs, listing of lower levels
``sample.counting``       counts in circles around target and background
``sample.spectra``        flux points, light curve, counts spectrum
``sample.texts``          ``README.md`` and ``TERMS.txt`` of the archive
``sample.archive``        the whole archive, in parallel, all or nothing
========================  =============================================================================================

Use ``python3 -m sample OUT`` or :func:`sample.generate`.
"""

from __future__ import annotations

from sample.archive import DEFAULT_EVENTS, DEFAULT_RUNS, DEFAULT_SEED, Archive, SampleError, generate
from sample.schedule import Run, plan
from sample.targets import SITES, TARGETS, VERSION, Special

__version__ = VERSION

__all__ = [
    "DEFAULT_EVENTS",
    "DEFAULT_RUNS",
    "DEFAULT_SEED",
    "SITES",
    "TARGETS",
    "Archive",
    "Run",
    "SampleError",
    "Special",
    "generate",
    "plan",
]
