"""What a report says of a run in sentences: its method, its periods, its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from territories._sections import clipped, practices_sentence
from territories._words import WORDS, current_language, say

if TYPE_CHECKING:
    from territories.pipeline import Run
    from territories.secrecy import Secrecy

_METHOD: Final = ("flows", "places", "poles", "concordance", "territories", "stability", "measures")
# What is said of the periods when the files are read, told again among the limits.
_PERIODS: Final = ("notice.periods_differ", "notice.period_unknown")


def template_words() -> dict[str, str]:
    """Return the words of the template that take no value, by their short name."""
    spoken = 0 if current_language() == "fr" else 1
    return {
        key.removeprefix("report."): texts[spoken]
        for key, texts in WORDS.items()
        if key.startswith("report.") and "{" not in texts[spoken]
    }


def method_steps(run: Run) -> list[tuple[str, str]]:
    """Tell the method in a page, for physicians: what was done here, in this order."""
    settings = run.settings
    least, most = settings.min_population, settings.max_population
    bounds = []
    if least:
        bounds.append(say("report.bound_least", people=least))
    if most:
        bounds.append(say("report.bound_most", people=most))
    if settings.territories is not None:
        bounds.append(say("report.bound_number", territories=settings.territories))
    leiden = settings.method == "leiden"
    told = []
    for name in _METHOD:
        if name == "stability" and run.evidence.stability is None:
            continue
        key = "territories_other" if name == "territories" and not leiden else name
        values: dict[str, Any] = {}
        if key == "territories_other":
            values = {"method": settings.method}
        elif name == "stability":
            values = {"runs": settings.runs}
        text = say(f"report.method_{key}", **values)
        if name == "territories" and bounds:
            text = f"{text} {say('report.bounds', values=', '.join(bounds))}"
        told.append((say(f"report.method_{name}_title"), text))
    return told


def periods(run: Run) -> str:
    """Say which period the data are of; empty where it is not known."""
    known = {"flows": run.evidence.flows, "stays": run.evidence.stays}
    told = [
        say(f"report.period_{name}", period=flows.period)
        for name, flows in known.items()
        if flows is not None and flows.period is not None
    ]
    return say("report.periods", values=say("report.periods_joined").join(told)) if told else ""


def limits(run: Run, door: Secrecy) -> list[str]:
    """List the limits of the data, those of this run first."""
    told = [] if run.settings.note is None else [run.settings.note]
    told.append(say("report.limit_period"))
    flows = run.evidence.flows
    if flows is None or flows.period is None:
        told.append(say("report.limit_period_unknown"))
    told += [
        f"{str(each)[:1].upper()}{str(each)[1:]}."
        for account in run.accounts
        for each in account.notices
        if each.key in _PERIODS
    ]
    practices = practices_sentence(run)
    if practices is not None:
        told.append(practices)
    told += clipped(run)
    if flows is not None and "masked" in flows.table and (flows.table["masked"] > 0).any():
        told.append(say("report.limit_masked", value=flows.masked_as))
    if run.evidence.hospital is not None:
        told.append(say("report.limit_hospital"))
    told.append(say("report.limit_distance"))
    told.append(
        say("report.limit_secrecy", most=door.threshold - 1, professionals=door.professionals)
    )
    return told
