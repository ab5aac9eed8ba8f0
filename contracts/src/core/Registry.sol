// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fixed} from "./Fixed.sol";
import {IClock} from "./IClock.sol";
import {IDirectory} from "./IDirectory.sol";
import {IRegistry} from "./IRegistry.sol";
import {IRules, Parameters} from "./IRules.sol";
import {ISeatRules} from "./ISeatRules.sol";
import {IStake} from "./IStake.sol";
import {Members} from "./Members.sol";

/// @title Standing: who may speak, and who has earned a seat
/// @notice Standing follows `klopf.neuron.next_standing`; utility follows R1 with activity 1 and, as listening, the
///         neuron's share of all that was heard in the epoch. Who takes part is in `Members`.
contract Registry is IRegistry, Members {
    IRules public immutable rules;
    IClock public immutable clock;
    IStake public immutable stake;
    address public immutable settlement;
    address public immutable audits;
    ISeatRules private immutable _seats; // none where nobody audits

    /// @dev A chain of the auditors, oldest first: one that goes leaves the others in their order. They are drawn by `Stake`.
    struct Link {
        uint32 before;
        uint32 next;
        uint32 since; // first epoch in which it may be drawn; 0 where it is not listed
        bool leaving; // it is in `_leavers`
    }

    struct Bound {
        uint96 opened;
        uint96 now_;
        uint32 epoch;
        uint16 countOpened;
        uint16 count;
    }
    struct Duty {
        uint96 stake; // with which it counts; 0 where it is not bound
        uint32 since; // first epoch in which it is
        uint32 seen; // last epoch in which it posted, or began
    }
    struct Leaver {
        uint32 id;
        uint32 epoch; // in which it may still be drawn
    }

    uint32 public constant AWAY = 24;
    uint128 public weight; // of all who take part: what they have at stake
    mapping(uint32 id => uint128) public weightOf;
    uint32 public backbone; // seats taken
    uint32 public listed; // auditors in the chain
    uint32 private _heads; // neurons that are bound from the next epoch on
    Bound private _bound;
    mapping(uint32 id => Duty) private _duties;
    mapping(uint32 id => Link) private _links; // that of 0 holds both ends
    Leaver[] private _leavers; // have too little staked, from `_gone` on
    uint256 private _gone;

    constructor(IDirectory d) Members(d.addressOf("Token")) {
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        stake = IStake(d.addressOf("Stake"));
        settlement = d.find("Settlement");
        audits = d.find("Audits");
        _seats = ISeatRules(d.find("Seats"));
    }

    /// @inheritdoc IRegistry
    function knock(uint32 id, uint32 incumbent) external {
        // CHECK
        requireActor(id, msg.sender);
        Participant storage p = _participants[id];
        Parameters memory r = rules.current();
        if (p.standing != Standing.Fringe) revert NotFringe(id);
        if (ageOf(id) <= r.maturity) revert NotMature(id, ageOf(id));
        if (!p.passed || p.failed >= r.patience) revert AuditNotPassed(id);
        if (!_seats.vouched(id)) revert NotVouched(id); // who passed was audited
        (uint256 heard, uint256 rival) = (heardBy(id), 0);
        if (incumbent == 0) {
            if (backbone >= r.seats) revert NoFreeSeat(r.seats);
            if (heard == 0) revert NotHeardEnough(heard, rival);
        } else {
            if (_participants[incumbent].standing != Standing.Backbone) revert NotBackbone(incumbent);
            _requireAccounted(id);
            _requireAccounted(incumbent);
            rival = heardBy(incumbent);
            bool earned = heard * 1e4 > rival * (1e4 + r.marginBps) || _seats.outdoes(id, incumbent, heard, rival);
            if (heard == 0 || !earned) revert NotHeardEnough(heard, rival);
        }
        // APPLY, EMIT
        if (incumbent != 0) _setStanding(incumbent, Standing.Fringe, id);
        _setStanding(id, Standing.Backbone, incumbent);
    }

    /// @inheritdoc IRegistry
    function silence(uint32 id) external {
        Standing earned = _earned(id);
        if (earned == _participants[id].standing) revert NothingToChange(id);
        _setStanding(id, earned, 0);
    }

    /// @inheritdoc IRegistry
    function delist(uint256 most) public {
        uint32 epoch = clock.epoch();
        for (; most != 0 && _gone < _leavers.length; most--) {
            Leaver memory l = _leavers[_gone];
            if (l.epoch >= epoch) return;
            delete _leavers[_gone++];
            _links[l.id].leaving = false;
            if (stake.account(l.id).staked < rules.current().auditorStake) _leave(l.id);
        }
    }

    /// @inheritdoc IRegistry
    function dismiss(uint32[] calldata ids) external {
        uint32 epoch = clock.epoch();
        for (uint256 i = 0; i < ids.length; i++) {
            Duty storage d = _duties[ids[i]];
            if (d.since == 0 || epoch <= d.seen + AWAY) continue;
            _bind(ids[i], 0);
            emit Dismissed(ids[i], epoch);
        }
    }

    /// @inheritdoc IRegistry
    function onStake(uint32 id, uint256 staked, bool fell) external {
        if (msg.sender != address(stake)) revert OnlyContract();
        _weigh(id, uint128(staked));
        Participant storage p = _participants[id];
        if (p.role == Role.Auditor) {
            bool enough = staked >= rules.current().auditorStake;
            if (enough && _links[id].since == 0) _list(id);
            if (!enough && fell && _links[id].since != 0) _leave(id);
            delist(2); // more than can have come: the list is walked by others, who pay for it
        }
        if (p.role != Role.Neuron) return;
        uint256 least = rules.current().neuronStake;
        if (p.standing == Standing.None && staked >= least) {
            (p.born, p.updated) = (clock.epoch(), clock.epoch());
            _setStanding(id, Standing.Fringe, 0);
        } else if (fell && staked < least && p.standing != Standing.None && p.standing != Standing.Silent) {
            _setStanding(id, Standing.Silent, 0);
        }
    }

    /// @inheritdoc IRegistry
    function onPost(uint32 id, uint32 epoch, bytes32 commitment) external {
        if (msg.sender != settlement) revert OnlyContract();
        _participants[id].commitment = commitment;
        if (_duties[id].since == 0) _bindAnew(id);
        if (_duties[id].since != 0) _duties[id].seen = epoch;
        emit ModelCommitted(id, epoch, commitment);
    }

    /// @inheritdoc IRegistry
    function onHeard(uint32 id, uint32 epoch, uint256 share) external {
        // CHECK
        if (msg.sender != settlement) revert OnlyContract();
        Participant storage p = _participants[id];
        if (p.role != Role.Neuron || p.standing == Standing.None || epoch <= p.born) return;
        // ACCRUE
        uint256 decay = rules.current().decay;
        uint256 gain = Fixed.mulDown(Fixed.ONE - decay, share);
        if (epoch > p.updated) {
            p.utility = uint64(Fixed.mulDown(p.utility, Fixed.powDown(decay, epoch - p.updated)) + gain);
            p.updated = epoch;
        } else {
            p.utility += uint64(Fixed.mulDown(gain, Fixed.powDown(decay, p.updated - epoch)));
        }
        p.accounted += 1;
        // EMIT
        emit UtilityUpdated(id, epoch, share, p.utility);
    }

    /// @inheritdoc IRegistry
    function onJudged(uint32 id, uint32 epoch, bool passed) external returns (bool before) {
        if (msg.sender != audits) revert OnlyContract();
        Participant storage p = _participants[id];
        (before, p.passed) = (p.passed, passed);
        p.failed = passed ? 0 : (p.failed == type(uint8).max ? p.failed : p.failed + 1);
        emit Judged(id, epoch, passed, p.failed);
        Standing earned = _earned(id);
        if (earned != p.standing) _setStanding(id, earned, 0);
        else if (passed && renewed[id] && p.standing == Standing.Silent) _return(id);
    }

    /// @inheritdoc IRegistry
    function ageOf(uint32 id) public view returns (uint32) {
        Participant storage p = _participants[id];
        uint32 epoch = clock.epoch();
        if (p.standing == Standing.None || epoch <= p.born + 1) return 0;
        return epoch - 1 - p.born;
    }

    /// @inheritdoc IRegistry
    function heardBy(uint32 id) public view returns (uint256) {
        uint32 age = ageOf(id);
        if (age == 0) return 0;
        Participant storage p = _participants[id];
        uint256 decay = rules.current().decay;
        uint256 utility = Fixed.mulDown(p.utility, Fixed.powDown(decay, p.born + age - p.updated));
        return Fixed.divDown(utility, Fixed.ONE - Fixed.powDown(decay, age));
    }

    /// @inheritdoc IRegistry
    function bound(uint32 epoch) external view returns (uint96 stake_, uint16 count_) {
        if (epoch != clock.epoch()) revert NotRunning(epoch);
        Bound memory b = _bound;
        return b.epoch == epoch ? (b.opened, b.countOpened) : (b.now_, b.count);
    }

    /// @inheritdoc IRegistry
    function boundWith(uint32 id, uint32 epoch) external view returns (uint96) {
        Duty memory d = _duties[id];
        return d.since == 0 || d.since > epoch ? 0 : stake.stakeAt(id, epoch);
    }

    /// @inheritdoc IRegistry
    function auditors() external view returns (uint32[] memory ids) {
        ids = new uint32[](listed);
        uint256 n = 0;
        for (uint32 id = _links[0].next; id != 0; id = _links[id].next) {
            ids[n++] = id;
        }
    }

    function _epoch() internal view override returns (uint32) { return clock.epoch(); }

    function _atStake(uint32 id) internal view override returns (uint256) {
        IStake.Account memory a = stake.account(id);
        uint256 all = uint256(a.staked) + a.thawing;
        Standing s = _participants[id].standing;
        bool out = (s == Standing.None || s == Standing.Silent) && _links[id].since == 0;
        return out && all < DUST ? 0 : all;
    }

    function _weighNothing(uint32 id) internal override { _weigh(id, 0); }

    function _weigh(uint32 id, uint128 staked) private {
        Participant storage p = _participants[id];
        // who only asks, or left, has no part in the epoch: nobody waits for its stake
        bool part = p.standing != Standing.Silent && (p.role == Role.Neuron || p.role == Role.Auditor);
        uint128 now_ = part ? staked : 0;
        weight = weight - weightOf[id] + now_;
        weightOf[id] = now_;
        if (_duties[id].since != 0) _bind(id, uint96(now_));
    }

    function _bindAnew(uint32 id) private {
        Participant storage p = _participants[id];
        if (p.role != Role.Neuron || p.standing == Standing.None || p.standing == Standing.Silent) return;
        _bind(id, uint96(weightOf[id]));
    }

    function _bind(uint32 id, uint96 stake_) private {
        uint32 epoch = clock.epoch();
        Duty storage d = _duties[id];
        Bound memory b = _bound;
        if (b.epoch != epoch) (b.opened, b.countOpened, b.epoch) = (b.now_, b.count, epoch);
        b.now_ = b.now_ - d.stake + stake_;
        if (d.since == 0 && stake_ != 0) {
            (d.since, d.seen) = (epoch + 1, epoch);
            b.count = _many(++_heads);
        } else if (d.since != 0 && stake_ == 0) {
            d.since = 0;
            b.count = _many(--_heads);
        }
        d.stake = stake_;
        _bound = b;
    }

    /// @dev So many, or 65,535 for any more: nothing is decided by how many more than a committee they are.
    function _many(uint32 heads) private pure returns (uint16) {
        return heads > type(uint16).max ? type(uint16).max : uint16(heads);
    }

    function _list(uint32 id) private {
        uint32 last = _links[0].before;
        _links[last].next = id;
        _links[0].before = id;
        (_links[id].before, _links[id].next, _links[id].since) = (last, 0, clock.epoch() + 1);
        listed += 1;
    }

    /// @dev Off the list at once, or when the epoch is over where it may still be drawn in it.
    function _leave(uint32 id) private {
        Link storage l = _links[id];
        uint32 epoch = clock.epoch();
        if (l.since <= epoch && stake.stakeAt(id, epoch) >= rules.current().auditorStake) {
            if (!l.leaving) _leavers.push(Leaver(id, epoch));
            l.leaving = true;
            return;
        }
        if (l.leaving) return; // its turn comes
        _links[l.before].next = l.next;
        _links[l.next].before = l.before;
        delete _links[id];
        listed -= 1;
        emit Delisted(id);
    }

    function _requireAccounted(uint32 id) private view {
        (uint32 accounted, uint32 age) = (_participants[id].accounted, ageOf(id));
        if (accounted != age) revert NotSettled(id, accounted, age);
    }

    /// @dev `klopf.neuron.next_standing` without a seat asked for.
    function _earned(uint32 id) private view returns (Standing) {
        Participant storage p = _participants[id];
        if (p.standing == Standing.None || p.standing == Standing.Silent) return p.standing;
        Parameters memory r = rules.current();
        if (ageOf(id) <= r.maturity) return p.standing;
        if (p.failed >= r.patience) return Standing.Silent;
        return p.passed ? p.standing : Standing.Fringe;
    }

    function _return(uint32 id) private {
        uint256 staked = stake.account(id).staked;
        if (staked < rules.current().neuronStake) return;
        Participant storage p = _participants[id];
        uint32 epoch = clock.epoch();
        (p.born, p.updated, p.utility, p.accounted) = (epoch, epoch, 0, 0);
        renewed[id] = false;
        _setStanding(id, Standing.Fringe, 0);
    }

    function _setStanding(uint32 id, Standing to, uint32 rival) private {
        Participant storage p = _participants[id];
        Standing from = p.standing;
        if (from == Standing.Backbone) backbone -= 1;
        if (to == Standing.Backbone) backbone += 1;
        p.standing = to;
        if (to == Standing.Silent) _weigh(id, 0);
        if (from == Standing.Silent) _weigh(id, uint128(stake.account(id).staked));
        if (from == Standing.None || from == Standing.Silent) _bindAnew(id);
        emit StandingChanged(id, clock.epoch(), from, to, rival);
    }
}
