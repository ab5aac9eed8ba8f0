"""Fleet: devices that train where their data is, in rounds, for whoever asks and pays.

What is named here is loaded when it is first used: the trusted part, which holds a device's key, is a process that has
as little in it as can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from klopf.fleet._announced import Announced, announce, answering, applicants, apply_for, demands, server_of
    from klopf.fleet._buffered import run_buffered
    from klopf.fleet._choose import Oort
    from klopf.fleet._circle import play_circle
    from klopf.fleet._contribution import Game, Validation, exact, gtg, shares
    from klopf.fleet._demand import EXAMPLE, DemandFolder, DemandSettings, wants_escrow
    from klopf.fleet._device import Application, Device, Instructions, TrainingDevice, Update
    from klopf.fleet._divided import Divided
    from klopf.fleet._escrow import PaidOnly
    from klopf.fleet._flower import FlowerLinks, flower_app, flower_members, serve_flower
    from klopf.fleet._handed import hand_on, still_due
    from klopf.fleet._home import Home, TableDevice
    from klopf.fleet._hosts import Hosted, hosts
    from klopf.fleet._leader import Leader
    from klopf.fleet._links import Remote
    from klopf.fleet._masked import Masker
    from klopf.fleet._members import Local, Member
    from klopf.fleet._objection import enlist, object_to
    from klopf.fleet._pay import (
        amounts,
        by_member,
        effort_receipt,
        job_of,
        objections,
        pay_out,
        report_effort,
        report_job,
        report_left,
        too_late,
    )
    from klopf.fleet._post import NETWORK, Card, Post
    from klopf.fleet._private import Accountant, Privacy
    from klopf.fleet._records import read_records
    from klopf.fleet._rounds import Demand, Outcome, Round, Rounds, Test
    from klopf.fleet._secure import LocalMasked, MaskedMember, reach_masked, run_masked, serve_masked
    from klopf.fleet._statement import Statement, Told
    from klopf.fleet.models import MODELS, FleetModel
    from klopf.fleet.strategies import STRATEGIES, Combined, Strategy, strategy

_PLACES = {
    "_announced": ("Announced", "announce", "answering", "applicants", "apply_for", "demands", "server_of"),
    "_buffered": ("run_buffered",),
    "_choose": ("Oort",),
    "_circle": ("play_circle",),
    "_contribution": ("Game", "Validation", "exact", "gtg", "shares"),
    "_demand": ("DemandFolder", "DemandSettings", "EXAMPLE", "wants_escrow"),
    "_device": ("Application", "Device", "Instructions", "TrainingDevice", "Update"),
    "_divided": ("Divided",),
    "_escrow": ("PaidOnly",),
    "_flower": ("FlowerLinks", "flower_app", "flower_members", "serve_flower"),
    "_handed": ("hand_on", "still_due"),
    "_home": ("Home", "TableDevice"),
    "_hosts": ("Hosted", "hosts"),
    "_leader": ("Leader",),
    "_links": ("Remote",),
    "_masked": ("Masker",),
    "_members": ("Local", "Member"),
    "_objection": ("enlist", "object_to"),
    "_pay": (
        "amounts",
        "by_member",
        "effort_receipt",
        "job_of",
        "objections",
        "pay_out",
        "report_effort",
        "report_job",
        "report_left",
        "too_late",
    ),
    "_post": ("Card", "NETWORK", "Post"),
    "_private": ("Accountant", "Privacy"),
    "_records": ("read_records",),
    "_rounds": ("Demand", "Outcome", "Round", "Rounds", "Test"),
    "_secure": ("LocalMasked", "MaskedMember", "reach_masked", "run_masked", "serve_masked"),
    "_statement": ("Statement", "Told"),
    "models": ("FleetModel", "MODELS"),
    "strategies": ("Combined", "STRATEGIES", "Strategy", "strategy"),
}

__all__ = [
    "EXAMPLE",
    "MODELS",
    "NETWORK",
    "STRATEGIES",
    "Accountant",
    "Announced",
    "Application",
    "Card",
    "Combined",
    "Demand",
    "DemandFolder",
    "DemandSettings",
    "Device",
    "Divided",
    "FleetModel",
    "FlowerLinks",
    "Game",
    "Home",
    "Hosted",
    "Instructions",
    "Leader",
    "Local",
    "LocalMasked",
    "MaskedMember",
    "Masker",
    "Member",
    "Oort",
    "Outcome",
    "PaidOnly",
    "Post",
    "Privacy",
    "Remote",
    "Round",
    "Rounds",
    "Statement",
    "Strategy",
    "TableDevice",
    "Test",
    "Told",
    "TrainingDevice",
    "Update",
    "Validation",
    "amounts",
    "announce",
    "answering",
    "applicants",
    "apply_for",
    "by_member",
    "demands",
    "effort_receipt",
    "enlist",
    "exact",
    "flower_app",
    "flower_members",
    "gtg",
    "hand_on",
    "hosts",
    "job_of",
    "object_to",
    "objections",
    "pay_out",
    "play_circle",
    "reach_masked",
    "read_records",
    "report_effort",
    "report_job",
    "report_left",
    "run_buffered",
    "run_masked",
    "serve_flower",
    "serve_masked",
    "server_of",
    "shares",
    "still_due",
    "strategy",
    "too_late",
    "wants_escrow",
]


def __dir__() -> list[str]:
    """Also what was not used yet, so that who looks around (a help page, a shell) finds it all."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'klopf.fleet' has no attribute {name!r}")
    from importlib import import_module

    from klopf.extras import require

    require("network", "klopf.fleet")
    place = next(module for module, names in _PLACES.items() if name in names)
    found = globals()[name] = getattr(import_module(f"klopf.fleet.{place}"), name)
    return found
