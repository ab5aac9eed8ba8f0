// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IReveals} from "./IReveals.sol";

/// @title Know Your AI: drawn, committed, revealed, concluded
/// @notice Auditors are drawn for a neuron by the stake they had when the epoch opened, without replacement. They
///         commit in LISTEN, reveal in CLAIM what they counted and the root of its transcript, from which a score and its
///         interval are made here, and when the epoch is over anybody concludes: the stake-weighted median of each task
///         that most of their stake is near. An auditor far from it is marked, and slashed, at most once an epoch, when
///         nobody can show any more that the neuron contradicted itself; whoever committed and does not reveal loses
///         twice as much. Too few results conclude nothing: a network fault punishes nobody.
interface IAudits is IReveals {
    struct Agreed {
        bytes26 task;
        uint16 value;
    }

    /// @notice The audit of a neuron is over.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @param results How many auditors revealed one.
    /// @param medians The median of each task that enough auditors scored, by task.
    /// @param passed Whether every mark was reached.
    event Concluded(uint32 indexed epoch, uint32 indexed neuron, uint32 results, Agreed[] medians, bool passed);

    /// @notice An auditor is far from the others, and surer than it may be: it is marked.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @param neuron Id of the neuron.
    /// @param task Name of the task in ASCII.
    /// @param score What this auditor said, in 1/10,000.
    /// @param median What the auditors together say, in 1/10,000.
    event Outlier(
        uint32 indexed epoch, uint32 indexed auditor, uint32 indexed neuron, bytes26 task, uint16 score, uint16 median
    );

    /// @notice An auditor that was marked is slashed.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @param neuron Id of a neuron about which it is far from the others.
    event Punished(uint32 indexed epoch, uint32 indexed auditor, uint32 indexed neuron);

    /// @notice An auditor did not reveal what it had committed to.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    event Absent(uint32 indexed epoch, uint32 indexed auditor);

    /// @notice It is not over yet.
    /// @param epoch Number of the epoch.
    error StillOpen(uint32 epoch);

    /// @notice Whether an auditor lost stake in an epoch.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    function slashed(uint32 epoch, uint32 auditor) external view returns (bool);

    /// @notice Whether the audit of a neuron is over.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    function concluded(uint32 epoch, uint32 neuron) external view returns (bool);

    /// @notice Whether an auditor scored a neuron that was bound to listen when it revealed, in a task of which a median was agreed: a quorum scored it, and most of
    ///         their stake is near the median.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @param auditor Id of the auditor.
    /// @return Whether it did.
    function agreed(uint32 epoch, uint32 neuron, uint32 auditor) external view returns (bool);

    /// @notice Combine what was revealed about each of `neurons` in an epoch that is over. Audits count in the order of
    ///         their epochs: of a neuron of whom an earlier one is open, the earliest is concluded, one a call, until none
    ///         is `behind`. Anybody may; a neuron with no finding or already concluded is skipped.
    /// @param epoch Number of the epoch.
    /// @param neurons Ids of the neurons.
    function conclude(uint32 epoch, uint32[] calldata neurons) external;

    /// @notice Those of `neurons` of whom an audit of `epoch` or of an earlier one is not concluded.
    /// @param epoch Number of the epoch.
    /// @param neurons Ids of the neurons.
    /// @return open Those among them.
    function behind(uint32 epoch, uint32[] calldata neurons) external view returns (uint32[] memory open);

    /// @notice Take from the auditors who are far from what was agreed of any of `neurons`, where the time is over in which
    ///         it can be shown that the neuron contradicted itself. Nothing is taken for a neuron that did. Anybody may;
    ///         a neuron of whom nobody is to be punished is passed over.
    /// @param epoch Number of the epoch.
    /// @param neurons Ids of the neurons.
    function punish(uint32 epoch, uint32[] calldata neurons) external;

    /// @notice Whether an auditor is far from what was agreed of a neuron, is not punished for it yet, and the neuron has not
    ///         been shown to contradict itself.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @param auditor Id of the auditor.
    /// @return Whether it is.
    function marked(uint32 epoch, uint32 neuron, uint32 auditor) external view returns (bool);

    /// @notice From when on who is far from what was agreed of a neuron may be punished, in seconds since 1970; 0 where it is
    ///         not concluded.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @return The time.
    function punishableFrom(uint32 epoch, uint32 neuron) external view returns (uint64);

    /// @notice Take from those of `auditors` who committed in an epoch that is over and did not reveal twice the share
    ///         that being far from the others costs, so that nobody saves anything by keeping quiet. Nothing is taken
    ///         where most of the stake that committed did not reveal. Anybody may.
    /// @param epoch Number of the epoch.
    /// @param auditors Ids of participants; whoever is nobody to punish is passed over.
    function absent(uint32 epoch, uint32[] calldata auditors) external;

    /// @notice `Median.medianDown`, to be read.
    /// @param values One for each who says something.
    /// @param weights How much each of them counts.
    /// @return The median.
    function medianDown(uint16[] calldata values, uint256[] calldata weights) external pure returns (uint16);
}
