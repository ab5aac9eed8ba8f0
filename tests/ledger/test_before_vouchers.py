"""A network whose receipts promised fees, out of an escrow of their own: it moves, with all that was in it.

``data/promised``: two neurons with 100 KLP at stake and 50 in escrow each, one epoch that is paid, and one that runs,
in which one promised 7 KLP, which were claimed, and the other 4, which were not; 10 KLP of escrow thaw. Its keys are
known to everybody.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from klopf import chain, ledger
from klopf.ledger import KLP, keys
from klopf.ledger._before import as_today
from klopf.ledger._graph import graph
from tests.ledger.test_before_packs import ANNA, BERT, DATA, OPERATOR


def test_what_was_promised_moves_to_whom_it_belongs(tmp_path: Path) -> None:
    for name, place in (("promised.sqlite.gz", "ledger.sqlite"), ("promised.json.gz", "deployment.json")):
        (tmp_path / place).write_bytes(gzip.decompress((DATA / name).read_bytes()))
    deployment = ledger.Deployment.load(tmp_path / "deployment.json")
    operator = keys.restore(OPERATOR)
    with ledger.open_source(tmp_path / "ledger.sqlite", deployment) as source:
        chain.create(tmp_path / "new.sqlite", chain_id=77, dev=True).close()
        moved, claims = ledger.migrate(source, tmp_path / "new.sqlite", operator)
        supply = source.token.supply()
        told = graph(map(as_today, ledger.history(source)))
    # 500 each, a reward of 500 each; 3 and 5 were paid as fees, and of those promised only the 7 are earned
    held = {OPERATOR: 599_999_000 * KLP, ANNA: (500 + 500 - 3 + 5 - 7) * KLP, BERT: (500 + 500 + 3 - 5 + 7) * KLP}
    assert {claim.owner: claim.amount for claim in claims} == {keys.restore(w).address: v for w, v in held.items()}
    assert sum(held.values()) == supply
    assert [m.earned for m in told.members.values()] == [505 * KLP, 503 * KLP]
    assert [(e.epoch, e.listener, e.speaker, e.weight) for e in told.listening] == [
        (1, 1, 2, 60_000),
        (1, 2, 1, 60_000),
        (2, 1, 2, 60_000),
    ]
    with ledger.connect(tmp_path / "new.sqlite", operator, moved) as l:
        ledger.restore(l, claims)
        assert l.token.supply() == supply
        assert ledger.verify(l, []) == []
