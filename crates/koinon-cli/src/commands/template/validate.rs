//! `koinon validate`.

use clap::Args;
use koinon_command::Outcome;
use koinon_command::TemplateArgs;
use koinon_command::Tone;
use koinon_command::Ui;
use koinon_command::paint;

use crate::diagnostics::DiagnosticsFormat;

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  koinon validate examples/sharding-network --inputs examples/sharding-network/paper.yaml"
)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    template: TemplateArgs,

    /// Format of the errors
    #[arg(long, value_enum, default_value_t = DiagnosticsFormat::Text)]
    format: DiagnosticsFormat,
}

pub(crate) fn run(ui: Ui, args: &ValidateArgs) -> Outcome {
    let (files, root) = args.template.open()?;
    let format = args.format.or_json(ui);
    let values = format.print_failure(ui, args.template.values())?;
    let checked = koinon_tosca::validate(&files, &root, &values).map_err(Into::into);
    let warnings = format.print_failure(ui, checked)?;
    if format == DiagnosticsFormat::Text {
        if warnings.iter().len() > 0 {
            ui.say(warnings.render(koinon_tosca::Style::Colored).trim_end());
        }
        ui.say(&format!("{} {root} is valid", paint(Tone::Good, "✔")));
    } else {
        format.write(ui, &warnings);
    }
    Ok(())
}
