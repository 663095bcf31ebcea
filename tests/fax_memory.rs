//! Hostile files: each ends soon, with an error or pages; TIFF in memory that grows with its own octets and one page,
//! PDF of a megabyte in less than 256.

mod common;

use common::fax::{TiffSpec, encode_mmr, sample_page};
use common::pdf;
use std::io::Write;
use std::time::Duration;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::fax::inspect;
use vpim_milter::media::{Job, run};

/// Highest resident memory of this process since the last call of [`forget_peak`], in KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// What is resident now becomes the peak; where the system does not do that, the peak so far stays.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// CPU time of this thread.
fn cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

/// A file of directories, each of fields (tag, type, count, value), with data behind them; `{data}` values are offsets
/// from its start.
struct Tiff {
    pages: Vec<Vec<(u16, u16, u32, u32)>>,
    data: Vec<u8>,
}

/// A value that is an offset into the data.
const DATA: u32 = 1 << 31;

impl Tiff {
    fn build(&self) -> Vec<u8> {
        let size = |fields: &Vec<(u16, u16, u32, u32)>| 2 + fields.len() as u32 * 12 + 4;
        let start = 8 + self.pages.iter().map(size).sum::<u32>();
        let mut out = b"II*\0\x08\0\0\0".to_vec();
        for (n, fields) in self.pages.iter().enumerate() {
            out.extend((fields.len() as u16).to_le_bytes());
            for &(tag, kind, count, value) in fields {
                let value = if value & DATA != 0 { start + (value & !DATA) } else { value };
                out.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
                out.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
            }
            let next = if n + 1 < self.pages.len() { out.len() as u32 + 4 } else { 0 };
            out.extend(next.to_le_bytes());
        }
        out.extend(&self.data);
        out
    }
}

/// Fields of a page of one strip at the start of the data.
fn page(compression: u32, width: u32, rows: u32, octets: u32) -> Vec<(u16, u16, u32, u32)> {
    vec![
        (256, 4, 1, width),
        (257, 4, 1, rows),
        (259, 3, 1, compression),
        (262, 3, 1, 0),
        (273, 4, 1, DATA),
        (278, 4, 1, u32::MAX),
        (279, 4, 1, octets),
    ]
}

fn one(compression: u32, width: u32, rows: u32, data: Vec<u8>) -> Vec<u8> {
    Tiff { pages: vec![page(compression, width, rows, data.len() as u32)], data }.build()
}

/// So many strips that are each nearly all of the data, each `step` octets behind the one before.
fn strips_over_strips(compression: u32, step: u32, strips: u32, coded: &[u8]) -> Vec<u8> {
    let tables = strips * 8;
    // The offsets are those in the file: one directory of 7 fields stands before the data.
    let start = 8 + 2 + 7 * 12 + 4;
    let mut data: Vec<u8> = (0..strips).flat_map(|n| (start + tables + n * step).to_le_bytes()).collect();
    data.extend((0..strips).flat_map(|_| (coded.len() as u32).to_le_bytes()));
    data.extend(coded);
    let mut fields = page(compression, 1728, strips, 0);
    fields[4] = (273, 4, strips, DATA);
    fields[5] = (278, 4, 1, 1);
    fields[6] = (279, 4, strips, DATA + strips * 4);
    Tiff { pages: vec![fields], data }.build()
}

/// Bits that are no code of T.4.
fn noise(octets: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..octets).map(|_| next()).collect()
}

/// EOLs with codes of 2,560 white pixels between them: runs without end.
fn long_runs(octets: usize) -> Vec<u8> {
    // 000000000001, then 000000011111 again and again.
    let mut bits: Vec<u8> = [0; 11].into_iter().chain([1]).collect();
    while bits.len() < octets * 8 {
        bits.extend([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    }
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | bit)).collect()
}

/// Whether a file has to be refused.
#[derive(Clone, Copy, PartialEq)]
enum Must {
    Refuse,
    End,
}

use Must::{End, Refuse};

fn cases() -> Vec<(&'static str, Must, Vec<u8>)> {
    // So much data that a pass too many, or a copy, shows.
    const SIZE: usize = 1 << 18;
    let mut many = Tiff { pages: vec![page(4, 1728, 10, 4); 5_000], data: vec![0xff; 4] };
    let thousands = many.build();
    many.pages = vec![page(4, 4_000, 4_000, 4); 500];
    let large_pages = many.build();
    let shared = noise(SIZE);
    let sharing = Tiff { pages: vec![page(3, 1728, 1_000, shared.len() as u32); 60], data: shared.clone() };
    let mut fields = vec![(258, 3, u32::MAX, 8); 250];
    fields.extend(page(4, 1728, 10, 4));
    let mut no_strips = page(4, 1728, 10, 4);
    no_strips[4] = (273, 4, 0, 0);
    no_strips[6] = (279, 4, 0, 0);
    let mut endless = Tiff { pages: vec![page(4, 1728, 1, 4); 3], data: vec![0xff; 4] }.build();
    let last = endless.len() - 8;
    endless[last..last + 4].copy_from_slice(&8u32.to_le_bytes());
    let row = encode_mmr(&sample_page(1728, 1), 1728);
    vec![
        ("65,535 x 65,535 MMR", Refuse, one(4, 65_535, 65_535, vec![0xff; 100])),
        ("65,535 x 65,535 MH", Refuse, one(3, 65_535, 65_535, vec![0; 100])),
        ("65,535 x 65,535 packed", Refuse, one(1, 65_535, 65_535, vec![0; 100])),
        ("4,294,967,295 columns", Refuse, one(4, u32::MAX, 1, vec![0xff; 100])),
        ("4,294,967,295 rows", Refuse, one(4, 1, u32::MAX, vec![0xff; 100])),
        ("4,000 x 4,000 of nothing", End, one(4, 4_000, 4_000, vec![0xff; 4])),
        ("500 pages of 4,000 x 4,000", Refuse, large_pages),
        ("5,000 directories", Refuse, thousands),
        ("directories that come back", Refuse, endless),
        (
            "a directory that is its own next",
            Refuse,
            b"II*\0\x08\0\0\0\x01\0\0\x01\x03\0\x01\0\0\0\x09\0\0\0\x08\0\0\0".to_vec(),
        ),
        ("fields of 4,294,967,295 values", End, Tiff { pages: vec![fields], data: vec![0xff; 4] }.build()),
        ("no strips", End, Tiff { pages: vec![no_strips], data: Vec::new() }.build()),
        ("MH strips over strips", End, strips_over_strips(3, 1, 4_000, &noise(4 * SIZE))),
        ("Compression 2 strips over strips", Refuse, strips_over_strips(2, 0, 4_000, &noise(4 * SIZE))),
        ("MH strips in one place", Refuse, strips_over_strips(3, 0, 4_000, &noise(4 * SIZE))),
        ("MMR strips over strips", End, strips_over_strips(4, 1, 4_000, &noise(4 * SIZE))),
        ("zeros over zeros", End, strips_over_strips(3, 1, 4_000, &vec![0; 4 * SIZE])),
        ("pages that share their data", End, sharing.build()),
        ("noise as MH", End, one(3, 1728, 9_000, noise(8 * SIZE))),
        ("noise as MMR", End, one(4, 1728, 9_000, noise(8 * SIZE))),
        ("zeros as MH", End, one(3, 1728, 9_000, vec![0; 16 * SIZE])),
        ("runs without end", End, one(3, 1728, 9_000, long_runs(8 * SIZE))),
        ("EOLs alone", End, one(3, 1728, 9_000, [0, 0x10, 0x01].repeat(3 * SIZE))),
        ("a row for a bit", End, one(4, 500, 30_000, vec![0xff; SIZE])),
        ("a row for a bit, no ImageLength", End, one(4, 500, 0, vec![0xff; SIZE])),
        ("one column", End, one(4, 1, 30_000, vec![0xff; SIZE])),
        (
            "the first row again and again",
            End,
            TiffSpec { length: 9_000, data: row, ..TiffSpec::default() }.build(),
        ),
    ]
}

/// `text` and so many MiB of spaces as Flate data.
fn inflating(text: &str, mebibytes: usize) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let mut put = |octets: &[u8]| writer.write_all(octets).expect("into memory");
    put(text.as_bytes());
    (0..mebibytes).for_each(|_| put(&[b' '; 1 << 20]));
    writer.finish().expect("into memory")
}

/// Object and cross-reference streams that grow; the streams of a file are decoded while it is opened.
fn growing_pdfs() -> Vec<(String, Vec<u8>)> {
    let page = || {
        let text = |text: &str| text.as_bytes().to_vec();
        vec![
            (1, text("<</Type/Catalog/Pages 2 0 R>>")),
            (3, text("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>")),
        ]
    };
    const PAGES: &str = "2 0 <</Type/Pages/Kids[3 0 R]/Count 1>>";
    let with = |entries: &str, data: &[u8], more: Option<&str>| {
        let mut objects = page();
        objects.push((10, pdf::stream(&format!("/N 1/First 4{entries}"), data)));
        objects.extend(more.map(|more| (11, more.as_bytes().to_vec())));
        pdf::compressed_file(&objects, &[(2, 10)])
    };
    let twice = {
        let once = inflating(PAGES, 4 << 10);
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(&once).expect("into memory");
        writer.finish().expect("into memory")
    };
    let chains = [
        "/Type/ObjStm/Filter[/FlateDecode/FlateDecode]",
        "/Filter[/FlateDecode/FlateDecode]",
        "/Type/ObjStm/F#69lter[/Fl#61teDecode/Fl]",
        "/Type/ObjStm/F[/Fl/Fl]",
        "/Type/ObjStm/Filter[/Crypt/FlateDecode/FlateDecode]",
        "/Type/ObjStm/Filter[/FlateDecode % ]\n/None/FlateDecode]",
        "/Type/ObjStm/Filter[/FlateDecode/FlateDecode]/S(\\) >> stream (>>) )",
        "/Subtype/Image/Width 9/Height 9/Filter[/FlateDecode/FlateDecode]",
    ];
    let mut all: Vec<(String, Vec<u8>)> =
        chains.iter().map(|entries| ((*entries).to_owned(), with(entries, &twice, None))).collect();
    let elsewhere = with("/Filter 11 0 R", &twice, Some("[/FlateDecode/FlateDecode]"));
    all.push(("filters named elsewhere".into(), elsewhere));
    let lost = with(chains[0], &twice, None);
    let at = lost.windows(9).rposition(|word| word == b"startxref").expect("a file");
    all.push(("no startxref".into(), [&lost[..at], b"startxxxx"].concat()));
    for kind in ["/Type/ObjStm", "/Subtype/Image/Width 10000/Height 19000/BitsPerComponent 8"] {
        let mut objects = page();
        objects.push((10, pdf::stream("/Type/ObjStm/N 1/First 4", PAGES.as_bytes())));
        let mut within = vec![(2, 10)];
        for n in 20..25 {
            let data = inflating(&format!("{} 0 <<>>", n + 100), 185);
            objects.push((n, pdf::stream(&format!("{kind}/N 1/First 6/Filter/FlateDecode"), &data)));
            within.push((n + 100, n));
        }
        all.push((format!("five {kind}"), pdf::compressed_file(&objects, &within)));
    }
    let numbers = "2 9 ".repeat(20 << 20);
    let coded = inflating(&numbers, 0);
    all.push((
        "objects of no octets".into(),
        with("/Type/ObjStm/Filter/FlateDecode/N 20000000", &coded, None),
    ));
    let mut references = b"%PDF-1.5\n".to_vec();
    for (number, object) in page() {
        references.extend(format!("{number} 0 obj\n").bytes().chain(object).chain(*b"\nendobj\n"));
    }
    let start = references.len();
    let entries = "/Type/XRef/Size 190000000/W[0 1 0]/Root 1 0 R/Filter/FlateDecode";
    references.extend(b"9 0 obj\n");
    references.extend(pdf::stream(entries, &inflating("", 180)));
    references.extend(format!("\nendobj\nstartxref\n{start}\n%%EOF\n").bytes());
    all.push(("references".into(), references));
    all
}

/// Files whose objects are read again and again: time or memory would grow with the square of their octets.
fn repeating_pdfs() -> Vec<(&'static str, Vec<u8>)> {
    // What a reader without a cross-reference table tries.
    let tried =
        |unit: &str| [b"%PDF-1.4\n", unit.repeat((900 << 10) / unit.len()).as_bytes(), b"\n%%EOF"].concat();
    let long = format!("<<{}>>", "/A 1".repeat(100_000)).into_bytes();
    let longer = |key: &str| format!("{key}[{}]", "1 ".repeat(200_000));
    let page = |resources: &str, content: &str, more: Vec<Vec<u8>>| {
        pdf::page("/MediaBox[0 0 612 792]", resources, content, more)
    };
    let flate = |entries: &str, text: &str, mebibytes: usize| {
        pdf::stream(&format!("{entries}/Filter/FlateDecode"), &inflating(text, mebibytes))
    };
    let catalog = || b"<</Type/Catalog/Pages 2 0 R>>".to_vec();
    let pages = |kids: &str| format!("<</Type/Pages/Kids[{kids}]/Count 1/MediaBox[0 0 99 99]>>").into_bytes();
    let shown = |contents: &str| format!("<</Type/Page/Parent 2 0 R/Contents {contents}>>").into_bytes();
    let many = |text: &dyn Fn(usize) -> String| (0..400).map(text).collect::<String>();
    let fonts = many(&|n| format!("/F{n} {} 0 R", 6 + n));
    let words = many(&|n| format!("BT /F{n} 9 Tf (ab) Tj ET "));
    let mut code_tables = vec![flate("", "begincmap 1 begincidchar <0001> 1 endcidchar ", 32)];
    code_tables.extend((0..400).map(|n| {
        let below = "<</Type/Font/Subtype/CIDFontType2/BaseFont/X>>";
        format!("<</Type/Font/Subtype/Type0/BaseFont/F{n}/Encoding 5 0 R/DescendantFonts[{below}]>>")
            .into_bytes()
    }));
    let kids = many(&|n| format!("{} 0 R ", 4 + n));
    let mut sharing = vec![catalog(), pages(&kids), flate("", "q Q", 30)];
    sharing.extend((0..400).map(|_| shown("3 0 R")));
    let roots = [&b"%PDF-1.4\n1 0 obj "[..], &long, &b"\n<</Root 1 0 R>>".repeat(30_000)].concat();
    let twenty_gigabytes = |more: Vec<Vec<u8>>, contents: &str| {
        pdf::file(&[vec![catalog(), pages("3 0 R"), shown(contents), flate("", "q Q", 10)], more].concat())
    };
    let array = || format!("[{}]", "4 0 R ".repeat(2_000));
    vec![
        ("open strings", tried("1 0 obj ( ")),
        ("comments on one line", tried("1 0 obj % ")),
        ("numbers and comments", tried("1 % ")),
        ("names and comments", tried("/W % ")),
        ("open dictionaries", tried("<< /A ")),
        ("open arrays", tried("1 0 obj [ ")),
        ("open dictionaries with strings", tried("1 0 obj << /A (")),
        ("trailers of one long catalog", roots),
        ("one graphics state", page("/ExtGState<</G 5 0 R>>", &"/G gs ".repeat(60_000), vec![long.clone()])),
        (
            "one graphics state, in its place",
            page(&format!("/ExtGState<</G<<{}>>>>", longer("/A")), &"/G gs ".repeat(60_000), Vec::new()),
        ),
        (
            "one pattern",
            page("/Pattern<</G 5 0 R>>", &"/Pattern cs /G scn ".repeat(9_000), vec![long.clone()]),
        ),
        ("one font", page("/Font<</G 5 0 R>>", &"/G 1 Tf ".repeat(60_000), vec![long])),
        (
            "one form",
            page("/XObject<</G 5 0 R>>", &"/G Do ".repeat(60_000), vec![pdf::stream(&longer("/A"), b"")]),
        ),
        (
            "one function",
            page(
                "/Shading<</G<</ShadingType 1/ColorSpace/DeviceRGB/Function 5 0 R>>>>",
                &"/G sh ".repeat(60_000),
                vec![flate(
                    "/FunctionType 0/Domain[0 1 0 1]/Range[0 1 0 1 0 1]/Size[2 2]/BitsPerSample 8",
                    "",
                    60,
                )],
            ),
        ),
        ("one code table", page(&format!("/Font<<{fonts}>>"), &words, code_tables)),
        ("one content, on a page", twenty_gigabytes(Vec::new(), &array())),
        ("one content, by an array", twenty_gigabytes(vec![array().into_bytes()], "5 0 R")),
        ("one content, on many pages", pdf::file(&sharing)),
    ]
}

fn pdfs_that_grow_are_refused() {
    let declared: mime::Mime = "application/pdf".parse().expect("a type");
    let limits = Limits::default();
    let repeating = repeating_pdfs().into_iter().map(|(name, file)| (name.to_owned(), file));
    for (name, file) in growing_pdfs().into_iter().chain(repeating) {
        assert!(file.len() <= 1 << 20, "{name}: {}", file.len());
        forget_peak();
        let (memory, time) = (peak_kib().unwrap_or(0), cpu().unwrap_or_default());
        let job = Job::convert(declared.clone(), "image/tiff".parse().expect("a type"));
        let result = run(&job, &file, &limits, &mut Budget::new(&limits));
        let seconds = cpu().unwrap_or_default().saturating_sub(time).as_secs_f64();
        let grown = peak_kib().unwrap_or(0).saturating_sub(memory);
        let said = result.as_ref().map_or_else(ToString::to_string, |_| "a page".to_owned());
        println!("{name}, {} octets: {seconds:.2} s, {grown} KiB: {said}", file.len());
        assert!(result.is_err(), "{name}");
        assert!(grown < 256 << 10, "{name}: {grown} KiB");
        assert!(seconds < 20.0, "{name}: {seconds} s");
    }
}

const TARGETS: [&str; 6] = [
    "application/pdf",
    "image/tiff;compression=mh",
    "image/tiff;compression=mmr;coded=anew",
    "image/tiff;profile=s",
    "image/png",
    "image/x-portable-bitmap",
];

/// Pixels that a page may have here.
const PIXELS: u64 = 16_000_000;

// The only test of this file: others would share the process.
#[test]
fn hostile_files_take_bounded_time_and_memory() {
    if peak_kib().is_none() || cpu().is_none() {
        println!("skipped: no /proc");
        return;
    }
    pdfs_that_grow_are_refused();
    let limits =
        Limits { page_pixels: PIXELS, fax_pixels: 4 * PIXELS, output_bytes: 16 << 20, ..Limits::default() };
    let declared: mime::Mime = "image/tiff".parse().expect("a type");
    for (name, must, file) in cases() {
        let mut refused = 0;
        for target in TARGETS {
            forget_peak();
            let (memory, time) = (peak_kib().unwrap_or(0), cpu().unwrap_or_default());
            if target == TARGETS[0] {
                let _ = inspect(&declared, &file, &limits, &mut Budget::new(&limits));
            }
            let job = Job::convert(declared.clone(), target.parse().expect("a type"));
            let result = run(&job, &file, &limits, &mut Budget::new(&limits));
            let output = result.as_ref().map_or(0, |output| output.bytes.len());
            refused += u32::from(result.is_err());
            let said = match &result {
                Ok(output) => output.report.losses.len().to_string() + " losses",
                Err(error) => error.to_string(),
            };
            let seconds = cpu().unwrap_or_default().saturating_sub(time).as_secs_f64();
            let grown = peak_kib().unwrap_or(0).saturating_sub(memory);
            println!("{name}, {target}: {seconds:.2} s, {grown} KiB, output {output}: {said}");
            // The pixels of one page, in shades while it is made smaller; a copy of the file; the output as it grows.
            let most = 8 * 1_024 + (PIXELS / 4 + 3 * (file.len() + output) as u64) / 1_024;
            let shades =
                if target.contains("png") || target.contains("profile") { PIXELS / 1_024 } else { 0 };
            assert!(grown < most + shades, "{name}, {target}: {grown} KiB");
            assert!(seconds < 20.0, "{name}, {target}: {seconds} s");
        }
        assert!(must == End || refused as usize >= TARGETS.len() - 1, "{name}: {refused} refused");
    }
}
