// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Clock} from "./Clock.sol";
import {Registry} from "./Registry.sol";
import {Rules} from "./Rules.sol";
import {Wiring} from "./Wiring.sol";

/// @title Stake: what a participant can lose
/// @notice The token balance of this contract is always staked + thawing, over all participants. What a participant
///         has staked counts from the epoch after it staked, and is remembered per epoch, so that draws and weights of
///         a past epoch can always be recomputed.
contract Stake {
    using SafeERC20 for IERC20;
    using Checkpoints for Checkpoints.Trace224;

    struct Account {
        uint128 staked;
        uint128 thawing; // still slashable
        uint64 readyAt; // when `thawing` may be withdrawn
        uint128 slashed; // for ever
    }

    IERC20 public immutable token;
    Rules public immutable rules;
    Clock public immutable clock;
    Registry public immutable registry;
    address public immutable audits;
    address public immutable treasury;

    uint256 public totalStaked;
    uint256 public totalThawing;
    uint256 public totalSlashed;
    mapping(uint32 id => Account) private _accounts;
    mapping(uint32 id => Checkpoints.Trace224) private _history; // by the epoch in which it changed

    event Staked(uint32 indexed id, address from, uint256 amount);
    event Thawing(uint32 indexed id, uint256 amount, uint64 readyAt);
    event Withdrawn(uint32 indexed id, address to, uint256 amount);
    event Slashed(uint32 indexed id, uint32 indexed epoch, uint256 fromStaked, uint256 fromThawing);

    error OnlyAudits();
    error NotOwner(uint32 id, address caller);
    error Unregistered(uint32 id);
    error NothingStaked(uint256 asked, uint256 staked);
    error NotThawed(uint64 readyAt);
    error ZeroAmount();

    constructor(Wiring memory w) {
        token = IERC20(w.token);
        rules = Rules(w.rules);
        clock = Clock(w.clock);
        registry = Registry(w.registry);
        audits = w.audits;
        treasury = w.treasury;
    }

    /// @notice Put tokens at stake for `id`. Anybody may; they belong to the owner of `id` from then on.
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

    /// @notice Begin to take `amount` back. What is thawing already joins it and waits as long.
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
        a.readyAt = uint64(block.timestamp) + rules.current().thawSeconds;
        totalStaked -= amount;
        totalThawing += amount;
        _remember(id);
        // EMIT
        emit Thawing(id, amount, a.readyAt);
        registry.onStake(id, a.staked, true);
    }

    /// @notice Pay thawed tokens to the owner. Anybody may.
    function withdraw(uint32 id) external {
        Account storage a = _accounts[id];
        if (a.thawing == 0) revert ZeroAmount();
        if (block.timestamp < a.readyAt) revert NotThawed(a.readyAt);
        _payOut(id);
    }

    /// @notice Take `bps` of what is staked and of what is thawing, rounding up, for the treasury.
    function slash(uint32 id, uint32 epoch, uint16 bps) external returns (uint256 taken) {
        // CHECK
        if (msg.sender != audits) revert OnlyAudits();
        // APPLY
        Account storage a = _accounts[id];
        uint128 fromStaked = uint128(Math.mulDiv(a.staked, bps, 1e4, Math.Rounding.Ceil));
        uint128 fromThawing = uint128(Math.mulDiv(a.thawing, bps, 1e4, Math.Rounding.Ceil));
        taken = uint256(fromStaked) + fromThawing;
        a.staked -= fromStaked;
        a.thawing -= fromThawing;
        a.slashed += uint128(taken);
        totalStaked -= fromStaked;
        totalThawing -= fromThawing;
        totalSlashed += taken;
        _remember(id);
        token.safeTransfer(treasury, taken);
        // EMIT
        emit Slashed(id, epoch, fromStaked, fromThawing);
        registry.onStake(id, a.staked, true);
    }

    function account(uint32 id) external view returns (Account memory) {
        return _accounts[id];
    }

    /// @notice What `id` had staked when `epoch` opened: its weight in that epoch.
    function stakeAt(uint32 id, uint32 epoch) external view returns (uint96) {
        if (epoch == 0) return 0;
        return uint96(_history[id].upperLookupRecent(epoch - 1));
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
        _history[id].push(clock.epoch(), _accounts[id].staked);
    }
}
