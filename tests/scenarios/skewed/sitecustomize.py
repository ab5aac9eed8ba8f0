"""A machine whose clock is wrong by CLOCK_SKEW seconds, for processes with this folder in PYTHONPATH. gRPC is imported
before, with the time that the kernel has, which it needs for its deadlines."""

import os
import sys
import time
import types

_skew = float(os.environ.get("CLOCK_SKEW", "0"))
if _skew:
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import grpc  # noqa: F401

    wrong = types.ModuleType("time")
    wrong.__dict__.update(time.__dict__)
    wrong.time = lambda: time.time() + _skew
    wrong.time_ns = lambda: time.time_ns() + int(_skew * 1e9)
    sys.modules["time"] = wrong
