"""A twin fitted to its real counterpart: what was planted is found, and what changes is an alarm."""

from dataclasses import replace

import numpy as np
import pytest

from klopf.errors import TwinError
from klopf.twin import Series, World, calibrate, meters_of

DAYS = 200


def counterpart(noise=0.2, pv=3.0, heat=0.05, changed=None, seed=0):
    """A household that is as a twin can be, but for noise; from day ``changed`` on it has half of its panels."""
    made = Series.made()
    rows = slice(0, DAYS * 24)
    outside = replace(made, outside=made.outside[rows], sun=made.sun[rows, :1], price=made.price[rows],
                      carbon=made.carbon[rows], uses=made.uses[rows, :1])  # fmt: skip
    clock = np.arange(DAYS * 24) % 24
    panels = np.where(np.arange(DAYS * 24) >= 24 * (changed or DAYS), pv / 2, pv)
    use = 0.8 + 0.4 * np.cos(2 * np.pi * (clock - 19) / 24) + heat * np.maximum(0.0, 16 - outside.outside)
    rng = np.random.default_rng(seed)
    meter = use - panels * outside.sun[:, 0] + noise * rng.standard_normal(DAYS * 24)
    return meter[:, None], outside


def test_what_was_planted_is_found_and_days_not_seen_are_told():
    told = calibrate(*counterpart())
    assert told.pv[0] == pytest.approx(3.0, rel=0.05) and told.heat[0] == pytest.approx(0.05, rel=0.2)
    assert told.drifts == (-1,) and abs(told.bias[0]) < 0.05 and told.spread[0] < told.rival[0]
    exact = calibrate(*counterpart(noise=0.0))
    assert exact.spread[0] < 1e-3 and exact.daily[0] < 1e-3


def test_what_is_judged_was_not_seen():
    meter, outside = counterpart()
    later = meter.copy()
    later[67 * 24 :] += 5.0  # after the first week that is told from what was before day 60
    one, other = calibrate(meter, outside, unseen=7), calibrate(later, outside, unseen=7)
    assert one.spread == other.spread and one.pv == other.pv


@pytest.mark.parametrize("seed", range(5))
def test_panels_that_fail_are_an_alarm_within_a_week_and_nothing_else_is(seed):
    """In early summer, where half of the panels is more than the noise."""
    day = calibrate(*counterpart(changed=150, seed=seed)).drifts[0]
    assert 150 <= day <= 157
    assert calibrate(*counterpart(seed=seed)).drifts == (-1,)


def test_a_world_of_a_twin_uses_what_the_twin_says(tmp_path):
    told = calibrate(*counterpart(noise=0.05))
    told.series.write(tmp_path / "t.npz", told.plan().pv)
    series, pv = Series.read(tmp_path / "t.npz")
    assert Series.of(series.source).uses.tobytes() == told.series.uses.tobytes() and pv == told.plan().pv
    plan = replace(told.plan(), battery=0.0, sectors=("households",))
    sums = World(plan, 0, series).run(24 * 90).sums()["households"]
    meter = counterpart(noise=0.05)[0][: 24 * 90]
    assert sums["imported"].sum() == pytest.approx(np.maximum(meter, 0).sum(), rel=0.05)
    World(plan, 0, series).run(3).save(tmp_path / "w.npz")
    assert World.load(tmp_path / "w.npz").step == 3


def test_real_households_are_told_better_than_by_the_week_before(citylearn):
    told = calibrate(*meters_of(citylearn)[:2])
    assert len(told.names) == 5 and all(a < b for a, b in zip(told.spread, told.rival, strict=True))


@pytest.mark.parametrize(
    "wrong", [{"days": 3}, {"days": 199}, {"unseen": 1}, {"unseen": 999}, {"meters": np.zeros((5, 1))},
              {"meters": np.full((DAYS * 24, 1), np.nan)}, {"meters": np.zeros(DAYS * 24)}],
)  # fmt: skip
def test_what_cannot_be_fitted_is_said(wrong):
    meters, outside = counterpart()
    with pytest.raises(TwinError):
        calibrate(**({"meters": meters, "outside": outside} | wrong))


def test_meters_are_a_table(tmp_path):
    meter, outside = counterpart()
    rows = "\n".join(f"{t},{s},{m}" for t, s, m in zip(outside.outside, outside.sun[:, 0], meter[:, 0], strict=True))
    (tmp_path / "m.csv").write_text("outside,sun,home\n" + rows + "\n")
    meters, series, names = meters_of(tmp_path / "m.csv")
    assert names == ("home",) and np.allclose(meters, meter) and np.allclose(series.outside, outside.outside)
    (tmp_path / "m.csv").write_text("outside,sun\n1,2\n")
    with pytest.raises(TwinError, match="a column for each meter"):
        meters_of(tmp_path / "m.csv")
    (tmp_path / "m.csv").write_text("x\n1\n")
    with pytest.raises(TwinError, match="cannot be read"):
        meters_of(tmp_path / "m.csv")
    (tmp_path / "bad.npz").write_text("x")
    with pytest.raises(TwinError, match="is no calibrated twin"):
        Series.read(tmp_path / "bad.npz")
