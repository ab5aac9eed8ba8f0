"""``python -m klopf.audit FOLDER``: one auditor as a process. Exit status 2 if it cannot live."""

from __future__ import annotations

import sys
from pathlib import Path

from klopf.audit import _auditor
from klopf.peers import live_as_process

if __name__ == "__main__":
    sys.exit(live_as_process(_auditor.live, Path(sys.argv[1])))
