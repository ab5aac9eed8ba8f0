"""Pay of a pipeline's neurons: what is signed is reserved, taken once, and nothing else is taken for it."""

import json

import pytest

from klopf import chain, ledger
from klopf.dao._wages import Purse, Till
from klopf.errors import DaoError
from klopf.ledger import KLP, Role


@pytest.fixture
def ends(tmp_path):
    """A ledger as its asker (1) and its neurons (2, 3) hold it, and a folder for each."""
    place = str(tmp_path / "ledger.sqlite")
    chain.create(place, chain_id=1337).close()
    one, two, three = (ledger.Key(n.to_bytes(32, "big")) for n in (1, 2, 3))
    deployment = ledger.deploy(place, one, ledger.Parameters())
    for name in ("asker", "neuron", "other"):
        (tmp_path / name).mkdir()
    with (
        ledger.connect(place, one, deployment) as asker,
        ledger.connect(place, two, deployment) as neuron,
        ledger.connect(place, three, deployment) as other,
    ):
        assert asker.registry.register(Role.REQUESTER) == 1
        assert neuron.registry.register(Role.NEURON) == 2 and other.registry.register(Role.NEURON) == 3
        yield asker, neuron, other, tmp_path


def test_what_was_promised_is_taken_once_whoever_restarts(ends):
    asker, neuron, _, folder = ends
    purse, till = Purse(asker, 1, folder / "asker"), Till(neuron, 2, folder / "neuron")
    first = purse.promise({2: KLP})
    assert till.keep(1, asker.me.address, first[2]) == KLP
    till = Till(neuron, 2, folder / "neuron")  # as it was left
    assert till.keep(1, asker.me.address, first[2]) == 0
    till.redeem()
    till.redeem()
    assert neuron.token.balance(neuron.me.address) == KLP
    again = Purse(asker, 1, folder / "asker").promise({2: 2 * KLP})
    assert till.keep(1, asker.me.address, again[2]) == 2 * KLP
    till.redeem()
    assert neuron.token.balance(neuron.me.address) == 3 * KLP
    (folder / "asker" / "vouchers.json").unlink()  # who lost it begins with what was taken
    lost = Purse(asker, 1, folder / "asker").promise({2: KLP})
    assert int(lost[2]["total"]) == 4 * KLP and till.keep(1, asker.me.address, lost[2]) == KLP


def test_a_voucher_that_was_missed_is_in_the_next_one(ends):
    asker, neuron, _, folder = ends
    purse, till = Purse(asker, 1, folder / "asker"), Till(neuron, 2, folder / "neuron")
    purse.promise({2: KLP})
    assert till.keep(1, asker.me.address, purse.promise({2: KLP})[2]) == 2 * KLP


def test_what_would_not_be_paid_is_refused(ends):
    asker, neuron, other, folder = ends
    purse, till = Purse(asker, 1, folder / "asker"), Till(neuron, 2, folder / "neuron")
    signed = purse.promise({2: KLP, 3: KLP})
    more = asker.vouchers.sign(1, 2, 2 * KLP).to_json()
    for voucher, key, says in [
        (signed[3], asker.me.address, "between others"),
        (signed[2], other.me.address, "not signed by its requester's key"),
        (signed[2] | {"total": str(5 * KLP)}, asker.me.address, "no valid voucher"),
        (more, asker.me.address, "good for 1000000000000000000, not for 2000000000000000000: reserve more"),
        (None, asker.me.address, "no valid voucher"),
        ({"total": 10**400}, asker.me.address, "no valid voucher"),
    ]:
        with pytest.raises(DaoError, match=says) as told:
            till.keep(1, key, voucher)
        assert "\n" not in str(told.value)
    assert not (folder / "neuron" / "vouchers.json").exists()


def test_who_answers_only_whoever_reserved(ends):
    asker, neuron, _, folder = ends
    purse, till = Purse(asker, 1, folder / "asker"), Till(neuron, 2, folder / "neuron", ahead=KLP)
    assert Till(neuron, 2, folder / "other").secured(1) and not till.secured(1)
    purse.reserve({2: KLP})
    assert till.secured(1) and asker.vouchers.free(1) == 0
    assert till.keep(1, asker.me.address, purse.promise({2: KLP})[2]) == KLP
    assert not till.secured(1)  # what is promised is no longer ahead
    purse.reserve({2: KLP})
    assert till.secured(1)
    asker.vouchers.thaw(1, 2, KLP // 2)
    till = Till(neuron, 2, folder / "neuron", ahead=KLP)
    assert not till.secured(1)  # what thaws may be gone by then


def test_files_that_were_altered_are_named(ends):
    asker, neuron, _, folder = ends
    for text, says in (("{", "cannot be read"), (json.dumps([{"total": 1}]), "was altered")):
        (folder / "neuron" / "vouchers.json").write_text(text)
        with pytest.raises(DaoError, match=says):
            Till(neuron, 2, folder / "neuron")
    (folder / "asker" / "vouchers.json").write_text("{")
    with pytest.raises(DaoError, match="cannot be read"):
        Purse(asker, 1, folder / "asker")
