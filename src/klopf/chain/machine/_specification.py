"""The executable specification (PyPI ``ethereum-execution``) behind the executor's interface: slow, and the oracle.

It is written to be read, not to be fast, by the people who specify Ethereum; the chain's tests run the same programs
through it and through py-evm. Not installed with Klopf: ``pip install ethereum-execution==1.17.0``.

Its state is a set of dictionaries that are copied at each message. They are filled lazily from the view here.
"""

# mypy: disable-error-code="assignment,union-attr,call-overload"
# mypy: warn-unused-ignores=False
# (which of its types are seen depends on whether it is installed)
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ethereum.cancun.fork_types import Account as SpecAccount
from ethereum.cancun.fork_types import Address
from ethereum.cancun.state import (
    State,
    TransientStorage,
    account_exists_and_is_empty,
    account_has_code_or_nonce,
    destroy_account,
    get_account,
    increment_nonce,
    set_account_balance,
)
from ethereum.cancun.trie import Trie
from ethereum.cancun.utils.message import prepare_message
from ethereum.cancun.vm import BlockEnvironment, TransactionEnvironment
from ethereum.cancun.vm.exceptions import Revert
from ethereum.cancun.vm.interpreter import process_create_message, process_message
from ethereum.crypto.hash import Hash32
from ethereum_types.bytes import Bytes, Bytes0, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from klopf.chain._keccak import keccak
from klopf.chain._transaction import Transaction
from klopf.chain._values import EMPTY_CODE, Account, Difference, Environment, Log, Outcome, StateView
from klopf.chain.machine._recursion import deep

__all__ = ["Specification"]


class Specification:
    """Cancun by ethereum-execution 1.17."""

    name = "ethereum-execution"

    def execute(self, view: StateView, environment: Environment, transaction: Transaction) -> Outcome:
        """Run ``transaction``, as ``fork.process_transaction`` does."""
        state = _state(view)
        sender = Address(transaction.sender)
        price = transaction.gas_price(environment.base_fee)
        block = _block(view, environment, state)

        increment_nonce(state, sender)
        before = get_account(state, sender)
        set_account_balance(state, sender, U256(int(before.balance) - transaction.gas * price))
        warm = {Address(address) for address, _ in transaction.access_list} | {block.coinbase}
        keys = {(Address(a), Bytes32(s.to_bytes(32, "big"))) for a, slots in transaction.access_list for s in slots}
        inside = TransactionEnvironment(
            origin=sender,
            gas_price=Uint(price),
            gas=Uint(transaction.gas - transaction.intrinsic_gas()),
            access_list_addresses=warm,
            access_list_storage_keys=keys,
            transient_storage=TransientStorage(),
            blob_versioned_hashes=(),
            index_in_block=Uint(0),
            tx_hash=None,
            traces=[],
        )
        to = Address(transaction.to) if transaction.to else Bytes0(b"")
        shape: Any = SimpleNamespace(to=to, data=Bytes(transaction.data), value=U256(transaction.value))
        message = prepare_message(block, inside, shape)
        created = None if transaction.to else bytes(message.current_target)
        if created is not None and account_has_code_or_nonce(state, message.current_target):
            evm, left, error, output = None, 0, "ContractCreationCollision", b""
        else:
            with deep:
                evm = process_message(message) if transaction.to else process_create_message(message)
            left, error = int(evm.gas_left), None if evm.error is None else type(evm.error).__name__
            output = bytes(evm.output)
        reverted = evm is not None and isinstance(evm.error, Revert)

        used = transaction.gas - left
        refund = 0 if error is not None or evm is None else min(used // 5, int(evm.refund_counter))
        used -= refund
        back = int(get_account(state, sender).balance) + (transaction.gas - used) * price
        set_account_balance(state, sender, U256(back))
        fee = int(get_account(state, block.coinbase).balance) + used * (price - environment.base_fee)
        if fee:
            set_account_balance(state, block.coinbase, U256(fee))
        elif account_exists_and_is_empty(state, block.coinbase):
            destroy_account(state, block.coinbase)
        logs: tuple[Log, ...] = ()
        if error is None and evm is not None:
            for address in evm.accounts_to_delete:
                destroy_account(state, address)
            logs = tuple(
                Log(bytes(entry.address), tuple(bytes(topic) for topic in entry.topics), bytes(entry.data))
                for entry in evm.logs
            )
        return Outcome(
            status=error is None,
            gas_used=used,
            logs=logs,
            output=output if error is None or reverted else b"",
            created=created,
            difference=_difference(view, state),
            error=error,
            reverted=reverted,
            refund=refund,
        )


_GONE: Any = object()


class _Lazy(dict[Any, Any]):
    """A trie's data, filled from ``load`` at the first look at a key; what is deleted stays deleted."""

    def __init__(self, load: Any, data: dict[Any, Any] | None = None) -> None:
        super().__init__(data or {})
        self.load = load

    def get(self, key: Any, default: Any = None) -> Any:
        value = super().get(key)
        if value is None:
            value = self.load(key)
            super().__setitem__(key, value)
        return default if value is _GONE else value

    def __contains__(self, key: Any) -> bool:
        return self.get(key, _GONE) is not _GONE

    def __delitem__(self, key: Any) -> None:
        super().__setitem__(key, _GONE)

    def __eq__(self, other: Any) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> _Lazy:
        return _Lazy(self.load, self)


class _Tries(dict[Any, Any]):
    """Every account's storage trie, each filled lazily."""

    def __init__(self, view: StateView, data: dict[Any, Any] | None = None) -> None:
        super().__init__(data or {})
        self.view = view

    def get(self, address: Any, default: Any = None) -> Any:
        trie = super().get(address)
        if trie is None:
            trie = Trie(secured=True, default=U256(0), _data=_Lazy(self._loader(bytes(address))))
            super().__setitem__(address, trie)
        return trie

    def _loader(self, address: bytes) -> Any:
        def load(key: Any) -> Any:
            value = self.view.storage(address, int.from_bytes(key, "big"))
            return U256(value) if value else _GONE

        return load

    def __contains__(self, address: Any) -> bool:
        # asked of contracts about to be made (nothing lies below them) and of those destroyed in the same transaction
        trie = super().get(address)
        return trie is not None and any(value is not _GONE for value in trie._data.values())

    def __delitem__(self, address: Any) -> None:
        empty = Trie(secured=True, default=U256(0), _data=_Lazy(lambda key: _GONE))
        for key in super().get(address, empty)._data:  # remember which slots were touched
            del empty._data[key]
        super().__setitem__(address, empty)


class _Snapshots(list[Any]):
    """The specification's snapshots, whose storage stays lazy."""

    def __init__(self, view: StateView) -> None:
        super().__init__()
        self.view = view

    def append(self, snapshot: Any) -> None:
        accounts, storage = snapshot
        super().append((accounts, _Tries(self.view, storage)))


def _state(view: StateView) -> State:
    def load(address: Any) -> Any:
        account = view.account(bytes(address))
        if account == Account():
            return _GONE
        return SpecAccount(Uint(account.nonce), U256(account.balance), Bytes(view.code(account.code_hash)))

    return State(
        _main_trie=Trie(secured=True, default=None, _data=_Lazy(load)),
        _storage_tries=_Tries(view),
        _snapshots=_Snapshots(view),
    )


def _block(view: StateView, environment: Environment, state: State) -> BlockEnvironment:
    first = max(0, environment.number - 256)
    return BlockEnvironment(
        chain_id=U64(environment.chain_id),
        state=state,
        block_gas_limit=Uint(environment.gas_limit),
        block_hashes=[Hash32(view.block_hash(n)) for n in range(first, environment.number)],
        coinbase=Address(environment.coinbase),
        number=Uint(environment.number),
        base_fee_per_gas=Uint(environment.base_fee),
        time=U256(environment.timestamp),
        prev_randao=Bytes32(environment.prev_randao),
        excess_blob_gas=U64(0),
        parent_beacon_block_root=Hash32(bytes(32)),
    )


def _difference(view: StateView, state: State) -> Difference:
    out = Difference()
    for address, held in state._main_trie._data.items():
        account = Account()
        if held is not _GONE:
            code = bytes(held.code)
            account = Account(int(held.nonce), int(held.balance), keccak(code) if code else EMPTY_CODE)
        before = view.account(bytes(address))
        if account != before:
            out.accounts[bytes(address)] = account
            if held is not _GONE and account.code_hash != before.code_hash:
                out.codes[account.code_hash] = bytes(held.code)
    for address, trie in state._storage_tries.items():
        for key, held in trie._data.items():
            slot = int.from_bytes(key, "big")
            value = 0 if held is _GONE else int(held)
            if value != view.storage(bytes(address), slot):
                out.storage[bytes(address), slot] = value
    return out
