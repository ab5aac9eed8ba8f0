"""How many records look alike, before and after: as text, and as a picture."""

from __future__ import annotations

from html import escape
from pathlib import Path

from klopf import files
from klopf.store._check import Checked
from klopf.store._policy import Policy

__all__ = ["bars", "draw"]

_SIZES = ("alone", "2", "3-4", "5-9", "10-99", "100+")
_WIDE = 24


def bars(checked: Checked) -> list[str]:
    """Lines for a terminal."""
    said = checked.said
    most = max(1, *said.sizes, *said.sizes_before)
    lines = [f"{'looks like':>10}  {'before':<{_WIDE + 8}}  after"]
    for name, before, after in zip(_SIZES, said.sizes_before, said.sizes, strict=True):
        lines.append(f"{name:>10}  {_bar(before, most)} {before:>7,}  {_bar(after, most)} {after:>7,}".rstrip())
    return lines


def _bar(count: int, most: int) -> str:
    return ("█" * round(count / most * _WIDE) or ("▏" if count else "")).ljust(_WIDE)


def draw(checked: Checked, policy: Policy, file: Path) -> None:
    """Write an SVG to ``file``: groups by size, before (outline) and after (filled), and what is left of the budget.

    Raises:
        OSError: it cannot be written.
    """
    said = checked.said
    most = max(1, *said.sizes, *said.sizes_before)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" font-family="system-ui, sans-serif" '
        'font-size="13"><rect width="640" height="360" fill="#fff"/>',
        f'<text x="20" y="28" font-size="16">{escape(policy.device)}: how many records look alike</text>',
        f'<text x="20" y="48" fill="#667085">{said.records:,} records, {said.kept:,} stay; k {said.k_before} to '
        f"{said.k}; alone {said.unique_before:.1%} to {said.unique:.1%}, to one who knows all "
        f"{said.unique_in_all:.1%}</text>",
    ]
    for i, (name, before, after) in enumerate(zip(_SIZES, said.sizes_before, said.sizes, strict=True)):
        x = 40 + i * 98
        for at, count, fill in ((x, before, "none"), (x + 36, after, "#3b6fb6")):
            tall = round(190 * count / most, 1)
            parts.append(
                f'<rect x="{at}" y="{270 - tall}" width="32" height="{tall}" fill="{fill}" stroke="#3b6fb6"/>'
                f'<text x="{at + 16}" y="{264 - tall}" font-size="10" text-anchor="middle">{count:,}</text>'
            )
        parts.append(f'<text x="{x + 34}" y="288" text-anchor="middle">{name}</text>')
    parts.append('<text x="20" y="312" fill="#667085">records in groups of that size: before (outline), after</text>')
    if checked.left is not None and policy.budget:
        whole, left = policy.budget.epsilon, max(0.0, checked.left)
        parts.append(
            f'<rect x="20" y="326" width="600" height="12" fill="#f3d9d9"/><rect x="20" y="326" '
            f'width="{600 * left / whole:.1f}" height="12" fill="#3f8f5a"/>'
            f'<text x="20" y="354">{checked.left:g} of epsilon {whole:g} would be left in the fullest period</text>'
        )
    files.replace(file, "".join([*parts, "</svg>\n"]))
