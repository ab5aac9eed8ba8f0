// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AuditTerm} from "./IAuditTerms.sol";
import {IAudits} from "./IAudits.sol";
import {Interval} from "./Interval.sol";

/// @notice What auditors count, and the scores that are made from it.
library Counts {
    /// @notice At least one task, sorted, each once, of as many questions as the terms allow, counted as can be.
    function inRange(IAudits.Result calldata r, AuditTerm memory t) internal pure returns (bool) {
        for (uint256 k = 0; k < r.counts.length; k++) {
            IAudits.Count calldata c = r.counts[k];
            if (c.task <= (k == 0 ? bytes26(0) : r.counts[k - 1].task)) return false;
            if (c.asked < t.fewest || c.asked > t.most || !Interval.possible(c.asked, c.sum, c.squares)) return false;
        }
        return r.counts.length != 0;
    }

    function scoreOf(IAudits.Count calldata c) internal pure returns (IAudits.Score memory) {
        (uint16 value, uint16 low, uint16 high) = Interval.around(c.asked, c.sum, c.squares);
        return IAudits.Score(c.task, value, low, high);
    }
}
