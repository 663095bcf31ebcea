//! Symbol dictionaries and text regions: how large symbols are, and which of them a page shows, told by decoding them.
//! Nothing tells it before: sizes and pixels are one stream of arithmetic coding. Only what scanners write is followed
//! (arithmetic coding, template 0 with its nominal pixels, no refinement).

use super::arithmetic::{Context, Decoder, Identifier, Integer};
use super::{Cost, DAMAGED, be32};

const OTHER: &str = "a JBIG2 image with symbols in a rare coding is left out";
/// Symbols of a dictionary; a page of text has some hundred.
const MOST_SYMBOLS: u32 = 1 << 16;

/// Bits of a context (T.88 6.2.5.3, template 0): of the row two above, of the row above and of the row itself. With the
/// nominal adaptive pixels they have no gaps. What the bits are called does not matter: contexts begin all alike.
const BITS: [u32; 3] = [5, 7, 4];
/// How far the first two reach to the right.
const RIGHT: [usize; 2] = [2, 3];
/// The nominal adaptive pixels.
const ADAPTIVE: [u8; 8] = [3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe];

/// What is counted for a symbol, in pixels: its rows are whole words, and it is kept in memory.
fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width).next_multiple_of(32) * u64::from(height) + 512
}

/// Widths and heights of the symbols that a dictionary exports (T.88 7.4.2, 6.5), where `input` are those of the
/// dictionaries it refers to.
pub(super) fn dictionary(
    body: &[u8],
    input: &[(u32, u32)],
    cost: &mut Cost,
) -> Result<Vec<(u32, u32)>, &'static str> {
    let flags = u32::from(*body.first().ok_or(DAMAGED)?) << 8 | u32::from(*body.get(1).ok_or(DAMAGED)?);
    // Huffman coding, refinement, contexts of another dictionary, other templates.
    if flags & 0x0d03 != 0 || body.get(2..10) != Some(&ADAPTIVE) {
        return Err(OTHER);
    }
    let (exported, new) = (be32(body, 10).ok_or(DAMAGED)?, be32(body, 14).ok_or(DAMAGED)?);
    if exported.max(new) > MOST_SYMBOLS {
        return Err(OTHER);
    }
    let mut decoder = Decoder::new(body.get(18..).ok_or(DAMAGED)?);
    let mut contexts = vec![Context::default(); 1 << BITS.iter().sum::<u32>()];
    let (mut heights, mut widths, mut runs) = (Integer::new(), Integer::new(), Integer::new());
    let mut symbols = input.to_vec();
    let total = input.len() + new as usize;
    let (mut height, mut classes) = (0u32, 0);
    while symbols.len() < total {
        classes += 1;
        // A class of no symbols is legal; more of them than symbols make no sense.
        if classes > 2 * new + 16 {
            return Err(DAMAGED);
        }
        let delta = heights.next(&mut decoder).ok().flatten().ok_or(DAMAGED)?;
        height = height.checked_add_signed(delta).ok_or(DAMAGED)?;
        let mut width = 0u32;
        while let Some(delta) = widths.next(&mut decoder).map_err(|()| DAMAGED)? {
            width = width.checked_add_signed(delta).ok_or(DAMAGED)?;
            if symbols.len() >= total {
                return Err(DAMAGED);
            }
            cost.spend(area((width, height)))?;
            skip_bitmap((width, height), &mut contexts, &mut decoder);
            symbols.push((width, height));
        }
    }
    let mut out = Vec::new();
    let (mut at, mut wanted, mut turns) = (0usize, false, 0);
    while at < symbols.len() {
        turns += 1;
        let run = runs.next(&mut decoder).ok().flatten().ok_or(DAMAGED)?;
        let end = usize::try_from(run).ok().and_then(|run| at.checked_add(run)).ok_or(DAMAGED)?;
        let run = symbols.get(at..end).ok_or(DAMAGED)?;
        if turns > 2 * symbols.len() + 2 {
            return Err(DAMAGED);
        }
        if wanted {
            // They are copied.
            run.iter().try_for_each(|&symbol| cost.spend(area(symbol)))?;
            out.extend_from_slice(run);
        }
        (at, wanted) = (end, !wanted);
    }
    if out.len() == exported as usize { Ok(out) } else { Err(DAMAGED) }
}

/// Decodes a bitmap (T.88 6.2.5.7) of which only the last two rows are kept.
fn skip_bitmap((width, height): (u32, u32), contexts: &mut [Context], decoder: &mut Decoder<'_>) {
    if width == 0 || height == 0 {
        return;
    }
    let width = width as usize;
    let [top_bits, above_bits, own_bits] = BITS;
    let [top_right, above_right] = RIGHT;
    let (mut top, mut above, mut own) = (vec![0u8; width], vec![0u8; width], vec![0u8; width]);
    let pixel = |row: &[u8], x: usize| row.get(x).map_or(0, |&pixel| usize::from(pixel));
    let start = |row: &[u8], right: usize| (0..right).fold(0, |bits, x| bits << 1 | pixel(row, x));
    let mask = |bits: u32| (1usize << bits) - 1;
    for _ in 0..height {
        let (mut high, mut middle, mut low) = (start(&top, top_right), start(&above, above_right), 0);
        for x in 0..width {
            high = (high << 1 | pixel(&top, x + top_right)) & mask(top_bits);
            middle = (middle << 1 | pixel(&above, x + above_right)) & mask(above_bits);
            let context = (high << above_bits | middle) << own_bits | low;
            let bit = contexts.get_mut(context).map_or(0, |context| decoder.bit(context));
            low = (low << 1 | bit as usize) & mask(own_bits);
            if let Some(place) = own.get_mut(x) {
                *place = bit as u8;
            }
        }
        std::mem::swap(&mut top, &mut above);
        std::mem::swap(&mut above, &mut own);
    }
}

/// Counts what the symbols cost that a text region shows (T.88 7.4.3, 6.4); `body` begins behind the place and size of
/// the region.
pub(super) fn text(body: &[u8], symbols: &[(u32, u32)], cost: &mut Cost) -> Result<(), &'static str> {
    let flags = u32::from(*body.first().ok_or(DAMAGED)?) << 8 | u32::from(*body.get(1).ok_or(DAMAGED)?);
    // Huffman coding, refinement.
    if flags & 3 != 0 {
        return Err(OTHER);
    }
    let instances = be32(body, 2).ok_or(DAMAGED)?;
    let data = body.get(6..).ok_or(DAMAGED)?;
    // An instance takes a few bits at least.
    if u64::from(instances) > data.len() as u64 * 32 || symbols.len() > MOST_SYMBOLS as usize {
        return Err(DAMAGED);
    }
    let strips = 1i32 << (flags >> 2 & 3);
    let bits = usize::BITS - symbols.len().saturating_sub(1).leading_zeros();
    let mut decoder = Decoder::new(data);
    let mut names = Identifier::new(bits);
    let [mut strip, mut first, mut next, mut line] = [(); 4].map(|()| Integer::new());
    let number = |integer: &mut Integer, decoder: &mut Decoder<'_>| {
        integer.next(decoder).ok().flatten().ok_or(DAMAGED)
    };
    number(&mut strip, &mut decoder)?;
    let mut left = instances;
    while left > 0 {
        number(&mut strip, &mut decoder)?;
        number(&mut first, &mut decoder)?;
        loop {
            if strips > 1 {
                number(&mut line, &mut decoder)?;
            }
            let symbol = symbols.get(names.next(&mut decoder)).copied().unwrap_or_default();
            cost.spend(area(symbol))?;
            left -= 1;
            if left == 0 || next.next(&mut decoder).map_err(|()| DAMAGED)?.is_none() {
                break;
            }
        }
    }
    Ok(())
}
