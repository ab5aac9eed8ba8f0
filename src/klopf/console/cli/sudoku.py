"""``klopf proof sudoku``: prove, verify, and play the verifier at a terminal."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf import files
from klopf.console.cli.command import Json, print_json
from klopf.errors import NotProven, ProofError

if TYPE_CHECKING:
    from klopf.proof.sudoku import Puzzle

__all__ = ["EXAMPLE", "play", "prove", "verify"]

EXAMPLE = "53..7.... 6..195... .98....6. 8...6...3 4..8.3..1 7...2...6 .6....28. ...419..5 ....8..79"
_LARGEST = 8_000_000
Rounds = Annotated[int, Parameter(validator=Number(gte=0, lte=100_000))]


def prove(puzzle: str, to: Path, *, solution: str = "", json_: Json = False) -> None:
    """Write a proof that you have the solution of a Sudoku; the proof says nothing of it.

    Example: klopf proof sudoku prove puzzle.txt puzzle.proof

    Parameters
    ----------
    puzzle
        A file, or its 81 digits or dots, row by row.
    to
        The proof's file.
    solution
        The same for the solution; without it, it is looked for.
    """
    from klopf.proof import sudoku as room

    read = _puzzle(puzzle)
    proof = room.prove(read, _puzzle(solution) if solution else read.solution())
    try:
        files.replace(to, proof)
    except OSError as error:
        raise ProofError(f"cannot write {to}: {error.strerror}") from None
    said = {"bytes": len(proof), "rounds": room.rounds(room.BITS), "bits": room.BITS}
    print_json(said) if json_ else print(
        f"{to}: {len(proof):,} bytes, {said['rounds']:,} rounds: an attempt to cheat passes with probability 2^-128"
    )


def verify(puzzle: str, proof: Path, *, json_: Json = False) -> int:
    """Check a proof of a Sudoku. Ends with 1 where it shows nothing.

    Example: klopf proof sudoku verify puzzle.txt puzzle.proof

    Parameters
    ----------
    puzzle
        A file, or its 81 digits or dots, row by row.
    proof
        The proof's file.
    """
    from klopf.proof import sudoku as room

    read, why = _puzzle(puzzle), ""
    try:
        with proof.open("rb") as file:
            said = file.read(_LARGEST)
    except OSError as error:
        raise ProofError(f"cannot read {proof}: {error.strerror}") from None
    try:
        room.verify(read, said)
    except NotProven as error:
        why = str(error)
    print_json({"proven": not why, "why": why}) if json_ else print(
        f"not proven: {why}" if why else "proven: whoever made this has a solution"
    )
    return int(bool(why))


def play(
    puzzle: str = EXAMPLE,
    *,
    against: Literal["prover", "cheat", "other"] = "prover",
    classroom: Annotated[bool, Parameter(negative="")] = False,
    rounds: Rounds = 0,
    seed: int | None = None,
) -> int:
    """Play the verifier: in each round choose what is uncovered, until you believe it or have caught a cheat.

    Ends with 1 where a cheat was caught.

    Example: klopf proof sudoku play --against cheat --rounds 100

    Parameters
    ----------
    puzzle
        A file, or its 81 digits or dots, row by row.
    against
        prover: one that has the solution; cheat: two cells of it are exchanged; other: it has another Sudoku's.
    classroom
        Only rows and columns may be asked for; against it a cheat has a grid that always passes.
    rounds
        Ask at random so many times, and ask nobody.
    seed
        Of what is drawn, for a game that can be repeated.
    """
    from klopf.proof import sudoku as room

    read = _puzzle(puzzle)
    rng = random.Random(seed) if seed is not None else random.SystemRandom()
    grid = read.solution()
    drawn = room.DRAWN
    if classroom:
        drawn = tuple(range(18))
        grid = grid if against == "prover" else room.latin(rng)
    elif against != "prover":
        grid = room.nearly(read, grid, rng) if against == "cheat" else room.another(rng)
    left, caught = 1.0, 0.0 if classroom else float(room.CAUGHT)
    print("Covered: 81 cells, their numbers renamed anew each round.")
    print(_KEYS.format("" if classroom else ", b box, g givens"))
    done = 0
    while not rounds or done < rounds:
        prover = room.Prover(read, grid, rng.randbytes(32))
        print(f"\nround {done + 1}, covered as {prover.root.hex()[:16]}...")
        challenge = rng.choice(drawn) if rounds else _chosen(rng, drawn)
        if challenge is None:
            break
        done += 1
        try:
            colours = room.check(read, prover.root, challenge, prover.open(challenge))
        except NotProven as error:
            print(f"caught in round {done}: {error}")
            return 1
        left *= 1 - caught
        print(_drawn(dict(zip(read.of(challenge), colours, strict=True))))
        passed = f"{done} round{'s' * (done > 1)}"
        print(f"{room.named(challenge)}: as a solution's. " + (
            f"A cheat that was asked at random passed {passed} with probability at most {left:.2g}."
            if caught else "There is a grid that has nothing to do with the puzzle and passes all of these."
        ))  # fmt: skip
    if done:
        print(f"\nnobody was caught in {done} round{'s' * (done > 1)}")
    return 0


_KEYS = "Ask for r row, c column{}, with a number (r4, c9), or press Enter for any; q ends."


def _chosen(rng: random.Random, drawn: tuple[int, ...]) -> int | None:
    """What the player asks for; None where it goes."""
    while True:
        try:
            said = input("uncover: ").strip().lower().replace(" ", "")
        except EOFError:
            return None
        if said in ("q", "quit"):
            return None
        if not said:
            return rng.choice(drawn)
        challenge = 27 if said[0] == "g" else -1
        if len(said) == 2 and said[0] in "rcb" and said[1] in "123456789":
            challenge = 9 * "rcb".index(said[0]) + int(said[-1]) - 1
        if challenge in drawn:
            return challenge
        print("this cannot be asked for here: r1 to r9, c1 to c9" + (", b1 to b9, g" if 27 in drawn else ""))


def _drawn(shown: dict[int, int]) -> str:
    """The grid with what is uncovered, as letters: a renamed number is no number."""
    rows = []
    for r in range(9):
        cells = ["ABCDEFGHI"[shown[9 * r + c] - 1] if 9 * r + c in shown else "·" for c in range(9)]
        rows.append(" ".join([*cells[:3], "|", *cells[3:6], "|", *cells[6:]]))
        if r in (2, 5):
            rows.append("------+-------+------")
    return "\n".join(rows)


def _puzzle(said: str) -> Puzzle:
    from klopf.proof.sudoku import Puzzle

    text = said
    try:
        if len(said) < 256 and Path(said).is_file():
            with Path(said).open(encoding="ascii") as file:
                text = file.read(1000)
        elif len("".join(said.split())) != 81:
            raise ProofError(f"{said!r:.60} is neither a file nor 81 digits or dots row by row: see docs/proof.md")
    except UnicodeDecodeError:
        raise ProofError(f"{said} is no Sudoku: give a text of 81 digits or dots row by row") from None
    except OSError as error:
        raise ProofError(f"cannot read {said}: {error.strerror}") from None
    return Puzzle.parse(text)
