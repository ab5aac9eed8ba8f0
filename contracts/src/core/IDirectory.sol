// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Where the contracts of a network are: one address leads to all others
/// @notice Contracts come in packs. A network begins with some of them; whoever owns its rules may add more. An entry is
///         never changed or removed, so what a contract has read here stays true: nobody can rewire money.
interface IDirectory {
    /// @notice Contracts that belong together.
    struct Pack {
        bytes32 name; // in ASCII, as the names of the contracts
        bytes32[] names;
        address[] addresses;
    }

    /// @notice A pack is there.
    /// @param pack Name of the pack.
    /// @param names Names of its contracts.
    /// @param addresses Their addresses, in the same order.
    event PackAdded(bytes32 indexed pack, bytes32[] names, address[] addresses);

    /// @notice Only the owner of the rules may.
    /// @param caller Who sent the transaction.
    error NotOwner(address caller);

    /// @notice A name is there once, and for ever.
    /// @param name Name of the pack or of the contract.
    error AlreadyThere(bytes32 name);

    /// @notice Nothing goes by this name.
    /// @param name Name of the contract.
    error Unknown(bytes32 name);

    /// @notice A pack has a name and contracts; each contract has a name, an address and, once the network lives, code.
    /// @param pack Name of the pack.
    error WrongPack(bytes32 pack);

    /// @notice The block that this directory was created in, before all other contracts of the network.
    function firstBlock() external view returns (uint256);

    /// @notice Enter a pack, for good. Only the owner of the rules may.
    /// @param pack Name of the pack.
    /// @param names Names of its contracts.
    /// @param addresses Their addresses, in the same order.
    function add(bytes32 pack, bytes32[] calldata names, address[] calldata addresses) external;

    /// @notice The packs that this network has, in the order in which they came.
    /// @return Their names.
    function packs() external view returns (bytes32[] memory);

    /// @notice The contracts of a pack.
    /// @param pack Name of the pack.
    /// @return names Their names; none where there is no such pack.
    /// @return addresses Their addresses, in the same order.
    function contractsOf(bytes32 pack) external view returns (bytes32[] memory names, address[] memory addresses);

    /// @notice Where a contract is. Reverts where there is none.
    /// @param name Name of the contract.
    /// @return Its address.
    function addressOf(bytes32 name) external view returns (address);

    /// @notice Where a contract is; zero where there is none. For those who may do without it.
    /// @param name Name of the contract.
    /// @return Its address.
    function find(bytes32 name) external view returns (address);
}
