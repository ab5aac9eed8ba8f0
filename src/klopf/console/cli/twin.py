"""`klopf twin`: a world of households, power, water, a factory and people, to fail in first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from klopf import files
from klopf.console.cli.command import CommandGroup, Json, print_json
from klopf.console.cli.twin_calibrate import calibrate
from klopf.console.cli.twin_drill import drill
from klopf.console.cli.twin_things import things
from klopf.console.cli.twin_told import Seeds, made, outside_of, steps_of, telling
from klopf.errors import TwinError

if TYPE_CHECKING:
    from klopf import twin

__all__ = ["Twin"]

_SHOWN = {
    "cost": ("the households' bills", "money"),
    "carbon": ("of what they drew", "kg CO2"),
    "comfort": ("homes warm, lit, with water; 1 is best", "share"),
    "cold": ("too cold, a household", "kelvin hours"),
    "outages": ("without grid", "customer hours"),
    "dark": ("something lacked, battery and all", "customer hours"),
    "stood": ("the factory could not work", "hours of shifts"),
    "dry": ("not enough water", "hours"),
    "welfare": ("mean * (1 - Gini) of what each has", "money"),
    "least": ("what the worst off has", "money"),
    "tenth": ("a tenth have less than", "money"),
    "half": ("half have less than", "money"),
    "nine_tenths": ("nine tenths have less than", "money"),
    "breaches": ("constraints broken, each in its unit", "sum"),
}
"""What is shown of an outcome, what it is and in which unit; "money" is what prices and wages are in."""


class Twin(CommandGroup):
    help = "A world of households, power, water, a factory and people, to fail in first."

    def commands(self) -> Mapping[str, Callable[..., int | None]]:
        return {
            "new": new,
            "run": run,
            "compare": compare,
            "replay": replay,
            "gate": gate,
            "drill": drill,
            "calibrate": calibrate,
            "things": things,
        }


def new(
    world: Path, *, households: int = 20, minutes: int = 60, start: int = 0, seed: int = 0, scenario: str = "",
    series: Path | None = None, sectors: str = "", uncoupled: bool = False,
) -> None:  # fmt: skip
    """Make a world and write it to a file.

    Example: klopf twin new WORLD.npz --households 50 --scenario storm

    Parameters
    ----------
    world
        A file that is not there yet.
    households
        How many, from 1 to 100,000.
    minutes
        Of a step: 15, 30 or 60.
    start
        The day of the series in which it begins; of a made year 0 is the first of January.
    seed
        Of all chance in it.
    scenario
        What strikes it: storm, heat-wave, drought, cyber, supply, or a file.
    series
        A folder of a CityLearn data set, for weather, prices and what households use; or a file of klopf twin
        calibrate, which also says how many households there are; otherwise all that is made.
    sectors
        Their names, with commas between; by default all that Klopf ships.
    uncoupled
        No sector feels what another lacks, for comparison.
    """
    from klopf import twin

    if world.exists():
        raise TwinError(f"{world} is there already: name another file, or remove it first")
    names = tuple(sectors.split(",")) if sectors else twin.Plan().sectors
    plan = twin.Plan(households=households, minutes=minutes, start=start, sectors=names)
    if series is not None and series.is_file():
        outside, pv = twin.Series.read(series)
        households = outside.uses.shape[1]
        plan = replace(plan, households=households, variety=0.0, pv=pv, heat_pump=0.0)
    made(plan, seed, series, scenario, not uncoupled).save(world)
    print(
        f"{world}: {households} households, seed {seed}, steps of {minutes} minutes; go on with klopf twin run {world}"
    )


def run(world: Path, *, days: float = 7.0, policy: str = "rules", json_: Json = False) -> int:
    """Let days pass in a world, keep it in its file, and tell what happened and what came of it.

    A sector or a policy that fails stops the world before that step, with status 1; it is kept and can go on.

    Example: klopf twin run WORLD.npz --days 3

    Parameters
    ----------
    world
        A file of klopf twin new.
    days
        How many.
    policy
        Who decides: rules (today's), nothing, cheapest, planner, listening, learners or foresight (sees everything);
        FILE.json of klopf twin drill; or your own, as package.module:Class or FILE.py:Class.
    """
    from klopf import twin
    from klopf.errors import ExtensionError

    lives = twin.World.load(world)
    steps, since, broken = steps_of(days, lives.plan.hours), lives.record.first + len(lives.record), ""
    decides = twin.policy_called(policy)
    try:
        with telling(f"{steps:,} steps under {policy}"):
            lives.run(steps, decides)
    except (ExtensionError, TwinError) as error:
        broken = str(error)
    lives.save(world)
    came = twin.outcome(lives, policy)
    news = [one for one in lives.record if one.id >= since]
    if json_:
        print_json({"outcome": asdict(came), "digest": lives.digest(), "broken": broken,
                    "record": [asdict(one) for one in news]})  # fmt: skip
    else:
        for one in news:
            print(f"{one.id:>5}  {one.when}  {one.sector}: {one.what}" + _because(one.cause))
        if news:
            print(f"all causes of one of these: klopf twin replay {world} --why NUMBER")
        print(f"\nWhat came of day 0 to {lives.now.when}, all households and hours:")
        _print(came)
        print(broken or f"digest {lives.digest()}")
    return int(bool(broken))


def compare(
    *, households: int = 20, minutes: int = 60, days: float = 7.0, start: int = 0, seeds: Seeds = 3, scenario: str = "",
    series: Path | None = None, policies: str = "nothing,rules", picture: Path | None = None, json_: Json = False,
) -> None:  # fmt: skip
    """Policies against each other in the same worlds: what each costs, and who gains and who loses by it.

    Example: klopf twin compare --policies nothing,rules --scenario storm

    Parameters
    ----------
    households
        How many, from 1 to 100,000.
    minutes
        Of a step: 15, 30 or 60.
    days
        How long.
    start
        The day of the series in which it begins.
    seeds
        How many worlds: seeds 0, 1, ...
    scenario
        What strikes them: storm, heat-wave, drought, cyber, supply, or a file; by default nothing.
    series
        As for klopf twin new.
    policies
        Names as for klopf twin run, with commas between; the first is what others are compared with.
    picture
        A file for an SVG: bills against carbon, and the front that nobody beats in both.
    """
    import numpy as np

    from klopf import twin

    plan = twin.Plan(households=households, minutes=minutes, start=start)
    names = policies.split(",")
    if len(set(names)) < len(names):
        raise TwinError(f"--policies {policies!r:.80} has a policy twice: name each once")
    came: dict[str, list[twin.Outcome]] = {}
    with telling(f"{len(names) * seeds} worlds") as tell:
        for name in names:
            for seed in range(seeds):
                tell(f"{name}: world {seed + 1} of {seeds}")
                lives = made(plan, seed, series, scenario).run(steps_of(days, plan.hours), twin.policy_called(name))
                came.setdefault(name, []).append(twin.outcome(lives, name))
    first = np.array([one.has for one in next(iter(came.values()))])
    rows: list[dict[str, Any]] = []
    for name, some in came.items():
        has = np.array([one.has for one in some])
        each = [twin.compensation(a, b) for a, b in zip(first, has, strict=True)]
        transfers, lacking = np.array([one[0] for one in each]), sum(one[1] for one in each)
        rows.append(
            {"policy": name}
            | {key: _band([getattr(one, key) for one in some]) for key in _SHOWN}
            | {"households": (has - first).mean(0).tolist(), "transfers": transfers.mean(0).tolist()}
            | {"gain": int((has > first + 1e-9).sum()), "lose": int((has < first - 1e-9).sum()), "lacking": lacking}
        )  # fmt: skip
    best = twin.pareto([[row["cost"][0], row["carbon"][0], -row["comfort"][0], -row["welfare"][0]] for row in rows])
    for row, on in zip(rows, best, strict=True):
        row["front"] = bool(on)
    if picture is not None:
        spots = {str(row["policy"]): (row["cost"][0], row["carbon"][0]) for row in rows}
        beaten_by_none = twin.pareto(list(spots.values())).tolist()
        try:
            files.replace(picture, twin.front(spots, beaten_by_none, "bills, money", "kg CO2"))
        except OSError as error:
            raise TwinError(f"{picture} cannot be written: {error.strerror or error}") from error
    if json_:
        print_json(rows)
        return
    print(f"The middle of {seeds} worlds [least, most]; *: no other policy is better in all.")
    for row in rows:
        print(f"\n{row['policy']}{' *' if row['front'] else ''}: of {first.size} households of all worlds "
              f"{row['gain']} gain and {row['lose']} lose against {names[0]}; "
              f"{row['lacking']:,.2f} money lacking to leave nobody worse off")  # fmt: skip
        for key, (what, unit) in _SHOWN.items():
            middle, least, most = row[key]
            band = f"[{least:,.2f}, {most:,.2f}]"
            print(f"  {key:<11} {middle:>12,.2f} {unit:<15}  {band:<24}  {what}")


def replay(world: Path, *, why: int = -1, policy: str = "", json_: Json = False) -> int:
    """Live a world's days once more from its seed (status 1: another world comes out), or say why something happened.

    Example: klopf twin replay WORLD.npz

    Parameters
    ----------
    world
        A file of klopf twin new.
    why
        The number of a happening in the record: only its chain of causes is printed.
    policy
        Your own under which it lived: a world's file alone starts nobody's code.
    """
    from klopf import twin

    lives = twin.World.load(world)
    if why >= 0:
        found = [one for one in lives.record if one.id == why]
        if not found:
            kept = f"it has {lives.record.first} to {lives.record.first + len(lives.record) - 1}"
            raise TwinError(
                f"the record of {world} has no happening {why}: {kept if len(lives.record) else 'it is empty'}"
            )
        chain = lives.chain(found[0])
        print_json(chain) if json_ else print("\n".join(chain))
        return 0
    again = twin.World.load(world, fresh=True)
    for name, _ in lives.lived:
        if twin.is_code(name) and name != policy:
            raise TwinError(
                f"{world} lived under {name!r:.80}, which is code: look at it, then give --policy {name!r:.80}"
            )
    for name, steps in lives.lived:
        with telling(f"{steps:,} steps under {name}"):
            again.run(steps, twin.policy_called(name))
    same = again.digest() == lives.digest()
    if json_:
        print_json({"same": same, "digest": lives.digest(), "again": again.digest(), "steps": lives.step})
    else:
        print(f"{lives.step} steps: {'the same world, to the bit' if same else 'ANOTHER WORLD'} {again.digest()}")
    return int(not same)


def _band(values: list[float]) -> list[float]:
    """The middle one, the least and the most."""
    import numpy as np

    return [round(float(q), 4) for q in np.quantile(values, (0.5, 0.0, 1.0))]


def gate(
    policy: str, *, households: int = 20, minutes: int = 60, start: int = 0, days: float = 4.0, seeds: Seeds = 10,
    series: Path | None = None, stop: bool = False, repeat: Path | None = None, json_: Json = False,
) -> int:  # fmt: skip
    """Try a policy with each seed in each disaster: status 1 where it breaks more than today's rules in the same world.

    Example: klopf twin gate nothing --seeds 5

    With --json the verdict is a file that anybody can repeat.

    Parameters
    ----------
    policy
        As for klopf twin run; rules (today's) is always released.
    households
        How many, from 1 to 100,000.
    minutes
        Of a step: 15, 30 or 60.
    start
        The day of the series in which worlds begin.
    days
        How long each world lives.
    seeds
        How many: 0, 1, ...
    series
        As for klopf twin new.
    stop
        End at the first breach.
    repeat
        A verdict's file: it is tried again as it says, and status 1 means here that another verdict comes out.
    """
    import json

    from klopf import twin

    plan = twin.Plan(households=households, minutes=minutes, start=start)
    outside = outside_of(series)
    told: dict[str, Any] = {}
    if repeat is not None:
        try:
            told = json.loads(repeat.read_text())
            plan = twin.Plan(**(told["plan"] | {"sectors": tuple(told["plan"]["sectors"])}))
            outside, days, which = twin.Series.of(told["series"]), float(told["days"]), [int(n) for n in told["seeds"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TwinError(f"{repeat} is no verdict: give what klopf twin gate --json printed") from error
    else:
        which = list(range(seeds))
    twin.policy_called(policy)  # a name that nobody has is no policy that was refused
    with telling(f"{len(which)} seeds, each in every disaster") as tell:
        tried = 0

        def make() -> twin.Policy:
            nonlocal tried
            tried += 1
            tell(f"world {tried} of {len(which) * (1 + len(twin.SCENARIOS))}")
            return twin.policy_called(policy)

        verdict = twin.gate(make, plan, which, days=days, series=outside, stop=stop)
    if told:
        same = verdict.digest == told.get("digest") and verdict.released == told.get("released")
        print_json({"same": same, "digest": verdict.digest}) if json_ else print(
            "the same" if same else "ANOTHER VERDICT"
        )
        return int(not same)
    if json_:
        print_json(verdict.as_dict())
    else:
        for one in verdict.breaches[:20]:
            where = f"seed {one.seed}, {one.scenario or 'no disaster'}"
            print(f"{where}: {one.constraint}: {one.broken:.2f}, by today's rules {one.today:.2f}")
        print(f"{policy} is {'released' if verdict.released else 'REFUSED'}: {len(verdict.breaches)} breaches in "
              f"{verdict.worlds} worlds; with 95 % certainty it breaks something "
              f"for at most {verdict.missed:.1%} of seeds")  # fmt: skip
    return int(not verdict.released)


def _because(cause: int) -> str:
    return f"  (because of {cause})" if cause >= 0 else ""


def _print(came: twin.Outcome) -> None:
    for key, (what, unit) in _SHOWN.items():
        print(f"  {key:<11} {getattr(came, key):>12,.2f} {unit:<15}  {what}")
