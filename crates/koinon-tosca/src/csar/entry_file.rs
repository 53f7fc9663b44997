//! The file that an archive without `TOSCA.meta` starts with, and the archive's version that
//! follows from it (csd07 17.3; TOSCA 1.3, 6.3).

use granit_parser::Event;
use granit_parser::Options;
use granit_parser::Parser;

use super::fault::ArchiveFault;
use super::fault::shown;
use super::meta::CsarVersion;
use crate::budget::Budgets;

/// Returns the archive's version, which follows from the file's `tosca_definitions_version`. A file
/// of TOSCA 1.x must also have `template_name` and `template_version`.
pub(super) fn version(
    path: &str,
    bytes: &[u8],
    budgets: &Budgets,
) -> Result<CsarVersion, ArchiveFault> {
    let file = EntryFile::read(bytes, budgets);
    let version = file.csar_version(path)?;
    let needed = [
        ("template_name", file.has_template_name),
        ("template_version", file.has_template_version),
    ];
    match needed.into_iter().find(|(_, found)| !found) {
        Some((key, _)) if version != CsarVersion::V2_0 => {
            Err(ArchiveFault::NoMetadata { path: path.to_owned(), key })
        }
        _ => Ok(version),
    }
}

/// Returns the version of an archive that starts with a file: it follows from the file's
/// `tosca_definitions_version`.
///
/// # Errors
/// [`ArchiveFault::NoVersion`] if the file has no version, or a version without archives.
pub fn version_for(
    path: &str,
    bytes: &[u8],
    budgets: &Budgets,
) -> Result<CsarVersion, ArchiveFault> {
    EntryFile::read(bytes, budgets).csar_version(path)
}

/// The facts about the file that an archive's version needs.
#[derive(Default)]
struct EntryFile {
    version: Option<String>,
    has_template_name: bool,
    has_template_version: bool,
}

impl EntryFile {
    /// Reads until all facts are known. Invalid YAML ends the reading without an error: the
    /// compiler reports it with its position.
    fn read(bytes: &[u8], budgets: &Budgets) -> Self {
        let mut file = Self::default();
        let Ok(text) = std::str::from_utf8(bytes) else { return file };
        let mut options = Options::default();
        options.emit_unresolved_aliases = true;
        options.flow_nesting_limit = budgets.depth + 1;
        options.block_nesting_limit = budgets.depth + 1;
        let mut parser = Parser::new_from_str_with_options(text, options);
        let mut depth = 0_usize;
        // The key whose value follows, in the root's map and in its `metadata`.
        let mut key: Option<String> = None;
        let mut below: Option<String> = None;
        while !file.is_whole() {
            let Some(Ok((event, _))) = parser.next_event() else { return file };
            let in_metadata = depth == 2 && key.as_deref() == Some("metadata");
            match event {
                Event::Scalar(text, ..) if depth == 1 => match key.take() {
                    Some(key) if key == "tosca_definitions_version" => {
                        file.version = Some(text.into_owned());
                    }
                    Some(_) => {}
                    None => key = Some(text.into_owned()),
                },
                Event::Scalar(text, ..) if in_metadata => match below.take() {
                    Some(key) => {
                        file.has_template_name |= key == "template_name";
                        file.has_template_version |= key == "template_version";
                    }
                    None => below = Some(text.into_owned()),
                },
                // A list at the root has no version.
                Event::SequenceStart(..) if depth == 0 => return file,
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
                Event::DocumentEnd => return file,
                _ => {}
            }
        }
        file
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

    /// Returns whether the rest of the file cannot change the version.
    fn is_whole(&self) -> bool {
        let old = |version: &String| version.starts_with("tosca_simple_yaml_");
        self.version.as_ref().is_some_and(|version| {
            !old(version) || (self.has_template_name && self.has_template_version)
        })
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
