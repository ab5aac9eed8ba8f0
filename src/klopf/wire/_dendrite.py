"""The dendrite: a neuron's ears. It asks registered participants, and believes only what their keys signed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import grpc
import numpy.typing as npt

from klopf.errors import BadAnswer, BadCertificate, Refused, TooLate, Unreachable, WireError
from klopf.wire import _certificate, _frame
from klopf.wire._axon import FRAME_LIMIT, SERVICE
from klopf.wire._bulk import beside, receive
from klopf.wire._certificate import Certificate
from klopf.wire._codes import LIMITS, Code, Refusal
from klopf.wire._directory import Directory, Peer
from klopf.wire._keys import Signer, address_bytes, recover
from klopf.wire._messages import Answer
from klopf.wire._pb import wire_pb2 as pb
from klopf.wire._tensors import Body, check_specs, pack, unpack, unpack_payload

__all__ = ["Dendrite"]

_ENDPOINT = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}")
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),  # a channel never shares a connection that was made for another pin
    ("grpc.max_receive_message_length", FRAME_LIMIT),
    ("grpc.max_send_message_length", FRAME_LIMIT),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.enable_retries", 0),  # a repeated nonce is refused: repeats are made here, newly signed
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]


class _Line:
    """A warm channel to one peer at one endpoint with one certificate."""

    def __init__(self, peer: Peer, certificate: Certificate) -> None:
        if hashlib.sha256(peer.certificate).digest() != peer.fingerprint:
            raise BadCertificate(
                f"peer {peer.id}: its certificate is not the one whose fingerprint is registered",
                Code.WRONG_CERTIFICATE,
            )
        try:
            _certificate.check(peer.certificate)
        except BadCertificate as error:
            raise BadCertificate(f"peer {peer.id}: {error}", Code.WRONG_CERTIFICATE) from None
        credentials = grpc.ssl_channel_credentials(
            _certificate.der_to_pem(peer.certificate), certificate.key_pem, certificate.pem
        )
        name = ("grpc.ssl_target_name_override", _certificate.tls_name(peer.certificate))
        self.endpoint = peer.endpoint
        self.fingerprint = peer.fingerprint
        self.channel = grpc.aio.secure_channel(f"dns:///{peer.endpoint}", credentials, options=[*_OPTIONS, name])
        self.unary = self.channel.unary_unary(f"/{SERVICE}/Ask")
        self.streamed = self.channel.stream_stream(f"/{SERVICE}/AskStreamed")
        self.boot = b""


class Dendrite:
    """A client with one key. Use it within one event loop, and ``close`` it (or use ``async with``).

    certificate, signer: its own, registered. network: as the axons have it. directory: where each peer's present
    endpoint, key and certificate are looked up, anew for every attempt. max_size: bytes of an answer's body.
    retries: attempts after the first, for what may pass (no connection, an axon that is busy or was restarted); a
    handler may therefore be asked the same thing twice. warm: channels kept open.
    """

    def __init__(
        self,
        certificate: Certificate,
        signer: Signer,
        network: bytes,
        directory: Directory,
        *,
        max_size: int = 64 << 20,
        retries: int = 4,
        warm: int = 256,
    ) -> None:
        self._certificate = certificate
        self._signer = signer
        self._sender = address_bytes(signer.address)
        self._network = network
        self._directory = directory
        self._max_size = max_size
        self._retries = retries
        self._warm = warm
        self._lines: OrderedDict[int, _Line] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    async def ask(
        self,
        peer: Peer | int,
        method: str,
        tensors: Mapping[str, npt.ArrayLike] | None = None,
        payload: object = None,
        *,
        timeout: float = 10.0,
        finite: bool = True,
    ) -> Answer:
        """Ask one peer (or its id) and return its verified answer.

        tensors: arrays by name. payload: bytes or JSON values, at most 64 KiB. timeout: seconds for all attempts,
        of which each may take 600. finite: refuse an answer with NaN or infinities.
        Raises Refused (the axon said no), BadAnswer, Unreachable, TooLate, BadCertificate; each has a ``code``.
        """
        return await self._ask(_id(peer), method, await _pack(tensors, payload), timeout, finite)

    async def ask_many(
        self,
        peers: Iterable[Peer | int],
        method: str,
        tensors: Mapping[str, npt.ArrayLike] | None = None,
        payload: object = None,
        *,
        timeout: float = 10.0,
        enough: int | None = None,
        grace: float = 0.25,
        finite: bool = True,
    ) -> list[Answer | WireError]:
        """Ask several peers the same at once. Results are in the order of ``peers``; failures are values.

        enough: once so many have answered, the others have ``grace`` seconds more, then count as too late
        (None: wait for everybody until the timeout).
        """
        body = await _pack(tensors, payload)
        ids = [_id(peer) for peer in peers]
        tasks = [asyncio.create_task(self._ask(id, method, body, timeout, finite)) for id in ids]
        waiting: set[asyncio.Task[Answer]] = set(tasks)
        ends: float | None = None
        loop = asyncio.get_running_loop()
        try:
            while waiting:
                left = None if ends is None else ends - loop.time()
                if left is not None and left <= 0:
                    break
                done, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if task.exception() is not None and not isinstance(task.exception(), WireError):
                        task.result()  # a fault of this program, not of a peer
                answered = sum(task.done() and task.exception() is None for task in tasks)
                if ends is None and enough is not None and answered >= enough:
                    ends = loop.time() + grace
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        return [_outcome(id, task) for id, task in zip(ids, tasks, strict=True)]

    def present(self, certificate: Certificate) -> None:
        """Show another certificate from now on, over new channels; what is under way may end."""
        self._certificate = certificate
        lines, self._lines = self._lines, OrderedDict()
        for line in lines.values():
            self._retire(line)

    async def close(self) -> None:
        """Close all channels."""
        lines, self._lines = list(self._lines.values()), OrderedDict()
        for line in lines:
            await line.channel.close()
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def __aenter__(self) -> Dendrite:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- attempts

    async def _ask(self, id: int, method: str, body: Body, timeout: float, finite: bool) -> Answer:
        ends = time.monotonic() + timeout
        renewed = False
        attempt = 0
        while True:
            left = ends - time.monotonic()
            try:
                if left <= 0:
                    raise TooLate(f"peer {id} did not answer within {timeout:g} s", Code.DEADLINE)
                peer = self._peer(id)
                line = self._line(peer)
                return await self._attempt(peer, line, method, body, min(left, LIMITS.lifetime), finite)
            except Refused as error:
                if error.code == Code.BEFORE_BOOT and error.signed and not renewed:
                    renewed = True  # it was restarted; by now its new run is known and will be named
                    continue
                if error.code not in (Code.BUSY, Code.BEFORE_BOOT) or attempt >= self._retries:
                    raise
                pause = max(error.retry_after, _pause(attempt))
                problem: WireError = error
            except Unreachable as error:
                self._drop(id, line)
                if attempt >= self._retries:
                    raise
                pause, problem = _pause(attempt), error
            if pause >= ends - time.monotonic():
                raise problem
            await asyncio.sleep(pause)
            attempt += 1

    def _peer(self, id: int) -> Peer:
        peer = self._directory.by_id(id)
        if peer is None:
            raise WireError(f"peer {id} is not registered", Code.UNREACHABLE)
        if not peer.endpoint:
            raise WireError(f"peer {id} only asks: it has no endpoint", Code.UNREACHABLE)
        if not _ENDPOINT.fullmatch(peer.endpoint):  # a stranger wrote it: nothing else that gRPC can connect to
            raise WireError(f"peer {peer.id} is registered with an endpoint that is not host:port", Code.UNREACHABLE)
        return peer

    def _line(self, peer: Peer) -> _Line:
        line = self._lines.get(peer.id)
        if line is None or line.endpoint != peer.endpoint or line.fingerprint != peer.fingerprint:
            fresh = _Line(peer, self._certificate)
            if line is not None:
                self._retire(line)
            self._lines[peer.id] = line = fresh
            if len(self._lines) > self._warm:
                self._retire(self._lines.popitem(last=False)[1])
        self._lines.move_to_end(peer.id)
        return line

    def _drop(self, id: int, line: _Line) -> None:
        """Forget a channel that failed: gRPC would wait for its own pauses to end, a new one connects at once."""
        if self._lines.get(id) is line:
            del self._lines[id]
            self._retire(line)

    def _retire(self, line: _Line) -> None:
        """Close a channel in the background; what is still under way on it may end."""
        task = asyncio.get_running_loop().create_task(line.channel.close(30))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # -- one attempt

    async def _attempt(self, peer: Peer, line: _Line, method: str, body: Body, left: float, finite: bool) -> Answer:
        now = time.time_ns() // 1000
        header = pb.Request(
            version=_frame.VERSION,
            method=method,
            sender=self._sender,
            recipient=address_bytes(peer.key),
            network=self._network,
            nonce=os.urandom(16),
            boot=line.boot,
            issued_at=now,
            expires_at=now + int(left * 1e6),
            tensors=body.specs,
            payload=body.payload,
            body_size=body.size,
            body_hash=body.hash,
        )
        frame, digest, _ = _frame.seal(_frame.REQUEST_DOMAIN, header, self._signer)
        ends = time.monotonic() + left
        try:
            if body.size > LIMITS.unary:
                return await self._stream(peer, line, frame, body, digest, left, finite)
            message = await line.unary(_frame.join(frame, body.parts), timeout=left)
            opened, head, signature, answer_digest, rest = self._open(peer, line, message, digest)
            if opened.code == Code.COLLECT:
                left = ends - time.monotonic()
                return await self._stream(peer, line, frame, None, digest, left, finite)
            if len(rest) != opened.body_size or hashlib.sha256(rest).digest() != opened.body_hash:
                raise Refusal(Code.ALTERED, "its body is not the one that was signed")
            return await _answer(peer, opened, head, signature, digest, answer_digest, rest, finite)
        except Refusal as refusal:
            raise BadAnswer(f"answer of peer {peer.id} refused: {refusal.reason}", refusal.code) from None
        except grpc.aio.AioRpcError as error:
            raise _failure(peer, error, left) from None

    async def _stream(
        self, peer: Peer, line: _Line, frame: bytes, body: Body | None, digest: bytes, left: float, finite: bool
    ) -> Answer:
        """Send the request in chunks (or without its body, to collect its waiting answer) and read the answer's."""
        call = line.streamed(_messages(frame, body), timeout=max(left, 0.001))
        try:
            message = await call.read()
            if message is grpc.aio.EOF:
                raise Unreachable(
                    f"peer {peer.id} at {peer.endpoint} ended the call without an answer", Code.UNREACHABLE
                )
            opened, head, signature, answer_digest, rest = self._open(peer, line, message, digest)
            if opened.code == Code.COLLECT or len(rest):
                raise Refusal(Code.MALFORMED, "it does not follow the protocol")

            async def chunk() -> bytes:
                piece = await call.read()
                return b"" if piece is grpc.aio.EOF else piece

            whole = await receive(chunk, opened.body_size, opened.body_hash)
            return await _answer(peer, opened, head, signature, digest, answer_digest, whole, finite)
        finally:
            call.cancel()

    def _open(
        self, peer: Peer, line: _Line, message: bytes, digest: bytes
    ) -> tuple[pb.Answer, bytes, bytes, bytes, memoryview]:
        """Check an answer's header. Raises Refusal if it is not to be believed, Refused if it is a believable no."""
        head, signature, rest = _frame.split(message)
        header, answer_digest = _frame.open_answer(head)
        try:
            code = Code(header.code)
        except ValueError:
            raise Refusal(Code.MALFORMED, f"unknown code {header.code}") from None
        positive = code in (Code.OK, Code.COLLECT)
        if signature:
            if recover(answer_digest, signature) != address_bytes(peer.key):
                raise Refusal(Code.WRONG_SIGNER, "it is not signed by the key that was asked")
            if header.request != digest:
                raise Refusal(Code.OTHER_REQUEST, "it belongs to another request")
            line.boot = header.boot
        elif positive:
            raise Refusal(Code.UNSIGNED, "it is not signed")
        if not positive:
            reason = "".join(c if c.isprintable() else "?" for c in header.reason[:200])
            raise Refused(
                f"peer {peer.id} refused ({code.name.lower()}): {reason}",
                code,
                signed=bool(signature),
                retry_after=min(header.retry_after / 1000, 60.0),
            )
        if header.body_size > self._max_size:
            raise Refusal(Code.OVERSIZED, f"its body is above {self._max_size} bytes")
        check_specs(header.tensors, header.body_size)
        return header, head, signature, answer_digest, rest


async def _pack(tensors: Mapping[str, npt.ArrayLike] | None, payload: object) -> Body:
    size = sum(getattr(array, "nbytes", 0) for array in (tensors or {}).values())
    return await beside(size, pack, tensors, payload)


async def _messages(frame: bytes, body: Body | None) -> AsyncIterator[bytes]:
    yield frame
    if body is not None:
        for chunk in body.chunks(LIMITS.unary):
            yield chunk


async def _answer(
    peer: Peer,
    header: pb.Answer,
    head: bytes,
    signature: bytes,
    request_digest: bytes,
    digest: bytes,
    body: memoryview,
    finite: bool,
) -> Answer:
    return Answer(
        tensors=await beside(len(body), unpack, header.tensors, body, finite),
        payload=unpack_payload(header.payload),
        peer=peer,
        request_digest=request_digest,
        digest=digest,
        header=head,
        signature=signature,
        answered_at=header.answered_at / 1e6,
    )


def _failure(peer: Peer, error: Any, left: float) -> WireError:
    """gRPC's status as one of ours, in one line."""
    status, details = error.code(), error.details() or ""
    where = f"peer {peer.id} at {peer.endpoint}"
    if status == grpc.StatusCode.DEADLINE_EXCEEDED:
        return TooLate(f"{where} did not answer within {left:.3g} s", Code.DEADLINE)
    if "CERTIFICATE_VERIFY_FAILED" in details:
        return Unreachable(f"{where} shows another certificate than the registered one", Code.WRONG_CERTIFICATE)
    if status == grpc.StatusCode.RESOURCE_EXHAUSTED:
        if "larger than max" in details:
            return BadAnswer(f"answer of peer {peer.id} refused: larger than one message may be", Code.OVERSIZED)
        return Refused(f"{where} has too many calls open", Code.BUSY)
    if status in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return Unreachable(f"{where} cannot be reached, or refused our certificate", Code.UNREACHABLE)
    return BadAnswer(f"{where} does not follow the protocol ({status.name.lower()})", Code.MALFORMED)


def _outcome(id: int, task: asyncio.Task[Answer]) -> Answer | WireError:
    if task.cancelled():
        return TooLate(f"peer {id} was not waited for any longer: enough others had answered", Code.DEADLINE)
    error = task.exception()
    if error is None:
        return task.result()
    assert isinstance(error, WireError)
    return error


def _pause(attempt: int) -> float:
    """Seconds before the next attempt: about 0.05, 0.1, 0.2, 0.4 …, spread so that not everybody comes at once."""
    return 0.05 * 2.0**attempt * random.uniform(0.5, 1.5)


def _id(peer: Peer | int) -> int:
    return peer if isinstance(peer, int) else peer.id
