"""Small layers drawn by hand, and flows to go with them; rows always come shuffled."""

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import shapely
from hypothesis import settings
from hypothesis import strategies as st

from territories import Flows, Zoning, contiguity

SIDE = 1_000.0
WEST, NORTH = 600_000.0, 6_700_000.0
OUTSIDE = ("75056", "69123")

# The same examples at each run: a failure can be repeated anywhere.
PROPERTY = settings(max_examples=150, deadline=None, derandomize=True, database=None)
HEAVY = settings(PROPERTY, max_examples=40)

# Rows and columns, the simplest last: hypothesis draws at both ends more often.
SHAPES = ((4, 4), (5, 5), (3, 5), (2, 4), (1, 6), (3, 3), (4, 6), (2, 2), (1, 2), (1, 1), (5, 4))


def code(place):
    """Give the code of a letter of a picture (A is 00001) or of the number of a grid's cell."""
    if isinstance(place, str):
        place = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(place) + 1
    return f"{place:05d}"


def codes(places):
    """Give the codes of several letters, or of several numbers."""
    return [code(place) for place in places]


def rows_of(picture):
    """Cut a picture into its rows of characters, blank lines and common margins aside."""
    lines = [line for line in picture.splitlines() if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    return [line[margin:].rstrip() for line in lines]


def shuffle(frame, seed=0):
    """Put rows in another order, the same for the same seed."""
    return frame.iloc[np.random.default_rng(seed).permutation(len(frame))]


def _cell(row, column):
    west, north = WEST + SIDE * column, NORTH - SIDE * row
    return shapely.box(west, north - SIDE, west + SIDE, north)


def _layer(shapes, population, seed):
    listed = list(shapes)
    people = [population] * len(listed) if np.isscalar(population) else list(population)
    frame = gpd.GeoDataFrame(
        {
            "name": [f"Commune {each}" for each in listed],
            "population": np.array(people, dtype="int64"),
            "geometry": [shapely.union_all(cells) for cells in shapes.values()],
        },
        index=pd.Index(listed, name="code", dtype="str"),
        crs="EPSG:2154",
    )
    return shuffle(frame, seed)


def drawn(picture, population=1_000, seed=0):
    """Make a layer in which each letter is one commune; a dot or a blank is the sea.

    `population` is for all, or one for each letter in the order of the alphabet (capitals first).
    """
    cells = {}
    for row, line in enumerate(rows_of(picture)):
        for column, letter in enumerate(line):
            if letter.isalpha():
                cells.setdefault(code(letter), []).append(_cell(row, column))
    return _layer(dict(sorted(cells.items())), population, seed)


def grid(rows, columns, population=1_000, seed=0):
    """Make a layer of square communes, numbered from 1 by rows."""
    cells = {
        code(row * columns + column + 1): [_cell(row, column)]
        for row in range(rows)
        for column in range(columns)
    }
    return _layer(cells, population, seed)


def zoned(picture, population=1_000, seed=0):
    """Make a zoning of square communes: a letter is a territory, a dot is in none, a blank is sea.

    Communes are numbered from 1 by rows of the picture, the sea not counted.
    """
    cells, labels = {}, {}
    for row, line in enumerate(rows_of(picture)):
        for column, letter in enumerate(line):
            if letter != " ":
                cells[code(len(cells) + 1)] = [_cell(row, column)]
                labels[code(len(cells))] = None if letter == "." else letter
    layer = _layer(cells, population, seed)
    return Zoning.from_labels(shuffle(pd.Series(labels, dtype="object"), seed + 1), communes=layer)


def flows(rows, communes=None, seed=0):
    """Make flows of (residence, destination, patients[, activity])."""
    listed = [(*row, "dermatology") if len(row) == 3 else tuple(row) for row in rows]
    table = pd.DataFrame(listed, columns=["residence", "destination", "patients", "activity"])
    table = table.astype({"residence": "str", "destination": "str", "activity": "str"})
    if not rows:
        table = table.astype({"patients": "int64"})
    return Flows(table=shuffle(table, seed), communes=communes)


def letters(rows, communes=None, seed=0):
    """Make flows of pairs of letters and patients, as ``("AB", 12)``: from A to B."""
    return flows([(code(pair[0]), code(pair[1]), n) for pair, n in rows], communes, seed)


def random_layer(generator, rows, columns, *, sea=0.0, most=9_000, pairs=0.3):
    """Make a random layer: some cells are sea, some are joined to the cell on their right."""
    drowned = generator.random((rows, columns)) < sea
    joined = generator.random((rows, columns)) < pairs
    cells, taken = {}, set()
    for row in range(rows):
        for column in range(columns):
            if drowned[row, column] or (row, column) in taken:
                continue
            own = [(row, column)]
            beside = (row, column + 1)
            if joined[row, column] and column + 1 < columns and not drowned[beside]:
                own.append(beside)
                taken.add(beside)
            cells[code(len(cells) + 1)] = [_cell(*place) for place in own]
    if not cells:
        cells = {code(1): [_cell(0, 0)]}
    population = generator.integers(0, most, len(cells), endpoint=True)
    return _layer(cells, population, int(generator.integers(2**31)))


def random_flows(generator, communes, count=60, most=200, outside=0.1):
    """Make random flows: two activities, repeated pairs, self-flows, places outside, zeros."""
    places = np.array(sorted(communes.index), dtype=object)
    ends = generator.choice(places, (count, 2))
    away = generator.random((count, 2)) < outside
    ends[away] = generator.choice(np.array(OUTSIDE, dtype=object), int(away.sum()))
    patients = generator.integers(0, most, count, endpoint=True)
    activity = generator.choice(["dermatology", "radiology"], count)
    rows = list(zip(ends[:, 0], ends[:, 1], patients.tolist(), activity.tolist(), strict=True))
    return flows(rows, communes, int(generator.integers(2**31)))


def planted(generator, blocks, side, mixing, patients=400):
    """Make a square of blocks by blocks territories, side by side communes each, and its flows.

    The residents of a commune send ``1 - mixing`` of their patients to the middle of their block
    and the rest to the middles of all blocks, as a Poisson draw. Returns layer, flows, truth.
    """
    wide = blocks * side
    layer = grid(wide, wide, population=5_000)
    truth, rows = {}, []
    middles = {
        block: code((block[0] * side + side // 2) * wide + block[1] * side + side // 2 + 1)
        for block in np.ndindex(blocks, blocks)
    }
    for row, column in np.ndindex(wide, wide):
        residence, own = code(row * wide + column + 1), (row // side, column // side)
        truth[residence] = middles[own]
        for block, middle in middles.items():
            share = mixing / len(middles) + (1 - mixing) * (block == own)
            rows.append((residence, middle, int(generator.poisson(patients * share))))
    return layer, flows(rows, layer, int(generator.integers(2**31))), pd.Series(truth)


def borders(communes, bridges=None):
    """Return the contiguity graph of a layer, found without the package: shared length over 0."""
    graph = nx.Graph()
    shapes = communes.geometry.sort_index()
    graph.add_nodes_from(shapes.index)
    for number, (left, shape) in enumerate(shapes.items()):
        for right, other in list(shapes.items())[number + 1 :]:
            if shape.intersection(other).length > 0:
                graph.add_edge(left, right)
    graph.add_edges_from(bridges or ())
    return graph


def package_borders(communes, bridges=None):
    """Return the contiguity graph of a layer as the package finds it."""
    pairs = contiguity(communes, bridges=bridges)
    graph = nx.Graph(list(pairs[["left", "right"]].itertuples(index=False, name=None)))
    graph.add_nodes_from(communes.index)
    return graph


def members(labels):
    """Gather a series of labels into sets of codes, as a set: names do not matter."""
    return {frozenset(group.index) for _, group in labels.groupby(labels)}


@st.composite
def worlds(draw, *, flowing=True):
    """Draw a random layer of 1 to 25 communes, some cells at sea, and random flows."""
    rows, columns = draw(st.sampled_from(SHAPES))
    sea = draw(st.sampled_from([0.0, 0.25]))
    count = draw(st.sampled_from([60, 20, 90, 5, 1 if flowing else 0]))
    most = draw(st.sampled_from([1, 30, 10**6]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layer = random_layer(generator, rows, columns, sea=sea)
    return layer, random_flows(generator, layer, count, most=most)


def with_rows(given, rows, seed=0):
    """Add rows of (residence, destination, patients[, activity]) to flows and shuffle all."""
    more = flows(rows).table
    return Flows(shuffle(pd.concat([given.table, more]), seed), communes=given.communes)


def shuffled_rows(given, seed):
    """Put the rows of flows in another order, and their columns too."""
    columns = np.random.default_rng(seed).permutation(given.table.columns)
    return Flows(shuffle(given.table[list(columns)], seed), communes=given.communes)


def zoning_of(communes, rows):
    """Make a zoning of (letter, territory, weight)."""
    listed = [(code(letter), territory, float(weight)) for letter, territory, weight in rows]
    membership = pd.DataFrame(listed, columns=["code", "territory", "weight"])
    return Zoning(communes=communes, membership=shuffle(membership))


@st.composite
def zonings(draw):
    """Draw a zoning, with shared communes by quarters, and flows."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(3, 4), (4, 4), (2, 3), (1, 3), (1, 1)]))
    communes = random_layer(generator, *shape)
    rows = []
    for each in communes.index:
        chance = generator.random()
        number = 0 if chance < 0.15 else 2 if chance < 0.45 else 1
        names = generator.choice(["north", "east", "south", "west"], number, replace=False)
        rows += zip([each] * number, names.tolist(), [0.75, 0.25][:number], strict=True)
    frame = pd.DataFrame(rows, columns=["code", "territory", "weight"])
    frame["weight"] = frame["weight"].where(frame["code"].duplicated(keep=False), 1.0)
    frame = frame.astype({"code": "str", "territory": "str", "weight": "float64"})
    zoning = Zoning(communes=communes, membership=shuffle(frame))
    count = draw(st.sampled_from([60, 10, 0]))
    return zoning, random_flows(generator, communes, count)
