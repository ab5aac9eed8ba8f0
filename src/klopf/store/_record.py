"""What is written down when something is added: whose it is, by which policy, when. A record is a dag-cbor block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import libipld

from klopf.errors import StoreError
from klopf.store._cid import CBOR, Cid

__all__ = ["Record"]

_FORMAT = 1


@dataclass(frozen=True)
class Record:
    """From a root back to where it came from."""

    root: Cid
    name: str
    """Of the file or folder that was added."""
    profile: str
    """How its bytes became blocks."""
    time: str
    """When, ISO 8601 in UTC, by the clock of who added it."""
    device: str = ""
    """Empty: stored as it was, by no policy."""
    policy: Cid | None = None
    """The block with the policy's text."""
    said: dict[str, Any] | None = None
    """What the policy did, in numbers, by file."""

    def block(self) -> bytes:
        return bytes(
            libipld.encode_dag_cbor(
                {
                    "format": _FORMAT,
                    "root": self.root.raw,
                    "name": self.name,
                    "profile": self.profile,
                    "time": self.time,
                    "device": self.device,
                    "policy": self.policy.raw if self.policy else None,
                    "said": self.said,
                }
            )
        )

    @property
    def cid(self) -> Cid:
        return Cid.of(self.block(), CBOR)

    @classmethod
    def read(cls, block: bytes) -> Record:
        """
        Raises:
            StoreError: it is none.
        """
        try:
            said = libipld.decode_dag_cbor(block)
            if said["format"] != _FORMAT:
                raise StoreError("a record of adding was written by another version of Klopf")
            name, profile, time, device = (said[key] for key in ("name", "profile", "time", "device"))
            if not all(isinstance(text, str) for text in (name, profile, time, device)):
                raise TypeError
            policy = Cid.read(said["policy"]) if said["policy"] is not None else None
            return cls(Cid.read(said["root"]), name, profile, time, device, policy, said["said"])
        except StoreError:
            raise
        except Exception:  # what a stranger's bytes make the decoder raise is no short list
            raise StoreError("a record of adding is damaged") from None

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "root": str(self.root),
            "record": str(self.cid),
            "name": self.name,
            "device": self.device,
            "policy": str(self.policy) if self.policy else None,
            "time": self.time,
            "profile": self.profile,
            "said": self.said,
        }
