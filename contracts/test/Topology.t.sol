// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModule} from "../src/interfaces/IModule.sol";
import {ITopology} from "../src/interfaces/ITopology.sol";
import {NodeSet} from "../src/interfaces/Types.sol";
import {ServiceTest} from "./ServiceTest.sol";

contract TopologyTest is ServiceTest {
    uint256 internal constant LIMIT = 64;

    function test_applySets_revertsOnUnauthorizedCaller(address caller) external {
        if (caller == address(core)) caller = LOCK;
        vm.prank(caller);
        vm.expectRevert(abi.encodeWithSelector(IModule.ModuleUnauthorized.selector, caller));
        topology.applySets(new NodeSet[](0), 1);
    }

    function test_applySets_revertsOnEmptyName(uint256 size, uint256 place) external {
        NodeSet[] memory sets = _some(bound(size, 1, LIMIT));
        sets[bound(place, 0, sets.length - 1)].name = 0;
        _expectInvalid(0, sets);
    }

    function test_applySets_revertsOnNameGivenTwice(uint256 size, uint256 first, uint256 second)
        external
    {
        NodeSet[] memory sets = _some(bound(size, 2, LIMIT));
        first = bound(first, 0, sets.length - 2);
        second = bound(second, first + 1, sets.length - 1);
        sets[second].name = sets[first].name;
        _expectInvalid(sets[first].name, sets);
    }

    function test_applySets_revertsOnTooManySets(uint256 size) external {
        NodeSet[] memory sets = _some(bound(size, LIMIT + 1, LIMIT + 10));
        _expectTooMany(sets);
    }

    function test_applySets_acceptsSetsUpToTheLimit() external {
        _update(_sets(_some(LIMIT)));
        assertEq(topology.nodeSets().length, LIMIT, "sets");
        NodeSet[] memory sets = _some(LIMIT + 1);
        _expectTooMany(sets);
    }

    function test_applySets(uint256 size, uint256 nextSize) external {
        NodeSet[] memory sets = _some(bound(size, 0, LIMIT));
        expectEvent(address(topology));
        emit ITopology.NodeSetsChanged(sets, 1);
        vm.prank(address(core));
        topology.applySets(sets, 1);
        assertEq(abi.encode(topology.nodeSets()), abi.encode(sets), "sets");

        NodeSet[] memory next = _some(bound(nextSize, 0, LIMIT));
        _update(_sets(next));
        assertEq(abi.encode(topology.nodeSets()), abi.encode(next), "replaced");
    }

    function _expectInvalid(bytes32 name, NodeSet[] memory sets) private {
        vm.prank(LOCK);
        vm.expectRevert(abi.encodeWithSelector(ITopology.TopologyInvalidSet.selector, name));
        core.update(_sets(sets));
    }

    function _expectTooMany(NodeSet[] memory sets) private {
        vm.prank(LOCK);
        vm.expectRevert(
            abi.encodeWithSelector(ITopology.TopologyTooManySets.selector, sets.length, LIMIT)
        );
        core.update(_sets(sets));
    }

    function _some(uint256 size) private pure returns (NodeSet[] memory sets) {
        sets = new NodeSet[](size);
        for (uint256 i = 0; i < size; ++i) {
            sets[i] = NodeSet(bytes32(i + 1), bytes32(i + 100), bytes32(i + 200));
        }
    }
}
