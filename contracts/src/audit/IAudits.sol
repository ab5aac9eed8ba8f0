// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Know Your AI: drawn, committed, revealed, concluded
/// @notice Auditors are drawn for a neuron by the stake they had when the epoch opened, without replacement. They
///         commit in LISTEN, reveal in CLAIM what they counted and the root of its transcript, from which a score and its
///         interval are made here, and when the epoch is over anybody concludes: the stake-weighted median of each task
///         that most of their stake is near. An auditor far from it is slashed, at most once an epoch, and whoever
///         committed and does not reveal loses twice as much. Too few results conclude nothing: a network fault
///         punishes nobody.
interface IAudits {
    /// @notice What an auditor counted in one task. Each question scores 10,000 where it is answered right and 0 where it
    ///         is not, or whatever it adds to the mean, from -160,000 to 160,000.
    struct Count {
        bytes26 task; // its name in ASCII
        uint16 asked; // questions, all of them answered
        int64 sum; // of their scores
        uint64 squares; // of their scores
        bytes32 root; // of the transcript of questions and answers
    }

    /// @notice What one auditor found about one neuron: from one task to eight, sorted, each once.
    struct Result {
        uint32 neuron;
        Count[] counts;
    }

    /// @notice A task's score and its 95 % interval, as they are made from what was counted, in 1/10,000. One slot.
    struct Score {
        bytes26 task; // its name in ASCII
        uint16 value;
        uint16 low;
        uint16 high;
    }

    struct Finding {
        uint32 auditor;
        Score[] scores; // by task
    }

    struct Agreed {
        bytes26 task;
        uint16 value;
    }

    struct Turnout {
        uint96 committed; // stake of those who committed
        uint96 revealed; // stake of those of them who revealed
        uint32 findings; // results about neurons that were bound to listen
    }

    /// @notice An auditor has committed to what it found.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @param commitment Hash that binds what is revealed later.
    event Committed(uint32 indexed epoch, uint32 indexed auditor, bytes32 commitment);

    /// @notice An auditor has said what it found.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @param results What was found, a result for each neuron.
    /// @param salt Random bytes that keep the commitment from being guessed.
    event Revealed(uint32 indexed epoch, uint32 indexed auditor, Result[] results, bytes32 salt);

    /// @notice The audit of a neuron is over.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @param results How many auditors revealed one.
    /// @param medians The median of each task that enough auditors scored, by task.
    /// @param passed Whether every mark was reached.
    event Concluded(uint32 indexed epoch, uint32 indexed neuron, uint32 results, Agreed[] medians, bool passed);

    /// @notice An auditor is far from the others, and surer than it may be.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @param neuron Id of the neuron.
    /// @param task Name of the task in ASCII.
    /// @param score What this auditor said, in 1/10,000.
    /// @param median What the auditors together say, in 1/10,000.
    event Outlier(
        uint32 indexed epoch, uint32 indexed auditor, uint32 indexed neuron, bytes26 task, uint16 score, uint16 median
    );

    /// @notice An auditor did not reveal what it had committed to.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    event Absent(uint32 indexed epoch, uint32 indexed auditor);

    /// @notice It can be done in the other phase of the epoch only.
    error WrongPhase();

    /// @notice The participant is no auditor.
    /// @param id Id of the participant.
    error NotAuditor(uint32 id);

    /// @notice One commitment an epoch.
    /// @param auditor Id of the auditor.
    /// @param epoch Number of the epoch.
    error AlreadyCommitted(uint32 auditor, uint32 epoch);

    /// @notice Nothing was committed to, so nothing can be revealed.
    /// @param auditor Id of the auditor.
    /// @param epoch Number of the epoch.
    error NotCommitted(uint32 auditor, uint32 epoch);

    /// @notice One reveal an epoch.
    /// @param auditor Id of the auditor.
    /// @param epoch Number of the epoch.
    error AlreadyRevealed(uint32 auditor, uint32 epoch);

    /// @notice What is revealed is not what was committed to under this key.
    /// @param auditor Id of the auditor.
    /// @param epoch Number of the epoch.
    error WrongReveal(uint32 auditor, uint32 epoch);

    /// @notice The auditor was not drawn for this neuron.
    /// @param auditor Id of the auditor.
    /// @param neuron Id of the neuron.
    error NotDrawn(uint32 auditor, uint32 neuron);

    /// @notice The list is not sorted, or names something twice.
    /// @param index Place in the list, from 0.
    error NotSorted(uint256 index);

    /// @notice The number is outside its range.
    /// @param index Place in the list, from 0.
    error OutOfRange(uint256 index);

    /// @notice It is not over yet.
    /// @param epoch Number of the epoch.
    error StillOpen(uint32 epoch);

    /// @notice Only the running epoch's list is kept.
    /// @param epoch Number of the epoch.
    error NotRunning(uint32 epoch);

    /// @notice What an auditor committed to; zero for nothing.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    function commitments(uint32 epoch, uint32 auditor) external view returns (bytes32);

    /// @notice Whether an auditor has revealed.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    function revealed(uint32 epoch, uint32 auditor) external view returns (bool);

    /// @notice When an auditor revealed, in seconds since 1970; 0 where it has not.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    function revealedAt(uint32 epoch, uint32 auditor) external view returns (uint64);

    /// @notice Whether an auditor lost stake in an epoch.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    function slashed(uint32 epoch, uint32 auditor) external view returns (bool);

    /// @notice Whether the audit of a neuron is over.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    function concluded(uint32 epoch, uint32 neuron) external view returns (bool);

    /// @notice Whether an auditor scored a neuron in a task of which a median was agreed: a quorum scored it, and most of
    ///         their stake is near the median.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @param auditor Id of the auditor.
    /// @return Whether it did.
    function agreed(uint32 epoch, uint32 neuron, uint32 auditor) external view returns (bool);

    /// @notice An auditor's part of LISTEN. `commitment` is `commitmentOf(epoch, key of the auditor, results, salt)`.
    /// @param auditor Id of the auditor.
    /// @param commitment Hash that binds what is revealed later.
    function commit(uint32 auditor, bytes32 commitment) external;

    /// @notice An auditor's part of CLAIM. Results are sorted by neuron, one for each, and their counts by task.
    /// @param auditor Id of the auditor.
    /// @param results What was found, a result for each neuron.
    /// @param salt Random bytes that keep the commitment from being guessed.
    function reveal(uint32 auditor, Result[] calldata results, bytes32 salt) external;

    /// @notice Combine what was revealed about each of `neurons` in an epoch that is over. Anybody may; a neuron with
    ///         no finding or already concluded is skipped.
    /// @param epoch Number of the epoch.
    /// @param neurons Ids of the neurons.
    function conclude(uint32 epoch, uint32[] calldata neurons) external;

    /// @notice Take from those of `auditors` who committed in an epoch that is over and did not reveal twice the share
    ///         that being far from the others costs, so that nobody saves anything by keeping quiet. Nothing is taken
    ///         where most of the stake that committed did not reveal. Anybody may.
    /// @param epoch Number of the epoch.
    /// @param auditors Ids of participants; whoever is nobody to punish is passed over.
    function absent(uint32 epoch, uint32[] calldata auditors) external;

    /// @notice The stake that committed in an epoch, and that of it which revealed.
    /// @param epoch Number of the epoch.
    function turnout(uint32 epoch) external view returns (uint96 committed, uint96 revealed, uint32 findings);

    /// @notice The auditors drawn for `neuron` in `epoch`, which must be the running one, in the order drawn. Fixed from
    ///         the epoch's opening on.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @return Ids, in the order drawn.
    function drawn(uint32 epoch, uint32 neuron) external view returns (uint32[] memory);

    /// @notice The neurons among `neurons` that `auditor` is drawn for.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @param neurons Ids of the neurons.
    /// @return mine Those among them.
    function assignments(
        uint32 epoch, uint32 auditor, uint32[] calldata neurons
    ) external view returns (uint32[] memory mine);

    /// @notice What each auditor found about a neuron, in the order in which they revealed.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @return One for each auditor.
    function findings(uint32 epoch, uint32 neuron) external view returns (Finding[] memory);

    /// @notice Bound to the auditor's key, so that nobody can copy another's commitment and reveal it as their own.
    /// @param epoch Number of the epoch.
    /// @param key Address of the key.
    /// @param results What will be revealed.
    /// @param salt Random bytes that keep the commitment from being guessed.
    /// @return The hash.
    function commitmentOf(
        uint32 epoch, address key, Result[] calldata results, bytes32 salt
    ) external pure returns (bytes32);

    /// @notice The score that is made from what was counted.
    /// @param c What was counted.
    /// @return It and its interval.
    function scoreOf(Count calldata c) external pure returns (Score memory);

    /// @notice `Median.medianDown`, to be read.
    /// @param values One for each who says something.
    /// @param weights How much each of them counts.
    /// @return The median.
    function medianDown(uint16[] calldata values, uint256[] calldata weights) external pure returns (uint16);
}
