//! Accounts with all the keys of an operator, the same in every run.

use std::time::Duration;

use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use koinon_chain::JoinApplication;
use koinon_model::keccak256;
use koinon_trust::BeaconKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;

/// A person with an account, a certificate and a beacon key.
#[derive(Debug)]
pub struct Actor {
    /// The name it joins with.
    pub name: String,
    /// The key of its account.
    pub signer: PrivateKeySigner,
    /// Its certificate, valid for more than 20 years from November 2023.
    pub certificate: Certificate,
    /// The certificate's key.
    pub certificate_key: CertificateKey,
    /// The key that proves epochs' seeds.
    pub beacon: BeaconKey,
}

impl Actor {
    /// Makes an actor whose keys follow from its name, which must be fit for a certificate.
    pub fn new(name: &str) -> Self {
        const KEY: &str = "BUG: a hash is a valid secret key, except for one in 2^128";
        let secret = |purpose: &str| keccak256(format!("{purpose} of {name}").as_bytes());
        let certificate_key = CertificateKey::from_bytes(&secret("certificate")).expect(KEY);
        let (now, lifetime) =
            (Duration::from_secs(1_700_000_000), Duration::from_secs(700_000_000));
        let certificate = certificate_key.issue(name, now, lifetime);
        Self {
            name: name.to_owned(),
            signer: PrivateKeySigner::from_bytes(&secret("account")).expect(KEY),
            certificate: certificate.expect("BUG: the name is fit for a certificate"),
            certificate_key,
            beacon: BeaconKey::from_bytes(&secret("beacon")).expect(KEY),
        }
    }

    /// Makes `count` actors called `operator0@net`, `operator1@net`, …
    pub fn operators(count: usize) -> Vec<Self> {
        (0..count).map(|number| Self::new(&format!("operator{number}@net"))).collect()
    }

    /// Returns the address of its account.
    pub fn account(&self) -> Address {
        self.signer.address()
    }

    /// Returns its application to join a service.
    pub fn application(&self) -> JoinApplication<'_> {
        JoinApplication {
            name: &self.name,
            certificate: &self.certificate,
            key: &self.certificate_key,
            beacon: self.beacon.public(),
        }
    }
}
