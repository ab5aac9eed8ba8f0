// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IClock} from "./IClock.sol";
import {IDirectory} from "./IDirectory.sol";
import {IMembers} from "./IMembers.sol";
import {IRegistry} from "./IRegistry.sol";
import {IRules} from "./IRules.sol";
import {IStake} from "./IStake.sol";
import {IToken} from "./IToken.sol";
import {Sortition} from "./Sortition.sol";

/// @title Stake: what a participant can lose
/// @notice The token balance of this contract is always staked + thawing, over all participants. What a participant
///         has staked counts from the epoch after it staked, and is remembered per epoch, so that draws and weights of
///         a past epoch can always be recomputed.
contract Stake is IStake {
    using SafeERC20 for IERC20;
    using Checkpoints for Checkpoints.Trace224;
    using Sortition for Sortition.Tree;

    IERC20 public immutable token;
    IRules public immutable rules;
    IClock public immutable clock;
    IRegistry public immutable registry;
    address public immutable audits;
    address public immutable beacon;
    address public immutable challenges;
    address public immutable cases;
    address public immutable effort;
    address public immutable treasury;

    uint256 public totalStaked;
    uint256 public totalThawing;
    uint256 public totalSlashed;
    mapping(uint32 id => Account) private _accounts;
    mapping(uint32 id => Checkpoints.Trace224) private _history; // by the epoch in which it changed
    mapping(uint32 auditor => Checkpoints.Trace224) private _counted; // of that, what is audit stake
    Sortition.Tree private _auditors; // with at least an auditor's stake, when it last changed

    constructor(IDirectory d, address treasury_) {
        token = IERC20(d.addressOf("Token"));
        rules = IRules(d.addressOf("Rules"));
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        audits = d.find("Audits");
        beacon = d.addressOf("Beacon");
        challenges = d.find("Challenges");
        cases = d.find("Cases");
        effort = d.find("Effort");
        treasury = treasury_;
    }

    /// @inheritdoc IStake
    function stake(uint32 id, uint128 amount) external {
        // CHECK
        if (amount == 0) revert ZeroAmount();
        if (registry.ownerOf(id) == address(0)) revert Unregistered(id);
        // APPLY
        _accounts[id].staked += amount;
        totalStaked += amount;
        _remember(id);
        token.safeTransferFrom(msg.sender, address(this), amount);
        // EMIT
        emit Staked(id, msg.sender, amount);
        registry.onStake(id, _accounts[id].staked, false);
    }

    /// @inheritdoc IStake
    function unstake(uint32 id, uint128 amount) external {
        // CHECK
        Account storage a = _accounts[id];
        if (msg.sender != registry.ownerOf(id)) revert NotOwner(id, msg.sender);
        if (amount == 0) revert ZeroAmount();
        if (amount > a.staked) revert NothingStaked(amount, a.staked);
        // ACCRUE
        if (a.thawing != 0 && block.timestamp >= a.readyAt) _payOut(id);
        // APPLY
        a.staked -= amount;
        a.thawing += amount;
        a.readyAt = rules.thawedAt();
        totalStaked -= amount;
        totalThawing += amount;
        _remember(id);
        // EMIT
        emit Thawing(id, amount, a.readyAt);
        registry.onStake(id, a.staked, true);
    }

    /// @inheritdoc IStake
    function withdraw(uint32 id) external {
        Account storage a = _accounts[id];
        if (a.thawing == 0) revert ZeroAmount();
        if (block.timestamp < a.readyAt) revert NotThawed(a.readyAt);
        _payOut(id);
    }

    /// @inheritdoc IStake
    function slash(uint32 id, uint32 epoch, uint16 bps) external returns (uint256 taken) {
        if (msg.sender != audits && msg.sender != beacon && msg.sender != cases) revert OnlySlashers();
        return _slash(id, epoch, bps, address(0), 0, false);
    }

    /// @inheritdoc IStake
    function slashFor(uint32 id, uint32 epoch, uint16 bps, address finder) external returns (uint256 taken) {
        if (msg.sender != challenges) revert OnlySlashers();
        return _slash(id, epoch, bps, finder, 2, false);
    }

    /// @inheritdoc IStake
    function slashAndBurn(uint32 id, uint32 epoch, uint16 bps, address finder) external returns (uint256 taken) {
        if (msg.sender != challenges && msg.sender != cases) revert OnlySlashers();
        return _slash(id, epoch, bps, finder, 4, true);
    }

    /// @dev `taken / part` is the finder's where there is one; the rest is burnt or the treasury's.
    function _slash(uint32 id, uint32 epoch, uint16 bps, address finder, uint256 part, bool burns)
        private
        returns (uint256 taken)
    {
        // APPLY
        Account storage a = _accounts[id];
        uint128 fromStaked = _partUp(a.staked, bps);
        uint128 fromThawing = _partUp(a.thawing, bps);
        taken = uint256(fromStaked) + fromThawing;
        a.staked -= fromStaked;
        a.thawing -= fromThawing;
        a.slashed += uint128(taken);
        totalStaked -= fromStaked;
        totalThawing -= fromThawing;
        totalSlashed += taken;
        _remember(id);
        uint256 reward = finder == address(0) ? 0 : taken / part;
        if (reward != 0) token.safeTransfer(finder, reward);
        if (burns) IToken(address(token)).burn(taken - reward);
        else token.safeTransfer(treasury, taken - reward);
        // EMIT
        emit Slashed(id, epoch, fromStaked, fromThawing);
        registry.onStake(id, a.staked, true);
    }

    /// @inheritdoc IStake
    function burn(uint32 id, uint128 amount) external {
        // CHECK
        if (msg.sender != effort) revert OnlyEffort();
        Account storage a = _accounts[id];
        if (amount > a.staked) revert NothingStaked(amount, a.staked);
        // APPLY
        a.staked -= amount;
        totalStaked -= amount;
        _remember(id);
        IToken(address(token)).burn(amount);
        // EMIT
        emit Burnt(id, amount);
        registry.onStake(id, a.staked, true);
    }

    /// @inheritdoc IStake
    function account(uint32 id) external view returns (Account memory) {
        return _accounts[id];
    }

    /// @inheritdoc IStake
    function stakeAt(uint32 id, uint32 epoch) external view returns (uint96) {
        if (epoch == 0) return 0;
        return uint96(_history[id].upperLookupRecent(epoch - 1));
    }

    /// @inheritdoc IStake
    function draw(bytes32 seed, uint32 subject, uint256 seats) external view returns (uint32[] memory) {
        return _auditors.draw(seed, subject, seats, clock.epoch());
    }

    /// @inheritdoc IStake
    function auditAt(uint32 auditor, uint32 epoch) external view returns (uint96) {
        return epoch == 0 ? 0 : uint96(_counted[auditor].upperLookupRecent(epoch - 1));
    }

    /// @inheritdoc IStake
    function audit(uint32[] calldata auditors) external view returns (uint256 theirs, uint256 all) {
        uint32 epoch = clock.epoch();
        for (uint256 i = 0; i < auditors.length; i++) {
            uint256 now_ = _auditors.weightOf(auditors[i]);
            uint256 opened = _auditors.weightAt(auditors[i], epoch);
            theirs += now_ < opened ? now_ : opened;
        }
        all = _auditors.allAt(epoch);
    }

    function _partUp(uint128 amount, uint16 bps) private pure returns (uint128) {
        return uint128((uint256(amount) * bps + 9999) / 1e4);
    }

    function _payOut(uint32 id) private {
        Account storage a = _accounts[id];
        uint128 amount = a.thawing;
        a.thawing = 0;
        totalThawing -= amount;
        address to = registry.ownerOf(id);
        token.safeTransfer(to, amount);
        emit Withdrawn(id, to, amount);
    }

    function _remember(uint32 id) private {
        uint32 epoch = clock.epoch();
        uint128 staked = _accounts[id].staked;
        _history[id].push(epoch, staked);
        if (registry.roleOf(id) != IMembers.Role.Auditor) return;
        uint96 counted = staked >= rules.current().auditorStake ? uint96(staked) : 0;
        _counted[id].push(epoch, counted);
        _auditors.weigh(id, counted, epoch);
    }
}
