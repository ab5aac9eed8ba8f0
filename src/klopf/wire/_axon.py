"""The axon: a neuron's mouth. It answers registered participants, and nobody else."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import logging
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import grpc

from klopf.errors import BadCertificate, WireError
from klopf.wire import _certificate, _frame
from klopf.wire._bulk import beside, receive
from klopf.wire._certificate import Certificate
from klopf.wire._codes import LIMITS, Code, Decline, Refusal
from klopf.wire._directory import Directory, Peer, endpoint
from klopf.wire._fresh import Nonces
from klopf.wire._gate import Gate, Rates
from klopf.wire._keys import Signer, address_bytes, checksummed, recover
from klopf.wire._messages import Answer, Request
from klopf.wire._pb import wire_pb2 as pb
from klopf.wire._tensors import Body, check_specs, pack, unpack, unpack_payload

__all__ = ["SERVICE", "Axon", "Flow"]

SERVICE = "klopf.wire.v1.Wire"
FRAME_LIMIT = LIMITS.unary + LIMITS.head + 1024  # bytes of one gRPC message
PATIENCE = 10.0  # seconds to send anything at all
SLOWEST = 1 << 20  # bytes a second at which a streamed body must come, after that
log = logging.getLogger("klopf.wire")

Handler = Callable[[Request], Awaitable[Answer]]
HandlerT = TypeVar("HandlerT", bound=Handler)


@dataclass(frozen=True, slots=True)
class Flow:
    """How much an axon takes on.

    rate, burst: requests a second, and at once, from one certificate. width: handlers at work at a time.
    queue: requests waiting for one. share: of one sender, inside at a time. nonces: remembered for each sender.
    max_size: bytes of a request's or answer's body. held: bytes of bodies on their way in, and of large answers
    waiting to be collected. lifetime: seconds from issue to expiry. skew: seconds that clocks may
    differ: each may be 5 off.
    """

    rate: float = 500.0
    burst: float = 1000.0
    width: int = 16
    queue: int = 256
    share: int = 64
    nonces: int = 65_536
    max_size: int = 64 << 20
    held: int = 256 << 20
    lifetime: float = LIMITS.lifetime
    skew: float = 11.0


class _Sealed(NamedTuple):
    frame: bytes
    body: Body


_NOTHING = pack(None)


class Axon:
    """A server for one key at one endpoint.

    certificate, signer: its own. network: bytes that every request must carry. directory: who takes part; its
    certificates, read at each handshake, are all that TLS trusts. port 0: any free one, known after ``start``.
    priority: who is served first when there is a queue (higher first; say, by the caller's incentive).
    on_answer: told of each real answer once signed, with its digest, whether or not it then arrives.

    ::

        axon = Axon(certificate, signer, network=network, directory=roll)

        @axon.handle("answer")
        async def answer(request):
            return Answer({"outputs": model(request.tensors["inputs"])})

        await axon.start()
    """

    def __init__(
        self,
        certificate: Certificate,
        signer: Signer,
        *,
        network: bytes,
        directory: Directory,
        host: str = "127.0.0.1",
        port: int = 0,
        flow: Flow | None = None,
        priority: Callable[[Peer], float] | None = None,
        on_answer: Callable[[Request, Answer], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.flow = flow or Flow()
        self.host = host
        self.port = port
        self.counts: Counter[Code] = Counter()
        self._certificate = certificate
        self._signer = signer
        self._address = address_bytes(signer.address)
        self._network = network
        self._directory = directory
        self._priority = priority
        self._on_answer = on_answer
        self._clock = clock
        self._handlers: dict[str, tuple[Handler, bool]] = {}
        self._server: Any = None
        self._roots: tuple[bytes, ...] | None = None

    # -- life

    def handle(self, method: str, *, finite: bool = True) -> Callable[[HandlerT], HandlerT]:
        """Decorator: answer ``method`` with this coroutine function. ``finite``: refuse NaN and infinities for it."""
        if not re.fullmatch(r"[a-z][a-z0-9_.-]{0,63}", method):
            raise WireError(f"method {method!r} refused: use lower-case letters, digits, '_', '-' and '.'")

        def install(handler: HandlerT) -> HandlerT:
            self._handlers[method] = (handler, finite)
            return handler

        return install

    async def start(self) -> None:
        """Listen. Raises WireError if the port is taken."""
        flow = self.flow
        self._nonces = Nonces(flow.nonces)
        self._rates = Rates(flow.rate, flow.burst)
        self._gate = Gate(flow.width, flow.queue, flow.share)
        self._held: dict[bytes, tuple[float, _Sealed]] = {}
        self._incoming: Counter[bytes] = Counter()
        self.boot = os.urandom(16)
        self._booted = self._clock()
        options = [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", FRAME_LIMIT),
            ("grpc.max_send_message_length", FRAME_LIMIT),
            ("grpc.max_metadata_size", 8192),
            ("grpc.max_concurrent_streams", 128),
            ("grpc.server_handshake_timeout_ms", 5000),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ]
        self._roots = None
        first = self._trust()
        assert first is not None
        credentials = grpc.dynamic_ssl_server_credentials(first, self._trust, require_client_authentication=True)
        server = grpc.aio.server(options=options, maximum_concurrent_rpcs=512)
        methods = {
            "Ask": grpc.unary_unary_rpc_method_handler(self._unary),
            "AskStreamed": grpc.stream_stream_rpc_method_handler(self._streamed),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        try:
            self.port = server.add_secure_port(self.endpoint, credentials)
        except RuntimeError:
            await server.stop(None)
            raise WireError(
                f"cannot listen on {self.endpoint}: the port is taken or the address is not this machine's; "
                "choose another, or 0 for any free port"
            ) from None
        await server.start()
        self._server = server

    async def stop(self, grace: float = 0.5) -> None:
        """Stop listening; requests at work have ``grace`` seconds to end."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(grace)

    async def __aenter__(self) -> Axon:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def endpoint(self) -> str:
        """Where it listens, as the registry has it."""
        return endpoint(self.host, self.port)

    # -- TLS

    def present(self, certificate: Certificate) -> None:
        """Show another certificate from the next handshake on; connections that are there stay."""
        self._certificate = certificate

    def _trust(self) -> Any:
        """The certificates to trust from now on; None if they are the same as before. Called in gRPC's threads."""
        try:
            # our own is there so that the list is never empty, which TLS would take for "the system's authorities"
            roots = [self._certificate.pem]
            roots += filter(None, (_trusted_pem(p.fingerprint, p.certificate) for p in self._directory.peers()))
        except Exception:
            log.exception("the directory failed at a handshake: the certificates known before stay trusted")
            if self._roots is not None:
                return None
            roots = [self._certificate.pem]
        unique = tuple(dict.fromkeys(roots))
        if unique == self._roots:
            return None
        self._roots = unique
        return grpc.ssl_server_certificate_configuration(
            [(self._certificate.key_pem, self._certificate.pem)], root_certificates=b"".join(unique)
        )

    # -- a request's way in

    async def _unary(self, frame: bytes, context: Any) -> bytes:
        sealed = await self._serve(frame, None, context)
        return _frame.join(sealed.frame, sealed.body.parts)

    async def _streamed(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        try:
            async with asyncio.timeout(PATIENCE):
                frame = await anext(messages, b"")
        except TimeoutError:
            sealed = self._refuse(Refusal(Code.DEADLINE, "nothing was sent"), b"", signed=False)
        else:
            sealed = await self._serve(frame, messages, context)
        yield sealed.frame
        for chunk in sealed.body.chunks(LIMITS.unary):
            yield chunk

    async def _serve(self, frame: bytes, messages: AsyncIterator[bytes] | None, context: Any) -> _Sealed:
        """One request, from its bytes to the bytes of its answer. Never raises, whatever was sent."""
        digest, authentic = b"", False
        try:
            fingerprint = _fingerprint(context)
            self._rates.take(fingerprint, time.monotonic())
            head, signature, body = _frame.split(frame)
            header, digest = _frame.open_request(head)
            peer = self._authenticate(header, digest, signature, fingerprint)
            authentic = True
            self._check(header)
            if messages is not None and digest in self._held:
                sealed = self._held.pop(digest)[1]
                await _collect(messages, 0, _NOTHING.hash)
                return sealed
            return await self._work(header, digest, peer, body, messages, context)
        except Refusal as refusal:
            return self._refuse(refusal, digest, signed=authentic)
        except Exception:
            log.exception("a request could not be served")
            return self._refuse(Refusal(Code.HANDLER_ERROR, "internal error"), digest, signed=authentic)

    def _authenticate(self, header: pb.Request, digest: bytes, signature: bytes, fingerprint: bytes) -> Peer:
        """The registered sender of this request. The cheap questions come first: strangers cost little."""
        if not signature:
            raise Refusal(Code.UNSIGNED, "the request is not signed")
        peer = self._directory.by_key(checksummed(header.sender))
        if peer is None:
            raise Refusal(Code.UNKNOWN_SENDER, "the sender's key is not registered")
        if peer.fingerprint != fingerprint:
            raise Refusal(
                Code.WRONG_CERTIFICATE, "this connection's certificate is not the one registered for that key"
            )
        if recover(digest, signature) != header.sender:
            raise Refusal(Code.WRONG_SIGNATURE, "the signature is not the sender's over this header")
        return peer

    def _check(self, header: pb.Request) -> None:
        """Is it for us, and now?"""
        if header.network != self._network:
            raise Refusal(Code.WRONG_NETWORK, "the request belongs to another network")
        if header.recipient != self._address:
            raise Refusal(Code.MISADDRESSED, "the request is addressed to another key")
        flow, now = self.flow, self._clock()
        issued, expires = header.issued_at / 1e6, header.expires_at / 1e6
        if issued > now + flow.skew:
            raise Refusal(Code.FUTURE, f"issued {issued - now:.1f} s ahead of this axon's clock: set your clock")
        if expires + flow.skew < now or expires <= issued:
            raise Refusal(Code.EXPIRED, f"expired {now - expires:.1f} s ago by this axon's clock")
        if expires - issued > flow.lifetime:
            raise Refusal(Code.LONG_LIVED, f"valid for more than {flow.lifetime:g} s: ask with a shorter timeout")
        # Seen nonces are not kept across a restart. What an earlier run may have answered was issued before this run
        # began, or at most the tolerated skew after that; unless it names this run, which no earlier request can.
        if (header.boot or self.boot) != self.boot or (not header.boot and issued <= self._booted + flow.skew):
            raise Refusal(Code.BEFORE_BOOT, "may have been answered before this axon was restarted: ask again")
        if header.body_size > flow.max_size:
            raise Refusal(Code.OVERSIZED, f"body above {flow.max_size} bytes")

    async def _work(
        self,
        header: pb.Request,
        digest: bytes,
        peer: Peer,
        body: memoryview,
        messages: AsyncIterator[bytes] | None,
        context: Any,
    ) -> _Sealed:
        if header.method not in self._handlers:
            raise Refusal(Code.UNKNOWN_METHOD, "no such method here")
        handler, finite = self._handlers[header.method]
        check_specs(header.tensors, header.body_size)
        payload = unpack_payload(header.payload)
        if messages is None and hashlib.sha256(body).digest() != header.body_hash:
            raise Refusal(Code.ALTERED, "the body is not the one that was signed")
        now = self._clock()
        self._nonces.add(header.sender, header.nonce, header.expires_at / 1e6 + self.flow.skew, now)
        # relative, so that clocks that differ within the tolerance cost nobody his time
        budget = (header.expires_at - header.issued_at) / 1e6
        remaining = context.time_remaining()
        if remaining is not None:
            budget = min(budget, remaining)
        try:
            async with asyncio.timeout(budget) as deadline:
                with self._gate.inside(header.sender), self._room(header.sender, header.body_size):
                    if messages is not None:
                        body = await _collect(messages, header.body_size, header.body_hash)
                    tensors = await beside(len(body), unpack, header.tensors, body, finite)
                    times = header.issued_at / 1e6, header.expires_at / 1e6
                    request = Request(peer, header.method, tensors, payload, digest, *times)
                    async with self._gate.work(self._rank(peer)):
                        answer = await self._ask_handler(handler, request)
        except TimeoutError:
            if deadline.expired():
                raise Refusal(Code.DEADLINE, "not done before the deadline") from None
            raise
        return await self._answer(request, answer, hold=messages is None)

    async def _ask_handler(self, handler: Handler, request: Request) -> Answer:
        try:
            answer = await handler(request)
        except Decline as no:
            raise Refusal(Code.DECLINED, str(no)) from None
        except Exception:
            log.exception("the handler of %r failed", request.method)
            raise Refusal(Code.HANDLER_ERROR, "the handler failed") from None
        if not isinstance(answer, Answer):
            log.error("the handler of %r returned %s, not an Answer", request.method, type(answer).__name__)
            raise Refusal(Code.HANDLER_ERROR, "the handler failed")
        return answer

    def _rank(self, peer: Peer) -> float:
        if self._priority is None:
            return 0.0
        try:
            rank = float(self._priority(peer))
        except Exception:
            log.exception("the priority of peer %d is unknown: 0 is taken", peer.id)
            return 0.0
        return rank if rank == rank else 0.0

    @contextmanager
    def _room(self, sender: bytes, size: int) -> Iterator[None]:
        """Count the bytes of a body as ours to hold while the block runs; a sender has a quarter of them at most."""
        share = max(self.flow.held // 4, self.flow.max_size)
        if self._incoming.total() + size > self.flow.held or self._incoming[sender] + size > share:
            raise Refusal(Code.BUSY, "too many bytes on their way in", 0.5)
        self._incoming[sender] += size
        try:
            yield
        finally:
            self._incoming[sender] -= size
            if not self._incoming[sender]:
                del self._incoming[sender]

    # -- the answer's way out

    async def _answer(self, request: Request, answer: Answer, *, hold: bool) -> _Sealed:
        try:
            size = sum(getattr(array, "nbytes", 0) for array in answer.tensors.values())
            body = await beside(size, pack, answer.tensors, answer.payload)
        except WireError as error:
            log.error("the handler of %r gave an answer that cannot be sent: %s", request.method, error)
            raise Refusal(Code.HANDLER_ERROR, "the handler failed") from None
        if body.size > self.flow.max_size:
            log.error("the handler of %r gave %d bytes: %d may be sent", request.method, body.size, self.flow.max_size)
            raise Refusal(Code.OVERSIZED, f"the answer would be above {self.flow.max_size} bytes")
        large = hold and body.size > LIMITS.unary
        if large:
            self._make_room(body.size)
        header = self._header(request.digest, Code.OK, body)
        frame, digest, signature = _frame.seal(_frame.ANSWER_DOMAIN, header, self._signer)
        sealed = _Sealed(frame, body)
        self.counts[Code.OK] += 1
        if self._on_answer is not None:
            done = replace(
                answer,
                request_digest=request.digest,
                digest=digest,
                header=_frame.split(frame)[0],
                signature=signature,
                answered_at=header.answered_at / 1e6,
            )
            try:
                self._on_answer(request, done)
            except Exception:
                log.exception("on_answer failed")
        if large:
            self._held[request.digest] = (request.expires_at + self.flow.skew, sealed)
            notice = self._header(request.digest, Code.COLLECT, _NOTHING)
            return _Sealed(_frame.seal(_frame.ANSWER_DOMAIN, notice, self._signer)[0], _NOTHING)
        return sealed

    def _make_room(self, size: int) -> None:
        now = self._clock()
        self._held = {digest: kept for digest, kept in self._held.items() if kept[0] >= now}
        if size + sum(kept[1].body.size for kept in self._held.values()) > self.flow.held:
            raise Refusal(Code.BUSY, "too many large answers wait to be collected", 0.5)

    def _header(self, request: bytes, code: Code, body: Body) -> pb.Answer:
        return pb.Answer(
            version=_frame.VERSION,
            request=request,
            code=code,
            boot=self.boot,
            answered_at=int(self._clock() * 1e6),
            tensors=body.specs,
            payload=body.payload,
            body_size=body.size,
            body_hash=body.hash,
        )

    def _refuse(self, refusal: Refusal, digest: bytes, *, signed: bool) -> _Sealed:
        """Only an authentic sender gets a signature: strangers shall not make us work, nor collect our signatures."""
        self.counts[refusal.code] += 1
        log.debug("refused: %s (%s)", refusal.code.name, refusal.reason)
        header = self._header(digest, refusal.code, _NOTHING)
        header.reason = refusal.reason[:200]
        header.retry_after = min(int(refusal.retry_after * 1000), 60_000)
        return _Sealed(_frame.seal(_frame.ANSWER_DOMAIN, header, self._signer if signed else None)[0], _NOTHING)


async def _collect(messages: AsyncIterator[bytes], size: int, expected: bytes) -> memoryview:
    """The body of a streamed request, if it comes in time. Raises Refusal(ALTERED or DEADLINE)."""
    try:
        async with asyncio.timeout(PATIENCE + size / SLOWEST) as patience:
            body = await receive(lambda: anext(messages, b""), size, expected)
            # The sender has nothing more to say: answering before it has ended its side can cut the answer off.
            if await anext(messages, b""):
                raise Refusal(Code.ALTERED, "the body has another size than the one that was signed")
            return body
    except TimeoutError:
        if patience.expired():
            raise Refusal(Code.DEADLINE, "the body came too slowly") from None
        raise


def _fingerprint(context: Any) -> bytes:
    """sha256 of the certificate at the other end of this connection. TLS has checked that its key is held there."""
    pem = context.auth_context().get("x509_pem_cert")
    if not pem:
        raise Refusal(Code.WRONG_CERTIFICATE, "the connection has no certificate")
    return _pem_fingerprint(pem[0])


@functools.lru_cache(maxsize=4096)
def _pem_fingerprint(pem: bytes) -> bytes:
    body = pem.split(b"-----")[2]
    return hashlib.sha256(base64.b64decode(body)).digest()


@functools.lru_cache(maxsize=65_536)
def _trusted_pem(fingerprint: bytes, der: bytes) -> bytes | None:
    """PEM of a certificate that may be trusted; None, once logged, for one that may not."""
    try:
        if hashlib.sha256(der).digest() != fingerprint:
            raise BadCertificate("certificate refused: it is not the one whose fingerprint is registered")
        _certificate.check(der)
        return _certificate.der_to_pem(der)
    except BadCertificate as error:
        log.warning("fingerprint %s: %s", fingerprint.hex()[:16], error)
        return None
