// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @notice Every number that somebody may want to change. Money amounts have 18 decimals; *Bps are 1/10,000.
struct Parameters {
    uint32 listenSeconds; // the longest a LISTEN phase lasts
    uint32 claimSeconds; // the longest a CLAIM phase lasts
    uint32 thawSeconds; // unstaked tokens stay slashable this long
    uint16 kappa; // share of posted stake that must agree on a weight, in 1/65535
    uint16 seats; // backbone seats
    uint16 maturity; // a neuron is judged once older than this many epochs
    uint16 marginBps; // how much better than the incumbent a challenger must be heard
    uint8 patience; // audits failed in a row that silence a neuron
    uint8 auditSeats; // auditors drawn for a neuron
    uint8 auditQuorum; // fewer revealed results conclude nothing and punish nobody
    uint16 floorBps; // least half interval that an auditor is held to
    uint16 slashBps; // share of an outlying auditor's stake that is taken
    uint16 marketBps; // share of a cycle's compute reward that pays for listening; the rest pays for effort
    uint32 disputeSeconds; // an epoch's pay waits this long for disputes about receipts; 0 for no disputes
    uint64 decay; // eta of the utility, 18 decimals, at most 0.999999
    uint128 emission; // compute reward of one epoch
    uint128 neuronStake; // least stake of a neuron
    uint128 auditorStake; // least stake of an auditor
}

/// @title The parameters of a network, and their one owner
/// @notice A change waits until the next epoch opens, so that no epoch is played under two sets of rules.
contract Rules is Ownable {
    address public immutable clock;
    Parameters private _now;
    Parameters private _next;
    bool public pending;

    event Proposed(Parameters parameters);
    event Adopted(uint32 indexed epoch, Parameters parameters);

    error OnlyClock();
    error OutOfRange(string parameter);

    constructor(address owner_, address clock_, Parameters memory p) Ownable(owner_) {
        check(p);
        clock = clock_;
        _now = p;
        emit Adopted(0, p);
    }

    /// @notice The rules of the running epoch.
    function current() external view returns (Parameters memory) {
        return _now;
    }

    /// @notice Change the rules from the next epoch on. A later proposal replaces an earlier one.
    function propose(Parameters calldata p) external onlyOwner {
        check(p);
        _next = p;
        pending = true;
        emit Proposed(p);
    }

    /// @notice Called by the clock when `epoch` opens.
    function adopt(uint32 epoch) external {
        if (msg.sender != clock) revert OnlyClock();
        if (!pending) return;
        _now = _next;
        pending = false;
        emit Adopted(epoch, _now);
    }

    /// @notice Reverts unless `p` can be played with.
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
