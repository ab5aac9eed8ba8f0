"""The sum of what devices give and nothing of each: masks that cancel, and shares to take away those of whoever is
lost.

Secure aggregation (Bonawitz et al. 2017) in four stages. *keys*: each device draws two X25519 keys and a seed.
*shares*: its mask key and its seed go to the others in Shamir shares, sealed for each of them. *masked*: it sends its
change as fixed-point numbers plus a mask from its seed, plus and minus one for each pair, modulo 2^32. *unmask*: of
whoever has sent, the others give shares of the seed; of whoever was lost, of the mask key; never both. The server is
believed to pass keys on as they are and to name the same survivors to everybody; a threshold above two thirds makes
telling two stories useless."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from klopf.errors import FleetError
from klopf.fleet._device import Device, Instructions
from klopf.fleet._parameters import Parameters, flat
from klopf.fleet._shamir import joined, shared
from klopf.nested import from_json

__all__ = ["CLIP", "Masker", "least", "unmasked"]

CLIP = 8.0
"""A number of a change beyond this is cut: fixed-point numbers have an end."""
_SCALE = 2.0**16
_MOST = 2000
"""Members: the sum of so many stays within 32 bits."""


def least(count: int) -> int:
    """How many of ``count`` must last to the end: more than two thirds, so that no two groups of survivors are
    enough."""
    return 2 * count // 3 + 1


def _agreed(own: X25519PrivateKey, their: bytes, what: bytes) -> bytes:
    secret = own.exchange(X25519PublicKey.from_public_bytes(their))
    return HKDF(hashes.SHA256(), 32, None, b"klopf/fleet/" + what).derive(secret)


def _stream(seed: bytes, size: int) -> NDArray[np.uint32]:
    cipher = Cipher(ChaCha20(seed, bytes(16)), None).encryptor()
    return np.frombuffer(cipher.update(bytes(4 * size)), "<u4").astype(np.uint32)


def _raw(key: X25519PrivateKey) -> bytes:
    return key.private_bytes_raw()


class Masker:
    """A device's side of one round after the other. What it is asked out of order, or twice in another way, it
    declines."""

    def __init__(self, device: Device) -> None:
        self.name, self._device = device.name, device
        self._round = 0

    def keys(self, number: int) -> dict[str, str]:
        """Public keys for round ``number``, which is later than all before."""
        if number <= self._round:
            raise FleetError(f"round {number} is over: masks are used once")
        self._round, self._stage = number, 1
        self._seal, self._mask, self._seed = X25519PrivateKey.generate(), X25519PrivateKey.generate(), os.urandom(32)
        return {"seal": self._seal.public_key().public_bytes_raw().hex(), "mask": self._public().hex()}

    def _public(self) -> bytes:
        return self._mask.public_key().public_bytes_raw()

    def shares(self, everybody: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Its shares for each of the others, sealed; ``everybody``'s keys by name."""
        self._next(1, 2)
        if not 3 <= len(everybody) <= _MOST or everybody.get(self.name, {}).get("mask") != self._public().hex():
            raise FleetError("masks need three devices at least, and this one's key among theirs")
        self._all = {name: {k: bytes.fromhex(v) for k, v in keys.items()} for name, keys in sorted(everybody.items())}
        self._places = {name: place for place, name in enumerate(self._all, 1)}
        threshold = least(len(self._all))
        seeds, masks = (shared(s, len(self._all), threshold) for s in (self._seed, _raw(self._mask)))
        sealed = {}
        for name, place in self._places.items():
            said = json.dumps({"from": self.name, "seed": seeds[place].hex(), "mask": masks[place].hex()}).encode()
            key = _agreed(self._seal, self._all[name]["seal"], b"seal")
            nonce = os.urandom(12)
            sealed[name] = (nonce + ChaCha20Poly1305(key).encrypt(nonce, said, self._about(self.name, name))).hex()
        return sealed

    def _about(self, sender: str, to: str) -> bytes:
        return f"{self._round} {sender} {to}".encode()

    def masked(self, sealed: Mapping[str, str], parameters: Parameters, wanted: Instructions) -> NDArray[np.uint32]:
        """Its change, masked: ``sealed`` are the shares that the others made for it, by who made them."""
        self._next(2, 3)
        if len(sealed) < least(len(self._all)) or not set(sealed) <= set(self._all):
            raise FleetError("too few devices have shared their keys: the round cannot be finished")
        self._held = {name: self._unsealed(name, bytes.fromhex(text)) for name, text in sealed.items()}
        change = flat(self._device.fit(parameters, wanted).change).astype(np.float64)
        total = np.round(np.clip(change, -CLIP, CLIP) * _SCALE).astype(np.int64).astype(np.uint32)
        total += _stream(self._seed, total.size)
        for name in self._held:
            if name != self.name:
                mask = _stream(_agreed(self._mask, self._all[name]["mask"], b"mask"), total.size)
                total = total + mask if self.name < name else total - mask
        return total

    def _unsealed(self, name: str, data: bytes) -> dict[str, str]:
        key = _agreed(self._seal, self._all[name]["seal"], b"seal")
        try:
            said = from_json(ChaCha20Poly1305(key).decrypt(data[:12], data[12:], self._about(name, self.name)))
            return {"seed": said["seed"], "mask": said["mask"]}
        except InvalidTag:
            raise FleetError(f"a share of {name} was altered on its way") from None
        except (ValueError, TypeError, KeyError):
            raise FleetError(f"{name} has sealed what are no shares") from None

    def unmask(self, survivors: list[str]) -> dict[str, dict[str, str]]:
        """Of each survivor a share of its seed, of each one lost a share of its mask key."""
        self._next(3, 4)
        there = set(survivors)
        if self.name not in there or not there <= set(self._held) or len(there) < least(len(self._all)):
            raise FleetError("these survivors are too few, or not those who have shared their keys")
        which = {name: "seed" if name in there else "mask" for name in self._held}
        return {name: {what: self._held[name][what]} for name, what in which.items()}

    def _next(self, stage: int, following: int) -> None:
        if getattr(self, "_stage", 0) != stage:
            raise FleetError("a stage of this round was left out or asked for twice: begin the next round")
        self._stage = following


def unmasked(
    masked: Mapping[str, NDArray[np.uint32]],
    keys: Mapping[str, Mapping[str, str]],
    sharing: list[str],
    told: Mapping[str, Mapping[str, Mapping[str, str]]],
) -> NDArray[np.float32]:
    """The mean change of whoever has sent one, shape ``(numbers,)``.

    masked: what arrived, by name. keys: everybody's public keys. sharing: who has shared its keys. told: what each
    survivor says in the last stage.

    Raises:
        FleetError: too few survivors, or their shares do not fit.
    """
    threshold = least(len(keys))
    places = {name: place for place, name in enumerate(sorted(keys), 1)}
    if len(told) < threshold:
        raise FleetError(f"{len(told)} of {len(keys)} devices are left, and {threshold} are needed: the round is lost")

    def secret(name: str, what: str) -> bytes:
        parts = {places[who]: bytes.fromhex(said[name][what]) for who, said in list(told.items())[:threshold]}
        return joined(parts)

    total = np.sum(np.stack(list(masked.values())), axis=0, dtype=np.uint32)
    try:
        for name in masked:
            total = total - _stream(secret(name, "seed"), total.size)
        for lost in set(sharing) - set(masked):
            own = X25519PrivateKey.from_private_bytes(secret(lost, "mask"))
            if own.public_key().public_bytes_raw().hex() != keys[lost]["mask"]:
                raise ValueError("a mask key is not the one that was announced")
            for name in masked:
                mask = _stream(_agreed(own, bytes.fromhex(keys[name]["mask"]), b"mask"), total.size)
                total = total + mask if lost < name else total - mask
    except (KeyError, ValueError) as error:
        raise FleetError(f"the masks cannot be taken away ({str(error)[:80]}): the round is lost") from None
    return np.asarray(total.astype(np.int32) / _SCALE / len(masked), np.float32)
