// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Module} from "./Module.sol";

/// @notice The artifacts that nodes are made from, and where to fetch them.
/// @dev Powers: Core edits the objects (`applyEdits`).
contract Artifacts is Module {
    constructor(address core) Module(core) {}
}
