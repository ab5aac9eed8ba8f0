"""Cases in any order: the contract holds what is open and no more, everybody is paid once, and `verify` agrees."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace

import pytest

from klopf.errors import Reverted
from klopf.ledger.proof import State
from tests.ledger.proof.trials import MODEL, TERMS, Trial, asked, trial

DO = (*["open"] * 3, *["answer"] * 2, "dispute", *["vote"] * 2, "close", "collect", "punish", "wait", "end")
OPEN = (State.OPEN, State.ANSWERED, State.DISPUTED)


def holds(t: Trial, ids: set[bytes]) -> None:
    cases = [t.cases.get(id) for id in ids]
    owed = sum(c.deposit + c.bond if c.state in OPEN else c.pot for c in cases)
    assert t.held() == owed
    for c in cases:
        assert c.waiting == 0 or c.state in (State.ACQUITTED, State.CONVICTED)
        assert c.pot == 0 or c.waiting > 0  # what is left belongs to somebody who can collect it
        assert c.against + c.in_favour <= c.all


@pytest.mark.parametrize("seed", range(4))
def test_money_is_conserved_whatever_is_done(tmp_path, seed: int) -> None:
    rng = random.Random(seed)
    t = trial(tmp_path, replace(TERMS, rate=rng.choice((500_000, 1_000_000)), judge_seconds=150, answer_seconds=90))
    t.at(t.neuron).pledge(t.neuron, MODEL)
    t.epochs(3)
    ids: dict[bytes, int] = {}
    everybody = (t.neuron, t.requester, *t.auditors)
    for step in range(60):
        who, number, epoch = rng.choice(everybody), rng.randrange(6), t.now() - rng.choice((2, 3))
        id = rng.choice(list(ids)) if ids and rng.random() < 0.8 else t.id(epoch, number)
        do = rng.choice(
            ("open", "open", "answer", "dispute", "vote", "vote", "close", "collect", "punish", "wait", "end")
        )
        with suppress(Reverted):
            if do == "open":
                t.at(who).open(t.said(epoch, number), asked(number))
                ids[t.id(epoch, number)] = step
            elif do == "answer":
                t.at(t.neuron).answer([id], b"%d" % step)
            elif do == "dispute":
                t.at(who).dispute(id)
            elif do == "vote":
                auditor = rng.choice(t.auditors)
                t.at(auditor).vote(id, auditor, against=rng.random() < 0.6)
            elif do == "close":
                t.at(who).close(id)
            elif do in ("collect", "punish"):
                getattr(t.at(who), do)(id, rng.choice(t.auditors))
            elif do == "end" and step > 30:
                t.at(t.neuron).end(t.neuron, MODEL)
            else:
                t.net.pass_time(rng.choice((20, 60, 160)))
                t.net.admin.clock.advance()
        holds(t, set(ids))
    t.net.pass_time(1000)
    for id in ids:
        with suppress(Reverted):
            t.cases.close(id)
        for auditor in t.auditors:
            for last in (t.cases.collect, t.cases.punish):
                with suppress(Reverted):
                    last(id, auditor)
    holds(t, set(ids))
    assert t.held() == 0 and len(ids) > 1  # nothing is locked in
    assert t.slashed(t.neuron) <= 1000 and all(t.slashed(a) <= 400 for a in t.auditors)
    t.verified()
