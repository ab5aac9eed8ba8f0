"""What the contracts say: a module a contract, a class an event; ``events.settlement.Heard`` is what Settlement says.

An event is known by its contract and its name together: ``events.jobs.Disputed`` is another class than
``events.disputes.Disputed``. ``UnknownEvent`` is what no pack installed here can read.
"""

from __future__ import annotations

from klopf.ledger._event import Event, UnknownEvent
from klopf.ledger._history import kinds
from klopf.ledger.agents import identity, reputation, validation
from klopf.ledger.audit import audit_terms, audits, marks, seats
from klopf.ledger.core import clock, directory, lens, registry, reserves, rules, snapshots, stake, token
from klopf.ledger.dao import governance, timelock
from klopf.ledger.evidence import audit_pay, challenges
from klopf.ledger.finance import circulation, exchange, liquidity, loans, models, trades, ventures
from klopf.ledger.fleet import devices, effort, forwarder
from klopf.ledger.market import disputes, economy, emission, jobs, settlement, vouchers
from klopf.ledger.move import claims
from klopf.ledger.schema import schema

__all__ = [
    "Event",
    "UnknownEvent",
    "audit_pay",
    "audit_terms",
    "audits",
    "challenges",
    "circulation",
    "claims",
    "clock",
    "devices",
    "directory",
    "disputes",
    "economy",
    "effort",
    "emission",
    "exchange",
    "forwarder",
    "governance",
    "identity",
    "jobs",
    "kinds",
    "lens",
    "liquidity",
    "loans",
    "marks",
    "models",
    "registry",
    "reputation",
    "reserves",
    "rules",
    "schema",
    "seats",
    "settlement",
    "snapshots",
    "stake",
    "timelock",
    "token",
    "trades",
    "validation",
    "ventures",
    "vouchers",
]
