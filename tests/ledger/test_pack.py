"""A pack from outside is one class: its contract can be called, its events are its own, ``verify`` plays its replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import EntryPoint

import pytest
from ledger_helpers import Net, secret

from klopf import extensions, ledger
from klopf.checks import check_pack
from klopf.checks.pack import _check_client, _check_events, _check_replay
from klopf.errors import ExtensionError, LedgerError
from klopf.ledger import Ledger, _verify, events
from klopf.ledger._history import subjects
from klopf.ledger._pack import PACKS, contracts, is_shipped, pack_called
from klopf.ledger.packs import Contract, Event, Replay, Sent
from tests.ledger import rounds
from tests.ledger.rounds import Rounds, RoundsPack, RoundsReplay


@contextmanager
def beside() -> Iterator[None]:
    """The pack as a package beside Klopf would bring it."""
    entry = EntryPoint("rounds", "tests.ledger.rounds:RoundsPack", "klopf.packs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extensions, "entry_points", lambda group: [entry] if group == "klopf.packs" else [])
        contracts.cache_clear()
        yield
    contracts.cache_clear()


@pytest.fixture
def installed() -> Iterator[None]:
    with beside():
        yield


def with_rounds(net: Net) -> Ledger:
    """The network, to which somebody who has the pack has added it."""
    with beside():
        added = ledger.add_pack(net.admin, "rounds")
    assert added.deployment is not None
    return Ledger(net.admin.rpc, added.deployment, secret(0))


def played(net: Net) -> Ledger:
    network = with_rounds(net)
    mine = network.client(Rounds)
    for members in ((1, 2), (2,)):
        mine.begin()
        for member in members:
            mine.join(member)
    return network


def test_it_keeps_its_promises(installed: None) -> None:
    check_pack(RoundsPack)


@pytest.mark.parametrize(
    "contract", [kind for name, kind in contracts().items() if is_shipped(name)], ids=lambda kind: kind.name
)
def test_so_do_the_packs_that_ship(contract: type[Contract]) -> None:
    _check_events(contract)
    _check_replay(contract)
    _check_client(contract)


def test_a_deployment_that_grew_by_a_pack_is_no_other_one(net: Net) -> None:
    digest = sha256(net.admin.deployment.text.encode()).hexdigest()
    grown = with_rounds(net).deployment
    assert grown.grown_from(digest, net.admin.rpc)
    assert not grown.grown_from("", net.admin.rpc)
    assert not replace(grown, treasury="0x" + "11" * 20).grown_from(digest, net.admin.rpc)
    for places in ({"Rounds": grown.directory}, {"More": grown.directory}):
        assert not replace(grown, addresses=grown.addresses | places).grown_from(digest, net.admin.rpc)
    assert not replace(grown, packs=grown.packs | {"more": []}).grown_from(digest, net.admin.rpc)


def test_its_contract_is_called_and_its_events_are_its_own(installed: None, net: Net) -> None:
    network = played(net)
    assert (network.client(Rounds).running(), network.client(Rounds).has(1, 2)) == (2, True)
    joined = [e for e in ledger.history(network) if isinstance(e, rounds.Joined)]
    assert [(e.round, e.member, e.kind) for e in joined] == [
        (r, m, "Rounds.Joined") for r, m in ((1, 1), (1, 2), (2, 2))
    ]
    assert not [e for e in ledger.history(network) if isinstance(e, events.effort.Joined)]
    assert [subjects(e) for e in joined] == [[1], [2], [2]]
    with ledger.Index(":memory:") as index:
        index.follow(network)
        assert list(index.page(kind="Rounds.Joined").events) == joined
    with pytest.raises(LedgerError, match="no Rounds"):
        net.admin.client(Rounds)


def test_verify_plays_its_replay(installed: None, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    network = played(net)
    assert ledger.verify(network, []) == []
    told = [replace(e, member=3) if isinstance(e, rounds.Joined) else e for e in ledger.history(network)]
    monkeypatch.setattr(_verify, "history", lambda _: iter(told))
    assert "member 3 in round 1: must be True, is False" in [str(d) for d in ledger.verify(network, [])]


def test_where_it_is_not_installed_its_events_are_named(net: Net) -> None:
    network = played(net)
    found = ledger.verify(network, [])
    assert len([d for d in found if "of the pack 'rounds', which is not installed" in str(d)]) == 5
    assert "the code of Rounds" in str(found[5]) and "cannot be compared" in str(found[5]) and len(found) == 6


def test_a_replay_that_breaks_is_named(installed: None, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    network = played(net)
    monkeypatch.setattr(RoundsReplay, "on_Joined", lambda self, e: [][e.member])
    found = ledger.verify(network, [])
    assert "the replay of Rounds, from tests, failed (IndexError" in str(found[0])


def test_an_event_that_a_replay_cannot_account_for_says_whose_replay(
    installed: None, net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = played(net)
    monkeypatch.setattr(RoundsReplay, "on_Joined", lambda self, e: 1 / 0)
    found = str(ledger.verify(network, [])[0])
    assert "must be possible, is refused by the replay of Rounds, from tests (ZeroDivisionError: division" in found


# what check_pack says of a pack that breaks a promise


@dataclass(frozen=True)
class Joined(Event):
    round: int


class Short(Rounds):
    events = (rounds.Begun, Joined)


class Silent(Rounds):
    events = (rounds.Begun,)


@dataclass(frozen=True)
class Begun(Event):
    round: str


class OfAnotherType(Rounds):
    events = (Begun, rounds.Joined)


class DeafReplay(Replay):
    def on_Begun(self, e: rounds.Begun) -> None: ...


class Deaf(Rounds):
    replay = DeafReplay


class Both(Rounds):
    needs_none = (rounds.Joined,)


class Waiting(RoundsReplay):
    def on_Left(self, e: Event) -> None: ...


class WaitsInVain(Rounds):
    replay = Waiting


class Misspelt(Rounds):
    def join(self, member: int) -> Sent:
        return self._write("joyn", member)


class TooMuch(Rounds):
    def join(self, member: int) -> Sent:
        return self._write("join", member, 1)


@pytest.mark.parametrize(
    ("contract", "said"),
    [
        (Short, "has 2 fields (round, member), its class has 1"),
        (Silent, "says Joined, for which Silent.events has no class"),
        (OfAnotherType, "round is a uint256 in the contract"),
        (Deaf, "nobody accounts for Rounds.Joined"),
        (Both, "needs none and has a handler"),
        (WaitsInVain, "on_Left waits for what is never said"),
        (Misspelt, "calls joyn, which Rounds has not"),
        (TooMuch, "calls join with 2 arguments; it takes 1"),
    ],
)
def test_a_broken_promise_is_named(contract: type[Contract], said: str) -> None:
    with pytest.raises(AssertionError) as refused:
        for check in (_check_events, _check_replay, _check_client):
            check(contract)
    assert said in str(refused.value) and "\n" not in str(refused.value)


class Coin(Rounds):
    name = "Token"


def test_a_pack_that_cannot_be_found_is_told_how() -> None:
    with pytest.raises(AssertionError, match="name it in pyproject"):
        check_pack(RoundsPack)


def test_a_pack_that_takes_a_name_is_refused(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RoundsPack, "contracts", (Coin,))
    with pytest.raises(AssertionError, match="'core' has a contract called Token too"):
        check_pack(RoundsPack)


@pytest.mark.parametrize(
    ("owner", "attribute", "value", "says"),
    [
        (RoundsPack, "contracts", None, "contracts must be a tuple"),
        (RoundsPack, "contracts", (3,), "contracts must be a tuple"),
        (RoundsPack, "contracts", (Contract, "x"), "contracts must be a tuple"),
        (RoundsPack, "contracts", (Rounds, Rounds), "it has a contract Rounds, as 'itself' has"),
        (RoundsPack, "name", "core", "its name is 'core': let it be that of its entry point"),
        (RoundsPack, "requires", "core", "requires must be a tuple"),
        (Rounds, "name", "Token", "it has a contract Token, as 'core' has: choose another name"),
        (Rounds, "name", "Directory", "it has a contract Directory"),
        (Rounds, "name", "", "a contract is called ''"),
        (Rounds, "name", "x" * 33, "a contract is called 'xxx"),
        (Rounds, "file", "", "Rounds.file must say where its artifact is"),
        (Rounds, "file", "tests.ledger:nowhere.json", "cannot read tests.ledger:nowhere.json"),
        (Rounds, "events", (3,), "Rounds.events must be a tuple"),
        (Rounds, "needs_none", None, "Rounds.needs_none must be a tuple"),
        (Rounds, "participants", 3, "Rounds.participants must be a tuple"),
        (Rounds, "replay", RoundsReplay.begin, "Rounds.replay must be a class"),
    ],
)
def test_a_pack_that_declares_nonsense_harms_no_network_without_it(
    installed: None, net: Net, monkeypatch: pytest.MonkeyPatch, owner: type, attribute: str, value: object, says: str
) -> None:
    monkeypatch.setattr(owner, attribute, value)
    monkeypatch.delattr(Rounds, "_by_topic", raising=False)
    contracts.cache_clear()
    assert "Rounds" not in contracts() and contracts()["Token"].__module__ == "klopf.ledger.core.token"
    assert ledger.verify(net.admin, []) == []
    for call in (lambda: pack_called("rounds"), lambda: ledger.add_pack(net.admin, "rounds")):
        with pytest.raises(ExtensionError, match="the contract pack 'rounds' of tests cannot be used: ") as caught:
            call()
        assert says in str(caught.value) and str(caught.value).isprintable()
    with pytest.raises(AssertionError):
        check_pack(RoundsPack)
    with pytest.raises(LedgerError, match="no contract Nix"):
        net.admin.deployment.address("Nix")


class Stop(BaseException):
    """What nobody catches by mistake."""


@pytest.mark.parametrize("error", [LedgerError("asked in vain"), Stop("one\ntwo"), GeneratorExit()], ids=repr)
@pytest.mark.parametrize("where", ["begin", "on_Joined", "end_transaction", "compare", "owed"])
def test_whatever_a_replay_raises_hides_nothing_of_the_others(
    installed: None, net: Net, monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException
) -> None:
    from klopf.ledger.core.token import TokenReplay

    network = played(net)

    def fail(self: object, *told: object) -> None:
        raise error

    def forged(self: Replay) -> None:
        self.differ("what only the end shows", 1, 2)

    monkeypatch.setattr(RoundsReplay, where, fail)
    lines = [str(d) for d in ledger.verify(network, [])]
    assert any("the replay of Rounds, from tests, failed" in line and type(error).__name__ in line for line in lines)
    assert not any("the ledger: must be readable" in line or "\n" in line for line in lines)
    compare = TokenReplay.compare
    monkeypatch.setattr(TokenReplay, "compare", lambda self: (compare(self), forged(self)))
    assert "what only the end shows: must be 1, is 2" in [str(d) for d in ledger.verify(network, [])]


def test_an_event_that_a_stranger_cannot_read_makes_no_other_unreadable(
    installed: None, net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = played(net)
    others = [e for e in ledger.history(network) if e.contract != "Rounds"]

    def as_transfer(cls: type, place: tuple[int, int, str, str], values: object) -> Event:
        return events.token.Transfer(*place[:3], "Token", "0x" + "00" * 20, net.admin.me.address, 10**30)

    for wrong in (lambda cls, place, values: 1 / 0, lambda cls, place, values: None, as_transfer):
        monkeypatch.setattr(rounds.Joined, "read", classmethod(wrong))
        assert [e for e in ledger.history(network) if e.contract != "Rounds"] == others
        lines = [str(d) for d in ledger.verify(network, [])]
        assert len(lines) >= 3 and all("Rounds" in line or "member" in line or "round" in line for line in lines), lines


def test_a_move_that_is_none_is_named(installed: None, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    network = played(net)
    monkeypatch.setattr(RoundsReplay, "on_Joined", lambda self, e: self.move(None, 3, "much"))
    assert "a move from None to 3 of 'much' is none" in str(ledger.verify(network, [])[0])


def test_what_a_replay_compares_may_have_no_text(installed: None, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute:
        def __str__(self) -> str:
            raise ValueError("mute")

    network = played(net)
    monkeypatch.setattr(RoundsReplay, "compare", lambda self: self.differ("it", "two\nlines", Mute()))
    assert [str(d) for d in ledger.verify(network, [])] == [
        "it: must be two lines, is a Mute without text (ValueError: mute)"
    ]


def test_a_pack_with_another_ones_contract_takes_nothing_over(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    network = played(net)
    entries = [EntryPoint(name, f"tests.ledger.test_pack:{kind}", "klopf.packs") for name, kind in
               (("another", "AnotherPack"), ("rounds", "RoundsTwin"))]  # fmt: skip
    for some in (entries[:1], entries):
        monkeypatch.setattr(extensions, "entry_points", lambda group, some=some: some if group == "klopf.packs" else [])
        contracts.cache_clear()
        lines = [str(d) for d in ledger.verify(network, [])]
        assert sum("Rounds" in line and ("not installed" in line or "uninstall one" in line) for line in lines) == 5
    contracts.cache_clear()


class AnotherPack(RoundsPack):
    """A pack that has a contract of the same name."""

    name = "another"


class RoundsTwin(RoundsPack):
    """The pack itself, beside the other."""


def test_packs_that_stand_on_each_other_are_found(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RoundsPack, "requires", ("core", "rounds"))
    contracts.cache_clear()
    with pytest.raises(AssertionError, match="requires leads back to 'rounds'"):
        check_pack(RoundsPack)
    assert "rounds" in PACKS
