//! The TOSCA compiler: files in, a representation or a checked service out; a service and an
//! allocation in, concrete nodes out.
//!
//! Every phase is a pure function from one type to the next. The crate knows no chain, clock or
//! disk: it reads files through [`Files`] only. Input is hostile: bytes, depth, values, aliases and
//! evaluation are bounded, and nothing panics.
//!
//! | phase | module | from | to |
//! |---|---|---|---|
//! | load | `load`, `yaml` | paths | trees with a span for every key and value |
//! | lower | [`lower`] | trees of 1.x | trees of 2.0, at the same places |
//! | read | `grammar`, `keynames` | trees | typed definitions and templates |
//! | types | `types` | definitions | types with everything they inherit and refine |
//! | check | `check` | templates | diagnostics: templates against their types |
//! | resolve | `resolve` | templates | nodes, and relationships for their requirements, with a trace |
//! | evaluate | `evaluate`, `check` | graph | every value of the graph, against its type |
//! | represent | `represent` | nodes, relationships | [`Representation`] |
//! | derive | `facts`, `canonical` | program | [`koinon_model::Service`] |
//! | split, join | `split` | service | objects for contracts, and back |
//! | export | `export` | a document | files of TOSCA 2.0 or 1.3 for other processors |
//! | instantiate | `instance` | service, allocation | [`koinon_model::Instance`] |
//! | edit | [`editor`] | files, a text and an offset | hovers, declarations, completions |
//!
//! The rooms of the middle phases form a ladder; each imports only those before it: `builtin`,
//! `grammar`, `types`, `program` (the data they share), `evaluate`, `resolve`, `check`,
//! `represent`.
//!
//! granit-parser turns YAML into events, which become a tree. Its events carry byte ranges, which
//! excerpts and editors need, and its limits are options; saphyr-parser, its origin, has neither.
//!
//! The language is TOSCA 2.0 (csd07), and 1.0 to 1.3. A feature of the language that is not
//! supported gives the diagnostic K0901, never silence. Profiles are built in and found by name.

mod budget;
mod builtin;
mod canonical;
mod check;
mod code;
pub mod csar;
mod diag;
pub mod editor;
mod evaluate;
mod export;
mod facts;
mod files;
mod grammar;
mod hash;
mod instance;
mod keynames;
mod load;
mod loaded;
#[doc(hidden)]
pub mod lower;
mod near;
mod pages;
mod profiles;
mod program;
mod reference;
mod render;
mod represent;
mod resolve;
mod sarif;
mod split;
mod types;
mod yaml;

pub use budget::Budgets;
pub use code::Code;
pub use diag::Diagnostic;
pub use diag::Diagnostics;
pub use diag::Related;
pub use diag::Severity;
pub use diag::SourceRange;
pub use export::Dialect;
pub use export::Exported;
pub use export::Warning;
pub use export::export;
pub use files::FileError;
pub use files::Files;
pub use reference::reference;
pub use render::Style;
pub use sarif::harmless_json;
pub use split::JoinError;
pub use split::ServiceOpenError;
pub use split::join;
pub use split::open;
pub use split::split;
#[doc(hidden)]
pub use yaml::count_nodes;

use std::collections::BTreeMap;

use alloy_primitives::Address;
use alloy_primitives::B256;
use koinon_model::Allocation;
use koinon_model::Epoch;
use koinon_model::Instance;
use koinon_model::Revision;
use koinon_model::Service;
use koinon_model::Value;
use koinon_model::representation::Representation;
use koinon_model::representation::ResolveTrace;

use crate::diag::Fault;
use crate::diag::Faults;
use crate::diag::Sources;
use crate::instance::AllocatedSlots;
use crate::load::load;
use crate::loaded::LoadedFiles;
use crate::program::InputMode;
use crate::program::Program;
use crate::program::ProgramConfig;
use crate::types::Types;

/// The name of canonical documents in diagnostics.
const DOCUMENT: &str = "service.yaml";

/// The options of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values of the service's inputs.
    pub inputs: BTreeMap<String, Value>,
    /// The seed of choices by chance, for templates whose policy asks for them.
    pub seed: Option<B256>,
    /// Paths of files whose service templates may stand for nodes, in the order of trial. Each has
    /// `substitution_mappings`.
    pub substitutes: Vec<String>,
    /// Services whose nodes may be selected, in the order of trial.
    pub selectable: Vec<Representation>,
    /// The limits of a run.
    pub budgets: Budgets,
    /// The requirements whose candidates are traced.
    pub trace: Option<TracedRequirements>,
    /// Called at the end of each phase, for timing.
    pub passed: Option<fn(Phase)>,
}

/// Requirements of a node template whose candidates are traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedRequirements {
    /// The name of the node template.
    pub node_template: String,
    /// The name of one requirement; `None` for all.
    pub requirement: Option<String>,
}

/// The phases of a run, in order. The first two alternate, as imports are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// A file is read and its YAML parsed.
    Parse,
    /// A file of TOSCA 1.x is lowered to 2.0.
    Lower,
    /// Definitions and templates are read from the trees.
    Read,
    /// Types inherit definitions.
    Types,
    /// Templates are checked against their types.
    Check,
    /// Relationships are chosen for requirements.
    Resolve,
    /// Every value is evaluated.
    Evaluate,
    /// The representation is made.
    Represent,
}

impl Options {
    fn pass(&self, phase: Phase) {
        if let Some(passed) = self.passed {
            passed(phase);
        }
    }
}

/// A representation, with the trace and the warnings of its run.
#[derive(Clone, Debug)]
pub struct Represented {
    /// The representation.
    pub representation: Representation,
    /// The findings on every candidate of the traced requirements.
    pub trace: ResolveTrace,
    /// Warnings: the specification advises against it, or it has no effect.
    pub warnings: Diagnostics,
}

/// Compiles the service whose root file is `root`, with these input values.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use koinon_model::Value;
///
/// let text = "
/// tosca_definitions_version: tosca_2_0
/// metadata: { template_name: notes }
/// imports: [ { profile: org.koinon:1.0 } ]
/// service_template:
///   inputs:
///     period: { type: integer }
///   node_templates: {}
///   policies:
///   - governance:
///       type: Governance
///       properties:
///         voting_delay: 1
///         voting_period: { $get_input: period }
///         timelock: 0
///         quorum: 10
///         proposal_threshold: 0
///         unbonding: 1
/// ";
/// let files = BTreeMap::from([("service.yaml".to_owned(), text.to_owned())]);
/// let inputs = BTreeMap::from([("period".to_owned(), Value::from(20_i64))]);
/// let service = koinon_tosca::compile(&files, "service.yaml", &inputs)?;
/// assert_eq!(service.name, "notes");
/// assert_eq!(service.governance.voting_period, 20);
/// # Ok::<(), koinon_tosca::Diagnostics>(())
/// ```
///
/// # Errors
/// [`Diagnostics`] with all errors, among them every required input without a value.
pub fn compile(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Service, Diagnostics> {
    service(files, root, inputs, InputMode::Complete)
}

/// Checks a TOSCA file and everything it imports. Inputs may lack values, and requirements may
/// dangle. A service with Koinon's types gets all checks of [`compile`].
///
/// Returns warnings: the specification advises against it, or it has no effect.
///
/// # Errors
/// [`Diagnostics`] with all errors.
pub fn validate(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Diagnostics, Diagnostics> {
    let options = Options { inputs: inputs.clone(), ..Options::default() };
    run(files, root, &options, InputMode::Partial, |program, _, _| {
        if facts::is_koinon(program) {
            facts::derive(program, Value::Null);
        }
    })
    .map(|(_, warnings)| warnings)
}

/// Returns the canonical document of a checked TOSCA file: one value for all its files, with these
/// values as defaults of their inputs. Inputs may lack values.
///
/// # Errors
/// [`Diagnostics`]: everything that is wrong, and parts that no single document can have.
pub fn document(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Value, Diagnostics> {
    let options = Options { inputs: inputs.clone(), ..Options::default() };
    run(files, root, &options, InputMode::Partial, |program, loaded, _| {
        canonical::canonical(loaded, inputs, program.faults)
    })
    .map(|(document, _)| document)
}

/// Makes the representation of a service: every node, every relationship, every value (csd07
/// chapter 4). A service with Koinon's types gets all checks of [`compile`].
///
/// # Errors
/// [`Diagnostics`] with all errors, among them every required input without a value and every
/// requirement that nothing fulfills.
pub fn represent(
    files: &dyn Files,
    root: &str,
    options: &Options,
) -> Result<Represented, Diagnostics> {
    let made = resolve(files, root, options, InputMode::Complete, |program, _, sources| {
        let representation = represent::represent(program, sources, || {
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

/// Compiles as far as possible while inputs lack values; parts that depend on them are left out.
/// Shows the inputs and operators of a service before their values exist.
///
/// # Errors
/// [`Diagnostics`] with all errors.
pub fn preview(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Service, Diagnostics> {
    service(files, root, inputs, InputMode::Partial)
}

/// Compiles a canonical document, as [`join`] returns it, whose inputs have values.
///
/// # Errors
/// [`Diagnostics`] with positions in the document's canonical YAML.
pub fn compile_document(document: &Value) -> Result<Service, Diagnostics> {
    compile(&one_file(document), DOCUMENT, &BTreeMap::new())
}

/// Reads an inputs file, YAML or JSON: a map from input names to values.
///
/// # Errors
/// [`Diagnostics`] if it is not a map.
pub fn read_inputs(file: &str, text: &[u8]) -> Result<BTreeMap<String, Value>, Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let inputs = load::read_values(file, text, &mut sources, &faults);
    if faults.is_empty() { Ok(inputs) } else { Err(faults.into_diagnostics(&sources)) }
}

/// Reads one input's value as YAML, as in `--input shards=4`.
///
/// # Errors
/// [`Diagnostics`] if it is not a YAML value.
pub fn read_value(name: &str, text: &str) -> Result<Value, Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let value = load::read_one(name, text, &mut sources, &faults);
    match value {
        Some(value) if faults.is_empty() => Ok(value),
        _ => Err(faults.into_diagnostics(&sources)),
    }
}

/// Fills every slot of a service: one node per allocated slot, with all values evaluated.
/// `operators` holds the names of all operators of the allocation.
///
/// A property with its own field in [`koinon_model::AssignedNode`] is not repeated in `properties`.
///
/// # Errors
/// [`Diagnostics`] with positions in the canonical YAML of the service's document: the allocation
/// is not for this service, an operator has no name, or a value cannot be evaluated.
pub fn instantiate(
    service: &Service,
    allocation: &Allocation,
    operators: &BTreeMap<Address, String>,
    revision: Revision,
    epoch: Epoch,
) -> Result<Instance, Diagnostics> {
    let files = one_file(&service.document);
    let options = Options::default();
    resolve(&files, DOCUMENT, &options, InputMode::Complete, |program, _, sources| {
        let representation = represent::represent(program, sources, || {
            evaluate(program, &options);
            program.check_resolved();
        });
        let slots = AllocatedSlots { service, allocation, operators, revision, epoch };
        instance::fill(program, &slots, representation)
    })
    .map(|(instance, _)| instance)
}

/// Writes a value as canonical YAML: block style, keys sorted, but a root's
/// `tosca_definitions_version` first, as TOSCA requires. Reading it returns the same value.
pub fn to_yaml(value: &Value) -> String {
    yaml::write_yaml(value)
}

/// Writes a document as JSON: canonical, but a root's `tosca_definitions_version` first, so that it
/// is a TOSCA file too. Values of objects are written by [`Value::to_json`], without that
/// exception.
pub fn to_json(value: &Value) -> String {
    let first = "tosca_definitions_version";
    match value {
        Value::Map(entries) if entries.contains_key(first) && entries.len() > 1 => {
            let mut rest = entries.clone();
            let version = rest.remove(first).expect("BUG: the guard found the key");
            let rest = Value::Map(rest).to_json();
            let version = Value::from([(first, version)]).to_json();
            // `{"version":…}` without its last brace, and `{rest}` without its first brace.
            format!("{},{}", &version[..version.len() - 1], &rest[1..])
        }
        value => value.to_json(),
    }
}

fn service(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
    mode: InputMode,
) -> Result<Service, Diagnostics> {
    let options = Options { inputs: inputs.clone(), ..Options::default() };
    run(files, root, &options, mode, |program, loaded, _| {
        if mode == InputMode::Complete {
            program.check_resolved();
        }
        // Making the document of a faulty service would only repeat faults.
        let document = match program.faults.is_empty() {
            true => canonical::canonical(loaded, inputs, program.faults),
            false => Value::Null,
        };
        facts::derive(program, document)
    })
    .map(|(service, _)| service)
}

/// Runs all phases, and passes the program to `then`.
fn run<T>(
    files: &dyn Files,
    root: &str,
    options: &Options,
    mode: InputMode,
    then: impl FnOnce(&Program<'_>, &LoadedFiles, &Sources) -> T,
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

/// Runs all phases until requirements are resolved, and passes the program to `then`. If files or
/// derivations are missing, later checks are left out: they would only find consequences.
fn resolve<T>(
    files: &dyn Files,
    root: &str,
    options: &Options,
    mode: InputMode,
    then: impl FnOnce(&Program<'_>, &LoadedFiles, &Sources) -> T,
) -> Result<(T, Diagnostics), Diagnostics> {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let substitutes = options.substitutes.iter().map(String::as_str);
    let roots: Vec<&str> = std::iter::once(root).chain(substitutes).collect();
    let loaded = load(&roots, files, options, &mut sources, &faults);
    let result = run_phases(&loaded, root, options, mode, &faults, |program| {
        then(program, &loaded, &sources)
    });
    let clean = faults.is_empty();
    let diagnostics = faults.into_diagnostics(&sources);
    match result {
        Some(result) if clean => Ok((result, diagnostics)),
        _ => Err(diagnostics),
    }
}

/// The result of [`inspect`].
struct Inspection {
    sources: Sources,
    loaded: LoadedFiles,
    diagnostics: Diagnostics,
    /// Whether all phases ran.
    is_whole: bool,
}

/// Checks like [`validate`], and returns the loaded files too.
fn inspect(files: &dyn Files, root: &str, options: &Options) -> Inspection {
    let mut sources = Sources::default();
    let faults = Faults::default();
    let loaded = load(&[root], files, options, &mut sources, &faults);
    let whole = run_phases(&loaded, root, options, InputMode::Partial, &faults, |program| {
        evaluate(program, options);
        if facts::is_koinon(program) {
            facts::derive(program, Value::Null);
        }
    });
    let diagnostics = faults.into_diagnostics(&sources);
    Inspection { sources, loaded, diagnostics, is_whole: whole.is_some() }
}

/// Runs the phases from reading to resolution over loaded files, and passes the program to `then`.
fn run_phases<T>(
    loaded: &LoadedFiles,
    root: &str,
    options: &Options,
    mode: InputMode,
    faults: &Faults,
    then: impl FnOnce(&Program<'_>) -> T,
) -> Option<T> {
    let complete = faults.is_empty();
    if loaded.is_empty() {
        return None;
    }
    // A place with a 1.x error gets no second error from the 2.0 reader.
    let reported = faults.places();
    let ((definitions, templates), found) = faults.capture(|| grammar::read_files(loaded, faults));
    for fault in found.into_iter().filter(|fault| !reported.contains(&fault.place())) {
        faults.push(fault);
    }
    options.pass(Phase::Read);
    if !complete {
        return None;
    }
    let mut types = Types::resolve(definitions, loaded, faults)?;
    let ((), found) = faults.capture(|| types::complete(&mut types, faults));
    types.report(found, faults);
    options.pass(Phase::Types);
    let (_, template) = templates.first_key_value()?;
    // The root stands for a node only if it is among the substitutes too.
    let own = options.substitutes.iter().any(|path| path == root);
    let substitutes = templates.values().skip(usize::from(!own));
    for substitute in substitutes.clone().filter(|one| one.substitution.is_none()) {
        let message = "expected `substitution_mappings` in a template that may stand for nodes";
        faults.push(Fault::new(Code::MissingKey, substitute.span, message));
    }
    let names = program::other_template_names(&options.selectable);
    let other_services = program::OtherServices {
        substitutes: substitutes.collect(),
        others: program::OtherNodes::new(&options.selectable, &names, &types),
    };
    let stem = root.rsplit('/').next().unwrap_or(root);
    let stem = stem.split_once('.').map_or(stem, |(stem, _)| stem);
    let name = template.name.map_or(stem, |name| name.text);
    let steps = options.budgets.steps_for(loaded.iter().map(|(_, file)| file.tree.len()).sum());
    let config = ProgramConfig {
        types: &types,
        other_services: &other_services,
        faults,
        inputs: &options.inputs,
        mapped: program::MappedTargets::default(),
        nested: 0,
        mode,
        seed: options.seed,
        steps,
        node_budget: program::MAX_NODES,
    };
    if types.is_broken() {
        let ((), found) = faults.capture(|| {
            let program = check::open_program(template, name, config);
            program.check_types();
            program.check_template();
        });
        types.report(found, faults);
        return None;
    }
    let mut program = check::open_program(template, name, config);
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
