"""ACI sizes: bounds, how far they are, amounts by agreement year, and tables of one's own."""

import math
from importlib import resources

import numpy as np
import pandas as pd
import pytest
from grids import code, drawn, letters
from hypothesis import given
from hypothesis import strategies as st

import territories as tt
from territories.aci import ACI_BOUNDS, Agreement, aci_measures, aci_size, packaged_aci


@pytest.mark.parametrize(
    ("population", "size"),
    [
        (0, 1),
        (39_999, 1),
        (40_000, 2),
        (79_999, 2),
        (80_000, 3),
        (174_999, 3),
        (175_000, 4),
        (2_573_303, 4),
        (180_000, 4),
        (196_000, 4),
        (128_231, 3),
        (28_531, 1),
        (45_987, 2),
        (58_582, 2),
        (32_688, 1),
    ],
)
def test_aci_size(population, size):
    """Half-open bounds, and the seven CPTS of the interviews."""
    assert aci_size(pd.Series([population], index=["x"])).to_dict() == {"x": size}
    communes = drawn("AB", population=[population, 1])
    zoning = tt.Zoning.from_labels({code("A"): "x"}, communes=communes)
    assert tt.evaluate(zoning, letters([]))["aci_size"].to_dict() == {"x": size}


def test_aci_bounds():
    assert ACI_BOUNDS == (40_000, 80_000, 175_000)
    found = aci_size(pd.Series([1, 50_000], index=["b", "a"]))
    assert found.name == "aci_size"
    assert found.index.tolist() == ["b", "a"]
    assert aci_size(pd.Series([], dtype="int64")).empty


@given(st.integers(0, 3_000_000))
def test_distances_to_the_bounds(people):
    """As many more make the next size, as many less keep this one and one more loses it."""
    found = aci_measures(pd.Series([people])).iloc[0]
    size = aci_size(pd.Series([people]))[0]
    above = int(found["above_bound"])
    assert aci_size(pd.Series([people - above]))[0] == size
    if size > 1:
        assert aci_size(pd.Series([people - above - 1]))[0] == size - 1
    else:
        assert above == people
    if size == 4:
        assert math.isnan(found["next_bound"])
    else:
        missing = int(found["next_bound"])
        assert aci_size(pd.Series([people + missing]))[0] == size + 1
        assert aci_size(pd.Series([people + missing - 1]))[0] == size


def test_amounts_of_2019():
    """Maxima 185, 242, 315 and 380 k€; without optional missions, only both ends are known."""
    found = aci_measures(pd.Series([1, 40_000, 80_000, 175_000, np.nan]))
    assert found["aci_maximum_2019"].tolist()[:4] == [185_000, 242_000, 315_000, 380_000]
    assert found["aci_without_optional_2019"].iloc[[0, 3]].tolist() == [160_000, 310_000]
    assert found["aci_without_optional_2019"].iloc[[1, 2]].isna().all()
    assert found.iloc[4].isna().all()


OWN = """
[agreement.2019]
bounds = [10, 20]
maximum = { 1 = 100, 3 = 300.5 }
[agreement.2031]
bounds = [15]
"""


def test_a_table_of_ones_own(tmp_path):
    """Sizes by the latest agreement; amounts by the bounds of their own year."""
    path = tmp_path / "aci.toml"
    path.write_text(OWN, encoding="utf-8")
    table = tt.read_aci(path)
    assert table.years == [2019, 2031]
    found = aci_measures(pd.Series([9, 12, 25]), aci=table)
    assert found["aci_size"].tolist() == [1, 1, 2]
    assert found["next_bound"].tolist()[:2] == [6, 3]
    assert found["above_bound"].tolist() == [9, 12, 10]
    assert found["aci_maximum_2019"].fillna(-1).tolist() == [100, -1, 300.5]
    assert found["aci_maximum_2031"].isna().all()
    zoning = tt.Zoning.from_labels({code("A"): "x"}, communes=drawn("A", population=25))
    assert tt.evaluate(zoning, letters([]), aci=table)["aci_size"].tolist() == [2]


def test_the_package_s_own_file_is_read_the_same(tmp_path):
    path = tmp_path / "copy.toml"
    path.write_bytes((resources.files("territories") / "aci.toml").read_bytes())
    assert tt.read_aci(path) == packaged_aci()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("# nothing", {"aci_file"}),
        ("[agreement]", {"aci_empty"}),
        ("[agreement.2019]", {"aci_file"}),
        ("[agreement.soon]\nbounds = [1]", {"aci_file"}),
        ("agreement = 3", {"aci_file"}),
        ("not toml", {"aci_file"}),
        ("[agreement.2019]\nbounds = []", {"aci_bounds"}),
        ("[agreement.2019]\nbounds = [20, 10]", {"aci_bounds"}),
        ("[agreement.2019]\nbounds = [10, 10]", {"aci_bounds"}),
        ("[agreement.2019]\nbounds = [0]", {"aci_bounds"}),
        ("[agreement.2019]\nbounds = ['x']", {"aci_bounds"}),
        ("[agreement.2019]\nbounds = [true]", {"aci_bounds"}),
        ("[agreement.2019]\nbounds = [inf]", {"aci_bounds"}),
        ("[agreement.2019]\nbounds = [10]\nmaximum = { 3 = 1 }", {"aci_amounts"}),
        ("[agreement.2019]\nbounds = [10]\nmaximum = { 1 = -1 }", {"aci_amounts"}),
        ("[agreement.2019]\nbounds = [10]\nmaximum = { 1 = 'a' }", {"aci_amounts"}),
        ("[agreement.2019]\nbounds = [-1]\nmaximum = { 5 = 1 }", {"aci_bounds", "aci_amounts"}),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, keys):
    path = tmp_path / "aci.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(tt.InputError) as refusal:
        tt.read_aci(path)
    assert {each.key for each in refusal.value.faults} == {f"error.{key}" for key in keys}


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(tt.InputError):
        tt.read_aci(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes("# é\n[agreement.2019]".encode("cp1252"))
    with pytest.raises(tt.InputError) as refusal:
        tt.read_aci(tmp_path / "latin.toml")
    assert [each.key for each in refusal.value.faults] == ["error.aci_file"]


def test_years_are_whole_numbers():
    with pytest.raises(tt.InputError) as refusal:
        tt.AciTable({"2019": Agreement(bounds=(10,))})
    assert [each.key for each in refusal.value.faults] == ["error.aci_year"]
