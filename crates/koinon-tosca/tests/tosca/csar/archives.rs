//! Archives for tests: written here, with any fault a test needs, or by Python.

use std::io::Write;
use std::process::Command;

use flate2::Crc;
use flate2::write::DeflateEncoder;
use flate2::write::GzEncoder;

/// A zip file to write.
#[derive(Clone, Default)]
pub(crate) struct Zip {
    pub(crate) members: Vec<ZipMember>,
}

/// A member of a zip file. A field that is an `Option` replaces the correct value; other fields are
/// written as they are.
#[derive(Clone, Default)]
pub(crate) struct ZipMember {
    pub(crate) name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    /// The packed data.
    pub(crate) data: Vec<u8>,
    pub(crate) crc: u32,
    pub(crate) length: u32,
    /// A false unpacked size for the headers.
    pub(crate) size: Option<u32>,
    pub(crate) attributes: u32,
    /// The system that made it: 0 is MS-DOS, 3 is Unix.
    pub(crate) system: u8,
    pub(crate) extra: Vec<u8>,
    /// If set, sizes follow the data: with a signature or not, in 8 bytes or 4.
    pub(crate) described: Option<(bool, bool)>,
    /// The member is not in the directory.
    pub(crate) hidden: bool,
    /// A false position for the directory; the member itself is then not written.
    pub(crate) at: Option<u32>,
}

impl ZipMember {
    pub(crate) fn stored(name: &str, bytes: &[u8]) -> Self {
        let length = bytes.len() as u32;
        let (name, data) = (name.as_bytes().to_vec(), bytes.to_vec());
        Self { name, flags: 1 << 11, data, crc: checksum(bytes), length, ..Self::default() }
    }

    pub(crate) fn deflated(name: &str, bytes: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        Self { method: 8, data: encoder.finish().unwrap(), ..Self::stored(name, bytes) }
    }

    /// Returns the common fields of both headers: flags, method, time, checksum, sizes and lengths.
    /// A local header has no sizes if they follow the data.
    fn fields(&self, central: bool) -> Vec<u8> {
        let flags = self.flags | if self.described.is_some() { 1 << 3 } else { 0 };
        let mut fields = [flags, self.method, 0, 0].map(u16::to_le_bytes).concat();
        let numbers = [self.crc, self.data.len() as u32, self.size.unwrap_or(self.length)];
        let known = central || self.described.is_none();
        fields.extend(
            numbers.iter().flat_map(|number| if known { *number } else { 0 }.to_le_bytes()),
        );
        fields.extend((self.name.len() as u16).to_le_bytes());
        fields.extend((self.extra.len() as u16).to_le_bytes());
        fields
    }

    fn descriptor(&self) -> Vec<u8> {
        let Some((signature, wide)) = self.described else { return Vec::new() };
        let mut bytes = if signature { b"PK\x07\x08".to_vec() } else { Vec::new() };
        bytes.extend(self.crc.to_le_bytes());
        for size in [self.data.len() as u32, self.size.unwrap_or(self.length)] {
            bytes.extend(size.to_le_bytes());
            bytes.extend(vec![0; if wide { 4 } else { 0 }]);
        }
        bytes
    }
}

impl Zip {
    pub(crate) fn member(mut self, member: ZipMember) -> Self {
        self.members.push(member);
        self
    }

    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.member(ZipMember::stored(name, bytes))
    }

    pub(crate) fn deflated(self, name: &str, bytes: &[u8]) -> Self {
        self.member(ZipMember::deflated(name, bytes))
    }

    fn parts(&self) -> (Vec<u8>, Vec<u8>, u16) {
        let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
        for member in &self.members {
            let at = member.at.unwrap_or(out.len() as u32);
            if member.at.is_none() {
                out.extend(b"PK\x03\x04\x14\0");
                out.extend(member.fields(false));
                out.extend([&member.name[..], &member.extra, &member.data].concat());
                out.extend(member.descriptor());
            }
            if member.hidden {
                continue;
            }
            count += 1;
            directory.extend(b"PK\x01\x02\x14");
            directory.extend([member.system, 0x14, 0]);
            directory.extend(member.fields(true));
            directory.extend([0; 6]);
            directory.extend(member.attributes.to_le_bytes());
            directory.extend(at.to_le_bytes());
            directory.extend([&member.name[..], &member.extra].concat());
        }
        (out, directory, count)
    }

    pub(crate) fn start_of_directory(&self) -> usize {
        self.parts().0.len()
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let (mut out, directory, count) = self.parts();
        let (start, size) = (out.len() as u32, directory.len() as u32);
        out.extend(directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend([count, count].map(u16::to_le_bytes).concat());
        out.extend([size, start].map(u32::to_le_bytes).concat());
        out.extend([0, 0]);
        out
    }
}

/// A tar file to write.
#[derive(Clone, Default)]
pub(crate) struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.entry(name, b'0', bytes)
    }

    pub(crate) fn entry(self, name: &str, kind: u8, bytes: &[u8]) -> Self {
        self.written(name, kind, bytes, (0, &[]))
    }

    /// Adds an empty file with changed bytes in its header and a correct checksum.
    pub(crate) fn altered(self, name: &str, at: usize, bytes: &[u8]) -> Self {
        self.written(name, b'0', b"", (at, bytes))
    }

    fn written(mut self, name: &str, kind: u8, bytes: &[u8], other: (usize, &[u8])) -> Self {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000644\x000000000\x000000000\0");
        put(124, format!("{:011o}", bytes.len()).as_bytes());
        put(136, b"00000000000\0        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        put(other.0, other.1);
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend(header);
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        [&self.bytes[..], &[0; 1024]].concat()
    }
}

/// Returns the bytes of pax records.
pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in records {
        // The length counts its own digits.
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|length| format!("{length}{rest}").len() == *length).unwrap();
        text += &format!("{length}{rest}");
    }
    text.into_bytes()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Runs a Python program in a directory with these files; their names are its arguments. Returns
/// its output.
pub(crate) fn python(program: &str, files: &[(&str, &[u8])]) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    }
    let mut command = Command::new("python3");
    command.args(["-c", program]).args(files.iter().map(|(name, _)| *name));
    command.current_dir(directory.path()).env("PYTHONIOENCODING", "utf-8").env("PYTHONUTF8", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Decodes padded base64.
pub(crate) fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(digit).collect();
    let mut out = Vec::new();
    for group in digits.chunks(4) {
        let number = group.iter().fold(0_u32, |number, digit| number << 6 | u32::from(*digit));
        let number = number << (6 * (4 - group.len()));
        out.extend(&number.to_be_bytes()[1..group.len()]);
    }
    out
}
