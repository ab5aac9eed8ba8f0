// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IDirectory} from "../src/core/IDirectory.sol";
import {IToken} from "../src/core/IToken.sol";
import {Token} from "../src/core/Token.sol";
import {Proof} from "./World.sol";

contract TokenProof is Proof {
    address private constant EMISSION = address(0xE1);
    address private constant RESERVES = address(0xE2);
    Token private token;

    struct Books {
        uint256 supply;
        uint256 burnt;
        uint256 emitted;
        uint256 liquidity;
        uint256 circulation;
        uint256 a;
        uint256 b;
        uint256 other;
    }

    function setUp() public {
        _begin();
        places.put("Emission", EMISSION);
        places.put("Reserves", RESERVES);
        token = new Token(IDirectory(address(places)), address(1), address(2), address(3), IToken.Former(0, 0, 0, 0));
        assert(token.totalSupply() == _genesis());
        _anything(address(token));
    }

    function _genesis() private view returns (uint256) {
        return token.FUNDRAISING() + token.LAB() + token.FOUNDATION();
    }

    function _books(address a, address b, address other) private view returns (Books memory) {
        return Books(
            token.totalSupply(),
            token.burnt(),
            token.emitted(),
            token.mintedFrom(IToken.Reserve.Liquidity),
            token.mintedFrom(IToken.Reserve.Circulation),
            token.balanceOf(a),
            token.balanceOf(b),
            token.balanceOf(other)
        );
    }

    function _sound(Books memory k) private view returns (bool) {
        return k.supply + k.burnt == _genesis() + k.emitted + k.liquidity + k.circulation
            && k.emitted <= token.COMPUTE_RESERVE() && k.liquidity <= token.LIQUIDITY_RESERVE()
            && k.circulation <= token.CIRCULATION_RESERVE();
    }

    /// @dev A call that may touch the balances of `a` and `b` only: these change by what the supply does, and no other.
    ///      So all balances add up to the supply, which is genesis and what was minted, less what was burnt.
    function _conserves(bytes memory call, address by, address a, address b, address other) private returns (bool done) {
        HEVM.assume(a != b && other != a && other != b);
        Books memory k = _books(a, b, other);
        HEVM.assume(k.supply <= token.CAP() && k.burnt <= token.CAP() && k.a <= k.supply && k.b <= k.supply - k.a);
        HEVM.assume(_sound(k));
        HEVM.prank(by);
        (done,) = address(token).call(call);
        if (!done) return false;
        Books memory l = _books(a, b, other);
        assert(_sound(l));
        assert(l.a + l.b + k.supply == k.a + k.b + l.supply);
        assert(l.other == k.other);
        assert(by == EMISSION || l.emitted == k.emitted);
        assert(by == RESERVES || (l.liquidity == k.liquidity && l.circulation == k.circulation));
        assert(l.emitted >= k.emitted && l.liquidity >= k.liquidity && l.circulation >= k.circulation && l.burnt >= k.burnt);
    }

    function check_transfer(address from, address to, address other, uint256 amount) external {
        _conserves(abi.encodeCall(token.transfer, (to, amount)), from, from, to, other);
    }

    function check_transferFrom(address by, address from, address to, address other, uint256 amount) external {
        _conserves(abi.encodeCall(token.transferFrom, (from, to, amount)), by, from, to, other);
    }

    function check_burn(address by, address b, address other, uint256 amount) external {
        _conserves(abi.encodeCall(token.burn, (amount)), by, by, b, other);
    }

    function check_emitTo(address by, address to, address b, address other, uint256 amount) external {
        _conserves(abi.encodeCall(token.emitTo, (to, amount)), by, to, b, other);
    }

    function check_mintFrom(address by, address to, address b, address other, uint256 amount, bool which) external {
        IToken.Reserve reserve = which ? IToken.Reserve.Liquidity : IToken.Reserve.Circulation;
        _conserves(abi.encodeCall(token.mintFrom, (reserve, to, amount)), by, to, b, other);
    }
}
