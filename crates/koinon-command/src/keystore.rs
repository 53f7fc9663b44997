//! Encrypted keystores (Web3 Secret Storage), and files with secrets.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use alloy::signers::local::LocalSignerError;
use alloy::signers::local::PrivateKeySigner;
use anyhow::Context;
use rand::rngs::OsRng;

use crate::error::CommandError;
use crate::error::Outcome;

/// Makes an encrypted keystore with a new key.
///
/// # Errors
/// If the file cannot be written.
pub fn new_keystore(path: &Path, password: &str) -> Outcome<PrivateKeySigner> {
    let failed = || format!("cannot make the keystore {}", path.display());
    let dir = path.parent().unwrap_or(Path::new("."));
    let part = "account.part";
    let made = PrivateKeySigner::new_keystore(dir, &mut OsRng, password, Some(part));
    let (signer, _) = made.with_context(failed)?;
    std::fs::rename(dir.join(part), path).with_context(failed)?;
    Ok(signer)
}

/// Opens an encrypted keystore with the password in a file.
///
/// # Errors
/// If a file cannot be read, or the password is wrong.
pub fn open_keystore(path: &Path, password_file: &Path) -> Outcome<PrivateKeySigner> {
    let password = std::fs::read_to_string(password_file)
        .with_context(|| format!("cannot read the password file {}", password_file.display()))?;
    let failed = || format!("cannot open the keystore {}", path.display());
    // A file that is not there is no question of the password.
    std::fs::File::open(path).with_context(failed)?;
    let password = password.trim_end_matches(['\r', '\n']);
    PrivateKeySigner::decrypt_keystore(path, password).map_err(|error| match error {
        LocalSignerError::EthKeystoreError(cause) if cause.to_string() == "Mac Mismatch" => {
            let wrong = format!("{}: the password is wrong", failed());
            CommandError::failed(wrong)
                .hint(format!("is {} the right password file?", password_file.display()))
        }
        other => CommandError::from(anyhow::Error::from(other).context(failed()))
            .hint("is it an encrypted keystore (Web3 Secret Storage)?"),
    })
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_secret(path: &Path, content: &[u8]) -> Outcome {
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
