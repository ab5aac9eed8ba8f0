"""A pack from outside, as small as one can be: its contract (``Rounds.sol``), its client, its replay."""

from __future__ import annotations

from dataclasses import dataclass

from klopf.ledger.packs import Contract, Event, Pack, Replay, Sent


@dataclass(frozen=True)
class Begun(Event):
    """A round has begun, and the one before it is over."""

    round: int


@dataclass(frozen=True)
class Joined(Event):
    """A member is in a round."""

    round: int
    member: int


class RoundsReplay(Replay):
    """Rounds follow one another, and nobody is in one twice."""

    def begin(self) -> None:
        self.round = 0
        self.joined: set[tuple[int, int]] = set()

    def on_Begun(self, e: Begun) -> None:
        self.round += 1
        self.differ(f"round of {self.where(e)}", self.round, e.round)

    def on_Joined(self, e: Joined) -> None:
        self.differ(f"round of {self.where(e)}", self.round, e.round)
        self.differ(f"in the round before {self.where(e)}", False, (e.round, e.member) in self.joined)
        self.joined.add((e.round, e.member))

    def compare(self) -> None:
        rounds = self.client(Rounds)
        self.differ("the contract's round", self.round, rounds.running())
        for number, member in self.joined:
            self.differ(f"member {member} in round {number}", True, rounds.has(number, member))


class Rounds(Contract):
    """Rounds that participants join."""

    name = "Rounds"
    file = "tests.ledger.rounds:Rounds.json"
    events = (Begun, Joined)
    participants = ("member",)
    replay = RoundsReplay

    def begin(self) -> Sent:
        """Begin the next round."""
        return self._write("begin")

    def join(self, member: int) -> Sent:
        """Put a member into the running round, once."""
        return self._write("join", member)

    def running(self) -> int:
        """The running round; 0 before the first."""
        return int(self._read("round"))

    def has(self, round: int, member: int) -> bool:
        """Whether a member is in a round."""
        return bool(self._read("joined", round, member))


class RoundsPack(Pack):
    """Rounds."""

    name = "rounds"
    contracts = (Rounds,)
