"""``python -m klopf.peers FOLDER``: one neuron or requester as a process. Exit status 2 if it cannot live."""

from __future__ import annotations

import sys
from pathlib import Path

from klopf.errors import KlopfError
from klopf.peers import _neuron, _requester
from klopf.peers._home import ParticipantSettings
from klopf.peers._process import live_as_process


def main(folder: Path) -> int:
    lives = {"neuron": _neuron.live, "requester": _requester.live}
    try:
        role = ParticipantSettings.read(folder).role
    except KlopfError as error:
        print(f"klopf: {error}", file=sys.stderr, flush=True)
        return 2
    return live_as_process(lives[role], folder)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
