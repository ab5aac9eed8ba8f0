// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IDirectory} from "./IDirectory.sol";
import {IRules, Parameters} from "./IRules.sol";

/// @title The parameters of a network, and their one owner
/// @notice A change waits until the next epoch opens, so that no epoch is played under two sets of rules.
contract Rules is IRules, Ownable {
    address public immutable clock;

    struct Played {
        uint32 from; // the first epoch that is played by them
        Parameters rules;
    }

    Parameters private _now;
    Parameters private _next;
    bool public pending;
    uint64 public heldUntil;
    Played[] private _played;

    constructor(IDirectory d, address owner_, Parameters memory p) Ownable(owner_) {
        check(p);
        clock = d.addressOf("Clock");
        _now = p;
        _played.push(Played(0, p));
        emit Adopted(0, p);
    }

    /// @inheritdoc IRules
    function current() external view returns (Parameters memory) {
        return _now;
    }

    /// @inheritdoc IRules
    function playedIn(uint32 epoch) external view returns (Parameters memory) {
        uint256 low = 0; // the last that begins at or before the epoch
        uint256 high = _played.length;
        while (high - low > 1) {
            uint256 middle = (low + high) / 2;
            if (_played[middle].from <= epoch) low = middle;
            else high = middle;
        }
        return _played[low].rules;
    }

    /// @inheritdoc IRules
    function thawedAt() external view returns (uint64) {
        uint64 usual = uint64(block.timestamp) + _now.thawSeconds;
        return usual > heldUntil ? usual : heldUntil;
    }

    /// @inheritdoc IRules
    function propose(Parameters calldata p) external onlyOwner {
        check(p);
        _next = p;
        pending = true;
        emit Proposed(p);
    }

    /// @inheritdoc IRules
    function adopt(uint32 epoch) external {
        if (msg.sender != clock) revert OnlyClock();
        if (!pending) return;
        uint64 held = uint64(block.timestamp) + _now.thawSeconds;
        if (held > heldUntil) heldUntil = held;
        _now = _next;
        pending = false;
        _played.push(Played(epoch, _now));
        emit Adopted(epoch, _now);
    }

    /// @inheritdoc IRules
    function owner() public view override(IRules, Ownable) returns (address) {
        return super.owner();
    }

    /// @inheritdoc IRules
    function check(Parameters memory p) public pure {
        if (p.listenSeconds == 0 || p.listenSeconds > 1 days) revert OutOfRange("listenSeconds");
        if (p.claimSeconds == 0 || p.claimSeconds > 1 days) revert OutOfRange("claimSeconds");
        if (p.leastSeconds > p.listenSeconds || p.leastSeconds > p.claimSeconds) revert OutOfRange("leastSeconds");
        // longer than the epoch in which a participant answers for what it did, and the one in which it is judged
        uint256 judging = 2 * (uint256(p.listenSeconds) + p.claimSeconds);
        if (p.thawSeconds < judging || p.thawSeconds > 90 days) revert OutOfRange("thawSeconds");
        if (p.kappa < 16384 || p.kappa > 58982) revert OutOfRange("kappa");
        if (p.seats == 0) revert OutOfRange("seats");
        if (p.maturity > 1000) revert OutOfRange("maturity");
        if (p.marginBps > 1e4) revert OutOfRange("marginBps");
        if (p.patience == 0) revert OutOfRange("patience");
        if (p.auditSeats == 0 || p.auditSeats > 16) revert OutOfRange("auditSeats");
        if (p.auditQuorum * 2 <= p.auditSeats || p.auditQuorum > p.auditSeats) revert OutOfRange("auditQuorum");
        if (p.floorBps > 3000) revert OutOfRange("floorBps");
        if (p.slashBps > 1e4) revert OutOfRange("slashBps");
        if (p.marketBps > 1e4) revert OutOfRange("marketBps");
        if (p.disputeSeconds > 30 days) revert OutOfRange("disputeSeconds");
        if (p.decay > 0.999999e18) revert OutOfRange("decay");
        if (p.emission > 1e27) revert OutOfRange("emission");
        if (p.neuronStake == 0 || p.neuronStake > 1e24) revert OutOfRange("neuronStake");
        if (p.committee < 4 || p.committee > 64) revert OutOfRange("committee");
        if (p.fringeBps == 0 || p.fringeBps > 1e4) revert OutOfRange("fringeBps");
        if (p.auditorStake == 0 || p.auditorStake > 1e24) revert OutOfRange("auditorStake");
    }
}
