# SPDX-License-Identifier: GPL-3.0-or-later
"""Radii that contain 68 % of a point source, for the point spread functions GADF knows.

Formulas: GADF 0.3, section "Point spread function" (PSF_TABLE, PSF_3GAUSS,
PSF_KING).  Each function treats n energies at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONTAINMENT = 0.68
_STEPS = 60


def ring_radius(density: Floats, rad_lo: Floats, rad_hi: Floats) -> Floats:
    """Return the 68 % radius of a tabulated radial profile.

    Parameters
    ----------
    density
        Probability per solid angle in rings, shape (n_rad, n), any scale.
    rad_lo, rad_hi
        Bounds of the rings in radians, shape (n_rad,), increasing.

    Returns
    -------
    ndarray
        Radii (n,) in radians; NaN where the profile is empty or not finite.

    Notes
    -----
    The containment is the sum of density times solid angle, 2 pi (cos rad_lo
    - cos rad_hi), divided by its total; inside a ring the density is taken
    as constant.
    """
    # the difference of cosines as a product: no cancellation at small angles
    ring = np.sin((rad_lo + rad_hi) / 2) * np.sin((rad_hi - rad_lo) / 2)
    contained = np.cumsum(density * ring[:, np.newaxis], axis=0)
    wanted = CONTAINMENT * contained[-1]
    valid = np.isfinite(wanted) & (wanted > 0)
    first = (contained >= wanted).argmax(axis=0)
    each = np.arange(wanted.size)
    step = density[first, each] * ring[first]
    excess = np.divide(contained[first, each] - wanted, step, out=np.zeros(wanted.size), where=valid & (step > 0))
    outer, inner = rad_hi[first] ** 2, rad_lo[first] ** 2
    return np.where(valid, np.sqrt(outer - excess * (outer - inner)), np.nan)


def gaussians_radius(amplitude: Floats, sigma: Floats) -> Floats:
    """Return the 68 % radius of a sum of round Gaussians in the plane.

    Parameters
    ----------
    amplitude
        Central densities relative to the first one, shape (k, n).
    sigma
        Widths, shape (k, n), any unit; a component of no width is absent.

    Returns
    -------
    ndarray
        Radii (n,) in the unit of `sigma`; NaN where the first component is
        absent or the total is not finite and positive.

    Notes
    -----
    Containment: sum A_i s_i^2 (1 - exp(-r^2 / 2 s_i^2)) / sum A_i s_i^2.
    """
    used = (amplitude != 0) & (sigma > 0)
    rate = np.divide(0.5, sigma**2, out=np.full_like(sigma, np.inf), where=used)
    weight = np.where(used, amplitude * sigma**2, 0.0)
    total = weight.sum(axis=0)
    valid = np.isfinite(total) & (total > 0) & (sigma[0] > 0) & np.isfinite(sigma).all(axis=0)
    radius = np.full(total.size, np.nan)
    if valid.any():
        radius[valid] = np.sqrt(_solve_tail(weight[:, valid] / total[valid], rate[:, valid]))
    return radius


def _solve_tail(weight: Floats, rate: Floats) -> Floats:
    """Solve sum w_i exp(-a_i u) = 0.32 for u (n,), where the w_i add up to one.

    Newton's method on the logarithm of the sum: exact in one step for a
    single Gaussian; halving the bracket instead where a step leaves it keeps
    it safe for negative amplitudes.
    """
    tail = 1 - CONTAINMENT
    low: Floats = np.zeros(weight.shape[1])
    # even the widest component holds less than the tail beyond this
    high = np.log(np.abs(weight).sum(axis=0) / tail) / rate.min(axis=0)
    rate = np.where(weight == 0, 0.0, rate)
    root: Floats = np.minimum(-np.log(tail) / np.abs((weight * rate).sum(axis=0)), high)
    for _ in range(_STEPS):
        terms = weight * np.exp(-rate * root)
        left = terms.sum(axis=0)
        outside = left > tail
        low, high = np.where(outside, root, low), np.where(outside, high, root)
        with np.errstate(invalid="ignore", divide="ignore"):
            better = root + np.log(left / tail) * left / (terms * rate).sum(axis=0)
        better = np.where((better >= low) & (better <= high), better, (low + high) / 2)
        step, root = np.abs(better - root), better
        if (step <= 1e-12 * root).all():
            break
    return root


def king_radius(gamma: Floats, sigma: Floats) -> Floats:
    """Return the 68 % radius of a King profile.

    Parameters
    ----------
    gamma, sigma
        Shape parameter and width (any unit), shape (n,).

    Returns
    -------
    ndarray
        Radii (n,) in the unit of `sigma`; NaN unless gamma > 1, sigma > 0.

    Notes
    -----
    Containment in the plane: 1 - (1 + r^2 / 2 gamma sigma^2)^(1 - gamma).
    """
    valid = (gamma > 1) & np.isfinite(gamma) & (sigma > 0)
    safe = np.where(valid, gamma, 2.0)
    stretch = 2 * safe * np.expm1(np.log(1 - CONTAINMENT) / (1 - safe))
    return np.where(valid, sigma * np.sqrt(stretch), np.nan)
