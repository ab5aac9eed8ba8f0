// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IMembers} from "../core/IMembers.sol";
import {Parameters} from "../core/IRules.sol";
import {Agreement} from "./Agreement.sol";
import {IAudits} from "./IAudits.sol";
import {IContradictions} from "./IContradictions.sol";
import {IMarks} from "./IMarks.sol";
import {ISeats} from "./ISeats.sol";
import {Median} from "./Median.sol";
import {Reveals} from "./Reveals.sol";

/// @title Know Your AI: drawn, committed, revealed, concluded
/// @notice What auditors found is in `Reveals`. When the epoch is over anybody concludes: the stake-weighted median of each
///         task. An auditor far outside it is marked, and slashed, at most once an epoch, when the time to show that the
///         neuron contradicted itself is over. Too few results conclude nothing: a network fault punishes nobody.
contract Audits is IAudits, Reveals {
    struct Outcome {
        bool concluded;
        uint16 sharing; // a bit for each finding, in their order: the neuron was bound, and it scored a task of which a median was agreed
        uint16 far; // a bit for each finding: it is far from a median, and its auditor is not punished for it yet
        uint64 due; // from when on those who are far may be punished, in seconds since 1970
    }

    IMarks public immutable marks;
    ISeats public immutable seats;
    IContradictions public immutable challenges; // none where no answers are signed

    mapping(uint32 epoch => mapping(uint32 auditor => bool)) public slashed;
    mapping(uint32 epoch => mapping(uint32 neuron => Outcome)) private _outcomes;

    constructor(IDirectory d) Reveals(d) {
        marks = IMarks(d.addressOf("Marks"));
        seats = ISeats(d.addressOf("Seats"));
        challenges = IContradictions(d.find("Challenges"));
    }

    /// @inheritdoc IAudits
    function conclude(uint32 epoch, uint32[] calldata neurons) external {
        if (epoch == 0 || clock.epoch() <= epoch) revert StillOpen(epoch);
        for (uint256 i = 0; i < neurons.length; i++) {
            uint32 oldest = _open[neurons[i]].oldest; // audits count in the order of their epochs
            if (oldest != 0 && oldest <= epoch) _conclude(oldest, neurons[i]);
        }
    }

    /// @inheritdoc IAudits
    function behind(uint32 epoch, uint32[] calldata neurons) external view returns (uint32[] memory open) {
        open = new uint32[](neurons.length);
        uint256 n = 0;
        for (uint256 i = 0; i < neurons.length; i++) {
            uint32 oldest = _open[neurons[i]].oldest;
            if (oldest != 0 && oldest <= epoch) open[n++] = neurons[i];
        }
        assembly ("memory-safe") {
            mstore(open, n)
        }
    }

    /// @inheritdoc IAudits
    function punish(uint32 epoch, uint32[] calldata neurons) external {
        uint16 bps = rules.playedIn(epoch).slashBps;
        for (uint256 i = 0; i < neurons.length; i++) {
            Outcome storage o = _outcomes[epoch][neurons[i]];
            if (o.far == 0 || block.timestamp < o.due) continue;
            Shown[] storage shown = _shown[epoch][neurons[i]];
            uint256 far = o.far;
            o.far = 0;
            if (_contradicted(epoch, neurons[i])) continue; // what it said to one it did not say to another
            for (uint256 k = 0; far >> k != 0; k++) {
                if ((far >> k) & 1 == 0 || slashed[epoch][shown[k].auditor]) continue;
                slashed[epoch][shown[k].auditor] = true;
                emit Punished(epoch, shown[k].auditor, neurons[i]);
                stake.slash(shown[k].auditor, epoch, bps);
            }
        }
    }

    /// @inheritdoc IAudits
    function absent(uint32 epoch, uint32[] calldata auditors) external {
        if (epoch == 0 || clock.epoch() <= epoch) revert StillOpen(epoch);
        Turnout memory t = turnout[epoch];
        if (uint256(t.revealed) * 2 < t.committed) return; // a fault of the network punishes nobody
        uint256 bps = Math.min(uint256(rules.playedIn(epoch).slashBps) * 2, 1e4);
        for (uint256 i = 0; i < auditors.length; i++) {
            uint32 auditor = auditors[i];
            if (commitments[epoch][auditor] == 0 || revealed(epoch, auditor) || slashed[epoch][auditor]) continue;
            slashed[epoch][auditor] = true;
            emit Absent(epoch, auditor);
            stake.slash(auditor, epoch, uint16(bps));
        }
    }

    /// @inheritdoc IAudits
    function concluded(uint32 epoch, uint32 neuron) public view returns (bool) {
        return _outcomes[epoch][neuron].concluded;
    }

    /// @inheritdoc IAudits
    function agreed(uint32 epoch, uint32 neuron, uint32 auditor) external view returns (bool) {
        return _among(_outcomes[epoch][neuron].sharing, epoch, neuron, auditor);
    }

    /// @inheritdoc IAudits
    function marked(uint32 epoch, uint32 neuron, uint32 auditor) external view returns (bool) {
        return _among(_outcomes[epoch][neuron].far, epoch, neuron, auditor) && !_contradicted(epoch, neuron);
    }

    /// @inheritdoc IAudits
    function punishableFrom(uint32 epoch, uint32 neuron) external view returns (uint64) {
        return _outcomes[epoch][neuron].due;
    }

    /// @dev By the rules and marks of the epoch itself, or by the marks of now where they are easier.
    function _conclude(uint32 epoch, uint32 neuron) private {
        Finding[] memory f = findings(epoch, neuron);
        Parameters memory r = rules.playedIn(epoch);
        // APPLY
        _open[neuron].oldest = _next[epoch][neuron];
        Agreed[] memory medians = Agreement.medians(stake, epoch, f, r);
        _outcomes[epoch][neuron].concluded = true;
        IMarks.Mark[] memory asked = marks.countedIn(epoch);
        (bool judged, bool passed, uint16 figure) = _passes(asked, medians);
        if (!judged || !passed) {
            (bool judgedNow, bool passedNow, uint16 figureNow) = _passes(marks.current(), medians);
            if (judgedNow && passedNow) { // what was eased since counts, what was raised not
                (judged, passed, figure, asked) = (true, true, figureNow, marks.current());
            }
        }
        judged = judged && f.length >= r.auditQuorum;
        // EMIT
        emit Concluded(epoch, neuron, uint32(f.length), medians, judged && passed);
        uint16 far = _mark(epoch, neuron, f, medians, r.floorBps);
        if (judged && registry.roleOf(neuron) == IMembers.Role.Neuron) {
            bool before = registry.onJudged(neuron, epoch, passed);
            seats.onJudged(neuron, passed, !before, figure, _vouching(asked, f, far));
        }
        uint64 due = uint64(block.timestamp) + _window(epoch, r.thawSeconds);
        _outcomes[epoch][neuron] = Outcome(true, Agreement.sharing(f, medians) & _bound(epoch, neuron), far, due);
    }

    /// @dev The findings that were revealed while the neuron was bound to listen, whatever became of it: a bit for each.
    function _bound(uint32 epoch, uint32 neuron) private view returns (uint16 bits) {
        Shown[] storage shown = _shown[epoch][neuron];
        for (uint256 i = 0; i < shown.length; i++) {
            if (shown[i].bound) bits |= uint16(1 << i);
        }
    }

    /// @dev Who is far from what was agreed: a bit for each finding.
    function _mark(uint32 epoch, uint32 neuron, Finding[] memory f, Agreed[] memory medians, uint16 floorBps)
        private
        returns (uint16 far)
    {
        for (uint256 i = 0; i < f.length; i++) {
            uint256 m = 0;
            for (uint256 k = 0; k < f[i].scores.length; k++) {
                Score memory s = f[i].scores[k];
                while (m < medians.length && medians[m].task < s.task) m++;
                if (m == medians.length || medians[m].task != s.task) continue;
                if (!Median.outlies(s.value, s.low, s.high, medians[m].value, floorBps)) continue;
                far |= uint16(1 << i);
                emit Outlier(epoch, f[i].auditor, neuron, s.task, s.value, medians[m].value);
            }
        }
    }

    /// @dev Who found, for itself, that every mark is reached, and is near what was agreed.
    function _vouching(IMarks.Mark[] memory asked, Finding[] memory f, uint16 far) private pure returns (uint32[] memory by) {
        by = new uint32[](f.length);
        uint256 n = 0;
        for (uint256 i = 0; i < f.length; i++) {
            if ((far >> i) & 1 == 1) continue;
            Agreed[] memory own = new Agreed[](f[i].scores.length);
            for (uint256 k = 0; k < own.length; k++) {
                own[k] = Agreed(f[i].scores[k].task, f[i].scores[k].value);
            }
            (, bool passed,) = _passes(asked, own);
            if (passed) by[n++] = f[i].auditor;
        }
        assembly ("memory-safe") {
            mstore(by, n)
        }
    }

    /// @dev Whether every marked task was concluded, whether all of them reach their marks, and the mean of these, rounded
    ///      down.
    function _passes(IMarks.Mark[] memory asked, Agreed[] memory medians)
        private
        pure
        returns (bool judged, bool passed, uint16 figure)
    {
        (judged, passed) = (true, true);
        uint256 m = 0;
        uint256 sum = 0;
        for (uint256 i = 0; i < asked.length; i++) {
            while (m < medians.length && medians[m].task < asked[i].task) m++;
            if (m == medians.length || medians[m].task != asked[i].task) return (false, false, 0);
            passed = passed && medians[m].value >= asked[i].least;
            sum += medians[m].value;
        }
        if (asked.length != 0) figure = uint16(sum / asked.length);
    }

    /// @dev How long after its conclusion it can be shown that a neuron contradicted itself: whoever left when the epoch
    ///      opened can be slashed for as long again.
    function _window(uint32 epoch, uint32 thawSeconds) private view returns (uint64) {
        if (address(challenges) == address(0)) return 0;
        return uint64(Math.min(terms.countedIn(epoch).challengeSeconds, thawSeconds / 4));
    }

    function _contradicted(uint32 epoch, uint32 neuron) private view returns (bool) {
        return address(challenges) != address(0) && challenges.contradicted(epoch, neuron);
    }

    /// @dev Whether the bit of an auditor's finding about a neuron is set.
    function _among(uint256 bits, uint32 epoch, uint32 neuron, uint32 auditor) private view returns (bool) {
        Shown[] storage shown = _shown[epoch][neuron];
        for (uint256 i = 0; bits >> i != 0; i++) {
            if (shown[i].auditor == auditor) return (bits >> i) & 1 == 1;
        }
        return false;
    }

    /// @inheritdoc IAudits
    function medianDown(uint16[] memory values, uint256[] memory weights) external pure returns (uint16) {
        return Median.medianDown(values, weights);
    }
}
