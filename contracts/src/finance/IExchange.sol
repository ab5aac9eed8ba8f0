// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Averages} from "./Averages.sol";
import {IPrices} from "./IPrices.sol";

/// @title A pool for each pair of tokens, whose product never falls but by those who take their shares out
/// @notice Shares are tokens by ERC-6909, a pool's number is their id. Tokens that take a fee of a transfer are refused;
///         a token that changes balances by itself harms the pools that have it, and no others. What is sent here
///         without a call is nobody's.
interface IExchange is IPrices {
    struct Pool {
        address token0; // of the two addresses the lower
        uint16 feeBps; // of what comes in; a pool keeps it for ever
        uint64 marked; // when the newest mark was made, in seconds since 1970
        uint8 newest; // its place among three
        address token1;
        uint112 reserve0;
        uint112 reserve1;
        uint32 time; // until when the sums go
        Averages.Sums sums;
    }

    /// @notice What pools keep of what comes in, for those that are opened from now on.
    /// @param feeBps In 1/10,000.
    event FeeSet(uint16 feeBps);

    /// @notice A pair has a pool.
    /// @param id Number of the pool.
    /// @param token0 Of the two addresses the lower.
    /// @param token1 The other.
    /// @param feeBps What it keeps of what comes in, in 1/10,000.
    event Opened(uint256 indexed id, address indexed token0, address indexed token1, uint16 feeBps);

    /// @notice Tokens came in for shares.
    /// @param id Number of the pool.
    /// @param by Who brought them and has the shares.
    /// @param amount0 Of the first token.
    /// @param amount1 Of the second.
    /// @param shares That were made for `by`.
    event Added(uint256 indexed id, address indexed by, uint256 amount0, uint256 amount1, uint256 shares);

    /// @notice Shares were given up for tokens.
    /// @param id Number of the pool.
    /// @param by Who gave them up and has the tokens.
    /// @param amount0 Of the first token.
    /// @param amount1 Of the second.
    /// @param shares That are no more.
    event Removed(uint256 indexed id, address indexed by, uint256 amount0, uint256 amount1, uint256 shares);

    /// @notice One token came in, the other went out.
    /// @param id Number of the pool.
    /// @param by Who brought the one.
    /// @param to Who has the other.
    /// @param first Whether it was the first token that came in.
    /// @param amountIn What came in.
    /// @param amountOut What went out.
    event Swapped(
        uint256 indexed id, address indexed by, address indexed to, bool first, uint256 amountIn, uint256 amountOut
    );

    /// @notice The sums of a pool's prices were kept, to make averages of.
    /// @param id Number of the pool.
    /// @param up Sum of the second token per first.
    /// @param down Sum of the first per second.
    event Marked(uint256 indexed id, uint256 up, uint256 down);

    /// @notice A number is out of its range.
    /// @param name Which.
    error OutOfRange(string name);

    /// @notice A pair is of two tokens that are contracts.
    /// @param token The one that is not.
    error NoPair(address token);

    /// @notice The pair has a pool already.
    /// @param id Its number.
    error AlreadyOpen(uint256 id);

    /// @notice There is no such pool, or it is empty, or the token is not one of its two.
    /// @param id Number of the pool; 0 for a pair that has none.
    error NoPool(uint256 id);

    /// @notice It would be less than the caller wants at least.
    /// @param got What it would be.
    /// @param least What is wanted.
    error TooLittle(uint256 got, uint256 least);

    /// @notice The caller's time is over.
    /// @param until When it was, in seconds since 1970.
    error TooLate(uint256 until);

    /// @notice Another amount arrived than was sent: the token takes a fee, or changes balances by itself.
    /// @param token Which.
    error NotReceived(address token);

    /// @notice There are no averages yet: two marks must be there, and half an hour must have passed since the later. Or it is
    ///         too early for another mark.
    /// @param id Number of the pool.
    error TooYoung(uint256 id);

    /// @notice The least time that an average is of.
    function PERIOD() external view returns (uint256);

    /// @notice How many pools there are.
    function count() external view returns (uint256);

    /// @notice What pools that are opened now keep of what comes in, in 1/10,000.
    function feeBps() external view returns (uint16);

    /// @notice Set that; the owner of the rules only, and no pool that is there changes.
    /// @param feeBps_ In 1/10,000.
    function propose(uint16 feeBps_) external;

    /// @notice Open a pool for a pair that has none.
    /// @param tokenA One of the two.
    /// @param tokenB The other.
    /// @return id Its number.
    function open(address tokenA, address tokenB) external returns (uint256 id);

    /// @notice Bring both tokens, in the pool's proportion, for shares. Who comes first sets the proportion, and leaves a
    ///         thousand of the smallest shares to nobody.
    /// @param id Number of the pool.
    /// @param most0 Of the first token at most.
    /// @param most1 Of the second at most.
    /// @param leastShares That are wanted at least.
    /// @param until Until when, in seconds since 1970.
    /// @return shares That the caller has for it; rounds down.
    function add(uint256 id, uint256 most0, uint256 most1, uint256 leastShares, uint256 until)
        external
        returns (uint256 shares);

    /// @notice Give shares up for what they are of both tokens. Whoever has shares always can.
    /// @param id Number of the pool.
    /// @param shares That are given up.
    /// @param least0 Of the first token that is wanted at least.
    /// @param least1 Of the second.
    /// @return amount0 Of the first token; rounds down.
    /// @return amount1 Of the second; rounds down.
    function remove(uint256 id, uint256 shares, uint256 least0, uint256 least1)
        external
        returns (uint256 amount0, uint256 amount1);

    /// @notice Give one token for the other.
    /// @param id Number of the pool.
    /// @param first Whether it is the first token that is given.
    /// @param amountIn What is given.
    /// @param leastOut What is wanted at least.
    /// @param to Who is to have it.
    /// @param until Until when, in seconds since 1970.
    /// @return amountOut What went out; rounds down.
    function swap(uint256 id, bool first, uint256 amountIn, uint256 leastOut, address to, uint256 until)
        external
        returns (uint256 amountOut);

    /// @notice Keep the sums of a pool's prices, where that was not done for half an hour. Every call that changes
    ///         the pool does it, too.
    /// @param id Number of the pool.
    function mark(uint256 id) external;

    /// @notice A pool as it was left.
    /// @param id Number of the pool.
    function poolOf(uint256 id) external view returns (Pool memory);

    /// @notice The pool of a pair; 0 where it has none.
    /// @param tokenA One of the two.
    /// @param tokenB The other.
    function idOf(address tokenA, address tokenB) external view returns (uint256);

    /// @notice One of the three marks of a pool.
    /// @param id Number of the pool.
    /// @param place From 0 to 2; a new one replaces the oldest.
    function markOf(uint256 id, uint8 place) external view returns (Averages.Mark memory);

    /// @notice What would go out.
    /// @param id Number of the pool.
    /// @param first Whether it is the first token that is given.
    /// @param amountIn What is given.
    /// @return Rounds down.
    function quoteDown(uint256 id, bool first, uint256 amountIn) external view returns (uint256);
}
