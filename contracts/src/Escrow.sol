// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Clock} from "./Clock.sol";
import {Registry} from "./Registry.sol";
import {Token} from "./Token.sol";
import {Wiring} from "./Wiring.sol";

/// @title Fees in escrow, and how much of them a payer's key may promise in one epoch
/// @notice Free escrow goes back to its owner at any time. The owner may cap what leaves it as fees in one epoch, so
///         that a stolen key costs no more than that.
abstract contract Escrow {
    using SafeERC20 for IERC20;

    struct Cap {
        uint96 most; // in one epoch; 0 for no cap
        uint96 spent; // in `epoch`
        uint32 epoch;
    }

    Token public immutable token;
    Clock public immutable clock;
    Registry public immutable registry;

    mapping(uint32 id => uint256) public escrow; // free to withdraw or to post
    mapping(uint32 id => Cap) public caps;

    event Deposited(uint32 indexed id, address from, uint256 amount);
    event Withdrawn(uint32 indexed id, address to, uint256 amount);
    event Capped(uint32 indexed id, uint96 most);

    error NotAdmitted(uint32 id);
    error NotOwner(uint32 id, address caller);
    error EscrowShort(uint256 asked, uint256 held);
    error OverCap(uint256 asked, uint256 left);

    constructor(Wiring memory w) {
        token = Token(w.token);
        clock = Clock(w.clock);
        registry = Registry(w.registry);
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

    /// @notice The most that may leave the escrow of `id` as fees in one epoch, from now on; 0 for no cap. The owner
    ///         alone: a cap that the key could lift would not guard against the key.
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
