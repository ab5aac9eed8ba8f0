// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A market of devices and of models' shares (E3)
/// @notice Offered at a fixed price, at one that falls with time, or to who bids most; or asked for by who wants any of a
///         kind. What is sold and its price change hands in one call, or neither does. Until then it stays its seller's, with
///         what it earns; the money of bids rests here.
interface ITrades {
    enum Kind {
        Device,
        Shares
    }

    enum State {
        None,
        Open,
        Done,
        Over
    }

    struct Thing {
        Kind kind;
        uint256 id; // of the device or the model; of a device that is wanted, 0 for any
        uint256 amount; // of shares; 1 for a device
    }

    struct Offer {
        address seller;
        State state;
        bool rising; // who bids most has it
        uint64 opens; // in seconds since 1970
        uint64 until;
        uint128 first; // price as it opens; the least bid
        uint128 last; // price at the end; of a fixed price, the same
        Thing thing;
        uint32 sales; // of the device, when it was offered
        address bidder;
        uint128 bid;
    }

    struct Want {
        address by;
        State state;
        uint64 until;
        uint128 price;
        Thing thing;
    }

    /// @notice Something is offered.
    /// @param id Number of the offer.
    /// @param seller Who offers it.
    /// @param thing What.
    /// @param rising Whether who bids most has it.
    /// @param first Price as it opens, or the least bid, in units of 1e-18 KLP.
    /// @param last Price at the end.
    /// @param until When that is, in seconds since 1970.
    event OfferOpened(
        uint256 indexed id, address indexed seller, Thing thing, bool rising, uint128 first, uint128 last, uint64 until
    );

    /// @notice Somebody bids more than all before.
    /// @param id Number of the offer.
    /// @param by Who.
    /// @param amount In units of 1e-18 KLP.
    /// @param until When the auction ends now.
    event BidMade(uint256 indexed id, address indexed by, uint128 amount, uint64 until);

    /// @notice It was sold.
    /// @param id Number of the offer.
    /// @param buyer Who has it.
    /// @param price In units of 1e-18 KLP.
    event OfferSold(uint256 indexed id, address indexed buyer, uint128 price);

    /// @notice It is offered no more; a bid may be collected.
    /// @param id Number of the offer.
    event OfferOver(uint256 indexed id);

    /// @notice Somebody wants one of a kind, and its price is here.
    /// @param id Number of the request.
    /// @param by Who.
    /// @param thing What; any device where its id is 0.
    /// @param price In units of 1e-18 KLP.
    /// @param until Until when, in seconds since 1970.
    event WantOpened(uint256 indexed id, address indexed by, Thing thing, uint128 price, uint64 until);

    /// @notice Somebody gave what was wanted.
    /// @param id Number of the request.
    /// @param seller Who.
    /// @param given Id of the device, or of the model.
    event WantFilled(uint256 indexed id, address indexed seller, uint256 given);

    /// @notice It is wanted no more, and its price went back.
    /// @param id Number of the request.
    event WantOver(uint256 indexed id);

    /// @notice Somebody collected bids that were outbid or came to nothing.
    /// @param owner Who.
    /// @param amount In units of 1e-18 KLP.
    event BidCollected(address indexed owner, uint256 amount);

    /// @notice These terms cannot be.
    /// @param name Which of them.
    error WrongTerms(string name);

    /// @notice There is no such offer or request, or it is not at this point.
    /// @param id Its number.
    error NotTraded(uint256 id);

    /// @notice Only whoever it belongs to may.
    /// @param caller Who called.
    error NotYours(address caller);

    /// @notice The price is above what the buyer said, or a bid below the least that counts.
    /// @param price That is asked.
    /// @param said What was said.
    error WrongPrice(uint256 price, uint256 said);

    /// @notice The device was sold otherwise since.
    /// @param device Its id.
    error SoldSince(uint256 device);

    /// @notice There is nothing to collect.
    error Nothing();

    /// @notice How many offers there are.
    function offers() external view returns (uint256);

    /// @notice How many requests there are.
    function wants() external view returns (uint256);

    /// @notice An offer.
    /// @param id Its number.
    /// @return It.
    function offerOf(uint256 id) external view returns (Offer memory);

    /// @notice A request.
    /// @param id Its number.
    /// @return It.
    function wantOf(uint256 id) external view returns (Want memory);

    /// @notice What an offer costs now; of an auction, the least bid that counts. Rounds up.
    /// @param id Its number.
    /// @return In units of 1e-18 KLP.
    function priceUp(uint256 id) external view returns (uint256);

    /// @notice Bids that somebody may collect.
    /// @param owner Who.
    function owed(address owner) external view returns (uint256);

    /// @notice Offer something, which stays with the seller until it is sold; this contract must be allowed to take it.
    /// @param thing What.
    /// @param rising Whether who bids most has it.
    /// @param first Price as it opens, or the least bid.
    /// @param last Price at the end: `first` for a fixed price, less for one that falls; 0 for an auction.
    /// @param until When that is, in seconds since 1970.
    /// @return id Number of the offer.
    function offer(Thing calldata thing, bool rising, uint128 first, uint128 last, uint64 until)
        external
        returns (uint256 id);

    /// @notice Offer it no more; the seller only, and nobody while there is a bid.
    /// @param id Number of the offer.
    function withdraw(uint256 id) external;

    /// @notice Buy at the price of now.
    /// @param id Number of the offer.
    /// @param most What it may cost.
    function buy(uint256 id, uint128 most) external;

    /// @notice Bid a twentieth more than the last, at least. In the last ten minutes the end moves ten minutes away.
    /// @param id Number of the offer.
    /// @param amount In units of 1e-18 KLP.
    function bid(uint256 id, uint128 amount) external;

    /// @notice End an auction: who bid most has it, and the seller the bid. Anybody may.
    /// @param id Number of the offer.
    function settle(uint256 id) external;

    /// @notice Give the highest bid back where the seller did not deliver for a day. Anybody may.
    /// @param id Number of the offer.
    function release(uint256 id) external;

    /// @notice Ask for one of a kind, and pay in advance.
    /// @param thing What; any device where its id is 0.
    /// @param price In units of 1e-18 KLP.
    /// @param until Until when, in seconds since 1970.
    /// @return id Number of the request.
    function want(Thing calldata thing, uint128 price, uint64 until) external returns (uint256 id);

    /// @notice Give what is wanted, for its price.
    /// @param id Number of the request.
    /// @param given Id of the device, or of the model.
    function fill(uint256 id, uint256 given) external;

    /// @notice Want it no more: the price goes back. Whoever asked may at any time, and anybody when the time is over.
    /// @param id Number of the request.
    function cancel(uint256 id) external;

    /// @notice Have bids back that were outbid or came to nothing.
    /// @return amount In units of 1e-18 KLP.
    function collect() external returns (uint256 amount);
}
