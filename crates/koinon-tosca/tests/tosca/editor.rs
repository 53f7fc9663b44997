//! The answers to an editor's questions. In texts, `|` is the cursor.

use std::collections::BTreeMap;

use koinon_tosca::Budgets;
use koinon_tosca::editor::Analysis;
use koinon_tosca::editor::Symbol;
use koinon_tosca::editor::analyse;
use koinon_tosca::editor::symbols;

const TYPES: &str = "\
tosca_definitions_version: tosca_2_0
data_types:
  Address:
    properties:
      host: { type: string, description: Where it is. }
      secure: { type: boolean, default: true }
capability_types:
  Http:
    description: Answers requests.
    properties:
      path: { type: string, default: / }
interface_types:
  Life:
    operations:
      start:
        inputs:
          mode: { type: string, default: fast }
node_types:
  Base:
    properties:
      port:
        type: integer
        description: The port it listens at.
  Server:
    derived_from: Base
    description: Serves.
    properties:
      address: Address
    capabilities:
      web: Http
    interfaces:
      life: { type: Life }
  Client:
    requirements:
      - upstream:
          capability: Http
          node: Server
";

const SERVICE: &str = "\
tosca_definitions_version: tosca_2_0
imports:
  - url: types.yaml
    namespace: t
service_template:
  inputs:
    port: { type: integer, default: 80, description: The port of all. }
  node_templates:
    server:
      type: t:Server
      properties:
        port: { $get_input: port }
        address: { host: example.org }
    client:
      type: t:Client
      requirements:
        - upstream: server
";

fn files(root: &str) -> BTreeMap<String, String> {
    let types = TYPES.replace("address: Address", "address: { type: Address }");
    BTreeMap::from([("types.yaml".to_owned(), types), ("main.yaml".to_owned(), root.to_owned())])
}

fn analysed(text: &str, last: Option<&Analysis>) -> Analysis {
    analyse(&files(text), "main.yaml", &Budgets::default(), last)
}

/// Returns [`SERVICE`] with a part replaced, and the offset of the cursor in the new part.
fn with(was: &str, now: &str) -> (String, usize) {
    let changed = SERVICE.replacen(was, now, 1);
    assert_ne!(changed, SERVICE);
    let offset = changed.find('|').unwrap();
    (changed.replacen('|', "", 1), offset)
}

/// Returns the completions at the cursor. The last good analysis is that of [`SERVICE`].
fn completed(was: &str, now: &str) -> Vec<String> {
    let good = analysed(SERVICE, None);
    assert_eq!(good.diagnostics().to_string(), "");
    let (text, offset) = with(was, now);
    let analysis = analysed(&text, Some(&good));
    analysis.complete(&text, offset).into_iter().map(|one| one.label).collect()
}

fn hovered(was: &str, now: &str) -> String {
    let (text, offset) = with(was, now);
    analysed(&text, None).hover(&text, offset).map_or_else(String::new, |hover| hover.text)
}

/// Returns the declaration of the word at the cursor: file, line from 1, and name.
fn declared(was: &str, now: &str) -> String {
    let (text, offset) = with(was, now);
    let analysis = analysed(&text, None);
    let Some(found) = analysis.definition(&text, offset) else { return String::new() };
    let text = analysis.text(&found.file).unwrap();
    let line = text[..found.range.start].lines().count().max(1);
    format!("{}:{line} {}", found.file, &text[found.range])
}

#[test]
fn keynames_are_completed_in_the_order_of_their_table() {
    let names = completed("  node_templates:", "  gr|\n  node_templates:");
    assert_eq!(
        names,
        [
            "description",
            "metadata",
            "inputs",
            "outputs",
            "node_templates",
            "relationship_templates",
            "groups",
            "policies",
            "substitution_mappings",
            "workflows",
            "functions"
        ]
    );
    let names = completed("- upstream: server", "- upstream: { no| }");
    assert_eq!(names[..3], ["node", "capability", "relationship"]);
}

#[test]
fn types_are_completed_with_the_namespace_of_their_import() {
    assert_eq!(completed("type: t:Client", "type: |"), ["t:Base", "t:Client", "t:Server"]);
    assert_eq!(
        completed("port: { type: integer", "port: { type: in|")[..3],
        ["t:Address", "string", "integer"]
    );
}

#[test]
fn names_of_members_are_completed_from_types() {
    assert_eq!(completed("port: { $get_input: port }", "po|"), ["address", "port"]);
    assert_eq!(completed("{ host: example.org }", "{ s| }")[..2], ["host", "secure"]);
    assert_eq!(completed("- upstream: server", "- u|"), ["upstream"]);
    assert_eq!(
        completed("      requirements:", "      capabilities:\n        |\n      x:"),
        [""; 0]
    );
    let more = "      capabilities:\n        |\n    client:";
    assert_eq!(completed("    client:", more), ["web"]);
    let more = "      capabilities:\n        web:\n          properties: { | }\n    client:";
    assert_eq!(completed("    client:", more)[0], "path");
    let more =
        "      interfaces:\n        life:\n          operations:\n            |\n    client:";
    assert_eq!(completed("    client:", more), ["start"]);
}

#[test]
fn targets_inputs_and_functions_are_completed() {
    assert_eq!(
        completed("upstream: server", "upstream: |"),
        ["client", "server", "t:Base", "t:Client", "t:Server"].map(|name| name.to_owned())
    );
    assert_eq!(completed("$get_input: port", "$get_input: |"), ["port"]);
    let names = completed("{ $get_input: port }", "{ $| }");
    assert!(names.contains(&"$get_input".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with("1x")), "{names:?}");
    let names = completed("{ host: example.org }", "{ host: { $get_property: [ server, | ] } }");
    assert_eq!(names, ["address", "port", "web"]);
    let names = completed("{ host: example.org }", "{ secure: | }");
    assert_eq!(names[..2], ["true", "false"]);
}

#[test]
fn hovers_show_kind_purpose_and_declaration() {
    assert_eq!(
        hovered("t:Server", "t:Ser|ver"),
        "node type `Server`\n\nServes.\n\nDerivation: `Server` → `Base`\n\nDeclared in types.yaml, line 24"
    );
    assert_eq!(
        hovered("        port: {", "        po|rt: {"),
        "property `port`: `integer`, required\n\nThe port it listens at.\n\nDeclared in types.yaml, line 21"
    );
    assert_eq!(
        hovered("node_templates:", "node_|templates:"),
        "`node_templates`: keyname of a service template, mandatory\n\nIts nodes. *(TOSCA 2.0, 6.9.1)*\n\nnode template: One or more nodes of a service."
    );
    assert_eq!(
        hovered("$get_input: port", "$get_input: po|rt"),
        "input `port`: `integer`\n\nThe port of all.\n\nDeclared in main.yaml, line 7"
    );
    assert_eq!(
        hovered("$get_input", "$get|_input"),
        "built-in function `$get_input`: 1 or more arguments"
    );
    assert_eq!(hovered("port of all", "port |of all"), "");
}

#[test]
fn definitions_are_found_across_files() {
    assert_eq!(declared("t:Client", "t:Cli|ent"), "types.yaml:33 Client");
    assert_eq!(declared("upstream: server", "upst|ream: server"), "types.yaml:35 upstream");
    assert_eq!(declared("upstream: server", "upstream: serv|er"), "main.yaml:9 server");
    assert_eq!(declared("{ host: ex", "{ ho|st: ex"), "types.yaml:5 host");
    assert_eq!(declared("types.yaml", "types|.yaml"), "types.yaml:1 ");
    assert_eq!(declared("$get_input: port", "$get_input: |port"), "main.yaml:7 port");
}

#[test]
fn a_file_that_was_never_valid_is_understood_without_its_broken_lines() {
    for broken in ["bro", "a: b: c", "bro: {", "- bro"] {
        let line = format!("    {broken}\n    client|:");
        let (text, _) = with("    client:", &line);
        let analysis = analysed(&text, None);
        assert!(analysis.diagnostics().iter().len() > 0, "{broken}");
        let found = analysis.definition(&text, text.find("t:Server").unwrap() + 3);
        assert_eq!(found.map(|found| found.file).as_deref(), Some("types.yaml"), "{broken}");
    }
}

#[test]
fn definitions_may_be_in_built_in_profiles() {
    let text = "\
tosca_definitions_version: tosca_simple_yaml_1_3
topology_template:
  node_templates:
    host:
      type: tosca.nodes.Compute
      capabilities:
        host:
          properties:
            num_cpus: { get_input: cpus }
    app:
      type: SoftwareComponent
      requirements:
        - host: host
      interfaces:
        Standard:
          create: make.sh
  inputs:
    cpus: { type: integer, default: 1 }
";
    let analysis = analysed(text, None);
    assert_eq!(analysis.diagnostics().to_string(), "");
    let at = |part: &str| text.find(part).unwrap() + 1;
    let found = analysis.definition(text, at("tosca.nodes.Compute")).unwrap();
    assert_eq!(found.file, "profile tosca.simple:1.3");
    let profile = analysis.text(&found.file).unwrap();
    assert_eq!(&profile[found.range], "tosca.nodes.Compute");
    let found = analysis.definition(text, at("SoftwareComponent")).unwrap();
    assert_eq!(&profile[found.range], "tosca.nodes.SoftwareComponent");
    let found = analysis.definition(text, at("create:")).unwrap();
    assert_eq!(&profile[found.range], "create");
    let found = analysis.definition(text, at("cpus }")).unwrap();
    assert_eq!(
        (found.file.as_str(), found.range.start),
        ("main.yaml", text.rfind("cpus").unwrap())
    );
    let labels = |part: &str| -> Vec<String> {
        let completions = analysis.complete(text, at(part) - 1);
        completions.into_iter().map(|one| one.label).collect()
    };
    assert!(labels("num_cpus").contains(&"mem_size".to_owned()));
    assert!(labels("get_input").contains(&"get_property".to_owned()));
    assert!(labels("topology_template").contains(&"topology_template".to_owned()));
    assert!(!labels("topology_template").contains(&"service_template".to_owned()));
}

#[test]
fn symbols_are_the_outline_of_a_file() {
    fn shown(symbols: &[Symbol], depth: usize, text: &mut String) {
        for one in symbols {
            text.push_str(&format!("{}{} ({})\n", " ".repeat(depth), one.name, one.detail));
            assert!(one.range.start <= one.name_range.start && one.name_range.end <= one.range.end);
            shown(&one.children, depth + 1, text);
        }
    }
    let mut text = String::new();
    shown(&symbols(SERVICE).unwrap(), 0, &mut text);
    assert_eq!(
        text,
        "\
service_template (keyname of TOSCA file)
 inputs (keyname of service template)
  port (parameter definition: integer)
 node_templates (keyname of service template)
  server (node template: t:Server)
  client (node template: t:Client)
   requirements (keyname of node template)
    upstream (requirement assignment: server)
"
    );
    assert_eq!(symbols("a: ["), None);
}

#[test]
fn no_offset_of_any_text_panics() {
    let good = analysed(SERVICE, None);
    let flows = SERVICE.replace("- upstream: server", "- { upstream: [ server, { a: [ \"x");
    for text in [SERVICE, TYPES, &flows, "a: 'ä\n- - b: {", "? a\n: b", "|", "\u{feff}a: &b *c"] {
        let analysis = analysed(text, Some(&good));
        for offset in 0..=text.len() + 1 {
            drop(analysis.hover(text, offset));
            drop(analysis.definition(text, offset));
            drop(analysis.complete(text, offset));
        }
    }
}
