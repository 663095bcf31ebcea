//! Other programs that read and write faxes, and the files they work on.

use super::fax::pages_of_pbm;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A page: width, rows, packed rows.
pub type Pages = Vec<(u32, u32, Vec<u8>)>;

/// A folder for one test, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vpim-milter-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A file in it that need not be there.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// All PBM files that begin with `prefix`, in order; they are removed.
    pub fn take_pbm(&self, prefix: &str) -> Pages {
        let entries = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        let mut files: Vec<PathBuf> = entries.filter(|path| name(path).starts_with(prefix)).collect();
        files.sort();
        let mut pages = Vec::new();
        for file in files {
            pages.extend(pages_of_pbm(&std::fs::read(&file).unwrap()).into_iter().map(without_padding));
            std::fs::remove_file(file).unwrap();
        }
        pages
    }
}

/// Some programs leave 1 bits behind the last pixel of a row.
fn without_padding((width, height, mut rows): (u32, u32, Vec<u8>)) -> (u32, u32, Vec<u8>) {
    for row in rows.chunks_mut(width.div_ceil(8) as usize) {
        if !width.is_multiple_of(8) {
            *row.last_mut().unwrap() &= 0xff << (8 - width % 8);
        }
    }
    (width, height, rows)
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a program: its standard error, or `None` where it is not installed. fax tools are known to loop, so
/// there is a time limit.
pub fn run(program: &str, arguments: &[&str]) -> Option<String> {
    output(program, arguments).map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Runs a program in the same way: its standard output.
pub fn said(program: &str, arguments: &[&str]) -> Option<String> {
    output(program, arguments).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<Output> {
    if !std::env::split_paths(&std::env::var_os("PATH")?).any(|folder| folder.join(program).exists()) {
        println!("skipped: {program} (not installed)");
        return None;
    }
    let output = Command::new("timeout").arg("60").arg(program).args(arguments).output().ok()?;
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output)
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
