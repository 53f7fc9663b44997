//! Reads tar files: UStar with the extensions of GNU tar and POSIX pax for long names and times,
//! and without those that move data.

use super::fault::ArchiveFault;
use super::fault::shown;
use super::inflate::CompressedData;
use super::members::Members;
use super::members::clean;
use super::members::clean_file;
use crate::budget::Budgets;

/// The bytes of a block. A header is one block; data are padded to whole blocks.
pub(super) const BLOCK_BYTES: usize = 512;

/// Returns whether bytes start with a header of UStar or GNU tar, or with the end of a tar file.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar") || bytes.starts_with(&[0; 2 * BLOCK_BYTES])
}

/// A member's header, with its data.
struct TarHeader<'a> {
    name: Vec<u8>,
    size: usize,
    kind: u8,
    data: &'a [u8],
}

/// A record of a pax header.
struct PaxRecord<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

/// The extended headers before a member, which apply to it.
#[derive(Default)]
struct ExtendedHeader {
    name: Option<Vec<u8>>,
    size: Option<Vec<u8>>,
    /// Whether an extended header was read whose member has not come yet.
    waiting: bool,
}

/// Reads all members without copying their bytes.
pub(super) fn read(bytes: Vec<u8>, budgets: &Budgets) -> Result<Members, ArchiveFault> {
    let mut members = Members::default();
    let mut extended = ExtendedHeader::default();
    let (mut at, mut count) = (0, 0);
    while let Some(header) = header(&bytes, at)? {
        Members::check_count(count, budgets)?;
        count += 1;
        let data = at + BLOCK_BYTES;
        let member = shown(&header.name);
        CompressedData { member: &member, at: data, bytes: header.data }.check_budgets(
            header.size,
            bytes.len(),
            budgets,
        )?;
        at = data + header.size.next_multiple_of(BLOCK_BYTES);
        match header.kind {
            b'x' => extended.read_records(&header, &member)?,
            b'g' => check_global_header(&header, &member)?,
            b'L' => {
                let text =
                    header.data.split(|byte| *byte == 0).next().expect("BUG: `split` gives a part");
                extended.set_name(text, &member)?;
            }
            _ => {
                let own = std::mem::take(&mut extended);
                if own.size.is_some_and(|size| size != header.size.to_string().as_bytes()) {
                    return Err(ArchiveFault::Mismatch { member, field: "size" });
                }
                let name = own.name.as_ref().unwrap_or(&header.name);
                add(&mut members, &header, name, data)?;
            }
        }
    }
    if extended.waiting {
        return Err(ArchiveFault::Malformed { what: "a member after its extended header", at });
    }
    if let Some(other) = bytes[at..].iter().position(|byte| *byte != 0) {
        return Err(ArchiveFault::Malformed { what: "zeros to the end", at: at + other });
    }
    members.bytes = bytes;
    members.finish()
}

fn add(
    members: &mut Members,
    header: &TarHeader<'_>,
    name: &[u8],
    data: usize,
) -> Result<(), ArchiveFault> {
    let kind = match header.kind {
        // Files; contiguous files (`7`) are read as files.
        b'0' | 0 | b'7' => return members.file(clean_file(name)?, data..data + header.size),
        b'5' if header.size == 0 => return members.directory(clean(name)?),
        b'5' => "a directory with data",
        b'1' => "a hard link",
        b'2' => "a symbolic link",
        b'3' | b'4' => "a device",
        b'6' => "a pipe",
        b'K' => "the name of a link",
        b'S' => "a sparse file",
        b'M' | b'V' => "a part of several files",
        _ => "an unknown kind of file",
    };
    Err(ArchiveFault::Kind { member: shown(name), kind })
}

/// Reads the header at a position; `None` at the end, which is two blocks of zeros.
fn header(bytes: &[u8], at: usize) -> Result<Option<TarHeader<'_>>, ArchiveFault> {
    let truncated = |what, at| Err(ArchiveFault::Truncated { what, at });
    let Some(block) = bytes.get(at..at + BLOCK_BYTES) else {
        return truncated("a header or two blocks of zeros", at.min(bytes.len()));
    };
    if block.iter().all(|byte| *byte == 0) {
        return match bytes.get(at + BLOCK_BYTES..at + 2 * BLOCK_BYTES) {
            Some(second) if second.iter().all(|byte| *byte == 0) => Ok(None),
            Some(_) => {
                let what = "a second block of zeros";
                Err(ArchiveFault::Malformed { what, at: at + BLOCK_BYTES })
            }
            None => truncated("a second block of zeros", at + BLOCK_BYTES),
        };
    }
    let gnu = &block[257..265] == b"ustar  \0";
    if !gnu && &block[257..263] != b"ustar\0" {
        return Err(ArchiveFault::Malformed { what: "a ustar header", at });
    }
    let sum: usize = block.iter().map(|byte| usize::from(*byte)).sum();
    let field: usize = block[148..156].iter().map(|byte| usize::from(*byte)).sum();
    // In the sum, the checksum's own field counts as spaces.
    if octal(&block[148..156]) != Some(sum - field + 8 * usize::from(b' ')) {
        return Err(ArchiveFault::Malformed { what: "the checksum of a header", at });
    }
    let Some(size) = octal(&block[124..136]) else {
        return Err(ArchiveFault::Malformed { what: "an octal size", at: at + 124 });
    };
    let mut name = Vec::new();
    // GNU tar has other fields at the position of the prefix.
    if !gnu && block[345] != 0 {
        name.extend(text(&block[345..500], at + 345)?);
        name.push(b'/');
    }
    name.extend(text(&block[..100], at)?);
    let data = at + BLOCK_BYTES;
    let Some(content) = data.checked_add(size).and_then(|end| bytes.get(data..end)) else {
        return truncated("a member's data", bytes.len());
    };
    Ok(Some(TarHeader { name, size, kind: block[156], data: content }))
}

impl ExtendedHeader {
    fn set_name(&mut self, name: &[u8], member: &str) -> Result<(), ArchiveFault> {
        if self.name.replace(name.to_vec()).is_some() {
            return Err(ArchiveFault::Mismatch { member: member.to_owned(), field: "name" });
        }
        self.waiting = true;
        Ok(())
    }

    /// Reads the records of an extended header (POSIX pax).
    fn read_records(&mut self, header: &TarHeader<'_>, member: &str) -> Result<(), ArchiveFault> {
        if self.waiting {
            // Readers disagree about two extended headers in a row: the second may apply to the
            // member or to the first header.
            return Err(ArchiveFault::Mismatch {
                member: member.to_owned(),
                field: "extended header",
            });
        }
        self.waiting = true;
        for PaxRecord { key, value } in parse_records(header.data, member)? {
            match key {
                b"path" => self.set_name(value, member)?,
                b"size" if self.size.is_none() => self.size = Some(value.to_vec()),
                b"size" => {
                    return Err(ArchiveFault::Mismatch {
                        member: member.to_owned(),
                        field: "size",
                    });
                }
                // Only links have it, and links are rejected.
                b"linkpath" => {}
                key => check_pax_record(key, value, member)?,
            }
        }
        Ok(())
    }
}

/// Checks a header for all members after it: its records may not change how members are read.
fn check_global_header(header: &TarHeader<'_>, member: &str) -> Result<(), ArchiveFault> {
    for PaxRecord { key, value } in parse_records(header.data, member)? {
        check_pax_record(key, value, member)?;
    }
    Ok(())
}

/// Rejects a record that changes where data are or what names mean.
fn check_pax_record(key: &[u8], value: &[u8], member: &str) -> Result<(), ArchiveFault> {
    let unsupported =
        |feature| Err(ArchiveFault::Unsupported { member: member.to_owned(), feature });
    match key {
        b"atime" | b"ctime" | b"mtime" | b"uid" | b"gid" | b"uname" | b"gname" | b"comment"
        | b"charset" => Ok(()),
        b"hdrcharset" if value == b"ISO-IR 10646 2000 UTF-8" => Ok(()),
        b"hdrcharset" => unsupported("names in another character set"),
        b"SCHILY.realsize" => unsupported("a sparse file"),
        key if key.starts_with(b"GNU.sparse.") => unsupported("a sparse file"),
        // Vendors' records have a dot in their names: attributes and access lists of files.
        key if key.contains(&b'.') => Ok(()),
        _ => unsupported("a pax record that is not for one member's name, size, owner or time"),
    }
}

/// Parses records: each is `LENGTH KEY=VALUE` and a newline, and the length counts all of it.
fn parse_records<'a>(data: &'a [u8], member: &str) -> Result<Vec<PaxRecord<'a>>, ArchiveFault> {
    let broken = || ArchiveFault::Corrupt { member: member.to_owned(), what: "the pax records" };
    let mut records = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        // Nine digits are enough for the size of any member.
        let space = rest.iter().take(10).position(|byte| *byte == b' ').ok_or_else(broken)?;
        let digits = std::str::from_utf8(&rest[..space]).map_err(|_| broken())?;
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        let length: usize = digits.parse().ok().filter(|_| all_digits).ok_or_else(broken)?;
        let record = rest.get(space + 1..length).ok_or_else(broken)?;
        let record = record.strip_suffix(b"\n").ok_or_else(broken)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
        records.push(PaxRecord { key: &record[..equals], value: &record[equals + 1..] });
        rest = &rest[length..];
    }
    Ok(records)
}

/// Returns the text of a field. It ends at the first zero, and only zeros may follow.
fn text(field: &[u8], at: usize) -> Result<&[u8], ArchiveFault> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    if field[end..].iter().all(|byte| *byte == 0) {
        Ok(&field[..end])
    } else {
        Err(ArchiveFault::Malformed { what: "a name with zeros after it", at })
    }
}

/// Reads an octal number with spaces before it, and spaces or zeros after it. The binary form of
/// GNU tar is not accepted: it is for sizes above every budget.
fn octal(field: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(field).ok()?;
    let digits = digits.trim_start_matches(' ').trim_end_matches([' ', '\0']);
    if digits.starts_with('+') { None } else { usize::from_str_radix(digits, 8).ok() }
}
