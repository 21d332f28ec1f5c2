"""Objects given in place of others: one message, which says where the right one comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from grids import codes, drawn, flows

import territories as tt
from territories._words import using
from territories.errors import of_kind

if TYPE_CHECKING:
    from collections.abc import Callable

LAYER = drawn("AB", population=[10, 20])
FLOWS = flows([("00001", "00002", 40), ("00002", "00002", 30)], LAYER)
ZONING = tt.Zoning.from_labels(pd.Series(codes("AB"), codes("AB")), communes=LAYER)
PATH = "zones.csv"


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda: tt.evaluate(PATH, FLOWS), "Zoning"),
        (lambda: tt.evaluate(ZONING, PATH), "Flows"),
        (lambda: tt.evaluate(FLOWS, ZONING), "Zoning"),
        (lambda: tt.evaluate(ZONING, FLOWS, times=PATH), "DataFrame"),
        (lambda: tt.exchanges(ZONING, PATH), "Flows"),
        (lambda: tt.explain(FLOWS, ZONING, "00001"), "Zoning"),
        (lambda: tt.explain(ZONING, FLOWS, "00001", stays=PATH), "Flows"),
        (lambda: tt.selection(PATH, ["00001"]), "Flows"),
        (lambda: tt.comparisons(ZONING, [ZONING]), "dict"),
        (lambda: tt.maps.comparison_map(ZONING, PATH), "dict"),
        (lambda: tt.dominant_poles(PATH), "Flows"),
        (lambda: tt.concordance(FLOWS), "Poles"),
        (lambda: tt.superposition(FLOWS), "Poles"),
        (lambda: tt.odds_ratios(PATH), "Flows"),
        (lambda: tt.delineate(LAYER, FLOWS, territories=1), "Flows"),
        (lambda: tt.delineate(FLOWS, PATH, territories=1), "GeoDataFrame"),
        (lambda: tt.leave_one_out(PATH, LAYER), "Flows"),
        (lambda: tt.density(PATH, LAYER), "Supply"),
        (lambda: tt.accessibility(PATH, LAYER, activity="x"), "Supply"),
        (lambda: tt.export_xlsx(FLOWS, "x.xlsx"), "Zoning"),
        (lambda: tt.read_flows(PATH, communes="communes.geojson"), "GeoDataFrame"),
    ],
)
def test_one_clear_message(call: Callable[[], object], kind: str) -> None:
    with pytest.raises(tt.InputError) as refused:
        call()
    with using("fr"):
        told = str(refused.value)
    assert f"un objet {kind} est attendu" in told
    assert "\n" not in told


def test_all_at_once_and_subclasses() -> None:
    with pytest.raises(tt.InputError) as told:
        of_kind("Flows", flows=1, stays="x")
    assert str(told.value).splitlines() == [
        "flows: a Flows is meant (tt.read_flows(…).located()), not int.",
        "stays: a Flows is meant (tt.read_flows(…).located()), not str.",
    ]
    of_kind("DataFrame", table=LAYER)
    of_kind("Flows", flows=FLOWS)
