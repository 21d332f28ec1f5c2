"""How far the poles of a commune agree: over its specialties, and with its hospital."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from territories import codes
from territories._kappa import cohen, mutual
from territories._words import number, say
from territories.errors import InputError, fault, of_kind

if TYPE_CHECKING:
    import geopandas as gpd

    from territories.poles import Poles


# What the pole of the specialists and that of the hospital may be to each other.
_STATES: Final = ("agree", "differ", "liberal_only", "hospital_only", "neither")


class Concordance(StrEnum):
    """Classes of agreement, from the fullest down."""

    ALWAYS = "always"
    ALL_BUT_ONE = "all_but_one"
    MAJORITY = "majority"
    RELATIVE = "relative"
    NONE = "none"
    INSUFFICIENT = "insufficient"


def concordance(poles: Poles, *, minimum: int = 3) -> pd.DataFrame:
    """Class each commune by the share of its activities that have the same dominant pole.

    Parameters
    ----------
    poles
        Dominant poles (see `dominant_poles`).
    minimum
        Communes with fewer activities than this with a dominant pole are ``insufficient``.

    Returns
    -------
    DataFrame
        Indexed by commune, one row for each of `Poles.communes`. `concordance`: ``always`` (all
        activities), ``all_but_one`` (66 % and more), ``majority`` (50 % and more), ``relative``
        (a unique mode below that), ``none`` (no unique mode) or ``insufficient``. `pole`: the
        modal pole, missing in the last two. `matched` of `activities` have it; `share` is their
        ratio in [0, 1], missing when insufficient.

    Notes
    -----
    ``matched / activities`` is compared as whole numbers, so 2 of 3 is ``all_but_one``.

    References
    ----------
    Navinel (2020), legend of the concordance map.
    """
    of_kind("Poles", poles=poles)
    known = poles.table["pole"].dropna().reset_index()
    counts = known.groupby(["commune", "pole"], as_index=False).size()
    counts = counts.sort_values(["commune", "size", "pole"], ascending=[True, False, True])
    rank = counts.groupby("commune").cumcount()
    first = counts[rank == 0].set_index("commune").reindex(poles.communes)
    second = counts[rank == 1].set_index("commune").reindex(poles.communes)

    matched = first["size"].fillna(0).astype("int64")
    activities = known.groupby("commune").size().reindex(poles.communes, fill_value=0)
    unique = matched != second["size"].fillna(0)
    insufficient = activities < minimum
    named = ~insufficient & unique
    return pd.DataFrame(
        {
            "concordance": classes(matched, activities, unique=unique, minimum=minimum),
            "pole": first["pole"].where(named),
            "matched": matched,
            "activities": activities,
            "share": (matched / activities.where(activities > 0)).mask(insufficient),
        },
        index=poles.communes,
    )


def classes(
    matched: pd.Series, activities: pd.Series, *, unique: pd.Series, minimum: int = 3
) -> pd.Series:
    """Class communes of which `matched` of `activities` have one pole (see `concordance`).

    Parameters
    ----------
    matched, activities
        Whole numbers, with the same index.
    unique
        Whether no other pole has as many.
    minimum
        See `concordance`.
    """
    found = np.select(
        [
            activities < minimum,
            ~unique,
            matched == activities,
            100 * matched >= 66 * activities,
            2 * matched >= activities,
        ],
        [
            Concordance.INSUFFICIENT,
            Concordance.NONE,
            Concordance.ALWAYS,
            Concordance.ALL_BUT_ONE,
            Concordance.MAJORITY,
        ],
        default=Concordance.RELATIVE,
    )
    return pd.Series(found, index=matched.index).astype("str")


def hospital_agreement(agreement: pd.DataFrame, hospital: Poles) -> pd.DataFrame:
    """Compare, commune by commune, the pole of the specialists with that of the hospital.

    Parameters
    ----------
    agreement
        Result of `concordance`.
    hospital
        Dominant poles of hospital stays, one activity (all stays together).

    Returns
    -------
    DataFrame
        Indexed by commune: `liberal` and `hospital` (codes, missing where there is none) and
        `agreement`: ``agree``, ``differ``, ``liberal_only``, ``hospital_only`` or ``neither``.
        A pole known by its department only agrees with any place of that department.
    """
    of_kind("Poles", hospital=hospital)
    if len(hospital.table.index.unique("activity")) > 1:
        raise InputError(fault("stays_not_together"))
    stays = hospital.table["pole"].droplevel("activity").reindex(agreement.index)
    liberal = agreement["pole"]
    both = liberal.notna() & stays.notna()
    agree = liberal == stays
    agree |= (liberal == codes.department(stays)) | (codes.department(liberal) == stays)
    state = np.select(
        [both & agree, both, liberal.notna(), stays.notna()],
        ["agree", "differ", "liberal_only", "hospital_only"],
        default="neither",
    )
    return pd.DataFrame(
        {"liberal": liberal, "hospital": stays, "agreement": pd.Series(state, agreement.index)}
    )


@dataclass(frozen=True, eq=False)
class AgreementFigures:
    """How far liberal care and hospital agree. What is not defined is missing (NaN).

    Parameters
    ----------
    table
        Indexed by ``agree``, ``differ``, ``liberal_only``, ``hospital_only`` and ``neither``:
        `communes` and their `population`, and the shares of both in the whole layer,
        `communes_share` and `population_share`.
    agreement, population_agreement
        Of the communes of which both poles are known, and of their inhabitants: the share that has
        the same.
    kappa
        Cohen's kappa of the same communes.
    ami
        Adjusted mutual information of the two divisions of them.
    """

    table: pd.DataFrame
    agreement: float
    population_agreement: float
    kappa: float
    ami: float

    def __repr__(self) -> str:
        """Return what matters of the agreement."""
        return (
            f"<AgreementFigures: {self.agreement:.0%} of communes and "
            f"{self.population_agreement:.0%} of people, kappa {self.kappa:.2f}, "
            f"AMI {self.ami:.2f}>"
        )

    def _repr_html_(self) -> str:
        """Show the figures in a notebook, in the language of the moment."""
        heads = [say("column.communes"), say("column.population")]
        shown = self.table[["communes", "population"]].set_axis(heads, axis=1)
        shown.index = pd.Index([say(f"agreement.{each}") for each in shown.index])
        told = say(
            "specialties.figures",
            communes=_written(100 * self.agreement, 0),
            people=_written(100 * self.population_agreement, 0),
            kappa=_written(self.kappa, 2),
            ami=_written(self.ami, 2),
        )
        return f"<p>{told}</p>{shown.to_html(float_format=lambda each: _written(each, 0))}"


def agreement_figures(agreement: pd.DataFrame, *, communes: gpd.GeoDataFrame) -> AgreementFigures:
    """Sum up how far liberal care and hospital agree over a layer.

    Parameters
    ----------
    agreement
        Result of `hospital_agreement`.
    communes
        The layer, for the inhabitants. Shares of inhabitants are missing where nobody lives in the
        communes, or the inhabitants of one are not known.

    Returns
    -------
    AgreementFigures
        A pole known by its department only, where it agrees, counts as the other's in both indices.

    References
    ----------
    Cohen (1960); Vinh, Epps and Bailey (2010), normalised by the arithmetic mean.
    """
    people = communes["population"].astype("float64").reindex(agreement.index)
    state = agreement["agreement"]
    living = people.groupby(state)
    table = pd.DataFrame(
        {
            "communes": state.value_counts(),
            "population": living.sum().where(living.count() == living.size()),
        }
    ).reindex(pd.Index(_STATES, name="agreement"))
    table["communes"] = table["communes"].fillna(0).astype("int64")
    table.loc[table["communes"] == 0, "population"] = 0.0
    for name in ("communes", "population"):
        table[f"{name}_share"] = table[name] / table[name].sum(skipna=False)
    liberal = agreement["liberal"][state.isin(["agree", "differ"])]
    stays = agreement["hospital"].where(state != "agree", agreement["liberal"])[liberal.index]
    return AgreementFigures(
        table=table,
        agreement=_agreeing(table["communes"]),
        population_agreement=_agreeing(table["population"]),
        kappa=cohen(liberal, stays),
        ami=mutual(liberal, stays),
    )


def _agreeing(counts: pd.Series) -> float:
    agree, differ = float(counts["agree"]), float(counts["differ"])
    return agree / (agree + differ) if agree + differ > 0 else math.nan


def _written(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else number(value, digits=digits)
