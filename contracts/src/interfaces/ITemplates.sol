// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {NodeState} from "./Types.sol";
import {IModule} from "./IModule.sol";

/// @title Node templates, and what operators report of the nodes that fill their slots
interface ITemplates is IModule {
    /// @param milliseconds how long the agent's last probe took
    /// @param reason a short machine-readable word (ASCII, left aligned): why the node is in this state
    /// @param endpoint host:port, at most 255 bytes
    struct Report {
        bytes32 set;
        uint32 group;
        uint32 place;
        uint64 revision;
        NodeState state;
        uint32 milliseconds;
        bytes32 reason;
        string endpoint;
    }

    /// @notice The last report of a slot, with who sent it, in which epoch and block.
    struct Status {
        address operator;
        uint64 epoch;
        uint64 reportedAt;
        uint64 revision;
        NodeState state;
        uint32 milliseconds;
        bytes32 reason;
        string endpoint;
    }

    event Reported(
        bytes32 indexed set,
        uint32 group,
        uint32 place,
        address indexed operator,
        uint64 indexed epoch,
        NodeState state,
        bytes32 reason,
        uint32 milliseconds,
        string endpoint
    );

    /// @notice The slot is not allocated to the caller in the epoch in force.
    error TemplatesNotOperator(
        bytes32 set, uint32 group, uint32 place, address caller, address operator
    );
    /// @notice The service is not at this revision yet.
    error TemplatesUnknownRevision(uint64 given, uint64 current);
    /// @notice The state is Unknown or the endpoint is too long.
    error TemplatesInvalidReport(bytes32 set, uint32 group, uint32 place);

    /// @notice Reports on slots allocated to the caller in the epoch in force.
    function report(Report[] calldata reports) external;
    /// @notice The last report of a slot; all zero if there is none.
    function status(bytes32 set, uint32 group, uint32 place) external view returns (Status memory);
    /// @notice The last reports of all places of one group, by place.
    function groupStatus(bytes32 set, uint32 group, uint32 size)
        external
        view
        returns (Status[] memory);
}
