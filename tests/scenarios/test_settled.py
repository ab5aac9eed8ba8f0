"""Twelve honest neurons of which nothing changes after the first epochs: the network is paid for listening."""

import pytest

from klopf import ledger
from klopf.ledger import events
from klopf.network import read_run

from .network import finish, klopf, start

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

COUNT, EPOCHS = 12, 6
SETTLED = f"""
epochs = {EPOCHS}
[data]
file = "digits"
alpha = 2.0
[audit]
questions = 20
[ledger]
listen_seconds = 400
claim_seconds = 200
[wire]
together = {COUNT + 3}
[rules]
ask = 8
seats = {COUNT}
questions = 32
"""


def test_a_settled_network_of_twelve_is_paid(tmp_path):
    """By the law before, which paid for news however little there was to tell, it was paid nothing."""
    names = [f"n{i}" for i in range(COUNT)]
    neurons = "".join(f'[[neuron]]\nname = "{name}"\nmodel = "sklearn:GaussianNB"\n' for name in names)
    auditors = "".join(f'[[auditor]]\nname = "{name}"\n' for name in ("vera", "walt", "xeno"))
    (tmp_path / "network.toml").write_text(SETTLED + neurons + auditors)
    finish(start(tmp_path / "network.toml", tmp_path / "run"))
    with read_run(tmp_path / "run").connect() as book:
        pools = [book.settlement.epoch(epoch).pool for epoch in range(1, EPOCHS + 1)]
        collected = [event for event in ledger.history(book) if isinstance(event, events.settlement.Collected)]
    assert min(pools) > 0
    parts = [sum(e.emitted for e in collected if e.epoch == n) / pool for n, pool in enumerate(pools, 1)]
    print("paid of its emission, by epoch:", [f"{part:.2f}" for part in parts])
    # The first two epochs pay everybody in full, by any law. How much the others pay is chance where so few were
    # compared, and less where who is late is not heard: .60, .49 and .52 of all on machines calm to very busy.
    assert parts[:2] == [1.0, 1.0]
    assert sum(parts[2:]) > 0.3
    paid = [sum(e.emitted for e in collected if e.id == id) for id in sorted({e.id for e in collected})]
    assert sum(amount > 0 for amount in paid) > COUNT / 2
    assert klopf("verify", tmp_path / "run").returncode == 0
