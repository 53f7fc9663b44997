//! What makes Koinon's parts believe each other: certificates bound to accounts, and verifiable randomness.
//!
//! In: keys, messages, bytes from anywhere. Out: proofs, and verdicts on proofs of others. No IO, no clock, no source of
//! randomness: time and entropy are arguments.

mod certificate;
mod vrf;

pub use certificate::{Certificate, CertificateError, CertificateKey};
pub use vrf::{BeaconKey, BeaconPublicKey, Proof, VrfError};
