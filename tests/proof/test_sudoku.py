"""A Sudoku proven without being shown: complete, sound, and told apart from nothing."""

import contextlib
import io
import random
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from klopf import mind
from klopf.console import main
from klopf.errors import NotProven, ProofError
from klopf.proof import sudoku

TEXT = "53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79"
PUZZLE = sudoku.Puzzle.parse(TEXT)
SOLUTION = PUZZLE.solution()
SEED = bytes(range(32))


@pytest.fixture(scope="module")
def proof():
    return sudoku.prove(PUZZLE, SOLUTION, seed=SEED)


def passes(grid, challenge, rng, puzzle=PUZZLE):
    prover = sudoku.Prover(puzzle, grid, rng.randbytes(32))
    try:
        sudoku.check(puzzle, prover.root, challenge, prover.open(challenge))
    except NotProven:
        return False
    return True


def test_the_rounds_that_a_bound_needs():
    assert sudoku.rounds(128, Fraction(1, 28)) == 2440 and sudoku.rounds(40, Fraction(1, 28)) == 763
    assert sudoku.rounds(128) == 1242
    assert (1 - float(sudoku.CAUGHT)) ** 1242 <= 2**-128 < (1 - float(sudoku.CAUGHT)) ** 1241


def test_an_honest_proof_is_accepted_and_small(proof):
    sudoku.verify(PUZZLE, proof)
    assert len(proof) <= 1_000_000
    assert sudoku.prove(PUZZLE, SOLUTION, seed=SEED) == proof
    assert sudoku.prove(PUZZLE, SOLUTION) != proof


def test_nothing_is_proven_without_a_solution():
    with pytest.raises(ProofError, match="no solution"):
        sudoku.prove(PUZZLE, sudoku.another(random.Random(0)))


@pytest.mark.parametrize("challenge", range(sudoku.KINDS))
def test_every_challenge_is_answered_by_who_has_the_solution(challenge):
    assert passes(SOLUTION, challenge, random.Random(challenge))


def test_each_kind_of_cheat_is_caught_by_two_of_29_at_least():
    rng = random.Random(0)
    for grid in (sudoku.nearly(PUZZLE, SOLUTION, rng), sudoku.another(rng), sudoku.latin(rng)):
        assert sum(not passes(grid, challenge, rng) for challenge in sudoku.DRAWN) >= 2
    wrong = sudoku.another(rng)
    assert [not passes(wrong, challenge, rng) for challenge in range(28)] == [False] * 27 + [True]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80)), min_size=1, max_size=6), st.integers(0, 9))
def test_a_grid_that_is_wrong_is_wrong_in_two_draws(swaps, number):
    cells = list(SOLUTION.cells)
    for i, j in swaps:
        cells[i], cells[j] = cells[j], cells[i]
    cells[swaps[0][0]] = number or cells[swaps[0][0]]
    colours = tuple(cells)
    wrong = sum(not PUZZLE.is_answered(e, tuple(colours[i] for i in PUZZLE.of(e))) for e in sudoku.DRAWN)
    assert wrong == 0 if PUZZLE.is_solved_by(sudoku.Puzzle(colours)) else wrong >= 2


def test_a_cheat_passes_as_often_as_the_bound_says_and_no_more():
    rng, games, length = random.Random(1), 4000, 10
    grid = sudoku.another(rng)  # caught by the givens alone
    caught = sudoku.KINDS - 1
    passed = sum(all(rng.choice(sudoku.DRAWN) != caught for _ in range(length)) for _ in range(games)) / games
    assert not passes(grid, caught, rng)
    bound = (1 - float(sudoku.CAUGHT)) ** length
    assert abs(passed - bound) < 4 * (bound * (1 - bound) / games) ** 0.5


def test_rows_and_columns_alone_believe_a_grid_of_nothing():
    rng = random.Random(2)
    for _ in range(20):
        grid = sudoku.latin(rng)
        assert not PUZZLE.is_solved_by(grid)
        assert all(passes(grid, challenge, rng) for challenge in range(18))


def test_whatever_is_altered_is_refused(proof):
    rng = random.Random(3)
    for _ in range(20):
        at = rng.randrange(len(proof))
        with pytest.raises(NotProven):
            sudoku.verify(PUZZLE, proof[:at] + bytes([proof[at] ^ (1 << rng.randrange(8))]) + proof[at + 1 :])


def test_a_proof_is_of_its_puzzle_alone(proof):
    cells = list(PUZZLE.cells)
    cells[2] = SOLUTION.cells[2]  # one more given, and it is right
    for other in (sudoku.Puzzle(tuple(cells)), sudoku.Puzzle(SOLUTION.cells), sudoku.Puzzle((0,) * 81)):
        with pytest.raises(NotProven):
            sudoku.verify(other, proof)


def test_bytes_of_any_kind_are_refused(proof):
    rng = random.Random(4)
    for length in (0, 1, 14, 15, 79, 80, 400, len(proof) - 1):
        for said in (proof[:length], rng.randbytes(length), proof[:15] + rng.randbytes(length)):
            with pytest.raises(NotProven):
                sudoku.verify(PUZZLE, said)
    with pytest.raises(NotProven):
        sudoku.verify(PUZZLE, proof + b"\0")
    with pytest.raises(NotProven):
        sudoku.verify(PUZZLE, proof, bits=129)


def test_an_opening_of_another_board_is_refused():
    one, two = (sudoku.Prover(PUZZLE, SOLUTION, random.Random(i).randbytes(32)) for i in range(2))
    with pytest.raises(NotProven, match="not what was covered"):
        sudoku.check(PUZZLE, one.root, 5, two.open(5))


def heard(puzzle, challenge, root, opening):
    """A transcript as numbers: what was asked, the colours where they stand, the bits of root and secrets."""
    colours = sudoku.check(puzzle, root, challenge, opening)
    shown = np.zeros((81, 9), np.float32)
    shown[list(puzzle.of(challenge)), np.array(colours) - 1] = 1
    tail = opening[len(colours) :]
    bits = np.unpackbits(np.frombuffer(root[:8] + tail[:16] + tail[-16:], np.uint8))
    return np.concatenate([np.eye(sudoku.KINDS, dtype=np.float32)[challenge], shown.ravel(), bits])


def test_a_simulated_round_is_not_told_apart():
    rng = random.Random(5)
    rows, labels = [], []
    for i in range(4000):
        challenge = rng.choice(sudoku.DRAWN)
        if i % 2:
            said = sudoku.simulate(PUZZLE, challenge, rng)
        else:
            prover = sudoku.Prover(PUZZLE, SOLUTION, rng.randbytes(32))
            said = prover.root, prover.open(challenge)
        rows.append(heard(PUZZLE, challenge, *said))
        labels.append(i % 2)
    x, y = np.array(rows), np.array(labels)
    judge = mind.Mind(x.shape[1], 2, hidden=(16,), learner="backprop", seed=0)
    judge.learn(x[:3000], y[:3000])
    right = float((judge.predict_proba(x[3000:]).argmax(1) == y[3000:]).mean())
    assert right < 0.5 + 4 * 0.5 / 1000**0.5


@pytest.mark.parametrize("text", ["", "1" * 80, "x" * 81, "1" * 82, "11" + "." * 79])
def test_what_is_no_puzzle_is_said_in_a_line(text):
    with pytest.raises(ProofError) as raised:
        sudoku.Puzzle.parse(text).solution()
    assert "\n" not in str(raised.value)


def test_a_hard_puzzle_is_given_up_in_time():
    with pytest.raises(ProofError, match="give its solution"):
        PUZZLE.solution(most=10)


def klopf(*words, said=""):
    """A command, in this process: the imports take longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(said))
        return _klopf(*words)


def _klopf(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["proof", "sudoku", *words])
    return SimpleNamespace(returncode=ended.value.code or 0, stdout=out.getvalue(), stderr=err.getvalue())


def test_the_commands(tmp_path):
    file, proof = tmp_path / "puzzle.txt", tmp_path / "puzzle.proof"
    file.write_text(TEXT)
    assert "2^-128" in klopf("prove", str(file), str(proof)).stdout
    assert klopf("verify", TEXT, str(proof)).returncode == 0
    done = klopf("verify", TEXT.replace("5", ".", 1), str(proof), "--json")
    assert done.returncode == 1 and '"proven": false' in done.stdout
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for wrong, says in (("12", "neither a file nor 81"), ("nowhere.txt", "neither a file nor 81"),
                        (str(tmp_path / "bytes"), "give a text of 81")):  # fmt: skip
        done = klopf("verify", wrong, str(proof))
        assert done.returncode == 2 and says in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_game():
    done = klopf("play", "--seed", "1", said="r4\nb9\nx\nc99\ng\nq\n")
    assert done.stdout.count("this cannot be asked for") == 2 and "nobody was caught in 3 rounds" in done.stdout
    assert (
        done.returncode == 0 and "row 4: as" in done.stdout and "box 9: as" in done.stdout and "givens" in done.stdout
    )
    assert "caught in round" in klopf("play", "--against", "other", said="r1\ng\n").stdout
    done = klopf("play", "--against", "cheat", "--classroom", "--rounds", "50")
    assert done.returncode == 0 and "box" not in done.stdout.split("round 50")[1]
