// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Mapper} from "../src/Mapper.sol";
import {IIdentity} from "../src/interfaces/IIdentity.sol";
import {Proof} from "../src/interfaces/Types.sol";
import {OperatorsTest} from "./OperatorsTest.sol";
import {VrfProver} from "./VrfProver.sol";

/// @notice A service with many operators, made in few transactions, because the test isolates each
/// call, which is slow.
contract Crowd is OperatorsTest {
    address[] private _members;

    function populate(uint256 count) external {
        for (uint256 i = 0; i < count; ++i) {
            string memory name = vm.toString(_members.length);
            address account = address(uint160(uint256(keccak256(bytes(name)))));
            _join(account, name, THRESHOLD * (1 + i % 10));
            _members.push(account);
        }
    }

    /// @dev Begins; returns the proof that opens the first epoch, and the order of its deal.
    function begin(uint256 groups) external returns (Proof memory proof, address[] memory order) {
        _begin();
        _setSet("worker", groups, _members.length / groups);
        vm.roll(mapper.opensAt());
        proof = VrfProver.prove(SECRET, mapper.alpha());
        order = _ordered(VrfProver.output(proof), _members);
    }

    function deployed() external view returns (Mapper) {
        return mapper;
    }
}

/// @notice Measures the gas of the deal. Each call is a separate transaction, with intrinsic gas
/// and cold slots.
/// @dev The figures are events in the trace:
/// forge test --match-path test/MapperGas.t.sol -vvvv | grep Cost
/// forge-config: default.isolate = true
contract MapperGasTest is OperatorsTest {
    /// @dev EIP-7825's limit of a transaction.
    uint256 private constant TRANSACTION_LIMIT = 16_777_216;
    /// @dev Operators that an agent deals at once. A sixth of the limit stays free for operators
    /// with long stake histories.
    uint256 private constant CHUNK = 400;
    event Cost(string what, uint256 gas);

    function test_gas_ofJoin() public {
        _deposit(ALICE, THRESHOLD);
        IIdentity.Application memory application = _application(ALICE, "alice");
        vm.prank(ALICE);
        identity.join(application);
        _cost("join", 550_000);
    }

    function test_gas_ofADealTo100Operators() public {
        _measure(100);
    }

    /// @dev Deals to 1,000 operators, or to KOINON_OPERATORS of them: 5,000 take half a minute.
    function test_gas_ofADealToManyOperators() public {
        _measure(moreVm.envOr("KOINON_OPERATORS", uint256(1000)));
    }

    function _measure(uint256 count) private {
        // Making thousands of operators costs more gas than forge gives a test.
        moreVm.pauseGasMetering();
        Crowd crowd = new Crowd();
        crowd.setUp();
        for (uint256 done = 0; done < count; done += 100) {
            crowd.populate(100);
        }
        (Proof memory proof, address[] memory order) = crowd.begin(20);
        mapper = crowd.deployed();
        vm.roll(mapper.opensAt());
        moreVm.resumeGasMetering();

        mapper.open(proof);
        _cost("open", 250_000);
        uint256 total;
        uint256 most;
        for (uint256 from = 0; from < count; from += CHUNK) {
            mapper.deal(1, uint32(from), _slice(order, from, CHUNK));
            uint256 gas = moreVm.lastCallGas().gasTotalUsed;
            total += gas;
            if (gas > most) most = gas;
        }
        assertTrue(mapper.currentEpoch().dealt, "dealt");
        assertTrue(most < TRANSACTION_LIMIT, "a chunk fits a transaction");
        emit Cost("deal, largest chunk", most);
        emit Cost("deal, per operator", total / count);

        mapper.operatorOf("worker", 7, 3);
        _cost("operatorOf", 120_000);
        mapper.nextBeacon();
        _cost("nextBeacon", 80_000);
    }

    function _cost(string memory what, uint256 limit) private {
        uint256 gas = moreVm.lastCallGas().gasTotalUsed;
        emit Cost(what, gas);
        assertTrue(gas <= limit, what);
    }
}
