"""The twin shown from one end to the other: a storm, a drill, who decides best, who gains and loses, and the gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from klopf import files
from klopf.errors import TwinError
from klopf.twin._drill import drill
from klopf.twin._gate import gate
from klopf.twin._picture import changes, front, steps
from klopf.twin._policy import policy_called
from klopf.twin._response import Response
from klopf.twin._scenario import Scenario
from klopf.twin._sector import Plan
from klopf.twin._welfare import compensation, outcome, pareto
from klopf.twin._world import Policy, World

__all__ = ["play"]

_POLICIES = ("nothing", "rules", "planner", "listening", "foresight")
_SHOWN = {"cost": "bills, money", "carbon": "kg CO2", "comfort": "comfort", "outages": "customer hours without grid",
          "welfare": "welfare, money", "least": "what the worst off has"}  # fmt: skip
_WORLDS, _DAYS = 3, 10


def play(folder: Path, seed: int = 0, tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Play it in the new ``folder`` and write ``report.html``, ``response.json`` and ``verdict.json`` there; what came
    of it. The same ``seed`` is the same report.

    Raises:
        TwinError: the folder is there already, or cannot be made.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise TwinError(f"{folder} is there already: choose another name") from None
    except OSError as error:
        raise TwinError(f"cannot make {folder}: {error.strerror or error}") from error
    plan, storm = Plan(), Scenario.read("storm")
    tell("a storm strikes twenty households under today's rules")
    today, dark = _struck(plan, seed, storm, policy_called("rules"))
    fallen = [one for one in today.record if one.sector == "people"] or list(today.record)
    chain = today.chain(fallen[0])
    tell("a response is trained in other storms, and tried in this one")
    told = drill(storm, plan, range(seed, seed + 5), rounds=4, many=12, worlds=3, seed=seed)
    response = Response(told.response)
    response.write(folder / "response.json")
    _, better = _struck(plan, seed, storm, Response(told.response))
    tell(f"{len(_POLICIES)} policies decide in the same {_WORLDS} worlds")
    calm = Plan(start=150)
    came = {
        name: [outcome(World(calm, one).run(_DAYS * 24, policy_called(name)), name) for one in range(_WORLDS)]
        for name in _POLICIES
    }
    table = {
        name: {key: [round(float(q), 4) for q in np.quantile([getattr(one, key) for one in some], (0.5, 0, 1))]
               for key in _SHOWN}
        for name, some in came.items()
    }  # fmt: skip
    spots = {name: (row["cost"][0], row["carbon"][0]) for name, row in table.items()}
    best = [bool(on) for on in pareto(list(spots.values()))]
    change = np.array(came["listening"][0].has) - np.array(came["rules"][0].has)
    transfers, lacking = compensation(came["rules"][0].has, came["listening"][0].has)
    tell("the gate tries listening in every disaster")
    verdict = gate(lambda: policy_called("listening"), plan, range(2))
    files.replace(folder / "verdict.json", json.dumps(verdict.as_dict(), indent=1))
    said = {
        "chain": chain, "response": dict(told.response), "says": response.says(),
        "drill": {name: {what: float(np.mean(v)) for what, v in one.items()} for name, one in told.came.items()},
        "policies": table, "front": [name for name, on in zip(table, best, strict=True) if on],
        "gain": int((change > 1e-9).sum()), "lose": int((change < -1e-9).sum()), "lacking": lacking,
        "released": verdict.released, "missed": verdict.missed,
    }  # fmt: skip
    pictures = (
        steps({"today's rules": dark, "trained response": better}, plan.hours, "Households without grid in the storm"),
        front(spots, best, "bills, money", "kg CO2"),
        changes(change.tolist(), transfers.tolist(), "What each household gains or loses by listening"),
    )  # fmt: skip
    files.replace(folder / "report.html", _page(said, pictures))
    return said


def _struck(plan: Plan, seed: int, storm: Scenario, policy: Policy) -> tuple[World, list[float]]:
    world, dark, before = World(plan, seed, scenario=storm), [], 0.0
    for _ in range(5 * 24):
        world.run(1, policy)
        outages = float(world.sums()["power"]["outages"][0])
        dark.append((outages - before) / plan.hours)
        before = outages
    return world, dark


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{escape(one)}</th>" for one in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(one)}</td>" for one in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _page(said: Mapping[str, Any], pictures: tuple[str, str, str]) -> str:
    drilled = [(name, *(f"{one[what]:,.0f}" for what in ("hours", "grid", "money")))
               for name, one in said["drill"].items()]  # fmt: skip
    decided = [(name, *(f"{row[key][0]:,.2f} [{row[key][1]:,.2f}, {row[key][2]:,.2f}]" for key in _SHOWN))
               for name, row in said["policies"].items()]  # fmt: skip
    verdict = "is released" if said["released"] else "is refused"
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>A world to fail in first</title><style>',
        "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2939}"
        "table{border-collapse:collapse;font-size:13px}td,th{border-bottom:1px solid #d0d5dd;padding:.3rem .6rem;"
        "text-align:right}td:first-child,th:first-child{text-align:left}svg{max-width:36rem;width:100%}</style>",
        "<h1>A world to fail in first</h1><p>Twenty households, a feeder, waterworks, a factory and the people who "
        "live of it. No device was harmed.</p><h2>A storm, and what it came to</h2><ol>",
        *(f"<li>{escape(line)}</li>" for line in said["chain"]),
        "</ol>", pictures[0], "<h2>The drill</h2><p>Trained in other storms; tried in this one with seeds it has not "
        "seen, and in others that it has not seen. Means.</p>",
        _table(("who acts", "customer hours without grid or water", "of them without grid", "money lost and paid"),
               drilled),
        "<ul>", *(f"<li>{escape(line)}</li>" for line in said["says"]), "</ul><h2>Who decides</h2><p>"
        f"{_DAYS} days in late spring, the middle of {_WORLDS} worlds [least, most]; foresight sees everything, which "
        "nobody can.</p>", _table(("policy", *_SHOWN.values()), decided), pictures[1], "<h2>Who gains, who loses</h2>"
        f"<p>{said['gain']} households gain and {said['lose']} lose; {said['lacking']:,.2f} money would be lacking to "
        "leave nobody worse off.</p>", pictures[2], f"<h2>The gate</h2><p>listening {verdict}. By its few worlds alone "
        f"it may still break something for up to {said['missed']:.0%} of seeds, with 95 % certainty.</p>"
        "<p>Again: <code>klopf twin gate listening --repeat verdict.json</code>, <code>klopf twin gate response.json"
        "</code>, <code>klopf demo --twin --seed N</code>.</p></html>\n",
    ]  # fmt: skip
    return "".join(parts)
