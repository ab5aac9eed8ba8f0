"""What the trusted part and the untrusted part share while they are connected: a keyed chain of all their messages.

Both begin with a pairing secret that only they have. A session's keys come from it and from a Diffie-Hellman exchange
of keys that are made for the session and forgotten with it, so that who saw every byte on the socket has none of them,
nor who learns the pairing secret later.

Every message is a block of the chain::

    block(i) = HMAC(chain key, block(i-1) | sender | i | time | SHA-256(body))        block(0) = HMAC(chain key, hellos)

Blocks stay where they are made. What travels beside a message is ``HMAC(tag key, block(i))``: it shows that the
sender's chain is the receiver's, and tells nothing of the block. A challenge names some of the blocks at random; the
answer is an HMAC over them, the challenge's nonce and the digest that is to be signed. It takes the session's keys and
the whole history of the session, and holds for this digest alone.

Times are the machine's monotonic clock, which both parts share and nobody sets: a block may not be older than the one
before it, not from the future, and not older than :data:`WINDOW` when it arrives.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from klopf.errors import FleetError

__all__ = [
    "HEAD",
    "HELLO",
    "LONGEST",
    "LONGEST_CHAIN",
    "PLACES",
    "TRUSTED",
    "UNTRUSTED",
    "WINDOW",
    "Challenge",
    "Hello",
    "Session",
    "length_of",
]

TRUSTED, UNTRUSTED = b"T", b"U"

WINDOW = 30.0
"""Seconds after which a message, or the answer to a challenge, is too late."""
PLACES = 8
"""Blocks that a challenge asks for."""
LONGEST = 4096
"""Bytes of one message's body."""
LONGEST_CHAIN = 65_536
"""Messages of one session; after that the untrusted part begins another. 2 MiB at both ends."""

_MAGIC = b"klopf-trusted-1\0"
HELLO = len(_MAGIC) + 64
"""Bytes of a hello."""
_HEAD = struct.Struct(">IQQ32s")
HEAD = _HEAD.size
"""Bytes before a body: its length, the block's number, its time in nanoseconds, its tag."""


class Hello:
    """One part's half of the exchange: a key and a nonce for this session alone."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.sent = _MAGIC + self._private.public_key().public_bytes_raw() + secrets.token_bytes(32)

    def session(self, me: bytes, other: bytes, pairing: bytes, clock: Callable[[], int] = time.monotonic_ns) -> Session:
        """The session with whoever sent the hello ``other``. Both come to the same keys if both have ``pairing``.

        Raises:
            FleetError: ``other`` is no hello.
        """
        if len(other) != HELLO or not other.startswith(_MAGIC):
            raise FleetError(
                "this is no trusted part's socket, or one of another version: name the device's own folder"
            )
        hellos = self.sent + other if me == UNTRUSTED else other + self.sent
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(other[len(_MAGIC) :][:32]))
        except ValueError:  # a point of small order
            raise FleetError("the other part sent a key that nobody makes in earnest; the session is refused") from None
        info = b"klopf trusted session" + hashlib.sha256(hellos).digest()
        keys = HKDF(SHA256(), 96, pairing, info).derive(shared + pairing)
        return Session(me, keys, hellos, clock)


@dataclass(frozen=True)
class Challenge:
    """What the trusted part asks before it signs: ``places`` are numbers of blocks, ``nonce`` has 32 bytes."""

    nonce: bytes
    places: tuple[int, ...]


class Session:
    """One part's end of a session. ``me`` is :data:`TRUSTED` or :data:`UNTRUSTED`; ``keys`` has 96 bytes.

    A message that is refused ends the session: nothing that comes after it is believed.
    """

    def __init__(
        self, me: bytes, keys: bytes, hellos: bytes, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:  # fmt: skip
        self._me, self._other = me, TRUSTED if me == UNTRUSTED else UNTRUSTED
        self._chain_key, self._tag_key, self._answer_key = keys[:32], keys[32:64], keys[64:]
        self._clock = clock
        self._blocks = [hmac.digest(self._chain_key, b"begin" + hellos, "sha256")]
        self._time = clock() - int(WINDOW * 1e9)  # the other part may have begun before this one
        self._over = False

    def __repr__(self) -> str:
        return f"Session({len(self._blocks)} blocks)"

    @property
    def full(self) -> bool:
        """Whether another session must begin: there must be room for a request and what follows it."""
        return len(self._blocks) > LONGEST_CHAIN - 4

    def seal(self, body: bytes) -> bytes:
        """The message that carries ``body``, now a block of the chain.

        Raises:
            FleetError: it is too long, or the session is over.
        """
        if len(body) > LONGEST or self._over or len(self._blocks) >= LONGEST_CHAIN:
            raise FleetError(f"a message of {len(body)} bytes cannot be sent: at most {LONGEST}, in an open session")
        now = self._clock()
        block = self._block(self._me, now, body)
        head = _HEAD.pack(len(body), len(self._blocks), now, self._tag(block))
        self._append(block, now)
        return head + body

    def open(self, message: bytes) -> bytes:
        """The body of a message from the other part, now a block of the chain.

        Raises:
            FleetError: it is not the next one, not from the other part, altered, or out of its time.
        """
        try:
            if self._over or len(self._blocks) >= LONGEST_CHAIN:
                raise FleetError("the session is over: begin another")
            size, number, sent, tag = _HEAD.unpack_from(message)
            body = message[HEAD:]
            if size != len(body) or size > LONGEST or number != len(self._blocks):
                raise FleetError("a message is not the next one of its session; it was refused, and the session ended")
            block = self._block(self._other, sent, body)
            if not hmac.compare_digest(tag, self._tag(block)):
                raise FleetError(
                    "a message is not from the other part, or was altered; it was refused, and the session ended"
                )
            now = self._clock()
            if not self._time <= sent <= now or now - sent > WINDOW * 1e9:
                raise FleetError("a message came out of its time; it was refused, and the session ended")
        except FleetError:
            self._over = True
            raise
        self._append(block, sent)
        return body

    def challenge(self) -> Challenge:
        """A fresh challenge over some of the blocks there are."""
        count = min(PLACES, len(self._blocks))
        places = secrets.SystemRandom().sample(range(len(self._blocks)), count)
        return Challenge(secrets.token_bytes(32), tuple(places))

    def answer(self, challenge: Challenge, digest: bytes) -> bytes:
        """What only the two ends of this session can say to ``challenge``, for this ``digest`` (32 bytes) alone.

        Raises:
            FleetError: the challenge names blocks that there are not.
        """
        if not challenge.places or not all(0 <= place < len(self._blocks) for place in challenge.places):
            raise FleetError("a challenge names blocks that are not in this session's chain")
        blocks = b"".join(struct.pack(">Q", place) + self._blocks[place] for place in challenge.places)
        return hmac.digest(self._answer_key, challenge.nonce + digest + blocks, "sha256")

    def answers(self, challenge: Challenge, digest: bytes, given: bytes) -> bool:
        """Whether ``given`` is the answer."""
        return hmac.compare_digest(self.answer(challenge, digest), given)

    def _block(self, sender: bytes, sent: int, body: bytes) -> bytes:
        place = struct.pack(">QQ", len(self._blocks), sent)
        return hmac.digest(self._chain_key, self._blocks[-1] + sender + place + hashlib.sha256(body).digest(), "sha256")

    def _tag(self, block: bytes) -> bytes:
        return hmac.digest(self._tag_key, block, "sha256")

    def _append(self, block: bytes, sent: int) -> None:
        self._blocks.append(block)
        self._time = sent


def length_of(head: Sequence[int] | bytes) -> int:
    """How many bytes follow a head of :data:`HEAD` bytes.

    Raises:
        FleetError: more than a body may have.
    """
    size: int = _HEAD.unpack(bytes(head))[0]
    if size > LONGEST:
        raise FleetError(f"a message says that it has {size} bytes, and at most {LONGEST} are read")
    return size
