"""The modes of a demand's folder: stopped in any of them it goes on, and members are told what a round was worth."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from klopf import fleet, wire
from klopf.errors import FleetError
from tests.fleet.homes import SETTINGS, devices
from tests.fleet.test_demand import written

WANTED = fleet.Instructions("digits", "mind", SETTINGS, epochs=2, seed=0)


def posted(folder, mode: str, **more: object) -> fleet.DemandFolder:
    settings = fleet.DemandSettings.read(written(folder, goal=1.0, rounds=3))
    return fleet.DemandFolder.create(folder / "load", settings.model_copy(update={"mode": mode, **more}))


@contextlib.asynccontextmanager
async def served(made: fleet.DemandFolder, count: int, homes=None, masked: bool = False):
    """``count`` devices that answer in this process, each with a home for what it is told: their cards."""
    posts = [fleet.Post(device.name) for device in devices(count)[0]]
    for post, device in zip(posts, devices(count)[0], strict=True):
        post.knows(made.post().card())
        told = fleet.Told(homes / f"{device.name}.jsonl", device.name) if homes else lambda peer, wanted: ""
        if masked:
            await fleet.serve_masked(post, fleet.Masker(device))
        else:
            await post.open(fleet.Local(device), allowed=told)
    try:
        yield [post.card() for post in posts]
    finally:
        for post in posts:
            await post.close()


class Killed(Exception):
    pass


def stopped_after(number: int):
    def told(one: fleet.Round) -> None:
        if one.number == number:
            raise Killed

    return told


@pytest.mark.parametrize("mode", ["rounds", "plain", "buffered", "masked"])
def test_stopped_in_any_mode_it_goes_on_and_the_shares_are_of_all_rounds(mode, tmp_path):
    made = posted(tmp_path, mode, buffer=0.75)

    async def play():
        async with served(made, 4, masked=mode == "masked") as cards:
            with pytest.raises(Killed):
                await made.run(cards, stopped_after(2))
            between = made.state()
            return between, await fleet.DemandFolder(made.path).run(cards)

    between, outcome = asyncio.run(play())
    assert between["round"] == 2 and [one.number for one in outcome.rounds] == [3]
    assert [one["number"] for one in made.state()["rounds"]] == [1, 2, 3]
    assert sum(outcome.shares.values()) == pytest.approx(1)
    assert outcome.rounds[0].score > 0.5
    again = asyncio.run(fleet.DemandFolder(made.path).run([]))  # all is over: nobody is asked
    assert dict(again.shares) == dict(outcome.shares) and not again.rounds
    if mode == "masked":
        assert set(outcome.shares.values()) == {0.25} and not outcome.rounds[0].values


def test_a_restarted_server_knows_who_was_near_and_what_the_model_changed(tmp_path):
    """As if it had never been stopped: the copy shares what it earned, and resending is nobody's work."""
    made, (own, _) = posted(tmp_path, "rounds"), devices(4)
    validation, test = made.records()

    class Copies:
        name = "copies"
        apply = own[0].apply

        def fit(self, parameters, wanted):
            return own[0].fit(parameters, wanted)

    members = [*map(fleet.Local, own), fleet.Local(Copies())]

    def rounds(many: int) -> fleet.Rounds:
        demand = replace(made.demand(), rounds=many)
        return fleet.Rounds(demand, members, fleet.strategy("robust"), test, validation=validation)

    whole, first, second = rounds(3), rounds(2), rounds(3)
    asyncio.run(whole.run())
    half = asyncio.run(first.run())
    kept = json.loads(json.dumps(first.standing()))
    second.restore(kept)
    second.restore_seen(first.seen())
    outcome = asyncio.run(second.run(half.parameters, 2))
    assert second.standing() == whole.standing() and dict(second.values) == dict(whole.values)
    assert all(np.array_equal(a, b) for a, b in zip(second.seen(), whole.seen(), strict=True))
    assert outcome.rounds[-1].near["copies"] == ["d000"]


def test_each_member_is_told_signed_what_its_round_was_worth(tmp_path):
    made = posted(tmp_path, "rounds")

    async def play():
        async with served(made, 3, tmp_path) as cards:
            with pytest.raises(Killed):
                await made.run(cards, stopped_after(1))
            return await fleet.DemandFolder(made.path).run(cards)

    asyncio.run(play())
    state, server = made.state(), made.post().peer.key
    for name in ("d000", "d001", "d002"):
        lines = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        said = [fleet.Statement.read(line, server) for line in lines]
        assert [one.round for one in said] == [1, 2]
        assert [one.value for one in said] == [state["rounds"][i]["values"][name] for i in range(2)]
        assert {one.validation for one in said} == {made.records()[0].commitment()}
        assert all(0 <= one.share <= 1 for one in said)


def test_who_is_not_told_works_no_further(tmp_path):
    """By whoever else signed, of another round, device or job, or not at all; and of the right one it goes on."""
    server, stranger = fleet.Post("server"), fleet.Post("stranger")
    said = fleet.Statement("digits", 0, 1, "d", 0.5, 0.25, "ab", "cd")
    signed = said.signed(server.sign)
    wanted = replace(WANTED, round=2, said=signed)
    wrong = {
        "no server's word": replace(wanted, said={}),
        "signature is not": replace(wanted, said=said.signed(stranger.sign)),
        "value or share": replace(wanted, said=replace(said, share=2.0).signed(server.sign)),
        "of round 1, d": replace(wanted, round=3),
        "of round 1, e": replace(wanted, said=replace(said, name="e").signed(server.sign)),
        "(value)": replace(wanted, said=replace(said, value="much").signed(server.sign)),
    }
    told = fleet.Told(tmp_path / "said.jsonl", "d")
    for why, asked in wrong.items():
        assert why in told(server.peer, asked) and "not accounted for" in told(server.peer, asked)
    assert told(server.peer, replace(WANTED, round=1)) == "" and not (tmp_path / "said.jsonl").exists()
    for _ in range(2):
        assert told(server.peer, wanted) == ""
    assert fleet.Told(tmp_path / "said.jsonl", "d")(server.peer, wanted) == ""  # also after a restart: one line
    assert [json.loads(line) for line in (tmp_path / "said.jsonl").read_text().splitlines()] == [signed]


@pytest.mark.parametrize("choice", ["useful", "even"])
def test_a_part_of_the_devices_is_asked_after_all_have_applied(choice, tmp_path):
    """Stopped and started again it asks to apply anew; no statement is told twice, and none is missing."""
    made = posted(tmp_path, "rounds", share=0.5, choice=choice)
    applied = []

    class Counts(fleet.TrainingDevice):
        def apply(self, wanted):
            applied.append(self.name)
            return super().apply(wanted)

    async def play():
        posts = [fleet.Post(device.name) for device in devices(4)[0]]
        for post, device in zip(posts, devices(4)[0], strict=True):
            post.knows(made.post().card())
            told = fleet.Told(tmp_path / f"{device.name}.jsonl", device.name)
            await post.open(fleet.Local(Counts(device.name, device.inputs, device.targets)), allowed=told)
        try:
            cards = [post.card() for post in posts]
            with pytest.raises(Killed):
                await made.run(cards, stopped_after(2))
            return await fleet.DemandFolder(made.path).run(cards)
        finally:
            for post in posts:
                await post.close()

    outcome = asyncio.run(play())
    assert outcome.rounds[-1].number == 3 and outcome.rounds[-1].score > 0.5
    assert sorted(applied) == (sorted([f"d{i:03}" for i in range(4)] * 2) if choice == "useful" else [])
    for one in made.state()["rounds"]:
        assert len(one["work"]) == 2
    for i in range(4):
        path = tmp_path / f"d{i:03}.jsonl"
        rounds = [json.loads(line)["round"] for line in path.read_text().splitlines()] if path.exists() else []
        assert len(rounds) == len(set(rounds))


def test_masked_rounds_are_whole_and_of_all(tmp_path):
    path = written(tmp_path)
    for line in ("sparse = true", "share = 0.5"):
        (tmp_path / "masked.toml").write_text(f'{line}\nmode = "masked"\n{path.read_text()}')
        with pytest.raises(FleetError, match="masked rounds are of all devices"):
            fleet.DemandSettings.read(tmp_path / "masked.toml")


def test_more_statements_than_are_kept_are_declined(tmp_path, monkeypatch):
    monkeypatch.setattr("klopf.fleet._statement.MOST", 2)
    server, told = fleet.Post("server"), fleet.Told(tmp_path / "said.jsonl", "d")

    def asked(number):
        said = fleet.Statement("digits", 0, number, "d", 0.5, 0.25, "ab", "cd").signed(server.sign)
        return told(server.peer, replace(WANTED, round=number + 1, said=said))

    assert [asked(number) for number in (1, 2, 2, 1)] == [""] * 4
    assert "at most" in asked(3) and "move said.jsonl" in asked(3)
    assert len((tmp_path / "said.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("mode", ["rounds", "masked"])
def test_a_demand_waits_for_devices_before_its_first_round(mode, tmp_path):
    made, lines = posted(tmp_path, mode, enough=0.6), []

    async def answers(post, device, port=0):
        if mode == "masked":
            await fleet.serve_masked(post, fleet.Masker(device), port=port)
        else:
            await post.open(fleet.Local(device), port=port)

    async def play():
        secret, certificate = os.urandom(32), wire.Certificate.new("d002")
        own, cards = [fleet.Post(f"d00{i}") for i in (0, 1)], []
        own += [fleet.Post("d002", secret=secret, certificate=certificate), fleet.Post("d003")]
        for post, device in zip(own, devices(4)[0], strict=True):
            post.knows(made.post().card())
            await answers(post, device)
            cards.append(post.card())
        for post in own[2:]:
            await post.close()
        with pytest.raises(FleetError, match="2 of 4 devices answer, and 3 are needed; missing: d002, d003 ") as caught:
            await made.run(cards, said=lines.append)
        assert "\n" not in str(caught.value) and not lines and not made.state()
        running = asyncio.create_task(made.run(cards, patience=300, said=lines.append))
        while not lines:
            await asyncio.sleep(0.05)
        assert "missing: d002, d003" in lines[0] and "s more at most" in lines[0]
        port = cards[2].peer.endpoint.rsplit(":", 1)[1]
        back = fleet.Post("d002", secret=secret, certificate=certificate)
        back.knows(made.post().card())
        device = devices(4)[0][2]
        await answers(back, device, int(port))
        try:
            return await running
        finally:
            for post in (*own[:2], back):
                await post.close()

    outcome = asyncio.run(play())
    assert [one.number for one in outcome.rounds] == [1, 2, 3] and "d002" in outcome.rounds[0].used
