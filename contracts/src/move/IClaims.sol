// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What people had on the chain that the network moved from
/// @notice Only in a network that moved. Holds every token of its genesis; each owner on the old chain takes out what it
///         had there, once, whenever it likes. Claims do not expire, and nobody can change the root.
interface IClaims {
    /// @notice An owner has what it had on the former chain.
    /// @param index Number of the claim.
    /// @param owner Address that owns it and is paid.
    /// @param amount In units of 1e-18 KLP.
    event Restored(uint256 indexed index, address indexed owner, uint256 amount);

    /// @notice This claim was paid.
    /// @param index Number of the claim.
    error AlreadyRestored(uint256 index);

    /// @notice The proof does not lead to the root.
    /// @param index Number of the claim.
    error NotInRoot(uint256 index);

    /// @notice Over (index, owner, amount), leaves hashed twice.
    function root() external view returns (bytes32);

    /// @notice Pay `owner` what it had. Anybody may bring the proof.
    /// @param index Number of the claim.
    /// @param owner Who had it on the former chain.
    /// @param amount In units of 1e-18 KLP.
    /// @param proof Hashes that lead from the leaf to the root.
    function restore(uint256 index, address owner, uint256 amount, bytes32[] calldata proof) external;

    /// @notice Whether a claim was paid.
    /// @param index Number of the claim.
    /// @return True once it was.
    function restored(uint256 index) external view returns (bool);
}
