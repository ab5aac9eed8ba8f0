// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IClock} from "../core/IClock.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRegistry} from "../core/IRegistry.sol";
import {IRules} from "../core/IRules.sol";
import {IEscrow} from "./IEscrow.sol";

/// @title Fees in escrow, and how much of them a payer's key may promise in one epoch
/// @notice Free escrow goes back to its owner once it has thawed, so that what was promised can still be taken. The owner may cap what leaves it as fees in one epoch, so
///         that a stolen key costs no more than that.
abstract contract Escrow is IEscrow {
    using SafeERC20 for IERC20;

    IERC20 public immutable token;
    IClock public immutable clock;
    IRegistry public immutable registry;
    IRules public immutable rules;

    mapping(uint32 id => uint256) public escrow; // free to post; what thaws included
    mapping(uint32 id => Thaw) public thaws;
    mapping(uint32 id => Cap) public caps;

    constructor(IDirectory d) {
        token = IERC20(d.addressOf("Token"));
        clock = IClock(d.addressOf("Clock"));
        registry = IRegistry(d.addressOf("Registry"));
        rules = IRules(d.addressOf("Rules"));
    }

    /// @inheritdoc IEscrow
    function deposit(uint32 id, uint96 amount) external {
        if (registry.ownerOf(id) == address(0)) revert NotAdmitted(id);
        escrow[id] += amount;
        token.safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(id, msg.sender, amount);
    }

    /// @inheritdoc IEscrow
    function thaw(uint32 id, uint96 amount) external {
        // CHECK
        registry.requireActor(id, msg.sender);
        Thaw storage t = thaws[id];
        uint256 all = uint256(amount) + t.amount;
        if (all > escrow[id]) revert EscrowShort(all, escrow[id]);
        // APPLY
        (t.amount, t.readyAt) = (uint96(all), uint64(block.timestamp) + rules.current().thawSeconds);
        // EMIT
        emit Thawing(id, amount, t.readyAt);
    }

    /// @inheritdoc IEscrow
    function withdraw(uint32 id) external {
        // CHECK
        Thaw memory t = thaws[id];
        if (t.amount == 0 || block.timestamp < t.readyAt) revert NotThawed(t.readyAt);
        // APPLY
        uint256 amount = Math.min(t.amount, escrow[id]); // fees may have taken some of it since
        delete thaws[id];
        escrow[id] -= amount;
        address to = registry.ownerOf(id);
        token.safeTransfer(to, amount);
        emit Withdrawn(id, to, amount);
    }

    /// @inheritdoc IEscrow
    function cap(uint32 id, uint96 most) external {
        if (msg.sender != registry.ownerOf(id)) revert NotOwner(id, msg.sender);
        caps[id].most = most;
        emit Capped(id, most);
    }

    /// @dev What fees may take out of the escrow of `id` now.
    function _spendable(uint32 id) internal view returns (uint256) {
        Cap memory c = caps[id];
        if (c.most == 0) return escrow[id];
        uint96 spent = c.epoch == clock.epoch() ? c.spent : 0;
        return spent >= c.most ? 0 : Math.min(escrow[id], c.most - spent);
    }

    function _spend(uint32 id, uint96 amount) internal {
        // CHECK
        if (amount > escrow[id]) revert EscrowShort(amount, escrow[id]);
        uint256 left = _spendable(id);
        if (amount > left) revert OverCap(amount, left);
        // APPLY
        escrow[id] -= amount;
        Cap storage c = caps[id];
        if (c.most == 0 || amount == 0) return;
        uint32 epoch = clock.epoch();
        (c.spent, c.epoch) = (c.epoch == epoch ? c.spent + amount : amount, epoch);
    }
}
