// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Rewards for liquidity, from their reserve alone (E4)
/// @notice Who leaves shares of a pool here earns by how many and how long. What the reserve may mint by the rate that the
///         owner of the rules set is shared out as it grows: between the pools that the owner named by their weights, and in a
///         pool by shares. What is there for a moment earns nothing, since nothing grows in it; what grows while nobody has
///         shares here is nobody's. What is earned in a week vests over ninety days from its end.
interface ILiquidity {
    struct Pool {
        uint16 weight;
        uint256 index; // of all weights, as this pool has counted it
        uint256 perShare; // what a share ever earned, 27 decimals
        uint256 staked;
    }

    struct Stake {
        uint256 shares;
        uint256 seen; // of `perShare`
    }

    /// @notice A pool has another weight; 0 where it earns no more.
    /// @param pool Its number.
    /// @param weight Beside those of other pools.
    event WeightSet(uint256 indexed pool, uint16 weight);

    /// @notice What grew since was shared out.
    /// @param amount In units of 1e-18 KLP.
    /// @param shared Whether anybody has shares here; else it is nobody's.
    event Grown(uint256 amount, bool shared);

    /// @notice Shares came in.
    /// @param pool Number of the pool.
    /// @param owner Whose they are.
    /// @param shares How many.
    event Staked(uint256 indexed pool, address indexed owner, uint256 shares);

    /// @notice Shares went back.
    /// @param pool Number of the pool.
    /// @param owner Whose they are.
    /// @param shares How many.
    event Unstaked(uint256 indexed pool, address indexed owner, uint256 shares);

    /// @notice What somebody's shares earned until now is counted.
    /// @param pool Number of the pool.
    /// @param owner Who.
    /// @param week In which it is counted; weeks since 1970.
    /// @param amount In units of 1e-18 KLP.
    event LiquidityEarned(uint256 indexed pool, address indexed owner, uint256 week, uint256 amount);

    /// @notice What has vested was minted.
    /// @param owner To whom.
    /// @param week In which it was earned.
    /// @param amount In units of 1e-18 KLP.
    event LiquidityPaid(address indexed owner, uint256 indexed week, uint256 amount);

    /// @notice Only so many pools earn.
    error TooManyPools();

    /// @notice There is nothing to move or pay.
    error Nothing();

    /// @notice Pools that may earn at most.
    function MOST_POOLS() external view returns (uint256);

    /// @notice A pool here.
    /// @param pool Its number.
    /// @return It.
    function poolOf(uint256 pool) external view returns (Pool memory);

    /// @notice The pools that ever had a weight.
    function pools() external view returns (uint256[] memory);

    /// @notice Somebody's shares here.
    /// @param pool Number of the pool.
    /// @param owner Whose.
    /// @return Them.
    function stakeOf(uint256 pool, address owner) external view returns (Stake memory);

    /// @notice What somebody earned in a week, so far as it was counted.
    /// @param owner Who.
    /// @param week Weeks since 1970.
    function earnedIn(address owner, uint256 week) external view returns (uint256);

    /// @notice What of it was paid.
    /// @param owner Who.
    /// @param week Weeks since 1970.
    function paidOf(address owner, uint256 week) external view returns (uint256);

    /// @notice What was shared out and not minted yet.
    function unpaid() external view returns (uint256);

    /// @notice What grew while nobody had shares here.
    function skipped() external view returns (uint256);

    /// @notice Say how a pool weighs beside the others; the owner of the rules only.
    /// @param pool Its number.
    /// @param weight 0 for nothing.
    function setWeight(uint256 pool, uint16 weight) external;

    /// @notice Leave shares here.
    /// @param pool Number of the pool.
    /// @param shares How many.
    function stake(uint256 pool, uint256 shares) external;

    /// @notice Take shares back.
    /// @param pool Number of the pool.
    /// @param shares How many.
    function unstake(uint256 pool, uint256 shares) external;

    /// @notice Count what the caller's shares have earned until now. Any other call for them does, too.
    /// @param pool Number of the pool.
    function count(uint256 pool) external;

    /// @notice Have what has vested of what was earned in a week.
    /// @param week Weeks since 1970.
    /// @return amount In units of 1e-18 KLP; rounds down.
    function claim(uint256 week) external returns (uint256 amount);
}
