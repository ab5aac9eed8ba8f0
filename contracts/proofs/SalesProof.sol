// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ISales} from "../src/fleet/ISales.sol";
import {IDirectory} from "../src/core/IDirectory.sol";
import {Sales} from "../src/fleet/Sales.sol";
import {Proof} from "./World.sol";

/// @notice Devices that change hands as ERC-721 has it, where the contract that moves one may.
contract Things {
    mapping(uint256 device => address) public ownerOf;
    mapping(uint256 device => uint32) public salesOf;
    mapping(uint256 device => mapping(address who => bool)) private _may;

    function transferFrom(address from, address to, uint256 device) external {
        if (ownerOf[device] != from || !_may[device][msg.sender]) revert();
        ownerOf[device] = to;
        salesOf[device]++;
    }
}

contract SalesProof is Proof {
    Sales private sales;
    Things private things;

    function setUp() public {
        _begin();
        things = new Things();
        places.put("Devices", address(things));
        sales = new Sales(IDirectory(address(places)));
        _anything(address(sales));
        SVM.enableSymbolicStorage(address(things));
    }

    /// @dev What is bought is paid to its seller, to the unit, and is the buyer's; nothing stays here; never again.
    function check_buy(uint256 id, address by, address bystander) external {
        ISales.Offer memory o = sales.offers(id);
        HEVM.assume(by != address(sales) && o.seller != address(sales) && by != o.seller);
        HEVM.assume(bystander != by && bystander != o.seller && bystander != address(sales));
        uint256 had = coin.balanceOf(o.seller);
        uint256 held = coin.balanceOf(address(sales));
        uint256 beyond = coin.balanceOf(bystander);
        HEVM.prank(by);
        (bool done,) = address(sales).call(abi.encodeCall(sales.buy, (id)));
        if (!done) return;
        assert(o.state == ISales.State.Open && (o.buyer == address(0) || o.buyer == by));
        assert(coin.balanceOf(o.seller) == had + o.price && coin.balanceOf(bystander) == beyond);
        assert(coin.balanceOf(address(sales)) == held);
        assert(o.device == 0 || things.ownerOf(o.device) == by);
        HEVM.prank(by);
        (bool again,) = address(sales).call(abi.encodeCall(sales.buy, (id)));
        assert(!again);
    }

    /// @dev Only whom it belongs to offers a device or takes an offer back, and no money moves.
    function check_offer(address by, address buyer, uint128 price, uint64 until, uint256 device, bytes32 what) external {
        uint256 held = coin.balanceOf(address(sales));
        HEVM.prank(by);
        (bool done,) = address(sales).call(abi.encodeCall(sales.offer, (buyer, price, until, device, what)));
        assert(coin.balanceOf(address(sales)) == held);
        if (!done) return;
        ISales.Offer memory o = sales.offers(sales.count());
        assert(o.seller == by && o.price == price && o.state == ISales.State.Open);
        assert(device == 0 || things.ownerOf(device) == by);
    }

    function check_withdraw(uint256 id, address by) external {
        ISales.Offer memory o = sales.offers(id);
        uint256 held = coin.balanceOf(address(sales));
        HEVM.prank(by);
        (bool done,) = address(sales).call(abi.encodeCall(sales.withdraw, (id)));
        assert(coin.balanceOf(address(sales)) == held);
        if (done) assert(o.seller == by && sales.offers(id).state == ISales.State.Withdrawn);
    }
}
