// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Proof} from "../interfaces/Types.sol";

/// @notice Verifies ECVRF proofs (RFC 9381, section 5.3) on secp256k1 with SHA-256 and
/// try-and-increment; suite 0xFE.
/// @dev The prover does the scalar multiplications: it provides U = s*B - c*Y, sH = s*H and cGamma
/// = c*Gamma. The ecrecover precompile, which returns the address of (sig*R - hash*B) / R.x, checks
/// each of them. An address is 160 bits of a point's hash, so a false point passes with probability
/// 2^-160. The prover must choose the points before the challenge, a hash of U and V = sH - cGamma,
/// fixes c and s. The 128 bits of c stay the weaker bound, as in the RFC.
/// Exceptional cases, each of which an honest prover meets with a probability of at most 2^-127:
/// - ecrecover returns address zero for an x not below the group's order, a scalar of zero or an
///   infinite result. All are rejected. No point here is infinite or of order two: (0, 0) is off
///   the curve and the group's order is prime.
/// - sH = cGamma (V infinite) and sH = -cGamma (V needs doubling) are rejected, so plain addition
///   is complete.
library ECVRF {
    /// @dev The size of the field.
    uint256 private constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    /// @dev The order of the group.
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    /// @dev A square raised to this power is its root, because P = 3 (mod 4).
    uint256 private constant ROOT = (P + 1) / 4;
    /// @dev The suite byte of secp256k1, SHA-256, try-and-increment; RFC 9381 assigns none.
    bytes1 private constant SUITE = 0xFE;

    /// @notice Returns whether (x, y) is a public key that proofs can be verified with: a point of
    /// the curve with x < N.
    function isKey(uint256 x, uint256 y) internal pure returns (bool) {
        return x < N && _isPoint(x, y);
    }

    /// @notice Returns whether `proof` is valid for the key (x, y) and `alpha`, and if so its
    /// output (beta).
    function verify(Proof calldata proof, uint256 x, uint256 y, bytes memory alpha)
        internal
        view
        returns (bool valid, bytes32 beta)
    {
        if (!isKey(x, y) || !_isWellFormed(proof)) return (false, 0);

        bytes memory key = _compress(x, y);
        (uint256 hX, uint256 hY) = _hashToCurve(key, alpha);
        if (!_areProducts(proof, x, y, hX, hY)) return (false, 0);

        bytes memory gamma = _compress(proof.gammaX, proof.gammaY);
        bytes memory start = bytes.concat(SUITE, hex"02", key, _compress(hX, hY), gamma);
        if (_challenge(start, proof) != proof.c) return (false, 0);

        return (true, sha256(bytes.concat(SUITE, hex"03", gamma, hex"00")));
    }

    /// @dev Checks the bounds of RFC 9381, section 5.4.4, that all points are on the curve, and
    /// that `_subtract` meets no exceptional case.
    function _isWellFormed(Proof calldata proof) private pure returns (bool) {
        return proof.c != 0 && proof.c >> 128 == 0 && proof.s != 0 && proof.s < N
            && _isPoint(proof.gammaX, proof.gammaY) && _isPoint(proof.uX, proof.uY)
            && _isPoint(proof.sHX, proof.sHY) && _isPoint(proof.cGammaX, proof.cGammaY)
            && proof.sHX != proof.cGammaX;
    }

    /// @dev Returns whether U = s*B - c*Y, sH = s*H and cGamma = c*Gamma.
    function _areProducts(Proof calldata proof, uint256 x, uint256 y, uint256 hX, uint256 hY)
        private
        pure
        returns (bool)
    {
        // The products are below N, and not zero because N is prime; so the differences are scalars
        // too.
        uint256 minusSX = N - mulmod(proof.s, x, N);
        uint256 minusCX = N - mulmod(proof.c, x, N);
        return _recovers(minusSX, x, y, minusCX, proof.uX, proof.uY)
            && _recovers(0, hX, hY, mulmod(proof.s, hX, N), proof.sHX, proof.sHY)
            && _recovers(
            0,
            proof.gammaX,
            proof.gammaY,
            mulmod(proof.c, proof.gammaX, N),
            proof.cGammaX,
            proof.cGammaY
        );
    }

    /// @dev RFC 9381, section 5.4.3; `start` holds the bytes before U.
    function _challenge(bytes memory start, Proof calldata proof) private view returns (uint256) {
        (uint256 vX, uint256 vY) = _subtract(proof.sHX, proof.sHY, proof.cGammaX, proof.cGammaY);
        bytes memory end = bytes.concat(_compress(proof.uX, proof.uY), _compress(vX, vY), hex"00");
        return uint256(sha256(bytes.concat(start, end))) >> 128;
    }

    /// @dev Returns whether (sig*R - hash*B) / R.x has the address of (x, y).
    function _recovers(uint256 hash, uint256 rX, uint256 rY, uint256 sig, uint256 x, uint256 y)
        private
        pure
        returns (bool)
    {
        uint8 v = rY & 1 == 0 ? 27 : 28;
        address recovered = ecrecover(bytes32(hash), v, bytes32(rX), bytes32(sig));
        return recovered != address(0)
            && recovered == address(uint160(uint256(keccak256(abi.encode(x, y)))));
    }

    /// @dev RFC 9381, section 5.4.1.1, with the compressed key as the salt. The search runs here,
    /// so a prover cannot skip a counter that leads to a point. A try fails with probability 1/2,
    /// all 256 with 2^-256.
    function _hashToCurve(bytes memory key, bytes memory alpha)
        private
        view
        returns (uint256 x, uint256 y)
    {
        bytes memory message = bytes.concat(SUITE, hex"01", key, alpha, hex"0000");
        for (uint256 counter = 0; counter < 256; ++counter) {
            // counter < 256 fits one byte.
            // forge-lint: disable-next-line(unsafe-typecast)
            message[message.length - 2] = bytes1(uint8(counter));
            x = uint256(sha256(message));
            if (x >= P) continue;
            uint256 square = _squareAt(x);
            y = Math.modExp(square, ROOT, P);
            if (mulmod(y, y, P) == square) return (x, y & 1 == 0 ? y : P - y);
        }
        // (0, 0) is not a point; the checks that follow reject it.
        return (0, 0);
    }

    /// @dev Returns (x1, y1) - (x2, y2), where x1 != x2.
    function _subtract(uint256 x1, uint256 y1, uint256 x2, uint256 y2)
        private
        view
        returns (uint256 x, uint256 y)
    {
        uint256 slope = mulmod(addmod(y1, y2, P), Math.invModPrime(addmod(x1, P - x2, P), P), P);
        x = addmod(mulmod(slope, slope, P), addmod(P - x1, P - x2, P), P);
        y = addmod(mulmod(slope, addmod(x1, P - x, P), P), P - y1, P);
    }

    function _isPoint(uint256 x, uint256 y) private pure returns (bool) {
        return x < P && y < P && mulmod(y, y, P) == _squareAt(x);
    }

    /// @dev Returns x^3 + 7.
    function _squareAt(uint256 x) private pure returns (uint256) {
        return addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
    }

    /// @dev Returns the point in SEC1's compressed form, 33 bytes.
    function _compress(uint256 x, uint256 y) private pure returns (bytes memory) {
        return abi.encodePacked(y & 1 == 0 ? bytes1(0x02) : bytes1(0x03), x);
    }
}
