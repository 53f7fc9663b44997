// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @notice Holds the powers over a service, and executes what was voted after a delay.
/// @dev Powers: the governor schedules and cancels operations. Anyone executes an operation that is
/// due. The timelock administers itself, so roles and the delay change only by a vote. There is no
/// other admin.
contract Timelock is TimelockController {
    constructor(uint256 minDelay, address governor)
        TimelockController(minDelay, _one(governor), _one(address(0)), address(0))
    {}

    function _one(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
