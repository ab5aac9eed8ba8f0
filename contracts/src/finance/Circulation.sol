// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IReserves} from "../core/IReserves.sol";
import {IToken} from "../core/IToken.sol";
import {ICirculation} from "./ICirculation.sol";
import {Vesting} from "./Vesting.sol";

/// @title Rewards for circulation, from their reserve alone (E4)
/// @notice A payment goes through this contract and does not stay: its balance is 0 between transactions.
contract Circulation is ICirculation {
    using SafeERC20 for IERC20;

    uint256 public constant BURN_BPS = 100;
    uint128 private constant LEAST = 1e16;

    IReserves public immutable reserves;
    IERC20 public immutable token;

    uint256 public unpaid;
    mapping(uint256 day => mapping(address owner => uint256)) public burntOf;
    mapping(uint256 day => mapping(address owner => uint256)) public paidOf;
    mapping(uint256 day => Day) private _days;

    constructor(IDirectory d) {
        reserves = IReserves(d.addressOf("Reserves"));
        token = IERC20(d.addressOf("Token"));
    }

    /// @inheritdoc ICirculation
    function pay(address to, uint128 amount, bytes32 what) external {
        // CHECK
        if (amount < LEAST) revert TooSmall();
        // APPLY
        uint256 burnt = Math.ceilDiv(amount * BURN_BPS, 1e4);
        uint256 day = block.timestamp / 1 days;
        _days[day].burnt += uint128(burnt);
        burntOf[day][msg.sender] += burnt;
        // EMIT
        emit CirculationPayment(msg.sender, to, amount, burnt, what);
        token.safeTransferFrom(msg.sender, address(this), amount);
        IToken(address(token)).burn(burnt);
        token.safeTransfer(to, amount - burnt);
    }

    /// @inheritdoc ICirculation
    function close(uint256 day) external {
        // CHECK
        Day storage d = _days[day];
        if (d.closed || d.burnt == 0 || block.timestamp / 1 days <= day) revert NotNow(day);
        // APPLY
        uint256 grown = reserves.available(IToken.Reserve.Circulation) - unpaid;
        (d.closed, d.reward) = (true, uint128(Math.min(grown, d.burnt / 2)));
        unpaid += d.reward;
        // EMIT
        emit DayClosed(day, d.burnt, d.reward);
    }

    /// @inheritdoc ICirculation
    function claim(uint256 day) external returns (uint256 amount) {
        // CHECK
        Day storage d = _days[day];
        if (!d.closed) revert NotNow(day);
        uint256 mine = (uint256(d.reward) * burntOf[day][msg.sender]) / d.burnt; // rounds down
        amount = Vesting.vestedDown(mine, (day + 1) * 1 days) - paidOf[day][msg.sender];
        if (amount == 0) revert Nothing();
        // APPLY
        paidOf[day][msg.sender] += amount;
        unpaid -= amount;
        // EMIT
        emit CirculationPaid(msg.sender, day, amount);
        reserves.mint(IToken.Reserve.Circulation, msg.sender, amount);
    }

    /// @inheritdoc ICirculation
    function dayOf(uint256 day) external view returns (Day memory) {
        return _days[day];
    }
}
