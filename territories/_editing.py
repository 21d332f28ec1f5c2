"""The job of `territories edit`: the page of the workshop of a run, or its public copy."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from territories._assessed import ZoningFile, named, zonings_of
from territories._held import SMALL
from territories._redo import refuse_changed
from territories._words import current_language, using
from territories.drafts import FILE, overlaps_of, read_draft
from territories.errors import InputError, TerritoriesError, fault
from territories.findings import findings
from territories.ledger import known_exports
from territories.maps import save_editor
from territories.pipeline import EDITOR_FILES, compute, with_zoning
from territories.workshop import known_statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from territories._inputs import Settings
    from territories._records import Run
    from territories._words import Sentence
    from territories.zoning import Zoning

EDIT_STAGES: Final = ("communes", "flows", "hospital", "poles", "borders", "search", "map")


@dataclass(frozen=True)
class Workshop:
    """What the page of a run is asked.

    Parameters
    ----------
    folder
        Of the run.
    out
        File to write; None: in the folder.
    against
        Zonings to draw as outlines.
    drafts
        Folders of further drafts on the same communes.
    public
        Statuses of the territories of a public copy, in words; None: the workshop.
    overlaps
        False: communes may not be shared.
    ledger
        A register of exports, beside those of the folder (see `pipeline.write`).
    """

    folder: Path
    out: Path | None = None
    against: tuple[ZoningFile, ...] = ()
    drafts: tuple[Path, ...] = ()
    public: tuple[str, ...] | None = None
    overlaps: bool = True
    ledger: Path | None = None

    @property
    def file(self) -> Path:
        """The file to write."""
        return self.out or self.folder / EDITOR_FILES[self.public is not None]


def refuse_editor(asked: Workshop, inputs: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse before the long work what would be refused after it.

    Raises
    ------
    InputError
        All at once.
    """
    faults: list[Sentence] = []
    if asked.public is not None:
        try:
            known_statuses(asked.public)
        except InputError as refusal:
            faults += refusal.faults
    file = asked.file
    if file.exists() and not overwrite:
        faults.append(fault("output_file_exists", file=str(file)))
    if not file.resolve().parent.is_dir():
        faults.append(fault("output_no_folder", file=str(file), folder=str(file.parent)))
    read = [*inputs, *(each.path for each in asked.against)]
    if file.resolve() in {each.resolve() for each in read}:
        faults.append(fault("output_is_input", file=str(file)))
    faults += [
        fault("draft_missing", file=str(each))
        for each in (asked.folder, *asked.drafts)
        if not (each / FILE).is_file()
    ]
    if faults:
        raise InputError(*faults)


def write_editor(
    settings: Settings,
    asked: Workshop,
    *,
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write the workshop of a run: its draft as it is in the folder, its flows and evidence.

    Parameters
    ----------
    settings
        Of the run (see `settings_again`).
    asked
        What the page holds.
    overwrite
        Replace the file if it is there.
    tell
        Called with the name of each stage (of `EDIT_STAGES`) as it begins.

    Raises
    ------
    InputError
        If an input is not that of the run, or a draft or a zoning is refused.
    """
    with using(settings.lang):
        parent = parent_of(asked.folder)
        run = _again(settings, asked.folder, revised=parent is not None, tell=tell)
        refuse_changed(asked.folder, settings, run.accounts)
        layer = run.zoning.communes
        faults: list[Sentence] = []
        others: list[Zoning] = []
        drafts: list[Zoning] = []
        try:
            others = zonings_of(asked.against, layer)
        except TerritoriesError as refusal:
            faults += refusal.faults
        for folder in asked.drafts:
            try:
                drafts.append(read_draft(folder, layer))
            except TerritoriesError as refusal:
                faults += refusal.faults
        if faults:
            raise InputError(*faults)
        tell("map")
        evidence = run.evidence
        save_editor(
            asked.file,
            run.zoning,
            evidence.flows,
            agreement=evidence.agreement,
            poles=evidence.poles,
            hospital=evidence.hospital,
            stability=evidence.stability,
            outlines=named(asked.against, others),
            drafts=_by_name(asked.drafts, drafts, beside=run.zoning.name),
            overlaps=asked.overlaps and overlaps_of(run.zoning),
            statuses=asked.public,
            title=settings.title,
            note=settings.note,
            origin={"parent": parent},
            earlier=known_exports(asked.folder, asked.ledger),
            ledger=asked.ledger or asked.folder,
            beside=_beside(run),
            language=settings.lang,
            overwrite=overwrite,
        )
    return asked.file


def _beside(run: Run) -> list[pd.DataFrame]:
    """List the tables of a report, which the page may leave with; where it is attacked with it."""
    if len(run.zoning.communes) > SMALL or run.evidence.flows is None:
        return []
    told = findings(run.zoning, run.evidence, language=current_language())
    return [each.table for each in told]


def parent_of(folder: Path) -> str | None:
    """Tell the name of the draft that the draft of a folder was made from."""
    try:
        parent = json.loads((folder / FILE).read_text(encoding="utf-8"))["parent"]
        return None if parent is None else str(parent["name"])
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise InputError(fault("draft_unreadable", file=str(folder / FILE))) from problem


def _again(settings: Settings, folder: Path, *, revised: bool, tell: Callable[[str], None]) -> Run:
    """Take up the draft of a run, with its stability where nobody changed it."""
    if revised or not settings.runs:
        return compute(settings, base=folder, tell=tell)
    run = compute(settings, tell=tell)
    draft = replace(read_draft(folder, run.zoning.communes), pairs=run.zoning.pairs)
    if draft.membership.equals(run.zoning.membership):
        return replace(run, zoning=draft)
    return with_zoning(run, draft)


def _by_name(
    folders: Sequence[Path], drafts: Sequence[Zoning], *, beside: str
) -> dict[str, Zoning]:
    """Name the further drafts; those of one name, or of that beside, are told by their folders."""
    names = [beside, *(each.name for each in drafts)]
    return {
        each.name if names.count(each.name) == 1 else f"{each.name} ({folder.name})": each
        for folder, each in zip(folders, drafts, strict=True)
    }
