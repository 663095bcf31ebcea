use super::*;

fn open(text: &str) -> Result<Text, MediaError> {
    let declared = "text/plain;charset=utf-8".parse().unwrap();
    Text::open(text.as_bytes(), &declared, Sheet::default(), &Limits::default())
}

fn lines(text: &str) -> Vec<String> {
    open(text).unwrap().pages.concat()
}

fn drawn(text: &str) -> Drawn {
    let limits = Limits::default();
    open(text).unwrap().page(0, &limits, &mut Budget::new(&limits)).unwrap()
}

fn black(drawn: &Drawn) -> u32 {
    drawn.bitmap.data().iter().map(|octet| octet.count_ones()).sum()
}

#[test]
fn the_grid_has_the_lines_and_columns_of_a_letter() {
    let grid = Grid::of(&Sheet::default());
    assert!((80..=90).contains(&grid.columns) && (50..=60).contains(&grid.lines), "{grid:?}");
    let coarse = Grid::of(&Sheet::of(&"image/tiff;resolution=204x98".parse().unwrap()).unwrap());
    assert_eq!(coarse.columns, grid.columns);
    assert!(coarse.lines.abs_diff(grid.lines) <= 1);
}

#[test]
fn lines_break_at_blanks_and_long_words_anywhere() {
    let columns = Grid::of(&Sheet::default()).columns;
    let word = "x".repeat(columns - 3);
    assert_eq!(lines(&format!("{word} yyyy zz")), [format!("{word} "), "yyyy zz".into()]);
    assert_eq!(lines(&"x".repeat(columns + 1)), ["x".repeat(columns), "x".into()]);
    assert_eq!(lines("a\tb\r\n\r\nc"), ["a       b", "", "c"]);
    assert_eq!(lines(&format!("{} b", "x".repeat(columns))), ["x".repeat(columns), "b".into()]);
    assert!(lines(&"wort ".repeat(5_000)).iter().all(|line| line.chars().count() <= columns));
}

#[test]
fn pages_follow_form_feeds_and_their_length_and_end_at_the_limit() {
    let grid = Grid::of(&Sheet::default());
    assert_eq!(open("").unwrap().pages(), 1);
    assert_eq!(open("a\u{c}b\u{c}").unwrap().pages(), 2);
    assert_eq!(open(&"a\n".repeat(grid.lines)).unwrap().pages(), 1);
    assert_eq!(open(&"a\n".repeat(grid.lines + 1)).unwrap().pages(), 2);
    assert_eq!(open(&"\u{c}".repeat(600)).err(), Some(MediaError::Limit(Exceeded::FaxPages)));
}

#[test]
fn letters_are_drawn_within_the_margins() {
    let page = drawn(&"Wg|_".repeat(21).chars().take(82).collect::<String>());
    let columns =
        |row: &[u8]| row.iter().enumerate().filter(|(_, o)| **o != 0).map(|(at, _)| at).collect::<Vec<_>>();
    let used: Vec<usize> = page.bitmap.iter().flat_map(columns).collect();
    let (first, last) = (used.iter().min().unwrap() * 8, used.iter().max().unwrap() * 8 + 8);
    assert!(first >= 100 && last <= 1728 - 100, "{first} {last}");
    let rows: Vec<usize> =
        page.bitmap.iter().enumerate().filter(|(_, r)| r.iter().any(|o| *o != 0)).map(|(y, _)| y).collect();
    assert!(rows[0] >= 117 && rows[rows.len() - 1] < 117 + 34, "{} {}", rows[0], rows[rows.len() - 1]);
    assert!(black(&drawn("MMMM")) > black(&drawn("....")) * 4);
    assert_eq!(black(&drawn(" \n \u{200b}")), 0);
}

#[test]
fn every_script_on_board_is_drawn_and_others_are_named() {
    for text in ["Zażółć gęślą jaźń", "Ξεσκεπάζω", "Съешь ещё", "┌─┐│█", "€ ½ ≤ → ✓", "e\u{301}"]
    {
        let page = drawn(text);
        assert!(page.losses.is_empty() && black(&page) > 100, "{text}: {:?}", page.losses);
    }
    let page = drawn("漢字 漢");
    assert_eq!(page.losses, ["3 characters without a glyph are shown as boxes: U+5B57, U+6F22"]);
    assert!(black(&page) > 200);
    assert_eq!(open("a\u{7}b\u{0}").unwrap().defects(), ["2 control characters are not shown"]);
}
