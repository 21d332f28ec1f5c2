"""Finer and finer divisions, and the scale that is proposed when no number is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from territories.communities import bounded, number_of

if TYPE_CHECKING:
    from territories.communities import Problem
    from territories.network import Floats, Ints, Network

# From one resolution to the next.
STEP: Final = 1.06

# The scan ends where territories keep less than this share of what they kept at first.
_KEPT: Final = 0.5
_MOST: Final = 200

# Resolutions on each side of the fall, at least.
_SIDE: Final = 4


def scanned(
    network: Network, problem: Problem, *, seed: int = 0
) -> tuple[Floats, list[Ints], Floats]:
    """Divide a network finer and finer, from γ = 1 until half of what was kept inside is lost.

    Returns
    -------
    tuple
        Resolutions; the division at each; the share of what nodes send that stays inside.
    """
    tried: list[float] = []
    divisions: list[Ints] = []
    kept: list[float] = []
    # Poles are not asked for: they would hide how fine a resolution is.
    free = problem.without_poles()
    for place in range(_MOST):
        resolution = STEP**place
        division = bounded(free, resolution, seed=seed)
        tried.append(resolution)
        divisions.append(division)
        kept.append(inside_share(network, division))
        if kept[-1] < _KEPT * kept[0] or number_of(division) == len(division):
            break
    return np.array(tried), divisions, np.array(kept)


def inside_share(network: Network, division: Ints) -> float:
    """Return the share of what nodes send that stays in their community (0 if they send none)."""
    within = division[network.source] == division[network.target]
    sent = network.sent.sum()
    return float(network.weight[within].sum() / sent) if sent else 0.0


def fall(tried: Floats, kept: Floats) -> int:
    """Find the last resolution before the share that stays inside begins to fall faster.

    Two straight lines are fitted to the share over the logarithm of the resolution (broken-line
    regression, least squares); where they part is the end of the first.
    """
    if len(tried) < 2 * _SIDE + 1:
        return len(tried) - 1
    x = np.log(tried)
    errors = []
    for cut in range(_SIDE, len(x) - _SIDE + 1):
        rest = 0.0
        for part in (slice(None, cut), slice(cut, None)):
            line = np.polynomial.polynomial.polyfit(x[part], kept[part], 1)
            fitted = np.polynomial.polynomial.polyval(x[part], line)
            rest += float(((fitted - kept[part]) ** 2).sum())
        errors.append(rest)
    return int(np.argmin(errors)) + _SIDE - 1


def proposed(network: Network, problem: Problem, *, seed: int = 0) -> int:
    """Propose a number of communities: that of the last scale before the inside share falls."""
    tried, divisions, kept = scanned(network, problem, seed=seed)
    return number_of(divisions[fall(tried, kept)])
