"""Small worlds for the tests: layers drawn as pictures, flows listed by hand, files of both.

In a picture each letter is a commune and each of its characters a square of 1 km; a dot is nothing.
``a`` is the commune 00001 of department 00, ``b`` 00002…; ``A`` is 96001 of department 96.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from territories import Flows

if TYPE_CHECKING:
    from pathlib import Path

METRE = 1000.0
CORNER = (600_000.0, 6_700_000.0)  # of the pictures: in the middle of France, EPSG:2154

Row = Sequence[object]


def code(letter: str) -> str:
    """Give the code of a letter of a picture; longer texts are codes already."""
    if len(letter) != 1:
        return letter
    return f"96{ord(letter) - 64:03d}" if letter.isupper() else f"00{ord(letter) - 96:03d}"


def letter(place: str) -> str:
    """Give the letter of a code, for messages that a reader can follow."""
    return chr(int(place[2:]) + (64 if place.startswith("96") else 96))


def squares(picture: str) -> dict[str, list[tuple[int, int]]]:
    """List the squares (column, row from the top) of each letter."""
    found: dict[str, list[tuple[int, int]]] = {}
    for down, line in enumerate(picture.split()):
        for across, sign in enumerate(line):
            if sign != ".":
                found.setdefault(sign, []).append((across, down))
    return found


def layer(
    picture: str, *, people: int | Mapping[str, int] = 1000, seed: int = 0
) -> gpd.GeoDataFrame:
    """Build the layer of a picture, its rows shuffled, in EPSG:2154."""
    shapes = {}
    for sign, places in squares(picture).items():
        boxes = [
            shapely.box(
                CORNER[0] + METRE * across,
                CORNER[1] - METRE * (down + 1),
                CORNER[0] + METRE * (across + 1),
                CORNER[1] - METRE * down,
            )
            for across, down in places
        ]
        # The union of a coverage keeps the corners of the squares: neighbours have the same.
        shapes[sign] = shapely.coverage_union_all(boxes)
    signs = random.Random(seed).sample(sorted(shapes), len(shapes))
    inhabitants = [people if isinstance(people, int) else people.get(sign, 1000) for sign in signs]
    return gpd.GeoDataFrame(
        {"name": [f"Ville-{sign}" for sign in signs], "population": inhabitants},
        geometry=[shapes[sign] for sign in signs],
        index=pd.Index([code(sign) for sign in signs], name="code"),
        crs="EPSG:2154",
    )


def shuffled(table: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Put the rows in another order, the numbers of the rows with them."""
    return table.sample(frac=1, random_state=seed)


def seen(rows: Iterable[Row], seed: int = 2) -> pd.DataFrame:
    """Lay out rows (residence, activity, practitioner, patients[, amount[, department]])."""
    names = ["residence", "activity", "practitioner", "patients", "amount", "department"]
    listed = [[code(str(row[0])), *row[1:]] for row in rows]
    return shuffled(pd.DataFrame(listed, columns=names[: len(listed[0])]), seed)


def located(
    rows: Iterable[Row], communes: gpd.GeoDataFrame | None = None, *, seed: int = 3
) -> Flows:
    """Make flows of rows (residence, activity, destination, patients)."""
    listed = [(code(str(a)), s, code(str(b)), n) for a, s, b, n in rows]
    table = pd.DataFrame(listed, columns=["residence", "activity", "destination", "patients"])
    return Flows(table=shuffled(table, seed), communes=communes)


def write_text(path: Path, head: str, lines: Iterable[str], *, seed: int | None = 4) -> Path:
    """Write a table of text as UTF-8, its rows shuffled unless `seed` is None."""
    rows = list(lines)
    if seed is not None:
        random.Random(seed).shuffle(rows)
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8", newline="")
    return path


def write_layer(path: Path, communes: gpd.GeoDataFrame, **columns: object) -> Path:
    """Write a layer as GeoJSON in WGS84, under the columns of a French file."""
    frame = communes.to_crs("EPSG:4326").reset_index()
    frame = frame.rename(columns={"name": "nom", "population": "pop2021"}).assign(**columns)
    path.write_text(json.dumps(json.loads(frame.to_json(drop_id=True))), encoding="utf-8")
    return path


SPECIALISTS = "commune_residence;specialite;ps;departement_ps;nb_patients;montant"
STAYS = "code_geo_pmsi;finess;ga;nb_sejours"
SITES = "finess;raison_sociale;commune"
PMSI = "code_commune_insee;nom_commune;code_geo_pmsi;population"

REGION = """
    abcDEF
    ghiJKL
    mnoPQR
    stuVWX
"""


def write_region(folder: Path) -> dict[str, Path]:
    """Write the files of a region of 24 communes in two departments, for the command line.

    ::

        abcDEF      h and Q are the towns (40 000 inhabitants), the others have 2 000; residents go
        ghiJKL      to the town of their own side, one in ten to the other; 96050 is outside.
        mnoPQR
        stuVWX
    """
    folder.mkdir(parents=True, exist_ok=True)
    towns = {"h": 40_000, "Q": 40_000}
    communes = layer(REGION, people={sign: towns.get(sign, 2_000) for sign in squares(REGION)})
    rows = []
    for activity, far in (("orl", 30), ("dermatologie", 40), ("ophtalmologie", 50)):
        for sign in [*squares(REGION), "50001"]:
            near, other = ("h", "Q") if sign.islower() else ("Q", "h")
            for town, patients in ((near, 10 * far), (other, far)):
                own = 1000 if town == sign else 0
                who = f"PS{ord(town):06d}{activity[:2]}"
                key = f"{code(sign)};{activity};{who};{code(town)[:2]}"
                rows.append(f"{key};{patients + own};{patients * 30},50")
        rows.append(f"{code('a')};{activity};PS75{activity[:4]};75;25;900,00")
    letters = list(squares(REGION))
    return {
        "communes": write_layer(folder / "communes.geojson", communes),
        "flows": write_text(folder / "specialistes.csv", SPECIALISTS, rows),
        "hospital": write_text(
            folder / "hopital.csv",
            STAYS,
            [
                f"P{three:04d};{site};mco;{90 if three % 2 == int(site) - 1 else 30}"
                for three in range(8)
                for site in "12"
            ],
        ),
        "sites": write_text(
            folder / "finess.csv", SITES, [f"1;CH h;{code('h')}", f"2;CH Q;{code('Q')}"]
        ),
        "pmsi_codes": write_text(
            folder / "pmsi.csv",
            PMSI,
            [f"{code(sign)};{sign};P{place // 3:04d};2000" for place, sign in enumerate(letters)],
        ),
    }


def as_options(files: Mapping[str, Path]) -> list[str]:
    """Write files as options of the command line."""
    return [
        word for name, path in files.items() for word in (f"--{name.replace('_', '-')}", str(path))
    ]
