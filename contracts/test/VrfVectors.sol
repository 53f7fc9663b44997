// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Proof} from "../src/interfaces/Types.sol";
import {Vm} from "./BaseTest.sol";

/// @notice Reads suite/vectors/vrf.json.
abstract contract VrfVectors {
    struct Vector {
        uint256 x;
        uint256 y;
        bytes alpha;
        Proof proof;
    }

    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function _json() internal view returns (string memory) {
        return VM.readFile("../suite/vectors/vrf.json");
    }

    function _count(string memory json, string memory list) internal view returns (uint256 count) {
        while (VM.keyExistsJson(json, _at(list, count))) ++count;
    }

    function _vector(string memory json, string memory list, uint256 index)
        internal
        pure
        returns (Vector memory vector)
    {
        string memory path = _at(list, index);
        vector.x = _uint(json, path, ".x");
        vector.y = _uint(json, path, ".y");
        vector.alpha = VM.parseJsonBytes(json, string.concat(path, ".alpha"));
        vector.proof = Proof(
            _uint(json, path, ".gammaX"),
            _uint(json, path, ".gammaY"),
            _uint(json, path, ".c"),
            _uint(json, path, ".s"),
            _uint(json, path, ".uX"),
            _uint(json, path, ".uY"),
            _uint(json, path, ".sHX"),
            _uint(json, path, ".sHY"),
            _uint(json, path, ".cGammaX"),
            _uint(json, path, ".cGammaY")
        );
    }

    function _beta(string memory json, uint256 index) internal pure returns (bytes32) {
        return VM.parseJsonBytes32(json, string.concat(_at(".proofs", index), ".beta"));
    }

    function _reason(string memory json, uint256 index) internal pure returns (string memory) {
        return
            abi.decode(
                VM.parseJson(json, string.concat(_at(".failures", index), ".reason")), (string)
            );
    }

    function _uint(string memory json, string memory path, string memory name)
        private
        pure
        returns (uint256)
    {
        return VM.parseJsonUint(json, string.concat(path, name));
    }

    function _at(string memory list, uint256 index) private pure returns (string memory) {
        return string.concat(list, "[", VM.toString(index), "]");
    }
}
