// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IToken} from "./IToken.sol";

/// @title The reserves for liquidity and circulation: by their own packs alone, at rates that the owner of the rules sets
/// @notice What may be minted grows evenly at the rate, from the moment that it is set, and never beyond what the reserve
///         holds. A change of the rate does not reach back. The contracts that may mint are those that the directory has
///         under the names `Liquidity` and `Circulation`: until they are entered, nobody may.
interface IReserves {
    struct Tap {
        uint128 perDay; // the rate, in units of 1e-18 KLP
        uint128 grown; // what could be minted at `since`
        uint64 since; // seconds since 1970
    }

    /// @notice A rate is set.
    /// @param which The reserve.
    /// @param perDay What may be minted in 24 hours, in units of 1e-18 KLP.
    /// @param grown What may be minted now.
    event RateSet(IToken.Reserve indexed which, uint128 perDay, uint128 grown);

    /// @notice Tokens were minted from a reserve.
    /// @param which The reserve.
    /// @param to Address that was paid.
    /// @param amount In units of 1e-18 KLP.
    /// @param minted From this reserve so far.
    event Minted(IToken.Reserve indexed which, address indexed to, uint256 amount, uint256 minted);

    /// @notice The rate is above its range.
    /// @param perDay What was asked for.
    /// @param most The highest rate.
    error RateTooHigh(uint128 perDay, uint128 most);

    /// @notice Only the contract of the reserve's own pack may.
    /// @param caller Who called.
    error NotMinter(address caller);

    /// @notice More than has grown at the rate.
    /// @param asked What was asked for.
    /// @param available What may be minted now.
    error NotYet(uint256 asked, uint256 available);

    /// @notice The highest rate: a reserve lasts a year at least.
    function MOST_A_DAY() external view returns (uint128);

    /// @notice Set how much of a reserve may be minted in 24 hours; the owner of the rules only. What has grown stays.
    /// @param which The reserve.
    /// @param perDay In units of 1e-18 KLP.
    function setRate(IToken.Reserve which, uint128 perDay) external;

    /// @notice Pay out of a reserve; the contract of its own pack only.
    /// @param which The reserve.
    /// @param to Address that is paid.
    /// @param amount In units of 1e-18 KLP.
    function mint(IToken.Reserve which, address to, uint256 amount) external;

    /// @notice What may be minted now.
    /// @param which The reserve.
    /// @return In units of 1e-18 KLP; rounds down.
    function available(IToken.Reserve which) external view returns (uint256);

    /// @notice The rate of a reserve and what had grown when it was set or last used.
    /// @param which The reserve.
    /// @return Them.
    function tapOf(IToken.Reserve which) external view returns (Tap memory);

    /// @notice Who may mint from a reserve; zero until its pack is entered in the directory.
    /// @param which The reserve.
    /// @return The contract's address.
    function minterOf(IToken.Reserve which) external view returns (address);
}
