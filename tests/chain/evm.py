"""A tiny EVM assembler for the chain's tests: names and numbers in, bytes out."""

from __future__ import annotations

ROWS = {
    0x00: "STOP ADD MUL SUB DIV SDIV MOD SMOD ADDMOD MULMOD EXP SIGNEXTEND",
    0x10: "LT GT SLT SGT EQ ISZERO AND OR XOR NOT BYTE SHL SHR SAR",
    0x20: "KECCAK256",
    0x30: "ADDRESS BALANCE ORIGIN CALLER CALLVALUE CALLDATALOAD CALLDATASIZE CALLDATACOPY",
    0x38: "CODESIZE CODECOPY GASPRICE EXTCODESIZE EXTCODECOPY RETURNDATASIZE RETURNDATACOPY EXTCODEHASH",
    0x40: "BLOCKHASH COINBASE TIMESTAMP NUMBER PREVRANDAO GASLIMIT CHAINID SELFBALANCE BASEFEE BLOBHASH BLOBBASEFEE",
    0x50: "POP MLOAD MSTORE MSTORE8 SLOAD SSTORE JUMP JUMPI PC MSIZE GAS JUMPDEST TLOAD TSTORE MCOPY PUSH0",
    0xF0: "CREATE CALL CALLCODE RETURN DELEGATECALL CREATE2",
    0xFA: "STATICCALL",
    0xFD: "REVERT INVALID SELFDESTRUCT",
}
OPCODES = {name: start + i for start, names in ROWS.items() for i, name in enumerate(names.split())}
OPCODES |= {f"DUP{i}": 0x7F + i for i in range(1, 17)}
OPCODES |= {f"SWAP{i}": 0x8F + i for i in range(1, 17)}
OPCODES |= {f"LOG{i}": 0xA0 + i for i in range(5)}


def push(value: int | bytes) -> bytes:
    """The shortest push of an integer, or a push of these bytes."""
    if isinstance(value, int):
        value = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([0x5F + len(value)]) + value


def asm(*items: str | int | bytes) -> bytes:
    """Opcodes by name (a string may hold several), integers and bytes as pushes."""
    out = b""
    for item in items:
        if isinstance(item, str):
            out += bytes(OPCODES[name] for name in item.split())
        else:
            out += push(item)
    return out


def deploy(runtime: bytes) -> bytes:
    """Creation code that returns ``runtime``."""
    start = asm(len(runtime), "DUP1")
    end = asm("PUSH0 CODECOPY PUSH0 RETURN")
    return start + bytes([0x60, len(start) + 2 + len(end)]) + end + runtime
