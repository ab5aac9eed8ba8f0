"""``klopf learn`` and ``klopf watch`` as people use them."""

from __future__ import annotations

import json
import shutil
import time

import gymnasium
import numpy as np
import pytest

from klopf.console import main


def klopf(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def test_learn_save_resume_plot_and_json(capsys, tmp_path):
    folder = tmp_path / "lives"
    code, out, err = klopf(capsys, "learn", "CartPole-v1", "--agent", "stream-q", "--steps", 1500, "--seeds", 2,
                           "--cores", 1, "--save", folder, "--plot", "--json")  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    assert list(told) == ["agent", "environment", "seeds", "steps", "final_return", "stderr", "steps_per_second",
                          "env_only_steps_per_second", "reward_rate", "reward_rate_stderr"]  # fmt: skip
    assert (told["agent"], told["environment"], told["seeds"], told["steps"]) == ("stream-q", "CartPole-v1", 2, 1500)
    assert told["final_return"] > 5
    assert (told["reward_rate"], told["reward_rate_stderr"]) == (1.0, 0.0)  # the pole's, in every step
    assert told["stderr"] >= 0
    assert (folder / "curve.png").stat().st_size > 1000
    code, out, err = klopf(capsys, "learn", "--resume", folder, "--steps", 2500, "--cores", 1)
    assert code == 0, err
    assert "2,500 steps, 2 seed(s)" in out and "going on from 1,500, 1,500 to 2,500" in err
    before = {file.name: file.read_bytes() for file in folder.glob("*.[jl]*")}
    code, out, err = klopf(capsys, "learn", "--resume", folder, "--steps", 1000)
    assert code == 2 and "has lived 2,500 steps already" in err and err.count("\n") == 1 and not out
    assert before == {file.name: file.read_bytes() for file in folder.glob("*.[jl]*")}
    code, out, err = klopf(capsys, "learn", "--resume", folder, "--cores", 1)
    assert code == 0 and "nothing is left" in err and "2,500 steps" in out
    (folder / "seed-0.life").unlink()
    code, out, err = klopf(capsys, "learn", "--resume", folder, "--cores", 1)
    assert code == 0 and "seed 0 has no checkpoint" in err and "going on from 0, 2,500 to 2,500" in err
    code, out, err = klopf(capsys, "learn", "--resume", folder, "--seeds", 1, "--cores", 1)
    assert code == 0 and json.loads((folder / "lives.json").read_text())["seeds"] == 2
    code, _, err = klopf(capsys, "learn", "--resume", folder, "--agent", "qrc")
    assert code == 2
    assert "another agent" in err
    assert err.count("\n") == 1
    code, _, err = klopf(capsys, "learn", "CartPole-v1", "--save", folder)
    assert code == 2
    assert "--resume" in err


def test_seeds_live_side_by_side_as_they_do_alone(capsys, tmp_path):
    for name, cores in (("one", 1), ("two", 2)):
        code, _, err = klopf(capsys, "learn", "CartPole-v1", "--agent", "stream-q", "--steps", 1200, "--seeds", 2,
                             "--cores", cores, "--save", tmp_path / name)  # fmt: skip
        assert code == 0, err
    from klopf.mind.rl import load, seed_file

    for seed in range(2):
        one, two = (load(seed_file(tmp_path / name, seed))[0].agent for name in ("one", "two"))
        assert one.commitment() == two.commitment()


def test_watch_makes_a_film(capsys, tmp_path):
    folder = tmp_path / "lives"
    assert klopf(capsys, "learn", "klopf/Breakout-v0", "--agent", "stream-q", "--steps", 600, "--save", folder)[0] == 0
    code, out, err = klopf(capsys, "watch", folder, "--every", 1)
    assert code == 0, err
    assert "return" in out
    assert (folder / "episode.gif").read_bytes()[:4] == b"GIF8"
    for arguments in ((folder, "--seed", 3), (folder, "--out", tmp_path / "x.txt"), (tmp_path / "nowhere",)):
        code, _, err = klopf(capsys, "watch", *arguments)
        assert code == 2
        assert err.startswith("klopf: ")
        assert err.count("\n") == 1
    assert "no saved life of seed 0 in" in err
    shutil.rmtree(folder)


def test_a_seed_that_is_done_keeps_its_return_and_speed():
    from klopf.mind.rl import Task, run_many

    for cores in (1, 2):
        last = {}
        run_many(Task("CartPole-v1", "stream-q", 1200), 2, cores=cores,
                 progress=lambda seed, *told, last=last: last.update({seed: told}))  # fmt: skip
        assert sorted(last) == [0, 1]
        assert all(steps == 1200 and earned > 5 and rate == 1.0 and speed > 0
                   for steps, earned, rate, speed in last.values())  # fmt: skip


class Endless(gymnasium.Env):
    """No episode ever ends; the second action pays 1, the first nothing, and the first 1,500 steps cost 2 each."""

    observation_space = gymnasium.spaces.Box(-1, 1, (2,))
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(2), {}

    def step(self, action):
        self.t += 1
        return np.array([0.0, 1.0]), float(action) - 2.0 * (self.t <= 1500), False, False, {}


def test_an_endless_environment_is_reported_by_its_reward_rate(capsys, tmp_path):
    gymnasium.register("trouble/endless-v0", lambda **_: Endless())
    arguments = ("learn", "trouble/endless-v0", "--agent", "stream-q", "--options", "epsilon_steps=1000,hidden=8",
                 "--cores", 1, "--seeds", 2)  # fmt: skip
    code, out, err = klopf(capsys, *arguments, "--steps", 3000, "--save", tmp_path / "lives", "--plot")
    assert code == 0, err
    assert "no episode ended; reward " in out and "a step (mean of the last tenth of the steps)" in out
    assert (tmp_path / "lives" / "curve.png").stat().st_size > 1000
    code, out, err = klopf(capsys, *arguments, "--steps", 3000, "--json")
    told = json.loads(out)
    assert told["final_return"] is None and 0.0 <= told["reward_rate"] <= 1.0
    gymnasium.registry.pop("trouble/endless-v0")


def test_the_reward_rate_is_that_of_the_last_tenth_wherever_a_life_was_cut(tmp_path):
    from klopf.mind.rl import Task, load, run

    gymnasium.register("trouble/endless-v0", lambda **_: Endless())
    rates, file = [], tmp_path / "a.life"
    for cuts in ((4000,), (1, 700, 1024, 3999, 4000)):
        for k, steps in enumerate(cuts):
            life = run(Task("trouble/endless-v0", "stream-q", steps, options={"hidden": (8,)}), file, resume=k > 0)
        assert life.reward_rate == load(file)[0].reward_rate
        assert life.rewards.array()[:, 3].tolist() == [512.0] * 7 and life.stretch[1] == 4000 - 7 * 512
        rates.append(life.reward_rate)
    assert all(0.0 <= rate <= 1.0 for rate in rates)
    gymnasium.registry.pop("trouble/endless-v0")


def test_the_environment_alone_is_measured_for_as_long_as_asked(monkeypatch):
    from klopf.mind.rl import Task, _gymnasium, env_only

    steps = []

    class Slow(_gymnasium.World):
        def step(self, action):
            time.sleep(0.002)
            steps.append(action)
            return super().step(action)

    monkeypatch.setattr(_gymnasium, "World", Slow)
    assert 50 < env_only(Task("CartPole-v1", "stream-q"), 0.05) < 500
    assert len(steps) < 100


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "name an environment"),
        (("Nowhere-v7",), "cannot make the environment"),
        (("CartPole-v1", "--agent", "nobody"), "no agent is called"),
        (("Pendulum-v1", "--agent", "stream-q"), "discrete actions"),
        (("CartPole-v1", "--steps", "0"), "at least 1"),
        (("CartPole-v1", "--options", "colour=red"), "does not set an option"),
        (("CartPole-v1", "--options", "gamma=high"), "gamma must be like"),
        (("CartPole-v1", "--options", "gamma=2"), "at most 1"),
        (("CartPole-v1", "--options", "hidden=0x8"), "whole numbers from 1"),
        (("CartPole-v1", "--options", "hidden=8x"), "hidden must be like 64x64"),
        (("CartPole-v1", "--change-every", "5"), "--world"),
        (("CartPole-v1", "--world", "slippery"), "no friction"),
        (("CartPole-v1", "--world", "upside-down"), "no world is called"),
        (("--resume", "nowhere"), "klopf learn --save"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, line):
    code, out, err = klopf(capsys, "learn", *arguments)
    assert code == 2
    assert not out
    assert line in err
    assert err.rstrip("\n").count("\n") == 0


def test_ppo_is_lived_gone_on_with_and_filmed(capsys, tmp_path):
    folder = tmp_path / "lives"
    options = "hidden=16x16,activation=relu,rollout=128,minibatch=32,normalise_observations=false"
    code, out, err = klopf(capsys, "learn", "klopf/Breakout-v0", "--agent", "ppo", "--steps", 700, "--options", options,
                           "--published", "--save", folder, "--json")  # fmt: skip
    assert code == 0 and json.loads(out)["agent"] == "ppo", err
    kept = json.loads((folder / "lives.json").read_text())
    assert kept["task"]["options"]["activation"] == "relu" and kept["task"]["options"]["time_out"] == "terminate"
    code, out, err = klopf(capsys, "learn", "--resume", folder, "--steps", 1000, "--options", options, "--published")
    assert code == 0 and "going on from 700 to 1,000" in err, err
    assert klopf(capsys, "watch", folder, "--every", 1)[0] == 0
    code, _, err = klopf(capsys, "learn", "--resume", folder, "--steps", 2000, "--options", "activation=tanh")
    assert code == 2 and "holds another agent" in err and err.count("\n") == 1
    code, _, err = klopf(capsys, "learn", "CartPole-v1", "--agent", "ppo", "--options", "life=continual")
    assert code == 2 and "ppo has activation, beta1" in err and err.count("\n") == 1
    whole = (folder / "seed-0.life").read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        (folder / "seed-0.life").write_bytes(whole[:size])
        code, _, err = klopf(capsys, "learn", "--resume", folder, "--steps", 2000)
        assert code == 2 and err.startswith("klopf: ") and err.count("\n") == 1, err
