// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IRules} from "../core/IRules.sol";
import {ILoans} from "./ILoans.sol";
import {IPrices} from "./IPrices.sol";
import {Interest} from "./Interest.sol";

/// @title Loans against collateral, in markets that nothing connects
/// @notice It counts what it holds by itself. In a market, what is lent is never more than what was supplied; a million
///         virtual shares of one virtual token stand beside all others, so that no first share can be made dear.
contract Loans is ILoans, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    uint256 private constant ONE = 1e18;
    uint256 private constant SHARES = 1e6;
    uint256 private constant ASSETS = 1;
    uint256 private constant PRICE = 1e36;

    IRules public immutable rules;

    uint16 public mostLimitBps = 8000;
    mapping(bytes32 id => Market) private _markets;
    mapping(bytes32 id => mapping(address owner => Position)) private _positions;

    constructor(IDirectory d) {
        rules = IRules(d.addressOf("Rules"));
        emit MostLimitSet(mostLimitBps);
    }

    /// @inheritdoc ILoans
    function propose(uint16 bps) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        if (bps < 1000 || bps > 9000) revert TermOutOfRange("mostLimitBps");
        // APPLY
        mostLimitBps = bps;
        // EMIT
        emit MostLimitSet(bps);
    }

    /// @inheritdoc ILoans
    function open(Terms calldata t) external returns (bytes32 id) {
        // CHECK
        id = idOf(t);
        if (_markets[id].time != 0) revert NoMarket(id);
        if (t.loan == t.collateral || t.loan.code.length == 0 || t.collateral.code.length == 0) {
            revert TermOutOfRange("loan");
        }
        if (t.limit == 0 || t.limit > uint256(mostLimitBps) * 1e14) revert TermOutOfRange("limit");
        if (t.atKink > ONE || t.atFull < t.atKink || t.atFull > 4 * ONE) revert TermOutOfRange("atFull");
        if (t.notice < 1 hours || t.notice > 7 days) revert TermOutOfRange("notice");
        IPrices(t.prices).boundsOf(t.collateral, t.loan); // which must say something
        // APPLY
        _markets[id].time = uint64(block.timestamp);
        // EMIT
        emit Opened(id, t);
    }

    /// @inheritdoc ILoans
    function accrue(Terms calldata t) external nonReentrant {
        _accrue(idOf(t), t);
    }

    /// @inheritdoc ILoans
    function supply(Terms calldata t, uint256 assets, address owner) external nonReentrant returns (uint256 shares) {
        // ACCRUE
        bytes32 id = idOf(t);
        Market storage m = _accrue(id, t);
        // CHECK
        shares = Math.mulDiv(assets, m.supplyShares + SHARES, m.supplied + ASSETS); // rounds down
        if (shares == 0 || owner == address(0)) revert Nothing();
        // APPLY
        (m.supplied, m.supplyShares) = ((m.supplied + assets).toUint128(), (m.supplyShares + shares).toUint128());
        _positions[id][owner].supplyShares += uint128(shares);
        // EMIT
        emit Supplied(id, msg.sender, owner, assets, shares);
        _receive(t.loan, assets);
    }

    /// @inheritdoc ILoans
    function withdraw(Terms calldata t, uint256 shares, address to) external nonReentrant returns (uint256 assets) {
        // ACCRUE
        bytes32 id = idOf(t);
        Market storage m = _accrue(id, t);
        // CHECK
        assets = Math.mulDiv(shares, m.supplied + ASSETS, m.supplyShares + SHARES); // rounds down
        if (assets == 0) revert Nothing();
        if (assets > m.supplied - m.lent) revert NotFree(assets, m.supplied - m.lent);
        // APPLY
        _positions[id][msg.sender].supplyShares -= shares.toUint128();
        (m.supplied, m.supplyShares) = (uint128(m.supplied - assets), uint128(m.supplyShares - shares));
        // EMIT
        emit Withdrawn(id, msg.sender, to, assets, shares);
        IERC20(t.loan).safeTransfer(to, assets);
    }

    /// @inheritdoc ILoans
    function lock(Terms calldata t, uint256 amount, address owner) external nonReentrant {
        // CHECK
        bytes32 id = idOf(t);
        if (_markets[id].time == 0) revert NoMarket(id);
        if (amount == 0 || owner == address(0)) revert Nothing();
        // APPLY
        _positions[id][owner].collateral += amount.toUint128();
        // EMIT
        emit Locked(id, msg.sender, owner, amount);
        _receive(t.collateral, amount);
    }

    /// @inheritdoc ILoans
    function free(Terms calldata t, uint256 amount, address to) external nonReentrant {
        // ACCRUE
        bytes32 id = idOf(t);
        Market storage m = _accrue(id, t);
        // APPLY
        Position storage p = _positions[id][msg.sender];
        if (amount == 0) revert Nothing();
        p.collateral -= amount.toUint128();
        // CHECK
        _requireHealthy(t, m, p);
        // EMIT
        emit Freed(id, msg.sender, to, amount);
        IERC20(t.collateral).safeTransfer(to, amount);
    }

    /// @inheritdoc ILoans
    function borrow(Terms calldata t, uint256 assets, address to) external nonReentrant returns (uint256 shares) {
        // ACCRUE
        bytes32 id = idOf(t);
        Market storage m = _accrue(id, t);
        // APPLY
        if (assets == 0) revert Nothing();
        if (assets > m.supplied - m.lent) revert NotFree(assets, m.supplied - m.lent);
        shares = Math.mulDiv(assets, m.debtShares + SHARES, m.lent + ASSETS, Math.Rounding.Ceil);
        (m.lent, m.debtShares) = (uint128(m.lent + assets), (m.debtShares + shares).toUint128());
        Position storage p = _positions[id][msg.sender];
        p.debtShares += uint128(shares);
        // CHECK
        _requireHealthy(t, m, p);
        // EMIT
        emit Borrowed(id, msg.sender, to, assets, shares);
        IERC20(t.loan).safeTransfer(to, assets);
    }

    /// @inheritdoc ILoans
    function repay(Terms calldata t, uint256 shares, address owner) external nonReentrant returns (uint256 assets) {
        // ACCRUE
        bytes32 id = idOf(t);
        Market storage m = _accrue(id, t);
        // CHECK
        if (shares == 0) revert Nothing();
        // APPLY
        assets = _debtUp(m, shares);
        _pay(m, _positions[id][owner], shares);
        // EMIT
        emit Repaid(id, msg.sender, owner, assets, shares);
        _receive(t.loan, assets);
    }

    /// @inheritdoc ILoans
    function callMargin(Terms calldata t, address owner) external nonReentrant {
        // ACCRUE
        bytes32 id = idOf(t);
        Market storage m = _accrue(id, t);
        // CHECK
        Position storage p = _positions[id][owner];
        (uint256 worth,) = _worthUp(t, p);
        bool running = p.called != 0 && block.timestamp <= p.called + 2 * uint256(t.notice);
        if (running || _debtUp(m, p.debtShares) * ONE <= worth * t.limit) revert NotDue(owner);
        // APPLY
        p.called = uint64(block.timestamp);
        // EMIT
        emit Called(id, owner);
    }

    /// @inheritdoc ILoans
    function clearCall(Terms calldata t, address owner) external nonReentrant {
        // ACCRUE
        bytes32 id = idOf(t);
        Market storage m = _accrue(id, t);
        // CHECK
        Position storage p = _positions[id][owner];
        (uint256 worth,) = _worthUp(t, p);
        if (p.called == 0 || _debtUp(m, p.debtShares) * ONE > worth * t.limit) revert NotDue(owner);
        // APPLY
        p.called = 0;
        // EMIT
        emit CallCleared(id, owner);
    }

    /// @inheritdoc ILoans
    function liquidate(Terms calldata t, address owner, uint256 shares, uint256 least)
        external
        nonReentrant
        returns (uint256 assets, uint256 seized)
    {
        // ACCRUE
        bytes32 id = idOf(t);
        Market storage m = _accrue(id, t);
        // CHECK
        Position storage p = _positions[id][owner];
        if (shares == 0) revert Nothing();
        (uint256 worth, uint256 price) = _worthUp(t, p);
        if (!_due(t, p, _debtUp(m, p.debtShares), worth)) revert NotDue(owner);
        assets = _debtUp(m, shares);
        uint256 bonus = Math.min((ONE - t.limit) / 4, ONE / 10);
        seized = Math.min(Math.mulDiv(assets * (ONE + bonus), PRICE, price * ONE), p.collateral); // rounds down
        if (seized < least || seized == 0) revert TooLittle(seized, least);
        // APPLY
        _pay(m, p, shares);
        p.collateral -= uint128(seized);
        (uint256 lost, uint256 lostShares) = (0, 0);
        if (p.collateral == 0 && p.debtShares != 0) {
            lostShares = p.debtShares;
            lost = _pay(m, p, lostShares);
            m.supplied -= uint128(lost);
        }
        // EMIT
        emit Liquidated(id, msg.sender, owner, assets, shares, seized, lost, lostShares);
        IERC20(t.collateral).safeTransfer(msg.sender, seized);
        _receive(t.loan, assets);
    }

    /// @inheritdoc ILoans
    function idOf(Terms calldata t) public pure returns (bytes32) {
        return keccak256(abi.encode(t));
    }

    /// @inheritdoc ILoans
    function marketOf(bytes32 id) external view returns (Market memory) {
        return _markets[id];
    }

    /// @inheritdoc ILoans
    function positionOf(bytes32 id, address owner) external view returns (Position memory) {
        return _positions[id][owner];
    }

    /// @dev Interest comes to what is lent and to what was supplied alike.
    function _accrue(bytes32 id, Terms calldata t) private returns (Market storage m) {
        m = _markets[id];
        if (m.time == 0) revert NoMarket(id);
        uint256 passed = block.timestamp - m.time;
        if (passed == 0) return m;
        m.time = uint64(block.timestamp);
        if (m.lent == 0) return m;
        uint256 rate = Interest.rateDown(m.lent, m.supplied, t.atKink, t.atFull);
        uint256 interest = Interest.onDown(m.lent, rate, passed);
        (m.lent, m.supplied) = ((m.lent + interest).toUint128(), (m.supplied + interest).toUint128());
        emit Accrued(id, interest);
    }

    /// @dev Who pays pays what is rounded up, but while others owe no more than the rounded down is taken off: else shares
    ///      paid one by one would leave ever more of them for no debt, until nobody could borrow.
    function _pay(Market storage m, Position storage p, uint256 shares) private returns (uint256 worth) {
        p.debtShares -= shares.toUint128();
        worth = shares == m.debtShares
            ? Math.min(_debtUp(m, shares), m.lent) // what was rounded up may be one more than all that is lent
            : Math.mulDiv(shares, m.lent + ASSETS, m.debtShares + SHARES); // rounds down
        (m.lent, m.debtShares) = (uint128(m.lent - worth), uint128(m.debtShares - shares));
    }

    function _debtUp(Market storage m, uint256 shares) private view returns (uint256) {
        return Math.mulDiv(shares, m.lent + ASSETS, m.debtShares + SHARES, Math.Rounding.Ceil);
    }

    /// @dev By the upper bound: nobody is sold off because a price was pushed down for a moment.
    function _worthUp(Terms calldata t, Position storage p) private view returns (uint256 worth, uint256 price) {
        (, price) = IPrices(t.prices).boundsOf(t.collateral, t.loan);
        worth = Math.mulDiv(p.collateral, price, PRICE);
    }

    function _due(Terms calldata t, Position storage p, uint256 debt, uint256 worth) private view returns (bool) {
        if (debt * ONE > worth * ((ONE + t.limit) / 2)) return true;
        if (debt * ONE <= worth * t.limit || p.called == 0) return false;
        uint256 since = block.timestamp - p.called;
        return since >= t.notice && since <= 2 * uint256(t.notice);
    }

    /// @dev By the lower bound: nobody borrows because a price was pushed up for a moment.
    function _requireHealthy(Terms calldata t, Market storage m, Position storage p) private view {
        if (p.debtShares == 0) return;
        (uint256 low,) = IPrices(t.prices).boundsOf(t.collateral, t.loan);
        uint256 most = Math.mulDiv(Math.mulDiv(p.collateral, low, PRICE), t.limit, ONE); // rounds down
        uint256 owed = _debtUp(m, p.debtShares);
        if (owed > most) revert TooMuchDebt(owed, most);
    }

    /// @dev What was sent must be what arrived.
    function _receive(address token, uint256 amount) private {
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        if (IERC20(token).balanceOf(address(this)) != before + amount) revert NotReceived(token);
    }
}
