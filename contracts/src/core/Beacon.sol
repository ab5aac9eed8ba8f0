// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IBeacon} from "./IBeacon.sol";
import {IClock} from "./IClock.sol";
import {IDirectory} from "./IDirectory.sol";
import {IRegistry} from "./IRegistry.sol";
import {IRules} from "./IRules.sol";
import {IStake} from "./IStake.sol";

/// @title Seeds that nobody can grind
/// @notice See `IBeacon`. Values are mixed by exclusive or of hashes, so that the order in which they are shown is no
///         choice either. A chain that missed a value is cut: it cannot miss another before it is bound anew.
contract Beacon is IBeacon {
    using Checkpoints for Checkpoints.Trace224;

    uint256 private constant HEAD = 1 << 96; // one participant, above the stake of all

    IClock public immutable clock;
    IRegistry public immutable registry;
    IRules public immutable rules;
    IStake public immutable stake;

    mapping(uint32 epoch => bytes32) public mixOf;
    mapping(uint32 id => Chain) private _chains;
    mapping(uint32 epoch => uint256) private _shown; // stake, and heads above it
    Checkpoints.Trace224 private _bound; // the same, by the epoch from which it counts
    Terms private _now;
    Terms private _next;
    uint32 private _nextFrom; // 0: nothing waits

    constructor(IDirectory d, Terms memory terms_) {
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        rules = IRules(d.addressOf("Rules"));
        stake = IStake(d.addressOf("Stake"));
        _check(terms_);
        _now = terms_;
        emit Proposed(0, terms_);
    }

    /// @inheritdoc IBeacon
    function bind(uint32 id, bytes32 tip) external {
        // CHECK
        registry.requireActor(id, msg.sender);
        if (tip == 0) revert NoTip();
        // ACCRUE
        uint32 epoch = clock.epoch();
        _settle(id, epoch);
        uint96 staked = uint96(stake.account(id).staked);
        if (staked < terms().least) revert TooLittleStake(id, staked, terms().least);
        // APPLY
        Chain storage c = _chains[id];
        c.round += 1;
        if (c.since == 0) {
            (c.tip, c.since, c.last, c.shown) = (tip, epoch + 1, epoch, 0);
            c.weight = staked;
            _count(epoch, 0, staked);
        } else {
            if (c.next != 0 || c.ending) revert AlreadyBound(id);
            c.next = tip;
        }
        // EMIT
        emit Bound(id, c.since > epoch ? c.since : epoch + 1, c.round, tip);
    }

    /// @inheritdoc IBeacon
    function unbind(uint32 id) external {
        // CHECK
        registry.requireActor(id, msg.sender);
        // ACCRUE
        uint32 epoch = clock.epoch();
        _settle(id, epoch);
        // APPLY
        Chain storage c = _chains[id];
        if (c.since == 0 || c.ending) revert NotBound(id);
        if (c.since > epoch || c.last == epoch) _cut(c, epoch);
        else c.ending = true;
        // EMIT
        emit Unbound(id, epoch);
    }

    /// @inheritdoc IBeacon
    function show(uint32 id, bytes32 value) external {
        // CHECK
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != IClock.Phase.Claim) revert WrongPhase();
        _settle(id, epoch);
        Chain storage c = _chains[id];
        if (c.since == 0 || c.since > epoch) revert NotBound(id);
        if (c.last == epoch) revert AlreadyShown(id, epoch);
        if (keccak256(abi.encode(value)) != c.tip) revert WrongValue(id);
        uint96 staked = stake.stakeAt(id, epoch);
        uint96 least = terms().least;
        if (staked < least) revert TooLittleStake(id, staked, least);
        // APPLY
        mixOf[epoch] ^= keccak256(abi.encode(id, epoch, value));
        _shown[epoch] += HEAD | staked;
        (c.tip, c.last, c.shown) = (value, epoch, c.shown + 1);
        _count(epoch, c.weight, staked);
        c.weight = staked;
        if (c.next != 0) (c.tip, c.next, c.shown) = (c.next, 0, 0);
        if (c.ending) _cut(c, epoch);
        // EMIT
        emit Shown(id, epoch, value, staked);
    }

    /// @inheritdoc IBeacon
    function settle(uint32[] calldata ids) external {
        uint32 epoch = clock.epoch();
        for (uint256 i = 0; i < ids.length; i++) {
            _settle(ids[i], epoch);
        }
    }

    /// @inheritdoc IBeacon
    function propose(Terms calldata terms_) external {
        // CHECK
        if (msg.sender != rules.owner()) revert OnlyOwner();
        _check(terms_);
        // APPLY
        _now = terms();
        (_next, _nextFrom) = (terms_, clock.epoch() + 1);
        // EMIT
        emit Proposed(_nextFrom, terms_);
    }

    /// @inheritdoc IBeacon
    function chainOf(uint32 id) external view returns (Chain memory) {
        return _chains[id];
    }

    /// @inheritdoc IBeacon
    function terms() public view returns (Terms memory) {
        return _termsAt(clock.epoch());
    }

    /// @inheritdoc IBeacon
    function turnout(uint32 epoch) public view returns (uint256 shown, uint256 bound) {
        return (_shown[epoch] % HEAD, _bound.upperLookupRecent(epoch) % HEAD);
    }

    /// @inheritdoc IBeacon
    function owed(uint32 epoch) external view returns (uint256) {
        return _bound.upperLookupRecent(epoch) / HEAD - _shown[epoch] / HEAD;
    }

    /// @dev What `id` missed before `epoch`, or cannot show in it for want of stake: at most one value, since a chain that
    ///      missed one is cut.
    function _settle(uint32 id, uint32 epoch) private {
        Chain storage c = _chains[id];
        uint32 due = c.last + 1 > c.since ? c.last + 1 : c.since;
        Terms memory t = _termsAt(due);
        bool poor = stake.stakeAt(id, due) < t.least;
        if (c.since == 0 || due > epoch || (due == epoch && !poor)) return;
        (uint256 shown, uint256 bound) = turnout(due);
        bool excused = poor || shown * 2 < bound;
        _cut(c, epoch);
        emit Missed(id, due, excused);
        if (!excused) stake.slash(id, due, t.missBps);
    }

    /// @dev The chain is no more, and its stake counts no longer from the next epoch on.
    function _cut(Chain storage c, uint32 epoch) private {
        if (c.since <= epoch && c.last != epoch) _shown[epoch] += HEAD; // nothing can be shown of it any more
        _count(epoch, c.weight, 0);
        (c.tip, c.next, c.weight, c.since, c.ending) = (0, 0, 0, 0, false);
    }

    /// @dev Stake that counts from the epoch after `epoch` on.
    function _count(uint32 epoch, uint96 before, uint96 after_) private {
        if (before != after_) _bound.push(epoch + 1, uint224(_bound.latest() - _headed(before) + _headed(after_)));
    }

    function _headed(uint96 staked) private pure returns (uint256) {
        return staked == 0 ? 0 : HEAD | staked;
    }

    function _termsAt(uint32 epoch) private view returns (Terms memory) {
        return _nextFrom != 0 && epoch >= _nextFrom ? _next : _now;
    }

    function _check(Terms memory t) private pure {
        if (t.least == 0 || t.least > 1e27) revert TermOutOfRange("least");
        if (t.missBps == 0 || t.missBps > 5_000) revert TermOutOfRange("missBps");
    }
}
