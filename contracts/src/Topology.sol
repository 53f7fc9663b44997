// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Module} from "./Module.sol";
import {ITopology} from "./interfaces/ITopology.sol";
import {NodeSet} from "./interfaces/Types.sol";

/// @notice The types, the policies and the node sets.
/// @dev Powers: Core edits the objects (`applyEdits`) and replaces the node sets (`applySets`).
contract Topology is Module, ITopology {
    /// @dev The Mapper walks all sets to find a slot's number: 64 cost under 0.5 M gas.
    uint256 private constant SETS_LIMIT = 64;

    NodeSet[] private _sets;

    constructor(address core) Module(core) {}

    /// @inheritdoc ITopology
    function applySets(NodeSet[] calldata sets, uint64 revision) external onlyCore {
        if (sets.length > SETS_LIMIT) revert TopologyTooManySets(sets.length, SETS_LIMIT);
        for (uint256 i = 0; i < sets.length; ++i) {
            bytes32 name = sets[i].name;
            if (name == 0) revert TopologyInvalidSet(name);
            for (uint256 j = 0; j < i; ++j) {
                if (sets[j].name == name) revert TopologyInvalidSet(name);
            }
        }

        delete _sets;
        for (uint256 i = 0; i < sets.length; ++i) {
            _sets.push(sets[i]);
        }

        emit NodeSetsChanged(sets, revision);
    }

    /// @inheritdoc ITopology
    function nodeSets() external view returns (NodeSet[] memory) {
        return _sets;
    }
}
