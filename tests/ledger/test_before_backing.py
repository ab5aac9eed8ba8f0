"""A network of before effort was paid out of what was burnt for it: it moves, with all its money and rules in range.

``data/landed``: two neurons with 100 KLP at stake each, effort that is paid, a job in dispute and one that is open; and
rules that no network may have any more. Its keys are known to everybody.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from klopf import chain, ledger
from klopf.ledger import KLP, keys
from tests.ledger.test_before_packs import ANNA, BERT, DATA, OPERATOR


def test_everybodys_tokens_move_and_the_rules_come_into_range(tmp_path: Path) -> None:
    for name, place in (("landed.sqlite.gz", "ledger.sqlite"), ("landed.json.gz", "deployment.json")):
        (tmp_path / place).write_bytes(gzip.decompress((DATA / name).read_bytes()))
    deployment = ledger.Deployment.load(tmp_path / "deployment.json")
    operator = keys.restore(OPERATOR)
    with ledger.open_source(tmp_path / "ledger.sqlite", deployment) as source:
        chain.create(tmp_path / "new.sqlite", chain_id=77, dev=True).close()
        moved, claims = ledger.migrate(source, tmp_path / "new.sqlite", operator)
        supply = source.token.supply()
    held = {claim.owner: claim.amount for claim in claims}
    words = {OPERATOR: 599_998_000 * KLP, ANNA: 50_960 * KLP, BERT: 1_040 * KLP}
    assert held == {keys.restore(word).address: amount for word, amount in words.items()}
    with ledger.connect(tmp_path / "new.sqlite", operator, moved) as l:
        ledger.restore(l, claims)
        assert l.token.supply() == supply == sum(held.values())
        assert l.token.emitted() == 50_000 * KLP
        rules = l.rules.current()
        assert (rules.thaw_seconds, rules.kappa, rules.audit_quorum, rules.least_seconds) == (240, 16_384, 2, 0)
        assert (rules.maturity, rules.dispute_seconds, rules.listen_seconds) == (0, 0, 60)
        assert ledger.verify(l, []) == []
