// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A snapshot of the network's graph as a token (L7)
/// @notice The token is the claim that the graph up to `block_` hashes to `hash`; anybody can rebuild the graph from the
///         events and check it. One token a hash: whoever is first.
interface ISnapshots {
    struct Snapshot {
        bytes32 hash;
        uint64 block_;
        string place; // where the graph can be had: a CID, a URL
    }

    /// @notice A snapshot is a token.
    /// @param id Token id.
    /// @param by Address that did it.
    /// @param hash Hash of the graph.
    /// @param block_ The last block that the graph contains.
    /// @param place Where the graph can be had.
    event Taken(uint256 indexed id, address indexed by, bytes32 hash, uint64 block_, string place);

    /// @notice One token a hash.
    /// @param hash Hash of the graph.
    /// @param id Token id that the hash has.
    error AlreadyTaken(bytes32 hash, uint256 id);

    /// @notice That block is not made yet.
    /// @param block_ The last block that the graph contains.
    error NotYet(uint64 block_);

    /// @notice How many snapshots there are.
    function count() external view returns (uint256);

    /// @notice The token of a hash; 0 for none.
    /// @param hash Hash of the graph.
    function idOf(bytes32 hash) external view returns (uint256);

    /// @notice Claim that the graph up to a block has this hash.
    /// @param hash Hash of the graph.
    /// @param block_ The last block that the graph contains.
    /// @param place Where the graph can be had.
    /// @return id Its token id.
    function mint(bytes32 hash, uint64 block_, string calldata place) external returns (uint256 id);

    /// @notice A snapshot.
    /// @param id Token id.
    /// @return The record.
    function snapshot(uint256 id) external view returns (Snapshot memory);
}
