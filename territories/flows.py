"""Patient flows: who lives where and is treated where, with the account of every row read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd

from territories._words import Sentence
from territories.errors import InputError, fault, one_of
from territories.places import grouped_places
from territories.practices import practice_places
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

KEYS: Final = ("residence", "activity", "practitioner", "destination")


@dataclass(frozen=True)
class Reconciliation:
    """What became of each row and each patient of a file: in = kept + set aside, by reason.

    `unit` tells what the numbers of patients count; None for a file that has none. Attributes can
    be read as keys too, as in ``reconciliation.json``.
    """

    file: str = ""
    sha256: str = ""
    unit: Literal["patients", "stays"] | None = None
    rows_in: int = 0
    rows_aside: int = 0
    patients_in: float = 0
    patients_aside: float = 0
    reasons: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    notices: tuple[Sentence, ...] = ()

    @property
    def rows_kept(self) -> int:
        """Rows that are in the table."""
        return self.rows_in - self.rows_aside

    @property
    def patients_kept(self) -> float:
        """Patients (or stays) that are in the table."""
        return self.patients_in - self.patients_aside

    def __getitem__(self, name: str) -> object:
        """Return the attribute of this name."""
        if name.startswith("_") or not hasattr(self, name):
            raise KeyError(name)
        return getattr(self, name)

    def set_aside(self, reason: str, rows: int, patients: float) -> Reconciliation:
        """Return the account with some rows set aside for a reason."""
        if rows == 0:
            return self
        before = self.reasons.get(reason, (0, 0))
        reasons = {**self.reasons, reason: (before[0] + rows, before[1] + patients)}
        return replace(
            self,
            rows_aside=self.rows_aside + rows,
            patients_aside=self.patients_aside + patients,
            reasons=reasons,
        )

    def record(self, secrecy: Secrecy | None = None) -> dict[str, Any]:
        """Lay the account out for people: small counts, and what gives them away, are None.

        Rows are not people and are shown; patients pass through the door of `secrecy`.
        """
        door = secrecy or Secrecy()
        # Kept and set aside, by reason, are the parts of what came in.
        parts = {name: patients for name, (_, patients) in self.reasons.items()}
        parts["kept"] = self.patients_kept
        shown = door.parts(parts)
        counted = self.unit is not None
        kept = shown["kept"] if counted else None
        # Each row is one patient at least: rows shown beside a total so near give the rest away.
        close = self.patients_in - self.rows_in < door.threshold
        secret = door.hides_total(parts) or (close and None in shown.values())
        return {
            "file": self.file,
            "sha256": self.sha256,
            "rows_in": self.rows_in,
            "rows_kept": self.rows_kept,
            "rows_aside": self.rows_aside,
            "unit": self.unit,
            "patients_in": self.patients_in if counted and not secret else None,
            "patients_kept": None if kept is None else self.patients_kept,
            "patients_aside": None
            if kept is None or door.hides(self.patients_aside)
            else self.patients_aside,
            "reasons": {
                name: {"rows": rows, "patients": shown[name]}
                for name, (rows, _) in sorted(self.reasons.items())
            },
            "notices": [str(each) for each in self.notices],
        }

    def __repr__(self) -> str:
        """Return the account, as it may be shown: outputs of notebooks are given away too."""
        shown = {name: value for name, value in self.record().items() if name != "sha256"}
        return f"<Reconciliation: {shown}>"

    def noted(self, *notices: Sentence) -> Reconciliation:
        """Return the account with more notices."""
        return replace(self, notices=(*self.notices, *notices))


def count(patients: pd.Series) -> float:
    """Add patients up, exactly and whatever their order; whole if the sum is."""
    total = math.fsum(patients)
    return int(total) if total.is_integer() else total


@dataclass(frozen=True, eq=False)
class Flows:
    """A checked table of flows, in canonical order.

    Parameters
    ----------
    table
        `residence` (commune), `activity`, then `practitioner` or `destination`, and `patients`;
        optional `amount` (euros) and `department` (of practice, empty where unknown).
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
    """

    table: pd.DataFrame
    communes: gpd.GeoDataFrame | None = None
    reconciliation: Reconciliation = field(default_factory=Reconciliation)
    practices: pd.DataFrame | None = None
    grouping: pd.DataFrame | None = None
    unit: Literal["patients", "stays"] = "patients"
    cog: int | None = None

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
        ordered = self.table.sort_values([*keys, "patients"], ignore_index=True, kind="stable")
        object.__setattr__(self, "table", ordered)

    def __repr__(self) -> str:
        """Return what matters of the flows; no figure under the threshold can be among it."""
        place = "destination" if "destination" in self.table else "practitioner"
        return (
            f"<Flows: {len(self.table):,} rows, "
            f"{self.table['activity'].nunique()} activities, "
            f"{self.table['residence'].nunique():,} residences, "
            f"{self.table[place].nunique():,} {place}s>"
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
        practices = practice_places(self.table)
        destination = self.table["practitioner"].map(practices["commune"])
        lost = destination.isna()
        account = self.reconciliation.set_aside(
            "practice_undetermined", int(lost.sum()), count(self.table.loc[lost, "patients"])
        )
        located = replace(self, table=_summed(self.table.assign(destination=destination)[~lost]))
        if self.communes is not None and not located.external("destination").any():
            account = account.noted(Sentence("notice.clipped_destinations"))
        return replace(located, reconciliation=account, practices=practices)

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
        return replace(
            self, table=_summed(self.table.assign(destination=regrouped)), grouping=table
        )

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
    measures = [name for name in ("patients", "amount") if name in table]
    return table.groupby(keys, as_index=False, observed=True)[measures].sum()


def _grouping_table(grouping: pd.DataFrame | pd.Series) -> pd.DataFrame:
    if isinstance(grouping, pd.Series):
        return grouping.rename("pole").to_frame()
    if "pole" not in grouping.columns:
        raise InputError(fault("grouping_columns", found=", ".join(map(str, grouping.columns))))
    return grouping.set_index("code") if "code" in grouping.columns else grouping
