// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {IToken} from "../core/IToken.sol";
import {IJobs} from "./IJobs.sol";

/// @title A job's price is locked first, paid out by verified contribution, and what is left returns (L6)
/// @notice The verifier that the payer named, never the payer itself, reports who contributed what, in as many pages as it
///         takes. What it notes in the pages before stands, whatever comes: so a worker can see what it is due before it
///         works. Until the dispute window ends, anybody but the verifier may object to the report for a bond; then only
///         the owner of the rules (the DAO) may report instead. The bond comes back where the decision differs from the
///         report, and is burnt where the report stands. A job nobody reports on by its deadline pays what was noted, and
///         the rest is the payer's again, unless a worker that was noted objects within the window: then the price stays
///         until the verifier or the owner of the rules reports, or else is split by what was noted. This contract's
///         balance is always what it owes.
contract Jobs is IJobs {
    using SafeERC20 for IERC20;

    uint256 public constant MAX_WORKERS = 300; // in a page
    uint32 public constant MIN_DISPUTE = 1 hours;
    uint32 public constant MAX_DISPUTE = 30 days;
    uint64 public constant PATIENCE = 14 days; // an objection nobody decides ends with what was reported, or noted
    uint256 public constant BOND_BPS = 500; // of the price

    IERC20 public immutable token;
    IRules public immutable rules;

    uint256 public count;
    uint256 public held; // over all jobs
    mapping(uint256 id => Job) private _jobs;
    mapping(uint256 id => mapping(uint32 round => mapping(address worker => uint256))) private _due;
    mapping(uint256 id => mapping(uint32 round => Draft)) private _drafts;

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
        if (reportBy <= block.timestamp) revert WrongTimes();
        if (disputeSeconds < MIN_DISPUTE || disputeSeconds > MAX_DISPUTE) revert WrongTimes();
        if (price == 0) revert NothingDue();
        if (verifier == msg.sender || verifier == address(0)) revert WrongVerifier(verifier);
        // APPLY
        id = ++count;
        Job storage j = _jobs[id];
        (j.payer, j.verifier, j.price, j.left) = (msg.sender, verifier, price, price);
        (j.reportBy, j.disputeSeconds, j.state, j.terms) = (reportBy, disputeSeconds, State.Open, terms);
        held += price;
        token.safeTransferFrom(msg.sender, address(this), price);
        // EMIT
        emit Opened(id, msg.sender, verifier, price, reportBy, terms);
    }

    /// @inheritdoc IJobs
    function draft(uint256 id, address[] calldata workers, uint128[] calldata amounts) external {
        // CHECK
        Job storage j = _jobs[id];
        uint32 round = _roundOf(j);
        // APPLY
        _note(id, j.price, round, workers, amounts);
        // EMIT
        emit Drafted(id, round, msg.sender, workers, amounts);
    }

    /// @inheritdoc IJobs
    function report(uint256 id, address[] calldata workers, uint128[] calldata amounts) external {
        // CHECK
        Job storage j = _jobs[id];
        uint32 round = _roundOf(j);
        // APPLY
        Draft storage d = _note(id, j.price, round, workers, amounts);
        bool disputed = j.state == State.Disputed;
        bool stands = d.told == _drafts[id][1].told;
        (j.round, j.due) = (round, d.sum);
        j.finalAt = uint64(block.timestamp) + (round == 2 ? 0 : j.disputeSeconds);
        j.state = round == 2 ? State.Final : State.Reported;
        // EMIT
        emit Reported(id, msg.sender, workers, amounts, j.finalAt);
        if (disputed) _endBond(id, j, stands);
    }

    /// @inheritdoc IJobs
    function dispute(uint256 id) external {
        // CHECK
        Job storage j = _jobs[id];
        bool missed = _isMissed(j) && _drafts[id][1].sum != 0;
        if (block.timestamp >= (missed ? _objectBy(j) : j.finalAt)) revert WrongState(j.state);
        if (!missed && j.state != State.Reported) revert WrongState(j.state);
        if (msg.sender == j.verifier || (missed && _due[id][1][msg.sender] == 0)) revert NotAllowed(msg.sender);
        // APPLY
        uint128 bond = missed ? 0 : bondOf(j.price);
        (j.state, j.disputer, j.bond) = (missed ? State.Missed : State.Disputed, msg.sender, bond);
        j.finalAt = uint64(block.timestamp) + PATIENCE;
        j.left += bond;
        held += bond;
        if (bond != 0) token.safeTransferFrom(msg.sender, address(this), bond);
        // EMIT
        emit Disputed(id, msg.sender, bond, j.finalAt);
    }

    /// @inheritdoc IJobs
    function pay(uint256 id, address worker) external {
        Job storage j = _jobs[id];
        _finalise(id, j);
        if (j.state != State.Final) revert WrongState(j.state);
        if (!_pay(id, j, worker)) revert NothingDue();
    }

    /// @inheritdoc IJobs
    function payMany(uint256 id, address[] calldata workers) external {
        Job storage j = _jobs[id];
        _finalise(id, j);
        if (j.state != State.Final) revert WrongState(j.state);
        for (uint256 i = 0; i < workers.length; i++) {
            _pay(id, j, workers[i]);
        }
    }

    /// @inheritdoc IJobs
    function giveBack(uint256 id) external {
        // CHECK
        Job storage j = _jobs[id];
        _finalise(id, j);
        if (j.state != State.Final) revert WrongState(j.state);
        uint256 amount = j.left - j.due;
        if (amount == 0 || j.split) revert NothingDue();
        // APPLY
        j.left = j.due;
        held -= amount;
        token.safeTransfer(j.payer, amount);
        // EMIT
        emit Returned(id, j.payer, amount);
    }

    /// @inheritdoc IJobs
    function jobs(uint256 id) external view returns (Job memory) {
        return _jobs[id];
    }

    /// @inheritdoc IJobs
    function drafts(uint256 id, uint32 round) external view returns (Draft memory) {
        return _drafts[id][round];
    }

    /// @inheritdoc IJobs
    function dueTo(uint256 id, address worker) external view returns (uint256) {
        Job storage j = _jobs[id];
        return _partDown(j, _due[id][j.round == 0 ? 1 : j.round][worker]);
    }

    /// @inheritdoc IJobs
    function bondOf(uint128 price) public pure returns (uint128) {
        return uint128((uint256(price) * BOND_BPS + 9999) / 1e4);
    }

    /// @dev Of the report that is due now, if the sender may make it.
    function _roundOf(Job storage j) private view returns (uint32) {
        if (j.state == State.Open) {
            if (msg.sender != j.verifier) revert NotAllowed(msg.sender);
            if (block.timestamp > j.reportBy) revert WrongTimes();
            return 1;
        }
        bool missed = j.state == State.Missed;
        if ((!missed && j.state != State.Disputed) || block.timestamp >= j.finalAt) revert WrongState(j.state);
        if (missed && msg.sender == j.verifier) return 1;
        if (msg.sender != rules.owner()) revert NotAllowed(msg.sender);
        return 2;
    }

    function _isMissed(Job storage j) private view returns (bool) {
        return j.state == State.Open && block.timestamp > j.reportBy;
    }

    /// @dev Until when a worker may object that nobody reported.
    function _objectBy(Job storage j) private view returns (uint64) {
        return j.reportBy + j.disputeSeconds;
    }

    /// @dev What a worker who is due so much is paid. Where the price is split it is the worker's part of what is left,
    ///      rounded down; so whoever is paid last takes the roundings, and nothing stays.
    function _partDown(Job storage j, uint256 due) private view returns (uint256) {
        return j.split && due != 0 ? (uint256(j.left) * due) / j.due : due;
    }

    function _note(uint256 id, uint128 price, uint32 round, address[] calldata workers, uint128[] calldata amounts)
        private
        returns (Draft storage d)
    {
        if (workers.length != amounts.length || workers.length > MAX_WORKERS) revert WrongReport();
        d = _drafts[id][round];
        uint256 sum = d.sum;
        bytes32 told = d.told;
        for (uint256 i = 0; i < workers.length; i++) {
            if (workers[i] == address(0) || workers[i] == address(this)) revert WrongReport();
            _due[id][round][workers[i]] += amounts[i];
            sum += amounts[i];
            told = keccak256(abi.encode(told, workers[i], amounts[i]));
        }
        if (sum > price) revert OverPrice(sum, price);
        (d.sum, d.told) = (uint128(sum), told);
    }

    function _pay(uint256 id, Job storage j, address worker) private returns (bool) {
        uint256 due = _due[id][j.round][worker];
        if (due == 0) return false;
        uint256 amount = _partDown(j, due);
        // APPLY
        _due[id][j.round][worker] = 0;
        j.left -= uint128(amount);
        j.due -= uint128(due);
        held -= amount;
        token.safeTransfer(worker, amount);
        // EMIT
        emit WorkerPaid(id, worker, amount);
        return true;
    }

    function _finalise(uint256 id, Job storage j) private {
        if (_isMissed(j) && (_drafts[id][1].sum == 0 || block.timestamp >= _objectBy(j))) _lapse(id, j, false);
        if (j.state < State.Reported || j.state == State.Final || block.timestamp < j.finalAt) return;
        if (j.state == State.Missed) return _lapse(id, j, true);
        bool disputed = j.state == State.Disputed;
        j.state = State.Final;
        if (disputed) _endBond(id, j, true);
    }

    /// @dev Nobody reported: what was noted counts.
    function _lapse(uint256 id, Job storage j, bool split) private {
        uint128 sum = _drafts[id][1].sum;
        (j.state, j.split, j.due) = (State.Final, split, sum);
        if (sum != 0) j.round = 1;
        emit Lapsed(id, sum, split);
    }

    /// @dev Burnt where the report stands, the disputer's again where it does not.
    function _endBond(uint256 id, Job storage j, bool stands) private {
        uint128 bond = j.bond;
        j.bond = 0;
        j.left -= bond;
        held -= bond;
        if (stands) IToken(address(token)).burn(bond);
        else token.safeTransfer(j.disputer, bond);
        emit DisputeEnded(id, j.disputer, bond, stands);
    }
}
