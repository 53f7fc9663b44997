//! `koinon key`.

use std::path::PathBuf;

use clap::Subcommand;
use koinon_command::Outcome;
use koinon_command::Ui;
use serde_json::json;

use crate::keys::Keys;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum KeyCommand {
    /// Make an operator's key directory: encrypted keystore, certificate, beacon key
    New {
        /// The directory to make
        dir: PathBuf,

        /// Name of the operator; the certificate is issued for it
        #[arg(long)]
        name: String,
    },
    /// Show the account and certificate of a key directory
    Show {
        /// The key directory
        dir: PathBuf,
    },
}

pub(crate) fn run(ui: Ui, command: KeyCommand) -> Outcome {
    let keys = match command {
        KeyCommand::New { dir, name } => {
            let keys = Keys::at(&dir);
            keys.ensure(&name)?;
            keys
        }
        KeyCommand::Show { dir } => Keys::at(&dir),
    };
    let (account, certificate) = (keys.signer()?.address(), keys.certificate()?);
    let fingerprint = alloy::hex::encode(certificate.fingerprint());
    if ui.json {
        ui.json(&json!({
            "account": account,
            "name": certificate.common_name(),
            "fingerprint": fingerprint,
            "keystore": keys.keystore(),
            "password_file": keys.password(),
        }));
        return Ok(());
    }
    ui.line(&format!("account      {account}"));
    ui.line(&format!("name         {}", certificate.common_name()));
    ui.line(&format!("certificate  SHA-256 {fingerprint}"));
    ui.line(&format!("keystore     {}", keys.keystore().display()));
    Ok(())
}
