// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Rules} from "./Rules.sol";
import {Wiring} from "./Wiring.sol";

/// @notice What a device's work weighs. One slot, since every report reads it. Effort has 18 decimals: 1e18 is 1 PB.
struct Weights {
    uint64 bytesPerStake; // a receiver vouches for this many bytes a cycle per staked KLP
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
contract Economy {
    Rules public immutable rules;
    address public immutable emission;
    Terms private _now;
    Terms private _next;
    bool public pending;

    event Proposed(Terms terms);
    event Adopted(uint32 indexed cycle, Terms terms);

    error OnlyEmission();
    error OutOfRange(string parameter);

    constructor(Wiring memory w, Terms memory t) {
        check(t);
        rules = Rules(w.rules);
        emission = w.emission;
        _now = t;
        emit Adopted(0, t);
    }

    /// @notice The terms of the last cycle that was opened.
    function current() external view returns (Terms memory) {
        return _now;
    }

    /// @notice The part of them that every report of effort needs.
    function weights() external view returns (Weights memory) {
        return _now.weights;
    }

    /// @notice The most devices of a node.
    function nodeDevices() external view returns (uint16) {
        return _now.nodeDevices;
    }

    /// @notice Change the terms from the next cycle on that opens. A later proposal replaces an earlier one.
    function propose(Terms calldata t) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        check(t);
        // APPLY
        _next = t;
        pending = true;
        // EMIT
        emit Proposed(t);
    }

    /// @notice Called by Emission when `cycle` opens.
    function adopt(uint32 cycle) external returns (Terms memory) {
        // CHECK
        if (msg.sender != emission) revert OnlyEmission();
        if (!pending) return _now;
        // APPLY
        _now = _next;
        pending = false;
        // EMIT
        emit Adopted(cycle, _now);
        return _now;
    }

    /// @notice Reverts unless `t` can be played with. No cycle before the milestone pays more than a hundredth of the
    ///         reserve, and none after it more than a 730th of what it held when the halving began: no vote can empty
    ///         it in one stroke.
    function check(Terms memory t) public pure {
        if (t.weights.bytesPerStake == 0 || t.weights.bytesPerStake > 1e18) revert OutOfRange("bytesPerStake");
        if (t.weights.perCore > 1e14) revert OutOfRange("perCore");
        if (t.weights.perTeraflop > 1e14) revert OutOfRange("perTeraflop");
        if (t.weights.perGiB > 1e14) revert OutOfRange("perGiB");
        if (t.weights.bonusFrom >= t.weights.bonusUntil) revert OutOfRange("bonusFrom");
        if (t.weights.bonusBps > 1e4) revert OutOfRange("bonusBps");
        if (t.nodeDevices == 0) revert OutOfRange("nodeDevices");
        if (t.halvingCycles < 365) revert OutOfRange("halvingCycles");
        if (t.milestone <= t.thresholds[7]) revert OutOfRange("milestone");
        if (t.thresholds[0] != 0) revert OutOfRange("thresholds");
        for (uint256 i = 1; i < 8; i++) {
            if (t.thresholds[i] <= t.thresholds[i - 1]) revert OutOfRange("thresholds");
            if (t.rewards[i] < t.rewards[i - 1]) revert OutOfRange("rewards");
        }
        if (t.rewards[7] > 1e25) revert OutOfRange("rewards");
    }
}
