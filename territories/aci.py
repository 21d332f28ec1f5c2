"""ACI sizes of territories by their inhabitants, and the amounts of each agreement year."""

from __future__ import annotations

import functools
import math
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from territories._files import readable
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from territories._words import Sentence

_AMOUNTS: Final = ("maximum", "without_optional")


@dataclass(frozen=True)
class Agreement:
    """What one agreement says of the sizes.

    Parameters
    ----------
    bounds
        Inhabitants from which the sizes 2, 3, … begin: a territory on a bound has the larger size.
    maximum
        By size, euros: the most that is paid in a year, optional missions included.
    without_optional
        By size, euros: the same without the optional missions. Sizes that are not named have
        amounts that are not known.
    """

    bounds: tuple[int, ...]
    maximum: Mapping[int, float] = field(default_factory=dict)
    without_optional: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class AciTable:
    """Agreements by the year they came into force. Sizes are those of the latest.

    Parameters
    ----------
    agreements
        At least one, by year.

    Raises
    ------
    InputError
        With all that is wrong: no agreement, a year that is not a whole number, bounds that do not
        rise from above 0, amounts of a size that the bounds do not have or that are not positive.

    Examples
    --------
    >>> table = AciTable({2030: Agreement(bounds=(50_000,), maximum={1: 1e5, 2: 2e5})})
    >>> aci_size(pd.Series([49_999, 50_000]), aci=table).tolist()
    [1, 2]
    """

    agreements: Mapping[int, Agreement]

    def __post_init__(self) -> None:
        """Refuse what is no table of sizes."""
        faults = [each for year, one in self.agreements.items() for each in _faults(year, one)]
        if not self.agreements:
            faults.append(fault("aci_empty"))
        if faults:
            raise InputError(*faults)

    @property
    def years(self) -> list[int]:
        """Years of the agreements, in order."""
        return sorted(self.agreements)

    @property
    def latest(self) -> Agreement:
        """The agreement of the last year."""
        return self.agreements[self.years[-1]]


def _faults(year: object, agreement: Agreement) -> list[Sentence]:
    found = []
    bounds = agreement.bounds
    if not _whole(year):
        found.append(fault("aci_year", year=str(year)))
    if not bounds or not all(map(_positive, bounds)) or sorted(set(bounds)) != list(bounds):
        found.append(fault("aci_bounds", year=str(year), value=", ".join(map(str, bounds))))
    sizes = range(1, len(bounds) + 2)
    for name in _AMOUNTS:
        amounts = getattr(agreement, name)
        wrong = [each for each in amounts if not _whole(each) or each not in sizes]
        wrong += [each for each, amount in amounts.items() if not _positive(amount)]
        if wrong:
            sizes_named = ", ".join(dict.fromkeys(map(str, wrong)))
            found.append(fault("aci_amounts", year=str(year), name=name, sizes=sizes_named))
    return found


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _positive(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < math.inf


def read_aci(path: str | Path) -> AciTable:
    """Read a table of ACI sizes and amounts, laid out as the package's ``aci.toml``.

    Parameters
    ----------
    path
        TOML, a table ``[agreement.YEAR]`` for each year: `bounds`, and optional `maximum` and
        `without_optional` (euros by size).

    Raises
    ------
    InputError
        If the file cannot be read, or is no such table (see `AciTable`).
    """
    file = readable(path)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise InputError(fault("aci_file", file=file.name)) from problem
    try:
        return _table(table)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        raise InputError(fault("aci_file", file=file.name)) from problem


@functools.cache
def packaged_aci() -> AciTable:
    """Return the table that comes with the package."""
    content = resources.files("territories").joinpath("aci.toml").read_text("utf-8")
    return _table(tomllib.loads(content))


def _table(content: Mapping[str, Any]) -> AciTable:
    return AciTable(
        {
            int(year): Agreement(
                bounds=tuple(each["bounds"]),
                **{
                    name: {int(size): amount for size, amount in each.get(name, {}).items()}
                    for name in _AMOUNTS
                },
            )
            for year, each in content["agreement"].items()
        }
    )


# Upper bounds (excluded) of the ACI sizes 1, 2 and 3; from the last one on, size 4.
ACI_BOUNDS: Final = packaged_aci().latest.bounds


def aci_size(population: pd.Series, *, aci: AciTable | None = None) -> pd.Series:
    """Return the ACI size, 1 to 4, of each population; missing where that is.

    Parameters
    ----------
    population
        Inhabitants.
    aci
        From `read_aci`; default: the package's table. Bounds are those of its latest agreement.

    Examples
    --------
    >>> aci_size(pd.Series([39_999, 40_000, 174_999, 175_000])).tolist()
    [1, 2, 3, 4]
    """
    bounds = (aci or packaged_aci()).latest.bounds
    sizes = np.searchsorted(bounds, population.to_numpy(), side="right") + 1
    found = pd.Series(sizes, index=population.index, dtype="int64", name="aci_size")
    return found.where(population.notna()) if population.isna().any() else found


def aci_measures(population: pd.Series, *, aci: AciTable | None = None) -> pd.DataFrame:
    """Size each population, and tell how far it is from the bounds of its size.

    Parameters are those of `aci_size`.

    Returns
    -------
    DataFrame
        On the index of `population`: `aci_size`; `next_bound`, the inhabitants still missing to
        the next size (missing for the largest); `above_bound`, those above the lower bound of its
        size, as many as it may lose; for each agreement year, `aci_maximum_YEAR` and
        `aci_without_optional_YEAR`, euros a year for the size by the bounds of that year, missing
        where the table does not say. All missing where the population is.

    Examples
    --------
    >>> found = aci_measures(pd.Series([45_987, 180_000]))
    >>> found[["next_bound", "above_bound", "aci_maximum_2019"]].to_numpy().tolist()
    [[34013.0, 5987.0, 242000.0], [nan, 5000.0, 380000.0]]
    """
    table = aci or packaged_aci()
    people = population.astype("float64")
    size = aci_size(population, aci=table)
    ends = np.array([0, *table.latest.bounds, np.nan])
    place = size.fillna(1).astype("int64").to_numpy()
    found = pd.DataFrame({"aci_size": size}, index=population.index)
    found["next_bound"] = ends[place] - people
    found["above_bound"] = people - ends[place - 1]
    for year in table.years:
        agreement = table.agreements[year]
        theirs = aci_size(population, aci=AciTable({year: agreement}))
        for name in _AMOUNTS:
            amounts = getattr(agreement, name)
            found[f"aci_{name}_{year}"] = theirs.map(amounts).astype("float64")
    return found
