// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IDirectory} from "./IDirectory.sol";
import {IRules, Parameters} from "./IRules.sol";

/// @title The parameters of a network, and their one owner
/// @notice A change waits until the next epoch opens, so that no epoch is played under two sets of rules.
contract Rules is IRules, Ownable {
    address public immutable clock;

    Parameters private _now;
    Parameters private _next;
    bool public pending;

    constructor(IDirectory d, address owner_, Parameters memory p) Ownable(owner_) {
        check(p);
        clock = d.addressOf("Clock");
        _now = p;
        emit Adopted(0, p);
    }

    /// @inheritdoc IRules
    function current() external view returns (Parameters memory) {
        return _now;
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
        _now = _next;
        pending = false;
        emit Adopted(epoch, _now);
    }

    /// @inheritdoc IRules
    function owner() public view override(IRules, Ownable) returns (address) {
        return super.owner();
    }

    /// @inheritdoc IRules
    function check(Parameters memory p) public pure {
        if (p.listenSeconds == 0) revert OutOfRange("listenSeconds");
        if (p.claimSeconds == 0) revert OutOfRange("claimSeconds");
        if (p.kappa == 0) revert OutOfRange("kappa");
        if (p.marginBps > 1e4) revert OutOfRange("marginBps");
        if (p.patience == 0) revert OutOfRange("patience");
        if (p.auditSeats == 0 || p.auditSeats > 16) revert OutOfRange("auditSeats");
        if (p.auditQuorum == 0 || p.auditQuorum > p.auditSeats) revert OutOfRange("auditQuorum");
        if (p.slashBps > 1e4) revert OutOfRange("slashBps");
        if (p.marketBps > 1e4) revert OutOfRange("marketBps");
        if (p.disputeSeconds > 30 days) revert OutOfRange("disputeSeconds");
        if (p.decay > 0.999999e18) revert OutOfRange("decay");
        if (p.emission > 1e27) revert OutOfRange("emission");
        if (p.neuronStake == 0 || p.neuronStake > 2e27) revert OutOfRange("neuronStake");
        if (p.auditorStake == 0 || p.auditorStake > 2e27) revert OutOfRange("auditorStake");
    }
}
