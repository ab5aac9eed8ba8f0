"""A credit score over one's own data: the landlord sees the score, and that it is the audited network's, of the record
that the bank attested; not the record, and not the network.

python examples/credit_score.py
"""

import os
import tempfile
from pathlib import Path

import numpy as np

from klopf import mind, store
from klopf.ledger import keys
from klopf.proof import attested, model
from klopf.tables import read

FIELDS = ("income", "debt", "late", "years")
SCALE = np.array([100_000.0, 100_000.0, 10.0, 40.0])
POLICY = 'device = "bank"\n[fields]\n' + "".join(f'{name} = {{ action = "keep" }}\n' for name in FIELDS)


def network() -> mind.Mind:
    """What a bureau trained: repaid or not, of made-up people."""
    r = np.random.default_rng(0)
    people = r.uniform(0, 1, (4000, 4))
    good = people @ [2.0, -2.0, -1.5, 0.5] > 0
    learner = mind.Mind(4, 2, hidden=(8,), seed=0)
    learner.learn(people, good.astype(int))
    return learner


def numbers(place: store.Store, record: store.Cid, folder: Path) -> np.ndarray:
    """What a record of the store says, as the network hears it; each block's hash was compared on the way."""
    out = folder / f"{len(list(folder.iterdir()))}.csv"
    place.get(record, out)
    table = read(out)
    return np.array([float(table.numbers(name)[0]) for name in FIELDS]) / SCALE


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ann.csv").write_text(",".join(FIELDS) + "\n34000,27000,1,8\n")
        (folder / "policy.toml").write_text(POLICY)
        place, bank = store.Store.create(folder / "store"), keys.new()
        record = place.add(folder / "ann.csv", folder / "policy.toml").root

        bureau = model.Committed.of(model.layers_of(network()))  # audited under its card's identity
        audited = bureau.card.identity

        seed, mine = os.urandom(32), numbers(place, record, folder)
        hidden = model.Hidden(bureau.card, mine, seed)  # Ann commits her record ...
        said = attested.attest(  # ... and the bank, which reads the record itself, signs that it is that
            bank, bureau.card, str(record), 0, numbers(place, record, folder), seed, hidden.root
        )
        (folder / "attested.json").write_text(said.to_json())
        beside = place.add_as_it_is(folder / "attested.json").root  # kept next to the record
        answer = bureau.prove_hidden(hidden)  # on Ann's device: who proves has both, network and record

        place.get(beside, folder / "given.json")
        said = attested.Attested.parse((folder / "given.json").read_bytes())
        # the landlord has the card, the answer, what the bank signed, and the bank's address
        assert bureau.card.identity == audited
        model.verify(bureau.card, answer, attested.check(said, bank.address, str(record)))
        raised = np.exp(answer.outputs - answer.outputs.max())
        score = 100 * raised[1] / raised.sum()
        print(f"proven: {score:.0f} of 100, of {str(record)[:12]}..., in {len(answer.proof):,} bytes")
        print(f"numbers of the record that were shown: {answer.inputs.size}")


if __name__ == "__main__":
    main()
