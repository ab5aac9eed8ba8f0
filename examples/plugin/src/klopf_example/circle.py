"""A pack of one contract: circles of participants. ``contracts/Circle.sol`` is its source, ``artifacts`` its code."""

from dataclasses import dataclass

from klopf.ledger.packs import Contract, Event, Pack, Replay, Sent


@dataclass(frozen=True)
class Joined(Event):
    """The fleet's ``Effort`` says ``Joined`` too: an event is known by its contract and its name."""

    circle: int
    participant: int


class CircleReplay(Replay):
    """Who must be in which circle."""

    def begin(self) -> None:
        self.circles: dict[int, set[int]] = {}

    def on_Joined(self, e: Joined) -> None:
        circle = self.circles.setdefault(e.circle, set())
        self.differ(f"{self.where(e)}, of one who was outside", True, e.participant not in circle)
        circle.add(e.participant)

    def compare(self) -> None:
        for number, circle in self.circles.items():
            self.differ(f"the contract's size of circle {number}", len(circle), self.client(Circle).size(number))


class Circle(Contract):
    """Circles of participants."""

    name = "Circle"
    file = "klopf_example:artifacts/Circle.json"
    events = (Joined,)
    participants = ("participant",)
    replay = CircleReplay

    def join(self, circle: int, participant: int) -> Sent:
        """Put a participant of one's own into a circle."""
        return self._write("join", circle, participant)

    def size(self, circle: int) -> int:
        """How many are in it."""
        return int(self._read("size", circle))


class CirclePack(Pack):
    """See this module's text."""

    name = "circle"
    contracts = (Circle,)
