"""Recursive Length Prefix (yellow paper, appendix B): bytes and nested lists of bytes, one encoding each."""

from __future__ import annotations

from typing import Any

__all__ = ["decode", "encode", "without_last"]

MAX_DEPTH = 64
_SHORT = [bytes([0x80 + length]) for length in range(56)]


def encode(item: bytes | list[Any] | tuple[Any, ...]) -> bytes:
    """The encoding of bytes, or of a list of such items.

    >>> encode([b"cat", [], b""]).hex()
    'c683636174c080'
    """
    if isinstance(item, (bytes, bytearray)):
        if len(item) == 1 and item[0] < 0x80:
            return bytes(item)
        return _head(len(item), 0x80) + item
    parts = []
    for part in item:
        if part.__class__ is not bytes:
            parts.append(encode(part))
        elif (length := len(part)) > 55:
            parts.append(_head(length, 0x80) + part)
        elif length == 1 and part[0] < 0x80:
            parts.append(part)
        else:
            parts.append(_SHORT[length] + part)
    body = b"".join(parts)
    return _head(len(body), 0xC0) + body


def _head(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(size)]) + size


def decode(data: bytes) -> Any:
    """The item of an encoding; raises ValueError where it is not the one canonical encoding of an item.

    >>> decode(bytes.fromhex("c683636174c080"))
    [b'cat', [], b'']
    """
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise ValueError("bytes follow the item")
    return item


def without_last(data: bytes, last: list[Any]) -> bytes:
    """The encoding of a list without its last items, all bytes; ``data`` is that of the whole list.

    >>> without_last(bytes.fromhex("c683636174c080"), [b""]).hex()
    'c583636174c0'
    """
    start = 1 if data[0] < 0xF8 else 1 + data[0] - 0xF7
    body = data[start : len(data) - sum(_size(item) for item in last)]
    return _head(len(body), 0xC0) + body


def _size(item: bytes) -> int:
    """How long the encoding of bytes is."""
    length = len(item)
    if length < 56:
        return 1 if length == 1 and item[0] < 0x80 else 1 + length
    return 1 + (length.bit_length() + 7) // 8 + length


def _item(data: bytes, start: int, limit: int, depth: int) -> tuple[Any, int]:
    if start >= limit:
        raise ValueError("an item is missing")
    if depth > MAX_DEPTH:
        raise ValueError("lists are nested too deep")
    prefix = data[start]
    if prefix < 0x80:
        return data[start : start + 1], start + 1
    is_list = prefix >= 0xC0
    short = prefix - (0xC0 if is_list else 0x80)
    start += 1
    if short < 56:
        length = short
    else:
        width = short - 55
        size = data[start : start + width]
        if len(size) != width or size[0] == 0:
            raise ValueError("a length is badly encoded")
        length = int.from_bytes(size, "big")
        if length < 56:
            raise ValueError("a length is badly encoded")
        start += width
    end = start + length
    if end > limit:
        raise ValueError("an item is cut off")
    if not is_list:
        if length == 1 and data[start] < 0x80:
            raise ValueError("a byte is badly encoded")
        return data[start:end], end
    items: list[Any] = []
    while start < end:
        prefix = data[start]
        if prefix < 0x80:
            items.append(data[start : start + 1])
            start += 1
        elif prefix < 0xB8 and (last := start + prefix - 0x7F) <= end and (prefix != 0x81 or data[start + 1] >= 0x80):
            items.append(data[start + 1 : last])  # most are short
            start = last
        else:
            item, start = _item(data, start, end, depth + 1)
            items.append(item)
    return items, end
