// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Loans against collateral, in markets that nothing connects
/// @notice A market is its terms: nobody changes them, and its number is their hash. What is lent in one is at the risk of
///         that one's collateral alone. Tokens that take a fee of transfers are refused; a token that changes balances by
///         itself harms the markets that have it.
interface ILoans {
    struct Terms {
        address loan; // what is lent
        address collateral; // what is locked for it
        address prices; // an IPrices: what the collateral is worth in what is lent
        uint64 limit; // of that worth that may be lent, with 18 decimals
        uint64 atKink; // what a year costs where four fifths are lent, with 18 decimals
        uint64 atFull; // what it costs where all is
        uint64 notice; // seconds between a margin call and the sale
    }

    struct Market {
        uint128 supplied; // tokens, with the interest that they earned
        uint128 supplyShares;
        uint128 lent; // tokens, with the interest that they owe
        uint128 debtShares;
        uint64 time; // until when interest is counted; 0 where there is no such market
    }

    struct Position {
        uint128 supplyShares;
        uint128 debtShares;
        uint128 collateral;
        uint64 called; // when the margin was called, in seconds since 1970; 0 where it is not
    }

    /// @notice The highest limit that a market may be opened with is another from now on.
    /// @param bps In 1/10,000.
    event MostLimitSet(uint16 bps);

    /// @notice There is a market.
    /// @param id Its number.
    /// @param terms What holds there.
    event Opened(bytes32 indexed id, Terms terms);

    /// @notice Interest came to what is lent, and to what was supplied.
    /// @param id Number of the market.
    /// @param interest In tokens that are lent.
    event Accrued(bytes32 indexed id, uint256 interest);

    /// @notice Tokens came in, to be lent.
    /// @param id Number of the market.
    /// @param by Who brought them.
    /// @param owner Whose they are.
    /// @param assets How many.
    /// @param shares Of all that is supplied.
    event Supplied(bytes32 indexed id, address indexed by, address indexed owner, uint256 assets, uint256 shares);

    /// @notice They went out again.
    /// @param id Number of the market.
    /// @param owner Whose they were.
    /// @param to Who has them.
    /// @param assets How many.
    /// @param shares That are no more.
    event Withdrawn(bytes32 indexed id, address indexed owner, address indexed to, uint256 assets, uint256 shares);

    /// @notice Collateral is locked.
    /// @param id Number of the market.
    /// @param by Who brought it.
    /// @param owner Whose it is.
    /// @param amount In its units.
    event Locked(bytes32 indexed id, address indexed by, address indexed owner, uint256 amount);

    /// @notice Collateral is free again.
    /// @param id Number of the market.
    /// @param owner Whose it was.
    /// @param to Who has it.
    /// @param amount In its units.
    event Freed(bytes32 indexed id, address indexed owner, address indexed to, uint256 amount);

    /// @notice Tokens are lent.
    /// @param id Number of the market.
    /// @param owner Who owes them.
    /// @param to Who has them.
    /// @param assets How many.
    /// @param shares Of all debt.
    event Borrowed(bytes32 indexed id, address indexed owner, address indexed to, uint256 assets, uint256 shares);

    /// @notice Debt is paid back.
    /// @param id Number of the market.
    /// @param by Who paid.
    /// @param owner Whose debt it was.
    /// @param assets How many tokens.
    /// @param shares Of all debt that are no more.
    event Repaid(bytes32 indexed id, address indexed by, address indexed owner, uint256 assets, uint256 shares);

    /// @notice Somebody owes more than the limit: after the notice collateral may be sold, unless more is locked or paid.
    /// @param id Number of the market.
    /// @param owner Who owes.
    event Called(bytes32 indexed id, address indexed owner);

    /// @notice The margin is good again.
    /// @param id Number of the market.
    /// @param owner Who owes.
    event CallCleared(bytes32 indexed id, address indexed owner);

    /// @notice Collateral was sold for debt.
    /// @param id Number of the market.
    /// @param by Who paid and has the collateral.
    /// @param owner Whose it was.
    /// @param assets Tokens that were paid.
    /// @param shares Of all debt that are no more.
    /// @param seized Collateral.
    /// @param lost Tokens of debt that nothing stands for any more, which those who supplied bear at once.
    /// @param lostShares Of all debt.
    event Liquidated(
        bytes32 indexed id,
        address indexed by,
        address indexed owner,
        uint256 assets,
        uint256 shares,
        uint256 seized,
        uint256 lost,
        uint256 lostShares
    );

    /// @notice A number is out of its range.
    /// @param name Which.
    error TermOutOfRange(string name);

    /// @notice There is no such market; or it is there already, for who opens it.
    /// @param id Its number.
    error NoMarket(bytes32 id);

    /// @notice Nothing would come of it.
    error Nothing();

    /// @notice More is lent than leaves so much.
    /// @param wanted Tokens that are asked for.
    /// @param free Tokens that are there.
    error NotFree(uint256 wanted, uint256 free);

    /// @notice More would be owed than the collateral allows.
    /// @param owed Tokens.
    /// @param most Tokens that may be owed.
    error TooMuchDebt(uint256 owed, uint256 most);

    /// @notice The debt is within its limit, or its margin was not called, or the notice is not over, or was over long ago.
    /// @param owner Who owes.
    error NotDue(address owner);

    /// @notice It would be less than the caller wants at least.
    /// @param got What it would be.
    /// @param least What is wanted.
    error TooLittle(uint256 got, uint256 least);

    /// @notice Another amount arrived than was sent.
    /// @param token Which.
    error NotReceived(address token);

    /// @notice The highest limit that a market may be opened with, in 1/10,000.
    function mostLimitBps() external view returns (uint16);

    /// @notice Set that; the owner of the rules only, and no market that is there changes.
    /// @param bps From 1,000 to 9,000.
    function propose(uint16 bps) external;

    /// @notice Open a market.
    /// @param t What is to hold there.
    /// @return id Its number.
    function open(Terms calldata t) external returns (bytes32 id);

    /// @notice Count the interest until now. Every call that moves tokens that are lent does it, too.
    /// @param t Of the market.
    function accrue(Terms calldata t) external;

    /// @notice Bring tokens, to be lent.
    /// @param t Of the market.
    /// @param assets How many.
    /// @param owner Whose they are to be.
    /// @return shares Of all that is supplied; rounds down.
    function supply(Terms calldata t, uint256 assets, address owner) external returns (uint256 shares);

    /// @notice Take them out again, as far as they are not lent.
    /// @param t Of the market.
    /// @param shares Of the caller's.
    /// @param to Who is to have the tokens.
    /// @return assets How many; rounds down.
    function withdraw(Terms calldata t, uint256 shares, address to) external returns (uint256 assets);

    /// @notice Lock collateral.
    /// @param t Of the market.
    /// @param amount In its units.
    /// @param owner Whose it is to be.
    function lock(Terms calldata t, uint256 amount, address owner) external;

    /// @notice Take collateral out again, as far as the caller's debt allows.
    /// @param t Of the market.
    /// @param amount In its units.
    /// @param to Who is to have it.
    function free(Terms calldata t, uint256 amount, address to) external;

    /// @notice Borrow against the caller's collateral, by the lower bound of what it is worth.
    /// @param t Of the market.
    /// @param assets How many tokens.
    /// @param to Who is to have them.
    /// @return shares Of all debt; rounds up.
    function borrow(Terms calldata t, uint256 assets, address to) external returns (uint256 shares);

    /// @notice Pay debt back. Anybody may pay anybody's.
    /// @param t Of the market.
    /// @param shares Of all debt, no more than the owner owes.
    /// @param owner Whose debt it is.
    /// @return assets How many tokens it took; rounds up.
    function repay(Terms calldata t, uint256 shares, address owner) external returns (uint256 assets);

    /// @notice Call the margin of who owes more than the limit of what the collateral is worth by the upper bound.
    /// @param t Of the market.
    /// @param owner Who owes.
    function callMargin(Terms calldata t, address owner) external;

    /// @notice Take a call back, where the debt is within its limit again.
    /// @param t Of the market.
    /// @param owner Who owes.
    function clearCall(Terms calldata t, address owner) external;

    /// @notice Pay debt of somebody who owes more than the limit after the notice, or more than half way from the limit to
    ///         all that the collateral is worth by the upper bound, and have collateral of that worth and a quarter of what
    ///         is between limit and worth besides, a tenth at most.
    /// @param t Of the market.
    /// @param owner Who owes.
    /// @param shares Of all debt.
    /// @param least Collateral that is wanted at least.
    /// @return assets How many tokens it took; rounds up.
    /// @return seized Collateral; rounds down.
    function liquidate(Terms calldata t, address owner, uint256 shares, uint256 least)
        external
        returns (uint256 assets, uint256 seized);

    /// @notice The number of a market.
    /// @param t Of the market.
    function idOf(Terms calldata t) external pure returns (bytes32);

    /// @notice A market as it was left.
    /// @param id Its number.
    function marketOf(bytes32 id) external view returns (Market memory);

    /// @notice What somebody has and owes in a market.
    /// @param id Its number.
    /// @param owner Who.
    function positionOf(bytes32 id, address owner) external view returns (Position memory);
}
