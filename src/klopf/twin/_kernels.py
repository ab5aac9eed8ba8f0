"""What is computed for every household, line or machine in every step: compiled, in one order, without a generator.

Chance has no state: :func:`drawn` is a function of seed, stream, unit and step, so a world that is resumed, or looked
ahead of, meets the same luck, in any process. Nothing is summed in another order than written (Numba's default).

Arrays of households are ``(rows, households)``: what they are made of has the rows ``P_*``, what changes ``S_*``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np


def jit(function: Callable[..., Any]) -> Any:
    """Compiled, kept beside this file or where Numba keeps such; compiled anew where nothing can be kept."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(function, cache=True, **options)
    except RuntimeError:  # no folder that can be written
        return numba.njit(function, **options)


(P_PROFILE, P_SHIFT, P_SCALE, P_PV, P_CAPACITY, P_BATTERY, P_EFFICIENCY, P_RESISTANCE, P_HEAT, P_PUMP, P_TARGET,
 P_RATED, P_CLEVER, PARAMETERS) = range(14)  # fmt: skip
"""Profile of use; its shift, hours; its scale; PV, kW; battery: kWh, kW, efficiency there and back; walls, K/kW; heat
held, kWh/K; heat pump, kW of electricity; wished temperature, °C; what its fuse carries, kW; 1 if its battery can
be commanded from afar."""
(S_STORED, S_INSIDE, S_LOAD, S_SUN, S_WARMING, S_CHARGE, S_NET, S_GRID, S_LACK, S_PRICE, S_COST, S_CARBON, S_COLD,
 S_HOT, S_UNSERVED, S_DARK, S_IMPORT, S_EXPORT, S_FUSE, S_LAST, STATES) = range(21)  # fmt: skip
"""kWh stored; °C inside; kW now: use, sun, heat pump, charge (negative: discharge), net wish, of the grid, lacked; the
tariff's price now; sums: money, kg CO2, kelvin hours too cold and too hot, kWh lacked, hours without grid, kWh in and
out, steps above the fuse; what the last step cost."""


@jit
def drawn(seed, stream, unit, step):  # type: ignore[no-untyped-def]
    """A number in [0, 1) that seed, stream, unit and step decide (SplitMix64's finaliser, Steele et al. 2014)."""
    z = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(stream) * np.uint64(0xD1B54A32D192ED03)
    z += np.uint64(unit) * np.uint64(0x8CB92BA72F3D8DD7) + np.uint64(step) * np.uint64(0xABC98388FB8FAC03)
    for _ in range(2):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) / 9007199254740992.0


@jit
def home_use(P, uses, seed, step, hours, variety):  # type: ignore[no-untyped-def]
    """kW that each household uses at ``step``, beside its heat pump; ``uses`` is (hours of a year, profiles), kW."""
    n = P.shape[1]
    out = np.empty(n)
    year, profiles = uses.shape
    for i in range(n):
        hour = int(step * hours + P[P_SHIFT, i]) % year
        swing = 1.0 + variety * (drawn(seed, 1, i, step) - 0.5)
        out[i] = uses[hour, int(P[P_PROFILE, i]) % profiles] * P[P_SCALE, i] * swing
    return out


@jit
def home_sun(P, suns, step, hours, through):  # type: ignore[no-untyped-def]
    """kW that one kW of photovoltaics makes on each roof at ``step``; ``suns`` is (hours of a year, profiles)."""
    n = P.shape[1]
    out = np.empty(n)
    year, profiles = suns.shape
    row = int(step * hours) % year
    for i in range(n):
        out[i] = through * suns[row, int(P[P_PROFILE, i]) % profiles]
    return out


@jit
def homes_ask(P, S, use, act, rogue, outside, sun, hours):  # type: ignore[no-untyped-def]
    """What each household would draw from the grid, kW: use, heat pump and battery as commanded, less its sun.

    ``act`` (2, households): the battery's power as a share of what it can in [-1, 1] and kelvin added to the wished
    temperature; NaN stands for today's rules: charge what the sun leaves over, discharge into one's own use, heat to
    what is wished. ``rogue``: share of batteries that somebody else commands, -1 where nobody does.
    """
    for i in range(P.shape[1]):
        load, made = use[i], sun[i] * P[P_PV, i]
        S[S_LOAD, i], S[S_SUN, i] = load, made
        # heat that brings the house to its target by the end of the step; the walls lose while it warms
        cop = min(4.5, max(1.5, 2.5 + 0.1 * outside))
        fade = math.exp(-hours / (P[P_RESISTANCE, i] * P[P_HEAT, i]))
        wished = P[P_TARGET, i] + (act[1, i] if act[1, i] == act[1, i] else 0.0)
        left = outside + (S[S_INSIDE, i] - outside) * fade
        lift = P[P_RESISTANCE, i] * (1.0 - fade)
        lack, band = 0.0, 4.0
        if left < wished:
            lack = (wished - left) / lift / cop
        elif left > wished + band:  # it cools as well as it heats, beyond a band of comfort
            lack = (wished + band - left) / lift / cop
        S[S_WARMING, i] = min(P[P_PUMP, i], max(-P[P_PUMP, i], lack))
        rest = load + abs(S[S_WARMING, i]) - made
        most = P[P_BATTERY, i]
        charge = act[0, i] * most if act[0, i] == act[0, i] else -rest
        if rogue >= 0.0 and P[P_CLEVER, i] < rogue:
            charge = most
        one_way = math.sqrt(P[P_EFFICIENCY, i]) if P[P_EFFICIENCY, i] > 0.0 else 1.0
        room = (P[P_CAPACITY, i] - S[S_STORED, i]) / one_way / hours
        there = S[S_STORED, i] * one_way / hours
        charge = min(most, room, max(-most, -there, charge))
        S[S_CHARGE, i] = charge
        S[S_NET, i] = rest + charge


@jit
def rest_of(P, inside, use, outside, sun, hours):  # type: ignore[no-untyped-def]
    """What each household draws beside its battery, kW, and how warm it is then, if it heats by today's rules."""
    n = P.shape[1]
    rest, after = np.empty(n), np.empty(n)
    cop = min(4.5, max(1.5, 2.5 + 0.1 * outside))
    for i in range(n):
        fade = math.exp(-hours / (P[P_RESISTANCE, i] * P[P_HEAT, i]))
        left, lift = outside + (inside[i] - outside) * fade, P[P_RESISTANCE, i] * (1.0 - fade)
        lack = 0.0
        if left < P[P_TARGET, i]:
            lack = (P[P_TARGET, i] - left) / lift / cop
        elif left > P[P_TARGET, i] + 4.0:
            lack = (P[P_TARGET, i] + 4.0 - left) / lift / cop
        warming = min(P[P_PUMP, i], max(-P[P_PUMP, i], lack))
        rest[i] = use[i] + abs(warming) - sun[i] * P[P_PV, i]
        after[i] = left + warming * cop * lift
    return rest, after


@jit
def homes_settle(P, S, share, outside, price, feed, carbon, hours):  # type: ignore[no-untyped-def]
    """What came of it, given the ``share`` of its wish that the grid served at each household, (households,)."""
    for i in range(P.shape[1]):
        load, made, warming, charge = S[S_LOAD, i], S[S_SUN, i], S[S_WARMING, i], S[S_CHARGE, i]
        one_way = math.sqrt(P[P_EFFICIENCY, i]) if P[P_EFFICIENCY, i] > 0.0 else 1.0
        grid, lack = S[S_NET, i], 0.0
        if share[i] < 1.0:
            # an island: use first, then warmth, from sun, what the grid still gives, and the battery
            given = max(grid, 0.0) * share[i]
            there = min(P[P_BATTERY, i], S[S_STORED, i] * one_way / hours)
            have = made + given + there
            served = min(load, have)
            lack = load - served
            warmed = min(abs(warming), have - served)
            lack += abs(warming) - warmed
            warming = warmed if warming > 0.0 else -warmed
            need = served + warmed - made - given
            room = (P[P_CAPACITY, i] - S[S_STORED, i]) / one_way / hours
            charge = -need if need > 0.0 else min(-need, room, P[P_BATTERY, i])
            charge = max(charge, -there)
            grid = given
        S[S_STORED, i] += (charge * one_way if charge > 0.0 else charge / one_way) * hours
        S[S_STORED, i] = min(P[P_CAPACITY, i], max(0.0, S[S_STORED, i]))
        cop = min(4.5, max(1.5, 2.5 + 0.1 * outside))
        fade = math.exp(-hours / (P[P_RESISTANCE, i] * P[P_HEAT, i]))
        inside = outside + (S[S_INSIDE, i] - outside) * fade + warming * cop * P[P_RESISTANCE, i] * (1.0 - fade)
        S[S_INSIDE, i] = inside
        S[S_GRID, i], S[S_LACK, i], S[S_CHARGE, i], S[S_WARMING, i] = grid, lack, charge, warming
        bought, sold = max(grid, 0.0) * hours, max(-grid, 0.0) * hours
        cost = bought * price - sold * feed
        S[S_PRICE, i], S[S_LAST, i] = price, cost
        S[S_COST, i] += cost
        S[S_CARBON, i] += bought * carbon
        S[S_IMPORT, i] += bought
        S[S_EXPORT, i] += sold
        S[S_UNSERVED, i] += lack * hours
        if lack > 1e-9:
            S[S_DARK, i] += hours
        S[S_COLD, i] += max(0.0, P[P_TARGET, i] - 2.0 - inside) * hours
        S[S_HOT, i] += max(0.0, inside - P[P_TARGET, i] - 6.0) * hours
        if abs(grid) > P[P_RATED, i]:
            S[S_FUSE, i] += 1.0


@jit
def line_flows(parent, asked, up, off, flow, share, why):  # type: ignore[no-untyped-def]
    """Flows in a tree of lines, kW, and which buses have power; line b leads from ``parent[b]`` to bus b, bus 0 is the
    substation, parents have lower numbers. ``off``: buses that are shed. ``why``: the first open line above a bus, or
    -1."""
    for b in range(len(parent)):
        why[b] = -1 if b == 0 else why[parent[b]]
        if b > 0 and why[b] < 0 and up[b] == 0:
            why[b] = b
        share[b] = 1.0 if why[b] < 0 and off[b] == 0 else 0.0
        flow[b] = asked[b] * share[b]
    for b in range(len(parent) - 1, 0, -1):
        flow[parent[b]] += flow[b]


@jit
def shop_units(shop, took, job_step, job_left, machine_job, broken, seed, first, units, odds, repair):  # type: ignore[no-untyped-def]
    """A job shop for ``units`` of its time. ``shop`` and ``took`` (jobs, machines): each job's machines in order, and
    how long. Whoever is free takes, of the jobs that wait for it, the one with most work left. A machine breaks with
    ``odds`` a unit in use and stands ``repair`` units; its job waits. Returns what was done, machine units, and how
    many machines broke."""
    jobs, steps = shop.shape
    done, breaks = 0, 0
    for u in range(units):
        for m in range(steps):
            if broken[m] > 0:
                broken[m] -= 1
                continue
            if machine_job[m] < 0:
                best, most = -1, -1
                for j in range(jobs):
                    if job_step[j] < steps and shop[j, job_step[j]] == m:
                        work = 0
                        for s in range(job_step[j], steps):
                            work += took[j, s]
                        if work > most:
                            best, most = j, work
                if best >= 0:
                    machine_job[m], job_left[best] = best, took[best, job_step[best]]
        for m in range(steps):
            j = machine_job[m]
            if j < 0 or broken[m] > 0:
                continue
            if odds > 0.0 and drawn(seed, 2, m, first + u) < odds:
                broken[m] = repair
                breaks += 1
                continue
            job_left[j] -= 1
            done += 1
            if job_left[j] == 0:
                job_step[j] += 1
                machine_job[m] = -1
        if (job_step >= steps).all():
            job_step[:] = 0
    return done, breaks


@jit
def paid(grid, price, feed, hours):  # type: ignore[no-untyped-def]
    """What ``grid`` kW cost for ``hours``; below 0 it is sold."""
    return grid * hours * (price if grid > 0.0 else feed)


@jit
def worth(V, stored, capacity, levels):  # type: ignore[no-untyped-def]
    """The cost to come from ``stored`` kWh, between two levels of ``V`` (levels,)."""
    at = stored / capacity * (levels - 1)
    low = min(levels - 2, max(0, int(at)))
    return V[low] + (V[low + 1] - V[low]) * (at - low)


@jit
def moved(stored, charge, capacity, one_way, hours):  # type: ignore[no-untyped-def]
    """The charge that a battery can take, kW, and what is stored then."""
    room, there = (capacity - stored) / one_way / hours, stored * one_way / hours
    charge = min(room, max(-there, charge))
    return charge, min(capacity, max(0.0, stored + (charge * one_way if charge > 0.0 else charge / one_way) * hours))


@jit
def planned(P, stored, rest, most, price, feed, hours, levels, act):  # type: ignore[no-untyped-def]
    """The best next charge of each battery, as a share of its power, into ``act`` (households,), if its use beside it
    will be ``rest`` (steps, households), kW, and a kWh costs ``price`` (steps,); NaN where it is best to draw and sell
    nothing. No battery charges so that its household draws more than ``most`` (households,), kW.

    Dynamic programming over ``levels`` of what is stored, linear between them; charges that are tried are those where
    costs have a kink: nothing, all, half, and just so much that nothing is drawn or sold. What is left at the end is
    worth the cheapest price before it.
    """
    steps, n = rest.shape
    V, before = np.empty(levels), np.empty(levels)
    tried = np.array([0.0, 0.0, 1.0, -1.0, 0.5, -0.5])
    cheapest = price.min()
    for i in range(n):
        act[i] = 0.0
        capacity, power = P[P_CAPACITY, i], P[P_BATTERY, i]
        if capacity <= 0.0 or power <= 0.0:
            continue
        one_way = math.sqrt(P[P_EFFICIENCY, i])
        for s in range(levels):
            V[s] = -capacity * s / (levels - 1) * one_way * cheapest
        for t in range(steps - 1, -1, -1):
            tried[0] = min(1.0, max(-1.0, -rest[t, i] / power))
            first, last = (0, levels) if t > 0 else (0, 1)
            for s in range(first, last):
                have = stored[i] if t == 0 else capacity * s / (levels - 1)
                best = np.inf
                for k in range(6):
                    charge = min(tried[k] * power, max(0.0, most[i] - rest[t, i]))
                    charge, after = moved(have, charge, capacity, one_way, hours)
                    cost = paid(rest[t, i] + charge, price[t], feed, hours) + worth(V, after, capacity, levels)
                    if cost < best - 1e-12:
                        best = cost
                        if t == 0:
                            act[i] = charge / power if k > 0 else np.nan
                before[s] = best
            V[:] = before


@jit
def shadow(P, stored, said, rest, price, feed, kept, hours):  # type: ignore[no-untyped-def]
    """What batteries that hold ``stored`` (households,) would have saved in a step, doing what was ``said`` (NaN: serve
    oneself) beside ``rest``, against no battery, if what they then hold is worth ``kept`` a kWh; and what they hold."""
    n = P.shape[1]
    saved, after = np.zeros(n), stored.copy()
    for i in range(n):
        capacity, power = P[P_CAPACITY, i], P[P_BATTERY, i]
        if capacity <= 0.0:
            continue
        one_way = math.sqrt(P[P_EFFICIENCY, i])
        wish = -rest[i] if said[i] != said[i] else said[i] * power
        charge, after[i] = moved(stored[i], min(power, max(-power, wish)), capacity, one_way, hours)
        saved[i] = paid(rest[i], price, feed, hours) - paid(rest[i] + charge, price, feed, hours)
        saved[i] += (after[i] - stored[i]) * one_way * kept
    return saved, after
