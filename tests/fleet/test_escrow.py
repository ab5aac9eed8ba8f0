"""A device that trains for pay asks the ledger first."""

from __future__ import annotations

import asyncio

from klopf import fleet, ledger
from klopf.errors import KlopfError
from tests.fleet.homes import SETTINGS, devices
from tests.ledger.conftest import KLP, embedded, secret


def test_a_device_trains_only_where_its_pay_is_locked():
    net, payer = embedded(), secret(5)
    net.admin.fund(payer.address, tokens=600 * KLP)
    (device,), _ = devices(1)
    server, post, stranger = fleet.Post("server"), fleet.Post("d"), fleet.Post("stranger")
    with ledger.connect(net.admin.rpc.where, payer, net.admin.deployment) as own:
        now = own.clock.now().time

        def opened(verifier=server.peer.key, price=100 * KLP, until=9000, dispute=7200):
            return own.jobs.open(verifier, price, now + until, dispute, b"\1" * 32)

        wrong = {
            0: "name the job",
            99: "not open",
            opened(stranger.peer.key): "not by you",
            opened(price=KLP): "the least here",
            opened(dispute=3600): "to object",
            opened(until=300): "too late to begin",
            opened(until=10**9): "within 90 days",
        }
        good = opened()

        async def play():
            post.knows(server.card())
            await post.open(fleet.Local(device), allowed=fleet.PaidOnly(own, price=10 * KLP, dispute=7200))
            (member,) = server.reach([post.card()])
            said = {}
            for job in (*wrong, good):
                wanted = fleet.Instructions("digits", "mind", SETTINGS, seed=3, escrow=job)
                try:
                    said[job] = (await member.apply(wanted, 20)).records
                except KlopfError as error:
                    said[job] = str(error)
            await post.close()
            await server.close()
            return said

        said = asyncio.run(play())
        assert said.pop(good) == len(device.inputs)
        for job, why in wrong.items():
            assert why in said[job] and "\n" not in said[job]
