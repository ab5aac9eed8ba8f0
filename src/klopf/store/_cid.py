"""Content identifiers: a hash with the words that say how it is to be read. SHA-256, versions 0 and 1.

Layouts: CIDv0 is the multihash ``12 20 digest``; CIDv1 is ``01 codec 12 20 digest`` (github.com/multiformats/cid).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import libipld

from klopf.errors import StoreError

__all__ = ["CBOR", "NODE", "RAW", "Cid"]

RAW, NODE, CBOR = 0x55, 0x70, 0x71
"""What a block is: bytes, a node with links (dag-pb), a record (dag-cbor)."""
_SHA256 = b"\x12\x20"


@dataclass(frozen=True, slots=True)
class Cid:
    """
    >>> str(Cid.of(b"hello world"))
    'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'
    """

    digest: bytes
    """Of the block, 32 bytes."""
    codec: int = RAW
    version: int = 1

    @classmethod
    def of(cls, block: bytes, codec: int = RAW, version: int = 1) -> Cid:
        return cls(sha256(block).digest(), codec, version)

    @classmethod
    def parse(cls, text: str) -> Cid:
        """
        Raises:
            StoreError: it is no CID, or one with another hash than SHA-256.
        """
        try:
            found = libipld.decode_cid(text) if len(text) <= 128 else {}
            hash_ = found["hash"]
            cid = cls(bytes(hash_["digest"]), int(found["codec"]), int(found["version"]))
        except (ValueError, KeyError, TypeError):
            begins = text.startswith(("baf", "Qm"))
            why = "a letter is wrong or missing: take all of it" if begins else "it begins with baf or Qm"
            raise StoreError(f"{text[:80]!r} is no content identifier: {why}") from None
        if hash_["code"] != 0x12 or len(cid.digest) != 32 or cid.codec not in (RAW, NODE, CBOR):
            raise StoreError(f"{text[:80]} is a kind that is not kept here: SHA-256 over raw, dag-pb or dag-cbor is")
        return cid

    @classmethod
    def read(cls, data: bytes) -> Cid:
        """From its bytes, all of them.

        Raises:
            StoreError: they are none, or of a kind that is not kept here.
        """
        if len(data) == 34 and data[:2] == _SHA256:
            return cls(data[2:], NODE, 0)
        if len(data) == 36 and data[0] == 1 and data[1] in (RAW, NODE, CBOR) and data[2:4] == _SHA256:
            return cls(data[4:], data[1], 1)
        raise StoreError("a link is no content identifier of a kind that is kept here: the block is damaged")

    @property
    def raw(self) -> bytes:
        return _SHA256 + self.digest if self.version == 0 else bytes((1, self.codec)) + _SHA256 + self.digest

    def fits(self, block: bytes) -> bool:
        """Whether this is the identifier of ``block``."""
        return sha256(block).digest() == self.digest

    def __str__(self) -> str:
        return str(libipld.encode_cid(self.raw))
