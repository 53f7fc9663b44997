//! What the file an archive without `TOSCA.meta` starts with says of the archive (csd07 17.3; TOSCA 1.3, 6.3).

use granit_parser::Event;
use granit_parser::Options;
use granit_parser::Parser;

use super::fault::ArchiveFault;
use super::fault::shown;
use super::meta::CsarVersion;
use crate::budget::Budgets;

/// Returns the archive's version by the file's `tosca_definitions_version`. A file of TOSCA 1.x must name its template
/// and the template's version.
pub(super) fn version(
    path: &str,
    bytes: &[u8],
    budgets: &Budgets,
) -> Result<CsarVersion, ArchiveFault> {
    let head = Head::read(bytes, budgets);
    let version = head.csar_version(path)?;
    let needed = [("template_name", head.named), ("template_version", head.numbered)];
    match needed.into_iter().find(|(_, found)| !found) {
        Some((key, _)) if version != CsarVersion::V2_0 => {
            Err(ArchiveFault::NoMetadata { path: path.to_owned(), key })
        }
        _ => Ok(version),
    }
}

/// Returns the version an archive has that starts with a file: the one that goes with its `tosca_definitions_version`.
///
/// # Errors
/// [`ArchiveFault::NoVersion`] if it has none, or one that has no archives.
pub fn version_for(
    path: &str,
    bytes: &[u8],
    budgets: &Budgets,
) -> Result<CsarVersion, ArchiveFault> {
    Head::read(bytes, budgets).csar_version(path)
}

#[derive(Default)]
struct Head {
    version: Option<String>,
    named: bool,
    numbered: bool,
}

impl Head {
    /// Reads as far as there is something to learn. What is no YAML ends it: the compiler will say so with a place.
    fn read(bytes: &[u8], budgets: &Budgets) -> Self {
        let mut head = Self::default();
        let Ok(text) = std::str::from_utf8(bytes) else { return head };
        let mut options = Options::default();
        options.emit_unresolved_aliases = true;
        options.flow_nesting_limit = budgets.depth + 1;
        options.block_nesting_limit = budgets.depth + 1;
        let mut parser = Parser::new_from_str_with_options(text, options);
        let mut depth = 0_usize;
        // Of the map of the root and of its `metadata`: the key whose value comes next.
        let mut key: Option<String> = None;
        let mut below: Option<String> = None;
        while !head.is_whole() {
            let Some(Ok((event, _))) = parser.next_event() else { return head };
            let in_metadata = depth == 2 && key.as_deref() == Some("metadata");
            match event {
                Event::Scalar(text, ..) if depth == 1 => match key.take() {
                    Some(key) if key == "tosca_definitions_version" => {
                        head.version = Some(text.into_owned());
                    }
                    Some(_) => {}
                    None => key = Some(text.into_owned()),
                },
                Event::Scalar(text, ..) if in_metadata => match below.take() {
                    Some(key) => {
                        head.named |= key == "template_name";
                        head.numbered |= key == "template_version";
                    }
                    None => below = Some(text.into_owned()),
                },
                // A list is of no use at the root.
                Event::SequenceStart(..) if depth == 0 => return head,
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => {
                    depth = depth.saturating_sub(1);
                    match depth {
                        1 => key = None,
                        2 => below = None,
                        _ => {}
                    }
                }
                Event::Alias(_) | Event::UnresolvedAlias(_) if depth == 1 => key = None,
                Event::Alias(_) | Event::UnresolvedAlias(_) if in_metadata => below = None,
                Event::DocumentEnd => return head,
                _ => {}
            }
        }
        head
    }

    fn csar_version(&self, path: &str) -> Result<CsarVersion, ArchiveFault> {
        let found = match self.version.as_deref() {
            Some("tosca_2_0") => return Ok(CsarVersion::V2_0),
            Some("tosca_simple_yaml_1_0") => return Ok(CsarVersion::V1_0),
            Some("tosca_simple_yaml_1_1" | "tosca_simple_yaml_1_2" | "tosca_simple_yaml_1_3") => {
                return Ok(CsarVersion::V1_1);
            }
            Some(other) => format!("`{}`", shown(other.as_bytes())),
            None => "none".to_owned(),
        };
        Err(ArchiveFault::NoVersion { path: path.to_owned(), found })
    }

    /// Whether nothing that follows can change the answer.
    fn is_whole(&self) -> bool {
        let old = |version: &String| version.starts_with("tosca_simple_yaml_");
        self.version.as_ref().is_some_and(|version| !old(version) || (self.named && self.numbered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<CsarVersion, &str>) {
        let found = version("t.yaml", text.as_bytes(), &Budgets::default());
        assert_eq!(found.map_err(|fault| fault.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn the_version_is_that_of_the_definitions() {
        check("tosca_definitions_version: tosca_2_0\n: broken: [", Ok(CsarVersion::V2_0));
        check(
            "metadata: { a: [ { tosca_definitions_version: no } ] }\n'tosca_definitions_version': \"tosca_2_0\"",
            Ok(CsarVersion::V2_0),
        );
        let old = "tosca_definitions_version: tosca_simple_yaml_1_";
        let metadata = "\nmetadata:\n  x: [ a, b ]\n  template_name: a\n  y: { z: 1 }\n  template_version: 1.0\n";
        check(&format!("{old}0{metadata}"), Ok(CsarVersion::V1_0));
        check(&format!("{old}3{metadata}"), Ok(CsarVersion::V1_1));
        check(&format!("{}{old}3", &metadata[1..]), Ok(CsarVersion::V1_1));
        check(
            &format!("{old}3\nmetadata: {{ template_name: a }}\nx: {{ template_version: 1 }}"),
            Err("expected template_version in the metadata of `t.yaml`, found none"),
        );
        check(
            &format!("{old}3"),
            Err("expected template_name in the metadata of `t.yaml`, found none"),
        );
        let nothing = "expected a tosca_definitions_version in `t.yaml`, found none";
        for text in
            ["", "[ a ]", "a: b", "a: [", "---\na: b\n---\ntosca_definitions_version: tosca_2_0"]
        {
            check(text, Err(nothing));
        }
        check(
            "tosca_definitions_version: heat",
            Err("expected a tosca_definitions_version in `t.yaml`, found `heat`"),
        );
    }
}
