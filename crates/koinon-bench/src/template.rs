//! The compiler's benchmark template: a chain of apps on servers, in TOSCA 2.0 or 1.3.
//!
//! Every group of four nodes is a server and three apps on it. Each app also connects to the app
//! before it, so that one chain runs through all of them, reads an input, and has a map among its
//! properties. There is a placement policy for every ten nodes. The 2.0 form defines its types; the
//! 1.3 form uses the Simple Profile. `suite/peers/generate.py` writes the same template, byte by
//! byte, for other processors.

use std::fmt::Write;

use koinon_command::DialectArg;

/// The differences between the two forms.
struct TemplateForm {
    version: &'static str,
    types: &'static str,
    service: &'static str,
    app: &'static str,
    placement: &'static str,
    get_input: &'static str,
}

const FORM_2_0: TemplateForm = TemplateForm {
    version: "tosca_2_0",
    types: "\
capability_types:
  Endpoint: {}
  Container: {}
  Attachable: {}
relationship_types:
  HostedOn: {}
  ConnectsTo: {}
node_types:
  Root: {}
  Compute:
    derived_from: Root
    properties:
      num_cpus: {type: integer, required: false}
      zone: {type: string, default: z1}
    capabilities:
      host: {type: Container}
  App:
    derived_from: Root
    properties:
      port: {type: integer}
      image: {type: string}
      labels: {type: map, entry_schema: {type: string}, required: false}
    capabilities:
      api: {type: Endpoint}
    requirements:
    - host: {capability: Container, node: Compute, relationship: HostedOn}
    - upstream: {capability: Endpoint, relationship: ConnectsTo, count_range: [0, UNBOUNDED]}
policy_types:
  Placement:
    properties:
      spread: {type: integer, default: 1}
",
    service: "service_template",
    app: "App",
    placement: "Placement",
    get_input: "$get_input",
};

const FORM_1_3: TemplateForm = TemplateForm {
    version: "tosca_simple_yaml_1_3",
    types: "\
policy_types:
  bench.policies.Placement:
    derived_from: tosca.policies.Placement
    properties:
      spread: {type: integer, default: 1}
capability_types:
  bench.capabilities.Api:
    derived_from: tosca.capabilities.Endpoint
    properties:
      level: {type: integer, default: 1}
node_types:
  bench.nodes.App:
    derived_from: tosca.nodes.Root
    properties:
      port: {type: integer, constraints: [{in_range: [1, 65535]}]}
      image: {type: string}
      labels: {type: map, entry_schema: {type: string}, required: false}
    capabilities:
      api: {type: bench.capabilities.Api}
    requirements:
    - host: {capability: tosca.capabilities.Compute, node: tosca.nodes.Compute, relationship: tosca.relationships.HostedOn}
    - upstream: {capability: bench.capabilities.Api, node: bench.nodes.App, relationship: tosca.relationships.ConnectsTo, occurrences: [0, UNBOUNDED]}
",
    service: "topology_template",
    app: "bench.nodes.App",
    placement: "bench.policies.Placement",
    get_input: "get_input",
};

/// Writes the template with a number of nodes.
pub(crate) fn template(nodes: u32, dialect: DialectArg) -> String {
    let form = match dialect {
        DialectArg::V2_0 => &FORM_2_0,
        DialectArg::V1_3 => &FORM_1_3,
    };
    let mut text = String::new();
    write(&mut text, nodes, dialect, form).expect("BUG: writing to a string cannot fail");
    text
}

fn write(
    text: &mut String,
    nodes: u32,
    dialect: DialectArg,
    form: &TemplateForm,
) -> std::fmt::Result {
    let TemplateForm { version, types, service, app, placement, get_input } = form;
    writeln!(text, "tosca_definitions_version: {version}")?;
    write!(
        text,
        "metadata:\n  template_name: chain\n  template_author: bench\n{types}{service}:\n"
    )?;
    write!(
        text,
        "  inputs:\n    image:\n      type: string\n      default: registry.example/app:1\n"
    )?;
    writeln!(text, "  node_templates:")?;
    for i in 0..nodes {
        if is_server(i) {
            write_server(text, i, dialect)?;
            continue;
        }
        write!(text, "    app_{i}:\n      type: {app}\n      properties:\n")?;
        write!(
            text,
            "        port: {}\n        image: {{{get_input}: image}}\n",
            1000 + i % 50_000
        )?;
        write!(text, "        labels:\n          index: \"{i}\"\n          group: g{}\n", i % 20)?;
        write!(text, "      requirements:\n      - host: server_{}\n", i - i % 4)?;
        // The app before it: there is a server in between, or this is the first.
        let before = if is_server(i - 1) { i.checked_sub(2) } else { Some(i - 1) };
        if let Some(before) = before {
            writeln!(text, "      - upstream: app_{before}")?;
        }
    }
    writeln!(text, "  policies:")?;
    for (j, first) in (0..nodes).step_by(10).enumerate() {
        let names: Vec<String> = (first..nodes.min(first + 10)).map(name).collect();
        write!(
            text,
            "  - policy_{j}:\n      type: {placement}\n      targets: [{}]\n",
            names.join(", ")
        )?;
        write!(text, "      properties:\n        spread: {}\n", 1 + j % 3)?;
    }
    Ok(())
}

fn write_server(text: &mut String, i: u32, dialect: DialectArg) -> std::fmt::Result {
    let cpus = 1 + i % 8;
    match dialect {
        DialectArg::V2_0 => {
            write!(text, "    server_{i}:\n      type: Compute\n      properties:\n")?;
            write!(text, "        num_cpus: {cpus}\n        zone: z{}\n", i % 5)
        }
        DialectArg::V1_3 => {
            write!(
                text,
                "    server_{i}:\n      type: tosca.nodes.Compute\n      capabilities:\n"
            )?;
            write!(text, "        host:\n          properties:\n            num_cpus: {cpus}\n")?;
            writeln!(text, "            mem_size: {} GB", 1 + i % 16)
        }
    }
}

fn is_server(i: u32) -> bool {
    i.is_multiple_of(4)
}

fn name(i: u32) -> String {
    format!("{}_{i}", if is_server(i) { "server" } else { "app" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_python_generator_writes_the_same_template() {
        let two = include_str!("../../../suite/peers/samples/chain-25-2.0.yaml");
        assert_eq!(template(25, DialectArg::V2_0), two);
        let one_three = include_str!("../../../suite/peers/samples/chain-25-1.3.yaml");
        assert_eq!(template(25, DialectArg::V1_3), one_three);
    }
}
