"""Finance: loans against collateral, and an exchange of tokens whose averages of prices nobody pushes in a moment."""

from klopf.ledger import _pack
from klopf.ledger.finance._coin import Coin
from klopf.ledger.finance._lending import MarketTerms
from klopf.ledger.finance.exchange import Exchange
from klopf.ledger.finance.loans import Loans

__all__ = ["Coin", "Exchange", "Finance", "Loans", "MarketTerms"]


class Finance(_pack.Pack):
    """See this module's text."""

    name = "finance"
    contracts = (Exchange, Loans)
