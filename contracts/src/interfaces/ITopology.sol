// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {NodeSet} from "./Types.sol";
import {IModule} from "./IModule.sol";

/// @title What runs: types, policies and the node sets the Mapper fills
interface ITopology is IModule {
    /// @notice The node sets were replaced.
    event NodeSetsChanged(NodeSet[] sets, uint64 indexed revision);

    /// @notice A set has no name, stands twice, or there are more than `limit`.
    error TopologyInvalidSet(bytes32 name, uint256 limit);

    /// @notice Replaces the node sets as part of `revision`. Only Core.
    function applySets(NodeSet[] calldata sets, uint64 revision) external;
    /// @notice The node sets in order.
    function nodeSets() external view returns (NodeSet[] memory);
}
