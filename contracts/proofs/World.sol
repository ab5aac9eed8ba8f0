// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IMembers} from "../src/core/IMembers.sol";
import {AuditTerm} from "../src/audit/IAuditTerms.sol";
import {IReveals} from "../src/audit/IReveals.sol";
import {IToken} from "../src/core/IToken.sol";
import {Parameters} from "../src/core/IRules.sol";

/// @dev What the prover itself answers.
interface Prover {
    function assume(bool) external pure;
    function prank(address) external;
    function warp(uint256) external;
    function enableSymbolicStorage(address) external;
    function load(address, bytes32 slot) external view returns (bytes32);
    function createUint(uint256 bits, string memory name) external pure returns (uint256);
}

/// @notice Where everything is, as the directory says it.
contract Places {
    mapping(bytes32 name => address) public find;

    function put(bytes32 name, address where) external {
        find[name] = where;
    }

    function addressOf(bytes32 name) external view returns (address) {
        return find[name];
    }
}

/// @notice A coin that does what `TokenProof` proves of ours, and nothing else.
contract Coin {
    mapping(address holder => uint256) public balanceOf;
    uint256 public burnt;
    uint256 public emitted;
    uint256 public constant COMPUTE_RESERVE = 1_000_000_000e18;
    uint256 public constant former = 0;
    mapping(IToken.Reserve which => uint256) public leftIn;
    mapping(IToken.Reserve which => uint256) public mintedFrom;

    function mintFrom(IToken.Reserve which, address, uint256 amount) external {
        leftIn[which] -= amount;
        mintedFrom[which] += amount;
    }

    function emitTo(address, uint256 amount) external {
        emitted += amount;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function burn(uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        burnt += amount;
    }
}

/// @notice Registry, rules, clock, audits and their terms, of which nothing is known but that they answer and call nobody.
contract World {
    mapping(uint32 id => address) public ownerOf;
    mapping(uint32 id => IMembers.Role) public roleOf;
    mapping(uint32 id => mapping(uint32 epoch => mapping(address key => bool))) public signsFor;
    mapping(uint32 id => mapping(address who => bool)) private _acts;
    mapping(uint32 epoch => Parameters) private _rules;
    mapping(uint32 epoch => uint64) private _until;
    Parameters private _now;
    mapping(uint32 epoch => mapping(uint32 auditor => uint64)) public revealedAt;
    mapping(uint32 epoch => mapping(uint32 auditor => bytes32)) public commitments;
    mapping(uint32 epoch => AuditTerm) private _terms;
    bytes32 private _commitment;
    uint32 public epoch;
    uint64 public thawedAt;
    address public owner;

    function commitmentOf(uint32, address, IReveals.Result[] calldata, bytes32) external view returns (bytes32) {
        return _commitment;
    }

    function countedIn(uint32 epoch_) external view returns (AuditTerm memory) {
        return _terms[epoch_];
    }

    function slashFor(uint32, uint32, uint16, address) external returns (uint256) {}

    function current() external view returns (Parameters memory) {
        return _now;
    }

    function playedIn(uint32 epoch_) external view returns (Parameters memory) {
        return _rules[epoch_];
    }

    function windowOf(uint32 epoch_) external view returns (uint64, uint64) {
        return (_until[epoch_], _until[epoch_]);
    }

    function requireActor(uint32 id, address who) external view {
        if (!_acts[id][who]) revert();
    }

    function onStake(uint32, uint256, bool) external {}

    function onHeard(uint32, uint32, uint256) external {}
}

/// @notice What all proofs begin with: a contract in any state, with any money, at any time.
abstract contract Proof {
    Prover internal constant HEVM = Prover(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    Prover internal constant SVM = Prover(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

    Places internal places;
    World internal world;
    Coin internal coin;

    function _begin() internal {
        (places, world, coin) = (new Places(), new World(), new Coin());
        bytes32[4] memory names = [bytes32("Rules"), "Clock", "Registry", "Forwarder"];
        for (uint256 i = 0; i < names.length; i++) {
            places.put(names[i], address(world));
        }
        places.put("Token", address(coin));
    }

    /// @dev Any state of `subject`, of the world and of the money, at any time of the next billions of years.
    function _anything(address subject) internal {
        SVM.enableSymbolicStorage(address(world));
        SVM.enableSymbolicStorage(address(coin));
        SVM.enableSymbolicStorage(subject);
        HEVM.warp(SVM.createUint(48, "time"));
    }
}
