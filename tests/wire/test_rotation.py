"""A certificate is replaced while its owner is asked and asks."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from klopf import wire
from klopf.errors import WireError


async def test_another_certificate_is_shown_without_a_restart(net: Any) -> None:
    async with net.axon() as axon, net.dendrite() as dendrite, net.dendrite(net.other, retries=0) as stale:
        old = net.speaker.peer(axon.endpoint)
        await dendrite.ask(1, "answer", {"x": np.ones(1)}, timeout=20)
        # the speaker's
        net.speaker.certificate = wire.Certificate.new("person 1", days=90)
        assert 89 < net.speaker.certificate.days_left <= 90
        axon.present(net.speaker.certificate)
        net.roll.put(net.speaker.peer(axon.endpoint))
        got = await dendrite.ask(1, "answer", {"x": np.ones(1)}, timeout=20)
        assert got.peer is not None
        assert got.peer.fingerprint == net.speaker.certificate.fingerprint != old.fingerprint
        # the asker's
        net.asker.certificate = wire.Certificate.new("person 2")
        dendrite.present(net.asker.certificate)
        der = net.asker.certificate.der
        net.roll.put(wire.Peer(2, net.asker.signer.address, "", hashlib.sha256(der).digest(), der))
        await dendrite.ask(1, "answer", {"x": np.ones(1)}, timeout=20)
        # whoever holds on to the old one is told that it is another
        net.roll.put(old)
        with pytest.raises(WireError, match="another certificate"):
            await stale.ask(1, "answer", {"x": np.ones(1)}, timeout=10)
