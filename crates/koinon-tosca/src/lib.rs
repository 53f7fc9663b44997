//! The TOSCA compiler: files in, a checked service out; a service and an allocation in, concrete nodes out.
//!
//! Pure phases, each a function from one type to the next. Nothing here knows a chain, a clock or a disk; [`Files`] is
//! the only door. Input is hostile: bytes, depth, values, aliases and evaluation are bounded, and nothing panics.
//!
//! | phase | module | from | to |
//! |---|---|---|---|
//! | load | `load`, `yaml` | paths | trees with a span for every key and value |
//! | read | `grammar` | trees | typed definitions and templates |
//! | resolve | `check` | definitions | types with what they inherit, inputs with values |
//! | check | `check` | templates | diagnostics: every value against its type |
//! | derive | `facts`, `canonical` | program | [`koinon_model::Service`] |
//! | split, join | `split` | service | objects for contracts, and back |
//! | instantiate | `instance` | service, allocation | [`koinon_model::Instance`] |
//!
//! YAML comes as events from granit-parser, into an arena of our own: its events carry byte ranges, which excerpts and
//! later an editor need, and its limits are options; saphyr-parser, its origin, has neither.
//!
//! The language is TOSCA 2.0 (csd07). What it has and this compiler has not yet gives the diagnostic K0901, never
//! silence. Profiles are built in and found by name.

mod budget;
mod canonical;
mod check;
mod code;
pub mod csar;
mod diag;
mod facts;
mod files;
mod grammar;
mod instance;
mod load;
#[doc(hidden)]
pub mod lower;
mod near;
mod pages;
mod render;
mod sarif;
mod split;
mod yaml;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use koinon_model::{Allocation, Epoch, Instance, Revision, Service, Value};

use crate::check::{Inputs, Program, check_service, resolve};
use crate::diag::{Faults, Sources};
use crate::load::{Loaded, load};

pub use budget::Budgets;
pub use code::Code;
pub use diag::{Diagnostic, Diagnostics, Place, Related, Style};
pub use files::{FileError, Files};
pub use sarif::harmless_json;
pub use split::{JoinError, OpenError, join, open, split};
#[doc(hidden)]
pub use yaml::count_nodes;

/// The name canonical documents have in diagnostics.
const DOCUMENT: &str = "service.yaml";

/// Compiles the service whose root file is `root`, with these input values.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong, among it every required input without a value.
pub fn compile(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Service, Diagnostics> {
    run(files, root, inputs, Inputs::Complete)
}

/// Checks what [`compile`] checks, but inputs may lack values.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong.
pub fn validate(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<(), Diagnostics> {
    preview(files, root, inputs).map(|_| ())
}

/// Compiles as far as possible while inputs lack values: what depends on them is left out. For finding out which inputs
/// and operators a service has before their values are there.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong.
pub fn preview(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Service, Diagnostics> {
    run(files, root, inputs, Inputs::Partial)
}

/// Compiles a canonical document, such as [`join`] gives, whose inputs have their values already.
///
/// # Errors
/// [`Diagnostics`] with positions in the document's canonical YAML.
pub fn compile_document(document: &Value) -> Result<Service, Diagnostics> {
    compile(&one_file(document), DOCUMENT, &BTreeMap::new())
}

/// Reads an inputs file, YAML or JSON: a map from input names to values.
///
/// # Errors
/// [`Diagnostics`] if it is no such map.
pub fn read_inputs(file: &str, text: &[u8]) -> Result<BTreeMap<String, Value>, Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let inputs = load::read_values(file, text, &mut sources, &faults);
    if faults.is_empty() { Ok(inputs) } else { Err(faults.into_diagnostics(&sources)) }
}

/// Reads one input's value as YAML, as in `--input shards=4`.
///
/// # Errors
/// [`Diagnostics`] if it is no YAML value.
pub fn read_value(name: &str, text: &str) -> Result<Value, Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let value = load::read_one(name, text, &mut sources, &faults);
    match value {
        Some(value) if faults.is_empty() => Ok(value),
        _ => Err(faults.into_diagnostics(&sources)),
    }
}

/// Fills every slot of a service: one node per allocated slot, everything in it evaluated. `operators` holds the names
/// of all operators of the allocation.
///
/// Properties that have a field of their own in [`koinon_model::Node`] are not repeated among its `properties`.
///
/// # Errors
/// [`Diagnostics`] with positions in the canonical YAML of the service's document: the allocation is not for this
/// service, an operator has no name, or a value cannot be evaluated.
pub fn instantiate(
    service: &Service,
    allocation: &Allocation,
    operators: &BTreeMap<Address, String>,
    revision: Revision,
    epoch: Epoch,
) -> Result<Instance, Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let loaded = load(DOCUMENT, &one_file(&service.document), &mut sources, &faults);
    let instance = read(&loaded, (&BTreeMap::new(), Inputs::Complete), &faults)
        .map(|program| instance::fill(&program, service, allocation, operators, (revision, epoch)));
    match instance {
        Some(instance) if faults.is_empty() => Ok(instance),
        _ => Err(faults.into_diagnostics(&sources)),
    }
}

/// Writes a value as canonical YAML: block style, keys sorted, but a root's `tosca_definitions_version` first, as TOSCA
/// demands. Reading it gives the same value.
pub fn to_yaml(value: &Value) -> String {
    yaml::write_yaml(value)
}

/// Writes a document as JSON: canonical, but a root's `tosca_definitions_version` first, so that it is a TOSCA file as
/// well. The values of objects are written by [`Value::to_json`], which knows no such exception.
pub fn to_json(value: &Value) -> String {
    let first = "tosca_definitions_version";
    match value {
        Value::Map(entries) if entries.contains_key(first) && entries.len() > 1 => {
            let mut rest = entries.clone();
            let version = rest.remove(first).unwrap_or_default();
            let rest = Value::Map(rest).to_json();
            let version = Value::from([(first, version)]).to_json();
            // `{"version":…}` without its end, and `{rest}` without its start.
            format!("{},{}", &version[..version.len() - 1], &rest[1..])
        }
        value => value.to_json(),
    }
}

fn run(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
    mode: Inputs,
) -> Result<Service, Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let loaded = load(root, files, &mut sources, &faults);
    let service = read(&loaded, (inputs, mode), &faults).map(|program| {
        check_service(&program);
        program.check_complete(inputs);
        // A document with faults would only repeat some of them.
        let document = match faults.is_empty() {
            true => canonical::canonical(&loaded, inputs, &faults),
            false => Value::Null,
        };
        facts::derive(&program, document)
    });
    match service {
        Some(service) if faults.is_empty() => Ok(service),
        _ => Err(faults.into_diagnostics(&sources)),
    }
}

/// Reads and resolves; nothing if files or derivations are missing, where checks would only find what follows from it.
fn read<'a>(
    loaded: &'a Loaded,
    inputs: (&BTreeMap<String, Value>, Inputs),
    faults: &'a Faults,
) -> Option<Program<'a>> {
    let complete = faults.is_empty();
    if loaded.files.is_empty() {
        return None;
    }
    let document = grammar::read_document(loaded, faults);
    if !complete {
        return None;
    }
    resolve(document, inputs, faults)
}

fn one_file(document: &Value) -> BTreeMap<String, String> {
    BTreeMap::from([(DOCUMENT.to_owned(), to_yaml(document))])
}
