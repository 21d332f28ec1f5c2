"""What exports tell of flows, as statements on the cells that an outsider does not know."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from territories._feasible import Statement
from territories._readback import SHARE_ERROR
from territories._told import _STEPS as STEPS
from territories._words import WORDS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from territories._readback import Told
    from territories._units import Cells, Division, Places

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_EXACT: Final = 1e-7
_PER: Final = 1_000.0

# Under this no place is listed for a commune, and so many are at most.
_LEAST: Final = 11
_CHOICES: Final = 3


class Writer:
    """Writes what files tell as statements on the cells of one source."""

    def __init__(self, cells: Cells, source: str) -> None:
        """Begin with nothing told."""
        self.cells, self.source = cells, source
        self.statements: list[Statement] = []
        self._told: set[tuple[int, float, float]] = set()
        self._made: dict[tuple[int, ...], np.ndarray[Any, np.dtype[np.object_]]] = {}
        outside = [name not in cells.home_of for name in cells.places]
        self.away = np.array(outside, dtype="float64")[None, :, None]

    def nobody_from_outside(self) -> None:
        """Tell that all residents are of the layer."""
        weights = np.zeros((len(self.cells.homes), 1, 1))
        weights[-1] = 1.0
        self.between(weights, 0.0, 0.0)

    def name(self, home: int, place: int) -> Hashable:
        """Name a pair of units, all activities together."""
        return self.source, home, place

    def between(self, weights: Floats, low: float, high: float) -> None:
        """Tell the bounds of a sum; cells that it does not hold have weight 0.

        Weights are of home, place and activity: of one activity where they are those of all. Else
        they are of groups (see `Cells`), the first unit of each speaking for it.
        """
        if weights.shape[2] == 1:
            full = np.broadcast_to(weights[:, :, 0], self.cells.shape[:2])
        else:
            firsts = (np.unique(each, return_index=True)[1] for each in self.groups)
            full = np.broadcast_to(weights, self.cells.shape)[np.ix_(*firsts)]
        # The same figure stands in several files: it is told once.
        known = hash((full.shape, full.tobytes())), low, high
        if known in self._told or not full.any():
            return
        self._told.add(known)
        chosen = np.nonzero(full)
        names = tuple(self._names(full.shape)[chosen].tolist())
        self.statements.append(Statement(names, tuple(full[chosen].tolist()), low, high))

    def _names(self, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.object_]]:
        """Return the names of all pairs, or groups, made once for all statements."""
        if shape not in self._made:
            self._made[shape] = made = np.empty(shape, dtype="object")
            for each in np.ndindex(shape):
                made[each] = (self.source, *each)
        return self._made[shape]

    @property
    def groups(self) -> tuple[Places, Places]:
        """Groups of homes, and of places."""
        return self.cells.home_group, self.cells.place_group

    def tied(self) -> list[Statement]:
        """Say that pairs of units add up to what their groups are by activity."""
        homes, places = self.groups
        activities = range(len(self.cells.activities))
        if len(activities) == 1:
            return []
        pairs: dict[tuple[int, int], list[Hashable]] = {}
        for home, place in np.ndindex(self.cells.shape[:2]):
            pairs.setdefault((int(homes[home]), int(places[place])), []).append(
                self.name(home, place)
            )
        return [
            Statement(
                (*parts, *((self.source, *pair, each) for each in activities)),
                (1.0,) * len(parts) + (-1.0,) * len(activities),
                0.0,
                0.0,
            )
            for pair, parts in pairs.items()
        ]

    def share(
        self, part: Floats, whole: Floats, value: float, error: float, most: float = 1.0
    ) -> None:
        """Tell that a sum is a rounded part of another."""
        if pd.isna(value):
            return
        least, greatest = max(value - error, 0.0) - _EXACT, min(value + error, most) + _EXACT
        self.between(part - least * whole, 0.0, np.inf)
        self.between(part - greatest * whole, -np.inf, 0.0)

    def ordered(self, first: Floats | None, second: Floats) -> Floats:
        """Tell that a sum is not less than another, which stands after it in a list; return it."""
        if first is not None:
            self.between(first - second, 0.0, np.inf)
        return second

    def rounded(self, part: Floats, whole: Floats, value: float, step: float) -> None:
        """Tell a part rounded to a step, of which 0 and 1 are exact (see `rounded_share`)."""
        if pd.isna(value):
            return
        if value in (0, 1):
            self.share(part, whole, value, 0.0)
            return
        least = 0.0 if value <= step + _EXACT else value - step / 2
        greatest = 1.0 if value >= 1 - step - _EXACT else value + step / 2
        self.share(part, whole, (least + greatest) / 2, (greatest - least) / 2)


def of_division(writer: Writer, division: Division, names: Mapping[str, str]) -> None:
    """Write what files tell of the territories of a division."""
    sides = {
        str(territory): _Side(writer.cells, rows)
        for territory, rows in division.members.dropna().groupby("territory")
    }
    patients = writer.source == "patients"
    for told in division.told:
        named: dict[str, str] = {}
        if told.territories is not None:
            for row in told.territories.to_dict("records"):
                side = sides.get(row["territory"])
                named[str(row.get("name"))] = row["territory"]
                if side is not None:
                    _measures(writer, side, row, patients=patients)
        if patients:
            for other in division.told:
                if other.territories is not None and "name" in other.territories:
                    table = other.territories
                    named |= dict(zip(table["name"].astype("str"), table["territory"], strict=True))
            least = _least(told.tables.get("recourse"))
            _activities(writer, sides, named, told.tables.get("activities"), least)
            _recourse(writer, sides, told.tables.get("recourse"))
            if not division.shared:
                exchanged = told.tables.get("leakage")
                _leakage(writer, sides, exchanged, named=named, least=least, names=names)


class _Side:
    """What a territory keeps, sends and receives, as weights of cells."""

    def __init__(self, cells: Cells, rows: pd.DataFrame) -> None:
        self.homes, self.places = np.zeros(len(cells.homes)), np.zeros(len(cells.places))
        for code, weight in zip(rows["code"], rows["weight"], strict=True):
            self.homes[cells.home_of[code]] = weight
            if code in cells.place_of:
                self.places[cells.place_of[code]] = weight
        self.sent = self.homes[:, None, None] * np.ones((1, len(cells.places), 1))
        self.received = self.places[None, :, None] * np.ones((len(cells.homes), 1, 1))
        self.kept = np.minimum(self.sent, self.received)


def _measures(writer: Writer, side: _Side, row: Mapping[Any, Any], *, patients: bool) -> None:
    if not patients:
        lost = row.get("hospital_leakage", np.nan)
        writer.share(side.sent - side.kept, side.sent, lost, SHARE_ERROR)
        return
    for name, whole in (("li", side.sent), ("msi", side.received)):
        writer.share(side.kept, whole, row.get(name, np.nan), SHARE_ERROR)
    lost, come = side.sent - side.kept, side.received - side.kept
    writer.share(come, lost, row.get("net_index", np.nan), SHARE_ERROR, np.inf)
    undrawn = row.get("undrawn", np.nan)
    writer.rounded(side.sent * writer.away, side.sent, undrawn, _step([undrawn], 0.0))


def _activities(
    writer: Writer,
    sides: Mapping[str, _Side],
    named: Mapping[str, str],
    table: pd.DataFrame | None,
    least: Mapping[tuple[str, str], float],
) -> None:
    if table is None:
        return
    for row in table.to_dict("records"):
        territory = named.get(row["territory"], row["territory"])
        side = sides.get(territory)
        if side is not None:
            own = _only(writer.cells, row["activity"])
            step = _step([row["share"]], least.get((territory, row["activity"]), 0.0))
            writer.rounded((side.sent - side.kept) * own, side.sent * own, row["share"], step)


def _leakage(
    writer: Writer,
    sides: Mapping[str, _Side],
    table: pd.DataFrame | None,
    *,
    named: Mapping[str, str],
    least: Mapping[tuple[str, str], float],
    names: Mapping[str, str],
) -> None:
    if table is None:
        return
    cells = writer.cells
    for (name, direction), rows in table.groupby(["territory", "direction"]):
        territory = named.get(str(name), str(name))
        side = sides.get(territory)
        if side is None:
            continue
        leaving = direction in WORDS["findings.leakage"]
        known = sum(low for (zone, _), low in least.items() if zone == territory)
        step = _step(rows["share_of_all"], known if leaving else 0.0)
        before = None
        for place, share in zip(rows["place"], rows["share_of_all"], strict=True):
            if leaving and (place in cells.place_of or names.get(place) in cells.place_of):
                here = np.zeros(len(cells.places))
                here[cells.place_of[place if place in cells.place_of else names[place]]] = 1.0
                part = (side.sent - side.kept) * here[None, :, None]
                writer.rounded(part, side.sent, share, step)
                before = writer.ordered(before, part)
            elif not leaving and named.get(place, place) in sides:
                theirs = sides[named.get(place, place)].sent
                part = theirs * (side.received - side.kept)
                writer.rounded(part, side.received, share, step)
                before = writer.ordered(before, part)


def _least(recourse: pd.DataFrame | None) -> dict[tuple[str, str], float]:
    """Bound the patients of each zone and activity from below, from what is known to outsiders."""
    if recourse is None:
        return {}
    found = {}
    for row in recourse.to_dict("records"):
        people, rate = float(row["population"]), row["liberal_rate"]
        if not pd.isna(rate):
            low = (rate - rate_step(people) / 2) * people / _PER
            found[str(row["zone"]), str(row["activity"])] = max(low, 0.0)
    return found


def _recourse(writer: Writer, sides: Mapping[str, _Side], table: pd.DataFrame | None) -> None:
    if table is None:
        return
    for row in table.to_dict("records"):
        side = sides.get(str(row["zone"]))
        if side is not None:
            _rate(writer, side.sent * _only(writer.cells, row["activity"]), row, "liberal_rate")


def of_layer(writer: Writer, told: Told, names: Mapping[str, str]) -> None:
    """Write what a file tells of the whole layer and of single communes."""
    cells = writer.cells
    if writer.source in told.totals:
        total = told.totals[writer.source]
        writer.between(np.ones((1, 1, 1)), total, total)
    if writer.source != "patients":
        return
    living = np.ones((len(cells.homes), 1, 1))
    living[-1] = 0.0
    for row in told.tables.get("gaps", pd.DataFrame()).to_dict("records"):
        if str(row["zone"]) in cells.home_of:
            here = np.zeros((len(cells.homes), 1, 1))
            here[cells.home_of[str(row["zone"])]] = 1.0
            _rate(writer, here * _only(cells, row["activity"]), row, "rate")
    recourse = told.tables.get("recourse", pd.DataFrame())
    if len(recourse):
        # The region is all communes, those in no territory too; it is rounded as the zones are.
        zones = float(recourse.drop_duplicates("zone")["population"].sum())
        people = told.people or 0.0
        for row in recourse.drop_duplicates("activity").to_dict("records"):
            whole = {**row, "population": people}
            own = living * _only(cells, row["activity"])
            _rate(writer, own, whole, "liberal_region", rounded_for=zones)
    _scale(writer, told.tables.get("scale"), names)
    _choices(writer, told.tables.get("candidates"), names)
    if told.page and told.page.get("flows"):
        _page(writer, told.page)


def _scale(writer: Writer, table: pd.DataFrame | None, names: Mapping[str, str]) -> None:
    """Tell the first place of each activity, and its part of all patients."""
    if table is None:
        return
    cells = writer.cells
    for row in table.to_dict("records"):
        place = names.get(str(row["first_pole"]), str(row["first_pole"]))
        if place not in cells.place_of:
            continue
        own = _only(cells, row["activity"]) * np.ones(cells.shape)
        step = _step([row["first_share"]], 0.0)
        first = own * _at(cells, cells.place_of[place])
        writer.rounded(first, own, row["first_share"], step)
        for other in _alone(cells):
            writer.ordered(first, own * _at(cells, other))


def _choices(writer: Writer, table: pd.DataFrame | None, names: Mapping[str, str]) -> None:
    """Tell in which order the places of a commune are, of which those under 11 are not listed."""
    if table is None:
        return
    cells = writer.cells
    communes = np.bincount(list(cells.place_of.values()), minlength=len(cells.places))
    for code, rows in table.dropna(subset=["choice"]).groupby("code"):
        if str(code) not in cells.home_of:
            continue
        home = cells.home_of[str(code)]
        known = [str(name) for name in rows.sort_values("choice")["pole_name"]]
        listed = [cells.place_of.get(names.get(name, name)) for name in known]
        here = [place for place in listed if place is not None]
        for place in here:
            writer.statements.append(Statement((writer.name(home, place),), (1.0,), _LEAST, np.inf))
        for first, second in pairwise(here):
            pair = writer.name(home, first), writer.name(home, second)
            writer.statements.append(Statement(pair, (1.0, -1.0), 0.0, np.inf))
        # A name that several communes have is any of the others.
        others = set(np.flatnonzero(communes == 1).tolist()) - set(here)
        for place in sorted(others) if len(here) == len(listed) else ():
            cell = writer.name(home, place)
            if len(known) < _CHOICES:
                writer.statements.append(Statement((cell,), (1.0,), 0.0, _LEAST - 1))
            else:
                last = writer.name(home, here[-1])
                writer.statements.append(Statement((last, cell), (1.0, -1.0), 0.0, np.inf))


def _alone(cells: Cells) -> list[int]:
    """List the places that are one commune, which what is told by activity tells apart."""
    units, communes = np.unique(list(cells.place_of.values()), return_counts=True)
    single = np.bincount(cells.place_group)[cells.place_group[units]] == 1
    return [int(each) for each in units[single & (communes == 1)]]


def _at(cells: Cells, place: int) -> Floats:
    here = np.zeros((1, len(cells.places), 1))
    here[0, place] = 1.0
    return here


def _page(writer: Writer, page: Mapping[str, Any]) -> None:
    """Write what the page of the workshop tells, for one who knows its rule."""
    cells, flows = writer.cells, page["flows"]
    step, shown_from = flows["step"], flows["shown_from"]
    kinds = dict(zip(page["codes"], flows["receives"], strict=True))
    enough = [kinds.get(place) == 1 for place in cells.places]
    for at, code in enumerate(page["codes"]):
        home = cells.home_of[code]
        span = range(flows["start"][at], flows["start"][at + 1])
        shown: dict[int, int] = {}
        for each in span:
            to = flows["to"][each]
            name = page["codes"][to] if to >= 0 else flows["outside"][-to - 1]
            shown[cells.place_of[name]] = flows["patients"][each]
        for place in range(len(cells.places)):
            least = shown.get(place)
            if least is None and not enough[place]:
                continue
            low, high = (0, shown_from - 1) if least is None else (least, least + step - 1)
            writer.statements.append(Statement((writer.name(home, place),), (1.0,), low, high))
        known = sum(shown.values())
        here = np.zeros((len(cells.homes), 1, 1))
        here[home] = 1.0
        writer.between(here, known + flows["rest_low"][at], known + flows["rest_high"][at])


def _rate(
    writer: Writer,
    weights: Floats,
    row: Mapping[Any, Any],
    column: str,
    *,
    rounded_for: float | None = None,
) -> None:
    """Tell that a sum is a rate per 1 000 people, rounded as `rounded_rate` does."""
    people, rate = float(row["population"]), row[column]
    if not pd.isna(rate) and people > 0:
        error = rate_step(rounded_for or people) / 2 + _EXACT
        low, high = (end * people / _PER for end in (max(rate - error, 0.0), rate + error))
        writer.between(weights, low, high if rate > 0 else 0.0)


def rate_step(people: float, threshold: int = 11) -> float:
    """Return the step that rates of so many people are rounded to."""
    least = threshold / people if people > 0 else 1.0
    step = next((each for each in STEPS if each >= least), STEPS[-1])
    return max(step * _PER, 0.1)


def _step(values: Iterable[float], least: float) -> float:
    """Find the step of shares of one whole: what its size makes, or what all shares agree with."""
    shown = [float(each) for each in values if not pd.isna(each)]
    steps = [each for each in STEPS if 0.001 <= each <= 0.5]  # noqa: PLR2004 - see `rounded_share`
    fits = [
        step
        for step in steps
        if all(abs(each / step - round(each / step)) < 1e-6 for each in shown)  # noqa: PLR2004
    ]
    agreed = fits[-1] if fits else steps[0]
    sized = next((each for each in steps if each * least >= 11), steps[-1])  # noqa: PLR2004
    return min(agreed, sized)


def _only(cells: Cells, activity: str) -> Floats:
    own = np.zeros((1, 1, len(cells.activities)))
    own[0, 0, cells.activities.index(str(activity))] = 1.0
    return own
