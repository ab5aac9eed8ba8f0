// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What is sold and its price change hands in one transaction, or neither does
/// @notice A device's token, or a right that `what` names (the licence of a model). An offer never changes: whoever buys by
///         its number knows what for. Nothing rests here, so there is nobody to be trusted and nothing to wait for.
interface ISales {
    enum State {
        None,
        Open,
        Withdrawn,
        Sold
    }

    struct Offer {
        address seller;
        address buyer; // who alone may buy, or zero for anybody; once sold, who did
        uint128 price;
        uint64 until; // seconds since 1970, the last at which it may be bought
        State state;
        uint32 sales; // how often the device had been sold before
        uint256 device; // or 0, where only a right is sold
        bytes32 what; // hash of what is said of it
    }

    /// @notice Something may be bought.
    /// @param id Number of the offer.
    /// @param seller Address that is paid.
    /// @param buyer Address that alone may buy; zero for anybody.
    /// @param price In units of 1e-18 KLP.
    /// @param until Until when, in seconds since 1970.
    /// @param device Token id of the device, or 0.
    /// @param what Hash of what is said of it, such as the digest of a model and its use.
    event Offered(
        uint256 indexed id,
        address indexed seller,
        address buyer,
        uint128 price,
        uint64 until,
        uint256 device,
        bytes32 what
    );

    /// @notice The seller takes an offer back.
    /// @param id Number of the offer.
    event Withdrawn(uint256 indexed id);

    /// @notice It is the buyer's, and the price is the seller's.
    /// @param id Number of the offer.
    /// @param buyer Address that paid.
    event Sold(uint256 indexed id, address indexed buyer);

    /// @notice An offer must name a device that the caller owns, or what is sold.
    /// @param device Token id of the device.
    /// @param caller Who sent the transaction.
    error NotYours(uint256 device, address caller);

    /// @notice It was sold or withdrawn, its time is over, or the device was sold elsewhere meanwhile.
    /// @param id Number of the offer.
    error NotOffered(uint256 id);

    /// @notice It is offered to somebody else.
    /// @param id Number of the offer.
    /// @param caller Who sent the transaction.
    error NotForYou(uint256 id, address caller);

    /// @notice An offer ends after now.
    error WrongTimes();

    /// @notice How many offers there were.
    function count() external view returns (uint256);

    /// @notice Offer something; a device's token must be approved for this contract before it is bought.
    /// @param buyer Address that alone may buy; zero for anybody.
    /// @param price In units of 1e-18 KLP.
    /// @param until Until when, in seconds since 1970.
    /// @param device Token id of the device, or 0.
    /// @param what Hash of what is said of it.
    /// @return id Number of the offer.
    function offer(address buyer, uint128 price, uint64 until, uint256 device, bytes32 what)
        external
        returns (uint256 id);

    /// @notice Take an offer of one's own back.
    /// @param id Number of the offer.
    function withdraw(uint256 id) external;

    /// @notice Pay, and have it.
    /// @param id Number of the offer.
    function buy(uint256 id) external;

    /// @notice An offer, and what came of it.
    /// @param id Number of the offer.
    function offers(uint256 id) external view returns (Offer memory);
}
