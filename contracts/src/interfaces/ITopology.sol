// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {NodeSet} from "./Types.sol";
import {IModule} from "./IModule.sol";

/// @title Types, policies and the node sets that the Mapper fills
interface ITopology is IModule {
    /// @notice The node sets were replaced by `sets`.
    event NodeSetsChanged(NodeSet[] sets, uint64 indexed revision);

    /// @notice A set's name is empty or stands twice.
    error TopologyInvalidSet(bytes32 name);
    /// @notice The list has `sets` sets; Topology accepts at most `limit`.
    error TopologyTooManySets(uint256 sets, uint256 limit);

    /// @notice Replaces all node sets as part of `revision`. Only Core.
    function applySets(NodeSet[] calldata sets, uint64 revision) external;
    /// @notice Returns the node sets in the order in which the Mapper numbers their slots.
    function nodeSets() external view returns (NodeSet[] memory);
}
