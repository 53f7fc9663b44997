//! Cloud Service Archives: Koinon and other programs read packed archives, and every hostile
//! archive has its error.

mod archives;
mod hostile;

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use koinon_tosca::Budgets;
use koinon_tosca::FileError;
use koinon_tosca::Files;
use koinon_tosca::csar::Archive;
use koinon_tosca::csar::ArchiveFault;
use koinon_tosca::csar::ArchiveFormat;
use koinon_tosca::csar::CsarMeta;
use koinon_tosca::csar::CsarVersion;
use koinon_tosca::csar::NameFault;
use koinon_tosca::csar::PackError;
use koinon_tosca::csar::pack;
use proptest::prelude::*;

use self::archives::Zip;
use self::archives::python;

const TEMPLATE: &[u8] = b"tosca_definitions_version: tosca_2_0\n";
/// Budgets so small that archives in tests exceed them.
const SMALL: Budgets = Budgets {
    bytes: 0,
    depth: 8,
    nodes: 0,
    aliases: 0,
    files: 0,
    archive_bytes: 4 << 20,
    member_bytes: 2 << 20,
    unpacked_bytes: 3 << 20,
    members: 8,
    ratio: 100,
    steps: 0,
};

fn files(files: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect()
}

fn meta(entry: &str) -> CsarMeta {
    CsarMeta {
        version: CsarVersion::V2_0,
        created_by: "Koinon".to_owned(),
        entry: entry.to_owned(),
        others: Vec::new(),
    }
}

fn open(bytes: &[u8]) -> Result<Archive, ArchiveFault> {
    Archive::open("a.csar", bytes, &SMALL).map_err(|error| {
        assert_eq!(error.archive, "a.csar");
        assert!(error.to_string().len() < 1200, "{error}");
        error.fault
    })
}

/// Checks the error of a rejected archive, and that it comes quickly.
fn rejected(bytes: &[u8], expected: ArchiveFault) {
    let start = Instant::now();
    assert_eq!(open(bytes).map(|_| ()), Err(expected));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

fn contents(archive: &Archive) -> BTreeMap<String, Vec<u8>> {
    archive.paths().map(|path| (path.to_owned(), archive.read(path).unwrap())).collect()
}

/// Returns bytes that DEFLATE compresses to no less than half.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn name(member: &str, fault: NameFault) -> ArchiveFault {
    ArchiveFault::Name { member: member.to_owned(), fault }
}

#[test]
fn an_archive_has_the_entry_and_others_of_its_metadata() {
    let files = files(&[
        ("main.yaml", TEMPLATE),
        ("definitions/a b.yaml", b"a"),
        ("definitions/c.yaml", b"c"),
    ]);
    let others = vec!["definitions/c.yaml".to_owned(), "definitions/a b.yaml".to_owned()];
    let meta = CsarMeta { others: others.clone(), ..meta("main.yaml") };
    for format in [ArchiveFormat::Zip, ArchiveFormat::TarGz] {
        let archive = open(&pack(&files, &meta, format).unwrap()).unwrap();
        assert_eq!(archive.entry(), "main.yaml");
        assert_eq!(archive.others(), others);
        assert_eq!(archive.version(), CsarVersion::V2_0);
        assert_eq!(archive.created_by(), Some("Koinon"));
        let paths: Vec<&str> = archive.paths().collect();
        assert_eq!(
            paths,
            ["TOSCA.meta", "definitions/a b.yaml", "definitions/c.yaml", "main.yaml"]
        );
        assert_eq!(archive.read("main.yaml"), Ok(TEMPLATE.to_vec()));
        assert_eq!(archive.read("none"), Err(FileError::NotFound));
        let meta = archive.get("TOSCA.meta").unwrap();
        assert_eq!(
            std::str::from_utf8(meta).unwrap(),
            "CSAR-Version: 2.0\nCreated-By: Koinon\nEntry-Definitions: main.yaml\nOther-Definitions: definitions/c.yaml \"definitions/a b.yaml\"\n"
        );
    }
}

#[test]
fn archives_of_tosca_1_have_their_metadata_in_a_directory() {
    for version in [CsarVersion::V1_0, CsarVersion::V1_1] {
        let meta = CsarMeta { version, ..meta("main.yaml") };
        let bytes = pack(&files(&[("main.yaml", TEMPLATE)]), &meta, ArchiveFormat::Zip).unwrap();
        let archive = open(&bytes).unwrap();
        assert_eq!(archive.version(), version);
        assert!(archive.get("TOSCA-Metadata/TOSCA.meta").is_some());
    }
}

#[test]
fn without_metadata_the_entry_is_the_only_yaml_file_at_the_root() {
    let zip = |files: &[(&str, &[u8])]| {
        files.iter().fold(Zip::default(), |zip, (path, bytes)| zip.file(path, bytes)).build()
    };
    let archive = open(&zip(&[("main.yml", TEMPLATE), ("d/a.yaml", b"a"), ("README", b"r")]));
    let archive = archive.unwrap();
    assert_eq!((archive.entry(), archive.version()), ("main.yml", CsarVersion::V2_0));
    assert_eq!((archive.created_by(), archive.others()), (None, &[][..]));
    let old = b"tosca_definitions_version: tosca_simple_yaml_1_3\nmetadata: { template_name: a, template_version: '1' }\n";
    assert_eq!(open(&zip(&[("a.yaml", old)])).unwrap().version(), CsarVersion::V1_1);

    rejected(&zip(&[("d/a.yaml", TEMPLATE)]), ArchiveFault::NoEntry { found: vec![] });
    let found = vec!["a.yaml".to_owned(), "b.yml".to_owned()];
    rejected(&zip(&[("a.yaml", TEMPLATE), ("b.yml", TEMPLATE)]), ArchiveFault::NoEntry { found });
    let path = "a.yaml".to_owned();
    let no_version = ArchiveFault::NoVersion { path: path.clone(), found: "none".to_owned() };
    rejected(&zip(&[("a.yaml", b"")]), no_version);
    let old = b"tosca_definitions_version: tosca_simple_yaml_1_0";
    rejected(&zip(&[("a.yaml", old)]), ArchiveFault::NoMetadata { path, key: "template_name" });
    // The metadata need not name the entry.
    let meta = b"CSAR-Version: 2.0\n";
    assert_eq!(open(&zip(&[("TOSCA.meta", meta), ("a.yaml", b"")])).unwrap().entry(), "a.yaml");
}

#[test]
fn misleading_metadata_is_rejected() {
    let with = |meta: &[u8]| {
        Zip::default().file("TOSCA-Metadata/TOSCA.meta", meta).file("a.yaml", TEMPLATE).build()
    };
    let two = Zip::default()
        .file("TOSCA-Metadata/TOSCA.meta", b"CSAR-Version: 2.0\n")
        .file("TOSCA.meta", b"CSAR-Version: 2.0\n");
    rejected(&two.build(), ArchiveFault::TwoMetas);
    let none = |key, path: &str| ArchiveFault::NoDefinitions { key, path: path.to_owned() };
    rejected(
        &with(b"CSAR-Version: 2.0\nEntry-Definitions: b.yaml"),
        none("Entry-Definitions", "b.yaml"),
    );
    rejected(
        &with(b"CSAR-Version: 2.0\nOther-Definitions: a.yaml ./b.yaml"),
        none("Other-Definitions", "b.yaml"),
    );
    rejected(
        &with(b"CSAR-Version: 2.0\nEntry-Definitions: ../a.yaml"),
        name("../a.yaml", NameFault::Parent),
    );
    rejected(
        &with(b"Entry-Definitions: a.yaml"),
        ArchiveFault::Meta {
            path: "TOSCA-Metadata/TOSCA.meta",
            line: 1,
            expected: "CSAR-Version in the first block",
            found: "none".to_owned(),
        },
    );
}

#[test]
fn files_that_cannot_be_packed_are_rejected() {
    let one = || files(&[("a.yaml", TEMPLATE)]);
    let rejected = |files: &BTreeMap<String, Vec<u8>>, meta: &CsarMeta, format, error| {
        assert_eq!(pack(files, meta, format), Err(error));
    };
    let with = |path: &str| files(&[("a.yaml", TEMPLATE), (path, b"")]);
    let a = meta("a.yaml");
    for path in ["TOSCA.meta", "TOSCA-Metadata/TOSCA.meta"] {
        rejected(&with(path), &a, ArchiveFormat::Zip, PackError::Meta(path.to_owned()));
    }
    rejected(&with("./b"), &a, ArchiveFormat::Zip, PackError::Path(name("./b", NameFault::Empty)));
    let both = ArchiveFault::FileAndDirectory { member: "a.yaml".to_owned() };
    rejected(&with("a.yaml/b"), &a, ArchiveFormat::Zip, PackError::Path(both));
    let none = |key| PackError::NoDefinitions { key, path: "b.yaml".to_owned() };
    rejected(&one(), &meta("b.yaml"), ArchiveFormat::Zip, none("Entry-Definitions"));
    let others = CsarMeta { others: vec!["b.yaml".to_owned()], ..a.clone() };
    rejected(&one(), &others, ArchiveFormat::Zip, none("Other-Definitions"));
    let value = |key, value: &str| PackError::Value { key, value: value.to_owned() };
    let created = CsarMeta { created_by: "a\nb".to_owned(), ..a.clone() };
    rejected(&one(), &created, ArchiveFormat::Zip, value("Created-By", "a\nb"));
    let quoted = CsarMeta { others: vec!["\"".to_owned()], ..a.clone() };
    rejected(&with("\""), &quoted, ArchiveFormat::Zip, value("Other-Definitions", "\""));
    let long = "a".repeat(101);
    let limit = "a path of at most 100 bytes, or 155 and 100 with a slash between";
    rejected(
        &with(&long),
        &a,
        ArchiveFormat::TarGz,
        PackError::TooLarge { path: long.clone(), limit },
    );
    assert!(pack(&with(&long), &a, ArchiveFormat::Zip).is_ok());
    let count = |index: usize| (format!("{index}"), Vec::new());
    let many: BTreeMap<_, _> = (0..65_534).map(count).chain(one()).collect();
    let path = "a.yaml".to_owned();
    rejected(&many, &a, ArchiveFormat::Zip, PackError::TooLarge { path, limit: "65534 members" });
}

/// Packed bytes depend neither on time nor on the machine nor on the compressor's version. If this
/// fails after an update of a library, archives of the same files get new digests: write that in
/// the changelog.
#[test]
fn packed_bytes_are_fixed() {
    let text: String =
        (0..2000).map(|line| format!("node_{}: {{ type: A }}\n", line % 77)).collect();
    let files = files(&[("b/data.bin", &noise(3000)), ("a.yaml", text.as_bytes()), ("ä", b"")]);
    let digest = |format| {
        let bytes = pack(&files, &meta("a.yaml"), format).unwrap();
        assert_eq!(pack(&files, &meta("a.yaml"), format).unwrap(), bytes);
        (bytes.len(), alloy_primitives::keccak256(&bytes).to_string())
    };
    let zip = "0x2878bf0581c1553ca9b2635d7bb20978a1a25afc45a40b8eaee089dd15b8ce46";
    assert_eq!(digest(ArchiveFormat::Zip), (3887, zip.to_owned()));
    let tar = "0x04eca62f04d0b4e5df34c30aa2f1dc1a583b5957e4b099971a09037441a61f02";
    assert_eq!(digest(ArchiveFormat::TarGz), (3910, tar.to_owned()));
}

fn paths() -> impl Strategy<Value = String> {
    proptest::collection::vec("[a-zA-Zäß0-9 _.-]{1,8}x", 1..4).prop_map(|parts| parts.join("/"))
}

proptest! {
    #[test]
    fn packed_archives_are_read_back(
        packed in proptest::collection::btree_map(paths(), proptest::collection::vec(any::<u8>(), 0..400), 1..6),
        created_by in "[a-z:\"]([a-z: ]*[a-z])?",
        zip in any::<bool>(),
        old in any::<bool>(),
    ) {
        let version = if old { CsarVersion::V1_1 } else { CsarVersion::V2_0 };
        let entry = packed.keys().next().unwrap().trim().to_owned();
        let others: Vec<String> = packed.keys().rev().cloned().collect();
        let meta = CsarMeta { version, created_by, entry, others };
        let format = if zip { ArchiveFormat::Zip } else { ArchiveFormat::TarGz };
        // A path may lie below another, or start with a blank, which Entry-Definitions cannot have.
        if let Ok(bytes) = pack(&packed, &meta, format) {
            let archive = open(&bytes).unwrap();
            prop_assert_eq!(archive.entry(), &meta.entry);
            prop_assert_eq!(archive.others(), &meta.others);
            prop_assert_eq!(archive.created_by(), Some(&*meta.created_by));
            prop_assert_eq!(archive.version(), version);
            let mut read = contents(&archive);
            read.retain(|path, _| !path.ends_with("TOSCA.meta"));
            prop_assert_eq!(read, packed);
        }
    }

    /// A flipped bit is an error, or has no effect on the files.
    #[test]
    fn a_flipped_bit_is_an_error_or_has_no_effect(at in any::<prop::sample::Index>(), bit in 0..8_u8, zip in any::<bool>()) {
        let files = files(&[("a.yaml", TEMPLATE), ("d/b", &noise(600))]);
        let format = if zip { ArchiveFormat::Zip } else { ArchiveFormat::TarGz };
        let mut bytes = pack(&files, &meta("a.yaml"), format).unwrap();
        let whole = contents(&open(&bytes).unwrap());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(archive) = open(&bytes) {
            prop_assert_eq!(contents(&archive), whole);
        }
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), start in 0..4_usize) {
        let start: &[u8] = [&b"PK\x03\x04"[..], b"PK\x05\x06", b"\x1f\x8b\x08\x00", b""][start];
        drop(open(&[start, &bytes].concat()));
    }
}

/// Python's zipfile and tarfile read packed archives, and so does unzip if it is installed.
#[test]
fn other_programs_read_packed_archives() {
    let long = format!("{}/{}.txt", "d".repeat(60), "f".repeat(60));
    let files = files(&[("main.yaml", TEMPLATE), ("bin/ä.bin", &noise(5000)), (&long, b"")]);
    for (format, file) in [(ArchiveFormat::Zip, "a.zip"), (ArchiveFormat::TarGz, "a.tar.gz")] {
        let bytes = pack(&files, &meta("main.yaml"), format).unwrap();
        let listed = python(
            r#"
import sys, zipfile, tarfile, base64
def show(name, mode, data):
    assert mode == 0o644, mode
    print(name, base64.b64encode(data).decode(), sep='\t')
if sys.argv[1].endswith('.zip'):
    with zipfile.ZipFile(sys.argv[1]) as archive:
        assert archive.testzip() is None
        for one in archive.infolist():
            assert one.date_time == (1980, 1, 1, 0, 0, 0), one.date_time
            show(one.filename, one.external_attr >> 16 & 0o777, archive.read(one))
else:
    with tarfile.open(sys.argv[1], 'r:gz') as archive:
        for one in archive.getmembers():
            assert one.isreg() and (one.mtime, one.uid, one.gid) == (0, 0, 0)
            show(one.name, one.mode, archive.extractfile(one).read())
"#,
            &[(file, &bytes)],
        );
        let read = listed.lines().map(|line| {
            let (path, data) = line.split_once('\t').unwrap();
            (path.to_owned(), archives::base64(data))
        });
        let read: Vec<(String, Vec<u8>)> = read.collect();
        let text = b"CSAR-Version: 2.0\nCreated-By: Koinon\nEntry-Definitions: main.yaml\n";
        let first = ("TOSCA.meta".to_owned(), text.to_vec());
        let expected: Vec<_> = std::iter::once(first).chain(files.clone()).collect();
        assert_eq!(read, expected);
    }
}

/// Archives of Python's zipfile and tarfile are read, in each of their formats.
#[test]
fn archives_of_other_programs_are_read() {
    let archives = python(
        r#"
import sys, os, zipfile, tarfile, io, base64
os.makedirs('in/d/e')
for name, text in [('main.yaml', 'tosca_definitions_version: tosca_2_0\n'), ('d/ä.txt', 'x' * 3000), ('d/e/empty', ''), ('d/' + 'l' * 150, 'long')]:
    with open('in/' + name, 'w') as file: file.write(text)
def zipped(method, stream):
    out = io.BytesIO()
    if stream: out.seekable = lambda: False
    with zipfile.ZipFile(out, 'w', method) as archive:
        for dir, dirs, files in os.walk('in'):
            for one in dirs + files:
                archive.write(os.path.join(dir, one), os.path.relpath(os.path.join(dir, one), 'in'))
    print(base64.b64encode(out.getvalue()).decode())
def tarred(mode, format):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=format) as archive:
        archive.add('in', arcname='.')
    print(base64.b64encode(out.getvalue()).decode())
zipped(zipfile.ZIP_STORED, False)
zipped(zipfile.ZIP_DEFLATED, False)
zipped(zipfile.ZIP_DEFLATED, True)
tarred('w', tarfile.PAX_FORMAT)
tarred('w:gz', tarfile.PAX_FORMAT)
tarred('w:gz', tarfile.GNU_FORMAT)
"#,
        &[],
    );
    let expected = files(&[
        ("main.yaml", TEMPLATE),
        ("d/ä.txt", &[b'x'; 3000]),
        ("d/e/empty", b""),
        (&format!("d/{}", "l".repeat(150)), b"long"),
    ]);
    assert_eq!(archives.lines().count(), 6);
    for (index, line) in archives.lines().enumerate() {
        let bytes = archives::base64(line);
        let budgets = Budgets::default();
        let archive = Archive::open("python", &bytes, &budgets)
            .unwrap_or_else(|error| panic!("{index}: {error}"));
        assert_eq!(contents(&archive), expected, "{index}");
        assert_eq!(archive.entry(), "main.yaml");
    }
}
