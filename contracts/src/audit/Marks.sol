// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {IMarks} from "./IMarks.sol";

/// @title What a neuron's audits must reach
/// @notice A list of tasks, each with the least median that passes; it belongs to whoever owns the rules. A task that is
///         not in it may be audited all the same: it is recorded, those far from its median are punished, and it decides
///         nothing.
contract Marks is IMarks {
    IRules public immutable rules;
    IClock public immutable clock;

    struct Version {
        uint32 from; // the first epoch in which they count
        Mark[] marks;
    }

    Version[] private _versions;

    constructor(IDirectory d, Mark[] memory marks) {
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        _check(marks);
        Mark[] storage list = _versions.push().marks;
        for (uint256 i = 0; i < marks.length; i++) {
            list.push(marks[i]);
        }
        emit Proposed(0, marks);
    }

    /// @inheritdoc IMarks
    function current() external view returns (Mark[] memory) {
        return countedIn(clock.epoch());
    }

    /// @inheritdoc IMarks
    function countedIn(uint32 epoch) public view returns (Mark[] memory) {
        uint256 i = _versions.length - 1;
        while (i != 0 && _versions[i].from > epoch) i--;
        return _versions[i].marks;
    }

    /// @inheritdoc IMarks
    function from() public view returns (uint32) {
        return _versions[_versions.length - 1].from;
    }

    /// @inheritdoc IMarks
    function propose(Mark[] calldata marks) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        _check(marks);
        // APPLY
        uint32 next = clock.epoch() + 1;
        if (from() != next) _versions.push().from = next;
        Version storage v = _versions[_versions.length - 1];
        delete v.marks;
        for (uint256 i = 0; i < marks.length; i++) {
            v.marks.push(marks[i]);
        }
        // EMIT
        emit Proposed(next, marks);
    }

    /// @dev By task, each once.
    function _check(Mark[] memory marks) private pure {
        for (uint256 i = 0; i < marks.length; i++) {
            if (marks[i].task <= (i == 0 ? bytes26(0) : marks[i - 1].task)) revert NotSorted(i);
            if (marks[i].least > 1e4) revert OutOfRange(i);
        }
    }
}
