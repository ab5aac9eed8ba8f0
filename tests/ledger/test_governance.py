"""The DAO owns the rules: a change needs a vote, a quorum and the timelock, and the guardian may only stop it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from ledger_helpers import KLP, TINY, Net, Role, secret

from klopf import ledger
from klopf.errors import LedgerError, Reverted
from klopf.ledger import Constitution, Governance, ProposalState, Support, _abi

DAY = 24 * 3600
GUARDIAN, WHALE, MINNOW = secret(70), secret(71), secret(72)
RULES = Constitution(guardian=GUARDIAN.address)


@dataclass
class Dao:
    net: Net
    whale: Governance
    minnow: Governance
    guardian: Governance


@pytest.fixture
def dao(chain_endpoint) -> Iterator[Dao]:  # type: ignore[no-untyped-def]
    deployment = ledger.deploy(chain_endpoint.location, secret(0), TINY, constitution=RULES)
    net = Net(ledger.connect(chain_endpoint.location, secret(0), deployment), chain_endpoint.pass_time)
    members = [Governance(ledger.Ledger(net.admin.rpc, deployment, key)) for key in (WHALE, MINNOW, GUARDIAN)]
    net.admin.fund(WHALE.address, tokens=60_000_000 * KLP)
    net.admin.fund(MINNOW.address, tokens=200_000 * KLP)
    for member in members[:2]:
        member.delegate()
    net.pass_time(2)
    yield Dao(net, *members)
    net.admin.close()


def test_a_vote_changes_a_rule(dao: Dao) -> None:
    net, before = dao.net, dao.net.admin.rules.current()
    assert net.admin.rules.owner() == dao.whale.timelock
    changed = replace(before, seats=7)
    with pytest.raises(Reverted, match="only the owner"):
        net.admin.rules.propose(changed)  # the deployer has no say any more
    proposal = dao.minnow.propose_rules(changed, "seven seats")
    assert [p.state for p in dao.minnow.list()] == [ProposalState.PENDING]
    with pytest.raises(Reverted, match="is pending: its vote begins at"):
        dao.minnow.vote(proposal, Support.FOR)
    net.pass_time(DAY + 1)
    dao.minnow.vote(proposal, Support.AGAINST, "too many")
    with pytest.raises(Reverted, match="one vote"):
        dao.minnow.vote(proposal, Support.FOR)
    dao.whale.vote(proposal, Support.FOR)
    found = dao.whale.get(proposal)
    assert found.state is ProposalState.ACTIVE
    assert found.votes == {"for": 60_000_000 * KLP, "against": 200_000 * KLP, "abstain": 0}
    with pytest.raises(Reverted):
        dao.whale.queue(proposal)
    net.pass_time(8 * DAY)
    dao.whale.queue(proposal)
    with pytest.raises(Reverted, match="is queued: it can be executed from"):
        dao.whale.execute(proposal)
    net.pass_time(2 * DAY + 1)
    dao.minnow.execute(proposal)
    assert dao.whale.get(proposal).state is ProposalState.EXECUTED
    assert net.admin.rules.current() == before  # the next epoch brings it
    net.join(Role.NEURON)
    net.admin.clock.start()
    assert net.admin.rules.current() == changed
    assert ledger.verify(net.admin, []) == []


def test_a_vote_changes_a_term_of_emission(dao: Dao) -> None:
    """From the proposal to the first cycle that is paid by it; the guardian and outsiders cannot."""
    net, before = dao.net, dao.net.admin.economy.current()
    changed = replace(before, rewards=tuple(r // 2 for r in before.rewards), halving_cycles=1460)
    net.admin.emission.roll()
    for nobody in (net.admin, dao.guardian._ledger, dao.minnow._ledger):
        with pytest.raises(Reverted, match="only the owner"):
            nobody.economy.propose(changed)
    proposal = dao.minnow.propose_rules(changed, "half the reward, halved every four years", replace(TINY, seats=7))
    net.pass_time(DAY + 1)
    dao.whale.vote(proposal, Support.FOR)
    net.pass_time(8 * DAY)
    dao.whale.queue(proposal)
    net.pass_time(2 * DAY + 1)
    net.admin.emission.roll()
    dao.minnow.execute(proposal)
    cycle = net.admin.emission.cycle()
    assert net.admin.economy.current() == before and net.admin.emission.reward(cycle) == 100_000 * KLP
    net.pass_time(DAY)
    net.admin.emission.roll()
    assert net.admin.economy.current() == changed and net.admin.emission.reward(cycle + 1) == 50_000 * KLP
    net.join(Role.NEURON)
    net.admin.clock.start()
    assert net.admin.rules.current().seats == 7
    bad = dao.minnow.propose_rules(replace(changed, halving_cycles=1), "at once")
    net.pass_time(DAY + 1)
    dao.whale.vote(bad, Support.FOR)
    net.pass_time(8 * DAY)
    dao.whale.queue(bad)
    net.pass_time(2 * DAY + 1)
    with pytest.raises(Reverted, match="OutOfRange"):
        dao.whale.execute(bad)
    assert ledger.verify(net.admin, []) == []


def test_without_a_quorum_nothing_passes(dao: Dao) -> None:
    proposal = dao.minnow.propose_rules(replace(TINY, seats=9), "nine seats")
    dao.net.pass_time(DAY + 1)
    dao.minnow.vote(proposal, Support.FOR)
    dao.net.pass_time(8 * DAY)
    assert dao.minnow.get(proposal).state is ProposalState.DEFEATED
    with pytest.raises(Reverted):
        dao.minnow.queue(proposal)


def test_a_late_quorum_leaves_time_to_answer(dao: Dao) -> None:
    proposal = dao.minnow.propose_rules(replace(TINY, seats=9), "nine seats")
    dao.net.pass_time(DAY + 1)
    ends = dao.minnow.get(proposal).vote_end
    dao.net.pass_time(7 * DAY - 3600)
    dao.whale.vote(proposal, Support.FOR)  # the quorum, an hour before the end
    late = dao.minnow.get(proposal).vote_end
    assert late - ends > DAY
    dao.net.pass_time(DAY)
    dao.minnow.vote(proposal, Support.AGAINST)


def test_the_guardian_may_stop_and_do_nothing_else(dao: Dao) -> None:
    proposal = dao.minnow.propose_rules(replace(TINY, emission=10**27), "everything at once")
    dao.net.pass_time(DAY + 1)
    dao.whale.vote(proposal, Support.FOR)
    dao.net.pass_time(8 * DAY)
    dao.whale.queue(proposal)
    with pytest.raises(Reverted):
        dao.whale.cancel(proposal)
    dao.guardian.cancel(proposal)
    dao.net.pass_time(3 * DAY)
    with pytest.raises(Reverted):
        dao.whale.execute(proposal)
    assert dao.whale.get(proposal).state is ProposalState.CANCELED
    with pytest.raises(Reverted, match="only the owner"):
        dao.guardian._ledger.rules.propose(TINY)


def test_a_vote_changes_how_the_dao_votes(dao: Dao) -> None:
    then = Constitution(
        voting_delay=7200, voting_period=3 * DAY, late_quorum_extension=DAY, proposal_threshold=5 * KLP,
        quorum_percent=7, timelock_delay=DAY, guardian=MINNOW.address,
    )  # fmt: skip
    assert dao.whale.constitution() == RULES
    proposal = dao.minnow.propose_rules(then, "faster, and another guardian")
    lines = dao.whale.changes(dao.whale.get(proposal))
    assert len(lines) == 7 and "quorum_percent: 4 -> 7" in lines and f"voting_period: {7 * DAY} -> {3 * DAY}" in lines
    dao.net.pass_time(DAY + 1)
    dao.whale.vote(proposal, Support.FOR)
    dao.net.pass_time(8 * DAY)
    dao.whale.queue(proposal)
    dao.net.pass_time(2 * DAY + 1)
    dao.whale.execute(proposal)
    assert dao.whale.constitution() == then
    assert ledger.verify(dao.net.admin, []) == []


def test_votes_that_came_after_the_snapshot_do_not_count(dao: Dao) -> None:
    """Tokens that are borrowed to vote come too late."""
    proposal = dao.minnow.propose_rules(replace(TINY, seats=9), "nine seats")
    dao.net.pass_time(DAY + 1)
    dao.net.admin.fund(MINNOW.address, tokens=100_000_000 * KLP)
    dao.minnow.vote(proposal, Support.FOR)
    assert dao.minnow.get(proposal).votes["for"] == 200_000 * KLP


def test_too_few_votes_to_propose(dao: Dao) -> None:
    with pytest.raises(Reverted, match="delegate more"):
        dao.guardian.propose_rules(TINY, "mine")
    with pytest.raises(LedgerError, match="no proposal 5"):
        dao.whale.get(5)


def test_a_network_without_a_dao_says_so(net: Net) -> None:
    with pytest.raises(LedgerError, match="no DAO"):
        Governance(net.admin)


def test_a_vote_upgrades_what_holds_no_money_and_nothing_else_can(dao: Dao) -> None:
    net, code = dao.net, _abi.artifact("Snapshots")
    token = net.admin.snapshots.mint(b"h" * 32, 1, "here")
    with pytest.raises(Reverted, match="OnlyTimelock"):
        net.admin.send(
            net.admin.snapshots.address, code.functions["upgradeToAndCall"].call_data((net.admin.me.address, b""))
        )
    with pytest.raises(LedgerError, match="Settlement is final"):
        dao.whale.propose_upgrade("Settlement", _abi.artifact("Settlement"), "mine")
    with pytest.raises(LedgerError, match="is built from"):
        dao.whale.propose_upgrade("Snapshots", replace(code, constructor=("uint8",)), "odd")
    proposal = dao.whale.propose_upgrade("Snapshots", code, "the same again")
    net.pass_time(DAY + 1)
    dao.whale.vote(proposal, Support.FOR)
    net.pass_time(8 * DAY)
    dao.whale.queue(proposal)
    net.pass_time(2 * DAY + 1)
    dao.whale.execute(proposal)
    behind = [e.implementation for e in ledger.history(net.admin) if isinstance(e, ledger.events.snapshots.Upgraded)]
    assert len(behind) == 2 and behind[-1] not in net.admin.deployment.addresses.values()
    assert net.admin.snapshots.get(token) == (b"h" * 32, 1, "here")  # its storage stayed
    assert net.admin.snapshots.mint(b"i" * 32, 2) == token + 1
    assert ledger.verify(net.admin, []) == []


def test_without_a_dao_nobody_upgrades(net: Net) -> None:
    call = (
        _abi.artifact("Lens").functions["upgradeToAndCall"].call_data((net.admin.deployment.addresses["LensCode"], b""))
    )
    with pytest.raises(Reverted, match="OnlyTimelock"):
        net.admin.send(net.admin.deployment.addresses["Lens"], call)


PLANTED = {
    "a variable before the others": (
        "    uint256 public count;\n",
        "    uint256 public first;\n    uint256 public count;\n",
    ),
    "a variable gone": ("    mapping(bytes32 hash => uint256 id) public idOf;\n", ""),
    "another type": ("    uint256 public count;\n", "    uint128 public count;\n"),
    "a struct's member moved": (
        "        bytes32 hash;\n        uint64 block_;\n",
        "        uint64 block_;\n        bytes32 hash;\n",
    ),
}


@pytest.mark.extras
@pytest.mark.parametrize("change", [*PLANTED, "a variable after the others"])
def test_a_layout_that_does_not_fit_is_refused(change: str, dao: Dao, contracts: Path, tmp_path: Path) -> None:
    """By the build, and by whoever would propose it all the same."""
    node = shutil.which("node")
    if dao.net.admin.rpc.chain is None:
        pytest.skip("once is enough")
    if node is None or not (contracts / "node_modules").is_dir():
        pytest.skip("node or the contracts' npm packages are not installed; run `make contracts`")
    core = tmp_path / "src" / "core"
    core.mkdir(parents=True)
    for name in ("IDirectory.sol", "ISnapshots.sol", "Snapshots.sol", "Upgradeable.sol"):
        shutil.copy(contracts / "src" / "core" / name, core / name)
    source, interface = core / "Snapshots.sol", core / "ISnapshots.sol"
    good = change not in PLANTED
    last = "    mapping(bytes32 hash => uint256 id) public idOf;\n"
    old, new = PLANTED.get(change, (last, last + "    uint256 public added;\n"))
    text, declared = source.read_text(), interface.read_text()
    assert text.count(old) + declared.count(old) == 1
    text, declared = text.replace(old, new), declared.replace(old, new)
    if change == "a variable gone":
        declared = re.sub(r"(?:    ///[^\n]*\n)*    function idOf[^\n]*\n", "", declared)
        for line in (
            "        if (idOf[hash] != 0) revert AlreadyTaken(hash, idOf[hash]);\n",
            "        idOf[hash] = id;\n",
        ):
            text = text.replace(line, "")
    if change == "a struct's member moved":
        text = text.replace("Snapshot(hash, block_, place)", "Snapshot(block_, hash, place)")
    if change == "another type":
        text = text.replace("id = ++count;", "id = uint256(++count);")
        declared = declared.replace(
            "function count() external view returns (uint256)", "function count() external view returns (uint128)"
        )
    source.write_text(text)
    interface.write_text(declared)
    kept = tmp_path / "layouts"
    shutil.copytree(contracts / "layouts", kept)
    build = [node, "build.mjs", str(tmp_path / "src"), str(tmp_path / "out")]
    done = subprocess.run([*build, str(kept)], cwd=contracts, capture_output=True, text=True)
    if good:
        assert done.returncode == 0, done.stderr
        dao.whale.propose_upgrade(
            "Snapshots", _abi.read_artifact(tmp_path / "out" / "core" / "Snapshots.json"), "one more"
        )
        return
    assert done.returncode == 1 and "keep every variable in its place" in done.stderr
    subprocess.run([*build, str(tmp_path / "none")], cwd=contracts, check=True, capture_output=True)
    with pytest.raises(LedgerError, match="keep every variable in its place"):
        dao.whale.propose_upgrade("Snapshots", _abi.read_artifact(tmp_path / "out" / "core" / "Snapshots.json"), "mine")


def test_the_guardian_cannot_stop_its_own_dismissal(dao: Dao) -> None:
    """Alone in its proposal; beside anything else it could hide that, and may be cancelled."""
    now = dao.whale.constitution()
    dismissed = replace(now, guardian="0x" + "00" * 20)
    mixed = dao.minnow.propose_rules(dismissed, "and seats", replace(TINY, seats=9))
    dao.guardian.cancel(mixed)
    proposal = dao.minnow.propose_rules(dismissed, "no guardian any more")
    with pytest.raises(Reverted):
        dao.guardian.cancel(proposal)
    dao.net.pass_time(DAY + 1)
    dao.whale.vote(proposal, Support.FOR)
    dao.net.pass_time(8 * DAY)
    dao.whale.queue(proposal)
    with pytest.raises(Reverted):
        dao.guardian.cancel(proposal)
    dao.net.pass_time(2 * DAY + 1)
    dao.minnow.execute(proposal)
    assert dao.whale.constitution() == dismissed


def test_the_guardian_is_bounded_in_time(dao: Dao) -> None:
    dao.net.pass_time(365 * DAY - 100)
    first = dao.minnow.propose_rules(replace(TINY, seats=8), "eight")
    dao.guardian.cancel(first)
    dao.net.pass_time(200)
    assert dao.guardian.guardian_until() < dao.net.admin.clock.now().time
    second = dao.minnow.propose_rules(replace(TINY, seats=9), "nine")
    with pytest.raises(Reverted):
        dao.guardian.cancel(second)
    dao.minnow.cancel(second)  # its proposer, before the vote


def test_a_proposal_cannot_be_made_and_cancelled_by_somebody_else_first(dao: Dao) -> None:
    proposal = dao.minnow.propose_rules(replace(TINY, seats=7), "seven seats")
    found = dao.minnow.get(proposal)
    assert found.description == "seven seats"
    assert found.mark == "#proposer=" + MINNOW.address.lower()
    dao.minnow.cancel(proposal)
    calls = (list(found.targets), [0], list(found.calldatas), "other" + found.mark)
    with pytest.raises(Reverted, match="GovernorRestrictedProposer"):
        dao.whale._write("propose", *calls)
