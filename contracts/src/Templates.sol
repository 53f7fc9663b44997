// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Module} from "./Module.sol";
import {IMapper} from "./interfaces/IMapper.sol";
import {ITemplates} from "./interfaces/ITemplates.sol";
import {NodeState} from "./interfaces/Types.sol";
import {MAPPER} from "./libraries/Names.sol";

/// @notice Node templates and the reports on the nodes that run them.
/// @dev Powers: Core edits the objects (`applyEdits`); the operator a slot is allocated to in the epoch in force reports
/// on that slot (`report`).
contract Templates is Module, ITemplates {
    using SafeCast for uint256;

    /// @dev A DNS name has at most 253 bytes.
    uint256 private constant ENDPOINT_LIMIT = 255;

    mapping(bytes32 set => mapping(uint32 group => mapping(uint32 place => Status))) private
        _statuses;

    constructor(address core) Module(core) {}

    /// @inheritdoc ITemplates
    function report(Report[] calldata reports) external {
        IMapper mapper = IMapper(_core().module(MAPPER));
        uint64 epoch = mapper.current().number;
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
        if (given.state == NodeState.Unknown || bytes(given.endpoint).length > ENDPOINT_LIMIT) {
            revert TemplatesInvalidReport(given.set, given.group, given.place);
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

        emit Reported(
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
