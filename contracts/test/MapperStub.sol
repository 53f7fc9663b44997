// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IMapper} from "../src/interfaces/IMapper.sol";

/// @notice Answers the two calls that Templates makes to the Mapper, with values that the test
/// sets.
/// @dev Only for fuzzing Templates over any slot, operator and epoch: a real deal costs a VRF proof
/// and a join of every operator in each run. TemplatesMapper.t.sol tests Templates with the real
/// Mapper.
contract MapperStub {
    uint64 private _epoch;
    mapping(bytes32 slot => address) private _operators;

    function setEpoch(uint64 epoch) external {
        _epoch = epoch;
    }

    function setOperator(bytes32 set, uint32 group, uint32 place, address operator) external {
        _operators[keccak256(abi.encode(set, group, place))] = operator;
    }

    function currentEpoch() external view returns (IMapper.Epoch memory epoch) {
        epoch.number = _epoch;
    }

    function operatorOf(bytes32 set, uint32 group, uint32 place)
        external
        view
        returns (address operator, uint32 unit)
    {
        return (_operators[keccak256(abi.encode(set, group, place))], unit);
    }
}
