"""Gas of every operation, and what a day of a network costs at a price of gas and coin that you give.

``python bench/gas.py [--auditors 1000] [--gwei 0.1] [--coin 600] [--neurons 10000] [--neighbours 8] [--epochs 24]``

An epoch with eight neurons that all listen to one another, three auditors and a requester is played on an embedded
chain; gas is exact and the same on every chain of the cancun fork. A day is then costed per neuron: post, claim (whose
gas grows by the receipt), its part of one settling transaction and of the audits. ``--gwei`` and ``--coin`` are the
price of gas in 1e-9 coin and of the coin in dollars: look them up for your chain and day.

Result (the defaults for gas; the day's cost only restates them at the price given):

    deploy all contracts            42,582,559
    transfer tokens                     56,595
    register                           202,381
    stake                              377,694
    arrive                             105,863
    deposit fees                        59,942
    open a cycle                       153,669
    post                               177,535
    commit an audit                    141,450
    reserve fees for 8 neurons         266,691
    redeem a voucher                    96,730
    advance                             64,241
    claim, 1 receipt                   211,707
    claim, 8 receipts                  534,450
    reveal, 8 neurons                1,467,893
    open a dispute                     122,114
    answer a dispute                    47,905
    collect for 8 neurons              504,335
    conclude for 8 neurons           1,325,346
    mint a device                      213,560
    mint a device, carried             219,784
    join a node                         64,891
    report effort, first               625,425
    report effort                      313,831
    report on a job, 150 workers     3,881,869
    pay 150 workers                  4,940,064
    give a job's rest back              51,790
    knock                               68,490
    unstake                            180,112

    46,106 gas for each further receipt in a claim; 1,491,155 gas a neuron and epoch
    a day of 10,000 neurons with 8 neighbours and 24 epochs: 357,877,200,000 gas = 35.79 coins = $21,473
      ($2.1473 a neuron)

    stake as the last auditor, 3 auditors            314,094
    draws for 200 neurons, 3 auditors              3,496,016
    a further draw, 3 auditors                        17,182
    list of all auditors, 3 auditors                  33,731
    stake as the last auditor, 1,000 auditors        324,138
    draws for 200 neurons, 1,000 auditors          9,187,458
    a further draw, 1,000 auditors                    40,239
    list of all auditors, 1,000 auditors           2,477,269
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from figures import Report, arguments

from klopf import chain, ledger
from klopf.ledger import KLP, Ledger, Receipt, ReceiptTree, Result, Role, Score, Sent, SignedReceipt
from klopf.ledger._pack import Contract

SCORES = {"accuracy": Score(9000, 8900, 9100), "robustness": Score(8000, 7900, 8100)}


def play(folder: Path, neurons: int) -> dict[str, float]:
    """Gas of each operation; where it depends on the member, the dearest."""
    path, admin, gas = folder / "gas.db", ledger.keys.new(), {}
    chain.create(path, chain_id=1337, dev=True).close()

    def note(name: str, sent: Sent) -> None:
        gas[name] = max(gas.get(name, 0), sent.gas)

    # with a dispute window, which a claim pays for; three seconds of it
    deployment = ledger.deploy(path, admin, ledger.Parameters(maturity=0, dispute_seconds=3))
    with ledger.connect(path, admin, deployment) as l:
        gas["deploy all contracts"] = sum(
            int(block["gasUsed"], 16)
            for n in range(1, l.rpc.height() + 1)
            for block in [l.rpc.request("eth_getBlockByNumber", hex(n), False)]
        )
        clients: dict[int, Ledger] = {}

        def join(role: Role) -> int:
            own = Ledger(l.rpc, deployment, ledger.keys.new())
            note("transfer tokens", l.token.transfer(own.me.address, 1000 * KLP))
            before = l.rpc.height()
            id = own.registry.register(
                role, endpoint="198.51.100.1:4000", model="klopf-mind", certificate=os.urandom(420)
            )
            block = l.rpc.request("eth_getBlockByNumber", hex(before + 1), False)
            gas["register"] = max(gas.get("register", 0), int(block["gasUsed"], 16))
            if role is Role.REQUESTER:
                own.token.approve(own.vouchers.address, 2**255)
                own.vouchers.deposit(id, 50 * KLP)
                note("deposit fees", own.vouchers.deposit(id, 50 * KLP))
            else:
                own.token.approve(own.stake.address, 2**255)
                note("stake", own.stake.stake(id, 100 * KLP))
            note("arrive", own.clock.arrive(id))
            clients[id] = own
            return id

        speakers = [join(Role.NEURON) for _ in range(neurons)]
        auditors = [join(Role.AUDITOR) for _ in range(3)]
        requester = join(Role.REQUESTER)
        gas["open a cycle"] = l.emission.roll().gas
        l.clock.start()
        for epoch in (1, 2):  # the second is the usual one: storage that the first opened is there
            columns: dict[int, list[SignedReceipt]] = {s: [] for s in speakers}
            for listener in (*speakers, requester):
                made = [
                    Receipt(
                        epoch,
                        listener,
                        s,
                        100,
                        9000 if listener != requester else 0,
                        bytes(32),
                    )
                    for s in speakers
                    if s != listener
                ]
                tree, own = ReceiptTree(made), clients[listener]
                note("post", own.settlement.post(listener, tree.root, os.urandom(32)))
                for r in made:
                    digest = r.digest(l.domain)
                    ends = own.me.sign(digest), clients[r.speaker].me.sign(digest)
                    columns[r.speaker].append(SignedReceipt(r, *ends, tree.proof(r)))
            found = {a: [Result(s, SCORES) for s in speakers] for a in auditors}
            for a in auditors:
                note("commit an audit", clients[a].audits.commit(a, found[a], bytes(32)))
            paying = clients[requester].vouchers
            note(f"reserve fees for {neurons} neurons", paying.reserve(requester, dict.fromkeys(speakers, KLP)))
            few = speakers[0]
            note("redeem a voucher", l.vouchers.redeem(few, [paying.sign(requester, few, epoch * KLP // 2)]))
            before = l.rpc.height()
            assert l.clock.advance()
            gas["advance"] = int(l.rpc.request("eth_getBlockByNumber", hex(before + 1), False)["gasUsed"], 16)
            note("claim, 1 receipt", clients[few].settlement.claim(few, columns[few][:1]))
            for s in speakers[1:]:
                note(f"claim, {neurons} receipts", clients[s].settlement.claim(s, columns[s]))
            for a in auditors:
                note(f"reveal, {neurons} neurons", clients[a].audits.reveal(a, found[a], bytes(32)))
            clients[requester].clock.arrive(requester)
            assert l.clock.advance()
            left_out = columns[few][1]
            note("open a dispute", clients[few].disputes.open(left_out))
            r = left_out.receipt
            note("answer a dispute", l.disputes.answer(epoch, r.listener, few, left_out.proof))
            time.sleep(3.1)
            note(f"collect for {neurons} neurons", l.settlement.collect(epoch, speakers))
            note(f"conclude for {neurons} neurons", l.audits.conclude(epoch, speakers))
        for name, own in (("mint a device", clients[few]), ("mint a device, carried", clients[few].carried_by(l))):
            before = l.rpc.height()
            own.devices.mint(ledger.keys.new(), 4, 1, 2048, bytes(32))
            gas[name] = int(l.rpc.request("eth_getBlockByNumber", hex(before + 1), False)["gasUsed"], 16)
        own, receiver, device_key = clients[few], auditors[0], ledger.keys.new()
        device = own.devices.mint(device_key, 4, 1, 2048, bytes(32))
        note("join a node", own.effort.join(device, own.effort.found()))
        for serial in (1, 2):  # the first of a cycle opens its storage
            report = (l.emission.cycle(), serial, device, receiver, 10**9, 3600, 60)
            digest = l.effort.digest(report)
            ends = device_key.sign(digest), clients[receiver].me.sign(digest)
            gas["report effort, first" if serial == 1 else "report effort"] = l.effort.report(report, *ends).gas
        note("knock", clients[speakers[1]].registry.knock(speakers[1]))
        note("unstake", clients[few].stake.unstake(few, KLP))
        job = own.jobs.open(l.me.address, KLP, l.clock.now().time + 1000, 3600, bytes(32))
        workers = {f"0x{n + 2**80:040x}": 10**9 for n in range(150)}
        note("report on a job, 150 workers", l.jobs.report(job, workers))
        l.rpc.request("evm_increaseTime", hex(3600))
        note("pay 150 workers", l.jobs.pay_all(job, list(workers))[0])
        note("give a job's rest back", l.jobs.give_back(job))
    return gas


def drawn_among(folder: Path, auditors: int) -> dict[str, float]:
    """Gas of what depends on how many auditors there are: the last stake, a page of 200 draws, the list of all."""
    path, admin = folder / f"among-{auditors}.db", ledger.keys.new()
    chain.create(path, chain_id=1337).close()
    deployment = ledger.deploy(path, admin, ledger.Parameters())
    with ledger.connect(path, admin, deployment) as l:

        def read(contract: Contract, function: str, *arguments: object) -> int:
            data = "0x" + contract.artifact().functions[function].call_data(arguments).hex()
            return int(l.rpc.request("eth_estimateGas", {"to": contract.address, "data": data}), 16)

        l.token.approve(l.stake.address, 2**255)
        for n in range(auditors):
            key = ledger.keys.new()
            if n >= 256:  # a registration costs a deposit from here on
                l.token.transfer(key.address, 10 * KLP)
            own = Ledger(l.rpc, deployment, key)
            id = own.registry.register(Role.AUDITOR, endpoint="198.51.100.1:4000", model="m", certificate=bytes(420))
            last = l.stake.stake(id, 100 * KLP)
        l.clock.start()
        many, few = (read(l.audits, "assignments", 1, 1, list(range(1, 1 + n))) for n in (200, 100))
        return {
            "stake as the last auditor": last.gas,
            "draws for 200 neurons": many,
            "a further draw": (many - few) / 100,
            "list of all auditors": read(l.registry, "auditors"),
        }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--auditors", type=int, default=1000)
    parser.add_argument("--gwei", type=float, default=0.1)
    parser.add_argument("--coin", type=float, default=600.0)
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--neighbours", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=24)
    asked = parser.parse_args()
    with Report(asked.json) as report:
        tell(report, asked, played=3 if asked.quick else 8)
        grow(report, (3, 64) if asked.quick else (3, asked.auditors))


def tell(report: Report, asked: argparse.Namespace, played: int) -> None:
    """The gas of each operation among ``played`` neurons, and what a day of a large network costs."""
    with tempfile.TemporaryDirectory() as folder:
        gas = play(Path(folder), played)
    for name, value in gas.items():
        report.say(f"{name:<28}{value:>14,.0f}")
        one_call = name != "deploy all contracts"
        report.figure(name, value, "gas", at_most=2**24 if one_call else None)
    each = (gas[f"claim, {played} receipts"] - gas["claim, 1 receipt"]) / (played - 1)
    neuron = gas["post"] + gas["claim, 1 receipt"] + each * (asked.neighbours - 1)
    neuron += (gas[f"collect for {played} neurons"] + gas[f"conclude for {played} neurons"]) / played
    neuron += 3 * gas[f"reveal, {played} neurons"] / played
    day = asked.epochs * asked.neurons * neuron
    coins = day * asked.gwei * 1e-9
    report.say(f"\n{each:,.0f} gas for each further receipt in a claim; {neuron:,.0f} gas a neuron and epoch")
    report.say(
        f"a day of {asked.neurons:,} neurons with {asked.neighbours} neighbours and {asked.epochs} epochs: "
        f"{day:,.0f} gas = {coins:,.2f} coins = ${coins * asked.coin:,.0f} "
        f"(${coins * asked.coin / asked.neurons:,.4f} a neuron)"
    )
    report.figure("a neuron and epoch", neuron, "gas")
    report.figure(f"a day of {asked.neurons:,} neurons", coins, "coins")


def grow(report: Report, sizes: tuple[int, ...]) -> None:
    """What grows with the number of auditors."""
    for auditors in sizes:
        with tempfile.TemporaryDirectory() as folder:
            gas = drawn_among(Path(folder), auditors)
        for name, value in gas.items():
            what = f"{name}, {auditors:,} auditors"
            report.say(f"{what:<42}{value:>14,.0f}")
            report.figure(what, value, "gas", at_most=2**24)


if __name__ == "__main__":
    main()
