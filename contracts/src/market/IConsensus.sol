// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Receipt, SignedReceipt} from "./Receipts.sol";

/// @title Consensus: by whom, and how much, a speaker was heard
/// @notice In LISTEN a listener posts the Merkle root of its receipts. In CLAIM a speaker shows its column: every
///         receipt in which it was listened to. For every speaker and epoch some neurons are bound to listen, drawn by
///         stake (`Committee`); others' receipts carry no weight. The consensus weight is the largest w that
///         those holding at least kappa of all stake that is bound give it, whoever of them stays away; the rank is the
///         sum of stake * min(weight, consensus), of which a fringe neuron has a part. A speaker that, over the epochs of
///         late, less than kappa listened to at all has no rank. Leaving receipts out can only lower it.
interface IConsensus {
    enum Pay {
        Due,
        Weighed, // how it was heard is accounted for; the money waits for the dispute window
        Collected
    }

    struct Post {
        bytes32 root;
        uint96 stake; // the listener's weight in this epoch
        uint16 weightUsed; // of 65535
        uint16 disputes; // open, about receipts that this listener signed
        uint16 agreed; // of 65535: what counted, where it was bound to listen to speakers that are paid
        uint16 news; // of 10,000: the part of a reward that its weights before this epoch have earned it
        uint16 rest; // of 10,000: the part that it is paid of what was held back a day before
    }

    struct Column {
        uint112 rank;
        uint16 consensus;
        bool claimed;
        Pay pay;
        bool voided; // it signed what it did not post: no compute reward in this epoch
    }

    struct Epoch {
        uint112 rank; // of all speakers
        uint96 stake; // posted by all listeners
        uint96 pool; // compute reward, once something was claimed
        bool lots; // not all were bound to listen to all
        bool crowd; // so many were bound that they are asked for news
    }

    /// @dev How a speaker was listened to over the epochs of late, the last counting most; both 18 decimals.
    struct Trust {
        uint96 heard; // by how much of the stake that was bound to
        uint96 most; // what that would be, had all listened
        uint32 epoch; // of the last claim
    }

    /// @dev What decides who is bound to listen to a speaker.
    struct Draw {
        bytes32 seed;
        uint256 total; // stake of all who are bound to listen
        uint256 others; // the same without the speaker's own
        uint256 count; // how many they are
    }

    /// @notice A listener has posted its receipts.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    /// @param root Root of the Merkle tree over the receipts.
    /// @param stake Weight of the listener in this epoch.
    event Posted(uint32 indexed id, uint32 indexed epoch, bytes32 root, uint96 stake);

    /// @notice A receipt counts.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    /// @param answers How many answers the receipt is for.
    /// @param weight Attention of the listener, of 65535.
    /// @param leaf Hash of the receipt.
    event Heard(
        uint32 indexed epoch,
        uint32 indexed listener,
        uint32 indexed speaker,
        uint32 answers,
        uint16 weight,
        bytes32 leaf
    );

    /// @notice A receipt is left out: its listener had not the attention for it.
    /// @param epoch Number of the epoch.
    /// @param listener Id of the participant that asked.
    /// @param speaker Id of the neuron that answered.
    /// @param leaf Hash of the receipt.
    event Refused(uint32 indexed epoch, uint32 indexed listener, uint32 indexed speaker, bytes32 leaf);

    /// @notice A speaker has shown its column.
    /// @param epoch Number of the epoch.
    /// @param speaker Id of the neuron that answered.
    /// @param consensus The largest weight that enough of the stake gives.
    /// @param rank Sum of stake times weight, no weight counting for more than the consensus.
    event Claimed(uint32 indexed epoch, uint32 indexed speaker, uint16 consensus, uint112 rank);

    /// @notice It has no part in this epoch, or is nobody.
    /// @param id Id of the participant.
    error NotAdmitted(uint32 id);

    /// @notice It can be done in the other phase of the epoch only.
    error WrongPhase();

    /// @notice One post an epoch.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    error AlreadyPosted(uint32 id, uint32 epoch);

    /// @notice One claim an epoch.
    /// @param id Id of the participant.
    /// @param epoch Number of the epoch.
    error AlreadyClaimed(uint32 id, uint32 epoch);

    /// @notice A column holds 128 receipts at most.
    /// @param length Receipts in the column.
    error ColumnTooLong(uint256 length);

    /// @notice A receipt weighs more than the one before it.
    /// @param index Place in the list, from 0.
    error ColumnNotSorted(uint256 index);

    /// @notice A receipt of another epoch or speaker, or of the speaker to itself.
    /// @param index Place in the list, from 0.
    error WrongColumn(uint256 index);

    /// @notice One receipt of each listener.
    /// @param listener Id of the participant that asked.
    error ListenerTwice(uint32 listener);

    /// @notice The listener did not sign it.
    /// @param index Place in the list, from 0.
    error WrongListenerSignature(uint256 index);

    /// @notice The speaker did not sign it.
    /// @param index Place in the list, from 0.
    error WrongSpeakerSignature(uint256 index);

    /// @notice The proof does not lead to the root.
    /// @param index Place in the list, from 0.
    error NotInRoot(uint256 index);

    /// @notice All the attention that a listener has.
    function ATTENTION() external view returns (uint256);

    /// @notice The most receipts in a claim.
    function MAX_COLUMN() external view returns (uint256);

    /// @notice What a listener has posted in an epoch.
    /// @param epoch Number of the epoch.
    /// @param id Id of the participant.
    function posts(
        uint32 epoch, uint32 id
    ) external view returns (
        bytes32 root, uint96 stake, uint16 weightUsed, uint16 disputes, uint16 agreed, uint16 news, uint16 rest
    );

    /// @notice How a speaker was listened to over the epochs of late.
    /// @param id Id of the participant.
    function trusts(uint32 id) external view returns (uint96 heard, uint96 most, uint32 epoch);

    /// @notice How a speaker was heard in an epoch.
    /// @param epoch Number of the epoch.
    /// @param id Id of the participant.
    function columns(
        uint32 epoch, uint32 id
    ) external view returns (uint112 rank, uint16 consensus, bool claimed, Pay pay, bool voided);

    /// @notice Sums over an epoch.
    /// @param epoch Number of the epoch.
    function epochs(uint32 epoch) external view returns (uint112 rank, uint96 stake, uint96 pool, bool lots, bool crowd);

    /// @notice Hash of the listeners that a claim counted.
    /// @param epoch Number of the epoch.
    /// @param id Id of the participant.
    function heardOf(uint32 epoch, uint32 id) external view returns (bytes32);

    /// @notice A listener's part of LISTEN: the root of its receipts, and the model that it will answer with in the
    ///         next epoch.
    /// @param id Id of the participant.
    /// @param root Root of the Merkle tree over the receipts.
    /// @param commitment Hash of the model snapshot that answers in the next epoch.
    function post(uint32 id, bytes32 root, bytes32 commitment) external;

    /// @notice A speaker's part of CLAIM: its column, heaviest weight first. A receipt with which its
    ///         listener's weights are beyond 65535 is left out and named; a forged one reverts.
    /// @param speaker Id of the neuron that answered.
    /// @param column Signed receipts, heaviest weight first.
    function claim(uint32 speaker, SignedReceipt[] calldata column) external;

    /// @notice What both ends of a receipt sign.
    /// @param r What both ends signed.
    /// @return EIP-712 digest.
    function receiptDigest(Receipt calldata r) external view returns (bytes32);

    /// @notice What stands for a receipt in its listener's tree.
    /// @param r What both ends signed.
    /// @return Its hash, hashed twice.
    function leafOf(Receipt calldata r) external pure returns (bytes32);
}
