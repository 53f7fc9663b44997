// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Proof} from "../src/interfaces/Types.sol";
import {ECVRF} from "../src/libraries/ECVRF.sol";
import {BaseTest} from "./BaseTest.sol";
import {VrfVectors} from "./VrfVectors.sol";

/// @notice Gives the library an address, so that the gas measured is what a contract pays for a
/// call.
contract Verifier {
    function verify(Proof calldata proof, uint256 x, uint256 y, bytes calldata alpha)
        external
        view
        returns (bool, bytes32)
    {
        return ECVRF.verify(proof, x, y, alpha);
    }

    function isKey(uint256 x, uint256 y) external pure returns (bool) {
        return ECVRF.isKey(x, y);
    }
}

contract ECVRFTest is BaseTest, VrfVectors {
    uint256 private constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    uint256 private constant GAS_LIMIT = 225_000;

    event Gas(string what, uint256 gas);

    Verifier private _verifier;

    function setUp() public {
        _verifier = new Verifier();
    }

    function test_verify_acceptsEveryProof() public {
        string memory json = _json();
        uint256 most;
        uint256 count = _count(json, ".proofs");
        assertEq(count, 20, "proofs in the file");
        for (uint256 i = 0; i < count; ++i) {
            Vector memory vector = _vector(json, ".proofs", i);
            uint256 before = gasleft();
            (bool valid, bytes32 beta) =
                _verifier.verify(vector.proof, vector.x, vector.y, vector.alpha);
            uint256 used = before - gasleft();

            assertTrue(valid, string.concat("proof ", vm.toString(i)));
            assertEq(beta, _beta(json, i), string.concat("beta ", vm.toString(i)));
            assertTrue(used <= GAS_LIMIT, string.concat("gas of proof ", vm.toString(i)));
            emit Gas(string.concat("proof ", vm.toString(i)), used);
            if (used > most) most = used;
        }
        emit Gas("most", most);
    }

    function test_verify_rejectsEveryFailure() public view {
        string memory json = _json();
        uint256 count = _count(json, ".failures");
        assertEq(count, 38, "failures in the file");
        for (uint256 i = 0; i < count; ++i) {
            Vector memory vector = _vector(json, ".failures", i);
            (bool valid, bytes32 beta) =
                _verifier.verify(vector.proof, vector.x, vector.y, vector.alpha);
            assertFalse(valid, _reason(json, i));
            assertEq(beta, bytes32(0), _reason(json, i));
        }
    }

    /// @dev A valid proof fails after any change of any field.
    function test_verify_rejectsMutations(uint256 field, uint256 mask) public view {
        string memory json = _json();
        Vector memory vector = _vector(json, ".proofs", field % 20);
        uint256[10] memory words = abi.decode(abi.encode(vector.proof), (uint256[10]));
        words[bound(field, 0, 9)] ^= bound(mask, 1, type(uint256).max);
        Proof memory proof = abi.decode(abi.encode(words), (Proof));

        (bool valid,) = _verifier.verify(proof, vector.x, vector.y, vector.alpha);
        assertFalse(valid, "mutated proof");
    }

    function test_verify_rejectsOtherMessages(uint256 index, bytes calldata alpha) public view {
        string memory json = _json();
        Vector memory vector = _vector(json, ".proofs", bound(index, 0, 19));
        (bool valid,) = _verifier.verify(vector.proof, vector.x, vector.y, alpha);
        assertEq(valid, keccak256(alpha) == keccak256(vector.alpha), "another message");
    }

    function test_isKey_acceptsEveryKey() public view {
        string memory json = _json();
        for (uint256 i = 0; i < 20; ++i) {
            Vector memory vector = _vector(json, ".proofs", i);
            assertTrue(_verifier.isKey(vector.x, vector.y), "key");
            assertTrue(_verifier.isKey(vector.x, P - vector.y), "negated key");
        }
    }

    function test_isKey_rejectsPointsOffTheCurve(uint256 x, uint256 y) public view {
        bool onCurve =
            x < P && y < P && mulmod(y, y, P) == addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
        assertEq(_verifier.isKey(x, y), onCurve && x < N, "any two words");
    }

    function test_isKey_rejectsInfinity() public view {
        assertFalse(_verifier.isKey(0, 0), "infinity");
    }

    function test_isKey_rejectsCoordinatesThatAreNotReduced() public view {
        // The point with x = 1.
        uint256 y = 0x4218F20AE6C646B363DB68605822FB14264CA8D2587FDD6FBC750D587E76A7EE;
        assertTrue(_verifier.isKey(1, y), "reduced");
        assertFalse(_verifier.isKey(1 + P, y), "unreduced");
    }

    /// @dev The curve has points with x between the group's order and the field's size; ecrecover
    /// rejects them all.
    function test_isKey_rejectsBeyondTheOrder() public view {
        uint256 found;
        for (uint256 x = N; found < 3; ++x) {
            uint256 square = addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
            uint256 y = _root(square);
            if (mulmod(y, y, P) != square) continue;
            ++found;
            assertFalse(_verifier.isKey(x, y), "x beyond the order");
        }
    }

    function _root(uint256 square) private view returns (uint256) {
        (bool success, bytes memory result) =
            address(5).staticcall(abi.encode(32, 32, 32, square, (P + 1) / 4, P));
        assertTrue(success, "modexp");
        return abi.decode(result, (uint256));
    }
}
