//! A hash that is the same in every run and every build: FNV-1a, 64 bits. It tells texts apart, nothing more.

pub(crate) fn fnv<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        // The length first, so that parts do not run into each other.
        let length = (part.len() as u64).to_le_bytes();
        for byte in length.iter().chain(part) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// What tells one text to one number from all others. The minutes that a code is still valid don't count: a code that was
/// sent again later says fewer.
pub(crate) fn digest(mobile: &str, text: &str) -> String {
    let (before, after) = around_minutes(text).unwrap_or((text, ""));
    let parts = [mobile, before, after];
    format!("{:016x}", fnv(parts.map(str::as_bytes)))
}

/// The text of a one-time code before and after its minutes.
fn around_minutes(text: &str) -> Option<(&str, &str)> {
    let (before, rest) = text.split_once(" It is valid for ")?;
    let (_minutes, after) = rest.split_once('.')?;
    Some((before, after))
}
