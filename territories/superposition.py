"""Whether the catchments of specialties are superposable: their poles compared two by two."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories._kappa import cohen, mutual
from territories._words import number, say
from territories.errors import InputError, fault, of_kind

if TYPE_CHECKING:
    import geopandas as gpd

    from territories.poles import Poles

_MEASURES: Final = ("communes", "agreement", "population_agreement", "kappa", "ami")


@dataclass(frozen=True, eq=False)
class Superposition:
    """How far the dominant poles of specialties agree. What is not defined is missing (NaN).

    Parameters
    ----------
    pairs
        Indexed by (`first`, `second`), each pair of activities once, in order: `communes`, of
        which both poles are known; `agreement`, the share of them that have the same pole;
        `population_agreement`, the share of their inhabitants; `kappa` (Cohen), the agreement of
        communes beyond chance; `ami`, adjusted mutual information, which also sees that two
        specialties divide communes alike around different poles.
    fleiss
        Fleiss' kappa of all activities, over the communes of which each activity has a pole.
    fleiss_communes
        Number of these.
    """

    pairs: pd.DataFrame
    fleiss: float
    fleiss_communes: int

    def matrix(self, measure: str = "agreement") -> pd.DataFrame:
        """Lay a measure of `pairs` out as activities by activities, symmetric.

        Missing on the diagonal: an activity is not compared with itself.

        Raises
        ------
        InputError
            If `pairs` has no such measure.
        """
        if measure not in _MEASURES:
            raise InputError(
                fault("measure_unknown", value=repr(measure), values=", ".join(_MEASURES))
            )
        half = self.pairs[measure]
        both = pd.concat([half, half.swaplevel().rename_axis(half.index.names)])
        names = sorted({*both.index.get_level_values(0)})
        wide = pd.DataFrame(both.unstack().reindex(index=names, columns=names), dtype="float64")
        return wide.rename_axis(index="activity", columns="activity")

    def __repr__(self) -> str:
        """Return what matters of the superposition."""
        return (
            f"<Superposition: {len(self.pairs)} pairs of activities, mean agreement "
            f"{self.pairs['agreement'].mean():.0%}, Fleiss' kappa {self.fleiss:.2f} "
            f"over {self.fleiss_communes:,} communes>"
        )

    def _repr_html_(self) -> str:
        """Show the pairs as a table in a notebook."""
        table = self.pairs.reset_index()
        heads = {name: say(f"specialties.{name}") for name in table.columns}
        shown = table.rename(columns=heads).to_html(index=False, float_format=_written)
        last = say("specialties.fleiss", value=_written(self.fleiss), communes=self.fleiss_communes)
        title = html.escape(say("specialties.title"))
        return f"<p><b>{title}</b></p>{shown}<p>{html.escape(last)}</p>"


def superposition(poles: Poles, *, communes: gpd.GeoDataFrame | None = None) -> Superposition:
    """Compare the dominant poles of the activities, two by two and all together.

    It answers "are the catchments superposable?", before they are fused. Which are fused is for
    the user to decide: by default all activities of the flows are, since the public of a CPTS is
    that of its second-line care as a whole, and the hospital stays apart as a witness. An activity
    that agrees with none, or of another scale (see `activity_scale`), is better left out.

    Parameters
    ----------
    poles
        Dominant poles (see `dominant_poles`). Communes without a pole for one of the two
        activities (too few patients, a tie, masked cells) are not compared.
    communes
        The layer, for the inhabitants; without it `population_agreement` is missing.

    Returns
    -------
    Superposition
        `population_agreement` is missing too where nobody lives in the communes compared, or the
        inhabitants of one are not known.

    References
    ----------
    Cohen (1960); Fleiss (1971); Vinh, Epps and Bailey (2010), normalised by the arithmetic mean.
    """
    of_kind("Poles", poles=poles)
    wide = poles.table["pole"].unstack("activity").reindex(poles.communes)
    wide = wide[sorted(wide.columns)]
    people = pd.Series(np.nan, index=wide.index)
    if communes is not None:
        people = communes["population"].astype("float64").reindex(wide.index)
    rows = {
        (first, second): _compared(wide[first], wide[second], people)
        for first, second in combinations(wide.columns, 2)
    }
    index = pd.MultiIndex.from_tuples(rows, names=["first", "second"])
    pairs = pd.DataFrame(list(rows.values()), index=index if rows else None, columns=_MEASURES)
    if not rows:
        pairs.index = pd.MultiIndex.from_arrays([[], []], names=["first", "second"])
    complete = wide.dropna()
    return Superposition(
        pairs=pairs.astype({"communes": "int64"} | dict.fromkeys(_MEASURES[1:], "float64")),
        fleiss=fleiss_kappa(complete),
        fleiss_communes=len(complete),
    )


def _compared(
    first: pd.Series, second: pd.Series, people: pd.Series
) -> tuple[int, float, float, float, float]:
    known = first.notna() & second.notna()
    first, second, people = first[known], second[known], people[known]
    same = first == second
    total = people.sum(skipna=False)
    return (
        int(known.sum()),
        float(same.mean()) if len(same) else math.nan,
        float(people[same].sum() / total) if total > 0 else math.nan,
        cohen(first, second),
        mutual(first, second),
    )


def fleiss_kappa(ratings: pd.DataFrame) -> float:
    """Return Fleiss' kappa of a table of labels: a row is a subject, a column a rater.

    Missing with fewer than two raters, without subjects, or where all labels are the same.
    """
    raters = ratings.shape[1]
    # How many raters gave each label to each subject.
    labels, known = pd.factorize(ratings.to_numpy().ravel(), sort=True)
    if raters < 2 or len(known) <= 1:  # noqa: PLR2004
        return math.nan
    counts = np.zeros((len(ratings), len(known)))
    np.add.at(counts, (np.repeat(np.arange(len(ratings)), raters), labels), 1)
    observed = ((counts**2).sum(axis=1) - raters).mean() / (raters * (raters - 1))
    expected = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return float((observed - expected) / (1 - expected))


def _written(value: float) -> str:
    return "–" if math.isnan(value) else number(value, digits=2)
