"""Who is bound to listen, and with what: the replay's own record."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Duties"]

_AWAY = 24  # epochs without a post after which nobody is bound to listen
_NEVER = 2**32


@dataclass
class _Duty:
    stake: int
    since: int
    """The first epoch in which it is bound."""
    seen: int
    """The last in which it posted, or began."""


@dataclass
class Duties:
    """Neurons that are bound to listen; what changes in an epoch counts from the next one on."""

    _of: dict[int, _Duty] = field(default_factory=dict)
    _opened: tuple[int, int, int] = (0, 0, 0)
    """Their stake and number as an epoch opened, and that epoch: the last in which they changed."""

    def bound(self, epoch: int) -> tuple[int, int]:
        """Stake and number of those who were bound when the running ``epoch`` opened."""
        now = sum(duty.stake for duty in self._of.values()), len(self._of)
        return self._opened[:2] if self._opened[2] == epoch else now

    def since(self, id: int) -> int:
        """The first epoch in which ``id`` is bound; one that never comes where it is not."""
        return self._of[id].since if id in self._of else _NEVER

    def bind(self, id: int, stake: int, epoch: int) -> None:
        """``id`` is bound with ``stake`` from now on, or with 0 not at all."""
        self._opened = (*self.bound(epoch), epoch)
        if not stake:
            self._of.pop(id, None)
        elif id in self._of:
            self._of[id].stake = stake
        else:
            self._of[id] = _Duty(stake, epoch + 1, epoch)

    def restake(self, id: int, stake: int, epoch: int) -> None:
        """``id`` has another stake: where it is bound, with that."""
        if id in self._of:
            self.bind(id, stake, epoch)

    def saw(self, id: int, epoch: int) -> bool:
        """``id`` posted. False where it is not bound, as yet."""
        if id not in self._of:
            return False
        self._of[id].seen = epoch
        return True

    def absent(self, id: int, epoch: int) -> bool:
        """Whether ``id`` has stayed away for so long that it may be dismissed."""
        return epoch > self._of[id].seen + _AWAY
