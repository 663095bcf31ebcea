//! Scaling with area averaging: a new pixel is the mean of the area it covers in the old picture.

/// Along one axis: for each of the new positions, the old ones it covers and how much of each.
pub(super) struct Areas(Vec<Span>);

/// Old positions `first..=last`, those between the ends whole, and one part in all of them.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: usize,
    last: usize,
    first_share: f32,
    last_share: f32,
    one: f32,
}

impl Areas {
    pub fn new(old: usize, new: usize) -> Self {
        let step = old as f64 / new.max(1) as f64;
        let span = |at: usize| {
            let (from, to) = (at as f64 * step, ((at + 1) as f64 * step).min(old as f64));
            let first = (from as usize).min(old.saturating_sub(1));
            let last = (to.ceil() as usize).saturating_sub(1).clamp(first, old.saturating_sub(1).max(first));
            let share = |at: usize| (to.min(at as f64 + 1.0) - from.max(at as f64)).max(0.0) as f32;
            let total = ((to - from) as f32).max(f32::MIN_POSITIVE);
            Span { first, last, first_share: share(first), last_share: share(last), one: 1.0 / total }
        };
        Areas((0..new).map(span).collect())
    }

    /// The mean of each area of `line`.
    fn reduce(&self, line: &[u8], means: &mut [f32]) {
        for (mean, span) in means.iter_mut().zip(&self.0) {
            let Some(old) = line.get(span.first..=span.last) else { continue };
            *mean = span.one
                * match old {
                    [] => 0.0,
                    [only] => f32::from(*only) / span.one,
                    [first, middle @ .., last] => {
                        let whole: u32 = middle.iter().map(|&shade| u32::from(shade)).sum();
                        whole as f32
                            + f32::from(*first) * span.first_share
                            + f32::from(*last) * span.last_share
                    }
                };
        }
    }
}

/// Scales a picture of `size` (columns, rows) whose rows are given by `line` to `wanted`, and hands over each
/// new row. A step of work is one old row or one new one.
pub(super) fn scale<L: AsRef<[u8]>>(
    size: (usize, usize),
    line: impl Fn(usize) -> L,
    wanted: (usize, usize),
    mut out: impl FnMut(usize, &[u8]),
) {
    let (across, down) = (Areas::new(size.0, wanted.0), Areas::new(size.1, wanted.1));
    let (mut sums, mut means) = (vec![0f32; wanted.0], vec![0f32; wanted.0]);
    let mut reduced = None;
    let mut row = vec![0u8; wanted.0];
    for (y, span) in down.0.iter().enumerate() {
        sums.fill(0.0);
        for at in span.first..=span.last {
            // Rows at an edge belong to two new ones; where a picture grows, to many.
            if reduced != Some(at) {
                across.reduce(line(at).as_ref(), &mut means);
                reduced = Some(at);
            }
            let share = match at {
                _ if span.first == span.last => 1.0,
                at if at == span.first => span.first_share * span.one,
                at if at == span.last => span.last_share * span.one,
                _ => span.one,
            };
            sums.iter_mut().zip(&means).for_each(|(sum, mean)| *sum += mean * share);
        }
        row.iter_mut().zip(&sums).for_each(|(to, sum)| *to = (sum + 0.5) as u8);
        out(y, &row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(size: (usize, usize), picture: &[u8], wanted: (usize, usize)) -> Vec<u8> {
        let mut all = Vec::new();
        let line = |y: usize| &picture[y * size.0..(y + 1) * size.0];
        scale(size, line, wanted, |_, row| all.extend_from_slice(row));
        all
    }

    #[test]
    fn areas_share_every_position_once() {
        for (old, new) in [(1000, 1632), (3000, 1632), (7, 3), (1, 5), (5, 5)] {
            let areas = Areas::new(old, new).0;
            assert_eq!(areas.len(), new);
            let size = |s: &Span| match s.last - s.first {
                0 => s.first_share,
                between => s.first_share + s.last_share + (between - 1) as f32,
            };
            let total: f32 = areas.iter().map(size).sum();
            assert!((total - old as f32).abs() < 0.01 * old as f32, "{old} {new}: {total}");
        }
    }

    #[test]
    fn a_picture_of_its_own_size_stays_as_it_is_and_a_smaller_one_has_the_means() {
        let picture: Vec<u8> = (0..48).map(|n| n * 5).collect();
        assert_eq!(scaled((8, 6), &picture, (8, 6)), picture);
        assert_eq!(scaled((2, 2), &[0, 100, 200, 100], (1, 1)), [100]);
        assert_eq!(scaled((3, 1), &[0, 90, 240], (2, 1)), [30, 190]);
        assert_eq!(scaled((2, 1), &[10, 20], (4, 2)), [10, 10, 20, 20, 10, 10, 20, 20]);
    }
}
