//! Accounts with all the keys an operator has, the same in every run.

use std::time::Duration;

use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use koinon_chain::Joining;
use koinon_model::keccak256;
use koinon_trust::BeaconKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;

/// Somebody with an account, a certificate and a beacon key.
#[derive(Debug)]
pub struct Actor {
    /// The name it joins with.
    pub name: String,
    /// Its account's key.
    pub signer: PrivateKeySigner,
    /// Its certificate.
    pub certificate: Certificate,
    /// The certificate's key.
    pub certificate_key: CertificateKey,
    /// The key it proves epochs' seeds with.
    pub beacon: BeaconKey,
}

impl Actor {
    /// Makes an actor whose keys follow from its name, which must be fit for a certificate.
    pub fn new(name: &str) -> Self {
        const KEY: &str = "a hash is a valid secret key but for one in 2^128";
        let secret = |purpose: &str| keccak256(format!("{purpose} of {name}").as_bytes());
        let certificate_key = CertificateKey::from_bytes(&secret("certificate")).expect(KEY);
        let (now, century) = (Duration::from_secs(1_700_000_000), Duration::from_secs(700_000_000));
        let certificate = certificate_key.issue(name, now, century);
        Self {
            name: name.to_owned(),
            signer: PrivateKeySigner::from_bytes(&secret("account")).expect(KEY),
            certificate: certificate.expect("the name is fit for a certificate"),
            certificate_key,
            beacon: BeaconKey::from_bytes(&secret("beacon")).expect(KEY),
        }
    }

    /// Makes `count` actors called `operator0@net`, `operator1@net`, …
    pub fn operators(count: usize) -> Vec<Self> {
        (0..count).map(|number| Self::new(&format!("operator{number}@net"))).collect()
    }

    /// Returns its account.
    pub fn account(&self) -> Address {
        self.signer.address()
    }

    /// Returns what it joins with.
    pub fn joining(&self) -> Joining<'_> {
        Joining {
            name: &self.name,
            certificate: &self.certificate,
            key: &self.certificate_key,
            beacon: self.beacon.public(),
        }
    }
}
