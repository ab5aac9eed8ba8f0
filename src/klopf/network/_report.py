"""``report.html``: one file, no scripts, nothing loaded from anywhere; readable in ten years and with a printer."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, version

from klopf.errors import ExtensionError
from klopf.extensions import guarded, imported
from klopf.network._fragment import fault_of
from klopf.network._panel import PANELS, Panel
from klopf.network._summary import Summary

__all__ = ["differing", "made_with", "missing", "render"]

STYLE = """
:root { --ink:#1c2230; --paper:#fbfaf7; --faint:#8a8f9c; --line:#d9d6cd; --accent:#1f5fa8; --warn:#b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink:#e8e6e0; --paper:#14171d; --faint:#8f95a3; --line:#343944; --accent:#7db4f0; --warn:#ff8a80; } }
body { font:16px/1.5 system-ui,sans-serif; color:var(--ink); background:var(--paper); max-width:62rem; margin:2rem auto; padding:0 1rem }
h1 { font-size:1.7rem; margin-bottom:0 } h2 { font-size:1.15rem; margin-top:2.2rem } p.lead { color:var(--faint); margin-top:.2rem }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums } td,th { padding:.3rem .6rem; text-align:left; border-bottom:1px solid var(--line) }
td.n,th.n { text-align:right } .bad { color:var(--warn) } .figures { display:flex; gap:2.5rem; flex-wrap:wrap; margin:1rem 0 }
.figures b { display:block; font-size:1.9rem; font-weight:600 } .figures span { color:var(--faint) }
svg text { fill:var(--ink); font:13px system-ui,sans-serif } svg .faint { fill:var(--faint) }
details { border-bottom:1px solid var(--line); padding:.25rem 0 } summary { cursor:pointer } details table { margin:.4rem 0 .8rem 1rem; width:auto; font-size:.92em }
"""


MadeWith = Mapping[str, Sequence[str]]
"""``panel -> who has one of that name``: "klopf", or a package and its version."""


def made_with() -> dict[str, list[str]]:
    """The panels that a page made now has, in their order."""
    return {name: [_release(package) for package in PANELS.claims(name)] for name in PANELS}


def missing(panels: MadeWith) -> list[str]:
    """A line for each panel of a page that cannot be made again, since other packages are installed now."""
    now = made_with()
    lines = []
    for name, whose in panels.items():
        if not _can_be_made(name, whose, now):
            with_others = whose and set(whose) <= set(now.get(name, ()))
            why = "whose name others have too here" if with_others else "which is not installed"
            lines.append(f"report.html was made with the panel {name!r} of {' and '.join(whose)}, {why}: not compared")
    return lines


def render(summary: Summary) -> str:
    """The whole page for ``summary``: every panel in its order. One of another package that is broken is a line."""
    return "".join(part or "" for part in _parts(summary, made_with()))


def differing(page: str, summary: Summary, panels: MadeWith) -> list[str]:
    """A line for each part of a page made with ``panels`` that is not what ``summary`` comes to: for the panels of other
    packages by name, for all else in one. What is :func:`missing` is not compared."""
    parts = list(_parts(summary, panels))
    if _is_made_of(page, parts):
        return []
    others = {at: name for at, (name, whose) in enumerate(panels.items(), 1) if list(whose) != ["klopf"]}
    lines = [
        f"report.html has another panel {name!r} of {' and '.join(panels[name])} than is made now: it was altered, or "
        "the panel does not always give the same (klopf.checks.check_panel)"
        for at, name in others.items()
        if (part := parts[at]) and part not in page
    ]
    if not lines or not _is_made_of(page, [None if at in others else part for at, part in enumerate(parts)]):
        lines.append("report.html says something else than the ledger; `klopf status` shows what that says")
    return lines


def _is_made_of(page: str, parts: Sequence[str | None]) -> bool:
    """Whether a page is these parts, one after another; None is anything."""
    must = "".join(".*" if part is None else re.escape(part) for part in parts)
    return re.fullmatch(must, page, re.DOTALL) is not None


def _parts(summary: Summary, panels: MadeWith) -> Iterator[str | None]:
    """The page in parts, of which None is a panel that is not installed."""
    name = escape(summary.name)
    yield f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Klopf: {name}</title><style>{STYLE}</style>
<h1>{name}</h1>
<p class="lead">{len(summary.neurons)} neurons, {len(summary.auditors)} auditors, {len(summary.moments)} epochs,
seed {summary.seed}, {summary.seconds:.0f} s</p>
"""
    now = made_with()
    for panel, whose in panels.items():
        yield _section(panel, whose, summary) if _can_be_made(panel, whose, now) else None
    yield "</html>\n"


def _can_be_made(name: str, whose: Sequence[str], now: MadeWith) -> bool:
    """Klopf's own always can, whoever claims its name now; others with the same packages."""
    return (list(whose) == ["klopf"] and name in PANELS.shipped) or list(whose) == list(now.get(name, ()))


def _section(name: str, whose: Sequence[str], summary: Summary) -> str:
    if list(whose) == ["klopf"]:
        kind: type[Panel] = imported(PANELS.shipped[name], PANELS.base, name)
        return _shown(kind(), summary)[1]
    what = f"the panel {name!r} of {PANELS.origin(name)}"
    try:
        made = PANELS.load(name)
        with guarded(f"{what} failed"):
            fragment, section = _shown(made(), summary)
            again = _shown(made(), summary)
    except ExtensionError as error:
        return f"<p>{escape(str(error))}</p>\n"
    if fault := fault_of(fragment):
        return f"<p>{escape(f'{what} is not shown: it {fault}')}</p>\n"
    if again != (fragment, section):
        return f"<p>{escape(f'{what} is not shown: it gives something else each time')}</p>\n"
    return section


def _shown(panel: Panel, summary: Summary) -> tuple[str, str]:
    """What a panel gives, and the section of the page that is made of it."""
    title, lead = panel.title, panel.lead
    for text in (title, lead):
        if type(text) is not str or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError("its title and lead must be text")
    fragment = panel.html(panel.data(copy.deepcopy(summary)))  # which others read too
    if type(fragment) is not str or not fragment:
        return fragment, ""
    heading = f"<h2>{escape(title)}</h2>\n" if title else ""
    told = f'<p class="lead">{escape(lead, quote=False)}</p>\n' if lead else ""
    return fragment, f"{heading}{told}{fragment}\n"


def _release(package: str) -> str:
    if package == "klopf":
        return package
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
