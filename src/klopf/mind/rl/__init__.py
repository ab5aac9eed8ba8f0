"""Agents that learn from every step of a stream, once, and keep none of them."""

from klopf.mind.rl._agent import Agent
from klopf.mind.rl._curve import Curve
from klopf.mind.rl._run import Life, Task, env_only, load, run
from klopf.mind.rl._settings import AGENTS, AgentSettings
from klopf.mind.rl._worlds import WORLDS, Change, change_for

__all__ = [
    "AGENTS",
    "WORLDS",
    "Agent",
    "AgentSettings",
    "Change",
    "Curve",
    "Life",
    "Task",
    "change_for",
    "env_only",
    "load",
    "run",
]
