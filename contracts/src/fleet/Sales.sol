// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IDirectory} from "../core/IDirectory.sol";
import {IDevices} from "./IDevices.sol";
import {ISales} from "./ISales.sol";

/// @title What is sold and its price change hands in one transaction, or neither does (E5)
/// @notice The price goes through this contract and does not stay: its balance is 0 between transactions.
contract Sales is ISales {
    using SafeERC20 for IERC20;

    IERC20 public immutable token;
    IDevices public immutable devices;

    uint256 public count;
    mapping(uint256 id => Offer) private _offers;

    constructor(IDirectory d) {
        token = IERC20(d.addressOf("Token"));
        devices = IDevices(d.addressOf("Devices"));
    }

    /// @inheritdoc ISales
    function offer(address buyer, uint128 price, uint64 until, uint256 device, bytes32 what)
        external
        returns (uint256 id)
    {
        // CHECK
        if (until <= block.timestamp) revert WrongTimes();
        if (device == 0 ? what == 0 : devices.ownerOf(device) != msg.sender) revert NotYours(device, msg.sender);
        // APPLY
        id = ++count;
        uint32 sales = device == 0 ? 0 : devices.salesOf(device);
        _offers[id] = Offer(msg.sender, buyer, price, until, State.Open, sales, device, what);
        // EMIT
        emit Offered(id, msg.sender, buyer, price, until, device, what);
    }

    /// @inheritdoc ISales
    function withdraw(uint256 id) external {
        // CHECK
        Offer storage o = _offers[id];
        if (o.state != State.Open) revert NotOffered(id);
        if (o.seller != msg.sender) revert NotForYou(id, msg.sender);
        // APPLY
        o.state = State.Withdrawn;
        // EMIT
        emit Withdrawn(id);
    }

    /// @inheritdoc ISales
    function buy(uint256 id) external {
        // CHECK
        Offer storage o = _offers[id];
        (address seller, uint256 device, uint256 price) = (o.seller, o.device, o.price);
        if (o.state != State.Open || block.timestamp > o.until) revert NotOffered(id);
        if (device != 0 && devices.salesOf(device) != o.sales) revert NotOffered(id);
        if (o.buyer != address(0) && o.buyer != msg.sender) revert NotForYou(id, msg.sender);
        // APPLY
        (o.state, o.buyer) = (State.Sold, msg.sender);
        // EMIT
        emit Sold(id, msg.sender);
        token.safeTransferFrom(msg.sender, address(this), price);
        token.safeTransfer(seller, price);
        if (device != 0) devices.transferFrom(seller, msg.sender, device);
    }

    /// @inheritdoc ISales
    function offers(uint256 id) external view returns (Offer memory) {
        return _offers[id];
    }
}
