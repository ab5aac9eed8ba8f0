// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title KLP: at most 2,000,000,000, of which 70 % can only ever be earned
/// @notice 30 % exists from genesis. The compute reserve is minted by Emission alone, for listening
///         and effort. The reserves for liquidity and circulation have no minter yet and no function here can give them one.
interface IToken {
    /// @notice Compute rewards were minted.
    /// @param to Address that was paid.
    /// @param amount In units of 1e-18 KLP.
    /// @param emitted Compute rewards minted so far.
    event Emitted(address indexed to, uint256 amount, uint256 emitted);

    /// @notice Only Emission may.
    error OnlyEmission();

    /// @notice The compute reserve holds less.
    /// @param asked What was asked for.
    /// @param left What the reserve still holds.
    error ReserveSpent(uint256 asked, uint256 left);

    /// @notice All there can ever be.
    function CAP() external view returns (uint256);

    /// @notice At genesis, 5 %.
    function FUNDRAISING() external view returns (uint256);

    /// @notice At genesis, 20 %.
    function LAB() external view returns (uint256);

    /// @notice At genesis, 5 %.
    function FOUNDATION() external view returns (uint256);

    /// @notice To be earned, 50 %.
    function COMPUTE_RESERVE() external view returns (uint256);

    /// @notice Without a minter, 10 %.
    function LIQUIDITY_RESERVE() external view returns (uint256);

    /// @notice Without a minter, 10 %.
    function CIRCULATION_RESERVE() external view returns (uint256);

    /// @notice Compute rewards that were emitted on the chain this network moved from.
    function former() external view returns (uint256);

    /// @notice Compute rewards minted so far, those of a former chain included.
    function emitted() external view returns (uint256);

    /// @notice Pay `amount` out of the compute reserve.
    /// @param to Address that is paid.
    /// @param amount In units of 1e-18 KLP.
    function emitTo(address to, uint256 amount) external;
}
