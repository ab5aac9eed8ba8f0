// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDirectory} from "./IDirectory.sol";
import {IReserves} from "./IReserves.sol";
import {IRules} from "./IRules.sol";
import {IToken} from "./IToken.sol";

/// @title The reserves for liquidity and circulation: by their own packs alone, at rates that the owner of the rules sets
/// @notice What may be minted grows evenly at the rate, from the moment that it is set, and never beyond what the reserve
///         holds. A change of the rate does not reach back. The contracts that may mint are those that the directory has
///         under the names `Liquidity` and `Circulation`: until they are entered, nobody may.
contract Reserves is IReserves {
    uint128 public constant MOST_A_DAY = 200_000_000e18 / uint128(365); // a reserve lasts a year at least

    IDirectory public immutable directory;
    IRules public immutable rules;
    IToken public immutable token;

    mapping(IToken.Reserve which => Tap) private _taps;

    constructor(IDirectory d) {
        directory = d;
        rules = IRules(d.addressOf("Rules"));
        token = IToken(d.addressOf("Token"));
    }

    /// @inheritdoc IReserves
    function setRate(IToken.Reserve which, uint128 perDay) external {
        // CHECK
        if (msg.sender != rules.owner()) revert Ownable.OwnableUnauthorizedAccount(msg.sender);
        if (perDay > MOST_A_DAY) revert RateTooHigh(perDay, MOST_A_DAY);
        // ACCRUE
        uint128 grown = uint128(available(which));
        // APPLY
        _taps[which] = Tap(perDay, grown, uint64(block.timestamp));
        // EMIT
        emit RateSet(which, perDay, grown);
    }

    /// @inheritdoc IReserves
    function mint(IToken.Reserve which, address to, uint256 amount) external {
        // CHECK
        if (msg.sender != minterOf(which)) revert NotMinter(msg.sender);
        uint256 grown = available(which);
        if (amount > grown) revert NotYet(amount, grown);
        // APPLY
        (_taps[which].grown, _taps[which].since) = (uint128(grown - amount), uint64(block.timestamp));
        token.mintFrom(which, to, amount);
        // EMIT
        emit Minted(which, to, amount, token.mintedFrom(which));
    }

    /// @inheritdoc IReserves
    function available(IToken.Reserve which) public view returns (uint256) {
        Tap memory t = _taps[which];
        uint256 grown = t.grown + (uint256(t.perDay) * (block.timestamp - t.since)) / 1 days; // rounds down
        return Math.min(grown, token.leftIn(which));
    }

    /// @inheritdoc IReserves
    function tapOf(IToken.Reserve which) external view returns (Tap memory) {
        return _taps[which];
    }

    /// @inheritdoc IReserves
    function minterOf(IToken.Reserve which) public view returns (address) {
        bytes32 name = which == IToken.Reserve.Liquidity ? bytes32("Liquidity") : bytes32("Circulation");
        return directory.find(name);
    }
}
