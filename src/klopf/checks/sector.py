"""Does a sector keep its promises?"""

from __future__ import annotations

import numpy as np

from klopf.checks._promise import derived, promise
from klopf.errors import KlopfError
from klopf.twin import SECTORS, Plan, Scenario, Sector, Shock, World

__all__ = ["check_sector"]

_SIZES = (Plan(households=3, minutes=60), Plan(households=7, minutes=15, feeders=2, depth=2))
_STEPS = 60


def check_sector(name: str) -> None:
    """Let worlds live with the sector called ``name``: alone, among all others, struck, acted upon, saved and resumed.

    Raises:
        AssertionError: a promise of :class:`klopf.twin.Sector` is broken; one line says which.
    """
    with promise(f"the sector {name!r}"):
        kind = SECTORS.load(name)
        derived(kind, Sector, "check_sector")
    with promise(name, kind):
        for one in (*kind.acts, *kind.sees, *kind.shocks, *kind.sums, *kind.needs, *kind.gives):
            assert isinstance(one, str) and one, f"{name}: {one!r} in its tables is no word"
        assert bool(kind.acts) <= bool(kind.units), f"{name} has acts and no units: say of how many"
        shipped = tuple(one for one in SECTORS.shipped if one != name)
        others = tuple(one for one in shipped if not set(SECTORS.load(one).gives) & set(kind.gives))
        for plan in _SIZES:
            for sectors in ((name,), (*others, name)):
                try:
                    world = World(_of(plan, sectors), 1)
                except KlopfError as error:
                    raise AssertionError(f"no world with {', '.join(sectors)}: {error}") from error
                _lives(name, world)
        _struck(name, kind, (*others, name))


def _of(plan: Plan, sectors: tuple[str, ...]) -> Plan:
    return Plan(plan.households, plan.minutes, feeders=plan.feeders, depth=plan.depth, sectors=sectors)


def _lives(name: str, world: World) -> None:
    plan = world.plan
    sector = world.sectors[name]
    shapes = {key: (value.shape, value.dtype) for key, value in sector.state.items()}
    other, moved, unlike = World(plan, 1), World(plan, 1), World(plan, 1)
    rng = np.random.default_rng(0)
    for _ in range(_STEPS):
        world.advance()
        other.advance()
        unit = {key: rng.uniform(-1, 1, act.shape) for key, act in moved.idle().items()}
        moved.advance(unit)
        seen, earned = sector.seen(world.now), sector.earned()
        units = len(world.idle()[name])
        assert seen.shape == (units, len(sector.sees)), f"{name}.seen() gives {seen.shape}: units by what it sees"
        assert earned.shape == (units,), (
            f"{name}.earned() gives {earned.shape}, not one number for each of {units} units"
        )
        assert np.isfinite(seen).all() and np.isfinite(earned).all(), f"{name} shows or earns what is no finite number"
    assert world.digest() == other.digest(), f"{name}: the same seed gave two worlds: draw chance from the seed alone"
    now = {key: (value.shape, value.dtype) for key, value in sector.state.items()}
    assert now == shapes, f"{name}.state has other names, shapes or kinds after a while: fill all of it in begin()"
    for one in (world, moved):
        for key, value in one.sectors[name].state.items():
            assert np.isfinite(value.astype(np.float64)).all() or key == "urgent", (
                f"{name}.state[{key!r}] is not finite"
            )
    for key, value in sector.summed().items():
        assert value.ndim == 1, f"{name}.summed()[{key!r}] must have one axis"
    # what is kept outside ``state`` is lost where a world is put back
    for key, twin in unlike.sectors.items():
        for part, value in twin.state.items():
            value[...] = world.sectors[key].state[part]
    unlike.step, unlike.record.happenings = world.step, list(world.record.happenings)
    unlike.record.first, unlike.lived = world.record.first, list(world.lived)
    world.run(5), unlike.run(5)
    assert world.digest() == unlike.digest(), (
        f"{name} goes on otherwise from its state: keep nothing that changes outside"
    )


def _struck(name: str, kind: type[Sector], sectors: tuple[str, ...]) -> None:
    plan = _of(_SIZES[0], sectors)
    for shock in kind.shocks:
        scenario = Scenario("a shock", "", (Shock(2.0, 5.0, name, shock, 0.5),))
        world, again = World(plan, 1, scenario=scenario), World(plan, 1, scenario=scenario)
        world.run(_STEPS), again.run(_STEPS)
        assert world.digest() == again.digest(), f"{name}: the shock {shock} struck two worlds of one seed unlike"
        known = {one.id for one in world.record}
        orphans = [one for one in world.record if one.cause >= 0 and one.cause not in known]
        assert not orphans, f"{name}: {orphans[0].what!r} names a cause that is not in the record"
