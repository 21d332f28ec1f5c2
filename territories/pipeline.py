"""The main job from end to end: files in, territories with their evidence out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, StrictInt

from territories import __version__
from territories._coding import Arrondissements
from territories._cog_files import cog_account, read_cog
from territories._extract import Dash, Duplicates
from territories._numbers import MASKED_AS
from territories._rows import OnUnknown
from territories._words import Language, Sentence, current_language, using
from territories._writing import whole_folder
from territories.communes import place_names
from territories.concordance import concordance, hospital_agreement
from territories.delineation import CLEAR_INSIDE_SHARE, delineate
from territories.errors import InputError, fault
from territories.evaluation import evaluate
from territories.export import (
    Evidence,
    commune_table,
    outlines,
    territory_table,
    write_csv,
    write_geojson,
    write_gpkg,
)
from territories.hospital import read_hospital
from territories.maps import territory_map
from territories.pmsi import Rule
from territories.poles import dominant_poles
from territories.read import (
    account_of,
    read_bridges,
    read_communes,
    read_flows,
)
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from territories.communes import Bridges
    from territories.flows import Flows
    from territories.reconciliation import Reconciliation
    from territories.zoning import Zoning

FILES: Final = (
    "communes.csv",
    "communes.geojson",
    "map.html",
    "reconciliation.json",
    "run.json",
    "territories.csv",
    "territories.geojson",
    "territories.gpkg",
)

STAGES: Final = (
    "communes",
    "flows",
    "hospital",
    "poles",
    "delineation",
    "measures",
    "map",
    "files",
)

_CODE_LENGTH: Final = 5

Tell = Callable[[str], None]


class Settings(BaseModel):
    """What a run is asked: the inputs and the parameters, as on the command line.

    Names and meanings are those of `read_flows`, `read_hospital` and `delineate`.
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
    method: str = "leiden"
    weights: Literal["volume", "equal"] | dict[str, float] = "volume"
    allocation: Rule = "population"
    hospital_weight: float | None = None
    on_unknown: OnUnknown = "error"
    seed: StrictInt = 0
    lang: Language = "fr"
    title: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Run:
    """Everything a run worked out.

    Parameters
    ----------
    zoning
        The territories.
    evidence
        What is known of the communes: poles, concordance, hospital, flows.
    accounts
        What became of the rows of each input file.
    settings
        What was asked.
    weak
        Territories that the flows hardly hold together, each a sentence.
    """

    zoning: Zoning
    evidence: Evidence
    accounts: tuple[Reconciliation, ...]
    settings: Settings
    weak: tuple[Sentence, ...] = ()


def compute(settings: Settings, *, tell: Tell = lambda _: None) -> Run:
    """Read the inputs and work out poles, concordance and territories. Nothing is written.

    Parameters
    ----------
    settings
        Inputs and parameters.
    tell
        Called with the name of each stage (of `STAGES`) as it begins.

    Raises
    ------
    TerritoriesError
        If an input or a parameter is refused.
    """
    if settings.hospital is not None and settings.sites is None:
        raise InputError(fault("hospital_incomplete"))
    alone = [
        name
        for name in ("sites", "pmsi_codes", "hospital_weight")
        if getattr(settings, name) is not None
        and not (name == "pmsi_codes" and settings.residences == "pmsi")
    ]
    if settings.hospital is None and alone:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in alone)
        raise InputError(fault("hospital_missing", options=options))
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
            columns=_columns(settings, "pmsi_code", "site", "activity", "stays"),
        )
    tell("poles")
    flows = flows.located().grouped()
    poles = dominant_poles(flows)
    agreement = concordance(poles)
    hospital = None
    if stays is not None and flows.grouping is not None:
        stays = stays.grouped(flows.grouping)
        hospital = hospital_agreement(agreement, dominant_poles(stays.together()))
    tell("delineation")
    weighted = settings.hospital_weight is not None and stays is not None
    zoning = delineate(
        flows,
        communes,
        method=settings.method,
        territories=settings.territories,
        resolution=settings.resolution,
        population=(settings.min_population or None, settings.max_population or None),
        weights=settings.weights,
        hospital=stays if weighted else None,
        hospital_weight=settings.hospital_weight or 0.0,
        bridges=bridges,
        seed=settings.seed,
    )
    account = flows.reconciliation
    if weighted:
        account = account.noted(
            Sentence("notice.hospital_in_graph", {"weight": settings.hospital_weight})
        )
    accounts = [communes.attrs["reconciliation"], account]
    if stays is not None:
        accounts.append(stays.reconciliation)
    others = (settings.sites, settings.pmsi_codes, settings.bridges)
    accounts += [account_of(path) for path in others if path is not None]
    accounts += [] if cog is None else [cog_account(cog)]
    return Run(
        zoning=zoning,
        evidence=Evidence(
            agreement=agreement, poles=poles, hospital=hospital, flows=flows, stays=stays
        ),
        accounts=tuple(accounts),
        settings=settings,
        weak=_weak(zoning, flows),
    )


def _weak(zoning: Zoning, flows: Flows) -> tuple[Sentence, ...]:
    """Say which territories keep little of their people's care, and where their people go."""
    measures = evaluate(zoning, flows)
    share = Secrecy().shares(measures["inside"], measures["sent"])
    # Those without care are said already, in `Zoning.unmet`.
    few = share[(share < CLEAR_INSIDE_SHARE) & (measures["received"] > 0)]
    table = flows.table[["destination", "patients"]].assign(
        territory=flows.table["residence"].map(zoning.labels)
    )
    table = table[table["territory"].isin(few.index)]
    sums = table.groupby(["territory", "destination"], as_index=False)[["patients"]].sum()
    sums = sums.sort_values(["territory", "patients", "destination"], ascending=[True, False, True])
    main = sums.drop_duplicates("territory").set_index("territory")["destination"]
    names = place_names(zoning.communes, sorted(main.unique()))
    few = few.sort_values(kind="stable")
    return tuple(
        Sentence(
            "notice.weak_territory",
            {"name": name, "percent": round(100 * kept), "pole": names[pole]},
        )
        for name, kept, pole in zip(
            measures["name"].reindex(few.index), few, main.reindex(few.index), strict=True
        )
    )


def flow_options(settings: Settings) -> dict[str, Any]:
    """Return the options of `read_flows` that the settings tell."""
    names = (
        *("cog", "on_unknown", "activity", "activities", "allow_new", "year", "duplicates"),
        *("dash", "masked_as", "arrondissements", "allocation", "sheet"),
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


def write(
    run: Run,
    folder: str | Path,
    *,
    overwrite: bool = False,
    secrecy: Secrecy | None = None,
    tell: Tell = lambda _: None,
) -> None:
    """Write the files of a run, all or none.

    Parameters
    ----------
    run
        Result of `compute`.
    folder
        Made if it is not there.
    overwrite
        Replace an earlier result.
    secrecy
        Rule of disclosure; default ``Secrecy()``.
    tell
        Called with the name of each stage as it begins.

    Raises
    ------
    InputError
        If the folder holds a result and `overwrite` is False, or cannot be written to.
    """
    door = secrecy or Secrecy()
    with (
        using(run.settings.lang),
        whole_folder(folder, FILES, overwrite=overwrite) as draft,
    ):
        tell("measures")
        communes = commune_table(run.zoning, run.evidence)
        territories = territory_table(run.zoning, run.evidence, secrecy=door)
        commune_shapes, territory_shapes = outlines(run.zoning)
        tell("map")
        page = territory_map(
            run.zoning,
            agreement=run.evidence.agreement,
            poles=run.evidence.poles,
            hospital=run.evidence.hospital,
            title=run.settings.title,
            note=run.settings.note,
            language=current_language(),
        )
        page.save(str(draft / "map.html"))
        tell("files")
        write_csv(communes, draft / "communes.csv")
        write_csv(territories, draft / "territories.csv")
        write_geojson(communes, commune_shapes, draft / "communes.geojson")
        write_geojson(territories, territory_shapes, draft / "territories.geojson")
        write_gpkg(communes, territories, run.zoning, draft / "territories.gpkg")
        _write_json([each.record(door) for each in run.accounts], draft, "reconciliation")
        _write_json(_run_record(run, door), draft, "run")


def _run_record(run: Run, door: Secrecy) -> dict[str, Any]:
    """Lay out what is needed to redo the run; nothing in it changes from one run to the next."""
    settings = run.settings.model_dump(mode="json")
    paths = {name for name, value in run.settings if isinstance(value, Path)}
    return {
        "version": __version__,
        "settings": {
            name: Path(value).name if name in paths else value for name, value in settings.items()
        },
        "secrecy": {"threshold": door.threshold, "professionals": door.professionals},
        "inputs": {
            role: {"file": each.file, "sha256": each.sha256}
            for role, each in zip(_roles(run.settings), run.accounts, strict=True)
        },
        "delineation": dict(run.zoning.parameters),
        "practices": practice_record(run),
        "grouping": grouping_record(run),
        "territories": len(run.zoning.territories),
        "unmet": [str(each) for each in run.zoning.unmet],
        "weak": [str(each) for each in run.weak],
    }


def _roles(settings: Settings) -> list[str]:
    """Name the inputs of a run, in the order of its accounts."""
    names = ("communes", "flows", "hospital", "sites", "pmsi_codes", "bridges", "cog_table")
    return [name for name in names if getattr(settings, name) is not None]


def practice_record(run: Run) -> dict[str, Any]:
    """Sum up how far one may trust the places of practice; small numbers of people are None."""
    practices = run.evidence.flows.practices if run.evidence.flows is not None else None
    if practices is None:
        return {}
    door = Secrecy()
    numbers = {
        "practitioners": len(practices),
        "known_by_department_only": int((practices["commune"].str.len() < _CODE_LENGTH).sum()),
        "undetermined": int(practices["commune"].isna().sum()),
        "conflict_with_department": int(practices["conflict"].sum()),
    }
    shown: dict[str, Any] = {
        name: None if 0 < number < door.professionals else number
        for name, number in numbers.items()
    }
    share = practices["share"].median() if len(practices) >= door.professionals else math.nan
    return {**shown, "median_share": None if math.isnan(share) else round(float(share), 2)}


def grouping_record(run: Run) -> list[dict[str, str]]:
    """List the places that were gathered into another."""
    flows = run.evidence.flows
    if flows is None or flows.grouping is None:
        return []
    joined = flows.grouping["pole"]
    joined = joined[joined != joined.index]
    names = place_names(run.zoning.communes, [*joined.index, *joined])
    return [
        {"place": place, "name": names[place], "pole": pole, "pole_name": names[pole]}
        for place, pole in zip(joined.index.astype(str), joined.astype(str), strict=True)
    ]


def _write_json(record: Mapping[str, Any] | list[Any], folder: Path, name: str) -> None:
    text = json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="\n")
