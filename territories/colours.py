"""Colours of poles and territories."""

from __future__ import annotations


def territory_colours(zoning):
    from territories.maps import PALETTE

    return {t: PALETTE[k % len(PALETTE)] for k, t in enumerate(zoning.territories.index)}
