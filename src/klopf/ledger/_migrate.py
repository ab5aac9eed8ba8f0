"""Move a network to another chain: everybody's money in claims, the rules and the economy, and a link to the past.

What moves: every token of the old chain, at its owner's address, those at stake, in escrow, in jobs and in fees
included; the rules and the economy; and what the compute reserve had emitted, so that it cannot be emitted again.
What does not: participants register again (their signatures bind to the chain that they joined), standing is earned
again, and the schedule of emission begins again before its milestone. The old chain is not stopped: nobody could;
whoever moves says so, and the first snapshot on the new chain names the old one and the hash of its graph.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from eth_abi.abi import encode
from eth_hash.auto import keccak

from klopf import files
from klopf.errors import LedgerError
from klopf.ledger._abi import artifact
from klopf.ledger._before import as_today, escrow_of, pay_of, reported
from klopf.ledger._client import Sent
from klopf.ledger._deployment import Deployment, Former, deploy_over
from klopf.ledger._graph import graph
from klopf.ledger._history import history
from klopf.ledger._ledger import Ledger
from klopf.ledger._parameters import Constitution, Marks, Parameters
from klopf.ledger._receipts import merkle, path_to_root
from klopf.ledger._rpc import Where, open_rpc
from klopf.ledger.core import registry, token
from klopf.ledger.core.token import Reserve
from klopf.ledger.fleet import effort
from klopf.ledger.keys import Key, checksum
from klopf.ledger.market import jobs, vouchers
from klopf.ledger.move.claims import Claims

__all__ = ["Claim", "holdings", "load_claims", "migrate", "open_source", "restore", "save_claims", "terms_of"]

_ZERO = "0x" + "00" * 20


@dataclass(frozen=True)
class Claim:
    """What an address had on the old chain, and the proof of it. ``amount`` in 1e-18 KLP."""

    index: int
    owner: str
    amount: int
    proof: tuple[bytes, ...] = ()

    @property
    def leaf(self) -> bytes:
        """Its leaf under the root."""
        return bytes(keccak(keccak(encode(("uint256", "address", "uint256"), (self.index, self.owner, self.amount)))))


def holdings(source: Ledger) -> dict[str, int]:
    """Everybody's tokens on a chain, by address: their own, and those that a contract keeps for them.

    LedgerError where pay that is due was not collected (it would be lost), where a contract itself owns tokens (nobody
    could claim them), or where the sum is not the supply.
    """
    owned: Counter[str] = Counter()
    payers: dict[int, str] = {}
    named: dict[int, set[str]] = {}
    disputed: set[int] = set()
    reserved: set[tuple[int, int]] = set()
    worked: dict[tuple[int, int], dict[tuple[int, str], int]] = {}  # by cycle and node: effort by device and holder
    paid: Counter[tuple[int, int, str]] = Counter()
    addresses = source.deployment.addresses
    for event in history(source):
        if isinstance(event, token.Transfer):
            owned[event.sender] -= event.value
            owned[event.to] += event.value
        elif isinstance(event, jobs.Opened):
            payers[event.id] = event.payer
        elif isinstance(event, jobs.Reported | jobs.Drafted):
            named.setdefault(event.id, set()).update(event.workers)
        elif isinstance(event, jobs.Disputed):
            disputed.add(event.id)
        elif isinstance(event, vouchers.Reserved):
            reserved.add((event.requester, event.neuron))
        elif (before := reported(event, addresses)) is not None:
            cycle, node, device, holder, amount = before
            done = worked.setdefault((cycle, node), {})
            done[device, holder] = done.get((device, holder), 0) + amount
        elif isinstance(event, effort.Reported):
            done = worked.setdefault((event.cycle, event.node), {})
            done[event.device, event.holder] = done.get((event.device, event.holder), 0) + event.effort
        elif isinstance(event, effort.DevicePaid):
            paid[event.cycle, event.device, event.holder] += 1
    del owned[_ZERO]
    if owned[addresses.get("Claims", _ZERO)]:
        raise LedgerError("claims of an earlier move are still open; move when everybody has restored theirs")
    for name in ("Stake", "Settlement", "Jobs", "Vouchers"):
        del owned[addresses.get(name, _ZERO)]
    deposits = _deposits(source)
    owned[addresses["Registry"]] -= sum(deposits.values())
    for name, address in addresses.items():
        if owned[address]:
            raise LedgerError(f"{name} owns {owned[address]} units; let the DAO send them to somebody before you move")
    for (cycle, node), done in worked.items():
        for device, holder in done if sum(done.values()) else ():
            paid[cycle, device, holder] -= 1
            if paid[cycle, device, holder] < 0:
                raise LedgerError(
                    f"the effort of device {device} in cycle {cycle} is not paid; "
                    f"when the cycle is over call effort.pay_node({cycle}, {node}) and effort.pay_device"
                )
    members = {p.id: p.owner for p in source.registry.all()}
    epoch = source.clock.now().epoch
    for id, owner in members.items():
        account = source.stake.account(id)
        owned[owner] += account.staked + account.thawing + escrow_of(source, id) + deposits[id]
        for past in range(1, epoch + 1):
            pay = pay_of(source, past, id)
            if past < epoch and pay.rank and not pay.collected:
                raise LedgerError(f"epoch {past} is not collected; run `klopf ledger settle {past}` when it can be")
            owned[owner] += pay.fees
        if "Vouchers" in addresses:
            owned[owner] += source.vouchers.free(id)
    for requester, neuron in reserved:  # what no neuron has redeemed by now
        owned[members[requester]] += source.vouchers.reserved(requester, neuron).held
    for id, payer in payers.items():
        left = source.jobs.left(id)
        if id in disputed:
            disputer, bond = source.jobs.bonded(id)
            owned[disputer] += bond
            left -= bond
        dues = {worker: source.jobs.due(id, worker) for worker in named.get(id, ())}
        if source.jobs.is_missed(id):  # nobody decides any more: the price is split
            total = sum(dues.values())
            dues = {worker: left * due // total for worker, due in dues.items()}
            dues[min(dues)] += left - sum(dues.values())  # the roundings
        for worker, due in dues.items():
            owned[worker] += due
            left -= due
        owned[payer] += left
    found = {owner: amount for owner, amount in sorted(owned.items()) if amount}
    if sum(found.values()) != source.token.supply():
        raise LedgerError(
            f"{sum(found.values())} units have an owner, and {source.token.supply()} exist; "
            "move while nobody sends transactions"
        )
    return found


def claims_of(held: dict[str, int]) -> list[Claim]:
    """Claims with their proofs, in the order of ``held``."""
    plain = [Claim(i, owner, amount) for i, (owner, amount) in enumerate(held.items())]
    levels = merkle(claim.leaf for claim in plain)
    return [Claim(c.index, c.owner, c.amount, path_to_root(levels, c.leaf)) for c in plain]


def open_source(where: Where, deployment: Deployment, confirmations: int = 0) -> Ledger:
    """The network that is to move, read-only; also one of before there were packs, which nothing else can open.

    LedgerError where the chain at ``where`` is not the one that ``deployment`` names.
    """
    rpc = open_rpc(where, confirmations)
    try:
        deployment.check_place(rpc)
    except BaseException:
        rpc.close()
        raise
    return Ledger(rpc, deployment.current(rpc) if deployment.packs else deployment)


def terms_of(source: Ledger) -> tuple[Parameters, Marks]:
    """The rules that a network is played by, and the marks of its audits, also of networks that earlier versions made.

    Before there were packs the marks stood among the rules, after the quorum of audits. What there was no number for is
    as it is by default: the least time of a phase, committees and the part of the fringe. A number that is out of
    today's range comes to its nearest end.
    """
    function = artifact("Rules").functions["current"]
    data = source.rpc.call(source.deployment.address("Rules"), function.call_data(()))
    words = [int.from_bytes(data[at : at + 32]) for at in range(0, len(data), 32)]
    if source.deployment.packs:
        marks = source.marks.current()
    else:
        after = 1 + [f.name for f in fields(Parameters)].index("audit_quorum")
        marks = Marks({"accuracy": words.pop(after), "robustness": words.pop(after)})
    since = astuple(Parameters())[len(words) :]  # what there was no number for
    return _in_range(Parameters.from_tuple((*words, *since))), marks


def _in_range(p: Parameters) -> Parameters:
    """The rules with every number in the range that ``Rules`` has for it."""
    day = 24 * 3600
    listen, claim = min(p.listen_seconds, day), min(p.claim_seconds, day)
    return replace(
        p,
        listen_seconds=listen,
        claim_seconds=claim,
        thaw_seconds=min(max(p.thaw_seconds, 2 * (listen + claim)), 90 * day),
        kappa=min(max(p.kappa, 16_384), 58_982),
        seats=max(p.seats, 1),
        maturity=min(p.maturity, 1000),
        audit_quorum=max(p.audit_quorum, p.audit_seats // 2 + 1),
        floor_bps=min(p.floor_bps, 3000),
        neuron_stake=min(p.neuron_stake, 10**24),
        auditor_stake=min(p.auditor_stake, 10**24),
    )


def migrate(
    source: Ledger, where: Where, key: Key, constitution: Constitution | None = None, *,
    confirmations: int = 0, progress: Callable[[str], None] | None = None,
) -> tuple[Deployment, list[Claim]]:  # fmt: skip
    """Deploy a network at ``where`` in which everybody can claim what it has in ``source``; see this module's text.

    Anybody who has the old chain can make the claims again with :func:`holdings` and compare the root.
    """
    claims = claims_of(holdings(source))
    root = merkle(claim.leaf for claim in claims)[-1][0]
    made = graph(map(as_today, history(source)))
    former = Former(root, source.token.emitted(), source.deployment.treasury, *_reserved(source))
    rules, marks = terms_of(source)
    seats = source.seats.current() if "Seats" in source.deployment.addresses else None
    rpc = open_rpc(where, confirmations)
    try:
        moved = deploy_over(
            rpc, key, rules, constitution=constitution, progress=progress, former=former,
            economy=source.economy.current(), marks=marks, seats=seats,
        )  # fmt: skip
        place = f"chain {source.deployment.chain_id}, block {made.block}, {source.deployment.addresses['Registry']}"
        data = artifact("Snapshots").functions["mint"].call_data((made.hash(), 0, place))
        rpc.send(key, moved.addresses["Snapshots"], data)
    finally:
        rpc.close()
    return moved, claims


def _deposits(source: Ledger) -> Counter[int]:
    """What each participant's registration cost it; nothing where it was free."""
    found: Counter[int] = Counter()
    for event in history(source) if "Reserves" in source.deployment.addresses else ():
        if isinstance(event, registry.Registered) and event.id > registry.FREE:
            found[event.id] = source.registry.deposit(event.id)
    return found


def _reserved(source: Ledger) -> tuple[int, int, int]:
    """What was minted from the reserves for liquidity and circulation, and burnt; nothing where nothing could be."""
    if "Reserves" not in source.deployment.addresses:
        return 0, 0, 0
    return (
        source.token.minted_from(Reserve.LIQUIDITY),
        source.token.minted_from(Reserve.CIRCULATION),
        source.token.burnt(),
    )


def restore(ledger: Ledger, claims: Iterable[Claim], owner: str | None = None) -> list[Sent]:
    """Pay out the claims of ``owner`` (by default of everybody) that are still open. Anybody may."""
    if "Claims" not in ledger.deployment.addresses:
        raise LedgerError("this network did not move here: there is nothing to restore")
    kept = ledger.client(Claims)
    sent = []
    for claim in claims:
        if (owner is None or claim.owner == checksum(owner)) and not kept.restored(claim.index):
            sent.append(kept.restore((claim.index, claim.owner, claim.amount, list(claim.proof))))
    return sent


def save_claims(path: str | os.PathLike[str], claims: Iterable[Claim]) -> None:
    """Write claims to a file, one JSON object a line."""
    lines = [
        json.dumps({"index": c.index, "owner": c.owner, "amount": str(c.amount), "proof": [p.hex() for p in c.proof]})
        for c in claims
    ]
    try:
        files.replace(path, "".join(line + "\n" for line in lines))
    except OSError as error:
        raise LedgerError(f"cannot write {path}: {error.strerror}; choose a folder that can be written") from None


def load_claims(path: str | os.PathLike[str]) -> list[Claim]:
    """Back from :func:`save_claims`. LedgerError, naming the line, where one is no claim."""
    claims = []
    try:
        lines = Path(path).read_text().splitlines()
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}; name the claims of the move") from None
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            proof = tuple(bytes.fromhex(p) for p in row["proof"])
            claims.append(Claim(int(row["index"]), checksum(row["owner"]), int(row["amount"]), proof))
        except (KeyError, TypeError, ValueError, LedgerError) as error:
            raise LedgerError(f"line {number} of {path} is no claim ({error}); the file was altered") from None
    return claims
