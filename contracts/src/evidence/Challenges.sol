// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IMembers} from "../core/IMembers.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IRules} from "../core/IRules.sol";
import {IStake} from "../core/IStake.sol";
import {IAuditTerms} from "../audit/IAuditTerms.sol";
import {IAudits} from "../audit/IAudits.sol";
import {IReveals} from "../audit/IReveals.sol";
import {IChallenges} from "./IChallenges.sol";
import {Node, Transcripts} from "./Transcripts.sol";

/// @title Whoever says what it counted can be asked for any single question of it, and whoever answers, held to it
/// @notice The token balance of this contract is always the deposits of all doubts that are open.
contract Challenges is IChallenges, EIP712 {
    using SafeERC20 for IERC20;

    struct Tally {
        uint32 open; // doubts about an auditor's audits of an epoch
        bool upheld; // one at least was not shown
    }

    bytes32 public constant SAID =
        keccak256("Said(uint32 epoch,uint32 neuron,uint32 auditor,bytes32 model,bytes32 root)");
    int256 public constant TOLERANCE = 10_000; // millionths

    IERC20 public immutable token;
    IRules public immutable rules;
    IClock public immutable clock;
    IRegistry public immutable registry;
    IStake public immutable stake;
    IAudits public immutable audits;
    IAuditTerms public immutable terms;

    mapping(uint32 epoch => mapping(uint32 neuron => bool)) public contradicted;
    mapping(bytes32 id => Doubt) private _doubts;
    mapping(uint32 epoch => mapping(uint32 auditor => Tally)) private _tallies;

    constructor(IDirectory d) EIP712("Klopf Challenges", "1") {
        token = IERC20(d.addressOf("Token"));
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        stake = IStake(d.addressOf("Stake"));
        audits = IAudits(d.addressOf("Audits"));
        terms = IAuditTerms(d.addressOf("AuditTerms"));
    }

    /// @inheritdoc IChallenges
    function doubtOf(bytes32 id) external view returns (Doubt memory) {
        return _doubts[id];
    }

    /// @inheritdoc IChallenges
    function window(uint32 epoch) public view returns (uint64) {
        // whoever left when the epoch opened can be slashed until the last doubt about it is over
        return uint64(Math.min(terms.countedIn(epoch).challengeSeconds, rules.playedIn(epoch).thawSeconds / 4));
    }

    /// @inheritdoc IChallenges
    function stood(uint32 epoch, uint32 auditor) external view returns (bool) {
        Tally memory t = _tallies[epoch][auditor];
        uint64 revealed = audits.revealedAt(epoch, auditor);
        return revealed != 0 && block.timestamp >= revealed + 2 * window(epoch) && t.open == 0 && !t.upheld;
    }

    /// @inheritdoc IChallenges
    function requireShown(Place calldata p, IReveals.Count memory c, Opening calldata o) public view {
        Node memory n = Transcripts.root(o.answered, p.place, c.asked, o.beside);
        if (n.hash != c.root || n.asked != c.asked || n.sum != c.sum || n.squares != c.squares) revert NotInTranscript();
        bytes32 digest = digestOf(p.epoch, p.neuron, p.auditor, o.model, o.answered.said);
        _requireSaid(p.epoch, p.neuron, digest, o.answered.said, o.answered.question, o.answered.answer, o.proof, o.signature);
    }

    /// @inheritdoc IChallenges
    function requireStated(uint32 epoch, uint32 neuron, bytes32 model, bytes32 question, Statement calldata s) public view {
        if (registry.roleOf(s.auditor) != IMembers.Role.Auditor) revert NotSigned();
        bytes32 digest = digestOf(epoch, neuron, s.auditor, model, s.root);
        bytes32 answer = keccak256(abi.encode(s.values));
        _requireSaid(epoch, neuron, digest, s.root, question, answer, s.proof, s.signature);
    }

    /// @inheritdoc IChallenges
    function idOf(Place calldata p) public pure returns (bytes32) {
        return keccak256(abi.encode(p));
    }

    /// @inheritdoc IChallenges
    function digestOf(uint32 epoch, uint32 neuron, uint32 auditor, bytes32 model, bytes32 root)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(SAID, epoch, neuron, auditor, model, root)));
    }

    /// @inheritdoc IChallenges
    function doubt(Place calldata p, address key, IReveals.Result[] calldata results, bytes32 salt) external {
        // CHECK
        uint64 revealed = audits.revealedAt(p.epoch, p.auditor);
        uint64 length = window(p.epoch);
        if (revealed == 0 || block.timestamp >= revealed + length) revert TooLate(p.epoch, p.auditor);
        if (audits.commitments(p.epoch, p.auditor) != audits.commitmentOf(p.epoch, key, results, salt)) {
            revert WrongResults();
        }
        IReveals.Count calldata c = _find(p, results);
        bytes32 id = idOf(p);
        Doubt storage d = _doubts[id];
        if (d.state != State.None) revert AlreadyDoubted(id);
        // APPLY
        uint128 deposit = terms.countedIn(p.epoch).deposit;
        (d.by, d.answerBy, d.state, d.deposit) = (msg.sender, uint64(block.timestamp) + length, State.Open, deposit);
        (d.asked, d.sum, d.squares, d.root) = (c.asked, c.sum, c.squares, c.root);
        _tallies[p.epoch][p.auditor].open += 1;
        token.safeTransferFrom(msg.sender, address(this), deposit);
        // EMIT
        emit Doubted(id, p, msg.sender, d.answerBy, deposit);
    }

    /// @inheritdoc IChallenges
    function show(Place calldata p, Opening calldata o) external {
        // CHECK
        bytes32 id = idOf(p);
        Doubt storage d = _doubts[id];
        if (d.state != State.Open) revert NotOpen(id);
        requireShown(p, IReveals.Count(p.task, d.asked, d.sum, d.squares, d.root), o);
        // APPLY
        d.state = State.Shown;
        _tallies[p.epoch][p.auditor].open -= 1;
        token.safeTransfer(registry.ownerOf(p.auditor), d.deposit);
        // EMIT
        emit Shown(id, o.answered);
    }

    /// @inheritdoc IChallenges
    function uphold(Place calldata p) external {
        // CHECK
        bytes32 id = idOf(p);
        Doubt storage d = _doubts[id];
        if (d.state != State.Open) revert NotOpen(id);
        if (block.timestamp < d.answerBy) revert NotDue(d.answerBy);
        // APPLY
        d.state = State.Upheld;
        _tallies[p.epoch][p.auditor] = Tally(_tallies[p.epoch][p.auditor].open - 1, true);
        token.safeTransfer(d.by, d.deposit);
        // EMIT
        emit Upheld(id);
        uint256 bps = Math.min(uint256(rules.playedIn(p.epoch).slashBps) * 2, 1e4);
        stake.slashFor(p.auditor, p.epoch, uint16(bps), d.by);
    }

    /// @inheritdoc IChallenges
    function contradict(uint32 epoch, uint32 neuron, bytes32 model, bytes32 question, Statement calldata a, Statement calldata b)
        external
    {
        // CHECK
        uint32 running = clock.epoch();
        if (epoch == 0 || epoch > running) revert NotLately(epoch);
        if (running - epoch > 1 && block.timestamp >= audits.punishableFrom(epoch, neuron)) revert NotLately(epoch);
        if (contradicted[epoch][neuron]) revert AlreadyContradicted(epoch, neuron);
        requireStated(epoch, neuron, model, question, a);
        requireStated(epoch, neuron, model, question, b);
        if (!contrary(a.values, b.values)) revert NoContradiction();
        // APPLY
        contradicted[epoch][neuron] = true;
        // EMIT
        emit Contradicted(epoch, neuron, model, question, a.auditor, a.values, b.values);
        uint256 bps = Math.min(uint256(rules.playedIn(epoch).slashBps) * 2, 1e4);
        stake.slashAndBurn(neuron, epoch, uint16(bps), registry.ownerOf(a.auditor));
    }

    /// @inheritdoc IChallenges
    function contrary(int256[] calldata a, int256[] calldata b) public pure returns (bool) {
        if (a.length != b.length) return true;
        for (uint256 i = 0; i < a.length; i++) {
            uint256 x = SignedMath.abs(a[i]);
            uint256 y = SignedMath.abs(b[i]);
            uint256 apart = (a[i] < 0) == (b[i] < 0) ? Math.max(x, y) - Math.min(x, y) : x + y;
            if (apart > uint256(TOLERANCE) + Math.max(x, y) / 100) return true;
        }
        return false;
    }

    /// @dev That `neuron` signed `digest`, under whose root it gave this answer to this question.
    function _requireSaid(
        uint32 epoch,
        uint32 neuron,
        bytes32 digest,
        bytes32 root,
        bytes32 question,
        bytes32 answer,
        bytes32[] calldata proof,
        bytes calldata signature
    ) private view {
        bytes32 pair = keccak256(bytes.concat(keccak256(abi.encode(question, answer))));
        if (!MerkleProof.verifyCalldata(proof, root, pair)) revert NotSigned();
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (!registry.signsFor(neuron, epoch, signer)) revert NotSigned();
    }

    /// @dev What was counted in the task that `p` is about.
    function _find(Place calldata p, IReveals.Result[] calldata results) private pure returns (IReveals.Count calldata c) {
        for (uint256 i = 0; i < results.length; i++) {
            if (results[i].neuron != p.neuron) continue;
            for (uint256 k = 0; k < results[i].counts.length; k++) {
                c = results[i].counts[k];
                if (c.task == p.task && p.place < c.asked) return c;
            }
        }
        revert NoSuchQuestion();
    }
}
