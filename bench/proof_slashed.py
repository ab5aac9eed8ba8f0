"""A neuron that answers by a cheaper network than it pledged, on the ledger: is it caught, and what does it lose?

    python bench/proof_slashed.py           # 100 runs of a cheat and 25 of an honest neuron
    python bench/proof_slashed.py --quick   # 6, and 3

Contracts, beacon, proofs and signatures are real; the chain is in memory, and participants are played one after the
other in this process. In each epoch a neuron of handwritten digits signs a hundred answers for an auditor; two epochs
later the beacon's seed draws some (1 in 100), the auditor opens a case about each, with its deposit, and the neuron
shows what it can. Every second cheat shows nothing. The others prove what the pledged network says, which is not what
they signed: the auditor finds that by the proof, disputes it, and five auditors look at it and vote, one of them
bribed. Each case is closed, and the whole history is played again by ``verify``. The cheaper network has 8 hidden
units, the pledged one 32. The answers are numbers.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from eth_hash.auto import keccak
from figures import Report, arguments
from proof import digits
from proof_caught import answered, trained

from klopf import ledger
from klopf.ledger import KLP, CaseTerms, Ledger, Parameters, Role
from klopf.ledger._deployment import USUAL, deploy_over
from klopf.ledger.evidence import Challenges, Said, Statement, answer_hash
from klopf.ledger.proof import Cases, State
from klopf.ledger.proof.cases import Answered, Opened, Pledged
from klopf.peers import Numbers, values_of
from klopf.proof import model, sampling
from klopf.proof.cases import due, judged, pledge, show, to_bytes

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.ledger.conftest import Net, secret
from tests.ledger.memory import MemoryRpc

RATE, ANSWERS, STAKE = 0.01, 100, 1000 * KLP
PROOFS, SEED = 4, bytes([1] * 32)
TASK = Numbers(tuple(f"x{i}" for i in range(64)), tuple(f"y{i}" for i in range(10)), ("",) * 10)
RULES = Parameters(listen_seconds=100, claim_seconds=100, thaw_seconds=40_000, dispute_seconds=0, audit_seats=1,
                   audit_quorum=1)  # fmt: skip
TERMS = CaseTerms(rate=int(RATE * 1e6), answer_seconds=60, judge_seconds=60)


class Played:
    """One network: the neuron, an auditor that asks it, and four others, the last of them bribed."""

    def __init__(self, committed: model.Committed, signs: model.Layers, x: Any, run: int) -> None:
        self.rng, self.x, self.signs, self.committed = np.random.default_rng(run), x, signs, committed
        rpc, admin = MemoryRpc(), secret(0)
        made = deploy_over(rpc, admin, RULES, cases=TERMS, packs=(*USUAL, "evidence", "proof"))
        self.net = Net(Ledger(rpc, made, admin), self.wait)
        self.rpc, self.gas = rpc, dict[str, int]()
        self.neuron = self.net.join(Role.NEURON, stake=STAKE)
        self.auditors = [self.net.join(Role.AUDITOR) for _ in range(5)]
        self.net.admin.clock.start()
        self.own = self.net.clients[self.neuron]
        pledge(self.own.client(Cases), self.neuron, committed.card)
        said = self.own.client(Cases).said(0, self.block)
        self.pledged = next(e for e in said if isinstance(e, Pledged))
        self.said: dict[int, list[tuple[Statement, bytes]]] = {}
        self.epochs()
        self.first = self.epoch

    def wait(self, seconds: int) -> None:
        self.rpc.request("evm_increaseTime", seconds)

    @property
    def epoch(self) -> int:
        return int(self.net.admin.clock.now().epoch)

    @property
    def block(self) -> int:
        return self.rpc.height()

    def epochs(self) -> None:
        self.net.advance()
        self.net.advance()

    def answers(self) -> None:
        """A hundred answers, signed under one root."""
        asked = self.x[self.rng.integers(len(self.x), size=ANSWERS)]
        values = [values_of(one) or () for one in answered(TASK, self.signs, asked)]
        questions = [to_bytes(one) for one in asked]
        pairs = tuple((bytes(keccak(q)), answer_hash(v)) for q, v in zip(questions, values, strict=True))
        said = Said(self.epoch, self.neuron, self.auditors[0], bytes.fromhex(self.committed.card.identity), pairs)
        signature = self.own.me.sign(said.digest(self.net.admin.client(Challenges).domain))
        self.said[self.epoch] = [
            (Statement(said, signature, place, value), q)
            for place, (value, q) in enumerate(zip(values, questions, strict=True))
        ]

    def tried(self, shows: bool) -> int:
        """Cases about what was said two epochs ago: opened, answered, judged, closed. How many there were."""
        asks, since = self.net.clients[self.auditors[0]].client(Cases), self.block
        drawn = [(s, q) for s, q in self.said.pop(self.epoch - 2, []) if asks.drawn(s)]
        opened = {}
        for statement, question in drawn:
            if statement.pair not in opened:  # the same question twice in an epoch is one case
                opened[statement.pair] = asks.open(statement, question).gas
                self.gas["opening a case"] = opened[statement.pair]
        cases = due(asks, self.neuron, since, self.block)
        if shows and cases:
            again = model.Committed.of(self.committed.layers, PROOFS, SEED)  # as if it were committed anew
            sent, _ = show(self.own.client(Cases), cases, again)
            self.gas["showing an answer"] = sent.gas if sent else 0
        said = {e.id: e for e in asks.said(since, self.block) if isinstance(e, Answered)}
        for one in cases:
            if one.id in said and judged(asks, "numbers", self.pledged, one, said[one.id]):
                self.gas["a dispute"] = asks.dispute(one.id).gas
                self.votes(one, said[one.id])
        self.wait(61)
        for one in cases:
            self.gas["closing a case"] = max(self.gas.get("closing a case", 0), asks.close(one.id).gas)
        return len(cases)

    def votes(self, one: Opened, shown: Answered) -> None:
        for auditor in self.auditors:
            own = self.net.clients[auditor].client(Cases)
            against = bool(judged(own, "numbers", self.pledged, one, shown))
            self.gas["a vote"] = own.vote(one.id, auditor, against=against and auditor != self.auditors[-1]).gas

    def lasted(self, shows: bool, limit: int) -> tuple[int, int]:
        """Epochs of answers until it lost stake, 0 for never; and cases."""
        cases = 0
        for count in range(1, limit + 3):  # what was said in the last epoch is drawn two later
            if count <= limit:
                self.answers()
            cases += self.tried(shows)
            if self.net.admin.stake.account(self.neuron).slashed:
                return count - 2, cases
            self.epochs()
        return 0, cases


def main() -> None:
    options = arguments(__doc__).parse_args()
    count, honest = (6, 3) if options.quick else (100, 25)
    x, y = digits()
    y = y.astype(np.int64)
    good, cheap = (trained(x[:1400], y[:1400], hidden) for hidden in (32, 8))
    limit = sampling.epochs(RATE, ANSWERS)
    committed = model.Committed.of(good, PROOFS, SEED)
    caught, lost, told, cases, wrong = [], [], 0, 0, 0
    gas: dict[str, int] = {}
    with Report(options.json) as report:
        for run in range(count):
            one = Played(committed, cheap, x[1400:], run)
            epoch, _ = one.lasted(bool(run % 2), limit)
            caught.append(epoch)
            gas |= one.gas
            lost.append(one.net.admin.stake.account(one.neuron).slashed / STAKE)
            told += len(ledger.verify(one.net.admin, one.net.receipts))
            states = {e.state for e in one.net.admin.client(Cases).said(0, one.block) if hasattr(e, "state")}
            wrong += (State.CONVICTED if run % 2 else State.DEFAULTED) not in states
        for run in range(honest):
            one = Played(committed, good, x[1400:], 1000 + run)
            epoch, found = one.lasted(True, 5)
            cases += found
            wrong += epoch
            told += len(ledger.verify(one.net.admin, one.net.receipts))
        report.figure("epochs within which a cheat is to be caught", limit, "epochs")
        report.figure("cheats that lost stake in time", sum(e > 0 for e in caught), f"of {count}", at_least=count)
        report.figure("latest epoch of an answer that convicted", max(caught), "epochs", at_most=limit)
        report.figure("mean epoch", float(np.mean(caught)), "epochs")
        report.figure("least part of its stake that one lost", min(lost), "", at_least=0.5)
        report.figure("honest neurons' cases, all answered", cases, "cases", at_least=1)
        report.figure("honest neurons convicted, or cases that ended otherwise than they should", wrong, "", at_most=0)
        report.figure("differences that `verify` named", told, "", at_most=0)
        for what, used in gas.items():
            report.figure(what, used, "units of gas", at_most=2**24)


if __name__ == "__main__":
    main()
