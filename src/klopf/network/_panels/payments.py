"""Every payment, and why."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Any

from klopf.network._panel import Panel, plain
from klopf.network._summary import Summary

__all__ = ["Payments"]

HEADS = "<th>listener" + "".join(f'<th class="n">{name}' for name in ("answers", "weight", "counted", "stake", "fee"))


FEW, SHOWN = 100, 12
"""Payments that are shown one below the other; of more, so many of an epoch with their reasons, the largest first."""


class Payments(Panel):
    title = "Every payment, and why"
    lead = (
        "A listener's weight counts up to the consensus: the largest weight that listeners holding enough of the stake "
        "give at least. Stake times counted weight, summed, is a neuron's rank; its part of all ranks is its part of the "
        "epoch's emission. Fees come from requesters' vouchers."
    )

    def data(self, summary: Summary) -> Any:
        ordered = sorted(summary.payments, key=lambda p: (p.epoch, -p.amount))
        return [{**plain(payment), "amount": plain(payment.amount)} for payment in ordered]

    def html(self, data: Any) -> str:
        if len(data) <= FEW:
            return "".join(map(_payment, data))
        epochs = sorted({payment["epoch"] for payment in data})
        return "".join(_epoch(epoch, [payment for payment in data if payment["epoch"] == epoch]) for epoch in epochs)


def _epoch(epoch: int, payments: list[dict[str, Any]]) -> str:
    """An epoch of many payments."""
    total, rest = sum(Decimal(payment["amount"]) for payment in payments), payments[SHOWN:]
    rows = "".join(
        f'<tr><td>{escape(one["neuron"])}</td><td class="n">{Decimal(one["amount"]):,.4f}</td></tr>' for one in rest
    )
    others = f"<details><summary>{len(rest)} others, whose reasons `klopf explain` tells</summary><table>{rows}</table></details>"
    return (
        f"<details><summary>epoch {epoch}: {len(payments)} neurons were paid {total:,.4f}</summary>"
        f"{''.join(map(_payment, payments[:SHOWN]))}{others if rest else ''}</details>"
    )


def _payment(payment: dict[str, Any]) -> str:
    amount, emission, fees = (f"{Decimal(payment[key]):,.4f}" for key in ("amount", "emission", "fees"))
    return (
        f"<details><summary>epoch {payment['epoch']}: <b>{escape(payment['neuron'])}</b> was paid {amount} "
        f"({emission} for {payment['share']:.1%} of the emission, {fees} in fees)</summary>"
        f"<p>Consensus weight {payment['consensus']:.3f}. Listened to by:</p>"
        f"<table><tr>{HEADS}</tr>{''.join(map(_reason, payment['heard']))}</table></details>"
    )


def _reason(heard: dict[str, Any]) -> str:
    cells = (
        str(heard["answers"]), f"{heard['weight']:.3f}", f"{heard['counted']:.3f}", f"{Decimal(heard['stake']):,.0f}",
        f"{Decimal(heard['fee']):,.4f}",
    )  # fmt: skip
    figures = "".join(f'<td class="n">{cell}</td>' for cell in cells)
    return f"<tr><td>{escape(heard['listener'])}</td>{figures}</tr>"
