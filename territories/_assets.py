"""Scripts and styles of the pages and the widget: ES modules joined into one script, offline."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import Final

# The forms that our modules keep to, so that joining them is cutting these lines out.
_IMPORT: Final = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?function|const|class)", re.MULTILINE)


def asset(name: str) -> str:
    """Return the text of a file of the folder ``webmap``."""
    return (resources.files("territories") / "webmap" / name).read_text(encoding="utf-8")


@functools.cache
def script(name: str, *exposed: str) -> str:
    """Join a module and those it imports into one script that needs no other file.

    Parameters
    ----------
    name
        Of the module, such as ``"map.js"``.
    exposed
        What of it the page calls, put on ``window``.
    """
    calls = "\n".join(f"window.{each} = {each};" for each in exposed)
    return f'(function () {{\n"use strict";\n{joined(name)}\n{calls}\n}})();'


def joined(name: str) -> str:
    """Join a module with those it imports, each once and after those it needs."""
    parts: dict[str, str] = {}

    def add(module: str) -> None:
        if module in parts:
            return
        text = asset(module)
        parts[module] = ""  # two modules may need each other's functions
        for needed in _IMPORT.findall(text):
            add(needed)
        del parts[module]
        parts[module] = _EXPORT.sub("", _IMPORT.sub("", text))

    add(name)
    return "\n".join(parts.values())


@functools.cache
def leaflet(name: str) -> str:
    """Return a file of Leaflet without what points outside the page."""
    text = asset(f"vendor/{name}").replace("https://leafletjs.com", "leafletjs.com")
    text = re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE)
    if name.endswith(".css"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = re.sub(r"[\w-]+:\s*url\([^)]*\);", "", text)
    return text


def enclosed_leaflet() -> str:
    """Return Leaflet as a constant ``L`` of a module: it neither finds nor leaves a global."""
    # In a notebook `define` is another's loader, which would take Leaflet away.
    return (
        "const L = (function () {\nconst exports = {}, module = { exports };\n"
        "let define;\nconst before = window.L;\n"
        f"{leaflet('leaflet.js')}\n"
        "window.L = before;\nreturn exports;\n}).call(globalThis);"
    )
