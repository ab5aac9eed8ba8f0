// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IReveals} from "../audit/IReveals.sol";
import {IContradictions} from "../audit/IContradictions.sol";
import {Answered, Node} from "./Transcripts.sol";

/// @title Whoever says what it counted can be asked for any single question of it
/// @notice Anybody may doubt one question of what an auditor revealed, with a deposit. The auditor must show it: the
///         question, the answer and its score, on the path to the root that it committed to, signed by the neuron. Shown,
///         the deposit is the auditor's; not shown in time, the auditor loses twice the share that being far from the
///         others costs, and half of it goes to whoever doubted. A root adds up, or there is a question that nobody can
///         show.
interface IChallenges is IContradictions {
    enum State {
        None,
        Open,
        Shown,
        Upheld
    }

    /// @notice Which question is meant.
    struct Place {
        uint32 epoch;
        uint32 auditor;
        uint32 neuron;
        bytes26 task;
        uint16 place; // of the question, from 0
    }

    struct Doubt {
        address by;
        uint64 answerBy; // in seconds since 1970
        State state;
        uint128 deposit;
        uint16 asked;
        int64 sum;
        uint64 squares;
        bytes32 root;
    }

    /// @notice A question as it is shown.
    struct Opening {
        Answered answered;
        Node[] beside; // what stands beside its path to the root of the transcript
        bytes32 model; // commitment of the model that answered, as the neuron signed
        bytes32[] proof; // that the neuron's signature is about it
        bytes signature; // of the neuron
    }

    /// @notice An answer that a neuron signed, in numbers.
    struct Statement {
        uint32 auditor; // to whom
        bytes32 root; // of all that it signed with it
        int256[] values; // in millionths
        bytes32[] proof; // that the neuron's signature is about it
        bytes signature; // of the neuron
    }

    /// @notice Somebody asks to see a question.
    /// @param id Hash of the place.
    /// @param place Which question.
    /// @param by Who asks.
    /// @param answerBy Until when it must be shown, in seconds since 1970.
    /// @param deposit What was deposited, in units of 1e-18 KLP.
    event Doubted(bytes32 indexed id, Place place, address by, uint64 answerBy, uint128 deposit);

    /// @notice It was shown.
    /// @param id Hash of the place.
    /// @param answered The question, and what came of it.
    event Shown(bytes32 indexed id, Answered answered);

    /// @notice It was not shown in time.
    /// @param id Hash of the place.
    event Upheld(bytes32 indexed id);

    /// @notice A neuron gave two answers to one question that cannot both be its model's.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @param model Commitment of its model.
    /// @param question Hash of what was asked.
    /// @param auditor Id of the auditor whose owner is rewarded.
    /// @param first An answer, in millionths.
    /// @param second Another one.
    event Contradicted(
        uint32 indexed epoch,
        uint32 indexed neuron,
        bytes32 model,
        bytes32 question,
        uint32 auditor,
        int256[] first,
        int256[] second
    );

    /// @notice The auditor has revealed nothing in this epoch, or too long ago.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    error TooLate(uint32 epoch, uint32 auditor);

    /// @notice These are not the results that the auditor committed to.
    error WrongResults();

    /// @notice There is no such question in them.
    error NoSuchQuestion();

    /// @notice One doubt a question.
    /// @param id Hash of the place.
    error AlreadyDoubted(bytes32 id);

    /// @notice There is no doubt that is open.
    /// @param id Hash of the place.
    error NotOpen(bytes32 id);

    /// @notice It can be shown still.
    /// @param answerBy Until when, in seconds since 1970.
    error NotDue(uint64 answerBy);

    /// @notice What is shown does not lead to the root, or not to what was counted.
    error NotInTranscript();

    /// @notice The neuron has not signed this answer to this question in this epoch for this auditor.
    error NotSigned();

    /// @notice Contradictions are shown in their epoch or the next one, or until auditors are punished for what they found.
    /// @param epoch Number of the epoch.
    error NotLately(uint32 epoch);

    /// @notice One an epoch and neuron.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    error AlreadyContradicted(uint32 epoch, uint32 neuron);

    /// @notice The two answers are the same, or as near as rounding may bring them.
    error NoContradiction();

    /// @notice By how much two answers may differ beside a hundredth of the larger one, in millionths.
    function TOLERANCE() external view returns (int256);

    /// @notice A doubt by its place's hash.
    /// @param id Hash of the place.
    /// @return The record.
    function doubtOf(bytes32 id) external view returns (Doubt memory);

    /// @notice How long after its reveal an auditor's audit of an epoch may be doubted, and how long it may take to show.
    /// @param epoch Number of the epoch.
    /// @return In seconds.
    function window(uint32 epoch) external view returns (uint64);

    /// @notice Whether nobody can doubt an auditor's audits of an epoch any more, and whatever was doubted of them was shown.
    /// @param epoch Number of the epoch.
    /// @param auditor Id of the auditor.
    /// @return Whether they stood.
    function stood(uint32 epoch, uint32 auditor) external view returns (bool);

    /// @notice Reverts unless `opening` is the question in its place under what was counted, signed by the neuron.
    /// @param p Which question.
    /// @param c What was counted in its task.
    /// @param opening The question.
    function requireShown(Place calldata p, IReveals.Count memory c, Opening calldata opening) external view;

    /// @notice Reverts unless a neuron signed this answer to this question for an auditor, under the name of that model.
    /// @param epoch In which it answered.
    /// @param neuron Id of the neuron.
    /// @param model Commitment of the model that it said answered.
    /// @param question Hash of what was asked.
    /// @param s What it answered.
    function requireStated(uint32 epoch, uint32 neuron, bytes32 model, bytes32 question, Statement calldata s) external view;

    /// @notice The hash of a place.
    /// @param p Which question.
    /// @return The hash.
    function idOf(Place calldata p) external pure returns (bytes32);

    /// @notice What a neuron signs: its answers of `root` to what `auditor` asked in `epoch` (EIP-712). Where answers are
    ///         numbers, an answer's hash is that of its numbers in millionths, `keccak256(abi.encode(int256[]))`.
    /// @param epoch Number of the epoch.
    /// @param neuron Id of the neuron.
    /// @param auditor Id of who asked.
    /// @param model Commitment of the model that answered.
    /// @param root Root over the hashes of the pairs (question, answer).
    /// @return The digest.
    function digestOf(uint32 epoch, uint32 neuron, uint32 auditor, bytes32 model, bytes32 root)
        external
        view
        returns (bytes32);

    /// @notice Ask to see a question. Takes the deposit from the caller.
    /// @param p Which question.
    /// @param key The auditor's key when it revealed.
    /// @param results What it revealed.
    /// @param salt The salt that it revealed.
    function doubt(Place calldata p, address key, IReveals.Result[] calldata results, bytes32 salt) external;

    /// @notice Show a question that was doubted. Anybody may; the deposit is the auditor's owner's.
    /// @param p Which question.
    /// @param opening The question.
    function show(Place calldata p, Opening calldata opening) external;

    /// @notice Take from an auditor that did not show a question in time, and give whoever doubted its deposit and half
    ///         of what is taken. Anybody may.
    /// @param p Which question.
    function uphold(Place calldata p) external;

    /// @notice Take from a neuron that signed, with the same model in the same epoch, two answers to one question that
    ///         differ by more than rounding: as much as from an auditor that did not show a question. A quarter is the
    ///         owner's of the first one's auditor, whoever brings it; the rest is burnt. Once an epoch and neuron.
    /// @param epoch Number of the epoch: the running one, the one before, or one whose auditors are not to be punished yet.
    /// @param neuron Id of the neuron.
    /// @param model Commitment of the model that it said answered.
    /// @param question Hash of what was asked.
    /// @param a What it answered.
    /// @param b What else it answered.
    function contradict(uint32 epoch, uint32 neuron, bytes32 model, bytes32 question, Statement calldata a, Statement calldata b)
        external;

    /// @notice Whether two answers cannot both be one model's: they have not as many numbers, or one of these differs by
    ///         more than `TOLERANCE` and a hundredth of the larger one.
    /// @param a Numbers, in millionths.
    /// @param b Numbers, in millionths.
    /// @return Whether they contradict one another.
    function contrary(int256[] calldata a, int256[] calldata b) external pure returns (bool);
}
