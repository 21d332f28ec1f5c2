"""Names of columns: ours, how French files call them, and which of theirs is meant."""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from territories._words import Sentence

_PERSON: Final = "((num|numero|id|identifiant)_)?(du_|de_)?(ps|praticien|professionnel)"
_PROFESSION: Final = "(profession|specialite|activite|activity)(_(du_)?(ps|praticien))?"
_PLACE: Final = "(code_)?(insee_)?(commune|com|insee|codgeo|depcom|lieu)(_(d_)?exercice)?"

# Our columns and how French extracts name them, as patterns of the name without accents or case.
ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "code": (
        *("code", "codgeo", "(code_)?insee", "depcom", "commune", "(insee_com|com_code)"),
        *("code_commun?e?(_insee)?", "code_insee_(de_la_)?commune"),
    ),
    "name": (
        *("name", "nom", "libelle", "lib(geo|com)", "nom_com(m|mun|mune)?", "nom_officiel"),
        "libelle_(de_la_)?commune",
    ),
    "population": (
        *("population(_(municipale|totale))?", r"pop(ulation)?_?\d{0,4}(_part)?", r"pmun_?\d{0,4}"),
        *("pop_mun", r"p\d\d_pop", "ptot"),
    ),
    "residence": (
        *("residence", "codgeo", "(code_)?insee", "depcom", "code_commune(_insee)?"),
        "(code_)?(insee_)?(commune|com)_(de_)?(residence|res)(_(du_)?(patient|beneficiaire))?",
        *("(code_)?insee_(de_)?residence", "code_residence", "code_insee_commune"),
        "(code_)?(insee_)?commune_(du_)?(patient|beneficiaire)",
    ),
    "activity": (
        *("activity", "(libelle_)?(de_la_|de_)?specialite(_(medicale|du_ps|ps))?", "activite"),
        *("ga", "groupe_(d_)?activite", "libelle_ga", "discipline", "pse_spe_cod"),
    ),
    "profession": ("profession", "pse_act_nat"),
    "practitioner": (
        *("practitioner", "((num|numero|no?|id|identifiant)_)?(du_|de_)?(ps|praticien)"),
        *("professionnel(_de_sante)?", "((num|numero|no?)_)?(rpps|adeli)", "num_executant"),
        "pfs_(exe|pfs)_numc?",
    ),
    "department": (
        *("department", "(departement|dep)_(du_)?(ps|praticien)"),
        *("(departement|dep)_(d_)?exercice", "pfs_exc_dpt"),
    ),
    "destination": (
        (
            "(code_)?(insee_)?(commune|com)_(d_|de_|du_)?"
            "(exercice|soins?|destination|cabinet|ps|praticien|professionnel)"
        ),
        *("destination", "code_destination", "(code_)?insee_(d_)?exercice", "lieu_(d_)?exercice"),
    ),
    "patients": (
        "(nb|nbre|nombre|n)_(de_)?(patients?|pat|beneficiaires?|ben|consommants?)(_distincts?)?",
        *("patients?", "beneficiaires?", "consommants?", "file_active", "patientele", "effectifs?"),
        "((nb|nbre|nombre)_(de_)?)?patients_(communs|partages)",
    ),
    # Of care events and of stays, where a row is a line of care of one patient.
    "patient": (
        *("patient", "patient_id", "ben_(nir|idt)(_[a-z0-9]+)*", "nir(_[a-z0-9]+)*", "num_enq"),
        "(id|num|numero|code|cle|identifiant)_(du_)?(patient|beneficiaire|ben)",
    ),
    "date": (
        *("date", "exe_soi_dtd", "date_(des?_|du_)?(soins?|prestation|sejour)"),
        "date_(d_)?(execution|acte|entree)",
    ),
    "stay": ("stay", "rsa_num", "(id|num|numero|identifiant)_(du_)?(sejour|rsa)"),
    "ghm": ("ghm", "grg_ghm", "(code|num)_ghm"),
    "acts": (
        *("acts", "(nb_|nombre_(d_)?)?actes", "(nb_|nombre_(de_)?)?consultations"),
        "prs_act_(qte|nbr)",
    ),
    "amount": (
        *("amount", "montants?(_(rembourse|total)s?)?", "ca", "chiffre_d_affaires", "turnover"),
        *("honoraires", "prs_pai_mnt"),
    ),
    "year": ("year", "annee(_(de_)?(soins?|reference))?", "an", "exercice", "millesime", "soi_ann"),
    "pmsi_code": (
        "pmsi_code",
        "code_geo_pmsi(_[a-z]+)?",
        "code_geo(graphique)?(_pmsi)?",
        "code_pmsi",
    ),
    "site": (
        *("site", "finess", "finess_(geo|geographique|et)", "num(ero)?_finess(_et)?"),
        *("n?o?_?finess_?et", "eta_num"),
    ),
    "entity": ("entity", "finess_(ej|jur|juridique)", "num_finess_(ej|jur)"),
    "stays": ("stays", "(nb|nbre|nombre)_(de_)?(sejours?|sej|rsa)", "sejours?"),
    "left": ("left", "gauche", "commune_1"),
    "right": ("right", "droite", "commune_2"),
    "territory": ("territory", "(code_(du_)?)?territoire(_cpts)?", "cpts"),
    "territory_name": ("territory_name", "territoire_nom", "(nom|libelle)_(du_)?territoire"),
    "weight": ("weight", "poids", "(part|poids)_(de_la_)?commune"),
    # Of two practitioners, or places, who share patients; the first of the pair and the second.
    "practitioner_a": (f"({_PERSON})(_a|_?1)", "practitioner_a"),
    "practitioner_b": (f"({_PERSON})(_b|_?2)", "practitioner_b"),
    "profession_a": (f"({_PROFESSION})(_a|_?1)",),
    "profession_b": (f"({_PROFESSION})(_b|_?2)",),
    "place_a": (f"({_PLACE})(_a|_?1)", "place_a"),
    "place_b": (f"({_PLACE})(_b|_?2)", "place_b"),
    "professionals": (
        *("professionals", "effectifs?", "nombre", "etp"),
        "(nb|nbre|nombre)_(de_)?(ps|praticiens?|professionnels?(_de_sante)?|medecins?)",
    ),
    "mean_age": ("mean_age", "age_moy(en)?(_(des_|du_)?(ps|praticiens?|professionnels?))?"),
    "share_over_60": (
        *("share_over_60", "(part|pct|pourcentage|proportion)_(des_)?60(_ans)?(_et)?_plus"),
        "(part|pct|pourcentage|proportion)_(des_)?plus_(de_)?60(_ans)?",
    ),
    "minutes": (
        "(minutes|((temps|duree)(_(de_)?(trajet|parcours|route))?(_(en_)?(min|minutes))?))",
    ),
    "snds_department": ("ben_res_dpt",),
    "snds_commune": ("ben_res_com",),
}

# How French extracts most often name our columns, for messages.
_USUAL: Final = {
    "code": "code_insee",
    "name": "nom",
    "residence": "commune_residence",
    "activity": "specialite",
    "practitioner": "ps",
    "department": "departement_ps",
    "destination": "commune_exercice",
    "patient": "ben_nir_psa",
    "patients": "nb_patients",
    "date": "date_soins",
    "acts": "nb_actes",
    "amount": "montant",
    "stay": "num_sejour",
    "ghm": "ghm",
    "pmsi_code": "code_geo_pmsi",
    "site": "finess",
    "stays": "nb_sejours",
    "left": "commune_1",
    "right": "commune_2",
    "territory": "territoire",
    "weight": "poids",
    "practitioner_a": "ps_1",
    "practitioner_b": "ps_2",
    "profession_a": "profession_1",
    "profession_b": "profession_2",
    "place_a": "commune_1",
    "place_b": "commune_2",
    "professionals": "effectif",
}

_OURS: Final = re.compile("|".join(itertools.chain(*ALIASES.values())))

# Columns that only tables of persons have.
_PERSONS: Final = (
    *(
        "nir.*",
        "ben_(nir|idt|nai).*",
        "(date_(de_)?naissance|ddn)",
        "prenoms?",
        "nom_(du_)?patient",
    ),
    *("(id|num|numero|code|cle)_(du_)?patient", "patient_id", "num_enq", "(num_?|n_)?secu.*"),
)


def recognised(name: str) -> bool:
    """Tell whether a column is one of ours."""
    return _OURS.fullmatch(plain(name)) is not None


def is_ours(ours: str, name: str) -> bool:
    """Tell whether a column is recognised as one of ours."""
    bare = plain(name)
    return any(re.fullmatch(pattern, bare) for pattern in ALIASES[ours])


def plain(name: str) -> str:
    """Return a column's name without accents, case or punctuation."""
    letters = unicodedata.normalize("NFKD", name)
    letters = "".join(each for each in letters if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_")


# Columns of events alone: tables of flows have none of them.
OF_EVENTS: Final = ("patient", "date", "stay", "ghm")


def matched_names(
    file: str,
    present: Sequence[str],
    *,
    required: Iterable[str],
    optional: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return which of a file's columns are ours: theirs by our name.

    Parameters
    ----------
    file
        Name of the file, for messages.
    present
        Names of its columns.
    required, optional
        Our names.
    columns
        Ours to theirs, for files whose names are not recognised.

    Raises
    ------
    InputError
        If a column is missing or two columns could be the same one of ours.
    """
    given = dict(columns or {})
    found: dict[str, str] = {}
    faults = [
        fault("column_unknown", column=name, known=", ".join(ALIASES))
        for name in given
        if name not in ALIASES
    ]
    needed = list(required)
    wanted = [*needed, *optional]
    for ours in wanted:
        if ours in given:
            choices = [name for name in present if name == given[ours]]
            if ours != "practitioner" and is_ours("practitioner", given[ours]):
                faults.append(fault("column_practitioner", column=ours, theirs=given[ours]))
        else:
            # `patient` is one name of `patients`, unless a patient is looked for too.
            taken = {*given.values(), *(each for each in wanted if each != ours)}
            choices = [
                name
                for name in present
                if name not in taken and plain(name) not in taken and is_ours(ours, name)
            ]
        if len(choices) > 1:  # a code beside its label
            coded = [name for name in choices if re.match("code|insee|num", plain(name))]
            choices = coded if len(coded) == 1 else choices
        if len(choices) == 1:
            found[ours] = choices[0]
        elif choices:
            faults.append(
                fault("column_ambiguous", file=file, column=ours, values=", ".join(choices))
            )
        elif ours in needed or ours in given:
            faults.append(_missing(file, present, ours, given.get(ours)))
    if faults:
        raise InputError(*faults)
    return found


def _missing(file: str, present: Sequence[str], ours: str, theirs: str | None) -> Sentence:
    wanted = theirs or _USUAL.get(ours, ours)
    # A column that is another of ours is not the missing one.
    plain_names = {
        plain(name): name for name in present if not recognised(name) and name_list([name]) == name
    }
    words = [wanted, *(re.sub(r"\W+.*", "", pattern) for pattern in ALIASES[ours])]
    near = [
        plain_names[close]
        for word in words
        for close in difflib.get_close_matches(plain(word), plain_names, n=1, cutoff=0.6)
    ]
    key = "column_missing_near" if near else "column_missing"
    if theirs is not None:
        key = "column_absent_near" if near else "column_absent"
    return fault(
        key,
        file=file,
        column=wanted,
        ours=ours,
        usual=_USUAL.get(ours, ours),
        near=near[0] if near else "",
        found=name_list(present),
    )


def persons(names: Iterable[str]) -> list[str]:
    """Return the names that only tables of persons have."""
    return [
        name for name in names if any(re.fullmatch(pattern, plain(name)) for pattern in _PERSONS)
    ]


def name_list(names: Iterable[object]) -> str:
    """Write names of columns; what may be a cell of a table without header, not."""
    shown_names = (
        name if recognised(name) or not re.search("[0-9]", name) else "…"
        for name in map(str, names)
    )
    return ", ".join(shown_names)
