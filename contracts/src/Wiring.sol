// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Where every contract of one deployment lives. The addresses are computed before the first one is created,
///         so each contract holds its peers as immutables and nobody can rewire money later.
struct Wiring {
    address rules;
    address economy;
    address token;
    address clock;
    address registry;
    address stake;
    address settlement;
    address audits;
    address marks;
    address emission;
    address effort;
    address devices;
    address disputes;
    address forwarder;
    address treasury;
}
