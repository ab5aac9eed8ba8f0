// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Fixed} from "../core/Fixed.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IMembers} from "../core/IMembers.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IRules, Parameters} from "../core/IRules.sol";
import {IStake} from "../core/IStake.sol";
import {Committee} from "./Committee.sol";
import {IConsensus} from "./IConsensus.sol";
import {IEmission} from "./IEmission.sol";
import {Listening} from "./Listening.sol";
import {Receipt, Receipts, SignedReceipt} from "./Receipts.sol";

/// @title Consensus: by whom, and how much, a speaker was heard
/// @notice In LISTEN a listener posts the Merkle root of its receipts. In CLAIM a speaker shows its column: every
///         receipt in which it was listened to. For every speaker and epoch some neurons are bound to listen, drawn by
///         stake (`Committee`); others' receipts carry no weight. The consensus weight is the largest w that
///         those holding at least kappa of all stake that is bound give it, whoever of them stays away; the rank is the
///         sum of stake * min(weight, consensus), of which a fringe neuron has a part. A speaker that, over the epochs of
///         late, less than kappa listened to at all has no rank. Leaving receipts out can only lower it.
abstract contract Consensus is IConsensus, Listening, EIP712 {
    uint256 public constant ATTENTION = 65535;
    uint256 public constant MAX_COLUMN = 128;

    IClock public immutable clock;
    IRegistry public immutable registry;
    IRules public immutable rules;
    IEmission public immutable emission;
    IStake public immutable stake;

    mapping(uint32 epoch => mapping(uint32 id => Post)) public posts;
    mapping(uint32 epoch => mapping(uint32 id => Column)) public columns;
    mapping(uint32 epoch => Epoch) public epochs;
    mapping(uint32 id => Trust) public trusts;
    mapping(uint32 epoch => mapping(uint32 id => bytes32)) public heardOf; // hash of the listeners that a claim counted

    constructor(IDirectory d) EIP712("Klopf", "1") {
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        rules = IRules(d.addressOf("Rules"));
        emission = IEmission(d.addressOf("Emission"));
        stake = IStake(d.addressOf("Stake"));
    }

    /// @inheritdoc IConsensus
    function post(uint32 id, bytes32 root, bytes32 commitment) external {
        // CHECK
        registry.requireActor(id, msg.sender);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != IClock.Phase.Listen) revert WrongPhase();
        Post storage p = posts[epoch][id];
        if (p.root != 0) revert AlreadyPosted(id, epoch);
        IMembers.Role role = registry.roleOf(id);
        if (role == IMembers.Role.None) revert NotAdmitted(id);
        if (role == IMembers.Role.Neuron) _requireSpeaking(id);
        // APPLY
        uint96 weight = role == IMembers.Role.Neuron ? registry.boundWith(id, epoch) : 0;
        (p.root, p.stake) = (root == 0 ? bytes32(uint256(1)) : root, weight);
        if (weight != 0) (p.news, p.rest) = _earned(epoch, id, weight);
        epochs[epoch].stake += weight;
        registry.onPost(id, epoch, commitment);
        clock.arrive(id);
        // EMIT
        emit Posted(id, epoch, root, weight);
    }

    /// @inheritdoc IConsensus
    function claim(uint32 speaker, SignedReceipt[] calldata column) external {
        // CHECK
        registry.requireActor(speaker, msg.sender);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != IClock.Phase.Claim) revert WrongPhase();
        if (columns[epoch][speaker].claimed) revert AlreadyClaimed(speaker, epoch);
        _requireSpeaking(speaker);
        if (registry.bornIn(speaker) >= epoch) revert NotAdmitted(speaker);
        _checkColumn(epoch, speaker, column);
        // APPLY
        Column storage c = columns[epoch][speaker];
        c.claimed = true;
        (uint16 consensus, uint256 rank) = _weigh(epoch, speaker, column);
        (c.consensus, c.rank) = (consensus, uint112(rank));
        Epoch storage e = epochs[epoch];
        if (rank != 0 && e.rank == 0) {
            e.pool = uint96(emission.setAside(rules.current().emission));
        }
        e.rank += uint112(rank);
        clock.arrive(speaker);
        // EMIT
        emit Claimed(epoch, speaker, consensus, uint112(rank));
    }

    /// @inheritdoc IConsensus
    function receiptDigest(Receipt calldata r) public view returns (bytes32) {
        return _hashTypedDataV4(Receipts.structHash(r));
    }

    /// @inheritdoc IConsensus
    function leafOf(Receipt calldata r) public pure returns (bytes32) {
        return Receipts.leaf(r);
    }

    /// @dev The part of its reward that a listener has earned when it posts.
    function _earned(uint32 epoch, uint32 id, uint96 weight) private returns (uint16 news, uint16 rest) {
        (uint256 total, uint256 count) = registry.bound(epoch);
        uint256 seats = rules.current().committee;
        uint256 agreed = posts[reaches[id].posted][id].agreed;
        uint256 due = Committee.expected(weight, total, count, seats);
        return _weighNews(epoch, id, weight, agreed, due, count > seats);
    }

    function _requireSpeaking(uint32 id) private view {
        IMembers.Standing s = registry.standingOf(id);
        if (s != IMembers.Standing.Fringe && s != IMembers.Standing.Backbone) revert NotAdmitted(id);
    }

    function _checkColumn(uint32 epoch, uint32 speaker, SignedReceipt[] calldata column) private view {
        if (column.length > MAX_COLUMN) revert ColumnTooLong(column.length);
        for (uint256 i = 0; i < column.length; i++) {
            Receipt calldata r = column[i].receipt;
            if (r.epoch != epoch || r.speaker != speaker || r.listener == speaker) revert WrongColumn(i);
            if (i != 0 && r.weight > column[i - 1].receipt.weight) revert ColumnNotSorted(i);
            for (uint256 k = 0; k < i; k++) {
                if (column[k].receipt.listener == r.listener) revert ListenerTwice(r.listener);
            }
            bytes32 digest = receiptDigest(r);
            if (!registry.signsFor(r.listener, epoch, Receipts.signerOf(digest, column[i].listenerSignature))) {
                revert WrongListenerSignature(i);
            }
            if (!registry.signsFor(speaker, epoch, Receipts.signerOf(digest, column[i].speakerSignature))) {
                revert WrongSpeakerSignature(i);
            }
            if (!MerkleProof.verifyCalldata(column[i].proof, posts[epoch][r.listener].root, Receipts.leaf(r))) {
                revert NotInRoot(i);
            }
        }
    }

    /// @dev Walks the column from the heaviest weight down until listeners holding kappa of what the others are bound with
    ///      are met. Nobody may listen to himself, so his own stake must not count against him either.
    function _weigh(uint32 epoch, uint32 speaker, SignedReceipt[] calldata column)
        private
        returns (uint16 consensus, uint256 rank)
    {
        Parameters memory now_ = rules.current();
        uint96[] memory stakes = new uint96[](column.length);
        uint32[] memory heard = new uint32[](column.length);
        uint256 count = 0;
        Draw memory d = _draw(epoch, speaker);
        uint256 reached = 0;
        uint256 trusting = 0;
        bool met = false;
        for (uint256 i = 0; i < column.length; i++) {
            Receipt calldata r = column[i].receipt;
            Post storage p = posts[epoch][r.listener];
            bytes32 leaf = Receipts.leaf(r);
            if (uint256(p.weightUsed) + r.weight > ATTENTION) {
                emit Refused(epoch, r.listener, r.speaker, leaf);
                continue;
            }
            p.weightUsed += uint16(r.weight);
            heard[count++] = r.listener;
            uint256 with = p.stake == 0
                ? 0
                : Committee.weightOf(d.seed, r.listener, speaker, p.stake, d.total, d.count, now_.committee);
            stakes[i] = uint96(with);
            reached += with;
            if (r.weight != 0) trusting += with;
            if (!met && with != 0 && reached * ATTENTION >= d.others * now_.kappa) {
                (consensus, met) = (r.weight, true);
            }
            emit Heard(epoch, r.listener, r.speaker, r.answers, r.weight, leaf);
        }
        for (uint256 i = 0; i < column.length; i++) {
            rank += uint256(stakes[i]) * Math.min(column[i].receipt.weight, consensus);
        }
        if (!_trusted(epoch, speaker, trusting, d.others, now_)) rank = 0;
        if (d.count > now_.committee) epochs[epoch].lots = true;
        if (d.count > FEW) {
            epochs[epoch].crowd = true;
            uint256 part = ((d.total - d.others) * 1e6) / Math.max(d.total, 1); // rounds down
            _learn(epoch, speaker, part, column, stakes);
        }
        for (uint256 i = 0; rank != 0 && i < column.length; i++) {
            if (stakes[i] == 0) continue;
            Receipt calldata r = column[i].receipt;
            posts[epoch][r.listener].agreed += uint16(Math.min(r.weight, consensus));
        }
        if (registry.standingOf(speaker) != IMembers.Standing.Backbone) rank = (rank * now_.fringeBps) / 1e4;
        assembly ("memory-safe") {
            mstore(heard, count)
        }
        if (now_.disputeSeconds != 0) heardOf[epoch][speaker] = keccak256(abi.encodePacked(heard));
    }

    function _draw(uint32 epoch, uint32 speaker) private view returns (Draw memory d) {
        (d.total, d.count) = registry.bound(epoch);
        d.others = d.total - registry.boundWith(speaker, epoch);
        d.seed = clock.seedOf(epoch);
    }

    /// @dev Whether, of late, those bound to listen to `speaker` did so with kappa of their stake. An epoch counts `decay` of
    ///      the one after it, and one without a claim as silence, so that nobody gains by claiming in lucky ones only.
    function _trusted(uint32 epoch, uint32 speaker, uint256 trusting, uint256 others, Parameters memory now_)
        private
        returns (bool)
    {
        Trust memory t = trusts[speaker];
        uint256 kept = Fixed.powDown(now_.decay, t.epoch == 0 ? 1 : epoch - t.epoch);
        uint256 share = others == 0 ? 0 : Fixed.divDown(trusting, others);
        uint256 heard = Fixed.mulDown(t.heard, kept) + Fixed.mulDown(Fixed.ONE - now_.decay, share);
        uint256 most = Fixed.ONE - Fixed.mulDown(Fixed.ONE - t.most, kept);
        trusts[speaker] = Trust(uint96(heard), uint96(most), epoch);
        return heard * ATTENTION >= most * now_.kappa;
    }
}
