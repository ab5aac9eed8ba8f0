// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What auditors find: drawn, committed, revealed
/// @notice Auditors are drawn for a neuron by the stake they had when the epoch opened. They commit in LISTEN and reveal
///         in CLAIM what they counted, from which a score and its interval are made here. What is made of it is in
///         `Audits`.
interface IReveals {
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

    struct Turnout {
        uint96 committed; // stake of those who committed
        uint96 revealed; // stake of those of them who revealed
        uint32 questions; // that results about neurons that were bound to listen tell, as they are paid
        uint32 hidden; // how many committed with an auditor's stake and have not revealed
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

    /// @notice What is revealed is not what was committed to under the key of then.
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

    /// @notice The key that an auditor had when it committed, which binds what it reveals, also where it has another since;
    ///         zero where it has not committed.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    function committedWith(uint32 epoch, uint32 auditor) external view returns (address);

    /// @notice An auditor's part of LISTEN. `commitment` is `commitmentOf(epoch, key of the auditor, results, salt)`.
    /// @param auditor Id of the auditor.
    /// @param commitment Hash that binds what is revealed later.
    function commit(uint32 auditor, bytes32 commitment) external;

    /// @notice An auditor's part of CLAIM. Results are sorted by neuron, one for each, and their counts by task.
    /// @param auditor Id of the auditor.
    /// @param results What was found, a result for each neuron.
    /// @param salt Random bytes that keep the commitment from being guessed.
    function reveal(uint32 auditor, Result[] calldata results, bytes32 salt) external;

    /// @notice The stake that committed in an epoch, that of it which revealed, the questions that are paid of results about neurons
    ///         that were bound, and how many committed with an auditor's stake and have not revealed: CLAIM does not end early without them.
    /// @param epoch Number of the epoch.
    function turnout(uint32 epoch)
        external
        view
        returns (uint96 committed, uint96 revealed, uint32 questions, uint32 hidden);

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
}
