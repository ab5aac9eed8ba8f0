"""``report.html``: one file, no scripts, nothing loaded from anywhere; readable in ten years and with a printer."""

from __future__ import annotations

import math
from html import escape

from klopf.network._summary import Moment, NeuronRow, Payment, Summary

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
    """The whole page for ``summary``."""
    name = escape(summary.name)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Klopf: {name}</title><style>{STYLE}</style>
<h1>{name}</h1>
<p class="lead">{len(summary.neurons)} neurons, {len(summary.auditors)} auditors, {len(summary.moments)} epochs,
seed {summary.seed}, {summary.seconds:.0f} s</p>
{_figures(summary)}
<h2>Who is heard</h2>
<p class="lead">The darker and larger a neuron, the higher its rank by contribution (its number). Ring: solid backbone,
dashed fringe, dotted and crossed out silent. An arrow points to who is listened to; the thicker, the more.</p>
{_picture(summary)}
<h2>Accuracy over time</h2>
{_curves(summary)}
<h2>Neurons</h2>
{_neurons(summary)}
<h2>Auditors</h2>
{_auditors(summary)}
<h2>Every payment, and why</h2>
<p class="lead">A listener's weight counts up to the consensus: the largest weight that listeners holding enough of the
stake give at least. Stake times counted weight, summed, is a neuron's rank; its part of all ranks is its part of the
epoch's emission. Fees come from requesters' receipts.</p>
{_payments(summary)}
{_disputes(summary)}
<h2>Ledger</h2>
<p>{summary.transactions} transactions in {summary.blocks} blocks; supply {summary.supply:,f} tokens.</p>
{"".join(f"<p>{escape(note)}</p>" for note in summary.notes)}
</html>
"""


def _figures(summary: Summary) -> str:
    titles = {"network": "the network", "best_neuron": "best neuron alone", "linear": "linear, all data pooled"}
    cells = "".join(
        f"<div><b>{'–' if value is None else f'{value:.1%}'}</b><span>{titles[key]}</span></div>"
        for key, value in summary.accuracy.items()
    )
    return f'<div class="figures">{cells}</div>'


def _disputes(summary: Summary) -> str:
    """Nothing where there were none."""
    if not summary.disputes:
        return ""
    rows = "".join(
        f'<tr><td class="n">{d.epoch}</td><td>{escape(d.speaker)}</td><td>{escape(d.listener)}</td>'
        f'<td class="n">{d.fee:,.4f}</td><td>{d.outcome}</td><td class="n">{d.paid:,.4f}</td>'
        f'<td class="bad">{"lost" if d.voided else ""}</td></tr>'
        for d in summary.disputes
    )
    heads = '<th class="n">epoch</th><th>speaker</th><th>listener</th><th class="n">fee</th><th>outcome</th>'
    return f"""<h2>Disputes</h2>
<p class="lead">A speaker shows a receipt that its listener signed and that it was not paid for. Answered: the receipt is in
the root that the listener posted. Upheld: it is not, and the listener loses its reward of the epoch.</p>
<table><tr>{heads}<th class="n">paid</th><th>listener's reward</th></tr>{rows}</table>"""


def _ranks(neurons: list[NeuronRow]) -> dict[str, int]:
    order = sorted(neurons, key=lambda row: (-row.heard, row.id))
    return {row.name: rank for rank, row in enumerate(order, start=1)}


def _picture(summary: Summary) -> str:
    """Neurons on a circle. Colour goes by rank, since by value one giant would bleach everybody else."""
    width, height, orbit = 720, 520, 190
    ranks, count = _ranks(summary.neurons), max(1, len(summary.neurons))
    listeners = [row.name for row in summary.neurons]
    place = {
        name: (
            width / 2 + orbit * math.sin(2 * math.pi * i / count),
            height / 2 - orbit * math.cos(2 * math.pi * i / count),
        )
        for i, name in enumerate(listeners)
    }
    outside = sorted({link.listener for link in summary.links} - place.keys())
    for i, name in enumerate(outside):
        place[name] = (width / 2 + 60 * (i - (len(outside) - 1) / 2), height / 2)
    radius = {name: 14 + 16 * (1 - (rank - 1) / count) for name, rank in ranks.items()}
    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="The network: who listens to whom">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="5" markerHeight="5" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="var(--faint)"/></marker></defs>'
    ]
    for link in summary.links:
        if link.weight < 0.02 or link.listener not in place or link.speaker not in place:
            continue
        (x1, y1), (x2, y2) = place[link.listener], place[link.speaker]
        length = math.hypot(x2 - x1, y2 - y1) or 1.0
        stop = radius.get(link.speaker, 12) + 5
        x2, y2 = x2 - (x2 - x1) * stop / length, y2 - (y2 - y1) * stop / length
        bend_x, bend_y = (x1 + x2) / 2 + (y2 - y1) * 0.08, (y1 + y2) / 2 - (x2 - x1) * 0.08
        parts.append(
            f'<path d="M{x1:.0f} {y1:.0f}Q{bend_x:.0f} {bend_y:.0f} {x2:.0f} {y2:.0f}" fill="none" stroke="var(--faint)" '
            f'stroke-width="{0.5 + 5 * link.weight:.1f}" opacity=".55" marker-end="url(#tip)">'
            f"<title>{escape(link.listener)} listens to {escape(link.speaker)}: {link.weight:.0%}</title></path>"
        )
    dashes = {"backbone": "", "fringe": 'stroke-dasharray="6 4"', "silent": 'stroke-dasharray="1.5 4"'}
    for row in summary.neurons:
        (x, y), r, rank = place[row.name], radius[row.name], ranks[row.name]
        light = 92 - round(70 * (1 - (rank - 1) / max(1, count - 1)))
        ink = "#fff" if light < 55 else "#111"
        parts.append(
            f'<g><circle cx="{x:.0f}" cy="{y:.0f}" r="{r + 4:.0f}" fill="var(--paper)" stroke="var(--ink)" stroke-width="2" {dashes.get(row.standing, "")}/>'
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{r:.0f}" fill="hsl(212 45% {light}%)"/>'
            f'<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" style="fill:{ink};font-weight:600">{rank}</text>'
            + (
                f'<path d="M{x - r:.0f} {y - r:.0f}L{x + r:.0f} {y + r:.0f}" stroke="var(--warn)" stroke-width="2.5"/>'
                if row.standing == "silent"
                else ""
            )
            + f'<text x="{x:.0f}" y="{y + r + 20:.0f}" text-anchor="middle">{escape(row.name)}</text>'
            f"<title>{escape(row.name)}: {row.standing}, heard {row.heard:.1%}, earned {row.earned:,.2f}</title></g>"
        )
    for name in outside:
        x, y = place[name]
        parts.append(
            f'<rect x="{x - 9:.0f}" y="{y - 9:.0f}" width="18" height="18" fill="var(--accent)"/>'
            f'<text x="{x:.0f}" y="{y + 26:.0f}" text-anchor="middle">{escape(name)}</text>'
        )
    return "".join(parts) + "</svg>"


def _curves(summary: Summary) -> str:
    if not summary.moments:
        return "<p>No epoch was completed.</p>"
    width, height, left, bottom = 720, 320, 46, 30
    last = max(1, len(summary.moments) - 1)

    def x(i: int) -> float:
        return left + (width - left - 130) * i / last

    def y(value: float) -> float:
        return 10 + (height - bottom - 10) * (1 - value)

    def line(values: list[float | None], style: str) -> str:
        """A line through the epochs that have a value; it ends where a neuron falls silent."""
        points = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in enumerate(values) if v is not None)
        return f'<polyline points="{points}" fill="none" {style}/>'

    grid = "".join(
        f'<path d="M{left} {y(v):.1f}H{width - 130}" stroke="var(--line)"/><text class="faint" x="{left - 8}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.0%}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    ticks = "".join(
        f'<text class="faint" x="{x(i):.1f}" y="{height - 8}" text-anchor="middle">{m.epoch}</text>'
        for i, m in enumerate(summary.moments)
        if len(summary.moments) <= 20 or i % (len(summary.moments) // 10) == 0
    )
    honest = {row.name: row.honest for row in summary.neurons}
    alone = "".join(
        line(
            [m.neurons.get(name) for m in summary.moments],
            f'stroke="var(--{"faint" if ok else "warn"})" stroke-width="1.3"',
        )
        for name, ok in honest.items()
    )
    labels = _labels(summary.moments[-1], honest, x(last) + 8, y)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Accuracy on the test set by epoch">{grid}{ticks}{alone}'
        + line([m.linear for m in summary.moments], 'stroke="var(--ink)" stroke-width="1.8" stroke-dasharray="7 4"')
        + line([m.network for m in summary.moments], 'stroke="var(--accent)" stroke-width="3.2"')
        + labels
        + "</svg>"
    )


def _labels(last: Moment, honest: dict[str, bool], x: float, y: object) -> str:
    """Names at the ends of the lines, pushed apart so that none covers another."""
    assert callable(y)
    wanted = [(y(last.network), "the network", "font-weight:600"), (y(last.linear), "linear, pooled", "")]
    wanted += [(y(value), name, "") for name, value in last.neurons.items() if name in honest]
    placed, text = -100.0, ""
    for height, name, style in sorted(wanted):
        placed = max(height, placed + 14)
        text += f'<text x="{x:.0f}" y="{placed + 4:.0f}" style="{style}">{escape(name)}</text>'
    return text


def _neurons(summary: Summary) -> str:
    rows = "".join(
        f"<tr><td>{escape(r.name)}{'' if r.honest else ' <span class=bad>(adversary)</span>'}</td><td>{escape(r.model)}</td><td>{r.standing}</td>"
        f'<td class="n">{r.heard:.1%}</td><td class="n">{_audit(r)}</td><td class="n">{r.earned:,.2f}</td><td class="n">{r.slashed:,.2f}</td></tr>'
        for r in sorted(summary.neurons, key=lambda r: (-r.heard, r.id))
    )
    return (
        '<table><tr><th>neuron<th>model<th>standing<th class="n">heard<th class="n">audit<th class="n">earned<th class="n">slashed</tr>'
        f"{rows}</table>"
    )


def _audit(row: NeuronRow) -> str:
    return ", ".join(f"{name} {value:.0%}" for name, value in row.audit.items()) or "–"


def _auditors(summary: Summary) -> str:
    rows = "".join(
        f'<tr><td>{escape(r.name)}</td><td>{"honest" if r.honest else "<span class=bad>inflates</span>"}</td><td class="n">{r.slashed:,.2f}</td></tr>'
        for r in summary.auditors
    )
    return f'<table><tr><th>auditor<th><th class="n">slashed</tr>{rows}</table>'


def _payments(summary: Summary) -> str:
    return "".join(_payment(p) for p in sorted(summary.payments, key=lambda p: (p.epoch, -p.amount)))


def _payment(payment: Payment) -> str:
    rows = "".join(
        f'<tr><td>{escape(h.listener)}</td><td class="n">{h.answers}</td><td class="n">{h.weight:.3f}</td><td class="n">{h.counted:.3f}</td>'
        f'<td class="n">{h.stake:,.0f}</td><td class="n">{h.fee:,.4f}</td></tr>'
        for h in payment.heard
    )
    return (
        f"<details><summary>epoch {payment.epoch}: <b>{escape(payment.neuron)}</b> was paid {payment.amount:,.4f} "
        f"({payment.emission:,.4f} for {payment.share:.1%} of the emission, {payment.fees:,.4f} in fees)</summary>"
        f"<p>Consensus weight {payment.consensus:.3f}. Listened to by:</p>"
        '<table><tr><th>listener<th class="n">answers<th class="n">weight<th class="n">counted<th class="n">stake<th class="n">fee</tr>'
        f"{rows}</table></details>"
    )
