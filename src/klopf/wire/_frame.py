"""Frames: a header as signed bytes, its signature, and what follows it.

::

    "KLW1" ‖ header length (4, big endian) ‖ signature length (1: 0 or 65) ‖ header ‖ signature ‖ body

A streamed message has the frame with an empty body first and the body in chunks after it. The signature is over
keccak256(domain ‖ header), the header's exact bytes; it names the body by size and sha256.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from eth_hash.auto import keccak
from google.protobuf.message import DecodeError, Message

from klopf.errors import WireError
from klopf.wire._codes import LIMITS, Code, Refusal
from klopf.wire._keys import Signer
from klopf.wire._pb import wire_pb2 as pb

__all__ = ["PREFIX", "VERSION", "join", "open_answer", "open_request", "seal", "split", "trail"]

VERSION = 1
MAGIC = b"KLW1"
PREFIX = struct.Struct(">4sIB")
REQUEST_DOMAIN = b"klopf/wire/1/request\0"
ANSWER_DOMAIN = b"klopf/wire/1/answer\0\0"  # as long as the other, so that no header can move from one to the other


def seal(domain: bytes, header: Message, signer: Signer | None) -> tuple[bytes, bytes, bytes]:
    """Serialise and sign ``header``: (frame without body, digest, signature). Without a signer it stays unsigned."""
    head = header.SerializeToString(deterministic=True)
    digest = keccak(domain + head)
    signature = b""
    if signer is not None:
        signature = bytes(signer.sign(digest))
        if len(signature) != 65:
            raise WireError(f"the signer gave {len(signature)} bytes: a signature has 65 (r, s, v)")
        if signature[64] < 27:
            signature = signature[:64] + bytes([signature[64] + 27])
    return PREFIX.pack(MAGIC, len(head), len(signature)) + head + signature, digest, signature


def join(frame: bytes, parts: Iterable[memoryview]) -> bytes:
    return b"".join((frame, *parts))


def split(frame: bytes) -> tuple[bytes, bytes, memoryview]:
    """(header bytes, signature, body) of a frame. Raises Refusal(MALFORMED or OVERSIZED)."""
    if len(frame) < PREFIX.size:
        raise Refusal(Code.MALFORMED, "not a frame")
    magic, head_size, signature_size = PREFIX.unpack_from(frame)
    if magic != MAGIC:
        raise Refusal(Code.MALFORMED, "not a frame of this protocol")
    if head_size > LIMITS.head:
        raise Refusal(Code.OVERSIZED, f"header above {LIMITS.head} bytes")
    start = PREFIX.size + head_size
    if signature_size not in (0, 65) or len(frame) < start + signature_size:
        raise Refusal(Code.MALFORMED, "the frame is cut off")
    view = memoryview(frame)
    end = start + signature_size
    return bytes(view[PREFIX.size : start]), bytes(view[start:end]), view[end:]


def open_request(head: bytes) -> tuple[pb.Request, bytes]:
    """(header, digest) of a request's header bytes. Raises Refusal(MALFORMED or VERSION). Checks form, not truth."""
    header = pb.Request()
    _parse(header, head)
    if header.version != VERSION:
        raise Refusal(Code.VERSION, f"protocol version {VERSION} is spoken here")
    lengths = (len(header.sender), len(header.recipient), len(header.nonce), len(header.body_hash))
    if lengths != (20, 20, 16, 32) or len(header.boot) not in (0, 16) or len(header.network) > 128:
        raise Refusal(Code.MALFORMED, "a field of the header has the wrong length")
    if not 1 <= len(header.method) <= 64:
        raise Refusal(Code.MALFORMED, "a method's name has 1 to 64 characters")
    return header, keccak(REQUEST_DOMAIN + head)


def open_answer(head: bytes) -> tuple[pb.Answer, bytes]:
    """(header, digest) of an answer's header bytes. Raises Refusal(MALFORMED or VERSION)."""
    header = pb.Answer()
    _parse(header, head)
    if header.version != VERSION:
        raise Refusal(Code.VERSION, f"answered in protocol version {header.version}, not {VERSION}")
    if len(header.request) not in (0, 32) or len(header.boot) != 16 or len(header.body_hash) != 32:
        raise Refusal(Code.MALFORMED, "a field of the answer's header has the wrong length")
    return header, keccak(ANSWER_DOMAIN + head)


def _parse(header: Message, head: bytes) -> None:
    try:
        header.ParseFromString(head)
    except (DecodeError, RuntimeError):
        raise Refusal(Code.MALFORMED, "the header cannot be read") from None
    header.DiscardUnknownFields()
    # Fields in another order, doubled, with needless bytes, or unknown: one meaning has one form.
    if header.SerializeToString(deterministic=True) != head:
        raise Refusal(Code.MALFORMED, "the header is not in its one form")


def trail(previous: bytes, answer_digest: bytes) -> bytes:
    """Fold one more answer into a running hash that both ends keep: keccak256(previous ‖ digest), 32 bytes.

    >>> trail(bytes(32), bytes(32)).hex()[:16]
    'ad3228b676f7d3cd'
    """
    return keccak(previous + answer_digest)
