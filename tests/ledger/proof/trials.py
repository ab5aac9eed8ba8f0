"""A network in which neurons pledge their answers, and what there is to do about one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from eth_hash.auto import keccak
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf import chain, ledger
from klopf.ledger import CaseTerms
from klopf.ledger._deployment import USUAL
from klopf.ledger.evidence import Challenges, Said, Statement, answer_hash
from klopf.ledger.proof import Cases
from klopf.ledger.proof.cases import id_of

MODEL, OTHER = b"\7" * 32, b"\x08" * 32
VALUES = (900_000, 100_000)
TERMS = CaseTerms(rate=1_000_000, answer_seconds=50, judge_seconds=60, deposit=KLP, bond=10 * KLP)


def asked(number: int) -> bytes:
    return b"question %d" % number


def question(number: int) -> bytes:
    return bytes(keccak(asked(number)))


@dataclass
class Trial:
    """A neuron, five auditors (the last with as much as the other four) and a requester, in the first epoch."""

    net: Net
    neuron: int
    auditors: tuple[int, ...]
    requester: int

    def at(self, id: int) -> Cases:
        return self.net.clients[id].client(Cases)

    @property
    def cases(self) -> Cases:
        return self.net.admin.client(Cases)

    def now(self) -> int:
        return int(self.net.admin.clock.now().epoch)

    def said(self, epoch: int, number: int = 0, values: tuple[int, ...] = VALUES, **other: object) -> Statement:
        """What the neuron said to its first auditor, among other things, signed."""
        others = [(question(1000 + i), sha256(b"other").digest()) for i in range(3)]
        pairs = (*others, (question(number), answer_hash(values)))
        said = replace(Said(epoch, self.neuron, self.auditors[0], MODEL, pairs), **other)
        domain = self.net.admin.client(Challenges).domain
        return Statement(said, self.net.clients[self.neuron].me.sign(said.digest(domain)), 3, values)

    def id(self, epoch: int, number: int = 0, values: tuple[int, ...] = VALUES) -> bytes:
        return id_of(epoch, self.neuron, question(number), values)

    def epochs(self, count: int) -> None:
        for _ in range(2 * count):
            self.net.advance()

    def balance(self, id: int) -> int:
        return int(self.net.admin.token.balance(self.net.clients[id].me.address))

    def held(self) -> int:
        return int(self.net.admin.token.balance(self.net.admin.deployment.addresses["Cases"]))

    def slashed(self, id: int) -> float:
        return self.net.admin.stake.account(id).slashed / KLP

    def opened(self) -> bytes:
        """A case about an answer of the pledge's first epoch."""
        self.at(self.neuron).pledge(self.neuron, MODEL)
        self.epochs(1)
        epoch = self.now()
        self.epochs(2)
        self.at(self.requester).open(self.said(epoch), asked(0))
        return self.id(epoch)

    def disputed(self) -> bytes:
        id = self.opened()
        self.at(self.neuron).answer([id], b"\1" * 32)
        self.at(self.requester).dispute(id)
        return id

    def verified(self) -> None:
        assert [str(d) for d in ledger.verify(self.net.admin, self.net.receipts)] == []


def trial(folder: Path, terms: CaseTerms = TERMS) -> Trial:
    path = str(folder / "chain.db")
    chain.create(path, chain_id=1337, dev=True).close()
    rules = replace(TINY, thaw_seconds=8_000, audit_seats=1, audit_quorum=1)
    made = ledger.deploy(path, secret(0), rules, cases=terms, packs=(*USUAL, "evidence", "proof"))
    net = Net(ledger.connect(path, secret(0), made), lambda seconds: None)

    def pass_time(seconds: int) -> None:
        net.admin.rpc.request("evm_increaseTime", hex(seconds))
        net.admin.rpc.request("evm_mine")  # so that what is tried next is tried at that time

    net.pass_time = pass_time
    neuron = net.join(Role.NEURON, stake=1000 * KLP)
    auditors = [net.join(Role.AUDITOR, stake=100 * KLP) for _ in range(4)] + [net.join(Role.AUDITOR, stake=400 * KLP)]
    requester = net.join(Role.REQUESTER)
    net.admin.clock.start()
    return Trial(net, neuron, tuple(auditors), requester)
