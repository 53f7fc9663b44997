//! The built-in weaving rules, and plans made with them.

use std::path::PathBuf;

use koinon_model::Digest;
use koinon_model::representation::Representation;
use koinon_plan::Plan;
use koinon_plan::PlanInput;
use koinon_plan::Rules;

use crate::error::CommandError;
use crate::error::FailureKind;
use crate::error::Outcome;

/// The weaving rules of the built-in profiles, the most specific first.
const BUILTIN_RULES: [(&str, &str); 2] = [
    ("profiles/koinon/1.0/weaving.yaml", include_str!("../../../profiles/koinon/1.0/weaving.yaml")),
    (
        "profiles/tosca/simple/weaving.yaml",
        include_str!("../../../profiles/tosca/simple/weaving.yaml"),
    ),
];

/// Reads weaving rules: those of the files, then the built-in ones.
///
/// # Errors
/// If a file cannot be read, or has no weaving rules.
pub fn weaving_rules(files: &[PathBuf]) -> Outcome<Rules> {
    let mut all = Rules::default();
    let mut add = |name: &str, text: &[u8]| -> Outcome {
        let value = koinon_tosca::read_inputs(name, text)?.into_iter().collect();
        let rules = Rules::from_value(&value).map_err(|error| {
            CommandError::usage(format!("{name} has no weaving rules")).because(error)
        })?;
        all = std::mem::take(&mut all).and(rules);
        Ok(())
    };
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read(file).map_err(|error| {
            CommandError::usage(format!("cannot read rules {name}")).because(error)
        })?;
        add(&name, &text)?;
    }
    for (name, text) in BUILTIN_RULES {
        add(name, text.as_bytes())?;
    }
    Ok(all)
}

/// Plans the way from nothing to a representation.
///
/// # Errors
/// [`FailureKind::Template`] if there is no plan.
pub fn plan_from_nothing(new: PlanInput<'_>) -> Outcome<Plan> {
    let plan = Plan::between_inputs(None, new, &weaving_rules(&[])?);
    plan.map_err(|error| CommandError::new(FailureKind::Template, error))
}

/// Passes the JSON of a representation to `write` in pieces, and returns the pieces of the plan
/// from nothing to it.
///
/// Another thread hashes the JSON meanwhile: the plan's steps and its head need the digest, its
/// elements do not.
///
/// # Errors
/// [`FailureKind::Template`] if there is no plan.
pub fn write_with_plan(
    new: &Representation,
    write: impl FnMut(&str) + Send,
) -> Outcome<Vec<String>> {
    new.write_hashed(write, |digest| {
        let plan = plan_from_nothing(PlanInput { representation: new, digest: Digest::ZERO })?;
        let mut pieces = Vec::new();
        plan.write_json(digest, |piece| pieces.push(piece));
        // Dropping a large plan is slow and the process is about to exit: leak it.
        std::mem::forget(plan);
        Ok(pieces)
    })
}
