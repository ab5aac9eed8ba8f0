"""``klopf warm``: the common kinds of learners compiled before anybody waits for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from klopf.console.cli.command import Command, Json, print_json

__all__ = ["Warm"]


class Warm(Command):
    help = "Compile the common kinds of learners ahead, so that nobody waits when they first learn."

    def run(self, *, into: Path | None = None, cores: int | None = None, json_: Json = False) -> None:
        """Who has run it once waits under a second for any of them, until Klopf, Numba or Python is another version.

        Example: klopf warm --cores 1

        Parameters
        ----------
        into
            A folder that becomes `klopf/mind/compiled` of a wheel; without it this machine's cache is filled.
        cores
            Kinds compiled side by side; all cores if not given.
        """
        from klopf.errors import MindError
        from klopf.mind import _warm

        if cores is not None and cores < 1:
            raise MindError(f"--cores {cores}: at least 1 is needed")
        rows = []

        def told(row: dict[str, Any]) -> None:
            rows.append(row)
            what = f"compiled in {row['cpu_seconds']} s of CPU" if row["compiled"] else "was there"
            print(f"[{len(rows)}] {row['kind']}: {what}", file=sys.stderr if json_ else sys.stdout, flush=True)

        if into is not None:
            _warm.into_wheel(into, told, cores)
        else:
            for row in _warm.warm(cores):
                told(row)
        if json_:
            print_json(rows)
