"""The job of `territories apply`: a log of decisions on the draft of a run, with exact figures."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from territories._assignments import assigned, is_assignment
from territories._files import opened
from territories._log_files import numbered, read_lines, read_revisions
from territories._map_data import page_colours
from territories._redo import changed_roles, refuse_changed
from territories._words import say
from territories.drafts import draft_hash, overlaps_of
from territories.errors import ConstraintError, InputError, fault
from territories.export import territory_table
from territories.ledger import export_of, known_exports, shown_figures
from territories.pipeline import REVISED_FILES, STAGES, compute, with_zoning, write
from territories.redrawing import sized
from territories.replay import replay
from territories.revisions import Revision, is_name, known_word
from territories.secrecy import Secrecy
from territories.wishes import checked_bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from territories._inputs import Settings
    from territories._records import Run
    from territories._words import Sentence
    from territories.export import Evidence
    from territories.replay import Replay
    from territories.zoning import Zoning

__all__ = ["APPLIED_STAGES", "Applied", "Wanted", "apply_log", "decisions_of", "write"]

APPLIED_STAGES: Final = (*STAGES[:5], "replay", *STAGES[7:])

# What became of a line, and its word in French files.
_RESULTS: Final = {"applied": "appliquée", "undone": "annulée", "refused": "refusée"}

Decisions = tuple[tuple[Revision, str, str], ...]


@dataclass(frozen=True)
class Wanted:
    """What is asked of a log.

    Parameters
    ----------
    log
        Its file, or one of communes with their territories.
    force
        Accept steps that cut territories.
    skip
        Leave the lines out that cannot be applied.
    overlaps
        Whether communes may be shared; a draft that forbids it still does.
    without
        Numbers of steps that are undone.
    name
        Of the new draft; default that of the old one with the next number.
    author
        Who undoes the steps of `without`.
    ledger
        A register of exports, beside those of the folder (see `pipeline.write`).
    """

    log: Path
    force: bool = False
    skip: bool = False
    overlaps: bool = True
    without: tuple[str, ...] = ()
    name: str | None = None
    author: str = ""
    ledger: Path | None = None


@dataclass(frozen=True, repr=False)
class Applied:
    """What became of a log.

    Parameters
    ----------
    run
        With the revised draft.
    before
        The draft it was.
    replay
        Line by line.
    measures
        Of the territories that gained or lost communes, before and after, as they may be shown:
        one row for each and a column for each measure, in pairs.
    changed
        Roles of the inputs that are not those of the run.
    """

    run: Run
    before: Zoning
    replay: Replay
    measures: pd.DataFrame
    changed: tuple[str, ...] = ()


def apply_log(
    folder: Path,
    settings: Settings,
    wanted: Wanted,
    *,
    new_data: bool = False,
    secrecy: Secrecy | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Applied:
    """Take the draft of a run up and apply a log to it. Nothing is written.

    Parameters
    ----------
    folder
        Of the run, or of a draft revised before.
    settings
        Of the run, with its input files (see `settings_again`).
    wanted
        The log, and what is asked of it.
    new_data
        Take inputs that have changed.
    secrecy
        Rule of disclosure; default ``Secrecy()``.
    tell
        Called with the name of each stage (of `APPLIED_STAGES`) as it begins.

    Raises
    ------
    ConstraintError
        With all lines that do not apply, unless they are skipped.
    InputError
        If an input or the log is refused.
    """
    listed = is_assignment(wanted.log)
    log = [] if listed else _without(numbered(read_revisions(wanted.log)), wanted)
    earlier = decisions_of(folder)
    run = compute(settings, base=folder, tell=tell)
    changed = changed_roles(folder, settings, run.accounts)
    if not new_data:
        refuse_changed(folder, settings, run.accounts)
    tell("replay")
    before = _painted(run)
    run = replace(run, evidence=_beside(folder, run, wanted.ledger, secrecy or Secrecy()))
    if listed:
        log = _without(numbered(assigned(wanted.log, before)), wanted)
    overlaps = wanted.overlaps and overlaps_of(before)
    found = replay(before, log, force=wanted.force, overlaps=overlaps)
    if found.faults and not wanted.skip:
        raise ConstraintError(*found.faults, *_ways_out(found.faults))
    after = _named(found.zoning, before, wanted, settings, overlaps=overlaps)
    counts = found.lines["result"].value_counts()
    file = opened(wanted.log)
    revised = {
        "parent": {"name": before.name, "sha256": draft_hash(folder)},
        "log": {"file": file.file, "sha256": file.sha256},
        **{each: int(counts.get(each, 0)) for each in _RESULTS},
        "changed_inputs": list(changed),
    }
    last = max((line.order for line, *_ in earlier), default=0)
    decisions = (*earlier, *_told(log, found, before, after=last))
    revised_run = with_zoning(run, after, revised=revised, decisions=decisions)
    return Applied(
        run=revised_run,
        before=before,
        replay=found,
        measures=_measures(before, revised_run, secrecy or Secrecy()),
        changed=tuple(changed),
    )


def _beside(folder: Path, run: Run, ledger: Path | None, door: Secrecy) -> Evidence:
    """Say what left before the revised draft: what the register of the old one holds, and it."""
    evidence = replace(run.evidence, earlier=known_exports(folder, ledger))
    if evidence.earlier:
        return evidence
    shown = shown_figures(territory_table(run.zoning, evidence, secrecy=door))
    old = export_of(run.zoning, {}, figures=shown, secrecy=door)  # written before registers were
    return replace(evidence, earlier=(old,))


def _painted(run: Run) -> Zoning:
    """Keep the colours that the draft has on its pages: people know its territories by them."""
    zoning, known = run.zoning, run.evidence
    seen = page_colours(
        zoning.communes.sort_index(),
        pairs=zoning.borders,
        zoning=zoning,
        agreement=known.agreement,
        poles=known.poles,
        hospital=known.hospital,
    )
    ids = sorted(set(zoning.membership["territory"]))
    return replace(zoning, colours={**zoning.colours, **{each: seen[each] for each in ids}})


def decisions_of(folder: str | Path) -> Decisions:
    """Read the decisions that a revised draft holds, with what became of each; else none."""
    place = Path(folder) / REVISED_FILES[0]
    if not place.is_file():
        return ()
    return tuple(
        (line, known_word(result, _RESULTS) or "applied", refusal)
        for line, result, refusal in read_lines(place)
    )


def _without(log: list[Revision], wanted: Wanted) -> list[Revision]:
    """Undo steps by lines of their own, so that the record says so; refuse what cannot be."""
    wrong = [each for each in wanted.without if not re.fullmatch("[0-9]{1,9}", each)]
    faults = [fault("apply_without", values=", ".join(wrong[:5]))] if wrong else []
    orders = sorted({line.order for line in log})
    unknown = [each for each in wanted.without if each not in wrong and int(each) not in orders]
    if unknown:
        values = ", ".join(unknown[:5])
        faults.append(fault("apply_without_unknown", values=values, known=_span(orders)))
    if wanted.name is not None and not is_name(wanted.name.strip()):
        faults.append(fault("apply_name"))
    if faults:
        raise InputError(*faults)
    last = max((line.order for line in log), default=0)
    reason = say("revision.without", language=None)
    return log + [
        Revision("undo", target=each, order=last + 1 + k, author=wanted.author, reason=reason)
        for k, each in enumerate(wanted.without)
    ]


def _span(orders: list[int]) -> str:
    """Write the numbers of the steps of a log, the first and the last."""
    return "–".join(str(each) for each in dict.fromkeys((*orders[:1], *orders[-1:]))) or "0"


def _ways_out(faults: tuple[Sentence, ...]) -> list[Sentence]:
    """Say what can be done where lines do not apply."""
    cuts = any(each.key == "error.revision_cuts" for each in faults)
    return [*([fault("apply_force")] if cuts else []), fault("apply_skip")]


def _named(
    zoning: Zoning, before: Zoning, wanted: Wanted, settings: Settings, *, overlaps: bool
) -> Zoning:
    """Name the new draft, and tell again which of its territories are too small or too large."""
    people = (settings.min_population or None, settings.max_population or None)
    bounds, _ = checked_bounds(people)
    numbered_name = re.fullmatch(r"(.*)-([0-9]{1,6})", before.name)
    base, number = (numbered_name[1], int(numbered_name[2])) if numbered_name else (before.name, 1)
    parameters = dict(zoning.parameters)
    if not overlaps:
        parameters["overlaps"] = False
    named = replace(
        zoning, name=(wanted.name or f"{base}-{number + 1}").strip(), parameters=parameters
    )
    return sized(named, bounds)


def _told(log: list[Revision], found: Replay, before: Zoning, *, after: int) -> Decisions:
    """Tell what became of each line of a log, numbered after those of the logs before it.

    Lines of the steps that were forced say so, for whoever replays them.
    """
    lines = found.lines.sort_index()
    forced = {each.values.get("order") for each in found.zoning.unmet[len(before.unmet) :]}
    told = []
    for line, (_, row) in zip(numbered(log, after=after), lines.iterrows(), strict=True):
        own = replace(line, force=True) if str(row["order"]) in forced else line
        told.append((own, str(row["result"]), str(row["refusal"])))
    return tuple(told)


def _measures(before: Zoning, run: Run, door: Secrecy) -> pd.DataFrame:
    """Lay out the measures of the territories that changed, before and after."""
    after = run.zoning
    members = [
        each.membership.set_index(["territory", "code"])["weight"].round(9)
        for each in (before, after)
    ]
    both = pd.concat(members, axis=1).fillna(0.0)
    touched = sorted(set(both.index[both.iloc[:, 0] != both.iloc[:, 1]].get_level_values(0)))
    heads = [say(f"column.{name}") for name in ("population", "aci_size", "pieces", "li")]
    old, new = (territory_table(each, run.evidence, secrecy=door) for each in (before, after))
    table = pd.DataFrame(index=pd.Index(touched, name=say("column.territory")))
    names = {**before.names, **after.names}
    table[say("column.name")] = [names.get(each, each) for each in touched]
    for head in heads:
        table[f"{head}_0"] = old[head].reindex(touched)
        table[f"{head}_1"] = new[head].reindex(touched)
    return table
