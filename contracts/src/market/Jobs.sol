// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {IJobs} from "./IJobs.sol";

/// @title A job's price is locked first, paid out by verified contribution, and what is left returns (L6)
/// @notice The verifier that the payer named reports who contributed what. Until the dispute window ends, the payer or
///         anybody the report names may object; then only the owner of the rules (the DAO) may report instead. A job
///         nobody reports on by its deadline is the payer's again. This contract's balance is always what it owes.
contract Jobs is IJobs {
    using SafeERC20 for IERC20;

    uint256 public constant MAX_WORKERS = 300;
    uint32 public constant MAX_DISPUTE = 30 days;
    uint64 public constant PATIENCE = 90 days; // a dispute nobody decides ends with the report as it stands

    IERC20 public immutable token;
    IRules public immutable rules;

    uint256 public count;
    uint256 public held; // over all jobs
    mapping(uint256 id => Job) public jobs;
    mapping(uint256 id => mapping(address worker => uint256)) public dueTo;
    mapping(uint256 id => address[]) private _workers;

    constructor(IDirectory d) {
        token = IERC20(d.addressOf("Token"));
        rules = IRules(d.addressOf("Rules"));
    }

    /// @inheritdoc IJobs
    function open(address verifier, uint128 price, uint64 reportBy, uint32 disputeSeconds, bytes32 terms)
        external
        returns (uint256 id)
    {
        // CHECK
        if (reportBy <= block.timestamp || disputeSeconds > MAX_DISPUTE) revert WrongTimes();
        if (price == 0) revert NothingDue();
        // APPLY
        id = ++count;
        jobs[id] = Job(msg.sender, verifier, price, price, reportBy, 0, disputeSeconds, State.Open, terms);
        held += price;
        token.safeTransferFrom(msg.sender, address(this), price);
        // EMIT
        emit Opened(id, msg.sender, verifier, price, reportBy, terms);
    }

    /// @inheritdoc IJobs
    function report(uint256 id, address[] calldata workers, uint128[] calldata amounts) external {
        // CHECK
        Job storage j = jobs[id];
        if (j.state == State.Open) {
            if (msg.sender != j.verifier) revert NotAllowed(msg.sender);
            if (block.timestamp > j.reportBy) revert WrongTimes();
        } else if (j.state == State.Disputed) {
            if (msg.sender != rules.owner()) revert NotAllowed(msg.sender);
        } else {
            revert WrongState(j.state);
        }
        if (workers.length != amounts.length || workers.length > MAX_WORKERS) revert WrongReport();
        // APPLY
        for (uint256 i = 0; i < _workers[id].length; i++) {
            dueTo[id][_workers[id][i]] = 0;
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < workers.length; i++) {
            dueTo[id][workers[i]] += amounts[i];
            sum += amounts[i];
        }
        if (sum > j.price) revert OverPrice(sum, j.price);
        _workers[id] = workers;
        bool last = j.state == State.Disputed;
        j.finalAt = uint64(block.timestamp) + (last ? 0 : j.disputeSeconds);
        j.state = last ? State.Final : State.Reported;
        // EMIT
        emit Reported(id, msg.sender, workers, amounts, j.finalAt);
    }

    /// @inheritdoc IJobs
    function dispute(uint256 id) external {
        Job storage j = jobs[id];
        if (j.state != State.Reported || block.timestamp >= j.finalAt) revert WrongState(j.state);
        if (msg.sender != j.payer && !_named(id, msg.sender)) revert NotAllowed(msg.sender);
        j.state = State.Disputed;
        emit Disputed(id, msg.sender);
    }

    /// @inheritdoc IJobs
    function pay(uint256 id, address worker) external {
        // CHECK
        Job storage j = jobs[id];
        _finalise(j);
        if (j.state != State.Final) revert WrongState(j.state);
        uint256 amount = dueTo[id][worker];
        if (amount == 0) revert NothingDue();
        // APPLY
        dueTo[id][worker] = 0;
        j.left -= uint128(amount);
        held -= amount;
        token.safeTransfer(worker, amount);
        // EMIT
        emit WorkerPaid(id, worker, amount);
    }

    /// @inheritdoc IJobs
    function giveBack(uint256 id) external {
        // CHECK
        Job storage j = jobs[id];
        _finalise(j);
        bool missed = j.state == State.Open && block.timestamp > j.reportBy;
        if (j.state != State.Final && !missed) revert WrongState(j.state);
        uint256 due = 0;
        if (!missed) due = _stillDue(id);
        uint256 amount = j.left - due;
        if (amount == 0) revert NothingDue();
        // APPLY
        if (missed) j.state = State.Final;
        j.left = uint128(due);
        held -= amount;
        token.safeTransfer(j.payer, amount);
        // EMIT
        emit Returned(id, j.payer, amount);
    }

    /// @inheritdoc IJobs
    function workersOf(uint256 id) external view returns (address[] memory) {
        return _workers[id];
    }

    function _finalise(Job storage j) private {
        if (j.state == State.Reported && block.timestamp >= j.finalAt) j.state = State.Final;
        if (j.state == State.Disputed && block.timestamp >= j.finalAt + PATIENCE) j.state = State.Final;
    }

    function _named(uint256 id, address who) private view returns (bool) {
        for (uint256 i = 0; i < _workers[id].length; i++) {
            if (_workers[id][i] == who) return true;
        }
        return false;
    }

    /// @dev A worker named twice is counted once: its dues are one sum.
    function _stillDue(uint256 id) private view returns (uint256 due) {
        address[] memory list = _workers[id];
        for (uint256 i = 0; i < list.length; i++) {
            bool counted = false;
            for (uint256 k = 0; k < i && !counted; k++) {
                counted = list[k] == list[i];
            }
            if (!counted) due += dueTo[id][list[i]];
        }
    }
}
