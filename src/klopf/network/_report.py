"""``report.html``: one file, no scripts, nothing loaded from anywhere; readable in ten years and with a printer."""

from __future__ import annotations

from html import escape

from klopf.errors import ExtensionError
from klopf.network._panel import PANELS
from klopf.network._summary import Summary

__all__ = ["render"]

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


def render(summary: Summary) -> str:
    """The whole page for ``summary``: every panel in its order. One of another package that is broken is a line."""
    name = escape(summary.name)
    panels = "".join(_section(panel, summary) for panel in PANELS)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Klopf: {name}</title><style>{STYLE}</style>
<h1>{name}</h1>
<p class="lead">{len(summary.neurons)} neurons, {len(summary.auditors)} auditors, {len(summary.moments)} epochs,
seed {summary.seed}, {summary.seconds:.0f} s</p>
{panels}</html>
"""


def _section(name: str, summary: Summary) -> str:
    try:
        panel = PANELS.load(name)()
        shown = panel.html(panel.data(summary))
        title, lead = escape(panel.title), escape(panel.lead, quote=False)
    except ExtensionError as error:
        return f"<p>{escape(str(error))}</p>\n"
    except Exception as error:
        if name in PANELS.shipped:
            raise
        said = f"the panel {name!r} of {PANELS.origin(name)} failed: {type(error).__name__}: {error}"
        return f"<p>{escape(said)}</p>\n"
    if not shown:
        return ""
    heading = f"<h2>{title}</h2>\n" if title else ""
    return f'{heading}<p class="lead">{lead}</p>\n{shown}\n' if lead else f"{heading}{shown}\n"
