"""A model that is published, and what differs where somebody makes it again and gets another.

A commitment is one hash of all that the model says, of its members' names and of its statements' names and texts: two
are the same or not. So that what was altered can be named, a published model says beside it a hash of each statement's
text, of the votes on each statement, and of each member's votes and weight: an altered vote is where the statement and
the member cross whose hashes are others. Whoever knows a conversation's names can guess votes until a hash fits:
publish models of votes that may be seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from klopf.dao._opinions import Opinions
from klopf.dao._votes import Votes
from klopf.errors import DaoError

__all__ = ["Published"]

_FEW = 5
"""Names in a line; how many more there are is said."""


@dataclass(frozen=True)
class Published:
    """What is published of a model: hashes, of 64 hexadecimal digits each."""

    commitment: str
    """Of the model, as ``Opinions.commitment`` has it."""
    statements: dict[str, tuple[str, str]]
    """Of each statement's text, and of the votes on it."""
    members: dict[str, tuple[str, float]]
    """Of each member's votes, and its weight."""
    dimensions: int = 3

    @classmethod
    def of(cls, opinions: Opinions) -> Self:
        """A model that was fitted to its votes, none told since."""
        votes, weights = opinions.votes, opinions.weights
        texts = votes.texts or ("",) * len(votes.statements)
        on = _hashes(votes.statements, votes.what, votes.members, votes.who, votes.said)
        by = _hashes(votes.members, votes.who, votes.statements, votes.what, votes.said)
        return cls(
            opinions.commitment(),
            {name: (_hash(text), on[name]) for name, text in zip(votes.statements, texts, strict=True)},
            {name: (by[name], float(weight)) for name, weight in zip(votes.members, weights, strict=True)},
            opinions.members.shape[1] - 1,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "commitment": self.commitment, "dimensions": self.dimensions,
            "statements": {name: list(one) for name, one in self.statements.items()},
            "members": {name: list(one) for name, one in self.members.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, record: Any) -> Self:
        """Back from :meth:`to_json`.

        Raises:
            DaoError: it is no such record.
        """
        try:
            statements = {str(name): (str(text), str(votes)) for name, (text, votes) in record["statements"].items()}
            members = {str(name): (str(votes), float(weight)) for name, (votes, weight) in record["members"].items()}
            made = cls(str(record["commitment"]), statements, members, int(record["dimensions"]))
            if made.to_json() != record or not 0 <= made.dimensions <= 8:
                raise ValueError("not as it was written")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DaoError(
                f"this is no published model ({str(error)[:80]}); `klopf dao model --publish` writes one"
            ) from None
        return made

    def recompute(self, votes: Votes, weights: NDArray[np.float64] | None = None) -> list[str]:
        """What differs from the model of ``votes``, a line each; nothing where it is the same.

        Raises:
            DaoError: a model cannot be made of them.
        """
        found = Published.of(Opinions.fit(votes, self.dimensions, weights=weights))
        if found == self:
            return []
        lines, on, by = [], [], []
        for kind, before, now in (
            ("statement", self.statements, found.statements), ("member", self.members, found.members)
        ):  # fmt: skip
            lines += [f"{kind} {name!r} is not in these votes" for name in before if name not in now]
            lines += [
                f"{kind} {name!r} was not there when the model was published" for name in now if name not in before
            ]
        for name, (text, said) in found.statements.items():
            before_text, before_said = self.statements.get(name, (text, said))
            if text != before_text:
                lines.append(
                    f"statement {name!r} is not what it said when the model was published: its text was altered"
                )
            if said != before_said:
                on.append(name)
        for name, (said, weight) in found.members.items():
            before_said, before_weight = self.members.get(name, (said, weight))
            if weight != before_weight:
                lines.append(f"the voice of {name!r} weighs {weight:g}, not {before_weight:g}")
            if said != before_said:
                by.append(name)
        if on or by:
            who, what = _some(by) or "who is no longer there, or new", _some(on) or "what is no longer there, or new"
            lines.append(f"votes were altered: of {who}, on {what}")
        if not lines and list(found.statements) == list(self.statements) and list(found.members) == list(self.members):
            lines.append(f"the votes are the same and make {found.commitment}: the model or its file was altered")
        return lines or ["members or statements stand in another order than when the model was published"]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _FEW:,} more" if len(names) > _FEW else ""
    return ", ".join(repr(one) for one in names[:_FEW]) + more


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _hashes(
    rows: tuple[str, ...], row: NDArray[np.int64], others: tuple[str, ...], other: NDArray[np.int64],
    said: NDArray[np.int8],
) -> dict[str, str]:  # fmt: skip
    """Of each row's votes, by the names of the others in their order."""
    order = np.argsort(row, kind="stable")
    first = np.searchsorted(row[order], np.arange(len(rows) + 1))
    found = {}
    for i, name in enumerate(rows):
        at = order[first[i] : first[i + 1]]
        pairs: Iterable[tuple[str, int]] = zip((others[j] for j in other[at].tolist()), said[at].tolist(), strict=True)
        found[name] = _hash(json.dumps(sorted(pairs)))
    return found
