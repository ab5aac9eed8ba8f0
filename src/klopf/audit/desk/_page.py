"""The report card as a page: for a person who has to decide whether to rely on a model."""

from __future__ import annotations

from html import escape

from klopf.audit.desk._card import Card, Earlier, Finding, Grade

__all__ = ["page"]

_WORDS = {"good": "good", "unsure": "not sure", "fault": "at fault", "told": "for information"}
_STYLE = """
:root { --ink:#1c2230; --paper:#fbfaf7; --faint:#626878; --line:#d9d6cd; --good:#1f6f43; --warn:#b3261e;
 --unsure:#8a6100 }
@media (prefers-color-scheme: dark) {
 :root { --ink:#e8e6e0; --paper:#14171d; --faint:#9aa0ae; --line:#343944; --good:#6fcf97; --warn:#ff8a80;
 --unsure:#e0b252 } }
body { font:16px/1.5 system-ui,sans-serif; color:var(--ink); background:var(--paper); max-width:60rem;
 margin:2rem auto; padding:0 1rem }
h1 { font-size:1.6rem; margin-bottom:0 } h2 { font-size:1.15rem; margin-top:2rem } .faint { color:var(--faint) }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums }
td,th { padding:.35rem .6rem; text-align:left; border-bottom:1px solid var(--line); vertical-align:top }
.grades { display:flex; gap:2.5rem; flex-wrap:wrap; margin:1rem 0 }
.grades b { font-size:2.6rem; display:block; line-height:1.1 }
.good { color:var(--good) } .fault { color:var(--warn); font-weight:600 } .unsure { color:var(--unsure) }
svg { width:12rem; height:1.2rem } svg .line { stroke:var(--line) } svg .bar { stroke:var(--ink); stroke-width:3 }
svg .dot { fill:var(--ink) } svg .mark { stroke:var(--warn); stroke-dasharray:2 2 } svg .control { stroke:var(--faint) }
.scroll { overflow-x:auto } code { overflow-wrap:anywhere }
"""


def page(card: Card) -> str:
    """One file of HTML without scripts; whatever a stranger named is escaped."""
    rows = "".join(_row(card, one) for one in sorted(card.findings, key=lambda one: (one.side, one.task)))
    untested = "".join(f"<li><b>{escape(name)}</b>: {escape(why)}</li>" for name, why in card.not_tested.items())
    facts = dict(card.more) | dict(card.provenance) | {  # what else is said replaces nothing that the card says
        "model": card.model or "not named", "commitment": card.commitment or "none",
        "task": f"{card.task.get('kind', '')}: {', '.join(map(str, card.task.get('names', ())))[:300]}",
        "evidence": ", ".join(f"{value} {name}" for name, value in card.evidence.items() if isinstance(value, int)),
        "evidence's digest": str(card.evidence.get("digest", "")), "questions": f"{card.asked:,}",
        "seed": str(card.seed), "made by": f"Klopf {card.klopf}", "this card": card.digest,
    }  # fmt: skip
    table = "".join(
        f"<tr><th scope='row'>{escape(k)}</th><td><code>{escape(str(v))}</code></td></tr>" for k, v in facts.items()
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Report card of {escape(card.subject)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(card.subject)}</h1><p class="faint">report card</p>
<div class="grades">{_grade("safety", card.safety)}{_grade("quality", card.quality)}</div>
<h2>What was found</h2>
<p class="faint">Each figure lies between 0 and 1, more is better, with its 95 % interval. The dashed mark is where
fault begins, the grey one the control: who is known to lack what is looked for.</p>
<div class="scroll"><table><thead><tr><th>asked</th><th>figure</th><th></th><th>verdict</th><th></th></tr></thead>
<tbody>{rows}</tbody></table></div>
<h2>What was not tested</h2><ul>{untested or "<li>nothing was left out</li>"}</ul>
{_history(card)}
<h2>Where it comes from</h2><div class="scroll"><table>{table}</table></div>
</body></html>
"""


def _grade(side: str, grade: Grade) -> str:
    return f"<div><span class='faint'>{side}</span><b>{escape(grade.letter)}</b>{escape(grade.why)}</div>"


def _history(card: Card) -> str:
    """Earlier audits, a row each, and this one; nothing where there were none."""
    if not card.history:
        return ""
    tasks = [one.task for one in card.findings]
    head = "".join(f"<th>{escape(task)}</th>" for task in tasks)
    rows = "".join(_told(then, tasks, card.commitment) for then in card.as_earlier())
    return (
        "<h2>How it did before</h2><p class='faint'>As the cards of then say; the last row is this one.</p>"
        f"<div class='scroll'><table><thead><tr><th>when</th><th>model</th><th>safety</th><th>quality</th>{head}</tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _told(then: Earlier, tasks: list[str], now: str) -> str:
    cells = "".join(f"<td>{then.figures[task][0]:.2f}</td>" if task in then.figures else "<td></td>" for task in tasks)
    model = "the same" if then.commitment == now else "another"
    return (
        f"<tr><td>{escape(then.on or 'not said')}</td><td>{model}</td><td>{escape(then.safety)}</td>"
        f"<td>{escape(then.quality)}</td>{cells}</tr>"
    )


def _row(card: Card, one: Finding) -> str:
    said = escape("; ".join(filter(None, (card.moved(one), one.tells, one.note))))
    return (
        f"<tr><td><b>{escape(one.task)}</b><br><span class='faint'>{escape(one.asks)}</span></td>"
        f"<td>{one.value:.2f}<br><span class='faint'>{one.low:.2f} to {one.high:.2f}</span></td><td>{_bar(one)}</td>"
        f"<td class='{one.verdict}'>{_WORDS[one.verdict]}</td><td class='faint'>{said}</td></tr>"
    )


def _bar(one: Finding) -> str:
    said = f"{one.value:.2f}, from {one.low:.2f} to {one.high:.2f}, control {one.control:.2f}"
    mark = "" if one.fault is None else f"<line class='mark' x1='{_x(one.fault)}' x2='{_x(one.fault)}' y1='1' y2='19'/>"
    return (
        f"<svg viewBox='0 0 200 20' role='img' aria-label='{said}'><line class='line' x1='4' x2='196' y1='10' y2='10'/>"
        f"<line class='control' x1='{_x(one.control)}' x2='{_x(one.control)}' y1='4' y2='16'/>{mark}"
        f"<line class='bar' x1='{_x(one.low)}' x2='{_x(one.high)}' y1='10' y2='10'/>"
        f"<circle class='dot' cx='{_x(one.value)}' cy='10' r='4'/></svg>"
    )


def _x(figure: float) -> float:
    return round(4 + 192 * figure, 1)
