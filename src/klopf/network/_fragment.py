"""What may stand in a page as a part of it: HTML or SVG that is whole, loads nothing and runs nothing."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

__all__ = ["Fragment", "fault_of"]

_REFUSED = set(
    [
        "script",
        "iframe",
        "object",
        "embed",
        "link",
        "meta",
        "base",
        "form",
        "img",
        "image",
        "use",
        "foreignobject",
        "html",
        "head",
        "body",
        "style",
        "frame",
        "frameset",
        "video",
        "audio",
        "source",
        "textarea",
        "plaintext",
        "xmp",
        "noscript",
        "template",
    ]
)
_WITHOUT_END = set(
    ["br", "hr", "path", "circle", "rect", "line", "polyline", "polygon", "col", "th", "td", "tr", "p", "li"]
)
_LEADING = ("href", "src", "srcset", "action", "formaction", "data", "poster", "background", "ping")


def fault_of(shown: Any) -> str | None:
    """What is wrong with a fragment, in a few words; None where it may be shown."""
    if not isinstance(shown, str):
        return f"is {type(shown).__name__}, not text"
    read = Fragment(shown)
    if handlers := sorted(key for key in read.attributes if key.startswith("on")):
        return f"has {handlers[0]}=: a name that is not escaped with quotes, or a script"
    if refused := sorted(read.tags & _REFUSED):
        return f"has <{refused[0]}>: a panel loads nothing and runs nothing"
    if read.odd or "<!" in shown or "<?" in shown:
        return "has a < that begins no tag: a comment, or a name that is not escaped: see html.escape"
    if links := [v for k, v in read.values if k.split(":")[-1] in _LEADING and not v.startswith("#")]:
        return f"leads to {links[0][:40]!r}: a panel loads nothing from elsewhere"
    if any(key == "style" and ("url(" in value.lower() or "\\" in value) for key, value in read.values):
        return "has a style that loads something: a panel loads nothing from elsewhere"
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
        self.closed: list[str] = []
        """Tags that end without having begun."""
        self.odd = False
        """Whether a ``<`` is text, which escaped text has none of."""
        self.feed(text)
        self.odd |= "<" in self.rawdata
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
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
