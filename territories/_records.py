"""What is recorded of a run: enough to do it again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from territories._held import Held
from territories._inputs import Inputs, Settings, roles
from territories._version import __version__
from territories.communes import place_names
from territories.secrecy import Secrecy
from territories.stability import STABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from territories._words import Sentence
    from territories.export import Evidence
    from territories.flows import Flows
    from territories.reconciliation import Reconciliation
    from territories.revisions import Revision
    from territories.zoning import Zoning

_CODE_LENGTH: Final = 5


@dataclass(frozen=True, repr=False)
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
    inputs
        The files, read.
    decisions
        Of a draft that was revised: each decision, what became of it, and why it was refused.
    revised
        Of such a draft: its parent and the log, for the record.
    """

    zoning: Zoning
    evidence: Evidence
    accounts: tuple[Reconciliation, ...]
    settings: Settings
    weak: tuple[Sentence, ...] = ()
    inputs: Inputs | None = None
    decisions: tuple[tuple[Revision, str, str], ...] = ()
    revised: Mapping[str, Any] | None = None

    @property
    def notices(self) -> tuple[Sentence, ...]:
        """All that one should know: of each input, of what could not be met, of weak territories.

        And of figures that are kept back for what left before.

        The sentences are in the language of the moment when they are written (``str``).
        """
        read = (each for account in self.accounts for each in account.notices)
        return (*read, *self.zoning.unmet, *self.weak, *self.kept_back)

    @property
    def kept_back(self) -> tuple[Sentence, ...]:
        """What is missing for what left before (see `ledger`), where that was worked out."""
        return self.held.notices(self.zoning)

    @property
    def held(self) -> Held:
        """What that is."""
        return self.evidence.held or Held()


def run_record(run: Run, door: Secrecy) -> dict[str, Any]:
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
            for role, each in zip(roles(run.settings), run.accounts, strict=True)
        },
        "delineation": dict(run.zoning.parameters),
        "practices": practice_record(run),
        "grouping": grouping_record(run),
        "territories": len(run.zoning.territories),
        "stability": stability_record(run),
        "unmet": [str(each) for each in run.zoning.unmet],
        "weak": [str(each) for each in run.weak],
        **({"kept_back": [str(each) for each in run.kept_back]} if run.kept_back else {}),
        **({} if run.revised is None else {"revised": dict(run.revised)}),
    }


def stability_record(run: Run) -> dict[str, Any]:
    """Sum up how far the territories depend on chance; empty where it was not worked out."""
    runs = run.evidence.stability
    if runs is None:
        return {}
    people = run.zoning.communes["population"].reindex(runs.communes.index)
    held = runs.communes["core_share"]
    all_people = float(people.sum())
    return {
        "runs": len(runs),
        "kind": runs.kind,
        "agreement": round(runs.agreement, 4),
        "stable_share": round(float(people[held >= STABLE].sum()) / all_people, 4)
        if all_people
        else None,
        "frontier_communes": int((held < STABLE).sum()),
    }


def practice_record(run: Run) -> dict[str, Any]:
    """Sum up how far one may trust the places of practice; small numbers of people are None."""
    return places_record(run.evidence.flows)


def places_record(flows: Flows | None) -> dict[str, Any]:
    """Sum up how practitioners were placed, where they were."""
    practices = None if flows is None else flows.practices
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
