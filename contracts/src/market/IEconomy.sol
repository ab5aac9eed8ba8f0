// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a device's work weighs. One slot, since every report reads it. Effort has 18 decimals: 1e18 is 1 PB.
struct Weights {
    uint64 bytesPerStake; // so many bytes cost their receiver one KLP of its stake, which is burnt
    uint48 perCore; // fixed effort of a device in a cycle, until the milestone
    uint48 perTeraflop;
    uint48 perGiB;
    uint16 bonusFrom; // a node's bonus begins above this many devices,
    uint16 bonusUntil; // and has risen evenly by bonusBps at this many
    uint16 bonusBps;
}

/// @notice By what the compute reserve comes into being.
struct Terms {
    Weights weights;
    uint16 nodeDevices; // the most that may join a node
    uint16 halvingCycles; // from one halving to the next
    uint128 milestone; // effort of one cycle that ends the jumps and begins the halving
    uint128[8] thresholds; // effort that each jump begins at
    uint128[8] rewards; // of a cycle, before the milestone
}

/// @title The terms of emission and effort; they belong to whoever owns the rules
/// @notice A change waits until the next cycle of 24 hours opens, so that no cycle is played by two sets of terms. The
///         token's cap, its reserves and its split are no terms: nothing here can touch them, and `Emission` keeps
///         within its reserve whatever the terms are.
interface IEconomy {
    /// @notice Other terms are to come.
    /// @param terms The terms.
    event Proposed(Terms terms);

    /// @notice These terms are played by.
    /// @param cycle The first cycle that is played by them.
    /// @param terms The terms.
    event Adopted(uint32 indexed cycle, Terms terms);

    /// @notice Only Emission may.
    error OnlyEmission();

    /// @notice The number is outside its range.
    /// @param parameter Name of the number that is out of range.
    error OutOfRange(string parameter);

    /// @notice Whether a change waits.
    function pending() external view returns (bool);

    /// @notice The terms of the last cycle that was opened.
    /// @return Those of now.
    function current() external view returns (Terms memory);

    /// @notice The part of them that every report of effort needs.
    /// @return The weights.
    function weights() external view returns (Weights memory);

    /// @notice The most devices of a node.
    /// @return Their number.
    function nodeDevices() external view returns (uint16);

    /// @notice Change the terms from the next cycle on that opens. A later proposal replaces an earlier one.
    /// @param t The terms.
    function propose(Terms calldata t) external;

    /// @notice Called by Emission when `cycle` opens.
    /// @param cycle The cycle that opens.
    /// @return The terms that the cycle is played by.
    function adopt(uint32 cycle) external returns (Terms memory);

    /// @notice Reverts unless `t` can be played with. No cycle before the milestone pays more than a hundredth of the
    ///         reserve, and none after it more than a 730th of what it held when the halving began: no vote can empty
    ///         it in one stroke.
    /// @param t The terms.
    function check(Terms calldata t) external pure;
}
