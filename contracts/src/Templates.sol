// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Module} from "./Module.sol";
import {IMapper} from "./interfaces/IMapper.sol";
import {ITemplates} from "./interfaces/ITemplates.sol";
import {NodeState} from "./interfaces/Types.sol";
import {MAPPER} from "./libraries/Names.sol";

/// @notice Node templates and the reports on their nodes.
/// @dev Powers: Core edits the objects (`applyEdits`). The operator that has a slot in the epoch in
/// force reports on that slot (`report`).
contract Templates is Module, ITemplates {
    using SafeCast for uint256;

    /// @dev Bytes. A DNS name has at most 253.
    uint256 private constant MAX_ENDPOINT_LENGTH = 255;

    mapping(bytes32 set => mapping(uint32 group => mapping(uint32 place => Status))) private
        _statuses;

    constructor(address core) Module(core) {}

    /// @inheritdoc ITemplates
    function report(Report[] calldata reports) external {
        IMapper mapper = IMapper(_core().module(MAPPER));
        uint64 epoch = mapper.currentEpoch().number;
        uint64 revision = _core().revision();
        for (uint256 i = 0; i < reports.length; ++i) {
            _report(reports[i], mapper, epoch, revision);
        }
    }

    /// @inheritdoc ITemplates
    function status(bytes32 set, uint32 group, uint32 place) external view returns (Status memory) {
        return _statuses[set][group][place];
    }

    /// @inheritdoc ITemplates
    function groupStatus(bytes32 set, uint32 group, uint32 size)
        external
        view
        returns (Status[] memory statuses)
    {
        statuses = new Status[](size);
        for (uint32 place = 0; place < size; ++place) {
            statuses[place] = _statuses[set][group][place];
        }
    }

    function _report(Report calldata given, IMapper mapper, uint64 epoch, uint64 revision) private {
        (address operator,) = mapper.operatorOf(given.set, given.group, given.place);
        if (operator != msg.sender) {
            revert TemplatesNotOperator(given.set, given.group, given.place, msg.sender, operator);
        }
        if (given.revision > revision) revert TemplatesUnknownRevision(given.revision, revision);
        if (given.state == NodeState.Unknown) {
            revert TemplatesUnknownState(given.set, given.group, given.place);
        }
        uint256 length = bytes(given.endpoint).length;
        if (length > MAX_ENDPOINT_LENGTH) {
            revert TemplatesEndpointTooLong(
                given.set, given.group, given.place, length, MAX_ENDPOINT_LENGTH
            );
        }

        _statuses[given.set][given.group][given.place] = Status({
            operator: operator,
            epoch: epoch,
            reportedAt: block.number.toUint64(),
            revision: given.revision,
            state: given.state,
            milliseconds: given.milliseconds,
            reason: given.reason,
            endpoint: given.endpoint
        });

        emit NodeReported(
            given.set,
            given.group,
            given.place,
            operator,
            epoch,
            given.state,
            given.reason,
            given.milliseconds,
            given.endpoint
        );
    }
}
