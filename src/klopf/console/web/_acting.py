"""Acting with a key: nothing is signed but what was shown, once, and only for whoever has the link of this start."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from klopf import ledger, network
from klopf.console.cli.access import klp
from klopf.console.web._call import Call, told
from klopf.console.web._drafting import drafted, reading
from klopf.console.web._source import Source
from klopf.console.web._text import clean
from klopf.console.web.acts import ACTS, Act, Given
from klopf.errors import ExtensionError, KlopfError, LedgerError
from klopf.extensions import guarded, said

__all__ = ["Desk"]

PREVIEWS, SECONDS = 32, 300.0
"""That are remembered at once, and for how long each can be confirmed."""


@contextlib.contextmanager
def _of(name: str) -> Iterator[None]:
    """The border of an act: what it raises on purpose is told as it is, and what is a fault of its as one."""
    try:
        yield
    except (KlopfError, OSError):
        raise
    except Exception as error:
        raise ExtensionError(f"the act {name!r} of {ACTS.origin(name)} failed: {said(error)}") from error


@dataclass(frozen=True)
class _Shown:
    """What was shown of a transaction that can be confirmed."""

    act: str
    given: Mapping[str, str]
    call: Call
    gas: int
    fee: int
    """The most for a unit of gas, in wei; 0 where it is free."""
    digest: str
    more: bool
    """Whether another transaction follows it."""
    until: float


class Desk:
    """Acts of one key on one network. From one thread at a time."""

    def __init__(self, source: Source, key: ledger.Key, receipts: Path | None = None) -> None:
        self.source, self._key, self._receipts = source, key, receipts
        self.secret = secrets.token_urlsafe(24)
        """What the link of this start has, behind its ``#``: browsers send it to nobody, unlike a cookie."""
        self._shown: dict[str, _Shown] = {}

    @property
    def address(self) -> str:
        """Of the key."""
        return self._key.address

    def knows(self, secret: str) -> bool:
        """Whether somebody has this start's link."""
        return hmac.compare_digest(secret.encode(), self.secret.encode())

    def offered(self) -> list[dict[str, Any]]:
        """The acts that this network has, with the fields of each."""
        found = []
        for name in ACTS:
            with contextlib.suppress(LedgerError, ExtensionError):  # of a package that is broken: the others are there
                act = self._act(name)
                with guarded(f"the act {name!r} of {ACTS.origin(name)} failed"):
                    fields = [
                        {"name": f.name, "title": f.title, "kind": f.kind, "optional": f.optional} for f in act.fields
                    ]
                    found.append({"name": name, "title": act.title, "lead": act.lead, "fields": fields})
        return found

    def preview(self, name: str, filled: object) -> dict[str, Any]:
        """What would be signed, and what it would cost; nothing is signed. ``token`` and ``digest`` confirm it.

        Raises:
            KlopfError: it cannot be done, and why.
        """
        with self._opened() as book:
            act, texts = self._asked(name, filled)
            given = self._read(act, texts)
            call = self._draft(book, name, act, given)
            words = told(call, book, self._named)
            gas, price, fee = self._cost(book, call)
            more = act.last not in ("", words["function"])
            with _of(name):
                about = clean([str(line) for line in act.about(reading(book, self._key), given)])
            said = {
                "act": name, "title": act.title, "about": about, "from": self.address,
                "chain": book.deployment.chain_id, **words, "data": "0x" + call.data.hex(), "value": klp(call.value),
                "gas": gas, "cost": klp(gas * price), "most": klp(_most(gas) * fee), "more": more,
            }  # fmt: skip
        now = time.monotonic()
        self._shown = {token: one for token, one in self._shown.items() if one.until > now}
        while len(self._shown) >= PREVIEWS:
            del self._shown[next(iter(self._shown))]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        token = secrets.token_urlsafe(24)
        self._shown[token] = _Shown(name, texts, call, gas, fee, digest, more, now + SECONDS)
        return {**said, "token": token, "digest": digest}

    def confirm(self, token: object, digest: object) -> dict[str, Any]:
        """Sign and send what was shown under ``token``, which is worth nothing from then on.

        Raises:
            KlopfError: it was confirmed before, or is too old, or would be another transaction or a dearer one now, or
                the ledger refuses it.
        """
        shown = self._shown.pop(token, None) if isinstance(token, str) else None
        if shown is None or shown.until < time.monotonic():
            raise LedgerError("this was confirmed before, or too long ago: look at it again")
        if not isinstance(digest, str) or not hmac.compare_digest(digest.encode(), shown.digest.encode()):
            raise LedgerError("this is not what was shown: look at it again")
        with self._opened() as book:
            if shown.fee:
                book.rpc.dearest = shown.fee  # whatever the node asks by then, no more than what was shown is signed
            act = self._act(shown.act)()
            if self._draft(book, shown.act, act, self._read(act, shown.given)) != shown.call:
                raise LedgerError("it would be another transaction now: look at it again")
            gas, _, fee = self._cost(book, shown.call)
            if gas * 6 // 5 + 50_000 > _most(shown.gas) or fee > shown.fee:
                raise LedgerError("it would cost more now than was shown: look at it again")
            sent = book.send(shown.call.to, shown.call.data, shown.call.value)
        return {"transaction": sent.hash, "block": sent.block, "gas": sent.gas, "more": shown.more}

    def _opened(self) -> ledger.Ledger:
        return ledger.connect(self.source.where, self._key, self.source.deployment)

    def _named(self, id: int) -> str:
        return str(clean(self.source.names.get(id) or f"#{id}"))

    def _asked(self, name: str, filled: object) -> tuple[Act, dict[str, str]]:
        kind = self._act(name)
        known = {field.name for field in kind.fields}
        if not isinstance(filled, dict) or not set(filled) <= known:
            raise LedgerError(f"{kind.title} takes {', '.join(sorted(known))}, and nothing else")
        return kind(), dict(filled)

    def _act(self, name: str) -> type[Act]:
        """LedgerError where there is none of that name, or this network has nothing for it."""
        kind: type[Act] | None = ACTS.load(name) if name in ACTS else None
        with _of(name):
            if kind is None or kind.needs not in self.source.deployment.addresses:
                raise LedgerError("there is nothing of that name to do here")
        return kind

    def _read(self, act: Act, texts: Mapping[str, str]) -> Given:
        return Given({field.name: field.read(texts.get(field.name, "")) for field in act.fields}, self._of_listener)

    def _draft(self, book: ledger.Ledger, name: str, act: Act, given: Given) -> Call:
        """The first transaction that the library's call would send."""
        with _of(name):
            call = drafted(act, book, self._key, given)
        if call is None:
            raise LedgerError("there is nothing to do: it is so already")
        return call

    def _cost(self, book: ledger.Ledger, call: Call) -> tuple[int, int, int]:
        """How much gas it would use, and what a unit costs now and at most, in wei. Reverted where it is refused."""
        message = {"from": self.address, "to": call.to, "data": "0x" + call.data.hex()}
        if call.value:
            message["value"] = hex(call.value)
        fee, _ = book.rpc.price_for(self.address)
        return book.rpc.gas_of(message), book.rpc.gas_price() if fee else 0, fee

    def _of_listener(self, epoch: int, listener: int) -> list[ledger.SignedReceipt]:
        """The receipts of an epoch that a listener keeps in the run's folder, or in what ``--receipts`` names."""
        files: list[Path] = []
        if self._receipts is not None:
            files = sorted(self._receipts.glob("*.jsonl")) if self._receipts.is_dir() else [self._receipts]
        elif self.source.folder is not None:
            members = network.read_run(self.source.folder).members
            folders = [self.source.folder / m.folder for m in members if m.id == listener]
            files = [folder / "receipts" / f"{epoch}.jsonl" for folder in folders]
        found: list[ledger.SignedReceipt] = []
        for file in files:
            if file.exists():
                found += ledger.load_receipts(file)
        return [one for one in found if (one.receipt.epoch, one.receipt.listener) == (epoch, listener)]


def _most(gas: int) -> int:
    """Units of gas that are signed at most, where the node said ``gas``."""
    return gas * 3 // 2 + 50_000
