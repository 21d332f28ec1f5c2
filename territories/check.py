"""Reading files to tell what would be refused, without computing or writing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from territories._tables import matched, read_table
from territories.errors import InputError, TerritoriesError, fault
from territories.hospital import read_hospital, read_pmsi_codes, read_sites
from territories.read import (
    OnUnknown,
    account_of,
    read_bridges,
    read_communes,
    read_flows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import geopandas as gpd

    from territories._words import Sentence
    from territories.flows import Reconciliation

_LAYERS: Final = (".geojson", ".json", ".gpkg", ".shp")

# The columns that tell a table's kind, the first that all match.
_KINDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("flows", ("residence", "activity", "practitioner", "patients")),
    ("flows", ("residence", "activity", "destination", "patients")),
    ("hospital", ("pmsi_code", "site", "activity", "stays")),
    ("pmsi_codes", ("code", "pmsi_code", "population")),
    ("sites", ("site", "code")),
    ("bridges", ("left", "right")),
)


def check_files(
    files: Iterable[Path],
    *,
    communes: Path | None = None,
    cog_table: Path | None = None,
    on_unknown: OnUnknown = "error",
    columns: Mapping[str, str] | None = None,
) -> tuple[list[Reconciliation], list[Sentence]]:
    """Read files of any kind, as a run would.

    Parameters
    ----------
    files
        Layers of communes, flows, stays with their sites and PMSI codes, bridges; the kind is
        found from the columns.
    communes
        The layer the flows are about; default: the layer among the files, if there is one.
    cog_table, on_unknown, columns
        See `read_flows`.

    Returns
    -------
    list of Reconciliation, list of Sentence
        The account of each file that can be used, and all that would be refused.
    """
    accounts: list[Reconciliation] = []
    faults: list[Sentence] = []
    kinds: dict[str, list[Path]] = {}
    for path in files:
        try:
            kinds.setdefault(_kind(path, columns), []).append(path)
        except TerritoriesError as refusal:
            faults += refusal.faults
    if communes is not None and communes not in kinds.get("communes", []):
        kinds.setdefault("communes", []).insert(0, communes)
    layer: gpd.GeoDataFrame | None = None
    # Communes first: flows are checked against them.
    for kind in ("communes", *dict.fromkeys(kind for kind, _ in _KINDS)):
        for path in kinds.get(kind, []):
            try:
                if kind == "communes":
                    layer = read_communes(path, columns=_of(columns, "code", "name", "population"))
                    accounts.append(layer.attrs["reconciliation"])
                elif kind == "flows":
                    flows = read_flows(
                        path,
                        columns=columns,
                        cog_table=cog_table,
                        communes=layer,
                        on_unknown=on_unknown,
                    )
                    accounts.append(flows.reconciliation)
                elif kind == "hospital":
                    accounts.append(_hospital(path, kinds, layer, columns))
                else:
                    accounts.append(_table(kind, path))
            except TerritoriesError as refusal:
                faults += refusal.faults
    return accounts, faults


def _kind(path: Path, columns: Mapping[str, str] | None) -> str:
    """Tell what a file is by its columns; flows where none match, whose faults say most."""
    if path.suffix.lower() in _LAYERS:
        return "communes"
    table = read_table(path)
    for kind, needed in _KINDS:
        try:
            matched(table, needed, (), _of(columns, *needed))
        except InputError:
            continue
        return kind
    return "flows"


def _of(columns: Mapping[str, str] | None, *ours: str) -> dict[str, str]:
    return {name: theirs for name, theirs in (columns or {}).items() if name in ours}


def _hospital(
    path: Path,
    kinds: Mapping[str, list[Path]],
    layer: gpd.GeoDataFrame | None,
    columns: Mapping[str, str] | None,
) -> Reconciliation:
    sites, cover = kinds.get("sites", []), kinds.get("pmsi_codes", [])
    if not sites:
        raise InputError(fault("hospital_incomplete"))
    stays = read_hospital(
        path,
        sites=sites[0],
        pmsi_codes=cover[0] if cover else None,
        communes=layer,
        columns=_of(columns, "pmsi_code", "site", "stays"),
    )
    return stays.reconciliation


def _table(kind: str, path: Path) -> Reconciliation:
    {"bridges": read_bridges, "pmsi_codes": read_pmsi_codes, "sites": read_sites}[kind](path)
    return account_of(path)
