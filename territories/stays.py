"""Hospital stays, line by line: added up to flows by an engine, on a laptop or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from territories._cog_files import read_cog
from territories._engines import opened_engine
from territories._event_summary import wanted_years
from territories._numbers import MASKED_AS, MOST_MASKED
from territories._stay_cells import flows_of_cells, listed_sites
from territories._stay_lines import stay_cells
from territories._stay_values import StayLines
from territories.errors import InputError, fault, of_kind, one_of
from territories.pmsi import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import geopandas as gpd
    import ibis.expr.types as ir

    from territories.cog import CogTable
    from territories.flows import Flows

PathLike = str | Path


def stays_to_flows(
    source: PathLike | Sequence[PathLike] | ir.Table,
    *,
    sites: PathLike,
    pmsi_codes: PathLike | None = None,
    backend: Any = "duckdb",  # noqa: ANN401 - a name, or any connection of ibis
    columns: Mapping[str, str] | None = None,
    communes: gpd.GeoDataFrame | None = None,
    allocation: Rule = "population",
    whole: bool = False,
    cog_table: PathLike | CogTable | None = None,
    on_unknown: Literal["error", "aside"] = "error",
    activity: str | None = None,
    period: int | str | None = None,
    masked_as: int = MASKED_AS,
    memory: str = "2GB",
    spill: PathLike | None = None,
    master: str | None = None,
) -> Flows:
    """Add hospital stays up to flows between communes.

    Each line is a stay (an RSA) of somebody of a geographic code (`pmsi_code`) at a `site`, with
    its `ghm`, and its `activity`, `date` or `year` and identifier (`stay`) where known. A line with
    a number of `stays`, which may be masked, counts as that many. The result is what
    `read_hospital` makes of the table of their sums.

    By their GHM, sessions (CMD 28: chemotherapy, dialysis…) and groups in error (CMD 90) are set
    aside. Lines that repeat a stay of a site are counted once, and so is a stay that a juridical
    entity and one of its sites sent. Without identifiers, entities are compared with their sites as
    in `read_hospital`.

    Parameters
    ----------
    source
        Parquet or CSV: a file, several, or a folder of them (also ``annee=2023/``…); the name of a
        table of `backend`, where that is a connection; or a table of ibis.
    sites
        The commune of each site; with the column `finess_ej`, the juridical entity of each.
    pmsi_codes
        Which communes each PMSI code covers, with their population; None: codes are communes.
    backend
        ``"duckdb"``: embedded, in this process. ``"spark"``: a session of Spark, here or at
        `master` (``pip install territories[spark]``). Or a connection of ibis.
    columns
        Ours to theirs, for columns whose names are not recognised. An identifier of stays (`stay`)
        tells one stay of a site from another within a year, and is the same where an entity and
        its site sent the same stay.
    communes
        The layer the flows are about.
    allocation, whole
        How the stays of a code that covers several communes are shared, see `read_hospital`.
    cog_table
        The communes of `sites` and `pmsi_codes` are brought to the year of the layer.
    on_unknown
        ``"error"`` refuses unknown sites and PMSI codes and lines without GHM, date or identifier
        where there is such a column; ``"aside"`` sets them aside.
    activity
        The one of all stays. Without it, and without a column of activities, a stay's activity is
        the category of its GHM, such as ``"CMD 05"`` (which a spreadsheet does not make a number).
    period
        Keep the stays of a year or of several, ``"2023"`` or ``"2021-2023"``; others are set aside.
    masked_as
        What a masked number of stays counts as.
    memory
        The most the engine may hold; what does not fit is written to a private folder.
    spill
        Folder below which that one is made; the system's temporary one by default.
    master
        Address of Spark.

    Returns
    -------
    Flows
        Of stays, located; the same, to the last byte, on each engine and in any order of the rows.
        See `read_hospital`.

    Raises
    ------
    CodeError
        If a site is unknown, or a PMSI code of a department of the layer is.
    InputError
        One message with all that is wrong with the source; or what the engine cannot do.
    """
    one_of("allocation", allocation, get_args(Rule))
    one_of("on_unknown", on_unknown, ("error", "aside"))
    if not 1 <= masked_as <= MOST_MASKED:
        raise InputError(fault("masked_as", value=repr(masked_as), most=MOST_MASKED))
    if communes is not None:
        of_kind("GeoDataFrame", communes=communes)
    cog_read = read_cog(cog_table) if isinstance(cog_table, str | Path) else cog_table
    lines = StayLines(
        columns=dict(columns or {}),
        activity=activity,
        years=wanted_years(period),
        masked_as=masked_as,
        strict=on_unknown == "error",
    )
    listed = listed_sites(sites)
    with opened_engine(backend, source=source, memory=memory, spill=spill, master=master) as engine:
        cells, years = stay_cells(engine, source, lines, listed.entities)
    return flows_of_cells(
        cells,
        sites=listed,
        pmsi_codes=pmsi_codes,
        communes=communes,
        allocation=allocation,
        whole=whole,
        cog_table=cog_read,
        on_unknown=on_unknown,
        masked_as=masked_as,
        period=years,
    )
