"""What tokens call themselves, asked once each; nothing of it is believed."""

from __future__ import annotations

from klopf import ledger
from klopf.console.web._text import clean
from klopf.ledger import events
from klopf.ledger.finance import Coin

__all__ = ["Coins"]

MOST = 1_000
"""Tokens that are asked; a pool for each costs its maker gas, and the page a call."""


class Coins:
    """Tokens by their addresses. Anybody may call a token anything: so all but KLP have their address beside it."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, int]] = {}

    def named(self, token: str) -> tuple[str, int]:
        """What it is called, and its decimals; of one that was not asked, its address and none."""
        return self._known.get(token, (token, 0))

    def learn(self, book: ledger.Ledger, event: events.Event) -> None:
        """Ask the tokens of a pool or a market that is opened."""
        if isinstance(event, events.exchange.Opened):
            tokens = [event.token0, event.token1]
        elif isinstance(event, events.loans.Opened):
            tokens = [event.market.loan, event.market.collateral]
        else:
            return
        for token in tokens:
            if token not in self._known and len(self._known) < MOST:
                self._known[token] = _asked(book, token)


def _asked(book: ledger.Ledger, token: str) -> tuple[str, int]:
    if token == book.token.address:
        return "KLP", 18
    coin = Coin(book, token)
    try:
        return str(clean(f"{coin.symbol()} {token}")), coin.decimals()
    except OSError:
        raise
    except Exception:  # no token at all, or one that nobody can write amounts of: a stranger's contract says anything
        return token, 0
