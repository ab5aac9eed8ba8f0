"""A Sudoku: its puzzle, its groups of nine cells, and what may be asked of whoever says that it has the solution.

A cell is a number from 0 to 80, row by row. There are 28 kinds of challenge: nine rows, nine columns, nine boxes, and
the puzzle's givens.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from klopf.errors import ProofError

__all__ = ["CAUGHT", "DRAWN", "GROUPS", "KINDS", "Puzzle", "another", "named", "rounds"]

GROUPS: tuple[tuple[int, ...], ...] = (
    *(tuple(9 * r + c for c in range(9)) for r in range(9)),
    *(tuple(9 * r + c for r in range(9)) for c in range(9)),
    *(tuple(9 * (3 * (b // 3) + i // 3) + 3 * (b % 3) + i % 3 for i in range(9)) for b in range(9)),
)
"""The cells of each row, column and box, in this order."""
KINDS = len(GROUPS) + 1
"""Challenges: a group, or (the last one) the givens."""
DRAWN = (*range(KINDS), KINDS - 1)
"""What is drawn from, evenly: the givens twice (see :data:`CAUGHT`)."""
CAUGHT = Fraction(2, len(DRAWN))
"""How likely a cheat is caught in a round, at least.

A grid in which 26 of the 27 groups have every number once has it in the last one, too: all rows together have each
number nine times, and so have all boxes and all columns; what eight boxes have of it leaves one for the ninth. So a
grid that is wrong in a group is wrong in two, and one that is right in all of them can only be wrong in its givens,
which are drawn twice as often. (Drawn evenly from 28, it were 1/28.)
"""


def rounds(bits: int, caught: Fraction = CAUGHT) -> int:
    """Rounds after which a cheat passes with probability at most ``2 ** -bits``.

    >>> rounds(128), rounds(128, Fraction(1, 28)), rounds(40, Fraction(1, 28))
    (1242, 2440, 763)
    """
    return math.ceil(bits / -math.log2(1 - caught))


def named(challenge: int) -> str:
    """A challenge for people.

    >>> named(0), named(17), named(18), named(27)
    ('row 1', 'column 9', 'box 1', 'givens')
    """
    if challenge == KINDS - 1:
        return "givens"
    return f"{('row', 'column', 'box')[challenge // 9]} {challenge % 9 + 1}"


@dataclass(frozen=True)
class Puzzle:
    """81 numbers, 0 where a cell is blank."""

    cells: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Puzzle:
        """A puzzle as people write it: 81 digits, with 0 or a dot for a blank, spaces and line breaks as one likes.

        Raises:
            ProofError: there are not 81, or something is neither digit nor dot.
        """
        said = "".join(text.split())
        if len(said) != 81 or any(letter not in ".0123456789" for letter in said):
            raise ProofError(
                f"a Sudoku has 81 cells, digits or dots row by row; this has {len(said)} letters: see docs/proof.md"
            )
        return cls(tuple(int(letter) if letter != "." else 0 for letter in said))

    @cached_property
    def givens(self) -> tuple[int, ...]:
        """The cells that are not blank."""
        return tuple(i for i, number in enumerate(self.cells) if number)

    def of(self, challenge: int) -> tuple[int, ...]:
        """The cells that a challenge opens, in order."""
        return self.givens if challenge == KINDS - 1 else GROUPS[challenge]

    def is_answered(self, challenge: int, colours: tuple[int, ...]) -> bool:
        """Whether ``colours``, those of the cells that ``challenge`` opens, are as a solution's would be: a group has
        all nine; equal givens have equal colours, and different ones different."""
        if not set(colours) <= set(range(1, 10)):
            return False
        if challenge < KINDS - 1:
            return len(set(colours)) == 9
        pairs = {(self.cells[i], colour) for i, colour in zip(self.givens, colours, strict=True)}
        return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})

    def is_solved_by(self, grid: Puzzle) -> bool:
        """Whether ``grid`` is a solution of this puzzle."""
        return all(grid.cells[i] == self.cells[i] for i in self.givens) and all(
            {grid.cells[i] for i in group} == set(range(1, 10)) for group in GROUPS
        )

    def solution(self, most: int = 1_000_000) -> Puzzle:
        """A solution, by trying the cell with the fewest choices first.

        Raises:
            ProofError: there is none, or it is not found in ``most`` tries.
        """
        free = [[(1 << 9) - 1] * 9 for _ in range(3)]
        blank = [i for i in range(81) if not self.cells[i]]
        grid = list(self.cells)
        for i in self.givens:
            bit = 1 << (grid[i] - 1)
            for kind, unit in enumerate(_units(i)):
                if not free[kind][unit] & bit:
                    raise ProofError("this Sudoku has no solution: a number stands twice in a row, column or box")
                free[kind][unit] ^= bit
        tries = [most]
        if not _fill(grid, blank, free, tries):
            why = "has no solution" if tries[0] > 0 else f"is not solved in {most:,} tries: give its solution"
            raise ProofError(f"this Sudoku {why}")
        return Puzzle(tuple(grid))


def another(rng: random.Random) -> Puzzle:
    """A full grid that breaks no rule, and has nothing to do with any puzzle."""
    numbers = rng.sample(range(1, 10), 9)
    rows = [3 * band + r for band in rng.sample(range(3), 3) for r in rng.sample(range(3), 3)]
    columns = [3 * band + c for band in rng.sample(range(3), 3) for c in rng.sample(range(3), 3)]
    return Puzzle(tuple(numbers[(3 * (r % 3) + r // 3 + c) % 9] for r in rows for c in columns))


def _units(cell: int) -> tuple[int, int, int]:
    r, c = divmod(cell, 9)
    return r, c, 3 * (r // 3) + c // 3


def _fill(grid: list[int], blank: list[int], free: list[list[int]], tries: list[int]) -> bool:
    if not blank:
        return True
    choices, at = 10, 0
    for place, i in enumerate(blank):
        r, c, b = _units(i)
        count = (free[0][r] & free[1][c] & free[2][b]).bit_count()
        if count < choices:
            choices, at = count, place
    i = blank.pop(at)
    r, c, b = _units(i)
    mask = free[0][r] & free[1][c] & free[2][b]
    for number in range(1, 10):
        bit = 1 << (number - 1)
        tries[0] -= 1
        if mask & bit and tries[0] > 0:
            free[0][r] ^= bit
            free[1][c] ^= bit
            free[2][b] ^= bit
            grid[i] = number
            if _fill(grid, blank, free, tries):
                return True
            free[0][r] ^= bit
            free[1][c] ^= bit
            free[2][b] ^= bit
    grid[i] = 0
    blank.insert(at, i)
    return False
