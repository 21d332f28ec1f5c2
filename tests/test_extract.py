"""An extract, column by column: which are ours, what each row says, totals among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from layers import write_text

import territories as tt
from territories import CodeError, InputError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "commune_residence;specialite;ps;nb_patients"
ROWS = ["00001;ORL;PS1;20", "00002;ORL;PS1;30", "00001;dermatologie;PS2;40"]


def flows(folder: Path, rows: list[str], head: str = HEAD, **options: object) -> tt.Flows:
    return tt.read_flows(write_text(folder / "e.csv", head, rows, seed=None), **options)


def keys(read: tt.Flows) -> list[str]:
    return [each.key.removeprefix("notice.") for each in read.reconciliation.notices]


def refused(folder: Path, rows: list[str], head: str = HEAD, **options: object) -> str:
    with pytest.raises(InputError) as refusal:
        flows(folder, rows, head, **options)
    (fault,) = refusal.value.faults
    assert "e.csv" in str(fault)
    return fault.key.removeprefix("error.")


# --- columns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "key"),
    [
        ("commune_residence;specialite;nb_patients;x", "column_missing_place"),
        ("commune_residence;specialite;ps;efectif", "column_missing_near"),
        ("codgeo;depcom;specialite;ps;nb_patients", "column_ambiguous"),
        ("commune_residence;specialite;ps;nb_patients;nb_actes", "column_ambiguous"),
        ("commune_residence;specialite;ps;nb_consultations;nb_actes", "column_ambiguous"),
        ("nir;commune_residence;specialite;ps;nb_patients", "table_of_persons"),
        ("ben_idt_ano;commune_residence;specialite;ps;nb_patients", "table_of_persons"),
        ("date de naissance;commune_residence;specialite;ps;nb_patients", "table_of_persons"),
        ("Numéro du patient;commune_residence;specialite;ps;nb_patients", "table_of_persons"),
        ("Prénom;commune_residence;specialite;ps;nb_patients", "table_of_persons"),
    ],
)  # fmt: skip
def test_columns_that_will_not_do(tmp_path: Path, head: str, key: str) -> None:
    row = ";".join(["00001"] * len(head.split(";")))
    told = refused(tmp_path, [row], head)
    assert told == key or {told, key} == {"column_missing", "column_missing_near"}


def test_which_of_two_counts_is_meant_can_be_said(tmp_path: Path) -> None:
    head = "commune_residence;specialite;ps;nb_patients;nb_actes"
    rows = ["00001;ORL;PS1;20;50"]
    for theirs, number in (("nb_patients", 20), ("nb_actes", 50)):
        read = flows(tmp_path, rows, head, columns={"patients": theirs})
        assert read.table["patients"].tolist() == [number]
        assert "unused" in keys(read)


def test_practitioners_are_no_other_column(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'ps' is that of practitioners: it cannot be 'residence'"):
        flows(tmp_path, ROWS, columns={"residence": "ps"})


def test_names_with_digits_can_be_given(tmp_path: Path) -> None:
    columns = {"residence": "c2021", "activity": "s2021", "practitioner": "p2021",
               "patients": "n2021"}  # fmt: skip
    read = flows(tmp_path, ROWS, "c2021;s2021;p2021;n2021", columns=columns)
    assert len(read.table) == 3
    named = flows(tmp_path, [f"1;{row}" for row in ROWS], f";{HEAD}")  # as R writes row names
    assert len(named.table) == 3


def test_columns_that_are_not_read_are_told(tmp_path: Path) -> None:
    head = f"{HEAD};EPCI;note"
    read = flows(tmp_path, [f"{row};x;y" for row in ROWS], head)
    assert "columns not used: EPCI, note" in map(str, read.reconciliation.notices)


def test_numbers_of_persons_are_told_and_not_shown(tmp_path: Path) -> None:
    head = HEAD.replace("ps", "N° RPPS")
    read = flows(tmp_path, [row.replace("PS", "1000000000") for row in ROWS], head)
    (notice,) = (each for each in read.reconciliation.notices if each.key == "notice.identifier")
    assert "N° RPPS" in str(notice)
    assert "10000" not in repr(read) + repr(read.reconciliation)


# --- SNDS ----------------------------------------------------------------------------------------

SNDS = "BEN_RES_DPT;BEN_RES_COM;PSE_SPE_COD;PSE_ACT_NAT;PFS_EXE_NUM;nb_patients"
AS_PS = {"practitioner": "PFS_EXE_NUM"}


def test_an_extract_of_the_snds(tmp_path: Path) -> None:
    rows = [
        "045;234;11;0;P1;20",  # ENT
        "45;1;15;0;P1;30",  # zeros that Excel took
        "001;004;0;24;P2;40",  # nurse
        "097;105;99;26;P3;50",  # physiotherapist of Guadeloupe
        "971;005;5;0;P4;60",
    ]
    read = flows(tmp_path, rows, SNDS, columns=AS_PS)
    assert read.table[["residence", "activity", "patients"]].to_numpy().tolist() == [
        ["01004", "soins infirmiers", 40],
        ["45001", "ophtalmologie", 30],
        ["45234", "ORL", 20],
        ["97105", "dermatologie", 60],
        ["97105", "kinésithérapie", 50],
    ]
    assert "unused" not in keys(read)


def test_residences_that_the_snds_does_not_know(tmp_path: Path) -> None:
    rows = ["045;234;11;0;P1;20", "045;999;11;0;P1;30", "099;109;11;0;P1;40", "209;004;11;0;P1;50"]
    read = flows(tmp_path, rows, SNDS, columns=AS_PS, on_unknown="aside")
    assert read.reconciliation.reasons == {"missing_residence": (3, 120)}
    with pytest.raises(CodeError, match=r"BEN_RES_DPT \+ BEN_RES_COM: |BEN_RES_DPT \+ BEN_RES_COM"):
        flows(tmp_path, rows, SNDS, columns=AS_PS)


def test_specialties_without_professions(tmp_path: Path) -> None:
    head = "residence;PSE_SPE_COD;ps;patients"
    rows = ["00001;05;P1;20", "00001;15;P1;30", "00001;1;P2;40", "00002;22;P2;50", "00001;0;P3;60"]
    read = flows(tmp_path, rows, head, on_unknown="aside")
    assert read.activities == ["dermatologie", "médecine générale", "ophtalmologie"]
    assert read.reconciliation.reasons == {"missing_activity": (1, 60)}
    head = "residence;PSE_ACT_NAT;ps;patients"
    rows = ["00001;24;P1;20", "00001;26;P1;30", "00001;50;P2;40"]
    assert set(flows(tmp_path, rows, head).activities) == {
        "soins infirmiers", "kinésithérapie", "pharmacie",
    }  # fmt: skip


def test_specialties_that_say_nothing_at_all(tmp_path: Path) -> None:
    rows = ["045;234;0;24;P1;20", "045;235;99;26;P2;30"]
    read = flows(tmp_path, rows, SNDS, columns=AS_PS)
    assert read.activities == ["kinésithérapie", "soins infirmiers"]


def test_a_code_that_no_nomenclature_has_is_unknown(tmp_path: Path) -> None:
    head = "residence;PSE_SPE_COD;ps;patients"
    assert refused(tmp_path, ["00001;97;P1;20"], head) == "activity_unknown"
    assert refused(tmp_path, ["00001;5;P1;20"]) == "activity_unknown"  # of which nomenclature?


# --- activities ----------------------------------------------------------------------------------


def test_labels_of_one_activity_are_one(tmp_path: Path) -> None:
    labels = ["ORL", "orl", " O.R.L. ", "Oto-rhino-laryngologie", "oto rhino laryngologie"]
    rows = [f"0000{place};{label};PS1;20" for place, label in enumerate(labels)]
    read = flows(tmp_path, rows)
    assert read.activities == ["ORL"]
    assert {"activity_normalised", "activity_synonym", "one_activity"} <= set(keys(read))


def test_damaged_labels_are_mended_and_told(tmp_path: Path) -> None:
    read = flows(tmp_path, ["00001;Gastro-entÃ©rologie;PS1;20", *ROWS])
    assert "gastro-entérologie" in read.activities
    assert "activity_mojibake" in keys(read)


def test_unknown_labels_are_refused_or_kept_by_one_name(tmp_path: Path) -> None:
    rows = ["00001;Licornologie;PS1;20", "00002;licornologie ;PS1;30", "00003;ophtalmologi;PS2;40"]
    with pytest.raises(InputError, match=r"'ophtalmologi' \(ophtalmologie \?\)") as refusal:
        flows(tmp_path, rows)
    assert "3 (rows 2, 3, 4: 'Licornologie'" in str(refusal.value)
    assert "--allow-new" in str(refusal.value)
    read = flows(tmp_path, rows, allow_new=True)
    assert len(read.activities) == 2
    own = flows(tmp_path, rows, activities={"licornes": ["Licornologie"], "yeux": ["ophtalmologi"]})
    assert own.activities == ["licornes", "yeux"]


def test_labels_that_may_be_counts_are_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        flows(tmp_path, ["00001;7;PS1;20", "00001;PS150067;PS1;20"])
    assert "7" not in str(refusal.value).split("Known")[0].replace("PS1", "")
    assert "PS150067" not in str(refusal.value)


def test_the_activity_of_a_file_that_names_none(tmp_path: Path) -> None:
    head = "commune_residence;ps;nb_patients"
    rows = ["00001;PS1;20", "00002;PS1;30"]
    assert flows(tmp_path, rows, head, activity="dermato").activities == ["dermatologie"]
    assert refused(tmp_path, rows, head) in ("column_missing", "column_missing_near")
    assert refused(tmp_path, rows, head, activity="licornologie") == "activity_unknown"
    professions = [f"{row};24" for row in rows]
    read = flows(tmp_path, professions, f"{head};PSE_ACT_NAT", activity="orl")
    assert read.activities == ["ORL"]


def test_an_activity_is_not_given_for_a_file_that_names_them(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        flows(tmp_path, ROWS, activity="dermatologie")


# --- totals --------------------------------------------------------------------------------------

TOTALS = [
    (["Total;;;90"], {"total": (1, 0)}),
    (["TOTAL GÉNÉRAL;;;90"], {"total": (1, 0)}),
    (["Sous-total;ORL;;50", "Total;;;90"], {"total": (2, 0)}),
    (["Ensemble;;;90"], {"total": (1, 0)}),
    (["00001;Total;;60", "00002;Total;;30"], {"total_activity": (2, 0)}),
    (["00001;ORL Total;PS1;20"], {"total_activity": (1, 0)}),
    (["00001;Toutes spécialités;;60"], {"total_activity": (1, 0)}),
    (["00001;ORL;Total;20", "00002;ORL;Total;30"], {"total": (2, 0)}),
    (["00001;ORL;Total;20", "00001;Total;;60", "Total;;;90"],
     {"total": (2, 0), "total_activity": (1, 0)}),
]  # fmt: skip


@pytest.mark.parametrize(("totals", "reasons"), TOTALS)
@pytest.mark.parametrize("place", [0, 1, 3])
@pytest.mark.parametrize("on_unknown", ["error", "aside", "external"])
def test_totals_are_not_people(
    tmp_path: Path, totals: list[str], reasons: dict, place: int, on_unknown: str
) -> None:
    """At the end, at the beginning, in the middle; whatever is asked of unknown codes."""
    rows = [*ROWS[:place], *totals, *ROWS[place:]]
    read = flows(tmp_path, rows, on_unknown=on_unknown)
    assert read.table["patients"].sum() == 90
    account = read.reconciliation
    assert account.reasons == reasons
    assert (account.rows_in, account.rows_kept) == (3 + len(totals), 3)
    assert account.patients_in == account.patients_kept == 90
    assert not {"total_differs", "total_nearly"} & set(keys(read))


def test_totals_of_places(tmp_path: Path) -> None:
    head = "residence;activity;destination;patients"
    rows = ["00001;ORL;00002;20", "00001;ORL;Total;20", "00002;ORL;00002;30"]
    read = flows(tmp_path, rows, head)
    assert read.reconciliation.reasons == {"total": (1, 0)}
    assert read.table["patients"].sum() == 50


def test_a_total_that_differs_is_told(tmp_path: Path) -> None:
    read = flows(tmp_path, [*ROWS, "Total;;;900"])
    assert "row 5 of column nb_patients (900) is not the sum of the other rows (90)" in str(
        read.reconciliation.notices[-1]
    ) + " ".join(map(str, read.reconciliation.notices))
    assert "total_nearly" in keys(flows(tmp_path, [*ROWS, "Total;;;95"]))


@pytest.mark.parametrize(("rows", "total"), [(["00001;ORL;PS1;7"], 500), (ROWS, 7)])
def test_a_total_that_differs_shows_no_small_count(
    tmp_path: Path, rows: list[str], total: int
) -> None:
    read = flows(tmp_path, [*rows, f"Total;;;{total}"])
    told = [str(each) for each in read.reconciliation.notices if "total" in each.key]
    assert told
    assert "(7)" not in told[0]


@pytest.mark.parametrize("total", ["102", "108", "110", "ns"])
def test_a_total_that_masked_cells_allow_is_no_fault(tmp_path: Path, total: str) -> None:
    rows = ["00001;ORL;PS1;100", "00002;ORL;PS1;<11", f"Total;;;{total}"]
    assert not {"total_differs", "total_nearly"} & set(keys(flows(tmp_path, rows)))


# --- counts, departments, years ------------------------------------------------------------------


def test_masked_cells_are_five_of_one_to_ten(tmp_path: Path) -> None:
    read = flows(tmp_path, [*ROWS, "00003;ORL;PS1;<11", "00004;ORL;PS1;-"])
    assert read.table["masked"].sum() == 2
    assert read.table["patients"].sum() == 100
    assert read.bounds().sum().tolist() == [92, 110]
    read = flows(tmp_path, [*ROWS, "00003;ORL;PS1;<11", "00004;ORL;PS1;-"], dash="zero",
                 masked_as=10)  # fmt: skip
    assert read.masked_as == 10
    assert read.table["patients"].sum() == 100
    assert read.bounds().sum().tolist() == [91, 100]
    assert "masked" not in flows(tmp_path, ROWS).table


@pytest.mark.parametrize("value", [0, 11, -1])
def test_a_masked_cell_counts_as_one_to_ten(tmp_path: Path, value: int) -> None:
    with pytest.raises(InputError, match=f"1 to 10, not {value}"):
        flows(tmp_path, ROWS, masked_as=value)


def test_all_zero_and_fractions_are_told(tmp_path: Path) -> None:
    assert "all_zero" in keys(flows(tmp_path, ["00001;ORL;PS1;0", "00002;ORL;PS1;0"]))
    read = flows(tmp_path, [*ROWS, "00003;ORL;PS1;12,5"])
    assert "(rows 5)" in next(
        str(each) for each in read.reconciliation.notices if each.key == "notice.fractions"
    )
    assert read.table["patients"].sum() == 102.5


def test_departments_of_practice(tmp_path: Path) -> None:
    head = f"{HEAD};departement_ps"
    read = flows(tmp_path, [f"{row};{dep}" for row, dep in zip(ROWS, ["1", "01", ""], strict=True)],
                 head)  # fmt: skip
    assert read.table.sort_values("patients")["department"].tolist() == ["01", "01", ""]
    assert "departments_repaired" in keys(read)
    assert refused(tmp_path, [f"{row};Loiret" for row in ROWS], head) == "department_malformed"


YEARS = ["2022;00001;ORL;PS1;20", "2023;00001;ORL;PS1;30", "2023;00002;ORL;PS1;40"]
BY_YEAR = f"annee;{HEAD}"


def test_years_that_are_stacked(tmp_path: Path) -> None:
    assert refused(tmp_path, YEARS, BY_YEAR) == "year_several"
    for year, patients in ((2022, 20), ("2023", 70)):
        read = flows(tmp_path, YEARS, BY_YEAR, year=year)
        assert read.table["patients"].sum() == patients
        assert read.reconciliation.patients_aside == 90 - patients
        assert list(read.reconciliation.reasons) == ["other_year"]
    both = flows(tmp_path, YEARS, BY_YEAR, duplicates="sum")
    assert both.table["patients"].tolist() == [50, 40]
    assert refused(tmp_path, YEARS, BY_YEAR, year=2021) == "year_unknown"
    assert refused(tmp_path, ROWS, year=2021) == "year_missing"
    one = flows(tmp_path, YEARS[1:], BY_YEAR)
    assert one.table["patients"].sum() == 70


@pytest.mark.parametrize("other", ["2021;ZZZZZ;ORL;PS1;20", "2021;00001;ORL;PS1;x",
                                   "2021;00001;licornologie;PS1;20"])  # fmt: skip
def test_what_is_wrong_in_other_years_does_not_matter(tmp_path: Path, other: str) -> None:
    read = flows(tmp_path, [*YEARS, other], BY_YEAR, year=2022)
    assert read.table["patients"].sum() == 20


def test_the_order_of_rows_of_one_city_changes_nothing(tmp_path: Path) -> None:
    """Rows that are added up: departments may differ, amounts are fractions."""
    head = f"{HEAD};departement_ps;montant"
    rows = ["75101;ORL;P;20;75;0,1", "75102;ORL;P;5;;0,2", "75103;ORL;P;5;;0,3",
            "75104;ORL;P;1;75;1e9"]  # fmt: skip
    usual = flows(tmp_path, rows, head).table
    assert usual["department"].tolist() == ["75"]
    for order in ([3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]):
        other = flows(tmp_path, [rows[place] for place in order], head).table
        pd.testing.assert_frame_equal(other, usual, check_exact=True)
