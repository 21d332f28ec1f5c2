"""What a run is asked, and the reading of its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, StrictBool, StrictInt

from territories._coding import Arrondissements
from territories._cog_files import cog_account, read_cog
from territories._extract import Dash, Duplicates
from territories._numbers import MASKED_AS
from territories._rows import OnUnknown
from territories._words import Language, Sentence
from territories.errors import InputError, fault
from territories.hospital import read_hospital
from territories.pmsi import Rule
from territories.read import account_of, read_bridges, read_communes, read_flows, read_locked

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd
    import pandas as pd

    from territories.cog import CogTable
    from territories.communes import Bridges
    from territories.flows import Flows
    from territories.reconciliation import Reconciliation
from territories.supply import read_supply


class Settings(BaseModel):
    """What a run is asked: the inputs and the parameters, as on the command line.

    Names and meanings are those of `read_flows`, `read_hospital`, `delineate` and `runs_of`;
    `locked` may be a table of codes and territories (see `read_locked`), and with `runs` of 0
    stability is not worked out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    communes: Path
    flows: Path
    hospital: Path | None = None
    sites: Path | None = None
    pmsi_codes: Path | None = None
    bridges: Path | None = None
    cog: StrictInt | None = None
    cog_table: Path | None = None
    columns: dict[str, str] = {}
    activities: dict[str, list[str]] = {}
    activity: str | None = None
    allow_new: bool = False
    year: str | None = None
    period: str | None = None
    hospital_period: str | None = None
    duplicates: Duplicates = "error"
    dash: Dash = "masked"
    masked_as: StrictInt = MASKED_AS
    arrondissements: Arrondissements = "city"
    residences: Literal["communes", "pmsi"] = "communes"
    sheet: str | None = None
    layer: str | None = None
    crs: str | None = None
    territories: StrictInt | None = None
    resolution: float | None = None
    min_population: StrictInt | None = 20_000
    max_population: StrictInt | None = None
    together: list[list[str]] = []
    apart: list[list[str]] = []
    locked: Path | dict[str, str] | None = None
    professionals: Path | None = None
    poles: list[str] | None = None
    method: str = "leiden"
    options: dict[str, Any] = {}
    contiguous: StrictBool = True
    weights: Literal["volume", "equal", "dominance", "concordance"] | dict[str, float] = "volume"
    allocation: Rule = "population"
    hospital_weight: float | None = None
    on_unknown: OnUnknown = "error"
    runs: StrictInt = 100
    seed: StrictInt = 0
    lang: Language = "fr"
    title: str | None = None
    note: str | None = None


# The settings that name a file which is read as it is, in the order of the accounts.
TABLES = ("sites", "pmsi_codes", "bridges", "locked", "professionals")


@dataclass(frozen=True, repr=False)
class Inputs:
    """The files of a run, read.

    Parameters
    ----------
    communes
        The layer.
    flows
        Flows of the specialists: located, suburbs grouped into poles.
    stays
        Flows of the hospital, grouped in the same way.
    bridges
        Pairs of communes joined although they do not touch.
    locked
        Territory by code.
    accounts
        What became of the rows of each file.
    """

    communes: gpd.GeoDataFrame
    flows: Flows
    stays: Flows | None
    bridges: Bridges | None
    locked: pd.Series | dict[str, str] | None
    accounts: tuple[Reconciliation, ...]

    @property
    def patients(self) -> float:
        """All patients of the specialists who live in the layer."""
        table = self.flows.table
        return float(table.loc[table["residence"].isin(self.communes.index), "patients"].sum())


def read_inputs(settings: Settings, *, tell: Callable[[str], None] = lambda _: None) -> Inputs:
    """Read the files of a run, place the practitioners and gather suburbs into poles.

    Parameters
    ----------
    settings
        Inputs and parameters.
    tell
        Called with the name of each stage as it begins.

    Raises
    ------
    InputError
        If a file, or what goes with another, is missing or refused.
    """
    faults = _missing_files(settings)
    if settings.runs < 0:
        faults.append(fault("runs_negative", value=settings.runs))
    if faults:
        raise InputError(*faults)
    tell("communes")
    cog = None if settings.cog_table is None else read_cog(settings.cog_table)
    communes = read_communes(
        settings.communes,
        cog=settings.cog if cog is None else None,
        columns=_columns(settings, "code", "name", "population"),
        layer=settings.layer,
        crs=settings.crs,
    )
    missing = communes.index[communes["population"].isna()]
    if len(missing):
        values = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")  # noqa: PLR2004
        raise InputError(
            fault(
                "population_for_run", file=communes.attrs["file"], count=len(missing), values=values
            )
        )
    bridges: Bridges | None = None if settings.bridges is None else read_bridges(settings.bridges)
    locked = read_locked(settings.locked) if isinstance(settings.locked, Path) else settings.locked
    tell("flows")
    flows = read_flows(
        settings.flows,
        cog_table=cog,
        communes=communes,
        **flow_options(settings),
    )
    tell("hospital")
    stays = None
    if settings.hospital is not None and settings.sites is not None:
        stays = read_hospital(
            settings.hospital,
            sites=settings.sites,
            pmsi_codes=settings.pmsi_codes,
            communes=communes,
            allocation=settings.allocation,
            cog_table=cog,
            on_unknown="aside" if settings.on_unknown == "aside" else "error",
            masked_as=settings.masked_as,
            period=settings.hospital_period,
            columns=_columns(settings, "pmsi_code", "site", "activity", "stays"),
        )
    tell("poles")
    flows = _counted(flows.located(), settings, cog).grouped()
    if stays is not None and flows.grouping is not None:
        stays = stays.grouped(flows.grouping)
    account = flows.reconciliation
    if stays is not None and settings.hospital_weight is not None:
        weight = {"weight": settings.hospital_weight}
        account = account.noted(Sentence("notice.hospital_in_graph", weight))
    accounts = [communes.attrs["reconciliation"], account]
    if stays is not None:
        accounts.append(stays.reconciliation.noted(*_periods(flows, stays)))
    tables = (getattr(settings, name) for name in TABLES)
    accounts += [account_of(path) for path in tables if isinstance(path, Path)]
    accounts += [] if cog is None else [cog_account(cog)]
    return Inputs(communes, flows, stays, bridges, locked, tuple(accounts))


def _periods(flows: Flows, stays: Flows) -> list[Sentence]:
    """Say that liberal care and hospital are of two periods, or may be."""
    values = {"flows": flows.period, "stays": stays.period}
    if None in values.values():
        return [Sentence("notice.period_unknown")]
    return [Sentence("notice.periods_differ", values)] if flows.period != stays.period else []


def _missing_files(settings: Settings) -> list[Sentence]:
    """Tell which files go with others that are not given."""
    if settings.hospital is not None:
        return [] if settings.sites is not None else [fault("hospital_incomplete")]
    alone = [
        name
        for name in ("sites", "pmsi_codes", "hospital_weight")
        if getattr(settings, name) is not None
        and not (name == "pmsi_codes" and settings.residences == "pmsi")
    ]
    options = ", ".join(f"--{name.replace('_', '-')}" for name in alone)
    return [fault("hospital_missing", options=options)] if alone else []


def _counted(flows: Flows, settings: Settings, cog: CogTable | None) -> Flows:
    """Tell how many practise in each place, where the flows do not and a table does."""
    if settings.professionals is None:
        return flows
    if flows.professionals is not None:
        raise InputError(fault("professionals_known", file=str(settings.professionals)))
    return flows.with_professionals(
        read_supply(
            settings.professionals,
            communes=flows.communes,
            activities=settings.activities,
            cog_table=cog,
            on_unknown="aside" if settings.on_unknown == "aside" else "error",
        )
    )


def roles(settings: Settings) -> list[str]:
    """Name the inputs of a run, in the order of its accounts."""
    names = ("communes", "flows", "hospital", *TABLES, "cog_table")
    return [name for name in names if isinstance(getattr(settings, name), Path)]


def ground_options(settings: Settings, inputs: Inputs) -> dict[str, Any]:
    """Return the options of `attraction_network` that the settings tell."""
    weighted = settings.hospital_weight is not None and inputs.stays is not None
    return {
        "weights": settings.weights,
        "hospital": inputs.stays if weighted else None,
        "hospital_weight": settings.hospital_weight or 0.0,
        "bridges": inputs.bridges,
    }


def wished(settings: Settings, inputs: Inputs) -> dict[str, Any]:
    """Return the options of `delineate` that say what a division must keep to."""
    return {
        "population": (settings.min_population or None, settings.max_population or None),
        "together": settings.together,
        "apart": settings.apart,
        "locked": inputs.locked,
        "poles": settings.poles,
    }


def flow_options(settings: Settings) -> dict[str, Any]:
    """Return the options of `read_flows` that the settings tell."""
    names = (
        *("cog", "on_unknown", "activity", "activities", "allow_new", "year", "period"),
        *("duplicates", "dash", "masked_as", "arrondissements", "allocation", "sheet"),
    )
    pmsi = settings.pmsi_codes if settings.residences == "pmsi" else None
    columns = _columns(
        settings,
        *("residence", "activity", "practitioner", "destination", "patients"),
        *("amount", "department", "year"),
    )
    return {name: getattr(settings, name) for name in names} | {
        "pmsi_codes": pmsi,
        "columns": columns,
    }


def _columns(settings: Settings, *ours: str) -> dict[str, str]:
    """Keep the mapping of the columns that one file can have."""
    return {name: theirs for name, theirs in settings.columns.items() if name in ours}
