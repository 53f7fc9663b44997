// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Templates} from "../src/Templates.sol";
import {IMapper} from "../src/interfaces/IMapper.sol";
import {ITemplates} from "../src/interfaces/ITemplates.sol";
import {NodeState} from "../src/interfaces/Types.sol";
import {OperatorsTest} from "./OperatorsTest.sol";

/// @dev Tests reports with the real Mapper: the deal decides which operator may report on a slot.
contract TemplatesMapperTest is OperatorsTest {
    bytes32 internal constant SET = "workers";

    Templates internal templates;
    address[] internal members;

    function setUp() public override {
        super.setUp();
        templates = new Templates(address(core));
        _setSet(SET, 2, 3);
        members = [ALICE, BOB, CAROL];
        _join(ALICE, "alice", THRESHOLD);
        _join(BOB, "bob", 2 * THRESHOLD);
        _join(CAROL, "carol", 2 * THRESHOLD);
        _begin();
        _open();
        _deal(members, 10);
    }

    /// @dev Five units fill five of six slots: each operator reports on its own slots, and one slot
    /// is vacant.
    function test_report_isAcceptedFromEachSlotsOperator() external {
        uint64 epoch = mapper.currentEpoch().number;
        uint256 vacant;
        for (uint32 slot = 0; slot < 6; ++slot) {
            (uint32 group, uint32 place) = (slot % 2, slot / 2);
            (address operator,) = mapper.operatorOf(SET, group, place);
            for (uint256 i = 0; i < 3; ++i) {
                if (members[i] != operator) _expectRejected(members[i], group, place, operator);
            }
            if (operator == address(0)) {
                ++vacant;
                continue;
            }
            _report(operator, group, place);
            ITemplates.Status memory status = templates.status(SET, group, place);
            assertEq(status.operator, operator, "operator");
            assertEq(status.epoch, epoch, "epoch");
        }
        assertEq(vacant, 1, "vacant");
    }

    function test_report_revertsOnUnknownSlot() external {
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IMapper.MapperUnknownSlot.selector, SET, 2, 0));
        templates.report(_reports(2, 0));
    }

    /// @dev The operator of the former deal reports until the next deal is finished; then the new
    /// operator does.
    function test_report_followsTheDeal() external {
        (address former,) = mapper.operatorOf(SET, 0, 0);
        _open();
        _report(former, 0, 0);
        assertEq(templates.status(SET, 0, 0).epoch, 1, "epoch of the former deal");

        _deal(members, 10);
        (address operator,) = mapper.operatorOf(SET, 0, 0);
        for (uint256 i = 0; i < 3; ++i) {
            if (members[i] != operator) _expectRejected(members[i], 0, 0, operator);
        }
        _report(operator, 0, 0);
        assertEq(templates.status(SET, 0, 0).epoch, 2, "epoch of the next deal");
    }

    function _report(address operator, uint32 group, uint32 place) private {
        vm.prank(operator);
        templates.report(_reports(group, place));
    }

    function _expectRejected(address caller, uint32 group, uint32 place, address operator) private {
        vm.prank(caller);
        vm.expectRevert(
            abi.encodeWithSelector(
                ITemplates.TemplatesNotOperator.selector, SET, group, place, caller, operator
            )
        );
        templates.report(_reports(group, place));
    }

    function _reports(uint32 group, uint32 place)
        private
        pure
        returns (ITemplates.Report[] memory reports)
    {
        reports = new ITemplates.Report[](1);
        reports[0] = ITemplates.Report(
            SET, group, place, 1, NodeState.Running, 12, "", "node.example:30303"
        );
    }
}
