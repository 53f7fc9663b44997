//! Files that are replaced as a whole.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;

/// Replaces a file's content so that a reader, or a later start after a crash, finds the old
/// content or the new, never a part of it. A device or a pipe is written to instead: `/dev/null`
/// stays what it is.
///
/// # Errors
/// The error of the system call that failed.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.metadata().is_ok_and(|known| !known.is_file()) {
        return std::fs::write(path, content);
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let temporary = dir.join(format!(".{name}.{}.part", std::process::id()));
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(dir)?.sync_all()
}

/// Removes a directory and all in it, if it exists.
pub(crate) fn remove_dir_if_exists(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Read;

    use rustix::fs::CWD;
    use rustix::fs::FileType;
    use rustix::fs::Mode;
    use rustix::fs::mknodat;

    use super::*;

    #[test]
    fn files_are_replaced_and_pipes_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        for content in [&b"one"[..], b"2"] {
            write_atomically(&file, content).unwrap();
            assert_eq!(std::fs::read(&file).unwrap(), content);
        }
        let pipe = dir.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        let mut reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        write_atomically(&pipe, b"three").unwrap();
        let mut read = [0; 5];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"three");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
