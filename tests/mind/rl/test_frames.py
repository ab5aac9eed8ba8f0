"""Sensors of which offset or unit change are followed; where nothing changes, not a bit is another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from klopf.mind import _file
from klopf.mind.rl import Agent

LENGTH, AT = 6000, 3000


def smooth(episode: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Two sensors that move a little at a time, and which values are the first of an episode (0: there is but one)."""
    r = np.random.default_rng(seed)
    x, first = np.zeros((LENGTH, 2)), np.zeros(LENGTH, bool)
    for t in range(LENGTH):
        first[t] = t == 0 or (episode > 0 and t % episode == 0)
        x[t] = r.uniform(-0.1, 0.1, 2) if first[t] else 0.98 * x[t - 1] + 0.1 * r.normal(size=2)
    return x, first


def seen(x: NDArray[np.float64], first: NDArray[np.bool_], **options: object) -> tuple[Agent, NDArray[np.float64]]:
    """An agent that was given ``x``, and what its network saw."""
    agent = Agent(x.shape[1], agent="stream-td", hidden=(), time_feature=False, seed=0, **options)  # type: ignore[arg-type]
    out = np.zeros(x.shape)
    for t in range(len(x)):
        if first[t]:
            if t:
                agent.step(x[t - 1], 0.0, truncated=True)
            agent.begin(x[t])
        else:
            agent.step(x[t], float(x[t, 0] > 0))
        out[t] = agent.features()[:-1]
    return agent, out


def outlier(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x[AT, 0] = 1e4
    return x


def outage(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x[AT : AT + 20] = -99.0
    return x


def from_then_on(unit: float, offset: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def changed(x: NDArray[np.float64]) -> NDArray[np.float64]:
        x[AT:] = x[AT:] * unit + offset
        return x

    return changed


@pytest.mark.parametrize("episode", [0, 20, 500])
def test_where_nothing_changes_the_agent_is_the_same_to_the_bit(episode: int) -> None:
    one, other = (seen(*smooth(episode), follow_sensors=follow)[0] for follow in (True, False))
    assert one.weights(0, 0).tobytes() == other.weights(0, 0).tobytes()
    assert one.features().tobytes() == other.features().tobytes()


@pytest.mark.parametrize("episode", [0, 20])
@pytest.mark.parametrize("change", [outlier, outage, from_then_on(1, 50), from_then_on(1, 1e9), from_then_on(1, -1e4)])
def test_an_outlier_an_outage_and_an_offset_leave_what_is_seen(
    episode: int, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    x, first = smooth(episode)
    usual, found = seen(x, first)[1], seen(change(x.copy()), first)[1]
    assert np.abs(found).max() < 10
    assert np.abs(found - usual)[AT + 100 :].max() < 0.3


@pytest.mark.parametrize(
    "unit, offset", [(1, 5), (1, 1), (1e-3, 0), (1e3, 0), (1e-3, 7), (-1, 20), (1e-9, 0), (1e9, 0)]
)
def test_what_episodes_begin_with_tells_small_offsets_and_units(unit: float, offset: float) -> None:
    x, first = smooth(20)
    found = seen(from_then_on(unit, offset)(x.copy()), first)[1]
    usual = seen(x, first)[1]
    off = np.abs(found * np.sign(unit) - usual)[AT + 20 * 80 :]
    assert off.mean() < 0.2 and np.abs(found).max() < 30


def test_a_sensor_that_rests_is_an_event_and_no_other_frame() -> None:
    x, first = smooth(50)
    r = np.random.default_rng(1)
    x = np.column_stack([x, np.repeat(r.random(LENGTH // 10) < 0.003, 10)])
    _, a = seen(x, first, follow_sensors=True)
    _, b = seen(x, first, follow_sensors=False)
    assert np.array_equal(a, b) and x[AT:, 2].any()


def test_spikes_that_come_back_are_data() -> None:
    x, first = smooth(50)
    x[1525::50, 0] += 20.0
    found = seen(x, first)[1]
    assert found[-50:, 0].max() > 5


def test_a_life_that_is_cut_in_the_middle_of_a_change_goes_on_to_the_bit(tmp_path: object) -> None:
    x, first = smooth(20)
    x = from_then_on(1e-3, 5)(x)
    agent = seen(x[: AT + 110], first[: AT + 110])[0]
    agent.save(f"{tmp_path}/a")
    again = Agent.load(f"{tmp_path}/a")
    for t in range(AT + 111, AT + 119):
        agent.step(x[t], 1.0)
        again.step(x[t], 1.0)
    assert agent.commitment() == again.commitment()


def test_agents_of_before_load_and_follow(tmp_path: object) -> None:
    agent = seen(*smooth(20))[0]
    agent.save(f"{tmp_path}/a")
    header, arrays = _file.read(f"{tmp_path}/a")
    arrays["senses"] = arrays["senses"][:2]
    del header["agent"]["settings"]["follow_sensors"]
    _file.write(f"{tmp_path}/b", _file.pack(header, arrays))
    old = Agent.load(f"{tmp_path}/b")
    assert old.settings.follow_sensors and old.weights(0, 0).tobytes() == agent.weights(0, 0).tobytes()
    old.step([0.0, 0.0], 1.0)
