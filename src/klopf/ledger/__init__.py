"""Identity, money and history on a chain: typed clients of Klopf's contracts, over an embedded file or any RPC URL.

::

    from klopf import ledger

    key = ledger.keys.new()
    deployment = ledger.deploy("ledger.db", key)
    with ledger.connect("ledger.db", key, deployment) as l:
        me = l.registry.register(ledger.Role.REQUESTER)
"""

from klopf.extras import require as _require

_require("network", "klopf.ledger")

from . import _events as events
from . import keys
from ._client import Ledger, connect
from ._deployment import Deployment, deploy
from ._events import history
from ._forward import ForwardRequest
from ._governance import Governance, Proposal, ProposalState, Support
from ._graph import Graph, Listening, Member, graph
from ._index import Index, Page
from ._migrate import Claim, load_claims, migrate, restore, save_claims
from ._parameters import KLP, Constitution, Economy, Marks, Parameters
from ._receipts import ATTENTION, Domain, Receipt, ReceiptTree, SignedReceipt, load_receipts, save_receipts
from ._types import Account, Column, Dispute, EpochTotals, Now, Participant, Phase, Result, Role, Score, Sent, Standing
from ._verify import Difference, verify
from .keys import Key

__all__ = [
    "ATTENTION",
    "KLP",
    "Account",
    "Claim",
    "Column",
    "Constitution",
    "Deployment",
    "Difference",
    "Dispute",
    "Domain",
    "Economy",
    "EpochTotals",
    "ForwardRequest",
    "Governance",
    "Graph",
    "Index",
    "Key",
    "Ledger",
    "Listening",
    "Marks",
    "Member",
    "Now",
    "Page",
    "Parameters",
    "Participant",
    "Phase",
    "Proposal",
    "ProposalState",
    "Receipt",
    "ReceiptTree",
    "Result",
    "Role",
    "Score",
    "Sent",
    "SignedReceipt",
    "Standing",
    "Support",
    "connect",
    "deploy",
    "events",
    "graph",
    "history",
    "keys",
    "load_claims",
    "load_receipts",
    "migrate",
    "restore",
    "save_claims",
    "save_receipts",
    "verify",
]
