//! The TOSCA compiler: files in, a representation or a checked service out; a service and an allocation in, concrete
//! nodes out.
//!
//! Pure phases, each a function from one type to the next. Nothing here knows a chain, a clock or a disk; [`Files`] is
//! the only door. Input is hostile: bytes, depth, values, aliases and evaluation are bounded, and nothing panics.
//!
//! | phase | module | from | to |
//! |---|---|---|---|
//! | load | `load`, `yaml` | paths | trees with a span for every key and value |
//! | lower | [`lower`] | trees of 1.x | trees of 2.0, at the same places |
//! | read | `grammar`, `keynames` | trees | typed definitions and templates |
//! | types | `check` | definitions | types with what they inherit and refine |
//! | check | `check` | templates | diagnostics: every value against its type |
//! | resolve | `check` | templates | nodes, and relationships for their requirements, with a trace |
//! | represent | `check` | nodes, relationships | [`Representation`] |
//! | derive | `facts`, `canonical` | program | [`koinon_model::Service`] |
//! | split, join | `split` | service | objects for contracts, and back |
//! | export | `export` | a document | files of TOSCA 2.0 or 1.3 for other processors |
//! | instantiate | `instance` | service, allocation | [`koinon_model::Instance`] |
//! | edit | [`editor`] | files, a text and an offset | hovers, declarations, completions |
//!
//! YAML comes as events from granit-parser, into an arena of our own: its events carry byte ranges, which excerpts and
//! editors need, and its limits are options; saphyr-parser, its origin, has neither.
//!
//! The language is TOSCA 2.0 (csd07), and 1.0 to 1.3. What can be said and not be done gives the diagnostic K0901, never
//! silence. Profiles are built in and found by name.

mod budget;
mod canonical;
mod check;
mod code;
pub mod csar;
mod diag;
pub mod editor;
mod export;
mod facts;
mod files;
mod grammar;
mod hash;
mod instance;
mod keynames;
mod load;
#[doc(hidden)]
pub mod lower;
mod near;
mod pages;
mod reference;
mod render;
mod sarif;
mod split;
mod yaml;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::representation::{Representation, Trace};
use koinon_model::{Allocation, Epoch, Instance, Revision, Service, Value};

use crate::check::{Inputs, Program, Setting, Types};
use crate::diag::{Fault, Faults, Sources};
use crate::load::{Loaded, load};

pub use budget::Budgets;
pub use code::Code;
pub use diag::{Diagnostic, Diagnostics, Place, Related, Severity, Style};
pub use export::{Dialect, Exported, Warning, export};
pub use files::{FileError, Files};
pub use reference::reference;
pub use sarif::harmless_json;
pub use split::{JoinError, OpenError, join, open, split};
#[doc(hidden)]
pub use yaml::count_nodes;

/// The name canonical documents have in diagnostics.
const DOCUMENT: &str = "service.yaml";

/// What a run may be told besides its files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values of the service's inputs.
    pub inputs: BTreeMap<String, Value>,
    /// What chance is drawn from, where a policy of the service says that it decides.
    pub seed: Option<B256>,
    /// Paths of files whose service templates may stand for nodes, in the order they are tried; each has
    /// `substitution_mappings`.
    pub substitutes: Vec<String>,
    /// Services whose nodes may be selected, in the order they are considered.
    pub selectable: Vec<Representation>,
    /// What a run may use.
    pub budgets: Budgets,
    /// The requirements to trace: those of a node template, of one name if there is one.
    pub trace: Option<(String, Option<String>)>,
    /// Told whenever a phase is over, for those who take the time.
    pub passed: Option<fn(Phase)>,
}

/// What a run does, in this order; the first two by turns, as imports are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// A file is read and its YAML parsed.
    Parse,
    /// A file of TOSCA 1.x is lowered to 2.0.
    Lower,
    /// Definitions and templates are read from the trees.
    Read,
    /// Types get what they inherit.
    Types,
    /// Templates are checked against their types.
    Check,
    /// Requirements get their relationships.
    Resolve,
    /// Every value is evaluated.
    Evaluate,
    /// The representation is made of it.
    Represent,
}

impl Options {
    fn pass(&self, phase: Phase) {
        if let Some(passed) = self.passed {
            passed(phase);
        }
    }
}

/// A representation, and what else was found out on the way.
#[derive(Clone, Debug)]
pub struct Represented {
    /// The representation.
    pub representation: Representation,
    /// What was thought of every candidate of the traced requirements.
    pub trace: Trace,
    /// What the specification advises against, or has no effect.
    pub warnings: Diagnostics,
}

/// Compiles the service whose root file is `root`, with these input values.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong, among it every required input without a value.
pub fn compile(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Service, Diagnostics> {
    service(files, root, inputs, Inputs::Complete)
}

/// Checks a TOSCA file and everything it imports. Inputs may lack values, and requirements may dangle. Of a service
/// that uses Koinon's types all is checked that [`compile`] checks.
///
/// The result is what the specification advises against, or has no effect.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong.
pub fn validate(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Diagnostics, Diagnostics> {
    let options = Options { inputs: inputs.clone(), ..Options::default() };
    run(files, root, &options, Inputs::Partial, |program, _, _| {
        if facts::is_koinon(program) {
            facts::derive(program, Value::Null);
        }
    })
    .map(|(_, warnings)| warnings)
}

/// Returns the canonical document of a checked TOSCA file: one value for all its files, with these values as defaults of
/// their inputs. Inputs may lack values.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong, and what no single document can say.
pub fn document(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Value, Diagnostics> {
    let options = Options { inputs: inputs.clone(), ..Options::default() };
    run(files, root, &options, Inputs::Partial, |program, loaded, _| {
        canonical::canonical(loaded, inputs, program.faults)
    })
    .map(|(document, _)| document)
}

/// Makes the representation of a service: every node, every relationship, every value (csd07 chapter 4). Of a service
/// that uses Koinon's types all is checked that [`compile`] checks.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong, among it every required input without a value and every requirement
/// that nothing fulfills.
pub fn represent(
    files: &dyn Files,
    root: &str,
    options: &Options,
) -> Result<Represented, Diagnostics> {
    let made = resolve(files, root, options, Inputs::Complete, |program, _, sources| {
        let representation = check::represent(program, sources, || {
            evaluate(program, options);
            program.choose_substitutes();
            program.check_resolved();
            if facts::is_koinon(program) {
                facts::derive(program, Value::Null);
            }
        });
        options.pass(Phase::Represent);
        (representation, program.trace())
    });
    let ((representation, trace), warnings) = made?;
    Ok(Represented { representation, trace, warnings })
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
    service(files, root, inputs, Inputs::Partial)
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
    let files = one_file(&service.document);
    let options = Options::default();
    resolve(&files, DOCUMENT, &options, Inputs::Complete, |program, _, sources| {
        let representation = check::represent(program, sources, || {
            evaluate(program, &options);
            program.check_resolved();
        });
        let place = (revision, epoch);
        instance::fill(program, service, allocation, operators, place, representation)
    })
    .map(|(instance, _)| instance)
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

fn service(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
    mode: Inputs,
) -> Result<Service, Diagnostics> {
    let options = Options { inputs: inputs.clone(), ..Options::default() };
    run(files, root, &options, mode, |program, loaded, _| {
        if mode == Inputs::Complete {
            program.check_resolved();
        }
        // A document with faults would only repeat some of them.
        let document = match program.faults.is_empty() {
            true => canonical::canonical(loaded, inputs, program.faults),
            false => Value::Null,
        };
        facts::derive(program, document)
    })
    .map(|(service, _)| service)
}

/// Goes through all phases, and gives the program to `then`.
fn run<T>(
    files: &dyn Files,
    root: &str,
    options: &Options,
    mode: Inputs,
    then: impl FnOnce(&Program<'_>, &Loaded, &Sources) -> T,
) -> Result<(T, Diagnostics), Diagnostics> {
    resolve(files, root, options, mode, |program, loaded, sources| {
        evaluate(program, options);
        then(program, loaded, sources)
    })
}

/// Evaluates every value of a program whose requirements are resolved.
fn evaluate(program: &Program<'_>, options: &Options) {
    program.check_graph();
    options.pass(Phase::Evaluate);
}

/// Goes through all phases until requirements are resolved, and gives the program to `then`. Where files or derivations
/// are missing, checks would only find what follows from it, so they are left out.
fn resolve<T>(
    files: &dyn Files,
    root: &str,
    options: &Options,
    mode: Inputs,
    then: impl FnOnce(&Program<'_>, &Loaded, &Sources) -> T,
) -> Result<(T, Diagnostics), Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let substitutes = options.substitutes.iter().map(String::as_str);
    let roots: Vec<&str> = std::iter::once(root).chain(substitutes).collect();
    let loaded = load(&roots, files, options, &mut sources, &faults);
    let result =
        through(&loaded, root, options, mode, &faults, |program| then(program, &loaded, &sources));
    let clean = faults.is_empty();
    let diagnostics = faults.into_diagnostics(&sources);
    match result {
        Some(result) if clean => Ok((result, diagnostics)),
        _ => Err(diagnostics),
    }
}

/// Checks as [`validate`] does, and gives what was read and whether it went through all phases.
fn inspect(
    files: &dyn Files,
    root: &str,
    options: &Options,
) -> (Sources, Loaded, Diagnostics, bool) {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let loaded = load(&[root], files, options, &mut sources, &faults);
    let whole = through(&loaded, root, options, Inputs::Partial, &faults, |program| {
        evaluate(program, options);
        if facts::is_koinon(program) {
            facts::derive(program, Value::Null);
        }
    });
    let diagnostics = faults.into_diagnostics(&sources);
    (sources, loaded, diagnostics, whole.is_some())
}

fn through<T>(
    loaded: &Loaded,
    root: &str,
    options: &Options,
    mode: Inputs,
    faults: &Faults,
    then: impl FnOnce(&Program<'_>) -> T,
) -> Option<T> {
    let complete = faults.is_empty();
    if loaded.is_empty() {
        return None;
    }
    // What is wrong in the words of 1.x already makes no second fault at the same place in those of 2.0.
    let told = faults.places();
    let ((definitions, templates), found) = faults.capture(|| grammar::read_files(loaded, faults));
    for fault in found.into_iter().filter(|fault| !told.contains(&fault.place())) {
        faults.push(fault);
    }
    options.pass(Phase::Read);
    if !complete {
        return None;
    }
    let mut types = Types::resolve(definitions, loaded, faults)?;
    let ((), found) = faults.capture(|| check::complete(&mut types, faults));
    types.tell(found, faults);
    options.pass(Phase::Types);
    let (_, template) = templates.first_key_value()?;
    // The root stands for a node only if it is named among the substitutes as well.
    let own = options.substitutes.iter().any(|path| path == root);
    let substitutes = templates.values().skip(usize::from(!own));
    for substitute in substitutes.clone().filter(|one| one.substitution.is_none()) {
        let message = "expected `substitution_mappings` in a template that may stand for nodes";
        faults.push(Fault::new(Code::MissingKey, substitute.span, message));
    }
    let names = check::names_of(&options.selectable);
    let around = check::Around {
        substitutes: substitutes.collect(),
        others: check::Others::new(&options.selectable, &names, &types),
    };
    let stem = root.rsplit('/').next().unwrap_or(root);
    let stem = stem.split_once('.').map_or(stem, |(stem, _)| stem);
    let name = template.name.map_or(stem, |name| name.text);
    let steps = options.budgets.steps_for(loaded.iter().map(|(_, file)| file.tree.len()).sum());
    let setting = Setting::new((&types, &around), options, mode, faults);
    let setting = Setting { steps, ..setting };
    if types.is_broken() {
        let ((), found) = faults.capture(|| {
            let program = Program::new(template, name, setting);
            program.check_types();
            program.check_template();
        });
        types.tell(found, faults);
        return None;
    }
    let mut program = Program::new(template, name, setting);
    program.check_types();
    program.check_template();
    program.check_complete(&options.inputs);
    options.pass(Phase::Check);
    program.resolve(options.trace.clone());
    options.pass(Phase::Resolve);
    Some(then(&program))
}

fn one_file(document: &Value) -> BTreeMap<String, String> {
    BTreeMap::from([(DOCUMENT.to_owned(), to_yaml(document))])
}
