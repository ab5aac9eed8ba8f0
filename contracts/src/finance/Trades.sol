// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC6909} from "@openzeppelin/contracts/interfaces/IERC6909.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IDevices} from "../fleet/IDevices.sol";
import {ITrades} from "./ITrades.sol";

/// @title A market of devices and of models' shares (E3)
/// @notice Devices are moved by `transferFrom`, which calls no receiver; shares and KLP call nobody.
contract Trades is ITrades {
    using SafeERC20 for IERC20;

    uint256 private constant STEP = 20; // a bid is this part of the last one above it
    uint64 private constant LATE = 10 minutes;
    uint64 private constant PATIENCE = 1 days;

    IERC20 public immutable token;
    IDevices public immutable devices;
    IERC6909 public immutable models;

    uint256 public offers;
    uint256 public wants;
    mapping(address owner => uint256) public owed;
    mapping(uint256 id => Offer) private _offers;
    mapping(uint256 id => Want) private _wants;

    /// @param models_ Of the same pack, which is entered in the directory only when all of it is there.
    constructor(IDirectory d, IERC6909 models_) {
        token = IERC20(d.addressOf("Token"));
        devices = IDevices(d.addressOf("Devices"));
        models = models_;
    }

    /// @inheritdoc ITrades
    function offer(Thing calldata t, bool rising, uint128 first, uint128 last, uint64 until)
        external
        returns (uint256 id)
    {
        // CHECK
        _requireThing(t, until);
        if (first == 0 || last > first || (rising && last != 0)) revert WrongTerms("first");
        bool device = t.kind == Kind.Device;
        if (device && devices.ownerOf(t.id) != msg.sender) revert NotYours(msg.sender);
        if (!device && models.balanceOf(msg.sender, t.id) < t.amount) revert NotYours(msg.sender);
        // APPLY
        id = ++offers;
        Offer storage o = _offers[id];
        (o.seller, o.state, o.rising, o.opens, o.until) =
            (msg.sender, State.Open, rising, uint64(block.timestamp), until);
        (o.first, o.last, o.thing, o.sales) = (first, last, t, device ? devices.salesOf(t.id) : 0);
        // EMIT
        emit OfferOpened(id, msg.sender, t, rising, first, last, until);
    }

    /// @inheritdoc ITrades
    function withdraw(uint256 id) external {
        // CHECK
        Offer storage o = _offers[id];
        if (o.state != State.Open || o.bid != 0) revert NotTraded(id);
        if (o.seller != msg.sender) revert NotYours(msg.sender);
        // APPLY
        o.state = State.Over;
        // EMIT
        emit OfferOver(id);
    }

    /// @inheritdoc ITrades
    function buy(uint256 id, uint128 most) external {
        // CHECK
        Offer storage o = _offers[id];
        if (o.state != State.Open || o.rising || block.timestamp > o.until) revert NotTraded(id);
        uint256 price = priceUp(id);
        if (price > most) revert WrongPrice(price, most);
        // APPLY
        o.state = State.Done;
        // EMIT
        emit OfferSold(id, msg.sender, uint128(price));
        token.safeTransferFrom(msg.sender, address(this), price);
        token.safeTransfer(o.seller, price);
        _give(o.thing, o.thing.id, o.seller, msg.sender, o.sales);
    }

    /// @inheritdoc ITrades
    function bid(uint256 id, uint128 amount) external {
        // CHECK
        Offer storage o = _offers[id];
        if (o.state != State.Open || !o.rising || block.timestamp > o.until) revert NotTraded(id);
        uint256 least = priceUp(id);
        if (amount < least) revert WrongPrice(least, amount);
        // APPLY
        if (o.bid != 0) owed[o.bidder] += o.bid;
        (o.bidder, o.bid) = (msg.sender, amount);
        if (block.timestamp + LATE > o.until) o.until = uint64(block.timestamp) + LATE;
        // EMIT
        emit BidMade(id, msg.sender, amount, o.until);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc ITrades
    function settle(uint256 id) external {
        // CHECK
        Offer storage o = _offers[id];
        if (o.state != State.Open || o.bid == 0 || block.timestamp <= o.until) revert NotTraded(id);
        // APPLY
        o.state = State.Done;
        // EMIT
        emit OfferSold(id, o.bidder, o.bid);
        token.safeTransfer(o.seller, o.bid);
        _give(o.thing, o.thing.id, o.seller, o.bidder, o.sales);
    }

    /// @inheritdoc ITrades
    function release(uint256 id) external {
        // CHECK
        Offer storage o = _offers[id];
        if (o.state != State.Open || o.bid == 0 || block.timestamp <= o.until + PATIENCE) revert NotTraded(id);
        // APPLY
        o.state = State.Over;
        owed[o.bidder] += o.bid;
        // EMIT
        emit OfferOver(id);
    }

    /// @inheritdoc ITrades
    function want(Thing calldata t, uint128 price, uint64 until) external returns (uint256 id) {
        // CHECK
        _requireThing(t, until);
        if (price == 0 || (t.kind == Kind.Shares && t.id == 0)) revert WrongTerms("price");
        // APPLY
        id = ++wants;
        _wants[id] = Want(msg.sender, State.Open, until, price, t);
        // EMIT
        emit WantOpened(id, msg.sender, t, price, until);
        token.safeTransferFrom(msg.sender, address(this), price);
    }

    /// @inheritdoc ITrades
    function fill(uint256 id, uint256 given) external {
        // CHECK
        Want storage w = _wants[id];
        if (w.state != State.Open || block.timestamp > w.until) revert NotTraded(id);
        if (w.thing.id != 0 && w.thing.id != given) revert WrongTerms("given");
        // APPLY
        w.state = State.Done;
        // EMIT
        emit WantFilled(id, msg.sender, given);
        token.safeTransfer(msg.sender, w.price);
        uint32 sales = w.thing.kind == Kind.Device ? devices.salesOf(given) : 0;
        _give(w.thing, given, msg.sender, w.by, sales);
    }

    /// @inheritdoc ITrades
    function cancel(uint256 id) external {
        // CHECK
        Want storage w = _wants[id];
        if (w.state != State.Open) revert NotTraded(id);
        if (w.by != msg.sender && block.timestamp <= w.until) revert NotYours(msg.sender);
        // APPLY
        w.state = State.Over;
        // EMIT
        emit WantOver(id);
        token.safeTransfer(w.by, w.price);
    }

    /// @inheritdoc ITrades
    function collect() external returns (uint256 amount) {
        // CHECK
        amount = owed[msg.sender];
        if (amount == 0) revert Nothing();
        // APPLY
        owed[msg.sender] = 0;
        // EMIT
        emit BidCollected(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc ITrades
    function offerOf(uint256 id) external view returns (Offer memory) {
        return _offers[id];
    }

    /// @inheritdoc ITrades
    function wantOf(uint256 id) external view returns (Want memory) {
        return _wants[id];
    }

    /// @inheritdoc ITrades
    function priceUp(uint256 id) public view returns (uint256) {
        Offer storage o = _offers[id];
        if (o.rising) return o.bid == 0 ? o.first : o.bid + Math.ceilDiv(o.bid, STEP);
        uint256 passed = Math.min(block.timestamp, o.until) - o.opens;
        return o.first - (uint256(o.first - o.last) * passed) / (o.until - o.opens);
    }

    function _requireThing(Thing calldata t, uint64 until) private view {
        if (until <= block.timestamp || until > block.timestamp + 365 days) revert WrongTerms("until");
        if (t.amount == 0 || (t.kind == Kind.Device && t.amount != 1)) revert WrongTerms("amount");
    }

    function _give(Thing storage t, uint256 id, address from, address to, uint32 sales) private {
        if (t.kind == Kind.Device) {
            if (devices.salesOf(id) != sales) revert SoldSince(id);
            devices.transferFrom(from, to, id);
        } else {
            models.transferFrom(from, to, id, t.amount);
        }
    }
}
