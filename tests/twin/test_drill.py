"""A disaster rehearsed: what was trained does better where it was not trained, and only what it may see decides."""

import json

import numpy as np
import pytest

from klopf.errors import ExtensionError, TwinError
from klopf.twin import Plan, Response, Scenario, World, drill, outcome, policy_called
from klopf.twin._drill import varied
from klopf.twin._response import UNTRAINED, numbers, vector

STORM = Scenario.read("storm")
SMALL = Plan(households=8)


@pytest.fixture(scope="module")
def told():
    return drill(STORM, SMALL, range(4), 4, rounds=4, many=10, worlds=3)


def test_a_trained_response_loses_less_in_storms_that_it_has_not_seen(told):
    mean, money = ({name: np.mean(came[what]) for name, came in told.came.items()} for what in ("hours", "money"))
    assert told.worlds == 120 and len(told.came["trained"]["money"]) == 4
    assert mean["trained"] < mean["today's rules"]
    assert money["trained, others like it"] < money["today's rules, others like it"]
    assert mean["today's rules, uncoupled"] < mean["today's rules"]  # what coupling adds


def test_the_same_seed_trains_the_same():
    one, again, other = (drill(STORM, SMALL, [0], 2, rounds=1, many=4, worlds=1, seed=seed) for seed in (0, 0, 1))
    assert one == again and one.response != other.response


def test_untrained_is_today_to_the_bit():
    worlds = [World(SMALL, 1, scenario=STORM).run(96, one) for one in (None, Response(), policy_called("rules"))]
    assert len({one.sums()["people"]["lost"].tobytes() for one in worlds}) == 1
    assert np.allclose(vector(numbers(vector(UNTRAINED))), vector(UNTRAINED))


def test_each_number_does_what_it_says():
    def lived(steps=72, scenario=STORM, **given):
        return World(SMALL, 1, scenario=scenario).run(steps, Response(given))

    today = lived()
    assert lived(works=1.0).sums()["water"]["dry"][0] < today.sums()["water"]["dry"][0]
    levels = [lived(10, None, tank=x).sectors["water"].state["level"][0] for x in (0.3, 0.98)]
    assert levels[1] > levels[0]
    plain, reserve = (lived(30, None, reserve=x).seen()["households"][:, 6].sum() for x in (0.0, 0.9))
    assert reserve > plain
    assert outcome(lived(30, None, warmth=1.0)).cost > outcome(lived(30, None)).cost
    short = Scenario.read("supply")
    done = [lived(96, short, pause=x).sums()["factory"]["done"][0] for x in (-1.0, 1.0)]
    assert done[1] < done[0]


def test_disasters_like_it_strike_other_lines_at_another_time():
    some = [varied(STORM, SMALL, seed) for seed in range(20)]
    assert len({one.shocks[-1].where for one in some}) > 10 and len({one.shocks[0].at for one in some}) > 5
    for one in some:
        assert len(set(one.shocks[-1].where)) == 3 and min(one.shocks[-1].where) > 0
        assert one.shocks[-1].at - one.shocks[0].at == 6.0


def test_what_was_trained_is_a_policy_of_the_commands(tmp_path):
    Response({"works": 1.0}).write(tmp_path / "r.json")
    policy = policy_called(str(tmp_path / "r.json"))
    assert policy.numbers["works"] == 1.0 and policy.called == str(tmp_path / "r.json")
    assert Response().says() == ["nothing is done otherwise than by today's rules"] and len(Response(
        {"tank": 0.9, "reserve": 0.5, "warmth": 0.5, "works": 1.0, "pause": 1.0}).says()) == 5  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [("x", "is no response"), ("[]", "is no response"), ('{"response": 3}', "is no response"),
     ('{"response": {"moon": 1}}', "has no 'moon'"), ('{"response": {"tank": 9}}', "from 0.2 to 0.98"),
     ('{"response": {"tank": NaN}}', "from 0.2 to 0.98"), ("[" * 100_000, "is no response")],
)  # fmt: skip
def test_a_file_that_is_no_response_is_refused(tmp_path, text, says):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(TwinError, match=says):
        policy_called(str(tmp_path / "r.json"))
    with pytest.raises(TwinError, match="cannot be read"):
        policy_called(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"scenario": Scenario()}, "no shocks"), ({"seeds": []}, "seeds from 0"), ({"seeds": [10**6]}, "seeds from 0"),
     ({"rounds": 0}, "rounds=0"), ({"many": 1}, "many=1"), ({"days": 0}, "days=0")],
)  # fmt: skip
def test_what_cannot_be_drilled_is_said(wrong, says):
    with pytest.raises(TwinError, match=says):
        drill(**({"scenario": STORM, "plan": SMALL} | wrong))


OWN = """
import numpy as np
from klopf.twin import Policy

class Mine(Policy):
    def acts(self, world):
        if world.step == 5:
            raise RuntimeError("two\\nlines")
        return {"households": np.zeros((world.plan.households, 2))}

class Other:
    pass
"""


def test_a_policy_of_ones_own_is_a_file(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    name = f"{tmp_path / 'own.py'}:Mine"
    world, policy = World(SMALL, 0), policy_called(name)
    with pytest.raises(TwinError, match=r"the policy 'Mine' fails at day 0 05:00 \(step 5\): RuntimeError: two lines"):
        world.run(10, policy)
    assert world.step == 5 and world.lived == [(name, 5)]
    for wrong, says in (("Other", "is no subclass"), ("None_", "cannot be loaded")):
        with pytest.raises(ExtensionError, match=says):
            policy_called(f"{tmp_path / 'own.py'}:{wrong}")
    with pytest.raises(TwinError, match="cannot be read"):
        policy_called("nowhere.py:Mine")
    assert policy_called("klopf.twin._policy:Nothing").name == "nothing"


@pytest.mark.parametrize(
    "acts", ["[1, 2]", "{'households': 'x'}", "{'households': [[1], [2, 3]]}", "{'households': None}"]
)
def test_what_is_no_act_is_one_line(tmp_path, acts):
    (tmp_path / "own.py").write_text(
        OWN.replace('return {"households": np.zeros((world.plan.households, 2))}', f"return {acts}")
    )
    with pytest.raises(TwinError):
        World(SMALL, 0).run(1, policy_called(f"{tmp_path / 'own.py'}:Mine"))


def test_json_of_a_drill_is_plain(told):
    assert set(json.loads(json.dumps(told.as_dict()))) == {"response", "worlds", "came"}
