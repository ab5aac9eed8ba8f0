"""Agents that learn from every step of a stream, once, and keep none of them."""

from klopf.mind.rl._agent import Agent
from klopf.mind.rl._curve import Curve
from klopf.mind.rl._film import film
from klopf.mind.rl._horde import Horde
from klopf.mind.rl._linear import SwiftTD, TrueOnlineTD
from klopf.mind.rl._many import lived, read_folder, run_many, seed_file, write_folder
from klopf.mind.rl._ppo import PPO
from klopf.mind.rl._ppo_settings import PPOSettings
from klopf.mind.rl._run import Life, Task, env_only, load, ready, run
from klopf.mind.rl._settings import AGENTS, AgentSettings
from klopf.mind.rl._worlds import WORLDS, Change, change_for

__all__ = [
    "AGENTS",
    "PPO",
    "WORLDS",
    "Agent",
    "AgentSettings",
    "Change",
    "Curve",
    "Horde",
    "Life",
    "PPOSettings",
    "SwiftTD",
    "Task",
    "TrueOnlineTD",
    "change_for",
    "env_only",
    "film",
    "lived",
    "load",
    "read_folder",
    "ready",
    "run",
    "run_many",
    "seed_file",
    "write_folder",
]
