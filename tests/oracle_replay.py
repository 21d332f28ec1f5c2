"""The rules of the log, written a second time from their wording: slow, plain, for comparison.

A state is a dict of plain dicts; nothing here is taken from the package.
"""

from __future__ import annotations

import itertools
import re
import unicodedata

LOCKING = ("contracting", "running")
STATUSES = {
    "initiative": "initiative",
    "ingenierie": "engineering",
    "engineering": "engineering",
    "contractualisation": "contracting",
    "contracting": "contracting",
    "fonctionnement": "running",
    "running": "running",
}
JOINERS = "'’ʼ`´‐‑‒–—−-"


class RefusedError(Exception):
    """A line does nothing; all the reasons there are."""

    def __init__(self, *keys):
        super().__init__(*keys)
        self.keys = set(keys)


def refuse(*keys):
    """Refuse a line."""
    raise RefusedError(*keys)


def fold(text):
    """Leave case, accents, hyphens, apostrophes and blanks aside."""
    plain = ""
    for letter in unicodedata.normalize("NFKD", text):
        if unicodedata.category(letter) == "Mn":
            continue
        plain += " " if letter in JOINERS or letter.isspace() else letter.lower()
    return " ".join(plain.replace("œ", "oe").split())


def begin(codes, rows, names, claims=(), statuses=(), locks=()):
    """Make a state: rows of (code, territory, weight), the name that is shown of each territory."""
    members = {code: {} for code in codes}
    for code, territory, weight in rows:
        members[code][territory] = members[code].get(territory, 0.0) + weight
    territories = {}
    for each in sorted({territory for _, territory, _ in rows} | set(names)):
        territories[each] = {
            "name": names.get(each, each),
            "colour": None,
            "status": dict(statuses).get(each),
            "lock": dict(locks).get(each),
        }
    claimed = {code: set(dict(claims).get(code, ())) - set(members[code]) for code in codes}
    return {"members": members, "claims": claimed, "territories": territories}


def copy(state):
    return {
        "members": {code: dict(each) for code, each in state["members"].items()},
        "claims": {code: set(each) for code, each in state["claims"].items()},
        "territories": {each: dict(row) for each, row in state["territories"].items()},
    }


def locked(row):
    return row["lock"] if row["lock"] is not None else row["status"] in LOCKING


def find(state, text, unknown):
    """Find a territory by its id, its name, its name folded, or its id with the zeros it lost."""
    territories = state["territories"]
    text = text or ""
    if text in territories:
        return text
    for form in (str, fold):
        wanted = form(text)
        found = [each for each, row in territories.items() if form(row["name"]) == wanted]
        if not fold(text):
            found = found if form is str else []
        if found:
            return found[0] if len(found) == 1 else refuse("revision_ambiguous")
    # A spreadsheet takes a code for a number.
    whole = text.zfill(5) if re.fullmatch("[0-9]+", text) else text
    return whole if whole in territories else refuse(unknown)


def name_of(state, own, text):
    """Check a name: readable, and of no other territory, neither as id nor as name."""
    if not text.strip() or len(text) > 120 or re.search("[\x00-\x1f\x7f-\x9f]", text):
        refuse("revision_name")
    for each, row in state["territories"].items():
        if each != own and text.strip() in (each, row["name"]):
            refuse("revision_exists")
    return text.strip()


def put(state, code, weights):
    """Give a commune to territories, unless one that gains or loses is locked."""
    before = state["members"][code]
    for each in {*before, *weights}:
        differs = abs(before.get(each, 0) - weights.get(each, 0)) > 1e-12
        if differs and locked(state["territories"][each]):
            refuse("revision_locked")
    state["members"][code] = dict(weights)
    state["claims"][code] = set()


def all_reasons(*tries):
    """Run several checks and refuse with all that is wrong."""
    keys, found = set(), []
    for each in tries:
        try:
            found.append(each())
        except RefusedError as problem:
            keys |= problem.keys
    if keys:
        refuse(*keys)
    return found


def commune(state, code):
    if code not in state["members"]:
        refuse("revision_commune")
    return code


def shares(state, line):
    """Read the targets and parts of a share."""
    wanted = [each.strip() for each in (line.target or "").split("|")]
    faults, found = set(), []
    for each in wanted:
        try:
            found.append(find(state, each, "revision_target"))
        except RefusedError as problem:
            faults |= problem.keys
    parts = list(line.parts) or [1] * len(wanted)
    if len(wanted) not in (2, 3) or len(set(found)) != len(found) or len(parts) != len(wanted):
        faults.add("revision_share")
    if any(part < 1 for part in parts):
        faults.add("revision_share")
    if faults:
        refuse(*faults)
    return {each: part / sum(parts) for each, part in zip(found, parts, strict=True)}


def apply_line(state, line, overlaps):
    """Do what a line says, or refuse it."""
    if line.action in ("move", "release", "share", "claim", "withdraw"):
        of_commune(state, line, overlaps)
    elif line.action in ("merge", "lock", "unlock", "new", "rename", "colour", "status"):
        of_territory(state, line)
    else:
        refuse("revision_action")


def of_commune(state, line, overlaps):
    """Put a commune elsewhere, or say who claims it."""

    def place():
        return commune(state, line.code)

    def target():
        return find(state, line.target, "revision_target")

    def allowed():
        return overlaps or refuse("revision_overlap")

    if line.action == "release":
        put(state, place(), {})
    elif line.action == "share":
        _, code, weights = all_reasons(allowed, place, lambda: shares(state, line))
        put(state, code, weights)
    else:
        code, wanted = all_reasons(place, target)
        if line.action == "move":
            put(state, code, {wanted: 1.0})
        elif line.action == "withdraw":
            state["claims"][code].discard(wanted)
        elif wanted not in state["members"][code]:
            state["claims"][code].add(wanted)


def of_territory(state, line):
    """Make a territory, end it, or say something of it."""
    territories, text = state["territories"], (line.target or "").strip()

    def subject():
        return find(state, line.territory, "revision_territory")

    def colour():
        return text.lower() if re.fullmatch("#[0-9a-fA-F]{6}", text) else refuse("revision_colour")

    def status():
        known = not text or fold(text) in STATUSES
        return STATUSES.get(fold(text)) if known else refuse("revision_status")

    if line.action == "new":
        own = line.territory.strip()
        name, _ = all_reasons(
            lambda: name_of(state, None, text or own), lambda: name_of(state, None, own)
        )
        territories[own] = {"name": name, "colour": None, "status": None, "lock": None}
    elif line.action == "rename":
        own = subject()
        territories[own]["name"] = name_of(state, own, text)
    elif line.action == "colour":
        own, said = all_reasons(subject, colour)
        territories[own]["colour"] = said
    elif line.action == "status":
        own, said = all_reasons(subject, status)
        territories[own].update(status=said, lock=None)
    elif line.action == "merge":
        merge(
            state,
            *all_reasons(subject, lambda: find(state, line.target or "", "revision_target")),
        )
    else:
        for own in territories if line.territory == "*" else [subject()]:
            territories[own]["lock"] = line.action == "lock"


def merge(state, own, other):
    """Put all of a territory into another one."""
    territories = state["territories"]
    if own == other:
        refuse("revision_self")
    if locked(territories[own]) or locked(territories[other]):
        refuse("revision_locked")
    for weights in state["members"].values():
        if own in weights:
            weights[other] = weights.get(other, 0.0) + weights.pop(own)
    for code, claims in state["claims"].items():
        if own in claims:
            claims.discard(own)
            claims.add(other)
        claims -= set(state["members"][code])
    del territories[own]


def pieces(state, pairs):
    """Count the pieces of each territory, shared communes in each of theirs."""
    found = dict.fromkeys(state["territories"], 0)
    for each in found:
        left = {code for code, weights in state["members"].items() if each in weights}
        while left:
            found[each] += 1
            near = {left.pop()}
            while near:
                near = {
                    other
                    for one, two in pairs
                    for this, other in ((one, two), (two, one))
                    if this in near and other in left
                }
                left -= near
    return found


def steps_of(log):
    """Put lines into steps, by order, then place; those without a number go first, alone."""
    placed = sorted(enumerate(log), key=lambda each: (each[1].order, each[0]))
    steps = []
    for order, group in itertools.groupby(placed, key=lambda each: each[1].order):
        lines = list(group)
        steps += [(0, [each]) for each in lines] if order == 0 else [(order, lines)]
    return steps


def undone(steps):
    """Find the orders that do not count, and the places of undo lines that name no earlier step."""
    orders = {order for order, _ in steps if order}
    out, wrong = set(), set()
    for order, group in reversed(steps):
        for place, line in group:
            if line.action != "undo":
                continue
            text = (line.target or "").strip()
            aim = int(text) if re.fullmatch("[0-9]+", text) else 0
            if aim not in orders or not 0 < aim < order:
                wrong.add(place)
            elif order not in out:
                out.add(aim)
    return out, wrong


def run(state, log, pairs, *, force=False, overlaps=True):
    """Replay a log; return the state after it and, by place, (result, keys that may be told)."""
    steps = steps_of(log)
    out, wrong = undone(steps)
    told = {}
    for order, group in steps:
        if order in out:
            told.update({place: ("undone", set()) for place, _ in group})
            continue
        before = pieces(state, pairs)
        tried = copy(state)
        results = {}
        for place, line in group:
            attempt = copy(tried)
            try:
                if line.action == "undo":
                    if place in wrong:
                        refuse("revision_undo")
                else:
                    apply_line(attempt, line, overlaps)
            except RefusedError as problem:
                results[place] = ("refused", problem.keys)
            else:
                tried = attempt
                results[place] = ("applied", set())
        after = pieces(tried, pairs)
        cut = any(count > max(1, before.get(each, 0)) for each, count in after.items())
        if cut and not (force or any(line.force for _, line in group)):
            keys = {place: keys for place, (_, keys) in results.items()}
            told.update({place: ("refused", {"revision_cuts"} | keys[place]) for place, _ in group})
        else:
            state = tried
            told.update(results)
    return state, told
