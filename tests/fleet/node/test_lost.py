"""Devices in processes of their own, over mutual TLS, and what is lost with one that is killed: nothing."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace

import pytest

from klopf import fleet
from klopf.fleet.node import Node, reach
from tests.fleet.homes import digits
from tests.fleet.node.crew import FEW, WANTED, begun, crew

X, Y = (array[:192] for array in digits())


async def trained(leader, cards, wanted, meanwhile, **more):
    node = Node("node", X, Y, reach(leader, cards), **more)
    try:
        training = asyncio.create_task(node.fit(begun(), wanted, 100))
        await meanwhile(node, training)
        return await training, node.report
    finally:
        await leader.close()


@pytest.mark.long
@pytest.mark.parametrize(
    ("memories", "end"), [([FEW] * 4, signal.SIGKILL), ([1 << 30] * 3, signal.SIGKILL), ([1 << 30] * 2, signal.SIGSTOP)]
)
def test_a_device_that_is_killed_in_a_step_is_replaced_within_the_round(memories, end):
    killed: list[str] = []
    leader, wanted = fleet.Post("leader"), replace(WANTED, epochs=4)
    with crew(memories, leader.card(), pause=0.01) as (cards, processes):

        async def kill(node, training):
            while node.report.steps < 5:
                await asyncio.sleep(0.02)
            work = node.report.work  # who did least may stand aside, and would not be missed
            killed.append(max(node.report.stages[0].devices, key=lambda name: work[name]))
            os.kill(processes[killed[0]].pid, end)
            assert not training.done()

        update, report = asyncio.run(trained(leader, cards, wanted, kill, patience=5.0))
    one = fleet.TrainingDevice("node", X, Y).fit(begun(), wanted)
    assert update.digest == one.digest and update.loss == one.loss
    assert len(killed) == 1 and killed[0] in report.gone and report.steps == 15


@pytest.mark.long
def test_a_demand_is_trained_by_a_node_of_processes_one_of_which_is_killed():
    """Server, leader and devices each with a key; two rounds; the parameters are those of one device's."""
    server, leader = fleet.Post("server"), fleet.Post("node")
    demand, test = fleet.Demand(replace(WANTED, epochs=3), rounds=2), fleet.Test(X, Y)
    with crew([FEW] * 4, leader.card(), pause=0.01) as (cards, processes):

        async def run():
            node = Node("node", X, Y, reach(leader, cards))
            leader.knows(server.card())
            await leader.open(node)
            members = server.reach([leader.card()])
            rounds = asyncio.create_task(fleet.Rounds(demand, members, fleet.strategy("average"), test).run())
            while node.report.steps < 5:
                await asyncio.sleep(0.02)
            processes[node.report.stages[0].devices[0]].kill()
            try:
                return await rounds, node
            finally:
                await server.close()
                await leader.close()

        outcome, node = asyncio.run(run())
    one = fleet.Local(fleet.TrainingDevice("node", X, Y))
    alone = asyncio.run(fleet.Rounds(demand, [one], fleet.strategy("average"), test).run())
    assert [a.tobytes() for a in outcome.parameters] == [a.tobytes() for a in alone.parameters]
    assert len(outcome.rounds) == 2 and all(one.used == {"node": 1.0} for one in outcome.rounds)
    assert len(node.report.gone) == 1 and len(node.work) >= 3  # asked again in the second round, and still away
