"""A network that Klopf made before contracts came in packs: refused with the way out, and the way out works.

``data/before-packs``: two neurons with 100 KLP at stake each, one epoch that paid 1,000 KLP to one of them. Its keys
are known to everybody.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from klopf import chain, ledger
from klopf.console import main
from klopf.errors import LedgerError
from klopf.ledger import KLP, keys

DATA = Path(__file__).parent / "data"
OPERATOR = "test test test test test test test test test test test junk"
ANNA = "legal winner thank year wave sausage worth useful legal winner thank yellow"
BERT = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    for name, place in (("before-packs.sqlite.gz", "ledger.sqlite"), ("before-packs.json.gz", "deployment.json")):
        (tmp_path / place).write_bytes(gzip.decompress((DATA / name).read_bytes()))
    return tmp_path


def test_it_is_refused_with_one_line_that_says_how_to_move_it(old: Path) -> None:
    with pytest.raises(LedgerError) as caught:
        ledger.connect(old / "ledger.sqlite", None, ledger.Deployment.load(old / "deployment.json"))
    assert "klopf ledger migrate --to" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_everybodys_tokens_and_its_rules_move_to_the_unit(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = keys.restore(OPERATOR)
    keys.save(operator, old / "operator.json", "a passphrase", light=True)
    monkeypatch.setenv("KLOPF_PASSPHRASE", "a passphrase")
    monkeypatch.chdir(old)
    with pytest.raises(SystemExit, match="0"):
        main(["ledger", "migrate", "--to", "new.sqlite", "--key", "operator.json"])
    moved = ledger.Deployment.load(old / "moved.json")
    with ledger.connect(old / "new.sqlite", operator, moved) as l:
        ledger.restore(l, ledger.load_claims(old / "claims.jsonl"))
        held = {word: l.token.balance(keys.restore(word).address) for word in (OPERATOR, ANNA, BERT)}
        assert held == {OPERATOR: 599_999_000 * KLP, ANNA: 500 * KLP, BERT: 1_500 * KLP}
        assert l.token.emitted() == 1_000 * KLP
        rules = l.rules.current()
        assert (rules.maturity, rules.floor_bps, rules.slash_bps, rules.dispute_seconds) == (0, 100, 2000, 0)
        assert (rules.emission, rules.audit_quorum) == (1_000 * KLP, 2)
        assert l.marks.current() == ledger.Marks({"accuracy": 5000, "robustness": 4000})
        assert ledger.verify(l, []) == []


def test_what_is_another_chains_is_not_moved(old: Path) -> None:
    chain.create(old / "other.sqlite", chain_id=1337).close()
    with pytest.raises(LedgerError, match="names another chain"):
        ledger.open_source(old / "other.sqlite", ledger.Deployment.load(old / "deployment.json"))
