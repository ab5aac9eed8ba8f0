// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Rounds that participants join: the contract of a pack from outside, and no more than that needs
contract Rounds {
    /// @notice Where the contracts of this network are.
    address public immutable directory;
    /// @notice The running round; 0 before the first.
    uint256 public round;
    /// @notice Who is in which round.
    mapping(uint256 round => mapping(uint32 member => bool)) public joined;

    /// @notice A round has begun, and the one before it is over.
    event Begun(uint256 indexed round);
    /// @notice A member is in a round. The fleet's `Effort` has an event with the same name and the same types.
    event Joined(uint256 indexed round, uint32 indexed member);

    error AlreadyJoined(uint256 round, uint32 member);

    constructor(address directory_) {
        directory = directory_;
    }

    /// @notice Begin the next round.
    function begin() external {
        round += 1;
        emit Begun(round);
    }

    /// @notice Put a member into the running round, once.
    function join(uint32 member) external {
        if (joined[round][member]) revert AlreadyJoined(round, member);
        joined[round][member] = true;
        emit Joined(round, member);
    }
}
