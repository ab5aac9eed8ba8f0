"""A training step: proven where it is the committed batch's, and nowhere else."""

import contextlib
import dataclasses
import io

import numpy as np
import pytest

from klopf.console import main
from klopf.errors import NotProven, ProofError
from klopf.proof import _field as field
from klopf.proof import records, step

SEED = bytes(range(32))
RATE = 0.5


def samples(units="sigmoid", count=6, inputs=4, outputs=2, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (count, inputs))
    y = x @ rng.normal(size=(inputs, outputs)) if units == "linear" else rng.integers(0, 2, (count, outputs))
    return x, y


def layer(inputs=4, outputs=2, seed=1):
    rng = np.random.default_rng(seed)
    return step.Layer.of(rng.normal(size=(outputs, inputs)), rng.normal(size=outputs))


def by_floats(x, y, start, rate, units):
    w, b = start.floats
    said = x @ w.T + b if units == "linear" else 1 / (1 + np.exp(-(x @ w.T + b)))
    return w - rate * (said - y).T @ x / len(x), b - rate * (said - y).mean(0)


def refused(*given, **more):
    try:
        step.verify(*given, **more)
    except NotProven as error:
        assert "\n" not in str(error)
        return True
    return False


@pytest.fixture(scope="module")
def batch():
    return step.Batch.of(*samples(), "sigmoid", proofs=8, seed=SEED)


@pytest.fixture(scope="module")
def done(batch):
    return batch.prove(layer(), RATE, b"round 1")


@pytest.mark.parametrize("units", step.UNITS)
@pytest.mark.parametrize("sizes", [(6, 4, 2), (1, 1, 1), (9, 3, 1)], ids=str)
def test_an_honest_step_is_proven_and_is_that_of_floats(units, sizes):
    x, y = samples(units, *sizes)
    batch, start = step.Batch.of(x, y, units, proofs=2), layer(*sizes[1:])
    made = step.Step.parse(batch.prove(start, RATE).to_bytes())
    step.verify(batch.card, start, RATE, made)
    wanted = by_floats(x, y, start, batch.card.rate(RATE), units)
    for found, one in zip(made.end.floats, wanted, strict=True):
        np.testing.assert_allclose(found, one, atol=2e-3)


def test_steps_go_on_from_each_other_as_floats_do():
    x, y = samples("linear", 12)
    batch, at = step.Batch.of(x, y, "linear", proofs=6), step.Layer.of(np.zeros((2, 4)), np.zeros(2))
    w, b = at.floats
    for _ in range(4):
        made = batch.prove(at, 1.0)
        step.verify(batch.card, at, 1.0, made)
        at = made.end
        said = x @ w.T + b
        w, b = w - (said - y).T @ x / len(x), b - (said - y).mean(0)
    np.testing.assert_allclose(at.floats[0], w, atol=2e-3)
    assert np.abs(x @ w.T + b - y).mean() < 0.5 * np.abs(y).mean()


def test_another_start_rate_end_batch_or_occasion_is_refused(batch, done):
    start, card, about = layer(), batch.card, b"round 1"
    step.verify(card, start, RATE, done, about)
    w, b = start.weights.copy(), start.biases.copy()
    w[1, 2] += 1
    assert refused(card, step.Layer(w, b), RATE, done, about)
    b[0] -= 1
    assert refused(card, step.Layer(start.weights, b), RATE, done, about)
    for rate in (0.25, RATE + 2 * 6 / 65536, 1.0, -0.5, 0.0, np.nan, np.inf, "half", None, 1e300):
        assert refused(card, start, rate, done, about)
    for other in (b"", b"round 2", b"round 1 "):
        assert refused(card, start, RATE, done, other)
    for change in (1, -1, 2**20):
        w, b = done.end.weights.copy(), done.end.biases.copy()
        w[0, 3] += change
        assert refused(card, start, RATE, step.Step(step.Layer(w, b), done.proof), about)
        w[0, 3] -= change
        b[1] += change
        assert refused(card, start, RATE, step.Step(step.Layer(w, b), done.proof), about)
    same = step.Batch.of(*samples(), "sigmoid", proofs=8)  # the same samples, committed anew
    assert refused(same.card, start, RATE, done, about)
    assert refused(card, done.end, RATE, done, about)  # a step that was taken is none from where it ended
    assert refused(card, step.Layer(w[:1], b[:1]), RATE, done, about)


@pytest.mark.parametrize("units", step.UNITS)
def test_samples_that_were_not_committed_are_refused(units):
    """By who follows the protocol but for its samples: an input or a target, by the least and by much."""
    x, y = samples(units)
    honest, start = step.Batch.of(x, y, units, seed=SEED), layer()
    for place, change in (((0, 1), 1), ((3, 5), 1), ((5, 0), -4096)):
        lying = step.Batch.of(x, y, units, seed=SEED)
        lying._numbers = lying._numbers.copy()
        lying._numbers[place] += change
        assert refused(honest.card, start, RATE, lying.prove(start, RATE)), place
    step.verify(honest.card, start, RATE, honest.prove(start, RATE))


@pytest.mark.parametrize("units", step.UNITS)
@pytest.mark.parametrize("what", ["weight", "bias", "rounding", "unit", "heard"])
def test_a_prover_that_ends_elsewhere_is_refused(units, what, monkeypatch):
    """It follows the protocol but for the end that it says, the bytes that rounding took, what a unit says, or what one
    hears (all that follows from it is as it should be)."""
    x, y = samples(units)
    batch, start = step.Batch.of(x, y, units, proofs=3), layer()
    honest = step.StepCircuit.said_first
    whole, says = step.Layer, step.units_say
    more = np.zeros((6, 2), np.int64)
    more[2, 1] = (1 << 22) * (what == "heard")

    def ends(weights, biases):
        weights, biases = weights.copy(), biases.copy()
        if what == "weight":
            weights[0, 1] += 1
        if what == "bias":
            biases[1] += 1
        return whole(weights, biases)

    def said_first(self, numbers, sums, said, rest):
        rest, said, sums = rest.copy(), said.copy(), sums.copy()
        if what in ("weight", "rounding"):  # so that the weight's equation would hold, were there no lookups
            rest[0, 1] += 1 << 24 if what == "weight" else 1
        made = honest(self, numbers, sums + more, said, rest)
        if what == "weight":
            made[self.rest[2][0][1]] = field.add(made[self.rest[2][0][1]], np.uint64(256))
        if what == "unit":
            places = self.piece.at["over0" if self.linear else "said"]
            made[places[0]] = field.add(made[places[0]], np.uint64(1))
        return made

    monkeypatch.setattr(step, "Layer", ends)
    monkeypatch.setattr(step, "units_say", lambda sums, units: says(sums + more, units))
    monkeypatch.setattr(step.StepCircuit, "said_first", said_first)
    made = batch.prove(start, RATE)
    monkeypatch.undo()
    assert refused(batch.card, start, RATE, made)
    step.verify(batch.card, start, RATE, batch.prove(start, RATE))


def test_numbers_that_are_none_of_two_bytes_are_refused(monkeypatch):
    """Committed numbers modulo p, of which any step could be made."""
    start = layer()
    for number in (2**15, -(2**15) - 1, 2**40):
        x, y = samples()
        honest = step._whole
        monkeypatch.setattr(step, "_whole", lambda given: honest(np.zeros(np.shape(given))) + number)  # noqa: B023
        wide = step.Batch.of(x, y, "sigmoid")
        monkeypatch.undo()
        try:
            made = wide.prove(start, RATE)
        except ProofError:
            continue  # a unit hears too much
        assert refused(wide.card, start, RATE, made)


def test_whatever_byte_is_altered_is_refused(batch, done):
    data, rng = done.to_bytes(), np.random.default_rng(0)
    for i in range(80):
        altered = bytearray(data)
        altered[int(rng.integers(13, len(data) if i % 2 else 200))] ^= 1 << int(rng.integers(8))
        try:
            made = step.Step.parse(bytes(altered))
        except NotProven:
            continue
        assert refused(batch.card, layer(), RATE, made, b"round 1")
    for said in (b"", b"x", data[:13], data[:21], data[:200], data[:-1], data + b"x", data[:13] + b"\xff" * 500):
        with pytest.raises(NotProven):
            step.verify(batch.card, layer(), RATE, step.Step.parse(said), b"round 1")


def test_a_batch_says_no_more_than_it_may_and_repeats_by_its_seed(tmp_path):
    x, y = samples()
    one, two = (step.Batch.of(x, y, "sigmoid", proofs=2, seed=SEED) for _ in range(2))
    assert one.card == two.card != step.Batch.of(x, y, "sigmoid", proofs=2).card  # opened: whoever has all sees it
    assert one.prove(layer(), RATE, seed=SEED).proof == two.prove(layer(), RATE, seed=SEED).proof
    assert one.prove(layer(), RATE).proof != two.prove(layer(), RATE).proof
    for batch in (one, two):
        with pytest.raises(ProofError, match="has had 2 proofs"):
            batch.prove(layer(), RATE)
    one.save(tmp_path / "b")
    assert (tmp_path / "b/secret.npz").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ProofError, match="has had 2 proofs"):
        step.Batch.load(tmp_path / "b").prove(layer(), RATE)
    (tmp_path / "b/proofs").unlink()
    again = step.Batch.load(tmp_path / "b")
    step.verify(one.card, layer(), RATE, again.prove(layer(), RATE))
    assert (tmp_path / "b/proofs").read_text() == "1\n"
    (tmp_path / "b/secret.npz").write_bytes(b"PK")
    with pytest.raises(ProofError, match="cannot read"):
        step.Batch.load(tmp_path / "b")


def test_batches_are_declared_before(batch):
    """The set of batches is declared as any other: a step by one that was not in it is seen."""
    other = step.Batch.of(*samples(seed=5), "sigmoid", proofs=8)
    names = [one.card.identity.encode() for one in (batch, other)]
    declared = records.Declared(names)
    late = step.Batch.of(*samples(), "sigmoid").card.identity.encode()
    assert records.check(declared.root, names[0], declared.prove(names[0]))
    assert not records.check(declared.root, late, declared.prove(late))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"inputs": 0}, "one of each"),
        ({"samples": True}, "one of each"),
        ({"inputs": 5000}, "at most"),
        ({"units": "relu"}, "units"),
        ({"root": bytes(31)}, "root"),
        ({"samples": 60_000, "inputs": 2000}, "too large"),
        ({"proofs": 65}, "at most"),
    ],
    ids=str,
)
def test_what_is_no_batch_is_refused_in_a_line(batch, change, says):
    with pytest.raises(ProofError, match=says):
        dataclasses.replace(batch.card, **change)


def test_cards_are_read_again(batch):
    assert step.Card.parse(batch.card.to_json().encode()) == batch.card
    for said in (b"", b"{}", b"[]", b"\xff", batch.card.to_json().encode()[:-1],
                 batch.card.to_json().replace('"samples":6', '"samples":"6"').encode(),
                 batch.card.to_json().replace('"kind"', '"sort"').encode()):  # fmt: skip
        with pytest.raises(ProofError):
            step.Card.parse(said)


@pytest.mark.parametrize("x", [np.full((6, 4), 8.0), np.full((6, 4), np.nan), np.zeros((5, 4)), np.zeros(6), "x"])
def test_what_are_no_samples_is_refused_in_a_line(x):
    with pytest.raises(ProofError) as raised:
        step.Batch.of(x, samples()[1], "sigmoid")
    assert "\n" not in str(raised.value)


def test_what_is_no_start_is_refused_before_a_proof_is_counted(batch):
    given = batch._given
    for start in (layer(3), layer(4, 3), step.Layer(layer().weights, layer().biases + 2**62)):
        with pytest.raises(ProofError):
            batch.prove(start, RATE)
    for rate in (0, 65, np.nan, "x", -1):
        with pytest.raises(ProofError, match="a rate for"):
            batch.prove(layer(), rate)
    for w, b in ((np.zeros(4), np.zeros(2)), (np.zeros((2, 4)), np.zeros(3)), (np.full((2, 4), 3000), np.zeros(2)),
                 (np.full((2, 4), np.nan), np.zeros(2)), ("x", 0)):  # fmt: skip
        with pytest.raises(ProofError):
            step.Layer.of(w, b)
    assert batch._given == given


def klopf(*words):
    """A command, in this process: the imports take longest."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["proof", "step", *map(str, words)])
    return ended.value.code or 0, out.getvalue(), err.getvalue()


def test_the_commands(tmp_path):
    x, y = samples()
    w, b = layer().floats
    np.savez(tmp_path / "batch.npz", inputs=x, targets=y)
    np.savez(tmp_path / "start.npz", weights=w, biases=b)
    folder, card, start, made = (tmp_path / one for one in ("b", "b/card.json", "start.npz", "step.proof"))
    for wrong in (tmp_path / "no.npz", start, card):
        code, _, error = klopf("commit", wrong, folder)
        assert code == 2 and len(error.splitlines()) == 1 and "pickle" not in error
    code, out, _ = klopf("commit", tmp_path / "batch.npz", folder, "--proofs", 1)
    name = step.Card.parse(card.read_bytes()).identity
    assert code == 0 and name in out
    for wrong in (tmp_path / "batch.npz", tmp_path / "no.npz"):
        code, _, error = klopf("prove", folder, wrong, made, "--rate", RATE)
        assert code == 2 and len(error.splitlines()) == 1
    assert klopf("prove", folder, start, tmp_path / "no/a", "--rate", RATE)[0] == 2
    assert not (folder / "proofs").exists()  # nothing that cannot be proven is counted
    assert klopf("prove", folder, start, made, "--rate", RATE, "--about", "anna")[0] == 0
    given = ("verify", card, start, made, "--rate")
    assert klopf(*given, RATE, "--about", "anna", "--identity", name, "--end", tmp_path / "end.npz")[0] == 0
    with np.load(tmp_path / "end.npz") as end:
        np.testing.assert_allclose(end["weights"], by_floats(x, y, layer(), RATE, "sigmoid")[0], atol=1e-3)
    assert klopf(*given, RATE)[0] == klopf(*given, 0.25, "--about", "anna")[0] == 1
    assert klopf(*given, RATE, "--about", "anna", "--identity", "00")[0] == 1
    code, _, error = klopf("prove", folder, start, made, "--rate", RATE)
    assert code == 2 and "commit it anew" in error and len(error.splitlines()) == 1
    made.write_bytes(made.read_bytes()[:-1])
    assert klopf(*given, RATE, "--about", "anna")[0] == 1
