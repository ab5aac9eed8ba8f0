"""One network of units that learns from a stream which never ends and never stands still.

>>> from klopf import mind
>>> m = mind.Mind(sensors=4, outputs=3, hidden=(16,), seed=0)
>>> m
Mind(4-16-3, learner='klopf', output='softmax', seed=0)

``mind.problems`` holds streams to learn from, ``mind.diagnostics`` says how a network is doing, ``mind.river`` gives
the same learners River's interface, and ``klopf.mind.rl`` holds agents that act.
"""

from typing import TYPE_CHECKING, Any

from klopf.errors import Diverged, MindError
from klopf.mind import diagnostics, problems
from klopf.mind._mind import Mind
from klopf.mind._problem import PROBLEMS, Problem
from klopf.mind._settings import LEARNERS, Settings
from klopf.mind._shipped_stages import Images, Sequences
from klopf.mind._stage import STAGES, Stage
from klopf.mind._together import learn_together

if TYPE_CHECKING:
    from klopf.mind._jit import inlined

__all__ = [
    "LEARNERS",
    "PROBLEMS",
    "STAGES",
    "Diverged",
    "Images",
    "Mind",
    "MindError",
    "Problem",
    "Sequences",
    "Settings",
    "Stage",
    "diagnostics",
    "inlined",
    "learn_together",
    "problems",
]


def __getattr__(name: str) -> Any:
    if name != "inlined":  # for kernels of rules from outside; it brings Numba, which importing a mind does not need
        raise AttributeError(f"module 'klopf.mind' has no attribute {name!r}")
    from klopf.mind._jit import inlined

    return inlined
