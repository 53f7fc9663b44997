// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {NodeState} from "./Types.sol";
import {IModule} from "./IModule.sol";

/// @title Node templates, and the operators' reports on the nodes in their slots
interface ITemplates is IModule {
    /// @notice An operator's report on the node in one slot.
    /// @param revision the revision the node runs
    /// @param milliseconds duration of the agent's last probe
    /// @param reason a short machine-readable word (ASCII, left aligned): why the node is in this
    /// state
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

    /// @notice The last report on a slot.
    /// @param operator the account that sent it
    /// @param epoch the epoch in force when it was sent
    /// @param reportedAt the block it was sent in
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

    /// @notice The operator of a slot reported on its node.
    /// @param epoch the epoch in force
    event NodeReported(
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

    /// @notice In the epoch in force the slot is allocated to `operator` (zero: to nobody), not to
    /// `caller`.
    error TemplatesNotOperator(
        bytes32 set, uint32 group, uint32 place, address caller, address operator
    );
    /// @notice The report is about revision `given`, but the service is at revision `current`.
    error TemplatesUnknownRevision(uint64 given, uint64 current);
    /// @notice The report's state is Unknown.
    error TemplatesUnknownState(bytes32 set, uint32 group, uint32 place);
    /// @notice The report's endpoint has `length` bytes; at most `limit` are accepted.
    error TemplatesEndpointTooLong(
        bytes32 set, uint32 group, uint32 place, uint256 length, uint256 limit
    );

    /// @notice Stores reports on slots that are allocated to the caller in the epoch in force; one
    /// bad report rejects all.
    function report(Report[] calldata reports) external;
    /// @notice Returns the last report on a slot; all zero if there is none.
    /// @dev Warning: nobody checks a report, and it stays when its operator loses the slot. Compare
    /// `operator` and `epoch` with the allocation in force.
    function status(bytes32 set, uint32 group, uint32 place) external view returns (Status memory);
    /// @notice Returns the last reports on the places 0 to `size - 1` of one group, by place.
    function groupStatus(bytes32 set, uint32 group, uint32 size)
        external
        view
        returns (Status[] memory);
}
