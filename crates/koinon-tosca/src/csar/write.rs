//! Writes archives. The same files give the same bytes, on every machine and at any time.

use std::borrow::Cow;
use std::collections::BTreeMap;

use flate2::Compress;
use flate2::Compression;
use flate2::FlushCompress;
use flate2::Status;

use super::fault::ArchiveFault;
use super::fault::NameFault;
use super::fault::PackError;
use super::inflate::checksum;
use super::members::Members;
use super::members::clean_file;
use super::meta;
use super::meta::CsarMeta;
use super::tar::BLOCK_BYTES;
use super::zip;

/// The level of DEFLATE: miniz's default. Another level would change the bytes of archives.
const DEFLATE_LEVEL: u32 = 6;
/// The mode of every file: its owner may write, everybody may read. No file is executable: the
/// types of artifacts say which files are programs.
const FILE_MODE: u32 = 0o100_644;

/// A format of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A zip file.
    Zip,
    /// A tar file compressed with gzip.
    TarGz,
}

/// A file to pack.
struct ArchiveMember<'a> {
    path: &'a str,
    bytes: Cow<'a, [u8]>,
}

/// Packs files into an archive. `TOSCA.meta` is written from `meta` and comes first; the files
/// follow in the order of their paths, with fixed times, modes and owners.
/// [`Archive::open`](super::Archive::open) reads the result if it is within the budgets.
///
/// # Errors
/// [`PackError`] if a path is invalid, too long for the format or that of `TOSCA.meta`, or if a
/// file is missing that `meta` names.
pub fn pack(
    files: &BTreeMap<String, Vec<u8>>,
    meta: &CsarMeta,
    format: ArchiveFormat,
) -> Result<Vec<u8>, PackError> {
    check(files, meta)?;
    let (path, text) = meta::write(meta)?;
    let first = std::iter::once(ArchiveMember { path, bytes: Cow::Owned(text.into_bytes()) });
    let rest = files.iter().map(|(path, bytes)| {
        let bytes = Cow::Borrowed(bytes.as_slice());
        ArchiveMember { path, bytes }
    });
    let members: Vec<ArchiveMember<'_>> = first.chain(rest).collect();
    match format {
        ArchiveFormat::Zip => pack_zip(&members),
        ArchiveFormat::TarGz => Ok(gzip(&pack_tar(&members)?)),
    }
}

fn check(files: &BTreeMap<String, Vec<u8>>, meta: &CsarMeta) -> Result<(), PackError> {
    let mut members = Members::default();
    for path in files.keys() {
        let clean = clean_file(path.as_bytes()).map_err(PackError::Path)?;
        // An archive has one TOSCA.meta, at one of the two paths.
        if [meta::AT_ROOT, meta::IN_DIRECTORY].contains(&clean.as_str()) {
            return Err(PackError::Meta(clean));
        }
        if clean != *path {
            let fault = NameFault::Empty;
            return Err(PackError::Path(ArchiveFault::Name { member: path.clone(), fault }));
        }
        members.file(clean, 0..0).map_err(PackError::Path)?;
    }
    let meta_path = meta::write(meta)?.0.to_owned();
    members.file(meta_path, 0..0).map_err(PackError::Path)?;
    members.finish().map_err(PackError::Path)?;
    let entry = std::iter::once((meta::ENTRY, &meta.entry));
    let others = meta.others.iter().map(|other| (meta::OTHERS, other));
    match entry.chain(others).find(|(_, path)| !files.contains_key(*path)) {
        Some((key, path)) => Err(PackError::NoDefinitions { key, path: path.clone() }),
        None => Ok(()),
    }
}

fn pack_zip(members: &[ArchiveMember<'_>]) -> Result<Vec<u8>, PackError> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for ArchiveMember { path, bytes } in members {
        let too_large = |limit| PackError::TooLarge { path: (*path).to_owned(), limit };
        let number = |size: usize| {
            // A field of all ones refers to a size in zip64 fields.
            let size = u32::try_from(size).ok().filter(|size| *size != u32::MAX);
            size.ok_or_else(|| too_large("less than 4 GiB of archive"))
        };
        let at = number(out.len())?;
        let deflated = deflate(bytes);
        let stored = deflated.len() >= bytes.len();
        let data = if stored { bytes.as_ref() } else { deflated.as_slice() };
        // Version 2.0 needed; flags; method; the earliest time of MS-DOS, 1980-01-01 0:00;
        // checksum; sizes; lengths.
        let mut fields = 20_u16.to_le_bytes().to_vec();
        fields.extend(zip::UTF8_NAME.to_le_bytes());
        fields.extend(if stored { 0_u16 } else { 8 }.to_le_bytes());
        fields.extend([0, 0, 0x21, 0]);
        fields.extend(checksum(bytes).to_le_bytes());
        fields.extend(number(data.len())?.to_le_bytes());
        fields.extend(number(bytes.len())?.to_le_bytes());
        let name = u16::try_from(path.len()).map_err(|_| too_large("a path of 65535 bytes"))?;
        fields.extend(name.to_le_bytes());
        fields.extend([0, 0]);
        out.extend(zip::LOCAL_SIGNATURE);
        out.extend(&fields);
        out.extend(path.as_bytes());
        out.extend(data);
        directory.extend(zip::CENTRAL_SIGNATURE);
        // Made by version 2.0 on Unix, so that readers use the mode.
        directory.extend([20, 3]);
        directory.extend(&fields);
        directory.extend([0; 6]);
        directory.extend((FILE_MODE << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(path.as_bytes());
        number(out.len() + directory.len())?;
    }
    let last = members.last().map_or("", |member| member.path);
    let too_large = |limit| PackError::TooLarge { path: last.to_owned(), limit };
    let count = u16::try_from(members.len()).ok().filter(|count| *count != u16::MAX);
    let count = count.ok_or_else(|| too_large("65534 members"))?;
    let length = |size| u32::try_from(size).map_err(|_| too_large("less than 4 GiB of archive"));
    let start = length(out.len())?;
    let size = length(directory.len())?;
    out.extend(directory);
    out.extend(zip::END_SIGNATURE);
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    Ok(out)
}

fn pack_tar(members: &[ArchiveMember<'_>]) -> Result<Vec<u8>, PackError> {
    let mut out = Vec::new();
    for ArchiveMember { path, bytes } in members {
        let too_large = |limit| PackError::TooLarge { path: (*path).to_owned(), limit };
        let (prefix, name) = split_ustar_path(path).ok_or_else(|| {
            too_large("a path of at most 100 bytes, or 155 and 100 with a slash between")
        })?;
        if bytes.len() >= 1 << 33 {
            return Err(too_large("less than 8 GiB in a file"));
        }
        let mut header = [0; BLOCK_BYTES];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, format!("{:07o}", FILE_MODE & 0o777).as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{:011o}", bytes.len()).as_bytes());
        put(136, b"00000000000");
        put(148, b"        ");
        put(156, b"0");
        put(257, b"ustar\x0000");
        put(329, b"0000000");
        put(337, b"0000000");
        put(345, prefix.as_bytes());
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend(header);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(BLOCK_BYTES), 0);
    }
    out.resize(out.len() + 2 * BLOCK_BYTES, 0);
    Ok(out)
}

/// Splits a path into the prefix and the name of a UStar header.
fn split_ustar_path(path: &str) -> Option<(&str, &str)> {
    if path.len() <= 100 {
        return Some(("", path));
    }
    let slashes = path.match_indices('/').map(|(at, _)| (&path[..at], &path[at + 1..]));
    slashes.into_iter().find(|(prefix, name)| prefix.len() <= 155 && name.len() <= 100)
}

/// Compresses as gzip (RFC 1952), without a name and a time; the system is "unknown".
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(deflate(bytes));
    out.extend(checksum(bytes).to_le_bytes());
    // The size modulo 2^32.
    out.extend((bytes.len() as u64 as u32).to_le_bytes());
    out
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut stream = Compress::new(Compression::new(DEFLATE_LEVEL), false);
    let mut out = Vec::with_capacity(bytes.len() / 4 + 64);
    loop {
        // The stream reads at most the whole slice.
        let read = usize::try_from(stream.total_in()).unwrap_or(bytes.len());
        out.reserve(1 << 16);
        let status = stream.compress_vec(&bytes[read..], &mut out, FlushCompress::Finish);
        if status.expect("BUG: the vector has room, and compressing has no other error")
            == Status::StreamEnd
        {
            return out;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_split_at_a_slash() {
        let long = format!("{}/{}", "a".repeat(155), "b".repeat(100));
        assert_eq!(split_ustar_path(&long), Some((&long[..155], &long[156..])));
        assert_eq!(split_ustar_path(&"a".repeat(101)), None);
        assert_eq!(split_ustar_path(&format!("a{long}")), None);
        assert_eq!(split_ustar_path(&"a".repeat(100)), Some(("", &*"a".repeat(100))));
    }
}
