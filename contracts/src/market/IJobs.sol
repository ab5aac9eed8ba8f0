// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A job's price is locked first, paid out by verified contribution, and what is left returns (L6)
/// @notice The verifier that the payer named, never the payer itself, reports who contributed what, in as many pages as it
///         takes. What it notes in the pages before stands, whatever comes: so a worker can see what it is due before it
///         works. Until the dispute window ends, anybody but the verifier may object to the report for a bond; then only
///         the owner of the rules (the DAO) may report instead. The bond comes back where the decision differs from the
///         report, and is burnt where the report stands. A job nobody reports on by its deadline pays what was noted, and
///         the rest is the payer's again, unless a worker that was noted objects within the window: then the price stays
///         until the verifier or the owner of the rules reports, or else is split by what was noted. This contract's
///         balance is always what it owes.
interface IJobs {
    enum State {
        None,
        Open,
        Reported,
        Disputed,
        Final,
        Missed // a worker objects that nobody reported
    }

    struct Job {
        address payer;
        address verifier;
        uint128 price;
        uint128 left; // not paid out yet, the bond of a dispute included
        uint64 reportBy;
        uint64 finalAt; // end of the dispute window, once reported; of an objection, once there is one
        uint32 disputeSeconds;
        State state;
        bytes32 terms; // hash of the job's description and of its validation set
        uint128 due; // to all workers together, of the report that counts; where the price is split, their parts of it
        uint128 bond; // of the dispute that is open
        address disputer;
        uint32 round; // of the report that counts: 1 is the verifier's, 2 a decision's
        bool split; // all that is left is the workers', by what is due to each
    }

    struct Draft {
        uint128 sum;
        bytes32 told; // hash over all workers and amounts, in their order
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

    /// @notice A page of a report that is still to come.
    /// @param id Number of the job.
    /// @param round Of the report that it will be of.
    /// @param by Address that did it.
    /// @param workers Addresses that contributed.
    /// @param amounts What each of them is due, beside what other pages say.
    event Drafted(uint256 indexed id, uint32 round, address by, address[] workers, uint128[] amounts);

    /// @notice Somebody objects to a report, or a worker that none was made.
    /// @param id Number of the job.
    /// @param by Address that did it.
    /// @param bond What it put down, in units of 1e-18 KLP; nothing where no report was made.
    /// @param until When the report stands, or the price is split, unless it is decided before, in seconds since 1970.
    event Disputed(uint256 indexed id, address by, uint128 bond, uint64 until);

    /// @notice A dispute is decided, or its time is over.
    /// @param id Number of the job.
    /// @param disputer Who had objected.
    /// @param bond What it had put down.
    /// @param stands Whether the report stands and the bond is burnt; else the bond has gone back.
    event DisputeEnded(uint256 indexed id, address indexed disputer, uint128 bond, bool stands);

    /// @notice Nobody reported in time: what was noted counts.
    /// @param id Number of the job.
    /// @param due To all workers together.
    /// @param split Whether a worker had objected, so that the whole price is split by what was noted.
    event Lapsed(uint256 indexed id, uint128 due, bool split);

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

    /// @notice As many amounts as workers, 300 at most in a page, and each of them somebody who can be paid.
    error WrongReport();

    /// @notice The verifier must be somebody, and not the payer.
    /// @param verifier Who was named.
    error WrongVerifier(address verifier);

    /// @notice More than the price.
    /// @param asked What was asked for.
    /// @param price In units of 1e-18 KLP.
    error OverPrice(uint256 asked, uint256 price);

    /// @notice There is nothing to pay.
    error NothingDue();

    /// @notice The most workers in a page of a report.
    function MAX_WORKERS() external view returns (uint256);

    /// @notice The shortest dispute window.
    function MIN_DISPUTE() external view returns (uint32);

    /// @notice The longest dispute window.
    function MAX_DISPUTE() external view returns (uint32);

    /// @notice A dispute that nobody decides ends after this long.
    function PATIENCE() external view returns (uint64);

    /// @notice The bond of a dispute, in 1/10,000 of the price.
    function BOND_BPS() external view returns (uint256);

    /// @notice How many jobs there are.
    function count() external view returns (uint256);

    /// @notice What all jobs hold.
    function held() external view returns (uint256);

    /// @notice A job.
    /// @param id Number of the job.
    /// @return It.
    function jobs(uint256 id) external view returns (Job memory);

    /// @notice A report, or what is noted of one.
    /// @param id Number of the job.
    /// @param round 1 is the verifier's, 2 a decision's.
    /// @return It.
    function drafts(uint256 id, uint32 round) external view returns (Draft memory);

    /// @notice What a worker is due and has not been paid; of a job nobody has reported on, what was noted for it.
    /// @param id Number of the job.
    /// @param worker Address that contributed.
    /// @return In units of 1e-18 KLP.
    function dueTo(uint256 id, address worker) external view returns (uint256);

    /// @notice What objecting to the report on a job costs; rounds up.
    /// @param price Of the job, in units of 1e-18 KLP.
    /// @return The bond.
    function bondOf(uint128 price) external pure returns (uint128);

    /// @notice Lock `price` for a job on `terms`.
    /// @param verifier Address that may report; not the payer's own.
    /// @param price In units of 1e-18 KLP.
    /// @param reportBy Deadline of the report, in seconds since 1970.
    /// @param disputeSeconds Length of the dispute window: an hour to 30 days.
    /// @param terms Hash of the description and of the validation set.
    /// @return id Number of the job.
    function open(
        address verifier, uint128 price, uint64 reportBy, uint32 disputeSeconds, bytes32 terms
    ) external returns (uint256 id);

    /// @notice Note a page of the report that is to come: a report may name any number of workers. What the verifier has
    ///         noted stands, and each page adds to those before it. Who is noted with anything at all may object where no
    ///         report comes.
    /// @param id Number of the job.
    /// @param workers Addresses that contributed, or are to.
    /// @param amounts What each of them is due, beside what other pages say.
    function draft(uint256 id, address[] calldata workers, uint128[] calldata amounts) external;

    /// @notice Say who contributed what, at most the price: the pages noted before and this last one. The verifier once,
    ///         also after a worker objected that it had not; after a dispute, or such an objection, the owner of the rules.
    /// @param id Number of the job.
    /// @param workers Addresses that contributed.
    /// @param amounts What each of them is due, beside what other pages say.
    function report(uint256 id, address[] calldata workers, uint128[] calldata amounts) external;

    /// @notice Object. To a report, before its window ends, for a bond of `bondOf` the price: anybody but the verifier, so
    ///         that a worker who was left out may, too. Where none was made in time, for nothing, as long after the
    ///         deadline as the window is: a worker that was noted.
    /// @param id Number of the job.
    function dispute(uint256 id) external;

    /// @notice Pay a worker what a final report says. Anybody may.
    /// @param id Number of the job.
    /// @param worker Address that contributed.
    function pay(uint256 id, address worker) external;

    /// @notice Pay many workers; those who are due nothing are passed over. Anybody may.
    /// @param id Number of the job.
    /// @param workers Addresses that contributed.
    function payMany(uint256 id, address[] calldata workers) external;

    /// @notice Return what no worker is due: after a final report, or when nobody reported in time; where workers were
    ///         noted, once the time to object is over. Anybody may.
    /// @param id Number of the job.
    function giveBack(uint256 id) external;
}
