"""What a network is for, agreed on the ledger: a stranger who knows its directory reads what it has to bring along."""

from klopf.ledger import _pack
from klopf.ledger.schema.schema import Schema

__all__ = ["Schema", "SchemaPack"]


class SchemaPack(_pack.Pack):
    """See this module's text."""

    name = "schema"
    contracts = (Schema,)
