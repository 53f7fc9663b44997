//! Trust between Koinon's parts: certificates bound to accounts, and verifiable
//! randomness.
//!
//! In: keys, messages, untrusted bytes. Out: proofs, and the verification of other parties' proofs.
//! No IO, no clock, no source of randomness: time and entropy are arguments.

mod certificate;
mod vrf;

pub use certificate::{Certificate, CertificateError, CertificateKey};
pub use vrf::{BeaconKey, BeaconPublicKey, Proof, VrfError};
