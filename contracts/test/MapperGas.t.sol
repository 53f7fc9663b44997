// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Mapper} from "../src/Mapper.sol";
import {IIdentity} from "../src/interfaces/IIdentity.sol";
import {Proof} from "../src/interfaces/Types.sol";
import {OperatorsTest} from "./OperatorsTest.sol";
import {VrfProver} from "./VrfProver.sol";

/// @notice A service with many operators, made in few transactions: isolating each call of the test is slow.
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

    /// @dev Begins, and returns the proof that opens the first epoch and the order it will have.
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

/// @notice What the lottery costs, each call being a transaction of its own (intrinsic gas and cold slots included).
/// @dev The figures are events of the trace: forge test --match-path test/MapperGas.t.sol -vvvv | grep Cost
/// forge-config: default.isolate = true
contract MapperGasTest is OperatorsTest {
    /// @dev EIP-7825's limit of a transaction.
    uint256 private constant TRANSACTION_LIMIT = 16_777_216;
    /// @dev What an agent deals at once; leaves a sixth of the limit for operators with long histories of stake.
    uint256 private constant CHUNK = 400;
    event Cost(string what, uint256 gas);

    function test_join() public {
        _deposit(ALICE, THRESHOLD);
        IIdentity.Application memory application = _application(ALICE, "alice");
        vm.prank(ALICE);
        identity.join(application);
        _cost("join", 550_000);
    }

    function test_100() public {
        _measure(100);
    }

    /// @dev 1,000 unless the environment asks for more: 5,000 take half a minute.
    function test_many() public {
        _measure(moreVm.envOr("KOINON_OPERATORS", uint256(1000)));
    }

    function _measure(uint256 count) private {
        // Thousands of operators cost more gas to make than forge gives a test.
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
        assertTrue(mapper.current().dealt, "dealt");
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
