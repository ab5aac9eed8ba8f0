// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Context} from "@openzeppelin/contracts/utils/Context.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IDevices} from "./IDevices.sol";
import {IEffort} from "./IEffort.sol";

/// @title A device is a non-fungible token (L4)
/// @notice Whoever owns it owns what it earns and the rights to the data it records from then on. What it earned and
///         recorded before stays with whoever owned it then: `ownerAt` remembers. A device that is sold leaves its node.
contract Devices is IDevices, ERC721, EIP712, ERC2771Context {
    using Checkpoints for Checkpoints.Trace160;

    bytes32 public constant BIRTH =
        keccak256("Birth(address owner,uint16 cores,uint16 teraflops,uint32 memoryMiB,bytes32 description)");

    bytes32 public constant KEY_PROOF = keccak256("KeyProof(address owner,uint256 device)");

    IEffort public immutable effort;

    uint256 public count;
    mapping(uint256 id => Device) private _devices;
    mapping(address key => uint256 id) public idOf;
    mapping(uint256 id => uint32) public salesOf;
    mapping(uint256 id => Checkpoints.Trace160) private _owners;

    constructor(IDirectory d)
        ERC721("Klopf device", "KLPD")
        EIP712("Klopf Devices", "1")
        ERC2771Context(d.addressOf("Forwarder"))
    {
        effort = IEffort(d.addressOf("Effort"));
    }

    /// @inheritdoc IDevices
    function mint(
        address key,
        uint16 cores,
        uint16 teraflops,
        uint32 memoryMiB,
        bytes32 description,
        bytes calldata keySignature
    ) external returns (uint256 id) {
        // CHECK
        if (idOf[key] != 0) revert KeyInUse(key);
        bytes32 birth = keccak256(abi.encode(BIRTH, _msgSender(), cores, teraflops, memoryMiB, description));
        (address signer,,) = ECDSA.tryRecover(_hashTypedDataV4(birth), keySignature);
        if (signer != key || key == address(0)) revert WrongKeySignature(key);
        // APPLY
        id = ++count;
        _devices[id] = Device(key, cores, teraflops, memoryMiB, uint64(block.timestamp));
        idOf[key] = id;
        _mint(_msgSender(), id);
        // EMIT
        emit Born(id, _msgSender(), key, cores, teraflops, memoryMiB, description);
    }

    /// @inheritdoc IDevices
    function rotateKey(uint256 id, address key, bytes calldata keySignature) external {
        // CHECK
        if (id == 0 || id > count || ownerOf(id) != _msgSender()) revert NotOwner(id, _msgSender());
        if (idOf[key] != 0) revert KeyInUse(key);
        bytes32 said = keccak256(abi.encode(KEY_PROOF, _msgSender(), id));
        (address signer,,) = ECDSA.tryRecover(_hashTypedDataV4(said), keySignature);
        if (signer != key || key == address(0)) revert WrongKeySignature(key);
        // APPLY
        _devices[id].key = key;
        idOf[key] = id;
        // EMIT
        emit KeyRotated(id, key);
    }

    /// @inheritdoc IDevices
    function device(uint256 id) external view returns (Device memory) {
        if (id == 0 || id > count) revert UnknownDevice(id);
        return _devices[id];
    }

    /// @inheritdoc IDevices
    function ownerAt(uint256 id, uint64 time) external view returns (address) {
        return address(_owners[id].upperLookupRecent(uint96(time)));
    }

    /// @dev Whoever signed, where the forwarder brings it.
    function _msgSender() internal view override(Context, ERC2771Context) returns (address) {
        return ERC2771Context._msgSender();
    }

    function _msgData() internal view override(Context, ERC2771Context) returns (bytes calldata) {
        return ERC2771Context._msgData();
    }

    function _contextSuffixLength() internal view override(Context, ERC2771Context) returns (uint256) {
        return ERC2771Context._contextSuffixLength();
    }

    function _update(address to, uint256 id, address auth) internal override returns (address from) {
        from = super._update(to, id, auth);
        _owners[id].push(uint96(block.timestamp), uint160(to));
        if (from != address(0) && from != to) effort.onSold(id, from, salesOf[id]++);
    }
}
