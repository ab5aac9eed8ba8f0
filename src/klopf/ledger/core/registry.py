"""Who takes part: keys, roles, models, standing and seats; and how much each was heard.

Its events are in ``_registry_events.py``; what of its replay judges, in ``_standings.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf import neuron
from klopf.errors import LedgerError
from klopf.ledger._client import Connection, Sent
from klopf.ledger._event import Event
from klopf.ledger._pack import Contract
from klopf.ledger._parameters import KLP
from klopf.ledger._receipts import Domain
from klopf.ledger.core import _reference as ref
from klopf.ledger.core._duties import Duties
from klopf.ledger.core._member import Member
from klopf.ledger.core._participant import Participant, Role
from klopf.ledger.core._registry_events import (
    Delisted,
    Dismissed,
    EIP712DomainChanged,
    Gone,
    Judged,
    KeyRotated,
    ModelChanged,
    ModelCommitted,
    Moved,
    Registered,
    StandingChanged,
    UtilityUpdated,
)
from klopf.ledger.core._standings import KEEPS_SEAT, Standings
from klopf.ledger.core.clock import Clock
from klopf.ledger.core.lens import Lens
from klopf.ledger.core.token import Token
from klopf.ledger.keys import Key, checksum
from klopf.neuron import Standing

__all__ = [
    "FREE",
    "KEEPS_SEAT",
    "Delisted",
    "Dismissed",
    "EIP712DomainChanged",
    "Gone",
    "Judged",
    "KeyRotated",
    "Member",
    "ModelChanged",
    "ModelCommitted",
    "Moved",
    "Registered",
    "Registry",
    "RegistryReplay",
    "StandingChanged",
    "UtilityUpdated",
]

_PAGE = 200  # participants read in one call, at most
_TEXT, _CERTIFICATE = 255, 4096  # bytes of an endpoint or a model, and of a certificate
FREE, _DEPOSIT = 256, 10 * KLP  # so many ids cost nothing, those after them this
_DUST = 10**18


class RegistryReplay(Standings):
    """Members, what each has at stake and who is bound to listen; standing is in :class:`Standings`."""

    holds_tokens = True

    def begin(self) -> None:
        super().begin()
        self.listed: dict[int, int] = {}
        """Auditors who staked enough, oldest first, and when each may first be drawn."""
        self.lots: dict[int, list[tuple[int, int]]] = {}
        """Of everybody who ever had an auditor's stake, in the order of coming: (epoch, weight after it changed)."""
        self.clock.weight = self.weight
        self.duties = Duties()

    def on_Registered(self, e: Registered) -> None:
        self.differ(f"id of {self.where(e)}", len(self.members) + 1, e.id)
        deposit = _DEPOSIT if e.id > FREE else 0
        self.members[e.id] = Member(Role(e.role), e.owner, e.key, e.endpoint, e.model, e.certificate, deposit=deposit)
        if deposit:
            self.move(e.owner, self.address, deposit)
        self.bounded(e, e.endpoint, e.certificate, e.model)

    def bounded(self, e: Event, endpoint: str, certificate: bytes, model: str = "") -> None:
        """What somebody says of itself is no longer than may be said."""
        longest = max(len(endpoint.encode()), len(model.encode()))
        self.differ(f"length of {self.where(e)}", True, longest <= _TEXT and len(certificate) <= _CERTIFICATE)

    def on_Gone(self, e: Gone) -> None:
        m = self.members[e.id]
        self.differ(f"deposit of {self.where(e)}", m.deposit, e.deposit)
        self.differ(f"stake of {self.where(e)} next to nothing", True, m.staked < _DUST)
        if m.deposit:
            self.move(self.address, m.owner, m.deposit)
        m.role, m.deposit, m.endpoint, m.model = Role.NONE, 0, "", ""

    def owed(self) -> int:
        return sum(m.deposit for m in self.members.values())

    def weight(self, id: int | None = None) -> int:
        """What ``id``, or all who take part, have at stake: neither the silent nor who only asks."""
        them = self.members.values() if id is None else [self.members[id]]
        roles = (Role.NEURON, Role.AUDITOR)
        return sum(m.staked for m in them if m.role in roles and m.standing is not Standing.SILENT)

    def on_Moved(self, e: Moved) -> None:
        m = self.members[e.id]
        m.endpoint, m.certificate = e.endpoint, e.certificate
        self.bounded(e, e.endpoint, e.certificate)

    def on_KeyRotated(self, e: KeyRotated) -> None:
        m = self.members[e.id]
        m.replaced[m.key], m.key = self.clock.epoch, e.key

    def on_ModelChanged(self, e: ModelChanged) -> None:
        m = self.members[e.id]
        m.model, m.passed = e.model, False
        m.renewed = m.renewed or m.standing is Standing.SILENT

    def on_ModelCommitted(self, e: ModelCommitted) -> None:
        self.members[e.id].commitment = e.commitment
        if not self.duties.saw(e.id, e.epoch):
            self.bind_anew(e.id)
        self.expect("Settlement.Posted", e.id, e.epoch)

    def must_know(self, id: int) -> None:
        """KeyError where nobody is registered under ``id``."""
        if id not in self.members:
            raise KeyError(id)

    # -- who is bound to listen --

    def changed(self, id: int, before: Standing, after: Standing) -> None:
        if after is Standing.SILENT:
            self.duties.bind(id, 0, self.clock.epoch)
        elif before in (Standing.NONE, Standing.SILENT):
            self.bind_anew(id)

    def bound_with(self, id: int, epoch: int) -> int:
        """The stake with which a neuron is bound to listen; 0 where it is not."""
        return self.members[id].stake_at(epoch) if self.duties.since(id) <= epoch else 0

    def bind_anew(self, id: int) -> None:
        """A neuron that speaks is bound to listen."""
        m = self.members[id]
        if m.role is Role.NEURON and m.standing in (Standing.FRINGE, Standing.BACKBONE):
            self.duties.bind(id, m.staked, self.clock.epoch)

    def on_Dismissed(self, e: Dismissed) -> None:
        self.differ(f"epoch of {self.where(e)}", self.clock.epoch, e.epoch)
        self.differ(f"absence of {self.where(e)} long enough", True, self.duties.absent(e.id, e.epoch))
        self.duties.bind(e.id, 0, e.epoch)

    def restake(self, id: int, staked: int, fell: bool) -> None:
        """What a changed stake means for weight and standing; standing is lost only where stake was taken out."""
        m, rules, epoch = self.members[id], self.rules.now, self.clock.epoch
        if m.stakes and m.stakes[-1][0] == epoch:
            m.stakes.pop()
        m.stakes.append((epoch, staked))
        self.duties.restake(id, staked if m.standing is not Standing.SILENT else 0, epoch)
        if m.role is Role.AUDITOR and id not in self.listed and staked >= rules.auditor_stake:
            self.listed[id] = epoch + 1
        weight = staked if m.role is Role.AUDITOR and staked >= rules.auditor_stake else 0
        if weight or id in self.lots:
            self.lots.setdefault(id, []).append((epoch, weight))
        if m.role is not Role.NEURON:
            return
        if m.standing is Standing.NONE and staked >= rules.neuron_stake:
            m.born = m.updated = epoch
            self.expect_standing(id, Standing.FRINGE)
        elif fell and m.standing in (Standing.FRINGE, Standing.BACKBONE) and staked < rules.neuron_stake:
            self.expect_standing(id, Standing.SILENT)

    def electorate(self, epoch: int) -> list[tuple[int, int]]:
        """(id, weight) of the auditors, as they were when ``epoch`` opened, in the order in which they are drawn."""
        return [
            (id, next((weight for changed, weight in reversed(lots) if changed < epoch), 0))
            for id, lots in self.lots.items()
        ]

    def on_Delisted(self, e: Delisted) -> None:
        m, least, epoch = self.members[e.id], self.rules.now.auditor_stake, self.clock.epoch
        drawable = self.listed[e.id] <= epoch and m.stake_at(epoch) >= least
        self.differ(f"stake of {e.id} too little at {self.where(e)}", True, m.staked < least and not drawable)
        del self.listed[e.id]

    # -- the end --

    def compare(self) -> None:
        registry, the = self.client(Registry), "the contract's"
        self.differ(f"{the} list of auditors", list(self.listed), registry.auditors())
        self.differ(f"{the} stake of all who take part", self.weight(), registry.weight())
        epoch = self.clock.epoch
        self.differ(f"{the} stake that is bound to listen", self.duties.bound(epoch), registry.bound(epoch))
        participants = {p.id: p for p in registry.all()}
        self.differ(f"{the} ids", sorted(self.members), sorted(participants))
        for id, m in self.members.items():
            if id in participants:
                try:
                    self.compare_member(id, m, participants[id])
                except ValueError as error:
                    self.differ(f"record of {id}", "possible", error)

    def compare_member(self, id: int, m: Member, p: Participant) -> None:
        epoch = self.clock.epoch
        pairs: tuple[tuple[str, object, object], ...] = (
            ("role", m.role.name, p.role.name),
            ("owner", m.owner, p.owner),
            ("key", m.key, p.key),
            ("endpoint", m.endpoint, p.endpoint),
            ("model", m.model, p.model),
            ("certificate's fingerprint", sha256(m.certificate).digest(), p.fingerprint),
            ("model commitment", m.commitment, p.commitment),
            ("standing", m.standing.name, p.standing.name),
            ("last audit", (m.passed, m.failed), (p.passed, p.failed)),
            ("age", self.age(m), p.age),
            ("epochs accounted for", m.accounted, p.accounted),
            ("utility", self.utility(m) / ref.WAD, p.utility),
            ("deposit", m.deposit, self.client(Registry).deposit(id)),
            ("duty to listen", self.bound_with(id, epoch), self.client(Registry).bound_with(id, epoch)),
            ("last arrival", self.clock.turns[id], self.client(Clock).last_turn(id)),
        )
        for what, expected, found in pairs:
            self.differ(f"{what} of {id}", expected, found)
        for key, last in m.replaced.items():
            found_last = self.client(Registry).replaced_in(key)
            self.differ(f"the last epoch of the former key {key} of {id}", last, found_last)
        decay, lived = self.rules.now.decay / ref.WAD, self.age(m)
        since = m.rule_utility * decay ** max(0, m.born + lived - m.updated)
        by_rule = neuron.corrected_utility(since, lived, decay)
        self.differ(f"utility of {id} as the shared rule has it", True, abs(by_rule - p.utility) < 1e-9)


class Registry(Contract):
    """Who takes part."""

    name = "Registry"
    events = (
        Registered, Moved, KeyRotated, Gone, ModelChanged, ModelCommitted, UtilityUpdated, Judged, StandingChanged,
        Delisted, Dismissed, EIP712DomainChanged,
    )  # fmt: skip
    needs_none = (EIP712DomainChanged,)
    participants = ("id", "rival")
    replay = RegistryReplay

    def __init__(self, ledger: Connection) -> None:
        super().__init__(ledger)
        self._certificates: dict[bytes, bytes] = {}
        self._scanned = ledger.deployment.block - 1

    def register(
        self, role: Role, *, endpoint: str = "", model: str = "", certificate: bytes = b"", key: Key | None = None
    ) -> int:
        """Join under ``key`` (by default the one that sends, which becomes the owner). Returns the new id.

        Endpoint and model have at most 255 bytes, the certificate 4,096. Where there are 256 participants already it
        costs a deposit of 10 KLP, approved by itself, which :meth:`quit` returns.
        """
        key = key or self._ledger.me
        if self.count() >= FREE:
            self._ledger.client(Token).ensure_allowance(self.address, _DEPOSIT)
        proof = self._proof(key, sha256(certificate).digest())
        sent = self._write("register", int(role), key.address, endpoint, model, certificate, proof)
        return self._made(sent, "Registered")

    def _proof(self, key: Key, fingerprint: bytes) -> bytes:
        kind = keccak(b"KeyProof(address owner,bytes32 fingerprint)")
        message = keccak(encode(("bytes32", "address", "bytes32"), (kind, self._ledger.me.address, fingerprint)))
        domain = Domain(self._ledger.deployment.chain_id, self.address, "Klopf Registry")
        return key.sign(domain.digest(bytes(message)))

    def move(self, id: int, endpoint: str, certificate: bytes) -> Sent:
        """Answer from another address, under another certificate."""
        return self._write("move", id, endpoint, certificate)

    def rotate_key(self, id: int, key: Key) -> Sent:
        """Replace the key. What the old one signed for epochs up to this one stays signed; it may do nothing else."""
        return self._write("rotateKey", id, key.address, self._proof(key, self.get(id).fingerprint))

    def signs_for(self, id: int, epoch: int, key: str) -> bool:
        """Whether what ``key`` signs about ``epoch`` is a participant's word: its key, or the one that it had then."""
        return bool(self._read("signsFor", id, epoch, key))

    def quit(self, id: int) -> Sent:
        """Leave for good, with nothing at stake any more; the deposit returns. What is due for past epochs is still
        paid to the owner."""
        return self._write("quit", id)

    def committed(self, since: int, until: int) -> list[ModelCommitted]:
        """The models that neurons committed to from block ``since`` to block ``until``."""
        return list(self._said((ModelCommitted,), since, until))

    def told(self, since: int, until: int) -> list[Registered | ModelChanged | ModelCommitted]:
        """What was said from block ``since`` to block ``until`` about models: names, and states committed to."""
        kinds = (Registered, ModelChanged, ModelCommitted)
        return [event for event in self._said(kinds, since, until) if isinstance(event, kinds)]

    def deposit(self, id: int) -> int:
        """What returns when ``id`` leaves."""
        return int(self._read("depositOf", id))

    def weight(self) -> int:
        """What all who take part have at stake; the silent do not."""
        return int(self._read("weight"))

    def change_model(self, id: int, model: str) -> Sent:
        """Announce another kind of model, which has passed no audit yet."""
        return self._write("changeModel", id, model)

    def renewed(self, id: int) -> bool:
        """Whether a silent neuron announced another model: then an audit that it passes ends its silence."""
        return bool(self._read("renewed", id))

    def knock(self, id: int, incumbent: int = 0) -> Sent:
        """Ask for a backbone seat: a free one, or that of ``incumbent``."""
        return self._write("knock", id, incumbent)

    def silence(self, id: int) -> Sent:
        """Silence, or send back to the fringe, a neuron whose record says so."""
        return self._write("silence", id)

    def bound(self, epoch: int) -> tuple[int, int]:
        """Stake and number of the neurons that are bound to listen in the running epoch, as it opened."""
        stake, count = self._read("bound", epoch)
        return int(stake), int(count)

    def bound_with(self, id: int, epoch: int) -> int:
        """The stake with which a neuron is bound to listen in an epoch; 0 where it is not."""
        return int(self._read("boundWith", id, epoch))

    def dismiss(self, ids: Sequence[int]) -> Sent:
        """Bind neurons to listen no longer that have not posted for 24 epochs, 200 in a transaction; others are passed
        over. Anybody may."""
        return self._write_pages("dismiss", ids, most=_PAGE)

    def auditors(self) -> list[int]:
        """The listed auditors, oldest first."""
        return list(self._read("auditors"))

    def delist(self, most: int) -> Sent:
        """Take up to ``most`` auditors off the list who have had too little staked since before this epoch."""
        return self._write("delist", most)

    def count(self) -> int:
        """How many have ever registered."""
        return int(self._read("count"))

    def id_of(self, address: str) -> int:
        """The id registered under a key's address; 0 for none."""
        return int(self._read("idOf", address))

    def replaced_in(self, address: str) -> int:
        """The epoch in which a key was replaced: the last one whose receipts it signs; 0 also for a key in use."""
        return int(self._read("replacedIn", address))

    def get(self, id: int) -> Participant:
        """One participant. LedgerError where there is none."""
        page = self._page(id, 1)
        if not page:
            raise LedgerError(f"there is no participant {id}; see `klopf status`")
        return page[0]

    def key_of(self, id: int) -> str:
        """The address of a participant's key, without its certificate, for which all that was ever said is read.
        LedgerError where there is none."""
        page = self._ledger.client(Lens).page(id, 1)
        if not page:
            raise LedgerError(f"there is no participant {id}; see `klopf status`")
        return checksum(page[0][1][7])

    def all(self) -> list[Participant]:
        """Everybody, by id."""
        everybody: list[Participant] = []
        while page := self._page(len(everybody) + 1, _PAGE):  # as long as it can be read in one call
            everybody += page
        return everybody

    def _page(self, first: int, length: int) -> list[Participant]:
        return [self._participant(row) for row in self._ledger.client(Lens).page(first, length)]

    def _participant(self, row: tuple[Any, ...]) -> Participant:
        id, seen, age, heard, staked = row
        owner, role, standing, failed, passed, born, _, key, _, accounted, *rest = seen
        fingerprint, commitment, model, endpoint = rest
        return Participant(
            id=id,
            role=Role(role),
            standing=Standing(standing),
            owner=checksum(owner),
            key=checksum(key),
            endpoint=endpoint,
            fingerprint=fingerprint,
            certificate=self._certificate(fingerprint),
            model=model,
            commitment=commitment,
            utility=heard / ref.WAD,
            age=age,
            passed=passed,
            failed=failed,
            stake=staked,
            accounted=accounted,
            born=born,
        )

    def _certificate(self, fingerprint: bytes) -> bytes:
        """The certificate behind a fingerprint. It is in an event, not in storage: read the new ones, once."""
        found = self._certificates.get(fingerprint)
        if found is not None:
            return found
        height = self._ledger.rpc.height()
        said: Iterator[Registered | Moved] = self._said((Registered, Moved), self._scanned + 1, height)
        for event in said:
            self._certificates[sha256(event.certificate).digest()] = event.certificate
        self._scanned = height
        return self._certificates.get(fingerprint, b"")
