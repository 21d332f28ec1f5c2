"""The only door for figures that leave: nothing that goes out shows a count from 1 to 10."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from territories.errors import SecrecyError, fault

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd

STATUTORY_THRESHOLD: Final = 11
STATUTORY_PROFESSIONALS: Final = 6

# Allocated stays are fractions: what differs by less is the same number.
_DECIMALS: Final = 6


@dataclass(frozen=True)
class Secrecy:
    """The rule of disclosure that an export applies.

    Parameters
    ----------
    threshold
        Counts of patients or stays from 1 to ``threshold - 1`` are masked; 0 may be shown.
    professionals
        Figures of an activity at a pole with fewer professionals than this are masked.
    acknowledged
        Must be True to go below the thresholds of the SNDS (11 and 6).

    Raises
    ------
    SecrecyError
        If a threshold is under the legal one without `acknowledged`, or is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> Secrecy().counts(pd.Series([0, 4, 11])).tolist()
    [0, <NA>, 11]
    """

    threshold: int = STATUTORY_THRESHOLD
    professionals: int = STATUTORY_PROFESSIONALS
    acknowledged: bool = False

    def __post_init__(self) -> None:
        """Refuse thresholds under the legal ones, unless they are acknowledged."""
        for number in (self.threshold, self.professionals):
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise SecrecyError(fault("threshold_not_positive"))
        lowered = (
            self.threshold < STATUTORY_THRESHOLD or self.professionals < STATUTORY_PROFESSIONALS
        )
        if lowered and not self.acknowledged:
            raise SecrecyError(
                fault(
                    "threshold_lowered",
                    threshold=self.threshold,
                    professionals=self.professionals,
                    legal=STATUTORY_THRESHOLD,
                    legal_professionals=STATUTORY_PROFESSIONALS,
                )
            )

    def hides(self, count: float) -> bool:
        """Tell whether a count must not be shown; a fraction under the threshold neither."""
        return 0 < round(float(count), _DECIMALS) < self.threshold

    def counts(self, counts: pd.Series) -> pd.Series:
        """Return the counts as integers, missing where they may not be shown."""
        return counts.round().astype("Int64").mask(self._hidden(counts))

    def _hidden(self, counts: pd.Series) -> pd.Series:
        exact = counts.astype("float64").round(_DECIMALS)
        return (exact > 0) & (exact < self.threshold)

    def shares(self, part: pd.Series, whole: pd.Series) -> pd.Series:
        """Return ``part / whole``, missing where it would give a small count away.

        The part, the whole and what is left of the whole must each be showable: a share of 97 %
        beside a base of 100 says as much as the 3 patients themselves.
        """
        rest = whole - part
        share = part / whole.where(whole != 0)
        for count in (part, whole, rest):
            share = share.mask(self._hidden(count))
        return share.astype("float64")

    def parts(self, parts: Mapping[str, float]) -> dict[str, int | None]:
        """Return the parts of a total that is shown: None where one may not be.

        What is hidden is found by subtraction if it is alone, or if all that is hidden is little,
        so the smallest other parts that are not 0 are hidden with it until it is not. Where they
        do not suffice, the total must be hidden too (see `hides_total`).
        """
        hidden = {name for name, count in parts.items() if self.hides(count)}
        others = sorted((count, name) for name, count in parts.items() if count > 0)
        for _, name in others:
            if not hidden or not self._found(parts, hidden):
                break
            hidden.add(name)
        return {name: None if name in hidden else round(count) for name, count in parts.items()}

    def hides_total(self, parts: Mapping[str, float]) -> bool:
        """Tell whether the total of some parts must be hidden, or would give one of them away."""
        hidden = {name for name, shown in self.parts(parts).items() if shown is None}
        return bool(hidden) and self._found(parts, hidden)

    def _found(self, parts: Mapping[str, float], hidden: Collection[str]) -> bool:
        """Tell whether who knows the total and the other parts finds the hidden ones."""
        left = sum(parts[name] for name in hidden)
        return len(hidden) < 2 or left < self.threshold + len(hidden)  # noqa: PLR2004
