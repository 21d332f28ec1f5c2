"""Random logs of decisions, and the draft that they are about."""

from __future__ import annotations

import numpy as np
import pandas as pd
from grids import code, grid

import territories as tt
from territories.revisions import ACTIONS, STATUSES, Revision


def any_log(seed, count=30, undos=True):
    """Draw a log on a grid of twenty communes, with lines that do not apply among them."""
    draws = np.random.default_rng(seed)
    ids = ["a", "b", "c", "d", "e", "Été", "b2"]
    log, order = [], 0
    for _ in range(count):
        order += int(draws.random() < 0.7)
        action = str(draws.choice(list(ACTIONS)))
        if action == "undo" and not undos:
            action = "move"
        some = [str(each) for each in draws.choice(ids, 3)]
        targets = {
            "share": "|".join(some[: int(draws.integers(1, 4))]),
            "rename": str(draws.choice(["Été", "x", "y", ""])),
            "colour": "#00ff00",
            "status": str(draws.choice([*STATUSES, ""])),
            "undo": str(int(draws.integers(0, order + 2))),
        }
        log.append(
            Revision(
                action,
                code(int(draws.integers(1, 21))),
                targets.get(action, some[0]),
                order=max(order, 1),
                territory="*" if draws.random() < 0.05 else some[1],
                force=bool(draws.random() < 0.3),
            )
        )
    return log


def base(seed):
    layer = grid(4, 5, seed=seed)
    labels = {code(k + 1): "abcd"[(k % 5) // 2 + (k >= 10)] for k in range(20)}
    return tt.Zoning.from_labels(pd.Series(labels), communes=layer)
