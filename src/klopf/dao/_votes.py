"""Who said what of which statement: votes as arrays, from and to the files that Polis exports.

A vote is 1 (agree), -1 (disagree) or 0 (passed); whoever has not voted on a statement has no entry. Members and
statements are known by names.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from klopf import files, tables
from klopf.errors import DaoError

__all__ = ["Votes"]

MOST_VOTES, MOST_NAMES, MOST_LETTERS = 20_000_000, 2_000_000, 2_000
_ABOUT = ("participant", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree")


@dataclass(frozen=True, eq=False)
class Votes:
    """Votes in the order of members, then statements; one each at most."""

    members: tuple[str, ...]
    statements: tuple[str, ...]
    who: NDArray[np.int64]
    """(votes,): place of each vote's member in ``members``."""
    what: NDArray[np.int64]
    """(votes,): place of each vote's statement in ``statements``."""
    said: NDArray[np.int8]
    """(votes,): 1, -1 or 0."""
    texts: tuple[str, ...] = ()
    """What each statement says, where that is known; otherwise empty."""

    @classmethod
    def of(
        cls,
        votes: Iterable[tuple[str, str, int]],
        *,
        members: Sequence[str] | None = None,
        statements: Sequence[str] | None = None,
        texts: Sequence[str] = (),
    ) -> Votes:
        """``votes`` are (member, statement, 1, -1 or 0); a later one replaces an earlier one of the same two.

        ``members`` and ``statements`` may name all there are, also those without a vote; otherwise they are those that
        occur, in the order in which they do.

        Raises:
            DaoError: a vote is none of these numbers, or of who or what is not named; a name comes twice.
        """
        found_members = _places("member", members)
        found_statements = _places("statement", statements)
        latest: dict[tuple[int, int], int] = {}
        for number, (member, statement, said) in enumerate(votes, 1):
            if said not in (-1, 0, 1):
                raise DaoError(f"vote {number}: {said!r} is no vote; give 1 (agree), -1 (disagree) or 0 (pass)")
            if number > MOST_VOTES:
                raise DaoError(f"more than {MOST_VOTES:,} votes: split them into conversations")
            i = _place(found_members, member, members is None, "member", number)
            j = _place(found_statements, statement, statements is None, "statement", number)
            latest[i, j] = said
        if texts and len(texts) != len(found_statements):
            raise DaoError(f"{len(texts)} texts for {len(found_statements)} statements: give one each")
        where = sorted(latest)
        pairs = np.array(where, np.int64).reshape(-1, 2)
        said_ = np.array([latest[pair] for pair in where], np.int8)
        who, what = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
        return cls(tuple(found_members), tuple(found_statements), who, what, said_, tuple(texts))

    @classmethod
    def read(cls, path: str | Path) -> Votes:
        """A conversation as Polis exports it: a folder with ``participants-votes.csv`` (a row a person, a column a
        statement) or ``votes.csv`` (a row a vote), and ``comments.csv`` for the texts if it is there; or such a file.

        Raises:
            DaoError: there is none, or a row of it cannot be used; the message names it.
        """
        path = Path(path)
        if path.is_dir():
            tables = [one for one in (path / "participants-votes.csv", path / "votes.csv") if one.exists()]
            if not tables:
                raise DaoError(
                    f"no participants-votes.csv and no votes.csv in {path}: export the conversation from Polis"
                )
            return cls.read(tables[0])
        rows = _rows(path)
        head = next(rows, [])
        texts = dict(_texts(path.with_name("comments.csv")))
        if {"comment-id", "voter-id", "vote"} <= set(head):
            at = [head.index(name) for name in ("voter-id", "comment-id", "vote")]
            whole = [(row[at[0]], row[at[1]], _vote(row[at[2]], path, n)) for n, row in enumerate(rows, 1)]
            found = cls.of(whole)
        elif "participant" in head and len(head) > 1:
            first = max((head.index(name) for name in _ABOUT if name in head), default=0) + 1
            statements, people = head[first:], []
            whole = []
            for n, row in enumerate(rows, 1):
                people.append(row[head.index("participant")])
                whole += [
                    (people[-1], statement, _vote(cell, path, n))
                    for statement, cell in zip(statements, row[first:], strict=True)
                    if cell.strip()
                ]
            found = cls.of(whole, members=people, statements=statements)
        else:
            raise DaoError(
                f"{path}: the header has neither comment-id, voter-id, vote nor participant and a column a statement"
            )
        said = tuple(texts.get(name, "") for name in found.statements)
        return cls(found.members, found.statements, found.who, found.what, found.said, said if texts else ())

    def write(self, folder: str | Path) -> Path:
        """The same as Polis exports it, in ``folder``: ``participants-votes.csv`` and ``comments.csv``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [[*_ABOUT, *self.statements]]
        first = np.searchsorted(self.who, np.arange(len(self.members) + 1))
        for i, name in enumerate(self.members):
            cast = slice(first[i], first[i + 1])
            row = [""] * len(self.statements)
            for j, said in zip(self.what[cast].tolist(), self.said[cast].tolist(), strict=True):
                row[j] = str(said)
            counts = [int((self.said[cast] == one).sum()) for one in (1, -1)]
            rows.append([name, "", "0", str(first[i + 1] - first[i]), *map(str, counts), *row])
        _write(folder / "participants-votes.csv", rows)
        agrees, disagrees = self.counts()
        comments = [
            ["timestamp", "datetime", "comment-id", "author-id", "agrees", "disagrees", "moderated", "comment-body"]
        ]
        for j, name in enumerate(self.statements):
            text = self.texts[j] if self.texts else ""
            comments.append(["0", "", name, "", str(int(agrees[j])), str(int(disagrees[j])), "0", text])
        _write(folder / "comments.csv", comments)
        return folder

    def __len__(self) -> int:
        return len(self.said)

    def counts(self, weights: NDArray[np.float64] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Who agrees and who disagrees, of each statement: two of shape (statements,); ``weights`` (members,)."""
        each = np.ones(len(self.who)) if weights is None else weights[self.who]
        return self._count(each * (self.said == 1)), self._count(each * (self.said == -1))

    def _count(self, each: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(self.what, each, len(self.statements)).astype(np.float64)

    def where(self, kept: NDArray[np.bool_]) -> Votes:
        """Only the votes that are ``kept`` (votes,), of the same members and statements."""
        return Votes(self.members, self.statements, self.who[kept], self.what[kept], self.said[kept], self.texts)


def _places(kind: str, names: Sequence[str] | None) -> dict[str, int]:
    found = {name: k for k, name in enumerate(names or ())}
    if len(found) != len(names or ()):
        twice = next(name for k, name in enumerate(names or ()) if found[name] != k)
        raise DaoError(f"{kind} {twice!r} comes twice: names must differ")
    for name in found:
        _named(name, kind)
    return found


def _place(found: dict[str, int], name: str, new: bool, kind: str, number: int) -> int:
    if name not in found:
        if not new:
            raise DaoError(f"vote {number}: no {kind} is called {name!r}")
        if len(found) >= MOST_NAMES:
            raise DaoError(f"vote {number}: more than {MOST_NAMES:,} {kind}s")
        _named(name, kind)
        found[name] = len(found)
    return found[name]


def _named(name: str, kind: str) -> None:
    if not (name.isprintable() and 0 < len(name) <= MOST_LETTERS):
        raise DaoError(f"a {kind} is called {name[:40]!a}: a name has 1 to {MOST_LETTERS} letters that can be shown")


def _rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV file, all as long as its header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            width = 0
            for number, row in enumerate(csv.reader(file, strict=True)):
                width = width or len(row)
                if row and len(row) != width:
                    raise DaoError(f"{path}, row {number}: {len(row)} cells, the header has {width}")
                if row:
                    yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DaoError(f"{path} cannot be read as CSV: {error}") from error


def _vote(cell: str, path: Path, number: int) -> int:
    try:
        said = tables.number(cell)
    except ValueError:
        said = 2.0
    if said not in (-1.0, 0.0, 1.0):
        raise DaoError(f"{path}, row {number}: {cell[:20]!r} is no vote; 1 agrees, -1 disagrees, 0 passes")
    return int(said)


def _texts(path: Path) -> Iterable[tuple[str, str]]:
    if not path.exists():
        return
    rows = _rows(path)
    head = next(rows, [])
    if not {"comment-id", "comment-body"} <= set(head):
        raise DaoError(f"{path}: the header has no comment-id and comment-body")
    for row in rows:
        text = row[head.index("comment-body")]  # a stranger's: shown at terminals, on one line
        yield row[head.index("comment-id")], "".join(c if c.isprintable() else " " for c in text)


def _write(path: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    files.replace(path, text.getvalue())
