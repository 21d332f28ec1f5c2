"""Chains of care: patients whom practices of two communes share, and where they go on to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from territories._chain_tables import (
    ARROW,
    ENDS,
    ORDER,
    directed,
    flows_table,
    lacking,
    of_layer,
    profession_ranks,
)
from territories._columns import (
    code_column,
    count_column,
    empty_cells,
    text_column,
    totals_of,
)
from territories._keys import row_keys
from territories._labels import activity_column
from territories._numbers import MASKED_AS, MOST_MASKED
from territories._tables import columns_of, matched, read_table, refuse_persons, unused
from territories._words import Sentence
from territories.activities import known as activities_known
from territories.errors import InputError, fault
from territories.flows import Flows
from territories.reconciliation import Reconciliation, count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd

    from territories._tables import Table
    from territories.cog import CogTable


def read_chains(
    path: str | Path,
    *,
    communes: gpd.GeoDataFrame | None = None,
    practices: pd.DataFrame | pd.Series | str | Path | None = None,
    order: Sequence[str] = ORDER,
    symmetric: bool = False,
    columns: Mapping[str, str] | None = None,
    activities: Mapping[str, Sequence[str]] | None = None,
    allow_new: bool = False,
    cog_table: CogTable | None = None,
    masked_as: int = MASKED_AS,
    sheet: str | None = None,
) -> Flows:
    """Read how many patients practices share, two by two, as flows between their communes.

    Parameters
    ----------
    path
        Either pairs of practitioners (``ps_1``, ``profession_1``, ``ps_2``, ``profession_2``,
        ``patients_communs``) or pairs of places (``commune_1``, ``profession_1``, ``commune_2``,
        ``profession_2``, ``nb_patients``); ``_a`` and ``_b`` are recognised too.
    communes
        The layer the flows are about; places elsewhere are external.
    practices
        Of pairs of practitioners, the commune of each: `Flows.practices`, a Series by
        practitioner, or a file (practitioner, commune). Pairs of a practitioner whose place is
        not known are set aside. The numbers of practitioners are dropped once they are placed.
    order
        Professions in the order in which patients go on; others follow, in alphabetical order.
    symmetric
        False: a pair goes from the profession that comes first in `order` to the other, so that
        the result can be followed (`followed`); within a profession, half each way. True: half of
        every pair goes each way. Either way each patient shared counts once.
    columns
        Ours to theirs: `practitioner_a`, `profession_a`, `practitioner_b`, `profession_b` (or
        `place_a`, `place_b`), `patients`.
    activities, allow_new
        See `read_flows`.
    cog_table
        From `read_cog`: communes are brought to the year of the layer.
    masked_as
        What a masked cell (``<11``…) counts as, 1 to 10.
    sheet
        Of a workbook with several tables, the one that is meant.

    Returns
    -------
    Flows
        Residence: commune of the practice where the chain begins; destination: of the next one;
        activity: ``"médecine générale → pharmacie"``. Rows of the same communes and professions
        are added up. A patient whom several pairs share is counted in each.

    Raises
    ------
    InputError
        One message with all that is wrong; also if a pair is given both ways, or twice, with
        different numbers (the same number twice counts once).

    References
    ----------
    Gautier (2019), interview 19; METHOD, section 5b.
    """
    if not 1 <= masked_as <= MOST_MASKED:
        raise InputError(fault("masked_as", value=repr(masked_as), most=MOST_MASKED))
    raw = read_table(path, sheet=sheet, columns=columns)
    refuse_persons(raw)
    kind = "practitioner" if _of_practitioners(raw, columns) else "place"
    named = [f"{name}_{end}" for end in ENDS for name in (kind, "profession")]
    table = matched(raw, [*named, "patients"], (), columns)
    totals = totals_of(table, named)
    table = replace(table, frame=table.frame[~totals])
    notices = [*table.notices, *unused(table)]
    faults = empty_cells(table, named)
    frame, wrong = _counted(table, masked_as, notices)
    faults += wrong
    thesaurus = activities_known(activities)
    for end in ENDS:
        name, _, wrong = activity_column(table, f"profession_{end}", thesaurus, allow_new=allow_new)
        frame[f"profession_{end}"] = name
        faults += wrong
        if kind == "practitioner":
            frame[f"end_{end}"] = text_column(table, f"practitioner_{end}")
        else:
            frame[f"end_{end}"], wrong = code_column(table, f"place_{end}", notices)
            faults += wrong
    placed, wrong = (None, []) if kind == "place" else _placed(practices, table.file)
    faults += wrong
    if faults:
        raise InputError(*faults)
    frame, again = _once(table, directed(frame, profession_ranks(frame, order)))
    account = Reconciliation(
        file=table.file,
        sha256=table.sha256,
        unit="patients",
        rows_in=len(frame) + again + int(totals.sum()) + len(table.footnotes),
        patients_in=count(frame["patients"]),
        notices=tuple(notices),
    ).set_aside("footnote", len(table.footnotes), 0)
    account = account.set_aside("total", int(totals.sum()), 0).set_aside("pair_twice", again, 0)
    if placed is not None:
        frame, account = _in_places(frame, placed, account)
    if frame.empty:
        raise InputError(fault("nothing_kept", file=table.file))
    for column in ("end_a", "end_b"):
        frame[column] = of_layer(frame[column].astype("str"), communes, cog_table)
    account = account.noted(*lacking(frame, communes))
    return Flows(
        table=flows_table(frame, symmetric=symmetric),
        communes=communes,
        reconciliation=account,
        masked_as=masked_as,
    )


def _counted(
    table: Table, masked_as: int, notices: list[Sentence]
) -> tuple[pd.DataFrame, list[Sentence]]:
    """Read the patients of each pair: an empty cell is not zero."""
    counts = count_column(table, "patients", masked_as=masked_as)
    notices += counts.notices
    faults = counts.faults
    if counts.missing.any():
        told = {"file": table.file, "column": table.head("patients")}
        rows = table.places("patients", counts.missing)
        faults = [
            *faults,
            fault("number_empty", count=int(counts.missing.sum()), rows=rows, **told),
        ]
    frame = pd.DataFrame({"patients": counts.values, "masked": counts.masked.astype("int64")})
    return frame, faults


def _in_places(
    frame: pd.DataFrame, placed: pd.Series, account: Reconciliation
) -> tuple[pd.DataFrame, Reconciliation]:
    """Put the commune of each practitioner in the place of his number."""
    alone = frame["end_a"] == frame["end_b"]  # his own patients, shared with nobody
    patients = count(frame.loc[alone, "patients"])
    account = account.set_aside("pair_alone", int(alone.sum()), patients)
    frame = frame[~alone].copy()
    for column in ("end_a", "end_b"):
        frame[column] = frame[column].map(placed)
    lost = frame[["end_a", "end_b"]].isna().any(axis=1)
    patients = count(frame.loc[lost, "patients"])
    account = account.set_aside("practice_undetermined", int(lost.sum()), patients)
    return frame[~lost], account


def _of_practitioners(table: Table, columns: Mapping[str, str] | None) -> bool:
    """Tell whether a table is one of pairs of practitioners."""
    given = columns or {}
    if "place_a" in given or columns_of(table, "place_a"):
        return False
    return "practitioner_a" in given or bool(columns_of(table, "practitioner_a"))


def _placed(
    practices: pd.DataFrame | pd.Series | str | Path | None, file: str
) -> tuple[pd.Series, list[Sentence]]:
    """Return the commune of each practitioner; one who is given several has none."""
    if practices is None:
        return pd.Series(dtype="str"), [fault("chains_practices", file=file)]
    if isinstance(practices, str | Path):
        table = matched(read_table(practices), ["practitioner", "code"])
        code, faults = code_column(table, "code", [])
        rows = pd.DataFrame({"who": text_column(table, "practitioner"), "code": code})
        rows = rows.drop_duplicates()
        return rows[~rows["who"].duplicated(keep=False)].set_index("who")["code"], faults
    if isinstance(practices, pd.DataFrame):
        if "commune" not in practices:
            found = ", ".join(map(str, practices.columns))
            return pd.Series(dtype="str"), [fault("chains_practices_columns", found=found)]
        practices = practices["commune"]
    place = practices.dropna()
    return place.set_axis(place.index.astype("str")), []


def _once(table: Table, frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Keep each pair once; refuse those given twice with different numbers."""
    keys = ["end_a", "profession_a", "end_b", "profession_b"]
    key = pd.Series(row_keys(frame, keys), index=frame.index)
    told = frame.groupby(key)[["patients", "masked"]].transform("nunique").max(axis=1) > 1
    if told.any():
        rows = table.places("patients", told)
        raise InputError(fault("chains_twice", file=table.file, count=int(told.sum()), rows=rows))
    again = key.duplicated()
    return frame[~again].copy(), int(again.sum())


def chains(first: Flows, second: Flows) -> Flows:
    """Estimate the patients shared between practices of two communes, from two located tables.

    Without data on individuals nobody knows who of the patients of a commune goes where for the
    second care: what is returned is the *expected* number, if within each commune of residence
    the second place does not depend on the first: C[a, b] = Σ_i F1[i, a] · F2[i, b] / F2[i, ·].
    True chains are stronger than that where patients choose both places together.

    Parameters
    ----------
    first, second
        Located flows by residence, of general practitioners and of nurses for instance.

    Returns
    -------
    Flows
        Residence: place of the first care; destination: of the second; one activity for each pair,
        ``"médecine générale → soins infirmiers"``; `patients` are expected numbers, with
        decimals. Patients of `first` whose commune has none for an activity of `second` are set
        aside (``chain_unknown``): nothing says where they go on to. The account counts each
        patient of `first` once for each activity of `second`.

    Raises
    ------
    InputError
        If one of the two is not located.
    """
    if any("destination" not in flows.table for flows in (first, second)):
        raise InputError(fault("flows_not_located"))
    keys = ["residence", "activity", "destination"]
    one, other = (
        each.table.groupby(keys, as_index=False, observed=True)[["patients"]].sum()
        for each in (first, second)
    )
    sent = other.groupby(["residence", "activity"])["patients"].transform("sum")
    other = other.assign(patients=other["patients"] / sent.where(sent > 0)).dropna()
    table = _products(one, other)
    # Each patient of the first goes on to each activity of the second, or nobody knows where.
    nexts = pd.DataFrame({"next": sorted(second.table["activity"].unique())})
    pairs = one[["residence", "patients"]].merge(nexts, how="cross")
    known = pd.MultiIndex.from_frame(other[["residence", "activity"]].drop_duplicates())
    unknown = ~pd.MultiIndex.from_frame(pairs[["residence", "next"]]).isin(known)
    account = replace(
        first.reconciliation,
        rows_in=len(pairs),
        rows_aside=0,
        patients_in=count(pairs["patients"]),
        patients_aside=0,
        reasons={},
        examples={},
    ).set_aside("chain_unknown", int(unknown.sum()), count(pairs.loc[unknown, "patients"]))
    return Flows(
        table=table,
        communes=first.communes,
        reconciliation=account.noted(Sentence("chains.expected")),
        cog=first.cog,
    )


def _products(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Sum, over residences, patients of the first times shares of the second, by activities."""
    from scipy import sparse  # noqa: PLC0415 - a tenth of a second to import

    residences = pd.Index(sorted({*one["residence"], *other["residence"]}))

    def matrices(cells: pd.DataFrame) -> dict[str, tuple[pd.Index, sparse.csr_array]]:
        found = {}
        for activity, part in cells.groupby("activity"):
            places = pd.Index(sorted(part["destination"].unique()))
            ends = (
                residences.get_indexer(part["residence"]),
                places.get_indexer(part["destination"]),
            )
            shape = (len(residences), len(places))
            values = part["patients"].to_numpy(dtype="float64")
            found[str(activity)] = places, sparse.csr_array((values, ends), shape=shape)
        return found

    parts = [pd.DataFrame(columns=["residence", "activity", "destination", "patients"])]
    after = matrices(other)
    for first, (origins, seen) in matrices(one).items():
        for second, (places, share) in after.items():
            cells = sparse.coo_array(seen.T @ share)
            parts.append(
                pd.DataFrame(
                    {
                        "residence": origins[cells.coords[0]],
                        "activity": f"{first}{ARROW}{second}",
                        "destination": places[cells.coords[1]],
                        "patients": cells.data,
                    }
                )
            )
    table = pd.concat(parts[1:] or parts, ignore_index=True).astype({"patients": "float64"})
    return table.astype(dict.fromkeys(["residence", "activity", "destination"], "str"))


def followed(flows: Flows, start: str, *, order: Sequence[str] = ORDER) -> pd.DataFrame:
    """Follow the patients of a commune's practices from one profession to the next.

    Parameters
    ----------
    flows
        Result of `read_chains` (not symmetric) or of `chains`.
    start
        Commune of the practices where the chain begins.
    order
        Professions of the chain.

    Returns
    -------
    DataFrame
        Indexed by (`profession`, `commune`), in the order of the chain, then the largest share
        first (ties: by code): `share` of the patients of `start`, in [0, 1]; the first profession
        has all of them in `start`. Each step takes the patients whom practices of a commune share
        with those of the next profession, wherever they came from (the chain has no memory). Where
        no pair of two professions that follow one another is in the table, the next is reached
        from the last one that shares patients with it. Shares of a profession make less than 1
        where a commune shares no patient with it; none is returned for a profession that nothing
        leads to. Exact, for your own eyes.
    """
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    reached: dict[str, pd.Series] = {order[0]: pd.Series({start: 1.0})}
    for profession in order[1:]:
        for previous in reversed(list(reached)):
            pair = flows.table[flows.table["activity"] == f"{previous}{ARROW}{profession}"]
            if len(pair):
                reached[profession] = _step(reached[previous], pair)
                break
    parts = []
    for profession, share in reached.items():
        part = share[share > 0].rename("share").rename_axis("commune").reset_index()
        rounded = part["share"].round(12)  # what differs by less is a tie
        part = part.assign(rounded=rounded).sort_values(
            ["rounded", "commune"], ascending=[False, True]
        )
        parts.append(part.assign(profession=profession))
    every = pd.concat(parts)
    return every.set_index(["profession", "commune"])[["share"]]


def _step(share: pd.Series, pair: pd.DataFrame) -> pd.Series:
    """Carry shares of communes on to the communes of the next profession."""
    cells = pair.groupby(["residence", "destination"], as_index=False)["patients"].sum()
    total = cells.groupby("residence")["patients"].transform("sum")
    part = cells["patients"] / total.where(total > 0)
    carried = (cells["residence"].map(share).fillna(0.0) * part).fillna(0.0)
    sums: pd.Series = carried.groupby(cells["destination"].to_numpy()).sum()
    return sums
