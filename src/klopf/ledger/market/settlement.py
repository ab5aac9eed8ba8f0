"""Receipts and pay: roots that listeners post, columns that speakers claim, and what is paid."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from eth_hash.auto import keccak

from klopf.errors import LedgerError
from klopf.ledger import keys
from klopf.ledger._client import Sent
from klopf.ledger._pack import Contract
from klopf.ledger._receipts import Domain, SignedReceipt, root_from
from klopf.ledger._replay import Replay
from klopf.ledger.core._participant import Role
from klopf.ledger.core.clock import Clock, ClockReplay, Phase
from klopf.ledger.core.registry import Registry, RegistryReplay
from klopf.ledger.core.rules import Rules
from klopf.ledger.market import _reference as ref
from klopf.ledger.market._news import DAY, FEW, Newsroom, Usual, expected_of, held_back
from klopf.ledger.market._said import Claimed, Collected, EIP712DomainChanged, Heard, Posted, Refused
from klopf.ledger.market._settled import Column, EpochTotals, HeardSoFar, Post, Totals, Trust
from klopf.ledger.market.emission import EmissionReplay
from klopf.neuron import Standing

__all__ = [
    "EMPTY_ROOT",
    "Claimed",
    "Collected",
    "Column",
    "EIP712DomainChanged",
    "EpochTotals",
    "Heard",
    "Post",
    "Posted",
    "Refused",
    "Settlement",
    "SettlementReplay",
    "Trust",
]

EMPTY_ROOT = (1).to_bytes(32, "big")
_WAD, _COLUMN, _PAGE = 10**18, 128, 100  # one, receipts that a claim may hold, and neurons paid in a transaction


class SettlementReplay(Replay):
    """Posts, columns and pay; and that every receipt is genuine."""

    def begin(self) -> None:
        self.clock, self.registry = self.of(ClockReplay), self.of(RegistryReplay)
        self.rules, self.emission = self.clock.rules, self.of(EmissionReplay)
        self.registry.share = self.share
        deployment = self.run.ledger.deployment
        self.domain = Domain(deployment.chain_id, self.address)
        self.posts: dict[tuple[int, int], Post] = {}
        self.columns: dict[tuple[int, int], HeardSoFar] = defaultdict(HeardSoFar)
        self.totals: dict[int, Totals] = defaultdict(Totals)
        self.trusts: dict[int, Trust] = {}
        self.paid: set[bytes] = set()
        """Leaves of receipts that claims counted,"""
        self.counted: set[tuple[int, int, int]] = set()
        """and the (epoch, listener, speaker) of them."""
        self.contested: Counter[tuple[int, int]] = Counter()
        """Open disputes, by epoch and listener."""
        self.listeners: dict[tuple[int, int], bytes] = {}
        """Hash of the listeners that a claim counted, by epoch and speaker."""
        self.disputed: set[bytes] = set()
        """Leaves of receipts that were disputed."""
        self.newsroom = Newsroom()
        self._column: list[tuple[int, int]] = []  # of the claim that goes on: (stake, weight) of each receipt
        self._listeners: list[int] = []
        self._voices: list[tuple[Post, int]] = []  # and whose it was, with the weight of those who are bound

    # -- posts and claims --

    def on_Posted(self, e: Posted) -> None:
        m = self.registry.members[e.id]
        self.must(e, e.id, e.epoch)
        self.clock.during(e, e.epoch, Phase.LISTEN)
        self.differ(f"second post of {e.id} in epoch {e.epoch}", False, (e.epoch, e.id) in self.posts)
        weight = self.registry.bound_with(e.id, e.epoch) if m.role is Role.NEURON else 0
        self.differ(f"stake of {self.where(e)}", weight, e.stake)
        self.posts[e.epoch, e.id] = Post(EMPTY_ROOT if e.root == bytes(32) else e.root, weight)
        self.totals[e.epoch].stake += weight
        self.posts[e.epoch, e.id].news, self.posts[e.epoch, e.id].rest = self.earned(e, weight)

    def earned(self, e: Posted, stake: int) -> tuple[int, int]:
        """See ``Newsroom.posted``; of a listener that is bound with ``stake``."""
        if not stake:
            return 0, 0
        (total, count), seats = self.registry.duties.bound(e.epoch), self.rules.now.committee
        last = self.posts.get((self.newsroom.reaches[e.id].posted, e.id))
        due = expected_of(stake, total, count, seats)
        return self.newsroom.posted(e.epoch, e.id, stake, last.agreed if last else 0, due, count > seats)

    def on_Heard(self, e: Heard) -> None:
        at, post = self.where(e), self.posts[e.epoch, e.listener]
        signed = self.receipt(e.leaf, f"receipt of epoch {e.epoch}, listener {e.listener}, speaker {e.speaker}")
        if signed is not None:
            r = signed.receipt
            said = (e.epoch, e.listener, e.speaker, e.answers, e.weight)
            self.differ(at, (r.epoch, r.listener, r.speaker, r.answers, r.weight), said)
            self.check_signature(r.listener, signed, signed.listener_signature, f"receipt of {at}")
            self.check_signature(r.speaker, signed, signed.speaker_signature, f"receipt of {at}")
            if root_from(r.leaf, signed.proof) != post.root:
                self.differ(f"proof of the receipt of {at}", f"a path to root 0x{post.root.hex()}", "another path")
        self.differ(f"receipt of {at} paid before", False, e.leaf in self.paid)
        self.paid.add(e.leaf)
        self.counted.add((e.epoch, e.listener, e.speaker))
        post.used += e.weight
        within = post.used <= ref.ATTENTION
        self.differ(f"weights of listener {e.listener} within {ref.ATTENTION} at {at}", True, within)
        total, count = self.registry.duties.bound(e.epoch)
        seed, seats = self.clock.seeds[e.epoch], self.rules.now.committee
        bound = ref.bound_with(seed, e.listener, e.speaker, post.stake, total, count, seats) if post.stake else 0
        self._column.append((bound, e.weight))
        self._listeners.append(e.listener)
        self._voices.append((post, e.weight if bound else 0))

    def on_Refused(self, e: Refused) -> None:
        name = f"refused receipt of epoch {e.epoch}, listener {e.listener}, speaker {e.speaker}"
        signed = self.receipt(e.leaf, name)
        if signed is not None:
            post, r = self.posts[e.epoch, e.listener], signed.receipt
            said = (e.epoch, e.listener, e.speaker)
            self.differ(self.where(e), (r.epoch, r.listener, r.speaker), said)
            justified = post.used + r.weight > ref.ATTENTION
            self.differ(f"a reason for {self.where(e)}", True, justified)

    def on_Claimed(self, e: Claimed) -> None:
        at = self.where(e)
        self.clock.during(e, e.epoch, Phase.CLAIM)
        totals, rules = self.totals[e.epoch], self.rules.now
        others = self.registry.duties.bound(e.epoch)[0] - self.registry.bound_with(e.speaker, e.epoch)
        consensus, rank = ref.rank(self._column, others, rules.kappa)
        if not self.trusted(e, others):
            rank = 0
        totals.lots |= self.registry.duties.bound(e.epoch)[1] > rules.committee
        for post, weight in self._voices if rank else ():
            post.agreed += min(weight, consensus)
        if self.registry.duties.bound(e.epoch)[1] > FEW:
            totals.crowd = True
            voices = zip(self._column, self._listeners, strict=True)
            total = self.registry.duties.bound(e.epoch)[0]
            part = (total - others) * 10**6 // max(1, total)
            self.newsroom.claimed(e.epoch, e.speaker, part, [(*said, id) for said, id in voices])
        if rules.dispute_seconds:  # then the contract keeps whom a claim counted
            packed = b"".join(id.to_bytes(32) for id in self._listeners)
            self.listeners[e.epoch, e.speaker] = bytes(keccak(packed))
        self._voices, self._listeners = [], []
        if self.registry.members[e.speaker].standing is not Standing.BACKBONE:
            rank = rank * rules.fringe_bps // 10_000
        self._column = []
        self.differ(f"consensus weight of {at}", consensus, e.consensus)
        self.differ(f"rank of {at}", rank, e.rank)
        column = self.columns[e.epoch, e.speaker]
        self.differ(f"second claim of {e.speaker} in epoch {e.epoch}", False, column.claimed)
        column.consensus, column.rank, column.claimed = consensus, rank, True
        if rank and not totals.rank:
            emission = self.emission
            totals.pool = min(rules.emission, emission.market_left, emission.left)
            emission.market_left -= totals.pool
            emission.set_aside_for(e, emission.cycle, totals.pool)
        totals.rank += rank

    def trusted(self, e: Claimed, others: int) -> bool:
        """Whether those bound to listen to a speaker did so of late."""
        rules, before = self.rules.now, self.trusts.get(e.speaker, Trust())
        trusting = sum(stake for stake, weight in self._column if weight)
        epochs = e.epoch - before.epoch if before.epoch else 1
        heard, most = ref.trust_after(before.heard, before.most, epochs, trusting, others, rules.decay)
        self.trusts[e.speaker] = Trust(heard, most, e.epoch)
        return heard * ref.ATTENTION >= most * rules.kappa

    def share(self, epoch: int, id: int) -> int:
        """What ``id`` was heard in ``epoch``, of all listening, 18 decimals."""
        totals = self.totals[epoch]
        return self.columns[epoch, id].rank * _WAD // totals.rank if totals.rank else 0

    def on_Collected(self, e: Collected) -> None:
        at, m = self.where(e), self.registry.members[e.id]
        column, totals = self.columns[e.epoch, e.id], self.totals[e.epoch]
        post = self.posts.get((e.epoch, e.id))
        emission = self.full(e.epoch, e.id)
        if totals.crowd:
            emission = emission * (post.news if post else 0) // 10_000
        elif totals.lots:
            emission = emission * (post.agreed if post else 0) // ref.ATTENTION
        emission += self.rest(e, post.rest) if post and post.rest else 0
        self.differ(f"disputes open at {at}", 0, self.contested[e.epoch, e.id])
        waited = self.time_of(e.block) >= self.clock.final_at.get(e.epoch, 0)
        self.differ(f"dispute window over at {at}", True, waited)
        self.clock.over(e, e.epoch)
        self.differ(f"second payment of {e.id} for epoch {e.epoch}", False, column.collected)
        self.differ(f"compute reward of {at}", emission, e.emitted)
        self.differ(f"receiver of {at}", m.owner, e.owner)
        if emission:
            self.emission.paid_for(m.owner, emission, for_effort=False)
        counts = self.registry.counts(e.epoch, m)
        self.differ(f"utility updated by {at}", counts, (e.epoch, e.id) in self.registry.heard)
        column.collected = True

    def full(self, epoch: int, id: int) -> int:
        """What an epoch owes to whoever was heard so, however it listened."""
        column, totals = self.columns[epoch, id], self.totals[epoch]
        return totals.pool * column.rank // totals.rank if totals.rank and not column.voided else 0

    def rest(self, e: Collected, part: int) -> int:
        """``part`` of what was held back a day before, while little was known of a listener."""
        before = e.epoch - DAY
        post = self.posts.get((before, e.id))
        self.differ(f"disputes open about {e.id} in epoch {before}", 0, self.contested[before, e.id])
        if not post or not post.stake or not self.totals[before].crowd:
            return 0
        return held_back(self.full(before, e.id), post.news, part)

    # -- receipts --

    def receipt(self, leaf: bytes, name: str) -> SignedReceipt | None:
        """The receipt behind a leaf; where it is missing, that is named."""
        signed = self.run.receipts.get(leaf)
        if signed is None:
            self.differ(name, f"among the receipts with leaf 0x{leaf.hex()}", "missing or altered")
        return signed

    def check_signature(
        self, id: int, signed: SignedReceipt, signature: bytes, what: str, since: int | None = None
    ) -> None:
        """``id`` signed with a key that it had in the receipt's epoch or later (or in epoch ``since`` or later)."""
        m = self.registry.members.get(id)
        of_it = m.keys_of(signed.receipt.epoch if since is None else since) if m else ()
        try:
            signer = keys.recover(signed.receipt.digest(self.domain), signature)
            self.differ(f"signature of {id} on the {what} by its own key", True, signer in of_it)
        except LedgerError as error:
            self.differ(f"signature of {id} on the {what}", "its key's", error)

    def check_unpaid(self) -> None:
        """Receipts that nobody was paid for must be genuine all the same."""
        for leaf, signed in self.run.receipts.items():
            if leaf in self.paid:
                continue
            r = signed.receipt
            name = f"unpaid receipt of epoch {r.epoch}, listener {r.listener}, speaker {r.speaker}"
            self.check_signature(r.listener, signed, signed.listener_signature, name, since=0)
            self.check_signature(r.speaker, signed, signed.speaker_signature, name, since=0)
            post = self.posts.get((r.epoch, r.listener))
            if post is not None and signed.proof and leaf not in self.disputed:
                self.differ(f"root of the {name}", post.root, root_from(leaf, signed.proof))

    def compare(self) -> None:
        self.check_unpaid()
        settlement, the = self.client(Settlement), "the contract's"
        for epoch, totals in self.totals.items():
            sums = EpochTotals(totals.rank, totals.stake, totals.pool)
            self.differ(f"{the} sums of epoch {epoch}", sums, settlement.epoch(epoch))
        for (epoch, id), post in self.posts.items():
            self.differ(f"agreement of {id} in epoch {epoch}", post.agreed, settlement.agreed(epoch, id))
            self.differ(f"news of {id} before epoch {epoch}", post.news, settlement.news(epoch, id))
            self.differ(f"rest of a day before of {id} in epoch {epoch}", post.rest, settlement.rest(epoch, id))
        usual = self.newsroom.usual
        levels = (usual.skill, usual.loud, usual.attention, usual.breadth)
        self.differ(f"{the} usual skill, loudness, attention and breadth", levels, settlement.usual())
        for (epoch, id), listeners in self.listeners.items():
            said = bytes(settlement._read("heardOf", epoch, id))
            self.differ(f"hash of those who listened to {id} in epoch {epoch}", listeners.hex(), said.hex())
        for (epoch, id), open_ in self.contested.items():
            self.differ(f"{the} disputes with {id} in epoch {epoch}", open_, settlement.contested(epoch, id))
        for id, m in self.registry.members.items():
            self.differ(f"{the} trust in {id}", self.trusts.get(id, Trust()), settlement.trust(id))
            for epoch in range(1, self.clock.epoch + 1):
                found, kept = settlement.column(epoch, id), self.columns[epoch, id]
                weighed = kept.collected or (epoch, id) in self.registry.heard
                if not weighed and not self.registry.counts(epoch, m):
                    weighed = found.weighed  # for whom nothing is said when it happens
                values = (kept.consensus, kept.rank, kept.claimed, kept.collected, weighed, kept.voided)
                self.differ(f"{the} column of {id} in epoch {epoch}", Column(*values), found)


class Settlement(Contract):
    """Receipts and pay."""

    name = "Settlement"
    events = (Posted, Heard, Refused, Claimed, Collected, EIP712DomainChanged)
    needs_none = (EIP712DomainChanged,)
    participants = ("id", "listener", "speaker")
    replay = SettlementReplay

    def post(self, id: int, root: bytes, commitment: bytes) -> Sent:
        """A listener's part of LISTEN: root of its receipts, hash of its next model snapshot."""
        return self._write("post", id, root, commitment)

    def posted(self, epoch: int, id: int) -> bytes:
        """The root that ``id`` posted in ``epoch``; zeros for none (1 in the last byte for an empty one)."""
        return bytes(self._read("posts", epoch, id)[0])

    def claim(self, id: int, receipts: Sequence[SignedReceipt]) -> Sent:
        """A speaker's part of CLAIM: every receipt in which it was listened to, with proofs.

        Of more than 128, those with the greatest weight.
        """
        column = sorted(receipts, key=lambda s: -s.receipt.weight)[:_COLUMN]
        return self._write("claim", id, [signed.as_tuple() for signed in column])

    def bound_to(self, listener: int, speakers: Sequence[int]) -> list[int]:
        """Those of ``speakers`` to whom ``listener`` is bound to listen in the running epoch."""
        epoch = self._ledger.client(Clock).turn()[0]
        registry, seats = self._ledger.client(Registry), self._ledger.client(Rules).current().committee
        stake, (total, count) = registry.bound_with(listener, epoch), registry.bound(epoch)
        seed = self._ledger.client(Clock).seed(epoch)
        others = [s for s in speakers if s != listener and stake]
        return [s for s in others if ref.bound_with(seed, listener, s, stake, total, count, seats)]

    def trust(self, id: int) -> Trust:
        """How ``id`` was listened to over the epochs of late."""
        return Trust(*self._read("trusts", id))

    def collect(self, epoch: int, ids: Sequence[int]) -> Sent:
        """Pay what an epoch that is over owes to each of ``ids``, 100 in a transaction; what was collected is
        skipped."""
        return self._write_pages("collect", epoch, ids, most=_PAGE)

    def column(self, epoch: int, id: int) -> Column:
        """How ``id`` was heard in ``epoch``."""
        rank, consensus, claimed, pay, voided = self._read("columns", epoch, id)
        return Column(consensus, rank, claimed, pay == 2, pay > 0, voided)

    def contested(self, epoch: int, id: int) -> int:
        """How many disputes are open about receipts of an epoch that ``id`` signed as a listener."""
        return int(self._read("posts", epoch, id)[3])

    def heard(self, epoch: int, speaker: int, since: int | None = None, step: int = 5_000) -> list[int]:
        """The listeners whose receipts a claim counted, in its order. ``since`` is a block before the claim's (by
        default the deployment's first); ``step`` blocks a request."""
        first, last = self._ledger.deployment.block if since is None else since, self._ledger.rpc.height()
        found: list[int] = []
        while first <= last and not found:  # one claim, one transaction, one block
            until = min(first + step - 1, last)
            claims = self._said((Heard,), first, until, f"0x{epoch:064x}", None, f"0x{speaker:064x}", step=step)
            found = [event.listener for event in claims]
            first += step
        return found

    def epoch(self, epoch: int) -> EpochTotals:
        """Sums over an epoch."""
        return EpochTotals(*self._read("epochs", epoch)[:3])

    def news(self, epoch: int, id: int) -> int:
        """What part of its reward ``id`` has earned by how it listened before ``epoch``, in 1/10,000: where many are
        bound to listen, it is paid that."""
        return int(self._read("posts", epoch, id)[5])

    def rest(self, epoch: int, id: int) -> int:
        """What part ``id`` is paid, with ``epoch``, of what was held back a day before, when little was known of it, in
        1/10,000."""
        return int(self._read("posts", epoch, id)[6]) if epoch > DAY else 0

    def usual(self) -> tuple[int, int, int, int]:
        """What is usual among listeners: the squared correlation less what chance gives, in 1/10,000; the variance of
        what is told, in 1/10,000²; the attention that agreed, of 65535; what those
        hold to whom they listen of what those do to whom they are bound, in 1/10,000."""
        *_, epoch, skill, loud, attention, breadth = self._read("usual")
        if not epoch:
            return Usual.skill, Usual.loud, Usual.attention, Usual.breadth
        return int(skill), int(loud), int(attention), int(breadth)

    def agreed(self, epoch: int, id: int) -> int:
        """How much of its attention ``id`` gave in agreement with the consensus, of 65535: where few neurons are bound,
        by lot, the part of its reward that it is paid."""
        return int(self._read("posts", epoch, id)[4])
