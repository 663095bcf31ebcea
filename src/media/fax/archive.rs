//! What makes our PDF one for archives (ISO 19005-1, PDF/A-1, level B) besides its pages: a file identifier, metadata
//! that say so, and an output intent, without which DeviceGray has no meaning there.
//!
//! All of it is the same for the same pages: no dates, nothing random.

use pdf_writer::types::OutputIntentSubtype;
use pdf_writer::{Finish, Pdf, Ref, TextStr};

/// Title of the document: the Info dictionary and the metadata have to agree (ISO 19005-1 6.7.3).
const TITLE: &str = "Fax";
const PRODUCER: &str = concat!("vpim-milter ", env!("CARGO_PKG_VERSION"));
/// Name of the output intent.
const CONDITION: &str = "Black and white fax page";

/// Octets of all that is written here, roughly.
pub(super) const OVERHEAD: usize = 2_500;

/// The objects of it.
pub(super) struct Objects {
    pub catalog: Ref,
    pub tree: Ref,
    pub information: Ref,
    pub metadata: Ref,
    pub profile: Ref,
}

/// Writes the catalog and what it refers to besides the page tree.
pub(super) fn write(pdf: &mut Pdf, objects: &Objects, identifier: &Identifier) {
    // PDF/A-1 is PDF 1.4, and we use nothing newer.
    pdf.set_version(1, 4);
    let id = identifier.octets();
    pdf.set_file_id((id.clone(), id));
    let mut catalog = pdf.catalog(objects.catalog);
    catalog.pages(objects.tree).metadata(objects.metadata);
    let mut intents = catalog.output_intents();
    intents
        .push()
        .subtype(OutputIntentSubtype::PDFA)
        .output_condition_identifier(TextStr("Custom"))
        .info(TextStr(CONDITION))
        .dest_output_profile(objects.profile);
    intents.finish();
    catalog.finish();
    pdf.document_info(objects.information).title(TextStr(TITLE)).producer(TextStr(PRODUCER));
    pdf.metadata(objects.metadata, metadata().as_bytes());
    let mut profile = pdf.icc_profile(objects.profile, &GREY_PROFILE);
    profile.n(1);
    profile.alternate().device_gray();
}

/// The metadata (XMP) of ISO 19005-1 6.7.11, and what the Info dictionary says.
fn metadata() -> String {
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
         <rdf:Description rdf:about=\"\" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\">\n\
         <pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>\n\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{TITLE}</rdf:li></rdf:Alt></dc:title>\n\
         <pdf:Producer>{PRODUCER}</pdf:Producer>\n\
         </rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>"
    )
}

/// A number of 128 bits that files of other pages do not have. It guards against nothing, so it may be quick: sums of
/// the words and of those sums (Fletcher's checksum) in lanes that do not wait for each other, which are mixed by
/// products at the end of each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identifier([u64; 2]);

/// Words summed side by side.
const LANES: usize = 16;

impl Identifier {
    pub fn new() -> Self {
        Identifier([0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f])
    }

    /// Mixes octets in.
    pub fn add(&mut self, octets: &[u8]) {
        let (mut sums, mut sums_of_sums) = ([0u64; LANES], [0u64; LANES]);
        let mut sum = |block: &[u8; LANES * 8]| {
            let (words, _) = block.as_chunks::<8>();
            for ((sum, all), word) in sums.iter_mut().zip(&mut sums_of_sums).zip(words) {
                *sum = sum.wrapping_add(u64::from_le_bytes(*word));
                *all = all.wrapping_add(*sum);
            }
        };
        let (blocks, rest) = octets.as_chunks();
        blocks.iter().for_each(&mut sum);
        let mut last = [0; LANES * 8];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        sum(&last);
        self.mix(octets.len() as u64, 0);
        sums.iter().zip(&sums_of_sums).for_each(|(&sum, &all)| self.mix(sum, all));
    }

    fn mix(&mut self, one: u64, two: u64) {
        let [a, b] = self.0;
        self.0 = [
            product(a ^ one, 0xe703_7ed1_a0b4_28db ^ two) ^ b.rotate_left(29),
            product(b ^ two.rotate_left(32), 0x8ebc_6af0_9c88_c6e3 ^ one) ^ a.rotate_left(17),
        ];
    }

    fn octets(self) -> Vec<u8> {
        self.0.iter().flat_map(|half| half.to_be_bytes()).collect()
    }
}

/// Both halves of a product, one over the other.
#[inline]
fn product(one: u64, two: u64) -> u64 {
    let whole = u128::from(one) * u128::from(two);
    whole as u64 ^ (whole >> 64) as u64
}

/// Octets of [`GREY_PROFILE`].
const PROFILE_SIZE: usize = 344;

/// A grey display profile (ICC.1:1998-09): white is that of the illuminant D50, the curve a power of 2.2. A page has
/// black and white only, which every curve leaves where they are.
static GREY_PROFILE: [u8; PROFILE_SIZE] = grey_profile();

const fn grey_profile() -> [u8; PROFILE_SIZE] {
    const D50: [u32; 3] = [0xf6d6, 0x1_0000, 0xd32d];
    const NAME: &[u8; 25] = b"Black and white fax page\0";
    let mut profile = Profile { octets: [0; PROFILE_SIZE], at: 0 };
    profile = profile.long(PROFILE_SIZE as u32).long(0).long(0x0210_0000).put(b"mntrGRAYXYZ ");
    // A date has to be there: when this profile was written.
    profile = profile.long(2026 << 16 | 11).long(22 << 16).long(0).put(b"acsp");
    profile.at = 68;
    profile = profile.long(D50[0]).long(D50[1]).long(D50[2]);
    profile.at = 128;
    // Four tags: name, offset, size.
    let desc = 128 + 4 + 4 * 12;
    let desc_size = 12 + NAME.len() as u32 + 8 + 3 + 67;
    let copyright = (desc + desc_size).next_multiple_of(4);
    let white = copyright + 12;
    let curve = white + 20;
    profile = profile.long(4);
    profile = profile.put(b"desc").long(desc).long(desc_size);
    profile = profile.put(b"cprt").long(copyright).long(12);
    profile = profile.put(b"wtpt").long(white).long(20);
    profile = profile.put(b"kTRC").long(curve).long(14);
    profile = profile.put(b"desc").long(0).long(NAME.len() as u32).put(NAME);
    profile.at = copyright as usize;
    profile = profile.put(b"text").long(0).put(b"CC0\0");
    profile = profile.put(b"XYZ ").long(0).long(D50[0]).long(D50[1]).long(D50[2]);
    // One entry in 8.8 bits: 2.2.
    profile = profile.put(b"curv").long(0).long(1).put(&[0x02, 0x33]);
    profile.octets
}

/// A profile being written.
struct Profile {
    octets: [u8; PROFILE_SIZE],
    at: usize,
}

impl Profile {
    const fn put<const N: usize>(mut self, octets: &[u8; N]) -> Self {
        let mut index = 0;
        while index < N {
            self.octets[self.at] = octets[index];
            self.at += 1;
            index += 1;
        }
        self
    }

    const fn long(self, value: u32) -> Self {
        self.put(&value.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_pages_give_another_identifier_and_the_same_the_same() {
        let of = |parts: &[&[u8]]| {
            let mut identifier = Identifier::new();
            parts.iter().for_each(|part| identifier.add(part));
            identifier.octets()
        };
        assert_eq!(of(&[b"0123456789"]), of(&[b"0123456789"]));
        let all = [
            of(&[]),
            of(&[b""]),
            of(&[b"", b""]),
            of(&[b"\0"]),
            of(&[b"0123456789"]),
            of(&[b"0123456788"]),
            of(&[b"01234567", b"89"]),
            of(&[b"0", b"123456789"]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 16);
            assert!(!all[..at].contains(one), "{at}");
        }
    }

    #[test]
    fn the_tags_of_the_profile_lie_in_it_one_behind_the_other() {
        let long = |at: usize| u32::from_be_bytes(GREY_PROFILE[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((long(0), long(128)), (PROFILE_SIZE, 4));
        let mut end = 128 + 4 + 4 * 12;
        for (entry, kind) in (132..).step_by(12).zip([b"desc", b"text", b"XYZ ", b"curv"]) {
            let (offset, size) = (long(entry + 4), long(entry + 8));
            assert!(offset >= end && offset < end + 4 && offset % 4 == 0, "{offset}");
            assert_eq!(&GREY_PROFILE[offset..offset + 4], kind);
            end = offset + size;
        }
        assert!(end <= PROFILE_SIZE && PROFILE_SIZE - end < 4, "{end}");
    }
}
