"""How far the poles of a commune agree: over its specialties, and with its hospital."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from territories import codes
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from territories.poles import Poles


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
    classes = np.select(
        [
            insufficient,
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
    return pd.DataFrame(
        {
            "concordance": pd.Series(classes, index=poles.communes).astype("str"),
            "pole": first["pole"].where(named),
            "matched": matched,
            "activities": activities,
            "share": (matched / activities.where(activities > 0)).mask(insufficient),
        },
        index=poles.communes,
    )


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
    if len(hospital.table.index.unique("activity")) > 1:
        raise InputError(fault("stays_not_together"))
    stays = hospital.table["pole"].droplevel("activity").reindex(agreement.index)
    liberal = agreement["pole"]
    both = liberal.notna() & stays.notna()
    coarse = (liberal.str.len() < 5) | (stays.str.len() < 5)  # noqa: PLR2004
    same_department = codes.department(liberal) == codes.department(stays)
    agree = (liberal == stays) | (coarse & same_department)
    state = np.select(
        [both & agree, both, liberal.notna(), stays.notna()],
        ["agree", "differ", "liberal_only", "hospital_only"],
        default="neither",
    )
    return pd.DataFrame(
        {"liberal": liberal, "hospital": stays, "agreement": pd.Series(state, agreement.index)}
    )
