"""Reading: the same table from any writing of it; what is unknown is refused, or set aside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layers import SPECIALISTS, code, layer, write_text
from pandas.testing import assert_frame_equal

import territories as tt
from territories import CodeError, InputError
from territories._words import using

if TYPE_CHECKING:
    from pathlib import Path


# --- flows --------------------------------------------------------------------------------------

LINES = [
    "00001;orl;PS1;00;20;100,50",
    "00002;orl;PS1;00;15;80,00",
    "96001;orl;PS2;;12;60,00",
    "50001;dermatologie;PS3;75;30;12,00",
]


def flows(folder: Path, lines: list[str], head: str = SPECIALISTS, **options) -> tt.Flows:
    return tt.read_flows(write_text(folder / "extrait.csv", head, lines), **options)


def test_a_specialist_extract(tmp_path: Path) -> None:
    read = flows(tmp_path, LINES, communes=layer("abA"))
    assert read.table.to_dict("list") == {
        "residence": ["00001", "00002", "50001", "96001"],
        "activity": ["ORL", "ORL", "dermatologie", "ORL"],
        "practitioner": ["PS1", "PS1", "PS3", "PS2"],
        "department": ["00", "00", "75", ""],
        "patients": [20, 15, 30, 12],
        "amount": [100.5, 80.0, 12.0, 60.0],
    }
    assert read.table["patients"].dtype == "int64"
    account = read.reconciliation
    assert (account["rows_in"], account["rows_kept"], account["rows_aside"]) == (4, 4, 0)
    assert (account["patients_in"], account["patients_kept"]) == (77, 77)
    assert account["reasons"] == {}
    assert account["unit"] == "patients"
    told = [str(each) for each in account["notices"]]
    assert len(told) == 2
    assert told[0].startswith("activities written otherwise in column specialite: 3 (rows ")
    assert told[0].endswith("; 'orl' → ORL)")
    assert told[1] == "decimal comma in column montant: 4 numbers"


def test_destinations_are_recognised(tmp_path: Path) -> None:
    head = "codgeo;specialite;commune_exercice;nb_patients"
    read = flows(tmp_path, ["00001;orl;00002;20", "1002;orl;2;7"], head, on_unknown="external")
    assert read.table[["residence", "destination", "patients"]].to_numpy().tolist() == [
        ["00001", "00002", 20],
        ["01002", "2", 7],
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_writings_of_an_extract_give_the_same_flows(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    lines = [*LINES, "00001;chirurgie de l'œil;PS4;;11;1,00"]
    usual = flows(tmp_path, lines, allow_new=True)
    text = "\r\n".join([SPECIALISTS, *reversed(lines)]).replace(";", separator)
    other = tmp_path / "autre.csv"
    other.write_bytes(text.encode(encoding))
    assert_frame_equal(tt.read_flows(other, allow_new=True).table, usual.table)


@settings(max_examples=20)
@given(st.permutations(LINES))
def test_the_order_of_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    file = write_text(folder / "a.csv", SPECIALISTS, lines, seed=None)
    usual = write_text(folder / "b.csv", SPECIALISTS, LINES, seed=None)
    assert_frame_equal(tt.read_flows(file).table, tt.read_flows(usual).table)


def test_columns_of_flows_can_be_named(tmp_path: Path) -> None:
    head = SPECIALISTS.replace("commune_residence", "domicile").replace("nb_patients", "effectif")
    columns = {"residence": "domicile", "patients": "effectif"}
    assert_frame_equal(flows(tmp_path, LINES, head, columns=columns).table,
                       flows(tmp_path, LINES).table)  # fmt: skip


def test_arrondissements_are_one_residence_their_city(tmp_path: Path) -> None:
    read = flows(tmp_path, ["75101;orl;PS1;;20;1,5", "75120;orl;PS1;;5;2", "75056;orl;PS1;;1;0"])
    assert set(read.table["residence"]) == {"75056"}
    assert read.table[["patients", "amount"]].sum().tolist() == [26, 3.5]
    assert read.located().table["patients"].tolist() == [26]
    assert read.reconciliation["rows_in"] == 3
    assert read.reconciliation["patients_kept"] == 26


UNKNOWN = ["00999;orl;PS1;;40;1", "ZZZZZ;orl;PS1;;50;1", "99109;orl;PS1;;60;1"]


def test_unknown_communes_are_refused_by_row_column_and_value(tmp_path: Path) -> None:
    file = write_text(tmp_path / "e.csv", SPECIALISTS, [*LINES, *UNKNOWN], seed=None)
    with pytest.raises(CodeError) as refusal:
        tt.read_flows(file, communes=layer("abA"))
    for words in ("e.csv", ": 3 (rows", "commune_residence", "rows 6, 7, 8",
                  "'00999', 'ZZZZZ', '99109'", "--on-unknown aside"):  # fmt: skip
        assert words in str(refusal.value)
    with using("fr"):
        assert "lignes 6, 7, 8 : '00999'" in str(refusal.value)
        assert "--on-unknown aside" in str(refusal.value)
    assert not re.search(r"\b[456]0\b", str(refusal.value))  # no count of patients


def test_unknown_communes_can_be_set_aside(tmp_path: Path) -> None:
    read = flows(tmp_path, [*LINES, *UNKNOWN], communes=layer("abA"), on_unknown="aside")
    account = read.reconciliation
    assert (account["rows_in"], account["rows_kept"], account["rows_aside"]) == (7, 4, 3)
    assert (account["patients_in"], account["patients_kept"]) == (227, 77)
    assert account["patients_aside"] == 150
    assert account["reasons"] == {
        "malformed_residence": (1, 50),
        "foreign_residence": (1, 60),
        "unknown_residence": (1, 40),
    }
    lines = (tmp_path / "extrait.csv").read_text(encoding="utf-8").splitlines()
    row = str(lines.index(UNKNOWN[0]) + 1)
    assert account["examples"]["unknown_residence"] == (
        {"row": row, "column": "commune_residence", "value": "'00999'"},
    )
    assert len(read.table) == 4


def test_unknown_communes_can_be_kept_as_external(tmp_path: Path) -> None:
    read = flows(tmp_path, [*LINES, *UNKNOWN], communes=layer("abA"), on_unknown="external")
    assert read.reconciliation["rows_aside"] == 0
    assert read.table["patients"].sum() == 227
    assert set(read.table.loc[read.external("residence"), "residence"]) == {
        "50001", "00999", "ZZZZZ", "99109",
    }  # fmt: skip


def test_unknown_destinations_too(tmp_path: Path) -> None:
    head = "residence;activity;destination;patients"
    lines = ["00001;orl;00999;40", "00001;orl;00002;25", "00998;orl;00997;7", "00001;orl;75056;3"]
    with pytest.raises(CodeError) as refusal:
        flows(tmp_path, lines, head, communes=layer("ab"))
    assert "column residence" in str(refusal.value)
    assert "column destination" in str(refusal.value)
    read = flows(tmp_path, lines, head, communes=layer("ab"), on_unknown="aside")
    assert read.reconciliation["reasons"] == {
        "unknown_residence": (1, 7),
        "unknown_destination": (1, 40),
    }
    assert read.table["destination"].tolist() == ["00002", "75056"]


PLACES = st.sampled_from(["00001", "00002", "00999", "ZZZZZ", "75056", "96001"])
FLOW_ROWS = st.dictionaries(
    st.tuples(PLACES, st.sampled_from(["orl", "derm"]), st.sampled_from(["PS1", "PS2", "PS3"])),
    st.integers(0, 60),
    min_size=1,
)


@settings(max_examples=20)
@given(FLOW_ROWS, st.sampled_from(["aside", "external"]), st.integers(0, 5))
def test_in_is_kept_and_set_aside(
    tmp_path_factory: pytest.TempPathFactory, rows, on_unknown, seed: int
) -> None:
    lines = [f"{home};{act};{ps};;{patients};1" for (home, act, ps), patients in rows.items()]
    file = write_text(tmp_path_factory.mktemp("kept") / "e.csv", SPECIALISTS, lines, seed=seed)
    if on_unknown == "aside" and {home for home, *_ in rows} <= {"00999", "ZZZZZ"}:
        with pytest.raises(InputError, match="no row can be kept"):
            tt.read_flows(file, communes=layer("abA"), on_unknown=on_unknown)
        return
    read = tt.read_flows(file, communes=layer("abA"), on_unknown=on_unknown).located()
    account = read.reconciliation
    assert account["rows_in"] == len(rows) == account["rows_kept"] + account["rows_aside"]
    assert account["patients_in"] == sum(rows.values())
    assert account["patients_in"] == account["patients_kept"] + account["patients_aside"]
    assert account["patients_kept"] == read.table["patients"].sum()
    assert sum(rows for rows, _ in account["reasons"].values()) == account["rows_aside"]
    assert sum(sick for _, sick in account["reasons"].values()) == account["patients_aside"]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["00001;orl;PS1;;douze;1"], ["nb_patients", "rows 2", "not numbers"]),
        (["00001;orl;PS1;;;1"], ["nb_patients", "rows 2", "Empty is not zero"]),
        (["00001;orl;PS1;;-3;1"], ["nb_patients", "rows 2", "negative"]),
        (["00001;orl;PS1;;30;x"], ["montant", "rows 2", "not numbers"]),
        ([";orl;PS1;;30;1"], ["commune_residence", "rows 2", "empty"]),
        (["00001;;PS1;;30;1"], ["specialite", "rows 2", "empty"]),
        (["00001;orl; ;;30;1"], ["ps", "rows 2", "empty"]),
        (["00001;orl;PS777777;;31;1", "00001;orl;PS777777;;32;1"],
         ["rows 2, 3", "'00001'", "same key"]),
        (["1004;orl;PS777777;;31;1", "01004;orl;PS777777;;32;1"],
         ["rows 2, 3", "'01004'", "same key"]),
        (["00001;orl;PS1;;10000000000000000000;1"], ["nb_patients", "rows 2"]),
    ],
)  # fmt: skip
def test_faults_of_an_extract_are_named_without_any_count(
    tmp_path: Path, lines: list[str], named: list[str]
) -> None:
    file = write_text(tmp_path / "extrait.csv", SPECIALISTS, lines, seed=None)
    with pytest.raises(InputError) as refusal:
        tt.read_flows(file)
    told = str(refusal.value)
    for words in ["extrait.csv", *named]:
        assert words in told
    assert not re.search(r"\b3[012]\b|PS777777|1000000", told)


def test_an_empty_amount_is_only_unknown(tmp_path: Path) -> None:
    assert flows(tmp_path, ["00001;orl;PS1;;30;"]).table["amount"].isna().all()


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refusal:
        flows(tmp_path, ["ZZZZZ;orl;;;x;1", ";orl;PS1;;-1;y"])
    assert len(refusal.value.faults) == 6
    assert not isinstance(refusal.value, CodeError)


def test_a_list_of_the_communes_of_the_year(tmp_path: Path) -> None:
    """A code that neither INSEE's list nor the layer has is unknown."""
    insee = tmp_path / "v_commune_2024.csv"
    insee.write_text(
        "TYPECOM,COM,LIBELLE\nCOM,00001,A\nCOM,75056,Paris\nARM,75101,Paris 1er\nCOMD,00002,B\n",
        encoding="utf-8",
    )
    good = ["00001;orl;PS1;;20;1", "75101;orl;PS1;;20;1", "75056;orl;PS2;;20;1"]
    read = flows(tmp_path, good, cog_table=insee)  # 75101 is counted with Paris
    assert read.table["residence"].tolist() == ["00001", "75056", "75056"]
    with pytest.raises(CodeError, match="'50001'"):
        flows(tmp_path, [*good, "50001;orl;PS1;;20;1"], cog_table=insee)
    with pytest.raises(CodeError, match="'00002'"):
        flows(tmp_path, [*good, "00002;orl;PS1;;20;1"], cog_table=insee)
    drawn = [*good, "00002;orl;PS1;;20;1"]  # it is on the map: the layer wins
    assert len(flows(tmp_path, drawn, cog_table=insee, communes=layer("ab")).table) == 4


def test_a_clipped_extract_is_told(tmp_path: Path) -> None:
    """Nobody from elsewhere, and no care elsewhere."""
    communes = layer("abA")

    def told(lines: list[str], head: str = SPECIALISTS) -> list[str]:
        account = flows(tmp_path, lines, head, communes=communes).located().reconciliation
        return [each.key for each in account.notices if "clipped" in each.key]

    assert told(LINES) == []
    assert told(LINES[:3]) == ["notice.clipped_residences", "notice.clipped_destinations"]
    assert told([*LINES[:3], "00001;orl;PS9;75;5;1"]) == ["notice.clipped_residences"]
    assert told([*LINES[:3], "50001;orl;PS1;00;5;1"]) == ["notice.clipped_destinations"]
    located = "residence;activity;destination;patients"
    assert told(["00001;orl;00002;20"], located) == [
        "notice.clipped_residences",
        "notice.clipped_destinations",
    ]
    assert told(["00001;orl;75056;20"], located) == ["notice.clipped_residences"]


def test_refusals_speak_french_and_say_what_to_do(tmp_path: Path) -> None:
    with using("fr"), pytest.raises(InputError) as refusal:
        flows(tmp_path, ["00001;orl;PS1;;douze;1"])
    with using("fr"):
        assert str(refusal.value).startswith(
            "extrait.csv : ce ne sont pas des nombres, colonne nb_patients : 1 (lignes 2)."
        )


# --- bridges -------------------------------------------------------------------------------------


def test_bridges(tmp_path: Path) -> None:
    file = write_text(tmp_path / "b.csv", "left;right;note", ["96001;1;bac", "1004;45234;pont"],
                      seed=None)  # fmt: skip
    with pytest.raises(CodeError, match=r"right.*rows 2: …"):
        tt.read_bridges(file)
    write_text(file, "gauche;droite", ["1004;45234", f"{code('a')};{code('b')}"], seed=None)
    assert tt.read_bridges(file).to_dict("list") == {
        "left": ["01004", "00001"],
        "right": ["45234", "00002"],
    }


# --- period -------------------------------------------------------------------------------------


def test_period(tmp_path: Path) -> None:
    assert flows(tmp_path, LINES).period is None
    assert flows(tmp_path, LINES, period="2021-2023").period == "2021-2023"
    head = f"annee;{SPECIALISTS}"
    one = [f"2023;{line}" for line in LINES]
    read = flows(tmp_path, one, head)
    assert read.period == "2023"
    assert repr(read).endswith("practitioners, 2023>")
    assert read.located().period == "2023"
    assert flows(tmp_path, one, head, period="2022").period == "2022"
    two = [*one, *(f"2022;{line}" for line in LINES)]
    assert flows(tmp_path, two, head, year=2022).period == "2022"
    assert flows(tmp_path, two, head, year="2023").period == "2023"
    assert flows(tmp_path, two, head, duplicates="sum").period is None
