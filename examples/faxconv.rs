use vpim_milter::limits::*;
use vpim_milter::media;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let l = Limits { fax_rows: 70000, ..Limits::default() };
    let i = std::fs::read(&a[1]).unwrap();
    let o = media::fax::convert(
        &"image/tiff".parse().unwrap(),
        &a[2].parse().unwrap(),
        &i,
        &l,
        &mut Budget::new(&l),
    );
    match o {
        Ok(o) => {
            eprintln!("{:?}", o.report.losses);
            std::fs::write(&a[3], o.bytes).unwrap()
        }
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(1)
        }
    }
}
