//! Diagnostics rendered as text for people and as SARIF for machines.

use std::collections::BTreeMap;

use koinon_tosca::Diagnostics;
use koinon_tosca::Style;
use koinon_tosca::validate;
use serde_json::Value;

const VERSION: &str = "tosca_definitions_version: tosca_2_0\n";

fn faults_of<const N: usize>(files: [(&str, String); N]) -> Diagnostics {
    let files: BTreeMap<String, String> =
        files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect();
    validate(&files, "service.yaml", &BTreeMap::new()).unwrap_err()
}

fn text_of(body: &str) -> String {
    faults_of([("service.yaml", format!("{VERSION}{body}"))]).render(Style::Plain)
}

#[test]
fn an_excerpt_shows_the_error_and_its_related_place() {
    insta::assert_snapshot!(text_of("metadata:\n  owner: alice\n  owner: bob\n"), @r#"
error[K0010]: duplicate key `owner`
 --> service.yaml:4:3
  |
3 |   owner: alice
  |   ----- first defined here
4 |   owner: bob
  |   ^^^^^
"#);
}

#[test]
fn lines_between_distant_places_are_folded() {
    let between = "  # nothing\n".repeat(50);
    let text = text_of(&format!("metadata:\n  owner: alice\n{between}  owner: bob\n"));
    insta::assert_snapshot!(text, @r#"
error[K0010]: duplicate key `owner`
  --> service.yaml:54:3
   |
 3 |   owner: alice
   |   ----- first defined here
...
54 |   owner: bob
   |   ^^^^^
"#);
    let between = "  # nothing\n".repeat(50_000);
    let text = text_of(&format!("metadata:\n  owner: alice\n{between}  owner: bob\n"));
    insta::assert_snapshot!(text, @r#"
error[K0010]: duplicate key `owner`
     --> service.yaml:50004:3
      |
50004 |   owner: bob
      |   ^^^^^
      |
     ::: service.yaml:3:3
      |
    3 |   owner: alice
      |   ----- first defined here
"#);
}

#[test]
fn places_in_two_files_have_an_excerpt_each() {
    let part = format!("{VERSION}repositories:\n  a: x\n");
    let root = format!("{VERSION}imports: [ part.yaml ]\nrepositories:\n  a: y\n");
    let text = faults_of([("service.yaml", root), ("part.yaml", part)]).render(Style::Plain);
    let text = text.split("\n\n").find(|text| text.contains("K0109")).unwrap();
    insta::assert_snapshot!(text, @r#"
error[K0109]: repository `a` is defined twice
 --> service.yaml:4:3
  |
4 |   a: y
  |   ^
  |
 ::: part.yaml:3:3
  |
3 |   a: x
  |   - imported from here
"#);
}

#[test]
fn carets_stand_right_after_wide_characters_combining_characters_and_tabs() {
    let text = text_of("metadata: { \"字字é\u{301}\":\t!x 1 }\n");
    insta::assert_snapshot!(text, @r#"
error[K0012]: the YAML tag `!x` has no meaning in TOSCA
 --> service.yaml:2:24
  |
2 | metadata: { "字字é́":    !x 1 }
  |                            ^
"#);
}

#[test]
fn carriage_returns_are_not_shown() {
    let text = text_of("metadata:\r\n  owner: alice\r\n  owner: bob\r\n");
    insta::assert_snapshot!(text, @r#"
error[K0010]: duplicate key `owner`
 --> service.yaml:4:3
  |
3 |   owner: alice
  |   ----- first defined here
4 |   owner: bob
  |   ^^^^^
"#);
}

#[test]
fn a_line_of_two_megabytes_is_cut_around_its_places() {
    let long = "x".repeat(1 << 20);
    let text = text_of(&format!("metadata: {{ a: {long}, b: !tag {long} }}\n"));
    insta::assert_snapshot!(text, @r#"
error[K0012]: the YAML tag `!tag` has no meaning in TOSCA
 --> service.yaml:2:1048602
  |
2 | …xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, b: !tag xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx }
  |                                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#);
    let text = text_of(&format!("metadata: {{ a: {long}, a: {long} }}\n"));
    insta::assert_snapshot!(text, @r#"
error[K0010]: duplicate key `a`
 --> service.yaml:2:1048594
  |
2 | metadata: { a: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx, a: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
  |             - first defined here                                                              ^
"#);
    let text = text_of(&format!("{long}: 1\n{long}x: 2\n"));
    assert!(text.len() < 10_000, "{text}");
}

#[test]
fn no_text_of_a_file_controls_the_terminal() {
    let hidden = "\u{85}\u{202e}\u{2066}\u{200b}\u{feff}";
    let body = format!("descripton{hidden}: 1\nmetadata: {{ a{hidden}: !x{hidden} 1 }}\n");
    let faults = faults_of([("service.yaml", format!("{VERSION}{body}\"\\e[2J\\a\": 1\n"))]);
    for style in [Style::Plain, Style::Colored] {
        let text = faults.render(style);
        let bad = |one: &char| {
            (one.is_control() && *one != '\n' && (*one != '\u{1b}' || style == Style::Plain))
                || hidden.contains(*one)
        };
        assert_eq!(text.chars().find(bad), None, "{text}");
        assert!(!text.contains("\u{1b}[2J"));
    }
    let sarif = faults.to_sarif("0");
    assert_eq!(sarif.chars().find(|one| one.is_control() || hidden.contains(*one)), None);
}

#[test]
fn errors_beyond_the_shown_are_counted() {
    let text = text_of(&"description: a\n".repeat(41));
    assert_eq!(text.matches("error[").count(), Diagnostics::SHOWN);
    let (_, last) = text.rsplit_once("\n\n").unwrap();
    insta::assert_snapshot!(last, @"and 10 more: 40 errors in 1 file");
    let text = text_of(&"description: a\n".repeat(201));
    let (_, last) = text.rsplit_once("\n\n").unwrap();
    insta::assert_snapshot!(last, @"and 70 more: at least 100 errors in 1 file");
    let twice = "description: a\n".repeat(2);
    let (root, part) =
        (format!("{VERSION}imports: [ part.yaml ]\n{twice}"), format!("{VERSION}{twice}"));
    let text = faults_of([("service.yaml", root), ("part.yaml", part)]).render(Style::Plain);
    assert!(text.ends_with("\n\n2 errors in 2 files"), "{text}");
}

/// Checks the members that SARIF 2.1.0 requires by hand: its schema is 100 kB of JSON, and using it
/// would need a library.
#[test]
fn sarif_has_the_required_members_and_agrees_with_the_diagnostics() {
    let part = format!("{VERSION}node_types:\n  A: {{ propertis: {{}} }}\n");
    let root = format!(
        "{VERSION}imports: [ \"größe/part.yaml\" ]\nmetadata:\n  字: 1\n  字: 2\nnode_types:\n  A: {{}}\n"
    );
    let faults = faults_of([("service.yaml", root), ("größe/part.yaml", part)]);
    let text = faults.to_sarif("1.2.3");
    assert_eq!(text, faults.to_sarif("1.2.3"));
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().starts_with("https://"));
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let driver = &run["tool"]["driver"];
    assert_eq!((&driver["name"], &driver["version"]), (&"koinon".into(), &"1.2.3".into()));
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), faults.iter().len());
    for (result, fault) in results.iter().zip(&faults) {
        let rule =
            &driver["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(rule["help"]["markdown"], fault.code.page());
        assert!(result["message"]["text"].as_str().unwrap().starts_with(&fault.message));
        let location = &result["locations"][0]["physicalLocation"];
        let region = &location["region"];
        assert_eq!(region["startLine"], fault.place.line);
        assert_eq!(region["startColumn"], fault.place.column);
        assert_eq!(region["endColumn"], fault.place.end_column);
        let uri = location["artifactLocation"]["uri"].as_str().unwrap();
        assert!(["service.yaml", "gr%C3%B6%C3%9Fe/part.yaml"].contains(&uri), "{uri}");
        for related in result["relatedLocations"].as_array().unwrap() {
            assert!(related["message"]["text"].is_string());
            assert!(related["physicalLocation"]["region"]["startLine"].as_u64().unwrap() > 0);
        }
    }
    assert_eq!(Diagnostics::default().to_sarif("0").matches("\"results\":[]").count(), 1);
    if let Some(path) = std::env::var_os("KOINON_SARIF") {
        std::fs::write(path, text).unwrap();
    }
}
