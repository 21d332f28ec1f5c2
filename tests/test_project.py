"""The project holds its own rules: layers, the README's session, words, the notebook."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from families import MADE
from nbclient import NotebookClient

import territories
from territories._words import WORDS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "territories"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_layers():
    """Imports follow the data, one way: the contract in pyproject.toml."""
    command = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda p: p.stem)
def test_what_benchmarks_import_is_there(path):
    """They are run by hand: what moves within the package must not break them unseen."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("territories"):
            module = importlib.import_module(node.module)
            missing = [each.name for each in node.names if not hasattr(module, each.name)]
            submodules = {path.stem for path in PACKAGE.glob("*.py")}
            assert set(missing) <= submodules, node.module


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_session(tmp_path, monkeypatch):
    """The README's session runs as it stands, on the files of data/."""
    session = re.search(r"```python\n(.*?)```", readme(), re.DOTALL)[1]
    assert len(session.strip().splitlines()) <= 20
    for name in (ROOT / "data").iterdir():
        (tmp_path / name.name).write_bytes(name.read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(session, "README.md", "exec"), names)  # noqa: S102
    assert (tmp_path / "map.html").stat().st_size > 100_000
    assert (tmp_path / "cpts.geojson").exists()
    assert len(names["zoning"].territories) == 12


def test_readme_modules():
    """The glossary of the README is the list of the public modules."""
    listed = set(re.findall(r"^\| `(\w+)` \|", readme(), re.MULTILINE))
    modules = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("_")}
    assert listed == modules


def test_readme_files_exist():
    for path in re.findall(r"\]\(([^)#:]+)\)", readme()):
        assert (ROOT / path).exists(), path


def test_public_names_exist_and_are_documented():
    for name in territories.__all__:
        assert getattr(territories, name).__doc__, name


def said_keys() -> set[str]:
    """Keys of the table of words that the package's code names, whole or by their beginning."""
    keys = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                keys.add(node.value)
    return keys


def test_every_refusal_has_words():
    """Each fault named in the code stands in the table, in both languages."""
    for path in PACKAGE.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        for key in re.findall(r'\bfault\(\s*"(\w+)"', source):
            assert f"error.{key}" in WORDS, (path.name, key)
        for key in re.findall(r'\bSentence\(\s*"([\w.]+)"', source):
            assert key in WORDS, (path.name, key)


def test_every_error_word_is_used():
    """No sentence of the table is left over from something that is gone."""
    named = said_keys()
    for key in WORDS:
        group, name = key.split(".", 1)
        if group in ("error", "unmet", "notice", "stage", "reason", "format"):
            assert name in named or key in named or key in MADE, key


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path, tmp_path):
    """Each notebook runs from top to bottom, and is stored without outputs."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        assert not cell.get("outputs"), f"{path.name} is stored with outputs"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
