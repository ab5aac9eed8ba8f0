// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Money that can only be spent on data and compute (E1)
/// @notice A founder asks for a sum; whoever brings a part of it has a lot. If it is not filled in time, everybody takes
///         back what it brought. If it is, the sum rests here, and the only way out is the price of a job of the network's
///         own `Jobs`: what a job returns comes back here. It is released in parts, each after the first when lots with
///         two thirds of the sum agree. When the time is over, what was not spent is the lots', to the unit.
interface IVentures {
    enum Use {
        Data,
        Compute,
        Audit,
        Storage
    }

    struct Terms {
        uint128 goal; // in units of 1e-18 KLP
        uint64 fillBy; // in seconds since 1970
        uint64 endsAt; // nothing is spent after it
        address verifier; // of all its jobs; not the founder
        uint16 founderBps; // of the model's shares
        bytes32 plan; // hash of what it is for
    }

    struct Venture {
        address founder;
        uint32 lots;
        uint32 milestone; // parts released
        uint32 openJobs;
        uint128 raised;
        uint128 released;
        uint128 spent; // on jobs
        uint128 returned; // of it, by jobs
        Terms terms;
    }

    /// @notice The lots of a venture lie side by side on its sum: this one from `start` to `start + amount`.
    struct Lot {
        address owner;
        bool taken; // back
        uint128 start;
        uint128 amount;
    }

    /// @notice A founder asks for money.
    /// @param id Number of the venture.
    /// @param founder Who may spend it.
    /// @param terms What holds for ever.
    /// @param parts In which it is released.
    event VentureOpened(uint256 indexed id, address indexed founder, Terms terms, uint128[] parts);

    /// @notice Somebody brought a part of the sum.
    /// @param id Number of the venture.
    /// @param lot Number of the lot, from 0.
    /// @param owner Who brought it.
    /// @param amount In units of 1e-18 KLP.
    event Funded(uint256 indexed id, uint256 lot, address indexed owner, uint256 amount);

    /// @notice A part may be spent.
    /// @param id Number of the venture.
    /// @param milestone How many parts are released now.
    /// @param amount In units of 1e-18 KLP.
    event Released(uint256 indexed id, uint256 milestone, uint256 amount);

    /// @notice The price of a job is locked.
    /// @param id Number of the venture.
    /// @param job Number of the job.
    /// @param use What for.
    /// @param price In units of 1e-18 KLP.
    event Spent(uint256 indexed id, uint256 indexed job, Use use, uint256 price);

    /// @notice A job is over, and what it returned can be spent again.
    /// @param id Number of the venture.
    /// @param job Number of the job.
    /// @param amount In units of 1e-18 KLP.
    event Collected(uint256 indexed id, uint256 indexed job, uint256 amount);

    /// @notice A lot agrees that the next part is released.
    /// @param id Number of the venture.
    /// @param lot Number of the lot.
    /// @param milestone How many parts were released.
    event Agreed(uint256 indexed id, uint256 lot, uint256 milestone);

    /// @notice A lot's part of what was not spent went back; all of it where the sum was not filled.
    /// @param id Number of the venture.
    /// @param lot Number of the lot.
    /// @param owner Who has it.
    /// @param amount In units of 1e-18 KLP.
    event TakenBack(uint256 indexed id, uint256 lot, address indexed owner, uint256 amount);

    /// @notice A number is out of its range.
    /// @param name Which one.
    error TermOutOfRange(string name);

    /// @notice No such venture, or it is not at this point.
    /// @param id Number of the venture.
    error NotNow(uint256 id);

    /// @notice Only whoever it belongs to may.
    /// @param caller Who called.
    error NotYours(address caller);

    /// @notice A lot is a hundredth of the sum at least, or all that is left of it, and no more than that.
    /// @param amount What was brought.
    /// @param left What is left.
    error WrongLot(uint256 amount, uint256 left);

    /// @notice There is less that may be spent.
    /// @param asked What was asked for.
    /// @param free What there is.
    error NotReleased(uint256 asked, uint256 free);

    /// @notice So many jobs are open.
    /// @param open How many.
    error JobsOpen(uint256 open);

    /// @notice It has agreed, or taken back, already.
    /// @param lot Number of the lot.
    error Already(uint256 lot);

    /// @notice Parts in which a sum is released at most.
    function MOST_PARTS() external view returns (uint256);

    /// @notice Lots of a venture at most, but for one that is what is left.
    function MOST_LOTS() external view returns (uint256);

    /// @notice Jobs of a venture that are open at once, at most.
    function MOST_JOBS() external view returns (uint256);

    /// @notice Seconds in which anybody may object to what a job is to pay, at least.
    function LEAST_WINDOW() external view returns (uint32);

    /// @notice How many ventures there are.
    function count() external view returns (uint256);

    /// @notice A venture.
    /// @param id Its number.
    /// @return It.
    function ventureOf(uint256 id) external view returns (Venture memory);

    /// @notice The parts in which a sum is released.
    /// @param id Number of the venture.
    /// @return In units of 1e-18 KLP.
    function partsOf(uint256 id) external view returns (uint128[] memory);

    /// @notice A lot.
    /// @param id Number of the venture.
    /// @param lot Its number.
    /// @return It.
    function lotOf(uint256 id, uint256 lot) external view returns (Lot memory);

    /// @notice The venture that a job's price is of; 0 for none, or when it is collected.
    /// @param job Number of the job.
    function ventureOfJob(uint256 job) external view returns (uint256);

    /// @notice Sum of the lots that agree to the next part.
    /// @param id Number of the venture.
    /// @param milestone How many parts are released.
    function agreedTo(uint256 id, uint256 milestone) external view returns (uint256);

    /// @notice What may be spent now.
    /// @param id Number of the venture.
    /// @return In units of 1e-18 KLP.
    function freeOf(uint256 id) external view returns (uint256);

    /// @notice Ask for money.
    /// @param terms What holds for ever.
    /// @param parts In which it is released; the first when the sum is filled.
    /// @return id Number of the venture.
    function open(Terms calldata terms, uint128[] calldata parts) external returns (uint256 id);

    /// @notice Bring a part of the sum.
    /// @param id Number of the venture.
    /// @param amount In units of 1e-18 KLP.
    /// @return lot Number of the lot.
    function fund(uint256 id, uint128 amount) external returns (uint256 lot);

    /// @notice Lock the price of a job, whose verifier is that of the terms; the founder only.
    /// @param id Number of the venture.
    /// @param use What for.
    /// @param price In units of 1e-18 KLP.
    /// @param reportBy Deadline of the report, in seconds since 1970.
    /// @param window Seconds in which anybody may object to the report.
    /// @param jobTerms Hash of the job's description.
    /// @return job Its number.
    function spend(uint256 id, Use use, uint128 price, uint64 reportBy, uint32 window, bytes32 jobTerms)
        external
        returns (uint256 job);

    /// @notice Count what a job that is over has returned, or make it return that. Anybody may.
    /// @param job Its number.
    function collect(uint256 job) external;

    /// @notice Agree that the next part is released; the lot's owner only.
    /// @param id Number of the venture.
    /// @param lot Number of the lot.
    function agree(uint256 id, uint256 lot) external;

    /// @notice Take a lot's part of what was not spent, when the time is over and all jobs are collected; or what was
    ///         brought, where the sum was not filled in time. Anybody may; it goes to the owner.
    /// @param id Number of the venture.
    /// @param lot Number of the lot.
    function takeBack(uint256 id, uint256 lot) external;
}
