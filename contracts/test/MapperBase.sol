// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OperatorsTest} from "./OperatorsTest.sol";

abstract contract MapperBase is OperatorsTest {
    bytes32 internal constant WORKER = "worker";

    /// @dev The operators of the test, in the order they joined.
    address[] internal members;

    /// @dev Lets `count` operators join, operator i with i + 1 units.
    function _populate(uint256 count) internal {
        for (uint256 i = members.length; i < count; ++i) {
            string memory name = string.concat("op", vm.toString(i));
            address account = _actor(name);
            _join(account, name, (i + 1) * THRESHOLD + i % THRESHOLD);
            members.push(account);
        }
    }

    /// @dev Opens epoch 1 with `count` operators.
    function _ready(uint256 count) internal {
        _populate(count);
        _begin();
        _open();
    }

    function _sorted() internal returns (address[] memory) {
        return _ordered(mapper.latestEpoch().seed, members);
    }
}
