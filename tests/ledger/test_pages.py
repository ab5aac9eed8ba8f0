"""What is sent for many goes by pages, and nothing is left out or done twice."""

from __future__ import annotations

import pytest
from ledger_helpers import KLP, Role, result

from klopf import ledger
from klopf.errors import Reverted
from klopf.ledger import Sent
from klopf.ledger.market import batch, vouchers
from tests.ledger.farm import network


def test_reserves_vouchers_and_epochs_of_more_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vouchers, "_PAGE", 2)
    monkeypatch.setattr(batch, "_BATCH", 6)
    net = network()
    neurons, auditors = [net.join(Role.NEURON) for _ in range(3)], [net.join(Role.AUDITOR) for _ in range(3)]
    payer = net.join(Role.REQUESTER, stake=0)
    net.admin.clock.start()
    own, (first, *_) = net.clients[payer].vouchers, neurons
    own.deposit(payer, 50 * KLP)
    own.reserve(payer, dict.fromkeys(neurons, KLP))
    assert [own.reserved(payer, n).held for n in neurons] == [KLP] * 3
    net.admin.vouchers.redeem(first, [own.sign(payer, first, total) for total in (5, 4, 3, 9, 8)])
    assert own.reserved(payer, first).redeemed == 9
    with pytest.raises(Reverted, match="NothingDue"):
        net.admin.vouchers.redeem(first, [own.sign(payer, first, total) for total in (5, 4, 3)])
    found = {a: {n: result(n) for n in neurons} for a in auditors}
    epoch = net.epoch({neurons[0]: {neurons[1]: 60_000}, neurons[1]: {neurons[0]: 60_000}}, found)
    assert all(net.admin.audits.concluded(epoch, n) for n in neurons)
    assert [str(d) for d in ledger.verify(net.admin, net.receipts)] == []


def test_a_page_with_too_little_gas_is_tried_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    client, tried = network().admin.registry, list[int]()

    def write(function: str, ids: list[int]) -> Sent:
        tried.append(len(ids))
        if len(ids) > 2:
            raise Reverted("the contract refused it without a reason")
        return Sent(str(ids), 0, 0, ())

    monkeypatch.setattr(client, "_write", write)
    assert client.dismiss(list(range(7))).hash == "[5, 6]"
    assert tried == [7, 3, 1, 2, 4, 2, 2]
