"""Activities: the labels and codes of specialties and professions, each brought to one name."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
import unicodedata
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import pandas as pd

from territories.errors import InputError, fault, one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Nomenclature = Literal["pse_spe_cod", "pse_act_nat"]
How = Literal["same", "normalised", "synonym", "code", "total", "missing", "mojibake", "unknown"]

_CODE: Final = re.compile(r"0*([0-9]{1,2})(?:[.,]0+)?")
_CODE_AND_LABEL: Final = re.compile(r"0*([0-9]{1,2})\W+(\D.*)")
_PLURAL: Final = re.compile(r"(?<=[a-z]{3})s\b|\bs\b")
# Totals as pivot tables write them: 'Total général', 'Dermatologie Total', 'Toutes spécialités'.
_TOTAL: Final = re.compile(
    r"(?:sous |grand )?(?:total|totaux)\b.*|.*\b(?:total|totaux)"
    r"|(?:ensemble|somme|tou[st]|toutes?)\b.*"
)
_FORMULA: Final = ("=", "+", "@")
_UNSEEN: Final = ("Cc", "Cf", "Cs")  # controls, marks of format and broken characters

_CLOSE: Final = 0.6
# A label that was written in the wrong encoding is damaged: what its repair nearly spells is meant.
_NEARLY: Final = 0.9
# More unknown labels than this are another column, not activities misspelt: none is compared.
_MISSPELT: Final = 50

_QUOTED: Final = 40
_NUMBER_OF_A_PERSON: Final = 4


@dataclass(frozen=True)
class Thesaurus:
    """The activities known, by their names, synonyms and codes; `known` makes it.

    Parameters
    ----------
    names
        One for each activity, in alphabetical order.
    labels
        Activity of each name and synonym, these without case, accents, blanks or punctuation.
    codes
        Activity of each code, by nomenclature.
    nothing
        Labels that say nothing ('NA', 'non renseigné'), written like those of `labels`.
    no_codes
        Codes that say nothing.
    """

    names: tuple[str, ...]
    labels: Mapping[str, str] = field(repr=False)
    codes: Mapping[str, Mapping[int, str]] = field(repr=False)
    nothing: frozenset[str] = field(repr=False)
    no_codes: frozenset[int] = field(repr=False)


def known(extra: Mapping[str, Sequence[str]] | None = None) -> Thesaurus:
    """Return the activities that the package knows, with those of a table of yours.

    Parameters
    ----------
    extra
        Synonyms of each activity, by its name. Each label goes where this table says, whatever
        the package says of it. The name of an activity of the package, as a synonym or as a name
        in another case, takes all its other synonyms and its codes with it: so activities are
        renamed and gathered. Any other label leaves them behind: so they are parted. A code
        is written as a label, 'pse_spe_cod 70'.

    Raises
    ------
    InputError
        If the table gives a label to two activities, or a name or synonym is empty.

    References
    ----------
    Tables IR_SPE_V and IR_ACT_V of the SNDS (Assurance Maladie, Health Data Hub).

    Examples
    --------
    >>> table = known({"gastro": ["gastro-entérologie"], "gynécologie médicale": []})
    >>> normalised(pd.Series(["HGE", "gynéco", "Gynécologie médicale"]), table)["activity"].tolist()
    ['gynécologie médicale', 'gastro', 'gynécologie']
    """
    packaged = _packaged()
    if not extra:
        return packaged
    yours = _synonyms(
        {name: [labels] if isinstance(labels, str) else labels for name, labels in extra.items()}
    )
    now = {name: yours.get(_key(name), name) for name in packaged.names}
    labels = {label: now[name] for label, name in packaged.labels.items()} | yours
    codes = {
        nomenclature: {code: now[name] for code, name in theirs.items()}
        for nomenclature, theirs in packaged.codes.items()
    }
    for nomenclature, theirs in codes.items():
        named = _key(nomenclature)
        numbers = [label for label in yours if re.fullmatch(named + "[0-9]+", label)]
        theirs.update({int(label.removeprefix(named)): yours[label] for label in numbers})
    return replace(packaged, names=_in_order(labels.values()), labels=labels, codes=codes)


def _in_order(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names), key=_key))


@functools.cache
def _packaged() -> Thesaurus:
    content = resources.files("territories").joinpath("activities.toml").read_text("utf-8")
    table: dict[str, Any] = tomllib.loads(content)
    activities: dict[str, dict[str, Any]] = table["activity"]
    return Thesaurus(
        names=_in_order(activities),
        labels=_synonyms({name: each["synonyms"] for name, each in activities.items()}),
        codes={
            nomenclature: {
                code: name
                for name, each in activities.items()
                for code in each.get(nomenclature, ())
            }
            for nomenclature in get_args(Nomenclature)
        },
        nothing=frozenset({"", *map(_key, table["nothing"]["labels"])}),
        no_codes=frozenset(table["nothing"]["codes"]),
    )


def _synonyms(table: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the activity of each label; refuse a label of two activities."""
    activity: dict[str, str] = {}
    faults = []
    for name, synonyms in table.items():
        for label in (name, *synonyms):
            key = _key(label)
            if not key:
                faults.append(fault("activity_label_empty", activity=shown(name)))
            elif activity.setdefault(key, cleaned(name)) != cleaned(name):
                faults.append(
                    fault(
                        "activity_label_twice",
                        label=shown(label),
                        first=shown(activity[key]),
                        second=shown(name),
                    )
                )
    if faults:
        raise InputError(*faults)
    return activity


def normalised(
    labels: pd.Series, table: Thesaurus, *, nomenclature: Nomenclature | None = None
) -> pd.DataFrame:
    """Find the activity of each distinct label.

    Parameters
    ----------
    labels
        Text, as read.
    table
        What is known, see `known`.
    nomenclature
        What the column's numbers are codes of. Without it a bare number is unknown, since the two
        nomenclatures use the same numbers; a number before a label ('05 - Dermatologie') must be
        a code of the label's activity.

    Returns
    -------
    DataFrame
        Indexed by the distinct labels, in order (a missing value is the empty label): `activity`,
        missing where there is none; `how`; `closest`, for an unknown label the activity with the
        closest name or synonym, where one is near; `name`, what to call the activity where
        unknown labels are let in: `activity`, else the label cleaned, the same for labels that
        differ by case, accents, blanks or punctuation only.

        `how` is ``"same"`` (the name itself), ``"normalised"`` (but for case, accents, blanks,
        punctuation or plural), ``"synonym"``, ``"code"``, ``"total"`` (a total among the rows),
        ``"missing"`` (nothing said), ``"mojibake"`` (UTF-8 once read as Windows-1252: repaired,
        perhaps to a damaged label that is nearly one and only one activity's), ``"unknown"``.

    Examples
    --------
    >>> labels = pd.Series(["OphtalmologÃ©", "Total général", "DERMATO", "DERMATO", "licornologie"])
    >>> found = normalised(labels, known())
    >>> found["how"].tolist()
    ['synonym', 'mojibake', 'total', 'unknown']
    >>> labels.map(found["activity"]).dropna().tolist()
    ['ophtalmologie', 'dermatologie', 'dermatologie']
    >>> normalised(pd.Series(["15", "0"]), known(), nomenclature="pse_spe_cod")["how"].to_dict()
    {'0': 'missing', '15': 'code'}
    """
    if nomenclature is not None:
        one_of("nomenclature", nomenclature, get_args(Nomenclature))
    distinct = sorted(labels.fillna("").unique())
    found = pd.DataFrame(
        [_found(label, table, nomenclature) for label in distinct],
        index=pd.Index(distinct, name=labels.name),
        columns=["activity", "how"],
    )
    unknown = found.index[found["how"] == "unknown"]
    few = len(unknown) <= _MISSPELT
    closest = {label: _closest(label, table) if few else None for label in unknown}
    spellings: dict[str, str] = {}
    new = {label: spellings.setdefault(_key(_mended(label)), _mended(label)) for label in unknown}
    found["closest"] = [closest.get(label) for label in distinct]
    found["name"] = [new.get(label, activity) for label, activity in found["activity"].items()]
    return found


def _found(
    label: str, table: Thesaurus, nomenclature: Nomenclature | None
) -> tuple[str | None, How]:
    """Find the activity of a label, and how."""
    text = cleaned(label)
    code = _CODE.fullmatch(text)
    if nomenclature is not None and code:
        number = int(code[1])
        if number in table.no_codes:
            return None, "missing"
        activity = table.codes[nomenclature].get(number)
        return activity, "code" if activity else "unknown"
    mended = _mended(label)
    activity, how = _named(mended, table)
    if mended == text or how in ("total", "missing"):
        return activity, how
    if activity is None and not mended.startswith(_FORMULA):
        near = {table.labels[key] for key in _near(mended, table, _NEARLY)}
        activity = near.pop() if len(near) == 1 else None
    return activity, "mojibake" if activity else "unknown"


def _named(text: str, table: Thesaurus) -> tuple[str | None, How]:
    """Find the activity of a clean label by its letters."""
    key = _key(text)
    activity = table.labels.get(key)
    if key and text.startswith(_FORMULA):
        return None, "unknown"
    if activity is not None:
        exact: How = "same" if text == activity else "normalised"
        return activity, exact if key == _key(activity) else "synonym"
    if key in table.nothing:
        return None, "missing"
    if _TOTAL.fullmatch(" ".join(_words(text))):
        return None, "total"
    return _numbered(text, table)


def _numbered(text: str, table: Thesaurus) -> tuple[str | None, How]:
    """Find the activity of a code and its label; they must agree, in one nomenclature."""
    numbered = _CODE_AND_LABEL.fullmatch(text)
    if numbered is None:
        return None, "unknown"
    activity, how = _named(numbered[2], table)
    if activity is None:
        return None, how
    if any(codes.get(int(numbered[1])) == activity for codes in table.codes.values()):
        return activity, "normalised" if how == "same" else how
    return None, "unknown"


def _near(text: str, table: Thesaurus, cutoff: float) -> list[str]:
    """Find the known labels that are spelt nearly so, the closest first; ties as they sort."""
    return difflib.get_close_matches(_key(text), table.labels, n=20, cutoff=cutoff)


def _closest(label: str, table: Thesaurus) -> str | None:
    """Find the activity whose name or synonym is closest to an unknown label."""
    near = _near(_mended(label), table, _CLOSE)
    return table.labels[near[0]] if near else None


def cleaned(label: str) -> str:
    """Return a label with composed accents, single blanks, and nothing that does not show.

    Examples
    --------
    >>> cleaned(" Oto-rhino\u00a0 laryngologie ")
    'Oto-rhino laryngologie'
    """
    seen = (each for each in label if each.isspace() or unicodedata.category(each) not in _UNSEEN)
    return " ".join(unicodedata.normalize("NFC", "".join(seen)).split())


def _mended(label: str) -> str:
    """Return a label cleaned, and decoded again if its UTF-8 was read as Windows-1252, even twice.

    Text that was read well is left alone: an accent followed by letters is not UTF-8.
    """
    text = unicodedata.normalize("NFC", label)
    for _ in range(2):
        try:
            text = b"".join(map(_byte, text)).decode("utf-8")
        except UnicodeError:
            break
    return cleaned(text)


def _byte(letter: str) -> bytes:
    """Return the byte that Windows-1252 read as a letter, or Latin-1 where it has none."""
    try:
        return letter.encode("cp1252")
    except UnicodeEncodeError:
        return letter.encode("latin-1")


def _words(label: str) -> list[str]:
    """Return the words of a label without case or accents."""
    text = cleaned(label).casefold().replace("œ", "oe").replace("æ", "ae").replace("&", " et ")
    letters = unicodedata.normalize("NFKD", text)
    letters = "".join(each for each in letters if not unicodedata.combining(each))
    return re.findall(r"[^\W_]+", letters)


def _key(label: str) -> str:
    """Return what labels of one meaning share: their letters, without the s of plurals."""
    return _PLURAL.sub("", " ".join(_words(label))).replace(" ", "")


def shown(label: str) -> str:
    """Quote a label for a message: at most 40 characters, and not what may be about people.

    Hidden is what is mostly digits (it may be a count) or has four digits (the number of a person).

    Examples
    --------
    >>> shown("licornologie"), shown("PS150067"), shown("12")
    ("'licornologie'", '…', '…')
    """
    text = cleaned(label)
    digits = sum(each.isnumeric() for each in text)
    letters = sum(each.isalpha() for each in text)
    if digits > letters or digits >= _NUMBER_OF_A_PERSON:
        return "…"
    return f"'{text}'" if len(text) <= _QUOTED else f"'{text[: _QUOTED - 1]}…'"
