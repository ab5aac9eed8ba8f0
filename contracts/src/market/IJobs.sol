// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A job's price is locked first, paid out by verified contribution, and what is left returns (L6)
/// @notice The verifier that the payer named reports who contributed what. Until the dispute window ends, the payer or
///         anybody the report names may object; then only the owner of the rules (the DAO) may report instead. A job
///         nobody reports on by its deadline is the payer's again. This contract's balance is always what it owes.
interface IJobs {
    enum State {
        None,
        Open,
        Reported,
        Disputed,
        Final
    }

    struct Job {
        address payer;
        address verifier;
        uint128 price;
        uint128 left; // not paid out yet
        uint64 reportBy;
        uint64 finalAt; // end of the dispute window, once reported
        uint32 disputeSeconds;
        State state;
        bytes32 terms; // hash of the job's description and of its validation set
    }

    /// @notice The price of a job is locked.
    /// @param id Number of the job.
    /// @param payer Address that locked the price.
    /// @param verifier Address that may report.
    /// @param price In units of 1e-18 KLP.
    /// @param reportBy Deadline of the report, in seconds since 1970.
    /// @param terms Hash of the description and of the validation set.
    event Opened(
        uint256 indexed id, address indexed payer, address verifier, uint128 price, uint64 reportBy, bytes32 terms
    );

    /// @notice It is said who contributed what.
    /// @param id Number of the job.
    /// @param by Address that did it.
    /// @param workers Addresses that contributed.
    /// @param amounts What each of them is due.
    /// @param finalAt End of the dispute window, in seconds since 1970.
    event Reported(uint256 indexed id, address by, address[] workers, uint128[] amounts, uint64 finalAt);

    /// @notice Somebody objects to a report.
    /// @param id Number of the job.
    /// @param by Address that did it.
    event Disputed(uint256 indexed id, address by);

    /// @notice A worker has been paid.
    /// @param id Number of the job.
    /// @param worker Address that contributed.
    /// @param amount In units of 1e-18 KLP.
    event WorkerPaid(uint256 indexed id, address indexed worker, uint256 amount);

    /// @notice What no worker was due has gone back.
    /// @param id Number of the job.
    /// @param payer Address that locked the price.
    /// @param amount In units of 1e-18 KLP.
    event Returned(uint256 indexed id, address indexed payer, uint256 amount);

    /// @notice The job is in another state.
    /// @param state State of the job.
    error WrongState(State state);

    /// @notice Somebody else may.
    /// @param caller Who sent the transaction.
    error NotAllowed(address caller);

    /// @notice These times cannot be.
    error WrongTimes();

    /// @notice As many amounts as workers, 300 at most.
    error WrongReport();

    /// @notice More than the price.
    /// @param asked What was asked for.
    /// @param price In units of 1e-18 KLP.
    error OverPrice(uint256 asked, uint256 price);

    /// @notice There is nothing to pay.
    error NothingDue();

    /// @notice The most workers in a report.
    function MAX_WORKERS() external view returns (uint256);

    /// @notice The longest dispute window.
    function MAX_DISPUTE() external view returns (uint32);

    /// @notice A dispute that nobody decides ends after this long.
    function PATIENCE() external view returns (uint64);

    /// @notice How many jobs there are.
    function count() external view returns (uint256);

    /// @notice What all jobs hold.
    function held() external view returns (uint256);

    /// @notice A job.
    /// @param id Id of the participant.
    function jobs(
        uint256 id
    ) external view returns (address payer, address verifier, uint128 price, uint128 left, uint64 reportBy, uint64 finalAt, uint32 disputeSeconds, State state, bytes32 terms);

    /// @notice What a worker is due and has not been paid.
    /// @param id Id of the participant.
    /// @param worker Address that contributed.
    function dueTo(uint256 id, address worker) external view returns (uint256);

    /// @notice Lock `price` for a job on `terms`.
    /// @param verifier Address that may report.
    /// @param price In units of 1e-18 KLP.
    /// @param reportBy Deadline of the report, in seconds since 1970.
    /// @param disputeSeconds Length of the dispute window.
    /// @param terms Hash of the description and of the validation set.
    /// @return id Number of the job.
    function open(
        address verifier, uint128 price, uint64 reportBy, uint32 disputeSeconds, bytes32 terms
    ) external returns (uint256 id);

    /// @notice Say who contributed what, at most the price. The verifier once; after a dispute the owner of the rules.
    /// @param id Number of the job.
    /// @param workers Addresses that contributed.
    /// @param amounts What each of them is due.
    function report(uint256 id, address[] calldata workers, uint128[] calldata amounts) external;

    /// @notice Object to a report before its window ends: the payer, or anybody that the report names.
    /// @param id Number of the job.
    function dispute(uint256 id) external;

    /// @notice Pay a worker what a final report says. Anybody may.
    /// @param id Number of the job.
    /// @param worker Address that contributed.
    function pay(uint256 id, address worker) external;

    /// @notice Return what no worker is due: after a final report, or when nobody reported in time. Anybody may.
    /// @param id Number of the job.
    function giveBack(uint256 id) external;

    /// @notice Who a report names.
    /// @param id Number of the job.
    /// @return Their addresses.
    function workersOf(uint256 id) external view returns (address[] memory);
}
