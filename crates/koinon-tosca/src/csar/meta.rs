//! Reads and writes `TOSCA.meta`, an archive's metadata (csd07 17.2; TOSCA 1.3, 6.2).

use std::fmt;

use super::fault::ArchiveFault;
use super::fault::PackError;

/// The paths the file may have (csd07 17.1). TOSCA 1.x allows only the one in the directory.
pub(super) const AT_ROOT: &str = "TOSCA.meta";
pub(super) const IN_DIRECTORY: &str = "TOSCA-Metadata/TOSCA.meta";

const META_VERSION: &str = "TOSCA-CsarMeta-File-Version";
const VERSION: &str = "CSAR-Version";
const CREATED_BY: &str = "Created-By";
pub(super) const ENTRY: &str = "Entry-Definitions";
pub(super) const OTHERS: &str = "Other-Definitions";

/// A version of the archive format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CsarVersion {
    /// The version of TOSCA 1.0 in YAML.
    V1_0,
    /// The version of TOSCA 1.1 to 1.3.
    V1_1,
    /// The version of TOSCA 2.0.
    V2_0,
}

impl CsarVersion {
    /// Returns the version as `CSAR-Version` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V2_0 => "2.0",
        }
    }
}

impl fmt::Display for CsarVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The content of block 0 of `TOSCA.meta`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsarMeta {
    /// `CSAR-Version`.
    pub version: CsarVersion,
    /// `Created-By`: a person or an organization; not written if empty.
    pub created_by: String,
    /// `Entry-Definitions`: the path of the file to start with.
    pub entry: String,
    /// `Other-Definitions`: the paths of files with substitution templates.
    pub others: Vec<String>,
}

/// The content of block 0 as read, with paths not checked yet.
#[derive(Debug)]
pub(super) struct ParsedMeta {
    pub(super) version: CsarVersion,
    pub(super) created_by: Option<String>,
    pub(super) entry: Option<String>,
    pub(super) others: Vec<String>,
}

/// A keyname with its value, including continuation lines, and its line.
struct MetaEntry {
    key: String,
    value: String,
    line: usize,
}

/// Reads `TOSCA.meta`; `path` is its path in the archive.
pub(super) fn read(path: &'static str, bytes: &[u8]) -> Result<ParsedMeta, ArchiveFault> {
    let reader = MetaReader { path };
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(reader.fault(1, "UTF-8", "other bytes"));
    };
    let (block, later) = reader.blocks(text)?;
    if let Some(pair) = later.iter().find(|pair| is_normative(&pair.key)) {
        // csd07 17.2.2: names in other blocks differ from those of block 0.
        let expected = "this keyname in the first block only";
        return Err(reader.fault(pair.line, expected, &pair.key));
    }
    for (index, pair) in block.iter().enumerate() {
        if block[..index].iter().any(|earlier| earlier.key == pair.key) {
            return Err(reader.fault(pair.line, "each keyname once", &pair.key));
        }
    }
    let pair = |key: &str| block.iter().find(|pair| pair.key == key);
    let version = reader.version(pair(VERSION), pair(META_VERSION))?;
    let value = |key: &str| pair(key).map(|pair| pair.value.clone());
    let others = match pair(OTHERS) {
        Some(pair) => split(&pair.value).ok_or_else(|| {
            reader.fault(pair.line, "file names, quoted by \" if they have blanks", &pair.value)
        })?,
        None => Vec::new(),
    };
    let entry = value(ENTRY).filter(|entry| !entry.is_empty());
    Ok(ParsedMeta { version, created_by: value(CREATED_BY), entry, others })
}

fn is_normative(key: &str) -> bool {
    [VERSION, CREATED_BY, ENTRY, OTHERS].contains(&key)
}

/// A reader of one file, whose path its errors name.
struct MetaReader {
    path: &'static str,
}

impl MetaReader {
    fn fault(&self, line: usize, expected: &'static str, found: &str) -> ArchiveFault {
        let found = format!("`{}`", super::fault::shown(found.as_bytes()));
        ArchiveFault::Meta { path: self.path, line, expected, found }
    }

    /// Splits the text into the entries of block 0 and those of all other blocks.
    fn blocks(&self, text: &str) -> Result<(Vec<MetaEntry>, Vec<MetaEntry>), ArchiveFault> {
        let mut blocks = (Vec::new(), Vec::new());
        let mut first = true;
        let mut open = false;
        for (index, text) in text.lines().enumerate() {
            let line = index + 1;
            let block: &mut Vec<MetaEntry> = if first { &mut blocks.0 } else { &mut blocks.1 };
            if text.trim_matches([' ', '\t']).is_empty() {
                // A blank line ends a block; before block 0 it has no effect.
                first = first && block.is_empty();
                open = false;
            } else if text.starts_with(' ') {
                // csd07 17.2: the spaces at the start of a continuation line are collapsed. One
                // stays, so that the items of lists stay apart.
                let Some(pair) = block.last_mut().filter(|_| open) else {
                    return Err(self.fault(line, "a keyname at the start of the line", text));
                };
                if !pair.value.is_empty() {
                    pair.value.push(' ');
                }
                pair.value.push_str(text.trim());
            } else {
                let pair = text.split_once(": ").or_else(|| Some((text.strip_suffix(':')?, "")));
                let Some((key, value)) =
                    pair.filter(|(key, _)| !key.is_empty() && !key.contains(':'))
                else {
                    return Err(self.fault(line, "a keyname, a colon, a space and a value", text));
                };
                block.push(MetaEntry { key: key.to_owned(), value: value.trim().to_owned(), line });
                open = true;
            }
        }
        Ok(blocks)
    }

    fn version(
        &self,
        version: Option<&MetaEntry>,
        meta: Option<&MetaEntry>,
    ) -> Result<CsarVersion, ArchiveFault> {
        let none = || ArchiveFault::Meta {
            path: self.path,
            line: 1,
            expected: "CSAR-Version in the first block",
            found: "none".to_owned(),
        };
        let pair = version.ok_or_else(none)?;
        let version = match pair.value.as_str() {
            "1.0" => CsarVersion::V1_0,
            "1.1" => CsarVersion::V1_1,
            // TOSCA 2.0 has no TOSCA-Meta-File-Version; there it is a custom keyname.
            "2.0" => return Ok(CsarVersion::V2_0),
            other => return Err(self.fault(pair.line, "a CSAR-Version of 1.0, 1.1 or 2.0", other)),
        };
        if self.path == AT_ROOT {
            let expected = "CSAR-Version 2.0, or this file in the directory TOSCA-Metadata";
            return Err(self.fault(pair.line, expected, version.as_str()));
        }
        let expected = "TOSCA-CsarMeta-File-Version 1.0 or 1.1";
        match meta {
            None => Err(self.fault(pair.line, expected, version.as_str())),
            Some(meta) if ["1.0", "1.1"].contains(&meta.value.as_str()) => Ok(version),
            Some(meta) => Err(self.fault(meta.line, expected, &meta.value)),
        }
    }
}

/// Splits a list of file names at blanks outside of quotation marks; `None` if a mark is misplaced.
fn split(value: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len())),
        };
        let next = after.trim_start();
        // The specification does not define a quotation mark inside a name or right after one.
        if name.is_empty() || name.contains('"') || (next.len() == after.len() && !after.is_empty())
        {
            return None;
        }
        names.push(name.to_owned());
        rest = next;
    }
    Some(names)
}

/// Writes `TOSCA.meta`. Returns its path and text.
pub(super) fn write(meta: &CsarMeta) -> Result<(&'static str, String), PackError> {
    let one_line = |key: &'static str, value: &str| {
        let fits = !value.chars().any(char::is_control) && value.trim() == value;
        if fits { Ok(()) } else { Err(PackError::Value { key, value: value.to_owned() }) }
    };
    one_line(CREATED_BY, &meta.created_by)?;
    one_line(ENTRY, &meta.entry)?;
    let mut text = String::new();
    let mut put = |key: &str, value: &str| text.push_str(&format!("{key}: {value}\n"));
    if meta.version != CsarVersion::V2_0 {
        put(META_VERSION, meta.version.as_str());
    }
    put(VERSION, meta.version.as_str());
    if !meta.created_by.is_empty() {
        put(CREATED_BY, &meta.created_by);
    }
    put(ENTRY, &meta.entry);
    let mut others = Vec::new();
    for other in &meta.others {
        let value = || PackError::Value { key: OTHERS, value: other.clone() };
        if other.chars().any(|one| one.is_control() || one == '"') || other.is_empty() {
            return Err(value());
        }
        others.push(if other.contains(' ') { format!("\"{other}\"") } else { other.clone() });
    }
    if !others.is_empty() {
        put(OTHERS, &others.join(" "));
    }
    let path = if meta.version == CsarVersion::V2_0 { AT_ROOT } else { IN_DIRECTORY };
    Ok((path, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        read(IN_DIRECTORY, text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let text = "CSAR-Version: 2.0\nCreated-By: OASIS TOSCA TC\nEntry-Definitions: tosca_elk.yaml \nOther-Definitions: definitions/tosca_moose.yaml definitions/tosca_deer.yaml\n";
        let read = read(AT_ROOT, text.as_bytes()).unwrap();
        assert_eq!(read.version, CsarVersion::V2_0);
        assert_eq!(read.created_by.as_deref(), Some("OASIS TOSCA TC"));
        assert_eq!(read.entry.as_deref(), Some("tosca_elk.yaml"));
        assert_eq!(read.others, ["definitions/tosca_moose.yaml", "definitions/tosca_deer.yaml"]);
    }

    #[test]
    fn values_continue_on_indented_lines_and_blank_lines_end_blocks() {
        let text = "\r\nCSAR-Version: 2.0\r\nCreated-By: a\r\n   b\r\nOther-Definitions:\r\n  x.yaml\r\n  \"y z.yaml\"\r\nVendor-Key: 1\r\n\r\n\r\nName: f\r\nhash: aGk=\r\n\r\nName: g\r\n";
        let read = read(AT_ROOT, text.as_bytes()).unwrap();
        assert_eq!(read.created_by.as_deref(), Some("a b"));
        assert_eq!(read.entry, None);
        assert_eq!(read.others, ["x.yaml", "y z.yaml"]);
    }

    #[test]
    fn names_with_blanks_are_quoted() {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(split(""), list(&[]));
        assert_eq!(split(" a  b "), list(&["a", "b"]));
        assert_eq!(split("\"a b\" c \"d\""), list(&["a b", "c", "d"]));
        for wrong in ["\"a", "\"a\"b", "a\"b", "a\"b c\"", "\"\"", "\"a\"\"b\""] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let at = "TOSCA-Metadata/TOSCA.meta:";
        for (text, said) in [
            ("", "1: expected CSAR-Version in the first block, found none"),
            (
                "Created-By: a\n\nCSAR-Version: 2.0",
                "3: expected this keyname in the first block only, found `CSAR-Version`",
            ),
            (
                "CSAR-Version: 2.0\nCreated-By: a\nCreated-By: a",
                "3: expected each keyname once, found `Created-By`",
            ),
            (
                "CSAR-Version:2.0",
                "1: expected a keyname, a colon, a space and a value, found `CSAR-Version:2.0`",
            ),
            (
                " CSAR-Version: 2.0",
                "1: expected a keyname at the start of the line, found ` CSAR-Version: 2.0`",
            ),
            ("CSAR-Version: 2.1", "1: expected a CSAR-Version of 1.0, 1.1 or 2.0, found `2.1`"),
            (
                "CSAR-Version: 1.1",
                "1: expected TOSCA-CsarMeta-File-Version 1.0 or 1.1, found `1.1`",
            ),
            (
                "TOSCA-CsarMeta-File-Version: 2\nCSAR-Version: 1.1",
                "1: expected TOSCA-CsarMeta-File-Version 1.0 or 1.1, found `2`",
            ),
            (
                "CSAR-Version: 2.0\nOther-Definitions: \"a",
                "2: expected file names, quoted by \" if they have blanks, found `\\\"a`",
            ),
        ] {
            assert_eq!(fault(text), format!("{at}{said}"));
        }
        assert!(read(IN_DIRECTORY, b"\xff").is_err());
        assert!(read(AT_ROOT, b"TOSCA-CsarMeta-File-Version: 1.1\nCSAR-Version: 1.1").is_err());
    }
}
