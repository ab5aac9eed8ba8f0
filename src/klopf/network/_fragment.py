"""What may stand in a page as a part of it: HTML or SVG that is whole, loads nothing and runs nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

__all__ = ["Fragment", "fault_of"]

_TAGS = frozenset(
    re.findall(
        r"\w+",
        "a abbr b bdi bdo blockquote br caption cite code col colgroup dd del details dfn div dl dt em "
        "figcaption figure h1 h2 h3 h4 h5 h6 hr i ins kbd li mark meter ol p pre progress q rp rt ruby s samp "
        "section small span strong sub summary sup table tbody td tfoot th thead time tr u ul var wbr article "
        "aside header footer address svg circle clippath defs desc ellipse g line lineargradient marker mask "
        "path pattern polygon polyline radialgradient rect stop symbol text textpath title tspan",
    )
)
"""What a fragment may be made of: whatever is not here may load or run something, move, or end the page."""
_WORDS = ("title", "class", "id", "abbr", "aria-label")
"""Attributes that are nothing but text."""
_LONGEST = 5_000_000
_STYLE = re.compile(
    r"url\(|\\|/\*|@|image|position|z-index|inset|trans|rotate|scale|animation|content\s*:|margin[^;]*-\s*[\d.]"
)
"""In a style: what loads something, hides what it does, or lies over the rest of the page."""
_WITHOUT_END = set(
    ["br", "hr", "path", "circle", "rect", "line", "polyline", "polygon", "col", "th", "td", "tr", "p", "li"]
)
_LEADING = ("href", "src", "srcset", "action", "formaction", "data", "poster", "background", "ping")


def fault_of(shown: Any) -> str | None:
    """What is wrong with a fragment, in a few words; None where it may be shown."""
    if type(shown) is not str:  # one that is derived may say one thing here and another in the page
        return f"is {type(shown).__name__}, not text"
    if len(shown) > _LONGEST:
        return f"has {len(shown):,} characters: {_LONGEST:,} are the most"
    if not shown.isascii() and any("\ud800" <= letter <= "\udfff" for letter in shown):
        return "has half a character (a surrogate), which no file can hold"
    read = Fragment(shown)
    if handlers := sorted(key for key in read.attributes if key.startswith("on")):
        return f"has {handlers[0]}=: a name that is not escaped with quotes, or a script"
    if refused := sorted(read.tags - _TAGS):
        return f"has <{refused[0]}>: a panel loads nothing and runs nothing"
    if read.odd or "<!" in shown or "<?" in shown:
        return "has a < that begins no tag: a comment, or a name that is not escaped: see html.escape"
    if links := [v for k, v in read.values if k.split(":")[-1] in _LEADING and not v.startswith("#")]:
        return f"leads to {links[0][:40]!r}: a panel loads nothing from elsewhere"
    if any(key == "style" and _STYLE.search(value.lower()) for key, value in read.values):
        return "has a style that loads something or leaves its place: a panel keeps to its own"
    drawn = [v for k, v in read.values if k not in _WORDS and re.search(r"\\|url\(['\"\s]*[^#'\"\s]", v.lower())]
    if drawn:
        return f"leads to {drawn[0][:40]!r}: a panel loads nothing from elsewhere"
    if "title" in read.tags - read.within:
        return "has <title> outside a picture: that is the page's"
    if read.closed:
        return f"closes </{read.closed[0]}>, which it did not open"
    return f"leaves <{read.open[-1]}> open" if read.open else None


class Fragment(HTMLParser):
    """What a fragment is made of."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.values: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.within: set[str] = set()
        """Tags that were in a picture (SVG) each time."""
        self.closed: list[str] = []
        """Tags that end without having begun."""
        self.odd = False
        """Whether a ``<`` is text, which escaped text has none of."""
        self.feed(text)
        self.odd |= "<" in self.rawdata
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if "svg" not in self.open:
            self.within.discard(tag)
        elif tag not in self.tags:
            self.within.add(tag)
        self.tags.add(tag)
        self.attributes |= {key for key, _ in attrs}
        self.values += [(key, value or "") for key, value in attrs]
        if tag not in _WITHOUT_END:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _WITHOUT_END:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        elif tag not in _WITHOUT_END:
            self.closed.append(tag)

    def handle_data(self, data: str) -> None:
        self.odd |= "<" in data
