"""The report: what it says, what it refuses, and that it opens and prints with the network off."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pandas as pd
import pytest
from browser import opened, started
from grids import PROPERTY, code, codes, drawn, flows, letters
from hypothesis import given
from hypothesis import strategies as st
from layers import as_options, shuffled, write_region
from layers import code as letter_code

import territories as tt
from territories._leaving import first_poles, leaving
from territories._sections import percent
from territories._words import WORDS, using
from territories.pipeline import FILES, REPORT_FILES, Settings, compute
from territories.report import report
from territories.secrecy import Secrecy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from territories.pipeline import Run

PACKAGE = Path(tt.__file__).parent
HOSTILE = (
    "</style></title><script>window.__xss=1</script><img src=x onerror=window.__xss=1>{{ 7*7 }}"
)
Files = dict[str, Path]


class Outline(HTMLParser):
    """Note the elements of a page, those still open and the text outside styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what is read."""
        if "style" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Give the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.found if name == tag]


def settings(files: Files, **more: object) -> Settings:
    values = {"territories": 2, "runs": 5, "note": "Données simulées", **files, **more}
    return Settings.model_validate(values)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_region(tmp_path_factory.mktemp("region"))


@pytest.fixture(scope="module")
def run(files: Files) -> Run:
    return compute(settings(files))


@pytest.fixture(scope="module")
def page(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    report(run, path)
    return path


@pytest.fixture(scope="module")
def made(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a run, to copy."""
    from territories.cli import main  # noqa: PLC0415

    out = tmp_path_factory.mktemp("run") / "resultat"
    words = ["run", *as_options(files), "--territories", "2", "--runs", "5", "--out", str(out)]
    assert main(words) == 0
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "resultat")


# --- what it says --------------------------------------------------------------------------------


def test_the_page_is_whole_and_asks_for_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = Outline(text)
    assert found.open == []
    assert found.all("html") == [{"lang": "fr"}]
    assert "default-src 'none'" in str(found.all("meta")[1]["content"])
    assert not found.all("script")
    assert not found.all("link")
    for image in found.all("img"):
        assert str(image["src"]).startswith("data:image/png;base64,")
        assert image["alt"]
    assert "{{" not in text
    assert "{%" not in text


def test_it_can_be_read_without_eyes(page: Path) -> None:
    """Headings go down by one, tables have captions and heads, sections have names."""
    found = Outline(page.read_text(encoding="utf-8"))
    levels = [int(tag[1]) for tag, _ in found.found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(found.all("caption")) == len(found.all("table")) > 5
    assert all(each["scope"] in ("col", "row") for each in found.all("th"))
    named = {str(each["id"]) for tag, each in found.found if "id" in each}
    for section in (*found.all("section"), *found.all("nav")):
        assert section["aria-labelledby"] in named
    for link in found.all("a"):
        assert str(link["href"]).removeprefix("#") in named


def test_it_prints_on_a4(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for rule in (
        "size: A4",
        "display: table-header-group",
        "break-inside: avoid",
        "counter(pages)",
    ):
        assert rule in text


def test_all_parts_are_there_in_order(page: Path, run: Run) -> None:
    text = Outline(page.read_text(encoding="utf-8")).text
    main = text[text.index("Les cartes", text.index("Une page par territoire")) :]
    order = [
        "Les cartes",
        "L’ensemble du découpage",
        "À discuter : les communes frontières",
        "La méthode en une page",
        "Les limites des données",
        "Codes des communes, à coller ailleurs",
        "Le rapprochement des fichiers",
        "Paramètres, pour refaire ce calcul",
    ]
    places = [main.index(each) for each in order]
    assert places == sorted(places)
    assert "Données simulées" in text
    for territory in run.zoning.names.values():
        assert territory in text
    for each in run.accounts:
        assert each.file in text
        assert each.sha256 in text
    for commune in run.zoning.communes.index:
        assert commune in text  # to paste; the page of its territory has its name
        assert run.zoning.communes["name"][commune] in text


def test_figures_of_the_first_page(page: Path) -> None:
    """The towns h and Q: one patient in eleven goes to the other one, those of a to 75 too."""
    text = Outline(page.read_text(encoding="utf-8")).text
    assert "2 territoires" in re.sub(r"\s+", " ", text)
    assert "124\u202f000" in text
    assert "100\u00a0%" in text


def test_every_word_of_the_report_is_used() -> None:
    rooms = ["_drawing", "_legend", "_paper", "_ground", "_report_words", "_reported", "_sections"]
    rooms += ["plates", "tables", "report"]
    places = [*(f"{each}.py" for each in rooms), "webmap/report.html"]
    source = "".join((PACKAGE / each).read_text(encoding="utf-8") for each in places)
    made = re.compile(
        r"report\.(alt|caption|head|frontier|method|period)_|sheet\.[a-z_]+?_(name|title|note)$"
    )
    for key in WORDS:
        group, _, name = key.partition(".")
        if group in ("report", "plate") and not made.match(key):
            assert re.search(rf"\b{name}\b", source), key


def test_in_english(files: Files, tmp_path: Path) -> None:
    report(compute(settings(files, lang="en", runs=0)), tmp_path / "a.html")
    found = Outline((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert found.all("html") == [{"lang": "en"}]
    for word in ("territoires", " habitants", "communes frontières", "part_", "séjours"):
        assert word not in found.text
    assert "124,000" in found.text
    assert "Stability was not worked out" in found.text


def test_another_zoning_has_its_line_and_its_map(run: Run, tmp_path: Path) -> None:
    label = pd.Series("Tout <b>", run.zoning.communes.index)
    other = tt.Zoning.from_labels(label, communes=run.zoning.communes)
    report(run, tmp_path / "a.html", others={"EPCI & cie": other}, notices=["À lire d'abord"])
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "EPCI &amp; cie" in text
    assert "Comparaison avec d’autres zonages" in text
    assert "À lire d&#39;abord" in text
    found = Outline(text)
    assert any("EPCI & cie" in str(each["alt"]) for each in found.all("img"))


def test_periods_are_told(files: Files, run: Run, page: Path, tmp_path: Path) -> None:
    unknown = "La période des flux n’est pas dite"
    assert unknown in page.read_text(encoding="utf-8")
    given = settings(files, runs=0, period="2023", hospital_period="2021")
    report(compute(given), tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert unknown not in text
    assert "spécialistes libéraux, 2023 ; hôpital, 2021" in text
    limits = text[text.index("Les limites des données") :]
    assert "2023" in limits[: limits.index("</ul>", limits.index("<ul>"))]


# --- safe, the same, and secret ------------------------------------------------------------------


def test_hostile_names_are_text(files: Files, tmp_path: Path) -> None:
    layer = json.loads(files["communes"].read_text(encoding="utf-8"))
    for feature in layer["features"]:
        feature["properties"]["nom"] = HOSTILE
    path = tmp_path / "communes.geojson"
    path.write_text(json.dumps(layer), encoding="utf-8")
    given = settings(files | {"communes": path}, title=HOSTILE, note=HOSTILE, runs=0)
    report(compute(given), tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "<img src=x" not in text
    found = Outline(text)
    assert found.open == []
    assert HOSTILE in found.text


def test_same_bytes_whatever_the_rows(run: Run, page: Path, files: Files, tmp_path: Path) -> None:
    head, *rows = files["flows"].read_text(encoding="utf-8").splitlines()
    moved = tmp_path / files["flows"].name
    moved.write_text("\n".join([head, *shuffled(pd.Series(rows))]) + "\n", encoding="utf-8")
    other = compute(settings(files | {"flows": moved}))
    report(other, tmp_path / "a.html")
    hashes = {one.sha256: two.sha256 for one, two in zip(other.accounts, run.accounts, strict=True)}
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    for one, two in hashes.items():
        text = text.replace(one, two)
    # Row numbers in the notices are those of the file.
    plain = re.compile(r"\(lignes [^)]*\)")
    assert plain.sub("", text) == plain.sub("", page.read_text(encoding="utf-8"))


def test_no_number_of_a_practitioner_leaves(page: Path, folder: Path) -> None:
    for path in (page, *folder.iterdir()):
        assert b"PS000" not in path.read_bytes()


def shown(pairs: list[tuple[str, float]], **few: int) -> list[str]:
    layer = drawn("ABCDEF")
    zoning = tt.Zoning.from_labels(pd.Series("t", codes("A")), communes=layer)
    table = leaving(zoning, letters(pairs, layer))
    counts = pd.Series({code(name): number for name, number in few.items()}, dtype="float64")
    return [place for place, _ in first_poles(table, counts, Secrecy())]


def test_first_poles_by_hand() -> None:
    """The first places by patients; no small number among them, nor to be found from the rest."""
    assert shown([("AA", 500), ("AC", 50), ("AB", 60)]) == codes("BC")
    # 5 alone would be found by subtraction: the next smallest is hidden with it.
    assert shown([("AA", 500), ("AB", 60), ("AC", 50), ("AD", 5)]) == codes("B")
    assert shown([("AA", 500), ("AB", 5)]) == []
    assert shown([("AA", 5), ("AB", 500)]) == []
    # B has three practitioners: its figure is theirs, and alone it would be found.
    assert shown([("AA", 500), ("AB", 60), ("AC", 50)], B=3) == []
    assert shown([("AA", 500), ("AB", 60), ("AC", 50), ("AD", 40)], B=3) == codes("C")
    assert shown([("AA", 500), ("AB", 60), ("AC", 50)], B=6) == codes("BC")
    assert shown([("AA", 90), *((f"A{each}", 50) for each in "FEDCB")]) == codes("BCDE")


@PROPERTY
@given(st.lists(st.sampled_from([0, 1, 4, 10, 11, 12, 40, 300]), min_size=6, max_size=6))
def test_no_small_count_can_be_found(counts: list[int]) -> None:
    """Shown parts are 11 or more; what is left over is not one small count."""
    pairs = [(f"A{each}", n) for each, n in zip("ABCDEF", counts, strict=True)]
    found = shown(pairs)
    parts = dict(zip(codes("ABCDEF"), counts, strict=True))
    assert all(parts[each] >= 11 for each in found)
    if found:
        assert not 0 < parts[code("A")] < 11
        left = [n for each, n in parts.items() if n and each not in found and each != code("A")]
        assert not 0 < sum(left) < 11
        assert not (len(left) == 1 and left[0] < 11)


def test_a_shared_commune_does_not_leak_into_itself() -> None:
    """B is half in t: its own patients who stay in B have left neither of its territories."""
    layer = drawn("AB")
    member = pd.DataFrame(
        [("00001", "t", 1.0), ("00002", "t", 0.5), ("00002", "u", 0.5)],
        columns=["code", "territory", "weight"],
    )
    table = leaving(
        tt.Zoning(layer, member), flows([("00002", "00002", 80), ("00001", "00002", 8)])
    )
    told = table[["territory", "place", "patients"]]
    sums = {(a, b): n for a, b, n in told.itertuples(index=False)}
    assert sums == {("t", ""): 44.0, ("t", "00002"): 4.0, ("u", ""): 40.0}


def test_shares_are_written_with_care() -> None:
    assert percent(0.9996) == "99.9%"
    assert percent(0.997) == "99.7%"
    assert percent(1.0) == "100%"
    assert percent(0.0) == "0%"
    assert percent(0.0004) == "< 1%"
    with using("fr"):
        assert percent(0.997) == "99,7\u00a0%"
    assert percent(None) == percent(float("nan")) == "–"


# --- the command ---------------------------------------------------------------------------------


def test_report_of_a_run(cli: Callable, folder: Path, files: Files) -> None:
    told = cli("report", folder, *as_options(files))
    assert (told.code, told.err) == (0, "")
    assert "report.html" in told.out
    assert {each.name for each in folder.iterdir()} == {*FILES, *REPORT_FILES}
    book = openpyxl.load_workbook(folder / "tables.xlsx")
    assert "À coller" in book.sheetnames
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "n’est pas celui" not in text
    again = cli("report", folder, *as_options(files))
    assert again.code == 1
    assert "report.html" in again.err
    before = {each: (folder / each).read_bytes() for each in REPORT_FILES}
    assert cli("report", folder, *as_options(files), "--overwrite").code == 0
    assert before == {each: (folder / each).read_bytes() for each in REPORT_FILES}
    # A new run clears the report of the old one.
    options = [*as_options(files), "--territories", 2, "--runs", 0, "--out", folder, "--overwrite"]
    assert cli("run", *options).code == 0
    assert {each.name for each in folder.iterdir()} == set(FILES)


def test_all_wrong_inputs_are_refused_at_once(cli: Callable, folder: Path, files: Files) -> None:
    changed = folder.parent / "specialistes.csv"
    changed.write_bytes(files["flows"].read_bytes() + b"\n")
    told = cli(
        *("report", folder, "--communes", files["communes"], "--flows", changed),
        *("--hospital", files["hospital"], "--sites", files["sites"], "--bridges", files["sites"]),
    )
    assert told.code == 1
    for words in ("--flows", "son contenu a changé", "--pmsi-codes manque", "--bridges"):
        assert words in told.err
    assert {each.name for each in folder.iterdir()} == set(FILES)


def test_a_folder_without_a_run_is_refused(cli: Callable, tmp_path: Path, files: Files) -> None:
    told = cli("report", tmp_path, *as_options(files))
    assert told.code == 1
    assert "run.json" in told.err
    for text in ("", "{}", "[]", '{"inputs": {}, "settings": {}}', "\x00", '{"inputs": 3}'):
        (tmp_path / "run.json").write_text(text)
        assert cli("report", tmp_path, *as_options(files)).code == 1


def test_a_zoning_that_was_changed_is_told(cli: Callable, folder: Path, files: Files) -> None:
    path = folder / "communes.csv"
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text.replace("00001;", "00001;", 1).replace(";00008;", ";96017;", 1))
    assert cli("report", folder, *as_options(files)).code == 0
    assert "n’est pas celui du fichier communes.csv" in (folder / "report.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("content", [b"code;territoire\n00001;\xb4\n", b"", b"a;b\n1;2;3;4\n"])
def test_a_zoning_that_is_no_table_is_told(
    cli: Callable, folder: Path, files: Files, content: bytes
) -> None:
    (folder / "communes.csv").write_bytes(content)
    assert cli("report", folder, *as_options(files)).code == 0
    assert "n’est pas celui du fichier communes.csv" in (folder / "report.html").read_text(
        encoding="utf-8"
    )


def test_inputs_from_a_configuration(cli: Callable, folder: Path, files: Files) -> None:
    """Only the files of the configuration are looked at: the rest is what the run was asked."""
    config = files["communes"].parent / "region.toml"
    lines = [f'{role} = "{path.name}"' for role, path in files.items()]
    config.write_text("\n".join([*lines, "territories = 7"]), encoding="utf-8")
    assert cli("report", folder, "--config", config, "--lang", "en").code == 0
    assert 'lang="en"' in (folder / "report.html").read_text(encoding="utf-8")


def test_against_other_zonings(cli: Callable, folder: Path, files: Files) -> None:
    other = files["communes"].parent / "secteurs.csv"
    places = [letter_code(sign) for sign in "abcDEFghiJKLmnoPQRstuVWX"]
    rows = [f"{place};{'nord' if number < 12 else 'sud'}" for number, place in enumerate(places)]
    other.write_text("\n".join(["code;secteur", *rows]), encoding="utf-8")
    words = ["report", folder, *as_options(files), "--against", f"Garde={other}#secteur"]
    told = cli(*words)
    assert (told.code, told.err) == (0, "")
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "secteurs.csv" in text
    assert "limites de : Garde" in text
    book = openpyxl.load_workbook(folder / "tables.xlsx")
    assert book["Comparaisons"]["A4"].value == "Garde"
    refused = cli(*words, "--against", "absent.csv", "--overwrite")
    assert refused.code == 1
    assert "absent.csv" in refused.err
    assert (folder / "report.html").read_text(encoding="utf-8") == text


# --- in a browser --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.mark.browser
def test_it_opens_off_line_and_prints(browser: Browser, page: Path) -> None:
    with opened(browser, page) as found:
        assert found.requests == []
        assert found.errors == []
        wide = found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert wide
        loaded = "Array.from(document.images).every(each => each.naturalWidth > 300)"
        assert found.page.evaluate(loaded)
        printed = found.page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    sizes = {
        tuple(round(float(each)) for each in box.split())
        for box in re.findall(rb"/MediaBox \[([^\]]*)\]", printed)
    }
    assert sizes == {(0, 0, 595, 842)}  # A4


@pytest.mark.browser
def test_it_can_be_read_on_a_telephone(browser: Browser, page: Path) -> None:
    with opened(browser, page, width=380, height=700) as found:
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_hostile_names_do_nothing(browser: Browser, run: Run, tmp_path: Path) -> None:
    report(run, tmp_path / "a.html", notices=[HOSTILE])
    with opened(browser, tmp_path / "a.html") as found:
        assert found.requests == []
        assert found.page.evaluate("window.__xss") is None
        assert HOSTILE in found.page.inner_text("header")
