// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AuditTerm} from "./IAuditTerms.sol";
import {IReveals} from "./IReveals.sol";
import {Interval} from "./Interval.sol";

/// @notice What auditors count, and the scores that are made from it.
library Counts {
    /// @notice Tasks of a result. Whatever sixteen auditors may say of a neuron fits into the transaction that concludes.
    uint256 internal constant MOST_TASKS = 8;

    /// @notice From one task to `MOST_TASKS`, sorted, each once, of as many questions as the terms allow, counted as can be.
    function inRange(IReveals.Result calldata r, AuditTerm memory t) internal pure returns (bool) {
        if (r.counts.length == 0 || r.counts.length > MOST_TASKS) return false;
        for (uint256 k = 0; k < r.counts.length; k++) {
            IReveals.Count calldata c = r.counts[k];
            if (c.task <= (k == 0 ? bytes26(0) : r.counts[k - 1].task)) return false;
            if (c.asked < t.fewest || c.asked > t.most || !Interval.possible(c.asked, c.sum, c.squares)) return false;
        }
        return true;
    }

    /// @notice What a result tells, in questions, which pay goes by: those of the task with the fewest, as far as they are no
    ///         more than six times the fewest that the terms allow. An interval is narrower by the root of them.
    function told(IReveals.Result calldata r, AuditTerm memory t) internal pure returns (uint32 questions) {
        questions = 6 * uint32(t.fewest);
        for (uint256 k = 0; k < r.counts.length; k++) {
            if (r.counts[k].asked < questions) questions = r.counts[k].asked;
        }
    }

    function scoreOf(IReveals.Count calldata c) internal pure returns (IReveals.Score memory) {
        (uint16 value, uint16 low, uint16 high) = Interval.around(c.asked, c.sum, c.squares);
        return IReveals.Score(c.task, value, low, high);
    }
}
