"""Does what I added keep its promises? One check for each kind of thing that can be added to Klopf.

A check takes the thing, tries what Klopf will do with it, and returns nothing; where a promise is broken it raises
``AssertionError`` with one line that says which, what was expected and how to mend it. It tests properties, not
figures, so that it holds for things nobody has thought of yet. Klopf's own tests run the same checks on what Klopf
ships.

What is checked belongs to many rooms, so each check is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "check_act",
    "check_audit_task",
    "check_command",
    "check_door",
    "check_fleet_model",
    "check_life",
    "check_model",
    "check_pack",
    "check_panel",
    "check_problem",
    "check_rule",
    "check_sector",
    "check_stage",
    "check_strategy",
    "check_view",
]

_WHERE = {
    "check_act": "act",
    "check_audit_task": "audit_task",
    "check_command": "command",
    "check_door": "door",
    "check_fleet_model": "fleet",
    "check_life": "learner",
    "check_model": "model",
    "check_pack": "pack",
    "check_panel": "panel",
    "check_problem": "problem",
    "check_rule": "learner",
    "check_sector": "sector",
    "check_stage": "stage",
    "check_strategy": "fleet",
    "check_view": "view",
}
"""``check -> file of this folder``, a line each."""


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'klopf.checks' has no attribute {name!r}")
    return getattr(importlib.import_module(f"klopf.checks.{_WHERE[name]}"), name)
