"""Set up and run the project from a fresh clone: `python dev.py demo` or `python dev.py test`.

Needs Python 3.11 or later with pip and venv, nothing else: it makes a virtual environment in .venv,
installs the project there, and does the job.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
SCRIPTS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")

USAGE = """Usage: python dev.py demo | test [what pytest takes]

demo  do the main job on the fictional region, into the folder demo/
test  check style, types and layers, then run all tests (side by side; -n 0: one after the other)
"""


def set_up(extras: str) -> None:
    """Make the virtual environment if there is none, and install the project into it."""
    if not PYTHON.exists():
        print(f"Making a virtual environment in {ENVIRONMENT} …", flush=True)
        venv.create(ENVIRONMENT, with_pip=True)
    print("Installing the project …", flush=True)
    run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable", extras)


def run(*words: str) -> None:
    """Run the environment's Python; stop here if it fails."""
    code = subprocess.run([PYTHON, *words], cwd=HERE, check=False).returncode
    if code:
        sys.exit(code)


def demo() -> None:
    """Do the main job on the embedded fictional region."""
    set_up(".")
    run("-m", "territories.cli", "demo", "--out", "demo", "--overwrite")


def test(*words: str) -> None:
    """Check the code, then run the tests."""
    set_up(".[test]")
    run("-m", "ruff", "check", ".")
    run("-m", "ruff", "format", "--check", ".")
    run("-m", "mypy")
    # The engine is compiled once, not by each of the processes that test side by side.
    run("-m", "territories.cli", "warmup")
    # As many as there are processors, up to what memory bears with browsers.
    run("-m", "pytest", *("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal"), *words)


if __name__ == "__main__":
    task, *more = sys.argv[1:] or [""]
    if task == "demo" and not more:
        demo()
    elif task == "test":
        test(*more)
    else:
        sys.exit(USAGE)
