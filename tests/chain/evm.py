"""A tiny EVM assembler for the chain's tests: names and numbers in, bytes out."""

from __future__ import annotations

NAMES = [
    "STOP",
    "ADD",
    "MUL",
    "SUB",
    "DIV",
    "SDIV",
    "MOD",
    "SMOD",
    "ADDMOD",
    "MULMOD",
    "EXP",
    "SIGNEXTEND",
    ".",
    ".",
    ".",
    ".",
    "LT",
    "GT",
    "SLT",
    "SGT",
    "EQ",
    "ISZERO",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "BYTE",
    "SHL",
    "SHR",
    "SAR",
    ".",
    ".",
    "KECCAK256",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    ".",
    "ADDRESS",
    "BALANCE",
    "ORIGIN",
    "CALLER",
    "CALLVALUE",
    "CALLDATALOAD",
    "CALLDATASIZE",
    "CALLDATACOPY",
    "CODESIZE",
    "CODECOPY",
    "GASPRICE",
    "EXTCODESIZE",
    "EXTCODECOPY",
    "RETURNDATASIZE",
    "RETURNDATACOPY",
    "EXTCODEHASH",
    "BLOCKHASH",
    "COINBASE",
    "TIMESTAMP",
    "NUMBER",
    "PREVRANDAO",
    "GASLIMIT",
    "CHAINID",
    "SELFBALANCE",
    "BASEFEE",
    "BLOBHASH",
    "BLOBBASEFEE",
    ".",
    ".",
    ".",
    ".",
    ".",
    "POP",
    "MLOAD",
    "MSTORE",
    "MSTORE8",
    "SLOAD",
    "SSTORE",
    "JUMP",
    "JUMPI",
    "PC",
    "MSIZE",
    "GAS",
    "JUMPDEST",
    "TLOAD",
    "TSTORE",
    "MCOPY",
    "PUSH0",
]
OPCODES = {name: code for code, name in enumerate(NAMES) if name != "."}
OPCODES |= {f"DUP{i}": 0x7F + i for i in range(1, 17)}
OPCODES |= {f"SWAP{i}": 0x8F + i for i in range(1, 17)}
OPCODES |= {f"LOG{i}": 0xA0 + i for i in range(5)}
OPCODES |= {
    "CREATE": 0xF0,
    "CALL": 0xF1,
    "CALLCODE": 0xF2,
    "RETURN": 0xF3,
    "DELEGATECALL": 0xF4,
    "CREATE2": 0xF5,
    "STATICCALL": 0xFA,
    "REVERT": 0xFD,
    "INVALID": 0xFE,
    "SELFDESTRUCT": 0xFF,
}


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
