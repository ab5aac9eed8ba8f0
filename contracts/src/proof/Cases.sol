// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IRules} from "../core/IRules.sol";
import {IStake} from "../core/IStake.sol";
import {IChallenges} from "../evidence/IChallenges.sol";
import {CaseTerm, ICaseTerms} from "./ICaseTerms.sol";
import {ICases} from "./ICases.sol";

/// @title Whoever cannot show an answer that was drawn loses stake
/// @notice The token balance of this contract is always the deposits and bonds of the cases that are open, and what is left
///         of the pots of the others.
contract Cases is ICases {
    using SafeERC20 for IERC20;

    uint32 public constant DELAY = 2;
    uint256 private constant FINDERS = 4; // `slashAndBurn` gives the finder a quarter of what it takes

    IERC20 public immutable token;
    IRules public immutable rules;
    IClock public immutable clock;
    IRegistry public immutable registry;
    IStake public immutable stake;
    IChallenges public immutable challenges;
    ICaseTerms public immutable terms;

    mapping(uint32 neuron => mapping(bytes32 model => Span)) private _pledges;
    mapping(bytes32 id => Case) private _cases;
    mapping(bytes32 id => mapping(uint32 auditor => Vote)) private _votes;

    constructor(IDirectory d) {
        stake = IStake(d.addressOf("Stake"));
        if (stake.cases() != address(this)) revert NotKnownToStake();
        token = IERC20(d.addressOf("Token"));
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        challenges = IChallenges(d.addressOf("Challenges"));
        terms = ICaseTerms(d.addressOf("CaseTerms"));
    }

    /// @inheritdoc ICases
    function pledge(uint32 neuron, bytes32 model) external {
        // CHECK
        registry.requireActor(neuron, msg.sender);
        uint32 epoch = clock.epoch();
        Span storage s = _pledges[neuron][model];
        if (s.since != 0 && (s.until == 0 || epoch <= s.until + DELAY)) revert StillPledged(neuron, model);
        // APPLY
        (s.since, s.until) = (epoch + 1, 0);
        // EMIT
        emit Pledged(neuron, model, epoch + 1);
    }

    /// @inheritdoc ICases
    function end(uint32 neuron, bytes32 model) external {
        // CHECK
        registry.requireActor(neuron, msg.sender);
        Span storage s = _pledges[neuron][model];
        if (s.since == 0 || s.until != 0) revert NotPledged(neuron, model);
        // APPLY
        s.until = clock.epoch() + 1;
        // EMIT
        emit Ended(neuron, model, s.until);
    }

    /// @inheritdoc ICases
    function open(uint32 epoch, uint32 neuron, bytes32 model, bytes calldata question, IChallenges.Statement calldata s)
        external
        returns (bytes32 id)
    {
        // CHECK
        uint32 running = clock.epoch();
        if (epoch == 0 || running < epoch + DELAY || running > epoch + DELAY + 1) revert NotNow(epoch);
        Span memory p = _pledges[neuron][model];
        if (p.since == 0 || epoch < p.since || (p.until != 0 && epoch >= p.until)) revert NotPledged(neuron, model);
        bytes32 asked = keccak256(question);
        id = idOf(epoch, neuron, asked, s.values);
        if (_cases[id].state != State.None) revert AlreadyOpen(id);
        if (!drawn(id, epoch)) revert NotDrawn();
        challenges.requireStated(epoch, neuron, model, asked, s);
        // APPLY
        (uint64 length,) = windows(epoch);
        uint64 until = uint64(block.timestamp) + length;
        uint128 deposit = terms.countedIn(epoch).deposit;
        Case storage c = _cases[id];
        (c.epoch, c.neuron, c.state, c.until, c.by, c.deposit) = (epoch, neuron, State.Open, until, msg.sender, deposit);
        token.safeTransferFrom(msg.sender, address(this), deposit);
        // EMIT
        emit Opened(id, neuron, epoch, msg.sender, until, deposit, model, question, s.values);
    }

    /// @inheritdoc ICases
    function answer(bytes32[] calldata ids, bytes32 shown) external {
        if (shown == 0) revert NothingShown();
        for (uint256 i = 0; i < ids.length; i++) {
            // CHECK
            Case storage c = _in(ids[i], State.Open);
            registry.requireActor(c.neuron, msg.sender);
            // APPLY
            (, uint64 length) = windows(c.epoch);
            (c.state, c.shown, c.until) = (State.Answered, shown, uint64(block.timestamp) + length);
            // EMIT
            emit Answered(ids[i], shown, c.until);
        }
    }

    /// @inheritdoc ICases
    function dispute(bytes32 id) external {
        // CHECK
        Case storage c = _in(id, State.Answered);
        // APPLY
        (, uint64 length) = windows(c.epoch);
        (, uint256 all) = stake.audit(new uint32[](0));
        (c.state, c.disputer, c.until, c.all) = (State.Disputed, msg.sender, uint64(block.timestamp) + length, uint96(all));
        (c.bond, c.disputedIn) = (terms.countedIn(c.epoch).bond, clock.epoch());
        token.safeTransferFrom(msg.sender, address(this), c.bond);
        // EMIT
        emit Disputed(id, msg.sender, c.bond, c.all, c.until);
    }

    /// @inheritdoc ICases
    function vote(bytes32 id, uint32 auditor, bool against) external {
        // CHECK
        Case storage c = _in(id, State.Disputed);
        registry.requireActor(auditor, msg.sender);
        Vote storage v = _votes[id][auditor];
        if (v.weight != 0) revert AlreadyVoted(id, auditor);
        uint32[] memory one = new uint32[](1);
        one[0] = auditor;
        (uint256 weight,) = stake.audit(one);
        weight = Math.min(weight, stake.auditAt(auditor, c.disputedIn)); // what came since is not in `all`
        if (weight == 0) revert NoAuditStake(auditor);
        // APPLY
        (v.weight, v.against) = (uint96(weight), against);
        if (against) c.against += v.weight;
        else c.inFavour += v.weight;
        // EMIT
        emit Voted(id, auditor, against, v.weight);
    }

    /// @inheritdoc ICases
    function close(bytes32 id) external {
        // CHECK
        Case storage c = _cases[id];
        State was = c.state;
        if (was != State.Open && was != State.Answered && was != State.Disputed) revert WrongState(id, was);
        if (block.timestamp < c.until) revert NotDue(c.until);
        // APPLY
        if (was == State.Open) _default(id, c);
        else if (was == State.Answered) _stand(id, c);
        else if (uint256(c.against) * 2 > c.all) _convict(id, c);
        else _acquit(id, c);
    }

    /// @inheritdoc ICases
    function collect(bytes32 id, uint32 auditor) external {
        // CHECK
        Case storage c = _cases[id];
        Vote storage v = _votes[id][auditor];
        bool won = (c.state == State.Convicted && v.against) || (c.state == State.Acquitted && !v.against);
        if (!won || v.weight == 0 || v.collected) revert NothingDue(id, auditor);
        // APPLY
        v.collected = true;
        uint128 amount = uint128(Math.mulDiv(c.pot, v.weight, c.waiting)); // rounds down; the last gets all that is left
        c.waiting -= v.weight;
        c.pot -= amount;
        address to = registry.ownerOf(auditor);
        token.safeTransfer(to, amount);
        // EMIT
        emit Collected(id, auditor, to, amount);
    }

    /// @inheritdoc ICases
    function punish(bytes32 id, uint32 auditor) external {
        // CHECK
        Case storage c = _cases[id];
        Vote storage v = _votes[id][auditor];
        bool lost = c.state == State.Convicted && !v.against; // more than half voted against
        if (c.state == State.Acquitted && v.against) lost = uint256(c.inFavour) * 2 > c.all;
        if (!lost || v.weight == 0 || v.punished) revert NothingDue(id, auditor);
        // APPLY
        v.punished = true;
        // EMIT
        emit Wrong(id, auditor);
        stake.slash(auditor, c.epoch, terms.countedIn(c.epoch).wrongBps);
    }

    /// @inheritdoc ICases
    function pledgeOf(uint32 neuron, bytes32 model) external view returns (Span memory) {
        return _pledges[neuron][model];
    }

    /// @inheritdoc ICases
    function caseOf(bytes32 id) external view returns (Case memory) {
        return _cases[id];
    }

    /// @inheritdoc ICases
    function voteOf(bytes32 id, uint32 auditor) external view returns (Vote memory) {
        return _votes[id][auditor];
    }

    /// @inheritdoc ICases
    function idOf(uint32 epoch, uint32 neuron, bytes32 question, int256[] calldata values) public pure returns (bytes32) {
        return keccak256(abi.encode(epoch, neuron, question, keccak256(abi.encode(values))));
    }

    /// @inheritdoc ICases
    function drawn(bytes32 id, uint32 epoch) public view returns (bool) {
        if (clock.epoch() < epoch + DELAY) revert NotNow(epoch);
        bytes32 seed = clock.seedOf(epoch + DELAY);
        return uint256(keccak256(abi.encode(seed, id))) % 1e6 < terms.countedIn(epoch).rate;
    }

    /// @inheritdoc ICases
    function windows(uint32 epoch) public view returns (uint64 answer_, uint64 judge) {
        CaseTerm memory t = terms.countedIn(epoch);
        uint256 most = rules.playedIn(epoch).thawSeconds / 8; // whoever left with its answer can be slashed to the end
        return (uint64(Math.min(t.answerSeconds, most)), uint64(Math.min(t.judgeSeconds, most)));
    }

    function _default(bytes32 id, Case storage c) private {
        c.state = State.Defaulted;
        emit Closed(id, State.Defaulted);
        token.safeTransfer(c.by, c.deposit);
        stake.slashAndBurn(c.neuron, c.epoch, terms.countedIn(c.epoch).slashBps, c.by);
    }

    function _stand(bytes32 id, Case storage c) private {
        c.state = State.Stood;
        emit Closed(id, State.Stood);
        token.safeTransfer(registry.ownerOf(c.neuron), c.deposit);
    }

    /// @dev Of the finder's part half is the disputer's, the rest those who voted so.
    function _convict(bytes32 id, Case storage c) private {
        c.state = State.Convicted;
        emit Closed(id, State.Convicted);
        uint256 taken = stake.slashAndBurn(c.neuron, c.epoch, terms.countedIn(c.epoch).slashBps, address(this));
        uint256 reward = taken / FINDERS;
        (c.pot, c.waiting) = (uint128(reward - reward / 2), c.against);
        token.safeTransfer(c.by, c.deposit);
        token.safeTransfer(c.disputer, c.bond + reward / 2);
    }

    /// @dev The deposit and half of the bond are the neuron's owner's, the rest those who voted for it.
    function _acquit(bytes32 id, Case storage c) private {
        c.state = State.Acquitted;
        (c.pot, c.waiting) = (c.inFavour == 0 ? 0 : c.bond / 2, c.inFavour);
        emit Closed(id, State.Acquitted);
        token.safeTransfer(registry.ownerOf(c.neuron), c.deposit + c.bond - c.pot);
    }

    /// @dev A case that is in `state`, in time.
    function _in(bytes32 id, State state) private view returns (Case storage c) {
        c = _cases[id];
        if (c.state != state) revert WrongState(id, c.state);
        if (block.timestamp >= c.until) revert TooLate(c.until);
    }
}
