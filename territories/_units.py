"""The cells that exports tell of: communes, places and activities that they tell apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from territories._readback import Told

    Places = np.ndarray[Any, np.dtype[np.intp]]

OUTSIDE: Final = "*"
ALL: Final = ""


@dataclass(frozen=True)
class Cells:
    """The unknown cells of a set of files: who lives where, seen where, for what.

    Parameters
    ----------
    homes, places
        Units of residence and of destination: communes that no file tells apart are one. ``*`` is
        all that is outside.
    activities
        As the files name them; the empty one stands for all together.
    home_of, place_of
        Unit of each commune.
    home_group, place_group
        Groups of units: what is told of activities does not tell those of one group apart. So an
        outsider knows counts of pairs of units, all activities together, and counts of pairs of
        groups by activity; any two such tables that add up alike are those of some cells.
    home_class
        Units of residence whose communes are in the same territories.
    """

    homes: list[str]
    places: list[str]
    activities: list[str]
    home_of: dict[str, int]
    place_of: dict[str, int]
    home_group: Places
    place_group: Places
    home_class: Places

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many there are of each."""
        return len(self.homes), len(self.places), len(self.activities)


@dataclass(repr=False)
class Division:
    """A division that files speak of, and the figures they tell of its territories."""

    members: pd.DataFrame
    told: list[Told] = field(default_factory=list)

    @property
    def key(self) -> tuple[tuple[str, str, float], ...]:
        """The same for the same division."""
        rows = self.members.dropna().sort_values(["code", "territory"])
        return tuple(rows.itertuples(index=False, name=None))

    @property
    def shared(self) -> bool:
        """Some commune is in several territories."""
        return bool((self.members["weight"] < 1).any())


def divisions(files: Sequence[Told]) -> tuple[list[Division], list[Told]]:
    """Join the figures of territories to the division they are of.

    It is the one in the same file, or else beside it in the same folder, or else the only one with
    the same territories of as many communes.

    Returns
    -------
    list of Division, list of Told
        And the files whose division nobody gives: their figures cannot be attacked.
    """
    found: dict[object, Division] = {}
    for each in files:
        for members in each.members:
            division = Division(members)
            found.setdefault(division.key, division)
    lost = []
    for each in files:
        if each.territories is None and not each.tables:
            continue
        here = [found[Division(members).key] for members in each.members[:1]]
        near = [
            found[Division(other.members[0]).key]
            for other in files
            if other.members and other.file.parent == each.file.parent
        ]
        for chosen in (*here, *near, *found.values()):
            if here or _fits(each, chosen):
                chosen.told.append(each)
                break
        else:
            lost.append(each)
    return list(found.values()), lost


def _fits(told: Told, division: Division) -> bool:
    """Tell whether figures may be of a division: the same territories, of as many communes."""
    table = told.territories
    number = division.members.dropna().groupby("territory")["code"].nunique()
    if table is None:
        return True
    if set(table["territory"].dropna()) - set(number.index):
        return False
    if "communes" not in table:
        return True
    said = table.set_index("territory")["communes"]
    return bool((said == number.reindex(said.index)).all())


def cells_of(files: Sequence[Told], found: Sequence[Division]) -> Cells:
    """List the cells that the files tell apart."""
    profile: dict[str, list[object]] = {}
    for number, each in enumerate(found):
        for row in each.members.itertuples(index=False):
            profile.setdefault(str(row.code), []).append((number, row.territory, row.weight))
    code_of = unique_names({code: name for told in files for code, name in told.names.items()})
    activities = {
        str(each)
        for told in files
        for key in ("gaps", "recourse", "activities", "scale")
        if key in told.tables
        for each in told.tables[key]["activity"].dropna()
    }
    pages = [told.page for told in files if told.page and told.page.get("flows")]
    listed = {code for page in pages for code in page["codes"]}
    listed |= {str(code) for told in files for code in _column(told, "candidates", "code")}
    by_activity = {str(zone) for told in files for zone in _column(told, "gaps", "zone")}
    first, reached, turned_to = (
        {
            code_of[str(place)]
            for told in files
            for place in _column(told, key, column)
            if str(place) in code_of
        }
        for key, column in (
            ("scale", "first_pole"),
            ("leakage", "place"),
            ("candidates", "pole_name"),
        )
    )
    # The page tells of each commune whether anyone is treated there.
    receiving = {
        code
        for page in pages
        for code, kind in zip(page["codes"], page["flows"]["receives"], strict=True)
        if kind
    }
    homes, home_of = _units(profile, by_activity | listed)
    chosen = {code: each for code, each in profile.items() if not pages or code in receiving}
    places, place_of = _units(chosen, first | reached | turned_to | receiving)
    home_group = _groups(home_of, _units(profile, by_activity)[1], len(homes) + 1)
    labels = sorted({label for page in pages for label in page["flows"]["outside"]})
    place_group = _groups(place_of, _units(chosen, first)[1], len(places) + len(labels) + 1)
    for label in labels:
        place_of[label] = len(places)
        places.append(label)
    return Cells(
        homes=[*homes, OUTSIDE],
        places=[*places, OUTSIDE],
        activities=sorted(activities) or [ALL],
        home_of=home_of,
        place_of=place_of,
        home_group=home_group,
        place_group=place_group,
        home_class=_groups(home_of, _units(profile, set())[1], len(homes) + 1),
    )


def _groups(unit_of: Mapping[str, int], group_of: Mapping[str, int], size: int) -> Places:
    """Return the group of each unit; those that are no communes are each their own."""
    found = np.full(size, -1, dtype=np.intp)
    for code, unit in unit_of.items():
        found[unit] = group_of[code]
    alone = np.flatnonzero(found < 0)
    found[alone] = max(group_of.values(), default=-1) + 1 + np.arange(len(alone))
    return found


def _column(told: Told, key: str, column: str) -> list[object]:
    return list(told.tables[key][column].dropna()) if key in told.tables else []


def _units(
    profile: Mapping[str, Sequence[object]], alone: set[str]
) -> tuple[list[str], dict[str, int]]:
    """Put communes that are alike together; a unit has the name of its first commune."""
    names: list[str] = []
    number: dict[object, int] = {}
    unit_of = {}
    for code in sorted(profile):
        key: object = code if code in alone else tuple(sorted(map(repr, profile[code])))
        if key not in number:
            number[key] = len(names)
            names.append(code)
        unit_of[code] = number[key]
    return names, unit_of


def unique_names(names: Mapping[str, str]) -> dict[str, str]:
    """Find communes by their name, where one only has it."""
    found: dict[str, str | None] = {}
    for code, name in names.items():
        found[name] = None if name in found else code
    return {name: code for name, code in found.items() if code is not None}
