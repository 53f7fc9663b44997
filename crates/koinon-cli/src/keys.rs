//! The key directory of an operator.
//!
//! `account.json` is an encrypted keystore (Web3 Secret Storage), `certificate.pem` and
//! `certificate.key` an X.509 certificate with its key, `beacon.key` the VRF key. Only the owner
//! can read the directory.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use koinon_command::CommandError;
use koinon_command::Outcome;
use koinon_command::new_keystore;
use koinon_command::open_keystore;
use koinon_command::write_secret;
use koinon_trust::BeaconKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;
use rand::RngCore;
use rand::rngs::OsRng;

/// Validity of the certificates issued here: ten years.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(3650 * 86_400);

/// The key directory of an operator.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    dir: PathBuf,
}

impl Keys {
    pub(crate) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(crate) fn keystore(&self) -> PathBuf {
        self.dir.join("account.json")
    }

    pub(crate) fn password(&self) -> PathBuf {
        self.dir.join("password")
    }

    /// Makes the keys that are missing; a new keystore gets a random password.
    pub(crate) fn ensure(&self, name: &str) -> Outcome {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .with_context(|| format!("cannot make {}", self.dir.display()))?;
        if !self.keystore().exists() {
            let password = hex(&random());
            write_secret(&self.password(), password.as_bytes())?;
            new_keystore(&self.keystore(), &password)?;
        }
        let beacon = self.dir.join("beacon.key");
        if !beacon.exists() {
            let key = loop {
                if let Ok(key) = BeaconKey::from_bytes(&random()) {
                    break key;
                }
            };
            write_secret(&beacon, hex(&*key.to_bytes()).as_bytes())?;
        }
        let certificate = self.dir.join("certificate.pem");
        if !certificate.exists() {
            let key = loop {
                if let Ok(key) = CertificateKey::from_bytes(&random()) {
                    break key;
                }
            };
            let now = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .context("the clock is before 1970")?;
            let issued =
                key.issue(name, now, CERTIFICATE_LIFETIME).context("cannot issue a certificate")?;
            write_secret(&self.dir.join("certificate.key"), key.to_pem().as_bytes())?;
            koinon_node::write_atomically(&certificate, issued.to_pem().as_bytes())
                .with_context(|| format!("cannot write {}", certificate.display()))?;
        }
        Ok(())
    }

    pub(crate) fn signer(&self) -> Outcome<PrivateKeySigner> {
        open_keystore(&self.keystore(), &self.password())
    }

    pub(crate) fn certificate(&self) -> Outcome<Certificate> {
        let pem = self.read("certificate.pem")?;
        let read = Certificate::from_pem(&pem);
        Ok(read.with_context(|| format!("cannot use the certificate in {}", self.dir.display()))?)
    }

    pub(crate) fn certificate_key(&self) -> Outcome<CertificateKey> {
        let pem = self.read("certificate.key")?;
        let read = CertificateKey::from_pem(&pem);
        Ok(read.with_context(|| {
            format!("cannot use the certificate's key in {}", self.dir.display())
        })?)
    }

    pub(crate) fn beacon(&self) -> Outcome<BeaconKey> {
        let text = self.read("beacon.key")?;
        let bytes =
            alloy::hex::decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let key = bytes.and_then(|bytes| BeaconKey::from_bytes(&bytes).ok());
        key.ok_or_else(|| CommandError::failed(format!("no beacon key in {}", self.dir.display())))
    }

    fn read(&self, name: &str) -> Outcome<String> {
        let path = self.dir.join(name);
        Ok(std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?)
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    alloy::hex::encode(bytes)
}
