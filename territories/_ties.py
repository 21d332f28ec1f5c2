"""Communes that stay together, are locked or must be apart, and the ways that join them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Final

import networkx as nx
import pandas as pd

from territories._words import Sentence
from territories.errors import fault
from territories.zoning import Zoning

if TYPE_CHECKING:
    import geopandas as gpd

Locked = Mapping[str, str] | pd.Series | Zoning

FIRST: Final = 5

# Ways looked at before none is found, for each commune: each may be reached with as many sets of
# rivals passed as there are, which grows without measure where many are wanted apart.
_WAYS: Final = 200


class Ties:
    """Communes tied to one another, by union of groups; a group is known by its first code."""

    def __init__(self, layer: gpd.GeoDataFrame, borders: nx.Graph) -> None:
        self.layer = layer
        self.borders = borders
        self.groups = nx.utils.UnionFind(layer.index)
        self.locks: dict[str, str] = {}  # name by code
        self.shut: dict[str, list[str]] = {}  # codes by name
        self.closed: set[str] = set()
        self.titles: dict[str, str] = {}
        self.apart: list[tuple[str, str]] = []
        self.most_apart = 0
        self.wanted: list[list[str]] = []
        self.tied: list[str] = []

    def _unknown(self, codes: Iterable[str]) -> list[str]:
        return sorted({code for code in codes if code not in self.borders})

    def lock(self, locked: Locked | None) -> list[Sentence]:
        """Tie what is locked into a territory."""
        if locked is None:
            return []
        whole = isinstance(locked, Zoning)
        labels = locked.labels if isinstance(locked, Zoning) else pd.Series(locked, dtype="object")
        self.titles = dict(locked.names) if isinstance(locked, Zoning) else {}
        by_code = {str(code): str(name) for code, name in labels.dropna().items()}
        unknown = self._unknown(by_code)
        if unknown:
            return [fault("locked_unknown", values=quoted(unknown))]
        self.locks = dict(sorted(by_code.items()))
        named: dict[str, list[str]] = {}
        for code, name in self.locks.items():
            named.setdefault(name, []).append(code)
        for name, codes in named.items():
            self.groups.union(*codes)
            if whole:
                self.shut[name] = codes
                self.closed.update(codes)
            else:
                self.wanted.append(codes)
        firsts = [codes[0] for codes in named.values()]
        if not whole:
            self.apart += combinations(firsts, 2)
        return []

    def join(self, together: Iterable[Iterable[str]]) -> list[Sentence]:
        """Tie what is to be together."""
        groups, faults = _groups(together, "together")
        for codes in groups:
            unknown = self._unknown(codes)
            if unknown:
                faults.append(fault("together_unknown", values=quoted(unknown)))
                continue
            names = sorted({self.locks[code] for code in codes if code in self.locks})
            closed = [code for code in codes if code in self.closed]
            if len(names) > 1:
                values = {"values": quoted(codes), "names": quoted(names)}
                faults.append(fault("together_locked_apart", **values))
            elif closed and len(closed) < len(codes):
                faults.append(fault("together_with_locked", values=quoted(codes), name=names[0]))
            else:
                self.groups.union(*codes)
                self.wanted.append(codes)
        return faults

    def part(self, apart: Iterable[Iterable[str]]) -> list[Sentence]:
        """Note what must be apart."""
        groups, faults = _groups(apart, "apart")
        for codes in groups:
            unknown = self._unknown(codes)
            if unknown:
                faults.append(fault("apart_unknown", values=quoted(unknown)))
                continue
            self.apart += combinations(codes, 2)
            self.most_apart = max(self.most_apart, len(codes))
        for one, other in dict.fromkeys(self.apart):
            if self.groups[one] == self.groups[other]:
                values, names = quoted([one, other]), [self.locks.get(one), self.locks.get(other)]
                if None not in names and names[0] != names[1]:
                    both = quoted(sorted(map(str, names)))
                    faults.append(fault("together_locked_apart", values=values, names=both))
                else:
                    faults.append(fault("apart_together", values=values))
        return faults

    def connect(self) -> list[Sentence]:
        """Tie the communes on the shortest way between those wanted together that do not touch."""
        faults = []
        for codes in sorted(self.wanted):
            while True:
                own = self.groups[codes[0]]
                members = {code for code in self.layer.index if self.groups[code] == own}
                parts = sorted(
                    sorted(part) for part in nx.connected_components(self.borders.subgraph(members))
                )
                if len(parts) == 1:
                    break
                way = self._way(parts[0], members)
                if isinstance(way, str):
                    faults.append(fault(way, values=quoted(codes)))
                    break
                self.tied += [code for code in way if code not in members]
                self.groups.union(own, *way)
        return faults

    def _way(self, part: list[str], members: set[str]) -> list[str] | str:
        """Find the shortest way from a part to the other members, or say why there is none.

        It goes round what is locked or wanted apart from them, and never joins what is wanted
        apart; equal ways: the first in the order of codes.
        """
        rivals: dict[str, set[str]] = {}
        for pair in self.apart:
            for one, other in (pair, pair[::-1]):
                rivals.setdefault(self.groups[one], set()).add(self.groups[other])
        own = self.groups[part[0]]
        # A place is a commune and the groups with rivals that were passed on the way to it.
        start = frozenset({own})
        came: dict[tuple[str, frozenset[str]], tuple[str, frozenset[str]] | None]
        came = {(code, start): None for code in part}
        passed_at = {code: [start] for code in part}
        queue = deque(came)
        while queue:
            if len(came) > _WAYS * len(self.layer):  # on any machine at the same step
                return "together_long_way"
            at = queue.popleft()
            for other in sorted(self.borders[at[0]]):
                group = self.groups[other]
                passed = at[1] | {group} if group in rivals else at[1]
                known = passed_at.setdefault(other, [])
                if other in self.closed or any(each <= passed for each in known):
                    continue
                if any(each in rivals.get(group, ()) for each in at[1]):
                    continue
                place = (other, passed)
                came[place] = at
                known.append(passed)
                if other in members:
                    way = []
                    back: tuple[str, frozenset[str]] | None = place
                    while back is not None:
                        way.append(back[0])
                        back = came[back]
                    return way
                queue.append(place)
        return "together_no_way"

    def number_faults(self, territories: int, poles: list[str] | None) -> list[Sentence]:
        """Compare a wanted number with what is locked, and with the poles."""
        faults = []
        names = set(self.locks.values())
        groups = len({self.groups[code] for code in self.layer.index})
        if territories < len(names):
            faults.append(fault("number_under_locked", wanted=territories, locked=len(names)))
        if territories < self.most_apart:
            faults.append(fault("number_under_apart", wanted=territories, apart=self.most_apart))
        if groups < territories <= len(self.layer):
            faults.append(fault("number_over_groups", wanted=territories, groups=groups))
        free = {
            self.groups[code]
            for code in poles or ()
            if code in self.borders and code not in self.closed
        }
        possible = len(self.shut) + len(free)
        if poles is not None and territories > possible:
            faults.append(fault("number_over_poles", wanted=territories, poles=possible))
        return faults


def _groups(wanted: Iterable[Iterable[str]], option: str) -> tuple[list[list[str]], list[Sentence]]:
    """Read groups of codes; a text instead of a group is a slip that would be read by letters."""
    groups, faults = [], list[Sentence]()
    for each in [wanted] if isinstance(wanted, str) else wanted:
        if isinstance(each, str) or not isinstance(each, Iterable):
            faults.append(fault("groups_of_codes", option=option, value=repr(each)))
        else:
            groups.append(sorted({str(code) for code in each}))
    return [codes for codes in groups if codes], faults


def codes_of(wanted: Iterable[str], option: str) -> tuple[list[str], list[Sentence]]:
    """Read codes; a text would be read by letters."""
    if isinstance(wanted, str) or not isinstance(wanted, Iterable):
        return [], [fault("codes_wanted", option=option, value=repr(wanted))]
    return sorted({str(code) for code in wanted}), []


def quoted(codes: Iterable[str]) -> str:
    listed = [f"'{code}'" for code in codes]
    return ", ".join(listed[:FIRST]) + (", …" if len(listed) > FIRST else "")
