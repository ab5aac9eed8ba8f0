"""Neurons of a pipeline on machines that do not trust each other: named by the ledger's registry, asked over the wire.

Who serves one registers it with its endpoint and certificate; who asks is registered too. Each question and each answer
is signed, and what is answered is judged like any other neuron's: who is not there, or says nonsense, is not heard.
What an epoch earned is paid by vouchers (``_wages``).
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from klopf import ledger, wire
from klopf.dao._wages import Purse, Till
from klopf.dao.pipeline import Neuron
from klopf.errors import BadCertificate, DaoError, LedgerError
from klopf.ledger.core.registry import Gone, KeyRotated, Moved, Registered

__all__ = ["Line", "serve"]

_SECONDS = 10.0
"""For an answer."""
_SILENT = 30.0
"""Seconds for which nobody is asked again who did not answer: there are hundreds of questions in an epoch."""
_NEWS = 1.0
"""Seconds between looks at who is registered."""
_REDEEM = 60.0
"""Seconds between looks at what is due, and what could not be taken when it was looked at is taken at the end."""
_METHOD, _PAID = "say", "paid"
T = TypeVar("T")


async def serve(
    book: ledger.Ledger, neuron: Neuron, home: Path, *, host: str = "127.0.0.1", port: int = 0,
    only: frozenset[int] = frozenset(), ahead: int = 0, told: Callable[[int, str], None] = lambda id, endpoint: None,
) -> None:  # fmt: skip
    """Answer for ``neuron`` until cancelled, under the key that ``book`` signs with; registered first, or moved.

    ``home``: where its certificate and its vouchers are kept. ``only``: whose questions are answered; everybody's who
    is registered if empty. ``ahead``: what an asker must have reserved for it, beyond what it was promised, in the
    token's smallest unit. ``told`` is given its number in the registry and its endpoint.

    Raises:
        DaoError: the key is somebody's who is no neuron.
        WireError: the port is taken.
    """
    roll, certificate = _Roll(book), _certificate(home, neuron.name, host)
    axon = wire.Axon(certificate, book.me, network=_network(book), directory=roll.members, host=host, port=port)
    till: Till | None = None

    @axon.handle(_METHOD)
    async def say(request: wire.Request) -> wire.Answer:
        if only and (request.peer is None or request.peer.id not in only):
            raise wire.Decline("it answers others")
        if till is not None and not till.secured(request.peer.id):
            raise wire.Decline(f"reserve {ahead / ledger.KLP:g} KLP for it first")
        inputs = request.tensors.get("inputs")
        if inputs is None or inputs.ndim != 2 or inputs.shape[1] != neuron.takes:
            raise wire.Decline(f"it takes inputs (n, {neuron.takes})")
        said = await asyncio.to_thread(neuron.answer, np.asarray(inputs, np.float32))
        return wire.Answer({"outputs": np.asarray(said, np.float32)})

    @axon.handle(_PAID)
    async def paid(request: wire.Request) -> wire.Answer:
        try:
            return wire.Answer(
                payload=str(till.keep(request.peer.id, request.peer.key, request.payload) if till else 0)
            )
        except DaoError as error:
            raise wire.Decline(str(error)) from None

    async with axon:
        id = _registered(book, ledger.Role.NEURON, certificate, axon.endpoint, neuron.name)
        till = Till(book, id, home, ahead)
        told(id, axon.endpoint)
        redeemed = time.monotonic()
        try:
            while True:
                await asyncio.sleep(_NEWS)
                with contextlib.suppress(LedgerError):  # the chain is away for a moment: those known are answered
                    roll.look()
                    if time.monotonic() > redeemed + _REDEEM:
                        redeemed = time.monotonic()
                        till.redeem()
        finally:
            till.redeem()


class Line:
    """What a pipeline asks its neurons through, under the key that ``book`` signs with. Use it in ``with``."""

    def __init__(self, book: ledger.Ledger, home: Path) -> None:
        """``home``: where the asker's certificate is kept; it is registered as a requester first."""
        certificate = _certificate(home, "pipeline")
        id = _registered(book, ledger.Role.REQUESTER, certificate, "", "pipeline")
        time.sleep(2 * _NEWS)  # until those who serve know who asks
        self._roll, self._purse = _Roll(book), Purse(book, id, home)
        self._silent: dict[int, float] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pipeline's line", daemon=True)
        self._thread.start()
        self._dendrite = self._do(_dendrite(certificate, book.me, _network(book), self._roll.members))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._do(self._dendrite.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def neuron(self, name: str, id: int, takes: int, gives: int) -> Neuron:
        """The neuron that is registered as ``id``, to stand in a pipeline as ``name``."""
        return Neuron(name, takes, gives, lambda inputs: self._ask(id, inputs))

    def news(self) -> None:
        """Look who is registered now: who moved is asked where it is, who was silent is asked again."""
        self._roll.look()
        self._silent.clear()

    def reserve(self, ids: Mapping[str, int], ahead: int) -> None:
        """Reserve ``ahead`` for each neuron, beyond what it was promised: some answer nobody else.

        Raises:
            LedgerError: there are too few tokens.
        """
        self._purse.reserve(dict.fromkeys(ids.values(), ahead))

    def pay(self, ids: Mapping[str, int], pay: Mapping[str, float], amount: int) -> dict[str, int]:
        """Pay an epoch's ``amount``, in the token's smallest unit, to those who earned it: what each got.

        ``ids``: each neuron's number in the registry; who has none is not paid. Rounded down: the rest stays. Who does
        not answer has its voucher with the next one: that says all it is owed.

        Raises:
            LedgerError: there are too few tokens.
        """
        due = {name: int(amount * pay[name]) for name in ids if pay.get(name, 0.0) > 0}
        due = {name: one for name, one in due.items() if one > 0}
        if due:
            signed = self._purse.promise({ids[name]: one for name, one in due.items()})
            self._do(self._hand_over(signed))
        return due

    async def _hand_over(self, signed: Mapping[int, dict[str, Any]]) -> None:
        asked = (self._dendrite.ask(k, _PAID, payload=one, timeout=_SECONDS) for k, one in signed.items())
        await asyncio.gather(*asked, return_exceptions=True)

    def _ask(self, id: int, inputs: NDArray[Any]) -> NDArray[Any]:
        if time.monotonic() < self._silent.get(id, 0.0):
            raise DaoError(f"{id} did not answer lately")
        try:
            said = self._do(self._dendrite.ask(id, _METHOD, {"inputs": inputs}, timeout=_SECONDS))
        except Exception:
            self._silent[id] = time.monotonic() + _SILENT
            raise
        return np.asarray(said.tensors["outputs"])

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()


class _Roll:
    """Who is registered, read again only where somebody came, moved or went: all of them are much to read."""

    def __init__(self, book: ledger.Ledger) -> None:
        self._book, self._until = book, book.rpc.height()
        self.members = wire.Members(_peers(book))

    def look(self) -> None:
        height = self._book.rpc.height()
        if height > self._until:
            news = ledger.history(self._book, self._until + 1, height)
            if any(isinstance(one, Registered | Moved | KeyRotated | Gone) for one in news):
                self.members.set(_peers(self._book))
            self._until = height


async def _dendrite(*given: Any) -> wire.Dendrite:
    return wire.Dendrite(*given)


def _network(book: ledger.Ledger) -> bytes:
    return wire.network_id(book.domain.chain_id, book.domain.contract)


def _peers(book: ledger.Ledger) -> list[wire.Peer]:
    return [wire.Peer(p.id, p.key, p.endpoint, p.fingerprint, p.certificate) for p in book.registry.all()]


def _certificate(home: Path, name: str, *hosts: str) -> wire.Certificate:
    if not (home / wire.Certificate.CERTIFICATE_FILE).exists():
        wire.Certificate.new(name[:64], *hosts).save(home)
    try:
        return wire.Certificate.load(home)
    except BadCertificate as error:
        raise DaoError(str(error)) from None


def _registered(book: ledger.Ledger, role: ledger.Role, made: wire.Certificate, endpoint: str, model: str) -> int:
    """Its number under this key, once the registry has this endpoint and this certificate."""
    known = next((p for p in book.registry.all() if p.key == book.me.address), None)
    if known is None:
        return book.registry.register(role, endpoint=endpoint, model=model, certificate=made.der)
    if known.role is not role:
        raise DaoError(
            f"{book.me.address} is registered as {known.role.name.lower()}, not {role.name.lower()}: use another key"
        )
    if known.endpoint != endpoint or known.fingerprint != made.fingerprint:
        book.registry.move(known.id, endpoint, made.der)
    return known.id
