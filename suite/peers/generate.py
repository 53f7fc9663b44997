#!/usr/bin/env python3
"""Writes the benchmark's template: `generate.py NODES 1.3|2.0 [--plain]`.

Every group of four nodes is a server and three apps on it. Each app connects to the app before it, so that one chain runs
through all apps; it reads an input and has a map property. There is a placement policy for every ten nodes. The 2.0 form
defines its types; the 1.3 form uses the Simple Profile.

`--plain` omits policies and count ranges, for processors that cannot read them.
"""

import argparse
import sys

TYPES_13 = """\
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
"""

TYPES_20 = """\
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
"""

SERVER_13 = """\
    server_{i}:
      type: tosca.nodes.Compute
      capabilities:
        host:
          properties:
            num_cpus: {cpus}
            mem_size: {memory} GB
"""

SERVER_20 = """\
    server_{i}:
      type: Compute
      properties:
        num_cpus: {cpus}
        zone: z{zone}
"""

APP = """\
    app_{i}:
      type: {type}
      properties:
        port: {port}
        image: {{{get_input}: image}}
        labels:
          index: "{i}"
          group: g{group}
      requirements:
      - host: {server}
"""

POLICY = """\
  - policy_{j}:
      type: {type}
      targets: [{targets}]
      properties:
        spread: {spread}
"""


def template(nodes, dialect, plain=False):
    """Returns the text of a template with a number of nodes, in dialect 1.3 or 2.0."""
    old = dialect == "1.3"
    out = [f"tosca_definitions_version: {'tosca_simple_yaml_1_3' if old else 'tosca_2_0'}\n"]
    out.append("metadata:\n  template_name: chain\n  template_author: bench\n")
    types = TYPES_13 if old else TYPES_20
    if plain:
        types = types.replace(", count_range: [0, UNBOUNDED]", "").replace(", occurrences: [0, UNBOUNDED]", "")
    out.append(types)
    out.append("topology_template:\n" if old else "service_template:\n")
    out.append("  inputs:\n    image:\n      type: string\n      default: registry.example/app:1\n")
    out.append("  node_templates:\n")
    names, server, app = [], None, None
    for i in range(nodes):
        if i % 4 == 0:
            server = f"server_{i}"
            form = SERVER_13 if old else SERVER_20
            out.append(form.format(i=i, cpus=1 + i % 8, memory=1 + i % 16, zone=i % 5))
            names.append(server)
            continue
        out.append(
            APP.format(
                i=i,
                type="bench.nodes.App" if old else "App",
                port=1000 + i % 50000,
                get_input="get_input" if old else "$get_input",
                group=i % 20,
                server=server,
            )
        )
        if app:
            out.append(f"      - upstream: {app}\n")
        app = f"app_{i}"
        names.append(app)
    if not plain:
        out.append("  policies:\n")
        for j in range(0, nodes, 10):
            kind = "bench.policies.Placement" if old else "Placement"
            targets = ", ".join(names[j : j + 10])
            out.append(POLICY.format(j=j // 10, type=kind, targets=targets, spread=1 + j % 3))
    return "".join(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Writes the benchmark's template.")
    parser.add_argument("nodes", type=int)
    parser.add_argument("dialect", choices=["1.3", "2.0"])
    parser.add_argument("--plain", action="store_true", help="without policies and count ranges")
    arguments = parser.parse_args()
    sys.stdout.write(template(arguments.nodes, arguments.dialect, arguments.plain))
