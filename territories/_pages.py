"""What all pages share: data that stay in their element, a policy that names each inline part."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Stands in a page for its policy, which is known once the page is whole.
PLACE: Final = "POLICY-OF-THE-PAGE"

# Types of script elements that hold code; the others hold data.
_CODE: Final = ("", "text/javascript", "application/javascript", "module")


def embedded(data: Mapping[str, object]) -> str:
    """Write JSON that cannot leave its script element, whatever the names in it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def sealed(page: str) -> str:
    """Put the policy of a whole page where `PLACE` stands in it."""
    return page.replace(PLACE, policy(page), 1)


def policy(page: str, *, hosts: Iterable[str] = ()) -> str:
    """Return the content security policy of a page: nothing but what is written in it.

    Parameters
    ----------
    page
        The whole page. Each of its inline scripts and styles is allowed by its hash, so that
        nothing that gets in later, from a name or a file, is run.
    hosts
        From which images may come, besides those in the page.
    """
    parts = _Inline()
    parts.feed(page)
    parts.close()
    found = {
        "script-src": _hashes(parts.found["script"]),
        "style-src": _hashes(parts.found["style"]),
        "img-src": ["data:", *hosts],
    }
    allowed = "; ".join(f"{name} {' '.join(values)}" for name, values in found.items() if values)
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hashes(texts: Iterable[str]) -> list[str]:
    # A browser reads every end of line as one sign.
    plain = {re.sub("\r\n?", "\n", text).encode() for text in texts}
    found = (base64.b64encode(hashlib.sha256(each).digest()).decode() for each in plain)
    return [f"'sha256-{each}'" for each in sorted(found)]


class _Inline(HTMLParser):
    """Gathers the inline scripts and styles of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: dict[str, list[str]] = {"script": [], "style": []}
        self._open: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        code = tag == "style" or (named.get("type") or "").lower() in _CODE
        if tag in self.found and code and "src" not in named:
            self._open = self.found[tag]
            self._open.append("")

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in self.found:
            self._open = None
