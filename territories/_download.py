"""One file from one address: encrypted, verified, whole; or a refusal that says why."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, TYPE_CHECKING, Final

from territories.errors import TerritoriesError, fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from territories._words import Sentence

TIMEOUT: Final = 30.0  # seconds without an answer
LARGEST: Final = 300 * 2**20  # bytes; the layer of a region is some tens of millions
_PIECE: Final = 2**16
_PROXY_ASKS: Final = 407
_GONE: Final = (404, 410)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to an encrypted address."""

    def redirect_request(  # noqa: PLR0917 - urllib's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Refuse what is not https."""
        if urllib.parse.urlsplit(newurl).scheme != "https":
            fp.close()
            raise TerritoriesError(fault("fetch_redirect", host=host_of(req.full_url)))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(address: str, target: Path, *, page: str = "", timeout: float = TIMEOUT) -> None:
    """Write the bytes of an address to a file, all of them.

    Certificates are verified and the system's proxies used (HTTPS_PROXY): urllib's default.

    Parameters
    ----------
    address
        https, or http on this very machine (127.0.0.1).
    target
        Written as bytes come: after a refusal it is not whole.
    page
        Where a person may look for the file.
    timeout
        Seconds to wait for the connection, and for each piece.

    Raises
    ------
    TerritoriesError
        If the address does not answer, refuses, or its answer is not whole.
    OSError
        If the disk refuses.
    """
    parts = urllib.parse.urlsplit(address)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "127.0.0.1"):
        raise TerritoriesError(fault("fetch_address", address=address))
    opener = urllib.request.build_opener(_Redirects)
    request = urllib.request.Request(address, headers={"User-Agent": "territories"})  # noqa: S310 - the scheme is checked above
    host = host_of(address)
    received = 0
    with _refusals(address, page, timeout):
        response = opener.open(request, timeout=timeout)
    with response, target.open("wb") as handle:
        expected = response.length
        while True:
            with _refusals(address, page, timeout):
                piece = response.read1(_PIECE)
            if not piece:
                break
            received += len(piece)
            if received > LARGEST:
                raise TerritoriesError(fault("fetch_too_large", host=host))
            handle.write(piece)
    if expected is not None and received != expected:
        raise TerritoriesError(fault("fetch_truncated", host=host))


def host_of(address: str) -> str:
    """Return the name of the machine of an address.

    Examples
    --------
    >>> host_of("https://geo.api.gouv.fr/communes?codeRegion=24")
    'geo.api.gouv.fr'
    """
    return urllib.parse.urlsplit(address).hostname or address


def proxy_of(address: str) -> str:
    """Return the proxy that an address goes through, without its password; empty if none."""
    parts = urllib.parse.urlsplit(address)
    given = urllib.request.getproxies().get(parts.scheme)
    if not given or urllib.request.proxy_bypass(parts.netloc):
        return ""
    return given.rpartition("@")[2].rpartition("//")[2].rstrip("/")


@contextlib.contextmanager
def _refusals(address: str, page: str, timeout: float) -> Iterator[None]:
    """Turn what the network refuses into one clear message."""
    try:
        yield
    except urllib.error.HTTPError as problem:
        problem.close()
        raise TerritoriesError(_status(problem.code, address, page)) from problem
    except (OSError, http.client.HTTPException, ValueError) as problem:
        raise TerritoriesError(_reason(problem, address, timeout)) from problem


def _status(code: int, address: str, page: str) -> Sentence:
    """Say what an answer that is not the file means."""
    host = host_of(address)
    if code == _PROXY_ASKS:
        return fault("fetch_proxy_asks", proxy=proxy_of(address), host=host)
    key = "fetch_gone" if code in _GONE else "fetch_status"
    return fault(key, host=host, code=str(code), page=page)


def _reason(problem: Exception, address: str, timeout: float) -> Sentence:
    """Say what kept an answer from coming."""
    host, proxy = host_of(address), proxy_of(address)
    reason = problem.reason if isinstance(problem, urllib.error.URLError) else problem
    tunnel = re.search(r"Tunnel connection failed: ([0-9]+)", str(reason))
    if tunnel:
        key = "fetch_proxy_asks" if int(tunnel[1]) == _PROXY_ASKS else "fetch_proxy_refuses"
        return fault(key, proxy=proxy, host=host, code=tunnel[1])
    if isinstance(reason, ssl.SSLCertVerificationError):
        return fault("fetch_certificate", host=host, problem=reason.verify_message)
    if isinstance(reason, TimeoutError):
        return fault("fetch_timeout", host=host, seconds=f"{timeout:g}")
    if isinstance(reason, http.client.IncompleteRead):
        return fault("fetch_truncated", host=host)
    # Not the text of the problem: it may quote the password of a proxy.
    words = getattr(reason, "strerror", None) or type(reason).__name__
    if proxy:
        return fault("fetch_proxy_unreachable", proxy=proxy, problem=words)
    key = "fetch_no_name" if isinstance(reason, socket.gaierror) else "fetch_unreachable"
    return fault(key, host=host, problem=words)
