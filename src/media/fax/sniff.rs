//! What the bytes are by their beginning.

use mime::Mime;

/// The container the bytes begin like, whatever their label says.
pub(super) fn container(input: &[u8]) -> Option<&'static str> {
    const STARTS: [(&[u8], &str); 12] = [
        (b"II*\0", "tiff"),
        (b"MM\0*", "tiff"),
        (b"II+\0", "bigtiff"),
        (b"MM\0+", "bigtiff"),
        (b"%PDF-", "pdf"),
        (b"\xff\xd8\xff", "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"BM", "bmp"),
        (b"P4", "pbm"),
        (b"\x00\x00\x00\x0cjP  ", "jp2"),
    ];
    STARTS.iter().find(|(start, _)| input.starts_with(start)).map(|&(_, name)| name)
}

/// What a body is: its container, or `text` where its sender calls it plain text and it does not begin like
/// something that no text begins like.
pub(super) fn body(declared: &Mime, input: &[u8]) -> Option<&'static str> {
    let found = container(input);
    // These marks are letters: BMW is no picture.
    let weak = matches!(found, None | Some("bmp" | "pbm"));
    if declared.essence_str() == "text/plain" && weak { Some("text") } else { found }
}

/// Pages of a PDF as far as they can be counted without reading it: page objects that stand outside of
/// compressed object streams. `None` where there are none of them.
pub(super) fn pdf_pages(input: &[u8]) -> Option<u32> {
    const TYPE: &[u8] = b"/Type";
    const PAGE: &[u8] = b"/Page";
    let mut pages = 0u32;
    let mut rest = input;
    while let Some(at) = rest.windows(TYPE.len()).position(|window| window == TYPE) {
        rest = rest.get(at + TYPE.len()..).unwrap_or_default();
        let value = rest.trim_ascii_start();
        let name_ends = |name: &[u8]| !name.first().is_some_and(u8::is_ascii_alphanumeric);
        if value.strip_prefix(PAGE).is_some_and(name_ends) {
            pages = pages.saturating_add(1);
        }
    }
    (pages > 0).then_some(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_objects_are_counted_and_the_page_tree_is_not() {
        let pdf = b"%PDF-1.4\n<</Type /Pages/Count 2>> <</Type/Page>> <</Type\n/Page /Parent 1 0 R>>";
        assert_eq!(pdf_pages(pdf), Some(2));
        assert_eq!(pdf_pages(b"%PDF-1.7 /Type /ObjStm"), None);
    }

    #[test]
    fn bytes_are_named_by_their_beginning() {
        assert_eq!(container(b"\xff\xd8\xff\xe0"), Some("jpeg"));
        assert_eq!(container(b"MM\0*"), Some("tiff"));
        assert_eq!(container(b""), None);
        let text = |input: &[u8]| body(&mime::TEXT_PLAIN, input);
        assert_eq!((text(b"BMW"), text(b""), text(b"%PDF-1.4")), (Some("text"), Some("text"), Some("pdf")));
        assert_eq!(body(&mime::IMAGE_BMP, b"BMW"), Some("bmp"));
    }
}
