// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a network is for: what goes in and what comes out, agreed once
/// @notice The text is in an event, its hash and its place in storage: whoever knows the network's directory can read what it
///         has to bring along, and nobody can tell it another.
interface ISchema {
    /// @notice This is what the network is for, from now on.
    /// @param digest SHA-256 of the text.
    /// @param text The schema, as JSON in UTF-8.
    event Agreed(bytes32 indexed digest, string text);

    /// @notice It is agreed once: a network for something else is another network.
    error AlreadyAgreed();

    /// @notice A schema has 1 to 100,000 bytes.
    /// @param length The bytes that were given.
    error WrongLength(uint256 length);

    /// @notice SHA-256 of the text; zero while nothing is agreed.
    function digest() external view returns (bytes32);

    /// @notice The block whose event holds the text.
    function agreedIn() external view returns (uint256);

    /// @notice Say what the network is for. Only the owner of the rules may, and once.
    /// @param text The schema, as JSON in UTF-8.
    function agree(string calldata text) external;
}
