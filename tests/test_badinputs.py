"""Bad and hard inputs: every case of the manifest beside the project behaves as its verdict says.

One test, driven by ``badinputs/manifest.csv``: its verdict, its counts of rows and patients, and
the row and column that the message must name. The names of rules in it are suggestions: the notice,
reason or fault that stands for each is in `TOLD`.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from pydantic import ValidationError

import territories as tt
from territories.pipeline import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import geopandas as gpd

BADINPUTS = Path(__file__).parents[2] / "shared" / "data" / "badinputs"

# What each rule of the manifest is called here: part of the key of a fault, of a notice, or the
# reason for which rows were set aside.
TOLD: dict[str, str] = {
    "encoding_detected": "latin_9",
    "mojibake": "activity_mojibake",
    "thousands_separator": "thousands",
    "file_empty": "file_empty",
    "no_rows": "no_rows",
    "total_mismatch": "total_nearly",
    "footnote_row": "footnote",
    "duplicate_column": "column_twice",
    "column_missing": "column_missing_place",
    "column_ambiguous": "column_ambiguous",
    "row_too_short": "row_length",
    "row_too_long": "row_length",
    "nul_byte": "cell_nul",
    "line_too_long": "cell_too_long",
    "not_a_table": "not_a_table",
    "lfs_pointer": "file_pointer",
    "is_a_directory": "file_is_folder",
    "code_was_integer": "codes_repaired",
    "file_truncated": "file_truncated",
    "zip_many_members": "archive_several",
    "sheet_ambiguous": "sheet_ambiguous",
    "formula_without_value": "cell_formula",
    "file_encrypted": "workbook_locked",
    "code_zero_padded": "codes_repaired",
    "code_float": "codes_repaired",
    "code_unknown": "unknown_residence",
    "code_malformed": "malformed_residence",
    "code_trimmed": "codes_repaired",
    "code_overseas": "code_overseas",
    "code_collectivity": "code_collectivity",
    "arrondissement_folded": "code_arrondissements",
    "code_renamed_by_merger": "code_converted",
    "code_split": "code_confused",
    "code_changed_department": "code_converted",
    "code_foreign": "foreign_residence",
    "code_missing": "missing_residence",
    "iris_folded": "iris_folded",
    "codes_look_postal": "code_postal",
    "codes_look_pmsi": "code_pmsi",
    "pmsi_allocated": "pmsi_shared",
    "merged_rows_added": "rows_merged",
    "count_missing": "missing_patients",
    "count_not_finite": "number_infinite",
    "count_masked": "masked",
    "count_dash": "dash_masked",
    "count_not_integer": "fractions",
    "count_is_percent": "number_percent",
    "count_is_money": "number_money",
    "count_too_large": "number_too_large",
    "number_normalised": "notation",
    "label_normalised": "activity_normalised",
    "label_mapped": "activity_synonym",
    "label_unknown": "activity_unknown",
    "label_missing": "missing_activity",
    "few_specialties": "one_activity",
    "no_flow": "all_zero",
    "individual_data": "table_of_persons",
    "provider_identifier": "identifier",
    "unsafe_member": "archive_unsafe",
    "zip_nested": "archive_nested",
    "format_refused": "not_a_table",
    "yaml_types": "not_a_table",
}

# Where one rule is told in several ways.
TOLD_CASE = {
    "FIL-056": "number_date",
    "FIL-057": "cell_error",
    "FIL-059": "workbook_old",
    "COU-013": "number_date",
    "COU-028": "year_several",
    "SPE-002": "activity_synonym",
    "FIL-013": "decimal_comma",
    "FIL-045": "codes_were_numbers",
    "SEC-014": "not_a_table",
}

# What is said of a layer: its notices, and no other, or its fault.
LAYERS = {
    "GEO-001": set(),
    "GEO-002": {"geometry_mended", "several_parts"},
    "GEO-003": {"overlaps"},
    "GEO-007": {"islands"},
    "GEO-008": set(),
    "GEO-009": {"several_parts"},
    "GEO-010": {"crs_missing"},
    "GEO-014": {"reprojected"},
    "GEO-015": {"reprojected"},
    "GEO-017": {"not_mapped"},
    "GEO-019": {"parts_joined"},
    "GEO-020": {"heights_dropped"},
    "GEO-021": {"outlines_reduced"},
    "GEO-023": {"rings_closed"},
    "GEO-024": {"layer_json_nan"},
    "GEO-026": {"layer_no_feature"},
    "GEO-027": {"layer_topojson"},
    "GEO-030": set(),
    "GEO-031": {"population_zero"},
    "GEO-032": {"population_missing"},
    "GEO-033": {"layer_ambiguous"},
    "GEO-034": {"layer_shapefile_incomplete"},
    "SEC-014": {"layer_format"},
    "SEC-017": {"layer_json_deep"},
}

# Cases of maps, exports and security that belong to other tests, or to later issues.
ELSEWHERE = {
    **dict.fromkeys(
        [f"MAP-{number:03}" for number in (3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17)],
        "tests/test_maps.py loads the page of each of these names in a real browser",
    ),
    "COU-024": "tests/test_cli.py and test_export.py: small counts are masked at the door",
    "COU-032": "tests/test_ledger.py: two exports that few patients tell apart",
    "EXP-002": "tests/test_writing.py",
    "EXP-003": "tests/test_crash.py",
    "EXP-004": "tests/test_writing.py",
    "EXP-005": "tests/test_crash.py",
    "EXP-006": "tests/test_crash.py",
    "EXP-008": "tests/test_export.py: GeoJSON is WGS84 whatever the layer",
    "EXP-009": "tests/test_export.py: strict JSON",
    "EXP-010": "tests/test_export.py: strict JSON",
    "EXP-011": "no Shapefile is written",
    "EXP-012": "no free field names are written",
    "EXP-013": "tests/test_export.py",
    "EXP-014": "reserved names of Windows are left to Windows, which refuses them",
    "EXP-015": "no file is named after a territory",
    "EXP-016": "tests/test_export.py",
    "EXP-017": "tests/test_spreadsheet.py: codes are cells of text",
    "EXP-018": "tests/test_export.py",
    "EXP-019": "tests/test_export.py: rings are counter-clockwise",
}


def manifest() -> list[dict[str, str]]:
    if not BADINPUTS.is_dir():
        return []
    with (BADINPUTS / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CASES = manifest()


@dataclass(frozen=True)
class Outcome:
    """What reading a case gave: an account, or a refusal."""

    account: tt.Reconciliation | None
    refusal: tt.TerritoriesError | None
    flows: tt.Flows | None = None

    @property
    def keys(self) -> set[str]:
        """What was found: faults, notices and reasons, by name."""
        faults = self.refusal.faults if self.refusal else ()
        notices = self.account.notices if self.account else ()
        reasons = self.account.reasons if self.account else ()
        return {each.key.split(".")[1] for each in (*faults, *notices)} | set(reasons)

    @property
    def said(self) -> str:
        """Everything that was said: messages, and examples of the rows set aside."""
        if self.refusal is not None:
            return str(self.refusal)
        assert self.account is not None
        notices = "\n".join(map(str, self.account.notices))
        return notices + self.account.table().to_string()


def attempt(read: Callable[[], tt.Flows]) -> Outcome:
    try:
        flows = read()
    except tt.TerritoriesError as refusal:
        return Outcome(None, refusal)
    return Outcome(flows.reconciliation, None, flows)


@pytest.fixture(scope="module")
def france(shared_data: Path) -> tt.cog.CogTable:
    return tt.read_cog(shared_data / "france")


def read_case(case: dict[str, str], folder: Path, france: tt.cog.CogTable) -> Outcome:
    """Read one case of flows as its group says."""
    path = BADINPUTS / case["file"]
    if case["id"] == "FIL-042":
        path = folder / "files" / "a_directory.csv"
        path.mkdir(parents=True)
    options: dict[str, object] = {"on_unknown": "aside" if case["verdict"] == "ASIDE" else "error"}
    if case["group"] == "codes":
        options["cog_table"] = france
    if case["id"] == "COD-041":
        del options["cog_table"]
        options["pmsi_codes"] = BADINPUTS / "codes" / "pmsi_multi_correspondence.csv"
    if case["id"] == "FIL-003":  # its label is none of the known ones
        options["allow_new"] = True
    return attempt(lambda: tt.read_flows(path, **options))


EXTRACTS = (
    *("SEC-001", "SEC-003", "SEC-004", "SEC-006", "SEC-009", "SEC-013", "SEC-014"),
    *("SEC-019", "SEC-020"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_case_behaves_as_its_verdict_says(
    case: dict[str, str],
    tmp_path: Path,
    france: tt.cog.CogTable,
    cvl_communes: gpd.GeoDataFrame,
) -> None:
    """The one test of the manifest."""
    if case["id"] in ELSEWHERE:
        pytest.skip(ELSEWHERE[case["id"]])
    if case["id"] in LAYERS:
        behaves_as_a_layer(case)
    if case["group"] in ("files", "codes", "counts", "specialties", "graph") or (
        case["id"] in EXTRACTS
    ):
        outcome = read_case(case, tmp_path, france)
        behaves_as_an_extract(case, outcome)
        if case["group"] == "graph":
            GRAPHS[case["id"]](outcome.flows, cvl_communes)
    elif case["group"] == "params":
        SETTINGS[case["id"]](json.loads((BADINPUTS / case["file"]).read_text()), cvl_communes)
    elif case["id"] == "SEC-016":
        path = json.loads((BADINPUTS / case["file"]).read_text())["path"]
        for read in (tt.read_flows, tt.read_communes, tt.read_bridges, tt.read_cog):
            assert refused(lambda read=read: read(path)) == {"file_remote"}
    else:
        assert case["id"] in LAYERS


@pytest.mark.skipif(not CASES, reason=f"no ../shared/data beside the project: {BADINPUTS}")
def test_every_case_has_its_place() -> None:
    assert len(CASES) == 187
    ids = {case["id"] for case in CASES}
    assert {*ELSEWHERE, *LAYERS, *GRAPHS, *SETTINGS, *TOLD_CASE} <= ids
    assert set(TOLD) <= {case["rule"] for case in CASES}


def refused(work: Callable[[], object]) -> set[str]:
    with pytest.raises(tt.TerritoriesError) as refusal:
        work()
    return {each.key.split(".")[1] for each in refusal.value.faults}


# --- extracts ------------------------------------------------------------------------------------


def behaves_as_an_extract(case: dict[str, str], outcome: Outcome) -> None:
    told = TOLD_CASE.get(case["id"], TOLD.get(case["rule"], ""))
    assert (outcome.refusal is not None) == (case["verdict"] == "ERROR"), outcome.said
    assert not told or told in outcome.keys, (told, outcome.keys, outcome.said)
    assert case["verdict"] != "WARN" or outcome.account.notices
    if case["group"] != "graph":
        named = [*case["row"].split(","), *case["column"].replace("/", ",").split(",")]
        assert [each for each in named if each not in outcome.said] == [], outcome.said
    if outcome.refusal is not None:
        assert Path(case["file"]).name in outcome.said.splitlines()[0]
        return
    accounts_for(case, outcome)
    if case["rule"] == "clean":
        # Of places alone nobody knows how many practise there.
        assert {each.key for each in outcome.account.notices} <= {"notice.professionals_unknown"}
    if case["rule"] == "count_masked":
        assert outcome.flows.table["masked"].sum() == 1
        assert (outcome.flows.bounds()["high"] - outcome.flows.bounds()["low"]).sum() == 9
    if case["id"] == "COD-041":  # the largest remainder gets the unit that is left
        assert outcome.flows.table["patients"].tolist() == [37, 36, 28]
    if case["id"] == "COD-043":
        assert outcome.flows.table[["residence", "patients"]].to_numpy().tolist() == [
            ["18023", 120]
        ]


def accounts_for(case: dict[str, str], outcome: Outcome) -> None:
    """Check the rows and the patients, in, kept and set aside."""
    for name, patients in (("in", "sum_in"), ("kept", "sum_kept"), ("aside", "sum_aside")):
        if case[f"rows_{name}"]:
            assert outcome.account[f"rows_{name}"] == int(case[f"rows_{name}"]), name
        if case[patients]:
            assert outcome.account[f"patients_{name}"] == float(case[patients]), patients
    kept = outcome.flows.table["patients"].sum()
    assert kept == pytest.approx(outcome.account.patients_kept)


# --- layers --------------------------------------------------------------------------------------


def behaves_as_a_layer(case: dict[str, str]) -> None:
    path = BADINPUTS / case["file"]
    if case["verdict"] == "ERROR" and case["rule"] != "population_missing":
        assert refused(lambda: tt.read_communes(path)) == LAYERS[case["id"]]
        return
    communes = tt.read_communes(path)
    notices = {
        each.key.split(".")[1]: str(each) for each in communes.attrs["reconciliation"].notices
    }
    assert set(notices) == LAYERS[case["id"]]
    for code in re.findall(r"\b[0-9]{5}\b", case["row"]):
        assert code in communes.index
        assert case["rule"] == "enclave" or code in " ".join(notices.values())
    pairs = tt.contiguity(communes)
    if case["rule"] == "population_missing":  # read, and refused where it is needed
        names = ["residence", "activity", "destination", "patients"]
        table = pd.DataFrame([("45234", "orl", "45285", 50)], columns=names)
        with pytest.raises(tt.ConstraintError, match="Unknown population"):
            tt.delineate(tt.Flows(table), communes, population=(1000, None))
    if case["rule"] == "geometry_overlap":
        shared = pairs.set_index(["left", "right"])["shared_m"]
        assert shared["45234", "45285"] == pytest.approx(10_000, rel=0.02)
    if case["rule"] == "enclave":
        beside = pairs[(pairs[["left", "right"]] == case["row"]).any(axis=1)]
        assert set(beside[["left", "right"]].to_numpy().ravel()) == {case["row"], "45234"}
        assert len(communes.geometry["45234"].interiors) == 1


# --- graphs --------------------------------------------------------------------------------------


def concords(name: str) -> Callable[[tt.Flows, gpd.GeoDataFrame], None]:
    """Expect a class of concordance of the one commune."""

    def check(flows: tt.Flows, _: gpd.GeoDataFrame) -> None:
        assert tt.concordance(tt.dominant_poles(flows))["concordance"].tolist() == [name]

    return check


def is_tied(flows: tt.Flows, _: gpd.GeoDataFrame) -> None:
    row = tt.dominant_poles(flows).table.iloc[0]
    assert row["tied"]
    assert pd.isna(row["pole"])


def is_divided(flows: tt.Flows, communes: gpd.GeoDataFrame) -> None:
    """Expect territories in one piece each, with every commune in one, whatever the flows."""
    located = tt.Flows(flows.table, communes=communes).grouped()
    zoning = tt.delineate(located, communes, population=(20_000, None))
    assert len(zoning.labels) == len(communes)
    assert len(zoning.uncovered) == 0
    assert (tt.evaluate(zoning, located)["pieces"] == 1).all()


def has_no_flow(flows: tt.Flows, communes: gpd.GeoDataFrame) -> None:
    zoning = tt.delineate(flows, communes, population=(20_000, None))
    assert "unmet.no_flow" in {each.key for each in zoning.unmet}


def keeps_the_small_flow(flows: tt.Flows, _: gpd.GeoDataFrame) -> None:
    assert flows.table["patients"].min() == 11
    assert flows.table["patients"].sum() == 12_000_000_011


GRAPHS: dict[str, Callable[[tt.Flows, gpd.GeoDataFrame], None]] = {
    "GRA-002": is_divided,
    "GRA-003": has_no_flow,
    "GRA-005": is_tied,
    "GRA-007": concords("none"),
    "GRA-008": concords("majority"),
    "GRA-009": concords("all_but_one"),
    "GRA-010": concords("relative"),
    "GRA-011": concords("all_but_one"),
    "GRA-013": is_divided,
    "GRA-014": is_divided,
    "GRA-015": is_divided,
    "GRA-018": keeps_the_small_flow,
}


# --- settings ------------------------------------------------------------------------------------


def constrained(key: str, *named: str, **options: str) -> Callable[..., None]:
    """Expect `delineate` to refuse the values of the case, given to these options."""

    def check(values: dict[str, object], communes: gpd.GeoDataFrame) -> None:
        row = [["45234", "dermatologie", "45234", 50], ["45234", "ophtalmologie", "45234", 50]]
        flows = tt.Flows(
            pd.DataFrame(row, columns=["residence", "activity", "destination", "patients"])
        )
        ours = {ours: values[theirs] for ours, theirs in options.items()}
        if not options:
            ours = {"population": (values.get("min_population"), values.get("max_population"))}
        with pytest.raises(tt.TerritoriesError) as refusal:
            tt.delineate(flows, communes, **ours)
        assert f"error.{key}" in [each.key for each in refusal.value.faults]
        for each in named:
            assert each in str(refusal.value)

    return check


def is_no_setting(values: dict[str, object], _: gpd.GeoDataFrame) -> None:
    with pytest.raises(ValidationError, match="resolutoin"):
        Settings.model_validate({"communes": "c", "flows": "f", **values})


def is_no_year(values: dict[str, object], _: gpd.GeoDataFrame) -> None:
    path = BADINPUTS / "files" / "ok_utf8_semicolon.csv"
    france = BADINPUTS.parent / "france"
    with pytest.raises(tt.InputError, match=r"2099.*1943–2024"):
        tt.read_flows(path, cog=values["vintage"], cog_table=france)


def is_too_low(values: dict[str, int], _: gpd.GeoDataFrame) -> None:
    with pytest.raises(tt.SecrecyError, match="acknowledged"):
        tt.Secrecy(threshold=values["disclosure_threshold"])


def is_no_tolerance(values: dict[str, float], communes: gpd.GeoDataFrame) -> None:
    with pytest.raises(tt.InputError, match="-1"):
        tt.contiguity(communes, tolerance=values["snap_tolerance_m"])


def names_no_commune(values: dict[str, dict[str, str]], communes: gpd.GeoDataFrame) -> None:
    with pytest.raises(tt.TerritoriesError, match="45999"):
        tt.Zoning.from_labels(pd.Series(values["overrides"]), communes=communes)


def cuts_a_territory(values: dict[str, dict[str, str]], communes: gpd.GeoDataFrame) -> None:
    """Bourges is far from Orléans: refused, accepted with force, and then told."""
    labels = communes.index.to_series().str[:2].map({"45": "45234"}).fillna("others")
    zoning = dataclasses.replace(
        tt.Zoning.from_labels(labels, communes=communes), names={"45234": "Orléans"}
    )
    moves = [tt.Revision("move", code, target) for code, target in values["overrides"].items()]
    assert refused(lambda: zoning.revise(moves)) == {"revision_cuts"}
    forced = zoning.revise(moves, force=True)
    assert forced.labels["18033"] == "45234"
    assert [each.key for each in forced.unmet] == ["unmet.revision_cuts"]
    assert zoning.labels["18033"] == "others"


SETTINGS: dict[str, Callable[..., None]] = {
    "PAR-001": constrained("bounds_crossed", "80,000", "40,000"),
    "PAR-003": constrained("maximum_under_commune", "Tours", "137,658"),
    "PAR-006": constrained("resolution_not_positive", "-1", resolution="resolution"),
    "PAR-007": constrained("resolution_not_positive", "nan", resolution="resolution"),
    "PAR-009": constrained("resolution_not_positive", "'1,0'", resolution="resolution"),
    "PAR-010": constrained("number_not_positive", "0", territories="n_territories"),
    "PAR-013": constrained("seed_not_integer", "1.5", seed="seed"),
    "PAR-014": is_no_setting,
    "PAR-016": is_too_low,
    "PAR-019": constrained("weights_value", weights="weights"),
    "PAR-021": is_no_year,
    "PAR-024": is_no_tolerance,
    "PAR-025": names_no_commune,
    "PAR-027": cuts_a_territory,
}


def too_many_territories(values: dict[str, int], communes: gpd.GeoDataFrame) -> None:
    """There are twelve communes in the cases."""
    few = communes.iloc[:12]
    assert refused(
        lambda: tt.delineate(
            tt.Flows(
                pd.DataFrame(
                    {
                        "residence": few.index,
                        "activity": "orl",
                        "destination": few.index,
                        "patients": 50,
                    }
                )
            ),
            few,
            territories=values["n_territories"],
            population=(None, None),
        )
    ) == {"number_over_communes"}


SETTINGS["PAR-011"] = too_many_territories
