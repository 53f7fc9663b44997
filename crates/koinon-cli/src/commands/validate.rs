//! `koinon validate`: checks a template.

use clap::Args;

use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

/// Check a template; inputs may lack values
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  koinon validate examples/sharding-network --inputs examples/sharding-network/paper.yaml"
)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    template: TemplateArgs,
}

pub(crate) fn run(ui: Ui, args: &ValidateArgs) -> Outcome {
    let (disk, root) = args.template.open()?;
    match koinon_tosca::validate(&disk, &root, &args.template.values()?) {
        Ok(()) if ui.json => ui.json(&serde_json::json!({ "valid": true, "diagnostics": [] })),
        Ok(()) => ui.say(&format!("{} {root} is valid", paint(Tone::Good, "✔"))),
        Err(diagnostics) => {
            if ui.json {
                ui.json(&serde_json::json!({ "valid": false, "diagnostics": diagnostics }));
            }
            return Err(diagnostics.into());
        }
    }
    Ok(())
}
