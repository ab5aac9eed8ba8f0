"""What is known of the others while the chain is away: signed, fresh, and never a key that no registry named."""

from dataclasses import replace

import pytest

from klopf import ledger, wire
from klopf.errors import PeersError
from klopf.peers._neighbours import AGE, Card, Neighbours

NETWORK = wire.network_id(1337, "0x" + "11" * 20)
NOW = ledger.Now(5, ledger.Phase.LISTEN, 1_000, 1, 3, 900)


@pytest.fixture
def keys():
    return {k: ledger.keys.new() for k in (1, 2, 3)}


def member(id, key):
    return ledger.Participant(
        id, ledger.Role.NEURON, ledger.Standing.FRINGE, key.address, key.address, "old.example:1", b"f" * 32, b"old",
        "mind", bytes(32), 0.25, 3, True, 0, 10**20, 3, 1,
    )  # fmt: skip


def card(id, key, issued, endpoint="new.example:7"):
    return Card(id, endpoint, b"certificate", issued).signed(NETWORK, key)


@pytest.fixture
def known(tmp_path, keys):
    found = Neighbours(tmp_path / "n.json", NETWORK, clock=lambda: 1e6)
    found.learn([member(k, key) for k, key in keys.items()], NOW)
    return found


def test_cards_lead_to_who_moved_and_others_are_reached_nowhere(known, keys):
    assert known.take([card(1, keys[1], 999_990)]) == [1]
    reached = {peer.id: peer.endpoint for peer in known.peers()}
    assert reached == {1: "new.example:7", 2: "", 3: ""}
    assert known.take([card(1, keys[1], 999_980, "older:1")]) == [], "an older one changes nothing"
    assert known.take([card(1, keys[1], 999_995, "newer:1")]) == [1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: replace(c, endpoint="evil.example:7"),
        lambda c: replace(c, certificate=b"another"),
        lambda c: replace(c, issued=c.issued + 1),
        lambda c: replace(c, id=2),
        lambda c: replace(c, id=9),
        lambda c: replace(c, signature=bytes(65)),
    ],
)
def test_what_was_altered_is_nobodys(known, keys, spoil):
    assert known.take([spoil(card(1, keys[1], 999_990))]) == []


def test_another_network_another_key_and_what_is_old_or_from_the_future_are_not_believed(known, keys):
    elsewhere = Card(1, "x:1", b"c", 999_990).signed(wire.network_id(1, "0x" + "22" * 20), keys[1])
    late, early = card(1, keys[1], 1_000_000 - AGE - 1), card(1, keys[1], 1_000_061)
    assert known.take([elsewhere, card(1, keys[2], 999_990), late, early]) == []
    known.take([card(1, keys[1], 999_990)])
    known.clock = lambda: 1e6 + AGE + 1
    assert not known.usable()
    assert [peer.endpoint for peer in known.peers()] == ["", "", ""]
    assert known.fresh_cards() == []


def test_it_is_kept_to_the_bit_and_a_damaged_file_is_nothing(known, keys, tmp_path):
    known.take([card(2, keys[2], 999_990)])
    known.reserves[2] = 10**30
    known.save()
    again = Neighbours.open(tmp_path / "n.json", NETWORK, known.clock)
    assert (again.members, again.cards, again.now, again.reserves) == (known.members, known.cards, NOW, {2: 10**30})
    assert Neighbours.open(tmp_path / "n.json", bytes(52)).members == {}
    (tmp_path / "n.json").write_text((tmp_path / "n.json").read_text()[:-9])
    assert not Neighbours.open(tmp_path / "n.json", NETWORK, known.clock).usable()


def test_a_key_that_was_rotated_takes_its_card_along(known, keys):
    known.take([card(1, keys[1], 999_990), card(2, keys[2], 999_990)])
    known.learn([member(1, ledger.keys.new()), member(2, keys[2])], NOW)
    assert set(known.cards) == {2}


@pytest.mark.parametrize("record", [None, {}, {"id": 1}, 7, {"id": 1, "endpoint": "x" * 300, "certificate": "",
                                    "issued": 1, "signature": "00" * 65}])  # fmt: skip
def test_what_is_no_card_is_refused(record):
    with pytest.raises(PeersError, match="no card"):
        Card.from_json(record)
