"""Real tables with their oddities: commuters of Orne, patients of England, the communes of 2018."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

import territories as tt
from territories import codes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import geopandas as gpd

ORNE = {"residence": "code_residence", "destination": "code_travail", "patients": "flux"}


@pytest.fixture(scope="module")
def france(shared_data: Path) -> tt.cog.CogTable:
    return tt.read_cog(shared_data / "france")


@pytest.fixture(scope="module")
def orne(shared_data: Path) -> Path:
    return shared_data / "france" / "flux_travail_orne61_rp.csv"


def commuters(path: Path, **options: object) -> tt.Flows:
    return tt.read_flows(path, columns=ORNE, activity="travail", allow_new=True, **options)


# --- Orne: census commuters, weighted, Paris by arrondissement, 99… abroad ----------------------


def test_orne_is_refused_clearly_as_it_is(orne: Path) -> None:
    with pytest.raises(
        tt.InputError, match=r"commune_exercice.*code_residence, code_travail, flux"
    ):
        tt.read_flows(orne)
    with pytest.raises(tt.CodeError) as refusal:
        commuters(orne)
    rows = "19, 209, 441, 948, 1213, …"
    assert f"column code_travail: 24 (rows {rows}: '99999')" in str(refusal.value)
    assert "--on-unknown aside" in str(refusal.value)


def test_orne_with_its_oddities(orne: Path, france: tt.cog.CogTable) -> None:
    given = pd.read_csv(orne, dtype={"code_residence": "str", "code_travail": "str"})
    abroad = given["code_travail"].str.startswith("99")
    flows = commuters(orne, cog_table=france, on_unknown="aside")
    account = flows.reconciliation
    assert account.rows_in == 7_621
    assert {reason: rows for reason, (rows, _) in account.reasons.items()} == {
        "foreign_destination": 24
    }
    assert account.patients_in == pytest.approx(given["flux"].sum())
    assert account.patients_aside == pytest.approx(given.loc[abroad, "flux"].sum())
    assert flows.table["patients"].sum() == pytest.approx(given.loc[~abroad, "flux"].sum())
    found = {each.key.split(".")[1]: each.values for each in account.notices}
    assert set(found) == {
        *("cog_guessed", "code_converted", "code_overseas", "code_arrondissements"),
        *(
            "code_confused",
            "code_unshared",
            "fractions",
            "one_activity",
            "professionals_unknown",
            "rows_merged",
        ),
    }
    assert found["cog_guessed"]["year"] == "2014"
    assert found["code_arrondissements"]["count"] == 180
    assert not flows.table["destination"].str.startswith("751").any()
    # Communes merged since are those of 2024, whatever the order of the rows.
    known = set(france.in_force(2024))
    assert set(flows.table["residence"]) <= known
    assert set(flows.table["destination"]) - known == set()
    paris = given["code_travail"].str.startswith("751")
    together = flows.table[flows.table["destination"] == "75056"]["patients"].sum()
    assert together == pytest.approx(given.loc[paris, "flux"].sum())


def test_orne_can_keep_what_is_abroad_and_the_districts_of_paris(orne: Path) -> None:
    flows = commuters(orne, on_unknown="external", arrondissements="kept")
    assert flows.reconciliation.rows_aside == 0
    assert flows.table["destination"].str.startswith("99").sum() == 24
    assert flows.table["destination"].str.startswith("751").sum() > 100


def test_orne_runs(cli: Callable, orne: Path, shared_data: Path, tmp_path: Path) -> None:
    """The real flows of real communes, drawn coarsely, become territories of one piece."""
    import geopandas as gpd  # noqa: PLC0415

    france = shared_data / "france"
    every = gpd.read_file(france / "communes_france_metro_2018_simplif600m.geojson")
    code = "code" if "code" in every else every.columns[0]
    layer = every[every[code].str.startswith("61")]
    people = pd.read_csv(france / "communes_zonages_2018.csv", dtype="str")
    joined = layer.merge(people[["CODGEO", "LIBGEO", "POP"]], left_on=code, right_on="CODGEO")
    columns = {"CODGEO": "code", "LIBGEO": "nom", "POP": "population"}
    drawn = joined[["CODGEO", "LIBGEO", "POP", "geometry"]].rename(columns=columns)
    drawn.to_file(tmp_path / "orne_2018.geojson", driver="GeoJSON", engine="pyogrio")
    told = cli(
        *("run", "--communes", tmp_path / "orne_2018.geojson", "--flows", orne),
        *("--columns", *(f"{ours}={theirs}" for ours, theirs in ORNE.items())),
        *("--activity", "travail", "--allow-new", "--cog-table", france),
        *("--on-unknown", "aside", "--lang", "en", "--out", tmp_path / "out"),
    )
    assert told.code == 0, told.err
    assert "rows read 7,621 = kept 7,5" in told.out
    table = pd.read_csv(tmp_path / "out" / "communes.csv", sep=";", dtype="str")
    assert len(table) == len(drawn)


# --- England: patients by district and trust, districts in the British grid ----------------------


@pytest.fixture(scope="module")
def england(shared_data: Path) -> Path:
    return shared_data / "nhs"


@pytest.fixture(scope="module")
def districts(england: Path) -> gpd.GeoDataFrame:
    names = {"code": "geo_code", "name": "geo_name"}
    return tt.read_communes(england / "districts_epsg27700.geojson", columns=names, crs=27700)


def test_english_districts_say_their_projection(england: Path) -> None:
    names = {"code": "geo_code", "name": "geo_name"}
    with pytest.raises(tt.GeometryError, match="27700"):
        tt.read_communes(england / "districts_epsg27700.geojson", columns=names)


def test_english_flows_are_refused_without_their_districts(england: Path) -> None:
    names = {"destination": "site", "patients": "patients"}
    with pytest.raises(tt.CodeError, match="column residence: 1,394"):
        tt.read_flows(england / "flows_link.csv", columns=names, activity="mco", allow_new=True)


def test_english_patients(england: Path, districts: gpd.GeoDataFrame, tmp_path: Path) -> None:
    """The official areas, on all 135 097 patients: median LI .7058, median MSI .9403."""
    flows = pd.read_csv(england / "flows_link.csv", dtype="str")
    places = pd.read_csv(england / "site_district.csv", dtype="str").set_index("site")["district"]
    changes = pd.read_csv(england / "district_changes.csv", dtype="str").set_index("old")["new"]
    assert (~flows["residence"].isin(districts.index)).sum() > 0  # four old codes
    flows = flows.assign(
        commune_exercice=flows["site"].map(places),
        residence=flows["residence"].replace(changes.to_dict()),
    )
    flows.drop(columns="site").to_csv(tmp_path / "nhs.csv", index=False)
    read = tt.read_flows(
        tmp_path / "nhs.csv",
        communes=districts,
        activity="mco",
        allow_new=True,
        duplicates="sum",
    )
    assert read.reconciliation.patients_kept == 135_097
    areas = pd.read_csv(england / "district_area.csv", dtype="str").set_index("district")["area"]
    official = tt.Zoning.from_labels(areas.reindex(districts.index), communes=districts)
    measures = tt.evaluate(official, read)
    assert measures["li"].median() == pytest.approx(0.7058, abs=5e-4)
    assert measures["msi"].median() == pytest.approx(0.9403, abs=5e-4)
    assert len(measures) == 42
    inside = measures["inside"].sum() / read.table["patients"].sum()
    assert inside == pytest.approx(0.7322, abs=5e-5)
    # All patients of a trust are either an area's own or come from another one.
    found = tt.exchanges(official, read)
    leaving = found[found["direction"] == "leakage"]["patients"].sum()
    assert leaving == measures["sent"].sum() - measures["inside"].sum()
    coming = found[found["direction"] == "attraction"]["patients"].sum()
    assert coming == measures["received"].sum() - measures["inside"].sum()


# --- the communes of 2018 ------------------------------------------------------------------------


def test_the_layer_of_2018_becomes_that_of_2024(cvl: Path, france: tt.cog.CogTable) -> None:
    old = tt.read_communes(cvl / "communes_cvl_2018.geojson", cog=2018)
    new = tt.communes.converted(old, 2024, france)
    assert len(old) == 1_776
    assert new.index.tolist() == tt.read_communes(cvl / "communes_cvl_2024.geojson").index.tolist()
    assert new.area.sum() == pytest.approx(old.area.sum(), rel=1e-9)
    assert new.attrs["cog"] == 2024


def test_flows_of_2024_are_brought_to_a_layer_of_2018_only_if_they_can(
    cvl: Path, france: tt.cog.CogTable
) -> None:
    old = tt.read_communes(cvl / "communes_cvl_2018.geojson", cog=2018)
    flows = tt.read_flows(
        cvl / "specialists.csv", communes=old, cog_table=france, on_unknown="aside"
    )
    told = {each.key for each in flows.reconciliation.notices}
    assert "notice.cog_later" in told


def test_flows_of_2018_follow_a_layer_of_2024(
    cvl: Path, cvl_communes: gpd.GeoDataFrame, france: tt.cog.CogTable, tmp_path: Path
) -> None:
    """One patient for each commune of 2018 in the region; those merged are added up."""
    old = tt.read_communes(cvl / "communes_cvl_2018.geojson").index
    table = pd.DataFrame({"commune_residence": old, "specialite": "ORL"})
    table = table.assign(commune_exercice="45234", nb_patients=20)
    table.to_csv(tmp_path / "e.csv", sep=";", index=False)
    read = tt.read_flows(tmp_path / "e.csv", communes=cvl_communes, cog_table=france)
    guessed = next(e for e in read.reconciliation.notices if e.key == "notice.cog_guessed")
    assert guessed.values == {"year": "2018", "target": "2024"}
    assert set(read.table["residence"]) == set(cvl_communes.index)
    assert read.table["patients"].sum() == 20 * len(old)
    became = codes.convert(old, 2018, 2024, france).set_index("code")["converted"]
    sizes = became.value_counts()
    patients = read.table.set_index("residence")["patients"]
    assert (patients == 20 * sizes.reindex(patients.index)).all()


# --- hospital ------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("rule", ["population", "uniform", "same"])
def test_stays_are_conserved_to_the_unit(
    cvl: Path, cvl_communes: gpd.GeoDataFrame, rule: str, whole: bool
) -> None:
    stays = tt.read_hospital(
        cvl / "hospital.csv",
        sites=cvl / "finess.csv",
        pmsi_codes=cvl / "commune_codepostal_pmsi_EMULE_cvl.csv",
        communes=cvl_communes,
        allocation=rule,
        whole=whole,
    )
    account = stays.reconciliation
    given = pd.read_csv(cvl / "hospital.csv", sep=";", dtype="str", encoding="cp1252")
    number = next(name for name in given if "sejours" in name)
    assert account.rows_in == 12_257
    assert (
        account.patients_in == account.patients_kept == given[number].astype(int).sum() == 519_749
    )
    assert stays.table["patients"].sum() == pytest.approx(519_749, abs=1e-6)
    if whole:
        assert pd.api.types.is_integer_dtype(stays.table["patients"])
    split = next(each for each in account.notices if each.key == "notice.stays_split")
    assert split.values == {"percent": 75, "stays": "392,389"}


# --- Orléans -------------------------------------------------------------------------------------

EAST = {"Boigny-sur-Bionne", "Bou", "Chécy", "Combleux", "Mardié", "Marigny-les-Usages"}


def test_the_cpts_of_orleans(shared_data: Path, cvl_communes: gpd.GeoDataFrame) -> None:
    """Orléans Métropole without its six communes in the east: 16 communes of size 4.

    Navinel (2020) gives 279 km², 265 000 inhabitants and 950 per km²: the populations of some
    years before, and official areas instead of those of the outlines.
    """
    zones = pd.read_csv(shared_data / "france" / "communes_zonages_2024.csv", dtype="str")
    metropole = zones[zones["EPCI"] == "244500468"]
    assert len(metropole) == 22
    assert set(metropole["LIBGEO"]) >= EAST
    west = metropole[~metropole["LIBGEO"].isin(EAST)]["CODGEO"]
    zoning = tt.Zoning.from_labels(dict.fromkeys(west, "Orléans"), communes=cvl_communes)
    nobody = pd.DataFrame({"residence": ["45234"], "activity": "orl", "destination": "45234"})
    found = tt.evaluate(zoning, tt.Flows(nobody.assign(patients=0))).loc["Orléans"]
    assert found["communes"] == 16
    assert found["area_km2"] == pytest.approx(278.2, abs=0.05)
    assert found["population"] == 274_759
    assert found["density"] == pytest.approx(987, abs=1)
    assert found["aci_size"] == 4
    assert found["above_bound"] == 99_759
    assert found["aci_maximum_2019"] == 380_000
    assert found["pieces"] == 1
    assert (found["departments"], found["regions"]) == ("45", "24")
