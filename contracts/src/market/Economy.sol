// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {IEconomy, Terms, Weights} from "./IEconomy.sol";

/// @title The terms of emission and effort; they belong to whoever owns the rules
/// @notice A change waits until the next cycle of 24 hours opens, so that no cycle is played by two sets of terms. The
///         token's cap, its reserves and its split are no terms: nothing here can touch them, and `Emission` keeps
///         within its reserve whatever the terms are.
contract Economy is IEconomy {
    IRules public immutable rules;
    address public immutable emission;

    Terms private _now;
    Terms private _next;
    bool public pending;

    constructor(IDirectory d, Terms memory t) {
        check(t);
        rules = IRules(d.addressOf("Rules"));
        emission = d.addressOf("Emission");
        _now = t;
        emit Adopted(0, t);
    }

    /// @inheritdoc IEconomy
    function current() external view returns (Terms memory) {
        return _now;
    }

    /// @inheritdoc IEconomy
    function weights() external view returns (Weights memory) {
        return _now.weights;
    }

    /// @inheritdoc IEconomy
    function nodeDevices() external view returns (uint16) {
        return _now.nodeDevices;
    }

    /// @inheritdoc IEconomy
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

    /// @inheritdoc IEconomy
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

    /// @inheritdoc IEconomy
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
