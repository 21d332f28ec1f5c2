"""Maps to print: pictures that are whole, the same for the same data, and safe with any name."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from grids import code, codes, drawn, flows, letters, shuffle, zoned
from PIL import Image

import territories as tt
from territories import plates
from territories._canvas import Entry, defaults
from territories._drawing import Label, finished, label, started
from territories._legend import nice_length
from territories._words import using
from territories.datasets import write_region
from territories.export import Evidence
from territories.plates import Ground

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


# --- files ---------------------------------------------------------------------------------------

SIZES = {"A4": (8.27, 11.69), "A3": (11.69, 16.54)}


def exported(folder: Path, name: str = "map.pdf", seed: int = 0, **more: object) -> bytes:
    tt.export_plate(ground(seed).zoning, folder / name, **{"overwrite": True, **more})
    return (folder / name).read_bytes()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_the_same_whatever_the_rows_and_the_day(
    tmp_path: Path, kind: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = exported(tmp_path, f"a.{kind}", size=size, sources="a.csv", note="Simulé")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    second = exported(tmp_path, f"b.{kind}", seed=7, size=size, sources="a.csv", note="Simulé")
    assert first == second
    assert not any(word in first for word in (b"Date", b"dc:date", b"Matplotlib v", b"/Author"))


def row_of(picture: str) -> tt.Zoning:
    layer = drawn(picture)
    return tt.Zoning.from_labels(pd.Series("x", index=layer.index), communes=layer)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("picture", ["ABCD", "A\nB\nC\nD"], ids=["wide", "tall"])
def test_a_file_is_as_large_as_its_paper(tmp_path: Path, size: str, picture: str) -> None:
    """The paper lies across where the ground is wide, and stands where it is tall."""
    for kind in ("png", "pdf", "svg"):
        tt.export_plate(row_of(picture), tmp_path / f"a.{kind}", size=size)
    expected = SIZES[size] if "\n" in picture else SIZES[size][::-1]
    with Image.open(tmp_path / "a.png") as image:
        dpi = image.info["dpi"][0]
        assert image.size == pytest.approx([each * dpi for each in expected], abs=1)
    found = (tmp_path / "a.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", found)
    assert box is not None
    assert [float(each) / 72 for each in box.groups()] == pytest.approx(expected, abs=0.01)
    root = ET.fromstring((tmp_path / "a.svg").read_bytes())  # noqa: S314 - ours
    sides = [float(root.get(side, "").removesuffix("pt")) / 72 for side in ("width", "height")]
    assert sides == pytest.approx(expected, abs=0.01)


def test_letters_on_a3_are_read_from_two_metres(tmp_path: Path) -> None:
    """Capitals of the legend subtend seven minutes of arc at two metres: five are the least."""
    page = Ground(row_of("AB"), Evidence(), size="A3").page
    capital = 7.0 * page.scale * 0.729 * 25.4 / 72  # mm; 0.729 is DejaVu's
    assert math.degrees(math.atan(capital / 2000)) * 60 > 7


def test_letters_show_on_any_machine(tmp_path: Path) -> None:
    """In a PDF the fonts are in the file; in an SVG letters are outlines, never text."""
    found = exported(tmp_path)
    assert b"DejaVuSans" in found
    assert b"/FontFile2" in found
    drawing = exported(tmp_path, "a.svg")
    assert b"<text" not in drawing
    assert b"<use" in drawing
    assert not re.search(rb"<(image|script|style[^>]*>[^<]*@import)", drawing)


def test_stripes_have_the_colours_of_both_territories(tmp_path: Path) -> None:
    colours = tt.colours.territory_colours(ground().zoning)
    drawing = exported(tmp_path, "a.svg").decode()
    patterns = re.findall(r"<pattern.*?</pattern>", drawing, re.DOTALL)
    assert any(colours["00004"] in each for each in patterns)
    assert len(patterns) >= 2  # and the dots of the white zone


def test_a_third_territory_crosses_the_second(tmp_path: Path) -> None:
    member = pd.DataFrame(
        [("00001", "00001", 0.5), ("00001", "00002", 0.3), ("00001", "00003", 0.2),
         ("00002", "00002", 1.0), ("00003", "00003", 1.0)],
        columns=["code", "territory", "weight"],
    )  # fmt: skip
    zoning = tt.Zoning(drawn("ABC"), member)
    tt.export_plate(zoning, tmp_path / "a.svg")
    drawing = (tmp_path / "a.svg").read_text(encoding="utf-8")
    patterns = re.findall(r"<pattern.*?</pattern>", drawing, re.DOTALL)
    colours = tt.colours.territory_colours(zoning)
    for territory in ("00002", "00003"):
        assert any(colours[territory] in each for each in patterns)


def test_what_may_not_be_drawn_is_refused_at_once(tmp_path: Path) -> None:
    zoning = ground().zoning
    with pytest.raises(tt.InputError) as refusal:
        tt.export_plate(zoning, tmp_path / "a.gif", plate="roads", size="A0")
    assert len(refusal.value.faults) == 3
    with pytest.raises(tt.InputError, match="nothing to show"):
        tt.export_plate(zoning, tmp_path / "a.pdf", plate="concordance")
    assert list(tmp_path.iterdir()) == []
    exported(tmp_path, "a.pdf")
    with pytest.raises(tt.InputError, match="exists already"):
        tt.export_plate(zoning, tmp_path / "a.pdf")


def test_every_plate_goes_on_paper(full: Ground, tmp_path: Path) -> None:
    given = full.evidence
    known = {
        "agreement": given.agreement,
        "hospital": given.hospital,
        "stability": given.stability,
    }
    for plate in plates.PLATES:
        for kind in ("png", "svg", "pdf"):
            path = tmp_path / f"{plate}.{kind}"
            tt.export_plate(full.zoning, path, plate=plate, size="A4", **known)
            assert path.stat().st_size > 5_000


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_hostile_names_run_nothing_on_paper(tmp_path: Path, kind: str) -> None:
    layer = drawn("ABC\nDEF\nGHI")
    layer["name"] = pd.Series(NAMES, codes("ABCDEFGHI")).reindex(layer.index)
    hostile = dict(zip(codes("ABC"), NAMES, strict=False))
    labels = pd.Series([*codes("ABC")] * 3, codes("ADGBEHCFI"))
    member = pd.DataFrame({"code": labels.index, "territory": labels.to_numpy(), "weight": 1.0})
    zoning = tt.Zoning(layer, member, names=hostile)
    path = tmp_path / f"a.{kind}"
    tt.export_plate(zoning, path, sources="<script>alert(1)</script>", note="$\\alpha]]>")
    assert b"<script" not in path.read_bytes()


def test_a_long_title_takes_two_lines() -> None:
    with defaults():
        canvas = started("mot " * 30, (0, 0, 1000, 1000), tallest_in=4, entries=[])
        titles = [each for each in canvas.figure.texts if each.get_fontweight() == "bold"]
        right = max(each.get_window_extent().x1 for each in titles)
    assert len(titles) == 2
    assert right <= canvas.figure.bbox.width


def test_maps_of_a_run(tmp_path: Path, cli: Callable) -> None:
    """The inputs are given again; the maps are all there, or none."""
    region = write_region(tmp_path / "region")
    names = ("communes", "flows", "bridges")
    given = {**region, "flows": region["specialists"]}
    files = [word for name in names for word in (f"--{name}", given[name])]
    folder = tmp_path / "run"
    made = cli("run", *files, "--territories", 12, "--runs", 0, "--out", folder)
    assert made.code == 0, made.err
    wrong = cli("maps", folder, *files, "--format", "gif")
    assert wrong.code == 1
    assert "gif" in wrong.err
    told = cli("maps", folder, *files, "--format", "svg,PDF", "--size", "A4")
    assert told.code == 0, told.err
    found = sorted(each.name for each in (folder / "maps").iterdir())
    assert found == [
        "concordance.pdf", "concordance.svg", "territories.pdf", "territories.svg",
    ]  # fmt: skip
    assert "territories.pdf" in told.out
    again = cli("maps", folder, *files, "--format", "svg")
    assert again.code == 1
    assert "--overwrite" in again.err
