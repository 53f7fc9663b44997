//! Exports: Koinon reads its exported files as the same service, and other processors accept them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use koinon_model::JsonLimits;
use koinon_model::Service;
use koinon_model::Value;
use koinon_tosca::Dialect;
use koinon_tosca::Exported;
use koinon_tosca::Files;
use koinon_tosca::Options;
use koinon_tosca::Warning;
use koinon_tosca::compile;
use koinon_tosca::document;
use koinon_tosca::export;
use koinon_tosca::read_inputs;
use koinon_tosca::represent;
use koinon_tosca::to_yaml;

use crate::folder::Folder;

const TEMPLATE: &str = include_str!("../../../../examples/sharding-network/template.yaml");
const CID: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Compiles the sharding example with the inputs that `koinon up` adds.
fn sharding() -> Service {
    let files = BTreeMap::from([("template.yaml".to_owned(), TEMPLATE.to_owned())]);
    let text =
        format!("worker_image: {CID}\ncertificates: {{ alice: a, bob: b, carol: c, dave: d }}\n");
    let inputs = read_inputs("inputs.yaml", text.as_bytes()).unwrap();
    compile(&files, "template.yaml", &inputs).unwrap_or_else(|error| panic!("{error}"))
}

/// Writes exported files to a folder of the test. Returns the path of the root file.
fn write_files(exported: &Exported, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    for (path, text) in &exported.files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder.join(Exported::ROOT)
}

/// Runs another TOSCA processor on a file. Returns whether it accepts the file, and its output.
fn peer(program: &str, arguments: &[&str], file: &Path) -> (bool, String) {
    let program = Path::new(ROOT).join(".tools/peers").join(program);
    let run = Command::new(&program).args(arguments).arg(file).current_dir(ROOT).output();
    let run = run.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `python3 suite/peers/install.py tosca-parser puccini-wheel`",
            program.display()
        )
    });
    let output = [run.stdout, run.stderr].concat();
    (run.status.success(), String::from_utf8_lossy(&output).into_owned())
}

#[test]
fn exports_to_both_dialects_compile_to_the_same_facts() {
    let service = sharding();
    for dialect in [Dialect::V2_0, Dialect::V1_3] {
        let exported = export(&service.document, dialect).unwrap_or_else(|error| panic!("{error}"));
        let again = compile(&exported.files, Exported::ROOT, &BTreeMap::new());
        let again = again.unwrap_or_else(|error| panic!("{error}"));
        let facts = |one: &Service| Service { document: Value::Null, ..one.clone() };
        assert_eq!(facts(&again), facts(&service));
        assert_eq!(exported.warnings.is_empty(), dialect == Dialect::V2_0);
    }
}

#[test]
fn tosca_parser_accepts_the_1_3_export() {
    let exported = export(&sharding().document, Dialect::V1_3).unwrap();
    let file = write_files(&exported, "sharding-1.3");
    let (accepted, output) =
        peer("tosca-parser-2.15.0/bin/tosca-parser", &["--template-file"], &file);
    assert!(accepted, "{output}");
    for name in ["alice", "shard", "worker", "validator"] {
        assert!(output.contains(name), "{output}");
    }
}

/// The features of TOSCA 2.0 in the sharding network that puccini 0.21.0 lacks: keynames,
/// functions, and a call in the place of a file.
const UNKNOWN_TO_PUCCINI: [&str; 12] = [
    "allocation",
    "count",
    "description",
    "file",
    "prefixes",
    "tosca.function.floor",
    "tosca.function.product",
    "tosca.function.sum",
    "units",
    "valid_capability_types",
    "validation",
    "value",
];

fn puccini(file: &Path) -> (bool, String) {
    let script = Path::new(ROOT).join("suite/peers/puccini_wheel.py");
    peer("puccini-wheel-0.21.0/bin/python", &["-P", script.to_str().unwrap()], file)
}

#[test]
fn puccini_rejects_only_unknown_features_of_the_2_0_export() {
    let exported = export(&sharding().document, Dialect::V2_0).unwrap();
    let (_, output) = puccini(&write_files(&exported, "sharding-2.0"));
    let field = |line: &str, key: &str| {
        let rest = line.split_once(&format!("'{key}': '")).unwrap().1;
        rest.split_once('\'').unwrap().0.to_owned()
    };
    let feature = |line: &str| match field(line, "message") {
        message if message == "unsupported keyname" || message.contains("instead of") => {
            field(line, "item").rsplit('.').next().unwrap().to_owned()
        }
        message => message.rsplit(' ').next().unwrap().to_owned(),
    };
    let found: BTreeSet<String> = output.lines().map(feature).collect();
    assert_eq!(
        found.iter().map(String::as_str).collect::<Vec<_>>(),
        UNKNOWN_TO_PUCCINI,
        "{output}"
    );
}

/// Removes the features that puccini lacks from an exported file, or replaces them where the file
/// needs a value.
fn without_unknown_features(value: Value, path: &mut Vec<String>) -> Value {
    const KEYNAMES: [&str; 6] =
        ["validation", "units", "prefixes", "valid_capability_types", "count", "allocation"];
    let call = |value: &Value| {
        let text = value.to_json();
        let unknown =
            ["$floor", "$sum", "$product", "$node_index", "RELATIONSHIP", "\"certificates\""];
        unknown.iter().any(|name| text.contains(name))
    };
    let entries = match value {
        Value::Map(entries) => entries,
        Value::List(items) => {
            return Value::List(
                items.into_iter().map(|item| without_unknown_features(item, path)).collect(),
            );
        }
        other => return other,
    };
    let mut out = BTreeMap::new();
    for (name, value) in entries {
        let in_type = path.first().is_some_and(|key| key.ends_with("_types"));
        let in_property =
            in_type && path.iter().rev().nth(1).is_some_and(|key| key == "properties");
        let described = name == "description" && path.contains(&"requirements".to_owned());
        if KEYNAMES.contains(&name.as_str()) || in_type && described {
            continue;
        }
        let (name, value) = match name.as_str() {
            "derived_from" if value.as_str() == Some("scalar") => (name, "string".into()),
            // In a complex value, puccini does not read the default of a list as a list.
            "default" if in_property && value.as_list() == Some(&[]) => {
                ("required".to_owned(), false.into())
            }
            "value" if in_property => ("default".to_owned(), value),
            "units" | "value" if call(&value) => (name, 1.into()),
            "name" | "WORKER" | "SHARD" | "certificate" if call(&value) => (name, "x".into()),
            "file" if value.as_map().is_some() => (name, "service.yaml".into()),
            _ => {
                path.push(name.clone());
                let value = without_unknown_features(value, path);
                path.pop();
                (name, value)
            }
        };
        out.insert(name, value);
    }
    Value::Map(out)
}

#[test]
fn puccini_accepts_the_2_0_export_without_unknown_features() {
    let mut exported = export(&sharding().document, Dialect::V2_0).unwrap();
    for (path, text) in &mut exported.files {
        let value = Value::Map(read_inputs(path, text.as_bytes()).unwrap());
        *text = to_yaml(&without_unknown_features(value, &mut Vec::new()));
    }
    let (accepted, output) = puccini(&write_files(&exported, "sharding-2.0-known"));
    assert!(accepted, "{output}");
}

/// Returns a representation without its sources and origins.
fn represented(
    files: &dyn Files,
    root: &str,
    inputs: &BTreeMap<String, Value>,
) -> Result<Value, String> {
    fn plain(value: Value) -> Value {
        match value {
            Value::List(items) => Value::List(items.into_iter().map(plain).collect()),
            Value::Map(mut entries) => {
                entries.remove("origin");
                entries.into_iter().map(|(key, value)| (key, plain(value))).collect()
            }
            other => other,
        }
    }
    let options = Options { inputs: inputs.clone(), ..Options::default() };
    let made = represent(files, root, &options).map_err(|error| error.to_string())?;
    let json = made.representation.to_json();
    let mut value = Value::from_json(json.as_bytes(), JsonLimits::default()).unwrap();
    if let Value::Map(root) = &mut value {
        root.remove("sources");
    }
    Ok(plain(value))
}

/// The numbers of services and exports, and the exports that failed.
#[derive(Debug, Default)]
struct ExportCounts {
    services: usize,
    v2_0: usize,
    v1_3: usize,
    v1_3_without_warnings: usize,
    /// A line for each failed export.
    failures: String,
}

impl ExportCounts {
    /// Exports the file if it is a service, and compares the representations of both.
    fn add(&mut self, name: &str, files: &dyn Files, root: &str) {
        let inputs = BTreeMap::new();
        if represented(files, root, &inputs).is_err() {
            return;
        }
        self.services += 1;
        // Types of namespaces and two types of one name have no place in a single document.
        let Ok(document) = document(files, root, &inputs) else { return };
        let one = BTreeMap::from([(root.to_owned(), to_yaml(&document))]);
        let expected = represented(&one, root, &inputs).unwrap();
        for dialect in [Dialect::V2_0, Dialect::V1_3] {
            let mut exported = match export(&document, dialect) {
                Ok(exported) => exported,
                Err(error) => {
                    self.failures += &format!("{name}, {dialect:?}: {error}\n");
                    continue;
                }
            };
            // A service may be named after its file.
            let text = exported.files.remove(Exported::ROOT).unwrap();
            exported.files.insert(root.to_owned(), text);
            // Types of 1.0 to 1.2 may differ in 1.3.
            let of_types = |warning: &Warning| warning.path == "imports";
            match represented(&exported.files, root, &inputs) {
                Ok(_) if exported.warnings.iter().any(of_types) => {}
                Ok(again) if again == expected => {}
                Ok(again) => {
                    let (again, expected) = (again.to_json(), expected.to_json());
                    self.failures +=
                        &format!("{name}, {dialect:?}: differs\n{expected}\n{again}\n");
                }
                Err(error) => self.failures += &format!("{name}, {dialect:?}: {error}\n"),
            }
            match dialect {
                Dialect::V2_0 => self.v2_0 += 1,
                Dialect::V1_3 => self.v1_3 += 1,
            }
            let complete = dialect == Dialect::V1_3 && exported.warnings.is_empty();
            self.v1_3_without_warnings += usize::from(complete);
        }
    }
}

#[test]
fn exports_of_the_oasis_suite_have_the_same_representations() {
    let suite = Path::new(ROOT).join("suite/oasis-tosca-2.0");
    let rows = fs::read_to_string(suite.join("expectations.csv")).unwrap();
    let mut count = ExportCounts::default();
    for row in rows.lines().skip(1) {
        let file = row.split(',').next().unwrap();
        let path = suite.join(file);
        let folder = Folder(path.parent().unwrap().to_owned());
        let root = path.file_name().unwrap().to_str().unwrap();
        count.add(file, &folder, root);
    }
    println!("{count:?}");
    assert!(count.failures.is_empty(), "{}", count.failures);
    // At most 15 services cannot be a single document. Most exports to 1.3 need no metadata.
    assert!(count.services > 200 && count.services - count.v2_0 <= 15, "{count:?}");
    assert!(count.v1_3 == count.v2_0 && count.v1_3_without_warnings >= 149, "{count:?}");
}

#[test]
fn exports_of_annotated_cases_have_the_same_representations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let mut paths: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut count = ExportCounts::default();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        for case in text.split("\n### ").flat_map(|part| part.split_once('\n')) {
            // Of a case with several files, only the first is exported, if it compiles alone.
            let name = format!("{}, {}", path.file_name().unwrap().display(), case.0);
            let files = BTreeMap::from([("service.yaml".to_owned(), case.1.to_owned())]);
            count.add(&name, &files, "service.yaml");
        }
    }
    println!("{count:?}");
    assert!(count.failures.is_empty(), "{}", count.failures);
    assert!(count.services > 10 && count.v1_3 == count.v2_0, "{count:?}");
}
