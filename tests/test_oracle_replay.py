"""Random logs, replayed in Python, in the page, and by the oracle of the rules: one result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import oracle_replay
import pandas as pd
import pytest
from browser import started
from grids import random_layer
from workshops import divided, model_page

import territories as tt
from territories.revisions import ACTIONS, STATUSES, Revision
from territories.workshop import line, payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

# Some are one name to who looks for it, some no name at all.
NAMES = (
    *("Été", "ete", "ÉTÉ", "e\u0301te\u0301", "Saint-Cœur", "SAINT COEUR", "saint cœur", "Beauce"),
    *(
        "-",
        "–",
        "’",
        " ",
        "",
        "x",
        "a\u20ddb",
        "ab",
        "ﬁn",
        "fin",
        "İle",
        "ile",
        "Straße",
        "STRASSE",
    ),
    *("*", "|", "A|B", "x" * 120, "x" * 121, "a\nb", "a\u0903", "Œuf", "oe uf", "\u200b", "1"),
)
NEW = ("neuf-1", "neuf-2", "Neuf 1", "Beauce", "ete", "", "-", "Commune 00003", "00004", "00009")
COUNT = 45


def drawn_world(generator: np.random.Generator) -> tt.Zoning:
    """Draw a layer with a draft on it: shared, uncovered and claimed communes, names and locks."""
    layer = random_layer(generator, 4, 5, sea=0.1)
    while len(layer) < 8:
        layer = random_layer(generator, 4, 5, sea=0.1)
    if generator.random() < 0.5:
        some = [each for each in NAMES if each.strip() and len(each) < 120 and each.isprintable()]
        layer["name"] = [str(each) for each in generator.choice(some, len(layer))]
    zoning = divided(layer, 4)
    codes = sorted(layer.index)
    ids = sorted(set(zoning.membership["territory"]))
    rows = []
    for code, own in zip(*(zoning.membership[each] for each in ("code", "territory")), strict=True):
        chance = generator.random()
        if chance < 0.1:
            continue
        other = str(generator.choice(ids))
        if chance < 0.25 and other != own:
            rows += [(code, own, 0.75), (code, other, 0.25)]
        else:
            rows.append((code, own, 1.0))
    real = sorted({territory for _, territory, _ in rows})
    inside = {(code, territory) for code, territory, _ in rows}
    named = [each for each in [*ids, "vide"] if generator.random() < 0.6]
    fit = [each for each in NAMES if each.strip() and len(each) <= 120 and "\n" not in each]
    return tt.Zoning(
        communes=layer,
        membership=pd.DataFrame(rows, columns=["code", "territory", "weight"]),
        names={each: str(generator.choice(fit)) for each in named},
        claims={
            code: tuple(each for each in real[:2] if (code, each) not in inside)
            for code in (codes[2], codes[5])
        },
        statuses={ids[0]: str(generator.choice(list(STATUSES)))},
        locks={ids[-1]: bool(generator.random() < 0.5)},
    )


def drawn_log(generator: np.random.Generator, zoning: tt.Zoning) -> list[Revision]:
    """Draw a log of all that people, and files made by hand, may ask for."""

    def one(*values: object) -> str:
        return str(values[int(generator.integers(len(values)))])

    def chance(share: float) -> bool:
        return bool(generator.random() < share)

    codes = sorted(zoning.communes.index)
    ids = sorted({*zoning.membership["territory"], *zoning.names})
    shown = [each["name"] for each in payload(zoning)["territories"]]

    def reference() -> str:
        if chance(0.7):
            return one(*ids)
        return one(*shown, *NAMES, *NEW, *(each.upper() for each in shown))

    def targets() -> str:
        return "|".join(reference() for _ in range(int(generator.choice([1, 2, 2, 2, 3, 3, 4]))))

    log: list[Revision] = []
    order = 1
    for _ in range(COUNT):
        order += int(chance(0.6)) * (1 if chance(0.9) else 3)
        action = one(
            *ACTIONS, *["move"] * 8, "share", "undo", "undo", "unlock", "fly" * chance(0.3)
        )
        subject = one(*NEW) if action == "new" else reference()
        if action in ("lock", "unlock") and chance(0.3):
            subject = "*"
        target = {
            "share": targets,
            "new": lambda: one("", "", *NAMES, *shown),
            "rename": lambda: one(*NAMES, *shown, *ids),
            "colour": lambda: one("#00FF00", "#1b5fa8", "red", ""),
            "status": lambda: one(*STATUSES, *STATUSES.values(), "Ingenierie", "", "signé"),
            "undo": lambda now=order: one(*range(max(now - 6, 0), now + 2), "x", "", "99"),
        }.get(action, reference)()
        parts = tuple(int(each) for each in generator.integers(0, 4, int(generator.integers(2, 4))))
        log.append(
            Revision(
                action,
                one(*codes, *codes, "99999") if action not in ("new", "merge") else "",
                target,
                order=order,
                territory=subject,
                parts=parts if action == "share" and chance(0.4) else (),
                force=chance(0.2),
            )
        )
        if action == "new" and chance(0.7):
            moves = [Revision("move", one(*codes), subject, order=order) for _ in range(2)]
            log += moves
    return log


def oracle_of(zoning: tt.Zoning) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    names = {each["id"]: each["name"] for each in payload(zoning)["territories"]}
    rows = list(zoning.membership[["code", "territory", "weight"]].itertuples(index=False))
    state = oracle_replay.begin(
        sorted(zoning.communes.index), rows, names, zoning.claims, zoning.statuses, zoning.locks
    )
    pairs = zoning.borders
    return state, list(zip(pairs["left"], pairs["right"], strict=True))


def same_as_python(zoning: tt.Zoning, log: list[Revision], **options: bool) -> None:
    found = tt.replay(zoning, log, **options)
    state, told = oracle_replay.run(*(oracle_of(zoning)[0], log, oracle_of(zoning)[1]), **options)
    lines = found.lines.sort_index()
    for place, row in lines.iterrows():
        result, keys = told[place]
        assert row["result"] == result, (place, log[place], row["refusal"], keys)
        if result == "refused":
            key = row["refusal"].key.removeprefix("error.")
            assert key in keys, (place, log[place], key, keys)
    members = {code: {} for code in state["members"]}
    for code, territory, weight in found.zoning.membership.itertuples(index=False):
        members[code][territory] = pytest.approx(weight)
    assert state["members"] == members
    claims = {code: tuple(sorted(each)) for code, each in state["claims"].items() if each}
    assert dict(found.zoning.claims) == claims
    territories = state["territories"]
    assert sorted({*found.zoning.names, *found.zoning.membership["territory"]}) == sorted(
        territories
    )
    for each, row in territories.items():
        assert (each in found.zoning.locked) == oracle_replay.locked(row)
        assert found.zoning.statuses.get(each) == row["status"]
        if row["colour"]:
            assert found.zoning.colours[each] == row["colour"]


@pytest.mark.parametrize("seed", range(60))
def test_python_follows_the_rules(seed: int) -> None:
    generator = np.random.default_rng(seed)
    zoning = drawn_world(generator)
    log = drawn_log(generator, zoning)
    same_as_python(zoning, log, force=seed % 5 == 0, overlaps=seed % 7 > 0)


@pytest.mark.parametrize("seed", range(60, 80))
def test_lines_without_numbers_and_in_any_order(seed: int) -> None:
    generator = np.random.default_rng(seed)
    zoning = drawn_world(generator)
    log = [
        replace(each, order=0) if generator.random() < 0.3 else each
        for each in drawn_log(generator, zoning)
    ]
    generator.shuffle(log)
    same_as_python(zoning, log)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with (
        started() as browser,
        model_page(browser, tmp_path_factory.mktemp("oracle")) as found,
    ):
        yield found


@pytest.mark.parametrize("seed", range(100, 160))
def test_the_page_follows_the_rules(page: Page, seed: int) -> None:
    generator = np.random.default_rng(seed)
    zoning = drawn_world(generator)
    log = drawn_log(generator, zoning)
    overlaps = seed % 7 > 0
    data = payload(zoning, overlaps=overlaps)
    data["log"] = [line(each) for each in log]
    found = page.evaluate(
        """(data) => {
            const model = createModel(data);
            return {
              ...modelState(model),
              faults: model.lines().map(({ fault }) => fault?.key ?? null),
              territories: model.territories(),
            };
        }""",
        data,
    )
    start, pairs = oracle_of(zoning)
    state, told = oracle_replay.run(start, log, pairs, overlaps=overlaps)
    python = tt.replay(zoning, log, overlaps=overlaps)
    results = [each for _, each in found["results"]]
    for place, (result, keys) in sorted(told.items()):
        said = {"fault": "refused"}.get(results[place], results[place])
        assert said == result, (place, log[place], found["faults"][place], keys)
        if result == "refused":
            told_in_python = python.lines.loc[place, "refusal"].key.removeprefix("error.")
            assert found["faults"][place] == told_in_python, (place, log[place])
    for code, members in zip(data["codes"], found["members"], strict=True):
        assert dict(members) == pytest.approx(state["members"][code])
    for code, claims in zip(data["codes"], found["claims"], strict=True):
        assert set(claims) == state["claims"][code]
    rows = {each["id"]: each for each in found["territories"]}
    assert sorted(rows) == sorted(state["territories"])
    for each, row in state["territories"].items():
        assert rows[each]["name"] == row["name"]
        assert rows[each]["status"] == row["status"]
        assert rows[each]["locked"] == oracle_replay.locked(row)
        if row["colour"]:
            assert rows[each]["colour"].lower() == row["colour"]
