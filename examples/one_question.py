"""A neuron on the wire answers one question of another, over mutual TLS, without a certificate authority.

python examples/one_question.py
"""

import asyncio
import os

import numpy as np

from klopf import mind, wire


async def ask() -> None:
    learner = mind.Mind(2, 2, hidden=(8,), seed=0)
    r = np.random.default_rng(0)
    X = r.normal(size=(2000, 2))
    learner.learn(X, (X[:, 0] * X[:, 1] > 0).astype(int))

    network = wire.network_id(31337, "0x" + "11" * 20)  # a chain, and the registry's contract on it
    speaker, asker = wire.LocalSigner(os.urandom(32)), wire.LocalSigner(os.urandom(32))
    mine, theirs = wire.Certificate.new("speaker"), wire.Certificate.new("asker")
    directory = wire.Members()  # who takes part; a network fills it from the ledger's registry
    axon = wire.Axon(mine, speaker, network=network, directory=directory)

    @axon.handle("answer")
    async def answer(request):
        return wire.Answer({"outputs": learner.predict_proba(request.tensors["inputs"])})

    async with axon, wire.Dendrite(theirs, asker, network, directory) as dendrite:
        directory.put(wire.Peer(1, speaker.address, axon.endpoint, mine.fingerprint, mine.der))
        directory.put(wire.Peer(2, asker.address, "", theirs.fingerprint, theirs.der))
        got = await dendrite.ask(1, "answer", {"inputs": np.array([[1.0, 1.0], [1.0, -1.0]])}, timeout=10)
    for question, p in zip(("same sign", "other sign"), got.tensors["outputs"], strict=True):
        print(f"{question:10} p(same) = {p[1]:.2f}")


if __name__ == "__main__":
    asyncio.run(ask())
