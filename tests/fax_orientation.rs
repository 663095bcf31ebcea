//! Pages stored turned or mirrored (TIFF 6.0 and Exif Orientation) are shown upright, whatever they become.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{TiffSpec, convert, convert_as, encode_mmr, pages_of_pbm};
use common::programs::{Folder, run, text};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Job, Preview, Thumbnail};

const PBM: &str = "image/x-portable-bitmap";
/// Neither is a multiple of eight.
const WIDTH: usize = 1001;
const ROWS: usize = 507;

/// A page that looks different from every side: a block where row 0 meets column 0, and a bar.
fn black(x: usize, y: usize) -> bool {
    x < 83 && y < 101 || (207..905).contains(&x) && (300..321).contains(&y)
}

/// Packed rows of `width` pixels.
fn packed(width: usize, rows: usize, black: impl Fn(usize, usize) -> bool) -> Vec<u8> {
    let stride = width.div_ceil(8);
    let mut page = vec![0; stride * rows];
    for (x, y) in (0..rows).flat_map(|y| (0..width).map(move |x| (x, y))).filter(|&(x, y)| black(x, y)) {
        page[y * stride + x / 8] |= 0x80 >> (x % 8);
    }
    page
}

fn stored(orientation: u16, resolution: (u32, u32)) -> TiffSpec {
    let page = packed(WIDTH, ROWS, black);
    TiffSpec {
        width: WIDTH as u32,
        length: ROWS as u32,
        x_resolution: resolution.0,
        y_resolution: resolution.1,
        orientation,
        data: encode_mmr(&page, WIDTH),
        ..TiffSpec::default()
    }
}

/// Width, rows and pixels of the page as TIFF 6.0 says it is seen: which edges row 0 and column 0 lie at.
fn seen(orientation: u16) -> (u32, u32, Vec<u8>) {
    let (right, bottom) = (WIDTH - 1, ROWS - 1);
    let upright = |x: usize, y: usize| match orientation {
        2 => black(right - x, y),
        3 => black(right - x, bottom - y),
        4 => black(x, bottom - y),
        5 => black(y, x),
        6 => black(y, bottom - x),
        7 => black(right - y, bottom - x),
        8 => black(right - y, x),
        _ => black(x, y),
    };
    let (width, rows) = if (5..=8).contains(&orientation) { (ROWS, WIDTH) } else { (WIDTH, ROWS) };
    (width as u32, rows as u32, packed(width, rows, upright))
}

#[test]
fn bitmaps_and_png_show_the_page_as_libtiff_and_ghostscript_do() {
    let folder = Folder::new("upright");
    for orientation in 0..=9 {
        let tiff = stored(orientation, (72, 72)).build();
        let expected = seen(orientation);
        let shown = convert(&tiff, PBM).unwrap();
        assert!(pages_of_pbm(&shown.bytes) == [expected.clone()], "{orientation}");
        assert_eq!(shown.report.losses, [""; 0], "{orientation}");
        let picture = convert(&tiff, "image/png").unwrap();
        assert_eq!(picture.report.losses, [""; 0], "{orientation}");
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture.bytes)).read_info().unwrap();
        let mut rows = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rows).unwrap();
        assert_eq!((info.width, info.height), (expected.0, expected.1), "{orientation}");
        rows.iter_mut().for_each(|octet| *octet = !*octet);
        assert!(rows == expected.2, "{orientation}");
        if !(1..=8).contains(&orientation) {
            continue;
        }
        let (input, pdf) = (folder.write("page.tif", &tiff), folder.path("page.pdf"));
        let out = format!("-sOutputFile={}", text(&folder.path("gs.pbm")));
        let draw = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pbmraw", "-r72", &out, text(&pdf)];
        let programs = run("tiff2pdf", &["-o", text(&pdf), text(&input)]).and_then(|_| run("gs", &draw));
        if programs.is_some() {
            assert!(folder.take_pbm("gs") == [expected], "{orientation}");
        }
    }
}

#[test]
fn dots_that_are_not_square_turn_with_the_page() {
    let size = |orientation: u16| {
        let picture = convert(&stored(orientation, (204, 98)).build(), "image/png").unwrap().bytes;
        let reader = png::Decoder::new(std::io::Cursor::new(&picture)).read_info().unwrap();
        let dots = reader.info().pixel_dims.unwrap();
        assert_eq!(dots.xppu, dots.yppu);
        (reader.info().width, reader.info().height, f64::from(dots.xppu) * 0.0254)
    };
    let lying = size(1);
    assert_eq!((lying.0, lying.1, lying.2.round()), (1001, 1055, 204.0));
    let standing = size(6);
    assert_eq!((standing.0, standing.1, standing.2.round()), (507, 481, 98.0));
}

fn thumbnail(tiff: &[u8]) -> Thumbnail {
    let limits = Limits::default();
    let job = Job::Preview { declared: "image/tiff".parse().unwrap() };
    let output = media::run(&job, tiff, &limits, &mut Budget::new(&limits)).unwrap();
    assert_eq!(output.report.losses, [""; 0]);
    let Preview::Pages(mut pages) = Preview::of(&output) else { panic!("no pages") };
    pages.remove(0)
}

#[test]
fn previews_are_those_of_the_upright_page() {
    for orientation in 1..=8 {
        let (width, length, page) = seen(orientation);
        let data = encode_mmr(&page, width as usize);
        let upright = TiffSpec { width, length, data, ..stored(1, (204, 204)) }.build();
        let shown = thumbnail(&stored(orientation, (204, 204)).build());
        assert!(shown.width <= 320, "{orientation}");
        assert!(shown == thumbnail(&upright), "{orientation}");
    }
}

/// A TIFF of one page with eight bits a pixel.
fn grey_tiff(orientation: u16) -> Vec<u8> {
    let shade = |(x, y): (usize, usize)| if black(x, y) { 0 } else { 255 };
    let data = (0..ROWS).flat_map(|y| (0..WIDTH).map(move |x| shade((x, y)))).collect();
    let spec = TiffSpec { compression: 1, photometric: 1, data, ..stored(orientation, (204, 196)) };
    let mut file = spec.build();
    // BitsPerSample, the third field.
    assert_eq!(file[34..36], 258u16.to_le_bytes());
    file[42] = 8;
    file
}

/// A JPEG of the page with Exif data that only say how it is turned.
fn jpeg(orientation: u16) -> Vec<u8> {
    let shade = |x: u32, y: u32| if black(x as usize, y as usize) { 0u8 } else { 255 };
    let picture = image::GrayImage::from_fn(WIDTH as u32, ROWS as u32, |x, y| image::Luma([shade(x, y)]));
    let mut plain = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut plain, image::ImageFormat::Jpeg).unwrap();
    let plain = plain.into_inner();
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    exif.extend(orientation.to_be_bytes());
    exif.extend([0; 6]);
    let mut file = plain[..2].to_vec();
    file.extend([0xff, 0xe1, 0, exif.len() as u8 + 2]);
    file.extend(exif);
    file.extend(&plain[2..]);
    file
}

/// Which quarter of what is black on a page lies where: above or below the middle of it, left or right.
fn block(page: &(u32, u32, Vec<u8>)) -> (bool, bool) {
    let stride = page.0.div_ceil(8) as usize;
    let dark = |x: usize, y: usize| page.2[y * stride + x / 8] << (x % 8) & 0x80 != 0;
    let dots = (0..page.1 as usize).flat_map(|y| (0..page.0 as usize).map(move |x| (x, y)));
    let dots: Vec<(usize, usize)> = dots.filter(|&(x, y)| dark(x, y)).collect();
    let (left, right) =
        (dots.iter().map(|dot| dot.0).min().unwrap(), dots.iter().map(|dot| dot.0).max().unwrap());
    let (top, bottom) = (dots[0].1, dots[dots.len() - 1].1);
    // The block is thick and the bar is thin: the corner of all that has most dots around it.
    let corner = |x: usize, y: usize| {
        dots.iter().filter(|dot| dot.0.abs_diff(x) < 150 && dot.1.abs_diff(y) < 150).count()
    };
    let corners = [(true, true), (true, false), (false, true), (false, false)];
    let count = |&(above, before): &(bool, bool)| {
        corner(if before { left } else { right }, if above { top } else { bottom })
    };
    corners.into_iter().max_by_key(count).unwrap()
}

#[test]
fn grey_tiff_and_photographs_are_turned_before_they_are_laid_on_the_page() {
    for orientation in 1..=8 {
        let (above, before) = block(&seen(orientation));
        let grey = pages_of_pbm(&convert(&grey_tiff(orientation), PBM).unwrap().bytes);
        assert_eq!(block(&grey[0]), (above, before), "tiff {orientation}");
        // A photograph that lies is turned clockwise to fill the page, so the block goes from corner to corner.
        let expected = if orientation < 5 { (before, !above) } else { (above, before) };
        let photograph = pages_of_pbm(&convert_as("image/jpeg", &jpeg(orientation), PBM).unwrap().bytes);
        assert_eq!(block(&photograph[0]), expected, "jpeg {orientation}");
    }
}

#[test]
fn a_grey_page_behind_a_reduced_copy_is_the_page() {
    let page = grey_tiff(1);
    let small = TiffSpec {
        width: 50,
        length: 20,
        compression: 1,
        photometric: 1,
        data: vec![0; 1000],
        ..stored(1, (204, 196))
    };
    let mut file = small.build();
    file[42] = 8;
    // T4Options, the last field, becomes NewSubfileType 1; then comes the offset of the next directory.
    let last = 10 + 12 * 12;
    assert_eq!(file[last..last + 2], 292u16.to_le_bytes());
    file[last..last + 2].copy_from_slice(&254u16.to_le_bytes());
    file[last + 8] = 1;
    let behind = file.len() as u32;
    file[last + 12..last + 16].copy_from_slice(&(behind + 8).to_le_bytes());
    let mut second = page.clone();
    for at in (10..10 + 13 * 12).step_by(12) {
        let tag = u16::from_le_bytes([second[at], second[at + 1]]);
        if matches!(tag, 273 | 282 | 283) {
            let offset = u32::from_le_bytes(second[at + 8..at + 12].try_into().unwrap()) + behind;
            second[at + 8..at + 12].copy_from_slice(&offset.to_le_bytes());
        }
    }
    file.extend(second);
    let both = convert(&file, PBM).unwrap();
    assert!(
        both.report.losses.iter().any(|loss| loss.contains("reduced copies")),
        "{:?}",
        both.report.losses
    );
    assert!(both.bytes == convert(&page, PBM).unwrap().bytes);
}
