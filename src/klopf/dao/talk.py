"""A conversation that its members sign: statements and votes in an append-only file, under one root.

Each line is signed by who says it and stands for itself, so copies of a conversation are merged by putting their lines
together, and whoever has the lines has the same votes, the same model and the same root. A member's later vote on a
statement has a higher number and replaces the earlier one. The root is of a Merkle tree over all lines in the order of
their hashes; put on a ledger (in a proposal, as ``klopf dao draft`` writes one) it says what had been said by then.
Needs ``pip install "klopf[network]"``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from klopf import files
from klopf.dao._votes import Votes
from klopf.errors import DaoError, LedgerError
from klopf.extras import require

require("network", "conversations that members sign")

from eth_hash.auto import keccak

from klopf.ledger import keys, merkle, path_to_root, root_from

__all__ = ["Line", "Talk"]

_LETTERS, _LINES = 300, 2_000_000
"""Of a statement or title; of a conversation."""
_NAME, _SAID = "talk.json", "said.jsonl"
_FIELDS = {"statement": {"by", "text"}, "vote": {"by", "statement", "said", "number"}}


@dataclass(frozen=True)
class Line:
    """A statement, or a vote on one."""

    kind: str
    by: str
    """Address of who said it."""
    text: str = ""
    statement: str = ""
    """A vote's: the name of the statement."""
    said: int = 0
    """A vote's: 1 agrees, -1 disagrees, 0 passes."""
    number: int = 0
    """A vote's: from 1; the highest of a member on a statement counts."""
    signature: str = field(default="", compare=False)

    def plain(self) -> dict[str, Any]:
        """What is signed."""
        return {"kind": self.kind} | {name: getattr(self, name) for name in sorted(_FIELDS[self.kind])}

    def digest(self, talk: bytes) -> bytes:
        """32 bytes that are signed, of this conversation and no other."""
        return bytes(keccak(b"klopf talk 1" + talk + json.dumps(self.plain(), sort_keys=True).encode()))


class Talk:
    """A conversation in a folder."""

    def __init__(self, folder: Path, title: str, id: bytes) -> None:
        self.folder, self.title, self.id = folder, title, id
        self._lines: dict[bytes, Line] = {}

    @classmethod
    def create(cls, folder: str | Path, title: str) -> Self:
        """A new one, in a folder that is not there yet.

        Raises:
            DaoError: there is something, or the title is none.
        """
        folder, id = Path(folder), secrets.token_bytes(32)
        _fits(title, "title")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise DaoError(f"{folder} is there already: choose another folder") from None
        files.create(folder / _NAME, json.dumps({"format": 1, "title": title, "id": id.hex()}))
        return cls(folder, title, id)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """One that is there, each of its lines checked.

        Raises:
            DaoError: there is none, or a line is not what its signer said; the message names the line.
        """
        folder = Path(folder)
        try:
            said = json.loads((folder / _NAME).read_text())
            title, id = said["title"], bytes.fromhex(said["id"])
            if said["format"] != 1 or len(id) != 32 or not isinstance(title, str):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DaoError(f"{folder} is no conversation; `klopf dao start` makes one") from error
        talk = cls(folder, title, id)
        for number, line in enumerate(_read(folder / _SAID), 1):
            talk._take(line, f"{folder / _SAID}, line {number}")
        return talk

    def ask(self, key: keys.Key, text: str) -> str:
        """Put a statement; returns its name.

        Raises:
            DaoError: it is empty, too long, has signs that cannot be shown, or somebody said the same.
        """
        _fits(text, "statement")
        if text in self.statements().values():
            raise DaoError("this is said already: vote on it instead")
        return self._name(self._say(key, Line("statement", key.address, text=text)))

    def vote(self, key: keys.Key, statement: str, said: int) -> None:
        """Agree (1), disagree (-1) or pass (0); a later vote replaces an earlier one.

        Raises:
            DaoError: there is no such statement or vote.
        """
        if statement not in self.statements():
            raise DaoError(f"no statement is called {statement!r}")
        last = max((one.number for one in self._of(key.address, statement)), default=0)
        self._say(key, Line("vote", key.address, statement=statement, said=said, number=last + 1))

    def merge(self, other: Talk) -> int:
        """Take over the lines of another copy; returns how many were new.

        Raises:
            DaoError: it is of another conversation.
        """
        if other.id != self.id:
            raise DaoError("this is a copy of another conversation: their votes are not mixed")
        new = [(digest, line) for digest, line in other._lines.items() if digest not in self._lines]
        for digest, line in new:
            self._keep(digest, line)
        return len(new)

    def statements(self) -> dict[str, str]:
        """Name and text of each, in the order of names."""
        named = ((self._name(digest), one.text) for digest, one in self._lines.items() if one.kind == "statement")
        return dict(sorted(named))

    def votes(self, members: Collection[str] | None = None) -> Votes:
        """What counts: the latest vote of each member on each statement (of two with one number, that of the greater
        hash), in the order of names. ``members``: addresses of those who count; all unless given."""
        latest: dict[tuple[str, str], tuple[int, bytes, int]] = {}
        for digest, one in self._lines.items():
            if one.kind == "vote" and (members is None or one.by in members):
                before = latest.get((one.by, one.statement), (0, b"", 0))
                latest[one.by, one.statement] = max(before, (one.number, digest, one.said))
        statements = self.statements()
        said = [(by, name, vote) for (by, name), (_, _, vote) in latest.items() if name in statements]
        voted = sorted({by for by, _, _ in said})
        return Votes.of(said, members=voted, statements=list(statements), texts=list(statements.values()))

    def root(self) -> str:
        """Of all lines, 64 hexadecimal digits; of none, zeros."""
        leaves = self._leaves()
        return merkle(leaves)[-1][0].hex() if leaves else "0" * 64

    def proof(self, line: Line) -> tuple[str, ...]:
        """What shows that a line is under the root, see :meth:`under`."""
        leaves, leaf = self._leaves(), bytes(keccak(line.digest(self.id)))
        if leaf not in leaves:
            raise DaoError("this was not said here")
        return tuple(node.hex() for node in path_to_root(merkle(leaves), leaf))

    def under(self, line: Line, proof: Iterable[str], root: str) -> bool:
        """Whether a line is one of those under ``root``."""
        leaf = bytes(keccak(line.digest(self.id)))
        return root_from(leaf, [bytes.fromhex(one) for one in proof]).hex() == root

    def lines(self) -> Iterator[Line]:
        """All that was said, in no order that matters."""
        yield from self._lines.values()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _of(self, by: str, statement: str) -> list[Line]:
        return [one for one in self._lines.values() if (one.kind, one.by, one.statement) == ("vote", by, statement)]

    def _leaves(self) -> list[bytes]:
        return [bytes(keccak(digest)) for digest in self._lines]

    def _name(self, digest: bytes) -> str:
        return digest.hex()[:32]

    def _say(self, key: keys.Key, line: Line) -> bytes:
        digest = line.digest(self.id)
        signed = Line(**{**line.__dict__, "signature": key.sign(digest).hex()})
        self._check(signed, "this")
        self._keep(digest, signed)
        return digest

    def _keep(self, digest: bytes, line: Line) -> None:
        files.append_line(self.folder / _SAID, json.dumps(line.plain() | {"signature": line.signature}))
        self._lines[digest] = line

    def _take(self, said: Mapping[str, Any], where: str) -> None:
        fields = _FIELDS.get(str(said.get("kind")))
        if fields is None or set(said) != fields | {"kind", "signature"}:
            raise DaoError(f"{where} is neither a statement nor a vote: take the line out")
        line = Line(**said)
        self._check(line, where)
        if len(self._lines) >= _LINES:
            raise DaoError(f"{where}: a conversation has at most {_LINES:,} lines")
        self._lines[line.digest(self.id)] = line

    def _check(self, line: Line, where: str) -> None:
        texts = (line.kind, line.by, line.text, line.statement, line.signature)
        if not all(isinstance(one, str) for one in texts) or not all(type(n) is int for n in (line.said, line.number)):
            raise DaoError(f"{where} has a value of the wrong kind: take the line out")
        if line.kind == "statement":
            _fits(line.text, f"{where}: a statement")
        elif line.said not in (-1, 0, 1) or not 1 <= line.number < 2**53:
            raise DaoError(f"{where}: {line.said} is no vote; 1 agrees, -1 disagrees, 0 passes")
        try:
            signer = keys.recover(line.digest(self.id), bytes.fromhex(line.signature))
        except (LedgerError, ValueError):
            signer = None
        if signer != line.by:
            raise DaoError(f"{where} is not what {line.by[:42]} signed: it was altered or made up; take the line out")


def _fits(text: str, what: str) -> None:
    if not (isinstance(text, str) and text.strip() and len(text) <= _LETTERS and text.isprintable()):
        raise DaoError(f"{what} has 1 to {_LETTERS} letters that can be shown, on one line")


def _read(path: Path) -> list[dict[str, Any]]:
    damaged: list[str] = []
    try:
        found = files.json_lines(path, damaged.append)
    except OSError as error:
        raise DaoError(f"{path} cannot be read: {error}") from error
    if damaged:
        raise DaoError(damaged[0].replace(" and passed over", ": take the line out, or copy the file again"))
    return found
