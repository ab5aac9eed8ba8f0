"""Gas of the calls that anybody needs in a full network: 10,000 neurons, 1,000 auditors, 10,000 devices.

``python bench/gas_full.py [--neurons 10000] [--auditors 1000] [--devices 10000] [--dearest]``

Everybody registers and stakes by transactions, on the embedded chain's machine over a state in memory: gas is what it
is on any chain. Then a few do what can be done, each call in its largest size: a claim of 128 receipts, each on a path
of 14 hashes; pages as Klopf's clients make them. That is done by the rules that a network begins with, and with
``--dearest`` once more by the dearest that they may be (16 auditors for each neuron, committees of 64, eight tasks in
an audit), which takes long. The dearest call of each function counts. Left out is what only contracts call, what
belongs to OpenZeppelin alone (approvals, permits, roles), and calls of the rules' owner, none of which depends on how
many take part; what else was not called is named at the end. The full network takes some
ten minutes on a busy machine of two cores.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from eth_abi.abi import encode
from eth_hash.auto import keccak
from figures import Report, arguments
from metered import Counting, unmeasured

from klopf.ledger import (
    KLP,
    Answered,
    AuditTerms,
    Ledger,
    Parameters,
    Receipt,
    ReceiptTree,
    Result,
    Role,
    SignedReceipt,
    Transcript,
)  # fmt: skip
from klopf.ledger._deployment import USUAL, Former, deploy_over
from klopf.ledger._migrate import claims_of, restore
from klopf.ledger._pack import contracts
from klopf.ledger._receipts import merkle, root_from
from klopf.ledger.agents import AgentIdentity
from klopf.ledger.audit._reference import draw
from klopf.ledger.audit.audits import MOST_TASKS, Revealed, fitting
from klopf.ledger.evidence import AuditPay, Challenges, Opening, Place, Said, Statement, answer_hash

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.ledger.conftest import Net, secret

MOST = 2**24
DRAWN = 600  # seats that a client has drawn in one call
EPOCHS = 24
DAY, WINDOW, PATH, COLUMN, PAGE, WORKERS = 24 * 3600, 3600, 14, 128, 40, 150
RULES = Parameters(maturity=0, dispute_seconds=WINDOW, patience=1)
DEAREST = replace(RULES, audit_seats=16, audit_quorum=9, committee=64)
ASKED, MODEL = 240, b"\7" * 32
TASKS = ("accuracy", "robustness", *(f"task {n:02}" for n in range(2, MOST_TASKS)))
"""The first two decide whether a neuron passes."""
SURE, UNSURE = (900_000, *[11_111] * 9), (11_111, 900_000, *[11_111] * 8)


class Town:
    """A network in memory, and what is done in it."""

    def __init__(self, neurons: int, auditors: int, devices: int, say: Callable[[str], None]) -> None:
        self.rpc, self.say = Counting(), say
        admin = secret(0)
        made = deploy_over(self.rpc, admin, RULES, audit=AuditTerms(), packs=(*USUAL, "evidence", "agents"))
        self.rpc.know(made.addresses)
        self.net = Net(Ledger(self.rpc, made, admin), self.wait)
        self.book = self.net.admin
        for contract in (self.book.stake, self.book.registry, self.book.devices):
            self.book.token.approve(contract.address, 2**255)
        asked = [(keccak(b"question %d" % n), answer_hash(SURE)) for n in range(ASKED)]
        self.pairs = tuple(sorted((bytes(q), a) for q, a in asked))
        root = Said(0, 0, 0, MODEL, self.pairs).root
        rows = [Answered(*pair, 1, 0 if n < 45 else 10_000, root) for n, pair in enumerate(self.pairs)]
        self.made = Transcript(rows)  # what every auditor finds about every neuron: only who signed it differs
        self.auditors = [self.join(Role.AUDITOR, 5_000 * KLP) for _ in range(auditors)]
        self.neurons = [self.join(Role.NEURON, 100 * KLP) for _ in range(neurons)]
        self.two_faced = self.join(Role.NEURON, 300 * KLP)  # enough to lose some of it and stay
        for id in self.neurons[:5]:
            self.book.fund(self.of(id).me.address, tokens=1_000 * KLP)
        say(f"{neurons:,} neurons and {auditors:,} auditors are there")
        self.key, self.device = secret(3), 0
        self.node = self.of(self.neurons[0]).effort.found(fee_bps=1000)
        for n in range(devices):
            last = n == devices - 1
            own = self.of(self.neurons[1]) if last else self.book
            self.device = own.devices.mint(self.key if last else secret(10**6 + n), 4, 1, 2048, bytes(32))
            if n < 250 or last:
                own.effort.join(self.device, self.node)
        self.worker = self.of(self.neurons[1])
        self.book.emission.roll()
        self.book.clock.start()
        self.next_phase()
        self.next_phase()
        say(f"and {devices:,} devices")
        self.rpc.since()

    def join(self, role: Role, stake: int) -> int:
        """A participant with a key of its own, whose owner is the operator: that saves transactions."""
        key = secret(1000 + len(self.net.clients))
        place, certificate = "198.51.100.1:4000", os.urandom(400)
        id = self.book.registry.register(role, endpoint=place, model="klopf-mind", certificate=certificate, key=key)
        self.book.stake._write("stake", id, stake)
        self.net.clients[id] = Ledger(self.rpc, self.book.deployment, key)
        return id

    def of(self, id: int) -> Ledger:
        return self.net.clients[id]

    def wait(self, seconds: int) -> None:
        self.rpc.request("evm_increaseTime", seconds)

    def next_phase(self) -> None:
        if not self.book.clock.advance():
            self.wait(RULES.listen_seconds + 1)
            assert self.book.clock.advance()

    def play(self, rules: Parameters, tasks: int) -> dict[str, int]:
        """Two epochs by these rules, in which everything happens; the second is the usual one, since storage that the
        first opened is there. Returns the dearest call of each function."""
        if rules != self.book.rules.current():
            self.book.rules.propose(rules)
            self.next_phase()
            self.next_phase()
        self.rpc.since()
        self.odd = (self.book.clock.now().epoch + 1) % 2
        for _ in range(2):
            self.rpc.each = {}
            self.epoch(rules, tasks)
        self.usual_epoch()
        self.members()
        self.fees()
        self.jobs()
        self.effort()
        return self.rpc.since()

    # -- an epoch --

    def epoch(self, rules: Parameters, tasks: int) -> None:
        epoch, seed = self.book.clock.now().epoch, self.book.clock.seed(self.book.clock.now().epoch)
        total, count = self.book.registry.bound(epoch)
        seat = KLP * 100 * rules.committee  # of each lot, where all have the same at stake
        speakers = self.neurons[:PAGE]
        rows: dict[int, dict[int, int]] = {}
        for s in speakers:
            end = s.to_bytes(32)
            bound = [i for i in self.neurons if i != s and (count <= rules.committee
                     or int.from_bytes(keccak(seed + i.to_bytes(32) + end)) % total < seat)]  # fmt: skip
            others = [i for i in self.neurons if i != s and i not in set(bound)] if s == speakers[0] else []
            for at, i in enumerate((bound + others)[:COLUMN]):
                rows.setdefault(i, {})[s] = 900 - at
        columns = self.post(epoch, rows, speakers)
        found, late = self.audit(epoch, speakers, tasks)
        left_out = columns[speakers[0]].pop() if len(columns[speakers[0]]) > 1 else None
        binding = late + [id for id in self.auditors if id not in late][: PAGE + 1]
        for id in binding:
            if not any(self.book.beacon.chain(id).next):
                self.of(id).beacon.bind(id, self.tip(id))
        self.next_phase()
        for s in speakers:
            self.of(s).settlement.claim(s, columns[s])
        for id, results in found.items():
            self.of(id).audits.reveal(id, results, bytes(32))
        for id in binding:
            if id not in late and self.book.beacon.chain(id).since <= epoch:
                self.of(id).beacon.show(id, bytes([id % 251]) * 32)
        self.next_phase()
        if left_out is not None:
            self.dispute(epoch, left_out)
        self.doubt(epoch, next(iter(found)))
        self.wait(WINDOW)
        before = self.rpc.total
        self.of(speakers[0]).settlement.collect(epoch, speakers[:1])
        self.book.audits.conclude(epoch, speakers[: PAGE // 4])
        self.book.settle(epoch, speakers)
        self.settling = (self.rpc.total - before) / len(speakers)
        self.revealing = self.rpc.each["Audits.reveal"][0] / len(next(iter(found.values())))
        self.book.audits.absent(epoch, late[: len(late) // 4])
        self.book.audits.punish(epoch, speakers)
        self.book.settle(epoch, late)
        self.collect(epoch, next(iter(found)), late)
        self.views(epoch)

    def usual_epoch(self) -> None:
        """What the epoch that was played last took: of each neuron, of each auditor, and once."""
        mean = {what: sum(spent) / len(spent) for what, spent in self.rpc.each.items()}
        claims = self.rpc.each["Settlement.claim"][1:]  # the first is the largest there is
        self.neuron = {
            "post": mean["Settlement.post"],
            "claim": sum(claims) / len(claims),
            "settle: collect and conclude": self.settling,
            "be audited: three reveals": 3 * self.revealing,
            "show a value to the beacon": mean["Beacon.show"],
        }
        self.auditor = {
            "commit": mean["Audits.commit"],
            "show a value to the beacon": mean["Beacon.show"],
            "doubt, and show what is doubted": mean["Challenges.doubt"] + mean.get("Challenges.show", 0),
            "collect its pay": mean.get("AuditPay.collect", 0),
        }
        self.once = {"advance twice": 2 * mean["Clock.advance"]}

    def tip(self, id: int) -> bytes:
        return bytes(keccak(encode(("bytes32",), (bytes([id % 251]) * 32,))))

    def post(
        self, epoch: int, rows: dict[int, dict[int, int]], speakers: Sequence[int]
    ) -> dict[int, list[SignedReceipt]]:
        """Everybody of ``rows`` posts, as if each had listened to 10,000."""
        columns: dict[int, list[SignedReceipt]] = {s: [] for s in speakers}
        for i, row in rows.items():
            tree = ReceiptTree([Receipt(epoch, i, s, 100, w, bytes(32)) for s, w in row.items()])
            deeper = tuple(os.urandom(32) for _ in range(PATH - max(len(tree.proof(r)) for r in tree.receipts)))
            self.of(i).settlement.post(i, root_from(tree.root, deeper), os.urandom(32))
            for r in tree.receipts:
                columns[r.speaker].append(self.net.sign(r, (*tree.proof(r), *deeper)))
        for s in set(speakers) - set(rows):
            self.of(s).settlement.post(s, bytes(32), os.urandom(32))
        return columns

    def audit(self, epoch: int, neurons: Sequence[int], tasks: int) -> tuple[dict[int, list[Result]], list[int]]:
        """The auditors drawn for ``neurons`` commit; who is drawn for none of them commits to nothing, and some of
        those will not reveal. The first one has all that it is drawn for among 3,000 neurons."""
        said = {task: self.made.counts for task in TASKS[:tasks]}
        drawn = {n: self.book.audits.drawn(epoch, n) for n in neurons}
        chief = drawn[neurons[0]][0]
        found: dict[int, list[Result]] = {chief: []}
        seed, seats = self.book.clock.seed(epoch), self.book.rules.current().audit_seats
        lots = [(id, self.book.stake.at(id, epoch)) for id in self.auditors]
        assert all(draw(seed, n, lots, seats) == ids for n, ids in drawn.items())  # so it need not be asked 3,000 times
        mine = [n for n in sorted({*neurons, *self.neurons[:3000]}) if chief in draw(seed, n, lots, seats)]
        for n, ids in {**{n: [chief] for n in mine}, **drawn}.items():
            for id in ids:
                found.setdefault(id, []).append(Result(n, said))
        seats = self.book.rules.current().audit_seats
        found = {id: fitting(results, seats) for id, results in found.items()}
        late = [id for id in self.auditors if id not in found][:PAGE]
        for id in (*found, *late):
            self.of(id).audits.commit(id, found.get(id, []), bytes(32))
        return found, late

    def dispute(self, epoch: int, signed: SignedReceipt) -> None:
        """One dispute is answered, and one of the next epoch upheld."""
        r = signed.receipt
        self.of(r.speaker).disputes.open(signed)
        if epoch % 2:
            self.book.disputes.answer(epoch, r.listener, r.speaker, signed.proof)
        else:
            self.wait(WINDOW)
            self.book.disputes.uphold(epoch, r.listener, r.speaker)

    def doubt(self, epoch: int, auditor: int) -> None:
        """A question of an audit is doubted: that of a first epoch is not shown in time, that of a second is."""
        event = self.told(epoch, auditor)
        doubter = self.of(self.neurons[1]).client(Challenges)
        place = Place(epoch, auditor, event.results[-1].neuron, TASKS[0], ASKED // 2)
        doubter.doubt(place, event, self.of(auditor).me.address)
        if epoch % 2 == self.odd:
            self.of(auditor).client(Challenges).show(place, self.opening(place))
        else:
            self.wait(doubter.window(epoch) + 1)
            doubter.uphold(place)

    def told(self, epoch: int, auditor: int) -> Revealed:
        """What an auditor revealed."""
        (event,) = [e for e in self.book.audits.reveals(self.rpc.number - 9000, self.rpc.number)
                    if (e.epoch, e.auditor) == (epoch, auditor)]  # fmt: skip
        return event

    def opening(self, place: Place) -> Opening:
        """A question as it is shown."""
        one = self.made.answered[place.place]
        said = self.said(place.epoch, place.neuron, place.auditor, self.pairs)
        proof = said.proof(self.pairs.index((one.question, one.answer)))
        return Opening(one, tuple(self.made.proof(place.place)), MODEL, proof, self.signed(said))

    def said(self, epoch: int, neuron: int, auditor: int, pairs: tuple[tuple[bytes, bytes], ...]) -> Said:
        return Said(epoch, neuron, auditor, MODEL, pairs)

    def signed(self, said: Said) -> bytes:
        return self.of(said.neuron).me.sign(said.digest(self.book.client(Challenges).domain))

    def collect(self, epoch: int, auditor: int, late: Sequence[int]) -> None:
        """Audits that stood are paid; a neuron that contradicted itself pays, and so does who held a value back."""
        event, pay = self.told(epoch, auditor), self.of(auditor).client(AuditPay)
        self.book.beacon.settle(late)
        if epoch % 2 != self.odd:
            return
        neurons = [r.neuron for r in event.results]
        self.book.audits.conclude(epoch, neurons)
        self.wait(2 * self.book.client(Challenges).window(epoch) + 1)
        place = pay.lot(epoch, auditor, event.results)
        assert place is not None
        if pay.price(epoch):
            pay.collect(event, self.of(auditor).me.address, self.opening(place))
        else:  # after the idle epochs in which rules come into force nothing is news, and the pool stays whole
            self.say(f"epoch {epoch} has no pool: an auditor's collect is not among its calls")
        other = self.two_faced
        otherwise = tuple(sorted((q, answer_hash(UNSURE)) for q, _ in self.pairs))
        found = [(self.pairs, SURE, self.auditors[0]), (otherwise, UNSURE, self.auditors[1])]
        then, now = (
            Statement(said := self.said(epoch, other, id, pairs), self.signed(said), ASKED // 2, values)
            for pairs, values, id in found
        )
        self.of(auditor).client(Challenges).contradict(then, now)

    def views(self, epoch: int) -> None:
        """What is read by pages, each in the size that Klopf's clients ask for."""
        now, count = self.book.clock.now().epoch, self.book.registry.count()
        audits, read = self.book.audits, self.rpc.read
        page = self.neurons[: DRAWN // self.book.rules.current().audit_seats]
        read("read: draws of a page of neurons", audits, "assignments", now, 1, page)
        read("read: a page of participants", self.book.client(contracts()["Lens"]), "participants", count // 2, 200)
        read("read: all auditors", self.book.registry, "auditors")
        read("read: findings about a neuron", audits, "findings", epoch, self.neurons[0])

    # -- what else anybody does --

    def members(self) -> None:
        """Somebody comes, moves, changes and goes; standing is asked for and lost."""
        registry, net = self.book.registry, self.net
        certificate = os.urandom(4096)
        for role in (Role.AUDITOR, Role.NEURON):
            self.book.token.transfer((key := secret(5 * 10**7 + len(net.clients))).address, 5_000 * KLP)
            own = Ledger(self.rpc, self.book.deployment, key)
            id = own.registry.register(role, endpoint="e" * 255, model="m" * 255, certificate=certificate)
            own.registry.move(id, "f" * 255, certificate)
            own.registry.change_model(id, "n" * 255)
            own.stake.stake(id, 200 * KLP)
            own.beacon.bind(id, self.tip(id))
            own.beacon.unbind(id)
            own.clock.arrive(id)
            own.clock.depart(id)
            own.registry.rotate_key(id, new := secret(6 * 10**7 + id))
            own.stake.unstake(id, 150 * KLP)
            self.wait(RULES.thaw_seconds)
            own.stake.unstake(id, 50 * KLP)
            self.wait(RULES.thaw_seconds)
            own.stake.withdraw(id)
            own.registry.quit(id)
            assert new.address == registry.get(id).key
            net.clients[id] = own
        self.rpc.gas["Registry.delist"] = max(self.rpc.gas.get("Registry.delist", 0), registry.delist(40).gas)
        registry.dismiss(self.neurons[:200])
        for id in self.neurons[:PAGE]:
            p = registry.get(id)
            if p.passed and p.standing.name == "FRINGE":
                self.vouch(id)
                self.book.account_for([id])
                self.of(id).registry.knock(id)
                self.of(id).registry.change_model(id, "another model")
                self.book.registry.silence(id)
                break
        agents = self.of(self.neurons[0]).client(AgentIdentity)
        agents.announce(self.neurons[:PAGE])
        agents.sells_at(self.neurons[0], "https://example.org/".ljust(256, "x"))
        self.of(self.neurons[0]).token.delegate(self.of(self.neurons[0]).me.address)
        self.book.snapshots.mint(os.urandom(32), 1, "https://example.org/" + "x" * 200)

    def vouch(self, id: int) -> None:
        """Epochs in which new auditors find a neuron good, until it may ask for a seat."""
        said = {task: self.made.counts for task in TASKS[:2]}
        while not self.book.seats.vouched(id):
            epoch = self.book.clock.now().epoch
            drawn = self.book.audits.drawn(epoch, id)
            for a in drawn:
                self.of(a).audits.commit(a, [Result(id, said)], bytes(32))
            self.next_phase()
            for a in drawn:
                self.of(a).audits.reveal(a, [Result(id, said)], bytes(32))
            self.next_phase()
            self.wait(WINDOW)
            self.book.settle(epoch, [id])

    def fees(self) -> None:
        """A requester reserves for 100 neurons, and a neuron redeems the vouchers of 100 requesters."""
        payers = [self.net.join(Role.REQUESTER, stake=0) for _ in range(100 if len(self.neurons) > 100 else 8)]
        some = self.neurons[:100]
        for id in payers:
            self.of(id).vouchers.deposit(id, 200 * KLP)
            self.of(id).vouchers.reserve(id, dict.fromkeys(some if id == payers[0] else some[:1], KLP))
        for total in (KLP // 2, KLP // 2 + 1):
            signed = [self.of(id).vouchers.sign(id, some[0], total) for id in payers]
            self.book.vouchers.redeem(some[0], signed)
        own = self.of(payers[0]).vouchers
        own.thaw(payers[0], some[1], KLP // 2)
        self.wait(RULES.thaw_seconds)
        own.release(payers[0], some[1])
        own.withdraw(payers[0], KLP)

    def jobs(self) -> None:
        """Jobs of 300 workers, reported and paid by pages, one disputed."""
        payer, verifier = self.of(self.neurons[2]), self.of(self.neurons[3])
        workers = {f"0x{n + 2**80:040x}": 10**9 for n in range(2 * WORKERS)}
        for disputed in (False, True):
            by = self.book.clock.now().time + 1000
            job = payer.jobs.open(verifier.me.address, KLP, by, WINDOW, bytes(32))
            verifier.jobs.report(job, workers)
            if disputed:
                self.of(self.neurons[4]).jobs.dispute(job)
                self.book.jobs.report(job, {**workers, f"0x{2**81:040x}": 1})
            self.wait(WINDOW)
            self.book.jobs.pay_all(job, list(workers)[1:])
            self.book.jobs.pay(job, next(iter(workers)))
            self.book.jobs.give_back(job)

    def effort(self) -> None:
        """A device works, is sold four times before that is told, is paid, and goes on for who has no coin."""
        worker, other, receiver = self.worker, self.of(self.neurons[0]), self.auditors[-1]
        effort, emission = self.book.effort, self.book.emission
        self.wait(DAY)
        emission.roll()
        for serial in (1, 2):
            receipt = (emission.cycle(), serial, self.device, receiver, 10**9, 3600, 60)
            digest = effort.digest(receipt)
            ends = self.key.sign(digest), self.of(receiver).me.sign(digest)
            for n in range(4 if serial == 2 else 0):
                (worker, other)[n % 2].devices.transfer(self.device, (other, worker)[n % 2].me.address)
            effort.report(receipt, *ends)
        cycle = emission.cycle()
        self.wait(DAY)
        effort.pay_node(cycle, self.node)
        effort.pay_device(cycle, self.node, self.device, worker.me.address)
        worker.devices.rotate_key(self.device, key := secret(4 + self.rpc.number))
        self.key = key
        worker.carried_by(self.book).effort.join(self.device, self.node)
        worker.effort.join(self.device, other.effort.found(by_data=True, fee_bps=1000))
        worker.effort.join(self.device, self.node)


def moved(members: int) -> dict[str, int]:
    """The dearest claim of a network that moved here with so many owners."""
    claims = claims_of({f"0x{n + 2**90:040x}": 10**9 * KLP // 2**40 for n in range(members)})
    root = merkle(claim.leaf for claim in claims)[-1][0]
    rpc, key = Counting(), secret(0)
    made = deploy_over(rpc, key, RULES, former=Former(root, 0, secret(1).address, 0, 0, 0))
    rpc.know(made.addresses)
    restore(Ledger(rpc, made, key), claims[-3:])
    return rpc.since()


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--auditors", type=int, default=1_000)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--dearest", action="store_true", help="by the dearest rules, too")
    asked = parser.parse_args()
    if asked.quick:
        asked.neurons, asked.auditors, asked.devices = 40, 40, 10
    with Report(asked.json) as report:
        measure(report, asked)


def measure(report: Report, asked: argparse.Namespace) -> None:
    town = Town(asked.neurons, asked.auditors, asked.devices, report.say)
    usual = town.play(RULES, 2)
    tell_day(report, town, asked)
    usual |= moved(asked.neurons + asked.auditors + asked.devices)
    dear = town.play(DEAREST, MOST_TASKS) if asked.dearest else {}
    report.say(f"\n{'':<40}{'usual':>12}{'dearest':>12}")
    for what in sorted({*usual, *dear}):
        row = [usual.get(what), dear.get(what)]
        report.say(f"{what:<40}" + "".join(f"{gas:>12,}" if gas else f"{'':>12}" for gas in row))
        report.figure(what, max(gas for gas in row if gas), "gas", at_most=MOST)
    missing = unmeasured({*usual, *dear})
    report.say(f"not measured: {', '.join(missing) or 'nothing'}")
    report.figure("calls that are not measured", len(missing), at_most=0)


def tell_day(report: Report, town: Town, asked: argparse.Namespace) -> None:
    """What a day of 24 epochs costs everybody, by the usual epoch that was played in the full network."""
    report.say(f"\ngas of a day of {asked.neurons:,} neurons, {asked.auditors:,} auditors and {EPOCHS} epochs")
    sides = ((asked.neurons, "neuron", town.neuron), (asked.auditors, "auditor", town.auditor), (1, "", town.once))
    whole = 0.0
    for many, who, parts in sides:
        for what, gas in parts.items():
            day = gas * many * EPOCHS
            whole += day
            report.say(f"{who:<10}{what:<36}{gas:>12,.0f}{day:>20,.0f}")
            report.figure(f"a day: {who} {what}", day, "gas")
    report.say(f"{'in all':<46}{'':>12}{whole:>20,.0f}")
    report.figure("a day", whole, "gas")


if __name__ == "__main__":
    main()
