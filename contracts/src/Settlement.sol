// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Clock} from "./Clock.sol";
import {Emission} from "./Emission.sol";
import {Fixed} from "./Fixed.sol";
import {Registry} from "./Registry.sol";
import {Rules} from "./Rules.sol";
import {Stake} from "./Stake.sol";
import {Token} from "./Token.sol";
import {Wiring} from "./Wiring.sol";

/// @title Pay follows listening
/// @notice In LISTEN a listener posts the Merkle root of its receipts. In CLAIM a speaker shows its column: every
///         receipt in which it was listened to. Its consensus weight is the largest w that listeners holding at least
///         kappa of the others' posted stake give it; its rank is the sum of stake * min(weight, consensus). Leaving receipts
///         out can only lower a rank. The epoch's emission is split by rank, and fees are paid as signed.
contract Settlement is EIP712 {
    using SafeERC20 for IERC20;

    struct Receipt {
        uint32 epoch;
        uint32 listener;
        uint32 speaker;
        uint32 answers; // how many answers it is for
        uint16 weight; // how much the listener listens, in 1/65535 of its attention
        uint96 fee; // tokens the listener pays
        bytes32 trail; // hash over the requests and answers
    }

    struct SignedReceipt {
        Receipt receipt;
        bytes listenerSignature;
        bytes speakerSignature;
        bytes32[] proof; // into the listener's posted root
    }

    struct Post {
        bytes32 root;
        uint96 stake; // the listener's weight in this epoch
        uint96 fees; // set aside and not claimed yet
        uint32 weightUsed; // of 65535
    }

    struct Column {
        uint112 rank;
        uint96 fees; // claimed and not collected yet
        uint16 consensus;
        bool claimed;
        bool collected;
    }

    struct Epoch {
        uint112 rank; // of all speakers
        uint96 stake; // posted by all listeners
        uint96 pool; // compute reward, once something was claimed
    }

    bytes32 public constant RECEIPT = keccak256(
        "Receipt(uint32 epoch,uint32 listener,uint32 speaker,uint32 answers,uint16 weight,uint96 fee,bytes32 trail)"
    );
    uint256 public constant ATTENTION = 65535;
    uint256 public constant MAX_COLUMN = 128;

    Token public immutable token;
    Rules public immutable rules;
    Emission public immutable emission;
    Clock public immutable clock;
    Registry public immutable registry;
    Stake public immutable stake;

    mapping(uint32 id => uint256) public escrow; // free to withdraw or to post
    mapping(uint32 epoch => mapping(uint32 id => Post)) public posts;
    mapping(uint32 epoch => mapping(uint32 id => Column)) public columns;
    mapping(uint32 epoch => Epoch) public epochs;

    event Deposited(uint32 indexed id, address from, uint256 amount);
    event Withdrawn(uint32 indexed id, address to, uint256 amount);
    event Posted(uint32 indexed id, uint32 indexed epoch, bytes32 root, uint96 fees, uint96 stake);
    event Heard(
        uint32 indexed epoch,
        uint32 indexed listener,
        uint32 indexed speaker,
        uint32 answers,
        uint16 weight,
        uint96 fee,
        bytes32 leaf
    );
    event Refused(uint32 indexed epoch, uint32 indexed listener, uint32 indexed speaker, bytes32 leaf);
    event Claimed(uint32 indexed epoch, uint32 indexed speaker, uint16 consensus, uint112 rank, uint96 fees);
    event Collected(
        uint32 indexed epoch, uint32 indexed id, address owner, uint256 emitted, uint96 fees, uint96 refund
    );

    error WrongPhase();
    error StillOpen(uint32 epoch);
    error AlreadyPosted(uint32 id, uint32 epoch);
    error AlreadyClaimed(uint32 id, uint32 epoch);
    error NotAdmitted(uint32 id);
    error EscrowShort(uint256 asked, uint256 held);
    error ColumnTooLong(uint256 length);
    error ColumnNotSorted(uint256 index);
    error WrongColumn(uint256 index);
    error ListenerTwice(uint32 listener);
    error WrongListenerSignature(uint256 index);
    error WrongSpeakerSignature(uint256 index);
    error NotInRoot(uint256 index);

    constructor(Wiring memory w) EIP712("Klopf", "1") {
        token = Token(w.token);
        rules = Rules(w.rules);
        emission = Emission(w.emission);
        clock = Clock(w.clock);
        registry = Registry(w.registry);
        stake = Stake(w.stake);
    }

    /// @notice Put fees in escrow for `id`. Anybody may; they belong to the owner of `id` from then on.
    function deposit(uint32 id, uint96 amount) external {
        if (registry.ownerOf(id) == address(0)) revert NotAdmitted(id);
        escrow[id] += amount;
        IERC20(address(token)).safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(id, msg.sender, amount);
    }

    /// @notice Pay free escrow back to the owner.
    function withdraw(uint32 id, uint96 amount) external {
        registry.requireActor(id, msg.sender);
        if (amount > escrow[id]) revert EscrowShort(amount, escrow[id]);
        escrow[id] -= amount;
        address to = registry.ownerOf(id);
        IERC20(address(token)).safeTransfer(to, amount);
        emit Withdrawn(id, to, amount);
    }

    /// @notice A listener's part of LISTEN: the root of its receipts, the fees it owes by them, and the model that it
    ///         will answer with in the next epoch.
    function post(uint32 id, bytes32 root, uint96 fees, bytes32 commitment) external {
        // CHECK
        registry.requireActor(id, msg.sender);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != Clock.Phase.Listen) revert WrongPhase();
        Post storage p = posts[epoch][id];
        if (p.root != 0) revert AlreadyPosted(id, epoch);
        if (fees > escrow[id]) revert EscrowShort(fees, escrow[id]);
        Registry.Role role = registry.roleOf(id);
        if (role == Registry.Role.Neuron) _requireSpeaking(id);
        // APPLY
        uint96 weight = role == Registry.Role.Neuron ? stake.stakeAt(id, epoch) : 0;
        escrow[id] -= fees;
        (p.root, p.stake, p.fees) = (root == 0 ? bytes32(uint256(1)) : root, weight, fees);
        epochs[epoch].stake += weight;
        registry.onPost(id, epoch, commitment);
        clock.arrive(id);
        // EMIT
        emit Posted(id, epoch, root, fees, weight);
    }

    /// @notice A speaker's part of CLAIM: its column, heaviest weight first. A receipt over what its listener posted
    ///         (weights beyond 65535, fees beyond those set aside) is left out and named; a forged one reverts.
    function claim(uint32 speaker, SignedReceipt[] calldata column) external {
        // CHECK
        registry.requireActor(speaker, msg.sender);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != Clock.Phase.Claim) revert WrongPhase();
        if (columns[epoch][speaker].claimed) revert AlreadyClaimed(speaker, epoch);
        _requireSpeaking(speaker);
        if (registry.bornIn(speaker) >= epoch) revert NotAdmitted(speaker);
        _checkColumn(epoch, speaker, column);
        // APPLY
        Column storage c = columns[epoch][speaker];
        c.claimed = true;
        (uint16 consensus, uint256 rank, uint96 fees) = _weigh(epoch, speaker, column);
        (c.consensus, c.rank, c.fees) = (consensus, uint112(rank), fees);
        Epoch storage e = epochs[epoch];
        if (rank != 0 && e.rank == 0) {
            e.pool = uint96(emission.setAside(rules.current().emission));
        }
        e.rank += uint112(rank);
        clock.arrive(speaker);
        // EMIT
        emit Claimed(epoch, speaker, consensus, uint112(rank), fees);
    }

    /// @notice Pay what an epoch that is over owes to each of `ids`: its share of the emission, the fees it earned,
    ///         and, back into its escrow, the fees that nobody claimed. Anybody may; what was collected is skipped.
    function collect(uint32 epoch, uint32[] calldata ids) external {
        if (epoch == 0 || clock.epoch() <= epoch) revert StillOpen(epoch);
        for (uint256 i = 0; i < ids.length; i++) {
            _collect(epoch, ids[i]);
        }
    }

    function receiptDigest(Receipt calldata r) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RECEIPT, r)));
    }

    function leafOf(Receipt calldata r) public pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(r))));
    }

    function _collect(uint32 epoch, uint32 id) private {
        // CHECK
        Column storage c = columns[epoch][id];
        address owner = registry.ownerOf(id);
        if (c.collected || owner == address(0)) return;
        // ACCRUE
        Epoch storage e = epochs[epoch];
        uint256 reward = e.rank == 0 ? 0 : Math.mulDiv(e.pool, c.rank, e.rank); // rounds down
        uint256 share = e.rank == 0 ? 0 : Fixed.divDown(c.rank, e.rank);
        // APPLY
        (uint96 fees, uint96 refund) = (c.fees, posts[epoch][id].fees);
        c.collected = true;
        c.fees = 0;
        posts[epoch][id].fees = 0;
        escrow[id] += refund;
        registry.onHeard(id, epoch, share);
        if (reward != 0) emission.pay(owner, reward);
        if (fees != 0) IERC20(address(token)).safeTransfer(owner, fees);
        // EMIT
        emit Collected(epoch, id, owner, reward, fees, refund);
    }

    function _requireSpeaking(uint32 id) private view {
        Registry.Standing s = registry.standingOf(id);
        if (s != Registry.Standing.Fringe && s != Registry.Standing.Backbone) revert NotAdmitted(id);
    }

    function _checkColumn(uint32 epoch, uint32 speaker, SignedReceipt[] calldata column) private view {
        if (column.length > MAX_COLUMN) revert ColumnTooLong(column.length);
        address speakerKey = registry.keyOf(speaker);
        for (uint256 i = 0; i < column.length; i++) {
            Receipt calldata r = column[i].receipt;
            if (r.epoch != epoch || r.speaker != speaker || r.listener == speaker) revert WrongColumn(i);
            if (i != 0 && r.weight > column[i - 1].receipt.weight) revert ColumnNotSorted(i);
            for (uint256 k = 0; k < i; k++) {
                if (column[k].receipt.listener == r.listener) revert ListenerTwice(r.listener);
            }
            bytes32 digest = receiptDigest(r);
            if (!_signed(registry.keyOf(r.listener), digest, column[i].listenerSignature)) {
                revert WrongListenerSignature(i);
            }
            if (!_signed(speakerKey, digest, column[i].speakerSignature)) revert WrongSpeakerSignature(i);
            if (!MerkleProof.verifyCalldata(column[i].proof, posts[epoch][r.listener].root, leafOf(r))) {
                revert NotInRoot(i);
            }
        }
    }

    function _signed(address key, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        (address signer, ECDSA.RecoverError e,) = ECDSA.tryRecoverCalldata(digest, signature);
        return e == ECDSA.RecoverError.NoError && key != address(0) && signer == key;
    }

    /// @dev Walks the column from the heaviest weight down until listeners holding kappa of the others' posted stake are
    ///      met. Nobody may listen to himself, so his own stake must not count against him either.
    function _weigh(uint32 epoch, uint32 speaker, SignedReceipt[] calldata column)
        private
        returns (uint16 consensus, uint256 rank, uint96 fees)
    {
        uint96[] memory stakes = new uint96[](column.length);
        uint256 needed = uint256(epochs[epoch].stake - posts[epoch][speaker].stake) * rules.current().kappa;
        uint256 reached = 0;
        bool met = false;
        for (uint256 i = 0; i < column.length; i++) {
            Receipt calldata r = column[i].receipt;
            Post storage p = posts[epoch][r.listener];
            bytes32 leaf = leafOf(r);
            if (uint256(p.weightUsed) + r.weight > ATTENTION || r.fee > p.fees) {
                emit Refused(epoch, r.listener, r.speaker, leaf);
                continue;
            }
            p.weightUsed += r.weight;
            p.fees -= r.fee;
            fees += r.fee;
            stakes[i] = p.stake;
            reached += p.stake;
            if (!met && p.stake != 0 && reached * ATTENTION >= needed) {
                (consensus, met) = (r.weight, true);
            }
            emit Heard(epoch, r.listener, r.speaker, r.answers, r.weight, r.fee, leaf);
        }
        for (uint256 i = 0; i < column.length; i++) {
            rank += uint256(stakes[i]) * Math.min(column[i].receipt.weight, consensus);
        }
    }
}
