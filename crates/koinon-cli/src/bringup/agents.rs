//! The agents of the operators.

use std::ffi::OsString;

use koinon_command::Outcome;

use super::Bringup;
use super::LocalOperator;
use super::processes::ChildProcess;

impl Bringup {
    pub(super) async fn start_agents(&mut self, operators: &[LocalOperator]) -> Outcome {
        let stage = self.ui.stage("agents");
        for operator in operators {
            let mut arguments: Vec<OsString> = vec!["agent".into(), "--dir".into()];
            arguments.push(self.local.dir.clone().into());
            arguments.extend(
                ["--as", &operator.template, "--poll", "200ms", "--on-exit", "stop"]
                    .map(Into::into),
            );
            let process = ChildProcess { name: format!("agent-{}", operator.template), arguments };
            self.children.ensure(self.ui, &self.local, process).await?;
        }
        self.stages.push(stage.done(&format!("{} processes", operators.len()), None));
        Ok(())
    }
}
