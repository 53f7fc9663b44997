//! Reads zip files of ISO/IEC 21320-1, so that every reader sees the same members.
//!
//! The central directory lists the members, and each local header must agree with it. Members,
//! directory and end follow each other without a byte between, so that no member is hidden from
//! some readers, and no two members share data.

use super::fault::ArchiveFault;
use super::fault::NameFault;
use super::fault::shown;
use super::inflate::CompressedData;
use super::inflate::checksum;
use super::members::Members;
use super::members::clean;
use super::members::clean_file;
use crate::budget::Budgets;

pub(super) const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
pub(super) const CENTRAL_SIGNATURE: &[u8] = b"PK\x01\x02";
pub(super) const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const DESCRIPTOR_SIGNATURE: &[u8] = b"PK\x07\x08";

/// The bytes of the fixed part of a local header, of a central header, and of the end record.
const LOCAL_LENGTH: usize = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: usize = 22;

/// General purpose flags: data are encrypted; sizes follow the data; data are a patch; data are
/// strongly encrypted; the name is UTF-8; headers are masked.
const ENCRYPTED: u16 = 1;
const DESCRIBED: u16 = 1 << 3;
const PATCH: u16 = 1 << 5;
const STRONG: u16 = 1 << 6;
pub(super) const UTF8_NAME: u16 = 1 << 11;
const MASKED: u16 = 1 << 13;

/// The number of Unix as the system that made a member.
const UNIX: u8 = 3;

/// The number of Info-ZIP's extra field with a name in UTF-8.
const UNICODE_PATH: u16 = 0x7075;

/// A member's central header.
struct ZipEntry<'a> {
    name: &'a [u8],
    flags: u16,
    method: u16,
    crc: u32,
    packed: usize,
    unpacked: usize,
    attributes: u32,
    extra: &'a [u8],
    /// The position of its local header.
    at: usize,
}

/// Reads all members.
pub(super) fn read(bytes: &[u8], budgets: &Budgets) -> Result<Members, ArchiveFault> {
    let (directory, entries) = directory(bytes, budgets)?;
    let mut order: Vec<&ZipEntry<'_>> = entries.iter().collect();
    order.sort_by_key(|entry| entry.at);
    let mut members = Members::default();
    let mut expected = 0;
    for (index, entry) in order.iter().enumerate() {
        if entry.at != expected {
            return Err(ArchiveFault::Gap { what: "a member", at: expected, found: entry.at });
        }
        let next = order.get(index + 1).map_or(directory, |next| next.at);
        expected = next;
        let data = local(bytes, entry)?;
        let end = data + entry.packed;
        let Some(packed) = bytes[..directory].get(data..end) else {
            return Err(ArchiveFault::Truncated { what: "a member's data", at: directory });
        };
        match bytes.get(end..next) {
            Some(between) if is_descriptor(between, entry) => {}
            _ => return Err(ArchiveFault::Gap { what: "a member's end", at: end, found: next }),
        }
        add(
            &mut members,
            entry,
            CompressedData { member: &shown(entry.name), at: data, bytes: packed },
            budgets,
        )?;
    }
    if expected != directory {
        return Err(ArchiveFault::Gap { what: "a central header", at: expected, found: directory });
    }
    members.finish()
}

/// Unpacks a member.
fn add(
    members: &mut Members,
    entry: &ZipEntry<'_>,
    packed: CompressedData<'_>,
    budgets: &Budgets,
) -> Result<(), ArchiveFault> {
    let start = members.bytes.len();
    match entry.method {
        0 => {
            packed.check_budgets(packed.bytes.len(), start + packed.bytes.len(), budgets)?;
            members.bytes.extend_from_slice(packed.bytes);
        }
        8 => packed.unpack(&mut members.bytes, budgets)?,
        method => {
            return Err(ArchiveFault::Compression { member: shown(entry.name), method });
        }
    }
    let end = members.bytes.len();
    let corrupt = |what| Err(ArchiveFault::Corrupt { member: shown(entry.name), what });
    if end - start != entry.unpacked {
        return corrupt("the size");
    }
    if checksum(&members.bytes[start..]) != entry.crc {
        return corrupt("the checksum");
    }
    if !is_directory(entry)? {
        return members.file(clean_file(entry.name)?, start..end);
    }
    if end != start {
        return corrupt("the size of a directory, 0");
    }
    members.directory(clean(entry.name)?)
}

/// Reads the end record and the central directory. Returns the directory's position and entries.
fn directory<'a>(
    bytes: &'a [u8],
    budgets: &Budgets,
) -> Result<(usize, Vec<ZipEntry<'a>>), ArchiveFault> {
    // A comment of up to 65535 bytes may follow. Other readers use the last signature too.
    let tail = bytes.len().saturating_sub(END_LENGTH + usize::from(u16::MAX));
    let end =
        bytes[tail..].windows(END_SIGNATURE.len()).rposition(|window| window == END_SIGNATURE);
    let missing = ArchiveFault::Truncated { what: "the end of the directory", at: bytes.len() };
    let Some(end) = end.map(|at| tail + at) else { return Err(missing) };
    let Some(fields) = bytes.get(end..end + END_LENGTH) else { return Err(missing) };
    let comment = usize::from(u16_at(fields, 20));
    if end + END_LENGTH + comment != bytes.len() {
        let at = end + END_LENGTH;
        return Err(ArchiveFault::Gap {
            what: "the end of the file",
            at: at + comment,
            found: bytes.len(),
        });
    }
    let (count, size, start) = (u16_at(fields, 10), u32_at(fields, 12), u32_at(fields, 16));
    let unsupported = |feature| ArchiveFault::Unsupported { member: shown(b"."), feature };
    if count == u16::MAX || size == u32::MAX || start == u32::MAX {
        return Err(unsupported("zip64"));
    }
    if u16_at(fields, 4) != 0 || u16_at(fields, 6) != 0 || u16_at(fields, 8) != count {
        return Err(unsupported("an archive split into several files"));
    }
    let (start, size) = (start as usize, size as usize);
    if start.checked_add(size) != Some(end) {
        let found = start.saturating_add(size);
        return Err(ArchiveFault::Gap { what: "the end of the directory", at: found, found: end });
    }
    let mut entries = Vec::new();
    let mut at = start;
    while at < end {
        Members::check_count(entries.len(), budgets)?;
        let (entry, length) = central(&bytes[..end], at)?;
        entries.push(entry);
        at += length;
    }
    if entries.len() != usize::from(count) {
        return Err(ArchiveFault::Malformed {
            what: "the number of members that the end states",
            at: end,
        });
    }
    Ok((start, entries))
}

/// Reads the central header at a position. Returns it and its length.
fn central(bytes: &[u8], at: usize) -> Result<(ZipEntry<'_>, usize), ArchiveFault> {
    let truncated = ArchiveFault::Truncated { what: "a central header", at };
    let Some(fields) = bytes.get(at..at + CENTRAL_LENGTH) else { return Err(truncated) };
    if !fields.starts_with(CENTRAL_SIGNATURE) {
        return Err(ArchiveFault::Malformed { what: "a central header", at });
    }
    let [name, extra, comment] = [28, 30, 32].map(|field| usize::from(u16_at(fields, field)));
    let name_at = at + CENTRAL_LENGTH;
    let length = CENTRAL_LENGTH + name + extra + comment;
    if bytes.len() < at + length {
        return Err(truncated);
    }
    let entry = ZipEntry {
        name: &bytes[name_at..name_at + name],
        flags: u16_at(fields, 8),
        method: u16_at(fields, 10),
        crc: u32_at(fields, 16),
        packed: u32_at(fields, 20) as usize,
        unpacked: u32_at(fields, 24) as usize,
        attributes: u32_at(fields, 38),
        extra: &bytes[name_at + name..name_at + name + extra],
        at: u32_at(fields, 42) as usize,
    };
    let unsupported =
        |feature| Err(ArchiveFault::Unsupported { member: shown(entry.name), feature });
    if entry.flags & (ENCRYPTED | STRONG | MASKED) != 0 {
        return unsupported("encryption");
    }
    if entry.flags & PATCH != 0 {
        return unsupported("a patch");
    }
    if u16_at(fields, 34) != 0 {
        return unsupported("an archive split into several files");
    }
    if [20, 24, 42].iter().any(|field| u32_at(fields, *field) == u32::MAX) {
        return unsupported("zip64");
    }
    // A name in the extra field must be the same. `clean` checks the name itself later.
    let unicode = unicode_path(entry.extra, name_at + name)?;
    if unicode.is_some_and(|unicode| unicode != entry.name) {
        return Err(ArchiveFault::Mismatch { member: shown(entry.name), field: "name" });
    }
    // A name without a mark is in the code page of MS-DOS. Info-ZIP on Unix sets no mark and writes
    // the system's bytes, so that its names are read as UTF-8.
    let marked = entry.flags & UTF8_NAME != 0 || unicode.is_some() || fields[5] == UNIX;
    if !marked && !entry.name.is_ascii() {
        let fault = NameFault::Encoding;
        return Err(ArchiveFault::Name { member: shown(entry.name), fault });
    }
    Ok((entry, length))
}

/// Compares a member's local header with its central header. Returns the position of its data.
fn local(bytes: &[u8], entry: &ZipEntry<'_>) -> Result<usize, ArchiveFault> {
    let at = entry.at;
    let truncated = ArchiveFault::Truncated { what: "a local header", at };
    let Some(fields) = bytes.get(at..at + LOCAL_LENGTH) else { return Err(truncated) };
    if !fields.starts_with(LOCAL_SIGNATURE) {
        return Err(ArchiveFault::Malformed { what: "a local header", at });
    }
    let [name, extra] = [26, 28].map(|field| usize::from(u16_at(fields, field)));
    let name_at = at + LOCAL_LENGTH;
    let data = name_at + name + extra;
    let Some(names) = bytes.get(name_at..data) else { return Err(truncated) };
    let mismatch = |field| Err(ArchiveFault::Mismatch { member: shown(entry.name), field });
    let unicode = unicode_path(&names[name..], name_at + name)?;
    if names[..name] != *entry.name || unicode.is_some_and(|unicode| unicode != entry.name) {
        return mismatch("name");
    }
    let meaning = ENCRYPTED | DESCRIBED | PATCH | STRONG | UTF8_NAME | MASKED;
    if (u16_at(fields, 6) ^ entry.flags) & meaning != 0 {
        return mismatch("set of flags");
    }
    if u16_at(fields, 8) != entry.method {
        return mismatch("compression method");
    }
    // Fields that follow the data may be zero here.
    let same =
        |found: u32, known: u32| found == known || (found == 0 && entry.flags & DESCRIBED != 0);
    if !same(u32_at(fields, 14), entry.crc) {
        return mismatch("checksum");
    }
    let sizes = [(18, entry.packed), (22, entry.unpacked)];
    if sizes.iter().any(|(field, known)| !same(u32_at(fields, *field), number(*known))) {
        return mismatch("size");
    }
    Ok(data)
}

/// Returns whether the bytes between a member's data and the next member are the descriptor that
/// its flags announce, or empty without that flag.
fn is_descriptor(between: &[u8], entry: &ZipEntry<'_>) -> bool {
    if entry.flags & DESCRIBED == 0 {
        return between.is_empty();
    }
    // The signature is optional. Sizes have 8 bytes if the writer did not know them beforehand.
    let fields = between.strip_prefix(DESCRIPTOR_SIGNATURE).unwrap_or(between);
    let sizes = [entry.packed, entry.unpacked];
    let mut narrow = entry.crc.to_le_bytes().to_vec();
    let mut wide = narrow.clone();
    for size in sizes {
        narrow.extend(number(size).to_le_bytes());
        wide.extend((size as u64).to_le_bytes());
    }
    // A checksum may have the bytes of the signature, so try with and without it.
    [fields, between].iter().any(|fields| *fields == narrow || *fields == wide)
}

/// Returns whether a member is a directory. Its name and its attributes must agree.
fn is_directory(entry: &ZipEntry<'_>) -> Result<bool, ArchiveFault> {
    /// The MS-DOS attribute of directories.
    const DIRECTORY: u32 = 0x10;
    let named = entry.name.ends_with(b"/");
    let member = || shown(entry.name);
    let other = |kind| Err(ArchiveFault::Kind { member: member(), kind });
    let directory = match entry.attributes >> 16 & 0o170_000 {
        // The writer did not set a Unix mode.
        0 if entry.attributes & DIRECTORY == 0 => named,
        0 | 0o040_000 => true,
        0o100_000 => false,
        0o120_000 => return other("a symbolic link"),
        0o020_000 | 0o060_000 => return other("a device"),
        0o010_000 => return other("a pipe"),
        0o140_000 => return other("a socket"),
        _ => return other("an unknown kind of file"),
    };
    if directory == named {
        Ok(named)
    } else {
        Err(ArchiveFault::Mismatch { member: member(), field: "kind" })
    }
}

/// Returns the name in the extra field of Info-ZIP, if there is one.
fn unicode_path(extra: &[u8], at: usize) -> Result<Option<&[u8]>, ArchiveFault> {
    let mut rest = extra;
    let mut path = None;
    // Fewer bytes than a field's header are padding, which alignment tools leave.
    while let Some((header, after)) = rest.split_at_checked(4) {
        let length = usize::from(u16_at(header, 2));
        let Some((field, after)) = after.split_at_checked(length) else {
            return Err(ArchiveFault::Malformed { what: "extra fields of the stated length", at });
        };
        if u16_at(header, 0) == UNICODE_PATH {
            // A version, a checksum and the name; in a shorter field the name is empty.
            let name = field.get(5..).unwrap_or_default();
            if path.replace(name).is_some_and(|earlier| earlier != name) {
                return Err(ArchiveFault::Mismatch { member: shown(name), field: "name" });
            }
        }
        rest = after;
    }
    Ok(path)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Returns a size as headers write it. It fits, because it was read from a header.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
