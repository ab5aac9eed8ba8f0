// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {ISeatRules} from "../core/ISeatRules.sol";
import {IStake} from "../core/IStake.sol";
import {ISeats, SeatTerm} from "./ISeats.sol";

/// @title What audits say about seats
/// @notice See `ISeats`. The terms belong to whoever owns the rules; a change counts from the next epoch on.
contract Seats is ISeats {
    struct Version {
        uint32 from; // the first epoch in which they count
        SeatTerm terms;
    }

    uint16 public constant MOST = 64; // auditors who are kept of one neuron

    IRules public immutable rules;
    IClock public immutable clock;
    IStake public immutable stake;
    address public immutable audits;

    Version[] private _versions;
    mapping(uint32 neuron => uint16) private _grades;
    mapping(uint32 neuron => uint32[]) private _vouchers;

    constructor(IDirectory d, SeatTerm memory terms) {
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        stake = IStake(d.addressOf("Stake"));
        audits = d.addressOf("Audits");
        _check(terms);
        _versions.push(Version(0, terms));
        emit Proposed(0, terms);
    }

    /// @inheritdoc ISeats
    function current() public view returns (SeatTerm memory) {
        return countedIn(clock.epoch());
    }

    /// @inheritdoc ISeats
    function countedIn(uint32 epoch) public view returns (SeatTerm memory) {
        uint256 i = _versions.length - 1;
        while (i != 0 && _versions[i].from > epoch) i--;
        return _versions[i].terms;
    }

    /// @inheritdoc ISeats
    function propose(SeatTerm calldata terms) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        _check(terms);
        // APPLY
        uint32 next = clock.epoch() + 1;
        if (_versions[_versions.length - 1].from == next) _versions[_versions.length - 1].terms = terms;
        else _versions.push(Version(next, terms));
        // EMIT
        emit Proposed(next, terms);
    }

    /// @inheritdoc ISeats
    function onJudged(uint32 neuron, bool passed, bool anew, uint16 figure, uint32[] calldata by) external {
        // CHECK
        if (msg.sender != audits) revert OnlyAudits();
        // APPLY
        uint16 before = _grades[neuron];
        if (anew || !passed) delete _vouchers[neuron];
        if (!passed) delete _grades[neuron];
        if (!passed) return;
        _grades[neuron] = anew ? figure : uint16((3 * uint256(before) + figure) / 4); // rounds down
        uint32[] storage vouching = _vouchers[neuron];
        for (uint256 i = 0; i < by.length && vouching.length < MOST; i++) {
            if (!_among(vouching, by[i])) vouching.push(by[i]);
        }
    }

    /// @inheritdoc ISeats
    function vouchers(uint32 neuron) external view returns (uint32[] memory) {
        return _vouchers[neuron];
    }

    /// @inheritdoc ISeats
    function grades(uint32[] calldata neurons) external view returns (uint16[] memory found) {
        found = new uint16[](neurons.length);
        for (uint256 i = 0; i < neurons.length; i++) {
            found[i] = _grades[neurons[i]];
        }
    }

    /// @inheritdoc ISeatRules
    function vouched(uint32 neuron) external view returns (bool) {
        SeatTerm memory t = current();
        uint32[] memory by = _vouchers[neuron];
        if (t.vouchedBps == 0 || by.length >= t.enough) return true;
        (uint256 theirs, uint256 all) = stake.audit(by); // of now: what was slashed since vouches for nobody
        return theirs * 1e4 > all * t.vouchedBps;
    }

    /// @inheritdoc ISeatRules
    function outdoes(uint32 neuron, uint32 incumbent, uint256 heard, uint256 rival) external view returns (bool) {
        SeatTerm memory t = current();
        uint256 grade = _grades[neuron];
        return grade >= uint256(_grades[incumbent]) + t.betterBps && heard * 1e4 >= rival * t.heardBps;
    }

    function _among(uint32[] storage ids, uint32 id) private view returns (bool) {
        for (uint256 i = 0; i < ids.length; i++) {
            if (ids[i] == id) return true;
        }
        return false;
    }

    function _check(SeatTerm memory t) private pure {
        if (t.vouchedBps >= 1e4) revert TermOutOfRange("vouchedBps");
        if (t.enough == 0 || t.enough > MOST) revert TermOutOfRange("enough");
        if (t.betterBps == 0 || t.betterBps > 10_001) revert TermOutOfRange("betterBps");
        if (t.heardBps > 1e4) revert TermOutOfRange("heardBps");
        if (t.faultFewest == 0) revert TermOutOfRange("faultFewest");
        if (t.faultBps > 1e4) revert TermOutOfRange("faultBps");
        if (t.faultSpan == 0 || t.faultSpan > 1000) revert TermOutOfRange("faultSpan");
        if (t.faultMost > t.faultSpan) revert TermOutOfRange("faultMost");
    }
}
