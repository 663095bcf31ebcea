//! Fax bodies: what every reader must read, and what we write.

use super::common::fax::{TiffSpec, convert, encode_mmr, inspect, pages_of_pbm, sample_page};
use super::common::pages::{ROWS, WIDTH, big_endian, bitmap, minimum, page, rtc, scattered, spec, two_pages};
use super::seen::{Seen, processed, strict};
use super::{Kept, Scene, need};
use vpim_milter::engine::Verdict;
use vpim_milter::message::transfer;

pub const SCENES: &[Scene] = &[
    Scene { id: "vpim2421-fax-without-application", play: |sound| label(&[""], sound) },
    Scene {
        id: "image-tiff-application-hint",
        play: |sound| {
            label(&["; application=faxbw", "; application=faxcolor", "; application=\"/bin/sh\""], sound)
        },
    },
    Scene { id: "ifax-multiple-tiff-processed", play: several_files },
    Scene { id: "ifax-write-minimum-set", play: writes_profile_s },
    Scene { id: "ifax-read-minimum-set", play: reads_minimum },
    Scene { id: "tiff-f-minimum-subset-readable", play: reads_minimum },
    Scene { id: "tiff-s-read-without-rtc", play: |sound| reads(&rtc(0), sound) },
    Scene { id: "tiff-s-read-with-rtc", play: |sound| reads(&rtc(6), sound) },
    Scene {
        id: "tiff-f-read-rtc-either-way",
        play: |sound| {
            reads(&rtc(0), true)?;
            reads(&rtc(6), sound)
        },
    },
    Scene { id: "tiff-s-multiple-ifds-read", play: all_pages },
    Scene { id: "tiff-f-multi-page-read", play: all_pages },
    Scene { id: "tiff-f-byte-order-either", play: |sound| reads(&big_endian(&page()), sound) },
    Scene { id: "tiff-f-read-any-layout", play: |sound| reads(&scattered(), sound) },
    Scene { id: "tiff-f-resolution-equivalents", play: resolutions },
];

/// The pages of a file, or why there are none.
fn pages(tiff: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let pbm = convert(tiff, "image/x-portable-bitmap").map_err(|e| e.to_string())?;
    Ok(pages_of_pbm(&pbm.bytes).into_iter().map(|(_, _, rows)| rows).collect())
}

/// The file decodes to the page; cut in the middle of its data it does not.
fn reads(tiff: &[u8], sound: bool) -> Kept {
    let mut tiff = tiff.to_vec();
    if !sound {
        let middle = tiff.len() / 2;
        tiff.iter_mut().skip(middle).for_each(|b| *b = 0);
    }
    let read = pages(&tiff)?;
    need(read == [bitmap()], || format!("{} pages, not those expected", read.len()))
}

fn reads_minimum(sound: bool) -> Kept {
    let file = minimum()?;
    let facts = inspect(&file).map_err(|e| e.to_string())?;
    let first = &facts.pages[0];
    let is_minimum =
        first.coding.eq_ignore_ascii_case("mh") && first.fill_order == Some(2) && first.strips == 1;
    need(is_minimum && facts.byte_order.as_deref() == Some("II"), || format!("{first:?}"))?;
    reads(&file, sound)
}

/// A mail with these files.
fn mail(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"From: <a@x.test>\r\nTo: <b@y.test>\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\n\
        Message-ID: <f@x.test>\r\nSubject: fax\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b1\r\n\r\n"
        .to_vec();
    for (label, file) in files {
        let head = format!(
            "--b1\r\nContent-Type: image/tiff{label}\r\nContent-Disposition: attachment; filename=f.tif\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&transfer::encode_base64(file, "\r\n"));
    }
    out.extend_from_slice(b"--b1--\r\n");
    out
}

/// Whatever the parameter says, the bytes decide.
fn label(labels: &[&str], sound: bool) -> Kept {
    let file = if sound { page() } else { b"no picture".to_vec() };
    for label in labels {
        let raw = mail(&[(label, &file)]);
        let seen = Seen::of(raw.clone());
        need(seen.bodies.iter().map(|b| b.pages).eq([1]), || format!("{label}: {}", seen.shown()))?;
        let outcome = processed(&raw, &strict("desktop"));
        let converted = outcome.record.actions.iter().any(|a| a.contains("application/pdf"));
        need(converted && outcome.verdict == Verdict::Deliver, || format!("{label}: {:?}", outcome.record))?;
    }
    Ok(())
}

fn several_files(sound: bool) -> Kept {
    let (one, two) = (page(), two_pages());
    let broken = b"no picture".to_vec();
    let raw = mail(&[("", &one), ("", if sound { &two } else { &broken }), ("", &one)]);
    let seen = Seen::of(raw.clone());
    need(seen.bodies.iter().map(|b| b.pages).eq([1, 2, 1]), || seen.shown())?;
    let outcome = processed(&raw, &strict("desktop"));
    let actions = outcome.record.actions;
    let order: Vec<_> = actions.iter().filter(|a| a.contains("application/pdf")).map(|a| &a[..2]).collect();
    need(order == ["1:", "2:", "3:"], || format!("{actions:?}"))
}

/// The writer's minimum file is found fault with by no rule of profile S; one in MMR is.
fn writes_profile_s(sound: bool) -> Kept {
    let file = if sound { minimum()? } else { page() };
    let seen = Seen::of(mail(&[("; application=faxbw", &file)]));
    let facts = inspect(&file).map_err(|e| e.to_string())?;
    let first = &facts.pages[0];
    let form = (first.compression, first.fill_order, first.width, first.strips, facts.first_ifd_offset);
    need(form == (Some(3), Some(2), 1728, 1, Some(8)), || format!("{form:?}"))?;
    let of_s: Vec<_> = seen.musts.iter().filter(|r| r.starts_with("tiff-s")).collect();
    need(of_s.is_empty() && seen.bodies.iter().map(|b| b.pages).eq([1]), || seen.shown())
}

fn all_pages(sound: bool) -> Kept {
    let mut file = two_pages();
    if !sound {
        file[10 + 13 * 12..14 + 13 * 12].fill(0);
    }
    let read = pages(&file)?;
    need(read == [bitmap(), bitmap()], || format!("{} pages", read.len()))?;
    for target in ["image/tiff;application=faxbw", "application/pdf"] {
        let output = convert(&file, target).map_err(|e| e.to_string())?;
        need(output.report.losses.is_empty(), || format!("{:?}", output.report.losses))?;
    }
    Ok(())
}

/// Both values of each pair are the same page; a resolution of no pair is said to be none.
fn resolutions(sound: bool) -> Kept {
    let pairs =
        [(200, 100), (204, 98), (200, 200), (204, 196), (204, 391), (200, 400), (408, 391), (400, 400)];
    let pairs = if sound { &pairs[..] } else { &[(150, 150)] };
    for (x, y) in pairs {
        let width = if *x >= 400 { 2 * WIDTH } else { WIDTH };
        let data = encode_mmr(&sample_page(width, ROWS), width);
        let spec = TiffSpec { width: width as u32, data, x_resolution: *x, y_resolution: *y, ..spec() };
        let mut file = spec.build();
        // ResolutionUnit, inches, in the place of T4Options.
        file[154..166].copy_from_slice(&[0x28, 1, 3, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
        let target = "image/tiff;application=faxbw;compression=mh";
        let output = convert(&file, target).map_err(|e| e.to_string())?;
        need(output.report.losses.is_empty(), || format!("{x}x{y}: {:?}", output.report.losses))?;
    }
    Ok(())
}
