"""What every door asks: what stands behind it, what a question costs, and the answer to one that is paid for."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from klopf import extensions
from klopf.doors._sales import Payment, Sale, klp
from klopf.doors._till import Till
from klopf.errors import DoorsError, KlopfError, Unpaid
from klopf.network import Answering
from klopf.peers import Classes, Numbers

if TYPE_CHECKING:  # its package is of the extra `agents`
    from klopf.doors._x402 import Prices

__all__ = ["LARGEST", "MOST", "Desk", "Question", "plain"]

LARGEST = 1 << 20
"""Bytes of a request."""
MOST = 1000
"""Samples in a question."""
HANDS = 8
"""Questions at work at a time; most of the time they wait for the ledger."""
HERE = ("127.0.0.1", "localhost", "[::1]")
"""This machine, as a request's ``Host`` names it."""
FRESH, SOON = 10.0, 1.0
"""Seconds in which it is not looked again whether answers can be had, after they could and after they could not."""
QUEUE = 64
"""Paid questions that may wait; whoever comes then is asked to come again, unpaid."""


@dataclass(frozen=True)
class Question:
    """Samples that can be answered, and what that costs, in the token's smallest unit."""

    text: str
    """As JSON."""
    price: int
    digest: bytes
    """The same for the same samples, through whichever door they come."""


class Desk:
    """Behind all doors of one folder. ``price`` is for one sample."""

    def __init__(self, behind: Answering, till: Till, prices: Prices, price: int, url: str) -> None:
        self.behind, self.till, self.prices, self.price, self.url = behind, till, prices, price, url
        self.services: list[dict[str, Any]] = []
        """How its doors are called in the registration file."""
        self._hands = ThreadPoolExecutor(HANDS, "door")
        self._waiting = 0
        self.id = till.book.registry.id_of(till.address)  # once: who only looks here asks the ledger nothing
        """Of the participant who is paid; 0 for none."""
        self._looking = threading.Lock()
        self._trouble, self._looks_at = "", 0.0

    # ---- what is said to anybody

    @property
    def costs(self) -> str:
        """The price, as people say it."""
        return f"{klp(self.price)} a sample"

    @property
    def about(self) -> str:
        """One sentence: who answers what, for how much."""
        behind, task = self.behind, self.behind.task
        who = f"the {behind.kind}" + (f" {behind.name}" if behind.name != behind.kind else "")  # nobody named it
        if isinstance(task, Classes):
            named = ", ".join(task.names[:12]) + (", ..." if len(task.names) > 12 else "")
            says = f"which of {len(task.names)} classes a sample is ({named}) and how probable that is"
        else:
            says = f"{', '.join(task.names)} of a sample"
        return f"Klopf: {who} says {says}. {self.costs}, paid by x402 in KLP on {self.prices.network}."

    @property
    def sample_schema(self) -> dict[str, Any]:
        """JSON Schema of a question."""
        columns: dict[str, Any] = {}
        for feature in self.behind.schema.features:
            text = self.behind.task.kind == "text" or feature.kind != "number"
            kind = "string" if text else "number"
            columns[feature.name] = {"type": [kind, "null"] if feature.gaps else kind}
            if feature.unit:
                columns[feature.name]["description"] = f"in {feature.unit}"
        one = {"type": "object", "properties": columns, "required": list(columns)}
        samples = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST}
        return {"type": "object", "properties": {"samples": samples}, "required": ["samples"]}

    @property
    def card(self) -> dict[str, Any]:
        """What this is, for programs."""
        task = self.behind.task
        says: dict[str, Any] = {"kind": task.kind, "names": list(task.names)}
        if isinstance(task, Numbers):
            says["units"] = list(task.units)
        return {
            "name": self.behind.name, "kind": self.behind.kind, "about": self.about, "answers": says,
            "question": self.sample_schema, "price": str(self.price), "token": self.till.book.token.address,
            "pay_to": self.till.address, "network": self.prices.network, "directory": self.directory,
        }  # fmt: skip

    @property
    def hosts(self) -> tuple[str, ...]:
        """What may stand in a request's ``Host``: its own address, and this machine's names, each with any port."""
        return (urlsplit(self.url).netloc, *(f"{name}:*" for name in HERE))

    @property
    def registration(self) -> dict[str, Any]:
        """What ERC-8004 calls a registration file: where this agent is reached and, where the network shows its
        participants as agents, which of them it is."""
        id, shown = self.id, self.behind.deployment.addresses.get("AgentIdentity")
        whose = [{"agentId": id, "agentRegistry": f"{self.prices.network}:{shown}"}] if id and shown else []
        return {
            "type": "https://eips.ethereum.org/EIPS/eip-8004#registration-v1", "name": self.behind.name,
            "description": self.about, "image": "",
            "services": [*self.services, {"name": "web", "endpoint": self.url}],
            "x402Support": True, "active": True, "registrations": whose,
            "supportedTrust": ["reputation", "crypto-economic"],
        }  # fmt: skip

    @property
    def directory(self) -> str:
        """The network's address."""
        return self.behind.deployment.directory

    # ---- questions

    def question(self, said: Any) -> Question:
        """The question in what a stranger said: ``{"samples": [{column: value, ...}, ...]}``.

        Raises:
            KlopfError: it cannot be answered; nothing is taken then.
        """
        samples = said.get("samples") if isinstance(said, dict) else None
        if not isinstance(samples, list) or not all(isinstance(one, dict) for one in samples):
            raise DoorsError('a question is {"samples": [{column: value, ...}, ...]}: it takes ' + self.behind.takes)
        if not 1 <= len(samples) <= MOST:
            raise DoorsError(f"a question has from 1 to {MOST:,} samples, not {len(samples):,}: ask in portions")
        self.behind.questions(samples)
        kept = [{name: one[name] for name in self.behind.columns} for one in samples]
        same = json.dumps([[_number(cell) for cell in one.values()] for one in kept])
        return Question(json.dumps(kept), self.price * len(samples), hashlib.sha256(same.encode()).digest())

    def answer(self, asked: str) -> str:
        """What a till sells: from a question's text to the answers', as JSON."""
        try:
            said = json.dumps(self.behind.answer(self.behind.questions(json.loads(asked))))
        except Exception:
            self._looks_at = 0.0  # before the next one pays
            raise
        self._trouble, self._looks_at = "", time.monotonic() + FRESH
        return said

    def ready(self, wait: bool = True) -> None:
        """Find out whether answers can be had at all; with ``wait`` also where somebody else is finding out.

        What is found holds for a while, so that strangers who pay nothing cannot make anybody work.

        Raises:
            DoorsError: none can be had now.
        """
        if not self._looking.acquire(blocking=wait):
            return
        try:
            if time.monotonic() >= self._looks_at:
                try:
                    self.behind.check()
                    self._trouble, self._looks_at = "", time.monotonic() + FRESH
                except Exception as error:  # whatever a stranger's model raises
                    why = plain(error) if isinstance(error, KlopfError) else extensions.said(error)
                    self._trouble, self._looks_at = why, time.monotonic() + SOON
            if self._trouble:
                raise DoorsError(f"no answer can be had now ({self._trouble}); nothing was taken: come again later")
        finally:
            self._looking.release()

    async def offer(self, how: str) -> Unpaid:
        """What is said to a question that came without a payment: the price, and ``how`` to pay. DoorsError where no
        answer can be had."""
        await asyncio.to_thread(self.ready, False)
        return Unpaid(f"{self.costs}: {how}")

    async def sell(self, question: Question, payment: Payment) -> Sale:
        """The answered sale. Raises as :meth:`Till.sell`, and DoorsError where too many wait."""
        if self._waiting >= QUEUE:
            raise DoorsError("too many questions wait already; nothing was taken: come again in a second")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._hands, self.till.sell, payment, question.price, question.digest, question.text
            )  # fmt: skip
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Let what is at work come to its end."""
        self._hands.shutdown()


def _number(cell: Any) -> Any:
    """A number as every protocol writes it: for A2A all are of one kind."""
    return float(cell) if isinstance(cell, int) else cell


def plain(error: KlopfError) -> str:
    """An error's line, as a stranger is told it."""
    return " ".join(str(error).split())[:600]
