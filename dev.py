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

USAGE = """Usage: python dev.py demo | test [what pytest takes] | coverage [what pytest takes]

demo      do the main job on the fictional region, into the folder demo/
test      check style, types and layers, then run all tests (side by side; -n 0: one by one)
coverage  run all tests, and tell which lines and branches they leave out (90 % are wanted)
"""

# As many as there are processors, up to what memory bears with browsers.
SIDE_BY_SIDE = ("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal")


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
    run("-m", "pytest", *SIDE_BY_SIDE, *words)


def coverage(*words: str) -> None:
    """Run the tests; tell what they leave out, branch by branch."""
    set_up(".[test]")
    run("-m", "territories.cli", "warmup")
    # Of all tests it must be 90 %; of those that are named, it is what it is.
    wanted = () if words else ("--cov-fail-under=90",)
    run("-m", "pytest", *SIDE_BY_SIDE, "--cov", "--cov-report=term-missing", *wanted, *words)


if __name__ == "__main__":
    task, *more = sys.argv[1:] or [""]
    if task == "demo" and not more:
        demo()
    elif task == "test":
        test(*more)
    elif task == "coverage":
        coverage(*more)
    else:
        sys.exit(USAGE)
