"""The kinds of task that a network can have, a file each."""

from klopf.peers.tasks._kinds import KINDS, task_from_json, task_to_json
from klopf.peers.tasks._task import Task
from klopf.peers.tasks.classes import Classes
from klopf.peers.tasks.numbers import Numbers
from klopf.peers.tasks.text import Text

__all__ = ["KINDS", "Classes", "Numbers", "Task", "Text", "task_from_json", "task_to_json"]
