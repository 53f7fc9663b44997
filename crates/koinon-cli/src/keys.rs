//! Keys on disk: an operator's directory.
//!
//! `account.json` is an encrypted keystore (Web3 Secret Storage), `certificate.pem` and `certificate.key` an X.509
//! certificate with its key, `beacon.key` the VRF key. The directory is its owner's only.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::SystemTime;

use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use koinon_trust::BeaconKey;
use koinon_trust::Certificate;
use koinon_trust::CertificateKey;
use rand::RngCore;
use rand::rngs::OsRng;

use crate::error::CommandError;
use crate::error::Outcome;

/// How long a certificate lasts that is issued here: ten years.
const LIFETIME: Duration = Duration::from_secs(3650 * 86_400);

/// An operator's directory.
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

    /// Makes whatever of the keys is missing, with a password of its own for the keystore.
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
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let issued = key.issue(name, now, LIFETIME).context("cannot issue a certificate")?;
            write_secret(&self.dir.join("certificate.key"), key.to_pem().as_bytes())?;
            koinon_node::write_whole(&certificate, issued.to_pem().as_bytes())
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

/// Makes an encrypted keystore with a new key.
pub(crate) fn new_keystore(path: &Path, password: &str) -> Outcome<PrivateKeySigner> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let part = "account.part";
    let made = PrivateKeySigner::new_keystore(dir, &mut OsRng, password, Some(part));
    let (signer, _) =
        made.with_context(|| format!("cannot make the keystore {}", path.display()))?;
    let moved = std::fs::rename(dir.join(part), path);
    moved.with_context(|| format!("cannot make the keystore {}", path.display()))?;
    Ok(signer)
}

/// Opens an encrypted keystore with the password in a file.
pub(crate) fn open_keystore(path: &Path, password_file: &Path) -> Outcome<PrivateKeySigner> {
    let password = std::fs::read_to_string(password_file)
        .with_context(|| format!("cannot read the password file {}", password_file.display()))?;
    let opened = PrivateKeySigner::decrypt_keystore(path, password.trim_end_matches(['\r', '\n']));
    let opened = opened.with_context(|| format!("cannot open the keystore {}", path.display()));
    opened.map_err(|error| CommandError::from(error).hint("is it the right password file?"))
}

pub(crate) fn write_secret(path: &Path, content: &[u8]) -> Outcome {
    let part = path.with_extension("part");
    let write = || {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    Ok(write().with_context(|| format!("cannot write {}", path.display()))?)
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    alloy::hex::encode(bytes)
}
