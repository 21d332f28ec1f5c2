"""The card of a commune: where its patients go, why it is in its territory, what a move changes."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from typing import TYPE_CHECKING, Final

import networkx as nx
import numpy as np
import pandas as pd

from territories import codes
from territories._card_view import Card, Shown
from territories._destinations import cells_of, firm_poles, first_places
from territories._heads import plain
from territories._transfers import transfers
from territories.concordance import Concordance, classes
from territories.errors import CodeError, InputError, fault, of_kind
from territories.flows import Flows
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    import geopandas as gpd

    from territories.poles import Poles
    from territories.stability import Runs
    from territories.zoning import Zoning

_CLOSE: Final = 0.6
_CODE_LENGTH: Final = 5

# Shares are told to a tenth of a percent.
_SHARE_DIGITS: Final = 3

# Fewer patients than this give no pole, as `dominant_poles` has it.
MINIMUM: Final = 11


def explain(
    zoning: Zoning,
    flows: Flows,
    code: str,
    *,
    poles: Poles | None = None,
    stays: Flows | None = None,
    stability: Runs | pd.DataFrame | None = None,
    neighbours: pd.DataFrame | None = None,
    secrecy: Secrecy | None = None,
) -> Card:
    """Gather what the flows say of one commune: why it is in its territory, and what if not.

    Parameters
    ----------
    zoning
        Any zoning; the commune may be shared, or in no territory.
    flows
        Located flows, of the specialists.
    code
        A commune of the zoning: its code, which is repaired (``1004`` is ``01004``), or its name,
        case and accents aside, if no other commune has it.
    poles
        Dominant poles (see `dominant_poles`, which is the default, for this commune).
    stays
        Located flows of hospital stays.
    stability
        A `Runs` or the table of `stability`, of this zoning.
    neighbours
        Pairs of communes that touch (see `contiguity`); default those of the zoning.
    secrecy
        Rule of disclosure for what is printed; default ``Secrecy()``.

    Returns
    -------
    Card
        Its own tables are exact, for the user's own eyes; printed, or in a notebook, it hides
        counts under the threshold, figures of places where few practise, and what would let
        either be worked out. Poles with as many patients are in order of their code.

    Raises
    ------
    CodeError
        If no commune has that code or name, with the nearest names, or several have the name.
    InputError
        If the flows are not located.

    Notes
    -----
    Candidates are the territories across its borders, those that share it, and the second one of
    `stability`. A shared commune that moves leaves all its territories (see `Zoning.revise`). Of a
    pair of communes the part inside a territory is the lesser of their two weights.
    """
    of_kind("Zoning", zoning=zoning)
    of_kind("Flows", flows=flows, **({} if stays is None else {"stays": stays}))
    if "destination" not in flows.table or (stays and "destination" not in stays.table):
        raise InputError(fault("flows_not_located"))
    door = secrecy or Secrecy()
    own = commune_code(code, zoning.communes)
    layer = zoning.communes
    people = layer["population"].loc[own]
    member = zoning.membership[zoning.membership["code"] == own]
    names = pd.Series(
        {each: zoning.names.get(each, each) for each in zoning.membership["territory"].unique()},
        dtype="object",
    )
    mine = member[["territory", "weight"]].reset_index(drop=True)
    mine.insert(1, "name", mine["territory"].map(names))
    rows = _rows(flows, own)
    cells = cells_of(rows)
    exact, shown = first_places(cells, secrecy=door, professionals=flows.professionals)
    hospital = shown_stays = first = None
    if stays is not None:
        there = cells_of(_rows(stays, own).assign(activity="all"))
        first = firm_poles(there, minimum=MINIMUM).get("all")
        hospital, shown_stays = first_places(there, secrecy=door)
        hospital, shown_stays = (
            each[each["scope"] == "all"].reset_index(drop=True) for each in (hospital, shown_stays)
        )
    second = _stability(stability, own)
    home, towards = _home(zoning, own, rows, door)
    moves = _moves(zoning, flows, own, names=names, second=second, neighbours=neighbours)
    return Card(
        code=own,
        name=str(layer["name"].loc[own]),
        population=None if pd.isna(people) else int(people),
        territories=mine,
        flows=exact,
        hospital=hospital,
        agreement=_agreement(
            own,
            list(firm_poles(cells, minimum=MINIMUM).values())
            if poles is None
            else _poles_of(own, poles),
            first,
            stays=stays is not None,
        ),
        stability=second,
        home=home,
        towards=towards,
        moves=moves,
        shown=Shown(shown, shown_stays, _shown_moves(moves, door), _shown_gap(second, shown)),
        communes=layer,
        names=names,
        secrecy=door,
    )


def commune_code(value: str, communes: gpd.GeoDataFrame) -> str:
    """Return the code of a commune of a layer given by its code, or by its name if it is unique.

    Raises
    ------
    CodeError
        If there is none, with the nearest names; or several, with their codes.
    """
    text = str(value).strip()
    if text in communes.index:
        return text
    repaired = str(codes.repaired(pd.Series([text], dtype="str")).iloc[0])
    if repaired in communes.index:
        return repaired
    names = communes["name"].sort_index()
    wanted = _letters(text)
    plain_names = names.map(_letters)
    same = names.index[plain_names == wanted] if wanted else names.index[:0]
    exact = names.index[names == text]
    same = exact if len(exact) == 1 else same
    if len(same) == 1:
        return str(same[0])
    if len(same):
        listed = ", ".join(f"{names[each]} ({each})" for each in same)
        raise CodeError(fault("commune_homonyms", name=text, values=listed))
    near = difflib.get_close_matches(wanted, plain_names.tolist(), n=3, cutoff=_CLOSE)
    near = near or difflib.get_close_matches(repaired, names.index.tolist(), n=3, cutoff=0.8)
    if not near:
        raise CodeError(fault("commune_unknown", value=text))
    found = [
        each
        for word in near
        for each in ([word] if word in names.index else names.index[plain_names == word])
    ]
    listed = ", ".join(f"{names[each]} ({each})" for each in dict.fromkeys(found))
    raise CodeError(fault("commune_unknown_near", value=text, values=listed))


def _letters(name: str) -> str:
    return plain(name.replace("œ", "oe").replace("Œ", "OE"))


def _rows(flows: Flows, code: str) -> pd.DataFrame:
    """Return the rows of one residence, with bounds."""
    numbered = flows.numbered
    place = int(numbered.places.get_indexer(pd.Index([code]))[0])
    found = np.flatnonzero(numbered.residence == place) if place >= 0 else np.array([], dtype=int)
    table = flows.table.take(found)
    masked = table["masked"] if "masked" in table else pd.Series(0, index=table.index)
    few = Flows(table=table, masked_as=flows.masked_as).bounds() if masked.any() else None
    patients = table["patients"].astype("float64")
    return table.assign(
        group="",
        patients=patients,
        low=patients if few is None else few["low"].to_numpy(dtype="float64"),
        high=patients if few is None else few["high"].to_numpy(dtype="float64"),
    )


def _agreement(code: str, poles: list[str], hospital: str | None, *, stays: bool) -> pd.Series:
    """Class the commune, and compare the pole of its specialists with that of its hospital.

    The rule of `concordance`, which is for whole tables: of one commune this is ten times faster.
    """
    ranked = sorted(Counter(poles).items(), key=lambda each: (-each[1], each[0]))
    matched, activities = (ranked[0][1] if ranked else 0), len(poles)
    unique = len(ranked) == 1 or (len(ranked) > 1 and ranked[1][1] < matched)
    one = [code]
    (klass,) = classes(
        pd.Series([matched], one), pd.Series([activities], one), unique=pd.Series([unique], one)
    )
    known = klass != Concordance.INSUFFICIENT
    found = pd.Series(
        {
            "concordance": klass,
            "pole": ranked[0][0] if known and unique else None,
            "matched": matched,
            "activities": activities,
            "share": matched / activities if known else math.nan,
        },
        name=code,
        dtype="object",
    )
    if stays:
        liberal = None if pd.isna(found["pole"]) else str(found["pole"])
        found["hospital"], found["agreement"] = hospital, _beside(liberal, hospital)
    return found


def _beside(liberal: str | None, hospital: str | None) -> str:
    """Compare two poles, by the rule of `hospital_agreement`, which is for whole tables."""
    if liberal is None or hospital is None:
        kinds = {(True, True): "neither", (True, False): "hospital_only"}
        return kinds.get((liberal is None, hospital is None), "liberal_only")
    coarse = min(len(liberal), len(hospital)) < _CODE_LENGTH
    one, other = codes.department(pd.Series([liberal, hospital], dtype="str"))
    return "agree" if liberal == hospital or (coarse and one == other) else "differ"


def _poles_of(code: str, poles: Poles) -> list[str]:
    own = poles.table["pole"].to_numpy()[poles.table.index.get_level_values("commune") == code]
    return [str(pole) for pole in own if not pd.isna(pole)]


def _stability(stability: Runs | pd.DataFrame | None, code: str) -> pd.Series | None:
    if stability is None:
        return None
    table = stability if isinstance(stability, pd.DataFrame) else stability.communes
    return table.loc[[code]].iloc[0] if code in table.index else None


def _home(zoning: Zoning, code: str, rows: pd.DataFrame, door: Secrecy) -> tuple[str, str | None]:
    """Say in which territory most patients of the commune are seen, shared places by weight."""
    total = round(float(rows["low"].sum()), 6)
    if total < door.threshold:
        return "unknown", None
    member = zoning.membership
    member = member[member["code"].isin(rows["destination"])]
    there = rows.groupby("destination")["patients"].sum()
    cared = member.assign(patients=there.reindex(member["code"]).to_numpy())
    sums = (cared["patients"] * cared["weight"]).groupby(cared["territory"]).sum().round(6)
    outside = round(float(rows["patients"].sum()) - float(sums.sum()), 6)
    greatest = float(sums.max()) if len(sums) else 0.0
    first = sums.index[sums == greatest].tolist()
    own = zoning.labels[code]
    if greatest < outside:
        return "outside", None
    if len(first) != 1:
        return "tied", None
    if first[0] != own:
        return "other", str(first[0])
    return "most" if 2 * greatest > float(rows["patients"].sum()) else "first", str(own)


def _moves(
    zoning: Zoning,
    flows: Flows,
    code: str,
    *,
    names: pd.Series,
    second: pd.Series | None,
    neighbours: pd.DataFrame | None,
) -> pd.DataFrame:
    """Measure each move that might be talked about, in order: neighbours, second, release."""
    graph = zoning.graph
    if neighbours is not None:
        graph = nx.Graph(neighbours[["left", "right"]].itertuples(index=False, name=None))
        graph.add_nodes_from(zoning.communes.index)
    member = zoning.membership
    own = member.loc[member["code"] == code, "territory"].tolist()
    beside = member["code"].isin(list(graph.neighbors(code)))
    kinds: dict[str | None, str] = {}
    for territory in sorted(member.loc[beside, "territory"].unique()):
        kinds[territory] = "neighbour"
    if second is not None and not pd.isna(second["second"]) and second["second"] in names.index:
        kinds[str(second["second"])] = "second"
    for territory in own:
        kinds.pop(territory, None)
        if len(own) > 1:
            kinds[territory] = "shared"
    if own:
        kinds[None] = "release"
    table = transfers(zoning, flows, code, targets=list(kinds), graph=graph)
    table.insert(1, "kind", [kinds[None if pd.isna(each) else each] for each in table["target"]])
    table.insert(4, "name", table["territory"].map(names))
    return table


def _shown_moves(moves: pd.DataFrame, door: Secrecy) -> pd.DataFrame:
    shown = moves.drop(
        columns=[f"{name}_{when}" for name in ("inside", "sent") for when in ("before", "after")]
    )
    patients = {
        when: (
            moves[f"inside_{when}"],
            moves[f"sent_{when}"],
            moves[f"sent_{when}"] - moves[f"inside_{when}"],
        )
        for when in ("before", "after")
    }
    # Of few patients, both shares tell what the commune brings, unless they are rounded more.
    fine = moves[["sent_before", "sent_after"]].max(axis=1) * 10**-_SHARE_DIGITS < door.threshold
    brought = pd.Series(data=False, index=moves.index)
    for before, after in zip(*patients.values(), strict=True):
        brought |= (after - before).abs().map(door.hides).astype("bool")
    for when, counts in patients.items():
        bare = brought & fine
        for count in counts:
            bare |= count.map(door.hides).astype("bool")
        for name in ("li", "leakage"):
            shown[f"{name}_{when}"] = shown[f"{name}_{when}"].mask(bare).round(_SHARE_DIGITS)
    return shown


def _shown_gap(second: pd.Series | None, shown: pd.DataFrame) -> pd.Series | None:
    """Leave the gap between two territories out where figures of the commune are hidden."""
    if second is None:
        return None
    together = shown[shown["scope"] == "all"]
    found = second.astype("object").copy()
    if together["hidden"].any():
        found["flow_gap"] = None
    return found
