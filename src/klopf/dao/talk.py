"""A conversation that its members sign: statements and votes in an append-only file, under one root.

Each line is signed by who says it and stands for itself, so copies of a conversation are merged by putting their lines
together, and whoever has the lines has the same votes, the same model and the same root. A member's later vote on a
statement has a higher number and replaces the earlier one. The root is of a Merkle tree over all lines in the order of
their hashes; put on a ledger (in a proposal, as ``klopf dao draft`` writes one) it says what had been said by then.
In a secret conversation votes are sealed until its founder closes it, and count once they are opened (``_seals``).
Needs ``pip install "klopf[network]"``.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from klopf import files
from klopf.dao._seals import Seals, salt_of, seal_of
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
_FIELDS = {
    "statement": {"by", "text"},
    "vote": {"by", "statement", "said", "number"},
    "forecast": {"by", "statement", "percent", "number"},
    "sealed": {"by", "statement", "seal", "number"},
    "opened": {"by", "statement", "said", "number", "salt"},
    "closed": {"by", "seals"},
}
_SEALS = 100_000
"""Of a secret conversation."""
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Line:
    """A statement, or a vote on one; or, where votes are secret, a seal, what it hid, or which seals count."""

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
    percent: int = 0
    """Of a forecast: which share of votes would be for it."""
    seal: str = ""
    """Of a sealed vote."""
    salt: str = ""
    """Of an opened vote."""
    seals: str = ""
    """Of the closing: the seals that count, with a space between them."""
    signature: str = field(default="", compare=False)

    def plain(self) -> dict[str, Any]:
        """What is signed."""
        return {"kind": self.kind} | {name: getattr(self, name) for name in sorted(_FIELDS[self.kind])}

    def digest(self, talk: bytes) -> bytes:
        """32 bytes that are signed, of this conversation and no other."""
        return bytes(keccak(b"klopf talk 1" + talk + json.dumps(self.plain(), sort_keys=True).encode()))


class Talk:
    """A conversation in a folder."""

    def __init__(self, folder: Path, title: str, id: bytes, founder: str = "") -> None:
        self.folder, self.title, self.id = folder, title, id
        self.founder = founder
        """Of a secret one: who closes it."""
        self._lines: dict[bytes, Line] = {}

    @classmethod
    def create(cls, folder: str | Path, title: str, founder: str = "") -> Self:
        """A new one, in a folder that is not there yet; a secret one, which ``founder`` (an address) closes.

        Raises:
            DaoError: there is something, or the title is none.
        """
        folder, nonce = Path(folder), secrets.token_bytes(32)
        _fits(title, "title")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise DaoError(f"{folder} is there already: choose another folder") from None
        secret = {"founder": founder} if founder else {}
        files.create(folder / _NAME, json.dumps({"format": 1, "title": title, "id": nonce.hex(), **secret}))
        return cls(folder, title, _id(nonce, founder), founder)

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """One that is there, each of its lines checked.

        Raises:
            DaoError: there is none, or a line is not what its signer said; the message names the line.
        """
        folder = Path(folder)
        try:
            said = json.loads((folder / _NAME).read_text())
            title, nonce, founder = said["title"], bytes.fromhex(said["id"]), said.get("founder", "")
            if said["format"] != 1 or len(nonce) != 32 or not isinstance(title, str) or not isinstance(founder, str):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DaoError(f"{folder} is no conversation; `klopf dao start` makes one") from error
        talk = cls(folder, title, _id(nonce, founder), founder)
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
        """Agree (1), disagree (-1) or pass (0); a later vote replaces an earlier one. In a secret conversation it is
        sealed.

        Raises:
            DaoError: there is no such statement or vote, or a secret conversation is closed.
        """
        if statement not in self.statements():
            raise DaoError(f"no statement is called {statement!r}")
        if self.founder:
            self._seal(key, statement, said)
            return
        last = max((one.number for one in self._of(key.address, statement)), default=0)
        self._say(key, Line("vote", key.address, statement=statement, said=said, number=last + 1))

    def foretell(self, key: keys.Key, statement: str, percent: int) -> None:
        """Say which share of the votes a proposal made of a statement would get, 1 to 99 %.

        Raises:
            DaoError: there is no such statement, or that is no share.
        """
        if statement not in self.statements():
            raise DaoError(f"no statement is called {statement!r}")
        mine = (one.number for one in self._lines.values() if (one.kind, one.by) == ("forecast", key.address))
        self._say(
            key, Line("forecast", key.address, statement=statement, percent=percent, number=max(mine, default=0) + 1)
        )

    def foretold(self, statement: str) -> dict[str, list[int]]:
        """All that members have forecast of a statement, in parts of a thousand, the latest last."""
        said = [one for one in self._lines.values() if (one.kind, one.statement) == ("forecast", statement)]
        found: dict[str, list[int]] = {}
        for one in sorted(said, key=lambda one: (one.by, one.number, one.percent)):
            found.setdefault(one.by, []).append(10 * one.percent)
        return found

    def close(self, key: keys.Key) -> int:
        """As the founder of a secret conversation, say which seals count: those that are here. Returns how many.

        Raises:
            DaoError: it is not secret, somebody else founded it, or it is closed.
        """
        if not self.founder:
            raise DaoError("nothing is sealed here: this conversation's votes are open")
        if key.address != self.founder:
            raise DaoError(f"only its founder {self.founder} can close it")
        if self.seals().closed is not None:
            raise DaoError("it is closed already")
        found = sorted({one.seal for one in self._lines.values() if one.kind == "sealed"})
        self._say(key, Line("closed", key.address, seals=" ".join(found)))
        return len(found)

    def open_votes(self, key: keys.Key) -> int:
        """Open what one has sealed, after the closing; returns how many votes were opened now.

        Raises:
            DaoError: it is not closed, or a seal is none of this key's: somebody else's, copied.
        """
        seals = self.seals()
        if seals.closed is None:
            raise DaoError("it is not closed yet: what is opened now would be secret no longer")
        mine = [one for (by, _), one in seals.latest.items() if by == key.address]
        new = [one for one in mine if (one.by, one.statement) not in seals.opened]
        for one in new:
            salt = salt_of(key.sign, self.id, one.statement, one.number)
            hidden = (self.id, one.by, one.statement, one.number)
            said = next((vote for vote in (1, -1, 0) if seal_of(*hidden, vote, salt) == one.seal), None)
            if said is None:
                raise DaoError(
                    f"what {one.by} sealed on {one.statement} is not its own: it cannot be opened, nor counts"
                )
            self._say(key, Line("opened", one.by, statement=one.statement, said=said, number=one.number, salt=salt))
        return len(new)

    def seals(self) -> Seals:
        """What is sealed, opened and withheld in a secret conversation."""
        return Seals.of(self.id, self.founder, self._lines.values())

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
        if self.founder:
            opened = self.seals().opened.items()
            latest = {pair: (1, b"", said) for pair, said in opened if members is None or pair[0] in members}
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

    def _seal(self, key: keys.Key, statement: str, said: int) -> None:
        if said not in (-1, 0, 1):
            raise DaoError(f"{said} is no vote; 1 agrees, -1 disagrees, 0 passes")
        if self.seals().closed is not None:
            raise DaoError("it is closed: no further vote counts")
        mine = (one.number for one in self._lines.values() if (one.kind, one.by) == ("sealed", key.address))
        number = max(mine, default=0) + 1
        seal = seal_of(self.id, key.address, statement, number, said, salt_of(key.sign, self.id, statement, number))
        self._say(key, Line("sealed", key.address, statement=statement, seal=seal, number=number))

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
        if (said["kind"] == "vote") if self.founder else (said["kind"] in ("sealed", "opened", "closed")):
            votes = "secret" if self.founder else "open"
            raise DaoError(f"{where} is {said['kind']}, in a conversation of {votes} votes: take the line out")
        line = Line(**said)
        self._check(line, where)
        if len(self._lines) >= _LINES:
            raise DaoError(f"{where}: a conversation has at most {_LINES:,} lines")
        self._lines[line.digest(self.id)] = line

    def _check(self, line: Line, where: str) -> None:
        texts = (line.kind, line.by, line.text, line.statement, line.signature, line.seal, line.salt, line.seals)
        if not all(isinstance(one, str) for one in texts) or not all(
            type(n) is int for n in (line.said, line.number, line.percent)
        ):
            raise DaoError(f"{where} has a value of the wrong kind: take the line out")
        if line.kind == "statement":
            _fits(line.text, f"{where}: a statement")
        elif line.kind == "forecast":
            if not (1 <= line.percent <= 99 and 1 <= line.number < 2**53):
                raise DaoError(f"{where}: {line.percent} is no forecast; give 1 to 99 percent")
        elif line.kind == "closed":
            self._check_closing(line, where)
        elif line.kind != "vote" and not _HASH.fullmatch(line.seal or line.salt):
            raise DaoError(f"{where}: a seal and a salt have 64 hexadecimal digits; take the line out")
        elif line.said not in (-1, 0, 1) or not 1 <= line.number < 2**53:
            raise DaoError(f"{where}: {line.said} is no vote; 1 agrees, -1 disagrees, 0 passes")
        try:
            signer = keys.recover(line.digest(self.id), bytes.fromhex(line.signature))
        except (LedgerError, ValueError):
            signer = None
        if signer != line.by:
            raise DaoError(f"{where} is not what {line.by[:42]} signed: it was altered or made up; take the line out")

    def _check_closing(self, line: Line, where: str) -> None:
        if line.by != self.founder:
            raise DaoError(f"{where}: {line.by[:42]} closes what {self.founder} founded; take the line out")
        if len(line.seals) > 65 * _SEALS or not all(_HASH.fullmatch(one) for one in line.seals.split()):
            raise DaoError(f"{where}: a closing names at most {_SEALS:,} seals of 64 hexadecimal digits")


def _id(nonce: bytes, founder: str) -> bytes:
    """A conversation's: of a secret one it names the founder, so that nobody else can close a copy of it."""
    return bytes(keccak(b"klopf secret talk 1" + nonce + founder.encode())) if founder else nonce


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
