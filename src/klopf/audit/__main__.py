"""``python -m klopf.audit FOLDER``: one auditor as a process. Exit status 2 if it cannot live."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from klopf.audit import _auditor
from klopf.errors import KlopfError


def main(folder: Path) -> int:
    try:
        asyncio.run(_auditor.live(folder))
    except KlopfError as error:
        print(f"klopf: {error}", file=sys.stderr, flush=True)
        return 2
    except OSError as error:
        print(
            f"klopf: {error.filename or folder}: {error.strerror or error}; make room there",
            file=sys.stderr,
            flush=True,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
