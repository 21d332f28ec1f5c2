"""The files that the fuzzing starts from: tables as they should be, and ways to write them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import shapely
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

# Orléans and around, Montargis, Gien, Blois, Vendôme: a layer of four by three.
COMMUNES: Final = (
    *("45234", "45147", "45232", "45284", "45285", "45302"),
    *("45075", "45169", "45208", "45155", "41018", "41269"),
)
OUTSIDE: Final = ("37261", "18033", "75113", "75056", "01004", "2A004", "97411", "99100")
LABELS: Final = ("dermatologie", "ORL", "Ophtalmologie", "radiologie", "Gastro-entérologie")
PLACES: Final = ("450000021", "450000039", "410000020", "370000481", "750100042")
PMSI: Final = {"45000": COMMUNES[:4], "45C01": COMMUNES[4:9], "45500": COMMUNES[9:10]} | {
    "41000": COMMUNES[10:]
}
ENCODINGS: Final = (
    *("utf-8", "utf-8-sig", "cp1252", "iso8859-15", "utf-16", "utf-16-le", "utf-16-be"),
    *("mac-roman", "cp850", "utf-32", "utf-7"),
)
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"

Grid = list[list[str]]


def specialists(dice: Random) -> Grid:
    """Make an extract by practitioner."""
    head = ["commune_residence", "specialite", "ps", "departement_ps", "nb_patients", "montant"]
    people = [(f"PS{dice.randrange(10**6):06d}", dice.choice(LABELS)) for _ in range(8)]
    keys = {
        (dice.choice((*COMMUNES, *COMMUNES, *OUTSIDE)), label, who)
        for who, label in dice.choices(people, k=dice.randrange(1, 50))
    }
    return [
        head,
        *(
            [home, label, who, dice.choice(("45", "41", "75", "")), count(dice), money(dice)]
            for home, label, who in sorted(keys)
        ),
    ]


def located(dice: Random) -> Grid:
    """Make an extract by place, of the order of columns of the bad inputs."""
    keys = {
        (dice.choice(COMMUNES), dice.choice((*COMMUNES[:4], *OUTSIDE)), dice.choice(LABELS))
        for _ in range(dice.randrange(1, 50))
    }
    head = ["commune_residence", "commune_exercice", "specialite", "patients"]
    return [head, *([*key, count(dice)] for key in sorted(keys))]


def stays(dice: Random) -> Grid:
    """Make hospital stays."""
    codes = (*PMSI, *PMSI, "37000", "75013")
    keys = {
        (dice.choice(codes), dice.choice(PLACES), dice.choice(("mco", "chirurgie", "GA01")))
        for _ in range(dice.randrange(1, 40))
    }
    head = ["code_geo_pmsi", "finess", "ga", "nb_sejours"]
    return [head, *([*key, count(dice)] for key in sorted(keys))]


def sites(dice: Random) -> Grid:
    """Make the communes of hospital sites, sometimes with their juridical entities."""
    places = ("45234", "45208", "41018", "37261", "75113")
    rows = [[site, f"CH {code}", code] for site, code in zip(PLACES, places, strict=True)]
    if dice.random() < 0.3:
        return [
            ["finess", "nom", "commune", "finess_ej"],
            *([*row, f"4500009{place % 2}7"] for place, row in enumerate(rows)),
        ]
    return [["finess", "nom", "commune"], *rows]


def pmsi_codes(dice: Random) -> Grid:
    """Make the communes of PMSI codes."""
    head = ["code_commune_insee", "nom_commune", "code_geo_pmsi", "population"]
    return [
        head,
        *(
            [each, f"Ville {each}", code, str(dice.randrange(100, 9999))]
            for code, covered in PMSI.items()
            for each in covered
        ),
    ]


def bridges(dice: Random) -> Grid:
    """Make pairs of communes."""
    return [["left", "right"], *(dice.sample(COMMUNES, 2) for _ in range(dice.randrange(1, 6)))]


def cog_list(dice: Random) -> Grid:
    """Make a short list of communes as INSEE's."""
    head = ["TYPECOM", "COM", "REG", "DEP", "LIBELLE"]
    rows = [["COM", code, "24", code[:2], f"Ville {code}"] for code in (*COMMUNES, "75056")]
    return [head, *dice.sample(rows, len(rows)), ["ARM", "75113", "11", "75", "Paris 13e"]]


def cog_events(dice: Random) -> Grid:
    """Make a few events of communes as INSEE's."""
    head = ["MOD", "DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP"]
    return [
        head,
        *(
            ["32", f"{dice.choice((1972, 2016, 2019, 2024))}-01-01", "COM", one, "COM", other]
            for one, other in (dice.sample((*COMMUNES, "45999"), 2) for _ in range(6))
        ),
    ]


def count(dice: Random) -> str:
    """Draw a number of people."""
    return str(dice.choice((dice.randrange(1, 12), dice.randrange(11, 4000))))


def money(dice: Random) -> str:
    """Draw an amount in euros."""
    return f"{dice.randrange(10**6) / 100:.2f}".replace(".", ",")


TABLES: Final[dict[str, Callable[[Random], Grid]]] = {
    "specialists": specialists,
    "located": located,
    "stays": stays,
    "sites": sites,
    "pmsi_codes": pmsi_codes,
    "bridges": bridges,
    "cog_list": cog_list,
    "cog_events": cog_events,
}


def layer() -> gpd.GeoDataFrame:
    """Make a layer of the twelve communes, squares of about 5 km, in WGS84."""
    shapes = [
        shapely.box(
            1.8 + 0.06 * across, 47.8 + 0.04 * down, 1.86 + 0.06 * across, 47.84 + 0.04 * down
        )
        for down in range(3)
        for across in range(4)
    ]
    return gpd.GeoDataFrame(
        {
            "code": COMMUNES,
            "nom": [f"Ville {code}" for code in COMMUNES],
            "pop2021": [100 * int(code[2:]) for code in COMMUNES],
        },
        geometry=shapes,
        crs="EPSG:4326",
    )


def layer_files() -> dict[str, bytes]:
    """Write the layer as GeoJSON, GeoPackage (with a projection, and none) and Shapefile."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2024-01-01T00:00:00Z"})
    communes = layer()
    files = {"communes.geojson": json.dumps(json.loads(communes.to_json())).encode()}
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in (
            ("communes.gpkg", communes.to_crs("EPSG:2154")),
            ("web.gpkg", communes.to_crs("EPSG:3857")),
            ("communes.fgb", communes),
        ):
            pyogrio.write_dataframe(frame, Path(folder) / name)
            files[name] = (Path(folder) / name).read_bytes()
    return files


def as_csv(
    grid: Grid,
    *,
    delimiter: str = ";",
    newline: str = "\n",
    encoding: str = "utf-8",
    quoting: int = csv.QUOTE_MINIMAL,
) -> bytes:
    """Write a table as delimited text."""
    written = io.StringIO()
    rows = csv.writer(
        written, delimiter=delimiter, lineterminator=newline, quoting=quoting, escapechar=None
    )
    rows.writerows([cell.replace("\0", "") for cell in row] for row in grid)
    text = written.getvalue()
    if any("\0" in cell for row in grid for cell in row):
        text = text[: len(text) // 2] + "\0" + text[len(text) // 2 :]
    return text.encode(encoding, errors="replace")


def as_workbook(grid: Grid, dice: Random, changes: list[str]) -> bytes:
    """Write a table as a workbook, numbers as such, and change it at random."""
    book = openpyxl.Workbook()
    sheet = book.active
    across, down = (dice.randrange(3), dice.randrange(4)) if dice.random() < 0.2 else (0, 0)
    numbers = dice.random() < 0.7
    for row, cells in enumerate(grid, 1 + down):
        for column, cell in enumerate(cells, 1 + across):
            text = ILLEGAL_CHARACTERS_RE.sub("", cell)[:32_000]
            plain = numbers and re.fullmatch("-?[0-9]{1,15}([.,][0-9]{1,6})?", text)
            value = float(text.replace(",", ".")) if plain else text
            sheet.cell(row, column, value if text else None)
    for change in changes:
        change_workbook(book, change, dice)
    written = io.BytesIO()
    book.save(written)
    return _steady(written.getvalue())


# What a cell may hold, and its format.
CELLS: Final[dict[str, tuple[tuple[object, ...], str]]] = {
    "formula": (("=1+1", "=SUM(A1:A9)", '=HYPERLINK("http://x";"y")', "=A1"), "General"),
    "error": (("#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!"), "General"),
    "date": ((45_000, 0.25, 1, 60, -1, 2_958_466, 1e10, 1e300), "dd/mm/yyyy"),
    "time": ((45_000, 0.25, 1, 60, -1, 2_958_466, 1e10, 1e300), "[h]:mm:ss"),
    "flag": ((True, False), "General"),
}
SHEETS: Final = ("sheet", "twin", "hidden", "chart", "empty")
WORKBOOK_CHANGES: Final = (*CELLS, *SHEETS, "merged", "stray", "title", "name")


def change_workbook(book: openpyxl.Workbook, change: str, dice: Random) -> None:
    """Change a workbook in one way."""
    sheet = book.worksheets[0]
    row, column = dice.randrange(1, sheet.max_row + 2), dice.randrange(1, sheet.max_column + 2)
    if change in CELLS:
        cell = sheet.cell(row, column)
        if hasattr(cell, "column_letter"):  # cells within merged ones cannot be written
            values, cell.number_format = CELLS[change]
            cell.value = dice.choice(values)
    elif change in SHEETS:
        _change_sheets(book, change, dice)
    elif change == "merged":
        sheet.merge_cells(
            start_row=row,
            start_column=column,
            end_row=row + dice.randrange(3),
            end_column=column + 1,
        )
    elif change == "stray":
        far = (dice.choice((5_000, 300_000, 1_048_576)), dice.choice((1, 60, 16_384)))
        sheet.cell(*far, dice.choice((" ", "x", 5)))
    elif change == "title":
        sheet.insert_rows(1, dice.randrange(1, 5))
        sheet["A1"] = "Extraction du SNDS"
    else:
        sheet.title = dice.choice(("a" * 31, "=1+1", "<b>", "Données 2023", "é&è"))


def _change_sheets(book: openpyxl.Workbook, change: str, dice: Random) -> None:
    """Add a sheet to a workbook."""
    if change == "sheet":
        book.create_sheet(dice.choice(("Notes", "Feuil2", "é" * 31, "'x'"))).append(["note", "lue"])
    elif change == "twin":
        book.copy_worksheet(book.worksheets[0])
    elif change == "hidden":
        book.create_sheet("Cachée").sheet_state = dice.choice(("hidden", "veryHidden"))
    elif change == "chart":
        book.create_chartsheet("Graphique", dice.randrange(2))
    else:
        book.create_sheet("Vide", dice.randrange(2))


def _steady(content: bytes) -> bytes:
    """Write a workbook again without the time of writing, so that a case is always the same."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as before,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            part = before.read(name)
            if name == "docProps/core.xml":
                part = re.sub(
                    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?", b"2024-01-01T00:00:00Z", part
                )
            after.writestr(zipfile.ZipInfo(name), part)
    return written.getvalue()


def as_ods(grid: Grid, dice: Random) -> bytes:
    """Write a table as an OpenDocument sheet, sometimes with rows and cells repeated at will."""

    def cell(text: str) -> str:
        safe = ILLEGAL_CHARACTERS_RE.sub("", text)
        safe = safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        times = dice.choice((2, 16_000, 10**9)) if dice.random() < 0.003 else 0
        repeated = f' table:number-columns-repeated="{times}"' if times else ""
        if re.fullmatch("[0-9]{1,9}", text):
            kind = f'office:value-type="float" office:value="{text}"'
        else:
            kind = 'office:value-type="string"'
        return f"<table:table-cell {kind}{repeated}><text:p>{safe}</text:p></table:table-cell>"

    def row(cells: list[str]) -> str:
        times = dice.choice((2, 70_000, 10**9)) if dice.random() < 0.005 else 0
        repeated = f' table:number-rows-repeated="{times}"' if times else ""
        return f"<table:table-row{repeated}>{''.join(map(cell, cells))}</table:table-row>"

    names = ("office", "table", "text")
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in names
    )
    empty = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
    empty += 'table:number-columns-repeated="16384"/></table:table-row>'
    body = "".join(map(row, grid)) + empty * dice.randrange(2)
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} '
        f'office:version="1.2"><office:body><office:spreadsheet><table:table table:name="Feuille1">'
        f"{body}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS}"/>'
        "</manifest:manifest>"
    )
    parts = {"mimetype": ODS, "content.xml": content, "META-INF/manifest.xml": manifest}
    return zipped({name: part.encode("utf-8", "replace") for name, part in parts.items()})


def as_parquet(grid: Grid, kinds: dict[int, pa.Array]) -> bytes:
    """Write a table as Parquet; some columns may be of another kind than text."""
    width = len(grid[0])
    body = [(row + [""] * width)[:width] for row in grid[1:]]
    arrays = [
        kinds.get(place, pa.array([row[place] for row in body], pa.string()))
        for place in range(width)
    ]
    written = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_arrays(arrays, names=grid[0]), written)
    return written.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """Pack files; the dates within are always the same."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return written.getvalue()


def gzipped(content: bytes) -> bytes:
    """Pack content; the date within is always the same."""
    return gzip.compress(content, mtime=0)
