"""A network on a fresh chain, over both chains, and the moves that its members make."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from klopf import chain, ledger
from klopf.errors import Reverted
from klopf.ledger import KLP, Ledger, Parameters, Receipt, ReceiptTree, Result, Role, Score, SignedReceipt

TINY = Parameters(
    listen_seconds=100,
    claim_seconds=100,
    thaw_seconds=500,
    maturity=0,
    seats=2,
    emission=10_000 * KLP,
    dispute_seconds=0,
)

WINDOW = 300
"""Of disputes, in seconds."""


def secret(number: int) -> ledger.keys.Key:
    """The same key in every run."""
    return ledger.keys.Key(sha256(b"klopf test key %d" % number).digest())


@dataclass
class Net:
    """A deployment and its members. ``clients[id]`` is the ledger seen with the key of ``id``."""

    admin: Ledger
    pass_time: Callable[[int], None]
    clients: dict[int, Ledger] = field(default_factory=dict)
    receipts: list[SignedReceipt] = field(default_factory=list)

    def join(self, role: Role, stake: int = 100 * KLP, tokens: int = 10_000 * KLP) -> int:
        key = secret(1000 + len(self.clients))
        self.admin.fund(key.address, tokens=tokens)
        client = Ledger(self.admin.rpc, self.admin.deployment, key)
        certificate = b"certificate of %d " % len(self.clients) * 10
        id = client.registry.register(
            role, endpoint=f"127.0.0.1:{len(self.clients)}", model="m", certificate=certificate
        )
        self.clients[id] = client
        if stake and role is not Role.REQUESTER:
            client.stake.stake(id, stake)
        client.clock.arrive(id)
        return id

    def sign(self, receipt: Receipt, proof: tuple[bytes, ...] = ()) -> SignedReceipt:
        digest = receipt.digest(self.admin.domain)
        ends = (self.clients[i].me.sign(digest) for i in (receipt.listener, receipt.speaker))
        return SignedReceipt(receipt, *ends, proof)

    def post(self, listener: int, weights: dict[int, int]) -> list[SignedReceipt]:
        """Post receipts for ``{speaker: weight}`` and return them signed and proved."""
        epoch = self.admin.clock.now().epoch
        made = [
            Receipt(epoch, listener, s, 10, w, sha256(b"%d %d %d" % (epoch, listener, s)).digest())
            for s, w in weights.items()
        ]
        tree = ReceiptTree(made)
        client = self.clients[listener]
        client.settlement.post(listener, tree.root, sha256(b"model").digest())
        signed = [self.sign(r, tree.proof(r)) for r in made]
        self.receipts += signed
        return signed

    def advance(self) -> None:
        """End the phase, by its deadline where somebody is missing."""
        if not self.admin.clock.advance():
            self.pass_time(101)
            assert self.admin.clock.advance()

    def epoch(
        self,
        weights: dict[int, dict[int, int]],
        scores: dict[int, dict[int, Result]] | None = None,
        settle: bool = True,
    ) -> int:
        """Play one whole epoch: ``weights[listener][speaker]``, ``scores[auditor][neuron]``."""
        number = self.admin.clock.now().epoch
        columns: dict[int, list[SignedReceipt]] = {}
        for listener, row in weights.items():
            for signed in self.post(listener, row):
                columns.setdefault(signed.receipt.speaker, []).append(signed)
        salt = sha256(b"salt").digest()
        results: dict[int, list[Result]] = {}
        for auditor, rows in (scores or {}).items():
            mine = self.admin.audits.assignments(number, auditor)
            results[auditor] = [rows[n] for n in mine if n in rows]
            self.clients[auditor].audits.commit(auditor, results[auditor], salt)
        self.advance()
        for speaker, column in columns.items():
            self.clients[speaker].settlement.claim(speaker, column)
        for auditor, found in results.items():
            self.clients[auditor].audits.reveal(auditor, found, salt)
        self.advance()
        if settle:
            self.admin.settle(number)
        return number


def result(neuron: int, accuracy: int = 9000, robustness: int = 8000, half: int = 200) -> Result:
    def score(value: int) -> Score:
        return Score(value, max(0, value - half), min(10_000, value + half))

    return Result(neuron, {"accuracy": score(accuracy), "robustness": score(robustness)})


def deploy(where: str, pass_time: Callable[[int], None], parameters: Parameters = TINY) -> Net:
    admin = secret(0)
    deployment = ledger.deploy(where, admin, parameters)
    return Net(ledger.connect(where, admin, deployment), pass_time)


def embedded(parameters: Parameters = TINY) -> Net:
    """A network on an embedded chain of its own, whose clock can be moved."""
    path = str(Path(tempfile.mkdtemp()) / "chain.db")
    chain.create(path, chain_id=1337, dev=True).close()
    net = deploy(path, lambda seconds: None, parameters)
    net.pass_time = lambda seconds: net.admin.rpc.request("evm_increaseTime", hex(seconds))
    return net


def receipt(net: Net, listener: int, speaker: int, weight: int) -> Receipt:
    epoch = net.admin.clock.now().epoch
    return Receipt(epoch, listener, speaker, 10, weight, sha256(b"%d %d" % (listener, speaker)).digest())


def betray(net: Net, listener: int, given: Receipt, posted: Receipt) -> SignedReceipt:
    """The listener gives ``given``, signed, and posts a root over ``posted``."""
    tree = ReceiptTree([posted])
    net.clients[listener].settlement.post(listener, tree.root, bytes(32))
    signed = net.sign(given)
    net.receipts += [signed]
    return signed


def quarrel(net: Net, a: int, b: int, r: int) -> None:
    """One epoch with disputes of both ends: ``a`` betrays ``b``; ``r`` is accused by ``b`` and clears itself."""
    net.admin.rules.propose(replace(net.admin.rules.current(), dispute_seconds=WINDOW))
    net.advance()
    net.advance()
    epoch = net.admin.clock.now().epoch
    betrayed = betray(net, a, receipt(net, a, b, 9000), receipt(net, a, b, 5))
    (good,) = net.post(r, {b: 0})
    (heard,) = net.post(b, {a: 7000})
    net.advance()
    net.clients[a].settlement.claim(a, [heard])
    net.clients[b].settlement.claim(b, [])
    net.advance()
    net.admin.settle(epoch)
    column = net.admin.settlement.column(epoch, a)
    assert column.weighed and not column.collected  # how it was heard counts at once, the money waits
    net.clients[b].disputes.open(betrayed)
    net.clients[b].disputes.open(good)
    with pytest.raises(Reverted, match="NotInRoot"):
        net.admin.disputes.answer(epoch, a, b, [])
    net.admin.disputes.answer(epoch, r, b, good.proof)
    with pytest.raises(Reverted, match="NotDue"):
        net.admin.disputes.uphold(epoch, a, b)
    net.pass_time(WINDOW)
    net.admin.settle(epoch)
    assert not net.admin.settlement.column(epoch, a).collected  # the dispute is open
    assert net.admin.settlement.column(epoch, r).collected
    net.admin.disputes.uphold(epoch, a, b)
    net.admin.settle(epoch)
    assert net.admin.settlement.column(epoch, a).voided


@pytest.fixture
def net(chain_endpoint) -> Iterator[Net]:  # type: ignore[no-untyped-def]
    """An empty network over each chain in turn."""
    made = deploy(chain_endpoint.location, chain_endpoint.pass_time)
    yield made
    made.admin.close()


@pytest.fixture
def contracts() -> Path:
    """The folder of the contracts' sources."""
    return Path(__file__).parents[2] / "contracts"


sys.modules.setdefault("ledger_helpers", sys.modules[__name__])
