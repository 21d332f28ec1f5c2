"""Activities: each label brought to one name, whatever its spelling; none is ever guessed."""

from __future__ import annotations

import csv
import tomllib
import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from territories import _fiction, activities
from territories._tables import matched, read_table
from territories.errors import InputError

KNOWN = activities.known()
BLANKS = st.text(" \t\n\u00a0\u202f\u2007\ufeff\u200b", max_size=3)


def one(label: str, table=KNOWN, **options) -> tuple[str | None, str]:
    found = activities.normalised(pd.Series([label], index=[7]), table, **options)
    assert found.index.tolist() == [label]
    activity, how = found.iloc[0][["activity", "how"]]
    return (None if pd.isna(activity) else activity), how


def without_accents(label: str) -> str:
    letters = unicodedata.normalize("NFD", label)
    return "".join(each for each in letters if not unicodedata.combining(each))


def mangled(label: str, encoding: str = "cp1252") -> str:
    return label.encode().decode(encoding)


TABLE = tomllib.loads(Path(activities.__file__).with_suffix(".toml").read_text("utf-8"))
# Every name and synonym as the packaged table writes it, with its activity.
WRITTEN = [
    (label, name) for name, each in TABLE["activity"].items() for label in (name, *each["synonyms"])
]


@pytest.mark.parametrize(
    ("label", "activity", "how"),
    [
        ("dermatologie", "dermatologie", "same"),
        ("DERMATOLOGIE ", "dermatologie", "normalised"),
        ("Dermatologies", "dermatologie", "normalised"),
        ("v\u0065\u0301n\u0065\u0301rologie", "dermatologie", "synonym"),
        ("Dermatologie et vénéréologie", "dermatologie", "synonym"),
        ("05 - Dermatologie", "dermatologie", "normalised"),
        ("05-DERMATOLOGIE ET VENEROLOGIE", "dermatologie", "synonym"),
        ("O.R.L.", "ORL", "normalised"),
        ("orl", "ORL", "normalised"),
        ("Oto-rhino-laryngologie", "ORL", "synonym"),
        ("Oto-rhino-\nlaryngologie et chirurgie cervico-faciale", "ORL", "synonym"),
        ("gastro", "gastro-entérologie", "synonym"),
        ("GASTROENTEROLOGIE", "gastro-entérologie", "normalised"),
        ("Gastro-entérologie & hépatologie", "gastro-entérologie", "synonym"),
        ("radiologie", "radiodiagnostic", "synonym"),
        ("Radiodiagnostic et imagerie médicale", "radiodiagnostic", "synonym"),
        ("ophtalmo", "ophtalmologie", "synonym"),
        ("dermato", "dermatologie", "synonym"),
        ("kiné", "kinésithérapie", "synonym"),
        ("Masseurs-kinésithérapeutes", "kinésithérapie", "synonym"),
        ("IDEL", "soins infirmiers", "synonym"),
        ("Infirmier(e)s", "soins infirmiers", "synonym"),
        ("pharmacie", "pharmacie", "same"),
        ("médecin généraliste", "médecine générale", "synonym"),
        ("MG", "médecine générale", "synonym"),
        ("cardio", "cardiologie", "synonym"),
        ("pneumo", "pneumologie", "synonym"),
        ("gynéco", "gynécologie", "synonym"),
        ("pédiatre", "pédiatrie", "synonym"),
        ("Sages-femmes", "sage-femme", "normalised"),
        ("OphtalmologÃ©", "ophtalmologie", "mojibake"),
        ("vÃ©nÃ©rÃ©ologie", "dermatologie", "mojibake"),
        (mangled(mangled("vénéréologie")), "dermatologie", "mojibake"),
        (mangled("PÉDIATRE", "latin-1"), "pédiatrie", "mojibake"),
        ("ï»¿dermatologie", "dermatologie", "mojibake"),
        ("Ophtalmologé", None, "unknown"),  # written well, it is not ours to guess
        ("ophtalmologi", None, "unknown"),
        ("licornologÃ©", None, "unknown"),
        ("licornologie", None, "unknown"),
        ("06 - Dermatologie", None, "unknown"),  # 6 is radiology
        ("12 dermatologie", None, "unknown"),
        ("5", None, "unknown"),
        ("chirurgie", None, "unknown"),  # which one?
        ("=cmd|' /C calc'!A0", None, "unknown"),
        ("=dermatologie", None, "unknown"),
        ("=OphtalmologÃ©", None, "unknown"),
        ("+1", None, "unknown"),
        ("@x", None, "unknown"),
        ("½il ¤", None, "unknown"),
        ("œil €", None, "unknown"),
        ("totale", None, "unknown"),
        ("total", None, "total"),
        ("Total général", None, "total"),
        ("Total gÃ©nÃ©ral", None, "total"),
        ("TOTAL DERMATOLOGIE", None, "total"),
        ("Dermatologie Total", None, "total"),
        ("Sous-total", None, "total"),
        ("Ensemble", None, "total"),
        ("Ensemble des spécialités", None, "total"),
        ("toutes spécialités", None, "total"),
        ("Toutes les spécialités", None, "total"),
        ("(Tous)", None, "total"),
        ("tous", None, "total"),
        ("", None, "missing"),
        (" \u00a0", None, "missing"),
        ("nan", None, "missing"),
        ("NA", None, "missing"),
        ("#N/A", None, "missing"),
        ("NULL", None, "missing"),
        (".", None, "missing"),
        ("-", None, "missing"),
        ("(vide)", None, "missing"),
        ("Non renseigné", None, "missing"),
        ("00 - NON RENSEIGNE", None, "missing"),
    ],
)
def test_what_a_label_is(label: str, activity: str | None, how: str) -> None:
    assert one(label) == (activity, how)


@pytest.mark.parametrize(
    ("nomenclature", "code", "activity", "how"),
    [
        ("pse_spe_cod", "5", "dermatologie", "code"),
        ("pse_spe_cod", "05", "dermatologie", "code"),
        ("pse_spe_cod", " 5.0", "dermatologie", "code"),
        ("pse_spe_cod", "6", "radiodiagnostic", "code"),
        ("pse_spe_cod", "8", "gastro-entérologie", "code"),
        ("pse_spe_cod", "11", "ORL", "code"),
        ("pse_spe_cod", "15", "ophtalmologie", "code"),
        ("pse_spe_cod", "1", "médecine générale", "code"),
        ("pse_spe_cod", "22", "médecine générale", "code"),
        ("pse_spe_cod", "23", "médecine générale", "code"),
        ("pse_spe_cod", "24", None, "unknown"),
        ("pse_spe_cod", "0", None, "missing"),
        ("pse_spe_cod", "", None, "missing"),
        ("pse_spe_cod", "99", None, "missing"),
        ("pse_spe_cod", "ORL", "ORL", "same"),
        ("pse_spe_cod", "+5", None, "unknown"),
        ("pse_act_nat", "24", "soins infirmiers", "code"),
        ("pse_act_nat", "26", "kinésithérapie", "code"),
        ("pse_act_nat", "21", "sage-femme", "code"),
        ("pse_act_nat", "50", "pharmacie", "code"),
        ("pse_act_nat", "51", "pharmacie", "code"),
        ("pse_act_nat", "5", None, "unknown"),
        ("pse_act_nat", "00", None, "missing"),
    ],
)
def test_codes_are_read_in_their_nomenclature(nomenclature, code, activity, how) -> None:
    assert one(code, nomenclature=nomenclature) == (activity, how)


def test_another_nomenclature_is_refused() -> None:
    with pytest.raises(InputError, match="pse_spe_cod, pse_act_nat"):
        one("5", nomenclature="rpps")


def test_the_nomenclatures_are_whole() -> None:
    """All codes of IR_SPE_V and IR_ACT_V (December 2020) but 0 and 99."""
    specialties = [*range(1, 19), 20, 22, 23, *range(31, 39), *range(41, 50), *range(69, 86)]
    professions = [19, 21, *range(24, 31), 39, 40, *range(50, 58), *range(60, 69)]
    assert sorted(KNOWN.codes["pse_spe_cod"]) == specialties
    assert sorted(KNOWN.codes["pse_act_nat"]) == professions
    for nomenclature, codes in KNOWN.codes.items():
        listed = [
            code for each in TABLE["activity"].values() for code in each.get(nomenclature, ())
        ]
        assert len(listed) == len(codes), "a code of two activities"


def test_no_label_says_two_things() -> None:
    """The packaged table is held to what a user's table is (it would be refused)."""
    assert len(KNOWN.labels) == len(WRITTEN), "a synonym stands twice"
    assert not set(KNOWN.labels) & KNOWN.nothing
    for label, name in WRITTEN:
        assert one(label)[0] == name


@given(st.sampled_from(WRITTEN), BLANKS, BLANKS, st.data())
def test_spelling_does_not_matter(pair: tuple[str, str], before: str, after: str, data) -> None:
    """Case, accents, NFD and blanks around change nothing."""
    label, name = pair
    for change in data.draw(
        st.lists(
            st.sampled_from(
                [
                    str.upper, str.lower, str.title, str.swapcase, without_accents,
                    lambda text: unicodedata.normalize("NFD", text),
                    lambda text: text.replace("-", " "), lambda text: text.replace(" ", "  "),
                ]
            )
        )
    ):  # fmt: skip
        label = change(label)
    assert one(before + label + after)[0] == name


@given(st.sampled_from(WRITTEN), st.sampled_from(["cp1252", "latin-1"]), st.booleans())
def test_a_wrong_encoding_is_repaired_and_said(pair, encoding, twice) -> None:
    label, name = pair
    broken = mangled(label, encoding)
    broken = mangled(broken, encoding) if twice else broken
    assert one(broken) == (name, one(label)[1] if label.isascii() else "mojibake")


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(WRITTEN).map(lambda it: it[0]))))
def test_any_text_has_an_answer_that_is_stable(labels: list[str]) -> None:
    """The answer is idempotent, and does not depend on the order or repetition of rows."""
    raw = pd.Series(labels, dtype="str")
    found = activities.normalised(raw, KNOWN)
    assert found.index.tolist() == sorted(set(labels))
    again = activities.normalised(pd.concat([raw[::-1], raw], ignore_index=True), KNOWN)
    pd.testing.assert_frame_equal(found, again)
    settled = found["how"].isin(["same", "normalised", "synonym", "mojibake"])
    assert found["activity"].notna().equals(settled)
    assert found.loc[settled, "activity"].isin(KNOWN.names).all()
    assert (activities.normalised(found["activity"].dropna(), KNOWN)["how"] == "same").all()
    for name in found["name"].dropna():
        assert name == activities.cleaned(name)


def test_a_missing_value_is_the_empty_label() -> None:
    found = activities.normalised(pd.Series(["ORL", None, float("nan")], dtype=object), KNOWN)
    assert found["how"].to_dict() == {"": "missing", "ORL": "same"}
    assert activities.normalised(pd.Series([], dtype="str"), KNOWN).empty


def test_unknown_labels_have_the_closest_activity_and_one_spelling() -> None:
    labels = ["Licornologie", "licornologie ", "ophtamologie", "zzz", "LICORNOLOGIE", "ORL"]
    found = activities.normalised(pd.Series(labels), KNOWN)
    assert found.loc["ophtamologie", "closest"] == "ophtalmologie"
    assert pd.isna(found.loc["zzz", "closest"])
    assert found.loc["licornologie ", "closest"] in KNOWN.names
    assert set(found.loc[found.index.str.lower().str.startswith("lic"), "name"]) == {"LICORNOLOGIE"}
    assert found.loc["ORL", "name"] == "ORL"


def test_another_column_is_not_compared() -> None:
    """Thousands of labels that are no activity cost nothing: they are not a spelling mistake."""
    found = activities.normalised(pd.Series([f"ophtamologie {n}" for n in range(99)]), KNOWN)
    assert (found["how"] == "unknown").all()
    assert found["closest"].isna().all()


def test_your_table_adds_renames_gathers_and_parts() -> None:
    table = activities.known(
        {
            "gastro": ["Gastro-Entérologie"],
            "premier recours": ["médecine générale", "soins infirmiers"],
            "gynécologie médicale": ["pse_spe_cod 70"],
            "licornologie": "licorne",
        }
    )
    assert one("HGE", table) == ("gastro", "synonym")
    assert one("8", table, nomenclature="pse_spe_cod") == ("gastro", "code")
    assert {one(label, table)[0] for label in ("MG", "IDEL", "Infirmière")} == {"premier recours"}
    assert one("24", table, nomenclature="pse_act_nat") == ("premier recours", "code")
    assert one("Gynécologie médicale", table)[0] == "gynécologie médicale"
    assert one("70", table, nomenclature="pse_spe_cod")[0] == "gynécologie médicale"
    assert (
        one("7", table, nomenclature="pse_spe_cod")[0] == one("gynéco", table)[0] == "gynécologie"
    )
    assert one("licornes", table) == ("licornologie", "synonym")
    assert one("dermato", table)[0] == "dermatologie"
    assert {"gastro", "premier recours", "licornologie"} < set(table.names)
    assert not {"gastro-entérologie", "médecine générale"} & set(table.names)
    assert one("gastro")[0] == "gastro-entérologie", "the package's own table has not changed"


def test_a_label_of_two_activities_is_refused_with_both() -> None:
    with pytest.raises(InputError) as refusal:
        activities.known({"yeux": ["Œil"], "vue": ["oeil", "lunettes"], "rien": ["--"]})
    assert [each.key for each in refusal.value.faults] == [
        "error.activity_label_twice",
        "error.activity_label_empty",
    ]
    for quoted in ("'oeil'", "'yeux'", "'vue'", "'rien'"):
        assert quoted in str(refusal.value)


@pytest.mark.parametrize(
    ("label", "quoted"),
    [
        ("licornologie", "'licornologie'"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0'"),
        ("a\x1b[31m\u202e\nb", "'a[31m b'"),
        ("x" * 40, f"'{'x' * 40}'"),
        ("x" * 41, f"'{'x' * 39}…'"),
        ("7", "…"),
        ("1 204", "…"),
        ("+1", "…"),
        ("PS150067", "…"),
        ("Dr A. Nonyme 10101234567", "…"),
        ("", "''"),
    ],
)
def test_shown(label: str, quoted: str) -> None:
    assert activities.shown(label) == quoted


@given(st.text(max_size=60))
def test_what_is_shown_is_short_and_no_number_of_a_person(label: str) -> None:
    quoted = activities.shown(label)
    assert len(quoted) <= 42
    assert sum(each.isdigit() for each in quoted) < 4
    assert not {"Cc", "Cf", "Cs"} & {unicodedata.category(each) for each in quoted}


def test_the_fictional_region_keeps_its_names() -> None:
    assert [one(name) for name in _fiction.ACTIVITIES] == [
        (name, "same") for name in _fiction.ACTIVITIES
    ]


# Real files: METHOD, section 2, and the bad inputs.


def labels_of(path: Path) -> pd.Series:
    return matched(read_table(path), ["activity"]).frame["activity"]


def test_the_simulated_region_keeps_its_names(cvl: Path) -> None:
    found = activities.normalised(labels_of(cvl / "specialists.csv"), KNOWN)
    assert len(found) == 5
    assert (found["how"] == "same").all()


@pytest.mark.parametrize(
    ("case", "activity", "how"),
    [
        ("FIL-001", "dermatologie", "same"),
        ("FIL-003", None, "unknown"),
        ("FIL-006", "ophtalmologie", "mojibake"),
        ("SPE-001", "dermatologie", "normalised"),
        ("SPE-002", "dermatologie", "synonym"),
        ("SPE-003", "dermatologie", "synonym"),
        ("SPE-005", None, "unknown"),
        ("SPE-008", None, "missing"),
        ("SPE-010", "dermatologie", "same"),
        ("SPE-012", None, "unknown"),
    ],
)
def test_bad_inputs(shared_data: Path, case: str, activity: str | None, how: str) -> None:
    """Each case's row is what the manifest says; all its other rows are named as they were."""
    folder = shared_data / "badinputs"
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        entry = next(row for row in csv.DictReader(manifest) if row["id"] == case)
    labels = labels_of(folder / entry["file"])
    found = activities.normalised(labels.sample(frac=1, random_state=3), KNOWN)
    row = int(entry["row"]) if entry["row"] else labels.index[-1 if case == "FIL-003" else 0]
    assert found.loc[labels[row], "how"] == how
    assert found.loc[labels[row], "activity"] == activity or activity is None
    others = found.drop(labels[row])
    assert (others["how"] == "same").all()
    assert found["activity"].dropna().nunique() <= 2, "never silently one more"


def test_all_bad_inputs_of_the_region_are_known(shared_data: Path) -> None:
    """The short names that other extracts use."""
    for name in ("tie_2_2_1", "majority_3_2"):
        labels = labels_of(shared_data / "badinputs" / "graph" / f"{name}.csv")
        found = activities.normalised(labels, KNOWN)
        assert found["activity"].nunique() == len(found) == 5
