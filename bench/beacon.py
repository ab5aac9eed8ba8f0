"""How far a draw can be bent by holding values back from the beacon, and what that costs.

``python bench/beacon.py [--quick] [--json]``

Twenty participants audit and show values to the beacon; some of them, with a share of the stake, are one owner's, who
shows last and knows what everybody else showed. It wants two of a neuron's three auditors to be its own. It may hold
back any subset of its own values, each of which costs 5 % of that participant's stake, and takes the cheapest subset
that wins. Draws are those of the contracts (their second implementation, which tests compare with them).

Result (4,000 draws for each share):

                 own   wins fair   wins bent   held back   of one stake
     5% of the stake       0.000       0.000        0.00          0.0%
    10% of the stake       0.019       0.062        1.30          6.5%
    20% of the stake       0.090       0.775        1.81          9.1%
    30% of the stake       0.220       1.000        1.28          6.4%
    40% of the stake       0.351       1.000        1.04          5.2%
"""

from __future__ import annotations

import random
from itertools import combinations

from eth_abi.abi import encode
from eth_hash.auto import keccak
from figures import Report, arguments

from klopf.ledger import BeaconTerms
from klopf.ledger.audit._reference import draw

MEMBERS, SEATS, WANTED, STAKE = 20, 3, 2, 1000


def wins(seed: bytes, own: int) -> bool:
    """Whether two of the three auditors that ``seed`` draws for a neuron are among the first ``own`` members."""
    return sum(id < own for id in draw(seed, 1, [(id, STAKE) for id in range(MEMBERS)], SEATS)) >= WANTED


def seed_without(parts: list[bytes], held: tuple[int, ...]) -> bytes:
    """The next seed if the values of ``held`` are not shown."""
    mix = 0
    for id, part in enumerate(parts):
        mix ^= 0 if id in held else int.from_bytes(part, "big")
    return keccak(encode(("bytes32", "bytes32", "uint32"), (bytes(32), mix.to_bytes(32, "big"), 2)))


def cheapest(parts: list[bytes], own: int) -> int | None:
    """The fewest of its own values that must be held back to win; None where no subset wins."""
    for count in range(own + 1):
        if any(wins(seed_without(parts, held), own) for held in combinations(range(own), count)):
            return count
    return None


def main() -> None:
    args = arguments(__doc__).parse_args()
    rng, draws = random.Random(0), 300 if args.quick else 4_000
    loss = BeaconTerms().miss_bps / 10_000
    with Report(args.json) as report:
        report.say("             own   wins fair   wins bent   held back   of one stake")
        for own in (1, 2, 4, 6, 8):
            fair = bent = held = 0
            for _ in range(draws):
                parts = [rng.randbytes(32) for _ in range(MEMBERS)]
                least = cheapest(parts, own)
                fair += least == 0
                bent += least is not None
                held += least or 0
            share, cost = f"{own / MEMBERS:.0%} of the stake", held / max(1, bent - fair)
            report.say(f"{share:>16} {fair / draws:11.3f} {bent / draws:11.3f} {cost:11.2f} {cost * loss:13.1%}")
            report.figure(f"draws won by {share}, nothing held back", fair / draws)
            report.figure(f"draws won by {share}, values held back", bent / draws)
            if bent > fair:
                what = f"what each draw more that {share} wins costs, in shares of one of its stakes"
                report.figure(what, cost * loss, at_least=loss)


if __name__ == "__main__":
    main()
