"""I know the solution of this Sudoku, and you learn nothing but that (Z1).

A round: the prover renames the numbers at random, covers all 81 cells, and shows the covers. The verifier asks for a
row, a column, a box, or the puzzle's givens; the prover uncovers these cells alone. Nine colours in a group, or givens
that were renamed alike, say nothing of the solution; whoever has none is caught with probability 2/29 in each round
(:data:`CAUGHT`). See docs/proof.md.

:func:`prove` plays 1,242 rounds by itself, where the covers' hash is who asks (Fiat and Shamir, CRYPTO 1986):
each attempt to cheat succeeds with probability at most 2⁻¹²⁸. :class:`Prover` and :func:`check` are one round, for two
who talk; :func:`simulate` makes rounds of nothing, which is why a round tells nothing.

>>> puzzle = Puzzle.parse("53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79")
>>> proof = prove(puzzle, puzzle.solution(), bits=20)
>>> verify(puzzle, proof, bits=20)
"""

from __future__ import annotations

import hashlib
import random
import secrets

from klopf.errors import NotProven, ProofError
from klopf.proof._board import SECRET, Board, renaming, uncovered
from klopf.proof._grid import CAUGHT, DRAWN, GROUPS, KINDS, Puzzle, another, named, rounds

__all__ = [
    "BITS",
    "CAUGHT",
    "DRAWN",
    "GROUPS",
    "KINDS",
    "Prover",
    "Puzzle",
    "another",
    "check",
    "latin",
    "named",
    "nearly",
    "prove",
    "rounds",
    "simulate",
    "verify",
]

BITS = 128
"""Security of a proof: a cheat's attempt passes with probability at most ``2 ** -BITS``."""
_MAGIC, _SALT, _DIGEST = b"klopf sudoku 1\n", 32, 32


class Prover:
    """One round of a prover's: a grid, renamed at random and covered.

    Args:
        grid: what is said to be the solution; whether it is one is not looked at.
        seed: 32 secret random bytes, never used twice; drawn where none are given.
        name: public, and another one in each round of a proof.
    """

    def __init__(self, puzzle: Puzzle, grid: Puzzle, seed: bytes = b"", name: bytes = b"") -> None:
        seed = seed or secrets.token_bytes(32)
        colours = (0, *renaming(seed[SECRET:] + name))
        self._puzzle = puzzle
        self._board = Board([colours[number] for number in grid.cells], seed[:SECRET], name)

    @property
    def root(self) -> bytes:
        """The covered grid: 32 bytes that are sent before anything is asked."""
        return self._board.root

    def open(self, challenge: int) -> bytes:
        """Uncover what ``challenge`` asks for. Only once: two openings of one grid tell more than nothing."""
        return self._board.open(self._puzzle.of(challenge))


def check(puzzle: Puzzle, root: bytes, challenge: int, opening: bytes, name: bytes = b"") -> tuple[int, ...]:
    """The verifier's end of a round: the colours of the cells that ``challenge`` opened.

    Raises:
        NotProven: the opening is not of what was covered, or not as a solution's would be.
    """
    colours, found, length = _one(puzzle, challenge, memoryview(opening), name)
    if found != root or length != len(opening):
        raise NotProven("what was uncovered is not what was covered")
    return colours


def _one(puzzle: Puzzle, challenge: int, said: memoryview, name: bytes) -> tuple[tuple[int, ...], bytes, int]:
    colours, root, length = uncovered(puzzle.of(challenge), said, name)
    if not puzzle.is_answered(challenge, colours):
        raise NotProven(f"{named(challenge)} is not as a solution's would be")
    return colours, root, length


def _asked(puzzle: Puzzle, salt: bytes, digest: bytes, count: int) -> list[int]:
    """``count`` challenges, drawn evenly from :data:`DRAWN` by all that was covered."""
    seed = _MAGIC + bytes(puzzle.cells) + salt + digest
    limit = 256 - 256 % len(DRAWN)
    length = 2 * count + 64
    while True:
        drawn = [byte for byte in hashlib.shake_256(seed).digest(length) if byte < limit][:count]
        if len(drawn) == count:
            return [DRAWN[byte % len(DRAWN)] for byte in drawn]
        length *= 2


def _name(salt: bytes, i: int) -> bytes:
    return salt + i.to_bytes(4, "big")


def prove(puzzle: Puzzle, solution: Puzzle, bits: int = BITS, seed: bytes = b"") -> bytes:
    """A proof that its maker knows a solution of ``puzzle``; it says nothing else.

    Args:
        bits: how likely an attempt to cheat passes: at most ``2 ** -bits``.
        seed: 32 secret random bytes; drawn where none are given. Another proof by the same has other covers.

    Raises:
        ProofError: ``solution`` is none of ``puzzle``.
    """
    if not puzzle.is_solved_by(solution):
        raise ProofError("this is no solution of this Sudoku: nothing can be proven")
    # covers that came twice, for another number of rounds, say, would be uncovered twice
    about = bits.to_bytes(4, "big") + bytes(puzzle.cells) + bytes(solution.cells)
    seed = hashlib.sha256(b"klopf sudoku seed" + about + (seed or secrets.token_bytes(32))).digest()
    salt = hashlib.sha256(b"klopf sudoku salt" + seed).digest()
    secret = hashlib.shake_256(b"klopf sudoku rounds" + seed).digest(32 * rounds(bits))
    played = [Prover(puzzle, solution, secret[32 * i : 32 * i + 32], _name(salt, i)) for i in range(rounds(bits))]
    digest = hashlib.sha256(b"".join(one.root for one in played)).digest()
    asked = _asked(puzzle, salt, digest, len(played))
    return b"".join([_MAGIC, salt, digest, *(one.open(e) for one, e in zip(played, asked, strict=True))])


def verify(puzzle: Puzzle, proof: bytes, bits: int = BITS) -> None:
    """Go on where ``proof`` shows that its maker knows a solution of ``puzzle``.

    Raises:
        NotProven: it does not, whatever these bytes are.
    """
    start = len(_MAGIC) + _SALT + _DIGEST
    if len(proof) < start or proof[: len(_MAGIC)] != _MAGIC:
        raise NotProven("this is no proof of a Sudoku: klopf proof sudoku prove makes one")
    salt, digest = proof[len(_MAGIC) : start - _DIGEST], proof[start - _DIGEST : start]
    asked = _asked(puzzle, salt, digest, rounds(bits))
    said = memoryview(proof)[start:]
    roots = hashlib.sha256()
    for i, challenge in enumerate(asked):
        _, root, length = _one(puzzle, challenge, said, _name(salt, i))
        roots.update(root)
        said = said[length:]
    if len(said) or roots.digest() != digest:
        raise NotProven("what was uncovered is not what was covered")


def simulate(puzzle: Puzzle, challenge: int, rng: random.Random) -> tuple[bytes, bytes]:
    """A round in which ``challenge`` is asked, made without any solution: its root and its opening. Nobody can tell it
    from a prover's, so a prover's tells nothing that one could not have made oneself.

    >>> puzzle = Puzzle((1,) + (0,) * 80)
    >>> root, opening = simulate(puzzle, 3, random.Random(0))
    >>> sorted(check(puzzle, root, 3, opening))
    [1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    colours = rng.sample(range(1, 10), 9)
    cells = [0] * 81
    for place, cell in enumerate(puzzle.of(challenge)):
        cells[cell] = colours[puzzle.cells[cell] - 1] if challenge == KINDS - 1 else colours[place]
    board = Board(cells, rng.randbytes(SECRET), b"")
    return board.root, board.open(puzzle.of(challenge))


def nearly(puzzle: Puzzle, solution: Puzzle, rng: random.Random) -> Puzzle:
    """As good as a cheat can be: a grid with two wrong columns and nothing else, by two neighbours of one row and box
    that change places (blanks where there are any, so that the givens stay)."""
    pairs = [(i, j) for i in range(81) for j in range(i + 1, i + 3) if i // 3 == j // 3]
    i, j = rng.choice([(i, j) for i, j in pairs if not (puzzle.cells[i] or puzzle.cells[j])] or pairs)
    cells = list(solution.cells)
    cells[i], cells[j] = cells[j], cells[i]
    return Puzzle(tuple(cells))


def latin(rng: random.Random) -> Puzzle:
    """What beats the classroom's form, which asks for rows and columns alone, every time: each row is the one above,
    turned by one. Boxes and givens are wrong, and are never looked at."""
    numbers = rng.sample(range(1, 10), 9)
    return Puzzle(tuple(numbers[(r + c) % 9] for r in range(9) for c in range(9)))
