"""Drawing a case of the fuzzing of the workshop's page: the files, and what is done with them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import fuzz_commands
from fuzz_commands import branch, mutated

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

NASTY: Final = (
    *fuzz_commands.WORDS,
    *("__proto__", "constructor", "toString", "hasOwnProperty", "valueOf", "prototype"),
    *("<img src=x onerror=window.__xss=1>", "</script><script>window.__xss=1</script>"),
    *("$&", "$1", "{code}", "{order}", "=1+1", "'=1", "''=1", "@x", "\t=1", "+33", "a;b", 'a"b'),
    *("\ufeff", "\u2028", "\U0001f3e5", "\U0001f3e5" * 130, "\ud800", "null", "undefined"),
    *("1e308", "999999999", "9999999999", "0x10", "١٢", "ⅷ", "ﬁ", "İ", "ß", "ŒUVRE", "é", "é"),
    *("1,0", "12.0", "1|1", "1|2|3", "0|1", "1||1", "|", "*", "x" * 2_100, "=" + "x" * 1_999),
    *("\x00", "\x85", "\x1c", "\u200b", "\u00ad", "a\nb", "a\r\nb", "\xa0", " 00001 ", "1" * 400),
)
ACTIONS: Final = {
    "move": ("déplacer", "deplacer", "DÉPLACER", "move"),
    "release": ("libérer", "release"),
    "share": ("partager", "share"),
    "claim": ("revendiquer", "claim"),
    "withdraw": ("retirer", "withdraw"),
    "new": ("créer", "creer", "new"),
    "rename": ("renommer", "rename"),
    "colour": ("colorier", "colour"),
    "merge": ("fusionner", "merge"),
    "lock": ("verrouiller", "lock"),
    "unlock": ("déverrouiller", "unlock"),
    "status": ("statut", "status"),
    "undo": ("annuler", "undo"),
}
ENCODINGS: Final = (
    *(["utf-8", "utf-8-sig", "utf-8"] * 3),
    *("cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "utf-7"),
)
COLOURS: Final = ("#AA00bb", "#123456", "red", "#12345", "#1234567", "#ＡＡ00bb")
STATUSES: Final = ("initiative", "ingénierie", "INGENIERIE", "contracting", "running", "", "autre")
FILE_NAMES: Final = (
    "journal.csv",
    "a b.txt",
    "$&.csv",
    "__proto__.csv",
    "é.tsv",
    ".csv",
    "x" * 200,
)


@dataclass(frozen=True)
class Case:
    """What is given to the page, and what is done then."""

    kind: str
    files: list[tuple[str, bytes]]
    steps: list[dict[str, Any]] = field(default_factory=list)
    after: bool = False
    apply: bool = True


@dataclass(frozen=True)
class Known:
    """What files can name."""

    codes: list[str]
    territories: list[str]
    files: dict[str, bytes]
    saved: str


def drawn(known: Known, seed: int, number: int) -> Case:
    """Draw a case."""
    dice = random.Random(f"page/{seed}/{number}")
    kinds = {"log": 40, "list": 15, "changed": 20, "kept": 12, "other": 8, "many": 3, "two": 2}
    kind = dice.choices(list(kinds), list(kinds.values()))[0]
    steps = [_step(known, dice) for _ in range(dice.choice([0, 0, 1, 3]))]
    more: dict[str, Any] = {
        "steps": steps,
        "after": dice.random() < 0.5,
        "apply": dice.random() < 0.95,
    }
    if kind == "kept":
        return Case(kind, [("kept", _kept(known, dice).encode("utf-8", "surrogatepass"))])
    makers: dict[str, Callable[[Known, Random], bytes]] = {
        "log": _log,
        "list": _list,
        "changed": _changed,
        "other": _other,
        "many": _many,
    }
    some = [makers[kind]] if kind != "two" else [dice.choice([_log, _list, _other]) for _ in "12"]
    names = [dice.choice(FILE_NAMES[:2] * 5 + FILE_NAMES) for _ in some]
    return Case(kind, [(name, make(known, dice)) for name, make in zip(names, some, strict=True)],
                **more)  # fmt: skip


def _step(known: Known, dice: Random) -> dict[str, Any]:
    code, target = dice.choice(known.codes), dice.choice(known.territories)
    return dice.choice(
        [
            {"action": "move", "code": code, "target": target},
            {"action": "claim", "code": code, "target": target},
            {"action": "rename", "territory": target, "target": "Beauce"},
            {"action": "lock", "territory": target},
            {"action": "new", "territory": "N1"},
        ]
    )


def _text(rows: list[list[str]], dice: Random) -> bytes:
    """Write rows as spreadsheets do, or nearly."""
    separator = dice.choice([";", ";", ";", ",", "\t"])
    always = dice.random() < 0.1

    def cell(text: str) -> str:
        if always or (any(sign in text for sign in '";,\t\r\n') and dice.random() < 0.9):
            return '"' + text.replace('"', '""') + '"'
        return text

    end = dice.choice(["\r\n", "\n", "\n", "\r"])
    text = end.join(separator.join(map(cell, row)) for row in rows) + dice.choice([end, ""])
    encoding = dice.choice(ENCODINGS)
    if encoding.startswith("utf") and encoding != "utf-7":
        content = text.encode(encoding, "surrogatepass")
    else:
        content = text.encode(encoding, "replace")
    return mutated(content, dice, name="x.csv") if content and dice.random() < 0.1 else content


def _or_nasty(text: str, dice: Random, chance: float = 0.04) -> str:
    return dice.choice(NASTY) if dice.random() < chance else text


def _log(known: Known, dice: Random) -> bytes:
    """Draw a log of decisions, most of them possible."""
    heads = {
        "order": ("ordre", "order", "N°", "Numéro"),
        "action": ("action", "Action", "décision"),
        "code": ("commune", "code", "Code commune", "INSEE"),
        "territory": ("territoire", "territory"),
        "target": ("cible", "target", "vers"),
        "parts": ("parts", "poids"),
        "author": ("auteur", "author"),
        "date": ("date",),
        "reason": ("motif", "reason"),
        "force": ("force", "forcée"),
    }
    chosen = [name for name in heads if name == "action" or dice.random() < 0.9]
    dice.shuffle(chosen)
    places = [*known.territories, *("N1", "N2", "Vallée", "BEAUCE")]

    def place() -> str:
        return _or_nasty(dice.choice(places), dice)

    rows = [[_or_nasty(dice.choice(heads[name]), dice, 0.01) for name in chosen]]
    order = 0
    for _ in range(dice.choice([1, 2, 5, 12, 30, 80])):
        order += dice.choice([0, 1, 1, 1, 1, 1, 2])
        weights = [12, 3, 4, 4, 2, 3, 2, 1, 2, 1, 2, 2, 3]
        action = dice.choices(list(ACTIONS), weights)[0]
        target = {
            "share": lambda: "|".join(place() for _ in range(dice.choice([1, 2, 2, 2, 3, 4]))),
            "new": lambda: dice.choice(["", f"Val {dice.randrange(9)}", place()]),
            "rename": lambda: dice.choice(["Beauce", "Cœur-Sud", "", place()]),
            "colour": lambda: dice.choice(COLOURS),
            "status": lambda: dice.choice(STATUSES),
            "undo": lambda most=order + 1: str(dice.randint(0, most)),
            "lock": lambda: "",
            "unlock": lambda: "",
            "release": lambda: "",
        }.get(action, place)()
        code = dice.choice(known.codes)
        cells = {
            "order": dice.choice([str(order)] * 20 + [f"{order},0", "", "0"]),
            "action": dice.choice(ACTIONS[action]),
            "code": dice.choice([code] * 9 + [code.lstrip("0")]),
            "territory": "*" if "lock" in action and dice.random() < 0.3 else place(),
            "target": target,
            "parts": dice.choice(["", "", "1|1", "2|1", "1 | 3", "1|1|1", "3"]),
            "author": dice.choice(["", "A", "Dr Ève"]),
            "date": dice.choice(["", "2026-11-22T20:10:00", "22/11/2026 20:10", "hier"]),
            "reason": dice.choice(["", "séance", "=1+1", "un ; deux"]),
            "force": dice.choice(["", "", "oui", "non", "1"]),
        }
        if action in ("lock", "unlock"):
            cells["parts"] = ""
        rows.append([_or_nasty(cells[name], dice, 0.02) for name in chosen])
    return _text(rows, dice)


def _list(known: Known, dice: Random) -> bytes:
    """Draw communes by territory, some of them shared."""
    heads = [
        dice.choice(["code", "Code commune", "insee"]),
        dice.choice(["territoire", "territory", "CPTS"]),
        *("nom territoire", "poids"),
    ]
    places = [*known.territories, "N1", "N2", ""]
    rows = [[_or_nasty(each, dice, 0.02) for each in heads]]
    for code in dice.sample(known.codes, dice.randint(1, len(known.codes))):
        one, other = dice.choice(places), dice.choice(places)
        weights = dice.choice([[""]] * 6 + [["1"], ["0,5", "0,5"], ["0.3", "0.7"], ["1", "1"]])
        if len(weights) == 1:
            weights += [dice.choice(["0,333333", "1e-9", "-1", "NaN"])] * dice.choice([0] * 9 + [1])
        for where, weight in zip((one, other), weights, strict=False):
            row = [code, where, dice.choice(["", "", "Val", where]), weight]
            rows.append([_or_nasty(each, dice, 0.02) for each in row])
    return _text(rows, dice)


def _changed(known: Known, dice: Random) -> bytes:
    """Change a file of a run, or one that the page saved."""
    name = dice.choice(list(known.files))
    content = known.files[name]
    for _ in range(dice.choice([1, 1, 3])):
        content = mutated(content, dice, name=name) or b" "
    return content


def _other(known: Known, dice: Random) -> bytes:
    """Make a file of another kind."""
    depth = dice.choice([100, 5_000, 500_000])
    opening, closing = dice.choice([("[", "]"), ('{"__proto__":', "}"), ('{"action":', "}")])
    head = dice.choice([b"action\n", b"action;commune;cible\n", b"code;territoire\n", b""])
    return dice.choice(
        [
            b"",
            b"\xff\xfe",
            b"\xfe\xff\x00",
            b"PK\x03\x04" + dice.randbytes(500),
            b"\x89PNG\r\n\x1a\n" + dice.randbytes(500),
            b"SQLite format 3\x00" + dice.randbytes(500),
            b"%PDF-1.7\n" + dice.randbytes(500),
            b"<html><script>window.__xss=1</script>",
            head + dice.randbytes(dice.choice([1, 50, 5_000])),
            head + bytes(dice.choice(b"\";,\t\r\n 'a01=") for _ in range(300)),
            head + (opening * depth + closing * depth).encode(),
            json.dumps({"action": "déplacer", "commune": known.codes[0]}).encode(),
            known.saved.encode(),
            b'"' * dice.choice([3, 1_001, 100_000]),
            head + b"\x00" * dice.choice([1, 10_000]),
        ]
    )


def _many(known: Known, dice: Random) -> bytes:
    """Make a large file."""
    code, place = known.codes[0], known.territories[-1]
    head, line = dice.choice(
        [
            (
                "ordre;action;commune;cible",
                lambda k: f"{k};deplacer;{dice.choice(known.codes)};{place}",
            ),
            ("action;commune;cible", lambda _: f"deplacer;{code};{place}"),
            ("ordre;action;cible", lambda k: f"{k};annuler;{k - 1}"),
            ("action;territoire", lambda k: f"creer;N{k}"),
            ("code;territoire", lambda k: f"{k};N{k}"),
            ("code;territoire;poids", lambda k: f"{code};N{k % 5};0,000001"),
            ("action;motif", lambda k: f"statut;{'x' * k}"),
        ]
    )  # fmt: skip
    count = dice.choice([300, 2_000, 10_001, 60_000])
    if "motif" in head:
        count = min(count, 2_900)
    return "\n".join([head, *(line(k) for k in range(count))]).encode()


def _kept(known: Known, dice: Random) -> str:
    """Change a draft that the browser kept."""
    if dice.random() < 0.1:
        content = mutated(known.saved.encode(), dice, name="x.csv")
        return content.decode("utf-8", "replace").replace("\0", "0")
    whole = json.loads(known.saved)
    for _ in range(dice.choice([1, 1, 2, 4])):
        lines = [each for one in whole["state"]["scenarios"] for each in one["lines"]]
        if dice.random() < 0.3:
            whole = branch(whole, dice)
        elif lines:
            line = dice.choice(lines)
            name = dice.choice([*line, "__proto__", "toString"])
            number: list[Any] = [
                0,
                -1,
                1,
                2,
                3,
                10**9,
                2**53,
                1.5,
                None,
                True,
                [],
                [1, 1],
                [2**53, 1],
            ]
            texts = [*known.codes[:3], *known.territories, "N1", *ACTIONS, dice.choice(NASTY)]
            line[name] = dice.choice([*number, *texts])
        try:
            lines = [each for one in whole["state"]["scenarios"] for each in one["lines"]]
            if not all(isinstance(each, dict) for each in lines):
                break
        except (TypeError, KeyError):
            break
    text = json.dumps(whole, ensure_ascii=dice.random() < 0.5)
    return (
        text.replace('"draft": 0', '"draft": 0, "__proto__": {"polluted": 1}')
        if dice.random() < 0.1
        else text
    )
