"""Reading zonings: EPCI, bassins de vie, on-call sectors, the result of a run, an existing map."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import pandas as pd
import shapely

from territories import codes
from territories._columns import code_column, number_column, text_column, totals_of
from territories._heads import name_list, plain
from territories._keys import marked
from territories._layer_files import is_layer
from territories._layers import attributes_of, read_communes
from territories._tables import Table, columns_of, matched, read_table, row_list, value_list
from territories._words import Sentence
from territories.errors import CodeError, InputError, fault
from territories.export import bare
from territories.reconciliation import Reconciliation
from territories.zoning import Zoning

if TYPE_CHECKING:
    from collections.abc import Mapping

# How INSEE writes that a commune is in no zone of a kind: the sign of any column, and what
# stands for "none" in those that never leave a commune out.
NO_ZONE: Final = re.compile("Z{3,}")
NO_ZONE_OF: Final[Mapping[str, re.Pattern[str]]] = {
    r"aav\d{4}": re.compile("000"),  # out of the attraction of towns
    r"uu\d{4}": re.compile("[0-9][0-9AB]000"),  # out of an urban unit
}

# Columns that are a zoning, as patterns of the name without accents or case.
ZONES: Final = (
    r"(code_|siren_|num_|id_)?(epci|ept|pole_metropolitain)(_\d{4})?",
    r"(code_)?(ze|bv|uu|aav|bpe|tvs|zones?_d?_?emploi|bassins?_de_vie)_?(\d{4})?",
    r"(code_)?(territoires?_de_sante|bassins?|zones?|secteurs?|zonage)(_[a-z0-9_]+)?",
    r"(code_)?(scot|ght|cls|clsm|pnr|petr)(_[a-z0-9_]+)?",
    r"(code_)?(pdsa|pays|canton|canov|cv|arr|arrondissement)(_\d{4})?",
)

# A column of names is not one of codes.
_NAMES: Final = r"(nom|lib|libelle|name)_.*|.*_(nom|libelle|name)"

# The columns of communes.csv that tell the territories of a shared commune, and its weights.
SHARED: Final = (("territoires", "poids_territoires"), ("territories", "territory_weights"))

_WHOLE: Final = 0.01  # weights written with two digits need not sum to 1


def read_zoning(
    path: str | Path,
    *,
    code: str | None = None,
    territory: str | None = None,
    communes: gpd.GeoDataFrame | None = None,
    name: str | None = None,
    population: str | None = None,
    weight: str | None = None,
    sheet: str | None = None,
    layer: str | None = None,
) -> Zoning:
    """Read any zoning of communes: one row says the territory of a commune.

    Parameters
    ----------
    path
        Delimited text, XLSX, ODS or Parquet, or a layer of communes (GeoJSON, GeoPackage,
        Shapefile) whose attributes are read. The ``communes.csv`` of a run is one.
    code, territory
        Columns of the commune's code and of its territory, accents and case aside; found where
        they are not given and only one can be meant.
    communes
        The layer. Communes of the file that it has not are kept in `Zoning.beyond`. Without it, a
        file with outlines is its own layer; else the layer has no outlines: such a zoning can be
        compared with another, neither drawn nor measured.
    name
        Column of the territory's name. Without it, a column named after that of the territory
        (``nom_epci``), or a name that all communes of each territory have alike.
    population
        Column of the inhabitants of the commune, those of the layer come first.
    weight
        Column of the part of the commune in the territory, of a commune that stands in several;
        blank where it stands in one.
    sheet, layer
        Of a workbook, or of a GeoPackage, with several.

    Returns
    -------
    Zoning
        Named by the column of the territory, or by the file where that says nothing. Its `account`
        tells what became of the rows: those that INSEE fills because there is no zone (see
        `NO_ZONE`) are set aside, and their communes uncovered.

    Raises
    ------
    InputError
        With all that is wrong: several columns may be meant, codes that cannot be read, communes
        in two territories without weights, weights that do not sum to 1.
    """
    if isinstance(path, Zoning):
        raise InputError(fault("zoning_path"))
    drawn = is_layer(path)
    raw = attributes_of(path, layer=layer) if drawn else read_table(path, sheet=sheet)
    given = {"code": code, "territory": territory, "territory_name": name}
    given |= {"population": population, "weight": weight}
    columns = _columns(raw, {ours: theirs for ours, theirs in given.items() if theirs is not None})
    optional = ("territory_name", "name", "population", "weight")
    table = matched(raw, ["code", "territory"], optional, columns)
    if drawn and communes is None:
        communes = read_communes(path, columns={"code": table.head("code")}, layer=layer)

    notices = [*table.notices]
    rows, account, faults = _rows(table, notices)
    if not any(each.key.startswith("error.number_") for each in faults):
        faults += _wrong_weights(rows[codes.plausible(rows["code"])], table)
    if faults:
        raise (CodeError if all("code" in each.key for each in faults) else InputError)(*faults)
    if not len(rows):
        raise InputError(fault("zoning_empty", file=table.file, column=table.head("territory")))
    if plain(table.head("territory")) in ("territoire", "territory"):
        rows = _unfolded(rows, raw)
    rows["weight"] /= rows.groupby("code")["weight"].transform("sum")
    names = _names(rows, named=name is not None or "territory_name" in table.heads)
    ground = _bare_layer(rows, table, notices) if communes is None else communes
    inside = rows["code"].isin(ground.index)
    if not inside.any():
        layer_name = str(ground.attrs.get("file", "communes"))
        raise InputError(fault("zoning_elsewhere", file=table.file, layer=layer_name))
    beyond = rows.loc[~inside, ["code", "territory", "weight", "population"]]
    _say_communes(rows[~inside], ground, rows, notices)
    own = plain(table.head("territory"))
    untold = own in ("territory", "territoire", "code_territoire", "zone", "zonage")
    return Zoning(
        communes=ground,
        membership=rows.loc[inside, ["code", "territory", "weight"]],
        names=names,
        name=Path(table.file).stem if untold else table.head("territory"),
        beyond=beyond.sort_values(["code", "territory"], ignore_index=True),
        account=account.noted(*notices),
    )


def _columns(table: Table, given: dict[str, str]) -> dict[str, str]:
    """Find the columns that are meant, ours to theirs."""
    present = [str(each) for each in table.frame.columns]
    found = {}
    for ours, theirs in given.items():
        alike = [each for each in present if plain(each) == plain(theirs)]
        found[ours] = theirs if theirs in present or len(alike) != 1 else alike[0]
    if "territory" not in found:
        found["territory"] = _territory_column(table, present)
    if "territory_name" not in found:
        own = re.sub(r"^(code|siren|num|id)_|_?\d{4}$", "", plain(found["territory"]))
        beside = rf"(nom|lib|libelle|name)_?(du_|de_l_?|de_la_)?{own}|{own}_(nom|name|libelle)"
        alike = [each for each in present if re.fullmatch(beside, plain(each))]
        if len(alike) == 1 and own:
            found["territory_name"] = alike[0]
    return found


def _territory_column(table: Table, present: list[str]) -> str:
    """Find the one column that may be the territory; our own word comes before kinds of zones."""
    zones = [
        each
        for each in present
        if any(re.fullmatch(kind, plain(each)) for kind in ZONES)
        and not re.fullmatch(_NAMES, plain(each))
    ]
    for choices in (columns_of(table, "territory"), zones):
        if len(choices) > 1:
            raise InputError(
                fault(
                    "zoning_columns",
                    file=table.file,
                    values=", ".join(choices),
                    example=choices[0],
                )
            )
        if choices:
            return choices[0]
    found = name_list(present)
    raise InputError(fault("zoning_no_column", file=table.file, found=found))


def _rows(
    table: Table, notices: list[Sentence]
) -> tuple[pd.DataFrame, Reconciliation, list[Sentence]]:
    """Read the rows that put a commune in a territory, and account for the others."""
    account = Reconciliation(file=table.file, sha256=table.sha256, rows_in=len(table.frame))
    totals = totals_of(table, ["code"])
    account = account.set_aside("total", int(totals.sum()), 0)
    frame = table.frame[~totals]
    kept = replace(table, frame=frame)
    code, faults = code_column(kept, "code", notices)
    people = pd.Series(float("nan"), index=frame.index)
    if "population" in frame:
        people, unreadable = number_column(kept, "population")
        if unreadable:
            values = {"column": kept.head("population"), "count": int(people.isna().sum())}
            notices.append(Sentence("notice.zoning_population", values))
    weight = pd.Series(1.0, index=frame.index)
    if "weight" in frame:
        # A blank weight is the whole of a commune that stands on one row.
        told = ~marked(frame["weight"], lambda text: text.str.strip() == "")
        read, wrong = number_column(replace(kept, frame=frame[told]), "weight")
        alone = ~code.duplicated(keep=False) & ~told
        weight = read.reindex(frame.index).mask(alone, 1.0)
        faults += wrong
    territory = text_column(kept, "territory").astype("str").map(bare)
    rows = pd.DataFrame(
        {
            "code": code.astype("str"),
            "territory": territory,
            "weight": weight,
            "population": people,
            **{
                each: text_column(kept, each).astype("str").map(bare)
                for each in ("territory_name", "name")
                if each in frame
            },
        }
    )
    head = plain(kept.head("territory"))
    kinds = [NO_ZONE, *(sign for own, sign in NO_ZONE_OF.items() if re.fullmatch(own, head))]
    empty = territory == ""
    filler = marked(territory, lambda text: text.map(lambda each: _any(kinds, each)).astype(bool))
    account = account.set_aside("no_territory", int(empty.sum()), 0)
    account = account.set_aside("no_zone", int((filler & ~empty).sum()), 0)
    rows = rows[~empty & ~filler]
    if "weight" not in frame:
        twice = rows.duplicated(["code", "territory"])
        account = account.set_aside("duplicate", int(twice.sum()), 0)
        rows = rows[~twice]
    return rows, account, faults


def _unfolded(rows: pd.DataFrame, raw: Table) -> pd.DataFrame:
    """Give the shared communes of our own communes.csv a row for each of their territories."""
    columns = {plain(str(each)): str(each) for each in raw.frame}
    pair = next((pair for pair in SHARED if set(pair) <= set(columns)), None)
    if pair is None:
        return rows
    ids, weights = (
        raw.frame[columns[each]]
        .loc[rows.index]
        .astype("object")
        .fillna("")
        .map(bare)
        .str.split("|")
        for each in pair
    )
    shared = (ids.map(len) > 1) & (ids.map(len) == weights.map(len))
    told = rows[shared].assign(one=ids[shared], weight=weights[shared])
    told = told.explode(["one", "weight"])
    told["weight"] = told["weight"].str.replace(",", ".").astype("float64")
    if "territory_name" in told:  # that of the first of them
        told["territory_name"] = told["territory_name"].where(told["one"] == told["territory"], "")
    told = told.assign(territory=told["one"]).drop(columns="one")
    return pd.concat([rows[~shared], told]).sort_values(["code", "territory"])


def _any(kinds: list[re.Pattern[str]], cell: str) -> bool:
    return any(each.fullmatch(cell) for each in kinds)


def _wrong_weights(rows: pd.DataFrame, table: Table) -> list[Sentence]:
    """Name the communes in several territories without weights, or whose weights do not do."""
    if "weight" not in table.heads:
        twice = rows["code"][rows["code"].duplicated()].drop_duplicates().sort_values()
        values = {"file": table.file, "count": len(twice), "values": value_list(twice)}
        values |= {"column": table.head("code"), "rows": row_list(rows["code"].isin(twice))}
        return [fault("zoning_twice", **values)] if len(twice) else []
    sums = rows.groupby("code")["weight"].sum()
    wrong = set(sums.index[(sums - 1).abs() > _WHOLE]) | set(rows["code"][~(rows["weight"] > 0)])
    values = {"count": len(wrong), "values": value_list(pd.Series(sorted(wrong), dtype="str"))}
    told = {"file": table.file, "column": table.head("weight"), **values}
    return [fault("zoning_weight_sums", **told)] if wrong else []


def _names(rows: pd.DataFrame, *, named: bool) -> dict[str, str]:
    """Find the name of each territory: of its own column, or one that its communes have alike.

    A name beside a code is the commune's where any two communes of a territory differ by it.
    """
    column = "territory_name" if "territory_name" in rows else "name"
    if column not in rows:
        return {}
    told = rows[rows[column] != ""].groupby("territory")[column]
    alike = bool((told.min() == told.max()).all() and (told.size() > 1).any())
    if not named and not alike:
        return {}
    first: pd.Series = told.min()
    return {str(territory): str(name) for territory, name in first.items()}


def _bare_layer(rows: pd.DataFrame, table: Table, notices: list[Sentence]) -> gpd.GeoDataFrame:
    """Make a layer of the communes of a table, without outlines."""
    notices.append(Sentence("notice.zoning_no_outlines"))
    first = rows.sort_values(["code", "territory"]).drop_duplicates("code").set_index("code")
    names = first["name"] if "name" in first else first.index.to_series()
    ground = gpd.GeoDataFrame(
        {"name": names, "population": first["population"]},
        geometry=gpd.GeoSeries([shapely.Polygon()] * len(first), index=first.index),
        crs="EPSG:2154",
    )
    ground.attrs["file"] = table.file
    return ground


def _say_communes(
    outside: pd.DataFrame, ground: gpd.GeoDataFrame, rows: pd.DataFrame, notices: list[Sentence]
) -> None:
    """Say which communes only the file has, and which only the layer has."""
    beyond = outside["code"].drop_duplicates().sort_values()
    if len(beyond):
        notices.append(Sentence("notice.zoning_beyond", {"count": len(beyond)}))
    own = set(codes.department(pd.Series(ground.index.astype("str"))))
    doubtful = beyond[codes.department(beyond).isin(own)]
    if len(doubtful):
        told = {"count": len(doubtful), "values": value_list(doubtful)}
        notices.append(Sentence("notice.zoning_unknown_codes", told))
    absent = pd.Series(ground.index.difference(rows["code"]).astype("str"))
    if len(absent):
        told = {"count": len(absent), "values": value_list(absent)}
        notices.append(Sentence("notice.zoning_not_named", told))
