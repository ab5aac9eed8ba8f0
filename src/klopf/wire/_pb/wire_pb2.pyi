from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Tensor(_message.Message):
    __slots__ = ("name", "dtype", "shape")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    dtype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., dtype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("version", "method", "sender", "recipient", "network", "nonce", "boot", "issued_at", "expires_at", "tensors", "payload", "body_size", "body_hash")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    ISSUED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    BODY_SIZE_FIELD_NUMBER: _ClassVar[int]
    BODY_HASH_FIELD_NUMBER: _ClassVar[int]
    version: int
    method: str
    sender: bytes
    recipient: bytes
    network: bytes
    nonce: bytes
    boot: bytes
    issued_at: int
    expires_at: int
    tensors: _containers.RepeatedCompositeFieldContainer[Tensor]
    payload: bytes
    body_size: int
    body_hash: bytes
    def __init__(self, version: _Optional[int] = ..., method: _Optional[str] = ..., sender: _Optional[bytes] = ..., recipient: _Optional[bytes] = ..., network: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., boot: _Optional[bytes] = ..., issued_at: _Optional[int] = ..., expires_at: _Optional[int] = ..., tensors: _Optional[_Iterable[_Union[Tensor, _Mapping]]] = ..., payload: _Optional[bytes] = ..., body_size: _Optional[int] = ..., body_hash: _Optional[bytes] = ...) -> None: ...

class Answer(_message.Message):
    __slots__ = ("version", "request", "code", "reason", "boot", "answered_at", "retry_after", "tensors", "payload", "body_size", "body_hash")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_AT_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    BODY_SIZE_FIELD_NUMBER: _ClassVar[int]
    BODY_HASH_FIELD_NUMBER: _ClassVar[int]
    version: int
    request: bytes
    code: int
    reason: str
    boot: bytes
    answered_at: int
    retry_after: int
    tensors: _containers.RepeatedCompositeFieldContainer[Tensor]
    payload: bytes
    body_size: int
    body_hash: bytes
    def __init__(self, version: _Optional[int] = ..., request: _Optional[bytes] = ..., code: _Optional[int] = ..., reason: _Optional[str] = ..., boot: _Optional[bytes] = ..., answered_at: _Optional[int] = ..., retry_after: _Optional[int] = ..., tensors: _Optional[_Iterable[_Union[Tensor, _Mapping]]] = ..., payload: _Optional[bytes] = ..., body_size: _Optional[int] = ..., body_hash: _Optional[bytes] = ...) -> None: ...
