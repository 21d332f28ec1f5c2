"""The job of `territories events`: care events added up to a file of flows, exact or masked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from territories._cog_files import cog_account, read_cog
from territories._flow_files import write_flows
from territories._masked_copy import masked_copy
from territories._writing import whole_files
from territories.errors import InputError, fault
from territories.events import events_to_flows
from territories.read import account_of, read_communes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import geopandas as gpd

    from territories._engine import Tell
    from territories._words import Sentence
    from territories.flows import Flows
    from territories.reconciliation import Reconciliation

ADDED_STAGES: Final = (
    *("communes", "events_engine", "events_files", "events_values", "events_cells"),
    *("events_places", "files"),
)

_LAYER: Final = ("code", "name", "population")


@dataclass(frozen=True, repr=False)
class AddedUp:
    """What became of events.

    Parameters
    ----------
    flows
        Exact.
    accounts
        What became of the rows of each file.
    hidden
        How many cells the copy hides; None where the file is exact.
    """

    flows: Flows
    accounts: tuple[Reconciliation, ...]
    hidden: int | None


def account_file(out: Path) -> Path:
    """Name the account that stands beside a file of flows."""
    return out.with_suffix(".reconciliation.json")


def refuse_flow_file(out: Path, inputs: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse before the long work what could not be written after it.

    Parameters
    ----------
    out
        File of flows.
    inputs
        Files and folders that are read.
    overwrite
        Replace an earlier result.
    """
    faults: list[Sentence] = []
    if out.suffix.lower() != ".parquet":
        faults.append(fault("flows_suffix", file=str(out)))
    elif not out.parent.is_dir():
        faults.append(fault("output_no_folder", file=str(out), folder=str(out.parent)))
    for file in (out, account_file(out)):
        if faults:
            break  # one says it all
        if file.is_dir():
            faults.append(fault("output_is_folder", file=str(file)))
        elif any(_covers(each, file) for each in inputs):
            faults.append(fault("output_is_input", file=str(file)))
        elif file.exists() and not overwrite:
            faults.append(fault("output_file_exists", file=str(file)))
    if faults:
        raise InputError(*faults)


def _covers(given: Path, file: Path) -> bool:
    """Tell whether a file is an input, or would be one of its folder's the next time."""
    place, root = file.resolve(), given.resolve()
    return place == root or (given.is_dir() and place.is_relative_to(root))


def add_up(
    sources: Sequence[Path],
    out: Path,
    *,
    communes: Path | None = None,
    masked: bool = False,
    overwrite: bool = False,
    columns: Mapping[str, str] | None = None,
    cog: int | None = None,
    cog_table: Path | None = None,
    pmsi_codes: Path | None = None,
    layer: str | None = None,
    crs: str | None = None,
    tell: Tell,
    **options: Any,  # noqa: ANN401 - those of `events_to_flows`
) -> AddedUp:
    """Add events up, and write their flows with the account beside them, both or none.

    Parameters
    ----------
    sources
        Files and folders of events.
    out
        File of flows, in Parquet.
    communes, layer, crs
        The layer the flows are about, see `read_communes`.
    masked
        Write the copy that may leave (see `masked_copy`) instead of the exact flows.
    overwrite
        Replace an earlier result.
    columns, cog, cog_table, pmsi_codes, **options
        See `events_to_flows`.
    tell
        Called with the name of each stage (of `ADDED_STAGES`) as it begins, and how far it is.

    Raises
    ------
    InputError
        If something is refused, or cannot be written.
    """
    tell("communes")
    given = dict(columns or {})
    table = None if cog_table is None else read_cog(cog_table)
    shapes: gpd.GeoDataFrame | None = None
    if communes is not None:
        shapes = read_communes(
            communes,
            cog=cog if table is None else None,
            columns={ours: theirs for ours, theirs in given.items() if ours in _LAYER},
            layer=layer,
            crs=crs,
        )
    flows = events_to_flows(
        sources[0] if len(sources) == 1 else list(sources),
        communes=shapes,
        columns={ours: theirs for ours, theirs in given.items() if ours not in _LAYER},
        cog=cog,
        cog_table=table,
        pmsi_codes=pmsi_codes,
        tell=tell,
        **options,
    )
    accounts = [] if shapes is None else [shapes.attrs["reconciliation"]]
    accounts.append(flows.reconciliation)
    accounts += [] if pmsi_codes is None else [account_of(pmsi_codes)]
    accounts += [] if table is None else [cog_account(table)]
    tell("files")
    record = json.dumps([each.record() for each in accounts], ensure_ascii=False, indent=2)
    with whole_files(out, account_file(out), overwrite=overwrite) as (draft, beside):
        hidden = _write(flows, draft, masked=masked)
        beside.write_text(record + "\n", encoding="utf-8", newline="\n")
    return AddedUp(flows, tuple(accounts), hidden)


def _write(flows: Flows, draft: Path, *, masked: bool) -> int | None:
    if not masked:
        write_flows(flows, draft)
        return None
    copy, hidden = masked_copy(flows)
    copy.to_parquet(draft, index=False)
    return hidden
