"""One network of units that learns from a stream which never ends and never stands still.

>>> from klopf import mind
>>> m = mind.Mind(sensors=4, outputs=3, hidden=(16,), seed=0)
>>> m
Mind(4-16-3, learner='continual-backprop', output='softmax', seed=0)
"""

from klopf.errors import MindError
from klopf.mind._mind import Mind
from klopf.mind._settings import LEARNERS, Settings

__all__ = ["LEARNERS", "Mind", "MindError", "Settings"]
