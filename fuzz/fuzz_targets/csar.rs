//! Any bytes as an archive: they are refused or read; what is read can be packed, and is then the same.
#![no_main]

use std::collections::BTreeMap;

use koinon_tosca::Budgets;
use koinon_tosca::csar::Archive;
use koinon_tosca::csar::Format;
use koinon_tosca::csar::Meta;
use koinon_tosca::csar::pack;
use libfuzzer_sys::fuzz_target;

fn contents(archive: &Archive) -> BTreeMap<String, Vec<u8>> {
    let without_meta = archive.paths().filter(|path| !path.ends_with("TOSCA.meta"));
    without_meta.map(|path| (path.to_owned(), archive.get(path).unwrap_or_default().to_vec())).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let budgets = Budgets { unpacked_bytes: 8 << 20, ..Budgets::default() };
    let Ok(archive) = Archive::open("fuzz", bytes, &budgets) else { return };
    assert!(archive.get(archive.entry()).is_some());
    let files = contents(&archive);
    let meta = Meta {
        version: archive.version(),
        created_by: archive.created_by().unwrap_or_default().to_owned(),
        entry: archive.entry().to_owned(),
        others: archive.others().to_vec(),
    };
    for format in [Format::Zip, Format::TarGz] {
        // Some names do not fit a tar file, or a line of TOSCA.meta.
        if let Ok(packed) = pack(&files, &meta, format) {
            let again = Archive::open("packed", &packed, &Budgets::default()).expect("what is packed is read");
            assert_eq!(contents(&again), files);
            assert_eq!((again.entry(), again.others()), (archive.entry(), archive.others()));
        }
    }
});
