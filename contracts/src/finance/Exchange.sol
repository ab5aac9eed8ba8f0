// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC6909TokenSupply} from "@openzeppelin/contracts/token/ERC6909/extensions/ERC6909TokenSupply.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {Averages} from "./Averages.sol";
import {IExchange} from "./IExchange.sol";
import {IPrices} from "./IPrices.sol";

/// @title A pool for each pair of tokens, whose product never falls but by those who take their shares out
/// @notice It counts what it holds by itself: nobody moves a price or the worth of a share by sending tokens here. When a
///         token is called, either nothing has changed yet or everything has.
contract Exchange is IExchange, ERC6909TokenSupply, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using Averages for Averages.Sums;

    uint256 public constant PERIOD = 30 minutes;
    uint256 private constant LOCKED = 1000; // smallest shares that nobody has, so that one share stays cheap
    address private constant NOBODY = address(0xdead);

    IRules public immutable rules;

    uint256 public count;
    uint16 public feeBps = 30;
    mapping(address token0 => mapping(address token1 => uint256)) private _ids;
    mapping(uint256 id => Pool) private _pools;
    mapping(uint256 id => Averages.Mark[3]) private _marks;

    constructor(IDirectory d) {
        rules = IRules(d.addressOf("Rules"));
        emit FeeSet(feeBps);
    }

    /// @inheritdoc IExchange
    function propose(uint16 feeBps_) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        if (feeBps_ < 1 || feeBps_ > 100) revert OutOfRange("feeBps");
        // APPLY
        feeBps = feeBps_;
        // EMIT
        emit FeeSet(feeBps_);
    }

    /// @inheritdoc IExchange
    function open(address tokenA, address tokenB) external returns (uint256 id) {
        // CHECK
        if (tokenA == tokenB || tokenA.code.length == 0) revert NoPair(tokenA);
        if (tokenB.code.length == 0) revert NoPair(tokenB);
        (address token0, address token1) = _sorted(tokenA, tokenB);
        if (_ids[token0][token1] != 0) revert AlreadyOpen(_ids[token0][token1]);
        // APPLY
        id = ++count;
        _ids[token0][token1] = id;
        Pool storage p = _pools[id];
        (p.token0, p.token1, p.feeBps) = (token0, token1, feeBps);
        // EMIT
        emit Opened(id, token0, token1, feeBps);
    }

    /// @inheritdoc IExchange
    function add(uint256 id, uint256 most0, uint256 most1, uint256 leastShares, uint256 until)
        external
        nonReentrant
        returns (uint256 shares)
    {
        // CHECK
        if (block.timestamp > until) revert TooLate(until);
        Pool storage p = _pools[id];
        if (p.token0 == address(0)) revert NoPool(id);
        (uint256 reserve0, uint256 reserve1, uint256 all) = (p.reserve0, p.reserve1, totalSupply(id));
        (uint256 amount0, uint256 amount1) = (most0, most1);
        if (all == 0) {
            uint256 root = Math.sqrt(most0 * most1); // rounds down
            shares = root > LOCKED ? root - LOCKED : 0;
        } else {
            uint256 wanted1 = Math.mulDiv(most0, reserve1, reserve0, Math.Rounding.Ceil);
            if (wanted1 <= most1) amount1 = wanted1;
            else amount0 = Math.min(most0, Math.mulDiv(most1, reserve0, reserve1, Math.Rounding.Ceil));
            shares = Math.min(Math.mulDiv(amount0, all, reserve0), Math.mulDiv(amount1, all, reserve1)); // rounds down
        }
        if (shares == 0 || shares < leastShares) revert TooLittle(shares, leastShares);
        _receive(p.token0, amount0);
        _receive(p.token1, amount1);
        // ACCRUE
        _accrue(id, p);
        // APPLY
        (p.reserve0, p.reserve1) = (SafeCast.toUint112(reserve0 + amount0), SafeCast.toUint112(reserve1 + amount1));
        if (all == 0) {
            _mint(NOBODY, id, LOCKED);
            _mark(id, p);
        }
        _mint(msg.sender, id, shares);
        // EMIT
        emit Added(id, msg.sender, amount0, amount1, shares);
    }

    /// @inheritdoc IExchange
    function remove(uint256 id, uint256 shares, uint256 least0, uint256 least1)
        external
        nonReentrant
        returns (uint256 amount0, uint256 amount1)
    {
        // CHECK
        Pool storage p = _pools[id];
        uint256 all = totalSupply(id);
        if (all == 0) revert NoPool(id);
        // ACCRUE
        _accrue(id, p);
        // APPLY
        amount0 = Math.mulDiv(p.reserve0, shares, all); // rounds down
        amount1 = Math.mulDiv(p.reserve1, shares, all); // rounds down
        if (amount0 < least0) revert TooLittle(amount0, least0);
        if (amount1 < least1) revert TooLittle(amount1, least1);
        _burn(msg.sender, id, shares);
        (p.reserve0, p.reserve1) = (uint112(p.reserve0 - amount0), uint112(p.reserve1 - amount1));
        // EMIT
        emit Removed(id, msg.sender, amount0, amount1, shares);
        IERC20(p.token0).safeTransfer(msg.sender, amount0);
        IERC20(p.token1).safeTransfer(msg.sender, amount1);
    }

    /// @inheritdoc IExchange
    function swap(uint256 id, bool first, uint256 amountIn, uint256 leastOut, address to, uint256 until)
        external
        nonReentrant
        returns (uint256 amountOut)
    {
        // CHECK
        if (block.timestamp > until) revert TooLate(until);
        Pool storage p = _pools[id];
        amountOut = _quoteDown(id, p, first, amountIn);
        if (amountOut == 0 || amountOut < leastOut) revert TooLittle(amountOut, leastOut);
        (address tokenIn, address tokenOut) = first ? (p.token0, p.token1) : (p.token1, p.token0);
        _receive(tokenIn, amountIn);
        // ACCRUE
        _accrue(id, p);
        // APPLY
        (uint256 reserve0, uint256 reserve1) = (p.reserve0, p.reserve1);
        (reserve0, reserve1) =
            first ? (reserve0 + amountIn, reserve1 - amountOut) : (reserve0 - amountOut, reserve1 + amountIn);
        (p.reserve0, p.reserve1) = (SafeCast.toUint112(reserve0), SafeCast.toUint112(reserve1));
        // EMIT
        emit Swapped(id, msg.sender, to, first, amountIn, amountOut);
        IERC20(tokenOut).safeTransfer(to, amountOut);
    }

    /// @inheritdoc IExchange
    function mark(uint256 id) external nonReentrant {
        Pool storage p = _pools[id];
        if (p.reserve0 == 0) revert NoPool(id);
        if (block.timestamp - p.marked < PERIOD) revert TooYoung(id);
        _accrue(id, p);
    }

    /// @inheritdoc IPrices
    function boundsOf(address token, address inToken) external view returns (uint256 low, uint256 high) {
        uint256 id = idOf(token, inToken);
        Pool storage p = _pools[id];
        if (p.reserve0 == 0) revert NoPool(id);
        Averages.Sums memory now_ = p.sums.stood(p.reserve0, p.reserve1, block.timestamp - p.time);
        uint256 place = p.newest;
        if (block.timestamp - p.marked < PERIOD) place = (place + 2) % 3;
        Averages.Mark memory mid = _marks[id][place];
        Averages.Mark memory old = _marks[id][(place + 2) % 3];
        if (old.time == 0 || mid.time <= old.time) revert TooYoung(id);
        bool up = token == p.token0;
        (uint256 recent, uint256 earlier) = (block.timestamp - mid.time, mid.time - old.time);
        unchecked {
            // sums may wrap, what they grew by does not
            (uint256 recentUp, uint256 recentDown) = (now_.up - mid.sums.up, now_.down - mid.sums.down);
            (uint256 earlierUp, uint256 earlierDown) = (mid.sums.up - old.sums.up, mid.sums.down - old.sums.down);
            if (!up) {
                (recentUp, recentDown, earlierDown) = (recentDown, recentUp, earlierUp);
            }
            low = Math.min(
                Averages.harmonicDown(recentDown, recent), Averages.harmonicDown(earlierDown, earlier)
            );
            high = Averages.arithmeticUp(recentUp, recent);
        }
    }

    /// @inheritdoc IExchange
    function poolOf(uint256 id) external view returns (Pool memory) {
        return _pools[id];
    }

    /// @inheritdoc IExchange
    function idOf(address tokenA, address tokenB) public view returns (uint256) {
        (address token0, address token1) = _sorted(tokenA, tokenB);
        return _ids[token0][token1];
    }

    /// @inheritdoc IExchange
    function markOf(uint256 id, uint8 place) external view returns (Averages.Mark memory) {
        return _marks[id][place];
    }

    /// @inheritdoc IExchange
    function quoteDown(uint256 id, bool first, uint256 amountIn) external view returns (uint256) {
        return _quoteDown(id, _pools[id], first, amountIn);
    }

    function _quoteDown(uint256 id, Pool storage p, bool first, uint256 amountIn) private view returns (uint256) {
        (uint256 reserveIn, uint256 reserveOut) = first ? (p.reserve0, p.reserve1) : (p.reserve1, p.reserve0);
        if (reserveIn == 0) revert NoPool(id);
        uint256 counted = amountIn * (1e4 - p.feeBps);
        return Math.mulDiv(reserveOut, counted, reserveIn * 1e4 + counted);
    }

    /// @dev What was sent must be what arrived.
    function _receive(address token, uint256 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        if (IERC20(token).balanceOf(address(this)) != before + amount) revert NotReceived(token);
    }

    /// @dev The price that stood since the last call counts for as long as it stood.
    function _accrue(uint256 id, Pool storage p) private {
        if (p.time == block.timestamp) return;
        if (p.reserve0 != 0) {
            p.sums = p.sums.stood(p.reserve0, p.reserve1, block.timestamp - p.time);
            if (block.timestamp - p.marked >= PERIOD) _mark(id, p);
        }
        p.time = uint32(block.timestamp);
    }

    function _mark(uint256 id, Pool storage p) private {
        uint8 place = (p.newest + 1) % 3;
        (p.newest, p.marked) = (place, uint64(block.timestamp));
        _marks[id][place] = Averages.Mark(p.sums, uint64(block.timestamp));
        emit Marked(id, p.sums.up, p.sums.down);
    }

    function _sorted(address a, address b) private pure returns (address, address) {
        return a < b ? (a, b) : (b, a);
    }
}
