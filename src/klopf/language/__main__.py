"""``python -m klopf.language [PORT]``: the agents, until standard input ends."""

import sys

from klopf.errors import KlopfError
from klopf.language._server import serve

if __name__ == "__main__":
    try:
        serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    except KlopfError as error:
        sys.exit(f"klopf: {error}")
