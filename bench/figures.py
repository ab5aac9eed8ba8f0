"""What a benchmark found, for people as lines and for programs as JSON: every file of this folder reports through here.

``--quick`` is a short run for a look (its figures are rougher, not other ones); ``--json`` prints one list of
``{"what", "asked", "measured", "unit", "holds"}`` and nothing else on standard output. ``asked`` is what is hoped for,
as text ("at least 0.8"), or null where a figure is only told; then ``holds`` is null too. A process ends with 0
also where something does not hold: a benchmark tells, a test refuses.

``Kept`` is for those that take longer than anybody waits: what ended is in a file, and is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any


class _NotOurs:
    """This folder's ``torch.py`` is a benchmark: whoever imports ``torch`` means PyTorch, wherever else it is."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "torch":
            return None
        elsewhere = [one for one in sys.path if Path(one or ".").resolve() != Path(__file__).parent]
        if (found := PathFinder.find_spec(name, elsewhere)) is None:
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return found


sys.meta_path.insert(0, _NotOurs)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Figure:
    what: str
    asked: str | None
    measured: float
    unit: str
    holds: bool | None


@dataclass
class Report:
    """Collects figures while a benchmark runs; a ``with`` block prints them at its end."""

    as_json: bool = False
    figures: list[Figure] = field(default_factory=list)

    def say(self, line: str = "") -> None:
        """A line for people: of a table, or of progress. With ``--json`` it goes to standard error."""
        print(line, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def figure(
        self, what: str, measured: float, unit: str = "", *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        """One figure, and where something was asked of it whether that holds."""
        bounds = [*([(f"at least {at_least:g}", measured >= at_least)] if at_least is not None else []),
                  *([(f"at most {at_most:g}", measured <= at_most)] if at_most is not None else [])]  # fmt: skip
        asked = " and ".join(text for text, _ in bounds) or None
        holds = all(fits for _, fits in bounds) if bounds else None
        self.figures.append(Figure(what, asked, float(measured), unit, holds))

    def __enter__(self) -> Report:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed:
            return
        if self.as_json:
            print(json.dumps([asdict(figure) for figure in self.figures], indent=1))
            return
        for f in self.figures:
            if f.asked is not None:
                print(
                    f"{f.what}: {f.measured:.4g} {f.unit} (asked: {f.asked}; {'holds' if f.holds else 'DOES NOT HOLD'})"
                )


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the two options that every benchmark has; ``description`` is the benchmark's docstring."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON and nothing else")
    return parser


class Kept:
    """Parts that were run already: with a file they are lines of it, and what it has is not run again. Whatever changes
    what comes of a part needs another file."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.found: dict[str, Any] = dict(map(json.loads, lines))

    def get(self, what: str, run: Callable[[], Any]) -> Any:
        """What came of the part ``what``, as JSON has it; ``run`` is called where nothing is known of it."""
        if what not in self.found:
            self.found[what] = run()
            if self.path:
                with self.path.open("a") as file:
                    file.write(json.dumps([what, self.found[what]]) + "\n")
        return self.found[what]
