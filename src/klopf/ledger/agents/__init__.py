"""Participants, how they were heard and their audits, as ERC-8004's registries have them: views for others."""

from klopf.ledger import _pack
from klopf.ledger.agents.identity import AgentIdentity
from klopf.ledger.agents.reputation import AgentReputation
from klopf.ledger.agents.validation import AgentValidation

__all__ = ["AgentIdentity", "AgentReputation", "AgentValidation", "Agents"]


class Agents(_pack.Pack):
    """See this module's text."""

    name = "agents"
    contracts = (AgentIdentity, AgentReputation, AgentValidation)
    requires = ("core", "market", "audit")
