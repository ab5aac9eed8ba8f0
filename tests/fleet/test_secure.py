"""The mean and nothing else: masks cancel, also when devices are lost at any stage, and nobody unmasks one device."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet
from klopf.errors import FleetError, WireError
from klopf.fleet._masked import Masker, least, unmasked
from klopf.fleet._parameters import flat
from klopf.fleet._shamir import joined, shared
from klopf.fleet.models import made
from tests.fleet.homes import SETTINGS, devices

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=3)


def test_fewer_shares_than_the_threshold_tell_nothing():
    secret = bytes(range(32))
    shares = shared(secret, 7, 5)
    assert joined(dict(list(shares.items())[2:])) == secret
    for few in (4, 3):
        with contextlib.suppress(ValueError):
            assert joined(dict(list(shares.items())[:few])) != secret


class Drops:
    """A device that is lost at a stage, from a round on."""

    def __init__(self, device, stage):
        self._member, self.name, self._stage = fleet.LocalMasked(Masker(device)), device.name, stage

    async def ask(self, stage, said, parameters, timeout):
        if stage == self._stage:
            raise FleetError("lost")
        return await self._member.ask(stage, said, parameters, timeout)


def plain_mean(own, now, names):
    changes = [flat(d.fit(now, replace(WANTED, round=1)).change) for d in own if d.name in names]
    return np.mean(changes, axis=0)


@pytest.mark.parametrize("stage", ["", "keys", "shares", "masked", "unmask"])
def test_the_sum_is_right_whoever_is_lost(stage):
    own, test = devices(7)
    members = [Drops(d, stage if i < 2 else "") for i, d in enumerate(own)]
    outcome = asyncio.run(fleet.run_masked(fleet.Demand(WANTED, rounds=1), members, test))
    now = made("mind", SETTINGS, 3).parameters()
    used = set(outcome.rounds[0].used)
    assert len(used) == (7 if stage in ("", "unmask") else 5)
    assert np.abs(flat(outcome.parameters) - flat(now) - plain_mean(own, now, used)).max() < 1e-4
    assert set(outcome.rounds[0].left_out) == {d.name for d in own} - used


def test_too_many_lost_is_one_line():
    own, test = devices(6)
    members = [Drops(d, "masked" if i < 2 else "") for i, d in enumerate(own)]
    with pytest.raises(FleetError, match="round is lost"):
        asyncio.run(fleet.run_masked(fleet.Demand(WANTED, rounds=1), members, test))


def staged(own, until):
    """Maskers at a stage, with what was said so far."""
    maskers = {d.name: Masker(d) for d in own}
    keys = {name: m.keys(1) for name, m in maskers.items()}
    sealed = {name: m.shares(keys) for name, m in maskers.items()}
    if until == "shares":
        return maskers, keys, sealed
    now = made("mind", SETTINGS, 3).parameters()
    masked = {n: m.masked({who: s[n] for who, s in sealed.items()}, now, WANTED) for n, m in maskers.items()}
    return maskers, keys, masked


def test_what_one_device_sends_looks_like_noise_and_two_stories_are_refused():
    own, _ = devices(4)
    maskers, keys, masked = staged(own, "masked")
    alone = masked["d000"].astype(np.float64) / 2**32
    assert abs(alone.mean() - 0.5) < 0.03 and alone.std() == pytest.approx(12**-0.5, rel=0.05)
    for survivors in (["d000"], ["d000", "d001"], ["d001", "d002", "d003"], ["d000", "d001", "d009"]):
        maskers_, _, _ = staged(own, "masked")
        with pytest.raises(FleetError, match="survivors"):
            maskers_["d000"].unmask(survivors)
    told = {name: m.unmask(sorted(masked)) for name, m in maskers.items()}
    assert all(set(share) == {"seed"} for said in told.values() for share in said.values())
    with pytest.raises(FleetError, match="asked for twice"):
        maskers["d000"].unmask(["d000", "d001", "d002"])
    with pytest.raises(FleetError, match="used once"):
        maskers["d000"].keys(1)
    with pytest.raises(FleetError, match="needed"):
        unmasked(masked, keys, sorted(keys), dict(list(told.items())[: least(4) - 1]))


def test_a_share_that_was_altered_is_refused():
    own, _ = devices(3)
    maskers, _, sealed = staged(own, "shares")
    given = {who: s["d000"] for who, s in sealed.items()}
    given["d001"] = given["d001"][:-2] + ("00" if given["d001"][-2:] != "00" else "01")
    with pytest.raises(FleetError, match="altered"):
        maskers["d000"].masked(given, made("mind", SETTINGS, 3).parameters(), WANTED)


def test_over_the_wire_until_the_test_is_met():
    own, test = devices(4)

    async def play():
        server, posts = fleet.Post("server"), []
        for device in own:
            post = fleet.Post(device.name)
            post.knows(server.card())
            await fleet.serve_masked(post, Masker(device))
            posts.append(post)
        members = fleet.reach_masked(server, [p.card() for p in posts])
        try:
            outcome = await fleet.run_masked(fleet.Demand(WANTED, rounds=15, goal=0.88, deadline=20), members, test)
            await members[0].ask("keys", {"round": 99}, [], 5)
            with pytest.raises(WireError, match="no stage"):
                await members[0].ask("shares", {"keys": 3}, [], 5)
        finally:
            for post in (*posts, server):
                await post.close()
        return outcome

    assert asyncio.run(play()).met
