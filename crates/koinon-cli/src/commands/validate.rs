//! `koinon validate`: checks a template.

use clap::Args;

use crate::diagnostics::Format;
use crate::error::Outcome;
use crate::files::TemplateArgs;
use crate::ui::Tone;
use crate::ui::Ui;
use crate::ui::paint;

#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  koinon validate examples/sharding-network --inputs examples/sharding-network/paper.yaml"
)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    template: TemplateArgs,

    /// How errors are shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(ui: Ui, args: &ValidateArgs) -> Outcome {
    let (disk, root) = args.template.open()?;
    let format = args.format.or_json(ui);
    let values = format.shown(ui, args.template.values())?;
    let checked = koinon_tosca::validate(&disk, &root, &values).map_err(Into::into);
    let warnings = format.shown(ui, checked)?;
    if format == Format::Text {
        if warnings.iter().len() > 0 {
            ui.say(warnings.render(koinon_tosca::Style::Colored).trim_end());
        }
        ui.say(&format!("{} {root} is valid", paint(Tone::Good, "✔")));
    } else {
        format.write(ui, &warnings);
    }
    Ok(())
}
