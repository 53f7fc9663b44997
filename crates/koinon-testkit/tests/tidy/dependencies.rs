//! Rules on dependencies: what deny.toml says, without cargo-deny and its advisories.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::repository::{cargo_metadata, conclude, host, source};
use crate::text::line_of;

/// Returns the strings of each entry of `key = [...]` in a section of deny.toml; one entry is one line.
fn denied<'a>(text: &'a str, section: &str, key: &str) -> Vec<Vec<&'a str>> {
    let after = |text: &'a str, start: &str| -> &'a str {
        let at = text.find(start).unwrap_or_else(|| panic!("deny.toml lacks {start}"));
        &text[at + start.len()..]
    };
    let list = after(after(text, &format!("\n[{section}]\n")), &format!("{key} = ["));
    let lines = list.lines().take_while(|line| !line.starts_with(']'));
    let strings = lines.map(|line| {
        let line = line.trim_start();
        let strings = line.split('"').skip(1).step_by(2);
        if line.starts_with('#') { vec![] } else { strings.collect() }
    });
    strings.filter(|strings| !strings.is_empty()).collect()
}

/// Says whether an SPDX expression can be met with these licences.
fn permitted(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    let met = any_of(&mut rest, allowed);
    met && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut met = all_of(rest, allowed);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        met |= all_of(rest, allowed);
    }
    met
}

fn all_of(rest: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut met = licence(rest, allowed);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        met &= licence(rest, allowed);
    }
    met
}

fn licence(rest: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let met = any_of(rest, allowed);
            let closed = rest.first() == Some(&")");
            *rest = &rest[usize::from(closed)..];
            met && closed
        }
        [name, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.contains(format!("{name} WITH {exception}").as_str())
        }
        [name, after @ ..] => {
            *rest = after;
            allowed.contains(name)
        }
        [] => false,
    }
}

/// Returns what deny.toml refuses of a package.
fn refused(package: &Value, deny: &str) -> Option<String> {
    let name = package["name"].as_str().unwrap();
    let mut allowed: BTreeSet<&str> =
        denied(deny, "licenses", "allow").concat().into_iter().collect();
    for exception in denied(deny, "licenses", "exceptions") {
        if exception[0] == name {
            allowed.extend(&exception[1..]);
        }
    }
    let license = package["license"].as_str().unwrap_or("none");
    if !permitted(license, &allowed) {
        return Some(format!(
            "{name} has the licence {license}: choose another library, or allow it in deny.toml with a reason"
        ));
    }
    if denied(deny, "bans", "deny").iter().any(|banned| banned[0] == name) {
        return Some(format!("{name} is banned; `cargo tree --invert {name}` says who brings it"));
    }
    let ours = package["source"].is_null();
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let foreign = !ours && package["source"] != registry;
    foreign.then(|| {
        format!("{name} comes from {}: depend on a release on crates.io", package["source"])
    })
}

#[test]
fn dependencies_are_ones_we_may_ship() {
    let deny = source("deny.toml").text;
    let metadata = cargo_metadata(&["--filter-platform", &host()]);
    let packages = metadata["packages"].as_array().unwrap();
    let lock = source("Cargo.lock").text;
    let find = |package: &Value| {
        let name = package["name"].as_str().unwrap();
        let line = line_of(&lock, &format!("name = \"{name}\"\n"));
        refused(package, &deny).map(|what| format!("Cargo.lock:{line}: {what}"))
    };
    conclude(packages.iter().filter_map(find).collect());

    let used: BTreeSet<&str> = packages.iter().map(|it| it["name"].as_str().unwrap()).collect();
    let idle =
        denied(&deny, "licenses", "exceptions").into_iter().filter(|it| !used.contains(it[0]));
    let line = |name| line_of(&deny, &format!("crate = \"{name}\""));
    let say = |name| {
        format!("deny.toml:{}: nothing uses {name} any more: delete the exception", line(name))
    };
    conclude(idle.map(|it| say(it[0])).collect());
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"]);
    let cases = BTreeMap::from([
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("MIT AND (GPL-3.0 OR ISC)", true),
        ("(MIT OR GPL-3.0) AND GPL-3.0", false),
        ("MIT OR GPL-3.0 AND GPL-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("MIT WITH LLVM-exception", false),
        ("MIT ISC", false),
        ("(MIT", false),
        ("", false),
        ("none", false),
    ]);
    let found = cases.keys().map(|expression| (*expression, permitted(expression, &allowed)));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), cases);
}

#[test]
fn packages_are_refused_by_licence_ban_and_source() {
    let deny = "\n[licenses]\nallow = [\n  \"MIT\",\n]\nexceptions = [\n  # \"no\"\n  { crate = \"odd\", allow = \
                [\"MPL-2.0\"] },\n]\n[bans]\ndeny = [\n  { crate = \"bad\", reason = \"r\" },\n]\n";
    let registry = "registry+https://github.com/rust-lang/crates.io-index";
    let cases = [
        ("good", Some("MIT"), registry, false),
        ("odd", Some("MPL-2.0"), registry, false),
        ("good", Some("MPL-2.0"), registry, true),
        ("good", None, registry, true),
        ("bad", Some("MIT"), registry, true),
        ("good", Some("MIT"), "git+https://example.org/good", true),
    ];
    for (name, license, source, refuses) in cases {
        let package = serde_json::json!({ "name": name, "license": license, "source": source });
        let found = refused(&package, deny);
        assert_eq!(found.is_some(), refuses, "{package}: {found:?}");
    }
}
