"""What whoever collects proofs learns, where a commitment or a seed serves more often than it hides."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from klopf.console.cli import proving
from klopf.errors import ProofError
from klopf.proof import _argument, model, sudoku
from klopf.proof import _field as field
from klopf.proof._field import P
from klopf.proof._hashed import Transcript, as_words, joined
from klopf.proof._shape import OPENED, REPEATS, SHIFT

SEED = bytes(range(32))


def layers(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return model.Layers.of([rng.normal(size=(n, m)) for m, n in pairwise(sizes)],
                           [rng.normal(size=n) for n in sizes[1:]], "relu")  # fmt: skip


def heard(card, answer, root=b""):
    """What a verifier sees: weights of the near test, its polynomials, and for each segment the opened columns."""
    circuit, shape = card.laid(1, bool(root))
    said = Transcript(model._statement(card, answer, root))
    said.say(answer.proof[:32])
    circuit.asked(said)
    said.say(answer.proof[32:64])
    near = [_argument._weights(said, i, shape)[0] for i in range(REPEATS)]
    end = 64 + 8 * 5 * REPEATS * shape.length
    said.say(answer.proof[64:end])
    polynomials = as_words(answer.proof[64:end]).reshape(REPEATS, -1)
    places, rest, columns = said.places(OPENED, shape.points), memoryview(answer.proof)[end:], []
    for height in shape.before:
        size = 8 * height * len(places)
        columns.append(as_words(rest[:size]).reshape(len(places), height))
        rest = rest[size + joined(columns[-1], places, shape.points, rest[size:])[1] :]
    return near, polynomials, dict(zip(places, zip(*columns, strict=True), strict=True))


def test_two_answers_by_one_seed_do_not_show_the_weights():
    """What hides a polynomial that is sent would be the same in both: their difference is the weights, many times."""
    committed = model.Committed.of(layers((6, 2)), seed=SEED)
    seen = [heard(committed.card, committed.prove(np.full(6, x), seed=SEED)) for x in (0.0, 0.5)]
    (one, two), length = seen, committed.card.shape.length
    factor = pow((int(one[0][0][0]) - int(two[0][0][0])) % P, -1, P)
    row = field.mul(field.sub(one[1][0, :length], two[1][0, :length]), np.uint64(factor))
    found = field.signed(field.forward(row.reshape(1, -1), length))[0, : committed.card.circuit.model]
    assert (found != committed.layers.flat()).all()


def recovered(card, seen, count):
    """The first numbers of a row of which enough columns are known: those after them are zero, up to what hides."""
    shape, at = card.shape, {}
    for columns in seen:
        at |= columns
    base, ratio = field.root(shape.length), field.root(shape.points)
    zeros = [pow(base, i, P) for i in range(count, shape.model_data)]
    known = [(SHIFT * pow(ratio, place, P) % P, int(row)) for place, row in at.items()]
    known = known[: shape.length - len(zeros)]
    if len(known) < shape.length - len(zeros):
        return None
    points, made = [x for x, _ in known] + zeros, []
    for i in range(count):
        y, total = pow(base, i, P), 0
        for x, value in known:
            over, under = value, 1
            for other in points:
                if other != x:
                    over, under = over * (y - other) % P, under * (x - other) % P
            total += over * pow(under, -1, P)
        made.append(total % P)
    return field.signed(np.array(made, np.uint64))


def opened(seen):
    """The input's columns, where it has one row."""
    return {place: column[1][0] for place, column in seen[2].items()}


def test_an_input_is_not_answered_so_often_that_it_shows():
    """By networks that each gave as many proofs as they may: it is the input's columns that are opened in all."""
    one, two = (model.Committed.of(layers((4, 2), i), proofs=1) for i in range(2))
    hidden = model.Hidden(one.card, [0.5, -1, 2, 3])
    seen = [opened(heard(one.card, one.prove_hidden(hidden), hidden.root))]
    with pytest.raises(ProofError, match="commit it anew"):
        two.prove_hidden(hidden)
    assert recovered(one.card, seen, 4) is None
    hidden._given = 0  # what one more would have shown
    assert two._given == 0  # what was refused cost none
    seen.append(opened(heard(two.card, two.prove_hidden(hidden), hidden.root)))
    assert (recovered(one.card, seen, 4) == hidden.inputs).all()


def test_a_network_gives_no_more_proofs_than_it_was_committed_for(tmp_path):
    """From Python as by the commands, by whoever uses its folder; what is refused costs none, many at once cost one."""
    committed = model.Committed.of(layers((4, 2)), proofs=3)
    with pytest.raises(ProofError):
        committed.prove(np.zeros(5))
    committed.prove(np.zeros((20, 4)))
    committed.save(tmp_path / "c")
    again = model.Committed.load(tmp_path / "c")
    again.prove(np.zeros(4))
    committed.prove(np.zeros(4))
    hidden = model.Hidden(committed.card, np.zeros(4))
    for one in (committed, again, model.Committed.load(tmp_path / "c")):
        for call in (lambda one=one: one.prove(np.zeros(4)), lambda one=one: one.prove_hidden(hidden)):
            with pytest.raises(ProofError, match="commit the network anew"):
                call()
    alone = model.Committed.of(layers((4, 2)), proofs=1)
    alone.prove(np.zeros(4))
    with pytest.raises(ProofError, match="many answers at once"):
        alone.prove(np.zeros(4))


def test_an_input_is_answered_only_by_networks_that_are_hidden_from_as_often():
    """Rows of the same length, of which less would hide than the other network's number of proofs needs."""
    one, two = (model.Committed.of(layers((4, 2)), proofs=proofs) for proofs in (3, 4))
    assert one.card.shape.length == two.card.shape.length
    with pytest.raises(ProofError, match="another shape"):
        two.prove_hidden(model.Hidden(one.card, [0.5, -1, 2, 3]))


def test_a_seed_hides_inputs_and_shapes_apart():
    """Else both commitments have the same random numbers in other places, or beside another input."""
    one, two = (model.Committed.of(layers((4, 2)), proofs=proofs).card for proofs in (3, 4))
    x = np.array([0.5, -1, 2, 3])
    codes = [model.Hidden(card, x, SEED).segment.code for card in (one, two)]
    codes.append(model.Hidden(one, 2 * x, SEED).segment.code)
    hiding = [field.forward(field.inverse(code, SHIFT)[:, : one.shape.length], one.shape.length) for code in codes]
    tails = [row[0, card.shape.model_data :][:200] for row, card in zip(hiding, (one, two, one), strict=True)]
    assert all(tail.all() for tail in tails)
    assert not (tails[0] == tails[1]).any() and not (tails[0] == tails[2]).any()


def test_the_commands_count_an_inputs_proofs_and_keep_its_root(tmp_path):
    file = str(tmp_path / "mine.hidden")
    for name, proofs in (("one", 1), ("two", 1), ("more", 2)):
        model.Committed.of(layers((4, 2)), proofs=proofs).save(tmp_path / name)
    proving.hide(tmp_path / "one/card.json", "0.5,-1,2,3", tmp_path / "mine.hidden")
    with pytest.raises(ProofError, match="another shape"):  # it would be another root than was published
        proving.prove(tmp_path / "more", file, tmp_path / "a.proof")
    proving.prove(tmp_path / "one", file, tmp_path / "a.proof")
    with pytest.raises(ProofError, match="commit the input anew"):
        proving.prove(tmp_path / "two", file, tmp_path / "a.proof")
    used = [(tmp_path / name / "proofs").exists() for name in ("one", "two", "more")]
    assert used == [True, False, False]


def test_two_proofs_of_a_sudoku_by_one_seed_do_not_uncover_a_grid_twice():
    """Names of a row, and of the givens, in one round: the row's numbers."""
    puzzle = sudoku.Puzzle.parse(
        "53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79"
    )
    solution, known, names = puzzle.solution(), 0, ({}, {})
    proofs = [sudoku.prove(puzzle, solution, bits, SEED) for bits in (20, 21)]
    for proof, seen in zip(proofs, names, strict=True):
        salt, digest, said = proof[15:47], proof[47:79], memoryview(proof)[79:]
        for i, asked in enumerate(sudoku._asked(puzzle, salt, digest, sudoku.rounds(20))):
            colours, root, length = sudoku._one(puzzle, asked, said, sudoku._name(salt, i))
            seen[root] = asked, colours
            said = said[length:]
    for root in names[0].keys() & names[1].keys():
        (one, colours), (two, givens) = sorted((names[0][root], names[1][root]))
        if one < 27 == two:
            back = dict(zip(givens, (puzzle.cells[i] for i in puzzle.givens), strict=True))
            row = [back.get(colour) for colour in colours]
            known += all(a == solution.cells[i] for a, i in zip(row, sudoku.GROUPS[one], strict=True))
    assert not known


def test_who_verifies_does_not_hold_the_polynomials_at_all_points():
    """Card and proof are a stranger's, and the largest were 2 GB at all points."""
    committed = model.Committed.of(layers((400, 400)), proofs=1)
    answer = committed.prove(np.zeros(400))
    tracemalloc.start()
    model.verify(committed.card, answer)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 16 * 8 * committed.card.circuit.model  # the numbers of the network alone, at all points
