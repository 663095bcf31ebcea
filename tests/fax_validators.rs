//! What others judge our files with: the checkers of HylaFAX for TIFF-F, a validator of PDF/A. `tests/install-tools.sh`
//! puts them where these tests look; skipped, with a line saying so, where they are not.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "support/tools.rs"]
mod tools;

use common::fax::{LEGAL_ROWS, TiffSpec, convert, convert_as, encode_mmr, inspect, legal_pages, sample_page};
use common::pages::two_pages;
use common::programs::{Folder, text};
use std::path::{Path, PathBuf};
use std::process::Command;

fn tool(variable: &str, folder: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| Path::new("/opt/vpim-milter-tests").join(folder), PathBuf::from)
}

/// Standard output of a program of HylaFAX.
fn hylafax(tree: &Path, program: &str, arguments: &[&str]) -> String {
    let programs = tree.join("usr/lib/hylafax");
    let mut command = Command::new("timeout");
    command.arg("60").arg(programs.join("bin").join(program)).args(arguments);
    let output = command.env("LD_LIBRARY_PATH", &programs).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn hylafax_sends_our_tiff_f_of_every_size_and_coding_as_it_is() {
    let tree = tool("VPIM_HYLAFAX_TREE", "hylafax");
    if !tools::available(&[text(&tree.join("usr/lib/hylafax/bin/tiffcheck"))]) {
        return;
    }
    let folder = Folder::new("hylafax");
    let mut accepted = 0;
    for (name, source) in legal_pages() {
        for (coding, option, format) in
            [("mh", "-1", "1-D MH"), ("mr", "-2", "2-D MR"), ("mmr", "-3", "2-D MMR")]
        {
            let written = convert(&source, &format!("image/tiff;application=faxbw;compression={coding}"))
                .unwrap()
                .bytes;
            let page = inspect(&written).unwrap().pages.remove(0);
            let file = folder.write("page.tif", &written);
            let (lines, columns) = (page.y_resolution.unwrap().to_string(), page.width.to_string());
            // For a receiver of this coding, density and width nothing is left to do.
            let said = hylafax(&tree, "tiffcheck", &["-r", &lines, "-w", &columns, option, text(&file)]);
            assert_eq!(said.trim(), "OK", "{name} {coding}");
            let facts = hylafax(&tree, "faxinfo", &[text(&file)]);
            let fact =
                |name: &str| facts.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
            assert_eq!((fact("Pages:"), fact("DataFormat:")), (Some("1"), Some(format)), "{name} {coding}");
            accepted += 1;
        }
    }
    assert_eq!(accepted, 72);
    // It does say so where something is.
    let page = convert(&legal_pages()[0].1, "image/tiff;compression=mh").unwrap().bytes;
    let file = folder.write("page.tif", &page);
    let said = hylafax(&tree, "tiffcheck", &["-r", "196", "-w", "1728", "-1", text(&file)]);
    assert!(said.starts_with("REVRES"), "{said}");
}

/// The rules of PDF/A-1b that each of the files breaks, by `page`, which is independent of our PDF writer.
fn broken_rules(python: &Path, files: &[PathBuf]) -> Vec<String> {
    const JUDGE: &str = "
import page, sys
for file in sys.argv[1:]:
    report = page.validate_pdf(file, profile='1b')
    rules = {failure.rule_id for failure in report.failures} or {'' if report.is_compliant else 'unnamed'}
    print(' '.join(sorted(rules)))";
    let output = Command::new(python).args(["-c", JUDGE]).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), files.len());
    lines
}

#[test]
fn our_pdf_of_every_kind_of_page_is_pdf_a() {
    let python = tool("VPIM_PDFA_ENVIRONMENT", "pdfa").join("bin/python3");
    // Not a package of the system: it may be missing where all other tools are there.
    if !python.exists() {
        println!("skipped: no validator of PDF/A (tests/install-tools.sh)");
        return;
    }
    let folder = Folder::new("pdfa");
    let (mut names, mut files) = (Vec::new(), Vec::new());
    let mut add = |name: String, pdf: &[u8]| {
        files.push(folder.write(&format!("{}.pdf", names.len()), pdf));
        names.push(name);
    };
    for (name, source) in legal_pages() {
        for coding in ["mh", "mr", "mmr"] {
            let tiff = convert(&source, &format!("image/tiff;compression={coding}")).unwrap().bytes;
            add(format!("{name} {coding}"), &convert(&tiff, "application/pdf").unwrap().bytes);
        }
    }
    for orientation in 1..=8 {
        let data = encode_mmr(&sample_page(1728, LEGAL_ROWS as usize), 1728);
        let photometric = orientation % 2;
        let page = TiffSpec { length: LEGAL_ROWS, orientation, photometric, data, ..TiffSpec::default() };
        add(format!("turned {orientation}"), &convert(&page.build(), "application/pdf").unwrap().bytes);
    }
    for (width, rows) in [(1, 1), (7, 3), (8, 1), (2561, 5)] {
        let data = encode_mmr(&sample_page(width, rows), width);
        let page = TiffSpec { width: width as u32, length: rows as u32, data, ..TiffSpec::default() };
        add(format!("{width} x {rows}"), &convert(&page.build(), "application/pdf").unwrap().bytes);
    }
    add("two pages".into(), &convert(&two_pages(), "application/pdf").unwrap().bytes);
    add("text".into(), &convert_as("text/plain", "Grüße\n".as_bytes(), "application/pdf").unwrap().bytes);
    let broken = broken_rules(&python, &files);
    let faults: Vec<_> = names.iter().zip(&broken).filter(|(_, rules)| !rules.is_empty()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    println!("PDF/A-1b: {} files", names.len());
    // Each of these is missed where it is not as it should be.
    let good = std::fs::read(&files[0]).unwrap();
    let spoilt = |from: &str, to: &str| {
        let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut pdf = good.clone();
        pdf[at..at + from.len()].copy_from_slice(to.as_bytes());
        broken_rules(&python, &[folder.write("spoilt.pdf", &pdf)]).remove(0)
    };
    for (from, to, rule) in [
        ("/ID", "/IX", "TRAILER-ID"),
        ("/OutputIntents", "/OutputIntentX", "DEVICE-GRAY"),
        ("<pdfaid:part>1", "<pdfaid:part>2", "ID-PART"),
        ("vpim-milter", "vpim-Milter", "INFO-PRODUCER"),
    ] {
        let rules = spoilt(from, to);
        assert!(rules.contains(rule), "{from}: {rules}");
    }
}
