"""``python -m klopf.peers FOLDER...``: a neuron or requester as a process, or several neurons of one owner in one. Exit
status 2 if one cannot live."""

from __future__ import annotations

import sys
from pathlib import Path

from klopf.errors import KlopfError, PeersError
from klopf.peers import _neuron, _requester
from klopf.peers._home import ParticipantSettings
from klopf.peers._process import live_as_process


def main(folder: Path, *more: Path) -> int:
    lives = {"neuron": _neuron.live, "requester": _requester.live}
    try:
        roles = [ParticipantSettings.read(one).role for one in (folder, *more)]
        if len(set(roles)) > 1:
            raise PeersError("only participants of one role live in one process")
    except KlopfError as error:
        print(f"klopf: {error}", file=sys.stderr, flush=True)
        return 2
    return live_as_process(lives[roles[0]], folder, *more)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
