"""``klopf twin calibrate``: a twin fitted to its real counterpart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from klopf.console.cli.command import Json, print_json
from klopf.errors import TwinError

__all__ = ["calibrate"]

Days = Annotated[int, Parameter(validator=Number(gte=1, lte=3660))]


def calibrate(
    meters: Path, *, days: Days = 60, unseen: Days = 30, pv: float = 4.0, save: Path | None = None, json_: Json = False
) -> int:
    """Fit a twin to its real counterpart's meters: how far off is it on days it has not seen, does it drift?

    Example: klopf twin calibrate METERS.csv --save twin.npz

    Status 1 where a meter drifts: from a day on it is no longer as the twin says.

    Parameters
    ----------
    meters
        A table with columns outside (degrees C), sun (kW that one kW of panels makes) and one of kW for each meter, an
        hour a row from midnight on; or a folder of a CityLearn data set.
    days
        To fit to, from the first on; later weeks are told by a fit to all before them.
    unseen
        Days after those on which it is judged; drift is watched from there on.
    pv
        kW of panels behind each meter of a CityLearn data set.
    save
        A file for the twin that is not there yet: klopf twin new takes it as --series.
    """
    from klopf import twin

    if save is not None and save.exists():
        raise TwinError(f"{save} is there already: name another file, or remove it first")
    if not 0 <= pv <= 1e6:
        raise TwinError(f"--pv {pv:g} must be a number of kW from 0 to a million")
    values, outside, names = twin.meters_of(meters, pv)
    told = twin.calibrate(values, outside, days, unseen, names)
    if save is not None:
        told.series.write(save, told.plan().pv)
    drifted = any(day >= 0 for day in told.drifts)
    if json_:
        print_json(told.as_dict())
        return int(drifted)
    print(f"fitted to {days} days; off on the {unseen} after them, as a share of the meter's mean")
    print("(rival: what the meter said at that hour a week before)")
    print(f"{'meter':<20} {'hour':>8} {'rival':>8} {'day':>8} {'bias':>8} {'panels':>9}  drift")
    for i, name in enumerate(told.names):
        said = f"ALARM on day {told.drifts[i]}" if told.drifts[i] >= 0 else "none"
        print(f"{name:<20.20} {told.spread[i]:>8.1%} {told.rival[i]:>8.1%} {told.daily[i]:>8.1%} {told.bias[i]:>+8.1%} "
              f"{told.pv[i]:>6.2f} kW  {said}")  # fmt: skip
    if save is not None:
        print(f"{save}: klopf twin new WORLD.npz --series {save}")
    return int(drifted)
