"""Why a request or an answer was refused: one code for each reason."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

__all__ = ["Code", "Decline", "Refusal"]


class Code(IntEnum):
    """The outcome of a request. 0 is an answer; 1-99 were said by the axon; from 100 on by the dendrite itself."""

    OK = 0
    COLLECT = 1  # the answer is ready but too large for one message: send the same request again, as a stream

    MALFORMED = 10  # not a frame, not a header, or a field of the wrong length
    VERSION = 11  # another version of this protocol
    UNSIGNED = 12
    WRONG_SIGNATURE = 13  # signed by another key than the sender's, or altered after signing
    ALTERED = 14  # the body is not the one that was signed
    REPLAYED = 15  # this nonce was seen
    EXPIRED = 16
    FUTURE = 17  # issued later than the axon's clock, beyond the tolerance
    LONG_LIVED = 18  # would have to be remembered for too long
    BEFORE_BOOT = 19  # may have been answered before this axon was started
    OVERSIZED = 20
    MISADDRESSED = 21  # meant for another key
    UNKNOWN_SENDER = 22  # the sender's key is not in the directory
    WRONG_NETWORK = 23
    WRONG_CERTIFICATE = 24  # the connection's certificate is not the one registered for that key
    BAD_TENSOR = 25
    UNKNOWN_METHOD = 26

    BUSY = 40  # too many requests from this sender, or too much work in all
    HANDLER_ERROR = 41
    DEADLINE = 42
    DECLINED = 43  # the handler said no, with its reason

    UNREACHABLE = 100
    WRONG_SIGNER = 101  # the answer was not signed by the key that was asked
    OTHER_REQUEST = 102  # the answer belongs to another request


class Refusal(Exception):
    """Inside this room: stop here and refuse with this code. Never leaves it."""

    def __init__(self, code: Code, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after


class Decline(Exception):
    """Raise it in a handler to refuse a request: its text, at most 200 characters, is sent to the asker."""


class Limits(NamedTuple):
    """What both ends hold each other to: sizes, and seconds."""

    head: int = 128 * 1024  # bytes of a header
    payload: int = 64 * 1024  # bytes of its payload
    unary: int = 1 << 20  # bytes of a body sent as one message, and of a chunk of a streamed one
    tensors: int = 64
    rank: int = 8
    lifetime: float = 600.0  # from a request's issue to its expiry, as long as nonces are kept


LIMITS = Limits()
