// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Module} from "./Module.sol";

/// @notice What nodes are made from: artifacts and where to fetch them.
/// @dev Powers: Core edits the objects (`applyEdits`).
contract Artifacts is Module {
    constructor(address core) Module(core) {}
}
