//! The facts and objects of a compiled service, as programs read them.

use koinon_command::Ui;
use koinon_model::Service;
use serde_json::json;

/// Prints the facts for contracts, and the sizes of the objects.
pub(crate) fn show_facts(ui: Ui, service: &Service) {
    let content = koinon_tosca::split(service);
    let objects = content.objects.iter().map(|((module, path), object)| {
        json!({ "module": module, "path": path, "bytes": object.bytes().len(), "blob": object.blob() })
    });
    ui.json(&json!({
        "name": service.name,
        "parameters": service.parameters.iter().map(|(name, value)| (name.to_string(), json!(value)))
            .collect::<serde_json::Map<_, _>>(),
        "sets": service.sets,
        "operators": service.operators,
        "governance": service.governance,
        "objects": objects.collect::<Vec<_>>(),
    }));
}
