// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IMembers} from "../core/IMembers.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IRules} from "../core/IRules.sol";
import {IStake} from "../core/IStake.sol";
import {Counts} from "./Counts.sol";
import {AuditTerm, IAuditTerms} from "./IAuditTerms.sol";
import {IReveals} from "./IReveals.sol";
import {Interval} from "./Interval.sol";

/// @title What auditors find: drawn, committed, revealed
/// @notice Auditors are drawn for a neuron by the stake they had when the epoch opened. They commit in LISTEN and reveal
///         in CLAIM what they counted, from which a score and its interval are made here. What is made of it is in
///         `Audits`.
abstract contract Reveals is IReveals {
    struct Shown {
        uint32 auditor;
        uint32 scores; // how many
        bool bound; // the neuron was bound to listen
    }

    struct Sealed {
        address key; // of the auditor when it committed
        uint64 revealedAt; // in seconds since 1970; 0 for not yet
        bool waited; // with an auditor's stake: not to reveal costs enough to be waited for
    }

    struct Open {
        uint32 oldest; // first epoch with a finding that is not concluded; 0 for none
        uint32 latest; // last epoch with a finding
    }

    IRules public immutable rules;
    IClock public immutable clock;
    IRegistry public immutable registry;
    IStake public immutable stake;
    IAuditTerms public immutable terms;

    mapping(uint32 epoch => mapping(uint32 auditor => bytes32)) public commitments;
    mapping(uint32 epoch => mapping(uint32 auditor => Sealed)) private _sealed;
    mapping(uint32 epoch => Turnout) public turnout;
    mapping(uint32 epoch => mapping(uint32 neuron => Shown[])) internal _shown;
    mapping(uint32 epoch => mapping(uint32 neuron => mapping(uint256 place => Score))) private _scores; // in its order
    mapping(uint32 neuron => Open) internal _open;
    mapping(uint32 epoch => mapping(uint32 neuron => uint32)) internal _next; // the next epoch with a finding

    constructor(IDirectory d) {
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        stake = IStake(d.addressOf("Stake"));
        terms = IAuditTerms(d.addressOf("AuditTerms"));
    }

    /// @inheritdoc IReveals
    function commit(uint32 auditor, bytes32 commitment) external {
        // CHECK
        registry.requireActor(auditor, msg.sender);
        if (registry.roleOf(auditor) != IMembers.Role.Auditor) revert NotAuditor(auditor);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != IClock.Phase.Listen) revert WrongPhase();
        if (commitments[epoch][auditor] != 0) revert AlreadyCommitted(auditor, epoch);
        // APPLY
        commitments[epoch][auditor] = commitment;
        _sealed[epoch][auditor].key = registry.keyOf(auditor);
        turnout[epoch].committed += stake.stakeAt(auditor, epoch);
        if (stake.account(auditor).staked >= rules.current().auditorStake) {
            _sealed[epoch][auditor].waited = true;
            turnout[epoch].hidden += 1;
        }
        clock.arrive(auditor);
        // EMIT
        emit Committed(epoch, auditor, commitment);
    }

    /// @inheritdoc IReveals
    function reveal(uint32 auditor, Result[] calldata results, bytes32 salt) external {
        // CHECK
        registry.requireActor(auditor, msg.sender);
        uint32 epoch = clock.epoch();
        if (epoch == 0 || clock.phase() != IClock.Phase.Claim) revert WrongPhase();
        if (commitments[epoch][auditor] == 0) revert NotCommitted(auditor, epoch);
        if (revealed(epoch, auditor)) revert AlreadyRevealed(auditor, epoch);
        if (commitments[epoch][auditor] != commitmentOf(epoch, _sealed[epoch][auditor].key, results, salt)) {
            revert WrongReveal(auditor, epoch);
        }
        (bytes32 seed, uint256 seats) = _lots(epoch);
        AuditTerm memory t = terms.countedIn(epoch);
        for (uint256 i = 0; i < results.length; i++) {
            Result calldata r = results[i];
            if (i != 0 && r.neuron <= results[i - 1].neuron) revert NotSorted(i);
            if (!Counts.inRange(r, t)) revert OutOfRange(i);
            if (!_speaksOrSpoke(r.neuron)) revert NotDrawn(auditor, r.neuron);
            if (!_contains(stake.draw(seed, r.neuron, seats), auditor)) revert NotDrawn(auditor, r.neuron);
        }
        // APPLY
        _sealed[epoch][auditor].revealedAt = uint64(block.timestamp);
        turnout[epoch].revealed += stake.stakeAt(auditor, epoch);
        if (_sealed[epoch][auditor].waited) turnout[epoch].hidden -= 1;
        for (uint256 i = 0; i < results.length; i++) {
            uint32 neuron = results[i].neuron;
            _queue(epoch, neuron);
            bool bound = registry.boundWith(neuron, epoch) != 0;
            _record(epoch, auditor, results[i], bound);
            if (bound) turnout[epoch].questions += Counts.told(results[i], t);
        }
        clock.arrive(auditor);
        // EMIT
        emit Revealed(epoch, auditor, results, salt);
    }

    /// @inheritdoc IReveals
    function revealed(uint32 epoch, uint32 auditor) public view returns (bool) {
        return _sealed[epoch][auditor].revealedAt != 0;
    }

    /// @inheritdoc IReveals
    function revealedAt(uint32 epoch, uint32 auditor) external view returns (uint64) {
        return _sealed[epoch][auditor].revealedAt;
    }

    /// @inheritdoc IReveals
    function committedWith(uint32 epoch, uint32 auditor) external view returns (address) {
        return _sealed[epoch][auditor].key;
    }

    /// @inheritdoc IReveals
    function drawn(uint32 epoch, uint32 neuron) public view returns (uint32[] memory) {
        (bytes32 seed, uint256 seats) = _lots(epoch);
        return stake.draw(seed, neuron, seats);
    }

    /// @inheritdoc IReveals
    function assignments(uint32 epoch, uint32 auditor, uint32[] calldata neurons)
        external
        view
        returns (uint32[] memory mine)
    {
        (bytes32 seed, uint256 seats) = _lots(epoch);
        mine = new uint32[](neurons.length);
        uint256 n = 0;
        for (uint256 i = 0; i < neurons.length; i++) {
            if (_contains(stake.draw(seed, neurons[i], seats), auditor)) mine[n++] = neurons[i];
        }
        assembly ("memory-safe") {
            mstore(mine, n)
        }
    }

    /// @inheritdoc IReveals
    function findings(uint32 epoch, uint32 neuron) public view returns (Finding[] memory found) {
        Shown[] memory shown = _shown[epoch][neuron];
        mapping(uint256 place => Score) storage kept = _scores[epoch][neuron];
        found = new Finding[](shown.length);
        uint256 place = 0;
        for (uint256 i = 0; i < shown.length; i++) {
            Score[] memory scores = new Score[](shown[i].scores);
            for (uint256 k = 0; k < scores.length; k++) {
                scores[k] = kept[place++];
            }
            found[i] = Finding(shown[i].auditor, scores);
        }
    }

    /// @inheritdoc IReveals
    function commitmentOf(uint32 epoch, address key, Result[] calldata results, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(epoch, key, results, salt));
    }

    /// @dev Whose findings of an epoch are the first is concluded after all that is open.
    function _queue(uint32 epoch, uint32 neuron) private {
        Open memory o = _open[neuron];
        if (o.latest == epoch) return;
        if (o.oldest != 0) _next[o.latest][neuron] = epoch;
        _open[neuron] = Open(o.oldest == 0 ? epoch : o.oldest, epoch);
    }

    function _record(uint32 epoch, uint32 auditor, Result calldata r, bool bound) private {
        Shown[] memory shown = _shown[epoch][r.neuron];
        uint256 place = 0;
        for (uint256 i = 0; i < shown.length; i++) {
            place += shown[i].scores;
        }
        mapping(uint256 place => Score) storage kept = _scores[epoch][r.neuron];
        for (uint256 k = 0; k < r.counts.length; k++) {
            kept[place + k] = Counts.scoreOf(r.counts[k]);
        }
        _shown[epoch][r.neuron].push(Shown(auditor, uint32(r.counts.length), bound));
    }

    /// @dev Who was audited and left meanwhile takes nobody's reveal away.
    function _speaksOrSpoke(uint32 id) private view returns (bool) {
        IMembers.Role role = registry.roleOf(id);
        return role == IMembers.Role.Neuron || (role == IMembers.Role.None && registry.ownerOf(id) != address(0));
    }

    /// @inheritdoc IReveals
    function scoreOf(Count calldata c) external pure returns (Score memory) {
        if (!Interval.possible(c.asked, c.sum, c.squares)) revert OutOfRange(0);
        return Counts.scoreOf(c);
    }

    /// @dev What the running epoch is drawn by.
    function _lots(uint32 epoch) private view returns (bytes32 seed, uint256 seats) {
        if (epoch == 0 || epoch != clock.epoch()) revert NotRunning(epoch);
        return (clock.seedOf(epoch), rules.current().auditSeats);
    }

    function _contains(uint32[] memory ids, uint32 id) private pure returns (bool) {
        for (uint256 i = 0; i < ids.length; i++) {
            if (ids[i] == id) return true;
        }
        return false;
    }
}
