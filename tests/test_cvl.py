"""The whole job on the real communes of Centre-Val de Loire, against the slow oracle.

The flows are simulated on the real geography; what each figure should be stands in the README of
../shared/data, or is worked out again here, row by row and without any code of the package.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import oracle
import pandas as pd
import pyogrio
import pytest
import shapely
from sklearn.metrics import adjusted_rand_score

import territories as tt
from territories.cli import main
from territories.pipeline import FILES
from territories.places import grouped_places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PEOPLE = 2_573_303
PATIENTS = 3_091_976
STAYS = 519_749
OPTIONS = {
    "communes": "communes_cvl_2024.geojson",
    "flows": "specialists.csv",
    "hospital": "hospital.csv",
    "sites": "finess.csv",
    "pmsi-codes": "commune_codepostal_pmsi_EMULE_cvl.csv",
}


def words(folder: Path, out: Path) -> list[str]:
    files = [word for name, file in OPTIONS.items() for word in (f"--{name}", str(folder / file))]
    return ["run", *files, "--cog", "2024", "--territories", "24", "--out", str(out)]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def shuffle(source: Path, target: Path, seed: int) -> None:
    """Copy a file with its rows, or features, in another order."""
    mix = random.Random(seed)
    if source.suffix == ".geojson":
        record = json.loads(source.read_text(encoding="utf-8"))
        mix.shuffle(record["features"])
        target.write_text(json.dumps(record), encoding="utf-8")
    else:
        head, *rows = source.read_bytes().splitlines(keepends=True)
        mix.shuffle(rows)
        target.write_bytes(b"".join([head, *rows]))


# --- the oracle ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """What the oracle says, step by step."""

    rows: list[oracle.Row]
    practices: dict[str, oracle.Practice]
    flows: dict[tuple[str, str, str], int]
    aside: int
    grouping: dict[str, str]
    poles: dict[tuple[str, str], oracle.Dominant]


@pytest.fixture(scope="module")
def neighbours(cvl_communes: gpd.GeoDataFrame) -> dict[str, set[str]]:
    near: dict[str, set[str]] = defaultdict(set)
    for left, right in tt.contiguity(cvl_communes)[["left", "right"]].itertuples(index=False):
        near[left].add(right)
        near[right].add(left)
    return near


@pytest.fixture(scope="module")
def points(cvl: Path) -> dict[str, tuple[float, float]]:
    with (cvl / "communes_cvl_points_2024.csv").open(encoding="utf-8") as file:
        return {
            row["code"]: (float(row["x_l93"]), float(row["y_l93"])) for row in csv.DictReader(file)
        }


@pytest.fixture(scope="module")
def truth(cvl: Path, points: dict, neighbours: dict) -> Truth:
    rows = oracle.read_specialists(cvl / "specialists.csv")
    practices = oracle.practices(rows)
    flows, aside = oracle.located(rows, practices)
    grouping = oracle.grouping(flows, points, neighbours)
    inside = {
        key: patients
        for key, patients in oracle.regroup(flows, grouping).items()
        if key[0] in points
    }
    return Truth(rows, practices, flows, aside, grouping, oracle.dominant(inside))


@pytest.fixture(scope="module")
def poles(cvl_located: tt.Flows) -> tt.Poles:
    return tt.dominant_poles(cvl_located.grouped())


def same_poles(found: pd.DataFrame, exact: dict[tuple[str, str], oracle.Dominant]) -> None:
    table = pd.DataFrame.from_dict(
        {key: (each.pole, each.patients, float(each.share), float(each.margin), each.tied)
         for key, each in exact.items()},
        orient="index", columns=["pole", "patients", "share", "margin", "tied"],
    ).sort_index()  # fmt: skip
    assert found.index.tolist() == table.index.tolist()
    assert found["pole"].fillna("").tolist() == table["pole"].fillna("").tolist()
    assert found["patients"].tolist() == table["patients"].tolist()
    assert found["tied"].tolist() == table["tied"].tolist()
    np.testing.assert_allclose(found["share"], table["share"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["margin"], table["margin"], rtol=0, atol=1e-12)


def same_classes(found: pd.DataFrame, exact: dict[str, oracle.Class]) -> None:
    assert found.index.tolist() == sorted(exact)
    for name in ("concordance", "pole", "matched", "activities"):
        expected = [getattr(exact[code], name) for code in found.index]
        shown = found[name].where(found[name].notna(), None)
        assert [None if pd.isna(each) else each for each in shown] == expected
    shares = [np.nan if exact[code].share is None else float(exact[code].share or 0)
              for code in found.index]  # fmt: skip
    np.testing.assert_allclose(found["share"], shares, rtol=0, atol=1e-12)


# --- reading -------------------------------------------------------------------------------------


def test_the_layer(cvl_communes: gpd.GeoDataFrame) -> None:
    assert len(cvl_communes) == 1756
    assert cvl_communes["population"].sum() == PEOPLE
    assert cvl_communes.area.sum() / 1e6 == pytest.approx(39_470.15, abs=0.005)
    assert cvl_communes.crs == "EPSG:2154"
    assert cvl_communes["name"]["36232"] == "Vendœuvres"
    (notice,) = cvl_communes.attrs["reconciliation"]["notices"]
    assert notice.key == "notice.several_parts"
    assert notice.values["count"] == 6


@pytest.mark.parametrize(("rule", "pairs"), [("rook", 5008), ("queen", 5082)])
def test_contiguity(cvl_communes: gpd.GeoDataFrame, rule: str, pairs: int) -> None:
    found = tt.contiguity(cvl_communes.sample(frac=1, random_state=1), rule=rule)
    assert len(found) == pairs
    assert (found["left"] < found["right"]).all()
    if rule == "queen":
        assert (found["shared_m"] == 0).sum() == 74
        assert ((found["shared_m"] > 0) & (found["shared_m"] < 100)).sum() == 23


def test_every_patient_is_accounted_for(cvl_flows: tt.Flows, truth: Truth) -> None:
    account = cvl_flows.reconciliation
    assert account["rows_in"] == account["rows_kept"] == len(cvl_flows.table) == 341_470
    assert account["patients_in"] == account["patients_kept"] == PATIENTS
    assert cvl_flows.table["patients"].sum() == PATIENTS == sum(row.patients for row in truth.rows)
    assert account["reasons"] == {}
    assert [each.key for each in account["notices"]] == ["notice.decimal_comma"]
    assert cvl_flows.table["practitioner"].nunique() == 628


# --- practices and poles -------------------------------------------------------------------------


def test_every_practice_is_the_oracles(cvl_located: tt.Flows, truth: Truth) -> None:
    found = cvl_located.practices
    assert found is not None
    assert found.index.tolist() == sorted(truth.practices)
    exact = [truth.practices[who] for who in found.index]
    for name in ("commune", "commune_by_amount"):
        assert found[name].fillna("").tolist() == [getattr(each, name) or "" for each in exact]
    for name in ("conflict", "tied"):
        assert found[name].tolist() == [getattr(each, name) for each in exact]
    for name in ("share", "margin"):
        numbers = [np.nan if getattr(each, name) is None else float(getattr(each, name))
                   for each in exact]  # fmt: skip
        np.testing.assert_allclose(found[name], numbers, rtol=0, atol=1e-12)
    assert found["conflict"].sum() == 37
    assert (found["commune"] == "75").sum() == 59
    assert found["tied"].sum() == 0


def test_most_practices_are_where_they_were_planted(cvl: Path, cvl_located: tt.Flows) -> None:
    planted = pd.read_csv(cvl / "truth_practice.csv", dtype=str).set_index("ps")["commune"]
    assert cvl_located.practices is not None
    found = cvl_located.practices["commune"].reindex(planted.index)
    inside = planted.str[:2].isin(["18", "28", "36", "37", "41", "45"])
    assert (found == planted)[inside].mean() > 0.66  # as on the real data of METHOD, section 3


def test_every_flow_is_the_oracles(cvl_located: tt.Flows, truth: Truth) -> None:
    keys = ["residence", "activity", "destination"]
    found = cvl_located.table.set_index(keys)["patients"]
    assert found[found > 0].to_dict() == truth.flows
    assert cvl_located.reconciliation["patients_aside"] == truth.aside == 0


def test_the_grouping_is_the_oracles(cvl_located: tt.Flows, truth: Truth) -> None:
    grouping = cvl_located.grouped().grouping
    assert grouping is not None
    assert grouping["pole"].to_dict() == truth.grouping


def test_every_pole_is_the_oracles(poles: tt.Poles, truth: Truth) -> None:
    assert len(poles.table) == len(truth.poles) > 8000
    same_poles(poles.table, truth.poles)


def test_every_class_is_the_oracles(
    poles: tt.Poles, truth: Truth, cvl_communes: gpd.GeoDataFrame
) -> None:
    found = tt.concordance(poles)
    same_classes(found, oracle.concordance(truth.poles, cvl_communes.index))
    assert len(set(found["concordance"])) >= 5


def test_with_the_true_places_suburbs_join_their_towns(
    cvl: Path,
    cvl_communes: gpd.GeoDataFrame,
    truth: Truth,
    points: dict,
    neighbours: dict,
) -> None:
    """Olivet joins Orléans; everything after is the oracle's too."""
    with (cvl / "truth_practice.csv").open(encoding="utf-8") as file:
        planted = {row["ps"]: row["commune"] for row in csv.DictReader(file)}
    seen: Counter[tuple[str, str, str]] = Counter()
    for row in truth.rows:
        seen[row.residence, row.activity, planted[row.practitioner]] += row.patients
    table = pd.DataFrame(
        [(*key, patients) for key, patients in seen.items()],
        columns=["residence", "activity", "destination", "patients"],
    ).sample(frac=1, random_state=3)
    exact = oracle.grouping(seen, points, neighbours)
    found = grouped_places(table, cvl_communes)["pole"]
    assert found.to_dict() == exact
    assert sum(place != pole for place, pole in exact.items()) == 18
    assert exact["45232"] == exact["45285"] == "45234"  # Olivet, Saint-Jean-de-la-Ruelle
    assert exact["37050"] == "37261"  # Chambray-lès-Tours

    flows = tt.Flows(table=table, communes=cvl_communes).grouped()
    assert flows.table["patients"].sum() == PATIENTS
    inside = {key: n for key, n in oracle.regroup(seen, exact).items() if key[0] in points and n}
    dominant = oracle.dominant(inside)
    same_poles(tt.dominant_poles(flows).table, dominant)
    same_classes(
        tt.concordance(tt.dominant_poles(flows)), oracle.concordance(dominant, cvl_communes.index)
    )


# --- hospital ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hospital(cvl: Path, cvl_communes: gpd.GeoDataFrame) -> tt.Flows:
    return tt.read_hospital(
        cvl / "hospital.csv",
        sites=cvl / "finess.csv",
        pmsi_codes=cvl / OPTIONS["pmsi-codes"],
        communes=cvl_communes,
    )


@pytest.fixture(scope="module")
def stays(cvl: Path) -> dict[tuple[str, str, str], float]:
    """Give the stays of each commune in each commune, by the oracle."""
    parts = oracle.read_correspondence(cvl / OPTIONS["pmsi-codes"])
    shared = oracle.allocate(oracle.read_stays(cvl / "hospital.csv"), parts)
    places = oracle.read_sites(cvl / "finess.csv")
    city = {"75113": "75056"}  # arrondissements are counted with their city
    return oracle.regroup(shared, {site: city.get(at, at) for site, at in places.items()})


def test_every_stay_is_accounted_for(hospital: tt.Flows) -> None:
    account = hospital.reconciliation
    assert account["rows_in"] == account["rows_kept"] == 12_257
    assert account["patients_in"] == account["patients_kept"] == STAYS
    assert hospital.table["patients"].sum() == pytest.approx(STAYS, abs=1e-6)


def test_the_allocation_is_the_oracles(hospital: tt.Flows, stays: dict) -> None:
    keys = ["residence", "activity", "destination"]
    found = hospital.table.set_index(keys)["patients"]
    found = found[found > 0].sort_index()
    exact = pd.Series({key: float(number) for key, number in stays.items()}).sort_index()
    assert found.index.tolist() == exact.index.tolist()
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-9)


def test_the_agreement_is_that_of_a_slow_loop(
    hospital: tt.Flows,
    stays: dict,
    cvl_located: tt.Flows,
    poles: tt.Poles,
    truth: Truth,
    cvl_communes: gpd.GeoDataFrame,
) -> None:
    flows = cvl_located.grouped()
    assert flows.grouping is not None
    found = tt.hospital_agreement(
        tt.concordance(poles), tt.dominant_poles(hospital.grouped(flows.grouping).together())
    )
    together: Counter[tuple[str, str, str]] = Counter()
    for (commune, _, place), number in oracle.regroup(stays, truth.grouping).items():
        together[commune, "all", place] += number
    beds = oracle.dominant(together)
    liberal = oracle.concordance(truth.poles, cvl_communes.index)
    expected = {}
    for commune in cvl_communes.index:
        one = liberal[commune].pole
        two = beds[commune, "all"].pole if (commune, "all") in beds else None
        if one is None or two is None:
            kinds = {(True, True): "neither", (False, True): "liberal_only"}
            expected[commune] = kinds.get((one is None, two is None), "hospital_only")
        elif min(len(one), len(two)) < 5:
            same = oracle.department_of(one) == oracle.department_of(two)
            expected[commune] = "agree" if same else "differ"
        else:
            expected[commune] = "agree" if one == two else "differ"
    assert found["agreement"].to_dict() == expected
    assert {"agree", "differ", "hospital_only"} <= set(expected.values())


# --- the run -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folders(cvl: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Run the job twice: as it is, and elsewhere with every row shuffled and another hash seed."""
    there = tmp_path_factory.mktemp("shuffled")
    for number, file in enumerate(OPTIONS.values()):
        shuffle(cvl / file, there / file, seed=number)
    with subprocess.Popen(
        [sys.executable, "-m", "territories.cli", *words(there, there / "out")],
        env={**os.environ, "PYTHONHASHSEED": "4242", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as other:
        out = tmp_path_factory.mktemp("cvl") / "out"
        assert main(words(cvl, out)) == 0
        _, problems = other.communicate(timeout=300)
    assert other.returncode == 0, problems.decode()
    return out, there / "out"


@pytest.fixture(scope="module")
def out(folders: tuple[Path, Path]) -> Path:
    return folders[0]


@pytest.fixture(scope="module")
def communes_csv(out: Path) -> list[dict[str, str]]:
    text = (out / "communes.csv").read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def strict(path: Path) -> dict:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_the_files_are_those_of_the_contract(out: Path) -> None:
    assert {each.name for each in out.iterdir()} == set(FILES)


@pytest.mark.parametrize("file", sorted(set(FILES) - {"reconciliation.json", "run.json"}))
def test_the_same_inputs_in_any_order_give_the_same_bytes(
    folders: tuple[Path, Path], file: str
) -> None:
    one, other = (folder / file for folder in folders)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("file", ["reconciliation.json", "run.json"])
def test_only_the_hashes_of_the_inputs_differ(folders: tuple[Path, Path], file: str) -> None:
    one, other = (
        re.sub('"[0-9a-f]{64}"', '"hash"', (folder / file).read_text(encoding="utf-8"))
        for folder in folders
    )
    assert one == other
    assert one.count('"hash"') == len(OPTIONS)


def test_communes_are_told_as_the_oracle_says(
    communes_csv: list[dict[str, str]], truth: Truth, cvl_communes: gpd.GeoDataFrame
) -> None:
    french = {
        "always": "toujours",
        "all_but_one": "toutes sauf une",
        "majority": "majorité",
        "relative": "majorité relative",
        "none": "aucun pôle",
        "insufficient": "données insuffisantes",
    }
    exact = oracle.concordance(truth.poles, cvl_communes.index)
    assert [row["code"] for row in communes_csv] == sorted(exact)
    for row in communes_csv:
        place = exact[row["code"]]
        assert row["concordance"] == french[place.concordance]
        assert row["pole"] == (place.pole or "")
        assert row["nom"] == cvl_communes["name"][row["code"]]
        assert int(row["population"]) == cvl_communes["population"][row["code"]]
    for activity, column in (("ORL", "pole_orl"), ("ophtalmologie", "pole_ophtalmologie"),
                             ("gastro-entérologie", "pole_gastro_enterologie")):  # fmt: skip
        for row in communes_csv:
            found = truth.poles.get((row["code"], activity))
            assert row[column] == ((found and found.pole) or "")


def test_24_territories_in_one_piece_and_large_enough(
    communes_csv: list[dict[str, str]], neighbours: dict
) -> None:
    members: dict[str, set[str]] = defaultdict(set)
    people: Counter[str] = Counter()
    for row in communes_csv:
        members[row["territoire"]].add(row["code"])
        people[row["territoire"]] += int(row["population"])
    assert len(members) == 24
    assert sum(people.values()) == PEOPLE
    assert min(people.values()) >= 20_000
    assert {name: oracle.pieces(codes, neighbours) for name, codes in members.items()} == (
        dict.fromkeys(members, 1)
    )
    assert all(name in codes for name, codes in members.items())  # named by a commune of theirs


def test_territories_are_close_to_those_planted(
    cvl: Path, communes_csv: list[dict[str, str]]
) -> None:
    planted = pd.read_csv(cvl / "truth_territories.csv", dtype=str).set_index("code")["territory"]
    codes = [row["code"] for row in communes_csv]
    found = [row["territoire"] for row in communes_csv]
    assert adjusted_rand_score(planted[codes], found) >= 0.80


def test_measures_are_those_of_a_slow_loop(
    out: Path, communes_csv: list[dict[str, str]], truth: Truth
) -> None:
    territory = {row["code"]: row["territoire"] for row in communes_csv}
    inside: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    received: Counter[str] = Counter()
    for (home, _, place), patients in oracle.regroup(truth.flows, truth.grouping).items():
        one, two = territory.get(home), territory.get(place)
        sent[one] += patients
        received[two] += patients
        inside[one] += patients * (one == two and one is not None)
    practitioners = Counter(
        territory.get(truth.grouping.get(each.commune, each.commune))
        for each in truth.practices.values()
    )
    text = (out / "territories.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert len(rows) == 24
    for row in rows:
        name = row["territoire"]
        number = {key: float(value.replace(",", ".")) for key, value in row.items()
                  if key in ("li", "fuite", "msi", "attraction") and value}  # fmt: skip
        assert number["li"] == pytest.approx(inside[name] / sent[name], abs=6e-5)
        assert number["fuite"] == pytest.approx(1 - inside[name] / sent[name], abs=6e-5)
        few = 0 < practitioners[name] < 6  # their figures are not shown
        assert few == ("msi" not in number)
        if not few:
            assert number["msi"] == pytest.approx(inside[name] / received[name], abs=6e-5)
        assert row["morceaux"] == "1"
        size = int(row["population"])
        bounds = (40_000, 80_000, 175_000)
        assert int(row["taille_aci"]) == 1 + sum(size >= bound for bound in bounds)
    assert sum(int(row["population"]) for row in rows) == PEOPLE
    assert sum(float(row["surface_km2"].replace(",", ".")) for row in rows) == pytest.approx(
        39_470.15, abs=1.5
    )


@pytest.mark.parametrize(
    ("file", "number", "columns"),
    [
        ("communes.geojson", 1756,
         ["code", "nom", "population", "territoire", "pole", "concordance", "part"]),
        ("territories.geojson", 24,
         ["territoire", "nom", "population", "taille_aci", "li", "fuite"]),
    ],
)  # fmt: skip
def test_geojson_by_the_standard(out: Path, file: str, number: int, columns: list[str]) -> None:
    record = strict(out / file)
    assert record["type"] == "FeatureCollection"
    assert "crs" not in record
    assert len(record["features"]) == number
    shapes = np.array([shapely.from_geojson(json.dumps(each["geometry"]))
                       for each in record["features"]])  # fmt: skip
    parts = shapely.get_parts(shapes)
    assert shapely.is_ccw(shapely.get_exterior_ring(parts)).all()
    holes = [ring for part in parts for ring in part.interiors]
    assert not shapely.is_ccw(holes).any()
    assert shapely.is_valid(shapes).all()
    assert not shapely.has_z(shapes).any()
    assert shapely.coverage_is_valid(shapes)
    union = shapely.union_all(shapes)
    assert shapely.area(union) == pytest.approx(shapely.area(shapes).sum(), rel=1e-12)
    assert len(shapely.get_parts(union)) == 1
    west, south, east, north = union.bounds
    assert 0.0 < west < east < 3.2
    assert 46.3 < south < north < 49.0
    for each in record["features"]:
        assert set(columns) <= set(each["properties"])


def test_outlines_stay_close_to_the_borders(out: Path, cvl_communes: gpd.GeoDataFrame) -> None:
    drawn = gpd.read_file(out / "communes.geojson").set_index("code").to_crs("EPSG:2154")
    assert drawn.area.sum() == pytest.approx(cvl_communes.area.sum(), rel=1e-3)
    inside = drawn.geometry.contains(cvl_communes.representative_point().reindex(drawn.index))
    assert inside.mean() > 0.999


def test_the_geopackage_opens_with_its_styles(out: Path) -> None:
    file = out / "territories.gpkg"
    assert {"communes", "territoires"} <= set(pyogrio.list_layers(file)[:, 0])
    for name, number in (("communes", 1756), ("territoires", 24)):
        shapes = gpd.read_file(file, layer=name)
        assert shapes.crs == "EPSG:2154"
        assert len(shapes) == number
        assert shapes.area.sum() / 1e6 == pytest.approx(39_470.15, abs=0.005)
    base = sqlite3.connect(file)
    styles = base.execute("SELECT f_table_name FROM layer_styles ORDER BY 1").fetchall()
    base.close()
    assert styles == [("communes",), ("communes",), ("territoires",)]  # and the concordance


def test_no_practitioner_leaves(out: Path) -> None:
    for file in out.iterdir():
        assert not re.search(rb"PS\d{6}", file.read_bytes()), file.name


# Whole numbers that may leave; all other columns are codes, labels, or shares and measures.
WHOLE = {
    "communes": {"population", "specialites_concordantes", "specialites_avec_pole"},
    "territories": {
        *("population", "communes", "taille_aci", "ecart_taille_suivante", "marge_taille"),
        *("montant_max_2019", "morceaux", "trous", "enclaves", "communes_entourees"),
        *("communes_coupees",),
    },
}
MEASURES = {
    *("indice_net", "surface_km2", "densite", "pac", "distance_soins_km", "distance_pole_km"),
}


def tables(out: Path) -> dict[str, pd.DataFrame]:
    """Read every table of a run."""
    told = {}
    for name, layer in (("communes", "communes"), ("territories", "territoires")):
        told[f"{name}.csv"] = pd.read_csv(
            out / f"{name}.csv", sep=";", decimal=",", encoding="utf-8-sig",
            dtype=dict.fromkeys(["code", "territoire", "departements", "regions"], str),
        )  # fmt: skip
        records = strict(out / f"{name}.geojson")["features"]
        told[f"{name}.geojson"] = pd.DataFrame([each["properties"] for each in records])
        told[f"{name}.gpkg"] = gpd.read_file(out / "territories.gpkg", layer=layer)
    return told


def test_no_count_leaves(out: Path) -> None:
    for name, table in tables(out).items():
        kind = name.split(".")[0]
        for column in table.columns:
            values = table[column].dropna()
            if not pd.api.types.is_numeric_dtype(values) or column in MEASURES:
                continue
            if column.startswith("pole") or column in WHOLE[kind]:  # codes read as numbers
                continue
            assert values.between(0, 1).all(), f"{name}: {column}"
        assert not {"patients", "sejours", "nb_patients", "envoyes", "recus"} & set(table.columns)


def test_every_table_says_the_same(out: Path) -> None:
    told = tables(out)
    for kind in ("communes", "territories"):
        base = told[f"{kind}.geojson"].astype("str")
        gpkg = told[f"{kind}.gpkg"].drop(columns="geometry").astype("str")
        assert gpkg.columns.tolist() == base.columns.tolist()
        assert told[f"{kind}.csv"].columns.tolist() == base.columns.tolist()
        key = base.columns[0]
        assert gpkg[key].tolist() == base[key].tolist() == told[f"{kind}.csv"][key].tolist()


def test_frontiers_are_told_and_the_map_is_light(out: Path) -> None:
    communes, territories = (tables(out)[f"{name}.csv"] for name in ("communes", "territories"))
    frontier = communes[communes["stabilite"] < 0.9]
    assert 0 < len(frontier) < 100
    assert frontier["deuxieme_territoire"].isin(territories["nom"]).all()
    assert (frontier["deuxieme_territoire"] != frontier["territoire_nom"]).all()
    assert ((frontier["stabilite"] + frontier["part_deuxieme"]) <= 1 + 1e-9).all()
    assert territories["part_stable"].between(0.8, 1).all()
    record = strict(out / "run.json")["stability"]
    assert record["runs"] == 100
    assert record["frontier_communes"] == len(frontier)
    people = communes["population"]
    stable = people[communes["stabilite"] >= 0.9].sum() / people.sum()
    assert record["stable_share"] == pytest.approx(stable, abs=1e-4)
    assert (out / "map.html").stat().st_size < 1_100_000


def test_reconciliation_is_as_the_contract_says(out: Path, cvl: Path) -> None:
    records = strict(out / "reconciliation.json")
    assert {each["file"] for each in records} == set(OPTIONS.values())
    told = {each["file"]: each for each in records}
    for file, record in told.items():
        assert {
            *("file", "sha256", "rows_in", "rows_kept", "rows_aside"),
            *("patients_in", "patients_kept", "patients_aside", "reasons", "notices"),
        } <= set(record)
        assert record["sha256"] == digest(cvl / file)
        assert record["rows_in"] == record["rows_kept"] + record["rows_aside"]
    for file, rows, patients in (("specialists.csv", 341_470, PATIENTS),
                                 ("hospital.csv", 12_257, STAYS)):  # fmt: skip
        assert told[file]["rows_in"] == rows
        assert told[file]["patients_in"] == told[file]["patients_kept"] == patients
        assert told[file]["patients_aside"] == 0
    assert told["communes_cvl_2024.geojson"]["rows_in"] == 1756
    assert told["finess.csv"]["rows_in"] == 33
    assert told[OPTIONS["pmsi-codes"]]["rows_in"] == 1772


def test_run_is_enough_to_redo_it(out: Path, cvl: Path) -> None:
    record = strict(out / "run.json")
    text = (out / "run.json").read_text(encoding="utf-8")
    assert record["version"] == tt.__version__
    assert record["inputs"] == {
        {"pmsi-codes": "pmsi_codes"}.get(role, role): {"file": file, "sha256": digest(cvl / file)}
        for role, file in OPTIONS.items()
    }
    settings = record["settings"]
    assert settings["seed"] == 0
    assert settings["cog"] == 2024
    assert settings["territories"] == 24
    assert settings["min_population"] == 20_000
    assert settings["communes"] == OPTIONS["communes"]  # a name, not the folder of one machine
    assert str(cvl) not in text
    assert not re.search(r"20\d\d-\d\d-\d\d|\d\d:\d\d", text)  # no date, no hour


def test_the_run_said_what_it_did(cli: Callable, out: Path, cvl: Path) -> None:
    refused = cli(*words(cvl, out))  # it is there already
    assert refused.code == 1
    assert "--overwrite" in refused.err


def test_a_commune_over_the_maximum_is_named(cli: Callable, cvl: Path, tmp_path: Path) -> None:
    only = ["--communes", cvl / OPTIONS["communes"], "--flows", cvl / OPTIONS["flows"]]
    told = cli("run", *only, "--max-population", 100_000, "--out", tmp_path / "out")
    assert told.code == 1
    assert "Tours (37261," in told.err
    assert "Orléans (45234," in told.err
    assert not (tmp_path / "out").exists()


def test_communes_of_2018_have_no_population(cli: Callable, cvl: Path, tmp_path: Path) -> None:
    only = ["--communes", cvl / "communes_cvl_2018.geojson", "--flows", cvl / OPTIONS["flows"]]
    told = cli("run", *only, "--out", tmp_path / "out")
    assert told.code == 1
    assert "communes_cvl_2018.geojson : population inconnue pour 1\u202f776 communes" in told.err
    assert not (tmp_path / "out").exists()
