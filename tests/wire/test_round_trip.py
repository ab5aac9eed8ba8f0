"""Asking and answering, over real sockets and TLS."""

from __future__ import annotations

import asyncio
import os

import numpy as np

from klopf import wire


def test_an_answer_comes_back() -> None:
    asyncio.run(_round_trip())


async def _round_trip() -> None:
    network = wire.network_id(31337, "0x" + "11" * 20)
    (certificate, signer), (other, asker) = ((wire.Certificate.new("n"), wire.LocalSigner(os.urandom(32))) for _ in "ab")
    roll = wire.Roll()
    axon = wire.Axon(certificate, signer, network=network, directory=roll)

    @axon.handle("answer")
    async def answer(request: wire.Request) -> wire.Answer:
        return wire.Answer({"outputs": request.tensors["inputs"] * 2}, {"asked by": request.peer.id})

    async with axon, wire.Dendrite(other, asker, network, roll) as dendrite:
        roll.put(wire.Peer(1, signer.address, axon.endpoint, certificate.fingerprint, certificate.der))
        roll.put(wire.Peer(2, asker.address, "", other.fingerprint, other.der))
        for size in (3, 1 << 19):  # one message; a stream
            inputs = np.random.default_rng(0).random(size)
            got = await dendrite.ask(1, "answer", {"inputs": inputs})
            np.testing.assert_array_equal(got.tensors["outputs"], inputs * 2)
            assert got.payload == {"asked by": 2}
