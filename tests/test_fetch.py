"""Official files, downloaded once: every test asks a server of this very machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import territories as tt
from territories import _download, fetch
from territories._words import Sentence, using
from territories.errors import TerritoriesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIST = (
    "TYPECOM,COM,REG,DEP,CTCD,ARR,TNCC,NCC,NCCENR,LIBELLE,CAN,COMPARENT\n"
    "COM,00001,24,00,00D,001,0,AUBRE,Aubre,Aubre,0001,\n"
    "COM,00002,24,00,00D,001,1,EVELLE,Évelle,L'Évelle,0001,\n"
    "COMD,00003,,,,,0,LOIRAC,Loirac,Loirac,,00002\n"
).encode()
EVENTS = (
    "MOD,DATE_EFF,TYPECOM_AV,COM_AV,TNCC_AV,NCC_AV,NCCENR_AV,LIBELLE_AV,"
    "TYPECOM_AP,COM_AP,TNCC_AP,NCC_AP,NCCENR_AP,LIBELLE_AP\n"
    "32,2024-01-01,COM,00003,0,LOIRAC,Loirac,Loirac,COM,00002,1,EVELLE,Évelle,L'Évelle\n"
    "32,2024-01-01,COM,00002,1,EVELLE,Évelle,L'Évelle,COM,00002,1,EVELLE,Évelle,L'Évelle\n"
).encode()
LOGIN = b"<!DOCTYPE html>\n<html><body>Identifiez-vous</body></html>"
FILES = ("v_commune_2024.csv", "v_mvtcommune_2024.csv")


def feature(code: str, name: str, west: float, population: int | None = 1200) -> dict[str, object]:
    """Make a square commune as the API writes it: what it does not know is not there."""
    ring = [[west, 47.0], [west + 0.1, 47.0], [west + 0.1, 47.1], [west, 47.1], [west, 47.0]]
    properties = {"nom": name, "code": code, "codeDepartement": code[:2]}
    known = {} if population is None else {"population": population}
    return {
        "type": "Feature",
        "properties": properties | known,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def layer(*features: dict[str, object]) -> bytes:
    content = {"type": "FeatureCollection", "features": features}
    return json.dumps(content, ensure_ascii=False).encode()


LAYER = layer(
    feature("45002", "Évelle", 2.1), feature("18001", "Aubre", 2.0), feature("45003", "L", 2.2, 0)
)


@dataclass
class Server:
    """A server of this machine: what it answers at each path, and what it was asked."""

    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    wait: float = 0
    port: int = 0
    scheme: str = "http"

    def address(self, path: str) -> str:
        """Give the address of a path."""
        host = "127.0.0.1" if self.scheme == "http" else "localhost"
        return f"{self.scheme}://{host}:{self.port}{path}"

    def sources(self) -> fetch.Sources:
        """Give the table of sources of this server."""
        common = {"page": "https://www.example.org/page", "licence": "LO", "attribution": "Insee"}
        files = (
            fetch.Source("list", FILES[0], self.address("/liste.csv"), 3, **common),
            fetch.Source("events", FILES[1], self.address("/mvt.csv"), 2, **common),
        )
        address = self.address("/communes?codeRegion={region}")
        communes = fetch.Source("communes", "communes-{region}.geojson", address, 2, **common)
        return fetch.Sources({2023: (), 2024: files}, communes, fetch.SOURCES.regions)


def serve(server: Server, context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            time.sleep(server.wait)
            path = urlsplit(self.path).path if self.path.startswith("http") else self.path
            code, headers, body = server.answers.get(path, (404, {}, b"not here"))
            self.send_response(code)
            if "Transfer-Encoding" not in headers:
                headers = {"Content-Length": str(len(body))} | headers
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_CONNECT(self) -> None:
            server.asked.append(f"CONNECT {self.path}")
            code, headers, body = server.answers["CONNECT"]
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of a client that left: that is what some tests do."""

    running = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        running.socket = context.wrap_socket(running.socket, server_side=True)
    server.port = running.server_address[1]
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    return running


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Forget the proxies of the machine that runs the tests, and its cache."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("TERRITORIES_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server that has the files of the COG and a region's layer."""
    it = Server()
    it.answers = {
        "/liste.csv": (200, {"Content-Type": "text/csv"}, LIST),
        "/mvt.csv": (200, {"Content-Type": "text/csv"}, EVENTS),
        "/communes?codeRegion=24": (200, {"Content-Type": "application/geo+json"}, LAYER),
    }
    running = serve(it)
    yield it
    running.shutdown()
    running.server_close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a certificate for localhost that no authority has signed, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not on this machine: no certificate to test with")
    path = tmp_path_factory.mktemp("certificate") / "localhost.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out", path]
    subprocess.run(["openssl", *words.split(), *names], check=True, capture_output=True)
    key = path.read_bytes()
    if b"PRIVATE KEY" not in key or b"CERTIFICATE" not in key:  # some write one over the other
        pytest.skip("this openssl does not write key and certificate into one file")
    return path


@pytest.fixture
def encrypted(certificate: Path) -> Iterator[Server]:
    """Give a server of https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    it = Server(scheme="https")
    running = serve(it, context)
    yield it
    running.shutdown()
    running.server_close()


def everything(folder: Path) -> set[str]:
    """Name everything below a folder, hidden files and folders too."""
    return {str(each.relative_to(folder)) for each in folder.rglob("*")}


def refused(server: Server, tmp_path: Path, **options: object) -> str:
    """Ask for the COG, expect a refusal that leaves nothing, give its words in French."""
    before = everything(tmp_path)
    with pytest.raises(TerritoriesError) as refusal:
        fetch.cog(2024, sources=server.sources(), **({"timeout": 5} | options))
    assert everything(tmp_path) == before
    for language in ("en", "fr"):
        with using(language):
            words = str(refusal.value)
    for path in ("/liste.csv", "/mvt.csv"):
        assert f"Autre voie : avec votre navigateur, téléchargez {server.address(path)}" in words
    return words


# --- what is downloaded --------------------------------------------------------------------------


def test_cog_puts_both_files_in_the_cache(server: Server, tmp_path: Path) -> None:
    told: list[str] = []
    folder = fetch.cog(2024, sources=server.sources(), tell=told.append)
    assert folder == tmp_path / "cache" / "cog-2024"
    assert everything(folder) == set(FILES)
    assert [(folder / name).read_bytes() for name in FILES] == [LIST, EVENTS]
    assert server.asked == ["/liste.csv", "/mvt.csv"]
    assert told == ["download", "download"]


def test_the_year_by_default_is_the_most_recent(server: Server) -> None:
    assert fetch.cog(sources=server.sources()).name == "cog-2024"
    assert fetch.cog_sources()[0].file == f"v_commune_{max(fetch.SOURCES.cog)}.csv"


def test_a_cached_file_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    """A second call asks nothing, says so, and works when the server is gone."""
    fetch.cog(2024, cache=tmp_path, sources=server.sources())
    server.asked.clear()
    notices: list[Sentence] = []
    again = fetch.cog(2024, cache=tmp_path, sources=server.sources(), notices=notices)
    assert again == tmp_path / "cog-2024"
    assert server.asked == []
    assert [each.key for each in notices] == ["notice.fetch_cached"]
    assert time.strftime("%Y-") in str(notices[0])


def test_half_of_a_pair_is_completed(server: Server, tmp_path: Path) -> None:
    folder = fetch.cog(2024, sources=server.sources())
    (folder / FILES[1]).unlink()
    fetch.cog(2024, sources=server.sources())
    assert everything(folder) == set(FILES)


def test_refresh_downloads_again(server: Server) -> None:
    folder = fetch.cog(2024, sources=server.sources())
    more = LIST + b"COM,00009,24,00,00D,001,0,NEUVE,Neuve,Neuve,0001,\n"
    server.answers["/liste.csv"] = (200, {}, more)
    assert (fetch.cog(2024, sources=server.sources()) / FILES[0]).read_bytes() == LIST
    fetch.cog(2024, sources=server.sources(), refresh=True)
    assert (folder / FILES[0]).read_bytes() == more
    assert everything(folder) == set(FILES)


def test_a_refresh_that_fails_keeps_what_was_there(server: Server, tmp_path: Path) -> None:
    """The list is new and whole, the events fail: the old pair stays, they belong together."""
    folder = fetch.cog(2024, sources=server.sources())
    server.answers["/liste.csv"] = (200, {}, LIST + b"COM,00009,24,00,,,0,N,N,N,,\n")
    server.answers["/mvt.csv"] = (503, {}, b"")
    refused(server, tmp_path, refresh=True)
    assert [(folder / name).read_bytes() for name in FILES] == [LIST, EVENTS]


def test_communes_are_read_by_read_communes(server: Server, tmp_path: Path) -> None:
    path = fetch.communes("24", sources=server.sources())
    assert path == tmp_path / "cache" / "communes" / "communes-24.geojson"
    read = tt.read_communes(path)
    assert read.index.tolist() == ["18001", "45002", "45003"]
    assert read["name"].tolist() == ["Aubre", "Évelle", "L"]
    assert read["population"].tolist() == [1200, 1200, 0]


@pytest.mark.parametrize("region", ["24", "Centre-Val de Loire", "centre val de loire"])
def test_a_region_is_named_by_code_or_name(server: Server, region: str) -> None:
    assert fetch.communes(region, sources=server.sources()).name == "communes-24.geojson"


def test_regions_share_a_folder(server: Server) -> None:
    """One region's file does not replace another's."""
    server.answers["/communes?codeRegion=01"] = (200, {}, LAYER)
    folder = fetch.communes("24", sources=server.sources()).parent
    fetch.communes("1", sources=server.sources())
    assert everything(folder) == {"communes-01.geojson", "communes-24.geojson"}


def test_communes_that_the_source_does_not_know_whole_are_named(server: Server) -> None:
    """A commune re-established this year has no population yet in the API."""
    no_outline = {**feature("45005", "Sans", 2.4), "geometry": None}
    features = [feature(f"4501{each}", "N", 3.0 + each) for each in range(3)]
    server.answers["/communes?codeRegion=24"] = (
        200,
        {},
        layer(feature("45004", "Celle", 2.3, None), no_outline, *features),
    )
    notices: list[Sentence] = []
    fetch.communes("24", sources=server.sources(), notices=notices)
    assert "45004 Celle, 45005 Sans" in str(notices[0])


def test_an_answer_in_pieces_is_put_together(server: Server, tmp_path: Path) -> None:
    pieces = b"".join(b"%x\r\n%s\r\n" % (1, LIST[at : at + 1]) for at in range(len(LIST)))
    chunked = {"Transfer-Encoding": "chunked"}
    server.answers["/liste.csv"] = (200, chunked, pieces + b"0\r\n\r\n")
    folder = fetch.cog(2024, sources=server.sources())
    assert (folder / FILES[0]).read_bytes() == LIST


def test_the_real_files_are_what_is_expected(shared_data: Path, server: Server) -> None:
    """INSEE's own files of 2024 pass, with the numbers of rows of the real table."""
    france = shared_data / "france"
    files = [(france / name).read_bytes() for name in FILES]
    for path, content in zip(("/liste.csv", "/mvt.csv"), files, strict=True):
        server.answers[path] = (200, {}, content)
    real = fetch.SOURCES.cog[2024]
    table = server.sources()
    strict = tuple(
        fetch.Source(each.kind, each.file, each.address, rows.rows)
        for each, rows in zip(table.cog[2024], real, strict=True)
    )
    folder = fetch.cog(2024, sources=fetch.Sources({2024: strict}, table.communes, table.regions))
    assert [(folder / name).read_bytes() for name in FILES] == files


def test_a_whole_region_in_the_form_of_the_api(cvl: Path, server: Server) -> None:
    """The communes of Centre-Val de Loire, under the names that the API gives its fields."""
    content = json.loads((cvl / "communes_cvl_2024.geojson").read_text(encoding="utf-8"))
    for each in content["features"]:
        given = each["properties"]
        known = {"nom": given["nom"], "code": given["code"], "population": given["pop2021"]}
        each["properties"] = {**known, "codeDepartement": given["dep"]}
    body = json.dumps(content, ensure_ascii=False).encode()
    server.answers["/communes?codeRegion=24"] = (200, {}, body)
    communes = tt.read_communes(fetch.communes("24", sources=server.sources()))
    assert len(communes) == 1756
    assert communes["population"].sum() == 2_573_303


# --- what is refused, leaving nothing ------------------------------------------------------------


def test_unknown_year_and_region(server: Server, tmp_path: Path) -> None:
    with pytest.raises(TerritoriesError, match=r"COG of 1999.*2023, 2024"):
        fetch.cog(1999, sources=server.sources())
    with pytest.raises(TerritoriesError, match=r"'Aubrelle'.*24 Centre-Val de Loire"):
        fetch.communes("Aubrelle", sources=server.sources())
    assert server.asked == []
    assert everything(tmp_path) == set()


@pytest.mark.parametrize("code", [404, 410])
def test_gone(server: Server, tmp_path: Path, code: int) -> None:
    server.answers["/mvt.csv"] = (code, {}, b"gone")
    words = refused(server, tmp_path)
    assert f"n'est plus à cette adresse (code {code})" in words
    assert "https://www.example.org/page" in words
    assert server.address("/mvt.csv") in words
    assert f"sous le nom {FILES[1]}, à côté de {FILES[0]}" in words


@pytest.mark.parametrize("code", [403, 429, 500, 503])
def test_the_server_refuses_or_fails(server: Server, tmp_path: Path, code: int) -> None:
    server.answers["/liste.csv"] = (code, {}, LIST)
    words = refused(server, tmp_path)
    assert f"(code {code})" in words
    assert "--cog-table" in words


def test_a_truncated_answer(server: Server, tmp_path: Path) -> None:
    """Whole rows are missing: the length that was announced tells."""
    for path, whole in (("/mvt.csv", EVENTS), ("/liste.csv", LIST)):
        cut = whole[: whole.rindex(b"\n", 0, -1) + 1]
        server.answers[path] = (200, {"Content-Length": str(len(whole))}, cut)
        assert "127.0.0.1 : la réponse est incomplète" in refused(server, tmp_path)


def test_a_truncated_answer_in_pieces(server: Server, tmp_path: Path) -> None:
    cut = b"%x\r\n%s\r\n" % (len(LIST), LIST)
    server.answers["/liste.csv"] = (200, {"Transfer-Encoding": "chunked"}, cut)
    assert "la réponse est incomplète" in refused(server, tmp_path)


@pytest.mark.parametrize("blank", [b"", b"\xef\xbb\xbf", b"\r\n  "])
def test_a_web_page_is_not_the_file(server: Server, tmp_path: Path, blank: bytes) -> None:
    """Hotels, trains and some proxies answer 200 with a page to sign in."""
    server.answers["/liste.csv"] = (200, {"Content-Type": "text/html"}, blank + LOGIN)
    assert "a répondu par une page web" in refused(server, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ok",
        b"\0\1\2\3",
        LIST.splitlines(keepends=True)[0],
        b"".join(LIST.splitlines(keepends=True)[:3]),  # one row less than the least
        LIST.replace(b"TYPECOM,COM", b"TYPE,CODE"),
        EVENTS,
        LIST + b"COM,0000",
    ],
)
def test_a_list_that_is_not_the_list(server: Server, tmp_path: Path, content: bytes) -> None:
    server.answers["/liste.csv"] = (200, {}, content)
    words = refused(server, tmp_path)
    assert "n'est pas celui attendu (au moins 3 lignes ; colonnes TYPECOM, COM" in words


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b'{"error": "x"}',
        b"[" * 100_000,
        LAYER[:-5],
        layer(),
        layer(feature("45002", "Évelle", 2.1)),
        layer({"type": "Feature"}, {"type": "Feature"}),
        layer(*(feature(f"4500{each}", "N", each, None) for each in range(4))),
        LAYER.replace(b'"code"', b'"codes"'),
        LAYER.replace(b"FeatureCollection", b"Features"),
        LAYER.replace(b"Polygon", b"Point"),
        LAYER.decode().encode("cp1252"),
    ],
)
def test_a_layer_that_is_not_the_layer(server: Server, tmp_path: Path, content: bytes) -> None:
    server.answers["/communes?codeRegion=24"] = (200, {}, content)
    with pytest.raises(TerritoriesError, match="not the one expected") as refusal:
        fetch.communes("24", sources=server.sources())
    assert "save it as communes-24.geojson and give its path with --communes" in str(refusal.value)
    assert everything(tmp_path) == set()


def test_a_redirection_to_http_is_refused(server: Server, tmp_path: Path) -> None:
    """Not even from http: a table of sources that says https would be fooled alike."""
    server.answers["/liste.csv"] = (302, {"Location": server.address("/mvt.csv")}, b"")
    assert "une adresse qui n'est pas chiffrée" in refused(server, tmp_path)
    assert server.asked == ["/liste.csv"]


@pytest.mark.parametrize("place", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x"])
def test_a_redirection_to_something_else_is_refused(
    server: Server, tmp_path: Path, place: str
) -> None:
    server.answers["/liste.csv"] = (302, {"Location": place}, b"")
    refused(server, tmp_path)


@pytest.mark.parametrize(
    "address",
    ["http://www.insee.fr/liste.csv", "file:///etc/hostname", "http://127.0.0.1.evil.test/"],
)
def test_only_encrypted_addresses(tmp_path: Path, address: str) -> None:
    with pytest.raises(TerritoriesError, match="only https addresses"):
        _download.download(address, tmp_path / "file")
    assert everything(tmp_path) == set()


def test_the_real_table_is_of_https_addresses_of_the_state() -> None:
    """Each source says where it comes from, and on what terms."""
    listed = [each for pair in fetch.SOURCES.cog.values() for each in pair]
    for each in [*listed, *(fetch.layer_source(code) for code in fetch.SOURCES.regions)]:
        parts = urlsplit(each.address)
        assert parts.scheme == "https"
        assert parts.hostname in ("www.insee.fr", "geo.api.gouv.fr")
        assert "{" not in each.address + each.file
        assert all((each.page.startswith("https://"), each.licence, each.attribution, each.rows))
    for year, pair in fetch.SOURCES.cog.items():
        assert all(str(year) in each.address and str(year) in each.file for each in pair)
    assert len(fetch.SOURCES.regions) == 18


def test_an_answer_out_of_proportion(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_download, "LARGEST", 100)
    assert "démesurée" in refused(server, tmp_path)


def test_a_server_that_keeps_silent(server: Server, tmp_path: Path) -> None:
    server.wait = 1
    words = refused(server, tmp_path, timeout=0.2)
    assert "pas de réponse en 0.2 secondes" in words


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = Server(port=free.getsockname()[1])
    assert "127.0.0.1 : connexion impossible ou coupée" in refused(dead, tmp_path)


def test_a_name_that_is_not_found(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_found(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", not_found)
    words = refused(server, tmp_path)
    assert "adresse introuvable. Vérifiez la connexion à Internet" in words


# --- proxies and certificates --------------------------------------------------------------------


def test_a_proxy_that_is_dead(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy is named, its password is not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = free.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://ana:s3cret@127.0.0.1:{dead}")
    words = refused(server, tmp_path)
    assert f"Le proxy 127.0.0.1:{dead} ne répond pas" in words
    assert "s3cret" not in words
    assert server.asked == []


def test_a_proxy_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server(answers=dict(server.answers))
    running = serve(proxy)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    fetch.cog(2024, sources=server.sources())
    running.shutdown()
    running.server_close()
    assert proxy.asked == [server.address("/liste.csv"), server.address("/mvt.csv")]
    assert server.asked == []


def test_a_proxy_that_asks_who_one_is(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = (407, {"Proxy-Authenticate": 'Basic realm="x"', "Content-Length": "0"}, b"")
    proxy = Server(answers={"/liste.csv": asks, "CONNECT": asks})
    running = serve(proxy)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
    for one in (server, Server(scheme="https", port=443)):
        words = refused(one, tmp_path)
        assert f"Le proxy 127.0.0.1:{proxy.port} demande une identification" in words
        assert "HTTPS_PROXY=http://utilisateur:motdepasse@serveur:port" in words
    proxy.answers["CONNECT"] = (403, {"Content-Length": "0"}, b"")
    assert "refuse localhost (code 403)" in refused(Server(scheme="https", port=443), tmp_path)
    running.shutdown()
    running.server_close()
    assert proxy.asked[1:] == ["CONNECT localhost:443"] * 2


def test_a_certificate_that_nobody_knows(
    encrypted: Server,
    server: Server,
    tmp_path: Path,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The way out that the message gives is one: with SSL_CERT_FILE it works."""
    encrypted.answers = server.answers
    words = refused(encrypted, tmp_path)
    assert "Le certificat de localhost n'est pas reconnu" in words
    assert "SSL_CERT_FILE" in words
    assert encrypted.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert everything(fetch.cog(2024, sources=encrypted.sources())) == set(FILES)


def test_redirections_between_encrypted_addresses(
    encrypted: Server,
    server: Server,
    tmp_path: Path,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From https to https it is followed; from https down to http it is not."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    encrypted.answers = dict(server.answers)
    encrypted.answers["/moved.csv"] = server.answers["/liste.csv"]
    encrypted.answers["/liste.csv"] = (301, {"Location": encrypted.address("/moved.csv")}, b"")
    fetch.cog(2024, sources=encrypted.sources())
    encrypted.answers["/liste.csv"] = (301, {"Location": server.address("/liste.csv")}, b"")
    assert "n'est pas chiffrée" in refused(encrypted, tmp_path, refresh=True)
    assert server.asked == []


def test_redirections_in_circles(
    encrypted: Server, tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    encrypted.answers["/liste.csv"] = (302, {"Location": "/liste.csv"}, b"")
    assert "(code 302)" in refused(encrypted, tmp_path)
    assert len(encrypted.asked) < 12


# --- the disk ------------------------------------------------------------------------------------


def test_a_cache_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    words = refused(server, tmp_path, cache=tmp_path / "file" / "cache")
    assert "impossible d'y écrire" in words
    assert "--cache ou TERRITORIES_CACHE" in words
    assert server.asked == []


def test_a_full_disk(server: Server, tmp_path: Path) -> None:
    """The system refuses to write more in the middle of a file."""
    resource = pytest.importorskip("resource", reason="this system has no limit on file sizes")
    server.answers["/mvt.csv"] = (200, {}, EVENTS + EVENTS.splitlines(keepends=True)[1] * 5000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        words = refused(server, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "impossible d'y écrire" in words


def test_an_interruption_leaves_nothing(server: Server, tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        if server.asked:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.cog(2024, sources=server.sources(), tell=interrupt)
    assert server.asked == ["/liste.csv"]
    assert everything(tmp_path) == set()


def test_files_are_plain(server: Server) -> None:
    """What the user's other programs may read."""
    folder = fetch.cog(2024, sources=server.sources())
    beside = folder / "beside"
    beside.write_text("")
    assert {(folder / name).stat().st_mode for name in FILES} == {beside.stat().st_mode}


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert fetch.cache_folder(tmp_path) == tmp_path
    assert fetch.cache_folder() == Path(os.environ["TERRITORIES_CACHE"])
    monkeypatch.delenv("TERRITORIES_CACHE")
    assert fetch.cache_folder().is_absolute()
    assert "territories" in str(fetch.cache_folder())


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def commands(server: Server, cli: Callable, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Give the command line, whose sources are those of the test's server."""
    monkeypatch.setattr(fetch, "SOURCES", server.sources())
    return cli


def test_the_command_says_what_to_give(commands: Callable, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "cog-2024"
    told = commands("fetch", "cog", "--year", 2024)
    assert told.code == 0
    assert told.err == ""  # no progress where nobody looks
    assert told.out.splitlines() == [
        f'Liste des communes : --cog-table "{folder / FILES[0]}"',
        f'Événements depuis 1943 : "{folder / FILES[1]}"',
        "Source à citer : Insee. Licence : LO. https://www.example.org/page",
    ]
    again = commands("fetch", "cog")
    assert "déjà téléchargé le" in again.out
    assert again.out.endswith(told.out)


def test_the_command_for_communes(commands: Callable, server: Server, tmp_path: Path) -> None:
    words = ("fetch", "communes", "--region", "24", "--cache", tmp_path / "here", "--lang", "en")
    told = commands(*words)
    assert told.code == 0
    path = tmp_path / "here" / "communes" / "communes-24.geojson"
    assert told.out.startswith(f'Layer of communes: --communes "{path}"\nSource to quote: Insee.')
    assert commands("check", path).code == 0
    assert commands(*words, "--refresh").code == 0
    assert server.asked == ["/communes?codeRegion=24"] * 2


def test_the_command_refuses(commands: Callable, server: Server, tmp_path: Path) -> None:
    server.answers.clear()
    told = commands("fetch", "cog")
    assert told.code == 1
    assert told.out == ""
    assert "n'est plus à cette adresse (code 404)" in told.err
    assert "Autre voie" in told.err
    assert commands("fetch", "cog", "--year", 1999).code == 1
    assert commands("fetch", "communes", "--region", "?").code == 1
    assert everything(tmp_path) == set()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fetch", "communes"), "l'option --region manque"),
        (("fetch", "cog", "--region", "24"), "--region ne concerne pas « fetch cog »"),
        (("fetch", "communes", "--region", "24", "--year", "2024"), "--year ne concerne pas"),
        (("fetch", "epci"), "fetch : choisissez parmi cog, communes"),
        (("fetch", "cog", "--year", "l'an dernier"), "--year : un nombre entier"),
        (("fetch",), "choisissez parmi cog, communes"),
    ],
)
def test_wrong_usage(commands: Callable, server: Server, words: tuple[str, ...], said: str) -> None:
    told = commands(*words)
    assert told.code == 2
    assert said in told.err
    assert "territories fetch --help" in told.err
    assert server.asked == []


@pytest.mark.parametrize(("language", "title"), [("fr", "Exemples :"), ("en", "Examples:")])
def test_help_has_examples(cli: Callable, language: str, title: str) -> None:
    told = cli("fetch", "--lang", language, "--help")
    assert told.code == 0
    lines = [line.strip() for line in told.out.splitlines()]
    assert title in lines
    assert "territories fetch communes --region 24" in lines
    for option in ("--year", "--region", "--cache", "--refresh", "--lang"):
        assert option in told.out


def test_the_core_does_not_know_the_network() -> None:
    """Reading, computing and drawing must work where there is none."""
    package = Path(tt.__file__).parent
    for path in package.glob("*.py"):
        if path.name not in ("_download.py", "cli.py", "fetch.py"):
            text = path.read_text(encoding="utf-8")
            assert "urllib" not in text.replace("from urllib.parse import unquote", "")
            assert "_download" not in text
            assert "import fetch" not in text
