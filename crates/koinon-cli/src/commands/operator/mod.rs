//! `koinon operator`: join, leave, fund, list and show operators.

mod fund;
mod join;
mod leave;
mod list;
mod show;

use clap::Subcommand;
use koinon_command::Outcome;
use koinon_command::Ui;

#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum OperatorCommand {
    /// Deposit stake, and join the operators with a certificate
    Join(join::OperatorJoinArgs),
    /// Leave the operators, and give up the stake; the next deal gives no nodes to the operator
    Leave(leave::OperatorLeaveArgs),
    /// Send coins to an account, for its stake and its transactions
    Fund(fund::OperatorFundArgs),
    /// List the operators
    List(list::OperatorListArgs),
    /// Show an operator and its nodes
    Show(show::OperatorShowArgs),
}

pub(crate) async fn run(ui: Ui, command: OperatorCommand) -> Outcome {
    match command {
        OperatorCommand::Join(args) => join::run(ui, args).await,
        OperatorCommand::Leave(args) => leave::run(ui, args).await,
        OperatorCommand::Fund(args) => fund::run(ui, args).await,
        OperatorCommand::List(args) => list::run(ui, args).await,
        OperatorCommand::Show(args) => show::run(ui, args).await,
    }
}
