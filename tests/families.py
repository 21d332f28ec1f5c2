"""Keys of words that the code makes from values: which they are, read from the code itself."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import product
from typing import TYPE_CHECKING, get_args

from territories._applied import _RESULTS
from territories._coding import STATES, _distinct, _notices
from territories._columns import _WRONG, number_column
from territories._extract import PLACES, Dash, labels
from territories._files import _SIGNATURES, _TEXTS
from territories._log_files import _WRITTEN
from territories._stay_values import REASONS
from territories.codes import looks_like
from territories.revisions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _nodes(function: Callable[..., object]) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))


def _texts(node: ast.AST) -> set[str]:
    constants = (each for each in ast.walk(node) if isinstance(each, ast.Constant))
    return {each.value for each in constants if isinstance(each.value, str)}


def returned(function: Callable[..., object]) -> set[str]:
    """Give the texts that a function may return."""
    returns = (each for each in _nodes(function) if isinstance(each, ast.Return) and each.value)
    return set().union(*map(_texts, returns))


def looped(function: Callable[..., object], name: str) -> set[str]:
    """Give the texts that a variable takes in a loop of a function over a tuple that is written."""
    found: set[str] = set()
    for node in _nodes(function):
        if not isinstance(node, ast.For) or not isinstance(node.iter, ast.Tuple):
            continue
        if isinstance(node.target, ast.Name) and node.target.id == name:
            found |= _texts(node.iter)
        elif isinstance(node.target, ast.Tuple) and node.target.elts[0].id == name:
            found |= {each.elts[0].value for each in node.iter.elts}
    return found


def named(function: Callable[..., object], method: str) -> set[str]:
    """Give the texts that a function passes to a method."""
    return {
        text
        for node in _nodes(function)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == method
        for argument in node.args
        for text in _texts(argument)
    }


# The beginning of the keys, and all that may follow it.
FAMILIES: dict[str, set[str]] = {
    "error.number_": {*_WRONG, *named(number_column, "faults")},
    "error.code_": {*returned(looks_like), "names"},
    "notice.code_": looped(_notices, "key"),
    "notice.activity_": looped(labels, "key"),
    "notice.dash_": set(get_args(Dash)),
    "notice.": {*looped(_distinct, "key"), "decimal_comma", "thousands", "notation"},
    "format.": {
        *(kind for _, kind in (*_SIGNATURES, *_TEXTS)),
        *("yaml", "office", "binary", "hidden"),
    },
    "revision.": {*_RESULTS, *_WRITTEN},
    "revision.told_": set(ACTIONS),
    "revision.head_": {"order", "what", "who", "when", "why", "result"},
    "reason.": {
        *map("_".join, product(STATES, PLACES)),
        *("total", "total_activity", "missing_activity", "missing_practitioner"),
        *("missing_patient", "missing_date", "cancelled"),
        *("missing_patients", "other_year", "duplicate", "footnote", "practice_undetermined"),
        *("missing_pmsi_code", "missing_site", "missing_stays", "sent_twice"),
        *("unknown_site", "unknown_pmsi_code", "unknown_commune"),
        "stay_repeated",
        *filter(None, REASONS),
        *("no_zone", "no_territory", "pair_alone", "pair_twice", "chain_unknown"),
        *("chain_cap", "patient_unnamed"),
    },
}
MADE = {begins + ends for begins, family in FAMILIES.items() for ends in family}
