"""Maps to print: pictures that are whole, the same for the same data, and safe with any name."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from grids import code, codes, drawn, flows, letters, shuffle, zoned
from PIL import Image

import territories as tt
from territories import plates
from territories._drawing import Entry, Label, defaults, finished, label, nice_length, started
from territories._words import using
from territories.export import Evidence
from territories.plates import Ground

NAMES = ["$x^2$", "a\nb", "</svg>", "東京", "{{ 7*7 }}", "Ville\u202e", "%s", "\\frac", "Œ"]


def picture(data: bytes) -> np.ndarray:
    """Read a plate as red, green and blue."""
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        assert set(image.info) <= {"dpi"}  # no date, no program, no author
        return np.asarray(image.convert("RGB"))


def has(data: bytes, colour: str) -> bool:
    """Tell whether a colour is in a plate, or one very near it."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    return bool((np.abs(picture(data).astype(int) - wanted).max(axis=2) <= 3).any())


def ground(seed: int = 0, **more: object) -> Ground:
    """Two territories of three communes; one commune is shared, one in none.

    ::

        A A A
        B B .
    """
    layer = drawn("ABC\nDEF", seed=seed)
    rows = [
        ("00001", "00001", 1.0), ("00002", "00001", 1.0), ("00003", "00001", 0.6),
        ("00003", "00004", 0.4), ("00004", "00004", 1.0), ("00005", "00004", 1.0),
    ]  # fmt: skip
    member = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    zoning = tt.Zoning(layer, shuffle(member, seed), names={"00001": "Ville A", "00004": "B"})
    return Ground(zoning, Evidence(**more), sources="Sources : a.csv", note="Simulé")


def evidence(seed: int = 0) -> dict[str, object]:
    layer = drawn("ABC\nDEF")
    rows = [
        (code(home), code(care), 40, activity)
        for activity in ("orl", "dermatology", "radiology")
        for home, care in zip("ABCDEF", "AAADD0", strict=True)
        if care != "0"
    ]
    given = flows(rows, layer, seed)
    poles = tt.dominant_poles(given)
    agreement = tt.concordance(poles)
    stays = tt.dominant_poles(letters([("AA", 50), ("BD", 50)], layer, seed))
    return {
        "agreement": agreement,
        "poles": poles,
        "hospital": tt.hospital_agreement(agreement, stays),
        "flows": given,
        "stability": tt.runs_of(given, layer, runs=5, territories=2, population=(None, None)),
    }


@pytest.fixture(scope="module")
def full() -> Ground:
    return ground(**evidence())


PLATES = ("territories", "concordance", "agreement", "stability")


@pytest.mark.parametrize("name", PLATES)
def test_a_plate_is_a_picture_of_the_width_of_a_page(full: Ground, name: str) -> None:
    with using("fr"):
        shown = picture(getattr(plates, f"{name}_plate")(full))
    assert shown.shape[1] == 1136
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 5


@pytest.mark.parametrize("name", PLATES)
def test_same_bytes_whatever_the_rows(full: Ground, name: str) -> None:
    with using("fr"):
        draw = getattr(plates, f"{name}_plate")
        assert draw(full) == draw(ground(7, **evidence(3)))


def test_same_bytes_for_a_territory(full: Ground) -> None:
    one = plates.territory_plate(full, "00001")
    assert one == plates.territory_plate(ground(5, **evidence(2)), "00001")
    assert one != plates.territory_plate(full, "00004")


def test_what_is_not_known_is_not_drawn() -> None:
    bare = ground()
    assert plates.concordance_plate(bare) == b""
    assert plates.agreement_plate(bare) == b""
    assert plates.stability_plate(bare) == b""
    assert plates.territories_plate(bare).startswith(b"\x89PNG")


def test_territories_have_their_colours_on_the_plate() -> None:
    from territories._drawing import tint  # noqa: PLC0415

    bare = ground()
    for colour in tt.colours.territory_colours(bare.zoning).values():
        assert has(plates.territories_plate(bare), tint(colour, 0.42))


@pytest.mark.filterwarnings("error")
def test_names_are_text_whatever_they_hold() -> None:
    """Neither a formula of matplotlib nor a letter that the font lacks stops the drawing."""
    layer = drawn("ABC\nDEF\nGHI")
    layer["name"] = pd.Series(NAMES, codes("ABCDEFGHI")).reindex(layer.index)
    labels = pd.Series([code("A")] * 4 + [code("I")] * 5, codes("ABCDEFGHI"))
    zoning = tt.Zoning.from_labels(labels, communes=layer)
    found = Ground(zoning, Evidence(), sources="$a$ \n b", note="$\\alpha")
    for territory in found.names:
        picture(plates.territory_plate(found, territory))
    picture(plates.comparison_plate(found, zoning, name="$x$"))


def test_one_commune() -> None:
    zoning = zoned("A")
    found = Ground(zoning, Evidence())
    picture(plates.territories_plate(found))
    picture(plates.territory_plate(found, "A"))


def test_another_zoning_lies_over() -> None:
    found = ground()
    other = tt.Zoning.from_labels(
        pd.Series(["p", "q", "q", "p", "q", "q"], codes("ABCDEF")), communes=found.zoning.communes
    )
    assert has(plates.comparison_plate(found, other, name="EPCI"), "#c2185b")
    assert not has(plates.territories_plate(found), "#c2185b")


def test_names_do_not_lie_over_each_other() -> None:
    """Of forty names on one place as many are written as there is room for."""
    with defaults():
        canvas = started("t", (0, 0, 1000, 1000), tallest_in=4, entries=[Entry("x")])
        missed = label(canvas, [Label(500, 500, f"Commune {each}") for each in range(40)])
        boxes = [text.get_window_extent() for text in canvas.axes.texts]
        finished(canvas, "", None)
    assert 20 < missed < 40
    assert len(boxes) == 40 - missed
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            wide = min(one.x1, other.x1) - max(one.x0, other.x0)
            high = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert wide < 2 or high < 4  # letters do not fill their line


@pytest.mark.parametrize("metres", [0.3, 1.0, 4_999, 5_000, 123_456])
def test_scale_is_round(metres: float) -> None:
    length = nice_length(metres)
    assert metres / 2.5 < length <= metres
    assert f"{length:e}"[0] in "125"


def test_drawing_leaves_no_global_state() -> None:
    """The user's own figures and settings are not touched, and nothing heavy is loaded ahead."""
    program = (
        "import sys, territories\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import matplotlib as mpl; mpl.rcParams['font.size'] = 33\n"
        "sys.path.insert(0, 'tests')\n"
        "from grids import zoned\n"
        "from territories.export import Evidence\n"
        "from territories.plates import Ground, territories_plate\n"
        "territories_plate(Ground(zoned('AB'), Evidence()))\n"
        "assert mpl.rcParams['font.size'] == 33\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
