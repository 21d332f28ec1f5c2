"""Everything that leaves as tables, in one list: the sheets of the workbook and of the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, Literal

import pandas as pd

from territories._compared import comparison_heads
from territories._words import Language, say, using
from territories.communes import place_names
from territories.comparison import comparisons
from territories.export import Evidence, commune_table, territory_table
from territories.form import white_zones
from territories.reconciliation import example_line
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from territories.flows import Flows
    from territories.reconciliation import Reconciliation
    from territories.zoning import Zoning

Kind = Literal["text", "integer", "number", "share", "index"]

# A cell of a spreadsheet holds 32 767 characters: longer lists go on in the next row.
LONGEST_CELL: Final = 32_000

_SHARES: Final = (
    *("li", "leakage", "msi", "attraction", "hospital_leakage", "stable_share"),
    *("part", "stability", "second_share", "undrawn"),
)
_INDICES: Final = ("ari", "ami", "jaccard")
_RATIOS: Final = ("net_index", "compactness", "pac")
_INTEGERS: Final = ("population", "communes", "aci_size", "pieces", "matched", "activities")


@dataclass(frozen=True, eq=False, repr=False)
class Sheet:
    """One table that leaves, with its words.

    Parameters
    ----------
    key
        What it is, whatever the language, such as ``"territories"``.
    name, title, note
        Name of its tab; its heading; what one should know to read it.
    table
        Flat: what identifies a row stands in the first columns. Every figure in it may be shown.
    formats
        How the numbers of a column are written; columns that are not named hold text. ``"share"``
        is of [0, 1], shown in percent; ``"number"`` has one decimal, ``"index"`` two.
    """

    key: str
    name: str
    title: str
    note: str
    table: pd.DataFrame
    formats: Mapping[str, Kind] = field(default_factory=dict)


def sheets(
    zoning: Zoning,
    *,
    evidence: Evidence | None = None,
    accounts: Sequence[Reconciliation] = (),
    others: Mapping[str, Zoning] | None = None,
    parameters: Mapping[str, object] | None = None,
    extra: Iterable[Sheet] = (),
    secrecy: Secrecy | None = None,
    language: Language = "fr",
) -> list[Sheet]:
    """List all tables of a division, ready to be given away.

    Parameters
    ----------
    zoning
        The division.
    evidence
        What is known of the communes.
    accounts
        What became of the rows of each input file.
    others
        Other zonings to compare with, by name.
    parameters
        What is needed to do it again (see `pipeline.run_record`); may be nested.
    extra
        More tables, shown before the parameters; their figures must be showable already.
    secrecy
        Rule of disclosure; default ``Secrecy()``.
    language
        Of names, titles and columns.

    Returns
    -------
    list of Sheet
        What the tables are (`readme`), `territories`, `communes`, `letters` (codes and names to
        paste) and `members` (the same, one row for each commune); then, where there is something
        to tell, `white_zones`, `grouping`, `reconciliation`, `comparisons`, those of `extra`,
        `parameters`.
    """
    known = evidence or Evidence()
    door = secrecy or Secrecy()
    with using(language):
        found = [
            _territories(zoning, known, door),
            _communes(zoning, known),
            letters(zoning),
            members(zoning),
            _white_zones(zoning),
            _grouping(zoning, known.flows),
            _reconciliation(accounts, door),
            compared_sheet(zoning, others or {}),
            *extra,
            _parameters(parameters or {}),
        ]
        kept = [sheet for sheet in found if len(sheet.table)]
        version = (parameters or {}).get("version")
        return [_readme(zoning, kept, door, version), *kept]


def sheet(key: str, table: pd.DataFrame, formats: Mapping[str, Kind] | None = None) -> Sheet:
    """Make a sheet whose words stand in the table of words under ``sheet.<key>_…``."""
    return Sheet(
        key=key,
        name=say(f"sheet.{key}_name"),
        title=say(f"sheet.{key}_title"),
        note=say(f"sheet.{key}_note"),
        table=table.reset_index(drop=True),
        formats=formats or {},
    )


def _formats(table: pd.DataFrame) -> dict[str, Kind]:
    """Tell how the numbers of communes and territories are written; other columns are text."""
    shares = {say(f"column.{name}") for name in _SHARES}
    ratios = {say(f"column.{name}") for name in _RATIOS}
    integers = {say(f"column.{name}") for name in _INTEGERS}
    of_class = say("column.class_share", name="")
    kinds: dict[str, Kind] = {}
    for name in table.select_dtypes("number").columns:
        whole = name in integers or pd.api.types.is_integer_dtype(table[name])
        if name in shares or (str(name).startswith(of_class) and not whole):
            kinds[name] = "share"
        elif name in ratios:
            kinds[name] = "index"
        else:
            kinds[name] = "integer" if whole else "number"
    return kinds


def _territories(zoning: Zoning, known: Evidence, door: Secrecy) -> Sheet:
    table = territory_table(zoning, known, secrecy=door).reset_index()
    return sheet("territories", table, _formats(table))


def _communes(zoning: Zoning, known: Evidence) -> Sheet:
    table = commune_table(zoning, known).reset_index()
    return sheet("communes", table, _formats(table))


def listed(zoning: Zoning) -> pd.DataFrame:
    """List who is in what: one row for each commune of each territory.

    Returns
    -------
    DataFrame
        In the order of the territories' names, then of the communes': `territory`,
        `territory_name`, `code`, `name`, `weight`.
    """
    table = zoning.membership.copy()
    names = {each: str(zoning.names.get(each, each)) for each in table["territory"].unique()}
    table["territory_name"] = table["territory"].map(names)
    table["name"] = table["code"].map(zoning.communes["name"])
    keys = ["territory_name", "territory", "name", "code"]
    order = table.assign(
        **{key: table[key].astype("str").map(alphabetical) for key in ("territory_name", "name")}
    ).sort_values(keys)
    columns = ["territory", "territory_name", "code", "name", "weight"]
    return table.loc[order.index, columns].reset_index(drop=True)


def alphabetical(name: str) -> str:
    """Return what a name is put in order by: accents, ligatures and case aside.

    Examples
    --------
    >>> sorted(["Évreux", "Esvres", "Œuilly", "Orléans"], key=alphabetical)
    ['Esvres', 'Évreux', 'Œuilly', 'Orléans']
    """
    import unicodedata  # noqa: PLC0415 - as export.slug, which joins words

    plain = unicodedata.normalize("NFKD", name.replace("œ", "oe").replace("Œ", "oe"))
    return "".join(each for each in plain if not unicodedata.combining(each)).casefold()


def letters(zoning: Zoning) -> Sheet:
    """Write the communes of each territory as texts to paste into a letter or into a form."""
    rows = []
    for (territory, name), group in listed(zoning).groupby(
        ["territory", "territory_name"], sort=False
    ):
        pairs = [f"{one} ({code})" for code, one in zip(group["code"], group["name"], strict=True)]
        columns = (_joined(sorted(group["code"])), _joined(pairs))
        # Few lists are so long that they take a second row.
        rows += [
            [territory, name, len(group), *cells] for cells in zip_longest(*columns, fillvalue="")
        ]
    heads = [say(f"column.{key}") for key in ("territory", "name", "communes")]
    heads += [say("sheet.letters_codes"), say("sheet.letters_names")]
    table = pd.DataFrame(rows, columns=heads)
    return sheet("letters", table, {heads[2]: "integer"})


def _joined(texts: Sequence[str]) -> list[str]:
    """Join texts by commas into cells that a spreadsheet can hold."""
    cells, length = [list[str]()], 0
    for text in texts:
        length += len(text) + 2
        if length > LONGEST_CELL:
            cells.append([])
            length = len(text) + 2
        cells[-1].append(text)
    return [", ".join(each) for each in cells]


def members(zoning: Zoning) -> Sheet:
    """List the communes of each territory, one row for each."""
    table = listed(zoning)
    shared = bool((table["weight"] < 1).any())
    table = table if shared else table.drop(columns="weight")
    words = {
        "territory": say("column.territory"),
        "territory_name": say("column.territory_name"),
        "code": say("column.code"),
        "name": say("column.name"),
        "weight": say("sheet.members_weight"),
    }
    return sheet("members", table.rename(columns=words), {words["weight"]: "share"})


def _white_zones(zoning: Zoning) -> Sheet:
    found = white_zones(zoning)
    table = pd.DataFrame({say("column.code"): found.index})
    table[say("column.name")] = zoning.communes["name"].reindex(found.index).to_numpy()
    table[say("column.white_zone")] = [say(f"white.{each}") for each in found["kind"]]
    for name in ("territory", "within"):
        named = found[name].map(lambda each: zoning.names.get(each, each), na_action="ignore")
        table[say(f"sheet.white_zones_{name}")] = named.to_numpy()
    return sheet("white_zones", table)


def grouped_pairs(zoning: Zoning, flows: Flows | None) -> pd.DataFrame:
    """List the places that were gathered into another: `place`, `name`, `pole`, `pole_name`."""
    columns = ["place", "name", "pole", "pole_name"]
    if flows is None or flows.grouping is None:
        return pd.DataFrame(columns=columns)
    joined = flows.grouping["pole"]
    joined = joined[joined != joined.index]
    names = place_names(zoning.communes, [*joined.index, *joined])
    rows = [
        [place, names[place], pole, names[pole]]
        for place, pole in zip(joined.index, joined, strict=True)
    ]
    return pd.DataFrame(rows, columns=columns)


def _grouping(zoning: Zoning, flows: Flows | None) -> Sheet:
    table = grouped_pairs(zoning, flows)
    names = ("place", "name_of", "pole", "pole_name")
    return sheet("grouping", table.set_axis([say(f"sheet.grouping_{n}") for n in names], axis=1))


def _reconciliation(accounts: Sequence[Reconciliation], door: Secrecy) -> Sheet:
    """Lay out what became of each file's rows and patients, by reason; small counts masked."""
    names = ("file", "what", "rows", "unit", "patients", "examples")
    rows = []
    for account in accounts:
        record = account.record(door)
        unit = "" if account.unit is None else say(f"unit.{account.unit}")
        hidden = say("cli.masked") if unit else None

        def line(
            what: str,
            number: int,
            patients: float | None,
            examples: str = "",
            *,
            file: str = account.file,
            unit: str = unit,
            hidden: str | None = hidden,
        ) -> list[object]:
            return [file, what, number, unit, hidden if patients is None else patients, examples]

        rows += [
            line(say(f"account.{name}"), record[f"rows_{name}"], record[f"patients_{name}"])
            for name in ("in", "kept", "aside")
        ]
        for reason, values in record["reasons"].items():
            told = "; ".join(example_line(each) for each in values["examples"])
            what = say("sheet.reconciliation_reason", reason=say(f"reason.{reason}"))
            rows.append(line(what, values["rows"], values["patients"], told))
    heads = [say(f"sheet.reconciliation_{name}") for name in names]
    table = pd.DataFrame(rows, columns=heads, dtype="object")
    return sheet("reconciliation", table, {heads[2]: "integer", heads[4]: "integer"})


def compared_sheet(zoning: Zoning, others: Mapping[str, Zoning]) -> Sheet:
    """Compare a zoning with others, one row for each, in the order they are given."""
    if not others:
        return sheet("comparisons", pd.DataFrame())
    table = comparisons(zoning, others)
    heads = comparison_heads(table)
    kinds: dict[str, Kind] = {
        words: "integer"
        if pd.api.types.is_integer_dtype(table[name]) or name.startswith("aci_")
        else ("index" if name in _INDICES else "share")
        for name, words in heads.items()
    }
    first = say("comparison.zoning")
    return sheet("comparisons", table.rename(columns=heads).rename_axis(first).reset_index(), kinds)


def flat(record: Mapping[str, object], before: str = "") -> list[tuple[str, str]]:
    """Write a nested record as pairs of a dotted name and a text; what is empty is left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in record.items():
        if isinstance(value, dict):
            pairs += flat(value, f"{before}{name}.")
        elif value not in (None, "", [], ()):
            many = value if isinstance(value, list | tuple) else [value]
            text = ", ".join("–" if each is None else str(each) for each in many)
            pairs.append((f"{before}{name}", text))
    return pairs


def _parameters(record: Mapping[str, object]) -> Sheet:
    record = {key: value for key, value in record.items() if key != "grouping"}  # has its sheet
    heads = [say("sheet.parameters_parameter"), say("sheet.parameters_value")]
    return sheet("parameters", pd.DataFrame(flat(record), columns=heads, dtype="object"))


def _readme(
    zoning: Zoning, others: Sequence[Sheet], door: Secrecy, version: object | None
) -> Sheet:
    """Say what the tables are, under which rule, and what each holds."""
    lines = [
        (
            say("sheet.readme_what"),
            say(
                "sheet.readme_division",
                territories=int(zoning.membership["territory"].nunique()),
                communes=len(zoning.communes),
            ),
        ),
        (
            say("sheet.readme_secrecy"),
            say(
                "sheet.readme_rule",
                most=door.threshold - 1,
                professionals=door.professionals,
            ),
        ),
        *([] if version is None else [(say("sheet.readme_version"), f"territories {version}")]),
        *((each.name, f"{each.title}. {each.note}") for each in others),
    ]
    heads = [say("sheet.readme_subject"), say("sheet.readme_text")]
    return sheet("readme", pd.DataFrame(lines, columns=heads))
