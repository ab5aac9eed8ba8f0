"""``python -m klopf.peers FOLDER``: one neuron or requester as a process. Exit status 2 if it cannot live."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from klopf.errors import KlopfError
from klopf.peers import _neuron, _requester
from klopf.peers._participant import ParticipantSettings


def main(folder: Path) -> int:
    lives = {"neuron": _neuron.live, "requester": _requester.live}
    try:
        role = ParticipantSettings.read(folder).role
        asyncio.run(lives[role](folder))
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
