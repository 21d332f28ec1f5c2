"""The engine's own generator, orders of nodes, and patients drawn again (Poisson numbers).

Only sums, products and square roots, which every machine rounds alike: the same seed gives the
same patients everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from territories._compiled import compiled

if TYPE_CHECKING:
    from territories._levels import Longs
    from territories.network import Floats, Ints

# From this mean on, a normal number is rounded.
_NORMAL = 30.0
_UNIT = 1.0 / 4294967296.0


@compiled
def draw(state: Longs) -> int:
    """Return the next number of a generator, from 0 to 2³² − 1 (a counter through a mixer).

    Numbers stay under 2⁶³, so that compiled and plain code give the same.
    """
    state[0] = (state[0] + 0x9E3779B9) & 0xFFFFFFFF
    mixed: int = state[0]
    mixed = ((mixed ^ (mixed >> 16)) * 0x21F0AAAD) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0x735A2D97) & 0xFFFFFFFF
    return mixed ^ (mixed >> 15)


@compiled
def shuffled(count: int, state: Longs) -> Ints:
    """Return 0 to count − 1 in a drawn order."""
    order = np.arange(count).astype(np.int32)
    for last in range(count - 1, 0, -1):
        chosen = draw(state) % (last + 1)
        order[last], order[chosen] = order[chosen], order[last]
    return order


@compiled
def _exp_minus(mean: float) -> float:
    """Return e to the power of −mean, for means from 0 to 30: a series, squared five times."""
    small = mean / 32.0
    term, total = 1.0, 1.0
    for place in range(1, 20):
        term *= -small / place
        total += term
    for _ in range(5):
        total *= total
    return total


@compiled
def poisson(mean: float, state: Longs) -> float:
    """Draw a Poisson number; from a mean of 30 on, a rounded normal one (a sum of uniforms)."""
    if mean < _NORMAL:
        # Inversion: the number whose cumulated probability passes a uniform draw.
        uniform = (draw(state) + 0.5) * _UNIT
        chance = _exp_minus(mean)
        number = 0
        reached = chance
        while reached < uniform and number < 1000:
            number += 1
            chance *= mean / number
            reached += chance
        return float(number)
    normal = -6.0
    for _ in range(6):
        both = draw(state)
        normal += (both & 0xFFFF) / 65536.0 + (both >> 16) / 65536.0
    rounded: float = np.floor(mean + normal * np.sqrt(mean) + 0.5)
    return max(0.0, rounded)


@compiled
def drawn_again(weight: Floats, scatter: Floats, state: Longs) -> Floats:
    """Draw each weight again: its mean is itself, its variance itself times its scatter."""
    drawn = np.empty(len(weight))
    for place in range(len(weight)):
        drawn[place] = scatter[place] * poisson(weight[place] / scatter[place], state)
    return drawn
