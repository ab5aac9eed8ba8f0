// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "../src/core/IDirectory.sol";
import {IReserves} from "../src/core/IReserves.sol";
import {IToken} from "../src/core/IToken.sol";
import {Reserves} from "../src/core/Reserves.sol";
import {Proof} from "./World.sol";

contract ReservesProof is Proof {
    Reserves private reserves;

    function setUp() public {
        _begin();
        reserves = new Reserves(IDirectory(address(places)));
        _anything(address(reserves));
        SVM.enableSymbolicStorage(address(places)); // who may mint is whoever the directory has
    }

    /// @dev A tap was set at no later time than now, as every one is; a reserve has fewer tokens than there are.
    function _can(IToken.Reserve which) private returns (uint256) {
        HEVM.assume(reserves.tapOf(which).since <= block.timestamp && coin.leftIn(which) < 2 ** 96);
        return reserves.available(which);
    }

    function _both(bool liquidity) private pure returns (IToken.Reserve, IToken.Reserve) {
        (IToken.Reserve a, IToken.Reserve b) = (IToken.Reserve.Liquidity, IToken.Reserve.Circulation);
        return liquidity ? (a, b) : (b, a);
    }

    /// @dev Only the reserve's own pack mints, no more than has grown, that once, and from no other reserve.
    function check_mint(address by, bool liquidity, address to, uint256 amount) external {
        (IToken.Reserve which, IToken.Reserve other) = _both(liquidity);
        (uint256 could, uint256 othersLeft) = (_can(which), coin.leftIn(other));
        bytes32 beyond = keccak256(abi.encode(reserves.tapOf(other)));
        uint256 left = coin.leftIn(which);
        HEVM.prank(by);
        (bool done,) = address(reserves).call(abi.encodeCall(reserves.mint, (which, to, amount)));
        if (!done) return;
        assert(by == places.find(liquidity ? bytes32("Liquidity") : bytes32("Circulation")));
        assert(amount <= could && reserves.available(which) == could - amount);
        assert(coin.leftIn(which) == left - amount && coin.leftIn(other) == othersLeft);
        assert(keccak256(abi.encode(reserves.tapOf(other))) == beyond);
    }

    /// @dev Only the owner of the rules sets a rate, within its bound, and it does not reach back.
    function check_setRate(address by, bool liquidity, uint128 perDay) external {
        (IToken.Reserve which, IToken.Reserve other) = _both(liquidity);
        uint256 could = _can(which);
        bytes32 beyond = keccak256(abi.encode(reserves.tapOf(other)));
        HEVM.prank(by);
        (bool done,) = address(reserves).call(abi.encodeCall(reserves.setRate, (which, perDay)));
        if (!done) return;
        assert(by == world.owner() && reserves.tapOf(which).perDay == perDay && perDay <= reserves.MOST_A_DAY());
        assert(reserves.available(which) == could);
        assert(keccak256(abi.encode(reserves.tapOf(other))) == beyond);
    }
}
