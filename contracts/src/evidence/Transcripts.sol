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

/// @notice A node of a transcript's tree: its hash, what the questions below it add up to, and between which they lie.
struct Node {
    bytes32 hash;
    uint16 asked;
    int64 sum;
    uint64 squares;
    bytes32 first; // least hash of a question below it
    bytes32 last; // greatest
}

/// @notice A Merkle sum tree, sorted by question: a node's hash covers what both its children add up to and where their
///         questions lie, all of the left one's before all of the right one's. So whatever two places of a transcript
///         can be shown hold different questions: their paths part at a node on whose left is the one, on whose right
///         the other.
library Transcripts {
    /// @notice The root that a question in its place leads to, by what stands beside its path; nothing (all zeros) where
    ///         it can be in no sorted tree of so many questions.
    function root(Answered calldata one, uint16 place, uint16 asked, Node[] calldata beside)
        internal
        pure
        returns (Node memory node)
    {
        int256 score = one.score;
        if (score > Interval.MOST || score < -Interval.MOST) return node;
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(one))));
        node = Node(leaf, 1, one.score, uint64(uint256(score * score)), one.question, one.question);
        uint256 index = place;
        uint256 size = asked;
        uint256 left = 0;
        for (uint256 i = 0; i < beside.length; i++) {
            Node calldata other = beside[i];
            if (!Interval.possible(other.asked, other.sum, other.squares) || other.first > other.last) return _none();
            while (size > 1 && index ^ 1 >= size) (index, size) = (index / 2, (size + 1) / 2); // alone on its level: it moves up
            Node memory a = node;
            Node memory b = other;
            if (index % 2 == 1) {
                (a, b) = (b, a);
                left += other.asked;
            }
            if (a.last >= b.first) return _none();
            node = _join(a, b);
            (index, size) = (index / 2, (size + 1) / 2);
        }
        if (left != place) return _none();
    }

    function _join(Node memory a, Node memory b) private pure returns (Node memory) {
        bytes32 hash = keccak256(abi.encode(a, b));
        return Node(hash, a.asked + b.asked, a.sum + b.sum, a.squares + b.squares, a.first, b.last);
    }

    function _none() private pure returns (Node memory node) {}
}
