"""Participants look after their own money: who was cheated accuses, who was wronged answers, and nobody does anything
twice or against the honest, however often he is killed."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from klopf import ledger
from klopf.errors import Unanswered
from klopf.ledger import KLP, Ledger, Receipt, ReceiptTree, Role, SignedReceipt
from klopf.peers import Classes, Conduct
from klopf.peers._disputes import MOST_AT_ONCE, MOST_OPENED, SHORTEST, Disputes, keep_given, receipts_held
from tests.adversaries import Litigant
from tests.conftest import Endpoint, endpoint
from tests.ledger.conftest import TINY, WINDOW, Net, deploy

Disputed, DisputeEnded = ledger.events.disputes.Disputed, ledger.events.disputes.DisputeEnded


@dataclass
class Town:
    """A network whose members keep their receipts in folders, as the processes do."""

    net: Net
    folder: Path
    said: list[str] = field(default_factory=list)
    watches: dict[int, Disputes] = field(default_factory=dict)
    quarrelsome: set[int] = field(default_factory=set)

    def home(self, id: int) -> Path:
        (self.folder / str(id)).mkdir(exist_ok=True)
        return self.folder / str(id)

    def watch(self, id: int, killed: bool = False) -> Disputes:
        """The watch of a member; a new one, that knows what is on disk and nothing else, where it was killed."""
        if killed or id not in self.watches:
            self.watches[id] = Disputes(
                self.net.clients[id], id, self.home(id), lambda line: self.said.append(f"{id}: {line}"),
                (Litigant if id in self.quarrelsome else Conduct)(Classes((), ()), 0, {}),
            )  # fmt: skip
        return self.watches[id]

    def look(self, *, killed: bool = False, but: tuple[int, ...] = ()) -> None:
        """Everybody looks, until nobody has more to do now."""
        for id in self.net.clients:
            while id not in but and self.watch(id, killed).look() == 0.0:
                pass

    def give(self, listener: int, weights: dict[int, int]) -> list[SignedReceipt]:
        """Make receipts, keep them and hand them over, signed by both; posts nothing."""
        epoch = self.net.admin.clock.now().epoch
        made = [
            Receipt(epoch, listener, s, 10, w, sha256(b"%d %d %d" % (epoch, listener, s)).digest())
            for s, w in weights.items()
        ]
        tree = ReceiptTree(made)
        signed = [self.net.sign(r, tree.proof(r)) for r in made]
        keep_given(self.home(listener), signed)
        for s in signed:
            self.hand_over(s)
        self.net.receipts += signed
        return signed

    def hand_over(self, signed: SignedReceipt) -> None:
        place = self.home(signed.receipt.speaker) / "receipts"
        place.mkdir(exist_ok=True)
        with open(place / f"{signed.receipt.epoch}.jsonl", "a") as file:
            file.write(json.dumps(signed.to_json()) + "\n")

    def post(self, listener: int, root: bytes) -> None:
        self.net.clients[listener].settlement.post(listener, root, bytes(32))

    def honest(self, listener: int, weights: dict[int, int]) -> None:
        signed = self.give(listener, weights)
        self.post(listener, signed[0].root)

    def claim(self, speaker: int, but: tuple[int, ...] = ()) -> None:
        """As a neuron claims: what its listeners posted."""
        epoch = self.net.admin.clock.now().epoch
        column = [
            s for listener, versions in receipts_held(self.home(speaker), epoch).items() for s in versions
            if listener not in but and s.root == self.net.admin.settlement.posted(epoch, listener)
        ]  # fmt: skip
        self.net.clients[speaker].settlement.claim(speaker, column)

    def close(self) -> int:
        """End the phase, and the epoch with it; weigh it as whoever runs the network does."""
        epoch = self.net.admin.clock.now().epoch
        self.net.advance()
        self.net.admin.settle(epoch)
        return epoch

    def disputes(self) -> Counter[tuple[int, int, int]]:
        """How often each was opened."""
        return Counter((e.epoch, e.listener, e.speaker) for e in self.events() if isinstance(e, Disputed))

    def events(self) -> list[Disputed | DisputeEnded]:
        return self.net.admin.disputes.history(0, self.net.admin.rpc.height())

    def ended(self) -> dict[tuple[int, int, int], bool]:
        """Of each dispute that ended: whether it was answered; if not, the listener lost its reward."""
        found = [e for e in self.events() if isinstance(e, DisputeEnded)]
        return {(e.epoch, e.listener, e.speaker): e.kept for e in found}

    def rewards(self, epoch: int) -> dict[int, int]:
        """What each was minted for an epoch."""
        history = ledger.history(self.net.admin)
        return {
            e.id: e.emitted for e in history if isinstance(e, ledger.events.settlement.Collected) and e.epoch == epoch
        }

    def finish(self) -> None:
        """Let the windows and the time to answer pass; everybody is paid, and the books agree."""
        for _ in range(3):
            self.net.pass_time(WINDOW)
            self.look()
        assert not any(watch.pending for watch in self.watches.values())
        used = {e.leaf for e in ledger.history(self.net.admin) if isinstance(e, ledger.events.disputes.Disputed)}
        used |= {e.leaf for e in ledger.history(self.net.admin) if isinstance(e, ledger.events.settlement.Heard)}
        assert ledger.verify(self.net.admin, [s for s in self.net.receipts if s.receipt.leaf in used]) == []


@pytest.fixture
def town(chain_endpoint: Endpoint, tmp_path: Path) -> Iterator[Town]:
    """Three neurons (1, 2, 3) and a requester (4), over each chain in turn."""
    chain = chain_endpoint
    made = Town(deploy(chain.location, chain.pass_time, replace(TINY, dispute_seconds=WINDOW)), tmp_path)
    for role in (Role.NEURON, Role.NEURON, Role.NEURON, Role.REQUESTER):
        made.net.join(role)
    made.net.admin.clock.start()
    made.look()
    made.net.advance()  # who is born in an epoch cannot claim in it
    made.net.advance()
    made.look()
    yield made
    made.net.admin.close()


def play(town: Town, false: int = 0, lazy: int = 0) -> int:
    """One epoch in which all listen to all; ``false`` posts another root than it gave, ``lazy`` posts nothing."""
    for listener in (1, 2, 3):
        weights = {k: 30_000 for k in (1, 2, 3) if k != listener}
        if listener in (false, lazy):
            town.give(listener, weights)
            if listener == false:
                town.post(listener, bytes(32))
        else:
            town.honest(listener, weights)
    town.honest(4, dict.fromkeys((1, 2, 3), 0))
    town.net.advance()
    for speaker in (1, 2, 3):
        town.claim(speaker)
    town.net.clients[4].clock.arrive(4)
    return town.close()


def test_the_honest_are_never_disputed(town: Town) -> None:
    epochs = [play(town) for _ in range(2)]
    for killed in (False, False, True, True):
        before = town.net.admin.rpc.height()
        town.look(killed=killed)
        assert town.net.admin.rpc.height() == before, "somebody sent a transaction"
        town.net.pass_time(WINDOW // 5)
    town.finish()
    assert not town.events()
    assert all("disput" not in line for line in town.said)
    for epoch in epochs:
        assert sum(town.rewards(epoch).values()) >= 9_999 * KLP


def test_who_posts_another_root_loses_its_reward_and_the_others_keep_theirs(town: Town) -> None:
    epoch = play(town, false=3)
    town.look()
    assert town.disputes() == {(epoch, 3, 1): 1, (epoch, 3, 2): 1}
    assert any(line.startswith("3: ") and "cannot answer" in line for line in town.said)
    town.look()
    town.finish()
    assert town.ended() == {(epoch, 3, 1): False, (epoch, 3, 2): False}
    rewards = town.rewards(epoch)
    assert rewards[3] == 0 and rewards[1] > 0 and rewards[2] > 0
    assert set(town.disputes().values()) == {1}


def test_nothing_is_disputed_where_nothing_can_be_won(town: Town) -> None:
    town.give(4, {1: 0})  # not posted
    town.give(2, {1: 9_000})
    town.honest(1, {2: 9_000})  # 2 has a reward, and may have failed before it posted
    town.give(3, {1: 9_000})
    town.post(3, bytes(32))  # another root, but nobody listens to 3: it has no reward to lose
    town.net.advance()
    town.claim(1)
    town.claim(2)
    epoch = town.close()
    town.look()
    assert not town.events()
    town.finish()
    assert town.rewards(epoch)[2] > 0


def test_a_litigant_is_answered_and_the_honest_listener_is_paid(town: Town) -> None:
    town.quarrelsome.add(3)
    town.watch(3, killed=True)
    for listener in (1, 2, 3):
        town.honest(listener, {k: 30_000 for k in (1, 2, 3) if k != listener})
    town.net.advance()
    town.claim(1)
    town.claim(2)
    town.claim(3, but=(1,))
    epoch = town.close()
    town.look(but=(1, 2, 4))
    assert town.disputes() == {(epoch, 1, 3): 1}
    town.look(killed=True)  # the accused comes back from a crash, and finds out by itself
    assert town.ended() == {(epoch, 1, 3): True}
    town.finish()
    rewards = town.rewards(epoch)
    assert rewards[1] > rewards[3] > 0  # the litigant has lost the rank of the receipt that it left out


def test_killed_at_any_moment_nothing_is_missed_and_nothing_done_twice(town: Town) -> None:
    """Everybody dies before its second transaction of a look, and every second time just after its first one."""
    town.quarrelsome.add(2)
    epochs = [play(town, false=3), play(town, false=3)]
    for step in range(40):
        for id in town.net.clients:
            watch = town.watch(id, killed=True)
            client, sent, after = town.net.clients[id], 0, bool(step % 2)

            def send(to, data, value=0, client=client, after=after):  # type: ignore[no-untyped-def]
                nonlocal sent
                sent += 1
                if sent > 1:
                    raise Unanswered("killed before")
                done = Ledger.send(client, to, data, value)
                if after:
                    raise Unanswered("killed after")
                return done

            client.send = send  # type: ignore[method-assign]
            with contextlib.suppress(Unanswered):
                watch.look()
            del client.send  # type: ignore[method-assign]
        town.net.pass_time(WINDOW // 10)
    accused = {(e, 3, k) for e in epochs for k in (1, 2)}
    assert accused <= set(town.disputes()) == set(town.ended())
    assert set(town.disputes().values()) == {1}
    assert not any(kept for which, kept in town.ended().items() if which in accused)
    assert all(kept for which, kept in town.ended().items() if which not in accused)
    town.finish()


def test_what_somebody_else_should_have_ended_is_ended_after_a_while(town: Town) -> None:
    epoch = play(town, false=3)
    town.look(but=(2,))
    town.net.pass_time(WINDOW)
    town.look(but=(1, 3))  # the speaker stays away
    assert town.ended() == {}
    town.net.pass_time(10)
    town.look(but=(1, 3))
    assert set(town.ended()) == {(epoch, 3, 1)}
    town.net.pass_time(30)
    town.look(but=(1, 3))
    assert town.net.admin.settlement.column(epoch, 1).collected  # and paid


def test_its_work_is_bounded(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many receipts it holds: so many disputes an epoch and transactions a look; greatest weights first."""
    monkeypatch.setattr("klopf.peers._disputes.MOST_OPENED", 3)
    monkeypatch.setattr("klopf.peers._disputes.MOST_AT_ONCE", 2)
    honest, false = [1, 2, 3, town.net.join(Role.NEURON)], [town.net.join(Role.NEURON) for _ in range(4)]
    town.net.advance()  # who is born in an epoch cannot claim in it
    town.net.advance()
    for listener in honest:
        town.honest(listener, {k: 9_000 for k in honest + false if k != listener})
    for k, listener in enumerate(false, 1):
        town.give(listener, {1: 1_000 * k})
        town.post(listener, bytes(32))
    town.net.advance()
    for speaker in (1, *false):
        town.claim(speaker)
    epoch = town.close()
    watch = town.watch(1)
    assert watch.look() == 0.0
    assert set(town.disputes()) == {(epoch, listener, 1) for listener in false[-2:]}
    watch.look()
    town.look()
    assert set(town.disputes()) == {(epoch, listener, 1) for listener in false[-3:]}
    assert MOST_OPENED >= MOST_AT_ONCE
    town.finish()


def test_a_look_costs_the_same_however_many_windows_are_open(town: Town, chain_endpoint: Endpoint) -> None:
    asked: list[str] = []
    request = town.net.clients[1].rpc.request
    town.net.clients[1].rpc.request = lambda *a: asked.append(a[0]) or request(*a)  # type: ignore[method-assign]
    for _ in range(4):
        play(town)
        town.watch(1).look()
        asked.clear()
        assert town.watch(1).look()
        events = chain_endpoint.kind != "embedded"  # where blocks are final, they are read when there are new ones
        assert Counter(asked) == Counter(["eth_blockNumber"] * 2 + ["eth_call"] * 2 + ["eth_getLogs"] * events)


def test_who_was_away_for_long_catches_up_in_several_looks(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klopf.peers._disputes.MOST_EPOCHS", 2)
    epochs = [play(town, false=3) for _ in range(5)]
    looks = 1
    while town.watch(1).look() == 0.0:
        looks += 1
    assert looks >= 3
    assert set(town.disputes()) == {(epoch, 3, 1) for epoch in epochs}
    town.finish()


def test_what_a_reorganisation_lost_is_done_again(town: Town, chain_endpoint: Endpoint) -> None:
    if chain_endpoint.kind == "embedded":
        return  # its blocks are final
    rpc = chain_endpoint.rpc
    epoch = play(town, false=3)
    before = rpc("evm_snapshot")
    town.look(but=(2, 4))
    assert town.disputes() == {(epoch, 3, 1): 1}
    assert rpc("evm_revert", before)
    for client in town.net.clients.values():
        client.rpc._nonces.clear()
    assert not town.disputes()
    town.net.pass_time(WINDOW // 2)
    town.look(but=(2, 4))
    assert town.disputes() == {(epoch, 3, 1): 1}, "looked at again in the second half of the window"
    town.finish()
    assert town.rewards(epoch)[3] == 0


def test_an_epoch_whose_last_block_is_on_its_way_is_not_taken_for_one_without_disputes(town: Town) -> None:
    """A node tells of the next block before it is made: the clock is an epoch ahead, the window is not there yet."""
    for listener in (1, 2, 3):
        signed = town.give(listener, {k: 30_000 for k in (1, 2, 3) if k != listener})
        town.post(listener, bytes(32) if listener == 3 else signed[0].root)
    town.net.advance()
    for speaker in (1, 2, 3):
        town.claim(speaker)
    clock = town.net.clients[1].clock
    seen = clock.now()
    clock.now = lambda: replace(seen, epoch=seen.epoch + 1)  # type: ignore[method-assign]
    assert town.watch(1).look() == SHORTEST
    del clock.now  # type: ignore[method-assign]
    epoch = town.close()
    town.watch(1).look()
    assert town.disputes() == {(epoch, 3, 1): 1}
    town.finish()


def test_an_answer_that_a_reorganisation_lost_is_given_again(town: Town, chain_endpoint: Endpoint) -> None:
    if chain_endpoint.kind == "embedded":
        return  # its blocks are final
    rpc = chain_endpoint.rpc
    town.honest(4, {1: 0})
    town.net.advance()
    epoch = town.close()
    town.quarrelsome.add(1)
    town.watch(1, killed=True).look()
    before = rpc("evm_snapshot")
    for lost in (True, False):
        town.watch(4).look()
        assert town.ended() == {(epoch, 4, 1): True}
        if lost:
            assert rpc("evm_revert", before)
            town.net.clients[4].rpc._nonces.clear()
            assert not town.ended()
    town.finish()


def test_without_its_file_it_begins_with_its_oldest_receipt(town: Town) -> None:
    epoch = play(town, false=3)
    for id in town.net.clients:
        (town.home(id) / "disputes.json").write_text('{"final": ')
    town.look(killed=True)
    assert town.disputes() == {(epoch, 3, 1): 1, (epoch, 3, 2): 1}
    town.finish()
    kept = json.loads((town.home(1) / "disputes.json").read_text())
    assert kept["final"] == town.net.admin.clock.now().epoch - 1


def test_where_there_are_no_windows_there_is_next_to_nothing_to_do(tmp_path: Path) -> None:
    with endpoint("embedded", tmp_path) as chain:
        town = Town(deploy(chain.location, chain.pass_time, TINY), tmp_path)
        for _ in range(3):
            town.net.join(Role.NEURON)
        town.net.join(Role.REQUESTER)
        town.net.admin.clock.start()
        town.look()
        play(town, false=3)
        asked: list[str] = []
        request = town.net.clients[1].rpc.request
        town.net.clients[1].rpc.request = lambda *a: asked.append(a[0]) or request(*a)  # type: ignore[method-assign]
        assert town.watch(1).look() is None
        assert Counter(asked) == {"eth_blockNumber": 1, "eth_call": 3}
        assert not town.events()
        town.net.admin.close()


def test_of_two_versions_the_posted_one_counts(town: Town) -> None:
    (first,) = town.give(2, {1: 30_000})
    later = replace(first.receipt, weight=5)
    town.hand_over(town.net.sign(later, ReceiptTree([later]).proof(later)))
    town.post(2, first.root)
    town.honest(1, {2: 30_000})
    assert [s.receipt.weight for s in receipts_held(town.home(1), first.receipt.epoch)[2]] == [5, 30_000]
    town.net.advance()
    town.claim(2)  # 1 does not claim; if it went by the other version, it would accuse 2
    town.close()
    town.look()
    assert not town.events()


def test_nobody_leaves_while_a_dispute_is_open(town: Town) -> None:
    play(town, false=3)
    town.net.pass_time(WINDOW * 3 // 4)
    town.look()
    for _ in range(3):  # the window is over, the time to answer is not
        town.net.pass_time(WINDOW // 5)
        town.look()
    assert town.disputes() and not town.ended()
    assert all(watch.pending for watch in town.watches.values())
    town.finish()
