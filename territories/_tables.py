"""Tables as they come out of Excel and of extracts: every cell text, every row numbered."""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from territories._files import opened
from territories._keys import marked
from territories._sheets import NO_VALUE, column_letters, read_parquet, read_workbook
from territories._text import read_text
from territories._words import Sentence
from territories.errors import InputError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import pandas as pd

    from territories._files import Source
    from territories._text import Cells

_LISTED: Final = 5

# What a spreadsheet shows where a formula failed.
_CELL_ERRORS: Final = {
    *("#N/A", "#REF!", "#DIV/0!", "#NULL!", "#NUM!"),
    *("#VALUE!", "#VALEUR!", "#NAME?", "#NOM?", "#NOMBRE!", "#NUL!"),
}

# Codes are quoted in messages. One or two digits may be a count; more than nine signs, or letters
# and many digits, may be the number of a practitioner.
_SHOWABLE: Final = re.compile(r"[A-Za-z]{1,9}|[0-9]{3,6}(?:\.0)?|[0-9A-Za-z]{3,6}")

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
    "acts": ("acts", "(nb_|nombre_(d_)?)?actes", "(nb_|nombre_(de_)?)?consultations"),
    "amount": (
        *("amount", "montants?(_(rembourse|total)s?)?", "ca", "chiffre_d_affaires", "turnover"),
        "honoraires",
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
    "patients": "nb_patients",
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

# Columns of codes, which lose their zeros when they are stored as numbers.
_CODES: Final = ("code", "residence", "destination", "pmsi_code", "site")

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


@dataclass(frozen=True)
class Table:
    """A table of text read from a file.

    Parameters
    ----------
    frame
        Columns of categories of text; indexed by the row's number in the file, the header of a
        table without title being row 1.
    file
        Name of the file, without its folder.
    sha256
        Hash of its bytes.
    heads
        For each of our columns, the name it has in the file.
    footnotes
        Numbers of the rows below the table that are words about it.
    others
        Names of the file's columns that are none of ours.
    letters
        In a spreadsheet, the letter of each of the file's columns.
    notices
        What was found on the way.
    """

    frame: pd.DataFrame
    file: str
    sha256: str
    heads: Mapping[str, str] = field(default_factory=dict)
    footnotes: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    letters: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[Sentence, ...] = ()

    def head(self, column: str) -> str:
        """Return the file's own name of one of our columns."""
        return self.heads.get(column, column)

    def places(self, column: str, marked: pd.Series) -> str:
        """Write where the first marked cells of one of our columns stand: rows, and cells (D3)."""
        letter = self.letters.get(self.head(column))
        rows = [
            f"{row} ({letter}{row})" if letter else str(row)
            for row in marked.index[marked.to_numpy(dtype=bool)][: _LISTED + 1]
        ]
        return ", ".join([*rows[:_LISTED], *["…"] * (len(rows) > _LISTED)])


def read_table(
    path: str | Path, *, sheet: str | None = None, columns: Mapping[str, str] | None = None
) -> Table:
    """Read a table from a file of any kind that holds one, found from its content.

    Parameters
    ----------
    path
        Delimited text, XLSX, ODS or Parquet, alone or packed by gzip or zip.
    sheet
        In a workbook where several sheets hold a table, the one that is meant.
    columns
        Ours to theirs: their names help to find the header under a title.

    Raises
    ------
    InputError
        If the file is missing or empty, holds no table, or has rows longer or shorter than its
        header.
    """
    source = opened(path)
    named = set((columns or {}).values())

    def known(name: str) -> bool:
        return name in named or recognised(name)

    if source.kind == "text":
        cells = read_text(source, known)
    elif source.kind == "parquet":
        cells = read_parquet(source)
    else:
        cells = read_workbook(source, known, sheet)
    return _checked(cells, source, known)


def _checked(cells: Cells, source: Source, known: Callable[[str], bool]) -> Table:
    """Check names and rows, and leave blank rows and columns out."""
    frame = cells.frame
    blank = np.ones(len(frame), dtype=bool)
    kept = []
    for place, name in enumerate(cells.header):
        empty = (frame[place].cat.categories.str.strip() == "")[frame[place].cat.codes]
        blank &= empty
        if name or not empty.all():
            kept.append(place)
    footnotes = frame.index.isin(cells.footnotes)
    rows = frame[~blank & ~footnotes]
    if rows.empty or not kept:
        raise InputError(fault("no_rows", file=source.file))
    header = [cells.header[place] or f"({place + 1})" for place in kept]
    digits = any(re.search("[0-9]", cells.header[place]) for place in kept)
    if digits and not any(map(known, header)):
        raise InputError(fault("header_missing", file=source.file))  # its cells may be counts
    twice = next((name for name, times in Counter(header).items() if times > 1), None)
    if twice is not None:
        places = [str(place + 1) for place, name in zip(kept, header, strict=True) if name == twice]
        raise InputError(
            fault("column_twice", file=source.file, column=twice, places=", ".join(places))
        )
    letters = {}
    if cells.first_letter is not None:
        letters = {
            name: column_letters(cells.first_letter + place)
            for place, name in zip(kept, header, strict=True)
        }
    return Table(
        frame=rows[kept].set_axis(header, axis=1),
        file=source.file,
        sha256=source.sha256,
        heads={},
        footnotes=cells.footnotes,
        letters=letters,
        notices=(
            *cells.notices,
            *(
                Sentence("notice.codes_were_numbers", {"column": cells.header[place]})
                for place in cells.numbers
                if any(_is(ours, cells.header[place]) for ours in _CODES)
            ),
        ),
    )


def recognised(name: str) -> bool:
    """Tell whether a column is one of ours."""
    return _OURS.fullmatch(plain(name)) is not None


def columns_of(table: Table, ours: str) -> list[str]:
    """Return the file's columns that are recognised as one of ours."""
    return [str(name) for name in table.frame.columns if _is(ours, str(name))]


def _is(ours: str, name: str) -> bool:
    bare = plain(name)
    return any(re.fullmatch(pattern, bare) for pattern in ALIASES[ours])


def plain(name: str) -> str:
    """Return a column's name without accents, case or punctuation."""
    letters = unicodedata.normalize("NFKD", name)
    letters = "".join(each for each in letters if not unicodedata.combining(each))
    return re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_")


def matched(
    table: Table,
    required: Iterable[str],
    optional: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Table:
    """Keep the columns that are ours, under our names.

    Parameters
    ----------
    table
        As read.
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
    present = list(table.frame.columns)
    for ours in [*needed, *optional]:
        if ours in given:
            choices = [name for name in present if name == given[ours]]
            if ours != "practitioner" and _is("practitioner", given[ours]):
                faults.append(fault("column_practitioner", column=ours, theirs=given[ours]))
        else:
            taken = set(given.values())
            choices = [name for name in present if name not in taken and _is(ours, name)]
        if len(choices) > 1:  # a code beside its label
            coded = [name for name in choices if re.match("code|insee|num", plain(name))]
            choices = coded if len(coded) == 1 else choices
        if len(choices) == 1:
            found[ours] = choices[0]
        elif choices:
            faults.append(
                fault("column_ambiguous", file=table.file, column=ours, values=", ".join(choices))
            )
        elif ours in needed or ours in given:
            faults.append(_missing(table, ours, given.get(ours)))
    if faults:
        raise InputError(*faults)
    frame = table.frame[list(found.values())].set_axis(list(found), axis=1)
    others = tuple(str(name) for name in present if name not in found.values())
    chosen = replace(table, frame=frame, heads=found, others=others)
    faults = [each for ours in found for each in _failed_cells(chosen, ours)]
    if faults:
        raise InputError(*faults)
    return chosen


def _failed_cells(table: Table, column: str) -> list[Sentence]:
    """Find the cells in which a spreadsheet has an error, or a formula it has not computed."""
    faults = []
    for key, failed in (
        ("cell_formula", lambda cells: cells == NO_VALUE),
        ("cell_error", lambda cells: cells.str.startswith("#") & cells.isin(_CELL_ERRORS)),
    ):
        rows = marked(table.frame[column], failed)
        if rows.any():
            faults.append(
                fault(
                    key,
                    file=table.file,
                    column=table.head(column),
                    count=int(rows.sum()),
                    rows=table.places(column, rows),
                )
            )
    return faults


def refuse_persons(table: Table) -> None:
    """Refuse a table in which a row is a person: flows are added up before they come here."""
    personal = [
        str(name)
        for name in table.frame.columns
        if any(re.fullmatch(pattern, plain(str(name))) for pattern in _PERSONS)
    ]
    if personal:
        raise InputError(fault("table_of_persons", file=table.file, values=", ".join(personal)))


def _missing(table: Table, ours: str, theirs: str | None) -> Sentence:
    present = [str(name) for name in table.frame.columns]
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
        file=table.file,
        column=wanted,
        ours=ours,
        usual=_USUAL.get(ours, ours),
        near=near[0] if near else "",
        found=name_list(present),
    )


def name_list(names: Iterable[object]) -> str:
    """Write names of columns; what may be a cell of a table without header, not."""
    shown_names = (
        name if recognised(name) or not re.search("[0-9]", name) else "…"
        for name in map(str, names)
    )
    return ", ".join(shown_names)


def row_list(marked: pd.Series) -> str:
    """Write the numbers of the first marked rows."""
    rows = marked.index[marked.to_numpy(dtype=bool)]
    return ", ".join(str(row) for row in rows[:_LISTED]) + (", …" if len(rows) > _LISTED else "")


def value_list(values: pd.Series) -> str:
    """Write the first values between quotes; what may be a count or a practitioner, not."""
    return ", ".join(shown(value) for value in values[:_LISTED]) + (
        ", …" if len(values) > _LISTED else ""
    )


def shown(value: object) -> str:
    """Write a code between quotes, or a sign in its place if it may be a count or a person."""
    return f"'{value}'" if _SHOWABLE.fullmatch(str(value)) else "…"


def unused(table: Table) -> list[Sentence]:
    """Say which columns of the file are not read."""
    if not table.others:
        return []
    return [Sentence("notice.unused", {"values": name_list(table.others)})]
