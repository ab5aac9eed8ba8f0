"""Answers of a committed network: proven, and nothing else is."""

import contextlib
import hashlib
import io
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from klopf import mind
from klopf.console import main
from klopf.errors import NotProven, ProofError
from klopf.proof import _argument, model
from klopf.proof import _field as field
from klopf.proof._hashed import Draw
from klopf.proof._quantised import table
from klopf.proof._shape import REPEATS, SHIFT, Shape

SEED = bytes(range(32))
KINDS = [((3, 5, 2), "relu"), ((3, 5, 2), "tanh"), ((4, 6, 5, 3), "sigmoid"), ((4, 6, 5, 3), "relu"), ((6, 2), "relu"),
         ((1, 1, 1), "tanh")]  # fmt: skip


def layers(sizes, activation, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(sizes))
    weights = [rng.normal(0, scale / m**0.5, (n, m)) for m, n in pairs]
    return model.Layers.of(weights, [rng.normal(0, 0.3, n) for _, n in pairs], activation)


def as_float(made, x, activation):
    for i, (w, b) in enumerate(zip(made.weights, made.biases, strict=True)):
        x = x @ (w / 2**16).T + b / 2**28
        if i < len(made.weights) - 1:
            x = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}[
                activation
            ](x)
    return x


def refused(card, answer, hidden=b""):
    try:
        model.verify(card, answer, hidden)
    except NotProven as error:
        assert "\n" not in str(error)
        return True
    return False


@pytest.fixture
def digits():
    return model.Committed.of(layers((16, 8, 4), "relu"), seed=SEED)


@pytest.fixture(scope="module")
def answer():
    return model.Committed.of(layers((16, 8, 4), "relu"), seed=SEED).prove(np.linspace(-1, 1, 16), seed=SEED)


@pytest.mark.parametrize(("sizes", "activation"), KINDS, ids=str)
def test_an_honest_answer_is_proven_and_near_that_of_floats(sizes, activation):
    made = layers(sizes, activation)
    committed = model.Committed.of(made, proofs=3)
    rng = np.random.default_rng(1)
    for _ in range(3):
        x = rng.normal(size=sizes[0])
        found = committed.prove(x)
        model.verify(committed.card, model.Answer.parse(found.to_bytes()))
        np.testing.assert_allclose(found.outputs, as_float(made, x, activation), atol=0.02)


@pytest.mark.parametrize(("sizes", "activation"), KINDS, ids=str)
def test_an_input_that_is_not_shown_is_answered_alike(sizes, activation):
    committed = model.Committed.of(layers(sizes, activation), proofs=2)
    x = np.linspace(-200, 200, sizes[0])
    hidden = model.Hidden(committed.card, x)
    found = committed.prove_hidden(hidden)
    assert found.inputs.size == 0 and (found.sums == committed.prove(x).sums).all()
    model.verify(committed.card, model.Answer.parse(found.to_bytes()), hidden.root)


@pytest.mark.parametrize(("sizes", "activation"), KINDS, ids=str)
def test_several_answers_are_proven_at_once(sizes, activation):
    committed = model.Committed.of(layers(sizes, activation), proofs=4)
    x = np.random.default_rng(4).normal(size=(3, sizes[0]))
    for count in (3, 1):
        found = model.Answer.parse(committed.prove(x[:count]).to_bytes())
        model.verify(committed.card, found)
        assert found.sums.shape == (count, sizes[-1]) and (found.sums[0] == committed.prove(x[0]).sums).all()
        for part in ("inputs", "sums"):
            numbers = {"inputs": found.inputs.copy(), "sums": found.sums.copy()}
            numbers[part][count - 1, 0] += 1
            assert refused(committed.card, model.Answer(**numbers, proof=found.proof))
        if count == 3:
            assert refused(committed.card, model.Answer(found.inputs[::-1], found.sums[::-1], found.proof))
        assert refused(committed.card, model.Answer(found.inputs[:1], found.sums[:1], found.proof)) == (count == 3)
        assert refused(committed.card, model.Answer(found.inputs[0], found.sums[0], found.proof))


def test_too_many_answers_at_once_are_refused_in_a_line(digits):
    with pytest.raises(ProofError, match="at once"):
        digits.prove(np.zeros((10_000, 16)))
    with pytest.raises(ProofError, match="at once"):
        digits.prove(np.zeros((0, 16)))
    many = model.Answer(np.zeros((60_000, 16), np.int64), np.zeros((60_000, 4), np.int64), b"")
    assert refused(digits.card, many) and refused(digits.card, model.Answer(many.inputs[:0], many.sums[:0], b""))


def test_another_input_than_was_committed_is_refused(digits):
    x = np.linspace(-1, 1, 16)
    hidden = model.Hidden(digits.card, x)
    found = digits.prove_hidden(hidden)
    assert not refused(digits.card, found, hidden.root)
    for root in (b"", model.Hidden(digits.card, x).root, model.Hidden(digits.card, x + 0.01).root, bytes(31)):
        assert refused(digits.card, found, root)
    assert refused(digits.card, digits.prove(x), hidden.root)
    lying = model.Hidden(digits.card, x)
    lying.inputs[3] += 1  # it answers another input than it committed
    assert refused(digits.card, digits.prove_hidden(lying), lying.root)
    sums = found.sums.copy()
    sums[0] += 1
    assert refused(digits.card, model.Answer(found.inputs, sums, found.proof), hidden.root)
    data, rng = found.proof, np.random.default_rng(5)
    for _ in range(40):
        altered = bytearray(data)
        altered[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        assert refused(digits.card, model.Answer(found.inputs, found.sums, bytes(altered)), hidden.root)


def test_a_hidden_input_is_checked_and_never_answered_as_one_that_is_shown(digits):
    digits.check(model.Hidden(digits.card, np.zeros(16)))
    digits.check(np.zeros((2, 16)))
    with pytest.raises(ProofError, match="a row of numbers"):
        digits.prove(model.Hidden(digits.card, np.zeros(16)))
    for wrong in (np.zeros(3), 0.0, np.full(16, np.inf), "words"):
        with pytest.raises(ProofError):
            digits.check(wrong)


def test_a_committed_input_that_is_none_is_refused(digits, monkeypatch):
    """Numbers that are no whole number of 2⁻¹² in bounds, but would lead to any answer."""
    hidden = model.Hidden(digits.card, np.zeros(16))
    for number in (2**20, -(2**20) - 1, 2**21):
        hidden.inputs[0] = number
        monkeypatch.setattr(model, "whole_inputs", lambda _: hidden.inputs)
        monkeypatch.setattr(model, "LARGEST_INPUT", 0.5)
        wrong = model.Hidden(digits.card, None)
        monkeypatch.undo()
        with np.errstate(over="ignore"):
            assert refused(digits.card, digits.prove_hidden(wrong), wrong.root)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_units_that_hear_very_much_are_proven(activation):
    made = layers((4, 6, 3), activation, scale=40)
    committed = model.Committed.of(made, proofs=3)
    for factor in (0.0, 1.0, -3.0):
        found = committed.prove(np.full(4, factor))
        model.verify(committed.card, found)


def test_a_seed_repeats_a_proof_and_its_absence_does_not(digits, answer):
    x = np.linspace(-1, 1, 16)
    assert digits.prove(x, seed=SEED).proof == answer.proof
    assert digits.prove(x).proof != digits.prove(x).proof


def test_a_learner_is_taken_as_it_is(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.random((300, 6))
    y = (x @ rng.normal(size=(6, 3))).argmax(1)
    learner = mind.Mind(6, 3, hidden=(8,), seed=0)
    learner.learn(x, y)
    made = model.layers_of(learner)
    sums, _ = made.run(np.rint(x * 2**12).astype(np.int64))
    said = np.exp(sums[-1] / 2**28)
    np.testing.assert_allclose(said / said.sum(1, keepdims=True), learner.predict_proba(x), atol=0.01)


@pytest.mark.parametrize(
    "options", [{"layer_norm": True}, {"normalise_inputs": True}, {"activation": "leaky-relu"}, {"memory": 50}], ids=str
)
def test_what_is_not_proven_is_said(options):
    with pytest.raises(ProofError, match="not proven"):
        model.layers_of(mind.Mind(3, 2, hidden=(4,), **options))


def test_another_answer_or_input_is_refused(digits, answer):
    model.verify(digits.card, answer)
    for place in range(16):
        inputs = answer.inputs.copy()
        inputs[place] += 1
        assert refused(digits.card, model.Answer(inputs, answer.sums, answer.proof))
    for place in range(4):
        for change in (1, -1, 2**40):
            sums = answer.sums.copy()
            sums[place] += change
            assert refused(digits.card, model.Answer(answer.inputs, sums, answer.proof))


def test_a_prover_that_says_another_answer_is_refused(digits, monkeypatch):
    """It follows the protocol but for its sums: the last layer's, or a hidden unit's."""
    honest = model.Layers.run
    x = np.linspace(-1, 1, 16)
    for layer in (0, 1):

        def lies(self, inputs, layer=layer):
            sums, heard = honest(self, inputs)
            sums[layer][..., 1] += 1 << 16
            if layer == 0:
                heard[1][..., 1] += 1
                sums[1] = heard[1] @ self.weights[1].T + self.biases[1]
            return sums, heard

        monkeypatch.setattr(model.Layers, "run", lies)
        assert refused(digits.card, digits.prove(x))
    monkeypatch.setattr(model.Layers, "run", honest)
    assert not refused(digits.card, digits.prove(x))


def test_a_prover_with_another_network_is_refused(digits):
    """Each weight and bias by the smallest step, proven by who knows the committed network."""
    x = np.linspace(-1, 1, 16) + 0.25
    for layer in range(2):
        for kind in ("weights", "biases"):
            parts = {one: [a.copy() for a in getattr(digits.layers, one)] for one in ("weights", "biases")}
            parts[kind][layer].ravel()[3] += 1
            other = model.Committed(model.Layers(*map(tuple, parts.values()), "relu"), SEED, 4)
            other.card = digits.card
            assert refused(digits.card, other.prove(x)), (kind, layer)


def test_model_b_is_never_model_a(digits, answer):
    for seed in range(1, 4):
        other = model.Committed.of(layers((16, 8, 4), "relu", seed))
        assert refused(other.card, answer) and refused(digits.card, other.prove(np.linspace(-1, 1, 16)))
    same = model.Committed.of(digits.layers)  # the same network, committed anew, has another name
    assert same.card.identity != digits.card.identity and refused(same.card, answer)


def test_whatever_byte_is_altered_is_refused(digits, answer):
    data, rng = answer.to_bytes(), np.random.default_rng(2)
    for _ in range(150):
        altered = bytearray(data)
        altered[int(rng.integers(27, len(data)))] ^= 1 << int(rng.integers(8))
        assert refused(digits.card, model.Answer.parse(bytes(altered)))


def fuzzed(data, rng):
    """Bytes that are like ``data``: cut, longer, with parts of it or of nothing in other places."""
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(len(made) + 1)), int(rng.choice([0, 1, 4, 8, 32, 1000, 50_000]))
        kind = int(rng.integers(6))
        if kind == 0:
            del made[at:]
        elif kind == 1:
            made[at : at + length] = rng.bytes(length)
        elif kind == 2:
            made[at:at] = rng.bytes(length)
        elif kind == 3:
            del made[at : at + length]
        elif kind == 4:
            made[at : at + length] = b"\xff" * length
        else:
            start = int(rng.integers(len(made) + 1))
            made[at : at + length] = made[start : start + length]
        if not made:
            break
    return bytes(made)


def fuzz(committed, answer, rng, count):
    data, card = answer.to_bytes(), committed.card.to_json().encode()
    for _ in range(count):
        said = fuzzed(data, rng)
        if said != data:
            with pytest.raises(NotProven):
                model.verify(committed.card, model.Answer.parse(said))
        try:
            read = model.Card.parse(fuzzed(card, rng))
        except ProofError:
            continue
        if read != committed.card:
            assert refused(read, answer)


def test_bytes_of_any_kind_are_refused_in_a_line(digits, answer):
    fuzz(digits, answer, np.random.default_rng(3), 200)
    for said in (b"", b"x", b"klopf answer 1\n", b"klopf answer 1\n" + b"\xff" * 8, b"klopf answer 1\n" + bytes(8)):
        with pytest.raises(NotProven):
            model.verify(digits.card, model.Answer.parse(said))


@pytest.mark.soak
def test_bytes_of_any_kind_are_refused_for_ten_minutes(digits, answer):
    import time

    end, rng = time.monotonic() + 600, np.random.default_rng()
    while time.monotonic() < end:
        fuzz(digits, answer, rng, 100)


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 2**62 + 1])
def test_numbers_so_large_that_they_are_others_modulo_p_are_refused(digits, answer, number):
    for part in ("inputs", "sums"):
        numbers = {"inputs": answer.inputs.copy(), "sums": answer.sums.copy()}
        numbers[part][0] = number
        with pytest.raises(NotProven, match="larger than any"):
            model.verify(digits.card, model.Answer(**numbers, proof=answer.proof))


@pytest.mark.long
def test_what_is_opened_does_not_show_the_weights():
    """Two networks, one of zeros: no learner tells the columns of their proofs apart."""
    rows, labels = [], []
    zero = model.Layers.of([np.zeros((2, 4))], [np.zeros(2)], "relu")
    full = model.Layers.of([np.full((2, 4), 7.0)], [np.zeros(2)], "relu")
    for i in range(160):
        found = model.Committed.of((zero, full)[i % 2], proofs=1).prove(np.zeros(4))
        start = len(found.proof) // 2
        rows.append(
            np.unpackbits(np.frombuffer(found.proof[-60_000:][: 8 * 64] + found.proof[start : start + 64], "u1"))
        )
        labels.append(i % 2)
    x, y = np.array(rows, np.float32), np.array(labels)
    judge = mind.Mind(x.shape[1], 2, hidden=(8,), learner="backprop", seed=0)
    judge.learn(x[:100], y[:100])
    right = float((judge.predict_proba(x[100:]).argmax(1) == y[100:]).mean())
    assert right < 0.5 + 4 * 0.5 / 60**0.5


def test_a_polynomial_that_is_sent_is_hidden_by_one_word():
    """Its two halves, opened apart, would tell of the rows at every opened column: so a word is no polynomial of degree
    below k, has the sum zero (linear), or is zero where data are (products)."""
    shape = Shape(512, 10, 1, 10, 10)
    words = _argument._blinds(shape, Draw(SEED))
    assert words.shape == (3 * REPEATS, shape.points)
    whole = field.inverse(words, SHIFT)
    for near, linear, square in whole.reshape(REPEATS, 3, -1):
        assert not near[512:].any() and not linear[1024:].any() and not square[1024:].any()
        assert linear[512:1024].all() and square[512:1024].all()
        assert (int(linear[0]) + int(linear[512])) % field.P == 0
        on_roots = field.forward(field.add(square[:512], square[512:1024]).reshape(1, -1), 512)[0]
        assert not on_roots[: shape.data].any() and on_roots[shape.data :].all()


@pytest.mark.parametrize(
    ("weights", "biases", "says"),
    [
        ([np.zeros((2, 3))], [np.zeros(3)], "layers"),
        ([np.zeros((2, 3)), np.zeros((2, 3))], [np.zeros(2), np.zeros(2)], "as many inputs"),
        ([np.full((2, 3), np.nan)], [np.zeros(2)], "finite"),
        ([np.full((2, 3), 5000.0)], [np.zeros(2)], "below"),
        ([np.zeros((5000, 3))], [np.zeros(5000)], "units"),
    ],
    ids=["bias", "chain", "nan", "large", "wide"],
)
def test_what_is_no_network_is_refused_in_a_line(weights, biases, says):
    with pytest.raises(ProofError, match=says):
        model.Committed.of(model.Layers.of(weights, biases, "relu"))


@pytest.mark.parametrize("inputs", [[1.0] * 3, [[1.0] * 15], [[[1.0] * 16]], [np.nan] * 16, [300.0] * 16, ["x"] * 16])
def test_what_is_no_input_is_refused_in_a_line(digits, inputs):
    with pytest.raises(ProofError) as raised:
        digits.prove(inputs)
    assert "\n" not in str(raised.value)


def test_the_tables_are_the_same_everywhere():
    """A verifier on another machine has to have the prover's."""
    names = [hashlib.sha256(table(one).astype("<i8").tobytes()).hexdigest()[:16] for one in ("tanh", "sigmoid")]
    assert names == TABLES


TABLES = ["bef9f625309be783", "19057d5fd13d67d8"]


def klopf(*words):
    """A command, in this process: the imports take longest."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["proof", "model", *words])
    return SimpleNamespace(returncode=ended.value.code or 0, stdout=out.getvalue(), stderr=err.getvalue())


def test_the_commands(tmp_path):
    mind.Mind(4, 2, hidden=(3,), seed=0).save(tmp_path / "m.mind")
    folder, answer, card = tmp_path / "c", tmp_path / "a.proof", tmp_path / "c/card.json"
    assert klopf("setup", str(tmp_path / "m.mind"), str(folder), "--proofs", "2").returncode == 0
    assert (folder / "secret.npz").stat().st_mode & 0o777 == 0o600
    (tmp_path / "text.npy").write_text("none")
    np.save(tmp_path / "x.npy", np.zeros((2, 4)))
    for wrong in ("1,2", "1e300,0,0,0", "nan,0,0,0", "a,0,0,0", str(tmp_path / "text.npy"), str(tmp_path / "no.npy"),
                  str(tmp_path / "no.hidden")):  # fmt: skip
        done = klopf("prove", str(folder), wrong, str(answer))
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "pickle" not in done.stderr
    assert klopf("prove", str(folder), str(tmp_path / "x.npy"), str(answer), "--row", "-1").returncode == 2
    assert klopf("prove", str(folder), "0,0,0,0", str(tmp_path / "no" / "a.proof")).returncode == 2
    assert not (folder / "proofs").exists()  # nothing that cannot be proven is counted
    assert klopf("prove", str(folder), "0.5,1,-1,0", str(answer)).returncode == 0
    done = klopf("verify", str(card), str(answer))
    identity = model.Card.parse(card.read_bytes()).identity
    assert done.returncode == 0 and identity in done.stdout
    assert klopf("verify", str(card), str(answer), "--identity", "00").returncode == 1
    assert klopf("prove", str(folder), str(tmp_path / "x.npy"), str(answer), "--row", "1").returncode == 0
    done = klopf("prove", str(folder), "0,0,0,0", str(answer))
    assert done.returncode == 2 and "commit the network anew" in done.stderr and len(done.stderr.splitlines()) == 1
    answer.write_bytes(answer.read_bytes()[:-1])
    assert klopf("verify", str(card), str(answer)).returncode == 1
    (folder / "proofs").unlink()
    answer.write_bytes(model.Committed.load(folder).prove(np.zeros((2, 4))).to_bytes())  # two at once
    assert (folder / "proofs").read_text() == "1\n"
    done = klopf("verify", str(card), str(answer))
    assert done.returncode == 0 and done.stdout.count(",") == 3


def test_the_commands_for_an_input_that_is_not_shown(tmp_path):
    mind.Mind(4, 2, hidden=(3,), seed=0).save(tmp_path / "m.mind")
    folder, answer, card, mine = tmp_path / "c", tmp_path / "a.proof", tmp_path / "c/card.json", tmp_path / "my.hidden"
    klopf("setup", str(tmp_path / "m.mind"), str(folder))
    root = klopf("hide", str(card), "0.5,1,-1,0", str(mine)).stdout.strip()
    assert mine.stat().st_mode & 0o777 == 0o600
    assert klopf("prove", str(folder), str(mine), str(answer)).returncode == 0
    assert klopf("verify", str(card), str(answer), "--hidden", root).returncode == 0
    assert klopf("verify", str(card), str(answer)).returncode == 1


def test_a_committed_network_is_read_again(tmp_path, digits):
    digits.save(tmp_path / "c")
    again = model.Committed.load(tmp_path / "c")
    assert again.card == digits.card
    whole = (tmp_path / "c/secret.npz").read_bytes()
    for damaged in (b"", b"PK", b"text", whole[:300], whole[:-20]):
        (tmp_path / "c/secret.npz").write_bytes(damaged)
        with pytest.raises(ProofError, match="cannot read"):
            model.Committed.load(tmp_path / "c")
    with pytest.raises(ProofError, match="No such file or directory; name a folder"):
        model.Committed.load(tmp_path / "nowhere")
