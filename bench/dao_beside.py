"""red-dwarf's groups, as Polis makes them, of votes in a file: what `bench/dao.py --part big` runs beside Klopf.

    python bench/dao_beside.py VOTES.npz   # arrays who, what, said; prints seconds of processor and MB at most

Needs red-dwarf (MPL-2.0; ``pip install red-dwarf==0.4.0``), in any environment: nothing of Klopf is imported.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        return print(__doc__)
    import numpy as np

    with np.load(sys.argv[1]) as file:
        who, what, said = (file[name].tolist() for name in ("who", "what", "said"))
    votes = [
        {"participant_id": i, "statement_id": j, "vote": v, "modified": 0}
        for i, j, v in zip(who, what, said, strict=True)
    ]
    warnings.simplefilter("ignore")
    from reddwarf.implementations.base import run_pipeline

    began = time.process_time()
    found = run_pipeline(votes=votes)
    took = time.process_time() - began
    members = len(found.participants_df)
    print(json.dumps({
        "seconds": took, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "members": members,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
