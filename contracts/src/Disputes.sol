// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Clock} from "./Clock.sol";
import {Members} from "./Members.sol";
import {Receipt, Receipts} from "./Receipts.sol";
import {Registry} from "./Registry.sol";
import {Settlement} from "./Settlement.sol";
import {Stake} from "./Stake.sol";
import {Wiring} from "./Wiring.sol";

/// @title A listener that signs one thing and posts another
/// @notice A speaker that was not paid for a receipt which its listener signed shows it before the epoch's window ends.
///         The listener then has as long to show that the receipt is in its root. Either way the speaker is paid the
///         fee; a listener that cannot show it, or had not the money, loses its own compute reward of that epoch. A
///         listener that posted nothing may have failed: it owes the fee and nothing else.
contract Disputes {
    enum State {
        None,
        Open,
        Ended
    }

    struct Dispute {
        bytes32 leaf;
        uint96 fee;
        uint64 answerBy;
        State state;
    }

    Clock public immutable clock;
    Registry public immutable registry;
    Stake public immutable stake;
    Settlement public immutable settlement;

    mapping(uint32 epoch => mapping(uint32 listener => mapping(uint32 speaker => Dispute))) public disputes;

    event Disputed(
        uint32 indexed epoch,
        uint32 indexed listener,
        uint32 indexed speaker,
        bytes32 leaf,
        uint96 fee,
        uint64 answerBy
    );
    event DisputeEnded(
        uint32 indexed epoch, uint32 indexed listener, uint32 indexed speaker, bool kept, uint96 paid, bool voided
    );

    error WindowClosed(uint32 epoch);
    error NotAdmitted(uint32 id);
    error AlreadyDisputed(uint32 epoch, uint32 listener, uint32 speaker);
    error NotOpen(uint32 epoch, uint32 listener, uint32 speaker);
    error AlreadyHeard(uint32 listener);
    error WrongHeard();
    error WrongListenerSignature();
    error NotInRoot();
    error NotDue(uint64 answerBy);

    constructor(Wiring memory w) {
        clock = Clock(w.clock);
        registry = Registry(w.registry);
        stake = Stake(w.stake);
        settlement = Settlement(w.settlement);
    }

    /// @notice Show a receipt that `r.listener` signed and that was not paid. `heard` are the listeners whose receipts
    ///         the speaker's claim counted (its events `Heard`, in their order): a receipt of one of them is settled.
    ///         Only a neuron that spoke in that epoch, with stake, has anything to be paid.
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
        // APPLY
        uint64 answerBy = uint64(block.timestamp) + length;
        (d.leaf, d.fee, d.answerBy, d.state) = (Receipts.leaf(r), r.fee, answerBy, State.Open);
        settlement.hold(r.epoch, r.listener);
        // EMIT
        emit Disputed(r.epoch, r.listener, r.speaker, d.leaf, r.fee, answerBy);
    }

    /// @notice Show that a disputed receipt is in the root that its listener posted. Anybody may.
    function answer(uint32 epoch, uint32 listener, uint32 speaker, bytes32[] calldata proof) external {
        // CHECK
        Dispute storage d = disputes[epoch][listener][speaker];
        if (d.state != State.Open) revert NotOpen(epoch, listener, speaker);
        (bytes32 root,,,,) = settlement.posts(epoch, listener);
        if (!MerkleProof.verifyCalldata(proof, root, d.leaf)) revert NotInRoot();
        // APPLY, EMIT
        _end(d, epoch, listener, speaker, true);
    }

    /// @notice End a dispute that was not answered in time. Anybody may.
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
        return registry.standingOf(id) != Members.Standing.None && registry.bornIn(id) < epoch
            && stake.stakeAt(id, epoch) != 0;
    }

    function _end(Dispute storage d, uint32 epoch, uint32 listener, uint32 speaker, bool kept) private {
        d.state = State.Ended;
        (uint96 paid, bool voided) = settlement.release(epoch, listener, speaker, d.fee, kept);
        emit DisputeEnded(epoch, listener, speaker, kept, paid, voided);
    }
}
