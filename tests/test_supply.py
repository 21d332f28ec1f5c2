"""Supply of care: tables of professionals, densities, two-step catchment areas, and their door."""

import numpy as np
import pandas as pd
import pytest
from grids import code, drawn, grid, random_layer, shuffle

import territories as tt
from territories._words import using

HEAD = "codgeo;specialite;effectif;age_moyen;part_60_plus"


def written(path, rows, head=HEAD, seed=0):
    """Write a table, its rows shuffled."""
    order = np.random.default_rng(seed).permutation(len(rows))
    path.write_text("\n".join([head, *(rows[each] for each in order)]), encoding="utf-8")
    return path


def supply(rows, communes=None, seed=0):
    """Make a supply of (commune, activity, number)."""
    table = pd.DataFrame(rows, columns=["commune", "activity", "professionals"])
    return tt.Supply(shuffle(table, seed), communes=communes)


@pytest.mark.parametrize("seed", range(3))
def test_read(tmp_path, seed):
    """French headings, decimals, repaired codes; rows of one activity are added up."""
    rows = [
        " 00001;MG;4;50;25",
        "00001;médecin généraliste;1,5;;",
        "00002;OPHTALMOLOGUE;2;61,5;100",
        "00003;licornologie;0;;",
        "75056;Dermato;12;55;10",
        "Total;;19,5;;",
    ]
    read = tt.read_supply(written(tmp_path / "s.csv", rows, seed=seed), communes=drawn("ABC"))
    assert read.activities == ["dermatologie", "licornologie", "médecine générale", "ophtalmologie"]
    table = read.table.set_index(["commune", "activity"])
    assert table["professionals"].to_dict() == {
        ("00001", "médecine générale"): 5.5,
        ("00002", "ophtalmologie"): 2,
        ("00003", "licornologie"): 0,
        ("75056", "dermatologie"): 12,
    }
    assert table.loc[("00001", "médecine générale"), "mean_age"] == 50  # of those known
    assert table.loc[("00001", "médecine générale"), "share_over_60"] == 0.25
    assert table.loc[("00003", "licornologie"), ["mean_age", "share_over_60"]].isna().all()
    assert read.reconciliation.reasons == {"total": (1, 0)}
    assert read.reconciliation.rows_in == 6
    assert "1,500" not in repr(read)
    assert repr(read) == "<Supply: 4 rows, 4 activities, 4 communes>"


@pytest.mark.parametrize(
    ("share", "found"), [("0,25", 0.25), ("25", 0.25), ("25 %", 0.25), ("0", 0.0), ("", np.nan)]
)
def test_shares(tmp_path, share, found):
    """Shares are in [0, 1], in percent, or with its sign."""
    read = tt.read_supply(written(tmp_path / "s.csv", [f"00001;MG;4;50;{share}"]))
    assert read.table["share_over_60"].tolist() == pytest.approx([found], nan_ok=True)


@pytest.mark.parametrize(
    "head",
    [
        "commune;profession;nb_ps",
        "code_insee;specialite;etp",
        "depcom;Spécialité;Nombre",
        "codgeo;profession;nombre de professionnels de santé",
    ],
)
def test_headings(tmp_path, head):
    read = tt.read_supply(written(tmp_path / "s.csv", ["00001;infirmier;3"], head))
    assert read.table["activity"].tolist() == ["soins infirmiers"]


def test_profession_beside_specialty(tmp_path):
    """The specialty says more; where it says nothing, the profession does."""
    rows = ["00001;médecin;ORL;3", "00001;infirmier;;7"]
    read = tt.read_supply(
        written(tmp_path / "s.csv", rows, "codgeo;profession;specialite;effectif")
    )
    assert read.table.set_index("activity")["professionals"].to_dict() == {
        "ORL": 3,
        "soins infirmiers": 7,
    }


@pytest.mark.parametrize(
    ("row", "options", "match"),
    [
        ("00001;MG;;50;25", {}, "empty cells"),
        ("00001;MG;<11;50;25", {}, "masked"),
        ("00001;;3;50;25", {}, "specialite"),
        ("00001;MG;-3;50;25", {}, "negative"),
        ("00001;MG;3;7;25", {}, "mean ages"),
        ("00001;MG;3;50;250", {}, "over 100 %"),
        ("Orléans;MG;3;50;25", {}, "codgeo"),
        ("00009;MG;3;50;25", {"communes": drawn("ABC")}, "'00009'"),
        ("00001;licornologie;3;50;25", {"allow_new": False}, "licornologie"),
        ("00001;10101010101;3;50;25", {}, "unknown activities"),
        ("00001;MG;3;50;25", {"on_unknown": "keep"}, "on_unknown"),
    ],
)
def test_refused(tmp_path, row, options, match):
    with pytest.raises(tt.InputError, match=match) as raised:
        tt.read_supply(written(tmp_path / "s.csv", [row]), **options)
    assert "10101010101" not in str(raised.value)


def test_no_activity(tmp_path):
    with pytest.raises(tt.InputError, match="activity"):
        tt.read_supply(written(tmp_path / "s.csv", ["00001;3"], "codgeo;effectif"))


def test_set_aside(tmp_path):
    """Unknown communes of the layer's department may be set aside; if nothing is left, refused."""
    rows = ["00009;MG;3;50;25", "00001;MG;3;50;25"]
    options = {"communes": drawn("ABC"), "on_unknown": "aside"}
    read = tt.read_supply(written(tmp_path / "s.csv", rows), **options)
    assert read.reconciliation.reasons == {"unknown_commune": (1, 0)}
    assert read.table["commune"].tolist() == ["00001"]
    with pytest.raises(tt.InputError, match="no row"):
        tt.read_supply(written(tmp_path / "s.csv", rows[:1]), **options)


def test_supply_checked():
    with pytest.raises(tt.InputError, match="columns"):
        tt.Supply(pd.DataFrame({"commune": ["00001"]}))
    for wrong in (-1, np.nan, "x"):
        with pytest.raises(tt.InputError, match="numbers"):
            supply([("00001", "MG", wrong)])


def test_density_by_commune():
    """AB, B empty of people; C's population is not known: densities are missing there."""
    communes = drawn("ABC", population=[2_000, 0, 500])
    communes["population"] = communes["population"].astype("float64")
    communes.loc[code("C"), "population"] = np.nan
    given = supply([(code("A"), "ORL", 3), (code("B"), "MG", 2), ("75056", "MG", 90)], communes)
    found = tt.density(given, communes)
    assert found["professionals"].to_dict() == {
        (code("A"), "MG"): 0,
        (code("A"), "ORL"): 3,
        (code("B"), "MG"): 2,
        (code("B"), "ORL"): 0,
        (code("C"), "MG"): 0,
        (code("C"), "ORL"): 0,
    }
    assert found["density"].loc[code("A")].to_dict() == {"MG": 0, "ORL": 150}
    assert found["density"].loc[[code("B"), code("C")]].isna().all()
    assert found["mean_age"].isna().all()


def test_density_by_territory_and_department():
    """A shared commune gives its weight of people and professionals; ages by number.

    A, B in T; C 0.25 in T and 0.75 in U; D in none.
    """
    communes = drawn("ABCD", population=[1_000, 1_000, 4_000, 7_000])
    membership = pd.DataFrame(
        [[code("A"), "T", 1], [code("B"), "T", 1], [code("C"), "T", 0.25], [code("C"), "U", 0.75]],
        columns=["code", "territory", "weight"],
    )
    zoning = tt.Zoning(communes, shuffle(membership))
    table = pd.DataFrame(
        {
            "commune": [code("A"), code("B"), code("C"), code("D")],
            "activity": "MG",
            "professionals": [1, 3, 8, 5],
            "mean_age": [40, np.nan, 50, 60],
            "share_over_60": [0.0, 1.0, 0.5, np.nan],
        }
    )
    given = tt.Supply(shuffle(table))
    for found in (
        tt.density(given, zoning),
        tt.density(given, communes, by="territory", zoning=zoning),
    ):
        of_t = found.loc[("T", "MG")]
        assert of_t[["population", "professionals", "density"]].tolist() == [3_000, 6, 200]
        assert of_t["mean_age"] == pytest.approx((40 + 2 * 50) / 3)
        assert of_t["share_over_60"] == pytest.approx((0 + 3 * 1 + 2 * 0.5) / 6)
        assert found.loc[("U", "MG"), ["population", "professionals"]].tolist() == [3_000, 6]
    whole = tt.density(given, communes, by="department")
    assert whole.index.tolist() == [("00", "MG")]
    assert whole["professionals"].tolist() == [17]
    assert whole["mean_age"].tolist() == pytest.approx([(40 + 400 + 300) / 14])
    with pytest.raises(tt.InputError, match="zoning"):
        tt.density(given, communes, by="territory")
    with pytest.raises(tt.InputError, match="by"):
        tt.density(given, communes, by="canton")


def slow_fca(given, communes, activity, cost, reach, weight):
    """Work the two steps out by loops, as they are defined."""
    people = communes["population"].to_dict()
    offered = given.table[given.table["activity"] == activity]
    offered = offered.set_index("commune")["professionals"].to_dict()
    ratio = {}
    for place, number in offered.items():
        demand = 0.0
        for home, count in people.items():
            if (home, place) in cost and cost[home, place] <= reach:
                demand += count * weight(cost[home, place])
        if demand > 0:
            ratio[place] = number / demand
    found = {}
    for home, count in people.items():
        total = 0.0
        for place, value in ratio.items():
            if (home, place) in cost and cost[home, place] <= reach:
                total += value * weight(cost[home, place])
        found[home] = 100_000 * total if count > 0 else np.nan
    return found


def test_by_hand():
    """Two places, three communes in a row of 1 km, within 1 km.

    ABC: A has 2 professionals, who serve A and B, 1 000 + 3 000; C has 1, who serves B and C,
    3 000 + 1 000. A: 2/4000, B: 2/4000 + 1/4000, C: 1/4000.
    """
    communes = drawn("ABC", population=[1_000, 3_000, 1_000])
    given = supply([(code("A"), "ORL", 2), (code("C"), "ORL", 1), (code("B"), "MG", 9)])
    found = tt.accessibility(given, communes, activity="ORL", threshold=1_000)
    assert found.to_dict() == pytest.approx({code("A"): 50, code("B"): 75, code("C"): 25})
    # Times instead: B is out of reach of C, and of A at 31 minutes.
    times = pd.DataFrame(
        [(code("B"), code("A"), 30.0), (code("C"), code("A"), 31.0)],
        columns=["residence", "destination", "minutes"],
    )
    found = tt.accessibility(given, communes, activity="ORL", times=shuffle(times))
    assert found.to_dict() == pytest.approx({code("A"): 50, code("B"): 50, code("C"): 100})
    # The whole region is the mean by inhabitants: all professionals over all people.
    mean = tt.accessibility(given, communes, activity="ORL", by="department")
    assert mean.to_dict() == pytest.approx({"00": 60})


@pytest.mark.parametrize("method", ["2sfca", "e2sfca"])
@pytest.mark.parametrize("seed", range(4))
def test_beside_slow_loop(method, seed):
    """Straight lines and times, some communes without people, beside loops."""
    generator = np.random.default_rng(seed)
    communes = random_layer(generator, 5, 5, sea=0.2, most=900)
    communes.loc[communes.index[:2], "population"] = 0
    places = generator.choice(communes.index.to_numpy(), 6, replace=False)
    given = supply([(each, "ORL", float(generator.integers(0, 9)) / 2) for each in places])
    points = communes.geometry.representative_point()
    reach = 2_500.0
    rings = (1.0, 0.68, 0.22)

    def weight(cost):
        if method == "2sfca":
            return 1.0
        return next(w for edge, w in zip((1, 2, 3), rings, strict=True) if cost <= reach * edge / 3)

    lines = {(i, j): points[i].distance(points[j]) for i in points.index for j in points.index}
    options = {"activity": "ORL", "threshold": reach, "method": method}
    found = tt.accessibility(given, communes, **options)
    expected = slow_fca(given, communes, "ORL", lines, reach, weight)
    assert found.index.is_monotonic_increasing
    assert found.to_dict() == pytest.approx(expected, nan_ok=True)
    # The same as times, a third of the pairs not in the table.
    listed = {pair: cost for pair, cost in lines.items() if generator.random() < 0.66}
    times = pd.DataFrame([(*pair, cost) for pair, cost in listed.items()])
    times.columns = ["residence", "destination", "minutes"]
    found = tt.accessibility(given, communes, times=shuffle(times), **options)
    known = {(each, each): 0.0 for each in communes.index} | listed
    expected = slow_fca(given, communes, "ORL", known, reach, weight)
    assert found.to_dict() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("reach", [100.0, 3_000.0])
def test_professionals_are_shared_out(reach):
    """Times inhabitants, accessibility adds up to the professionals whom anyone reaches."""
    communes = grid(3, 3, population=700)
    given = supply([("00001", "ORL", 3), ("00009", "ORL", 0.5), ("75056", "ORL", 40)])
    found = tt.accessibility(given, communes, activity="ORL", threshold=reach)
    assert (found * 700 / 100_000).sum() == pytest.approx(3.5)


def test_across_the_border():
    """With times, professionals beyond the layer are within reach of it."""
    communes = drawn("A")
    given = supply([("75056", "ORL", 4)])
    times = pd.DataFrame({"residence": [code("A")], "destination": ["75056"], "minutes": [20]})
    assert tt.accessibility(given, communes, activity="ORL", times=times).tolist() == [400]
    assert tt.accessibility(given, communes, activity="ORL").tolist() == [0]
    nobody = communes.assign(population=0)
    assert tt.accessibility(given, nobody, activity="ORL", times=times).isna().all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"activity": "MG"}, "ORL"),
        ({"method": "gravity"}, "method"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": np.nan}, "threshold"),
        ({"decay": ()}, "rings"),
        ({"decay": (1, -1)}, "rings"),
        ({"times": pd.DataFrame({"a": [1]})}, "minutes"),
        ({"times": [("00001", "00001", -1.0)]}, "minutes"),
        ({"times": [("00001", "00001", np.nan)]}, "minutes"),
        ({"times": [("00001", "00002", 3), ("00001", "00002", 4)]}, "pairs"),
    ],
)
def test_accessibility_refused(options, match):
    if isinstance(options.get("times"), list):
        columns = ["residence", "destination", "minutes"]
        options = {"times": pd.DataFrame(options["times"], columns=columns)}
    with pytest.raises(tt.InputError, match=match):
        tt.accessibility(
            supply([("00001", "ORL", 4)]), grid(1, 2), **{"activity": "ORL", **options}
        )


def test_accessibility_of_unknown_people():
    """Whole numbers of which one is missing: its measure is missing, the others' are not."""
    communes = drawn("AB", population=[1_000, 2_000])
    given = supply([(code("A"), "MG", 2)], communes)
    communes["population"] = communes["population"].astype("Int64")
    communes.loc[code("B"), "population"] = pd.NA
    found = tt.accessibility(given, communes, activity="MG")
    assert found.tolist() == pytest.approx([200, np.nan], nan_ok=True)


def test_read_times(tmp_path):
    rows = ["1004;00002;12,5", "00002;00001;13"]
    path = written(tmp_path / "t.csv", rows, "commune_residence;commune_exercice;temps_trajet")
    read = tt.read_times(path).set_index(["residence", "destination"])["minutes"]
    assert read.to_dict() == {("01004", "00002"): 12.5, ("00002", "00001"): 13}
    path = written(tmp_path / "t.csv", ["00001;00002;"], "residence;destination;minutes")
    with pytest.raises(tt.InputError, match="empty"):
        tt.read_times(path)
    rows = ["00001;00002;5", "00001;00002;6"]
    path = written(tmp_path / "t.csv", rows, "residence;destination;minutes")
    with pytest.raises(tt.InputError, match="'00001' → '00002'"):
        tt.read_times(path)


def test_shown():
    """Under six professionals number, density, age and share are blank; 0 is shown."""
    communes = drawn("ABCDE", population=10_000)
    table = pd.DataFrame(
        {
            "commune": [code(each) for each in "ABCD"],
            "activity": "ORL",
            "professionals": [5, 6, 20, 0.5],
            "mean_age": [50.0, 51, 52, 53],
            "share_over_60": [0.2, 0.5, 0.5, 1.0],
        }
    )
    found = tt.density(tt.Supply(shuffle(table)), communes)
    with using("fr"):
        shown = tt.supply_table(found, names={code("A"): "Avaray"}).set_index("zone")
    assert shown.columns.tolist() == [
        *("nom", "spécialité", "population", "professionnels", "densité pour 100 000"),
        *("âge moyen", "part de 60 ans et plus"),
    ]
    assert shown["nom"].tolist() == ["Avaray", *codes_of("BCDE")]
    assert shown["professionnels"].tolist() == pytest.approx(
        [np.nan, 6, 20, np.nan, 0], nan_ok=True
    )
    assert shown["densité pour 100 000"].isna().tolist() == [True, False, False, True, False]
    assert shown["âge moyen"].isna().tolist() == [True, False, False, True, True]
    # Three of six over 60 are fewer than six; ten of twenty are not.
    assert shown["part de 60 ans et plus"].isna().tolist() == [True, True, False, True, True]
    lowered = tt.Secrecy(professionals=1, acknowledged=True)
    assert tt.supply_table(found, secrecy=lowered)["professionals"].isna().sum() == 1  # half a one


def codes_of(letters):
    return [code(each) for each in letters]
