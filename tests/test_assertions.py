"""Each test asserts something: itself, or by a function of the tests that it calls."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS: Final = Path(__file__).parent
FILES: Final = sorted(TESTS.glob("*.py"))

# What fails by itself where something is not so.
ASSERTING: Final = ("raises", "warns", "fail", "expect", "check_call")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes of a function, those of functions within it left out."""
    for child in ast.iter_child_nodes(function):
        yield child
        if not isinstance(child, Function | ast.Lambda):
            yield from own_nodes(child)


def called(node: ast.AST) -> str:
    """Return the last name of what is called; none: empty."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def says_something(node: ast.AST) -> bool:
    """Tell whether a node fails where something is not so; a constant always is."""
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant | ast.Tuple)
    name = called(node)
    if name == "run":  # a program of asserts
        return any(each.arg == "check" and _true(each.value) for each in node.keywords)
    return name in ASSERTING or name.startswith("assert_")


def _true(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def asserts(function: ast.AST, known: dict[str, list[ast.AST]], seen: frozenset[str]) -> bool:
    """Tell whether a function asserts, or calls one of those known that does."""
    nodes = list(own_nodes(function))
    if any(map(says_something, nodes)):
        return True
    inner = {node.name: [node] for node in nodes if isinstance(node, Function)}
    known = known | inner
    return any(
        asserts(each, known, seen | {name})
        for name in sorted({called(node) for node in nodes} - seen)
        for each in known.get(name, [])
    )


def functions(tree: ast.AST) -> Iterator[Function]:
    """Give the functions of a file and of its classes, not those within functions."""
    return (node for node in own_nodes(tree) if isinstance(node, Function))


def by_name(tree: ast.AST) -> dict[str, list[ast.AST]]:
    """Return the functions of a file by their names."""
    found: dict[str, list[ast.AST]] = {}
    for function in functions(tree):
        found.setdefault(function.name, []).append(function)
    return found


def silent(text: str, shared: dict[str, list[ast.AST]]) -> list[str]:
    """List the tests of a file that assert nothing."""
    tree = ast.parse(text)
    known = shared | by_name(tree)
    tests = [each for each in functions(tree) if each.name.startswith("test")]
    return [each.name for each in tests if not asserts(each, known, frozenset({each.name}))]


@pytest.fixture(scope="module")
def shared() -> dict[str, list[ast.AST]]:
    """Give the functions that tests share, by their names."""
    found: dict[str, list[ast.AST]] = {}
    for path in FILES:
        if not path.name.startswith("test_"):
            for name, those in by_name(ast.parse(path.read_text(encoding="utf-8"))).items():
                found.setdefault(name, []).extend(those)
    return found


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name.startswith("test_")], ids=lambda path: path.stem
)
def test_no_test_asserts_nothing(path: Path, shared: dict[str, list[ast.AST]]) -> None:
    assert silent(path.read_text(encoding="utf-8"), shared) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("def test_a():\n    assert f()", []),
        ("def test_a():\n    f()", ["test_a"]),
        ("def test_a():\n    assert True", ["test_a"]),
        ("def test_a():\n    assert (f(), 'always')", ["test_a"]),
        ("def test_a():\n    with pytest.raises(ValueError):\n        f()", []),
        ("def g():\n    h()\ndef h():\n    assert f()\ndef test_a():\n    g()", []),
        ("def g():\n    g()\ndef test_a():\n    g()", ["test_a"]),
        ("def test_a():\n    @given(x)\n    def inner(x):\n        assert x\n    inner()", []),
        ("def test_a():\n    def inner(x):\n        assert x", ["test_a"]),
        ("def test_a():\n    checked(f)", []),  # of those shared
        ("class TestA:\n    def test_a(self):\n        f()", ["test_a"]),
        ("def test_a():\n    assert_frame_equal(f, g)", []),
    ],
)
def test_what_asserts(body: str, found: list[str]) -> None:
    helper = ast.parse("def checked(x):\n    assert x").body
    assert silent(body, {"checked": helper}) == found
