// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @notice Holds a service's powers and uses them as voted, after a delay.
/// @dev Powers: the governor schedules and cancels; anyone executes what is due; the timelock administers itself, so roles
/// and the delay change only by a vote. Nobody else holds any: there is no admin.
contract Timelock is TimelockController {
    constructor(uint256 minDelay, address governor)
        TimelockController(minDelay, _one(governor), _one(address(0)), address(0))
    {}

    function _one(address account) private pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
