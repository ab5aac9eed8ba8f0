// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IJobs} from "../market/IJobs.sol";
import {IVentures} from "./IVentures.sol";

/// @title Money that can only be spent on data and compute (E1)
/// @notice Tokens leave by two calls: `Jobs.open`, of the contract that the directory has under that name and of no other,
///         and `takeBack`, to whoever brought them.
contract Ventures is IVentures {
    using SafeERC20 for IERC20;

    uint256 public constant MOST_PARTS = 12;
    uint256 public constant MOST_LOTS = 100;
    uint256 public constant MOST_JOBS = 32;
    uint32 public constant LEAST_WINDOW = 3 days;

    IERC20 public immutable token;
    IJobs public immutable jobs;

    uint256 public count;
    mapping(uint256 job => uint256 id) public ventureOfJob;
    mapping(uint256 id => mapping(uint256 milestone => uint256)) public agreedTo;
    mapping(uint256 id => Venture) private _ventures;
    mapping(uint256 id => uint128[]) private _parts;
    mapping(uint256 id => mapping(uint256 lot => Lot)) private _lots;
    mapping(uint256 id => mapping(uint256 milestone => mapping(uint256 lot => bool))) private _agreed;

    constructor(IDirectory d) {
        token = IERC20(d.addressOf("Token"));
        jobs = IJobs(d.addressOf("Jobs"));
    }

    /// @inheritdoc IVentures
    function open(Terms calldata t, uint128[] calldata parts) external returns (uint256 id) {
        // CHECK
        if (t.fillBy <= block.timestamp || t.endsAt <= t.fillBy) revert TermOutOfRange("endsAt");
        if (t.endsAt > block.timestamp + 3650 days) revert TermOutOfRange("endsAt");
        if (t.verifier == msg.sender || t.verifier == address(0)) revert TermOutOfRange("verifier");
        if (t.verifier == address(this)) revert TermOutOfRange("verifier");
        if (t.founderBps > 1e4) revert TermOutOfRange("founderBps");
        if (t.goal < MOST_LOTS) revert TermOutOfRange("goal");
        if (parts.length == 0 || parts.length > MOST_PARTS) revert TermOutOfRange("parts");
        uint256 sum = 0;
        for (uint256 i = 0; i < parts.length; i++) {
            sum += parts[i];
        }
        if (sum != t.goal) revert TermOutOfRange("parts");
        // APPLY
        id = ++count;
        (_ventures[id].founder, _ventures[id].terms, _parts[id]) = (msg.sender, t, parts);
        // EMIT
        emit VentureOpened(id, msg.sender, t, parts);
    }

    /// @inheritdoc IVentures
    function fund(uint256 id, uint128 amount) external returns (uint256 lot) {
        // CHECK
        Venture storage v = _ventures[id];
        uint128 left = v.terms.goal - v.raised;
        if (left == 0 || block.timestamp > v.terms.fillBy) revert NotNow(id);
        if (amount > left || (amount != left && amount < Math.ceilDiv(v.terms.goal, MOST_LOTS))) {
            revert WrongLot(amount, left);
        }
        // APPLY
        lot = v.lots++;
        _lots[id][lot] = Lot(msg.sender, false, v.raised, amount);
        v.raised += amount;
        // EMIT
        emit Funded(id, lot, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
        if (amount == left) _release(id, v);
    }

    /// @inheritdoc IVentures
    function spend(uint256 id, Use use, uint128 price, uint64 reportBy, uint32 window, bytes32 jobTerms)
        external
        returns (uint256 job)
    {
        // CHECK
        Venture storage v = _ventures[id];
        if (msg.sender != v.founder) revert NotYours(msg.sender);
        if (reportBy > v.terms.endsAt) revert NotNow(id);
        if (window < LEAST_WINDOW) revert TermOutOfRange("window");
        if (price > freeOf(id)) revert NotReleased(price, freeOf(id));
        if (v.openJobs >= MOST_JOBS) revert JobsOpen(v.openJobs);
        // APPLY
        v.spent += price;
        v.openJobs += 1;
        token.forceApprove(address(jobs), price);
        job = jobs.open(v.terms.verifier, price, reportBy, window, jobTerms);
        ventureOfJob[job] = id;
        // EMIT
        emit Spent(id, job, use, price);
    }

    /// @inheritdoc IVentures
    function collect(uint256 job) external {
        // CHECK
        uint256 id = ventureOfJob[job];
        if (id == 0) revert NotNow(id);
        if (jobs.jobs(job).state != IJobs.State.Final) jobs.payMany(job, new address[](0)); // ends what is over
        // APPLY
        IJobs.Job memory j = jobs.jobs(job);
        uint128 amount = j.split ? 0 : j.price - jobs.drafts(job, j.round).sum;
        Venture storage v = _ventures[id];
        ventureOfJob[job] = 0;
        v.openJobs -= 1;
        v.returned += amount;
        if (!j.split && j.left != j.due) jobs.giveBack(job); // else somebody made it do so before
        // EMIT
        emit Collected(id, job, amount);
    }

    /// @inheritdoc IVentures
    function agree(uint256 id, uint256 lot) external {
        // CHECK
        Venture storage v = _ventures[id];
        uint256 milestone = v.milestone;
        if (_lots[id][lot].owner != msg.sender) revert NotYours(msg.sender);
        if (milestone == 0 || milestone == _parts[id].length || block.timestamp > v.terms.endsAt) revert NotNow(id);
        if (_agreed[id][milestone][lot]) revert Already(lot);
        // APPLY
        _agreed[id][milestone][lot] = true;
        uint256 sum = agreedTo[id][milestone] += _lots[id][lot].amount;
        // EMIT
        emit Agreed(id, lot, milestone);
        if (sum * 3 >= uint256(v.terms.goal) * 2) _release(id, v);
    }

    /// @inheritdoc IVentures
    function takeBack(uint256 id, uint256 lot) external {
        // CHECK
        Venture storage v = _ventures[id];
        Lot storage l = _lots[id][lot];
        bool filled = v.raised == v.terms.goal;
        if (block.timestamp <= (filled ? v.terms.endsAt : v.terms.fillBy)) revert NotNow(id);
        if (l.owner == address(0)) revert NotNow(id);
        if (l.taken) revert Already(lot);
        if (v.openJobs != 0) revert JobsOpen(v.openJobs);
        // APPLY
        l.taken = true;
        uint256 amount = filled ? _partOf(l, uint256(v.raised) + v.returned - v.spent, v.raised) : l.amount;
        // EMIT
        emit TakenBack(id, lot, l.owner, amount);
        token.safeTransfer(l.owner, amount);
    }

    /// @inheritdoc IVentures
    function ventureOf(uint256 id) external view returns (Venture memory) {
        return _ventures[id];
    }

    /// @inheritdoc IVentures
    function partsOf(uint256 id) external view returns (uint128[] memory) {
        return _parts[id];
    }

    /// @inheritdoc IVentures
    function lotOf(uint256 id, uint256 lot) external view returns (Lot memory) {
        return _lots[id][lot];
    }

    /// @inheritdoc IVentures
    function freeOf(uint256 id) public view returns (uint256) {
        Venture storage v = _ventures[id];
        return uint256(v.released) + v.returned - v.spent;
    }

    /// @dev What a lot has of `left`: where it ends on that, less where it starts, both rounded down. So all lots together
    ///      have all of it.
    function _partOf(Lot storage l, uint256 left, uint256 all) private view returns (uint256) {
        return Math.mulDiv(left, uint256(l.start) + l.amount, all) - Math.mulDiv(left, l.start, all);
    }

    function _release(uint256 id, Venture storage v) private {
        uint128 amount = _parts[id][v.milestone];
        v.milestone += 1;
        v.released += amount;
        emit Released(id, v.milestone, amount);
    }
}
