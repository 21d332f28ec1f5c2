"""Reading files: whatever is given is normalised and said so, set aside by reason, or refused."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely

from territories import codes
from territories._tables import (
    Table,
    code_column,
    duplicate_keys,
    empty_cells,
    matched,
    number_column,
    read_table,
    readable,
    row_list,
    value_list,
)
from territories._words import Sentence
from territories.communes import checked, metric
from territories.errors import CodeError, GeometryError, InputError, fault, one_of
from territories.flows import Flows, Reconciliation, count

if TYPE_CHECKING:
    from collections.abc import Mapping

PathLike = str | Path
OnUnknown = Literal["error", "aside", "external"]
_POLYGONS = ("Polygon", "MultiPolygon")


def read_communes(
    path: PathLike,
    *,
    cog: int | None = None,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
) -> gpd.GeoDataFrame:
    """Read a layer of communes: GeoJSON, GeoPackage, Shapefile.

    Parameters
    ----------
    path
        File.
    cog
        Year of the codes, kept in ``attrs["cog"]``.
    columns
        Ours to theirs, for columns whose names are not recognised.
    layer
        Needed where the file has several.

    Returns
    -------
    GeoDataFrame
        Indexed by `code` (text of five characters, in order): `name`, `population` (inhabitants),
        `geometry` in a metric projection. ``attrs["reconciliation"]`` is the account of the file.

    Raises
    ------
    InputError
        If the file cannot be used; the message names file, row, column and the way out.
    """
    place = readable(path)
    table, shapes = _read_layer(place, layer)
    table = matched(table, ["code", "name", "population"], columns=columns)
    notices: list[Sentence] = []
    code, faults = code_column(table, "code", notices)
    population, wrong = number_column(table, "population")
    faults += wrong
    code_twice = code.duplicated(keep=False)
    if code_twice.any():
        faults.append(
            fault(
                "code_twice",
                file=table.file,
                column=table.head("code"),
                rows=row_list(code_twice),
                values=value_list(code[code_twice]),
            )
        )
    if faults:
        raise InputError(*faults)
    communes = gpd.GeoDataFrame(
        {"name": table.frame["name"].str.strip(), "population": population.round().astype("int64")},
        geometry=_mended(shapes, table, code, notices),
        crs=shapes.crs,
    ).set_index(pd.Index(code, name="code"))
    communes.attrs["file"] = table.file
    communes = checked(metric(communes))
    rows = len(communes)
    account = Reconciliation(file=table.file, sha256=table.sha256, rows_in=rows)
    communes.attrs = {
        "file": table.file,
        "cog": cog,
        "reconciliation": account.noted(*notices),
    }
    return communes


def _read_layer(place: Path, layer: str | None) -> tuple[Table, gpd.GeoSeries]:
    """Read attributes as text and geometries; features are numbered from 1."""
    try:
        layers = [str(name) for name in pyogrio.list_layers(place)[:, 0]]
        if layer is None and len(layers) > 1:
            raise InputError(fault("layer_ambiguous", file=place.name, values=", ".join(layers)))
        if layer is not None and layer not in layers:
            raise InputError(
                fault("layer_unknown", file=place.name, layer=layer, values=", ".join(layers))
            )
        # A ring that is not closed comes as no geometry, and is named like one.
        frame = gpd.read_file(
            place, layer=layer or layers[0], engine="pyogrio", on_invalid="ignore"
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as problem:
        raise InputError(fault("not_a_layer", file=place.name)) from problem
    if not isinstance(frame, gpd.GeoDataFrame):
        raise GeometryError(fault("no_geometry", file=place.name))
    if frame.empty:
        raise InputError(fault("no_rows", file=place.name))
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    attributes = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    cells = attributes.apply(lambda column: column.map(_cell))
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    return Table(frame=cells, file=place.name, sha256=digest, heads={}), frame.geometry


def _cell(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _mended(
    shapes: gpd.GeoSeries, table: Table, code: pd.Series, notices: list[Sentence]
) -> gpd.GeoSeries:
    """Mend invalid outlines, keep what is a surface, and say so."""
    if shapes.crs is None:
        raise GeometryError(fault("crs_missing", file=table.file))
    absent = shapes.isna() | shapes.is_empty
    if absent.any():
        raise GeometryError(
            fault(
                "geometry_missing",
                file=table.file,
                rows=row_list(absent),
                values=value_list(code[absent]),
            )
        )
    invalid = ~shapes.is_valid
    if invalid.any():
        notices.append(
            Sentence("notice.geometry_mended", {"values": value_list(code[invalid].sort_values())})
        )
    flat = gpd.GeoSeries(shapely.force_2d(shapes.make_valid().to_numpy()), shapes.index)
    collections = ~flat.geom_type.isin(_POLYGONS)
    flat[collections] = flat[collections].map(_surface)
    return flat.set_crs(shapes.crs)


def _surface(shape: shapely.Geometry) -> shapely.Geometry:
    """Keep the polygons of a collection."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in _POLYGONS]
    return shapely.union_all(parts)


def read_flows(
    path: PathLike,
    *,
    columns: Mapping[str, str] | None = None,
    cog: int | None = None,
    cog_table: PathLike | None = None,
    communes: gpd.GeoDataFrame | None = None,
    on_unknown: OnUnknown = "error",
) -> Flows:
    """Read an extract of flows: residents of communes seen by professionals, or in places.

    Parameters
    ----------
    path
        Delimited text; encoding, separator and French column names are recognised.
    columns
        Ours to theirs, for columns whose names are not recognised.
    cog
        Year of the codes, kept in `Flows.cog`; another year than the layer's is said.
    cog_table
        INSEE's list of communes of that year (``v_commune_AAAA.csv``), against which codes are
        checked.
    communes
        The layer the flows are about.
    on_unknown
        A residence or destination is unknown when it is not a plausible code, or not in
        `cog_table`, or not in `communes` though its department is there. ``"error"`` refuses,
        ``"aside"`` sets the rows aside, ``"external"`` keeps them as places outside the layer.
        Plausible codes of other departments are external and kept.

    Returns
    -------
    Flows
        With `practitioner` or `destination`, as found.

    Raises
    ------
    InputError
        One message with all that is wrong with the file: rows, columns, and what to do.
    """
    one_of("on_unknown", on_unknown, ("error", "aside", "external"))
    raw = read_table(path)
    kind = _kind(raw, columns)
    table = matched(
        raw, ["residence", "activity", kind, "patients"], ["amount", "department"], columns
    )
    notices: list[Sentence] = []
    frame, faults = _flow_columns(table, notices)
    faults += duplicate_keys(table, frame[["residence", "activity", kind]])
    places = [name for name in ("residence", "destination") if name in frame]
    known = _cog_codes(cog_table) if cog_table is not None else None
    unknown = {
        name: codes.by_value(frame[name], lambda code: _unknown(code, communes, known))
        for name in places
    }
    if on_unknown == "error":
        faults += _unknown_faults(table, frame, unknown, communes)
    if faults:
        raise (CodeError if all("code" in each.key for each in faults) else InputError)(*faults)

    if on_unknown == "error" and communes is not None:
        _refuse_another_region(table, frame, communes)
    fractions = frame["patients"] % 1 != 0
    if fractions.any():
        values = {"column": table.head("patients"), "rows": row_list(fractions)}
        notices.append(Sentence("notice.fractions", values))
    else:
        frame["patients"] = frame["patients"].astype("int64")
    account = Reconciliation(
        file=table.file,
        sha256=table.sha256,
        unit="patients",
        rows_in=len(frame),
        patients_in=count(frame["patients"]),
        notices=tuple(notices),
    )
    if on_unknown == "aside":
        for name in places:
            rows = unknown[name].reindex(frame.index)
            lost = frame.loc[rows, "patients"]
            account = account.set_aside(f"unknown_{name}", len(lost), count(lost))
            frame = frame[~rows]
    account = account.noted(*_layer_notices(frame, communes, cog))
    kept = () if communes is None else communes.index
    for name in places:
        frame[name] = codes.by_value(frame[name], partial(codes.to_cities, kept=kept))
    return Flows(table=frame, communes=communes, reconciliation=account, cog=cog)


def _flow_columns(table: Table, notices: list[Sentence]) -> tuple[pd.DataFrame, list[Sentence]]:
    """Read each column of an extract as what it is; collect what is wrong."""
    frame = pd.DataFrame(index=table.frame.index)
    faults: list[Sentence] = []
    for name in table.frame.columns:
        if name in ("residence", "destination"):
            frame[name], wrong = code_column(table, name, notices, plausible=False)
        elif name in ("patients", "amount"):
            frame[name], wrong = number_column(table, name)
            if name == "amount":  # an unknown amount only leaves a tie unbroken
                wrong = [each for each in wrong if each.key != "error.number_empty"]
        elif name == "department":
            frame[name], wrong = _departments(table, notices)
        else:
            frame[name], wrong = table.frame[name].str.strip(), []
        faults += wrong
    return frame, faults + empty_cells(table, ["activity", "practitioner"])


def _departments(table: Table, notices: list[Sentence]) -> tuple[pd.Series, list[Sentence]]:
    """Repair the departments of practice; an empty one is unknown."""
    raw = table.frame["department"]
    department = codes.by_value(raw, codes.repaired_departments)
    changed = department != raw.str.strip()
    if changed.any():
        values = {"count": int(changed.sum()), "column": table.head("department")}
        notices.append(Sentence("notice.departments_repaired", values))
    wrong = ~department.str.fullmatch("[0-9]{2,3}|2[AB]|")
    if not wrong.any():
        return department, []
    return department, [
        fault(
            "department_malformed",
            file=table.file,
            column=table.head("department"),
            count=int(wrong.sum()),
            rows=row_list(wrong),
        )
    ]


def _refuse_another_region(table: Table, frame: pd.DataFrame, communes: gpd.GeoDataFrame) -> None:
    residences = codes.to_cities(pd.Series(frame["residence"].unique()), kept=communes.index)
    if not residences.isin(communes.index).any():
        layer = str(communes.attrs.get("file", "communes"))
        raise InputError(fault("no_common_commune", file=table.file, layer=layer))


def _unknown_faults(
    table: Table,
    frame: pd.DataFrame,
    unknown: Mapping[str, pd.Series],
    communes: gpd.GeoDataFrame | None,
) -> list[Sentence]:
    layer = "" if communes is None else str(communes.attrs.get("file", "communes"))
    return [
        fault(
            "code_unknown",
            file=table.file,
            count=int(rows.sum()),
            column=table.head(name),
            rows=row_list(rows),
            values=value_list(frame.loc[rows, name]),
            layer=layer,
        )
        for name, rows in unknown.items()
        if rows.any()
    ]


def _layer_notices(
    frame: pd.DataFrame, communes: gpd.GeoDataFrame | None, cog: int | None
) -> list[Sentence]:
    """Say what the comparison with the layer shows."""
    if communes is None:
        return []
    notices = []
    year = communes.attrs.get("cog")
    if cog is not None and year is not None and cog != year:
        notices.append(Sentence("notice.cog_differs", {"flows": str(cog), "layer": str(year)}))
    for name, key in (
        ("residence", "notice.clipped_residences"),
        ("destination", "notice.clipped_destinations"),
    ):
        if name in frame:
            places = codes.to_cities(pd.Series(frame[name].unique()), kept=communes.index)
            if places.isin(communes.index).all():
                notices.append(Sentence(key))
    return notices


def _kind(table: Table, columns: Mapping[str, str] | None) -> str:
    """Tell whether the table names practitioners or destinations."""
    found = matched(table, [], ["practitioner", "destination"], columns).frame.columns
    if "destination" in found and "practitioner" not in found:
        return "destination"
    return "practitioner"


def _unknown(
    code: pd.Series, communes: gpd.GeoDataFrame | None, known: set[str] | None
) -> pd.Series:
    city = codes.to_cities(code, kept=() if communes is None else communes.index)
    unknown = ~codes.plausible(code)
    if communes is not None:
        ours = set(codes.department(communes.index.to_series()))
        unknown |= codes.department(code).isin(ours)
        unknown &= ~city.isin(communes.index)
    if known is not None:
        unknown |= ~code.isin(known) & ~city.isin(known)
    return unknown


def _cog_codes(path: PathLike) -> set[str]:
    """Read the codes of INSEE's list of communes: communes and arrondissements, not delegates."""
    raw = read_table(path)
    heads = {str(name).upper(): name for name in raw.frame.columns}
    if "TYPECOM" in heads and "COM" in heads:
        kept = raw.frame[heads["TYPECOM"]].isin(["COM", "ARM"])
        listed = raw.frame.loc[kept, heads["COM"]]
    else:
        listed = codes.repaired(matched(raw, ["code"]).frame["code"])
    return set(listed)


def account_of(path: PathLike) -> Reconciliation:
    """Return the account of a table without flows: its hash and its rows."""
    table = read_table(path)
    return Reconciliation(file=table.file, sha256=table.sha256, rows_in=len(table.frame))


def read_bridges(path: PathLike) -> pd.DataFrame:
    """Read the pairs of communes that are joined although they do not touch.

    Returns
    -------
    DataFrame
        Columns `left` and `right`.
    """
    table = matched(read_table(path), ["left", "right"])
    ends = {name: code_column(table, name, []) for name in ("left", "right")}
    faults = [each for _, wrong in ends.values() for each in wrong]
    if faults:
        raise CodeError(*faults)
    return pd.DataFrame({name: code for name, (code, _) in ends.items()})
