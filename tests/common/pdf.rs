//! Small PDFs, written by hand.

/// Joins objects, numbered from 1 (the catalog), to a file.
pub fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.5\n".to_vec();
    let mut offsets = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n", index + 1).bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    offsets.iter().for_each(|offset| out.extend(format!("{offset:010} 00000 n \n").bytes()));
    let trailer = format!("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    out.extend(trailer.bytes());
    out
}

/// A stream object; `entries` go into its dictionary.
pub fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let mut out = format!("<<{entries}/Length {}>>\nstream\n", data.len()).into_bytes();
    out.extend(data);
    out.extend(b"\nendstream");
    out
}

/// One page: its entries (MediaBox, Rotate), resources, content, and more objects from number 5 on.
pub fn page(entries: &str, resources: &str, content: &str, more: Vec<Vec<u8>>) -> Vec<u8> {
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<<{resources}>>{entries}>>").into_bytes(),
        stream("", content.as_bytes()),
    ];
    objects.extend(more);
    file(&objects)
}

/// A page that is one image: `matrix` places it, `image` is its dictionary.
pub fn image_page(entries: &str, matrix: &str, image: &str, data: &[u8]) -> Vec<u8> {
    let content = format!("q {matrix} cm /I Do Q");
    let object = stream(&format!("/Type/XObject/Subtype/Image{image}"), data);
    page(entries, "/XObject<</I 5 0 R>>", &content, vec![object])
}

/// A file with a cross-reference stream. `objects` are numbered by their first part; those of `within` are in the
/// object stream named beside them, as its first object.
pub fn compressed_file(objects: &[(u32, Vec<u8>)], within: &[(u32, u32)]) -> Vec<u8> {
    let mut out = b"%PDF-1.5\n".to_vec();
    let numbers = objects.iter().map(|object| object.0).chain(within.iter().map(|object| object.0));
    let own = numbers.max().unwrap_or(0) + 1;
    let mut entries = vec![[0u8; 7]; own as usize + 1];
    let mut set = |number: u32, kind: u8, value: u32| {
        let [a, b, c, d] = value.to_be_bytes();
        entries[number as usize] = [kind, a, b, c, d, 0, 0];
    };
    for (number, object) in objects {
        set(*number, 1, out.len() as u32);
        out.extend(format!("{number} 0 obj\n").bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    within.iter().for_each(|&(number, stream)| set(number, 2, stream));
    let start = out.len();
    set(own, 1, start as u32);
    out.extend(format!("{own} 0 obj\n").bytes());
    out.extend(stream(&format!("/Type/XRef/Size {}/W[1 4 2]/Root 1 0 R", own + 1), &entries.concat()));
    out.extend(format!("\nendobj\nstartxref\n{start}\n%%EOF\n").bytes());
    out
}
