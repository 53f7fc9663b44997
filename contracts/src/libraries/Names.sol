// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

// Names under which Core registers the modules.

bytes32 constant CORE = "core";
bytes32 constant GOVERNANCE = "governance";
bytes32 constant TIMELOCK = "timelock";
bytes32 constant STAKE = "stake";
bytes32 constant IDENTITY = "identity";
bytes32 constant ARTIFACTS = "artifacts";
bytes32 constant TOPOLOGY = "topology";
bytes32 constant TEMPLATES = "templates";
bytes32 constant MAPPER = "mapper";
bytes32 constant SECURITY = "security";
