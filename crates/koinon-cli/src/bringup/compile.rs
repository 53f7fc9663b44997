//! The first stage: the keys, the artifact and the compiled template.

use std::collections::BTreeMap;

use koinon_command::CommandError;
use koinon_command::LocalInput;
use koinon_command::Outcome;
use koinon_command::local_inputs;
use koinon_model::Service;
use koinon_model::Value;
use koinon_node::Store;

use super::Bringup;
use crate::program;

impl Bringup {
    /// Makes the operators' keys and the worker's artifact, and compiles the template with them.
    pub(super) fn compile(&mut self) -> Outcome<Service> {
        let stage = self.ui.stage("compile");
        let preview = self.template.preview()?;
        if preview.operators.is_empty() {
            let error = CommandError::failed("the template declares no operators");
            return Err(error.hint("`up` needs node templates of a type derived from Operator"));
        }
        let mut certificates = BTreeMap::new();
        for (template, operator) in &preview.operators {
            let keys = self.local.keys(template);
            keys.ensure(&operator.name)?;
            certificates.insert(template.clone(), Value::string(&keys.certificate()?.to_pem()));
        }
        let mut values = BTreeMap::new();
        for (name, what) in local_inputs(&preview) {
            let value = match what {
                LocalInput::WorkerProgram => {
                    Value::string(&Store::open(&self.local.store())?.add(&program::path()?)?)
                }
                LocalInput::OperatorCertificates => Value::Map(certificates.clone()),
            };
            values.insert(name, value);
        }
        let service = self.template.compile(values)?;
        self.record.operators = service.operators.keys().cloned().collect();
        let what = format!(
            "{}: {} operators, {}",
            service.name,
            service.operators.len(),
            match service.sets.len() {
                1 => "1 node set".to_owned(),
                sets => format!("{sets} node sets"),
            }
        );
        self.stages.push(stage.done(&what, None));
        Ok(service)
    }
}
