// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "../src/core/IDirectory.sol";
import {Claims} from "../src/move/Claims.sol";
import {Proof} from "./World.sol";

contract ClaimsProof is Proof {
    Claims private claims;

    function setUp() public {
        _begin();
        claims = new Claims(IDirectory(address(places)), keccak256("any root"));
        _anything(address(claims));
    }

    /// @dev A claim is paid to the unit, to its owner and nobody else, and never again.
    function check_restore(uint256 index, uint256 other, address owner, address bystander, uint256 amount, bytes32 beside)
        external
    {
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = beside;
        bytes memory call = abi.encodeCall(claims.restore, (index, owner, amount, proof));
        HEVM.assume(owner != address(claims) && bystander != owner && bystander != address(claims) && other != index);
        uint256 held = coin.balanceOf(address(claims));
        uint256 had = coin.balanceOf(owner);
        uint256 beyond = coin.balanceOf(bystander);
        bool was = claims.restored(index);
        bool another = claims.restored(other);
        (bool done,) = address(claims).call(call);
        if (!done) return;
        assert(!was && claims.restored(index) && claims.restored(other) == another);
        assert(coin.balanceOf(address(claims)) == held - amount && coin.balanceOf(owner) == had + amount);
        assert(coin.balanceOf(bystander) == beyond);
        (bool again,) = address(claims).call(call);
        assert(!again);
    }
}
