// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

/// @title A device is a non-fungible token (L4)
/// @notice Whoever owns it owns what it earns and the rights to the data it records from then on. What it earned and
///         recorded before stays with whoever owned it then: `ownerAt` remembers.
interface IDevices is IERC721 {
    /// @notice What the device says it is. The fixed part of effort is computed from it until the milestone.
    struct Device {
        address key; // signs its effort; never changes hands without the device
        uint16 cores;
        uint16 teraflops; // of its GPU
        uint32 memoryMiB;
        uint64 bornAt;
    }

    /// @notice A device has come in.
    /// @param id Token id of the device.
    /// @param owner Address that owns it and is paid.
    /// @param key Address of the key.
    /// @param cores Processor cores.
    /// @param teraflops Of its GPU.
    /// @param memoryMiB Memory in MiB.
    /// @param description Hash of its W3C Thing Description.
    event Born(
        uint256 indexed id,
        address indexed owner,
        address key,
        uint16 cores,
        uint16 teraflops,
        uint32 memoryMiB,
        bytes32 description
    );

    /// @notice A device has another key.
    /// @param id Token id of the device.
    /// @param key Address of the key.
    event KeyRotated(uint256 indexed id, address key);

    /// @notice Only the device's owner may.
    /// @param id Token id of the device.
    /// @param caller Who sent the transaction.
    error NotOwner(uint256 id, address caller);

    /// @notice A key registers once.
    /// @param key Address of the key.
    error KeyInUse(address key);

    /// @notice The key did not sign that it belongs to the caller.
    /// @param key Address of the key.
    error WrongKeySignature(address key);

    /// @notice There is no such device.
    /// @param id Token id that was asked for.
    error UnknownDevice(uint256 id);

    /// @notice EIP-712 type hash of what a device signs at its birth.
    function BIRTH() external view returns (bytes32);

    /// @notice EIP-712 type hash of what a device's new key signs.
    function KEY_PROOF() external view returns (bytes32);

    /// @notice Replace a device's key; its owner, who may have bought it. What the old one signed before a sale still pays
    ///         who sold it.
    /// @param id Token id of the device.
    /// @param key Address of the key.
    /// @param keySignature By `key`, over the owner and the device.
    function rotateKey(uint256 id, address key, bytes calldata keySignature) external;

    /// @notice How many devices there are.
    function count() external view returns (uint256);

    /// @notice The device that has a key; 0 for none.
    /// @param key Address of the key.
    function idOf(address key) external view returns (uint256);

    /// @notice How often a device has changed its owner. What it signs is bound to this number.
    /// @param id Token id of the device.
    function salesOf(uint256 id) external view returns (uint32);

    /// @notice Bring a device in, for its owner, who sends this or has it forwarded. `description` is the hash of its W3C Thing Description.
    /// @param key Address of the key.
    /// @param cores Processor cores, as the device says.
    /// @param teraflops Of its GPU.
    /// @param memoryMiB Memory in MiB.
    /// @param description Hash of its W3C Thing Description.
    /// @param keySignature By `key`, over what ties it to the caller.
    /// @return id Its token id.
    function mint(
        address key, uint16 cores, uint16 teraflops, uint32 memoryMiB, bytes32 description, bytes calldata keySignature
    ) external returns (uint256 id);

    /// @notice What a device says it is.
    /// @param id Token id of the device.
    /// @return The record.
    function device(uint256 id) external view returns (Device memory);

    /// @notice Who owned the device, and so what it recorded, at `time`; zero before it was born.
    /// @param id Token id of the device.
    /// @param time Seconds since 1970.
    /// @return Its owner then.
    function ownerAt(uint256 id, uint64 time) external view returns (address);
}
