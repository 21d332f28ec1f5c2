"""Reading files to tell what would be refused, without computing or writing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from territories._cog_files import cog_account, read_cog
from territories._event_files import found_files
from territories._heads import ALIASES, is_ours, name_list, persons
from territories._layer_files import is_layer
from territories._numbers import MASKED_AS
from territories._tables import matched, read_table
from territories.errors import InputError, TerritoriesError, fault
from territories.hospital import read_hospital, read_sites
from territories.pmsi import read_pmsi_codes
from territories.read import account_of, read_bridges, read_communes, read_flows, read_locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from territories._rows import OnUnknown
    from territories._words import Sentence
    from territories.reconciliation import Reconciliation

# The columns that tell a table's kind, the first that all match.
_KINDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("flows", ("residence", "activity", "practitioner", "patients")),
    ("flows", ("residence", "activity", "destination", "patients")),
    ("hospital", ("pmsi_code", "site", "activity", "stays")),
    ("pmsi_codes", ("code", "pmsi_code", "population")),
    ("sites", ("site", "code")),
    ("bridges", ("left", "right")),
    ("locked", ("code", "territory")),
)


def check_files(
    files: Iterable[Path],
    *,
    communes: Path | None = None,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    crs: str | None = None,
    cog_table: Path | None = None,
    residences: Literal["communes", "pmsi"] = "communes",
    on_unknown: OnUnknown = "error",
    masked_as: int = MASKED_AS,
    **options: Any,  # noqa: ANN401 - those of `read_flows`
) -> tuple[list[Reconciliation], list[Sentence]]:
    """Read files of any kind, as a run would.

    Parameters
    ----------
    files
        Layers of communes, flows, stays with their sites and PMSI codes, bridges; the kind is
        found from the columns.
    communes
        The layer the flows are about; default: the layer among the files, if there is one.
    layer, crs
        See `read_communes`.
    residences
        What the residences of flows are; PMSI codes stand for the communes of the correspondence
        among the files.
    columns, cog_table, on_unknown, masked_as, **options
        See `read_flows`.

    Returns
    -------
    list of Reconciliation, list of Sentence
        The account of each file that can be used, and all that would be refused.
    """
    accounts: list[Reconciliation] = []
    kinds, faults = _sorted_by_kind(files, columns, options.get("sheet"))
    if communes is not None and communes not in kinds.get("communes", []):
        kinds.setdefault("communes", []).insert(0, communes)
    if cog_table is not None:
        kinds["cog"] = [cog_table]
    read: dict[str, Any] = {"communes": None, "cog": None}
    flow_options: dict[str, Any] = {**options, "on_unknown": on_unknown, "columns": columns}
    if residences == "pmsi":
        flow_options["pmsi_codes"] = next(iter(kinds.get("pmsi_codes", [])), None)
    stay_options: dict[str, Any] = {
        "on_unknown": "aside" if on_unknown == "aside" else "error",
        "columns": _of(columns, "pmsi_code", "site", "activity", "stays"),
    }
    # In this order: flows are checked against the layer and the communes of France.
    readers: dict[str, Callable[[Path], Reconciliation]] = {
        "cog": lambda path: _cog(path, read),
        "communes": lambda path: _layer(path, read, columns=columns, layer=layer, crs=crs),
        "sites": lambda path: _table(read_sites, path),
        "pmsi_codes": lambda path: _table(read_pmsi_codes, path),
        "bridges": lambda path: _table(read_bridges, path),
        "locked": lambda path: _table(read_locked, path),
        "flows": lambda path: (
            read_flows(
                path,
                communes=read["communes"],
                cog_table=read["cog"],
                masked_as=masked_as,
                **flow_options,
            ).reconciliation
        ),
        "hospital": lambda path: _hospital(
            path,
            kinds,
            communes=read["communes"],
            cog_table=read["cog"],
            masked_as=masked_as,
            **stay_options,
        ),
    }
    for kind, reader in readers.items():
        for path in kinds.get(kind, []):
            try:
                accounts.append(reader(path))
            except TerritoriesError as refusal:
                faults += refusal.faults
    return accounts, faults


def _sorted_by_kind(
    files: Iterable[Path], columns: Mapping[str, str] | None, sheet: str | None
) -> tuple[dict[str, list[Path]], list[Sentence]]:
    """Tell what each file is, and which are nothing that is read."""
    kinds: dict[str, list[Path]] = {}
    faults: list[Sentence] = []
    for path in files:
        try:
            kinds.setdefault(_kind(path, columns, sheet), []).append(path)
        except TerritoriesError as refusal:
            faults += refusal.faults
    return kinds, faults


def _kind(path: Path, columns: Mapping[str, str] | None, sheet: str | None) -> str:
    """Tell what a file is by its content; flows where nothing matches, whose faults say most."""
    if path.is_dir() or not is_layer(path):
        _refuse_events(path)
    if is_layer(path):
        return "communes"
    try:
        table = read_table(path, columns=columns, sheet=sheet)
    except InputError:
        if sheet is None:
            raise
        table = read_table(path, columns=columns)  # another workbook than that of the flows
    for kind, needed in _KINDS:
        try:
            matched(table, needed, (), _of(columns, *needed))
        except InputError:
            continue
        return kind
    return "flows"


def _refuse_events(path: Path) -> None:
    """Refuse events before they are read: they may be hundreds of millions."""
    try:
        found = found_files(path).columns
    except InputError:  # something else, or nothing that can be read
        return
    tells = {ours for ours in ALIASES if any(is_ours(ours, name) for name in found)}
    person = path.is_dir() or bool(persons(found)) or {"patient", "date"} <= tells
    if person and tells & {"residence", "snds_department"}:
        values = {"file": path.name, "path": str(path), "found": name_list(found)}
        raise InputError(fault("check_events", **values))


def _of(columns: Mapping[str, str] | None, *ours: str) -> dict[str, str]:
    return {name: theirs for name, theirs in (columns or {}).items() if name in ours}


def _cog(path: Path, read: dict[str, Any]) -> Reconciliation:
    read["cog"] = read_cog(path)
    return cog_account(read["cog"])


def _layer(
    path: Path,
    read: dict[str, Any],
    *,
    columns: Mapping[str, str] | None,
    layer: str | None,
    crs: str | None,
) -> Reconciliation:
    ours = _of(columns, "code", "name", "population")
    read["communes"] = read_communes(path, columns=ours, layer=layer, crs=crs)
    account: Reconciliation = read["communes"].attrs["reconciliation"]
    return account


def _hospital(path: Path, kinds: Mapping[str, list[Path]], **options: Any) -> Reconciliation:  # noqa: ANN401
    sites, cover = kinds.get("sites", []), kinds.get("pmsi_codes", [])
    if not sites:
        raise InputError(fault("hospital_incomplete"))
    pmsi_codes = cover[0] if cover else None
    return read_hospital(path, sites=sites[0], pmsi_codes=pmsi_codes, **options).reconciliation


def _table(reader: Callable[[Path], object], path: Path) -> Reconciliation:
    reader(path)
    return account_of(path)
