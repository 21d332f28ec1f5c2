"""Where professionals practise: the commune that most of their patients come from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from territories import codes


def practice_places(table: pd.DataFrame, *, known: pd.MultiIndex | None = None) -> pd.DataFrame:
    """Find each practitioner's commune of practice, with the confidence one may have in it.

    1. The commune with most of his patients; 2. ties are broken by the amount; 3. what is still
    tied is undetermined. Where his department is known, only its communes are candidates; when no
    commune of it sends him patients, the place is the department itself (an external pole).

    Parameters
    ----------
    table
        Columns `residence`, `practitioner`, `patients`, optional `amount` (euros) and `department`
        (empty text: unknown). A practitioner with several departments may practise in any of them.
    known
        Pairs (practitioner, department), in order, in place of those of the table.

    Returns
    -------
    DataFrame
        Indexed by practitioner, in order. `commune`: code of the commune, or of the department for
        an external pole, missing when tied. `share`: the part of all his patients who live there;
        `margin`: the same less that of the second candidate; both in [0, 1], missing for an
        external pole. `commune_by_amount`: the answer with amounts first. `conflict`: the place
        differs from the one found without the department. `tied`: undetermined.

    References
    ----------
    Gautier (2019), interview 19.
    """
    return practices_of(
        _received(table),
        departments_of(table) if known is None else known,
        everyone=pd.Index(sorted(table["practitioner"].unique()), name="practitioner"),
    )


def practices_of(
    places: pd.DataFrame,
    known: pd.MultiIndex,
    *,
    everyone: pd.Index,
    totals: pd.Series | None = None,
    names: pd.Series | None = None,
) -> pd.DataFrame:
    """Find each practitioner's commune of practice from what each commune sends him.

    Parameters
    ----------
    places
        One row by practitioner and commune: `practitioner`, `residence`, `patients` (more than 0)
        and `cents`. Those that can be neither first nor second may be left out; then `candidate`
        tells which are in a department where he may practise, and `by_patients` and `by_cents` the
        rank of each, from 0, among those that are and among those that are not.
    known
        Pairs (practitioner, department) where he may practise, in order; see `departments_of`.
    everyone
        Practitioners, in order.
    totals
        Patients of each, of all communes; by default the sum of `places`.
    names
        Codes of the communes, in order, where `places` has their numbers.

    Returns
    -------
    DataFrame
        See `practice_places`.
    """
    if totals is None:
        totals = places.groupby("practitioner")["patients"].sum()
    totals = totals.reindex(everyone)
    chosen = places["candidate"] if "candidate" in places else _candidates(places, known)
    candidates = places[chosen]
    by_patients = _best(candidates, ["patients", "cents"])
    by_amount = _best(candidates, ["cents", "patients"])
    others = _best(places[~chosen], ["patients", "cents"]).reindex(everyone)
    if names is not None:
        for each in (by_patients, by_amount):
            each["residence"] = each["residence"].map(names)

    result = pd.DataFrame(index=totals.index)
    result["commune"] = by_patients["residence"]
    result["share"] = by_patients["first"] / totals
    result["margin"] = (by_patients["first"] - by_patients["second"]) / totals
    result["commune_by_amount"] = by_amount["residence"]
    # reindexed: practitioners without a candidate are not in by_patients
    tied = by_patients["tied"].reindex(totals.index, fill_value=False).astype(bool)
    result["tied"] = tied

    abroad = _only_department(known, totals.index.difference(by_patients.index))
    for column in ("commune", "commune_by_amount"):
        result[column] = result[column].where(~result.index.isin(abroad.index), abroad)
    found = result["commune"].notna() & ~result.index.isin(abroad.index)
    # Equal to the first of the candidates, it is not ahead of it; nor is one of several equals.
    own = by_patients.reindex(everyone)
    ahead = (others["first"] > own["first"]) | (
        (others["first"] == own["first"]) & (others["then"] > own["then"])
    )
    result["conflict"] = found & ahead & others["residence"].notna()
    columns = ["commune", "share", "margin", "commune_by_amount", "conflict", "tied"]
    return result[columns]


def _received(table: pd.DataFrame) -> pd.DataFrame:
    """Sum patients and cents by practitioner and residence."""
    seen = table[table["patients"] > 0]  # an amount without patients is no evidence
    # Cents are integers, so that ties are exact whatever the order of the sums.
    amount = seen["amount"] if "amount" in seen else pd.Series(0.0, index=seen.index)
    cents = (amount.fillna(0) * 100).round().astype("int64")
    keyed = seen[["practitioner", "residence", "patients"]].assign(cents=cents)
    return keyed.groupby(["practitioner", "residence"], as_index=False).sum()


def _candidates(places: pd.DataFrame, known: pd.MultiIndex) -> pd.Series:
    """Tell which communes are in a department where their practitioner may practise."""
    if not len(known):
        return pd.Series(data=True, index=places.index)
    living = pd.MultiIndex.from_arrays(
        [places["practitioner"], codes.department(places["residence"])]
    )
    restricted = places["practitioner"].isin(known.get_level_values(0))
    return ~restricted | living.isin(known)


def departments_of(table: pd.DataFrame) -> pd.MultiIndex:
    """Return the pairs (practitioner, department) that a table knows, in order."""
    if "department" not in table:
        return pd.MultiIndex.from_arrays([[], []])
    pairs = table[["practitioner", "department"]]
    pairs = pairs[pairs["department"].fillna("") != ""].drop_duplicates()
    return pd.MultiIndex.from_frame(pairs.sort_values(["practitioner", "department"]))


def _only_department(known: pd.MultiIndex, practitioners: pd.Index) -> pd.Series:
    """Return the first department of practitioners none of whose candidates is a commune."""
    pairs = known.to_frame(index=False, name=["practitioner", "department"])
    pairs = pairs[pairs["practitioner"].isin(practitioners)]
    return pairs.groupby("practitioner")["department"].min()


def _best(places: pd.DataFrame, measures: list[str]) -> pd.DataFrame:
    """Find each practitioner's first commune by the measures, unless the second is its equal."""
    ranked, known = places, f"by_{measures[0]}"
    if known in places:
        rank = places[known]
    else:  # the code only puts ties in an order
        ranked = places.sort_values(
            ["practitioner", *measures, "residence"], ascending=[True, False, False, True]
        )
        rank = ranked.groupby("practitioner").cumcount()
    first = ranked[rank == 0].set_index("practitioner")
    second = ranked[rank == 1].set_index("practitioner").reindex(first.index)
    tied = (first[measures] == second[measures]).all(axis=1)
    return pd.DataFrame(
        {
            "residence": first["residence"].mask(tied),
            "first": first[measures[0]],
            "then": first[measures[1]],
            "second": second[measures[0]].fillna(0),
            "tied": np.asarray(tied, dtype=bool),
        }
    )
