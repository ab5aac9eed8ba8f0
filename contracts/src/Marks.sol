// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Clock} from "./Clock.sol";
import {Rules} from "./Rules.sol";
import {Wiring} from "./Wiring.sol";

/// @title What a neuron's audits must reach
/// @notice A list of tasks, each with the least median that passes; it belongs to whoever owns the rules. A task that is
///         not in it may be audited all the same: it is recorded, those far from its median are punished, and it decides
///         nothing.
contract Marks {
    /// @notice One slot each.
    struct Mark {
        bytes26 task; // its name in ASCII
        uint16 least; // median, in 1/10,000
    }

    Rules public immutable rules;
    Clock public immutable clock;

    uint32 public from; // the first epoch in which `_next` counts
    Mark[] private _now;
    Mark[] private _next;

    event Proposed(uint32 indexed from, Mark[] marks);

    error NotSorted(uint256 index);
    error OutOfRange(uint256 index);

    constructor(Wiring memory w, Mark[] memory marks) {
        rules = Rules(w.rules);
        clock = Clock(w.clock);
        _check(marks);
        for (uint256 i = 0; i < marks.length; i++) {
            _next.push(marks[i]);
        }
        emit Proposed(0, marks);
    }

    /// @notice What counts in the running epoch.
    function current() external view returns (Mark[] memory) {
        return clock.epoch() >= from ? _next : _now;
    }

    /// @notice Change the list from the next epoch on. A later proposal replaces an earlier one.
    function propose(Mark[] calldata marks) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        _check(marks);
        // APPLY
        uint32 epoch = clock.epoch();
        if (epoch >= from) _now = _next;
        from = epoch + 1;
        delete _next;
        for (uint256 i = 0; i < marks.length; i++) {
            _next.push(marks[i]);
        }
        // EMIT
        emit Proposed(from, marks);
    }

    /// @dev By task, each once.
    function _check(Mark[] memory marks) private pure {
        for (uint256 i = 0; i < marks.length; i++) {
            if (marks[i].task <= (i == 0 ? bytes26(0) : marks[i - 1].task)) revert NotSorted(i);
            if (marks[i].least > 1e4) revert OutOfRange(i);
        }
    }
}
