"""What the panels say is what the ledger says: money, alarms, models, votes, jobs, devices."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from klopf.console.web._follow import Follower
from klopf.console.web._proposal import proposal
from klopf.console.web._reading import Reading
from klopf.console.web.views.alarms import Alarms
from klopf.console.web.views.devices import Devices, Nodes
from klopf.console.web.views.underway import Doubts, UnderWay
from klopf.errors import LedgerError
from klopf.ledger import KLP, Role, events
from klopf.ledger.audit.audits import Result
from klopf.ledger.evidence.challenges import Place
from klopf.network import Known
from tests.console.web.acting import Governed
from tests.console.web.network import get, served
from tests.console.web.test_follow import read

AT = (1, 1, "0x" + "11" * 32, "")


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Governed:
    return Governed(tmp_path_factory.mktemp("governed"))


@pytest.fixture
def followed(net: Governed) -> Iterator[Follower]:
    follower = read(Follower(net.source))
    yield follower
    follower.close()


@pytest.fixture
def reading() -> Reading:
    return Reading("small", lambda id: f"#{id}")


def rows(follower: Follower, view: str) -> dict[str, Any]:
    state = follower.state()
    assert not state["broken"] and not state["trouble"]
    found: dict[str, Any] = state["views"][view]["rows"]
    return found


def alarms(follower: Follower) -> dict[str, tuple[str, int]]:
    return {key: (row[0], row[1]) for key, row in rows(follower, "alarms").items()}


def test_money_is_the_ledgers(tmp_path: Path):
    net = Governed(tmp_path)
    anna, own = net.ids["anna"], net.own["anna"]
    own.stake.unstake(anna, 30 * KLP)
    account = net.book.stake.account(anna)
    follower = read(Follower(net.source))
    row = rows(follower, "money")[str(anna)]
    assert row[:2] == [anna, "neuron"] and row[9] == net.keys["anna"].address
    assert (float(row[3]), float(row[4])) == (account.staked / KLP, 30.0) and row[5] == account.ready_at
    assert alarms(follower)[f"thaw:{anna}"] == ("stake thaws, and can be withdrawn then", anna)
    least = net.book.rules.current().neuron_stake
    assert (f"floor:{anna}" in alarms(follower)) == (account.staked < least)
    net.pass_time(net.book.rules.current().thaw_seconds + 1)
    own.stake.withdraw(anna)
    own.stake.stake(anna, 30 * KLP)
    row = rows(read(follower), "money")[str(anna)]
    assert float(row[4]) == 0 and row[5] is None and f"thaw:{anna}" not in alarms(follower)
    follower.close()


def test_who_is_under_the_least_stake_is_told_how_much_it_lacks(net: Governed):
    bert, least = net.ids["bert"], net.book.rules.current().neuron_stake
    net.own["bert"].stake.unstake(bert, net.book.stake.account(bert).staked - least + 5 * KLP // 2)
    follower = read(Follower(net.source))
    row = rows(follower, "alarms")[f"floor:{bert}"]
    assert row == ["its stake is under the least", bert, None, None, f"stake?id={bert}&amount=3"]
    net.own["bert"].stake.stake(bert, 3 * KLP)
    assert f"floor:{bert}" not in alarms(read(follower))
    follower.close()


def test_a_dispute_is_an_alarm_until_it_is_answered(tmp_path: Path):
    net = Governed(tmp_path)
    epoch, anna, bert = net.dispute(tmp_path / "receipts.jsonl")
    follower = read(Follower(net.source))
    which = f"epoch={epoch}&listener={anna}&speaker={bert}"
    row = rows(follower, "alarms")[f"dispute:{which}"]
    found = net.book.disputes.get(epoch, anna, bert)
    assert found is not None and row == ["a dispute is to be answered", anna, epoch, found.answer_by, f"answer?{which}"]
    desk = net.desk(receipts=tmp_path / "receipts.jsonl")
    shown = desk.preview("answer", dict(part.split("=") for part in which.split("&")))
    desk.confirm(shown["token"], shown["digest"])
    assert f"dispute:{which}" not in alarms(read(follower))
    follower.close()


def test_what_a_proposal_would_change_is_said_in_words(net: Governed, followed: Follower):
    said = proposal(net.source, net.proposal)
    assert said["changes"] == [{"rule": "seats", "now": "4", "then": "7"}] and said["state"] == "active"
    assert said["description"] == "seven seats <b>now</b>" and said["proposer"] == net.operator.address
    assert alarms(followed)[f"vote:{net.proposal}"][0] == "a vote is open"
    assert rows(followed, "votes")[str(net.proposal)][0] == str(net.proposal)
    with pytest.raises(LedgerError, match="no proposal"):
        proposal(net.source, 7)
    with served(net.source) as url:
        assert json.loads(get(f"{url}/api/proposal/{net.proposal}")[1]) == said
        for senseless in ("7", "x", "-1", "9" * 100, "%2e%2e"):
            assert get(f"{url}/api/proposal/{senseless}")[0] == 404


def test_models_that_a_neuron_had(net: Governed):
    net.own["anna"].registry.change_model(net.ids["anna"], "another <b>one</b>")
    follower = read(Follower(net.source))
    had = [row[2] for row in rows(follower, "models").values() if row[0] == net.ids["anna"]]
    assert len(had) == 2 and had[-1] == "another <b>one</b>"
    follower.close()


def test_a_job_is_an_alarm_until_it_is_paid(net: Governed):
    job, follower = net.job(), Follower(net.source)
    assert alarms(read(follower))[f"job:{job}"][0] == "a job is to be reported on"
    desk = net.desk()
    shown = desk.preview("approve", {"job": str(job)})
    desk.confirm(shown["token"], shown["digest"])
    assert alarms(read(follower))[f"job:{job}"][0] == "a job's report can be objected to"
    net.pass_time(3_601)
    net.book.jobs.pay(job, net.keys["bert"].address)
    assert f"job:{job}" not in alarms(read(follower))
    follower.close()


def test_a_neuron_that_stays_away_is_told_until_it_posts(reading: Reading):
    view, id = Alarms(reading), 1
    reading.tally.everybody[1] = Known(1, role=Role.NEURON)
    view.take(events.settlement.Posted(*AT, id, 1, bytes(32), 0))
    for epoch in range(2, 6):
        view.take(events.clock.Opened(*AT, epoch, 0, 0, 2, bytes(32)))
        assert (f"away:{id}" in view.now) == (epoch > 4)
    assert view.now[f"away:{id}"][:3] == ["it stays away", id, 1]
    view.take(events.settlement.Posted(*AT, id, 5, bytes(32), 0))
    assert f"away:{id}" not in view.now


def test_a_lost_audit_is_told_until_one_is_passed(reading: Reading):
    view = Alarms(reading)
    view.take(events.audits.Concluded(*AT, 3, 1, 5, {"accuracy": 10}, False))
    assert view.now["audit:1"][:3] == ["it lost its audit", 1, 3]
    view.take(events.audits.Concluded(*AT, 4, 1, 5, {}, False))
    assert "audit:1" in view.now, "one without scores decides nothing"
    view.take(events.audits.Concluded(*AT, 5, 1, 5, {"accuracy": 9_000}, True))
    assert "audit:1" not in view.now


def test_alarms_do_not_grow_without_end(reading: Reading):
    view = Alarms(reading)
    for epoch in range(2_000):
        view.take(events.disputes.Disputed(*AT, epoch, 1, 2, bytes(32), 9))
    assert len(view.now) == 500


def test_an_audit_is_under_way_until_it_is_concluded(reading: Reading):
    view, a = UnderWay(reading), events.audits
    view.take(a.Committed(*AT, 3, 9, bytes(32)))
    view.take(a.Committed(*AT, 3, 8, bytes(32)))
    view.take(a.Revealed(*AT, 3, 9, (Result(1, {"accuracy": 5}), Result(2, {})), bytes(32)))
    assert view.news() == {"3:9": [3, 9, "showed its scores", 2], "3:8": [3, 8, "sealed its scores", 0]}
    view.take(a.Concluded(*AT, 3, 1, 2, {"accuracy": 5}, True))
    assert view.news() == {"3:9": None, "3:8": None} and not view.now
    view.take(a.Committed(*AT, 4, 9, bytes(32)))
    view.take(events.clock.Opened(*AT, 7, 0, 0, 2, bytes(32)))
    assert not view.now, "nobody concludes it any more"


def test_a_doubt_is_open_until_it_is_shown(reading: Reading):
    view, c = Doubts(reading), events.challenges
    for id, end in ((b"a" * 32, c.Shown(*AT, b"a" * 32, ())), (b"b" * 32, c.Upheld(*AT, b"b" * 32))):
        view.take(c.Doubted(*AT, id, Place(3, 8, 1, "accuracy", 0), "0x", 99, 0))
        assert view.now[id.hex()] == [3, 8, 1, "accuracy", 99, "open"]
        view.take(end)
    assert [row[5] for row in view.now.values()] == ["answered", "upheld"]


def test_devices_and_nodes(reading: Reading):
    devices, nodes = Devices(reading), Nodes(reading)
    e = events.effort
    told: list[events.Event] = [
        e.NodeFounded(*AT, 1, "0xn", bytes(32), 500), e.NodeFounded(*AT, 2, "0xm", bytes(32), 0),
        events.devices.Born(*AT, 7, "0xo", "0xk", 4, 1, 8_192, bytes(32)), e.Joined(*AT, 7, 1),
        e.Reported(*AT, 3, 1, 7, "0xo", 5 * KLP, 1, 1, 1, 0, 0), e.DevicePaid(*AT, 3, 7, "0xo", 2 * KLP),
        e.NodePaid(*AT, 3, 1, 3 * KLP, KLP), events.devices.Transfer(*AT, "0xo", "0xp", 7), e.Joined(*AT, 7, 2),
        e.Reported(*AT, 3, 1, 99, "0xo", 5 * KLP, 1, 1, 1, 0, 0),
    ]  # fmt: skip
    for event in told:
        devices.take(event)
        nodes.take(event)
    (device,), (first, second) = devices.news().values(), nodes.news().values()
    assert device is not None and device[:6] == [7, "0xp", 2, 4, 8_192, 1]
    assert first is not None and first[:5] == [1, "0xn", 0.05, 0, 3]
    assert second is not None and second[:5] == [2, "0xm", 0.0, 1, None]
    assert [float(str(row[at])) for row, at in ((device, 6), (device, 7), (first, 5), (first, 6))] == [5, 2, 10, 3]
