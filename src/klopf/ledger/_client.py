"""The ledger as typed Python: one sub-client a contract, each method one call or one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from klopf.errors import LedgerError, Reverted

from ._abi import artifact
from ._deployment import Deployment
from ._events import Disputed, DisputeEnded, read_event
from ._forward import FORWARDED, ForwardRequest
from ._pack import Contract
from ._parameters import Economy, Marks, Parameters
from ._receipts import Domain, SignedReceipt
from ._rpc import Rpc, Where, open_rpc
from ._types import Account, Column, Dispute, EpochTotals, Now, Participant, Phase, Result, Role, Sent, Standing
from .keys import Key, checksum

__all__ = ["Ledger", "connect"]

_PAGE = 200  # participants read in one call
_BATCH = 40  # members settled in one transaction
_COLUMN = 128  # receipts that a claim may hold
_WAD = 10**18


class RulesClient(Contract):
    """The parameters, and their change by the owner."""

    name = "Rules"

    def current(self) -> Parameters:
        """The rules of the running epoch."""
        return Parameters.from_tuple(self._read("current"))

    def propose(self, parameters: Parameters) -> Sent:
        """Change the rules from the next epoch on; the owner only."""
        return self._write("propose", parameters.as_tuple())

    def owner(self) -> str:
        """Who may change the rules."""
        return checksum(self._read("owner"))


class EconomyClient(Contract):
    """The terms of emission and effort, and their change by the owner of the rules."""

    name = "Economy"

    def current(self) -> Economy:
        """The terms of the last cycle that was opened."""
        return Economy.from_tuple(self._read("current"))

    def propose(self, economy: Economy) -> Sent:
        """Change the terms from the next cycle on that opens; the owner of the rules only."""
        return self._write("propose", economy.as_tuple())


class MarksClient(Contract):
    """What a neuron's audits must reach, and its change by the owner of the rules."""

    name = "Marks"

    def current(self) -> Marks:
        """The marks of the running epoch."""
        return Marks.from_tuple(self._read("current"))

    def propose(self, marks: Marks) -> Sent:
        """Change them from the next epoch on; the owner of the rules only."""
        return self._write("propose", marks.as_tuple())


class TokenClient(Contract):
    """KLP."""

    name = "Token"

    def balance(self, address: str) -> int:
        """Tokens that an address holds."""
        return int(self._read("balanceOf", address))

    def supply(self) -> int:
        """All tokens there are."""
        return int(self._read("totalSupply"))

    def emitted(self) -> int:
        """Compute rewards minted so far, a former chain's included."""
        return int(self._read("emitted"))

    def former(self) -> int:
        """Compute rewards that a former chain had minted."""
        return int(self._read("former"))

    def transfer(self, to: str, amount: int) -> Sent:
        """Pay somebody."""
        return self._write("transfer", to, amount)

    def approve(self, spender: str, amount: int) -> Sent:
        """Let a contract take up to ``amount``."""
        return self._write("approve", spender, amount)

    def allowance(self, owner: str, spender: str) -> int:
        """What ``spender`` may still take."""
        return int(self._read("allowance", owner, spender))

    def ensure_allowance(self, spender: str, amount: int) -> None:
        """Approve one of the deployment's own contracts, once and for all, where it may not take ``amount`` yet."""
        if self.allowance(self._ledger.me.address, spender) < amount:
            self.approve(spender, 2**256 - 1)


class RegistryClient(Contract):
    """Who takes part."""

    name = "Registry"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._lens = artifact("Lens").functions["participants"]
        self._certificates: dict[bytes, bytes] = {}
        self._scanned = ledger.deployment.block - 1

    def register(
        self, role: Role, *, endpoint: str = "", model: str = "", certificate: bytes = b"", key: Key | None = None
    ) -> int:
        """Join under ``key`` (by default the one that sends, which becomes the owner). Returns the new id."""
        from hashlib import sha256

        key = key or self._ledger.me
        proof = self._proof(key, sha256(certificate).digest())
        sent = self._write("register", int(role), key.address, endpoint, model, certificate, proof)
        return self._made(sent, "Registered")

    def _proof(self, key: Key, fingerprint: bytes) -> bytes:
        from eth_abi.abi import encode
        from eth_hash.auto import keccak

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

    def change_model(self, id: int, model: str) -> Sent:
        """Announce another kind of model, which has passed no audit yet."""
        return self._write("changeModel", id, model)

    def knock(self, id: int, incumbent: int = 0) -> Sent:
        """Ask for a backbone seat: a free one, or that of ``incumbent``."""
        return self._write("knock", id, incumbent)

    def silence(self, id: int) -> Sent:
        """Silence, or send back to the fringe, a neuron whose record says so."""
        return self._write("silence", id)

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

    def all(self) -> list[Participant]:
        """Everybody, by id."""
        everybody: list[Participant] = []
        while len(page := self._page(len(everybody) + 1, _PAGE)) == _PAGE:
            everybody += page
        return everybody + page

    def _page(self, first: int, length: int) -> list[Participant]:
        data = self._ledger.rpc.call(self._ledger.deployment.addresses["Lens"], self._lens.call_data((first, length)))
        return [self._participant(row) for row in self._lens.answer(data)]

    def _participant(self, row: tuple[Any, ...]) -> Participant:
        id, seen, age, heard, staked = row
        owner, role, standing, failed, passed, _, _, key, _, accounted, fingerprint, commitment, model, endpoint = seen
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
            utility=heard / _WAD,
            age=age,
            passed=passed,
            failed=failed,
            stake=staked,
            accounted=accounted,
        )

    def _certificate(self, fingerprint: bytes) -> bytes:
        """The certificate behind a fingerprint. It is in an event, not in storage: read the new ones, once."""
        from hashlib import sha256

        found = self._certificates.get(fingerprint)
        if found is not None:
            return found
        events = [e for e in artifact(self.name).events.values() if e.name in ("Registered", "Moved")]
        height = self._ledger.rpc.height()
        while self._scanned < height:
            until = min(self._scanned + 5_000, height)
            query = {
                "address": self.address,
                "topics": [["0x" + e.topic.hex() for e in events]],
                "fromBlock": hex(self._scanned + 1),
                "toBlock": hex(until),
            }
            for log in self._ledger.rpc.request("eth_getLogs", query):
                topics = [bytes.fromhex(t[2:]) for t in log["topics"]]
                event = next(e for e in events if e.topic == topics[0])
                certificate = event.read(topics, bytes.fromhex(log["data"][2:]))["certificate"]
                self._certificates[sha256(certificate).digest()] = certificate
            self._scanned = until
        return self._certificates.get(fingerprint, b"")


class StakeClient(Contract):
    """What a participant can lose."""

    name = "Stake"

    def stake(self, id: int, amount: int) -> Sent:
        """Put tokens at stake for ``id``; approves by itself. They belong to the owner of ``id`` from then on."""
        self._ledger.token.ensure_allowance(self.address, amount)
        return self._write("stake", id, amount)

    def unstake(self, id: int, amount: int) -> Sent:
        """Begin to take ``amount`` back."""
        return self._write("unstake", id, amount)

    def withdraw(self, id: int) -> Sent:
        """Pay thawed tokens to the owner."""
        return self._write("withdraw", id)

    def account(self, id: int) -> Account:
        """What ``id`` has at stake."""
        return Account(*self._read("account", id))

    def at(self, id: int, epoch: int) -> int:
        """What ``id`` had staked when ``epoch`` opened."""
        return int(self._read("stakeAt", id, epoch))


class ClockClient(Contract):
    """Epochs and phases."""

    name = "Clock"

    def now(self) -> Now:
        """Everything a participant polls, in one call. Its time is the next block's: where nobody sends, none comes."""
        epoch, phase, deadline, arrived, expected, time = self._read("status", at="pending")
        return Now(epoch, Phase(phase), deadline, arrived, expected, time)

    def turn(self) -> tuple[int, Phase]:
        """Epoch and phase as of the last block; :meth:`now` may be ahead of it by what the next block will hold."""
        number = int(self._read("turn")) - 1
        return number // 2, Phase(number % 2)

    def start(self) -> Sent:
        """Leave epoch 0, in which everybody gathers; the deployer only."""
        return self._write("start")

    def due(self) -> bool:
        """Whether :meth:`advance` would go through."""
        return bool(self._read("due", at="pending"))

    def advance(self) -> bool:
        """End a phase that is over. False where it is not, or somebody else was first."""
        if not self.due():
            return False
        try:
            self._write("advance")
        except Reverted as error:
            if error.name in ("NotDue", ""):
                return False
            raise
        return True

    def arrive(self, id: int) -> Sent:
        """Be counted as done with this phase, and expected in the next."""
        return self._write("arrive", id)

    def depart(self, id: int) -> Sent:
        """Go without holding the others up."""
        return self._write("depart", id)

    def window(self, epoch: int) -> tuple[int, int]:
        """When the dispute window of an epoch ends (seconds since 1970) and how long it is; zeros where it has none,
        or while the epoch runs."""
        until, length = self._read("windowOf", epoch)
        return int(until), int(length)

    def last_turn(self, id: int) -> int:
        """The phase in which ``id`` last arrived, numbered from 2 (``2 * epoch + phase + 1``); 0 for never."""
        return int(self._read("lastTurn", id))

    def seed(self, epoch: int) -> bytes:
        """What the draws of ``epoch`` are made from."""
        return bytes(self._read("seedOf", epoch))


class SettlementClient(Contract):
    """Receipts and pay."""

    name = "Settlement"

    def deposit(self, id: int, amount: int) -> Sent:
        """Put fees in escrow for ``id``; approves by itself."""
        self._ledger.token.ensure_allowance(self.address, amount)
        return self._write("deposit", id, amount)

    def withdraw(self, id: int, amount: int) -> Sent:
        """Pay free escrow back to the owner."""
        return self._write("withdraw", id, amount)

    def escrow(self, id: int) -> int:
        """Escrow of ``id`` that is free to post or withdraw."""
        return int(self._read("escrow", id))

    def post(self, id: int, root: bytes, fees: int, commitment: bytes) -> Sent:
        """A listener's part of LISTEN: root of its receipts, sum of their fees, hash of its next model snapshot."""
        return self._write("post", id, root, fees, commitment)

    def posted(self, epoch: int, id: int) -> bytes:
        """The root that ``id`` posted in ``epoch``; zeros for none (1 in the last byte for an empty one)."""
        return bytes(self._read("posts", epoch, id)[0])

    def claim(self, id: int, receipts: Sequence[SignedReceipt]) -> Sent:
        """A speaker's part of CLAIM: every receipt in which it was listened to, with proofs.

        Of more than 128, those with the greatest weight and, among equals, fee.
        """
        column = sorted(receipts, key=lambda s: (-s.receipt.weight, -s.receipt.fee))[:_COLUMN]
        return self._write("claim", id, [signed.as_tuple() for signed in column])

    def collect(self, epoch: int, ids: Sequence[int]) -> Sent:
        """Pay what an epoch that is over owes to each of ``ids``; what was collected is skipped."""
        return self._write("collect", epoch, list(ids))

    def column(self, epoch: int, id: int) -> Column:
        """How ``id`` was heard in ``epoch``."""
        rank, fees, consensus, claimed, pay, voided = self._read("columns", epoch, id)
        return Column(consensus, rank, fees, claimed, pay == 2, pay > 0, voided)

    def contested(self, epoch: int, id: int) -> int:
        """How many disputes are open about receipts of an epoch that ``id`` signed as a listener."""
        return int(self._read("posts", epoch, id)[4])

    def cap(self, id: int, most: int) -> Sent:
        """The most that fees may take out of the escrow of ``id`` in one epoch; 0 for no cap. The owner only."""
        return self._write("cap", id, most)

    def capped(self, id: int) -> int:
        """What fees may take out of the escrow of ``id`` in one epoch; 0 for no cap."""
        return int(self._read("caps", id)[0])

    def set_aside(self, epoch: int, id: int) -> int:
        """Fees that ``id`` set aside for an epoch and that nobody has claimed or got back yet."""
        return int(self._read("posts", epoch, id)[2])

    def heard(self, epoch: int, speaker: int, since: int | None = None, step: int = 5_000) -> list[int]:
        """The listeners whose receipts a claim counted, in its order. ``since`` is a block before the claim's (by
        default the deployment's first); ``step`` blocks a request."""
        event = next(e for e in artifact(self.name).events.values() if e.name == "Heard")
        found: list[int] = []
        first, last = self._ledger.deployment.block if since is None else since, self._ledger.rpc.height()
        while first <= last and not found:  # one claim, one transaction, one block
            query = {
                "address": self.address,
                "topics": ["0x" + event.topic.hex(), f"0x{epoch:064x}", None, f"0x{speaker:064x}"],
                "fromBlock": hex(first),
                "toBlock": hex(min(first + step - 1, last)),
            }
            found = [int(log["topics"][2], 16) for log in self._ledger.rpc.request("eth_getLogs", query)]
            first += step
        return found

    def epoch(self, epoch: int) -> EpochTotals:
        """Sums over an epoch."""
        return EpochTotals(*self._read("epochs", epoch))


class DisputesClient(Contract):
    """Receipts that a listener signed and did not pay."""

    name = "Disputes"

    def open(self, signed: SignedReceipt, since: int | None = None) -> Sent:
        """Show a receipt that its listener signed and that this speaker was not paid for. ``since`` is a block before
        the speaker's claim: without it, all blocks are searched for that."""
        r = signed.receipt
        heard = self._ledger.settlement.heard(r.epoch, r.speaker, since)
        return self._write("open", r.as_tuple(), signed.listener_signature, heard)

    def answer(self, epoch: int, listener: int, speaker: int, proof: Sequence[bytes]) -> Sent:
        """Show that a disputed receipt is in its listener's root: it is paid, and nobody loses anything."""
        return self._write("answer", epoch, listener, speaker, list(proof))

    def uphold(self, epoch: int, listener: int, speaker: int) -> Sent:
        """End a dispute that was not answered in time."""
        return self._write("uphold", epoch, listener, speaker)

    def history(self, since: int, until: int, step: int = 5_000) -> list[Disputed | DisputeEnded]:
        """What was opened and ended from block ``since`` to block ``until``, in order; ``step`` blocks a request."""
        kinds = {t: e for t, e in artifact(self.name).events.items() if e.name in ("Disputed", "DisputeEnded")}
        found: list[Disputed | DisputeEnded] = []
        for first in range(since, until + 1, step):
            query = {
                "address": self.address,
                "topics": [["0x" + topic.hex() for topic in kinds]],
                "fromBlock": hex(first),
                "toBlock": hex(min(first + step - 1, until)),
            }
            for log in self._ledger.rpc.request("eth_getLogs", query):
                event = read_event(kinds[bytes.fromhex(log["topics"][0][2:])], self.name, log)
                if isinstance(event, Disputed | DisputeEnded):
                    found.append(event)
        return found

    def get(self, epoch: int, listener: int, speaker: int) -> Dispute | None:
        """What a speaker holds against a listener; None for nothing."""
        leaf, fee, answer_by, state = self._read("disputes", epoch, listener, speaker)
        return Dispute(leaf, fee, answer_by, state == 1) if state else None


class EmissionClient(Contract):
    """How much of the compute reserve may be paid in each cycle of 24 hours."""

    name = "Emission"

    def cycle(self) -> int:
        """The last cycle that was opened; 0 for none."""
        return int(self._read("cycle"))

    def roll(self) -> Sent:
        """Open the running cycle."""
        return self._write("roll")

    def reward(self, cycle: int) -> int:
        """Compute reward of a cycle that was opened."""
        return int(self._read("rewardOf", cycle))

    def market_left(self) -> int:
        """What the running cycle still has for listening."""
        return int(self._read("marketLeft"))

    def promised(self) -> int:
        """Compute rewards set aside so far, paid or not."""
        return int(self._read("promised"))

    def start(self) -> int:
        """When cycle 1 began, in seconds since 1970."""
        return int(self._read("start"))

    def milestone(self) -> bool:
        """Whether the halving has begun."""
        return bool(self._read("milestone"))

    def halving(self) -> tuple[int, int, int]:
        """The first cycle of this halving, that cycle's reward, and the cycles of a period; zeros before it."""
        return int(self._read("halvingCycle")), int(self._read("first")), int(self._read("period"))


class DevicesClient(Contract):
    """Devices as tokens."""

    name = "Devices"

    def mint(self, key: Key, cores: int, teraflops: int, memory_mib: int, description: bytes) -> int:
        """Bring in the device that holds ``key``; returns its id. ``description`` is 32 bytes of hash."""
        self._ledger.send(self.address, self.birth(key, cores, teraflops, memory_mib, description))
        return int(self._read("idOf", key.address))

    def birth(self, key: Key, cores: int, teraflops: int, memory_mib: int, description: bytes) -> bytes:
        """The call that brings a device in for this ledger's key, signed by the device."""
        from eth_abi.abi import encode
        from eth_hash.auto import keccak

        kind = keccak(b"Birth(address owner,uint16 cores,uint16 teraflops,uint32 memoryMiB,bytes32 description)")
        types = ("bytes32", "address", "uint16", "uint16", "uint32", "bytes32")
        values = (kind, self._ledger.me.address, cores, teraflops, memory_mib, description)
        domain = Domain(self._ledger.deployment.chain_id, self.address, "Klopf Devices")
        proof = key.sign(domain.digest(bytes(keccak(encode(types, values)))))
        arguments = (key.address, cores, teraflops, memory_mib, description, proof)
        return self._functions["mint"].call_data(arguments)

    def owner(self, id: int) -> str:
        """Who owns a device now."""
        return checksum(self._read("ownerOf", id))

    def owner_at(self, id: int, time: int) -> str:
        """Who owned it, and so what it recorded, at a time; the zero address before its birth."""
        return checksum(self._read("ownerAt", id, time))

    def transfer(self, id: int, to: str) -> Sent:
        """Give it, with what it earns and records from now on, to somebody else."""
        return self._write("transferFrom", self._ledger.me.address, to, id)


class EffortClient(Contract):
    """Effort of devices and nodes, and its pay."""

    name = "Effort"

    def found(self, by_data: bool = False, fee_bps: int = 0) -> int:
        """Found a node that shares its pay by data or by effort; returns its id."""
        return self._made(self._write("found", int(by_data), fee_bps), "NodeFounded")

    def join(self, device: int, node: int) -> Sent:
        """Put a device into a node; 0 takes it out."""
        return self._write("join", device, node)

    def node_of(self, device: int) -> int:
        """The node a device is in; 0 for none."""
        return int(self._read("nodeOf", device))

    def node(self, node: int) -> tuple[str, bool, int, int]:
        """A node's owner, whether it shares by data, its leader's fee in 1/10,000, and its number of devices."""
        owner, rule, fee, devices = self._read("nodes", node)
        return checksum(owner), rule == 1, fee, devices

    def digest(self, receipt: tuple[int, ...]) -> bytes:
        """What device and receiver sign: (cycle, serial, device, receiver, bytes, work seconds, talk seconds)."""
        from eth_abi.abi import encode
        from eth_hash.auto import keccak

        kind = keccak(
            b"Receipt(uint32 cycle,uint32 serial,uint256 device,uint32 receiver,uint64 bytesVerified,"
            b"uint32 workSeconds,uint32 talkSeconds)"
        )
        types = ("bytes32", "uint32", "uint32", "uint256", "uint32", "uint64", "uint32", "uint32")
        domain = Domain(self._ledger.deployment.chain_id, self.address, "Klopf Effort")
        return domain.digest(bytes(keccak(encode(types, (kind, *receipt)))))

    def report(self, receipt: tuple[int, ...], device_signature: bytes, receiver_signature: bytes) -> Sent:
        """Count work that both ends signed for. Anybody may bring it: a device needs no coin."""
        return self._write("report", receipt, device_signature, receiver_signature)

    def total(self, cycle: int) -> int:
        """The network's effort in a cycle, bonuses included, 18 decimals."""
        return int(self._read("totalOf", cycle))

    def pay_node(self, cycle: int, node: int) -> Sent:
        """Pay a node for a cycle that is over."""
        return self._write("payNode", cycle, node)

    def pay_device(self, cycle: int, node: int, device: int, holder: str) -> Sent:
        """Hand a device's part of its node's pay to who held it when it worked."""
        return self._write("payDevice", cycle, node, device, holder)


class JobsClient(Contract):
    """Jobs whose price is locked first."""

    name = "Jobs"

    def open(self, verifier: str, price: int, report_by: int, dispute_seconds: int, terms: bytes) -> int:
        """Lock a price; approves by itself. Returns the job's id."""
        self._ledger.token.ensure_allowance(self.address, price)
        sent = self._write("open", verifier, price, report_by, dispute_seconds, terms)
        return self._made(sent, "Opened")

    def report(self, id: int, contributions: dict[str, int]) -> Sent:
        """Say who contributed what."""
        return self._write("report", id, list(contributions), list(contributions.values()))

    def dispute(self, id: int) -> Sent:
        """Object to a report before its window ends."""
        return self._write("dispute", id)

    def pay(self, id: int, worker: str) -> Sent:
        """Pay a worker what a final report says."""
        return self._write("pay", id, worker)

    def give_back(self, id: int) -> Sent:
        """Return what no worker is due."""
        return self._write("giveBack", id)

    def due(self, id: int, worker: str) -> int:
        """What a worker has not been paid yet."""
        return int(self._read("dueTo", id, worker))

    def left(self, id: int) -> int:
        """What a job still holds."""
        return int(self._read("jobs", id)[3])

    def held(self) -> int:
        """What all jobs hold."""
        return int(self._read("held"))


class SnapshotsClient(Contract):
    """Graph snapshots as tokens."""

    name = "Snapshots"

    def mint(self, digest: bytes, block: int, place: str = "") -> int:
        """Claim that the graph up to ``block`` hashes to ``digest``; returns the token's id."""
        self._write("mint", digest, block, place)
        return self.id_of(digest)

    def id_of(self, digest: bytes) -> int:
        """The token of a hash; 0 for none."""
        return int(self._read("idOf", digest))

    def get(self, id: int) -> tuple[bytes, int, str]:
        """Hash, block and place of a snapshot."""
        digest, block, place = self._read("snapshot", id)
        return digest, block, place


class ForwarderClient(Contract):
    """What one key signs, another one's transaction carries (ERC-2771)."""

    name = "Forwarder"

    def sign(self, to: str, data: bytes, seconds: int = 3600) -> ForwardRequest:
        """Sign a call of ``to``, one of the contracts that believe the forwarder, good for ``seconds``.

        It is tried first: Reverted where the contract would refuse it.
        """
        l, me = self._ledger, self._ledger.me
        believers = {l.deployment.addresses[name] for name in FORWARDED}
        if to not in believers:
            raise LedgerError(f"only calls of {' and '.join(FORWARDED)} can be carried by somebody else")
        message = {"from": me.address, "to": to, "data": "0x" + data.hex()}
        gas = int(l.rpc.request("eth_estimateGas", message), 16) * 6 // 5 + 20_000
        nonce = self.carried(me.address)
        now = int(l.rpc.request("eth_getBlockByNumber", "pending", False)["timestamp"], 16)
        plain = ForwardRequest(me.address, to, gas, nonce, now + seconds, data, b"")
        domain = Domain(l.deployment.chain_id, self.address, "Klopf Forwarder")
        return plain.signed(me.sign(domain.digest(plain.struct_hash)))

    def carried(self, address: str) -> int:
        """How many requests of a key have been carried."""
        return int(self._read("nonces", address))

    def carry(self, request: ForwardRequest) -> Sent:
        """Bring what somebody signed, and pay its gas."""
        believers = {self._ledger.deployment.addresses[name] for name in FORWARDED}
        if request.to not in believers:
            raise LedgerError(f"this request calls {request.to}, which is neither {' nor '.join(FORWARDED)}")
        return self._write("execute", request.as_tuple())


class AuditsClient(Contract):
    """Drawn, committed, revealed, concluded."""

    name = "Audits"

    def drawn(self, epoch: int, neuron: int) -> list[int]:
        """The auditors drawn for ``neuron`` in the running epoch."""
        return list(self._read("drawn", epoch, neuron))

    def assignments(self, epoch: int, auditor: int, neurons: Sequence[int] | None = None) -> list[int]:
        """The neurons that ``auditor`` is drawn for, among ``neurons`` (by default all that speak)."""
        if neurons is None:
            speaking = (Standing.FRINGE, Standing.BACKBONE)
            neurons = [p.id for p in self._ledger.registry.all() if p.standing in speaking]
        return list(self._read("assignments", epoch, auditor, list(neurons)))

    def commitment(self, epoch: int, address: str, results: Sequence[Result], salt: bytes) -> bytes:
        """The hash that an auditor with this key commits to."""
        from eth_abi.abi import encode
        from eth_hash.auto import keccak

        kinds = ("uint32", "address", "(uint32,(bytes26,uint16,uint16,uint16)[])[]", "bytes32")
        return bytes(keccak(encode(kinds, (epoch, address, _rows(results), salt))))

    def commit(self, id: int, results: Sequence[Result], salt: bytes) -> Sent:
        """An auditor's part of LISTEN, bound to the key that sends."""
        epoch = self._ledger.clock.now().epoch
        return self._write("commit", id, self.commitment(epoch, self._ledger.me.address, results, salt))

    def reveal(self, id: int, results: Sequence[Result], salt: bytes) -> Sent:
        """An auditor's part of CLAIM: the same results and salt."""
        return self._write("reveal", id, _rows(results), salt)

    def conclude(self, epoch: int, neurons: Sequence[int]) -> Sent:
        """Combine what was revealed about each of ``neurons`` in an epoch that is over."""
        return self._write("conclude", epoch, list(neurons))

    def findings(self, epoch: int, neuron: int) -> list[tuple[int, Result]]:
        """Who found what."""
        return [(auditor, Result.from_tuple(row)) for auditor, row in self._read("findings", epoch, neuron)]

    def concluded(self, epoch: int, neuron: int) -> bool:
        """Whether the audit of ``neuron`` in ``epoch`` is over."""
        return bool(self._read("concluded", epoch, neuron))

    def committed(self, epoch: int, auditor: int) -> bytes:
        """What ``auditor`` committed to; zeros for nothing."""
        return bytes(self._read("commitments", epoch, auditor))

    def revealed(self, epoch: int, auditor: int) -> bool:
        """Whether ``auditor`` has revealed."""
        return bool(self._read("revealed", epoch, auditor))


def _rows(results: Sequence[Result]) -> list[tuple[Any, ...]]:
    return [result.as_tuple() for result in sorted(results, key=lambda r: r.neuron)]


class Ledger:
    """One deployment on one chain, seen with one key (or read-only without)."""

    def __init__(self, rpc: Rpc, deployment: Deployment, key: Key | None = None) -> None:
        self.rpc = rpc
        self.deployment = deployment
        self.key = key
        self.domain = Domain(deployment.chain_id, deployment.addresses["Settlement"])
        """The EIP-712 domain of receipts."""
        self.rules = RulesClient(self)
        self.economy = EconomyClient(self)
        self.marks = MarksClient(self)
        self.token = TokenClient(self)
        self.clock = ClockClient(self)
        self.registry = RegistryClient(self)
        self.stake = StakeClient(self)
        self.settlement = SettlementClient(self)
        self.audits = AuditsClient(self)
        self.emission = EmissionClient(self)
        self.devices = DevicesClient(self)
        self.effort = EffortClient(self)
        self.jobs = JobsClient(self)
        self.snapshots = SnapshotsClient(self)
        self.disputes = DisputesClient(self)
        self.forwarder = ForwarderClient(self)

    @property
    def me(self) -> Key:
        """The key that signs. LedgerError where there is none."""
        if self.key is None:
            raise LedgerError("this ledger was opened for reading; connect with a key to send transactions")
        return self.key

    def send(self, to: str, data: bytes, value: int = 0) -> Sent:
        """Send a transaction and wait until it stands. Reverted, naming the contract's error, where it is refused."""
        receipt = self.rpc.send(self.me, to, data, value)
        return Sent(
            receipt["transactionHash"],
            int(receipt["blockNumber"], 16),
            int(receipt["gasUsed"], 16),
            tuple(receipt["logs"]),
        )

    def carried_by(self, carrier: Ledger) -> Ledger:
        """This ledger's key signs, and ``carrier`` brings it and pays the gas. For what devices and their owners do:
        ``devices`` and ``effort`` of the ledger that this returns."""
        return _Carried(self, carrier)

    def fund(self, address: str, wei: int = 0, tokens: int = 0) -> None:
        """Give an account native coin for gas, and tokens, from this key's own."""
        if wei:
            self.send(address, b"", wei)
        if tokens:
            self.token.transfer(address, tokens)

    def settle(self, epoch: int, ids: Sequence[int] | None = None) -> Sent:
        """Collect and conclude an epoch that is over for ``ids`` (by default everybody): one transaction for each 40
        of them, so that none outgrows a block; the last one is returned."""
        everybody = list(range(1, self.registry.count() + 1)) if ids is None else list(ids)
        function = artifact("Keeper").functions["settle"]
        keeper = self.deployment.addresses["Keeper"]
        parts = [everybody[i : i + _BATCH] for i in range(0, len(everybody), _BATCH)] or [[]]
        return [self.send(keeper, function.call_data((epoch, part))) for part in parts][-1]

    def account_for(self, ids: Sequence[int]) -> int:
        """Collect for ``ids`` every epoch that is over and that nobody has collected yet for them, so that nothing is
        missing from their utility; returns in how many epochs there was something to do. Anybody may."""
        now, missing = self.clock.now().epoch, dict[int, list[int]]()
        for id in ids:
            p = self.registry.get(id)
            for epoch in range(now - p.age, now) if p.accounted < p.age else ():
                if not self.settlement.column(epoch, id).weighed:
                    missing.setdefault(epoch, []).append(id)
        for epoch, late in sorted(missing.items()):
            self.settlement.collect(epoch, late)
        return len(missing)

    def close(self) -> None:
        """Let go of the chain."""
        self.rpc.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Carried(Ledger):
    """A ledger whose transactions somebody else sends."""

    def __init__(self, signer: Ledger, carrier: Ledger) -> None:
        super().__init__(signer.rpc, signer.deployment, signer.key)
        self._carrier = carrier

    def send(self, to: str, data: bytes, value: int = 0) -> Sent:
        if value:
            raise LedgerError("a carried request moves no coin; send it with a key of one's own")
        return self._carrier.forwarder.carry(self.forwarder.sign(to, data))


def connect(
    where: Where, key: Key | None = None, deployment: Deployment | None = None, *, confirmations: int = 0
) -> Ledger:
    """The ledger that ``deployment`` names, on the chain at ``where`` (an embedded chain's path or an RPC URL).

    Over an RPC URL a transaction counts once ``confirmations`` blocks have followed its own; where a reorganisation
    lost it before that, it is sent again. LedgerError where the chain there is another one; ChainError where the file
    cannot be opened.
    """
    if deployment is None:
        raise LedgerError("a chain alone names no network; give its deployment file (deployment.json)")
    rpc = open_rpc(where, confirmations)
    try:
        deployment.check(rpc)
    except BaseException:
        rpc.close()
        raise
    return Ledger(rpc, deployment, key)
