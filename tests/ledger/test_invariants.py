"""Whatever its members do in whatever order, the money adds up; and each check is shown to catch a planted bug.

One sequence is up to thirty moves of three neurons, three auditors and a requester, all with money, in any order the
contracts allow (and many that they refuse), from a state that every sequence begins with. After each move: the supply
is genesis and emission, every token is somewhere, stake and fees are backed, nothing is paid twice, and at the end
everybody can get out what is due. The reserve is nearly spent in the beginning (the network moved from another chain),
and the owner changes the terms of emission at will. The sequences run on the same machine over a state in memory
(``memory.py``); the slow tests play some over the embedded chain and over anvil as well.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import Phase as Step
from hypothesis.stateful import run_state_machine_as_test
from ledger_helpers import Net, Role, secret

from klopf.errors import Reverted
from klopf.ledger import Ledger, _abi, restore
from klopf.ledger._deployment import USUAL, Former, deploy_over
from klopf.ledger._migrate import claims_of
from klopf.ledger._rpc import Rpc, open_rpc
from tests.ledger.doubting import TERMS as AUDIT_TERMS
from tests.ledger.market import test_economy
from tests.ledger.memory import MemoryRpc
from tests.ledger.moves import (
    AUDITORS,
    DEVICE,
    EVERYBODY,
    FORMER,
    GENESIS,
    LEADER,
    NEURONS,
    RULES,
    Market,
)


def begin(net: Net) -> None:
    """The state that every sequence begins with."""
    for _ in NEURONS:
        net.join(Role.NEURON)
    for _ in AUDITORS:
        net.join(Role.AUDITOR)
    net.join(Role.REQUESTER)
    for id in EVERYBODY:
        for contract in ("Stake", "Challenges"):
            net.clients[id].token.approve(net.admin.deployment.addresses[contract], 2**256 - 1)
    owner = net.clients[LEADER]
    owner.effort.join(owner.devices.mint(DEVICE, 4, 1, 1024, bytes(32)), owner.effort.found(fee_bps=1000))
    net.admin.emission.roll()
    net.admin.clock.start()
    Market.net = net


def play(sequences: int, moves: int = 30, hunting: bool = False, machine: type[Market] = Market) -> None:
    """Play that many sequences over whatever ``Market.net`` is."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=moves,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            phases=(Step.generate,) if hunting else tuple(Step),
            database=None,
        ),
    )


def arrive(rpc: Rpc, pass_time: Callable[[int], None]) -> Net:
    """A network that moved here with its reserve nearly spent; all that there was is the operator's."""
    key = secret(0)
    (claim,) = claims_of({key.address: GENESIS + FORMER})
    former = Former(claim.leaf, FORMER, key.address)
    packs = (*USUAL, "evidence")
    admin = Ledger(rpc, deploy_over(rpc, key, RULES, former=former, audit=AUDIT_TERMS, packs=packs), key)
    restore(admin, [claim])
    return Net(admin, pass_time)


def in_memory() -> None:
    """A fresh network in memory."""
    rpc = MemoryRpc()
    begin(arrive(rpc, lambda s: rpc.request("evm_increaseTime", s) and None))
    rpc.keep()
    Market.restart = staticmethod(rpc.back)  # type: ignore[assignment]


def over(endpoint: Any) -> None:
    """A fresh network over a real chain, undone by its own snapshots."""
    begin(arrive(open_rpc(endpoint.location), endpoint.pass_time))
    rpc = Market.net.admin.rpc
    start = [rpc.request("evm_snapshot")]

    def restart() -> None:
        assert rpc.request("evm_revert", start[0])
        start[0] = rpc.request("evm_snapshot")
        rpc._nonces.clear()

    Market.restart = staticmethod(restart)  # type: ignore[assignment]


@pytest.mark.timeout(600)
@pytest.mark.long
def test_the_money_adds_up() -> None:
    side_by_side(2, 50, 12)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_money_adds_up_in_600_sequences() -> None:
    side_by_side(4, 150, 15)


@pytest.mark.slow
def test_the_money_adds_up_over_both_chains(chain_endpoint: Any) -> None:
    over(chain_endpoint)
    play(40)
    Market.net.admin.close()


@pytest.mark.soak
def test_the_money_adds_up_in_20000_sequences() -> None:
    side_by_side(40, 500, 15)


def side_by_side(batches: int, sequences: int, moves: int) -> None:
    """On all cores, in processes of their own, each batch with its own seed."""
    first = int.from_bytes(os.urandom(4))
    print(f"seeds {first} to {first + batches - 1}", flush=True)
    helpers = (importlib.import_module, ("tests.ledger.conftest",))
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), *helpers) as pool:
        played = [pool.submit(batch, first + n, sequences, moves) for n in range(batches)]
        try:
            for done, one in enumerate(as_completed(played), 1):
                one.result()
                print(f"{sequences * done:,} sequences", flush=True)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # where one has failed, the rest need not be played


def batch(number: int, sequences: int, moves: int) -> None:
    in_memory()
    seed(number)(Market)
    play(sequences, moves)


BUGS = {
    "paid again and again": ("Settlement", "c.pay = Pay.Collected;", ""),
    "shares rounded up": (
        "Settlement",
        "(uint256(epochs[epoch].pool) * c.rank) / all",
        "(uint256(epochs[epoch].pool) * c.rank + all - 1) / all",
    ),
    "slashed stake kept": ("Stake", "a.staked -= fromStaked;", ""),
    "withdrawn twice": ("Stake", "a.thawing = 0;", ""),
    "a withdrawal that is due refused": ("Stake", "block.timestamp < a.readyAt)", "block.timestamp < a.readyAt + 1)"),
    "a worker paid twice": ("Jobs", "_due[id][j.round][worker] = 0;", ""),
    "a job's rest returned twice": ("Jobs", "j.left = j.due;", ""),
    "a worker's due returned to the payer": ("Jobs", "uint256 amount = j.left - j.due;", "uint256 amount = j.left;"),
    "a bond burnt and kept": ("Jobs", "j.left -= bond;", ""),
    "a pool beyond what was burnt": ("Effort", "Math.min(granted, backedOf[cycle])", "granted"),
    "spent stake kept": ("Stake", "IToken(address(token)).burn(amount);", ""),
    "emission uncounted": ("Token", "emitted += amount;", ""),
    "a dispute ended twice": ("Disputes", "d.state = State.Ended;", ""),
    "pay collected while it is disputed": ("Settlement", "p.disputes != 0 || ", ""),
    "a dispute that never lets go": ("Settlement", "posts[epoch][listener].disputes -= 1;", ""),
    "terms that change within a cycle": ("Economy", "_next = t;", "_now = t;"),
    "anybody's terms": ("Economy", "if (msg.sender != rules.owner())", "if (msg.sender == address(0))"),
    "a halving of what was spent": (
        "Emission",
        "firstDown(left, period);\n            emit",
        "firstDown(reserve, period);\n            emit",
    ),
    "a period that changes without counting again": (
        "Emission",
        "milestone ? t.halvingCycles != period : before >= t.milestone",
        "!milestone && before >= t.milestone",
    ),
    "a voucher paid again and again": ("Vouchers", "r.redeemed += amount;", ""),
    "a reserve spent and kept": ("Vouchers", "r.held -= amount;", ""),
    "what thawed was taken, too": ("Vouchers", "if (r.thawing > r.held) r.thawing = r.held;", ""),
    "a deposit paid again and again": ("Challenges", "d.state = State.Shown;", ""),
    "a deposit given back as it is now": (
        "Challenges",
        "token.safeTransfer(registry.ownerOf(p.auditor), d.deposit);",
        "token.safeTransfer(registry.ownerOf(p.auditor), terms.current().deposit);",
    ),
    "a deposit that comes back as it is now": (
        "Challenges",
        "token.safeTransfer(d.by, d.deposit);",
        "token.safeTransfer(d.by, terms.current().deposit);",
    ),
    "audits paid of what no epoch had": (
        "AuditPay",
        "(uint256(pool) * countedIn(epoch))",
        "(uint256(rules.playedIn(epoch).emission) * countedIn(epoch))",
    ),
    "a doubt upheld again and again": ("Challenges", "d.state = State.Upheld;", ""),
    "a doubt that costs nothing": ("Challenges", "token.safeTransferFrom(msg.sender, address(this), deposit);", ""),
    "a neuron slashed again and again": ("Challenges", "contradicted[epoch][neuron] = true;", ""),
    "a contradiction of which the treasury has what is burnt": (
        "Stake",
        "if (burns) IToken(address(token)).burn(taken - reward);",
        "if (burns && false) IToken(address(token)).burn(taken - reward);",
    ),
    "a finder who gets twice as much": ("Stake", "taken / part;", "taken / part * 2;"),
    "an auditor paid again and again": ("AuditPay", "paid[epoch][auditor] = true;", ""),
    "pay before all doubts are over": ("Challenges", "block.timestamp >= revealed + 2 * window(epoch) && ", ""),
    "pay for what is still doubted": ("Challenges", "t.open == 0 && ", ""),
    "pay for what was not shown": ("Challenges", " && !t.upheld;", ";"),
    "pay for a lie": ("AuditPay", "audits.slashed(epoch, auditor) || ", ""),
    "pay for who is marked": ("AuditPay", "if (audits.marked(epoch, neuron, auditor)) revert", "if (false) revert"),
    "punished before it can be contradicted": ("Audits", " || block.timestamp < o.due", ""),
    "punished for what a neuron said otherwise to others": (
        "Audits",
        "if (_contradicted(epoch, neurons[i])) continue;",
        "",
    ),
    "audits paid beyond their share": ("Reveals", "turnout[epoch].findings += 1;", "turnout[epoch].findings = 1;"),
    "one question in all places of an audit": ("Transcripts", "if (a.last >= b.first) return _none();", ""),
    "pay for a task that nobody else has": (
        "Agreement",
        "if (m < agreed.length && agreed[m].task == f[i].scores[k].task) bits",
        "bits",
    ),
    "an audit's pay that nobody promised": (
        "AuditPay",
        "uint256 granted = emission.setAside(amount);",
        "uint256 granted = amount;",
    ),
    "more owed of a split price than there is": ("Jobs", "j.due -= uint128(due);", "j.due -= uint128(amount);"),
    "a page of a report that is forgotten": ("Jobs", "uint256 sum = d.sum;", "uint256 sum = 0;"),
    "emission beyond the promise": ("Consensus", "e.rank += uint112(rank);", "e.rank = uint112(rank);"),
}


LISTENING = ("stake", "post", "claim", "advance", "play_on", "dispute", "end_dispute", "collect", "quarrel")
AUDITING = (
    *("change_share", "change_deposit", "commit", "reveal", "doubt", "end_doubt", "collect_pay", "audit_on", "punish"),
    *("mislead", "doubt_on", "contradict", "advance", "play_on", "conclude"),
)
EARNING = ("change_terms", "work", "spend_the_reserve", "begin_the_halving", "play_on", "collect", "advance")
WORKING = ("open_job", "report_job", "move_job", "draft_job", "finish_a_job", "quarrel_about_a_job", "leave_a_job")
NEAR = {
    "Jobs": WORKING,
    "Vouchers": ("reserve", "redeem", "thaw_reserve"),
    **dict.fromkeys(("Settlement", "Disputes", "Consensus"), LISTENING),
    **dict.fromkeys(("Challenges", "AuditPay", "Audits", "Reveals", "Transcripts", "Agreement"), AUDITING),
    **dict.fromkeys(("Effort", "Emission", "Economy", "Token"), EARNING),
}
"""The moves that a bug of a contract is near to: they are played first."""
MOVES = {r.function.__name__ for r in Market.setup_state().rules}


def near(contract: str) -> type[Market]:
    """The machine with the moves alone that come near a contract; they may still make use of all others."""
    near = NEAR.get(contract, MOVES)
    plain = {name: partialmethod(lambda self, move, *a, **k: move(self, *a, **k), getattr(Market, name))
             for name in MOVES - set(near)}  # fmt: skip
    return type("Near", (Market,), plain)


def test_the_moves_near_a_contract_are_moves() -> None:
    for contract, moves in NEAR.items():
        assert {r.function.__name__ for r in near(contract).setup_state().rules} == set(moves)


@contextmanager
def planted(
    name: str, old: str, new: str, contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The contract ``name`` with ``new`` in place of ``old``, in every network that is made meanwhile."""
    node = shutil.which("node")
    if node is None or not (contracts / "node_modules").is_dir():
        pytest.skip("node or the contracts' npm packages are not installed; run `make contracts`")
    shutil.copytree(contracts / "src", tmp_path / "src")
    (source,) = (tmp_path / "src").rglob(f"{name}.sol")
    assert source.read_text().count(old) == 1
    source.write_text(source.read_text().replace(old, new))
    built = {"Consensus": "Settlement", "Agreement": "Audits", "Reveals": "Audits", "Transcripts": "Challenges"}.get(
        name, name
    )
    command = [node, "build.mjs", str(tmp_path / "src"), str(tmp_path / "out"), str(contracts / "layouts"), built]
    done = subprocess.run(command, cwd=contracts, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{name} does not compile with {new!r} in place of {old!r}: {done.stderr.strip()[-800:]}")
    spoilt, shipped = json.loads(next((tmp_path / "out").rglob(f"{built}.json")).read_text()), _abi._read
    monkeypatch.setattr(_abi, "_read", lambda name: spoilt if name == built else shipped(name))
    _abi.artifact.cache_clear()
    try:
        yield
    finally:
        monkeypatch.undo()
        _abi.artifact.cache_clear()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with planted(*BUGS[bug], contracts, tmp_path, monkeypatch), pytest.raises((AssertionError, Reverted)):
        in_memory()
        play(100, hunting=True, machine=near(BUGS[bug][0]))
        play(200, hunting=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_set_aside_beyond_the_reserve_is_caught(
    contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Played by hand: a thousand KLP from the end of a billion, where no play of the machine comes."""
    bound = ("Math.min(Math.min(wanted, marketLeft), reserve - promised)", "Math.min(wanted, marketLeft)")
    with planted("Emission", *bound, contracts, tmp_path, monkeypatch), pytest.raises(AssertionError):
        test_economy.test_the_last_of_the_reserve_is_set_aside_once_whoever_comes_first(test_economy.Memory())
