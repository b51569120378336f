//! Spans of time, amounts and long names, in few letters.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A span in one unit: `12s`, `4m`, `3h`, `2d`.
pub(super) fn short(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds @ 7200..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// Bytes as PostgreSQL's `pg_size_pretty` has them: by 1024.
pub(super) fn bytes(count: u64) -> String {
    let mut unit = ("B", 1_u64);
    for larger in [("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40)] {
        if count >= larger.1 {
            unit = larger;
        }
    }
    let (name, size) = unit;
    let (whole, tenth) = (count / size, count % size * 10 / size);
    if size == 1 || whole >= 100 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
}

/// A count with its thousands apart: `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns. A name's end tells more than its middle: the middle goes.
pub(super) fn shorten(text: &str, room: usize, dots: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let Some(rest) = room.checked_sub(width(dots)) else { return dots.chars().take(room).collect() };
    let (head, tail) = (rest / 2, rest - rest / 2);
    let tail: String = prefix(text.chars().rev(), tail).chars().rev().collect();
    prefix(text.chars(), head) + dots + &tail
}

/// The text in at most so many columns; the end goes.
pub(super) fn cut_off(text: &str, room: usize, dots: &str) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    match room.checked_sub(width(dots)) {
        Some(rest) => prefix(text.chars(), rest) + dots,
        None => dots.chars().take(room).collect(),
    }
}

fn prefix(text: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    text.take_while(|letter| {
        used += letter.width().unwrap_or(0);
        used <= room
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_unit() {
        for (seconds, expected) in
            [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (200_000, "2d")]
        {
            assert_eq!(short(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn bytes_by_1024() {
        for (number, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 kB"),
            (1536 * 1024, "1.5 MB"),
            (250 << 20, "250 MB"),
            (u64::MAX, "16777215 TB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn names_lose_their_middle_and_sentences_their_end() {
        for (text, room, short, cut) in [
            ("pg1", 3, "pg1", "pg1"),
            ("pg-prod-eu-west-1a-07", 10, "pg-p…1a-07", "pg-prod-e…"),
            ("日本語データベース", 9, "日本…ース", "日本語デ…"),
            ("pg1", 1, "…", "…"),
            ("pg1", 0, "", ""),
        ] {
            assert_eq!(
                (shorten(text, room, "…").as_str(), cut_off(text, room, "…").as_str()),
                (short, cut),
                "{text} in {room}"
            );
        }
        assert_eq!(cut_off("pg-prod", 5, ".."), "pg-..");
    }
}
