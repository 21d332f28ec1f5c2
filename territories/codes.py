"""Commune codes: text of five characters, repaired where a spreadsheet broke them; their years."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import pandas as pd

from territories._regions import REGION_OF
from territories.cog import CogTable, as_cog_table, cog_year

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path


# Paris, Lyon and Marseille: arrondissements are counted with their city (METHOD, section 2).
_CITIES: Final = {"751": "75056", "6938": "69123", "132": "13055"}

_BLANKS: Final = r"[\s\u00a0\u202f\u2007\ufeff]+"
_SHAPE: Final = r"(?:[0-9]{2}|2[AB])[0-9]{3}"
# Flows of patients are extracted since the SNIIRAM opened; no guess goes further back.
_FIRST_EXTRACTS: Final = 2003

_ABROAD: Final = "99"

# Abroad, and the overseas collectivities that are in no list of communes (COG).
_ASIDE: Final = r"99[0-9]{3}|97[578][0-9]{2}|98[0-9]{3}"

# PMSI geography: 28C01 gathers small postal codes, 9A105 is Guadeloupe.
_PMSI: Final = r"[0-9]{2}[A-Z][0-9]{2}|9[A-F][0-9]{3}"
_DEPARTMENT: Final = r"0[1-9]|[1-8][0-9]|9[0-5]|2[AB]|97[1-8]|98[4-9]|99|209"
_IRIS: Final = rf"({_SHAPE})[0-9]{{4}}"

# Codes that end in 0: 9.9 % of communes (by department: from 6 to 13 %, in those of 30 communes or
# more), 98 % of the postal codes of Centre-Val de Loire and around.
_ROUND_COMMUNES: Final = 0.12
_CHANCE: Final = 1e-6
_CHANCE_BESIDE_PMSI: Final = 1e-3
_FEWEST_NUMBERS: Final = 3

# SNDS: what stands for an unknown commune or department.
_NO_COMMUNE: Final = ("000", "999")
_CORSICA: Final = ("20", "201", "202", "209")


def repaired(codes: pd.Series) -> pd.Series:
    """Write codes as five characters: ``1004`` or ``1004.0`` is ``01004``, ``2a004`` is ``2A004``.

    Parameters
    ----------
    codes
        Text, as read.

    Returns
    -------
    Series
        Same index. What cannot be repaired is returned as it came, without its blanks.

    Examples
    --------
    >>> repaired(pd.Series(["1004", "1004.0", " 2a004", "45234", "?"])).tolist()
    ['01004', '01004', '2A004', '45234', '?']
    """
    text = codes.astype("str").str.replace(_BLANKS, "", regex=True).str.upper()
    text = text.str.replace(r"^([0-9]{4,5})\.0+$", r"\1", regex=True)
    return text.where(~text.str.fullmatch("[0-9]{4}"), "0" + text)


def repaired_departments(departments: pd.Series) -> pd.Series:
    """Write departments as they begin codes: ``1``, ``1.0`` and ``001`` become ``01``.

    Examples
    --------
    >>> repaired_departments(pd.Series(["1", "45.0", "045", "2a", "971", ""])).tolist()
    ['01', '45', '45', '2A', '971', '']
    """
    text = departments.astype("str").str.replace(_BLANKS, "", regex=True).str.upper()
    text = text.str.replace(r"^([0-9]{1,3})\.0+$", r"\1", regex=True)
    text = text.str.replace(r"^0([0-9][0-9AB])$", r"\1", regex=True)
    return text.where(~text.str.fullmatch("[0-9]"), "0" + text)


def plausible(codes: pd.Series) -> pd.Series:
    """Tell which codes have the shape of a French commune's; those from abroad (99…) have not.

    Examples
    --------
    >>> plausible(pd.Series(["45234", "2A004", "99100", "4523", "ZZZZZ"])).tolist()
    [True, True, False, False, False]
    """
    text = codes.astype("str")
    return text.str.fullmatch(_SHAPE) & ~text.str.startswith(_ABROAD)


def department(codes: pd.Series) -> pd.Series:
    """Return the department of each code: two characters, three overseas.

    A department's own code (a pole known by its department only) is its department.

    Examples
    --------
    >>> department(pd.Series(["01004", "2A004", "97105", "75"])).tolist()
    ['01', '2A', '971', '75']
    """
    text = codes.astype("str")
    overseas = text.str.startswith("97") | text.str.startswith("98")
    return text.str[:2].where(~overseas, text.str[:3])


def region(codes: pd.Series) -> pd.Series:
    """Return the region of each code, by INSEE's codes of 2016; missing where there is none.

    Examples
    --------
    >>> region(pd.Series(["45234", "2A004", "97105", "99100"])).fillna("").tolist()
    ['24', '94', '01', '']
    """
    return department(codes).map(REGION_OF).astype("object")


def to_cities(codes: pd.Series, *, kept: Collection[str] = ()) -> pd.Series:
    """Replace the arrondissements of Paris, Lyon and Marseille by their city, except those kept.

    Examples
    --------
    >>> to_cities(pd.Series(["75113", "69385", "13208", "45234"])).tolist()
    ['75056', '69123', '13055', '45234']
    """
    text = codes.astype("str")
    for prefix, city in _CITIES.items():
        arrondissement = text.str.fullmatch(prefix + "[0-9]{" + str(5 - len(prefix)) + "}")
        if arrondissement.any():
            text = text.where(~arrondissement | text.isin(kept), city)
    return text


def convert(
    codes: Iterable[object],
    from_year: int,
    to_year: int,
    table: CogTable | pd.DataFrame | str | Path,
    *,
    population: pd.Series | None = None,
) -> pd.DataFrame:
    """Convert commune codes of one year (COG) to those of a later one.

    Parameters
    ----------
    codes
        Of `from_year`; repaired first. Missing ones are left out.
    from_year, to_year
        COG years; communes are those of 1 January.
    table
        From `read_cog`; or INSEE's events (``v_mvtcommune_AAAA.csv``), as a table or as the path
        of the file. With events alone, a plausible code that no event names is kept as it is,
        since only the list can tell whether there is such a commune.
    population
        Inhabitants by code of `to_year`, to share out what belonged to a commune that was split.

    Returns
    -------
    DataFrame
        One row for each code, in order of first appearance, and each of its successors, in order:
        `code` (repaired), `converted`, `share` (in [0, 1]). A code with one successor has share 1.
        A code with several has the part of each in their `population`; it is missing if that is
        not given, or not for all of them. `converted` and `share` are missing for a code that is
        no commune's.

        A code that was no longer in force in `from_year` is followed from the day it went (44060,
        in a file of 2018, is 49160), one that was not yet from the day it came. Codes that went
        before 1977 are followed within their department only: then 75002 was Antony. The
        arrondissements of Paris, Lyon and Marseille, overseas collectivities and abroad (99…) stay
        as they are.

    Raises
    ------
    InputError
        If a year is not one that the table knows, `to_year` is before `from_year`, or the table is
        not INSEE's.

    References
    ----------
    METHOD, section 2. INSEE, Code officiel géographique, documentation of the events file.

    Examples
    --------
    >>> events = pd.DataFrame(
    ...     [("2024-01-01", "COM", "60054", "COM", "60054"),
    ...      ("2024-01-01", "COM", "60054", "COM", "60694"),
    ...      ("2019-01-01", "COM", "60455", "COM", "60054")],
    ...     columns=["DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP"],
    ... )
    >>> people = pd.Series({"60054": 3000, "60694": 1000})
    >>> convert(["60455", "45234"], 2018, 2024, events, population=people)
        code converted  share
    0  60455     60054   0.75
    1  60455     60694   0.25
    2  45234     45234   1.00
    """
    cog = as_cog_table(table)
    found = cog.successors(from_year, to_year)
    distinct = _distinct(repaired(pd.Series(codes).dropna()))
    kept = distinct.isin(cog.arrondissements) | distinct.str.fullmatch(_ASIDE)
    if cog.names is None:
        kept |= plausible(distinct) & ~distinct.isin(cog.known)
    none: list[str | None] = [None]
    rows = [
        (code, successor)
        for code, same in zip(distinct.tolist(), kept.tolist(), strict=True)
        for successor in ([code] if same else sorted(found.get(code, ())) or none)
    ]
    before, after = zip(*rows, strict=True) if rows else ((), ())
    result = pd.DataFrame(
        {"code": pd.Series(before, dtype="str"), "converted": pd.Series(after, dtype="str")}
    )
    result["share"] = result["converted"].notna().astype("float64").replace(0.0, math.nan)
    split = result["code"].duplicated(keep=False)
    if split.any():
        result.loc[split, "share"] = _shares(result[split], population)
    return result


def _shares(rows: pd.DataFrame, population: pd.Series | None) -> pd.Series:
    """Share each code out among its successors; missing unless the inhabitants of all are known."""
    if population is None:
        return pd.Series(math.nan, index=rows.index)
    people = rows["converted"].map(population).astype("float64")
    groups = people.groupby(rows["code"])
    total = groups.transform("sum").where(groups.transform("count") == groups.transform("size"))
    return people / total


def _distinct(codes: pd.Series) -> pd.Series:
    return codes.drop_duplicates().reset_index(drop=True)


class YearGuess(NamedTuple):
    """The year that codes look like, and those of them that are not of that year, in order."""

    year: int
    others: tuple[str, ...]


def guessed_year(codes: Iterable[object], table: CogTable) -> YearGuess:
    """Tell the year (COG) in whose list most of the distinct codes stand; the latest, if several.

    Parameters
    ----------
    codes
        Repaired first. Codes that are not plausible communes, arrondissements, overseas
        collectivities and abroad do not count; nor, without a list, those that no event names.
    table
        From `read_cog`.

    Returns
    -------
    YearGuess
        The year, and the codes that do not stand in its list (``others``).

    Raises
    ------
    InputError
        If the table knows no year.

    Examples
    --------
    >>> from territories.cog import cog_table
    >>> communes = pd.DataFrame({"TYPECOM": ["COM", "COM"], "COM": ["45001", "45307"]})
    >>> events = pd.DataFrame(
    ...     [("2019-03-01", "COM", "45287", "COM", "45307"),
    ...      ("2019-03-01", "COM", "45307", "COM", "45307")],
    ...     columns=["DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP"],
    ... )
    >>> table = cog_table(communes, events, year=2024)
    >>> guessed_year(["45287", "45307"], table)
    YearGuess(year=2019, others=())
    >>> guessed_year(["45307", "45999"], table)
    YearGuess(year=2024, others=('45999',))
    """
    distinct = _distinct(repaired(pd.Series(codes).dropna()))
    aside = distinct.isin(table.arrondissements) | distinct.str.fullmatch(_ASIDE)
    wanted = set(distinct[plausible(distinct) & ~aside])
    if table.names is None:
        wanted &= table.known
    table.check()
    last = table.years[-1]
    standing = set(wanted & table.in_force(last))
    counts = {last: len(standing)}
    for date, moves in reversed(table.days):
        standing.difference_update(*moves.values())
        standing.update(wanted.intersection(moves))
        counts[cog_year(date) - 1] = len(standing)
    recent = [year for year in counts if year >= _FIRST_EXTRACTS] or [last]
    year = max(recent, key=lambda year: (counts[year], year))
    return YearGuess(year, tuple(sorted(wanted - table.in_force(year))))


def looks_like(codes: pd.Series) -> str | None:
    """Tell what a column of codes is when it is not one of communes.

    Only distinct values count.

    Parameters
    ----------
    codes
        Text without blanks, upper case.

    Returns
    -------
    str or None
        ``"postal"``: most end in 0, so many that communes would by chance less than once in a
        million (9.9 % of theirs do).
        ``"pmsi"``: codes such as 45A01 or 28C01 are most of them, or stand among postal codes.
        ``"department"``: most are departments.
        ``"siren"``: most are numbers of 9 or 14 digits whose key holds: SIREN, SIRET, FINESS.
        ``"iris"``: most are nine characters that begin like a commune; a few among communes are
        to be folded (see `folded_iris`).
        None: none of these.

    Notes
    -----
    The chance of as many round codes among communes is bounded from above (Chernoff), with 12 %
    of round codes: more than whole France has, or any department up to chance. Measured on the
    communes of 2024: 100 000 samples of 5 to 50 communes, each department and whole France are
    never taken for postal codes; seven postal codes are enough.

    Examples
    --------
    >>> looks_like(pd.Series(["45000", "45100", "45200", "45300", "45160", "37000", "37100"]))
    'postal'
    >>> looks_like(pd.Series(["45234", "45285", "45147", "2A004"])) is None
    True
    """
    text = _distinct(codes.dropna().astype("str"))
    text = text[text != ""]
    if text.empty:
        return None
    pmsi = text.str.fullmatch(_PMSI)
    chance = _CHANCE_BESIDE_PMSI if pmsi.any() else _CHANCE
    postal = _postal(text[~pmsi], chance)
    if _most(pmsi) or (pmsi.any() and postal):
        return "pmsi"
    if postal:
        return "postal"
    if _most(repaired_departments(text).str.fullmatch(_DEPARTMENT)):
        return "department"
    numbers = text.str.fullmatch("[0-9]{9}|[0-9]{14}")
    keyed = text[numbers].map(_key_holds).astype("bool")
    if 2 * keyed.sum() > len(text) and keyed.sum() >= _FEWEST_NUMBERS:
        return "siren"
    return "iris" if _most(text.str.fullmatch(_IRIS)) else None


def _most(marked: pd.Series) -> bool:
    return bool(2 * marked.sum() > len(marked))


def _postal(text: pd.Series, chance: float) -> bool:
    """Tell whether more codes end in 0 than communes' do, and most of them."""
    numbers = text[text.str.fullmatch("[0-9]{5}")]
    ending = numbers.str.endswith("0")
    if not _most(ending) or 2 * len(numbers) <= len(text):
        return False
    share = float(ending.mean())
    log_odds = share * math.log(share / _ROUND_COMMUNES)
    if share < 1:
        log_odds += (1 - share) * math.log((1 - share) / (1 - _ROUND_COMMUNES))
    return math.exp(-len(numbers) * log_odds) < chance


def _key_holds(number: str) -> bool:
    """Check the key of a SIREN, SIRET or FINESS number (Luhn)."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0  # noqa: PLR2004 - two digits


def folded_iris(codes: pd.Series) -> pd.Series:
    """Replace codes of IRIS (nine characters) by that of their commune, the first five.

    Examples
    --------
    >>> folded_iris(pd.Series(["451550101", "2A0040203", "45155"])).tolist()
    ['45155', '2A004', '45155']
    """
    return codes.astype("str").str.replace(f"^{_IRIS}$", r"\1", regex=True)


def snds(department: pd.Series, commune: pd.Series, *, table: CogTable | None = None) -> pd.Series:
    """Build commune codes from the residence of the SNDS, BEN_RES_DPT and BEN_RES_COM.

    The rule: the last two characters of the department, the three of the commune. Overseas, the
    department is ``097`` (general scheme: 097 + 105 is 97105) or ``971`` to ``976`` (farmers: 971
    + 105; self-employed: 971 + 005, both 97105). Corsica is ``209``: its communes are found by
    their number, which no two of them share.

    Parameters
    ----------
    department
        BEN_RES_DPT, text; zeros that a spreadsheet took are put back.
    commune
        BEN_RES_COM, text, the same.
    table
        From `read_cog`, for Corsica.

    Returns
    -------
    Series
        Codes, on the index of `department`. Missing where department or commune is unknown (000,
        099, 99x; 000, 999), is no such number, or where the two disagree (972 + 105); in Corsica,
        also without `table` or for a number that no Corsican commune has had since 1976.

    References
    ----------
    C.-L. Dubost (DREES), Localisation géographique des bénéficiaires,
    https://documentation-snds.health-data-hub.fr/snds/fiches/localisation_geographique_beneficiaires.html

    Examples
    --------
    >>> snds(pd.Series(["045", "097", "971", "209", "099"]),
    ...      pd.Series(["234", "105", "005", "004", "109"])).fillna("").tolist()
    ['45234', '97105', '97105', '', '']
    """
    place = repaired_departments(department)
    number = commune.astype("str").str.replace(_BLANKS, "", regex=True)
    number = number.str.replace(r"\.0+$", "", regex=True)
    number = number.where(~number.str.fullmatch("[0-9]{1,3}"), number.str.zfill(3))
    overseas = place.str.fullmatch("97[1-8]")
    agreed = number.str[:1].eq(place.str[2:]) | number.str.startswith("0")
    code = (place + number).where(~overseas, place + number.str[1:])
    known = (
        place.str.fullmatch("0[1-9]|1[0-9]|2[1-9AB]|[3-8][0-9]|9[0-578]|97[1-8]")
        & number.str.fullmatch("[0-9]{3}")
        & ~number.isin(_NO_COMMUNE)
        & (~overseas | agreed)
    )
    code = code.where(known)
    corsica = place.isin(_CORSICA)
    if table is not None and corsica.any():
        code = code.where(~corsica, number.map(table.corsican))
    return code.rename(None)
