"""Modules of the pages: nothing in them that nobody uses, and imports that say where things are."""

from __future__ import annotations

import re
from pathlib import Path

import territories
from territories._words import WORDS

FOLDER = Path(territories.__file__).parent
MODULES = {path.name: path.read_text("utf-8") for path in (FOLDER / "webmap").glob("*.js")}
PYTHON = "\n".join(path.read_text("utf-8") for path in sorted(FOLDER.glob("*.py")))
TESTS = "\n".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
SCRIPTS = "\n".join(MODULES.values())

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)", re.MULTILINE)


def imported() -> dict[tuple[str, str], str]:
    return {
        (source, name.strip()): module
        for module, text in MODULES.items()
        for names, source in IMPORT.findall(text)
        for name in names.split(",")
        if name.strip()
    }


def test_what_a_module_imports_is_there_and_used() -> None:
    known = {(module, name) for module, text in MODULES.items() for name in EXPORT.findall(text)}
    assert len(imported()) > 100
    assert set(imported()) - known == set()
    unused = {
        (module, name)
        for (_, name), module in imported().items()
        if len(re.findall(rf"\b{name}\b", MODULES[module])) == 1
    }
    assert unused == set()


def test_what_a_module_exports_is_imported_or_called_by_a_page() -> None:
    """Or asked for by a test, in its own name."""
    needed = set(imported())
    alone = {
        (module, name)
        for module, text in MODULES.items()
        for name in EXPORT.findall(text)
        if (module, name) not in needed and not re.search(f"[\"']{name}[\"']", PYTHON + TESTS)
    }
    assert alone - {("widget.js", "renderWidget")} == set()  # called by the glue in `widget.py`


def test_no_function_of_a_module_is_left_over() -> None:
    found = re.compile(r"^(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)
    dead = {
        (module, name)
        for module, text in MODULES.items()
        for name in found.findall(text)
        if len(re.findall(rf"\b{name}\b", text)) == 1
    }
    assert dead == set()


def test_every_word_of_the_workshop_is_said() -> None:
    """Whole in a script, or made there from a beginning and a word that stands in a script."""
    begins = set(re.findall(r"[`.]([a-z_]+_)\$\{", SCRIPTS))
    words = set(re.findall(r"\b[a-z][a-z_0-9]*\b", SCRIPTS))

    def said(key: str) -> bool:
        plain = re.sub("(_(one|many|all|help|short|public)|ed)$", "", key)
        made = any(each.startswith(begin) and each.removeprefix(begin) in words
                   for begin in begins for each in (key, plain))  # fmt: skip
        return {key, plain} & words != set() or made or f"editor.{key}" in PYTHON

    keys = [key.removeprefix("editor.") for key in WORDS if key.startswith("editor.")]
    assert len(keys) > 300
    assert [key for key in keys if not said(key)] == []
