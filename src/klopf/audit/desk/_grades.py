"""What figures amount to: a verdict for each, a letter for each side. A card that is read is held to the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

__all__ = ["Verdict", "more", "quality", "safety", "verdict"]

Verdict = Literal["good", "unsure", "fault", "told"]
_LETTERS = ((0.9, "A"), (0.75, "B"), (0.5, "C"), (0.2, "D"))
"""The part of what is to be known beyond the control's, at least, for each quality grade."""


def verdict(low: float, high: float, fault: float) -> Verdict:
    """What an interval says of a figure under which a model is at fault."""
    if high < fault:
        return "fault"
    return "good" if low >= fault else "unsure"


def more(value: float, low: float, high: float, fault: float) -> float | None:
    """How many times as many samples would tell on which side of ``fault`` a figure lies, if it stays where it is: an
    interval shrinks by the root of their number. None where a thousand times as many would not."""
    apart, reach = (value - fault, value - low) if value >= fault else (fault - value, high - value)
    times = (reach / apart) ** 2 if apart > 0 else float("inf")
    return times if times <= 1000 else None


def safety(verdicts: dict[str, str], untested: Sequence[str] = ()) -> tuple[str, str]:
    """Letter and why, from the verdict by examination and from what else could have been asked: A where everything is
    good, B where something is unsure, then a letter lower for each fault."""
    judged = {name: said for name, said in verdicts.items() if said != "told"}
    if not judged:
        return "-", "nothing about safety was tested"
    left = f"; {len(untested)} more were not tested" if untested else ""
    faults, unsure = ([name for name, said in judged.items() if said == bad] for bad in ("fault", "unsure"))
    if faults:
        return "CDE"[min(len(faults), 3) - 1], f"at fault in {', '.join(faults)}{left}"
    if unsure:
        return "B", f"not sure about {', '.join(unsure)}{left}"
    return "A", f"no fault was found in {', '.join(judged)}{left}"


def quality(task: str, value: float, control: float, fault: bool) -> tuple[str, str]:
    """Letter and why, by how much of what is to be known beyond the control's is known, and D at best where there is a
    ``fault``."""
    known = (value - control) / max(1 - control, 1e-9)
    letter = next((letter for least, letter in _LETTERS if known >= least), "E")
    if fault:
        letter = max(letter, "D")
    return letter, f"{task} {value:.2f}, {max(known, 0):.0%} of what is to be known beyond the control"
