//! Functions of the fuzz targets of the language, one per target. Each panics if Koinon breaks a
//! promise. `crates/koinon-plan/tests/fuzz.rs` includes this file too, and calls the functions with
//! every seed, without a fuzzer.
//!
//! The fuzzer also limits time and memory: a few kB of input must need less than a second and less
//! than 200 MB.

use std::collections::BTreeMap;
use std::fmt::Write;

use koinon_model::JsonLimits;
use koinon_model::Value;
use koinon_model::representation::Representation;
use koinon_plan::Plan;
use koinon_plan::Rules;
use koinon_tosca::Budgets;
use koinon_tosca::Diagnostics;
use koinon_tosca::Files;
use koinon_tosca::Options;
use koinon_tosca::Severity;
use koinon_tosca::Style;
use koinon_tosca::compile;
use koinon_tosca::csar::Archive;
use koinon_tosca::csar::ArchiveFormat;
use koinon_tosca::csar::CsarMeta;
use koinon_tosca::csar::CsarVersion;
use koinon_tosca::csar::pack;
use koinon_tosca::harmless_json;
use koinon_tosca::open;
use koinon_tosca::read_inputs;
use koinon_tosca::represent;
use koinon_tosca::split;
use koinon_tosca::to_yaml;
use koinon_tosca::validate;

const ROOT: &str = "service.yaml";
const INPUTS: &str = "### inputs";
const RULES: &str = include_str!("../../profiles/koinon/1.0/weaving.yaml");

/// Reads any bytes as a file of inputs. Inputs that are read must equal those of their YAML.
pub fn yaml(bytes: &[u8]) {
    match read_inputs("fuzz.yaml", bytes) {
        Ok(inputs) => {
            let text = to_yaml(&Value::Map(inputs.clone()));
            let again = read_inputs("again.yaml", text.as_bytes());
            assert_eq!(again.ok(), Some(inputs), "{text}");
        }
        Err(diagnostics) => {
            assert!(!diagnostics.iter().as_slice().is_empty(), "rejected without a reason");
            let text = String::from_utf8_lossy(bytes).into_owned();
            check_diagnostics(&diagnostics, &BTreeMap::from([("fuzz.yaml".to_owned(), text)]));
        }
    }
}

/// Compiles the files in a text as one service. `### file PATH` starts a file, `### inputs` the
/// inputs.
pub fn tosca(text: &str) {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut path = ROOT;
    for line in text.split_inclusive('\n') {
        let header = line.trim_end();
        if let Some(next) = header.strip_prefix("### file ") {
            path = next;
        } else if header == INPUTS {
            path = INPUTS;
        } else if !header.starts_with("### ") {
            files.entry(path.to_owned()).or_default().push_str(line);
        }
    }
    let inputs = files.get(INPUTS).and_then(|text| read_inputs(INPUTS, text.as_bytes()).ok());
    service(&files, ROOT, &inputs.unwrap_or_default(), &files);
}

/// Evaluates expressions in a service that has every type of value. Each line has the letter of its
/// place, then an expression. Bytes that start with 0xff are a script that generates expressions.
pub fn expression(bytes: &[u8]) {
    let text = match bytes {
        [0xff, script @ ..] => ExpressionScript { rest: script, left: 200 }.expressions(),
        text => String::from_utf8_lossy(text).into_owned(),
    };
    let files = BTreeMap::from([(ROOT.to_owned(), service_with(&text))]);
    service(&files, ROOT, &BTreeMap::new(), &files);
}

/// Reads any bytes as a representation. One that is read must have a canonical form and a plan.
pub fn representation(bytes: &[u8]) {
    if let Ok(read) = Representation::from_json(bytes, JsonLimits::default()) {
        check_representation(&read);
    }
}

/// Reads any bytes as an archive. One that is read must be equal after it is packed and read again,
/// and is compiled. Text that starts with `###` has files, as for [`tosca`], which are packed.
pub fn csar(bytes: &[u8]) {
    if let Some(text) = bytes.strip_prefix(b"###") {
        return pack_files(&String::from_utf8_lossy(text));
    }
    let budgets = Budgets { unpacked_bytes: 8 << 20, ..Budgets::default() };
    let archive = match Archive::open("fuzz", bytes, &budgets) {
        Ok(archive) => archive,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(archive.get(archive.entry()).is_some());
    let files = contents(&archive);
    let meta = CsarMeta {
        version: archive.version(),
        created_by: archive.created_by().unwrap_or_default().to_owned(),
        entry: archive.entry().to_owned(),
        others: archive.others().to_vec(),
    };
    for format in [ArchiveFormat::Zip, ArchiveFormat::TarGz] {
        // Some names do not fit a tar file, or a line of TOSCA.meta.
        if let Ok(packed) = pack(&files, &meta, format) {
            let again = Archive::open("packed", &packed, &Budgets::default());
            let again = again.expect("a packed archive can be read");
            assert_eq!(contents(&again), files);
            assert_eq!((again.entry(), again.others()), (archive.entry(), archive.others()));
        }
    }
    let texts: BTreeMap<String, String> = archive
        .paths()
        .filter_map(|path| {
            let text = std::str::from_utf8(archive.get(path)?).ok()?;
            Some((path.to_owned(), text.to_owned()))
        })
        .collect();
    service(&archive, archive.entry(), &BTreeMap::new(), &texts);
}

fn pack_files(text: &str) {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut path = ROOT;
    for line in text.split_inclusive('\n') {
        match line.trim_end().strip_prefix("### file ") {
            Some(next) => path = next,
            None => files.entry(path.to_owned()).or_default().extend(line.as_bytes()),
        }
    }
    for version in [CsarVersion::V1_0, CsarVersion::V1_1, CsarVersion::V2_0] {
        let meta = CsarMeta {
            version,
            created_by: "me".to_owned(),
            entry: path.to_owned(),
            others: vec![],
        };
        for format in [ArchiveFormat::Zip, ArchiveFormat::TarGz] {
            if let Ok(packed) = pack(&files, &meta, format) {
                let again = Archive::open("packed", &packed, &Budgets::default());
                let again = again.expect("a packed archive can be read");
                assert_eq!(contents(&again), files);
            }
        }
    }
}

fn contents(archive: &Archive) -> BTreeMap<String, Vec<u8>> {
    let without_meta = archive.paths().filter(|path| !path.ends_with("TOSCA.meta"));
    without_meta
        .map(|path| (path.to_owned(), archive.get(path).unwrap_or_default().to_vec()))
        .collect()
}

/// Compiles a service in every way, and checks the results.
fn service(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
    texts: &BTreeMap<String, String>,
) {
    // Rendering needs most of the time, and the three compiles mostly have equal diagnostics.
    let mut seen: Vec<Diagnostics> = Vec::new();
    let mut check_new = |found: Diagnostics| {
        if !seen.iter().any(|one| one.iter().eq(found.iter())) {
            check_diagnostics(&found, texts);
            seen.push(found);
        }
    };
    let checked = validate(files, root, inputs);
    let valid = checked.is_ok();
    match checked {
        Ok(warnings) => check_new(warnings),
        Err(diagnostics) => {
            assert!(diagnostics.iter().any(|one| one.severity == Severity::Error), "no reason");
            check_new(diagnostics);
        }
    }
    let derived = match compile(files, root, inputs) {
        Ok(service) => {
            assert_eq!(open(&split(&service)).ok(), Some(service));
            true
        }
        Err(diagnostics) => {
            check_new(diagnostics);
            false
        }
    };
    let options = Options { inputs: inputs.clone(), ..Options::default() };
    match represent(files, root, &options) {
        Ok(made) => {
            let again = represent(files, root, &options).map(|made| made.representation);
            assert_eq!(
                again.ok().as_ref(),
                Some(&made.representation),
                "two representations of one service"
            );
            // A service with Koinon's types has further rules, which its representation need not keep.
            let koinons = texts.values().any(|text| text.contains("koinon"));
            assert!(valid || koinons, "represented, but not valid");
            check_representation(&made.representation);
        }
        Err(diagnostics) => {
            assert!(!derived, "compiled, but not represented: {diagnostics}");
            check_new(diagnostics);
        }
    }
}

fn check_representation(made: &Representation) {
    let json = made.to_json();
    // Shared values may have more bytes at all their places than a reader accepts.
    let limits = JsonLimits { bytes: usize::MAX, ..JsonLimits::default() };
    let read = Representation::from_json(json.as_bytes(), limits);
    let read = read.unwrap_or_else(|error| panic!("{error}\n{json}"));
    assert_eq!(read, *made);
    assert_eq!(read.to_json(), json);
    let mut pieces = String::new();
    assert_eq!(made.write_json(|piece| pieces.push_str(piece)), made.digest());
    assert_eq!(pieces, json);
    let rules = read_inputs("weaving.yaml", RULES.as_bytes()).expect("the rules are valid YAML");
    let rules = Rules::from_value(&Value::Map(rules)).expect("the rules are valid");
    if let Ok(first) = Plan::between(None, made, &rules) {
        assert!(!first.to_json().is_empty());
        assert_eq!(first.elements.is_empty(), first.is_empty());
        let nothing = Plan::between(Some(made), made, &rules)
            .expect("a service that can be created can be kept");
        assert!(nothing.is_empty(), "a plan from a representation to itself does something");
        assert!(!first.to_dot().is_empty() && !first.to_mermaid().is_empty());
    }
}

/// Writes diagnostics in every form, and checks that each place is inside its text.
fn check_diagnostics(diagnostics: &Diagnostics, texts: &BTreeMap<String, String>) {
    for style in [Style::Plain, Style::Colored] {
        assert!(diagnostics.iter().as_slice().is_empty() || !diagnostics.render(style).is_empty());
    }
    for json in [
        harmless_json(
            &serde_json::to_string(diagnostics).expect("diagnostics can be written as JSON"),
        ),
        diagnostics.to_sarif("0"),
    ] {
        serde_json::from_str::<serde_json::Value>(&json).expect("the output is JSON");
    }
    for one in diagnostics {
        assert!(!one.message.is_empty());
        for place in std::iter::once(&one.place).chain(one.related.iter().map(|one| &one.place)) {
            let Some(text) = texts.get(&place.file) else { continue };
            let end = (place.end_line, place.end_column);
            assert!((place.line, place.column) <= end, "{one:?} ends before it starts");
            assert!(place.line >= 1 && place.column >= 1, "{one:?}");
            let lines = text.split('\n').count();
            assert!(place.end_line as usize <= lines, "{one:?} is below the last line, {lines}");
        }
    }
}

/// Returns the fixed service with expressions at the places of their letters.
fn service_with(text: &str) -> String {
    let mut slots: BTreeMap<char, String> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let mut letters = line.chars();
        let slot = letters.next().unwrap_or('s');
        let expression = letters.as_str().trim();
        let at = slots.len();
        // Two values of one property would only be a duplicate key.
        let made = match slot {
            'V' => "V".to_owned(),
            'D' | 'O' | 'F' | 'C' | 'A' | 'W' | 'G' | 'I' => slot.to_string(),
            slot if PROPERTIES.contains(&slot) => slot.to_string(),
            _ => PROPERTIES[at % PROPERTIES.len()].to_string(),
        };
        slots.entry(made.chars().next().unwrap_or('s')).or_insert_with(|| expression.to_owned());
    }
    let slot =
        |slot: char, default: &str| slots.get(&slot).map_or(default.to_owned(), String::clone);
    let mut properties = String::new();
    for property in PROPERTIES {
        if let Some(expression) = slots.get(&property) {
            // Writing to a string cannot fail.
            let _ = writeln!(properties, "        {property}: {expression}");
        }
    }
    SERVICE
        .replace("<properties>", &properties)
        .replace("<validation>", &slot('V', "true"))
        .replace("<default>", &slot('D', "1"))
        .replace("<output>", &slot('O', "1"))
        .replace("<filter>", &slot('F', "true"))
        .replace("<count>", &slot('C', "2"))
        .replace("<allocation>", &slot('A', "1"))
        .replace("<condition>", &slot('W', "true"))
        .replace("<argument>", &slot('G', "1"))
        .replace("<input>", &slot('I', "x"))
}

/// The letters of properties of the fixed service: string, integer, float, boolean, nil, timestamp,
/// version, bytes, scalar, list, map, a data type.
const PROPERTIES: [char; 12] = ['s', 'i', 'f', 'b', 'n', 't', 'v', 'y', 'z', 'l', 'm', 'p'];

const SERVICE: &str = r#"tosca_definitions_version: tosca_2_0
data_types:
  Size: { derived_from: scalar, units: { B: 1, b: 0.125 }, prefixes: { "": 1, k: 1000, Ki: 1024, m: 0.001 } }
  Point:
    properties:
      x: { type: integer }
      y: { type: integer, default: 0 }
      next: { type: Point, required: false }
functions:
  half:
    signatures:
    - arguments: [ integer ]
      result: integer
      implementation: half.py
capability_types:
  C: { properties: { size: { type: integer, default: 10 }, name: { type: string, default: c } } }
relationship_types:
  R: { properties: { weight: { type: integer, default: 2 } }, attributes: { at: { type: string } } }
interface_types:
  T: { operations: { go: { inputs: { a: { type: integer, default: 0 } }, outputs: { o: [ SELF, at ] } } } }
node_types:
  B:
    properties:
      i: { type: integer, default: <default> }
      l: { type: list, entry_schema: string, default: [ a, b ] }
      m: { type: map, entry_schema: integer, default: { a: 1 } }
      z: { type: Size, default: 5 kB }
    attributes: { at: { type: string } }
    capabilities: { c: C }
  A:
    derived_from: B
    properties:
      s: { type: string, required: false }
      f: { type: float, required: false }
      b: { type: boolean, required: false }
      n: { type: nil, required: false }
      t: { type: timestamp, required: false }
      v: { type: version, required: false }
      y: { type: bytes, required: false }
      p: { type: Point, required: false }
      checked: { type: integer, default: 3, validation: <validation> }
    interfaces: { t: { type: T } }
    artifacts: { file: { type: F, file: a.txt } }
    requirements:
    - r: { capability: C, relationship: R, count_range: [ 0, UNBOUNDED ] }
artifact_types: { F: {} }
service_template:
  inputs:
    text: { type: string, default: <input> }
    number: { type: integer, default: 7 }
    list: { type: list, entry_schema: string, default: [ a, b ] }
    map: { type: map, entry_schema: integer, default: { a: 1, b: 2 } }
  node_templates:
    one: { type: B }
    many: { type: B, count: <count> }
    host: { type: A }
    it:
      type: A
      properties:
        checked: 4
<properties>
      interfaces: { t: { operations: { go: { inputs: { a: <argument> } } } } }
      requirements:
      - r: one
      - r: { node: B, node_filter: <filter>, allocation: { size: <allocation> } }
      - r: { node: [ many, 1 ], relationship: { type: R, properties: { weight: 3 } } }
  workflows:
    w:
      preconditions: [ { $equal: [ 1, <condition> ] } ]
      steps: { s: { target: it, activities: [ call_operation: t.go ] } }
  outputs:
    out: { value: <output> }
"#;

/// Bytes that select the parts of generated expressions.
struct ExpressionScript<'a> {
    rest: &'a [u8],
    /// The number of further expressions.
    left: u32,
}

const FUNCTIONS: [&str; 54] = [
    "get_input",
    "get_property",
    "get_attribute",
    "get_artifact",
    "value",
    "node_index",
    "relationship_index",
    "available_allocation",
    "and",
    "or",
    "not",
    "xor",
    "equal",
    "greater_than",
    "greater_or_equal",
    "less_than",
    "less_or_equal",
    "in_range",
    "valid_values",
    "matches",
    "has_suffix",
    "has_prefix",
    "contains",
    "has_entry",
    "has_key",
    "has_all_entries",
    "has_all_keys",
    "has_any_entry",
    "has_any_key",
    "length",
    "concat",
    "join",
    "token",
    "union",
    "intersection",
    "sum",
    "difference",
    "product",
    "quotient",
    "remainder",
    "round",
    "floor",
    "ceil",
    "get_property_1x",
    "get_attribute_1x",
    "get_artifact_1x",
    "schema_1x",
    "get_operation_output",
    "get_nodes_of_type",
    "half",
    "concat$1",
    "unknown",
    "get_input",
    "get_property",
];

const LITERALS: [&str; 64] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "7",
    "1.5",
    "0.1",
    "-0.0",
    "1e300",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "0x10",
    "0o7",
    ".inf",
    "-.inf",
    ".nan",
    "true",
    "false",
    "null",
    "~",
    "\"\"",
    "a",
    "b",
    "text",
    "number",
    "list",
    "map",
    "SELF",
    "TARGET",
    "SOURCE",
    "RELATIONSHIP",
    "CAPABILITY",
    "ALL",
    "one",
    "many",
    "it",
    "host",
    "r",
    "c",
    "size",
    "i",
    "s",
    "z",
    "l",
    "m",
    "at",
    "weight",
    "checked",
    "5 kB",
    "1.5 KiB",
    "3 mB",
    "0.1 b",
    "2024-01-01T00:00:00Z",
    "1.2.3.beta-4",
    "\"1.2\"",
    "aGk=",
    "\"^[a-z]+(x|y)*$\"",
    "\"(a*)*b\"",
    "\"é\u{301}\"",
    "$$x",
    "t",
    "go",
];

impl ExpressionScript<'_> {
    fn byte(&mut self) -> usize {
        let (first, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        usize::from(*first)
    }

    /// Writes a line per place, until the bytes end.
    fn expressions(&mut self) -> String {
        const PLACES: &[u8] = b"sifbntvyzlmpVDOFCAWGI";
        let mut text = String::new();
        while !self.rest.is_empty() && self.left > 0 {
            text.push(char::from(PLACES[self.byte() % PLACES.len()]));
            text.push(' ');
            self.expression(0, &mut text);
            text.push('\n');
        }
        text
    }

    fn expression(&mut self, depth: u32, text: &mut String) {
        let choice = self.byte();
        let deep = depth > 12 || self.left == 0;
        self.left = self.left.saturating_sub(1);
        match choice % 8 {
            0..=3 if !deep => {
                let function = FUNCTIONS[self.byte() % FUNCTIONS.len()];
                match choice / 8 {
                    0 => {
                        text.push('$');
                        text.push_str(function);
                    }
                    arguments => {
                        text.push_str("{ $");
                        text.push_str(function);
                        text.push_str(": ");
                        self.list(arguments % 5, depth, text);
                        text.push_str(" }");
                    }
                }
            }
            4 if !deep => self.list(choice / 8 % 4, depth, text),
            5 if !deep => {
                text.push_str("{ ");
                for at in 0..choice / 8 % 4 {
                    text.push_str(if at > 0 { ", " } else { "" });
                    text.push_str(LITERALS[self.byte() % LITERALS.len()]);
                    text.push_str(": ");
                    self.expression(depth + 1, text);
                }
                text.push_str(" }");
            }
            _ => text.push_str(LITERALS[self.byte() % LITERALS.len()]),
        }
    }

    fn list(&mut self, length: usize, depth: u32, text: &mut String) {
        text.push_str("[ ");
        for at in 0..length {
            text.push_str(if at > 0 { ", " } else { "" });
            self.expression(depth + 1, text);
        }
        text.push_str(" ]");
    }
}
