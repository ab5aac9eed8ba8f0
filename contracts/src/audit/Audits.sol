// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IMembers} from "../core/IMembers.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IRules, Parameters} from "../core/IRules.sol";
import {IStake} from "../core/IStake.sol";
import {Agreement} from "./Agreement.sol";
import {Counts} from "./Counts.sol";
import {AuditTerm, IAuditTerms} from "./IAuditTerms.sol";
import {IAudits} from "./IAudits.sol";
import {IMarks} from "./IMarks.sol";
import {Interval} from "./Interval.sol";
import {Median} from "./Median.sol";

/// @title Know Your AI: drawn, committed, revealed, concluded
/// @notice Auditors are drawn for a neuron by the stake they had when the epoch opened. They commit in LISTEN and reveal
///         in CLAIM what they counted, from which a score and its interval are made here. When the epoch is over anybody
///         concludes: the stake-weighted median of each task. An auditor far outside it is slashed, at most once an
///         epoch. Too few results conclude nothing: a network fault punishes nobody.
contract Audits is IAudits {
    struct Outcome {
        bool concluded;
        uint16 sharing; // a bit for each finding, in their order: it scored a task of which a median was agreed
    }

    struct Shown {
        uint32 auditor;
        uint32 scores; // how many
    }

    IRules public immutable rules;
    IClock public immutable clock;
    IRegistry public immutable registry;
    IStake public immutable stake;
    IMarks public immutable marks;
    IAuditTerms public immutable terms;

    mapping(uint32 epoch => mapping(uint32 auditor => bytes32)) public commitments;
    mapping(uint32 epoch => mapping(uint32 auditor => uint64)) public revealedAt;
    mapping(uint32 epoch => mapping(uint32 auditor => bool)) public slashed;
    mapping(uint32 epoch => Turnout) public turnout;
    mapping(uint32 epoch => mapping(uint32 neuron => Outcome)) private _outcomes;
    mapping(uint32 epoch => mapping(uint32 neuron => Shown[])) private _shown;
    mapping(uint32 epoch => mapping(uint32 neuron => mapping(uint256 place => Score))) private _scores; // in its order
    mapping(uint32 neuron => uint32) private _latest; // last epoch with a finding
    mapping(uint32 epoch => mapping(uint32 neuron => uint32)) private _previous; // the one before it

    constructor(IDirectory d) {
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        stake = IStake(d.addressOf("Stake"));
        marks = IMarks(d.addressOf("Marks"));
        terms = IAuditTerms(d.addressOf("AuditTerms"));
    }

    /// @inheritdoc IAudits
    function commit(uint32 auditor, bytes32 commitment) external {
        // CHECK
        registry.requireActor(auditor, msg.sender);
        if (registry.roleOf(auditor) != IMembers.Role.Auditor) revert NotAuditor(auditor);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != IClock.Phase.Listen) revert WrongPhase();
        if (commitments[epoch][auditor] != 0) revert AlreadyCommitted(auditor, epoch);
        // APPLY
        commitments[epoch][auditor] = commitment;
        turnout[epoch].committed += stake.stakeAt(auditor, epoch);
        clock.arrive(auditor);
        // EMIT
        emit Committed(epoch, auditor, commitment);
    }

    /// @inheritdoc IAudits
    function reveal(uint32 auditor, Result[] calldata results, bytes32 salt) external {
        // CHECK
        registry.requireActor(auditor, msg.sender);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != IClock.Phase.Claim) revert WrongPhase();
        if (commitments[epoch][auditor] == 0) revert NotCommitted(auditor, epoch);
        if (revealed(epoch, auditor)) revert AlreadyRevealed(auditor, epoch);
        if (commitments[epoch][auditor] != commitmentOf(epoch, registry.keyOf(auditor), results, salt)) {
            revert WrongReveal(auditor, epoch);
        }
        (bytes32 seed, uint256 seats) = _lots(epoch);
        AuditTerm memory t = terms.countedIn(epoch);
        for (uint256 i = 0; i < results.length; i++) {
            Result calldata r = results[i];
            if (i != 0 && r.neuron <= results[i - 1].neuron) revert NotSorted(i);
            if (!Counts.inRange(r, t)) revert OutOfRange(i);
            if (registry.roleOf(r.neuron) != IMembers.Role.Neuron) revert NotDrawn(auditor, r.neuron);
            if (!_contains(stake.draw(seed, r.neuron, seats), auditor)) revert NotDrawn(auditor, r.neuron);
        }
        // APPLY
        revealedAt[epoch][auditor] = uint64(block.timestamp);
        turnout[epoch].revealed += stake.stakeAt(auditor, epoch);
        for (uint256 i = 0; i < results.length; i++) {
            uint32 neuron = results[i].neuron;
            if (_latest[neuron] != epoch) (_previous[epoch][neuron], _latest[neuron]) = (_latest[neuron], epoch);
            _record(epoch, auditor, results[i]);
            if (registry.boundWith(neuron, epoch) != 0) turnout[epoch].findings += 1;
        }
        clock.arrive(auditor);
        // EMIT
        emit Revealed(epoch, auditor, results, salt);
    }

    /// @inheritdoc IAudits
    function conclude(uint32 epoch, uint32[] calldata neurons) external {
        if (epoch == 0 || clock.epoch() <= epoch) revert StillOpen(epoch);
        for (uint256 i = 0; i < neurons.length; i++) {
            _conclude(epoch, neurons[i]);
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
    function revealed(uint32 epoch, uint32 auditor) public view returns (bool) {
        return revealedAt[epoch][auditor] != 0;
    }

    /// @inheritdoc IAudits
    function concluded(uint32 epoch, uint32 neuron) public view returns (bool) {
        return _outcomes[epoch][neuron].concluded;
    }

    /// @inheritdoc IAudits
    function agreed(uint32 epoch, uint32 neuron, uint32 auditor) external view returns (bool) {
        uint256 sharing = _outcomes[epoch][neuron].sharing;
        Shown[] storage shown = _shown[epoch][neuron];
        for (uint256 i = 0; sharing >> i != 0; i++) {
            if (shown[i].auditor == auditor) return (sharing >> i) & 1 == 1;
        }
        return false;
    }

    /// @inheritdoc IAudits
    function drawn(uint32 epoch, uint32 neuron) public view returns (uint32[] memory) {
        (bytes32 seed, uint256 seats) = _lots(epoch);
        return stake.draw(seed, neuron, seats);
    }

    /// @inheritdoc IAudits
    function assignments(uint32 epoch, uint32 auditor, uint32[] calldata neurons)
        external
        view
        returns (uint32[] memory mine)
    {
        (bytes32 seed, uint256 seats) = _lots(epoch);
        mine = new uint32[](neurons.length);
        uint256 n = 0;
        for (uint256 i = 0; i < neurons.length; i++) {
            if (_contains(stake.draw(seed, neurons[i], seats), auditor)) mine[n++] = neurons[i];
        }
        assembly ("memory-safe") {
            mstore(mine, n)
        }
    }

    /// @inheritdoc IAudits
    function findings(uint32 epoch, uint32 neuron) public view returns (Finding[] memory found) {
        Shown[] memory shown = _shown[epoch][neuron];
        mapping(uint256 place => Score) storage kept = _scores[epoch][neuron];
        found = new Finding[](shown.length);
        uint256 place = 0;
        for (uint256 i = 0; i < shown.length; i++) {
            Score[] memory scores = new Score[](shown[i].scores);
            for (uint256 k = 0; k < scores.length; k++) {
                scores[k] = kept[place++];
            }
            found[i] = Finding(shown[i].auditor, scores);
        }
    }

    /// @inheritdoc IAudits
    function commitmentOf(uint32 epoch, address key, Result[] calldata results, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(epoch, key, results, salt));
    }

    /// @dev By the rules and marks of the epoch itself, or by the marks of now where they are easier.
    function _conclude(uint32 epoch, uint32 neuron) private {
        // CHECK
        Finding[] memory f = findings(epoch, neuron);
        if (concluded(epoch, neuron) || f.length == 0) return;
        _conclude(_previous[epoch][neuron], neuron); // audits count in the order of their epochs
        Parameters memory r = rules.playedIn(epoch);
        // APPLY
        Agreed[] memory medians = Agreement.medians(stake, epoch, f, r);
        _outcomes[epoch][neuron] = Outcome(true, Agreement.sharing(f, medians));
        (bool judged, bool passed) = _passes(marks.countedIn(epoch), medians);
        if (!judged || !passed) {
            (bool judgedNow, bool passedNow) = _passes(marks.current(), medians);
            if (judgedNow && passedNow) (judged, passed) = (true, true); // what was eased since counts, what was raised not
        }
        judged = judged && f.length >= r.auditQuorum;
        // EMIT
        emit Concluded(epoch, neuron, uint32(f.length), medians, judged && passed);
        if (judged) registry.onJudged(neuron, epoch, passed);
        for (uint256 i = 0; i < f.length; i++) {
            uint256 m = 0;
            for (uint256 k = 0; k < f[i].scores.length; k++) {
                Score memory s = f[i].scores[k];
                while (m < medians.length && medians[m].task < s.task) m++;
                if (m == medians.length || medians[m].task != s.task) continue;
                if (Median.outlies(s.value, s.low, s.high, medians[m].value, r.floorBps)) {
                    _punish(r, epoch, f[i].auditor, neuron, s, medians[m].value);
                }
            }
        }
    }

    /// @dev Whether every marked task was concluded, and whether all of them reach their marks.
    function _passes(IMarks.Mark[] memory asked, Agreed[] memory medians) private pure returns (bool judged, bool passed) {
        (judged, passed) = (true, true);
        uint256 m = 0;
        for (uint256 i = 0; i < asked.length; i++) {
            while (m < medians.length && medians[m].task < asked[i].task) m++;
            if (m == medians.length || medians[m].task != asked[i].task) return (false, false);
            passed = passed && medians[m].value >= asked[i].least;
        }
    }

    function _record(uint32 epoch, uint32 auditor, Result calldata r) private {
        Shown[] memory shown = _shown[epoch][r.neuron];
        uint256 place = 0;
        for (uint256 i = 0; i < shown.length; i++) {
            place += shown[i].scores;
        }
        mapping(uint256 place => Score) storage kept = _scores[epoch][r.neuron];
        for (uint256 k = 0; k < r.counts.length; k++) {
            kept[place + k] = Counts.scoreOf(r.counts[k]);
        }
        _shown[epoch][r.neuron].push(Shown(auditor, uint32(r.counts.length)));
    }

    function _punish(
        Parameters memory r,
        uint32 epoch,
        uint32 auditor,
        uint32 neuron,
        Score memory s,
        uint16 median
    ) private {
        emit Outlier(epoch, auditor, neuron, s.task, s.value, median);
        if (slashed[epoch][auditor]) return;
        slashed[epoch][auditor] = true;
        stake.slash(auditor, epoch, r.slashBps);
    }

    /// @inheritdoc IAudits
    function medianDown(uint16[] memory values, uint256[] memory weights) external pure returns (uint16) {
        return Median.medianDown(values, weights);
    }

    /// @inheritdoc IAudits
    function scoreOf(Count calldata c) external pure returns (Score memory) {
        if (!Interval.possible(c.asked, c.sum, c.squares)) revert OutOfRange(0);
        return Counts.scoreOf(c);
    }

    /// @dev What the running epoch is drawn by.
    function _lots(uint32 epoch) private view returns (bytes32 seed, uint256 seats) {
        if (epoch == 0 || epoch != clock.epoch()) revert NotRunning(epoch);
        return (clock.seedOf(epoch), rules.current().auditSeats);
    }

    function _contains(uint32[] memory ids, uint32 id) private pure returns (bool) {
        for (uint256 i = 0; i < ids.length; i++) {
            if (ids[i] == id) return true;
        }
        return false;
    }
}
