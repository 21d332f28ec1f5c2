"""Which cells of a small table of sums to hide, so that no hidden one is found by subtraction."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import networkx as nx

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping, Sequence

    from territories.secrecy import Secrecy

# The other end of cells that stand in one line only.
_WORLD = -1


class Line(NamedTuple):
    """A cell that is the sum of others."""

    total: Hashable
    parts: tuple[Hashable, ...]


def hidden_cells(
    values: Mapping[Hashable, float],
    lines: Sequence[Line],
    *,
    secrecy: Secrecy,
    sensitive: Collection[Hashable] = (),
    unseen: Collection[Hashable] = (),
) -> set[Hashable]:
    """Return the cells to hide of a table whose lines and columns add up.

    Parameters
    ----------
    values
        Count of each cell, totals included.
    lines
        What adds up to what; a cell may stand in two lines at most.
    secrecy
        The rule: counts under its threshold are hidden; 0 is shown.
    sensitive
        Cells to hide besides, whatever their count (few professionals, cells masked at the source).
    unseen
        Cells that are not shown anyway, though the lines tell something about them.

    Notes
    -----
    Each line is an equation and each cell that is not known links the two it stands in: a cell can
    be worked out if and only if its link is a bridge of that graph, so it is hidden with the cells
    of the shortest way round, each as long as what it tells (the logarithm of its count). And the
    hidden parts of a known total must not be little together: the cell of that line that tells
    least is hidden too. All is looked at again until nothing is found. Cells that are 0 are known.

    References
    ----------
    Gusfield (1988), A graph theoretic approach to statistical data security.
    """
    own = {key for key, count in values.items() if secrecy.hides(count)}
    own |= {key for key in sensitive if values[key] > 0}
    hidden = own | {key for key in unseen if values[key] > 0}
    links = _links(values, lines)
    while True:
        beside = _way_round(values, links, hidden, own) or _beside(
            values, lines, hidden, own, secrecy
        )
        if not beside:
            return hidden
        hidden |= beside


def _links(
    values: Mapping[Hashable, float], lines: Sequence[Line]
) -> dict[Hashable, tuple[int, int]]:
    """Find the two lines of each cell that is not 0."""
    ends: dict[Hashable, list[int]] = {}
    for place, line in enumerate(lines):
        for key in (line.total, *line.parts):
            if values[key] > 0:
                ends.setdefault(key, []).append(place)
    return {
        key: (places[0], places[1] if len(places) > 1 else _WORLD) for key, places in ends.items()
    }


def _way_round(
    values: Mapping[Hashable, float],
    links: Mapping[Hashable, tuple[int, int]],
    hidden: set[Hashable],
    own: set[Hashable],
) -> set[Hashable]:
    """Choose the cells to hide with the first one that can be worked out; none: none can."""
    unknown = nx.MultiGraph([links[key] for key in links if key in hidden])
    bridges = {frozenset(pair) for pair in nx.bridges(unknown)}
    for key, link in links.items():
        if key not in own or frozenset(link) not in bridges:
            continue
        ways = nx.Graph()
        for other, (one, two) in links.items():
            length = 0.0 if other in hidden else math.log2(2 + values[other])
            known = ways.get_edge_data(one, two)
            if other != key and (known is None or length < known["length"]):
                ways.add_edge(one, two, length=length, cell=other)
        if not all(end in ways for end in link) or not nx.has_path(ways, *link):
            continue  # all that could hide it is 0, which is known
        way = nx.shortest_path(ways, *link, weight="length")
        found = {ways.edges[pair]["cell"] for pair in itertools.pairwise(way)} - hidden
        if found:
            return found
    return set()


def _beside(
    values: Mapping[Hashable, float],
    lines: Sequence[Line],
    hidden: set[Hashable],
    own: set[Hashable],
    secrecy: Secrecy,
) -> set[Hashable]:
    """Choose the cell to hide in the first line whose hidden parts are little; none: none is."""
    for line in lines:
        parts = [key for key in line.parts if key in hidden]
        little = sum(values[key] for key in parts) < secrecy.threshold + len(parts)
        if line.total not in hidden and little and own & set(parts):
            shown = [key for key in (*line.parts, line.total) if key not in hidden]
            return {min((key for key in shown if values[key] > 0), key=lambda key: values[key])}
    return set()
