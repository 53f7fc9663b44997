//! Mutations that keep lines, words and checksums valid, which flips of single bytes would destroy.

use std::io::Read;

use libfuzzer_sys::fuzzer_mutate;

/// Words of TOSCA that replace other words.
const WORDS: &str = include_str!("../words.txt");

/// A generator of pseudorandom numbers (xorshift).
struct RandomNumbers(u64);

impl RandomNumbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }
}

/// Mutates text: in 4 of 10 calls its bytes, as the fuzzer does, otherwise its lines and words.
pub fn text(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = RandomNumbers(u64::from(seed) * 0x9e37_79b9 + 1);
    if random.below(10) < 4 {
        return fuzzer_mutate(data, size, max_size);
    }
    let Ok(text) = std::str::from_utf8(&data[..size]) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for _ in 0..=random.below(4) {
        mutate_line(&mut lines, &mut random);
    }
    let mutated = lines.join("\n");
    let length = mutated.floor_char_boundary(mutated.len().min(max_size));
    data[..length].copy_from_slice(&mutated.as_bytes()[..length]);
    length
}

fn mutate_line(lines: &mut Vec<String>, random: &mut RandomNumbers) {
    let at = random.below(lines.len());
    let other = random.below(lines.len());
    match random.below(10) {
        0 => {
            let line = lines[other].clone();
            lines.insert(at, line);
        }
        1 if lines.len() > 1 => {
            lines.remove(at);
        }
        2 => lines.swap(at, other),
        3 => {
            let end = (other.max(at) + 1).min(at + 8);
            let block: Vec<String> = lines[at.min(end)..end].to_vec();
            let to = random.below(lines.len());
            lines.splice(to..to, block);
        }
        4 => {
            // More or less indentation.
            let line = &mut lines[at];
            match line.strip_prefix("  ") {
                Some(rest) if random.below(2) == 0 => *line = rest.to_owned(),
                _ => line.insert_str(0, "  "),
            }
        }
        _ => {
            let word = match random.below(3) {
                0 => last_word(&lines[other]).map(|range| lines[other][range].to_owned()),
                _ => WORDS.lines().map(str::to_owned).nth(random.below(WORDS.lines().count())),
            };
            let all: Vec<_> = word_spans(&lines[at]).collect();
            if let (Some(word), false) = (word, all.is_empty()) {
                let range = all[random.below(all.len())].clone();
                lines[at].replace_range(range, &word);
            }
        }
    }
}

fn last_word(line: &str) -> Option<std::ops::Range<usize>> {
    word_spans(line).last()
}

fn word_spans(line: &str) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let is_word = |letter: char| letter.is_alphanumeric() || "_$.-&*\"".contains(letter);
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + line[at..].find(is_word)?;
        let length = line[start..].find(|letter| !is_word(letter)).unwrap_or(line.len() - start);
        at = start + length;
        Some(start..at)
    })
}

/// Mutates an archive. In 3 of 4 calls, restores its checksums.
pub fn archive(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let size = fuzzer_mutate(data, size, max_size);
    if !seed.is_multiple_of(4) {
        restore_tar_checksums(&mut data[..size]);
        restore_zip_checksums(&mut data[..size]);
    }
    size
}

/// Writes the checksum of each tar header.
fn restore_tar_checksums(data: &mut [u8]) {
    for block in data.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar")) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// Writes the CRC of each zip member to its two headers.
fn restore_zip_checksums(data: &mut [u8]) {
    let number = |data: &[u8], at: usize, length: usize| {
        data[at..at + length].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let directory: Vec<usize> = (0..data.len().saturating_sub(45))
        .filter(|at| data[*at..].starts_with(b"PK\x01\x02"))
        .collect();
    for entry in directory {
        let (method, packed) = (number(data, entry + 10, 2), number(data, entry + 20, 4));
        let local = number(data, entry + 42, 4);
        if local + 30 > data.len() || !data[local..].starts_with(b"PK\x03\x04") {
            continue;
        }
        let start = local + 30 + number(data, local + 26, 2) + number(data, local + 28, 2);
        let Some(bytes) = data.get(start..start.saturating_add(packed)) else { continue };
        let mut plain = Vec::new();
        if method == 8 {
            let mut inflated = flate2::read::DeflateDecoder::new(bytes).take(1 << 20);
            if inflated.read_to_end(&mut plain).is_err() {
                continue;
            }
        } else {
            plain.extend(bytes);
        }
        let mut crc = flate2::Crc::new();
        crc.update(&plain);
        let sum = crc.sum().to_le_bytes();
        data[entry + 16..entry + 20].copy_from_slice(&sum);
        data[local + 14..local + 18].copy_from_slice(&sum);
    }
}
