// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ballot} from "./Ballot.sol";
import {Clock} from "./Clock.sol";
import {Members} from "./Members.sol";
import {Registry} from "./Registry.sol";
import {Parameters, Rules} from "./Rules.sol";
import {Stake} from "./Stake.sol";
import {Wiring} from "./Wiring.sol";

/// @title Know Your AI: drawn, committed, revealed, concluded
/// @notice Auditors are drawn for a neuron by the stake they had when the epoch opened, without replacement. They
///         commit in LISTEN, reveal in CLAIM, and when the epoch is over anybody concludes: the stake-weighted median
///         of each task. An auditor far outside the median with too narrow an interval is slashed, at most once an
///         epoch. Too few results conclude nothing: a network fault punishes nobody.
contract Audits {
    enum Task {
        Accuracy,
        Robustness
    }

    /// @notice What one auditor found: score and confidence interval of each task, in 1/10,000.
    struct Result {
        uint32 neuron;
        uint16 accuracy;
        uint16 accuracyLow;
        uint16 accuracyHigh;
        uint16 robustness;
        uint16 robustnessLow;
        uint16 robustnessHigh;
    }

    struct Finding {
        uint32 auditor;
        Result result;
    }

    Rules public immutable rules;
    Clock public immutable clock;
    Registry public immutable registry;
    Stake public immutable stake;

    mapping(uint32 epoch => mapping(uint32 auditor => bytes32)) public commitments;
    mapping(uint32 epoch => mapping(uint32 auditor => bool)) public revealed;
    mapping(uint32 epoch => mapping(uint32 auditor => bool)) public slashed;
    mapping(uint32 epoch => mapping(uint32 neuron => bool)) public concluded;
    mapping(uint32 epoch => mapping(uint32 neuron => Finding[])) private _findings;
    mapping(uint32 neuron => uint32) private _latest; // last epoch with a finding
    mapping(uint32 epoch => mapping(uint32 neuron => uint32)) private _previous; // the one before it

    event Committed(uint32 indexed epoch, uint32 indexed auditor, bytes32 commitment);
    event Revealed(uint32 indexed epoch, uint32 indexed auditor, Result[] results, bytes32 salt);
    event Concluded(
        uint32 indexed epoch, uint32 indexed neuron, uint32 results, uint16 accuracy, uint16 robustness, bool passed
    );
    event Outlier(
        uint32 indexed epoch, uint32 indexed auditor, uint32 indexed neuron, Task task, uint16 score, uint16 median
    );

    error WrongPhase();
    error NotAuditor(uint32 id);
    error AlreadyCommitted(uint32 auditor, uint32 epoch);
    error NotCommitted(uint32 auditor, uint32 epoch);
    error AlreadyRevealed(uint32 auditor, uint32 epoch);
    error WrongReveal(uint32 auditor, uint32 epoch);
    error NotDrawn(uint32 auditor, uint32 neuron);
    error NotSorted(uint256 index);
    error OutOfRange(uint256 index);
    error StillOpen(uint32 epoch);
    error NotRunning(uint32 epoch);

    constructor(Wiring memory w) {
        rules = Rules(w.rules);
        clock = Clock(w.clock);
        registry = Registry(w.registry);
        stake = Stake(w.stake);
    }

    /// @notice An auditor's part of LISTEN. `commitment` is `commitmentOf(epoch, key of the auditor, results, salt)`.
    function commit(uint32 auditor, bytes32 commitment) external {
        // CHECK
        registry.requireActor(auditor, msg.sender);
        if (registry.roleOf(auditor) != Members.Role.Auditor) revert NotAuditor(auditor);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != Clock.Phase.Listen) revert WrongPhase();
        if (commitments[epoch][auditor] != 0) revert AlreadyCommitted(auditor, epoch);
        // APPLY
        commitments[epoch][auditor] = commitment;
        clock.arrive(auditor);
        // EMIT
        emit Committed(epoch, auditor, commitment);
    }

    /// @notice An auditor's part of CLAIM. Results are sorted by neuron, one for each.
    function reveal(uint32 auditor, Result[] calldata results, bytes32 salt) external {
        // CHECK
        registry.requireActor(auditor, msg.sender);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != Clock.Phase.Claim) revert WrongPhase();
        if (commitments[epoch][auditor] == 0) revert NotCommitted(auditor, epoch);
        if (revealed[epoch][auditor]) revert AlreadyRevealed(auditor, epoch);
        if (commitments[epoch][auditor] != commitmentOf(epoch, registry.keyOf(auditor), results, salt)) {
            revert WrongReveal(auditor, epoch);
        }
        (uint32[] memory ids, uint256[] memory weights) = _electorate(epoch);
        for (uint256 i = 0; i < results.length; i++) {
            Result calldata r = results[i];
            if (i != 0 && r.neuron <= results[i - 1].neuron) revert NotSorted(i);
            if (!_inRange(r)) revert OutOfRange(i);
            if (registry.roleOf(r.neuron) != Members.Role.Neuron) revert NotDrawn(auditor, r.neuron);
            if (!Ballot.contains(_draw(epoch, r.neuron, ids, weights), auditor)) revert NotDrawn(auditor, r.neuron);
        }
        // APPLY
        revealed[epoch][auditor] = true;
        for (uint256 i = 0; i < results.length; i++) {
            uint32 neuron = results[i].neuron;
            if (_latest[neuron] != epoch) (_previous[epoch][neuron], _latest[neuron]) = (_latest[neuron], epoch);
            _findings[epoch][neuron].push(Finding(auditor, results[i]));
        }
        clock.arrive(auditor);
        // EMIT
        emit Revealed(epoch, auditor, results, salt);
    }

    /// @notice Combine what was revealed about each of `neurons` in an epoch that is over. Anybody may; a neuron with
    ///         no finding or already concluded is skipped.
    function conclude(uint32 epoch, uint32[] calldata neurons) external {
        if (epoch == 0 || clock.epoch() <= epoch) revert StillOpen(epoch);
        Parameters memory r = rules.current();
        for (uint256 i = 0; i < neurons.length; i++) {
            _conclude(r, epoch, neurons[i]);
        }
    }

    /// @notice The auditors drawn for `neuron` in `epoch`, which must be the running one, in the order drawn. Fixed from
    ///         the epoch's opening on.
    function drawn(uint32 epoch, uint32 neuron) public view returns (uint32[] memory) {
        (uint32[] memory ids, uint256[] memory weights) = _electorate(epoch);
        return _draw(epoch, neuron, ids, weights);
    }

    /// @notice The neurons among `neurons` that `auditor` is drawn for.
    function assignments(uint32 epoch, uint32 auditor, uint32[] calldata neurons)
        external
        view
        returns (uint32[] memory mine)
    {
        (uint32[] memory ids, uint256[] memory weights) = _electorate(epoch);
        mine = new uint32[](neurons.length);
        uint256 n = 0;
        for (uint256 i = 0; i < neurons.length; i++) {
            if (Ballot.contains(_draw(epoch, neurons[i], ids, weights), auditor)) mine[n++] = neurons[i];
        }
        assembly ("memory-safe") {
            mstore(mine, n)
        }
    }

    function findings(uint32 epoch, uint32 neuron) external view returns (Finding[] memory) {
        return _findings[epoch][neuron];
    }

    /// @notice Bound to the auditor's key, so that nobody can copy another's commitment and reveal it as their own.
    function commitmentOf(uint32 epoch, address key, Result[] calldata results, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(epoch, key, results, salt));
    }

    function _conclude(Parameters memory r, uint32 epoch, uint32 neuron) private {
        // CHECK
        Finding[] memory f = _findings[epoch][neuron];
        if (concluded[epoch][neuron] || f.length == 0) return;
        _conclude(r, _previous[epoch][neuron], neuron); // audits count in the order of their epochs
        // APPLY
        concluded[epoch][neuron] = true;
        if (f.length < r.auditQuorum) {
            emit Concluded(epoch, neuron, uint32(f.length), 0, 0, false);
            return;
        }
        uint256[] memory weights = new uint256[](f.length);
        uint16[] memory accuracies = new uint16[](f.length);
        uint16[] memory robustnesses = new uint16[](f.length);
        for (uint256 i = 0; i < f.length; i++) {
            weights[i] = stake.stakeAt(f[i].auditor, epoch);
            accuracies[i] = f[i].result.accuracy;
            robustnesses[i] = f[i].result.robustness;
        }
        uint16 accuracy = Ballot.medianDown(accuracies, weights);
        uint16 robustness = Ballot.medianDown(robustnesses, weights);
        bool passed = accuracy >= r.passAccuracyBps && robustness >= r.passRobustnessBps;
        // EMIT
        emit Concluded(epoch, neuron, uint32(f.length), accuracy, robustness, passed);
        registry.onJudged(neuron, epoch, passed);
        for (uint256 i = 0; i < f.length; i++) {
            Result memory x = f[i].result;
            if (Ballot.outlies(x.accuracy, x.accuracyLow, x.accuracyHigh, accuracy, r.floorBps)) {
                _punish(r, epoch, f[i].auditor, neuron, Task.Accuracy, x.accuracy, accuracy);
            }
            if (Ballot.outlies(x.robustness, x.robustnessLow, x.robustnessHigh, robustness, r.floorBps)) {
                _punish(r, epoch, f[i].auditor, neuron, Task.Robustness, x.robustness, robustness);
            }
        }
    }

    function _punish(
        Parameters memory r,
        uint32 epoch,
        uint32 auditor,
        uint32 neuron,
        Task task,
        uint16 score,
        uint16 median
    ) private {
        emit Outlier(epoch, auditor, neuron, task, score, median);
        if (slashed[epoch][auditor]) return;
        slashed[epoch][auditor] = true;
        stake.slash(auditor, epoch, r.slashBps);
    }

    /// @notice `Ballot.medianDown`, to be read.
    function medianDown(uint16[] memory values, uint256[] memory weights) external pure returns (uint16) {
        return Ballot.medianDown(values, weights);
    }

    function _inRange(Result calldata r) private pure returns (bool) {
        return r.accuracyLow <= r.accuracy && r.accuracy <= r.accuracyHigh && r.accuracyHigh <= 1e4
            && r.robustnessLow <= r.robustness && r.robustness <= r.robustnessHigh && r.robustnessHigh <= 1e4;
    }

    /// @dev All auditors with their stake at the opening of the running epoch; below the least stake counts as none.
    function _electorate(uint32 epoch) private view returns (uint32[] memory ids, uint256[] memory weights) {
        if (epoch == 0 || epoch != clock.epoch()) revert NotRunning(epoch);
        ids = registry.electorate();
        weights = new uint256[](ids.length);
        uint256 least = rules.current().auditorStake;
        for (uint256 i = 0; i < ids.length; i++) {
            uint256 weight = stake.stakeAt(ids[i], epoch);
            weights[i] = weight < least ? 0 : weight;
        }
    }

    function _draw(uint32 epoch, uint32 neuron, uint32[] memory ids, uint256[] memory weights)
        private
        view
        returns (uint32[] memory)
    {
        return Ballot.draw(clock.seedOf(epoch), neuron, ids, weights, rules.current().auditSeats);
    }
}
