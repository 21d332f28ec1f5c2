"""Official files downloaded once, so that all the rest is done without network."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from territories._download import TIMEOUT, download, host_of
from territories._heads import plain
from territories._tables import read_table
from territories._words import Sentence
from territories._writing import incomplete, whole_folder
from territories.errors import InputError, TerritoriesError, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PathLike = str | Path

_LISTED: Final = 5
_COLUMNS: Final = {
    "list": ("TYPECOM", "COM", "REG", "DEP", "LIBELLE", "COMPARENT"),
    "events": ("MOD", "DATE_EFF", "TYPECOM_AV", "COM_AV", "TYPECOM_AP", "COM_AP"),
    "communes": ("code", "nom", "population"),
}
_OPTIONS: Final = {"list": "--cog-table", "communes": "--communes"}
_SURFACES: Final = ("Polygon", "MultiPolygon")


@dataclass(frozen=True)
class Source:
    """A file of an official source.

    Attributes
    ----------
    kind
        ``"list"`` (INSEE's list of communes), ``"events"`` (its events since 1943) or
        ``"communes"`` (a layer).
    file
        Its name in the cache.
    address
        Where it is; https, or this machine.
    rows
        The least number of rows of such a file: fewer are not it.
    page, licence, attribution
        What to quote.
    """

    kind: str
    file: str
    address: str
    rows: int
    page: str = ""
    licence: str = ""
    attribution: str = ""


@dataclass(frozen=True)
class Sources:
    """The table of sources.

    Attributes
    ----------
    cog
        For each year, the list of communes and the events.
    communes
        The layer of a region, ``{region}`` standing for its code in the address and the file.
    regions
        The name of each region, by code.
    """

    cog: Mapping[int, tuple[Source, ...]]
    communes: Source
    regions: Mapping[str, str]


def _loaded() -> Sources:
    place = resources.files("territories") / "sources.toml"
    table = tomllib.loads(place.read_text(encoding="utf-8"))
    cog, layer = table["cog"], table["communes"]
    # INSEE has named these files in four ways; in the cache they have the name of METHOD.
    names = {"list": "v_commune_{}.csv", "events": "v_mvtcommune_{}.csv"}
    return Sources(
        cog={
            int(year): tuple(
                Source(
                    kind=kind,
                    file=name.format(year),
                    address=each[kind],
                    rows=cog[f"{kind}_rows"],
                    page=each["page"],
                    licence=cog["licence"],
                    attribution=f"{cog['attribution']} {year}",
                )
                for kind, name in names.items()
            )
            for year, each in cog["years"].items()
        },
        communes=Source(
            kind="communes",
            file="communes-{region}.geojson",
            **{name: layer[name] for name in ("address", "rows", "page", "licence", "attribution")},
        ),
        regions=layer["regions"],
    )


SOURCES: Final = _loaded()


def cache_folder(cache: PathLike | None = None) -> Path:
    """Return the folder of downloaded files: the one given, TERRITORIES_CACHE, or the user's own.

    Examples
    --------
    >>> cache_folder("downloads").as_posix()
    'downloads'
    """
    chosen = cache or os.environ.get("TERRITORIES_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("territories", appauthor=False)


def cog(
    year: int | None = None,
    *,
    cache: PathLike | None = None,
    refresh: bool = False,
    sources: Sources = SOURCES,
    timeout: float = TIMEOUT,
    notices: list[Sentence] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Download INSEE's list of communes of a year, and the events of communes since 1943.

    Parameters
    ----------
    year
        Year of the COG; by default the most recent of the table.
    cache
        Folder of downloaded files (see `cache_folder`).
    refresh
        Download again what is in the cache.
    sources
        Table of addresses.
    timeout
        Seconds to wait for an answer.
    notices
        What is worth knowing is added to it.
    tell
        Told the stage under way, before each file.

    Returns
    -------
    Path
        Folder of ``v_commune_AAAA.csv`` and ``v_mvtcommune_AAAA.csv``; both are there, or neither.

    Raises
    ------
    TerritoriesError
        If a file cannot be had; the message says why and how to get it by hand. The cache is then
        as it was.

    References
    ----------
    INSEE, Code officiel géographique; Licence Ouverte 2.0.
    """
    files = cog_sources(year, sources)
    folder = cache_folder(cache) / f"cog-{max(sources.cog) if year is None else year}"
    return _cached(folder, files, refresh=refresh, timeout=timeout, notices=notices, tell=tell)


def communes(
    region: str,
    *,
    cache: PathLike | None = None,
    refresh: bool = False,
    sources: Sources = SOURCES,
    timeout: float = TIMEOUT,
    notices: list[Sentence] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Download the layer of communes of a region: outlines, names, populations.

    Codes are those of the COG in force on the day of the download.

    Parameters
    ----------
    region
        Code (``"24"``) or name.
    cache, refresh, sources, timeout, notices, tell
        As in `cog`. A notice names the communes for which the source has no population or outline.

    Returns
    -------
    Path
        A GeoJSON file for `read_communes`: `code`, `nom`, `population`, `codeDepartement`.

    Raises
    ------
    TerritoriesError
        If the region is unknown, or the file cannot be had.

    References
    ----------
    API Découpage administratif (geo.api.gouv.fr), DINUM.
    """
    source = layer_source(region, sources)
    folder = cache_folder(cache) / "communes"
    _cached(folder, (source,), refresh=refresh, timeout=timeout, notices=notices, tell=tell)
    return folder / source.file


def cog_sources(year: int | None = None, sources: Sources = SOURCES) -> tuple[Source, ...]:
    """Return the list of communes and the events of a year, by default the most recent.

    Examples
    --------
    >>> [each.file for each in cog_sources(2024)]
    ['v_commune_2024.csv', 'v_mvtcommune_2024.csv']
    """
    latest = max(sources.cog)
    chosen = latest if year is None else year
    if chosen not in sources.cog:
        years = ", ".join(str(each) for each in sorted(sources.cog))
        page = sources.cog[latest][0].page
        raise InputError(fault("fetch_year", year=str(chosen), values=years, page=page))
    return sources.cog[chosen]


def layer_source(region: str, sources: Sources = SOURCES) -> Source:
    """Return the source of a region's layer, the region being given by its code or its name.

    Examples
    --------
    >>> layer_source("centre val de loire").file
    'communes-24.geojson'
    """
    names = {plain(name): code for code, name in sources.regions.items()}
    wanted = plain(str(region))
    code = names.get(wanted, wanted.zfill(2))
    if code not in sources.regions:
        known = ", ".join(f"{each} {name}" for each, name in sources.regions.items())
        raise InputError(fault("fetch_region", value=str(region), values=known))
    layer = sources.communes
    return replace(
        layer,
        file=layer.file.format(region=code),
        address=layer.address.format(region=code),
    )


def _cached(
    folder: Path,
    sources: tuple[Source, ...],
    *,
    refresh: bool,
    timeout: float,
    notices: list[Sentence] | None,
    tell: Callable[[str], None] | None,
) -> Path:
    """Put the files in the folder, all or none, unless they are there."""
    noted = [] if notices is None else notices
    names = tuple(each.file for each in sources)
    with _disk(folder, sources):
        here = all((folder / name).is_file() for name in names)
        if here and not refresh and not set(names) & set(incomplete(folder)):
            written = (folder / names[0]).stat().st_mtime
            day = dt.datetime.fromtimestamp(written, tz=dt.UTC).astimezone().date()
            noted.append(Sentence("notice.fetch_cached", {"day": day.isoformat()}))
            return folder
        with whole_folder(folder, names, overwrite=True, given=True) as draft:
            for each in sources:
                if tell is not None:
                    tell("download")
                try:
                    download(each.address, draft / each.file, page=each.page, timeout=timeout)
                    noted += _checked(each, draft / each.file)
                except TerritoriesError as refusal:
                    raise TerritoriesError(*refusal.faults, *_by_hand(sources)) from refusal
    return folder


@contextlib.contextmanager
def _disk(folder: Path, sources: tuple[Source, ...]) -> Iterator[None]:
    """Say where else to write, when the disk refuses."""
    try:
        yield
    except (InputError, OSError) as problem:  # the network's refusals are no InputError
        words = getattr(problem.__cause__ or problem, "strerror", None) or str(problem)
        raise TerritoriesError(
            fault("fetch_cache", file=str(folder), problem=words),
            *_by_hand(sources),
        ) from problem


def _by_hand(sources: tuple[Source, ...]) -> list[Sentence]:
    """Say how to get the files with a browser; all of them, since none was kept."""
    first, *others = sources
    names = {"address": first.address, "file": first.file}
    return [
        fault("fetch_by_hand", option=_OPTIONS[first.kind], **names),
        *(
            fault("fetch_by_hand_beside", address=each.address, file=each.file, beside=first.file)
            for each in others
        ),
    ]


def _checked(source: Source, path: Path) -> list[Sentence]:
    """Refuse a file that is not what it should be; return what is worth knowing about it."""
    with path.open("rb") as handle:
        if handle.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise TerritoriesError(fault("fetch_html", host=host_of(source.address)))
    gaps: list[str] = []
    try:
        if source.kind == "communes":
            rows, gaps = _layer(path)
        else:
            table = read_table(path).frame
            rows = len(table) if set(_COLUMNS[source.kind]) <= set(table.columns) else 0
    except (InputError, ValueError, RecursionError):
        rows = 0
    if rows < source.rows or 2 * len(gaps) > rows:
        columns = ", ".join(_COLUMNS[source.kind])
        raise TerritoriesError(
            fault("fetch_content", host=host_of(source.address), columns=columns, rows=source.rows)
        )
    if not gaps:
        return []
    listed = ", ".join(gaps[:_LISTED]) + (", …" if len(gaps) > _LISTED else "")
    return [Sentence("notice.fetch_gaps", {"values": listed})]


def _layer(path: Path) -> tuple[int, list[str]]:
    """Count the communes of a GeoJSON; name those without population or outline."""
    content: Any = json.loads(path.read_text(encoding="utf-8"))
    try:
        if content["type"] != "FeatureCollection":
            return 0, []
        features = content["features"]
        gaps = [
            f"{each['properties']['code']} {each['properties']['nom']}"
            for each in features
            if each["properties"].get("population") is None
            or (each.get("geometry") or {}).get("type") not in _SURFACES
        ]
        known = all(each["properties"]["code"] and each["properties"]["nom"] for each in features)
    except (AttributeError, KeyError, TypeError):
        return 0, []
    return (len(features), sorted(gaps)) if known else (0, [])
