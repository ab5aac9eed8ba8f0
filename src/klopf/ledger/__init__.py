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

from klopf.ledger import events, keys, packs
from klopf.ledger._add_pack import Added, add_pack
from klopf.ledger._client import Sent
from klopf.ledger._deployment import Deployment, deploy
from klopf.ledger._graph import Graph, Listening, Member, graph
from klopf.ledger._history import history
from klopf.ledger._index import Index, Page
from klopf.ledger._ledger import Ledger, connect
from klopf.ledger._migrate import Claim, load_claims, migrate, open_source, restore, save_claims
from klopf.ledger._parameters import (
    KLP,
    AuditShare,
    AuditTerms,
    BeaconTerms,
    CaseTerms,
    Constitution,
    Economy,
    ExchangeTerms,
    LoanTerms,
    Marks,
    Parameters,
    PoolWeights,
    ReserveRates,
    SeatTerms,
)
from klopf.ledger._receipts import (
    ATTENTION,
    Domain,
    Receipt,
    ReceiptTree,
    SignedReceipt,
    load_receipts,
    merkle,
    path_to_root,
    root_from,
    save_receipts,
)
from klopf.ledger._replay import Difference
from klopf.ledger._verify import verify
from klopf.ledger._vouchers import SignedVoucher, Voucher
from klopf.ledger.audit.audits import Counts, Result, Score
from klopf.ledger.audit.transcript import Answered, Transcript
from klopf.ledger.core._participant import Participant, Role
from klopf.ledger.core.clock import Now, Phase
from klopf.ledger.core.stake import Account
from klopf.ledger.dao.governance import Governance, Proposal, ProposalState, Support
from klopf.ledger.fleet._request import ForwardRequest
from klopf.ledger.keys import Key
from klopf.ledger.market.disputes import Dispute
from klopf.ledger.market.settlement import Column, EpochTotals
from klopf.ledger.market.vouchers import Reserve
from klopf.neuron import Standing

__all__ = [
    "ATTENTION",
    "KLP",
    "Account",
    "Added",
    "Answered",
    "AuditShare",
    "AuditTerms",
    "BeaconTerms",
    "CaseTerms",
    "Claim",
    "Column",
    "Constitution",
    "Counts",
    "Deployment",
    "Difference",
    "Dispute",
    "Domain",
    "Economy",
    "EpochTotals",
    "ExchangeTerms",
    "ForwardRequest",
    "Governance",
    "Graph",
    "Index",
    "Key",
    "Ledger",
    "Listening",
    "LoanTerms",
    "Marks",
    "Member",
    "Now",
    "Page",
    "Parameters",
    "Participant",
    "Phase",
    "PoolWeights",
    "Proposal",
    "ProposalState",
    "Receipt",
    "ReceiptTree",
    "Reserve",
    "ReserveRates",
    "Result",
    "Role",
    "Score",
    "SeatTerms",
    "Sent",
    "SignedReceipt",
    "SignedVoucher",
    "Standing",
    "Support",
    "Transcript",
    "Voucher",
    "add_pack",
    "connect",
    "deploy",
    "events",
    "graph",
    "history",
    "keys",
    "load_claims",
    "load_receipts",
    "merkle",
    "migrate",
    "open_source",
    "packs",
    "path_to_root",
    "restore",
    "root_from",
    "save_claims",
    "save_receipts",
    "verify",
]
