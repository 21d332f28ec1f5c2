"""Compilation of the engine's inner loops, once for a machine; plain Python where it cannot be."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., object])

# Modules whose functions are compiled.
SOURCES: Final = ("_draws", "_levels", "_limits", "_moves", "_repair", "_search")


def compiled(function: Function) -> Function:
    """Compile a function of arrays with numba and keep what was compiled for the next time.

    Where numba is not there the function stays as it is: the same results, slowly.
    """
    try:
        # Half a second that reading and checking files do not need.
        numba: Any = importlib.import_module("numba")
    except (ImportError, OSError):  # not there, or its library may not be loaded on this machine
        return function
    given = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _folder(given)
    try:
        return cast("Function", numba.njit(cache=True, error_model="numpy")(function))
    except RuntimeError:  # no folder to keep it in
        return cast("Function", numba.njit(error_model="numpy")(function))
    finally:
        numba.config.CACHE_DIR = given


@cache
def _folder(given: str) -> str:
    """Name the folder of what is compiled: another one whenever any of the sources changes.

    numba itself looks only at the file of a function, not at those of the functions and types it
    uses: after an update it would go on with the old ones, or stop.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((here / f"{name}.py").read_bytes())
    if given:
        chosen = Path(given)
    elif os.access(here, os.W_OK):
        chosen = here / "__pycache__"
    else:
        import platformdirs  # noqa: PLC0415 - seldom needed

        chosen = platformdirs.user_cache_path("territories", appauthor=False)
    return str(chosen / f"engine-{digest.hexdigest()[:16]}")


def lazily(name: str) -> Any:  # noqa: ANN401
    """Return a module that is loaded when something of it is first used."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
