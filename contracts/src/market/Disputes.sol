// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IMembers} from "../core/IMembers.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IStake} from "../core/IStake.sol";
import {IDisputes} from "./IDisputes.sol";
import {ISettlement} from "./ISettlement.sol";
import {Receipt, Receipts} from "./Receipts.sol";

/// @title A listener that signs one thing and posts another
/// @notice A speaker shows a receipt which its listener signed, and which its claim did not count, before the epoch's
///         window ends. The listener then has as long to show that the receipt is in its root; who cannot loses its own
///         compute reward of that epoch. A listener that posted nothing may have failed: it is not to be disputed.
contract Disputes is IDisputes {
    IClock public immutable clock;
    IRegistry public immutable registry;
    IStake public immutable stake;
    ISettlement public immutable settlement;

    mapping(uint32 epoch => mapping(uint32 listener => mapping(uint32 speaker => Dispute))) public disputes;

    constructor(IDirectory d) {
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        stake = IStake(d.addressOf("Stake"));
        settlement = ISettlement(d.addressOf("Settlement"));
    }

    /// @inheritdoc IDisputes
    function open(Receipt calldata r, bytes calldata listenerSignature, uint32[] calldata heard) external {
        // CHECK
        registry.requireActor(r.speaker, msg.sender);
        (uint64 until, uint32 length) = clock.windowOf(r.epoch);
        if (r.listener == r.speaker || block.timestamp >= until) revert WindowClosed(r.epoch);
        if (!_spoke(r.speaker, r.epoch)) revert NotAdmitted(r.speaker);
        Dispute storage d = disputes[r.epoch][r.listener][r.speaker];
        if (d.state != State.None) revert AlreadyDisputed(r.epoch, r.listener, r.speaker);
        bytes32 counted = settlement.heardOf(r.epoch, r.speaker);
        if (counted != (counted == 0 && heard.length == 0 ? bytes32(0) : keccak256(abi.encodePacked(heard)))) {
            revert WrongHeard();
        }
        for (uint256 i = 0; i < heard.length; i++) {
            if (heard[i] == r.listener) revert AlreadyHeard(r.listener);
        }
        bytes32 digest = settlement.receiptDigest(r);
        if (!registry.signsFor(r.listener, r.epoch, Receipts.signerOf(digest, listenerSignature))) {
            revert WrongListenerSignature();
        }
        (bytes32 root,,,,,,) = settlement.posts(r.epoch, r.listener);
        if (root == 0) revert NothingPosted(r.listener, r.epoch);
        // APPLY
        uint64 answerBy = uint64(block.timestamp) + length;
        (d.leaf, d.answerBy, d.state) = (Receipts.leaf(r), answerBy, State.Open);
        settlement.hold(r.epoch, r.listener);
        // EMIT
        emit Disputed(r.epoch, r.listener, r.speaker, d.leaf, answerBy);
    }

    /// @inheritdoc IDisputes
    function answer(uint32 epoch, uint32 listener, uint32 speaker, bytes32[] calldata proof) external {
        // CHECK
        Dispute storage d = disputes[epoch][listener][speaker];
        if (d.state != State.Open) revert NotOpen(epoch, listener, speaker);
        (bytes32 root,,,,,,) = settlement.posts(epoch, listener);
        if (!MerkleProof.verifyCalldata(proof, root, d.leaf)) revert NotInRoot();
        // APPLY, EMIT
        _end(d, epoch, listener, speaker, true);
    }

    /// @inheritdoc IDisputes
    function uphold(uint32 epoch, uint32 listener, uint32 speaker) external {
        // CHECK
        Dispute storage d = disputes[epoch][listener][speaker];
        if (d.state != State.Open) revert NotOpen(epoch, listener, speaker);
        if (block.timestamp < d.answerBy) revert NotDue(d.answerBy);
        // APPLY, EMIT
        _end(d, epoch, listener, speaker, false);
    }

    /// @dev Whether `id` was a neuron before `epoch`, with something at stake when that opened. What it is now does not
    ///      matter: what it earned then stays its own.
    function _spoke(uint32 id, uint32 epoch) private view returns (bool) {
        return registry.standingOf(id) != IMembers.Standing.None && registry.bornIn(id) < epoch
            && stake.stakeAt(id, epoch) != 0;
    }

    function _end(Dispute storage d, uint32 epoch, uint32 listener, uint32 speaker, bool kept) private {
        d.state = State.Ended;
        settlement.release(epoch, listener, kept);
        emit DisputeEnded(epoch, listener, speaker, kept);
    }
}
