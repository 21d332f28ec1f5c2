"""Patient flows: who lives where and is treated where, with the account of every row read."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd

from territories._keys import row_keys
from territories._numbers import MASKED_AS, MOST_MASKED
from territories._words import Sentence, say
from territories.errors import InputError, fault, of_kind, one_of
from territories.places import grouped_places
from territories.practices import practice_places
from territories.reconciliation import Reconciliation, count
from territories.secrecy import STATUTORY_PROFESSIONALS

if TYPE_CHECKING:
    import geopandas as gpd

KEYS: Final = ("residence", "activity", "practitioner", "destination")
MEASURES: Final = ("patients", "amount", "masked")


class Counted(Protocol):
    """A `Supply`, which is read further on."""

    @property
    def table(self) -> pd.DataFrame:
        """`commune`, `activity`, `professionals`."""


class Numbered(NamedTuple):
    """Located flows as numbers, for measures that must be quick.

    Attributes
    ----------
    places
        Every residence and destination.
    residence, destination
        For each row of the table, the position of its places.
    patients
        For each row.
    """

    places: pd.Index
    residence: np.ndarray
    destination: np.ndarray
    patients: np.ndarray

    def __repr__(self) -> str:
        """Return how many rows there are; no figure of theirs."""
        return f"<Numbered: {len(self.patients):,} rows>"


@dataclass(frozen=True, eq=False)
class Flows:
    """A checked table of flows, in canonical order.

    Parameters
    ----------
    table
        Exact, for the user's own eyes; shown in a notebook, flows tell no figure of it.
        `residence` (commune), `activity`, then `practitioner` or `destination`, and `patients`;
        optional `amount` (euros), `department` (of practice, empty where unknown) and `masked`
        (how many of the cells that a row adds up are masked; a part where stays were shared out).
    communes
        The layer the flows are about; residences and destinations elsewhere are external.
    reconciliation
        The account of the file they come from.
    practices
        After `located`: indexed by practitioner, see `practice_places`.
    grouping
        After `grouped`: indexed by place, `pole` and `share`.
    unit
        What `patients` counts: patients, or stays.
    cog
        Year of the commune codes.
    masked_as
        What each masked cell counts as in `patients`; it may be any number from 1 to 10.
    period
        The year or years the flows were observed in, as ``"2023"`` or ``"2021-2023"``; None where
        it is not known.
    sites
        Of a hospital, its stays by site as they were read, whatever is done to `table` later:
        `site` (FINESS), `destination` (its commune), `residence`, `activity`, `patients`.
    professionals
        After `located`: how many practise, indexed by (`activity`, `destination`); for the rule of
        disclosure only.
    departments
        Before `located`, of events: pairs of a practitioner and a department where he is known to
        practise; None: those of `table`.
    """

    table: pd.DataFrame
    communes: gpd.GeoDataFrame | None = None
    reconciliation: Reconciliation = field(default_factory=Reconciliation)
    practices: pd.DataFrame | None = None
    grouping: pd.DataFrame | None = None
    unit: Literal["patients", "stays"] = "patients"
    cog: int | None = None
    masked_as: int = MASKED_AS
    period: str | None = None
    sites: pd.DataFrame | None = None
    professionals: pd.Series | None = None
    departments: pd.MultiIndex | None = None

    def __post_init__(self) -> None:
        """Put the rows in canonical order, so that no result depends on theirs."""
        keys = [name for name in KEYS if name in self.table.columns]
        needed = {"residence", "activity", "patients"} - set(self.table.columns)
        if needed or not {"practitioner", "destination"} & set(keys):
            raise InputError(fault("flows_columns", found=", ".join(map(str, self.table.columns))))
        patients = self.table["patients"]
        if not pd.api.types.is_numeric_dtype(patients) or not (patients >= 0).all():
            raise InputError(fault("flows_patients"))
        numbers = [name for name in keys if pd.api.types.is_numeric_dtype(self.table[name])]
        if numbers and len(self.table):
            raise InputError(fault("flows_codes", columns=", ".join(numbers)))
        object.__setattr__(self, "table", _ordered(self.table, keys))

    def __repr__(self) -> str:
        """Return what matters of the flows; no figure under the threshold can be among it."""
        place = "destination" if "destination" in self.table else "practitioner"
        number = self.table[place].nunique()
        least = STATUTORY_PROFESSIONALS
        few = place == "practitioner" and 0 < number < least
        return (
            f"<Flows: {len(self.table):,} rows, "
            f"{self.table['activity'].nunique()} activities, "
            f"{self.table['residence'].nunique():,} residences, "
            f"{f'under {least}' if few else f'{number:,}'} {place}s"
            f"{'' if self.period is None else f', {self.period}'}>"
        )

    def _repr_html_(self) -> str:
        """Show what matters of the flows in a notebook, which may be given away: no figure."""
        asked = html.escape(say("flows_file.display"))
        return f"<p>{html.escape(repr(self))}</p><p>{asked}</p>"

    @property
    def notices(self) -> tuple[Sentence, ...]:
        """What was normalised as the flows were read, and what one should know of them."""
        return self.reconciliation.notices

    def bounds(self) -> pd.DataFrame:
        """Return the least and the most that each row may count, given its masked cells.

        Returns
        -------
        DataFrame
            Indexed like `table`: `low` and `high`, both `patients` where nothing is masked.
        """
        patients = self.table["patients"]
        masked = self.table.get("masked", 0)
        return pd.DataFrame(
            {
                "low": patients - (self.masked_as - 1) * masked,
                "high": patients + (MOST_MASKED - self.masked_as) * masked,
            }
        )

    @property
    def activities(self) -> list[str]:
        """Activities of the table, in order."""
        return sorted(self.table["activity"].unique())

    def located(self) -> Flows:
        """Put each practitioner in his commune of practice; patients of undetermined ones go aside.

        Returns
        -------
        Flows
            With `destination` instead of `practitioner`; `practices` tells each place and how far
            one may trust it. Flows that are located already are returned as they are.
        """
        if "destination" in self.table:
            return self
        practices = practice_places(self.table, known=self.departments)
        destination = self.table["practitioner"].map(practices["commune"])
        lost = destination.isna()
        account = self.reconciliation.set_aside(
            "practice_undetermined", int(lost.sum()), count(self.table.loc[lost, "patients"])
        )
        located = replace(self, table=_summed(self.table.assign(destination=destination)[~lost]))
        if self.communes is not None and not located.external("destination").any():
            account = account.noted(Sentence("notice.clipped_destinations"))
        return replace(
            located,
            reconciliation=account,
            practices=practices,
            departments=None,
            professionals=_professionals(self.table, practices["commune"]),
        )

    def grouped(self, grouping: pd.DataFrame | pd.Series | Literal["auto"] = "auto") -> Flows:
        """Gather destinations into poles.

        Parameters
        ----------
        grouping
            ``"auto"`` for the rule of `grouped_places`, or a table from place to pole: a Series
            indexed by place, or a DataFrame with the column `pole` indexed by place (or with a
            column `code`). Places that the table does not name stay as they are.

        Raises
        ------
        InputError
            If the flows are not located, or the rule is asked for without a layer of communes.
        """
        if "destination" not in self.table:
            raise InputError(fault("flows_not_located"))
        if isinstance(grouping, str):
            one_of("grouping", grouping, ("auto",))
            if self.communes is None:
                raise InputError(fault("grouping_without_communes"))
            table = grouped_places(self.table, self.communes)
        else:
            table = _grouping_table(grouping)
        poles = table["pole"]
        destination = self.table["destination"]
        regrouped = destination.map(poles).where(destination.isin(poles.index), destination)
        professionals = self.professionals
        if professionals is not None:
            activity, place = (professionals.index.get_level_values(level) for level in (0, 1))
            pole = place.to_series().map(poles).where(place.isin(poles.index), place)
            professionals = professionals.groupby([activity, pole.to_numpy()]).sum()
            professionals.index = professionals.index.set_names(["activity", "destination"])
        return replace(
            self,
            table=_summed(self.table.assign(destination=regrouped)),
            grouping=table,
            professionals=professionals,
        )

    def with_professionals(self, supply: Counted) -> Flows:
        """Tell how many practise in each place, of flows that name places only.

        The rule of disclosure needs it: what fewer than six professionals receive is not shown.

        Parameters
        ----------
        supply
            From `read_supply`, in the labels of these flows. A place that receives patients and
            is not in it counts as one professional.

        Raises
        ------
        InputError
            If the flows are not located.
        """
        of_kind("Supply", supply=supply)
        if "destination" not in self.table:
            raise InputError(fault("flows_not_located"))
        cells = pd.MultiIndex.from_frame(self.table[["activity", "destination"]]).unique()
        number = supply.table.groupby(["activity", "commune"])["professionals"].sum()
        whole = number.rename_axis(cells.names).reindex(cells).fillna(1).clip(lower=1)
        return replace(
            self,
            professionals=np.floor(whole).astype("int64").sort_index(),
            reconciliation=replace(
                self.reconciliation,
                notices=tuple(
                    each for each in self.notices if each.key != "notice.professionals_unknown"
                ),
            ),
        )

    @cached_property
    def numbered(self) -> Numbered:
        """The rows of located flows as numbers, worked out once."""
        if "destination" not in self.table:
            raise InputError(fault("flows_not_located"))
        columns = [pd.factorize(self.table[name]) for name in ("residence", "destination")]
        places = columns[0][1].append(columns[1][1]).unique()
        residence, destination = (places.get_indexer(seen)[rows] for rows, seen in columns)
        patients = self.table["patients"].to_numpy(dtype="float64")
        return Numbered(places, residence, destination, patients)

    def together(self) -> Flows:
        """Add the activities of located flows up into one, ``all``."""
        if "destination" not in self.table:
            raise InputError(fault("flows_not_located"))
        return replace(self, table=_summed(self.table.assign(activity="all")))

    def external(self, column: str) -> pd.Series:
        """Tell which rows have their residence, or destination, outside the layer of communes."""
        if self.communes is None:
            return pd.Series(data=False, index=self.table.index)
        return ~self.table[column].isin(self.communes.index)


def _summed(table: pd.DataFrame) -> pd.DataFrame:
    keys = ["residence", "activity", "destination"]
    measures = [name for name in MEASURES if name in table]
    return table.groupby(keys, as_index=False, observed=True)[measures].sum()


def _professionals(table: pd.DataFrame, places: pd.Series) -> pd.Series:
    """Count who practises in each place, by activity."""
    each = table[["practitioner", "activity"]].drop_duplicates()
    place = each["practitioner"].map(places).rename("destination")
    return place.groupby([each["activity"], place]).size().rename("professionals")


def _ordered(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Put rows in the order of their keys; those with the same keys, of their patients."""
    if _in_order(table, keys):
        return table.reset_index(drop=True)
    rank = row_keys(table, keys)
    order = np.argsort(rank)
    if (np.diff(rank[order]) == 0).any():
        return table.sort_values([*keys, "patients"], ignore_index=True, kind="stable")
    return table.take(order).reset_index(drop=True)


def _in_order(table: pd.DataFrame, keys: list[str]) -> bool:
    """Tell whether each row comes after the one before: millions of flows are sorted once only."""
    texts = (pd.api.types.is_string_dtype(table[name]) for name in keys)
    if not all(texts) or table[keys].isna().to_numpy().any():
        return False
    after = np.zeros(max(len(table) - 1, 0), dtype=bool)
    for name in reversed(keys):
        column = table[name]
        first, second = column.iloc[:-1].array, column.iloc[1:].array
        after = np.asarray(first < second, bool) | (np.asarray(first == second, bool) & after)
    return bool(after.all())


def _grouping_table(grouping: pd.DataFrame | pd.Series) -> pd.DataFrame:
    if isinstance(grouping, pd.Series):
        return grouping.rename("pole").to_frame()
    if "pole" not in grouping.columns:
        raise InputError(fault("grouping_columns", found=", ".join(map(str, grouping.columns))))
    return grouping.set_index("code") if "code" in grouping.columns else grouping
