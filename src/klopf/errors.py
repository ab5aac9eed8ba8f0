"""Every error that Klopf raises on purpose. ``str(error)`` is one line: what is wrong and how to mend it.

::

    KlopfError
    ├── MindError          a learner was given something it cannot use, or a saved one cannot be read
    │   └── Diverged       a learner's numbers are no longer finite: it must begin anew, or from an earlier save
    ├── ChainError         the embedded chain refused or could not be read
    │   ├── Rejected       a transaction or request that the chain does not accept (has a JSON-RPC code and data)
    │   ├── DamagedFile    the chain's file is cut off, altered or not a chain
    │   ├── UnknownFormat  the file was written by another version of Klopf
    │   ├── WrongChain     the file holds another chain than the one asked for
    │   ├── ReadOnlyChain  a write to a chain that is open for reading only
    │   └── DiskFull       there was no room to write; nothing was lost
    ├── LedgerError        a contract, key or deployment is not what it should be
    │   ├── Reverted       a contract refused a call (has the name of its error)
    │   └── Unanswered     the node did not answer, or with an error of its own, no reply at all or too high a price
    ├── WireError          a request or answer was refused, or did not arrive
    │   ├── BadCertificate     a certificate is damaged, or nobody should trust it
    │   ├── Refused            the axon refused the request
    │   ├── BadAnswer          the dendrite refused the answer
    │   ├── Unreachable        no connection, or it broke
    │   └── TooLate            no answer before the deadline
    ├── ExtensionError     something that was added from outside cannot be used
    ├── MissingExtra       something is asked for that an extra brings, and it is not installed (an ImportError, too)
    ├── TableError         a table of samples cannot be read, or holds what cannot be used
    ├── StoreError         records, a policy or a block cannot be used
    │   ├── DamagedBlock       a block is not what its name says, or is not there (has its name)
    │   └── BudgetSpent        a device's budget of privacy does not allow what was asked for
    ├── PeersError         a network or a neuron in it is set up wrongly
    ├── DoorsError         a door cannot be opened, or refused what was asked of it
    │   └── Unpaid             an answer was not paid for, and nothing was taken
    ├── AuditError         an audit cannot be carried out
    ├── FleetError         a device, a node or a demand is set up wrongly, or refused what was asked of it
    ├── DaoError           votes, statements or receipts cannot be used
    ├── ProofError         what is to be proven is not so, or cannot be proven here
    │   └── NotProven          a proof does not show what it is said to show
    └── TwinError          a world, a scenario or what a policy does cannot be used
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

__all__ = [
    "AuditError",
    "BadAnswer",
    "BadCertificate",
    "BudgetSpent",
    "ChainError",
    "DamagedBlock",
    "DamagedFile",
    "DaoError",
    "DiskFull",
    "Diverged",
    "DoorsError",
    "ExtensionError",
    "FleetError",
    "KlopfError",
    "LedgerError",
    "MindError",
    "MissingExtra",
    "NotProven",
    "PeersError",
    "ProofError",
    "ReadOnlyChain",
    "Refused",
    "Rejected",
    "Reverted",
    "StoreError",
    "TableError",
    "TooLate",
    "TwinError",
    "Unanswered",
    "UnknownFormat",
    "Unpaid",
    "Unreachable",
    "WireError",
    "WrongChain",
    "worded",
]


class KlopfError(Exception):
    """Root of the tree: catch this to catch all of Klopf's own errors."""


class MindError(KlopfError):
    """A learner was given something it cannot use, or a saved one cannot be read."""


class Diverged(MindError):
    """A learner's weights, predictions or errors are no longer finite: it must begin anew, or from an earlier save."""


class ChainError(KlopfError):
    """The embedded chain refused or could not be read."""


class Rejected(ChainError):
    """The chain does not accept a transaction or a request; ``code`` and ``data`` are those of JSON-RPC."""

    def __init__(self, message: str, code: int = -32000, data: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class DamagedFile(ChainError):
    """The chain's file is cut off, altered or not a chain."""


class UnknownFormat(ChainError):
    """The file was written by another version of Klopf."""


class WrongChain(ChainError):
    """The file holds another chain than the one asked for."""


class ReadOnlyChain(ChainError):
    """A write to a chain that is open for reading only."""


class DiskFull(ChainError):
    """There was no room to write; nothing was lost."""


class LedgerError(KlopfError):
    """A contract, key or deployment is not what it should be."""


class Reverted(LedgerError):
    """A contract refused a call; ``name`` is that of its custom error, or empty."""

    def __init__(self, line: str, name: str = "") -> None:
        super().__init__(line)
        self.name = name


class Unanswered(LedgerError):
    """The node did not answer, or with an error of its own, with what is no reply, or asks more for gas than the user
    would pay: later, or another node, may do better."""


class WireError(KlopfError):
    """A request or answer was refused, or did not arrive. ``code`` is a number of ``klopf.wire.Code``."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class BadCertificate(WireError):
    """A certificate is damaged, or nobody should trust it."""


class Refused(WireError):
    """The axon refused the request. ``signed``: it said so with its key; ``retry_after``: in seconds, 0 if for good."""

    def __init__(self, message: str, code: int = 0, signed: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message, code)
        self.signed = signed
        self.retry_after = retry_after


class BadAnswer(WireError):
    """The dendrite refused the answer."""


class Unreachable(WireError):
    """No connection, or it broke."""


class TooLate(WireError):
    """No answer before the deadline."""


class ExtensionError(KlopfError):
    """Something that was added from outside cannot be used."""


class MissingExtra(KlopfError, ImportError):
    """Something is asked for that an extra brings, and it is not installed. ``extra``: its name, as pip takes it."""

    def __init__(self, message: str, extra: str) -> None:
        super().__init__(message)
        self.extra = extra


class TableError(KlopfError):
    """A table of samples cannot be read, or holds what cannot be used."""


class StoreError(KlopfError):
    """Records, a policy, a block or a store cannot be used."""


class DamagedBlock(StoreError):
    """A block is not what its name says, or is not there. ``cid``: its name."""

    def __init__(self, message: str, cid: str) -> None:
        super().__init__(message)
        self.cid = cid


class BudgetSpent(StoreError):
    """What is left of a device's budget of privacy is less than what was asked for; nothing was spent."""


class PeersError(KlopfError):
    """A network or a neuron in it is set up wrongly."""


class DoorsError(KlopfError):
    """A door cannot be opened, or refused what was asked of it."""


class Unpaid(DoorsError):
    """What was shown pays for no answer, and nothing was taken. ``code``: why, in the words of x402 for A2A."""

    def __init__(self, message: str, code: str = "SETTLEMENT_FAILED") -> None:
        super().__init__(message)
        self.code = code


class AuditError(KlopfError):
    """An audit cannot be carried out."""


class FleetError(KlopfError):
    """A device, a node or a demand is set up wrongly, or refused what was asked of it."""


class DaoError(KlopfError):
    """Votes, statements or receipts cannot be used."""


class ProofError(KlopfError):
    """What is to be proven is not so, or cannot be proven here."""


class NotProven(ProofError):
    """A proof does not show what it is said to show: it is damaged, altered, of something else, or a forgery."""


class TwinError(KlopfError):
    """A world, a scenario or what a policy does cannot be used."""


_WANTED = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text",
           "dict": "a table", "model": "a table", "tuple": "a list", "list": "a list"}  # fmt: skip
"""What a setting must be, by how pydantic's kinds of fault begin."""


def worded(fault: Mapping[str, Any], settings: type) -> str:
    """A fault that pydantic found in a file of settings, for whoever wrote it: what is wrong, and what was meant.

    ``settings`` is the pydantic model of the whole file: where a name is unknown, it has the one that is nearest.
    """
    kind, said = str(fault["type"]), str(fault["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        return "it is missing"
    if kind == "extra_forbidden":
        import difflib

        *way, last = fault["loc"]
        near = difflib.get_close_matches(str(last), _settings_at(settings, way), 1)
        return "there is no such setting" + (f", did you mean {near[0]}?" if near else "")
    wanted = _WANTED.get(kind.partition("_")[0])
    if wanted is not None and kind.endswith(("_type", "_parsing", "_from_float")):
        return f"{wanted} is needed, not {fault['input']!r:.40}"
    return said.replace("Input should be", "it must be", 1)


def _settings_at(settings: Any, way: list[Any]) -> list[str]:
    for part in (part for part in way if isinstance(part, str)):
        field = settings.model_fields.get(part)
        kinds = () if field is None else (field.annotation, *get_args(field.annotation))
        settings = next((kind for kind in kinds if hasattr(kind, "model_fields")), None)
        if settings is None:
            return []
    return list(settings.model_fields)
