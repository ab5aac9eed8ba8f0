"""py-evm behind the executor's interface: its cancun machine, over a flat journalled state instead of its tries.

py-evm is archived and pinned; nothing outside this file knows it. What is replaced: the account database (tries cost
most of its time), the transient storage, and its transaction executor.
"""

# mypy: disable-error-code="arg-type,attr-defined,assignment"
# (py-evm types addresses and hashes as its own kinds of bytes)
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth.exceptions import ContractCreationCollision, OutOfGas, Revert
from eth.precompiles.modexp import extract_lengths
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.berlin.computation import _compute_modexp_gas_fee_eip_2565
from eth.vm.forks.cancun.computation import CANCUN_PRECOMPILES, CancunComputation
from eth.vm.forks.cancun.opcodes import CANCUN_OPCODES
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.opcode_values import CREATE, CREATE2, SELFDESTRUCT

from klopf.chain._keccak import keccak
from klopf.chain._patience import patience
from klopf.chain._transaction import MAX_INITCODE, Transaction, created_address
from klopf.chain._values import EMPTY_CODE, Account, Difference, Environment, Frame, Log, Outcome, StateView
from klopf.chain.machine._interpreter import run
from klopf.chain.machine._light import light
from klopf.chain.machine._message import UncheckedMessage
from klopf.chain.machine._recursion import deep
from klopf.chain.machine._transfer import transfer

__all__ = ["PyEvm"]

REFUND_QUOTIENT = 5  # EIP-3529
QUICK_PRECOMPILES = 4  # recovering, two hashes and a copy; the others take milliseconds and more here
_ABSENT: Any = object()


class PyEvm:
    """Cancun by py-evm 0.12.1b1."""

    name = "py-evm"

    def execute(self, view: StateView, environment: Environment, transaction: Transaction) -> Outcome:
        """Run ``transaction``; see :class:`~klopf.chain.machine._executor.Executor`."""
        moved = transfer(view, environment, transaction)
        if moved is None:
            moved = light(view, transaction)
        if moved is not None:
            return moved
        with deep:
            return self._run(_State(view, environment), transaction)[0]

    def trace(self, view: StateView, environment: Environment, transaction: Transaction) -> tuple[Outcome, Frame]:
        """Run ``transaction`` and keep the tree of its messages."""
        with deep:
            outcome, computation = self._run(_TracedState(view, environment), transaction)
            top = _frame(computation, "CALL" if transaction.to else "CREATE")
        top.gas, top.gas_used = transaction.gas, outcome.gas_used
        top.input = transaction.data
        return outcome, top

    def accessed(
        self, view: StateView, environment: Environment, transaction: Transaction
    ) -> tuple[Outcome, dict[bytes, set[int]]]:
        """Run ``transaction`` and say which accounts and slots it touched, also in messages that failed."""
        with deep:
            state = _RecordingState(view, environment)
            outcome = self._run(state, transaction)[0]
        return outcome, state.accounts.touched

    @staticmethod
    def _run(state: _State, t: Transaction) -> tuple[Outcome, Any]:
        """What py-evm's transaction executor does, without its checks and texts (yellow paper, section 6)."""
        accounts, base_fee = state.accounts, state.fee
        price = t.gas_price(base_fee)
        account = accounts.get(t.sender)
        accounts.now[t.sender] = account._replace(nonce=account.nonce + 1, balance=account.balance - t.gas * price)
        created = None if t.to else created_address(t.sender, account.nonce)
        computation = _compute(state, t, created, price)
        used = t.gas - computation.get_gas_remaining()
        refund = min(computation.get_gas_refund(), used // REFUND_QUOTIENT)
        used -= refund
        if price:
            accounts.set_balance(t.sender, accounts.get_balance(t.sender) + (t.gas - used) * price)
        if tip := used * (price - base_fee):
            coinbase = state.execution_context.coinbase
            accounts.set_balance(coinbase, accounts.get_balance(coinbase) + tip)
        for address in computation.get_accounts_for_deletion():
            accounts.delete_account(address)
        status = not computation.is_error
        reverted = not status and isinstance(computation.error, Revert)
        outcome = Outcome(
            status=status,
            gas_used=used,
            logs=tuple(
                Log(bytes(address), tuple(topic.to_bytes(32, "big") for topic in topics), bytes(data))
                for address, topics, data in computation.get_log_entries()
            ),
            output=bytes(computation.output) if status or reverted else b"",
            created=created,
            difference=accounts.difference(),
            error=None if status else type(computation.error).__name__,
            reverted=reverted,
            refund=refund,
            least_gas=accounts.least_gas if status else -1,
            saw_block=accounts.saw_block,
        )
        return outcome, computation


def _compute(state: _State, t: Transaction, created: bytes | None, price: int) -> Any:
    """Run the transaction's one message, with what it names warm (EIP-2929, 2930)."""
    accounts, kind = state.accounts, state.computation_class
    target = t.to if created is None else created
    message = UncheckedMessage(
        # py-evm charges for the words of a creation's code when it starts the machine
        gas=t.gas - t.intrinsic_gas() + (0 if t.to else 2 * ((len(t.data) + 31) // 32)),
        to=t.to,
        sender=t.sender,
        value=t.value,
        data=t.data if t.to else b"",
        code=accounts.get_code(t.to) if t.to else t.data,
        create_address=created,
    )
    context = CancunTransactionContext(price, t.sender)
    accounts.mark_address_warm(t.sender)
    accounts.mark_address_warm(target)
    for address, slots in t.access_list:
        accounts.mark_address_warm(address)
        for slot in slots:
            accounts.mark_storage_warm(address, slot)
    if created is None:
        return kind.apply_message(state, message, context)
    if accounts.account_has_code_or_nonce(created):
        computation = kind(state, message, context)
        computation.error = ContractCreationCollision(f"0x{created.hex()} exists")
        return computation
    return kind.apply_create_message(state, message, context)


class _Accounts:
    """py-evm's ``AccountDatabaseAPI`` over a view: an overlay of changes, and one log to undo them.

    A checkpoint is the length of the log; undoing pops back to it. Warm addresses and slots and transient storage are
    kept the same way. An account exists exactly when it is not empty, which is what EIP-161 leaves of the difference.
    """

    state_root = b""

    def __init__(self, view: StateView) -> None:
        self.view = view
        self.base: dict[bytes, Account] = {}
        self.now: dict[bytes, Account] = {}
        self.slots: dict[tuple[bytes, int], int] = {}
        self.base_slots: dict[tuple[bytes, int], int] = {}
        self.codes: dict[bytes, bytes] = {}
        self.warm: dict[Any, bool] = {}
        self.transient: dict[tuple[bytes, int], bytes] = {}
        self.undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self.saw_block = False
        self.least_gas = 1 << 64  # that was left at an SSTORE; -1 once a program could tell more about its gas

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        self.undo.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def get(self, address: bytes) -> Account:
        account = self.now.get(address)
        if account is None:
            account = self.base.get(address)
            if account is None:
                account = self.base[address] = self.view.account(address)
        return account

    # accounts
    def get_balance(self, address: bytes) -> int:
        return self.get(address).balance

    def set_balance(self, address: bytes, balance: int) -> None:
        self._put(self.now, address, self.get(address)._replace(balance=balance))

    def get_nonce(self, address: bytes) -> int:
        return self.get(address).nonce

    def set_nonce(self, address: bytes, nonce: int) -> None:
        self._put(self.now, address, self.get(address)._replace(nonce=nonce))

    def increment_nonce(self, address: bytes) -> None:
        account = self.get(address)
        self._put(self.now, address, account._replace(nonce=account.nonce + 1))

    def get_code_hash(self, address: bytes) -> bytes:
        return self.get(address).code_hash

    def get_code(self, address: bytes) -> bytes:
        code_hash = self.get(address).code_hash
        if code_hash == EMPTY_CODE:
            return b""
        code = self.codes.get(code_hash)
        return self.view.code(code_hash) if code is None else code

    def set_code(self, address: bytes, code: bytes) -> None:
        code_hash = keccak(code)
        self.codes[code_hash] = code
        self._put(self.now, address, self.get(address)._replace(code_hash=code_hash))

    def delete_code(self, address: bytes) -> None:
        self._put(self.now, address, self.get(address)._replace(code_hash=EMPTY_CODE))

    def account_has_code_or_nonce(self, address: bytes) -> bool:
        account = self.get(address)
        return account.nonce != 0 or account.code_hash != EMPTY_CODE

    def account_is_empty(self, address: bytes) -> bool:
        account = self.get(address)
        return account.balance == 0 and account.nonce == 0 and account.code_hash == EMPTY_CODE

    def account_exists(self, address: bytes) -> bool:
        return not self.account_is_empty(address)

    def touch_account(self, address: bytes) -> None:
        pass

    def delete_account(self, address: bytes) -> None:
        self.delete_storage(address)
        self._put(self.now, address, Account())

    # storage
    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        key = (address, slot)
        if from_journal:
            value = self.slots.get(key)
            if value is not None:
                return value
        value = self.base_slots.get(key)
        if value is None:
            value = self.base_slots[key] = self.view.storage(address, slot)
        return value

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        self._put(self.slots, (address, slot), value)

    def delete_storage(self, address: bytes) -> None:
        # only a contract made in this very transaction can lose its storage (EIP-6780), so nothing lies below
        for key in [key for key in self.slots if key[0] == address]:
            self._put(self.slots, key, 0)

    # warm addresses and slots (EIP-2929)
    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        return (address, slot) in self.warm

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        if (address, slot) not in self.warm:
            self._put(self.warm, (address, slot), True)

    def is_address_warm(self, address: bytes) -> bool:
        return address in self.warm

    def mark_address_warm(self, address: bytes) -> None:
        if address not in self.warm:
            self._put(self.warm, address, True)

    # checkpoints
    def record(self) -> int:
        return len(self.undo)

    def discard(self, checkpoint: int) -> None:
        undo = self.undo
        while len(undo) > checkpoint:
            table, key, old = undo.pop()
            if old is _ABSENT:
                del table[key]
            else:
                table[key] = old

    def commit(self, checkpoint: int) -> None:
        pass

    def difference(self) -> Difference:
        """All that changed, net."""
        out = Difference()
        for address, account in self.now.items():
            before = self.base[address]
            if account != before:
                out.accounts[address] = account
                if account.code_hash != before.code_hash and account.code_hash != EMPTY_CODE:
                    out.codes[account.code_hash] = self.codes[account.code_hash]
        for key, value in self.slots.items():
            if value != self.get_storage(*key, from_journal=False):
                out.storage[key] = value
        return out


class _RecordingAccounts(_Accounts):
    """Remembers what was ever warm."""

    def __init__(self, view: StateView) -> None:
        super().__init__(view)
        self.touched: dict[bytes, set[int]] = {}

    def mark_address_warm(self, address: bytes) -> None:
        self.touched.setdefault(bytes(address), set())
        super().mark_address_warm(address)

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        self.touched.setdefault(bytes(address), set()).add(slot)
        super().mark_storage_warm(address, slot)


class _Create(type(CANCUN_OPCODES[CREATE])):  # type: ignore[misc]
    """CREATE that stops at once where its code is too long (EIP-3860).

    py-evm asks for the endowment and the depth first, and answers 0 where it should stop; found by
    tests/chain/machine/test_differential.py.
    """

    def get_gas_cost(self, data: Any) -> int:
        _check_length(data)
        return super().get_gas_cost(data)  # type: ignore[no-any-return]


class _Create2(type(CANCUN_OPCODES[CREATE2])):  # type: ignore[misc]
    """CREATE2, the same."""

    def get_gas_cost(self, data: Any) -> int:
        _check_length(data)
        return super().get_gas_cost(data)  # type: ignore[no-any-return]


def _check_length(data: Any) -> None:
    if data.memory_length > MAX_INITCODE:
        raise OutOfGas(f"creation code of {data.memory_length} bytes")


def _modexp(computation: Any) -> Any:
    """Precompile 5 (EIP-198, gas by EIP-2565). py-evm answers 0 for an empty base, though 0**0 is 1; found as above."""
    data = computation.msg.data_as_bytes
    computation.consume_gas(_compute_modexp_gas_fee_eip_2565(data), reason="MODEXP")
    size_b, size_e, size_m = extract_lengths(data)
    if size_m == 0:
        computation.output = b""
        return computation
    rest = data[96:]

    def number(start: int, size: int) -> int:
        return int.from_bytes(rest[start : start + size].ljust(size, b"\0"), "big")

    modulus = number(size_b + size_e, size_m)
    result = pow(number(0, size_b), number(size_b, size_e), modulus) if modulus else 0
    computation.output = result.to_bytes(size_m, "big")
    return computation


class _Computation(CancunComputation):
    """The cancun computation with that, and without py-evm's deprecation warning at each SELFDESTRUCT."""

    opcodes = {  # noqa: RUF012
        **CANCUN_OPCODES,
        CREATE: _Create(),
        CREATE2: _Create2(),
        SELFDESTRUCT: CANCUN_OPCODES[SELFDESTRUCT].__wrapped__,
    }
    _precompiles = {**CANCUN_PRECOMPILES, bytes(19) + b"\5": _modexp}  # noqa: RUF012

    def prepare_child_message(
        self, gas: int, to: bytes, value: int, data: Any, code: bytes, **more: Any
    ) -> UncheckedMessage:
        """A message inside this one."""
        more.setdefault("sender", self.msg.storage_address)
        return UncheckedMessage(gas, to, value=value, data=data, code=code, depth=self.msg.depth + 1, **more)

    @classmethod
    def apply_computation(
        cls, state: Any, message: Any, transaction_context: Any, parent_computation: Any = None
    ) -> Any:
        """One message: a precompile, or a program by our own loop."""
        with cls(state, message, transaction_context) as computation:
            if parent_computation is None:
                computation.contracts_created = []
                if message.is_create:
                    cls.consume_initcode_gas_cost(computation)
            else:
                computation.contracts_created = parent_computation.contracts_created
            if message.is_create:
                computation.contracts_created.append(message.storage_address)
            precompile = cls._precompiles.get(message.code_address)
            if precompile is None:
                run(computation)
            else:
                if message.code_address[-1] > QUICK_PRECOMPILES:
                    patience.refuse()
                precompile(computation)
        return computation


class _TracedComputation(_Computation):
    """Remembers which opcode made each message; py-evm's messages do not say."""

    opcode = "CALL"

    def apply_child_computation(self, child_msg: Any) -> Any:
        opcode = _CALLERS.get(self.code[self.code.program_counter - 1], "CALL")
        child = super().apply_child_computation(child_msg)
        child.opcode = opcode
        return child


_CALLERS = {0xF0: "CREATE", 0xF1: "CALL", 0xF2: "CALLCODE", 0xF4: "DELEGATECALL", 0xF5: "CREATE2", 0xFA: "STATICCALL"}


def _frame(computation: Any, kind: str) -> Frame:
    message = computation.msg
    failed = computation.is_error
    reverted = failed and isinstance(computation.error, Revert)
    to = message.code_address if kind in ("DELEGATECALL", "CALLCODE") else message.storage_address
    return Frame(
        kind=kind,
        sender=bytes(message.storage_address if kind == "DELEGATECALL" else message.sender),
        to=bytes(to),
        value=message.value,
        gas=message.gas,
        gas_used=message.gas - computation.get_gas_remaining(),
        input=bytes(message.code if message.is_create else message.data),
        output=bytes(computation.output) if not failed or reverted else b"",
        error=type(computation.error).__name__ if failed else None,
        reverted=reverted,
        frames=[_frame(child, child.opcode) for child in computation.children],
    )


class _State(CancunState):
    accounts_class = _Accounts
    computation_class = _Computation

    def __init__(self, view: StateView, environment: Environment) -> None:
        self._db = None
        self.fee = environment.base_fee
        self.execution_context = ExecutionContext(
            coinbase=environment.coinbase,
            timestamp=environment.timestamp,
            block_number=environment.number,
            difficulty=0,
            mix_hash=environment.prev_randao,
            gas_limit=environment.gas_limit,
            prev_hashes=_hashes(view, environment.number),
            chain_id=environment.chain_id,
            base_fee_per_gas=environment.base_fee,
            excess_blob_gas=0,
        )
        self.accounts = self._account_db = self.accounts_class(view)

    def snapshot(self) -> Any:
        return self.accounts.record()

    def revert(self, snapshot: Any) -> None:
        self.accounts.discard(snapshot)

    def commit(self, snapshot: Any) -> None:
        pass

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        return self.accounts.transient.get((address, slot), b"")

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        self.accounts._put(self.accounts.transient, (address, slot), value)

    def clear_transient_storage(self) -> None:
        self.accounts.transient.clear()


class _RecordingState(_State):
    accounts_class = _RecordingAccounts


class _TracedState(_State):
    computation_class = _TracedComputation


def _hashes(view: StateView, number: int) -> Iterator[bytes]:
    for ancestor in range(number - 1, max(-1, number - 257), -1):
        yield view.block_hash(ancestor)
