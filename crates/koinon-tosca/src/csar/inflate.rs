//! Unpacks DEFLATE and gzip in pieces and checks the budgets after each. Declared sizes are not
//! trusted.

use flate2::Crc;
use flate2::Decompress;
use flate2::FlushDecompress;
use flate2::Status;

use super::fault::ArchiveFault;
use crate::budget::Budgets;

/// The bytes unpacked between two checks of the budgets.
const PIECE_BYTES: usize = 64 << 10;
/// The ratio is checked above this number of unpacked bytes: small files that repeat one byte are
/// harmless and common.
const RATIO_CHECKED_FROM: usize = 1 << 20;

/// Compressed data of a member or of the whole archive.
pub(super) struct CompressedData<'a> {
    /// The member's name in errors.
    pub(super) member: &'a str,
    /// The position of the data in the archive, for errors.
    pub(super) at: usize,
    pub(super) bytes: &'a [u8],
}

impl CompressedData<'_> {
    /// Rejects `unpacked` bytes of a member if they, or the archive's `total`, exceed a budget.
    pub(super) fn check_budgets(
        &self,
        unpacked: usize,
        total: usize,
        budgets: &Budgets,
    ) -> Result<(), ArchiveFault> {
        let member = || self.member.to_owned();
        if unpacked > budgets.member_bytes {
            let limit = budgets.member_bytes;
            return Err(ArchiveFault::MemberTooLarge { member: member(), limit });
        }
        self.check_total(unpacked, total, budgets)
    }

    /// Does the same for the whole archive, to which no member's budget applies.
    fn check_total(
        &self,
        unpacked: usize,
        total: usize,
        budgets: &Budgets,
    ) -> Result<(), ArchiveFault> {
        let member = self.member.to_owned();
        if total > budgets.unpacked_bytes {
            return Err(ArchiveFault::UnpackedTooLarge { member, limit: budgets.unpacked_bytes });
        }
        let (packed, limit) = (self.bytes.len(), budgets.ratio);
        if unpacked > RATIO_CHECKED_FROM && unpacked as u64 > limit.saturating_mul(packed as u64) {
            return Err(ArchiveFault::RatioTooHigh { member, packed, limit });
        }
        Ok(())
    }

    /// Unpacks raw DEFLATE to the end of `out`; `check` checks the number of unpacked bytes after
    /// each piece. Returns the number of bytes read, because a stream knows its end.
    fn inflate(
        &self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        check: impl Fn(usize) -> Result<(), ArchiveFault>,
    ) -> Result<usize, ArchiveFault> {
        let start = out.len();
        let mut stream = Decompress::new(false);
        let mut piece = vec![0; PIECE_BYTES];
        let (mut read, mut written) = (0, 0);
        loop {
            let status = stream
                .decompress(&bytes[read..], &mut piece, FlushDecompress::None)
                .map_err(|_| self.corrupt("DEFLATE data"))?;
            // Both fit: the stream reads and writes at most the slices.
            let now_read = usize::try_from(stream.total_in()).unwrap_or(read);
            let now_written = usize::try_from(stream.total_out()).unwrap_or(written);
            let still = now_read == read && now_written == written;
            out.extend_from_slice(&piece[..now_written - written]);
            (read, written) = (now_read, now_written);
            check(out.len() - start)?;
            match status {
                Status::StreamEnd => return Ok(read),
                Status::Ok | Status::BufError if !still => {}
                Status::Ok | Status::BufError => {
                    return Err(ArchiveFault::Truncated {
                        what: "more DEFLATE data",
                        at: self.at + self.bytes.len(),
                    });
                }
            }
        }
    }

    /// Unpacks a member of a zip file, which is one DEFLATE stream, to the end of `out`.
    pub(super) fn unpack(&self, out: &mut Vec<u8>, budgets: &Budgets) -> Result<(), ArchiveFault> {
        let before = out.len();
        let used = self.inflate(self.bytes, out, |unpacked| {
            self.check_budgets(unpacked, before + unpacked, budgets)
        })?;
        if used == self.bytes.len() { Ok(()) } else { Err(self.corrupt("the packed size")) }
    }

    /// Unpacks gzip (RFC 1952): one or more members in a row, and nothing else.
    pub(super) fn gunzip(&self, budgets: &Budgets) -> Result<Vec<u8>, ArchiveFault> {
        let mut out = Vec::new();
        let mut rest = self.bytes;
        while !rest.is_empty() {
            let start = out.len();
            let at = self.bytes.len() - rest.len();
            let body = at + header(rest, self.at + at)?;
            let used = self.inflate(&self.bytes[body..], &mut out, |unpacked| {
                self.check_total(start + unpacked, start + unpacked, budgets)
            })?;
            let end = body + used;
            let Some(trailer) = self.bytes.get(end..end + 8) else {
                return Err(ArchiveFault::Truncated { what: "a gzip checksum", at: self.at + end });
            };
            let mut expected = checksum(&out[start..]).to_le_bytes().to_vec();
            // RFC 1952: the size modulo 2^32.
            expected.extend(((out.len() - start) as u64 as u32).to_le_bytes());
            if trailer != expected {
                return Err(self.corrupt("the checksum and size"));
            }
            rest = &self.bytes[end + 8..];
        }
        Ok(out)
    }

    fn corrupt(&self, what: &'static str) -> ArchiveFault {
        ArchiveFault::Corrupt { member: self.member.to_owned(), what }
    }
}

/// Returns the CRC-32 of zip and gzip.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Returns the length of a gzip header.
fn header(bytes: &[u8], at: usize) -> Result<usize, ArchiveFault> {
    let truncated = ArchiveFault::Truncated { what: "a gzip header", at };
    if !bytes.starts_with(&[0x1f, 0x8b, 8]) {
        return Err(ArchiveFault::Malformed { what: "a gzip header or the end", at });
    }
    let Some(flags) = bytes.get(3).copied().filter(|_| bytes.len() >= 10) else {
        return Err(truncated);
    };
    if flags & 0xe0 != 0 {
        return Err(ArchiveFault::Malformed { what: "gzip flags of RFC 1952", at });
    }
    let mut end = 10;
    if flags & 4 != 0 {
        let Some(length) = bytes.get(end..end + 2) else { return Err(truncated) };
        end += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    for text in [8, 16] {
        if flags & text != 0 {
            let length = bytes.get(end..).and_then(|rest| rest.iter().position(|byte| *byte == 0));
            let Some(length) = length else { return Err(truncated) };
            end += length + 1;
        }
    }
    if flags & 2 != 0 {
        end += 2;
    }
    if end <= bytes.len() { Ok(end) } else { Err(truncated) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns "hello" as gzip, with every optional field of a header and a stored body.
    fn decorated() -> Vec<u8> {
        let mut bytes = vec![0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 255];
        bytes.extend(b"\x03\0abc");
        bytes.extend(b"name\0comment\0\xaa\xbb");
        bytes.extend(b"\x01\x05\0\xfa\xffhello");
        bytes.extend(0x3610_a686_u32.to_le_bytes());
        bytes.extend(5_u32.to_le_bytes());
        bytes
    }

    fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, ArchiveFault> {
        CompressedData { member: "x", at: 0, bytes }.gunzip(&Budgets::default())
    }

    #[test]
    fn gzip_may_have_optional_header_fields_and_several_members() {
        assert_eq!(gunzip(&decorated()), Ok(b"hello".to_vec()));
        assert_eq!(gunzip(&decorated().repeat(2)), Ok(b"hellohello".to_vec()));
    }

    #[test]
    fn gzip_that_ends_early_or_has_bytes_after_it_is_rejected() {
        let whole = decorated();
        for end in 1..whole.len() {
            assert!(gunzip(&whole[..end]).is_err(), "{end}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        let at = whole.len();
        assert_eq!(
            gunzip(&longer),
            Err(ArchiveFault::Malformed { what: "a gzip header or the end", at })
        );
        for wrong in [whole.len() - 8, whole.len() - 1] {
            let mut other = whole.clone();
            other[wrong] ^= 1;
            let member = "x".to_owned();
            let what = "the checksum and size";
            assert_eq!(gunzip(&other), Err(ArchiveFault::Corrupt { member, what }));
        }
    }
}
