// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC6909} from "@openzeppelin/contracts/interfaces/IERC6909.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IReserves} from "../core/IReserves.sol";
import {IRules} from "../core/IRules.sol";
import {IToken} from "../core/IToken.sol";
import {ILiquidity} from "./ILiquidity.sol";
import {Vesting} from "./Vesting.sol";

/// @title Rewards for liquidity, from their reserve alone (E4)
contract Liquidity is ILiquidity {
    uint256 public constant MOST_POOLS = 16;
    uint256 private constant SCALE = 1e27;

    IReserves public immutable reserves;
    IRules public immutable rules;
    IERC6909 public immutable exchange;

    uint256 public unpaid;
    uint256 public skipped;
    mapping(address owner => mapping(uint256 week => uint256)) public earnedIn;
    mapping(address owner => mapping(uint256 week => uint256)) public paidOf;
    uint256 private _weights; // of the pools that have shares here
    uint256 private _index; // what a weight of one ever got, 27 decimals
    uint256[] private _listed;
    mapping(uint256 pool => Pool) private _pools;
    mapping(uint256 pool => mapping(address owner => Stake)) private _stakes;

    /// @param exchange_ Of the same pack, which is entered in the directory only when all of it is there.
    constructor(IDirectory d, IERC6909 exchange_) {
        reserves = IReserves(d.addressOf("Reserves"));
        rules = IRules(d.addressOf("Rules"));
        exchange = exchange_;
    }

    /// @inheritdoc ILiquidity
    function setWeight(uint256 pool, uint16 weight) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        bool known = false;
        for (uint256 i = 0; i < _listed.length; i++) {
            known = known || _listed[i] == pool;
        }
        if (!known && _listed.length == MOST_POOLS) revert TooManyPools();
        // ACCRUE
        Pool storage p = _accrue(pool);
        // APPLY
        if (!known) _listed.push(pool);
        if (p.staked != 0) _weights = _weights + weight - p.weight;
        p.weight = weight;
        // EMIT
        emit WeightSet(pool, weight);
    }

    /// @inheritdoc ILiquidity
    function stake(uint256 pool, uint256 shares) external {
        // CHECK
        if (shares == 0) revert Nothing();
        // ACCRUE
        Pool storage p = _accrue(pool);
        Stake storage s = _earn(pool, p);
        // APPLY
        if (p.staked == 0) _weights += p.weight;
        p.staked += shares;
        s.shares += shares;
        // EMIT
        emit Staked(pool, msg.sender, shares);
        exchange.transferFrom(msg.sender, address(this), pool, shares);
    }

    /// @inheritdoc ILiquidity
    function unstake(uint256 pool, uint256 shares) external {
        // CHECK
        if (shares == 0) revert Nothing();
        // ACCRUE
        Pool storage p = _accrue(pool);
        Stake storage s = _earn(pool, p);
        // APPLY
        s.shares -= shares;
        p.staked -= shares;
        if (p.staked == 0) _weights -= p.weight;
        // EMIT
        emit Unstaked(pool, msg.sender, shares);
        exchange.transfer(msg.sender, pool, shares);
    }

    /// @inheritdoc ILiquidity
    function count(uint256 pool) external {
        // ACCRUE
        _earn(pool, _accrue(pool));
    }

    /// @inheritdoc ILiquidity
    function claim(uint256 week) external returns (uint256 amount) {
        // CHECK
        amount = Vesting.vestedDown(earnedIn[msg.sender][week], (week + 1) * 1 weeks) - paidOf[msg.sender][week];
        if (amount == 0) revert Nothing();
        // ACCRUE
        _grow();
        // APPLY
        paidOf[msg.sender][week] += amount;
        unpaid -= amount;
        // EMIT
        emit LiquidityPaid(msg.sender, week, amount);
        reserves.mint(IToken.Reserve.Liquidity, msg.sender, amount);
    }

    /// @inheritdoc ILiquidity
    function poolOf(uint256 pool) external view returns (Pool memory) {
        return _pools[pool];
    }

    /// @inheritdoc ILiquidity
    function pools() external view returns (uint256[] memory) {
        return _listed;
    }

    /// @inheritdoc ILiquidity
    function stakeOf(uint256 pool, address owner) external view returns (Stake memory) {
        return _stakes[pool][owner];
    }

    /// @dev What the reserve may mint beyond what was shared out before.
    function _grow() private {
        uint256 fresh = reserves.available(IToken.Reserve.Liquidity) - unpaid - skipped;
        if (fresh == 0) return;
        if (_weights == 0) {
            skipped += fresh;
        } else {
            _index += (fresh * SCALE) / _weights; // rounds down
            unpaid += fresh;
        }
        emit Grown(fresh, _weights != 0);
    }

    function _accrue(uint256 pool) private returns (Pool storage p) {
        _grow();
        p = _pools[pool];
        if (p.staked != 0) p.perShare += ((_index - p.index) * p.weight) / p.staked; // rounds down
        p.index = _index;
    }

    function _earn(uint256 pool, Pool storage p) private returns (Stake storage s) {
        s = _stakes[pool][msg.sender];
        uint256 amount = (s.shares * (p.perShare - s.seen)) / SCALE; // rounds down
        uint256 week = block.timestamp / 1 weeks;
        s.seen = p.perShare;
        earnedIn[msg.sender][week] += amount;
        emit LiquidityEarned(pool, msg.sender, week, amount);
    }
}
