//! Hostile archives: each is rejected quickly, with its error.

use std::time::Duration;
use std::time::Instant;

use koinon_tosca::Budgets;
use koinon_tosca::csar::Archive;
use koinon_tosca::csar::ArchiveFault;
use koinon_tosca::csar::ArchiveFormat;
use koinon_tosca::csar::NameFault;
use koinon_tosca::csar::PackError;
use koinon_tosca::csar::is_archive;
use koinon_tosca::csar::pack;

use super::TEMPLATE;
use super::archives::Tar;
use super::archives::Zip;
use super::archives::ZipMember;
use super::archives::gzip;
use super::archives::pax;
use super::contents;
use super::files;
use super::meta;
use super::name;
use super::noise;
use super::open;
use super::rejected;

fn kind(member: &str, kind: &'static str) -> ArchiveFault {
    ArchiveFault::Kind { member: member.to_owned(), kind }
}

fn mismatch(member: &str, field: &'static str) -> ArchiveFault {
    ArchiveFault::Mismatch { member: member.to_owned(), field }
}

fn unsupported(member: &str, feature: &'static str) -> ArchiveFault {
    ArchiveFault::Unsupported { member: member.to_owned(), feature }
}

fn corrupt(member: &str, what: &'static str) -> ArchiveFault {
    ArchiveFault::Corrupt { member: member.to_owned(), what }
}

#[test]
fn bytes_that_are_not_an_archive_are_rejected() {
    for bytes in [&b""[..], b"tosca_definitions_version: tosca_2_0", b"PK", &gzip(b"no tar")] {
        rejected(bytes, ArchiveFault::UnknownFormat);
    }
    assert!(!is_archive(TEMPLATE));
    assert!(is_archive(&Zip::default().file("a", b"").build()));
    assert!(is_archive(&Tar::default().file("a", b"").build()[..512]));
    rejected(
        &vec![0; (4 << 20) + 1],
        ArchiveFault::TooManyBytes { found: (4 << 20) + 1, limit: 4 << 20 },
    );
}

#[test]
fn too_many_members_are_rejected() {
    let (mut zip, mut tar) = (Zip::default(), Tar::default());
    for index in 0..9 {
        zip = zip.file(&format!("{index}"), b"");
        tar = tar.entry(&format!("{index}/"), b'5', b"");
    }
    rejected(&zip.build(), ArchiveFault::TooManyMembers { limit: 8 });
    rejected(&tar.build(), ArchiveFault::TooManyMembers { limit: 8 });
    rejected(&gzip(&tar.build()), ArchiveFault::TooManyMembers { limit: 8 });
}

#[test]
fn too_many_bytes_are_rejected_while_unpacking() {
    let limit = 2 << 20;
    let large = ArchiveFault::MemberTooLarge { member: "a".to_owned(), limit };
    let big = noise(limit + 1);
    rejected(&Zip::default().file("a", &big).build(), large.clone());
    rejected(&Zip::default().deflated("a", &big).build(), large.clone());
    rejected(&Tar::default().file("a", &big).build(), large);
    let half = noise(1_700_000);
    let all =
        |member: &str| ArchiveFault::UnpackedTooLarge { member: member.to_owned(), limit: 3 << 20 };
    rejected(&Zip::default().file("a", &half).deflated("b", &half).build(), all("b"));
    rejected(&Zip::default().file("a", &half).file("b", &half).build(), all("b"));
    let tar = Tar::default().file("a", &half).file("b", &half).build();
    rejected(&gzip(&tar), all("."));
    rejected(&tar, all("a"));
    // A declared size is not trusted: this one is too small.
    let lie = ZipMember { size: Some(7), ..ZipMember::deflated("a", &big) };
    rejected(
        &Zip::default().member(lie).build(),
        ArchiveFault::MemberTooLarge { member: "a".to_owned(), limit },
    );
}

#[test]
fn bombs_are_rejected_by_their_ratio() {
    let zeros = vec![0; 1_500_000];
    let high = |member: &str, packed: usize| ArchiveFault::RatioTooHigh {
        member: member.to_owned(),
        packed,
        limit: 100,
    };
    let bomb = ZipMember::deflated("a", &zeros);
    let packed = bomb.data.len();
    rejected(&Zip::default().member(bomb).build(), high("a", packed));
    let tar = gzip(&Tar::default().file("a", &zeros).build());
    rejected(&tar, high(".", tar.len()));
    // The ratio of small files is not limited.
    let small = Zip::default().deflated(
        "a.yaml",
        &[b"tosca_definitions_version: tosca_2_0\n".as_slice(), &[b'\n'; 900_000]].concat(),
    );
    assert_eq!(open(&small.build()).map(|archive| archive.paths().count()), Ok(1));
    // The default budgets limit it too, and ten gigabytes take neither time nor memory.
    let zeros = gzip(&vec![0; 8 << 20]);
    let start = Instant::now();
    let error = Archive::open("bomb", &zeros.repeat(1280), &Budgets::default()).unwrap_err();
    assert!(
        matches!(
            error.fault,
            ArchiveFault::RatioTooHigh { .. } | ArchiveFault::UnpackedTooLarge { .. }
        ),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

/// Members that share data would unpack a few megabytes to many gigabytes, each within its ratio.
#[test]
fn members_that_share_data_are_rejected() {
    let one = Zip::default().deflated("a", &noise(1000));
    let mut shared = one.clone();
    shared.members.push(ZipMember { at: Some(0), ..ZipMember::deflated("a", &noise(1000)) });
    let found = 0;
    let at = one.start_of_directory();
    let bytes = shared.build();
    assert_eq!(
        open(&bytes).map(|_| ()),
        Err(ArchiveFault::Gap { what: "a member's end", at, found })
    );
}

#[test]
fn names_that_lead_outside_are_rejected() {
    for (path, shown, fault) in [
        ("/etc/passwd", "/etc/passwd", NameFault::Absolute),
        ("c:/windows", "c:/windows", NameFault::Absolute),
        ("a/../../b", "a/../../b", NameFault::Parent),
        ("..\\b", "..\\\\b", NameFault::Backslash),
        ("a//b", "a//b", NameFault::Empty),
        ("a\nb", "a\\nb", NameFault::Control),
    ] {
        rejected(&Zip::default().file(path, b"").build(), name(shown, fault));
        rejected(&Tar::default().file(path, b"").build(), name(shown, fault));
        let record = pax(&[("path", path)]);
        rejected(
            &Tar::default().entry("x", b'x', &record).file("a", b"").build(),
            name(shown, fault),
        );
        rejected(
            &Tar::default().entry("L", b'L', path.as_bytes()).file("a", b"").build(),
            name(shown, fault),
        );
        let files = files(&[("a.yaml", TEMPLATE), (path, b"")]);
        let error = pack(&files, &meta("a.yaml"), ArchiveFormat::Zip).unwrap_err();
        assert_eq!(error, PackError::Path(name(shown, fault)));
    }
    rejected(&Zip::default().file("a\0b", b"").build(), name("a\\0b", NameFault::Control));
    let utf8 = ZipMember { flags: 0, ..ZipMember::stored("ä", b"") };
    rejected(&Zip::default().member(utf8.clone()).build(), name("ä", NameFault::Encoding));
    let unix = Zip::default().member(ZipMember { system: 3, ..utf8 }).file("a.yaml", TEMPLATE);
    assert_eq!(open(&unix.build()).unwrap().get("ä"), Some(&b""[..]));
    let latin = ZipMember { name: b"\xe4".to_vec(), ..ZipMember::stored("", b"") };
    rejected(&Zip::default().member(latin).build(), name("\u{fffd}", NameFault::Encoding));
    rejected(
        &Tar::default().entry("L", b'L', &[b'a'; 5000]).file("a", b"").build(),
        name(&"a".repeat(200), NameFault::TooLong),
    );
}

#[test]
fn duplicate_paths_are_rejected() {
    let twice = || ArchiveFault::Duplicate { member: "a/b".to_owned() };
    let both = || ArchiveFault::FileAndDirectory { member: "a".to_owned() };
    rejected(&Zip::default().file("a/b", b"1").file("a/b", b"2").build(), twice());
    rejected(&Zip::default().file("a/b", b"1").file("./a/b", b"2").build(), twice());
    rejected(&Zip::default().file("a/b/", b"").file("a/b/", b"").build(), twice());
    rejected(&Zip::default().file("a", b"").file("a/b", b"").build(), both());
    rejected(&Zip::default().file("a", b"").file("a/", b"").build(), both());
    rejected(&Zip::default().file("a/", b"").file("a", b"").build(), both());
    rejected(&Tar::default().file("a/b", b"1").file("a/b", b"2").build(), twice());
    rejected(&Tar::default().file("a", b"").file("a/b", b"").build(), both());
}

#[test]
fn only_files_and_directories_are_unpacked() {
    for (mode, what) in [
        (0o120_777, "a symbolic link"),
        (0o020_600, "a device"),
        (0o060_600, "a device"),
        (0o010_600, "a pipe"),
        (0o140_600, "a socket"),
        (0o150_000, "an unknown kind of file"),
    ] {
        let member = ZipMember { attributes: mode << 16, ..ZipMember::stored("a", b"/etc") };
        rejected(&Zip::default().member(member).build(), kind("a", what));
    }
    for (path, attributes) in [("a", 0o040_755 << 16), ("a", 0x10), ("a/", 0o100_644 << 16)] {
        let member = ZipMember { attributes, ..ZipMember::stored(path, b"") };
        rejected(&Zip::default().member(member).build(), mismatch(path, "kind"));
    }
    rejected(&Zip::default().file("a/", b"x").build(), corrupt("a/", "the size of a directory, 0"));
    for (flag, what) in [
        (b'1', "a hard link"),
        (b'2', "a symbolic link"),
        (b'3', "a device"),
        (b'4', "a device"),
        (b'6', "a pipe"),
        (b'K', "the name of a link"),
        (b'M', "a part of several files"),
        (b'S', "a sparse file"),
        (b'Z', "an unknown kind of file"),
    ] {
        rejected(&Tar::default().entry("a", flag, b"").build(), kind("a", what));
    }
    rejected(&Tar::default().entry("a", b'5', b"x").build(), kind("a", "a directory with data"));
}

#[test]
fn zip_members_with_special_features_are_rejected() {
    for (flags, feature) in
        [(1, "encryption"), (1 << 6, "encryption"), (1 << 13, "encryption"), (1 << 5, "a patch")]
    {
        let member = ZipMember { flags, ..ZipMember::stored("a", b"") };
        rejected(&Zip::default().member(member).build(), unsupported("a", feature));
    }
    for method in [9, 12, 14, 93, 99] {
        let member = ZipMember { method, ..ZipMember::stored("a", b"") };
        rejected(
            &Zip::default().member(member).build(),
            ArchiveFault::Compression { member: "a".to_owned(), method },
        );
    }
    let huge = ZipMember { size: Some(u32::MAX), ..ZipMember::stored("a", b"") };
    rejected(&Zip::default().member(huge).build(), unsupported("a", "zip64"));
    let mut bytes = Zip::default().file("a", b"").build();
    let end = bytes.len() - 22;
    bytes[end + 4] = 1;
    rejected(&bytes, unsupported(".", "an archive split into several files"));
    bytes[end + 4] = 0;
    bytes[end + 16..end + 20].copy_from_slice(&[0xff; 4]);
    rejected(&bytes, unsupported(".", "zip64"));
}

#[test]
fn zip_headers_that_disagree_are_rejected() {
    let whole = Zip::default().file("abc", b"12345").build();
    let local = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    rejected(&local(6), mismatch("abc", "set of flags"));
    rejected(&local(8), mismatch("abc", "compression method"));
    rejected(&local(14), mismatch("abc", "checksum"));
    rejected(&local(18), mismatch("abc", "size"));
    rejected(&local(22), mismatch("abc", "size"));
    rejected(&local(30), mismatch("abc", "name"));
    rejected(&local(33), corrupt("abc", "the checksum"));
    rejected(&local(0), ArchiveFault::UnknownFormat);
    // A different name in Info-ZIP's extra field.
    let extra =
        |name: &[u8]| [&[0x75, 0x70, 5 + name.len() as u8, 0, 1, 0, 0, 0, 0], name].concat();
    let member = |extra| ZipMember { extra, ..ZipMember::stored("ä.yaml", TEMPLATE) };
    rejected(&Zip::default().member(member(extra(b"b"))).build(), mismatch("ä.yaml", "name"));
    let same = ZipMember { flags: 0, ..member(extra("ä.yaml".as_bytes())) };
    assert_eq!(open(&Zip::default().member(same).build()).unwrap().entry(), "ä.yaml");
    rejected(
        &Zip::default().member(member(vec![1, 0, 9, 0])).build(),
        ArchiveFault::Malformed { what: "extra fields of the stated length", at: 131 },
    );
    let size = ZipMember { size: Some(4), ..ZipMember::stored("a", b"12345") };
    rejected(&Zip::default().member(size).build(), corrupt("a", "the size"));
    let broken = ZipMember { data: vec![0xff; 9], ..ZipMember::deflated("a", b"12345") };
    rejected(&Zip::default().member(broken).build(), corrupt("a", "DEFLATE data"));
    let mut longer = ZipMember::deflated("a", b"12345");
    longer.data.push(0);
    rejected(&Zip::default().member(longer).build(), corrupt("a", "the packed size"));
    let mut shorter = ZipMember::deflated("a", b"12345");
    shorter.data.pop();
    let at = 31 + shorter.data.len();
    rejected(
        &Zip::default().member(shorter).build(),
        ArchiveFault::Truncated { what: "more DEFLATE data", at },
    );
}

#[test]
fn zip_files_with_gaps_are_rejected() {
    let one = Zip::default().file("a", b"").build();
    let length = one.len();
    // Gaps before the end record, after it, and between members.
    rejected(
        &[&one[..], b"x"].concat(),
        ArchiveFault::Gap { what: "the end of the file", at: length, found: length + 1 },
    );
    let mut hidden = Zip::default().file("a", b"1").file("b", b"2").file("c", b"3");
    hidden.members[1].hidden = true;
    rejected(&hidden.build(), ArchiveFault::Gap { what: "a member's end", at: 32, found: 64 });
    hidden.members[1].hidden = false;
    hidden.members[0].hidden = true;
    rejected(&hidden.build(), ArchiveFault::Gap { what: "a member", at: 0, found: 32 });
    hidden.members[1].hidden = true;
    hidden.members[2].hidden = true;
    let gap = ArchiveFault::Gap { what: "a central header", at: 0, found: 96 };
    rejected(&hidden.build(), gap);
    let mut moved = one.clone();
    moved[length - 6] += 1;
    rejected(
        &moved,
        ArchiveFault::Gap { what: "the end of the directory", at: length - 21, found: length - 22 },
    );
    let mut fewer = one.clone();
    fewer[length - 14] = 2;
    fewer[length - 12] = 2;
    rejected(
        &fewer,
        ArchiveFault::Malformed {
            what: "the number of members that the end states",
            at: length - 22,
        },
    );
    let mut other = one.clone();
    other[31] = 0;
    rejected(&other, ArchiveFault::Malformed { what: "a central header", at: 31 });
    for end in 4..length {
        assert!(open(&one[..end]).is_err(), "{end}");
    }
}

#[test]
fn zip_sizes_may_follow_the_data() {
    for (signature, wide) in [(true, false), (false, false), (true, true), (false, true)] {
        let member = ZipMember {
            described: Some((signature, wide)),
            ..ZipMember::deflated("a.yaml", TEMPLATE)
        };
        let zip = Zip::default().member(member).file("b", b"b");
        assert_eq!(open(&zip.build()).unwrap().get("b"), Some(&b"b"[..]));
        let mut wrong = zip.build();
        let data = ZipMember::deflated("a.yaml", TEMPLATE).data.len();
        let at = 36 + data;
        wrong[at + 8] ^= 1;
        let found = at + 12 + if signature { 4 } else { 0 } + if wide { 8 } else { 0 };
        rejected(&wrong, ArchiveFault::Gap { what: "a member's end", at, found });
    }
}

#[test]
fn broken_tar_headers_are_rejected() {
    let tar = Tar::default().file("a", b"12345").build();
    let with = |at: usize, byte: u8| {
        let mut bytes = tar.clone();
        bytes[at] = byte;
        bytes
    };
    rejected(&with(0, b'b'), ArchiveFault::Malformed { what: "the checksum of a header", at: 0 });
    rejected(&with(262, b'x'), ArchiveFault::Malformed { what: "a ustar header", at: 0 });
    rejected(&with(1024, 1), ArchiveFault::Malformed { what: "a ustar header", at: 1024 });
    rejected(&with(1536, 1), ArchiveFault::Malformed { what: "a second block of zeros", at: 1536 });
    rejected(
        &[&tar[..], &[0, 1]].concat(),
        ArchiveFault::Malformed { what: "zeros to the end", at: 2049 },
    );
    rejected(&tar[..513], ArchiveFault::Truncated { what: "a member's data", at: 513 });
    rejected(
        &tar[..1024],
        ArchiveFault::Truncated { what: "a header or two blocks of zeros", at: 1024 },
    );
    rejected(&tar[..1536], ArchiveFault::Truncated { what: "a second block of zeros", at: 1536 });
    for end in 512..2048 {
        assert!(open(&tar[..end]).is_err(), "{end}");
    }
    let raw = |at: usize, bytes: &[u8]| Tar::default().altered("a", at, bytes).build();
    rejected(
        &raw(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x05"),
        ArchiveFault::Malformed { what: "an octal size", at: 124 },
    );
    rejected(&raw(2, b"x"), ArchiveFault::Malformed { what: "a name with zeros after it", at: 0 });
    let zipped = gzip(&tar);
    rejected(
        &zipped[..zipped.len() - 9],
        ArchiveFault::Truncated { what: "more DEFLATE data", at: zipped.len() - 9 },
    );
    rejected(
        &zipped[..zipped.len() - 1],
        ArchiveFault::Truncated { what: "a gzip checksum", at: zipped.len() - 8 },
    );
    rejected(&zipped[..5], ArchiveFault::Truncated { what: "a gzip header", at: 0 });
}

#[test]
fn tar_members_may_have_long_names_and_times() {
    let long = format!("{}/{}.yaml", "a".repeat(120), "b".repeat(120));
    let records = pax(&[("mtime", "1.5"), ("path", &long), ("LIBARCHIVE.xattr.x", "eA")]);
    let tar = Tar::default()
        .entry("g", b'g', &pax(&[("comment", "0123456789abcdef")]))
        .entry("./", b'5', b"")
        .entry("x", b'x', &records)
        .file("short", b"1")
        .entry("././@LongLink", b'L', format!("{long}2\0").as_bytes())
        .file("short", b"2")
        .file("./main.yaml", TEMPLATE);
    let archive = open(&tar.build()).unwrap();
    let expected = files(&[(&long, b"1"), (&format!("{long}2"), b"2"), ("main.yaml", TEMPLATE)]);
    assert_eq!(contents(&archive), expected);
    assert_eq!(archive.entry(), "main.yaml");
}

#[test]
fn tar_headers_with_special_features_are_rejected() {
    let with = |records: &[(&str, &str)]| {
        Tar::default().entry("x", b'x', &pax(records)).file("a", b"12345")
    };
    rejected(&with(&[("size", "6")]).build(), mismatch("a", "size"));
    rejected(&with(&[("size", "05")]).build(), mismatch("a", "size"));
    rejected(&with(&[("size", "5"), ("size", "6")]).build(), mismatch("x", "size"));
    rejected(&with(&[("path", "b"), ("path", "c")]).build(), mismatch("x", "name"));
    for (key, value, feature) in [
        ("GNU.sparse.major", "1", "a sparse file"),
        ("GNU.sparse.name", "b", "a sparse file"),
        ("SCHILY.realsize", "9", "a sparse file"),
        ("hdrcharset", "BINARY", "names in another character set"),
        ("filetype", "2", "a pax record that is not for one member's name, size, owner or time"),
    ] {
        rejected(&with(&[(key, value)]).build(), unsupported("x", feature));
        let global = Tar::default().entry("x", b'g', &pax(&[(key, value)])).file("a", b"");
        rejected(&global.build(), unsupported("x", feature));
    }
    for key in ["path", "size", "linkpath"] {
        let feature = "a pax record that is not for one member's name, size, owner or time";
        let global = Tar::default().entry("x", b'g', &pax(&[(key, "1")])).file("a", b"");
        rejected(&global.build(), unsupported("x", feature));
    }
    let name = pax(&[("path", "b")]);
    let two = Tar::default().entry("x", b'x', &name).entry("x", b'x', &name).file("a", b"");
    rejected(&two.build(), mismatch("x", "extended header"));
    let both = Tar::default().entry("x", b'x', &name).entry("L", b'L', b"c").file("a", b"");
    rejected(&both.build(), mismatch("L", "name"));
    let both = Tar::default().entry("L", b'L', b"c").entry("x", b'x', &name).file("a", b"");
    rejected(&both.build(), mismatch("x", "extended header"));
    let alone = Tar::default().entry("x", b'x', &name);
    rejected(
        &alone.build(),
        ArchiveFault::Malformed { what: "a member after its extended header", at: 1024 },
    );
    for records in [
        &b"x"[..],
        b"9 a=b\n",
        b"5 a=b\n\n",
        b"+6 a=b\n",
        b"6 aab\n",
        b"0 ",
        b"99999999999 a=b\n",
        b"6 a=bc",
    ] {
        let tar = Tar::default().entry("x", b'x', records).file("a", b"");
        rejected(&tar.build(), corrupt("x", "the pax records"));
    }
    // A prefix is part of the name in UStar, but not in GNU tar.
    let prefix = Tar::default().altered("b.yaml", 345, b"..").build();
    rejected(&prefix, self::name("../b.yaml", NameFault::Parent));
}
