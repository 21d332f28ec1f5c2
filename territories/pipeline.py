"""The main job from end to end: files in, territories with their evidence out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from territories._inputs import Inputs, Settings, ground_options, read_inputs, wished
from territories._log_files import revision_table
from territories._records import (
    Run,
    grouping_record,
    practice_record,
    run_record,
    stability_record,
)
from territories._shown import Evidence, commune_table, held_figures, territory_table
from territories._warmup import is_compiled
from territories._words import Sentence, current_language, say, using
from territories._writing import claimed, refuse_result, whole_folder
from territories.communes import contiguity, place_names
from territories.concordance import concordance, hospital_agreement
from territories.delineation import delineate
from territories.division import divided
from territories.drafts import FILE as DRAFT_FILE
from territories.drafts import draft_text, read_draft
from territories.errors import InputError, fault
from territories.evaluation import evaluate
from territories.export import (
    outlines,
    write_csv,
    write_geojson,
    write_gpkg,
    write_qml,
)
from territories.graph import attraction_network
from territories.ledger import export_of, registered, shown_figures
from territories.maps import territory_map
from territories.poles import dominant_poles
from territories.scales import scales
from territories.secrecy import Secrecy
from territories.sensitivity import leave_one_out
from territories.stability import repeated
from territories.task import asked

if TYPE_CHECKING:
    from pathlib import Path

    from territories.flows import Flows
    from territories.scales import Scales
    from territories.sensitivity import LeaveOneOut
    from territories.stability import Runs
    from territories.zoning import Zoning

__all__ = [
    "FILES",
    "REPORT_FILES",
    "REPORT_STAGES",
    "REVISED_FILES",
    "SCALE_STAGES",
    "STAGES",
    "Run",
    "Settings",
    "compute",
    "compute_scales",
    "grouping_record",
    "practice_record",
    "run_record",
    "stability_record",
    "write",
]

FILES: Final = (
    *("communes.csv", "communes.geojson", "communes.qml"),
    "draft.json",
    "exports.json",
    *("map.html", "reconciliation.json", "run.json"),
    *("territories.csv", "territories.geojson", "territories.gpkg", "territories.qml"),
)

# What `territories report` adds to them; a new run clears it, for it is of the old one.
REPORT_FILES: Final = ("report.html", "tables.xlsx")

# What a revised draft has besides; a new run clears it too.
REVISED_FILES: Final = ("revisions.csv",)

# What `territories edit` adds; a new run clears it too.
EDITOR_FILES: Final = ("editor.html", "editor_public.html")

# All that a folder of a run may hold of ours.
OUTPUTS: Final = (*FILES, *REPORT_FILES, *REVISED_FILES, *EDITOR_FILES)

STAGES: Final = (
    "communes",
    "flows",
    "hospital",
    "poles",
    "borders",
    "graph",
    "search",
    "measures",
    "map",
    "files",
)

REPORT_STAGES: Final = (*STAGES[:7], "tables", "plates")

SCALE_STAGES: Final = ("communes", "flows", "hospital", "poles", "borders", "graph", "search")

# A territory that keeps less than this share of its people's care is weak.
WEAK_INSIDE_SHARE: Final = 0.3

Tell = Callable[[str], None]


def compute(
    settings: Settings, *, base: str | Path | None = None, tell: Tell = lambda _: None
) -> Run:
    """Read the inputs and work out poles, concordance and territories. Nothing is written.

    With the method ``"leiden"`` the patients are drawn again `Settings.runs` times, which tells
    how far each commune and each border holds (see `runs_of`).

    Parameters
    ----------
    settings
        Inputs and parameters.
    base
        Folder of a run whose draft is taken up instead (see `read_draft`).
    tell
        Called with the name of each stage (of `STAGES`) as it begins; ``"compilation"`` instead of
        ``"search"`` where the engine must be compiled first.

    Raises
    ------
    TerritoriesError
        If an input or a parameter is refused.
    """
    inputs = read_inputs(settings, tell=tell)
    poles = dominant_poles(inputs.flows)
    agreement = concordance(poles)
    hospital = None
    if inputs.stays is not None:
        hospital = hospital_agreement(agreement, dominant_poles(inputs.stays.together()))
    zoning, runs = (
        _divided(settings, inputs, tell) if base is None else (_taken_up(base, inputs, tell), None)
    )
    return Run(
        zoning=zoning,
        evidence=Evidence(
            agreement=agreement,
            poles=poles,
            hospital=hospital,
            flows=inputs.flows,
            stays=inputs.stays,
            stability=runs,
        ),
        accounts=inputs.accounts,
        settings=settings,
        weak=_weak(zoning, inputs.flows),
        inputs=inputs,
    )


def _divided(settings: Settings, inputs: Inputs, tell: Tell) -> tuple[Zoning, Runs | None]:
    """Divide the layer, and again with the patients drawn again."""
    tell("borders")
    ground = attraction_network(
        inputs.flows, inputs.communes, **ground_options(settings, inputs), tell=tell
    )
    task = asked(
        ground,
        method=settings.method,
        territories=settings.territories,
        resolution=settings.resolution,
        contiguous=settings.contiguous,
        options=settings.options,
        seed=settings.seed,
        **wished(settings, inputs),
    )
    tell("search" if is_compiled() else "compilation")
    runs = None
    if settings.runs and settings.method == "leiden" and task.network.total:
        runs = repeated(task, runs=settings.runs)
    zoning = divided(task) if runs is None else runs.zoning
    return replace(zoning, name=say("draft.name", language=settings.lang)), runs


def _taken_up(base: str | Path, inputs: Inputs, tell: Tell) -> Zoning:
    """Take up a draft, on the borders of a division."""
    tell("borders")
    pairs = contiguity(inputs.communes, bridges=inputs.bridges)
    return replace(read_draft(base, inputs.communes), pairs=pairs)


def with_zoning(run: Run, zoning: Zoning, **more: Any) -> Run:  # noqa: ANN401 - fields of Run
    """Put another zoning in a run: what is known of the communes stays, stability goes."""
    evidence = replace(run.evidence, stability=None, held=None)
    weak = _weak(zoning, run.evidence.flows) if run.evidence.flows is not None else ()
    return replace(run, zoning=zoning, evidence=evidence, weak=weak, **more)


def left_out(run: Run) -> LeaveOneOut | None:
    """Leave each activity out of a run in turn (see `leave_one_out`).

    Where no number was asked for, there are as many territories each time as in the run. None
    where there is a single activity.

    Raises
    ------
    ConstraintError
        If a division without one of them cannot be had.
    """
    inputs, settings = run.inputs, run.settings
    if inputs is None or len(inputs.flows.activities) < 2:  # noqa: PLR2004
        return None
    free = settings.territories is None and settings.resolution is None
    asked_for = len(run.zoning.territories) if free else settings.territories
    numbered = settings.method in ("leiden", "ward", "intramax")
    return leave_one_out(
        inputs.flows,
        inputs.communes,
        zoning=run.zoning,
        method=settings.method,
        territories=asked_for if numbered else None,
        resolution=settings.resolution,
        contiguous=settings.contiguous,
        options=settings.options,
        seed=settings.seed,
        **ground_options(settings, inputs),
        **wished(settings, inputs),
    )


def of_chains(run: Run, chains: Flows) -> Zoning:
    """Divide the layer of a run by chains of care, in as many territories, with the same borders.

    Parameters
    ----------
    run
        Result of `compute`.
    chains
        Result of `read_chains`.
    """
    inputs = run.inputs
    return delineate(
        chains,
        run.zoning.communes,
        territories=len(run.zoning.territories),
        population=(None, None),
        bridges=None if inputs is None else inputs.bridges,
        seed=run.settings.seed,
    )


def compute_scales(settings: Settings, *, tell: Tell = lambda _: None) -> tuple[Scales, Inputs]:
    """Read the inputs and scan the scales (see `scales`). Nothing is written.

    A number or a resolution among the settings, which is what is looked for, is left aside.

    Parameters
    ----------
    settings
        Inputs and parameters.
    tell
        Called with the name of each stage (of `SCALE_STAGES`) as it begins.
    """
    inputs = read_inputs(settings, tell=tell)
    tell("borders")

    def told(stage: str) -> None:
        tell("compilation" if stage == "search" and not is_compiled() else stage)

    if not inputs.patients:
        raise InputError(fault("scales_no_flow"))
    found = scales(
        inputs.flows,
        inputs.communes,
        seed=settings.seed,
        contiguous=settings.contiguous,
        options=settings.options,
        tell=told,
        **ground_options(settings, inputs),
        **wished(settings, inputs),
    )
    return found, inputs


def _weak(zoning: Zoning, flows: Flows) -> tuple[Sentence, ...]:
    """Say which territories keep little of their people's care, and where their people go."""
    measures = evaluate(zoning, flows)
    share = Secrecy().shares(measures["inside"], measures["sent"])
    # Those without care are said already, in `Zoning.unmet`.
    few = share[(share < WEAK_INSIDE_SHARE) & (measures["received"] > 0)]
    table = flows.table[["destination", "patients"]].assign(
        territory=flows.table["residence"].map(zoning.labels)
    )
    table = table[table["territory"].isin(few.index)]
    sums = table.groupby(["territory", "destination"], as_index=False)[["patients"]].sum()
    sums = sums.sort_values(["territory", "patients", "destination"], ascending=[True, False, True])
    main = sums.drop_duplicates("territory").set_index("territory")["destination"]
    names = place_names(zoning.communes, sorted(main.unique()))
    few = few.sort_values(kind="stable")
    told = []
    for territory, kept in zip(few.index, few, strict=True):
        pole = main[territory]
        # Where its own pole comes first, no other draws its people away: they scatter.
        own = zoning.labels.get(pole) == territory
        key = "notice.scattered_territory" if own else "notice.weak_territory"
        name = measures["name"][territory]
        values = {"name": name, "percent": round(100 * kept), "pole": names[pole]}
        told.append(Sentence(key, values))
    return tuple(told)


def write(
    run: Run,
    folder: str | Path,
    *,
    overwrite: bool = False,
    secrecy: Secrecy | None = None,
    ledger: str | Path | None = None,
    tell: Tell = lambda _: None,
) -> Run:
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
    ledger
        A register of exports, or its folder, beside that of the folder itself and the one a folder
        up (see `registered`): figures that would tell small counts beside what left before are
        missing, and what leaves is noted in all of them.
    tell
        Called with the name of each stage as it begins.

    Returns
    -------
    Run
        As it was written: with what is kept back, which its `notices` say.

    Raises
    ------
    InputError
        If the folder holds a result and `overwrite` is False, or cannot be written to.
    """
    door = secrecy or Secrecy()
    refuse_result(folder, OUTPUTS, overwrite=overwrite)
    with (
        using(run.settings.lang),
        claimed(folder),
        registered(folder, ledger, earlier=run.evidence.earlier) as register,
        whole_folder(folder, OUTPUTS, overwrite=overwrite) as draft,
    ):
        tell("measures")
        evidence = replace(run.evidence, earlier=register.earlier)
        evidence = replace(evidence, held=held_figures(run.zoning, evidence, secrecy=door))
        run = replace(run, evidence=evidence)
        communes = commune_table(run.zoning, evidence)
        territories = territory_table(run.zoning, evidence, secrecy=door)
        new = export_of(
            run.zoning,
            {"communes": communes, "territories": territories},
            figures=shown_figures(territories),
            secrecy=door,
        )
        commune_shapes, territory_shapes = outlines(run.zoning)
        tell("map")
        page = territory_map(
            run.zoning,
            agreement=run.evidence.agreement,
            poles=run.evidence.poles,
            hospital=run.evidence.hospital,
            stability=run.evidence.stability,
            title=run.settings.title,
            note=run.settings.note,
            language=current_language(),
        )
        text = page.get_root().render()
        (draft / "map.html").write_text(text, encoding="utf-8", newline="\n")
        tell("files")
        write_csv(communes, draft / "communes.csv")
        write_csv(territories, draft / "territories.csv")
        write_geojson(communes, commune_shapes, draft / "communes.geojson")
        write_geojson(territories, territory_shapes, draft / "territories.geojson")
        write_gpkg(communes, territories, run.zoning, draft / "territories.gpkg")
        write_qml(communes, run.zoning, draft)
        _write_json([each.record(door) for each in run.accounts], draft, "reconciliation")
        _write_json(run_record(run, door), draft, "run")
        parent = None if run.revised is None else run.revised["parent"]
        text = draft_text(run.zoning, parent=parent)
        (draft / DRAFT_FILE).write_text(text, encoding="utf-8", newline="\n")
        if run.revised is not None:
            table = revision_table(
                [line for line, *_ in run.decisions],
                communes=run.zoning.communes,
                results=[(say(f"revision.{result}"), why) for _, result, why in run.decisions],
            )
            write_csv(table.set_index(table.columns[0]), draft / REVISED_FILES[0])
        register.note(new, draft=draft)
    return run


def _write_json(record: Mapping[str, Any] | list[Any], folder: Path, name: str) -> None:
    text = json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="\n")
