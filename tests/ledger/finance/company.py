"""A network with the pack finance, a neuron whose model passed its audit, a founder and people with money."""

from __future__ import annotations

from hashlib import sha256

from ledger_helpers import KLP, TINY, Net, Role, result, secret

from klopf import ledger
from klopf.ledger import Ledger
from klopf.ledger._deployment import USUAL, deploy_over
from klopf.ledger.finance import Deed, VentureTerms
from tests.ledger.memory import MemoryRpc

DAY = 24 * 3600
GOAL = 1000 * KLP
PLAN = sha256(b"a model of pumps").digest()


class Company:
    """``founder`` asks, ``people`` bring; ``verifier`` says what ``workers`` contributed. Each has ``PURSE``."""

    PURSE = 10**6 * KLP

    def __init__(self, people: int = 3) -> None:
        rpc = MemoryRpc()
        deployment = deploy_over(rpc, secret(0), TINY, packs=(*USUAL, "finance"))
        self.rpc, self.owner = rpc, Ledger(rpc, deployment, secret(0))
        self.net = Net(self.owner, self.wait)
        self.founder, self.verifier, *self.people = (self._somebody(800 + n) for n in range(people + 2))
        self.workers = [self._somebody(900 + n) for n in range(2)]

    def _somebody(self, number: int) -> Ledger:
        key = secret(number)
        self.owner.token.transfer(key.address, self.PURSE)
        return Ledger(self.rpc, self.owner.deployment, key)

    def wait(self, seconds: int) -> None:
        self.rpc.request("evm_increaseTime", seconds)

    @property
    def now(self) -> int:
        return self.owner.clock.now().time

    def terms(self, goal: int = GOAL, founder_bps: int = 2500) -> VentureTerms:
        """A week to fill it, sixty days to spend it."""
        now = self.now
        return VentureTerms(goal, now + 7 * DAY, now + 67 * DAY, self.verifier.me.address, founder_bps, PLAN)

    def filled(self, parts: tuple[int, ...] = (600 * KLP, 400 * KLP), founder_bps: int = 2500) -> int:
        """A venture that three people filled: half, a third and all that was left."""
        id = self.founder.ventures.open(self.terms(sum(parts), founder_bps), parts)
        goal = sum(parts)
        for one, amount in zip(self.people, (goal // 2, goal // 3, goal - goal // 2 - goal // 3), strict=False):
            one.ventures.fund(id, amount)
        return id

    def spend(self, id: int, price: int) -> int:
        return self.founder.ventures.spend(id, price, self.now + DAY, PLAN)

    def report(self, job: int, *amounts: int) -> None:
        """The verifier reports, nobody objects, and the workers are paid."""
        workers = [one.me.address for one in self.workers[: len(amounts)]]
        self.verifier.jobs.report(job, dict(zip(workers, amounts, strict=True)))
        self.wait(3 * DAY)
        self.owner.jobs.pay_all(job, workers)

    def audited(self) -> int:
        """A neuron whose model three auditors have found good."""
        neuron = self.net.join(Role.NEURON)
        auditors = [self.net.join(Role.AUDITOR) for _ in range(3)]
        self.owner.clock.start()
        self.net.epoch({neuron: {}}, {one: {neuron: result(neuron)} for one in auditors})
        assert self.owner.registry.get(neuron).passed
        return neuron

    def mint(self, deed: Deed, *lots: int, by: Ledger | None = None) -> int:
        """A model of what the founder and these lots signed; by default sent by whose the neuron is."""
        return (by or self.net.clients[deed.neuron]).models.mint(deed, *self.sign(deed, *lots))

    def sign(self, deed: Deed, *lots: int) -> tuple[bytes, dict[int, bytes]]:
        """The founder's signature, and those of lots."""
        owners = {one.me.address: one for one in self.people}
        signed = {lot: owners[self.owner.ventures.lot(deed.venture, lot).owner].models.sign(deed) for lot in lots}
        return self.founder.models.sign(deed), signed

    def agrees(self) -> None:
        assert [str(line) for line in ledger.verify(self.owner, self.net.receipts)] == []
