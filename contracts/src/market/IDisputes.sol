// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Receipt} from "./Receipts.sol";

/// @title A listener that signs one thing and posts another
/// @notice A speaker shows a receipt which its listener signed, and which its claim did not count, before the epoch's
///         window ends. The listener then has as long to show that the receipt is in its root; who cannot loses its own
///         compute reward of that epoch. A listener that posted nothing may have failed: it is not to be disputed.
interface IDisputes {
    enum State {
        None,
        Open,
        Ended
    }

    struct Dispute {
        bytes32 leaf;
        uint64 answerBy;
        State state;
    }

    /// @notice A speaker shows a receipt that its claim did not count.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    /// @param leaf Hash of the receipt.
    /// @param answerBy The end of the time to answer, in seconds since 1970.
    event Disputed(
        uint32 indexed epoch, uint32 indexed listener, uint32 indexed speaker, bytes32 leaf, uint64 answerBy
    );

    /// @notice A dispute has ended.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    /// @param kept Whether the listener showed the receipt in its root.
    event DisputeEnded(uint32 indexed epoch, uint32 indexed listener, uint32 indexed speaker, bool kept);

    /// @notice Disputes are for epochs that are over, until their window ends.
    /// @param epoch Number of the epoch.
    error WindowClosed(uint32 epoch);

    /// @notice It has no part in this epoch, or is nobody.
    /// @param id Id of the participant.
    error NotAdmitted(uint32 id);

    /// @notice One dispute for each listener, speaker and epoch.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    error AlreadyDisputed(uint32 epoch, uint32 listener, uint32 speaker);

    /// @notice There is no such dispute, or it has ended.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    error NotOpen(uint32 epoch, uint32 listener, uint32 speaker);

    /// @notice The claim counted this listener's receipt.
    /// @param listener Id of the listener.
    error AlreadyHeard(uint32 listener);

    /// @notice These are not the listeners that the claim counted.
    error WrongHeard();

    /// @notice A listener that posted nothing may have failed, and has nothing to lose by it.
    /// @param listener Id of the participant that asked.
    /// @param epoch Number of the epoch.
    error NothingPosted(uint32 listener, uint32 epoch);

    /// @notice The listener did not sign it.
    error WrongListenerSignature();

    /// @notice The proof does not lead to the root.
    error NotInRoot();

    /// @notice Not everybody has arrived, and there is time left.
    /// @param answerBy The end of the time to answer, in seconds since 1970.
    error NotDue(uint64 answerBy);

    /// @notice A dispute by epoch, listener and speaker.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    function disputes(
        uint32 epoch, uint32 listener, uint32 speaker
    ) external view returns (bytes32 leaf, uint64 answerBy, State state);

    /// @notice Show a receipt that `r.listener` signed and that did not count. `heard` are the listeners whose receipts
    ///         the speaker's claim counted (its events `Heard`, in their order): a receipt of one of them is settled.
    ///         Only a neuron that spoke in that epoch, with stake, has anything to be paid.
    /// @param r What both ends signed.
    /// @param listenerSignature By the key of the listener, over the digest of the receipt.
    /// @param heard Ids of the listeners whose receipts the claim counted, in their order.
    function open(Receipt calldata r, bytes calldata listenerSignature, uint32[] calldata heard) external;

    /// @notice Show that a disputed receipt is in the root that its listener posted. Anybody may.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    /// @param proof Hashes that lead from the leaf to the root.
    function answer(uint32 epoch, uint32 listener, uint32 speaker, bytes32[] calldata proof) external;

    /// @notice End a dispute that was not answered in time. Anybody may.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    function uphold(uint32 epoch, uint32 listener, uint32 speaker) external;
}
