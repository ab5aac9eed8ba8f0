// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Parameters} from "../core/IRules.sol";
import {IStake} from "../core/IStake.sol";
import {IAudits} from "./IAudits.sol";
import {IReveals} from "./IReveals.sol";
import {Median} from "./Median.sol";

/// @notice What auditors agree on.
library Agreement {
    struct Said {
        IReveals.Score[] scores; // about one task, one for each finding
        uint16[] values;
        uint256[] weights; // 0 for whoever says nothing about it
    }

    /// @dev The stake-weighted median of each task that at least a quorum of the findings score and that most of their
    ///      stake is near, by task: where nobody agrees, nobody is far from what was agreed.
    function medians(IStake stake, uint32 epoch, IReveals.Finding[] memory f, Parameters memory r)
        internal
        view
        returns (IAudits.Agreed[] memory agreed)
    {
        uint256 longest = 0;
        uint256[] memory stakes = new uint256[](f.length);
        for (uint256 i = 0; i < f.length; i++) {
            stakes[i] = stake.stakeAt(f[i].auditor, epoch);
            longest += f[i].scores.length;
        }
        agreed = new IAudits.Agreed[](longest);
        uint256 n = 0;
        Said memory said = Said(new IReveals.Score[](f.length), new uint16[](f.length), new uint256[](f.length));
        uint256[] memory next = new uint256[](f.length); // of each finding's scores
        while (true) {
            (bytes26 task, bool any) = _least(f, next);
            if (!any) break;
            uint256 voices = 0;
            for (uint256 i = 0; i < f.length; i++) {
                IReveals.Score[] memory scores = f[i].scores;
                bool has = next[i] < scores.length && scores[next[i]].task == task;
                (said.values[i], said.weights[i]) = has ? (scores[next[i]].value, stakes[i]) : (type(uint16).max, 0);
                if (has) (said.scores[i], next[i], voices) = (scores[next[i]], next[i] + 1, voices + 1);
            }
            if (voices < r.auditQuorum) continue;
            uint16 median = Median.medianDown(said.values, said.weights);
            if (_near(said, median, r.floorBps)) agreed[n++] = IAudits.Agreed(task, median);
        }
        assembly ("memory-safe") {
            mstore(agreed, n)
        }
    }

    /// @dev The findings that score a task of which a median was agreed: a bit for each, the first the lowest.
    function sharing(IReveals.Finding[] memory f, IAudits.Agreed[] memory agreed) internal pure returns (uint16 bits) {
        for (uint256 i = 0; i < f.length; i++) {
            uint256 m = 0;
            for (uint256 k = 0; k < f[i].scores.length; k++) {
                while (m < agreed.length && agreed[m].task < f[i].scores[k].task) m++;
                if (m < agreed.length && agreed[m].task == f[i].scores[k].task) bits |= uint16(1 << i);
            }
        }
    }

    /// @dev Whether more than half of the stake of those who scored is near the median.
    function _near(Said memory said, uint16 median, uint16 floorBps) private pure returns (bool) {
        uint256 total = 0;
        uint256 near = 0;
        for (uint256 i = 0; i < said.weights.length; i++) {
            if (said.weights[i] == 0) continue;
            total += said.weights[i];
            IReveals.Score memory s = said.scores[i];
            if (!Median.outlies(s.value, s.low, s.high, median, floorBps)) near += said.weights[i];
        }
        return near * 2 > total;
    }

    /// @dev The first task, in their order, that any of the findings has still to say something about.
    function _least(IReveals.Finding[] memory f, uint256[] memory next) private pure returns (bytes26 task, bool any) {
        for (uint256 i = 0; i < f.length; i++) {
            IReveals.Score[] memory scores = f[i].scores;
            if (next[i] == scores.length) continue;
            if (!any || scores[next[i]].task < task) (task, any) = (scores[next[i]].task, true);
        }
    }
}
