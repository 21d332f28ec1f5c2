"""Mutants of the core modules: which faults, put in one by one, the tests do not see.

``python benchmarks/mutation.py [MODULE …] [--most 150] [--seed 0]``

The mutants are cosmic-ray's (another comparison, another number, another operator, a condition
turned round, a loop not entered, a decorator less…), and texts that are changed. Not its runner:
it begins a program for each mutant and writes it over the source, and 2 s of imports for each are
most of the time. Here a mutant is a fork that has all but the package and its tests in memory; it
imports those, with the mutant in place of the module, and runs the tests that judge it, those that
take least time first, until one fails. No file is changed. Draws of Hypothesis are the same in each
run.

A mutant that no test sees is a survivor: told with its line, unless ``tests/equivalent.toml`` says
why it changes nothing. Comparisons and numbers, which are thresholds and classes, have a score of
their own, and are all judged where the others are drawn.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import importlib
import importlib.util
import itertools
import json
import os
import random
import resource
import sys
import tempfile
import time
import tomllib
import traceback
import warnings
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators import provider
from cosmic_ray.operators.operator import Operator
from hypothesis.internal.conjecture import providers as draws

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from types import CodeType

    import parso

HERE: Final = Path(__file__).resolve().parents[1]
EQUIVALENT: Final = HERE / "tests" / "equivalent.toml"

# The tests that judge a module: its own first, and few; its examples are tests too.
JUDGES: Final = {
    "secrecy": ["test_secrecy"],
    "concordance": ["test_concordance"],
    "poles": ["test_poles"],
    "codes": ["test_codes", "test_cog"],
    "revisions": ["test_revisions"],
    "evaluation": ["test_evaluation"],
    "disclosure": ["test_disclosure"],
    "_masking": ["test_disclosure"],
}

# Identity in place of equality tells nothing; pandas takes both signs for the opposite of a truth
# value; variables are put in and changed where one asks.
LEFT_OUT: Final = ("_Is", "_IsNot", "Invert_USub", "NoOp", "Variable")
# Another kind of operator (a shift for a sum) stops at once, and would only raise the score.
KINDS: Final = (
    {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"},
    {"BitAnd", "BitOr", "BitXor"},
)
OF_THRESHOLDS: Final = ("Comparison", "Number")
BUDGET: Final = 12  # seconds of processor for the tests of a mutant
MEMORY: Final = 4 << 30  # bytes that a mutant may take above what it begins with


class TextReplacer(Operator):
    """Another text in place of one; those of documentation are left out later on."""

    def mutation_positions(self, node: parso.tree.NodeOrLeaf) -> Iterator[tuple[object, object]]:
        """Find the texts."""
        if node.type == "string":
            yield node.start_pos, node.end_pos

    def mutate(
        self,
        node: parso.tree.NodeOrLeaf,
        index: int,  # noqa: ARG002 - of Operator
    ) -> parso.tree.NodeOrLeaf:
        """Put a letter before the text."""
        start = min(node.value.find(mark) for mark in "'\"" if mark in node.value) + 1
        node.value = f"{node.value[:start]}ø{node.value[start:]}"
        return node

    @classmethod
    def examples(cls) -> tuple[object, ...]:
        """Give none."""
        return ()


@dataclass(frozen=True)
class Mutant:
    """One fault: the line as it is and as it would be."""

    number: int
    line: str
    mutant: str
    operator: str
    code: CodeType

    @property
    def of_thresholds(self) -> bool:
        """Tell whether it concerns a comparison or a number."""
        return of_thresholds(self.operator)


class Bare(ast.NodeTransformer):
    """Leaves out of a tree what is never run: annotations and documentation."""

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        """Leave out the annotations of arguments, and which go by place or by name."""
        every = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        for each in every:
            each.annotation = None
        node.posonlyargs, node.args, node.kwonlyargs = [], every, []
        node.defaults += [each for each in node.kw_defaults if each is not None]
        node.kw_defaults = []
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """Leave the annotation of a name out."""
        node.annotation = ast.Constant(None)
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Leave the annotation of what a function returns out."""
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Leave texts that nothing takes out."""
        return None if isinstance(node.value, ast.Constant) else node

    def visit_If(self, node: ast.If) -> ast.If | None:
        """Leave out what is for the checker of types."""
        names = {each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)}
        if "TYPE_CHECKING" in names:
            return None
        self.generic_visit(node)
        return node


def run_of(source: str) -> str | None:
    """Write what of a source is run; None: it cannot be."""
    with warnings.catch_warnings(action="ignore"), contextlib.suppress(SyntaxError):
        return ast.dump(Bare().visit(ast.parse(source)))
    return None


def of_thresholds(name: str) -> bool:
    """Tell whether an operator changes comparisons or numbers."""
    return any(each in name for each in OF_THRESHOLDS)


def wanted(name: str) -> bool:
    """Tell whether an operator of cosmic-ray makes faults that people make."""
    if name.startswith("ReplaceBinaryOperator"):
        return any({*name.split("_")[1:]} <= kind for kind in KINDS)
    return not any(each in name for each in LEFT_OUT)


def mutants(path: Path, most: int = 0, seed: int = 0) -> list[Mutant]:
    """Make the mutants of a module, each once; of others than thresholds `most`, if given."""
    source = path.read_text(encoding="utf-8")
    nodes = list(ast_nodes(get_ast(source)))
    known = provider.OperatorProvider()
    operators = {name: known[name]() for name in known if wanted(name)}
    operators["TextReplacer"] = TextReplacer()
    places = [
        (name, occurrence)
        for name, each in operators.items()
        for occurrence in range(sum(len(list(each.mutation_positions(node))) for node in nodes))
    ]
    random.Random(seed).shuffle(places)
    seen = {run_of(source), None}
    made = []
    others = 0
    for name, occurrence in places:
        if others == most > 0 and not of_thresholds(name):
            continue
        mutated = mutate_code(source, operators[name], occurrence)
        run = run_of(mutated)
        if run in seen:
            continue
        seen.add(run)
        with warnings.catch_warnings(action="ignore"):
            code = compile(mutated, path, "exec", dont_inherit=True)
        made.append(Mutant(*changed(source, mutated), name, code))
        others += not of_thresholds(name)
    return sorted(made, key=lambda each: (each.number, each.operator, each.mutant))


def changed(source: str, mutated: str) -> tuple[int, str, str]:
    """Return the number of the first line that differs, and both."""
    before, after = source.splitlines(), mutated.splitlines()
    number = next(place for place, pair in enumerate(zip(before, after, strict=False))
                  if pair[0] != pair[1])  # fmt: skip
    return number + 1, before[number].strip(), after[number].strip()


class Instead(SourceFileLoader):
    """Finds and loads a module as a mutant."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        """Keep the mutant."""
        super().__init__(name, str(path))
        self.mutant = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - of import
        """Give the mutant."""
        return self.mutant

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Find the module, no other."""
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)


class Cheapest:
    """Runs the tests that take least time first, and no more of them than `BUDGET` allows.

    Most mutants need no other; and what survives has been tried long enough.
    """

    def __init__(self, seconds: dict[str, float]) -> None:
        """Keep what each test takes."""
        self.seconds = seconds

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Put the tests in order, less those of data that are not part of the project."""
        items[:] = [each for each in items if "shared_data" not in each.fixturenames]
        items.sort(key=lambda each: self.seconds.get(each.nodeid, 0.0))
        total = itertools.accumulate(self.seconds.get(each.nodeid, 0.0) for each in items)
        items[:] = [each for each, sum_ in zip(items, total, strict=True) if sum_ < BUDGET]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Function) -> Generator[None, object, object]:
        """Note what a test takes."""
        start = time.process_time()
        end = yield
        self.seconds[item.nodeid] = time.process_time() - start
        return end


def judged(
    module: str,
    words: Sequence[str],
    code: CodeType | None,
    seconds: int,
    *,
    order: Path,
) -> int:
    """Run the tests in a fork; return how it ended (0: no test failed; negative: a signal).

    Without a mutant what each test takes is written to the file `order`, for those to come.
    """
    sys.stdout.flush()
    number = os.fork()
    if number:
        _, status = os.waitpid(number, 0)
        return os.waitstatus_to_exitcode(status)
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        memory = now * os.sysconf("SC_PAGE_SIZE") + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if code is not None:
            path = HERE / "territories" / f"{module}.py"
            sys.meta_path.insert(0, Instead(f"territories.{module}", path, code))
        cheapest = Cheapest({} if code is None else json.loads(order.read_text(encoding="utf-8")))
        end = pytest.main(list(words), plugins=[cheapest])
        if code is None:
            order.write_text(json.dumps(cheapest.seconds), encoding="utf-8")
        os._exit(end)
    except BaseException:  # noqa: BLE001 - of a fork, which ends here
        traceback.print_exc()
    finally:
        os._exit(99)


def prepare(tests: Sequence[str]) -> None:
    """Import what the tests need, and forget the package and what is of the tests."""
    sys.path[:0] = [str(HERE), str(HERE / "tests"), str(HERE / "benchmarks")]
    for name in ("_hypothesis_pytestplugin", "territories", "conftest", *tests):
        importlib.import_module(name)
    # Or each fork would read the constants of all sources again.
    with warnings.catch_warnings(action="ignore"):
        constants = draws._get_local_constants()  # noqa: SLF001 - no other way
    draws._get_local_constants = lambda: constants  # noqa: SLF001
    # To ask a lazy module for its file loads it, and what it imports: all of them before any goes.
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    mine = {name for name, of in files.items() if of and Path(of).is_relative_to(HERE)}
    for name in [*sys.modules]:
        if name.startswith("territories.") or name in mine - {"__main__"}:
            del sys.modules[name]
    hypothesis.settings.register_profile(
        "mutation",
        deadline=None,
        max_examples=50,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # a failure is enough
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    gc.freeze()  # or each fork would look through all that is in memory for what can go


def words_of(module: str) -> tuple[list[str], list[str]]:
    """Return the tests of a module, those that there are, and the words for pytest."""
    tests = [name for name in JUDGES[module] if (HERE / "tests" / f"{name}.py").exists()]
    files = [str(HERE / "tests" / f"{name}.py") for name in tests]
    files.append(str(HERE / "territories" / f"{module}.py"))
    options = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:anyio",
        "--hypothesis-profile=mutation",
    ]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # imported before, for all
    return tests, [f"--rootdir={HERE}", *options, *files]


def score(killed: int, number: int) -> str:
    """Write a score."""
    return f"{killed}/{number} ({killed / number:.1%})" if number else "none"


def try_module(module: str, most: int, seed: int, *, order: Path) -> list[Mutant]:
    """Judge the mutants of a module, and print what survives."""
    tests, words = words_of(module)
    prepare(tests)
    start = time.monotonic()
    code = judged(module, words, None, 600, order=order)
    if code:
        sys.exit(f"{module}: the tests fail without a mutant ({code})")
    seconds = 10 + round(10 * (time.monotonic() - start))
    made = mutants(HERE / "territories" / f"{module}.py", most, seed)
    known = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")) if EQUIVALENT.exists() else {}
    same = {(each["line"], each["mutant"]) for each in known.get(module, [])}
    tried = [each for each in made if (each.line, each.mutant) not in same]
    left_out = len(made) - len(tried)
    alive = []
    for turn, each in enumerate(tried):
        if judged(module, words, each.code, seconds, order=order) == 0:
            alive.append(each)
            told = f"{module}.py:{each.number} {each.operator}\n  - {each.line}\n  + {each.mutant}"
            print(told, flush=True)
        print(f"\r{turn + 1} of {len(tried)}, {len(alive)} alive", end="", file=sys.stderr)
    firm = [each for each in tried if each.of_thresholds]
    firm_alive = sum(each.of_thresholds for each in alive)
    print(
        f"{module}: killed {score(len(tried) - len(alive), len(tried))}"
        f"{' (others drawn)' if most else ''}, {left_out} equivalent; comparisons and numbers"
        f" {score(len(firm) - firm_alive, len(firm))}; {time.monotonic() - start:.0f} s"
    )
    return alive


def command() -> None:
    """Judge the modules that are asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("modules", nargs="*", default=list(JUDGES), metavar="MODULE")
    asked.add_argument("--most", type=int, default=0, help="mutants besides thresholds; 0: all")
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # What is compiled once serves all forks.
        sys.dont_write_bytecode, sys.pycache_prefix = False, folder
        for module in given.modules:
            try_module(module, given.most, given.seed, order=Path(folder) / f"{module}.json")


if __name__ == "__main__":
    command()
