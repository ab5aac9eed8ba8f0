"""What this package adds keeps Klopf's promises."""

import base64
import json

import numpy as np
import pytest
from klopf_example.changes import Changes

from klopf import checks
from klopf.console import COMMANDS
from klopf.console.web import ACTS, VIEWS
from klopf.ledger.packs import PACKS
from klopf.network import PANELS
from klopf.peers import Numbers


def test_model():
    checks.check_model("least-squares", Numbers(("a", "b"), ("y",), ("m",)))


def test_audit_task():
    checks.check_audit_task("closeness")


def test_rule():
    checks.check_rule("lion")


def test_stage():
    checks.check_stage(Changes(3))


def test_problem():
    checks.check_problem("seasons")


def test_fleet_model():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 120)
    x = rng.normal(size=(120, 4)) + 2 * np.eye(3, 4)[y]
    checks.check_fleet_model("softmax", {"sensors": 4, "classes": 3}, x, y)


def test_strategy():
    checks.check_strategy("median")


def test_command():
    checks.check_command(COMMANDS.load("shares"))


def test_sector():
    checks.check_sector("hospital")


def test_view():
    checks.check_view(VIEWS.load("moves"))


def test_act():
    checks.check_act(ACTS.load("leave"))


async def by_query(http, url, question, payment):
    """How somebody buys at the door."""
    samples = question["samples"]
    headers = {} if payment is None else {"PAYMENT-SIGNATURE": base64.b64encode(json.dumps(payment).encode()).decode()}
    said = await http.get(
        url + "/by-query", params={name: [one[name] for one in samples] for name in samples[0]}, headers=headers
    )
    price = said.headers.get("PAYMENT-REQUIRED")
    return said.json().get("answers"), json.loads(base64.b64decode(price)) if price else None


def test_door():
    pytest.importorskip("x402")
    checks.check_door("by-query", by_query)


def test_panel():
    checks.check_panel(PANELS.load("by-model"))


def test_pack():
    checks.check_pack(PACKS.load("circle"))
