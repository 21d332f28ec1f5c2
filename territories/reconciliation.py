"""The account of a file: what became of each row and each patient."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from territories._words import Sentence, figure, number, say
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Reconciliation:
    """What became of each row and each patient of a file: in = kept + set aside, by reason.

    Parameters
    ----------
    file, sha256
        Name and hash of the file.
    unit
        What the numbers of patients count; None for a file that has none.
    rows_in, rows_aside
        Rows read, and those among them that are not in the table.
    patients_in, patients_aside
        The same of their patients (or stays); a masked cell counts as what it is read as.
    reasons
        Rows and patients set aside, by reason.
    examples
        For each reason, its first rows: `row`, `column` and, where it may be shown, `value`.
    notices
        What was normalised, and what one should know.

    Notes
    -----
    Attributes can be read as keys too, as in ``reconciliation.json``.
    """

    file: str = ""
    sha256: str = ""
    unit: Literal["patients", "stays"] | None = None
    rows_in: int = 0
    rows_aside: int = 0
    patients_in: float = 0
    patients_aside: float = 0
    reasons: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    examples: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
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

    def set_aside(
        self,
        reason: str,
        rows: int,
        patients: float,
        examples: Iterable[Mapping[str, str]] = (),
    ) -> Reconciliation:
        """Return the account with some rows set aside for a reason."""
        if rows == 0:
            return self
        before = self.reasons.get(reason, (0, 0))
        reasons = {**self.reasons, reason: (before[0] + rows, before[1] + patients)}
        shown = (*self.examples.get(reason, ()), *examples)
        return replace(
            self,
            rows_aside=self.rows_aside + rows,
            patients_aside=self.patients_aside + patients,
            reasons=reasons,
            examples={**self.examples, reason: shown} if shown else self.examples,
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
                name: {
                    "rows": rows,
                    "patients": shown[name],
                    "examples": [dict(each) for each in self.examples.get(name, ())],
                }
                for name, (rows, _) in sorted(self.reasons.items())
            },
            "notices": [str(each) for each in self.notices],
        }

    def table(self, secrecy: Secrecy | None = None) -> pd.DataFrame:
        """Lay the account out as a table to be read: a row for what came in, stayed and left.

        Returns
        -------
        DataFrame
            Text, in the language of the moment: what, rows, patients (or stays), first examples.
        """
        record = self.record(secrecy)
        unit = self.unit or "patients"
        heads = [say(f"account.{name}") for name in ("what", "rows")]
        heads += [say(f"unit.{unit}"), say("account.examples")]
        lines = [
            [say(f"account.{name}"), number(record[f"rows_{name}"]), record[f"patients_{name}"], ""]
            for name in ("in", "kept", "aside")
        ]
        lines += [
            [
                f"  {say(f'reason.{name}')}",
                number(values["rows"]),
                values["patients"],
                "; ".join(example_line(each) for each in values["examples"]),
            ]
            for name, values in record["reasons"].items()
        ]
        for line in lines:
            secret = say("cli.masked") if self.unit else ""
            line[2] = secret if line[2] is None else figure(line[2])
        return pd.DataFrame(lines, columns=heads)

    def _repr_html_(self) -> str:
        """Return the account as a notebook shows it: notebooks are given away too."""
        notes = "".join(f"<li>{html.escape(str(each))}</li>" for each in self.notices)
        table = self.table().to_html(index=False, border=0)
        title = html.escape(self.file)
        return f"<strong>{title}</strong>{table}" + (f"<ul>{notes}</ul>" if notes else "")

    def __repr__(self) -> str:
        """Return the account, as it may be shown: outputs of notebooks are given away too."""
        shown = {name: value for name, value in self.record().items() if name != "sha256"}
        return f"<Reconciliation: {shown}>"

    def noted(self, *notices: Sentence) -> Reconciliation:
        """Return the account with more notices."""
        return replace(self, notices=(*self.notices, *notices))


def example_line(example: Mapping[str, str]) -> str:
    """Write where a row stands that was set aside, and what it holds."""
    value = example.get("value")
    key = "account.place" if example["column"] else "account.place_row"
    place = say(key, row=example["row"], column=example["column"])
    return f"{place} {value}" if value else place


def count(patients: pd.Series) -> float:
    """Add patients up, exactly and whatever their order; whole if the sum is."""
    if pd.api.types.is_integer_dtype(patients):
        return int(patients.sum())
    total = math.fsum(patients)
    return int(total) if total.is_integer() else total
