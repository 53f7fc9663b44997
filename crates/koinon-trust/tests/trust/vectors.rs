//! The VRF against `suite/vectors/vrf.json`, made by an independent implementation that also
//! reproduces the examples of RFC 9381 Appendix B.1.

use koinon_trust::BeaconKey;
use koinon_trust::BeaconPublicKey;
use koinon_trust::Proof;
use koinon_trust::VrfError;
use serde_json::Value;

fn vectors() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../suite/vectors/vrf.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().unwrap().trim_start_matches("0x")).unwrap()
}

fn word(case: &Value, field: &str) -> [u8; 32] {
    bytes(case, field).try_into().unwrap()
}

fn point(case: &Value, name: &str) -> [[u8; 32]; 2] {
    [word(case, &format!("{name}X")), word(case, &format!("{name}Y"))]
}

fn proof(case: &Value) -> Result<Proof, VrfError> {
    let points = ["gamma", "u", "sH", "cGamma"].map(|name| point(case, name));
    Proof::from_words(points, &word(case, "c"), &word(case, "s"))
}

#[test]
fn proofs_are_those_of_the_reference() {
    let vectors = vectors();
    let cases = vectors["proofs"].as_array().unwrap();
    assert!(cases.len() >= 20);
    for case in cases {
        let key = BeaconKey::from_bytes(&word(case, "secret")).unwrap();
        assert_eq!(key.public().coordinates(), [word(case, "x"), word(case, "y")]);
        let made = key.prove(&bytes(case, "alpha")).unwrap();
        assert_eq!(made, proof(case).unwrap());
        assert_eq!(made.verify(&key.public(), &bytes(case, "alpha")), Ok(word(case, "beta")));
    }
}

#[test]
fn proofs_that_the_reference_rejects_are_rejected() {
    let vectors = vectors();
    let cases = vectors["failures"].as_array().unwrap();
    assert!(cases.len() >= 38);
    for case in cases {
        let key = BeaconPublicKey::from_coordinates(&word(case, "x"), &word(case, "y"));
        let verified = key.and_then(|key| {
            proof(case).and_then(|proof| proof.verify(&key, &bytes(case, "alpha")))
        });
        let reason = case["reason"].as_str().unwrap();
        // The reference does not say which of the two it is.
        let rejected = matches!(verified, Err(VrfError::InvalidPoint | VrfError::InvalidProof));
        assert!(rejected, "{reason}: {verified:?}");
    }
}

#[test]
fn the_words_of_a_proof_are_those_of_the_reference() {
    for case in vectors()["proofs"].as_array().unwrap() {
        let proof = proof(case).unwrap();
        let points = ["gamma", "u", "sH", "cGamma"].map(|name| point(case, name));
        assert_eq!(proof.points(), points);
        assert_eq!(proof.scalars(), [word(case, "c"), word(case, "s")]);
    }
}
