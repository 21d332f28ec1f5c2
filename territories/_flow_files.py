"""Located flows kept in a file, exact: working data, read back as it was, never published."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from territories import codes
from territories._tables import value_list
from territories._words import Sentence, say
from territories._writing import refuse_incomplete, whole_file
from territories.errors import CodeError, InputError, fault, of_kind
from territories.flows import Flows
from territories.reconciliation import Reconciliation, count

if TYPE_CHECKING:
    import geopandas as gpd

_KEYS: Final = ("residence", "activity", "destination")
_MEASURES: Final = {
    "patients": (pa.int64(), pa.float64()),
    "amount": (pa.float64(), pa.int64()),
    "masked": (pa.int64(), pa.float64()),
}

# What the footer of the file says of it.
_MARK: Final = b"territories.flows"
_PROFESSIONALS: Final = b"territories.professionals"
_PRACTICES: Final = b"territories.practices"
_CONFIDENTIAL: Final = b"confidential"
_VERSION: Final = 1


def write_flows(flows: Flows, path: str | Path, *, overwrite: bool = False) -> None:
    """Write located flows as Parquet, to be read back by `read_flows` as they are.

    The figures are exact: the file is confidential working data, like the extract it comes from.
    It says so in its footer, and only its owner may read it. No practitioner is named in it:
    it tells how many practise in each place, for the rule of disclosure, and how far one may trust
    where each of them was put.

    Parameters
    ----------
    flows
        Located, see `Flows.located`.
    path
        File, ``.parquet``; written whole or not at all. The same flows give the same bytes.
    overwrite
        Replace the file if it is there.

    Raises
    ------
    InputError
        If the flows name practitioners, the file has another suffix, exists, or cannot be written.
    """
    of_kind("Flows", flows=flows)
    if "destination" not in flows.table:
        raise InputError(fault("flows_not_located"))
    if Path(path).suffix.lower() != ".parquet":
        raise InputError(fault("flows_suffix", file=str(path)))
    columns = {name: pa.array(flows.table[name].astype("str"), pa.string()) for name in _KEYS} | {
        name: pa.array(flows.table[name], from_pandas=name == "amount")
        for name in _MEASURES
        if name in flows.table
    }
    table = pa.table(columns).replace_schema_metadata(_footer(flows))
    with whole_file(path, overwrite=overwrite) as draft:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            pa.parquet.write_table(table, file, compression="zstd")


def _footer(flows: Flows) -> dict[bytes, bytes]:
    layer = flows.communes
    told = {
        "version": _VERSION,
        "unit": flows.unit,
        "period": flows.period,
        "cog": flows.cog,
        "masked_as": flows.masked_as,
        "layer": None if layer is None else _hash_of(layer),
        "layer_cog": None if layer is None else layer.attrs.get("cog"),
        "source": {"file": flows.reconciliation.file, "sha256": flows.reconciliation.sha256},
    }
    footer = {
        _MARK: json.dumps(told, sort_keys=True).encode(),
        _CONFIDENTIAL: " / ".join(
            [say("flows_file.note", language="fr"), say("flows_file.note", language="en")]
        ).encode(),
    }
    if flows.professionals is not None:
        frame = flows.professionals.sort_index().rename("number").reset_index()
        footer[_PROFESSIONALS] = _packed(frame.astype({"number": "int64"}))
    if flows.practices is not None:
        # In the order of what is said of each, so that it tells nothing of who they are.
        frame = flows.practices.astype(dict.fromkeys(flows.practices.columns, "object"))
        frame = frame.where(frame.notna(), None)
        order = sorted(range(len(frame)), key=[*map(repr, frame.to_numpy().tolist())].__getitem__)
        footer[_PRACTICES] = _packed(frame.iloc[order])
    return footer


def _packed(frame: pd.DataFrame) -> bytes:
    content = json.dumps(frame.to_dict(orient="list"))
    return base64.b64encode(zlib.compress(content.encode(), 9))


def _unpacked(content: bytes) -> pd.DataFrame:
    return pd.DataFrame(json.loads(zlib.decompress(base64.b64decode(content))))


def _hash_of(layer: gpd.GeoDataFrame) -> str:
    return hashlib.sha256("\n".join(sorted(layer.index.astype("str"))).encode()).hexdigest()


@dataclass(frozen=True, repr=False)
class Written:
    """Flows that `write_flows` wrote, and what their file says of them."""

    table: pd.DataFrame
    told: dict[str, Any]
    professionals: pd.Series | None
    practices: pd.DataFrame | None
    file: str
    sha256: str


def written(path: str | Path) -> Written | None:
    """Read a file of `write_flows`; None if it is any other, or one that was changed since."""
    place = Path(path)
    refuse_incomplete(place)
    try:
        with place.open("rb") as handle:
            if handle.read(4) != b"PAR1":
                return None
            with pa.parquet.ParquetFile(handle) as book:
                table = book.read() if _MARK in (book.schema_arrow.metadata or {}) else None
    except (pa.ArrowException, OSError, ValueError):
        return None  # said as for any other file
    if table is None or not _is_whole(table.schema):
        return None
    footer = table.schema.metadata
    told = json.loads(footer[_MARK])
    if told["version"] != _VERSION:
        raise InputError(fault("flows_version", file=place.name))
    professionals = None
    if _PROFESSIONALS in footer:
        frame = _unpacked(footer[_PROFESSIONALS])
        frame = frame.astype({"activity": "str", "destination": "str"})
        professionals = frame.set_index(["activity", "destination"])["number"]
        professionals = professionals.astype("int64").rename("professionals")
    practices = _practices(footer[_PRACTICES]) if _PRACTICES in footer else None
    with place.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    frame = table.replace_schema_metadata().to_pandas()
    return Written(
        frame.astype(dict.fromkeys(_KEYS, "str")),
        told,
        professionals,
        practices,
        place.name,
        digest,
    )


def _practices(content: bytes) -> pd.DataFrame:
    """Read the places of practice; practitioners have new numbers, which name nobody."""
    frame = _unpacked(content)
    for name in ("commune", "commune_by_amount"):
        frame[name] = frame[name].astype("str").where(frame[name].notna())
    for name in ("share", "margin"):
        frame[name] = frame[name].astype("float64")
    frame.index = pd.RangeIndex(1, len(frame) + 1).astype("str").rename("practitioner")
    return frame


def _is_whole(schema: pa.Schema) -> bool:
    """Tell whether the columns are still those that were written."""
    names = schema.names
    known = names == [*_KEYS, *(name for name in _MEASURES if name in names)]
    return (
        known
        and "patients" in names
        and all(schema.field(name).type == pa.string() for name in _KEYS)
        and all(schema.field(name).type in _MEASURES[name] for name in names if name in _MEASURES)
    )


def flows_of(
    kept: Written,
    *,
    communes: gpd.GeoDataFrame | None,
    on_unknown: str,
    period: str | None,
    masked_as: int,
) -> Flows:
    """Make flows of what was kept, for a layer of communes.

    Raises
    ------
    InputError
        If their codes are of another year than the layer's, or, where unknown codes are refused,
        the layer lacks some of its own departments.
    """
    told = kept.told
    account = Reconciliation(
        file=kept.file,
        sha256=kept.sha256,
        unit=told["unit"],
        rows_in=len(kept.table),
        patients_in=count(kept.table["patients"]),
        notices=(Sentence("notice.flows_written", {"file": told["source"]["file"]}),),
    )
    table = kept.table
    if communes is not None and told["layer"] != _hash_of(communes):
        year = communes.attrs.get("cog")
        if None not in (year, told["layer_cog"]) and year != told["layer_cog"]:
            values = {"flows": str(told["layer_cog"]), "layer": str(year)}
            raise InputError(fault("flows_layer_year", file=kept.file, **values))
        table, account = _of_layer(kept, communes, account, on_unknown)
    if "masked" in table and masked_as != told["masked_as"]:
        more = (masked_as - told["masked_as"]) * table["masked"]
        table = table.assign(patients=table["patients"] + more)
    return Flows(
        table=table,
        communes=communes,
        reconciliation=account,
        practices=kept.practices,
        professionals=kept.professionals,
        unit=told["unit"],
        cog=told["cog"],
        masked_as=masked_as,
        period=told["period"] if period is None else period,
    )


def _of_layer(
    kept: Written, communes: gpd.GeoDataFrame, account: Reconciliation, on_unknown: str
) -> tuple[pd.DataFrame, Reconciliation]:
    """Compare codes with a layer that is not the one they were counted for."""
    table = kept.table
    here = set(codes.department(pd.Series(communes.index.astype("str"))))
    faults = []
    for name in ("residence", "destination"):
        once = pd.Series(table[name].unique(), dtype="str")
        own = codes.plausible(once) & codes.department(once).isin(here)
        unknown = once[own & ~once.isin(communes.index)].sort_values()
        rows = table[name].isin(unknown)
        if on_unknown == "error" and len(unknown):
            values = {"column": name, "count": len(unknown), "values": value_list(unknown)}
            layer = str(communes.attrs.get("file", "communes"))
            faults.append(fault("flows_layer_codes", file=kept.file, layer=layer, **values))
        elif on_unknown == "aside" and rows.any():
            patients = count(table.loc[rows, "patients"])
            account = account.set_aside(f"unknown_{name}", int(rows.sum()), patients)
            table = table[~rows]
    if faults:
        raise CodeError(*faults)
    return table, account
