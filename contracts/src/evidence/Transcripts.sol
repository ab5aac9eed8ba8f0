// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Interval} from "../audit/Interval.sol";

/// @notice One question of an audit, and what came of it.
struct Answered {
    bytes32 question; // hash of what was asked
    bytes32 answer; // hash of what was answered
    uint32 right; // the right class, counted from 1; 0 where what is right is no class
    int64 score; // in 1/10,000
    bytes32 said; // root of what the neuron signed
}

/// @notice A node of a transcript's tree: its hash, and what the questions below it add up to.
struct Node {
    bytes32 hash;
    uint16 asked;
    int64 sum;
    uint64 squares;
}

/// @notice A Merkle sum tree: a node's hash covers what both its children add up to.
library Transcripts {
    /// @notice The root that a question in its place leads to, by what stands beside its path; nothing (all zeros) where
    ///         it can be in no tree of so many questions.
    function root(Answered calldata one, uint16 place, uint16 asked, Node[] calldata beside)
        internal
        pure
        returns (Node memory node)
    {
        int256 score = one.score;
        if (score > Interval.MOST || score < -Interval.MOST) return node;
        node = Node(keccak256(bytes.concat(keccak256(abi.encode(one)))), 1, one.score, uint64(uint256(score * score)));
        uint256 index = place;
        uint256 size = asked;
        uint256 left = 0;
        for (uint256 i = 0; i < beside.length; i++) {
            Node calldata other = beside[i];
            if (!Interval.possible(other.asked, other.sum, other.squares)) return Node(0, 0, 0, 0);
            while (size > 1 && index ^ 1 >= size) (index, size) = (index / 2, (size + 1) / 2); // alone on its level: it moves up
            if (index % 2 == 1) {
                left += other.asked;
                node = _join(other, node);
            } else {
                node = _join(node, other);
            }
            (index, size) = (index / 2, (size + 1) / 2);
        }
        if (left != place) return Node(0, 0, 0, 0);
    }

    function _join(Node memory a, Node memory b) private pure returns (Node memory) {
        bytes32 hash = keccak256(abi.encode(a, b));
        return Node(hash, a.asked + b.asked, a.sum + b.sum, a.squares + b.squares);
    }
}
