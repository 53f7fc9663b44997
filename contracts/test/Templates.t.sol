// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ITemplates} from "../src/interfaces/ITemplates.sol";
import {NodeState} from "../src/interfaces/Types.sol";
import {MAPPER} from "../src/libraries/Names.sol";
import {MapperStub} from "./MapperStub.sol";
import {ServiceTest} from "./ServiceTest.sol";

contract TemplatesTest is ServiceTest {
    bytes32 internal constant SET = "workers";

    MapperStub internal mapperStub;

    function setUp() public override {
        super.setUp();
        mapperStub = new MapperStub();
        vm.prank(LOCK);
        core.setModule(MAPPER, address(mapperStub));
        mapperStub.setEpoch(7);
        mapperStub.setOperator(SET, 2, 3, ALICE);
    }

    function test_report_revertsForOthersThanTheOperator(address caller) external {
        if (caller == ALICE) caller = BOB;
        _expect(
            caller,
            abi.encodeWithSelector(
                ITemplates.TemplatesNotOperator.selector, SET, 2, 3, caller, ALICE
            ),
            _report(2, 3)
        );
    }

    function test_report_revertsOnVacantSlot(address caller) external {
        if (caller == address(0)) caller = BOB;
        _expect(
            caller,
            abi.encodeWithSelector(
                ITemplates.TemplatesNotOperator.selector, SET, 2, 4, caller, address(0)
            ),
            _report(2, 4)
        );
    }

    /// @dev A report on another operator's slot reverts all reports of the transaction.
    function test_report_revertsWhenOneSlotIsOfAnotherOperator() external {
        mapperStub.setOperator(SET, 2, 5, BOB);
        ITemplates.Report[] memory reports = new ITemplates.Report[](2);
        (reports[0], reports[1]) = (_report(2, 3), _report(2, 5));
        vm.prank(ALICE);
        vm.expectRevert(
            abi.encodeWithSelector(ITemplates.TemplatesNotOperator.selector, SET, 2, 5, ALICE, BOB)
        );
        templates.report(reports);
    }

    function test_report_revertsOnUnknownRevision(uint64 revision) external {
        revision = uint64(bound(revision, 2, type(uint64).max));
        ITemplates.Report memory report = _report(2, 3);
        report.revision = revision;
        _expect(
            ALICE,
            abi.encodeWithSelector(ITemplates.TemplatesUnknownRevision.selector, revision, 1),
            report
        );
    }

    function test_report_revertsOnUnknownState() external {
        ITemplates.Report memory report = _report(2, 3);
        report.state = NodeState.Unknown;
        _expect(
            ALICE,
            abi.encodeWithSelector(ITemplates.TemplatesUnknownState.selector, SET, 2, 3),
            report
        );
    }

    function test_report_revertsOnLongEndpoint(uint256 length) external {
        ITemplates.Report memory report = _report(2, 3);
        report.endpoint = string(new bytes(bound(length, 256, 1000)));
        _expectTooLong(report);
    }

    function test_report_acceptsEndpointsUpToTheLimit() external {
        ITemplates.Report[] memory reports = new ITemplates.Report[](1);
        reports[0] = _report(2, 3);
        reports[0].endpoint = string(new bytes(255));
        vm.prank(ALICE);
        templates.report(reports);
        assertEq(templates.status(SET, 2, 3).endpoint, reports[0].endpoint, "endpoint");

        reports[0].endpoint = string(new bytes(256));
        _expectTooLong(reports[0]);
    }

    /// @dev A report with a plain number as its state, because the fuzzer writes any number into an
    /// enum.
    struct Fuzzed {
        bytes32 set;
        uint32 group;
        uint32 place;
        bool atRevision;
        uint8 state;
        uint32 milliseconds;
        bytes32 reason;
        string endpoint;
    }

    function test_report(Fuzzed memory fuzzed, address operator) external {
        if (bytes(fuzzed.endpoint).length > 255) fuzzed.endpoint = string(new bytes(255));
        ITemplates.Report memory report = ITemplates.Report({
            set: fuzzed.set,
            group: fuzzed.group,
            place: fuzzed.place,
            revision: fuzzed.atRevision ? 1 : 0,
            state: NodeState(bound(fuzzed.state, 1, 4)),
            milliseconds: fuzzed.milliseconds,
            reason: fuzzed.reason,
            endpoint: fuzzed.endpoint
        });
        mapperStub.setOperator(report.set, report.group, report.place, operator);
        vm.roll(1234);
        ITemplates.Report[] memory reports = new ITemplates.Report[](1);
        reports[0] = report;

        expectEvent(address(templates));
        emit ITemplates.NodeReported(
            report.set,
            report.group,
            report.place,
            operator,
            7,
            report.state,
            report.reason,
            report.milliseconds,
            report.endpoint
        );
        vm.prank(operator);
        templates.report(reports);

        ITemplates.Status memory expected = ITemplates.Status({
            operator: operator,
            epoch: 7,
            reportedAt: 1234,
            revision: report.revision,
            state: report.state,
            milliseconds: report.milliseconds,
            reason: report.reason,
            endpoint: report.endpoint
        });
        assertEq(
            abi.encode(templates.status(report.set, report.group, report.place)),
            abi.encode(expected),
            "status"
        );
    }

    function test_report_replacesTheLast() external {
        ITemplates.Report[] memory reports = new ITemplates.Report[](1);
        reports[0] = _report(2, 3);
        vm.prank(ALICE);
        templates.report(reports);

        mapperStub.setEpoch(8);
        mapperStub.setOperator(SET, 2, 3, BOB);
        reports[0].endpoint = "b:1";
        vm.prank(BOB);
        templates.report(reports);

        ITemplates.Status memory status = templates.status(SET, 2, 3);
        assertEq(status.operator, BOB, "operator");
        assertEq(status.epoch, 8, "epoch");
        assertEq(status.endpoint, "b:1", "endpoint");
    }

    function test_report_acceptsAnEmptyList() external {
        vm.prank(STRANGER);
        templates.report(new ITemplates.Report[](0));
    }

    function test_status_isZeroWithoutReport() external view {
        ITemplates.Status memory nothing;
        assertEq(abi.encode(templates.status(SET, 2, 3)), abi.encode(nothing), "status");
    }

    function test_groupStatus(uint32 size) external {
        size = uint32(bound(size, 0, 8));
        mapperStub.setOperator(SET, 2, 0, ALICE);
        ITemplates.Report[] memory reports = new ITemplates.Report[](2);
        (reports[0], reports[1]) = (_report(2, 0), _report(2, 3));
        vm.prank(ALICE);
        templates.report(reports);

        ITemplates.Status[] memory statuses = templates.groupStatus(SET, 2, size);

        assertEq(statuses.length, size, "size");
        for (uint32 place = 0; place < size; ++place) {
            assertEq(
                abi.encode(statuses[place]), abi.encode(templates.status(SET, 2, place)), "status"
            );
            address reporter = place == 0 || place == 3 ? ALICE : address(0);
            assertEq(statuses[place].operator, reporter, "operator");
        }
    }

    function _expect(address caller, bytes memory reason, ITemplates.Report memory report) private {
        ITemplates.Report[] memory reports = new ITemplates.Report[](1);
        reports[0] = report;
        vm.prank(caller);
        vm.expectRevert(reason);
        templates.report(reports);
    }

    function _expectTooLong(ITemplates.Report memory report) private {
        _expect(
            ALICE,
            abi.encodeWithSelector(
                ITemplates.TemplatesEndpointTooLong.selector,
                SET,
                2,
                3,
                bytes(report.endpoint).length,
                255
            ),
            report
        );
    }

    function _report(uint32 group, uint32 place) private pure returns (ITemplates.Report memory) {
        return ITemplates.Report(
            SET, group, place, 1, NodeState.Running, 12, "probe", "node.example:30303"
        );
    }
}
